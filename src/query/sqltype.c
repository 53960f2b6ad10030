/* The types that a statement may name. */
#include "query/sqlwalk.h"

Err gate_list_type(struct gate *g, const json_t *v, struct place at) { return gate_each(g, v, at, gate_type); }

static Err
type_field(struct gate *g, const json_t *v, struct place at)
{
	static const struct field fields[FIELDS_MAX] = {{"first", gate_skip}, {"second", gate_type}};

	return gate_fields(g, v, at, fields, 0);
}

static Err list_type_field(struct gate *g, const json_t *v, struct place at) { return gate_each(g, v, at, type_field); }

/* A type that the parser does not know is looked up in the catalog: only these two built-in ones may be. */
static Err
type_name(struct gate *g, const json_t *v, struct place at UNUSED)
{
	Str s = str_of(json_string_value(v), json_string_length(v));

	if (!str_ieq(s, S("json")) && !str_ieq(s, S("enum"))) REFUSE(g, "the type %.*s is not available", STR(s));
	return OK;
}

static Err
type_info(struct gate *g, const json_t *v, struct place at)
{
	static const struct shape infos[] = {
	    {"DECIMAL_TYPE_INFO", NULL, NULL, {{"width", gate_skip}, {"scale", gate_skip}}},
	    {"STRING_TYPE_INFO", NULL, NULL, {{"collation", gate_skip}}},
	    {"LIST_TYPE_INFO", NULL, NULL, {{"child_type", gate_type}}},
	    {"ARRAY_TYPE_INFO", NULL, NULL, {{"child_type", gate_type}, {"size", gate_skip}}},
	    {"STRUCT_TYPE_INFO", NULL, NULL, {{"child_types", list_type_field}}},
	    {"UNBOUND_TYPE_INFO", NULL, NULL, {{"name", type_name}, {"catalog", gate_empty}, {"schema", gate_empty}, {"user_type_modifiers", gate_skip}}},
	};
	static const char *const head[] = {"type", "alias", "extension_info", NULL};

	if (json_is_null(v)) return OK;
	const struct shape *s = gate_shape_find(infos, ARRAY_LEN(infos), gate_text(v, "type"));
	if (!s) REFUSE(g, "this type is not available");
	return gate_fields(g, v, at, s->fields, gate_head(g, v, head));
}

Err
gate_type(struct gate *g, const json_t *v, struct place at)
{
	static const char ids[] =
	    "BOOLEAN TINYINT SMALLINT INTEGER BIGINT HUGEINT UTINYINT USMALLINT UINTEGER UBIGINT UHUGEINT FLOAT DOUBLE DECIMAL "
	    "VARCHAR CHAR BLOB BIT UUID DATE TIME TIME_NS TIMESTAMP TIMESTAMP_S TIMESTAMP_MS TIMESTAMP_NS INTERVAL BIGNUM "
	    "LIST ARRAY STRUCT MAP UNION NULL UNBOUND UNKNOWN INTEGER_LITERAL STRING_LITERAL";
	static const struct field fields[FIELDS_MAX] = {{"id", gate_skip}, {"type_info", type_info}};
	Str id = gate_text(v, "id");

	if (!gate_among(ids, id) && !str_eqc(id, "TIMESTAMP WITH TIME ZONE") && !str_eqc(id, "TIME WITH TIME ZONE"))
		REFUSE(g, "the type %.*s is not available", STR(id));
	TRY(gate_descend(g));
	TRY(gate_fields(g, v, at, fields, 0));
	g->depth--;
	return OK;
}

/* {type, is_null, value}: whatever the value is, it is only a value. */
Err
gate_constant(struct gate *g, const json_t *v, struct place at)
{
	static const struct field fields[FIELDS_MAX] = {{"type", gate_type}, {"is_null", gate_skip}};

	return gate_fields(g, v, at, fields, json_object_get(v, "value") != NULL);
}
