#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "codec/tagexpr.h"
#include "crypt/encode.h"
#include "world.h"

static const struct predicate *
rows(struct arena *a, const char *text)
{
	struct ctx c = {.arena = a};
	const struct predicate *p;
	Err e = predicate_parse(&c, str_c(text), &p);

	if (!err_ok(e)) fail_msg("%s", c.detail);
	return p;
}

static bool
allowed(struct policy_question q, const struct policy_grant *g)
{
	ARENA_AUTO a = ARENA_INIT;

	return world_decide(&a, q, g).verdict == VERDICT_ALLOW;
}

static void
plain_grant(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	struct policy_decision d = world_decide(&a, world_question(), &world_grant);

	(void)state;
	assert_int_equal(d.verdict, VERDICT_ALLOW);
	assert_true(d.plain && !d.rows && str_eqc(d.grant_id, "grt_a"));
	assert_true(d.until == world_grant.until);
	for (size_t i = 0; i < COLUMNS; i++) assert_true(!d.columns[i].hidden && d.columns[i].mask == MASK_NONE);
}

/* Plain is what may be read from the producer's own files: one thing less than all, and it is not. */
static void
plain_is_all_of_it(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	static const Str region[] = {{"region", 6}}, none[] = {{"nothing", 7}};
	static const struct policy_mask mask[] = {{{"name", 4}, MASK_HASH}};
	struct policy_grant g = world_grant;

	(void)state;
	g.hidden = none, g.hidden_count = 1;
	assert_true(world_decide(&a, world_question(), &g).plain);
	g.hidden = region;
	assert_false(world_decide(&a, world_question(), &g).plain);
	g = world_grant, g.masks = mask, g.mask_count = 1;
	assert_false(world_decide(&a, world_question(), &g).plain);
	g = world_grant, g.rows = rows(&a, "sales > 5");
	assert_false(world_decide(&a, world_question(), &g).plain);
	g = world_grant, g.terms = (struct policy_terms){.min_group = 2, .group_by = region, .group_by_count = 1};
	assert_false(world_decide(&a, world_question(), &g).plain);
}

static void
made_out_to_whom(void **state)
{
	struct policy_question q = world_question();
	struct policy_principal named = world_analyst;
	struct policy_grant g = world_grant;

	(void)state;
	g.to_kind = PRINCIPAL_PERSON, g.to_id = S("ann"), g.table = S("transactions");
	assert_true(allowed(q, &g));
	named.handed_to_all = false, q.who = &named; /* whom it names needs no handing on */
	assert_true(allowed(q, &g));
	g.to_id = S("bob");
	assert_false(allowed(q, &g));
	g = world_grant, q = world_question(), g.voided = true;
	assert_false(allowed(q, &g));
}

/* One thing changed at a time; each must refuse, and say why. */
static void
each_condition_counts(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	static const struct policy_principal gone = {.person_id = {"ann", 3}, .domain_id = {"insights", 8}};
	static const struct policy_principal stranger = {.person_id = {"eve", 3}, .domain_id = {"other", 5}, .active = true, .is_owner = true};
	static const struct policy_principal nobody = {.active = true};
	struct policy_table dead = world_table;
	struct {
		struct policy_question q;
		struct policy_grant g;
		const char *reason;
	} t[24];
	size_t n = 0;

	(void)state;
	dead.product_live = false;
	for (size_t i = 0; i < ARRAY_LEN(t); i++) t[i].q = world_question(), t[i].g = world_grant;
	t[n].g.revoked = true, t[n++].reason = "no grant on 'transactions' covers this: grant grt_a: it was revoked";
	t[n].g.product_id = S("p2"), t[n++].reason = "no grant on 'transactions' is made out";
	t[n].g.issuer_domain_id = S("insights"), t[n++].reason = "no grant on 'transactions' is made out";
	t[n].g.issuer_domain_id = S("governance"), t[n++].reason = "no grant on 'transactions' is made out";
	t[n].g.to_id = S("other"), t[n++].reason = "no grant on 'transactions' is made out";
	t[n].g.to_kind = PRINCIPAL_PERSON, t[n++].reason = "no grant on 'transactions' is made out";
	t[n].g.to_kind = (enum principal_kind)7, t[n++].reason = "no grant on 'transactions' is made out";
	t[n].g.table = S("customers"), t[n++].reason = "no grant on 'transactions' covers this: grant grt_a: it is for the table 'customers'";
	t[n].g.purpose_count = 0, t[n++].reason = "no grant on 'transactions' covers this: grant grt_a: it does not cover purpose 'campaign'";
	t[n].q.purpose = S("other"), t[n++].reason = "no grant on 'transactions' covers this: grant grt_a: it does not cover purpose 'other' but 'campaign', 'churn'";
	t[n].q.purpose = S(""), t[n++].reason = "no grant on 'transactions' covers this: grant grt_a: no purpose was named";
	t[n].g.interactions = INTERACT_FILES, t[n++].reason = "no grant on 'transactions' covers this: grant grt_a: it does not allow this way";
	t[n].g.interactions |= 1u << 20, t[n++].reason = "no grant on 'transactions' covers this: grant grt_a: it has an unknown way";
	t[n].q.interaction = (enum interaction)64, t[n++].reason = "an unknown way of use";
	t[n].q.interaction = (enum interaction)0, t[n++].reason = "an unknown way of use";
	t[n].q.purpose = S(""), t[n].q.purpose_unknown = true, t[n++].reason = "a purpose must be named; `heddle purposes`";
	t[n].q.interaction = (enum interaction)(INTERACT_SQL | INTERACT_API), t[n++].reason = "an unknown way of use";
	t[n].q.who = &gone, t[n++].reason = "the person is no longer";
	t[n].q.who = &stranger, t[n++].reason = "no grant on 'transactions' is made out";
	t[n].q.who = &nobody, t[n].g.to_id = S(""), t[n++].reason = "no grant on 'transactions' is made out";
	t[n].q.table = &dead, t[n++].reason = "the product is suspended or retired";
	for (size_t i = 0; i < n; i++) {
		struct policy_decision d = world_decide(&a, t[i].q, &t[i].g);
		assert_int_equal(d.verdict, VERDICT_REFUSE);
		if (!str_starts(d.reason, str_c(t[i].reason))) fail_msg("%zu: %.*s", i, STR(d.reason));
		assert_true(d.grant_id.n == 0 && !d.plain && d.columns[SALES].hidden);
	}
	assert_int_equal(world_decide(&a, world_question(), NULL).verdict, VERDICT_REFUSE);
}

static void
window_edges(void **state)
{
	struct policy_question q = world_question();
	struct policy_grant g = world_grant;

	(void)state;
	q.now = g.from - 1;
	assert_false(allowed(q, &g));
	q.now = g.from;
	assert_true(allowed(q, &g));
	q.now = g.until - 1;
	assert_true(allowed(q, &g));
	q.now = g.until;
	assert_false(allowed(q, &g));
	g.until = TIME_FOREVER;
	assert_true(allowed(q, &g));
	q.now = TIME_FOREVER;
	assert_true(allowed(q, &g));
}

static void
purposes(void **state)
{
	static const Str any[] = {{"*", 1}};
	struct policy_question q = world_question();
	struct policy_grant g = world_grant;

	(void)state;
	q.purpose = S("churn");
	assert_true(allowed(q, &g));
	q.purpose = S("chur");
	assert_false(allowed(q, &g));
	q.purpose = S("");
	assert_false(allowed(q, &g));
	g.purposes = any, g.purpose_count = 1;
	assert_true(allowed(q, &g));
	q.purpose = S("churn");
	assert_true(allowed(q, &g));
}

/* "*" in a question asks whether some purpose would do, for showing metadata; every other condition holds as ever. */
static void
would_any_purpose_do(void **state)
{
	struct policy_question q = world_question();
	struct policy_grant g = world_grant;

	(void)state;
	q.purpose = S("*"); /* no way to ask for any: a grant must say so itself */
	assert_false(allowed(q, &g));
	q.purpose = S(""), q.any_purpose = true;
	assert_true(allowed(q, &g));
	g.revoked = true;
	assert_false(allowed(q, &g));
	g = world_grant, g.to_id = S("other");
	assert_false(allowed(q, &g));
	g = world_grant, g.purpose_count = 0;
	assert_false(allowed(q, &g));
	g = world_grant, q.now = g.until;
	assert_false(allowed(q, &g));
}

static void
owner_reads_their_own(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	static const struct policy_principal owner = {.person_id = {"otto", 4}, .domain_id = {"stores", 6}, .is_owner = true, .active = true};
	struct policy_principal member = owner;
	static const struct policy_restriction mask = {.id = {"r1", 2}, .classification = {"personal", 8}, .mask = MASK_HASH};
	static const struct policy_restriction stop = {.id = {"r2", 2}, .suspend = true};
	const struct policy_restriction *list[] = {&mask, &stop};
	struct policy_question q = world_question();

	(void)state;
	q.who = &owner, q.purpose = S("");
	struct policy_decision d = world_decide(&a, q, NULL);
	assert_true(d.verdict == VERDICT_ALLOW && d.plain && d.grant_id.n == 0 && d.until == TIME_FOREVER);
	q.restrictions = list, q.restriction_count = 1;
	d = world_decide(&a, q, NULL);
	assert_true(d.verdict == VERDICT_ALLOW && !d.plain && d.columns[NAME].mask == MASK_HASH && d.columns[DAY].mask == MASK_NONE);
	q.restriction_count = 2;
	assert_int_equal(world_decide(&a, q, NULL).verdict, VERDICT_REFUSE);
	q.restriction_count = 0;
	member.is_owner = false;
	q.who = &member;
	assert_int_equal(world_decide(&a, q, NULL).verdict, VERDICT_REFUSE);
}

static void
masks_and_hidden(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	static const struct policy_mask masks[] = {
	    {{"HOUSEHOLD_ID", 12}, MASK_HASH}, {{"name", 4}, MASK_LAST_FOUR}, {{"name", 4}, MASK_CONSTANT}, {{"day", 3}, MASK_YEAR},
	    {{"sales", 5}, MASK_LAST_FOUR}, {{"nowhere", 7}, MASK_NULL}};
	static const Str hidden[] = {{"Region", 6}, {"nothing", 7}};
	struct policy_grant g = world_grant;

	(void)state;
	g.masks = masks, g.mask_count = ARRAY_LEN(masks), g.hidden = hidden, g.hidden_count = 2;
	struct policy_decision d = world_decide(&a, world_question(), &g);
	assert_int_equal(d.verdict, VERDICT_ALLOW);
	assert_false(d.plain);
	assert_int_equal(d.columns[HOUSEHOLD].mask, MASK_HASH);
	assert_int_equal(d.columns[NAME].mask, MASK_CONSTANT); /* the stricter of two */
	assert_int_equal(d.columns[DAY].mask, MASK_YEAR);
	assert_int_equal(d.columns[SALES].mask, MASK_NULL); /* last4 of a decimal: does not fit */
	assert_true(d.columns[REGION].hidden);
}

static void
unknown_things_fail_closed(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	static const struct policy_mask mask = {{"nowhere", 7}, (enum mask_kind)99};
	static const struct policy_restriction odd[] = {
	    {.id = {"r", 1}, .mask = (enum mask_kind)99}, {.id = {"r", 1}, .mask = MASK_KIND_COUNT}, {.id = {"r", 1}}, {.id = {"r", 1}, .freeze = true}};
	struct predicate op = {.op = (enum pred_op)99, .column = S("region")};
	struct policy_grant g = world_grant;
	struct policy_question q = world_question();

	(void)state;
	g.masks = &mask, g.mask_count = 1;
	assert_false(allowed(q, &g));
	g.masks = &(struct policy_mask){{"name", 4}, MASK_KIND_COUNT}; /* the first that is none */
	assert_false(allowed(q, &g));
	g = world_grant, g.rows = &op;
	assert_false(allowed(q, &g));
	g.rows = rows(&a, "gone = 1");
	struct policy_decision d = world_decide(&a, q, &g);
	assert_int_equal(d.verdict, VERDICT_REFUSE);
	assert_true(str_ends(d.reason, S("the table lacks the column: column 'gone'")));
	g.rows = rows(&a, "name = 5"); /* would convert the column, and fail on a row */
	assert_false(allowed(q, &g));
	for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
		const struct policy_restriction *list[] = {&odd[i]};
		q.restrictions = list, q.restriction_count = 1;
		assert_false(allowed(q, &world_grant));
	}
	Str all[COLUMNS];
	for (size_t i = 0; i < COLUMNS; i++) all[i] = world_columns[i].name;
	g = world_grant, g.hidden = all, g.hidden_count = COLUMNS;
	assert_false(allowed(world_question(), &g));
}

static const Str world_numbers[] = {{"household_id", 12}, {"name", 4}, {"day", 3}, {"sales", 5}, {"region", 6}};

/* The first of each pair shows more, or the same under fewer terms, whatever their order in the list and their ids. */
static void
most_open_is_chosen(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	static const struct policy_mask one_mask[] = {{{"name", 4}, MASK_HASH}}, two_masks[] = {{{"name", 4}, MASK_LAST_FOUR}, {{"day", 3}, MASK_YEAR}};
	static const Str hidden[] = {{"region", 6}};
	struct policy_grant g[10];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(g); i++) g[i] = world_grant, g[i].id = str_of("zyxwvutsrq" + i, 1);
	g[1].terms.row_budget = 5;
	g[2].terms.no_export = true;
	g[3].rows = rows(&a, "region = 'EU'");
	g[4].rows = rows(&a, "region = 'EU'"), g[4].terms.row_budget = 5;
	g[5].masks = one_mask, g[5].mask_count = 1;
	g[6].masks = one_mask, g[6].mask_count = 1, g[6].rows = rows(&a, "region = 'EU'");
	g[7].masks = two_masks, g[7].mask_count = 2;
	g[8].hidden = hidden, g[8].hidden_count = 1;
	g[9].terms.min_group = 2, g[9].terms.group_by = world_numbers, g[9].terms.group_by_count = COLUMNS;
	for (size_t i = 0; i < ARRAY_LEN(g); i++)
		for (size_t k = i + 1; k < ARRAY_LEN(g); k++)
			for (int turn = 0; turn < 2; turn++) {
				const struct policy_grant *list[] = {turn ? &g[k] : &g[i], turn ? &g[i] : &g[k]};
				struct policy_question q = world_question();
				struct policy_decision d;
				q.grants = list, q.grant_count = 2;
				policy_decide(&a, &q, NULL, &d);
				if (!str_eq(d.grant_id, g[i].id)) fail_msg("%zu against %zu", i, k);
			}
	g[1] = g[0], g[1].id = S("a"); /* equal: the smaller id */
	const struct policy_grant *list[] = {&g[0], &g[1]};
	struct policy_question q = world_question();
	struct policy_decision d;
	q.grants = list, q.grant_count = 2;
	policy_decide(&a, &q, NULL, &d);
	assert_true(str_eqc(d.grant_id, "a"));
	struct policy_delegation on = {.id = S("dlg_1"), .domain_id = S("insights"), .grant_id = S("a"), .issuer_domain_id = S("stores"),
	    .to_kind = PRINCIPAL_PERSON, .to_id = S("ann"), .until = TIME_FOREVER};
	const struct policy_delegation *handed[] = {&on};
	q.delegations = handed, q.delegation_count = 1, q.grant_count = 2; /* what is direct goes before what was handed on */
	policy_decide(&a, &q, NULL, &d);
	assert_true(str_eqc(d.grant_id, "a") && d.delegation_id.n == 0);
}

/* --- the hash --- */

static bool
same_hash(const struct policy_decision *a, const struct policy_decision *b)
{
	return memcmp(a->hash, b->hash, 32) == 0;
}

static void
hash_follows_what_is_shown(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	static const struct policy_mask hash[] = {{{"name", 4}, MASK_HASH}}, null[] = {{{"name", 4}, MASK_NULL}}, other[] = {{{"day", 3}, MASK_HASH}};
	static const Str hidden[] = {{"name", 4}};
	static const struct policy_principal elsewhere = {.person_id = {"bob", 3}, .domain_id = {"finance", 7}, .active = true, .handed_to_all = true};
	struct policy_grant g[8];
	struct policy_decision d[8];
	struct policy_question q = world_question();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(g); i++) g[i] = world_grant;
	g[1].rows = rows(&a, "region = 'EU'");
	g[2].rows = rows(&a, "region = 'EUR'");
	g[3].rows = rows(&a, "region <> 'EU'");
	g[4].masks = hash, g[4].mask_count = 1;
	g[5].masks = null, g[5].mask_count = 1;
	g[6].masks = other, g[6].mask_count = 1;
	g[7].hidden = hidden, g[7].hidden_count = 1;
	for (size_t i = 0; i < ARRAY_LEN(g); i++) d[i] = world_decide(&a, q, &g[i]);
	for (size_t i = 0; i < ARRAY_LEN(g); i++)
		for (size_t k = 0; k < ARRAY_LEN(g); k++) assert_int_equal(same_hash(&d[i], &d[k]), i == k);

	/* not by who, when, under which grant, for what — but where a keyed hash is in it, by consumer domain and purpose */
	for (size_t i = 1; i < 6; i += 3) {
		struct policy_question r = q;
		struct policy_grant h = g[i];
		h.id = S("grt_zzz"), h.until = TIME_FOREVER, r.now = NOON + 1;
		struct policy_decision e = world_decide(&a, r, &h);
		assert_true(same_hash(&d[i], &e));
		r.purpose = S("churn");
		e = world_decide(&a, r, &h);
		assert_int_equal(same_hash(&d[i], &e), i != 4);
		r.purpose = q.purpose, r.who = &elsewhere, h.to_id = S("finance");
		e = world_decide(&a, r, &h);
		assert_int_equal(e.verdict, VERDICT_ALLOW);
		assert_int_equal(same_hash(&d[i], &e), i != 4);
	}
}

/* Extracts are kept under this hash over restarts and builds: it may change only with its version line. Computed apart from the
 * code, with Python's hashlib, over the bytes that hash_decision() describes. */
static void
hash_is_stable(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	static const struct policy_mask masks[] = {{{"name", 4}, MASK_HASH}};
	static const Str hidden[] = {{"day", 3}};
	struct policy_grant g = world_grant;
	char hex[65];

	(void)state;
	g.rows = rows(&a, "region IN ('EU', 'US') AND NOT sales > 5");
	g.masks = masks, g.mask_count = 1, g.hidden = hidden, g.hidden_count = 1;
	struct policy_decision d = world_decide(&a, world_question(), &g);
	hex_text(d.hash, 32, hex);
	assert_string_equal(hex, "1053b474d6363cae29370d2249cb19c0523e6db304c1269aac540d5971e2d578");
}

/* --- restrictions can only close --- */

static uint32_t dice = 7;

static uint32_t
roll(uint32_t n)
{
	dice = dice * 1664525u + 1013904223u;
	return (dice >> 16) % n;
}

static struct policy_grant
random_grant(struct arena *a, size_t i)
{
	static const char *const filters[] = {"region = 'EU'", "sales > 5", "NOT name IN ('x', 'y')", "gone = 1"};
	struct policy_grant g = world_grant;
	struct policy_mask *masks = NEW_N(a, 3, struct policy_mask);
	Str *hidden = NEW_N(a, 2, Str);

	g.id = arena_printf(a, "grt_%zu", i);
	g.mask_count = roll(4), g.masks = masks;
	for (size_t k = 0; k < g.mask_count; k++)
		masks[k] = (struct policy_mask){world_columns[roll(COLUMNS)].name, (enum mask_kind)roll(MASK_KIND_COUNT)};
	g.hidden_count = roll(3), g.hidden = hidden;
	for (size_t k = 0; k < g.hidden_count; k++) hidden[k] = world_columns[roll(COLUMNS)].name;
	if (roll(2)) g.rows = rows(a, filters[roll(ARRAY_LEN(filters))]);
	if (roll(5) == 0) g.revoked = true;
	if (roll(5) == 0) g.purposes = &world_purposes[1], g.purpose_count = 1;
	if (roll(5) == 0) g.until = NOON;
	return g;
}

static struct policy_restriction
random_restriction(void)
{
	static const Str classes[] = {{"personal", 8}, {"Personal", 8}, {"secret", 6}, {"", 0}}, products[] = {{"", 0}, {"p1", 2}, {"p2", 2}};
	struct policy_restriction r = {.id = S("r"), .product_id = products[roll(3)], .classification = classes[roll(3)]};

	r.mask = (enum mask_kind)roll(MASK_KIND_COUNT + 1);
	r.suspend = roll(10) == 0;
	r.lifted = roll(6) == 0;
	if (roll(20) == 0) r.classification = classes[3];
	return r;
}

/* Does b show nothing that a does not? */
static bool
not_more(const struct policy_decision *a, const struct policy_decision *b)
{
	if (b->verdict == VERDICT_REFUSE) return true;
	if (a->verdict == VERDICT_REFUSE || a->rows != b->rows || (b->plain && !a->plain)) return false;
	for (size_t i = 0; i < COLUMNS; i++) {
		if (a->columns[i].hidden && !b->columns[i].hidden) return false;
		if (!b->columns[i].hidden && b->columns[i].mask < a->columns[i].mask) return false;
	}
	return true;
}

static void
restrictions_only_close(void **state)
{
	size_t tightened = 0, closed = 0;

	(void)state;
	for (int round = 0; round < 4000; round++) {
		ARENA_AUTO a = ARENA_INIT;
		struct policy_grant grants[5];
		struct policy_restriction rules[5];
		const struct policy_grant *g[5];
		const struct policy_restriction *r[5];
		struct policy_question q = world_question();
		struct policy_decision before, after;
		for (size_t i = 0; i < 5; i++) grants[i] = random_grant(&a, i), g[i] = &grants[i], rules[i] = random_restriction(), r[i] = &rules[i];
		q.grants = g, q.grant_count = roll(6), q.restrictions = r;
		policy_decide(&a, &q, NULL, &before);
		for (q.restriction_count = 1; q.restriction_count <= 5; q.restriction_count++) {
			policy_decide(&a, &q, NULL, &after);
			if (!not_more(&before, &after)) fail_msg("round %d, restriction %zu", round, q.restriction_count);
			tightened += after.verdict == VERDICT_ALLOW && !same_hash(&before, &after);
			closed += before.verdict != after.verdict;
			before = after;
		}
	}
	assert_true(tightened > 100 && closed > 100); /* else the world was too dull to show anything */
}

/* Planted: not_more() must see each way of showing more. */
static void
the_check_sees_more(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	static const struct policy_mask mask = {{"name", 4}, MASK_HASH};
	static const Str hidden = {"name", 4};
	struct policy_grant masked = world_grant, hiding = world_grant, filtered = world_grant;

	(void)state;
	masked.masks = &mask, masked.mask_count = 1, hiding.hidden = &hidden, hiding.hidden_count = 1;
	filtered.rows = rows(&a, "region = 'EU'");
	struct policy_decision plain = world_decide(&a, world_question(), &world_grant), none = world_decide(&a, world_question(), NULL);
	const struct policy_grant *less[] = {&masked, &hiding, &filtered};
	for (size_t i = 0; i < 3; i++) {
		struct policy_decision d = world_decide(&a, world_question(), less[i]);
		assert_false(not_more(&d, &plain));
		assert_false(not_more(&none, &d));
	}
	assert_true(not_more(&plain, &none));
}

static void
the_trace_tells_each_step(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	struct policy_grant old = world_grant, good = world_grant;
	static const struct policy_restriction rule = {.id = {"r1", 2}, .classification = {"personal", 8}, .mask = MASK_HASH};
	const struct policy_restriction *rules[] = {&rule};
	const struct policy_grant *grants[] = {&old, &good};
	struct policy_question q = world_question();
	struct policy_trace trace = {0};
	struct policy_decision d, untold;

	(void)state;
	old.until = NOON, old.id = S("grt_old");
	q.grants = grants, q.grant_count = 2, q.restrictions = rules, q.restriction_count = 1;
	policy_decide(&a, &q, &trace, &d);
	assert_int_equal(trace.count, 5);
	assert_true(str_eqc(trace.lines[0], "grant grt_old: it ended at 2027-01-15T08:00:00Z"));
	assert_true(str_eqc(trace.lines[1], "grant grt_a: it covers"));
	assert_true(str_eqc(trace.lines[2], "restriction r1: column 'household_id' is personal: hash instead of none"));
	assert_true(str_eqc(trace.lines[4], "allowed: grant grt_a covers it"));
	policy_decide(&a, &q, NULL, &untold); /* telling changes nothing */
	assert_true(same_hash(&d, &untold) && untold.verdict == d.verdict);
}

/* --- tags, groups, terms, approvals, delegations --- */

/* Why the grant does not cover, when it does not; "" when it does. */
static const char *
why(struct arena *a, struct policy_question q, const struct policy_grant *g)
{
	struct policy_decision d = world_decide(a, q, g);

	if (d.verdict == VERDICT_ALLOW) return "";
	const char *z = arena_dup(a, d.reason.p, d.reason.n), *tail = strstr(z, "grant grt_a: ");
	return tail ? tail + strlen("grant grt_a: ") : z;
}

static void
purposes_are_paths(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	static const Str marketing[] = {{"marketing", 9}};
	static const struct { const char *purpose; bool covered; } t[] = {
	    {"marketing", true}, {"marketing/campaigns", true}, {"marketing/a/b", true}, {"market", false}, {"marketings", false}, {"other/marketing", false}, {"", false}};
	struct policy_grant g = world_grant;
	struct policy_question q = world_question();

	(void)state;
	g.purposes = marketing, g.purpose_count = 1;
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		q.purpose = str_c(t[i].purpose);
		if (allowed(q, &g) != t[i].covered) fail_msg("%s", t[i].purpose);
	}
	q = world_question(), q.purpose_unknown = true;
	assert_string_equal(why(&a, q, &world_grant), "there is no purpose 'campaign'; `heddle purposes` shows those there are");
	q.any_purpose = true; /* only showing */
	assert_true(allowed(q, &world_grant));
}

static void
groups(void **state)
{
	static const Str mine[] = {{"grp_1", 5}};
	struct policy_principal who = world_analyst;
	struct policy_question q = world_question();
	struct policy_grant g = world_grant;

	(void)state;
	who.groups = mine, who.group_count = 1, q.who = &who;
	g.to_kind = PRINCIPAL_GROUP, g.to_id = S("grp_1"), g.to_domain_id = S("insights");
	assert_true(allowed(q, &g));
	g.to_domain_id = S("stores"); /* a group of that id in another domain is another group */
	assert_false(allowed(q, &g));
	g.to_domain_id = S("insights"), g.to_id = S("grp_2");
	assert_false(allowed(q, &g));
}

static struct tag_expr internal = {.op = TAG_IN, .tag = {"classification", 14}, .values = (const Str[]){{"public", 6}, {"internal", 8}}, .value_count = 2};

static void
grants_by_tags(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	static const struct policy_tag public = {{"classification", 14}, {"public", 6}}, secret = {{"classification", 14}, {"secret", 6}};
	struct policy_column columns[COLUMNS];
	struct policy_table t = world_table;
	struct policy_question q = world_question();
	struct policy_grant g = world_grant;

	(void)state;
	memcpy(columns, world_columns, sizeof columns);
	t.columns = columns, t.since = 3, q.table = &t;
	g.product_id = S(""), g.tags = &internal, g.seq = 5;
	assert_string_equal(why(&a, q, &g), "no column has the tags that it names");
	for (size_t i = 0; i < COLUMNS; i++) columns[i].since = 3, columns[i].tags = (struct policy_tags){i == NAME ? &secret : &public, i != DAY};
	struct policy_decision d = world_decide(&a, q, &g);
	assert_int_equal(d.verdict, VERDICT_ALLOW);
	for (size_t i = 0; i < COLUMNS; i++) assert_int_equal(d.columns[i].hidden, i == NAME || i == DAY);
	columns[SALES].since = 6; /* published after the grant */
	d = world_decide(&a, q, &g);
	assert_true(d.columns[SALES].hidden && !d.columns[REGION].hidden);
	g.future = true;
	assert_false(world_decide(&a, q, &g).columns[SALES].hidden);
	columns[SALES].tags_before = (struct policy_tags){&secret, 1}; /* lowered, and nobody approved */
	assert_true(world_decide(&a, q, &g).columns[SALES].hidden);
	t.since = 6;
	assert_true(allowed(q, &g));
	g.future = false;
	assert_string_equal(why(&a, q, &g), "the table was published after it, and it does not reach into the future");
	g.future = true, g.product_id = S("p1");
	assert_false(allowed(q, &g));
	struct tag_expr not = {.op = TAG_NOT, .left = &(struct tag_expr){.op = TAG_IN, .tag = S("x"), .values = &columns[0].name, .value_count = 1}};
	g.product_id = S(""), g.tags = &not; /* whoever wrote that into a log */
	assert_false(allowed(q, &g));
}

static void
hours(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	static const struct { Time at; bool within; } t[] = { /* Friday 15 January 2027 */
	    {NOON, true}, {NOON + TIME_SECOND * 3599, true}, {NOON + TIME_SECOND * 3600, false}, {NOON - TIME_SECOND, false}, {NOON + TIME_DAY, false},
	    {NOON + TIME_DAY * 3, true}, {NOON - TIME_DAY * 4, true}, {NOON - TIME_DAY * 5, false}};
	struct policy_grant g = world_grant;
	struct policy_question q = world_question();

	(void)state;
	g.from = 0, g.until = TIME_FOREVER, g.terms.hours = (struct policy_hours){31, 480, 540};
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		q.now = t[i].at;
		if (allowed(q, &g) != t[i].within) fail_msg("%zu", i);
	}
	q.now = NOON;
	assert_true(world_decide(&a, q, &g).until == NOON + TIME_SECOND * 3600);
	g.until = NOON + TIME_SECOND; /* the earlier of both */
	assert_true(world_decide(&a, q, &g).until == g.until);
	g.until = TIME_FOREVER, q.now = NOON + TIME_DAY;
	assert_string_equal(why(&a, q, &g), "it is outside its hours (Mon, Tue, Wed, Thu, Fri, 08:00 to 09:00 UTC)");
	q.now = NOON, g.terms.hours = (struct policy_hours){127, 540, 480}; /* no hours at all, whoever wrote that */
	assert_false(allowed(q, &g));
	q.now = -1, g.from = INT64_MIN, g.terms.hours = (struct policy_hours){127, 0, 1440};
	assert_false(allowed(q, &g));
}

static const char *
why_restricted(struct arena *a, struct policy_question q, const struct policy_grant *g, const struct policy_restriction *r)
{
	const struct policy_restriction *list[] = {r};

	q.restrictions = list, q.restriction_count = 1;
	return why(a, q, g);
}

static void
what_restrictions_demand(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	static const Str any[] = {{"*", 1}};
	struct policy_question q = world_question(), low = q, unnamed = q;
	struct policy_grant g = world_grant;
	struct policy_principal named = world_analyst;
	struct policy_restriction r = {.id = S("rst_1"), .max_days = 1};

	(void)state;
	assert_string_equal(why_restricted(&a, q, &g, &r), "it ended at 2027-01-15T08:00:00Z, 1 day after its beginning (restriction rst_1)");
	r.max_days = 2;
	assert_string_equal(why_restricted(&a, q, &g, &r), "");
	r = (struct policy_restriction){.id = S("rst_1"), .min_level = 3}, low.level = 2;
	assert_string_equal(why_restricted(&a, low, &g, &r), "restriction rst_1 demands a sandbox of level L3; statements run at L2 here");
	low.level = 3;
	assert_string_equal(why_restricted(&a, low, &g, &r), "");
	r = (struct policy_restriction){.id = S("rst_1"), .demand_purpose = true}, unnamed.purpose = S("");
	assert_string_equal(why_restricted(&a, unnamed, &g, &r), "restriction rst_1 demands that a purpose is named");
	g.purposes = any, g.purpose_count = 1;
	assert_string_equal(why_restricted(&a, q, &g, &r), "it is for any purpose, and restriction rst_1 demands one that is named");
	r = (struct policy_restriction){.id = S("rst_1"), .demand_handing = true};
	assert_string_equal(why_restricted(&a, q, &g, &r), "it is to the domain, and counts only for those it was handed on to by name (restriction rst_1)");
	named.handed_to_all = false, q.who = &named;
	assert_string_equal(why(&a, q, &g), "it is to the domain, whose owners have not handed it on to this person");
	named.is_owner = true;
	assert_string_equal(why_restricted(&a, q, &g, &r), "");
	r = (struct policy_restriction){.id = S("rst_1"), .domain_id = S("stores"), .freeze = true};
	assert_string_equal(why_restricted(&a, q, &g, &r), "the producer's domain is frozen (restriction rst_1)");
	r.domain_id = S("insights");
	assert_string_equal(why_restricted(&a, q, &g, &r), "the asker's domain is frozen (restriction rst_1)");
	r.freeze_why = S("published this with a stolen key");
	assert_string_equal(why_restricted(&a, q, &g, &r), "the asker's domain published this with a stolen key");
	r.lifted = true;
	assert_string_equal(why_restricted(&a, q, &g, &r), "");
	r.lifted = false, r.domain_id = S("other");
	assert_string_equal(why_restricted(&a, q, &g, &r), "");
	r = (struct policy_restriction){.id = S("rst_1"), .domain_id = S("insights"), .hide = true}; /* of theirs, and nothing of theirs is asked for */
	assert_string_equal(why_restricted(&a, q, &g, &r), "");
	r = (struct policy_restriction){.id = S("rst_1"), .hide = true};
	assert_string_equal(why_restricted(&a, q, &g, &r), "the center hides every column that would be shown");
}

static void
approvals(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	struct policy_approval list[3] = {
	    {.log_id = S("stores"), .person_id = S("otto"), .human_id = S("otto"), .role = 1},
	    {.log_id = S("stores"), .person_id = S("otto2"), .human_id = S("otto"), .role = 8},
	    {.log_id = S("insights"), .person_id = S("ida"), .human_id = S("ida"), .role = 1}};
	struct policy_restriction two = {.id = S("rst_y"), .approvals = 2};
	struct policy_question q = world_question();
	struct policy_grant g = world_grant;
	const char *waits = "it waits for 1 more approval (restriction rst_y: 2 different people, owners or stewards of the producer)";

	(void)state;
	g.approvals = list, g.approval_count = 3;
	assert_string_equal(why_restricted(&a, q, &g, &two), waits);
	two.approvers[two.approver_count++] = S("ida"), two.approver_roles = 9; /* named, from wherever */
	assert_string_equal(why_restricted(&a, q, &g, &two), "");
	g.asker_human_id = S("ida");
	assert_true(*why_restricted(&a, q, &g, &two) != 0);
	g.asker_human_id = S(""), two.approver_count = 0, list[1].human_id = S("ulla");
	assert_string_equal(why_restricted(&a, q, &g, &two), "");
	list[1].service = true;
	assert_string_equal(why_restricted(&a, q, &g, &two), waits);
	list[1].service = false, list[1].role = 2; /* an engineer */
	assert_string_equal(why_restricted(&a, q, &g, &two), waits);
	list[1].role = 8, list[1].human_id = S(""), list[1].person_id = S("otto"); /* nobody said which human: the person is one */
	assert_string_equal(why_restricted(&a, q, &g, &two), waits);
	list[1].person_id = S("");
	assert_string_equal(why_restricted(&a, q, &g, &two), waits);
	list[1].person_id = S("ulla");
	assert_string_equal(why_restricted(&a, q, &g, &two), "");
	two.approvers[two.approver_count++] = S("eve"), two.approver_roles = 1; /* owners, and one who has said nothing */
	assert_true(*why_restricted(&a, q, &g, &two) != 0);
}

/* All that a restriction names must fit: the product, the domain, the class, the tags of some column or of the table. */
static void
what_a_restriction_is_about(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	static const struct policy_tag prod = {{"environment", 11}, {"prod", 4}}, secret = {{"classification", 14}, {"secret", 6}};
	static const Str prods[] = {{"prod", 4}};
	const struct tag_expr env = {.op = TAG_IN, .tag = S("environment"), .values = prods, .value_count = 1};
	struct policy_column columns[COLUMNS];
	struct policy_table t = world_table;
	struct policy_question q = world_question();
	struct policy_restriction r[] = {
	    {.suspend = true}, {.product_id = S("p1")}, {.product_id = S("p2")}, {.domain_id = S("stores")}, {.domain_id = S("insights")},
	    {.product_id = S("p1"), .domain_id = S("insights")}, {.classification = S("Personal")}, {.classification = S("secret")},
	    {.classification = S("secret"), .tags = &env}, {.tags = &env}, {.classification = S("personal"), .lifted = true}, {.domain_id = S("stores"), .product_id = S("p2")}};
	/* as it is; with the table tagged prod; with the column day tagged secret, and the table prod; with both on day */
	static const bool about[][4] = {
	    {true, true, true, true}, {true, true, true, true}, {false, false, false, false}, {true, true, true, true}, {false, false, false, false},
	    {false, false, false, false}, {true, true, true, true}, {false, false, true, true}, {false, false, false, true}, {false, true, true, true},
	    {false, false, false, false}, {false, false, false, false}};

	(void)state;
	memcpy(columns, world_columns, sizeof columns);
	t.columns = columns, q.table = &t;
	for (size_t k = 0; k < 4; k++) {
		const struct policy_tag day[] = {secret, prod};
		t.tags = (struct policy_tags){&prod, k == 1 || k == 2};
		columns[DAY].tags = (struct policy_tags){day, k < 2 ? 0 : k - 1};
		for (size_t i = 0; i < ARRAY_LEN(r); i++) {
			r[i].id = S("rst_1"), r[i].suspend = true;
			if (policy_is_about(&r[i], &t) != about[i][k]) fail_msg("restriction %zu, table %zu", i, k);
			assert_int_equal(*why_restricted(&a, q, &world_grant, &r[i]) != 0, about[i][k]);
		}
	}
}

static void
delegations(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	static const Str churn[] = {{"churn", 5}}, hidden[] = {{"day", 3}};
	static const struct policy_mask masks[] = {{{"name", 4}, MASK_LAST_FOUR}, {{"household_id", 12}, MASK_HASH}}, strict[] = {{{"name", 4}, MASK_NULL}},
	    unknown[] = {{{"name", 4}, (enum mask_kind)99}};
	struct policy_principal who = world_analyst;
	struct policy_question q = world_question();
	struct policy_grant g = world_grant;
	struct policy_delegation d = {.id = S("dlg_1"), .domain_id = S("insights"), .grant_id = S("grt_a"), .issuer_domain_id = S("stores"),
	    .to_kind = PRINCIPAL_PERSON, .to_id = S("ann"), .until = NOON + TIME_DAY * 30}, other;
	const struct policy_delegation *list[] = {&d};

	(void)state;
	who.handed_to_all = false, q.who = &who, q.delegations = list, q.delegation_count = 1;
	g.masks = masks, g.mask_count = 2, g.rows = rows(&a, "region = 'EU'");
	d.rows = rows(&a, "sales > 5"), d.masks = strict, d.mask_count = 1, d.hidden = hidden, d.hidden_count = 1;
	struct policy_decision got = world_decide(&a, q, &g);
	assert_int_equal(got.verdict, VERDICT_ALLOW);
	assert_true(str_eqc(got.grant_id, "grt_a") && str_eqc(got.delegation_id, "dlg_1") && got.until == g.until);
	assert_true(got.rows->op == PRED_AND && got.rows->left == g.rows && got.rows->right == d.rows);
	assert_int_equal(got.columns[NAME].mask, MASK_NULL);
	assert_int_equal(got.columns[HOUSEHOLD].mask, MASK_HASH);
	assert_true(got.columns[DAY].hidden && !got.columns[REGION].hidden);
	other = d;
	d.to_id = S("bob");
	assert_false(allowed(q, &g));
	d = other, d.domain_id = S("stores");
	assert_false(allowed(q, &g));
	d = other, d.issuer_domain_id = S("insights");
	assert_false(allowed(q, &g));
	d = other, d.purposes = churn, d.purpose_count = 1;
	assert_false(allowed(q, &g));
	q.purpose = S("churn");
	assert_true(allowed(q, &g));
	q.purpose = S("campaign"), d = other, d.from = NOON + 1;
	assert_false(allowed(q, &g));
	d.from = NOON;
	assert_true(allowed(q, &g));
	d = other, d.grant_id = S("grt_b"); /* another grant's */
	assert_false(allowed(q, &g));
	d = other, d.voided = true;
	assert_false(allowed(q, &g));
	d = other, d.to_kind = (enum principal_kind)7;
	assert_false(allowed(q, &g));
	d = other, d.masks = unknown, d.mask_count = 1;
	assert_false(allowed(q, &g));
	d = other, d.rows = rows(&a, "gone = 1");
	assert_false(allowed(q, &g));
	d = other, d.until = NOON;
	assert_false(allowed(q, &g));
	d = other, d.interactions = INTERACT_API;
	assert_false(allowed(q, &g));
	d = other, d.table = S("customers");
	assert_false(allowed(q, &g));
	d.table = S("transactions");
	assert_true(allowed(q, &g));
	d = other, d.ended = true;
	assert_false(allowed(q, &g));
	d = other, g.to_kind = PRINCIPAL_PERSON, g.to_id = S("boss"), g.until = TIME_FOREVER; /* what a person was granted is not the domain's to hand on */
	assert_false(allowed(q, &g));
}

static void
delegations_to_groups(void **state)
{
	static const Str mine[] = {{"grp_1", 5}};
	struct policy_principal who = world_analyst;
	struct policy_question q = world_question();
	struct policy_grant g = world_grant;
	struct policy_delegation d = {.id = S("dlg_1"), .domain_id = S("insights"), .grant_id = S("grt_a"), .issuer_domain_id = S("stores"),
	    .to_kind = PRINCIPAL_GROUP, .to_id = S("grp_1"), .until = TIME_FOREVER};
	const struct policy_delegation *list[] = {&d};

	(void)state;
	who.handed_to_all = false, q.who = &who, q.delegations = list, q.delegation_count = 1;
	assert_false(allowed(q, &g));
	who.groups = mine, who.group_count = 1;
	assert_true(allowed(q, &g));
	d.to_id = S("grp_2");
	assert_false(allowed(q, &g));
	d.to_kind = PRINCIPAL_DOMAIN, d.to_id = S("insights"); /* nobody hands on to all */
	assert_false(allowed(q, &g));
}

/* Who hands on chooses the constants of a filter: over what they do not see as it is, the rows that are left would tell them. */
static void
delegations_do_not_look_through_masks(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	static const Str hidden[] = {{"NAME", 4}};
	static const struct policy_mask last4[] = {{{"name", 4}, MASK_LAST_FOUR}};
	static const char *const filters[] = {"name = 'Bob'", "sales > 5 AND NOT Name LIKE 'B%'", "name IS NULL OR sales > 5"};
	struct policy_principal who = world_analyst;
	struct policy_question q = world_question();
	struct policy_restriction r[] = {{.id = S("rst_1"), .classification = S("personal"), .mask = MASK_HASH}, {.id = S("rst_1"), .classification = S("personal"), .hide = true}};
	struct policy_delegation d = {.id = S("dlg_1"), .domain_id = S("insights"), .grant_id = S("grt_a"), .issuer_domain_id = S("stores"),
	    .to_kind = PRINCIPAL_PERSON, .to_id = S("ann"), .until = TIME_FOREVER};
	const struct policy_delegation *list[] = {&d};

	(void)state;
	who.handed_to_all = false, q.who = &who, q.delegations = list, q.delegation_count = 1;
	for (size_t i = 0; i < ARRAY_LEN(filters); i++) {
		struct policy_grant g = world_grant;
		d.rows = rows(&a, filters[i]), d.hidden_count = d.mask_count = 0;
		assert_true(allowed(q, &g));
		for (size_t k = 0; k < ARRAY_LEN(r); k++) assert_non_null(strstr(why_restricted(&a, q, &g, &r[k]), "its row filter names a column that is masked or hidden"));
		d.hidden = hidden, d.hidden_count = 1, d.masks = last4, d.mask_count = 1; /* what they hide from others they see themselves */
		assert_true(allowed(q, &g));
		g.masks = last4, g.mask_count = 1;
		assert_false(allowed(q, &g));
		g.mask_count = 0, g.hidden = hidden, g.hidden_count = 1;
		assert_false(allowed(q, &g));
		g.hidden_count = 0, g.rows = rows(&a, "name <> 'Ann'"); /* the producer may */
		assert_true(allowed(q, &g));
	}
}

/* Hashes of values that the consumer knows have a key apart: else they would be a dictionary of those that others give it hashed. */
static void
hashes_of_ones_own(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	static const struct policy_mask hash[] = {{{"name", 4}, MASK_HASH}}, last4[] = {{{"name", 4}, MASK_LAST_FOUR}};
	struct policy_principal who = world_analyst;
	struct policy_question q = world_question();
	struct policy_grant g = world_grant;
	struct policy_delegation d = {.id = S("dlg_1"), .domain_id = S("insights"), .grant_id = S("grt_a"), .issuer_domain_id = S("stores"),
	    .to_kind = PRINCIPAL_PERSON, .to_id = S("ann"), .until = TIME_FOREVER, .masks = hash, .mask_count = 1};
	const struct policy_delegation *list[] = {&d};

	(void)state;
	g.masks = hash, g.mask_count = 1;
	struct policy_decision granted = world_decide(&a, q, &g);
	assert_false(granted.apart);
	who.handed_to_all = false, q.who = &who, q.delegations = list, q.delegation_count = 1;
	struct policy_decision both = world_decide(&a, q, &g); /* hashed by the producer: it joins, handed on or not */
	assert_true(str_eq(both.delegation_id, d.id) && !both.apart);
	assert_memory_equal(both.hash, granted.hash, 32);
	g.mask_count = 0;
	struct policy_decision own = world_decide(&a, q, &g);
	assert_true(own.columns[NAME].mask == MASK_HASH && own.apart);
	assert_memory_not_equal(own.hash, granted.hash, 32);
	g.masks = last4, g.mask_count = 1;
	assert_int_equal(world_decide(&a, q, &g).columns[NAME].mask, MASK_CONSTANT); /* not which whole values are equal */
	g.to_id = who.domain_id = S("stores"), who.handed_to_all = true, q.delegation_count = 0, g.masks = hash;
	assert_true(world_decide(&a, q, &g).apart);
}

/* Shown as readable only when some purpose is in both the grant and what was handed on. */
static void
some_purpose_of_both(void **state)
{
	static const Str any[] = {{"*", 1}}, none[] = {{"", 0}};
	static const struct { const char *granted, *handed; bool some; } t[] = {
	    {"marketing", NULL, true}, {"marketing", "marketing", true}, {"marketing", "marketing/email", true}, {"marketing/email", "marketing", true},
	    {"marketing", "audit", false}, {"marketing", "market", false}, {"*", "audit", true}, {"marketing", "*", true}};
	struct policy_principal who = world_analyst;
	struct policy_question q = world_question();
	struct policy_grant g = world_grant;
	Str granted, handed;
	struct policy_delegation d = {.id = S("dlg_1"), .domain_id = S("insights"), .grant_id = S("grt_a"), .issuer_domain_id = S("stores"),
	    .to_kind = PRINCIPAL_PERSON, .to_id = S("ann"), .until = TIME_FOREVER, .purposes = &handed};
	const struct policy_delegation *list[] = {&d};
	const struct policy_restriction demand = {.id = S("rst_1"), .demand_purpose = true}, *rules[] = {&demand};

	(void)state;
	who.handed_to_all = false, q.who = &who, q.delegations = list, q.delegation_count = 1, q.any_purpose = true, q.purpose = S("");
	g.purposes = &granted, g.purpose_count = 1;
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		granted = str_c(t[i].granted), handed = str_c(t[i].handed ? t[i].handed : "");
		d.purpose_count = t[i].handed != NULL;
		if (allowed(q, &g) != t[i].some) fail_msg("%s, %s", t[i].granted, t[i].handed ? t[i].handed : "-");
	}
	granted = S("marketing"), d.purpose_count = 0, q.restrictions = rules, q.restriction_count = 1;
	assert_true(allowed(q, &g));
	g.purposes = any; /* policy wants one that is named */
	assert_false(allowed(q, &g));
	q = world_question(), q.purpose = S(""), g.purposes = none; /* no purpose is not one */
	assert_false(allowed(q, &g));
}

/* Several that miss: the one told is the same in any order, of those that got furthest the one with the smallest id. */
static void
the_reason_is_of_the_nearest(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	struct policy_grant g[3] = {world_grant, world_grant, world_grant};
	static const unsigned orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
	struct policy_question q = world_question();

	(void)state;
	g[0].id = S("grt_c"), g[0].interactions = INTERACT_FILES;
	g[1].id = S("grt_b"), g[1].interactions = INTERACT_FILES;
	g[2].revoked = true;
	for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
		const struct policy_grant *list[] = {&g[orders[i][0]], &g[orders[i][1]], &g[orders[i][2]]};
		struct policy_decision d;
		q.grants = list, q.grant_count = 3;
		policy_decide(&a, &q, NULL, &d);
		assert_true(str_starts(d.reason, S("no grant on 'transactions' covers this: grant grt_b: it does not allow this way")));
	}
}

/* Of several restrictions that demand alike, the strictest holds, and among equals the one of the smallest id is told. */
static void
the_strictest_demand_is_told(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	struct policy_restriction level[] = {{.id = S("rst_b"), .min_level = 2}, {.id = S("rst_a"), .min_level = 2}, {.id = S("rst_c"), .min_level = 3}};
	struct policy_restriction two[] = {{.id = S("rst_b"), .approvals = 2}, {.id = S("rst_a"), .approvals = 2}, {.id = S("rst_c"), .approvals = 3}};
	struct policy_question q = world_question();

	(void)state;
	for (int turn = 0; turn < 6; turn++) {
		const struct policy_restriction *l[] = {&level[turn % 3], &level[(turn + 1 + turn / 3) % 3], &level[(turn + 2 - turn / 3) % 3]};
		const struct policy_restriction *t[] = {&two[turn % 3], &two[(turn + 1 + turn / 3) % 3], &two[(turn + 2 - turn / 3) % 3]};
		q.restrictions = l, q.restriction_count = 3, q.level = 1;
		assert_string_equal(why(&a, q, &world_grant), "restriction rst_c demands a sandbox of level L3; statements run at L1 here");
		level[2].lifted = true;
		assert_string_equal(why(&a, q, &world_grant), "restriction rst_a demands a sandbox of level L2; statements run at L1 here");
		level[2].lifted = false;
		q.restrictions = t;
		assert_string_equal(why(&a, q, &world_grant), "it waits for 2 more approvals (restriction rst_a: 2 different people, owners or stewards of the producer)");
	}
}

/* By tags that may count and may not: all of a grant's alternatives must fit, one of a restriction's is enough; a NOT turns that round. */
static void
tags_that_wait(void **state)
{
	static const Str low[] = {{"internal", 8}, {"public", 6}};
	static const struct policy_tag public = {{"classification", 14}, {"public", 6}}, secret = {{"classification", 14}, {"secret", 6}}, prod = {{"environment", 11}, {"prod", 4}},
	    upper = {{"classification", 14}, {"PUBLIC", 6}};
	static const Str prods[] = {{"prod", 4}};
	const struct tag_expr class = {.op = TAG_IN, .tag = S("classification"), .values = low, .value_count = 2}, env = {.op = TAG_IN, .tag = S("environment"), .values = prods, .value_count = 1};
	const struct tag_expr both = {.op = TAG_AND, .left = &class, .right = &env}, either = {.op = TAG_OR, .left = &class, .right = &env}, not = {.op = TAG_NOT, .left = &class};
	const struct policy_tags none = {0}, p = {&public, 1}, s = {&secret, 1}, e = {&prod, 1}, u = {&upper, 1};
	const struct { const struct tag_expr *x; const struct policy_tags *now, *before; bool sure, maybe; } t[] = {
	    {&class, &p, &none, true, true},  {&class, &s, &none, false, false}, {&class, &p, &s, false, true},   {&class, &s, &p, false, true},
	    {&class, &none, &p, false, true}, {&class, &none, &none, false, false}, {&both, &p, &e, false, true}, {&both, &e, &none, false, false},
	    {&both, &p, &none, false, false}, {&either, &p, &none, true, true},   {&either, &e, &none, true, true}, {&either, &e, &s, true, true},
	    {&not, &s, &none, true, true},    {&not, &p, &none, false, false},    {&not, &p, &s, false, true},      {&not, &none, &none, true, true},
	    {&either, &s, &none, false, false}, {&either, &none, &s, false, false}, {&class, &u, &none, false, true}, {NULL, &p, &none, false, true}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		if (policy_tags_fit(t[i].x, t[i].now, t[i].before, true) != t[i].sure) fail_msg("%zu, surely", i);
		if (policy_tags_fit(t[i].x, t[i].now, t[i].before, false) != t[i].maybe) fail_msg("%zu, perhaps", i);
	}
}

static void
groups_of_rows(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	static const Str region[] = {{"region", 6}};
	static const struct policy_mask constant[] = {{{"region", 6}, MASK_CONSTANT}};
	struct policy_principal who = world_analyst;
	struct policy_question q = world_question();
	struct policy_grant g = world_grant;
	struct policy_delegation d = {.id = S("dlg_1"), .domain_id = S("insights"), .grant_id = S("grt_a"), .issuer_domain_id = S("stores"),
	    .to_kind = PRINCIPAL_PERSON, .to_id = S("ann"), .until = TIME_FOREVER};
	const struct policy_delegation *list[] = {&d};
	struct policy_restriction r = {.id = S("rst_1"), .classification = S("personal"), .mask = MASK_HASH};

	(void)state;
	g.terms = (struct policy_terms){.min_group = 5, .group_by = region, .group_by_count = 1, .unit = S("household_id")};
	struct policy_decision got = world_decide(&a, q, &g);
	assert_true(got.verdict == VERDICT_ALLOW && !got.plain && got.terms.min_group == 5);
	for (size_t i = 0; i < COLUMNS; i++) assert_int_equal(got.columns[i].hidden, i != REGION && i != SALES);
	assert_string_equal(why_restricted(&a, q, &g, &r), ""); /* the unit is hidden anyhow */
	r.classification = S(""), r.mask = MASK_CONSTANT;
	assert_true(strstr(why_restricted(&a, q, &g, &r), "hides or masks 'region', of which the groups") != NULL);
	r.mask = MASK_NONE, r.hide = true;
	assert_true(strstr(why_restricted(&a, q, &g, &r), "hides or masks 'region', of which the groups") != NULL);
	g.hidden = region, g.hidden_count = 1; /* the producer hides what the groups are made of */
	assert_false(allowed(q, &g));
	g.hidden_count = 0, g.masks = &(struct policy_mask){{"sales", 5}, MASK_CONSTANT}, g.mask_count = 1; /* a number under a mask has no mean */
	assert_true(world_decide(&a, q, &g).columns[SALES].hidden);
	g.mask_count = 0;
	who.handed_to_all = false, q.who = &who, q.delegations = list, q.delegation_count = 1;
	assert_true(allowed(q, &g));
	d.rows = rows(&a, "household_id <> 7"); /* all less all but one is one */
	assert_false(allowed(q, &g));
	d.rows = rows(&a, "region = 'EU'");
	assert_true(allowed(q, &g));
	d.rows = NULL, d.hidden = region, d.hidden_count = 1;
	assert_false(allowed(q, &g));
	d.hidden_count = 0, d.masks = constant, d.mask_count = 1;
	assert_false(allowed(q, &g));
	d.mask_count = 0;
	assert_true(allowed(q, &g));
	g.masks = constant, g.mask_count = 1; /* the producer may */
	assert_true(allowed(q, &g));
	d.rows = rows(&a, "region = 'EU'"); /* the filter sees what the mask covers */
	assert_false(allowed(q, &g));
	d.rows = NULL, g.mask_count = 0, g.terms.unit = S("nothing");
	assert_false(allowed(q, &g));
	g.terms.unit = S("Region"); /* what groups are made of is the same in all of a group */
	assert_false(allowed(q, &g));
	g.terms.unit = S(""), g.terms.min_group = 0; /* says of what, and not how many */
	assert_false(allowed(q, &g));
	g.terms.group_by_count = 0;
	assert_true(allowed(q, &g));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(plain_grant), cmocka_unit_test(plain_is_all_of_it), cmocka_unit_test(made_out_to_whom),
	    cmocka_unit_test(each_condition_counts),
	    cmocka_unit_test(window_edges),
	    cmocka_unit_test(purposes),
	    cmocka_unit_test(would_any_purpose_do),
	    cmocka_unit_test(owner_reads_their_own),
	    cmocka_unit_test(masks_and_hidden),
	    cmocka_unit_test(unknown_things_fail_closed),
	    cmocka_unit_test(most_open_is_chosen),
	    cmocka_unit_test(hash_follows_what_is_shown),
	    cmocka_unit_test(hash_is_stable),
	    cmocka_unit_test(restrictions_only_close),
	    cmocka_unit_test(the_check_sees_more),
	    cmocka_unit_test(the_trace_tells_each_step),
	    cmocka_unit_test(purposes_are_paths), cmocka_unit_test(groups), cmocka_unit_test(grants_by_tags), cmocka_unit_test(hours),
	    cmocka_unit_test(what_restrictions_demand), cmocka_unit_test(approvals), cmocka_unit_test(what_a_restriction_is_about), cmocka_unit_test(delegations), cmocka_unit_test(groups_of_rows),
	    cmocka_unit_test(delegations_to_groups), cmocka_unit_test(delegations_do_not_look_through_masks), cmocka_unit_test(hashes_of_ones_own), cmocka_unit_test(some_purpose_of_both), cmocka_unit_test(the_reason_is_of_the_nearest),
	    cmocka_unit_test(the_strictest_demand_is_told), cmocka_unit_test(tags_that_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
