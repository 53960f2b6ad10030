#include "core/impact.h"

enum { STEP = 128 /* things looked at until others go on */ };

uint32_t
sandbox_level(const struct core *core)
{
	uint32_t level = UINT32_MAX;

	for (const struct peer *p = core->peers; p; p = peer_next(p)) {
		if (!peer_alive(p) || strcmp(peer_name(p), "worker") != 0 || peer_level(p) < 0) continue;
		if ((uint32_t)peer_level(p) < level) level = (uint32_t)peer_level(p);
	}
	return level;
}

/* --- two decisions --- */

struct effects {
	struct arena *a;
	Str table;
	struct buf *b;
	size_t n;
};

static void
effect(struct effects *e, const char *how, Str column, Str was, Str now, Str reason)
{
	bool first = true;

	buf_c(e->b, e->n++ ? ",{" : "[{");
	member_text(e->b, "table", e->table, &first);
	member_text(e->b, "how", str_c(how), &first);
	if (column.n) member_text(e->b, "column", column, &first);
	if (was.n) member_text(e->b, "was", was, &first);
	if (now.n) member_text(e->b, "now", now, &first);
	if (reason.n) member_text(e->b, "reason", reason, &first);
	buf_char(e->b, '}');
}

static Str
until_text(struct arena *a, Time t)
{
	char z[TIME_TEXT_MAX];

	if (t == TIME_FOREVER) return S("forever");
	time_format(t, z);
	return arena_str(a, str_c(z));
}

static Str
access_text(const struct policy_column_rule *r)
{
	if (r->hidden) return S("hidden");
	return r->mask == MASK_NONE ? S("visible") : str_c(mask_name(r->mask));
}

static bool
uses_column(const struct recorded *use, Str column)
{
	if (!use || use->all) return true;
	for (size_t i = 0; i < use->column_count; i++)
		if (str_ieq(use->columns[i], column)) return true;
	return false;
}

static void
effects_columns(struct effects *e, const struct policy_table *t, const struct policy_decision *before, const struct policy_decision *after,
                const struct recorded *use)
{
	for (size_t i = 0; i < t->column_count; i++) {
		const struct policy_column_rule *was = &before->columns[i], *now = &after->columns[i];
		if ((was->hidden == now->hidden && was->mask == now->mask) || !uses_column(use, t->columns[i].name)) continue;
		const char *how = now->hidden ? "hidden" : was->hidden ? "shown" : now->mask == MASK_NONE ? "unmasked" : "masked";
		effect(e, how, t->columns[i].name, access_text(was), access_text(now), S(""));
	}
}

static bool
same_rows(struct arena *a, const struct predicate *x, const struct predicate *y)
{
	BUF_AUTO p = BUF_INIT;
	BUF_AUTO q = BUF_INIT;
	(void)a;

	if (x == y) return true;
	if (!x || !y) return false;
	predicate_print(x, &p);
	predicate_print(y, &q);
	return str_eq(buf_view(&p), buf_view(&q));
}

static void
effects_terms(struct effects *e, const struct policy_decision *before, const struct policy_decision *after)
{
	if (after->until != before->until)
		effect(e, after->until < before->until ? "ends_earlier" : "ends_later", S(""), until_text(e->a, before->until),
		       until_text(e->a, after->until), S(""));
	if (after->min_level != before->min_level)
		effect(e, "level", S(""), arena_printf(e->a, "%u", before->min_level), arena_printf(e->a, "%u", after->min_level), S(""));
	if (!same_rows(e->a, before->rows, after->rows)) effect(e, "other_rows", S(""), S(""), S(""), S(""));
	if (!str_eq(before->grant_id, after->grant_id)) effect(e, "other_grant", S(""), before->grant_id, after->grant_id, S(""));
}

size_t
impact_effects(struct arena *a, Str table, const struct policy_table *t, const struct policy_decision *before,
               const struct policy_decision *after, const struct recorded *use, struct buf *b)
{
	struct effects e = {a, table, b, 0};
	bool was = before->verdict == VERDICT_ALLOW, now = after->verdict == VERDICT_ALLOW;

	if (was && !now) {
		bool waits = memmem(after->reason.p, after->reason.n, "waits for", 9) != NULL;
		effect(&e, waits ? "waits" : "refused", S(""), S(""), S(""), after->reason);
	} else if (!was && now) {
		effect(&e, "allowed", S(""), S(""), S(""), before->reason);
	} else if (was) {
		effects_columns(&e, t, before, after, use);
		effects_terms(&e, before, after);
	}
	if (e.n) buf_char(b, ']');
	return e.n;
}

/* --- grants --- */

struct grant_ref { Str domain_id, id; };

/* The live ones: what was revoked or is over changes no more. */
static size_t
live_grants(struct request *rq, struct grant_ref **ret)
{
	const struct mesh_grant **grants;
	size_t n = mesh_grants(rq->core->mesh, &rq->arena, &grants), live = 0;
	struct grant_ref *refs = NEW_N(&rq->arena, n, struct grant_ref);
	Time now = core_now();

	for (size_t i = 0; i < n; i++) {
		const struct policy_grant *g = &grants[i]->policy;
		if (g->revoked || g->voided || g->until <= now) continue;
		refs[live++] = (struct grant_ref){arena_str(&rq->arena, g->issuer_domain_id), arena_str(&rq->arena, g->id)};
	}
	*ret = refs;
	return live;
}

static Str
table_name(struct request *rq, struct arena *a, const struct mesh_product *p, const struct mesh_table *t)
{
	const struct mesh_domain *d = mesh_domain(rq->core->mesh, p->domain_id);

	return arena_printf(a, "%.*s.%.*s.%.*s", STR(d ? d->name : S("")), STR(p->name), STR(t->policy.name));
}

struct comparing {
	struct request *rq;
	struct arena *a;                      /* of one grant or query */
	const struct mesh *before, *after;
	struct buf *b;
	size_t changed;
};

/* Effects on one table go behind those on others in the same list. */
static size_t
grant_on_table(struct comparing *k, const struct mesh_grant *g, const struct mesh_product *p, const struct mesh_table *t, struct buf *list)
{
	struct policy_decision was, is;
	BUF_AUTO b = BUF_INIT;
	Time now = core_now(), when = g->policy.from > now ? g->policy.from : now;

	mesh_explain(k->before, k->a, g->policy.to_kind, g->policy.to_id, p, t, S(""), when, NULL, &was);
	mesh_explain(k->after, k->a, g->policy.to_kind, g->policy.to_id, p, t, S(""), when, NULL, &is);
	size_t n = impact_effects(k->a, table_name(k->rq, k->a, p, t), &t->policy, &was, &is, NULL, &b);
	if (n == 0) return 0;
	if (list->n) list->p[list->n - 1] = ',';
	buf_str(list, list->n ? str_of(b.p + 1, b.n - 1) : buf_view(&b));
	return n;
}

static size_t
grant_on_tables(struct comparing *k, const struct mesh_grant *g, struct buf *list)
{
	const struct mesh_product **products, *one = mesh_product(k->rq->core->mesh, g->policy.product_id);
	size_t n = 1, effects = 0;

	if (one) products = &one;
	else n = mesh_products(k->rq->core->mesh, k->a, &products); /* by tags: all of the issuer's */
	for (size_t i = 0; i < n; i++) {
		if (!str_eq(products[i]->domain_id, g->policy.issuer_domain_id) || products[i]->retired) continue;
		for (size_t t = 0; t < products[i]->table_count; t++) {
			const struct mesh_table *table = &products[i]->tables[t];
			if (g->policy.table.n == 0 || str_eq(g->policy.table, table->policy.name))
				effects += grant_on_table(k, g, products[i], table, list);
		}
	}
	return effects;
}

static void
grant_compare(struct comparing *k, const struct mesh_grant *g, const struct mesh_suppose *s)
{
	struct mesh_suppose alone = {.grant_domain_id = g->policy.issuer_domain_id, .grant_id = g->policy.id, .alone = true}, with = alone;
	const struct mesh_product *p = mesh_product(k->rq->core->mesh, g->policy.product_id);
	BUF_AUTO list = BUF_INIT;
	bool first = true;

	with.added = s->added;
	with.lifted = s->lifted;
	k->before = mesh_suppose(k->rq->core->mesh, k->a, &alone);
	k->after = mesh_suppose(k->rq->core->mesh, k->a, &with);
	if (grant_on_tables(k, g, &list) == 0 || k->changed++ >= IMPACT_LISTED_MAX) return;
	buf_c(k->b, k->changed > 1 ? ",{" : "{");
	member_text(k->b, "grant", g->policy.id, &first);
	member_text(k->b, "object", p ? product_name(k->rq, p) : domain_name(k->rq, g->policy.issuer_domain_id), &first);
	if (g->tags_text.n) member_text(k->b, "tags", g->tags_text, &first);
	member_text(k->b, "to", principal_text(k->rq, g->policy.to_kind, g->policy.to_id), &first);
	member_key(k->b, "effects", &first);
	buf_str(k->b, buf_view(&list));
	buf_char(k->b, '}');
}

Err
impact_grants(struct request *rq, const struct mesh_suppose *s, struct buf *b)
{
	ARENA_AUTO scratch = ARENA_INIT;
	struct comparing k = {.rq = rq, .a = &scratch, .b = b};
	struct grant_ref *refs;
	size_t n = live_grants(rq, &refs);

	buf_c(b, "\"grants\":[");
	for (size_t i = 0; i < n; i++) {
		if (i && i % STEP == 0) fiber_sleep_ms(rq->core, 0);
		arena_reset(&scratch);
		const struct mesh_grant *g = mesh_grant_in(rq->core->mesh, refs[i].domain_id, refs[i].id);
		if (g) grant_compare(&k, g, s);
	}
	buf_printf(b, "],\"grants_changed\":%zu,\"grants_seen\":%zu", k.changed, n);
	return OK;
}

/* --- queries --- */

static void
query_json(struct comparing *k, const struct recorded *q, const struct buf *effects)
{
	const struct mesh_member *m = mesh_member(k->rq->core->mesh, q->person_id);
	struct buf *b = k->b;
	bool first = true;

	buf_c(b, k->changed > 1 ? ",{" : "{");
	member_text(b, "person", person_name(k->rq, q->person_id), &first);
	member_text(b, "domain", m ? domain_name(k->rq, m->domain_id) : S(""), &first);
	member_text(b, "purpose", q->purpose, &first);
	member_text(b, "table", q->table, &first);
	member_text(b, "grant", q->grant_id, &first);
	member_key(b, "columns", &first);
	buf_char(b, '[');
	for (size_t i = 0; i < q->column_count; i++) {
		if (i) buf_char(b, ',');
		buf_json(b, q->columns[i]);
	}
	buf_char(b, ']');
	member_bool(b, "all_columns", q->all, &first);
	member_u64(b, "count", q->count, &first);
	member_u64(b, "rows", q->rows, &first);
	member_time(b, "last", q->last, &first);
	member_key(b, "effects", &first);
	buf_str(b, buf_view(effects));
	buf_char(b, '}');
}

static void
query_compare(struct comparing *k, const struct recorded *q, const struct mesh_suppose *s)
{
	const struct mesh_product *p;
	const struct mesh_table *t = mesh_table_by_name(k->rq->core->mesh, q->table, &p);
	struct policy_decision was, is;
	BUF_AUTO effects = BUF_INIT;
	Time now = core_now();
	uint32_t level = sandbox_level(k->rq->core);

	if (!t || (q->product_id.n && !str_eq(q->product_id, p->id))) return; /* what it read is gone */
	k->after = mesh_suppose(k->rq->core->mesh, k->a, s);
	mesh_decide(k->rq->core->mesh, k->a, q->person_id, p, t, q->purpose, INTERACT_SQL, level, now, NULL, &was);
	mesh_decide(k->after, k->a, q->person_id, p, t, q->purpose, INTERACT_SQL, level, now, NULL, &is);
	if (impact_effects(k->a, q->table, &t->policy, &was, &is, q, &effects) == 0) return;
	if (k->changed++ < IMPACT_LISTED_MAX) query_json(k, q, &effects);
}

Err
impact_queries(struct request *rq, const struct mesh_suppose *s, struct buf *b)
{
	ARENA_AUTO scratch = ARENA_INIT;
	struct comparing k = {.rq = rq, .a = &scratch, .b = b};
	Time since = core_now() - RECORDED_DAYS * TIME_DAY;
	struct recorded *queries;
	size_t n;
	bool first = false;

	TRY(recorded_queries(rq->core, &rq->c, since, &queries, &n));
	buf_c(b, "\"queries\":[");
	for (size_t i = 0; i < n; i++) {
		if (i && i % STEP == 0) fiber_sleep_ms(rq->core, 0);
		arena_reset(&scratch);
		query_compare(&k, &queries[i], s);
	}
	buf_printf(b, "],\"queries_changed\":%zu,\"queries_seen\":%zu", k.changed, n);
	member_time(b, "since", since, &first);
	return OK;
}
