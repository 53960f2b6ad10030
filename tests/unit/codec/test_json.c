#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "codec/json.h"

#define Z(literal) (literal), sizeof(literal) - 1

static const struct { const char *text; size_t n; enum err_code code; } table[] = {
    {Z("{}"), ERR_NONE},
    {Z("[]"), ERR_NONE},
    {Z(" {\"a\": [1, -2, 3.5e3, true, false, null, \"\\u00e9\\n\"]} \n"), ERR_NONE},
    {Z("{\"a\":9223372036854775807}"), ERR_NONE},
    {Z("{\"a\":\"\xc3\xa9\"}"), ERR_NONE},
    {Z("{\"a\":\"\\ud83d\\ude00\"}"), ERR_NONE},
    {Z(""), ERR_INVALID},
    {Z("1"), ERR_INVALID},
    {Z("\"text\""), ERR_INVALID},
    {Z("{\"a\":1,\"a\":2}"), ERR_INVALID},              /* duplicate */
    {Z("{\"a\":1,\"\\u0061\":2}"), ERR_INVALID},        /* duplicate, written otherwise */
    {Z("{\"b\":{\"a\":1,\"a\":1}}"), ERR_INVALID},
    {Z("{} {}"), ERR_INVALID},                          /* bytes behind */
    {Z("{}x"), ERR_INVALID},
    {Z("{}\0"), ERR_INVALID},
    {Z("{\"a\":\"\0\"}"), ERR_INVALID},
    {Z("{\"a\":1\0\t}"), ERR_INVALID}, /* jansson took it */
    {Z("{\"a\":\"\\u0000\"}"), ERR_INVALID},
    {Z("{\"\\u0000\":1}"), ERR_INVALID},
    {Z("{\"a\":\"\xff\"}"), ERR_INVALID},               /* not UTF-8 */
    {Z("{\"a\":\"\xc0\xaf\"}"), ERR_INVALID},           /* overlong */
    {Z("{\"a\":\"\xed\xa0\x80\"}"), ERR_INVALID},       /* a surrogate */
    {Z("{\"a\":\"\\ud800\"}"), ERR_INVALID},
    {Z("\xef\xbb\xbf{}"), ERR_INVALID},                 /* byte order mark */
    {Z("{\"a\":9223372036854775808}"), ERR_INVALID},
    {Z("{\"a\":1e400}"), ERR_INVALID},
    {Z("{\"a\":NaN}"), ERR_INVALID},
    {Z("{\"a\":01}"), ERR_INVALID},
    {Z("{\"a\":1,}"), ERR_INVALID},
    {Z("{'a':1}"), ERR_INVALID},
    {Z("{\"a\":\"\t\"}"), ERR_INVALID},
    {Z("{/*x*/}"), ERR_INVALID},
    {Z("[1,2"), ERR_INVALID},
    {Z("]"), ERR_INVALID},
    {Z("[[[[[[[[[]]]]]]]]]"), ERR_INVALID},             /* nine deep, limit eight */
    {Z("[[[[[[[[\"[[[[\"]]]]]]]]"), ERR_NONE},
    {Z("[[[[[[[[\"\\\"[[\"]]]]]]]]"), ERR_NONE},
    {Z("[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20]"), ERR_NONE},
    {Z("[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32]"), ERR_TOO_LARGE},
};

static void
documents(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct ctx c = {.arena = NULL};
		json_t *untouched = json_true(), *root = untouched;
		Err e = json_read(&c, str_of(table[i].text, table[i].n), (struct json_limits){.bytes = 100, .depth = 8, .values = 30}, &root);
		if (e.code != table[i].code) fail_msg("'%s': %s, not expected", table[i].text, err_name(e));
		assert_true(err_ok(e) ? root != untouched : root == untouched && c.detail[0]);
		json_decref(root);
	}
}

static void
limits(void **state)
{
	struct ctx c = {.arena = NULL};
	char deep[80];
	json_t *root = NULL;

	(void)state;
	memset(deep, '[', 40);
	memset(deep + 40, ']', 40);
	assert_int_equal(json_read(&c, S("{\"a\":1}"), (struct json_limits){.bytes = 6}, &root).code, ERR_TOO_LARGE);
	assert_int_equal(json_read(&c, str_of(deep, 80), (struct json_limits){.bytes = 100}, &root).code, ERR_INVALID); /* 32 is the default */
	assert_int_equal(json_read(&c, str_of(deep + 8, 64), (struct json_limits){.bytes = 100}, &root).code, ERR_NONE);
	json_decref(root);
}

static void
getters(void **state)
{
	struct ctx c = {.arena = NULL};
	JSON_AUTO *o = NULL;
	Str text = S("-");
	int64_t n = -1;
	uint64_t u = 7;
	double d = 0;
	bool b = false;
	json_t *v = NULL;

	(void)state;
	assert_true(err_ok(json_read(&c, S("{\"s\":\"x\",\"n\":-5,\"d\":1.5,\"b\":true,\"l\":[1],\"o\":{\"k\":1},\"z\":null}"), (struct json_limits){.bytes = 200}, &o)));
	assert_true(err_ok(json_str(&c, o, "s", &text)) && str_eqc(text, "x"));
	assert_true(err_ok(json_i64(&c, o, "n", -5, 5, &n)) && n == -5);
	assert_true(err_ok(json_f64(&c, o, "d", &d)) && d > 1.4 && d < 1.6);
	assert_true(err_ok(json_f64(&c, o, "n", &d)) && d < -4.9);
	assert_true(err_ok(json_bool(&c, o, "b", &b)) && b);
	assert_true(err_ok(json_list(&c, o, "l", &v)) && json_array_size(v) == 1);
	assert_true(err_ok(json_obj(&c, o, "o", &v)) && json_object_size(v) == 1);
	assert_true(err_ok(json_str_opt(&c, o, "z", S("none"), &text)) && str_eqc(text, "none"));
	assert_true(err_ok(json_i64_opt(&c, o, "gone", 0, 9, 3, &n)) && n == 3);
	assert_true(err_ok(json_bool_opt(&c, o, "gone", false, &b)) && !b);
	assert_true(err_ok(json_list_opt(&c, o, "gone", &v)) && v == NULL);
	assert_true(err_ok(json_obj_opt(&c, o, "z", &v)) && v == NULL);

	assert_int_equal(json_str(&c, o, "gone", &text).code, ERR_INVALID);
	assert_string_equal(c.detail, "'gone' is missing");
	assert_int_equal(json_str(&c, o, "z", &text).code, ERR_INVALID);
	assert_int_equal(json_str(&c, o, "n", &text).code, ERR_INVALID);
	assert_string_equal(c.detail, "'n' must be a text");
	assert_int_equal(json_i64(&c, o, "n", -4, 5, &n).code, ERR_INVALID);
	assert_string_equal(c.detail, "'n' is -5, it must be from -4 to 5");
	assert_int_equal(json_i64(&c, o, "d", -4, 5, &n).code, ERR_INVALID);
	assert_int_equal(json_u64(&c, o, "n", &u).code, ERR_INVALID);
	assert_true(u == 7);
	assert_int_equal(json_bool(&c, o, "n", &b).code, ERR_INVALID);
	assert_int_equal(json_bool_opt(&c, o, "n", true, &b).code, ERR_INVALID); /* there, but wrong */
	assert_int_equal(json_str_opt(&c, o, "n", S(""), &text).code, ERR_INVALID);
	assert_int_equal(json_list(&c, o, "o", &v).code, ERR_INVALID);
	assert_int_equal(json_obj_opt(&c, o, "l", &v).code, ERR_INVALID);
	assert_int_equal(json_str(&c, v, "s", &text).code, ERR_INVALID); /* no object at all */
}

static void
known_keys(void **state)
{
	struct ctx c = {.arena = NULL};
	JSON_AUTO *o = NULL;

	(void)state;
	assert_true(err_ok(json_read(&c, S("{\"a\":1,\"bb\":2}"), (struct json_limits){.bytes = 200}, &o)));
	assert_true(err_ok(JSON_ONLY(&c, o, "bb", "a", "c")));
	assert_int_equal(JSON_ONLY(&c, o, "a", "b").code, ERR_INVALID);
	assert_string_equal(c.detail, "unknown key 'bb'");
	assert_int_equal(JSON_ONLY(&c, json_object_get(o, "a"), "a").code, ERR_INVALID);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(documents), cmocka_unit_test(limits), cmocka_unit_test(getters), cmocka_unit_test(known_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
