/* Attack 6: many overlapping totals, solved for one row. The attacker knows everything of every row but its amount, and which cells are too
 * small to be shown; what they ask is answered where it can be. A guard that looks at each query alone (at least k households in it, else no
 * answer) falls to this; an extract of cells must not. */
#include "shape_kit.h"

#include <math.h>

static const char *const sales[][3] = {
    {"household_id", "BIGINT", "none"}, {"region", "VARCHAR", "none"}, {"day", "DATE", "year"}, {"amount", "DECIMAL(18,2)", "none"}, {"id", "BIGINT", "hidden"},
};
enum { ROWS = 120, QUERIES = 400, K = 5, TARGET = 17 };

static const char rows[] =
    "SELECT (i * 7) % 40 AS household_id, ['EU', 'UK', 'US'][1 + i % 3] AS region, DATE '2019-01-01' + ((i % 2) * 365 + i)::INTEGER AS day, "
    "((i * 7919) % 10007 / 100.0)::DECIMAL(18,2) AS amount, i AS id FROM range(120) r(i)";

/* --- the attacker's arithmetic: one equation a query, amounts unknown, the total last --- */

struct system { double m[QUERIES][ROWS + 1]; size_t n; };

static void
reduce(struct system *s)
{
	size_t done = 0;

	for (size_t col = 0; col < ROWS && done < s->n; col++) {
		size_t best = done;
		for (size_t r = done; r < s->n; r++)
			if (fabs(s->m[r][col]) > fabs(s->m[best][col])) best = r;
		if (fabs(s->m[best][col]) < 1e-7) continue;
		for (size_t c = 0; c <= ROWS; c++) {
			double swap = s->m[best][c];
			s->m[best][c] = s->m[done][c];
			s->m[done][c] = swap;
		}
		for (size_t c = ROWS + 1; c-- > col;) s->m[done][c] /= s->m[done][col];
		for (size_t r = 0; r < s->n; r++)
			for (size_t c = ROWS + 1; r != done && c-- > col;) s->m[r][c] -= s->m[r][col] * s->m[done][c];
		done++;
	}
	s->n = done;
}

/* How many amounts are known now, and what the target's is (NAN: not known). */
static size_t
solved(const struct system *s, double *ret_target)
{
	size_t known = 0;

	*ret_target = (double)NAN;
	for (size_t r = 0; r < s->n; r++) {
		size_t others = 0, at = 0;
		for (size_t c = 0; c < ROWS; c++)
			if (fabs(s->m[r][c]) > 1e-7) others++, at = c;
		if (others != 1) continue;
		known++;
		if (at == TARGET) *ret_target = s->m[r][ROWS];
	}
	return known;
}

/* --- the questions --- */

static const char *
condition(struct kit *k, size_t i)
{
	static const char *const regions[] = {"'EU'", "'UK'", "'US'", "'EU', 'UK'", "'EU', 'US'", "'UK', 'US'", "'EU', 'UK', 'US'"};
	const char *who = "true", *when = "true";

	if (i % 4 == 1) who = arena_printf(&k->arena, "household_id <> %zu", i % 40).p;
	if (i % 4 == 2) who = arena_printf(&k->arena, "household_id BETWEEN %zu AND %zu", i % 23, i % 23 + 5 + i % 11).p;
	if (i % 4 == 3) who = arena_printf(&k->arena, "household_id %% %zu <> %zu", 2 + i % 9, i % 3).p;
	if (i % 5 == 1) when = "day = DATE '2019-01-01'";
	if (i % 5 == 3) when = "day <> DATE '2019-01-01'";
	return arena_printf(&k->arena, "region IN (%s) AND %s AND %s", regions[i / 3 % ARRAY_LEN(regions)], who, when).p;
}

static Str
cell(struct kit *k, const char *sql)
{
	struct ctx c = {.arena = &k->arena};
	Str text;

	return err_ok(engine_text(&c, &k->s.engine, sql, &text)) ? text : S("");
}

static void
ask(struct kit *k, const char *answers, const char *seen, struct system *ret)
{
	*ret = (struct system){0};
	for (size_t i = 0; i < QUERIES; i++) {
		const char *where = condition(k, i);
		Str total = cell(k, arena_printf(&k->arena, "SELECT %s::VARCHAR FROM asked WHERE %s", answers, where).p), in = cell(k, arena_printf(&k->arena, "SELECT string_agg(CASE WHEN %s AND %s THEN '1' ELSE '0' END, '' ORDER BY id) FROM known", where, seen).p);
		if (total.n == 0) continue;
		assert_int_equal(in.n, ROWS);
		for (size_t c = 0; c < ROWS; c++) ret->m[ret->n][c] = in.p[c] == '1';
		ret->m[ret->n++][ROWS] = strtod(total.p, NULL);
	}
}

static void
attack(struct kit *k, const char *from, bool guard, const char *seen, struct system *ret)
{
	BUF_AUTO sql = BUF_INIT;

	buf_printf(&sql, "CREATE OR REPLACE VIEW asked AS SELECT * REPLACE (make_date(year(day), 1, 1) AS day) FROM read_parquet(");
	engine_file(&sql, k->spec.read_dir, str_c(from));
	buf_c(&sql, ")");
	kit_exec(k, buf_z(&sql));
	ask(k, guard ? "CASE WHEN count(DISTINCT household_id) >= 5 THEN sum(amount) END" : "sum(amount)", seen, ret);
}

static void
totals_give_no_row(void **state)
{
	static const char *const by[] = {"region", "day"};
	struct system *s = malloc(sizeof *s);
	struct kit k;
	struct subject subject;
	double target, truth = (double)(TARGET * 7919 % 10007) / 100.0;

	UNUSED_STATE;
	kit_open(&k);
	source_make(&k, rows, "base.parquet");
	subject_make(&k, sales, ARRAY_LEN(sales), NULL, &subject);
	shape_set(&subject, K, by, 2, "household_id");
	shape_extract(&k, &subject);
	BUF_AUTO sql = BUF_INIT;
	buf_c(&sql, "CREATE VIEW known AS SELECT *, count(DISTINCT household_id) OVER (PARTITION BY region, day) AS units FROM (SELECT * REPLACE (make_date(year(day), 1, 1) AS day) FROM read_parquet(");
	engine_file(&sql, k.spec.read_dir, S("base.parquet"));
	buf_c(&sql, "))");
	kit_exec(&k, buf_z(&sql));

	attack(&k, "base.parquet", true, "true", s); /* planted: the naive guard */
	size_t asked = s->n;
	reduce(s);
	size_t known = solved(s, &target);
	print_message("naive guard: %zu of %d answered, %zu of %d amounts known\n", asked, QUERIES, known, ROWS);
	assert_true(known > ROWS / 2);
	assert_true(fabs(target - truth) < 0.005);

	attack(&k, "x.parquet", false, "units >= 5", s);
	asked = s->n;
	reduce(s);
	known = solved(s, &target);
	print_message("cells: %zu of %d answered, rank %zu, %zu amounts known\n", asked, QUERIES, s->n, known);
	assert_true(asked >= QUERIES / 5);
	assert_true(s->n >= 4 && s->n <= 6); /* three regions, two years: as many independent totals as there are cells */
	assert_int_equal(known, 0);
	assert_true(isnan(target));
	kit_close(&k);
	free(s);
}

/* Nor do totals over all visible rows and totals of the cells: what a condition on the means picks are whole cells. */
static void
conditions_on_means_pick_cells(void **state)
{
	static const char *const by[] = {"region", "day"};
	struct kit k;
	struct subject subject;

	UNUSED_STATE;
	kit_open(&k);
	source_make(&k, rows, "base.parquet");
	subject_make(&k, sales, ARRAY_LEN(sales), NULL, &subject);
	shape_set(&subject, K, by, 2, "household_id");
	shape_extract(&k, &subject);
	for (int limit = 0; limit < 100; limit++) {
		BUF_AUTO sql = BUF_INIT;
		buf_c(&sql, "SELECT coalesce(min(n), 99)::VARCHAR FROM (SELECT count(*) AS n FROM read_parquet(");
		engine_file(&sql, k.spec.read_dir, S("x.parquet"));
		buf_printf(&sql, ") WHERE amount > %d GROUP BY region, day)", limit);
		assert_true(strtol(cell(&k, buf_z(&sql)).p, NULL, 10) >= K);
	}
	kit_close(&k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(totals_give_no_row), cmocka_unit_test(conditions_on_means_pick_cells)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
