/* What a stolen key leaves: each event that opens is void until it is confirmed, and each event is decided on. Replays of rotations, forks behind
 * which somebody confirms, and snapshots that are another's. */
#define HEDDLE_MESH_FAULTS
extern unsigned mesh_faults;
#include "mesh/fold/fold.c"
#include "mesh/fold/product.c"
#include "mesh/fork.c"
#include "mesh/keys.c"

#include "owned.h"

unsigned mesh_faults;

/* --- what a stolen key leaves: one check for each event that is void (events.def); each opens something, and no more once it is void --- */

/* Compromised since the place before what `opened` says, confirmed again. True when the rule holds: it was open, is closed, and opens when confirmed. */
typedef bool (*open_fn)(struct world *w);

static bool
closes_until_confirmed(struct world *w, struct owner *o, uint64_t from, open_fn is_open)
{
	uint64_t said = w->d[STORES].size;

	assert_true(is_open(w));
	assert_true(rotate(w, o, from));
	if (is_open(w)) return false;
	for (uint64_t seq = from; seq < said; seq++) {
		assert_true(mesh_is_void(w->m, did(w, STORES), seq));
		assert_true(confirm(w, seq));
	}
	return is_open(w);
}

static bool
counts(struct world *w, const char *person)
{
	const struct mesh_member *m = mesh_member(w->m, str_c(person));

	return m && mesh_member_counts(w->m, m);
}

/* Of any role. */
static bool
a_stolen_key_adds_nobody(struct world *w)
{
	static const char *const people[] = {"person10", "person11", "person12", "person13", "person14"};
	struct owner o;
	bool none = true, all = true;

	set_up(w, &o);
	uint64_t from = w->d[STORES].size;
	for (size_t i = 0; i < ARRAY_LEN(people); i++) {
		assert_true(SAY(w, STORES, MEMBER_SET, body_member_set(&w->body, str_c(people[i]), (enum role)(ROLE_OWNER + i), false, S(""))));
		assert_true(counts(w, people[i]));
	}
	assert_true(rotate(w, &o, from));
	for (size_t i = 0; i < ARRAY_LEN(people); i++) none = none && !counts(w, people[i]);
	for (size_t i = 0; none && i < ARRAY_LEN(people); i++) {
		assert_true(confirm(w, from + i));
		all = all && counts(w, people[i]);
	}
	return none && all && counts(w, "person00");
}

/* insights publishes and grants to stores, to `to`; stores' analyst is person02. */
static void
stores_reads(struct world *w, struct owner *o, enum principal_kind kind, const char *to)
{
	set_up(w, o);
	assert_true(SAY(w, STORES, MEMBER_SET, body_member_set(&w->body, S("person02"), ROLE_ANALYST, false, S(""))));
	assert_true(publish(w, INSIGHTS, "prd_00000002", "found"));
	struct mesh_grant g = a_grant("grt_00000001", "prd_00000002", kind, kind == PRINCIPAL_DOMAIN ? did(w, STORES) : str_c(to));
	if (kind == PRINCIPAL_GROUP) g.policy.to_domain_id = did(w, STORES);
	assert_true(say_grant(w, INSIGHTS, &g));
}

static bool analyst_reads(struct world *w) { return allowed(w, "person02", "insights.found.returns"); }
static bool consumer_reads(struct world *w) { return allowed(w, "person07", "stores.sales.transactions"); }

static bool
a_stolen_key_hands_to_nobody(struct world *w)
{
	struct owner o;

	stores_reads(w, &o, PRINCIPAL_DOMAIN, NULL);
	assert_true(SAY(w, STORES, DOMAIN_SET, body_domain_set(&w->body, true)) && !analyst_reads(w));
	uint64_t from = w->d[STORES].size;
	assert_true(SAY(w, STORES, DOMAIN_SET, body_domain_set(&w->body, false)));
	return closes_until_confirmed(w, &o, from, analyst_reads);
}

static bool
a_stolen_key_fills_no_group(struct world *w)
{
	struct owner o;

	stores_reads(w, &o, PRINCIPAL_GROUP, "grp_00000001");
	assert_true(SAY(w, STORES, GROUP_SET, body_group_set(&w->body, S("grp_00000001"), S("readers"))));
	uint64_t from = w->d[STORES].size;
	assert_true(SAY(w, STORES, GROUP_JOIN, body_group_member(&w->body, S("grp_00000001"), S("person02"))));
	return closes_until_confirmed(w, &o, from, analyst_reads);
}

static bool
a_stolen_key_hands_nothing_on(struct world *w)
{
	struct owner o;
	struct mesh_delegation d = {.policy = {.id = S("dlg_00000001"), .grant_id = S("grt_00000001"), .to_kind = PRINCIPAL_PERSON, .to_id = S("person02"),
	                                .from = DAY(0), .until = TIME_FOREVER}};

	stores_reads(w, &o, PRINCIPAL_DOMAIN, NULL);
	assert_true(SAY(w, STORES, DOMAIN_SET, body_domain_set(&w->body, true)));
	d.policy.issuer_domain_id = did(w, INSIGHTS);
	uint64_t from = w->d[STORES].size;
	assert_true(SAY(w, STORES, DELEGATION_ADD, body_delegation(&w->body, &d)));
	return closes_until_confirmed(w, &o, from, analyst_reads);
}

static bool
a_stolen_key_grants_nothing(struct world *w)
{
	struct owner o;

	set_up(w, &o);
	uint64_t from = w->d[STORES].size;
	assert_true(grant(w, "grt_00000001", ""));
	return closes_until_confirmed(w, &o, from, consumer_reads);
}

/* Classes that a publish gives may fit a grant by tags, or leave what the center restricts. */
static bool
a_stolen_key_publishes_for_nobody_else(struct world *w)
{
	struct owner o;

	set_up(w, &o);
	assert_true(grant(w, "grt_00000001", ""));
	uint64_t from = w->d[STORES].size;
	assert_true(publish(w, STORES, "prd_00000001", "sales"));
	if (!closes_until_confirmed(w, &o, from, consumer_reads)) return false;
	return allowed(w, "person00", "stores.sales.transactions");
}

static void
whom_a_stolen_key_shuts_out_is_told_why(void **state)
{
	struct world *w = *state;
	struct owner o;

	set_up(w, &o);
	assert_true(grant(w, "grt_00000001", ""));
	uint64_t from = w->d[STORES].size;
	assert_true(publish(w, STORES, "prd_00000001", "sales") && rotate(w, &o, from));
	assert_refused(w, "person07", "stores.sales.transactions",
	               "the producer's domain published this product with a stolen key, and has not confirmed it since");
}

static struct mesh_tag
a_tag(const char *id, const char *value)
{
	return (struct mesh_tag){.id = str_c(id), .product_id = S("prd_00000001"), .table = S(""), .column = S(""), .tag = S("environment"), .value = str_c(value)};
}

static bool
a_stolen_key_tags_nothing_open(struct world *w)
{
	struct owner o;
	struct mesh_tag t = a_tag("tgs_00000001", "prod");

	set_up(w, &o);
	struct mesh_grant g = a_grant("grt_00000001", "", PRINCIPAL_DOMAIN, did(w, INSIGHTS));
	g.tags_text = S("environment IN ('prod')");
	assert_true(say_grant(w, STORES, &g) && !consumer_reads(w));
	uint64_t from = w->d[STORES].size;
	assert_true(SAY(w, STORES, TAG_SET, body_tag_set(&w->body, &t)));
	return closes_until_confirmed(w, &o, from, consumer_reads);
}

static bool
a_stolen_key_approves_nothing(struct world *w)
{
	struct owner o;
	struct mesh_restriction r = {.policy = {.id = S("rst_00000001"), .product_id = S("prd_00000001"), .approvals = 2}, .name = S("")};

	set_up(w, &o);
	world_found(w, CENTER, "center", true);
	mesh_set_center(w->m, did(w, CENTER));
	assert_true(SAY(w, CENTER, RESTRICTION_ADD, body_restriction(&w->body, &r)));
	assert_true(SAY(w, STORES, MEMBER_SET, body_member_set(&w->body, S("person01"), ROLE_STEWARD, false, S(""))));
	assert_true(grant(w, "grt_00000001", "") && !consumer_reads(w));
	uint64_t from = w->d[STORES].size;
	w->actor = S("person01");
	assert_true(SAY(w, STORES, APPROVAL_ADD, body_approval(&w->body, did(w, STORES), S("grt_00000001"))));
	w->actor = S("");
	return closes_until_confirmed(w, &o, from, consumer_reads);
}

/* What a stolen key tagged counts as little under a policy that demands approvals as without one, whatever was said and approved after it. */
static void
demanding_approvals_opens_nothing(void **state)
{
	struct world *w = *state;
	struct owner o;
	struct mesh_tag stolen = a_tag("tgs_00000001", "prod"), again = a_tag("tgs_00000002", "prod");
	struct mesh_restriction r = {.policy = {.id = S("rst_00000001"), .product_id = S("prd_00000001"), .approvals = 1}, .name = S("")};

	set_up(w, &o);
	world_found(w, CENTER, "center", true);
	mesh_set_center(w->m, did(w, CENTER));
	struct mesh_grant g = a_grant("grt_00000001", "", PRINCIPAL_DOMAIN, did(w, INSIGHTS));
	g.tags_text = S("environment IN ('prod')");
	assert_true(say_grant(w, STORES, &g));
	uint64_t from = w->d[STORES].size;
	assert_true(SAY(w, STORES, TAG_SET, body_tag_set(&w->body, &stolen)));
	assert_true(rotate(w, &o, from));
	assert_true(SAY(w, STORES, TAG_SET, body_tag_set(&w->body, &again)) && !consumer_reads(w));
	assert_true(SAY(w, CENTER, RESTRICTION_ADD, body_restriction(&w->body, &r)) && !consumer_reads(w)); /* it has the one that it demands */
	assert_true(confirm(w, from) && consumer_reads(w));
}

/* Two accounts are one human until somebody with the key says otherwise: that must not make two approvals of one. */
static void
a_stolen_key_makes_no_two_humans_of_one(void **state)
{
	struct world *w = *state;
	struct owner o;
	struct mesh_restriction r = {.policy = {.id = S("rst_00000001"), .product_id = S("prd_00000001"), .approvals = 2}, .name = S("")};

	set_up(w, &o);
	world_found(w, CENTER, "center", true);
	mesh_set_center(w->m, did(w, CENTER));
	assert_true(SAY(w, CENTER, RESTRICTION_ADD, body_restriction(&w->body, &r)));
	assert_true(SAY(w, STORES, MEMBER_SET, body_member_set(&w->body, S("person01"), ROLE_STEWARD, false, S("person00"))));
	assert_true(grant(w, "grt_00000001", ""));
	w->actor = S("person01");
	assert_true(SAY(w, STORES, APPROVAL_ADD, body_approval(&w->body, did(w, STORES), S("grt_00000001"))));
	w->actor = S("");
	assert_false(consumer_reads(w));
	uint64_t from = w->d[STORES].size;
	assert_true(SAY(w, STORES, MEMBER_SET, body_member_set(&w->body, S("person01"), ROLE_STEWARD, false, S(""))));
	assert_true(consumer_reads(w)); /* so much a key can do */
	assert_true(rotate(w, &o, from));
	assert_false(consumer_reads(w));
}

static bool
is_reviewed(struct world *w)
{
	const struct mesh_review **list;

	return mesh_reviews(w->m, &w->arena, S("prd_00000001"), &list) == 1;
}

static bool
a_stolen_key_reviews_nothing(struct world *w)
{
	struct owner o;

	set_up(w, &o);
	uint64_t from = w->d[STORES].size;
	assert_true(SAY(w, STORES, REVIEW_ADD, body_review(&w->body, S("rev_00000001"), S("prd_00000001"))));
	return closes_until_confirmed(w, &o, from, is_reviewed);
}

/* insights' answer to a request of stores, at the door. */
static bool
request_can_be_granted(struct world *w)
{
	struct mesh_grant g = a_grant("grt_00000001", "prd_00000002", PRINCIPAL_DOMAIN, did(w, STORES));

	g.request_id = S("req_00000001");
	w->body.n = 0;
	body_grant(&w->body, &g);
	return err_ok(mesh_check(&w->c, w->m, did(w, INSIGHTS), world_payload(w, INSIGHTS, EVENT_GRANT_ADD, arena_str(&w->arena, buf_view(&w->body)))));
}

static void
ask_insights(struct world *w, bool draft)
{
	struct mesh_request r = {.id = S("req_00000001"), .person_id = S("person00"), .producer_domain_id = did(w, INSIGHTS), .product_id = S("prd_00000002"),
	                         .purpose = S("campaign_analysis"), .reason = S(""), .until = TIME_FOREVER, .renews = S(""), .draft = draft};

	assert_true(SAY(w, STORES, REQUEST_OPEN, body_request(&w->body, &r)));
}

static bool
a_stolen_key_asks_for_nobody(struct world *w)
{
	struct owner o;

	set_up(w, &o);
	assert_true(publish(w, INSIGHTS, "prd_00000002", "found"));
	uint64_t from = w->d[STORES].size;
	ask_insights(w, false);
	return closes_until_confirmed(w, &o, from, request_can_be_granted);
}

static bool
a_stolen_key_submits_for_nobody(struct world *w)
{
	struct owner o;

	set_up(w, &o);
	assert_true(publish(w, INSIGHTS, "prd_00000002", "found"));
	ask_insights(w, true);
	uint64_t from = w->d[STORES].size;
	assert_true(SAY(w, STORES, REQUEST_SUBMIT, body_submit(&w->body, S("req_00000001"))));
	return closes_until_confirmed(w, &o, from, request_can_be_granted);
}

/* stores is the center here; insights has what witness reads. */
static void
stores_restricts(struct world *w, struct owner *o)
{
	found_as(w, o, true);
	mesh_set_center(w->m, did(w, STORES));
	world_found(w, INSIGHTS, "insights", false);
	world_found(w, WITNESS, "witness", false);
	assert_true(SAY(w, WITNESS, MEMBER_SET, body_member_set(&w->body, S("person07"), ROLE_ANALYST, false, S(""))));
	assert_true(publish(w, INSIGHTS, "prd_00000001", "sales"));
	struct mesh_grant g = a_grant("grt_00000001", "prd_00000001", PRINCIPAL_DOMAIN, did(w, WITNESS));
	assert_true(say_grant(w, INSIGHTS, &g));
}

static bool witness_reads(struct world *w) { return allowed(w, "person07", "insights.sales.returns"); }

static bool
a_stolen_key_lifts_nothing(struct world *w)
{
	struct owner o;
	struct mesh_restriction r = {.policy = {.id = S("rst_00000001"), .product_id = S("prd_00000001"), .suspend = true}, .name = S("")};

	stores_restricts(w, &o);
	assert_true(SAY(w, STORES, RESTRICTION_ADD, body_restriction(&w->body, &r)) && !witness_reads(w));
	uint64_t from = w->d[STORES].size;
	assert_true(SAY(w, STORES, RESTRICTION_LIFT, body_lift(&w->body, S("rst_00000001"))));
	return closes_until_confirmed(w, &o, from, witness_reads);
}

static bool
a_stolen_key_names_no_purpose(struct world *w)
{
	struct owner o;

	stores_restricts(w, &o);
	assert_true(SAY(w, STORES, PURPOSE_DEFINE, body_purpose(&w->body, S("audit"))) && !witness_reads(w));
	uint64_t from = w->d[STORES].size;
	assert_true(SAY(w, STORES, PURPOSE_DEFINE, body_purpose(&w->body, S("campaign_analysis"))));
	return closes_until_confirmed(w, &o, from, witness_reads);
}

/* Without a tree any purpose would do: who retires the last one with a stolen key does not get there. */
static void
a_stolen_key_fells_no_tree(void **state)
{
	struct world *w = *state;
	struct owner o;

	stores_restricts(w, &o);
	assert_true(SAY(w, STORES, PURPOSE_DEFINE, body_purpose(&w->body, S("audit"))));
	uint64_t from = w->d[STORES].size;
	assert_true(SAY(w, STORES, PURPOSE_RETIRE, body_purpose(&w->body, S("audit"))) && witness_reads(w));
	assert_true(rotate(w, &o, from));
	assert_false(witness_reads(w));
	assert_false(mesh_purpose_ok(w->m, S("audit"))); /* what closed stays closed */
	assert_true(SAY(w, STORES, PURPOSE_RETIRE, body_purpose(&w->body, S("audit"))));
	assert_true(witness_reads(w)); /* said anew, by the key in force */
}

static bool
is_accepted(struct world *w)
{
	const struct mesh_exception **list;

	return mesh_exceptions(w->m, &w->arena, &list) == 1;
}

static bool
a_stolen_key_accepts_no_finding(struct world *w)
{
	struct owner o;
	struct mesh_exception x = {.id = S("exc_00000001"), .control = S("C09"), .subject = S("stores.sales"), .reason = S(""), .until = DAY(9)};

	stores_restricts(w, &o);
	uint64_t from = w->d[STORES].size;
	assert_true(SAY(w, STORES, EXCEPTION_ADD, body_exception(&w->body, &x)));
	return closes_until_confirmed(w, &o, from, is_accepted);
}

static bool
is_evident(struct world *w)
{
	const struct mesh_evidence **list;

	return mesh_evidence(w->m, &w->arena, &list) == 1;
}

static bool
a_stolen_key_is_no_evidence(struct world *w)
{
	struct owner o;
	struct mesh_evidence x = {.id = S("evd_00000001"), .control = S("C19"), .document = S(""), .ok = true};

	stores_restricts(w, &o);
	uint64_t from = w->d[STORES].size;
	assert_true(SAY(w, STORES, EVIDENCE_ADD, body_evidence(&w->body, &x)));
	return closes_until_confirmed(w, &o, from, is_evident);
}

static bool (*const void_checks[EVENT_TYPE_COUNT])(struct world *w) = {
    [EVENT_DOMAIN_SET] = a_stolen_key_hands_to_nobody,
    [EVENT_MEMBER_SET] = a_stolen_key_adds_nobody,
    [EVENT_GROUP_JOIN] = a_stolen_key_fills_no_group,
    [EVENT_PRODUCT_PUBLISH] = a_stolen_key_publishes_for_nobody_else,
    [EVENT_TAG_SET] = a_stolen_key_tags_nothing_open,
    [EVENT_REVIEW_ADD] = a_stolen_key_reviews_nothing,
    [EVENT_GRANT_ADD] = a_stolen_key_grants_nothing,
    [EVENT_APPROVAL_ADD] = a_stolen_key_approves_nothing,
    [EVENT_DELEGATION_ADD] = a_stolen_key_hands_nothing_on,
    [EVENT_REQUEST_OPEN] = a_stolen_key_asks_for_nobody,
    [EVENT_REQUEST_SUBMIT] = a_stolen_key_submits_for_nobody,
    [EVENT_RESTRICTION_LIFT] = a_stolen_key_lifts_nothing,
    [EVENT_PURPOSE_DEFINE] = a_stolen_key_names_no_purpose,
    [EVENT_EXCEPTION_ADD] = a_stolen_key_accepts_no_finding,
    [EVENT_EVIDENCE_ADD] = a_stolen_key_is_no_evidence,
};

static void
each_event_that_is_void_is_checked(void **state)
{
	(void)state;
	for (enum event_type t = EVENT_UNKNOWN + 1; t < EVENT_TYPE_COUNT; t++) {
		bool is_void = event_type_stolen(t) == STOLEN_VOID;
		if (is_void != (void_checks[t] != NULL)) fail_msg("%s: say here what it opens, or in events.def that it stays", event_type_name(t));
		if (!is_void) continue;
		if (!in_a_world(0, void_checks[t])) fail_msg("%s counts although it is void, or does not when it is confirmed", event_type_name(t));
		if (in_a_world(MESH_FAULT_NO_COMPROMISE, void_checks[t])) fail_msg("%s: what a stolen key leaves was not noticed", event_type_name(t));
	}
}

/* The table of docs/events.md says the same as events.def, of every event. */
static void
each_event_stands_in_the_table(void **state)
{
	static const char *const words[] = {[STOLEN_STAYS] = "stays", [STOLEN_VOID] = "**void**", [STOLEN_GONE] = "gone"};
	static char text[1 << 17];
	FILE *f = fopen(TEST_VECTORS_DIR "/../../docs/events.md", "re");

	(void)state;
	assert_non_null(f);
	size_t n = fread(text, 1, sizeof text - 1, f);
	assert_int_equal(fclose(f), 0);
	assert_in_range(n, 1000, sizeof text - 2);
	text[n] = 0;
	const char *table = strstr(text, "### What a stolen key leaves");
	assert_non_null(table);
	for (enum event_type t = EVENT_UNKNOWN + 1; t < EVENT_TYPE_COUNT; t++) {
		char row[128];
		snprintf(row, sizeof row, "\n| `%s` | %s |", event_type_name(t), words[event_type_stolen(t)]);
		if (!strstr(table, row)) fail_msg("docs/events.md: no row '%s'", row + 1);
	}
}

/* A publish on top of a void one takes its floors with it: it does not make up for it. */
static void
a_new_publish_makes_no_void_one_good(void **state)
{
	struct world *w = *state;
	struct owner o;

	set_up(w, &o);
	assert_true(grant(w, "grt_00000001", ""));
	uint64_t from = w->d[STORES].size;
	assert_true(publish(w, STORES, "prd_00000001", "sales"));
	assert_true(rotate(w, &o, from));
	assert_true(publish(w, STORES, "prd_00000001", "sales"));
	assert_false(consumer_reads(w));
	assert_true(allowed(w, "person00", "stores.sales.transactions"));
	assert_true(confirm(w, from));
	assert_true(consumer_reads(w));
}

/* Whom the new key names anew is somebody; whom another domain's stolen key claims stays who they are. */
static void
who_is_named_anew_counts_and_no_claim_takes_anybody_away(void **state)
{
	struct world *w = *state;
	struct owner o;

	set_up(w, &o);
	uint64_t from = w->d[STORES].size;
	assert_true(SAY(w, STORES, MEMBER_SET, body_member_set(&w->body, S("person02"), ROLE_ANALYST, false, S(""))));
	assert_true(SAY(w, STORES, MEMBER_SET, body_member_set(&w->body, S("person07"), ROLE_ANALYST, false, S(""))));
	assert_true(rotate(w, &o, from));
	assert_false(counts(w, "person02"));
	assert_true(SAY(w, STORES, MEMBER_SET, body_member_set(&w->body, S("person02"), ROLE_ANALYST, false, S(""))));
	assert_true(counts(w, "person02"));
	assert_true(counts(w, "person07") && str_eq(mesh_member(w->m, S("person07"))->domain_id, did(w, INSIGHTS)));
}

/* A rotation is for one place: once more at the next one, or in another log, it is nothing. */
static void
a_rotation_is_not_replayed(void **state)
{
	struct world *w = *state;
	struct owner o;

	set_up(w, &o);
	Str payload = rotation_of(w, &o.key[1], &o.key[2], 0, BY(&o.key[0]));
	Str entry = world_sign(w, &o.key[1], payload);
	assert_true(world_apply(w, STORES, entry, true));
	assert_false(world_apply(w, STORES, entry, true));
	assert_false(world_apply(w, INSIGHTS, entry, true));
	assert_memory_equal(mesh_domain(w->m, did(w, STORES))->event_pub, o.key[1].pub, 32);
	o.now = 1;
	w->d[STORES].key = o.key[1];
	assert_true(rotate(w, &o, 0));
	assert_false(world_apply(w, STORES, entry, true)); /* nor after the next one */
	assert_memory_equal(mesh_domain(w->m, did(w, STORES))->event_pub, o.key[2].pub, 32);
}

/* What was void before a fork is not confirmed behind it. */
static void
no_confirmation_counts_behind_a_fork(void **state)
{
	struct world *w = *state;
	struct owner o;

	set_up(w, &o);
	uint64_t from = w->d[STORES].size;
	assert_true(SAY(w, STORES, MEMBER_SET, body_member_set(&w->body, S("person02"), ROLE_ANALYST, false, S(""))));
	assert_true(rotate(w, &o, from));
	struct branch_maker a = {.w = w, .seq = w->d[STORES].size, .prev = w->d[STORES].head}, b = a;
	w->body.n = 0;
	body_confirm(&w->body, &from, 1);
	branch_say(&a, &o.key[1], EVENT_CONFIRM, arena_str(&w->arena, buf_view(&w->body)));
	branch_revoke(&b, &o.key[1], "grt_prefix01");
	assert_true(world_apply(w, STORES, a.entries[0], true));
	assert_true(counts(w, "person02"));
	assert_true(report(w, WITNESS, "frk_00000001", &a, &b));
	assert_true(forks_of(w) == 1 && !counts(w, "person02"));
}

/* --- snapshots --- */

static bool
publish_named(struct world *w, int domain, const char *id, const char *name, Str manifest, Str content)
{
	struct mesh_table t = a_table("transactions");
	struct mesh_product p = a_product(id, name, &t, 1);

	t.manifest = manifest;
	t.content = content;
	return SAY(w, domain, PRODUCT_PUBLISH, body_publish(&w->body, &p));
}

/* Security.md attack 30: the snapshot of another domain, product or table. */
static bool
no_snapshot_is_anothers(struct world *w)
{
	char own[MESH_SNAPSHOT_NAME], other[MESH_SNAPSHOT_NAME];

	world_found(w, STORES, "stores", false);
	world_found(w, INSIGHTS, "insights", false);
	mesh_snapshot_name(did(w, STORES), S("prd_00000001"), S("transactions"), S(HEX64), own);
	assert_true(publish_named(w, STORES, "prd_00000001", "sales", str_c(own), S(HEX64)));
	mesh_snapshot_name(did(w, STORES), S("prd_00000001"), S("returns"), S(HEX64), other);
	return !publish_named(w, INSIGHTS, "prd_00000001", "sales", str_c(own), S(HEX64)) &&           /* of another log, the same ids and all */
	       !publish_named(w, STORES, "prd_00000002", "more", str_c(own), S(HEX64)) &&              /* of another product */
	       !publish_named(w, STORES, "prd_00000001", "sales", str_c(other), S(HEX64)) &&           /* of another table */
	       !publish_named(w, STORES, "prd_00000001", "sales", S(HEX64), S(HEX64)) &&               /* its content as its name */
	       !publish_named(w, STORES, "prd_00000001", "sales", S(""), S(HEX64)) &&
	       publish_named(w, STORES, "prd_00000001", "sales", str_c(own), S(HEX64));
}

static void
a_snapshot_is_of_its_product_alone(void **state)
{
	(void)state;
	assert_true(in_a_world(0, no_snapshot_is_anothers));
	assert_false(in_a_world(MESH_FAULT_FOREIGN_SNAPSHOT, no_snapshot_is_anothers));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, world_init, world_fini)
	    cmocka_unit_test(each_event_that_is_void_is_checked), cmocka_unit_test(each_event_stands_in_the_table), T(a_stolen_key_makes_no_two_humans_of_one), T(whom_a_stolen_key_shuts_out_is_told_why),
	    T(demanding_approvals_opens_nothing),
	    T(a_stolen_key_fells_no_tree), T(a_new_publish_makes_no_void_one_good), T(who_is_named_anew_counts_and_no_claim_takes_anybody_away),
	    T(a_rotation_is_not_replayed), T(no_confirmation_counts_behind_a_fork), cmocka_unit_test(a_snapshot_is_of_its_product_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
