/* What grants demand of a statement beyond rows and columns (policy_terms), kept while it runs. */
#ifndef HEDDLE_CORE_RUN_TERMS_H
#define HEDDLE_CORE_RUN_TERMS_H

#include "core/audit/audit.h"
#include "core/use/extract.h"

enum { NO_EXPORT_ROWS = 1000 };

struct run_terms {
	uint64_t max_rows; /* of the result; 0: any number */
	Str why;           /* of max_rows, for people; "": it is the node's setting */
	List shapes;       /* of W_RUN: tables of which only aggregates were granted */
	struct budget_hold *holds;
	size_t hold_count;
};

/* Terms borrow from the grant, which may go while others work: into the arena. */
void run_terms_copy(struct arena *a, struct policy_terms *t);
/* Once all tables are decided. DENIED: a format to take away where only looking is granted; a budget is used up. What is held of budgets
 * is told in uses[].reserve, and must be settled however this ends. */
NODISCARD Err run_terms_keep(struct request *rq, Str format, struct table_use *uses, size_t n, struct run_terms *ret);
void run_terms_settle(struct core *core, struct run_terms *t, uint64_t rows_charged);

#endif
