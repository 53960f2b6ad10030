/* How long a decision takes with many grants: look-up by (product, principal) in a map, then policy_decide().
 *
 *   bench_decide [grants, default 100000]
 * Prints p50, p99 and the maximum in nanoseconds, first for principals with a few grants each, then for one with 100. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "crypt/hash.h"
#include "os/clock.h"
#include "policy/policy.h"

enum { PRODUCTS = 500, COLUMNS = 12, ROUNDS = 200000, RESTRICTIONS = 5, PER_KEY_MAX = 128 };

struct list {
	const struct policy_grant *grants[PER_KEY_MAX];
	size_t n;
};

static struct policy_column columns[COLUMNS];
static struct policy_restriction rules[RESTRICTIONS];
static const struct policy_restriction *rule_list[RESTRICTIONS];
static const Str purposes[] = {{"campaign", 8}, {"churn", 5}};
static const struct policy_mask masks[] = {{{"column_1", 8}, MASK_HASH}, {{"column_4", 8}, MASK_NULL}};
static const Str hidden[] = {{"column_7", 8}};
static uint64_t samples[ROUNDS];
static uint32_t dice = 1;

static uint32_t
roll(uint32_t n)
{
	dice = dice * 1664525u + 1013904223u;
	return (uint32_t)(((uint64_t)dice * n) >> 32);
}

static Str
key_of(struct arena *a, Str product, Str principal)
{
	return arena_printf(a, "%.*s/%.*s", STR(product), STR(principal));
}

static void
grant_add(struct arena *a, struct map *index, size_t i, Str product, Str domain, const struct predicate *rows)
{
	struct policy_grant *g = NEW(a, struct policy_grant);

	*g = (struct policy_grant){.id = arena_printf(a, "grt_%zu", i), .issuer_domain_id = S("stores"), .product_id = product,
	    .to_id = domain, .purposes = purposes, .purpose_count = 1 + i % 2, .until = TIME_FOREVER, .interactions = INTERACT_SQL,
	    .rows = i % 3 ? rows : NULL, .masks = masks, .mask_count = i % 3, .hidden = hidden, .hidden_count = i % 2, .revoked = i % 7 == 0};
	Str key = key_of(a, product, domain);
	struct list *l = map_get(index, key);
	if (!l) {
		l = NEW(a, struct list);
		map_put(index, key, l);
	}
	if (l->n < PER_KEY_MAX) l->grants[l->n++] = g;
}

static int
by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void
report(const char *what, size_t grants, size_t allowed)
{
	qsort(samples, ROUNDS, sizeof samples[0], by_value);
	printf("decision, %s, %zu grants: p50 %llu ns, p99 %llu ns, max %llu ns (%d decisions, %zu allowed)\n", what, grants,
	    (unsigned long long)samples[ROUNDS / 2], (unsigned long long)samples[ROUNDS / 100 * 99], (unsigned long long)samples[ROUNDS - 1], ROUNDS,
	    allowed);
}

static void
run(const struct map *index, const Str *products, const Str *domains, size_t domain_count, size_t grants, const char *what)
{
	ARENA_AUTO work = ARENA_INIT;
	struct policy_table t = {.domain_id = S("stores"), .name = S("t"), .columns = columns, .column_count = COLUMNS, .product_live = true};
	size_t allowed = 0;

	for (size_t i = 0; i < ROUNDS; i++) {
		struct policy_principal who = {.person_id = S("ann"), .domain_id = domains[roll((uint32_t)domain_count)], .active = true};
		struct policy_decision d;
		t.product_id = products[domain_count == 1 ? 0 : roll(PRODUCTS)];
		arena_reset(&work);
		uint64_t from = clock_boot_ns();
		const struct list *l = map_get(index, key_of(&work, t.product_id, who.domain_id));
		struct policy_question q = {.who = &who, .table = &t, .purpose = purposes[0], .interaction = INTERACT_SQL, .now = 1,
		    .grants = l ? l->grants : NULL, .grant_count = l ? l->n : 0, .restrictions = rule_list, .restriction_count = RESTRICTIONS};
		policy_decide(&work, &q, NULL, &d);
		samples[i] = clock_boot_ns() - from;
		allowed += d.verdict == VERDICT_ALLOW;
	}
	report(what, grants, allowed);
}

int
main(int argc, char **argv)
{
	ARENA_AUTO a = ARENA_INIT;
	struct ctx c = {.arena = &a};
	struct map index = MAP_INIT;
	uint64_t grants = 100000;
	const struct predicate *rows;

	if ((argc > 1 && !str_u64(str_c(argv[1]), &grants)) || grants < 1000 || !err_ok(crypt_init(&c))) return 2;
	size_t domain_count = (size_t)grants / (PRODUCTS * 4) + 1; /* about four grants for each product and principal */
	Str *products = NEW_N(&a, PRODUCTS, Str), *domains = NEW_N(&a, domain_count, Str), crowded = S("crowded");
	if (!err_ok(predicate_parse(&c, S("column_2 IN ('EU', 'US') AND NOT column_3 = 'x'"), &rows))) return 2;
	for (size_t i = 0; i < PRODUCTS; i++) products[i] = arena_printf(&a, "%032zx", i);
	for (size_t i = 0; i < domain_count; i++) domains[i] = arena_printf(&a, "%064zx", i);
	for (size_t i = 0; i < COLUMNS; i++)
		columns[i] = (struct policy_column){arena_printf(&a, "column_%zu", i), S("VARCHAR"), i % 4 ? S("") : S("personal")};
	for (size_t i = 0; i < RESTRICTIONS; i++) {
		rules[i] = (struct policy_restriction){.id = S("r"), .classification = i ? S("secret") : S("personal"), .mask = MASK_HASH};
		rule_list[i] = &rules[i];
	}
	for (size_t i = 0; i < grants; i++) grant_add(&a, &index, i, products[roll(PRODUCTS)], domains[roll((uint32_t)domain_count)], rows);
	for (size_t i = 0; i < 100; i++) grant_add(&a, &index, grants + i, products[0], crowded, rows);
	run(&index, products, domains, domain_count, grants, "about 4 for each product and principal");
	run(&index, products, &crowded, 1, grants, "100 for the product and principal");
	map_fini(&index);
	return 0;
}
