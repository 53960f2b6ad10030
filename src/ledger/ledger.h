/* Signed append-only logs: one per domain, and the node's journal, all of one format (C2SP tlog-tiles, RFC 6962 hashing).
 *
 * On disk, under the ledger's folder:
 *   wal                          every entry not yet in tiles; one file for all logs of the node; group commit, one fdatasync
 *   logs/<log id>/checkpoint     signed note "<origin>\n<size>\n<root base64>\n" (C2SP tlog-checkpoint)
 *   logs/<log id>/tile/<L>/<N>[.p/<W>]     hash tiles, height 8; tile/entries/<N>[.p/<W>]: bundles of 256 entries, u16-prefixed
 *   logs/<log id>/keys           the log's verifier key, one line, signed-note format
 *   refused/                     what ledger_drop_tail() took out
 *   lock                         empty
 * An entry is at most 65,535 bytes. Log ids are 64 hex digits, or "journal".
 *
 * Durability: ledger_commit() returns OK only after fdatasync; if it fails the ledger is dead (every later call answers
 * READ_ONLY) and the process must end: never retried, because the kernel may have dropped the dirty pages. At open the log is
 * rebuilt from tiles and wal, what could have been torn at the very end of the wal (never acknowledged) is cut, everything else
 * that does not check stops that log: ledger_state() tells the entry, and appends to it answer CORRUPT.
 *
 * One process owns a ledger (flock on `lock`); a second gets CONFLICT. No threads inside; the caller serialises. */
#ifndef HEDDLE_LEDGER_LEDGER_H
#define HEDDLE_LEDGER_LEDGER_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum { LEDGER_ENTRY_MAX = 65535, LEDGER_ID_MAX = 64, HASH_BYTES = 32 };

typedef struct { uint8_t b[HASH_BYTES]; } Hash;

struct ledger; /* opaque */

/* Where a log stands: how many entries, and the RFC 6962 root over them. */
struct ledger_head { uint64_t size; Hash root; };

/* Open or create. dirfd is borrowed for the lifetime. Reads of each log the checkpoint and the right edge (partial tiles and
 * bundle), and the wal; older entries are checked when they are read, and all by ledger_verify_dir(). */
NODISCARD Err ledger_open(struct ctx *c, int dirfd, struct ledger **ret);
void ledger_close(struct ledger *l); /* NULL is fine; commits nothing */

/* Make a log known. Existing: OK, nothing happens. */
NODISCARD Err ledger_create(struct ctx *c, struct ledger *l, Str log_id);
NODISCARD Err ledger_head(struct ctx *c, const struct ledger *l, Str log_id, struct ledger_head *ret); /* with what is appended but not committed */
/* Leaf hash of the newest entry; all zero for an empty log. */
NODISCARD Err ledger_prev(struct ctx *c, const struct ledger *l, Str log_id, Hash *ret);

/* May entries be appended? CORRUPT or READ_ONLY tells why not. */
NODISCARD Err ledger_writable(struct ctx *c, const struct ledger *l, Str log_id);
/* Put an entry behind the others in memory; it counts only after ledger_commit(). *ret_index is its place. */
NODISCARD Err ledger_append(struct ctx *c, struct ledger *l, Str log_id, Str entry, uint64_t *ret_index);
/* Write all that was appended since the last commit with one write and one fdatasync. */
NODISCARD Err ledger_commit(struct ctx *c, struct ledger *l);
/* Give up what was appended since the last commit. A commit that failed has done so already; after FULL (and only then) the
 * ledger goes on, and committing may be tried again when there is room. */
void ledger_rollback(struct ledger *l);

/* The log's verifier key (codec/note.h: "heddle/<log id>+id+key", no newline), kept in the file `keys`. A checkpoint is then
 * checked with it before it is written, at open, and by ledger_verify_dir(). Setting the same again costs nothing. Do it before
 * the first publish. */
NODISCARD Err ledger_set_key(struct ctx *c, struct ledger *l, Str log_id, Str key_line);

/* Signs the body of a checkpoint: text → complete signature line(s) "— name base64\n" appended to out. Called by
 * ledger_publish() only, after the tree it covers is durable and recorded as signed state. */
typedef Err (*ledger_sign_fn)(struct ctx *c, void *arg, Str log_id, Str note_text, struct buf *out);

/* Move committed entries from the wal into tiles, sign and write checkpoints of the logs that changed, shorten the wal. Idempotent;
 * safe to die in at any point. Call when idle, when ledger_wal_bytes() has grown large, before a copy is taken, and at the end.
 * Damaged logs, also those found to be so on the way, are left out (ledger_states() tells) and the others published: that is no
 * error. FULL: nothing is lost, try again when there is room. What `sign` answers is passed on, and everything is as before for the
 * logs that were not signed yet. Cost: about six syncs for each log that changed. */
NODISCARD Err ledger_publish(struct ctx *c, struct ledger *l, ledger_sign_fn sign, void *arg);
/* Bytes in the wal: it is held in memory as well, and read at open. Publish at some megabytes. */
uint64_t ledger_wal_bytes(const struct ledger *l);
/* What was cut from the end of the wal at open (never acknowledged); "" for nothing. */
const char *ledger_cut(const struct ledger *l);

/* Take entries [from, end) out of a log that must not stand there (their signature is wrong), into a file
 * refused/<log id>.<from>.<sum of the file>, one JSON line for each: {"log","index","leaf","reason","entry"}. Only entries that no signed state covers: CONFLICT otherwise,
 * and when there is anything uncommitted. The log then goes on from `from`. */
NODISCARD Err ledger_drop_tail(struct ctx *c, struct ledger *l, Str log_id, uint64_t from, Str reason);

/* Take no more entries into this log, whatever its files say: its owner knows that it is not whole. Until the ledger is closed. */
NODISCARD Err ledger_stop(struct ctx *c, struct ledger *l, Str log_id, Str why);

struct ledger_refused { Str log_id, reason, entry; uint64_t index; Hash leaf; };
/* All that was ever dropped, in the arena of c, sorted by log and index. CORRUPT names a file that cannot be right. */
NODISCARD Err ledger_refused(struct ctx *c, const struct ledger *l, struct ledger_refused **ret, size_t *ret_n);

/* The origin line of a log: "heddle/<log id>". */
void ledger_origin(Str log_id, struct buf *out);

/* Read entries [from, from+count) of a log through a callback, in order, committed ones only. The entry borrows and the callback may
 * not call the ledger. Each entry is checked against the root of the checkpoint: CORRUPT names the first that does not fit,
 * and the log is damaged from then on. The arena of c is not reset in between. */
typedef Err (*ledger_entry_fn)(struct ctx *c, void *arg, uint64_t index, Str entry);
NODISCARD Err ledger_read(struct ctx *c, struct ledger *l, Str log_id, uint64_t from, uint64_t count, ledger_entry_fn fn, void *arg);
NODISCARD Err ledger_entry(struct ctx *c, struct ledger *l, Str log_id, uint64_t index, Str *ret); /* in the arena of c */

/* RFC 6962 2.1.1 / 2.1.2; hashes in the arena of c. */
NODISCARD Err ledger_prove_inclusion(struct ctx *c, struct ledger *l, Str log_id, uint64_t index, uint64_t size, Hash **ret, size_t *ret_n);
NODISCARD Err ledger_prove_consistency(struct ctx *c, struct ledger *l, Str log_id, uint64_t from, uint64_t to, Hash **ret, size_t *ret_n);

struct ledger_state {
	Str log_id;                /* borrows */
	uint64_t size, published;  /* committed entries; of them in tiles under a checkpoint */
	bool damaged;              /* then `damage` says which file and entry, and appends are refused */
	const char *damage;
};
size_t ledger_states(struct ledger *l, struct arena *a, struct ledger_state **ret);

/* A file of the tlog-tiles layout by its path relative to the log ("checkpoint", "keys", "tile/0/000.p/5"), for serving; NOT_FOUND for
 * anything that is not a well-formed tile path. At most 16.8 MB; in the arena of c. */
NODISCARD Err ledger_file(struct ctx *c, struct ledger *l, Str log_id, Str path, Str *ret);

#endif
