/* Requests, grants, explain; and the center's restrictions. */
#include <stdio.h>

#include "cmd/cli_node.h"
#include "cmd/cli_out.h"

static Err
set_text(struct cli *cli, json_t *body, const char *key, const char *value)
{
	if (!value) return OK;
	json_t *v = json_string(value);
	ENSURE(&cli->c, v, INVALID, "%s: the text is not UTF-8", key);
	json_object_set_new(body, key, v);
	return OK;
}

/* masks: {"column": "kind"} of every --mask, hide: every --hide. */
static Err
set_columns(struct cli *cli, json_t *body)
{
	JSON_AUTO *masks = json_object(), *hide = json_array();

	for (size_t i = 0; i < cli->given_count; i++) {
		const struct given *g = &cli->given[i];
		if (g->id == OPT_HIDE) {
			json_t *column = json_string(g->value);
			ENSURE(&cli->c, column, INVALID, "--hide: the name is not UTF-8");
			json_array_append_new(hide, column);
		}
		if (g->id != OPT_MASK) continue;
		Str column, kind = str_cut(str_c(g->value), '=', &column);
		ENSURE(&cli->c, kind.n > 0 && column.n > 0, INVALID, "--mask %s: write --mask COLUMN=KIND, for example --mask household_id=hash",
		       g->value);
		const char *name = arena_str(&cli->arena, column).p;
		ENSURE(&cli->c, !json_object_get(masks, name), INVALID, "--mask: column %s is given twice", name);
		TRY(set_text(cli, masks, name, kind.p));
	}
	if (json_object_size(masks)) json_object_set(body, "masks", masks);
	if (json_array_size(hide)) json_object_set(body, "hide", hide);
	return OK;
}

static Err
set_terms(struct cli *cli, json_t *body)
{
	TRY(set_text(cli, body, "from", cli_option(cli, OPT_FROM)));
	TRY(set_text(cli, body, "until", cli_option(cli, OPT_UNTIL)));
	TRY(set_text(cli, body, "rows", cli_option(cli, OPT_ROWS)));
	return set_columns(cli, body);
}

/* "all rows" or the filter; masks and hidden columns, for one line. */
static Str
terms_line(struct arena *a, const json_t *grant)
{
	Str rows = js_text(grant, "rows"), masks = js_line(a, json_object_get(grant, "masks")),
	    hide = js_line(a, json_object_get(grant, "hide"));

	return arena_printf(a, "%.*s%s%.*s%s%.*s", STR(rows.n ? rows : S("all rows")), masks.n ? "; mask " : "", STR(masks),
	                    hide.n ? "; hide " : "", STR(hide));
}

static Str
or_dash(Str s)
{
	return s.n ? s : S("-");
}

static void
print_grant(struct cli *cli, const json_t *g)
{
	struct arena *a = &cli->arena;
	Str until = js_text(g, "until");

	printf("granted: %.*s\n", STR(js_text(g, "id")));
	printf("  what     %.*s\n", STR(js_text(g, "object")));
	printf("  to       %.*s\n", STR(js_text(g, "to")));
	printf("  purpose  %.*s\n", STR(js_line(a, json_object_get(g, "purposes"))));
	printf("  until    %.*s\n", STR(until.n ? until : S("it is revoked")));
	printf("  rows     %.*s\n", STR(terms_line(a, g)));
}

static Err
make_grant(struct cli *cli, const char *path, const json_t *body)
{
	JSON_AUTO *answer = NULL;

	TRY(node_call(cli, NODE_PERSON, "POST", path, body, &answer));
	if (!cli_told(cli, answer)) print_grant(cli, answer);
	return OK;
}

Err
cli_run_request(struct cli *cli)
{
	JSON_AUTO *body = json_object(), *answer = NULL;

	TRY(set_text(cli, body, "product", cli->args[0]));
	TRY(set_text(cli, body, "purpose", cli_option(cli, OPT_PURPOSE)));
	TRY(set_text(cli, body, "until", cli_option(cli, OPT_UNTIL)));
	TRY(set_text(cli, body, "reason", cli_option(cli, OPT_REASON)));
	TRY(node_call(cli, NODE_PERSON, "POST", "/api/v1/requests", body, &answer));
	if (cli_told(cli, answer)) return OK;
	Str approvers = js_line(&cli->arena, json_object_get(answer, "approvers"));
	printf("request %.*s: waits for %.*s\n", STR(js_text(answer, "id")), STR(approvers.n ? approvers : S("the owner")));
	return OK;
}

Err
cli_run_requests(struct cli *cli)
{
	JSON_AUTO *answer = NULL;
	struct arena *a = &cli->arena;
	json_t *r;
	size_t i;

	TRY(node_get(cli, "/api/v1/requests", &answer));
	if (cli_told(cli, answer)) return OK;
	struct grid g = GRID(a, "REQUEST", "STATE", "PRODUCT", "BY", "PURPOSE", "UNTIL", "GRANT", "REASON");
	json_array_foreach(json_object_get(answer, "requests"), i, r) {
		grid_cell(&g, js_text(r, "id"));
		grid_cell(&g, js_text(r, "state"));
		grid_cell(&g, js_text(r, "product"));
		grid_cell(&g, arena_printf(a, "%.*s (%.*s)", STR(js_text(r, "person")), STR(js_text(r, "domain"))));
		grid_cell(&g, js_text(r, "purpose"));
		grid_cell(&g, or_dash(js_text(r, "until")));
		grid_cell(&g, or_dash(js_text(r, "grant")));
		Str denied = js_text(r, "deny_reason");
		grid_cell(&g, denied.n ? denied : js_text(r, "reason"));
	}
	grid_print(&g);
	return OK;
}

Err
cli_run_approve(struct cli *cli)
{
	JSON_AUTO *body = json_object();

	TRY(set_terms(cli, body));
	return make_grant(cli, node_path(cli, "/api/v1/requests/", cli->args[0], "/approve"), body);
}

Err
cli_run_deny(struct cli *cli)
{
	JSON_AUTO *body = json_object(), *answer = NULL;

	TRY(set_text(cli, body, "reason", cli_option(cli, OPT_REASON)));
	TRY(node_call(cli, NODE_PERSON, "POST", node_path(cli, "/api/v1/requests/", cli->args[0], "/deny"), body, &answer));
	if (cli_told(cli, answer)) return OK;
	printf("request %s: denied\n", cli->args[0]);
	return OK;
}

Err
cli_run_grant(struct cli *cli)
{
	JSON_AUTO *body = json_object();

	TRY(set_text(cli, body, "object", cli->args[0]));
	TRY(set_text(cli, body, "to", cli_option(cli, OPT_TO)));
	TRY(set_text(cli, body, "purpose", cli_option(cli, OPT_PURPOSE)));
	TRY(set_terms(cli, body));
	return make_grant(cli, "/api/v1/grants", body);
}

Err
cli_run_grants(struct cli *cli)
{
	JSON_AUTO *answer = NULL;
	struct arena *a = &cli->arena;
	json_t *r, *t;
	size_t i, j;

	TRY(node_get(cli, "/api/v1/grants", &answer));
	if (cli_told(cli, answer)) return OK;
	struct grid g = GRID(a, "GRANT", "STATE", "WHAT", "TO", "PURPOSE", "UNTIL", "TERMS");
	json_array_foreach(json_object_get(answer, "grants"), i, r) {
		grid_cell(&g, js_text(r, "id"));
		grid_cell(&g, js_text(r, "state"));
		grid_cell(&g, js_text(r, "object"));
		grid_cell(&g, js_text(r, "to"));
		grid_cell(&g, js_line(a, json_object_get(r, "purposes")));
		grid_cell(&g, or_dash(js_text(r, "until")));
		Str terms = terms_line(a, r);
		json_array_foreach(json_object_get(r, "tightened"), j, t)
			terms = arena_printf(a, "%.*s; center: %.*s=%.*s", STR(terms), STR(js_text(t, "column")), STR(js_text(t, "mask")));
		grid_cell(&g, terms);
	}
	grid_print(&g);
	return OK;
}

Err
cli_run_revoke(struct cli *cli)
{
	JSON_AUTO *answer = NULL;

	TRY(node_call(cli, NODE_PERSON, "DELETE", node_path(cli, "/api/v1/grants/", cli->args[0], ""), NULL, &answer));
	if (cli_told(cli, answer)) return OK;
	printf("grant %s: revoked, in effect after %.*s\n", cli->args[0],
		       STR(text_seconds(&cli->arena, js_real(answer, "effective_ms") / 1000)));
	return OK;
}

static void
print_explanation(struct cli *cli, const json_t *e)
{
	struct arena *a = &cli->arena;
	bool allow = str_eq(js_text(e, "verdict"), S("allow"));
	Str purpose = js_text(e, "purpose"), reason = js_text(e, "reason");
	json_t *v;
	size_t i;

	printf("%.*s %s read %.*s%s%.*s%s\n", STR(js_text(e, "principal")), allow ? "may" : "may not", STR(js_text(e, "table")),
	       purpose.n ? " for purpose '" : "", STR(purpose), purpose.n ? "'" : "");
	if (reason.n) {
		printf("  because: ");
		out_text(stdout, reason);
		putchar('\n');
	}
	if (allow) {
		struct grid g = GRID(a, "COLUMN", "ACCESS");
		printf("  grant:   %.*s\n", STR(or_dash(js_text(e, "grant"))));
		printf("  until:   %.*s\n", STR(or_dash(js_text(e, "until"))));
		Str rows = js_text(e, "rows");
		printf("  rows:    %.*s\n\n", STR(rows.n ? rows : S("all")));
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
}

Err
cli_run_explain(struct cli *cli)
{
	JSON_AUTO *answer = NULL;
	const char *purpose = cli_option(cli, OPT_PURPOSE);
	const char *path = node_path(cli, "/api/v1/explain?principal=", cli->args[0], "&table=");

	path = node_path(cli, path, cli->args[1], purpose ? "&purpose=" : "");
	if (purpose) path = node_path(cli, path, purpose, "");
	TRY(node_get(cli, path, &answer));
	if (!cli_told(cli, answer)) print_explanation(cli, answer);
	return OK;
}

Err
cli_run_restrict(struct cli *cli)
{
	JSON_AUTO *body = json_object(), *answer = NULL;
	const char *mask = cli_option(cli, OPT_CLASS_MASK), *suspend = cli_option(cli, OPT_SUSPEND);
	const char *product = suspend ? suspend : cli_option(cli, OPT_PRODUCT);
	bool one = cli->arg_count == 1;

	ENSURE(&cli->c, one ? mask && !suspend : suspend && !mask, INVALID,
	       "write `heddle restrict CLASSIFICATION --mask KIND` or `heddle restrict --suspend DOMAIN.PRODUCT`");
	if (one) TRY(set_text(cli, body, "classification", cli->args[0]));
	TRY(set_text(cli, body, "mask", mask));
	TRY(set_text(cli, body, "product", product));
	if (suspend) json_object_set_new(body, "suspend", json_true());
	TRY(node_call(cli, NODE_PERSON, "POST", "/api/v1/restrictions", body, &answer));
	if (cli_told(cli, answer)) return OK;
	if (suspend)
		printf("restriction %.*s: %s is closed\n", STR(js_text(answer, "id")), suspend);
	else
		printf("restriction %.*s: every column classified '%s'%s%s is masked with %s\n", STR(js_text(answer, "id")), cli->args[0],
		       product ? " in " : "", product ? product : "", mask);
	return OK;
}

Err
cli_run_restrictions(struct cli *cli)
{
	JSON_AUTO *answer = NULL;
	json_t *r;
	size_t i;

	TRY(node_get(cli, "/api/v1/restrictions", &answer));
	if (cli_told(cli, answer)) return OK;
	struct grid g = GRID(&cli->arena, "RESTRICTION", "STATE", "EFFECT", "WHERE");
	json_array_foreach(json_object_get(answer, "restrictions"), i, r) {
		Str product = js_text(r, "product");
		grid_cell(&g, js_text(r, "id"));
		grid_cell(&g, js_text(r, "state"));
		if (js_true(r, "suspend"))
			grid_cell(&g, S("closed"));
		else
			grid_printf(&g, "%.*s: mask %.*s", STR(js_text(r, "classification")), STR(js_text(r, "mask")));
		grid_cell(&g, product.n ? product : S("every product"));
	}
	grid_print(&g);
	return OK;
}

Err
cli_run_lift(struct cli *cli)
{
	JSON_AUTO *answer = NULL;

	TRY(node_call(cli, NODE_PERSON, "DELETE", node_path(cli, "/api/v1/restrictions/", cli->args[0], ""), NULL, &answer));
	if (cli_told(cli, answer)) return OK;
	printf("restriction %s: lifted\n", cli->args[0]);
	return OK;
}
