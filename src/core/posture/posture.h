/* Posture: the controls of policy/controls.h over what this node knows now, what people said about it, and how it went day by day. */
#ifndef HEDDLE_CORE_POSTURE_H
#define HEDDLE_CORE_POSTURE_H

#include "core/request.h"
#include "core/walk.h"
#include "policy/controls.h"

/* What the controls look at, gathered from the mesh of the walk, the documents of products, the usage and the node; in the walk's arena, borrowing
 * from its mesh. Of a time that is over (w->at) what the logs say that it was; what no log tells (use, batches set aside, the node itself) does
 * not apply then. */
NODISCARD Err posture_facts(struct walk *w, struct posture_facts *ret);
/* The part of it that is said by events about governance; f has the products already. */
void posture_facts_said(const struct mesh *m, struct arena *a, struct posture_facts *f);
/* Publishes since then that broke a schema. Needs the journal's index; none without. */
NODISCARD Err posture_facts_changes(struct core *core, const struct mesh *m, struct ctx *c, Time since, struct posture_facts *f);
/* Facts and judgement, in the walk's arena; the last thing that its look() does, or it looks at the same state. */
NODISCARD Err posture_make(struct walk *w, const struct posture_wish *wish, struct posture *ret);
/* Before a walk: the use of the last moments shall be seen. Waits, or does without. */
void posture_usage_complete(struct core *core);
/* Keep the counts of the day, once a day; called by the loop. */
void posture_tick(struct core *core);

/* Members of the answer: "exceptions" and "evidence" as they were said; "trend", day by day, of the whole only. */
void posture_said_json(struct request *rq, const struct mesh *m, Str scope, Time now, struct buf *b, bool *first);
NODISCARD Err posture_trend_json(struct request *rq, Str scope, struct buf *b, bool *first);
const struct mesh_exception *posture_exception(struct request *rq, Str id); /* NULL when there is none */
void posture_exception_json(struct request *rq, const struct mesh_exception *x, Time now, struct buf *b);
void posture_evidence_json(struct request *rq, const struct mesh_evidence *x, struct buf *b);
/* What a commitment stands for; "(erased)" when nobody has it any more. */
Str posture_text(struct request *rq, Str commitment);

#endif
