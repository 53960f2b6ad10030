/* Requests for access are decided on in the producer's log: granted, with the terms that the approver gives, or denied. */
#include "core/access/grants.h"

bool
request_mine_to_decide(struct request *rq, const struct mesh_request *r)
{
	Str human = human_of(rq, rq->person_id);

	return rq->role == ROLE_OWNER && str_eq(r->producer_domain_id, rq->domain_id) && human.n && !str_eq(human, human_of(rq, r->person_id));
}

/* The request, if it is this person's to decide and still open. Nobody decides on what they asked for themselves. */
static Err
request_to_decide(struct request *rq, const char *what, const struct mesh_request **ret)
{
	const struct mesh_request *r;
	const struct mesh_grant *g;
	Str deny;

	TRY(request_find(rq, &r));
	ENSURE(&rq->c, !str_eq(r->person_id, rq->person_id), DENIED, "nobody decides on their own request");
	TRY(need_role(rq, r->producer_domain_id, what, ROLE_BIT(OWNER)));
	ENSURE(&rq->c, request_mine_to_decide(rq, r), DENIED, "nobody decides on their own request, also not with another account; services never do");
	enum request_state st = request_state(rq, r, &g, &deny);
	ENSURE(&rq->c, st == REQUEST_PENDING, CONFLICT, "request %.*s is %s%s", STR(r->id), request_state_name(st), st == REQUEST_EXPIRED ? "" : " already");
	*ret = r;
	return OK;
}

/* What the grant is before the approver says otherwise: what was asked for, or what the renewed grant was. */
static void
asked_terms(struct request *rq, const struct mesh_request *r, struct terms *t, struct mesh_grant *g)
{
	const struct mesh_grant *old = r->renews.n ? mesh_grant_in(rq->core->mesh, r->producer_domain_id, r->renews) : NULL;
	Str *purpose = NEW_N(&rq->arena, 1, Str);

	*t = (struct terms){.until = r->until, .interactions = INTERACT_SQL | INTERACT_API, .rows_text = S("")};
	purpose[0] = arena_str(&rq->arena, r->purpose);
	*g = (struct mesh_grant){.policy = {.product_id = arena_str(&rq->arena, r->product_id), .table = S(""), .to_kind = PRINCIPAL_DOMAIN,
	                                    .to_id = arena_str(&rq->arena, r->consumer_domain_id), .purposes = purpose, .purpose_count = 1},
	                         .request_id = arena_str(&rq->arena, r->id)};
	if (!old || !str_eq(old->policy.product_id, r->product_id)) return;
	const struct policy_grant *p = &old->policy;
	g->policy.table = p->table;
	g->policy.to_kind = p->to_kind;
	g->policy.to_id = p->to_id;
	g->policy.to_domain_id = p->to_domain_id;
	g->policy.purposes = p->purposes;
	g->policy.purpose_count = p->purpose_count;
	g->policy.terms = p->terms;
	*t = (struct terms){.until = r->until, .interactions = p->interactions, .rows = p->rows, .rows_text = old->rows_text, .masks = p->masks,
	                    .mask_count = p->mask_count, .hidden = p->hidden, .hidden_count = p->hidden_count};
}

Err
handle_request_approve(struct request *rq)
{
	const struct mesh_request *r;
	const struct mesh_grant *given = NULL;
	const struct mesh_product *p;
	struct mesh_grant g;
	struct terms t;
	Str id, deny;

	TRY(request_to_decide(rq, "approve this request", &r));
	(void)request_state(rq, r, &given, &deny);
	ENSURE(&rq->c, !given, CONFLICT, "%.*s granted this already, and it waits for approvals; see its terms and approve grant %.*s",
	       STR(person_name(rq, given->by)), STR(given->policy.id));
	p = mesh_product(rq->core->mesh, r->product_id);
	ENSURE(&rq->c, p && !p->retired, NOT_FOUND, "the product of this request is gone");
	asked_terms(rq, r, &t, &g);
	ENSURE(&rq->c, arg(rq, "until").n || core_now() < t.until, INVALID, "the time it was asked for is over; name another end with --until, or deny it");
	struct scope s = {.product = p, .domain_id = p->domain_id, .table = g.policy.table};
	TRY(terms_parse(rq, &s, &t));
	TRY(demands_parse(rq, &s, &g.policy.terms));
	terms_into_grant(&t, &g);
	TRY(grant_say(rq, &g, &id));
	return grant_reply(rq, rq->domain_id, id, 201);
}

Err
handle_request_deny(struct request *rq)
{
	const struct mesh_request *r;
	const struct mesh_grant *given = NULL;
	BUF_AUTO body = BUF_INIT;
	Str reason, id, deny;

	TRY(request_to_decide(rq, "deny this request", &r));
	(void)request_state(rq, r, &given, &deny);
	ENSURE(&rq->c, !given, CONFLICT, "it was granted and waits for approvals; take that back with: heddle revoke %.*s", STR(given->policy.id));
	id = arena_str(&rq->arena, r->id);
	TRY(commit_text(rq, arg(rq, "reason"), &reason));
	body_deny(&body, id, reason);
	TRY(core_say(rq->core, &rq->c, rq->domain_id, EVENT_REQUEST_DENY, rq->person_id, buf_view(&body)));
	request_reply(rq, id, 200);
	return OK;
}
