#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "codec/tagexpr.h"

static bool
vocabulary(const void *arg, Str tag, struct tag_values *ret)
{
	static const Str classes[] = {{"public", 6}, {"internal", 8}, {"confidential", 12}, {"restricted", 10}};
	static const Str environments[] = {{"dev", 3}, {"test", 4}, {"prod", 4}};

	(void)arg;
	if (str_eqc(tag, "classification"))
		*ret = (struct tag_values){classes, 4, true};
	else if (str_eqc(tag, "environment"))
		*ret = (struct tag_values){environments, 3, false};
	else
		*ret = (struct tag_values){0};
	return str_eqc(tag, "classification") || str_eqc(tag, "environment") || str_eqc(tag, "cost_center");
}

/* What a grant says of it, and what a restriction does where that is something else; or the start of the complaint. */
static const struct { const char *text, *positive, *other, *complaint; } table[] = {
    {"environment = prod", "environment IN ('prod')", NULL, NULL},
    {" environment='prod'\n", "environment IN ('prod')", NULL, NULL},
    {"environment in (prod, dev, prod)", "environment IN ('dev', 'prod')", NULL, NULL},
    {"classification <= internal and environment = prod", "classification IN ('internal', 'public') AND environment IN ('prod')", NULL, NULL},
    {"classification < confidential", "classification IN ('internal', 'public')", NULL, NULL},
    {"classification > internal", "classification IN ('confidential', 'restricted')", NULL, NULL},
    {"classification >= restricted", "classification IN ('restricted')", NULL, NULL},
    {"classification <= restricted", "classification IN ('confidential', 'internal', 'public', 'restricted')", NULL, NULL},
    {"cost_center = 'it''s 4711'", "cost_center IN ('it''s 4711')", NULL, NULL},
    {"cost_center = 4711", "cost_center IN ('4711')", NULL, NULL},
    {"environment <> dev", "environment IN ('prod', 'test')", "NOT environment IN ('dev')", NULL},
    {"environment != dev", "environment IN ('prod', 'test')", "NOT environment IN ('dev')", NULL},
    {"environment not in (dev, test)", "environment IN ('prod')", "NOT environment IN ('dev', 'test')", NULL},
    {"not environment = dev", "environment IN ('prod', 'test')", "NOT environment IN ('dev')", NULL},
    {"not not environment = dev", "environment IN ('dev')", "NOT NOT environment IN ('dev')", NULL},
    {"not environment <> dev", "environment IN ('dev')", "NOT NOT environment IN ('dev')", NULL},
    {"not (environment = dev or classification > public and environment = test)",
     "environment IN ('prod', 'test') AND (classification IN ('public') OR environment IN ('dev', 'prod'))",
     "NOT (environment IN ('dev') OR classification IN ('confidential', 'internal', 'restricted') AND environment IN ('test'))", NULL},
    {"(environment = dev or environment = test) and cost_center = a", "(environment IN ('dev') OR environment IN ('test')) AND cost_center IN ('a')", NULL, NULL},
    {"environment = dev and (environment = test and cost_center = a)", "environment IN ('dev') AND (environment IN ('test') AND cost_center IN ('a'))", NULL, NULL},

    {"", NULL, NULL, "tag expression, byte 0: expected a tag, found the end"},
    {"environment", NULL, NULL, "tag expression, byte 11: expected a comparison or IN, found the end"},
    {"environment =", NULL, NULL, "tag expression, byte 13: expected a value, found the end"},
    {"environment = or", NULL, NULL, "tag expression, byte 14: expected a value"},
    {"environment not = dev", NULL, NULL, "tag expression, byte 16: expected IN"},
    {"environment = prd", NULL, NULL, "tag expression, byte 14: 'prd' is no value of environment"},
    {"enviroment = dev", NULL, NULL, "tag expression, byte 0: there is no tag 'enviroment'"},
    {"Environment = dev", NULL, NULL, "tag expression, byte 0: there is no tag 'Environment'"},
    {"environment <= dev", NULL, NULL, "tag expression, byte 0: the values of environment have no order"},
    {"classification < public", NULL, NULL, "tag expression, byte 0: no value of classification fits that"},
    {"environment in ()", NULL, NULL, "tag expression, byte 16: expected a value"},
    {"environment in (dev", NULL, NULL, "tag expression, byte 19: expected ',' or ')', found the end"},
    {"environment = dev environment = test", NULL, NULL, "tag expression, byte 18: expected AND, OR or the end"},
    {"(environment = dev", NULL, NULL, "tag expression, byte 18: expected AND, OR or ')', found the end"},
    {"cost_center = 'open", NULL, NULL, "tag expression, byte 14: expected a value; what stands there is not well formed"},
    {"cost_center = ''", NULL, NULL, "tag expression, byte 14: an empty value"},
    {"environment = dev; drop", NULL, NULL, "tag expression, byte 17: expected AND, OR or the end; what stands there is not well formed"},
    {"((((((((environment = dev))))))))", NULL, NULL, "tag expression, byte 8: nested deeper than 8"},
};

static void
compare(const char *text, bool positive, const char *canonical, const char *complaint)
{
	ARENA_AUTO a = ARENA_INIT;
	BUF_AUTO out = BUF_INIT;
	struct ctx c = {.arena = &a};
	const struct tag_expr *e;

	Err err = tagexpr_parse(&c, str_c(text), vocabulary, NULL, positive, &e);
	if (complaint) {
		assert_int_equal(err.code, ERR_INVALID);
		if (strncmp(c.detail, complaint, strlen(complaint)) != 0) fail_msg("%s: %s", text, c.detail);
		return;
	}
	if (!err_ok(err)) fail_msg("%s: %s", text, c.detail);
	tagexpr_print(e, &out);
	assert_string_equal(buf_z(&out), canonical);
	assert_int_equal(tagexpr_has_not(e), strstr(canonical, "NOT ") != NULL);
}

static void
texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		compare(table[i].text, true, table[i].positive, table[i].complaint);
		compare(table[i].text, false, table[i].other ? table[i].other : table[i].positive, table[i].complaint);
	}
}

/* What a tag of any value is not cannot be told, so a grant cannot say it; a restriction may. */
static void
no_complement_of_free_tags(void **state)
{
	(void)state;
	compare("cost_center <> a", false, "NOT cost_center IN ('a')", NULL);
	compare("cost_center <> a", true, NULL, "tag expression, byte 0: cost_center may have any value");
	compare("environment = dev and not (cost_center = a)", true, NULL, "tag expression, byte 27: cost_center may have any value");
	compare("not cost_center <> a", true, "cost_center IN ('a')", NULL);
}

static void
logs_hold_the_canonical_form_alone(void **state)
{
	static const char *const good[] = {"a IN ('1', '2')", "NOT a IN ('x')", "NOT (a IN ('x') OR b IN ('y'))", "a IN ('x') AND (b IN ('y') OR c IN ('z'))"};
	static const char *const bad[] = {"a IN ('2', '1')", "a IN ('1', '1')", "a in ('1')", "a IN (1)", "a = '1'", "a <> '1'", "a <= '1'", " a IN ('1')",
	    "(a IN ('1'))", "A IN ('1')", "a NOT IN ('1')", "a__b IN ('1')", "a IN ('')"};
	ARENA_AUTO a = ARENA_INIT;
	const struct tag_expr *e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct ctx c = {.arena = &a};
		if (!err_ok(tagexpr_parse_canonical(&c, str_c(good[i]), &e))) fail_msg("%s: %s", good[i], c.detail);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct ctx c = {.arena = &a};
		if (err_ok(tagexpr_parse_canonical(&c, str_c(bad[i]), &e))) fail_msg("%s", bad[i]);
	}
}

/* Each limit holds at its edge, and what is within is readable again. */
static void
limits(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	BUF_AUTO text = BUF_INIT;
	const struct tag_expr *e;

	(void)state;
	for (int n = 64; n <= 65; n++) { /* values */
		struct ctx c = {.arena = &a};
		text.n = 0;
		for (int i = 0; i < n; i++) buf_printf(&text, "%s%03d", i ? ", " : "cost_center in (", i);
		buf_char(&text, ')');
		assert_int_equal(err_ok(tagexpr_parse(&c, buf_view(&text), vocabulary, NULL, true, &e)), n == 64);
	}
	for (int n = 32; n <= 33; n++) { /* 32 tests and 31 times AND are 63 nodes */
		struct ctx c = {.arena = &a};
		text.n = 0;
		for (int i = 0; i < n; i++) buf_printf(&text, "%scost_center = a", i ? " and " : "");
		assert_int_equal(err_ok(tagexpr_parse(&c, buf_view(&text), vocabulary, NULL, true, &e)), n == 32);
	}
	for (size_t n = 2030; n < 2050; n++) { /* bytes: cost_center IN ('…') */
		struct ctx c = {.arena = &a};
		text.n = 0;
		buf_c(&text, "cost_center IN ('");
		while (text.n < n - 2) buf_char(&text, 'x');
		buf_c(&text, "')");
		assert_int_equal(err_ok(tagexpr_parse(&c, buf_view(&text), vocabulary, NULL, true, &e)), n <= 2048);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(texts), cmocka_unit_test(no_complement_of_free_tags), cmocka_unit_test(logs_hold_the_canonical_form_alone),
	    cmocka_unit_test(limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
