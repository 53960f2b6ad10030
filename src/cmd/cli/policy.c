/* Policies of the center: files that restrict, tried before they count. */
#include <fcntl.h>
#include <stdio.h>

#include "cmd/cli/access.h"
#include "mesh/policyfile.h"
#include "os/file.h"

/* Put the file's name before what is wrong with its text, also where the node found it: it knows no files. */
static Err
name_file(struct cli *cli, Err e, const char *path)
{
	if (err_ok(e)) return e;
	Str told = arena_printf(&cli->arena, "%s: %s", path, err_detail(&cli->c, e));
	json_t *answer = json_object_get(cli->refusal, "error");
	if (answer) json_object_set_new(answer, "message", json_string(told.p));
	cli->c.detail[0] = 0;
	return err_set(&cli->c, (enum err_code)e.code, "%.*s", STR(told));
}

/* The node's word on a policy, of which it tells the line. */
static Err
send_policy(struct cli *cli, const char *path, const json_t *body, json_t **ret)
{
	Err e = node_call(cli, NODE_PERSON, "POST", path, body, ret);

	return strncmp(err_detail(&cli->c, e), "line ", 5) == 0 ? name_file(cli, e, cli->args[0]) : e;
}

/* What can be judged without the node is judged here. */
static Err
policy_body(struct cli *cli, const char *path, json_t *body)
{
	struct policy_file f;
	Str text;

	Err e = file_read_path(&cli->c, AT_FDCWD, path, POLICY_BYTES_MAX, &text);
	if (e.code == ERR_NOT_FOUND) {
		cli->c.detail[0] = 0;
		return err_set(&cli->c, ERR_INVALID, "%s: no such file", path);
	}
	TRY(e);
	TRY(name_file(cli, policy_file_parse(&cli->c, text, &f), path));
	return cli_set_text(cli, body, "policy", arena_dup(&cli->arena, text.p, text.n));
}

static Str
scope_line(struct arena *a, const json_t *policy)
{
	Str line = js_line(a, json_object_get(policy, "scope"));

	return line.n ? line : S("everything");
}

/* "mask hash, at most 90 days, approvals by 2 (owner, steward), purpose" */
static Str
policy_line(struct arena *a, const json_t *policy)
{
	static const struct { const char *key, *shown; } flags[] = {
	    {"hide", "hidden"}, {"purpose", "purpose to be named"}, {"handing", "handed on by name"}, {"suspend", "closed"}, {"freeze", "frozen"}};
	const json_t *e = json_object_get(policy, "effects"), *approvals = json_object_get(e, "approvals");
	BUF_AUTO b = BUF_INIT;

	if (js_text(e, "mask").n) buf_printf(&b, ", mask %.*s", STR(js_text(e, "mask")));
	if (js_count(e, "max_days")) buf_printf(&b, ", at most %llu days", (unsigned long long)js_count(e, "max_days"));
	if (approvals) {
		Str roles = js_line(a, json_object_get(approvals, "roles")), people = js_line(a, json_object_get(approvals, "people"));
		buf_printf(&b, ", approvals by %llu%s%.*s%s%.*s", (unsigned long long)js_count(approvals, "count"), roles.n || people.n ? " of " : "",
		           STR(roles), roles.n && people.n ? ", " : "", STR(people));
	}
	if (js_count(e, "level")) buf_printf(&b, ", sandbox of level %llu", (unsigned long long)js_count(e, "level"));
	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		if (js_true(e, flags[i].key)) buf_printf(&b, ", %s", flags[i].shown);
	return b.n ? arena_str(a, str_of(b.p + 2, b.n - 2)) : S("-");
}

static void
print_policy(struct cli *cli, const json_t *p)
{
	struct arena *a = &cli->arena;
	Str name = js_text(p, "name");

	out_printf("%.*s %.*s: %.*s\n", STR(name.n ? name : S("restriction")), STR(js_text(p, "id")), STR(js_text(p, "state")));
	out_printf("  about    %.*s\n", STR(scope_line(a, p)));
	out_printf("  effects  %.*s\n", STR(policy_line(a, p)));
	out_printf("  by       %.*s, %.*s\n", STR(js_text(p, "by")), STR(js_text(p, "added")));
}

Err
cli_run_policy_add(struct cli *cli)
{
	JSON_AUTO *body = json_object(), *answer = NULL;

	TRY(policy_body(cli, cli->args[0], body));
	TRY(send_policy(cli, "/api/v1/policies", body, &answer));
	if (!cli_told(cli, answer)) print_policy(cli, answer);
	return OK;
}

Err
cli_run_policy_show(struct cli *cli)
{
	JSON_AUTO *answer = NULL;

	TRY(node_get(cli, node_path(cli, "/api/v1/restrictions/", cli->args[0], ""), &answer));
	if (!cli_told(cli, answer)) print_policy(cli, answer);
	return OK;
}

Err
cli_run_policies(struct cli *cli)
{
	JSON_AUTO *answer = NULL;
	struct arena *a = &cli->arena;
	json_t *r;
	size_t i;

	TRY(node_get(cli, "/api/v1/restrictions", &answer));
	if (cli_told(cli, answer)) return OK;
	struct grid g = GRID(a, "POLICY", "NAME", "STATE", "ABOUT", "EFFECTS");
	g.empty = "no policies: nothing but what owners grant or do not grant holds";
	json_array_foreach(json_object_get(answer, "restrictions"), i, r) {
		grid_cell(&g, js_text(r, "id"));
		grid_cell(&g, cli_or_dash(js_text(r, "name")));
		grid_cell(&g, js_text(r, "state"));
		grid_cell(&g, scope_line(a, r));
		grid_cell(&g, policy_line(a, r));
	}
	grid_print(&g);
	return OK;
}

/* --- what would change --- */

static Str
effect_line(struct arena *a, const json_t *e)
{
	Str how = js_text(e, "how"), column = js_text(e, "column"), was = js_text(e, "was"), now = js_text(e, "now"), reason = js_text(e, "reason");

	if (column.n) return arena_printf(a, "%.*s: %.*s instead of %.*s", STR(column), STR(now), STR(was));
	if (str_eqc(how, "refused") || str_eqc(how, "waits")) return arena_printf(a, "refused: %.*s", STR(reason));
	if (str_eqc(how, "allowed")) return S("allowed again");
	if (str_eqc(now, "forever")) return arena_printf(a, "does not end, instead of ending %.*s", STR(was));
	if (str_eqc(how, "ends_earlier") || str_eqc(how, "ends_later"))
		return arena_printf(a, "ends %.*s instead of %.*s", STR(now), STR(str_eqc(was, "forever") ? S("never") : was));
	if (str_eqc(how, "level")) return arena_printf(a, "sandbox of level %.*s at least", STR(now));
	if (str_eqc(how, "other_grant")) return arena_printf(a, "under %.*s instead of %.*s", STR(cli_or_dash(now)), STR(cli_or_dash(was)));
	return how;
}

/* The effects of one grant or query, a table's name before those on it when there are several tables. */
static Str
effects_line(struct arena *a, const json_t *effects)
{
	Str line = S("");
	json_t *e;
	size_t i;

	json_array_foreach(effects, i, e) line = arena_printf(a, "%.*s%s%.*s", STR(line), i ? "; " : "", STR(effect_line(a, e)));
	return line;
}

/* Queries that differ in their text alone are one line. */
static void
query_rows(struct arena *a, struct grid *g, const json_t *queries)
{
	const json_t *newest = NULL;
	uint64_t count = 0;
	json_t *r;
	size_t i;

	json_array_foreach(queries, i, r) {
		const json_t *next = json_array_get(queries, i + 1);
		Str cells[] = {arena_printf(a, "%.*s (%.*s)", STR(js_text(r, "person")), STR(js_text(r, "domain"))), cli_or_dash(js_text(r, "purpose")),
		               js_text(r, "table")};
		static const char *const same[] = {"person", "domain", "purpose", "table", "effects"};
		bool last = false;
		count += js_count(r, "count");
		if (!newest) newest = r;
		for (size_t k = 0; k < ARRAY_LEN(same); k++) last |= !json_equal(json_object_get(r, same[k]), json_object_get(next, same[k]));
		if (!last) continue;
		for (size_t k = 0; k < ARRAY_LEN(cells); k++) grid_cell(g, cells[k]);
		grid_cell(g, text_count(a, count));
		grid_cell(g, js_text(newest, "last"));
		grid_cell(g, effects_line(a, json_object_get(r, "effects")));
		newest = NULL;
		count = 0;
	}
}

void
cli_print_impact(struct cli *cli, const json_t *trial)
{
	struct arena *a = &cli->arena;
	const json_t *grants = json_object_get(trial, "grants");
	json_t *r;
	size_t i;

	if (grants) {
		struct grid g = GRID(a, "GRANT", "WHAT", "TO", "WOULD BE");
		out_printf("live grants that would change: %.*s of %.*s\n", STR(text_count(a, js_count(trial, "grants_changed"))),
		       STR(text_count(a, js_count(trial, "grants_seen"))));
		json_array_foreach(grants, i, r) {
			grid_cell(&g, js_text(r, "grant"));
			grid_cell(&g, js_text(r, "object"));
			grid_cell(&g, js_text(r, "to"));
			grid_cell(&g, effects_line(a, json_object_get(r, "effects")));
		}
		g.indent = 2;
		if (i > 0) grid_print(&g);
	}
	struct grid g = GRID(a, "WHO", "PURPOSE", "TABLE", ">TIMES", "LAST", "WOULD BE");
	out_printf("queries of the last 90 days that would change: %.*s of %.*s\n", STR(text_count(a, js_count(trial, "queries_changed"))),
	       STR(text_count(a, js_count(trial, "queries_seen"))));
	query_rows(a, &g, json_object_get(trial, "queries"));
	g.indent = 2;
	if (g.n > 0) grid_print(&g);
}

Err
cli_run_policy_try(struct cli *cli)
{
	JSON_AUTO *body = json_object(), *answer = NULL;

	TRY(policy_body(cli, cli->args[0], body));
	TRY(send_policy(cli, "/api/v1/policies/try", body, &answer));
	if (cli_told(cli, answer)) return OK;
	cli_print_impact(cli, answer);
	printf("nothing was changed; to activate it: heddle policy add %s\n", cli->args[0]);
	return OK;
}

Err
cli_run_policy_lift(struct cli *cli)
{
	JSON_AUTO *answer = NULL;

	if (!cli_flag(cli, OPT_TRY)) return cli_run_lift(cli);
	TRY(node_call(cli, NODE_PERSON, "POST", node_path(cli, "/api/v1/restrictions/", cli->args[0], "/try"), NULL, &answer));
	if (cli_told(cli, answer)) return OK;
	cli_print_impact(cli, answer);
	printf("nothing was changed; to lift it: heddle policy lift %s\n", cli->args[0]);
	return OK;
}

/* --- the short form: one class masked, or one product closed --- */

Err
cli_run_restrict(struct cli *cli)
{
	JSON_AUTO *body = json_object(), *answer = NULL;
	const char *mask = cli_option(cli, OPT_CLASS_MASK), *suspend = cli_option(cli, OPT_SUSPEND);
	const char *product = suspend ? suspend : cli_option(cli, OPT_PRODUCT);
	bool one = cli->arg_count == 1;

	ENSURE(&cli->c, one ? mask && !suspend : suspend && !mask, INVALID,
	       "write `heddle restrict CLASSIFICATION --mask KIND` or `heddle restrict --suspend DOMAIN.PRODUCT`");
	if (one) TRY(cli_set_text(cli, body, "classification", cli->args[0]));
	TRY(cli_set_text(cli, body, "mask", mask));
	TRY(cli_set_text(cli, body, "product", product));
	if (suspend) json_object_set_new(body, "suspend", json_true());
	TRY(node_call(cli, NODE_PERSON, "POST", "/api/v1/restrictions", body, &answer));
	if (cli_told(cli, answer)) return OK;
	if (suspend)
		out_printf("restriction %.*s: %s is closed\n", STR(js_text(answer, "id")), suspend);
	else
		out_printf("restriction %.*s: every column classified '%s'%s%s is masked with %s\n", STR(js_text(answer, "id")), cli->args[0],
		       product ? " in " : "", product ? product : "", mask);
	return OK;
}

Err
cli_run_lift(struct cli *cli)
{
	JSON_AUTO *answer = NULL;

	TRY(node_call(cli, NODE_PERSON, "DELETE", node_path(cli, "/api/v1/restrictions/", cli->args[0], ""), NULL, &answer));
	if (cli_told(cli, answer)) return OK;
	printf("policy %s: lifted\n", cli->args[0]);
	return OK;
}
