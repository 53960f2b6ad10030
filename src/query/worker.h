/* The worker: a process that belongs to one person and one purpose, runs their SQL, and sees extracts only.
 *
 * It starts unbound, with the library loaded and the sandbox entered, and answers, one request at a time:
 *   W_SETUP → DONE          opens the engine, and tries from one of its threads whether the sandbox holds
 *   W_PARSE → W_PARSED      W_CHECK → W_CHECKED      W_SCHEMA → W_SCHEMAS
 *   W_RUN   → W_STARTED when rows are on their way, then W_FINISHED; the rows go to the descriptor that came with it
 * or by FAILED. While one runs, W_CANCEL (reason: 0) stops it and everything else is answered FAILED BUSY. A request that is over its
 * time is stopped too; one that does not stop within two seconds ends the process. */
#ifndef HEDDLE_QUERY_WORKER_H
#define HEDDLE_QUERY_WORKER_H

#include "os/sandbox.h"
#include "query/session.h"

struct worker_setup {
	int channel_fd, read_dir_fd, library_fd, temp_dir_fd; /* taken */
	uid_t uid; /* 0: stay */
	gid_t gid;
	uint64_t as_bytes; /* address space; 0: 4 GiB */
};

/* The first half of the role, for tests too: load the library, enter the sandbox, try whether it holds. library_fd is closed. */
NODISCARD Err worker_lock(struct ctx *c, const struct worker_setup *setup, struct duck *ret_duck, struct sandbox_state *ret_state);

/* The role. The exit status of the process: 0 when the core closed the channel. */
int worker_main(const struct worker_setup *setup);

#endif
