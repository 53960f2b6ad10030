/* The offline proof. Shares with the ledger the formats (tile.h, wal.h, note.h) and none of the code that writes or serves. */
#include "ledger/verify.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/map.h"
#include "codec/note.h"
#include "ledger/log.h"
#include "os/file.h"

enum { LOGS_MAX = 1 << 20, FILES_MAX = 1 << 20, PROGRESS_EVERY = 4096 };

struct wal_copy { uint64_t index; Str entry; bool good; };

/* One log under examination. */
struct exam {
	int dirfd;
	Str log_id;
	bool folder;                 /* logs/<id> is there */
	struct checkpoint checkpoint;
	bool has_checkpoint;
	struct tile_stack tiles;     /* over the entries read so far */
	Hash prev;
	struct buf heads, items;     /* struct ledger_head, struct wal_copy: what the wal says */
	struct verify_report report;
	Str tile_fault;              /* the first tile whose hash differs from its entry, until it is known which is wrong */
	Str bundle_fault;
	uint64_t fault_entry, fault_head; /* UINT64_MAX: none */
};

struct job {
	struct arena *arena;         /* of the report */
	struct arena scratch;        /* reset for each entry */
	verify_entry_fn check;
	void *arg;
	void (*progress)(void *arg, uint64_t entries);
	void *progress_arg;
	uint64_t entries;
	struct map by_id;
	struct exam **exams;
	size_t exam_count;
	Str wal_damage;
};

/* Only the first problem is told: the others mostly follow from it. */
PRINTF(4, 5) static void
problem(struct job *j, struct exam *x, uint64_t entry, const char *fmt, ...)
{
	va_list ap;
	char text[512];

	if (x->report.problem.n) return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	x->report.problem = arena_str(j->arena, str_c(text));
	x->report.bad_entry = entry;
}

/* --- files --- */

/* Read into a buffer that is used again; false, with the problem noted, when it cannot be. */
static bool
slurp(struct job *j, struct exam *x, const char *name, size_t limit, struct buf *out)
{
	struct ctx c = {.arena = &j->scratch};
	char path[LOG_PATH_MAX];
	FD_AUTO fd = -1;
	uint64_t size;

	snprintf(path, sizeof path, "logs/%.*s/%s", STR(x->log_id), name);
	out->n = 0;
	Err e = file_open(&c, x->dirfd, path, O_RDONLY | O_NOFOLLOW, 0, &fd);
	if (err_ok(e)) e = file_size(&c, fd, name, &size);
	if (err_ok(e) && size > limit) e = err_set(&c, ERR_TOO_LARGE, "it has %llu bytes", (unsigned long long)size);
	if (err_ok(e)) {
		buf_reserve(out, (size_t)size + 1);
		e = file_read_at(&c, fd, name, out->p, (size_t)size, 0);
		out->n = (size_t)size;
	}
	if (err_ok(e)) return true;
	problem(j, x, UINT64_MAX, "%s: %.300s", name, err_detail(&c, e));
	return false;
}

static bool
present(const struct exam *x, const char *name)
{
	char path[LOG_PATH_MAX];

	snprintf(path, sizeof path, "logs/%.*s/%s", STR(x->log_id), name);
	return file_exists(x->dirfd, path);
}

/* --- checkpoint --- */

static Err
checkpoint_check(struct ctx *c, struct job *j, struct exam *x, Str note_text, Str keys)
{
	struct note *note = NEW(c->arena, struct note);
	BUF_AUTO origin = BUF_INIT;
	struct note_key key;

	TRY(note_parse(c, note_text, note));
	TRY(checkpoint_parse(c, note->text, &x->checkpoint));
	x->has_checkpoint = true;
	ledger_origin(x->log_id, &origin);
	ENSURE(c, str_eq(x->checkpoint.origin, buf_view(&origin)), CORRUPT, "it is of '%.*s'", STR(x->checkpoint.origin));
	ENSURE(c, str_ends(keys, S("\n")), CORRUPT, "keys: no line with the verifier key");
	TRY(note_key_parse(c, str_of(keys.p, keys.n - 1), &key));
	ENSURE(c, str_eq(key.name, buf_view(&origin)), CORRUPT, "keys: the key is for '%.*s'", STR(key.name));
	TRY(note_verify(c, note, &key));
	x->report.signatures++;
	x->report.key = arena_str(j->arena, str_of(keys.p, keys.n - 1));
	return OK;
}

static void
checkpoint_read(struct job *j, struct exam *x)
{
	BUF_AUTO text = BUF_INIT;
	BUF_AUTO keys = BUF_INIT;
	struct ctx c = {.arena = j->arena}; /* the checkpoint's origin is kept */

	if (!present(x, "checkpoint")) return;
	if (!slurp(j, x, "checkpoint", NOTE_MAX, &text) || !slurp(j, x, "keys", NOTE_MAX, &keys)) return;
	Err e = checkpoint_check(&c, j, x, arena_str(j->arena, buf_view(&text)), buf_view(&keys));
	if (!err_ok(e)) problem(j, x, UINT64_MAX, "checkpoint: %.300s", err_detail(&c, e));
}

/* --- entries and tiles --- */

static Hash
root_of(const struct exam *x)
{
	struct tree_edge edge = {.size = 0};

	tile_stack_edge(&x->tiles, &edge);
	return tree_root(&edge);
}

/* Noted and told after what may explain it, and name the entry. */
static void
heads_check(struct exam *x)
{
	const struct ledger_head *h = (const void *)x->heads.p;

	for (size_t i = 0; i < x->heads.n / sizeof *h; i++) {
		if (h[i].size != x->tiles.size) continue;
		Hash root = root_of(x);
		if (memcmp(root.b, h[i].root.b, HASH_BYTES) != 0 && x->fault_head == UINT64_MAX) x->fault_head = h[i].size;
	}
}

static void
entry_check(struct job *j, struct exam *x, uint64_t index, Str entry)
{
	struct ctx c = {.arena = &j->scratch};

	if (j->check && x->report.problem.n == 0) {
		Err e = j->check(&c, j->arg, x->log_id, index, entry, &x->prev);
		if (err_ok(e))
			x->report.signatures++;
		else
			problem(j, x, index, "entry %llu: %.300s", (unsigned long long)index, err_detail(&c, e));
		arena_reset(&j->scratch);
	}
	if (j->progress && ++j->entries % PROGRESS_EVERY == 0) j->progress(j->progress_arg, j->entries);
}

struct take { struct job *j; struct exam *x; };

static Err
full_tile_compare(struct ctx *c, void *arg, struct tile_ref t, const Hash *hashes)
{
	struct take *a = arg;
	char name[TILE_PATH_MAX];
	BUF_AUTO bytes = BUF_INIT;

	(void)c;
	if (t.level == 0) return OK; /* compared entry by entry */
	tile_path(t, name);
	if (slurp(a->j, a->x, name, TILE_BYTES, &bytes) && !str_eq(buf_view(&bytes), str_of(hashes, TILE_BYTES)))
		problem(a->j, a->x, UINT64_MAX, "%s: a hash in it is not that of its entries", name);
	return OK;
}

static void
entry_take(struct job *j, struct exam *x, Str entry, const Hash *leaf)
{
	struct take a = {j, x};
	struct ctx c = {.arena = &j->scratch};

	entry_check(j, x, x->tiles.size, entry);
	Err e = tile_stack_push(&c, &x->tiles, leaf, full_tile_compare, &a);
	(void)e; /* full_tile_compare() never fails */
	x->prev = *leaf;
	x->report.entries++;
	heads_check(x);
}

/* The bundle and its hash tile tell different things of an entry; which of them is wrong, the root will tell. */
static void
fault(struct job *j, struct exam *x, uint64_t entry, struct tile_ref bundle)
{
	char name[TILE_PATH_MAX];

	if (x->fault_entry != UINT64_MAX) return;
	x->fault_entry = entry;
	tile_path(bundle, name);
	x->bundle_fault = arena_str(j->arena, str_c(name));
	bundle.level = 0;
	tile_path(bundle, name);
	x->tile_fault = arena_str(j->arena, str_c(name));
}

static bool
bundle_check(struct job *j, struct exam *x, struct tile_ref t, struct buf *bytes, struct buf *hashes)
{
	char name[TILE_PATH_MAX];
	uint32_t at[TILE_WIDTH + 1];
	struct tile_ref hash_tile = {0, t.n, t.width};

	tile_path(t, name);
	if (!slurp(j, x, name, BUNDLE_MAX, bytes)) return false;
	tile_path(hash_tile, name);
	if (!slurp(j, x, name, TILE_BYTES, hashes)) return false;
	bool sized = hashes->n == t.width * sizeof(Hash);
	if (!sized) problem(j, x, UINT64_MAX, "%s: it has %zu bytes, not %zu", name, hashes->n, t.width * sizeof(Hash));
	unsigned whole = bundle_split(buf_view(bytes), t.width, at);
	for (unsigned i = 0; i < whole; i++) {
		Str entry = bundle_entry(buf_view(bytes), at, i);
		Hash leaf = tree_leaf(entry);
		if (sized && memcmp(leaf.b, hashes->p + i * sizeof(Hash), HASH_BYTES) != 0) fault(j, x, x->tiles.size, t);
		entry_take(j, x, entry, &leaf);
	}
	if (whole < t.width) fault(j, x, x->tiles.size, t);
	return whole == t.width;
}

static void
edge_check(struct job *j, struct exam *x)
{
	BUF_AUTO bytes = BUF_INIT;
	char name[TILE_PATH_MAX];

	for (int level = 1; level < TILE_LEVELS; level++) {
		struct tile_ref t = tile_edge(level, x->tiles.size);
		if (t.width == 0) continue;
		tile_path(t, name);
		if (slurp(j, x, name, TILE_BYTES, &bytes) && !str_eq(buf_view(&bytes), str_of(x->tiles.h[level], t.width * sizeof(Hash))))
			problem(j, x, UINT64_MAX, "%s: a hash in it is not that of its entries", name);
	}
}

static void
published_check(struct job *j, struct exam *x)
{
	BUF_AUTO bytes = BUF_INIT, hashes = BUF_INIT;
	uint64_t size = x->checkpoint.size, done = 0;

	for (; done < size; done = x->tiles.size) {
		struct tile_ref t = {TILE_ENTRIES, done >> TILE_BITS, size - done < TILE_WIDTH ? (unsigned)(size - done) : TILE_WIDTH};
		if (!bundle_check(j, x, t, &bytes, &hashes)) break;
	}
	Hash root = root_of(x);
	bool whole = done == size && memcmp(root.b, x->checkpoint.root, HASH_BYTES) == 0;
	if (x->fault_entry != UINT64_MAX)
		problem(j, x, x->fault_entry, "%.*s: %s %llu %s", STR(whole ? x->tile_fault : x->bundle_fault), whole ? "the hash of entry" : "entry",
		        (unsigned long long)x->fault_entry, whole ? "is wrong" : "is not the one that was put into the log");
	if (!whole) problem(j, x, UINT64_MAX, "checkpoint: its root is not that of the %llu entries", (unsigned long long)size);
	if (whole) edge_check(j, x);
}

/* --- partial tiles that a death left behind --- */

static void
leftover_check(struct job *j, struct exam *x, struct tile_ref t)
{
	struct tile_ref edge = tile_edge(t.level, x->checkpoint.size), now = t;
	BUF_AUTO old = BUF_INIT, bytes = BUF_INIT;
	char name[TILE_PATH_MAX], now_name[TILE_PATH_MAX];

	if (t.n > edge.n || (t.n == edge.n && t.width >= edge.width)) return; /* beyond the checkpoint, or the one that counts */
	now.width = t.n == edge.n ? edge.width : TILE_WIDTH;
	if (t.width == now.width) return;
	tile_path(t, name);
	tile_path(now, now_name);
	if (!slurp(j, x, name, BUNDLE_MAX, &old) || !slurp(j, x, now_name, BUNDLE_MAX, &bytes)) return;
	uint32_t at[TILE_WIDTH + 1];
	bool fits = t.level == TILE_ENTRIES ? bundle_split(buf_view(&old), t.width, at) == t.width : old.n == t.width * sizeof(Hash);
	if (!fits || !str_starts(buf_view(&bytes), buf_view(&old))) problem(j, x, UINT64_MAX, "%s: it is not the front of %s", name, now_name);
}

static void
leftovers(struct job *j, struct exam *x, const char *folder, int depth)
{
	struct ctx c = {.arena = j->arena};
	char path[LOG_PATH_MAX], name[TILE_PATH_MAX];
	struct tile_ref t;
	Str *names;
	size_t n;

	snprintf(path, sizeof path, "logs/%.*s/%s", STR(x->log_id), folder);
	if (depth == 0 || strlen(folder) + 8 > TILE_PATH_MAX || !err_ok(dir_list(&c, x->dirfd, path, FILES_MAX, &names, &n))) return;
	for (size_t i = 0; i < n; i++) {
		int used = snprintf(name, sizeof name, "%s/%.*s", folder, STR(names[i]));
		if (used < 0 || (size_t)used >= sizeof name) continue;
		bool is_tile = tile_parse(str_c(name), &t);
		if (is_tile && t.width < TILE_WIDTH)
			leftover_check(j, x, t);
		else if (!is_tile)
			leftovers(j, x, name, depth - 1);
	}
}

/* --- the wal --- */

static struct exam *
exam_of(struct job *j, int dirfd, Str id)
{
	struct exam *x = map_get(&j->by_id, id);

	if (x) return x;
	x = NEW(j->arena, struct exam);
	*x = (struct exam){.dirfd = dirfd, .log_id = arena_str(j->arena, id), .fault_entry = UINT64_MAX, .fault_head = UINT64_MAX};
	x->report = (struct verify_report){.log_id = x->log_id, .bad_entry = UINT64_MAX, .problem = S(""), .key = S("")};
	map_put(&j->by_id, x->log_id, x);
	j->exams = mem_resize(j->exams, (j->exam_count + 1) * sizeof(struct exam *));
	j->exams[j->exam_count++] = x;
	return x;
}

struct wal_arg { struct job *j; int dirfd; };

static Err
wal_head(struct ctx *c, void *arg, Str log_id, const struct ledger_head *head)
{
	struct wal_arg *a = arg;

	(void)c;
	if (!ledger_is_id(log_id)) return OK; /* its record fails its sum */
	buf_add(&exam_of(a->j, a->dirfd, log_id)->heads, head, sizeof *head);
	return OK;
}

static Err
wal_item(struct ctx *c, void *arg, const struct wal_item *item)
{
	struct wal_arg *a = arg;
	struct wal_copy copy = {item->index, item->entry, item->good};

	(void)c;
	if (ledger_is_id(item->log_id))
		buf_add(&exam_of(a->j, a->dirfd, item->log_id)->items, &copy, sizeof copy);
	else
		a->j->wal_damage = S("wal: an entry of an unknown log");
	return OK;
}

/* The bytes stay in the arena: entries borrow from them. */
static void
wal_look(struct job *j, int dirfd)
{
	struct ctx c = {.arena = j->arena};
	struct wal_arg a = {j, dirfd};
	struct wal_scan scan;
	Str bytes;

	Err e = file_read_path(&c, dirfd, "wal", SIZE_MAX, &bytes);
	if (e.code == ERR_NOT_FOUND) return;
	if (err_ok(e)) e = wal_read(&c, bytes, &(struct wal_visitor){wal_head, wal_item, &a}, &scan);
	if (!err_ok(e))
		j->wal_damage = arena_printf(j->arena, "wal: %s", err_detail(&c, e));
	else if (scan.damaged)
		j->wal_damage = arena_str(j->arena, str_c(scan.damage));
}

static void
wal_items_check(struct job *j, struct exam *x)
{
	const struct wal_copy *item = (const void *)x->items.p;
	const struct ledger_head *head = (const void *)x->heads.p;

	for (size_t i = 0; i < x->items.n / sizeof *item; i++) {
		if (!item[i].good) problem(j, x, item[i].index, "wal: entry %llu does not fit its checksum", (unsigned long long)item[i].index);
		if (item[i].index > x->tiles.size)
			problem(j, x, x->tiles.size, "wal: entry %llu is missing", (unsigned long long)x->tiles.size);
		Hash leaf = tree_leaf(item[i].entry);
		if (item[i].good && item[i].index == x->tiles.size) entry_take(j, x, item[i].entry, &leaf);
	}
	for (size_t i = 0; i < x->heads.n / sizeof *head; i++)
		if (head[i].size > x->tiles.size)
			problem(j, x, UINT64_MAX, "%llu entries were signed, only %llu are here", (unsigned long long)head[i].size,
			        (unsigned long long)x->tiles.size);
}

/* Entries that are in the tiles and still in the wal are the same; the tiles were read first, so only their hashes are at hand. */
static void
overlap_check(struct job *j, struct exam *x)
{
	const struct wal_copy *item = (const void *)x->items.p;
	BUF_AUTO hashes = BUF_INIT;
	char name[TILE_PATH_MAX];
	uint64_t loaded = UINT64_MAX;

	for (size_t i = 0; i < x->items.n / sizeof *item; i++) {
		uint64_t index = item[i].index, n = index >> TILE_BITS;
		if (index >= x->checkpoint.size || !item[i].good) continue;
		struct tile_ref t = tile_edge(0, x->checkpoint.size);
		if (n != t.n) t = (struct tile_ref){0, n, TILE_WIDTH};
		tile_path(t, name);
		if (loaded != n && (!slurp(j, x, name, TILE_BYTES, &hashes) || hashes.n != t.width * sizeof(Hash))) return;
		loaded = n;
		Hash leaf = tree_leaf(item[i].entry);
		if (memcmp(leaf.b, hashes.p + (index & (TILE_WIDTH - 1)) * sizeof(Hash), HASH_BYTES) != 0)
			problem(j, x, index, "wal: entry %llu is not the one in the tiles", (unsigned long long)index);
	}
}

/* --- all --- */

static void
exam_run(struct job *j, struct exam *x)
{
	if (!x->folder) problem(j, x, UINT64_MAX, "logs/%.*s: the folder is missing", STR(x->log_id));
	heads_check(x); /* an empty log's */
	checkpoint_read(j, x);
	if (x->has_checkpoint) {
		published_check(j, x);
		leftovers(j, x, "tile", 8);
		overlap_check(j, x);
	} else if (present(x, "tile") && x->heads.n == 0)
		problem(j, x, UINT64_MAX, "checkpoint: it is missing");
	wal_items_check(j, x);
	if (x->fault_head != UINT64_MAX)
		problem(j, x, UINT64_MAX, "wal: the root that was signed for %llu entries is not theirs", (unsigned long long)x->fault_head);
	if (j->wal_damage.n) problem(j, x, UINT64_MAX, "%.*s", STR(j->wal_damage));
	x->report.root = root_of(x);
	x->report.ok = x->report.problem.n == 0;
	tile_stack_fini(&x->tiles);
	buf_fini(&x->heads);
	buf_fini(&x->items);
	arena_reset(&j->scratch);
}

static int
exam_cmp(const void *a, const void *b)
{
	return str_cmp((*(struct exam *const *)a)->log_id, (*(struct exam *const *)b)->log_id);
}

/* A refused entry that was changed afterwards is a problem of the log it was taken from, of all when that cannot be told. */
static void
refused_look(struct job *j, int dirfd)
{
	struct ctx c = {.arena = j->arena};
	struct ledger_refused *list;
	size_t n;

	Err e = refused_read(&c, dirfd, &list, &n);
	if (!err_ok(e) && j->wal_damage.n == 0) j->wal_damage = arena_str(j->arena, str_c(err_detail(&c, e)));
}

Err
ledger_verify_dir(struct ctx *c, int dirfd, verify_entry_fn check, void *arg, void (*progress)(void *arg, uint64_t entries),
                  void *progress_arg, struct verify_report **ret, size_t *ret_n)
{
	struct job j = {.arena = c->arena, .check = check, .arg = arg, .progress = progress, .progress_arg = progress_arg};
	Str *names;
	size_t n;

	TRY(dir_list(c, dirfd, "logs", LOGS_MAX, &names, &n));
	for (size_t i = 0; i < n; i++)
		if (ledger_is_id(names[i])) exam_of(&j, dirfd, names[i])->folder = true;
	wal_look(&j, dirfd);
	refused_look(&j, dirfd);
	if (j.exam_count) qsort(j.exams, j.exam_count, sizeof(struct exam *), exam_cmp);
	struct verify_report *reports = NEW_N(c->arena, j.exam_count, struct verify_report);
	for (size_t i = 0; i < j.exam_count; i++) {
		exam_run(&j, j.exams[i]);
		reports[i] = j.exams[i]->report;
	}
	if (progress) progress(progress_arg, j.entries);
	*ret = reports;
	*ret_n = j.exam_count;
	map_fini(&j.by_id);
	free(j.exams);
	arena_fini(&j.scratch);
	return OK;
}
