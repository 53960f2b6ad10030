/* Explaining: the same evaluation that decides, shown; now, or as it stood at a time. */
#ifndef HEDDLE_CORE_EXPLAIN_H
#define HEDDLE_CORE_EXPLAIN_H

#include "core/use/past.h"
#include "core/request.h"

/* What an explanation is given of. */
struct explained {
	struct request *rq;
	const struct mesh *mesh; /* the core's, or that of then */
	Time at;
	struct past past;        /* then.mesh NULL: now */
};

/* From the argument `at`. Waits when there is one: look things up afterwards. explained_fini() in any case. */
NODISCARD Err explained_open(struct request *rq, struct explained *ret);
/* The name that a person has today of whom `text` (user:NAME, NAME) meant at that time; `text` where it meant nobody else. Of the request's arena. */
Str explained_who(const struct explained *x, Str text);
/* Of the sandbox that statements run in; of then it is not known, so no demand for one refuses. */
uint32_t explained_level(const struct explained *x);
void explained_fini(struct explained *x);
#define EXPLAINED_AUTO __attribute__((cleanup(explained_fini))) struct explained
/* ,"at":T,"rests_on":[…] of then, ,"mark":M of now. */
void explained_json(const struct explained *x, struct buf *b);
/* NOT_FOUND for tables that one may not know of. */
NODISCARD Err explained_table(struct explained *x, Str name, const struct mesh_product **ret_product, const struct mesh_table **ret);

/* May the asker know what somebody of that domain sees of that producer's tables? Owners and auditors about their people and products, everyone about
 * themselves, the center and its auditors about all. person_id "" for a domain as a whole and its groups. */
bool may_know(const struct request *rq, Str person_id, Str consumer_domain_id, Str producer_domain_id);

#endif
