/* The folder refused/: entries that were taken out of a log, each with its reason. */
#include <stdio.h>
#include <stdlib.h>

#include "codec/json.h"
#include "crypt/encode.h"
#include "crypt/hash.h"
#include "ledger/log.h"
#include "os/file.h"

/* --- reading --- */

enum { FILES_MAX = 100000, FILE_MAX = 64 * 1024 * 1024, LINE_MAX_BYTES = 256 * 1024 };

static Err
line_read(struct ctx *c, Str line, struct ledger_refused *ret)
{
	JSON_AUTO *root = NULL;
	struct ledger_refused r = {.index = 0};
	Str log_id = {0}, reason = {0}, leaf = {0}, entry = {0};

	TRY(json_read(c, line, (struct json_limits){.bytes = LINE_MAX_BYTES, .depth = 1}, &root));
	TRY(JSON_ONLY(c, root, "log", "index", "leaf", "reason", "entry"));
	TRY(json_str(c, root, "log", &log_id));
	TRY(json_u64(c, root, "index", &r.index));
	TRY(json_str(c, root, "leaf", &leaf));
	TRY(json_str(c, root, "reason", &reason));
	TRY(json_str(c, root, "entry", &entry));
	ENSURE(c, hex_get_n(leaf, r.leaf.b, HASH_BYTES) && base64_get(c->arena, entry, &r.entry) && r.entry.n <= LEDGER_ENTRY_MAX,
	       INVALID, "leaf or entry cannot be read");
	Hash is = tree_leaf(r.entry);
	ENSURE(c, memcmp(is.b, r.leaf.b, HASH_BYTES) == 0, INVALID, "entry and leaf hash disagree");
	r.log_id = arena_str(c->arena, log_id);
	r.reason = arena_str(c->arena, reason);
	*ret = r;
	return OK;
}

static Err
file_lines(struct ctx *c, Str name, Str text, struct buf *rows)
{
	struct ledger_refused r;
	char sum[17];
	Hash whole;
	Str line;

	crypt_sha256(text, whole.b);
	hex_text(whole.b, 8, sum);
	ENSURE(c, str_ends(name, str_c(sum)) && str_ends(text, S("\n")), INVALID, "it is not what was written");
	for (Str rest = text; rest.n > 0;) {
		rest = str_cut(rest, '\n', &line);
		TRY(line_read(c, line, &r));
		buf_add(rows, &r, sizeof r);
	}
	return OK;
}

static int
row_cmp(const void *a, const void *b)
{
	const struct ledger_refused *x = a, *y = b;
	int r = str_cmp(x->log_id, y->log_id);

	return r ? r : (x->index > y->index) - (x->index < y->index);
}

Err
refused_read(struct ctx *c, int dirfd, struct ledger_refused **ret, size_t *ret_n)
{
	BUF_AUTO rows = BUF_INIT;
	Str *names = NULL, text;
	size_t n = 0;
	FD_AUTO folder = -1;

	Err e = dir_open(c, dirfd, "refused", &folder);
	if (e.code != ERR_NOT_FOUND) {
		TRY(e);
		TRY(dir_list(c, folder, ".", FILES_MAX, &names, &n));
	}
	for (size_t i = 0; i < n; i++) {
		if (names[i].p[0] == '.') continue; /* what a crash left of writing one */
		TRY(file_read_path(c, folder, names[i].p, FILE_MAX, &text));
		e = file_lines(c, names[i], text, &rows);
		ENSURE(c, err_ok(e), CORRUPT, "refused/%.*s: %.200s", STR(names[i]), err_detail(c, e));
	}
	n = rows.n / sizeof(struct ledger_refused);
	struct ledger_refused *list = NEW_N(c->arena, n, struct ledger_refused);
	if (n) {
		memcpy(list, rows.p, rows.n);
		qsort(list, n, sizeof *list, row_cmp);
	}
	*ret = list;
	*ret_n = n;
	return OK;
}

Err
ledger_refused(struct ctx *c, const struct ledger *l, struct ledger_refused **ret, size_t *ret_n)
{
	return refused_read(c, l->dirfd, ret, ret_n);
}

/* --- taking entries out --- */

static void
refused_line(const struct log *g, size_t i, Str reason, struct buf *out)
{
	buf_printf(out, "{\"log\":\"%s\",\"index\":%llu,\"leaf\":\"", g->id, (unsigned long long)(g->tiles.size + i));
	hex_put(out, str_of(g->tail[i].leaf.b, HASH_BYTES));
	buf_c(out, "\",\"reason\":");
	buf_json(out, reason);
	buf_c(out, ",\"entry\":\"");
	base64_put(out, log_tail_entry(g, i));
	buf_c(out, "\"}\n");
}

static void
tail_cut(struct log *g, size_t keep)
{
	tile_stack_edge(&g->tiles, &g->edge);
	for (size_t i = 0; i < keep; i++) tree_append(&g->edge, &g->tail[i].leaf);
	g->bytes.n = g->tail[keep].at;
	g->tail_count = g->committed_count = keep;
	g->next = g->edge;
}

Err
ledger_drop_tail(struct ctx *c, struct ledger *l, Str log_id, uint64_t from, Str reason)
{
	struct log *g = log_find(l, log_id);
	BUF_AUTO lines = BUF_INIT;
	char path[LOG_PATH_MAX], sum[17];
	Hash prev = {{0}}, whole;

	TRY(ledger_usable(c, l));
	ENSURE(c, g, NOT_FOUND, "there is no log '%.*s'", STR(log_id));
	ENSURE(c, !l->frozen && !g->damaged, CORRUPT, "nothing can be taken out: %s", l->frozen ? l->why : g->damage);
	ENSURE(c, l->dirty_count == 0, CONFLICT, "something is appended and not committed");
	ENSURE(c, from < log_committed(g), NOT_FOUND, "the log has %llu entries", (unsigned long long)log_committed(g));
	ENSURE(c, from >= g->tiles.size && from >= g->sealed.size, CONFLICT, "entry %llu is under a signed checkpoint", (unsigned long long)from);
	size_t keep = (size_t)(from - g->tiles.size);
	for (size_t i = keep; i < g->committed_count; i++) refused_line(g, i, reason, &lines);
	crypt_sha256(buf_view(&lines), whole.b);
	hex_text(whole.b, 8, sum); /* the name holds the sum of the file */
	snprintf(path, sizeof path, "refused/%s.%llu.%s", g->id, (unsigned long long)from, sum);
	TRY(ledger_guard(c, l, dir_make(c, l->dirfd, "refused", 0700)));
	TRY(ledger_guard(c, l, file_replace(c, l->dirfd, path, buf_view(&lines), 0600)));
	if (from > 0) TRY(log_leaf(c, l, g, from - 1, &prev));
	tail_cut(g, keep);
	g->prev = g->next_prev = prev;
	Err e = wal_rewrite(c, l);
	if (!err_ok(e)) e.code = ERR_IO; /* memory and file differ: no way on */
	return ledger_guard(c, l, e);
}
