#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/distinct.h"

/* splitmix64: different for different n, and well spread */
static uint64_t
hash_of(uint64_t n)
{
	n += UINT64_C(0x9e3779b97f4a7c15);
	n = (n ^ (n >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	n = (n ^ (n >> 27)) * UINT64_C(0x94d049bb133111eb);
	return n ^ (n >> 31);
}

static void
add_range(struct distinct *d, uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i < to; i++) {
		uint64_t h = hash_of(i);
		assert_true(distinct_add(d, &h, 1));
	}
}

static void
counts_what_repeats(void **state)
{
	uint64_t repeats, values[4];
	size_t n;

	(void)state;
	struct distinct *d = distinct_new(64 << 20);
	add_range(d, 0, 300000);
	assert_true(distinct_count(d, &repeats, values, 4, &n));
	assert_int_equal(repeats, 0);
	assert_int_equal(n, 0);
	distinct_free(d);

	d = distinct_new(64 << 20);
	add_range(d, 0, 300000);
	add_range(d, 299999, 300001); /* one again */
	add_range(d, 7, 8);           /* one twice more */
	add_range(d, 7, 8);
	assert_true(distinct_count(d, &repeats, values, 4, &n));
	assert_int_equal(repeats, 3);
	assert_int_equal(n, 2);
	assert_true((values[0] == hash_of(7)) != (values[1] == hash_of(7)));
	assert_true((values[0] == hash_of(299999)) != (values[1] == hash_of(299999)));
	distinct_free(d);
}

static void
knows_zero_and_empty(void **state)
{
	const uint64_t zeros[] = {0, 1, 0, 0};
	uint64_t repeats = 9, values[1];
	size_t n = 9;

	(void)state;
	struct distinct *d = distinct_new(1 << 20);
	assert_true(distinct_count(d, &repeats, values, 1, &n));
	assert_true(repeats == 0 && n == 0);
	distinct_free(d);
	d = distinct_new(1 << 20);
	assert_true(distinct_add(d, zeros, 4));
	assert_true(distinct_count(d, &repeats, values, 1, &n));
	assert_true(repeats == 2 && n == 1 && values[0] == 0);
	distinct_free(d);
}

static void
keeps_to_its_limit(void **state)
{
	uint64_t repeats, values[1], h = 1;
	size_t n;

	(void)state;
	struct distinct *d = distinct_new(20 << 10); /* two blocks */
	bool fits = true;
	for (uint64_t i = 0; i < 100 && fits; i++) h = hash_of(i), fits = distinct_add(d, &h, 1);
	assert_false(fits);
	assert_false(distinct_add(d, &h, 1));
	assert_false(distinct_count(d, &repeats, values, 1, &n));
	distinct_free(d);
	distinct_free(NULL);
}

static void
gives_up_on_what_is_no_hash(void **state)
{
	uint64_t repeats, values[1];
	size_t n;

	(void)state;
	struct distinct *d = distinct_new(64 << 20);
	for (uint64_t i = 0; i < 70000; i++) assert_true(distinct_add(d, &i, 1));
	assert_false(distinct_count(d, &repeats, values, 1, &n));
	distinct_free(d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(counts_what_repeats), cmocka_unit_test(knows_zero_and_empty), cmocka_unit_test(keeps_to_its_limit),
	    cmocka_unit_test(gives_up_on_what_is_no_hash),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
