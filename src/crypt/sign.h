/* Ed25519 (RFC 8032), verified strictly.
 *
 * Every node must take the same signatures for good, or the fold forks. The rule, cofactorless: S < L; A and R in canonical
 * encoding; neither A nor R of small order; encoding of [S]B - [h]A equals R bytewise. */
#ifndef HEDDLE_CRYPT_SIGN_H
#define HEDDLE_CRYPT_SIGN_H

#include "crypt/hash.h"

enum { SIGN_PUB_BYTES = 32, SIGN_BYTES = 64 };

/* A private key with its public half. Declare with SIGN_KEY_AUTO and it is wiped when it goes out of scope. The seed is what is
 * stored, sealed; both halves are always made from it together, because signing with a wrong public half gives the key away. */
struct sign_key {
	uint8_t pub[SIGN_PUB_BYTES];
	uint8_t secret_bytes[64];
};
void sign_key_wipe(struct sign_key *k);
#define SIGN_KEY_AUTO __attribute__((cleanup(sign_key_wipe))) struct sign_key

void sign_key_new(struct sign_key *ret);
void sign_key_from_seed(const struct secret32 *seed, struct sign_key *ret);
void sign_key_seed(const struct sign_key *k, struct secret32 *ret);

/* About 25 µs. */
void sign_make(const struct sign_key *k, Str message, uint8_t ret[static SIGN_BYTES]);
/* About 70 µs. */
bool sign_check(const uint8_t pub[static SIGN_PUB_BYTES], Str message, const uint8_t signature[static SIGN_BYTES]);
/* Is this a point a key may be: canonical, on the curve, of the main subgroup? Asked when a key enters a log. */
bool sign_pub_ok(const uint8_t pub[static SIGN_PUB_BYTES]);

#endif
