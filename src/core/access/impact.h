/* What would change, were one thing otherwise: live grants, and recorded queries were they run now. Both sides of every comparison come from
 * the evaluation that decides (mesh_suppose()). */
#ifndef HEDDLE_CORE_IMPACT_H
#define HEDDLE_CORE_IMPACT_H

#include "core/access/recorded.h"
#include "core/request.h"
#include "core/walk.h"

enum { IMPACT_LISTED_MAX = 1000 }; /* of each kind; more are only counted */

/* Of the sandbox that people's statements run in on this node, as the running workers say; UINT32_MAX while there is none. */
uint32_t sandbox_level(const struct core *core);

/* How the second decision on a table differs from the first, as a JSON list of {table, how, column, was, now, reason}; only columns that `use`
 * reads count, with NULL all. Returns how many, and appends nothing when none. */
size_t impact_effects(struct arena *a, Str table, const struct policy_table *t, const struct policy_decision *before,
                      const struct policy_decision *after, const struct recorded *use, struct buf *b);

/* The record of use that a comparison goes by, read before it begins: as it stood then. In rq's arena. Waits. */
struct impact_record { Time since; struct recorded *queries; size_t count; };
NODISCARD Err impact_record(struct request *rq, struct impact_record *ret);

/* Both look at all of one state: the parts of a walk's look(). "grants":[…],"grants_changed":N,"grants_seen":N — each live grant by itself, as
 * though it were the only one. O(grants × tables that they are about), some microseconds each; memory O(what is told). */
NODISCARD Err impact_grants(struct request *rq, struct walk *w, const struct mesh_suppose *s, struct buf *b);
/* "queries":[…],"queries_changed":N,"queries_seen":N,"since":T. */
NODISCARD Err impact_queries(struct request *rq, struct walk *w, const struct mesh_suppose *s, const struct impact_record *record, struct buf *b);

#endif
