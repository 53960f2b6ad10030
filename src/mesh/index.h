/* An index over items that stand elsewhere: finds them by a hash and a comparison that the caller gives. 21 to 43 bytes an item and one
 * place of memory to look at before the item itself, which is why base/map.h (a copy of each key) does not do for a million grants.
 * Nothing is ever taken out. Private to mesh/. */
#ifndef HEDDLE_MESH_INDEX_H
#define HEDDLE_MESH_INDEX_H

#include "base/str.h"

struct index_slot { void *item; /* NULL when free */ uint32_t hash; };

struct index {
	struct index_slot *slots;
	uint32_t count, slot_cap;
};

uint32_t index_hash(uint64_t seed, Str a, Str b);
/* Where the item stands, so that it can be exchanged for one of the same key; NULL when there is none. */
void **index_find(const struct index *x, uint32_t hash, bool (*equal)(const void *item, const void *key), const void *key);
void index_add(struct index *x, uint32_t hash, void *item); /* its key must not be there yet */
/* The items, in an order that means nothing; NULL at the end. *at begins as 0. */
void *index_next(const struct index *x, uint32_t *at);
void index_fini(struct index *x);

#endif
