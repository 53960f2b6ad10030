/* Each event: taken when it should be, refused for each reason it can be refused for. */
#include "world.h"

enum { STORES, HOUSEHOLDS, INSIGHTS, CENTER, RIVAL };

#define PERSON "person_analyst"

/* stores publishes p, insights has an analyst, governance is the center. */
static int
setup(void **state)
{
	world_init(state);
	struct world *w = *state;

	world_found(w, STORES, "stores", false);
	world_found(w, HOUSEHOLDS, "households", false);
	world_found(w, INSIGHTS, "insights", false);
	world_found(w, CENTER, "governance", true);
	mesh_set_center(w->m, did(w, CENTER));
	assert_true(publish(w, STORES, "prd_stores01", "transactions"));
	assert_true(SAY(w, INSIGHTS, MEMBER_SET, body_member_set(&w->body, S(PERSON), ROLE_ANALYST, false, S(""))));
	return 0;
}

static void
inception_accepted(void **state)
{
	struct world *w = *state;
	const struct mesh_domain *d = mesh_domain_by_name(w->m, S("stores"));

	assert_non_null(d);
	assert_true(str_eq(d->id, did(w, STORES)));
	assert_memory_equal(d->event_pub, w->d[STORES].key.pub, 32);
	assert_false(d->center);
	assert_true(mesh_domain_by_name(w->m, S("governance"))->center);
	assert_int_equal(d->log_size, 2);
	assert_memory_equal(d->head.b, w->d[STORES].head.b, HASH_BYTES);
	assert_null(mesh_domain_by_name(w->m, S("nobody")));
}

static void
inception_refused(void **state)
{
	struct world *w = *state;
	Str payload = inception(w, RIVAL, "rival", false);
	struct sign_key other;

	/* in a log of another id */
	w->d[RIVAL].id[0] = w->d[RIVAL].id[0] == 'a' ? 'b' : 'a';
	assert_false(world_apply(w, RIVAL, world_sign(w, &w->d[RIVAL].key, payload), true));
	REFUSED(w, "not the hash of its first event");
	/* such a log stays closed */
	assert_false(publish(w, RIVAL, "prd_rival001", "x"));
	REFUSED(w, "no valid domain.inception");

	/* signed by another key than it declares, also when signatures are not asked for */
	w->d[RIVAL] = (struct speaker){0};
	payload = inception(w, RIVAL, "rival", false);
	world_key(w, &other);
	assert_false(world_apply(w, RIVAL, world_sign(w, &other, payload), false));
	REFUSED(w, "not by this domain's key");

	/* a log that begins with something else: its id can be its hash, but it names no key */
	w->d[RIVAL] = (struct speaker){0};
	w->body.n = 0;
	body_retire(&w->body, S("prd_stores01"));
	BUF_AUTO text = BUF_INIT;
	event_write(&(struct event_head){.origin = S(""), .actor = S("a"), .idem = S(""), .time = w->now, .type = EVENT_PRODUCT_RETIRE}, buf_view(&w->body), &text);
	crypt_sha256_text(buf_view(&text), w->d[RIVAL].id);
	assert_false(world_apply(w, RIVAL, world_sign(w, &other, buf_view(&text)), true));
	REFUSED(w, "begins with domain.inception");

	/* and inception only once */
	w->body.n = 0;
	body_inception(&w->body, S("again"), other.pub, other.pub, false, S("00112233445566778899aabbccddeeff"));
	BUF_AUTO late = BUF_INIT;
	event_write(&(struct event_head){.origin = did(w, STORES), .actor = S("a"), .idem = S(""), .seq = w->d[STORES].size, .prev = w->d[STORES].head,
	                                 .time = w->now, .type = EVENT_DOMAIN_INCEPTION}, buf_view(&w->body), &late);
	assert_false(world_apply(w, STORES, world_sign(w, &w->d[STORES].key, buf_view(&late)), true));
	REFUSED(w, "only the first entry");
	sign_key_wipe(&other);
}

static void
bad_key_refused(void **state)
{
	struct world *w = *state;
	uint8_t small_order[32] = {1}, next[32] = {0};

	w->body.n = 0;
	body_inception(&w->body, S("rival"), small_order, next, false, S("00112233445566778899aabbccddeeff"));
	Str payload = world_payload(w, RIVAL, EVENT_DOMAIN_INCEPTION, arena_str(&w->arena, buf_view(&w->body)));
	crypt_sha256_text(payload, w->d[RIVAL].id);
	assert_false(world_apply(w, RIVAL, world_sign(w, &w->d[STORES].key, payload), true));
	REFUSED(w, "not a public key");
}

static void
wrong_signature_place_or_origin(void **state)
{
	struct world *w = *state;
	struct mesh_grant g = a_grant("grt_00000001", "prd_stores01", PRINCIPAL_DOMAIN, did(w, INSIGHTS));
	struct speaker before;

	/* signed by another key */
	w->body.n = 0;
	body_grant(&w->body, &g);
	Str body = arena_str(&w->arena, buf_view(&w->body));
	assert_false(world_apply(w, STORES, world_sign(w, &w->d[INSIGHTS].key, world_payload(w, STORES, EVENT_GRANT_ADD, body)), true));
	REFUSED(w, "not by this domain's key");
	assert_null(mesh_grant(w->m, S("grt_00000001")));
	/* one byte of a good envelope changed */
	Str entry = world_sign(w, &w->d[STORES].key, world_payload(w, STORES, EVENT_GRANT_ADD, body));
	char *bent = arena_dup(&w->arena, entry.p, entry.n);
	bent[200] = bent[200] == 'A' ? 'B' : 'A';
	assert_false(world_apply(w, STORES, str_of(bent, entry.n), true));
	/* another domain's good entry copied into this log: other origin */
	entry = world_sign(w, &w->d[STORES].key, world_payload(w, INSIGHTS, EVENT_GRANT_ADD, body));
	assert_false(world_apply(w, STORES, entry, true));
	REFUSED(w, "'origin'");
	/* own entries a second time, at another place */
	entry = world_sign(w, &w->d[STORES].key, world_payload(w, STORES, EVENT_GRANT_ADD, body));
	assert_true(world_apply(w, STORES, entry, true));
	assert_true(SAY(w, STORES, GRANT_REVOKE, body_revoke(&w->body, S("grt_00000001"))));
	assert_false(world_apply(w, STORES, entry, true));
	REFUSED(w, "'seq'");
	/* right seq, wrong prev */
	before = w->d[STORES];
	w->d[STORES].head.b[0] ^= 1;
	Str payload = world_payload(w, STORES, EVENT_GRANT_ADD, body);
	w->d[STORES] = before;
	assert_false(world_apply(w, STORES, world_sign(w, &w->d[STORES].key, payload), true));
	REFUSED(w, "'prev'");
	/* not an envelope, not an event, not JSON */
	assert_false(world_apply(w, STORES, S("hello"), true));
	REFUSED(w, "not a signed envelope");
	assert_false(world_apply(w, STORES, world_sign(w, &w->d[STORES].key, S("{\"v\":1}")), true));
	REFUSED(w, "'origin' is missing");
	assert_false(world_apply(w, STORES, world_sign(w, &w->d[STORES].key, S("nonsense")), true));
	REFUSED(w, "not one JSON object");
	/* the log goes on, and every refusal is kept */
	assert_true(publish(w, STORES, "prd_stores02", "more"));
	assert_int_equal(mesh_refused_count(w->m), 8);
	struct mesh_refused *list;
	assert_int_equal(mesh_refused(w->m, &w->arena, &list), 8);
	assert_true(str_eq(list[0].log_id, did(w, STORES)) && list[0].index == 2);
}

static void
payload_fields(void **state)
{
	struct world *w = *state;
	static const struct { const char *was, *is, *says; } cases[] = {
	    {"\"v\":1", "\"v\":2", "'v' must be 1"},
	    {"\"idem\":\"\"", "\"idem\":\"\",\"more\":1", "'more' is unknown"},
	    {"\"idem\":\"\",", "", "'idem' is missing"},
	    {"\"requires\":[]", "\"requires\":[1]", "'requires'"},
	    {"2024-10-04T00:00:00Z", "2024-10-04", "'time'"},
	    {"member.end", "member.stop", "type 'member.stop' is unknown"},
	    {"\"body\":{", "\"body\":{\"x\":1,", "'x' is unknown"},
	    {"\"person\":\"" PERSON "\"", "\"person\":\"Anne\"", "'person' must be an id"},
	    {"\"person\":\"" PERSON "\"", "\"person\":12", "'person' must be a text"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		BUF_AUTO text = BUF_INIT;
		w->body.n = 0;
		body_member_end(&w->body, S(PERSON));
		Str payload = world_payload(w, INSIGHTS, EVENT_MEMBER_END, buf_view(&w->body));
		const char *all = arena_dup(&w->arena, payload.p, payload.n), *at = strstr(all, cases[i].was);
		if (!at) fail_msg("case %zu finds nothing in %.*s", i, STR(payload));
		buf_add(&text, all, (size_t)(at - all));
		buf_c(&text, cases[i].is);
		buf_c(&text, at + strlen(cases[i].was));
		assert_false(world_apply(w, INSIGHTS, world_sign(w, &w->d[INSIGHTS].key, buf_view(&text)), true));
		REFUSED(w, cases[i].says);
	}
	assert_true(mesh_member(w->m, S(PERSON))->active);
}

static void
members(void **state)
{
	struct world *w = *state;

	assert_int_equal(mesh_member(w->m, S(PERSON))->role, ROLE_ANALYST);
	assert_true(SAY(w, INSIGHTS, MEMBER_SET, body_member_set(&w->body, S(PERSON), ROLE_OWNER, false, S(""))));
	assert_int_equal(mesh_member(w->m, S(PERSON))->role, ROLE_OWNER);
	assert_true(SAY(w, INSIGHTS, MEMBER_END, body_member_end(&w->body, S(PERSON))));
	assert_false(mesh_member(w->m, S(PERSON))->active);
	assert_true(SAY(w, INSIGHTS, MEMBER_END, body_member_end(&w->body, S(PERSON))));
	assert_false(SAY(w, INSIGHTS, MEMBER_END, body_member_end(&w->body, S("person_unknown"))));
	REFUSED(w, "no member");
	assert_false(SAY(w, INSIGHTS, MEMBER_SET, buf_c(&w->body, "{\"person\":\"" PERSON "\",\"role\":\"king\"}")));
	REFUSED(w, "'role' must be one of");
	/* claimed by two: the active one of the smallest domain id, whatever came first */
	assert_true(SAY(w, STORES, MEMBER_SET, body_member_set(&w->body, S(PERSON), ROLE_STEWARD, false, S(""))));
	assert_true(str_eq(mesh_member(w->m, S(PERSON))->domain_id, did(w, STORES)));
	assert_true(SAY(w, INSIGHTS, MEMBER_SET, body_member_set(&w->body, S(PERSON), ROLE_ANALYST, false, S(""))));
	int smaller = str_cmp(did(w, STORES), did(w, INSIGHTS)) < 0 ? STORES : INSIGHTS;
	assert_true(str_eq(mesh_member(w->m, S(PERSON))->domain_id, did(w, smaller)));
	const struct mesh_member **list;
	assert_int_equal(mesh_members(w->m, &w->arena, S(""), &list), 2);
	assert_int_equal(mesh_members(w->m, &w->arena, did(w, STORES), &list), 1);
}

static void
products(void **state)
{
	struct world *w = *state;
	struct mesh_table tables[] = {a_table("one"), a_table("one")};
	struct policy_column twice[] = {COLUMN("ssn", "VARCHAR", ""), COLUMN("SSN", "VARCHAR", "")};
	struct mesh_product p = a_product("prd_stores02", "more", tables, 1);
	const struct mesh_product *found;

	const struct mesh_table *t = mesh_table_by_name(w->m, S("stores.transactions.returns"), &found);
	assert_non_null(t);
	assert_true(str_eq(found->id, S("prd_stores01")) && t->rows == 7 && t->policy.product_live);
	assert_true(str_eq(t->policy.columns[2].name, S("coupon text")) && str_eq(t->policy.domain_id, did(w, STORES)));
	assert_null(mesh_table_by_name(w->m, S("stores.transactions.none"), &found));
	assert_null(mesh_table_by_name(w->m, S("stores.transactions"), &found));

	p.status = S("draft");
	assert_true(SAY(w, STORES, PRODUCT_PUBLISH, body_publish(&w->body, &p)));
	assert_false(mesh_table_by_name(w->m, S("stores.more.one"), NULL)->policy.product_live);
	p.status = S("great");
	assert_false(SAY(w, STORES, PRODUCT_PUBLISH, body_publish(&w->body, &p)));
	REFUSED(w, "'status'");
	p.status = S("deprecated");
	p.version = S("1.1.0");
	assert_true(SAY(w, STORES, PRODUCT_PUBLISH, body_publish(&w->body, &p)));
	assert_true(str_eq(mesh_product_by_name(w->m, S("stores.more"))->version, S("1.1.0")));
	p.name = S("renamed");
	assert_false(SAY(w, STORES, PRODUCT_PUBLISH, body_publish(&w->body, &p)));
	REFUSED(w, "names stay");
	p = a_product("prd_stores03", "more", tables, 1);
	assert_false(SAY(w, STORES, PRODUCT_PUBLISH, body_publish(&w->body, &p)));
	REFUSED(w, "another product is named more");
	p.name = S("Other");
	assert_false(SAY(w, STORES, PRODUCT_PUBLISH, body_publish(&w->body, &p)));
	REFUSED(w, "'name' must be a name");
	p.name = S("other");
	p.table_count = 2;
	assert_false(SAY(w, STORES, PRODUCT_PUBLISH, body_publish(&w->body, &p)));
	REFUSED(w, "two tables of one name");
	p.table_count = 1;
	tables[0].policy.columns = twice;
	tables[0].policy.column_count = 2;
	assert_false(SAY(w, STORES, PRODUCT_PUBLISH, body_publish(&w->body, &p)));
	REFUSED(w, "two columns of one name");
	/* the same name in another domain is another product */
	assert_true(publish(w, HOUSEHOLDS, "prd_househ01", "more"));
	/* retire, and the name may be used again under a new id only */
	assert_true(SAY(w, STORES, PRODUCT_RETIRE, body_retire(&w->body, S("prd_stores02"))));
	assert_null(mesh_product_by_name(w->m, S("stores.more")));
	assert_true(mesh_product(w->m, S("prd_stores02"))->retired);
	assert_false(SAY(w, STORES, PRODUCT_RETIRE, body_retire(&w->body, S("prd_stores02"))));
	REFUSED(w, "retired already");
	assert_false(publish(w, STORES, "prd_stores02", "more"));
	REFUSED(w, "is retired");
	assert_true(publish(w, STORES, "prd_stores04", "more"));
	assert_true(str_eq(mesh_product_by_name(w->m, S("stores.more"))->id, S("prd_stores04")));
	/* only one's own */
	assert_false(SAY(w, HOUSEHOLDS, PRODUCT_RETIRE, body_retire(&w->body, S("prd_stores04"))));
	REFUSED(w, "not in this log");
	const struct mesh_product **list;
	assert_int_equal(mesh_products(w->m, &w->arena, &list), 4);
	assert_true(str_eq(list[0]->id, S("prd_househ01")));
}

static void
columns_limit(void **state)
{
	struct world *w = *state;
	static struct policy_column columns[2001];
	struct mesh_table table = a_table("wide");
	struct mesh_product p = a_product("prd_wide0001", "wide", &table, 1);

	for (unsigned i = 0; i < ARRAY_LEN(columns); i++) columns[i] = (struct policy_column){.name = world_str(w, "c%u", i), .type = S("INT"), .classification = S("")};
	table.policy.columns = columns;
	table.policy.column_count = 2000;
	assert_true(SAY(w, STORES, PRODUCT_PUBLISH, body_publish(&w->body, &p)));
	assert_int_equal(mesh_table_by_name(w->m, S("stores.wide.wide"), NULL)->policy.column_count, 2000);
	table.policy.column_count = 2001;
	assert_false(SAY(w, STORES, PRODUCT_PUBLISH, body_publish(&w->body, &p)));
	REFUSED(w, "more than 2000");
}

static void
grants(void **state)
{
	struct world *w = *state;
	struct policy_mask masks[] = {{S("household_id"), MASK_HASH}, {S("coupon text"), MASK_NULL}};
	Str hidden[] = {S("sales")};
	struct mesh_grant g = a_grant("grt_00000001", "prd_stores01", PRINCIPAL_DOMAIN, did(w, INSIGHTS));

	g.policy.table = S("transactions");
	g.policy.purposes = ONE_PURPOSE;
	g.policy.purpose_count = 2;
	g.policy.until = DAY(30);
	g.policy.interactions = INTERACT_SQL | INTERACT_ML;
	g.policy.masks = masks;
	g.policy.mask_count = 2;
	g.policy.hidden = hidden;
	g.policy.hidden_count = 1;
	g.rows_text = S("sales > 10 and  household_id in (1,2)");
	assert_false(allowed(w, PERSON, "stores.transactions.transactions"));
	assert_true(say_grant(w, STORES, &g));
	const struct mesh_grant *kept = mesh_grant(w->m, S("grt_00000001"));
	assert_non_null(kept);
	assert_non_null(kept->policy.rows);
	assert_true(str_eq(kept->policy.issuer_domain_id, did(w, STORES)) && str_eq(kept->by, S("person00")) && kept->added == DAY(0));
	assert_int_equal(kept->policy.interactions, INTERACT_SQL | INTERACT_ML);
	assert_true(kept->policy.until == DAY(30) && kept->policy.mask_count == 2 && kept->policy.masks[0].kind == MASK_HASH);
	assert_true(str_eq(kept->policy.hidden[0], S("sales")) && str_eq(kept->policy.purposes[1], S("audit")));
	assert_true(allowed(w, PERSON, "stores.transactions.transactions"));
	assert_false(allowed(w, PERSON, "stores.transactions.returns"));
	assert_false(allowed(w, "person_stranger", "stores.transactions.transactions"));
	assert_ptr_equal(mesh_grant_in(w->m, did(w, STORES), S("grt_00000001")), kept);
	assert_null(mesh_grant_in(w->m, did(w, INSIGHTS), S("grt_00000001")));
	assert_false(say_grant(w, STORES, &g));
	REFUSED(w, "already");

	static const struct { const char *was, *is, *says; } cases[] = {
	    {"\"until\":\"forever\"", "\"until\":\"2024-10-04T00:00:00Z\"", "later than 'from'"},
	    {"\"until\":\"forever\"", "\"until\":\"2034-10-04T00:00:00.5Z\"", "'until'"},
	    {"\"purposes\":[\"*\"]", "\"purposes\":[]", "at least one purpose"},
	    {"\"purposes\":[\"*\"]", "\"purposes\":[\"A b\"]", "'purposes'"},
	    {"\"purposes\":[\"*\"]", "\"purposes\":[\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\"]", "more than 16"},
	    {"[\"sql\"]", "[]", "at least one"},
	    {"[\"sql\"]", "[\"sql\",\"sql\"]", "'interactions'"},
	    {"[\"sql\"]", "[\"telepathy\"]", "'interactions'"},
	    {"\"masks\":[]", "\"masks\":[[\"a\",\"rot13\"]]", "'masks'"},
	    {"\"masks\":[]", "\"masks\":[[\"a\"]]", "'masks'"},
	    {"\"hidden\":[]", "\"hidden\":[\"\"]", "'hidden'"},
	    {"\"rows\":\"\"", "\"rows\":\"drop table x\"", ""},
	    {"\"table\":\"\"", "\"table\":\"nowhere\"", "no table nowhere"},
	    {"\"table\":\"\"", "\"table\":\"No\"", "'table'"},
	    {"\"to\":\"domain\"", "\"to\":\"world\"", "'to' must be"},
	    {"\"to\":\"domain\"", "\"to\":\"person\"", NULL}, /* an id can be 64 long */
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct mesh_grant plain = a_grant("grt_00000002", "prd_stores01", PRINCIPAL_DOMAIN, did(w, INSIGHTS));
		BUF_AUTO text = BUF_INIT;
		w->body.n = 0;
		body_grant(&w->body, &plain);
		const char *all = buf_z(&w->body), *at = strstr(all, cases[i].was);
		if (!at) fail_msg("case %zu finds nothing in %s", i, all);
		buf_add(&text, all, (size_t)(at - all));
		buf_c(&text, cases[i].is);
		buf_c(&text, at + strlen(cases[i].was));
		bool taken = world_say(w, STORES, EVENT_GRANT_ADD, buf_view(&text));
		if (taken != (cases[i].says == NULL)) fail_msg("case %zu: %s", i, w->last.reason);
		if (cases[i].says) REFUSED(w, cases[i].says);
	}
}

static void
grants_only_by_the_owner(void **state)
{
	struct world *w = *state;
	struct mesh_grant g = a_grant("grt_00000001", "prd_stores01", PRINCIPAL_DOMAIN, did(w, INSIGHTS));

	assert_false(say_grant(w, INSIGHTS, &g));
	REFUSED(w, "only the domain that publishes it can grant");
	assert_false(say_grant(w, CENTER, &g));
	REFUSED(w, "a center: it can restrict, never publish or grant");
	assert_false(publish(w, CENTER, "prd_center01", "x"));
	REFUSED(w, "a center");
	assert_false(allowed(w, PERSON, "stores.transactions.transactions"));
	/* a product of the same id in another log is another product, and a grant on it opens that one only */
	assert_true(publish(w, HOUSEHOLDS, "prd_stores01", "transactions"));
	assert_true(say_grant(w, HOUSEHOLDS, &g));
	assert_false(allowed(w, PERSON, "stores.transactions.transactions"));
	assert_true(allowed(w, PERSON, "households.transactions.transactions"));
	/* and the same grant id in the owner's log is free */
	assert_true(say_grant(w, STORES, &g));
	assert_true(allowed(w, PERSON, "stores.transactions.transactions"));
	assert_false(SAY(w, INSIGHTS, GRANT_REVOKE, body_revoke(&w->body, S("grt_00000001"))));
	REFUSED(w, "only the domain that granted can revoke");
	assert_true(SAY(w, HOUSEHOLDS, GRANT_REVOKE, body_revoke(&w->body, S("grt_00000001"))));
	assert_true(allowed(w, PERSON, "stores.transactions.transactions"));
}

static void
revokes(void **state)
{
	struct world *w = *state;
	struct mesh_grant g = a_grant("grt_00000001", "prd_stores01", PRINCIPAL_PERSON, S(PERSON));

	assert_false(SAY(w, STORES, GRANT_REVOKE, body_revoke(&w->body, S("grt_00000001"))));
	REFUSED(w, "not in this log");
	assert_true(say_grant(w, STORES, &g));
	assert_true(allowed(w, PERSON, "stores.transactions.transactions"));
	w->now = DAY(2);
	assert_true(SAY(w, STORES, GRANT_REVOKE, body_revoke(&w->body, S("grt_00000001"))));
	assert_false(allowed(w, PERSON, "stores.transactions.transactions"));
	w->now = DAY(3);
	assert_true(SAY(w, STORES, GRANT_REVOKE, body_revoke(&w->body, S("grt_00000001"))));
	assert_true(mesh_grant(w->m, S("grt_00000001"))->revoked_at == DAY(2));
	/* a grant of the name's former product does not hold for the next */
	g.policy.id = S("grt_00000002");
	assert_true(say_grant(w, STORES, &g));
	assert_true(SAY(w, STORES, PRODUCT_RETIRE, body_retire(&w->body, S("prd_stores01"))));
	assert_true(publish(w, STORES, "prd_stores02", "transactions"));
	assert_false(allowed(w, PERSON, "stores.transactions.transactions"));
	g.policy.id = S("grt_00000003");
	assert_false(say_grant(w, STORES, &g));
	REFUSED(w, "is retired");
}

static struct mesh_request
a_request(struct world *w, const char *id)
{
	return (struct mesh_request){.id = str_c(id), .person_id = S(PERSON), .producer_domain_id = did(w, STORES), .product_id = S("prd_stores01"),
	    .purpose = S("campaign_analysis"), .reason = S(HEX64), .until = DAY(90)};
}

static void
requests(void **state)
{
	struct world *w = *state;
	struct mesh_request r = a_request(w, "req_00000001");
	const struct mesh_grant *grant;
	Str reason;

	assert_true(SAY(w, INSIGHTS, REQUEST_OPEN, body_request(&w->body, &r)));
	const struct mesh_request *kept = mesh_request(w->m, S("req_00000001"));
	assert_non_null(kept);
	assert_true(str_eq(kept->consumer_domain_id, did(w, INSIGHTS)) && kept->until == DAY(90) && kept->opened == DAY(0));
	assert_int_equal(mesh_request_state(w->m, kept, DAY(1), &grant, &reason), REQUEST_PENDING);
	assert_false(SAY(w, INSIGHTS, REQUEST_OPEN, body_request(&w->body, &r)));
	REFUSED(w, "already");
	assert_false(SAY(w, HOUSEHOLDS, REQUEST_OPEN, body_request(&w->body, &r)));
	REFUSED(w, "no member of this domain");
	/* approved: by a grant in the producer's log that names it and goes to who asked */
	struct mesh_grant g = a_grant("grt_00000001", "prd_stores01", PRINCIPAL_DOMAIN, did(w, HOUSEHOLDS));
	g.request_id = S("req_00000001");
	assert_true(say_grant(w, STORES, &g));
	assert_int_equal(mesh_request_state(w->m, kept, DAY(1), &grant, &reason), REQUEST_PENDING);
	g.policy.id = S("grt_00000002");
	g.policy.to_id = did(w, INSIGHTS);
	assert_true(say_grant(w, STORES, &g));
	kept = mesh_request(w->m, S("req_00000001"));
	assert_int_equal(mesh_request_state(w->m, kept, DAY(1), &grant, &reason), REQUEST_APPROVED);
	assert_true(str_eq(grant->policy.id, S("grt_00000002")));
	/* denied */
	r.id = S("req_00000002");
	assert_true(SAY(w, INSIGHTS, REQUEST_OPEN, body_request(&w->body, &r)));
	assert_true(SAY(w, STORES, REQUEST_DENY, body_deny(&w->body, S("req_00000002"), S(HEX64))));
	kept = mesh_request(w->m, S("req_00000002"));
	assert_int_equal(mesh_request_state(w->m, kept, DAY(1), &grant, &reason), REQUEST_DENIED);
	assert_true(str_eq(reason, S(HEX64)) && grant == NULL);
	assert_false(SAY(w, STORES, REQUEST_DENY, body_deny(&w->body, S("req_00000002"), S(""))));
	REFUSED(w, "denied already");
	/* an answer of somebody it was not addressed to means nothing */
	r.id = S("req_00000003");
	assert_true(SAY(w, INSIGHTS, REQUEST_OPEN, body_request(&w->body, &r)));
	assert_true(SAY(w, HOUSEHOLDS, REQUEST_DENY, body_deny(&w->body, S("req_00000003"), S(""))));
	kept = mesh_request(w->m, S("req_00000003"));
	assert_int_equal(mesh_request_state(w->m, kept, DAY(1), &grant, &reason), REQUEST_PENDING);
	/* withdrawn */
	assert_false(SAY(w, STORES, REQUEST_WITHDRAW, body_withdraw(&w->body, S("req_00000003"))));
	REFUSED(w, "only the domain that asked");
	assert_true(SAY(w, INSIGHTS, REQUEST_WITHDRAW, body_withdraw(&w->body, S("req_00000003"))));
	assert_true(SAY(w, INSIGHTS, REQUEST_WITHDRAW, body_withdraw(&w->body, S("req_00000003"))));
	kept = mesh_request(w->m, S("req_00000003"));
	assert_int_equal(mesh_request_state(w->m, kept, DAY(1), &grant, &reason), REQUEST_WITHDRAWN);
	const struct mesh_request **list;
	assert_int_equal(mesh_requests(w->m, &w->arena, &list), 3);
}

static void
restrictions(void **state)
{
	struct world *w = *state;
	struct mesh_restriction r = {.policy = {.id = S("rst_00000001"), .product_id = S("prd_stores01"), .classification = S(""), .suspend = true}};
	struct mesh_restriction mask = {.policy = {.id = S("rst_00000002"), .product_id = S(""), .classification = S("personal"), .mask = MASK_HASH}};
	struct mesh_grant g = a_grant("grt_00000001", "prd_stores01", PRINCIPAL_PERSON, S(PERSON));

	assert_true(say_grant(w, STORES, &g));
	/* not said by a center: refused */
	assert_false(SAY(w, STORES, RESTRICTION_ADD, body_restriction(&w->body, &r)));
	REFUSED(w, "only a center can say restriction.add");
	/* said by a center that is not ours: kept, without effect */
	world_found(w, RIVAL, "rival", true);
	assert_true(SAY(w, RIVAL, RESTRICTION_ADD, body_restriction(&w->body, &r)));
	assert_true(allowed(w, PERSON, "stores.transactions.transactions"));
	assert_null(mesh_restriction(w->m, S("rst_00000001")));
	/* ours */
	assert_true(SAY(w, CENTER, RESTRICTION_ADD, body_restriction(&w->body, &mask)));
	assert_true(SAY(w, CENTER, RESTRICTION_ADD, body_restriction(&w->body, &r)));
	assert_false(allowed(w, PERSON, "stores.transactions.transactions"));
	const struct mesh_restriction **list;
	assert_int_equal(mesh_restrictions(w->m, &w->arena, &list), 2);
	assert_false(SAY(w, CENTER, RESTRICTION_ADD, body_restriction(&w->body, &r)));
	REFUSED(w, "already");
	assert_false(SAY(w, RIVAL, RESTRICTION_LIFT, body_lift(&w->body, S("rst_00000002"))));
	REFUSED(w, "no restriction");
	assert_true(SAY(w, RIVAL, RESTRICTION_LIFT, body_lift(&w->body, S("rst_00000001"))));
	assert_false(allowed(w, PERSON, "stores.transactions.transactions"));
	assert_true(SAY(w, CENTER, RESTRICTION_LIFT, body_lift(&w->body, S("rst_00000001"))));
	assert_true(SAY(w, CENTER, RESTRICTION_LIFT, body_lift(&w->body, S("rst_00000001"))));
	assert_true(allowed(w, PERSON, "stores.transactions.transactions"));
	assert_true(mesh_restriction(w->m, S("rst_00000001"))->policy.lifted);
	/* neither suspending nor masking; both */
	r.policy.id = S("rst_00000003");
	r.policy.suspend = false;
	assert_false(SAY(w, CENTER, RESTRICTION_ADD, body_restriction(&w->body, &r)));
	REFUSED(w, "classification must be given");
	r.policy.classification = S("personal");
	assert_false(SAY(w, CENTER, RESTRICTION_ADD, body_restriction(&w->body, &r)));
	REFUSED(w, "a mask that hides something");
	/* another center taken: other restrictions */
	mesh_set_center(w->m, S(""));
	assert_int_equal(mesh_restrictions(w->m, &w->arena, &list), 0);
}

static void
checked_before_it_is_said(void **state)
{
	struct world *w = *state;
	struct mesh_grant g = a_grant("grt_00000001", "prd_stores01", PRINCIPAL_PERSON, S(PERSON));
	struct mesh_request r = a_request(w, "req_00000001");
	struct mesh_restriction s = {.policy = {.id = S("rst_00000001"), .product_id = S("prd_stores01"), .classification = S(""), .suspend = true}};
	uint8_t before[32], after[32];

	mesh_hash(w->m, before);
	CHECK(w, STORES, GRANT_ADD, body_grant(&w->body, &g), NONE, "");
	CHECK(w, INSIGHTS, GRANT_ADD, body_grant(&w->body, &g), DENIED, "only stores can grant on stores.transactions");
	CHECK(w, CENTER, GRANT_ADD, body_grant(&w->body, &g), DENIED, "only stores can grant on stores.transactions");
	CHECK(w, STORES, GRANT_REVOKE, body_revoke(&w->body, S("grt_00000001")), NOT_FOUND, "no grant 'grt_00000001'");
	CHECK(w, STORES, RESTRICTION_ADD, body_restriction(&w->body, &s), DENIED, "only the center of this node");
	CHECK(w, CENTER, RESTRICTION_ADD, body_restriction(&w->body, &s), NONE, "");
	CHECK(w, HOUSEHOLDS, MEMBER_SET, body_member_set(&w->body, S(PERSON), ROLE_OWNER, false, S("")), CONFLICT, "belongs to insights");
	CHECK(w, INSIGHTS, MEMBER_SET, body_member_set(&w->body, S(PERSON), ROLE_OWNER, false, S("")), NONE, "");
	CHECK(w, INSIGHTS, REQUEST_OPEN, body_request(&w->body, &r), NONE, "");
	r.product_id = S("prd_nowhere1");
	CHECK(w, INSIGHTS, REQUEST_OPEN, body_request(&w->body, &r), NOT_FOUND, "no product 'prd_nowhere1'");
	CHECK(w, STORES, REQUEST_DENY, body_deny(&w->body, S("req_00000001"), S("")), NOT_FOUND, "no request");
	CHECK(w, STORES, GRANT_ADD, (g.policy.until = g.policy.from, body_grant(&w->body, &g)), INVALID, "later than 'from'");
	g.policy.until = TIME_FOREVER;
	mesh_hash(w->m, after);
	assert_memory_equal(before, after, 32); /* nothing has changed */

	r.product_id = S("prd_stores01");
	assert_true(say_grant(w, STORES, &g));
	assert_true(SAY(w, INSIGHTS, REQUEST_OPEN, body_request(&w->body, &r)));
	CHECK(w, INSIGHTS, GRANT_REVOKE, body_revoke(&w->body, S("grt_00000001")), DENIED, "only stores can revoke grant 'grt_00000001'");
	CHECK(w, HOUSEHOLDS, REQUEST_DENY, body_deny(&w->body, S("req_00000001"), S("")), DENIED, "only stores can answer");
	g.policy.id = S("grt_00000002");
	g.request_id = S("req_00000001");
	CHECK(w, STORES, GRANT_ADD, body_grant(&w->body, &g), NONE, "");
	assert_true(say_grant(w, STORES, &g));
	CHECK(w, STORES, REQUEST_DENY, body_deny(&w->body, S("req_00000001"), S("")), CONFLICT, "approved already");
	CHECK(w, HOUSEHOLDS, PRODUCT_RETIRE, body_retire(&w->body, S("prd_stores01")), DENIED, "only stores can retire stores.transactions");
	Str payload = inception(w, RIVAL, "stores", false);
	assert_int_equal(mesh_check(&w->c, w->m, did(w, RIVAL), payload).code, ERR_CONFLICT);
	payload = inception(w, RIVAL, "rival", false);
	assert_true(err_ok(mesh_check(&w->c, w->m, did(w, RIVAL), payload)));
	assert_null(mesh_domain(w->m, did(w, RIVAL)));
}

static void
signatures_alone(void **state)
{
	struct world *w = *state;

	w->body.n = 0;
	body_revoke(&w->body, S("grt_99999999"));
	Str payload = world_payload(w, STORES, EVENT_GRANT_REVOKE, buf_view(&w->body));
	uint64_t at = w->d[STORES].size;
	assert_true(err_ok(mesh_check_signature(&w->c, w->m, did(w, STORES), at, world_sign(w, &w->d[STORES].key, payload))));
	assert_false(err_ok(mesh_check_signature(&w->c, w->m, did(w, STORES), at, world_sign(w, &w->d[INSIGHTS].key, payload))));
	assert_false(err_ok(mesh_check_signature(&w->c, w->m, did(w, STORES), at, S("x"))));
	payload = inception(w, RIVAL, "rival", false);
	assert_true(err_ok(mesh_check_signature(&w->c, w->m, did(w, RIVAL), 0, world_sign(w, &w->d[RIVAL].key, payload))));
	assert_false(err_ok(mesh_check_signature(&w->c, w->m, did(w, RIVAL), 0, world_sign(w, &w->d[STORES].key, payload))));
	assert_false(err_ok(mesh_check_signature(&w->c, w->m, did(w, RIVAL), 1, world_sign(w, &w->d[RIVAL].key, payload))));
}

static Err
failing_sink(struct ctx *c, void *arg, Str kind, Str id, Str body)
{
	(void)arg, (void)kind, (void)id, (void)body;
	return err_set(c, ERR_FULL, "no room");
}

static void
a_failing_sink_changes_nothing(void **state)
{
	struct world *w = *state;
	struct mesh_grant g = a_grant("grt_00000001", "prd_stores01", PRINCIPAL_PERSON, S(PERSON));
	uint8_t before[32], after[32];

	w->body.n = 0;
	body_grant(&w->body, &g);
	Str entry = world_sign(w, &w->d[STORES].key, world_payload(w, STORES, EVENT_GRANT_ADD, buf_view(&w->body)));
	mesh_hash(w->m, before);
	assert_int_equal(mesh_apply(&w->c, w->m, did(w, STORES), w->d[STORES].size, entry, true, failing_sink, NULL, &w->last).code, ERR_FULL);
	mesh_hash(w->m, after);
	assert_memory_equal(before, after, 32);
	assert_int_equal(mesh_apply(&w->c, w->m, did(w, STORES), w->d[STORES].size + 1, entry, true, NULL, NULL, &w->last).code, ERR_CONFLICT);
	assert_true(world_apply(w, STORES, entry, true));
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, world_fini)
	const struct CMUnitTest tests[] = {
	    T(inception_accepted), T(inception_refused), T(bad_key_refused), T(wrong_signature_place_or_origin), T(payload_fields), T(members),
	    T(products), T(columns_limit), T(grants), T(grants_only_by_the_owner), T(revokes), T(requests), T(restrictions), T(checked_before_it_is_said),
	    T(signatures_alone), T(a_failing_sink_changes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
