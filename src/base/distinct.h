/* Are these 64-bit values all different? For hashes of rows: exact, in one pass over any number of chunks, about 12 ns a value.
 * Values are put aside by their first ten bits, and each part is then searched in a table that fits a cache. */
#ifndef HEDDLE_BASE_DISTINCT_H
#define HEDDLE_BASE_DISTINCT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct distinct;

/* Keeps 8 bytes a value, up to 8 MiB more, at most limit_bytes. Free with distinct_free(). */
struct distinct *distinct_new(size_t limit_bytes);
void distinct_free(struct distinct *d); /* NULL is fine */
/* false: over the limit; what was added is forgotten, and so will be what follows. */
bool distinct_add(struct distinct *d, const uint64_t *values, size_t n);
/* How many values had been there before, and up to cap of the values that came more than once, each once. false: over the limit, or the
 * values are so unevenly spread that they can't be hashes. Once only. */
bool distinct_count(struct distinct *d, uint64_t *ret_repeats, uint64_t *ret_values, size_t cap, size_t *ret_n);

#endif
