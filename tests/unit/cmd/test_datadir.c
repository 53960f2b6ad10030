#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cmd/datadir.h"
#include "crypt/encode.h"
#include "kit.h"

static const char *
node_path(struct kit *k)
{
	return arena_printf(&k->arena, "%s/node", k->path).p;
}

static void
test_make(void **state)
{
	struct kit *k = *state;
	const char *path = node_path(k);
	struct datadir d;
	uint8_t hash[CRYPT_HASH_BYTES], want[CRYPT_HASH_BYTES];
	struct stat st;

	GOOD(datadir_make(&k->c, path, &d));
	assert_string_equal(d.path, path);
	Str token = str_trim(kit_read(k, "node/admin.token")), root = kit_read(k, "node/root.key");
	assert_true(token.n == 4 + 43 + 1 && str_starts(token, S("hdl_")) && token.p[47] == '\n');
	assert_int_equal(root.n, 65);
	assert_true(hex_get_n(kit_read(k, "node/catalog/bootstrap"), hash, sizeof hash));
	crypt_sha256(str_of(token.p, 47), want);
	assert_memory_equal(hash, want, sizeof hash);
	assert_true(str_eqc(kit_read(k, "node/node.id"), d.node_id));
	static const char *const secret[] = {"node/admin.token", "node/root.key", "node/catalog/bootstrap", "node/keys", "node/lake", "node/ledger", "node/catalog"};
	for (size_t i = 0; i < ARRAY_LEN(secret); i++) {
		assert_int_equal(fstatat(k->fd, secret[i], &st, AT_SYMLINK_NOFOLLOW), 0);
		assert_int_equal(st.st_mode & 077, 0);
	}
	datadir_close(&d);
	Str before = kit_read(k, "node/admin.token");
	BAD(CONFLICT, datadir_make(&k->c, path, &d)); /* a node is never made anew */
	assert_true(str_eq(kit_read(k, "node/admin.token"), before));
	assert_true(str_eq(kit_read(k, "node/root.key"), root));
}

static void
test_no_place(void **state)
{
	struct kit *k = *state;
	const char *path = node_path(k);
	struct datadir d;

	assert_int_equal(mkdirat(k->fd, "node", 0700), 0);
	kit_write(k, "node/letters.txt", S("mine"));
	BAD(INVALID, datadir_make(&k->c, path, &d));
	assert_non_null(strstr(k->c.detail, "letters.txt"));
	Str *names;
	size_t n;
	GOOD(dir_list(&k->c, k->fd, "node", 10, &names, &n));
	assert_int_equal(n, 1); /* nothing was put there */
	kit_write(k, "file", S("x"));
	BAD(NOT_FOUND, datadir_open(&k->c, arena_printf(&k->arena, "%s/file", k->path).p, &d));
	BAD(INVALID, datadir_make(&k->c, arena_printf(&k->arena, "%s/file", k->path).p, &d));
	BAD(NOT_FOUND, datadir_make(&k->c, arena_printf(&k->arena, "%s/no/where", k->path).p, &d));
}

static void
test_open(void **state)
{
	struct kit *k = *state;
	const char *path = node_path(k);
	struct datadir made, d, second;

	BAD(NOT_FOUND, datadir_open(&k->c, path, &d));
	assert_non_null(strstr(k->c.detail, "heddle init --data"));
	assert_int_equal(mkdirat(k->fd, "node", 0700), 0);
	BAD(NOT_FOUND, datadir_open(&k->c, path, &d)); /* a folder, but no node */
	GOOD(datadir_make(&k->c, path, &made));
	GOOD(datadir_open(&k->c, path, &d));
	assert_string_equal(d.node_id, made.node_id);
	assert_int_equal(d.uid_base, made.uid_base);
	BAD(CONFLICT, datadir_open(&k->c, path, &second));
	assert_non_null(strstr(k->c.detail, arena_printf(&k->arena, "pid %d", (int)getpid()).p));
	datadir_close(&d);
	datadir_close(&made);
	GOOD(datadir_open(&k->c, path, &d));
	datadir_close(&d);
	kit_write(k, "node/node.id", S("0123"));
	BAD(CORRUPT, datadir_open(&k->c, path, &d));
	assert_int_equal(unlinkat(k->fd, "node/node.id", 0), 0);
	BAD(NOT_FOUND, datadir_open(&k->c, path, &d));
}

static void
make_node(struct kit *k)
{
	struct ctx c = {.arena = &k->arena};
	struct datadir d;

	if (!err_ok(datadir_make(&c, node_path(k), &d))) _exit(1);
	datadir_close(&d);
}

/* Killed anywhere: no node yet, and init works when repeated; or a whole one. */
static void
test_killed(void **state)
{
	struct kit *k = *state;
	const char *path = node_path(k);
	uint64_t n = 0;

	while (kit_dies_at(k, ++n, make_node)) {
		struct datadir d;
		bool whole = file_exists(k->fd, "node/node.id");
		Err e = datadir_make(&k->c, path, &d);
		assert_int_equal(e.code, whole ? ERR_CONFLICT : ERR_NONE);
		if (!whole) datadir_close(&d);
		GOOD(datadir_open(&k->c, path, &d));
		assert_int_equal(kit_read(k, "node/admin.token").n, 48);
		assert_int_equal(kit_read(k, "node/catalog/bootstrap").n, 64);
		datadir_close(&d);
		GOOD(dir_remove(&k->c, k->fd, "node"));
	}
	assert_true(n > 40);
}

/* Failing anywhere: told, and init works when repeated. */
static void
test_failing(void **state)
{
	struct kit *k = *state;
	bool hit = true;

	for (uint64_t n = 1; hit; n++) {
		struct datadir d;
		kit_fail_at(n, n % 3 == 0 ? FAULT_SHORT : FAULT_ERRNO, ENOSPC);
		Err e = datadir_make(&k->c, node_path(k), &d);
		hit = fault_armed.hits >= n;
		kit_fail_at(0, FAULT_NONE, 0);
		assert_int_equal(hit, !err_ok(e));
		if (hit && !file_exists(k->fd, "node/node.id")) GOOD(datadir_make(&k->c, node_path(k), &d));
		if (err_ok(e)) datadir_close(&d);
		GOOD(datadir_open(&k->c, node_path(k), &d));
		datadir_close(&d);
		GOOD(dir_remove(&k->c, k->fd, "node"));
		assert_true(n < 300);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_make), TEST(test_no_place), TEST(test_open), TEST(test_killed), TEST(test_failing)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
