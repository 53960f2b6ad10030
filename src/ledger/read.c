/* Reading: tiles checked up to the checkpoint's root before they are believed, entries checked against their leaf in them. */
#include <stdio.h>
#include <stdlib.h>

#include "ledger/log.h"
#include "os/file.h"

/* --- tiles --- */

static Err
whole_file(struct ctx *c, struct ledger *l, const struct log *g, const char *tile, size_t limit, struct buf *out)
{
	char path[LOG_PATH_MAX];
	FD_AUTO fd = -1;
	uint64_t size;

	log_path(g, tile, path);
	Err e = file_open(c, l->dirfd, path, O_RDONLY | O_NOFOLLOW, 0, &fd);
	ENSURE(c, e.code != ERR_NOT_FOUND, CORRUPT, "%s: it is missing", tile);
	TRY(e);
	TRY(file_size(c, fd, tile, &size));
	ENSURE(c, size <= limit, CORRUPT, "%s: it has %llu bytes", tile, (unsigned long long)size);
	out->n = 0;
	buf_reserve(out, (size_t)size + 1);
	TRY(file_read_at(c, fd, tile, out->p, (size_t)size, 0));
	out->n = (size_t)size;
	return OK;
}

/* Read damage marks the log, so that nothing is built on it; the Err tells the reader. */
static Err
damaged(struct log *g, struct ctx *c, Err e)
{
	if (e.code == ERR_CORRUPT) log_damage(g, "logs/%s/%.180s", g->id, err_detail(c, e));
	return e;
}

static struct tile_slot *
slot_for(struct ledger *l, const struct log *g, struct tile_ref t, bool *ret_hit)
{
	struct tile_slot *oldest = &l->tiles[0];

	for (size_t i = 0; i < TILE_SLOTS; i++) {
		struct tile_slot *s = &l->tiles[i];
		if (s->log == g && s->ref.level == t.level && s->ref.n == t.n) {
			s->used = ++l->clock;
			*ret_hit = true;
			return s;
		}
		if (s->used < oldest->used) oldest = s;
	}
	*ret_hit = false;
	return oldest;
}

void
ledger_forget(struct ledger *l, const struct log *g)
{
	for (size_t i = 0; i < TILE_SLOTS; i++)
		if (l->tiles[i].log == g) l->tiles[i].log = NULL;
	if (l->bundle.log == g) l->bundle.log = NULL;
}

static Err
full_tile_read(struct ctx *c, struct ledger *l, struct log *g, struct tile_ref t, const Hash *expected, Hash *ret)
{
	char tile[TILE_PATH_MAX];
	BUF_AUTO bytes = BUF_INIT;

	tile_path(t, tile);
	TRY(whole_file(c, l, g, tile, TILE_BYTES, &bytes));
	ENSURE(c, bytes.n == TILE_BYTES, CORRUPT, "%s: it has %zu bytes, not %d", tile, bytes.n, TILE_BYTES);
	memcpy(ret, bytes.p, TILE_BYTES);
	Hash root = tile_root(ret, TILE_WIDTH);
	uint64_t span = UINT64_C(1) << (TILE_BITS * (t.level + 1));
	ENSURE(c, memcmp(root.b, expected->b, HASH_BYTES) == 0, CORRUPT, "%s: it does not fit the tree (entries %llu to %llu)", tile,
	       (unsigned long long)(t.n * span), (unsigned long long)(t.n * span + span - 1));
	return OK;
}

/* The hashes of a tile within the published tree. Valid until the next call. Recursion: up to the first tile that is known,
 * at most TILE_LEVELS deep. */
static Err
tile_get(struct ctx *c, struct ledger *l, struct log *g, int level, uint64_t n, const Hash **ret)
{
	struct tile_ref t = {level, n, TILE_WIDTH};
	const Hash *above;
	bool hit;

	if (n == tile_edge(level, g->tiles.size).n) {
		*ret = g->tiles.h[level];
		return OK;
	}
	struct tile_slot *slot = slot_for(l, g, t, &hit);
	if (!hit) {
		TRY(tile_get(c, l, g, level + 1, n >> TILE_BITS, &above));
		Hash expected = above[n & (TILE_WIDTH - 1)];
		slot = slot_for(l, g, t, &hit); /* the recursion may have taken the one from before */
		if (!slot->h) slot->h = mem_alloc(TILE_BYTES);
		slot->log = NULL;
		TRY(damaged(g, c, full_tile_read(c, l, g, t, &expected, slot->h)));
		slot->log = g;
		slot->ref = t;
		slot->used = ++l->clock;
	}
	*ret = slot->h;
	return OK;
}

Err
log_leaf(struct ctx *c, struct ledger *l, struct log *g, uint64_t index, Hash *ret)
{
	const Hash *row;

	if (index >= g->tiles.size) {
		*ret = g->tail[index - g->tiles.size].leaf;
		return OK;
	}
	TRY(tile_get(c, l, g, 0, index >> TILE_BITS, &row));
	*ret = row[index & (TILE_WIDTH - 1)];
	return OK;
}

static uint64_t
split_at(uint64_t n) /* the largest power of two below n */
{
	return UINT64_C(1) << (63 - __builtin_clzll(n - 1));
}

Err
log_range(struct ctx *c, struct ledger *l, struct log *g, uint64_t from, uint64_t to, Hash *ret)
{
	uint64_t n = to - from;
	const Hash *row;
	Hash left, right;

	if (n == 0) {
		*ret = tree_empty();
		return OK;
	}
	if (n == 1) return log_leaf(c, l, g, from, ret);
	if ((n & (n - 1)) == 0 && to <= g->tiles.size) { /* a perfect subtree: 1 … 128 hashes of one tile */
		int bits = __builtin_ctzll(n), level = bits / TILE_BITS;
		uint64_t first = from >> (TILE_BITS * level);
		TRY(tile_get(c, l, g, level, first >> TILE_BITS, &row));
		*ret = tile_root(row + (first & (TILE_WIDTH - 1)), (size_t)1 << (bits % TILE_BITS));
		return OK;
	}
	uint64_t k = split_at(n);
	TRY(log_range(c, l, g, from, from + k, &left));
	TRY(log_range(c, l, g, from + k, to, &right));
	*ret = tree_node(&left, &right);
	return OK;
}

/* --- entries --- */

Err
log_bundle(struct ctx *c, struct ledger *l, struct log *g, uint64_t n, const struct bundle_slot **ret)
{
	struct bundle_slot *b = &l->bundle;
	struct tile_ref t = tile_edge(TILE_ENTRIES, g->tiles.size);
	char tile[TILE_PATH_MAX];

	if (n != t.n) t = (struct tile_ref){TILE_ENTRIES, n, TILE_WIDTH};
	if (b->log != g || b->ref.n != t.n || b->ref.width != t.width) {
		tile_path(t, tile);
		b->log = NULL;
		TRY(damaged(g, c, whole_file(c, l, g, tile, BUNDLE_MAX, &b->bytes)));
		unsigned whole = bundle_split(buf_view(&b->bytes), t.width, b->at);
		if (whole < t.width) /* its bytes may be any; the first that does not fit the tree says where */
			for (unsigned i = whole + 1; i <= t.width; i++) b->at[i] = (uint32_t)b->bytes.n + 2;
		b->log = g;
		b->ref = t;
	}
	*ret = b;
	return OK;
}

Err
log_entry_checked(struct ctx *c, struct ledger *l, struct log *g, uint64_t index, Str *ret)
{
	const struct bundle_slot *b;
	char tile[TILE_PATH_MAX];
	Hash leaf, there;
	unsigned i = (unsigned)(index & (TILE_WIDTH - 1));

	TRY(log_bundle(c, l, g, index >> TILE_BITS, &b));
	TRY(log_leaf(c, l, g, index, &there));
	bool fits = b->at[i] <= b->bytes.n && b->at[i + 1] >= b->at[i] + 2;
	Str entry = fits ? bundle_entry(buf_view(&b->bytes), b->at, i) : S("");
	if (fits) leaf = tree_leaf(entry);
	if (!fits || memcmp(leaf.b, there.b, HASH_BYTES) != 0) {
		tile_path(b->ref, tile);
		return damaged(g, c, err_set(c, ERR_CORRUPT, "%s: entry %llu is not the one in the tree", tile, (unsigned long long)index));
	}
	*ret = entry;
	return OK;
}

static Err
entry_get(struct ctx *c, struct ledger *l, struct log *g, uint64_t index, Str *ret)
{
	if (index < g->tiles.size) return log_entry_checked(c, l, g, index, ret);
	*ret = log_tail_entry(g, index - g->tiles.size);
	return OK;
}

static Err
readable(struct ctx *c, const struct ledger *l, Str log_id, struct log **ret)
{
	struct log *g = log_find(l, log_id);

	TRY(ledger_usable(c, l));
	ENSURE(c, g, NOT_FOUND, "there is no log '%.*s'", STR(log_id));
	*ret = g;
	return OK;
}

Err
ledger_read(struct ctx *c, struct ledger *l, Str log_id, uint64_t from, uint64_t count, ledger_entry_fn fn, void *arg)
{
	struct log *g = NULL;
	Str entry;

	TRY(readable(c, l, log_id, &g));
	uint64_t size = log_committed(g);
	ENSURE(c, from <= size && count <= size - from, NOT_FOUND, "the log has %llu entries, not %llu", (unsigned long long)size,
	       (unsigned long long)(from + count));
	for (uint64_t i = from; i < from + count; i++) {
		TRY(entry_get(c, l, g, i, &entry));
		TRY(fn(c, arg, i, entry));
	}
	return OK;
}

static Err
keep_entry(struct ctx *c, void *arg, uint64_t index, Str entry)
{
	(void)index;
	*(Str *)arg = arena_str(c->arena, entry);
	return OK;
}

Err
ledger_entry(struct ctx *c, struct ledger *l, Str log_id, uint64_t index, Str *ret)
{
	Str entry = {0};

	TRY(ledger_read(c, l, log_id, index, 1, keep_entry, &entry));
	*ret = entry;
	return OK;
}

/* --- proofs --- */

struct proof { Hash *h; size_t n; }; /* room for 2 × 64 */
enum { PROOF_MAX = 128 };

/* PATH(m, D[from:to]) of RFC 6962 2.1.1. */
static Err
path(struct ctx *c, struct ledger *l, struct log *g, uint64_t m, uint64_t from, uint64_t to, struct proof *p)
{
	if (to - from == 1) return OK;
	uint64_t middle = from + split_at(to - from);
	bool left = m < middle;
	TRY(left ? path(c, l, g, m, from, middle, p) : path(c, l, g, m, middle, to, p));
	return left ? log_range(c, l, g, middle, to, &p->h[p->n++]) : log_range(c, l, g, from, middle, &p->h[p->n++]);
}

/* SUBPROOF(m, D[from:to], b) of RFC 6962 2.1.2; m counts from 0 of the whole tree. */
static Err
subproof(struct ctx *c, struct ledger *l, struct log *g, uint64_t m, uint64_t from, uint64_t to, bool b, struct proof *p)
{
	if (m == to) return b ? OK : log_range(c, l, g, from, to, &p->h[p->n++]);
	uint64_t middle = from + split_at(to - from);
	if (m <= middle) {
		TRY(subproof(c, l, g, m, from, middle, b, p));
		return log_range(c, l, g, middle, to, &p->h[p->n++]);
	}
	TRY(subproof(c, l, g, m, middle, to, false, p));
	return log_range(c, l, g, from, middle, &p->h[p->n++]);
}

Err
ledger_prove_inclusion(struct ctx *c, struct ledger *l, Str log_id, uint64_t index, uint64_t size, Hash **ret, size_t *ret_n)
{
	struct log *g = NULL;
	struct proof p = {NEW_N(c->arena, PROOF_MAX, Hash), 0};

	TRY(readable(c, l, log_id, &g));
	ENSURE(c, size <= log_committed(g) && index < size, NOT_FOUND, "entry %llu of %llu: the log has %llu", (unsigned long long)index,
	       (unsigned long long)size, (unsigned long long)log_committed(g));
	TRY(path(c, l, g, index, 0, size, &p));
	*ret = p.h;
	*ret_n = p.n;
	return OK;
}

Err
ledger_prove_consistency(struct ctx *c, struct ledger *l, Str log_id, uint64_t from, uint64_t to, Hash **ret, size_t *ret_n)
{
	struct log *g = NULL;
	struct proof p = {NEW_N(c->arena, PROOF_MAX, Hash), 0};

	TRY(readable(c, l, log_id, &g));
	ENSURE(c, to <= log_committed(g) && from <= to, NOT_FOUND, "from %llu to %llu entries: the log has %llu", (unsigned long long)from,
	       (unsigned long long)to, (unsigned long long)log_committed(g));
	if (from > 0 && from < to) TRY(subproof(c, l, g, from, 0, to, true, &p));
	*ret = p.h;
	*ret_n = p.n;
	return OK;
}

/* --- files for serving --- */

/* A tile or bundle as it was when the log had fewer entries is the front of what it is now. */
static Err
serve(struct ctx *c, struct ledger *l, struct log *g, struct tile_ref t, Str *ret)
{
	struct tile_ref edge = tile_edge(t.level, g->tiles.size);
	const struct bundle_slot *b;
	const Hash *row;

	ENSURE(c, t.n < edge.n || (t.n == edge.n && t.width <= edge.width), NOT_FOUND, "the tile is not there yet");
	if (t.level == TILE_ENTRIES) {
		TRY(log_bundle(c, l, g, t.n, &b));
		ENSURE(c, b->at[t.width] - 2 <= b->bytes.n, CORRUPT, "the bundle is damaged");
		*ret = arena_str(c->arena, str_of(b->bytes.p, b->at[t.width] - 2));
		return OK;
	}
	TRY(tile_get(c, l, g, t.level, t.n, &row));
	*ret = arena_str(c->arena, str_of(row, t.width * sizeof(Hash)));
	return OK;
}

Err
ledger_file(struct ctx *c, struct ledger *l, Str log_id, Str path_text, Str *ret)
{
	struct tile_ref t;
	struct log *g = NULL;

	TRY(readable(c, l, log_id, &g));
	if (str_eqc(path_text, "checkpoint")) {
		ENSURE(c, g->checkpoint.n > 0, NOT_FOUND, "the log has no checkpoint yet");
		*ret = arena_str(c->arena, g->checkpoint);
		return OK;
	}
	if (str_eqc(path_text, "keys")) {
		ENSURE(c, g->has_key, NOT_FOUND, "the log has no key yet");
		*ret = arena_printf(c->arena, "%.*s\n", STR(g->key_line));
		return OK;
	}
	ENSURE(c, tile_parse(path_text, &t), NOT_FOUND, "not a file of a log");
	return serve(c, l, g, t, ret);
}
