#include "ledger/ledger.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "ledger/log.h"
#include "os/file.h"

/* --- a log --- */

bool
ledger_is_id(Str id)
{
	if (str_eqc(id, "journal")) return true;
	if (id.n != 64) return false;
	for (size_t i = 0; i < id.n; i++)
		if (!((id.p[i] >= '0' && id.p[i] <= '9') || (id.p[i] >= 'a' && id.p[i] <= 'f'))) return false;
	return true;
}

void
log_path(const struct log *g, const char *rest, char ret[static LOG_PATH_MAX])
{
	int n = snprintf(ret, LOG_PATH_MAX, "logs/%s%s%s", g->id, *rest ? "/" : "", rest);

	assert(n > 0 && n < LOG_PATH_MAX);
}

struct log *
log_find(const struct ledger *l, Str id)
{
	return map_get(&l->by_id, id);
}

struct log *
log_new(struct ledger *l, Str id)
{
	struct log *g = mem_alloc(sizeof *g);

	assert(ledger_is_id(id));
	memcpy(g->id, id.p, id.n);
	g->name = str_of(g->id, id.n);
	g->published.root = tree_empty();
	g->sealed.root = tree_empty();
	if (l->log_count == l->log_cap) {
		l->log_cap = l->log_cap ? 2 * l->log_cap : 16;
		l->logs = mem_resize(l->logs, l->log_cap * sizeof *l->logs);
	}
	l->logs[l->log_count++] = g;
	map_put(&l->by_id, g->name, g);
	return g;
}

void
log_free(struct log *g)
{
	tile_stack_fini(&g->tiles);
	buf_fini(&g->bytes);
	buf_fini(&g->kept);
	free(g->tail);
	free((void *)(uintptr_t)g->key_line.p);
	free((void *)(uintptr_t)g->checkpoint.p);
	free(g);
}

void
log_damage(struct log *g, const char *fmt, ...)
{
	va_list ap;

	if (g->damaged) return;
	g->damaged = true;
	va_start(ap, fmt);
	vsnprintf(g->damage, sizeof g->damage, fmt, ap);
	va_end(ap);
}

Str
log_tail_entry(const struct log *g, size_t i)
{
	return str_of(g->bytes.p ? g->bytes.p + g->tail[i].at : "", g->tail[i].n);
}

void
log_tail_add(struct log *g, Str entry, const Hash *leaf)
{
	if (g->tail_count == g->tail_cap) {
		g->tail_cap = g->tail_cap ? 2 * g->tail_cap : 16;
		g->tail = mem_resize(g->tail, g->tail_cap * sizeof *g->tail);
	}
	g->tail[g->tail_count++] = (struct tail_entry){g->bytes.n, (uint32_t)entry.n, *leaf};
	buf_str(&g->bytes, entry);
	tree_append(&g->next, leaf);
	g->next_prev = *leaf;
}

void
log_tail_commit(struct log *g)
{
	g->edge = g->next;
	g->prev = g->next_prev;
	g->committed_count = g->tail_count;
	g->dirty = false;
}

/* --- state of the whole --- */

Err
ledger_stop(struct ctx *c, struct ledger *l, Str log_id, Str why)
{
	struct log *g = log_find(l, log_id);

	ENSURE(c, g, NOT_FOUND, "there is no log %.*s", STR(log_id));
	log_damage(g, "%.*s", STR(why));
	return OK;
}

Err
ledger_usable(struct ctx *c, const struct ledger *l)
{
	ENSURE(c, !l->dead, READ_ONLY, "the log takes nothing more after a failure (%s); the process must start anew", l->why);
	return OK;
}

static Err
writable(struct ctx *c, const struct ledger *l, const struct log *g)
{
	TRY(ledger_usable(c, l));
	ENSURE(c, !l->frozen, CORRUPT, "the log takes nothing more: %s", l->why);
	ENSURE(c, !g || !g->damaged, CORRUPT, "the log takes nothing more: %s", g->damage);
	return OK;
}

static Err
no_log(struct ctx *c, Str id)
{
	return err_set(c, ERR_NOT_FOUND, "there is no log '%.*s'", STR(id));
}

Err
ledger_guard(struct ctx *c, struct ledger *l, Err e)
{
	if (e.code != ERR_IO || l->dead) return e;
	l->dead = true;
	snprintf(l->why, sizeof l->why, "%.200s", err_detail(c, e));
	return e;
}

void
ledger_close(struct ledger *l)
{
	if (!l) return;
	for (size_t i = 0; i < l->log_count; i++) log_free(l->logs[i]);
	for (size_t i = 0; i < TILE_SLOTS; i++) free(l->tiles[i].h);
	buf_fini(&l->bundle.bytes);
	map_fini(&l->by_id);
	free(l->logs);
	free(l->dirty);
	fd_close(&l->wal_fd);
	fd_close(&l->lock_fd);
	free(l);
}

void
ledger_origin(Str log_id, struct buf *out)
{
	buf_c(out, "heddle/");
	buf_str(out, log_id);
}

Err
ledger_create(struct ctx *c, struct ledger *l, Str log_id)
{
	char path[LOG_PATH_MAX];
	FD_AUTO logs = -1;

	TRY(writable(c, l, NULL));
	ENSURE(c, ledger_is_id(log_id), INVALID, "'%.*s' is not the id of a log", STR(log_id));
	if (log_find(l, log_id)) return OK;
	snprintf(path, sizeof path, "logs/%.*s", STR(log_id));
	TRY(ledger_guard(c, l, dir_make(c, l->dirfd, path, 0700)));
	TRY(ledger_guard(c, l, dir_open(c, l->dirfd, "logs", &logs)));
	TRY(ledger_guard(c, l, dir_sync(c, logs, "logs")));
	log_new(l, log_id);
	return OK;
}

Err
ledger_set_key(struct ctx *c, struct ledger *l, Str log_id, Str key_line)
{
	char path[LOG_PATH_MAX];
	struct log *g = log_find(l, log_id);
	struct note_key key;
	BUF_AUTO line = BUF_INIT, origin = BUF_INIT;

	if (!g) return no_log(c, log_id);
	TRY(writable(c, l, g));
	TRY(note_key_parse(c, key_line, &key));
	ledger_origin(log_id, &origin);
	ENSURE(c, str_eq(key.name, buf_view(&origin)), INVALID, "the key is for '%.*s', not for '%s'", STR(key.name), buf_z(&origin));
	if (g->has_key && str_eq(g->key_line, key_line)) return OK;
	buf_printf(&line, "%.*s\n", STR(key_line));
	log_path(g, "keys", path);
	TRY(ledger_guard(c, l, file_replace(c, l->dirfd, path, buf_view(&line), 0600)));
	free((void *)(uintptr_t)g->key_line.p);
	g->key_line = str_of(mem_dup(key_line.p, key_line.n), key_line.n);
	g->has_key = true;
	return note_key_parse(c, g->key_line, &g->key);
}

Err
ledger_head(struct ctx *c, const struct ledger *l, Str log_id, struct ledger_head *ret)
{
	struct log *g = log_find(l, log_id);

	if (!g) return no_log(c, log_id);
	*ret = (struct ledger_head){g->next.size, tree_root(&g->next)};
	return OK;
}

Err
ledger_prev(struct ctx *c, const struct ledger *l, Str log_id, Hash *ret)
{
	struct log *g = log_find(l, log_id);

	if (!g) return no_log(c, log_id);
	*ret = g->next_prev;
	return OK;
}

uint64_t
ledger_wal_bytes(const struct ledger *l)
{
	return l->wal_bytes;
}

const char *
ledger_cut(const struct ledger *l)
{
	return l->cut;
}

static int
state_cmp(const void *a, const void *b)
{
	return str_cmp(((const struct ledger_state *)a)->log_id, ((const struct ledger_state *)b)->log_id);
}

size_t
ledger_states(struct ledger *l, struct arena *a, struct ledger_state **ret)
{
	struct ledger_state *rows = NEW_N(a, l->log_count, struct ledger_state);

	for (size_t i = 0; i < l->log_count; i++) {
		const struct log *g = l->logs[i];
		rows[i] = (struct ledger_state){
		    .log_id = g->name,
		    .size = log_committed(g),
		    .published = g->tiles.size,
		    .damaged = g->damaged || l->frozen,
		    .damage = g->damaged ? g->damage : l->frozen ? l->why : "",
		};
	}
	if (l->log_count) qsort(rows, l->log_count, sizeof *rows, state_cmp);
	*ret = rows;
	return l->log_count;
}

/* --- appending --- */

static void
mark_dirty(struct ledger *l, struct log *g)
{
	if (g->dirty) return;
	if (l->dirty_count == l->dirty_cap) {
		l->dirty_cap = l->dirty_cap ? 2 * l->dirty_cap : 16;
		l->dirty = mem_resize(l->dirty, l->dirty_cap * sizeof(struct log *));
	}
	l->dirty[l->dirty_count++] = g;
	g->dirty = true;
}

Err
ledger_writable(struct ctx *c, const struct ledger *l, Str log_id)
{
	const struct log *g = log_find(l, log_id);

	ENSURE(c, g, NOT_FOUND, "there is no log %.*s", STR(log_id));
	return writable(c, l, g);
}

Err
ledger_append(struct ctx *c, struct ledger *l, Str log_id, Str entry, uint64_t *ret_index)
{
	struct log *g = log_find(l, log_id);

	if (!g) return no_log(c, log_id);
	TRY(writable(c, l, g));
	ENSURE(c, entry.n <= LEDGER_ENTRY_MAX, TOO_LARGE, "an entry of %zu bytes, at most %d are taken", entry.n, LEDGER_ENTRY_MAX);
	ENSURE(c, l->pending_bytes + entry.n <= WAL_GROUP_MAX, LIMIT, "more than %d bytes in one commit", WAL_GROUP_MAX);
	Hash leaf = tree_leaf(entry);
	uint64_t index = g->next.size;
	mark_dirty(l, g);
	log_tail_add(g, entry, &leaf);
	l->pending_bytes += entry.n;
	*ret_index = index;
	return OK;
}

void
ledger_rollback(struct ledger *l)
{
	for (size_t i = 0; i < l->dirty_count; i++) {
		struct log *g = l->dirty[i];
		if (g->tail_count > g->committed_count) g->bytes.n = g->tail[g->committed_count].at;
		g->tail_count = g->committed_count;
		g->next = g->edge;
		g->next_prev = g->prev;
		g->dirty = false;
	}
	l->dirty_count = 0;
	l->pending_bytes = 0;
}

static void
group_encode(const struct ledger *l, struct buf *out)
{
	size_t record = wal_begin(out, WAL_GROUP, l->wal_sequence);

	for (size_t i = 0; i < l->dirty_count; i++) {
		const struct log *g = l->dirty[i];
		for (size_t k = g->committed_count; k < g->tail_count; k++)
			wal_put_entry(out, g->name, g->tiles.size + k, log_tail_entry(g, k));
	}
	wal_end(out, record);
}

Err
ledger_commit(struct ctx *c, struct ledger *l)
{
	BUF_AUTO record = BUF_INIT;

	TRY(ledger_usable(c, l));
	if (l->dirty_count == 0) return OK;
	group_encode(l, &record);
	Err e = wal_append(c, l, buf_view(&record));
	if (!err_ok(e)) {
		ledger_rollback(l);
		return e;
	}
	for (size_t i = 0; i < l->dirty_count; i++) log_tail_commit(l->dirty[i]);
	l->dirty_count = 0;
	l->pending_bytes = 0;
	return OK;
}
