#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "mesh/policyfile.h"

static void
test_all_of_it(void **state)
{
	ARENA_AUTO arena = ARENA_INIT;
	struct ctx c = {.arena = &arena};
	struct policy_file f;
	(void)state;

	assert_true(err_ok(policy_file_parse(&c, S("# why\n"
	                                           "name: all_of_it\n"
	                                           "scope:\n"
	                                           "  product: sales.orders\n"
	                                           "  domain: sales\n"
	                                           "  tags: personal_data in (email, phone)\n"
	                                           "  classification: confidential\n"
	                                           "effects:\n"
	                                           "  mask: last4\n"
	                                           "  hide: true\n"
	                                           "  max_days: 90\n"
	                                           "  approvals: {count: 2, roles: [owner, steward], people: [sam, carl]}\n"
	                                           "  purpose: true\n"
	                                           "  handing: true\n"
	                                           "  level: 3\n"
	                                           "  suspend: true\n"), &f)));
	assert_true(str_eqc(f.name, "all_of_it") && str_eqc(f.product, "sales.orders") && str_eqc(f.domain, "sales"));
	assert_true(str_eqc(f.tags, "personal_data in (email, phone)") && str_eqc(f.classification, "confidential"));
	assert_int_equal(f.at_tags.line, 6);
	const struct policy_restriction *r = &f.effects;
	assert_true(r->mask == MASK_LAST_FOUR && r->hide && r->max_days == 90 && r->approvals == 2 && r->min_level == 3);
	assert_true(r->demand_purpose && r->demand_handing && r->suspend && !r->freeze);
	assert_int_equal(r->approver_roles, 1u << ROLE_OWNER | 1u << ROLE_STEWARD);
	assert_int_equal(r->approver_count, 2);
	assert_true(str_eqc(f.people[1], "carl") && str_eqc(r->classification, "confidential"));
}

static void
test_little_of_it(void **state)
{
	static const char *const texts[] = {
	    "{name: a, scope: everything, effects: {hide: true}}",
	    "{name: a, scope: {domain: d}, effects: {freeze: true}}",
	    "{name: a, scope: {product: d.p}, effects: {mask: null, hide: false}}",
	    "{\"name\": \"a\", \"scope\": {\"classification\": \"x\"}, \"effects\": {\"mask\": \"null\"}}",
	    "{name: a, scope: everything, effects: {approvals: {count: 16}}}",
	    "{name: a, scope: everything, effects: {approvals: {count: 3, roles: [owner], people: [one]}}}",
	    "{name: a, scope: everything, effects: {max_days: 36500}}",
	    "{name: a, scope: everything, effects: {level: 1}}",
	    "{name: a, scope: everything, effects: {purpose: true}}",
	    "{name: a, scope: everything, effects: {handing: true}}",
	    "{name: a, scope: everything, effects: {suspend: true}}",
	    "{name: a, scope: everything, effects: {approvals: {count: 2, people: [x, y]}}}",
	    "{name: a, scope: everything, effects: {approvals: {count: 1, people: [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]}}}",
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		ARENA_AUTO arena = ARENA_INIT;
		struct ctx c = {.arena = &arena};
		struct policy_file f;
		Err e = policy_file_parse(&c, str_c(texts[i]), &f);
		if (!err_ok(e)) fail_msg("%s: %s", texts[i], err_detail(&c, e));
	}
}

static void
test_refused(void **state)
{
	static const struct { const char *text, *why; } bad[] = {
	    {"", "empty"},
	    {"name", "line 1, column 1: here should stand a policy"},
	    {"{name: a, scope: everything}", "line 1, column 1: a policy needs the key 'effects'"},
	    {"{scope: everything, effects: {hide: true}}", "needs the key 'name'"},
	    {"{name: a, effects: {hide: true}}", "needs the key 'scope'"},
	    {"{name: A, scope: everything, effects: {hide: true}}", "line 1, column 8: 'name' is 'A'"},
	    {"{name: a, scope: everything, effects: {hide: true}, extra: 1}", "unknown key 'extra' in a policy"},
	    {"{name: a, scope: everything, effects: {suspended: true}}", "did you mean 'suspend'?"},
	    {"{name: a, scope: all, effects: {hide: true}}", "or the word everything"},
	    {"{name: a, scope: {}, effects: {hide: true}}", "'scope' is empty"},
	    {"{name: a, scope: {product: \"\"}, effects: {hide: true}}", "'product' is empty"},
	    {"{name: a, scope: {product: [x]}, effects: {hide: true}}", "'product' must be text"},
	    {"{name: a, scope: everything, effects: {}}", "must close something"},
	    {"{name: a, scope: everything, effects: {hide: false, purpose: false}}", "must close something"},
	    {"{name: a, scope: everything, effects: {hide: maybe}}", "'hide' must be true or false"},
	    {"{name: a, scope: everything, effects: {mask: none}}", "'mask' is 'none'"},
	    {"{name: a, scope: everything, effects: {mask: HASH}}", "'mask' is 'HASH'"},
	    {"{name: a, scope: everything, effects: {max_days: 0}}", "'max_days' must be a whole number from 1 to 36500"},
	    {"{name: a, scope: everything, effects: {max_days: 4294967297}}", "'max_days'"},
	    {"{name: a, scope: everything, effects: {max_days: 1.5}}", "'max_days' must be a whole number"},
	    {"{name: a, scope: everything, effects: {level: 4}}", "'level'"},
	    {"{name: a, scope: everything, effects: {approvals: {}}}", "approvals needs the key 'count'"},
	    {"{name: a, scope: everything, effects: {approvals: {count: 17}}}", "'count'"},
	    {"{name: a, scope: everything, effects: {approvals: {count: 1, roles: [boss]}}}", "'boss' is no role"},
	    {"{name: a, scope: everything, effects: {approvals: {count: 1, people: [x, x]}}}", "x is named twice"},
	    {"{name: a, scope: everything, effects: {approvals: {count: 2, people: [x]}}}", "nothing could ever be approved"},
	    {"{name: a, scope: everything, effects: {freeze: true}}", "'freeze' is about a domain"},
	    {"{name: a, scope: {domain: d, product: d.p}, effects: {freeze: true}}", "'freeze' is about a domain"},
	    {"{name: a, scope: {domain: d, tags: x = y}, effects: {freeze: true}}", "'freeze' is about a domain"},
	    {"{name: a, scope: {domain: d, classification: x}, effects: {freeze: true}}", "'freeze' is about a domain"},
	    {"{name: a, scope: everything, effects: {approvals: {count: 1, people: [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q]}}}", "'people': at most 16"},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		ARENA_AUTO arena = ARENA_INIT;
		struct ctx c = {.arena = &arena};
		struct policy_file f;
		Err e = policy_file_parse(&c, str_c(bad[i].text), &f);
		if (e.code != ERR_INVALID || !strstr(c.detail, bad[i].why)) fail_msg("%s: %s", bad[i].text, err_ok(e) ? "accepted" : c.detail);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_all_of_it), cmocka_unit_test(test_little_of_it), cmocka_unit_test(test_refused)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
