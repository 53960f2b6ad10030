/* DSSE v1 envelopes (github.com/secure-systems-lab/dsse, protocol.md and envelope.md), with exactly one Ed25519 signature.
 *
 * What is signed is dsse_pae(type, body), never the envelope, so nothing has to be canonical: verify, then use the very bytes
 * that were verified. `keyid` is not covered by the signature: a hint, never a reason for trust. */
#ifndef HEDDLE_CODEC_DSSE_H
#define HEDDLE_CODEC_DSSE_H

#include "base/arena.h"
#include "base/buf.h"

#define DSSE_EVENT_TYPE "application/vnd.heddle.event.v1+json"

enum { DSSE_MAX = 65535, DSSE_TYPE_MAX = 128, DSSE_KEYID_MAX = 128, DSSE_SIG_BYTES = 64 };

struct dsse {
	Str payload_type; /* 1 … DSSE_TYPE_MAX bytes of UTF-8 */
	Str payload;      /* decoded */
	Str keyid;        /* at most DSSE_KEYID_MAX bytes, "" when absent */
	uint8_t sig[DSSE_SIG_BYTES];
};

/* The bytes to sign or verify: "DSSEv1" SP length SP type SP length SP body, appended to out. */
void dsse_pae(Str type, Str body, struct buf *out);
/* One line of JSON without the newline, keys in fixed order, appended to out. The type must be 1 … DSSE_TYPE_MAX bytes of
 * UTF-8, keyid at most DSSE_KEYID_MAX; the caller sees to it that the result is at most DSSE_MAX bytes. */
void dsse_encode(Str type, Str body, Str keyid, const uint8_t sig[static DSSE_SIG_BYTES], struct buf *out);

/* Parse an envelope of at most DSSE_MAX bytes. Strict: no unknown keys, exactly one signature of 64 bytes, base64 in the standard
 * or the URL alphabet, padded or not. Checks no signature. The result is in the arena of c or borrows from text.
 * Cost: what dsse_encode() writes is decoded in one pass without allocating more than the payload; any other form of the same
 * JSON goes through jansson, about ten times slower. */
NODISCARD Err dsse_parse(struct ctx *c, Str text, struct dsse *ret);

#endif
