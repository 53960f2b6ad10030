/* Who used what, and what nobody uses (store/usage.h), for owners, auditors and each person about themselves. */
#include <stdlib.h>

#include "core/audit/audit.h"
#include "core/access/grants.h"

enum { DAYS_DEFAULT = 90, LINES_BYTES = 12 << 20 };

struct listing {
	struct request *rq;
	struct buf *out;
	size_t shown;
};

/* The center and its auditors see all use; others that of their domain's tables, if they own or audit it, and their own. */
static bool
may_see(const struct request *rq, const struct usage_query *q)
{
	Str domain;
	const struct mesh_domain *d;

	if (sees_all(rq) || str_eq(q->person_id, rq->person_id)) return true;
	str_cut(q->table, '.', &domain);
	d = mesh_domain_by_name(rq->core->mesh, domain);
	return (rq->role == ROLE_OWNER || rq->role == ROLE_AUDITOR) && d && str_eq(d->id, rq->domain_id);
}

static Err
usage_line(struct ctx *c, void *arg, const struct usage_query *q)
{
	struct listing *l = arg;
	struct buf *b = l->out;
	bool first = true;

	if (!may_see(l->rq, q)) return OK;
	ENSURE(c, b->n < LINES_BYTES, LIMIT, "that is more than one answer can hold; ask for one product, one grant or fewer days");
	buf_c(b, l->shown++ ? ",{" : "{");
	member_text(b, "table", q->table, &first);
	member_text(b, "person", person_name(l->rq, q->person_id), &first);
	member_text(b, "purpose", q->purpose, &first);
	member_texts(b, "columns", q->columns, q->column_count, &first);
	member_bool(b, "all_columns", q->all, &first);
	member_text(b, "grant", q->grant_id, &first);
	member_text(b, "delegation", q->delegation_id, &first);
	member_u64(b, "queries", q->count, &first);
	member_u64(b, "refused", q->refused, &first);
	member_u64(b, "rows", q->rows, &first);
	member_u64(b, "bytes", q->bytes, &first);
	member_time(b, "first", q->first, &first);
	member_time(b, "last", q->last, &first);
	buf_char(b, '}');
	return OK;
}

/* --- unused --- */

static void
unused_line(struct listing *l, const char *kind, Str id, Str what, Str to, Time since, Time last)
{
	struct buf *b = l->out;
	bool first = true;

	buf_c(b, l->shown++ ? ",{" : "{");
	member_text(b, "kind", str_c(kind), &first);
	member_text(b, "id", id, &first);
	member_text(b, "what", what, &first);
	if (to.n) member_text(b, "to", to, &first);
	member_time(b, "since", since, &first);
	member_time(b, "last", last, &first);
	buf_char(b, '}');
}

static bool
concerns(const struct request *rq, Str domain_id)
{
	return sees_all(rq) || ((rq->role == ROLE_OWNER || rq->role == ROLE_AUDITOR) && str_eq(domain_id, rq->domain_id));
}

static Err
keep_last(struct ctx *c UNUSED, void *arg, Str grant_id, Time last)
{
	struct map *lasts = arg;
	Time *t = mem_alloc(sizeof *t);

	*t = last;
	map_put(lasts, grant_id, t);
	return OK;
}

static void
lasts_fini(struct map *lasts)
{
	Str key;
	void *value;

	for (size_t i = 0; map_next(lasts, &i, &key, &value);) free(value);
	map_fini(lasts);
}

/* Grants that are in force and older than that, under which nothing was read since. */
static Err
unused_grants(struct listing *l, Time since)
{
	struct request *rq = l->rq;
	const struct mesh_grant **grants;
	size_t n = mesh_grants(rq->core->mesh, &rq->arena, &grants);
	__attribute__((cleanup(lasts_fini))) struct map lasts = MAP_INIT;

	TRY(usage_grants_last(&rq->c, rq->core->audit, keep_last, &lasts));
	for (size_t i = 0; i < n; i++) {
		const struct policy_grant *g = &grants[i]->policy;
		if (grants[i]->revoked_at || g->until <= core_now() || grants[i]->added > since || !concerns(rq, g->issuer_domain_id)) continue;
		const Time *used = map_get(&lasts, g->id);
		Time last = used ? *used : 0;
		if (last >= since) continue;
		ENSURE(&rq->c, l->out->n < LINES_BYTES, LIMIT, "more grants are unused than one answer can hold; see `heddle posture`");
		unused_line(l, "grant", g->id, grant_object(rq, grants[i]), principal_text(rq, g->to_kind, g->to_id), grants[i]->added, last);
	}
	return OK;
}

static Err
unused_products(struct listing *l, Time since)
{
	struct request *rq = l->rq;
	const struct mesh_product **products;
	size_t n = mesh_products(rq->core->mesh, &rq->arena, &products);

	for (size_t i = 0; i < n; i++) {
		const struct mesh_product *p = products[i];
		Time last;
		if (p->retired || p->first_published > since || !concerns(rq, p->domain_id)) continue;
		TRY(usage_product_last(&rq->c, rq->core->audit, p->id, &last));
		if (last < since) unused_line(l, "product", p->id, product_name(rq, p), S(""), p->first_published, last);
	}
	return OK;
}

static Err
write_unused(struct listing *l, Time since)
{
	TRY(unused_products(l, since));
	return unused_grants(l, since);
}

Err
handle_usage(struct request *rq)
{
	uint64_t days = api_arg_u64(&rq->args, "days", DAYS_DEFAULT);
	Str product = arg(rq, "product"), prefix = product.n ? arena_printf(&rq->arena, "%.*s.", STR(product)) : S("");
	Time since = core_now() - (Time)days * TIME_DAY;
	bool unused = api_arg_bool(&rq->args, "unused");
	BUF_AUTO b = BUF_INIT;
	struct listing l = {.rq = rq, .out = &b};

	ENSURE(&rq->c, !unused || (!product.n && !arg(rq, "grant").n), INVALID, "unused is about everything of yours: give it alone");
	TRY(audit_catch_up(rq->core, &rq->c));
	buf_printf(&b, "{\"days\":%llu,\"usage\":[", (unsigned long long)days);
	if (!unused) TRY(usage_each(&rq->c, rq->core->audit, since, prefix, arg(rq, "grant"), usage_line, &l));
	buf_c(&b, "],\"unused\":[");
	l.shown = 0;
	if (unused) TRY(write_unused(&l, since));
	buf_c(&b, "]}");
	reply_json(rq, 200, &b);
	return OK;
}
