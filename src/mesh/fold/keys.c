/* Keys of a log and forks of logs: what keys.c and fork.c make of them. */
#include "mesh/fork.h"
#include "mesh/handlers.h"

Err
handle_KEY_ROTATE(struct ctx *c, const struct mesh *m UNUSED, const struct log *log, const struct payload *p, struct change *ret)
{
	change_new(RECORD_DOMAIN, log->item.id, ret);
	return keys_rotate(c, log, p, &ret->domain);
}

Err
handle_CONFIRM(struct ctx *c, const struct mesh *m UNUSED, const struct log *log, const struct payload *p, struct change *ret)
{
	change_new(RECORD_DOMAIN, log->item.id, ret);
	return keys_confirm(c, log, p, &ret->domain);
}

Err
handle_FORK_RESOLVE(struct ctx *c, const struct mesh *m UNUSED, const struct log *log, const struct payload *p, struct change *ret)
{
	change_new(RECORD_DOMAIN, log->item.id, ret);
	return keys_resolve(c, log, p, &ret->domain);
}

/* Whether the branches are signed by the keys of their log is asked when both logs are there. */
Err
handle_FORK_REPORT(struct ctx *c, const struct mesh *m, const struct log *log, const struct payload *p, struct change *ret)
{
	struct fields f = fields_of(c, event_type_name(p->type), p->body);

	ret->report.by = p->actor;
	ret->report.reported = p->time;
	fork_read(&f, &ret->report.body);
	TRY(fields_end(&f));
	change_new(RECORD_REPORT, ret->report.body.id, ret);
	ENSURE(c, !state_find(m, RECORD_REPORT, log, ret->report.body.id), CONFLICT, "there is a report %.*s already", STR(ret->report.body.id));
	return fork_check(c, &ret->report.body);
}
