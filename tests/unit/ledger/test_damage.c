/* Every byte of every file of a small ledger, changed one at a time: the ledger at open, or the offline proof, finds each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/stat.h>

#include "kit.h"
#include "ledger/verify.h"

enum { FILES_MAX = 64, FILE_MAX_BYTES = 1 << 20 };

struct files { Str path[FILES_MAX]; size_t n; };

static void
collect(struct ctx *c, int fd, const char *folder, struct files *f)
{
	Str *names;
	size_t n;
	struct stat st;

	assert_done(c, dir_list(c, fd, folder, 1000, &names, &n));
	for (size_t i = 0; i < n; i++) {
		Str path = strcmp(folder, ".") == 0 ? names[i] : arena_printf(c->arena, "%s/%.*s", folder, STR(names[i]));
		assert_int_equal(fstatat(fd, path.p, &st, 0), 0);
		if (S_ISDIR(st.st_mode))
			collect(c, fd, path.p, f);
		else if (st.st_size > 0) {
			assert_true(f->n < FILES_MAX);
			f->path[f->n++] = path;
		}
	}
}

/* Two logs of some tiles (a full one, so two levels), a tail in the wal, a refused entry. */
static void
build(struct ctx *c, struct kit *k, unsigned big)
{
	struct ledger *l = NULL;
	uint64_t index;

	kit_init(k);
	assert_done(c, ledger_open(c, k->fd, &l));
	for (size_t i = 0; i < 2; i++) {
		assert_done(c, ledger_create(c, l, kit_ids[i]));
		assert_done(c, kit_set_key(c, l, kit_ids[i]));
		assert_done(c, kit_append(c, l, kit_ids[i], i ? 5 : big));
	}
	assert_done(c, ledger_commit(c, l));
	assert_done(c, ledger_publish(c, l, kit_sign, NULL));
	assert_done(c, ledger_append(c, l, kit_ids[1], S("forged"), &index));
	assert_done(c, ledger_commit(c, l));
	assert_done(c, ledger_drop_tail(c, l, kit_ids[1], 5, S("test")));
	for (size_t i = 0; i < 2; i++) {
		assert_done(c, kit_append(c, l, kit_ids[i], 2));
		assert_done(c, ledger_commit(c, l));
	}
	ledger_close(l);
}

static size_t
problems(struct ctx *c, const struct kit *k, const struct verify_report **ret_bad)
{
	struct verify_report *r;
	size_t n, bad = 0;

	assert_done(c, ledger_verify_dir(c, k->fd, NULL, NULL, NULL, NULL, &r, &n));
	for (size_t i = 0; i < n; i++) {
		if (r[i].ok) continue;
		assert_true(r[i].problem.n > 0);
		bad++;
		*ret_bad = &r[i];
	}
	return bad;
}

/* Put one byte. */
static void
poke(int fd, size_t at, uint8_t value)
{
	assert_true(pwrite(fd, &value, 1, (off_t)at) == 1);
}

static void
flip_all(unsigned big, size_t step)
{
	ARENA_AUTO a = ARENA_INIT, scratch = ARENA_INIT;
	struct ctx c = {.arena = &a}, s = {.arena = &scratch};
	struct kit k;
	struct files f = {.n = 0};
	const struct verify_report *bad = NULL;
	size_t flips = 0;

	build(&c, &k, big);
	collect(&c, k.fd, ".", &f);
	assert_true(problems(&s, &k, &bad) == 0);
	assert_true(f.n >= 10);
	for (size_t i = 0; i < f.n; i++) {
		Str bytes;
		FD_AUTO fd = openat(k.fd, f.path[i].p, O_RDWR);
		assert_done(&c, file_read_path(&c, k.fd, f.path[i].p, FILE_MAX_BYTES, &bytes));
		for (size_t at = 0; at < bytes.n; at += bytes.n > 2000 ? step : 1) {
			poke(fd, at, (uint8_t)bytes.p[at] ^ (uint8_t)(1 << at % 8));
			if (problems(&s, &k, &bad) == 0) fail_msg("%.*s: byte %zu was changed and nobody saw", STR(f.path[i]), at);
			poke(fd, at, (uint8_t)bytes.p[at]);
			arena_reset(&scratch);
			flips++;
		}
		assert_int_equal(ftruncate(fd, (off_t)bytes.n - 1), 0); /* and the last byte cut off */
		size_t seen = problems(&s, &k, &bad);
		if (seen == 0 && !str_eqc(f.path[i], "wal")) fail_msg("%.*s was cut and nobody saw", STR(f.path[i]));
		poke(fd, bytes.n - 1, (uint8_t)bytes.p[bytes.n - 1]);
	}
	assert_true(flips > 500);
	assert_true(problems(&s, &k, &bad) == 0);
	kit_fini(&k);
}

static void flip_small(void **state) { (void)state; flip_all(12, 1); }
static void flip_two_levels(void **state) { (void)state; flip_all(258, 61); }

/* The entry is named, whether its bytes or its hash were changed, in tiles or in the wal. */
static void
entry_named(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	struct ctx c = {.arena = &a};
	struct kit k;
	const struct verify_report *bad = NULL;
	Str bytes;
	char room[256];

	(void)state;
	build(&c, &k, 12);
	Str seventh = kit_entry(kit_ids[0], 7, room);
	static const char *const where[] = {"logs/journal/tile/entries/000.p/12", "logs/journal/tile/0/000.p/12"};
	for (size_t i = 0; i < 2; i++) {
		FD_AUTO fd = openat(k.fd, where[i], O_RDWR);
		assert_done(&c, file_read_path(&c, k.fd, where[i], FILE_MAX_BYTES, &bytes));
		const char *hit = i ? bytes.p + 7 * 32 + 3 : (const char *)memmem(bytes.p, bytes.n, seventh.p, seventh.n) + 1;
		poke(fd, (size_t)(hit - bytes.p), (uint8_t)(*hit ^ 4));
		assert_int_equal(problems(&c, &k, &bad), 1);
		if (!str_eqc(bad->log_id, "journal") || bad->bad_entry != 7) fail_msg("%.*s: %.*s", STR(bad->log_id), STR(bad->problem));
		assert_true(str_starts(bad->problem, i ? S("tile/0/000.p/12: the hash of entry 7") : S("tile/entries/000.p/12: entry 7")));
		poke(fd, (size_t)(hit - bytes.p), (uint8_t)*hit);
	}
	FD_AUTO fd = openat(k.fd, "wal", O_RDWR);
	Str last = kit_entry(kit_ids[1], 5, room);
	assert_done(&c, file_read_path(&c, k.fd, "wal", FILE_MAX_BYTES, &bytes));
	const char *hit = (const char *)memmem(bytes.p, bytes.n, last.p, last.n) + 1;
	poke(fd, (size_t)(hit - bytes.p), (uint8_t)(*hit ^ 4));
	assert_int_equal(problems(&c, &k, &bad), 1);
	assert_true(str_eqc(bad->log_id, ID_A) && bad->bad_entry == 5);
	kit_fini(&k);
}

/* What opening reads is checked at opening: the damaged log refuses entries and signatures, the other goes on; and it stays so. */
static void
open_finds(void **state)
{
	static const struct { const char *path; bool all; } hits[] = {
	    {"logs/journal/checkpoint", false}, {"logs/journal/keys", false}, {"logs/journal/tile/0/000.p/12", false},
	    {"logs/journal/tile/entries/000.p/12", false}, {"wal", true},
	};
	ARENA_AUTO a = ARENA_INIT;
	struct ctx c = {.arena = &a};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(hits); i++) {
		struct kit k;
		Str bytes;
		uint64_t index;
		struct ledger_state *s;
		build(&c, &k, 12);
		assert_done(&c, file_read_path(&c, k.fd, hits[i].path, FILE_MAX_BYTES, &bytes));
		FD_AUTO fd = openat(k.fd, hits[i].path, O_RDWR);
		poke(fd, 9, (uint8_t)bytes.p[9] ^ 1);
		for (int again = 0; again < 3; again++) {
			struct ledger *l = NULL;
			assert_done(&c, ledger_open(&c, k.fd, &l));
			assert_int_equal(ledger_append(&c, l, kit_ids[0], S("x"), &index).code, ERR_CORRUPT);
			assert_int_equal(ledger_append(&c, l, kit_ids[1], S("x"), &index).code, hits[i].all ? ERR_CORRUPT : ERR_NONE);
			ledger_rollback(l);
			assert_int_equal(ledger_states(l, &a, &s), 2);
			assert_true(s[1].damaged && s[1].damage[0] && s[0].damaged == hits[i].all);
			assert_done(&c, ledger_publish(&c, l, kit_sign, NULL)); /* leaves out what is damaged */
			ledger_close(l);
		}
		poke(fd, 9, (uint8_t)bytes.p[9]); /* put right by hand, or from a copy: everything is there again */
		struct ledger *l = NULL;
		assert_done(&c, ledger_open(&c, k.fd, &l));
		size_t n = ledger_states(l, &a, &s);
		assert_true(n == 2 && !s[0].damaged && !s[1].damaged && s[0].size == 7 && s[1].size == 14);
		ledger_close(l);
		kit_fini(&k);
	}
}

/* A damaged item in the wal hits its own log only, and is carried over when the wal is written anew. */
static void
wal_item_sticks(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	struct ctx c = {.arena = &a};
	struct kit k;
	struct ledger_state *s;
	Str bytes;
	char room[256];

	(void)state;
	build(&c, &k, 12);
	Str last = kit_entry(kit_ids[1], 5, room);
	FD_AUTO fd = openat(k.fd, "wal", O_RDWR);
	assert_done(&c, file_read_path(&c, k.fd, "wal", FILE_MAX_BYTES, &bytes));
	const char *hit = (const char *)memmem(bytes.p, bytes.n, last.p, last.n) + 1;
	poke(fd, (size_t)(hit - bytes.p), (uint8_t)(*hit ^ 4));
	for (int again = 0; again < 3; again++) {
		struct ledger *l = NULL;
		assert_done(&c, ledger_open(&c, k.fd, &l));
		size_t n = ledger_states(l, &a, &s);
		assert_true(n == 2 && s[0].damaged && strstr(s[0].damage, "entry 5") && !s[1].damaged);
		assert_done(&c, kit_append(&c, l, kit_ids[0], 1));
		assert_done(&c, ledger_commit(&c, l));
		assert_done(&c, ledger_publish(&c, l, kit_sign, NULL));
		ledger_close(l);
	}
	kit_fini(&k);
}

/* Files that are gone or older than they should be. */
static void
lost_and_rolled_back(void **state)
{
	static const char *const gone[] = {"wal", "logs/journal", "logs/journal/checkpoint", "logs/journal/tile/0/000.p/12", "logs/journal/tile"};
	ARENA_AUTO a = ARENA_INIT;
	struct ctx c = {.arena = &a};

	(void)state;
	for (size_t i = 0; i <= ARRAY_LEN(gone); i++) {
		struct kit k;
		struct ledger *l = NULL;
		struct ledger_state *s;
		uint64_t index;
		Str old;
		build(&c, &k, 12);
		if (i < ARRAY_LEN(gone)) {
			assert_done(&c, dir_remove(&c, k.fd, gone[i]));
		} else { /* the checkpoint of an earlier day */
			assert_done(&c, file_read_path(&c, k.fd, "logs/journal/checkpoint", FILE_MAX_BYTES, &old));
			assert_done(&c, ledger_open(&c, k.fd, &l));
			assert_done(&c, ledger_publish(&c, l, kit_sign, NULL));
			ledger_close(l);
			assert_done(&c, file_replace(&c, k.fd, "logs/journal/checkpoint", old, 0600));
		}
		for (int again = 0; again < 2; again++) {
			assert_done(&c, ledger_open(&c, k.fd, &l));
			size_t n = ledger_states(l, &a, &s);
			assert_true(n == 2 && s[1].damaged);
			assert_int_equal(ledger_append(&c, l, kit_ids[0], S("x"), &index).code, ERR_CORRUPT);
			ledger_close(l);
		}
		kit_fini(&k);
	}
}

/* Damage in what opening does not read is found when it is read, and stops the log then. */
static void
reading_finds(void **state)
{
	static const char *const hits[] = {"logs/journal/tile/entries/000", "logs/journal/tile/0/000", "logs/journal/tile/entries/001"};
	ARENA_AUTO a = ARENA_INIT;
	struct ctx c = {.arena = &a};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(hits); i++) {
		struct kit k;
		struct ledger *l = NULL;
		Str bytes, entry;
		uint64_t index, first = i == 2 ? 256 : 0;
		build(&c, &k, 600);
		assert_done(&c, file_read_path(&c, k.fd, hits[i], FILE_MAX_BYTES, &bytes));
		FD_AUTO fd = openat(k.fd, hits[i], O_RDWR);
		poke(fd, 5, (uint8_t)bytes.p[5] ^ 1);
		assert_done(&c, ledger_open(&c, k.fd, &l));
		assert_done(&c, ledger_entry(&c, l, kit_ids[0], 601, &entry));
		assert_int_equal(ledger_entry(&c, l, kit_ids[0], first, &entry).code, ERR_CORRUPT);
		assert_int_equal(ledger_append(&c, l, kit_ids[0], S("x"), &index).code, ERR_CORRUPT);
		ledger_close(l);
		kit_fini(&k);
	}
}

/* An entry changed together with its record's checksum, its bundle and its hash tile: still not what was signed. */
static void
planted(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	struct ctx c = {.arena = &a};
	struct kit k;
	const struct verify_report *bad = NULL;
	BUF_AUTO bundle = BUF_INIT;
	Str tile;
	char room[256];

	(void)state;
	build(&c, &k, 12);
	assert_done(&c, file_read_path(&c, k.fd, "logs/journal/tile/0/000.p/12", FILE_MAX_BYTES, &tile));
	for (uint64_t i = 0; i < 12; i++) {
		Str entry = i == 4 ? S("planted") : kit_entry(kit_ids[0], i, room);
		buf_u16be(&bundle, (uint16_t)entry.n);
		buf_str(&bundle, entry);
	}
	Hash leaf = tree_leaf(S("planted"));
	memcpy((char *)(uintptr_t)tile.p + 4 * 32, leaf.b, 32);
	assert_done(&c, file_replace(&c, k.fd, "logs/journal/tile/0/000.p/12", tile, 0600));
	assert_done(&c, file_replace(&c, k.fd, "logs/journal/tile/entries/000.p/12", buf_view(&bundle), 0600));
	assert_int_equal(problems(&c, &k, &bad), 1);
	struct ledger *l = NULL;
	struct ledger_state *s;
	assert_done(&c, ledger_open(&c, k.fd, &l));
	assert_true(ledger_states(l, &a, &s) == 2 && s[1].damaged);
	ledger_close(l);
	kit_fini(&k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(flip_small),           cmocka_unit_test(flip_two_levels), cmocka_unit_test(entry_named), cmocka_unit_test(open_finds),
	    cmocka_unit_test(wal_item_sticks),      cmocka_unit_test(lost_and_rolled_back), cmocka_unit_test(reading_finds),
	    cmocka_unit_test(planted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
