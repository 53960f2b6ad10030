/* Controls: a clean world passes them all, each planted violation is found by its control, in the same run; and a control that has been switched off
 * is noticed by that very check. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "policy/controls.h"

#define NOW (INT64_C(1800000000) * TIME_SECOND)
#define HOUR (3600 * TIME_SECOND)
#define REF(domain, i) {S(domain), i}

/* Everything that a plant may change. */
struct world {
	struct posture_facts f;
	struct posture_domain domains[3];
	struct posture_person people[8];
	struct posture_group groups[1];
	struct policy_column columns[3];
	struct policy_table table;
	const struct policy_table *tables[1];
	struct posture_product products[1];
	struct policy_approval approvals[2];
	struct policy_mask masks[1];
	struct policy_grant grant, second;
	struct posture_grant grants[2];
	struct policy_delegation delegation;
	struct posture_delegation delegations[1];
	struct posture_use uses[1];
	struct posture_tag tags[1];
	struct posture_tag_def defs[2];
	struct posture_change changes[1];
	struct posture_review reviews[1];
	struct posture_exception exceptions[1];
	struct posture_evidence evidence[3];
	struct policy_restriction two_persons;
	const struct policy_restriction *restrictions[1];
};

static const Str purposes[] = {{"analysis", 8}};
static const Str any_purpose[] = {{"*", 1}};
static const Str classes[] = {{"public", 6}, {"internal", 8}, {"confidential", 12}, {"restricted", 10}};
static const struct policy_tag card_tags[] = {{{"classification", 14}, {"restricted", 10}}, {{"personal_data", 13}, {"payment", 7}}};

#define USE_LIST(w, name) (w)->f.name = (w)->name, (w)->f.name##_count = ARRAY_LEN((w)->name)

static void
clean_people(struct world *w)
{
	w->domains[0] = (struct posture_domain){.id = S("c"), .name = S("governance"), .center = true, .next_key = true, .since = NOW - 300 * TIME_DAY, .key_since = NOW - 100 * TIME_DAY, .ref = REF("c", 0)};
	w->domains[1] = (struct posture_domain){.id = S("s"), .name = S("sales"), .next_key = true, .recovery_keys = 3, .since = NOW - 300 * TIME_DAY, .key_since = NOW - 100 * TIME_DAY, .ref = REF("s", 0), .key_ref = REF("s", 1)};
	w->domains[2] = (struct posture_domain){.id = S("i"), .name = S("insights"), .next_key = true, .since = NOW - 300 * TIME_DAY, .key_since = NOW - 100 * TIME_DAY, .ref = REF("i", 0)};
	static const struct { const char *id, *domain; bool owner; } known[] = {{"gov", "c", true}, {"sam", "s", true}, {"sue", "s", true}, {"eve", "s", false}, {"ivy", "i", true}, {"ian", "i", true}, {"ana", "i", false}, {"abe", "i", false}};
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		w->people[i] = (struct posture_person){.person_id = str_c(known[i].id), .human_id = str_c(known[i].id), .domain_id = str_c(known[i].domain), .owner = known[i].owner, .active = true, .since = NOW - (Time)(200 - i) * TIME_DAY, .ref = {str_c(known[i].domain), i}};
	w->groups[0] = (struct posture_group){.id = S("grp_1"), .domain_id = S("i")};
}

static void
clean_product(struct world *w)
{
	w->columns[0] = (struct policy_column){.name = S("order_id"), .type = S("BIGINT"), .classification = S("internal")};
	w->columns[1] = (struct policy_column){.name = S("amount"), .type = S("DOUBLE"), .classification = S("internal")};
	w->columns[2] = (struct policy_column){.name = S("card"), .type = S("VARCHAR"), .classification = S("restricted"), .tags = {card_tags, 2}};
	w->table = (struct policy_table){.domain_id = S("s"), .product_id = S("p1"), .name = S("orders"), .columns = w->columns, .column_count = 3, .product_live = true};
	w->tables[0] = &w->table;
	w->products[0] = (struct posture_product){.id = S("p1"), .domain_id = S("s"), .name = S("sales.orders"), .first_published = NOW - 150 * TIME_DAY, .published = NOW - TIME_DAY, .tables = w->tables, .table_count = 1, .report = true, .checked = NOW - TIME_DAY, .window = 7 * TIME_DAY, .ref = REF("s", 9)};
	w->reviews[0] = (struct posture_review){.domain_id = S("s"), .product_id = S("p1"), .at = NOW - 10 * TIME_DAY, .ref = REF("s", 20)};
	w->tags[0] = (struct posture_tag){.domain_id = S("s"), .product_id = S("p1"), .table = S("orders"), .column = S("card"), .tag = S("classification"), .value = S("restricted"), .at = NOW - TIME_DAY, .ref = REF("s", 8)};
	w->defs[0] = (struct posture_tag_def){S("classification"), classes, 4};
	w->defs[1] = (struct posture_tag_def){.tag = S("personal_data")};
	w->changes[0] = (struct posture_change){.domain_id = S("s"), .product_id = S("p1"), .from = S("1.0.0"), .to = S("2.0.0"), .breaking = 1, .major = true, .noticed = true, .at = NOW - 5 * TIME_DAY, .ref = REF("s", 9)};
}

static void
clean_grants(struct world *w)
{
	w->masks[0] = (struct policy_mask){S("card"), MASK_HASH};
	for (size_t i = 0; i < 2; i++)
		w->approvals[i] = (struct policy_approval){.log_id = S("s"), .person_id = w->people[1 + i].person_id, .human_id = w->people[1 + i].person_id, .role = 1};
	w->grant = (struct policy_grant){.id = S("grt_1"), .issuer_domain_id = S("s"), .product_id = S("p1"), .seq = 10, .to_kind = PRINCIPAL_DOMAIN, .to_id = S("i"), .purposes = purposes, .purpose_count = 1,
	                                 .from = NOW - 20 * TIME_DAY, .until = NOW + 60 * TIME_DAY, .interactions = INTERACT_SQL, .masks = w->masks, .mask_count = 1, .approvals = w->approvals, .approval_count = 2, .asker_human_id = S("ana")};
	w->second = w->grant;
	w->second.id = S("grt_2");
	w->second.to_kind = PRINCIPAL_PERSON;
	w->second.to_id = S("abe");
	w->grants[0] = (struct posture_grant){&w->grant, NOW - 20 * TIME_DAY, NOW - TIME_DAY, REF("s", 10)};
	w->grants[1] = (struct posture_grant){&w->second, NOW - 20 * TIME_DAY, 0, REF("s", 11)};
	w->delegation = (struct policy_delegation){.id = S("dlg_1"), .domain_id = S("i"), .grant_id = S("grt_1"), .issuer_domain_id = S("s"), .to_kind = PRINCIPAL_GROUP, .to_id = S("grp_1"), .from = NOW - TIME_DAY, .until = NOW + TIME_DAY};
	w->delegations[0] = (struct posture_delegation){&w->delegation, NOW - TIME_DAY, REF("i", 5)};
	w->uses[0] = (struct posture_use){.grant_id = S("grt_1"), .issuer_domain_id = S("s"), .purpose = S("analysis"), .count = 3, .last = NOW - TIME_DAY};
	w->two_persons = (struct policy_restriction){.id = S("rst_1"), .domain_id = S("s"), .approvals = 2, .min_level = 2};
	w->restrictions[0] = &w->two_persons;
}

static void
clean(struct world *w)
{
	*w = (struct world){0};
	clean_people(w);
	clean_product(w);
	clean_grants(w);
	w->exceptions[0] = (struct posture_exception){.id = S("exc_1"), .control = S("C99"), .subject = S("nothing"), .until = NOW + TIME_DAY};
	w->evidence[0] = (struct posture_evidence){S("evd_1"), S("C19"), true, NOW - 3 * TIME_DAY, REF("c", 7)};
	w->evidence[1] = (struct posture_evidence){S("evd_2"), S("C17"), true, NOW - 30 * TIME_DAY, REF("c", 8)};
	w->evidence[2] = (struct posture_evidence){S("evd_3"), S("C18"), true, NOW - 30 * TIME_DAY, REF("c", 9)};
	USE_LIST(w, domains), USE_LIST(w, people), USE_LIST(w, groups), USE_LIST(w, products), USE_LIST(w, grants), USE_LIST(w, delegations), USE_LIST(w, uses);
	USE_LIST(w, tags), USE_LIST(w, changes), USE_LIST(w, reviews), USE_LIST(w, exceptions), USE_LIST(w, evidence), USE_LIST(w, restrictions);
	w->f.tag_defs = w->defs, w->f.tag_defs_count = 2;
	w->f.purposes = purposes, w->f.purposes_count = 1;
	w->f.usage_since = NOW - 300 * TIME_DAY;
	w->f.node = (struct posture_node){.level = 3, .minimum = 2, .tested = NOW - HOUR, .engine_pinned = true, .loopback = true, .keys_wrapped = true, .since = NOW - 300 * TIME_DAY};
}

/* --- plants: what is wrong, and how it is put right again --- */

#define PLANT(name, ...) static void name(struct world *w) { __VA_ARGS__; }
PLANT(p_no_deputy, w->people[2].active = false; w->people[2].ended = NOW - 2 * TIME_DAY)
PLANT(p_deputy_is_the_same, w->people[2].human_id = S("sam"))
PLANT(p_deputy_is_a_program, w->people[2].service = true)
PLANT(p_unmasked, w->grant.mask_count = 0)
PLANT(p_unmasked_to_one, w->second.mask_count = 0)
PLANT(p_no_end, w->grant.until = TIME_FOREVER)
PLANT(p_too_long, w->columns[2].tags.count = 0; w->columns[2].classification = S("internal"); w->grant.until = NOW + 400 * TIME_DAY)
PLANT(p_too_long_for_restricted, w->grant.until = NOW + 100 * TIME_DAY)
PLANT(p_unused, w->grants[0].added = w->grant.from = NOW - 120 * TIME_DAY; w->grants[0].last_used = NOW - 91 * TIME_DAY; w->grant.until = NOW + TIME_DAY)
PLANT(p_any_purpose, w->second.purposes = any_purpose)
PLANT(p_unknown_purpose, w->f.purposes = any_purpose)
PLANT(p_used_for_other, w->uses[0].purpose = S("advertising"))
PLANT(p_own_request, w->grant.asker_human_id = S("sam"))
PLANT(p_alone, w->two_persons.approvals = 1)
PLANT(p_open_door, w->grant.purposes = any_purpose; w->grant.mask_count = 0)
PLANT(p_left, w->people[7].active = false; w->people[7].ended = NOW - 2 * HOUR)
PLANT(p_group_gone, w->groups[0].ended = true)
PLANT(p_not_reviewed, w->reviews[0].at = NOW - 91 * TIME_DAY)
PLANT(p_never_reviewed, w->f.reviews_count = 0)
PLANT(p_no_report, w->products[0].report = false)
PLANT(p_failed_check, w->products[0].failed = 1)
PLANT(p_late, w->products[0].published = NOW - 8 * TIME_DAY)
PLANT(p_quarantined, w->products[0].window = 0; w->products[0].quarantined = NOW - HOUR)
PLANT(p_broken, w->changes[0].major = false)
PLANT(p_not_noticed, w->changes[0].noticed = false)
PLANT(p_unknown_tag, w->tags[0].tag = S("colour"))
PLANT(p_unknown_value, w->tags[0].value = S("secret"))
PLANT(p_orphan, w->tags[0].column = S("gone"))
PLANT(p_unclassified, w->columns[1].classification = S(""))
PLANT(p_strange_class, w->columns[1].classification = S("personal"))
PLANT(p_old_key, w->domains[1].key_since = NOW - 366 * TIME_DAY)
PLANT(p_no_next_key, w->domains[0].next_key = false)
PLANT(p_recovery_untried, w->evidence[1].at = NOW - 181 * TIME_DAY)
PLANT(p_not_wrapped, w->f.node.keys_wrapped = false)
PLANT(p_no_tls, w->f.node.loopback = false)
PLANT(p_disk, w->evidence[2].ok = false)
PLANT(p_no_drill, w->evidence[0].control = S("C01"))
PLANT(p_old_drill, w->evidence[0].at = NOW - 31 * TIME_DAY)
PLANT(p_failed_drill, w->evidence[0].ok = false)
PLANT(p_level, w->f.node.level = 1)
PLANT(p_level_of_policy, w->two_persons.min_level = 4)
PLANT(p_untested, w->f.node.tested = NOW - 25 * HOUR)
PLANT(p_engine, w->f.node.engine_pinned = false)
PLANT(p_never_tested, w->f.node.tested = 0)
PLANT(p_nobody_left_long_ago, w->people[1].active = w->people[2].active = false; w->people[1].ended = w->people[2].ended = NOW - TIME_DAY - 1)
PLANT(p_to_a_group_gone, w->second.to_kind = PRINCIPAL_GROUP; w->second.to_id = S("grp_1"); w->second.to_domain_id = S("i"); w->groups[0].ended = true)
PLANT(p_to_another_group, w->second.to_kind = PRINCIPAL_GROUP; w->second.to_id = S("grp_2"); w->second.to_domain_id = S("i"))
PLANT(p_failed_now, w->evidence[1] = (struct posture_evidence){S("evd_9"), S("C19"), false, NOW - 3 * TIME_DAY, REF("c", 9)})
PLANT(p_alone_on_personal, w->two_persons.approvals = 1; w->columns[2].classification = S("internal"); w->columns[2].tags = (struct policy_tags){card_tags + 1, 1})

static const struct plant { enum control_id control; const char *name; void (*fn)(struct world *w); } plants[] = {
#define P(id, fn) {CONTROL_##id, #fn, fn}
    P(C01, p_no_deputy), P(C01, p_deputy_is_the_same), P(C01, p_deputy_is_a_program), P(C02, p_unmasked), P(C02, p_unmasked_to_one), P(C03, p_no_end), P(C03, p_too_long),
    P(C03, p_too_long_for_restricted), P(C04, p_unused), P(C05, p_any_purpose), P(C05, p_unknown_purpose), P(C05, p_used_for_other), P(C06, p_own_request), P(C06, p_alone),
    P(C07, p_open_door), P(C08, p_left), P(C08, p_group_gone), P(C09, p_not_reviewed), P(C09, p_never_reviewed), P(C10, p_no_report), P(C10, p_failed_check), P(C10, p_late),
    P(C10, p_quarantined), P(C11, p_broken), P(C11, p_not_noticed), P(C12, p_unknown_tag), P(C12, p_unknown_value), P(C12, p_orphan), P(C12, p_unclassified), P(C12, p_strange_class),
    P(C17, p_old_key), P(C17, p_no_next_key), P(C17, p_recovery_untried), P(C18, p_not_wrapped), P(C18, p_no_tls), P(C18, p_disk), P(C19, p_no_drill), P(C19, p_old_drill),
    P(C19, p_failed_drill), P(C24, p_level), P(C24, p_level_of_policy), P(C24, p_untested), P(C24, p_engine),
    P(C24, p_never_tested), P(C01, p_nobody_left_long_ago), P(C08, p_to_a_group_gone), P(C08, p_to_another_group), P(C19, p_failed_now), P(C06, p_alone_on_personal),
};

/* --- */

static void
print(const struct posture *p, struct buf *b)
{
	for (size_t i = 0; i < CONTROL_COUNT; i++) {
		const struct control_result *x = &p->controls[i];
		buf_printf(b, "%s %s %llu '%.*s'\n", controls[i].id, control_status_name(x->status), (unsigned long long)x->examined, STR(x->note));
		for (size_t k = 0; k < x->kept; k++) {
			const struct finding *f = &x->findings[k];
			buf_printf(b, "  %s %.*s | %.*s | %.*s | %.*s %.*s %.*s %lld %lld %.*s %llu %s\n", severity_name(f->severity), STR(f->subject), STR(f->text), STR(f->remedy),
			           STR(f->domain_id), STR(f->owner_id), STR(f->person_id), (long long)f->since, (long long)f->due, STR(f->ref.log_id),
			           (unsigned long long)f->ref.index, f->exception ? "accepted" : "");
		}
	}
}

static bool
is_found(const struct plant *t, const struct control *table)
{
	ARENA_AUTO a = ARENA_INIT;
	struct world w;
	struct posture p;

	clean(&w);
	t->fn(&w);
	assert_true(posture_judge(&a, &w.f, NOW, table, NULL, &p));
	return p.controls[t->control].status == CONTROL_FAIL;
}

static void
the_clean_world_passes(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	BUF_AUTO b = BUF_INIT;
	struct world w;
	struct posture p;

	(void)state;
	clean(&w);
	assert_true(posture_judge(&a, &w.f, NOW, controls, NULL, &p));
	print(&p, &b);
	if (p.failed) fail_msg("%s", buf_z(&b));
	assert_int_equal(p.passed, CONTROL_COUNT - 2); /* C25 and C26 are about what is not there */
	assert_int_equal(p.not_applicable, 2);
	for (size_t i = 0; i < CONTROL_COUNT; i++) assert_true(p.controls[i].examined > 0 || p.controls[i].note.n > 0);
}

static void
each_plant_is_found(void **state)
{
	bool planted[CONTROL_COUNT] = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(plants); i++) {
		if (!is_found(&plants[i], controls)) fail_msg("%s does not find %s", controls[plants[i].control].id, plants[i].name);
		planted[plants[i].control] = true;
	}
	for (size_t i = 0; i < CONTROL_COUNT; i++) assert_true(planted[i] || i == CONTROL_C25 || i == CONTROL_C26);
}

/* --- what is just within, and must be no finding --- */

PLANT(w_owner_left_today, w->people[2].active = false; w->people[2].ended = NOW - HOUR)
PLANT(w_third_owner_left, w->people[3].owner = true; w->people[3].active = false; w->people[3].ended = NOW - 2 * TIME_DAY)
PLANT(w_restricted_for_90_days, w->grant.until = w->grant.from + 90 * TIME_DAY)
PLANT(w_a_year, w->columns[2].tags.count = 0; w->columns[2].classification = S("internal"); w->grant.until = w->second.until = w->grant.from + 365 * TIME_DAY)
PLANT(w_used_90_days_ago, w->grants[0].added = w->grant.from = NOW - 120 * TIME_DAY; w->grants[0].last_used = NOW - 90 * TIME_DAY; w->grant.until = NOW + TIME_DAY)
PLANT(w_nobody_knows_of_before, w->grants[0].added = w->grant.from = NOW - 200 * TIME_DAY; w->grants[0].last_used = 0; w->f.usage_since = NOW - 80 * TIME_DAY)
PLANT(w_purpose_within, w->uses[0].purpose = S("analysis/churn"))
PLANT(w_nothing_sensitive, w->two_persons.approvals = 1; w->columns[2].tags.count = 0; w->columns[2].classification = S("internal"))
PLANT(w_internal_for_any, w->columns[2].tags.count = 0; w->columns[2].classification = S("internal"); w->grant.purposes = any_purpose; w->grant.mask_count = 0)
PLANT(w_groups_for_any, w->grant.purposes = any_purpose; w->grant.mask_count = 0; w->grant.terms.min_group = 5)
PLANT(w_left_just_now, w->people[7].active = false; w->people[7].ended = NOW - HOUR)
PLANT(w_delegation_over, w->groups[0].ended = true; w->delegation.ended = true)
PLANT(w_not_restricted, w->f.reviews_count = 0; w->columns[2].tags.count = 0; w->columns[2].classification = S("confidential"))
PLANT(w_reviewed_90_days_ago, w->reviews[0].at = NOW - 90 * TIME_DAY)
PLANT(w_at_the_interval, w->products[0].published = NOW - 7 * TIME_DAY)
PLANT(w_set_aside_and_made_good, w->products[0].quarantined = w->products[0].published - HOUR)
PLANT(w_breaks_nothing, w->changes[0].breaking = 0; w->changes[0].major = w->changes[0].noticed = false)
PLANT(w_free_value, w->tags[0].tag = S("personal_data"); w->tags[0].value = S("whatever"))
PLANT(w_key_of_a_year, w->domains[1].key_since = NOW - 365 * TIME_DAY)
PLANT(w_tried_180_days_ago, w->evidence[1].at = NOW - 180 * TIME_DAY)
PLANT(w_failed_since, w->evidence[1] = (struct posture_evidence){S("evd_0"), S("C17"), true, NOW - 90 * TIME_DAY, REF("c", 1)};
      w->evidence[2] = (struct posture_evidence){S("evd_2"), S("C17"), false, NOW - TIME_DAY, REF("c", 8)})
PLANT(w_disk_good_again, w->evidence[1] = (struct posture_evidence){S("evd_2"), S("C18"), false, NOW - 40 * TIME_DAY, REF("c", 8)})
PLANT(w_tls, w->f.node.loopback = false; w->f.node.tls = true)
PLANT(w_drill_30_days_ago, w->evidence[0].at = NOW - 30 * TIME_DAY)
PLANT(w_drill_good_again, w->evidence[1] = (struct posture_evidence){S("evd_0"), S("C19"), false, NOW - 4 * TIME_DAY, REF("c", 6)})
PLANT(w_same_moment, w->evidence[1] = (struct posture_evidence){S("evd_0"), S("C19"), false, NOW - 3 * TIME_DAY, REF("c", 6)}) /* the later id */
PLANT(w_lifted, w->two_persons.min_level = 4; w->two_persons.lifted = true)
PLANT(w_level_as_demanded, w->two_persons.min_level = 3)
PLANT(w_tested_a_day_ago, w->f.node.tested = NOW - TIME_DAY)

static const struct plant within[] = {
    P(C01, w_owner_left_today), P(C01, w_third_owner_left), P(C03, w_restricted_for_90_days), P(C03, w_a_year), P(C04, w_used_90_days_ago), P(C04, w_nobody_knows_of_before),
    P(C05, w_purpose_within), P(C06, w_nothing_sensitive), P(C07, w_internal_for_any), P(C07, w_groups_for_any), P(C08, w_left_just_now), P(C08, w_delegation_over),
    P(C09, w_not_restricted), P(C09, w_reviewed_90_days_ago), P(C10, w_at_the_interval), P(C10, w_set_aside_and_made_good), P(C11, w_breaks_nothing), P(C12, w_free_value),
    P(C17, w_key_of_a_year), P(C17, w_tried_180_days_ago), P(C17, w_failed_since), P(C18, w_disk_good_again), P(C18, w_tls), P(C19, w_drill_30_days_ago), P(C19, w_drill_good_again),
    P(C19, w_same_moment), P(C24, w_lifted), P(C24, w_level_as_demanded), P(C24, w_tested_a_day_ago),
};

static void
what_is_just_within_is_no_finding(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(within); i++)
		if (is_found(&within[i], controls)) fail_msg("%s finds %s", controls[within[i].control].id, within[i].name);
}

static void finds_nothing(struct control_run *r) { (void)r; }

static void
a_control_that_is_switched_off_is_noticed(void **state)
{
	struct control broken[CONTROL_COUNT];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(plants); i++) {
		memcpy(broken, controls, sizeof broken);
		broken[plants[i].control].check = finds_nothing;
		assert_false(is_found(&plants[i], broken));
	}
}

static void
findings_say_who_what_and_how(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(plants); i++) {
		ARENA_AUTO a = ARENA_INIT;
		struct world w;
		struct posture p;
		clean(&w);
		plants[i].fn(&w);
		assert_true(posture_judge(&a, &w.f, NOW, controls, NULL, &p));
		const struct control_result *x = &p.controls[plants[i].control];
		for (size_t k = 0; k < x->count; k++) {
			const struct finding *f = &x->findings[k];
			assert_true(f->subject.n && f->text.n && f->remedy.n && f->domain_id.n && f->owner_id.n);
			assert_true(f->since > 0 && f->since <= NOW && f->due > f->since);
			assert_true(str_is_utf8(f->text) && str_is_utf8(f->remedy) && !memchr(f->text.p, '\n', f->text.n));
			if (k) assert_true(str_cmp(x->findings[k - 1].subject, f->subject) != 0);
		}
	}
}

/* --- pure: the same for the same facts, in whichever order they come --- */

static void
shuffle(void *list, size_t n, size_t size, unsigned *seed)
{
	char held[512], *p = list;

	assert_true(size <= sizeof held);
	for (size_t i = n; i > 1; i--) {
		*seed = *seed * 1103515245u + 12345u;
		size_t k = (*seed >> 8) % i;
		memcpy(held, p + (i - 1) * size, size);
		memcpy(p + (i - 1) * size, p + k * size, size);
		memcpy(p + k * size, held, size);
	}
}

static void
order_does_not_matter(void **state)
{
	unsigned seed = 7;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(plants) * 8; i++) {
		ARENA_AUTO a = ARENA_INIT;
		BUF_AUTO before = BUF_INIT;
		BUF_AUTO after = BUF_INIT;
		struct world w;
		struct posture p;
		clean(&w);
		plants[i % ARRAY_LEN(plants)].fn(&w);
		plants[(i * 7 + 3) % ARRAY_LEN(plants)].fn(&w); /* two at once, so that there are several findings */
		assert_true(posture_judge(&a, &w.f, NOW, controls, NULL, &p));
		print(&p, &before);
		shuffle(w.domains, w.f.domains_count, sizeof *w.domains, &seed);
		shuffle(w.people, w.f.people_count, sizeof *w.people, &seed);
		shuffle(w.grants, w.f.grants_count, sizeof *w.grants, &seed);
		shuffle(w.defs, w.f.tag_defs_count, sizeof *w.defs, &seed);
		shuffle(w.evidence, w.f.evidence_count, sizeof *w.evidence, &seed);
		assert_true(posture_judge(&a, &w.f, NOW, controls, NULL, &p));
		print(&p, &after);
		assert_string_equal(buf_z(&before), buf_z(&after));
	}
}

/* --- exceptions --- */

static void
an_exception_sets_a_finding_aside_for_its_time(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	struct world w;
	struct posture p;

	(void)state;
	clean(&w);
	p_no_drill(&w);
	w.exceptions[0] = (struct posture_exception){.id = S("exc_1"), .control = S("C19"), .subject = S("node"), .until = NOW + 1};
	assert_true(posture_judge(&a, &w.f, NOW, controls, NULL, &p));
	assert_int_equal(p.controls[CONTROL_C19].status, CONTROL_PASS);
	assert_int_equal(p.controls[CONTROL_C19].count, 1); /* shown all the same */
	assert_int_equal(p.controls[CONTROL_C19].accepted, 1);
	assert_int_equal(p.accepted[SEVERITY_HIGH], 1);
	assert_int_equal(p.open[SEVERITY_HIGH], 0);
	assert_true(posture_judge(&a, &w.f, NOW + 1, controls, NULL, &p));
	assert_int_equal(p.controls[CONTROL_C19].status, CONTROL_FAIL);
	w.exceptions[0].until = TIME_FOREVER;
	w.exceptions[0].ended = true;
	assert_true(posture_judge(&a, &w.f, NOW, controls, NULL, &p));
	assert_int_equal(p.controls[CONTROL_C19].status, CONTROL_FAIL);
	w.exceptions[0] = (struct posture_exception){.id = S("exc_1"), .control = S("C19"), .subject = S("nod"), .until = NOW + 1};
	assert_true(posture_judge(&a, &w.f, NOW, controls, NULL, &p));
	assert_int_equal(p.controls[CONTROL_C19].status, CONTROL_FAIL);
}

static void
a_domain_sees_its_own(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	struct world w;
	struct posture own;

	(void)state;
	clean(&w);
	p_unmasked(&w);
	p_group_gone(&w);
	p_level(&w);
	assert_true(posture_judge(&a, &w.f, NOW, controls, &(struct posture_wish){.domain_id = S("s")}, &own));
	assert_int_equal(own.controls[CONTROL_C02].status, CONTROL_FAIL);
	assert_int_equal(own.controls[CONTROL_C08].status, CONTROL_PASS);
	assert_int_equal(own.controls[CONTROL_C24].status, CONTROL_NOT_APPLICABLE);
	assert_int_equal(own.controls[CONTROL_C24].count, 0);
	assert_true(posture_judge(&a, &w.f, NOW, controls, &(struct posture_wish){.domain_id = S("i")}, &own));
	assert_int_equal(own.controls[CONTROL_C02].status, CONTROL_PASS);
	assert_int_equal(own.controls[CONTROL_C08].status, CONTROL_FAIL);
	assert_true(posture_judge(&a, &w.f, NOW, controls, &(struct posture_wish){.domain_id = S("c")}, &own));
	assert_int_equal(own.controls[CONTROL_C24].status, CONTROL_FAIL);
}

static void
what_masks_or_filters_is_no_finding(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	static const Str hidden[] = {{"card", 4}};
	struct world w;
	struct posture p;

	(void)state;
	clean(&w);
	p_unmasked(&w);
	w.grant.hidden = hidden, w.grant.hidden_count = 1;
	assert_true(posture_judge(&a, &w.f, NOW, controls, NULL, &p));
	assert_int_equal(p.controls[CONTROL_C02].status, CONTROL_PASS);
	w.grant.hidden_count = 0;
	w.two_persons.suspend = true; /* closed altogether */
	assert_true(posture_judge(&a, &w.f, NOW, controls, NULL, &p));
	assert_int_equal(p.controls[CONTROL_C02].status, CONTROL_PASS);
	w.two_persons.suspend = false;
	w.grant.revoked = true;
	assert_true(posture_judge(&a, &w.f, NOW, controls, NULL, &p));
	assert_int_equal(p.controls[CONTROL_C02].status, CONTROL_PASS);
	w.grant.revoked = false;
	assert_true(posture_judge(&a, &w.f, NOW, controls, NULL, &p));
	assert_int_equal(p.controls[CONTROL_C02].status, CONTROL_FAIL);
}

/* --- very many grants --- */

enum { MANY = 20000, FEW = 7 };

struct pace { size_t steps, until; };

static bool
go_on(void *arg)
{
	struct pace *p = arg;

	return ++p->steps < p->until;
}

/* The clean world with very many grants that never end, each found by C03; an exception sets one aside. */
static void
crowd(struct arena *a, struct world *w)
{
	struct posture_grant *grants = NEW_N(a, MANY, struct posture_grant);

	clean(w);
	for (size_t i = 0; i < MANY; i++) {
		struct policy_grant *g = NEW(a, struct policy_grant);
		*g = w->grant;
		g->id = arena_printf(a, "grt_%05zu", i * 7919 % MANY);
		g->until = TIME_FOREVER;
		grants[i] = w->grants[0];
		grants[i].policy = g;
	}
	w->f.grants = grants;
	w->f.grants_count = MANY;
	w->f.uses_count = 0;
	w->exceptions[0] = (struct posture_exception){.id = S("exc_1"), .control = S("C03"), .subject = S("sales/grt_00003"), .until = NOW + 1};
	w->f.exceptions_count = 1;
}

static void
few_are_kept_and_all_are_counted(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	struct pace pace = {.until = SIZE_MAX};
	struct posture all, few;
	struct world w;

	(void)state;
	crowd(&a, &w);
	assert_true(posture_judge(&a, &w.f, NOW, controls, NULL, &all));
	assert_true(posture_judge(&a, &w.f, NOW, controls, &(struct posture_wish){.most = FEW, .goes_on = go_on, .arg = &pace}, &few));
	assert_true(pace.steps > 3 * MANY);
	for (size_t i = 0; i < CONTROL_COUNT; i++) {
		const struct control_result *x = &all.controls[i], *y = &few.controls[i];
		assert_int_equal(x->status, y->status);
		assert_int_equal(x->count, y->count);
		assert_int_equal(x->accepted, y->accepted);
		assert_int_equal(x->examined, y->examined);
		assert_memory_equal(x->open_by, y->open_by, sizeof x->open_by);
		assert_true(str_eq(x->note, y->note));
		for (size_t k = 0; k < y->kept; k++) assert_true(str_eq(x->findings[k].subject, y->findings[k].subject) && str_eq(x->findings[k].text, y->findings[k].text));
	}
	assert_int_equal(few.controls[CONTROL_C03].count, MANY);
	assert_int_equal(few.controls[CONTROL_C03].kept, FEW + 1); /* and the accepted one */
	assert_non_null(few.controls[CONTROL_C03].findings[3].exception);
}

static void
it_ends_when_it_is_told_to(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	struct pace pace = {.until = MANY / 2};
	struct posture p;
	struct world w;

	(void)state;
	crowd(&a, &w);
	assert_false(posture_judge(&a, &w.f, NOW, controls, &(struct posture_wish){.goes_on = go_on, .arg = &pace}, &p));
	assert_int_equal(pace.steps, MANY / 2);
}

/* What an exception is given for: is it found? */
static void
one_subject_is_found_among_many(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	struct posture p;
	struct world w;

	(void)state;
	crowd(&a, &w);
	assert_true(posture_judge(&a, &w.f, NOW, controls, &(struct posture_wish){.subject = S("sales/grt_19999"), .most = 1}, &p));
	assert_int_equal(p.controls[CONTROL_C03].count, 1);
	assert_true(posture_judge(&a, &w.f, NOW, controls, &(struct posture_wish){.subject = S("sales/grt_20000"), .most = 1}, &p));
	assert_int_equal(p.controls[CONTROL_C03].count, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_clean_world_passes),
	    cmocka_unit_test(each_plant_is_found),
	    cmocka_unit_test(what_is_just_within_is_no_finding),
	    cmocka_unit_test(a_control_that_is_switched_off_is_noticed),
	    cmocka_unit_test(findings_say_who_what_and_how),
	    cmocka_unit_test(order_does_not_matter),
	    cmocka_unit_test(an_exception_sets_a_finding_aside_for_its_time),
	    cmocka_unit_test(a_domain_sees_its_own),
	    cmocka_unit_test(what_masks_or_filters_is_no_finding),
	    cmocka_unit_test(few_are_kept_and_all_are_counted),
	    cmocka_unit_test(it_ends_when_it_is_told_to),
	    cmocka_unit_test(one_subject_is_found_among_many),
	};

	return cmocka_run_group_tests_name("controls", tests, NULL, NULL);
}
