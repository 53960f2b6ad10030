/* Every read, write, sync, truncation, open and unlink of the directory and the store fails once, in three ways: what was acknowledged
 * is there afterwards, what was not is there whole or not at all, and the files open again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fault.h"
#include "crypt/hash.h"
#include "store/directory.h"
#include "store/store.h"

struct bench {
	struct arena arena;
	struct ctx c;
	char dir[64], path[96];
};

static void
clean(struct bench *b)
{
	char side[128];

	snprintf(side, sizeof side, "%s-wal", b->path);
	unlink(side);
	snprintf(side, sizeof side, "%s-journal", b->path);
	unlink(side);
	unlink(b->path);
}

static int
setup(void **state)
{
	struct bench *b = mem_alloc(sizeof *b);

	b->c.arena = &b->arena;
	strcpy(b->dir, "/dev/shm/heddle-faults-XXXXXX"); /* in memory where that is: a thousand real syncs take half a minute */
	if (!mkdtemp(b->dir)) {
		strcpy(b->dir, "/tmp/heddle-faults-XXXXXX");
		assert_non_null(mkdtemp(b->dir));
	}
	snprintf(b->path, sizeof b->path, "%s/x.db", b->dir);
	assert_true(err_ok(crypt_init(&b->c)));
	*state = b;
	return 0;
}

static int
teardown(void **state)
{
	struct bench *b = *state;

	fault_armed = (struct fault){0};
	clean(b);
	rmdir(b->dir);
	arena_fini(&b->arena);
	free(b);
	return 0;
}

static const struct fault kinds[] = {
    {.kind = FAULT_ERRNO, .error = EIO},
    {.kind = FAULT_ERRNO, .error = ENOSPC},
    {.kind = FAULT_SHORT},
};

static void
person(char id[static 33], int i)
{
	snprintf(id, 33, "%032d", i);
}

/* Add people until the first that fails; how many were acknowledged. */
static int
add_people(struct bench *b)
{
	struct directory *d;
	char id[33], name[16];
	int acked = 0;

	if (!err_ok(directory_open(&b->c, b->path, &d))) return 0;
	for (; acked < 3; acked++) {
		person(id, acked);
		snprintf(name, sizeof name, "p%d", acked);
		if (!err_ok(directory_person_add(&b->c, d, str_c(id), str_c(name)))) break;
	}
	directory_close(d);
	return acked;
}

static void
check_people(struct bench *b, int acked, unsigned long long at)
{
	struct directory *d;
	char id[33], expected[16];
	Str name;

	if (!err_ok(directory_open(&b->c, b->path, &d))) fail_msg("after fault %llu it does not open: %s", at, b->c.detail);
	for (int i = 0; i < acked; i++) {
		person(id, i);
		snprintf(expected, sizeof expected, "p%d", i);
		if (!err_ok(directory_person_name(&b->c, d, str_c(id), &name)) || !str_eqc(name, expected))
			fail_msg("after fault %llu person %d of %d is lost: %s", at, i, acked, b->c.detail);
	}
	person(id, acked);
	if (err_ok(directory_person_name(&b->c, d, str_c(id), &name))) assert_int_equal(name.n, 2); /* whole */
	directory_close(d);
}

static void
test_directory(void **state)
{
	struct bench *b = *state;
	unsigned failed = 0;

	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		for (uint64_t at = 1;; at++) {
			fault_armed = kinds[k];
			fault_armed.at = at;
			int acked = add_people(b);
			uint64_t hits = fault_armed.hits;
			fault_armed = (struct fault){0};
			failed += acked < 3;
			check_people(b, acked, at);
			clean(b);
			if (hits < at) break; /* one more than there are: nothing failed */
		}
	}
	assert_true(failed > 30); /* the faults did reach it */
}

/* Two transactions of two records each. */
static int
put_records(struct bench *b)
{
	struct store *s;
	int acked = 0;

	if (!err_ok(store_open(&b->c, b->path, &s))) return 0;
	for (; acked < 2; acked++) {
		Str id = acked ? S("two") : S("one");
		Err e = store_begin(&b->c, s);
		if (err_ok(e)) e = store_put(&b->c, s, S("a"), id, S("body"));
		if (err_ok(e)) e = store_put(&b->c, s, S("b"), id, S("body"));
		if (err_ok(e)) e = store_search_put(&b->c, s, id, S("title"), S("text"));
		if (err_ok(e)) e = store_commit(&b->c, s);
		if (!err_ok(e)) break;
	}
	store_close(s);
	return acked;
}

static Err
list(struct ctx *c, void *arg, Str kind, Str id, Str body)
{
	(void)c;
	buf_printf(arg, "%.*s-%.*s=%.*s ", STR(kind), STR(id), STR(body));
	return OK;
}

/* Synced by the log, not here: but in a process that lives on, what was committed is read back, and never half of a transaction. */
static void
check_records(struct bench *b, int acked, unsigned long long at)
{
	static const char *const whole[] = {"", "a-one=body b-one=body ", "a-one=body a-two=body b-one=body b-two=body "};
	struct store *s;
	BUF_AUTO got = BUF_INIT;
	int n = 0;

	if (!err_ok(store_open(&b->c, b->path, &s))) fail_msg("after fault %llu it does not open: %s", at, b->c.detail);
	assert_true(err_ok(store_each(&b->c, s, list, &got)));
	while (n < 3 && strcmp(whole[n], buf_z(&got)) != 0) n++;
	if (n == 3 || n < acked) fail_msg("after fault %llu, %d acknowledged: %s", at, acked, buf_z(&got));
	store_close(s);
}

static void
test_store(void **state)
{
	struct bench *b = *state;
	unsigned failed = 0;

	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		for (uint64_t at = 1;; at++) {
			fault_armed = kinds[k];
			fault_armed.at = at;
			int acked = put_records(b);
			uint64_t hits = fault_armed.hits;
			fault_armed = (struct fault){0};
			failed += acked < 2;
			check_records(b, acked, at);
			clean(b);
			if (hits < at) break;
		}
	}
	assert_true(failed > 30);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_directory, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_store, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
