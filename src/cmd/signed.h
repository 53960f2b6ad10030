/* What a key signed last, kept beside its file as FILE.signed: the reason why a client never signs two histories, whatever a node shows it.
 *
 * It is on the disk before the signature leaves (signed_keep), and holds the whole entry, so that one whose acknowledgement was lost can be handed in
 * again instead of being signed anew. A key is for one log. */
#ifndef HEDDLE_CMD_SIGNED_H
#define HEDDLE_CMD_SIGNED_H

#include "base/arena.h"
#include "crypt/sign.h"
#include "mesh/event.h"

struct signed_last {
	bool any;
	Str log_id;
	uint64_t seq;
	Hash leaf;      /* of the entry: what the next one names as `prev` */
	Str payload;
	uint8_t signature[SIGN_BYTES];
};

/* Nothing signed yet: any is false. CORRUPT when the file is damaged: it is not started anew, because it may have held something. */
NODISCARD Err signed_read(struct ctx *c, const char *key_path, struct signed_last *ret);
/* May this payload be signed after what was? CONFLICT: the place is taken by another, the log has gone back, or goes on from something that this
 * key did not sign; `taken_over`: entries after the last one were signed by somebody else who holds the key, and that is known. */
NODISCARD Err signed_may_follow(struct ctx *c, const struct signed_last *last, Str log_id, const struct event *e, Str payload, bool taken_over);
/* Durable on return. */
NODISCARD Err signed_keep(struct ctx *c, const char *key_path, Str log_id, const struct event *e, Str payload,
                          const uint8_t signature[static SIGN_BYTES]);

#endif
