/* What the decision promises, driven by chance: a restriction more opens nothing, a delegation widens nothing, an approval of somebody who does not
 * count opens nothing, equal hashes are equal extracts, and no order of the lists matters. Each fault planted must be noticed by the same runs. */
#define HEDDLE_POLICY_FAULTS
extern unsigned policy_faults;
#include "policy/cover.c"
#include "policy/decide.c"
#include "policy/digest.c"
#include "policy/scope.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "world.h"

unsigned policy_faults;

enum { ROUNDS = 120000, FAULTY_ROUNDS = 40000, GRANTS = 4, DELEGATIONS = 3, RULES = 4, APPROVALS = 5, DECISIONS = 60000 };

static uint64_t dice;

static uint32_t
roll(uint32_t n)
{
	dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(dice >> 33) % n;
}

static bool
one_in(uint32_t n)
{
	return roll(n) == 0;
}

/* --- a world --- */

static const Str CLASSES[] = {{"public", 6}, {"internal", 8}, {"secret", 6}, {"", 0}}, ENVIRONMENTS[] = {{"dev", 3}, {"prod", 4}, {"", 0}};
static const Str DOMAINS[] = {{"insights", 8}, {"stores", 6}, {"other", 5}, {"", 0}};
static const Str PURPOSES[] = {{"marketing", 9}, {"marketing/campaigns", 19}, {"audit", 5}, {"*", 1}, {"market", 6}};
static const Str PEOPLE[] = {{"ann", 3}, {"bob", 3}, {"cid", 3}, {"dan", 3}, {"eve", 3}}, GROUPS[] = {{"grp_1", 5}, {"grp_2", 5}};
static const char *const FILTERS[] = {"region = 'EU'", "sales > 5", "NOT name IN ('x', 'y')", "gone = 1", "region = 'EU' OR sales < 1"};

struct sample {
	struct arena a;
	struct policy_table table;
	struct policy_column columns[COLUMNS];
	struct policy_principal who;
	struct policy_grant grants[GRANTS];
	struct policy_delegation delegations[DELEGATIONS];
	struct policy_restriction rules[RULES + 1];
	const struct policy_grant *g[GRANTS];
	const struct policy_delegation *d[DELEGATIONS];
	const struct policy_restriction *r[RULES + 1];
	struct policy_question q;
};

static struct policy_tags
random_tags(struct arena *a, size_t most)
{
	struct policy_tag *list = NEW_N(a, most, struct policy_tag);
	size_t n = 0;

	for (size_t i = 0; i < most; i++) {
		bool class = most == 2 ? i == 0 : roll(2); /* of what counts now one each */
		Str value = class ? CLASSES[roll(4)] : ENVIRONMENTS[roll(3)];
		if (value.n || most != 2) list[n++] = (struct policy_tag){class ? S("classification") : S("environment"), value};
	}
	return (struct policy_tags){list, n};
}

static const struct tag_expr *
random_tag_expr(struct arena *a, int depth, bool may_negate)
{
	struct tag_expr *e = NEW(a, struct tag_expr);
	Str *values = NEW_N(a, 2, Str);

	e->op = depth > 0 && roll(2) ? (enum tag_op)(1 + roll(may_negate ? 3 : 2)) : TAG_IN;
	if (e->op != TAG_IN) {
		e->left = random_tag_expr(a, depth - 1, may_negate);
		e->right = e->op == TAG_NOT ? NULL : random_tag_expr(a, depth - 1, may_negate);
		return e;
	}
	bool class = roll(2);
	values[0] = class ? CLASSES[roll(3)] : ENVIRONMENTS[roll(2)], values[1] = class ? CLASSES[roll(3)] : ENVIRONMENTS[roll(2)];
	e->tag = class ? S("classification") : S("environment"), e->values = values, e->value_count = 1 + roll(2);
	return e;
}

static const struct predicate *
random_rows(struct arena *a)
{
	struct ctx c = {.arena = a};
	const struct predicate *p = NULL;

	if (one_in(2)) return NULL;
	Err e = predicate_parse(&c, str_c(FILTERS[one_in(12) ? 3 : roll(2) ? 0 : roll(5)]), &p);
	if (!err_ok(e)) fail_msg("%s", c.detail);
	return p;
}

static const struct policy_mask *
random_masks(struct arena *a, size_t *ret_n)
{
	struct policy_mask *masks = NEW_N(a, 2, struct policy_mask);

	*ret_n = roll(3);
	for (size_t i = 0; i < *ret_n; i++) masks[i] = (struct policy_mask){world_columns[roll(COLUMNS)].name, (enum mask_kind)roll(MASK_KIND_COUNT)};
	return masks;
}

static const Str *
random_columns(struct arena *a, size_t most, size_t *ret_n)
{
	Str *names = NEW_N(a, most, Str);

	*ret_n = roll((uint32_t)most + 1);
	for (size_t i = 0; i < *ret_n; i++) names[i] = world_columns[roll(COLUMNS)].name;
	return names;
}

static const Str *
random_purposes(struct arena *a, size_t least, size_t *ret_n)
{
	Str *list = NEW_N(a, 2, Str);

	*ret_n = least + roll(2);
	for (size_t i = 0; i < *ret_n; i++) list[i] = PURPOSES[roll(5)];
	return list;
}

static struct policy_approval
random_approval(void)
{
	struct policy_approval p = {.log_id = DOMAINS[one_in(3) ? roll(3) : 1], .person_id = PEOPLE[roll(5)], .role = 1u << roll(5), .service = one_in(6)};

	p.human_id = one_in(3) ? PEOPLE[roll(5)] : p.person_id;
	return p;
}

static struct policy_terms
random_terms(struct arena *a)
{
	struct policy_terms t = {.row_budget = one_in(4) ? 10 : 0, .no_export = one_in(4)};

	if (one_in(6)) {
		t.min_group = 1 + roll(3);
		t.group_by = random_columns(a, 2, &t.group_by_count);
		if (roll(2)) t.unit = world_columns[HOUSEHOLD].name;
	}
	if (one_in(8)) t.hours = (struct policy_hours){(uint8_t)(1 + roll(127)), (uint16_t)(roll(12) * 60), (uint16_t)(12 * 60 + roll(12) * 60)};
	return t;
}

static void
random_grant(struct sample *s, size_t i)
{
	struct policy_grant *g = &s->grants[i];
	struct policy_approval *approvals = NEW_N(&s->a, APPROVALS + 1, struct policy_approval);

	*g = world_grant;
	g->id = arena_printf(&s->a, "grt_%zu", i);
	g->to_kind = (enum principal_kind)(one_in(2) ? 0 : roll(3));
	g->to_id = g->to_kind == PRINCIPAL_DOMAIN ? DOMAINS[one_in(6)] : g->to_kind == PRINCIPAL_PERSON ? PEOPLE[one_in(3)] : GROUPS[roll(2)];
	g->to_domain_id = DOMAINS[one_in(6)];
	g->purposes = random_purposes(&s->a, 1, &g->purpose_count);
	g->masks = random_masks(&s->a, &g->mask_count), g->hidden = random_columns(&s->a, 2, &g->hidden_count);
	g->rows = random_rows(&s->a), g->terms = random_terms(&s->a);
	if (one_in(3)) g->product_id = S(""), g->tags = random_tag_expr(&s->a, 2, one_in(20)), g->future = one_in(3), g->seq = 2;
	if (one_in(12)) g->table = S("customers");
	if (one_in(8)) g->until = NOON + (Time)roll(3) - 1;
	g->approvals = approvals, g->approval_count = roll(APPROVALS + 1);
	for (size_t k = 0; k < g->approval_count; k++) approvals[k] = random_approval();
	if (one_in(2)) g->asker_human_id = PEOPLE[roll(5)];
	g->revoked = one_in(15), g->voided = one_in(15);
}

static void
random_delegation(struct sample *s, size_t i)
{
	struct policy_delegation *d = &s->delegations[i];

	*d = (struct policy_delegation){.id = arena_printf(&s->a, "dlg_%zu", i), .domain_id = DOMAINS[one_in(8)], .grant_id = s->grants[roll(GRANTS)].id,
	    .issuer_domain_id = S("stores"), .to_kind = one_in(2) ? PRINCIPAL_PERSON : PRINCIPAL_GROUP, .from = NOON - TIME_DAY,
	    .until = one_in(4) ? NOON + (Time)roll(3) - 1 : NOON + TIME_DAY * 9, .interactions = one_in(4) ? roll(4) : 0, .ended = one_in(8), .voided = one_in(8)};
	d->to_id = d->to_kind == PRINCIPAL_PERSON ? PEOPLE[one_in(4)] : GROUPS[roll(2)];
	if (one_in(8)) d->table = one_in(2) ? S("customers") : world_table.name;
	d->purposes = random_purposes(&s->a, 0, &d->purpose_count);
	d->rows = random_rows(&s->a), d->masks = random_masks(&s->a, &d->mask_count), d->hidden = random_columns(&s->a, 1, &d->hidden_count);
}

static struct policy_restriction
random_rule(struct sample *s, size_t i)
{
	struct policy_restriction r = {.id = arena_printf(&s->a, "rst_%zu", i), .lifted = one_in(12)};

	if (one_in(3)) r.product_id = one_in(4) ? S("p2") : S("p1");
	if (one_in(4)) r.domain_id = DOMAINS[roll(3)];
	if (one_in(4)) r.classification = one_in(3) ? S("Personal") : CLASSES[roll(3)];
	if (one_in(3)) r.tags = random_tag_expr(&s->a, 2, true);
	if (one_in(2)) r.mask = (enum mask_kind)roll(MASK_KIND_COUNT);
	r.hide = one_in(8), r.max_days = one_in(5) ? 1 + roll(3) : 0, r.approvals = one_in(4) ? 1 + roll(2) : 0, r.demand_purpose = one_in(8);
	if (r.approvals && one_in(2)) r.approver_roles = 1u << roll(5);
	if (r.approvals && one_in(3)) r.approvers[r.approver_count++] = PEOPLE[roll(5)];
	r.demand_handing = one_in(6), r.min_level = one_in(8) ? 1 + roll(3) : 0, r.suspend = one_in(40), r.freeze = one_in(30);
	if (one_in(60)) r.mask = (enum mask_kind)99;
	return r;
}

static void
sample_init(struct sample *s)
{
	*s = (struct sample){.table = world_table, .who = world_analyst};
	memcpy(s->columns, world_columns, sizeof s->columns);
	for (size_t i = 0; i < COLUMNS; i++) {
		s->columns[i].tags = random_tags(&s->a, 2), s->columns[i].since = 1 + roll(3);
		if (one_in(4)) s->columns[i].tags_before = random_tags(&s->a, 3);
	}
	s->table.columns = s->columns, s->table.since = 1 + roll(3), s->table.tags = random_tags(&s->a, 2);
	s->who.groups = GROUPS, s->who.group_count = roll(3), s->who.handed_to_all = roll(2), s->who.is_owner = one_in(8);
	if (one_in(20)) s->who.domain_id = S("stores");
	for (size_t i = 0; i < GRANTS; i++) random_grant(s, i), s->g[i] = &s->grants[i];
	for (size_t i = 0; i < DELEGATIONS; i++) random_delegation(s, i), s->d[i] = &s->delegations[i];
	for (size_t i = 0; i <= RULES; i++) s->rules[i] = random_rule(s, i), s->r[i] = &s->rules[i];
	s->q = (struct policy_question){.who = &s->who, .table = &s->table, .purpose = PURPOSES[roll(3)], .any_purpose = one_in(6),
	    .purpose_unknown = one_in(40), .interaction = INTERACT_SQL, .level = 3 - roll(2), .now = NOON + TIME_DAY * (Time)roll(2) / 2,
	    .grants = s->g, .grant_count = roll(GRANTS + 1), .delegations = s->d, .delegation_count = roll(DELEGATIONS + 1),
	    .restrictions = s->r, .restriction_count = one_in(2) ? 0 : roll(RULES + 1)};
	if (one_in(12)) s->q.purpose = S("");
}

static struct policy_decision
ask(struct sample *s, const struct policy_question *q)
{
	struct policy_decision d;

	policy_decide(&s->a, q, NULL, &d);
	return d;
}

/* --- does b show nothing that a does not? --- */

static Str
text_of(struct arena *a, const struct predicate *p)
{
	BUF_AUTO out = BUF_INIT;

	if (p) predicate_print(p, &out);
	return arena_str(a, buf_view(&out));
}

static bool
rows_not_more(struct arena *a, const struct predicate *more, const struct predicate *less)
{
	if (!more || (less && str_eq(text_of(a, more), text_of(a, less)))) return true;
	return less && less->op == PRED_AND && (rows_not_more(a, more, less->left) || rows_not_more(a, more, less->right));
}

static const char *
shows_more(struct arena *a, const struct policy_decision *d, const struct policy_decision *than)
{
	if (d->verdict == VERDICT_REFUSE) return NULL;
	if (than->verdict == VERDICT_REFUSE) return "what was refused";
	if (!rows_not_more(a, than->rows, d->rows)) return "other rows";
	if (d->plain && !than->plain) return "the files themselves";
	if (d->until > than->until) return "longer";
	if (d->terms.min_group != than->terms.min_group || (than->terms.no_export && !d->terms.no_export)) return "under other terms";
	if (d->min_level < than->min_level) return "in a weaker sandbox";
	for (size_t i = 0; i < COLUMNS; i++) {
		if (than->columns[i].hidden && !d->columns[i].hidden) return "a hidden column";
		if (!d->columns[i].hidden && d->columns[i].mask == MASK_HASH && (than->columns[i].mask == MASK_LAST_FOUR || than->columns[i].mask == MASK_YEAR))
			return "which whole values are equal";
		if (!d->columns[i].hidden && d->columns[i].mask < than->columns[i].mask) return "a column under a weaker mask";
	}
	return NULL;
}

/* The question with the candidate alone that a decision used. */
static struct policy_question
alone(struct sample *s, const struct policy_decision *d, bool delegated)
{
	struct policy_question q = s->q;

	for (size_t i = 0; i < s->q.grant_count; i++)
		if (str_eq(s->g[i]->id, d->grant_id)) q.grants = &s->g[i], q.grant_count = 1;
	q.delegation_count = 0;
	for (size_t i = 0; delegated && i < s->q.delegation_count; i++)
		if (str_eq(s->d[i]->id, d->delegation_id)) q.delegations = &s->d[i], q.delegation_count = 1;
	return q;
}

struct outcome { unsigned cases, telling; const char *first; };

static void
restriction_more(struct sample *s, struct outcome *o)
{
	struct policy_question more = s->q;

	s->r[s->q.restriction_count] = &s->rules[RULES];
	more.restriction_count++;
	struct policy_decision with = ask(s, &more), without = ask(s, &s->q);
	o->telling += without.verdict == VERDICT_ALLOW && (with.verdict == VERDICT_REFUSE || memcmp(with.hash, without.hash, 32) != 0);
	if (with.verdict == VERDICT_REFUSE) return;
	if (without.verdict == VERDICT_REFUSE) o->first = "it opens";
	if (with.grant_id.n == 0) return;
	struct policy_question q = alone(s, &with, true);
	struct policy_decision same = ask(s, &q);
	const char *why = shows_more(&s->a, &with, &same);
	if (why) o->first = why;
}

/* Does the filter name a column that is not shown as it is? */
static bool
looks_through(const struct sample *s, const struct predicate *p, const struct policy_decision *shown)
{
	if (!p) return false;
	if (p->op == PRED_NOT) return looks_through(s, p->left, shown);
	if (p->op == PRED_AND || p->op == PRED_OR) return looks_through(s, p->left, shown) || looks_through(s, p->right, shown);
	for (size_t i = 0; i < s->q.table->column_count; i++)
		if (str_ieq(s->q.table->columns[i].name, p->column)) return shown->columns[i].hidden || shown->columns[i].mask != MASK_NONE;
	return true;
}

/* An owner of the consumer uses the grant as it stands: nobody of theirs gets more, nor learns more by what is left of the rows. */
static void
delegation_narrows(struct sample *s, struct outcome *o)
{
	struct policy_decision d = ask(s, &s->q);
	struct policy_principal owner = s->who;

	if (d.verdict == VERDICT_REFUSE || d.delegation_id.n == 0) return;
	o->telling++;
	owner.is_owner = true;
	struct policy_question q = alone(s, &d, false);
	q.who = &owner;
	struct policy_decision whole = ask(s, &q);
	const char *why = shows_more(&s->a, &d, &whole);
	if (why) o->first = why;
	for (size_t i = 0; i < COLUMNS; i++)
		if (!d.columns[i].hidden && d.columns[i].mask == MASK_HASH && whole.columns[i].mask != MASK_HASH && !d.apart) o->first = "its own hashes under the key of others";
	for (size_t i = 0; i < DELEGATIONS; i++) {
		if (!str_eq(s->d[i]->id, d.delegation_id)) continue;
		if (s->d[i]->ended || s->d[i]->voided || d.until > s->d[i]->until) o->first = "by one that is over";
		if (looks_through(s, s->d[i]->rows, &whole)) o->first = "a filter looks through a mask";
	}
}

/* More approvals of somebody who does not count: nothing changes. */
static void
stranger_approves(struct sample *s, struct outcome *o)
{
	struct policy_decision before = ask(s, &s->q);

	for (size_t i = 0; i < s->q.grant_count; i++) {
		struct policy_grant *g = &s->grants[i];
		struct policy_approval *p = &((struct policy_approval *)(uintptr_t)g->approvals)[g->approval_count], twin = g->approval_count ? p[-1] : *p;
		*p = (struct policy_approval){.log_id = S("stores"), .person_id = S("zoe"), .human_id = S("zoe"), .role = 31};
		uint32_t kind = roll(4);
		if (kind == 0) p->log_id = one_in(2) ? S("insights") : S("governance");
		if (kind == 1) p->service = true;
		if (kind == 2 && g->asker_human_id.n == 0) continue;
		if (kind == 2) p->human_id = g->asker_human_id;
		if (kind == 3 && (g->approval_count == 0 || twin.service || !str_eq(twin.log_id, S("stores")))) continue;
		if (kind == 3) p->human_id = twin.human_id, p->role = twin.role; /* another account of theirs */
		g->approval_count++;
	}
	struct policy_decision after = ask(s, &s->q);
	o->telling += before.verdict == VERDICT_REFUSE;
	if (after.verdict != before.verdict || !str_eq(after.grant_id, before.grant_id)) o->first = "it opens";
}

/* A grant by tags shows a column only where each value fits that may count. */
static void
unapproved_tags(struct sample *s, struct outcome *o)
{
	struct policy_decision d = ask(s, &s->q);
	const struct tag_expr *e = NULL;
	static const struct policy_tags none = {0};

	for (size_t i = 0; i < s->q.grant_count; i++)
		if (str_eq(s->g[i]->id, d.grant_id)) e = s->g[i]->tags;
	for (size_t i = 0; d.verdict == VERDICT_ALLOW && e && i < COLUMNS; i++) {
		struct policy_column *col = &s->columns[i];
		if (d.columns[i].hidden) continue;
		o->telling += col->tags_before.count > 0;
		for (size_t k = 0; k < col->tags_before.count; k++) { /* each value that may count, put in the place of what counts */
			struct policy_tag with[3];
			struct policy_tags one = {with, 0};
			for (size_t j = 0; j < col->tags.count; j++)
				if (!str_eq(col->tags.list[j].name, col->tags_before.list[k].name)) with[one.count++] = col->tags.list[j];
			if (col->tags_before.list[k].value.n) with[one.count++] = col->tags_before.list[k];
			if (!policy_tags_fit(e, &one, &none, true)) o->first = "a column that did not fit before";
		}
	}
}

static void
order_is_nothing(struct sample *s, struct outcome *o)
{
	struct policy_decision before = ask(s, &s->q);

	for (size_t i = 1; i < s->q.grant_count; i++) {
		size_t k = roll((uint32_t)i + 1);
		const struct policy_grant *swap = s->g[i];
		s->g[i] = s->g[k], s->g[k] = swap;
	}
	for (size_t i = 1; i < s->q.restriction_count; i++) {
		size_t k = roll((uint32_t)i + 1);
		const struct policy_restriction *swap = s->r[i];
		s->r[i] = s->r[k], s->r[k] = swap;
	}
	struct policy_decision after = ask(s, &s->q);
	o->telling += before.verdict == VERDICT_ALLOW && s->q.grant_count > 1;
	if (after.verdict != before.verdict || !str_eq(after.grant_id, before.grant_id) || !str_eq(after.delegation_id, before.delegation_id) ||
	    (after.verdict == VERDICT_ALLOW && memcmp(after.hash, before.hash, 32) != 0) || after.until != before.until)
		o->first = "another decision";
	if (!str_eq(after.reason, before.reason)) o->first = "another reason";
}

typedef void property_fn(struct sample *s, struct outcome *o);

static struct outcome
run(property_fn *property, unsigned rounds, unsigned faults, uint64_t seed)
{
	struct outcome o = {0};

	dice = seed;
	for (policy_faults = faults; o.cases < rounds && !o.first; o.cases++) {
		struct sample s;
		sample_init(&s);
		property(&s, &o);
		arena_fini(&s.a);
	}
	policy_faults = 0;
	return o;
}

static const struct { property_fn *property; const char *name; unsigned faults; } properties[] = {
    {restriction_more, "a restriction more", POLICY_FAULT_LOOSEN}, {restriction_more, "a restriction more", POLICY_FAULT_LENGTHEN},
    {restriction_more, "a restriction more", POLICY_FAULT_UNHIDE}, {restriction_more, "a restriction more", POLICY_FAULT_HANDING},
    {delegation_narrows, "a delegation", POLICY_FAULT_ROWS}, {delegation_narrows, "a delegation", POLICY_FAULT_UNTIL},
    {delegation_narrows, "a delegation", POLICY_FAULT_PURPOSE}, {delegation_narrows, "a delegation", POLICY_FAULT_MASKS},
    {delegation_narrows, "a delegation", POLICY_FAULT_ENDED}, {delegation_narrows, "a delegation", POLICY_FAULT_PEEKS},
    {delegation_narrows, "a delegation", POLICY_FAULT_APART}, {stranger_approves, "a stranger", POLICY_FAULT_STRANGERS},
    {stranger_approves, "a stranger", POLICY_FAULT_HUMANS}, {stranger_approves, "a stranger", POLICY_FAULT_ASKER},
    {stranger_approves, "a stranger", POLICY_FAULT_SERVICES}, {unapproved_tags, "a tag", POLICY_FAULT_BEFORE}, {order_is_nothing, "an order", 0},
};

static void
nothing_opens(void **state)
{
	property_fn *done = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(properties); i++) {
		if (properties[i].property == done) continue;
		done = properties[i].property;
		struct outcome o = run(done, ROUNDS, 0, 1 + i);
		if (o.first) fail_msg("%s shows %s (case %u, seed %zu)", properties[i].name, o.first, o.cases, 1 + i);
		if (o.telling < ROUNDS / 400) fail_msg("%s: only %u of %u cases could tell", properties[i].name, o.telling, o.cases);
		print_message("%s: %u cases, %u of them telling\n", properties[i].name, o.cases, o.telling);
	}
}

static void
planted_faults_are_noticed(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(properties); i++) {
		if (!properties[i].faults) continue;
		struct outcome o = run(properties[i].property, FAULTY_ROUNDS, properties[i].faults, 1 + i);
		if (!o.first) fail_msg("fault %u: not noticed in %u cases", properties[i].faults, o.cases);
	}
}

/* --- the hash --- */

struct hashed { uint8_t hash[32]; Str text; };

static Str
shape_text(struct sample *s, struct arena *a, const struct policy_decision *d)
{
	BUF_AUTO out = BUF_INIT;
	bool keyed = false;

	buf_str(&out, text_of(&s->a, d->rows));
	for (size_t i = 0; i < COLUMNS; i++) {
		buf_printf(&out, "|%d", d->columns[i].hidden ? -1 : (int)d->columns[i].mask);
		keyed |= !d->columns[i].hidden && d->columns[i].mask == MASK_HASH;
	}
	if (keyed) buf_printf(&out, "|%.*s|%.*s|%d", STR(s->who.domain_id), STR(s->q.purpose), d->apart);
	if (d->terms.min_group) buf_printf(&out, "|groups %u, unit %.*s", d->terms.min_group, STR(d->terms.unit));
	for (size_t i = 0; d->terms.min_group && i < d->terms.group_by_count; i++) buf_printf(&out, "|%.*s", STR(d->terms.group_by[i]));
	return arena_str(a, buf_view(&out));
}

static int
by_hash(const void *a, const void *b)
{
	return memcmp(((const struct hashed *)a)->hash, ((const struct hashed *)b)->hash, 32);
}

static int
by_text(const void *a, const void *b)
{
	return str_cmp(((const struct hashed *)a)->text, ((const struct hashed *)b)->text);
}

/* How many pairs of neighbours have one hash for two texts, or two for one. */
static size_t
mixed_up(unsigned faults)
{
	ARENA_AUTO a = ARENA_INIT;
	struct hashed *all = mem_alloc(DECISIONS * sizeof *all);
	size_t n = 0, wrong = 0;

	dice = 99, policy_faults = faults;
	for (size_t i = 0; i < DECISIONS; i++) {
		struct sample s;
		sample_init(&s);
		struct policy_decision d = ask(&s, &s.q);
		if (d.verdict == VERDICT_ALLOW) {
			memcpy(all[n].hash, d.hash, 32);
			all[n++].text = shape_text(&s, &a, &d);
		}
		arena_fini(&s.a);
	}
	policy_faults = 0;
	assert_true(n > DECISIONS / 40);
	qsort(all, n, sizeof *all, by_hash);
	for (size_t i = 1; i < n; i++) wrong += by_hash(&all[i - 1], &all[i]) == 0 && by_text(&all[i - 1], &all[i]) != 0;
	qsort(all, n, sizeof *all, by_text);
	for (size_t i = 1; i < n; i++) wrong += by_text(&all[i - 1], &all[i]) == 0 && by_hash(&all[i - 1], &all[i]) != 0;
	free(all);
	return wrong;
}

static void
the_hash_tells_apart(void **state)
{
	(void)state;
	assert_int_equal(mixed_up(0), 0);
	assert_true(mixed_up(POLICY_FAULT_GROUPS) > 0);
	assert_true(mixed_up(POLICY_FAULT_KEYED) > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_opens), cmocka_unit_test(planted_faults_are_noticed), cmocka_unit_test(the_hash_tells_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
