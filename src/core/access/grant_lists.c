/* Lists of grants: which concern somebody, found without looking at the others, and told page by page. */
#include "base/first.h"
#include "core/access/grants.h"
#include "core/walk.h"

enum { PAGE = 200, PAGE_MOST = 1000 };

/* --- which concern somebody --- */

struct known { struct request *rq; struct pace pace; grant_fn *fn; void *arg; };

static Err
given_by(struct known *k, Str domain_id)
{
	const struct mesh *m = k->rq->core->mesh;

	for (const struct mesh_grant *g = mesh_grant_of(m, domain_id, NULL); g; g = mesh_grant_of(m, domain_id, g)) {
		TRY(pace_step(&k->pace, &k->rq->c));
		TRY(k->fn(k->arg, g));
	}
	return OK;
}

/* Their own domain's are told already. */
static Err
given_to(struct known *k, Str id)
{
	const struct mesh *m = k->rq->core->mesh;

	for (const struct mesh_grant *g = mesh_grant_to(m, id, NULL); g; g = mesh_grant_to(m, id, g)) {
		TRY(pace_step(&k->pace, &k->rq->c));
		if (!str_eq(g->policy.issuer_domain_id, k->rq->domain_id)) TRY(k->fn(k->arg, g));
	}
	return OK;
}

static Err
given_by_all(struct known *k)
{
	const struct mesh_domain **domains;
	size_t n = mesh_domains(k->rq->core->mesh, &k->rq->arena, &domains);

	for (size_t i = 0; i < n; i++) TRY(given_by(k, domains[i]->id));
	return OK;
}

bool
approves_elsewhere(struct request *rq)
{
	const struct mesh_restriction **rs;
	size_t n = approvals_demanded(rq) ? mesh_restrictions(rq->core->mesh, &rq->arena, &rs) : 0;

	for (size_t i = 0; i < n; i++) {
		const struct policy_restriction *p = &rs[i]->policy;
		for (size_t k = 0; !p->lifted && p->approvals > 0 && k < p->approver_count; k++)
			if (str_eq(p->approvers[k], rq->person_id)) return true;
	}
	return false;
}

Err
grants_to_approve(struct request *rq, grant_fn *fn, void *arg)
{
	struct known k = {rq, {rq->core, rq, 0, 0}, fn, arg};

	if (!approvals_demanded(rq)) return OK;
	return approves_elsewhere(rq) ? given_by_all(&k) : given_by(&k, rq->domain_id);
}

Err
grants_known(struct request *rq, grant_fn *fn, void *arg)
{
	struct known k = {rq, {rq->core, rq, 0, 0}, fn, arg};
	const struct mesh_group **groups;

	if (sees_all(rq) || approves_elsewhere(rq)) return given_by_all(&k);
	size_t n = mesh_groups(rq->core->mesh, &rq->arena, rq->domain_id, &groups);
	TRY(given_by(&k, rq->domain_id));
	TRY(given_to(&k, rq->person_id));
	TRY(given_to(&k, rq->domain_id));
	for (size_t i = 0; i < n; i++) TRY(given_to(&k, groups[i]->id));
	return OK;
}

/* --- a page --- */

size_t
list_limit(const struct request *rq)
{
	uint64_t limit = api_arg_u64(&rq->args, "limit", PAGE);

	return limit == 0 || limit > PAGE_MOST ? PAGE_MOST : (size_t)limit;
}

/* "time.domain.id" */
Err
list_after(struct request *rq, struct list_place *ret)
{
	Str text = arg(rq, "after"), time, domain_id, id;
	uint64_t at = 0;

	*ret = (struct list_place){INT64_MIN, S(""), S("")};
	if (text.n == 0) return OK;
	id = str_cut(str_cut(text, '.', &time), '.', &domain_id);
	ENSURE(&rq->c, str_u64(time, &at) && at <= INT64_MAX && domain_id.n && id.n, INVALID, "after '%.*s': give what next of the page before said", STR(text));
	*ret = (struct list_place){(Time)at, domain_id, id};
	return OK;
}

void
list_next(const struct list_place *last, struct buf *b)
{
	buf_c(b, ",\"next\":");
	if (last)
		buf_printf(b, "\"%lld.%.*s.%.*s\"", (long long)last->time, STR(last->domain_id), STR(last->id));
	else
		buf_c(b, "null");
}

struct page {
	struct request *rq;
	struct mesh_grant after; /* added, id and issuer of the last one of the page before */
	bool all;
	Time now;
	struct first found;
};

static int
by_added(const void *a, const void *b)
{
	return mesh_grant_order(a, b);
}

/* Over, for good. */
static bool
is_over(struct page *p, const struct mesh_grant *g)
{
	const struct policy_grant *as = g->policy.revoked || p->now >= g->policy.until ? NULL : mesh_grant_effective(p->rq->core->mesh, &p->rq->arena, g, false);

	return !as || as->voided || as->revoked;
}

static Err
consider(void *arg, const struct mesh_grant *g)
{
	struct page *p = arg;

	if (mesh_grant_order(g, &p->after) <= 0 || (p->found.n == p->found.most && by_added(g, p->found.list[0]) >= 0)) return OK;
	if ((p->all || !is_over(p, g)) && grant_visible(p->rq, g)) (void)first_add(&p->found, g);
	return OK;
}

static void
tightened_json(struct request *rq, const struct mesh_grant *g, const struct mesh_restriction *const *rs, size_t n, struct buf *b)
{
	const struct mesh_product *p = mesh_product(rq->core->mesh, g->policy.product_id);
	bool any = false;

	buf_char(b, '[');
	for (size_t i = 0; p && i < n; i++) {
		const struct policy_restriction *r = &rs[i]->policy;
		if (r->lifted || r->suspend || r->mask == MASK_NONE || (r->product_id.n && !str_eq(r->product_id, p->id))) continue;
		for (size_t t = 0; t < p->table_count; t++)
			for (size_t k = 0; k < p->tables[t].policy.column_count; k++) {
				const struct policy_column *col = &p->tables[t].policy.columns[k];
				if (!str_eq(col->classification, r->classification)) continue;
				if (g->policy.table.n && !str_eq(g->policy.table, p->tables[t].policy.name)) continue;
				buf_c(b, any ? ",{\"column\":" : "{\"column\":");
				any = true;
				buf_json(b, col->name);
				buf_printf(b, ",\"mask\":\"%s\",\"restriction\":", mask_name(r->mask));
				buf_json(b, r->id);
				buf_char(b, '}');
			}
	}
	buf_char(b, ']');
}

static void
page_json(struct page *p, size_t limit, struct buf *b)
{
	struct request *rq = p->rq;
	const struct mesh_restriction **rs;
	size_t rules = mesh_restrictions(rq->core->mesh, &rq->arena, &rs), shown = p->found.n < limit ? p->found.n : limit;
	const struct mesh_grant *last = p->found.n > shown ? p->found.list[shown - 1] : NULL;

	buf_c(b, "{\"grants\":[");
	for (size_t i = 0; i < shown; i++) {
		bool first = true;
		buf_c(b, i ? ",{" : "{");
		grant_fields(rq, p->found.list[i], false, b, &first);
		member_key(b, "tightened", &first);
		tightened_json(rq, p->found.list[i], rs, rules, b);
		buf_char(b, '}');
	}
	buf_char(b, ']');
	list_next(last ? &(struct list_place){last->added, last->policy.issuer_domain_id, last->policy.id} : NULL, b);
	buf_char(b, '}');
}

Err
handle_grants(struct request *rq)
{
	size_t limit = list_limit(rq);
	struct page p = {.rq = rq, .all = api_arg_bool(&rq->args, "all"), .now = core_now(),
	                 .found = {.most = limit + 1, .by = by_added, .a = &rq->arena}}; /* one more tells that there is more */
	struct list_place at;
	BUF_AUTO b = BUF_INIT;

	TRY(list_after(rq, &at));
	p.after = (struct mesh_grant){.added = at.time, .policy = {.id = at.id, .issuer_domain_id = at.domain_id}};
	TRY(grants_known(rq, consider, &p));
	first_sort(&p.found);
	page_json(&p, limit, &b);
	reply_json(rq, 200, &b);
	return OK;
}
