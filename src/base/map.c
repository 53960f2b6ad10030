#include "base/map.h"

#include <stdlib.h>

#include "base/arena.h"

static uint64_t seed_ = 0x9ae16a3b2f90404fULL;
static char tombstone[1];

void map_seed(uint64_t seed) { seed_ = seed; }

static uint32_t
hash_of(Str k)
{
	uint64_t h = seed_ ^ (k.n * 0x9e3779b97f4a7c15ULL);

	while (k.n >= 8) {
		uint64_t w;
		memcpy(&w, k.p, 8);
		h = (h ^ w) * 0xff51afd7ed558ccdULL;
		h ^= h >> 32;
		k.p += 8, k.n -= 8;
	}
	for (size_t i = 0; i < k.n; i++) h = (h ^ (unsigned char)k.p[i]) * 0x100000001b3ULL;
	h ^= h >> 29;
	h *= 0xc4ceb9fe1a85ec53ULL;
	return (uint32_t)(h >> 32);
}

static struct map_slot *
find(const struct map *m, Str key, uint32_t h)
{
	struct map_slot *grave = NULL;

	for (size_t i = h & (m->cap - 1);; i = (i + 1) & (m->cap - 1)) {
		struct map_slot *s = &m->slots[i];
		if (!s->key) return grave ? grave : s;
		if (s->key == tombstone) {
			if (!grave) grave = s;
		} else if (s->hash == h && s->key_n == key.n && memcmp(s->key, key.p, key.n) == 0)
			return s;
	}
}

static void
grow(struct map *m)
{
	struct map old = *m;
	size_t cap = old.cap == 0 ? 16 : old.count * 4 > old.cap * 2 ? old.cap * 2 : old.cap;

	*m = (struct map){.slots = mem_alloc(cap * sizeof(struct map_slot)), .cap = cap, .count = old.count, .used = old.count};
	for (size_t i = 0; i < old.cap; i++) {
		struct map_slot *s = &old.slots[i];
		if (s->key && s->key != tombstone) *find(m, str_of(s->key, s->key_n), s->hash) = *s;
	}
	free(old.slots);
}

void *
map_get(const struct map *m, Str key)
{
	if (m->count == 0) return NULL;
	struct map_slot *s = find(m, key, hash_of(key));
	return s->key && s->key != tombstone ? s->value : NULL;
}

void *
map_put(struct map *m, Str key, void *value)
{
	if ((m->used + 1) * 4 > m->cap * 3) grow(m);
	uint32_t h = hash_of(key);
	struct map_slot *s = find(m, key, h);
	if (s->key && s->key != tombstone) {
		void *was = s->value;
		s->value = value;
		return was;
	}
	if (!s->key) m->used++;
	*s = (struct map_slot){.key = mem_dup(key.p, key.n), .key_n = (uint32_t)key.n, .hash = h, .value = value};
	m->count++;
	return NULL;
}

void *
map_del(struct map *m, Str key)
{
	if (m->count == 0) return NULL;
	struct map_slot *s = find(m, key, hash_of(key));
	if (!s->key || s->key == tombstone) return NULL;
	void *was = s->value;
	free(s->key);
	*s = (struct map_slot){.key = tombstone};
	m->count--;
	return was;
}

bool
map_next(const struct map *m, size_t *i, Str *ret_key, void **ret_value)
{
	for (; *i < m->cap; (*i)++) {
		const struct map_slot *s = &m->slots[*i];
		if (!s->key || s->key == tombstone) continue;
		if (ret_key) *ret_key = str_of(s->key, s->key_n);
		if (ret_value) *ret_value = s->value;
		(*i)++;
		return true;
	}
	return false;
}

void
map_fini(struct map *m)
{
	for (size_t i = 0; i < m->cap; i++)
		if (m->slots[i].key != tombstone) free(m->slots[i].key);
	free(m->slots);
	*m = MAP_INIT;
}
