#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/guard.h"

/* Fields "name: value" lines; the layout is not looked at by guard_fields(). */
static Err
check(struct ctx *c, const char *version, const char *lines, struct guard_body *ret)
{
	struct guard_field fields[128];
	struct guard_head h = {.method = S("POST"), .target = S("/"), .version = str_c(version), .fields = fields, .size_bytes = 100};
	Str rest = str_c(lines), line;

	while (rest.p && rest.n) {
		rest = str_cut(rest, '\n', &line);
		Str value = str_cut(line, ':', &fields[h.field_count].name);
		fields[h.field_count++].value = str_trim(value);
	}
	return guard_fields(c, &h, ret);
}

static void
test_bodies(void **state)
{
	struct ctx c = {0};
	struct guard_body b = {0};

	(void)state;
	assert_true(err_ok(check(&c, "HTTP/1.1", "Host:x", &b)));
	assert_true(!b.chunked && b.length == 0);
	assert_true(err_ok(check(&c, "HTTP/1.1", "HOST:x\ncontent-length:18446744073709551615", &b)));
	assert_true(!b.chunked && b.length == UINT64_MAX);
	assert_true(err_ok(check(&c, "HTTP/1.1", "Host:\nTRANSFER-ENCODING:Chunked", &b)));
	assert_true(b.chunked && b.length == 0);
	assert_true(err_ok(check(&c, "HTTP/1.0", "Accept:x", &b)));
}

static void
test_refused(void **state)
{
	static const struct {
		const char *version, *lines;
	} rows[] = {
	    {"HTTP/1.1", ""}, {"HTTP/1.1", "Host:x\nhost:x"}, {"HTTP/1.1", "Host:x\nContent-Length:1\ncontent-length:1"},
	    {"HTTP/1.1", "Host:x\nContent-Length:"}, {"HTTP/1.1", "Host:x\nContent-Length:1,1"}, {"HTTP/1.1", "Host:x\nContent-Length:01"},
	    {"HTTP/1.1", "Host:x\nContent-Length:18446744073709551616"}, {"HTTP/1.1", "Host:x\nContent-Length:1\nTransfer-Encoding:chunked"},
	    {"HTTP/1.1", "Host:x\nTransfer-Encoding:chunked\nTransfer-Encoding:chunked"}, {"HTTP/1.1", "Host:x\nTransfer-Encoding:chunked, chunked"},
	    {"HTTP/1.1", "Host:x\nTransfer-Encoding:"}, {"HTTP/1.0", "Host:x\nTransfer-Encoding:chunked"}, {"HTTP/2.0", "Host:x"}, {"", "Host:x"},
	    {"HTTP/1.1", "Host:x\nA B:1"}, {"HTTP/1.1", "Host:x\n:1"}, {"HTTP/1.1", "Host:x\nA:\x01"}, {"HTTP/1.1", "Host:x\nA:a\rb"},
	};
	struct ctx c = {0};
	struct guard_body b;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (err_ok(check(&c, rows[i].version, rows[i].lines, &b))) fail_msg("taken: %s %s", rows[i].version, rows[i].lines);
}

/* The head as it would lie in the library's buffer, its separators overwritten by NULs as the library does. */
static Err
layout(struct ctx *c, Str raw, size_t value_at, size_t value_n)
{
	struct guard_field field = {str_of(raw.p + 16, 4), str_of(raw.p + value_at, value_n)};
	struct guard_head h = {.method = str_of(raw.p, 3), .target = str_of(raw.p + 4, 1), .version = str_of(raw.p + 6, 8), .fields = &field,
	                       .field_count = 1, .size_bytes = raw.n};

	return guard_layout(c, &h);
}

static void
test_layout(void **state)
{
	struct ctx c = {0};

	(void)state;
	assert_true(err_ok(layout(&c, S("GET\0/\0HTTP/1.1\0\0Host\0 x\0\0\0\0"), 22, 1)));
	assert_true(err_ok(layout(&c, S("GET\0/\0HTTP/1.1\0\0Host\0x\0\0\0\0"), 21, 1)));
	assert_true(err_ok(layout(&c, S("GET\0/\0HTTP/1.1\0\0Host\0 \t x\0\0\0\0"), 24, 1)));
	assert_false(err_ok(layout(&c, S("GET\0/\0HTTP/1.1\0\0Host\0 x\0\0\0"), 22, 1)));       /* a byte missing at the end */
	assert_false(err_ok(layout(&c, S("GET\0/\0HTTP/1.1\0\0Host\0 x\0y\0\0\0\0"), 22, 1)));  /* a byte more behind the value */
	assert_false(err_ok(layout(&c, S("GET\0/\0HTTP/1.1\0\0Host\0y x\0\0\0\0"), 23, 1)));    /* and before it */
	assert_false(err_ok(layout(&c, S("GET\0/\0HTTP/1.1\0\0Host\0 x\0\0\0\0"), 20, 3)));     /* no colon */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_bodies), cmocka_unit_test(test_refused), cmocka_unit_test(test_layout)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
