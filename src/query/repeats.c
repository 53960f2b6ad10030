#include "query/repeats.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/distinct.h"

struct repeats {
	struct engine engine; /* on the connection of the lane */
	List statements;
	Str *answers;         /* in the arena below */
	struct arena arena;
	pthread_t thread;
	bool threaded, cancelled;
};

Str
repeats_error(struct ctx *c, Err err)
{
	BUF_AUTO b = BUF_INIT;

	buf_c(&b, "{\"error\":");
	buf_json(&b, str_c(err_detail(c, err)));
	buf_char(&b, '}');
	return arena_str(c->arena, buf_view(&b));
}

static Err
add_all(struct ctx *c, const struct engine *e, duckdb_result *r, struct distinct *d)
{
	const struct duck *k = e->d;
	duckdb_data_chunk chunk;

	ENSURE(c, k->duckdb_column_type(r, 0) == DUCKDB_TYPE_UBIGINT, INTERNAL, "a stream of something else than hashes");
	while ((chunk = k->duckdb_fetch_chunk(*r))) {
		size_t n = k->duckdb_data_chunk_get_size(chunk);
		if (n > 0) (void)distinct_add(d, k->duckdb_vector_get_data(k->duckdb_data_chunk_get_vector(chunk, 0)), n); /* over: distinct_count() says it */
		k->duckdb_destroy_data_chunk(&chunk);
		if (n == 0) break;
	}
	const char *message = k->duckdb_result_error(r);
	return message && message[0] ? engine_error(c, message) : OK;
}

static void
tell(struct distinct *d, struct buf *out)
{
	uint64_t *found = mem_alloc((REPEATS_MAX + 1) * sizeof *found), repeats;
	size_t n = 0;
	bool known = distinct_count(d, &repeats, found, REPEATS_MAX + 1, &n);

	buf_c(out, "{\"columns\":[\"repeats\"],\"rows\":[[\"");
	if (!known || n > REPEATS_MAX) buf_c(out, "many");
	else if (n == 0) buf_char(out, '0');
	else if (n == 1 && found[0] == 0) buf_c(out, "0,0"); /* DuckDB's hash of the number 0 is 0 */
	else
		for (size_t i = 0; i < n; i++) buf_printf(out, "%s%" PRIu64, i ? "," : "", found[i]);
	buf_c(out, "\"]]}");
	free(found);
}

static Err
find(struct ctx *c, struct engine *e, Str sql, Str *ret)
{
	uint64_t memory = e->spec.memory_bytes ? e->spec.memory_bytes : UINT64_C(256) << 20;
	struct distinct *d = distinct_new(memory / 2);
	duckdb_result r;
	BUF_AUTO out = BUF_INIT;

	Err err = engine_stream(c, e, arena_dup(c->arena, sql.p, sql.n), &r);
	if (err_ok(err)) {
		err = add_all(c, e, &r, d);
		e->d->duckdb_destroy_result(&r);
	}
	if (err_ok(err)) {
		tell(d, &out);
		*ret = arena_str(c->arena, buf_view(&out));
	}
	distinct_free(d);
	return err;
}

static void *
lane(void *arg)
{
	struct repeats *r = arg;

	for (size_t i = 0; i + 1 < r->statements.n && !r->cancelled; i += 2) {
		struct ctx c = {.arena = &r->arena};
		if (!str_eqc(r->statements.v[i], "hashes")) continue;
		Err err = find(&c, &r->engine, r->statements.v[i + 1], &r->answers[i / 2]);
		r->cancelled = err.code == ERR_CANCELLED;
		if (!err_ok(err)) r->answers[i / 2] = repeats_error(&c, err);
	}
	return NULL;
}

struct repeats *
repeats_begin(const struct engine *e, duckdb_connection con, List statements)
{
	struct repeats *r = mem_alloc(sizeof *r);

	r->engine = *e;
	r->engine.con = con;
	r->statements = statements;
	r->answers = NEW_N(&r->arena, statements.n / 2, Str);
	for (size_t i = 0; i + 1 < statements.n && !r->threaded; i += 2)
		if (str_eqc(statements.v[i], "hashes")) r->threaded = pthread_create(&r->thread, NULL, lane, r) == 0;
	return r;
}

Err
repeats_end(struct ctx *c, struct repeats *r, Str *answers)
{
	if (r->threaded) pthread_join(r->thread, NULL);
	else lane(r);
	bool cancelled = r->cancelled;
	for (size_t i = 0; i < r->statements.n / 2; i++)
		if (r->answers[i].p) answers[i] = arena_str(c->arena, r->answers[i]);
	arena_fini(&r->arena);
	free(r);
	return cancelled ? err_set(c, ERR_CANCELLED, "cancelled") : OK;
}
