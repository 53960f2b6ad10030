/* query: the statement goes to the node, the rows stream to stdout, what was applied goes to stderr. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "cmd/cli/csv.h"
#include "cmd/cli/node.h"
#include "cmd/cli/out.h"

enum { SQL_BYTES_MAX = 1024 * 1024 };

static Err
read_stdin(struct cli *cli, const char **ret)
{
	BUF_AUTO b = BUF_INIT;
	size_t n;

	do {
		buf_reserve(&b, 4096);
		n = fread(b.p + b.n, 1, 4096, stdin);
		b.n += n;
		ENSURE(&cli->c, b.n <= SQL_BYTES_MAX, TOO_LARGE, "a statement has at most 1 MiB");
	} while (n > 0);
	ENSURE(&cli->c, !ferror(stdin), IO, "standard input cannot be read");
	ENSURE(&cli->c, memchr(b.p, 0, b.n) == NULL, INVALID, "the statement holds a zero byte");
	*ret = arena_str(&cli->arena, buf_view(&b)).p;
	return OK;
}

static Err
write_out(struct ctx *c, void *arg, Str bytes)
{
	((struct cli *)arg)->streamed = true;
	ENSURE(c, fwrite(bytes.p, 1, bytes.n, stdout) == bytes.n, IO, "standard output cannot be written");
	return OK;
}

static Err
write_table(struct ctx *c, void *arg, Str bytes)
{
	struct csv *csv = arg;

	csv->c = c;
	TRY(csv_add(csv, bytes));
	ENSURE(c, !ferror(stdout), IO, "standard output cannot be written");
	return OK;
}

/* One line per table: the grant it was read under and what was taken away. */
static void
print_applied(struct cli *cli, const json_t *applied)
{
	struct arena *a = &cli->arena;
	json_t *t;
	size_t i;

	json_array_foreach(applied, i, t) {
		Str grant = js_text(t, "grant"), masks = js_line(a, json_object_get(t, "masks"));
		uint64_t hidden = js_count(t, "hidden");
		BUF_AUTO b = BUF_INIT;
		if (grant.n) buf_printf(&b, ", grant %.*s", STR(grant));
		if (js_true(t, "rows_filtered")) buf_c(&b, ", some rows only");
		if (masks.n) buf_printf(&b, ", masked %.*s", STR(masks));
		if (hidden) buf_printf(&b, ", %llu column%s hidden", (unsigned long long)hidden, hidden == 1 ? "" : "s");
		fputs("  ", stderr);
		out_text(stderr, js_text(t, "table"));
		out_text(stderr, b.n ? buf_view(&b) : S(", as it is"));
		fputc('\n', stderr);
	}
}

static void
print_timing(struct cli *cli, uint64_t rows)
{
	struct arena *a = &cli->arena;
	json_error_t ignored;
	Str timing_text = node_header(cli, "X-Heddle-Timing"), applied_text = node_header(cli, "X-Heddle-Applied");
	JSON_AUTO *timing = json_loadb(timing_text.p, timing_text.n, 0, &ignored);
	JSON_AUTO *applied = json_loadb(applied_text.p, applied_text.n, 0, &ignored);

	fprintf(stderr, "%.*s row%s", STR(text_count(a, rows)), rows == 1 ? "" : "s");
	if (timing)
		fprintf(stderr, "; decided in %.*s, extracts %.*s in %.*s, first rows after %.*s",
		        STR(text_seconds(a, js_real(timing, "decide_us") / 1e6)), STR(js_text(timing, "extracts")),
		        STR(text_seconds(a, js_real(timing, "extract_ms") / 1e3)), STR(text_seconds(a, js_real(timing, "run_ms") / 1e3)));
	fputc('\n', stderr);
	print_applied(cli, applied);
}

/* Ctrl-C: the node need not finish what nobody reads. Best effort, the node notices the closed connection as well. */
static void
cancel(struct cli *cli)
{
	Str query = node_header(cli, "X-Heddle-Query");
	const char *id = arena_str(&cli->arena, query).p;
	JSON_AUTO *answer = NULL;
	struct ctx before = cli->c;

	if (query.n && err_ok(node_call(cli, NODE_PERSON, "DELETE", node_path(cli, "/api/v1/queries/", id, ""), NULL, &answer)))
		fprintf(stderr, "query %s: cancelled\n", id);
	cli->c = before;
}

static Err
run(struct cli *cli, const json_t *body, bool table)
{
	struct csv csv = CSV_INIT(&cli->c);
	Err e = node_stream(cli, "POST", "/api/v1/query", body, table ? write_table : write_out, table ? (void *)&csv : cli);

	if (err_ok(e) && table) {
		e = csv_end(&csv);
		fflush(stdout);
		if (err_ok(e)) print_timing(cli, csv.rows);
	}
	csv_fini(&csv);
	if (e.code == ERR_INTERNAL && !cli->hint[0])
		snprintf(cli->hint, sizeof(cli->hint), "a limit of the result was reached, access was taken back, or the node stopped");
	if (e.code == ERR_CANCELLED) cancel(cli);
	return e;
}

Err
cli_run_query(struct cli *cli)
{
	static const char *const formats[] = {"table", "csv", "json", "ndjson", "parquet"};
	const char *sql = cli->args[0], *format = cli_option(cli, OPT_FORMAT), *purpose = cli_option(cli, OPT_PURPOSE);
	bool known = false;

	if (!format) format = cli->json ? "json" : "table";
	for (size_t i = 0; i < ARRAY_LEN(formats); i++) known |= strcmp(format, formats[i]) == 0;
	ENSURE(&cli->c, known, INVALID, "--format %s: choose table, csv, json, ndjson or parquet", format);
	ENSURE(&cli->c, !cli->json || strcmp(format, "json") == 0, INVALID, "--json prints JSON; leave out --format %s", format);
	ENSURE(&cli->c, strcmp(format, "parquet") != 0 || !isatty(STDOUT_FILENO), INVALID,
	       "Parquet is not for terminals; write it to a file: heddle query … --format parquet > result.parquet");
	if (strcmp(sql, "-") == 0) TRY(read_stdin(cli, &sql));
	bool table = strcmp(format, "table") == 0;
	JSON_AUTO *body = json_pack("{s:s, s:s}", "sql", sql, "format", format);
	ENSURE(&cli->c, body, INVALID, "the statement is not UTF-8");
	if (purpose) json_object_set_new(body, "purpose", json_string(purpose));
	node_interrupts();
	return run(cli, body, table);
}
