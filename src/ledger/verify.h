/* Offline proof of a copy of the logs: no node, no keys, nothing trusted but the files and what the logs themselves say. */
#ifndef HEDDLE_LEDGER_VERIFY_H
#define HEDDLE_LEDGER_VERIFY_H

#include "ledger/ledger.h"

/* What a log says of one entry beyond the tree: given in by mesh (DSSE signature, origin, seq, prev, key in force). Returns
 * CORRUPT/INVALID with the reason. */
typedef Err (*verify_entry_fn)(struct ctx *c, void *arg, Str log_id, uint64_t index, Str entry, const Hash *prev_leaf);

struct verify_report {
	Str log_id;
	uint64_t entries, signatures; /* checked */
	Hash root;
	Str key;         /* the verifier key that the checkpoint is signed with; whoever knows it from elsewhere compares. "" when unsigned */
	bool ok;
	Str problem;     /* first problem, naming file and entry; "" when ok */
	uint64_t bad_entry; /* UINT64_MAX when the problem is not one entry */
};

/* Check every log below dirfd/logs: each entry's hash into the tree, every hash tile against it, the checkpoint's root and
 * signature, and entries by `check`; the entries in a `wal` beside it (if there) behind them. Reports are in the arena of c, one
 * per log, sorted by id; the Err is only about not being able to look at all. check and progress may be NULL; check gets a context
 * whose arena is emptied after each entry. The copy must be of one moment: taken while nothing is written, or of a stopped node. */
NODISCARD Err ledger_verify_dir(struct ctx *c, int dirfd, verify_entry_fn check, void *arg,
                                void (*progress)(void *arg, uint64_t entries), void *progress_arg,
                                struct verify_report **ret, size_t *ret_n);

#endif
