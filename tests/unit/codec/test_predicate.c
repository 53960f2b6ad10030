#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "codec/predicate.h"

/* The canonical text, or the start of the complaint. */
static const struct { const char *text, *canonical, *complaint; } table[] = {
    {"a = 1", "\"a\" = 1", NULL},
    {"a=1", "\"a\" = 1", NULL},
    {"  a\t=\n-1.5e3 ", "\"a\" = -1.5e3", NULL},
    {"a <> 0", "\"a\" <> 0", NULL},
    {"a != 0", "\"a\" <> 0", NULL},
    {"a<1 AND b<=2 or c>3 And d>=4", "\"a\" < 1 AND \"b\" <= 2 OR \"c\" > 3 AND \"d\" >= 4", NULL},
    {"(a=1 OR b=2) AND c=3", "(\"a\" = 1 OR \"b\" = 2) AND \"c\" = 3", NULL},
    {"a=1 AND (b=2 AND c=3)", "\"a\" = 1 AND (\"b\" = 2 AND \"c\" = 3)", NULL},
    {"((a=1)) OR (b=2 OR c=3)", "\"a\" = 1 OR (\"b\" = 2 OR \"c\" = 3)", NULL},
    {"NOT a=1", "NOT \"a\" = 1", NULL},
    {"not not (a=1 or b=2)", "NOT NOT (\"a\" = 1 OR \"b\" = 2)", NULL},
    {"a IN (1)", "\"a\" IN (1)", NULL},
    {"a not in ('x', 'y''z')", "\"a\" NOT IN ('x', 'y''z')", NULL},
    {"a between 1 and 2 and b = 3", "\"a\" BETWEEN 1 AND 2 AND \"b\" = 3", NULL},
    {"a NOT BETWEEN DATE '2020-02-29' AND DATE '2020-12-31'", "\"a\" NOT BETWEEN DATE '2020-02-29' AND DATE '2020-12-31'", NULL},
    {"a IS NULL", "\"a\" IS NULL", NULL},
    {"a is not null", "\"a\" IS NOT NULL", NULL},
    {"a LIKE 'x%'", "\"a\" LIKE 'x%'", NULL},
    {"a NOT LIKE ''", "\"a\" NOT LIKE ''", NULL},
    {"a = tRue OR a = false", "\"a\" = TRUE OR \"a\" = FALSE", NULL},
    {"date >= DATE '1969-07-20'", "\"date\" >= DATE '1969-07-20'", NULL},
    {"\"or\" = 1", "\"or\" = 1", NULL},
    {"\"a\"\"b\" = 'it''s \"so\"'", "\"a\"\"b\" = 'it''s \"so\"'", NULL},
    {"\"Größe\" = '☃'", "\"Größe\" = '☃'", NULL},
    {"a = '; DROP TABLE t; --'", "\"a\" = '; DROP TABLE t; --'", NULL},

    {"", NULL, "row filter, byte 0: expected a column, found the end"},
    {"a", NULL, "row filter, byte 1: expected a comparison, found the end"},
    {"a =", NULL, "row filter, byte 3: expected a number"},
    {"a = b", NULL, "row filter, byte 4: expected a number"},
    {"1 = 1", NULL, "row filter, byte 0: expected a column"},
    {"a = 1 OR 1=1", NULL, "row filter, byte 9: expected a column"},
    {"a = 1 b = 2", NULL, "row filter, byte 6: expected AND, OR or the end"},
    {"a = 1)", NULL, "row filter, byte 5: expected AND, OR or the end"},
    {"(a = 1", NULL, "row filter, byte 6: expected AND, OR or ')'"},
    {"a IN ()", NULL, "row filter, byte 6: expected a number"},
    {"a IN (1,)", NULL, "row filter, byte 8: expected a number"},
    {"a IN (1 2)", NULL, "row filter, byte 8: expected ',' or ')'"},
    {"a IN (select 1)", NULL, "row filter, byte 6: expected a number"},
    {"a BETWEEN 1 OR 2", NULL, "row filter, byte 12: expected AND"},
    {"a IS 1", NULL, "row filter, byte 5: expected NULL"},
    {"a NOT 1", NULL, "row filter, byte 6: expected IN, BETWEEN or LIKE"},
    {"a LIKE 5", NULL, "row filter, byte 7: expected a 'pattern'"},
    {"a = 'open", NULL, "row filter, byte 4: expected a number, 'text', DATE 'yyyy-mm-dd', TRUE or FALSE; what stands there is not well"},
    {"a = 'x''", NULL, "row filter, byte 4"},
    {"\"\" = 1", NULL, "row filter, byte 0: expected a column"},
    {"a = 01", NULL, "row filter, byte 4"},
    {"a = .5", NULL, "row filter, byte 4"},
    {"a = 1.", NULL, "row filter, byte 4"},
    {"a = 1e", NULL, "row filter, byte 4"},
    {"a = 1x", NULL, "row filter, byte 4"},
    {"a = +1", NULL, "row filter, byte 4"},
    {"a = --1", NULL, "row filter, byte 4"},
    {"a = 11111111111111111111111111111111111111111", NULL, "row filter, byte 4"},
    {"a = DATE '2021-02-29'", NULL, "row filter, byte 9: expected a date"},
    {"a = DATE '2021-1-01'", NULL, "row filter, byte 9: expected a date"},
    {"a = DATE 5", NULL, "row filter, byte 9: expected a date"},
    {"f(a) = 1", NULL, "row filter, byte 1: expected a comparison"},
    {"a.b = 1", NULL, "row filter, byte 1: expected a comparison"},
    {"a = 1 -- c", NULL, "row filter, byte 6"},
    {"a = 1 /* c */", NULL, "row filter, byte 6"},
    {"a = 1;", NULL, "row filter, byte 5"},
    {"a = $1", NULL, "row filter, byte 4"},
    {"a = 'x' || 'y'", NULL, "row filter, byte 8"},
    {"Größe = 1", NULL, "row filter, byte 2"},
    {"a = '\xff'", NULL, "row filter: not UTF-8"},
};

static void
texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		ARENA_AUTO a = ARENA_INIT;
		BUF_AUTO out = BUF_INIT;
		struct ctx c = {.arena = &a};
		const struct predicate *p = NULL;
		Err e = predicate_parse(&c, str_c(table[i].text), &p);
		if (!table[i].canonical) {
			assert_int_equal(e.code, ERR_INVALID);
			assert_null(p);
			if (strncmp(c.detail, table[i].complaint, strlen(table[i].complaint)) != 0)
				fail_msg("'%s': %s", table[i].text, c.detail);
			continue;
		}
		if (!err_ok(e)) fail_msg("'%s': %s", table[i].text, c.detail);
		predicate_print(p, &out);
		assert_string_equal(buf_z(&out), table[i].canonical);
	}
}

static void
nul_is_refused(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	struct ctx c = {.arena = &a};
	const struct predicate *p;

	(void)state;
	assert_int_equal(predicate_parse(&c, S("a = 'x\0y'"), &p).code, ERR_INVALID);
	assert_int_equal(predicate_parse(&c, S("a = 1\0"), &p).code, ERR_INVALID);
}

static Err
parse_repeated(struct ctx *c, const char *head, const char *unit, int count, const char *tail)
{
	BUF_AUTO text = BUF_INIT;
	const struct predicate *p;

	buf_c(&text, head);
	for (int i = 0; i < count; i++) buf_c(&text, unit);
	buf_c(&text, tail);
	return predicate_parse(c, buf_view(&text), &p);
}

/* Each limit: the last that fits, the first that does not. */
static void
limits(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	struct ctx c = {.arena = &a};

	(void)state;
	assert_true(err_ok(parse_repeated(&c, "a=1", " OR a=1", 63, "")));
	assert_int_equal(parse_repeated(&c, "a=1", " OR a=1", 64, "").code, ERR_INVALID);
	assert_true(err_ok(parse_repeated(&c, "", "NOT ", 15, "a=1")));
	assert_int_equal(parse_repeated(&c, "", "NOT ", 16, "a=1").code, ERR_INVALID);
	assert_int_equal(parse_repeated(&c, "", "(", 4000, "a=1").code, ERR_INVALID);
	assert_true(err_ok(parse_repeated(&c, "a IN (1", ",1", 63, ")")));
	assert_int_equal(parse_repeated(&c, "a IN (1", ",1", 64, ")").code, ERR_INVALID);
	assert_true(err_ok(parse_repeated(&c, "\"a\" = '", "x", PRED_TEXT_MAX - 8, "'")));
	assert_int_equal(parse_repeated(&c, "\"a\" = '", "x", PRED_TEXT_MAX - 7, "'").code, ERR_INVALID);
	assert_int_equal(parse_repeated(&c, "a='", "x", PRED_TEXT_MAX - 4, "'").code, ERR_INVALID); /* too long when written out */
	assert_true(a.total_bytes < 1u << 20);
}

/* --- parse(print(p)) is p --- */

static uint32_t dice;

static uint32_t
roll(uint32_t n)
{
	dice = dice * 1664525u + 1013904223u;
	return (dice >> 16) % n;
}

static struct pred_literal
random_literal(void)
{
	static const struct pred_literal some[] = {
	    {PRED_NUMBER, {"0", 1}}, {PRED_NUMBER, {"-12.50", 6}}, {PRED_NUMBER, {"1e-9", 4}}, {PRED_TEXT, {"", 0}}, {PRED_TEXT, {"it's", 4}},
	    {PRED_TEXT, {"\"''\"", 4}}, {PRED_DATE, {"2024-02-29", 10}}, {PRED_BOOL, {"true", 4}}, {PRED_BOOL, {"false", 5}}};

	return some[roll(ARRAY_LEN(some))];
}

static const struct predicate *
random_tree(struct arena *a, int depth)
{
	static const Str columns[] = {{"a", 1}, {"AND", 3}, {"q\"q", 3}, {"ü x", 4}};
	struct predicate *p = NEW(a, struct predicate);

	if (depth > 0 && roll(3)) {
		p->op = (enum pred_op)roll(3);
		p->left = random_tree(a, depth - 1);
		if (p->op != PRED_NOT) p->right = random_tree(a, depth - 1);
		return p;
	}
	p->op = (enum pred_op)(PRED_EQ + roll(PRED_NOT_LIKE - PRED_EQ + 1));
	p->column = columns[roll(ARRAY_LEN(columns))];
	p->literal_count = p->op == PRED_IS_NULL || p->op == PRED_NOT_NULL ? 0
	    : p->op == PRED_BETWEEN || p->op == PRED_NOT_BETWEEN          ? 2
	    : p->op == PRED_IN || p->op == PRED_NOT_IN                     ? 1 + roll(4)
	                                                                   : 1;
	struct pred_literal *l = NEW_N(a, p->literal_count, struct pred_literal);
	for (size_t i = 0; i < p->literal_count; i++)
		do
			l[i] = random_literal();
		while ((p->op == PRED_LIKE || p->op == PRED_NOT_LIKE) && l[i].kind != PRED_TEXT);
	p->literals = l;
	return p;
}

static bool
same(const struct predicate *a, const struct predicate *b)
{
	if (!a || !b) return a == b;
	if (a->op != b->op || a->literal_count != b->literal_count || !str_eq(a->column, b->column)) return false;
	for (size_t i = 0; i < a->literal_count; i++)
		if (a->literals[i].kind != b->literals[i].kind || !str_eq(a->literals[i].text, b->literals[i].text)) return false;
	return same(a->left, b->left) && same(a->right, b->right);
}

static void
print_and_parse_agree(void **state)
{
	size_t compared = 0;

	(void)state;
	for (dice = 1; compared < 3000;) {
		ARENA_AUTO a = ARENA_INIT;
		BUF_AUTO out = BUF_INIT;
		struct ctx c = {.arena = &a};
		const struct predicate *p = random_tree(&a, 5), *back;
		predicate_print(p, &out);
		Err e = predicate_parse(&c, buf_view(&out), &back);
		if (!err_ok(e)) fail_msg("%s: %s", buf_z(&out), c.detail);
		if (!same(p, back)) fail_msg("%s", buf_z(&out));
		compared++;
	}
	/* planted: a comparison that sees no difference would pass everything above */
	struct predicate x = {.op = PRED_IS_NULL, .column = S("a")}, y = x;
	y.op = PRED_NOT_NULL;
	assert_false(same(&x, &y));
}

static void
columns_once(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	struct ctx c = {.arena = &a};
	const struct predicate *p;
	Str *names;

	(void)state;
	assert_true(err_ok(predicate_parse(&c, S("b = 1 OR NOT (a IN (1, 2) AND b IS NULL) OR \"B\" LIKE 'x'"), &p)));
	assert_int_equal(predicate_columns(p, &a, &names), 3);
	assert_true(str_eqc(names[0], "b") && str_eqc(names[1], "a") && str_eqc(names[2], "B"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(texts),
	    cmocka_unit_test(nul_is_refused),
	    cmocka_unit_test(limits),
	    cmocka_unit_test(print_and_parse_agree),
	    cmocka_unit_test(columns_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
