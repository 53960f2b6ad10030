#include "crypt/seal.h"

#include <assert.h>
#include <sodium.h>

enum { SUITE = 1, NONCE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, TAG = crypto_aead_xchacha20poly1305_ietf_ABYTES };
_Static_assert(SEAL_OVERHEAD == 1 + NONCE + TAG, "layout of sealed bytes");

/* Each part with its length in front, so that no two labels give the same bytes. */
static void
label_bytes(const struct seal_label *l, struct buf *out)
{
	const Str parts[] = {l->domain, l->object, l->purpose};

	buf_c(out, "heddle seal v1");
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		buf_u32be(out, (uint32_t)parts[i].n);
		buf_str(out, parts[i]);
	}
	buf_u64be(out, l->version);
}

void
seal_close(const struct secret32 *key, const struct seal_label *label, Str plain, struct buf *out)
{
	BUF_AUTO aad = BUF_INIT;

	assert(plain.n <= SEAL_MAX);
	label_bytes(label, &aad);
	buf_reserve(out, plain.n + SEAL_OVERHEAD);
	unsigned char *at = (unsigned char *)out->p + out->n;
	at[0] = SUITE;
	randombytes_buf(at + 1, NONCE);
	crypto_aead_xchacha20poly1305_ietf_encrypt(at + 1 + NONCE, NULL, (const unsigned char *)(plain.p ? plain.p : ""), plain.n,
	    (const unsigned char *)aad.p, aad.n, NULL, at + 1, key->secret_bytes);
	out->n += plain.n + SEAL_OVERHEAD;
}

Err
seal_open(struct ctx *c, const struct secret32 *key, const struct seal_label *label, Str sealed, struct buf *out)
{
	const unsigned char *p = (const unsigned char *)sealed.p;
	BUF_AUTO aad = BUF_INIT;

	ENSURE(c, sealed.n >= SEAL_OVERHEAD && sealed.n <= SEAL_MAX + SEAL_OVERHEAD && p[0] == SUITE, CORRUPT,
	    "a sealed secret has not the known form");
	label_bytes(label, &aad);
	buf_reserve(out, sealed.n - SEAL_OVERHEAD + 1);
	int r = crypto_aead_xchacha20poly1305_ietf_decrypt((unsigned char *)out->p + out->n, NULL, NULL, p + 1 + NONCE,
	    sealed.n - 1 - NONCE, (const unsigned char *)aad.p, aad.n, p + 1, key->secret_bytes);
	ENSURE(c, r == 0, CORRUPT, "a sealed secret does not open: it was changed, put in another's place, or the root key is another");
	out->n += sealed.n - SEAL_OVERHEAD;
	return OK;
}
