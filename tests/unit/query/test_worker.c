/* The worker as a process of its own, in its sandbox, spoken to over its channel. */
#include "kit.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "ipc/chan.h"
#include "os/clock.h"
#include "os/spawn.h"
#include "query/worker.h"

struct rig {
	struct arena arena;
	struct ctx c;
	char path[64];
	int view; /* folder */
	struct chan ch;
	struct spawned child;
	uint64_t next;
};

static int
folder(struct rig *r, const char *name)
{
	char path[128];

	snprintf(path, sizeof path, "%s/%s", r->path, name);
	assert_int_equal(mkdir(path, 0777), 0);
	assert_int_equal(chmod(path, 0777), 0);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static void
rig_open(struct rig *r)
{
	int pair[2], temp, library = open(TEST_DUCKDB, O_RDONLY | O_CLOEXEC);

	*r = (struct rig){.c.arena = &r->arena};
	snprintf(r->path, sizeof r->path, "/tmp/heddle-worker-XXXXXX");
	assert_non_null(mkdtemp(r->path));
	assert_int_equal(chmod(r->path, 0777), 0);
	r->view = folder(r, "view");
	temp = folder(r, "temp");
	assert_ok(&r->c, chan_pair(&r->c, pair));
	const int fds[] = {pair[1], r->view, library, temp};
	struct spawn_spec spec = {.role = "worker", .fds = fds, .fd_count = 4};
	assert_ok(&r->c, spawn_role(&r->c, &spec, &r->child));
	close(pair[1]);
	close(temp);
	close(library);
	chan_init(&r->ch, pair[0]);
}

static void
rig_close(struct rig *r)
{
	int status;

	chan_fini(&r->ch);
	if (waitpid(r->child.pid, &status, 0) == r->child.pid && WIFSIGNALED(status)) fail_msg("the worker died of signal %d", WTERMSIG(status));
	close(r->view);
	if (r->child.pidfd >= 0) close(r->child.pidfd);
	assert_ok(&r->c, dir_remove(&r->c, AT_FDCWD, r->path));
	arena_fini(&r->arena);
}

static void
recv_type(struct rig *r, enum msg_type want, struct frame *ret)
{
	assert_ok(&r->c, chan_recv(&r->c, &r->ch, ret));
	if (ret->type == want) return;
	struct msg_FAILED m = {0};
	if (ret->type == MSG_FAILED) assert_ok(&r->c, msg_get_FAILED(&r->c, ret->payload, &m));
	fail_msg("wanted %s, got %s %.*s", msg_name(want), msg_name(ret->type), STR(m.detail));
}

static void
setup(struct rig *r)
{
	struct frame f;
	struct msg_READY ready;

	recv_type(r, MSG_READY, &f);
	assert_ok(&r->c, msg_get_READY(&r->c, f.payload, &ready));
	print_message("sandbox %.*s\n", STR(ready.note));
	assert_ok(&r->c, chan_post(&r->c, &r->ch, W_SETUP, ++r->next, -1, .memory_bytes = 96 << 20, .threads = 2, .temp_bytes = 8 << 20));
	recv_type(r, MSG_DONE, &f);
}

/* A file in the worker's folder, made by an engine here. */
static void
file_make(struct rig *r, const char *name, const char *select)
{
	struct kit k;
	BUF_AUTO sql = BUF_INIT;

	kit_open(&k);
	buf_printf(&sql, "COPY (%s) TO ", select);
	engine_file(&sql, k.spec.write_dir, str_c(name));
	kit_exec(&k, buf_z(&sql));
	assert_int_equal(fchmodat(k.spec.write_dir, name, 0644, 0), 0);
	assert_int_equal(linkat(k.spec.write_dir, name, r->view, name, 0), 0);
	kit_close(&k);
}

/* Sends W_RUN; the end to read the result from. */
static int
run_send(struct rig *r, const char *sql, const char *format, uint64_t timeout_ms)
{
	const Str tables[] = {S("d.p.t"), S("t.parquet"), S("a\nb")};
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_ok(&r->c, chan_post(&r->c, &r->ch, W_RUN, ++r->next, pair[0], .sql = str_c(sql), .format = str_c(format), .tables = {tables, 3},
	                           .max_bytes = 1 << 30, .max_rows = 0, .timeout_ms = timeout_ms));
	return pair[1];
}

static Str
read_all(struct rig *r, int fd)
{
	BUF_AUTO b = BUF_INIT;
	char part[65536];
	ssize_t n;

	while ((n = read(fd, part, sizeof part)) > 0) buf_add(&b, part, (size_t)n);
	close(fd);
	return arena_str(&r->arena, buf_view(&b));
}

/* The whole payload of a small result, or the refusal. */
static Str
run(struct rig *r, const char *sql)
{
	int fd = run_send(r, sql, "ndjson", 120000);
	Str framed = read_all(r, fd);
	struct frame f;

	Err e = chan_recv(&r->c, &r->ch, &f);
	if (!err_ok(e)) {
		int status;
		waitpid(r->child.pid, &status, 0);
		fail_msg("%s: the worker ended with %x", sql, status);
	}
	if (f.type == MSG_W_STARTED) assert_ok(&r->c, chan_recv(&r->c, &r->ch, &f));
	if (f.type == MSG_FAILED) {
		struct msg_FAILED m;
		assert_ok(&r->c, msg_get_FAILED(&r->c, f.payload, &m));
		return arena_printf(&r->arena, "%s: %.*s", err_name((Err){(uint16_t)m.code}), STR(m.detail));
	}
	assert_int_equal(f.type, MSG_W_FINISHED);
	if (framed.n <= 9) return S("");
	return str_of(framed.p + 4, framed.n - 9);
}

static enum err_code
failed(struct rig *r)
{
	struct msg_FAILED m;
	struct frame f;

	do assert_ok(&r->c, chan_recv(&r->c, &r->ch, &f));
	while (f.type == MSG_W_STARTED);
	if (f.type != MSG_FAILED) fail_msg("%s instead of a failure", msg_name(f.type));
	assert_ok(&r->c, msg_get_FAILED(&r->c, f.payload, &m));
	return (enum err_code)m.code;
}

static void
assert_answer(struct rig *r, const char *sql, const char *want)
{
	Str got = run(r, sql);

	if (!str_eqc(got, want)) fail_msg("%s: %.*s", sql, STR(got));
}

static void
runs_statements(void **state)
{
	struct rig r;
	struct frame f;
	struct msg_W_PARSED parsed;

	UNUSED_STATE;
	rig_open(&r);
	setup(&r);
	file_make(&r, "t.parquet", "select i as a, 'v' || i as b, i * 2 as hidden from range(1000) r(i)");
	assert_ok(&r.c, chan_post(&r.c, &r.ch, W_PARSE, ++r.next, -1, .sql = S("select sum(a) from d.p.t")));
	recv_type(&r, MSG_W_PARSED, &f);
	assert_ok(&r.c, msg_get_W_PARSED(&r.c, f.payload, &parsed));
	assert_int_equal(parsed.tables.n, 3);
	assert_true(str_eqc(parsed.tables.v[0], "d.p.t") && str_eqc(parsed.tables.v[1], "") && str_eqc(parsed.tables.v[2], "a"));
	assert_answer(&r, "select sum(a) s from d.p.t", "{\"s\":499500}\n");
	assert_answer(&r, "select * from d.p.t where a = 7", "{\"a\":7,\"b\":\"v7\"}\n");
	assert_answer(&r, "select hidden from d.p.t",
	              "SQL: Referenced column \"hidden\" not found in FROM clause! Candidate bindings: \"a\" (at character 8)");
	assert_answer(&r, "select filename from d.p.t",
	              "SQL: Referenced column \"filename\" not found in FROM clause! Candidate bindings: \"a\" (at character 8)");
	assert_answer(&r, "select * from d.p.other", "DENIED: d.p.other is not available to this statement");
	assert_answer(&r, "select * from read_text('/etc/passwd')", "SQL: the function read_text is not available (at character 15)");
	assert_answer(&r, "select b::integer from d.p.t", "SQL: Could not convert string 'v0' to INT32 when casting from source column b (at character 9)");
	assert_answer(&r, "select count(*) n from (select a, row_number() over (order by b, a desc) from d.p.t, range(300))", "{\"n\":300000}\n");
	rig_close(&r);
}

/* A file that is changed, cut or no Parquet at all never names itself. */
static void
says_no_path(void **state)
{
	struct rig r;

	UNUSED_STATE;
	rig_open(&r);
	setup(&r);
	assert_answer(&r, "select * from d.p.t", "UNAVAILABLE: the data of d.p.t could not be opened");
	int fd = openat(r.view, "t.parquet", O_WRONLY | O_CREAT, 0644);
	assert_int_equal(write(fd, "PAR1 no parquet PAR1", 20), 20);
	close(fd);
	assert_answer(&r, "select * from d.p.t", "UNAVAILABLE: the data of d.p.t could not be opened");
	rig_close(&r);
}

static void
stops_when_told(void **state)
{
	static const char endless[] = "select count(*) from range(100000000000000) a where hash(a.range) = 1";
	struct rig r;
	uint64_t before;
	int fd;

	UNUSED_STATE;
	rig_open(&r);
	setup(&r);
	file_make(&r, "t.parquet", "select 1 as a, 2 as b");
	fd = run_send(&r, endless, "json", 0);
	usleep(50000);
	assert_ok(&r.c, chan_post(&r.c, &r.ch, W_PARSE, 99, -1, .sql = S("select 1")));
	assert_int_equal(failed(&r), ERR_BUSY);
	before = clock_boot_ns();
	assert_ok(&r.c, chan_post(&r.c, &r.ch, W_CANCEL, 100, -1, .reason = 0));
	assert_int_equal(failed(&r), ERR_CANCELLED);
	print_message("cancelled after %.1f ms\n", (double)(clock_boot_ns() - before) / 1e6);
	close(fd);
	fd = run_send(&r, endless, "json", 200);
	assert_int_equal(failed(&r), ERR_TIMEOUT);
	close(fd);
	/* stopped at once, before the engine had begun */
	fd = run_send(&r, endless, "json", 0);
	assert_ok(&r.c, chan_post(&r.c, &r.ch, W_CANCEL, 100, -1, .reason = 0));
	assert_int_equal(failed(&r), ERR_CANCELLED);
	close(fd);
	/* too much memory, too much space, too many bytes */
	assert_int_equal(run(&r, "select list(a.range) from range(100000000) a").p[0], 'L');
	assert_int_equal(run(&r, "select count(*) from (select distinct md5(r.range::varchar) || sha256(r.range::varchar) from range(2000000) r)").p[0], 'L');
	assert_answer(&r, "select a from d.p.t", "{\"a\":1}\n");
	rig_close(&r);
}

static void
goes_when_left(void **state)
{
	struct rig r;
	int status;

	UNUSED_STATE;
	rig_open(&r);
	setup(&r);
	int fd = run_send(&r, "select count(*) from range(100000000000000) a where hash(a.range) = 1", "json", 0);
	usleep(20000);
	chan_fini(&r.ch);
	assert_int_equal(waitpid(r.child.pid, &status, 0), r.child.pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	close(fd);
	rig_close(&r);
}

static void
checks_and_schemas(void **state)
{
	const Str tables[] = {S("d.p.t"), S("t.parquet\nt2.parquet")};
	const Str statements[] = {S("own"), S("select count(*) n, count(a) a from d.p.t"), S("user"), S("select sum(a) from d.p.t"),
	                          S("user"), S("select * from read_text('x')"), S("user"), S("select * from d.p.other"),
	                          S("own"), S("select a::date from d.p.t")};
	const Str files[] = {S("t.parquet"), S("no.parquet"), S("missing.parquet"), S("../t.parquet")};
	static const char *const results[] = {"{\"columns\":[\"n\",\"a\"],\"rows\":[[3,3]]}", "{\"columns\":[\"sum(a)\"],\"rows\":[[3]]}",
	                                      "{\"error\":\"the function read_text is not available (at character 15)\"}",
	                                      "{\"error\":\"d.p.other is not available to this statement\"}",
	                                      "{\"error\":\"Unimplemented type for cast (BIGINT -> DATE) when casting from source column a (at character 9)\"}"};
	static const char *const schemas[] = {"{\"rows\":2,\"columns\":[{\"name\":\"a\",\"type\":\"BIGINT\"}]}",
	                                      "{\"error\":\"it is not a Parquet file, or a damaged one\"}",
	                                      "{\"error\":\"it is not a Parquet file, or a damaged one\"}",
	                                      "{\"error\":\"'../t.parquet' is no name of a file\"}"};
	struct rig r;
	struct frame f;
	struct msg_W_CHECKED checked;
	struct msg_W_SCHEMAS seen;

	UNUSED_STATE;
	rig_open(&r);
	setup(&r);
	file_make(&r, "t.parquet", "select i as a from range(2) r(i)");
	file_make(&r, "t2.parquet", "select i + 2 as a, 'new' as c from range(1) r(i)");
	int fd = openat(r.view, "no.parquet", O_WRONLY | O_CREAT, 0644);
	close(fd);
	assert_ok(&r.c, chan_post(&r.c, &r.ch, W_CHECK, ++r.next, -1, .tables = {tables, 2}, .statements = {statements, ARRAY_LEN(statements)},
	                          .timeout_ms = 10000));
	recv_type(&r, MSG_W_CHECKED, &f);
	assert_ok(&r.c, msg_get_W_CHECKED(&r.c, f.payload, &checked));
	assert_int_equal(checked.results.n, ARRAY_LEN(results));
	for (size_t i = 0; i < checked.results.n; i++)
		if (!str_eqc(checked.results.v[i], results[i])) fail_msg("%.*s", STR(checked.results.v[i]));
	assert_ok(&r.c, chan_post(&r.c, &r.ch, W_SCHEMA, ++r.next, -1, .files = {files, ARRAY_LEN(files)}));
	recv_type(&r, MSG_W_SCHEMAS, &f);
	assert_ok(&r.c, msg_get_W_SCHEMAS(&r.c, f.payload, &seen));
	for (size_t i = 0; i < ARRAY_LEN(schemas); i++)
		if (!str_eqc(seen.schemas.v[i], schemas[i])) fail_msg("%.*s", STR(seen.schemas.v[i]));
	rig_close(&r);
}

static void
survives_nonsense(void **state)
{
	struct rig r;

	UNUSED_STATE;
	rig_open(&r);
	struct frame f;
	recv_type(&r, MSG_READY, &f);
	assert_ok(&r.c, chan_post(&r.c, &r.ch, W_PARSE, 1, -1, .sql = S("select 1")));
	assert_int_equal(failed(&r), ERR_CONFLICT);
	assert_ok(&r.c, chan_post(&r.c, &r.ch, W_CANCEL, 1, -1, .reason = 0));
	assert_ok(&r.c, chan_send(&r.c, &r.ch, MSG_W_SETUP, 2, S("short"), NULL, 0));
	assert_int_equal(failed(&r), ERR_INVALID);
	assert_ok(&r.c, chan_post(&r.c, &r.ch, G_CANCEL, 3, -1, .request = 1));
	assert_int_equal(failed(&r), ERR_INVALID);
	assert_ok(&r.c, chan_post(&r.c, &r.ch, W_SETUP, 4, -1, .memory_bytes = 64 << 20, .threads = 1, .temp_bytes = 1 << 20));
	recv_type(&r, MSG_DONE, &f);
	assert_ok(&r.c, chan_post(&r.c, &r.ch, W_RUN, 5, -1, .sql = S("select 1"), .format = S("json")));
	assert_int_equal(failed(&r), ERR_INVALID);
	rig_close(&r);
}

int
main(int argc UNUSED, char **argv)
{
	const char *role = spawn_role_of(argv);
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(runs_statements), cmocka_unit_test(says_no_path),       cmocka_unit_test(stops_when_told),
	    cmocka_unit_test(goes_when_left),  cmocka_unit_test(checks_and_schemas), cmocka_unit_test(survives_nonsense),
	};

	if (role) {
		struct ctx c = {0};
		if (!err_ok(crypt_init(&c))) return 1;
		struct worker_setup s = {.channel_fd = SPAWN_FIRST_FD, .read_dir_fd = SPAWN_FIRST_FD + 1, .library_fd = SPAWN_FIRST_FD + 2,
		                         .temp_dir_fd = SPAWN_FIRST_FD + 3, .uid = geteuid() == 0 ? 64106 : 0, .gid = 64106};
		return worker_main(&s);
	}
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
