/* Requests and what is said about them. */
#include "mesh/handlers.h"

Err
handle_REQUEST_OPEN(struct ctx *c, const struct mesh *m, const struct log *log, const struct payload *p, struct change *ret)
{
	struct fields f = fields_of(c, event_type_name(p->type), p->body);
	struct mesh_request *r = &ret->request.pub;

	*r = (struct mesh_request){.opened = p->time, .seq = p->seq};
	ret->request.withdrawn = false;
	read_request(&f, r);
	TRY(fields_end(&f));
	change_new(RECORD_REQUEST, r->id, ret);
	const struct member *who = (const struct member *)state_find(m, RECORD_MEMBER, log, r->person_id);
	ENSURE(c, who && who->pub.active, DENIED, "person %.*s is no member of this domain", STR(r->person_id));
	ENSURE(c, !state_find(m, RECORD_REQUEST, log, r->id), CONFLICT, "there is a request %.*s already", STR(r->id));
	return OK;
}

/* A request of this log. `verb`: what only the domain that asked can do. */
static Err
own_request(struct ctx *c, const struct mesh *m, const struct log *log, const struct payload *p, const char *verb, struct change *ret)
{
	Str id;

	TRY(read_one(c, p, S("request"), &id));
	const struct item *it = state_find(m, RECORD_REQUEST, log, id);
	ENSURE(c, it, DENIED, "request %.*s is not in this log: only the domain that asked can %s it", STR(id), verb);
	record_of(RECORD_REQUEST, it, ret);
	return OK;
}

Err
handle_REQUEST_SUBMIT(struct ctx *c, const struct mesh *m, const struct log *log, const struct payload *p, struct change *ret)
{
	TRY(own_request(c, m, log, p, "submit", ret));
	ENSURE(c, !ret->request.withdrawn, CONFLICT, "request %.*s is withdrawn", STR(ret->id));
	ENSURE(c, ret->request.pub.draft, CONFLICT, "request %.*s is submitted already", STR(ret->id));
	ret->request.pub.draft = false;
	ret->request.pub.opened = p->time;
	ret->request.pub.seq = p->seq;
	return OK;
}

Err
handle_REQUEST_WITHDRAW(struct ctx *c, const struct mesh *m, const struct log *log, const struct payload *p, struct change *ret)
{
	TRY(own_request(c, m, log, p, "withdraw", ret));
	ret->any = !ret->request.withdrawn;
	ret->request.withdrawn = true;
	return OK;
}

/* The request itself stands in another log, which may not have arrived: whether it was addressed here is asked when they are joined. */
Err
handle_REQUEST_DENY(struct ctx *c, const struct mesh *m, const struct log *log, const struct payload *p, struct change *ret)
{
	struct fields f = fields_of(c, event_type_name(p->type), p->body);
	Str id = field_id(&f, S("request"));

	ret->answer.reason = field_hex_opt(&f, S("reason"), 64);
	ret->answer.by = p->actor;
	ret->answer.at = p->time;
	TRY(fields_end(&f));
	change_new(RECORD_ANSWER, id, ret);
	ENSURE(c, !state_find(m, RECORD_ANSWER, log, id), CONFLICT, "request %.*s was denied already", STR(id));
	return OK;
}

/* Said in the log of the commenter, whose domain need not be the one that asked. */
Err
handle_REQUEST_COMMENT(struct ctx *c, const struct mesh *m, const struct log *log, const struct payload *p, struct change *ret)
{
	struct fields f = fields_of(c, event_type_name(p->type), p->body);
	struct mesh_comment *x = &ret->comment;

	*x = (struct mesh_comment){.by = p->actor, .at = p->time};
	read_comment(&f, x);
	TRY(fields_end(&f));
	change_new(RECORD_COMMENT, x->id, ret);
	ENSURE(c, !str_eq(x->consumer_domain_id, log->item.id) || state_find(m, RECORD_REQUEST, log, x->request_id), NOT_FOUND, "there is no request %.*s",
	       STR(x->request_id));
	ENSURE(c, !state_find(m, RECORD_COMMENT, log, x->id), CONFLICT, "there is a comment %.*s already", STR(x->id));
	return OK;
}
