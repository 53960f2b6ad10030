/* Opening: each log from its checkpoint and right-edge tiles, then what the write-ahead file holds behind them. */
#include <stdio.h>
#include <stdlib.h>

#include "ledger/log.h"
#include "os/file.h"

enum { LOGS_MAX = 1 << 20, KEYS_MAX = 1024, LOCK_WAIT_MS = 10000 }; /* a killed core may still be ending when the next one begins */
#define WAL_LIMIT (UINT64_C(4) << 30)

/* --- a log from its files --- */

/* A file that cannot be read because the disk fails is an error of opening; one that is gone or cut is damage. */
static bool
is_damage(Err e)
{
	return e.code == ERR_NOT_FOUND || e.code == ERR_CORRUPT || e.code == ERR_TOO_LARGE || e.code == ERR_INVALID || e.code == ERR_DENIED;
}

static Str
heap_str(Str s)
{
	return str_of(mem_dup(s.p, s.n), s.n);
}

static Err
keys_load(struct ctx *c, struct ledger *l, struct log *g)
{
	char path[LOG_PATH_MAX];
	Str text;

	log_path(g, "keys", path);
	Err e = file_read_path(c, l->dirfd, path, KEYS_MAX, &text);
	if (e.code == ERR_NOT_FOUND) return OK;
	TRY(e);
	ENSURE(c, str_ends(text, S("\n")), CORRUPT, "keys: the line has no end");
	g->key_line = heap_str(str_of(text.p, text.n - 1));
	TRY(note_key_parse(c, g->key_line, &g->key));
	g->has_key = true;
	return OK;
}

static Err
checkpoint_load(struct ctx *c, struct ledger *l, struct log *g, struct checkpoint *ret)
{
	char path[LOG_PATH_MAX];
	BUF_AUTO origin = BUF_INIT;
	struct note *note = NEW(c->arena, struct note);
	Str text;

	log_path(g, "checkpoint", path);
	Err e = file_read_path(c, l->dirfd, path, NOTE_MAX, &text);
	if (e.code == ERR_NOT_FOUND) {
		*ret = (struct checkpoint){.size = 0};
		return OK;
	}
	TRY(e);
	TRY(note_parse(c, text, note));
	if (g->has_key) TRY(note_verify(c, note, &g->key));
	TRY(checkpoint_parse(c, note->text, ret));
	ledger_origin(g->name, &origin);
	ENSURE(c, str_eq(ret->origin, buf_view(&origin)), CORRUPT, "checkpoint: it is of '%.*s'", STR(ret->origin));
	g->checkpoint = heap_str(text);
	return OK;
}

static Err
edge_tile_load(struct ctx *c, struct ledger *l, struct log *g, struct tile_ref t, Hash *ret)
{
	char tile[TILE_PATH_MAX], path[LOG_PATH_MAX];
	Str bytes;

	tile_path(t, tile);
	log_path(g, tile, path);
	Err e = file_read_path(c, l->dirfd, path, TILE_BYTES, &bytes);
	ENSURE(c, e.code != ERR_NOT_FOUND, NOT_FOUND, "%s: it is missing", tile);
	TRY(e);
	ENSURE(c, bytes.n == t.width * sizeof(Hash), CORRUPT, "%s: it has %zu bytes, not %zu", tile, bytes.n, t.width * sizeof(Hash));
	memcpy(ret, bytes.p, bytes.n);
	return OK;
}

static Err
edge_load(struct ctx *c, struct ledger *l, struct log *g, const struct checkpoint *p, struct tile_stack *s)
{
	struct tree_edge edge = {.size = 0};

	s->size = p->size;
	for (int level = 0; level < TILE_LEVELS; level++) {
		struct tile_ref t = tile_edge(level, p->size);
		if (t.width) TRY(edge_tile_load(c, l, g, t, tile_stack_room(s, level)));
	}
	tile_stack_edge(s, &edge);
	Hash root = tree_root(&edge);
	ENSURE(c, memcmp(root.b, p->root, HASH_BYTES) == 0, CORRUPT,
	       "the tiles at the right edge and the checkpoint disagree about the root of %llu entries", (unsigned long long)p->size);
	g->tiles = *s;
	*s = (struct tile_stack){.size = 0};
	g->published = (struct ledger_head){p->size, root};
	g->edge = g->next = edge;
	return OK;
}

/* The bundle that the next entries will be put behind: better refused now than after they were acknowledged. */
static Err
edge_bundle_check(struct ctx *c, struct ledger *l, struct log *g)
{
	struct tile_ref t = tile_edge(TILE_ENTRIES, g->tiles.size);
	Str entry = {0};

	for (unsigned i = 0; i < t.width; i++) TRY(log_entry_checked(c, l, g, (t.n << TILE_BITS) + i, &entry));
	return OK;
}

static Err
log_load_files(struct ctx *c, struct ledger *l, struct log *g)
{
	struct checkpoint p;
	struct tile_stack s = {.size = 0};

	TRY(keys_load(c, l, g));
	TRY(checkpoint_load(c, l, g, &p));
	if (p.size == 0) return OK;
	Err e = edge_load(c, l, g, &p, &s);
	tile_stack_fini(&s);
	TRY(e);
	TRY(log_leaf(c, l, g, p.size - 1, &g->prev));
	g->next_prev = g->prev;
	return edge_bundle_check(c, l, g);
}

Err
log_load(struct ctx *c, struct ledger *l, struct log *g)
{
	Err e = log_load_files(c, l, g);

	if (!is_damage(e)) return e;
	log_damage(g, "logs/%s: %.180s", g->id, err_detail(c, e));
	return OK;
}

/* --- the write-ahead file --- */

struct replay { struct ledger *l; };

/* A log that the file names. Without its folder it is a damaged one. NULL when the id itself cannot be one. */
static struct log *
named(struct ledger *l, Str id)
{
	struct log *g = log_find(l, id);

	if (g || !ledger_is_id(id)) return g;
	g = log_new(l, id);
	log_damage(g, "logs/%s: the folder is missing", g->id);
	return g;
}

static Err
head_check(struct ctx *c, struct ledger *l, struct log *g, const struct ledger_head *head)
{
	Hash root;

	if (head->size > g->edge.size)
		log_damage(g, "logs/%s: %llu entries were signed, only %llu are here: files of an older state?", g->id,
		           (unsigned long long)head->size, (unsigned long long)g->edge.size);
	if (g->damaged) return OK;
	Err e = log_range(c, l, g, 0, head->size, &root);
	if (!err_ok(e) && !g->damaged) return e;
	if (err_ok(e) && memcmp(root.b, head->root.b, HASH_BYTES) != 0)
		log_damage(g, "logs/%s: the first %llu entries are not those that were signed", g->id, (unsigned long long)head->size);
	return OK;
}

static Err
replay_head(struct ctx *c, void *arg, Str log_id, const struct ledger_head *head)
{
	struct ledger *l = ((struct replay *)arg)->l;
	struct log *g = named(l, log_id);

	if (!g) return OK; /* its record fails its sum, which freezes everything */
	if (head->size >= g->sealed.size) g->sealed = *head;
	if (g->tiles.size > head->size) g->resync = true;
	return head_check(c, l, g, head);
}

/* An entry that the tiles hold already: it must be the same. */
static Err
published_check(struct ctx *c, struct ledger *l, struct log *g, const struct wal_item *item, const Hash *leaf)
{
	Hash there;

	Err e = log_leaf(c, l, g, item->index, &there);
	if (!err_ok(e) && !g->damaged) return e;
	if (err_ok(e) && memcmp(there.b, leaf->b, HASH_BYTES) != 0)
		log_damage(g, "wal: entry %llu of %s is not the one in the tiles", (unsigned long long)item->index, g->id);
	return OK;
}

static Err
replay_item(struct ctx *c, void *arg, const struct wal_item *item)
{
	struct ledger *l = ((struct replay *)arg)->l;
	struct log *g = named(l, item->log_id);

	if (!g) {
		l->frozen = true;
		snprintf(l->why, sizeof l->why, "wal: an entry of an unknown log");
		return OK;
	}
	if (!item->good) log_damage(g, "wal: entry %llu of %s does not fit its checksum", (unsigned long long)item->index, g->id);
	if (item->index > g->edge.size)
		log_damage(g, "wal: entry %llu of %s follows on %llu entries", (unsigned long long)item->index, g->id, (unsigned long long)g->edge.size);
	if (!g->damaged) {
		Hash leaf = tree_leaf(item->entry);
		if (item->index < g->edge.size) return published_check(c, l, g, item, &leaf);
		log_tail_add(g, item->entry, &leaf);
		log_tail_commit(g);
		return OK;
	}
	buf_str(&g->kept, item->raw);
	return OK;
}

static void
freeze(struct ledger *l, const char *why)
{
	l->frozen = true;
	snprintf(l->why, sizeof l->why, "%s", why);
}

static Err
replay_wal(struct ctx *c, struct ledger *l)
{
	struct replay r = {l};
	struct wal_visitor v = {replay_head, replay_item, &r};
	struct wal_scan scan;
	Str bytes;

	Err e = file_read_path(c, l->dirfd, "wal", WAL_LIMIT, &bytes);
	if (e.code == ERR_NOT_FOUND) {
		freeze(l, "wal: the file is missing, and with it what was written last");
		return OK;
	}
	TRY(e);
	TRY(wal_read(c, bytes, &v, &scan));
	l->wal_sequence = scan.next_sequence;
	if (scan.damaged) freeze(l, scan.damage);
	if (scan.cut_bytes)
		snprintf(l->cut, sizeof l->cut, "wal: %zu bytes of an unfinished write were cut off behind record %llu", scan.cut_bytes,
		         (unsigned long long)scan.next_sequence - 1);
	return OK;
}

/* The checkpoint's folder may not have reached the disk when the process died between checkpoint and shortening the wal. */
static Err
checkpoints_resync(struct ctx *c, struct ledger *l)
{
	char path[LOG_PATH_MAX];

	for (size_t i = 0; i < l->log_count; i++) {
		struct log *g = l->logs[i];
		if (!g->resync || g->checkpoint.n == 0) continue;
		log_path(g, "checkpoint", path);
		TRY(file_replace(c, l->dirfd, path, g->checkpoint, 0600));
	}
	return OK;
}

/* --- opening --- */

static Err
logs_load(struct ctx *c, struct ledger *l, size_t *ret_n)
{
	Str *names;
	size_t n, seen = 0;

	TRY(dir_list(c, l->dirfd, "logs", LOGS_MAX, &names, &n));
	for (size_t i = 0; i < n; i++) {
		if (!ledger_is_id(names[i])) continue;
		seen++;
		TRY(log_load(c, l, log_new(l, names[i])));
	}
	*ret_n = seen;
	return OK;
}

static Err
open_in(struct ctx *c, struct ledger *l)
{
	size_t logs = 0;

	TRY(file_open(c, l->dirfd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW, 0600, &l->lock_fd));
	TRY(file_lock(c, l->lock_fd, "lock", LOCK_WAIT_MS));
	TRY(dir_make(c, l->dirfd, "logs", 0700));
	TRY(logs_load(c, l, &logs));
	if (logs > 0 || file_exists(l->dirfd, "wal")) TRY(replay_wal(c, l));
	if (l->frozen) return OK;
	TRY(checkpoints_resync(c, l));
	return wal_rewrite(c, l);
}

Err
ledger_open(struct ctx *c, int dirfd, struct ledger **ret)
{
	ARENA_AUTO arena = ARENA_INIT;
	struct ctx own = {.arena = &arena};
	struct ledger *l = mem_alloc(sizeof *l);

	*l = (struct ledger){.dirfd = dirfd, .lock_fd = -1, .wal_fd = -1};
	Err e = open_in(&own, l);
	if (!err_ok(e)) {
		ledger_close(l);
		return err_set(c, (enum err_code)e.code, "%s", err_detail(&own, e));
	}
	*ret = l;
	return OK;
}
