#include "mesh/put.h"

#include "mesh/plain.h"

/* Quotes and backslashes are common (row filters quote their columns); false when more than they needs escaping. There is room. */
static bool
put_quoted(struct buf *out, Str text)
{
	char *to = out->p + out->n;

	*to++ = '"';
	for (size_t i = 0; i < text.n;) {
		size_t plain = plain_bytes(text.p + i, text.n - i);
		if (plain) memcpy(to, text.p + i, plain);
		to += plain;
		i += plain;
		if (i == text.n) break;
		if (text.p[i] != '"' && text.p[i] != '\\') return false;
		*to++ = '\\';
		*to++ = text.p[i++];
	}
	*to++ = '"';
	out->n = (size_t)(to - out->p);
	return true;
}

void
put_text(struct buf *out, Str key, Str text)
{
	buf_reserve(out, key.n + 2 * text.n + 2);
	memcpy(out->p + out->n, key.p, key.n);
	out->n += key.n;
	if (!put_quoted(out, text)) buf_json(out, text);
}

void
put_texts(struct buf *out, Str key, const Str *list, size_t n)
{
	buf_str(out, key);
	for (size_t i = 0; i < n; i++) put_text(out, i ? S(",") : S(""), list[i]);
	buf_char(out, ']');
}

void
put_number(struct buf *out, Str key, uint64_t n)
{
	char digits[20];
	size_t at = sizeof digits;

	do digits[--at] = (char)('0' + n % 10);
	while (n /= 10);
	buf_str(out, key);
	buf_add(out, digits + at, sizeof digits - at);
}

void
put_bool(struct buf *out, Str key, bool b)
{
	buf_str(out, key);
	buf_str(out, b ? S("true") : S("false"));
}

void
put_hex(struct buf *out, Str key, const void *bytes, size_t n)
{
	const uint8_t *from = bytes;

	buf_str(out, key);
	buf_reserve(out, 2 * n + 2);
	out->p[out->n++] = '"';
	char *to = out->p + out->n;
	for (size_t i = 0; i < n; i++) {
		*to++ = "0123456789abcdef"[from[i] >> 4];
		*to++ = "0123456789abcdef"[from[i] & 15];
	}
	out->n += 2 * n;
	out->p[out->n++] = '"';
}

static void
two(char *at, uint32_t n)
{
	at[0] = (char)('0' + n / 10 % 10);
	at[1] = (char)('0' + n % 10);
}

/* As time_format(), which the test compares it with. Civil from days: Howard Hinnant, "chrono-Compatible Low-Level Date
 * Algorithms", 2013, for days from 1970 to 9999. */
static void
time_put(Time t, char ret[20])
{
	uint64_t s = (uint64_t)(t / TIME_SECOND);
	uint32_t day = (uint32_t)(s / 86400) + 719468, in_day = (uint32_t)(s % 86400);
	uint32_t era = day / 146097, doe = day % 146097, yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	uint32_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153, month = mp < 10 ? mp + 3 : mp - 9;
	uint32_t year = era * 400 + yoe + (month <= 2);

	memcpy(ret, "0000-00-00T00:00:00Z", 20);
	two(ret, year / 100);
	two(ret + 2, year % 100);
	two(ret + 5, month);
	two(ret + 8, doy - (153 * mp + 2) / 5 + 1);
	two(ret + 11, in_day / 3600);
	two(ret + 14, in_day / 60 % 60);
	two(ret + 17, in_day % 60);
}

void
put_time(struct buf *out, Str key, Time t)
{
	static const Time last = INT64_C(253402300799) * TIME_SECOND; /* 9999-12-31T23:59:59Z */
	char text[20];

	if (t == TIME_FOREVER) {
		put_text(out, key, S("forever"));
		return;
	}
	time_put(t < 0 ? 0 : t > last ? last : t, text);
	put_text(out, key, str_of(text, sizeof text));
}
