#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/map.h"

enum { KEYS = 500, STEPS = 20000 };

static Str
key_of(unsigned i, char *text)
{
	/* some keys are prefixes of others, one is empty, one holds a NUL */
	if (i == 0) return str_of("", 0);
	if (i == 1) return str_of("\0", 1);
	return str_of(text, (size_t)sprintf(text, "k%.*s%u", (int)(i % 40), "........................................", i));
}

/* A random life beside a plain array. */
static void
test_model(void **state)
{
	struct map m = MAP_INIT;
	int values[KEYS][2];
	int *model[KEYS] = {0};
	size_t count = 0;
	char text[64];

	(void)state;
	srandom(1);
	for (int step = 0; step < STEPS; step++) {
		unsigned i = (unsigned)random() % KEYS;
		Str key = key_of(i, text);
		int *value = &values[i][random() % 2];
		if (random() % 3) {
			assert_ptr_equal(map_put(&m, key, value), model[i]);
			count += !model[i];
			model[i] = value;
		} else {
			assert_ptr_equal(map_del(&m, key), model[i]);
			count -= model[i] != NULL;
			model[i] = NULL;
		}
		assert_int_equal(m.count, count);
		assert_true(m.used < m.cap || m.cap == 0); /* else a search would not end */
	}
	for (unsigned i = 0; i < KEYS; i++) assert_ptr_equal(map_get(&m, key_of(i, text)), model[i]);
	map_fini(&m);
	assert_int_equal(m.cap, 0);
}

static void
test_walk(void **state)
{
	struct map m = MAP_INIT;
	bool seen[KEYS] = {0};
	size_t n = 0;
	char text[64];
	Str key;
	void *value;

	(void)state;
	for (unsigned i = 0; i < KEYS; i++) map_put(&m, key_of(i, text), &seen[i]);
	for (unsigned i = 0; i < KEYS; i += 2) map_del(&m, key_of(i, text));
	for (size_t i = 0; map_next(&m, &i, &key, &value); n++) {
		bool *at = value;
		assert_false(*at);
		*at = true;
		assert_ptr_equal(map_get(&m, key), value);
	}
	assert_int_equal(n, KEYS / 2);
	for (unsigned i = 0; i < KEYS; i++) assert_int_equal(seen[i], i % 2);
	map_fini(&m);
}

/* Going round and round in few keys must not fill the table with graves. */
static void
test_graves(void **state)
{
	struct map m = MAP_INIT;
	char text[32];

	(void)state;
	for (unsigned i = 0; i < 100000; i++) {
		Str key = str_of(text, (size_t)sprintf(text, "%u", i));
		map_put(&m, key, text);
		assert_ptr_equal(map_del(&m, key), text);
		assert_null(map_get(&m, key));
	}
	assert_true(m.cap <= 64);
	map_fini(&m);
}

static void
test_empty(void **state)
{
	struct map m = MAP_INIT;
	size_t i = 0;

	(void)state;
	assert_null(map_get(&m, S("x")));
	assert_null(map_del(&m, S("x")));
	assert_false(map_next(&m, &i, NULL, NULL));
	map_put(&m, S("x"), &m);
	map_seed(12345); /* as main does; keys put before are in their places only by chance, so a new map is used */
	map_fini(&m);
	map_put(&m, S("x"), &i);
	assert_ptr_equal(map_get(&m, S("x")), &i);
	map_fini(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_model), cmocka_unit_test(test_walk), cmocka_unit_test(test_graves), cmocka_unit_test(test_empty),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
