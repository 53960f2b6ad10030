#include <stdlib.h>

#include "mesh/contract/build.h"

static const char *const type_names[] = {
    "", "string", "date", "timestamp", "time", "number", "integer", "object", "array", "boolean", "map", "vector"};

const char *
logical_type_name(enum logical_type t)
{
	return type_names[t];
}

static enum logical_type
type_of(Str name)
{
	for (size_t i = 1; i < ARRAY_LEN(type_names); i++)
		if (str_eqc(name, type_names[i])) return (enum logical_type)i;
	return LOGICAL_NONE;
}

/* What the property says about nesting has to agree with its type, at every depth. */
static Err
nested_check(struct ctx *c, const struct node *n)
{
	static const struct {
		const char *key;
		enum logical_type type;
	} owners[] = {{"properties", LOGICAL_OBJECT}, {"items", LOGICAL_ARRAY}, {"map", LOGICAL_MAP}};
	enum logical_type type = type_of(text_at(n, "logicalType"));
	struct contract_property inner = {.type = type};

	TRY(contract_options_read(c, n, &inner));
	for (size_t i = 0; i < ARRAY_LEN(owners); i++) {
		const struct node *part = node_get(n, str_c(owners[i].key));
		if (!part) continue;
		ENSURE(c, type == owners[i].type, INVALID, AT "'%s' belongs to logicalType %s only", KEY_PLACE(part), owners[i].key,
		    logical_type_name(owners[i].type));
		if (owners[i].type == LOGICAL_ARRAY) TRY(nested_check(c, part));
		for (const struct node *m = owners[i].type == LOGICAL_ARRAY ? NULL : part->first; m; m = m->next) TRY(nested_check(c, m));
	}
	ENSURE(c, type != LOGICAL_MAP || node_get(n, S("map")), INVALID, AT "logicalType map needs the key 'map'", PLACE(n));
	return OK;
}

static Err
allowed_read(struct ctx *c, const struct node *n, struct contract_property *p)
{
	const struct node *list = node_get(n, S("enum"));

	if (!list) return OK;
	ENSURE(c, list->count > 0, INVALID, AT "'enum' must not be empty", PLACE(list));
	struct contract_value *all = NEW_N(c->arena, list->count, struct contract_value);
	for (const struct node *m = list->first; m; m = m->next) {
		const struct node *value = node_get(m, S("value"));
		all[p->allowed_count++] = contract_value_of(value);
		ENSURE(c, value->type != SCALAR_NULL, INVALID, AT "an enum value must not be null (leave 'required' out to allow it)",
		    PLACE(value));
		ENSURE(c, contract_value_fits(p->type, value), INVALID,
		    AT "enum value %.*s does not fit logicalType %s (text needs quotes)", PLACE(value), STR(value->text),
		    logical_type_name(p->type));
	}
	p->allowed = all;
	return OK;
}

static void
examples_read(struct arena *a, const struct node *n, struct contract_property *p)
{
	const struct node *list = node_get(n, S("examples"));

	if (!list || list->count == 0) return;
	Str *all = NEW_N(a, list->count, Str);
	for (const struct node *m = list->first; m; m = m->next) all[p->example_count++] = contract_node_json(a, m);
	p->examples = all;
}

static Err
key_read(struct ctx *c, const struct node *n, struct contract_property *p)
{
	const struct node *at = node_get(n, S("primaryKeyPosition"));
	int64_t position = -1;

	p->primary_key = bool_at(n, "primaryKey");
	if (at) (void)node_int(at, &position);
	if (!p->primary_key) {
		ENSURE(c, position < 0, INVALID, AT "'primaryKeyPosition' without 'primaryKey: true'", KEY_PLACE(at));
		return OK;
	}
	ENSURE(c, !at || (position >= 1 && position <= CONTRACT_COLUMNS_MAX), INVALID, AT "'primaryKeyPosition' counts from 1", PLACE(at));
	p->key_position = position > 0 ? (uint32_t)position : 0;
	return OK;
}

static Err
property_read(struct ctx *c, const struct node *n, struct contract_property *p)
{
	const struct node *glossary = contract_custom_get(n, "glossary");

	TRY(contract_name(c, n, &p->name));
	TRY(nested_check(c, n));
	p->line = n->line;
	p->column = n->column;
	p->title = text_at(n, "businessName");
	p->description = text_at(n, "description");
	p->classification = text_at(n, "classification");
	p->physical_type = text_at(n, "physicalType");
	p->semantic_type = text_at(n, "semanticType");
	p->glossary = glossary && glossary->kind == NODE_SCALAR ? glossary->text : S("");
	p->type = type_of(text_at(n, "logicalType"));
	p->required = bool_at(n, "required");
	p->unique = bool_at(n, "unique");
	p->partitioned = bool_at(n, "partitioned");
	p->critical = bool_at(n, "criticalDataElement");
	p->deprecated = bool_at(n, "deprecated");
	TRY(key_read(c, n, p));
	TRY(contract_options_read(c, n, p));
	TRY(allowed_read(c, n, p));
	examples_read(c->arena, n, p);
	p->tag_count = contract_texts(c->arena, node_get(n, S("tags")), &p->tags);
	p->custom_count = contract_custom(c->arena, n, &p->custom);
	return contract_rules_read(c, node_get(n, S("quality")), p, &p->rules, &p->rule_count);
}

static int
by_position(const void *a, const void *b)
{
	const struct contract_property *const *x = a, *const *y = b;

	return ((*x)->key_position > (*y)->key_position) - ((*x)->key_position < (*y)->key_position);
}

/* The key's columns in the order of their positions; all of them have one, or none (then in the order of the columns). */
static Err
primary_key_read(struct ctx *c, const struct node *at, struct contract_table *t, struct contract_property *columns)
{
	struct contract_property **parts = NEW_N(c->arena, t->column_count, struct contract_property *);
	size_t n = 0, placed = 0;

	for (size_t i = 0; i < t->column_count; i++)
		if (columns[i].primary_key) placed += columns[i].key_position > 0, parts[n++] = &columns[i];
	if (n == 0) return OK;
	ENSURE(c, placed == 0 || placed == n, INVALID,
	    AT "table %.*s: either every column of the primary key has a primaryKeyPosition, or none", PLACE(at), STR(t->name));
	if (placed == n) qsort(parts, n, sizeof *parts, by_position);
	Str *key = NEW_N(c->arena, n, Str);
	for (size_t i = 0; i < n; i++) {
		ENSURE(c, placed == 0 || parts[i]->key_position == i + 1, INVALID,
		    AT "table %.*s: the positions of the primary key must be 1 to %zu, each once", PLACE(at), STR(t->name), n);
		parts[i]->key_position = (uint32_t)i + 1;
		key[i] = parts[i]->name;
	}
	t->key = key;
	t->key_count = n;
	return OK;
}

static Err
columns_read(struct ctx *c, const struct node *n, struct contract_table *t)
{
	const struct node *list = node_get(n, S("properties"));

	ENSURE(c, list && list->count > 0, INVALID, AT "table %.*s has no 'properties' (its columns)", PLACE(n), STR(t->name));
	ENSURE(c, list->count <= CONTRACT_COLUMNS_MAX, TOO_LARGE, AT "table %.*s has more than %d columns", PLACE(list), STR(t->name),
	    CONTRACT_COLUMNS_MAX);
	struct contract_property *all = NEW_N(c->arena, list->count, struct contract_property);
	t->columns = all;
	for (const struct node *m = list->first; m; m = m->next) {
		struct contract_property *p = &all[t->column_count];
		TRY(property_read(c, m, p));
		const struct contract_property *twin = contract_column_get(t, p->name); /* among those before */
		ENSURE(
		    c, !twin, INVALID, AT "column '%.*s' stands here a second time (first in line %u)", PLACE(m), STR(p->name), twin->line);
		t->column_count++;
	}
	return primary_key_read(c, n, t, all);
}

/* Rules about several columns name them in arguments.properties. */
static Err
rule_columns_check(struct ctx *c, const struct contract_table *t)
{
	size_t rules = t->rule_count;

	for (size_t i = 0; i < t->column_count; i++) rules += t->columns[i].rule_count;
	ENSURE(c, rules <= CONTRACT_RULES_MAX, TOO_LARGE, "table %.*s has more than %d quality rules", STR(t->name), CONTRACT_RULES_MAX);
	for (size_t i = 0; i < t->rule_count; i++)
		for (size_t j = 0; j < t->rules[i].column_count; j++)
			ENSURE(c, contract_column_get(t, t->rules[i].columns[j]), INVALID,
			    "line %u: the rule names column '%.*s', which table %.*s does not have", t->rules[i].line,
			    STR(t->rules[i].columns[j]), STR(t->name));
	return OK;
}

static Err
table_read(struct ctx *c, const struct node *n, struct contract_table *t)
{
	TRY(contract_name(c, n, &t->name));
	t->title = text_at(n, "businessName");
	t->description = text_at(n, "description");
	t->granularity = text_at(n, "dataGranularityDescription");
	t->tag_count = contract_texts(c->arena, node_get(n, S("tags")), &t->tags);
	t->custom_count = contract_custom(c->arena, n, &t->custom);
	TRY(columns_read(c, n, t));
	TRY(contract_rules_read(c, node_get(n, S("quality")), NULL, &t->rules, &t->rule_count));
	return rule_columns_check(c, t);
}

Err
contract_tables_read(struct ctx *c, const struct node *schema, struct contract *k)
{
	ENSURE(c, schema && schema->count > 0, INVALID, "the contract has no 'schema' (its tables)");
	ENSURE(c, schema->count <= CONTRACT_TABLES_MAX, TOO_LARGE, AT "more than %d tables", PLACE(schema), CONTRACT_TABLES_MAX);
	struct contract_table *all = NEW_N(c->arena, schema->count, struct contract_table);
	k->tables = all;
	for (const struct node *m = schema->first; m; m = m->next) {
		struct contract_table *t = &all[k->table_count];
		TRY(table_read(c, m, t));
		ENSURE(c, !contract_table_get(k, t->name), INVALID, AT "table '%.*s' stands here a second time", PLACE(m), STR(t->name));
		k->table_count++;
	}
	return OK;
}
