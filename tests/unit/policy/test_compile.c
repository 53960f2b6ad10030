#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "policy/policy.h"

#define COLUMN(text, of_type) {.name = {text, sizeof text - 1}, .type = {of_type, sizeof of_type - 1}, .classification = {"", 0}}

static const struct policy_column columns[] = {
    COLUMN("id", "BIGINT"), COLUMN("Name", "VARCHAR"), COLUMN("day", "DATE"), COLUMN("seen", "TIMESTAMP"),
    COLUMN("price", "DECIMAL(38,30)"), COLUMN("small", "DECIMAL(10,2)"), COLUMN("wide", "HUGEINT"), COLUMN("ratio", "DOUBLE"),
    COLUMN("flag", "BOOLEAN"), COLUMN("kind", "ENUM('a', 'b')"), COLUMN("q\"q", "VARCHAR"), COLUMN("ü", "VARCHAR"),
    COLUMN("list", "INTEGER[]")};
static const struct policy_table table = {.name = {"t", 1}, .columns = columns, .column_count = ARRAY_LEN(columns)};

/* The SQL, or the start of the complaint. */
static const struct { const char *rows, *sql, *complaint; } filters[] = {
    {"id = 1", "(\"id\" = 1)", NULL},
    {"ID = 1 AND NAME = 'x'", "((\"id\" = 1) AND (\"Name\" = 'x'))", NULL},
    {"NOT id = 1 OR id = 2 AND id = 3", "((NOT (\"id\" = 1)) OR ((\"id\" = 2) AND (\"id\" = 3)))", NULL},
    {"name = 'O''Brien'' OR 1=1 --'", "(\"Name\" = 'O''Brien'' OR 1=1 --')", NULL},
    {"name IN ('a', '☃', '\\')", "(\"Name\" IN ('a', '☃', '\\'))", NULL},
    {"\"q\"\"q\" LIKE '%''%'", "(\"q\"\"q\" LIKE '%''%')", NULL},
    {"\"ü\" NOT LIKE 'a'", "(\"ü\" NOT LIKE 'a')", NULL},
    {"day BETWEEN DATE '2020-01-01' AND DATE '2020-12-31'", "(\"day\" BETWEEN DATE '2020-01-01' AND DATE '2020-12-31')", NULL},
    {"seen >= DATE '2020-01-01'", "(\"seen\" >= DATE '2020-01-01')", NULL},
    {"list IS NOT NULL", "(\"list\" IS NOT NULL)", NULL},
    {"flag = TRUE", "(\"flag\" = TRUE)", NULL},
    {"kind = 'a'", "(CAST(\"kind\" AS VARCHAR) = 'a')", NULL},
    {"small > 1.55", "(\"small\" > 1.55)", NULL},
    {"small > 1.1234567890123456", "(\"small\" > 1.1234567890123456)", NULL},
    {"price > 1.5", "(\"price\" > CAST('1.5' AS DOUBLE))", NULL},
    {"wide = 1", "(\"wide\" = 1)", NULL},
    {"wide = 1.5", "(\"wide\" = CAST('1.5' AS DOUBLE))", NULL},
    {"id < 12345678901234567890123", "(\"id\" < CAST('12345678901234567890123' AS DOUBLE))", NULL},
    {"ratio < 1e300", "(\"ratio\" < 1e300)", NULL},

    {"none = 1", NULL, "row filter, column 'none': the table lacks the column"},
    {"id = 1 AND none = 1", NULL, "row filter, column 'none': the table lacks the column"},
    {"name = 1", NULL, "row filter, column 'name': the type does not suit the constant"},
    {"id = '1'", NULL, "row filter, column 'id': the type does not suit"},
    {"id LIKE '1'", NULL, "row filter, column 'id': the type does not suit"},
    {"name = DATE '2020-01-01'", NULL, "row filter, column 'name': the type does not suit"},
    {"day = '2020-01-01'", NULL, "row filter, column 'day': the type does not suit"},
    {"flag = 1", NULL, "row filter, column 'flag': the type does not suit"},
    {"list = 1", NULL, "row filter, column 'list': the type does not suit"},
    {"ratio < 1e999", NULL, "row filter, column 'ratio': a number is out of range"},
};

static void
filters_compile(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(filters); i++) {
		ARENA_AUTO a = ARENA_INIT;
		BUF_AUTO out = BUF_INIT;
		struct ctx c = {.arena = &a};
		const struct predicate *p;
		assert_true(err_ok(predicate_parse(&c, str_c(filters[i].rows), &p)));
		Err e = policy_rows_sql(&c, p, &table, &out);
		if (filters[i].sql) {
			if (!err_ok(e)) fail_msg("%s: %s", filters[i].rows, c.detail);
			assert_string_equal(buf_z(&out), filters[i].sql);
		} else {
			assert_int_equal(e.code, ERR_INVALID);
			assert_int_equal(out.n, 0);
			if (!str_starts(str_c(c.detail), str_c(filters[i].complaint))) fail_msg("%s: %s", filters[i].rows, c.detail);
		}
	}
}

/* Trees that no parser made: nothing of them may reach the SQL unquoted. */
static void
hostile_trees(void **state)
{
	static const struct pred_literal nul = {PRED_TEXT, {"a\0b", 3}}, bad = {PRED_TEXT, {"\xff", 1}}, injection = {PRED_NUMBER, {"1 OR 1=1", 8}},
	    kind = {(enum pred_literal_kind)9, {"1", 1}}, number = {PRED_NUMBER, {"1", 1}};
	const struct predicate trees[] = {
	    {.op = PRED_EQ, .column = S("name"), .literals = &nul, .literal_count = 1},
	    {.op = PRED_EQ, .column = S("name"), .literals = &bad, .literal_count = 1},
	    {.op = PRED_EQ, .column = S("name"), .literals = &kind, .literal_count = 1},
	    {.op = PRED_EQ, .column = S("id"), .literals = &injection, .literal_count = 1},
	    {.op = PRED_EQ, .column = S("id")},
	    {.op = PRED_BETWEEN, .column = S("id"), .literals = &number, .literal_count = 1},
	    {.op = PRED_AND, .left = &(struct predicate){.op = PRED_IS_NULL, .column = S("id")}},
	    {.op = (enum pred_op)77, .column = S("id"), .literals = &number, .literal_count = 1},
	    {.op = PRED_LIKE, .column = S("id"), .literals = &number, .literal_count = 1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(trees); i++) {
		struct ctx c = {0};
		BUF_AUTO out = BUF_INIT;
		if (err_ok(policy_rows_sql(&c, &trees[i], &table, &out))) fail_msg("%zu: %s", i, buf_z(&out));
		assert_int_equal(out.n, 0);
	}
}

static const struct { struct policy_column col; enum mask_kind mask; const char *sql; } items[] = {
    {COLUMN("id", "BIGINT"), MASK_NONE, "\"id\" AS \"id\""},
    {COLUMN("q\"; DROP TABLE t; --", "BIGINT"), MASK_NONE, "\"q\"\"; DROP TABLE t; --\" AS \"q\"\"; DROP TABLE t; --\""},
    {COLUMN("id", "BIGINT"), MASK_HASH, "heddle_hash(CAST(\"id\" AS VARCHAR)) AS \"id\""},
    {COLUMN("n", "VARCHAR"), MASK_LAST_FOUR,
        "CASE WHEN length(\"n\") > 4 THEN repeat('*', length(\"n\") - 4) || right(\"n\", 4) ELSE repeat('*', length(\"n\")) END AS \"n\""},
    {COLUMN("n%s", "VARCHAR"), MASK_LAST_FOUR,
        "CASE WHEN length(\"n%s\") > 4 THEN repeat('*', length(\"n%s\") - 4) || right(\"n%s\", 4) ELSE repeat('*', length(\"n%s\")) END AS "
        "\"n%s\""},
    {COLUMN("n", "BIGINT"), MASK_LAST_FOUR, "CASE WHEN FALSE THEN \"n\" END AS \"n\""},
    {COLUMN("d", "DATE"), MASK_YEAR, "CASE WHEN year(\"d\") BETWEEN 1 AND 9999 THEN CAST(make_date(year(\"d\"), 1, 1) AS DATE) END AS \"d\""},
    {COLUMN("d", "VARCHAR"), MASK_YEAR, "CASE WHEN FALSE THEN \"d\" END AS \"d\""},
    {COLUMN("n", "VARCHAR"), MASK_CONSTANT, "'***' AS \"n\""},
    {COLUMN("n", "DECIMAL(18,2)"), MASK_CONSTANT, "CAST(0 AS DECIMAL(18,2)) AS \"n\""},
    {COLUMN("n", "TIMESTAMP"), MASK_CONSTANT, "CAST(TIMESTAMP '1970-01-01 00:00:00' AS TIMESTAMP) AS \"n\""},
    {COLUMN("n", "BOOLEAN"), MASK_CONSTANT, "CAST(FALSE AS BOOLEAN) AS \"n\""},
    {COLUMN("n", "INTEGER[]"), MASK_CONSTANT, "CASE WHEN FALSE THEN \"n\" END AS \"n\""},
    {COLUMN("n", "INTEGER) FROM x; --"), MASK_CONSTANT, "CASE WHEN FALSE THEN \"n\" END AS \"n\""},
    {COLUMN("n", "INTEGER) FROM x; --"), MASK_NULL, "CASE WHEN FALSE THEN \"n\" END AS \"n\""},
};

static void
columns_compile(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(items); i++) {
		struct ctx c = {0};
		BUF_AUTO out = BUF_INIT;
		assert_true(err_ok(policy_column_sql(&c, &items[i].col, items[i].mask, &out)));
		assert_string_equal(buf_z(&out), items[i].sql);
	}
}

static void
hostile_columns(void **state)
{
	const struct policy_column nul = {.name = {"a\0b", 3}, .type = S("BIGINT")}, bad = {.name = S("\xff"), .type = S("BIGINT")}, empty = {.name = S(""), .type = S("BIGINT")},
	    good = {.name = S("a"), .type = S("BIGINT")};
	struct ctx c = {0};
	BUF_AUTO out = BUF_INIT;

	(void)state;
	assert_int_equal(policy_column_sql(&c, &nul, MASK_NONE, &out).code, ERR_INVALID);
	assert_int_equal(policy_column_sql(&c, &bad, MASK_HASH, &out).code, ERR_INVALID);
	assert_int_equal(policy_column_sql(&c, &empty, MASK_NONE, &out).code, ERR_INVALID);
	assert_int_equal(policy_column_sql(&c, &good, (enum mask_kind)50, &out).code, ERR_INVALID);
	assert_int_equal(out.n, 0);
	assert_true(err_ok(policy_column_sql(&c, &good, MASK_NONE, &out)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(filters_compile),
	    cmocka_unit_test(hostile_trees),
	    cmocka_unit_test(columns_compile),
	    cmocka_unit_test(hostile_columns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
