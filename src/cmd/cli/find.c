/* Finding products, and the page of one. */
#include <stdio.h>

#include "cmd/cli/node.h"
#include "cmd/cli/out.h"

Err
cli_run_products(struct cli *cli)
{
	JSON_AUTO *answer = NULL;
	struct arena *a = &cli->arena;
	const char *path = cli->arg_count ? node_path(cli, "/api/v1/products?q=", cli->args[0], "") : "/api/v1/products";
	json_t *p;
	size_t i;

	TRY(node_get(cli, path, &answer));
	if (cli_told(cli, answer)) return OK;
	struct grid g = GRID(a, "PRODUCT", "VERSION", "STATUS", ">ROWS", "TABLES", "ACCESS", "TITLE");
	g.empty = "no products that you may know of";
	json_array_foreach(json_object_get(answer, "products"), i, p) {
		grid_cell(&g, js_text(p, "product"));
		grid_cell(&g, js_text(p, "version"));
		grid_cell(&g, js_text(p, "status"));
		grid_cell(&g, text_count(a, js_count(p, "rows")));
		grid_cell(&g, js_line(a, json_object_get(p, "tables")));
		grid_cell(&g, js_text(p, "access"));
		grid_cell(&g, js_text(p, "title"));
	}
	grid_print(&g);
	return OK;
}

static void
field(const char *name, Str value)
{
	if (!value.n) return;
	printf("  %-15s", name);
	out_text(stdout, value);
	putchar('\n');
}

/* {"property": "freshness", "value": "7", "unit": "d"} → "freshness: 7 d"; anything else as js_line(). */
static Str
values_line(struct arena *a, const json_t *v)
{
	const char *key;
	json_t *member;
	Str line = S("");

	if (!json_is_object(v)) return js_line(a, v);
	json_object_foreach((json_t *)(uintptr_t)v, key, member) {
		Str text = js_line(a, member);
		if (text.n) line = arena_printf(a, "%.*s%s%.*s", STR(line), !line.n ? "" : memchr(line.p, ':', line.n) ? " " : ": ", STR(text));
	}
	return line;
}

/* The members of an object or list, one line each. */
static void
section(struct cli *cli, const char *title, const json_t *v)
{
	const char *key;
	json_t *member;
	size_t i;

	if (json_is_object(v) && json_object_size(v)) {
		putchar('\n');
		out_heading(title);
		json_object_foreach((json_t *)(uintptr_t)v, key, member) {
			Str text = js_line(&cli->arena, member);
			if (text.n) out_wrapped(arena_printf(&cli->arena, "%s: %.*s", key, STR(text)), 2);
		}
	} else if (json_is_array(v) && json_array_size(v)) {
		putchar('\n');
		out_heading(title);
		json_array_foreach(v, i, member) out_wrapped(values_line(&cli->arena, member), 2);
	} else if (json_is_string(v) && json_string_length(v)) {
		putchar('\n');
		out_heading(title);
		out_wrapped(str_c(json_string_value(v)), 2);
	}
}

static void
table_page(struct cli *cli, const json_t *t)
{
	struct arena *a = &cli->arena;
	struct grid g = GRID(a, "COLUMN", "TYPE", "CLASS", "YOUR ACCESS", "DESCRIPTION");
	json_t *c;
	size_t i;

	putchar('\n');
	out_heading(arena_printf(a, "Table %.*s: %.*s rows", STR(js_text(t, "name")), STR(text_count(a, js_count(t, "rows")))).p);
	out_wrapped(js_text(t, "description"), 2);
	g.indent = 2;
	json_array_foreach(json_object_get(t, "columns"), i, c) {
		Str class = js_text(c, "classification");
		const json_t *key = json_object_get(c, "key");
		bool is_key = json_is_true(key) || json_integer_value(key) > 0;
		grid_printf(&g, "%.*s%s", STR(js_text(c, "name")), is_key ? " (key)" : "");
		grid_printf(&g, "%.*s%s", STR(js_text(c, "type")), js_true(c, "required") && !is_key ? " not null" : "");
		grid_cell(&g, class.n ? class : S("-"));
		grid_cell(&g, js_text(c, "access"));
		grid_cell(&g, js_text(c, "description"));
	}
	grid_print(&g);
}

static void
page(struct cli *cli, const json_t *p)
{
	struct arena *a = &cli->arena;
	const json_t *access = json_object_get(p, "access"), *quality = json_object_get(p, "quality");
	Str until = js_text(access, "until"), hash = js_text(p, "contract_sha256");
	json_t *t;
	size_t i;

	out_heading(arena_printf(a, "%.*s: %.*s", STR(js_text(p, "product")), STR(js_text(p, "title"))).p);
	field("version", arena_printf(a, "%.*s, %.*s", STR(js_text(p, "version")), STR(js_text(p, "status"))));
	field("domain", js_text(p, "domain"));
	field("owner", js_line(a, json_object_get(p, "owners")));
	field("published", js_text(p, "published"));
	field("snapshot", js_text(p, "snapshot"));
	const json_t *price = json_object_get(p, "price");
	if (js_text(price, "amount").n)
		field("price", arena_printf(a, "%.*s %.*s per %.*s", STR(js_text(price, "amount")), STR(js_text(price, "currency")),
		                            STR(js_text(price, "unit"))));
	if (json_is_object(quality))
		field("quality", arena_printf(a, "%llu checks passed, %llu failed (%.*s)", (unsigned long long)js_count(quality, "passed"),
		                              (unsigned long long)js_count(quality, "failed"), STR(js_text(quality, "checked_at"))));
	if (hash.n) field("contract", arena_printf(a, "sha256:%.*s", STR(hash)));
	field("your access", arena_printf(a, "%.*s%s%.*s", STR(js_text(access, "state")), until.n ? ", until " : "", STR(until)));
	section(cli, "Purpose", json_object_get(p, "purpose"));
	json_array_foreach(json_object_get(p, "tables"), i, t) table_page(cli, t);
	section(cli, "Description", json_object_get(p, "description"));
	section(cli, "Terms of use", json_object_get(p, "terms"));
	section(cli, "Service levels", json_object_get(p, "sla"));
	section(cli, "Support", json_object_get(p, "support"));
	section(cli, "How to ask", json_object_get(p, "how_to_ask"));
}

Err
cli_run_show(struct cli *cli)
{
	JSON_AUTO *answer = NULL;

	TRY(node_get(cli, node_path(cli, "/api/v1/products/", cli->args[0], ""), &answer));
	if (!cli_told(cli, answer)) page(cli, answer);
	return OK;
}
