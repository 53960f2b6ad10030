#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "doc_equal.h"

static struct ctx c;

/* What the scanner takes must be what jansson takes, and the same. Returns whether the scanner took it. */
static bool
both(Str text)
{
	DOC_AUTO fast;
	DOC_AUTO slow;

	doc_init(&fast);
	doc_init(&slow);
	if (!doc_scan(text, &fast)) return false;
	Err e = doc_parse(&c, text, 65535, &slow);
	if (!err_ok(e)) fail_msg("only the scanner takes: %.*s (%s)", STR(text), c.detail);
	if (!doc_equal(doc_root(&fast), doc_root(&slow))) fail_msg("read in two ways: %.*s", STR(text));
	return true;
}

static void
scanner_takes_what_we_write(void **state)
{
	(void)state;
	static const char *const texts[] = {
	    "{}", "{\"a\":1}", "{\"a\":[]}", "{\"a\":{},\"b\":[{},[],\"x\",true,false,0]}", "{\"\xc3\xa9\":\"\xf0\x9f\x98\x80\"}",
	    "{\"a\":9007199254740991}", "{\"a\":\"\"}", "{\"\":\"\"}", "{\"a\":\"\x7f\"}", "{\"a\":\"\\\"x\\\" = 1\"}",
	    "{\"a\\n\":\"\\n\\r\\t\\b\\f\\/\\\\\",\"b\":\"x\\\"\"}", "{\"a\":\"\\\"\xc3\xa9\"}",
	    "{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{}}}}}}}}", /* depth 8 */
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (!both(str_c(texts[i]))) fail_msg("not taken: %s", texts[i]);
}

static void
scanner_leaves_the_rest(void **state)
{
	(void)state;
	static const char *const texts[] = {
	    "", "[]", "1", "{", "{}x", "{} ", " {}", "{\"a\": 1}", "{\"a\":01}", "{\"a\":-1}", "{\"a\":1.5}", "{\"a\":1e3}", "{\"a\":9007199254740992}",
	    "{\"a\":18446744073709551616}", "{\"a\":null}", "{\"a\":tru}", "{\"a\":truex}", "{\"a\":1,}", "{,\"a\":1}", "{\"a\"}", "{\"a\":}", "{a:1}",
	    "{\"a\":1,\"a\":2}", "{\"a\":\"\\u0041\"}", "{\"a\":\"\\x\"}", "{\"a\":\"\\\"}", "{\"a\":\"\\\"\xff\"}", "{\"a\":\"\xff\\n\"}", "{\"a\":\"\xff" "12345678\\n\"}", "{\"a\\n\":1,\"a\\n\":2}", "{\"a\":\"\n\"}", "{\"a\":\"x}", "{\"a\":[1,]}", "{\"a\":[1}", "{\"a\":[1]]", "{\"a\":1 }",
	    "{\"a\":\"\xff\"}", "{\"a\":\"\xed\xa0\x80\"}", "{\"a\":\"\xc0\x80\"}", "{\"ab\":1,\"cd\":2,\"ab\":3}",
	    "{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{}}}}}}}}}", /* depth 9 */
	};
	DOC_AUTO d;

	doc_init(&d);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (doc_scan(str_c(texts[i]), &d)) fail_msg("taken: %s", texts[i]);
	assert_false(doc_scan(str_of("{\"a\":\"\0\"}", 9), &d));
	/* what is valid among them is read by jansson to the same end */
	assert_true(err_ok(doc_read(&c, S("{ \"a\" : \"\\u00e9\", \"b\":null , \"n\":-1}"), 100, &d)));
	assert_true(str_eq(doc_first(doc_root(&d))->text, S("\xc3\xa9")));
	doc_fini(&d);
	assert_false(err_ok(doc_read(&c, S("{\"a\":1,\"a\":2}"), 100, &d)));
	assert_false(err_ok(doc_read(&c, S("{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{}}}}}}}}}"), 100, &d)));
	assert_int_equal(doc_read(&c, S("{\"a\":1}"), 6, &d).code, ERR_TOO_LARGE);
}

static uint32_t
next(uint32_t *r, size_t below)
{
	*r = *r * 1664525u + 1013904223u;
	return (*r >> 8) % (uint32_t)below;
}

/* Random texts of the grammar's letters, and well-formed ones with a few bytes changed. */
static void
both_ways_agree(void **state)
{
	(void)state;
	static const char letters[] = "{}[]\",:01eE.-+ tfrualsn\\\\\xc3\xa9\x01\xff";
	static const char seed[] = "{\"v\":1,\"origin\":\"ab\",\"seq\":12,\"l\":[[\"a\",\"b\"],[]],\"t\":\"\xc3\xa9\\\"x\",\"o\":{\"x\":false,\"y\":{}}}";
	uint32_t r = 20261121, taken = 0;

	for (int round = 0; round < 200000; round++) {
		char text[sizeof seed];
		size_t n = sizeof seed - 1;
		memcpy(text, seed, sizeof seed);
		if (round % 4 == 0) {
			n = 2 + next(&r, 12);
			for (size_t i = 0; i < n; i++) text[i] = letters[next(&r, sizeof letters - 1)];
			text[0] = '{';
			text[n - 1] = '}';
		} else
			for (unsigned k = next(&r, 3); k > 0; k--) {
				size_t at = next(&r, n);
				text[at] = letters[next(&r, sizeof letters - 1)];
			}
		taken += both(str_of(text, n));
	}
	assert_in_range(taken, 30000, 170000); /* the generator reaches both sides */
}

static void
many_nodes_and_fields(void **state)
{
	(void)state;
	BUF_AUTO text = BUF_INIT;
	DOC_AUTO d;
	uint64_t sum = 0;

	buf_c(&text, "{\"list\":[0");
	for (int i = 1; i < 20000; i++) buf_printf(&text, ",%d", i);
	buf_c(&text, "],\"b\":true,\"x\":\"y\"}");
	doc_init(&d);
	assert_true(err_ok(doc_read(&c, buf_view(&text), text.n, &d)));
	struct fields f = fields_of(&c, "test", doc_root(&d));
	assert_true(field_bool(&f, S("b")));
	const struct doc_node *list = field_list(&f, S("list"), 20000);
	for (const struct doc_node *n = doc_first(list); n; n = doc_next(list, n)) sum += n->number;
	assert_int_equal(sum, 20000ULL * 19999 / 2);
	assert_false(err_ok(fields_end(&f)));
	assert_non_null(strstr(c.detail, "'x' is unknown"));
	field_ident(&f, S("x"));
	assert_true(err_ok(fields_end(&f)));
	field_list(&f, S("list"), 19999);
	assert_non_null(strstr(c.detail, "more than 19999"));
	assert_false(err_ok(fields_end(&f)));
}

static void
fields_tell_what_is_wrong(void **state)
{
	(void)state;
	DOC_AUTO d;

	doc_init(&d);
	assert_true(err_ok(doc_read(&c, S("{\"n\":1,\"t\":\"2026-11-21T09:04:14Z\",\"f\":\"forever\",\"h\":\"00ff\",\"u\":null}"), 100, &d)));
#define TEST(call, says)                                                                                                       \
	do {                                                                                                                   \
		struct fields f = fields_of(&c, "test", doc_root(&d));                                                         \
		c.detail[0] = 0;                                                                                               \
		(void)(call);                                                                                                  \
		if (err_ok(f.err) ? says[0] != 0 : !strstr(c.detail, says) || !says[0]) fail_msg("%s: '%s'", #call, c.detail); \
	} while (0)
	TEST(field_u64(&f, S("n")), "");
	TEST(field_u64(&f, S("t")), "'t' must be a whole number");
	TEST(field_u64(&f, S("u")), "'u' must be a whole number");
	TEST(field_u64(&f, S("gone")), "'gone' is missing");
	TEST(field_text(&f, S("t"), 19), "'t' is longer than 19");
	TEST(field_time(&f, S("t")), "");
	TEST(field_time(&f, S("f")), "'f' must be a time");
	TEST(field_time_forever(&f, S("f")), "");
	TEST(field_hex(&f, S("h"), 4), "");
	TEST(field_hex(&f, S("h"), 6), "hex digits");
	TEST(field_object(&f, S("n")), "'n' must be an object");
	TEST(field_list(&f, S("n"), 3), "'n' must be a list");
	TEST(field_bool(&f, S("n")), "'n' must be true or false");
	TEST(field_id(&f, S("h")), "an id");
}

int
main(void)
{
	ARENA_AUTO arena = ARENA_INIT;
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(scanner_takes_what_we_write), cmocka_unit_test(scanner_leaves_the_rest), cmocka_unit_test(both_ways_agree),
	    cmocka_unit_test(many_nodes_and_fields),       cmocka_unit_test(fields_tell_what_is_wrong),
	};
	c = (struct ctx){.arena = &arena};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
