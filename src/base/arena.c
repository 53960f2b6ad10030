#include "base/arena.h"

#include <stdarg.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { CHUNK_MIN = 8 * 1024, CHUNK_SHARE = 8 /* a new one is so much of what there is, up to a huge page */ };

struct arena_chunk {
	struct arena_chunk *next;
	size_t used, size;
	alignas(max_align_t) char data[];
};

void *
mem_alloc(size_t size)
{
	void *p = calloc(1, size ? size : 1);

	if (!p) abort();
	return p;
}

void *
mem_resize(void *p, size_t size)
{
	p = realloc(p, size ? size : 1);
	if (!p) abort();
	return p;
}

void *
mem_huge(size_t size)
{
	size_t whole;

	if (size < HUGE_PAGE) return mem_resize(NULL, size);
	if (__builtin_add_overflow(size, HUGE_PAGE - 1, &whole)) abort();
	whole &= ~(size_t)(HUGE_PAGE - 1);
	void *p = aligned_alloc(HUGE_PAGE, whole);
	if (!p) abort();
	(void)madvise(p, whole, MADV_HUGEPAGE); /* where there are none, smaller ones do */
	return p;
}

char *
mem_dup(const char *p, size_t n)
{
	char *q = mem_alloc(n + 1);

	if (n) memcpy(q, p, n);
	return q;
}

/* On ordinary pages: huge ones, cleared whole when they are first touched, made the folding of logs a fifth slower. */
static void
chunk_add(struct arena *a, size_t need)
{
	size_t share = a->total_bytes / CHUNK_SHARE, most = HUGE_PAGE - sizeof(struct arena_chunk);
	size_t size = share > most ? most : share > CHUNK_MIN ? share & ~(alignof(max_align_t) - 1) : CHUNK_MIN;

	if (need > size) size = need;
	struct arena_chunk *k = mem_resize(NULL, sizeof *k + size);
	*k = (struct arena_chunk){.next = a->head, .size = size};
	a->head = k;
	a->total_bytes += size;
}

void *
arena_alloc(struct arena *a, size_t size)
{
	size_t need;

	if (__builtin_add_overflow(size, alignof(max_align_t) - 1, &need)) abort();
	need &= ~(alignof(max_align_t) - 1);
	if (!a->head || a->head->size - a->head->used < need) chunk_add(a, need);
	void *p = a->head->data + a->head->used;
	a->head->used += need;
	return memset(p, 0, size);
}

void *
arena_array(struct arena *a, size_t count, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(count, size, &total)) abort();
	return arena_alloc(a, total);
}

char *
arena_dup(struct arena *a, const char *p, size_t n)
{
	char *q = arena_alloc(a, n + 1);

	if (n) memcpy(q, p, n);
	return q;
}

Str
arena_str(struct arena *a, Str s)
{
	return str_of(arena_dup(a, s.p, s.n), s.n);
}

Str
arena_printf(struct arena *a, const char *fmt, ...)
{
	char line[256]; /* most fit, and formatting costs more than a copy */
	va_list ap, again;

	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	if (n < 0) abort();
	char *p = arena_alloc(a, (size_t)n + 1);
	if ((size_t)n < sizeof line)
		memcpy(p, line, (size_t)n);
	else
		vsnprintf(p, (size_t)n + 1, fmt, again);
	va_end(again);
	return str_of(p, (size_t)n);
}

void
arena_reset(struct arena *a)
{
	struct arena_chunk *keep = a->head;

	if (!keep) return;
	for (struct arena_chunk *k = keep->next; k;) {
		struct arena_chunk *next = k->next;
		free(k);
		k = next;
	}
	keep->next = NULL;
	keep->used = 0;
	a->total_bytes = keep->size;
}

void
arena_fini(struct arena *a)
{
	while (a->head) {
		struct arena_chunk *next = a->head->next;
		free(a->head);
		a->head = next;
	}
	a->total_bytes = 0;
}
