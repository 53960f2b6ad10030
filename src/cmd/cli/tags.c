/* Tags, their vocabulary, and purposes. */
#include <stdio.h>

#include "cmd/cli/access.h"

static void
print_change(struct cli *cli, const json_t *t)
{
	Str value = js_text(t, "value"), approvals = cli_approvals(&cli->arena, t);
	const json_t *x = json_object_get(t, "approvals");
	bool waits = js_count(x, "has") < js_count(x, "needed");

	out_printf("%.*s: %.*s ", STR(js_text(t, "object")), STR(js_text(t, "tag")));
	if (value.n)
		out_printf("= %.*s", STR(value));
	else
		printf("removed");
	putchar('\n');
	if (!waits) return;
	out_printf("  %.*s; until then nothing opens by it\n  next     heddle approve %.*s\n", STR(approvals), STR(js_text(t, "id")));
}

static Err
set_tag(struct cli *cli, Str tag, Str value)
{
	JSON_AUTO *body = json_object(), *answer = NULL;
	bool told;

	TRY(cli_set_text(cli, body, "object", cli->args[0]));
	TRY(cli_set_text(cli, body, "tag", arena_str(&cli->arena, tag).p));
	if (value.n) TRY(cli_set_text(cli, body, "value", arena_str(&cli->arena, value).p));
	TRY(cli_send(cli, "POST", "/api/v1/tags", body, &answer, &told));
	if (!told) print_change(cli, answer);
	return OK;
}

Err
cli_run_tag_set(struct cli *cli)
{
	Str tag, value = str_cut(str_c(cli->args[1]), '=', &tag);

	tag = str_trim(tag), value = str_trim(value);
	ENSURE(&cli->c, value.n && tag.n, INVALID, "'%s': write TAG=VALUE, for example classification=internal", cli->args[1]);
	return set_tag(cli, tag, value);
}

Err
cli_run_tag_unset(struct cli *cli)
{
	return set_tag(cli, str_c(cli->args[1]), S(""));
}

static void
print_vocabulary(struct cli *cli, const json_t *answer)
{
	struct grid g = GRID(&cli->arena, "TAG", "KIND", "VALUES");
	json_t *x;
	size_t i;

	json_array_foreach(json_object_get(answer, "vocabulary"), i, x) {
		Str values = js_line(&cli->arena, json_object_get(x, "values"));
		grid_cell(&g, js_text(x, "tag"));
		grid_cell(&g, js_text(x, "kind"));
		grid_cell(&g, values.n ? values : S("any text"));
	}
	grid_print(&g);
}

Err
cli_run_tags(struct cli *cli)
{
	JSON_AUTO *answer = NULL;
	struct arena *a = &cli->arena;
	json_t *x;
	size_t i;

	TRY(node_get(cli, cli->arg_count ? node_path(cli, "/api/v1/tags?object=", cli->args[0], "") : "/api/v1/tags", &answer));
	if (cli_told(cli, answer)) return OK;
	if (cli->arg_count == 0) {
		print_vocabulary(cli, answer);
		return OK;
	}
	struct grid g = GRID(a, "WHAT", "TAG", "VALUE", "FROM", "STATE");
	json_array_foreach(json_object_get(answer, "tags"), i, x) {
		Str approvals = cli_approvals(a, x);
		grid_cell(&g, js_text(x, "object"));
		grid_cell(&g, js_text(x, "tag"));
		grid_cell(&g, cli_or_dash(js_text(x, "value")));
		grid_cell(&g, js_text(x, "from"));
		grid_cell(&g, str_eqc(js_text(x, "state"), "waits") ? arena_printf(a, "%.*s (was %.*s)", STR(approvals), STR(cli_or_dash(js_text(x, "before")))) : S(""));
	}
	grid_print(&g);
	return OK;
}

Err
cli_run_tag_define(struct cli *cli)
{
	JSON_AUTO *body = json_object(), *answer = NULL;
	bool told;

	TRY(cli_set_text(cli, body, "tag", cli->args[0]));
	TRY(cli_set_text(cli, body, "kind", cli_option(cli, OPT_KIND)));
	TRY(cli_set_list(cli, body, "values", cli_option(cli, OPT_VALUES)));
	TRY(cli_send(cli, "POST", "/api/v1/vocabulary", body, &answer, &told));
	if (!told) printf("tag %s: part of the vocabulary\n", cli->args[0]);
	return OK;
}

Err
cli_run_tag_retire(struct cli *cli)
{
	JSON_AUTO *answer = NULL;
	bool told;

	TRY(cli_send(cli, "DELETE", node_path(cli, "/api/v1/vocabulary/", cli->args[0], ""), NULL, &answer, &told));
	if (!told) printf("tag %s: retired\n", cli->args[0]);
	return OK;
}

/* In full, as they are named. */
Err
cli_run_purposes(struct cli *cli)
{
	JSON_AUTO *answer = NULL;
	json_t *x;
	size_t i, n = 0;

	TRY(node_get(cli, "/api/v1/purposes", &answer));
	if (cli_told(cli, answer)) return OK;
	json_array_foreach(json_object_get(answer, "purposes"), i, x) {
		out_printf("%.*s\n", STR(js_line(&cli->arena, x)));
		n++;
	}
	if (n == 0) puts("no purposes are defined: any may be named");
	return OK;
}

Err
cli_run_purpose_add(struct cli *cli)
{
	JSON_AUTO *body = json_object(), *answer = NULL;
	bool told;

	TRY(cli_set_text(cli, body, "purpose", cli->args[0]));
	TRY(cli_send(cli, "POST", "/api/v1/purposes", body, &answer, &told));
	if (!told) printf("purpose %s: may be named from now on\n", cli->args[0]);
	return OK;
}

Err
cli_run_purpose_retire(struct cli *cli)
{
	JSON_AUTO *answer = NULL;
	bool told;

	TRY(cli_send(cli, "DELETE", node_path(cli, "/api/v1/purposes?purpose=", cli->args[0], ""), NULL, &answer, &told));
	if (!told) printf("purpose %s: retired\n", cli->args[0]);
	return OK;
}
