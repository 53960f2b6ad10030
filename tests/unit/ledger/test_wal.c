#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "base/arena.h"
#include "ledger/wal.h"

#define ID "journal"

struct seen { unsigned heads, items, bad; uint64_t last; };

static Err
on_head(struct ctx *c, void *arg, Str log_id, const struct ledger_head *head)
{
	(void)c;
	assert_true(str_eqc(log_id, ID) && head->size == 7);
	((struct seen *)arg)->heads++;
	return OK;
}

static Err
on_item(struct ctx *c, void *arg, const struct wal_item *item)
{
	struct seen *s = arg;

	(void)c;
	s->items++;
	s->bad += !item->good;
	s->last = item->index;
	return OK;
}

static struct wal_scan
scan(Str bytes, struct seen *seen)
{
	struct ctx c = {.arena = NULL};
	struct wal_scan s;

	*seen = (struct seen){0};
	assert_true(err_ok(wal_read(&c, bytes, &(struct wal_visitor){on_head, on_item, seen}, &s)));
	return s;
}

/* Heads, then three groups of two entries of `entry_n` bytes each; where each record begins. */
static void
sample(struct buf *out, size_t entry_n, size_t ret_at[5])
{
	char *entry = mem_alloc(entry_n + 1);
	struct ledger_head head = {.size = 7};

	memset(entry, 'e', entry_n);
	ret_at[0] = wal_begin(out, WAL_HEADS, 41);
	wal_put_head(out, S(ID), &head);
	wal_end(out, ret_at[0]);
	for (unsigned i = 0; i < 3; i++) {
		ret_at[i + 1] = wal_begin(out, WAL_GROUP, 42 + i);
		wal_put_entry(out, S(ID), 7 + 2 * i, str_of(entry, entry_n));
		wal_put_entry(out, S(ID), 8 + 2 * i, S(""));
		wal_end(out, ret_at[i + 1]);
	}
	ret_at[4] = out->n;
	free(entry);
}

static void
round_trip(void **state)
{
	BUF_AUTO b = BUF_INIT;
	struct seen seen;
	size_t at[5];

	(void)state;
	sample(&b, 100, at);
	struct wal_scan s = scan(buf_view(&b), &seen);
	assert_true(!s.damaged && s.cut_bytes == 0 && s.good_bytes == b.n && s.next_sequence == 45);
	assert_true(seen.heads == 1 && seen.items == 6 && seen.bad == 0 && seen.last == 12);
}

/* Cut at every place: what is whole before it is read, the rest is cut; inside the first record it is damage. */
static void
short_tails(void **state)
{
	BUF_AUTO b = BUF_INIT;
	struct seen seen;
	size_t at[5];

	(void)state;
	sample(&b, 100, at);
	for (size_t n = 0; n < b.n; n++) {
		struct wal_scan s = scan(str_of(b.p, n), &seen);
		unsigned whole = 0;
		while (whole < 4 && at[whole + 1] <= n) whole++;
		assert_int_equal(s.damaged, whole == 0);
		if (whole == 0) continue;
		assert_int_equal(s.good_bytes, at[whole]);
		assert_int_equal(s.cut_bytes, n - at[whole]);
		assert_int_equal(seen.items, 2 * (whole - 1));
	}
}

/* Zeros at the end, and whole sectors of zeros within the last record, are what a power loss leaves. */
static void
zero_tails(void **state)
{
	BUF_AUTO b = BUF_INIT, zeros = BUF_INIT;
	struct seen seen;
	size_t at[5];

	(void)state;
	sample(&b, 3000, at);
	for (size_t from = at[3]; from + 16 < b.n; from += 37) {
		zeros.n = 0;
		buf_str(&zeros, buf_view(&b));
		memset(zeros.p + from, 0, b.n - from);
		struct wal_scan s = scan(buf_view(&zeros), &seen);
		assert_true(!s.damaged && s.good_bytes == at[3] && s.cut_bytes == b.n - at[3] && seen.items == 4);
	}
	size_t sector = (at[3] + 1023) / 512 * 512;
	zeros.n = 0;
	buf_str(&zeros, buf_view(&b));
	memset(zeros.p + sector, 0, 512);
	struct wal_scan s = scan(buf_view(&zeros), &seen);
	assert_true(!s.damaged && s.good_bytes == at[3] && seen.items == 4);
	/* the same hole in a record that others follow is damage */
	sector = (at[2] + 1023) / 512 * 512;
	zeros.n = 0;
	buf_str(&zeros, buf_view(&b));
	memset(zeros.p + sector, 0, 512);
	s = scan(buf_view(&zeros), &seen);
	assert_true((s.damaged || seen.bad > 0) && s.cut_bytes == 0);
	/* zeros behind the last record, as a file that grew without its data */
	zeros.n = 0;
	buf_str(&zeros, buf_view(&b));
	buf_reserve(&zeros, 4096);
	memset(zeros.p + zeros.n, 0, 4096);
	zeros.n += 4096;
	s = scan(buf_view(&zeros), &seen);
	assert_true(!s.damaged && s.good_bytes == b.n && s.cut_bytes == 4096 && seen.items == 6);
}

/* No change of a single bit passes for a tear or for nothing: it is damage, or one item that fails its own sum. */
static void
every_bit(void **state)
{
	BUF_AUTO b = BUF_INIT;
	struct seen seen;
	size_t at[5];

	(void)state;
	sample(&b, 40, at);
	for (size_t bit = 0; bit < b.n * 8; bit++) {
		b.p[bit / 8] ^= (char)(1 << bit % 8);
		struct wal_scan s = scan(buf_view(&b), &seen);
		if (s.cut_bytes || (!s.damaged && seen.bad == 0)) fail_msg("bit %zu of byte %zu was not seen", bit % 8, bit / 8);
		b.p[bit / 8] ^= (char)(1 << bit % 8);
	}
}

/* A whole record taken out of the middle, doubled, or two exchanged. */
static void
rows_moved(void **state)
{
	BUF_AUTO b = BUF_INIT, moved = BUF_INIT;
	struct seen seen;
	size_t at[5];

	(void)state;
	sample(&b, 40, at);
	buf_add(&moved, b.p, at[2]);
	buf_add(&moved, b.p + at[3], at[4] - at[3]);
	assert_true(scan(buf_view(&moved), &seen).damaged);
	moved.n = at[2];
	buf_add(&moved, b.p + at[1], at[2] - at[1]);
	assert_true(scan(buf_view(&moved), &seen).damaged);
	moved.n = 0;
	buf_add(&moved, b.p, at[1]);
	buf_add(&moved, b.p + at[2], at[3] - at[2]);
	buf_add(&moved, b.p + at[1], at[2] - at[1]);
	assert_true(scan(buf_view(&moved), &seen).damaged);
	moved.n = 0;
	assert_true(scan(buf_view(&moved), &seen).damaged); /* an empty file */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(round_trip), cmocka_unit_test(short_tails), cmocka_unit_test(zero_tails),
	    cmocka_unit_test(every_bit),  cmocka_unit_test(rows_moved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
