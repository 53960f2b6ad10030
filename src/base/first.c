#include "base/first.h"

#include <string.h>

static void
swap(struct first *f, size_t i, size_t k)
{
	const void *x = f->list[i];

	f->list[i] = f->list[k];
	f->list[k] = x;
}

static void
rise(struct first *f, size_t i)
{
	for (size_t up; i > 0 && f->by(f->list[i], f->list[up = (i - 1) / 2]) > 0; i = up) swap(f, i, up);
}

static void
sink(struct first *f, size_t i, size_t n)
{
	for (size_t next; (next = 2 * i + 1) < n; i = next) {
		if (next + 1 < n && f->by(f->list[next + 1], f->list[next]) > 0) next++;
		if (f->by(f->list[next], f->list[i]) <= 0) return;
		swap(f, i, next);
	}
}

static void
grow(struct first *f)
{
	size_t cap = f->cap ? f->cap * 2 : 16;
	const void **list = NEW_N(f->a, cap, const void *);

	if (f->n) memcpy(list, f->list, f->n * sizeof *list);
	f->list = list;
	f->cap = cap;
}

const void *
first_add(struct first *f, const void *thing)
{
	if (f->n < f->most) {
		if (f->n == f->cap) grow(f);
		f->list[f->n] = thing;
		rise(f, f->n++);
		return NULL;
	}
	if (f->n == 0 || f->by(thing, f->list[0]) >= 0) return thing;
	const void *last = f->list[0];
	f->list[0] = thing;
	sink(f, 0, f->n);
	return last;
}

void
first_sort(struct first *f)
{
	for (size_t n = f->n; n > 1; n--) {
		swap(f, 0, n - 1);
		sink(f, 0, n - 1);
	}
}
