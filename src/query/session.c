#include "query/session.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "query/extract.h"
#include "query/repeats.h"

static const char parquet_file[] = "result.parquet"; /* in the temp folder */

Err
session_open(struct ctx *c, const struct duck *d, const struct engine_spec *spec, struct session *ret)
{
	*ret = (struct session){0};
	bindings_init(&ret->bindings, spec);
	TRY(engine_open(c, d, spec, &ret->engine));
	if (d->duckdb_connect(ret->engine.db, &ret->beside) == DuckDBSuccess) return OK;
	session_close(ret);
	return err_set(c, ERR_UNAVAILABLE, "the engine takes no second connection");
}

void
session_close(struct session *s)
{
	bindings_fini(&s->bindings);
	arena_fini(&s->parsed_arena);
	if (s->beside) s->engine.d->duckdb_disconnect(&s->beside);
	engine_close(&s->engine);
}

void
session_begin(struct session *s)
{
	s->interrupted = false;
}

void
session_interrupt(struct session *s)
{
	if (!s->engine.open) return;
	s->interrupted = true;
	s->engine.d->duckdb_interrupt(s->engine.con);
	s->engine.d->duckdb_interrupt(s->beside);
}

/* A thread of the engine that fails stops the others by an interrupt; the one that fetches may meet that before the failure, whose words are lost then. */
static Err
interrupted_by_whom(struct ctx *c, const struct session *s, Err err)
{
	if (err.code != ERR_CANCELLED || s->interrupted) return err;
	return err_set(c, ERR_SQL, "a row can't be computed or read; the engine did not say which");
}

/* What a statement reads; valid until the next one. */
static Err
statement_of(struct ctx *c, struct session *s, Str sql, const struct sql_statement **ret)
{
	struct arena *spare = c->arena;

	if (!s->parsed_sql.p || !str_eq(s->parsed_sql, sql)) {
		s->parsed_sql = (Str){0};
		arena_reset(&s->parsed_arena);
		c->arena = &s->parsed_arena;
		Err e = engine_parse(c, &s->engine, sql, &s->parsed);
		c->arena = spare;
		TRY(e);
		s->parsed_sql = arena_str(&s->parsed_arena, sql);
	}
	*ret = &s->parsed;
	return OK;
}

/* --- tables --- */

/* Every table that the statement reads came with it. */
static Err
tables_known(struct ctx *c, const struct sql_statement *st, List tables, size_t step)
{
	for (size_t i = 0; i < st->table_count; i++) {
		bool found = false;
		for (size_t k = 0; k + step <= tables.n && !found; k += step) found = str_eq(tables.v[k], st->tables[i].name);
		ENSURE(c, found, DENIED, "%.*s is not available to this statement", STR(st->tables[i].name));
	}
	return OK;
}

/* --- parse --- */

static Str
columns_join(struct ctx *c, const struct sql_statement *st, bool *ret_ok)
{
	BUF_AUTO b = BUF_INIT;

	*ret_ok = true;
	for (size_t i = 0; i < st->column_count; i++) {
		if (memchr(st->columns[i].p, '\n', st->columns[i].n)) *ret_ok = false;
		if (i) buf_char(&b, '\n');
		buf_str(&b, st->columns[i]);
	}
	return arena_str(c->arena, buf_view(&b));
}

Err
session_parse(struct ctx *c, struct session *s, Str sql, List *ret)
{
	const struct sql_statement *st;
	bool ok;

	TRY(statement_of(c, s, sql, &st));
	Str columns = columns_join(c, st, &ok);
	Str *v = NEW_N(c->arena, 3 * st->table_count, Str);
	for (size_t i = 0; i < st->table_count; i++) {
		v[3 * i] = arena_str(c->arena, st->tables[i].name);
		v[3 * i + 1] = st->tables[i].all || !ok ? S("*") : S("");
		v[3 * i + 2] = columns;
	}
	*ret = (List){v, 3 * st->table_count};
	return OK;
}

/* --- run --- */

static const Str *
lines(struct arena *a, Str text, size_t *ret_n)
{
	Str *v = NEW_N(a, text.n + 1, Str);

	*ret_n = 0;
	for (Str rest = text; rest.p && text.n;) rest = str_cut(rest, '\n', &v[(*ret_n)++]);
	return v;
}

static Err
shapes_kept(struct ctx *c, struct session *s, Str sql, List list)
{
	size_t n = list.n / 4;
	struct sql_shape *v = NEW_N(c->arena, n, struct sql_shape);

	ENSURE(c, list.n % 4 == 0, INVALID, "shapes come in fours");
	for (size_t i = 0; i < n; i++) {
		const Str *one = &list.v[4 * i];
		v[i] = (struct sql_shape){.table = one[0], .least = one[3]};
		v[i].dimensions = lines(c->arena, one[1], &v[i].dimension_count);
		v[i].measures = lines(c->arena, one[2], &v[i].measure_count);
	}
	return n ? engine_check_shapes(c, &s->engine, sql, v, n) : OK;
}

static Err
run_rows(struct ctx *c, struct session *s, const struct session_run *run, struct result_counts *ret_counts)
{
	duckdb_result r;

	TRY(engine_stream(c, &s->engine, arena_dup(c->arena, run->sql.p, run->sql.n), &r));
	Err err = result_write(c, s->engine.d, &r, run->format, &run->sink, ret_counts);
	s->engine.d->duckdb_destroy_result(&r);
	return err;
}

/* The text stands alone as one SELECT, so in parentheses on lines of its own it is the same one; only a semicolon must go. */
static Str
without_semicolon(Str sql)
{
	while (sql.n > 0 && strchr(" \t\r\n;", sql.p[sql.n - 1])) sql.n--;
	return sql;
}

static Err
run_parquet(struct ctx *c, struct session *s, const struct session_run *run, struct result_counts *ret_counts)
{
	struct engine *e = &s->engine;
	BUF_AUTO sql = BUF_INIT;
	struct result_counts counts = {0};

	ENSURE(c, e->spec.temp_dir >= 0, UNAVAILABLE, "there is no room to make a Parquet file");
	buf_printf(&sql, "COPY (FROM (%.*s\n)) TO ", STR(without_semicolon(run->sql)));
	engine_file(&sql, e->spec.temp_dir, str_c(parquet_file));
	buf_c(&sql, " (FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false)");
	Err err = engine_count(c, e, buf_z(&sql), &counts.rows);
	if (err_ok(err) && run->sink.max_rows && counts.rows > run->sink.max_rows)
		err = result_too_long(c, &run->sink);
	int file = err_ok(err) ? openat(e->spec.temp_dir, parquet_file, O_RDONLY | O_CLOEXEC) : -1;
	unlinkat(e->spec.temp_dir, parquet_file, 0);
	TRY(err);
	ENSURE(c, file >= 0, IO, "the result can't be read back: %s", strerror(errno));
	if (run->sink.started) run->sink.started(run->sink.self, 0);
	err = result_send_file(c, file, &run->sink, &counts);
	close(file);
	*ret_counts = counts;
	return err;
}

Err
session_run(struct ctx *c, struct session *s, const struct session_run *run, struct result_counts *ret_counts)
{
	const struct sql_statement *st;

	ENSURE(c, run->tables.n % 3 == 0, INVALID, "tables come in triples");
	TRY(statement_of(c, s, run->sql, &st));
	TRY(tables_known(c, st, run->tables, 3));
	TRY(shapes_kept(c, s, run->sql, run->shapes));
	for (size_t i = 0; i < run->tables.n; i += 3)
		TRY(bind_table(c, &s->engine, &s->bindings, run->tables.v[i], run->tables.v[i + 1], run->tables.v[i + 2]));
	Err err = run->format == RESULT_PARQUET ? run_parquet(c, s, run, ret_counts) : run_rows(c, s, run, ret_counts);
	err = interrupted_by_whom(c, s, err);
	if (err.code == ERR_UNAVAILABLE) return err;
	TRY(result_end(c, run->sink.fd, err));
	return err;
}

/* --- checks --- */

static Err
document(struct ctx *c, struct engine *e, const char *sql, Str *ret)
{
	BUF_AUTO b = BUF_INIT;
	duckdb_result r;

	TRY(engine_stream(c, e, sql, &r));
	Err err = result_document(c, e->d, &r, SESSION_CHECK_ROWS_MAX, SESSION_CHECK_BYTES_MAX, &b);
	e->d->duckdb_destroy_result(&r);
	TRY(err);
	*ret = arena_str(c->arena, buf_view(&b));
	return OK;
}

static Err
check_one(struct ctx *c, struct session *s, List tables, Str trust, Str sql, Str *ret)
{
	const struct sql_statement *st;

	ENSURE(c, str_eqc(trust, "own") || str_eqc(trust, "user"), INVALID, "a check neither ours nor a person's");
	if (str_eqc(trust, "user")) {
		TRY(statement_of(c, s, sql, &st));
		TRY(tables_known(c, st, tables, 2));
	}
	return document(c, &s->engine, arena_dup(c->arena, sql.p, sql.n), ret);
}

static Err
check_all(struct ctx *c, struct session *s, List tables, List statements, Str *answers)
{
	for (size_t i = 0; i < statements.n; i += 2) {
		struct ctx own = {.arena = c->arena};
		if (str_eqc(statements.v[i], "hashes")) continue;
		Err err = interrupted_by_whom(&own, s, check_one(&own, s, tables, statements.v[i], statements.v[i + 1], &answers[i / 2]));
		if (err.code == ERR_CANCELLED) return err_set(c, ERR_CANCELLED, "%s", own.detail);
		if (!err_ok(err)) answers[i / 2] = repeats_error(&own, err);
	}
	return OK;
}

Err
session_check(struct ctx *c, struct session *s, List tables, List statements, List *ret)
{
	Str *v = NEW_N(c->arena, statements.n / 2, Str);

	ENSURE(c, tables.n % 2 == 0 && statements.n % 2 == 0, INVALID, "tables and checks come in pairs");
	for (size_t i = 0; i < tables.n; i += 2) TRY(bind_table(c, &s->engine, &s->bindings, tables.v[i], tables.v[i + 1], S("")));
	struct repeats *beside = repeats_begin(&s->engine, s->beside, statements);
	Err err = check_all(c, s, tables, statements, v);
	Err hashes = interrupted_by_whom(c, s, repeats_end(c, beside, v));
	TRY(err);
	TRY(hashes);
	*ret = (List){v, statements.n / 2};
	return OK;
}

/* --- schemas --- */

static Err
schema_one(struct ctx *c, struct session *s, Str file, Str *ret)
{
	BUF_AUTO sql = BUF_INIT;
	BUF_AUTO path = BUF_INIT;

	ENSURE(c, extract_file_is_plain(file), INVALID, "'%.*s' is no name of a file", STR(file));
	engine_file(&path, s->engine.spec.read_dir, file);
	buf_printf(&sql,
	           "SELECT json_object('rows', (SELECT num_rows FROM parquet_file_metadata(%s)), 'columns', "
	           "(SELECT json_group_array(json_object('name', column_name, 'type', column_type)) "
	           "FROM (DESCRIBE FROM read_parquet(%s))))::VARCHAR",
	           buf_z(&path), buf_z(&path));
	Err err = engine_text(c, &s->engine, buf_z(&sql), ret);
	if (err_ok(err) || err.code == ERR_CANCELLED) return err;
	return err_set(c, ERR_INVALID, "it is not a Parquet file, or a damaged one");
}

Err
session_schemas(struct ctx *c, struct session *s, List files, List *ret)
{
	Str *v = NEW_N(c->arena, files.n, Str);

	for (size_t i = 0; i < files.n; i++) {
		struct ctx own = {.arena = c->arena};
		Err err = schema_one(&own, s, files.v[i], &v[i]);
		if (err.code == ERR_CANCELLED) return err_set(c, ERR_CANCELLED, "%s", own.detail);
		if (!err_ok(err)) v[i] = repeats_error(&own, err);
	}
	*ret = (List){v, files.n};
	return OK;
}
