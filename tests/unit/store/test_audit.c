#include "kit.h"
#include "store/usage.h"

#define ANA S("0123456789abcdef0123456789abcdef")
#define BEN S("fedcba9876543210fedcba9876543210")
#define DAY(n) ((n) * TIME_DAY)

static int
setup(void **state)
{
	kit_setup(state);
	struct kit *k = *state;

	assert_ok(k, audit_open(&k->c, k->path, &k->audit));
	assert_ok(k, audit_begin(&k->c, k->audit));
	return 0;
}

static int
teardown(void **state)
{
	struct kit *k = *state;

	audit_close(k->audit);
	return kit_teardown(state);
}

static void
commit(struct kit *k, uint64_t size, uint8_t leaf)
{
	uint8_t hash[32] = {leaf};

	assert_ok(k, audit_commit(&k->c, k->audit, size, hash));
	assert_ok(k, audit_begin(&k->c, k->audit));
}

static void
reopen(struct kit *k)
{
	audit_close(k->audit);
	assert_ok(k, audit_open(&k->c, k->path, &k->audit));
	assert_ok(k, audit_begin(&k->c, k->audit));
}

/* --- search --- */

static void
put(struct kit *k, uint64_t index, Str actor, Str operation, Str outcome, Str thing)
{
	struct audit_entry e = {.index = index, .time = (Time)index * TIME_SECOND, .actor = actor, .operation = operation, .outcome = outcome,
	                        .things = &thing, .thing_count = thing.n > 0};

	assert_ok(k, audit_put(&k->c, k->audit, &e));
}

static void
assert_found(struct kit *k, struct audit_filter f, size_t limit, const char *expected)
{
	uint64_t found[32];
	size_t n;
	BUF_AUTO text = BUF_INIT;

	if (f.until == 0) f.until = TIME_FOREVER;
	if (f.end == 0) f.end = 100;
	assert_ok(k, audit_find(&k->c, k->audit, &f, limit, found, &n));
	for (size_t i = 0; i < n; i++) buf_printf(&text, "%s%llu", i ? " " : "", (unsigned long long)found[i]);
	assert_string_equal(buf_z(&text), expected);
}

static void
some_entries(struct kit *k)
{
	put(k, 0, S(""), S("open"), S("ok"), S(""));
	put(k, 1, ANA, S("query"), S("ok"), S("product:sales.orders"));
	put(k, 2, BEN, S("grant_add"), S("ok"), S("domain:d1"));
	put(k, 3, ANA, S("query"), S("refused"), S("product:crm.people"));
	put(k, 4, BEN, S("query"), S("failed"), S("product:sales.orders"));
	put(k, 5, ANA, S("users"), S("ok"), S("domain:d1"));
}

static void
test_each_filter_and_all_together(void **state)
{
	struct kit *k = *state;

	some_entries(k);
	assert_found(k, (struct audit_filter){0}, 32, "0 1 2 3 4 5");
	assert_found(k, (struct audit_filter){.actor = ANA}, 32, "1 3 5");
	assert_found(k, (struct audit_filter){.operation = S("query"), .outcome = S("ok")}, 32, "1");
	assert_found(k, (struct audit_filter){.thing = S("product:sales.orders")}, 32, "1 4");
	assert_found(k, (struct audit_filter){.thing = S("product:sales.orders"), .actor = BEN}, 32, "4");
	assert_found(k, (struct audit_filter){.from = 2 * TIME_SECOND, .until = 4 * TIME_SECOND}, 32, "2 3");
	assert_found(k, (struct audit_filter){.first = 2, .end = 5}, 2, "2 3");
	assert_found(k, (struct audit_filter){.newest = true}, 2, "5 4");
	assert_found(k, (struct audit_filter){.actor = S("nobody")}, 32, "");
}

static void
test_a_scope_never_gives_more(void **state)
{
	struct kit *k = *state;

	some_entries(k);
	assert_found(k, (struct audit_filter){.only_actor = ANA}, 32, "1 3 5");
	assert_found(k, (struct audit_filter){.only_actor = ANA, .only_domain = S("d1")}, 32, "1 2 3 5");
	assert_found(k, (struct audit_filter){.only_actor = ANA, .actor = BEN}, 32, "");
	assert_found(k, (struct audit_filter){.only_domain = S("d1")}, 32, "2 5"); /* an actor "" is nobody's own */
	assert_found(k, (struct audit_filter){.only_actor = S("x"), .only_domain = S("d2")}, 32, "");
}

static void
test_time_leads_to_the_first_entry(void **state)
{
	struct kit *k = *state;
	uint64_t at;

	some_entries(k);
	commit(k, 6, 7);
	assert_ok(k, audit_first_at(&k->c, k->audit, 0, &at));
	assert_int_equal(at, 0);
	assert_ok(k, audit_first_at(&k->c, k->audit, 3 * TIME_SECOND - 1, &at));
	assert_int_equal(at, 3);
	assert_ok(k, audit_first_at(&k->c, k->audit, 9 * TIME_SECOND, &at));
	assert_int_equal(at, 6);
}

static void
test_what_was_not_committed_is_not_there(void **state)
{
	struct kit *k = *state;
	uint64_t size;
	uint8_t leaf[32];

	some_entries(k);
	commit(k, 6, 7);
	put(k, 6, ANA, S("query"), S("ok"), S(""));
	reopen(k);
	assert_ok(k, audit_position(&k->c, k->audit, &size, leaf));
	assert_int_equal(size, 6);
	assert_int_equal(leaf[0], 7);
	assert_found(k, (struct audit_filter){.first = 6}, 32, "");
}

/* --- use and budgets --- */

static void
use(struct kit *k, const char *query, Time at, Str person, Str columns, uint64_t reserved)
{
	struct audit_use u = {.at = at, .query = str_c(query), .person = person, .purpose = S("analysis"), .table = S("sales.orders.orders"),
	                      .product = S("p1"), .grant = S("grt_1"), .columns = columns, .allowed = true, .reserved = reserved};

	assert_ok(k, audit_use(&k->c, k->audit, &u));
}

static void
end(struct kit *k, const char *query, uint64_t rows, uint64_t charged)
{
	Str *tables;
	size_t n;

	assert_ok(k, audit_use_end(&k->c, k->audit, str_c(query), rows, 10 * rows, charged, &tables, &n));
}

static void
assert_charged(struct kit *k, int64_t day, uint64_t expected)
{
	uint64_t rows;

	assert_ok(k, usage_charged(&k->c, k->audit, S("grt_1"), day, &rows));
	assert_int_equal(rows, expected);
}

/* Whatever the end says or does not say: never less is charged than was told, never more than was reserved. */
static void
test_a_budget_is_charged_in_full_until_the_end_tells(void **state)
{
	struct kit *k = *state;

	use(k, "q_1", DAY(10), ANA, S("a"), 100);
	assert_charged(k, 10, 100);
	end(k, "q_1", 7, 7);
	assert_charged(k, 10, 7);
	end(k, "q_1", 7, 0); /* a second end means nothing */
	assert_charged(k, 10, 7);
	use(k, "q_2", DAY(10) + 5, ANA, S("a"), 50);
	end(k, "q_2", 3, UINT64_MAX);
	assert_charged(k, 10, 57);
	use(k, "q_3", DAY(10) + 6, BEN, S("b"), 20);
	end(k, "q_3", 999, 999);
	assert_charged(k, 10, 77);
	use(k, "q_4", DAY(11), ANA, S("a"), 5);
	commit(k, 9, 1);
	reopen(k); /* its end never came */
	assert_charged(k, 11, 5);
	assert_charged(k, 10, 77);
	end(k, "q_9", 1, 0); /* nor did this one begin */
	assert_charged(k, 11, 5);
}

struct told { char text[1024]; size_t n; };

static Err
tell_use(struct ctx *c UNUSED, void *arg, const struct usage_query *q)
{
	struct told *t = arg;

	t->n += (size_t)snprintf(t->text + t->n, sizeof t->text - t->n, "%.*s %.4s %s%zu count %llu refused %llu rows %llu last %lld; ", STR(q->table),
	                         q->person_id.p, q->all ? "all " : "", q->column_count, (unsigned long long)q->count, (unsigned long long)q->refused,
	                         (unsigned long long)q->rows, (long long)(q->last / TIME_DAY));
	return OK;
}

static void
test_use_is_counted_by_way_of_asking(void **state)
{
	struct kit *k = *state;
	struct told t = {.n = 0};

	use(k, "q_1", DAY(10), ANA, S("a\nb"), 0);
	end(k, "q_1", 3, 0);
	use(k, "q_2", DAY(11), ANA, S("a\nb"), 0);
	end(k, "q_2", 4, 0);
	use(k, "q_3", DAY(11), BEN, S("*"), 0);
	struct audit_use refused = {.at = DAY(12), .query = S("q_4"), .person = BEN, .purpose = S("other"), .table = S("sales.orders.orders")};
	assert_ok(k, audit_use(&k->c, k->audit, &refused));
	assert_ok(k, usage_queries(&k->c, k->audit, DAY(10), tell_use, &t));
	assert_string_equal(t.text, "sales.orders.orders 0123 2 count 2 refused 0 rows 7 last 11; sales.orders.orders fedc all 0 count 1 refused 0 rows 0 last 11; ");
	t = (struct told){.n = 0};
	assert_ok(k, usage_queries(&k->c, k->audit, DAY(11) + 5, tell_use, &t)); /* the whole day */
	assert_string_equal(t.text, "sales.orders.orders 0123 2 count 1 refused 0 rows 4 last 11; sales.orders.orders fedc all 0 count 1 refused 0 rows 0 last 11; ");
	t = (struct told){.n = 0};
	assert_ok(k, usage_each(&k->c, k->audit, DAY(12), S("sales.orders."), S(""), tell_use, &t));
	assert_string_equal(t.text, "sales.orders.orders fedc 0 count 0 refused 1 rows 0 last 12; ");
	t = (struct told){.n = 0};
	assert_ok(k, usage_each(&k->c, k->audit, 0, S("sales.order."), S(""), tell_use, &t));
	assert_ok(k, usage_each(&k->c, k->audit, 0, S(""), S("grt_2"), tell_use, &t));
	assert_int_equal(t.n, 0);
}

static void
test_the_last_use(void **state)
{
	struct kit *k = *state;
	Time last;

	use(k, "q_1", DAY(11) + 3, ANA, S("a"), 0);
	use(k, "q_2", DAY(10), ANA, S("a"), 0);
	assert_ok(k, usage_grant_last(&k->c, k->audit, S("grt_1"), &last));
	assert_true(last == DAY(11) + 3);
	assert_ok(k, usage_product_last(&k->c, k->audit, S("p1"), &last));
	assert_true(last == DAY(11) + 3);
	assert_ok(k, usage_grant_last(&k->c, k->audit, S("grt_2"), &last));
	assert_true(last == 0);
	assert_ok(k, usage_product_last(&k->c, k->audit, S("p2"), &last));
	assert_true(last == 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_each_filter_and_all_together),
		TEST(test_a_scope_never_gives_more),
		TEST(test_time_leads_to_the_first_entry),
		TEST(test_what_was_not_committed_is_not_there),
		TEST(test_a_budget_is_charged_in_full_until_the_end_tells),
		TEST(test_use_is_counted_by_way_of_asking),
		TEST(test_the_last_use),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
