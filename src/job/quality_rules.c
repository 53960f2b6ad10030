#include "job/quality_build.h"

/* ${table}, ${column} and their older names, replaced by quoted names. */
static Err
placeholders(struct build *b, const struct contract_rule *r, const struct contract_property *p, Str *ret)
{
	BUF_AUTO out = BUF_INIT;
	Str rest = r->query, name;

	while (rest.n) {
		const char *at = memmem(rest.p, rest.n, "${", 2);
		if (!at) break;
		buf_add(&out, rest.p, (size_t)(at - rest.p));
		rest = str_of(at + 2, rest.n - (size_t)(at - rest.p) - 2);
		rest = str_cut(rest, '}', &name);
		ENSURE(b->c, rest.p, INVALID, "line %u: the query of the rule has '${' without '}'", r->line);
		if (str_eqc(name, "table") || str_eqc(name, "object") || str_eqc(name, "schema")) {
			buf_str(&out, b->self->relation);
		} else {
			bool column = p && (str_eqc(name, "column") || str_eqc(name, "property"));
			ENSURE(b->c, column, INVALID,
			    "line %u: the query of the rule names ${%.*s}; known are ${table} and, for a column's rule, ${column}", r->line,
			    STR(name));
			buf_sql_ident(&out, p->name);
		}
	}
	buf_str(&out, rest);
	Str sql = buf_view(&out);
	while (sql.n && strchr(" \t\r\n", sql.p[sql.n - 1])) sql.n--; /* of block texts */
	*ret = arena_str(b->a, sql);
	return OK;
}

static Err
sql_rule(struct build *b, const struct contract_property *p, const struct contract_rule *r, struct quality_check *check)
{
	struct quality_query q = {.user_sql = true};

	TRY(placeholders(b, r, p, &q.sql));
	check->user_sql = true;
	check->from = QUALITY_QUERY;
	check->index = build_query(b, q);
	return OK;
}

/* A pattern that is none must not take the other checks down: a query of its own. */
static void
own_count(struct build *b, struct quality_check *check, const Str *column, Str condition)
{
	Str rel = b->self->relation;

	check->from = QUALITY_QUERY;
	check->index = build_query(
	    b, (struct quality_query){.sql = arena_printf(b->a, "SELECT count(*) FROM %.*s WHERE %.*s", STR(rel), STR(condition))});
	check->rows_sql = build_rows(b, column, 1, condition);
}

static void
scan_count(struct build *b, struct quality_check *check, const Str *column, Str expression, Str condition)
{
	check->from = QUALITY_SCAN;
	check->index = build_value(b, expression);
	check->rows_sql = build_rows(b, column, 1, condition);
}

static void
missing_rule(struct build *b, const struct contract_property *p, const struct contract_rule *r, struct quality_check *check, Str type)
{
	Str x = sql_ident(b->a, p->name);
	bool null = !r->has_values;

	for (size_t i = 0; i < r->value_count; i++) null = null || r->values[i].kind == VALUE_NULL;
	Str nulls = null ? arena_printf(b->a, "count(*) - count(%.*s)", STR(x)) : S("0");
	Str in = sql_inside_count(b->a, p->name, type, r->values, r->value_count);
	Str is_in = sql_inside(b->a, p->name, type, r->values, r->value_count);
	Str expression = r->has_values ? arena_printf(b->a, "%.*s + %.*s", STR(nulls), STR(in)) : nulls;
	Str is_null = null ? arena_printf(b->a, "%.*s IS NULL", STR(x)) : S("false");
	Str condition = r->has_values ? arena_printf(b->a, "(%.*s OR %.*s)", STR(is_null), STR(is_in)) : is_null;
	scan_count(b, check, &p->name, expression, condition);
}

static void
invalid_rule(struct build *b, const struct contract_property *p, const struct contract_rule *r, struct quality_check *check, Str type)
{
	Str outside = sql_outside(b->a, p->name, type, r->values, r->value_count);

	if (r->pattern.n == 0) {
		Str count = sql_outside_count(b->a, p->name, type, r->values, r->value_count);
		scan_count(b, check, &p->name, count, outside);
		return;
	}
	Str text = sql_as_text(b->a, p->name, type), pattern = sql_text(b->a, r->pattern);
	Str not_like = arena_printf(b->a, "NOT regexp_matches(%.*s, %.*s)", STR(text), STR(pattern));
	own_count(b, check, &p->name, r->has_values ? arena_printf(b->a, "((%.*s) OR %.*s)", STR(outside), STR(not_like)) : not_like);
}

static void
library_rule(struct build *b, const struct contract_property *p, const struct contract_rule *r, struct quality_check *check)
{
	Str type = p ? build_column(b, p->name)->type : S("");

	switch (r->metric) {
	case METRIC_ROW_COUNT: check->from = QUALITY_SCAN, check->index = 0; break;
	case METRIC_DUPLICATE: build_repeats(b, check, p ? &p->name : r->columns, p ? 1 : r->column_count, p != NULL); break;
	case METRIC_INVALID: invalid_rule(b, p, r, check, type); break;
	case METRIC_MISSING: missing_rule(b, p, r, check, type); break;
	default: {
		Str x = sql_ident(b->a, p->name);
		scan_count(
		    b, check, &p->name, arena_printf(b->a, "count(*) - count(%.*s)", STR(x)), arena_printf(b->a, "%.*s IS NULL", STR(x)));
	}
	}
}

static Str
rule_title(struct build *b, const struct contract_property *p, const struct contract_rule *r)
{
	const char *metric = r->type == RULE_SQL ? "SQL rule" : r->type == RULE_LIBRARY ? rule_metric_name(r->metric) : "rule";

	if (r->description.n) return r->description;
	if (r->name.n) return r->name;
	return p ? arena_printf(b->a, "%.*s: %s", STR(p->name), metric) : str_c(metric);
}

static Err
rule_add(struct build *b, const struct contract_property *p, const struct contract_rule *r, size_t number)
{
	Str what = r->id.n ? r->id : arena_printf(b->a, "rule%zu", number);
	struct quality_check *check = build_check(b, p ? p->name : S(""), what, rule_title(b, p, r));

	if (r->severity.n) check->severity = r->severity;
	check->dimension = r->dimension;
	check->op = r->op;
	check->operands[0] = r->operands[0];
	check->operands[1] = r->operands[1];
	check->percent = r->percent;
	if (r->type == RULE_SQL) return sql_rule(b, p, r, check);
	if (r->type == RULE_LIBRARY) {
		library_rule(b, p, r, check);
		return OK;
	}
	check->from = QUALITY_NOT_RUN;
	check->note = r->type == RULE_TEXT ? S("a rule in words: nothing to compute") : S("rules of other engines are not run here");
	return OK;
}

Err
build_rules(struct build *b, const struct contract_property *p, const struct contract_rule *rules, size_t n)
{
	for (size_t i = 0; i < n; i++) TRY(rule_add(b, p, &rules[i], i + 1));
	return OK;
}
