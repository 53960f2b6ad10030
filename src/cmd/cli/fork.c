/* log compare, forks, fork report: two histories of one log, found and told. */
#include <stdio.h>
#include <stdlib.h>

#include "base/map.h"
#include "cmd/cli/node.h"
#include "cmd/cli/out.h"
#include "crypt/encode.h"
#include "crypt/hash.h"
#include "ledger/tree.h"
#include "ledger/verify.h"
#include "os/file.h"

enum { PROOF_ENTRIES_MAX = 32, PROOF_BYTES_MAX = 15000 /* of one branch: both must fit into an entry, twice in base64 */, PROOF_FILE_MAX = 1 << 20 };

/* One log of the first copy, and where the second differs. */
struct compared {
	Hash *leaves;
	uint64_t count, cap;
	uint64_t fork;      /* UINT64_MAX: none so far */
	json_t *a, *b;      /* entries from there on, in base64; owned */
	size_t a_bytes, b_bytes;
};

struct comparing { struct arena *arena; struct map logs; struct map names; int round; };

static struct compared *
compared_of(struct comparing *k, Str log_id, bool make)
{
	struct compared *l = map_get(&k->logs, log_id);

	if (l || !make) return l;
	l = mem_alloc(sizeof *l);
	*l = (struct compared){.fork = UINT64_MAX, .a = json_array(), .b = json_array()};
	map_put(&k->logs, log_id, l);
	return l;
}

static void
comparing_fini(struct comparing *k)
{
	void *v;

	for (size_t i = 0; map_next(&k->logs, &i, NULL, &v);) {
		struct compared *l = v;
		free(l->leaves);
		json_decref(l->a);
		json_decref(l->b);
		free(l);
	}
	map_fini(&k->logs);
}

static void
branch_add(json_t *branch, size_t *bytes, Str entry)
{
	BUF_AUTO text = BUF_INIT;

	if (json_array_size(branch) > 0 && (*bytes + entry.n > PROOF_BYTES_MAX || json_array_size(branch) >= PROOF_ENTRIES_MAX)) {
		*bytes = SIZE_MAX / 2; /* a branch has no gaps */
		return;
	}
	*bytes += entry.n;
	base64_put(&text, entry);
	json_array_append_new(branch, json_stringn(text.p, text.n));
}

static void
leaf_add(struct compared *l, const Hash *leaf)
{
	if (l->count == l->cap) l->leaves = mem_resize(l->leaves, (l->cap = l->cap * 2 + 1024) * sizeof *l->leaves);
	l->leaves[l->count++] = *leaf;
}

/* Round 0: the leaves of the first copy. Round 1: where the second differs, and its entries. Round 2: the first copy's entries from there. */
static Err
compare_entry(struct ctx *c UNUSED, void *arg, Str log_id, uint64_t index, Str entry, const Hash *prev_leaf UNUSED)
{
	struct comparing *k = arg;
	struct compared *l = compared_of(k, log_id, k->round == 0);
	Hash leaf = tree_leaf(entry);

	if (!l) return OK;
	if (k->round == 0) {
		leaf_add(l, &leaf);
	} else if (k->round == 1) {
		if (l->fork == UINT64_MAX && index < l->count && memcmp(leaf.b, l->leaves[index].b, HASH_BYTES) != 0) l->fork = index;
		if (index >= l->fork) branch_add(l->b, &l->b_bytes, entry);
	} else if (index >= l->fork)
		branch_add(l->a, &l->a_bytes, entry);
	return OK;
}

static Err
walk(struct cli *cli, const char *dir, struct comparing *k)
{
	struct verify_report *r;
	size_t n;
	FD_AUTO fd = -1;

	TRY(cli_open_ledger(cli, dir, &fd));
	TRY(ledger_verify_dir(&cli->c, fd, compare_entry, k, NULL, &cli->arena, &r, &n));
	for (size_t i = 0; i < n; i++) {
		if (r[i].ok) continue;
		fprintf(stderr, "heddle: %s, log %.*s: ", dir, STR(r[i].log_id));
		out_text(stderr, r[i].problem);
		fputc('\n', stderr);
	}
	return OK;
}

static Err
proof_write(struct cli *cli, Str log_id, const struct compared *l)
{
	JSON_AUTO *doc = json_pack("{s:i, s:s%, s:I, s:O, s:O}", "heddle_fork", 1, "log", log_id.p, log_id.n, "at", (json_int_t)l->fork, "a", l->a, "b", l->b);
	const char *path = arena_printf(&cli->arena, "fork-%.16s.json", log_id.p).p;
	char *text = json_dumps(doc, JSON_COMPACT);

	ENSURE(&cli->c, text, INTERNAL, "the proof cannot be written");
	Err e = file_replace(&cli->c, AT_FDCWD, path, str_c(text), 0644);
	free(text);
	TRY(e);
	out_printf("log %.*s: two histories from entry %llu on; the proof is in %s\n", STR(log_id), (unsigned long long)l->fork, path);
	return OK;
}

static Err
tell(struct cli *cli, struct comparing *k, size_t *ret_forks)
{
	Str log_id;
	void *v;

	*ret_forks = 0;
	for (size_t i = 0; map_next(&k->logs, &i, &log_id, &v);) {
		const struct compared *l = v;
		if (l->fork == UINT64_MAX) continue;
		TRY(proof_write(cli, arena_str(&cli->arena, log_id), l));
		(*ret_forks)++;
	}
	return OK;
}

Err
cli_run_log_compare(struct cli *cli)
{
	struct comparing k = {.arena = &cli->arena, .logs = MAP_INIT};
	size_t forks = 0;

	TRY(crypt_init(&cli->c));
	Err e = walk(cli, cli->args[0], &k);
	k.round = 1;
	if (err_ok(e)) e = walk(cli, cli->args[1], &k);
	k.round = 2;
	if (err_ok(e)) e = walk(cli, cli->args[0], &k);
	if (err_ok(e)) e = tell(cli, &k, &forks);
	comparing_fini(&k);
	TRY(e);
	ENSURE(&cli->c, forks == 0, CORRUPT, "%zu logs have two histories; hand the proof to a node with: heddle fork report FILE", forks);
	if (!cli->json) printf("OK: as far as both copies go, they are the same\n");
	else printf("{\"ok\":true}\n");
	return OK;
}

Err
cli_run_fork_report(struct cli *cli)
{
	JSON_AUTO *doc = NULL, *body = json_object(), *answer = NULL;
	json_t *a, *b;
	Str text, log;

	TRY(file_read_path(&cli->c, AT_FDCWD, cli->args[0], PROOF_FILE_MAX, &text));
	TRY(json_read(&cli->c, text, (struct json_limits){.bytes = PROOF_FILE_MAX, .depth = 3, .values = 1024}, &doc));
	TRY(json_str(&cli->c, doc, "log", &log));
	TRY(json_list(&cli->c, doc, "a", &a));
	TRY(json_list(&cli->c, doc, "b", &b));
	json_object_set_new(body, "log", json_stringn(log.p, log.n));
	json_object_set(body, "a", a);
	json_object_set(body, "b", b);
	TRY(node_call(cli, NODE_PERSON, "POST", "/api/v1/forks", body, &answer));
	if (cli_told(cli, answer)) return OK;
	out_printf("%.*s: reported as %.*s; frozen until its recovery keys settle it\n", STR(js_text(answer, "domain")), STR(js_text(answer, "id")));
	return OK;
}

Err
cli_run_forks(struct cli *cli)
{
	JSON_AUTO *answer = NULL;
	struct grid g = GRID(&cli->arena, "DOMAIN", ">AT ENTRY", "STATE", "REPORTED BY", "TIME");
	g.empty = "no forks: every log has one history, as far as is known here";
	json_t *f;
	size_t i;

	TRY(node_get(cli, "/api/v1/forks", &answer));
	if (cli_told(cli, answer)) return OK;
	json_array_foreach(json_object_get(answer, "forks"), i, f) {
		grid_cell(&g, js_text(f, "domain"));
		grid_cell(&g, text_count(&cli->arena, js_count(f, "at")));
		grid_cell(&g, js_text(f, "state"));
		grid_printf(&g, "%.*s of %.*s", STR(js_text(f, "by")), STR(js_text(f, "reporter")));
		grid_cell(&g, js_text(f, "reported"));
	}
	grid_print(&g);
	return OK;
}
