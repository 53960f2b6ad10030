/* Tiles and entry bundles (c2sp.org/tlog-tiles): their paths, their contents, and the stack of tiles at the right edge of a growing
 * tree. Pure. */
#ifndef HEDDLE_LEDGER_TILE_H
#define HEDDLE_LEDGER_TILE_H

#include "ledger/tree.h"

enum { TILE_WIDTH = 256, TILE_BITS = 8, TILE_LEVELS = 8, TILE_BYTES = TILE_WIDTH * HASH_BYTES, TILE_PATH_MAX = 64,
       TILE_ENTRIES = -1, BUNDLE_MAX = TILE_WIDTH * (2 + LEDGER_ENTRY_MAX) };

/* A tile by its place: level 0 … 7, or TILE_ENTRIES for a bundle; its number in the level; how many hashes or entries it
 * holds, TILE_WIDTH when full. */
struct tile_ref { int level; uint64_t n; unsigned width; };

/* "tile/0/x001/234", "tile/entries/000.p/5"; NUL-terminated. */
void tile_path(struct tile_ref t, char ret[static TILE_PATH_MAX]);
/* The folder of its partial forms, "tile/0/x001/234.p". */
void tile_partial_folder(int level, uint64_t n, char ret[static TILE_PATH_MAX]);
/* The reverse, strict: only what tile_path() writes. */
bool tile_parse(Str path, struct tile_ref *ret);
/* The rightmost tile of a level in a tree of that size; width 0 when the level has no partial tile. */
struct tile_ref tile_edge(int level, uint64_t size);
/* Root over n hashes, as if they were leaves. */
Hash tile_root(const Hash *h, size_t n);

/* Where the entries of a bundle begin (after their length) and, one further, where the last one ends + 2. Returns how many could be
 * taken apart: `width` when the bundle is whole and nothing is left over. */
unsigned bundle_split(Str bytes, unsigned width, uint32_t ret_at[static TILE_WIDTH + 1]);
static inline Str bundle_entry(Str bytes, const uint32_t *at, unsigned i) { return str_of(bytes.p + at[i], at[i + 1] - at[i] - 2); }

/* The partial tiles of a tree: at level L the hashes from the last full tile on. Owns heap memory: tile_stack_fini(). */
struct tile_stack {
	Hash *h[TILE_LEVELS]; /* room for TILE_WIDTH, or NULL */
	uint64_t size;
};
static inline unsigned tile_stack_width(const struct tile_stack *s, int level) { return (unsigned)(s->size >> (TILE_BITS * level)) & 255; }
typedef Err (*tile_full_fn)(struct ctx *c, void *arg, struct tile_ref t, const Hash *hashes);
/* Add a leaf; `full` is told of each tile that it completes, lowest level first. */
NODISCARD Err tile_stack_push(struct ctx *c, struct tile_stack *s, const Hash *leaf, tile_full_fn full, void *arg);
void tile_stack_copy(const struct tile_stack *from, struct tile_stack *ret);
void tile_stack_edge(const struct tile_stack *s, struct tree_edge *ret);
Hash *tile_stack_room(struct tile_stack *s, int level); /* room for TILE_WIDTH hashes, to be filled when loading */
void tile_stack_fini(struct tile_stack *s);

#endif
