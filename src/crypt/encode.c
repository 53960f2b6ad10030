#include "crypt/encode.h"

#include <assert.h>
#include <sodium.h>

static void
put(struct buf *out, Str bytes, int variant)
{
	size_t room = sodium_base64_encoded_len(bytes.n, variant); /* with the NUL */

	buf_reserve(out, room);
	sodium_bin2base64(out->p + out->n, room, (const unsigned char *)(bytes.p ? bytes.p : ""), bytes.n, variant);
	out->n += strlen(out->p + out->n);
}

void base64_put(struct buf *out, Str bytes) { put(out, bytes, sodium_base64_VARIANT_ORIGINAL); }
void base64url_put(struct buf *out, Str bytes) { put(out, bytes, sodium_base64_VARIANT_URLSAFE_NO_PADDING); }

static int
variant_of(Str text)
{
	bool url = text.n && (memchr(text.p, '-', text.n) || memchr(text.p, '_', text.n));
	bool padded = text.n && text.p[text.n - 1] == '=';

	if (url) return padded ? sodium_base64_VARIANT_URLSAFE : sodium_base64_VARIANT_URLSAFE_NO_PADDING;
	return padded ? sodium_base64_VARIANT_ORIGINAL : sodium_base64_VARIANT_ORIGINAL_NO_PADDING;
}

/* libsodium 1.0.18 takes some bytes above 0x7f for letters. */
static bool
is_ascii(Str text)
{
	unsigned char all = 0;

	for (size_t i = 0; i < text.n; i++) all |= (unsigned char)text.p[i];
	return all < 0x80;
}

static bool
get(Str text, void *out, size_t cap, size_t *ret_n)
{
	if (text.n == 0) {
		*ret_n = 0;
		return true;
	}
	return is_ascii(text) && sodium_base642bin(out, cap, text.p, text.n, NULL, ret_n, NULL, variant_of(text)) == 0;
}

bool
base64_get(struct arena *a, Str text, Str *ret)
{
	size_t n = 0, cap = text.n / 4 * 3 + 3;
	char *p = arena_alloc(a, cap);

	if (!get(text, p, cap, &n)) return false;
	*ret = str_of(p, n);
	return true;
}

bool
base64_get_n(Str text, void *ret, size_t n)
{
	unsigned char bytes[256];
	size_t got = 0;

	assert(n <= sizeof bytes);
	bool good = get(text, bytes, sizeof bytes, &got) && got == n;
	if (good && n) memcpy(ret, bytes, n);
	sodium_memzero(bytes, sizeof bytes);
	return good;
}

void
hex_put(struct buf *out, Str bytes)
{
	buf_reserve(out, bytes.n * 2 + 1);
	sodium_bin2hex(out->p + out->n, bytes.n * 2 + 1, (const unsigned char *)(bytes.p ? bytes.p : ""), bytes.n);
	out->n += bytes.n * 2;
}

void
hex_text(const void *bytes, size_t n, char *ret)
{
	sodium_bin2hex(ret, n * 2 + 1, bytes, n);
}

static int
digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool
hex_get_n(Str text, void *ret, size_t n)
{
	uint8_t *out = ret;

	if (text.n != n * 2) return false;
	for (size_t i = 0; i < text.n; i++)
		if (digit(text.p[i]) < 0) return false;
	for (size_t i = 0; i < n; i++) out[i] = (uint8_t)(digit(text.p[2 * i]) << 4 | digit(text.p[2 * i + 1]));
	return true;
}
