/* Runs a plan on a real DuckDB, as the worker does: for tests of job/quality. */
#ifndef HEDDLE_TEST_QUALITY_RUN_H
#define HEDDLE_TEST_QUALITY_RUN_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/distinct.h"
#include "job/quality.h"
#include "query/duck.h"

struct runner {
	struct duck d;
	duckdb_database db;
	duckdb_connection con;
};

static inline bool
runner_open(struct ctx *c, const char *library, struct runner *r)
{
	int fd = open(library, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || !err_ok(duck_load(c, fd, &r->d))) return false;
	close(fd);
	return r->d.duckdb_open_ext(NULL, &r->db, NULL, NULL) == DuckDBSuccess && r->d.duckdb_connect(r->db, &r->con) == DuckDBSuccess;
}

static inline void
runner_close(struct runner *r)
{
	r->d.duckdb_disconnect(&r->con);
	r->d.duckdb_close(&r->db);
}

/* A VARCHAR cell as text; NULL gives p == NULL. */
static inline Str
cell_text(struct ctx *c, struct runner *r, duckdb_vector v, uint64_t row)
{
	uint64_t *valid = r->d.duckdb_vector_get_validity(v);

	if (valid && !(valid[row / 64] >> (row % 64) & 1)) return (Str){0};
	duckdb_string_t *s = (duckdb_string_t *)r->d.duckdb_vector_get_data(v) + row;
	return arena_str(
	    c->arena, str_of(s->value.inlined.length <= 12 ? s->value.inlined.inlined : s->value.pointer.ptr, s->value.inlined.length));
}

struct rows {
	Str *columns, *cells;
	size_t column_count, row_count;
	Str error;
};

/* All cells as text: the statement is wrapped so that DuckDB casts them. */
static inline struct rows
run_rows(struct ctx *c, struct runner *r, Str sql)
{
	struct rows out = {0};
	duckdb_result res;
	Str wrapped = arena_printf(c->arena, "SELECT COLUMNS(*)::VARCHAR FROM (%.*s)", STR(sql));

	if (r->d.duckdb_query(r->con, wrapped.p, &res) != DuckDBSuccess) {
		out.error = arena_printf(c->arena, "%s", r->d.duckdb_result_error(&res));
		r->d.duckdb_destroy_result(&res);
		return out;
	}
	out.column_count = r->d.duckdb_column_count(&res);
	out.columns = NEW_N(c->arena, out.column_count, Str);
	out.cells = NEW_N(c->arena, out.column_count * 64, Str);
	for (size_t i = 0; i < out.column_count; i++) out.columns[i] = arena_str(c->arena, str_c(r->d.duckdb_column_name(&res, i)));
	for (duckdb_data_chunk chunk; (chunk = r->d.duckdb_fetch_chunk(res)); r->d.duckdb_destroy_data_chunk(&chunk)) {
		uint64_t n = r->d.duckdb_data_chunk_get_size(chunk);
		for (uint64_t row = 0; row < n && out.row_count < 64; row++, out.row_count++)
			for (size_t i = 0; i < out.column_count; i++)
				out.cells[out.row_count * out.column_count + i] =
				    cell_text(c, r, r->d.duckdb_data_chunk_get_vector(chunk, i), row);
	}
	r->d.duckdb_destroy_result(&res);
	return out;
}

/* "0", "h1,h2" or "many", as the worker answers a query with `hashes`. */
static inline Str
run_hashes(struct ctx *c, struct runner *r, Str sql)
{
	static uint64_t found[QUALITY_HASHES_MAX + 1];
	duckdb_result res;
	uint64_t repeats = 0;
	size_t n = 0;
	BUF_AUTO out = BUF_INIT;

	if (r->d.duckdb_query(r->con, arena_str(c->arena, sql).p, &res) != DuckDBSuccess) abort();
	struct distinct *d = distinct_new(512u << 20);
	for (duckdb_data_chunk chunk; (chunk = r->d.duckdb_fetch_chunk(res)); r->d.duckdb_destroy_data_chunk(&chunk))
		(void)distinct_add(
		    d, r->d.duckdb_vector_get_data(r->d.duckdb_data_chunk_get_vector(chunk, 0)), r->d.duckdb_data_chunk_get_size(chunk));
	bool known = distinct_count(d, &repeats, found, QUALITY_HASHES_MAX + 1, &n);
	distinct_free(d);
	r->d.duckdb_destroy_result(&res);
	if (!known || n > QUALITY_HASHES_MAX) return S("many");
	if (n == 0) return S("0");
	if (n == 1 && found[0] == 0) return S("0,0"); /* the hash of the number 0 */
	for (size_t i = 0; i < n; i++) buf_printf(&out, "%s%llu", i ? "," : "", (unsigned long long)found[i]);
	return arena_str(c->arena, buf_view(&out));
}

static inline struct quality_value
value_of(const struct rows *r, size_t column)
{
	if (r->error.n) return (struct quality_value){.error = r->error};
	return (struct quality_value){.text = r->row_count ? r->cells[column] : (Str){0}};
}

static inline struct quality_value
run_query(struct ctx *c, struct runner *r, const struct quality_query *q)
{
	struct quality_value v = {0};
	struct rows rows;

	if (q->hashes) {
		v.text = run_hashes(c, r, q->sql);
		if (!str_eqc(v.text, "0")) v.hashes = v.text;
	} else {
		rows = run_rows(c, r, q->sql);
		v = value_of(&rows, 0);
	}
	if (q->believe.n == 0 || (!v.error.n && str_eq(v.text, q->believe))) return v;
	rows = run_rows(c, r, quality_otherwise(c->arena, q, v.text));
	Str hashes = v.hashes;
	v = value_of(&rows, 0);
	v.hashes = hashes;
	return v;
}

static inline struct quality_report *
run_plan(struct ctx *c, struct runner *r, const struct quality_plan *p)
{
	struct quality_value *scan = NEW_N(c->arena, p->value_count, struct quality_value);
	struct quality_value *queries = NEW_N(c->arena, p->query_count, struct quality_value);
	struct quality_report *report;
	struct rows rows = run_rows(c, r, p->scan_sql);

	for (size_t i = 0; i < p->value_count; i++) scan[i] = value_of(&rows, i);
	for (size_t i = 0; i < p->query_count; i++) queries[i] = run_query(c, r, &p->queries[i]);
	if (!err_ok(quality_judge(c, p, &(struct quality_answers){.scan = scan, .queries = queries}, &report))) abort();
	for (size_t i = 0; i < report->result_count; i++) {
		if (report->results[i].rows_sql.n == 0) continue;
		rows = run_rows(c, r, report->results[i].rows_sql);
		if (rows.error.n) {
			fprintf(stderr, "%.*s\n%.*s\n", STR(rows.error), STR(report->results[i].rows_sql));
			abort();
		}
		quality_rows(c, report, i, rows.columns, rows.column_count, rows.cells, rows.row_count);
	}
	return report;
}

/* The columns of a relation as DuckDB tells them, without the two of the place. */
static inline size_t
run_columns(struct ctx *c, struct runner *r, Str relation, struct quality_column **ret)
{
	struct rows rows = run_rows(c, r,
	    arena_printf(c->arena,
	        "SELECT column_name, column_type FROM (DESCRIBE %.*s) WHERE column_name NOT IN ('file_index', 'file_row_number')",
	        STR(relation)));

	*ret = NEW_N(c->arena, rows.row_count, struct quality_column);
	for (size_t i = 0; i < rows.row_count; i++) (*ret)[i] = (struct quality_column){rows.cells[2 * i], rows.cells[2 * i + 1]};
	return rows.row_count;
}

#endif
