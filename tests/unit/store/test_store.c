#include <sqlite3.h>
#include <sys/stat.h>

#include "kit.h"
#include "store/store.h"

static struct store *
open_store(struct kit *k)
{
	struct store *s = NULL;

	assert_ok(k, store_open(&k->c, k->path, &s));
	return s;
}

static Err
list_row(struct ctx *c, void *arg, Str kind, Str id, Str body)
{
	(void)c;
	buf_printf(arg, "%.*s/%.*s=%.*s;", STR(kind), STR(id), STR(body));
	return OK;
}

static void
assert_records(struct kit *k, struct store *s, const char *expected)
{
	BUF_AUTO list = BUF_INIT;

	assert_ok(k, store_each(&k->c, s, list_row, &list));
	assert_string_equal(buf_z(&list), expected);
}

static void
put(struct kit *k, struct store *s, const char *kind, const char *id, const char *body)
{
	assert_ok(k, store_put(&k->c, s, str_c(kind), str_c(id), str_c(body)));
}

static void
test_round_trip(void **state)
{
	struct kit *k = *state;
	struct store *s = open_store(k);
	uint8_t root[32] = {7, 8, 9}, got[32];
	uint64_t size = 99;
	struct stat st;

	assert_ok(k, store_begin(&k->c, s));
	put(k, s, "product", "b", "2");
	put(k, s, "product", "a", "1");
	put(k, s, "grant", "x", "old");
	put(k, s, "grant", "x", "new");
	put(k, s, "grant", "gone", "");
	assert_ok(k, store_del(&k->c, s, S("grant"), S("gone")));
	assert_ok(k, store_position_get(&k->c, s, S("log"), &size, got));
	assert_int_equal(size, 0);
	assert_ok(k, store_position_put(&k->c, s, S("log"), 12, root));
	assert_ok(k, store_position_put(&k->c, s, S("log"), 13, root));
	assert_ok(k, store_commit(&k->c, s));
	store_close(s);

	assert_int_equal(stat(k->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	s = open_store(k);
	assert_records(k, s, "grant/x=new;product/a=1;product/b=2;");
	assert_ok(k, store_position_get(&k->c, s, S("log"), &size, got));
	assert_int_equal(size, 13);
	assert_memory_equal(got, root, 32);
	store_close(s);
}

static void
test_rollback_forgets(void **state)
{
	struct kit *k = *state;
	struct store *s = open_store(k);

	assert_ok(k, store_begin(&k->c, s));
	put(k, s, "k", "a", "1");
	store_rollback(s);
	store_rollback(s); /* without a transaction: nothing */
	assert_records(k, s, "");
	assert_ok(k, store_begin(&k->c, s));
	put(k, s, "k", "b", "1");
	store_close(s); /* an open transaction is not a commit */
	s = open_store(k);
	assert_records(k, s, "");
	store_close(s);
}

static void
test_clear_forgets_everything(void **state)
{
	struct kit *k = *state;
	struct store *s = open_store(k);
	uint8_t root[32] = {0}, empty[32], hash[32];
	uint64_t size;
	Str *keys;
	size_t n;

	assert_ok(k, store_hash(&k->c, s, empty));
	assert_ok(k, store_begin(&k->c, s));
	put(k, s, "k", "a", "1");
	assert_ok(k, store_position_put(&k->c, s, S("log"), 12, root));
	assert_ok(k, store_search_put(&k->c, s, S("p"), S("title"), S("text")));
	assert_ok(k, store_clear(&k->c, s));
	assert_ok(k, store_commit(&k->c, s));
	assert_records(k, s, "");
	assert_ok(k, store_position_get(&k->c, s, S("log"), &size, root));
	assert_int_equal(size, 0);
	assert_ok(k, store_search(&k->c, s, &(struct store_search){S("title"), 10, NULL, NULL}, &keys, &n));
	assert_int_equal(n, 0);
	assert_ok(k, store_hash(&k->c, s, hash));
	assert_memory_equal(hash, empty, 32);
	store_close(s);
}

/* The same 200 records put in two orders, with detours, then one of them changed. */
static void
test_hash_depends_on_content_alone(void **state)
{
	struct kit *k = *state;
	struct store *s = open_store(k);
	uint8_t forward[32], backward[32], changed[32];
	char id[16];

	assert_ok(k, store_begin(&k->c, s));
	for (int i = 0; i < 200; i++) {
		snprintf(id, sizeof id, "id%d", i);
		put(k, s, i % 3 ? "a" : "b", id, id);
	}
	assert_ok(k, store_hash(&k->c, s, forward));
	assert_ok(k, store_clear(&k->c, s));
	for (int i = 199; i >= 0; i--) {
		snprintf(id, sizeof id, "id%d", i);
		put(k, s, i % 3 ? "a" : "b", id, "detour");
		put(k, s, "detour", id, "");
		put(k, s, i % 3 ? "a" : "b", id, id);
		assert_ok(k, store_del(&k->c, s, S("detour"), str_c(id)));
	}
	assert_ok(k, store_hash(&k->c, s, backward));
	assert_memory_equal(forward, backward, 32);
	put(k, s, "a", "id1", "id2");
	assert_ok(k, store_hash(&k->c, s, changed));
	assert_memory_not_equal(forward, changed, 32);
	assert_ok(k, store_commit(&k->c, s));
	store_close(s);
}

/* Bytes that move between kind, id and body make another hash. */
static void
test_hash_keeps_fields_apart(void **state)
{
	struct kit *k = *state;
	struct store *s = open_store(k);
	static const char *const split[][3] = {{"ab", "c", "d"}, {"a", "bc", "d"}, {"a", "b", "cd"}};
	uint8_t hash[3][32];

	for (int i = 0; i < 3; i++) {
		assert_ok(k, store_begin(&k->c, s));
		assert_ok(k, store_clear(&k->c, s));
		put(k, s, split[i][0], split[i][1], split[i][2]);
		assert_ok(k, store_commit(&k->c, s));
		assert_ok(k, store_hash(&k->c, s, hash[i]));
	}
	assert_memory_not_equal(hash[0], hash[1], 32);
	assert_memory_not_equal(hash[1], hash[2], 32);
	assert_memory_not_equal(hash[0], hash[2], 32);
	store_close(s);
}

/* The file changed behind the store's back. */
static void
alter(struct kit *k, const char *sql)
{
	sqlite3 *h;

	assert_int_equal(sqlite3_open(k->path, &h), SQLITE_OK);
	assert_int_equal(sqlite3_exec(h, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(h), SQLITE_OK);
}

static void
test_newer_format_refused(void **state)
{
	struct kit *k = *state;
	struct store *s = open_store(k);

	store_close(s);
	alter(k, "PRAGMA user_version=99");
	assert_err(store_open(&k->c, k->path, &s), "CONFLICT");
	assert_non_null(strstr(k->c.detail, "newer heddle"));
	alter(k, "PRAGMA user_version=2");
	store_close(open_store(k));
}

/* Records of format 1 say less than we need: they go, and what is empty is folded anew from the logs. */
static void
test_older_format_emptied(void **state)
{
	struct kit *k = *state;
	struct store *s = open_store(k);
	uint8_t empty[32], hash[32];

	assert_ok(k, store_hash(&k->c, s, empty));
	assert_ok(k, store_begin(&k->c, s));
	assert_ok(k, store_put(&k->c, s, S("grant"), S("a/b"), S("{}")));
	assert_ok(k, store_commit(&k->c, s));
	store_close(s);
	s = open_store(k);
	assert_ok(k, store_hash(&k->c, s, hash));
	assert_memory_not_equal(empty, hash, 32);
	store_close(s);
	alter(k, "PRAGMA user_version=1");
	s = open_store(k);
	assert_ok(k, store_hash(&k->c, s, hash));
	assert_memory_equal(empty, hash, 32);
	store_close(s);
}

static void
test_second_opener_refused(void **state)
{
	struct kit *k = *state;
	struct store *s = open_store(k), *second = NULL;

	assert_err(store_open(&k->c, k->path, &second), "CONFLICT");
	assert_null(second);
	store_close(s);
}

static void
test_changed_record_noticed(void **state)
{
	struct kit *k = *state;
	struct store *s = open_store(k);
	uint8_t hash[32];
	BUF_AUTO list = BUF_INIT;

	put(k, s, "grant", "x", "until 2026");
	store_close(s);
	alter(k, "UPDATE record SET body = CAST('until 2036' AS BLOB)");
	s = open_store(k);
	assert_err(store_each(&k->c, s, list_row, &list), "CORRUPT");
	assert_err(store_hash(&k->c, s, hash), "CORRUPT");
	store_close(s);
}

/* Overwrite each page of a filled file in turn: some call has to notice, every time, and none may crash. */
static void
test_damaged_page_noticed(void **state)
{
	struct kit *k = *state;
	struct store *s = open_store(k);
	BUF_AUTO list = BUF_INIT;
	char id[32], page[4096], saved[4096];
	struct stat st;

	assert_ok(k, store_begin(&k->c, s));
	for (int i = 0; i < 500; i++) {
		snprintf(id, sizeof id, "id%d", i);
		put(k, s, "k", id, "some body that takes up room on the page of the table");
	}
	assert_ok(k, store_commit(&k->c, s));
	store_close(s);
	memset(page, 0xa5, sizeof page);
	assert_int_equal(stat(k->path, &st), 0);
	assert_true(st.st_size > 10 * 4096);
	int noticed = 0, fd = open(k->path, O_RDWR);
	for (off_t at = 0; at < st.st_size; at += 4096) {
		assert_int_equal(pread(fd, saved, 4096, at), 4096);
		assert_int_equal(pwrite(fd, page, 4096, at), 4096);
		s = NULL;
		Err e = store_open(&k->c, k->path, &s);
		if (err_ok(e)) e = store_each(&k->c, s, list_row, &list);
		noticed += e.code == ERR_CORRUPT;
		store_close(s);
		assert_int_equal(pwrite(fd, saved, 4096, at), 4096);
	}
	close(fd);
	assert_int_equal(noticed, st.st_size / 4096);
	store_close(open_store(k));
}

static void
test_not_a_database(void **state)
{
	struct kit *k = *state;
	struct store *s;
	FILE *f = fopen(k->path, "w");

	for (int i = 0; i < 1000; i++) fputs("not a database\n", f);
	fclose(f);
	assert_err(store_open(&k->c, k->path, &s), "CORRUPT");
}

static void
assert_found(struct kit *k, struct store *s, Str query, const char *expected)
{
	BUF_AUTO list = BUF_INIT;
	Str *keys;
	size_t n;

	assert_ok(k, store_search(&k->c, s, &(struct store_search){query, 10, NULL, NULL}, &keys, &n));
	for (size_t i = 0; i < n; i++) buf_printf(&list, "%.*s ", STR(keys[i]));
	assert_string_equal(buf_z(&list), expected);
}

static struct store *
library(struct kit *k)
{
	struct store *s = open_store(k);

	assert_ok(k, store_search_put(&k->c, s, S("stores.sales"), S("Transactions"), S("each line of a till receipt, household and price")));
	assert_ok(k, store_search_put(&k->c, s, S("households.demo"), S("Demographics"), S("household size, income; café; transactions by household")));
	assert_ok(k, store_search_put(&k->c, s, S("marketing.coupons"), S("Coupons"), S("point-of-sale \"coupons\" 2017")));
	return s;
}

static void
test_search(void **state)
{
	struct kit *k = *state;
	struct store *s = library(k);

	assert_found(k, s, S("transactions"), "stores.sales households.demo "); /* a title counts more than a text */
	assert_found(k, s, S("TRANS"), "stores.sales households.demo ");
	assert_found(k, s, S("house inc"), "households.demo ");
	assert_found(k, s, S("house nothing"), "");
	assert_found(k, s, S("cafe"), "households.demo ");
	assert_found(k, s, S("Caf\xc3\xa9"), "households.demo ");
	assert_found(k, s, S(""), "");
	assert_found(k, s, S("  \t ... "), "");
	assert_ok(k, store_search_put(&k->c, s, S("stores.sales"), S("Receipts"), S("of the till")));
	assert_found(k, s, S("transactions"), "households.demo ");
	assert_ok(k, store_search_del(&k->c, s, S("households.demo")));
	assert_ok(k, store_search_del(&k->c, s, S("never.there")));
	assert_found(k, s, S("transactions"), "");
	assert_found(k, s, S("till"), "stores.sales ");
	store_close(s);
}

static bool
is_open(void *arg, Str key)
{
	(*(size_t *)arg)++;
	return !str_starts(key, S("hidden"));
}

static void
assert_open(struct kit *k, struct store *s, size_t hidden)
{
	size_t asked = 0, n;
	Str *keys;
	struct store_search what = {S("red wool"), 2, is_open, &asked};

	assert_ok(k, store_search(&k->c, s, &what, &keys, &n));
	assert_int_equal(n, 2);
	assert_true(str_eqc(keys[0], "open.a") && str_eqc(keys[1], "open.b"));
	assert_int_equal(asked, hidden + 2);
}

/* Neither by the room they take nor by how rare they make a word: with a rank over all documents, open.b comes first when many are red. */
static void
test_what_is_not_wanted_changes_nothing(void **state)
{
	struct kit *k = *state;
	struct store *s = open_store(k);
	char key[32];

	assert_ok(k, store_search_put(&k->c, s, S("open.a"), S("Red cloth"), S("wool wool wool")));
	assert_ok(k, store_search_put(&k->c, s, S("open.b"), S("Cloth of wool"), S("red red red")));
	assert_open(k, s, 0);
	for (int i = 0; i < 300; i++) {
		snprintf(key, sizeof key, "hidden.%d", i);
		assert_ok(k, store_search_put(&k->c, s, str_c(key), i % 3 ? S("Red") : S("Red wool"), S("red")));
	}
	assert_open(k, s, 100);
	store_close(s);
}

/* Whatever FTS5 would take for syntax is text. */
static void
test_search_text_is_never_syntax(void **state)
{
	struct kit *k = *state;
	struct store *s = library(k);
	static const char *const hostile[] = {"\"", "\"\"", "a\"b", "title:x", "NEAR(a b)", "a AND", "OR", "NOT x", "^x", "x*y", "{title}:x",
	                                      "- x", "(", "a)b", "'; DROP TABLE record; --", "\\", "+ +", "\x01x", "*a"};
	Str *keys;
	size_t n;
	char lengthy[5000];

	for (size_t i = 0; i < ARRAY_LEN(hostile); i++) assert_ok(k, store_search(&k->c, s, &(struct store_search){str_c(hostile[i]), 10, NULL, NULL}, &keys, &n));
	assert_found(k, s, S("\"coupons\""), "marketing.coupons ");
	assert_found(k, s, S("point-of sale"), "marketing.coupons ");
	assert_found(k, s, S("title:Coupons"), ""); /* a phrase of two words, not a column */
	assert_found(k, s, S("coupons OR transactions"), "");
	assert_found(k, s, S("-- coupons ()"), "marketing.coupons ");
	for (size_t i = 0; i < sizeof lengthy; i++) lengthy[i] = i % 2 ? ' ' : 'c';
	assert_found(k, s, str_of(lengthy, sizeof lengthy), "marketing.coupons households.demo ");
	assert_err(store_search(&k->c, s, &(struct store_search){S("\xff"), 10, NULL, NULL}, &keys, &n), "INVALID");
	store_close(s);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, kit_setup, kit_teardown)
	const struct CMUnitTest tests[] = {
	    T(test_round_trip),
	    T(test_rollback_forgets),
	    T(test_clear_forgets_everything),
	    T(test_hash_depends_on_content_alone),
	    T(test_hash_keeps_fields_apart),
	    T(test_newer_format_refused),
	    T(test_older_format_emptied),
	    T(test_second_opener_refused),
	    T(test_changed_record_noticed),
	    T(test_damaged_page_noticed),
	    T(test_not_a_database),
	    T(test_search),
	    T(test_what_is_not_wanted_changes_nothing),
	    T(test_search_text_is_never_syntax),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
