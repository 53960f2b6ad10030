#include "query/sqlgate.h"

#include <assert.h>
#include <stdlib.h>

#include "query/sqlwalk.h"

static void
name_add(struct gate *g, struct map *set, Str name)
{
	static char present;

	if (name.n > 0) map_put(set, gate_lower(g, name), &present);
}

/* --- walkers of simple things --- */

static Err
falsity(struct gate *g, const json_t *v, struct place at UNUSED)
{
	if (!json_is_false(v)) REFUSE(g, "this form of statement is not known");
	return OK;
}

static Err
nothing(struct gate *g, const json_t *v, struct place at UNUSED)
{
	if (!json_is_null(v) && !(json_is_array(v) && json_array_size(v) == 0))
		REFUSE(g, "%s", "AT (VERSION …) and other choices of a snapshot are not available");
	return OK;
}

static Err
name(struct gate *g, const json_t *v, struct place at UNUSED)
{
	if (!json_is_string(v)) REFUSE(g, "this form of statement is not known");
	name_add(g, &g->names, str_of(json_string_value(v), json_string_length(v)));
	return OK;
}

static Err list_name(struct gate *g, const json_t *v, struct place at) { return gate_each(g, v, at, name); }

static Err
using_name(struct gate *g, const json_t *v, struct place at)
{
	TRY(name(g, v, at));
	return shape_name(g, str_of(json_string_value(v), json_string_length(v)), at);
}

static Err list_using(struct gate *g, const json_t *v, struct place at) { return gate_each(g, v, at, using_name); }

static Err
column_names(struct gate *g, const json_t *v, struct place at)
{
	size_t n = json_is_array(v) ? json_array_size(v) : 0;

	TRY(list_name(g, v, at));
	if (n == 0) REFUSE(g, "this form of statement is not known");
	const json_t *last = json_array_get(v, n - 1);
	name_add(g, &g->rows, str_of(json_string_value(last), json_string_length(last)));
	return shape_column(g, v, at);
}

/* f in a.f(…) may be a method of column, field or row a. */
static Err
method_of(struct gate *g, const json_t *v, struct place at)
{
	if (json_is_string(v) && strcmp(json_string_value(v), "main") == 0) return OK; /* the parser's own calls */
	TRY(name(g, v, at));
	name_add(g, &g->rows, str_of(json_string_value(v), json_string_length(v)));
	return shape_name(g, str_of(json_string_value(v), json_string_length(v)), at);
}

static Err
look_all(struct gate *g UNUSED, const json_t *v UNUSED, struct place at)
{
	at.frame->all = true;
	return OK;
}

/* t.*: the rows of table t, or the fields of column t. */
static Err
relation(struct gate *g, const json_t *v, struct place at)
{
	TRY(method_of(g, v, at));
	if (memchr(json_string_value(v), '.', json_string_length(v))) at.frame->all = true;
	return OK;
}

static Err
look_star(struct gate *g UNUSED, const json_t *v, struct place at)
{
	if (gate_text(v, "relation_name").n == 0) at.frame->all = true;
	return OK;
}

/* --- functions --- */

static const char *const functions[] = {
#define SQL_FUNCTION(name) name,
#include "query/functions.def"
#undef SQL_FUNCTION
};
static const char *const table_functions[] = {"generate_series", "json_each", "json_tree", "range", "unnest"};

static int compare_names(const void *a, const void *b) { return strcmp(a, *(const char *const *)b); }

static Err
function_known(struct gate *g, const json_t *v, const char *const *list, size_t n)
{
	Str raw = gate_text(v, "function_name"), f = gate_lower(g, raw);

	if (!f.n || strlen(f.p) != f.n || !bsearch(f.p, list, n, sizeof *list, compare_names))
		REFUSE(g, "the function %.*s is not available", STR(raw));
	return OK;
}

static Err
look_function(struct gate *g, const json_t *v, struct place at UNUSED)
{
	shape_function(g, v);
	return function_known(g, v, functions, ARRAY_LEN(functions));
}

/* --- expressions --- */

static Walk expr, expr_opt, list_expr, list_order, list_case, list_replace, list_pivot, list_row, list_modifier, modifier, sample;
static Walk statement, node, node_shown, node_recursive, from, table_function, look_table, look_join, look_show;

#define EXPR(class, types, look, ...) {class, types, look, {__VA_ARGS__}},
static const struct shape exprs[] = {
#include "query/sqlast.def"
};
#undef EXPR

static const char *const expr_head[] = {"class", "type", "alias", "query_location", NULL};

static Err
expr(struct gate *g, const json_t *v, struct place at)
{
	Str class = gate_text(v, "class");
	size_t head = gate_head(g, v, expr_head);
	const struct shape *s = gate_shape_find(exprs, ARRAY_LEN(exprs), class);

	if (str_eqc(class, "PARAMETER")) REFUSE(g, "parameters ($1, ?) are not available: write the value");
	if (!s) REFUSE(g, "%.*s is not allowed here", STR(class));
	TRY(gate_descend(g));
	TRY(gate_shape(g, v, at, s, head));
	g->depth--;
	return OK;
}

static Err expr_opt(struct gate *g, const json_t *v, struct place at) { return json_is_null(v) ? OK : expr(g, v, at); }
static Err list_expr(struct gate *g, const json_t *v, struct place at) { return gate_each(g, v, at, expr); }
static Err list_row(struct gate *g, const json_t *v, struct place at) { return gate_each(g, v, at, list_expr); }

static Err
case_check(struct gate *g, const json_t *v, struct place at)
{
	static const struct field fields[FIELDS_MAX] = {{"when_expr", expr}, {"then_expr", expr}};

	return gate_fields(g, v, at, fields, 0);
}

static Err list_case(struct gate *g, const json_t *v, struct place at) { return gate_each(g, v, at, case_check); }

static Err
replacement(struct gate *g, const json_t *v, struct place at)
{
	static const struct field fields[FIELDS_MAX] = {{"key", name}, {"value", expr}};

	return gate_fields(g, v, at, fields, 0);
}

static Err list_replace(struct gate *g, const json_t *v, struct place at) { return gate_each(g, v, at, replacement); }

static Err
order(struct gate *g, const json_t *v, struct place at)
{
	static const struct field fields[FIELDS_MAX] = {{"type", gate_skip}, {"null_order", gate_skip}, {"expression", expr}};

	shape_order(g, json_object_get(v, "expression"), at);
	return gate_fields(g, v, at, fields, 0);
}

static Err list_order(struct gate *g, const json_t *v, struct place at) { return gate_each(g, v, at, order); }

#define MODIFIER(type, ...) {type, NULL, NULL, {__VA_ARGS__}},
static const struct shape modifiers[] = {
#include "query/sqlast.def"
};
#undef MODIFIER

static Err
modifier(struct gate *g, const json_t *v, struct place at)
{
	const struct shape *s = gate_shape_find(modifiers, ARRAY_LEN(modifiers), gate_text(v, "type"));

	if (!s) REFUSE(g, "this form of statement is not known");
	return gate_fields(g, v, at, s->fields, 1);
}

/* ORDER BY ALL stands as a star, but takes the columns of the result alone. */
static bool
is_order_by_all(const json_t *v)
{
	const json_t *orders = json_object_get(v, "orders");
	const json_t *key = json_object_get(json_array_get(orders, 0), "expression");

	return str_eqc(gate_text(v, "type"), "ORDER_MODIFIER") && json_array_size(orders) == 1 && str_eqc(gate_text(key, "class"), "STAR") &&
	       json_is_null(json_object_get(key, "expr")) && gate_text(key, "relation_name").n == 0 &&
	       json_array_size(json_object_get(key, "exclude_list")) == 0 && json_array_size(json_object_get(key, "replace_list")) == 0;
}

static Err
node_modifier(struct gate *g, const json_t *v, struct place at)
{
	return is_order_by_all(v) ? OK : modifier(g, v, at);
}

static Err list_modifier(struct gate *g, const json_t *v, struct place at) { return gate_each(g, v, at, node_modifier); }

/* --- FROM --- */

#define FROM(type, look, ...) {type, NULL, look, {__VA_ARGS__}},
static const struct shape froms[] = {
#include "query/sqlast.def"
};
#undef FROM

static const char *const from_head[] = {"type", "alias", "sample", "query_location", NULL};

static Err
from(struct gate *g, const json_t *v, struct place at)
{
	size_t head = gate_head(g, v, from_head);
	const struct shape *s = gate_shape_find(froms, ARRAY_LEN(froms), gate_text(v, "type"));

	if (!s) REFUSE(g, "%.*s is not allowed in FROM", STR(gate_text(v, "type")));
	TRY(gate_descend(g));
	TRY(sample(g, json_object_get(v, "sample"), at));
	TRY(gate_shape(g, v, at, s, head));
	g->depth--;
	return OK;
}

static Err
sample(struct gate *g, const json_t *v, struct place at)
{
	static const struct field fields[FIELDS_MAX] = {{"sample_size", gate_constant}, {"is_percentage", gate_skip}, {"method", gate_skip}, {"seed", gate_skip}};

	return !v || json_is_null(v) ? OK : gate_fields(g, v, at, fields, 0);
}

static bool
cte_in_scope(const struct scope *s, Str lowered)
{
	for (; s; s = s->up)
		if (str_eq(s->name, lowered)) return true;
	return false;
}

static size_t
table_index(struct gate *g, Str full)
{
	void *seen = map_get(&g->table_index, full);

	if (seen) return (size_t)seen - 1;
	if (g->table_count == g->table_cap) {
		struct sql_table *more = NEW_N(g->c->arena, g->table_cap ? 2 * g->table_cap : 8, struct sql_table);
		if (g->table_count) memcpy(more, g->tables, g->table_count * sizeof *more);
		g->tables = more;
		g->table_cap = g->table_cap ? 2 * g->table_cap : 8;
	}
	g->tables[g->table_count++] = (struct sql_table){.name = full};
	map_put(&g->table_index, full, (void *)g->table_count);
	return g->table_count - 1;
}

static Err
look_table(struct gate *g, const json_t *v, struct place at)
{
	Str d = gate_lower(g, gate_text(v, "catalog_name")), p = gate_lower(g, gate_text(v, "schema_name")), t = gate_lower(g, gate_text(v, "table_name"));

	if (d.n == 0 && p.n == 0 && cte_in_scope(at.ctes, t)) return OK;
	if (!str_is_ident(d) || !str_is_ident(p) || !str_is_ident(t))
		REFUSE(g, "'%.*s%s%.*s%s%.*s' is no table that can be read: write domain.product.table", STR(d), d.n ? "." : "", STR(p),
		       p.n ? "." : "", STR(gate_text(v, "table_name")));
	if (gate_among("system temp memory", d) || gate_among("information_schema pg_catalog", p))
		REFUSE(g, "%.*s.%.*s is not available", STR(d), STR(p));
	struct use *u = NEW(g->c->arena, struct use);
	*u = (struct use){.next = g->uses, .next_in_frame = at.frame->uses, .name = t, .alias = gate_lower(g, gate_text(v, "alias"))};
	u->table = table_index(g, arena_printf(g->c->arena, "%.*s.%.*s.%.*s", STR(d), STR(p), STR(t)));
	g->uses = at.frame->uses = u;
	u->shape = shape_of(g, g->tables[u->table].name);
	if (json_array_size(json_object_get(v, "column_name_alias")) == 0) return OK;
	g->tables[u->table].all = true;
	return shape_all(g, &(struct frame){.uses = u});
}

static Err
look_join(struct gate *g UNUSED, const json_t *v, struct place at)
{
	/* a join with a name of its own would have rows of its own */
	if (str_eqc(gate_text(v, "ref_type"), "NATURAL") || gate_text(v, "alias").n > 0) at.frame->all = true;
	return OK;
}

static Err
look_show(struct gate *g, const json_t *v, struct place at UNUSED)
{
	if (!gate_among("DESCRIBE SUMMARY", gate_text(v, "show_type")) || !json_is_object(json_object_get(v, "query")))
		REFUSE(g, "of the SHOW statements only DESCRIBE and SUMMARIZE of a table or query are available");
	return OK;
}

static Err
table_function(struct gate *g, const json_t *v, struct place at)
{
	if (!str_eqc(gate_text(v, "class"), "FUNCTION")) REFUSE(g, "this form of statement is not known");
	const struct shape *call = gate_shape_find(exprs, ARRAY_LEN(exprs), S("FUNCTION"));
	assert(call);
	TRY(function_known(g, v, table_functions, ARRAY_LEN(table_functions)));
	return gate_fields(g, v, at, call->fields, gate_head(g, v, expr_head));
}

static Err list_constant(struct gate *g, const json_t *v, struct place at) { return gate_each(g, v, at, gate_constant); }

static Err
pivot_entry(struct gate *g, const json_t *v, struct place at)
{
	static const struct field fields[FIELDS_MAX] = {{"values", list_constant}, {"star_expr", expr_opt}, {"alias", gate_skip}};

	return gate_fields(g, v, at, fields, 0);
}

static Err list_pivot_entry(struct gate *g, const json_t *v, struct place at) { return gate_each(g, v, at, pivot_entry); }

static Err
pivot(struct gate *g, const json_t *v, struct place at)
{
	/* pivot_enum would be a type of the catalog */
	static const struct field fields[FIELDS_MAX] = {
	    {"pivot_expressions", list_expr}, {"unpivot_names", gate_skip}, {"entries", list_pivot_entry}, {"pivot_enum", gate_empty}};

	return gate_fields(g, v, at, fields, 0);
}

static Err list_pivot(struct gate *g, const json_t *v, struct place at) { return gate_each(g, v, at, pivot); }

/* --- query nodes --- */

#define NODE(type, look, ...) {type, NULL, look, {__VA_ARGS__}},
static const struct shape nodes[] = {
#include "query/sqlast.def"
};
#undef NODE

/* A name that DuckDB could also take for a file or for a view of its own is no name of a CTE here, so that a mistake about scope
 * could not reach either. */
static bool
cte_name_is_plain(Str s)
{
	static const char *const own[] = {"duckdb_", "pragma_", "sqlite_", "pg_"};

	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		if (str_starts(s, str_c(own[i]))) return false;
	for (size_t i = 0; i < s.n; i++)
		if (strchr("./\\:*?[]%", s.p[i])) return false;
	return s.n > 0;
}

static Err
cte(struct gate *g, const json_t *entry, struct place at, struct scope *ret)
{
	static const struct field value[FIELDS_MAX] = {
	    {"aliases", gate_skip}, {"query", statement}, {"materialized", gate_skip}, {"key_targets", list_expr}};
	static const struct field fields[FIELDS_MAX] = {{"key", gate_skip}};
	Str n = gate_lower(g, gate_text(entry, "key"));

	if (!cte_name_is_plain(n)) REFUSE(g, "'%.*s' can't be the name of a common table expression", STR(n));
	TRY(gate_fields(g, entry, at, fields, 1));
	TRY(gate_fields(g, json_object_get(entry, "value"), at, value, 0));
	*ret = (struct scope){.up = at.ctes, .name = n};
	return OK;
}

/* Each sees those before it, not itself; a recursive one is a node of its own kind that tells its name. */
static Err
ctes(struct gate *g, const json_t *map, struct place *at)
{
	const json_t *list = json_object_get(map, "map");

	if (!json_is_array(list) || json_object_size(map) != 1) REFUSE(g, "this form of statement is not known");
	struct scope *s = NEW_N(g->c->arena, json_array_size(list), struct scope);
	for (size_t i = 0; i < json_array_size(list); i++) {
		TRY(cte(g, json_array_get(list, i), *at, &s[i]));
		at->ctes = &s[i];
	}
	return OK;
}

static Err
node(struct gate *g, const json_t *v, struct place at)
{
	const struct shape *s = gate_shape_find(nodes, ARRAY_LEN(nodes), gate_text(v, "type"));
	struct frame frame = {0};

	if (!s) REFUSE(g, "%.*s is not allowed", STR(gate_text(v, "type")));
	TRY(gate_descend(g));
	frame = (struct frame){.up = at.frame, .node = v};
	at.frame = &frame;
	TRY(ctes(g, json_object_get(v, "cte_map"), &at));
	TRY(gate_shape(g, v, at, s, 2)); /* type, cte_map */
	if (frame.all) TRY(shape_all(g, &frame));
	for (struct use *u = frame.uses; u && frame.all; u = u->next_in_frame) g->tables[u->table].all = true;
	g->depth--;
	return OK;
}

static Err
node_recursive(struct gate *g, const json_t *v, struct place at)
{
	struct scope own = {.up = at.ctes, .name = gate_lower(g, gate_text(at.self, "cte_name"))};

	at.ctes = &own;
	return node(g, v, at);
}

static Err
node_shown(struct gate *g, const json_t *v, struct place at)
{
	bool was = g->described;

	g->described |= str_eqc(gate_text(at.self, "show_type"), "DESCRIBE");
	TRY(node(g, v, at));
	g->described = was;
	return OK;
}

static Err
statement(struct gate *g, const json_t *v, struct place at)
{
	static const struct field fields[FIELDS_MAX] = {{"node", node}, {"named_param_map", nothing}};

	return gate_fields(g, v, at, fields, 0);
}

/* --- the whole --- */

/* A table whose name or alias is used like a column is wanted as a row. */
static void
rows_apply(struct gate *g)
{
	for (struct use *u = g->uses; u; u = u->next)
		if (map_get(&g->rows, u->name) || (u->alias.n && map_get(&g->rows, u->alias))) g->tables[u->table].all = true;
}

static void
result(struct gate *g, struct sql_statement *ret)
{
	Str *columns = NEW_N(g->c->arena, g->names.count, Str), key;
	size_t n = 0;
	void *value;

	rows_apply(g);
	for (size_t i = 0; map_next(&g->names, &i, &key, &value);) columns[n++] = arena_str(g->c->arena, key);
	*ret = (struct sql_statement){.tables = g->tables, .table_count = g->table_count, .columns = columns, .column_count = n};
}

static Err
root_walk(struct gate *g, const json_t *root)
{
	const json_t *list = json_object_get(root, "statements");
	Str message = gate_text(root, "error_message");
	uint64_t position = 0;

	if (!json_is_false(json_object_get(root, "error"))) {
		if (str_starts(message, S("Only SELECT"))) return err_set(g->c, ERR_SQL, "only SELECT, DESCRIBE and SUMMARIZE are available");
		str_u64(gate_text(root, "position"), &position);
		g->position = position;
		REFUSE(g, "%.*s", STR(message));
	}
	ENSURE(g->c, json_array_size(list) > 0, SQL, "the statement is empty");
	ENSURE(g->c, json_array_size(list) == 1, SQL, "one statement at a time");
	return statement(g, json_array_get(list, 0), (struct place){0});
}

static Err
tree_walk(struct gate *g, Str tree, struct sql_statement *ret)
{
	struct ctx *c = g->c;
	json_error_t e;

	ENSURE(c, tree.n <= SQL_TREE_MAX, TOO_LARGE, "the statement is too long: its tree has %zu bytes, at most %d are read", tree.n,
	       SQL_TREE_MAX);
	/* Positions that are not known stand as 2^64-1. */
	json_t *root = json_loadb(tree.p ? tree.p : "", tree.n, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &e);
	ENSURE(c, root, SQL, "the statement can't be checked: %s", e.text);
	Err err = root_walk(g, root);
	if (err_ok(err)) result(g, ret);
	map_fini(&g->names);
	map_fini(&g->rows);
	map_fini(&g->table_index);
	json_decref(root);
	return err;
}

Err
sqlgate_check(struct ctx *c, Str tree, struct sql_statement *ret)
{
	return tree_walk(&(struct gate){.c = c}, tree, ret);
}

Err
sqlgate_check_shapes(struct ctx *c, Str tree, const struct sql_shape *shapes, size_t n)
{
	struct sql_statement same;

	return tree_walk(&(struct gate){.c = c, .shapes = shapes, .shape_count = n}, tree, &same);
}
