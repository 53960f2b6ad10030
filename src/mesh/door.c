#include "mesh/door.h"

typedef Err door_fn(struct ctx *c, const struct mesh *m, const struct log *log, const struct payload *p);

/* A text of the body; "" when it is not there, which the fold's own check will say better. */
static Str
said(const struct payload *p, Str key)
{
	for (const struct doc_node *n = doc_first(p->body); n; n = doc_next(p->body, n))
		if (str_eq(n->key, key) && n->kind == DOC_TEXT) return n->text;
	return (Str){"", 0};
}

/* `what` of that id must stand in this log; else tell whose it is. `verb`: "grant on". */
static Err
own(struct ctx *c, const struct mesh *m, const struct log *log, enum record_kind kind, Str id, const char *verb)
{
	const struct item *other;
	Str what = record_kind_name(kind);

	if (id.n == 0 || state_find(m, kind, log, id)) return OK;
	other = state_first(m, kind, id);
	ENSURE(c, other, NOT_FOUND, "there is no %.*s '%.*s'", STR(what), STR(id));
	Str owner = other->log->pub.name;
	if (kind == RECORD_PRODUCT)
		return err_set(c, ERR_DENIED, "only %.*s can %s %.*s.%.*s", STR(owner), verb, STR(owner), STR(((const struct product *)other)->pub.name));
	return err_set(c, ERR_DENIED, "only %.*s can %s %.*s '%.*s'", STR(owner), verb, STR(what), STR(id));
}

static Err
door_inception(struct ctx *c, const struct mesh *m, const struct log *log UNUSED, const struct payload *p)
{
	Str name = said(p, S("name"));

	ENSURE(c, !mesh_domain_by_name(m, name), CONFLICT, "there is a domain '%.*s' already", STR(name));
	return OK;
}

static Err
door_member(struct ctx *c, const struct mesh *m, const struct log *log, const struct payload *p)
{
	const struct mesh_member *now = mesh_member(m, said(p, S("person")));

	if (!now || !now->active || str_eq(now->domain_id, log->item.id)) return OK;
	const struct mesh_domain *d = mesh_domain(m, now->domain_id);
	return err_set(c, ERR_CONFLICT, "the person belongs to %.*s; a person acts for one domain", STR(d ? d->name : now->domain_id));
}

static Err
door_retire(struct ctx *c, const struct mesh *m, const struct log *log, const struct payload *p)
{
	return own(c, m, log, RECORD_PRODUCT, said(p, S("product")), "retire");
}

/* The request of that id that was addressed to this log, and how it stands. */
static Err
request_here(struct ctx *c, const struct mesh *m, const struct log *log, Str id, Time now, const struct mesh_request **ret)
{
	const struct item *first = state_first(m, RECORD_REQUEST, id), *it = first;
	static const char *const words[] = {"pending", "approved", "denied", "withdrawn", "not submitted", "expired"};
	const struct mesh_grant *grant;
	const struct mesh_domain *owner;
	Str reason;

	ENSURE(c, it, NOT_FOUND, "there is no request '%.*s'", STR(id));
	while (it && !str_eq(((const struct request *)it)->pub.producer_domain_id, log->item.id)) it = it->same;
	const struct mesh_request *r = &((const struct request *)(it ? it : first))->pub;
	owner = mesh_domain(m, r->producer_domain_id);
	ENSURE(c, it, DENIED, "only %.*s can answer request '%.*s'",
	       STR(owner ? owner->name : r->producer_domain_id), STR(id));
	enum request_state state = mesh_request_state(m, r, now, &grant, &reason);
	ENSURE(c, state == REQUEST_PENDING, CONFLICT, "request '%.*s' is %s already", STR(id), words[state]);
	*ret = r;
	return OK;
}

static Err
door_grant(struct ctx *c, const struct mesh *m, const struct log *log, const struct payload *p)
{
	const struct mesh_request *r = NULL;
	Str request = said(p, S("request"));

	TRY(own(c, m, log, RECORD_PRODUCT, said(p, S("product")), "grant on"));
	if (request.n == 0) return OK;
	TRY(request_here(c, m, log, request, p->time, &r));
	ENSURE(c, str_eq(r->product_id, said(p, S("product"))), INVALID, "request '%.*s' is for another product", STR(request));
	return OK;
}

static Err
door_revoke(struct ctx *c, const struct mesh *m, const struct log *log, const struct payload *p)
{
	return own(c, m, log, RECORD_GRANT, said(p, S("grant")), "revoke");
}

static Err
door_request(struct ctx *c, const struct mesh *m, const struct log *log UNUSED, const struct payload *p)
{
	Str id = said(p, S("product")), producer = said(p, S("producer"));
	const struct log *owner = state_log(m, producer);
	const struct product *of = owner ? (const struct product *)state_find(m, RECORD_PRODUCT, owner, id) : NULL;

	ENSURE(c, of && !of->pub.retired, NOT_FOUND, "there is no product '%.*s' to ask for", STR(id));
	return OK;
}

static Err
door_withdraw(struct ctx *c, const struct mesh *m, const struct log *log, const struct payload *p)
{
	return own(c, m, log, RECORD_REQUEST, said(p, S("request")), "withdraw");
}

static Err
door_deny(struct ctx *c, const struct mesh *m, const struct log *log, const struct payload *p)
{
	const struct mesh_request *r;

	return request_here(c, m, log, said(p, S("request")), p->time, &r);
}

static Err
door_center(struct ctx *c, const struct mesh *m, const struct log *log, const struct payload *p)
{
	ENSURE(c, str_eq(log->item.id, m->center), DENIED, "only the center of this node can say %s", event_type_name(p->type));
	return OK;
}

Err
door_check(struct ctx *c, const struct mesh *m, const struct log *log, const struct payload *p)
{
	static door_fn *const doors[EVENT_TYPE_COUNT] = {
	    [EVENT_DOMAIN_INCEPTION] = door_inception, [EVENT_MEMBER_SET] = door_member,       [EVENT_PRODUCT_RETIRE] = door_retire,
	    [EVENT_GRANT_ADD] = door_grant,            [EVENT_GRANT_REVOKE] = door_revoke,     [EVENT_REQUEST_OPEN] = door_request,
	    [EVENT_REQUEST_WITHDRAW] = door_withdraw,  [EVENT_REQUEST_DENY] = door_deny,       [EVENT_RESTRICTION_ADD] = door_center,
	    [EVENT_RESTRICTION_LIFT] = door_center,
	};

	return doors[p->type] ? doors[p->type](c, m, log, p) : OK;
}
