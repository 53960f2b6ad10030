#include "core/access/impact.h"

#include "base/first.h"

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
same_rows(const struct predicate *x, const struct predicate *y)
{
	BUF_AUTO p = BUF_INIT;
	BUF_AUTO q = BUF_INIT;

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
	if (!same_rows(before->rows, after->rows)) effect(e, "other_rows", S(""), S(""), S(""), S(""));
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

/* What was revoked or is over changes no more. */
static bool
is_live(const struct mesh_grant *g, Time now)
{
	return !g->policy.revoked && !g->policy.voided && g->policy.until > now;
}

static Str
table_name(struct request *rq, struct arena *a, const struct mesh_product *p, const struct mesh_table *t)
{
	const struct mesh_domain *d = mesh_domain(rq->core->mesh, p->domain_id);

	return arena_printf(a, "%.*s.%.*s.%.*s", STR(d ? d->name : S("")), STR(p->name), STR(t->policy.name));
}

struct comparing {
	struct request *rq;
	struct walk *w;
	const struct mesh_suppose *s;
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
	Time when = g->policy.from > k->w->now ? g->policy.from : k->w->now;

	mesh_explain(k->before, k->a, g->policy.to_kind, g->policy.to_id, p, t, S(""), when, NULL, &was);
	mesh_explain(k->after, k->a, g->policy.to_kind, g->policy.to_id, p, t, S(""), when, NULL, &is);
	size_t n = impact_effects(k->a, table_name(k->rq, k->a, p, t), &t->policy, &was, &is, NULL, &b);
	if (n == 0) return 0;
	if (list->n) list->p[list->n - 1] = ',';
	buf_str(list, list->n ? str_of(b.p + 1, b.n - 1) : buf_view(&b));
	return n;
}

/* *ret: how many effects there are. */
static Err
grant_on_tables(struct comparing *k, const struct mesh_grant *g, struct buf *list, size_t *ret)
{
	size_t effects = 0;

	for (const struct mesh_product *p = mesh_product_of(k->w->mesh, g, NULL); p; p = mesh_product_of(k->w->mesh, g, p)) {
		for (size_t t = 0; !p->retired && t < p->table_count; t++) {
			const struct mesh_table *table = &p->tables[t];
			TRY(walk_step(k->w));
			if (g->policy.table.n == 0 || str_eq(g->policy.table, table->policy.name)) effects += grant_on_table(k, g, p, table, list);
		}
	}
	*ret = effects;
	return OK;
}

/* The grant by itself, as though it were the only one. */
static Err
grant_compare(struct comparing *k, const struct mesh_grant *g, struct buf *list, size_t *ret)
{
	struct mesh_suppose *alone = NEW(k->a, struct mesh_suppose), *with = NEW(k->a, struct mesh_suppose);

	*alone = (struct mesh_suppose){.grant_domain_id = g->policy.issuer_domain_id, .grant_id = g->policy.id, .alone = true};
	*with = *alone;
	with->added = k->s->added;
	with->lifted = k->s->lifted;
	k->before = mesh_suppose(k->w->mesh, k->a, alone);
	k->after = mesh_suppose(k->w->mesh, k->a, with);
	return grant_on_tables(k, g, list, ret);
}

static int
by_added(const void *a, const void *b)
{
	return mesh_grant_order(a, b);
}

/* Which change; of very many those that were added first are told. */
static Err
grants_changed(struct comparing *k, struct first *ret, size_t *ret_seen)
{
	struct mesh_place at = {0};
	BUF_AUTO list = BUF_INIT;
	size_t effects;

	for (const struct mesh_grant *g; (g = mesh_grant_next(k->w->mesh, &at));) {
		TRY(walk_step(k->w));
		if (!is_live(g, k->w->now)) continue;
		arena_reset(k->a);
		list.n = 0;
		++*ret_seen;
		TRY(grant_compare(k, g, &list, &effects));
		if (effects == 0) continue;
		k->changed++;
		(void)first_add(ret, g);
	}
	first_sort(ret);
	return OK;
}

static Err
grant_json(struct comparing *k, const struct mesh_grant *g)
{
	const struct mesh_product *p = mesh_product(k->w->mesh, g->policy.product_id);
	BUF_AUTO list = BUF_INIT;
	bool first = true;
	size_t effects;

	arena_reset(k->a);
	TRY(grant_compare(k, g, &list, &effects));
	buf_char(k->b, '{');
	member_text(k->b, "grant", g->policy.id, &first);
	member_text(k->b, "object", p ? product_name(k->rq, p) : domain_name(k->rq, g->policy.issuer_domain_id), &first);
	if (g->tags_text.n) member_text(k->b, "tags", g->tags_text, &first);
	member_text(k->b, "to", principal_text(k->rq, g->policy.to_kind, g->policy.to_id), &first);
	member_key(k->b, "effects", &first);
	buf_str(k->b, buf_view(&list));
	buf_char(k->b, '}');
	return OK;
}

Err
impact_grants(struct request *rq, struct walk *w, const struct mesh_suppose *s, struct buf *b)
{
	ARENA_AUTO scratch = ARENA_INIT;
	struct comparing k = {.rq = rq, .w = w, .s = s, .a = &scratch, .b = b};
	struct first changed = {.most = IMPACT_LISTED_MAX, .by = by_added, .a = &w->arena};
	size_t seen = 0;

	TRY(grants_changed(&k, &changed, &seen));
	buf_c(b, "\"grants\":[");
	for (size_t i = 0; i < changed.n; i++) {
		TRY(walk_step(w));
		if (i) buf_char(b, ',');
		TRY(grant_json(&k, changed.list[i]));
	}
	buf_printf(b, "],\"grants_changed\":%zu,\"grants_seen\":%zu", k.changed, seen);
	return OK;
}

/* --- queries --- */

static void
query_json(struct comparing *k, const struct recorded *q, const struct buf *effects)
{
	const struct mesh_member *m = mesh_member(k->w->mesh, q->person_id);
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
query_compare(struct comparing *k, const struct recorded *q)
{
	const struct mesh *m = k->w->mesh;
	const struct mesh_product *p;
	const struct mesh_table *t = mesh_table_by_name(m, q->table, &p);
	struct policy_decision was, is;
	BUF_AUTO effects = BUF_INIT;
	uint32_t level = sandbox_level(k->rq->core);

	if (!t || (q->product_id.n && !str_eq(q->product_id, p->id))) return; /* what it read is gone */
	k->after = mesh_suppose(m, k->a, k->s);
	mesh_decide(m, k->a, q->person_id, p, t, q->purpose, INTERACT_SQL, level, k->w->now, NULL, &was);
	mesh_decide(k->after, k->a, q->person_id, p, t, q->purpose, INTERACT_SQL, level, k->w->now, NULL, &is);
	if (impact_effects(k->a, q->table, &t->policy, &was, &is, q, &effects) == 0) return;
	if (k->changed++ < IMPACT_LISTED_MAX) query_json(k, q, &effects);
}

Err
impact_queries(struct request *rq, struct walk *w, const struct mesh_suppose *s, const struct impact_record *record, struct buf *b)
{
	ARENA_AUTO scratch = ARENA_INIT;
	struct comparing k = {.rq = rq, .w = w, .s = s, .a = &scratch, .b = b};
	bool first = false;

	buf_c(b, "\"queries\":[");
	for (size_t i = 0; i < record->count; i++) {
		TRY(walk_step(w));
		arena_reset(&scratch);
		query_compare(&k, &record->queries[i]);
	}
	buf_printf(b, "],\"queries_changed\":%zu,\"queries_seen\":%zu", k.changed, record->count);
	member_time(b, "since", record->since, &first);
	return OK;
}

Err
impact_record(struct request *rq, struct impact_record *ret)
{
	struct impact_record r = {.since = core_now() - RECORDED_DAYS * TIME_DAY};

	TRY(recorded_queries(rq->core, &rq->c, r.since, &r.queries, &r.count));
	*ret = r;
	return OK;
}
