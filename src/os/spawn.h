/* Starting a role: this program again, from /proc/self/exe, as `heddle: <role>`.
 *
 * The child gets exactly the descriptors it is given, at 3, 4, … in their order; its stdin is /dev/null, its stdout is our
 * stderr; everything else is closed. It dies (SIGKILL) when the thread that started it dies. Its environment is empty but for
 * TZ=UTC, LC_ALL=C.UTF-8, HEDDLE_LOG, HEDDLE_FAULT and the settings of the sanitizers. */
#ifndef HEDDLE_OS_SPAWN_H
#define HEDDLE_OS_SPAWN_H

#include <sys/types.h>

#include "base/err.h"

enum { SPAWN_FIRST_FD = 3, SPAWN_FDS_MAX = 16, SPAWN_ARGS_MAX = 32 };

struct spawn_spec {
	const char *role;
	const int *fds; /* borrowed; stay open here */
	size_t fd_count;
	const char *const *args; /* argv[1…], NULL at the end; NULL for none */
	uid_t uid;               /* taken before exec when not 0 and we are root; sandbox_enter() can do it later instead */
	gid_t gid;
};

struct spawned {
	pid_t pid;
	int pidfd; /* owned by the caller; poll for reading: it ended; -1 before Linux 5.3 */
};

/* Returns when the child runs the program. UNAVAILABLE when there is no process to be had or it cannot be executed. */
NODISCARD Err spawn_role(struct ctx *c, const struct spawn_spec *spec, struct spawned *ret);
/* Kill by the descriptor where there is one: never hits a stranger that got the same number. */
void spawn_kill(const struct spawned *s, int signal);
/* The role named by argv[0] ("heddle: worker" → "worker"), NULL for an ordinary command line. */
const char *spawn_role_of(char *const *argv);

#endif
