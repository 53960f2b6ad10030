#include "query/reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "ipc/chan.h"
#include "os/log.h"
#include "query/extract.h"
#include "query/maskfn.h"

static const char *const input_starts[] = {"FROM read_parquet([", "WITH kept AS (FROM read_parquet(["};

/* The SELECT with the names of its input files turned into paths beneath our folder. Only the list at the very start is looked at:
 * what comes behind may hold any text in literals. */
static Err
select_put(struct ctx *c, Str select, int dir, struct buf *out)
{
	size_t form = 0;

	while (form < ARRAY_LEN(input_starts) && !str_starts(select, str_c(input_starts[form]))) form++;
	ENSURE(c, form < ARRAY_LEN(input_starts), INVALID, "an extract's SELECT of an unknown form");
	Str start = str_c(input_starts[form]), rest = str_of(select.p + start.n, select.n - start.n), name;
	buf_str(out, start);
	for (size_t n = 0;; n++) {
		ENSURE(c, str_starts(rest, S("'@in/")), INVALID, "an extract's SELECT of an unknown form");
		rest = str_cut(str_of(rest.p + 5, rest.n - 5), '\'', &name);
		ENSURE(c, rest.p && extract_file_is_plain(name), INVALID, "an extract's SELECT names a file oddly");
		if (n) buf_char(out, ',');
		engine_file(out, dir, name);
		if (!str_starts(rest, S(","))) break;
		rest = str_of(rest.p + 1, rest.n - 1);
	}
	ENSURE(c, str_starts(rest, S("]")), INVALID, "an extract's SELECT of an unknown form");
	buf_str(out, rest);
	return OK;
}

static Err
job_run(struct ctx *c, struct engine *e, Str select, Str name, uint64_t *ret_rows)
{
	BUF_AUTO sql = BUF_INIT;

	ENSURE(c, extract_file_is_plain(name), INVALID, "'%.*s' is no name of an extract", STR(name));
	buf_c(&sql, "COPY (");
	TRY(select_put(c, select, e->spec.read_dir, &sql));
	buf_c(&sql, ") TO ");
	engine_file(&sql, e->spec.write_dir, name);
	buf_c(&sql, " (FORMAT parquet, COMPRESSION lz4, USE_TMP_FILE false)");
	return engine_count(c, e, buf_z(&sql), ret_rows);
}

Err
reader_extract(struct ctx *c, struct engine *e, const struct secret32 *key, List jobs, uint64_t *ret_rows)
{
	Err err = maskfn_register(c, e, key);

	for (size_t i = 0; i + 1 < jobs.n && err_ok(err); i += 2) err = job_run(c, e, jobs.v[i], jobs.v[i + 1], &ret_rows[i / 2]);
	for (size_t i = 0; i + 1 < jobs.n && !err_ok(err); i += 2)
		if (extract_file_is_plain(jobs.v[i + 1])) unlinkat(e->spec.write_dir, arena_dup(c->arena, jobs.v[i + 1].p, jobs.v[i + 1].n), 0);
	return err;
}

/* --- the role --- */

static Err
request_run(struct ctx *c, struct engine *e, const struct msg_R_EXTRACT *m, struct chan *ch, uint64_t id)
{
	size_t n = m->jobs.n / 2;
	uint64_t *rows = NEW_N(c->arena, n, uint64_t);
	Str *texts = NEW_N(c->arena, n, Str);
	SECRET_AUTO key;

	memset(&key, 0, sizeof key);
	ENSURE(c, m->jobs.n % 2 == 0 && n > 0, INVALID, "an extract request without jobs");
	ENSURE(c, m->mask_key.n == 0 || m->mask_key.n == sizeof key, INVALID, "a mask key of %zu bytes", m->mask_key.n);
	if (m->mask_key.n) memcpy(key.secret_bytes, m->mask_key.p, sizeof key);
	Err err = reader_extract(c, e, &key, m->jobs, rows);
	/* The engine's words could hold a value that was to be hidden. */
	if (err.code == ERR_SQL) return err_set(c, ERR_INTERNAL, "the extract could not be made");
	TRY(err);
	for (size_t i = 0; i < n; i++) texts[i] = arena_printf(c->arena, "%" PRIu64, rows[i]);
	return chan_post(c, ch, R_DONE, id, -1, .rows = {texts, n});
}

static Err
request_answer(struct ctx *c, const struct duck *d, const struct reader_setup *s, struct chan *ch, const struct frame *f)
{
	struct msg_R_EXTRACT m;
	struct engine e;

	ENSURE(c, f->type == MSG_R_EXTRACT, INVALID, "a reader does not know %s", msg_name(f->type));
	TRY(msg_get_R_EXTRACT(c, f->payload, &m));
	struct engine_spec spec = {.read_dir = s->read_dir_fd,
	                           .write_dir = s->write_dir_fd,
	                           .temp_dir = s->temp_dir_fd,
	                           .memory_bytes = m.memory_bytes,
	                           .threads = (unsigned)(m.threads < 64 ? m.threads : 64)};
	TRY(engine_open(c, d, &spec, &e));
	Err err = request_run(c, &e, &m, ch, f->id);
	engine_close(&e);
	return err;
}

static Err
enter(struct ctx *c, const struct reader_setup *s, struct duck *ret_duck, struct sandbox_state *ret_state)
{
	const int write_dirs[] = {s->write_dir_fd, s->temp_dir_fd};
	struct sandbox_spec spec = {.profile = SANDBOX_READER,
	                            .read_dirs = &s->read_dir_fd,
	                            .read_dir_count = 1,
	                            .write_dirs = write_dirs,
	                            .write_dir_count = 2,
	                            .read_paths = sandbox_duckdb_paths,
	                            .limits = {.as_bytes = s->as_bytes ? s->as_bytes : UINT64_C(4) << 30, .nofile = 1024},
	                            .uid = s->uid,
	                            .gid = s->gid,
	                            .own_net = true};

	TRY(duck_load(c, s->library_fd, ret_duck));
	close(s->library_fd);
	TRY(sandbox_enter(c, &spec, ret_state));
	return sandbox_self_test(c, &spec, ret_state);
}

static Err
serve(struct ctx *c, const struct reader_setup *s, struct chan *ch)
{
	struct sandbox_state state;
	struct duck d;
	struct frame f;

	TRY(enter(c, s, &d, &state));
	TRY(chan_post(c, ch, READY, 0, -1, .level = (uint64_t)state.level, .note = sandbox_text(c->arena, &state)));
	Err err = chan_recv(c, ch, &f);
	if (err.code == ERR_UNAVAILABLE) return OK; /* the node ends, and nobody needed this reader */
	TRY(err);
	err = request_answer(c, &d, s, ch, &f);
	if (!err_ok(err)) err = chan_post(c, ch, FAILED, f.id, -1, .code = err.code, .detail = str_c(err_detail(c, err)));
	frame_fini(&f);
	return err;
}

int
reader_main(const struct reader_setup *setup)
{
	ARENA_AUTO arena = ARENA_INIT;
	struct ctx c = {.arena = &arena};
	struct chan ch;

	chan_init(&ch, setup->channel_fd);
	Err err = serve(&c, setup, &ch);
	if (!err_ok(err)) log_error("%s", err_detail(&c, err));
	chan_fini(&ch);
	_exit(err_ok(err) ? 0 : 1); /* a leak checker could not do its work in the sandbox */
}
