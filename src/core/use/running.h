/* Queries from the moment that they are decided until their last byte has arrived: whoever may no longer see what they read gets no more of
 * it. Registered while the worker runs, handed over (running_deliver) when it is done but the client has not taken everything. */
#ifndef HEDDLE_CORE_RUNNING_H
#define HEDDLE_CORE_RUNNING_H

#include "core/use/extract.h"
#include "core/use/pool.h"
#include "core/request.h"

struct running_query {
	struct running_query *next;
	char id[CRYPT_SHORT_ID_MAX];
	Str person_id;
	Str purpose;
	struct proc *proc; /* NULL: only its answer is on the way */
	struct call call;
	struct table_use *uses;
	size_t n;
	Time until;     /* decided until then */
	uint32_t level; /* of the sandbox it ran in: 0, the least, where none is known */
	bool ended;     /* somebody ended it: code and why say how */
	bool killed;    /* its worker too */
	enum err_code code;
	const char *why;
	int64_t ended_ns;
};

void running_add(struct request *rq, struct running_query *q);
void running_remove(struct request *rq, struct running_query *q);
/* Last thing that a handler does: what it streamed is watched over until the gate says that it has arrived. Takes the request's arena, in which
 * q's strings lie; q itself is copied. Nothing happens where all has arrived or the gate is gone. */
void running_deliver(struct request *rq, const struct running_query *q);

#endif
