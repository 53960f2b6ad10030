/* Grants, approvals, and delegations. */
#include "mesh/fold/fold.h"
#include "mesh/handlers.h"

static bool
has_table(const struct mesh_product *p, Str name)
{
	for (size_t i = 0; i < p->table_count; i++)
		if (str_eq(p->tables[i].policy.name, name)) return true;
	return name.n == 0;
}

/* By tags a grant is about this log's products by its very meaning; otherwise it names one. */
static Err
check_product(struct ctx *c, const struct mesh *m, const struct log *log, const struct policy_grant *g)
{
	const struct product *of = (const struct product *)state_find(m, RECORD_PRODUCT, log, g->product_id);
	ENSURE(c, of || FAULT(NO_AUTHORITY), DENIED, "product %.*s is not in this log: only the domain that publishes it can grant on it",
	       STR(g->product_id));
	ENSURE(c, !of || !of->pub.retired, CONFLICT, "product %.*s is retired", STR(g->product_id));
	ENSURE(c, !of || has_table(&of->pub, g->table), NOT_FOUND, "product %.*s has no table %.*s", STR(of->pub.name), STR(g->table));
	return OK;
}

Err
handle_GRANT_ADD(struct ctx *c, const struct mesh *m, const struct log *log, const struct payload *p, struct change *ret)
{
	struct fields f = fields_of(c, event_type_name(p->type), p->body);
	struct mesh_grant *g = &ret->grant;
	const struct mesh_member *by = member_now(m, log, p->actor);

	TRY(not_center(c, log));
	*g = (struct mesh_grant){.added = p->time, .policy.seq = p->seq};
	read_grant(&f, m, g);
	TRY(fields_end(&f));
	g->by = p->actor;
	g->by_role = by ? 1U << by->role : 0;
	g->policy.issuer_domain_id = log->item.id;
	change_new(RECORD_GRANT, g->policy.id, ret);
	if (!g->policy.tags) TRY(check_product(c, m, log, &g->policy));
	ENSURE(c, !state_find(m, RECORD_GRANT, log, g->policy.id), CONFLICT, "there is a grant %.*s already", STR(g->policy.id));
	return OK;
}

Err
handle_GRANT_REVOKE(struct ctx *c, const struct mesh *m, const struct log *log, const struct payload *p, struct change *ret)
{
	Str id;

	TRY(read_one(c, p, S("grant"), &id));
	const struct item *it = state_find(m, RECORD_GRANT, log, id);
	ENSURE(c, it, DENIED, "grant %.*s is not in this log: only the domain that granted can revoke", STR(id));
	record_of(RECORD_GRANT, it, ret);
	ret->any = !ret->grant.policy.revoked && !FAULT(NO_REVOKE); /* who said it first stays */
	ret->grant.policy.revoked = true;
	ret->grant.revoked_at = p->time;
	ret->grant.revoked_by = p->actor;
	return OK;
}

/* --- approvals --- */

static Err
check_subject(struct ctx *c, const struct mesh *m, const struct log *log, Str subject_log, Str id)
{
	bool own = str_eq(subject_log, log->item.id);

	ENSURE(c, !own || state_find(m, RECORD_GRANT, log, id) || state_find(m, RECORD_TAG, log, id), NOT_FOUND, "there is no grant or tag.set %.*s in this log",
	       STR(id));
	return OK;
}

/* What the approver is now is written down, because it may be over when it is asked for. Said again it counts from then. */
Err
handle_APPROVAL_ADD(struct ctx *c, const struct mesh *m, const struct log *log, const struct payload *p, struct change *ret)
{
	struct fields f = fields_of(c, event_type_name(p->type), p->body);
	const struct mesh_member *who = member_now(m, log, p->actor);

	ret->approval.subject_log = field_hex(&f, S("log"), 64);
	ret->approval.subject_id = field_id(&f, S("subject"));
	TRY(fields_end(&f));
	ENSURE(c, who, DENIED, "person %.*s is no member of this domain", STR(p->actor));
	TRY(check_subject(c, m, log, ret->approval.subject_log, ret->approval.subject_id));
	ret->approval.pub = (struct policy_approval){.log_id = log->item.id, .person_id = who->person_id, .human_id = who->human_id,
	                                             .role = 1U << who->role, .service = who->service};
	ret->approval.seq = p->seq;
	ret->approval.at = p->time;
	change_new(RECORD_APPROVAL, arena_printf(c->arena, "%.*s/%.*s/%.*s", STR(ret->approval.subject_log), STR(ret->approval.subject_id), STR(who->person_id)),
	           ret);
	return OK;
}

/* --- delegations --- */

static Err
check_delegate(struct ctx *c, const struct mesh *m, const struct log *log, const struct policy_delegation *d)
{
	const struct group *g = (const struct group *)state_find(m, RECORD_GROUP, log, d->to_id);

	if (d->to_kind == PRINCIPAL_GROUP) {
		ENSURE(c, g && !g->pub.ended, NOT_FOUND, "this domain has no group %.*s", STR(d->to_id));
		return OK;
	}
	ENSURE(c, member_now(m, log, d->to_id) || FAULT(ANY_MEMBER), DENIED, "person %.*s is no member of this domain", STR(d->to_id));
	return OK;
}

/* The grant stands in another log: whether this is within it is asked when they are joined, and at the door. */
Err
handle_DELEGATION_ADD(struct ctx *c, const struct mesh *m, const struct log *log, const struct payload *p, struct change *ret)
{
	struct fields f = fields_of(c, event_type_name(p->type), p->body);
	struct mesh_delegation *d = &ret->delegation;

	*d = (struct mesh_delegation){.by = p->actor, .added = p->time, .seq = p->seq};
	read_delegation(&f, m, d);
	TRY(fields_end(&f));
	d->policy.domain_id = log->item.id;
	change_new(RECORD_DELEGATION, d->policy.id, ret);
	TRY(check_delegate(c, m, log, &d->policy));
	ENSURE(c, !state_find(m, RECORD_DELEGATION, log, d->policy.id), CONFLICT, "there is a delegation %.*s already", STR(d->policy.id));
	return OK;
}

Err
handle_DELEGATION_END(struct ctx *c, const struct mesh *m, const struct log *log, const struct payload *p, struct change *ret)
{
	Str id;

	TRY(read_one(c, p, S("delegation"), &id));
	const struct item *it = state_find(m, RECORD_DELEGATION, log, id);
	ENSURE(c, it, DENIED, "delegation %.*s is not in this log: only the domain that handed on can end it", STR(id));
	record_of(RECORD_DELEGATION, it, ret);
	ret->any = !ret->delegation.policy.ended && !FAULT(NO_END);
	ret->delegation.policy.ended = true;
	ret->delegation.ended_at = p->time;
	ret->delegation.ended_by = p->actor;
	return OK;
}
