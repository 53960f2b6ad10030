#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/outbox.h"

struct bench {
	struct arena arena;
	struct ctx c;
	char dir[64], path[96];
	struct outbox *o;
};

#define assert_ok(b, expr)                                                                                                     \
	do {                                                                                                                   \
		Err e_ = (expr);                                                                                               \
		if (!err_ok(e_)) fail_msg("%s: %s: %s", #expr, err_name(e_), (b)->c.detail);                                   \
	} while (0)

static int
setup(void **state)
{
	struct bench *b = mem_alloc(sizeof *b);

	b->c.arena = &b->arena;
	strcpy(b->dir, "/tmp/heddle-outbox-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	snprintf(b->path, sizeof b->path, "%s/outbox.db", b->dir);
	assert_ok(b, outbox_open(&b->c, b->path, &b->o));
	*state = b;
	return 0;
}

static int
teardown(void **state)
{
	struct bench *b = *state;
	char wal[128];

	outbox_close(b->o);
	snprintf(wal, sizeof wal, "%s-wal", b->path);
	unlink(wal);
	unlink(b->path);
	rmdir(b->dir);
	arena_fini(&b->arena);
	free(b);
	return 0;
}

static Err
hook_add(struct bench *b, Str id)
{
	return outbox_hook_add(&b->c, b->o, &(struct outbox_hook){.id = id, .domain_id = S("d"), .url = S("https://x"), .events = S("*"), .by = S("p"), .added = 1});
}

static void
deliver(struct bench *b, Str hook_id, uint64_t seq, enum delivery_state state, uint32_t attempts, Time next)
{
	assert_ok(b, outbox_delivery_put(&b->c, b->o, &(struct outbox_delivery){.hook_id = hook_id, .seq = seq, .state = state, .attempts = attempts, .next = next}));
}

/* Of each webhook one, however much waits behind it; and it says how often that one was tried. */
static void
the_oldest_of_each_webhook_is_due(void **state)
{
	struct bench *b = *state;
	struct outbox_delivery *due;
	size_t n;

	assert_ok(b, hook_add(b, S("whk_a")));
	assert_ok(b, hook_add(b, S("whk_b")));
	assert_ok(b, hook_add(b, S("whk_c")));
	assert_ok(b, outbox_begin(&b->c, b->o));
	deliver(b, S("whk_a"), 1, DELIVERY_DONE, 1, 0);
	for (uint64_t seq = 2; seq < 3000; seq++) deliver(b, S("whk_a"), seq, DELIVERY_PENDING, seq == 2 ? 7 : 0, 50);
	deliver(b, S("whk_b"), 5, DELIVERY_PENDING, 0, 40);
	deliver(b, S("whk_c"), 5, DELIVERY_PENDING, 0, 101); /* not yet; what comes behind it waits too */
	deliver(b, S("whk_c"), 6, DELIVERY_PENDING, 0, 1);
	assert_ok(b, outbox_commit(&b->c, b->o));
	assert_ok(b, outbox_due(&b->c, b->o, 100, 64, &due, &n));
	assert_int_equal(n, 2);
	assert_true(str_eq(due[0].hook_id, S("whk_b")) && due[0].seq == 5);
	assert_true(str_eq(due[1].hook_id, S("whk_a")) && due[1].seq == 2 && due[1].attempts == 7);
	assert_ok(b, outbox_due(&b->c, b->o, 100, 1, &due, &n));
	assert_int_equal(n, 1);
}

/* Those far behind the newest, too. */
static void
all_that_did_not_arrive_is_tried_again(void **state)
{
	struct bench *b = *state;
	struct outbox_delivery *list;
	uint64_t again;
	size_t n;

	assert_ok(b, hook_add(b, S("whk_a")));
	assert_ok(b, hook_add(b, S("whk_b")));
	assert_ok(b, outbox_begin(&b->c, b->o));
	deliver(b, S("whk_b"), 1, DELIVERY_FAILED, 10, 0);
	deliver(b, S("whk_a"), 1, DELIVERY_FAILED, 10, 0);
	deliver(b, S("whk_a"), 2, DELIVERY_DONE, 1, 0);
	for (uint64_t seq = 3; seq < 2000; seq++) deliver(b, S("whk_a"), seq, DELIVERY_PENDING, 0, 1000);
	assert_ok(b, outbox_commit(&b->c, b->o));
	assert_ok(b, outbox_redeliver(&b->c, b->o, S("whk_a"), 77, &again));
	assert_int_equal(again, 1998);
	assert_ok(b, outbox_due(&b->c, b->o, 77, 64, &list, &n));
	assert_int_equal(n, 1);
	assert_true(list[0].seq == 1 && list[0].attempts == 0);
	assert_ok(b, outbox_deliveries(&b->c, b->o, S("whk_b"), 10, &list, &n));
	assert_int_equal(list[0].state, DELIVERY_FAILED);
}

/* A webhook beyond what is listed would be told of nothing, and could not be removed. */
static void
no_webhook_is_taken_that_would_not_be_listed(void **state)
{
	struct bench *b = *state;
	struct outbox_hook *hooks;
	char id[32];
	size_t n;

	assert_ok(b, outbox_begin(&b->c, b->o));
	for (int i = 0; i < OUTBOX_HOOKS_MAX; i++) {
		snprintf(id, sizeof id, "whk_%d", i);
		assert_ok(b, hook_add(b, str_c(id)));
	}
	assert_int_equal(hook_add(b, S("whk_more")).code, ERR_CONFLICT);
	assert_ok(b, outbox_commit(&b->c, b->o));
	assert_ok(b, outbox_hooks(&b->c, b->o, &hooks, &n));
	assert_int_equal(n, OUTBOX_HOOKS_MAX);
	assert_ok(b, outbox_hook_remove(&b->c, b->o, S("whk_0")));
	assert_ok(b, hook_add(b, S("whk_more")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(the_oldest_of_each_webhook_is_due, setup, teardown),
	    cmocka_unit_test_setup_teardown(all_that_did_not_arrive_is_tried_again, setup, teardown),
	    cmocka_unit_test_setup_teardown(no_webhook_is_taken_that_would_not_be_listed, setup, teardown),
	};

	return cmocka_run_group_tests_name("outbox", tests, NULL, NULL);
}
