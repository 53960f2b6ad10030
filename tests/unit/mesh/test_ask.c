/* What is joined over logs when it is asked for: who uses a grant, who stands behind it, which restrictions bear on a table, what a person sees.
 * Faults planted in the joins must each be noticed by what holds without them. */
#define HEDDLE_MESH_FAULTS
extern unsigned mesh_faults;
#include "mesh/ask/tags.c"
#include "mesh/ask/who.c"
#include "mesh/lookup.c"

#include "world.h"

unsigned mesh_faults;

enum { STORES, INSIGHTS, CENTER, EVIL, WORLDS = 60, STEPS = 120, PEOPLE = 6, PRODUCTS = 5 };

#define TABLE "stores.transactions.transactions"
#define ADD(w, domain, type, write)                                                                                            \
	do {                                                                                                                   \
		if (!SAY(w, domain, type, write)) fail_msg("%s", (w)->last.reason);                                            \
	} while (0)

static void
member(struct world *w, int domain, const char *person, enum role role)
{
	ADD(w, domain, MEMBER_SET, body_member_set(&w->body, str_c(person), role, false, S("")));
}

static int
setup(void **state)
{
	world_init(state);
	struct world *w = *state;

	mesh_faults = 0;
	world_found(w, STORES, "stores", false);
	world_found(w, INSIGHTS, "insights", false);
	world_found(w, CENTER, "governance", true);
	world_found(w, EVIL, "evil", false);
	mesh_set_center(w->m, did(w, CENTER));
	member(w, STORES, "person00", ROLE_OWNER);
	member(w, STORES, "steward00", ROLE_STEWARD);
	member(w, INSIGHTS, "ida_owner", ROLE_OWNER);
	member(w, INSIGHTS, "analyst00", ROLE_ANALYST);
	member(w, EVIL, "person66", ROLE_OWNER);
	assert_true(publish(w, STORES, "prd_stores01", "transactions"));
	return 0;
}

static void
grant_to_insights(struct world *w)
{
	struct mesh_grant g = a_grant("grt_00000001", "prd_stores01", PRINCIPAL_DOMAIN, did(w, INSIGHTS));

	if (!say_grant(w, STORES, &g)) fail_msg("%s", w->last.reason);
}

static void
restrict_with(struct world *w, const char *id, struct policy_restriction p)
{
	struct mesh_restriction r = {.policy = p, .name = S("")};

	r.policy.id = str_c(id);
	ADD(w, CENTER, RESTRICTION_ADD, body_restriction(&w->body, &r));
}

static void
approve(struct world *w, int domain, const char *person, const char *subject)
{
	w->actor = str_c(person);
	ADD(w, domain, APPROVAL_ADD, body_approval(&w->body, did(w, STORES), str_c(subject)));
	w->actor = S("");
}

/* --- handing on --- */

static void
a_domain_that_names(void **state)
{
	struct world *w = *state;
	struct mesh_delegation d = {.policy = {.id = S("dlg_00000001"), .grant_id = S("grt_00000001"), .issuer_domain_id = did(w, STORES), .table = S(""),
	    .to_kind = PRINCIPAL_GROUP, .to_id = S("grp_00000001"), .from = DAY(0), .until = TIME_FOREVER}, .rows_text = S("")};

	grant_to_insights(w);
	assert_true(allowed(w, "analyst00", TABLE));
	ADD(w, INSIGHTS, DOMAIN_SET, body_domain_set(&w->body, true));
	assert_false(allowed(w, "analyst00", TABLE));
	assert_true(allowed(w, "ida_owner", TABLE));
	ADD(w, INSIGHTS, GROUP_SET, body_group_set(&w->body, S("grp_00000001"), S("campaigns")));
	ADD(w, INSIGHTS, DELEGATION_ADD, body_delegation(&w->body, &d));
	assert_false(allowed(w, "analyst00", TABLE));
	ADD(w, INSIGHTS, GROUP_JOIN, body_group_member(&w->body, S("grp_00000001"), S("analyst00")));
	assert_true(allowed(w, "analyst00", TABLE));
	ADD(w, INSIGHTS, GROUP_LEAVE, body_group_member(&w->body, S("grp_00000001"), S("analyst00")));
	assert_false(allowed(w, "analyst00", TABLE));
	ADD(w, INSIGHTS, GROUP_JOIN, body_group_member(&w->body, S("grp_00000001"), S("analyst00")));
	ADD(w, INSIGHTS, GROUP_END, body_group_end(&w->body, S("grp_00000001")));
	assert_false(allowed(w, "analyst00", TABLE));
	assert_false(allowed(w, "person66", TABLE));
}

static void
a_grant_to_a_group(void **state)
{
	struct world *w = *state;
	struct mesh_grant g = a_grant("grt_00000001", "prd_stores01", PRINCIPAL_GROUP, S("grp_00000001"));

	g.policy.to_domain_id = did(w, INSIGHTS);
	assert_true(say_grant(w, STORES, &g));
	ADD(w, EVIL, GROUP_SET, body_group_set(&w->body, S("grp_00000001"), S("mine")));
	ADD(w, EVIL, GROUP_JOIN, body_group_member(&w->body, S("grp_00000001"), S("person66")));
	assert_false(allowed(w, "person66", TABLE)); /* of the same id, but another domain's */
	ADD(w, INSIGHTS, GROUP_SET, body_group_set(&w->body, S("grp_00000001"), S("campaigns")));
	ADD(w, INSIGHTS, GROUP_JOIN, body_group_member(&w->body, S("grp_00000001"), S("analyst00")));
	assert_true(allowed(w, "analyst00", TABLE));
	assert_false(allowed(w, "ida_owner", TABLE));
}

/* Each of what settles a grant early, and what a class of a contract brings in: said by the logs, seen in the decision. */
static void
one_table_and_one_class(void **state)
{
	struct world *w = *state;
	struct mesh_grant g = a_grant("grt_00000001", "prd_stores01", PRINCIPAL_DOMAIN, did(w, INSIGHTS));
	const struct mesh_product *p = NULL;
	const struct mesh_table *t = mesh_table_by_name(w->m, S(TABLE), &p);
	struct policy_decision d;

	g.policy.table = S("returns");
	assert_true(say_grant(w, STORES, &g));
	assert_false(allowed(w, "analyst00", TABLE));
	g.policy.id = S("grt_00000002"), g.policy.table = S("transactions");
	assert_true(say_grant(w, STORES, &g));
	assert_true(allowed(w, "analyst00", TABLE));
	restrict_with(w, "rst_00000001", (struct policy_restriction){.classification = S("personal"), .hide = true});
	mesh_decide(w->m, &w->arena, S("analyst00"), p, t, S("campaign_analysis"), INTERACT_SQL, 3, DAY(1), NULL, &d);
	assert_int_equal(d.verdict, VERDICT_ALLOW);
	for (size_t i = 0; i < t->policy.column_count; i++)
		assert_int_equal(d.columns[i].hidden, str_eqc(t->policy.columns[i].classification, "personal"));
	ADD(w, STORES, GRANT_REVOKE, body_revoke(&w->body, S("grt_00000002")));
	assert_false(allowed(w, "analyst00", TABLE));
}

/* --- approvals --- */

static void
two_people(void **state)
{
	struct world *w = *state;
	const struct mesh_grant *g;

	restrict_with(w, "rst_00000001", (struct policy_restriction){.product_id = S("prd_stores01"), .approvals = 2});
	grant_to_insights(w);
	g = mesh_grant_in(w->m, did(w, STORES), S("grt_00000001"));
	struct mesh_approvals a = mesh_grant_approvals(w->m, &w->arena, g, NULL);
	assert_true(a.needed == 2 && a.has == 1 && a.by);
	assert_false(allowed(w, "analyst00", TABLE));
	assert_true(mesh_may_approve(w->m, &w->arena, g, S("steward00")));
	assert_false(mesh_may_approve(w->m, &w->arena, g, S("person00")));
	assert_false(mesh_may_approve(w->m, &w->arena, g, S("person66")));
	approve(w, STORES, "person00", "grt_00000001");
	approve(w, EVIL, "person66", "grt_00000001");
	approve(w, INSIGHTS, "ida_owner", "grt_00000001");
	assert_false(allowed(w, "analyst00", TABLE));
	approve(w, STORES, "steward00", "grt_00000001");
	assert_true(allowed(w, "analyst00", TABLE));
	a = mesh_grant_approvals(w->m, &w->arena, g, NULL);
	assert_true(a.needed == 2 && a.has == 2 && !a.by);
	assert_false(mesh_may_approve(w->m, &w->arena, g, S("steward00")));
}

/* Somebody of another domain is named. A domain that says they are its member speaks for nobody. */
static void
spoken_for(struct world *w)
{
	struct policy_restriction r = {.product_id = S("prd_stores01"), .approvals = 2};

	r.approvers[r.approver_count++] = S("ida_owner");
	r.approver_roles = 1u << ROLE_OWNER;
	restrict_with(w, "rst_00000001", r);
	grant_to_insights(w);
	member(w, EVIL, "ida_owner", ROLE_OWNER);
	approve(w, EVIL, "ida_owner", "grt_00000001");
}

static void
nobody_is_spoken_for(void **state)
{
	spoken_for(*state);
	assert_false(allowed(*state, "analyst00", TABLE));
	mesh_faults = MESH_FAULT_ANY_SPEAKER;
	assert_true(allowed(*state, "analyst00", TABLE)); /* else this test could not fail */
	mesh_faults = 0;
}

static void
named_elsewhere(void **state)
{
	struct world *w = *state;
	struct policy_restriction r = {.product_id = S("prd_stores01"), .approvals = 2, .approver_roles = 1u << ROLE_OWNER};

	r.approvers[r.approver_count++] = S("ida_owner");
	restrict_with(w, "rst_00000001", r);
	grant_to_insights(w);
	assert_false(allowed(w, "analyst00", TABLE));
	approve(w, INSIGHTS, "ida_owner", "grt_00000001");
	assert_true(allowed(w, "analyst00", TABLE));
}

/* --- tags --- */

static void
set_tag(struct world *w, const char *id, const char *value)
{
	struct mesh_tag t = {.id = str_c(id), .product_id = S("prd_stores01"), .table = S(""), .column = S(""), .tag = S("environment"), .value = str_c(value)};

	ADD(w, STORES, TAG_SET, body_tag_set(&w->body, &t));
}

static void
grant_by_tags(struct world *w, const char *tags)
{
	struct mesh_grant g = a_grant("grt_00000001", "", PRINCIPAL_DOMAIN, did(w, INSIGHTS));

	g.tags_text = str_c(tags);
	if (!say_grant(w, STORES, &g)) fail_msg("%s", w->last.reason);
}

static const struct policy_restriction *
about_production(struct policy_restriction *r)
{
	static const Str prod[] = {{"prod", 4}};
	static const struct tag_expr e = {.op = TAG_IN, .tag = {"environment", 11}, .values = prod, .value_count = 1};

	*r = (struct policy_restriction){.tags = &e, .approvals = 2};
	return r;
}

/* From production in two steps, of which the second looks harmless. */
static void
two_steps(void **state)
{
	struct world *w = *state;
	struct policy_restriction r;

	set_tag(w, "tgs_00000001", "prod");
	grant_by_tags(w, "environment IN ('test')");
	assert_false(allowed(w, "analyst00", TABLE));
	restrict_with(w, "rst_00000001", *about_production(&r));
	set_tag(w, "tgs_00000002", "dev");
	set_tag(w, "tgs_00000003", "test");
	assert_false(allowed(w, "analyst00", TABLE));
	mesh_faults = MESH_FAULT_LAST_STEP;
	assert_true(allowed(w, "analyst00", TABLE));
	mesh_faults = 0;
	const struct mesh_tag *t = mesh_tag_in(w->m, did(w, STORES), S("tgs_00000002"));
	struct mesh_approvals a = mesh_tag_approvals(w->m, &w->arena, t);
	assert_true(a.needed == 2 && a.has == 1 && mesh_may_approve_tag(w->m, &w->arena, t, S("steward00")));
	assert_false(mesh_may_approve_tag(w->m, &w->arena, t, S("person66")));
	approve(w, EVIL, "person66", "tgs_00000002");
	assert_false(allowed(w, "analyst00", TABLE));
	approve(w, STORES, "steward00", "tgs_00000002");
	assert_true(allowed(w, "analyst00", TABLE));
}

static void
which_changes_open(void **state)
{
	struct world *w = *state;
	const struct mesh_product *p = mesh_product(w->m, S("prd_stores01"));
	static const struct { const char *table, *column, *value; bool opens; } t[] = {
	    {"", "", "test", true}, {"transactions", "", "test", true}, {"returns", "sales", "test", true}, {"", "", "dev", false}, {"", "", "", false}};

	grant_by_tags(w, "environment IN ('test')");
	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		if (mesh_tag_opens(w->m, &w->arena, p, str_c(t[i].table), str_c(t[i].column), S("environment"), str_c(t[i].value)) != t[i].opens)
			fail_msg("%zu", i);
	set_tag(w, "tgs_00000001", "prod");
	struct policy_restriction r;
	assert_false(mesh_tag_opens(w->m, &w->arena, p, S(""), S(""), S("environment"), S("dev")));
	restrict_with(w, "rst_00000001", *about_production(&r));
	assert_true(mesh_tag_opens(w->m, &w->arena, p, S(""), S(""), S("environment"), S("dev")));
	assert_true(mesh_tag_opens(w->m, &w->arena, p, S(""), S(""), S("environment"), S("")));
}

/* --- by chance: indexes find what a look at everything finds --- */

static uint64_t dice;

static unsigned
roll(unsigned n)
{
	dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(dice >> 33) % n;
}

static const char *const ENVIRONMENTS[] = {"dev", "test", "prod", ""};

static const struct tag_expr *
random_expr(struct arena *a, int depth, bool may_negate)
{
	struct tag_expr *e = NEW(a, struct tag_expr);
	Str *values = NEW_N(a, 2, Str);

	e->op = depth && roll(2) ? (enum tag_op)(1 + roll(may_negate ? 3 : 2)) : TAG_IN;
	if (e->op != TAG_IN) {
		e->left = random_expr(a, depth - 1, may_negate);
		e->right = e->op == TAG_NOT ? NULL : random_expr(a, depth - 1, may_negate);
		return e;
	}
	bool class = roll(3) == 0;
	e->tag = class ? S("classification") : S("environment");
	values[0] = class ? S("personal") : S("dev"), values[1] = class ? S("restricted") : roll(2) ? S("prod") : S("test");
	e->values = values, e->value_count = 1 + roll(2);
	return e;
}

static void
random_restriction(struct world *w, unsigned step)
{
	struct policy_restriction r = {.max_days = 1 + roll(400)};

	if (roll(4) == 0) r.product_id = world_str(w, "prd_%08u", roll(PRODUCTS));
	if (roll(4) == 0) r.domain_id = did(w, (int)roll(2) * EVIL);
	if (roll(4) == 0) r.classification = roll(2) ? S("Personal") : S("restricted");
	if (roll(2)) r.tags = random_expr(&w->arena, 2, true);
	if (roll(3) == 0) r.approvals = 1 + roll(2);
	if (roll(30) == 0) r.demand_handing = true;
	restrict_with(w, world_str(w, "rst_%08u", step).p, r);
}

static void
random_grant(struct world *w, unsigned step)
{
	unsigned kind = roll(3);
	struct mesh_grant g = a_grant("", "", kind == 0 ? PRINCIPAL_DOMAIN : kind == 1 ? PRINCIPAL_PERSON : PRINCIPAL_GROUP,
	    kind == 0 ? did(w, roll(2) ? INSIGHTS : EVIL) : kind == 1 ? world_str(w, "person_%02u", roll(PEOPLE)) : S("grp_00000001"));
	BUF_AUTO text = BUF_INIT;

	g.policy.id = world_str(w, "grt_%08u", step);
	if (kind == 2) g.policy.to_domain_id = did(w, INSIGHTS);
	if (roll(2)) {
		tagexpr_print(random_expr(&w->arena, 2, false), &text);
		g.tags_text = arena_str(&w->arena, buf_view(&text));
		g.policy.future = roll(2), g.policy.until = DAY(1 + (int)roll(3));
	} else {
		g.policy.product_id = world_str(w, "prd_%08u", roll(PRODUCTS));
		if (roll(2)) g.policy.table = S("returns");
	}
	say_grant(w, STORES, &g); /* on a product that is not there yet it is refused */
}

static void
random_step(struct world *w, unsigned step)
{
	Str person = world_str(w, "person_%02u", roll(PEOPLE)), product = world_str(w, "prd_%08u", roll(PRODUCTS));
	struct mesh_tag t = {.id = world_str(w, "tgs_%08u", step), .product_id = product, .table = roll(2) ? S("returns") : S(""), .column = S(""),
	    .tag = S("environment"), .value = str_c(ENVIRONMENTS[roll(4)])};
	struct mesh_delegation d = {.policy = {.id = world_str(w, "dlg_%08u", step), .grant_id = world_str(w, "grt_%08u", roll(step + 1)),
	    .issuer_domain_id = did(w, STORES), .table = S(""), .to_kind = PRINCIPAL_PERSON, .to_id = person, .from = DAY(0), .until = TIME_FOREVER}, .rows_text = S("")};
	int home = roll(4) ? INSIGHTS : EVIL;

	switch (roll(11)) {
	case 0: SAY(w, home, MEMBER_SET, body_member_set(&w->body, person, roll(4) ? ROLE_ANALYST : ROLE_OWNER, false, S(""))); break;
	case 1: publish(w, STORES, product.p, world_str(w, "product_%s", product.p + 4).p); break;
	case 2: SAY(w, STORES, TAG_SET, body_tag_set(&w->body, &t)); break;
	case 3: SAY(w, INSIGHTS, GROUP_JOIN, body_group_member(&w->body, S("grp_00000001"), person)); break;
	case 4: SAY(w, INSIGHTS, DOMAIN_SET, body_domain_set(&w->body, roll(2))); break;
	case 5: SAY(w, INSIGHTS, DELEGATION_ADD, body_delegation(&w->body, &d)); break;
	case 6: SAY(w, STORES, GRANT_REVOKE, body_revoke(&w->body, d.policy.grant_id)); break;
	case 7: SAY(w, CENTER, RESTRICTION_LIFT, body_lift(&w->body, world_str(w, "rst_%08u", roll(step + 1)))); break;
	case 8: random_restriction(w, step); break;
	default: random_grant(w, step);
	}
}

struct checked { size_t tables, seen, about, demands, grouped; const char *wrong; };

static void
check_demands(struct world *w, struct checked *k, const struct policy_table *t)
{
	const struct mesh_restriction **all;
	const struct policy_restriction *const *found;
	size_t rules = mesh_restrictions(w->m, &w->arena, &all), count = ask_rules_of_approvals(w->m, &w->arena, t, &found);

	for (size_t r = 0; r < rules; r++) {
		bool there = false, wanted = all[r]->policy.approvals && policy_is_about(&all[r]->policy, t);
		for (size_t f = 0; f < count; f++) there |= found[f] == &all[r]->policy;
		if (wanted && !there) k->wrong = "a demand of approvals was not found";
		k->demands += wanted;
	}
}

static void
check_tables(struct world *w, struct checked *k)
{
	const struct mesh_product **products;
	const struct mesh_restriction **all;
	const struct policy_restriction *const *found;
	size_t n = mesh_products(w->m, &w->arena, &products), rules = mesh_restrictions(w->m, &w->arena, &all);

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < products[i]->table_count; j++) {
			const struct product *p = HOLDER(product, products[i]);
			const struct policy_table *t = ask_table(w->m, &w->arena, p, &products[i]->tables[j].policy);
			size_t count = ask_rules(w->m, &w->arena, t, p->item.log, NULL, &found);
			for (size_t r = 0; r < rules; r++) {
				bool there = false;
				if (!policy_is_about(&all[r]->policy, t)) continue;
				for (size_t f = 0; f < count; f++) there |= found[f] == &all[r]->policy;
				if (!there) k->wrong = "a restriction was not found";
				k->about++;
			}
			check_demands(w, k, t);
			k->tables++;
		}
}

static Err
load_into(struct ctx *c, void *m, Str kind, Str id, Str body)
{
	return mesh_load(c, m, kind, id, body);
}

/* Records come by kind, groups before their members: everybody is in the groups they were in. */
static void
check_loaded(struct world *w, struct checked *k)
{
	struct mesh *again = mesh_new();

	mesh_set_center(again, did(w, CENTER));
	assert_true(err_ok(mesh_records(&w->c, w->m, load_into, again)));
	for (unsigned i = 0; i < PEOPLE; i++) {
		Str person = world_str(w, "person_%02u", i);
		const struct log *home;
		size_t before = ask_person(w->m, &w->arena, person, &home).group_count;
		if (ask_person(again, &w->arena, person, &home).group_count != before) k->wrong = "groups of a person that was loaded";
		k->grouped += before;
	}
	mesh_free(again);
}

static void
check_people(struct world *w, struct checked *k)
{
	const struct mesh_product **products;
	struct mesh_visible *seen;
	size_t n = mesh_products(w->m, &w->arena, &products);

	for (unsigned i = 0; i < PEOPLE; i++) {
		Str person = world_str(w, "person_%02u", i);
		size_t count = mesh_visible_tables(w->m, &w->arena, person, DAY(1), &seen), expected = 0;
		for (size_t p = 0; p < n; p++)
			for (size_t t = 0; t < products[p]->table_count; t++) {
				struct policy_decision d;
				mesh_decide_any_purpose(w->m, &w->arena, person, products[p], &products[p]->tables[t], DAY(1), &d);
				expected += d.verdict == VERDICT_ALLOW;
			}
		if (count != expected) k->wrong = "a list of what a person sees";
		k->seen += count;
	}
}

static struct checked
run(unsigned worlds, unsigned faults)
{
	struct checked k = {0};

	for (unsigned i = 0; i < worlds && !k.wrong; i++) {
		void *state;
		setup(&state);
		struct world *w = state;
		mesh_faults = faults;
		dice = i + 1;
		SAY(w, INSIGHTS, GROUP_SET, body_group_set(&w->body, S("grp_00000001"), S("campaigns")));
		for (unsigned step = 0; step < STEPS; step++) {
			random_step(w, step);
			if (step % 4 == 0) check_tables(w, &k), check_people(w, &k);
			arena_reset(&w->arena);
		}
		check_loaded(w, &k);
		mesh_faults = 0;
		world_fini(&state);
	}
	return k;
}

static void
indexes_miss_nothing(void **state)
{
	struct checked k = run(WORLDS, 0);

	(void)state;
	if (k.wrong) fail_msg("%s", k.wrong);
	print_message("%zu tables, %zu restrictions about them; %zu seen by somebody\n", k.tables, k.about, k.seen);
	assert_true(k.about > 10000 && k.seen > 500 && k.demands > 1000 && k.grouped > 10);
	assert_true(run(WORLDS, MESH_FAULT_ONE_SHELF).wrong != NULL);
	assert_true(run(WORLDS, MESH_FAULT_LATE_MEMBER).wrong != NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, world_fini)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_domain_that_names), TEST(a_grant_to_a_group), TEST(one_table_and_one_class), TEST(two_people), TEST(nobody_is_spoken_for), TEST(named_elsewhere), TEST(two_steps),
	    TEST(which_changes_open), cmocka_unit_test(indexes_miss_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
