/* What the roles live on still works once they are locked in: an HTTP server with threads, SQLite, DuckDB's files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <poll.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/file.h"
#include "os/sandbox.h"

static bool
enter(const struct sandbox_spec *spec)
{
	struct ctx c = {0};
	struct sandbox_state s;
	Err e = sandbox_enter(&c, spec, &s);

	if (err_ok(e)) e = sandbox_self_test(&c, spec, &s);
	if (!err_ok(e)) fprintf(stderr, "%s\n", c.detail);
	return err_ok(e);
}

static int
status_of(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* --- gate --- */

static enum MHD_Result
answer(void *arg, struct MHD_Connection *conn, const char *url, const char *method, const char *version, const char *data, size_t *n, void **state)
{
	static char text[] = "woven";

	(void)arg, (void)url, (void)method, (void)version, (void)data, (void)n, (void)state;
	struct MHD_Response *r = MHD_create_response_from_buffer(sizeof text - 1, text, MHD_RESPMEM_PERSISTENT);
	enum MHD_Result got = MHD_queue_response(conn, 200, r);
	MHD_destroy_response(r);
	return got;
}

static int
gate(int listener, int until)
{
	char byte;

	if (!enter(&(struct sandbox_spec){.profile = SANDBOX_GATE, .own_net = true, .limits = {.nofile = 64}})) return 2;
	struct MHD_Daemon *d = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC, 0, NULL, NULL, answer, NULL, MHD_OPTION_LISTEN_SOCKET,
	    listener, MHD_OPTION_THREAD_POOL_SIZE, 2u, MHD_OPTION_CONNECTION_TIMEOUT, 5u, MHD_OPTION_END);
	if (!d) return 3;
	if (read(until, &byte, 1) < 0) return 4;
	MHD_stop_daemon(d);
	return 0;
}

static bool
ask(const struct sockaddr_in *at)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
	char got[1024];
	size_t n = 0;
	FD_AUTO s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct timeval patience = {.tv_sec = 20};

	setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	if (connect(s, (const struct sockaddr *)at, sizeof *at) < 0 || write(s, request, sizeof request - 1) != sizeof request - 1) return false;
	for (ssize_t k; n < sizeof got - 1 && (k = read(s, got + n, sizeof got - 1 - n)) > 0;) n += (size_t)k;
	got[n] = 0;
	return strncmp(got, "HTTP/1.1 200", 12) == 0 && strstr(got, "woven") != NULL;
}

static void
gate_serves(void **state)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof at;
	int until[2];
	FD_AUTO s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	assert_true(bind(s, (struct sockaddr *)&at, sizeof at) == 0 && listen(s, 16) == 0 && getsockname(s, (struct sockaddr *)&at, &n) == 0);
	assert_int_equal(pipe(until), 0);
	pid_t pid = fork();
	if (pid == 0) {
		close(until[1]);
		_exit(gate(s, until[0]));
	}
	for (int i = 0; i < 5; i++) assert_true(ask(&at));
	close(until[0]), close(until[1]);
	assert_int_equal(status_of(pid), 0);
}

/* --- core --- */

static bool
sql(sqlite3 *db, const char *text)
{
	char *why = NULL;
	int r = sqlite3_exec(db, text, NULL, NULL, &why);

	if (r != SQLITE_OK) fprintf(stderr, "%s: %s\n", text, why ? why : "?");
	sqlite3_free(why);
	return r == SQLITE_OK;
}

static int
core(int dir)
{
	sqlite3 *db = NULL;
	char path[64];
	struct sandbox_spec spec = {.profile = SANDBOX_CORE, .write_dirs = &dir, .write_dir_count = 1, .own_net = true};

	snprintf(path, sizeof path, "/proc/self/fd/%d/catalog.db", dir);
	if (!enter(&spec)) return 2;
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) != SQLITE_OK) return 3;
	if (!sql(db, "PRAGMA journal_mode=WAL") || !sql(db, "PRAGMA synchronous=FULL")) return 4;
	if (!sql(db, "CREATE TABLE u(a INTEGER) STRICT; BEGIN; INSERT INTO u VALUES (1); COMMIT; PRAGMA wal_checkpoint(TRUNCATE); VACUUM")) return 5;
	return sqlite3_close(db) == SQLITE_OK ? 0 : 6;
}

static int
core_files(int dir)
{
	ARENA_AUTO a = ARENA_INIT;
	struct ctx c = {.arena = &a};
	struct sandbox_spec spec = {.profile = SANDBOX_LAKE, .write_dirs = &dir, .write_dir_count = 1, .own_net = true};
	Str *names, text;
	size_t n;
	FD_AUTO fd = -1;

	if (!enter(&spec)) return 2;
	if (!err_ok(dir_make(&c, dir, "objects", 0700)) || !err_ok(dir_make(&c, dir, "view", 0700))) return 3;
	if (!err_ok(file_replace(&c, dir, "objects/x", S("data"), 0600)) || !err_ok(file_link(&c, dir, "objects/x", dir, "view/y"))) return 4;
	if (!err_ok(file_rename(&c, dir, "view/y", dir, "objects/z")) || !err_ok(file_read_path(&c, dir, "objects/z", 10, &text))) return 5;
	if (!err_ok(file_open_beneath(&c, dir, "objects/z", O_RDWR, 0, &fd)) || fchmod(fd, 0400) < 0) return 6;
	if (!err_ok(dir_list(&c, dir, "objects", 10, &names, &n)) || n != 2 || !err_ok(dir_remove(&c, dir, "objects"))) return 7;
	fd_close(&fd);
	if (!err_ok(file_open(&c, dir, ".", O_TMPFILE | O_RDWR, 0600, &fd)) || !err_ok(file_link_fd(&c, fd, dir, "named"))) return 8;
	return 0;
}

static int
in_folder(int (*fn)(int dir))
{
	char top[] = "/tmp/heddle-profile-XXXXXX";
	ARENA_AUTO a = ARENA_INIT;
	struct ctx c = {.arena = &a};

	assert_non_null(mkdtemp(top));
	FD_AUTO dir = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	pid_t pid = fork();
	if (pid == 0) _exit(fn(dir));
	int status = status_of(pid);
	assert_true(err_ok(dir_remove(&c, AT_FDCWD, top)));
	return status;
}

static void
core_keeps_a_database(void **state)
{
	(void)state;
	assert_int_equal(in_folder(core), 0);
}

static void
lake_handles_files(void **state)
{
	(void)state;
	assert_int_equal(in_folder(core_files), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(gate_serves),
	    cmocka_unit_test(core_keeps_a_database),
	    cmocka_unit_test(lake_handles_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
