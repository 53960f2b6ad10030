/* The events of governance: taken when they should be, refused for each reason they can be refused for, and what they leave behind.
 * Faults planted in the handlers must each be noticed by what holds without them. */
#define HEDDLE_MESH_FAULTS
extern unsigned mesh_faults;
#include "mesh/fold/grant.c"
#include "mesh/fold/people.c"
#include "mesh/fold/product.c"

#include "world.h"

unsigned mesh_faults;

enum { STORES, INSIGHTS, CENTER };

#define PERSON "person_analyst"
#define OTHER "person_other01"
#define ADD(w, domain, type, write) assert_true(SAY(w, domain, type, write))
#define NOT(w, domain, type, write, says)                                                                                      \
	do {                                                                                                                   \
		assert_false(SAY(w, domain, type, write));                                                                     \
		REFUSED(w, says);                                                                                              \
	} while (0)
#define JSON(w, text) buf_c(&(w)->body, text)

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
	mesh_set_center(w->m, did(w, CENTER));
	assert_true(publish(w, STORES, "prd_stores01", "transactions"));
	member(w, STORES, "person00", ROLE_OWNER);
	member(w, INSIGHTS, PERSON, ROLE_ANALYST);
	return 0;
}

static Err
load(struct ctx *c, void *arg, Str kind, Str id, Str body)
{
	return mesh_load(c, arg, kind, id, body);
}

/* What the records say is all there is: put back they make the same state. */
static int
teardown(void **state)
{
	struct world *w = *state;
	struct mesh *again = mesh_new();
	uint8_t hash[32], other[32];

	mesh_set_center(again, did(w, CENTER));
	Err e = mesh_records(&w->c, w->m, load, again);
	if (!err_ok(e)) fail_msg("%s", err_detail(&w->c, e));
	mesh_hash(w->m, hash);
	mesh_hash(again, other);
	assert_memory_equal(hash, other, 32);
	mesh_free(again);
	return world_fini(state);
}

/* --- people --- */

static const struct group_member *
membership(struct world *w, const char *group_slash_person)
{
	return (const struct group_member *)state_find(w->m, RECORD_GROUP_MEMBER, state_log(w->m, did(w, INSIGHTS)), str_c(group_slash_person));
}

static bool
in_group(struct world *w, const char *person)
{
	const struct group_member *gm = membership(w, world_str(w, "grp_analysts/%s", person).p);

	return gm && group_member_counts(w->m, gm);
}

static void
groups(void **state)
{
	struct world *w = *state;

	ADD(w, INSIGHTS, GROUP_SET, body_group_set(&w->body, S("grp_analysts"), S("analysts")));
	ADD(w, INSIGHTS, GROUP_SET, body_group_set(&w->body, S("grp_analysts"), S("campaigns"))); /* another name */
	ADD(w, INSIGHTS, GROUP_SET, body_group_set(&w->body, S("grp_second01"), S("analysts")));  /* which is free again */
	NOT(w, INSIGHTS, GROUP_SET, body_group_set(&w->body, S("grp_third001"), S("campaigns")), "another group is named campaigns");
	NOT(w, INSIGHTS, GROUP_SET, body_group_set(&w->body, S("grp_third001"), S("No")), "'name' must be a name");
	ADD(w, STORES, GROUP_SET, body_group_set(&w->body, S("grp_analysts"), S("campaigns"))); /* of another domain */
	NOT(w, INSIGHTS, GROUP_JOIN, body_group_member(&w->body, S("grp_analysts"), S("person00")), "is no member of this domain");
	NOT(w, INSIGHTS, GROUP_JOIN, body_group_member(&w->body, S("grp_nothing1"), S(PERSON)), "no group grp_nothing1");
	NOT(w, INSIGHTS, GROUP_LEAVE, body_group_member(&w->body, S("grp_analysts"), S(PERSON)), "is not in group");
	ADD(w, INSIGHTS, GROUP_JOIN, body_group_member(&w->body, S("grp_analysts"), S(PERSON)));
	assert_true(in_group(w, PERSON));
	ADD(w, INSIGHTS, GROUP_LEAVE, body_group_member(&w->body, S("grp_analysts"), S(PERSON)));
	ADD(w, INSIGHTS, GROUP_LEAVE, body_group_member(&w->body, S("grp_analysts"), S(PERSON)));
	assert_false(in_group(w, PERSON));
	ADD(w, INSIGHTS, GROUP_END, body_group_end(&w->body, S("grp_second01")));
	ADD(w, INSIGHTS, GROUP_END, body_group_end(&w->body, S("grp_second01")));
	NOT(w, INSIGHTS, GROUP_END, body_group_end(&w->body, S("grp_nothing1")), "no group grp_nothing1");
	NOT(w, INSIGHTS, GROUP_JOIN, body_group_member(&w->body, S("grp_second01"), S(PERSON)), "no group grp_second01");
	NOT(w, INSIGHTS, GROUP_SET, body_group_set(&w->body, S("grp_second01"), S("more")), "was ended");
	ADD(w, INSIGHTS, GROUP_SET, body_group_set(&w->body, S("grp_third001"), S("analysts")));
}

static bool
roles_keep_groups(struct world *w)
{
	ADD(w, INSIGHTS, GROUP_SET, body_group_set(&w->body, S("grp_analysts"), S("analysts")));
	ADD(w, INSIGHTS, GROUP_JOIN, body_group_member(&w->body, S("grp_analysts"), S(PERSON)));
	member(w, INSIGHTS, PERSON, ROLE_STEWARD);
	return in_group(w, PERSON);
}

static bool
strangers_stay_out(struct world *w)
{
	ADD(w, INSIGHTS, GROUP_SET, body_group_set(&w->body, S("grp_analysts"), S("analysts")));
	return !SAY(w, INSIGHTS, GROUP_JOIN, body_group_member(&w->body, S("grp_analysts"), S(OTHER)));
}

static bool
leaving_counts(struct world *w)
{
	ADD(w, INSIGHTS, GROUP_SET, body_group_set(&w->body, S("grp_analysts"), S("analysts")));
	ADD(w, INSIGHTS, GROUP_JOIN, body_group_member(&w->body, S("grp_analysts"), S(PERSON)));
	ADD(w, INSIGHTS, GROUP_LEAVE, body_group_member(&w->body, S("grp_analysts"), S(PERSON)));
	return !in_group(w, PERSON);
}

static void
departures(void **state)
{
	struct world *w = *state;
	const struct mesh_member *m = mesh_member(w->m, S(PERSON));

	assert_int_equal(m->seq, 1);
	ADD(w, INSIGHTS, GROUP_SET, body_group_set(&w->body, S("grp_analysts"), S("analysts")));
	ADD(w, INSIGHTS, GROUP_JOIN, body_group_member(&w->body, S("grp_analysts"), S(PERSON)));
	w->now = DAY(3);
	member(w, INSIGHTS, PERSON, ROLE_OWNER);
	m = mesh_member(w->m, S(PERSON));
	assert_true(m->seq == 1 && m->set_seq == 4 && m->since == DAY(0) && in_group(w, PERSON));
	ADD(w, INSIGHTS, MEMBER_END, body_member_end(&w->body, S(PERSON)));
	assert_false(in_group(w, PERSON));
	assert_true(mesh_member(w->m, S(PERSON))->ended == DAY(3));
	/* who comes back begins anew */
	w->now = DAY(5);
	member(w, INSIGHTS, PERSON, ROLE_ANALYST);
	m = mesh_member(w->m, S(PERSON));
	assert_true(m->active && m->seq == 6 && m->since == DAY(5) && m->ended == 0);
	assert_false(in_group(w, PERSON));
	ADD(w, INSIGHTS, GROUP_JOIN, body_group_member(&w->body, S("grp_analysts"), S(PERSON)));
	assert_true(in_group(w, PERSON));
}

static void
services_and_humans(void **state)
{
	struct world *w = *state;

	ADD(w, INSIGHTS, MEMBER_SET, body_member_set(&w->body, S("svc_nightly1"), ROLE_ANALYST, true, S("")));
	ADD(w, INSIGHTS, MEMBER_SET, body_member_set(&w->body, S(OTHER), ROLE_ANALYST, false, S(PERSON)));
	assert_true(mesh_member(w->m, S("svc_nightly1"))->service && !mesh_member(w->m, S(OTHER))->service);
	assert_true(str_eq(mesh_member(w->m, S(OTHER))->human_id, S(PERSON)) && str_eq(mesh_member(w->m, S(PERSON))->human_id, S(PERSON)));
	NOT(w, INSIGHTS, MEMBER_SET, JSON(w, "{\"person\":\"" OTHER "\",\"role\":\"analyst\",\"kind\":\"robot\"}"), "'kind' must be person or service");
	NOT(w, INSIGHTS, MEMBER_SET, JSON(w, "{\"person\":\"" OTHER "\",\"role\":\"analyst\",\"human\":\"x\"}"), "'human' must be an id");
	/* in any order, and none that is unknown */
	ADD(w, INSIGHTS, MEMBER_SET, JSON(w, "{\"kind\":\"service\",\"role\":\"analyst\",\"person\":\"" OTHER "\"}"));
	assert_true(mesh_member(w->m, S(OTHER))->service);
	NOT(w, INSIGHTS, MEMBER_SET, JSON(w, "{\"person\":\"" OTHER "\",\"role\":\"analyst\",\"kinds\":\"service\"}"), "'kinds' is unknown");
}

static void
handing(void **state)
{
	struct world *w = *state;

	ADD(w, INSIGHTS, DOMAIN_SET, body_domain_set(&w->body, true));
	assert_true(mesh_domain(w->m, did(w, INSIGHTS))->handing_named && mesh_domain(w->m, did(w, INSIGHTS))->handing_seq == 2);
	ADD(w, INSIGHTS, DOMAIN_SET, body_domain_set(&w->body, false));
	assert_true(!mesh_domain(w->m, did(w, INSIGHTS))->handing_named && mesh_domain(w->m, did(w, INSIGHTS))->handing_seq == 3);
	NOT(w, INSIGHTS, DOMAIN_SET, JSON(w, "{\"handing\":\"nobody\"}"), "'handing' must be everyone or named");
	ADD(w, INSIGHTS, DIRECTORY_ERASE, body_erase(&w->body, S(PERSON), S("gdpr-17")));
	NOT(w, INSIGHTS, DIRECTORY_ERASE, body_erase(&w->body, S(""), S("")), "'ref' must be what was erased");
}

/* --- tags --- */

static struct mesh_tag
a_tag(const char *id, const char *table, const char *column, const char *tag, const char *value)
{
	return (struct mesh_tag){.id = str_c(id), .product_id = S("prd_stores01"), .table = str_c(table), .column = str_c(column), .tag = str_c(tag),
	                         .value = str_c(value)};
}

static void
tag(struct world *w, const char *table, const char *column, const char *name, const char *value)
{
	struct mesh_tag t = a_tag(world_str(w, "tgs_%08u", (unsigned)w->d[STORES].size).p, table, column, name, value);

	ADD(w, STORES, TAG_SET, body_tag_set(&w->body, &t));
}

static Str
among(const struct policy_tags *tags, const char *name)
{
	for (size_t i = 0; i < tags->count; i++)
		if (str_eqc(tags->list[i].name, name)) return tags->list[i].value;
	return S("");
}

/* What counts for a column of stores.transactions.transactions ("": the table). */
static Str
counts(struct world *w, const char *column, const char *name)
{
	const struct policy_table *t = &mesh_table_by_name(w->m, S("stores.transactions.transactions"), NULL)->policy;

	for (size_t k = 0; k < t->column_count; k++)
		if (str_eqc(t->columns[k].name, column)) return among(&t->columns[k].tags, name);
	return among(&t->tags, name);
}

#define COUNTS(w, column, name, value)                                                                                         \
	do {                                                                                                                   \
		Str counts_ = counts(w, column, name);                                                                         \
		if (!str_eqc(counts_, value)) fail_msg("%s of '%s': '%.*s', not '%s'", name, column, STR(counts_), value);     \
	} while (0)

static void
tags_are_inherited(void **state)
{
	struct world *w = *state;

	COUNTS(w, "household_id", "classification", "personal"); /* the contract's */
	COUNTS(w, "", "classification", "");
	tag(w, "", "", "environment", "prod");
	COUNTS(w, "sales", "environment", "prod");
	COUNTS(w, "", "environment", "prod");
	tag(w, "transactions", "", "environment", "test");
	COUNTS(w, "sales", "environment", "test");
	tag(w, "transactions", "sales", "environment", "dev");
	tag(w, "transactions", "sales", "cost_center", "4711");
	COUNTS(w, "sales", "environment", "dev");
	COUNTS(w, "sales", "cost_center", "4711");
	COUNTS(w, "household_id", "cost_center", "");
	COUNTS(w, "household_id", "environment", "test");
	tag(w, "transactions", "sales", "environment", "");
	COUNTS(w, "sales", "environment", "test");
	tag(w, "transactions", "", "environment", "");
	COUNTS(w, "sales", "environment", "prod");
	const struct mesh_tag *last = &state_tags_of(w->m, state_log(w->m, did(w, STORES)), S("prd_stores01"))->pub;
	assert_true(str_eq(last->before, S("test")) && last->seq == w->d[STORES].size - 1 && str_eq(last->by, S("person00")));
}

static void
tags_refused(void **state)
{
	struct world *w = *state;
	struct mesh_tag t = a_tag("tgs_00000001", "nowhere", "", "environment", "prod");

	NOT(w, STORES, TAG_SET, body_tag_set(&w->body, &t), "no table nowhere");
	t = a_tag("tgs_00000001", "transactions", "colour", "environment", "prod");
	NOT(w, STORES, TAG_SET, body_tag_set(&w->body, &t), "no column colour");
	t = a_tag("tgs_00000001", "", "sales", "environment", "prod");
	NOT(w, STORES, TAG_SET, body_tag_set(&w->body, &t), "'column' must be empty without a table");
	t = a_tag("tgs_00000001", "", "", "Environment", "prod");
	NOT(w, STORES, TAG_SET, body_tag_set(&w->body, &t), "'tag' must be a name");
	t = a_tag("tgs_00000001", "", "", "environment", "prod");
	NOT(w, INSIGHTS, TAG_SET, body_tag_set(&w->body, &t), "only the domain that publishes it can tag it");
	NOT(w, CENTER, TAG_SET, body_tag_set(&w->body, &t), "only the domain that publishes it can tag it");
	ADD(w, STORES, TAG_SET, body_tag_set(&w->body, &t));
	NOT(w, STORES, TAG_SET, body_tag_set(&w->body, &t), "already");
	ADD(w, STORES, PRODUCT_RETIRE, body_retire(&w->body, S("prd_stores01")));
	t.id = S("tgs_00000002");
	NOT(w, STORES, TAG_SET, body_tag_set(&w->body, &t), "is retired");
}

/* Publish stores.transactions anew, with this class for the column sales. */
static void
republish(struct world *w, const char *class)
{
	struct policy_column columns[] = {COLUMNS[0], COLUMNS[1], COLUMNS[2]};
	struct mesh_table tables[] = {a_table("transactions"), a_table("returns")};
	struct mesh_product p = a_product("prd_stores01", "transactions", tables, 2);

	columns[1].classification = str_c(class);
	tables[0].policy.columns = columns;
	ADD(w, STORES, PRODUCT_PUBLISH, body_publish(&w->body, &p));
}

static void
a_publish_only_raises(void **state)
{
	struct world *w = *state;

	republish(w, "internal");
	COUNTS(w, "sales", "classification", "internal");
	republish(w, "restricted");
	COUNTS(w, "sales", "classification", "restricted");
	republish(w, "public");
	COUNTS(w, "sales", "classification", "restricted");
	republish(w, "");
	COUNTS(w, "sales", "classification", "restricted");
	tag(w, "transactions", "", "classification", "internal"); /* the table's: below what the column has */
	COUNTS(w, "sales", "classification", "restricted");
	tag(w, "transactions", "sales", "classification", "public"); /* said of the column itself */
	COUNTS(w, "sales", "classification", "public");
	const struct mesh_tag *last = &state_tags_of(w->m, state_log(w->m, did(w, STORES)), S("prd_stores01"))->pub;
	assert_true(str_eq(last->before, S("restricted")));
	republish(w, "");
	COUNTS(w, "sales", "classification", "public");
	republish(w, "confidential");
	COUNTS(w, "sales", "classification", "confidential");
	republish(w, "personal"); /* a text we know no rank of is above all */
	COUNTS(w, "sales", "classification", "personal");
	republish(w, "restricted");
	COUNTS(w, "sales", "classification", "personal");
	tag(w, "transactions", "sales", "classification", ""); /* nothing of its own: the table's */
	COUNTS(w, "sales", "classification", "internal");
	tag(w, "transactions", "", "classification", "confidential");
	COUNTS(w, "sales", "classification", "confidential");
	COUNTS(w, "coupon text", "classification", "confidential");
}

static bool
classes_stay(struct world *w)
{
	republish(w, "restricted");
	republish(w, "public");
	return str_eq(counts(w, "sales", "classification"), S("restricted"));
}

static void
since_survives(void **state)
{
	struct world *w = *state;
	struct policy_column columns[] = {COLUMN("new", "INT", ""), COLUMNS[0], COLUMNS[1]};
	struct mesh_table tables[] = {a_table("added"), a_table("transactions")};
	struct mesh_product p = a_product("prd_stores01", "transactions", tables, 2);
	const struct mesh_product *found;

	assert_true(mesh_product(w->m, S("prd_stores01"))->since == 1);
	w->now = DAY(9);
	tables[1].policy.columns = columns;
	ADD(w, STORES, PRODUCT_PUBLISH, body_publish(&w->body, &p)); /* at 3: a table and a column more, one of each gone */
	republish(w, "");                                             /* at 4: as it was, without what was added */
	const struct mesh_table *t = mesh_table_by_name(w->m, S("stores.transactions.transactions"), &found);
	assert_true(found->since == 1 && found->first_published == DAY(0) && found->published == DAY(9) && str_eq(found->publisher, S("person00")));
	assert_true(t->policy.since == 1 && t->policy.columns[0].since == 1 && t->policy.columns[1].since == 1);
	assert_true(t->policy.columns[2].since == 4); /* it was gone in between: another one of that name */
	assert_true(mesh_table_by_name(w->m, S("stores.transactions.returns"), NULL)->policy.since == 4);
	ADD(w, STORES, PRODUCT_PUBLISH, body_publish(&w->body, &p));
	assert_true(mesh_table_by_name(w->m, S("stores.transactions.added"), NULL)->policy.since == 5);
	assert_true(mesh_table_by_name(w->m, S("stores.transactions.transactions"), NULL)->policy.columns[0].since == 5);
	ADD(w, STORES, PRODUCT_RETIRE, body_retire(&w->body, S("prd_stores01")));
	assert_true(mesh_product(w->m, S("prd_stores01"))->since == 1);
}

static void
reviews(void **state)
{
	struct world *w = *state;

	ADD(w, STORES, REVIEW_ADD, body_review(&w->body, S("rev_00000001"), S("prd_stores01")));
	NOT(w, STORES, REVIEW_ADD, body_review(&w->body, S("rev_00000001"), S("prd_stores01")), "already");
	NOT(w, INSIGHTS, REVIEW_ADD, body_review(&w->body, S("rev_00000001"), S("prd_stores01")), "not in this log");
}

/* --- grants, approvals, delegations --- */

static void
grant_terms(void **state)
{
	struct world *w = *state;
	static const Str by[] = {S("household_id"), S("coupon text")};
	struct mesh_grant g = a_grant("grt_00000001", "prd_stores01", PRINCIPAL_GROUP, S("grp_analysts"));
	struct policy_terms *t = &g.policy.terms;

	NOT(w, STORES, GRANT_ADD, body_grant(&w->body, &g), "'to_domain' must be the group's domain");
	g.policy.to_domain_id = did(w, INSIGHTS);
	*t = (struct policy_terms){.min_group = 5, .group_by = by, .group_by_count = 2, .unit = S("sales"), .row_budget = 1000, .no_export = true,
	                           .hours = {.days = 0x1f, .from_minute = 8 * 60, .until_minute = 24 * 60}};
	ADD(w, STORES, GRANT_ADD, body_grant(&w->body, &g));
	const struct mesh_grant *kept = mesh_grant(w->m, S("grt_00000001"));
	const struct policy_terms *k = &kept->policy.terms;
	assert_true(kept->policy.to_kind == PRINCIPAL_GROUP && str_eq(kept->policy.to_domain_id, did(w, INSIGHTS)) && kept->policy.seq == 4);
	assert_int_equal(kept->by_role, 1U << ROLE_OWNER);
	assert_true(k->min_group == 5 && k->group_by_count == 2 && str_eq(k->group_by[1], S("coupon text")) && str_eq(k->unit, S("sales")));
	assert_true(k->row_budget == 1000 && k->no_export && k->hours.days == 0x1f && k->hours.from_minute == 480 && k->hours.until_minute == 1440);
}

static void
grant_options_refused(void **state)
{
	struct world *w = *state;
	struct mesh_grant g = a_grant("grt_00000001", "prd_stores01", PRINCIPAL_DOMAIN, did(w, INSIGHTS));
	static const struct { const char *more, *says; } cases[] = {
	    {"\"min_group\":1", "'min_group' must be 2 to"},
	    {"\"group_by\":[\"sales\"]", "'min_group' must be given"},
	    {"\"unit\":\"sales\"", "'min_group' must be given"},
	    {"\"min_group\":5,\"group_by\":[\"sales\",\"sales\"]", "without a column twice"},
	    {"\"row_budget\":0", "'row_budget' must be 1 or more"},
	    {"\"no_export\":1", "'no_export' must be true or false"},
	    {"\"hours\":{\"days\":[],\"from\":\"08:00\",\"until\":\"18:00\"}", "'days'"},
	    {"\"hours\":{\"days\":[2,1],\"from\":\"08:00\",\"until\":\"18:00\"}", "'days'"},
	    {"\"hours\":{\"days\":[8],\"from\":\"08:00\",\"until\":\"18:00\"}", "'days'"},
	    {"\"hours\":{\"days\":[1],\"from\":\"24:00\",\"until\":\"24:00\"}", "'from' must be a time of day"},
	    {"\"hours\":{\"days\":[1],\"from\":\"08:60\",\"until\":\"18:00\"}", "'from' must be a time of day"},
	    {"\"hours\":{\"days\":[1],\"from\":\"18:00\",\"until\":\"08:00\"}", "later than 'from'"},
	    {"\"hours\":{\"days\":[1],\"from\":\"08:00\",\"until\":\"18:00\",\"zone\":\"CET\"}", "'zone' is unknown"},
	    {"\"future\":true", "left out without tags"},
	    {"\"to_domain\":\"" HEX64 "\"", "only with a group"},
	    {"\"tags\":\"environment IN ('prod')\"", "'product' must be empty"},
	    {"\"budget\":1", "'budget' is unknown"},
	};

	w->body.n = 0;
	body_grant(&w->body, &g);
	Str plain = arena_str(&w->arena, buf_view(&w->body));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		Str body = arena_printf(&w->arena, "%.*s,%s}", (int)plain.n - 1, plain.p, cases[i].more);
		assert_false(world_say(w, STORES, EVENT_GRANT_ADD, body));
		REFUSED(w, cases[i].says);
	}
	ADD(w, STORES, GRANT_ADD, body_grant(&w->body, &g));
}

static void
grants_by_tags(void **state)
{
	struct world *w = *state;
	struct mesh_grant g = a_grant("grt_00000001", "", PRINCIPAL_DOMAIN, did(w, INSIGHTS));

	NOT(w, STORES, GRANT_ADD, body_grant(&w->body, &g), "'product' must be an id");
	g.tags_text = S("environment IN ('prod') AND classification IN ('internal', 'public')");
	g.policy.future = true;
	NOT(w, STORES, GRANT_ADD, body_grant(&w->body, &g), "'until' must be a time, because");
	g.policy.until = DAY(30);
	ADD(w, STORES, GRANT_ADD, body_grant(&w->body, &g));
	const struct mesh_grant *kept = mesh_grant(w->m, S("grt_00000001"));
	assert_true(kept->policy.tags && kept->policy.tags->op == TAG_AND && kept->policy.future);
	g.policy.id = S("grt_00000002");
	g.tags_text = S("environment = prod"); /* not what stands in a log */
	assert_false(say_grant(w, STORES, &g));
	g.tags_text = S("NOT environment IN ('prod')");
	NOT(w, STORES, GRANT_ADD, body_grant(&w->body, &g), "'tags' must be without NOT");
	g.tags_text = kept->tags_text;
	NOT(w, CENTER, GRANT_ADD, body_grant(&w->body, &g), "can restrict, never publish or grant");
}

static const struct approval *
approval(struct world *w, int domain, int of, const char *subject, const char *person)
{
	Str id = arena_printf(&w->arena, "%.*s/%s/%s", STR(did(w, of)), subject, person);

	return (const struct approval *)state_find(w->m, RECORD_APPROVAL, state_log(w->m, did(w, domain)), id);
}

static void
approvals(void **state)
{
	struct world *w = *state;
	struct mesh_grant g = a_grant("grt_00000001", "prd_stores01", PRINCIPAL_DOMAIN, did(w, INSIGHTS));
	struct mesh_tag t = a_tag("tgs_00000001", "", "", "environment", "prod");

	NOT(w, STORES, APPROVAL_ADD, body_approval(&w->body, did(w, STORES), S("grt_00000001")), "no grant or tag.set grt_00000001");
	assert_true(say_grant(w, STORES, &g));
	ADD(w, STORES, TAG_SET, body_tag_set(&w->body, &t));
	ADD(w, STORES, APPROVAL_ADD, body_approval(&w->body, did(w, STORES), S("grt_00000001")));
	ADD(w, STORES, APPROVAL_ADD, body_approval(&w->body, did(w, STORES), S("tgs_00000001")));
	const struct approval *a = approval(w, STORES, STORES, "grt_00000001", "person00");
	assert_true(a && a->pub.role == 1U << ROLE_OWNER && a->seq == 6 && !a->pub.service && str_eq(a->pub.human_id, S("person00")));
	/* what they were then stays; said again it is what they are now */
	member(w, STORES, OTHER, ROLE_OWNER);
	member(w, STORES, "person00", ROLE_ANALYST);
	assert_true(approval(w, STORES, STORES, "grt_00000001", "person00")->pub.role == 1U << ROLE_OWNER);
	ADD(w, STORES, APPROVAL_ADD, body_approval(&w->body, did(w, STORES), S("grt_00000001")));
	assert_true(approval(w, STORES, STORES, "grt_00000001", "person00")->pub.role == 1U << ROLE_ANALYST);
	/* of another log: whether there is such a grant is asked when they are joined */
	NOT(w, INSIGHTS, APPROVAL_ADD, body_approval(&w->body, did(w, STORES), S("grt_00000001")), "person person00 is no member");
	w->actor = S(PERSON);
	ADD(w, INSIGHTS, APPROVAL_ADD, body_approval(&w->body, did(w, STORES), S("grt_nowhere1")));
	ADD(w, INSIGHTS, MEMBER_END, body_member_end(&w->body, S(PERSON)));
	NOT(w, INSIGHTS, APPROVAL_ADD, body_approval(&w->body, did(w, STORES), S("grt_00000001")), "is no member");
}

static struct mesh_delegation
a_delegation(struct world *w, const char *id, enum principal_kind kind, const char *to)
{
	return (struct mesh_delegation){.policy = {.id = str_c(id), .issuer_domain_id = did(w, STORES), .grant_id = S("grt_00000001"), .table = S(""),
	                                    .to_kind = kind, .to_id = str_c(to), .from = DAY(0), .until = DAY(30)}, .rows_text = S("")};
}

static void
delegations(void **state)
{
	struct world *w = *state;
	struct mesh_delegation d = a_delegation(w, "dlg_00000001", PRINCIPAL_PERSON, PERSON);
	struct policy_mask masks[] = {{S("household_id"), MASK_NULL}};
	static const Str hidden[] = {S("sales")};

	d.policy.purposes = ONE_PURPOSE;
	d.policy.purpose_count = 2;
	d.policy.interactions = INTERACT_SQL;
	d.policy.masks = masks;
	d.policy.mask_count = 1;
	d.policy.hidden = hidden;
	d.policy.hidden_count = 1;
	d.rows_text = S("sales > 10");
	ADD(w, INSIGHTS, DELEGATION_ADD, body_delegation(&w->body, &d));
	const struct delegation *k = (const struct delegation *)state_first(w->m, RECORD_DELEGATION, S("dlg_00000001"));
	assert_true(k->pub.policy.rows && k->pub.policy.mask_count == 1 && k->pub.policy.hidden_count == 1 && k->pub.policy.purpose_count == 2);
	assert_true(k->pub.seq == 2 && str_eq(k->pub.policy.domain_id, did(w, INSIGHTS)) && str_eq(k->pub.by, S("person00")));
	NOT(w, INSIGHTS, DELEGATION_ADD, body_delegation(&w->body, &d), "already");
	d = a_delegation(w, "dlg_00000002", PRINCIPAL_GROUP, "grp_analysts");
	NOT(w, INSIGHTS, DELEGATION_ADD, body_delegation(&w->body, &d), "no group grp_analysts");
	ADD(w, INSIGHTS, GROUP_SET, body_group_set(&w->body, S("grp_analysts"), S("analysts")));
	ADD(w, INSIGHTS, DELEGATION_ADD, body_delegation(&w->body, &d)); /* nothing narrower: as the grant */
	d = a_delegation(w, "dlg_00000003", PRINCIPAL_DOMAIN, PERSON);
	NOT(w, INSIGHTS, DELEGATION_ADD, body_delegation(&w->body, &d), "'to' must be person or group");
	d.policy.to_kind = PRINCIPAL_PERSON;
	d.policy.until = DAY(0);
	NOT(w, INSIGHTS, DELEGATION_ADD, body_delegation(&w->body, &d), "later than 'from'");
	NOT(w, STORES, DELEGATION_END, body_delegation_end(&w->body, S("dlg_00000001")), "only the domain that handed on can end it");
	ADD(w, INSIGHTS, DELEGATION_END, body_delegation_end(&w->body, S("dlg_00000001")));
	w->now = DAY(2);
	ADD(w, INSIGHTS, DELEGATION_END, body_delegation_end(&w->body, S("dlg_00000001")));
	assert_true(k->pub.policy.ended && k->pub.ended_at == DAY(0));
}

static bool
strangers_get_nothing(struct world *w)
{
	struct mesh_delegation d = a_delegation(w, "dlg_00000001", PRINCIPAL_PERSON, OTHER);

	return !SAY(w, INSIGHTS, DELEGATION_ADD, body_delegation(&w->body, &d));
}

static bool
ends_count(struct world *w)
{
	struct mesh_delegation d = a_delegation(w, "dlg_00000001", PRINCIPAL_PERSON, PERSON);

	ADD(w, INSIGHTS, DELEGATION_ADD, body_delegation(&w->body, &d));
	ADD(w, INSIGHTS, DELEGATION_END, body_delegation_end(&w->body, S("dlg_00000001")));
	return ((const struct delegation *)state_first(w->m, RECORD_DELEGATION, S("dlg_00000001")))->pub.policy.ended;
}

/* --- requests --- */

static void
drafts(void **state)
{
	struct world *w = *state;
	struct mesh_request r = {.id = S("req_00000001"), .person_id = S(PERSON), .producer_domain_id = did(w, STORES), .product_id = S("prd_stores01"),
	    .purpose = S("marketing/campaigns"), .reason = S(""), .until = DAY(90), .draft = true, .renews = S("grt_00000001")};
	struct mesh_comment x = {.id = S("cmt_00000001"), .consumer_domain_id = did(w, INSIGHTS), .request_id = S("req_00000001"), .text = S(HEX64)};

	NOT(w, INSIGHTS, REQUEST_COMMENT, body_comment(&w->body, &x), "no request req_00000001");
	ADD(w, INSIGHTS, REQUEST_OPEN, body_request(&w->body, &r));
	const struct mesh_request *k = mesh_request(w->m, S("req_00000001"));
	assert_true(k->draft && str_eq(k->renews, S("grt_00000001")) && str_eq(k->purpose, S("marketing/campaigns")));
	assert_int_equal(mesh_request_state(w->m, k, DAY(60), NULL, NULL), REQUEST_DRAFT);
	w->now = DAY(20);
	NOT(w, STORES, REQUEST_SUBMIT, body_submit(&w->body, S("req_00000001")), "only the domain that asked can submit it");
	ADD(w, INSIGHTS, REQUEST_SUBMIT, body_submit(&w->body, S("req_00000001")));
	assert_true(!k->draft && k->opened == DAY(20)); /* the time counts from here */
	assert_int_equal(mesh_request_state(w->m, k, DAY(49), NULL, NULL), REQUEST_PENDING);
	assert_int_equal(mesh_request_state(w->m, k, DAY(50), NULL, NULL), REQUEST_EXPIRED);
	NOT(w, INSIGHTS, REQUEST_SUBMIT, body_submit(&w->body, S("req_00000001")), "submitted already");
	ADD(w, INSIGHTS, REQUEST_COMMENT, body_comment(&w->body, &x));
	NOT(w, INSIGHTS, REQUEST_COMMENT, body_comment(&w->body, &x), "already");
	ADD(w, STORES, REQUEST_COMMENT, body_comment(&w->body, &x)); /* in the log of another domain, of this one's request */
	x.text = S("hello");
	NOT(w, STORES, REQUEST_COMMENT, body_comment(&w->body, &x), "'text' must be 64 hex digits");
	r.id = S("req_00000002");
	ADD(w, INSIGHTS, REQUEST_OPEN, body_request(&w->body, &r));
	ADD(w, INSIGHTS, REQUEST_WITHDRAW, body_withdraw(&w->body, S("req_00000002")));
	NOT(w, INSIGHTS, REQUEST_SUBMIT, body_submit(&w->body, S("req_00000002")), "is withdrawn");
	r.id = S("req_00000003");
	r.purpose = S("marketing//x");
	NOT(w, INSIGHTS, REQUEST_OPEN, body_request(&w->body, &r), "'purpose' must be a name");
}

/* --- the center --- */

static void
restrictions(void **state)
{
	struct world *w = *state;
	struct mesh_restriction r = {.policy = {.id = S("rst_00000001"), .domain_id = did(w, STORES), .classification = S(""), .hide = true, .max_days = 90,
	                                 .approvals = 2, .approver_roles = 1U << ROLE_OWNER | 1U << ROLE_STEWARD, .approvers = {S(PERSON), S(OTHER)},
	                                 .approver_count = 2, .demand_purpose = true, .demand_handing = true, .min_level = 2, .freeze = true},
	    .name = S("personal_data"), .tags_text = S("NOT environment IN ('prod')")};
	static const struct { const char *more, *says; } cases[] = {
	    {"\"max_days\":0", "'max_days'"}, {"\"approvals\":17", "'approvals'"}, {"\"level\":4", "'level'"}, {"\"name\":\"A b\"", "'name'"},
	    {"\"approver_roles\":[\"owner\"]", "'approvals' must be given"}, {"\"approvals\":1,\"approver_roles\":[\"king\"]", "'approver_roles'"},
	    {"\"approvals\":1,\"approver_roles\":[\"owner\",\"owner\"]", "'approver_roles'"}, {"\"approvals\":1,\"approvers\":[\"x\"]", "'approvers'"},
	    {"\"freeze\":true", "'domain' must be given"}, {"\"tags\":\"environment = prod\",\"hide\":true", ""}, {"\"hide\":false", "another effect"},
	    {"\"hide\":true,\"open\":true", "'open' is unknown"},
	};

	ADD(w, CENTER, RESTRICTION_ADD, body_restriction(&w->body, &r));
	const struct mesh_restriction *k = mesh_restriction(w->m, S("rst_00000001"));
	const struct policy_restriction *p = &k->policy;
	assert_true(p->hide && p->max_days == 90 && p->approvals == 2 && p->approver_count == 2 && p->demand_purpose && p->demand_handing);
	assert_true(p->min_level == 2 && p->freeze && p->tags && p->tags->op == TAG_NOT && str_eq(k->name, S("personal_data")));
	assert_true(p->approver_roles == (1U << ROLE_OWNER | 1U << ROLE_STEWARD) && str_eq(p->approvers[1], S(OTHER)));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		Str body = arena_printf(&w->arena, "{\"id\":\"rst_0000001%zu\",\"product\":\"\",\"classification\":\"\",\"mask\":\"none\",\"suspend\":false,%s}",
		                        i % 10, cases[i].more);
		assert_false(world_say(w, CENTER, EVENT_RESTRICTION_ADD, body));
		REFUSED(w, cases[i].says);
	}
	ADD(w, CENTER, RESTRICTION_LIFT, body_lift(&w->body, S("rst_00000001")));
}

static void
words(void **state)
{
	struct world *w = *state;
	static const Str levels[] = {S("low"), S("high")}, more[] = {S("low"), S("middle"), S("high")}, turned[] = {S("high"), S("middle"), S("low")};
	struct mesh_tag_def d = {.tag = S("risk"), .kind = TAG_ORDERED, .values = levels, .value_count = 2};
	struct mesh_tag_def c = {.tag = S("classification"), .kind = TAG_ORDERED, .values = levels, .value_count = 2};
	struct mesh_tag_def e = {.tag = S("environment"), .kind = TAG_CHOICE, .values = more, .value_count = 3};

	assert_null(mesh_tag_def(w->m, S("risk")));
	assert_int_equal(mesh_tag_def(w->m, S("classification"))->value_count, 4);
	NOT(w, STORES, TAG_DEFINE, body_tag_define(&w->body, &d), "only a center can say tag.define");
	ADD(w, CENTER, TAG_DEFINE, body_tag_define(&w->body, &d));
	d.values = more;
	d.value_count = 3;
	ADD(w, CENTER, TAG_DEFINE, body_tag_define(&w->body, &d)); /* more of them, in between */
	d.values = turned;
	NOT(w, CENTER, TAG_DEFINE, body_tag_define(&w->body, &d), "value 'middle' must stay, and in its place");
	d.values = levels;
	d.value_count = 2;
	NOT(w, CENTER, TAG_DEFINE, body_tag_define(&w->body, &d), "value 'middle' must stay");
	d.kind = TAG_CHOICE;
	NOT(w, CENTER, TAG_DEFINE, body_tag_define(&w->body, &d), "is ordered already");
	d.kind = TAG_FREE;
	NOT(w, CENTER, TAG_DEFINE, body_tag_define(&w->body, &d), "empty for a free tag");
	NOT(w, CENTER, TAG_DEFINE, body_tag_define(&w->body, &c), "is built in and stays as it is");
	NOT(w, CENTER, TAG_DEFINE, body_tag_define(&w->body, &e), "value 'dev' must stay");
	static const Str places[] = {S("prod"), S("dev"), S("test"), S("staging")};
	e.values = places;
	e.value_count = 4;
	ADD(w, CENTER, TAG_DEFINE, body_tag_define(&w->body, &e));
	assert_int_equal(mesh_tag_def(w->m, S("environment"))->value_count, 4);
	NOT(w, CENTER, TAG_RETIRE, body_tag_retire(&w->body, S("environment")), "is built in");
	NOT(w, CENTER, TAG_RETIRE, body_tag_retire(&w->body, S("colour")), "no tag_def colour");
	ADD(w, CENTER, TAG_RETIRE, body_tag_retire(&w->body, S("risk")));
	assert_null(mesh_tag_def(w->m, S("risk")));
	const struct mesh_tag_def **all;
	assert_int_equal(mesh_tag_defs(w->m, &w->arena, &all), 4);
	assert_true(str_eq(all[0]->tag, S("classification")) && all[2]->value_count == 4);
	d.values = more;
	d.value_count = 3;
	d.kind = TAG_CHOICE;
	ADD(w, CENTER, TAG_DEFINE, body_tag_define(&w->body, &d)); /* retired, the word is free */
}

static void
purposes(void **state)
{
	struct world *w = *state;
	const struct mesh_purpose **all;

	assert_true(mesh_purpose_ok(w->m, S("anything"))); /* no tree */
	ADD(w, CENTER, PURPOSE_DEFINE, body_purpose(&w->body, S("marketing/campaigns")));
	ADD(w, CENTER, PURPOSE_DEFINE, body_purpose(&w->body, S("marketing/campaigns")));
	ADD(w, CENTER, PURPOSE_DEFINE, body_purpose(&w->body, S("audit")));
	assert_true(mesh_purpose_ok(w->m, S("marketing/campaigns")) && !mesh_purpose_ok(w->m, S("anything")) && !mesh_purpose_ok(w->m, S("marketing")));
	NOT(w, CENTER, PURPOSE_DEFINE, body_purpose(&w->body, S("a/")), "'purpose' must be a name");
	NOT(w, CENTER, PURPOSE_DEFINE, body_purpose(&w->body, S("a/b/c/d/e/f/g/h/i")), "'purpose' must be a name");
	NOT(w, STORES, PURPOSE_DEFINE, body_purpose(&w->body, S("a")), "only a center");
	NOT(w, CENTER, PURPOSE_RETIRE, body_purpose(&w->body, S("other")), "no purpose other");
	ADD(w, CENTER, PURPOSE_RETIRE, body_purpose(&w->body, S("audit")));
	assert_int_equal(mesh_purposes(w->m, &w->arena, &all), 1);
	ADD(w, CENTER, PURPOSE_RETIRE, body_purpose(&w->body, S("marketing/campaigns")));
	assert_true(mesh_purpose_ok(w->m, S("anything")));
	ADD(w, CENTER, PURPOSE_DEFINE, body_purpose(&w->body, S("audit")));
	assert_false(mesh_purpose_ok(w->m, S("anything")));
}

static void
exceptions_and_evidence(void **state)
{
	struct world *w = *state;
	struct mesh_exception x = {.id = S("exc_00000001"), .control = S("C09"), .subject = S("stores.transactions"), .until = DAY(90), .reason = S(HEX64)};
	struct mesh_evidence e = {.id = S("evd_00000001"), .control = S("C17"), .ok = true, .document = S(HEX64)};

	ADD(w, CENTER, EXCEPTION_ADD, body_exception(&w->body, &x));
	NOT(w, CENTER, EXCEPTION_ADD, body_exception(&w->body, &x), "already");
	NOT(w, STORES, EXCEPTION_ADD, body_exception(&w->body, &x), "only a center");
	x.control = S("D09");
	NOT(w, CENTER, EXCEPTION_ADD, body_exception(&w->body, &x), "'control' must be a control like C09");
	x.control = S("C09");
	x.until = TIME_FOREVER;
	NOT(w, CENTER, EXCEPTION_ADD, body_exception(&w->body, &x), "'until' must be a time");
	ADD(w, CENTER, EXCEPTION_END, body_exception_end(&w->body, S("exc_00000001")));
	NOT(w, CENTER, EXCEPTION_END, body_exception_end(&w->body, S("exc_00000002")), "no exception exc_00000002");
	ADD(w, CENTER, EVIDENCE_ADD, body_evidence(&w->body, &e));
	NOT(w, CENTER, EVIDENCE_ADD, body_evidence(&w->body, &e), "already");
	NOT(w, CENTER, EVIDENCE_ADD, JSON(w, "{\"id\":\"evd_00000002\",\"control\":\"C17\",\"outcome\":\"fine\",\"document\":\"\"}"), "'outcome' must be ok or failed");
}

/* Each planted fault breaks what holds without it. */
static void
faults_are_noticed(void **state UNUSED)
{
	static const struct { const char *name; unsigned fault; bool (*holds)(struct world *w); } cases[] = {
	    {"OLD_MEMBER", MESH_FAULT_OLD_MEMBER, roles_keep_groups},     {"ANY_MEMBER", MESH_FAULT_ANY_MEMBER, strangers_stay_out},
	    {"ANY_MEMBER", MESH_FAULT_ANY_MEMBER, strangers_get_nothing}, {"NO_LEAVE", MESH_FAULT_NO_LEAVE, leaving_counts},
	    {"NO_END", MESH_FAULT_NO_END, ends_count},                    {"CLASS_FALLS", MESH_FAULT_CLASS_FALLS, classes_stay},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (int planted = 0; planted < 2; planted++) {
			void *w;
			setup(&w);
			mesh_faults = planted ? cases[i].fault : 0;
			if (cases[i].holds(w) == planted) fail_msg("%s %s", cases[i].name, planted ? "goes unnoticed" : "is noticed where it is not");
			teardown(&w);
		}
	mesh_faults = 0;
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(groups), T(departures), T(services_and_humans), T(handing), T(tags_are_inherited), T(tags_refused), T(a_publish_only_raises),
	    T(since_survives), T(reviews), T(grant_terms), T(grant_options_refused), T(grants_by_tags), T(approvals), T(delegations), T(drafts),
	    T(restrictions), T(words), T(purposes), T(exceptions_and_evidence), cmocka_unit_test(faults_are_noticed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
