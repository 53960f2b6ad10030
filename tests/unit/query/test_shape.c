/* Aggregates only: what a reader writes is made of cells, whatever stands in the rows; and an attack by differencing on it. */
#include "shape_kit.h"

static const char *const sales[][3] = {
    {"household_id", "BIGINT", "none"}, {"region", "VARCHAR", "none"}, {"day", "DATE", "year"}, {"amount", "DECIMAL(18,2)", "none"},
    {"pieces", "INTEGER", "none"},      {"weight", "DOUBLE", "none"},  {"name", "VARCHAR", "none"},
};
enum { SALES = ARRAY_LEN(sales) };

/* --- what it looks like --- */

static void
cells_of_enough_units(void **state)
{
	static const char *const by[] = {"region", "day"};
	struct kit k;
	struct subject s;

	UNUSED_STATE;
	kit_open(&k);
	source_make(&k,
	    "SELECT * FROM (VALUES (1, 'EU', DATE '2020-02-03', 1.10, 1, 0.5::DOUBLE, 'a'), (2, 'EU', DATE '2020-07-01', 2.20, NULL, 0.25, 'b'), "
	    "(2, 'EU', DATE '2020-07-02', 3.30, 4, NULL, 'c'), (3, 'EU', DATE '2021-01-01', 4.00, 1, 1, 'd'), (3, 'EU', DATE '2021-01-02', 5.00, 1, 1, 'e'), "
	    "(4, NULL, DATE '2020-01-01', 6.00, 5, 'nan'::DOUBLE, 'f'), (5, NULL, DATE '2020-01-05', 7.00, NULL, 1, 'g'), (NULL, 'US', DATE '2020-01-05', 7.00, 1, 1, 'h'), "
	    "(NULL, 'US', DATE '2020-01-05', 7.00, 1, 1, 'i'), (8, 'XX', DATE '2020-01-05', 7.00, 1, 1, 'i'), (9, 'XX', DATE '2020-01-05', 7.00, 1, 1, 'i')) "
	    "t(household_id, region, day, amount, pieces, weight, name)", "base.parquet");
	subject_make(&k, sales, SALES, "region <> 'XX' or region is null", &s);
	shape_set(&s, 2, by, 2, "household_id");
	/* 2021 has one household, US none that is known; pieces of no region are there for one household alone */
	assert_string_equal(shape_rows(&k, &s, NULL),
	    "{\"columns\":[\"region\",\"day\",\"amount\",\"pieces\",\"weight\"],\"rows\":["
	    "[\"EU\",\"2020-01-01\",2.1999999999999997,2.5,0.375],[\"EU\",\"2020-01-01\",2.1999999999999997,2.5,0.375],[\"EU\",\"2020-01-01\",2.1999999999999997,null,null],"
	    "[null,\"2020-01-01\",6.5,null,null],[null,\"2020-01-01\",6.5,null,null]]}");
	shape_set(&s, 3, by, 2, "household_id");
	assert_string_equal(shape_rows(&k, &s, "SELECT count(*) AS n FROM"), "{\"columns\":[\"n\"],\"rows\":[[0]]}");
	shape_set(&s, 3, by, 2, ""); /* rows */
	assert_string_equal(shape_rows(&k, &s, "SELECT region, count(*) AS n, sum(amount) AS a FROM"),
	    "{\"columns\":[\"region\",\"n\",\"a\"],\"rows\":[[\"EU\",3,6.6]]}");
	shape_set(&s, 9, NULL, 0, ""); /* all of it one cell */
	assert_string_equal(shape_rows(&k, &s, "SELECT count(*) AS n, sum(amount) AS a, count(pieces) AS p FROM"),
	    "{\"columns\":[\"n\",\"a\",\"p\"],\"rows\":[[9,42.6,0]]}");
	kit_close(&k);
}

/* Every type: extremes fail in no way, means are doubles, and the order of the rows changes nothing. */
static void
numbers_of_every_type(void **state)
{
	static const struct { const char *type, *values, *mean; } cases[] = {
	    {"TINYINT", "(127), (127), (127)", "127.0"},
	    {"BIGINT", "(9223372036854775807), (9223372036854775807), (-1)", "6.148914691236517e+18"},
	    {"UBIGINT", "(18446744073709551615), (18446744073709551615), (18446744073709551615)", "1.8446744073709552e+19"},
	    {"HUGEINT", "(170141183460469231731687303715884105727), (170141183460469231731687303715884105727), (0)", "1.1342745564e+38"},
	    {"UHUGEINT", "(340282366920938463463374607431768211455), (340282366920938463463374607431768211455), (1)", "2.26854911281e+38"},
	    {"DECIMAL(18,2)", "(9999999999999999.99), (9999999999999999.99), (0.02)", "6666666666666667.0"},
	    {"DECIMAL(38,0)", "(99999999999999999999999999999999999999), (99999999999999999999999999999999999999), (0)", "6.66666666667e+37"},
	    {"FLOAT", "('inf'), ('1'), ('2')", "inf"},
	    {"DOUBLE", "(1e308), (1e308), (1e308)", "inf"},
	    {"DOUBLE", "('inf'), ('-inf'), ('1')", "nan"},
	    {"DOUBLE", "(0.1), (0.2), (0.6)", "0.3"},
	    {"DOUBLE", "(-0.0), (-0.0), (-0.0)", NULL},
	};

	UNUSED_STATE;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *const one[][3] = {{"v", cases[i].type, "none"}};
		struct kit k;
		struct subject s;
		kit_open(&k);
		source_make(&k, arena_printf(&k.arena, "SELECT v::%s AS v FROM (VALUES %s) t(v)", cases[i].type, cases[i].values).p, "base.parquet");
		subject_make(&k, one, 1, NULL, &s);
		shape_set(&s, 3, NULL, 0, "");
		const char *got = shape_rows(&k, &s, "SELECT any_value(typeof(v)) AS t, any_value(v)::VARCHAR AS v, count(DISTINCT v) AS n FROM");
		const char *want = arena_printf(&k.arena, "{\"columns\":[\"t\",\"v\",\"n\"],\"rows\":[[\"DOUBLE\",\"%s\",1]]}", cases[i].mean).p;
		if (cases[i].mean && strcmp(got, want) != 0) fail_msg("%s: %s", cases[i].type, got);
		assert_true(policy_shown_type(&s.decision, &s.table.columns[0], MASK_NONE).n == 6);
		kit_close(&k);
	}
}

/* Of equal dimensions only one form is seen. */
static void
dimensions_of_every_type(void **state)
{
	static const char *const by[] = {"d"};
	static const struct { const char *type, *values, *shown; } cases[] = {
	    {"DOUBLE", "(-0.0), (0.0), (-0.0)", "[[0.0]]"},
	    {"FLOAT", "(-0.0), (-0.0), (-0.0)", "[[0.0]]"},
	    {"DOUBLE", "('nan'), ('nan'), ('nan')", "[[null]]"},
	    {"DECIMAL(9,3)", "(1.5), (1.50), (1.500)", "[[1.500]]"},
	    {"ENUM('a', 'b')", "('a'), ('a'), ('a')", "[[\"a\"]]"},
	    {"TIMESTAMP WITH TIME ZONE", "('2020-01-01 01:00:00+01'), ('2020-01-01 00:00:00+00'), ('2020-01-01 02:00:00+02')", NULL},
	    {"BOOLEAN", "(true), (true), (true)", "[[true]]"},
	    {"VARCHAR", "('x'), ('x'), ('x')", "[[\"x\"]]"},
	    {"VARCHAR", "('x'), ('X'), ('x ')", "[]"},
	};

	UNUSED_STATE;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *const one[][3] = {{"d", cases[i].type, "none"}};
		struct kit k;
		struct subject s;
		kit_open(&k);
		source_make(&k, arena_printf(&k.arena, "SELECT d::%s AS d FROM (VALUES %s) t(d)", cases[i].type, cases[i].values).p, "base.parquet");
		subject_make(&k, one, 1, NULL, &s);
		shape_set(&s, 3, by, 1, "");
		const char *got = shape_rows(&k, &s, "SELECT DISTINCT d FROM");
		if (cases[i].shown && !strstr(got, cases[i].shown)) fail_msg("%s: %s", cases[i].type, got);
		assert_true(strstr(got, "]") != NULL);
		kit_close(&k);
	}
}

/* Each visible column alone and all together give the same cells, in the same order. */
static void
columns_alone_tell_the_same(void **state)
{
	static const char *const by[] = {"region", "day"};
	struct kit k;
	struct subject s;
	bool want[SALES];
	uint64_t rows, alone;
	const Str files[] = {S("base.parquet")};

	UNUSED_STATE;
	kit_open(&k);
	source_make(&k, sales_rows(&k, 1), "base.parquet");
	subject_make(&k, sales, SALES, NULL, &s);
	shape_set(&s, 5, by, 2, "household_id");
	for (size_t i = 0; i < SALES; i++) want[i] = !s.decision.columns[i].hidden;
	assert_ok(&k.c, subject_extract(&k, &s, want, files, 1, "x.parquet", &rows));
	file_move(&k, "x.parquet", "x.parquet");
	assert_true(rows > 100);
	for (size_t i = 0; i < SALES; i++) {
		if (s.decision.columns[i].hidden) continue;
		BUF_AUTO sql = BUF_INIT;
		for (size_t j = 0; j < SALES; j++) want[j] = i == j;
		assert_ok(&k.c, subject_extract(&k, &s, want, files, 1, "y.parquet", &alone));
		assert_int_equal(rows, alone);
		file_move(&k, "y.parquet", "y.parquet");
		buf_printf(&sql, "SELECT count(*)::VARCHAR FROM (SELECT %s AS v FROM read_parquet(", sales[i][0]);
		engine_file(&sql, k.spec.read_dir, S("x.parquet"));
		buf_printf(&sql, ")) a POSITIONAL JOIN (SELECT %s AS w FROM read_parquet(", sales[i][0]);
		engine_file(&sql, k.spec.read_dir, S("y.parquet"));
		buf_c(&sql, ")) b WHERE v IS DISTINCT FROM w");
		assert_string_equal(kit_rows(&k, buf_z(&sql)).p, "{\"columns\":[\"CAST(count_star() AS VARCHAR)\"],\"rows\":[[\"0\"]]}");
	}
	kit_close(&k);
}

/* What would show a row is not written, even when the decision says so. */
static void
what_does_not_suit_is_refused(void **state)
{
	static const char *const by[] = {"region"}, *const none[] = {"nosuch"}, *const unit[] = {"household_id"};
	struct kit k;
	struct subject s;
	bool want[SALES] = {[3] = true};
	uint64_t rows;
	const Str files[] = {S("base.parquet")};

	UNUSED_STATE;
	kit_open(&k);
	source_make(&k, sales_rows(&k, 1), "base.parquet");
	subject_make(&k, sales, SALES, NULL, &s);
	shape_set(&s, 5, none, 1, "");
	assert_int_equal(subject_extract(&k, &s, want, files, 1, "x.parquet", &rows).code, ERR_INVALID);
	shape_set(&s, 5, by, 1, "nosuch");
	assert_int_equal(subject_extract(&k, &s, want, files, 1, "x.parquet", &rows).code, ERR_INVALID);
	shape_set(&s, 5, unit, 1, "household_id");
	assert_int_equal(subject_extract(&k, &s, want, files, 1, "x.parquet", &rows).code, ERR_INVALID);
	shape_set(&s, 5, by, 1, "household_id");
	want[6] = true; /* name: hidden */
	assert_int_equal(subject_extract(&k, &s, want, files, 1, "x.parquet", &rows).code, ERR_INTERNAL);
	s.decision.columns[6].hidden = false; /* a mistaken decision */
	assert_int_equal(subject_extract(&k, &s, want, files, 1, "x.parquet", &rows).code, ERR_INTERNAL);
	want[6] = false;
	want[0] = true;
	s.decision.columns[0].hidden = false; /* the unit */
	assert_int_equal(subject_extract(&k, &s, want, files, 1, "x.parquet", &rows).code, ERR_INTERNAL);
	want[0] = false;
	s.decision.columns[1].hidden = true; /* a dimension */
	assert_int_equal(subject_extract(&k, &s, want, files, 1, "x.parquet", &rows).code, ERR_INTERNAL);
	kit_close(&k);
}

static void
filters_of_others(void **state)
{
	static const Str by[] = {{"region", 6}, {"Day", 3}};
	static const struct { const char *rows; bool ok; } cases[] = {
	    {"region = 'EU'", true}, {"REGION = 'EU' or not (day is null and region <> 'x')", true}, {"household_id <> 7", false},
	    {"region = 'EU' and amount > 5", false}, {"not name is null", false}, {"region = 'a' or (day is null and not unit = 1)", false},
	};
	const struct policy_terms terms = {.min_group = 2, .group_by = by, .group_by_count = 2};
	ARENA_AUTO arena = ARENA_INIT;
	struct ctx c = {.arena = &arena};

	UNUSED_STATE;
	assert_true(shape_rows_ok(&terms, NULL));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct predicate *p;
		assert_ok(&c, predicate_parse(&c, str_c(cases[i].rows), &p));
		assert_int_equal(shape_rows_ok(&terms, p), cases[i].ok);
	}
}

/* Other rows of the same cells: the same bytes, of the file itself. */
static void
rows_leave_no_trace(void **state)
{
	static const char *const by[] = {"region", "day"};
	char *files[3];
	size_t sizes[3];

	UNUSED_STATE;
	for (int w = 0; w < 3; w++) {
		struct kit k;
		struct subject s;
		kit_open(&k);
		source_make(&k, cells_rows(&k, w), "base.parquet");
		subject_make(&k, sales, SALES, NULL, &s);
		shape_set(&s, 5, by, 2, "household_id");
		files[w] = shape_file(&k, &s, &sizes[w]);
		kit_close(&k);
	}
	assert_int_equal(sizes[0], sizes[1]);
	assert_memory_equal(files[0], files[1], sizes[0]);
	assert_true(sizes[0] != sizes[2] || memcmp(files[0], files[2], sizes[0]) != 0); /* planted: one more piece in one row */
	for (int w = 0; w < 3; w++) free(files[w]);
}

/* --- the gate's honesty --- */

static const char *const honest[] = {
    "SELECT count(*) FROM d.p.t", "SELECT region, day, count(*), sum(amount), avg(pieces), mean(weight), count(pieces) FROM d.p.t GROUP BY ALL ORDER BY ALL",
    "SELECT count(*), sum(amount) AS amount FROM d.p.t GROUP BY region ORDER BY amount DESC", "SELECT sum(t.amount) / count(t.amount) FROM d.p.t", "SELECT sum(x.amount) FROM d.p.t x",
    "SELECT sum(d.p.t.amount) FROM d.p.t", "SELECT DISTINCT region FROM d.p.t", "SELECT region, day FROM d.p.t WHERE region LIKE 'E%'", "SELECT min(day), max(day), count(DISTINCT region) FROM d.p.t",
    "SELECT region FROM d.p.t GROUP BY region HAVING sum(amount) > 10", "SELECT region, sum(sum(amount)) OVER (ORDER BY region) FROM d.p.t GROUP BY region",
    "SELECT sum(amount) FILTER (WHERE region = 'EU') FROM d.p.t", "SELECT q.amount FROM (SELECT sum(amount) AS amount FROM d.p.t) q WHERE q.amount > 5",
    "WITH q AS (SELECT region, avg(amount) AS amount FROM d.p.t GROUP BY 1) SELECT min(amount), median(amount) FROM q", "SELECT * FROM (SELECT region, sum(amount) FROM d.p.t GROUP BY 1)",
    "SELECT o.amount, sum(t.pieces) FROM d.p.t JOIN d.p.o ON o.region = t.region GROUP BY 1", "DESCRIBE d.p.t", "DESCRIBE SELECT * FROM d.p.t", "SELECT amount FROM d.p.o", "SELECT * FROM d.p.o",
    "SELECT sum(\"Amount\") FROM D.P.T", "SELECT region, count(*) FROM d.p.t GROUP BY CUBE (region, day)", "SELECT region, sum(amount) FROM d.p.t GROUP BY 1 ORDER BY sum(amount)",
    "SELECT count(*) FROM d.p.t t1, d.p.t t2 WHERE t1.region = t2.region", "SELECT round(sum(amount), 2)::VARCHAR || '!' FROM d.p.t", "SELECT list(region) FROM d.p.t", "SUMMARIZE SELECT region, day FROM d.p.t",
};

static const char *const misleading[] = {
    "SELECT * FROM d.p.t", "FROM d.p.t", "SELECT amount FROM d.p.t", "SELECT t.amount FROM d.p.t", "SELECT d.p.t.amount FROM d.p.t", "SELECT p.t.amount FROM d.p.t", "SELECT x.amount FROM d.p.t x", "SELECT AMOUNT FROM d.p.t",
    "SELECT min(amount) FROM d.p.t", "SELECT max(amount) FROM d.p.t", "SELECT median(amount) FROM d.p.t", "SELECT mode(amount) FROM d.p.t", "SELECT first(amount) FROM d.p.t", "SELECT any_value(amount) FROM d.p.t",
    "SELECT quantile_cont(amount, 0.5) FROM d.p.t", "SELECT approx_quantile(amount, 0.5) FROM d.p.t", "SELECT list(amount) FROM d.p.t", "SELECT string_agg(amount) FROM d.p.t", "SELECT stddev(amount) FROM d.p.t", "SELECT var_pop(amount) FROM d.p.t",
    "SELECT count(DISTINCT amount) FROM d.p.t", "SELECT sum(DISTINCT amount) FROM d.p.t", "SELECT approx_count_distinct(amount) FROM d.p.t", "SELECT sum(amount * 2) FROM d.p.t", "SELECT sum(amount * pieces) FROM d.p.t", "SELECT corr(amount, pieces) FROM d.p.t",
    "SELECT arg_max(region, amount) FROM d.p.t", "SELECT histogram(amount) FROM d.p.t", "SELECT sum(amount) OVER () FROM d.p.t", "SELECT lag(amount) OVER (ORDER BY day) FROM d.p.t", "SELECT region FROM d.p.t WHERE amount > 5", "SELECT count(*) FROM d.p.t GROUP BY amount",
    "SELECT region FROM d.p.t ORDER BY amount", "SELECT count(*) FROM d.p.t HAVING max(amount) > 1", "SELECT region FROM d.p.t QUALIFY row_number() OVER (ORDER BY amount) = 1", "SELECT DISTINCT ON (amount) region FROM d.p.t",
    "SELECT count(*) FILTER (WHERE amount > 5) FROM d.p.t", "SELECT sum(pieces) FILTER (WHERE amount > 5) FROM d.p.t", "SELECT t FROM d.p.t", "SELECT x FROM d.p.t x", "SELECT to_json(t) FROM d.p.t", "SELECT t.* FROM d.p.t", "SELECT COLUMNS(*) FROM d.p.t", "SELECT min(COLUMNS(*)) FROM d.p.t",
    "SELECT * EXCLUDE (amount) FROM d.p.t", "SUMMARIZE d.p.t", "SELECT a FROM d.p.t AS x(a, b, c)", "SELECT count(*) FROM d.p.t a JOIN d.p.o b USING (amount)", "SELECT count(*) FROM d.p.t NATURAL JOIN d.p.o", "SELECT count(*) FROM d.p.t a JOIN d.p.o b ON a.amount = b.amount",
    "SELECT (SELECT amount) FROM d.p.t", "SELECT (SELECT t.amount FROM d.p.o) FROM d.p.t", "SELECT region FROM d.p.t WHERE EXISTS (SELECT 1 FROM d.p.o o WHERE o.x = t.amount)", "SELECT u FROM d.p.t, unnest([amount]) q(u)", "SELECT [x FOR x IN [amount]] FROM d.p.t", "SELECT amount.abs() FROM d.p.t",
    "SELECT #3 FROM d.p.t", "SELECT * FROM (SELECT region, amount FROM d.p.t) PIVOT (max(amount) FOR region IN ('EU'))", "FROM d.p.t UNPIVOT (v FOR n IN (amount, pieces))", "SELECT region FROM d.p.t UNION ALL SELECT amount::VARCHAR FROM d.p.t",
    "WITH q AS (FROM d.p.t) SELECT min(amount) FROM q", "WITH RECURSIVE r AS (SELECT amount FROM d.p.t UNION ALL SELECT amount + 1 FROM r WHERE amount < 3) SELECT count(*) FROM r", "SELECT CASE WHEN amount > 3 THEN 1 END FROM d.p.t", "SELECT sum(amount ORDER BY pieces) FROM d.p.t",
};

static Err
shape_checked(struct kit *k, const char *sql)
{
	static const Str dimensions[] = {{"region", 6}, {"day", 3}}, measures[] = {{"amount", 6}, {"pieces", 6}, {"weight", 6}};
	const struct sql_shape shape = {S("d.p.t"), dimensions, 2, measures, 3, S("at least 5 household_id")};
	struct sql_statement st;

	assert_ok(&k->c, engine_parse(&k->c, &k->s.engine, str_c(sql), &st)); /* nothing else is wrong with it */
	return engine_check_shapes(&k->c, &k->s.engine, str_c(sql), &shape, 1);
}

static void
the_gate_keeps_from_misleading(void **state)
{
	struct kit k;

	UNUSED_STATE;
	kit_open(&k);
	for (size_t i = 0; i < ARRAY_LEN(honest); i++)
		if (!err_ok(shape_checked(&k, honest[i]))) fail_msg("%s: %s", honest[i], k.c.detail);
	for (size_t i = 0; i < ARRAY_LEN(misleading); i++) {
		if (err_ok(shape_checked(&k, misleading[i]))) fail_msg("%s", misleading[i]);
		assert_non_null(strstr(k.c.detail, "d.p.t is granted in aggregates only, of groups of at least 5 household_id: take count, sum or avg directly of "
		                                   "amount, pieces, weight, and use region, day as you like (at character"));
	}
	kit_close(&k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(cells_of_enough_units), cmocka_unit_test(numbers_of_every_type), cmocka_unit_test(dimensions_of_every_type),
	    cmocka_unit_test(columns_alone_tell_the_same), cmocka_unit_test(what_does_not_suit_is_refused), cmocka_unit_test(filters_of_others),
	    cmocka_unit_test(rows_leave_no_trace), cmocka_unit_test(the_gate_keeps_from_misleading),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
