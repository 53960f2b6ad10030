/* Every kind of rule on a real DuckDB: the good data passes, and for every check there is a planted fault that it alone finds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "quality_run.h"

static const char contract_text[] =
    "apiVersion: v3.2.0\n"
    "kind: DataContract\n"
    "id: c\n"
    "version: 1.0.0\n"
    "domain: d\n"
    "dataProduct: p\n"
    "schema:\n"
    "  - name: t\n"
    "    properties:\n"
    "      - {name: a, logicalType: integer, primaryKey: true, primaryKeyPosition: 1}\n"
    "      - {name: b, logicalType: string, primaryKey: true, primaryKeyPosition: 2}\n"
    "      - {name: code, logicalType: string, unique: true, logicalTypeOptions: {minLength: 2, maxLength: 4, pattern: '^[a-z]+$'}}\n"
    "      - {name: price, logicalType: number, required: true, logicalTypeOptions: {minimum: 0, exclusiveMaximum: 100, multipleOf: 0.01}}\n"
    "      - {name: day, logicalType: date, logicalTypeOptions: {minimum: '2020-01-01', maximum: '2020-12-31'}}\n"
    "      - {name: seen, logicalType: timestamp, logicalTypeOptions: {exclusiveMinimum: '2020-01-01T10:00:00'}}\n"
    "      - {name: size, logicalType: string, enum: [{value: big}, {value: \"it's\"}]}\n"
    "      - {name: level, logicalType: integer, enum: [{value: 2}, {value: 4}], logicalTypeOptions: {multipleOf: 2}}\n"
    "      - {name: ok, logicalType: boolean, enum: [{value: true}]}\n"
    "      - name: note\n"
    "        logicalType: string\n"
    "        quality:\n"
    "          - {id: nulls, metric: nullValues, mustBeLessThan: 40, unit: percent}\n"
    "          - {id: missing, metric: missingValues, arguments: {missingValues: [null, '', n/a]}, mustBeLessOrEqualTo: 2}\n"
    "          - {id: valid, metric: invalidValues, arguments: {validValues: [x, y, '', n/a], pattern: '^[a-z/]*$'}, mustBe: 0}\n"
    "          - {id: same, metric: duplicateValues, mustBeLessThan: 3}\n"
    "          - {id: longest, type: sql, query: 'select max(length(${column})) from ${table}', mustBeLessThan: 10}\n"
    "      - name: n\n"
    "        logicalType: integer\n"
    "        quality: [{id: known, metric: invalidValues, arguments: {validValues: [1, 2, 3]}, mustBe: 0, severity: warning}]\n"
    "        relationships: [{to: o.id}]\n"
    "    relationships: [{from: [t.a, t.n], to: [o.x, o.id]}, {from: t.a, to: 'other.yaml#schema/z/properties/y'}]\n"
    "    quality:\n"
    "      - {id: rows, metric: rowCount, mustBeBetween: [2, 8]}\n"
    "      - {id: pairs, metric: duplicateValues, arguments: {properties: [day, price]}, mustBe: 0}\n"
    "      - {id: words, type: text, description: be nice}\n"
    "      - {id: custom, type: custom, engine: soda, implementation: x}\n"
    "      - {id: txt, type: sql, query: 'select min(size) from ${table}', mustNotBe: small}\n"
    "      - {id: dark, type: sql, query: 'select count(*) from ${object} where price > 50', mustNotBeBetween: [2, 3], severity: info}\n"
    "  - name: o\n"
    "    properties: [{name: id, logicalType: integer, primaryKey: true}, {name: x, logicalType: integer}]\n";

static const char good[] =
    "CREATE OR REPLACE TABLE o AS SELECT * FROM (VALUES (1, 1), (2, 2), (3, 3), (1, 4)) v(id, x);"
    "CREATE OR REPLACE TABLE t AS SELECT a::BIGINT a, b, code, price::DOUBLE price, day::DATE \"day\", seen::TIMESTAMP seen, size, level, ok, note, n,"
    " 0::UBIGINT file_index, (row_number() OVER () - 1) file_row_number FROM (VALUES "
    "(1, 'x', 'ab',   0.0,   '2020-01-01', '2020-01-01 10:00:01', 'big',  2, true, 'x',  1),"
    "(1, 'y', 'abc',  19.99, '2020-12-31', '2021-01-01 00:00:00', 'it''s', 4, true, 'y', 1),"
    "(2, 'x', 'abcd', 99.99, '2020-05-05', '2020-06-01 00:00:00', NULL,   4, NULL, '',   2),"
    "(3, 'x', NULL,   5.01,  NULL,         NULL,                  'big',  2, true, NULL, 3),"
    "(4, 'z', NULL,   6.3,   '2020-02-29', '2020-06-01 00:00:00', 'big',  2, true, 'x',  1))"
    " v(a, b, code, price, day, seen, size, level, ok, note, n)";

static const struct plant {
	const char *sql, *fails; /* all checks that must not pass, in the plan's order, with spaces between */
	size_t rows;             /* named for the first of them */
} plants[] = {
    {"UPDATE t SET a = 1 WHERE a = 3", "t.key t.reference1", 2},
    {"UPDATE t SET a = NULL WHERE a = 4", "t.a.required", 1},
    {"UPDATE t SET b = NULL WHERE a > 1", "t.b.required", 3},
    {"UPDATE t SET code = 'ab' WHERE a = 2", "t.code.unique", 2},
    {"UPDATE t SET code = 'a' WHERE a = 2", "t.code.minLength", 1},
    {"UPDATE t SET code = 'abcde' WHERE a > 1 AND code IS NOT NULL", "t.code.maxLength", 1},
    {"UPDATE t SET code = 'Ab' WHERE a = 2", "t.code.pattern", 1},
    {"UPDATE t SET price = NULL WHERE a = 2", "t.price.required", 1},
    {"UPDATE t SET price = -0.5 WHERE a = 2", "t.price.minimum", 1},
    {"UPDATE t SET price = 100 WHERE a = 2", "t.price.maximum", 1},
    {"UPDATE t SET price = 'nan' WHERE a = 2", "t.price.maximum t.price.multipleOf", 1},
    {"UPDATE t SET price = 1.005 WHERE a = 2", "t.price.multipleOf", 1},
    {"UPDATE t SET day = '2019-12-31' WHERE a = 2", "t.day.minimum", 1},
    {"UPDATE t SET day = '2021-01-01' WHERE a = 2", "t.day.maximum", 1},
    {"UPDATE t SET seen = '2020-01-01 10:00:00' WHERE a = 2", "t.seen.minimum", 1},
    {"UPDATE t SET size = 'its' WHERE a = 2", "t.size.enum", 1},
    {"UPDATE t SET size = 'small'", "t.size.enum t.txt", 5},
    {"UPDATE t SET level = 6 WHERE a = 2", "t.level.enum", 1},
    {"UPDATE t SET level = 3 WHERE a = 2", "t.level.enum t.level.multipleOf", 1},
    {"UPDATE t SET ok = false WHERE a = 2", "t.ok.enum", 1},
    {"UPDATE t SET note = NULL WHERE b = 'x' AND note <> ''", "t.note.nulls t.note.missing", 2},
    {"UPDATE t SET note = 'n/a' WHERE a = 4 OR a = 3", "t.note.missing", 3},
    {"UPDATE t SET note = 'X' WHERE a = 1 AND b = 'x'", "t.note.valid", 1},
    {"UPDATE t SET note = 'z' WHERE a = 1 AND b = 'x'", "t.note.valid", 1},
    {"UPDATE t SET note = 'xxxxxxxxxxx' WHERE a = 1 AND b = 'x'", "t.note.valid t.note.longest", 1},
    {"UPDATE t SET note = 'x' WHERE note IS NOT NULL", "t.note.same", 4},
    {"UPDATE o SET id = 4 WHERE id = 3; INSERT INTO o VALUES (3, 9)", "t.reference1", 1},
    {"DELETE FROM o WHERE id = 2", "t.reference1 t.n.reference3", 1},
    {"UPDATE t SET n = 4 WHERE a = 2; INSERT INTO o VALUES (4, 2)", "t.n.known", 1},
    {"DELETE FROM t WHERE a > 1 OR b = 'x'", "t.rows", 0},
    {"INSERT INTO t SELECT a + 10, b, NULL, price / 100, NULL, seen, size, level, ok, NULL, NULL, file_index, 10 + file_row_number FROM t WHERE price IN (0, 5.01, 6.3, 19.99)",
        "t.price.multipleOf t.note.nulls t.note.missing t.rows", 3},
    {"UPDATE t SET day = '2020-05-05', price = 7 WHERE a IN (2, 4)", "t.pairs", 2},
    {"UPDATE t SET price = 60 WHERE a = 4 OR b = 'x' AND a = 3", "t.dark", 0},
};

struct fixture {
	struct arena arena;
	struct ctx c;
	struct runner r;
	const struct contract *k;
};

static void
exec(struct fixture *f, const char *sql)
{
	duckdb_result res;

	if (f->r.d.duckdb_query(f->r.con, sql, &res) != DuckDBSuccess) fail_msg("%s: %s", sql, f->r.d.duckdb_result_error(&res));
	f->r.d.duckdb_destroy_result(&res);
}

static int
setup(void **state)
{
	struct fixture *f = mem_alloc(sizeof *f);

	f->c.arena = &f->arena;
	*state = f;
	if (!err_ok(contract_parse(&f->c, str_c(contract_text), &f->k))) fail_msg("%s", f->c.detail);
	if (!runner_open(&f->c, TEST_DUCKDB, &f->r)) fail_msg("no DuckDB: %s", f->c.detail);
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	runner_close(&f->r);
	arena_fini(&f->arena);
	free(f);
	return 0;
}

static struct quality_report *
judged(struct fixture *f, bool hashes)
{
	const struct quality_plan *p;
	struct quality_source sources[2] = {{.table = S("t"), .relation = S("\"main\".\"t\""), .hashes = hashes},
	    {.table = S("o"), .relation = S("\"main\".\"o\"")}};
	struct quality_column *columns;

	sources[0].column_count = run_columns(&f->c, &f->r, sources[0].relation, &columns);
	sources[0].columns = columns;
	if (!err_ok(quality_compile(&f->c, &f->k->tables[0], sources, 2, &p))) fail_msg("%s", f->c.detail);
	return run_plan(&f->c, &f->r, p);
}

static Str
failing(struct fixture *f, const struct quality_report *r, size_t *ret_rows)
{
	BUF_AUTO b = BUF_INIT;

	*ret_rows = 0;
	for (size_t i = 0; i < r->result_count; i++) {
		const struct quality_result *one = &r->results[i];
		if (one->outcome == QUALITY_ERROR) fail_msg("%.*s: %.*s", STR(one->check->id), STR(one->message));
		if (one->outcome != QUALITY_FAIL && one->outcome != QUALITY_WARN) continue;
		if (b.n == 0) *ret_rows = one->row_count;
		buf_printf(&b, "%s%.*s", b.n ? " " : "", STR(one->check->id));
	}
	return arena_str(&f->arena, buf_view(&b));
}

static void
good_data_passes(void **state)
{
	struct fixture *f = *state;

	for (int hashes = 0; hashes < 2; hashes++) {
		size_t rows;
		exec(f, good);
		struct quality_report *r = judged(f, hashes);
		assert_string_equal(failing(f, r, &rows).p, "");
		assert_true(r->passed);
		assert_int_equal(r->rows, 5);
	}
}

static void
each_plant_is_found(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < 2 * ARRAY_LEN(plants); i++) {
		const struct plant *p = &plants[i / 2];
		size_t rows;
		exec(f, good);
		exec(f, p->sql);
		struct quality_report *r = judged(f, i % 2);
		Str fails = failing(f, r, &rows);
		if (!str_eqc(fails, p->fails)) fail_msg("%s\n found:  %.*s\n wanted: %s", p->sql, STR(fails), p->fails);
		if (rows != p->rows) fail_msg("%s: %zu rows named, not %zu", p->sql, rows, p->rows);
	}
}

/* Is the id among the words? */
static bool
named(const char *words, Str id)
{
	Str rest = str_c(words), head;

	while (rest.p) {
		rest = str_cut(rest, ' ', &head);
		if (str_eq(head, id)) return true;
	}
	return false;
}

static void
each_check_has_a_plant(void **state)
{
	struct fixture *f = *state;

	exec(f, good);
	struct quality_report *r = judged(f, false);
	for (size_t i = 0; i < r->result_count; i++) {
		bool found = r->results[i].outcome == QUALITY_SKIPPED;
		for (size_t k = 0; k < ARRAY_LEN(plants); k++) found = found || named(plants[k].fails, r->results[i].check->id);
		if (!found) fail_msg("no plant for %.*s", STR(r->results[i].check->id));
	}
}

static void
warnings_do_not_fail_a_batch(void **state)
{
	struct fixture *f = *state;
	size_t rows;

	exec(f, good);
	exec(f, "UPDATE t SET n = 4 WHERE a = 2; INSERT INTO o VALUES (4, 2)");
	struct quality_report *r = judged(f, false);
	assert_string_equal(failing(f, r, &rows).p, "t.n.known");
	assert_true(r->passed);
}

static void
an_empty_table_is_judged(void **state)
{
	struct fixture *f = *state;
	size_t rows;

	exec(f, good);
	exec(f, "DELETE FROM t");
	struct quality_report *r = NULL;
	for (int hashes = 0; hashes < 2; hashes++) {
		const struct quality_plan *p;
		struct quality_column *columns;
		struct quality_source s = {.table = S("o"), .relation = S("(SELECT *, 0 AS file_index, 0 AS file_row_number FROM main.o WHERE false)"), .hashes = hashes};
		s.column_count = run_columns(&f->c, &f->r, S("SELECT * FROM main.o"), &columns);
		s.columns = columns;
		assert_true(err_ok(quality_compile(&f->c, &f->k->tables[1], &s, 1, &p)));
		r = run_plan(&f->c, &f->r, p);
		assert_string_equal(failing(f, r, &rows).p, "");
		assert_true(r->passed && r->rows == 0);
	}
}

/* A producer's rule that cannot be run, and a pattern that is none, take nobody else down. */
static void
broken_rules_stand_alone(void **state)
{
	struct fixture *f = *state;
	Str text = arena_printf(&f->arena, "%s", contract_text);
	char *at = strstr((char *)(uintptr_t)text.p, "^[a-z]+$");

	memcpy(at, "^[a-z+$(", 8);
	at = strstr((char *)(uintptr_t)text.p, "max(length");
	memcpy(at, "max(lenXth", 10);
	const struct contract *before = f->k;
	assert_true(err_ok(contract_parse(&f->c, text, &f->k)));
	exec(f, good);
	struct quality_report *r = judged(f, true);
	size_t errors = 0, passes = 0;
	for (size_t i = 0; i < r->result_count; i++) {
		errors += r->results[i].outcome == QUALITY_ERROR;
		passes += r->results[i].outcome == QUALITY_PASS;
	}
	f->k = before;
	assert_int_equal(errors, 2);
	assert_true(passes > 25);
	assert_false(r->passed);
}

/* More repeated hashes than are listed: the exact query alone decides. */
static void
many_repeats_are_counted(void **state)
{
	struct fixture *f = *state;

	exec(f, good);
	exec(f, "INSERT INTO t SELECT 100 + i // 2, 'q', NULL, 1, NULL, NULL, NULL, 1, NULL, NULL, NULL, 0, 100 + i FROM range(4000) r(i)");
	for (int hashes = 0; hashes < 2; hashes++) {
		struct quality_report *r = judged(f, hashes);
		assert_string_equal(r->results[0].check->id.p, "t.key");
		assert_true(r->results[0].outcome == QUALITY_FAIL && str_eqc(r->results[0].value, "2000"));
		assert_int_equal(r->results[0].row_count, QUALITY_ROWS_MAX);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(good_data_passes), cmocka_unit_test(each_plant_is_found), cmocka_unit_test(each_check_has_a_plant),
	    cmocka_unit_test(warnings_do_not_fail_a_batch), cmocka_unit_test(an_empty_table_is_judged),
	    cmocka_unit_test(broken_rules_stand_alone), cmocka_unit_test(many_repeats_are_counted),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
