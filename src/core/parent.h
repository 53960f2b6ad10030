/* What the parent tells the core: channels to restarted roles, the list of roles, the end. */
#ifndef HEDDLE_CORE_PARENT_H
#define HEDDLE_CORE_PARENT_H

#include "core/core.h"

/* true: the frame was for the core itself; false: it answers a call. */
bool parent_says(struct core *core, struct frame *f);

#endif
