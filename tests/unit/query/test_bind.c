/* Views over files, and copies of small tables in memory. */
#include "extract_kit.h"

static const char whole[] = "FROM d.p.t ORDER BY ALL";

static void
bind(struct kit *k, const char *files, const char *columns)
{
	assert_ok(&k->c, bind_table(&k->c, &k->s.engine, &k->s.bindings, S("d.p.t"), str_c(files), str_c(columns)));
}

static bool
reads(struct kit *k, const char *sql, const char *document)
{
	Str got = kit_rows(k, sql);
	bool same = str_eqc(got, document);

	if (!same) print_error("%s: %.*s\n", sql, STR(got));
	return same;
}

/* Is the table read from memory? Then it is still there when its file is not. */
static bool
copied(struct kit *k, const char *file)
{
	Str away = arena_printf(&k->arena, "%s.away", file);

	assert_int_equal(renameat(k->spec.read_dir, file, k->spec.read_dir, away.p), 0);
	Str got = kit_rows(k, "SELECT count(*) FROM d.p.t");
	assert_int_equal(renameat(k->spec.read_dir, away.p, k->spec.read_dir, file), 0);
	return str_starts(got, S("{"));
}

static void
copy_at_second_use(void **state)
{
	struct kit k;
	UNUSED_STATE;

	kit_open(&k);
	source_make(&k, "SELECT i AS a, i * 2 AS b, 'x' || i AS c FROM range(3) t(i)", "one.parquet");
	source_make(&k, "SELECT 7::BIGINT AS a, 8::BIGINT AS b, 'y' AS c", "two.parquet");
	bind(&k, "one.parquet", "a\nb");
	assert_false(copied(&k, "one.parquet"));
	bind(&k, "one.parquet", "a\nb");
	assert_true(copied(&k, "one.parquet"));
	assert_true(reads(&k, whole, "{\"columns\":[\"a\",\"b\"],\"rows\":[[0,0],[1,2],[2,4]]}"));
	bind(&k, "one.parquet", "a\nc"); /* other columns: from the file again */
	assert_true(reads(&k, whole, "{\"columns\":[\"a\",\"c\"],\"rows\":[[0,\"x0\"],[1,\"x1\"],[2,\"x2\"]]}"));
	assert_false(copied(&k, "one.parquet"));
	bind(&k, "one.parquet", "a\nc");
	bind(&k, "one.parquet\ntwo.parquet", "a"); /* a new snapshot */
	assert_true(reads(&k, whole, "{\"columns\":[\"a\"],\"rows\":[[0],[1],[2],[7]]}"));
	bind(&k, "one.parquet\ntwo.parquet", "a");
	assert_true(copied(&k, "two.parquet"));
	assert_true(reads(&k, whole, "{\"columns\":[\"a\"],\"rows\":[[0],[1],[2],[7]]}"));
	/* nothing is left of copies that are not used any more */
	assert_true(reads(&k, "SELECT count(*) AS n FROM duckdb_tables()", "{\"columns\":[\"n\"],\"rows\":[[1]]}"));
	kit_close(&k);
}

/* A view shows no row ids; a copy must not either, or a statement would mean something else at its second run. */
static void
copy_looks_the_same(void **state)
{
	struct kit k;
	UNUSED_STATE;

	kit_open(&k);
	source_make(&k, "SELECT 1::UTINYINT AS a, [1, 2] AS b, {'x': DATE '2020-02-29'} AS c, NULL::DECIMAL(9, 3) AS d, 'z'::BLOB AS e", "t.parquet");
	for (int use = 0; use < 3; use++) {
		bind(&k, "t.parquet", "a\nb\nc\nd\ne");
		assert_int_equal(copied(&k, "t.parquet"), use > 0);
		assert_true(reads(&k, "SELECT typeof(a) || typeof(b) || typeof(c) || typeof(d) || typeof(e) AS t FROM d.p.t",
		                  "{\"columns\":[\"t\"],\"rows\":[[\"UTINYINTINTEGER[]STRUCT(x DATE)DECIMAL(9,3)BLOB\"]]}"));
		assert_true(str_starts(kit_rows(&k, "SELECT rowid FROM d.p.t"), S("SQL: ")));
	}
	kit_close(&k);
}

static void
large_stays_in_files(void **state)
{
	struct kit k;
	UNUSED_STATE;

	kit_open(&k);
	source_make(&k, "SELECT 1 AS a, 2 AS b FROM range(600000)", "t.parquet");
	for (int use = 0; use < 3; use++) bind(&k, "t.parquet", "a\nb");
	assert_false(copied(&k, "t.parquet"));
	for (int use = 0; use < 3; use++) bind(&k, "t.parquet", "a");
	assert_true(copied(&k, "t.parquet"));
	k.s.bindings.cells_left = 5; /* of a session that has many copies */
	source_make(&k, "SELECT 1 AS a FROM range(6)", "u.parquet");
	for (int use = 0; use < 3; use++)
		assert_ok(&k.c, bind_table(&k.c, &k.s.engine, &k.s.bindings, S("d.p.u"), S("u.parquet"), S("a")));
	assert_int_equal(k.s.bindings.cells_left, 5);
	kit_close(&k);
}

static void
refuses_names(void **state)
{
	struct kit k;
	UNUSED_STATE;

	kit_open(&k);
	struct bindings *b = &k.s.bindings;
	assert_int_equal(bind_table(&k.c, &k.s.engine, b, S("d.p"), S("t.parquet"), S("a")).code, ERR_INVALID);
	assert_int_equal(bind_table(&k.c, &k.s.engine, b, S("d.p.t\""), S("t.parquet"), S("a")).code, ERR_INVALID);
	assert_int_equal(bind_table(&k.c, &k.s.engine, b, S("d.p.t"), S("../t.parquet"), S("a")).code, ERR_INVALID);
	assert_int_equal(bind_table(&k.c, &k.s.engine, b, S("d.p.t"), S("missing.parquet"), S("a")).code, ERR_UNAVAILABLE);
	kit_close(&k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(copy_at_second_use),
	    cmocka_unit_test(copy_looks_the_same),
	    cmocka_unit_test(large_stays_in_files),
	    cmocka_unit_test(refuses_names),
	};
	return cmocka_run_group_tests_name("query/bind", tests, NULL, NULL);
}
