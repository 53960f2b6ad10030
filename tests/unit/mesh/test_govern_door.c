/* What is asked before an event of governance is signed: what spans logs, told to who wanted to say it. */
#include "world.h"

enum { STORES, INSIGHTS, CENTER };

#define PERSON "person_analyst"
#define ADD(w, domain, type, write) assert_true(SAY(w, domain, type, write))

static int
setup(void **state)
{
	world_init(state);
	struct world *w = *state;

	world_found(w, STORES, "stores", false);
	world_found(w, INSIGHTS, "insights", false);
	world_found(w, CENTER, "governance", true);
	mesh_set_center(w->m, did(w, CENTER));
	assert_true(publish(w, STORES, "prd_stores01", "transactions"));
	ADD(w, STORES, MEMBER_SET, body_member_set(&w->body, S("person00"), ROLE_OWNER, false, S("")));
	ADD(w, INSIGHTS, MEMBER_SET, body_member_set(&w->body, S(PERSON), ROLE_ANALYST, false, S("")));
	return 0;
}

static void
who_and_what_for(void **state)
{
	struct world *w = *state;
	struct mesh_grant g = a_grant("grt_00000001", "prd_stores01", PRINCIPAL_DOMAIN, did(w, INSIGHTS));

	CHECK(w, STORES, GRANT_ADD, body_grant(&w->body, &g), NONE, "");
	g.policy.to_id = S(HEX64);
	CHECK(w, STORES, GRANT_ADD, body_grant(&w->body, &g), NOT_FOUND, "no domain '" HEX64 "' to grant to");
	g = a_grant("grt_00000001", "prd_stores01", PRINCIPAL_PERSON, S("person_nobody"));
	CHECK(w, STORES, GRANT_ADD, body_grant(&w->body, &g), NOT_FOUND, "no person 'person_nobody'");
	g = a_grant("grt_00000001", "prd_stores01", PRINCIPAL_GROUP, S("grp_analysts"));
	g.policy.to_domain_id = did(w, INSIGHTS);
	CHECK(w, STORES, GRANT_ADD, body_grant(&w->body, &g), NOT_FOUND, "no group 'grp_analysts'");
	ADD(w, INSIGHTS, GROUP_SET, body_group_set(&w->body, S("grp_analysts"), S("analysts")));
	CHECK(w, STORES, GRANT_ADD, body_grant(&w->body, &g), NONE, "");
	ADD(w, CENTER, PURPOSE_DEFINE, body_purpose(&w->body, S("marketing/campaigns")));
	CHECK(w, STORES, GRANT_ADD, body_grant(&w->body, &g), NONE, ""); /* for any */
	g.policy.purposes = ONE_PURPOSE;
	CHECK(w, STORES, GRANT_ADD, body_grant(&w->body, &g), INVALID, "no purpose 'campaign_analysis'");
	ADD(w, INSIGHTS, GROUP_END, body_group_end(&w->body, S("grp_analysts")));
	g.policy.purposes = ANY_PURPOSE;
	CHECK(w, STORES, GRANT_ADD, body_grant(&w->body, &g), NOT_FOUND, "no group 'grp_analysts'");
}

static void
words(void **state)
{
	struct world *w = *state;
	struct mesh_grant g = a_grant("grt_00000001", "", PRINCIPAL_DOMAIN, did(w, INSIGHTS));
	struct mesh_tag t = {.id = S("tgs_00000001"), .product_id = S("prd_stores01"), .table = S(""), .column = S(""), .tag = S("environment"), .value = S("prod")};
	struct mesh_restriction r = {.policy = {.id = S("rst_00000001"), .product_id = S(""), .classification = S(""), .hide = true}, .tags_text = S("colour IN ('red')")};
	static const Str red[] = {S("red")};
	struct mesh_tag_def d = {.tag = S("colour"), .kind = TAG_CHOICE, .values = red, .value_count = 1};

	CHECK(w, STORES, TAG_SET, body_tag_set(&w->body, &t), NONE, "");
	CHECK(w, INSIGHTS, TAG_SET, body_tag_set(&w->body, &t), DENIED, "only stores can tag stores.transactions");
	t.value = S("moon");
	CHECK(w, STORES, TAG_SET, body_tag_set(&w->body, &t), INVALID, "tag 'environment' has no value 'moon'");
	t.tag = S("colour");
	CHECK(w, STORES, TAG_SET, body_tag_set(&w->body, &t), NOT_FOUND, "no tag 'colour'");
	t.value = S("");
	CHECK(w, STORES, TAG_SET, body_tag_set(&w->body, &t), NONE, ""); /* away with it */
	g.tags_text = S("classification IN ('internal') OR colour IN ('red')");
	CHECK(w, STORES, GRANT_ADD, body_grant(&w->body, &g), NOT_FOUND, "no tag 'colour'");
	CHECK(w, CENTER, RESTRICTION_ADD, body_restriction(&w->body, &r), NOT_FOUND, "no tag 'colour'");
	CHECK(w, STORES, TAG_DEFINE, body_tag_define(&w->body, &d), DENIED, "only the center of this node can say tag.define");
	ADD(w, CENTER, TAG_DEFINE, body_tag_define(&w->body, &d));
	CHECK(w, STORES, GRANT_ADD, body_grant(&w->body, &g), NONE, "");
	CHECK(w, CENTER, RESTRICTION_ADD, body_restriction(&w->body, &r), NONE, "");
	g.tags_text = S("classification IN ('secret')");
	CHECK(w, STORES, GRANT_ADD, body_grant(&w->body, &g), INVALID, "has no value 'secret'");
	r.policy.domain_id = S(HEX64);
	CHECK(w, CENTER, RESTRICTION_ADD, body_restriction(&w->body, &r), NOT_FOUND, "no domain");
	r.policy.domain_id = did(w, STORES);
	r.policy.approvals = 1;
	r.policy.approver_count = 1;
	r.policy.approvers[0] = S("person_nobody");
	CHECK(w, CENTER, RESTRICTION_ADD, body_restriction(&w->body, &r), NOT_FOUND, "no person 'person_nobody' to approve");
}

static struct mesh_grant
aggregates(struct world *w, const char *id, uint32_t min_group)
{
	static const Str by[] = {S("coupon text")};
	struct mesh_grant g = a_grant(id, "prd_stores01", PRINCIPAL_DOMAIN, did(w, INSIGHTS));

	g.policy.table = S("transactions");
	g.policy.terms = (struct policy_terms){.min_group = min_group, .group_by = by, .group_by_count = 1, .unit = S("household_id")};
	return g;
}

static void
one_shape_of_aggregates(void **state)
{
	struct world *w = *state;
	struct mesh_grant g = aggregates(w, "grt_00000001", 5);
	static const Str nothing[] = {S("colour")};

	assert_true(say_grant(w, STORES, &g));
	g = aggregates(w, "grt_00000002", 5);
	CHECK(w, STORES, GRANT_ADD, body_grant(&w->body, &g), NONE, ""); /* the same once more */
	g = aggregates(w, "grt_00000002", 6);
	CHECK(w, STORES, GRANT_ADD, body_grant(&w->body, &g), CONFLICT, "grant 'grt_00000001' gives them aggregates of another shape");
	g = aggregates(w, "grt_00000002", 5);
	g.rows_text = S("sales > 10");
	CHECK(w, STORES, GRANT_ADD, body_grant(&w->body, &g), CONFLICT, "another shape");
	g = aggregates(w, "grt_00000002", 5);
	g.policy.to_kind = PRINCIPAL_PERSON; /* of the same consumer */
	g.policy.to_id = S(PERSON);
	g.policy.terms.unit = S("");
	CHECK(w, STORES, GRANT_ADD, body_grant(&w->body, &g), CONFLICT, "another shape");
	g.policy.to_id = S("person00"); /* of another */
	CHECK(w, STORES, GRANT_ADD, body_grant(&w->body, &g), NONE, "");
	g = aggregates(w, "grt_00000002", 6);
	g.policy.table = S("returns");
	CHECK(w, STORES, GRANT_ADD, body_grant(&w->body, &g), NONE, "");
	g.policy.table = S("");
	CHECK(w, STORES, GRANT_ADD, body_grant(&w->body, &g), CONFLICT, "another shape");
	g = aggregates(w, "grt_00000002", 6);
	g.policy.table = S("returns");
	g.policy.terms.group_by = nothing;
	CHECK(w, STORES, GRANT_ADD, body_grant(&w->body, &g), INVALID, "table returns, column colour");
	ADD(w, STORES, GRANT_REVOKE, body_revoke(&w->body, S("grt_00000001")));
	g = aggregates(w, "grt_00000002", 6);
	CHECK(w, STORES, GRANT_ADD, body_grant(&w->body, &g), NONE, "");
}

/* Masks, hidden columns and the columns of groups are of the shape, too; also of a group of the same consumer. */
static void
all_of_the_shape_counts(void **state)
{
	struct world *w = *state;
	static const struct policy_mask hash[] = {{S("sales"), MASK_HASH}}, null[] = {{S("sales"), MASK_NULL}}, other[] = {{S("household_id"), MASK_HASH}};
	static const Str sales[] = {S("sales")}, two[] = {S("coupon text"), S("sales")}, turned[] = {S("sales"), S("coupon text")};
	struct mesh_grant g = aggregates(w, "grt_00000001", 5), first;

	g.policy.masks = hash, g.policy.mask_count = 1;
	assert_true(say_grant(w, STORES, &g));
	first = g, first.policy.id = S("grt_00000002");
	CHECK(w, STORES, GRANT_ADD, body_grant(&w->body, &first), NONE, "");
	g = first, g.policy.masks = null;
	CHECK(w, STORES, GRANT_ADD, body_grant(&w->body, &g), CONFLICT, "another shape");
	g.policy.masks = other;
	CHECK(w, STORES, GRANT_ADD, body_grant(&w->body, &g), CONFLICT, "another shape");
	g.policy.mask_count = 0;
	CHECK(w, STORES, GRANT_ADD, body_grant(&w->body, &g), CONFLICT, "another shape");
	g = first, g.policy.hidden = sales, g.policy.hidden_count = 1;
	CHECK(w, STORES, GRANT_ADD, body_grant(&w->body, &g), CONFLICT, "another shape");
	g = first, g.policy.terms.group_by = two, g.policy.terms.group_by_count = 2;
	CHECK(w, STORES, GRANT_ADD, body_grant(&w->body, &g), CONFLICT, "another shape");
	ADD(w, STORES, GRANT_REVOKE, body_revoke(&w->body, S("grt_00000001")));
	g.policy.masks = NULL, g.policy.mask_count = 0;
	assert_true(say_grant(w, STORES, &g));
	g.policy.id = S("grt_00000003"), g.policy.terms.group_by = turned;
	CHECK(w, STORES, GRANT_ADD, body_grant(&w->body, &g), CONFLICT, "another shape");
	ADD(w, INSIGHTS, GROUP_SET, body_group_set(&w->body, S("grp_analysts"), S("analysts")));
	g.policy.to_kind = PRINCIPAL_GROUP, g.policy.to_id = S("grp_analysts"), g.policy.to_domain_id = did(w, INSIGHTS);
	CHECK(w, STORES, GRANT_ADD, body_grant(&w->body, &g), CONFLICT, "another shape");
	g.policy.terms.group_by = two;
	CHECK(w, STORES, GRANT_ADD, body_grant(&w->body, &g), NONE, "");
	ADD(w, INSIGHTS, MEMBER_END, body_member_end(&w->body, S(PERSON)));
	g.policy.to_kind = PRINCIPAL_PERSON, g.policy.to_id = S(PERSON), g.policy.to_domain_id = S("");
	CHECK(w, STORES, GRANT_ADD, body_grant(&w->body, &g), NOT_FOUND, "no person '" PERSON "' to grant to");
	/* one that is over is none; its end is not in it */
	g = aggregates(w, "grt_00000004", 5), g.policy.table = S("returns"), g.policy.until = DAY(90);
	ADD(w, STORES, GRANT_REVOKE, body_revoke(&w->body, S("grt_00000002")));
	assert_true(say_grant(w, STORES, &g));
	g.policy.id = S("grt_00000005"), g.policy.terms.min_group = 6, g.policy.until = TIME_FOREVER;
	w->now = DAY(90) - TIME_SECOND;
	CHECK(w, STORES, GRANT_ADD, body_grant(&w->body, &g), CONFLICT, "another shape");
	w->now = DAY(90);
	CHECK(w, STORES, GRANT_ADD, body_grant(&w->body, &g), NONE, "");
}

static void
approvals(void **state)
{
	struct world *w = *state;
	struct mesh_grant g = a_grant("grt_00000001", "prd_stores01", PRINCIPAL_DOMAIN, did(w, INSIGHTS));

	w->actor = S(PERSON);
	CHECK(w, INSIGHTS, APPROVAL_ADD, body_approval(&w->body, did(w, STORES), S("grt_00000001")), NOT_FOUND, "'grt_00000001' to approve");
	assert_true(say_grant(w, STORES, &g));
	CHECK(w, INSIGHTS, APPROVAL_ADD, body_approval(&w->body, did(w, STORES), S("grt_00000001")), NONE, "");
	w->actor = S("person00"); /* not one of theirs */
	CHECK(w, INSIGHTS, APPROVAL_ADD, body_approval(&w->body, did(w, STORES), S("grt_00000001")), DENIED, "no member");
	ADD(w, STORES, GRANT_REVOKE, body_revoke(&w->body, S("grt_00000001")));
	CHECK(w, STORES, APPROVAL_ADD, body_approval(&w->body, did(w, STORES), S("grt_00000001")), CONFLICT, "is revoked");
}

static void
delegations_are_within(void **state)
{
	struct world *w = *state;
	struct mesh_grant g = a_grant("grt_00000001", "prd_stores01", PRINCIPAL_DOMAIN, did(w, INSIGHTS));
	struct mesh_delegation d = {.policy = {.id = S("dlg_00000001"), .issuer_domain_id = did(w, STORES), .grant_id = S("grt_00000001"), .table = S("transactions"),
	                                .to_kind = PRINCIPAL_PERSON, .to_id = S(PERSON), .from = DAY(1), .until = DAY(20), .interactions = INTERACT_SQL}};
	static const Str wanted[] = {S("campaign_analysis/easter")}, more[] = {S("campaign_analysis2")}, same[] = {S("campaign_analysis")}, all[] = {S("*")};

	CHECK(w, INSIGHTS, DELEGATION_ADD, body_delegation(&w->body, &d), NOT_FOUND, "no grant 'grt_00000001' to hand on");
	g.policy.table = S("transactions");
	g.policy.purposes = ONE_PURPOSE;
	g.policy.purpose_count = 2;
	g.policy.from = DAY(1);
	g.policy.until = DAY(20);
	assert_true(say_grant(w, STORES, &g));
	CHECK(w, INSIGHTS, DELEGATION_ADD, body_delegation(&w->body, &d), NONE, "");
	CHECK(w, STORES, DELEGATION_ADD, (d.policy.to_id = S("person00"), body_delegation(&w->body, &d)), DENIED, "is not made out to this domain");
	d.policy.to_id = S(PERSON);
	CHECK(w, INSIGHTS, DELEGATION_ADD, (d.policy.until = DAY(21), body_delegation(&w->body, &d)), DENIED, "longer than the grant: it ends before");
	d.policy.until = DAY(20);
	CHECK(w, INSIGHTS, DELEGATION_ADD, (d.policy.from = DAY(0), body_delegation(&w->body, &d)), DENIED, "longer than the grant: it begins later");
	d.policy.from = DAY(1);
	CHECK(w, INSIGHTS, DELEGATION_ADD, (d.policy.table = S(""), body_delegation(&w->body, &d)), DENIED, "about table 'transactions' alone");
	d.policy.table = S("transactions");
	CHECK(w, INSIGHTS, DELEGATION_ADD, (d.policy.interactions = INTERACT_ML, body_delegation(&w->body, &d)), DENIED, "interactions");
	d.policy.interactions = 0;
	d.policy.purposes = more;
	d.policy.purpose_count = 1;
	CHECK(w, INSIGHTS, DELEGATION_ADD, body_delegation(&w->body, &d), DENIED, "does not cover purpose 'campaign_analysis2'");
	d.policy.purposes = wanted;
	CHECK(w, INSIGHTS, DELEGATION_ADD, body_delegation(&w->body, &d), NONE, "");
	d.policy.purposes = same;
	CHECK(w, INSIGHTS, DELEGATION_ADD, body_delegation(&w->body, &d), NONE, "");
	d.policy.purposes = all; /* any is more than those there are */
	CHECK(w, INSIGHTS, DELEGATION_ADD, body_delegation(&w->body, &d), DENIED, "does not cover purpose '*'");
	d.policy.purposes = wanted;
	w->now = DAY(20); /* its end is not in it */
	CHECK(w, INSIGHTS, DELEGATION_ADD, body_delegation(&w->body, &d), CONFLICT, "is over");
	w->now = DAY(25);
	CHECK(w, INSIGHTS, DELEGATION_ADD, body_delegation(&w->body, &d), CONFLICT, "is over");
	w->now = DAY(2);
	ADD(w, INSIGHTS, DELEGATION_ADD, body_delegation(&w->body, &d));
	CHECK(w, STORES, DELEGATION_END, body_delegation_end(&w->body, S("dlg_00000001")), DENIED, "only insights can end delegation 'dlg_00000001'");
	ADD(w, STORES, GRANT_REVOKE, body_revoke(&w->body, S("grt_00000001")));
	d.policy.id = S("dlg_00000002");
	CHECK(w, INSIGHTS, DELEGATION_ADD, body_delegation(&w->body, &d), CONFLICT, "is revoked");
}

/* Who hands on aggregates must not make other groups of them. */
static void
groups_stay_as_granted(void **state)
{
	struct world *w = *state;
	struct mesh_grant g = aggregates(w, "grt_00000001", 5);
	struct mesh_delegation d = {.policy = {.id = S("dlg_00000001"), .issuer_domain_id = did(w, STORES), .grant_id = S("grt_00000001"), .table = S("transactions"),
	                                .to_kind = PRINCIPAL_PERSON, .to_id = S(PERSON), .from = DAY(1), .until = DAY(20)}, .rows_text = S("household_id <> 7")};
	static const struct policy_mask mask[] = {{S("coupon text"), MASK_HASH}};
	static const Str hidden[] = {S("coupon text")};

	assert_true(say_grant(w, STORES, &g));
	CHECK(w, INSIGHTS, DELEGATION_ADD, body_delegation(&w->body, &d), DENIED, "'rows' may name the columns of its groups alone");
	d.rows_text = S("\"coupon text\" = 'x'");
	CHECK(w, INSIGHTS, DELEGATION_ADD, body_delegation(&w->body, &d), NONE, "");
	d.policy.masks = mask;
	d.policy.mask_count = 1;
	CHECK(w, INSIGHTS, DELEGATION_ADD, body_delegation(&w->body, &d), DENIED, "column 'coupon text' makes the groups");
	d.policy.mask_count = 0;
	d.policy.hidden = hidden;
	d.policy.hidden_count = 1;
	CHECK(w, INSIGHTS, DELEGATION_ADD, body_delegation(&w->body, &d), DENIED, "column 'coupon text' makes the groups");
}

static void
requests(void **state)
{
	struct world *w = *state;
	struct mesh_request r = {.id = S("req_00000001"), .person_id = S(PERSON), .producer_domain_id = did(w, STORES), .product_id = S("prd_stores01"),
	    .purpose = S("audit"), .reason = S(""), .until = DAY(90), .draft = true, .renews = S("grt_00000001")};
	struct mesh_comment x = {.id = S("cmt_00000001"), .consumer_domain_id = did(w, INSIGHTS), .request_id = S("req_00000001"), .text = S(HEX64)};
	struct mesh_grant g = a_grant("grt_00000001", "prd_stores01", PRINCIPAL_DOMAIN, did(w, INSIGHTS));

	CHECK(w, STORES, REQUEST_COMMENT, body_comment(&w->body, &x), NOT_FOUND, "no request");
	CHECK(w, INSIGHTS, REQUEST_OPEN, body_request(&w->body, &r), NOT_FOUND, "no grant 'grt_00000001' on that product to renew");
	assert_true(say_grant(w, STORES, &g));
	CHECK(w, INSIGHTS, REQUEST_OPEN, body_request(&w->body, &r), NONE, "");
	ADD(w, INSIGHTS, REQUEST_OPEN, body_request(&w->body, &r));
	CHECK(w, STORES, REQUEST_COMMENT, body_comment(&w->body, &x), NONE, "");
	/* nobody answers what was not asked yet, or too long ago */
	CHECK(w, STORES, REQUEST_DENY, body_deny(&w->body, S("req_00000001"), S("")), CONFLICT, "is not submitted");
	CHECK(w, STORES, REQUEST_SUBMIT, body_submit(&w->body, S("req_00000001")), DENIED, "only insights can submit");
	ADD(w, INSIGHTS, REQUEST_SUBMIT, body_submit(&w->body, S("req_00000001")));
	CHECK(w, STORES, REQUEST_DENY, body_deny(&w->body, S("req_00000001"), S("")), NONE, "");
	w->now = DAY(31);
	CHECK(w, STORES, REQUEST_DENY, body_deny(&w->body, S("req_00000001"), S("")), CONFLICT, "is expired");
	ADD(w, CENTER, PURPOSE_DEFINE, body_purpose(&w->body, S("marketing")));
	r.id = S("req_00000002");
	CHECK(w, INSIGHTS, REQUEST_OPEN, body_request(&w->body, &r), INVALID, "no purpose 'audit'");
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, world_fini)
	const struct CMUnitTest tests[] = {
	    T(who_and_what_for), T(words), T(one_shape_of_aggregates), T(all_of_the_shape_counts), T(approvals), T(delegations_are_within), T(groups_stay_as_granted), T(requests),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
