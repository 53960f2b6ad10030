#include "kit.h"
#include "store/outbox.h"

static int
setup(void **state)
{
	kit_setup(state);
	struct kit *k = *state;

	assert_ok(k, outbox_open(&k->c, k->path, &k->outbox));
	return 0;
}

static int
teardown(void **state)
{
	struct kit *k = *state;

	outbox_close(k->outbox);
	return kit_teardown(state);
}

static Err
hook_add(struct kit *k, Str id)
{
	return outbox_hook_add(&k->c, k->outbox, &(struct outbox_hook){.id = id, .domain_id = S("d"), .url = S("https://x"), .events = S("*"), .by = S("p"), .added = 1});
}

static void
deliver(struct kit *k, Str hook_id, uint64_t seq, enum delivery_state state, uint32_t attempts, Time next)
{
	assert_ok(k, outbox_delivery_put(&k->c, k->outbox, &(struct outbox_delivery){.hook_id = hook_id, .seq = seq, .state = state, .attempts = attempts, .next = next}));
}

/* Of each webhook one, however much waits behind it; and it says how often that one was tried. */
static void
the_oldest_of_each_webhook_is_due(void **state)
{
	struct kit *k = *state;
	struct outbox_delivery *due;
	size_t n;

	assert_ok(k, hook_add(k, S("whk_a")));
	assert_ok(k, hook_add(k, S("whk_b")));
	assert_ok(k, hook_add(k, S("whk_c")));
	assert_ok(k, outbox_begin(&k->c, k->outbox));
	deliver(k, S("whk_a"), 1, DELIVERY_DONE, 1, 0);
	for (uint64_t seq = 2; seq < 3000; seq++) deliver(k, S("whk_a"), seq, DELIVERY_PENDING, seq == 2 ? 7 : 0, 50);
	deliver(k, S("whk_b"), 5, DELIVERY_PENDING, 0, 40);
	deliver(k, S("whk_c"), 5, DELIVERY_PENDING, 0, 101); /* not yet; what comes behind it waits too */
	deliver(k, S("whk_c"), 6, DELIVERY_PENDING, 0, 1);
	assert_ok(k, outbox_commit(&k->c, k->outbox));
	assert_ok(k, outbox_due(&k->c, k->outbox, 100, 64, &due, &n));
	assert_int_equal(n, 2);
	assert_true(str_eq(due[0].hook_id, S("whk_b")) && due[0].seq == 5);
	assert_true(str_eq(due[1].hook_id, S("whk_a")) && due[1].seq == 2 && due[1].attempts == 7);
	assert_ok(k, outbox_due(&k->c, k->outbox, 100, 1, &due, &n));
	assert_int_equal(n, 1);
}

/* Those far behind the newest, too. */
static void
all_that_did_not_arrive_is_tried_again(void **state)
{
	struct kit *k = *state;
	struct outbox_delivery *list;
	uint64_t again;
	size_t n;

	assert_ok(k, hook_add(k, S("whk_a")));
	assert_ok(k, hook_add(k, S("whk_b")));
	assert_ok(k, outbox_begin(&k->c, k->outbox));
	deliver(k, S("whk_b"), 1, DELIVERY_FAILED, 10, 0);
	deliver(k, S("whk_a"), 1, DELIVERY_FAILED, 10, 0);
	deliver(k, S("whk_a"), 2, DELIVERY_DONE, 1, 0);
	for (uint64_t seq = 3; seq < 2000; seq++) deliver(k, S("whk_a"), seq, DELIVERY_PENDING, 0, 1000);
	assert_ok(k, outbox_commit(&k->c, k->outbox));
	assert_ok(k, outbox_redeliver(&k->c, k->outbox, S("whk_a"), 77, &again));
	assert_int_equal(again, 1998);
	assert_ok(k, outbox_due(&k->c, k->outbox, 77, 64, &list, &n));
	assert_int_equal(n, 1);
	assert_true(list[0].seq == 1 && list[0].attempts == 0);
	assert_ok(k, outbox_deliveries(&k->c, k->outbox, S("whk_b"), 10, &list, &n));
	assert_int_equal(list[0].state, DELIVERY_FAILED);
}

/* A webhook beyond what is listed would be told of nothing, and could not be removed. */
static void
no_webhook_is_taken_that_would_not_be_listed(void **state)
{
	struct kit *k = *state;
	struct outbox_hook *hooks;
	char id[32];
	size_t n;

	assert_ok(k, outbox_begin(&k->c, k->outbox));
	for (int i = 0; i < OUTBOX_HOOKS_MAX; i++) {
		snprintf(id, sizeof id, "whk_%d", i);
		assert_ok(k, hook_add(k, str_c(id)));
	}
	assert_int_equal(hook_add(k, S("whk_more")).code, ERR_CONFLICT);
	assert_ok(k, outbox_commit(&k->c, k->outbox));
	assert_ok(k, outbox_hooks(&k->c, k->outbox, &hooks, &n));
	assert_int_equal(n, OUTBOX_HOOKS_MAX);
	assert_ok(k, outbox_hook_remove(&k->c, k->outbox, S("whk_0")));
	assert_ok(k, hook_add(k, S("whk_more")));
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
