/* log verify: the proof of a copy, or of what a node hands out. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/map.h"
#include "cmd/cli/node.h"
#include "cmd/cli/out.h"
#include "codec/dsse.h"
#include "crypt/encode.h"
#include "crypt/hash.h"
#include "ledger/tile.h"
#include "ledger/verify.h"
#include "mesh/event.h"
#include "mesh/verify.h"
#include "os/file.h"

enum { LOG_PATH_MAX = 512 };

static void
show_progress(void *arg, uint64_t entries)
{
	struct arena *a = arg;

	fprintf(stderr, "\r\033[K  %.*s entries checked", STR(text_count(a, entries)));
}

/* The folder that holds logs/: the one given, or `ledger` in it. */
Err
cli_open_ledger(struct cli *cli, const char *dir, int *ret_fd)
{
	FD_AUTO fd = -1;

	Err e = dir_open(&cli->c, AT_FDCWD, dir, &fd);
	if (!err_ok(e)) {
		cli->c.detail[0] = 0;
		return err_set(&cli->c, ERR_NOT_FOUND, "%s: no such folder", dir);
	}
	if (!file_exists(fd, "logs") && file_exists(fd, "ledger/logs")) {
		FD_AUTO outer = TAKE(fd, -1);
		TRY(dir_open(&cli->c, outer, "ledger", &fd));
	}
	ENSURE(&cli->c, file_exists(fd, "logs"), NOT_FOUND, "%s: neither a data folder nor a copy of its logs: it holds no 'logs'", dir);
	*ret_fd = TAKE(fd, -1);
	return OK;
}

static json_t *
report_json(const struct verify_report *r, const char *name)
{
	char root[CRYPT_HASH_TEXT];
	json_t *o;

	hex_text(r->root.b, HASH_BYTES, root);
	o = json_pack("{s:s%, s:s, s:I, s:I, s:s, s:b}", "log", r->log_id.p, r->log_id.n, "name", name, "entries", (json_int_t)r->entries,
	              "signatures", (json_int_t)r->signatures, "root", root, "ok", r->ok);
	if (!o) abort();
	if (!r->ok) json_object_set_new(o, "problem", json_stringn(r->problem.p, r->problem.n));
	if (!r->ok && r->bad_entry != UINT64_MAX) json_object_set_new(o, "bad_entry", json_integer((json_int_t)r->bad_entry));
	return o;
}

static void
print_reports(struct cli *cli, const struct verify_report *r, const char *const *names, size_t n)
{
	struct arena *a = &cli->arena;
	struct grid g = GRID(a, "LOG", ">ENTRIES", ">SIGNATURES", "RESULT", "ROOT");
	char root[CRYPT_HASH_TEXT];

	for (size_t i = 0; i < n; i++) {
		hex_text(r[i].root.b, HASH_BYTES, root);
		grid_cell(&g, names[i][0] ? str_c(names[i]) : arena_printf(a, "%.*s", (int)(r[i].log_id.n < 16 ? r[i].log_id.n : 16), r[i].log_id.p));
		grid_cell(&g, text_count(a, r[i].entries));
		grid_cell(&g, text_count(a, r[i].signatures));
		grid_cell(&g, r[i].ok ? S("OK") : S("PROBLEM"));
		grid_cell(&g, arena_str(a, str_c(root)));
	}
	grid_print(&g);
	for (size_t i = 0; i < n; i++) {
		if (r[i].ok) continue;
		out_printf("log %s %.*s: ", names[i], STR(r[i].log_id));
		out_text(stdout, r[i].problem);
		putchar('\n');
	}
}

/* Show the reports; CORRUPT when one has a problem. names: what the logs are called, "" where unknown. */
static Err
judge(struct cli *cli, const struct verify_report *r, const char *const *names, size_t n)
{
	JSON_AUTO *list = json_array();
	uint64_t entries = 0;
	size_t bad = 0;

	for (size_t i = 0; i < n; i++) {
		json_array_append_new(list, report_json(&r[i], names[i]));
		bad += !r[i].ok;
		entries += r[i].entries;
	}
	ENSURE(&cli->c, n > 0, NOT_FOUND, "there is no log");
	JSON_AUTO *doc = json_pack("{s:b, s:O}", "ok", bad == 0, "logs", list);
	if (cli->json && bad > 0) {
		json_object_set_new(doc, "error", json_pack("{s:s, s:s%}", "code", "CORRUPT", "message", r[0].problem.p ? r[0].problem.p : "", r[0].problem.n));
		cli->refusal = json_incref(doc);
	} else if (!cli_told(cli, doc)) {
		print_reports(cli, r, names, n);
		if (bad == 0) out_printf("OK: %.*s entries in %zu logs\n", STR(text_count(&cli->arena, entries)), n);
	}
	for (size_t i = 0; i < n; i++)
		ENSURE(&cli->c, r[i].ok, CORRUPT, "log %.*s: %.*s", STR(r[i].log_id), STR(r[i].problem));
	return OK;
}

struct checking { struct mesh_verifier *verifier; struct arena *arena; struct map names; };

/* Every entry goes to the mesh's checker; a log's first one tells what its domain is called. */
static Err
check_entry(struct ctx *c, void *arg, Str log_id, uint64_t index, Str entry, const Hash *prev_leaf)
{
	struct checking *k = arg;
	struct dsse envelope;
	struct event e;

	TRY(mesh_verify_entry(c, k->verifier, log_id, index, entry, prev_leaf));
	if (index != 0 || str_eqc(log_id, "journal")) return OK;
	TRY(dsse_parse(c, entry, &envelope));
	TRY(event_parse(c, envelope.payload, &e));
	map_put(&k->names, log_id, (void *)(uintptr_t)arena_str(k->arena, js_text(e.body, "name")).p);
	event_fini(&e);
	return OK;
}

/* *ret_names: what the logs are called, "" where unknown. */
static Err
verify(struct cli *cli, int dirfd, struct verify_report **ret, size_t *ret_n, const char ***ret_names)
{
	struct checking k = {mesh_verifier_new(), &cli->arena, MAP_INIT};
	bool live = isatty(STDERR_FILENO);

	Err e = ledger_verify_dir(&cli->c, dirfd, check_entry, &k, live ? show_progress : NULL, &cli->arena, ret, ret_n);
	if (live) fputs("\r\033[K", stderr);
	if (err_ok(e)) {
		*ret_names = NEW_N(&cli->arena, *ret_n, const char *);
		for (size_t i = 0; i < *ret_n; i++) {
			const char *name = map_get(&k.names, (*ret)[i].log_id);
			(*ret_names)[i] = name ? name : str_eqc((*ret)[i].log_id, "journal") ? "journal" : "";
		}
	}
	map_fini(&k.names);
	mesh_verifier_free(k.verifier);
	return e;
}

/* --- from a node: the files of its logs into a folder of our own --- */

struct copy { struct cli *cli; int dirfd; const char *log; };

static Err
fetch(struct copy *p, const char *path)
{
	struct cli *cli = p->cli;
	char to[LOG_PATH_MAX], log_path[LOG_PATH_MAX];
	Str bytes;

	snprintf(log_path, sizeof(log_path), "/api/v1/logs/%s/files/%s", p->log, path);
	TRY(node_fetch(cli, log_path, &bytes));
	snprintf(to, sizeof(to), "logs/%s/%s", p->log, path);
	for (char *slash = strchr(to, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		TRY(dir_make(&cli->c, p->dirfd, to, 0700));
		*slash = '/';
	}
	return file_replace(&cli->c, p->dirfd, to, bytes, 0600);
}

static Err
fetch_tiles(struct copy *p, int level, uint64_t hashes)
{
	char path[TILE_PATH_MAX];

	for (uint64_t n = 0; n * TILE_WIDTH < hashes; n++) {
		uint64_t left = hashes - n * TILE_WIDTH;
		tile_path((struct tile_ref){level, n, left < TILE_WIDTH ? (unsigned)left : TILE_WIDTH}, path);
		TRY(fetch(p, path));
	}
	return OK;
}

/* The size that a checkpoint's second line tells (C2SP tlog-checkpoint). */
static Err
checkpoint_size(struct cli *cli, int dirfd, const char *log, uint64_t *ret)
{
	Str text, origin, size;

	TRY(file_read_path(&cli->c, dirfd, arena_printf(&cli->arena, "logs/%s/checkpoint", log).p, 64 * 1024, &text));
	str_cut(str_cut(text, '\n', &origin), '\n', &size);
	ENSURE(&cli->c, str_u64(size, ret), CORRUPT, "log %s: the checkpoint does not tell the log's size", log);
	return OK;
}

static Err
fetch_log(struct cli *cli, int dirfd, const char *log, uint64_t *ret_size)
{
	struct copy p = {cli, dirfd, log};
	uint64_t size;

	ENSURE(&cli->c, strlen(log) <= LEDGER_ID_MAX && !strpbrk(log, "/."), INVALID, "the node names a log that can be none");
	TRY(fetch(&p, "checkpoint"));
	TRY(fetch(&p, "keys"));
	TRY(checkpoint_size(cli, dirfd, log, &size));
	TRY(fetch_tiles(&p, TILE_ENTRIES, size));
	for (int level = 0; level < TILE_LEVELS && size >> (TILE_BITS * level); level++) TRY(fetch_tiles(&p, level, size >> (TILE_BITS * level)));
	*ret_size = size;
	return OK;
}

/* What was proven must be what the node says it has. */
static void
compare(const json_t *logs, struct verify_report *r, size_t n)
{
	json_t *l;
	size_t i;

	json_array_foreach(logs, i, l) {
		char root[CRYPT_HASH_TEXT];
		for (size_t k = 0; k < n; k++) {
			if (!str_eq(js_text(l, "log"), r[k].log_id)) continue;
			hex_text(r[k].root.b, HASH_BYTES, root);
			if (r[k].ok && js_count(l, "size") == r[k].entries && !str_eqc(js_text(l, "root"), root)) {
				r[k].ok = false;
				r[k].problem = S("the node tells another root for this size than its files have");
			}
		}
	}
}

static Err
verify_node(struct cli *cli, int dirfd)
{
	JSON_AUTO *answer = NULL;
	struct verify_report *r;
	const char **names;
	size_t n, i;
	uint64_t size;
	json_t *l;

	TRY(node_get(cli, "/api/v1/logs", &answer));
	const json_t *logs = json_object_get(answer, "logs");
	json_array_foreach(logs, i, l) {
		const char *log = json_string_value(json_object_get(l, "log"));
		if (!log || !js_count(l, "size")) continue;
		Err e = fetch_log(cli, dirfd, log, &size);
		if (e.code == ERR_DENIED) { /* not for this person: leave it out, and say so */
			fprintf(stderr, "heddle: left out: %s\n", cli->c.detail);
			cli->c.detail[0] = 0;
			TRY(dir_remove(&cli->c, dirfd, arena_printf(&cli->arena, "logs/%s", log).p));
			continue;
		}
		TRY(e);
	}
	TRY(verify(cli, dirfd, &r, &n, &names));
	compare(logs, r, n);
	return judge(cli, r, names, n);
}

static Err
verify_copy(struct cli *cli, const char *dir)
{
	struct verify_report *r;
	const char **names;
	size_t n;
	FD_AUTO fd = -1;

	TRY(cli_open_ledger(cli, dir, &fd));
	TRY(verify(cli, fd, &r, &n, &names));
	return judge(cli, r, names, n);
}

Err
cli_run_log_verify(struct cli *cli)
{
	const char *dir = cli_option(cli, OPT_DIR), *tmp = getenv("TMPDIR");
	FD_AUTO fd = -1;

	TRY(crypt_init(&cli->c));
	if (dir) return verify_copy(cli, dir);
	char *copy = (char *)(uintptr_t)arena_printf(&cli->arena, "%s/heddle-verify-XXXXXX", tmp && *tmp ? tmp : "/tmp").p;
	ENSURE(&cli->c, mkdtemp(copy), IO, "%s: %s", copy, strerror(errno));
	Err e = dir_open(&cli->c, AT_FDCWD, copy, &fd);
	if (err_ok(e)) e = verify_node(cli, fd);
	struct ctx kept = cli->c;
	if (!err_ok(dir_remove(&cli->c, AT_FDCWD, copy))) fprintf(stderr, "heddle: the copy in %s was not removed\n", copy);
	cli->c = kept;
	return e;
}
