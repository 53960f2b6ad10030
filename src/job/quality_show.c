#include "job/quality.h"

static const char *const outcome_names[] = {"pass", "fail", "warning", "error", "not run"};

static void
json_member(struct buf *out, const char *key, Str value)
{
	buf_printf(out, ",\"%s\":", key);
	buf_json(out, value);
}

static void
json_cell(struct buf *out, Str value)
{
	if (value.p)
		buf_json(out, value);
	else
		buf_c(out, "null");
}

/* The place of a row in the batch is a number, everything else the text that the data has. */
static void
json_field(struct buf *out, Str column, Str value)
{
	uint64_t n;

	if ((str_eqc(column, "file") || str_eqc(column, "row")) && str_u64(value, &n))
		buf_str(out, value);
	else
		json_cell(out, value);
}

static void
json_rows(const struct quality_result *r, struct buf *out)
{
	buf_c(out, ",\"rows\":[");
	for (size_t i = 0; i < r->row_count; i++) {
		buf_c(out, i ? ",{" : "{");
		for (size_t k = 0; k < r->row_column_count; k++) {
			if (k) buf_char(out, ',');
			buf_json(out, r->row_columns[k]);
			buf_char(out, ':');
			Str value = r->row_values[i * r->row_column_count + k];
			if (k < 2)
				json_field(out, r->row_columns[k], value);
			else
				json_cell(out, value);
		}
		buf_char(out, '}');
	}
	buf_char(out, ']');
}

/* A range tells a value of the data, and what an SQL rule tells nobody knows. */
static bool
tells_values(const struct quality_check *k)
{
	return k->range || k->user_sql;
}

static void
json_check(const struct quality_result *r, struct quality_show show, struct buf *out)
{
	const struct quality_check *k = r->check;
	bool bare = tells_values(k) && !show.statistics && !show.rows;

	buf_c(out, "{\"id\":");
	buf_json(out, k->id);
	json_member(out, "title", k->title);
	json_member(out, "column", k->column);
	json_member(out, "severity", k->severity);
	json_member(out, "dimension", k->dimension);
	json_member(out, "outcome", str_c(outcome_names[r->outcome]));
	json_member(out, "value", bare ? S("") : r->value);
	json_member(out, "must", r->must);
	json_member(out, "message", bare ? S("") : r->message);
	if (show.rows) json_rows(r, out);
	buf_char(out, '}');
}

static void
json_statistics(const struct quality_report *r, struct buf *out)
{
	const struct quality_plan *p = r->plan;

	buf_c(out, ",\"statistics\":[");
	for (size_t i = 0; i < p->column_count; i++) {
		const struct quality_value *v = &r->scan[p->stats_index + 3 * i];
		uint64_t nulls = 0;
		buf_c(out, i ? ",{\"column\":" : "{\"column\":");
		buf_json(out, p->columns[i].name);
		json_member(out, "type", p->columns[i].type);
		(void)str_u64(v[0].text, &nulls);
		buf_printf(out, ",\"nulls\":%llu,\"min\":", (unsigned long long)nulls);
		json_cell(out, v[1].text);
		buf_c(out, ",\"max\":");
		json_cell(out, v[2].text);
		buf_char(out, '}');
	}
	buf_char(out, ']');
}

void
quality_json(const struct quality_report *r, struct quality_show show, struct buf *out)
{
	buf_c(out, "{\"table\":");
	buf_json(out, r->table);
	buf_printf(out, ",\"rows\":%llu,\"passed\":%s,\"checks\":[", (unsigned long long)r->rows, r->passed ? "true" : "false");
	for (size_t i = 0; i < r->result_count; i++) {
		if (i) buf_char(out, ',');
		json_check(&r->results[i], show, out);
	}
	buf_char(out, ']');
	if (show.statistics) json_statistics(r, out);
	buf_char(out, '}');
}

/* --- for people --- */

static void
grouped(struct buf *out, uint64_t n)
{
	if (n >= 1000) {
		grouped(out, n / 1000);
		buf_printf(out, ",%03llu", (unsigned long long)(n % 1000));
	} else {
		buf_printf(out, "%llu", (unsigned long long)n);
	}
}

static size_t
count(const struct quality_report *r, enum quality_outcome o)
{
	size_t n = 0;

	for (size_t i = 0; i < r->result_count; i++) n += r->results[i].outcome == o;
	return n;
}

void
quality_summary(const struct quality_report *r, struct buf *out)
{
	size_t failed = count(r, QUALITY_FAIL), errors = count(r, QUALITY_ERROR), warnings = count(r, QUALITY_WARN);
	size_t run = r->result_count - count(r, QUALITY_SKIPPED);

	buf_printf(out, "%.*s: ", STR(r->table));
	grouped(out, r->rows);
	buf_c(out, r->rows == 1 ? " row, " : " rows, ");
	if (failed + errors == 0)
		buf_printf(out, "%zu checks passed", run - warnings);
	else
		buf_printf(out, "%zu of %zu checks failed", failed + errors, run);
	if (warnings) buf_printf(out, ", %zu warning%s", warnings, warnings == 1 ? "" : "s");
	if (run < r->result_count) buf_printf(out, ", %zu not run", r->result_count - run);
}

/* Characters, not bytes, so that columns line up. */
static size_t
width(Str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) n += (s.p[i] & 0xc0) != 0x80;
	return n;
}

static void
padded(struct buf *out, Str s, size_t to)
{
	buf_str(out, s);
	for (size_t n = width(s); n < to; n++) buf_char(out, ' ');
}

/* One line whatever the text holds: no control characters reach a terminal. */
static void
plain(struct buf *out, Str s)
{
	for (size_t i = 0; i < s.n; i++) buf_char(out, (unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f ? ' ' : s.p[i]);
}

static void
text_rows(const struct quality_result *r, struct buf *out)
{
	for (size_t i = 0; i < r->row_count; i++) {
		buf_c(out, "           ");
		for (size_t k = 0; k < r->row_column_count; k++) {
			Str v = r->row_values[i * r->row_column_count + k];
			if (k) buf_c(out, k == 2 ? ": " : ", ");
			plain(out, r->row_columns[k]);
			buf_char(out, ' ');
			plain(out, v.p ? v : S("null"));
		}
		buf_char(out, '\n');
	}
}

enum { TITLE_MAX = 64 };

void
quality_text(const struct quality_report *r, struct quality_show show, struct buf *out)
{
	size_t widest = 0;

	for (size_t i = 0; i < r->result_count; i++) {
		size_t n = width(r->results[i].check->title);
		if (n > widest && n <= TITLE_MAX) widest = n;
	}
	quality_summary(r, out);
	buf_char(out, '\n');
	for (size_t i = 0; i < r->result_count; i++) {
		const struct quality_result *one = &r->results[i];
		BUF_AUTO title = BUF_INIT;
		plain(&title, one->check->title);
		buf_c(out, "  ");
		padded(out, str_c(outcome_names[one->outcome]), 7);
		buf_c(out, "  ");
		padded(out, buf_view(&title), widest);
		buf_c(out, "  ");
		if (!tells_values(one->check) || show.statistics || show.rows) plain(out, one->message);
		while (out->n && out->p[out->n - 1] == ' ') out->n--;
		buf_char(out, '\n');
		if (show.rows) text_rows(one, out);
	}
}
