/* The core role, once its sandbox is entered. The current folder is the data folder. */
#ifndef HEDDLE_CORE_ROLE_H
#define HEDDLE_CORE_ROLE_H

#include "core/core.h"

/* Run until the parent says stop or goes away. parent_fd is taken. level: of the sandbox entered. */
NODISCARD Err core_role(struct ctx *c, int parent_fd, const struct core_limits *limits, const char *node_id, int level);

#endif
