#include "policy/shape.h"

#include <inttypes.h>

#include "policy/rows.h"

/* --- what suits --- */

bool
shape_is_dimension(const struct policy_terms *terms, Str column)
{
	for (size_t i = 0; i < terms->group_by_count; i++)
		if (str_ieq(terms->group_by[i], column)) return true;
	return false;
}

bool
shape_is_mean(const struct policy_terms *terms, Str column)
{
	return terms->min_group && !shape_is_dimension(terms, column);
}

/* Values that are equal look the same: else which of them stands for the cell would tell of a row. 30 days equal a month; a list may hold
 * -0.0, which equals 0. */
static bool
dimension_fits(Str type)
{
	return type_of(type).class != TYPE_OTHER || (type.n > 5 && str_ieq(str_of(type.p, 5), S("ENUM(")));
}

static bool
is_number(Str type)
{
	enum type_class class = type_of(type).class;

	return class >= TYPE_INTEGER && class <= TYPE_FLOAT;
}

const char *
shape_misfit(const struct policy_terms *terms, const struct policy_table *t, Str *ret_column)
{
	*ret_column = S("");
	if (terms->min_group == 0) return NULL;
	for (size_t i = 0; i < terms->group_by_count; i++) {
		const struct policy_column *col = rows_column(t, terms->group_by[i]);
		*ret_column = terms->group_by[i];
		if (!col) return "groups are made of a column that the table lacks";
		if (!dimension_fits(col->type)) return "groups can't be made of a column of this type";
	}
	*ret_column = terms->unit;
	if (terms->unit.n == 0) return NULL;
	if (!rows_column(t, terms->unit)) return "what is counted in a group is a column that the table lacks";
	return shape_is_dimension(terms, terms->unit) ? "groups are made of what is to be counted in them" : NULL;
}

bool
shape_shows(const struct policy_terms *terms, const struct policy_column *col, enum mask_kind mask)
{
	if (shape_is_dimension(terms, col->name)) return true;
	return !str_ieq(terms->unit, col->name) && is_number(policy_masked_type(col, mask));
}

bool
shape_rows_ok(const struct policy_terms *terms, const struct predicate *rows)
{
	if (!rows) return true;
	if (rows->op == PRED_NOT) return shape_rows_ok(terms, rows->left);
	if (rows->op > PRED_NOT) return shape_is_dimension(terms, rows->column);
	return shape_rows_ok(terms, rows->left) && shape_rows_ok(terms, rows->right);
}

Str
policy_shown_type(const struct policy_decision *d, const struct policy_column *col, enum mask_kind mask)
{
	return shape_is_mean(&d->terms, col->name) ? S("DOUBLE") : policy_masked_type(col, mask);
}

/* --- SQL ---
 * kept: the rows that pass the filter. rows: d0 … dimensions, m0 … numbers, u the unit. units: what each unit adds to each cell: n rows,
 * c0 … numbers that are there, s0 … their sums. cells: k units, k0 … units with such a number. Then each cell as n rows. */

struct shape {
	struct ctx *c;
	const struct policy_table *t;
	const struct policy_decision *d;
	const bool *columns;
	struct buf *out;
};

static bool
is_measure(const struct shape *s, size_t i)
{
	return s->columns[i] && !shape_is_dimension(&s->d->terms, s->t->columns[i].name);
}

/* Exactly summed? Then as it is; the sum of so many rows as there can be fits into 128 bits. */
static bool
is_exact(Str type)
{
	struct type_info t = type_of(type);

	return t.class == TYPE_INTEGER || (t.class == TYPE_DECIMAL && t.width <= 18);
}

/* d0, d1, …; with a comma in front when `lead`. */
static void
dimensions_put(const struct shape *s, bool lead)
{
	for (size_t i = 0; i < s->d->terms.group_by_count; i++) buf_printf(s->out, "%sd%zu", i || lead ? ", " : "", i);
}

/* For each number chosen: its place in the table between the parts. */
static void
each_measure(const struct shape *s, const char *const parts[], size_t n)
{
	for (size_t i = 0; i < s->t->column_count; i++) {
		if (!is_measure(s, i)) continue;
		for (size_t k = 0; k < n; k++) {
			buf_c(s->out, parts[k]);
			if (k + 1 < n) buf_printf(s->out, "%zu", i);
		}
	}
}
#define EACH_MEASURE(s, ...)                                                                                                   \
	do {                                                                                                                   \
		static const char *const parts_[] = {__VA_ARGS__};                                                             \
		each_measure((s), parts_, ARRAY_LEN(parts_));                                                                  \
	} while (0)

static Err
dimension_put(const struct shape *s, Str name, size_t number)
{
	const struct policy_column *col = rows_column(s->t, name);

	ENSURE(s->c, col, INTERNAL, "a group without its column");
	const struct policy_column_rule *rule = &s->d->columns[col - s->t->columns];
	ENSURE(s->c, !rule->hidden, INTERNAL, "a hidden column that groups are made of");
	bool real = type_of(policy_masked_type(col, rule->mask)).class == TYPE_FLOAT; /* adding 0 leaves one zero of two */
	buf_c(s->out, real ? "(" : "");
	TRY(policy_value_sql(s->c, col, rule->mask, s->out));
	buf_printf(s->out, "%s AS d%zu, ", real ? " + 0)" : "", number);
	return OK;
}

static Err
measure_put(const struct shape *s, size_t i)
{
	const struct policy_column *col = &s->t->columns[i];
	Str type = policy_masked_type(col, s->d->columns[i].mask);

	ENSURE(s->c, shape_shows(&s->d->terms, col, s->d->columns[i].mask), INTERNAL, "a column in an extract of groups that has no mean");
	buf_c(s->out, is_exact(type) ? "" : "CAST(");
	TRY(policy_value_sql(s->c, col, s->d->columns[i].mask, s->out));
	buf_printf(s->out, "%s AS m%zu, ", is_exact(type) ? "" : " AS DOUBLE)", i);
	return OK;
}

static Err
rows_put(const struct shape *s, Str from)
{
	const struct policy_terms *terms = &s->d->terms;

	buf_c(s->out, "WITH kept AS (FROM ");
	buf_str(s->out, from);
	if (s->d->rows) {
		buf_c(s->out, " WHERE ");
		TRY(policy_rows_sql(s->c, s->d->rows, s->t, s->out));
	}
	buf_c(s->out, "), rows AS (SELECT ");
	for (size_t i = 0; i < terms->group_by_count; i++) TRY(dimension_put(s, terms->group_by[i], i));
	for (size_t i = 0; i < s->t->column_count; i++)
		if (is_measure(s, i)) TRY(measure_put(s, i));
	if (terms->unit.n)
		buf_sql_ident(s->out, rows_column(s->t, terms->unit)->name);
	else
		buf_c(s->out, "1");
	buf_c(s->out, " AS u FROM kept), ");
	return OK;
}

static void
group_put(const struct shape *s, const char *more)
{
	dimensions_put(s, false);
	if (s->d->terms.group_by_count == 0 && !*more) buf_c(s->out, "()");
	buf_c(s->out, s->d->terms.group_by_count && *more ? ", " : "");
	buf_c(s->out, more);
}

/* Without a unit each row is one: then the first step counts all there is to count. */
static void
cells_put(const struct shape *s)
{
	bool unit = s->d->terms.unit.n > 0;

	buf_c(s->out, "units AS (SELECT count(*) AS n");
	dimensions_put(s, true);
	EACH_MEASURE(s, ", count(m", ") AS c", ", sum(m", ") AS s", "");
	buf_c(s->out, unit ? ", u FROM rows GROUP BY " : " FROM rows GROUP BY ");
	group_put(s, unit ? "u" : "");
	buf_printf(s->out, "), cells AS (SELECT CAST(sum(n) AS BIGINT) AS n, CAST(%s AS BIGINT) AS k", unit ? "count(u)" : "sum(n)");
	dimensions_put(s, true);
	EACH_MEASURE(s, ", CAST(sum(c", ") AS BIGINT) AS c", ", CAST(sum(s", ") AS DOUBLE) AS s", "");
	if (unit)
		EACH_MEASURE(s, ", count(u) FILTER (c", " > 0) AS k", "");
	else
		EACH_MEASURE(s, ", CAST(sum(c", ") AS BIGINT) AS k", "");
	buf_c(s->out, " FROM units GROUP BY ");
	group_put(s, "");
	buf_c(s->out, ") ");
}

static void
shown_put(const struct shape *s, size_t i)
{
	const struct policy_column *col = &s->t->columns[i];
	const struct policy_terms *terms = &s->d->terms;
	bool exact = is_exact(policy_masked_type(col, s->d->columns[i].mask));
	size_t number = 0;

	if (is_measure(s, i)) {
		buf_printf(s->out, "CASE WHEN k%zu >= %" PRIu32 " AND i < c%zu THEN ", i, terms->min_group, i);
		if (exact)
			buf_printf(s->out, "s%zu / c%zu END", i, i);
		else /* there are several forms of NaN, too */
			buf_printf(s->out, "CASE WHEN isnan(s%zu) THEN CAST('nan' AS DOUBLE) ELSE CAST(format('{:.11e}', s%zu / c%zu) AS DOUBLE) END END", i, i, i);
	} else {
		while (!str_ieq(terms->group_by[number], col->name)) number++;
		buf_printf(s->out, "d%zu", number);
	}
	buf_c(s->out, " AS ");
	buf_sql_ident(s->out, col->name);
}

Err
shape_sql(struct ctx *c, const struct policy_table *t, const struct policy_decision *d, const bool *columns, Str from, struct buf *out)
{
	struct shape s = {c, t, d, columns, out};
	size_t n = 0;
	Str column;
	const char *why = shape_misfit(&d->terms, t, &column);

	ENSURE(c, !why, INVALID, "%s: '%.*s'", why, STR(column));
	TRY(rows_put(&s, from));
	cells_put(&s);
	buf_c(out, "SELECT ");
	for (size_t i = 0; i < t->column_count; i++) {
		if (!columns[i]) continue;
		if (n++) buf_c(out, ", ");
		shown_put(&s, i);
	}
	buf_printf(out, " FROM cells, range(n) r(i) WHERE k >= %" PRIu32 " ORDER BY ", d->terms.min_group);
	dimensions_put(&s, false);
	buf_c(out, d->terms.group_by_count ? ", i" : "i");
	return OK;
}
