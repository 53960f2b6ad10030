#include "cmd/cli/access.h"

/* --- arguments into bodies --- */

Err
cli_set_text(struct cli *cli, json_t *body, const char *key, const char *value)
{
	if (!value) return OK;
	json_t *v = json_string(value);
	ENSURE(&cli->c, v, INVALID, "%s: the text is not UTF-8", key);
	json_object_set_new(body, key, v);
	return OK;
}

Err
cli_set_list(struct cli *cli, json_t *body, const char *key, const char *value)
{
	JSON_AUTO *list = json_array();
	Str one;

	for (Str rest = str_c(value ? value : ""); value && rest.p;) {
		rest = str_cut(rest, ',', &one);
		one = str_trim(one);
		json_t *v = json_stringn(one.p, one.n);
		ENSURE(&cli->c, v && one.n, INVALID, "%s: write names with commas between", key);
		json_array_append_new(list, v);
	}
	if (value) json_object_set(body, key, list);
	return OK;
}

Err
cli_set_number(struct cli *cli, json_t *body, const char *key, const char *option, const char *value)
{
	uint64_t n;

	if (!value) return OK;
	ENSURE(&cli->c, str_u64(str_c(value), &n) && n > 0 && n <= INT32_MAX * UINT64_C(1000), INVALID, "--%s %s: a number from 1 on is expected",
	       option, value);
	json_object_set_new(body, key, json_integer((json_int_t)n));
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
		TRY(cli_set_text(cli, masks, name, kind.p));
	}
	if (json_object_size(masks)) json_object_set(body, "masks", masks);
	if (json_array_size(hide)) json_object_set(body, "hide", hide);
	return OK;
}

Err
cli_set_terms(struct cli *cli, json_t *body)
{
	TRY(cli_set_text(cli, body, "from", cli_option(cli, OPT_FROM)));
	TRY(cli_set_text(cli, body, "until", cli_option(cli, OPT_UNTIL)));
	TRY(cli_set_text(cli, body, "rows", cli_option(cli, OPT_ROWS)));
	TRY(cli_set_list(cli, body, "via", cli_option(cli, OPT_VIA)));
	return set_columns(cli, body);
}

Err
cli_set_demands(struct cli *cli, json_t *body)
{
	TRY(cli_set_number(cli, body, "min_group", "aggregate-only", cli_option(cli, OPT_AGGREGATE)));
	TRY(cli_set_list(cli, body, "group_by", cli_option(cli, OPT_BY)));
	TRY(cli_set_text(cli, body, "unit", cli_option(cli, OPT_UNIT)));
	TRY(cli_set_number(cli, body, "row_budget", "row-budget", cli_option(cli, OPT_ROW_BUDGET)));
	TRY(cli_set_text(cli, body, "hours", cli_option(cli, OPT_HOURS)));
	if (cli_flag(cli, OPT_NO_EXPORT)) json_object_set_new(body, "no_export", json_true());
	return OK;
}

Err
cli_send(struct cli *cli, const char *method, const char *path, const json_t *body, json_t **ret, bool *ret_told)
{
	TRY(node_call(cli, NODE_PERSON, method, path, body, ret));
	*ret_told = cli_told(cli, *ret);
	return OK;
}

/* --- pages --- */

static Err
page_path(struct cli *cli, const char *list, const char **ret)
{
	const char *limit = cli_option(cli, OPT_PAGE), *after = cli_option(cli, OPT_PAGE_AFTER);
	const char *path = arena_printf(&cli->arena, "/api/v1/%s", list).p, *next = "?";
	uint64_t n = 0;

	ENSURE(&cli->c, !limit || (str_u64(str_c(limit), &n) && n > 0 && n <= 1000), INVALID, "--limit %s: a number from 1 to 1000 is expected", limit);
	if (n) path = arena_printf(&cli->arena, "%s%slimit=%llu", path, next, (unsigned long long)n).p, next = "&";
	if (cli_flag(cli, OPT_ALL)) path = arena_printf(&cli->arena, "%s%sall=true", path, next).p, next = "&";
	*ret = after ? node_path(cli, arena_printf(&cli->arena, "%s%safter=", path, next).p, after, "") : path;
	return OK;
}

Err
cli_print_page(struct cli *cli, const char *list, struct grid *g, void (*row)(struct cli *, struct grid *, const json_t *))
{
	JSON_AUTO *answer = NULL;
	const char *path = NULL;
	json_t *item;
	size_t i;

	TRY(page_path(cli, list, &path));
	TRY(node_get(cli, path, &answer));
	if (cli_told(cli, answer)) return OK;
	json_array_foreach(json_object_get(answer, list), i, item) row(cli, g, item);
	grid_print(g);
	Str next = js_text(answer, "next");
	if (next.n) out_printf("more: heddle %s%s --after %.*s\n", list, cli_flag(cli, OPT_ALL) ? " --all" : "", STR(next));
	return OK;
}

/* --- terms into lines --- */

Str
cli_or_dash(Str s)
{
	return s.n ? s : S("-");
}

Str
cli_terms_line(struct arena *a, const json_t *grant, const char *all)
{
	Str rows = js_text(grant, "rows"), masks = js_line(a, json_object_get(grant, "masks")), hide = js_line(a, json_object_get(grant, "hide")),
	    by = js_line(a, json_object_get(grant, "group_by")), unit = js_text(grant, "unit"), hours = js_text(grant, "hours"), line;
	uint64_t group = js_count(grant, "min_group"), budget = js_count(grant, "row_budget");

	line = arena_printf(a, "%.*s%s%.*s%s%.*s", STR(rows.n ? rows : str_c(all)), masks.n ? "; mask " : "", STR(masks), hide.n ? "; hide " : "",
	                    STR(hide));
	if (group)
		line = arena_printf(a, "%.*s; aggregates only, of at least %llu %.*s by %.*s", STR(line), (unsigned long long)group,
		                    STR(unit.n ? unit : S("rows")), STR(by.n ? by : S("nothing")));
	if (budget) line = arena_printf(a, "%.*s; at most %.*s rows a day", STR(line), STR(text_count(a, budget)));
	if (js_true(grant, "no_export")) line = arena_printf(a, "%.*s; no export", STR(line));
	return hours.n ? arena_printf(a, "%.*s; %.*s UTC", STR(line), STR(hours)) : line;
}

Str
cli_state(const json_t *thing)
{
	Str state = js_text(thing, "state");

	return str_eqc(state, "not_yet") ? S("not yet") : state;
}

Str
cli_approvals(struct arena *a, const json_t *thing)
{
	const json_t *x = json_object_get(thing, "approvals");
	uint64_t needed = js_count(x, "needed");

	if (needed == 0) return S("");
	return arena_printf(a, "%llu of %llu approvals", (unsigned long long)js_count(x, "has"), (unsigned long long)needed);
}
