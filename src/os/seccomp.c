#include "os/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

struct call {
	const char *name;
	unsigned profiles; /* 0: kills */
};

static const struct call calls[] = {
#define ALLOW(name, profiles) {#name, profiles},
#define KILLED(name) {#name, 0},
#include "os/syscalls.def"
#undef ALLOW
#undef KILLED
};

static int
add(scmp_filter_ctx f, uint32_t action, const char *name)
{
	int nr = seccomp_syscall_resolve_name(name);

	return nr == __NR_SCMP_ERROR ? 0 : seccomp_rule_add(f, action, nr, 0);
}

static int
add_listed(scmp_filter_ctx f, enum sandbox_profile profile)
{
	for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
		int r = 0;
		if (calls[i].profiles == 0)
			r = add(f, SCMP_ACT_KILL_PROCESS, calls[i].name);
		else if (calls[i].profiles & (unsigned)profile)
			r = add(f, SCMP_ACT_ALLOW, calls[i].name);
		if (r < 0) return r;
	}
	return 0;
}

#define ALLOW_IF(f, name, ...)                                                                                                 \
	do {                                                                                                                   \
		int rule_ = seccomp_rule_add((f), SCMP_ACT_ALLOW, SCMP_SYS(name), __VA_ARGS__);                                \
		if (rule_ < 0) return rule_;                                                                                   \
	} while (0)

/* Calls that are fine with some arguments only. */
static int
add_memory(scmp_filter_ctx f)
{
	ALLOW_IF(f, mmap, 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	ALLOW_IF(f, mprotect, 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	return 0;
}

static int
add_self(scmp_filter_ctx f)
{
	static const int names[] = {PR_SET_NAME, PR_GET_NAME, PR_GET_DUMPABLE, PR_GET_NO_NEW_PRIVS, PR_GET_SECCOMP};

	ALLOW_IF(f, tgkill, 1, SCMP_A0(SCMP_CMP_EQ, (uint64_t)getpid())); /* abort() */
	ALLOW_IF(f, prlimit64, 1, SCMP_A2(SCMP_CMP_EQ, 0));               /* asking, not setting */
	for (size_t i = 0; i < ARRAY_LEN(names); i++) ALLOW_IF(f, prctl, 1, SCMP_A0(SCMP_CMP_EQ, (uint64_t)names[i]));
	return 0;
}

static int
add_fcntl(scmp_filter_ctx f)
{
	static const int commands[] = {F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_GETLK, F_SETLK, F_SETLKW,
	    F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW, F_ADD_SEALS, F_GET_SEALS, F_GETPIPE_SZ, F_SETPIPE_SZ};

	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		ALLOW_IF(f, fcntl, 1, SCMP_A1(SCMP_CMP_EQ, (uint64_t)commands[i]));
	return 0;
}

static int
add_threads(scmp_filter_ctx f)
{
	const uint64_t spaces = CLONE_NEWNS | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;

	ALLOW_IF(f, clone, 1, SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD | spaces, CLONE_THREAD));
	return 0;
}

static int
add_network(scmp_filter_ctx f)
{
	ALLOW_IF(f, socket, 1, SCMP_A0(SCMP_CMP_EQ, AF_INET));
	ALLOW_IF(f, socket, 1, SCMP_A0(SCMP_CMP_EQ, AF_INET6));
	ALLOW_IF(f, socketpair, 1, SCMP_A0(SCMP_CMP_EQ, AF_UNIX)); /* how libcurl's threads wake each other */
	ALLOW_IF(f, ioctl, 1, SCMP_A1(SCMP_CMP_EQ, FIONREAD));
	ALLOW_IF(f, ioctl, 1, SCMP_A1(SCMP_CMP_EQ, FIONBIO));
	return 0;
}

static int
add_rules(scmp_filter_ctx f, enum sandbox_profile profile)
{
	int r;

	if ((r = add_listed(f, profile)) < 0 || (r = add_memory(f)) < 0 || (r = add_self(f)) < 0 || (r = add_fcntl(f)) < 0) return r;
	if (profile & (SANDBOX_GATE | SANDBOX_READER | SANDBOX_WORKER | SANDBOX_SENDER) && (r = add_threads(f)) < 0) return r;
	if (profile & SANDBOX_SENDER && (r = add_network(f)) < 0) return r;
	if (profile & (SANDBOX_CORE | SANDBOX_LAKE)) ALLOW_IF(f, socketpair, 1, SCMP_A0(SCMP_CMP_EQ, AF_UNIX));
	/* its flags stand in memory, out of the filter's sight; the C library then falls back to clone */
	return seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
}

bool
seccomp_available(void)
{
	uint32_t action = SECCOMP_RET_KILL_PROCESS;

	return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

int
seccomp_enter(enum sandbox_profile profile)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r = -ENOMEM;

	if (f && (r = seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1)) == 0 && (r = seccomp_attr_set(f, SCMP_FLTATR_CTL_OPTIMIZE, 2)) == 0 &&
	    (r = seccomp_attr_set(f, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS)) == 0 && (r = add_rules(f, profile)) == 0)
		r = seccomp_load(f);
	seccomp_release(f);
	errno = -r;
	return r < 0 ? -1 : 0;
}
