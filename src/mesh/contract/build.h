/* From nodes, their keys and types checked, to the model of mesh/contract/contract.h. Shared by the files of the contract parser only. */
#ifndef HEDDLE_MESH_CONTRACT_BUILD_H
#define HEDDLE_MESH_CONTRACT_BUILD_H

#include "mesh/contract/contract.h"
#include "mesh/contract/keys.h"

/* The text of a key, "" when it is not there. */
static inline Str
text_at(const struct node *map, const char *key)
{
	const struct node *n = node_get(map, str_c(key));

	return n && n->kind == NODE_SCALAR ? n->text : S("");
}

static inline bool
bool_at(const struct node *map, const char *key)
{
	bool v = false;

	(void)node_bool(node_get(map, str_c(key)), &v);
	return v;
}

/* A list of texts; NULL and 0 when it is not there. */
size_t contract_texts(struct arena *a, const struct node *list, const Str **ret);
size_t contract_custom(struct arena *a, const struct node *map, const struct contract_custom **ret);
/* The value of a custom property; NULL when it is not there. */
const struct node *contract_custom_get(const struct node *map, const char *property);
struct contract_value contract_value_of(const struct node *scalar);
/* INVALID unless every member is a single value; `what` names the list. */
NODISCARD Err contract_values(struct ctx *c, const struct node *list, const char *what, const struct contract_value **ret, size_t *ret_n);
/* May this value stand for one of that type (enum, bounds)? */
bool contract_value_fits(enum logical_type type, const struct node *n);
Str contract_node_json(struct arena *a, const struct node *n);
/* `name`, or when that is no identifier `physicalName`. */
NODISCARD Err contract_name(struct ctx *c, const struct node *n, Str *ret);

NODISCARD Err contract_options_read(struct ctx *c, const struct node *property, struct contract_property *p);
NODISCARD Err contract_rules_read(struct ctx *c, const struct node *list, const struct contract_property *column,
    const struct contract_rule **ret, size_t *ret_n);
NODISCARD Err contract_tables_read(struct ctx *c, const struct node *schema, struct contract *k);
/* After all tables are read. */
NODISCARD Err contract_references_read(struct ctx *c, const struct node *schema, struct contract *k);

#endif
