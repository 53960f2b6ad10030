/* Hashes, keyed hashes, random values. libsodium inside; nothing of it shows here.
 *
 * No function below fails or allocates. crypt_init() must have returned OK once in each process before anything else of
 * crypt/ is called. */
#ifndef HEDDLE_CRYPT_HASH_H
#define HEDDLE_CRYPT_HASH_H

#include "base/err.h"
#include "base/str.h"

enum { CRYPT_HASH_BYTES = 32, CRYPT_HASH_TEXT = 2 * CRYPT_HASH_BYTES + 1, CRYPT_KEY_BYTES = 32, CRYPT_ID_MAX = 33, CRYPT_SHORT_ID_MAX = 32 };

/* 32 secret bytes. No function prints one; declare with SECRET_AUTO and it is wiped when it goes out of scope. */
struct secret32 { uint8_t secret_bytes[CRYPT_KEY_BYTES]; };
void secret_wipe(struct secret32 *s);
#define SECRET_AUTO __attribute__((cleanup(secret_wipe))) struct secret32
/* Wipe anything else that held a secret (a token as text, …); not optimised away. */
void crypt_wipe(void *p, size_t n);

/* Idempotent. UNAVAILABLE when the system gives no random bytes. Open no sandbox before this: it may read /dev/urandom. */
NODISCARD Err crypt_init(struct ctx *c);

/* SHA-256 (FIPS 180-4). */
void crypt_sha256(Str data, uint8_t ret[static CRYPT_HASH_BYTES]);
void crypt_sha256_text(Str data, char ret[static CRYPT_HASH_TEXT]); /* as 64 lower-case hex digits and a NUL */
struct crypt_sha256 { _Alignas(16) uint8_t opaque[128]; }; /* streaming state, copied freely to fork a hash */
void crypt_sha256_init(struct crypt_sha256 *h);
void crypt_sha256_add(struct crypt_sha256 *h, Str data);
void crypt_sha256_end(struct crypt_sha256 *h, uint8_t ret[static CRYPT_HASH_BYTES]); /* wipes h */

/* HMAC-SHA256 (RFC 2104), a key of any length. */
void crypt_hmac_sha256(Str key, Str data, uint8_t ret[static CRYPT_HASH_BYTES]);

/* Keyed BLAKE2b (RFC 7693). n is 16 or 32 bytes. Not interchangeable: the length is part of what is hashed. About 0.3 µs for a
 * short text; touches no state, so threads may share a key. */
void crypt_mac(const struct secret32 *key, Str data, uint8_t *ret, size_t n);

/* Equal in a time that depends on n alone. */
bool crypt_equal(const void *a, const void *b, size_t n);

void crypt_random(void *ret, size_t n);
/* 128 random bits as 32 lower-case hex digits, NUL-terminated. */
void crypt_random_id(char ret[static CRYPT_ID_MAX]);
/* `prefix` (e.g. "grt_", at most 16 bytes) and 12 characters of [a-z2-7], 60 random bits: for things that people type. The
 * caller checks that it is not taken. */
void crypt_short_id(const char *prefix, char ret[static CRYPT_SHORT_ID_MAX]);

#endif
