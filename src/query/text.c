#include "query/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "crypt/encode.h"

/* --- numbers --- */

static void
put_u64_padded(struct buf *out, uint64_t v, unsigned width)
{
	char s[24];
	char *p = s + sizeof s;

	do *--p = (char)('0' + v % 10); while ((v /= 10) > 0);
	while (p > s && p + width > s + sizeof s) *--p = '0';
	buf_add(out, p, (size_t)(s + sizeof s - p));
}

void text_u64(struct buf *out, uint64_t v) { put_u64_padded(out, v, 1); }

void
text_i64(struct buf *out, int64_t v)
{
	if (v < 0) buf_char(out, '-');
	text_u64(out, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

void
text_u128(struct buf *out, unsigned __int128 v)
{
	static const uint64_t ten19 = UINT64_C(10000000000000000000);

	if (v <= UINT64_MAX) {
		text_u64(out, (uint64_t)v);
		return;
	}
	text_u128(out, v / ten19);
	put_u64_padded(out, (uint64_t)(v % ten19), 19);
}

unsigned __int128
text_magnitude(struct buf *out, duckdb_hugeint h)
{
	unsigned __int128 v = (unsigned __int128)(uint64_t)h.upper << 64 | h.lower;

	if (h.upper >= 0) return v;
	buf_char(out, '-');
	return 0 - v;
}

static unsigned __int128
power_of_ten(unsigned n)
{
	unsigned __int128 v = 1;

	while (n--) v *= 10;
	return v;
}

void
text_decimal(struct buf *out, unsigned __int128 v, unsigned scale)
{
	unsigned __int128 one = power_of_ten(scale), fraction = v % one;

	text_u128(out, v / one);
	if (scale == 0) return;
	buf_char(out, '.');
	if (scale > 19) {
		put_u64_padded(out, (uint64_t)(fraction / power_of_ten(19)), scale - 19);
		put_u64_padded(out, (uint64_t)(fraction % power_of_ten(19)), 19);
	} else {
		put_u64_padded(out, (uint64_t)fraction, scale);
	}
}

/* Money and counts: a number of few decimals that gives the very same double back. With at most 15 digits there is no shorter
 * one with the same number of decimals, and fewer decimals were tried before. */
static bool
put_short_double(struct buf *out, double v, bool single)
{
	static const double scales[] = {1, 10, 100, 1000, 10000};

	for (unsigned k = 0; k < ARRAY_LEN(scales); k++) {
		double scaled = v * scales[k];
		if (!(fabs(scaled) < (single ? 1e6 : k ? 1e15 : 1e16))) return false;
		long long whole = llrint(scaled);
		double back = (double)whole / scales[k];
		if (single ? (float)back != (float)v : back != v) continue;
		if (signbit(v)) buf_char(out, '-');
		uint64_t n = (uint64_t)(whole < 0 ? -whole : whole), one = (uint64_t)scales[k];
		text_u64(out, n / one);
		buf_char(out, '.');
		put_u64_padded(out, n % one, k ? k : 1);
		return true;
	}
	return false;
}

static void
put_long_double(struct buf *out, double v, bool single)
{
	char s[40];

	for (int digits = single ? 6 : 15; digits <= (single ? 9 : 17); digits++) {
		snprintf(s, sizeof s, "%.*g", digits, v);
		if (single ? strtof(s, NULL) == (float)v : strtod(s, NULL) == v) break;
	}
	buf_c(out, s);
	if (!strpbrk(s, ".e")) buf_c(out, ".0");
}

void
text_double(struct buf *out, double v, bool single, enum value_style style)
{
	if (isfinite(v)) {
		if (!put_short_double(out, v, single)) put_long_double(out, v, single);
	} else if (style == AS_JSON) {
		buf_c(out, "null");
	} else {
		buf_c(out, isnan(v) ? "nan" : v > 0 ? "inf" : "-inf");
	}
}

/* --- time --- */

/* Howard Hinnant, chrono-Compatible Low-Level Date Algorithms, civil_from_days. */
void
text_date(struct buf *out, int64_t days)
{
	int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t doe = z - era * 146097, yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
	int64_t month = mp < 10 ? mp + 3 : mp - 9, year = yoe + era * 400 + (month <= 2);
	bool bc = year <= 0;

	put_u64_padded(out, (uint64_t)(bc ? 1 - year : year), 4);
	buf_char(out, '-');
	put_u64_padded(out, (uint64_t)month, 2);
	buf_char(out, '-');
	put_u64_padded(out, (uint64_t)(doy - (153 * mp + 2) / 5 + 1), 2);
	if (bc) buf_c(out, " (BC)");
}

/* hh:mm:ss and the fraction without trailing zeros; `ticks` of 10^-digits seconds. */
void
text_clock(struct buf *out, uint64_t ticks, unsigned digits)
{
	uint64_t one = (uint64_t)power_of_ten(digits), seconds = ticks / one, fraction = ticks % one;

	put_u64_padded(out, seconds / 3600, 2);
	buf_char(out, ':');
	put_u64_padded(out, seconds / 60 % 60, 2);
	buf_char(out, ':');
	put_u64_padded(out, seconds % 60, 2);
	if (fraction == 0) return;
	while (fraction % 10 == 0) fraction /= 10, digits--;
	buf_char(out, '.');
	put_u64_padded(out, fraction, digits);
}

void
text_infinity(struct buf *out, bool negative)
{
	buf_c(out, negative ? "-infinity" : "infinity");
}

void
text_timestamp(struct buf *out, int64_t ticks, unsigned digits, bool zone, enum value_style style)
{
	int64_t day = (int64_t)power_of_ten(digits) * 86400;

	if (ticks == INT64_MAX || ticks == -INT64_MAX) {
		text_infinity(out, ticks < 0);
		return;
	}
	int64_t days = ticks / day - (ticks % day < 0);
	text_date(out, days);
	buf_char(out, style == AS_JSON ? 'T' : ' ');
	text_clock(out, (uint64_t)(ticks - days * day), digits);
	if (zone) buf_c(out, style == AS_JSON ? "Z" : "+00");
}

void
text_time_tz(struct buf *out, uint64_t bits)
{
	int64_t offset = 57599 - (int64_t)(bits & 0xffffff);
	uint64_t o = (uint64_t)(offset < 0 ? -offset : offset);

	text_clock(out, bits >> 24, 6);
	buf_char(out, offset < 0 ? '-' : '+');
	put_u64_padded(out, o / 3600, 2);
	if (o % 3600 == 0) return;
	buf_char(out, ':');
	put_u64_padded(out, o / 60 % 60, 2);
	if (o % 60 == 0) return;
	buf_char(out, ':');
	put_u64_padded(out, o % 60, 2);
}

static void
put_unit(struct buf *out, size_t start, int32_t n, const char *unit)
{
	if (n == 0) return;
	if (out->n > start) buf_char(out, ' ');
	text_i64(out, n);
	buf_char(out, ' ');
	buf_c(out, unit);
	if (n != 1 && n != -1) buf_char(out, 's');
}

void
text_interval(struct buf *out, duckdb_interval i)
{
	size_t start = out->n;

	put_unit(out, start, i.months / 12, "year");
	put_unit(out, start, i.months % 12, "month");
	put_unit(out, start, i.days, "day");
	if (i.micros == 0 && out->n > start) return;
	if (out->n > start) buf_char(out, ' ');
	if (i.micros < 0) buf_char(out, '-');
	text_clock(out, i.micros < 0 ? 0 - (uint64_t)i.micros : (uint64_t)i.micros, 6);
}

/* --- bytes --- */

/* DuckDB's texts are UTF-8, but may hold NUL. */
void
text_json(struct buf *out, Str s)
{
	size_t from = 0;

	buf_reserve(out, s.n + 2);
	buf_char(out, '"');
	for (size_t i = 0; i < s.n; i++) {
		unsigned char ch = (unsigned char)s.p[i];
		if (ch >= 0x20 && ch != '"' && ch != '\\') continue;
		buf_add(out, s.p + from, i - from);
		from = i + 1;
		char letter = ch == '\n' ? 'n' : ch == '\r' ? 'r' : ch == '\t' ? 't' : ch == '"' || ch == '\\' ? (char)ch : 0;
		if (letter)
			buf_add(out, (char[]){'\\', letter}, 2);
		else
			buf_printf(out, "\\u%04x", ch);
	}
	buf_add(out, s.p + from, s.n - from);
	buf_char(out, '"');
}

void
text_blob(struct buf *out, Str s, enum value_style style)
{
	if (style == AS_JSON) {
		base64_put(out, s);
		return;
	}
	for (size_t i = 0; i < s.n; i++) {
		unsigned char ch = (unsigned char)s.p[i];
		if (ch >= 0x20 && ch < 0x7f && ch != '\\' && ch != '\'' && ch != '"')
			buf_char(out, (char)ch);
		else
			buf_printf(out, "\\x%02X", ch);
	}
}

/* The first byte says how many bits at the start of the second are padding. */
void
text_bits(struct buf *out, Str s)
{
	unsigned padding = s.n ? (unsigned char)s.p[0] : 0;

	for (size_t i = padding; i + 8 < s.n * 8; i++)
		buf_char(out, ((unsigned char)s.p[1 + i / 8] >> (7 - i % 8)) & 1 ? '1' : '0');
}

void
text_uuid(struct buf *out, duckdb_hugeint h)
{
	uint64_t upper = (uint64_t)h.upper ^ (UINT64_C(1) << 63);
	char s[40];

	snprintf(s, sizeof s, "%08x-%04x-%04x-%04x-%012llx", (unsigned)(upper >> 32), (unsigned)(upper >> 16 & 0xffff),
	         (unsigned)(upper & 0xffff), (unsigned)(h.lower >> 48), (unsigned long long)(h.lower & UINT64_C(0xffffffffffff)));
	buf_c(out, s);
}
