#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "kit.h"

/* Heads, every entry, the newest leaf, some proofs: all as the model says. */
static void
check_log(struct ctx *c, struct ledger *l, Str id, uint64_t size, uint32_t *r)
{
	struct ledger_head head;
	Hash root = kit_root(id, size), prev, *path;
	char room[256];
	size_t n;

	assert_done(c, ledger_head(c, l, id, &head));
	assert_true(head.size == size);
	assert_memory_equal(head.root.b, root.b, HASH_BYTES);
	assert_done(c, ledger_prev(c, l, id, &prev));
	Hash newest = size ? tree_leaf(kit_entry(id, size - 1, room)) : (Hash){{0}};
	assert_memory_equal(prev.b, newest.b, HASH_BYTES);
	assert_done(c, ledger_read(c, l, id, 0, size, kit_compare, &id));
	for (int i = 0; i < 8 && size; i++) {
		uint64_t to = 1 + kit_random(r) % size, index = kit_random(r) % to, from = kit_random(r) % (to + 1);
		Hash to_root = kit_root(id, to), from_root = kit_root(id, from), leaf = tree_leaf(kit_entry(id, index, room));
		assert_done(c, ledger_prove_inclusion(c, l, id, index, to, &path, &n));
		assert_true(tree_check_inclusion(&leaf, index, to, path, n, &to_root));
		assert_done(c, ledger_prove_consistency(c, l, id, from, to, &path, &n));
		assert_true(tree_check_consistency(from, &from_root, to, &to_root, path, n));
	}
	arena_reset(c->arena);
}

/* Random appends, commits, rollbacks, publishes and re-openings against the model. */
static void
random_life(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	struct ctx c = {.arena = &a};
	struct kit k;
	uint64_t committed[KIT_LOGS] = {0};

	(void)state;
	kit_init(&k);
	for (uint32_t seed = 1; seed <= 3; seed++) {
		uint32_t r = seed;
		struct ledger *l = kit_open(&c, &k);
		kit_create(&c, l);
		for (int step = 0; step < 60; step++) {
			for (size_t i = 0; i < KIT_LOGS; i++)
				assert_done(&c, kit_append(&c, l, kit_ids[i], kit_random(&r) % (kit_random(&r) % 12 == 0 ? 300 : 4)));
			if (kit_random(&r) % 8 == 0) assert_done(&c, ledger_publish(&c, l, kit_sign, NULL)); /* with entries not committed yet */
			if (kit_random(&r) % 8 == 0) {
				ledger_rollback(l);
			} else {
				assert_done(&c, ledger_commit(&c, l));
				for (size_t i = 0; i < KIT_LOGS; i++) {
					struct ledger_head h;
					assert_done(&c, ledger_head(&c, l, kit_ids[i], &h));
					committed[i] = h.size;
				}
			}
			if (kit_random(&r) % 8 == 0) assert_done(&c, ledger_publish(&c, l, kit_sign, NULL));
			if (kit_random(&r) % 8 == 0) {
				assert_done(&c, kit_append(&c, l, kit_ids[1], 3)); /* lost: never committed */
				ledger_close(l);
				if (step % 4 == 0) assert_true(kit_verify(&c, &k) == committed[0] + committed[1] + committed[2]);
				l = kit_open(&c, &k);
			}
			if (step % 10 == 9)
				for (size_t i = 0; i < KIT_LOGS; i++) check_log(&c, l, kit_ids[i], committed[i], &r);
		}
		assert_done(&c, ledger_publish(&c, l, kit_sign, NULL));
		for (size_t i = 0; i < KIT_LOGS; i++) check_log(&c, l, kit_ids[i], committed[i], &r);
		ledger_close(l);
		assert_true(kit_verify(&c, &k) == committed[0] + committed[1] + committed[2]);
	}
	kit_fini(&k);
}

static void
refusals(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	struct ctx c = {.arena = &a};
	struct kit k;
	struct ledger *l, *second = NULL;
	uint64_t index;
	Str entry;
	Hash *path;
	size_t n;
	static char big[LEDGER_ENTRY_MAX + 1];

	(void)state;
	kit_init(&k);
	l = kit_open(&c, &k);
	assert_int_equal(ledger_open(&c, k.fd, &second).code, ERR_CONFLICT);
	assert_null(second);
	assert_int_equal(ledger_create(&c, l, S("../../etc")).code, ERR_INVALID);
	assert_int_equal(ledger_create(&c, l, S("AAAA")).code, ERR_INVALID);
	assert_int_equal(ledger_append(&c, l, S("journal"), S("x"), &index).code, ERR_NOT_FOUND);
	kit_create(&c, l);
	assert_int_equal(ledger_append(&c, l, S("journal"), str_of(big, sizeof big), &index).code, ERR_TOO_LARGE);
	assert_done(&c, ledger_append(&c, l, S("journal"), str_of(big, LEDGER_ENTRY_MAX), &index));
	assert_int_equal(ledger_entry(&c, l, S("journal"), 0, &entry).code, ERR_NOT_FOUND); /* not committed */
	assert_done(&c, ledger_commit(&c, l));
	assert_done(&c, ledger_entry(&c, l, S("journal"), 0, &entry));
	assert_true(str_eq(entry, str_of(big, LEDGER_ENTRY_MAX)));
	assert_done(&c, ledger_publish(&c, l, kit_sign, NULL));
	assert_done(&c, ledger_entry(&c, l, S("journal"), 0, &entry));
	assert_true(str_eq(entry, str_of(big, LEDGER_ENTRY_MAX)));
	assert_int_equal(ledger_prove_inclusion(&c, l, S("journal"), 1, 1, &path, &n).code, ERR_NOT_FOUND);
	assert_int_equal(ledger_prove_consistency(&c, l, S("journal"), 0, 2, &path, &n).code, ERR_NOT_FOUND);
	assert_int_equal(ledger_set_key(&c, l, S("journal"), S("nonsense")).code, ERR_INVALID);
	assert_int_equal(ledger_set_key(&c, l, S("journal"), S("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")).code, ERR_INVALID);
	ledger_close(l);
	ledger_close(NULL);
	kit_fini(&k);
}

static Err
bad_sign(struct ctx *c, void *arg, Str log_id, Str text, struct buf *out)
{
	if (arg) return err_set(c, ERR_UNAVAILABLE, "the keys role is gone");
	TRY(kit_sign(c, NULL, log_id, text, out));
	out->p[out->n - 6] ^= 1; /* a letter of the signature */
	return OK;
}

/* A signer that fails or signs wrongly leaves the checkpoint as it was, and publishing can be tried again. */
static void
signer_fails(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	struct ctx c = {.arena = &a};
	struct kit k;
	struct ledger_state *s;
	Str before, after;

	(void)state;
	kit_init(&k);
	struct ledger *l = kit_open(&c, &k);
	kit_create(&c, l);
	assert_done(&c, kit_append(&c, l, kit_ids[1], 5));
	assert_done(&c, ledger_commit(&c, l));
	assert_done(&c, ledger_publish(&c, l, kit_sign, NULL));
	assert_done(&c, ledger_file(&c, l, kit_ids[1], S("checkpoint"), &before));
	assert_done(&c, kit_append(&c, l, kit_ids[1], 5));
	assert_done(&c, ledger_commit(&c, l));
	assert_int_equal(ledger_publish(&c, l, bad_sign, &k).code, ERR_UNAVAILABLE);
	assert_false(err_ok(ledger_publish(&c, l, bad_sign, NULL)));
	assert_done(&c, ledger_file(&c, l, kit_ids[1], S("checkpoint"), &after));
	assert_true(str_eq(before, after));
	ledger_close(l);
	l = kit_open(&c, &k);
	assert_done(&c, kit_append(&c, l, kit_ids[1], 1));
	assert_done(&c, ledger_commit(&c, l));
	assert_done(&c, ledger_publish(&c, l, kit_sign, NULL));
	assert_int_equal(ledger_states(l, &a, &s), KIT_LOGS);
	assert_true(s[0].published == 11 && s[0].size == 11 && !s[0].damaged && str_eq(s[0].log_id, kit_ids[1]));
	ledger_close(l);
	kit_verify(&c, &k);
	kit_fini(&k);
}

/* What a follower asks for: the checkpoint, tiles, bundles, also the narrower ones of earlier checkpoints. */
static void
served_files(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	struct ctx c = {.arena = &a};
	struct kit k;
	Str f, g;

	(void)state;
	kit_init(&k);
	struct ledger *l = kit_open(&c, &k);
	kit_create(&c, l);
	assert_int_equal(ledger_file(&c, l, kit_ids[1], S("checkpoint"), &f).code, ERR_NOT_FOUND);
	assert_done(&c, kit_append(&c, l, kit_ids[1], 600));
	assert_done(&c, ledger_commit(&c, l));
	assert_int_equal(ledger_file(&c, l, kit_ids[1], S("tile/0/000"), &f).code, ERR_NOT_FOUND);
	assert_done(&c, ledger_publish(&c, l, kit_sign, NULL));
	assert_done(&c, ledger_file(&c, l, kit_ids[1], S("checkpoint"), &f));
	assert_true(str_starts(f, S("heddle/" ID_A "\n600\n")));
	assert_done(&c, ledger_file(&c, l, kit_ids[1], S("tile/0/001"), &f));
	assert_int_equal(f.n, 8192);
	assert_done(&c, ledger_file(&c, l, kit_ids[1], S("tile/0/002.p/88"), &f));
	assert_done(&c, ledger_file(&c, l, kit_ids[1], S("tile/0/002.p/3"), &g));
	assert_true(f.n == 88 * 32 && g.n == 3 * 32 && str_starts(f, g));
	assert_done(&c, ledger_file(&c, l, kit_ids[1], S("tile/1/000.p/2"), &f));
	assert_done(&c, ledger_file(&c, l, kit_ids[1], S("tile/entries/001"), &f));
	assert_done(&c, ledger_file(&c, l, kit_ids[1], S("tile/entries/001.p/7"), &g));
	assert_true(str_starts(f, g) && g.n < f.n);
	assert_done(&c, ledger_file(&c, l, kit_ids[1], S("keys"), &f));
	assert_true(str_starts(f, S("heddle/" ID_A "+")) && str_ends(f, S("\n")));
	static const char *const absent[] = {"tile/0/002", "tile/0/002.p/89", "tile/0/003.p/1", "tile/1/000.p/3", "tile/2/000.p/1", "keys/",
	                                     "tile/entries/002", "../" ID_B "/checkpoint", "tile/0/../0/000", ""};
	for (size_t i = 0; i < ARRAY_LEN(absent); i++) assert_int_equal(ledger_file(&c, l, kit_ids[1], str_c(absent[i]), &f).code, ERR_NOT_FOUND);
	ledger_close(l);
	kit_fini(&k);
}

/* --- entries taken out --- */

static void
drop_tail(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	struct ctx c = {.arena = &a};
	struct kit k;
	struct ledger_refused *list;
	uint64_t index;
	size_t n;
	uint32_t r = 7;

	(void)state;
	kit_init(&k);
	struct ledger *l = kit_open(&c, &k);
	kit_create(&c, l);
	assert_done(&c, kit_append(&c, l, kit_ids[1], 300));
	assert_done(&c, ledger_commit(&c, l));
	assert_done(&c, ledger_publish(&c, l, kit_sign, NULL));
	assert_done(&c, kit_append(&c, l, kit_ids[1], 2));
	assert_done(&c, ledger_append(&c, l, kit_ids[1], S("forged \"one\""), &index));
	assert_int_equal(ledger_drop_tail(&c, l, kit_ids[1], 302, S("x")).code, ERR_CONFLICT); /* not committed */
	assert_done(&c, ledger_append(&c, l, kit_ids[1], S("and what follows"), &index));
	assert_done(&c, ledger_commit(&c, l));
	assert_int_equal(ledger_drop_tail(&c, l, kit_ids[1], 299, S("x")).code, ERR_CONFLICT);
	assert_int_equal(ledger_drop_tail(&c, l, kit_ids[1], 304, S("x")).code, ERR_NOT_FOUND);
	assert_done(&c, ledger_drop_tail(&c, l, kit_ids[1], 302, S("the \"signature\" is wrong")));
	check_log(&c, l, kit_ids[1], 302, &r);
	ledger_close(l);
	l = kit_open(&c, &k);
	check_log(&c, l, kit_ids[1], 302, &r);
	assert_done(&c, ledger_refused(&c, l, &list, &n));
	assert_int_equal(n, 2);
	assert_true(list[0].index == 302 && str_eq(list[0].entry, S("forged \"one\"")) && str_eq(list[0].reason, S("the \"signature\" is wrong")));
	assert_true(list[1].index == 303 && str_eq(list[1].log_id, kit_ids[1]));
	assert_done(&c, kit_append(&c, l, kit_ids[1], 3));
	assert_done(&c, ledger_commit(&c, l));
	assert_done(&c, ledger_drop_tail(&c, l, kit_ids[1], 302, S("again"))); /* down to what is published and a little more */
	assert_done(&c, ledger_publish(&c, l, kit_sign, NULL));
	check_log(&c, l, kit_ids[1], 302, &r);
	ledger_close(l);
	kit_verify(&c, &k);
	kit_fini(&k);
}

/* A state that was promised for signing binds, even when the signature never came. */
static void
drop_not_below_promise(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	struct ctx c = {.arena = &a};
	struct kit k;

	(void)state;
	kit_init(&k);
	struct ledger *l = kit_open(&c, &k);
	kit_create(&c, l);
	assert_done(&c, kit_append(&c, l, kit_ids[1], 4));
	assert_done(&c, ledger_commit(&c, l));
	assert_false(err_ok(ledger_publish(&c, l, bad_sign, &k)));
	for (int again = 0; again < 3; again++) {
		assert_int_equal(ledger_drop_tail(&c, l, kit_ids[1], 3, S("x")).code, ERR_CONFLICT);
		ledger_close(l);
		l = kit_open(&c, &k);
	}
	ledger_close(l);
	kit_fini(&k);
}

/* A failed fdatasync: the ledger is dead for good, though the next one would succeed. */
static void
sync_fails(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	struct ctx c = {.arena = &a};
	struct kit k;
	uint64_t index;
	Str entry;

	(void)state;
	kit_init(&k);
	struct ledger *l = kit_open(&c, &k);
	kit_create(&c, l);
	assert_done(&c, kit_append(&c, l, kit_ids[1], 1));
	assert_done(&c, ledger_commit(&c, l));
	for (int error = 0; error < 2; error++) {
		assert_done(&c, kit_append(&c, l, kit_ids[1], 1));
		fault_armed = (struct fault){.at = 2, .kind = FAULT_ERRNO, .error = error ? ENOSPC : EIO}; /* the write, then the sync */
		assert_int_equal(ledger_commit(&c, l).code, ERR_IO);
		fault_armed = (struct fault){.at = 0};
		assert_int_equal(ledger_append(&c, l, kit_ids[1], S("x"), &index).code, ERR_READ_ONLY);
		assert_int_equal(ledger_commit(&c, l).code, ERR_READ_ONLY);
		assert_int_equal(ledger_publish(&c, l, kit_sign, NULL).code, ERR_READ_ONLY);
		assert_int_equal(ledger_entry(&c, l, kit_ids[1], 0, &entry).code, ERR_READ_ONLY);
		ledger_close(l);
		l = kit_open(&c, &k);
	}
	ledger_close(l);
	kit_fini(&k);
}

/* A full disk at the write: refused, nothing lost, and it goes on when there is room. */
static void
disk_full(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	struct ctx c = {.arena = &a};
	struct kit k;
	uint32_t r = 3;

	(void)state;
	kit_init(&k);
	struct ledger *l = kit_open(&c, &k);
	kit_create(&c, l);
	assert_done(&c, kit_append(&c, l, kit_ids[1], 3));
	assert_done(&c, ledger_commit(&c, l));
	for (int kind = 0; kind < 2; kind++) {
		assert_done(&c, kit_append(&c, l, kit_ids[1], 2));
		fault_armed = (struct fault){.at = 1, .kind = kind ? FAULT_SHORT : FAULT_ERRNO, .error = ENOSPC};
		assert_int_equal(ledger_commit(&c, l).code, ERR_FULL);
		fault_armed = (struct fault){.at = 0};
		check_log(&c, l, kit_ids[1], 3, &r);
	}
	assert_done(&c, kit_append(&c, l, kit_ids[1], 2));
	assert_done(&c, ledger_commit(&c, l));
	ledger_close(l);
	l = kit_open(&c, &k);
	check_log(&c, l, kit_ids[1], 5, &r);
	assert_string_equal(ledger_cut(l), "");
	ledger_close(l);
	kit_fini(&k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(random_life), cmocka_unit_test(refusals),    cmocka_unit_test(signer_fails), cmocka_unit_test(served_files),
	    cmocka_unit_test(drop_tail),   cmocka_unit_test(drop_not_below_promise), cmocka_unit_test(sync_fails), cmocka_unit_test(disk_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
