#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"

static void
test_compare(void **state)
{
	(void)state;
	assert_true(str_eq(S("abc"), str_of("abcd", 3)));
	assert_false(str_eq(S("abc"), S("abd")));
	assert_false(str_eq(S("abc"), S("ab")));
	assert_true(str_eq((Str){NULL, 0}, S("")));
	assert_true(str_eqc(S("x"), "x"));
	assert_true(str_cmp(S("a"), S("b")) < 0);
	assert_true(str_cmp(S("b"), S("a")) > 0);
	assert_true(str_cmp(S("a"), S("aa")) < 0);
	assert_true(str_cmp(S("aa"), S("a")) > 0);
	assert_int_equal(str_cmp(S("a"), S("a")), 0);
	assert_int_equal(str_cmp(S(""), (Str){NULL, 0}), 0);
	assert_true(str_cmp(S("\xff"), S("a")) > 0); /* bytes are unsigned */
	assert_true(str_ieq(S("Content-Length"), S("cONTENT-lENGTH")));
	assert_false(str_ieq(S("a"), S("ab")));
	assert_false(str_ieq(S("["), S("{"))); /* 32 apart, but no letters */
}

static void
test_parts(void **state)
{
	Str head, rest;

	(void)state;
	assert_true(str_starts(S("heddle"), S("hed")) && str_starts(S("x"), S("")) && str_starts(S(""), (Str){NULL, 0}));
	assert_false(str_starts(S("he"), S("hed")) || str_starts(S("heddle"), S("ed")));
	assert_true(str_ends(S("heddle"), S("dle")) && str_ends(S("x"), S("")));
	assert_false(str_ends(S("le"), S("dle")) || str_ends(S("heddle"), S("dl")));
	rest = str_cut(S("a.b.c"), '.', &head);
	assert_true(str_eqc(head, "a") && str_eqc(rest, "b.c"));
	rest = str_cut(S("a."), '.', &head);
	assert_true(str_eqc(head, "a") && rest.n == 0 && rest.p != NULL); /* something ended here: not the same as nothing there */
	rest = str_cut(S("abc"), '.', &head);
	assert_true(str_eqc(head, "abc") && rest.n == 0 && rest.p == NULL);
	rest = str_cut((Str){NULL, 0}, '.', &head);
	assert_true(head.n == 0 && rest.p == NULL);
	assert_true(str_eqc(str_trim(S(" \t a b \t")), "a b"));
	assert_true(str_trim(S("  ")).n == 0);
	assert_true(str_eqc(str_trim(S("\na\n")), "\na\n")); /* only spaces and tabs */
}

static void
test_number(void **state)
{
	static const char *const bad[] = {"", "00", "01", "-1", "+1", " 1", "1 ", "1.0", "0x1", "18446744073709551616", "99999999999999999999",
	    "100000000000000000000", "1\xd9\xa1"};
	uint64_t v = 7;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_false(str_u64(str_c(bad[i]), &v));
		assert_int_equal(v, 7);
	}
	assert_true(str_u64(S("0"), &v) && v == 0);
	assert_true(str_u64(S("42"), &v) && v == 42);
	assert_true(str_u64(S("18446744073709551615"), &v) && v == UINT64_MAX);
}

static void
test_ident(void **state)
{
	static const char *const good[] = {"a", "0", "_", "a_b", "_a_", "sales2024", "a123456789012345678901234567890123456789012345678901234567890123"};
	static const char *const bad[] = {"", "A", "a-b", "a b", "a__b", "__", "\xc3\xa4", "a.b",
	    "a1234567890123456789012345678901234567890123456789012345678901234"};

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) assert_true(str_is_ident(str_c(good[i])));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_false(str_is_ident(str_c(bad[i])));
	assert_false(str_is_ident(str_of("a\0b", 3)));
}

/* Unicode 15, table 3-7: the borders of every row. */
static void
test_utf8(void **state)
{
	static const Str good[] = {S(""), S("plain"), S("\x01"), S("\x7f"), S("\xc2\x80"), S("\xdf\xbf"), S("\xe0\xa0\x80"), S("\xe1\x80\x80"),
	    S("\xed\x9f\xbf"), S("\xee\x80\x80"), S("\xef\xbf\xbf"), S("\xf0\x90\x80\x80"), S("\xf3\xbf\xbf\xbf"), S("\xf4\x8f\xbf\xbf")};
	static const Str bad[] = {S("\0"), S("a\0b"), S("\x80"), S("\xc1\xbf"), S("\xc2"), S("\xc2\x7f"), S("\xc2\xc0"), S("\xe0\x9f\xbf"),
	    S("\xe0\xa0"), S("\xed\xa0\x80"), S("\xf0\x8f\xbf\xbf"), S("\xf4\x90\x80\x80"), S("\xf5\x80\x80\x80"), S("\xf0\x90\x80"), S("\xff")};

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) assert_true(str_is_utf8(good[i]));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_false(str_is_utf8(bad[i]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_compare), cmocka_unit_test(test_parts), cmocka_unit_test(test_number),
	    cmocka_unit_test(test_ident),   cmocka_unit_test(test_utf8),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
