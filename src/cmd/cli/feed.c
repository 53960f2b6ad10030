/* What happened, and having it sent somewhere. */
#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "cmd/cli/access.h"

enum { FOLLOW_MS = 1000 };

static void
print_event(struct cli *cli, const json_t *e)
{
	const json_t *about = json_object_get(e, "about");
	BUF_AUTO line = BUF_INIT;
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)about, key, v) buf_printf(&line, " %s=%.*s", key, STR(js_line(&cli->arena, v)));
	out_printf("%-8lld %.*s  %-18.*s %.*s", json_integer_value(json_object_get(e, "cursor")), STR(js_text(e, "time")), STR(js_text(e, "type")),
	       STR(js_text(e, "domain")));
	if (js_text(e, "product").n) out_printf(" %.*s", STR(js_text(e, "product")));
	out_text(stdout, buf_view(&line));
	putchar('\n');
}

static Err
page(struct cli *cli, long long *after, bool *ret_more)
{
	JSON_AUTO *answer = NULL;
	char path[64];
	json_t *e;
	size_t i;

	snprintf(path, sizeof path, "/api/v1/feed?after=%lld&limit=500", *after);
	TRY(node_get(cli, path, &answer));
	json_array_foreach(json_object_get(answer, "events"), i, e) {
		if (cli->json) json_dumpf(e, stdout, JSON_COMPACT), putchar('\n');
		else print_event(cli, e);
	}
	fflush(stdout);
	*after = json_integer_value(json_object_get(answer, "next"));
	*ret_more = js_true(answer, "more");
	return OK;
}

/* With --json one event a line, so that it can be followed. */
Err
cli_run_feed(struct cli *cli)
{
	const char *text = cli_option(cli, OPT_AFTER);
	uint64_t from = 0;
	bool more;

	ENSURE(&cli->c, !text || str_u64(str_c(text), &from), INVALID, "--after takes a number that the feed told");
	long long after = (long long)from;
	for (;;) {
		TRY(page(cli, &after, &more));
		if (more) continue;
		if (!cli_flag(cli, OPT_FOLLOW)) return OK;
		usleep(FOLLOW_MS * 1000);
	}
}

Err
cli_run_webhook_add(struct cli *cli)
{
	JSON_AUTO *body = json_object(), *answer = NULL;
	bool told;

	TRY(cli_set_text(cli, body, "url", cli->args[0]));
	TRY(cli_set_text(cli, body, "events", cli_option(cli, OPT_EVENTS)));
	TRY(cli_send(cli, "POST", "/api/v1/webhooks", body, &answer, &told));
	if (told) return OK;
	out_printf("webhook %.*s\n  url     %.*s\n  events  %.*s\n  secret  %.*s\n", STR(js_text(answer, "id")), STR(js_text(answer, "url")),
	       STR(js_text(answer, "events")), STR(js_text(answer, "secret")));
	puts("          shown this once: what receives the messages checks their signature with it");
	out_printf("  next    heddle webhook test %.*s\n", STR(js_text(answer, "id")));
	return OK;
}

Err
cli_run_webhooks(struct cli *cli)
{
	JSON_AUTO *answer = NULL;
	json_t *h;
	size_t i;

	TRY(node_get(cli, "/api/v1/webhooks", &answer));
	if (cli_told(cli, answer)) return OK;
	struct grid g = GRID(&cli->arena, "WEBHOOK", "EVENTS", "URL");
	g.empty = "no webhooks";
	json_array_foreach(json_object_get(answer, "webhooks"), i, h) {
		grid_cell(&g, js_text(h, "id"));
		grid_cell(&g, js_text(h, "events"));
		grid_cell(&g, js_text(h, "url"));
	}
	grid_print(&g);
	return OK;
}

static Err
hook_send(struct cli *cli, const char *method, const char *what, json_t **ret, bool *ret_told)
{
	return cli_send(cli, method, node_path(cli, "/api/v1/webhooks/", cli->args[0], what), NULL, ret, ret_told);
}

Err
cli_run_webhook_remove(struct cli *cli)
{
	JSON_AUTO *answer = NULL;
	bool told;

	TRY(hook_send(cli, "DELETE", "", &answer, &told));
	if (!told) printf("webhook %s: removed\n", cli->args[0]);
	return OK;
}

Err
cli_run_webhook_test(struct cli *cli)
{
	JSON_AUTO *answer = NULL;
	bool told;

	TRY(hook_send(cli, "POST", "/test", &answer, &told));
	if (!told) printf("a message is on its way\n  next  heddle webhook deliveries %s\n", cli->args[0]);
	return OK;
}

Err
cli_run_webhook_redeliver(struct cli *cli)
{
	JSON_AUTO *answer = NULL;
	bool told;

	TRY(hook_send(cli, "POST", "/redeliver", &answer, &told));
	if (!told) printf("tried again: %lld\n", json_integer_value(json_object_get(answer, "queued")));
	return OK;
}

Err
cli_run_webhook_deliveries(struct cli *cli)
{
	JSON_AUTO *answer = NULL;
	json_t *d;
	size_t i;
	bool told;

	TRY(hook_send(cli, "GET", "/deliveries", &answer, &told));
	if (told) return OK;
	struct grid g = GRID(&cli->arena, ">EVENT", "STATE", ">TRIES", ">STATUS", "LAST TRY", "NEXT TRY", "NOTE");
	g.empty = "nothing was sent yet";
	json_array_foreach(json_object_get(answer, "deliveries"), i, d) {
		grid_printf(&g, "%lld", json_integer_value(json_object_get(d, "cursor")));
		grid_cell(&g, js_text(d, "state"));
		grid_printf(&g, "%lld", json_integer_value(json_object_get(d, "attempts")));
		grid_printf(&g, "%lld", json_integer_value(json_object_get(d, "status")));
		grid_cell(&g, js_text(d, "at"));
		grid_cell(&g, js_text(d, "next"));
		grid_cell(&g, js_text(d, "note"));
	}
	grid_print(&g);
	return OK;
}
