/* The inbox: what waits for this person, and what concerns them and changed lately. Made anew each time; nothing is kept of who read what. */
#include "core/grants.h"

enum { LATELY_DAYS = 14, ENDS_DAYS = 14 };

struct inbox { struct request *rq; struct buf b; size_t shown; Time now; };

static void
item(struct inbox *x, const char *kind, Str id, Time at, Str text, Str next)
{
	bool first = true;

	buf_c(&x->b, x->shown++ ? ",{" : "{");
	member_text(&x->b, "kind", str_c(kind), &first);
	member_text(&x->b, "id", id, &first);
	member_time(&x->b, "at", at, &first);
	member_text(&x->b, "text", text, &first);
	member_text(&x->b, "next", next, &first);
	buf_char(&x->b, '}');
}

static bool
lately(const struct inbox *x, Time t)
{
	return t + LATELY_DAYS * TIME_DAY > x->now;
}

#define say(x, ...) arena_printf(&(x)->rq->arena, __VA_ARGS__)

/* --- requests --- */

static void
comments(struct inbox *x, const struct mesh_request *r)
{
	const struct mesh_comment **said;
	size_t n = mesh_comments(x->rq->core->mesh, &x->rq->arena, r, &said);

	for (size_t i = 0; i < n; i++) {
		if (str_eq(said[i]->by, x->rq->person_id) || !lately(x, said[i]->at)) continue;
		item(x, "comment", r->id, said[i]->at,
		     say(x, "%.*s: %.*s", STR(person_name(x->rq, said[i]->by)), STR(committed_text(x->rq, said[i]->text))),
		     say(x, "heddle requests %.*s", STR(r->id)));
	}
}

static void
own_request(struct inbox *x, const struct mesh_request *r, enum request_state st, const struct mesh_grant *g)
{
	Str product = request_product(x->rq, r);

	if (st == REQUEST_DRAFT) item(x, "draft", r->id, r->opened, product, say(x, "heddle submit %.*s", STR(r->id)));
	if (st == REQUEST_APPROVED && g && lately(x, g->added))
		item(x, "approved", r->id, g->added, product, say(x, "heddle grants %.*s", STR(g->policy.id)));
	if (st == REQUEST_DENIED && lately(x, r->opened)) item(x, "denied", r->id, r->opened, product, say(x, "heddle requests %.*s", STR(r->id)));
	if (st == REQUEST_EXPIRED && lately(x, r->opened + REQUEST_LIFE_DAYS * TIME_DAY))
		item(x, "expired", r->id, r->opened, product, S("ask again, nobody answered"));
}

static void
requests(struct inbox *x)
{
	const struct mesh_request **all;
	size_t n = mesh_requests(x->rq->core->mesh, &x->rq->arena, &all);

	for (size_t i = 0; i < n; i++) {
		const struct mesh_request *r = all[i];
		const struct mesh_grant *g = NULL;
		Str deny;
		bool own = str_eq(r->person_id, x->rq->person_id);
		if (!own && (r->draft || !request_mine_to_decide(x->rq, r))) continue;
		enum request_state st = request_state(x->rq, r, &g, &deny);
		if (own)
			own_request(x, r, st, g);
		else if (st == REQUEST_PENDING && !g)
			item(x, "request", r->id, r->opened,
			     say(x, "%.*s of %.*s asks for %.*s, for %.*s%s%.*s", STR(person_name(x->rq, r->person_id)), STR(domain_name(x->rq, r->consumer_domain_id)),
			         STR(request_product(x->rq, r)), STR(r->purpose), r->renews.n ? ": goes on from " : "", STR(r->renews)),
			     say(x, "heddle approve %.*s", STR(r->id)));
		if (own || st == REQUEST_PENDING) comments(x, r);
	}
}

/* --- grants --- */

static Str
missing(struct inbox *x, struct mesh_approvals a)
{
	return say(x, "%u of %u approvals", a.has, a.needed);
}

static void
approvals(struct inbox *x)
{
	const struct mesh_grant **all;
	size_t n = approvals_demanded(x->rq) ? mesh_grants(x->rq->core->mesh, &x->rq->arena, &all) : 0;

	for (size_t i = 0; i < n; i++) {
		const struct mesh_grant *g = all[i];
		if (g->policy.revoked || x->now >= g->policy.until) continue;
		if (mesh_may_approve(x->rq->core->mesh, &x->rq->arena, g, x->rq->person_id))
			item(x, "approval", g->policy.id, g->added,
			     say(x, "%.*s to %.*s, %.*s", STR(grant_object(x->rq, g)), STR(principal_text(x->rq, g->policy.to_kind, g->policy.to_id)),
			         STR(missing(x, mesh_grant_approvals(x->rq->core->mesh, &x->rq->arena, g, NULL)))),
			     say(x, "heddle approve %.*s", STR(g->policy.id)));
	}
}

static void
endings(struct inbox *x)
{
	const struct mesh_grant **mine;
	size_t n = mesh_grants_to(x->rq->core->mesh, &x->rq->arena, x->rq->person_id, &mine);

	for (size_t i = 0; i < n; i++) {
		const struct mesh_grant *g = mine[i];
		if (g->policy.revoked || x->now >= g->policy.until) continue;
		if (g->policy.until - x->now < ENDS_DAYS * TIME_DAY)
			item(x, "ends", g->policy.id, g->policy.until, grant_object(x->rq, g), say(x, "heddle renew %.*s --until T", STR(g->policy.id)));
	}
}

static void
tag_changes(struct inbox *x)
{
	const struct mesh_product **products;
	size_t n = approvals_demanded(x->rq) ? mesh_products(x->rq->core->mesh, &x->rq->arena, &products) : 0;

	for (size_t i = 0; i < n; i++) {
		const struct mesh_tag **tags;
		size_t k = products[i]->retired ? 0 : mesh_tag_changes(x->rq->core->mesh, &x->rq->arena, products[i]->id, &tags);
		for (size_t t = 0; t < k; t++) {
			const struct mesh_tag *g = tags[t];
			if (!mesh_may_approve_tag(x->rq->core->mesh, &x->rq->arena, g, x->rq->person_id)) continue;
			item(x, "tag", g->id, g->at,
			     say(x, "%.*s%s%.*s%s%.*s: %.*s from '%.*s' to '%.*s', %.*s", STR(product_name(x->rq, products[i])), g->table.n ? "." : "", STR(g->table),
			         g->column.n ? "." : "", STR(g->column), STR(g->tag), STR(g->before), STR(g->value),
			         STR(missing(x, mesh_tag_approvals(x->rq->core->mesh, &x->rq->arena, g)))),
			     say(x, "heddle approve %.*s", STR(g->id)));
		}
	}
}

static void
handed_on(struct inbox *x)
{
	const struct mesh_delegation **all;
	size_t n = mesh_delegations(x->rq->core->mesh, &x->rq->arena, x->rq->domain_id, &all);

	for (size_t i = 0; i < n; i++) {
		const struct policy_delegation *p = &all[i]->policy;
		bool me = p->to_kind == PRINCIPAL_GROUP ? group_has(x->rq, p->domain_id, p->to_id, x->rq->person_id) : str_eq(p->to_id, x->rq->person_id);
		const struct mesh_grant *g = mesh_grant_in(x->rq->core->mesh, p->issuer_domain_id, p->grant_id);
		if (!me || !g || p->ended || x->now >= p->until || g->policy.revoked || !lately(x, all[i]->added)) continue;
		item(x, "handed on", p->id, all[i]->added, say(x, "%.*s, by %.*s", STR(grant_object(x->rq, g)), STR(person_name(x->rq, all[i]->by))), S(""));
	}
}

Err
handle_inbox(struct request *rq)
{
	struct inbox x = {.rq = rq, .now = core_now()};

	buf_c(&x.b, "{\"items\":[");
	requests(&x);
	approvals(&x);
	endings(&x);
	tag_changes(&x);
	handed_on(&x);
	buf_c(&x.b, "]}");
	reply_json(rq, 200, &x.b);
	buf_fini(&x.b);
	return OK;
}
