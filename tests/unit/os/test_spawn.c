#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/file.h"
#include "os/spawn.h"

extern char **environ;

/* This program, started again as `heddle: echo`, tells on descriptor 3 what it finds. */
static int
role_echo(int argc, char **argv)
{
	char text[2048], one = 0;
	int n = snprintf(text, sizeof text, "args=%d %s;", argc, argc > 1 ? argv[1] : "");
	ssize_t got = read(4, &one, 1);

	n += snprintf(text + n, sizeof text - (size_t)n, "four=%c;open=", got == 1 ? one : '-');
	for (int fd = 0; fd < 256; fd++)
		if (fcntl(fd, F_GETFD) >= 0) n += snprintf(text + n, sizeof text - (size_t)n, "%d,", fd);
	n += snprintf(text + n, sizeof text - (size_t)n, ";env=");
	for (char **e = environ; *e; e++)
		if (strncmp(*e, "SECRET", 6) == 0 || strncmp(*e, "TZ=", 3) == 0) n += snprintf(text + n, sizeof text - (size_t)n, "%s,", *e);
	return write(3, text, (size_t)n) == n ? 7 : 1;
}

static int
status_of(const struct spawned *s)
{
	int status;

	while (waitpid(s->pid, &status, 0) < 0) assert_int_equal(errno, EINTR);
	return status;
}

static void
gets_what_it_is_given(void **state)
{
	struct ctx c = {0};
	struct spawned s;
	char text[2048];
	int out[2], in[2];
	const char *args[] = {"hello", NULL};

	(void)state;
	setenv("SECRET_TOKEN", "canary", 1);
	assert_int_equal(pipe2(out, O_CLOEXEC) | pipe2(in, 0), 0); /* one of them would be inherited */
	assert_int_equal(write(in[1], "z", 1), 1);
	int fds[] = {out[1], in[0]};
	assert_true(err_ok(spawn_role(&c, &(struct spawn_spec){.role = "echo", .fds = fds, .fd_count = 2, .args = args}, &s)));
	FD_AUTO pidfd = s.pidfd;
	close(out[1]);
	ssize_t n = read(out[0], text, sizeof text - 1);
	assert_true(n > 0);
	text[n] = 0;
	assert_string_equal(text, "args=2 hello;four=z;open=0,1,2,3,4,;env=TZ=UTC,");
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	assert_true(pidfd >= 0 && poll(&p, 1, 60000) == 1);
	int status = status_of(&s);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	close(out[0]), close(in[0]), close(in[1]);
}

static int
high(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 20);

	close(fd);
	assert_true(copy >= 20);
	return copy;
}

/* Descriptors that stand where the others are to go. */
static void
places_cross(void **state)
{
	struct ctx c = {0};
	struct spawned s;
	char text[2048];
	int in[2], out[2];

	(void)state;
	assert_int_equal(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC), 0);
	for (int i = 0; i < 2; i++) in[i] = high(in[i]), out[i] = high(out[i]);
	if (fcntl(3, F_GETFD) >= 0 || fcntl(4, F_GETFD) >= 0) skip();
	assert_true(dup3(in[0], 3, O_CLOEXEC) == 3 && dup3(out[1], 4, O_CLOEXEC) == 4);
	assert_int_equal(write(in[1], "y", 1), 1);
	assert_true(err_ok(spawn_role(&c, &(struct spawn_spec){.role = "echo", .fds = (int[]){4, 3}, .fd_count = 2}, &s)));
	fd_close(&s.pidfd);
	ssize_t n = read(out[0], text, sizeof text - 1);
	assert_true(n > 0);
	text[n] = 0;
	assert_non_null(strstr(text, "four=y;open=0,1,2,3,4,;"));
	status_of(&s);
	close(3), close(4);
	for (int i = 0; i < 2; i++) close(in[i]), close(out[i]);
}

static void
killed_by_descriptor(void **state)
{
	struct ctx c = {0};
	struct spawned s;

	(void)state;
	assert_true(err_ok(spawn_role(&c, &(struct spawn_spec){.role = "sleep"}, &s)));
	spawn_kill(&s, SIGKILL);
	int status = status_of(&s);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	spawn_kill(&s, SIGKILL); /* gone already: hits nobody */
	fd_close(&s.pidfd);
}

static void
dies_with_its_parent(void **state)
{
	struct ctx c = {0};
	struct spawned s;
	int out[2];

	(void)state;
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	assert_true(err_ok(spawn_role(&c, &(struct spawn_spec){.role = "parent", .fds = &out[1], .fd_count = 1}, &s)));
	fd_close(&s.pidfd);
	close(out[1]);
	status_of(&s); /* its own child holds the pipe now, and must not live on */
	struct pollfd p = {.fd = out[0], .events = POLLIN};
	assert_int_equal(poll(&p, 1, 60000), 1);
	assert_true(p.revents & POLLHUP);
	close(out[0]);
}

static void
role_name_is_read(void **state)
{
	char ours[] = "heddle: worker", other[] = "heddle", *argv[] = {ours, NULL}, *plain[] = {other, NULL}, *empty[] = {NULL};

	(void)state;
	assert_string_equal(spawn_role_of(argv), "worker");
	assert_null(spawn_role_of(plain));
	assert_null(spawn_role_of(empty));
}

static int
as_role(const char *role, int argc, char **argv)
{
	struct ctx c = {0};
	struct spawned s;

	if (strcmp(role, "echo") == 0) return role_echo(argc, argv);
	if (strcmp(role, "parent") == 0)
		return err_ok(spawn_role(&c, &(struct spawn_spec){.role = "sleep", .fds = (int[]){3}, .fd_count = 1}, &s)) ? 0 : 1;
	for (;;) poll(NULL, 0, 60000);
}

int
main(int argc, char **argv)
{
	const char *role = spawn_role_of(argv);
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(gets_what_it_is_given),
	    cmocka_unit_test(places_cross),
	    cmocka_unit_test(killed_by_descriptor),
	    cmocka_unit_test(dies_with_its_parent),
	    cmocka_unit_test(role_name_is_read),
	};

	if (role) return as_role(role, argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
