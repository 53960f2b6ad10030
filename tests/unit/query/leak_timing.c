/* Does the time of an answer tell whether a value stands in hidden rows? Two worlds, one with the value there and one without; the same
 * statement in turn in both, warm; a threshold learned from half of the times and tried on the others. Through extracts the guess must stay
 * near one of two (below 0.6); through plain views, the control, it must be right (above 0.9). Not a test among others: run alone, by
 * make noninterference. */
#include "leak_random.h"

#include "os/clock.h"

enum { RUNS = 400, WARM = 20, HIDDEN = 3000000 };

static const char *const statements[] = {
    "SELECT count(*), max(note) FROM d.p.t WHERE id > 5000000 AND name LIKE '%SSN%'", /* a view reads what has such ids, or skips it */
    "SELECT count(*) FROM d.p.t WHERE name LIKE 'SSN-%' AND levenshtein(name, note) < 3",
    "SELECT count(*) FROM d.p.t WHERE starts_with(name, 'SSN') AND md5(name) = note",
};

static void
open_world(struct world *w, int world, enum way way)
{
	struct subject s;
	struct kit *k = &w->k;

	w->way = way;
	kit_open(k);
	session_close(&k->s);
	k->spec.threads = 1;
	assert_ok(&k->c, session_open(&k->c, &k->duck, &k->spec, &k->s));
	if (way != EXTRACT) {
		kit_exec(k, "ATTACH ':memory:' AS d; CREATE SCHEMA d.p");
		map_put(&k->s.bindings.schemas, S("d"), k);
		map_put(&k->s.bindings.schemas, S("d.p"), k);
	}
	k->s.bindings.cells_left = 0;
	source_make(k, arena_printf(&k->arena,
	    "SELECT i AS id, 'EU' AS region, i::VARCHAR AS name, 1.0::DOUBLE AS amount, '{}' AS note, 'c' AS card, DATE '2000-01-01' AS born, 'c' AS code, 'g' AS gone, 'f' AS flat, 's' AS secret, 1::BIGINT AS level FROM range(20000) r(i) "
	    "UNION ALL SELECT %s, 'US', '%s' || i, 1.0, '{}', 'c', DATE '2000-01-01', 'c', 'g', 'f', 's', 1 FROM range(%d) r(i)", world ? "10000000 + i" : "i % 20000", world ? "SSN-" : "QQQ-", HIDDEN).p, "base_t.parquet");
	subject_make(k, leak_columns, ARRAY_LEN(leak_columns), leak_filter, &s);
	for (size_t i = 0; i < 3 * LEAK_TABLES; i++) w->tables[i] = S("");
	table_put(w, 0, "t", &s, NULL);
}

static double
once(struct world *w, const char *sql)
{
	struct arena arena = ARENA_INIT;
	struct ctx c = {.arena = &arena};
	struct result_counts counts;
	int pair[2];
	char end[256];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0) abort();
	uint64_t from = clock_boot_ns();
	struct session_run run = {.sql = str_c(sql), .format = RESULT_NDJSON, .tables = {w->tables, 3}, .sink = {.fd = pair[0]}};
	assert_ok(&c, session_run(&c, &w->k.s, &run, &counts));
	double took = (double)(clock_boot_ns() - from) / 1e6;
	assert_true(read(pair[1], end, sizeof end) > 0);
	close(pair[0]);
	close(pair[1]);
	arena_fini(&arena);
	return took;
}

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(const double *v, size_t step, size_t n)
{
	double sorted[RUNS];

	for (size_t i = 0; i < n; i++) sorted[i] = v[i * step];
	qsort(sorted, n, sizeof *sorted, by_size);
	return sorted[n / 2];
}

/* How often the guess is right. */
static double
accuracy(struct world w[2], const char *sql)
{
	static double times[2][RUNS];
	struct gen g = {.state = 4711};
	size_t right = 0;

	for (size_t i = 0; i < WARM; i++) once(&w[i % 2], sql);
	for (size_t i = 0; i < RUNS; i++) {
		size_t first = chance(&g) % 2;
		times[first][i] = once(&w[first], sql);
		times[1 - first][i] = once(&w[1 - first], sql);
	}
	double m0 = median(times[0], 2, RUNS / 2), m1 = median(times[1], 2, RUNS / 2), threshold = (m0 + m1) / 2;
	for (size_t i = 1; i < RUNS; i += 2) right += (size_t)((times[0][i] < threshold) == (m0 < m1)) + (size_t)((times[1][i] >= threshold) == (m0 < m1));
	printf("  medians %.3f and %.3f ms, guessed right %.3f: %.50s…\n", m0, m1, (double)right / RUNS, sql);
	return (double)right / RUNS;
}

static void
timing(void **state)
{
	static const struct { enum way way; const char *what; } ways[] = {{EXTRACT, "extracts"}, {VIEW, "control, plain views"}};
	double worst[2] = {0, 0};

	UNUSED_STATE;
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		struct world w[2];
		for (int k = 0; k < 2; k++) open_world(&w[k], k, ways[i].way);
		printf("%s, %d runs of each\n", ways[i].what, RUNS);
		for (size_t s = 0; s < (ways[i].way == EXTRACT ? ARRAY_LEN(statements) : 1); s++) {
			double a = accuracy(w, statements[s]);
			if (a > worst[i]) worst[i] = a;
		}
		for (int k = 0; k < 2; k++) kit_close(&w[k].k);
	}
	printf("timing: a hidden value is guessed with %.3f through extracts, %.3f through plain views\n", worst[0], worst[1]);
	assert_true(worst[0] < 0.6);
	assert_true(worst[1] > 0.9);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(timing)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
