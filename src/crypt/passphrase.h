/* A key from a passphrase: Argon2id (RFC 9106). */
#ifndef HEDDLE_CRYPT_PASSPHRASE_H
#define HEDDLE_CRYPT_PASSPHRASE_H

#include "crypt/hash.h"

enum { PASSPHRASE_SALT_BYTES = 16 };

/* What the work costs; kept beside what it protects, so that the defaults can be raised later. */
struct passphrase_cost { uint64_t operations, memory_bytes; };
struct passphrase_cost passphrase_cost_default(void); /* 64 MiB, about 0.2 s */

/* INVALID for costs beyond 1 GiB or 16 operations, or below the least: a file that was tampered with must not stall its reader.
 * UNAVAILABLE when there is not so much memory. */
NODISCARD Err passphrase_key(struct ctx *c, Str passphrase, const uint8_t salt[static PASSPHRASE_SALT_BYTES], struct passphrase_cost cost,
                             struct secret32 *ret);

#endif
