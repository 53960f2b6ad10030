#include "base/time.h"

#include <stdio.h>

/* Days from civil and back: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", 2013. */
static int64_t
days_from_civil(int64_t y, unsigned m, unsigned d)
{
	y -= m <= 2;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	unsigned yoe = (unsigned)(y - era * 400);
	unsigned doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
	unsigned doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
	return era * 146097 + (int64_t)doe - 719468;
}

static void
civil_from_days(int64_t z, int64_t *y, unsigned *m, unsigned *d)
{
	z += 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	unsigned doe = (unsigned)(z - era * 146097);
	unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	unsigned mp = (5 * doy + 2) / 153;

	*d = doy - (153 * mp + 2) / 5 + 1;
	*m = mp < 10 ? mp + 3 : mp - 9;
	*y = (int64_t)yoe + era * 400 + (*m <= 2);
}

void
time_format(Time t, char ret[static TIME_TEXT_MAX])
{
	int64_t s = t / TIME_SECOND - (t % TIME_SECOND < 0), days = s / 86400 - (s % 86400 < 0), y;
	unsigned m, d, sec = (unsigned)(s - days * 86400);

	civil_from_days(days, &y, &m, &d);
	if (y < 0 || y > 9999) {
		snprintf(ret, TIME_TEXT_MAX, "9999-12-31T23:59:59Z");
		return;
	}
	snprintf(ret, TIME_TEXT_MAX, "%04d-%02u-%02uT%02u:%02u:%02uZ", (int)y, m, d, sec / 3600, sec / 60 % 60, sec % 60);
}

static bool
digits(Str *s, unsigned n, unsigned *ret)
{
	unsigned v = 0;

	if (s->n < n) return false;
	for (unsigned i = 0; i < n; i++) {
		if (s->p[i] < '0' || s->p[i] > '9') return false;
		v = v * 10 + (unsigned)(s->p[i] - '0');
	}
	*s = str_of(s->p + n, s->n - n);
	*ret = v;
	return true;
}

static bool
expect(Str *s, char c)
{
	if (s->n == 0 || s->p[0] != c) return false;
	*s = str_of(s->p + 1, s->n - 1);
	return true;
}

static bool
zone(Str *s, int *ret_seconds)
{
	unsigned h, m;
	int sign = 1;

	if (expect(s, 'Z')) {
		*ret_seconds = 0;
		return true;
	}
	if (expect(s, '-'))
		sign = -1;
	else if (!expect(s, '+'))
		return false;
	if (!digits(s, 2, &h) || !expect(s, ':') || !digits(s, 2, &m) || h > 14 || m > 59) return false;
	*ret_seconds = sign * (int)(h * 3600 + m * 60);
	return true;
}

bool
time_parse(Str s, bool end_of_day, Time *ret)
{
	static const unsigned char month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	unsigned y, mo, d, h, mi, sec;
	int off;

	if (!digits(&s, 4, &y) || !expect(&s, '-') || !digits(&s, 2, &mo) || !expect(&s, '-') || !digits(&s, 2, &d)) return false;
	if (y < 1970 || mo < 1 || mo > 12 || d < 1) return false;
	bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
	if (d > month_days[mo - 1] + (unsigned)(mo == 2 && leap)) return false;
	Time day = days_from_civil((int64_t)y, mo, d) * TIME_DAY;
	if (s.n == 0) {
		*ret = end_of_day ? day + TIME_DAY - 1 : day;
		return true;
	}
	if (!expect(&s, 'T') || !digits(&s, 2, &h) || !expect(&s, ':') || !digits(&s, 2, &mi) || !expect(&s, ':') ||
	    !digits(&s, 2, &sec))
		return false;
	if (h > 23 || mi > 59 || sec > 59) return false;
	Time t = day + ((Time)h * 3600 + mi * 60 + sec) * TIME_SECOND;
	if (expect(&s, '.')) {
		Time unit = TIME_SECOND / 10;
		unsigned digit, count = 0;
		while (digits(&s, 1, &digit)) {
			t += (Time)digit * unit;
			unit /= 10;
			if (++count > 9) return false;
		}
		if (count == 0) return false;
	}
	if (!zone(&s, &off) || s.n != 0) return false;
	*ret = t - (Time)off * TIME_SECOND;
	return true;
}
