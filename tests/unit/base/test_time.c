#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <time.h>

#include "base/time.h"

static Time
parse(const char *z)
{
	Time t = -1;

	assert_true(time_parse(str_c(z), false, &t));
	return t;
}

static void
test_parse(void **state)
{
	Time t;

	(void)state;
	assert_int_equal(parse("1970-01-01"), 0);
	assert_int_equal(parse("1970-01-01T00:00:00Z"), 0);
	assert_int_equal(parse("2026-11-21T09:04:14Z"), INT64_C(1795251854) * TIME_SECOND);
	assert_int_equal(parse("2026-11-21T09:04:14+00:00"), parse("2026-11-21T09:04:14Z"));
	assert_int_equal(parse("2026-11-21T10:34:14+01:30"), parse("2026-11-21T09:04:14Z"));
	assert_int_equal(parse("2026-11-21T04:04:14-05:00"), parse("2026-11-21T09:04:14Z"));
	assert_int_equal(parse("1970-01-01T00:00:00.000001Z"), 1);
	assert_int_equal(parse("1970-01-01T00:00:00.5Z"), TIME_SECOND / 2);
	assert_int_equal(parse("1970-01-01T00:00:00.123456789Z"), 123456); /* what is finer than a microsecond goes */
	assert_int_equal(parse("2024-02-29"), parse("2024-02-28") + TIME_DAY);
	assert_int_equal(parse("2000-03-01"), parse("2000-02-29") + TIME_DAY);
	assert_true(time_parse(S("2026-11-21"), true, &t));
	assert_int_equal(t, parse("2026-11-22") - 1);
	assert_true(time_parse(S("2026-11-21T00:00:00Z"), true, &t)); /* a time of day means itself */
	assert_int_equal(t, parse("2026-11-21"));
}

static void
test_refuse(void **state)
{
	static const char *const bad[] = {"", "2026", "2026-11", "2026-11-21 ", " 2026-11-21", "1969-12-31", "2026-00-01", "2026-13-01", "2026-01-00",
	    "2026-01-32", "2026-04-31", "2023-02-29", "2100-02-29", "2026-11-21T", "2026-11-21T09:04Z", "2026-11-21T09:04:14", "2026-11-21T24:00:00Z",
	    "2026-11-21T00:60:00Z", "2026-11-21T00:00:60Z", "2026-11-21T00:00:00.Z", "2026-11-21T00:00:00.1234567890Z", "2026-11-21T00:00:00+15:00",
	    "2026-11-21T00:00:00+01:60", "2026-11-21T00:00:00+0100", "2026-11-21T00:00:00Zz", "2026-11-21t00:00:00z", "2026-1-1", "+2026-11-21", "2026/11/21"};
	Time t = 5;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_false(time_parse(str_c(bad[i]), false, &t));
		assert_int_equal(t, 5);
	}
}

/* Every day of four centuries against the C library. */
static void
test_format(void **state)
{
	char ours[TIME_TEXT_MAX], theirs[TIME_TEXT_MAX];
	Time back;

	(void)state;
	for (int64_t day = 0; day < 400 * 366; day++) {
		time_t s = (time_t)(day * 86400 + day % 86400);
		struct tm tm;
		time_format((Time)s * TIME_SECOND + 999999, ours);
		gmtime_r(&s, &tm);
		strftime(theirs, sizeof theirs, "%Y-%m-%dT%H:%M:%SZ", &tm);
		assert_string_equal(ours, theirs);
		assert_true(time_parse(str_c(ours), false, &back));
		assert_int_equal(back, (Time)s * TIME_SECOND);
	}
	time_format(TIME_FOREVER, ours);
	assert_string_equal(ours, "9999-12-31T23:59:59Z");
	time_format(-1, ours);
	assert_string_equal(ours, "1969-12-31T23:59:59Z");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_parse), cmocka_unit_test(test_refuse), cmocka_unit_test(test_format)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
