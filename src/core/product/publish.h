/* One publish on its way, for publish.c, which conducts it, and publish_said.c. */
#ifndef HEDDLE_CORE_PUBLISH_H
#define HEDDLE_CORE_PUBLISH_H

#include "core/product/check.h"
#include "core/request.h"
#include "mesh/contract/contract.h"

/* On the stack of the request's fiber; what it points to lives in the request's arena. */
struct publish {
	struct publish *next;
	struct request *rq;
	const struct contract *contract;
	Str contract_text;
	Str name;            /* domain.product */
	bool status_changes;
	Str product_id;
	struct batch_table *tables;
	size_t n;
	Str *uploads;
	size_t upload_count;
	const struct contract *before; /* the published one's; NULL for a new product */
	const struct contract_change *changes;
	size_t change_count;
	char batch[CRYPT_SHORT_ID_MAX];
	struct proc *proc;
};

/* The report as it is kept: the outcome of each check of each table that brought data, with statistics and the rows at fault. */
void publish_report(const struct publish *p, struct buf *b);
/* Set the batch aside with its report, note it, and answer with what failed. */
NODISCARD Err publish_quarantine(struct publish *p);
/* Answer with what stands now. */
void publish_reply(struct publish *p);
/* Into the journal, if consumers' statements may fail from now on. */
NODISCARD Err publish_note_breaking(const struct publish *p);

#endif
