/* What people did with data, as the journal tells: who read what, for which purpose, under which grant. */
#ifndef HEDDLE_CORE_RECORDED_H
#define HEDDLE_CORE_RECORDED_H

#include "core/core.h"

enum { RECORDED_DAYS = 90 };

/* Queries that agree in all of this, counted together. */
struct recorded {
	Str person_id, purpose;
	Str table;                /* domain.product.table, as it was called then */
	Str product_id;           /* "" in entries from before it was noted */
	Str grant_id, delegation_id;
	const Str *columns;       /* that the statement names and that are there, as they were called */
	size_t column_count;
	bool all;                 /* it reads them all, or they were too many to note */
	uint64_t count, rows;     /* rows: of whole answers, of whichever tables these were made */
	Time first, last;
};

/* Those that were allowed since the beginning of that day, newest last use first; in the arena of c. Rests on the journal's index
 * (core/audit/audit.h): waits until that is up to date, BUSY and UNAVAILABLE as there. O(uses since then). */
NODISCARD Err recorded_queries(struct core *core, struct ctx *c, Time since, struct recorded **ret, size_t *ret_n);

#endif
