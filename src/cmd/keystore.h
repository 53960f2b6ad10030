/* The private keys of a node: kept sealed in a folder, used here, never given out.
 *
 *   <log>.event   signs the events of the log
 *   <log>.next    its successor; the log has committed to the hash of its public half. May be taken off the node.
 *   <log>.after   while a rotation is under way: what comes after the next key
 *   <log>.note    signs the checkpoints of the log
 *   <log>.signed  size and root of the newest checkpoint signed
 *   mask.root     what the keys of masks are derived from
 * <log> is a log id of 64 hex digits, or "journal". Each file is sealed under the root key with its name and purpose bound in
 * (crypt/seal.h), so one cannot be put in another's place. Keys are unsealed when first needed and kept in locked memory.
 *
 * Single-threaded. Errors: NOT_FOUND for a log without keys here, CORRUPT for a file that does not open. */
#ifndef HEDDLE_CMD_KEYSTORE_H
#define HEDDLE_CMD_KEYSTORE_H

#include "base/arena.h"
#include "base/buf.h"
#include "crypt/sign.h"

struct keystore;

struct new_keys {
	uint8_t event_pub[SIGN_PUB_BYTES], note_pub[SIGN_PUB_BYTES];
	uint8_t next_digest[CRYPT_HASH_BYTES]; /* SHA-256 of the public half of the next event key */
};

/* dirfd is borrowed for the lifetime. The first time (make), the keys of the journal and the mask root are made, durably. CORRUPT when the
 * folder's keys are not sealed under this root key, or are gone and shall not be made. */
NODISCARD Err keystore_open(struct ctx *c, int dirfd, const struct secret32 *root, bool make, struct keystore **ret);
void keystore_close(struct keystore *k); /* NULL is fine; wipes */

/* Make keys under a name of the caller's choice, [a-z0-9]{1,64}. They live in memory until named; the 16 newest do. note_only: the owner of
 * the log keeps the others, and only the key of its checkpoints is kept here. */
NODISCARD Err keystore_create(struct ctx *c, struct keystore *k, Str name, bool note_only, struct new_keys *ret);
/* Give them the id of their log: durable on return. Again for the same pair: OK. CONFLICT when the log has other keys. */
NODISCARD Err keystore_name(struct ctx *c, struct keystore *k, Str name, Str log);

/* Sign DSSE's PAE of an event payload (DSSE_EVENT_TYPE). `log` may be a name not yet replaced. 30 µs. */
NODISCARD Err keystore_sign_event(struct ctx *c, struct keystore *k, Str log, Str payload, uint8_t ret[static SIGN_BYTES]);
/* Append the signature line of a checkpoint of that log. DENIED when the text is no checkpoint of that log, is smaller than one signed
 * before, or of the same size with another root. What was signed is durable before this returns: one fsync or two. */
NODISCARD Err keystore_sign_note(struct ctx *c, struct keystore *k, Str log, Str note, struct buf *out);
/* Rotation. The successor: what the next key's public half is, and the digest of one made to follow it; the same until promoted. */
struct successor { uint8_t event_pub[SIGN_PUB_BYTES], next_digest[CRYPT_HASH_BYTES]; };
NODISCARD Err keystore_successor(struct ctx *c, struct keystore *k, Str log, struct successor *ret);
/* By the event key, under the text of a rotation of that log (docs/events.md). */
NODISCARD Err keystore_endorse(struct ctx *c, struct keystore *k, Str log, Str text, uint8_t ret[static SIGN_BYTES]);
/* By the next key, under a key.rotate that reveals it and commits to the successor. */
NODISCARD Err keystore_sign_rotation(struct ctx *c, struct keystore *k, Str log, Str payload, uint8_t ret[static SIGN_BYTES]);
/* The rotation is in the log for good: the next key becomes the event key. Durable; again after a death in between finishes it. */
NODISCARD Err keystore_promote(struct ctx *c, struct keystore *k, Str log);
NODISCARD Err keystore_event_pub(struct ctx *c, struct keystore *k, Str log, uint8_t ret[static SIGN_PUB_BYTES]);
NODISCARD Err keystore_note_pub(struct ctx *c, struct keystore *k, Str log, uint8_t ret[static SIGN_PUB_BYTES]);
/* The key of keyed-hash masks for one consumer domain and purpose. */
NODISCARD Err keystore_mask_key(struct ctx *c, struct keystore *k, Str consumer, Str purpose, struct secret32 *ret);

#endif
