#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "crypt/hash.h"
#include "store/store.h"

struct bench {
	struct arena arena;
	struct ctx c;
	char dir[64], path[96];
};

static int
setup(void **state)
{
	struct bench *b = mem_alloc(sizeof *b);

	b->c.arena = &b->arena;
	strcpy(b->dir, "/tmp/heddle-store-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	snprintf(b->path, sizeof b->path, "%s/catalog.db", b->dir);
	*state = b;
	return err_ok(crypt_init(&b->c)) ? 0 : -1;
}

static int
teardown(void **state)
{
	struct bench *b = *state;
	char wal[128];

	snprintf(wal, sizeof wal, "%s-wal", b->path);
	unlink(wal);
	unlink(b->path);
	rmdir(b->dir);
	arena_fini(&b->arena);
	free(b);
	return 0;
}

#define assert_ok(b, expr)                                                                                                     \
	do {                                                                                                                   \
		Err e_ = (expr);                                                                                               \
		if (!err_ok(e_)) fail_msg("%s: %s: %s", #expr, err_name(e_), (b)->c.detail);                                   \
	} while (0)
#define assert_err(expr, name) assert_string_equal(err_name(expr), name)

static struct store *
open_store(struct bench *b)
{
	struct store *s = NULL;

	assert_ok(b, store_open(&b->c, b->path, &s));
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
assert_records(struct bench *b, struct store *s, const char *expected)
{
	BUF_AUTO list = BUF_INIT;

	assert_ok(b, store_each(&b->c, s, list_row, &list));
	assert_string_equal(buf_z(&list), expected);
}

static void
put(struct bench *b, struct store *s, const char *kind, const char *id, const char *body)
{
	assert_ok(b, store_put(&b->c, s, str_c(kind), str_c(id), str_c(body)));
}

static void
test_round_trip(void **state)
{
	struct bench *b = *state;
	struct store *s = open_store(b);
	uint8_t root[32] = {7, 8, 9}, got[32];
	uint64_t size = 99;
	struct stat st;

	assert_ok(b, store_begin(&b->c, s));
	put(b, s, "product", "b", "2");
	put(b, s, "product", "a", "1");
	put(b, s, "grant", "x", "old");
	put(b, s, "grant", "x", "new");
	put(b, s, "grant", "gone", "");
	assert_ok(b, store_del(&b->c, s, S("grant"), S("gone")));
	assert_ok(b, store_position_get(&b->c, s, S("log"), &size, got));
	assert_int_equal(size, 0);
	assert_ok(b, store_position_put(&b->c, s, S("log"), 12, root));
	assert_ok(b, store_position_put(&b->c, s, S("log"), 13, root));
	assert_ok(b, store_commit(&b->c, s));
	store_close(s);

	assert_int_equal(stat(b->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	s = open_store(b);
	assert_records(b, s, "grant/x=new;product/a=1;product/b=2;");
	assert_ok(b, store_position_get(&b->c, s, S("log"), &size, got));
	assert_int_equal(size, 13);
	assert_memory_equal(got, root, 32);
	store_close(s);
}

static void
test_rollback_forgets(void **state)
{
	struct bench *b = *state;
	struct store *s = open_store(b);

	assert_ok(b, store_begin(&b->c, s));
	put(b, s, "k", "a", "1");
	store_rollback(s);
	store_rollback(s); /* without a transaction: nothing */
	assert_records(b, s, "");
	assert_ok(b, store_begin(&b->c, s));
	put(b, s, "k", "b", "1");
	store_close(s); /* an open transaction is not a commit */
	s = open_store(b);
	assert_records(b, s, "");
	store_close(s);
}

static void
test_clear_forgets_everything(void **state)
{
	struct bench *b = *state;
	struct store *s = open_store(b);
	uint8_t root[32] = {0}, empty[32], hash[32];
	uint64_t size;
	Str *keys;
	size_t n;

	assert_ok(b, store_hash(&b->c, s, empty));
	assert_ok(b, store_begin(&b->c, s));
	put(b, s, "k", "a", "1");
	assert_ok(b, store_position_put(&b->c, s, S("log"), 12, root));
	assert_ok(b, store_search_put(&b->c, s, S("p"), S("title"), S("text")));
	assert_ok(b, store_clear(&b->c, s));
	assert_ok(b, store_commit(&b->c, s));
	assert_records(b, s, "");
	assert_ok(b, store_position_get(&b->c, s, S("log"), &size, root));
	assert_int_equal(size, 0);
	assert_ok(b, store_search(&b->c, s, S("title"), 10, &keys, &n));
	assert_int_equal(n, 0);
	assert_ok(b, store_hash(&b->c, s, hash));
	assert_memory_equal(hash, empty, 32);
	store_close(s);
}

/* The same 200 records put in two orders, with detours, then one of them changed. */
static void
test_hash_depends_on_content_alone(void **state)
{
	struct bench *b = *state;
	struct store *s = open_store(b);
	uint8_t forward[32], backward[32], changed[32];
	char id[16];

	assert_ok(b, store_begin(&b->c, s));
	for (int i = 0; i < 200; i++) {
		snprintf(id, sizeof id, "id%d", i);
		put(b, s, i % 3 ? "a" : "b", id, id);
	}
	assert_ok(b, store_hash(&b->c, s, forward));
	assert_ok(b, store_clear(&b->c, s));
	for (int i = 199; i >= 0; i--) {
		snprintf(id, sizeof id, "id%d", i);
		put(b, s, i % 3 ? "a" : "b", id, "detour");
		put(b, s, "detour", id, "");
		put(b, s, i % 3 ? "a" : "b", id, id);
		assert_ok(b, store_del(&b->c, s, S("detour"), str_c(id)));
	}
	assert_ok(b, store_hash(&b->c, s, backward));
	assert_memory_equal(forward, backward, 32);
	put(b, s, "a", "id1", "id2");
	assert_ok(b, store_hash(&b->c, s, changed));
	assert_memory_not_equal(forward, changed, 32);
	assert_ok(b, store_commit(&b->c, s));
	store_close(s);
}

/* Bytes that move between kind, id and body make another hash. */
static void
test_hash_keeps_fields_apart(void **state)
{
	struct bench *b = *state;
	struct store *s = open_store(b);
	static const char *const split[][3] = {{"ab", "c", "d"}, {"a", "bc", "d"}, {"a", "b", "cd"}};
	uint8_t hash[3][32];

	for (int i = 0; i < 3; i++) {
		assert_ok(b, store_begin(&b->c, s));
		assert_ok(b, store_clear(&b->c, s));
		put(b, s, split[i][0], split[i][1], split[i][2]);
		assert_ok(b, store_commit(&b->c, s));
		assert_ok(b, store_hash(&b->c, s, hash[i]));
	}
	assert_memory_not_equal(hash[0], hash[1], 32);
	assert_memory_not_equal(hash[1], hash[2], 32);
	assert_memory_not_equal(hash[0], hash[2], 32);
	store_close(s);
}

/* The file changed behind the store's back. */
static void
alter(struct bench *b, const char *sql)
{
	sqlite3 *h;

	assert_int_equal(sqlite3_open(b->path, &h), SQLITE_OK);
	assert_int_equal(sqlite3_exec(h, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(h), SQLITE_OK);
}

static void
test_newer_format_refused(void **state)
{
	struct bench *b = *state;
	struct store *s = open_store(b);

	store_close(s);
	alter(b, "PRAGMA user_version=99");
	assert_err(store_open(&b->c, b->path, &s), "CONFLICT");
	assert_non_null(strstr(b->c.detail, "newer heddle"));
	alter(b, "PRAGMA user_version=2");
	store_close(open_store(b));
}

/* Records of format 1 say less than we need: they go, and what is empty is folded anew from the logs. */
static void
test_older_format_emptied(void **state)
{
	struct bench *b = *state;
	struct store *s = open_store(b);
	uint8_t empty[32], hash[32];

	assert_ok(b, store_hash(&b->c, s, empty));
	assert_ok(b, store_begin(&b->c, s));
	assert_ok(b, store_put(&b->c, s, S("grant"), S("a/b"), S("{}")));
	assert_ok(b, store_commit(&b->c, s));
	store_close(s);
	s = open_store(b);
	assert_ok(b, store_hash(&b->c, s, hash));
	assert_memory_not_equal(empty, hash, 32);
	store_close(s);
	alter(b, "PRAGMA user_version=1");
	s = open_store(b);
	assert_ok(b, store_hash(&b->c, s, hash));
	assert_memory_equal(empty, hash, 32);
	store_close(s);
}

static void
test_second_opener_refused(void **state)
{
	struct bench *b = *state;
	struct store *s = open_store(b), *second = NULL;

	assert_err(store_open(&b->c, b->path, &second), "CONFLICT");
	assert_null(second);
	store_close(s);
}

static void
test_changed_record_noticed(void **state)
{
	struct bench *b = *state;
	struct store *s = open_store(b);
	uint8_t hash[32];
	BUF_AUTO list = BUF_INIT;

	put(b, s, "grant", "x", "until 2026");
	store_close(s);
	alter(b, "UPDATE record SET body = CAST('until 2036' AS BLOB)");
	s = open_store(b);
	assert_err(store_each(&b->c, s, list_row, &list), "CORRUPT");
	assert_err(store_hash(&b->c, s, hash), "CORRUPT");
	store_close(s);
}

/* Overwrite each page of a filled file in turn: some call has to notice, every time, and none may crash. */
static void
test_damaged_page_noticed(void **state)
{
	struct bench *b = *state;
	struct store *s = open_store(b);
	BUF_AUTO list = BUF_INIT;
	char id[32], page[4096], saved[4096];
	struct stat st;

	assert_ok(b, store_begin(&b->c, s));
	for (int i = 0; i < 500; i++) {
		snprintf(id, sizeof id, "id%d", i);
		put(b, s, "k", id, "some body that takes up room on the page of the table");
	}
	assert_ok(b, store_commit(&b->c, s));
	store_close(s);
	memset(page, 0xa5, sizeof page);
	assert_int_equal(stat(b->path, &st), 0);
	assert_true(st.st_size > 10 * 4096);
	int noticed = 0, fd = open(b->path, O_RDWR);
	for (off_t at = 0; at < st.st_size; at += 4096) {
		assert_int_equal(pread(fd, saved, 4096, at), 4096);
		assert_int_equal(pwrite(fd, page, 4096, at), 4096);
		s = NULL;
		Err e = store_open(&b->c, b->path, &s);
		if (err_ok(e)) e = store_each(&b->c, s, list_row, &list);
		noticed += e.code == ERR_CORRUPT;
		store_close(s);
		assert_int_equal(pwrite(fd, saved, 4096, at), 4096);
	}
	close(fd);
	assert_int_equal(noticed, st.st_size / 4096);
	store_close(open_store(b));
}

static void
test_not_a_database(void **state)
{
	struct bench *b = *state;
	struct store *s;
	FILE *f = fopen(b->path, "w");

	for (int i = 0; i < 1000; i++) fputs("not a database\n", f);
	fclose(f);
	assert_err(store_open(&b->c, b->path, &s), "CORRUPT");
}

static void
assert_found(struct bench *b, struct store *s, Str query, const char *expected)
{
	BUF_AUTO list = BUF_INIT;
	Str *keys;
	size_t n;

	assert_ok(b, store_search(&b->c, s, query, 10, &keys, &n));
	for (size_t i = 0; i < n; i++) buf_printf(&list, "%.*s ", STR(keys[i]));
	assert_string_equal(buf_z(&list), expected);
}

static struct store *
library(struct bench *b)
{
	struct store *s = open_store(b);

	assert_ok(b, store_search_put(&b->c, s, S("stores.sales"), S("Transactions"), S("each line of a till receipt, household and price")));
	assert_ok(b, store_search_put(&b->c, s, S("households.demo"), S("Demographics"), S("household size, income; café; transactions by household")));
	assert_ok(b, store_search_put(&b->c, s, S("marketing.coupons"), S("Coupons"), S("point-of-sale \"coupons\" 2017")));
	return s;
}

static void
test_search(void **state)
{
	struct bench *b = *state;
	struct store *s = library(b);

	assert_found(b, s, S("transactions"), "stores.sales households.demo "); /* a title counts more than a text */
	assert_found(b, s, S("TRANS"), "stores.sales households.demo ");
	assert_found(b, s, S("house inc"), "households.demo ");
	assert_found(b, s, S("house nothing"), "");
	assert_found(b, s, S("cafe"), "households.demo ");
	assert_found(b, s, S("Caf\xc3\xa9"), "households.demo ");
	assert_found(b, s, S(""), "");
	assert_found(b, s, S("  \t ... "), "");
	assert_ok(b, store_search_put(&b->c, s, S("stores.sales"), S("Receipts"), S("of the till")));
	assert_found(b, s, S("transactions"), "households.demo ");
	assert_ok(b, store_search_del(&b->c, s, S("households.demo")));
	assert_ok(b, store_search_del(&b->c, s, S("never.there")));
	assert_found(b, s, S("transactions"), "");
	assert_found(b, s, S("till"), "stores.sales ");
	store_close(s);
}

/* Whatever FTS5 would take for syntax is text. */
static void
test_search_text_is_never_syntax(void **state)
{
	struct bench *b = *state;
	struct store *s = library(b);
	static const char *const hostile[] = {"\"", "\"\"", "a\"b", "title:x", "NEAR(a b)", "a AND", "OR", "NOT x", "^x", "x*y", "{title}:x",
	                                      "- x", "(", "a)b", "'; DROP TABLE record; --", "\\", "+ +", "\x01x", "*a"};
	Str *keys;
	size_t n;
	char lengthy[5000];

	for (size_t i = 0; i < ARRAY_LEN(hostile); i++) assert_ok(b, store_search(&b->c, s, str_c(hostile[i]), 10, &keys, &n));
	assert_found(b, s, S("\"coupons\""), "marketing.coupons ");
	assert_found(b, s, S("point-of sale"), "marketing.coupons ");
	assert_found(b, s, S("title:Coupons"), ""); /* a phrase of two words, not a column */
	assert_found(b, s, S("coupons OR transactions"), "");
	assert_found(b, s, S("-- coupons ()"), "marketing.coupons ");
	for (size_t i = 0; i < sizeof lengthy; i++) lengthy[i] = i % 2 ? ' ' : 'c';
	assert_found(b, s, str_of(lengthy, sizeof lengthy), "marketing.coupons households.demo ");
	assert_err(store_search(&b->c, s, S("\xff"), 10, &keys, &n), "INVALID");
	store_close(s);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
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
	    T(test_search_text_is_never_syntax),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
