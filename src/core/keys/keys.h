/* The keys of domains: rotation, recovery, what was void and is confirmed, forks. */
#ifndef HEDDLE_CORE_KEYS_H
#define HEDDLE_CORE_KEYS_H

#include "core/core.h"

/* A rotation that became durable while the keys role did not hear of it is told to it again. At the start, in a fiber. */
NODISCARD Err keys_settle(struct core *core, struct ctx *c);

#endif
