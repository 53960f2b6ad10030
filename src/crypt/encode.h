/* Bytes as text: base64 (RFC 4648) and hex. Decoding is strict: one alphabet per text, padding whole or absent, no bits left
 * over, no spaces; so each byte string has at most four spellings and nothing else decodes to it. */
#ifndef HEDDLE_CRYPT_ENCODE_H
#define HEDDLE_CRYPT_ENCODE_H

#include "base/arena.h"
#include "base/buf.h"

void base64_put(struct buf *out, Str bytes);    /* + and /, padded */
void base64url_put(struct buf *out, Str bytes); /* - and _, not padded */
/* Either alphabet, padded or not. False, *ret untouched, when it is not base64. The bytes are in the arena. */
bool base64_get(struct arena *a, Str text, Str *ret);
/* The same for a text that must give exactly n bytes. */
bool base64_get_n(Str text, void *ret, size_t n);

void hex_put(struct buf *out, Str bytes); /* lower case */
/* 2 × n digits and a NUL. */
void hex_text(const void *bytes, size_t n, char *ret);
/* Exactly 2 × n lower-case digits; false, *ret untouched, otherwise. */
bool hex_get_n(Str text, void *ret, size_t n);

#endif
