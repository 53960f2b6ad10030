/* Publishing: committed entries into tiles, the state recorded, signed, the checkpoint replaced, the wal shortened.
 *
 * Order, and what a death after each step leaves: 1. tiles and bundles, synced — files that no checkpoint names, written again next
 * time. 2. a HEADS record in the wal — the node is bound to this size and root. 3. the signature and the checkpoint — the
 * wal still holds the same entries, compared at open. 4. superseded partial tiles removed. 5. a fresh wal without them. */
#include <stdio.h>
#include <stdlib.h>

#include "ledger/log.h"
#include "os/file.h"

/* --- files made durable --- */

enum { FOLDERS_MAX = 16 };

/* Folders in which files were made and which are not synced yet. */
struct folders { char path[FOLDERS_MAX][LOG_PATH_MAX]; size_t n; };

static Err
folders_sync(struct ctx *c, struct ledger *l, struct folders *f)
{
	for (size_t i = 0; i < f->n; i++) {
		FD_AUTO fd = -1;
		TRY(dir_open(c, l->dirfd, f->path[i], &fd));
		TRY(dir_sync(c, fd, f->path[i]));
	}
	f->n = 0;
	return OK;
}

/* The folder of this path changes. */
static Err
folders_add(struct ctx *c, struct ledger *l, struct folders *f, const char *path)
{
	size_t n = (size_t)(strrchr(path, '/') - path);

	for (size_t i = 0; i < f->n; i++)
		if (strlen(f->path[i]) == n && memcmp(f->path[i], path, n) == 0) return OK;
	if (f->n == FOLDERS_MAX) TRY(folders_sync(c, l, f));
	memcpy(f->path[f->n], path, n);
	f->path[f->n++][n] = 0;
	return OK;
}

/* Every folder above the file, from "logs/<id>" on. */
static Err
folders_make(struct ctx *c, struct ledger *l, struct folders *f, const char *path)
{
	char part[LOG_PATH_MAX];

	for (const char *p = strchr(path + sizeof "logs/" - 1, '/'); p; p = strchr(p + 1, '/')) {
		snprintf(part, sizeof part, "%.*s", (int)(p - path), path);
		if (file_exists(l->dirfd, part)) continue;
		TRY(dir_make(c, l->dirfd, part, 0700));
		TRY(folders_add(c, l, f, part));
	}
	return OK;
}

/* Folders that were there already when this process began may never have been synced. */
static Err
folders_add_all(struct ctx *c, struct ledger *l, struct folders *f, const char *path)
{
	char part[LOG_PATH_MAX];

	for (const char *p = strchr(path + sizeof "logs/" - 1, '/'); p; p = strchr(p + 1, '/')) {
		snprintf(part, sizeof part, "%.*s", (int)(p - path), path);
		TRY(folders_add(c, l, f, part));
	}
	return OK;
}

/* Under another name first: what has the right name is whole, also after a death, and for whoever copies or serves it meanwhile. */
static Err
file_make(struct ctx *c, struct ledger *l, struct folders *f, const char *path, Str bytes)
{
	const char *name = strrchr(path, '/') + 1;
	char fresh[LOG_PATH_MAX];
	FD_AUTO fd = -1;
	int flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW;

	snprintf(fresh, sizeof fresh, "%.*s.%s.new", (int)(name - path), path, name);
	Err e = file_open(c, l->dirfd, fresh, flags, 0600, &fd);
	if (e.code == ERR_NOT_FOUND) {
		TRY(folders_make(c, l, f, path));
		e = file_open(c, l->dirfd, fresh, flags, 0600, &fd);
	}
	TRY(e);
	TRY(file_write(c, fd, path, bytes));
	TRY(file_sync(c, fd, path));
	TRY(file_rename(c, l->dirfd, fresh, l->dirfd, path));
	return folders_add(c, l, f, path);
}

/* --- tiles --- */

struct press {
	struct ledger *l;
	struct log *g;
	struct folders folders;
	struct buf bundle;      /* the entries since the last full bundle */
	struct tile_stack tiles; /* the new right edge */
};

static Err
tile_make(struct ctx *c, struct press *p, struct tile_ref t, Str bytes)
{
	char tile[TILE_PATH_MAX], path[LOG_PATH_MAX];

	tile_path(t, tile);
	log_path(p->g, tile, path);
	TRY(file_make(c, p->l, &p->folders, path, bytes));
	return p->g->folders_synced ? OK : folders_add_all(c, p->l, &p->folders, path);
}

static Err
full_tile_make(struct ctx *c, void *arg, struct tile_ref t, const Hash *hashes)
{
	struct press *p = arg;

	if (t.level == 0) {
		TRY(tile_make(c, p, (struct tile_ref){TILE_ENTRIES, t.n, TILE_WIDTH}, buf_view(&p->bundle)));
		p->bundle.n = 0;
	}
	return tile_make(c, p, t, str_of(hashes, TILE_BYTES));
}

/* The partial bundle on disk is the front of the next one; each entry in it is checked before it is written again. */
static Err
bundle_start(struct ctx *c, struct press *p)
{
	struct tile_ref t = tile_edge(TILE_ENTRIES, p->g->tiles.size);
	const struct bundle_slot *b;
	Str entry = {0};

	for (unsigned i = 0; i < t.width; i++) TRY(log_entry_checked(c, p->l, p->g, (t.n << TILE_BITS) + i, &entry));
	if (t.width == 0) return OK;
	TRY(log_bundle(c, p->l, p->g, t.n, &b));
	buf_str(&p->bundle, buf_view(&b->bytes));
	return OK;
}

static Err
partial_tiles_make(struct ctx *c, struct press *p)
{
	struct tile_ref t = tile_edge(TILE_ENTRIES, p->tiles.size), old;

	if (t.width) TRY(tile_make(c, p, t, buf_view(&p->bundle)));
	for (int level = 0; level < TILE_LEVELS; level++) {
		t = tile_edge(level, p->tiles.size);
		old = tile_edge(level, p->g->tiles.size);
		if (t.width == 0 || (t.n == old.n && t.width == old.width)) continue;
		TRY(tile_make(c, p, t, str_of(p->tiles.h[level], t.width * sizeof(Hash))));
	}
	return OK;
}

static Err
press_log(struct ctx *c, struct press *p)
{
	struct log *g = p->g;

	tile_stack_copy(&g->tiles, &p->tiles);
	TRY(bundle_start(c, p));
	for (size_t i = 0; i < g->committed_count; i++) {
		Str entry = log_tail_entry(g, i);
		buf_u16be(&p->bundle, (uint16_t)entry.n);
		buf_str(&p->bundle, entry);
		TRY(tile_stack_push(c, &p->tiles, &g->tail[i].leaf, full_tile_make, p));
	}
	TRY(partial_tiles_make(c, p));
	buf_fini(&p->bundle);
	return folders_sync(c, p->l, &p->folders);
}

/* --- signed state and checkpoint --- */

static Err
heads_record(struct ctx *c, struct ledger *l, struct press *const *todo, size_t n)
{
	BUF_AUTO out = BUF_INIT;
	size_t record = wal_begin(&out, WAL_HEADS, l->wal_sequence);

	for (size_t i = 0; i < n; i++) {
		struct log *g = todo[i]->g;
		wal_put_head(&out, g->name, &(struct ledger_head){g->edge.size, tree_root(&g->edge)});
	}
	wal_end(&out, record);
	TRY(wal_append(c, l, buf_view(&out)));
	for (size_t i = 0; i < n; i++) todo[i]->g->sealed = (struct ledger_head){todo[i]->g->edge.size, tree_root(&todo[i]->g->edge)};
	return OK;
}

static Err
checkpoint_sign(struct ctx *c, const struct log *g, ledger_sign_fn sign, void *arg, struct buf *out)
{
	BUF_AUTO origin = BUF_INIT;
	struct checkpoint p = {.size = g->sealed.size};
	struct note *note = NEW(c->arena, struct note);

	ledger_origin(g->name, &origin);
	p.origin = buf_view(&origin);
	memcpy(p.root, g->sealed.root.b, HASH_BYTES);
	checkpoint_text(&p, out);
	Str text = arena_str(c->arena, buf_view(out));
	buf_char(out, '\n');
	TRY(sign(c, arg, g->name, text, out));
	TRY(note_parse(c, buf_view(out), note));
	ENSURE(c, str_eq(note->text, text), INVALID, "checkpoint: the signer changed the text");
	return g->has_key ? note_verify(c, note, &g->key) : OK;
}

/* The tail loses what is in tiles now; what is appended and not committed stays. */
static void
tail_shift(struct log *g)
{
	size_t n = g->committed_count, cut = n < g->tail_count ? g->tail[n].at : g->bytes.n;

	buf_drop(&g->bytes, cut);
	g->tail_count -= n;
	if (n && g->tail_count) memmove(g->tail, g->tail + n, g->tail_count * sizeof *g->tail);
	for (size_t i = 0; i < g->tail_count; i++) g->tail[i].at -= cut;
	g->committed_count = 0;
	if (g->tail_count == 0) buf_fini(&g->bytes);
}

/* What the new checkpoint made superfluous. A file that cannot be removed does no harm. */
static void
superseded_remove(struct ledger *l, const struct log *g, uint64_t old_size)
{
	ARENA_AUTO arena = ARENA_INIT;
	struct ctx quiet = {.arena = &arena};
	char tile[TILE_PATH_MAX], path[LOG_PATH_MAX];
	Err e = OK;

	for (int level = TILE_ENTRIES; level < TILE_LEVELS; level++) {
		struct tile_ref old = tile_edge(level, old_size), now = tile_edge(level, g->tiles.size);
		if (old.width == 0 || (old.n == now.n && old.width == now.width)) continue;
		if (old.n == now.n)
			tile_path(old, tile);
		else
			tile_partial_folder(level, old.n, tile);
		log_path(g, tile, path);
		e = old.n == now.n ? file_unlink(&quiet, l->dirfd, path) : dir_remove(&quiet, l->dirfd, path);
	}
	(void)e;
}

static Err
checkpoint_write(struct ctx *c, struct press *p, ledger_sign_fn sign, void *arg)
{
	char path[LOG_PATH_MAX];
	struct log *g = p->g;
	BUF_AUTO note = BUF_INIT;
	uint64_t old_size = g->tiles.size;

	TRY(checkpoint_sign(c, g, sign, arg, &note));
	log_path(g, "checkpoint", path);
	Err e = file_replace(c, p->l->dirfd, path, buf_view(&note), 0600);
	TRY(ledger_guard(c, p->l, e));
	free((void *)(uintptr_t)g->checkpoint.p);
	g->checkpoint = str_of(mem_dup(note.p, note.n), note.n);
	tile_stack_fini(&g->tiles);
	g->tiles = p->tiles;
	p->tiles = (struct tile_stack){.size = 0};
	g->published = g->sealed;
	tail_shift(g);
	ledger_forget(p->l, g);
	p->l->wal_stale = true;
	superseded_remove(p->l, g, old_size);
	return OK;
}

/* --- publishing --- */

static void
press_free(struct press *p)
{
	tile_stack_fini(&p->tiles);
	buf_fini(&p->bundle);
	free(p);
}

/* Tiles of every log that grew. A damaged one is left out. */
static Err
press_all(struct ctx *c, struct ledger *l, struct press **todo, size_t *n)
{
	for (size_t i = 0; i < l->log_count; i++) {
		struct log *g = l->logs[i];
		if (g->damaged || g->committed_count == 0) continue;
		struct press *p = mem_alloc(sizeof *p);
		p->l = l;
		p->g = g;
		Err e = press_log(c, p);
		g->folders_synced = err_ok(e);
		if (err_ok(e)) {
			todo[(*n)++] = p;
			continue;
		}
		press_free(p);
		if (!g->damaged) return ledger_guard(c, l, e);
	}
	return OK;
}

static Err
publish(struct ctx *c, struct ledger *l, struct press **todo, size_t *n, ledger_sign_fn sign, void *arg)
{
	TRY(press_all(c, l, todo, n));
	if (*n) TRY(heads_record(c, l, todo, *n));
	for (size_t i = 0; i < *n; i++) TRY(checkpoint_write(c, todo[i], sign, arg));
	return l->wal_stale ? wal_rewrite(c, l) : OK;
}

Err
ledger_publish(struct ctx *c, struct ledger *l, ledger_sign_fn sign, void *arg)
{
	ARENA_AUTO arena = ARENA_INIT;
	struct ctx own = {.arena = &arena};
	size_t n = 0;

	TRY(ledger_usable(c, l));
	if (l->frozen) return OK;
	struct press **todo = NEW_N(&arena, l->log_count, struct press *);
	Err e = publish(&own, l, todo, &n, sign, arg);
	for (size_t i = 0; i < n; i++) press_free(todo[i]);
	return err_ok(e) ? OK : err_set(c, (enum err_code)e.code, "%s", err_detail(&own, e));
}
