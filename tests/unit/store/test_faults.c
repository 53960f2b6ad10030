/* Every read, write, sync, truncation, open and unlink of the directory and the store fails once, in three ways: what was acknowledged
 * is there afterwards, what was not is there whole or not at all, and the files open again. */
#include <errno.h>

#include "kit.h"
#include "store/directory.h"
#include "store/store.h"

static void
clean(struct kit *k)
{
	char side[128];

	snprintf(side, sizeof side, "%s-wal", k->path);
	unlink(side);
	snprintf(side, sizeof side, "%s-journal", k->path);
	unlink(side);
	unlink(k->path);
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
add_people(struct kit *k)
{
	struct directory *d;
	char id[33], name[16];
	int acked = 0;

	if (!err_ok(directory_open(&k->c, k->path, &d))) return 0;
	for (; acked < 3; acked++) {
		person(id, acked);
		snprintf(name, sizeof name, "p%d", acked);
		if (!err_ok(directory_person_add(&k->c, d, str_c(id), str_c(name)))) break;
	}
	directory_close(d);
	return acked;
}

static void
check_people(struct kit *k, int acked, unsigned long long at)
{
	struct directory *d;
	char id[33], expected[16];
	Str name;

	if (!err_ok(directory_open(&k->c, k->path, &d))) fail_msg("after fault %llu it does not open: %s", at, k->c.detail);
	for (int i = 0; i < acked; i++) {
		person(id, i);
		snprintf(expected, sizeof expected, "p%d", i);
		if (!err_ok(directory_person_name(&k->c, d, str_c(id), &name)) || !str_eqc(name, expected))
			fail_msg("after fault %llu person %d of %d is lost: %s", at, i, acked, k->c.detail);
	}
	person(id, acked);
	if (err_ok(directory_person_name(&k->c, d, str_c(id), &name))) assert_int_equal(name.n, 2); /* whole */
	directory_close(d);
}

/* Two transactions of two records each. */
static int
put_records(struct kit *k)
{
	struct store *s;
	int acked = 0;

	if (!err_ok(store_open(&k->c, k->path, &s))) return 0;
	for (; acked < 2; acked++) {
		Str id = acked ? S("two") : S("one");
		Err e = store_begin(&k->c, s);
		if (err_ok(e)) e = store_put(&k->c, s, S("a"), id, S("body"));
		if (err_ok(e)) e = store_put(&k->c, s, S("b"), id, S("body"));
		if (err_ok(e)) e = store_search_put(&k->c, s, id, S("title"), S("text"));
		if (err_ok(e)) e = store_commit(&k->c, s);
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
check_records(struct kit *k, int acked, unsigned long long at)
{
	static const char *const whole[] = {"", "a-one=body b-one=body ", "a-one=body a-two=body b-one=body b-two=body "};
	struct store *s;
	BUF_AUTO got = BUF_INIT;
	int n = 0;

	if (!err_ok(store_open(&k->c, k->path, &s))) fail_msg("after fault %llu it does not open: %s", at, k->c.detail);
	assert_true(err_ok(store_each(&k->c, s, list, &got)));
	while (n < 3 && strcmp(whole[n], buf_z(&got)) != 0) n++;
	if (n == 3 || n < acked) fail_msg("after fault %llu, %d acknowledged: %s", at, acked, buf_z(&got));
	store_close(s);
}

/* Fail each I/O of `work` in turn, in each way; `check` gets what it acknowledged, out of `all`, and which I/O failed. */
static void
sweep(struct kit *k, int (*work)(struct kit *), void (*check)(struct kit *, int acked, unsigned long long at), int all)
{
	unsigned failed = 0;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		for (uint64_t at = 1;; at++) {
			fault_armed = kinds[i];
			fault_armed.at = at;
			int acked = work(k);
			uint64_t hits = fault_armed.hits;
			fault_armed = (struct fault){0};
			failed += acked < all;
			check(k, acked, at);
			clean(k);
			if (hits < at) break; /* one more than there are: nothing failed */
		}
	}
	assert_true(failed > 30); /* the faults did reach it */
}

static void
test_directory(void **state)
{
	sweep(*state, add_people, check_people, 3);
}

static void
test_store(void **state)
{
	sweep(*state, put_records, check_records, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_directory, kit_setup, kit_teardown),
	    cmocka_unit_test_setup_teardown(test_store, kit_setup, kit_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
