#include "ledger/tile.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"

/* --- paths --- */

/* A number in groups of three digits, all but the last marked: 1234067 is x001/x234/067. */
static size_t
number_put(uint64_t n, char *out, size_t room)
{
	unsigned group[7];
	size_t count = 0, used = 0;

	do group[count++] = (unsigned)(n % 1000);
	while ((n /= 1000) > 0);
	while (--count > 0) used += (size_t)snprintf(out + used, room - used, "x%03u/", group[count]);
	return used + (size_t)snprintf(out + used, room - used, "%03u", group[0]);
}

static size_t
place_put(int level, uint64_t n, char *out)
{
	int used = level == TILE_ENTRIES ? snprintf(out, TILE_PATH_MAX, "tile/entries/") : snprintf(out, TILE_PATH_MAX, "tile/%d/", level);

	return (size_t)used + number_put(n, out + used, TILE_PATH_MAX - (size_t)used);
}

void
tile_path(struct tile_ref t, char ret[static TILE_PATH_MAX])
{
	size_t used = place_put(t.level, t.n, ret);

	assert(t.width >= 1 && t.width <= TILE_WIDTH && t.level >= TILE_ENTRIES && t.level < TILE_LEVELS);
	if (t.width < TILE_WIDTH) snprintf(ret + used, TILE_PATH_MAX - used, ".p/%u", t.width);
}

void
tile_partial_folder(int level, uint64_t n, char ret[static TILE_PATH_MAX])
{
	size_t used = place_put(level, n, ret);

	snprintf(ret + used, TILE_PATH_MAX - used, ".p");
}

bool
tile_parse(Str path, struct tile_ref *ret)
{
	Str part, rest = str_cut(path, '/', &part);
	uint64_t level = 0, width = TILE_WIDTH, n = 0;
	char again[TILE_PATH_MAX];

	if (path.n >= TILE_PATH_MAX || !str_eqc(part, "tile")) return false;
	rest = str_cut(rest, '/', &part);
	bool entries = str_eqc(part, "entries");
	if (!entries && (!str_u64(part, &level) || level >= TILE_LEVELS)) return false;
	for (size_t i = 0; i < rest.n && rest.p[i] != '.'; i++) {
		char ch = rest.p[i];
		if (ch >= '0' && ch <= '9' && (__builtin_mul_overflow(n, 10u, &n) || __builtin_add_overflow(n, (uint64_t)(ch - '0'), &n))) return false;
	}
	Str suffix = str_cut(rest, '.', &part);
	if (suffix.p && (!str_starts(suffix, S("p/")) || !str_u64(str_of(suffix.p + 2, suffix.n - 2), &width) || width < 1 || width > 255)) return false;
	struct tile_ref t = {entries ? TILE_ENTRIES : (int)level, n, (unsigned)width};
	tile_path(t, again); /* the one way to write it */
	if (!str_eqc(path, again)) return false;
	*ret = t;
	return true;
}

struct tile_ref
tile_edge(int level, uint64_t size)
{
	uint64_t hashes = size >> (TILE_BITS * (level == TILE_ENTRIES ? 0 : level));

	return (struct tile_ref){level, hashes >> TILE_BITS, (unsigned)(hashes & 255)};
}

/* --- contents --- */

Hash
tile_root(const Hash *h, size_t n)
{
	Hash row[TILE_WIDTH / 2];

	assert(n >= 1 && n <= TILE_WIDTH);
	if (n == 1) return h[0];
	if (n & (n - 1)) {
		struct tree_edge e = {.size = 0};
		for (size_t i = 0; i < n; i++) tree_append(&e, &h[i]);
		return tree_root(&e);
	}
	for (size_t i = 0; i < n / 2; i++) row[i] = tree_node(&h[2 * i], &h[2 * i + 1]);
	for (n /= 2; n > 1; n /= 2)
		for (size_t i = 0; i < n / 2; i++) row[i] = tree_node(&row[2 * i], &row[2 * i + 1]);
	return row[0];
}

unsigned
bundle_split(Str bytes, unsigned width, uint32_t ret_at[static TILE_WIDTH + 1])
{
	size_t at = 0;
	unsigned i = 0;

	ret_at[0] = 2;
	for (; i < width && bytes.n - at >= 2; i++) {
		size_t n = (size_t)(uint8_t)bytes.p[at] << 8 | (uint8_t)bytes.p[at + 1];
		if (bytes.n - at - 2 < n) break;
		ret_at[i] = (uint32_t)at + 2;
		at += 2 + n;
		ret_at[i + 1] = (uint32_t)at + 2;
	}
	return i == width && at != bytes.n ? width - 1 : i; /* left-over bytes spoil the last */
}

/* --- the right edge --- */

Hash *
tile_stack_room(struct tile_stack *s, int level)
{
	if (!s->h[level]) s->h[level] = mem_alloc(TILE_BYTES);
	return s->h[level];
}

Err
tile_stack_push(struct ctx *c, struct tile_stack *s, const Hash *leaf, tile_full_fn full, void *arg)
{
	Hash h = *leaf;

	for (int level = 0; level < TILE_LEVELS; level++) {
		unsigned at = tile_stack_width(s, level);
		Hash *row = tile_stack_room(s, level);
		row[at] = h;
		if (at + 1 < TILE_WIDTH) break;
		uint64_t n = s->size >> (TILE_BITS * (level + 1));
		TRY(full(c, arg, (struct tile_ref){level, n, TILE_WIDTH}, row));
		h = tile_root(row, TILE_WIDTH);
	}
	s->size++;
	return OK;
}

void
tile_stack_copy(const struct tile_stack *from, struct tile_stack *ret)
{
	*ret = (struct tile_stack){.size = from->size};
	for (int level = 0; level < TILE_LEVELS; level++)
		if (tile_stack_width(from, level)) memcpy(tile_stack_room(ret, level), from->h[level], tile_stack_width(from, level) * sizeof(Hash));
}

void
tile_stack_edge(const struct tile_stack *s, struct tree_edge *ret)
{
	size_t n = 0;

	ret->size = s->size;
	for (int level = TILE_LEVELS - 1; level >= 0; level--) {
		unsigned width = tile_stack_width(s, level), at = 0;
		for (unsigned step = TILE_WIDTH / 2; step > 0; step /= 2) {
			if (!(width & step)) continue;
			ret->node[n++] = tile_root(s->h[level] + at, step);
			at += step;
		}
	}
}

void
tile_stack_fini(struct tile_stack *s)
{
	for (int level = 0; level < TILE_LEVELS; level++) free(s->h[level]);
	*s = (struct tile_stack){.size = 0};
}
