/* Inside the parent: parent.c keeps the lasting roles alive, guests.c those that come and go. */
#ifndef HEDDLE_CMD_PARENT_PRIVATE_H
#define HEDDLE_CMD_PARENT_PRIVATE_H

#include "cmd/parent.h"
#include "cmd/role.h"
#include "ipc/chan.h"

enum { GUESTS_MAX = 128, QUEUE_MAX = 16 };

/* A role that runs as long as the node. */
struct lasting {
	struct spawned proc; /* pid 0: down */
	uint64_t started_ns, due_ns;
	unsigned long restarts;
	unsigned quick_deaths; /* in a row */
};

/* A reader, worker or sender, asked for by the core. */
struct guest {
	struct spawned proc; /* pid 0: the place is free */
	enum process_kind kind;
	unsigned long temp;  /* temp/<this> is its folder; 0: it has none */
};

/* A P_SPAWN that waits for the check of the library. */
struct wanted {
	enum process_kind kind;
	uint64_t id;
	int fds[CHAN_FDS_MAX];
	size_t fd_count;
};

enum duck_state { DUCK_UNKNOWN, DUCK_CHECKING, DUCK_GOOD, DUCK_ALTERED };

struct parent {
	const struct parent_setup *setup;
	struct arena arena;
	struct ctx c;
	struct chan core; /* fd -1 while the core is down */
	int signals;
	struct lasting lasting[PROCESS_LASTING];
	struct guest guests[GUESTS_MAX];
	unsigned long next_temp;
	int keys_fd, lake_fd, temp_fd, duck_fd;
	enum duck_state duck;
	struct spawned checker;
	struct wanted queue[QUEUE_MAX];
	size_t queue_n;
	bool stopping, roles_changed, failed;
	bool up; /* the core has been, once */
	uint64_t stop_ns;
};

/* Arguments common to all roles: uid and gid, where they change. Appends to list, returns the new length. */
size_t parent_uid_args(struct parent *p, enum process_kind kind, const char **list, size_t n);
void spawned_forget(struct spawned *s);
/* Send to the core; one that cannot take it is killed. */
void parent_tell(struct parent *p, Err sent);

/* P_SPAWN and P_KILL. */
void guests_spawn(struct parent *p, struct frame *f);
void guests_kill(struct parent *p, const struct frame *f);
void guests_kill_all(struct parent *p); /* and forget what is queued */
/* true: the process was a guest or the checker. */
bool guests_exited(struct parent *p, pid_t pid, int status);
/* Folders of an earlier run. */
void guests_clean(struct parent *p);

#endif
