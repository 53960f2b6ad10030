#include "base/distinct.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

enum { PARTS = 1024, PART_SHIFT = 54, BLOCK_VALUES = 1023, SMALL_PART = 1 << 16 };

struct block {
	struct block *next;
	uint64_t v[BLOCK_VALUES];
};

struct distinct {
	struct block *part[PARTS]; /* newest first; only the newest may have room */
	uint32_t used[PARTS];      /* values in the newest block */
	uint64_t count[PARTS], total;
	size_t bytes, limit;
	bool over;
};

struct distinct *
distinct_new(size_t limit_bytes)
{
	struct distinct *d = mem_alloc(sizeof *d);

	d->limit = limit_bytes;
	return d;
}

static void
part_free(struct distinct *d, size_t p)
{
	for (struct block *b = d->part[p], *next; b; b = next) {
		next = b->next;
		free(b);
	}
	d->part[p] = NULL;
}

void
distinct_free(struct distinct *d)
{
	for (size_t p = 0; d && p < PARTS; p++) part_free(d, p);
	free(d);
}

static bool
block_new(struct distinct *d, size_t p)
{
	if (d->bytes + sizeof(struct block) > d->limit) {
		d->over = true;
		for (size_t i = 0; i < PARTS; i++) part_free(d, i);
		return false;
	}
	struct block *b = mem_resize(NULL, sizeof *b); /* not zeroed: every value is set before it is read */
	b->next = d->part[p];
	d->part[p] = b;
	d->used[p] = 0;
	d->bytes += sizeof *b;
	return true;
}

bool
distinct_add(struct distinct *d, const uint64_t *values, size_t n)
{
	if (d->over) return false;
	for (size_t i = 0; i < n; i++) {
		size_t p = (size_t)(values[i] >> PART_SHIFT);
		if ((!d->part[p] || d->used[p] == BLOCK_VALUES) && !block_new(d, p)) return false;
		d->part[p]->v[d->used[p]++] = values[i];
		d->count[p]++;
	}
	d->total += n;
	return true;
}

/* Open addressing; 0 marks a free slot, so the value 0 is looked after apart. */
struct table {
	uint64_t *slots;
	size_t mask, cap;
	bool zero;
};

static void
table_reset(struct table *t, uint64_t values)
{
	size_t want = 64;

	while (want < 2 * values) want *= 2;
	if (want > t->cap) {
		free(t->slots);
		t->slots = mem_alloc(want * sizeof *t->slots);
		t->cap = want;
	} else {
		memset(t->slots, 0, want * sizeof *t->slots);
	}
	t->mask = want - 1;
	t->zero = false;
}

/* Was it there before? */
static bool
table_put(struct table *t, uint64_t v)
{
	if (v == 0) {
		bool was = t->zero;
		t->zero = true;
		return was;
	}
	size_t i = (size_t)((v * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & t->mask;
	for (; t->slots[i]; i = (i + 1) & t->mask)
		if (t->slots[i] == v) return true;
	t->slots[i] = v;
	return false;
}

static bool
told(const uint64_t *values, size_t n, uint64_t v)
{
	for (size_t i = 0; i < n; i++)
		if (values[i] == v) return true;
	return false;
}

bool
distinct_count(struct distinct *d, uint64_t *ret_repeats, uint64_t *ret_values, size_t cap, size_t *ret_n)
{
	struct table t = {0};
	uint64_t repeats = 0;
	size_t n = 0;

	if (d->over) return false;
	for (size_t p = 0; p < PARTS; p++)
		if (d->count[p] > SMALL_PART && d->count[p] > 4 * (d->total / PARTS)) return false;
	for (size_t p = 0; p < PARTS; p++) {
		table_reset(&t, d->count[p]);
		for (const struct block *b = d->part[p]; b; b = b->next) {
			uint32_t used = b == d->part[p] ? d->used[p] : BLOCK_VALUES;
			for (uint32_t i = 0; i < used; i++) {
				if (!table_put(&t, b->v[i])) continue;
				repeats++;
				if (n < cap && !told(ret_values, n, b->v[i])) ret_values[n++] = b->v[i];
			}
		}
		part_free(d, p);
	}
	free(t.slots);
	*ret_repeats = repeats;
	*ret_n = n;
	return true;
}
