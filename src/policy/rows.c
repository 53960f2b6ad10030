#include "policy/rows.h"

#include <math.h>
#include <stdlib.h>

const struct policy_column *
rows_column(const struct policy_table *t, Str name)
{
	for (size_t i = 0; i < t->column_count; i++)
		if (str_ieq(t->columns[i].name, name)) return &t->columns[i];
	return NULL;
}

/* Only pairs where DuckDB converts the constant and never the column: converting the column could fail on a row. */
static bool
comparable(enum type_class class, enum pred_literal_kind kind)
{
	switch (kind) {
	case PRED_NUMBER: return class >= TYPE_INTEGER && class <= TYPE_FLOAT;
	case PRED_DATE: return class >= TYPE_DATE && class <= TYPE_TIMESTAMP_TZ;
	case PRED_BOOL: return class == TYPE_BOOL;
	case PRED_TEXT: return class == TYPE_TEXT || class == TYPE_OTHER || class == TYPE_TIME || class == TYPE_UUID || class == TYPE_BLOB;
	}
	return false;
}

/* A decimal number to the last byte: it is pasted as it stands. */
static bool
finite_number(Str text)
{
	char z[48], *end;

	if (text.n == 0 || text.n >= sizeof z) return false;
	memcpy(z, text.p, text.n);
	z[text.n] = 0;
	return strspn(z, "-+.eE0123456789") == text.n && isfinite(strtod(z, &end)) && end == z + text.n;
}

static const char *
literal_misfit(const struct pred_literal *l, enum type_class class)
{
	if (l->text.n && !str_is_utf8(l->text)) return "a constant is not text";
	if (!comparable(class, l->kind)) return "the type does not suit the constant";
	return l->kind == PRED_NUMBER && !finite_number(l->text) ? "a number is out of range" : NULL;
}

static bool
count_suits(const struct predicate *p)
{
	switch (p->op) {
	case PRED_IS_NULL:
	case PRED_NOT_NULL: return p->literal_count == 0;
	case PRED_BETWEEN:
	case PRED_NOT_BETWEEN: return p->literal_count == 2;
	case PRED_IN:
	case PRED_NOT_IN: return p->literal_count >= 1;
	case PRED_LIKE:
	case PRED_NOT_LIKE: return p->literal_count == 1 && p->literals[0].kind == PRED_TEXT;
	case PRED_EQ:
	case PRED_NE:
	case PRED_LT:
	case PRED_LE:
	case PRED_GT:
	case PRED_GE: return p->literal_count == 1;
	case PRED_AND:
	case PRED_OR:
	case PRED_NOT: break;
	}
	return false;
}

const char *
rows_misfit(const struct predicate *p, const struct policy_table *t, Str *ret_column)
{
	if (!p) return "the row filter is damaged";
	if (p->op == PRED_NOT) return rows_misfit(p->left, t, ret_column);
	if (p->op == PRED_AND || p->op == PRED_OR) {
		const char *left = rows_misfit(p->left, t, ret_column);
		return left ? left : rows_misfit(p->right, t, ret_column);
	}
	*ret_column = p->column;
	const struct policy_column *col = rows_column(t, p->column);
	if (!col) return "the table lacks the column";
	if (!count_suits(p)) return "an unknown comparison";
	enum type_class class = type_of(col->type).class;
	for (size_t i = 0; i < p->literal_count; i++) {
		const char *why = literal_misfit(&p->literals[i], class);
		if (why) return why;
	}
	return NULL;
}
