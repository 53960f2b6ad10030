#include "codec/hours.h"

enum { DAYS = 7, DAY_MINUTES = 24 * 60, TEXT_BYTES_MAX = 64 };

static const char *const names[DAYS] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
static const char form[] = "write days and hours like mon-fri/08:00-18:00 (UTC)";

static bool
parse_day(Str s, unsigned *ret)
{
	for (unsigned i = 0; i < DAYS; i++) {
		if (!str_ieq(s, str_c(names[i]))) continue;
		*ret = i;
		return true;
	}
	return false;
}

/* "mon" or "mon-fri". */
static bool
parse_range(Str s, uint8_t *days)
{
	Str first, last = str_cut(s, '-', &first);
	unsigned from, to;

	if (!parse_day(first, &from)) return false;
	to = from;
	if (last.p && !parse_day(last, &to)) return false;
	for (unsigned i = from;; i = (i + 1) % DAYS) {
		*days = (uint8_t)(*days | 1u << i);
		if (i == to) return true;
	}
}

static bool
two_digits(const char *p, unsigned *ret)
{
	if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9') return false;
	*ret = (unsigned)(p[0] - '0') * 10 + (unsigned)(p[1] - '0');
	return true;
}

static bool
parse_minute(Str s, uint16_t *ret)
{
	unsigned hour, minute;

	if (s.n != 5 || s.p[2] != ':' || !two_digits(s.p, &hour) || !two_digits(s.p + 3, &minute) || minute > 59) return false;
	if (hour * 60 + minute > DAY_MINUTES) return false;
	*ret = (uint16_t)(hour * 60 + minute);
	return true;
}

Err
hours_parse(struct ctx *c, Str text, struct hours *ret)
{
	struct hours h = {0};
	Str days, one, from, times = str_cut(text, '/', &days);

	ENSURE(c, text.n <= TEXT_BYTES_MAX && times.p, INVALID, "%s", form);
	for (Str rest = days; rest.p;) {
		rest = str_cut(rest, ',', &one);
		ENSURE(c, parse_range(one, &h.days), INVALID, "'%.*s' is no day: %s", STR(one), form);
	}
	Str until = str_cut(times, '-', &from);
	ENSURE(c, until.p && parse_minute(from, &h.from_minute) && parse_minute(until, &h.until_minute), INVALID, "'%.*s': %s", STR(times), form);
	ENSURE(c, h.from_minute < h.until_minute, INVALID, "'%.*s' ends before it begins; give two grants for hours over midnight", STR(times));
	*ret = h;
	return OK;
}

void
hours_print(const struct hours *h, struct buf *out)
{
	bool any = false;

	for (unsigned i = 0; i < DAYS; i++) {
		unsigned last = i;
		if (!(h->days & 1u << i)) continue;
		while (last + 1 < DAYS && h->days & 1u << (last + 1)) last++;
		if (any) buf_char(out, ',');
		any = true;
		buf_c(out, names[i]);
		if (last < i + 2) continue;
		buf_printf(out, "-%s", names[last]);
		i = last;
	}
	buf_printf(out, "/%02u:%02u-%02u:%02u", h->from_minute / 60u, h->from_minute % 60u, h->until_minute / 60u, h->until_minute % 60u);
}
