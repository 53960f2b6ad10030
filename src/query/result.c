#include "query/result.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/map.h"
#include "query/engine.h"
#include "query/value.h"

enum { BLOCK_BYTES = 256 * 1024, HEAD = 4 };

bool
result_format_parse(Str name, enum result_format *ret)
{
	static const char *const names[] = {"csv", "json", "ndjson", "parquet"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (!str_eqc(name, names[i])) continue;
		*ret = (enum result_format)i;
		return true;
	}
	return false;
}

/* --- the wire --- */

static Err
send_all(struct ctx *c, int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);
		if (sent < 0 && errno == ENOTSOCK) sent = write(fd, p, n);
		if (sent < 0 && errno == EINTR) continue;
		ENSURE(c, sent > 0, UNAVAILABLE, "nobody reads the result any more");
		p += sent;
		n -= (size_t)sent;
	}
	return OK;
}

/* b has room for the head at its start. Empties it but for that. */
static Err
block_send(struct ctx *c, int fd, struct buf *b)
{
	uint32_t n = (uint32_t)(b->n - HEAD);

	if (n == 0) return OK;
	for (int i = 0; i < HEAD; i++) b->p[i] = (char)(n >> (24 - 8 * i));
	Err e = send_all(c, fd, b->p, b->n);
	b->n = HEAD;
	return e;
}

Err
result_end(struct ctx *c, int fd, Err status)
{
	const char end[] = {0, 0, 0, 0, (char)status.code};

	return send_all(c, fd, end, sizeof end);
}

/* --- columns --- */

struct column {
	struct value_type type;
	struct value_view view;
	Str name; /* unique */
	Str lead; /* what stands before the value in JSON: {"name":  or ,"name": */
};

struct rows {
	const struct duck *d;
	duckdb_result *r;
	struct column *columns;
	size_t column_count;
};

/* name, or the first of name_1, name_2, … that is not taken. */
static Str
name_unique(struct ctx *c, struct map *taken, Str name)
{
	static char present;
	Str s = name;

	for (unsigned i = 1; map_get(taken, s); i++) s = arena_printf(c->arena, "%.*s_%u", STR(name), i);
	map_put(taken, s, &present);
	return s;
}

static Err
column_init(struct ctx *c, const struct rows *rows, idx_t i, struct map *taken, struct column *ret)
{
	duckdb_logical_type type = rows->d->duckdb_column_logical_type(rows->r, i);
	BUF_AUTO lead = BUF_INIT;

	Err e = value_type_init(c, rows->d, type, &ret->type);
	rows->d->duckdb_destroy_logical_type(&type);
	TRY(e);
	value_view_init(c->arena, &ret->type, &ret->view);
	ret->name = name_unique(c, taken, arena_str(c->arena, str_c(rows->d->duckdb_column_name(rows->r, i))));
	buf_char(&lead, i ? ',' : '{');
	buf_json(&lead, ret->name);
	buf_char(&lead, ':');
	ret->lead = arena_str(c->arena, buf_view(&lead));
	return OK;
}

static Err
rows_init(struct ctx *c, const struct duck *d, duckdb_result *r, struct rows *ret)
{
	struct rows rows = {.d = d, .r = r, .column_count = d->duckdb_column_count(r)};
	struct map taken = MAP_INIT;
	Err e = OK;

	rows.columns = NEW_N(c->arena, rows.column_count, struct column);
	for (idx_t i = 0; i < rows.column_count && err_ok(e); i++) e = column_init(c, &rows, i, &taken, &rows.columns[i]);
	map_fini(&taken);
	TRY(e);
	*ret = rows;
	return OK;
}

/* The next chunk, NULL at the end. */
static Err
chunk_next(struct ctx *c, struct rows *rows, duckdb_data_chunk *ret)
{
	duckdb_data_chunk chunk = rows->d->duckdb_fetch_chunk(*rows->r);
	const char *error = chunk ? NULL : rows->d->duckdb_result_error(rows->r);

	if (error && *error) return engine_error(c, error);
	for (idx_t i = 0; chunk && i < rows->column_count; i++) {
		struct column *col = &rows->columns[i];
		value_view_set(rows->d, &col->type, rows->d->duckdb_data_chunk_get_vector(chunk, i), &col->view);
	}
	*ret = chunk;
	return OK;
}

/* --- formats --- */

static void
csv_text(struct buf *out, size_t start)
{
	Str s = str_of(out->p + start, out->n - start);
	bool quote = s.n == 0 || s.p[0] == ' ' || s.p[s.n - 1] == ' ';

	for (size_t i = 0; i < s.n && !quote; i++) quote = s.p[i] == ',' || s.p[i] == '"' || s.p[i] == '\r' || s.p[i] == '\n';
	if (!quote) return;
	BUF_AUTO copy = BUF_INIT;
	buf_str(&copy, s);
	out->n = start;
	buf_char(out, '"');
	for (size_t i = 0; i < copy.n; i++) {
		if (copy.p[i] == '"') buf_char(out, '"');
		buf_char(out, copy.p[i]);
	}
	buf_char(out, '"');
}

static void
csv_row(struct buf *out, const struct rows *rows, idx_t row)
{
	for (size_t i = 0; i < rows->column_count; i++) {
		const struct column *col = &rows->columns[i];
		if (i) buf_char(out, ',');
		size_t start = out->n;
		value_put(out, &col->type, &col->view, row, AS_TEXT);
		if (!value_is_null(&col->view, row) && col->type.id != DUCKDB_TYPE_SQLNULL) csv_text(out, start);
	}
	buf_c(out, "\r\n");
}

static void
csv_head(struct buf *out, const struct rows *rows)
{
	for (size_t i = 0; i < rows->column_count; i++) {
		if (i) buf_char(out, ',');
		size_t start = out->n;
		buf_str(out, rows->columns[i].name);
		csv_text(out, start);
	}
	buf_c(out, "\r\n");
}

static void
json_row(struct buf *out, const struct rows *rows, idx_t row)
{
	for (size_t i = 0; i < rows->column_count; i++) {
		const struct column *col = &rows->columns[i];
		buf_str(out, col->lead);
		value_put(out, &col->type, &col->view, row, AS_JSON);
	}
	buf_char(out, '}');
}

static void
row_put(struct buf *out, const struct rows *rows, idx_t row, enum result_format format, bool first)
{
	if (format == RESULT_CSV) {
		csv_row(out, rows, row);
	} else if (format == RESULT_NDJSON) {
		json_row(out, rows, row);
		buf_char(out, '\n');
	} else {
		if (!first) buf_c(out, ",\n");
		json_row(out, rows, row);
	}
}

/* --- streaming --- */

struct writer {
	const struct result_sink *sink;
	struct buf block;
	struct result_counts counts;
	bool started; /* told */
};

Err
result_too_long(struct ctx *c, const struct result_sink *sink)
{
	bool why = sink->max_rows_why.n > 0;

	return err_set(c, ERR_LIMIT, "the result has more than %llu rows%s%.*s", (unsigned long long)sink->max_rows, why ? ": " : "",
	               STR(sink->max_rows_why));
}

static void
writer_start(struct writer *w)
{
	if (!w->started && w->sink->started) w->sink->started(w->sink->self, w->counts.columns);
	w->started = true;
}

static Err
writer_flush(struct ctx *c, struct writer *w)
{
	uint64_t n = w->block.n - HEAD;

	writer_start(w);
	ENSURE(c, !w->sink->max_bytes || w->counts.bytes + n <= w->sink->max_bytes, LIMIT, "the result is larger than %llu bytes",
	       (unsigned long long)w->sink->max_bytes);
	TRY(block_send(c, w->sink->fd, &w->block));
	w->counts.bytes += n;
	return OK;
}

static Err
chunk_write(struct ctx *c, struct writer *w, const struct rows *rows, idx_t n, enum result_format format)
{
	for (idx_t row = 0; row < n; row++) {
		if (w->sink->max_rows && w->counts.rows >= w->sink->max_rows) return result_too_long(c, w->sink);
		row_put(&w->block, rows, row, format, w->counts.rows == 0);
		w->counts.rows++;
		if (w->block.n >= (w->started ? BLOCK_BYTES : RESULT_HOLD_BYTES)) TRY(writer_flush(c, w));
	}
	return OK;
}

static Err
rows_write(struct ctx *c, struct writer *w, struct rows *rows, enum result_format format)
{
	duckdb_data_chunk chunk;

	TRY(chunk_next(c, rows, &chunk)); /* an error met before the first row is told before anything is written */
	if (w->sink->max_rows_why.n == 0) writer_start(w);
	if (format == RESULT_CSV) csv_head(&w->block, rows);
	if (format == RESULT_JSON) buf_c(&w->block, "[\n");
	while (chunk) {
		Err e = chunk_write(c, w, rows, rows->d->duckdb_data_chunk_get_size(chunk), format);
		rows->d->duckdb_destroy_data_chunk(&chunk);
		TRY(e);
		TRY(chunk_next(c, rows, &chunk));
	}
	if (format == RESULT_JSON) buf_c(&w->block, w->counts.rows ? "\n]\n" : "]\n");
	return writer_flush(c, w);
}

Err
result_write(struct ctx *c, const struct duck *d, duckdb_result *r, enum result_format format, const struct result_sink *sink,
             struct result_counts *ret_counts)
{
	struct writer w = {.sink = sink, .counts = {.columns = d->duckdb_column_count(r)}};
	struct rows rows;

	Err e = rows_init(c, d, r, &rows);
	buf_add(&w.block, "\0\0\0", HEAD);
	if (err_ok(e)) e = rows_write(c, &w, &rows, format);
	buf_fini(&w.block);
	*ret_counts = w.counts;
	return e;
}

static Err
file_write(struct ctx *c, struct writer *w, int file)
{
	for (;;) {
		buf_reserve(&w->block, BLOCK_BYTES);
		ssize_t n = read(file, w->block.p + HEAD, BLOCK_BYTES);
		if (n < 0 && errno == EINTR) continue;
		ENSURE(c, n >= 0, IO, "the result can't be read back: %s", strerror(errno));
		if (n == 0) return OK;
		w->block.n = HEAD + (size_t)n;
		TRY(writer_flush(c, w));
	}
}

Err
result_send_file(struct ctx *c, int file, const struct result_sink *sink, struct result_counts *ret_counts)
{
	struct writer w = {.sink = sink, .counts = *ret_counts};

	buf_add(&w.block, "\0\0\0", HEAD);
	Err e = file_write(c, &w, file);
	buf_fini(&w.block);
	*ret_counts = w.counts;
	return e;
}

/* --- documents --- */

static Err
document_rows(struct ctx *c, struct rows *rows, uint64_t max_rows, size_t max_bytes, struct buf *out)
{
	duckdb_data_chunk chunk;
	uint64_t n = 0;

	TRY(chunk_next(c, rows, &chunk));
	while (chunk) {
		idx_t size = rows->d->duckdb_data_chunk_get_size(chunk);
		for (idx_t row = 0; row < size && n < max_rows && out->n <= max_bytes; row++) {
			buf_c(out, n++ ? ",[" : "[");
			for (size_t i = 0; i < rows->column_count; i++) {
				if (i) buf_char(out, ',');
				value_put(out, &rows->columns[i].type, &rows->columns[i].view, row, AS_JSON);
			}
			buf_char(out, ']');
		}
		rows->d->duckdb_destroy_data_chunk(&chunk);
		if (n >= max_rows || out->n > max_bytes) return OK;
		TRY(chunk_next(c, rows, &chunk));
	}
	return OK;
}

Err
result_document(struct ctx *c, const struct duck *d, duckdb_result *r, uint64_t max_rows, size_t max_bytes, struct buf *out)
{
	size_t start = out->n;
	struct rows rows;

	TRY(rows_init(c, d, r, &rows));
	buf_c(out, "{\"columns\":[");
	for (size_t i = 0; i < rows.column_count; i++) {
		if (i) buf_char(out, ',');
		buf_json(out, rows.columns[i].name);
	}
	buf_c(out, "],\"rows\":[");
	TRY(document_rows(c, &rows, max_rows, start + max_bytes, out));
	ENSURE(c, out->n <= start + max_bytes, LIMIT, "the answer is larger than %zu bytes", max_bytes);
	buf_c(out, "]}");
	return OK;
}
