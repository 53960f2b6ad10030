#include "job/quality_build.h"

Str
sql_ident(struct arena *a, Str name)
{
	BUF_AUTO b = BUF_INIT;

	buf_sql_ident(&b, name);
	return arena_str(a, buf_view(&b));
}

Str
sql_text(struct arena *a, Str s)
{
	BUF_AUTO b = BUF_INIT;

	buf_sql_text(&b, s);
	return arena_str(a, buf_view(&b));
}

bool
sql_is_float(Str type)
{
	return str_eqc(type, "DOUBLE") || str_eqc(type, "FLOAT");
}

/* Texts, and what is best compared as one. */
static bool
is_text(Str type)
{
	static const char *const names[] = {"VARCHAR", "UUID", "JSON"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_eqc(type, names[i])) return true;
	return str_starts(type, S("ENUM("));
}

static bool
is_moment(Str type)
{
	return str_starts(type, S("DATE")) || str_starts(type, S("TIME"));
}

static bool
is_number(Str type)
{
	return sql_is_float(type) || str_starts(type, S("DECIMAL(")) ||
	    (str_ends(type, S("INT")) || str_eqc(type, "INTEGER") || str_eqc(type, "UINTEGER"));
}

bool
sql_has_order(Str type)
{
	return is_text(type) || is_moment(type) || is_number(type) || str_eqc(type, "BOOLEAN");
}

Str
sql_as_text(struct arena *a, Str column, Str type)
{
	Str x = sql_ident(a, column);

	return str_eqc(type, "VARCHAR") ? x : arena_printf(a, "CAST(%.*s AS VARCHAR)", STR(x));
}

Str
sql_literal(struct arena *a, const struct contract_value *v, Str type)
{
	Str text = sql_text(a, v->text);

	switch (v->kind) {
	case VALUE_NULL: return S("NULL");
	case VALUE_BOOL:
	case VALUE_NUMBER: return v->text; /* JSON's numbers, true, false */
	default: return is_moment(type) ? arena_printf(a, "CAST(%.*s AS %.*s)", STR(text), STR(type)) : text;
	}
}

Str
sql_columns(struct arena *a, const Str *names, size_t n, const char *prefix)
{
	BUF_AUTO b = BUF_INIT;

	for (size_t i = 0; i < n; i++) {
		if (i) buf_c(&b, ", ");
		buf_c(&b, prefix);
		buf_sql_ident(&b, names[i]);
	}
	return arena_str(a, buf_view(&b));
}

/* Do the values compare with the column as they are, or only as texts? */
static bool
as_texts(Str type, const struct contract_value *values, size_t n)
{
	if (is_text(type)) return true;
	for (size_t i = 0; i < n; i++) {
		if (values[i].kind == VALUE_NULL) continue;
		if (values[i].kind == VALUE_NUMBER && is_number(type)) continue;
		if (values[i].kind == VALUE_BOOL && str_eqc(type, "BOOLEAN")) continue;
		return true;
	}
	return false;
}

static Str
value_list(struct arena *a, const struct contract_value *values, size_t n, bool texts)
{
	BUF_AUTO b = BUF_INIT;

	for (size_t i = 0; i < n; i++) {
		if (values[i].kind == VALUE_NULL) continue;
		if (b.n) buf_c(&b, ", ");
		if (texts)
			buf_sql_text(&b, values[i].text);
		else
			buf_str(&b, values[i].text);
	}
	return arena_str(a, buf_view(&b));
}

/* A function of the text and a constant: DuckDB runs it once per entry of a column's dictionary, where IN runs once per row. */
static Str
position(struct arena *a, Str column, Str type, const struct contract_value *values, size_t n)
{
	Str list = value_list(a, values, n, true), x = sql_as_text(a, column, type);

	return arena_printf(a, "list_position(CAST([%.*s] AS VARCHAR[]), %.*s)", STR(list), STR(x));
}

Str
sql_outside(struct arena *a, Str column, Str type, const struct contract_value *values, size_t n)
{
	Str x = sql_ident(a, column);

	if (as_texts(type, values, n)) {
		Str at = position(a, column, type, values, n);
		return arena_printf(a, "%.*s IS NOT NULL AND %.*s IS NULL", STR(x), STR(at));
	}
	Str list = value_list(a, values, n, false);
	return list.n ? arena_printf(a, "%.*s NOT IN (%.*s)", STR(x), STR(list)) : arena_printf(a, "%.*s IS NOT NULL", STR(x));
}

Str
sql_outside_count(struct arena *a, Str column, Str type, const struct contract_value *values, size_t n)
{
	Str x = sql_ident(a, column), in = sql_inside_count(a, column, type, values, n);

	return arena_printf(a, "count(%.*s) - %.*s", STR(x), STR(in));
}

Str
sql_inside(struct arena *a, Str column, Str type, const struct contract_value *values, size_t n)
{
	Str x = sql_ident(a, column);

	if (as_texts(type, values, n)) {
		Str at = position(a, column, type, values, n);
		return arena_printf(a, "%.*s IS NOT NULL", STR(at));
	}
	Str list = value_list(a, values, n, false);
	return list.n ? arena_printf(a, "%.*s IN (%.*s)", STR(x), STR(list)) : S("false");
}

Str
sql_inside_count(struct arena *a, Str column, Str type, const struct contract_value *values, size_t n)
{
	if (as_texts(type, values, n)) {
		Str at = position(a, column, type, values, n);
		return arena_printf(a, "count(%.*s)", STR(at));
	}
	Str in = sql_inside(a, column, type, values, n);
	return arena_printf(a, "coalesce(count_if(%.*s), 0)", STR(in));
}
