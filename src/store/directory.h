/* The directory: people's names, tokens and free text, kept apart from the logs so that they can be erased. The logs know
 * people only by random ids. SQLite, synchronous=FULL: this is not derived data. */
#ifndef HEDDLE_STORE_DIRECTORY_H
#define HEDDLE_STORE_DIRECTORY_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

struct directory;

NODISCARD Err directory_open(struct ctx *c, const char *path, struct directory **ret);
void directory_close(struct directory *d);

/* name: identifier, unique on the node. person_id: 32 hex digits. CONFLICT when the name is taken. */
NODISCARD Err directory_person_add(struct ctx *c, struct directory *d, Str person_id, Str name);
NODISCARD Err directory_person_by_name(struct ctx *c, struct directory *d, Str name, Str *ret_id); /* NOT_FOUND */
NODISCARD Err directory_person_name(struct ctx *c, struct directory *d, Str person_id, Str *ret_name); /* NOT_FOUND when erased */
/* Only SHA-256 of the token is kept. */
NODISCARD Err directory_token_add(struct ctx *c, struct directory *d, const uint8_t token_hash[32], Str person_id);
NODISCARD Err directory_token_find(struct ctx *c, struct directory *d, const uint8_t token_hash[32], Str *ret_person_id); /* UNAUTHENTICATED */
/* Of this person's tokens only that one stays. */
NODISCARD Err directory_tokens_end(struct ctx *c, struct directory *d, Str person_id, const uint8_t but_hash[32]);
/* Was a token ever given to this person (and not erased)? */
NODISCARD Err directory_has_token(struct ctx *c, struct directory *d, Str person_id, bool *ret);
/* Free text (reasons, comments): the log keeps HMAC-SHA256(salt, text); text and salt stand here and can be erased. */
NODISCARD Err directory_text_put(struct ctx *c, struct directory *d, Str text, uint8_t ret_commitment[32]);
NODISCARD Err directory_text_get(struct ctx *c, struct directory *d, const uint8_t commitment[32], Str *ret); /* NOT_FOUND when erased */
NODISCARD Err directory_text_erase(struct ctx *c, struct directory *d, const uint8_t commitment[32]);
/* Tokens go, and the name is told as "ana (left, 1f00ba5e)" from now on: the next of that name is somebody new. Again does nothing. */
NODISCARD Err directory_person_leave(struct ctx *c, struct directory *d, Str person_id);
NODISCARD Err directory_person_erase(struct ctx *c, struct directory *d, Str person_id); /* name and tokens go, the id stays */

#endif
