#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "policy/policy.h"
#include "policy/type.h"

static void
names_come_back(void **state)
{
	enum mask_kind kind;

	(void)state;
	for (int i = 0; i < MASK_KIND_COUNT; i++) {
		assert_true(mask_parse(str_c(mask_name((enum mask_kind)i)), &kind));
		assert_int_equal(kind, i);
	}
	assert_false(mask_parse(S("HASH"), &kind) || mask_parse(S(""), &kind) || mask_parse(S("hash "), &kind));
	assert_string_equal(mask_name((enum mask_kind)50), "unknown");
}

static void
stricter_tells_no_more_than_either(void **state)
{
	(void)state;
	for (int i = 0; i < MASK_KIND_COUNT; i++)
		for (int k = 0; k < MASK_KIND_COUNT; k++)
			if (i == k || i == MASK_NONE || k == MASK_NONE || i >= MASK_CONSTANT || k >= MASK_CONSTANT)
				assert_int_equal(mask_stricter((enum mask_kind)i, (enum mask_kind)k), i > k ? i : k);
			else /* a part of the value, and which values are equal: together more than either */
				assert_int_equal(mask_stricter((enum mask_kind)i, (enum mask_kind)k), MASK_CONSTANT);
	assert_int_equal(mask_stricter(MASK_NONE, (enum mask_kind)50), MASK_NULL);
	assert_int_equal(mask_stricter((enum mask_kind)50, MASK_HASH), MASK_NULL);
}

static void
types(void **state)
{
	static const struct { const char *text; enum type_class class; unsigned width, scale; } table[] = {
	    {"VARCHAR", TYPE_TEXT, 0, 0}, {"varchar", TYPE_TEXT, 0, 0}, {"UBIGINT", TYPE_INTEGER, 0, 0}, {"HUGEINT", TYPE_HUGE, 0, 0}, {"UHUGEINT", TYPE_UHUGE, 0, 0},
	    {"DECIMAL(18,2)", TYPE_DECIMAL, 18, 2}, {"DECIMAL(38, 0)", TYPE_DECIMAL, 38, 0}, {"decimal(5)", TYPE_DECIMAL, 5, 0},
	    {"DECIMAL", TYPE_DECIMAL, 18, 3}, {"DECIMAL(39,0)", TYPE_OTHER, 0, 0}, {"DECIMAL(2,3)", TYPE_OTHER, 0, 0},
	    {"DECIMAL(18,2)[]", TYPE_OTHER, 0, 0}, {"DECIMAL(18,2) AS x", TYPE_OTHER, 0, 0}, {"DECIMAL()", TYPE_OTHER, 0, 0},
	    {"DECIMALX", TYPE_OTHER, 0, 0}, {"TIMESTAMP WITH TIME ZONE", TYPE_TIMESTAMP_TZ, 0, 0}, {"TIMESTAMP_NS", TYPE_TIMESTAMP_NS, 0, 0},
	    {"DATE", TYPE_DATE, 0, 0}, {"DATE[]", TYPE_OTHER, 0, 0}, {"STRUCT(a DATE)", TYPE_OTHER, 0, 0}, {"ENUM('a')", TYPE_OTHER, 0, 0},
	    {"", TYPE_OTHER, 0, 0}, {"VARCHAR) FROM x; --", TYPE_OTHER, 0, 0}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct type_info t = type_of(str_c(table[i].text));
		if (t.class != table[i].class || t.width != table[i].width || t.scale != table[i].scale) fail_msg("%s", table[i].text);
	}
	assert_int_equal(type_of((Str){NULL, 0}).class, TYPE_OTHER);
}

static void
fits(void **state)
{
	struct policy_column text = {.name = S("a"), .type = S("VARCHAR")}, number = {.name = S("a"), .type = S("BIGINT")}, date = {.name = S("a"), .type = S("DATE")};

	(void)state;
	assert_true(mask_fits(MASK_LAST_FOUR, text.type) && !mask_fits(MASK_LAST_FOUR, number.type) && !mask_fits(MASK_LAST_FOUR, date.type));
	assert_true(mask_fits(MASK_YEAR, date.type) && mask_fits(MASK_YEAR, S("TIMESTAMP")) && !mask_fits(MASK_YEAR, text.type));
	assert_false(mask_fits(MASK_YEAR, S("TIMESTAMP WITH TIME ZONE"))); /* what a year is would hang on the session's zone */
	assert_true(mask_fits(MASK_HASH, number.type) && mask_fits(MASK_CONSTANT, S("STRUCT(a INTEGER)")) && mask_fits(MASK_NULL, date.type));
	assert_false(mask_fits((enum mask_kind)50, text.type));
	assert_true(str_eqc(policy_masked_type(&number, MASK_HASH), "VARCHAR") && str_eqc(policy_masked_type(&number, MASK_NULL), "BIGINT"));
	assert_true(str_eqc(policy_masked_type(&text, MASK_LAST_FOUR), "VARCHAR") && str_eqc(policy_masked_type(&number, MASK_LAST_FOUR), "BIGINT"));
	assert_true(str_eqc(policy_masked_type(&date, MASK_YEAR), "DATE"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_come_back),
	    cmocka_unit_test(stricter_tells_no_more_than_either),
	    cmocka_unit_test(types),
	    cmocka_unit_test(fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
