/* audit, usage, erase: what was done, by whom, and the proof of it. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "cmd/cli/node.h"
#include "cmd/cli/out.h"

enum { SEARCH_LINES = 50, EXPORT_PAGE = 500, USAGE_DAYS = 90 };

/* --- asking --- */

static void
ask(struct cli *cli, struct buf *path, enum option_id option, const char *name)
{
	const char *value = cli_option(cli, option);

	if (value) buf_printf(path, "&%s", node_path(cli, arena_printf(&cli->arena, "%s=", name).p, value, ""));
}

static void
ask_filters(struct cli *cli, struct buf *path)
{
	ask(cli, path, OPT_BY_PERSON, "person");
	ask(cli, path, OPT_PRODUCT, "product");
	ask(cli, path, OPT_FROM, "from_time");
	ask(cli, path, OPT_UNTIL, "to_time");
	ask(cli, path, OPT_OUTCOME, "outcome");
	ask(cli, path, OPT_OPERATION, "operation");
}

static Err
number_option(struct cli *cli, enum option_id option, uint64_t fallback, uint64_t *ret)
{
	const char *text = cli_option(cli, option);

	*ret = fallback;
	ENSURE(&cli->c, !text || (str_u64(str_c(text), ret) && *ret > 0), INVALID, "--%s %s: not a whole number from 1", cli_options[option].name, text);
	return OK;
}

/* --- search --- */

/* What the entry is about, without what has columns of its own. */
static Str
details(struct cli *cli, const json_t *entry)
{
	JSON_AUTO *body = json_copy(json_object_get(entry, "body"));
	static const char *const elsewhere[] = {"operation", "acting", "owner", "status", "code"};
	JSON_AUTO *tables = json_array();
	const char *key;
	json_t *v;
	void *next;
	size_t k;

	for (size_t i = 0; body && i < ARRAY_LEN(elsewhere); i++) json_object_del(body, elsewhere[i]);
	json_array_foreach(json_object_get(body, "tables"), k, v) json_array_append(tables, json_object_get(v, "table"));
	if (json_array_size(tables)) json_object_set(body, "tables", tables);
	json_object_foreach_safe(body, next, key, v)
		if (js_line(&cli->arena, v).n == 0) json_object_del(body, key);
	return body ? js_line(&cli->arena, body) : S("");
}

static Str
what(const json_t *entry)
{
	Str operation = js_text(json_object_get(entry, "body"), "operation"), type = js_text(entry, "type");

	if (operation.n) return operation;
	return str_starts(type, S("journal.")) ? str_of(type.p + 8, type.n - 8) : type;
}

static Str
outcome(struct arena *a, const json_t *entry)
{
	const json_t *body = json_object_get(entry, "body");
	Str code = js_text(body, "code");

	if (str_eqc(js_text(entry, "type"), "journal.query.end")) code = js_text(body, "outcome");
	if (str_eqc(code, "DENIED") || str_eqc(code, "UNAUTHENTICATED") || str_eqc(js_text(entry, "type"), "journal.query.refused")) return S("refused");
	return code.n && !str_eqc(code, "OK") ? arena_printf(a, "failed: %.*s", STR(code)) : S("ok");
}

Err
cli_run_audit_search(struct cli *cli)
{
	JSON_AUTO *answer = NULL;
	struct arena *a = &cli->arena;
	uint64_t limit;
	json_t *e;
	size_t i;
	BUF_AUTO path = BUF_INIT;

	TRY(number_option(cli, OPT_LIMIT, SEARCH_LINES, &limit));
	buf_printf(&path, "/api/v1/journal?limit=%" PRIu64, limit);
	ask_filters(cli, &path);
	TRY(node_get(cli, buf_z(&path), &answer));
	if (cli_told(cli, answer)) return OK;
	struct grid g = GRID(a, ">ENTRY", "TIME", "WHAT", "OUTCOME", "BY", "DETAILS");
	g.empty = "nothing found that you may know of";
	json_array_foreach(json_object_get(answer, "entries"), i, e) {
		grid_printf(&g, "%" PRIu64, js_count(e, "index"));
		grid_cell(&g, js_text(e, "time"));
		grid_cell(&g, what(e));
		grid_cell(&g, outcome(a, e));
		grid_cell(&g, js_text(e, "actor"));
		grid_cell(&g, details(cli, e));
	}
	grid_print(&g);
	return OK;
}

/* --- export --- */

struct export { FILE *f; const char *path; uint64_t size, next, lines; bool more; };

static Err
write_lines(struct cli *cli, struct export *x, const json_t *answer)
{
	json_t *e;
	size_t i;

	json_array_foreach(json_object_get(answer, "entries"), i, e) {
		uint64_t index = js_count(e, "index");
		ENSURE(&cli->c, index >= x->next, CORRUPT, "the node told entry %" PRIu64 " out of order", index);
		x->next = index + 1;
		if (index >= x->size) return OK; /* said since the export began */
		ENSURE(&cli->c, json_dumpf(e, x->f, JSON_COMPACT) == 0 && fputc('\n', x->f) != EOF, IO, "%s: %s", x->path, strerror(errno));
		x->lines++;
	}
	return OK;
}

static Err
export_page(struct cli *cli, struct export *x)
{
	JSON_AUTO *answer = NULL;
	BUF_AUTO path = BUF_INIT;

	buf_printf(&path, "/api/v1/journal?whole=true&limit=%d&from=%" PRIu64, EXPORT_PAGE, x->next);
	ask_filters(cli, &path);
	TRY(node_get(cli, buf_z(&path), &answer));
	if (x->size == 0) x->size = js_count(answer, "size");
	x->more = js_true(answer, "more");
	return write_lines(cli, x, answer);
}

static Err
export_all(struct cli *cli, struct export *x)
{
	do TRY(export_page(cli, x));
	while (x->more && x->next < x->size);
	ENSURE(&cli->c, fflush(x->f) == 0 && fsync(fileno(x->f)) == 0, IO, "%s: %s", x->path, strerror(errno));
	return OK;
}

/* Under another name until it is whole, so that a part is never taken for all. */
Err
cli_run_audit_export(struct cli *cli)
{
	const char *out = cli_option(cli, OPT_OUT);
	struct export x = {.path = arena_printf(&cli->arena, "%s.part", out).p};

	x.f = fopen(x.path, "w");
	ENSURE(&cli->c, x.f, IO, "%s: %s", x.path, strerror(errno));
	Err e = export_all(cli, &x);
	if (fclose(x.f) != 0 && err_ok(e)) e = err_set(&cli->c, ERR_IO, "%s: %s", x.path, strerror(errno));
	if (err_ok(e) && rename(x.path, out) != 0) e = err_set(&cli->c, ERR_IO, "%s: %s", out, strerror(errno));
	if (!err_ok(e)) {
		unlink(x.path);
		return e;
	}
	JSON_AUTO *told = json_pack("{s:s, s:I, s:I}", "file", out, "entries", (json_int_t)x.lines, "size", (json_int_t)x.size);
	if (!cli_told(cli, told)) out_printf("%s: %.*s entries, of %.*s in the journal\n", out, STR(text_count(&cli->arena, x.lines)), STR(text_count(&cli->arena, x.size)));
	return OK;
}

/* --- proof --- */

/* The id of the log of that domain; what is no domain's name is an id, or "journal". */
static Err
log_id(struct cli *cli, const char *name, const char **ret)
{
	JSON_AUTO *answer = NULL;
	json_t *d;
	size_t i;

	*ret = name;
	if (strcmp(name, "journal") == 0) return OK;
	TRY(node_get(cli, "/api/v1/domains", &answer));
	json_array_foreach(json_object_get(answer, "domains"), i, d) {
		if (str_eqc(js_text(d, "name"), name)) *ret = arena_str(&cli->arena, js_text(d, "id")).p;
	}
	return OK;
}

Err
cli_run_audit_proof(struct cli *cli)
{
	const char *log = cli_option(cli, OPT_LOG), *out = cli_option(cli, OPT_OUT);
	uint64_t index;
	Str proof;

	ENSURE(&cli->c, str_u64(str_c(cli->args[0]), &index), INVALID, "%s: not the number of an entry", cli->args[0]);
	TRY(log_id(cli, log ? log : "journal", &log));
	TRY(node_fetch(cli, node_path(cli, "/api/v1/logs/", log, arena_printf(&cli->arena, "/proofs/%" PRIu64, index).p), &proof));
	FILE *f = out ? fopen(out, "w") : stdout;
	ENSURE(&cli->c, f, IO, "%s: %s", out, strerror(errno));
	bool written = fwrite(proof.p, 1, proof.n, f) == proof.n && fflush(f) == 0;
	if (out) fclose(f);
	ENSURE(&cli->c, written, IO, "%s: %s", out ? out : "standard output", strerror(errno));
	if (out) fprintf(stderr, "%s: %zu bytes\n", out, proof.n);
	return OK;
}

/* --- usage --- */

static void
print_unused(struct cli *cli, const json_t *answer)
{
	struct grid g = GRID(&cli->arena, "UNUSED", "ID", "WHAT", "TO", "SINCE", "LAST USED");
	g.empty = "nothing is unused";
	json_t *u;
	size_t i;

	json_array_foreach(json_object_get(answer, "unused"), i, u) {
		grid_cell(&g, js_text(u, "kind"));
		grid_cell(&g, js_text(u, "id"));
		grid_cell(&g, js_text(u, "what"));
		grid_cell(&g, js_text(u, "to"));
		grid_cell(&g, js_text(u, "since"));
		grid_cell(&g, js_text(u, "last").n ? js_text(u, "last") : S("never"));
	}
	grid_print(&g);
}

static void
print_usage(struct cli *cli, const json_t *answer)
{
	struct arena *a = &cli->arena;
	struct grid g = GRID(a, "TABLE", "PERSON", "PURPOSE", "GRANT", ">QUERIES", ">REFUSED", ">ROWS", "LAST", "COLUMNS");
	g.empty = "nobody used anything that you may know of";
	json_t *u;
	size_t i;

	json_array_foreach(json_object_get(answer, "usage"), i, u) {
		grid_cell(&g, js_text(u, "table"));
		grid_cell(&g, js_text(u, "person"));
		grid_cell(&g, js_text(u, "purpose"));
		grid_cell(&g, js_text(u, "grant"));
		grid_cell(&g, text_count(a, js_count(u, "queries")));
		grid_cell(&g, text_count(a, js_count(u, "refused")));
		grid_cell(&g, text_count(a, js_count(u, "rows")));
		grid_cell(&g, js_text(u, "last"));
		grid_cell(&g, js_true(u, "all_columns") ? S("all") : js_line(a, json_object_get(u, "columns")));
	}
	grid_print(&g);
}

Err
cli_run_usage(struct cli *cli)
{
	JSON_AUTO *answer = NULL;
	bool unused = cli_flag(cli, OPT_UNUSED);
	uint64_t days;
	BUF_AUTO path = BUF_INIT;

	TRY(number_option(cli, unused ? OPT_UNUSED : OPT_DAYS, USAGE_DAYS, &days));
	buf_printf(&path, "/api/v1/usage?days=%" PRIu64 "%s", days, unused ? "&unused=true" : "");
	if (cli->arg_count) buf_printf(&path, "&%s", node_path(cli, "product=", cli->args[0], ""));
	ask(cli, &path, OPT_OF_GRANT, "grant");
	TRY(node_get(cli, buf_z(&path), &answer));
	if (cli_told(cli, answer)) return OK;
	if (unused)
		print_unused(cli, answer);
	else
		print_usage(cli, answer);
	return OK;
}

/* --- erasure --- */

static Err
erase(struct cli *cli, const char *prefix)
{
	const char *basis = cli_option(cli, OPT_BASIS);
	JSON_AUTO *body = json_object(), *answer = NULL;

	if (basis) json_object_set_new(body, "basis", json_string(basis));
	TRY(node_call(cli, NODE_PERSON, "POST", node_path(cli, prefix, cli->args[0], "/erase"), body, &answer));
	if (!cli_told(cli, answer)) printf("%s: erased on this node, for good\n", cli->args[0]);
	return OK;
}

Err
cli_run_user_erase(struct cli *cli)
{
	return erase(cli, "/api/v1/users/");
}

Err
cli_run_erase(struct cli *cli)
{
	return erase(cli, "/api/v1/texts/");
}
