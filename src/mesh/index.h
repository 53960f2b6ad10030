/* An index over items that stand elsewhere: finds them by a hash and a comparison that the caller gives. 16 bytes an item, which is
 * why base/map.h (a copy of each key) does not do for a million grants. Nothing is ever taken out. Private to mesh/. */
#ifndef HEDDLE_MESH_INDEX_H
#define HEDDLE_MESH_INDEX_H

#include "base/str.h"

struct index_slot { uint32_t hash, place; }; /* place: 1 + position in items, 0 when free */

struct index {
	struct index_slot *slots;
	void **items; /* in the order they came */
	uint32_t count, item_cap, slot_cap;
};

uint32_t index_hash(uint64_t seed, Str a, Str b);
/* Where the item stands, so that it can be exchanged for one of the same key; NULL when there is none. */
void **index_find(const struct index *x, uint32_t hash, bool (*equal)(const void *item, const void *key), const void *key);
void index_add(struct index *x, uint32_t hash, void *item); /* its key must not be there yet */
void index_fini(struct index *x);

#endif
