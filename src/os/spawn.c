#include "os/spawn.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/file.h"

static const char title[] = "heddle: ";

enum { ENV_MAX = 16, ENV_TEXT_MAX = 1024, HIGH_FD = 64 };

/* What the child needs, made before fork(): nothing is allocated between fork and exec. */
struct plan {
	const struct spawn_spec *spec;
	char name[64];
	const char *argv[SPAWN_ARGS_MAX + 2];
	char env_text[ENV_MAX][ENV_TEXT_MAX];
	char *envp[ENV_MAX + 1];
	pid_t parent;
	int status_fd; /* the child writes errno here; closed by a successful exec */
};

static void
plan_env(struct plan *p)
{
	static const char *const kept[] = {"HEDDLE_LOG", "HEDDLE_FAULT", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS"};
	size_t n = 0;

	snprintf(p->env_text[n++], ENV_TEXT_MAX, "TZ=UTC");
	snprintf(p->env_text[n++], ENV_TEXT_MAX, "LC_ALL=C.UTF-8");
	for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
		const char *value = getenv(kept[i]);
		if (value) snprintf(p->env_text[n++], ENV_TEXT_MAX, "%s=%s", kept[i], value);
	}
	for (size_t i = 0; i < n; i++) p->envp[i] = p->env_text[i];
	p->envp[n] = NULL;
}

static void
plan_make(struct plan *p, const struct spawn_spec *spec)
{
	size_t n = 0;

	p->spec = spec;
	p->parent = getpid();
	snprintf(p->name, sizeof p->name, "%s%s", title, spec->role);
	p->argv[n++] = p->name;
	for (size_t i = 0; spec->args && spec->args[i]; i++) {
		assert(i < SPAWN_ARGS_MAX);
		p->argv[n++] = spec->args[i];
	}
	p->argv[n] = NULL;
	plan_env(p);
}

/* First out of the way, then each to its place. dup2() clears close-on-exec. */
static int
place_fds(struct plan *p)
{
	int high[SPAWN_FDS_MAX];
	size_t n = p->spec->fd_count;

	p->status_fd = fcntl(p->status_fd, F_DUPFD_CLOEXEC, HIGH_FD);
	if (p->status_fd < 0) return -1;
	for (size_t i = 0; i < n; i++)
		if ((high[i] = fcntl(p->spec->fds[i], F_DUPFD_CLOEXEC, HIGH_FD)) < 0) return -1;
	for (size_t i = 0; i < n; i++)
		if (dup2(high[i], SPAWN_FIRST_FD + (int)i) < 0) return -1;
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0) return -1;
	return close_range(SPAWN_FIRST_FD + (unsigned)n, ~0u, CLOSE_RANGE_CLOEXEC);
}

static int
take_uid(const struct spawn_spec *s)
{
	if (s->uid == 0 || geteuid() != 0) return 0;
	return setgroups(0, NULL) < 0 || setresgid(s->gid, s->gid, s->gid) < 0 || setresuid(s->uid, s->uid, s->uid) < 0 ? -1 : 0;
}

_Noreturn static void
child(struct plan *p)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	/* a change of uid clears the death signal, so it comes after */
	if (place_fds(p) == 0 && take_uid(p->spec) == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0) {
		if (getppid() != p->parent) _exit(127); /* it died before the line above */
		execve("/proc/self/exe", (char *const *)p->argv, p->envp);
	}
	int error = errno;
	if (write(p->status_fd, &error, sizeof error) < 0) { /* then the exit status has to tell */
	}
	_exit(127);
}

/* 0 when the child runs the program, else its errno. */
static int
child_status(int fd)
{
	int error = 0;
	ssize_t got;

	do
		got = read(fd, &error, sizeof error);
	while (got < 0 && errno == EINTR);
	return got == (ssize_t)sizeof error ? error : got == 0 ? 0 : EIO;
}

Err
spawn_role(struct ctx *c, const struct spawn_spec *spec, struct spawned *ret)
{
	int pair[2];
	struct plan plan;

	assert(spec->fd_count <= SPAWN_FDS_MAX);
	if (pipe2(pair, O_CLOEXEC) < 0) return os_err(c, errno, "start role", spec->role);
	FD_AUTO reads = pair[0];
	FD_AUTO writes = pair[1];
	plan_make(&plan, spec);
	plan.status_fd = writes;
	pid_t pid = fork();
	ENSURE(c, pid >= 0, UNAVAILABLE, "start role '%s': %s", spec->role, strerror(errno));
	if (pid == 0) child(&plan);
	fd_close(&writes);
	int error = child_status(reads);
	if (error) {
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
		}
		return err_set(c, ERR_UNAVAILABLE, "start role '%s': %s", spec->role, strerror(error));
	}
	*ret = (struct spawned){.pid = pid, .pidfd = pidfd_open(pid, 0)}; /* cannot be another's: nobody has waited for it yet */
	return OK;
}

void
spawn_kill(const struct spawned *s, int signal)
{
	if (s->pidfd >= 0)
		pidfd_send_signal(s->pidfd, signal, NULL, 0);
	else if (s->pid > 0)
		kill(s->pid, signal);
}

const char *
spawn_role_of(char *const *argv)
{
	return argv[0] && strncmp(argv[0], title, sizeof title - 1) == 0 ? argv[0] + sizeof title - 1 : NULL;
}
