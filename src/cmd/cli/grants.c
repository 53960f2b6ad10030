/* Grants: given, approved, listed, revoked; and what a domain hands on of them. */
#include <stdio.h>
#include <unistd.h>

#include "cmd/cli/access.h"

/* What still has to happen before it opens anything. */
static void
print_missing(struct cli *cli, const json_t *g, const char *indent)
{
	const json_t *x = json_object_get(g, "approvals");
	Str who = js_line(&cli->arena, json_object_get(x, "may"));

	if (js_count(x, "has") >= js_count(x, "needed")) return;
	out_printf("%s%.*s", indent, STR(cli_approvals(&cli->arena, g)));
	out_printf("; it opens nothing yet%s%.*s\n", who.n ? ", it waits for: " : "", STR(who));
	out_printf("%snext     heddle approve %.*s\n", indent, STR(js_text(g, "id")));
}

static void
print_grant(struct cli *cli, const char *head, const json_t *g)
{
	struct arena *a = &cli->arena;
	Str until = js_text(g, "until");

	out_printf("%s: %.*s\n", head, STR(js_text(g, "id")));
	printf("  what     ");
	out_text(stdout, js_text(g, "object"));
	out_printf("\n  to       %.*s\n", STR(js_text(g, "to")));
	out_printf("  purpose  %.*s\n", STR(js_line(a, json_object_get(g, "purposes"))));
	if (str_eqc(js_text(g, "state"), "not_yet")) out_printf("  from     %.*s\n", STR(js_text(g, "from")));
	out_printf("  until    %.*s\n", STR(until.n ? until : S("it is revoked")));
	printf("  terms    ");
	out_text(stdout, cli_terms_line(a, g, "all rows"));
	putchar('\n');
	print_missing(cli, g, "  ");
}

/* --- commands --- */

Err
cli_run_grant(struct cli *cli)
{
	JSON_AUTO *body = json_object(), *answer = NULL;
	const char *tags = cli_option(cli, OPT_TAGS);
	bool told;

	ENSURE(&cli->c, (tags != NULL) != (cli->arg_count == 1), INVALID, "name either one product or table, or --tags EXPR");
	TRY(cli_set_text(cli, body, "object", cli->arg_count ? cli->args[0] : NULL));
	TRY(cli_set_text(cli, body, "tags", tags));
	TRY(cli_set_text(cli, body, "in", cli_option(cli, OPT_IN)));
	TRY(cli_set_text(cli, body, "to", cli_option(cli, OPT_TO)));
	TRY(cli_set_text(cli, body, "purpose", cli_option(cli, OPT_PURPOSE)));
	if (cli_flag(cli, OPT_FUTURE)) json_object_set_new(body, "future", json_true());
	TRY(cli_set_terms(cli, body));
	TRY(cli_set_demands(cli, body));
	TRY(cli_send(cli, "POST", "/api/v1/grants", body, &answer, &told));
	if (!told) print_grant(cli, "granted", answer);
	return OK;
}

/* Somebody at a terminal sees what they stand up for before they do; a script said it by calling this. */
static Err
confirm(struct cli *cli, const json_t *grant)
{
	char line[16];

	if (cli->json || !isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) return OK;
	print_grant(cli, "the terms", grant);
	printf("stand up for this? [y/N] ");
	fflush(stdout);
	ENSURE(&cli->c, fgets(line, sizeof line, stdin) && (line[0] == 'y' || line[0] == 'Y'), CANCELLED, "not approved");
	return OK;
}

static Err
approve_grant(struct cli *cli, const char *id)
{
	JSON_AUTO *body = json_object(), *grant = NULL, *answer = NULL;
	bool told;

	for (size_t i = 0; i < cli->given_count; i++)
		ENSURE(&cli->c, BIT(cli->given[i].id) & OPTIONS_GLOBAL, INVALID, "--%s: the terms of %s stand; approve them as they are, or ask its owner for others",
		       cli_options[cli->given[i].id].name, id);
	TRY(node_get(cli, node_path(cli, "/api/v1/grants/", id, ""), &grant));
	TRY(confirm(cli, grant));
	TRY(cli_send(cli, "POST", node_path(cli, "/api/v1/grants/", id, "/approve"), body, &answer, &told));
	if (!told) print_grant(cli, "approved", answer);
	return OK;
}

static Err
approve_tag(struct cli *cli, const char *id)
{
	JSON_AUTO *body = json_object(), *answer = NULL;
	bool told;

	TRY(cli_send(cli, "POST", node_path(cli, "/api/v1/tag-changes/", id, "/approve"), body, &answer, &told));
	if (told) return OK;
	out_printf("approved: %.*s of %.*s = %.*s\n", STR(js_text(answer, "tag")), STR(js_text(answer, "object")), STR(js_text(answer, "value")));
	print_missing(cli, answer, "  ");
	return OK;
}

/* The first approval of a request makes its grant, on the approver's terms; all further ones are about that grant. */
static Err
approve_request(struct cli *cli, const char *id)
{
	JSON_AUTO *request = NULL, *body = json_object(), *answer = NULL;
	bool told;

	TRY(node_get(cli, node_path(cli, "/api/v1/requests/", id, ""), &request));
	Str grant = js_text(request, "grant");
	if (grant.n && str_eqc(js_text(request, "state"), "pending")) return approve_grant(cli, arena_str(&cli->arena, grant).p);
	TRY(cli_set_terms(cli, body));
	TRY(cli_set_demands(cli, body));
	TRY(cli_send(cli, "POST", node_path(cli, "/api/v1/requests/", id, "/approve"), body, &answer, &told));
	if (!told) print_grant(cli, "granted", answer);
	return OK;
}

Err
cli_run_approve(struct cli *cli)
{
	const char *id = cli->args[0];

	if (strncmp(id, "grt_", 4) == 0) return approve_grant(cli, id);
	return strncmp(id, "tgs_", 4) == 0 ? approve_tag(cli, id) : approve_request(cli, id);
}

static void
grant_row(struct cli *cli, struct grid *g, const json_t *r)
{
	struct arena *a = &cli->arena;
	Str approvals = cli_approvals(a, r), terms = cli_terms_line(a, r, "all rows");
	json_t *t;
	size_t i;

	grid_cell(g, js_text(r, "id"));
	if (str_eqc(js_text(r, "state"), "waits"))
		grid_cell(g, approvals);
	else
		grid_cell(g, cli_state(r));
	grid_cell(g, js_text(r, "object"));
	grid_cell(g, js_text(r, "to"));
	grid_cell(g, js_line(a, json_object_get(r, "purposes")));
	grid_cell(g, cli_or_dash(js_text(r, "until")));
	json_array_foreach(json_object_get(r, "tightened"), i, t)
		terms = arena_printf(a, "%.*s; center: %.*s=%.*s", STR(terms), STR(js_text(t, "column")), STR(js_text(t, "mask")));
	grid_cell(g, terms);
}

Err
cli_run_grants(struct cli *cli)
{
	JSON_AUTO *answer = NULL;

	if (cli->arg_count) {
		TRY(node_get(cli, node_path(cli, "/api/v1/grants/", cli->args[0], ""), &answer));
		if (!cli_told(cli, answer)) print_grant(cli, arena_str(&cli->arena, cli_state(answer)).p, answer);
		return OK;
	}
	struct grid g = GRID(&cli->arena, "GRANT", "STATE", "WHAT", "TO", "PURPOSE", "UNTIL", "TERMS");
	g.empty = cli_flag(cli, OPT_ALL) ? "no grants that you or your domain gave or hold" : "no grants in force that you or your domain gave or hold";
	return cli_print_page(cli, "grants", &g, grant_row);
}

Err
cli_run_revoke(struct cli *cli)
{
	JSON_AUTO *answer = NULL;
	bool told;

	TRY(cli_send(cli, "DELETE", node_path(cli, "/api/v1/grants/", cli->args[0], ""), NULL, &answer, &told));
	if (told) return OK;
	out_printf("grant %s: revoked, in effect after %.*s\n", cli->args[0],
	       STR(text_seconds(&cli->arena, js_real(answer, "effective_ms") / 1000)));
	return OK;
}

/* --- delegations --- */

Err
cli_run_delegate(struct cli *cli)
{
	JSON_AUTO *body = json_object(), *answer = NULL;
	struct arena *a = &cli->arena;
	bool told;

	TRY(cli_set_text(cli, body, "to", cli_option(cli, OPT_TO)));
	TRY(cli_set_text(cli, body, "purpose", cli_option(cli, OPT_PURPOSE)));
	TRY(cli_set_text(cli, body, "table", cli_option(cli, OPT_TABLE)));
	TRY(cli_set_terms(cli, body));
	TRY(cli_send(cli, "POST", node_path(cli, "/api/v1/grants/", cli->args[0], "/delegations"), body, &answer, &told));
	if (told) return OK;
	Str until = js_text(answer, "until"), note = js_text(answer, "note");
	out_printf("handed on: %.*s\n  what     ", STR(js_text(answer, "id")));
	out_text(stdout, js_text(answer, "object"));
	out_printf("\n  to       %.*s\n  until    %.*s\n  terms    ", STR(js_text(answer, "to")), STR(until.n ? until : S("the grant ends")));
	out_text(stdout, cli_terms_line(a, answer, "as granted"));
	putchar('\n');
	if (note.n) out_printf("  note     %.*s\n", STR(note));
	return OK;
}

Err
cli_run_delegations(struct cli *cli)
{
	JSON_AUTO *answer = NULL;
	struct arena *a = &cli->arena;
	json_t *r;
	size_t i;

	TRY(node_get(cli, "/api/v1/delegations", &answer));
	if (cli_told(cli, answer)) return OK;
	struct grid g = GRID(a, "DELEGATION", "STATE", "GRANT", "WHAT", "TO", "PURPOSE", "UNTIL", "TERMS");
	g.empty = "nothing is handed on";
	json_array_foreach(json_object_get(answer, "delegations"), i, r) {
		Str purposes = js_line(a, json_object_get(r, "purposes"));
		grid_cell(&g, js_text(r, "id"));
		grid_cell(&g, cli_state(r));
		grid_cell(&g, js_text(r, "grant"));
		grid_cell(&g, js_text(r, "object"));
		grid_cell(&g, js_text(r, "to"));
		grid_cell(&g, purposes.n ? purposes : S("as granted"));
		grid_cell(&g, cli_or_dash(js_text(r, "until")));
		grid_cell(&g, cli_terms_line(a, r, "as granted"));
	}
	grid_print(&g);
	return OK;
}

Err
cli_run_undelegate(struct cli *cli)
{
	JSON_AUTO *answer = NULL;
	bool told;

	TRY(cli_send(cli, "DELETE", node_path(cli, "/api/v1/delegations/", cli->args[0], ""), NULL, &answer, &told));
	if (!told) printf("delegation %s: ended\n", cli->args[0]);
	return OK;
}
