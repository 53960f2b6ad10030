/* An index over items that stand elsewhere: finds them by a hash and a comparison that the caller gives. 17 to 35 bytes an item. Most of what a
 * decision looks for is not there, and is told from a byte for each place, so small that it stays near the processor; what is there costs one
 * place of memory before the item itself. That is why base/map.h (a copy of each key) does not do for a million grants.
 * Nothing is ever taken out. Private to mesh/. */
#ifndef HEDDLE_MESH_INDEX_H
#define HEDDLE_MESH_INDEX_H

#include "base/str.h"

/* Three lists of `cap` places in one piece of memory. */
struct index {
	void **items;
	uint32_t *hashes; /* for when it grows */
	uint8_t *marks;   /* a few bits of the hash; 0: the place is free */
	uint32_t count, cap;
};

uint32_t index_hash(uint64_t seed, Str a, Str b);
/* Where the item stands, so that it can be exchanged for one of the same key; NULL when there is none. */
void **index_find(const struct index *x, uint32_t hash, bool (*equal)(const void *item, const void *key), const void *key);
void index_expect(const struct index *x, uint32_t hash); /* it will be looked for soon: what is read then is fetched meanwhile */
void index_add(struct index *x, uint32_t hash, void *item); /* its key must not be there yet */
/* The items, in an order that means nothing; NULL at the end. *at begins as 0. */
void *index_next(const struct index *x, uint32_t *at);
void index_fini(struct index *x);

#endif
