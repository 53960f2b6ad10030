/* The keys of a log: who keeps them, the one in force, the ones before it, the digest of the one to come, and what was said with a stolen one.
 * Private to mesh/.
 *
 * Rotation reveals the key whose digest the log committed to before, and commits to another; the new key signs the envelope, the old one or two
 * of the three recovery keys endorse it. `compromised_since` voids what opens between there and the rotation, until it is confirmed.
 * Nothing is kept with the things that were voided: whether one is, is asked by its place in the log (keys_voids). */
#ifndef HEDDLE_MESH_KEYS_H
#define HEDDLE_MESH_KEYS_H

#include "base/buf.h"
#include "crypt/sign.h"
#include "mesh/mesh.h"
#include "mesh/payload.h"

struct log;

enum { KEY_SPANS_MAX = 256, VOIDS_MAX = 256, CONFIRMED_MAX = 4096, CONFIRM_MAX = 1000, RESOLVES_MAX = 256 };

/* A key in force from this entry on: the inception, or the rotation that revealed it. */
struct key_span {
	uint64_t from;
	Time since;
	uint8_t pub[SIGN_PUB_BYTES];
	uint8_t next[CRYPT_HASH_BYTES]; /* the digest of its successor */
};
struct key_void { uint64_t from, to; };      /* to exclusive: the rotation */
struct key_confirm { uint64_t seq, at; };    /* what, and the entry that says so */
struct key_resolve { uint64_t from, at; };   /* forks from there on are settled by the entry `at` */

struct log_keys {
	bool owner_keeps, recoverable;
	uint8_t recovery[RECOVERY_KEYS][SIGN_PUB_BYTES];
	const struct key_span *spans;       /* oldest first; none in a record of before keys were rotated */
	const struct key_void *voids;
	const struct key_confirm *confirms; /* by rising seq */
	const struct key_resolve *resolves;
	size_t span_count, void_count, confirm_count, resolve_count;
};

/* --- what a report of a fork says (fork.h) --- */

enum { BRANCH_MAX = 64 };
struct branch { const Str *entries; /* base64 of envelopes */ size_t count; };
struct fork_body { Str id, log_id; struct branch a, b; uint64_t at; /* where they begin: set by fork_check() */ };

/* --- what an inception, and a record of the domain, says of them beyond the key in force --- */

/* Optional `custody` ("node", "owner") and `recovery` (three different keys). */
void keys_read(struct fields *f, struct log_keys *ret);
void keys_body(const struct log_keys *k, struct buf *out);  /* the same two, as members behind others; nothing when both are as usual */
void keys_write(const struct log_keys *k, struct buf *out); /* all of it, as members behind others of a record */
void keys_load(struct fields *f, struct log_keys *ret);     /* arrays in the arena of f->c */
/* A text of 2 × bytes hex digits. */
bool keys_hex(const struct doc_node *n, uint8_t *ret, size_t bytes);
/* The same with its arrays in `a`. */
struct log_keys keys_keep(struct arena *a, const struct log_keys *k);

/* --- asking --- */

/* The key that signs the entry at seq, as far as the log is known. */
struct key_span keys_at(const struct log *log, uint64_t seq);
/* Has it committed to a next key? */
bool keys_committed(const struct log *log);
/* What opens and was said at this place does not count: said with a key that was stolen by then, and not confirmed since; or on one of the
 * branches of a fork that is not resolved. */
bool keys_voids(const struct log *log, uint64_t seq);
/* The first alone. */
bool keys_stolen(const struct log_keys *k, uint64_t seq);

/* --- rotation and endorsement --- */

void rotation_read(struct fields *f, struct rotation *ret);
size_t endorsements_read(struct fields *f, struct endorsement ret[static ENDORSEMENTS_MAX]);
/* May it follow `now`? DENIED: not the key that was committed to; INVALID: not endorsed. recovery NULL: the log has none. */
NODISCARD Err rotation_check(struct ctx *c, const struct rotation *r, const struct key_span *now, const struct log_keys *keys, Str log_id, uint64_t seq,
                             const Hash *prev);

/* --- what the events make of a log's record --- */

/* The first key, once the rest of the inception was read. */
NODISCARD Err keys_inception(struct ctx *c, const struct payload *p, struct log *ret);
NODISCARD Err keys_rotate(struct ctx *c, const struct log *log, const struct payload *p, struct log *ret);
NODISCARD Err keys_confirm(struct ctx *c, const struct log *log, const struct payload *p, struct log *ret);
NODISCARD Err keys_resolve(struct ctx *c, const struct log *log, const struct payload *p, struct log *ret);

#endif
