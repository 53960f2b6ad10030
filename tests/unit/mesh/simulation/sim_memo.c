/* A signature is checked once. The meshes of one world are told the same entries, and whether a key made a signature over a text does not
 * depend on who is told: the first to ask asks crypt/sign.c, the others get its answer; likewise whether a key is one. In this test the linker
 * puts __wrap_sign_check() in the place of sign_check() and keeps that as __real_sign_check(). */
#include "simulation.h"

enum { REMEMBERED = 4096 };

bool __real_sign_check(const uint8_t pub[static SIGN_PUB_BYTES], Str message, const uint8_t signature[static SIGN_BYTES]);
bool __wrap_sign_check(const uint8_t pub[static SIGN_PUB_BYTES], Str message, const uint8_t signature[static SIGN_BYTES]);
bool __real_sign_pub_ok(const uint8_t pub[static SIGN_PUB_BYTES]);
bool __wrap_sign_pub_ok(const uint8_t pub[static SIGN_PUB_BYTES]);

/* By the hash of all that was asked, so that nothing else is ever taken for it; of two in one place the newer stays. */
static _Thread_local struct memo { uint8_t of[32]; bool there, good; } memos[REMEMBERED];

void
sim_memo_forget(void)
{
	memset(memos, 0, sizeof memos);
}

/* signature NULL: of the key itself. */
static struct memo *
memo_of(const uint8_t *pub, Str message, const uint8_t *signature)
{
	struct crypt_sha256 h;
	uint8_t of[32];

	crypt_sha256_init(&h);
	crypt_sha256_add(&h, str_of(pub, SIGN_PUB_BYTES));
	if (signature) crypt_sha256_add(&h, str_of(signature, SIGN_BYTES));
	crypt_sha256_add(&h, message);
	crypt_sha256_end(&h, of);
	struct memo *m = &memos[(of[0] | of[1] << 8) % REMEMBERED];
	if (m->there && memcmp(m->of, of, sizeof of) != 0) m->there = false;
	memcpy(m->of, of, sizeof of);
	return m;
}

bool
__wrap_sign_check(const uint8_t pub[static SIGN_PUB_BYTES], Str message, const uint8_t signature[static SIGN_BYTES])
{
	struct memo *m = memo_of(pub, message, signature);

	if (!m->there) m->good = __real_sign_check(pub, message, signature);
	m->there = true;
	return m->good;
}

bool
__wrap_sign_pub_ok(const uint8_t pub[static SIGN_PUB_BYTES])
{
	struct memo *m = memo_of(pub, S(""), NULL);

	if (!m->there) m->good = __real_sign_pub_ok(pub);
	m->there = true;
	return m->good;
}
