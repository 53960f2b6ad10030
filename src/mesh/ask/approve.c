/* What is approved, by whom it may be, and which changes of tags need it. */
#include "mesh/ask/ask.h"

const struct policy_grant *
mesh_grant_joined(const struct mesh *m, struct arena *a, const struct mesh_grant *g)
{
	const struct log *log = state_log(m, g->policy.issuer_domain_id);
	const struct item *it = log ? state_find(m, RECORD_GRANT, log, g->policy.id) : NULL;

	return it ? ask_grant(m, a, (const struct grant *)it) : &g->policy;
}

const struct policy_grant *
mesh_grant_effective(const struct mesh *m, struct arena *a, const struct mesh_grant *g, bool approvals)
{
	const struct grant *held = HOLDER(grant, g);

	return approvals || g->request_id.n || ask_grant_undone(held) ? ask_grant(m, a, held) : &g->policy;
}

/* --- what stands behind something, against what is demanded of it --- */

struct subject { Str producer_id, asker_human_id; const struct policy_approval *list; size_t n; };

/* Fold the restriction into *sum: the one that lacks most is told, else the one that demands most. */
static void
weigh(const struct mesh *m, const struct subject *s, const struct policy_restriction *r, struct mesh_approvals *sum)
{
	uint32_t has = policy_approvals(r, s->producer_id, s->asker_human_id, s->list, s->n);
	uint32_t lacks = has < r->approvals ? r->approvals - has : 0, lacked = sum->by ? sum->needed - sum->has : 0;

	if (lacks < lacked || (lacks == lacked && r->approvals <= sum->needed)) return;
	*sum = (struct mesh_approvals){.needed = r->approvals, .has = has < r->approvals ? has : r->approvals};
	if (lacks) sum->by = mesh_restriction(m, r->id);
}

/* Would one more of that person's help where something lacks? */
static bool
helps(const struct subject *s, const struct policy_restriction *r, const struct policy_approval *more)
{
	struct policy_approval both[2] = {*more, *more};
	uint32_t has = policy_approvals(r, s->producer_id, s->asker_human_id, s->list, s->n);

	if (has >= r->approvals || !policy_approval_counts(r, s->producer_id, s->asker_human_id, more)) return false;
	for (size_t i = 0; i < s->n; i++) {
		both[1] = s->list[i];
		if (policy_approval_counts(r, s->producer_id, s->asker_human_id, &both[1]) &&
		    policy_approvals(r, s->producer_id, s->asker_human_id, both, 2) == 1)
			return false; /* the same human did already */
	}
	return true;
}

/* What the person would say, as a member of their domain; false when they cannot. */
static bool
as_approval(const struct mesh *m, struct arena *a, Str person_id, struct policy_approval *ret)
{
	const struct mesh_member *member = mesh_member(m, person_id);
	const struct log *home;
	struct policy_principal who = ask_person(m, a, person_id, &home);

	if (!member || !who.active || member->service) return false;
	*ret = (struct policy_approval){.log_id = member->domain_id, .person_id = person_id, .human_id = member->human_id, .role = 1u << member->role};
	return true;
}

/* --- grants --- */

/* By tags: may it be about the table? */
static bool
may_cover(const struct policy_grant *g, const struct policy_table *t)
{
	if (!str_eq(g->issuer_domain_id, t->domain_id) || (g->table.n && !str_eq(g->table, t->name))) return false;
	if (!g->tags) return str_eq(g->product_id, t->product_id);
	for (size_t i = 0; i < t->column_count; i++)
		if (policy_tags_fit(g->tags, &t->columns[i].tags, &t->columns[i].tags_before, true)) return true;
	return t->column_count == 0 && policy_tags_fit(g->tags, &t->tags, &t->tags_before, true);
}

typedef void table_fn(void *arg, const struct policy_restriction *r);

struct rules_of { const struct mesh *m; struct arena *a; const struct policy_grant *g; const struct mesh_table *only; table_fn *fn; void *arg; };

static void
each_rule_of(const struct rules_of *o, const struct product *p)
{
	const struct policy_restriction *const *rules;

	for (size_t i = 0; i < p->pub.table_count; i++) {
		const struct mesh_table *t = &p->pub.tables[i];
		if ((o->only && o->only != t) || !may_cover(o->g, &t->policy)) continue;
		const struct policy_table *as = ask_table(o->m, o->a, p, &t->policy);
		size_t n = ask_rules_of_approvals(o->m, o->a, as, &rules);
		for (size_t k = 0; k < n; k++)
			if (policy_is_about(rules[k], as)) o->fn(o->arg, rules[k]);
	}
}

/* Each restriction that demands approvals of a table that the grant covers, or of the one given. */
static void
each_rule(const struct rules_of *o)
{
	const struct log *log = state_log(o->m, o->g->issuer_domain_id);

	if (!log) return;
	if (!o->g->tags) {
		const struct item *it = state_find(o->m, RECORD_PRODUCT, log, o->g->product_id);
		if (it) each_rule_of(o, (const struct product *)it);
		return;
	}
	for (const struct product *p = log->lookup.products; p; p = p->next) each_rule_of(o, p);
}

struct weighing { const struct mesh *m; struct subject s; struct mesh_approvals sum; };

static void
weigh_one(void *arg, const struct policy_restriction *r)
{
	struct weighing *w = arg;

	weigh(w->m, &w->s, r, &w->sum);
}

struct mesh_approvals
mesh_grant_approvals(const struct mesh *m, struct arena *a, const struct mesh_grant *g, const struct mesh_table *table)
{
	const struct policy_grant *p = mesh_grant_joined(m, a, g);
	struct weighing w = {.m = m, .s = {p->issuer_domain_id, p->asker_human_id, p->approvals, p->approval_count}};

	each_rule(&(struct rules_of){m, a, p, table, weigh_one, &w});
	return w.sum;
}

struct helping { struct subject s; struct policy_approval more; bool helps; };

static void
help_one(void *arg, const struct policy_restriction *r)
{
	struct helping *h = arg;

	h->helps |= helps(&h->s, r, &h->more);
}

bool
mesh_may_approve(const struct mesh *m, struct arena *a, const struct mesh_grant *g, Str person_id)
{
	const struct policy_grant *p = mesh_grant_joined(m, a, g);
	struct helping h = {.s = {p->issuer_domain_id, p->asker_human_id, p->approvals, p->approval_count}};

	if (p->revoked || p->voided || !as_approval(m, a, person_id, &h.more)) return false;
	each_rule(&(struct rules_of){m, a, p, NULL, help_one, &h});
	return h.helps;
}

/* --- tags --- */

/* Each restriction that demands approvals of a table that the change is about, before it or after. */
static void
each_rule_of_tag(const struct mesh *m, struct arena *a, const struct mesh_tag *t, table_fn *fn, void *arg)
{
	const struct log *log = state_log(m, t->domain_id);
	const struct product *p = log ? (const struct product *)state_find(m, RECORD_PRODUCT, log, t->product_id) : NULL;
	struct policy_tag *before = NEW(a, struct policy_tag);
	const struct policy_restriction *const *rules;

	*before = (struct policy_tag){t->tag, t->before};
	for (size_t i = 0; p && i < p->pub.table_count; i++) {
		struct policy_table view = p->pub.tables[i].policy;
		if (t->table.n && !str_eq(t->table, view.name)) continue;
		view.tags_before = (struct policy_tags){before, 1};
		size_t n = ask_rules_of_approvals(m, a, &view, &rules);
		for (size_t k = 0; k < n; k++)
			if (policy_is_about(rules[k], &view)) fn(arg, rules[k]);
	}
}

static struct subject
tag_subject(const struct mesh *m, struct arena *a, const struct mesh_tag *t)
{
	struct policy_approval *list;
	size_t n = ask_tag_approvals(m, a, t, &list);

	return (struct subject){t->domain_id, (Str){"", 0}, list, n};
}

struct mesh_approvals
mesh_tag_approvals(const struct mesh *m, struct arena *a, const struct mesh_tag *t)
{
	struct weighing w = {.m = m, .s = tag_subject(m, a, t)};

	each_rule_of_tag(m, a, t, weigh_one, &w);
	return w.sum;
}

bool
mesh_may_approve_tag(const struct mesh *m, struct arena *a, const struct mesh_tag *t, Str person_id)
{
	struct helping h = {.s = tag_subject(m, a, t)};

	if (!as_approval(m, a, person_id, &h.more)) return false;
	each_rule_of_tag(m, a, t, help_one, &h);
	return h.helps;
}

/* --- would it open? --- */

static struct policy_tags
with_tag(struct arena *a, const struct policy_tags *now, Str tag, Str value)
{
	struct policy_tag *list = NEW_N(a, now->count + 1, struct policy_tag);
	size_t n = 0;

	for (size_t i = 0; i < now->count; i++)
		if (!str_eq(now->list[i].name, tag)) list[n++] = now->list[i];
	if (value.n) list[n++] = (struct policy_tag){tag, value};
	return (struct policy_tags){list, n};
}

/* Is there a grant by tags that fits then and does not now? */
static bool
grant_opens(const struct log *log, const struct policy_tags *now, const struct policy_tags *then)
{
	static const struct policy_tags none = {0};

	for (const struct grant *g = log->lookup.tag_grants; g; g = g->next_by_tags) {
		const struct policy_grant *p = &g->pub.policy;
		if (!p->revoked && policy_tags_fit(p->tags, then, &none, true) && !policy_tags_fit(p->tags, now, &none, true)) return true;
	}
	return false;
}

/* Is there a restriction that is about a column of these tags now, and would not be then? */
static bool
rule_opens(const struct mesh *m, struct arena *a, const struct policy_table *t, const struct policy_tags *now, const struct policy_tags *then)
{
	const struct policy_restriction *const *rules;
	struct policy_table is = {.domain_id = t->domain_id, .product_id = t->product_id, .name = t->name, .tags = *now}, becomes = is;
	size_t n = ask_rules(m, a, &is, state_log(m, t->domain_id), NULL, &rules);

	becomes.tags = *then;
	for (size_t i = 0; i < n; i++)
		if (policy_is_about(rules[i], &is) && !policy_is_about(rules[i], &becomes)) return true;
	return false;
}

static bool
change_opens(const struct mesh *m, struct arena *a, const struct policy_table *t, const struct policy_tags *now, Str tag, Str value)
{
	struct policy_tags then = with_tag(a, now, tag, value);

	return grant_opens(state_log(m, t->domain_id), now, &then) || rule_opens(m, a, t, now, &then);
}

bool
mesh_tag_opened(const struct mesh *m, struct arena *a, const struct mesh_tag *t)
{
	const struct log *log = state_log(m, t->domain_id);
	const struct mesh_product *p = log ? PUB(product, state_find(m, RECORD_PRODUCT, log, t->product_id)) : NULL;

	for (size_t i = 0; p && i < p->table_count; i++) {
		const struct policy_table *x = &p->tables[i].policy;
		if (t->table.n && !str_eq(t->table, x->name)) continue;
		struct policy_tags was = with_tag(a, &x->tags, t->tag, t->before);
		if (t->column.n == 0 && (grant_opens(log, &was, &x->tags) || rule_opens(m, a, x, &was, &x->tags))) return true;
		for (size_t k = 0; k < x->column_count; k++) {
			const struct policy_tags *now = &x->columns[k].tags;
			if (t->column.n && !str_ieq(t->column, x->columns[k].name)) continue;
			was = with_tag(a, now, t->tag, t->before);
			if (grant_opens(log, &was, now) || rule_opens(m, a, x, &was, now)) return true;
		}
	}
	return false;
}

/* What counts where the thing's own tag is taken away: what the thing that it is part of says. */
static Str
inherited(const struct mesh *m, const struct mesh_product *p, const struct policy_table *t, Str table, Str column, Str tag)
{
	const struct log *log = state_log(m, p->domain_id);

	for (size_t i = 0; column.n && i < t->tags.count; i++)
		if (str_eq(t->tags.list[i].name, tag)) return t->tags.list[i].value;
	if (column.n || table.n == 0) return (Str){"", 0};
	for (const struct tag *own = state_tags_of(m, log, p->id); own; own = own->older)
		if (own->pub.table.n == 0 && own->pub.column.n == 0 && str_eq(own->pub.tag, tag)) return own->pub.value;
	return (Str){"", 0};
}

bool
mesh_tag_opens(const struct mesh *m, struct arena *a, const struct mesh_product *p, Str table, Str column, Str tag, Str value)
{
	for (size_t i = 0; i < p->table_count; i++) {
		const struct policy_table *t = &p->tables[i].policy;
		if (table.n && !str_eq(table, t->name)) continue;
		Str then = value.n ? value : inherited(m, p, t, table, column, tag);
		if (column.n == 0 && change_opens(m, a, t, &t->tags, tag, then)) return true;
		for (size_t k = 0; k < t->column_count; k++)
			if ((column.n == 0 || str_ieq(column, t->columns[k].name)) && change_opens(m, a, t, &t->columns[k].tags, tag, then)) return true;
	}
	return false;
}

bool
mesh_class_opens(const struct mesh *m, struct arena *a, const struct mesh_product *p, Str table, Str column, Str class, Str *ret_then)
{
	const struct tag *newest = state_tags_of(m, state_log(m, p->domain_id), p->id);

	for (size_t i = 0; i < p->table_count; i++) {
		const struct policy_table *t = &p->tables[i].policy;
		for (size_t k = 0; str_eq(t->name, table) && k < t->column_count; k++) {
			if (!str_eq(t->columns[k].name, column)) continue;
			*ret_then = tags_published(p, &p->tables[i], k, newest, class);
			return change_opens(m, a, t, &t->columns[k].tags, S("classification"), *ret_then);
		}
	}
	return false;
}
