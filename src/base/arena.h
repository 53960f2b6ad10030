/* Arena: bump allocation, freed at once. Aborts when memory runs out; limits are the business of whoever reads input. */
#ifndef HEDDLE_BASE_ARENA_H
#define HEDDLE_BASE_ARENA_H

#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

struct arena_chunk;

struct arena {
	struct arena_chunk *head;
	size_t total_bytes;  /* what was asked of malloc, for limits and metrics */
};

#define ARENA_INIT ((struct arena){0})

/* Zeroed memory, aligned for any type, valid until arena_fini() or arena_reset(). size 0 gives a valid pointer. */
void *arena_alloc(struct arena *a, size_t size);
/* count × size with overflow check. */
void *arena_array(struct arena *a, size_t count, size_t size);
/* A NUL-terminated copy. */
char *arena_dup(struct arena *a, const char *p, size_t n);
Str arena_str(struct arena *a, Str s);
Str arena_printf(struct arena *a, const char *fmt, ...) PRINTF(2, 3);
/* Forget everything, keep one chunk. */
void arena_reset(struct arena *a);
void arena_fini(struct arena *a);

#define ARENA_AUTO __attribute__((cleanup(arena_fini))) struct arena
#define NEW(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define NEW_N(a, n, type) ((type *)arena_array((a), (n), sizeof(type)))

/* malloc family that aborts instead of returning NULL; free with free(). */
enum { HUGE_PAGE = 2 * 1024 * 1024 };
/* Not zeroed. From HUGE_PAGE on it begins at such a page and asks for them: memory that is read here and there waits less for the processor to find
 * out where it is. */
void *mem_huge(size_t size);
void *mem_alloc(size_t size);           /* zeroed */
void *mem_resize(void *p, size_t size); /* not zeroed */
char *mem_dup(const char *p, size_t n); /* NUL-terminated */

#endif
