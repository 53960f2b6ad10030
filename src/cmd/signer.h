/* A private key that somebody holds, to sign with. Key files are one kind (keyfile.h); a token or a smart card behind PKCS#11 would be
 * another, and need no more than these functions: what is signed is small, whole, and never the raw key material leaves. */
#ifndef HEDDLE_CMD_SIGNER_H
#define HEDDLE_CMD_SIGNER_H

#include "crypt/sign.h"

struct signer;

struct signer_ops {
	/* Sign the message with Ed25519. DENIED when its holder declines. */
	Err (*sign)(struct ctx *c, struct signer *s, Str message, uint8_t ret[static SIGN_BYTES]);
	void (*close)(struct signer *s); /* wipes and frees */
};

struct signer {
	const struct signer_ops *ops;
	uint8_t pub[SIGN_PUB_BYTES];
};

NODISCARD static inline Err
signer_sign(struct ctx *c, struct signer *s, Str message, uint8_t ret[static SIGN_BYTES])
{
	return s->ops->sign(c, s, message, ret);
}

static inline void
signer_close(struct signer **s)
{
	if (*s) (*s)->ops->close(*s);
	*s = NULL;
}
#define SIGNER_AUTO __attribute__((cleanup(signer_close))) struct signer

#endif
