/* Honesty about tables of which only aggregates were granted: a least value of means is not the least value. A measure may stand as the one
 * argument of count(), sum() and avg(), where means give what the values give; dimensions may stand anywhere. Which SELECT a name belongs
 * to is not resolved as the engine does it: where in doubt it is a measure, and the message says what to write. */
#include "query/sqlwalk.h"

const struct sql_shape *
shape_of(const struct gate *g, Str table)
{
	for (size_t i = 0; i < g->shape_count; i++)
		if (str_eq(g->shapes[i].table, table)) return &g->shapes[i];
	return NULL;
}

static bool
listed(const Str *list, size_t n, Str name)
{
	for (size_t i = 0; i < n; i++)
		if (str_ieq(list[i], name)) return true;
	return false;
}

static Str
joined(struct gate *g, const Str *list, size_t n)
{
	Str text = S("");

	for (size_t i = 0; i < n; i++) text = arena_printf(g->c->arena, "%.*s%s%.*s", STR(text), i ? ", " : "", STR(list[i]));
	return text;
}

static Err
refuse(struct gate *g, const struct sql_shape *s)
{
	Str measures = joined(g, s->measures, s->measure_count), dimensions = joined(g, s->dimensions, s->dimension_count);

	REFUSE(g, "%.*s is granted in aggregates only, of groups of %.*s: take count, sum or avg directly of %.*s%s%.*s%s", STR(s->table),
	       STR(s->least), STR(measures.n ? measures : S("nothing but rows")), dimensions.n ? ", and use " : "", STR(dimensions),
	       dimensions.n ? " as you like" : "");
}

static bool
is_called(const struct use *u, Str name)
{
	return u->alias.n ? str_ieq(u->alias, name) : str_ieq(u->name, name);
}

void
shape_function(struct gate *g, const json_t *v)
{
	const json_t *children = json_object_get(v, "children"), *only = json_array_get(children, 0);
	Str name = gate_lower(g, gate_text(v, "function_name"));

	if (!str_eqc(gate_text(v, "class"), "FUNCTION") || !gate_among("count sum avg mean", name) || json_array_size(children) != 1) return;
	if (json_is_false(json_object_get(v, "distinct")) && str_eqc(gate_text(only, "class"), "COLUMN_REF")) g->taken = only;
}

/* A column of the result goes before one of the table. */
void
shape_order(struct gate *g, const json_t *key, struct place at)
{
	const json_t *names = json_object_get(key, "column_names"), *list = at.frame ? json_object_get(at.frame->node, "select_list") : NULL;
	Str name = str_c(json_string_value(json_array_get(names, 0)));

	if (json_array_size(names) != 1) return;
	for (size_t i = 0; i < json_array_size(list); i++)
		if (name.n && str_ieq(gate_text(json_array_get(list, i), "alias"), name)) g->taken = key;
}

/* Before the last part stands the table, if anything does. */
Err
shape_column(struct gate *g, const json_t *parts, struct place at)
{
	size_t n = json_array_size(parts);
	Str last = str_c(json_string_value(json_array_get(parts, n - 1))), table = str_c(json_string_value(json_array_get(parts, n - 2)));

	if (g->shape_count == 0 || g->described || at.self == g->taken) return OK;
	if (n == 1) return shape_name(g, last, at);
	for (const struct frame *f = at.frame; f; f = f->up)
		for (const struct use *u = f->uses; u; u = u->next_in_frame)
			if (u->shape && is_called(u, table) && listed(u->shape->measures, u->shape->measure_count, last)) return refuse(g, u->shape);
	return OK;
}

Err
shape_name(struct gate *g, Str name, struct place at)
{
	if (g->shape_count == 0 || g->described) return OK;
	for (const struct frame *f = at.frame; f; f = f->up)
		for (const struct use *u = f->uses; u; u = u->next_in_frame) {
			if (!u->shape || listed(u->shape->dimensions, u->shape->dimension_count, name)) continue;
			if (is_called(u, name) || listed(u->shape->measures, u->shape->measure_count, name)) return refuse(g, u->shape);
		}
	return OK;
}

Err
shape_all(struct gate *g, const struct frame *f)
{
	for (const struct use *u = f->uses; u && !g->described; u = u->next_in_frame)
		if (u->shape && u->shape->measure_count) return refuse(g, u->shape);
	return OK;
}
