/* A hash map from byte strings to pointers. Keys are copied; values are borrowed. Open addressing, SipHash-free FNV with a
 * per-process seed (set once by map_seed()) so that outsiders cannot aim at one bucket. */
#ifndef HEDDLE_BASE_MAP_H
#define HEDDLE_BASE_MAP_H

#include "base/str.h"

struct map_slot {
	char *key;
	uint32_t key_n, hash;
	void *value;
};

struct map {
	struct map_slot *slots;
	size_t cap, count, used; /* used counts tombstones too */
};

#define MAP_INIT ((struct map){0})

void map_seed(uint64_t seed);
void *map_get(const struct map *m, Str key); /* NULL when absent */
/* Set or replace; returns the value that stood there, NULL if none. value must not be NULL. */
void *map_put(struct map *m, Str key, void *value);
void *map_del(struct map *m, Str key); /* the value removed, NULL if none */
/* Walk in no particular order: for (size_t i = 0; map_next(m, &i, &key, &value);) — no changes meanwhile. */
bool map_next(const struct map *m, size_t *i, Str *ret_key, void **ret_value);
void map_fini(struct map *m); /* frees the keys, not the values */

#endif
