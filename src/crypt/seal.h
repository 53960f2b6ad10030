/* Sealing: XChaCha20-Poly1305 with a random nonce, used to keep private keys under a root key.
 *
 * What the sealed thing is (whose, which, which version, what for) is bound in, so one sealed key cannot be put in another's
 * place. Sealed bytes: 1 byte suite (0x01), 24 nonce, ciphertext, 16 tag. */
#ifndef HEDDLE_CRYPT_SEAL_H
#define HEDDLE_CRYPT_SEAL_H

#include "base/buf.h"
#include "crypt/hash.h"

enum { SEAL_OVERHEAD = 1 + 24 + 16, SEAL_MAX = 1 << 20 };

struct seal_label {
	Str domain, object; /* e.g. the log id, "event_key" */
	uint64_t version;
	Str purpose;        /* e.g. "sign" */
};

/* Append the sealed form of `plain` (at most SEAL_MAX bytes: larger is a bug) to out. */
void seal_close(const struct secret32 *key, const struct seal_label *label, Str plain, struct buf *out);
/* Append the plain bytes to out; CORRUPT when the key or the label is another, or a byte was changed. The caller wipes. */
NODISCARD Err seal_open(struct ctx *c, const struct secret32 *key, const struct seal_label *label, Str sealed, struct buf *out);

#endif
