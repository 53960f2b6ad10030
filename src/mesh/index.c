#include "mesh/index.h"

#include <assert.h>
#include <stdlib.h>

#include "base/arena.h"

static uint64_t
mix(uint64_t h, Str s)
{
	uint64_t w;

	h ^= s.n * UINT64_C(0x9e3779b97f4a7c15);
	while (s.n >= 8) {
		memcpy(&w, s.p, 8);
		h = (h ^ w) * UINT64_C(0xff51afd7ed558ccd);
		h ^= h >> 32;
		s = str_of(s.p + 8, s.n - 8);
	}
	for (w = 0; s.n > 0; s.n--) w = w << 8 | (unsigned char)s.p[s.n - 1];
	h = (h ^ w) * UINT64_C(0xff51afd7ed558ccd);
	h ^= h >> 29;
	return h * UINT64_C(0xc4ceb9fe1a85ec53);
}

uint32_t
index_hash(uint64_t seed, Str a, Str b)
{
	return (uint32_t)(mix(mix(seed, a), b) >> 32);
}

/* Of bits that do not choose the place. */
static uint8_t
mark_of(uint32_t hash)
{
	return (uint8_t)(0x80 | hash >> 25);
}

static void
place(struct index *x, uint32_t hash, void *item)
{
	uint32_t i = hash & (x->cap - 1);

	while (x->marks[i]) i = (i + 1) & (x->cap - 1);
	x->items[i] = item;
	x->hashes[i] = hash;
	x->marks[i] = mark_of(hash);
}

static void
grow(struct index *x)
{
	struct index old = *x;

	x->cap = old.cap ? old.cap * 2 : 16;
	x->items = mem_huge(x->cap * (sizeof *x->items + sizeof *x->hashes + sizeof *x->marks));
	x->hashes = (uint32_t *)(x->items + x->cap);
	x->marks = (uint8_t *)(x->hashes + x->cap);
	memset(x->marks, 0, x->cap);
	for (uint32_t i = 0; i < old.cap; i++)
		if (old.marks[i]) place(x, old.hashes[i], old.items[i]);
	free(old.items);
}

void **
index_find(const struct index *x, uint32_t hash, bool (*equal)(const void *item, const void *key), const void *key)
{
	uint8_t mark = mark_of(hash);

	if (x->count == 0) return NULL;
	for (uint32_t i = hash & (x->cap - 1); x->marks[i]; i = (i + 1) & (x->cap - 1))
		if (x->marks[i] == mark && equal(x->items[i], key)) return &x->items[i];
	return NULL;
}

void
index_expect(const struct index *x, uint32_t hash)
{
	uint32_t i = hash & (x->cap - 1);

	if (x->count == 0) return;
	__builtin_prefetch(&x->marks[i]);
	__builtin_prefetch(&x->items[i]);
}

void
index_add(struct index *x, uint32_t hash, void *item)
{
	assert(x->count < UINT32_MAX / 4);
	if ((x->count + 1) * 4 > x->cap * 3) grow(x);
	x->count++;
	place(x, hash, item);
}

void *
index_next(const struct index *x, uint32_t *at)
{
	while (*at < x->cap) {
		uint32_t i = (*at)++;
		if (x->marks[i]) return x->items[i];
	}
	return NULL;
}

void
index_fini(struct index *x)
{
	free(x->items);
	*x = (struct index){0};
}
