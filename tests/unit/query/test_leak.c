/* Non-interference: two worlds that differ only in rows, columns and parts of cells that the person may not see. Every statement, however
 * hostile, must get the same bytes in both: rows or error. The planted control is the same run with a plain view in place of the
 * extract, once behind the gate and once without it: there the same comparison must find leaks. */
#include "extract_kit.h"

#include <pthread.h>
#include <sys/socket.h>

/* id, region, name, amount, note visible; of `card` the last four; of `born` the year; `code` hashed; `secret`, `level` hidden. */
static const char *const columns[][3] = {
    {"id", "BIGINT", "none"},     {"region", "VARCHAR", "none"}, {"name", "VARCHAR", "none"},   {"amount", "DOUBLE", "none"},
    {"note", "VARCHAR", "none"},  {"card", "VARCHAR", "last4"},  {"born", "DATE", "year"},      {"code", "VARCHAR", "hash"},
    {"gone", "VARCHAR", "null"},  {"flat", "VARCHAR", "constant"}, {"secret", "VARCHAR", "hidden"}, {"level", "BIGINT", "hidden"},
};
enum { N = ARRAY_LEN(columns), VISIBLE = N - 2 };
static const char filter[] = "region in ('EU', 'UK') and amount < 1000";

/* In the second world the hidden rows are other ones, twice as many, with texts and numbers that make casts and functions fail. */
static void
world_make(struct kit *k, int world)
{
	BUF_AUTO b = BUF_INIT;
	const char *odd = world ? "'SSN-' || (i * 17)" : "(i * 13)::VARCHAR";

	buf_printf(&b,
	           "SELECT * FROM (SELECT i * 10 AS id, CASE i %% 3 WHEN 0 THEN 'EU' ELSE 'UK' END AS region, (i %% 90)::VARCHAR AS name, "
	           "(i %% 100) / 4.0 AS amount, '{\"a\": ' || i || '}' AS note, '%s' || (1000 + i) AS card, DATE '%s' + (i %% 30)::INTEGER AS born, "
	           "(i %% 20)::VARCHAR AS code, '%s' || i AS gone, '%s' || i AS flat, '%s' || i AS secret, (i * %d)::BIGINT AS level "
	           "FROM range(400) r(i) UNION ALL ",
	           world ? "87654321" : "12345678", world ? "1999-03-01" : "1999-09-01", world ? "x" : "", world ? "y" : "", world ? "s" : "", world ? 7 : -3);
	buf_printf(&b,
	           "SELECT i * 10 + 5, CASE WHEN i %% 5 = 0 THEN 'EU' ELSE 'US' END, %s, CASE WHEN i %% 5 = 0 THEN 5000.0 ELSE %s END, %s, %s, "
	           "DATE '%s' + (i %% 500)::INTEGER, %s, %s, %s, %s, (i * %d)::BIGINT FROM range(%d) r(i)) ORDER BY id",
	           odd, world ? "i * 1e12" : "0", world ? "'[unclosed ' || i" : "'{\"b\": 1}'", odd, world ? "0900-01-01" : "2024-01-01", odd, odd, odd, odd,
	           world ? 1000003 : 0, world ? 400 : 200);
	source_make(k, buf_z(&b), "base.parquet");
}

/* --- hostile statements --- */

static const char *const scalars[] = {
    "name::INTEGER", "name::DATE", "name::DOUBLE", "note::JSON", "card::INTEGER", "code::INTEGER", "name::BLOB", "name::UUID", "name::INTERVAL",
    "amount::TINYINT", "amount::DECIMAL(4,2)", "(amount * 1e300)::FLOAT", "1 / (amount - 20.25)", "100 // (id - 45)::INTEGER", "id % (id - 35)",
    "chr((amount * 1000)::INTEGER)", "ln(10 - amount)", "sqrt(1 - amount)", "factorial(id::INTEGER)", "repeat('x', (amount::INTEGER) % 3)",
    "substring(name, amount::INTEGER, 2)", "regexp_matches(name, name)", "regexp_matches('a', name || '(')", "regexp_extract(note, name || '[')",
    "regexp_replace(name, note, 'x')", "hamming(name, '12')", "hamming(name, 'SSN-17')", "jaccard(name, '1')", "jaccard(note, name)", "levenshtein(name, card)", "jaro_similarity(name, '123')",
    "date_diff('day', born, DATE '2000-01-01')", "date_diff(name, born, DATE '2000-01-01')", "date_trunc(name, born)", "date_part(name, born)",
    "born + to_days((amount * 1000000)::INTEGER)", "make_date(amount::INTEGER, id::INTEGER, 1)", "strptime(name, '%d')", "strptime(note, name)",
    "strftime(born, note)", "format(note, name)", "printf(note, 1)", "name LIKE '%SSN%'", "name LIKE note ESCAPE 'a'", "like_escape(name, 'a%', name)",
    "list_value(name)[id]", "array_value(amount, 1.0::DOUBLE)::DOUBLE[3]", "list_resize([1], amount::INTEGER)", "list_distance([amount], [1.0])",
    "list_cosine_similarity([amount, 1], [1.0])", "list_transform([name], x -> x::INTEGER)", "list_transform([1], x -> x / (id - 35))",
    "list_reduce([id, 0], (a, b) -> a // b)", "list_filter([name], x -> x::INTEGER > 3)", "[name::INTEGER, 1]", "{'a': name::INTEGER}", "map([name], [id])", "map([name, name], [1, 2])",
    "json_extract(note, '$.a')", "json_extract(note, name)", "json_keys(note)", "json_transform(note, '{\"a\": \"INTEGER\"}')",
    "from_hex(name)", "from_base64(name)", "unhex(note)", "decode(name::BLOB)", "url_decode(note)", "bitstring(name, 8)", "name::BIT", "set_bit('0101'::BIT, id::INTEGER, 1)",
    "CASE WHEN id % 10 = 5 THEN name::INTEGER END", "try_cast(name AS INTEGER)", "TRY(name::INTEGER)", "coalesce(try_cast(name AS INTEGER), note::INTEGER)",
    "(SELECT name)::INTEGER", "(SELECT max(q.name::INTEGER) FROM d.p.t q WHERE q.id = t.id)", "hash(name)", "md5(note)", "enum_code(name::ENUM('1', '2'))",
    "name::ENUM('1', '2', '3')", "timezone(name, born::TIMESTAMP)", "time_bucket(to_days(amount::INTEGER), born)", "age(born)::VARCHAR = note", "width_bucket(amount, 1, 2, 3)",
    "gcd(id, 0)", "bit_count(id)", "(id << amount::INTEGER)", "id::INTEGER * 1000000000", "to_base(id, name::INTEGER)", "split_part(note, name, 3)", "string_split(note, name)", "nextafter(amount, 'inf')",
};

/* {s}: a scalar */
static const char *const places[] = {
    "SELECT count({s}) FROM d.p.t",
    "SELECT {s} FROM d.p.t",
    "SELECT count(*) FROM d.p.t WHERE {s} IS NOT NULL",
};

static const char *const others[] = {
    "SELECT * FROM d.p.t", "FROM d.p.t ORDER BY ALL LIMIT 3", "SELECT count(*) FROM d.p.t", "SUMMARIZE SELECT id, region, name, amount FROM d.p.t", "DESCRIBE d.p.t",
    "SELECT min(COLUMNS(*)), max(COLUMNS(*)) FROM d.p.t", "SELECT count(COLUMNS(*)) FROM d.p.t", "SELECT count(DISTINCT COLUMNS(*)) FROM d.p.t",
    "SELECT secret FROM d.p.t", "SELECT level FROM d.p.t", "SELECT t.secret FROM d.p.t t", "SELECT d.p.t.secret FROM d.p.t", "SELECT count(secret) FROM d.p.t",
    "SELECT * EXCLUDE (secret) FROM d.p.t", "SELECT COLUMNS('secret') FROM d.p.t", "SELECT t FROM d.p.t t LIMIT 5", "SELECT to_json(t) FROM d.p.t t LIMIT 5",
    "SELECT rowid FROM d.p.t", "SELECT file_row_number FROM d.p.t", "SELECT filename FROM d.p.t", "SELECT file_index FROM d.p.t", "SELECT row_number() OVER () FROM d.p.t",
    "SELECT id, lag(id) OVER (ORDER BY id), lead(name) OVER (ORDER BY id) FROM d.p.t", "SELECT sum(amount) OVER (ORDER BY id) FROM d.p.t",
    "SELECT approx_count_distinct(name), approx_quantile(amount, 0.5) FROM d.p.t", "SELECT histogram(region) FROM d.p.t", "SELECT mode(card), median(amount), entropy(name) FROM d.p.t",
    "SELECT max(card), min(card), max(born), min(born), max(code), max(gone), max(flat) FROM d.p.t", "SELECT card, born, code, gone, flat FROM d.p.t",
    "SELECT list(card ORDER BY id) FROM d.p.t", "SELECT count(*) FROM d.p.t WHERE born > DATE '1999-06-01'", "SELECT count(*) FROM d.p.t WHERE card LIKE '99%'",
    "SELECT count(*) FROM d.p.t WHERE gone = 'x1'", "SELECT count(*) FROM d.p.t WHERE flat <> '***'", "SELECT bool_or(gone IS NOT NULL) FROM d.p.t",
    "SELECT a.id FROM d.p.t a JOIN d.p.t b ON a.name = b.card ORDER BY ALL", "SELECT count(*) FROM d.p.t a NATURAL JOIN d.p.t b", "SELECT count(*) FROM d.p.t a POSITIONAL JOIN d.p.t b",
    "SELECT a.id, b.id FROM d.p.t a ASOF JOIN d.p.t b ON a.amount >= b.amount AND a.name = b.name ORDER BY ALL LIMIT 20", "SELECT count(*) FROM d.p.t a, d.p.t b WHERE a.id = b.id + 5",
    "SELECT * FROM d.p.t WHERE region = 'US'", "SELECT count(*) FROM d.p.t WHERE region NOT IN ('EU', 'UK')", "SELECT DISTINCT region FROM d.p.t", "SELECT count(*) FROM d.p.t WHERE amount > 1000",
    "SELECT region, count(*) FROM d.p.t GROUP BY ROLLUP (region) ORDER BY ALL", "SELECT * FROM (SELECT region, amount FROM d.p.t) PIVOT (sum(amount) FOR region IN ('EU', 'US', 'UK'))",
    "FROM (SELECT id, name, note FROM d.p.t) UNPIVOT (v FOR n IN (name, note)) ORDER BY ALL LIMIT 10", "SELECT name::INTEGER AS n, count(*) FROM d.p.t GROUP BY n ORDER BY n LIMIT 5",
    "SELECT count(*) FROM d.p.t GROUP BY 1 / (amount - 20.25)", "SELECT id FROM d.p.t ORDER BY name::INTEGER, id LIMIT 5", "SELECT id FROM d.p.t ORDER BY note::JSON->>'a', id LIMIT 5",
    "SELECT id FROM d.p.t QUALIFY sum(name::INTEGER) OVER (ORDER BY id) > 10 LIMIT 5", "SELECT any_value(name::INTEGER) FROM d.p.t", "SELECT string_agg(name, ',' ORDER BY card::INTEGER) FROM d.p.t",
    "WITH q AS MATERIALIZED (SELECT name FROM d.p.t) SELECT count(name::INTEGER) FROM q", "WITH RECURSIVE r AS (SELECT 0 AS n UNION ALL SELECT n + 1 FROM r WHERE n < (SELECT count(*) FROM d.p.t)) SELECT max(n) FROM r",
    "SELECT * FROM d.p.t USING SAMPLE 100 PERCENT (bernoulli, 7)", "SELECT EXISTS (SELECT 1 FROM d.p.t WHERE name LIKE 'SSN%')", "SELECT (SELECT name FROM d.p.t)", "SELECT (SELECT name FROM d.p.t WHERE id = 15)",
    "SELECT 1 WHERE (SELECT count(*) FROM d.p.t WHERE name::INTEGER > 0) > 1", "SELECT a.id FROM d.p.t a WHERE a.amount > (SELECT avg(amount) FROM d.p.t) ORDER BY 1 LIMIT 3",
    "SELECT unnest([name::INTEGER]) FROM d.p.t LIMIT 3", "SELECT count(*) FROM d.p.t, json_each(note)", "SELECT count(*) FROM d.p.t, unnest(string_split(name, '-'))", "SELECT sum(id) FROM d.p.t WHERE random() < 2",
    /* what the gate alone stops */
    "SELECT stats(name) FROM d.p.t LIMIT 1", "SELECT stats(amount) FROM d.p.t LIMIT 1", "SELECT stats(id) FROM d.p.t LIMIT 1", "SELECT stats(born) FROM d.p.t LIMIT 1",
    "EXPLAIN SELECT * FROM d.p.t", "EXPLAIN SELECT count(*) FROM d.p.t WHERE id > 5", "EXPLAIN ANALYZE SELECT count(*) FROM d.p.t", "SELECT sql FROM duckdb_views() WHERE view_name = 't'",
    "SELECT estimated_size FROM duckdb_tables()", "SELECT * FROM parquet_metadata('/proc/self/fd/4/base.parquet')", "SELECT count(*) FROM read_parquet('/proc/self/fd/4/base.parquet')", "SHOW ALL TABLES",
    "SELECT * FROM pragma_table_info('d.p.t')", "SUMMARIZE d.p.t",
};

static size_t
statement_count(void)
{
	return ARRAY_LEN(scalars) * ARRAY_LEN(places) + ARRAY_LEN(others);
}

static Str
statement(struct arena *a, size_t i)
{
	if (i >= ARRAY_LEN(scalars) * ARRAY_LEN(places)) return str_c(others[i - ARRAY_LEN(scalars) * ARRAY_LEN(places)]);
	const char *place = places[i % ARRAY_LEN(places)], *scalar = scalars[i / ARRAY_LEN(places)], *at = strstr(place, "{s}");
	return arena_printf(a, "%.*s%s%s", (int)(at - place), place, scalar, at + 3);
}

/* --- what a person gets --- */

struct pipe_reader { int fd; struct buf bytes; };

static void *
drain(void *arg)
{
	struct pipe_reader *r = arg;
	char part[8192];
	ssize_t n;

	while ((n = read(r->fd, part, sizeof part)) > 0) buf_add(&r->bytes, part, (size_t)n);
	return NULL;
}

enum way { EXTRACT, VIEW, VIEW_WITHOUT_GATE };

static Str
through_gate(struct kit *k, struct arena *a, Str sql)
{
	Str names = S("id\nregion\nname\namount\nnote\ncard\nborn\ncode\ngone\nflat");
	const Str tables[] = {S("d.p.t"), S("extract.parquet"), names};
	struct ctx c = {.arena = a};
	struct result_counts counts = {0};
	struct pipe_reader r = {0};
	pthread_t thread;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	r.fd = pair[1];
	pthread_create(&thread, NULL, drain, &r);
	struct session_run run = {.sql = sql, .format = RESULT_NDJSON, .tables = {tables, 3}, .sink = {.fd = pair[0]}};
	Err e = session_run(&c, &k->s, &run, &counts);
	close(pair[0]);
	pthread_join(thread, NULL);
	close(pair[1]);
	/* the refusal, and whatever came of the rows: frames and all */
	buf_char(&r.bytes, '\n');
	buf_c(&r.bytes, err_name(e));
	buf_c(&r.bytes, err_ok(e) ? "" : c.detail);
	Str out = arena_str(a, buf_view(&r.bytes));
	buf_fini(&r.bytes);
	return out;
}

static void
world_open(struct kit *k, int world, enum way way)
{
	struct subject s;
	bool want[N];
	const Str files[] = {S("base.parquet")};
	uint64_t rows;

	kit_open(k);
	session_close(&k->s);
	k->spec.threads = 1; /* so that rows without an order come in the same one */
	assert_ok(&k->c, session_open(&k->c, &k->duck, &k->spec, &k->s));
	world_make(k, world);
	subject_make(k, columns, N, filter, &s);
	for (size_t i = 0; i < N; i++) want[i] = !s.decision.columns[i].hidden;
	assert_ok(&k->c, subject_extract(k, &s, want, files, 1, "extract.parquet", &rows));
	assert_int_equal(rows, 400);
	file_move(k, "extract.parquet", "extract.parquet");
	if (way == EXTRACT) {
		/* a worker's folder holds the extract alone */
		assert_int_equal(unlinkat(k->spec.read_dir, "base.parquet", 0), 0);
		return;
	}
	BUF_AUTO sql = BUF_INIT, select = BUF_INIT;
	assert_ok(&k->c, extract_sql(&k->c, &s.table, &s.decision, want, files, 1, &select));
	const char *rest = strstr(buf_z(&select), "])") + 2;
	buf_c(&sql, "ATTACH ':memory:' AS d; CREATE SCHEMA d.p; CREATE VIEW d.p.t AS FROM read_parquet([");
	engine_file(&sql, k->spec.read_dir, files[0]);
	buf_printf(&sql, "])%s", rest);
	kit_exec(k, buf_z(&sql));
	map_put(&k->s.bindings.schemas, S("d"), k);
	map_put(&k->s.bindings.schemas, S("d.p"), k);
}

/* --- the comparison --- */

/* The session would put its view over the extract: for the control it finds its own CREATE VIEW done already. */
static void
control_view_keep(struct kit *k)
{
	BUF_AUTO sql = BUF_INIT;

	buf_c(&sql, "CREATE OR REPLACE VIEW \"d\".\"p\".\"t\" AS SELECT \"id\",\"region\",\"name\",\"amount\",\"note\",\"card\",\"born\",\"code\",\"gone\",\"flat\""
	            " FROM read_parquet([");
	engine_file(&sql, k->spec.read_dir, S("extract.parquet"));
	buf_c(&sql, "])");
	buf_z(&sql);
	free(map_put(&k->s.bindings.views, S("d.p.t"), mem_dup(sql.p, sql.n)));
	k->s.bindings.cells_left = 0; /* and would at the second use read what the view shows into memory, where nothing leaks */
}

static size_t
leaks(enum way way, bool tell)
{
	struct kit worlds[2];
	size_t found = 0, answered = 0;

	for (int w = 0; w < 2; w++) {
		world_open(&worlds[w], w, way);
		if (way != EXTRACT) control_view_keep(&worlds[w]);
	}
	for (size_t i = 0; i < statement_count(); i++) {
		ARENA_AUTO arena = ARENA_INIT;
		Str sql = statement(&arena, i), got[3];
		for (int w = 0; w < 2; w++)
			got[w] = way == VIEW_WITHOUT_GATE ? kit_rows(&worlds[w], sql.p) : through_gate(&worlds[w], &arena, sql);
		answered += memchr(got[0].p, '{', got[0].n) != NULL;
		if (str_eq(got[0], got[1])) continue;
		found++;
		if (tell) print_error("%.*s\n  %.*s\n  %.*s\n", STR(sql), (int)(got[0].n < 300 ? got[0].n : 300), got[0].p, (int)(got[1].n < 300 ? got[1].n : 300), got[1].p);
	}
	print_message("%zu statements, %zu answered with rows, %zu differ\n", statement_count(), answered, found);
	assert_true(answered > 60); /* or the comparison would be of refusals */
	for (int w = 0; w < 2; w++) kit_close(&worlds[w]);
	return found;
}

static void
extracts_leak_nothing(void **state)
{
	UNUSED_STATE;
	assert_int_equal(leaks(EXTRACT, true), 0);
}

static void
a_view_behind_the_gate_leaks(void **state)
{
	UNUSED_STATE;
	assert_true(leaks(VIEW, false) > 0);
}

static void
a_view_without_the_gate_leaks_more(void **state)
{
	UNUSED_STATE;
	assert_true(leaks(VIEW_WITHOUT_GATE, false) > 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(extracts_leak_nothing), cmocka_unit_test(a_view_behind_the_gate_leaks),
	                                   cmocka_unit_test(a_view_without_the_gate_leaks_more)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
