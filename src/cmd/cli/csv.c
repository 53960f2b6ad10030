#include "cmd/cli/csv.h"

#include <stdio.h>
#include <stdlib.h>

#include "cmd/cli/out.h"

static Str
field_text(const struct csv *v, const struct csv_field *f)
{
	return f->null ? S("NULL") : str_of(buf_view(&v->text).p + f->at, f->n);
}

static bool
is_numeric(const struct csv *v, const struct csv_field *f)
{
	Str s = str_of(buf_view(&v->text).p + f->at, f->n);

	if (f->null) return true;
	if (s.n && s.p[0] == '-') s.p++, s.n--;
	if (!s.n || s.n > 40) return false;
	for (size_t i = 0; i < s.n; i++)
		if (!memchr("0123456789.eE+-", s.p[i], 15)) return false;
	return s.p[0] >= '0' && s.p[0] <= '9';
}

static void
print_field(const struct csv *v, size_t column, Str s)
{
	size_t width = text_width(s), gap = width < v->widths[column] ? v->widths[column] - width : 0;
	bool last = column + 1 == v->columns;

	if (v->numeric[column]) printf("%*s", (int)gap, "");
	out_text(stdout, s);
	if (!v->numeric[column] && !last) printf("%*s", (int)gap, "");
	fputs(last ? "\n" : "  ", stdout);
}

static void
print_names(const struct csv *v)
{
	const char *name = v->names;

	for (size_t i = 0; i < v->columns; i++, name += strlen(name) + 1) print_field(v, i, str_c(name));
	for (size_t i = 0; i < v->columns; i++) {
		for (size_t j = 0; j < v->widths[i]; j++) fputs("─", stdout);
		fputs(i + 1 == v->columns ? "\n" : "  ", stdout);
	}
}

/* Print every whole row held and forget it. */
static void
flush_rows(struct csv *v)
{
	if (!v->settled) print_names(v);
	v->settled = true;
	for (size_t i = 0; i < v->row_start; i++) print_field(v, i % v->columns, field_text(v, &v->fields[i]));
	size_t used = v->row_start < v->field_count ? v->fields[v->row_start].at : v->field_start;
	buf_drop(&v->text, used);
	v->field_count -= v->row_start;
	memmove(v->fields, v->fields + v->row_start, v->field_count * sizeof(*v->fields));
	for (size_t i = 0; i < v->field_count; i++) v->fields[i].at -= used;
	v->field_start -= used;
	v->row_start = 0;
}

static Err
header_done(struct csv *v)
{
	BUF_AUTO names = BUF_INIT;

	v->columns = v->field_count;
	v->widths = mem_alloc(v->columns * sizeof(*v->widths));
	v->numeric = mem_alloc(v->columns * sizeof(*v->numeric));
	for (size_t i = 0; i < v->columns; i++) {
		Str s = str_of(buf_view(&v->text).p + v->fields[i].at, v->fields[i].n);
		v->widths[i] = text_width(s);
		v->numeric[i] = true;
		for (size_t j = 0; j < s.n; j++) buf_char(&names, s.p[j] ? s.p[j] : ' ');
		buf_char(&names, 0);
	}
	v->names = TAKE(names.p, NULL);
	v->field_count = v->row_start = v->field_start = 0;
	v->text.n = 0;
	return OK;
}

static Err
row_done(struct csv *v)
{
	size_t n = v->field_count - v->row_start;

	if (v->columns == 0) return header_done(v);
	ENSURE(v->c, n == v->columns, INVALID, "row %llu of the result has %zu fields, not %zu", (unsigned long long)v->rows + 1, n, v->columns);
	for (size_t i = 0; i < n && !v->settled; i++) {
		const struct csv_field *f = &v->fields[v->row_start + i];
		size_t width = text_width(field_text(v, f));
		if (width > v->widths[i]) v->widths[i] = width;
		v->numeric[i] &= is_numeric(v, f);
	}
	v->rows++;
	v->row_start = v->field_count;
	if (v->settled || v->rows == CSV_SHOWN) flush_rows(v);
	return OK;
}

static Err
field_done(struct csv *v)
{
	ENSURE(v->c, v->field_count - v->row_start < CSV_COLUMNS_MAX, INVALID, "the result has more than %d columns", CSV_COLUMNS_MAX);
	if (v->field_count == v->field_cap)
		v->fields = mem_resize(v->fields, (v->field_cap = v->field_cap ? v->field_cap * 2 : 256) * sizeof(*v->fields));
	size_t n = v->text.n - v->field_start;
	v->fields[v->field_count++] = (struct csv_field){v->field_start, n, n == 0 && !v->was_quoted};
	v->field_start = v->text.n;
	v->in_quotes = v->was_quoted = v->quote_seen = false;
	return OK;
}

static Err
one_byte(struct csv *v, char c)
{
	if (v->in_quotes && !v->quote_seen) {
		if (c == '"')
			v->quote_seen = true;
		else
			buf_char(&v->text, c);
	} else if (v->quote_seen && c == '"') {
		buf_char(&v->text, '"');
		v->quote_seen = false;
	} else if (c == ',') {
		return field_done(v);
	} else if (c == '\n') {
		TRY(field_done(v));
		return row_done(v);
	} else if (c == '"' && v->text.n == v->field_start) {
		v->in_quotes = v->was_quoted = true;
	} else if (c != '\r') {
		buf_char(&v->text, c);
	}
	return OK;
}

Err
csv_add(struct csv *v, Str bytes)
{
	for (size_t i = 0; i < bytes.n; i++) TRY(one_byte(v, bytes.p[i]));
	ENSURE(v->c, v->text.n < CSV_ROW_MAX, TOO_LARGE, "a row of the result is too long for a table; use --format csv");
	return OK;
}

Err
csv_end(struct csv *v)
{
	if (v->text.n > v->field_start || v->field_count > v->row_start || v->was_quoted) TRY(one_byte(v, '\n'));
	if (v->columns) flush_rows(v);
	return OK;
}

void
csv_fini(struct csv *v)
{
	buf_fini(&v->text);
	free(v->fields);
	free(v->widths);
	free(v->numeric);
	free(v->names);
	*v = (struct csv){0};
}
