#include "core/product/check.h"

#include <stdlib.h>

#include "codec/json.h"

enum { REPLY_MAX = 16 << 20 };

/* --- one JSON document per statement --- */

struct answer {
	json_t *doc; /* owned */
	json_t *rows, *columns;
	Str error;
};

static Err
answer_read(struct ctx *c, Str text, struct answer *ret)
{
	struct answer a = {0};
	Str error;

	TRY(json_read(c, text, (struct json_limits){.bytes = REPLY_MAX, .depth = 8}, &a.doc));
	json_t *e = json_object_get(a.doc, "error");
	if (json_is_string(e)) {
		error = str_of(json_string_value(e), json_string_length(e));
		a.error = arena_str(c->arena, error.n ? error : S("the rule could not be run"));
	}
	a.rows = json_object_get(a.doc, "rows");
	a.columns = json_object_get(a.doc, "columns");
	if (!a.error.n && (!json_is_array(a.rows) || !json_is_array(a.columns))) {
		json_decref(a.doc);
		return err_set(c, ERR_INTERNAL, "the check gave no answer that can be read");
	}
	*ret = a;
	return OK;
}

/* A value as text; p == NULL for NULL. */
static Str
cell(struct arena *a, json_t *rows, size_t row, size_t column)
{
	json_t *v = json_array_get(json_array_get(rows, row), column);

	if (json_is_string(v)) return arena_str(a, str_of(json_string_value(v), json_string_length(v)));
	if (!v || json_is_null(v)) return (Str){0};
	char *text = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);
	if (!text) abort();
	Str s = arena_str(a, str_c(text));
	free(text);
	return s;
}

/* --- statements to run in one go --- */

struct statements {
	Str *pairs;
	size_t n, cap; /* of statements */
};

static Str
trust_of(bool user_sql)
{
	return user_sql ? S("user") : S("own");
}

static void
add_statement(struct arena *a, struct statements *s, Str trust, Str sql)
{
	if (s->n == s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 64;
		Str *pairs = NEW_N(a, 2 * cap, Str);
		if (s->n) memcpy(pairs, s->pairs, 2 * s->n * sizeof *pairs);
		s->pairs = pairs;
		s->cap = cap;
	}
	s->pairs[2 * s->n] = trust;
	s->pairs[2 * s->n + 1] = sql;
	s->n++;
}

static Err
run_statements(struct core *core, struct ctx *c, struct proc *p, const struct batch_table *tables, size_t n, const struct statements *s,
               struct answer **ret)
{
	Str *pairs = NEW_N(c->arena, 2 * n, Str);
	size_t k = 0;
	struct answer *answers = NEW_N(c->arena, s->n, struct answer);
	struct frame f;
	struct msg_W_CHECKED m;

	for (size_t i = 0; i < n; i++) {
		BUF_AUTO files = BUF_INIT;
		if (tables[i].closed) continue;
		for (size_t file = 0; file < tables[i].file_count; file++) {
			if (file) buf_char(&files, '\n');
			buf_str(&files, tables[i].files[file]);
		}
		pairs[k++] = tables[i].name;
		pairs[k++] = arena_str(c->arena, buf_view(&files));
	}
	TRY(ask(core, c, p->peer, W_CHECK, W_CHECKED, &f, .tables = {pairs, k}, .statements = {s->pairs, 2 * s->n},
	        .timeout_ms = core->limits.check_timeout_ms));
	TRY(msg_get_W_CHECKED(c, f.payload, &m));
	ENSURE(c, m.results.n == s->n, INTERNAL, "the check gave %zu answers to %zu questions", m.results.n, s->n);
	for (size_t i = 0; i < s->n; i++) TRY(answer_read(c, m.results.v[i], &answers[i]));
	*ret = answers;
	return OK;
}

static void
free_answers(struct answer *a, size_t n)
{
	for (size_t i = 0; a && i < n; i++) json_decref(a[i].doc);
}

/* --- columns --- */

static Err
read_schema(struct ctx *c, struct batch_table *t, size_t file, Str text)
{
	json_t *doc, *columns, *e;

	TRY(json_read(c, text, (struct json_limits){.bytes = REPLY_MAX, .depth = 8}, &doc));
	e = json_object_get(doc, "error");
	columns = json_object_get(doc, "columns");
	if (json_is_string(e) || !json_is_array(columns)) {
		Err bad = err_set(c, ERR_INVALID, "%.*s: %s", STR(t->file_names[file]), json_is_string(e) ? json_string_value(e) : "not readable");
		json_decref(doc);
		return bad;
	}
	size_t n = json_array_size(columns);
	struct contract_file_column *v = NEW_N(c->arena, n, struct contract_file_column);
	for (size_t i = 0; i < n; i++) {
		json_t *col = json_array_get(columns, i), *name = json_object_get(col, "name"), *type = json_object_get(col, "type");
		v[i] = (struct contract_file_column){.name = arena_str(c->arena, str_of(json_string_value(name), json_string_length(name))),
		                                     .type = arena_str(c->arena, str_of(json_string_value(type), json_string_length(type)))};
	}
	t->file_rows[file] = (uint64_t)json_integer_value(json_object_get(doc, "rows"));
	t->rows += t->file_rows[file];
	json_decref(doc);
	if (file == 0) {
		t->columns = v;
		t->column_count = n;
		return OK;
	}
	bool same = n == t->column_count;
	for (size_t i = 0; same && i < n; i++) same = str_ieq(v[i].name, t->columns[i].name) && str_eq(v[i].type, t->columns[i].type);
	ENSURE(c, same, CONTRACT, "%.*s has other columns than %.*s; all files of table %.*s must be alike", STR(t->file_names[file]),
	       STR(t->file_names[0]), STR(t->contract->name));
	return OK;
}

static Err
learn_columns(struct core *core, struct ctx *c, struct proc *p, struct batch_table *t)
{
	struct frame f;
	struct msg_W_SCHEMAS m;

	t->file_rows = NEW_N(c->arena, t->file_count, uint64_t);
	TRY(ask(core, c, p->peer, W_SCHEMA, W_SCHEMAS, &f, .files = {t->files, t->file_count}));
	TRY(msg_get_W_SCHEMAS(c, f.payload, &m));
	ENSURE(c, m.schemas.n == t->file_count, INTERNAL, "the check gave %zu schemas for %zu files", m.schemas.n, t->file_count);
	for (size_t i = 0; i < t->file_count; i++) TRY(read_schema(c, t, i, m.schemas.v[i]));
	return OK;
}

/* --- rules --- */

static struct quality_source *
sources_of(struct arena *a, const struct contract *contract, const struct batch_table *tables, size_t n)
{
	struct quality_source *v = NEW_N(a, n, struct quality_source);

	for (size_t i = 0; i < n; i++) {
		struct quality_column *columns = NEW_N(a, tables[i].column_count, struct quality_column);
		for (size_t k = 0; k < tables[i].column_count; k++)
			columns[k] = (struct quality_column){.name = tables[i].columns[k].name, .type = tables[i].columns[k].type};
		v[i] = (struct quality_source){.table = tables[i].contract->name,
		                               .relation = arena_printf(a, "\"%.*s\".\"%.*s\".\"%.*s\"", STR(contract->domain),
		                                                        STR(contract->product), STR(tables[i].contract->name)),
		                               .columns = columns, .column_count = tables[i].column_count, .hashes = true};
	}
	return v;
}

static struct quality_value
single_value(struct arena *arena, const struct answer *a)
{
	if (a->error.n) return (struct quality_value){.error = a->error};
	return (struct quality_value){.text = cell(arena, a->rows, 0, 0)};
}

/* A query whose answer may not be believed is asked in its dearer form. */
static Err
ask_otherwise(struct core *core, struct ctx *c, struct proc *p, const struct batch_table *tables, size_t n, const struct quality_plan *plan,
              struct quality_value *values)
{
	struct statements s = {0};
	struct answer *answers = NULL;
	size_t *which = NEW_N(c->arena, plan->query_count, size_t), k = 0;

	for (size_t i = 0; i < plan->query_count; i++) {
		const struct quality_query *q = &plan->queries[i];
		if (q->believe.n == 0 || (!values[i].error.n && str_eq(values[i].text, q->believe))) continue;
		which[k++] = i;
		add_statement(c->arena, &s, trust_of(q->user_sql), quality_otherwise(c->arena, q, values[i].text));
	}
	if (k == 0) return OK;
	TRY(run_statements(core, c, p, tables, n, &s, &answers));
	for (size_t i = 0; i < k; i++) {
		Str hashes = values[which[i]].hashes;
		values[which[i]] = single_value(c->arena, &answers[i]);
		values[which[i]].hashes = hashes;
	}
	free_answers(answers, s.n);
	return OK;
}

static Err
name_rows(struct core *core, struct ctx *c, struct proc *p, const struct batch_table *tables, size_t n, struct quality_report *r)
{
	struct statements s = {0};
	struct answer *answers = NULL;
	size_t *which = NEW_N(c->arena, r->result_count, size_t);

	for (size_t i = 0; i < r->result_count; i++) {
		const struct quality_result *res = &r->results[i];
		if ((res->outcome != QUALITY_FAIL && res->outcome != QUALITY_WARN) || res->check->rows_sql.n == 0) continue;
		which[s.n] = i;
		add_statement(c->arena, &s, trust_of(res->check->user_sql), res->rows_sql);
	}
	if (s.n == 0) return OK;
	TRY(run_statements(core, c, p, tables, n, &s, &answers));
	for (size_t i = 0; i < s.n; i++) {
		if (answers[i].error.n) continue;
		size_t columns = json_array_size(answers[i].columns), rows = json_array_size(answers[i].rows);
		if (rows > QUALITY_ROWS_MAX) rows = QUALITY_ROWS_MAX;
		Str *names = NEW_N(c->arena, columns, Str), *values = NEW_N(c->arena, columns * rows, Str);
		for (size_t k = 0; k < columns; k++) {
			json_t *name = json_array_get(answers[i].columns, k);
			names[k] = arena_str(c->arena, str_of(json_string_value(name), json_string_length(name)));
			for (size_t row = 0; row < rows; row++) values[row * columns + k] = cell(c->arena, answers[i].rows, row, k);
		}
		quality_rows(c, r, which[i], names, columns, values, rows);
	}
	free_answers(answers, s.n);
	return OK;
}

static Err
check_table(struct core *core, struct ctx *c, struct proc *p, const struct contract *k, struct batch_table *t,
            const struct batch_table *tables, size_t n)
{
	const struct quality_plan *plan;
	struct statements s = {0};
	struct answer *answers = NULL;

	TRY(quality_compile(c, t->contract, sources_of(c->arena, k, tables, n), n, &plan));
	add_statement(c->arena, &s, S("own"), plan->scan_sql);
	for (size_t i = 0; i < plan->query_count; i++)
		add_statement(c->arena, &s, plan->queries[i].hashes ? S("hashes") : trust_of(plan->queries[i].user_sql), plan->queries[i].sql);
	TRY(run_statements(core, c, p, tables, n, &s, &answers));
	struct quality_value *scan = NEW_N(c->arena, plan->value_count, struct quality_value);
	struct quality_value *queries = NEW_N(c->arena, plan->query_count, struct quality_value);
	for (size_t i = 0; i < plan->value_count; i++)
		scan[i] = answers[0].error.n ? (struct quality_value){.error = answers[0].error}
		                             : (struct quality_value){.text = cell(c->arena, answers[0].rows, 0, i)};
	for (size_t i = 0; i < plan->query_count; i++) {
		queries[i] = single_value(c->arena, &answers[i + 1]);
		if (plan->queries[i].hashes && !str_eqc(queries[i].text, "0")) queries[i].hashes = queries[i].text;
	}
	free_answers(answers, s.n);
	TRY(ask_otherwise(core, c, p, tables, n, plan, queries));
	TRY(quality_judge(c, plan, &(struct quality_answers){.scan = scan, .queries = queries}, &t->report));
	return name_rows(core, c, p, tables, n, t->report);
}

Err
batch_check(struct core *core, struct ctx *c, struct proc *p, const struct contract *k, struct batch_table *tables, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		tables[i].name = arena_printf(c->arena, "%.*s.%.*s.%.*s", STR(k->domain), STR(k->product), STR(tables[i].contract->name));
		if (!tables[i].kept) TRY(learn_columns(core, c, p, &tables[i]));
		TRY(contract_columns_check(c, tables[i].contract, tables[i].columns, tables[i].column_count, NULL));
	}
	for (size_t i = 0; i < n; i++)
		if (!tables[i].kept) TRY(check_table(core, c, p, k, &tables[i], tables, n));
	return OK;
}

bool
batch_passed(const struct batch_table *tables, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (tables[i].report && !tables[i].report->passed) return false;
	return true;
}
