/* Explain: why somebody may read a table, who may read it, what somebody may read, what would break. */
#include <stdio.h>

#include "cmd/cli/access.h"

/* What an explanation of the past rests on. */
static void
print_rests(const json_t *e)
{
	Str at = js_text(e, "at");
	const json_t *logs = json_object_get(e, "rests_on");
	json_int_t entries = 0;
	json_t *log;
	size_t i;

	if (at.n == 0) return;
	json_array_foreach(logs, i, log) entries += (json_int_t)js_count(log, "entries");
	out_printf("\nas it stood at %.*s, by the first %lld entries of %zu logs and the times written into them\n", STR(at), (long long)entries,
	       json_array_size(logs));
}

static void
print_explanation(struct cli *cli, const json_t *e)
{
	struct arena *a = &cli->arena;
	bool allow = str_eq(js_text(e, "verdict"), S("allow"));
	Str purpose = js_text(e, "purpose"), reason = js_text(e, "reason");
	json_t *v;
	size_t i;

	out_printf("%.*s %s read %.*s%s%.*s%s\n", STR(js_text(e, "principal")), allow ? "may" : "may not", STR(js_text(e, "table")),
	       purpose.n ? " for purpose '" : "", STR(purpose), purpose.n ? "'" : "");
	if (reason.n) {
		printf("  because: ");
		out_text(stdout, reason);
		putchar('\n');
	}
	if (allow) {
		struct grid g = GRID(a, "COLUMN", "ACCESS");
		out_printf("  grant:   %.*s\n", STR(cli_or_dash(js_text(e, "grant"))));
		out_printf("  until:   %.*s\n", STR(cli_or_dash(js_text(e, "until"))));
		Str rows = js_text(e, "rows");
		out_printf("  rows:    %.*s\n\n", STR(rows.n ? rows : S("all")));
		g.indent = 2;
		json_array_foreach(json_object_get(e, "columns"), i, v) {
			grid_cell(&g, js_text(v, "name"));
			grid_cell(&g, js_text(v, "access"));
		}
		grid_print(&g);
	}
	puts("\nhow it was decided");
	json_array_foreach(json_object_get(e, "trace"), i, v) {
		printf("  %zu. ", i + 1);
		out_text(stdout, js_line(a, v));
		putchar('\n');
	}
	print_rests(e);
}

static const char *
with_option(struct cli *cli, const char *path, const char *name, enum option_id id)
{
	const char *value = cli_option(cli, id);

	return value ? node_path(cli, arena_printf(&cli->arena, "%s&%s=", path, name).p, value, "") : path;
}

static Err
explain_one(struct cli *cli)
{
	JSON_AUTO *answer = NULL;
	const char *path = node_path(cli, "/api/v1/explain?principal=", cli->args[0], "&table=");

	path = with_option(cli, node_path(cli, path, cli->args[1], ""), "purpose", OPT_PURPOSE);
	TRY(node_get(cli, with_option(cli, path, "at", OPT_AT), &answer));
	if (!cli_told(cli, answer)) print_explanation(cli, answer);
	return OK;
}

static Str
terms_of(struct arena *a, const json_t *line)
{
	Str rows = js_text(line, "rows"), masks = js_line(a, json_object_get(line, "masks")), hide = js_line(a, json_object_get(line, "hide"));
	Str text = arena_printf(a, "%.*s%s%.*s%s%.*s", STR(rows.n ? rows : S("all rows")), masks.n ? "; mask " : "", STR(masks),
	                        hide.n ? "; hide " : "", STR(hide));

	if (js_count(line, "min_group")) text = arena_printf(a, "%.*s; groups of %llu", STR(text), (unsigned long long)js_count(line, "min_group"));
	if (js_count(line, "row_budget")) text = arena_printf(a, "%.*s; %llu rows a day", STR(text), (unsigned long long)js_count(line, "row_budget"));
	return js_true(line, "no_export") ? arena_printf(a, "%.*s; no export", STR(text)) : text;
}

/* Whom or what the list is of stands in its heading; the other is its first column. */
static Err
explain_list(struct cli *cli, const char *path, bool of_table)
{
	JSON_AUTO *answer = NULL;
	struct arena *a = &cli->arena;
	json_t *line;
	size_t i;

	TRY(node_get(cli, with_option(cli, path, "at", OPT_AT), &answer));
	if (cli_told(cli, answer)) return OK;
	out_printf(of_table ? "who may read %.*s\n" : "what %.*s may read\n", STR(js_text(answer, of_table ? "table" : "person")));
	struct grid g = GRID(a, of_table ? "WHO" : "TABLE", "PURPOSES", "UNTIL", "BY", "TERMS");
	g.empty = of_table ? "nobody" : "nothing that you may ask about";
	json_array_foreach(json_object_get(answer, "access"), i, line) {
		Str who = arena_printf(a, "%.*s %.*s (%.*s)", STR(js_text(line, "kind")), STR(js_text(line, "principal")), STR(js_text(line, "domain")));
		Str grant = js_text(line, "grant"), handed = js_text(line, "delegation");
		grid_cell(&g, of_table ? who : js_text(line, "table"));
		grid_cell(&g, js_line(a, json_object_get(line, "purposes")));
		grid_cell(&g, cli_or_dash(js_text(line, "until")));
		grid_cell(&g, grant.n ? arena_printf(a, "%.*s%s%.*s", STR(grant), handed.n ? ", handed on by " : "", STR(handed)) : js_text(line, "reason"));
		grid_cell(&g, terms_of(a, line));
	}
	g.indent = 2;
	grid_print(&g);
	if (js_true(answer, "cut")) puts("  … and more: ask about less");
	print_rests(answer);
	return OK;
}

static Err
explain_revoke(struct cli *cli, const char *grant)
{
	JSON_AUTO *answer = NULL;

	TRY(node_get(cli, node_path(cli, "/api/v1/explain/revoke?grant=", grant, ""), &answer));
	if (cli_told(cli, answer)) return OK;
	printf("were grant %s revoked\n", grant);
	cli_print_impact(cli, answer);
	return OK;
}

Err
cli_run_explain(struct cli *cli)
{
	const char *table = cli_option(cli, OPT_OF_TABLE), *person = cli_option(cli, OPT_PERSON), *grant = cli_option(cli, OPT_REVOKE);
	int forms = (cli->arg_count > 0) + !!table + !!person + !!grant;

	ENSURE(&cli->c, forms == 1 && cli->arg_count != 1, INVALID,
	       "write `heddle explain WHO DOMAIN.PRODUCT.TABLE`, or one of --table, --person, --revoke");
	ENSURE(&cli->c, cli->arg_count == 2 || !cli_flag(cli, OPT_PURPOSE), INVALID, "--purpose goes with WHO and a table: the lists tell all purposes");
	ENSURE(&cli->c, !grant || !cli_flag(cli, OPT_AT), INVALID, "--at does not go with --revoke: only what is can be revoked");
	if (table) return explain_list(cli, node_path(cli, "/api/v1/explain/table?table=", table, ""), true);
	if (person) return explain_list(cli, node_path(cli, "/api/v1/explain/person?person=", person, ""), false);
	return grant ? explain_revoke(cli, grant) : explain_one(cli);
}
