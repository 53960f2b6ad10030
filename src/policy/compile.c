#include "policy/policy.h"
#include "policy/rows.h"
#include "policy/shape.h"
#include "policy/type.h"

/* --- rows --- */

static size_t
digits_of(Str number)
{
	size_t n = 0;

	for (size_t i = 0; i < number.n; i++) n += number.p[i] >= '0' && number.p[i] <= '9';
	return n;
}

/* DuckDB brings both sides of a comparison to one type. Where that could be a decimal too narrow for the column, reading a row
 * could fail: there the constant is made a double, to which every number converts. */
static bool
needs_double(Str number, struct type_info t)
{
	const char *point = memchr(number.p, '.', number.n);
	bool scientific = memchr(number.p, 'e', number.n) || memchr(number.p, 'E', number.n);

	if (t.class == TYPE_FLOAT || scientific) return false; /* a double already */
	if (digits_of(number) > 18) return true;
	if (t.class == TYPE_HUGE) return point != NULL;
	if (t.class == TYPE_UHUGE) return point || number.p[0] == '-'; /* brought to 64 bits with a negative constant */
	if (t.class != TYPE_DECIMAL) return false;
	unsigned after = point ? (unsigned)(number.p + number.n - point - 1) : 0;
	unsigned before = t.width - t.scale > 19 ? t.width - t.scale : 19;
	return before + (after > t.scale ? after : t.scale) > 38;
}

static void
literal_sql(const struct pred_literal *l, struct type_info t, struct buf *out)
{
	if (l->kind == PRED_NUMBER) {
		bool wide = needs_double(l->text, t);
		if (wide) buf_c(out, "CAST('");
		buf_str(out, l->text);
		if (wide) buf_c(out, "' AS DOUBLE)");
	} else if (l->kind == PRED_BOOL) {
		buf_c(out, str_eqc(l->text, "true") ? "TRUE" : "FALSE");
	} else {
		if (l->kind == PRED_DATE) buf_c(out, "DATE ");
		buf_sql_text(out, l->text);
	}
}

/* What the column is made before it is compared, where every value of it can be: text for what is no text; microseconds, because
 * not every day can be written in nanoseconds. NULL: nothing. */
static const char *
cast_of(const struct predicate *p, struct type_info t)
{
	if (p->literal_count == 0) return NULL;
	if (p->literals[0].kind == PRED_TEXT && t.class != TYPE_TEXT) return "VARCHAR";
	return t.class == TYPE_TIMESTAMP_NS ? "TIMESTAMP" : NULL;
}

static void
test_sql(const struct predicate *p, const struct policy_table *t, struct buf *out)
{
	static const char *const words[] = {
	    [PRED_EQ] = " = ", [PRED_NE] = " <> ", [PRED_LT] = " < ", [PRED_LE] = " <= ", [PRED_GT] = " > ", [PRED_GE] = " >= ",
	    [PRED_IN] = " IN (", [PRED_NOT_IN] = " NOT IN (", [PRED_BETWEEN] = " BETWEEN ", [PRED_NOT_BETWEEN] = " NOT BETWEEN ",
	    [PRED_IS_NULL] = " IS NULL", [PRED_NOT_NULL] = " IS NOT NULL", [PRED_LIKE] = " LIKE ", [PRED_NOT_LIKE] = " NOT LIKE "};
	const struct policy_column *col = rows_column(t, p->column);
	struct type_info info = type_of(col->type);
	bool list = p->op == PRED_IN || p->op == PRED_NOT_IN;
	const char *cast = cast_of(p, info);

	buf_c(out, cast ? "(CAST(" : "(");
	buf_sql_ident(out, col->name);
	if (cast) buf_printf(out, " AS %s)", cast);
	buf_c(out, words[p->op]);
	for (size_t i = 0; i < p->literal_count; i++) {
		if (i) buf_c(out, list ? ", " : " AND ");
		literal_sql(&p->literals[i], info, out);
	}
	buf_c(out, list ? "))" : ")");
}

/* Brackets everywhere: no reliance on DuckDB's precedence being ours. */
static void
rows_sql(const struct predicate *p, const struct policy_table *t, struct buf *out)
{
	if (p->op > PRED_NOT) {
		test_sql(p, t, out);
		return;
	}
	buf_c(out, p->op == PRED_NOT ? "(NOT " : "(");
	rows_sql(p->left, t, out);
	if (p->op != PRED_NOT) {
		buf_c(out, p->op == PRED_AND ? " AND " : " OR ");
		rows_sql(p->right, t, out);
	}
	buf_char(out, ')');
}

static Err
name_check(struct ctx *c, Str name)
{
	ENSURE(c, name.n > 0 && str_is_utf8(name), INVALID, "a column's name is not text");
	return OK;
}

Err
policy_rows_sql(struct ctx *c, const struct predicate *p, const struct policy_table *t, struct buf *out)
{
	Str column = S("");
	const char *why = rows_misfit(p, t, &column);

	ENSURE(c, !why, INVALID, "row filter, column '%.*s': %s", STR(column), why);
	for (size_t i = 0; i < t->column_count; i++) TRY(name_check(c, t->columns[i].name));
	rows_sql(p, t, out);
	return OK;
}

/* --- columns --- */

/* A constant of the column's own type. The type's text is pasted only when type_of() knows it to the letter. */
static bool
constant_sql(const struct policy_column *col, struct buf *out)
{
	static const char *const constants[] = {
	    [TYPE_INTEGER] = "0", [TYPE_HUGE] = "0", [TYPE_UHUGE] = "0", [TYPE_DECIMAL] = "0", [TYPE_FLOAT] = "0", [TYPE_BOOL] = "FALSE",
	    [TYPE_DATE] = "DATE '1970-01-01'", [TYPE_TIMESTAMP] = "TIMESTAMP '1970-01-01 00:00:00'",
	    [TYPE_TIMESTAMP_NS] = "TIMESTAMP '1970-01-01 00:00:00'",
	    [TYPE_TIMESTAMP_TZ] = "TIMESTAMPTZ '1970-01-01 00:00:00+00'", [TYPE_TIME] = "TIME '00:00:00'",
	    [TYPE_UUID] = "'00000000-0000-0000-0000-000000000000'", [TYPE_BLOB] = "''"};
	enum type_class class = type_of(col->type).class;

	if (class == TYPE_TEXT) {
		buf_c(out, "'***'");
		return true;
	}
	if (class >= ARRAY_LEN(constants) || !constants[class]) return false;
	buf_c(out, "CAST(");
	buf_c(out, constants[class]);
	buf_c(out, " AS ");
	buf_str(out, col->type);
	buf_char(out, ')');
	return true;
}

static void
null_sql(Str name, struct buf *out)
{
	buf_c(out, "CASE WHEN FALSE THEN "); /* NULL of the column's type, whatever that is */
	buf_sql_ident(out, name);
	buf_c(out, " END");
}

static void
last_four_sql(Str name, struct buf *out)
{
	BUF_AUTO ident = BUF_INIT;

	buf_sql_ident(&ident, name);
	const char *x = buf_z(&ident);
	buf_printf(out, "CASE WHEN length(%s) > 4 THEN repeat('*', length(%s) - 4) || right(%s, 4) ELSE repeat('*', length(%s)) END", x, x,
	    x, x);
}

/* Years whose first of January every day and time type can hold; what lies outside becomes NULL. (date_trunc() fails at the ends of
 * the calendar, even within TRY when the optimizer gets to it.) */
static void
year_sql(const struct policy_column *col, struct buf *out)
{
	bool nanoseconds = type_of(col->type).class == TYPE_TIMESTAMP_NS;

	buf_c(out, "CASE WHEN year(");
	buf_sql_ident(out, col->name);
	buf_c(out, nanoseconds ? ") BETWEEN 1678 AND 2261 THEN CAST(make_date(year(" : ") BETWEEN 1 AND 9999 THEN CAST(make_date(year(");
	buf_sql_ident(out, col->name);
	buf_c(out, "), 1, 1) AS ");
	buf_str(out, col->type); /* known to the letter: mask_fits() */
	buf_c(out, ") END");
}

static void
masked_sql(const struct policy_column *col, enum mask_kind mask, struct buf *out)
{
	if (!mask_fits(mask, col->type)) mask = MASK_NULL;
	if (mask == MASK_NONE) {
		buf_sql_ident(out, col->name);
	} else if (mask == MASK_LAST_FOUR) {
		last_four_sql(col->name, out);
	} else if (mask == MASK_YEAR) {
		year_sql(col, out);
	} else if (mask == MASK_HASH) {
		buf_c(out, "heddle_hash(CAST(");
		buf_sql_ident(out, col->name);
		buf_c(out, " AS VARCHAR))");
	} else if (mask != MASK_CONSTANT || !constant_sql(col, out)) {
		null_sql(col->name, out);
	}
}

Err
policy_value_sql(struct ctx *c, const struct policy_column *col, enum mask_kind mask, struct buf *out)
{
	ENSURE(c, mask < MASK_KIND_COUNT, INVALID, "an unknown mask on column '%.*s'", STR(col->name));
	TRY(name_check(c, col->name));
	masked_sql(col, mask, out);
	return OK;
}

Err
policy_column_sql(struct ctx *c, const struct policy_column *col, enum mask_kind mask, struct buf *out)
{
	TRY(policy_value_sql(c, col, mask, out));
	buf_c(out, " AS ");
	buf_sql_ident(out, col->name);
	return OK;
}

/* --- the whole of an extract --- */

static Err
rows_plain(struct ctx *c, const struct policy_table *t, const struct policy_decision *d, const bool *columns, Str from, struct buf *out)
{
	size_t n = 0;

	buf_c(out, "FROM ");
	buf_str(out, from);
	buf_c(out, " SELECT ");
	for (size_t i = 0; i < t->column_count; i++) {
		if (!columns[i]) continue;
		if (n++) buf_c(out, ", ");
		TRY(policy_column_sql(c, &t->columns[i], d->columns[i].mask, out));
	}
	if (!d->rows) return OK;
	buf_c(out, " WHERE ");
	return policy_rows_sql(c, d->rows, t, out);
}

Err
policy_extract_sql(struct ctx *c, const struct policy_table *t, const struct policy_decision *d, const bool *columns, Str from,
                   struct buf *out)
{
	size_t n = 0;

	for (size_t i = 0; i < t->column_count; i++) {
		ENSURE(c, !columns[i] || !d->columns[i].hidden, INTERNAL, "a hidden column in an extract");
		n += columns[i];
	}
	ENSURE(c, n > 0, INTERNAL, "an extract of no columns");
	return d->terms.min_group ? shape_sql(c, t, d, columns, from, out) : rows_plain(c, t, d, columns, from, out);
}
