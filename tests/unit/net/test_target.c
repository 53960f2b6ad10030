#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "base/buf.h"
#include "net/target.h"

/* "[seg][seg]?name=value;" or the name of the error */
static void
check(Str text, const char *expected)
{
	ARENA_AUTO arena = ARENA_INIT;
	struct ctx c = {.arena = &arena};
	BUF_AUTO b = BUF_INIT;
	struct target t;
	Err e = target_parse(&c, text, &t);

	if (err_ok(e)) {
		for (size_t i = 0; i < t.segment_count; i++) buf_printf(&b, "[%.*s]", STR(t.segments[i]));
		if (t.param_count) buf_char(&b, '?');
		for (size_t i = 0; i < t.param_count; i++) buf_printf(&b, "%.*s=%.*s;", STR(t.params[i].name), STR(t.params[i].value));
	} else {
		buf_c(&b, err_name(e));
	}
	assert_string_equal(buf_z(&b), expected);
}

static void
test_decodes(void **state)
{
	(void)state;
	check(S("/"), "");
	check(S("/a"), "[a]");
	check(S("/a/b/c"), "[a][b][c]");
	check(S("/a/"), "[a][]");
	check(S("//"), "[][]");
	check(S("/a%2Fb/%63"), "[a/b][c]");
	check(S("/a+b"), "[a+b]");
	check(S("/%E2%82%AC"), "[\xe2\x82\xac]");
	check(S("/a%3Fb?c"), "[a?b]?c=;");
	check(S("/?"), "");
	check(S("/?&&"), "");
	check(S("/?a=1&b=2&a=3"), "?a=1;b=2;a=3;");
	check(S("/?a=b=c?/d"), "?a=b=c?/d;");
	check(S("/?a+b=c+d%2B"), "?a b=c d+;");
	check(S("/?q=%0A%09x"), "?q=\n\tx;");
	check(S("/...%2e/.a"), "[....][.a]");
}

static void
test_refuses(void **state)
{
	static const char *const wrong[] = {
	    "", "a", "http://x/", "*", "x:80", "?a", "/a b", "/a\"", "/a<", "/a\\", "/a^", "/a`", "/\x01", "/\x7f", "/\xc3\xa4", "/#a", "/%", "/%1",
	    "/%1g", "/%g1", "/%%31", "/% 1", "/%+1", "/%00", "/%0a", "/%1f", "/%7f", "/?%00", "/?%01", "/?%7f", "/%ff", "/%c0%af", "/%ed%a0%80",
	    "/?a=%ff", "/.", "/..", "/a/../b", "/%2e", "/%2E%2e/x", "/.%2e"};
	ARENA_AUTO arena = ARENA_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) check(str_c(wrong[i]), "INVALID");
	check(S("/a\0b"), "INVALID");
	char *big = arena_alloc(&arena, TARGET_MAX + 1);
	memset(big, 'a', TARGET_MAX + 1);
	big[0] = '/';
	check(str_of(big, TARGET_MAX + 1), "TOO_LARGE");
	memset(big, '/', 100);
	check(str_of(big, TARGET_SEGMENTS_MAX + 1), "INVALID");
	memset(big, '&', 300);
	memcpy(big, "/?", 2);
	for (size_t i = 0; i <= TARGET_PARAMS_MAX; i++) big[2 + 2 * i] = 'x';
	check(str_of(big, 2 + 2 * (TARGET_PARAMS_MAX + 1)), "INVALID");
}

static void
test_param(void **state)
{
	ARENA_AUTO arena = ARENA_INIT;
	struct ctx c = {.arena = &arena};
	struct target t;
	Str s;

	(void)state;
	assert_true(err_ok(target_parse(&c, S("/?a=1&b=2&a=3"), &t)));
	assert_true(target_param(&t, S("a"), &s));
	assert_true(str_eqc(s, "1"));
	assert_false(target_param(&t, S("c"), &s));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_decodes), cmocka_unit_test(test_refuses), cmocka_unit_test(test_param)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
