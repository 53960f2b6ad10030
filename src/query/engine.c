#include "query/engine.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

enum { MESSAGE_MAX = 600 };

/* --- errors --- */

static const struct {
	const char *type;
	enum err_code code;
	const char *instead; /* NULL: DuckDB's own words, which speak of nothing but the statement and its rows */
} kinds[] = {
    {"Interrupt", ERR_CANCELLED, "cancelled"},
    {"INTERRUPT", ERR_CANCELLED, "cancelled"},
    {"Out of Memory", ERR_LIMIT, "the statement needs more memory or temporary space than it is allowed"},
    {"IO", ERR_UNAVAILABLE, "the data could not be read"},
    {"Permission", ERR_SQL, "this is not allowed"},
    {"INTERNAL", ERR_INTERNAL, "the engine failed inside"},
    {"Internal", ERR_INTERNAL, "the engine failed inside"},
    {"FATAL", ERR_INTERNAL, "the engine failed inside"},
    {"Fatal", ERR_INTERNAL, "the engine failed inside"},
    {"Missing Extension", ERR_SQL, "this needs an extension that is not available"},
    {"Autoload", ERR_SQL, "this needs an extension that is not available"},
    {"HTTP", ERR_SQL, "this is not allowed"},
};

/* The words that a person may see: without the engine's hints about other names, and cut. */
static Str
presentable(Str s)
{
	static const char *const ends[] = {"\n\nLINE ", "\nLINE ", "\nDid you mean", "\nSet the configuration", "\nSee https"};

	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		const char *at = memmem(s.p, s.n, ends[i], strlen(ends[i]));
		if (at) s.n = (size_t)(at - s.p);
	}
	if (s.n > MESSAGE_MAX)
		for (s.n = MESSAGE_MAX; s.n > 0 && ((unsigned char)s.p[s.n] & 0xc0) == 0x80;) s.n--;
	while (s.n > 0 && (s.p[s.n - 1] == '\n' || s.p[s.n - 1] == ' ')) s.n--;
	return s;
}

static Err
error_of(struct ctx *c, Str type, Str text, Str position)
{
	uint64_t at;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (str_eqc(type, kinds[i].type)) return err_set(c, kinds[i].code, "%s", kinds[i].instead);
	text = presentable(text);
	if (memmem(text.p, text.n, "/proc/", 6) || memmem(text.p, text.n, ".parquet", 8))
		return err_set(c, ERR_UNAVAILABLE, "the data could not be read");
	if (str_u64(position, &at)) return err_set(c, ERR_SQL, "%.*s (at character %" PRIu64 ")", STR(text), at + 1);
	return err_set(c, ERR_SQL, "%.*s", STR(text));
}

static Str
member(const json_t *obj, const char *key)
{
	const json_t *v = json_object_get(obj, key);

	return json_is_string(v) ? str_of(json_string_value(v), json_string_length(v)) : S("");
}

Err
engine_error(struct ctx *c, const char *message)
{
	Str text = message ? str_c(message) : S("the engine failed");
	const char *json = memchr(text.p, '{', text.n);
	json_t *root = json ? json_loadb(json, text.n - (size_t)(json - text.p), JSON_DISABLE_EOF_CHECK, NULL) : NULL;
	Str head, rest;
	Err e;

	if (root && json_object_get(root, "exception_message")) {
		e = error_of(c, member(root, "exception_type"), member(root, "exception_message"), member(root, "position"));
	} else {
		/* "<Type> Error: <words>" */
		rest = str_cut(text, ':', &head);
		if (str_ends(head, S(" Error"))) head.n -= 6;
		e = error_of(c, head, rest.p ? str_trim(rest) : text, S(""));
	}
	json_decref(root);
	return e;
}

static Err
result_error(struct ctx *c, struct engine *e, duckdb_result *r)
{
	Err err = engine_error(c, e->d->duckdb_result_error(r));

	e->d->duckdb_destroy_result(r);
	return err;
}

/* --- opening --- */

void
engine_file(struct buf *out, int dir, Str name)
{
	BUF_AUTO path = BUF_INIT;

	buf_printf(&path, "/proc/self/fd/%d/%.*s", dir, STR(name));
	buf_sql_text(out, buf_view(&path));
}

/* Settings that can only be given at the opening, or matter while it opens. */
static const char *const fixed[][2] = {
    {"autoinstall_known_extensions", "false"},
    {"autoload_known_extensions", "false"},
    {"allow_community_extensions", "false"},
    {"allow_unsigned_extensions", "false"},
    {"allow_persistent_secrets", "false"},
    {"errors_as_json", "true"},
    {"enable_external_file_cache", "true"},
};

static Err
configure(struct ctx *c, const struct engine *e, duckdb_config config)
{
	const struct engine_spec *s = &e->spec;
	char threads[16], memory[32], temp_dir[64];

	snprintf(threads, sizeof threads, "%u", s->threads ? s->threads : 2);
	snprintf(memory, sizeof memory, "%" PRIu64 "B", s->memory_bytes ? s->memory_bytes : UINT64_C(256) << 20);
	snprintf(temp_dir, sizeof temp_dir, "/proc/self/fd/%d/spill", s->temp_dir);
	for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
		if (e->d->duckdb_set_config(config, fixed[i][0], fixed[i][1]) != DuckDBSuccess)
			return err_set(c, ERR_UNAVAILABLE, "the engine refuses the setting %s", fixed[i][0]);
	const char *given[][2] = {{"threads", threads},
	                          {"memory_limit", memory},
	                          {"temp_directory", s->temp_dir >= 0 ? temp_dir : ""}};
	for (size_t i = 0; i < ARRAY_LEN(given); i++)
		if (e->d->duckdb_set_config(config, given[i][0], given[i][1]) != DuckDBSuccess)
			return err_set(c, ERR_UNAVAILABLE, "the engine refuses the setting %s", given[i][0]);
	return OK;
}

static Err
database_open(struct ctx *c, struct engine *e)
{
	duckdb_config config;
	char *message = NULL;

	ENSURE(c, e->d->duckdb_create_config(&config) == DuckDBSuccess, UNAVAILABLE, "the engine can't be configured");
	Err err = configure(c, e, config);
	if (err_ok(err) && e->d->duckdb_open_ext(NULL, &e->db, config, &message) != DuckDBSuccess) {
		err = err_set(c, ERR_UNAVAILABLE, "the engine can't be opened: %s", message ? message : "");
		e->d->duckdb_free(message);
	}
	e->d->duckdb_destroy_config(&config);
	return err;
}

/* From here on the engine opens nothing outside of its folders, and nothing said in SQL changes that. */
static Err
lock(struct ctx *c, struct engine *e)
{
	const int dirs[] = {e->spec.read_dir, e->spec.write_dir, e->spec.temp_dir};
	BUF_AUTO sql = BUF_INIT;

	buf_c(&sql, "SET GLOBAL TimeZone = 'UTC'; SET GLOBAL parquet_metadata_cache = true; ");
	/* Given at the opening, 1.5.5 shows this limit but does not keep it. */
	buf_printf(&sql, "SET max_temp_directory_size = '%" PRIu64 "B'; SET allowed_directories = [",
	           e->spec.temp_bytes ? e->spec.temp_bytes : UINT64_C(1) << 30);
	for (size_t i = 0, n = 0; i < ARRAY_LEN(dirs); i++) {
		if (dirs[i] < 0) continue;
		if (n++) buf_char(&sql, ',');
		engine_file(&sql, dirs[i], S(""));
	}
	buf_c(&sql, "]; SET enable_external_access = false; SET lock_configuration = true");
	return engine_exec(c, e, buf_z(&sql));
}

/* Landlock binds a thread and those it starts. Let a thread of the engine's pool (this one only watches, for up to a second) read
 * what it must not see, while the engine itself would still allow it. */
static Err
escape_try(struct ctx *c, struct engine *e)
{
	duckdb_prepared_statement st = NULL;
	duckdb_pending_result pending = NULL;
	duckdb_pending_state state = DUCKDB_PENDING_RESULT_NOT_READY;

	if (e->d->duckdb_prepare(e->con, "SELECT content FROM read_blob('/etc/passwd')", &st) != DuckDBSuccess ||
	    e->d->duckdb_pending_prepared(st, &pending) != DuckDBSuccess)
		state = DUCKDB_PENDING_ERROR;
	for (int i = 0; i < (e->spec.threads == 1 ? 0 : 10000) && !e->d->duckdb_pending_execution_is_finished(state); i++) {
		usleep(100);
		state = e->d->duckdb_pending_execute_check_state(pending);
	}
	while (!e->d->duckdb_pending_execution_is_finished(state)) state = e->d->duckdb_pending_execute_task(pending); /* no pool */
	e->d->duckdb_destroy_pending(&pending);
	e->d->duckdb_destroy_prepare(&st);
	ENSURE(c, state == DUCKDB_PENDING_ERROR, INTERNAL, "sandbox: a thread of the engine can read files outside");
	return OK;
}

static Err
session_open(struct ctx *c, struct engine *e)
{
	ENSURE(c, e->d->duckdb_connect(e->db, &e->con) == DuckDBSuccess, UNAVAILABLE, "the engine takes no connection");
	e->open = true;
	if (e->spec.try_escape) TRY(escape_try(c, e));
	TRY(lock(c, e));
	if (e->d->duckdb_prepare(e->con, "SELECT json_serialize_sql($1::VARCHAR)::VARCHAR", &e->tree) == DuckDBSuccess) return OK;
	return engine_error(c, e->d->duckdb_prepare_error(e->tree));
}

Err
engine_open(struct ctx *c, const struct duck *d, const struct engine_spec *spec, struct engine *ret)
{
	struct engine e = {.d = d, .spec = *spec};

	TRY(database_open(c, &e));
	Err err = session_open(c, &e);
	if (!err_ok(err)) {
		engine_close(&e);
		return err;
	}
	*ret = e;
	return OK;
}

void
engine_close(struct engine *e)
{
	if (e->tree) e->d->duckdb_destroy_prepare(&e->tree);
	if (e->con) e->d->duckdb_disconnect(&e->con);
	if (e->db) e->d->duckdb_close(&e->db);
	*e = (struct engine){0};
}

/* --- statements --- */

Err
engine_exec(struct ctx *c, struct engine *e, const char *sql)
{
	duckdb_result r;

	if (e->d->duckdb_query(e->con, sql, &r) != DuckDBSuccess) return result_error(c, e, &r);
	e->d->duckdb_destroy_result(&r);
	return OK;
}

Err
engine_stream(struct ctx *c, struct engine *e, const char *sql, duckdb_result *ret)
{
	duckdb_prepared_statement st = NULL;
	duckdb_pending_result pending = NULL;
	Err err = OK;

	if (e->d->duckdb_prepare(e->con, sql, &st) != DuckDBSuccess) {
		err = engine_error(c, e->d->duckdb_prepare_error(st));
	} else if (e->d->duckdb_pending_prepared_streaming(st, &pending) != DuckDBSuccess) {
		err = engine_error(c, e->d->duckdb_pending_error(pending));
	} else if (e->d->duckdb_execute_pending(pending, ret) != DuckDBSuccess) {
		err = engine_error(c, e->d->duckdb_result_error(ret));
		e->d->duckdb_destroy_result(ret);
	}
	e->d->duckdb_destroy_pending(&pending);
	e->d->duckdb_destroy_prepare(&st);
	return err;
}

static Str
string_of(const duckdb_string_t *s)
{
	uint32_t n = s->value.inlined.length;

	return str_of(n <= 12 ? s->value.inlined.inlined : s->value.pointer.ptr, n);
}

/* Where the first cell of the result lies, NULL when there is none of this type; *ret_chunk keeps it there. */
static const void *
first_cell(struct engine *e, duckdb_result *r, duckdb_type type, duckdb_data_chunk *ret_chunk)
{
	*ret_chunk = e->d->duckdb_column_count(r) > 0 && e->d->duckdb_column_type(r, 0) == type ? e->d->duckdb_fetch_chunk(*r) : NULL;
	if (!*ret_chunk || e->d->duckdb_data_chunk_get_size(*ret_chunk) == 0) return NULL;
	duckdb_vector v = e->d->duckdb_data_chunk_get_vector(*ret_chunk, 0);
	const uint64_t *valid = e->d->duckdb_vector_get_validity(v);
	return !valid || (valid[0] & 1) ? e->d->duckdb_vector_get_data(v) : NULL;
}

static Str
take_text(struct ctx *c, struct engine *e, duckdb_result *r)
{
	duckdb_data_chunk chunk;
	const duckdb_string_t *cell = first_cell(e, r, DUCKDB_TYPE_VARCHAR, &chunk);
	Str s = cell ? arena_str(c->arena, string_of(cell)) : S("");

	if (chunk) e->d->duckdb_destroy_data_chunk(&chunk);
	e->d->duckdb_destroy_result(r);
	return s;
}

Err
engine_text(struct ctx *c, struct engine *e, const char *sql, Str *ret)
{
	duckdb_result r;

	if (e->d->duckdb_query(e->con, sql, &r) != DuckDBSuccess) return result_error(c, e, &r);
	*ret = take_text(c, e, &r);
	return OK;
}

Err
engine_count(struct ctx *c, struct engine *e, const char *sql, uint64_t *ret)
{
	duckdb_data_chunk chunk;
	duckdb_result r;

	if (e->d->duckdb_query(e->con, sql, &r) != DuckDBSuccess) return result_error(c, e, &r);
	const int64_t *cell = first_cell(e, &r, DUCKDB_TYPE_BIGINT, &chunk);
	*ret = cell ? (uint64_t)*cell : 0;
	if (chunk) e->d->duckdb_destroy_data_chunk(&chunk);
	e->d->duckdb_destroy_result(&r);
	return OK;
}

static Err
tree_of(struct ctx *c, struct engine *e, Str sql, Str *ret)
{
	duckdb_result r;

	ENSURE(c, sql.n <= SQL_TEXT_MAX, TOO_LARGE, "the statement has %zu bytes, at most %d are read", sql.n, SQL_TEXT_MAX);
	ENSURE(c, str_is_utf8(sql), SQL, "the statement is not UTF-8");
	e->d->duckdb_bind_varchar_length(e->tree, 1, sql.p ? sql.p : "", sql.n);
	if (e->d->duckdb_execute_prepared(e->tree, &r) != DuckDBSuccess) return result_error(c, e, &r);
	*ret = take_text(c, e, &r);
	return OK;
}

Err
engine_parse(struct ctx *c, struct engine *e, Str sql, struct sql_statement *ret)
{
	Str tree;

	TRY(tree_of(c, e, sql, &tree));
	return sqlgate_check(c, tree, ret);
}

Err
engine_check_shapes(struct ctx *c, struct engine *e, Str sql, const struct sql_shape *shapes, size_t n)
{
	Str tree;

	TRY(tree_of(c, e, sql, &tree));
	return sqlgate_check_shapes(c, tree, shapes, n);
}
