/* The door for what opens: grants, approvals, delegations. */
#include "mesh/ask/ask.h"
#include "mesh/door.h"
#include "policy/shape.h"

/* A body read once more; false when its form is wrong, which the fold says better. */
static bool
grant_said(struct ctx *c, const struct mesh *m, const struct payload *p, struct mesh_grant *ret)
{
	struct fields f = fields_of(c, event_type_name(p->type), p->body);

	*ret = (struct mesh_grant){.by = {"", 0}};
	read_grant(&f, m, ret);
	return err_ok(fields_end(&f));
}

static bool
group_there(const struct mesh *m, Str domain_id, Str id)
{
	const struct log *log = state_log(m, domain_id);
	const struct group *g = log ? (const struct group *)state_find(m, RECORD_GROUP, log, id) : NULL;

	return g && !g->pub.ended;
}

static Err
check_principal(struct ctx *c, const struct mesh *m, const struct policy_grant *g)
{
	const struct mesh_member *who = g->to_kind == PRINCIPAL_PERSON ? mesh_member(m, g->to_id) : NULL;

	switch (g->to_kind) {
	case PRINCIPAL_DOMAIN: ENSURE(c, mesh_domain(m, g->to_id), NOT_FOUND, "there is no domain '%.*s' to grant to", STR(g->to_id)); break;
	case PRINCIPAL_PERSON: ENSURE(c, who && who->active, NOT_FOUND, "there is no person '%.*s' to grant to", STR(g->to_id)); break;
	case PRINCIPAL_GROUP: ENSURE(c, group_there(m, g->to_domain_id, g->to_id), NOT_FOUND, "there is no group '%.*s' to grant to", STR(g->to_id)); break;
	}
	return OK;
}

Err
door_purposes(struct ctx *c, const struct mesh *m, const Str *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ENSURE(c, str_eq(list[i], S("*")) || mesh_purpose_ok(m, list[i]), INVALID, "there is no purpose '%.*s' in the tree of purposes", STR(list[i]));
	return OK;
}

/* --- aggregates only --- */

static Str
consumer_of(const struct mesh *m, const struct policy_grant *g)
{
	const struct mesh_member *who = g->to_kind == PRINCIPAL_PERSON ? mesh_member(m, g->to_id) : NULL;

	if (g->to_kind == PRINCIPAL_PERSON) return who ? who->domain_id : (Str){"", 0};
	return g->to_kind == PRINCIPAL_DOMAIN ? g->to_id : g->to_domain_id;
}

static bool
same_texts(const Str *a, size_t an, const Str *b, size_t bn)
{
	if (an != bn) return false;
	for (size_t i = 0; i < an; i++)
		if (!str_eq(a[i], b[i])) return false;
	return true;
}

/* Cells of one shape minus cells of another are cells nobody was to see; so are those of other rows, or under other masks. */
static bool
same_shape(const struct mesh_grant *a, const struct mesh_grant *b)
{
	const struct policy_grant *x = &a->policy, *y = &b->policy;

	if (x->terms.min_group != y->terms.min_group || !str_eq(x->terms.unit, y->terms.unit) || !str_eq(a->rows_text, b->rows_text)) return false;
	if (x->mask_count != y->mask_count) return false;
	for (size_t i = 0; i < x->mask_count; i++)
		if (x->masks[i].kind != y->masks[i].kind || !str_eq(x->masks[i].column, y->masks[i].column)) return false;
	return same_texts(x->terms.group_by, x->terms.group_by_count, y->terms.group_by, y->terms.group_by_count) &&
	       same_texts(x->hidden, x->hidden_count, y->hidden, y->hidden_count);
}

static bool
may_share_table(const struct policy_grant *a, const struct policy_grant *b)
{
	if (a->tags || b->tags) return true;
	return str_eq(a->product_id, b->product_id) && (a->table.n == 0 || b->table.n == 0 || str_eq(a->table, b->table));
}

/* Cost: O(all grants), for grants of this kind alone. */
static Err
check_one_shape(struct ctx *c, const struct mesh *m, const struct log *log, const struct mesh_grant *g, Time now)
{
	const struct index *x = &m->by_kind[RECORD_GRANT];
	Str consumer = consumer_of(m, &g->policy);
	uint32_t at = 0;

	for (const struct item *first; (first = index_next(x, &at));)
		for (const struct item *it = first; it; it = it->same) {
			const struct mesh_grant *o = &((const struct grant *)it)->pub;
			if (it->log != log || o->policy.terms.min_group == 0 || o->policy.revoked || now >= o->policy.until) continue;
			if (!may_share_table(&g->policy, &o->policy) || !str_eq(consumer_of(m, &o->policy), consumer)) continue;
			ENSURE(c, same_shape(g, o), CONFLICT,
			       "grant '%.*s' gives them aggregates of another shape on the same table, and two shapes tell more than each: revoke that one first",
			       STR(o->policy.id));
		}
	return OK;
}

static Err
check_shape(struct ctx *c, const struct mesh *m, const struct log *log, const struct mesh_grant *g, Time now)
{
	const struct product *of = (const struct product *)state_find(m, RECORD_PRODUCT, log, g->policy.product_id);

	if (g->policy.terms.min_group == 0) return OK;
	for (size_t i = 0; of && i < of->pub.table_count; i++) {
		const struct policy_table *t = &of->pub.tables[i].policy;
		Str column;
		const char *why = g->policy.table.n == 0 || str_eq(t->name, g->policy.table) ? shape_misfit(&g->policy.terms, t, &column) : NULL;
		ENSURE(c, !why, INVALID, "table %.*s%s%.*s: %s", STR(t->name), column.n ? ", column " : "", STR(column), why);
	}
	return check_one_shape(c, m, log, g, now);
}

/* --- grants and approvals --- */

Err
door_grant(struct ctx *c, const struct mesh *m, const struct log *log, const struct payload *p)
{
	const struct mesh_request *r = NULL;
	struct mesh_grant g;

	TRY(door_own(c, m, log, RECORD_PRODUCT, door_said(p, S("product")), "grant on"));
	if (!grant_said(c, m, p, &g)) return OK;
	TRY(check_principal(c, m, &g.policy));
	TRY(door_purposes(c, m, g.policy.purposes, g.policy.purpose_count));
	TRY(door_words(c, m, g.policy.tags));
	TRY(check_shape(c, m, log, &g, p->time));
	if (g.request_id.n == 0) return OK;
	TRY(door_request_here(c, m, log, g.request_id, p->time, &r));
	ENSURE(c, str_eq(r->product_id, g.policy.product_id), INVALID, "request '%.*s' is for another product", STR(g.request_id));
	return OK;
}

Err
door_approval(struct ctx *c, const struct mesh *m, const struct log *log UNUSED, const struct payload *p)
{
	Str of = door_said(p, S("log")), id = door_said(p, S("subject"));
	const struct log *subject = state_log(m, of);
	const struct grant *g = subject ? (const struct grant *)state_find(m, RECORD_GRANT, subject, id) : NULL;

	ENSURE(c, g || (subject && state_find(m, RECORD_TAG, subject, id)), NOT_FOUND, "there is no grant or change of a tag '%.*s' to approve", STR(id));
	ENSURE(c, !g || !g->pub.policy.revoked, CONFLICT, "grant '%.*s' is revoked", STR(id));
	return OK;
}

/* --- delegations: never wider, never longer --- */

static bool
purpose_within(const struct policy_grant *g, Str purpose)
{
	for (size_t i = 0; i < g->purpose_count; i++)
		if (str_eq(g->purposes[i], S("*")) || policy_purpose_within(g->purposes[i], purpose)) return true;
	return false;
}

/* What the grant masks or hides itself; for what the center does, see check_rows_seen(). */
static Err
check_rows(struct ctx *c, const struct policy_grant *g, const struct predicate *rows)
{
	if (!rows) return OK;
	if (rows->op == PRED_NOT) return check_rows(c, g, rows->left);
	if (rows->op == PRED_AND || rows->op == PRED_OR) {
		TRY(check_rows(c, g, rows->left));
		return check_rows(c, g, rows->right);
	}
	for (size_t i = 0; i < g->mask_count; i++)
		ENSURE(c, g->masks[i].kind == MASK_NONE || !str_ieq(g->masks[i].column, rows->column), DENIED,
		       "wider than the grant: it masks column '%.*s', so 'rows' may not name it", STR(rows->column));
	for (size_t i = 0; i < g->hidden_count; i++)
		ENSURE(c, !str_ieq(g->hidden[i], rows->column), DENIED, "wider than the grant: it hides column '%.*s', so 'rows' may not name it",
		       STR(rows->column));
	return OK;
}

static Err
check_within(struct ctx *c, const struct policy_grant *g, const struct policy_delegation *d)
{
	for (size_t i = 0; i < d->purpose_count; i++)
		ENSURE(c, purpose_within(g, d->purposes[i]), DENIED, "wider than the grant: it does not cover purpose '%.*s'", STR(d->purposes[i]));
	ENSURE(c, g->table.n == 0 || str_eq(d->table, g->table), DENIED, "wider than the grant: it is about table '%.*s' alone", STR(g->table));
	ENSURE(c, (d->interactions & ~g->interactions) == 0, DENIED, "wider than the grant: it does not allow all these interactions");
	ENSURE(c, d->until <= g->until, DENIED, "longer than the grant: it ends before");
	ENSURE(c, d->from >= g->from, DENIED, "longer than the grant: it begins later");
	ENSURE(c, !g->terms.min_group || shape_rows_ok(&g->terms, d->rows), DENIED,
	       "wider than the grant: it gives aggregates only, so 'rows' may name the columns of its groups alone");
	return g->terms.min_group ? OK : check_rows(c, g, d->rows); /* groups have their own rule, and their own words */
}

struct closing { const struct policy_table *table; const struct policy_restriction *const *rules; size_t count; };

/* *ret: the first column of the filter that one of them masks or hides. */
static bool
names_closed(const struct closing *k, const struct predicate *rows, Str *ret)
{
	if (rows->op == PRED_NOT) return names_closed(k, rows->left, ret);
	if (rows->op == PRED_AND || rows->op == PRED_OR) return names_closed(k, rows->left, ret) || names_closed(k, rows->right, ret);
	*ret = rows->column;
	for (size_t i = 0; i < k->count; i++)
		if (policy_closes_column(k->rules[i], k->table, rows->column)) return true;
	return false;
}

/* The decision finds such a filter of no effect; who hands on hears of it now, unless there is a table left for which it counts. */
static Err
check_rows_seen(struct ctx *c, const struct mesh *m, const struct policy_grant *g, const struct policy_delegation *d)
{
	const struct log *log = state_log(m, g->issuer_domain_id);
	const struct product *p = log && d->rows ? (const struct product *)state_find(m, RECORD_PRODUCT, log, g->product_id) : NULL;
	Str column = {"", 0};

	for (size_t i = 0; p && i < p->pub.table_count; i++) {
		const struct policy_table *t = &p->pub.tables[i].policy;
		if (d->table.n > 0 && !str_eq(d->table, t->name)) continue;
		struct closing k = {.table = ask_table(m, c->arena, p, t)};
		k.count = ask_rules(m, c->arena, k.table, log, NULL, &k.rules);
		if (!names_closed(&k, d->rows, &column)) return OK;
	}
	ENSURE(c, column.n == 0, DENIED, "the center masks or hides column '%.*s', so 'rows' may not name it", STR(column));
	return OK;
}

/* With groups: other masks or fewer columns there make other cells, and so does a filter beneath what a mask makes of them. */
static Err
check_groups_stay(struct ctx *c, const struct policy_grant *g, const struct policy_delegation *d)
{
	const struct policy_terms *t = &g->terms;

	if (t->min_group == 0) return OK;
	for (size_t i = 0; d->rows && i < g->mask_count; i++)
		ENSURE(c, !shape_is_dimension(t, g->masks[i].column), DENIED, "column '%.*s' makes the groups as it is masked: no 'rows' can be added",
		       STR(g->masks[i].column));
	for (size_t i = 0; i < d->mask_count; i++)
		ENSURE(c, !shape_is_dimension(t, d->masks[i].column), DENIED, "column '%.*s' makes the groups and stays as granted", STR(d->masks[i].column));
	for (size_t i = 0; i < d->hidden_count; i++)
		ENSURE(c, !shape_is_dimension(t, d->hidden[i]), DENIED, "column '%.*s' makes the groups and stays as granted", STR(d->hidden[i]));
	return OK;
}

Err
door_delegation(struct ctx *c, const struct mesh *m, const struct log *log, const struct payload *p)
{
	struct fields f = fields_of(c, event_type_name(p->type), p->body);
	struct mesh_delegation d = {.by = {"", 0}};

	read_delegation(&f, m, &d);
	if (!err_ok(fields_end(&f))) return OK; /* the fold says it better */
	const struct mesh_grant *g = mesh_grant_in(m, d.policy.issuer_domain_id, d.policy.grant_id);
	ENSURE(c, g, NOT_FOUND, "there is no grant '%.*s' to hand on", STR(d.policy.grant_id));
	ENSURE(c, g->policy.to_kind == PRINCIPAL_DOMAIN && str_eq(g->policy.to_id, log->item.id), DENIED,
	       "grant '%.*s' is not made out to this domain: only what a domain was granted can it hand on", STR(d.policy.grant_id));
	ENSURE(c, !g->policy.revoked, CONFLICT, "grant '%.*s' is revoked", STR(d.policy.grant_id));
	ENSURE(c, p->time < g->policy.until, CONFLICT, "grant '%.*s' is over", STR(d.policy.grant_id));
	TRY(door_purposes(c, m, d.policy.purposes, d.policy.purpose_count));
	TRY(check_within(c, &g->policy, &d.policy));
	TRY(check_rows_seen(c, m, &g->policy, &d.policy));
	return check_groups_stay(c, &g->policy, &d.policy);
}
