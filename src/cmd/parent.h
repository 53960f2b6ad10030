/* The parent: starts the roles, hands each its descriptors and nothing more, starts them again when they die. It parses nothing but
 * the core's frames (ipc/msg.def, P_…). */
#ifndef HEDDLE_CMD_PARENT_H
#define HEDDLE_CMD_PARENT_H

#include "cmd/datadir.h"
#include "core/core.h"

struct parent_setup {
	const struct datadir *dir;
	int listen_fd;         /* borrowed; stays open while roles are restarted, so clients wait instead of being refused */
	int cert_fd, key_fd;   /* -1: no TLS */
	int root_fd;           /* the root key (rootkey.h), for the keys role */
	const struct core_limits *limits;
};

/* Run the node until SIGTERM or SIGINT, then end it in order: at most 10 s. OK when it was told to end; INTERNAL when a role cannot
 * start at all (its reason is in the log). */
NODISCARD Err parent_run(struct ctx *c, const struct parent_setup *setup);

#endif
