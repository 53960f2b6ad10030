#include "job/quality_build.h"

/* --- statistics --- */

enum { STAT_TEXT_MAX = 200 };

static void
statistics(struct build *b)
{
	b->stats_at = b->values;
	for (size_t i = 0; i < b->self->column_count; i++) {
		const struct quality_column *col = &b->self->columns[i];
		Str x = sql_ident(b->a, col->name), min = S("CAST(NULL AS VARCHAR)"), max = min;
		build_value(b, arena_printf(b->a, "count(*) - count(%.*s)", STR(x)));
		if (sql_has_order(col->type)) {
			min = arena_printf(b->a, "left(CAST(min(%.*s) AS VARCHAR), %d)", STR(x), STAT_TEXT_MAX);
			max = arena_printf(b->a, "left(CAST(max(%.*s) AS VARCHAR), %d)", STR(x), STAT_TEXT_MAX);
		}
		build_value(b, min);
		build_value(b, max);
	}
}

static size_t
stat_of(const struct build *b, Str column, size_t which)
{
	return b->stats_at + 3 * (size_t)(build_column(b, column) - b->self->columns) + which;
}

/* --- what the schema promises, column by column --- */

static void
required_check(struct build *b, const struct contract_property *p)
{
	Str x = sql_ident(b->a, p->name);
	struct quality_check *check = build_check(b, p->name, S("required"), arena_printf(b->a, "%.*s is never null", STR(p->name)));

	check->dimension = S("completeness");
	check->from = QUALITY_SCAN;
	check->index = stat_of(b, p->name, 0);
	check->rows_sql = build_rows(b, &p->name, 1, arena_printf(b->a, "%.*s IS NULL", STR(x)));
}

static void
unique_check(struct build *b, const struct contract_property *p)
{
	struct quality_check *check = build_check(b, p->name, S("unique"), arena_printf(b->a, "no %.*s comes twice", STR(p->name)));

	check->dimension = S("uniqueness");
	build_repeats(b, check, &p->name, 1, true);
}

static Str
allowed_title(struct build *b, const struct contract_property *p)
{
	BUF_AUTO t = BUF_INIT;

	if (p->allowed_count > 6) return arena_printf(b->a, "%.*s is one of %zu values", STR(p->name), p->allowed_count);
	buf_printf(&t, "%.*s is one of ", STR(p->name));
	for (size_t i = 0; i < p->allowed_count; i++) buf_printf(&t, "%s%.*s", i ? ", " : "", STR(p->allowed[i].text));
	return arena_str(b->a, buf_view(&t));
}

static void
allowed_check(struct build *b, const struct contract_property *p, Str type)
{
	struct quality_check *check = build_check(b, p->name, S("enum"), allowed_title(b, p));

	check->dimension = S("conformity");
	check->from = QUALITY_SCAN;
	check->index = build_value(b, sql_outside_count(b->a, p->name, type, p->allowed, p->allowed_count));
	check->rows_sql = build_rows(b, &p->name, 1, sql_outside(b->a, p->name, type, p->allowed, p->allowed_count));
}

/* One end of a range over `x`. Read off the smallest or largest value, which the statistics need anyhow. */
struct bound {
	const char *what, *words, *aggregate, *beyond; /* "minimum", "at least", "min", "<" */
	Str literal, shown_literal;
	Str x;      /* the column, or its length */
	bool shown; /* the statistics have the value */
	size_t shown_index;
};

static void
bound_check(struct build *b, const struct contract_property *p, const struct bound *o)
{
	Str title = arena_printf(b->a, "%.*s is %s %.*s", STR(p->name), o->words, STR(o->shown_literal));
	struct quality_check *check = build_check(b, p->name, str_c(o->what), title);
	Str extreme = arena_printf(b->a, "%s(%.*s)", o->aggregate, STR(o->x));

	check->dimension = S("conformity");
	check->from = QUALITY_SCAN;
	check->range = true;
	check->index =
	    build_value(b, arena_printf(b->a, "CASE WHEN %.*s %s %.*s THEN 1 ELSE 0 END", STR(extreme), o->beyond, STR(o->literal)));
	check->shown = o->shown ? o->shown_index : build_value(b, arena_printf(b->a, "CAST(%.*s AS VARCHAR)", STR(extreme)));
	check->rows_sql = build_rows(b, &p->name, 1, arena_printf(b->a, "%.*s %s %.*s", STR(o->x), o->beyond, STR(o->literal)));
}

static void
range_checks(struct build *b, const struct contract_property *p, Str type)
{
	const struct contract_options *o = &p->options;
	Str x = sql_ident(b->a, p->name);

	if (o->has_min)
		bound_check(b, p,
		    &(struct bound){"minimum", o->min_exclusive ? "greater than" : "at least", "min", o->min_exclusive ? "<=" : "<",
		        sql_literal(b->a, &o->min, type), o->min.text, x, true, stat_of(b, p->name, 1)});
	if (o->has_max)
		bound_check(b, p,
		    &(struct bound){"maximum", o->max_exclusive ? "less than" : "at most", "max", o->max_exclusive ? ">=" : ">",
		        sql_literal(b->a, &o->max, type), o->max.text, x, true, stat_of(b, p->name, 2)});
}

static Str
length_words(struct build *b, int64_t n)
{
	return arena_printf(b->a, "%lld character%s", (long long)n, n == 1 ? "" : "s");
}

static void
length_checks(struct build *b, const struct contract_property *p, Str type)
{
	const struct contract_options *o = &p->options;
	Str text = sql_as_text(b->a, p->name, type), x = arena_printf(b->a, "length(%.*s)", STR(text));

	if (o->has_min_length) {
		Str n = arena_printf(b->a, "%lld", (long long)o->min_length), words = length_words(b, o->min_length);
		bound_check(b, p, &(struct bound){"minLength", "at least", "min", "<", n, words, x, false, 0});
	}
	if (o->has_max_length) {
		Str n = arena_printf(b->a, "%lld", (long long)o->max_length), words = length_words(b, o->max_length);
		bound_check(b, p, &(struct bound){"maxLength", "at most", "max", ">", n, words, x, false, 0});
	}
}

static void
multiple_check(struct build *b, const struct contract_property *p, Str type)
{
	Str x = sql_ident(b->a, p->name), m = p->options.multiple_of;
	struct quality_check *check =
	    build_check(b, p->name, S("multipleOf"), arena_printf(b->a, "%.*s is a multiple of %.*s", STR(p->name), STR(m)));
	/* binary fractions are seldom exact multiples of decimal ones */
	Str condition = sql_is_float(type)
	    ? arena_printf(b->a, "abs(%.*s / %.*s - round(%.*s / %.*s)) > 1e-6", STR(x), STR(m), STR(x), STR(m))
	    : arena_printf(b->a, "%.*s %% %.*s <> 0", STR(x), STR(m));

	check->dimension = S("conformity");
	check->from = QUALITY_SCAN;
	check->index = build_value(b, arena_printf(b->a, "coalesce(count_if(%.*s), 0)", STR(condition)));
	check->rows_sql = build_rows(b, &p->name, 1, condition);
}

/* A pattern that is none must not take the scan down: a query of its own. */
static void
pattern_check(struct build *b, const struct contract_property *p, Str type)
{
	Str text = sql_as_text(b->a, p->name, type), pattern = sql_text(b->a, p->options.pattern), rel = b->self->relation;
	Str condition = arena_printf(b->a, "NOT regexp_matches(%.*s, %.*s)", STR(text), STR(pattern));
	struct quality_check *check =
	    build_check(b, p->name, S("pattern"), arena_printf(b->a, "%.*s matches %.*s", STR(p->name), STR(p->options.pattern)));

	check->dimension = S("conformity");
	check->from = QUALITY_QUERY;
	check->index = build_query(
	    b, (struct quality_query){.sql = arena_printf(b->a, "SELECT count(*) FROM %.*s WHERE %.*s", STR(rel), STR(condition))});
	check->rows_sql = build_rows(b, &p->name, 1, condition);
}

static bool
is_whole_key(const struct contract_table *t, const struct contract_property *p)
{
	return t->key_count == 1 && str_eq(t->key[0], p->name);
}

static Err
column_checks(struct build *b, const struct contract_property *p)
{
	const struct quality_column *col = build_column(b, p->name);

	ENSURE(b->c, col, INVALID, "table %.*s: column %.*s is missing", STR(b->t->name), STR(p->name));
	if (p->required || p->primary_key) required_check(b, p);
	if (p->unique && !is_whole_key(b->t, p)) unique_check(b, p);
	if (p->allowed_count) allowed_check(b, p, col->type);
	range_checks(b, p, col->type);
	length_checks(b, p, col->type);
	if (p->options.has_multiple_of) multiple_check(b, p, col->type);
	if (p->options.pattern.n) pattern_check(b, p, col->type);
	return build_rules(b, p, p->rules, p->rule_count);
}

/* --- what it promises of the table --- */

static void
key_check(struct build *b)
{
	const struct contract_table *t = b->t;
	BUF_AUTO title = BUF_INIT;

	if (t->key_count == 0) return;
	buf_c(&title, "no two rows have the same ");
	for (size_t i = 0; i < t->key_count; i++) buf_printf(&title, "%s%.*s", i ? ", " : "", STR(t->key[i]));
	struct quality_check *check = build_check(b, S(""), S("key"), arena_str(b->a, buf_view(&title)));
	check->dimension = S("uniqueness");
	build_repeats(b, check, t->key, t->key_count, false);
}

/* "a"."x" = "b"."y" AND … ; with the names of both sides in their order */
static Str
reference_match(struct arena *a, const struct contract_reference *r)
{
	BUF_AUTO b = BUF_INIT;

	for (size_t i = 0; i < r->count; i++) {
		Str x = sql_ident(a, r->columns[i]), y = sql_ident(a, r->to_columns[i]);
		buf_printf(&b, "%st.%.*s = s.%.*s", i ? " AND " : "", STR(y), STR(x));
	}
	return arena_str(a, buf_view(&b));
}

/* Rows whose reference leads nowhere. One with a null in it refers to nothing (SQL's MATCH SIMPLE). */
static void
reference_check(struct build *b, const struct contract_reference *r, size_t number)
{
	const struct quality_source *to = r->external.n ? NULL : build_source(b, r->to_table);
	struct quality_check *check =
	    build_check(b, r->count == 1 ? r->columns[0] : S(""), arena_printf(b->a, "reference%zu", number), r->text);
	struct arena *a = b->a;
	BUF_AUTO not_null = BUF_INIT;

	check->dimension = S("consistency");
	if (!to) {
		check->from = QUALITY_NOT_RUN;
		check->note = r->external.n ? S("references to other products are not checked in this version")
		                            : S("the table referred to has no data yet");
		return;
	}
	for (size_t i = 0; i < r->count; i++) {
		Str x = sql_ident(a, r->columns[i]);
		buf_printf(&not_null, "s.%.*s IS NOT NULL AND ", STR(x));
	}
	Str match = reference_match(a, r), rel = b->self->relation, columns = build_key_and(b, r->columns, r->count, "s.");
	Str from = arena_printf(a, "FROM %.*s AS s WHERE %sNOT EXISTS (SELECT 1 FROM %.*s AS t WHERE %.*s)", STR(rel), buf_z(&not_null),
	    STR(to->relation), STR(match));
	check->from = QUALITY_QUERY;
	check->index = build_query(b, (struct quality_query){.sql = arena_printf(a, "SELECT count(*) %.*s", STR(from))});
	check->rows_sql =
	    arena_printf(a, "SELECT s.file_index + 1 AS \"file\", s.file_row_number + 1 AS \"row\", %.*s %.*s ORDER BY 1, 2 LIMIT %d",
	        STR(columns), STR(from), QUALITY_ROWS_MAX);
}

static Err
build_all(struct build *b)
{
	const struct contract_table *t = b->t;

	build_value(b, S("count(*)"));
	statistics(b);
	key_check(b);
	for (size_t i = 0; i < t->column_count; i++) TRY(column_checks(b, &t->columns[i]));
	for (size_t i = 0; i < t->reference_count; i++) reference_check(b, &t->references[i], i + 1);
	return build_rules(b, NULL, t->rules, t->rule_count);
}

Err
quality_compile(
    struct ctx *c, const struct contract_table *t, const struct quality_source *sources, size_t n, const struct quality_plan **ret)
{
	BUF_AUTO scan = BUF_INIT;
	struct build b = {.c = c, .a = c->arena, .t = t, .sources = sources, .source_count = n, .scan = &scan};

	b.plan = NEW(c->arena, struct quality_plan);
	b.self = build_source(&b, t->name);
	ENSURE(c, b.self, INVALID, "table %.*s has no data to check", STR(t->name));
	buf_c(&scan, "SELECT ");
	TRY(build_all(&b));
	buf_printf(&scan, " FROM %.*s", STR(b.self->relation));
	b.plan->table = t->name;
	b.plan->scan_sql = arena_str(c->arena, buf_view(&scan));
	b.plan->value_count = b.values;
	b.plan->columns = b.self->columns;
	b.plan->column_count = b.self->column_count;
	b.plan->stats_index = b.stats_at;
	*ret = b.plan;
	return OK;
}
