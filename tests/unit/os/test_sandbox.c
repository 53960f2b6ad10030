#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/escape.h"
#include "os/file.h"
#include "os/sandbox.h"

/* Every test locks in a child: there is no way back. The child's exit status tells. */
enum { PASSED = 0, REFUSED = 10, SETUP_FAILED = 11, FAILED = 12 };
enum { ANY_UID = 61999 };

static const unsigned profiles[] = {SANDBOX_GATE, SANDBOX_CORE, SANDBOX_KEYS, SANDBOX_LAKE, SANDBOX_READER, SANDBOX_WORKER};
static int level_here;

static int
in_child(int (*fn)(const void *arg), const void *arg)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) _exit(fn(arg));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static bool
enter(const struct sandbox_spec *spec)
{
	struct ctx c = {0};
	struct sandbox_state s;
	Err e = sandbox_enter(&c, spec, &s);

	if (!err_ok(e)) fprintf(stderr, "%s\n", c.detail);
	return err_ok(e);
}

struct attempt { const struct escape *escape; unsigned profile; bool locked; };

static int
attempt_run(const void *arg)
{
	const struct attempt *a = arg;
	struct sandbox_spec spec = {.profile = a->profile, .own_net = true, .keep_fds_below = 3};

	if (a->locked && !enter(&spec)) return SETUP_FAILED;
	return escape_try(a->escape) == 0 ? PASSED : REFUSED;
}

static void
no_escape(void **state)
{
	(void)state;
	for (size_t p = 0; p < ARRAY_LEN(profiles); p++)
		for (size_t i = 0; i < escape_count(); i++) {
			const struct escape *e = escape_at(i);
			if (e->from_level > level_here || (e->not_for & profiles[p])) continue;
			int got = in_child(attempt_run, &(struct attempt){e, profiles[p], true});
			if (got != (e->fatal ? -SIGSYS : REFUSED)) fail_msg("profile %u: '%s' ended with %d", profiles[p], e->name, got);
		}
}

/* The same attempts without a sandbox: were they refused here too, the test above would show nothing. */
static void
escapes_work_outside(void **state)
{
	size_t harmless = 0, open = 0;

	(void)state;
	for (size_t i = 0; i < escape_count(); i++) {
		const struct escape *e = escape_at(i);
		int got = in_child(attempt_run, &(struct attempt){e, 0, false});
		if (e->fatal) {
			assert_int_not_equal(got, -SIGSYS);
			continue;
		}
		harmless++;
		open += got == PASSED;
		if (got != PASSED && geteuid() == 0) fprintf(stderr, "refused without a sandbox: %s\n", e->name);
	}
	assert_true(open >= (geteuid() == 0 ? harmless - 3 : harmless / 2));
}

static int
self_test_child(const void *arg)
{
	struct ctx c = {0};
	struct sandbox_state s = {.level = 3};
	const unsigned *profile = arg;
	struct sandbox_spec spec = {.profile = *profile ? *profile : SANDBOX_WORKER, .own_net = true};

	if (*profile && !err_ok(sandbox_enter(&c, &spec, &s))) return SETUP_FAILED;
	return err_ok(sandbox_self_test(&c, &spec, &s)) ? PASSED : FAILED;
}

static void
self_test_tells(void **state)
{
	const unsigned open = 0;

	(void)state;
	for (size_t p = 0; p < ARRAY_LEN(profiles); p++) assert_int_equal(in_child(self_test_child, &profiles[p]), PASSED);
	assert_int_equal(in_child(self_test_child, &open), FAILED); /* planted: no sandbox at all */
}

/* --- what is allowed goes on working --- */

struct folders { int read, write; };

static int
try_open(int dir, const char *name, int flags)
{
	FD_AUTO fd = openat(dir, name, flags | O_CLOEXEC, 0600);

	return fd >= 0 ? 0 : errno;
}

static int
files_child(const void *arg)
{
	const struct folders *f = arg;
	char path[64];
	struct sandbox_spec spec = {
	    .profile = SANDBOX_WORKER, .read_dirs = &f->read, .read_dir_count = 1, .write_dirs = &f->write, .write_dir_count = 1,
	    .read_paths = sandbox_duckdb_paths};

	if (!enter(&spec)) return SETUP_FAILED;
	snprintf(path, sizeof path, "/proc/self/fd/%d/data", f->read);
	if (try_open(f->read, "data", O_RDONLY) || try_open(AT_FDCWD, path, O_RDONLY)) return 1;
	if (try_open(AT_FDCWD, "/proc/self/cgroup", O_RDONLY)) return 2;
	if (try_open(f->read, "data", O_WRONLY) != EACCES || try_open(f->read, "new", O_WRONLY | O_CREAT) != EACCES) return 3;
	if (try_open(f->read, "data", O_RDONLY | O_TRUNC) != EACCES || unlinkat(f->read, "data", 0) == 0) return 4;
	if (try_open(f->read, "../secret", O_RDONLY) != EACCES || try_open(f->read, "link", O_RDONLY) != EACCES) return 5;
	if (try_open(f->write, "new", O_RDWR | O_CREAT) || unlinkat(f->write, "new", 0) < 0) return 6;
	return PASSED;
}

static void
make_file(int dir, const char *name)
{
	FD_AUTO fd = openat(dir, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0 && write(fd, "x", 1) == 1);
}

static void
folders_hold(void **state)
{
	ARENA_AUTO arena = ARENA_INIT;
	struct ctx c = {.arena = &arena};
	char top[] = "/tmp/heddle-sandbox-XXXXXX";

	(void)state;
	assert_non_null(mkdtemp(top));
	FD_AUTO dir = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(mkdirat(dir, "in", 0700) | mkdirat(dir, "out", 0700), 0);
	FD_AUTO in = openat(dir, "in", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	FD_AUTO out = openat(dir, "out", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	make_file(dir, "secret");
	make_file(in, "data");
	assert_int_equal(symlinkat("../secret", in, "link"), 0);
	int got = in_child(files_child, &(struct folders){in, out});
	assert_true(err_ok(dir_remove(&c, AT_FDCWD, top)));
	if (level_here < 2) skip();
	assert_int_equal(got, PASSED);
}

static void *
thread_read(void *arg)
{
	*(int *)arg = try_open(AT_FDCWD, "/etc/passwd", O_RDONLY);
	return NULL;
}

static int
thread_child(const void *arg)
{
	int error = 0;
	pthread_t t;
	const unsigned *profile = arg;

	if (!enter(&(struct sandbox_spec){.profile = *profile})) return SETUP_FAILED;
	if (pthread_create(&t, NULL, thread_read, &error) != 0) return REFUSED;
	pthread_join(t, NULL);
	return error ? PASSED : FAILED; /* a thread started later is locked in, too */
}

static void
threads_by_profile(void **state)
{
	(void)state;
	for (size_t p = 0; p < ARRAY_LEN(profiles); p++) {
		bool may = profiles[p] & (SANDBOX_GATE | SANDBOX_READER | SANDBOX_WORKER);
		assert_int_equal(in_child(thread_child, &profiles[p]), may ? PASSED : REFUSED);
	}
}

static void *
thread_wait(void *arg)
{
	(void)arg;
	poll(NULL, 0, 2000);
	return NULL;
}

static int
late_child(const void *arg)
{
	pthread_t t;

	(void)arg;
	if (pthread_create(&t, NULL, thread_wait, NULL) != 0) return SETUP_FAILED;
	return enter(&(struct sandbox_spec){.profile = SANDBOX_WORKER}) ? FAILED : PASSED;
}

static void
too_late_after_a_thread(void **state)
{
	(void)state;
	assert_int_equal(in_child(late_child, NULL), PASSED);
}

static int
limits_child(const void *arg)
{
	struct rlimit l;
	struct sandbox_spec spec = {.profile = SANDBOX_CORE, .keep_fds_below = 3, .uid = geteuid() ? 0 : ANY_UID, .gid = ANY_UID,
	    .limits = {.fsize_bytes = 4096, .nofile = 20, .cpu_s = 100, .nproc = 5}};

	(void)arg;
	if (!enter(&spec)) return SETUP_FAILED;
	if (getrlimit(RLIMIT_NOFILE, &l) < 0 || l.rlim_cur != 20 || l.rlim_max != 20) return 1;
	if (getrlimit(RLIMIT_FSIZE, &l) < 0 || l.rlim_cur != 4096) return 2;
	if (getrlimit(RLIMIT_CORE, &l) < 0 || l.rlim_max != 0) return 3;
	if (spec.uid && (getuid() != ANY_UID || geteuid() != ANY_UID || getgid() != ANY_UID)) return 4;
	return prctl(PR_GET_DUMPABLE) == 0 && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? PASSED : 5;
}

static int
closed_child(const void *arg)
{
	const int *fd = arg;

	if (fcntl(*fd, F_GETFD) < 0) return SETUP_FAILED;
	if (!enter(&(struct sandbox_spec){.profile = SANDBOX_GATE, .keep_fds_below = 3})) return SETUP_FAILED;
	return fcntl(*fd, F_GETFD) < 0 && errno == EBADF ? PASSED : FAILED;
}

static void
limits_hold(void **state)
{
	FD_AUTO fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_int_equal(in_child(limits_child, NULL), PASSED);
	assert_int_equal(in_child(closed_child, &fd), PASSED);
}

static int
abort_child(const void *arg)
{
	(void)arg;
	if (!enter(&(struct sandbox_spec){.profile = SANDBOX_KEYS})) return SETUP_FAILED;
	abort();
}

static void
abort_still_aborts(void **state)
{
	(void)state;
	assert_int_equal(in_child(abort_child, NULL), -SIGABRT);
}

/* The role must die with its parent even after it took another uid, which makes the kernel forget the wish. */
static int
parent_child(const void *arg)
{
	const int *pipe_end = arg;
	int ready[2];
	char byte;

	if (pipe(ready) < 0) return SETUP_FAILED;
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		struct sandbox_spec spec = {.profile = SANDBOX_KEYS, .uid = geteuid() ? 0 : ANY_UID, .gid = ANY_UID};
		if (!enter(&spec)) _exit(SETUP_FAILED);
		if (write(ready[1], "r", 1) != 1) _exit(SETUP_FAILED);
		for (;;) poll(NULL, 0, 60000); /* holds pipe_end */
	}
	(void)pipe_end;
	close(ready[1]);
	return read(ready[0], &byte, 1) == 1 ? PASSED : SETUP_FAILED;
}

static void
dies_with_its_parent(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(in_child(parent_child, &ends[1]), PASSED);
	close(ends[1]);
	struct pollfd p = {.fd = ends[0], .events = POLLIN};
	assert_int_equal(poll(&p, 1, 10000), 1); /* end of file: the last holder is gone */
	close(ends[0]);
}

static void
text_tells(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	struct sandbox_state s = {.level = 1, .seccomp = true, .rlimits = true};

	(void)state;
	assert_true(str_eq(sandbox_text(&a, &s), S("1: no landlock, seccomp, shared network, same uid, limits")));
}

static int
start(void **state)
{
	struct sandbox_state s;

	(void)state;
	sandbox_probe(&s);
	level_here = s.level;
	fprintf(stderr, "sandbox level here: %d\n", s.level);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(no_escape),
	    cmocka_unit_test(escapes_work_outside),
	    cmocka_unit_test(self_test_tells),
	    cmocka_unit_test(folders_hold),
	    cmocka_unit_test(threads_by_profile),
	    cmocka_unit_test(too_late_after_a_thread),
	    cmocka_unit_test(limits_hold),
	    cmocka_unit_test(abort_still_aborts),
	    cmocka_unit_test(dies_with_its_parent),
	    cmocka_unit_test(text_tells),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
