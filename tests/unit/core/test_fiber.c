#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "core/fiber.h"

struct trip {
	struct fiber *self;
	char log[64];
	void *got;
};

static void
note(struct trip *t, const char *what)
{
	strncat(t->log, what, sizeof t->log - strlen(t->log) - 1);
}

static void
two_waits(void *arg)
{
	struct trip *t = arg;

	t->self = fiber_self();
	note(t, "a");
	t->got = fiber_wait();
	note(t, "b");
	fiber_wait();
	note(t, "c");
}

static void
runs_until_it_waits(void **state)
{
	struct trip t = {0};
	int value;

	(void)state;
	assert_null(fiber_self());
	assert_true(fiber_start(two_waits, &t));
	assert_string_equal(t.log, "a");
	assert_int_equal(fiber_count(), 1);
	fiber_wake(t.self, &value);
	assert_ptr_equal(t.got, &value);
	assert_string_equal(t.log, "ab");
	fiber_wake(t.self, NULL);
	assert_string_equal(t.log, "abc");
	assert_int_equal(fiber_count(), 0);
	assert_null(fiber_self());
}

static void
wakes_another(void *arg)
{
	struct trip *other = arg;

	fiber_wake(other->self, NULL); /* from inside a fiber: the other runs, then this one goes on */
	note(other, "-");
	assert_non_null(fiber_self());
}

static void
one_wakes_another(void **state)
{
	struct trip t = {0};

	(void)state;
	assert_true(fiber_start(two_waits, &t));
	assert_true(fiber_start(wakes_another, &t));
	assert_string_equal(t.log, "ab-");
	fiber_wake(t.self, NULL);
	assert_string_equal(t.log, "ab-c");
}

static void
wait_once(void *arg)
{
	*(struct fiber **)arg = fiber_self();
	fiber_wait();
}

static void
there_is_a_limit(void **state)
{
	static struct fiber *all[FIBER_MAX + 1];

	(void)state;
	for (int i = 0; i < FIBER_MAX; i++) assert_true(fiber_start(wait_once, &all[i]));
	assert_false(fiber_start(wait_once, &all[FIBER_MAX]));
	for (int i = 0; i < FIBER_MAX; i++) fiber_wake(all[i], NULL);
	assert_int_equal(fiber_count(), 0);
	assert_true(fiber_start(wait_once, &all[0])); /* stacks are used again */
	fiber_wake(all[0], NULL);
}

static uint64_t
deep(unsigned n)
{
	volatile char frame[512];

	memset((void *)(uintptr_t)frame, (int)n, sizeof frame);
	return n ? deep(n - 1) + (uint64_t)frame[17] % 2 : 0;
}

static void
uses_its_stack(void *arg)
{
	*(uint64_t *)arg = deep(200) + 1;
}

static void
a_stack_is_deep_enough(void **state)
{
	uint64_t done = 0;

	(void)state;
	assert_true(fiber_start(uses_its_stack, &done));
	assert_true(done > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(runs_until_it_waits),
	    cmocka_unit_test(one_wakes_another),
	    cmocka_unit_test(there_is_a_limit),
	    cmocka_unit_test(a_stack_is_deep_enough),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
