/* The folder refused/: entries that were taken out of a log, each with its reason. */
#include <stdlib.h>

#include "codec/json.h"
#include "crypt/encode.h"
#include "crypt/hash.h"
#include "ledger/log.h"
#include "os/file.h"

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
