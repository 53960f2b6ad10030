/* Row budgets: what is charged to a grant today and held by queries that run. The journal is the ledger (core/audit/audit.h); what was said
 * before this process began is read from its index once for each grant and day, everything since is counted here. */
#include <stdlib.h>

#include "core/audit/audit.h"

struct budget {
	int64_t day;
	uint64_t charged, held;
};

static int64_t
today(void)
{
	return core_now() / TIME_DAY;
}

/* The grant's line for today. The index has to hold everything from before the first reservation, so it is waited for once; another
 * query may have made the line meanwhile. */
static Err
budget_line(struct core *core, struct ctx *c, Str grant_id, struct budget **ret)
{
	struct budget *b = map_get(&core->budgets, grant_id);
	uint64_t charged = 0;

	if (!b) {
		TRY(audit_catch_up(core, c));
		b = map_get(&core->budgets, grant_id);
	}
	if (!b) {
		int64_t day = today();
		TRY(usage_charged(c, core->audit, grant_id, day, &charged));
		b = mem_alloc(sizeof *b);
		*b = (struct budget){.day = day, .charged = charged};
		map_put(&core->budgets, grant_id, b);
	}
	/* A new day. What runs was reserved on its own day and is charged to that one. */
	if (b->day < today()) *b = (struct budget){.day = today()};
	*ret = b;
	return OK;
}

Err
budget_reserve(struct core *core, struct ctx *c, Str grant_id, uint64_t budget, uint64_t wanted, struct budget_hold *ret)
{
	struct budget *b;

	TRY(budget_line(core, c, grant_id, &b));
	uint64_t taken = b->charged + b->held, left = taken < budget ? budget - taken : 0;
	ENSURE(c, left > 0 || b->charged >= budget, DENIED, "all rows that are left of grant %.*s today are held by a query that runs; try again when it has ended",
	       STR(grant_id));
	ENSURE(c, left > 0 && wanted > 0, DENIED, "grant %.*s gives %llu rows a day, and today's are used up; go on tomorrow (UTC)", STR(grant_id),
	       (unsigned long long)budget);
	*ret = (struct budget_hold){.grant_id = grant_id, .day = b->day, .rows = left < wanted ? left : wanted};
	b->held += ret->rows;
	return OK;
}

void
budget_settle(struct core *core, const struct budget_hold *h, uint64_t charged)
{
	struct budget *b = map_get(&core->budgets, h->grant_id);

	if (!b || h->rows == 0 || b->day != h->day) return;
	b->held -= h->rows;
	b->charged += charged < h->rows ? charged : h->rows;
}
