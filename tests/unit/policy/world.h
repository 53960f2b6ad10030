/* A small world for the tests of policy: one table, one asker, grants to be changed. */
#ifndef TEST_POLICY_WORLD_H
#define TEST_POLICY_WORLD_H

#include "codec/predicate.h"
#include "policy/policy.h"

#define NOON (INT64_C(1800000000) * TIME_SECOND)

static const struct policy_column world_columns[] = {
    {.name = {"household_id", 12}, .type = {"BIGINT", 6}, .classification = {"personal", 8}},
    {.name = {"name", 4}, .type = {"VARCHAR", 7}, .classification = {"personal", 8}},
    {.name = {"day", 3}, .type = {"DATE", 4}, .classification = {"", 0}},
    {.name = {"sales", 5}, .type = {"DECIMAL(18,2)", 13}, .classification = {"", 0}},
    {.name = {"region", 6}, .type = {"VARCHAR", 7}, .classification = {"", 0}},
};
enum { HOUSEHOLD, NAME, DAY, SALES, REGION, COLUMNS };

static const struct policy_table world_table = {
    .domain_id = {"stores", 6}, .product_id = {"p1", 2}, .name = {"transactions", 12}, .columns = world_columns,
    .column_count = COLUMNS, .product_live = true};

static const Str world_purposes[] = {{"campaign", 8}, {"churn", 5}};

static const struct policy_grant world_grant = {
    .id = {"grt_a", 5}, .issuer_domain_id = {"stores", 6}, .product_id = {"p1", 2}, .to_kind = PRINCIPAL_DOMAIN,
    .to_id = {"insights", 8}, .purposes = world_purposes, .purpose_count = 2, .from = NOON - TIME_DAY, .until = NOON + TIME_DAY,
    .interactions = INTERACT_SQL};

static const struct policy_principal world_analyst = {.person_id = {"ann", 3}, .domain_id = {"insights", 8}, .active = true, .handed_to_all = true};

static inline struct policy_question
world_question(void)
{
	return (struct policy_question){
	    .who = &world_analyst, .table = &world_table, .purpose = world_purposes[0], .interaction = INTERACT_SQL, .now = NOON};
}

static inline struct policy_decision
world_decide(struct arena *a, struct policy_question q, const struct policy_grant *g)
{
	struct policy_decision d;
	const struct policy_grant *grants[] = {g};

	q.grants = grants;
	q.grant_count = g != NULL;
	policy_decide(a, &q, NULL, &d);
	return d;
}

#endif
