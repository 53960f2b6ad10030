/* Ways out by SQL, with the gate taken away: each must fail in the locked engine (nothing but DuckDB's settings), and each must fail
 * in an engine without any lock inside the sandbox (nothing but the kernel), where the engine's own threads do the reading. The same
 * attempts without either must get out, or they would prove nothing. */
#include "kit.h"

#include <signal.h>
#include <sys/wait.h>

#include "ipc/chan.h"
#include "os/spawn.h"
#include "query/worker.h"

/* %s is the folder around the worker's own; an attempt that fails everywhere is harmless, but too many would be suspicious. */
struct attempt {
	char kind; /* R: rows come; W: a file …/evil… appears; A: it succeeds */
	const char *sql;
};
static const struct attempt attempts[] = {
    {'R', "SELECT content FROM read_text('/etc/passwd')"},
    {'R', "SELECT content::VARCHAR FROM read_blob('/etc/passwd')"},
    {'R', "SELECT content FROM read_text(['/etc/hostname', '/etc/passwd'])"},
    {'R', "SELECT content FROM read_text('/etc/pass*')"},
    {'R', "SELECT content FROM read_text('/proc/self/environ')"},
    {'R', "SELECT content FROM read_text('/proc/self/maps')"},
    {'R', "SELECT content FROM read_text('/proc/self/mem')"},
    {'R', "SELECT content FROM read_text('/proc/self/status')"},
    {'R', "SELECT content FROM read_text('/proc/1/status')"},
    {'R', "SELECT content FROM read_text('/proc/self/root/etc/passwd')"},
    {'R', "SELECT content FROM read_text('/proc/self/cwd/secret.txt')"},
    {'R', "SELECT content FROM read_text('%s/secret.txt')"},
    {'R', "SELECT content FROM read_text('%s/view/../secret.txt')"},
    {'R', "SELECT content FROM read_text('%s/view/link.txt')"},
    {'R', "SELECT content FROM read_text('/proc/self/fd/4/../secret.txt')"},
    {'R', "SELECT content FROM read_text('/proc/self/fd/4/link.txt')"},
    {'R', "SELECT content FROM read_text('file:%s/secret.txt')"},
    {'R', "SELECT content FROM read_text('file://%s/secret.txt')"},
    {'R', "SELECT * FROM read_csv('/etc/passwd', header = false, sep = ':', auto_detect = false, columns = {'a': 'VARCHAR', 'b': 'VARCHAR', 'c': 'VARCHAR', 'd': 'VARCHAR', 'e': 'VARCHAR', 'f': 'VARCHAR', 'g': 'VARCHAR'})"},
    {'R', "SELECT * FROM sniff_csv('%s/secret.csv')"},
    {'R', "SELECT * FROM read_csv('%s/secret.csv')"},
    {'R', "SELECT * FROM '%s/secret.csv'"},
    {'R', "SELECT * FROM read_json('%s/secret.json')"},
    {'R', "SELECT * FROM '%s/secret.json'"},
    {'R', "SELECT * FROM read_ndjson_objects('%s/secret.json')"},
    {'R', "SELECT * FROM read_parquet('%s/secret.parquet')"},
    {'R', "SELECT * FROM '%s/secret.parquet'"},
    {'R', "SELECT * FROM read_parquet('%s/*.parquet')"},
    {'R', "SELECT * FROM parquet_metadata('%s/secret.parquet')"},
    {'R', "SELECT * FROM parquet_schema('%s/secret.parquet')"},
    {'R', "SELECT * FROM parquet_file_metadata('%s/secret.parquet')"},
    {'R', "SELECT * FROM parquet_kv_metadata('%s/secret.parquet')"},
    {'R', "SELECT * FROM query('SELECT content FROM read_text(''%s/secret.txt'')')"},
    {'R', "SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT content FROM read_text(''%s/secret.txt'')'))"},
    {'R', "PREPARE p AS SELECT content FROM read_text('%s/secret.txt'); EXECUTE p"},
    {'R', "CREATE MACRO m() AS TABLE SELECT content FROM read_text('%s/secret.txt'); FROM m()"},
    {'R', "CREATE VIEW v AS SELECT content FROM read_text('%s/secret.txt'); FROM v"},
    {'A', "ATTACH '%s/secret.db' AS stolen (READ_ONLY)"},
    {'W', "ATTACH '%s/evil.db' AS made"},
    {'W', "ATTACH '%s/view/evil.db' AS made2"},
    {'R', "CREATE TABLE c (l VARCHAR); COPY c FROM '%s/secret.csv'; FROM c"},
    {'A', "IMPORT DATABASE '%s/export'"},
    {'W', "COPY (SELECT 42) TO '%s/evil.csv'"},
    {'W', "COPY (SELECT 42) TO '%s/evil.parquet'"},
    {'W', "COPY (SELECT 42) TO '%s/evil.json'"},
    {'W', "COPY (SELECT 42 AS a) TO '%s/evil' (FORMAT csv, PARTITION_BY (a))"},
    {'W', "COPY (SELECT 42) TO '/tmp/heddle-evil.csv'"},
    {'W', "COPY (SELECT 42) TO '/dev/shm/heddle-evil.csv'"},
    {'W', "COPY (SELECT 42) TO '%s/view/../evil2.csv'"},
    {'W', "EXPORT DATABASE '%s/evil-export'"},
    {'W', "SET temp_directory = '%s/evil-temp'; SET memory_limit = '20MB'; SELECT count(*) FROM (SELECT DISTINCT md5(range::VARCHAR) || sha256(range::VARCHAR) FROM range(500000))"},
    {'W', "SET log_query_path = '%s/evil.log'; SELECT 1"},
    {'W', "PRAGMA enable_profiling = 'json'; PRAGMA profiling_output = '%s/evil.prof'; SELECT 1"},
    {'W', "CALL enable_logging(storage = 'file', storage_config = {'path': '%s/evil-logs'}); SELECT 1"},
    {'R', "SET home_directory = '%s'; SELECT content FROM read_text('~/secret.txt')"},
    {'R', "SET file_search_path = '%s'; SELECT content FROM read_text('secret.txt')"},
    {'R', "SET allowed_directories = ['%s/']; SELECT content FROM read_text('%s/secret.txt')"},
    {'R', "SET allowed_paths = ['%s/secret.txt']; SELECT content FROM read_text('%s/secret.txt')"},
    {'R', "SET enable_external_access = true; SELECT content FROM read_text('%s/secret.txt')"},
    {'R', "RESET enable_external_access; SELECT content FROM read_text('%s/secret.txt')"},
    {'R', "SET lock_configuration = false; SET enable_external_access = true; SELECT content FROM read_text('%s/secret.txt')"},
    {'A', "LOAD '%s/evil.duckdb_extension'"},
    {'A', "INSTALL '%s/evil.duckdb_extension'"},
    {'A', "INSTALL httpfs"},
    {'A', "LOAD httpfs"},
    {'A', "SET custom_extension_repository = '%s'; INSTALL httpfs"},
    {'R', "SELECT content FROM read_text('http://127.0.0.1:9/x')"},
    {'R', "SELECT * FROM read_parquet('https://127.0.0.1:9/x.parquet')"},
    {'R', "SELECT * FROM read_parquet('s3://bucket/x.parquet')"},
    {'A', "ATTACH 'http://127.0.0.1:9/x.db' AS remote"},
    {'A', "CREATE PERSISTENT SECRET s (TYPE s3, KEY_ID 'a', SECRET 'b')"},
    {'R', "SELECT file FROM glob('%s/*')"},
    {'R', "SELECT file FROM glob('/etc/*')"},
    {'R', "SELECT file FROM glob('/proc/self/fd/*')"},
    {'R', "SELECT file FROM glob('%s/view/../*.txt')"},
};
static char *
attempt_sql(const char *form, const char *folder)
{
	BUF_AUTO b = BUF_INIT;

	for (const char *p = form; *p; p++) {
		if (p[0] == '%' && p[1] == 's') {
			buf_c(&b, folder);
			p++;
		} else {
			buf_char(&b, *p);
		}
	}
	return mem_dup(b.p, b.n);
}

static bool
has_rows(const struct duck *d, duckdb_result *r)
{
	duckdb_data_chunk chunk = d->duckdb_fetch_chunk(*r);
	bool any = chunk && d->duckdb_data_chunk_get_size(chunk) > 0;

	if (chunk) d->duckdb_destroy_data_chunk(&chunk);
	return any;
}

static bool
evil_appeared(const char *folder)
{
	static const char *const names[] = {"evil.csv", "evil.parquet", "evil.json", "evil", "evil2.csv", "evil-export", "evil.log",
	                                    "evil.prof", "evil-logs", "evil.db", "view/evil.db"};
	char path[160];
	bool found = access("/tmp/heddle-evil.csv", F_OK) == 0 || access("/dev/shm/heddle-evil.csv", F_OK) == 0;

	for (size_t i = 0; i < ARRAY_LEN(names) && !found; i++) {
		snprintf(path, sizeof path, "%s/%s", folder, names[i]);
		found = access(path, F_OK) == 0;
	}
	return found;
}

static void
evil_remove(const char *folder)
{
	char *command = attempt_sql("rm -rf %s/evil.csv %s/evil.parquet %s/evil.json %s/evil %s/evil2.csv %s/evil-export %s/evil.log %s/evil.prof "
	                            "%s/evil-logs %s/evil.db %s/view/evil.db /tmp/heddle-evil.csv /dev/shm/heddle-evil.csv", folder);

	assert_int_equal(system(command), 0);
	free(command);
}

/* A new engine for each attempt, so that none profits or suffers from another. */
typedef struct engine Open(const struct duck *d);

static struct engine
open_raw(const struct duck *d)
{
	struct engine e = {.d = d};

	if (d->duckdb_open_ext(NULL, &e.db, NULL, NULL) != DuckDBSuccess || d->duckdb_connect(e.db, &e.con) != DuckDBSuccess) abort();
	return e;
}

static struct engine
open_locked(const struct duck *d)
{
	struct ctx c = {0};
	struct engine_spec spec = {.read_dir = -1, .write_dir = -1, .temp_dir = -1};
	struct engine e;

	if (!err_ok(engine_open(&c, d, &spec, &e))) abort();
	return e;
}

static bool
gets_out(const struct duck *d, Open *open_engine, const struct attempt *a, const char *folder)
{
	struct engine e = open_engine(d);
	char *sql = attempt_sql(a->sql, folder);
	duckdb_result r;
	bool fine = d->duckdb_query(e.con, sql, &r) == DuckDBSuccess;
	bool out = a->kind == 'W' ? evil_appeared(folder) : a->kind == 'R' ? fine && has_rows(d, &r) : fine;

	d->duckdb_destroy_result(&r);
	engine_close(&e);
	free(sql);
	return out;
}

/* The same in a process of its own: the engine may abort over an attempt, which is a way of refusing it. */
static bool
gets_out_forked(const struct duck *d, Open *open_engine, const struct attempt *a, const char *folder)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY);
		dup2(null, 1);
		dup2(null, 2);
		_exit(gets_out(d, open_engine, a, folder));
	}
	assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
	return a->kind == 'W' ? evil_appeared(folder) : WIFEXITED(status) && WEXITSTATUS(status) != 0;
}

static size_t
try_all(const struct duck *d, Open *open_engine, const char *folder, bool tell)
{
	static const struct attempt control = {'R', "SELECT 'alive'"};
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(attempts); i++) {
		/* refused by an exception that nobody catches; here there is no process to spare for it */
		if (tell && open_engine == open_raw && strstr(attempts[i].sql, "enable_logging")) continue;
		bool out = open_engine == open_locked ? gets_out_forked(d, open_engine, &attempts[i], folder)
		                                      : gets_out(d, open_engine, &attempts[i], folder);
		if (out && tell) printf("# got out: %s\n", attempts[i].sql);
		fflush(stdout);
		if (out && attempts[i].kind == 'W') {
			if (tell) return 100; /* inside the sandbox nothing can be tidied */
			evil_remove(folder);
		}
		n += out;
		fflush(stdout);
	}
	return gets_out(d, open_engine, &control, folder) ? n : 101;
}

/* --- the folder with something to steal --- */

static void
file_put(const char *folder, const char *name, const char *text)
{
	char path[160];

	snprintf(path, sizeof path, "%s/%s", folder, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	assert_int_equal(fchmod(fd, 0666), 0);
	close(fd);
}

static void
folder_make(struct kit *k, char path[static 64])
{
	static const char *const dirs[] = {"view", "temp", "export"};
	char sub[96];

	snprintf(path, 64, "/tmp/heddle-escape-XXXXXX");
	assert_non_null(mkdtemp(path));
	assert_int_equal(chmod(path, 0777), 0);
	for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
		snprintf(sub, sizeof sub, "%s/%s", path, dirs[i]);
		assert_int_equal(mkdir(sub, 0777), 0);
		assert_int_equal(chmod(sub, 0777), 0);
	}
	file_put(path, "secret.txt", "the secret\n");
	file_put(path, "secret.csv", "a,b\n1,2\n");
	file_put(path, "secret.json", "{\"a\": 1}\n");
	file_put(path, "export/schema.sql", "");
	file_put(path, "export/load.sql", "");
	file_put(path, "evil.duckdb_extension", "no extension\n");
	snprintf(sub, sizeof sub, "%s/view/link.txt", path);
	assert_int_equal(symlink("../secret.txt", sub), 0);
	struct engine e = open_raw(&k->duck);
	char *sql = attempt_sql("COPY (SELECT 42 AS a) TO '%s/secret.parquet'; ATTACH '%s/secret.db' AS s; CREATE TABLE s.t(a INTEGER); DETACH s", path);
	duckdb_result r;
	assert_int_equal(k->duck.duckdb_query(e.con, sql, &r), DuckDBSuccess);
	k->duck.duckdb_destroy_result(&r);
	engine_close(&e);
	free(sql);
}

/* --- the three ways --- */

static void
control_gets_out(void **state)
{
	struct kit k;
	char path[64];

	UNUSED_STATE;
	kit_open(&k);
	folder_make(&k, path);
	size_t n = try_all(&k.duck, open_raw, path, false);
	print_message("without any lock %zu of %zu get out\n", n, ARRAY_LEN(attempts));
	assert_true(n >= 45 && n <= ARRAY_LEN(attempts));
	assert_ok(&k.c, dir_remove(&k.c, AT_FDCWD, path));
	kit_close(&k);
}

static void
engine_holds(void **state)
{
	struct kit k;
	char path[64];

	UNUSED_STATE;
	kit_open(&k);
	folder_make(&k, path);
	assert_int_equal(try_all(&k.duck, open_locked, path, true), 0);
	assert_ok(&k.c, dir_remove(&k.c, AT_FDCWD, path));
	kit_close(&k);
}

/* In a worker's sandbox, an engine without any lock. Exit status: how many got out. */
static int
sandboxed_main(char **argv)
{
	ARENA_AUTO arena = ARENA_INIT;
	struct ctx c = {.arena = &arena};
	struct worker_setup s = {.channel_fd = -1, .read_dir_fd = SPAWN_FIRST_FD + 1, .library_fd = SPAWN_FIRST_FD + 2,
	                         .temp_dir_fd = SPAWN_FIRST_FD + 3, .uid = geteuid() == 0 ? 64106 : 0, .gid = 64106};
	struct sandbox_state state;
	struct duck d;

	if (!err_ok(crypt_init(&c)) || !err_ok(worker_lock(&c, &s, &d, &state))) {
		printf("# %s\n", c.detail);
		return 200;
	}
	if (state.landlock_abi == 0) return 0; /* then the engine's own lock is all there is */
	_exit((int)try_all(&d, open_raw, argv[1], true)); /* a leak checker could not do its work in here */
}

static void
kernel_holds(void **state)
{
	struct kit k;
	char path[64], view[80], temp[80];
	int status;
	struct spawned child;

	UNUSED_STATE;
	kit_open(&k);
	folder_make(&k, path);
	snprintf(view, sizeof view, "%s/view", path);
	snprintf(temp, sizeof temp, "%s/temp", path);
	const int fds[] = {open("/dev/null", O_RDONLY), open(view, O_RDONLY | O_DIRECTORY), open(TEST_DUCKDB, O_RDONLY), open(temp, O_RDONLY | O_DIRECTORY)};
	const char *const args[] = {path, NULL};
	struct spawn_spec spec = {.role = "escape", .fds = fds, .fd_count = 4, .args = args};
	assert_ok(&k.c, spawn_role(&k.c, &spec, &child));
	assert_int_equal(waitpid(child.pid, &status, 0), child.pid);
	for (size_t i = 0; i < 4; i++) close(fds[i]);
	if (child.pidfd >= 0) close(child.pidfd);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) fail_msg("status %x", (unsigned)status);
	assert_ok(&k.c, dir_remove(&k.c, AT_FDCWD, path));
	kit_close(&k);
}

int
main(int argc UNUSED, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(control_gets_out), cmocka_unit_test(engine_holds), cmocka_unit_test(kernel_holds)};

	if (spawn_role_of(argv)) return sandboxed_main(argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
