/* Domains and people. */
#include <stdio.h>

#include "cmd/cli/access.h"
#include "cmd/cli/keys.h"

/* Shown even when it could not be saved: the node will not tell it again. */
static void
print_token(struct cli *cli, Str name, Str token)
{
	Str path;

	out_printf("  token  %.*s\n", STR(token));
	if (err_ok(node_save_token(cli, name, token, &path))) {
		out_printf("  saved  %.*s\n  use    heddle … --as %.*s\n", STR(path), STR(name));
		return;
	}
	fprintf(stderr, "heddle: the token was not saved: %s\n  use it with HEDDLE_TOKEN\n", cli->c.detail);
	cli->c.detail[0] = 0;
}

static void
save_quietly(struct cli *cli, Str name, Str token)
{
	Str path;

	if (token.n && !err_ok(node_save_token(cli, name, token, &path))) {
		fprintf(stderr, "heddle: the token was not saved: %s\n", cli->c.detail);
		cli->c.detail[0] = 0;
	}
}

Err
cli_run_domain_add(struct cli *cli)
{
	const char *owner = cli_option(cli, OPT_OWNER);
	JSON_AUTO *body = json_pack("{s:s, s:s}", "name", cli->args[0], "owner", owner), *answer = NULL;

	ENSURE(&cli->c, body, INVALID, "a name is not UTF-8");
	TRY(cli_set_custody(cli, body));
	TRY(node_call(cli, NODE_PERSON, "POST", "/api/v1/domains", body, &answer));
	Str token = js_text(answer, "token");
	if (cli_option(cli, OPT_KEY)) TRY(sign_key_remember(cli, js_text(answer, "id"), cli_option(cli, OPT_KEY)));
	if (cli->json) {
		save_quietly(cli, str_c(owner), token);
		out_json(answer);
		return OK;
	}
	out_printf("domain %s\n  id     %.*s\n  owner  %s\n", cli->args[0], STR(js_text(answer, "id")), owner);
	if (cli_option(cli, OPT_KEY)) printf("  key    %s, kept by its owner: the node cannot sign for it\n", cli_option(cli, OPT_KEY));
	if (cli_option(cli, OPT_RECOVERY_OUT))
		printf("  recovery keys in %s: any two take the domain back; take them away from here\n", cli_option(cli, OPT_RECOVERY_OUT));
	if (token.n)
		print_token(cli, str_c(owner), token);
	else
		printf("  next   heddle user add %s --domain %s --role owner     # a token for %s\n", owner, cli->args[0], owner);
	return OK;
}

static Err
add_member(struct cli *cli, const char *path, const char *role, json_t *body)
{
	JSON_AUTO *answer = NULL;
	const char *name = cli->args[0];

	TRY(cli_set_text(cli, body, "name", name));
	TRY(cli_set_text(cli, body, "domain", cli_option(cli, OPT_DOMAIN)));
	TRY(cli_set_text(cli, body, "role", role));
	TRY(node_call(cli, NODE_PERSON, "POST", path, body, &answer));
	Str token = js_text(answer, "token");
	if (cli->json) {
		save_quietly(cli, str_c(name), token);
		out_json(answer);
		return OK;
	}
	out_printf("%s, %.*s of %s%s\n", name, STR(js_text(answer, "role")), cli_option(cli, OPT_DOMAIN), str_eqc(str_c(path), "/api/v1/services") ? ", a service" : "");
	if (token.n) print_token(cli, str_c(name), token);
	return OK;
}

Err
cli_run_user_add(struct cli *cli)
{
	JSON_AUTO *body = json_object();

	TRY(cli_set_text(cli, body, "same_human_as", cli_option(cli, OPT_SAME_HUMAN)));
	return add_member(cli, "/api/v1/users", cli_option(cli, OPT_ROLE), body);
}

Err
cli_run_service_add(struct cli *cli)
{
	JSON_AUTO *body = json_object();

	return add_member(cli, "/api/v1/services", cli_option(cli, OPT_ROLE), body);
}

Err
cli_run_domains(struct cli *cli)
{
	JSON_AUTO *answer = NULL;
	struct arena *a = &cli->arena;
	json_t *d;
	size_t i;

	TRY(node_get(cli, "/api/v1/domains", &answer));
	if (cli_told(cli, answer)) return OK;
	struct grid g = GRID(a, "DOMAIN", "OWNERS", ">PRODUCTS", ">EVENTS", "LOG");
	json_array_foreach(json_object_get(answer, "domains"), i, d) {
		grid_printf(&g, "%.*s%s", STR(js_text(d, "name")), js_true(d, "center") ? " (center)" : "");
		grid_cell(&g, js_line(a, json_object_get(d, "owners")));
		grid_cell(&g, text_count(a, js_count(d, "products")));
		grid_cell(&g, text_count(a, js_count(d, "log_size")));
		grid_cell(&g, js_text(d, "id"));
	}
	grid_print(&g);
	return OK;
}

Err
cli_run_users(struct cli *cli)
{
	JSON_AUTO *answer = NULL;
	json_t *u;
	size_t i;

	TRY(node_get(cli, "/api/v1/users", &answer));
	if (cli_told(cli, answer)) return OK;
	struct grid g = GRID(&cli->arena, "PERSON", "DOMAIN", "ROLE", "NOTE");
	json_array_foreach(json_object_get(answer, "users"), i, u) {
		grid_cell(&g, js_text(u, "name"));
		grid_cell(&g, js_text(u, "domain"));
		grid_cell(&g, js_text(u, "role"));
		Str note = js_true(u, "void") ? S("void: said with a stolen key") : js_true(u, "service") ? S("service") : S("");
		grid_cell(&g, json_is_false(json_object_get(u, "active")) ? S("left") : note);
	}
	grid_print(&g);
	return OK;
}
