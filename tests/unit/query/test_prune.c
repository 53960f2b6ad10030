/* Reading only the columns that the gate names gives the answer that reading all of them gives: for every statement of the table, and
 * for statements put together at random. The same comparison, with a gate that forgets something, must see the difference. */
#include "kit.h"

static const char *const statements[] = {
#define ALLOWED(sql, tables, columns) sql,
#include "gate_allowed.def"
#undef ALLOWED
};

static const char *const columns[] = {"a", "b", "c", "k", "x", "y", "name", "ts", "l", "s", "j", "t", "u"};

static void
tables_make(struct kit *k)
{
	kit_exec(k, "ATTACH ':memory:' AS d; CREATE SCHEMA d.p; ATTACH ':memory:' AS raw");
	for (int i = 0; i < 3; i++) {
		BUF_AUTO sql = BUF_INIT;
		buf_printf(&sql,
		           "CREATE TABLE raw.%c AS SELECT i AS a, (i * %d) %% 7 AS b, i %% 3 AS c, (i + %d) %% 11 AS k, "
		           "CASE WHEN i %% 4 = 0 THEN NULL ELSE i %% 5 END AS x, i / 4.0 AS y, 'n' || (i %% 4) AS name, "
		           "TIMESTAMP '2020-01-01' + to_days(i::int) AS ts, range(i %% 4) AS l, {'a': i %% 2, 'q': 'v' || i} AS s, "
		           "json_object('a', i, 'b', 'z') AS j, i * 2 AS t, i * 3 AS u FROM range(%d) r(i)",
		           "tuw"[i], 3 + i, i, 12 - i);
		kit_exec(k, buf_z(&sql));
	}
}

/* The views d.p.t, u, w with the columns that are kept. */
static void
views_make(struct kit *k, const struct sql_statement *st, bool forget_stars, const char *forget)
{
	for (size_t v = 0; v < 3; v++) {
		BUF_AUTO sql = BUF_INIT;
		bool all = st == NULL, any = false;
		char full[] = {'d', '.', 'p', '.', "tuw"[v], 0};
		for (size_t i = 0; st && !forget_stars && i < st->table_count; i++)
			if (str_eqc(st->tables[i].name, full)) all = st->tables[i].all;
		buf_printf(&sql, "CREATE OR REPLACE VIEW %s AS SELECT ", full);
		for (size_t i = 0; i < ARRAY_LEN(columns); i++) {
			bool keep = all;
			for (size_t n = 0; st && n < st->column_count && !keep; n++) keep = str_eqc(st->columns[n], columns[i]);
			if (!keep || (forget && strcmp(columns[i], forget) == 0)) continue;
			buf_printf(&sql, "%s%s", any ? ", " : "", columns[i]);
			any = true;
		}
		buf_printf(&sql, "%s FROM raw.%c", any ? "" : "name", "tuw"[v]);
		kit_exec(k, buf_z(&sql));
	}
}

static bool
is_error(Str rows)
{
	return rows.n == 0 || rows.p[0] != '{';
}

/* order: put the rows into one, where the statement does not. -1: it fails with all columns, and with the needed ones too; else whether the answers are the same. */
static int
same(struct kit *k, const char *sql, bool order, bool forget_stars, const char *forget)
{
	struct ctx c = {.arena = &k->arena};
	struct sql_statement st;

	assert_ok(&c, engine_parse(&c, &k->s.engine, str_c(sql), &st));
	Str ordered = !order ? str_c(sql) : arena_printf(&k->arena, "select * from (%s) order by all", sql);
	views_make(k, NULL, false, NULL);
	Str whole = kit_rows(k, ordered.p);
	views_make(k, &st, forget_stars, forget);
	Str pruned = kit_rows(k, ordered.p);
	if (is_error(whole) && is_error(pruned)) return -1;
	if (!str_eq(whole, pruned) && !forget_stars && !forget) print_error("%.*s\n%.*s\n", STR(whole), STR(pruned));
	return str_eq(whole, pruned);
}

static void
same_for_the_table(void **state)
{
	struct kit k;
	size_t compared = 0, starved = 0, forgotten = 0;

	UNUSED_STATE;
	kit_open(&k);
	tables_make(&k);
	for (size_t i = 0; i < ARRAY_LEN(statements); i++) {
		if (!strstr(statements[i], "d.p.") && !strstr(statements[i], "D.P.")) continue;
		int r = same(&k, statements[i], !strstr(statements[i], "order by"), false, NULL);
		if (r == 0) fail_msg("%s: another answer", statements[i]);
		if (r < 0) print_message("fails either way: %s\n", statements[i]);
		compared += r == 1;
		starved += same(&k, statements[i], !strstr(statements[i], "order by"), true, NULL) == 0;
		forgotten += same(&k, statements[i], !strstr(statements[i], "order by"), false, "a") == 0;
	}
	assert_true(compared > 130);
	/* the planted faults */
	assert_true(starved > 20);
	assert_true(forgotten > 100);
	kit_close(&k);
}

/* --- statements at random --- */

static unsigned
dice(uint64_t *seed, unsigned n)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(*seed >> 33) % n;
}

#define PICK(list) (list)[dice(seed, ARRAY_LEN(list))]

static void
item_put(struct buf *b, uint64_t *seed, const char *alias)
{
	static const char *const forms[] = {"%s.a",     "%s.b + 1",      "%s.name", "max(%s.c)",  "count(%s)", "%s",     "%s.*",
	                                    "%s.s.q",   "%s.l",          "x",       "*",          "count(*)",  "#2",     "min(k)",
	                                    "sum(%s.y)", "(%s.s).a",     "t",       "columns('a')", "to_json(%s)", "%s.u", "row(b, c)"};

	for (const char *p = PICK(forms); *p; p++) {
		if (p[0] == '%' && p[1] == 's')
			buf_c(b, alias), p++;
		else
			buf_char(b, *p);
	}
}

static void select_put(struct buf *b, uint64_t *seed, unsigned depth);

static void
source_put(struct buf *b, uint64_t *seed, unsigned depth, const char *alias)
{
	static const char *const bases[] = {"d.p.t", "d.p.u", "d.p.w"};

	if (depth > 0 && dice(seed, 4) == 0) {
		buf_c(b, "(");
		select_put(b, seed, depth - 1);
		buf_printf(b, ") %s", alias);
	} else if (dice(seed, 6) == 0) {
		buf_printf(b, "%s as %s(a, b, zz)", PICK(bases), alias);
	} else {
		buf_printf(b, "%s %s", PICK(bases), alias);
	}
}

static void
select_put(struct buf *b, uint64_t *seed, unsigned depth)
{
	static const char *const joins[] = {" natural join ", " positional join ", ", ", " join ", " left join ", " semi join "};
	static const char *const on[] = {"", "", "", " using (k)", " on t.a = u.k", " using (c)"};
	static const char *const tails[] = {"", " where c = 1", " where t.b > 2", " group by all", " group by b", " having count(*) > 1",
	                                    " where exists (select 1 from d.p.w where w.k = t.a)", " qualify row_number() over (order by x, k, a) < 3"};

	buf_c(b, dice(seed, 6) ? "select " : "select distinct ");
	for (unsigned i = 0, n = 1 + dice(seed, 3); i < n; i++) {
		if (i) buf_c(b, ", ");
		item_put(b, seed, dice(seed, 3) ? "t" : "u");
	}
	buf_c(b, " from ");
	source_put(b, seed, depth, "t");
	if (dice(seed, 2)) {
		unsigned j = dice(seed, ARRAY_LEN(joins));
		buf_c(b, joins[j]);
		source_put(b, seed, depth, "u");
		buf_c(b, on[j]);
	}
	buf_c(b, PICK(tails));
	if (dice(seed, 8) == 0 && depth > 0) {
		buf_c(b, " union all ");
		select_put(b, seed, depth - 1);
	}
}

static void
same_at_random(void **state)
{
	struct kit k;
	uint64_t seed = 20261121;
	size_t compared = 0, starved = 0;

	UNUSED_STATE;
	kit_open(&k);
	tables_make(&k);
	for (int i = 0; i < 600; i++) {
		BUF_AUTO b = BUF_INIT;
		select_put(&b, &seed, 2);
		int r = same(&k, buf_z(&b), true, false, NULL);
		if (r == 0) fail_msg("%s: another answer", buf_z(&b));
		compared += r == 1;
		if (r == 1 && i % 4 == 0) starved += same(&k, buf_z(&b), true, true, NULL) == 0;
	}
	print_message("%zu of 600 compared, %zu differ when stars are forgotten\n", compared, starved);
	assert_true(compared > 80);
	assert_true(starved > 4);
	kit_close(&k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(same_for_the_table), cmocka_unit_test(same_at_random)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
