/* The journal's index at work (store/audit.h), and the row budgets that rest on it.
 *
 * A budget is so many rows a day (UTC) for all who use a grant. The journal is its ledger: query.start tells for each table what is reserved ("reserve"), is durable
 * before the first row leaves, and counts in full until query.end tells what was charged ("charged"). So a crash, a lost end or a lost
 * index may cost rows of the day, and never gives any. */
#ifndef HEDDLE_CORE_AUDIT_H
#define HEDDLE_CORE_AUDIT_H

#include "core/core.h"
#include "store/usage.h"

/* Open catalog/audit.db; one that is damaged or is of another journal is begun anew, and says so. After the ledger is open. The node
 * works without it, too: what rests on it answers UNAVAILABLE, and it is tried again. */
void audit_start(struct core *core);
/* Fold some of what the journal has more; called by the loop. Returns at once when there is nothing. */
void audit_tick(struct core *core);
/* In a fiber: wait until all that was said before is folded. After long rebuilding: BUSY, "try again". */
NODISCARD Err audit_catch_up(struct core *core, struct ctx *c);

/* Part of a grant's budget, held by a query that runs. */
struct budget_hold { Str grant_id; int64_t day; uint64_t rows; };
/* Hold what is left of today's `budget` (at most `wanted`; rows ≥ 1). DENIED when nothing is left, or all of it is held by queries that
 * run: the message tells which. In a fiber: at the first use after a start it may wait for the index (UNAVAILABLE when that takes long).
 * Then the caller notes query.start with "reserve":rows in the table's line, uses rows as the row limit, and settles at the end.
 * grant_id lives as long as the hold. */
NODISCARD Err budget_reserve(struct core *core, struct ctx *c, Str grant_id, uint64_t budget, uint64_t wanted, struct budget_hold *ret);
/* Give back what was not delivered: `charged` ≤ rows, the same number that query.end tells as "charged". A query whose rows cannot be
 * told (killed while it streamed) is charged in full. */
void budget_settle(struct core *core, const struct budget_hold *h, uint64_t charged);

/* Which of the journal's entries this person may find. */
void journal_scope(const struct request *rq, struct audit_filter *f);

#endif
