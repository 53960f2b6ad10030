#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "job/quality_build.h"

static bool
number_of(Str text, double *ret)
{
	char z[64], *end;

	if (text.n == 0 || text.n >= sizeof z) return false;
	memcpy(z, text.p, text.n);
	z[text.n] = 0;
	double v = strtod(z, &end);
	if (*end || !isfinite(v)) return false;
	*ret = v;
	return true;
}

/* Does the number fulfil the operator? */
static bool
number_fulfils(enum rule_operator op, double v, double low, double high)
{
	switch (op) {
	case OPERATOR_BE: return v == low;
	case OPERATOR_NOT_BE: return v != low;
	case OPERATOR_GT: return v > low;
	case OPERATOR_GE: return v >= low;
	case OPERATOR_LT: return v < low;
	case OPERATOR_LE: return v <= low;
	case OPERATOR_BETWEEN: return v >= low && v <= high;
	case OPERATOR_NOT_BETWEEN: return v < low || v > high;
	default: return false;
	}
}

/* mustBe and mustNotBe of an SQL rule may want a text, a truth or null. */
static bool
text_fulfils(const struct quality_check *check, Str value)
{
	const struct contract_value *want = &check->operands[0];
	bool same = want->kind == VALUE_NULL ? value.p == NULL : value.p && str_eq(want->text, value);

	return (check->op == OPERATOR_NOT_BE) != same;
}

static Str
must_text(struct arena *a, const struct quality_check *k)
{
	static const char *const words[] = {"", "must be", "must not be", "must be greater than", "must be at least", "must be less than",
	    "must be at most", "must be between", "must not be between"};
	const char *unit = k->percent ? " %" : "";

	if (k->op == OPERATOR_BETWEEN || k->op == OPERATOR_NOT_BETWEEN)
		return arena_printf(a, "%s %.*s and %.*s%s", words[k->op], STR(k->operands[0].text), STR(k->operands[1].text), unit);
	return arena_printf(a, "%s %.*s%s", words[k->op], STR(k->operands[0].kind == VALUE_NULL ? S("null") : k->operands[0].text), unit);
}

struct judge {
	struct arena *a;
	const struct quality_answers *answers;
	double rows;
	bool rows_known;
};

static enum quality_outcome
outcome_of(const struct quality_check *k, bool fulfilled)
{
	bool soft = str_eqc(k->severity, "warning") || str_eqc(k->severity, "info");

	return fulfilled ? QUALITY_PASS : soft ? QUALITY_WARN : QUALITY_FAIL;
}

static void
judge_number(const struct judge *j, struct quality_result *r, double v)
{
	const struct quality_check *k = r->check;
	const char *unit = k->percent ? " %" : k->user_sql || (k->from == QUALITY_SCAN && k->index == 0) ? "" : v == 1 ? " row" : " rows";
	double low = 0, high = 0;

	if (k->percent) {
		v = j->rows > 0 ? 100 * v / j->rows : 0;
		r->value = arena_printf(j->a, "%.4g", v);
	}
	(void)number_of(k->operands[0].text, &low);
	(void)number_of(k->operands[1].text, &high);
	r->outcome = outcome_of(k, number_fulfils(k->op, v, low, high));
	r->message = r->outcome == QUALITY_PASS ? arena_printf(j->a, "%.*s%s", STR(r->value), unit)
	                                        : arena_printf(j->a, "%.*s%s; %.*s", STR(r->value), unit, STR(r->must));
}

static const char *
extreme_word(Str id)
{
	static const struct {
		const char *end, *word;
	} words[] = {{".minimum", "smallest"}, {".maximum", "largest"}, {".minLength", "shortest"}, {".maxLength", "longest"}};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_ends(id, str_c(words[i].end))) return words[i].word;
	return "outermost";
}

static void
judge_range(const struct judge *j, struct quality_result *r)
{
	Str extreme = j->answers->scan[r->check->shown].text;

	r->outcome = outcome_of(r->check, str_eqc(r->value, "0"));
	r->value = extreme.p ? arena_str(j->a, extreme) : S("");
	r->message = extreme.p ? arena_printf(j->a, "%s %.*s", extreme_word(r->check->id), STR(r->value)) : S("no values");
}

static void
judge_error(struct quality_result *r, Str why)
{
	r->outcome = QUALITY_ERROR;
	r->message = why;
}

static void
judge_value(const struct judge *j, struct quality_result *r, const struct quality_value *v)
{
	const struct quality_check *k = r->check;
	bool wants_number = k->operands[0].kind == VALUE_NUMBER;
	double number;

	if (v->error.n) return judge_error(r, arena_printf(j->a, "could not be run: %.*s", STR(v->error)));
	if (k->percent && !j->rows_known) return judge_error(r, S("the number of rows is not known"));
	if (!v->text.p && wants_number) return judge_error(r, S("the query gave no value"));
	r->value = v->text.p ? arena_str(j->a, v->text) : S("null");
	if (k->range) return judge_range(j, r);
	if (wants_number) {
		if (!number_of(v->text, &number)) return judge_error(r, S("the query gave something that is no number"));
		return judge_number(j, r, number);
	}
	r->outcome = outcome_of(k, text_fulfils(k, v->text));
	r->message = r->outcome == QUALITY_PASS ? r->value : arena_printf(j->a, "%.*s; %.*s", STR(r->value), STR(r->must));
}

static void
judge_one(const struct judge *j, const struct quality_plan *p, struct quality_result *r)
{
	const struct quality_check *k = r->check;
	Str hashes = S(""), key_hash = S("");

	r->value = r->rows_sql = r->must = S("");
	if (k->from == QUALITY_NOT_RUN) {
		r->outcome = QUALITY_SKIPPED;
		r->message = k->note;
		return;
	}
	if (!k->range) r->must = must_text(j->a, k);
	judge_value(j, r, k->from == QUALITY_SCAN ? &j->answers->scan[k->index] : &j->answers->queries[k->index]);
	if ((r->outcome != QUALITY_FAIL && r->outcome != QUALITY_WARN) || k->rows_sql.n == 0) return;
	if (k->from == QUALITY_QUERY) hashes = j->answers->queries[k->index].hashes, key_hash = p->queries[k->index].key_hash;
	r->rows_sql = build_narrowed(j->a, k->rows_sql, key_hash, hashes);
}

Err
quality_judge(struct ctx *c, const struct quality_plan *p, const struct quality_answers *answers, struct quality_report **ret)
{
	struct quality_report *r = NEW(c->arena, struct quality_report);
	struct judge j = {.a = c->arena, .answers = answers};

	*r = (struct quality_report){.plan = p, .table = p->table, .passed = true, .result_count = p->check_count, .scan = answers->scan};
	r->results = NEW_N(c->arena, p->check_count, struct quality_result);
	j.rows_known = answers->scan[0].error.n == 0 && number_of(answers->scan[0].text, &j.rows);
	(void)str_u64(answers->scan[0].text, &r->rows);
	for (size_t i = 0; i < p->check_count; i++) {
		struct quality_result *one = &r->results[i];
		one->check = &p->checks[i];
		judge_one(&j, p, one);
		bool soft = outcome_of(one->check, false) == QUALITY_WARN;
		if (one->outcome == QUALITY_FAIL || (one->outcome == QUALITY_ERROR && !soft)) r->passed = false;
	}
	/* without the scan nothing is known about the data, whatever the rules */
	if (!j.rows_known) r->passed = false;
	*ret = r;
	return OK;
}

void
quality_rows(
    struct ctx *c, struct quality_report *r, size_t i, const Str *columns, size_t column_count, const Str *values, size_t row_count)
{
	struct quality_result *one = &r->results[i];
	size_t rows = row_count < QUALITY_ROWS_MAX ? row_count : QUALITY_ROWS_MAX;
	Str *names = NEW_N(c->arena, column_count, Str), *cells = NEW_N(c->arena, rows * column_count, Str);

	for (size_t k = 0; k < column_count; k++) names[k] = arena_str(c->arena, columns[k]);
	for (size_t k = 0; k < rows * column_count; k++)
		if (values[k].p) cells[k] = arena_str(c->arena, values[k]);
	one->row_columns = names;
	one->row_column_count = column_count;
	one->row_values = cells;
	one->row_count = rows;
	if (!one->check->range || rows == 0) return;
	one->message = arena_printf(
	    c->arena, "%zu%s row%s; %.*s", rows, rows == QUALITY_ROWS_MAX ? " or more" : "", rows == 1 ? "" : "s", STR(one->message));
}
