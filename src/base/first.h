/* The first few of very many things in an order, without keeping or sorting the rest: a heap with the last of those few on top. */
#ifndef HEDDLE_BASE_FIRST_H
#define HEDDLE_BASE_FIRST_H

#include "base/arena.h"

struct first {
	const void **list; /* `n` of them, in order after first_sort() */
	size_t n, most, cap;
	int (*by)(const void *a, const void *b); /* of two things, as strcmp */
	struct arena *a;   /* of the list; the things are the caller's */
};

/* The one that is not among the first any more: the thing itself, another, or NULL while there is room. O(log most). */
const void *first_add(struct first *f, const void *thing);
/* Once, at the end: nothing can be added then. O(n log n). */
void first_sort(struct first *f);

#endif
