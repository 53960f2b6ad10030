/* Locking a role in. A process calls sandbox_enter() once, before it starts a thread and before it reads its first foreign byte.
 *
 * Order: close_range → rlimits → own network → setresuid, capabilities dropped → no_new_privs, dumpable off → Landlock → seccomp.
 * (Own network comes before the uid while we are root, because it needs the right; otherwise it is taken in a user namespace.)
 *
 * Levels, from what the kernel gives:
 *   3  Landlock (ABI 4 or newer), seccomp, own empty network, rlimits
 *   2  Landlock of any age, seccomp (which refuses sockets), rlimits
 *   1  seccomp and rlimits: the process can open what its uid may
 *   0  less: user SQL is not to be run
 * Landlock binds the calling thread and the threads it starts later, up to ABI 7: hence before the first thread, checked.
 *
 * What Landlock lets pass and seccomp refuses: sockets other than TCP, chmod, io_uring, signals to others. What both let pass:
 * stat() of any path. A kill (SIGSYS) answers execve, ptrace, mount, bpf, io_uring, userfaultfd and the like; everything else
 * that is not on the profile's list (os/syscalls.def) gets EPERM. Mapping memory executable is refused, so libraries are
 * loaded before. */
#ifndef HEDDLE_OS_SANDBOX_H
#define HEDDLE_OS_SANDBOX_H

#include <sys/types.h>

#include "base/arena.h"

/* What a role may ask of the kernel. Bits, for os/syscalls.def. */
enum sandbox_profile {
	SANDBOX_GATE = 1,    /* inherited sockets, threads; opens no file */
	SANDBOX_CORE = 2,    /* files; no thread */
	SANDBOX_KEYS = 4,    /* files; no thread */
	SANDBOX_LAKE = 8,    /* files, links, fchmod; no thread */
	SANDBOX_READER = 16, /* DuckDB: files, threads */
	SANDBOX_WORKER = 32, /* DuckDB: files, threads */
	SANDBOX_SENDER = 64  /* connects to other hosts; the resolver's files, threads */
};

struct sandbox_limits { /* 0: left as it is */
	uint64_t as_bytes;  /* address space; ignored in builds with sanitizers */
	uint64_t cpu_s, fsize_bytes, nofile;
	uint64_t nproc;     /* threads and processes of the uid; only with an own uid */
};

struct sandbox_spec {
	enum sandbox_profile profile;
	int keep_fds_below;             /* descriptors from here on are closed; 0: none is */
	const int *read_dirs;           /* folders, by descriptor: everything beneath may be read */
	size_t read_dir_count;
	const int *write_dirs;          /* may be read, written, made, linked, removed beneath */
	size_t write_dir_count;
	const char *const *read_paths;  /* files or folders that may be read, NULL at the end; a missing one is skipped */
	struct sandbox_limits limits;
	uid_t uid;                      /* 0: stay who we are */
	gid_t gid;
	bool own_net;                   /* an empty network; inherited sockets go on working */
};

/* What DuckDB has to read to start: /proc/self/cgroup, /sys/fs/cgroup, the number of CPUs, the time zone. */
extern const char *const sandbox_duckdb_paths[];

struct sandbox_state {
	int level;         /* 0…3 */
	int landlock_abi;  /* 0: none */
	bool seccomp, own_net, own_uid, rlimits;
};

/* INTERNAL when a thread runs already or a step that the kernel offers fails; then the process must end. One that the kernel
 * does not offer lowers the level; whether that is enough is for the caller to say. About 1 ms. */
NODISCARD Err sandbox_enter(struct ctx *c, const struct sandbox_spec *spec, struct sandbox_state *ret);
/* What sandbox_enter() would reach here, without entering: for `status` before any role runs. Forks no process. */
void sandbox_probe(struct sandbox_state *ret);
/* After sandbox_enter(): try every harmless way out (os/escape.h) that the level should close. INTERNAL names the first that is
 * open. Some microseconds each; leaves nothing behind. */
NODISCARD Err sandbox_self_test(struct ctx *c, const struct sandbox_spec *spec, const struct sandbox_state *state);
/* "3: landlock 7, seccomp, own network, own uid, limits" */
Str sandbox_text(struct arena *a, const struct sandbox_state *s);

#endif
