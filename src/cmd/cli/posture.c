/* Posture: the controls, what was accepted and recorded, reviews of access, and the page for an auditor. */
#include <fcntl.h>
#include <stdio.h>

#include "cmd/cli/access.h"
#include "cmd/cli/node.h"
#include "cmd/cli/out.h"
#include "cmd/cli/posture_html.h"
#include "crypt/encode.h"
#include "os/file.h"

enum { DOCUMENT_MAX = 180 * 1024 }; /* in base64 it has room in a request */

static const char *const SEVERITIES[] = {"critical", "high", "medium", "low"};

static Err
fetch(struct cli *cli, json_t **ret)
{
	static const struct { enum option_id id; const char *name; } known[] = {{OPT_CONTROL, "control"}, {OPT_DOMAIN, "domain"}, {OPT_AT, "at"}};
	const char *path = "/api/v1/posture";
	char between = '?';

	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (!cli_option(cli, known[i].id)) continue;
		path = node_path(cli, arena_printf(&cli->arena, "%s%c%s=", path, between, known[i].name).p, cli_option(cli, known[i].id), "");
		between = '&';
	}
	return node_get(cli, path, ret);
}

static Str day(Str time) { return str_of(time.p, time.n < 10 ? time.n : 10); }

/* --- the page --- */

static void
print_counts(const json_t *answer)
{
	const json_t *counts = json_object_get(answer, "counts"), *open = json_object_get(counts, "open"), *overdue = json_object_get(counts, "overdue"),
	             *accepted = json_object_get(counts, "accepted");
	uint64_t late = 0, set_aside = 0;

	printf("  open      ");
	for (size_t i = 0; i < ARRAY_LEN(SEVERITIES); i++) {
		printf("%s%llu %s", i ? ", " : "", (unsigned long long)js_count(open, SEVERITIES[i]), SEVERITIES[i]);
		late += js_count(overdue, SEVERITIES[i]);
		set_aside += js_count(accepted, SEVERITIES[i]);
	}
	printf("; %llu overdue\n  accepted  %llu\n  controls  %llu pass, %llu fail, %llu do not apply\n\n", (unsigned long long)late, (unsigned long long)set_aside,
	       (unsigned long long)js_count(counts, "passed"), (unsigned long long)js_count(counts, "failed"), (unsigned long long)js_count(counts, "not_applicable"));
}

static void
print_controls(struct cli *cli, const json_t *answer)
{
	struct grid g = GRID(&cli->arena, "CONTROL", "STATUS", ">OPEN", ">ACCEPTED", "SEVERITY", "WHAT");
	json_t *c;
	size_t i;

	g.indent = 2;
	json_array_foreach(json_object_get(answer, "controls"), i, c) {
		Str status = js_text(c, "status"), note = js_text(c, "note");
		bool absent = str_eqc(status, "not_applicable");
		grid_cell(&g, js_text(c, "id"));
		grid_cell(&g, absent ? S("n/a") : status);
		grid_cell(&g, text_count(&cli->arena, js_count(c, "open")));
		grid_cell(&g, text_count(&cli->arena, js_count(c, "accepted_count")));
		grid_cell(&g, js_text(c, "severity"));
		grid_cell(&g, arena_printf(&cli->arena, "%.*s%s%.*s", STR(js_text(c, "title")), absent && note.n ? ": " : "", STR(absent ? note : S(""))));
	}
	grid_print(&g);
}

static void
print_finding(const json_t *c, const json_t *f, bool accepted)
{
	const json_t *e = json_object_get(f, "evidence");
	Str until = day(js_text(f, accepted ? "accepted_until" : "due"));

	out_printf("  %.*s %.*s  ", STR(js_text(c, "id")), STR(js_text(f, "severity")));
	out_text(stdout, js_text(f, "subject"));
	printf("\n      ");
	out_text(stdout, js_text(f, "text"));
	if (js_text(f, "person").n) {
		printf(" (");
		out_text(stdout, js_text(f, "person"));
		putchar(')');
	}
	out_printf("\n      %.*s of %.*s; since %.*s, %s %.*s%s", STR(js_text(f, "owner").n ? js_text(f, "owner") : S("nobody")), STR(js_text(f, "domain")), STR(day(js_text(f, "since"))),
	       accepted ? "accepted until" : "due", STR(until), js_true(f, "overdue") && !accepted ? ", OVERDUE" : "");
	if (json_is_object(e)) out_printf("; log %.*s, entry %llu", STR(js_text(e, "name")), (unsigned long long)js_count(e, "index"));
	printf("\n      ");
	if (accepted)
		out_printf("exception %.*s", STR(js_text(f, "exception")));
	else
		out_text(stdout, js_text(f, "remedy"));
	putchar('\n');
}

static void
print_findings(const json_t *answer, const char *key, const char *heading, bool accepted)
{
	json_t *c, *f;
	size_t i, k, any = 0;

	json_array_foreach(json_object_get(answer, "controls"), i, c) {
		json_array_foreach(json_object_get(c, key), k, f) {
			if (any++ == 0) {
				putchar('\n');
				out_heading(heading);
			}
			print_finding(c, f, accepted);
		}
		uint64_t all = js_count(c, accepted ? "accepted_count" : "open");
		if (all > k) out_printf("  %.*s: and %llu more\n", STR(js_text(c, "id")), (unsigned long long)(all - k));
	}
}

Err
cli_run_posture(struct cli *cli)
{
	JSON_AUTO *answer = NULL;

	TRY(fetch(cli, &answer));
	if (cli_told(cli, answer)) return OK;
	out_heading(arena_printf(&cli->arena, "Posture of %.*s at %.*s", STR(str_eqc(js_text(answer, "scope"), "all") ? S("all domains") : js_text(answer, "scope")),
	                         STR(js_text(answer, "as_of"))).p);
	if (js_true(answer, "past")) puts("  as the logs say that it was then");
	print_counts(answer);
	print_controls(cli, answer);
	print_findings(answer, "findings", "Open findings", false);
	print_findings(answer, "accepted", "Accepted, for a time", true);
	return OK;
}

/* --- for an auditor --- */

static Err
write_file(struct cli *cli, const char *path, const struct buf *b)
{
	TRY(file_replace(&cli->c, AT_FDCWD, path, buf_view(b), 0644));
	fprintf(stderr, "%s: %zu bytes\n", path, b->n);
	return OK;
}

Err
cli_run_posture_export(struct cli *cli)
{
	const char *html = cli_option(cli, OPT_HTML), *out = cli_option(cli, OPT_OUT);
	JSON_AUTO *answer = NULL;
	BUF_AUTO b = BUF_INIT;

	ENSURE(&cli->c, html || out, INVALID, "write --html FILE, --out FILE (JSON) or both");
	TRY(fetch(cli, &answer));
	if (out) {
		char *text = json_dumps(answer, JSON_INDENT(1));
		ENSURE(&cli->c, text, INTERNAL, "the answer cannot be written as JSON");
		buf_c(&b, text);
		buf_char(&b, '\n');
		free(text);
		TRY(write_file(cli, out, &b));
		b.n = 0;
	}
	if (html) {
		posture_html(answer, &b);
		TRY(write_file(cli, html, &b));
	}
	cli_told(cli, answer);
	return OK;
}

/* --- saying --- */

Err
cli_run_posture_accept(struct cli *cli)
{
	JSON_AUTO *body = json_object(), *answer = NULL;

	TRY(cli_set_text(cli, body, "control", cli->args[0]));
	TRY(cli_set_text(cli, body, "subject", cli->args[1]));
	TRY(cli_set_text(cli, body, "until", cli_option(cli, OPT_UNTIL)));
	TRY(cli_set_text(cli, body, "reason", cli_option(cli, OPT_REASON)));
	TRY(node_call(cli, NODE_PERSON, "POST", "/api/v1/posture/exceptions", body, &answer));
	if (!cli_told(cli, answer))
		out_printf("exception %.*s: %s %s is accepted until %.*s\n", STR(js_text(answer, "id")), cli->args[0], cli->args[1], STR(js_text(answer, "until")));
	return OK;
}

Err
cli_run_posture_withdraw(struct cli *cli)
{
	JSON_AUTO *answer = NULL;

	TRY(node_call(cli, NODE_PERSON, "DELETE", node_path(cli, "/api/v1/posture/exceptions/", cli->args[0], ""), NULL, &answer));
	if (!cli_told(cli, answer)) printf("exception %s: ended\n", cli->args[0]);
	return OK;
}

static Err
set_document(struct cli *cli, json_t *body)
{
	const char *path = cli_option(cli, OPT_DOCUMENT);
	BUF_AUTO b = BUF_INIT;
	Str bytes;

	if (!path) return OK;
	TRY(file_read_path(&cli->c, AT_FDCWD, path, DOCUMENT_MAX, &bytes));
	base64_put(&b, bytes);
	json_object_set_new(body, "document", json_stringn(b.p ? b.p : "", b.n));
	return OK;
}

Err
cli_run_posture_evidence(struct cli *cli)
{
	JSON_AUTO *body = json_object(), *answer = NULL;

	TRY(cli_set_text(cli, body, "control", cli->args[0]));
	TRY(cli_set_text(cli, body, "outcome", cli_option(cli, OPT_DRILL)));
	TRY(set_document(cli, body));
	TRY(node_call(cli, NODE_PERSON, "POST", "/api/v1/posture/evidence", body, &answer));
	if (cli_told(cli, answer)) return OK;
	Str document = js_text(answer, "document");
	out_printf("record %.*s: %s, %.*s%s%.*s\n", STR(js_text(answer, "id")), cli->args[0], STR(js_text(answer, "outcome")), document.n ? "; document " : "", STR(document));
	return OK;
}

Err
cli_run_review(struct cli *cli)
{
	JSON_AUTO *answer = NULL;
	bool look = cli_flag(cli, OPT_LIST);
	json_t *h;
	size_t i;

	TRY(node_call(cli, NODE_PERSON, look ? "GET" : "POST", node_path(cli, "/api/v1/products/", cli->args[0], "/review"), NULL, &answer));
	if (cli_told(cli, answer)) return OK;
	struct grid g = GRID(&cli->arena, "GRANT", "TO", "PEOPLE", "PURPOSE", "UNTIL", "LAST USED");
	g.empty = "nobody outside the domain has access";
	json_array_foreach(json_object_get(answer, "holders"), i, h) {
		grid_cell(&g, js_text(h, "grant"));
		grid_cell(&g, js_text(h, "to"));
		grid_cell(&g, js_line(&cli->arena, json_object_get(h, "people")));
		grid_cell(&g, js_line(&cli->arena, json_object_get(h, "purposes")));
		grid_cell(&g, js_text(h, "until").n ? day(js_text(h, "until")) : S("-"));
		grid_cell(&g, js_text(h, "last_used").n ? day(js_text(h, "last_used")) : S("never"));
	}
	grid_print(&g);
	Str last = js_text(answer, "last_review");
	if (look)
		out_printf("\nlast reviewed: %.*s\n", STR(last.n ? last : S("never")));
	else
		out_printf("\nreviewed: %.*s\n", STR(js_text(answer, "id")));
	return OK;
}
