/* The inbox: what waits for this person, and what concerns them and changed lately. Made anew each time; nothing is kept of who read what. */
#include "base/first.h"
#include "core/access/grants.h"

enum { LATELY_DAYS = 14, ENDS_DAYS = 14, OF_A_KIND_MAX = 200 };

struct item { const char *kind; Str id, text, next; Time at; };

struct inbox {
	struct request *rq;
	struct buf b;
	size_t shown;
	Time now;
	struct first found; /* struct item: the oldest of the part that is being gathered */
	bool more;
};

static int
by_time(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	if (x->at != y->at) return x->at < y->at ? -1 : 1;
	return str_cmp(x->id, y->id);
}

/* Would one of that time be told still? */
static bool
has_room(struct inbox *x, Time at)
{
	bool room = x->found.n < x->found.most || at < ((const struct item *)x->found.list[0])->at;

	x->more |= !room;
	return room;
}

static void
item(struct inbox *x, const char *kind, Str id, Time at, Str text, Str next)
{
	struct item *one = NEW(&x->rq->arena, struct item);

	*one = (struct item){kind, id, text, next, at};
	x->more |= first_add(&x->found, one) != NULL;
}

static void
item_json(struct inbox *x, const struct item *one)
{
	bool first = true;

	buf_c(&x->b, x->shown++ ? ",{" : "{");
	member_text(&x->b, "kind", str_c(one->kind), &first);
	member_text(&x->b, "id", one->id, &first);
	member_time(&x->b, "at", one->at, &first);
	member_text(&x->b, "text", one->text, &first);
	member_text(&x->b, "next", one->next, &first);
	buf_char(&x->b, '}');
}

/* One part after the other, each by time. */
static void
part_begin(struct inbox *x)
{
	x->found = (struct first){.most = OF_A_KIND_MAX, .by = by_time, .a = &x->rq->arena};
}

static void
part_end(struct inbox *x)
{
	first_sort(&x->found);
	for (size_t i = 0; i < x->found.n; i++) item_json(x, x->found.list[i]);
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

static Err
request(void *arg, const struct mesh_request *r)
{
	struct inbox *x = arg;
	const struct mesh_grant *g = NULL;
	Str deny;
	bool own = str_eq(r->person_id, x->rq->person_id);

	if (!own && (r->draft || !request_mine_to_decide(x->rq, r))) return OK;
	enum request_state st = request_state(x->rq, r, &g, &deny);
	if (own)
		own_request(x, r, st, g);
	else if (st == REQUEST_PENDING && !g)
		item(x, "request", r->id, r->opened,
		     say(x, "%.*s of %.*s asks for %.*s, for %.*s%s%.*s", STR(person_name(x->rq, r->person_id)), STR(domain_name(x->rq, r->consumer_domain_id)),
		         STR(request_product(x->rq, r)), STR(r->purpose), r->renews.n ? ": goes on from " : "", STR(r->renews)),
		     say(x, "heddle approve %.*s", STR(r->id)));
	if (own || st == REQUEST_PENDING) comments(x, r);
	return OK;
}

/* --- grants --- */

static Str
missing(struct inbox *x, struct mesh_approvals a)
{
	return say(x, "%u of %u approvals", a.has, a.needed);
}

static Err
approval(void *arg, const struct mesh_grant *g)
{
	struct inbox *x = arg;
	ARENA_AUTO scratch = ARENA_INIT;

	if (g->policy.revoked || x->now >= g->policy.until || !mesh_may_approve(x->rq->core->mesh, &scratch, g, x->rq->person_id)) return OK;
	if (!has_room(x, g->added)) return OK;
	item(x, "approval", g->policy.id, g->added,
	     say(x, "%.*s to %.*s, %.*s", STR(grant_object(x->rq, g)), STR(principal_text(x->rq, g->policy.to_kind, g->policy.to_id)),
	         STR(missing(x, mesh_grant_approvals(x->rq->core->mesh, &scratch, g, NULL)))),
	     say(x, "heddle approve %.*s", STR(g->policy.id)));
	return OK;
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
	const struct mesh *m = x->rq->core->mesh;
	const struct mesh_tag **tags;
	size_t n = approvals_demanded(x->rq) ? mesh_tag_changes(m, &x->rq->arena, S(""), &tags) : 0;

	for (size_t i = 0; i < n; i++) {
		const struct mesh_tag *g = tags[i];
		const struct mesh_product *p = mesh_product(m, g->product_id);
		struct mesh_approvals waits = p && !p->retired ? tag_waits(x->rq, g) : (struct mesh_approvals){0};
		if (waits.has >= waits.needed || !mesh_may_approve_tag(m, &x->rq->arena, g, x->rq->person_id)) continue;
		item(x, "tag", g->id, g->at,
		     say(x, "%.*s%s%.*s%s%.*s: %.*s from '%.*s' to '%.*s', %.*s", STR(product_name(x->rq, p)), g->table.n ? "." : "", STR(g->table),
		         g->column.n ? "." : "", STR(g->column), STR(g->tag), STR(g->before), STR(g->value), STR(missing(x, waits))),
		     say(x, "heddle approve %.*s", STR(g->id)));
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

typedef void part_fn(struct inbox *x);

static Err
gather(struct inbox *x)
{
	static part_fn *const rest[] = {endings, tag_changes, handed_on};

	part_begin(x);
	TRY(requests_known(x->rq, request, x));
	part_end(x);
	part_begin(x);
	TRY(grants_to_approve(x->rq, approval, x));
	part_end(x);
	for (size_t i = 0; i < ARRAY_LEN(rest); i++) {
		part_begin(x);
		rest[i](x);
		part_end(x);
	}
	return OK;
}

Err
handle_inbox(struct request *rq)
{
	struct inbox x = {.rq = rq, .now = core_now()};

	buf_c(&x.b, "{\"items\":[");
	Err e = gather(&x);
	buf_printf(&x.b, "],\"more\":%s}", x.more ? "true" : "false");
	if (err_ok(e)) reply_json(rq, 200, &x.b);
	buf_fini(&x.b);
	return e;
}
