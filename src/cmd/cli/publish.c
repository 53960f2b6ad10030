/* publish: look at the files, send them, have them checked, show the report. And contract check. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "cmd/cli/node.h"
#include "cmd/cli/out.h"
#include "mesh/contract/contract.h"

enum { CONTRACT_BYTES_MAX = 256 * 1024, PARQUET_MIN = 12 };

static void close_fd(int *fd) { if (*fd >= 0) close(*fd); }
#define FILE_AUTO __attribute__((cleanup(close_fd))) int

static Err
open_file(struct cli *cli, const char *path, int *ret_fd, uint64_t *ret_bytes)
{
	struct stat st;
	FILE_AUTO fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	ENSURE(&cli->c, fd >= 0, INVALID, "%s: %s", path, errno == ENOENT ? "no such file" : strerror(errno));
	ENSURE(&cli->c, fstat(fd, &st) == 0, IO, "%s: %s", path, strerror(errno));
	ENSURE(&cli->c, S_ISREG(st.st_mode), INVALID, "%s: not a regular file", path);
	*ret_fd = TAKE(fd, -1);
	*ret_bytes = (uint64_t)st.st_size;
	return OK;
}

/* A Parquet file begins and ends with PAR1 (parquet-format, "File format"). The node checks the rest. */
static Err
open_parquet(struct cli *cli, const char *path, int *ret_fd, uint64_t *ret_bytes)
{
	uint64_t bytes;
	FILE_AUTO fd = -1;
	char head[4] = "", tail[4] = "";

	TRY(open_file(cli, path, &fd, &bytes));
	ENSURE(&cli->c, bytes > 0, INVALID, "%s: the file is empty", path);
	bool starts = bytes >= PARQUET_MIN && pread(fd, head, 4, 0) == 4 && memcmp(head, "PAR1", 4) == 0;
	ENSURE(&cli->c, starts, INVALID, "%s: not a Parquet file", path);
	bool ends = pread(fd, tail, 4, (off_t)bytes - 4) == 4 && memcmp(tail, "PAR1", 4) == 0;
	ENSURE(&cli->c, ends, INVALID, "%s: not a whole Parquet file: its end is missing", path);
	*ret_fd = TAKE(fd, -1);
	*ret_bytes = bytes;
	return OK;
}

static Err
read_contract(struct cli *cli, const char *path, Str *ret)
{
	uint64_t bytes, got = 0;
	FILE_AUTO fd = -1;

	TRY(open_file(cli, path, &fd, &bytes));
	ENSURE(&cli->c, bytes <= CONTRACT_BYTES_MAX, TOO_LARGE, "%s: a contract has at most 256 KiB", path);
	char *text = arena_alloc(&cli->arena, bytes + 1);
	while (got < bytes) {
		ssize_t n = read(fd, text + got, bytes - got);
		ENSURE(&cli->c, n > 0, IO, "%s: %s", path, n < 0 ? strerror(errno) : "it got shorter while it was read");
		got += (uint64_t)n;
	}
	*ret = str_of(text, bytes);
	return OK;
}

/* Put the file's name before what is wrong with its text. */
static Err
name_file(struct cli *cli, Err e, const char *path)
{
	char detail[CTX_DETAIL_MAX];

	if (err_ok(e)) return e;
	snprintf(detail, sizeof(detail), "%s", err_detail(&cli->c, e));
	cli->c.detail[0] = 0;
	return err_set(&cli->c, (enum err_code)e.code, "%s: %s", path, detail);
}

Err
cli_run_contract_check(struct cli *cli)
{
	Str text;
	BUF_AUTO line = BUF_INIT;

	TRY(read_contract(cli, cli->args[0], &text));
	TRY(name_file(cli, contract_check_text(&cli->c, text, &line), cli->args[0]));
	JSON_AUTO *doc = json_pack("{s:b, s:s%}", "ok", 1, "contract", line.p ? line.p : "", line.n);
	if (!cli_told(cli, doc)) out_printf("%.*s\n", STR(str_trim(buf_view(&line))));
	return OK;
}

/* --- sending --- */

struct meter {
	struct arena *arena;
	const char *name;
	double started;
	bool shown;
};

static double
now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
meter_sending(void *arg, uint64_t done, uint64_t total)
{
	struct meter *m = arg;
	ARENA_AUTO a = ARENA_INIT;
	double took = now_s() - m->started;

	if (total == 0 || (took < 0.1 && done < total)) return;
	m->shown = true;
	fprintf(stderr, "\r\033[K  %s  %.*s of %.*s  %.*s/s", m->name, STR(text_bytes(&a, done)), STR(text_bytes(&a, total)),
	        STR(text_bytes(&a, (uint64_t)((double)done / (took > 0.001 ? took : 0.001)))));
}

static void
meter_checking(void *arg, uint64_t done, uint64_t total)
{
	struct meter *m = arg;

	(void)done, (void)total;
	if (now_s() - m->started < 0.3) return;
	m->shown = true;
	fprintf(stderr, "\r\033[K  checking against the contract  %.0f s", now_s() - m->started);
}

static void
meter_end(struct meter *m)
{
	if (m->shown) fputs("\r\033[K", stderr);
	m->shown = false;
}

static void
meter_begin(struct cli *cli, struct meter *m, const char *name, node_progress_fn fn)
{
	*m = (struct meter){.arena = &cli->arena, .name = name, .started = now_s()};
	node_progress(cli, isatty(STDERR_FILENO) ? fn : NULL, m);
}

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static Err
send_file(struct cli *cli, const struct cli_file *f, json_t *body)
{
	JSON_AUTO *answer = NULL;
	FILE_AUTO fd = -1;
	uint64_t bytes;
	struct meter m;
	json_t *tables = json_object_get(body, "data"), *names = json_object_get(body, "names");
	const char *table = arena_str(&cli->arena, f->table).p, *name = base_name(f->path);

	TRY(open_parquet(cli, f->path, &fd, &bytes));
	meter_begin(cli, &m, name, meter_sending);
	Err e = node_upload(cli, "/api/v1/uploads", fd, bytes, &answer);
	meter_end(&m);
	bool of_the_file = e.code == ERR_INVALID || e.code == ERR_TOO_LARGE || e.code == ERR_FULL || e.code == ERR_IO;
	TRY(of_the_file ? name_file(cli, e, f->path) : e);
	const char *upload = json_string_value(json_object_get(answer, "upload"));
	ENSURE(&cli->c, upload, INTERNAL, "the node answered the upload without its id");
	if (!json_object_get(tables, table)) json_object_set_new(tables, table, json_array());
	json_array_append_new(json_object_get(tables, table), json_string(upload));
	json_t *shown = json_string(name);
	json_object_set_new(names, upload, shown ? shown : json_string("(a name that is not UTF-8)"));
	return OK;
}

static Err
look_at_files(struct cli *cli)
{
	for (size_t i = 0; i < cli->file_count; i++) {
		FILE_AUTO fd = -1;
		uint64_t bytes;
		TRY(open_parquet(cli, cli->files[i].path, &fd, &bytes));
	}
	return OK;
}

/* --- the report --- */

static bool is_well(const json_t *check) { return str_eq(js_text(check, "outcome"), S("pass")); }

static void
print_rows(struct cli *cli, const json_t *check)
{
	json_t *row;
	size_t i;

	json_array_foreach(json_object_get(check, "rows"), i, row) {
		printf("      ");
		out_text(stdout, js_line(&cli->arena, row));
		putchar('\n');
	}
}

/* One table's checks, or only those that did not pass; the rows at fault below. */
static void
print_table_report(struct cli *cli, const json_t *table, bool all)
{
	struct arena *a = &cli->arena;
	const json_t *checks = json_object_get(table, "checks");
	struct grid g = GRID(a, "RESULT", "CHECK", ">VALUE", "EXPECTED");
	json_t *check;
	size_t i;

	if (json_array_size(checks) == 0 || (!all && js_true(table, "passed"))) return;
	putchar('\n');
	out_heading(arena_printf(a, "%.*s: %.*s rows", STR(js_text(table, "table")), STR(text_count(a, js_count(table, "rows")))).p);
	g.indent = 2;
	json_array_foreach(checks, i, check) {
		if (!all && is_well(check)) continue;
		grid_cell(&g, js_text(check, "outcome"));
		grid_cell(&g, js_text(check, "title"));
		grid_cell(&g, js_line(a, json_object_get(check, "value")));
		grid_cell(&g, js_line(a, json_object_get(check, "must")));
	}
	grid_print(&g);
	json_array_foreach(checks, i, check) {
		Str message = js_text(check, "message");
		if (is_well(check)) continue;
		out_printf("\n  %.*s: ", STR(js_text(check, "outcome")));
		out_text(stdout, js_text(check, "title"));
		if (message.n) fputs(": ", stdout);
		out_text(stdout, message);
		putchar('\n');
		print_rows(cli, check);
	}
}

/* report: one document per table. */
static void
print_report(struct cli *cli, const json_t *report, bool all)
{
	json_t *table;
	size_t i;

	json_array_foreach(report, i, table) print_table_report(cli, table, all);
}

static void
print_published(struct cli *cli, const json_t *p)
{
	struct arena *a = &cli->arena;
	json_t *v;
	size_t i;

	out_printf("published %.*s %.*s as snapshot %.*s: %llu checks passed, %llu failed\n", STR(js_text(p, "product")),
	       STR(js_text(p, "version")), STR(js_text(p, "snapshot")), (unsigned long long)js_count(p, "passed"),
	       (unsigned long long)js_count(p, "failed"));
	json_array_foreach(json_object_get(p, "tables"), i, v) {
		uint64_t files = js_count(v, "files");
		out_printf("  %.*s: %.*s rows in %llu file%s%s\n", STR(js_text(v, "name")), STR(text_count(a, js_count(v, "rows"))),
		       (unsigned long long)files, files == 1 ? "" : "s", str_eq(js_text(v, "state"), S("kept")) ? ", kept as they were" : "");
	}
	json_array_foreach(json_object_get(p, "changes"), i, v) {
		fputs("  changed: ", stdout);
		out_text(stdout, js_text(v, "change"));
		puts(js_true(v, "breaking") ? " (breaking)" : "");
	}
	print_report(cli, json_object_get(p, "report"), true);
}

/* What the node answers a batch that breaks its contract. */
static void
print_broken(struct cli *cli, const json_t *refusal)
{
	Str batch = js_text(refusal, "batch");

	if (cli->json || !json_object_get(refusal, "report")) return;
	print_report(cli, json_object_get(refusal, "report"), false);
	if (batch.n) out_printf("\nset aside as %.*s; consumers keep the last good snapshot\n", STR(batch));
}

Err
cli_run_publish(struct cli *cli)
{
	JSON_AUTO *body = NULL, *answer = NULL;
	BUF_AUTO line = BUF_INIT;
	struct meter m;
	Str contract;

	TRY(read_contract(cli, cli->args[0], &contract));
	TRY(name_file(cli, contract_check_text(&cli->c, contract, &line), cli->args[0]));
	TRY(look_at_files(cli));
	body = json_pack("{s:s%, s:{}, s:{}}", "contract", contract.p, contract.n, "data", "names");
	ENSURE(&cli->c, body, INVALID, "%s: not UTF-8", cli->args[0]);
	for (size_t i = 0; i < cli->file_count; i++) TRY(send_file(cli, &cli->files[i], body));
	meter_begin(cli, &m, "", meter_checking);
	Err e = node_call(cli, NODE_PERSON, "POST", "/api/v1/products", body, &answer);
	meter_end(&m);
	if (!err_ok(e)) print_broken(cli, cli->refusal);
	TRY(e);
	if (!cli_told(cli, answer)) print_published(cli, answer);
	return OK;
}
