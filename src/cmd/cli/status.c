/* The node itself: status, rebuild, journal, version. */
#include <stdio.h>

#include "cmd/cli/node.h"
#include "cmd/cli/out.h"
#include "pins.h"

enum { JOURNAL_LINES = 50 };

static void
roles(struct cli *cli, const json_t *status)
{
	struct grid g = GRID(&cli->arena, "ROLE", ">PID", ">RESTARTS", "SANDBOX");
	json_t *r;
	size_t i;

	g.indent = 2;
	json_array_foreach(json_object_get(status, "roles"), i, r) {
		grid_cell(&g, js_text(r, "role"));
		grid_printf(&g, "%llu", (unsigned long long)js_count(r, "pid"));
		grid_printf(&g, "%llu", (unsigned long long)js_count(r, "restarts"));
		grid_cell(&g, js_text(r, "sandbox").n ? js_text(r, "sandbox") : S("-"));
	}
	grid_print(&g);
}

static void
logs(struct cli *cli, const json_t *status)
{
	struct arena *a = &cli->arena;
	struct grid g = GRID(a, "LOG", ">ENTRIES", ">SEALED", "STATE", "ID");
	json_t *l;
	size_t i;

	g.indent = 2;
	json_array_foreach(json_object_get(status, "logs"), i, l) {
		Str name = js_text(l, "name"), damage = js_text(l, "damaged");
		grid_cell(&g, name.n ? name : js_text(l, "log"));
		grid_cell(&g, text_count(a, js_count(l, "size")));
		grid_cell(&g, text_count(a, js_count(l, "published")));
		if (damage.n)
			grid_printf(&g, "DAMAGED %.*s", STR(damage));
		else
			grid_cell(&g, S("good"));
		grid_cell(&g, js_text(l, "log"));
	}
	grid_print(&g);
}

static void
refused(struct cli *cli, const json_t *status)
{
	const json_t *list = json_object_get(status, "refused");
	struct grid g = GRID(&cli->arena, "LOG", ">ENTRY", "REASON");
	json_t *r;
	size_t i;

	if (json_array_size(list) == 0) return;
	putchar('\n');
	out_heading("Refused: these entries stand in a log and have no effect");
	g.indent = 2;
	json_array_foreach(list, i, r) {
		Str name = js_text(r, "name");
		grid_cell(&g, name.n ? name : js_text(r, "log"));
		grid_cell(&g, text_count(&cli->arena, js_count(r, "index")));
		grid_cell(&g, js_text(r, "reason"));
	}
	grid_print(&g);
}

/* What looks at everything just now, if anything does. */
static void
print_walk(struct arena *a, const json_t *walk)
{
	if (json_is_object(walk))
		out_printf("  walk     %.*s: %.*s things looked at, %.*s more wait\n", STR(js_text(walk, "what")), STR(text_count(a, js_count(walk, "looked_at"))),
		           STR(text_count(a, js_count(walk, "waiting"))));
}

Err
cli_run_status(struct cli *cli)
{
	JSON_AUTO *answer = NULL;
	struct arena *a = &cli->arena;

	TRY(node_get(cli, "/api/v1/status", &answer));
	if (cli_told(cli, answer)) return OK;
	out_heading(arena_printf(a, "Heddle %.*s at %s", STR(js_text(answer, "version")), node_url(cli)).p);
	out_printf("  node     %.*s\n", STR(js_text(answer, "node")));
	out_printf("  center   %.*s\n", STR(js_text(answer, "center")));
	out_printf("  up       %.*s\n", STR(text_seconds(a, (double)js_count(answer, "uptime_s"))));
	out_printf("  engine   %.*s\n", STR(js_text(answer, "engine")));
	out_printf("  sandbox  people's SQL needs at least %.*s\n", STR(js_text(answer, "sandbox_minimum")));
	print_walk(a, json_object_get(answer, "walk"));
	putchar('\n');
	out_heading("Roles");
	roles(cli, answer);
	putchar('\n');
	out_heading("Logs");
	logs(cli, answer);
	refused(cli, answer);
	return OK;
}

Err
cli_run_rebuild(struct cli *cli)
{
	JSON_AUTO *answer = NULL;
	struct arena *a = &cli->arena;

	TRY(node_call(cli, NODE_PERSON, "POST", "/api/v1/rebuild", NULL, &answer));
	bool same = js_true(answer, "same");
	if (!cli_told(cli, answer))
		out_printf("%.*s events folded in %.*s, %.*s per second; %.*s refused\nstate %.*s: %s\n",
		       STR(text_count(a, js_count(answer, "events"))), STR(text_seconds(a, js_real(answer, "seconds"))),
		       STR(text_count(a, (uint64_t)js_real(answer, "events_per_second"))), STR(text_count(a, js_count(answer, "refused"))),
		       STR(js_text(answer, "state_hash")), same ? "the same as the catalog in use" : "NOT the catalog in use");
	ENSURE(&cli->c, same, CORRUPT, "the catalog in use is not what the logs say");
	return OK;
}

Err
cli_run_journal(struct cli *cli)
{
	JSON_AUTO *answer = NULL;
	const char *limit = cli_option(cli, OPT_LIMIT);
	uint64_t n = JOURNAL_LINES;
	json_t *e;
	size_t i;

	ENSURE(&cli->c, !limit || (str_u64(str_c(limit), &n) && n > 0), INVALID, "--limit %s: not a whole number from 1", limit);
	TRY(node_get(cli, arena_printf(&cli->arena, "/api/v1/journal?limit=%llu", (unsigned long long)n).p, &answer));
	if (cli_told(cli, answer)) return OK;
	struct grid g = GRID(&cli->arena, ">ENTRY", "TIME", "WHAT", "BY", "DETAILS");
	json_array_foreach(json_object_get(answer, "entries"), i, e) {
		grid_cell(&g, text_count(&cli->arena, js_count(e, "index")));
		grid_cell(&g, js_text(e, "time"));
		grid_cell(&g, js_text(e, "type"));
		grid_cell(&g, js_text(e, "actor"));
		grid_cell(&g, js_line(&cli->arena, json_object_get(e, "body")));
	}
	grid_print(&g);
	return OK;
}

Err
cli_run_version(struct cli *cli)
{
	JSON_AUTO *doc = json_pack("{s:s, s:s}", "version", HEDDLE_VERSION, "duckdb", HEDDLE_DUCKDB_VERSION);

	if (!cli_told(cli, doc)) printf("heddle %s (DuckDB %s)\n", HEDDLE_VERSION, HEDDLE_DUCKDB_VERSION);
	return OK;
}
