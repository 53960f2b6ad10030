#include "base/str.h"

int
str_cmp(Str a, Str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int r = n ? memcmp(a.p, b.p, n) : 0;

	return r ? r : (a.n > b.n) - (a.n < b.n);
}

bool
str_starts(Str s, Str prefix)
{
	return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

bool
str_ends(Str s, Str suffix)
{
	return s.n >= suffix.n && (suffix.n == 0 || memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0);
}

Str
str_cut(Str s, char sep, Str *ret_head)
{
	const char *at = s.n ? memchr(s.p, sep, s.n) : NULL;

	if (!at) {
		*ret_head = s;
		return (Str){NULL, 0};
	}
	*ret_head = str_of(s.p, (size_t)(at - s.p));
	return str_of(at + 1, s.n - ret_head->n - 1);
}

Str
str_trim(Str s)
{
	while (s.n && (s.p[0] == ' ' || s.p[0] == '\t')) s.p++, s.n--;
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t')) s.n--;
	return s;
}

bool
str_u64(Str s, uint64_t *ret)
{
	uint64_t v = 0;

	if (s.n == 0 || s.n > 20 || (s.n > 1 && s.p[0] == '0')) return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9') return false;
		if (__builtin_mul_overflow(v, 10u, &v) || __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v)) return false;
	}
	*ret = v;
	return true;
}

bool
str_is_ident(Str s)
{
	if (s.n < 1 || s.n > 64) return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) return false;
		if (c == '_' && i + 1 < s.n && s.p[i + 1] == '_') return false;
	}
	return true;
}

/* Length of the UTF-8 sequence at p, 0 if it is not well formed (Unicode 15, table 3-7). */
static size_t
utf8_len(const unsigned char *p, size_t n)
{
	if (p[0] < 0x80) return p[0] != 0;
	if (p[0] < 0xc2 || p[0] > 0xf4) return 0;
	size_t len = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (n < len) return 0;
	for (size_t i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80) return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) ||
	    (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return len;
}

bool
str_is_utf8(Str s)
{
	for (size_t i = 0; i < s.n;) {
		size_t len = utf8_len((const unsigned char *)s.p + i, s.n - i);
		if (len == 0) return false;
		i += len;
	}
	return true;
}

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

bool
str_ieq(Str a, Str b)
{
	if (a.n != b.n) return false;
	for (size_t i = 0; i < a.n; i++)
		if (lower(a.p[i]) != lower(b.p[i])) return false;
	return true;
}
