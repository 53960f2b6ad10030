#include "crypt/hash.h"

#include <assert.h>
#include <nettle/sha2.h>
#include <sodium.h>

#include "crypt/encode.h"

/* SHA-256 is nettle's (the library beneath GnuTLS): it uses the processor's instructions, libsodium's is portable C and takes
 * five times as long, which the replay of logs and the check of big files would pay. */
_Static_assert(sizeof(struct sha256_ctx) <= sizeof(struct crypt_sha256), "room for the streaming state");
_Static_assert(_Alignof(struct sha256_ctx) <= _Alignof(struct crypt_sha256), "alignment of the streaming state");

static const unsigned char *
bytes(Str s)
{
	return (const unsigned char *)(s.p ? s.p : "");
}

void secret_wipe(struct secret32 *s) { sodium_memzero(s, sizeof *s); }
void crypt_wipe(void *p, size_t n) { sodium_memzero(p, n); }

Err
crypt_init(struct ctx *c)
{
	ENSURE(c, sodium_init() >= 0, UNAVAILABLE, "the cryptographic library could not start: no source of random bytes");
	return OK;
}

void
crypt_sha256(Str data, uint8_t ret[static CRYPT_HASH_BYTES])
{
	struct sha256_ctx h;

	sha256_init(&h);
	sha256_update(&h, data.n, bytes(data));
	sha256_digest(&h, CRYPT_HASH_BYTES, ret);
}

void
crypt_sha256_text(Str data, char ret[static CRYPT_HASH_TEXT])
{
	uint8_t hash[CRYPT_HASH_BYTES];

	crypt_sha256(data, hash);
	hex_text(hash, sizeof hash, ret);
}

static struct sha256_ctx *
state_of(struct crypt_sha256 *h)
{
	return (struct sha256_ctx *)(void *)h->opaque;
}

void crypt_sha256_init(struct crypt_sha256 *h) { sha256_init(state_of(h)); }
void crypt_sha256_add(struct crypt_sha256 *h, Str data) { sha256_update(state_of(h), data.n, bytes(data)); }

void
crypt_sha256_end(struct crypt_sha256 *h, uint8_t ret[static CRYPT_HASH_BYTES])
{
	sha256_digest(state_of(h), CRYPT_HASH_BYTES, ret);
	sodium_memzero(h, sizeof *h);
}

void
crypt_hmac_sha256(Str key, Str data, uint8_t ret[static CRYPT_HASH_BYTES])
{
	crypto_auth_hmacsha256_state h;

	crypto_auth_hmacsha256_init(&h, bytes(key), key.n);
	crypto_auth_hmacsha256_update(&h, bytes(data), data.n);
	crypto_auth_hmacsha256_final(&h, ret);
	sodium_memzero(&h, sizeof h);
}

void
crypt_mac(const struct secret32 *key, Str data, uint8_t *ret, size_t n)
{
	assert(n == 16 || n == 32);
	int r = crypto_generichash(ret, n, bytes(data), data.n, key->secret_bytes, sizeof key->secret_bytes);
	assert(r == 0);
	(void)r;
}

bool
crypt_equal(const void *a, const void *b, size_t n)
{
	return sodium_memcmp(a, b, n) == 0;
}

void crypt_random(void *ret, size_t n) { randombytes_buf(ret, n); }

void
crypt_random_id(char ret[static CRYPT_ID_MAX])
{
	unsigned char raw[16];

	randombytes_buf(raw, sizeof raw);
	sodium_bin2hex(ret, CRYPT_ID_MAX, raw, sizeof raw);
}

void
crypt_short_id(const char *prefix, char ret[static CRYPT_SHORT_ID_MAX])
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
	unsigned char raw[12];
	size_t n = strlen(prefix);

	assert(n <= 16);
	randombytes_buf(raw, sizeof raw);
	memcpy(ret, prefix, n);
	for (size_t i = 0; i < sizeof raw; i++) ret[n + i] = alphabet[raw[i] & 31];
	ret[n + sizeof raw] = 0;
}
