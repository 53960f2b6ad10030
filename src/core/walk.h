/* Walks: what must look at everything, in slices of a few milliseconds between which others go on.
 *
 * A walk sees one state from its beginning to its end. When something was folded in meanwhile, what it found is thrown away and it begins
 * anew; where that happens again and again, it goes by a mesh of its own, folded from the logs as they stood then, which nobody changes. So
 * a finding or a trial never mixes two states, and it ends however busy the node is.
 *
 * One walk at a time; others wait for their turn, and beyond a few of them are refused (BUSY), with what is under way. Who goes away ends their
 * walk at its next slice. */
#ifndef HEDDLE_CORE_WALK_H
#define HEDDLE_CORE_WALK_H

#include "core/use/past.h"

struct walk {
	struct core *core;
	const struct request *rq;   /* who waits for it; NULL: the node itself */
	const char *what;           /* "a posture", for who waits */
	Time at;                    /* of that time, folded from the logs; 0: of now */
	/* From here on filled in by walk_run(). */
	const struct mesh *mesh;    /* what to look at */
	Time now;                   /* and as of when */
	uint64_t mark;              /* the node's, of that state */
	struct ctx c;               /* its arena: what this attempt found; valid until walk_fini() */
	struct arena arena, past_arena;
	struct past past;           /* past.mesh: a mesh of its own */
	unsigned attempts;
	uint64_t steps;             /* things looked at in this attempt */
	int64_t slice_ns;
	bool changed, over;
	Err ended;                  /* why it goes on no more */
	struct walk *next;          /* in the order in which they came */
};

/* Wait for the turn, and let look() see everything of w->mesh, with walk_step() between one thing and the next. It may be called several times, and
 * begins from nothing each time. What it returned at last; BUSY when too many wait; CANCELLED when nobody waits for it any more. In a fiber. */
NODISCARD Err walk_run(struct walk *w, struct ctx *c, Err (*look)(struct walk *w, void *arg), void *arg);
/* Let others go on, if the slice is over. After walk_run() too, for what shows what was found: the state is no matter then. An Err ends look(),
 * which passes it on. Costs some nanoseconds else. */
NODISCARD Err walk_step(struct walk *w);
bool walk_goes_on(void *walk); /* the same, false when it ended: w->ended */
/* In any case. */
void walk_fini(struct walk *w);
#define WALK_AUTO __attribute__((cleanup(walk_fini))) struct walk

/* Slices alone, for lists: each thing is looked at as it stands at its moment. Begins as {core, rq}. */
struct pace { struct core *core; const struct request *rq; uint64_t steps; int64_t slice_ns; };
/* As walk_step(), whatever changed meanwhile; CANCELLED when the client is gone. */
NODISCARD Err pace_step(struct pace *p, struct ctx *c);

/* What is under way, for status: how many walk or wait; *ret_what, *ret_steps of the one that walks. */
unsigned walks_under_way(const struct core *core, const char **ret_what, uint64_t *ret_steps);

#endif
