/* Who is who within a domain: groups, services, departures, and how a domain hands on what it was granted. */
#include <stdio.h>

#include "cmd/cli/access.h"

Err
cli_run_domain_set(struct cli *cli)
{
	JSON_AUTO *body = json_object(), *answer = NULL;
	bool told;

	TRY(cli_set_text(cli, body, "handing", cli_option(cli, OPT_HANDING)));
	TRY(cli_send(cli, "POST", node_path(cli, "/api/v1/domains/", cli->args[0], "/settings"), body, &answer, &told));
	if (told) return OK;
	if (str_eqc(js_text(answer, "handing"), "named"))
		printf("%s: what is granted to it is used by its owners, and by those it is handed on to\n", cli->args[0]);
	else
		printf("%s: what is granted to it is used by everybody in it\n", cli->args[0]);
	return OK;
}

Err
cli_run_user_remove(struct cli *cli)
{
	JSON_AUTO *answer = NULL;
	bool told;

	TRY(cli_send(cli, "DELETE", node_path(cli, "/api/v1/users/", cli->args[0], ""), NULL, &answer, &told));
	if (!told) out_printf("%s: has left %.*s; tokens, queries and memberships ended\n", cli->args[0], STR(js_text(answer, "domain")));
	return OK;
}

Err
cli_run_group_add(struct cli *cli)
{
	JSON_AUTO *body = json_object(), *answer = NULL;
	bool told;

	TRY(cli_set_text(cli, body, "name", cli->args[0]));
	TRY(cli_send(cli, "POST", "/api/v1/groups", body, &answer, &told));
	if (!told) out_printf("group %.*s of %.*s\n  next     heddle group join %s PERSON\n", STR(js_text(answer, "name")), STR(js_text(answer, "domain")), cli->args[0]);
	return OK;
}

Err
cli_run_groups(struct cli *cli)
{
	JSON_AUTO *answer = NULL;
	json_t *x;
	size_t i;

	TRY(node_get(cli, "/api/v1/groups", &answer));
	if (cli_told(cli, answer)) return OK;
	struct grid g = GRID(&cli->arena, "GROUP", "DOMAIN", "MEMBERS");
	g.empty = "no groups";
	json_array_foreach(json_object_get(answer, "groups"), i, x) {
		grid_cell(&g, js_text(x, "name"));
		grid_cell(&g, js_text(x, "domain"));
		grid_cell(&g, js_line(&cli->arena, json_object_get(x, "members")));
	}
	grid_print(&g);
	return OK;
}

Err
cli_run_group_join(struct cli *cli)
{
	JSON_AUTO *body = json_object(), *answer = NULL;
	bool told;

	TRY(cli_set_text(cli, body, "person", cli->args[1]));
	TRY(cli_send(cli, "POST", node_path(cli, "/api/v1/groups/", cli->args[0], "/members"), body, &answer, &told));
	if (!told) printf("%s: now in group %s\n", cli->args[1], cli->args[0]);
	return OK;
}

Err
cli_run_group_leave(struct cli *cli)
{
	JSON_AUTO *answer = NULL;
	const char *path = node_path(cli, "/api/v1/groups/", cli->args[0], "/members/");
	bool told;

	TRY(cli_send(cli, "DELETE", node_path(cli, path, cli->args[1], ""), NULL, &answer, &told));
	if (!told) printf("%s: no longer in group %s\n", cli->args[1], cli->args[0]);
	return OK;
}

Err
cli_run_group_remove(struct cli *cli)
{
	JSON_AUTO *answer = NULL;
	bool told;

	TRY(cli_send(cli, "DELETE", node_path(cli, "/api/v1/groups/", cli->args[0], ""), NULL, &answer, &told));
	if (!told) printf("group %s: ended, with what was granted and handed on to it\n", cli->args[0]);
	return OK;
}
