#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "base/first.h"

enum { MANY = 2000 };

static int
by_number(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

static uint32_t
next(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 16;
}

/* Against sorting everything, for lists shorter and longer than what is kept, with things that are equal. */
static void
they_are_those_that_sorting_puts_first(void **state)
{
	static int things[MANY], sorted[MANY];
	uint32_t seed = 7;

	(void)state;
	for (size_t n = 0; n < MANY; n = n * 2 + 1)
		for (size_t most = 0; most < 300; most = most * 3 + 1) {
			ARENA_AUTO a = ARENA_INIT;
			struct first f = {.most = most, .by = by_number, .a = &a};
			size_t left = 0;
			for (size_t i = 0; i < n; i++) things[i] = sorted[i] = (int)(next(&seed) % 500);
			qsort(sorted, n, sizeof *sorted, by_number);
			for (size_t i = 0; i < n; i++) left += first_add(&f, &things[i]) != NULL;
			first_sort(&f);
			assert_int_equal(f.n, n < most ? n : most);
			assert_int_equal(f.n + left, n);
			for (size_t i = 0; i < f.n; i++) assert_int_equal(*(const int *)f.list[i], sorted[i]);
		}
}

static void
what_falls_out_is_told(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	struct first f = {.most = 2, .by = by_number, .a = &a};
	int one = 1, two = 2, three = 3;

	(void)state;
	assert_null(first_add(&f, &three));
	assert_null(first_add(&f, &one));
	assert_ptr_equal(first_add(&f, &two), &three);
	assert_ptr_equal(first_add(&f, &three), &three);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(they_are_those_that_sorting_puts_first),
	    cmocka_unit_test(what_falls_out_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
