/* Two worlds that differ only in rows, columns and parts of cells that the person may not see, and three ways to a statement's answer:
 * through the gate to extracts, as it is; through the gate to plain views over everything; and the same views without the gate.
 *
 * d.p.t  rows filtered, columns masked and hidden      d.p.s  aggregates only      d.p.u  all of it visible: values of many types */
#ifndef HEDDLE_TEST_QUERY_LEAK_WORLD_H
#define HEDDLE_TEST_QUERY_LEAK_WORLD_H

#include "shape_kit.h"

#include <pthread.h>
#include <sys/socket.h>

/* id, region, name, amount, note visible; of `card` the last four; of `born` the year; `code` hashed; `secret`, `level` hidden. */
static const char *const leak_columns[][3] = {
    {"id", "BIGINT", "none"},     {"region", "VARCHAR", "none"}, {"name", "VARCHAR", "none"},   {"amount", "DOUBLE", "none"},
    {"note", "VARCHAR", "none"},  {"card", "VARCHAR", "last4"},  {"born", "DATE", "year"},      {"code", "VARCHAR", "hash"},
    {"gone", "VARCHAR", "null"},  {"flat", "VARCHAR", "constant"}, {"secret", "VARCHAR", "hidden"}, {"level", "BIGINT", "hidden"},
};
static const char *const leak_sales[][3] = {
    {"household_id", "BIGINT", "none"}, {"region", "VARCHAR", "none"}, {"day", "DATE", "year"}, {"amount", "DECIMAL(18,2)", "none"},
    {"pieces", "INTEGER", "none"},      {"weight", "DOUBLE", "none"},  {"name", "VARCHAR", "none"},
};
static const char leak_filter[] = "region in ('EU', 'UK') and amount < 1000";
static const char leak_types[] =
    "SELECT i AS id, (i * 3)::TINYINT AS ti, (i * 1.25)::DECIMAL(9,3) AS de, i::HUGEINT * 1000000007 AS hu, (i / 3.0)::FLOAT AS fl, i % 2 = 0 AS bo, "
    "TIMESTAMP '2020-01-31 23:59:59.5' + to_hours(i::INTEGER * 7) AS ts, TIMESTAMPTZ '2020-03-29 00:30:00+00' + to_minutes(i::INTEGER) AS tz, TIME '23:59:00' AS ti2, "
    "('\\xAA' || i)::BLOB AS bl, md5(i::VARCHAR)::UUID AS uu, [i, NULL, i * 2] AS li, {'a': i, 'b': 'x' || i} AS st, MAP {'k' || i: i} AS ma, "
    "CASE WHEN i % 3 = 0 THEN NULL ELSE 'v' || i END AS nu, ['EU', 'UK', 'US', 'é☃'][1 + i % 4] AS region FROM range(12) r(i)";
enum { LEAK_ROWS = 120, LEAK_TABLES = 3 };

enum way { EXTRACT, VIEW, VIEW_WITHOUT_GATE, EXTRACT_WITHOUT_GATE };

/* In the second world the hidden rows are other ones, twice as many, with texts and numbers that make casts and functions fail. */
static inline void
world_rows(struct kit *k, int world)
{
	BUF_AUTO b = BUF_INIT;
	const char *odd = world ? "'SSN-' || (i * 17)" : "(i * 13)::VARCHAR";

	buf_printf(&b,
	           "SELECT * FROM (SELECT i * 10 AS id, CASE i %% 3 WHEN 0 THEN 'EU' ELSE 'UK' END AS region, (i %% 90)::VARCHAR AS name, "
	           "(i %% 100) / 4.0 AS amount, '{\"a\": ' || i || '}' AS note, '%s' || (1000 + i) AS card, DATE '%s' + (i %% 30)::INTEGER AS born, "
	           "(i %% 20)::VARCHAR AS code, '%s' || i AS gone, '%s' || i AS flat, '%s' || i AS secret, (i * %d)::BIGINT AS level "
	           "FROM range(%d) r(i) UNION ALL ",
	           world ? "87654321" : "12345678", world ? "1999-03-01" : "1999-09-01", world ? "x" : "", world ? "y" : "", world ? "s" : "", world ? 7 : -3, LEAK_ROWS);
	buf_printf(&b,
	           "SELECT i * 10 + 5, CASE WHEN i %% 5 = 0 THEN 'EU' ELSE 'US' END, %s, CASE WHEN i %% 5 = 0 THEN 5000.0 ELSE %s END, %s, %s, "
	           "DATE '%s' + (i %% 500)::INTEGER, %s, %s, %s, %s, (i * %d)::BIGINT FROM range(%d) r(i)) ORDER BY id",
	           odd, world ? "i * 1e12" : "0", world ? "'[unclosed ' || i" : "'{\"b\": 1}'", odd, world ? "0900-01-01" : "2024-01-01", odd, odd, odd, odd,
	           world ? 1000003 : 0, world ? LEAK_ROWS : LEAK_ROWS / 2);
	source_make(k, buf_z(&b), "base_t.parquet");
}

struct world {
	struct kit k;
	enum way way;
	Str tables[3 * LEAK_TABLES];
};

/* --- the tables --- */

static inline void
view_put(struct world *w, const char *table, const char *select, const char *base)
{
	BUF_AUTO sql = BUF_INIT;
	const char *rest = strstr(select, "])") + 2;

	buf_printf(&sql, "CREATE VIEW d.p.%s AS FROM read_parquet([", table);
	engine_file(&sql, w->k.spec.read_dir, str_c(base));
	buf_printf(&sql, "])%s", rest);
	kit_exec(&w->k, buf_z(&sql));
}

/* The session would put its view over the extract: for the control it finds its own CREATE VIEW done already. */
static inline void
view_keep(struct world *w, Str name, Str file, Str columns)
{
	BUF_AUTO sql = BUF_INIT;
	Str table = str_of(name.p + 4, name.n - 4);

	buf_printf(&sql, "CREATE OR REPLACE VIEW \"d\".\"p\".\"%.*s\" AS SELECT ", STR(table));
	for (Str rest = columns, one; rest.p;) {
		rest = str_cut(rest, '\n', &one);
		buf_sql_ident(&sql, one);
		if (rest.p) buf_char(&sql, ',');
	}
	buf_c(&sql, " FROM read_parquet([");
	engine_file(&sql, w->k.spec.read_dir, file);
	buf_c(&sql, "])");
	buf_z(&sql);
	free(map_put(&w->k.s.bindings.views, name, mem_dup(sql.p, sql.n)));
}

static inline Str
columns_text(struct kit *k, const struct subject *s)
{
	Str text = S("");

	for (size_t i = 0; i < s->table.column_count; i++)
		if (!s->decision.columns[i].hidden)
			text = arena_printf(&k->arena, "%.*s%s%.*s", STR(text), text.n ? "\n" : "", STR(s->table.columns[i].name));
	return text;
}

/* A worker's folder holds extracts alone, or else the files themselves. `naive`: how a view would do it; "": as the extract's SELECT. */
static inline void
table_put(struct world *w, size_t i, const char *table, const struct subject *s, const char *naive)
{
	struct kit *k = &w->k;
	bool *want = NEW_N(&k->arena, s->table.column_count, bool);
	Str base = arena_printf(&k->arena, "base_%s.parquet", table), extract = arena_printf(&k->arena, "extract_%s.parquet", table);
	uint64_t rows;

	for (size_t c = 0; c < s->table.column_count; c++) want[c] = !s->decision.columns[c].hidden;
	assert_ok(&k->c, subject_extract(k, s, want, &base, 1, "made.parquet", &rows));
	assert_true(rows > 0);
	file_move(k, "made.parquet", extract.p);
	w->tables[3 * i] = arena_printf(&k->arena, "d.p.%s", table);
	w->tables[3 * i + 1] = extract;
	w->tables[3 * i + 2] = columns_text(k, s);
	if (w->way == EXTRACT || w->way == EXTRACT_WITHOUT_GATE) assert_int_equal(unlinkat(k->spec.read_dir, base.p, 0), 0);
	if (w->way == EXTRACT_WITHOUT_GATE) view_put(w, table, "])", extract.p);
	if (w->way == EXTRACT || w->way == EXTRACT_WITHOUT_GATE) return;
	BUF_AUTO select = BUF_INIT;
	assert_ok(&k->c, extract_sql(&k->c, &s->table, &s->decision, want, &base, 1, &select));
	view_put(w, table, naive ? naive : buf_z(&select), base.p);
	view_keep(w, w->tables[3 * i], extract, w->tables[3 * i + 2]);
}

static inline void
world_open(struct world *w, int world, enum way way)
{
	static const char *const by[] = {"region", "day"};
	static const char *const types[][3] = {
	    {"id", "BIGINT", "none"}, {"ti", "TINYINT", "none"}, {"de", "DECIMAL(9,3)", "none"}, {"hu", "HUGEINT", "none"}, {"fl", "FLOAT", "none"}, {"bo", "BOOLEAN", "none"},
	    {"ts", "TIMESTAMP", "none"}, {"tz", "TIMESTAMP WITH TIME ZONE", "none"}, {"ti2", "TIME", "none"}, {"bl", "BLOB", "none"}, {"uu", "UUID", "none"}, {"li", "BIGINT[]", "none"},
	    {"st", "STRUCT(a BIGINT, b VARCHAR)", "none"}, {"ma", "MAP(VARCHAR, BIGINT)", "none"}, {"nu", "VARCHAR", "none"}, {"region", "VARCHAR", "none"}};
	struct kit *k = &w->k;
	struct subject s;

	w->way = way;
	kit_open(k);
	session_close(&k->s);
	k->spec.threads = 1; /* so that rows without an order come in the same one */
	assert_ok(&k->c, session_open(&k->c, &k->duck, &k->spec, &k->s));
	if (way != EXTRACT) kit_exec(k, "ATTACH ':memory:' AS d; CREATE SCHEMA d.p");
	if (way != EXTRACT) map_put(&k->s.bindings.schemas, S("d"), k);
	if (way != EXTRACT) map_put(&k->s.bindings.schemas, S("d.p"), k);
	world_rows(k, world);
	subject_make(k, leak_columns, ARRAY_LEN(leak_columns), leak_filter, &s);
	table_put(w, 0, "t", &s, NULL);
	source_make(k, cells_rows(k, world), "base_s.parquet");
	subject_make(k, leak_sales, ARRAY_LEN(leak_sales), NULL, &s);
	shape_set(&s, 5, by, 2, "household_id");
	table_put(w, 1, "s", &s, "]) SELECT region, make_date(year(day), 1, 1) AS day, amount::DOUBLE AS amount, pieces::DOUBLE AS pieces, weight "
	                         "QUALIFY count(*) OVER (PARTITION BY region, year(day)) >= 5");
	source_make(k, leak_types, "base_u.parquet");
	subject_make(k, types, ARRAY_LEN(types), NULL, &s);
	table_put(w, 2, "u", &s, NULL);
	if (way == VIEW) k->s.bindings.cells_left = 0; /* a copy in memory of what a view shows leaks nothing */
}

/* --- what a person gets --- */

struct pipe_reader { int fd; struct buf bytes; };

static inline void *
drain(void *arg)
{
	struct pipe_reader *r = arg;
	char part[8192];
	ssize_t n;

	while ((n = read(r->fd, part, sizeof part)) > 0) buf_add(&r->bytes, part, (size_t)n);
	return NULL;
}

/* The refusal, and whatever came of the rows: frames and all. honest: the gate keeps from misleading about d.p.s, too. */
static inline Str
through_gate(struct world *w, struct arena *a, Str sql, bool honest)
{
	const Str shape[] = {S("d.p.s"), S("region\nday"), S("amount\npieces\nweight"), S("at least 5 different household_id")};
	struct ctx c = {.arena = a};
	struct result_counts counts = {0};
	struct pipe_reader r = {0};
	pthread_t thread;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0) abort();
	r.fd = pair[1];
	pthread_create(&thread, NULL, drain, &r);
	struct session_run run = {.sql = sql, .format = RESULT_NDJSON, .tables = {w->tables, ARRAY_LEN(w->tables)}, .shapes = {shape, honest ? 4 : 0},
	                          .sink = {.fd = pair[0], .max_rows = 3000, .max_bytes = 1 << 20}};
	Err e = session_run(&c, &w->k.s, &run, &counts);
	close(pair[0]);
	pthread_join(thread, NULL);
	close(pair[1]);
	buf_char(&r.bytes, '\n');
	buf_c(&r.bytes, err_name(e));
	buf_c(&r.bytes, err_ok(e) ? "" : c.detail);
	Str out = arena_str(a, buf_view(&r.bytes));
	buf_fini(&r.bytes);
	return out;
}

static inline Str
without_gate(struct world *w, struct arena *a, Str sql)
{
	struct ctx c = {.arena = a};
	duckdb_result r;
	BUF_AUTO b = BUF_INIT;
	Err e = engine_stream(&c, &w->k.s.engine, sql.p, &r);

	if (err_ok(e)) {
		e = result_document(&c, &w->k.duck, &r, 3000, 1 << 20, &b);
		w->k.duck.duckdb_destroy_result(&r);
	}
	return err_ok(e) ? arena_str(a, buf_view(&b)) : arena_printf(a, "%s: %s", err_name(e), c.detail);
}

static inline Str
answer(struct world *w, struct arena *a, Str sql, bool honest)
{
	return w->way == EXTRACT || w->way == VIEW ? through_gate(w, a, sql, honest) : without_gate(w, a, sql);
}

#endif
