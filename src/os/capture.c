#include "os/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/file.h"

static const uint64_t MS = UINT64_C(1000000);

_Noreturn static void
child(const char *const *argv, const char *hidden, int to)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (hidden) unsetenv(hidden);
	signal(SIGPIPE, SIG_DFL);
	setpgid(0, 0); /* so that what it starts ends with it */
	if (null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(to, STDOUT_FILENO) >= 0) execv(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

/* Until its end, the limit or the deadline. */
static Err
read_output(struct ctx *c, const char *name, int from, size_t limit, uint64_t end, struct buf *out)
{
	size_t start = out->n;

	for (;;) {
		struct pollfd p = {.fd = from, .events = POLLIN};
		uint64_t now = clock_boot_ns();
		ENSURE(c, now < end, TIMEOUT, "'%s' took too long", name);
		if (poll(&p, 1, (int)((end - now) / MS) + 1) <= 0) continue;
		buf_reserve(out, 512);
		ssize_t n = read(from, out->p + out->n, 512);
		if (n < 0 && errno == EINTR) continue;
		ENSURE(c, n >= 0, UNAVAILABLE, "'%s': %s", name, strerror(errno));
		if (n == 0) return OK;
		out->n += (size_t)n;
		ENSURE(c, out->n - start <= limit, TOO_LARGE, "'%s' printed more than %zu bytes", name, limit);
	}
}

/* Its end too, for it may close its output and go on. */
static Err
wait_end(struct ctx *c, const char *name, pid_t pid, uint64_t end, int *ret_status)
{
	static const struct timespec step = {.tv_nsec = 5000000};

	for (;;) {
		pid_t r = waitpid(pid, ret_status, WNOHANG);
		if (r == pid) return OK;
		ENSURE(c, r == 0 || errno == EINTR, UNAVAILABLE, "'%s': %s", name, strerror(errno));
		ENSURE(c, clock_boot_ns() < end, TIMEOUT, "'%s' took too long", name);
		(void)nanosleep(&step, NULL);
	}
}

Err
capture(struct ctx *c, const char *const *argv, const char *hidden, size_t limit, unsigned timeout_ms, struct buf *out)
{
	uint64_t end = clock_boot_ns() + timeout_ms * MS;
	int ends[2], status = 0;

	if (pipe2(ends, O_CLOEXEC) < 0) return os_err(c, errno, "run", argv[0]);
	FD_AUTO from = ends[0], to = ends[1];
	pid_t pid = fork();
	ENSURE(c, pid >= 0, UNAVAILABLE, "run '%s': %s", argv[0], strerror(errno));
	if (pid == 0) child(argv, hidden, to);
	fd_close(&to);
	Err e = read_output(c, argv[0], from, limit, end, out);
	if (err_ok(e)) e = wait_end(c, argv[0], pid, end, &status);
	if (!err_ok(e)) {
		if (kill(-pid, SIGKILL) < 0) kill(pid, SIGKILL); /* it may not have its group yet */
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
		}
		return e.code == ERR_TIMEOUT ? err_set(c, ERR_TIMEOUT, "'%s' took longer than %.1f s", argv[0], timeout_ms / 1e3) : e;
	}
	ENSURE(c, WIFEXITED(status) && WEXITSTATUS(status) == 0, UNAVAILABLE, "'%s' ended with %s %d", argv[0], WIFEXITED(status) ? "status" : "signal",
	       WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	return OK;
}
