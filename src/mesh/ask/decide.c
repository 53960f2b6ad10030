/* The decision. */
#include <stdlib.h>

#include "mesh/ask/ask.h"

static int
by_grant_id(const void *a, const void *b)
{
	const struct policy_grant *x = *(const struct policy_grant *const *)a, *y = *(const struct policy_grant *const *)b;

	return str_cmp(x->id, y->id);
}

static int
by_delegation_id(const void *a, const void *b)
{
	const struct policy_delegation *x = *(const struct policy_delegation *const *)a, *y = *(const struct policy_delegation *const *)b;

	return str_cmp(x->id, y->id);
}

static int
by_restriction_id(const void *a, const void *b)
{
	const struct policy_restriction *x = *(const struct policy_restriction *const *)a, *y = *(const struct policy_restriction *const *)b;

	return str_cmp(x->id, y->id);
}

enum { EXPECTED_COLUMNS = 16 };

/* What is gathered for one question. */
struct asking {
	const struct mesh *m;
	struct arena *a;
	struct policy_question *q;
	const struct log *producer, *consumer; /* consumer NULL: unknown */
	struct found grants, delegations;
	bool approvals, handing; /* a restriction asks for them */
};

/* --- grants --- */

/* What it does not cover, whoever stands behind it: most of a crowd of grants. */
static bool
is_settled(const struct policy_grant *g, const struct policy_question *q)
{
	if (g->revoked || (g->table.n > 0 && !str_eq(g->table, q->table->name)) || !(g->interactions & (uint32_t)q->interaction)) return true;
	return q->now < g->from || (q->now >= g->until && g->until != TIME_FOREVER);
}

static void
add_grant(struct asking *k, const struct grant *g)
{
	bool as_is = (!k->approvals || is_settled(&g->pub.policy, k->q)) && !ask_grant_undone(g);

	found_add(&k->grants, as_is ? &g->pub.policy : ask_grant(k->m, k->a, g));
}

static void
add_grants(struct asking *k, const struct grant *g)
{
	for (; g; g = g->same_pair)
		if (suppose_counts(k->m, g)) add_grant(k, g);
}

/* Of a view in which it is the only one there is: whoever tries out a policy asks so about each grant in turn. */
static void
add_lone_grant(struct asking *k, Str to_id)
{
	const struct grant *g = suppose_alone(k->m);

	if (!g || g->item.log != k->producer || !str_eq(g->pub.policy.to_id, to_id)) return;
	if (g->pub.policy.tags || str_eq(g->pub.policy.product_id, k->q->table->product_id)) add_grant(k, g);
}

/* All at once into the caches, before any is looked at. */
static void
expect_grants(const struct asking *k)
{
	const struct policy_principal *who = k->q->who;
	Str product = k->q->table->product_id;

	state_expect_grants(k->m, product, who->person_id);
	state_expect_grants(k->m, product, who->domain_id);
	for (size_t i = 0; i < who->group_count; i++) state_expect_grants(k->m, product, who->groups[i]);
}

static void
add_grants_to(struct asking *k, Str to_id)
{
	if (to_id.n == 0) return;
	if (k->m->suppose && k->m->suppose->alone) {
		add_lone_grant(k, to_id);
		return;
	}
	add_grants(k, state_grants_of(k->m, k->producer, k->q->table->product_id, to_id));
	if (lookup_tag_grants_to(k->m, k->producer, to_id)) add_grants(k, state_grants_of(k->m, k->producer, (Str){"", 0}, to_id));
}

/* --- delegations --- */

static void
add_delegations(struct asking *k, Str to_id)
{
	if (to_id.n == 0 || !lookup_delegations_to(k->m, k->consumer, to_id)) return;
	for (size_t i = 0; i < k->grants.n; i++) {
		const struct policy_grant *g = k->grants.list[i];
		if (g->to_kind != PRINCIPAL_DOMAIN) continue;
		for (const struct delegation *d = lookup_delegations(k->m, k->consumer, g->id, to_id); d; d = d->same_grant) {
			if (!ask_delegation_undone(d)) {
				found_add(&k->delegations, &d->pub.policy);
				continue;
			}
			struct policy_delegation *p = NEW(k->a, struct policy_delegation);
			*p = d->pub.policy;
			p->voided = true;
			found_add(&k->delegations, p);
		}
	}
}

/* Where all may use what the domain was granted, nothing handed on shows more. */
static void
gather_delegations(struct asking *k, bool told)
{
	const struct policy_principal *who = k->q->who;
	bool needless = who->is_owner || (who->handed_to_all && !k->handing);

	if (!k->consumer || (needless && !told)) return;
	add_delegations(k, who->person_id);
	for (size_t i = 0; i < who->group_count; i++) add_delegations(k, who->groups[i]);
}

/* --- the question --- */

static void
gather_rules(struct asking *k)
{
	struct policy_question *q = k->q;

	q->restriction_count = ask_rules(k->m, k->a, q->table, k->producer, k->consumer, &q->restrictions);
	for (size_t i = 0; i < q->restriction_count; i++) {
		k->approvals |= q->restrictions[i]->approvals > 0;
		k->handing |= q->restrictions[i]->demand_handing;
	}
}

/* An explanation does not depend on how the state came about; without one policy needs no order. */
static void
sort_all(struct asking *k)
{
	struct policy_question *q = k->q;
	const struct policy_restriction **rules = NEW_N(k->a, q->restriction_count, const struct policy_restriction *);

	for (size_t i = 0; i < q->restriction_count; i++) rules[i] = q->restrictions[i];
	qsort(rules, q->restriction_count, sizeof *rules, by_restriction_id);
	q->restrictions = rules;
	if (k->grants.n) qsort(k->grants.list, k->grants.n, sizeof *k->grants.list, by_grant_id);
	if (k->delegations.n) qsort(k->delegations.list, k->delegations.n, sizeof *k->delegations.list, by_delegation_id);
}

/* Fill in what bears on the question, and decide. */
static void
decide(struct asking *k, const struct mesh_product *product, struct policy_trace *trace, struct policy_decision *ret)
{
	struct policy_question *q = k->q;
	const struct policy_principal *who = q->who;
	const struct product *p = HOLDER(product, product);
	bool own = who->is_owner && k->consumer == p->item.log;

	k->producer = p->item.log;
	k->grants.a = k->delegations.a = k->a;
	q->table = ask_table(k->m, k->a, p, q->table);
	if (!own) expect_grants(k);
	gather_rules(k);
	if (!own) {
		add_grants_to(k, who->person_id);
		add_grants_to(k, who->domain_id);
		for (size_t i = 0; i < who->group_count; i++) add_grants_to(k, who->groups[i]);
		gather_delegations(k, trace != NULL);
	}
	if (trace) sort_all(k);
	q->grants = (const struct policy_grant *const *)k->grants.list;
	q->grant_count = k->grants.n;
	q->delegations = (const struct policy_delegation *const *)k->delegations.list;
	q->delegation_count = k->delegations.n;
	policy_decide(k->a, q, trace, ret);
}

/* What is to be read of the table comes in while the person is looked up. */
static void
expect(const struct mesh_product *product, const struct policy_table *t)
{
	const char *columns = (const char *)t->columns;

	__builtin_prefetch(&HOLDER(product, product)->newest);
	for (size_t i = 0; i < t->column_count && i < EXPECTED_COLUMNS; i++) __builtin_prefetch(columns + i * sizeof *t->columns);
}

void
mesh_decide(const struct mesh *m, struct arena *a, Str person_id, const struct mesh_product *product, const struct mesh_table *table,
            Str purpose, enum interaction interaction, uint32_t level, Time now, struct policy_trace *trace, struct policy_decision *ret)
{
	const struct log *home;

	expect(product, &table->policy);
	struct policy_principal who = ask_person(m, a, person_id, &home);
	struct policy_question q = {.who = &who, .table = &table->policy, .purpose = purpose, .interaction = interaction, .level = level, .now = now,
	                            .purpose_unknown = !mesh_purpose_ok(m, purpose)};

	decide(&(struct asking){.m = m, .a = a, .q = &q, .consumer = home}, product, trace, ret);
}

void
ask_shown(const struct mesh *m, struct arena *a, const struct policy_principal *who, const struct log *home, const struct mesh_product *product,
          const struct mesh_table *table, Time now, struct policy_decision *ret)
{
	struct policy_question q = {.who = who, .table = &table->policy, .any_purpose = true, .interaction = INTERACT_SQL, .level = UINT32_MAX, .now = now};

	decide(&(struct asking){.m = m, .a = a, .q = &q, .consumer = home}, product, NULL, ret);
}

void
mesh_decide_any_purpose(const struct mesh *m, struct arena *a, Str person_id, const struct mesh_product *product,
                        const struct mesh_table *table, Time now, struct policy_decision *ret)
{
	const struct log *home;
	struct policy_principal who = ask_person(m, a, person_id, &home);

	ask_shown(m, a, &who, home, product, table, now, ret);
}

/* Any member of a domain, or of a group of it. */
static struct policy_principal
any_member(const struct mesh *m, struct arena *a, enum principal_kind kind, Str id)
{
	const struct mesh_group *group = kind == PRINCIPAL_GROUP ? PUB(group, state_first(m, RECORD_GROUP, id)) : NULL;
	const struct mesh_domain *domain = mesh_domain(m, group ? group->domain_id : id);
	Str *groups = NEW_N(a, 1, Str);

	groups[0] = group ? group->id : (Str){"", 0};
	return (struct policy_principal){.person_id = {"", 0}, .domain_id = domain ? domain->id : (Str){"", 0}, .groups = groups,
	    .group_count = group && !group->ended, .active = true, .handed_to_all = domain && !domain->handing_named};
}

void
mesh_explain(const struct mesh *m, struct arena *a, enum principal_kind kind, Str id, const struct mesh_product *product,
             const struct mesh_table *table, Str purpose, Time now, struct policy_trace *trace, struct policy_decision *ret)
{
	const struct log *home;
	struct policy_principal who = kind == PRINCIPAL_PERSON ? ask_person(m, a, id, &home) : any_member(m, a, kind, id);
	struct policy_question q = {.who = &who, .table = &table->policy, .purpose = purpose, .any_purpose = purpose.n == 0,
	                            .interaction = INTERACT_SQL, .level = UINT32_MAX, .now = now,
	                            .purpose_unknown = purpose.n > 0 && !mesh_purpose_ok(m, purpose)};

	if (kind != PRINCIPAL_PERSON) home = state_log(m, who.domain_id);
	decide(&(struct asking){.m = m, .a = a, .q = &q, .consumer = home}, product, trace, ret);
}
