/* The quick writers against the plain ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "mesh/put.h"

static uint64_t random_ = 20261121;

static unsigned
roll(unsigned below)
{
	random_ = random_ * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(random_ >> 33) % below;
}

static void
texts(void **state)
{
	(void)state;
	static const char letters[] = "abc\"\\\n\x01\x7f ~\xc3\xa9";
	BUF_AUTO quick = BUF_INIT;
	BUF_AUTO plain = BUF_INIT;

	for (int round = 0; round < 100000; round++) {
		char text[40];
		size_t n = roll(sizeof text), odd = roll(4) == 0 ? sizeof letters - 1 : 3 + roll(3);
		for (size_t i = 0; i < n; i++) text[i] = letters[roll((unsigned)odd)];
		quick.n = plain.n = 0;
		put_text(&quick, S(",\"k\":"), str_of(text, n));
		buf_c(&plain, ",\"k\":");
		buf_json(&plain, str_of(text, n));
		if (!str_eq(buf_view(&quick), buf_view(&plain))) fail_msg("%s instead of %s", buf_z(&quick), buf_z(&plain));
	}
	put_text(&quick, S(""), (Str){NULL, 0});
	assert_true(str_ends(buf_view(&quick), S("\"\"")));
}

static void
numbers_and_bytes(void **state)
{
	(void)state;
	BUF_AUTO out = BUF_INIT;

	put_number(&out, S("a:"), 0);
	put_number(&out, S(" b:"), 10203);
	put_number(&out, S(" c:"), UINT64_MAX);
	put_bool(&out, S(" d:"), true);
	put_bool(&out, S(" e:"), false);
	put_hex(&out, S(" f:"), "\x00\xff\x1a", 3);
	assert_string_equal(buf_z(&out), "a:0 b:10203 c:18446744073709551615 d:true e:false f:\"00ff1a\"");
}

static void
times(void **state)
{
	(void)state;
	BUF_AUTO out = BUF_INIT;
	char text[TIME_TEXT_MAX], expected[TIME_TEXT_MAX + 2];

	for (int round = 0; round < 200000; round++) {
		/* every day of 8,030 years, at any second; every 16th in the first 60 years */
		int64_t day = round % 16 ? (int64_t)(round * INT64_C(2932896) / 200000) : roll(22000);
		Time t = day * TIME_DAY + (Time)roll(86400) * TIME_SECOND + (Time)roll(1000000);
		out.n = 0;
		put_time(&out, S(""), t);
		time_format(t, text);
		snprintf(expected, sizeof expected, "\"%s\"", text);
		if (!str_eq(buf_view(&out), str_c(expected))) fail_msg("%s instead of %s", buf_z(&out), expected);
	}
	out.n = 0;
	put_time(&out, S("a:"), TIME_FOREVER);
	put_time(&out, S(" b:"), TIME_FOREVER - 1);
	put_time(&out, S(" c:"), 0);
	assert_string_equal(buf_z(&out), "a:\"forever\" b:\"9999-12-31T23:59:59Z\" c:\"1970-01-01T00:00:00Z\"");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(texts), cmocka_unit_test(numbers_and_bytes), cmocka_unit_test(times)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
