#include "os/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/escape.h"
#include "os/landlock.h"
#include "os/seccomp.h"

const char *const sandbox_duckdb_paths[] = {
    "/proc/self/cgroup", "/sys/fs/cgroup", "/sys/devices/system/cpu/online", "/etc/localtime", "/usr/share/zoneinfo", NULL};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SHADOW_MEMORY = 1 }; /* reserves terabytes of addresses */
#else
enum { SHADOW_MEMORY = 0 };
#endif

static Err
failed(struct ctx *c, const char *step)
{
	return err_set(c, ERR_INTERNAL, "sandbox: %s: %s", step, strerror(errno));
}

static Err
single_thread(struct ctx *c)
{
	struct stat st;

	/* a folder per thread, beside "." and ".." */
	ENSURE(c, stat("/proc/self/task", &st) < 0 || st.st_nlink == 3, INTERNAL, "sandbox: entered after a thread was started");
	return OK;
}

static int
limit(int which, uint64_t value)
{
	return value ? setrlimit((__rlimit_resource_t)which, &(struct rlimit){value, value}) : 0;
}

static int
limits_set(const struct sandbox_spec *s)
{
	const struct sandbox_limits *l = &s->limits;

	if (setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}) < 0) return -1;
	if (!SHADOW_MEMORY && limit(RLIMIT_AS, l->as_bytes) < 0) return -1;
	if (s->uid && geteuid() == 0 && limit(RLIMIT_NPROC, l->nproc) < 0) return -1;
	return limit(RLIMIT_CPU, l->cpu_s) < 0 || limit(RLIMIT_FSIZE, l->fsize_bytes) < 0 || limit(RLIMIT_NOFILE, l->nofile) < 0 ? -1 : 0;
}

static bool
own_net(void)
{
	return unshare(CLONE_NEWNET) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0;
}

static int
capabilities_drop(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {{0}};

	return (int)syscall(SYS_capset, &head, none);
}

/* The death signal is lost when the uid changes, so it is set again; if our parent died in between, so do we. */
static int
identity_take(const struct sandbox_spec *s, bool *ret_own)
{
	pid_t parent = getppid();
	int signal = 0;

	if (prctl(PR_GET_PDEATHSIG, &signal) < 0) return -1;
	if (s->uid && geteuid() == 0) {
		if (setgroups(0, NULL) < 0 || setresgid(s->gid, s->gid, s->gid) < 0 || setresuid(s->uid, s->uid, s->uid) < 0) return -1;
		*ret_own = true;
	}
	if (capabilities_drop() < 0) return -1;
	if (signal && (prctl(PR_SET_PDEATHSIG, signal) < 0 || getppid() != parent)) return -1;
	return 0;
}

static Err
files_lock(struct ctx *c, const struct sandbox_spec *s, int *ret_abi)
{
	int abi = landlock_abi(), rules = -1;

	*ret_abi = abi;
	if (abi == 0) return OK;
	if ((rules = landlock_new(abi, s->own_net)) < 0) return failed(c, "landlock");
	for (size_t i = 0; i < s->read_dir_count; i++)
		if (landlock_allow(rules, abi, s->read_dirs[i], false) < 0) return failed(c, "landlock: a folder to read");
	for (size_t i = 0; i < s->write_dir_count; i++)
		if (landlock_allow(rules, abi, s->write_dirs[i], true) < 0) return failed(c, "landlock: a folder to write");
	for (size_t i = 0; s->read_paths && s->read_paths[i]; i++) {
		int fd = open(s->read_paths[i], O_PATH | O_CLOEXEC);
		/* Stays open: it holds the kernel's entry for files under /proc, or the rule could stop to match. */
		if (fd >= 0 && landlock_allow(rules, abi, fd, false) < 0) return failed(c, "landlock: a path to read");
	}
	if (landlock_enter(rules) < 0) return failed(c, "landlock");
	close(rules);
	return OK;
}

static int
level_of(const struct sandbox_state *s)
{
	if (!s->seccomp || !s->rlimits) return 0;
	return s->landlock_abi >= 4 && s->own_net ? 3 : s->landlock_abi >= 1 ? 2 : 1;
}

Err
sandbox_enter(struct ctx *c, const struct sandbox_spec *spec, struct sandbox_state *ret)
{
	struct sandbox_state s = {0};

	TRY(single_thread(c));
	if (spec->keep_fds_below && close_range((unsigned)spec->keep_fds_below, ~0u, 0) < 0) return failed(c, "close_range");
	if (limits_set(spec) < 0) return failed(c, "limits");
	s.rlimits = true;
	s.own_net = spec->own_net && own_net();
	if (identity_take(spec, &s.own_uid) < 0) return failed(c, "own uid");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0) return failed(c, "no_new_privs");
	TRY(files_lock(c, spec, &s.landlock_abi));
	s.seccomp = seccomp_available();
	if (s.seccomp && seccomp_enter(spec->profile) < 0) return failed(c, "seccomp");
	s.level = level_of(&s);
	*ret = s;
	return OK;
}

void
sandbox_probe(struct sandbox_state *ret)
{
	struct sandbox_state s = {.landlock_abi = landlock_abi(), .seccomp = seccomp_available(), .rlimits = true};

	s.own_uid = geteuid() == 0;
	s.own_net = s.own_uid || access("/proc/self/ns/user", F_OK) == 0; /* may still be forbidden; the roles report what they got */
	s.level = level_of(&s);
	*ret = s;
}

Err
sandbox_self_test(struct ctx *c, const struct sandbox_spec *spec, const struct sandbox_state *state)
{
	for (size_t i = 0; i < escape_count(); i++) {
		const struct escape *e = escape_at(i);
		if (e->fatal || state->level < e->from_level || (e->not_for & spec->profile)) continue;
		ENSURE(c, escape_try(e) != 0, INTERNAL, "sandbox: '%s' is possible at level %d", e->name, state->level);
	}
	return OK;
}

Str
sandbox_text(struct arena *a, const struct sandbox_state *s)
{
	Str landlock = s->landlock_abi ? arena_printf(a, "landlock %d", s->landlock_abi) : S("no landlock");

	return arena_printf(a, "%d: %.*s, %s, %s, %s, %s", s->level, STR(landlock), s->seccomp ? "seccomp" : "no seccomp",
	    s->own_net ? "own network" : "shared network", s->own_uid ? "own uid" : "same uid", s->rlimits ? "limits" : "no limits");
}
