#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/buf.h"
#include "codec/yaml.h"

struct bad { const char *yaml, *says; };

static const struct bad bads[] = {
    {"", "empty"},
    {"# nothing\n", "empty"},
    {"a: &x 1\nb: *x\n", "line 1, column 4: anchors"},
    {"a: 1\nb: *x\n", "line 2, column 4: aliases"},
    {"a: !!int 1\n", "line 1, column 4: tags"},
    {"a: !x [1]\n", "line 1, column 4: tags"},
    {"! a\n", "tags"},
    {"<<: {a: 1}\n", "line 1, column 1: merge"},
    {"%TAG ! tag:example.com,2000:\n---\na: 1\n", "%TAG"},
    {"a: 1\n---\nb: 2\n", "second document"},
    {"a: 1\n...\n---\nb: 2\n", "second document"},
    {"a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n", "line 5, column 3: key 'c' stands here a second time (first in line 3)"},
    {"{\"a\": 1, \"a\": 2}", "column 10: key 'a'"},
    {"? [a, b]\n: 1\n", "a key must be a single text"},
    {"? {a: b}\n: 1\n", "a key must be a single text"},
    {"'': 1\n", "must not be empty"}, {": 1\n", "line 1"},
    {"a: yes\n", "line 1, column 4: 'yes' is true or false"},
    {"on: 1\n", "'on'"},
    {"a:\n\t- 1\n", "line 2, column 1"},
    {"a: \"\\0\"\n", "NUL"},
    {"a: \"\\uD800\"\n", "line 1"},
    {"a: [1, 2\nb: 3\n", "line 2"},
    {"a: 1\n b: 2\n", "line 2"},
    {"a: 1\nb: \xff\xfe\n", "line 2: NUL or malformed"},
    {"a: 1\n\n\nb: \xed\xa0\x80\n", "line 4: NUL or malformed"},
};

static Err
parse(struct ctx *c, const char *yaml, const struct node **ret)
{
	return yaml_parse(c, str_c(yaml), ret);
}

static void
refuses_what_is_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bads); i++) {
		ARENA_AUTO a = ARENA_INIT;
		struct ctx c = {.arena = &a};
		const struct node *n = NULL;
		Err e = parse(&c, bads[i].yaml, &n);

		if (e.code != ERR_INVALID || !strstr(c.detail, bads[i].says))
			fail_msg("%s -> %s: %s (wanted: %s)", bads[i].yaml, err_name(e), c.detail, bads[i].says);
		assert_null(n);
	}
}

static void
tells_types_and_places(void **state)
{
	static const struct { const char *text; enum scalar_type type; } cases[] = {
	    {"~", SCALAR_NULL}, {"null", SCALAR_NULL}, {"true", SCALAR_BOOL}, {"False", SCALAR_BOOL}, {"0", SCALAR_INT},
	    {"-12", SCALAR_INT}, {"1.5", SCALAR_NUMBER}, {"1e3", SCALAR_NUMBER}, {"-0.5E-2", SCALAR_NUMBER}, {"010", SCALAR_TEXT},
	    {"1.", SCALAR_TEXT}, {".5", SCALAR_TEXT}, {"+1", SCALAR_TEXT}, {"0x10", SCALAR_TEXT}, {"1_000", SCALAR_TEXT},
	    {"1.0.0", SCALAR_TEXT}, {"12:30", SCALAR_TEXT}, {"'1'", SCALAR_TEXT}, {"\"true\"", SCALAR_TEXT}, {"''", SCALAR_TEXT},
	    {".inf", SCALAR_TEXT}, {"-", SCALAR_TEXT}, {"1e", SCALAR_TEXT}, {"2017-01-01", SCALAR_TEXT},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		ARENA_AUTO a = ARENA_INIT;
		struct ctx c = {.arena = &a};
		const struct node *n;
		Str text = arena_printf(&a, "k: [%s]", cases[i].text);

		if (str_eqc(str_c(cases[i].text), "-")) text = S("k: ['-']");
		assert_true(err_ok(yaml_parse(&c, text, &n)));
		n = node_get(n, S("k"))->first;
		if (n->type != cases[i].type) fail_msg("%s: type %d", cases[i].text, (int)n->type);
		assert_int_equal(n->line, 1);
		assert_int_equal(n->column, 5);
	}
}

static void
keeps_order_and_text(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	struct ctx c = {.arena = &a};
	const struct node *n;

	(void)state;
	assert_true(err_ok(parse(&c, "\xef\xbb\xbf" "b: 1\na:\n  - x: 'it''s'\n    y: |\n      one\n      two\n  - \"\\u00e9\"\n", &n)));
	assert_int_equal(n->kind, NODE_MAP);
	assert_int_equal(n->count, 2);
	assert_true(str_eqc(n->first->key, "b"));
	const struct node *list = node_get(n, S("a"));
	assert_int_equal(list->kind, NODE_SEQ);
	assert_int_equal(list->count, 2);
	assert_int_equal(list->key_line, 2);
	assert_true(str_eqc(node_get(list->first, S("x"))->text, "it's"));
	assert_true(str_eqc(node_get(list->first, S("y"))->text, "one\ntwo\n"));
	assert_true(node_get(list->first, S("y"))->quoted);
	assert_true(str_eqc(list->first->next->text, "\xc3\xa9"));
	assert_null(node_get(n, S("c")));
	assert_null(node_get(list, S("x")));
	assert_null(node_get(NULL, S("x")));
}

static void
reads_json(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	struct ctx c = {.arena = &a};
	const struct node *n;
	int64_t i;
	double d;
	bool b;

	(void)state;
	assert_true(err_ok(parse(&c, "{\"a\":[1,2.5,true,null,\"x\\n\"],\"b\":{}}", &n)));
	const struct node *m = node_get(n, S("a"))->first;
	assert_true(node_int(m, &i) && i == 1);
	assert_true(node_number(m->next, &d) && d == 2.5);
	assert_false(node_int(m->next, &i));
	assert_true(node_bool(m->next->next, &b) && b);
	assert_false(node_bool(m, &b));
	assert_int_equal(m->next->next->next->type, SCALAR_NULL);
	assert_int_equal(node_get(n, S("b"))->count, 0);
	assert_true(err_ok(parse(&c, "[99999999999999999999, 1e999]", &n)));
	assert_false(node_int(n->first, &i));
	assert_false(node_number(n->first->next, &d));
}

static void
writes_json(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	BUF_AUTO out = BUF_INIT;
	struct ctx c = {.arena = &a};
	const struct node *n;

	(void)state;
	assert_true(err_ok(parse(&c, "b: [1, -2.5e3, True, ~, 'x\"y']\na: {c: 010, d: {}}\ne: []\n", &n)));
	node_json(n, &out);
	assert_string_equal(buf_z(&out), "{\"b\":[1,-2.5e3,true,null,\"x\\\"y\"],\"a\":{\"c\":\"010\",\"d\":{}},\"e\":[]}");
}

static Err
parse_repeated(const char *head, const char *unit, size_t times, const char *tail, char detail[CTX_DETAIL_MAX])
{
	ARENA_AUTO a = ARENA_INIT;
	BUF_AUTO b = BUF_INIT;
	struct ctx c = {.arena = &a};
	const struct node *n;

	buf_c(&b, head);
	for (size_t i = 0; i < times; i++) buf_c(&b, unit);
	buf_c(&b, tail);
	Err e = yaml_parse(&c, buf_view(&b), &n);
	memcpy(detail, c.detail, CTX_DETAIL_MAX);
	return e;
}

static void
keeps_its_limits(void **state)
{
	char detail[CTX_DETAIL_MAX];

	(void)state;
	assert_true(err_ok(parse_repeated("", "[", YAML_DEPTH_MAX, "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]", detail)));
	assert_int_equal(parse_repeated("", "[", YAML_DEPTH_MAX + 1, "", detail).code, ERR_TOO_LARGE);
	assert_non_null(strstr(detail, "nested deeper than 32"));
	assert_int_equal(parse_repeated("", "[", 100000, "", detail).code, ERR_TOO_LARGE);
	assert_int_equal(parse_repeated("", "k", 1000000, ": 1", detail).code, ERR_TOO_LARGE);
	assert_int_equal(parse_repeated("? ", "k", 200000, "\n: 1\n", detail).code, ERR_NONE);
	assert_true(err_ok(parse_repeated("[", "1,", YAML_NODES_MAX - 1, "]", detail)));
	assert_int_equal(parse_repeated("[", "1,", YAML_NODES_MAX, "]", detail).code, ERR_TOO_LARGE);
	assert_int_equal(parse_repeated("{", "a,", YAML_NODES_MAX, "}", detail).code, ERR_TOO_LARGE);
	/* a bomb of aliases dies at its first anchor */
	assert_int_equal(parse_repeated("a: &a [x,x,x,x]\n", "b: [*a,*a,*a,*a]\n", 9, "", detail).code, ERR_INVALID);
	assert_non_null(strstr(detail, "anchors"));
}

static void
refuses_nul(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	struct ctx c = {.arena = &a};
	const struct node *n;

	(void)state;
	assert_int_equal(yaml_parse(&c, S("a: 1\nb: \0\n"), &n).code, ERR_INVALID);
	assert_non_null(strstr(c.detail, "line 2"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(refuses_what_is_bad), cmocka_unit_test(tells_types_and_places), cmocka_unit_test(keeps_order_and_text),
	    cmocka_unit_test(reads_json), cmocka_unit_test(writes_json), cmocka_unit_test(keeps_its_limits), cmocka_unit_test(refuses_nul),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
