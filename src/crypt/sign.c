#include "crypt/sign.h"

#include <assert.h>
#include <sodium.h>

_Static_assert(crypto_sign_SECRETKEYBYTES == 64 && crypto_sign_SEEDBYTES == 32, "sizes of Ed25519");

void sign_key_wipe(struct sign_key *k) { sodium_memzero(k, sizeof *k); }

void
sign_key_new(struct sign_key *ret)
{
	crypto_sign_keypair(ret->pub, ret->secret_bytes);
}

void
sign_key_from_seed(const struct secret32 *seed, struct sign_key *ret)
{
	crypto_sign_seed_keypair(ret->pub, ret->secret_bytes, seed->secret_bytes);
}

void
sign_key_seed(const struct sign_key *k, struct secret32 *ret)
{
	crypto_sign_ed25519_sk_to_seed(ret->secret_bytes, k->secret_bytes);
}

void
sign_make(const struct sign_key *k, Str message, uint8_t ret[static SIGN_BYTES])
{
	int r = crypto_sign_detached(ret, NULL, (const unsigned char *)(message.p ? message.p : ""), message.n, k->secret_bytes);

	assert(r == 0);
	(void)r;
}

/* S < L, the order of the group, both little-endian. libsodium checks it unless built in its compatibility mode. */
static bool
scalar_canonical(const uint8_t s[static 32])
{
	static const uint8_t order[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
	    [31] = 0x10};

	for (int i = 31; i >= 0; i--)
		if (s[i] != order[i]) return s[i] < order[i];
	return false;
}

bool
sign_check(const uint8_t pub[static SIGN_PUB_BYTES], Str message, const uint8_t signature[static SIGN_BYTES])
{
	const unsigned char *p = (const unsigned char *)(message.p ? message.p : "");

	return scalar_canonical(signature + 32) && crypto_sign_verify_detached(signature, p, message.n, pub) == 0;
}

bool
sign_pub_ok(const uint8_t pub[static SIGN_PUB_BYTES])
{
	return crypto_core_ed25519_is_valid_point(pub) == 1;
}
