/* Requests: drafted, submitted, commented, renewed, withdrawn, denied; and the inbox. */
#include <stdio.h>

#include "cmd/cli/access.h"

static void
print_waiting(struct cli *cli, const json_t *r)
{
	Str approvers = js_line(&cli->arena, json_object_get(r, "approvers"));

	if (str_eqc(js_text(r, "state"), "draft"))
		out_printf("request %.*s: a draft, for your eyes alone\n  next     heddle submit %.*s\n", STR(js_text(r, "id")), STR(js_text(r, "id")));
	else
		out_printf("request %.*s: waits for %.*s\n", STR(js_text(r, "id")), STR(approvers.n ? approvers : S("the owner")));
}

/* For a product, or for a grant to go on. */
static Err
ask(struct cli *cli, const char *about)
{
	JSON_AUTO *body = json_object(), *answer = NULL;
	bool told;

	TRY(cli_set_text(cli, body, about, cli->args[0]));
	TRY(cli_set_text(cli, body, "purpose", cli_option(cli, OPT_PURPOSE)));
	TRY(cli_set_text(cli, body, "until", cli_option(cli, OPT_UNTIL)));
	TRY(cli_set_text(cli, body, "reason", cli_option(cli, OPT_REASON)));
	if (cli_flag(cli, OPT_DRAFT)) json_object_set_new(body, "draft", json_true());
	TRY(cli_send(cli, "POST", "/api/v1/requests", body, &answer, &told));
	if (!told) print_waiting(cli, answer);
	return OK;
}

Err cli_run_request(struct cli *cli) { return ask(cli, "product"); }
Err cli_run_renew(struct cli *cli) { return ask(cli, "renews"); }

/* One request of the list in full, with what was said about it. */
static void
print_request(struct cli *cli, const json_t *r)
{
	static const struct { const char *head, *key; } lines[] = {
	    {"what", "product"}, {"by", "person"}, {"purpose", "purpose"}, {"until", "until"}, {"reason", "reason"}, {"renews", "renews"},
	    {"grant", "grant"},  {"denied", "deny_reason"},
	};
	Str approvals = cli_approvals(&cli->arena, r);
	json_t *x;
	size_t i;

	out_printf("request %.*s: %.*s%s%.*s\n", STR(js_text(r, "id")), STR(js_text(r, "state")), approvals.n ? ", " : "", STR(approvals));
	for (i = 0; i < ARRAY_LEN(lines); i++) {
		Str v = js_text(r, lines[i].key);
		if (v.n == 0) continue;
		printf("  %-8s ", lines[i].head);
		out_text(stdout, v);
		putchar('\n');
	}
	json_array_foreach(json_object_get(r, "comments"), i, x) {
		out_printf("  %.*s, %.*s: ", STR(js_text(x, "at")), STR(js_text(x, "by")));
		out_text(stdout, js_text(x, "text"));
		putchar('\n');
	}
}

static void
request_row(struct cli *cli, struct grid *g, const json_t *r)
{
	struct arena *a = &cli->arena;
	Str denied = js_text(r, "deny_reason"), approvals = cli_approvals(a, r);
	bool waits = approvals.n && str_eqc(js_text(r, "state"), "pending");

	grid_cell(g, js_text(r, "id"));
	grid_cell(g, waits ? approvals : js_text(r, "state"));
	grid_cell(g, js_text(r, "product"));
	grid_cell(g, arena_printf(a, "%.*s (%.*s)", STR(js_text(r, "person")), STR(js_text(r, "domain"))));
	grid_cell(g, js_text(r, "purpose"));
	grid_cell(g, cli_or_dash(js_text(r, "until")));
	grid_cell(g, cli_or_dash(js_text(r, "grant")));
	grid_cell(g, denied.n ? denied : js_text(r, "reason"));
}

Err
cli_run_requests(struct cli *cli)
{
	JSON_AUTO *answer = NULL;

	if (cli->arg_count) {
		TRY(node_get(cli, node_path(cli, "/api/v1/requests/", cli->args[0], ""), &answer));
		if (!cli_told(cli, answer)) print_request(cli, answer);
		return OK;
	}
	struct grid g = GRID(&cli->arena, "REQUEST", "STATE", "PRODUCT", "BY", "PURPOSE", "UNTIL", "GRANT", "REASON");
	g.empty = "no requests of yours, and none that wait for you";
	return cli_print_page(cli, "requests", &g, request_row);
}

/* POST /requests/ID/what with this body, then the request as it stands. */
static Err
act(struct cli *cli, const char *what, const json_t *body)
{
	JSON_AUTO *answer = NULL;
	bool told;

	TRY(cli_send(cli, "POST", node_path(cli, "/api/v1/requests/", cli->args[0], what), body, &answer, &told));
	if (!told) print_request(cli, answer);
	return OK;
}

Err
cli_run_submit(struct cli *cli)
{
	JSON_AUTO *body = json_object();

	return act(cli, "/submit", body);
}

Err
cli_run_withdraw(struct cli *cli)
{
	JSON_AUTO *body = json_object();

	return act(cli, "/withdraw", body);
}

Err
cli_run_comment(struct cli *cli)
{
	JSON_AUTO *body = json_object();

	TRY(cli_set_text(cli, body, "text", cli->args[1]));
	return act(cli, "/comments", body);
}

Err
cli_run_deny(struct cli *cli)
{
	JSON_AUTO *body = json_object(), *answer = NULL;
	bool told;

	TRY(cli_set_text(cli, body, "reason", cli_option(cli, OPT_REASON)));
	TRY(cli_send(cli, "POST", node_path(cli, "/api/v1/requests/", cli->args[0], "/deny"), body, &answer, &told));
	if (!told) printf("request %s: denied\n", cli->args[0]);
	return OK;
}

Err
cli_run_inbox(struct cli *cli)
{
	JSON_AUTO *answer = NULL;
	json_t *x;
	size_t i;

	TRY(node_get(cli, "/api/v1/inbox", &answer));
	if (cli_told(cli, answer)) return OK;
	struct grid g = GRID(&cli->arena, "SINCE", "WHAT", "ID", "ABOUT", "NEXT");
	g.empty = "nothing waits for you";
	json_array_foreach(json_object_get(answer, "items"), i, x) {
		grid_cell(&g, cli_or_dash(js_text(x, "at")));
		grid_cell(&g, js_text(x, "kind"));
		grid_cell(&g, js_text(x, "id"));
		grid_cell(&g, js_text(x, "text"));
		grid_cell(&g, js_text(x, "next"));
	}
	grid_print(&g);
	return OK;
}
