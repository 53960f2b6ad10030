#include "query/worker.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "ipc/chan.h"
#include "os/clock.h"
#include "os/log.h"

enum { INTERRUPT_EVERY_MS = 20, STOP_WITHIN_MS = 2000, JOB_STACK_BYTES = 8 << 20, QUICK_BYTES = 4096 };

struct worker;
typedef Err Answer(struct ctx *c, struct worker *w);

/* The request that runs, on the second thread unless it is quick. The main thread owns the channel and sends every answer. */
struct job {
	struct arena arena;
	struct ctx c;
	enum msg_type type;
	uint64_t id;
	Str payload; /* in the arena */
	int fd;      /* owned; -1 */
	uint64_t started_ns, deadline_ns; /* deadline 0: none */
	enum err_code stop; /* why it is being stopped; ERR_NONE: it is not */
	uint64_t stop_ns;   /* since when */
	Err err;
	struct buf answer; /* encoded */
	enum msg_type answer_type;
	_Atomic uint64_t columns; /* of a result that started, plus 1 */
	bool columns_told;
	atomic_bool done;
};

struct worker {
	const struct worker_setup *setup;
	struct duck duck;
	struct sandbox_state sandbox;
	struct session session;
	bool open;
	struct chan ch;
	int wake; /* eventfd: the job has something to tell */
	struct job job;
	bool busy, threaded;
	sem_t go; /* the second thread takes up the job */
};

#define ANSWER(w, NAME, ...)                                                                                                   \
	do {                                                                                                                   \
		(w)->job.answer_type = MSG_##NAME;                                                                             \
		msg_put_##NAME(&(w)->job.answer, &(struct msg_##NAME){__VA_ARGS__});                                          \
	} while (0)

static void
wake(struct worker *w)
{
	ssize_t n = write(w->wake, &(uint64_t){1}, sizeof(uint64_t));

	assert(n == sizeof(uint64_t));
	(void)n;
}

/* --- the requests; on the job's thread --- */

static Err
setup_answer(struct ctx *c, struct worker *w)
{
	struct msg_W_SETUP m;

	TRY(msg_get_W_SETUP(c, w->job.payload, &m));
	ENSURE(c, !w->open, CONFLICT, "the engine is open already");
	struct engine_spec spec = {.read_dir = w->setup->read_dir_fd,
	                           .write_dir = -1,
	                           .temp_dir = w->setup->temp_dir_fd,
	                           .memory_bytes = m.memory_bytes,
	                           .temp_bytes = m.temp_bytes,
	                           .threads = (unsigned)(m.threads < 64 ? m.threads : 64),
	                           .try_escape = w->sandbox.landlock_abi > 0};
	TRY(session_open(c, &w->duck, &spec, &w->session));
	w->open = true;
	ANSWER(w, DONE, .value = 0);
	return OK;
}

static Err
parse_answer(struct ctx *c, struct worker *w)
{
	struct msg_W_PARSE m;
	List tables;

	TRY(msg_get_W_PARSE(c, w->job.payload, &m));
	TRY(session_parse(c, &w->session, m.sql, &tables));
	ANSWER(w, W_PARSED, .tables = tables);
	return OK;
}

static void
run_started(void *self, uint64_t columns)
{
	struct worker *w = self;

	atomic_store(&w->job.columns, columns + 1);
	wake(w);
}

static Err
run_answer(struct ctx *c, struct worker *w)
{
	struct msg_W_RUN m;
	struct session_run run;
	struct result_counts counts = {0};

	TRY(msg_get_W_RUN(c, w->job.payload, &m));
	ENSURE(c, w->job.fd >= 0, INVALID, "no descriptor for the result");
	run = (struct session_run){
	    .sql = m.sql,
	    .tables = m.tables,
	    .shapes = m.shapes,
	    .sink = {.fd = w->job.fd, .max_bytes = m.max_bytes, .max_rows = m.max_rows, .max_rows_why = m.max_rows_why,
	             .started = run_started, .self = w}};
	ENSURE(c, result_format_parse(m.format, &run.format), INVALID, "'%.*s' is no format of results", STR(m.format));
	TRY(session_run(c, &w->session, &run, &counts));
	ANSWER(w, W_FINISHED, .rows = counts.rows, .bytes = counts.bytes, .micros = (clock_boot_ns() - w->job.started_ns) / 1000);
	return OK;
}

static Err
check_answer(struct ctx *c, struct worker *w)
{
	struct msg_W_CHECK m;
	List results;

	TRY(msg_get_W_CHECK(c, w->job.payload, &m));
	TRY(session_check(c, &w->session, m.tables, m.statements, &results));
	ANSWER(w, W_CHECKED, .results = results);
	return OK;
}

static Err
schema_answer(struct ctx *c, struct worker *w)
{
	struct msg_W_SCHEMA m;
	List schemas;

	TRY(msg_get_W_SCHEMA(c, w->job.payload, &m));
	TRY(session_schemas(c, &w->session, m.files, &schemas));
	ANSWER(w, W_SCHEMAS, .schemas = schemas);
	return OK;
}

#ifdef HEDDLE_FAULTS
/* Test builds: run any SQL past the gate, to see what holds when the gate does not. */
static Err
escape_answer(struct ctx *c, struct worker *w)
{
	struct msg_W_ESCAPE m;
	Str text;

	TRY(msg_get_W_ESCAPE(c, w->job.payload, &m));
	TRY(engine_text(c, &w->session.engine, arena_dup(c->arena, m.attempt.p, m.attempt.n), &text));
	ANSWER(w, DONE, .text = text);
	return OK;
}
#endif

static const struct {
	enum msg_type type;
	Answer *answer;
} answers[] = {
    {MSG_W_SETUP, setup_answer},
    {MSG_W_PARSE, parse_answer},
    {MSG_W_RUN, run_answer},
    {MSG_W_CHECK, check_answer},
    {MSG_W_SCHEMA, schema_answer},
#ifdef HEDDLE_FAULTS
    {MSG_W_ESCAPE, escape_answer},
#endif
};

static void
job_run(struct worker *w)
{
	struct ctx *c = &w->job.c;
	Err e = err_set(c, ERR_INVALID, "a worker does not know %s", msg_name(w->job.type));

	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		if (answers[i].type != w->job.type) continue;
		c->detail[0] = '\0';
		bool ready = w->open || w->job.type == MSG_W_SETUP;
		e = ready ? answers[i].answer(c, w) : err_set(c, ERR_CONFLICT, "the engine is not open yet");
	}
	w->job.err = e;
}

static void *
thread_main(void *arg)
{
	struct worker *w = arg;

	for (;;) {
		while (sem_wait(&w->go) < 0) {
		}
		job_run(w);
		atomic_store(&w->job.done, true); /* from here on the job is the main thread's */
		wake(w);
	}
	return NULL;
}

/* --- the main thread --- */

static uint64_t
timeout_of(struct ctx *c, const struct frame *f)
{
	struct msg_W_RUN run;
	struct msg_W_CHECK check;

	if (f->type == MSG_W_RUN && err_ok(msg_get_W_RUN(c, f->payload, &run))) return run.timeout_ms;
	if (f->type == MSG_W_CHECK && err_ok(msg_get_W_CHECK(c, f->payload, &check))) return check.timeout_ms;
	return 0;
}

static Err
thread_start(struct ctx *c, struct worker *w)
{
	pthread_attr_t attr;
	pthread_t thread;

	if (w->threaded) return OK;
	sem_init(&w->go, 0, 0);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, JOB_STACK_BYTES);
	int error = pthread_create(&thread, &attr, thread_main, w);
	pthread_attr_destroy(&attr);
	ENSURE(c, error == 0, UNAVAILABLE, "no thread to be had: %s", strerror(error));
	w->threaded = true;
	return OK;
}

static void
job_set(struct job *j, struct frame *f)
{
	*j = (struct job){.type = f->type, .id = f->id, .fd = f->fd_count ? TAKE(f->fds[0], -1) : -1, .started_ns = clock_boot_ns()};
	j->c.arena = &j->arena;
	uint64_t timeout_ms = timeout_of(&j->c, f);
	if (timeout_ms && timeout_ms < UINT32_MAX) j->deadline_ns = j->started_ns + timeout_ms * 1000000;
	j->payload = arena_str(&j->arena, f->payload);
}

static Err
job_answer(struct ctx *c, struct worker *w)
{
	struct job *j = &w->job;

	if (err_ok(j->err)) return chan_send(c, &w->ch, j->answer_type, j->id, buf_view(&j->answer), NULL, 0);
	Str detail = str_c(err_detail(&j->c, j->err));
	if (j->err.code == ERR_CANCELLED && j->stop == ERR_TIMEOUT) {
		j->err.code = ERR_TIMEOUT;
		detail = S("the statement took longer than it may");
	}
	return chan_post(c, &w->ch, FAILED, j->id, -1, .code = j->err.code, .detail = detail);
}

static Err
job_end(struct ctx *c, struct worker *w)
{
	struct job *j = &w->job;

	w->busy = false;
	if (j->fd >= 0) close(j->fd); /* the reader of the result sees its end before the core hears of it */
	Err e = job_answer(c, w);
	buf_fini(&j->answer);
	arena_fini(&j->arena);
	return e;
}

static Err
job_look(struct ctx *c, struct worker *w)
{
	struct job *j = &w->job;
	bool done = atomic_load(&j->done);
	uint64_t columns = atomic_load(&j->columns);

	if (!w->busy) return OK;
	if (columns && !j->columns_told) {
		j->columns_told = true;
		TRY(chan_post(c, &w->ch, W_STARTED, j->id, -1, .columns = columns - 1));
	}
	return done ? job_end(c, w) : OK;
}

/* Short statements are looked at in microseconds: not worth waking another thread. */
static Err
job_start(struct ctx *c, struct worker *w, struct frame *f)
{
	bool quick = f->type == MSG_W_PARSE && f->payload.n <= QUICK_BYTES;

	if (!quick) TRY(thread_start(c, w));
	job_set(&w->job, f);
	session_begin(&w->session);
	w->busy = true;
	if (!quick) {
		sem_post(&w->go);
		return OK;
	}
	job_run(w);
	return job_end(c, w);
}

static void
job_stop(struct worker *w, enum err_code why)
{
	if (!w->busy || w->job.stop != ERR_NONE) return;
	w->job.stop = why;
	w->job.stop_ns = clock_boot_ns();
	session_interrupt(&w->session);
}

/* Interrupts again and again: one that comes before the engine began to run is lost. */
static Err
job_watch(struct ctx *c, struct worker *w)
{
	uint64_t now = clock_boot_ns();

	if (!w->busy) return OK;
	if (w->job.stop == ERR_NONE && w->job.deadline_ns && now >= w->job.deadline_ns) job_stop(w, ERR_TIMEOUT);
	if (w->job.stop == ERR_NONE) return OK;
	if (now < w->job.stop_ns + STOP_WITHIN_MS * UINT64_C(1000000)) {
		if (w->open) session_interrupt(&w->session);
		return OK;
	}
	Err e = chan_post(c, &w->ch, FAILED, w->job.id, -1, .code = w->job.stop, .detail = S("the statement had to be killed"));
	_exit(err_ok(e) ? 1 : 2);
}

static int
poll_ms(const struct worker *w)
{
	if (!w->busy) return -1;
	if (w->job.stop != ERR_NONE) return INTERRUPT_EVERY_MS;
	if (!w->job.deadline_ns) return -1;
	uint64_t now = clock_boot_ns(), left = now < w->job.deadline_ns ? (w->job.deadline_ns - now) / 1000000 + 1 : 0;
	return left < 60000 ? (int)left : 60000;
}

static Err
frame_take(struct ctx *c, struct worker *w, struct frame *f)
{
	if (f->type == MSG_W_CANCEL) {
		job_stop(w, ERR_CANCELLED);
		return OK;
	}
	Err e = w->busy ? err_set(c, ERR_BUSY, "the worker runs something else") : job_start(c, w, f);
	return err_ok(e) ? OK : chan_post(c, &w->ch, FAILED, f->id, -1, .code = e.code, .detail = str_c(err_detail(c, e)));
}

static Err
frames_take(struct ctx *c, struct worker *w)
{
	struct frame f;
	bool got;

	TRY(chan_read(c, &w->ch));
	for (;;) {
		TRY(chan_next(c, &w->ch, &got, &f));
		if (!got) return OK;
		Err e = frame_take(c, w, &f);
		frame_fini(&f);
		TRY(e);
	}
}

static Err
loop(struct ctx *c, struct worker *w)
{
	for (;;) {
		struct pollfd p[2] = {{.fd = w->ch.fd, .events = POLLIN}, {.fd = w->wake, .events = POLLIN}};
		uint64_t n;
		if (poll(p, 2, poll_ms(w)) < 0 && errno != EINTR) return err_set(c, ERR_IO, "poll: %s", strerror(errno));
		if (p[1].revents && read(w->wake, &n, sizeof n) > 0) TRY(job_look(c, w));
		if (p[0].revents) TRY(frames_take(c, w));
		TRY(job_watch(c, w));
	}
}

Err
worker_lock(struct ctx *c, const struct worker_setup *s, struct duck *ret_duck, struct sandbox_state *ret_state)
{
	struct sandbox_spec spec = {.profile = SANDBOX_WORKER,
	                            .read_dirs = &s->read_dir_fd,
	                            .read_dir_count = 1,
	                            .write_dirs = &s->temp_dir_fd,
	                            .write_dir_count = s->temp_dir_fd >= 0,
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

int
worker_main(const struct worker_setup *setup)
{
	ARENA_AUTO arena = ARENA_INIT;
	struct ctx c = {.arena = &arena};
	struct worker *w = mem_alloc(sizeof *w);

	w->setup = setup;
	chan_init(&w->ch, setup->channel_fd);
	w->wake = eventfd(0, EFD_CLOEXEC);
	assert(w->wake >= 0);
	Err e = worker_lock(&c, setup, &w->duck, &w->sandbox);
	if (err_ok(e))
		e = chan_post(&c, &w->ch, READY, 0, -1, .level = (uint64_t)w->sandbox.level, .note = sandbox_text(&arena, &w->sandbox));
	if (err_ok(e)) e = loop(&c, w);
	bool closed = e.code == ERR_UNAVAILABLE; /* the core let go of us */
	if (!closed) log_error("%s", err_detail(&c, e));
	/* A thread may still run: no tidying up. */
	_exit(closed ? 0 : 1);
}
