#include "mesh/door.h"

#include "mesh/fork.h"

/* --- what doors share --- */

/* A text of the body; "" when it is not there, which the fold's own check will say better. */
Str
door_said(const struct payload *p, Str key)
{
	for (const struct doc_node *n = doc_first(p->body); n; n = doc_next(p->body, n))
		if (str_eq(n->key, key) && n->kind == DOC_TEXT) return n->text;
	return (Str){"", 0};
}

/* `what` of that id must stand in this log; else tell whose it is. `verb`: "grant on". */
Err
door_own(struct ctx *c, const struct mesh *m, const struct log *log, enum record_kind kind, Str id, const char *verb)
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
	Str name = door_said(p, S("name"));

	ENSURE(c, !mesh_domain_by_name(m, name), CONFLICT, "there is a domain '%.*s' already", STR(name));
	return OK;
}

static Err
door_member(struct ctx *c, const struct mesh *m, const struct log *log, const struct payload *p)
{
	const struct mesh_member *now = mesh_member(m, door_said(p, S("person")));

	if (!now || !now->active || str_eq(now->domain_id, log->item.id)) return OK;
	const struct mesh_domain *d = mesh_domain(m, now->domain_id);
	return err_set(c, ERR_CONFLICT, "the person belongs to %.*s; a person acts for one domain", STR(d ? d->name : now->domain_id));
}

static Err
door_retire(struct ctx *c, const struct mesh *m, const struct log *log, const struct payload *p)
{
	return door_own(c, m, log, RECORD_PRODUCT, door_said(p, S("product")), "retire");
}

/* The request of that id that was addressed to this log, and how it stands. */
Err
door_request_here(struct ctx *c, const struct mesh *m, const struct log *log, Str id, Time now, const struct mesh_request **ret)
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
	ENSURE(c, state == REQUEST_PENDING, CONFLICT, "request '%.*s' is %s%s", STR(id), words[state], state < REQUEST_DRAFT ? " already" : "");
	ENSURE(c, !keys_voids(it->log, r->seq), CONFLICT,
	       "request '%.*s' was said with a key that was stolen by then, or behind a fork: its domain confirms it first, or asks again", STR(id));
	*ret = r;
	return OK;
}

static Err
door_revoke(struct ctx *c, const struct mesh *m, const struct log *log, const struct payload *p)
{
	return door_own(c, m, log, RECORD_GRANT, door_said(p, S("grant")), "revoke");
}

static Err
product_there(struct ctx *c, const struct mesh *m, Str producer, Str id)
{
	const struct log *owner = state_log(m, producer);
	const struct product *of = owner ? (const struct product *)state_find(m, RECORD_PRODUCT, owner, id) : NULL;

	ENSURE(c, of && !of->pub.retired, NOT_FOUND, "there is no product '%.*s' to ask for", STR(id));
	return OK;
}

static Err
door_request(struct ctx *c, const struct mesh *m, const struct log *log UNUSED, const struct payload *p)
{
	Str producer = door_said(p, S("producer")), purpose = door_said(p, S("purpose")), renews = door_said(p, S("renews"));
	const struct mesh_grant *g = mesh_grant_in(m, producer, renews);

	TRY(product_there(c, m, producer, door_said(p, S("product"))));
	if (mesh_purpose_path(purpose)) TRY(door_purposes(c, m, &purpose, 1));
	ENSURE(c, renews.n == 0 || (g && str_eq(g->policy.product_id, door_said(p, S("product")))), NOT_FOUND,
	       "there is no grant '%.*s' on that product to renew", STR(renews));
	return OK;
}

static Err
door_submit(struct ctx *c, const struct mesh *m, const struct log *log, const struct payload *p)
{
	const struct request *r = (const struct request *)state_find(m, RECORD_REQUEST, log, door_said(p, S("request")));

	TRY(door_own(c, m, log, RECORD_REQUEST, door_said(p, S("request")), "submit"));
	return r ? product_there(c, m, r->pub.producer_domain_id, r->pub.product_id) : OK;
}

static Err
door_comment(struct ctx *c, const struct mesh *m, const struct log *log UNUSED, const struct payload *p)
{
	const struct log *asked = state_log(m, door_said(p, S("log")));
	Str id = door_said(p, S("request"));

	ENSURE(c, asked && state_find(m, RECORD_REQUEST, asked, id), NOT_FOUND, "there is no request '%.*s'", STR(id));
	return OK;
}

static Err
door_withdraw(struct ctx *c, const struct mesh *m, const struct log *log, const struct payload *p)
{
	return door_own(c, m, log, RECORD_REQUEST, door_said(p, S("request")), "withdraw");
}

static Err
door_deny(struct ctx *c, const struct mesh *m, const struct log *log, const struct payload *p)
{
	const struct mesh_request *r;

	return door_request_here(c, m, log, door_said(p, S("request")), p->time, &r);
}

/* --- tags --- */

static Err
check_value(struct ctx *c, const struct mesh_tag_def *d, Str value)
{
	bool known = d->kind == TAG_FREE;

	for (size_t i = 0; i < d->value_count && !known; i++) known = str_eq(d->values[i], value);
	ENSURE(c, known, INVALID, "tag '%.*s' has no value '%.*s'; the center defines them", STR(d->tag), STR(value));
	return OK;
}

Err
door_words(struct ctx *c, const struct mesh *m, const struct tag_expr *e)
{
	if (!e) return OK;
	if (e->op != TAG_IN) {
		TRY(door_words(c, m, e->left));
		return door_words(c, m, e->right);
	}
	const struct mesh_tag_def *d = mesh_tag_def(m, e->tag);
	ENSURE(c, d, NOT_FOUND, "there is no tag '%.*s'; the center defines them", STR(e->tag));
	for (size_t i = 0; i < e->value_count; i++) TRY(check_value(c, d, e->values[i]));
	return OK;
}

/* A value that the vocabulary lost can still be removed. */
static Err
door_tag(struct ctx *c, const struct mesh *m, const struct log *log, const struct payload *p)
{
	Str tag = door_said(p, S("tag")), value = door_said(p, S("value"));
	const struct mesh_tag_def *d = mesh_tag_def(m, tag);

	TRY(door_own(c, m, log, RECORD_PRODUCT, door_said(p, S("product")), "tag"));
	if (value.n == 0) return OK;
	ENSURE(c, d, NOT_FOUND, "there is no tag '%.*s'; the center defines them", STR(tag));
	return check_value(c, d, value);
}

static Err
door_review(struct ctx *c, const struct mesh *m, const struct log *log, const struct payload *p)
{
	return door_own(c, m, log, RECORD_PRODUCT, door_said(p, S("product")), "review");
}

static Err
door_delegation_end(struct ctx *c, const struct mesh *m, const struct log *log, const struct payload *p)
{
	return door_own(c, m, log, RECORD_DELEGATION, door_said(p, S("delegation")), "end");
}

/* --- the center --- */

static Err
door_center(struct ctx *c, const struct mesh *m, const struct log *log, const struct payload *p)
{
	ENSURE(c, str_eq(log->item.id, m->center), DENIED, "only the center of this node can say %s", event_type_name(p->type));
	return OK;
}

static Err
door_restriction(struct ctx *c, const struct mesh *m, const struct log *log, const struct payload *p)
{
	struct fields f = fields_of(c, event_type_name(p->type), p->body);
	struct mesh_restriction r = {.by = {"", 0}};

	TRY(door_center(c, m, log, p));
	read_restriction(&f, &r);
	if (!err_ok(fields_end(&f))) return OK; /* the fold says it better */
	ENSURE(c, r.policy.domain_id.n == 0 || mesh_domain(m, r.policy.domain_id), NOT_FOUND, "there is no domain '%.*s'", STR(r.policy.domain_id));
	for (size_t i = 0; i < r.policy.approver_count; i++)
		ENSURE(c, mesh_member(m, r.policy.approvers[i]), NOT_FOUND, "there is no person '%.*s' to approve", STR(r.policy.approvers[i]));
	return door_words(c, m, r.policy.tags);
}

static Err
door_fork(struct ctx *c, const struct mesh *m, const struct log *log UNUSED, const struct payload *p)
{
	return fork_door(c, m, p);
}

Err
door_check(struct ctx *c, const struct mesh *m, const struct log *log, const struct payload *p)
{
	static door_fn *const doors[EVENT_TYPE_COUNT] = {
	    [EVENT_DOMAIN_INCEPTION] = door_inception, [EVENT_MEMBER_SET] = door_member,          [EVENT_PRODUCT_RETIRE] = door_retire,
	    [EVENT_TAG_SET] = door_tag,                [EVENT_REVIEW_ADD] = door_review,          [EVENT_GRANT_ADD] = door_grant,
	    [EVENT_GRANT_REVOKE] = door_revoke,        [EVENT_APPROVAL_ADD] = door_approval,      [EVENT_DELEGATION_ADD] = door_delegation,
	    [EVENT_DELEGATION_END] = door_delegation_end, [EVENT_REQUEST_OPEN] = door_request,    [EVENT_REQUEST_SUBMIT] = door_submit,
	    [EVENT_REQUEST_COMMENT] = door_comment,    [EVENT_REQUEST_WITHDRAW] = door_withdraw,  [EVENT_REQUEST_DENY] = door_deny,
	    [EVENT_RESTRICTION_ADD] = door_restriction, [EVENT_RESTRICTION_LIFT] = door_center,   [EVENT_TAG_DEFINE] = door_center,
	    [EVENT_TAG_RETIRE] = door_center,          [EVENT_PURPOSE_DEFINE] = door_center,      [EVENT_PURPOSE_RETIRE] = door_center,
	    [EVENT_EXCEPTION_ADD] = door_center,       [EVENT_EXCEPTION_END] = door_center,       [EVENT_EVIDENCE_ADD] = door_center,
	    [EVENT_FORK_REPORT] = door_fork,
	};

	return doors[p->type] ? doors[p->type](c, m, log, p) : OK;
}
