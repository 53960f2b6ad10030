#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"

/* Memory is zeroed, aligned, and no piece touches another, through growth and reset. */
static void
test_pieces(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	unsigned char *p[300];
	size_t n[300];

	(void)state;
	srandom(1);
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < 300; i++) {
			n[i] = (size_t)random() % (i % 50 == 0 ? 40000 : 200);
			p[i] = arena_alloc(&a, n[i]);
			assert_non_null(p[i]);
			assert_int_equal((uintptr_t)p[i] % _Alignof(max_align_t), 0);
			for (size_t k = 0; k < n[i]; k++) assert_int_equal(p[i][k], 0);
			memset(p[i], (int)(i % 251) + 1, n[i]);
		}
		for (size_t i = 0; i < 300; i++)
			for (size_t k = 0; k < n[i]; k++) assert_int_equal(p[i][k], i % 251 + 1);
		arena_reset(&a);
	}
}

static void
test_texts(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	Str s = arena_printf(&a, "%s-%d", "x", 42);

	(void)state;
	assert_true(str_eqc(s, "x-42"));
	assert_int_equal(s.p[s.n], 0);
	assert_string_equal(arena_dup(&a, "abcdef", 3), "abc");
	assert_string_equal(arena_dup(&a, NULL, 0), "");
	Str t = arena_str(&a, S("hello"));
	assert_true(str_eqc(t, "hello") && t.p[5] == 0);
	assert_int_equal(arena_printf(&a, "%*s", 20000, "").n, 20000); /* more than a chunk */
}

static void
test_limits(void **state)
{
	struct arena a = ARENA_INIT;

	(void)state;
	arena_reset(&a); /* of an empty one */
	assert_int_equal(a.total_bytes, 0);
	arena_alloc(&a, 100000);
	arena_alloc(&a, 1);
	assert_true(a.total_bytes >= 100001);
	arena_reset(&a);
	size_t kept = a.total_bytes;
	for (int i = 0; i < 1000; i++) {
		arena_alloc(&a, 100);
		arena_reset(&a);
	}
	assert_int_equal(a.total_bytes, kept); /* resetting is no leak */
	arena_fini(&a);
	assert_int_equal(a.total_bytes, 0);
	assert_null(a.head);
}

/* An overflowing size ends the process rather than giving too little. */
static void
test_overflow(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		pid_t pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			struct arena a = ARENA_INIT;
			signal(SIGABRT, SIG_DFL);
			volatile size_t half = SIZE_MAX / 2 + 2;
			void *p = i ? arena_array(&a, half, 2) : arena_alloc(&a, SIZE_MAX - 3);
			_exit(p != NULL);
		}
		int status;
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_pieces), cmocka_unit_test(test_texts), cmocka_unit_test(test_limits), cmocka_unit_test(test_overflow),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
