#include "mesh/index.h"

#include <assert.h>
#include <stdlib.h>

#include "base/arena.h"

static uint64_t
mix(uint64_t h, Str s)
{
	h ^= s.n * UINT64_C(0x9e3779b97f4a7c15);
	while (s.n >= 8) {
		uint64_t w;
		memcpy(&w, s.p, 8);
		h = (h ^ w) * UINT64_C(0xff51afd7ed558ccd);
		h ^= h >> 32;
		s = str_of(s.p + 8, s.n - 8);
	}
	for (size_t i = 0; i < s.n; i++) h = (h ^ (unsigned char)s.p[i]) * UINT64_C(0x100000001b3);
	h ^= h >> 29;
	return h * UINT64_C(0xc4ceb9fe1a85ec53);
}

uint32_t
index_hash(uint64_t seed, Str a, Str b)
{
	return (uint32_t)(mix(mix(seed, a), b) >> 32);
}

static struct index_slot *
slot_free(struct index *x, uint32_t hash)
{
	for (uint32_t i = hash & (x->slot_cap - 1);; i = (i + 1) & (x->slot_cap - 1))
		if (!x->slots[i].item) return &x->slots[i];
}

static void
slots_grow(struct index *x)
{
	struct index_slot *old = x->slots;
	uint32_t old_cap = x->slot_cap;

	x->slot_cap = old_cap ? old_cap * 2 : 16;
	x->slots = mem_alloc(x->slot_cap * sizeof *x->slots);
	for (uint32_t i = 0; i < old_cap; i++)
		if (old[i].item) *slot_free(x, old[i].hash) = old[i];
	free(old);
}

void **
index_find(const struct index *x, uint32_t hash, bool (*equal)(const void *item, const void *key), const void *key)
{
	if (x->count == 0) return NULL;
	for (uint32_t i = hash & (x->slot_cap - 1); x->slots[i].item; i = (i + 1) & (x->slot_cap - 1)) {
		struct index_slot *s = &x->slots[i];
		if (s->hash == hash && equal(s->item, key)) return &s->item;
	}
	return NULL;
}

void
index_add(struct index *x, uint32_t hash, void *item)
{
	assert(x->count < UINT32_MAX / 4);
	if ((x->count + 1) * 4 > x->slot_cap * 3) slots_grow(x);
	x->count++;
	*slot_free(x, hash) = (struct index_slot){.item = item, .hash = hash};
}

void *
index_next(const struct index *x, uint32_t *at)
{
	while (*at < x->slot_cap) {
		void *item = x->slots[(*at)++].item;
		if (item) return item;
	}
	return NULL;
}

void
index_fini(struct index *x)
{
	free(x->slots);
	*x = (struct index){0};
}
