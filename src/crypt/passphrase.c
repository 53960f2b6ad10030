#include "crypt/passphrase.h"

#include <sodium.h>

_Static_assert(PASSPHRASE_SALT_BYTES == crypto_pwhash_argon2id_SALTBYTES, "length of the salt");

enum { OPERATIONS_MAX = 16 };
static const uint64_t MEMORY_MAX = UINT64_C(1) << 30;

struct passphrase_cost
passphrase_cost_default(void)
{
	return (struct passphrase_cost){crypto_pwhash_argon2id_OPSLIMIT_INTERACTIVE, crypto_pwhash_argon2id_MEMLIMIT_INTERACTIVE};
}

Err
passphrase_key(struct ctx *c, Str passphrase, const uint8_t salt[static PASSPHRASE_SALT_BYTES], struct passphrase_cost cost,
               struct secret32 *ret)
{
	ENSURE(c, cost.operations >= crypto_pwhash_argon2id_OPSLIMIT_MIN && cost.operations <= OPERATIONS_MAX &&
	       cost.memory_bytes >= crypto_pwhash_argon2id_MEMLIMIT_MIN && cost.memory_bytes <= MEMORY_MAX, INVALID,
	       "the cost of the passphrase is out of range");
	int r = crypto_pwhash_argon2id(ret->secret_bytes, sizeof ret->secret_bytes, passphrase.p ? passphrase.p : "", passphrase.n, salt,
	    cost.operations, (size_t)cost.memory_bytes, crypto_pwhash_argon2id_ALG_ARGON2ID13);
	ENSURE(c, r == 0, UNAVAILABLE, "not enough memory to work out the passphrase (%llu bytes)", (unsigned long long)cost.memory_bytes);
	return OK;
}
