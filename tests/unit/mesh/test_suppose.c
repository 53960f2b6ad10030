/* What a view says beforehand is what is decided afterwards: for every person, table and purpose of a random mesh. */
#include "world.h"

enum { CENTER, STORES, INSIGHTS, ROUNDS = 300, PEOPLE = 6 };

static const char *const people[PEOPLE] = {"person01", "person02", "person03", "person04", "person05", "person06"};
static const char *const tables[] = {"stores.transactions.transactions", "stores.transactions.returns", "stores.coupons.transactions"};
static const char *const uses[] = {"", "campaign_analysis", "audit"};
enum { ANSWERS = PEOPLE * 3 * 3 };

struct answers { struct policy_decision d[ANSWERS]; };

static unsigned
roll(struct world *w, unsigned below)
{
	w->seed = w->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(w->seed >> 33) % below;
}

static void
ask_all(struct world *w, const struct mesh *m, struct answers *ret)
{
	size_t n = 0;

	for (size_t p = 0; p < PEOPLE; p++)
		for (size_t t = 0; t < ARRAY_LEN(tables); t++)
			for (size_t u = 0; u < ARRAY_LEN(uses); u++) {
				const struct mesh_product *product;
				const struct mesh_table *table = mesh_table_by_name(m, str_c(tables[t]), &product);
				mesh_decide(m, &w->arena, str_c(people[p]), product, table, str_c(uses[u]), INTERACT_SQL, 2, DAY(100), NULL, &ret->d[n++]);
			}
}

static bool
same_answers(const struct answers *a, const struct answers *b)
{
	for (size_t i = 0; i < ANSWERS; i++) {
		const struct policy_decision *x = &a->d[i], *y = &b->d[i];
		if (x->verdict != y->verdict || !str_eq(x->reason, y->reason) || !str_eq(x->grant_id, y->grant_id) || x->until != y->until ||
		    x->min_level != y->min_level || memcmp(x->hash, y->hash, sizeof x->hash) != 0)
			return false;
		for (size_t k = 0; k < ARRAY_LEN(COLUMNS); k++)
			if (x->columns[k].hidden != y->columns[k].hidden || x->columns[k].mask != y->columns[k].mask) return false;
	}
	return true;
}

static void
found_all(struct world *w)
{
	static const int domains[PEOPLE] = {STORES, INSIGHTS, INSIGHTS, INSIGHTS, STORES, INSIGHTS};

	w->seed = 11;
	world_found(w, CENTER, "governance", true);
	world_found(w, STORES, "stores", false);
	world_found(w, INSIGHTS, "insights", false);
	mesh_set_center(w->m, did(w, CENTER));
	for (size_t i = 0; i < PEOPLE; i++)
		assert_true(SAY(w, domains[i], MEMBER_SET, body_member_set(&w->body, str_c(people[i]), i < 2 ? ROLE_OWNER : ROLE_ANALYST, false, S(""))));
	assert_true(publish(w, STORES, "prd_00000001", "transactions"));
	assert_true(publish(w, STORES, "prd_00000002", "coupons"));
}

static Str
grant_some(struct world *w, unsigned round)
{
	static const struct policy_mask masks[] = {{S("household_id"), MASK_HASH}, {S("sales"), MASK_NULL}};
	static const Str hidden[] = {S("coupon text")};
	bool domain = roll(w, 3) == 0;
	Str id = world_str(w, "grt_%08u", round);
	struct mesh_grant g = a_grant(id.p, roll(w, 3) ? "prd_00000001" : "prd_00000002", domain ? PRINCIPAL_DOMAIN : PRINCIPAL_PERSON,
	                              domain ? did(w, INSIGHTS) : str_c(people[roll(w, PEOPLE)]));

	g.policy.table = roll(w, 3) ? S("") : S("transactions");
	if (roll(w, 2)) g.policy.purposes = ONE_PURPOSE, g.policy.purpose_count = 2;
	if (roll(w, 2)) g.policy.until = DAY(101 + roll(w, 300));
	g.policy.masks = masks;
	g.policy.mask_count = roll(w, 3);
	g.policy.hidden = hidden;
	g.policy.hidden_count = roll(w, 2);
	assert_true(say_grant(w, STORES, &g));
	return id;
}

/* Any of the effects, alone or together, about any part. */
static struct mesh_restriction
some_restriction(struct world *w, unsigned round)
{
	struct mesh_restriction r = {.name = world_str(w, "policy_%u", round), .by = S("person00"), .added = w->now};
	struct policy_restriction *p = &r.policy;

	p->id = world_str(w, "rst_%08u", round);
	if (roll(w, 3) == 0) p->product_id = roll(w, 2) ? S("prd_00000001") : S("prd_00000002");
	if (roll(w, 4) == 0) p->domain_id = did(w, roll(w, 3) ? STORES : INSIGHTS);
	if (roll(w, 3) == 0) p->classification = roll(w, 4) ? S("personal") : S("nothing");
	switch (roll(w, 10)) {
	case 0: p->hide = true; break;
	case 1: p->max_days = 1 + roll(w, 200); break;
	case 2: p->approvals = 1 + roll(w, 2); break;
	case 3: p->demand_purpose = true; break;
	case 4: p->demand_handing = true; break;
	case 5: p->min_level = 1 + roll(w, 3); break;
	case 6: p->suspend = true; break;
	case 7:
		if (p->domain_id.n) {
			p->freeze = true;
			p->product_id = p->classification = S("");
			break;
		}
		/* fallthrough */
	default: p->mask = (enum mask_kind)(1 + roll(w, MASK_KIND_COUNT - 1));
	}
	if (roll(w, 4) == 0 && !p->freeze) p->mask = MASK_NULL, p->max_days = 150;
	return r;
}

static void
test_restrictions(void **state)
{
	struct world *w = *state;
	static struct answers before, view, after;
	unsigned changed = 0, found = 0;

	found_all(w);
	for (unsigned round = 0; round < ROUNDS; round++) {
		if (round < 40) grant_some(w, round);
		ask_all(w, w->m, &before);
		struct mesh_restriction r = some_restriction(w, round), other = r;
		ask_all(w, mesh_suppose(w->m, &w->arena, &(struct mesh_suppose){.added = &r.policy}), &view);
		if (!SAY(w, CENTER, RESTRICTION_ADD, body_restriction(&w->body, &r))) fail_msg("round %u: %s", round, w->last.reason);
		ask_all(w, w->m, &after);
		if (!same_answers(&view, &after)) fail_msg("round %u: what was supposed is not what came", round);
		changed += !same_answers(&before, &after);
		/* the checker, given the view of another restriction, notices */
		other.policy.suspend = !other.policy.suspend;
		other.policy.freeze = false;
		ask_all(w, mesh_suppose(w->m, &w->arena, &(struct mesh_suppose){.added = &other.policy, .lifted = r.policy.id}), &view);
		found += !same_answers(&view, &after);
		if (roll(w, 4) == 0 && round > ROUNDS / 2) continue; /* some stay */
		ask_all(w, mesh_suppose(w->m, &w->arena, &(struct mesh_suppose){.lifted = r.policy.id}), &view);
		assert_true(SAY(w, CENTER, RESTRICTION_LIFT, body_lift(&w->body, r.policy.id)));
		ask_all(w, w->m, &after);
		if (!same_answers(&view, &after)) fail_msg("round %u: lifting was supposed otherwise", round);
		if (!same_answers(&before, &after)) fail_msg("round %u: lifting did not bring back what was", round);
	}
	assert_true(changed > ROUNDS / 10 && found > ROUNDS / 3);
}

static void
test_a_grant_gone_and_a_grant_alone(void **state)
{
	struct world *w = *state;
	static struct answers before, view, after;
	Str ids[60];
	unsigned changed = 0;

	found_all(w);
	for (unsigned i = 0; i < ARRAY_LEN(ids); i++) ids[i] = grant_some(w, i);
	for (unsigned i = 0; i < ARRAY_LEN(ids); i++) {
		ask_all(w, w->m, &before);
		ask_all(w, mesh_suppose(w->m, &w->arena, &(struct mesh_suppose){.grant_domain_id = did(w, STORES), .grant_id = ids[i], .alone = true}), &view);
		for (size_t k = 0; k < ANSWERS; k++) assert_true(view.d[k].grant_id.n == 0 || str_eq(view.d[k].grant_id, ids[i]));
		/* another log's grant of that id is another grant */
		ask_all(w, mesh_suppose(w->m, &w->arena, &(struct mesh_suppose){.grant_domain_id = did(w, INSIGHTS), .grant_id = ids[i]}), &view);
		assert_true(same_answers(&view, &before));
		ask_all(w, mesh_suppose(w->m, &w->arena, &(struct mesh_suppose){.grant_domain_id = did(w, STORES), .grant_id = ids[i]}), &view);
		assert_true(SAY(w, STORES, GRANT_REVOKE, body_revoke(&w->body, ids[i])));
		ask_all(w, w->m, &after);
		for (size_t k = 0; k < ANSWERS; k++) /* a refusal may name the revoked grant: then it is one all the same */
			if (view.d[k].verdict != VERDICT_ALLOW && after.d[k].verdict != VERDICT_ALLOW) view.d[k] = after.d[k];
		if (!same_answers(&view, &after)) fail_msg("grant %u: what was supposed is not what came", i);
		changed += !same_answers(&before, &after);
	}
	assert_true(changed >= 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_restrictions, world_init, world_fini),
	    cmocka_unit_test_setup_teardown(test_a_grant_gone_and_a_grant_alone, world_init, world_fini),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
