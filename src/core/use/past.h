/* The mesh as it stood at a time: every log folded up to the last entry before the first one that is later. Rests on the times that the
 * domains wrote into their entries; those of keys this node holds never go back. */
#ifndef HEDDLE_CORE_PAST_H
#define HEDDLE_CORE_PAST_H

#include "core/core.h"

struct past_log { Str id; uint64_t entries; Time newest; };

struct past {
	struct mesh *mesh;
	struct past_log *logs; /* those with entries; in the arena of the fold's ctx */
	size_t log_count;
};

/* Others go on meanwhile. BUSY: another one is under way. past_fini() in any case. O(entries until then). */
NODISCARD Err past_fold(struct core *core, struct ctx *c, Time at, struct past *ret);
void past_fini(struct past *p);

#endif
