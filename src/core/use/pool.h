/* Processes that run SQL: readers (ours, one extract job each) and workers (people's; bound to one person and purpose for life).
 * Spares wait with the engine loaded, so that a first query does not pay for a start. */
#ifndef HEDDLE_CORE_POOL_H
#define HEDDLE_CORE_POOL_H

#include "core/core.h"

enum proc_kind { PROC_WORKER, PROC_READER };
enum proc_state { PROC_STARTING, PROC_SPARE, PROC_IDLE, PROC_BUSY, PROC_GONE };

struct proc {
	struct proc *next;
	enum proc_kind kind;
	enum proc_state state;
	char view[CRYPT_SHORT_ID_MAX]; /* its folder in the lake */
	struct peer *peer;             /* NULL once it is gone */
	uint64_t pid;
	char *person_id, *purpose;     /* owned; NULL while unbound */
	uint64_t epoch;                /* core->policy_epoch when it was bound */
	Time until;                    /* what is in its folder may be seen until then */
	int64_t idle_since_ns;
	struct map links;              /* names in the folder */
};

/* A worker for this person and purpose, BUSY, its engine open. Waits up to a few seconds for one to become free. */
NODISCARD Err worker_acquire(struct core *core, struct ctx *c, Str person_id, Str purpose, struct proc **ret);
/* A fresh process of its own, BUSY; not bound to anybody. Waits for room like worker_acquire(). */
NODISCARD Err proc_take(struct core *core, struct ctx *c, enum proc_kind kind, struct proc **ret);
/* Done with it: a healthy bound worker waits for the next statement of its person, anything else ends. */
void proc_release(struct core *core, struct proc *p, bool healthy);
/* End it now; whoever uses it gets UNAVAILABLE and must still release it. */
void proc_kill(struct core *core, struct proc *p);
/* Make files appear in its folder: triples kind, name, name in the folder. Those already there are left alone. */
NODISCARD Err proc_link(struct core *core, struct ctx *c, struct proc *p, const Str *triples, size_t n);
void pool_give_up_idle(struct core *core);
void pool_drop_all(struct core *core); /* their folders are gone */

#endif
