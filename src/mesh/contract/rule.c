#include "mesh/contract/build.h"

static const char *const metric_names[] = {"", "nullValues", "missingValues", "invalidValues", "duplicateValues", "rowCount"};
static const char *const operator_names[] = {"", "mustBe", "mustNotBe", "mustBeGreaterThan", "mustBeGreaterOrEqualTo", "mustBeLessThan",
    "mustBeLessOrEqualTo", "mustBeBetween", "mustNotBeBetween"};

const char *
rule_metric_name(enum rule_metric m)
{
	return metric_names[m];
}
const char *
rule_operator_name(enum rule_operator op)
{
	return operator_names[op];
}

static enum rule_metric
metric_of(Str name)
{
	/* `rule` of v3.0 knew these as well */
	static const struct {
		const char *name;
		enum rule_metric metric;
	} older[] = {{"nullCheck", METRIC_NULL}, {"duplicateCount", METRIC_DUPLICATE}, {"duplicates", METRIC_DUPLICATE}};

	for (size_t i = 1; i < ARRAY_LEN(metric_names); i++)
		if (str_eqc(name, metric_names[i])) return (enum rule_metric)i;
	for (size_t i = 0; i < ARRAY_LEN(older); i++)
		if (str_eqc(name, older[i].name)) return older[i].metric;
	return METRIC_NONE;
}

static Err
type_read(struct ctx *c, const struct node *n, struct contract_rule *r)
{
	static const char *const names[] = {"library", "sql", "text", "custom"};
	static const struct {
		const char *key;
		enum rule_type owner;
	} owned[] = {{"metric", RULE_LIBRARY}, {"rule", RULE_LIBRARY}, {"arguments", RULE_LIBRARY}, {"query", RULE_SQL},
	    {"engine", RULE_CUSTOM}, {"implementation", RULE_CUSTOM}};
	const struct node *type = node_get(n, S("type"));

	/* the standard's default is library; without anything to compute it is a text */
	r->type = node_get(n, S("metric")) || node_get(n, S("rule")) ? RULE_LIBRARY : RULE_TEXT;
	for (size_t i = 0; type && i < ARRAY_LEN(names); i++)
		if (str_eqc(type->text, names[i])) r->type = (enum rule_type)i;
	for (size_t i = 0; i < ARRAY_LEN(owned); i++) {
		const struct node *m = node_get(n, str_c(owned[i].key));
		ENSURE(c, !m || owned[i].owner == r->type, INVALID, AT "'%s' belongs to rules of type %s, this one is of type %s",
		    KEY_PLACE(m), owned[i].key, names[owned[i].owner], names[r->type]);
	}
	ENSURE(c, r->type != RULE_SQL || node_get(n, S("query")), INVALID, AT "a rule of type sql needs the key 'query'", PLACE(n));
	ENSURE(c, r->type != RULE_CUSTOM || (node_get(n, S("engine")) && node_get(n, S("implementation"))), INVALID,
	    AT "a rule of type custom needs the keys 'engine' and 'implementation'", PLACE(n));
	return OK;
}

static Err
operand_read(struct ctx *c, const struct node *n, struct contract_rule *r)
{
	if (r->op == OPERATOR_BETWEEN || r->op == OPERATOR_NOT_BETWEEN) {
		r->operands[0] = contract_value_of(n->first);
		r->operands[1] = contract_value_of(n->first->next);
		return OK;
	}
	ENSURE(c, n->kind == NODE_SCALAR, INVALID, AT "'%.*s' must be a single value", PLACE(n), STR(n->key));
	r->operands[0] = contract_value_of(n);
	ENSURE(c, r->type != RULE_LIBRARY || r->operands[0].kind == VALUE_NUMBER, INVALID, AT "'%.*s' of a library rule must be a number",
	    PLACE(n), STR(n->key));
	return OK;
}

/* Exactly one operator where something is computed, none elsewhere. */
static Err
operator_read(struct ctx *c, const struct node *n, struct contract_rule *r)
{
	const struct node *found = NULL;
	bool computed = r->type == RULE_LIBRARY || r->type == RULE_SQL;

	for (size_t i = 1; i < ARRAY_LEN(operator_names); i++) {
		const struct node *m = node_get(n, str_c(operator_names[i]));
		if (!m) continue;
		ENSURE(c, !found, INVALID, AT "a rule has one operator: both '%.*s' and '%s' stand here", KEY_PLACE(m), STR(found->key),
		    operator_names[i]);
		ENSURE(c, computed, INVALID, AT "a rule that is not computed has no operator", KEY_PLACE(m));
		found = m;
		r->op = (enum rule_operator)i;
	}
	ENSURE(c, found || !computed, INVALID, AT "the rule needs an operator, such as 'mustBe: 0'", PLACE(n));
	return found ? operand_read(c, found, r) : OK;
}

static Err
arguments_read(struct ctx *c, const struct node *n, struct contract_rule *r)
{
	const struct node *a = node_get(n, S("arguments"));
	const char *key = r->metric == METRIC_MISSING ? "missingValues" : "validValues";
	const struct node *values = node_get(a, str_c(key));

	if (!a) return OK;
	TRY(contract_block_check(c, &contract_block_arguments, a));
	static const struct {
		const char *key;
		enum rule_metric metric;
	} owned[] = {{"validValues", METRIC_INVALID}, {"pattern", METRIC_INVALID}, {"missingValues", METRIC_MISSING},
	    {"properties", METRIC_DUPLICATE}};
	for (size_t i = 0; i < ARRAY_LEN(owned); i++) {
		const struct node *m = node_get(a, str_c(owned[i].key));
		ENSURE(c, !m || owned[i].metric == r->metric, INVALID, AT "argument '%s' belongs to the metric %s", KEY_PLACE(m),
		    owned[i].key, rule_metric_name(owned[i].metric));
	}
	r->pattern = text_at(a, "pattern");
	r->column_count = contract_texts(c->arena, node_get(a, S("properties")), &r->columns);
	r->has_values = values != NULL;
	return values ? contract_values(c, values, key, &r->values, &r->value_count) : OK;
}

/* Does the metric find what it works on? */
static Err
metric_check(struct ctx *c, const struct node *n, const struct contract_rule *r, const struct contract_property *column)
{
	const char *name = rule_metric_name(r->metric);

	if (r->metric == METRIC_ROW_COUNT) {
		ENSURE(c, !column, INVALID, AT "rowCount belongs to the table's quality, not to a column's", PLACE(n));
		ENSURE(c, !r->percent, INVALID, AT "rowCount has no unit percent", PLACE(n));
	} else if (r->metric == METRIC_DUPLICATE) {
		ENSURE(c, column || r->column_count > 0, INVALID, AT "duplicateValues of a table needs arguments.properties (the columns)",
		    PLACE(n));
		ENSURE(c, !column || r->column_count == 0, INVALID, AT "arguments.properties belongs to rules of the table", PLACE(n));
	} else {
		ENSURE(c, column, INVALID, AT "%s belongs to the quality of a column", PLACE(n), name);
	}
	ENSURE(c, r->metric != METRIC_INVALID || r->has_values || r->pattern.n > 0, INVALID,
	    AT "invalidValues needs arguments.validValues or arguments.pattern", PLACE(n));
	return OK;
}

static Err
library_read(struct ctx *c, const struct node *n, const struct contract_property *column, struct contract_rule *r)
{
	const struct node *metric = node_get(n, S("metric"));
	Str unit = text_at(n, "unit");

	if (!metric) metric = node_get(n, S("rule"));
	ENSURE(c, metric, INVALID, AT "a library rule needs the key 'metric'", PLACE(n));
	r->metric = metric_of(metric->text);
	ENSURE(c, r->metric, INVALID, AT "unknown metric '%.*s': nullValues, missingValues, invalidValues, duplicateValues or rowCount",
	    PLACE(metric), STR(metric->text));
	ENSURE(c, unit.n == 0 || str_eqc(unit, "rows") || str_eqc(unit, "percent"), INVALID, AT "'unit' must be rows or percent",
	    PLACE(node_get(n, S("unit"))));
	r->percent = str_eqc(unit, "percent");
	TRY(arguments_read(c, n, r));
	return metric_check(c, n, r, column);
}

static Err
rule_read(struct ctx *c, const struct node *n, const struct contract_property *column, struct contract_rule *r)
{
	r->line = n->line;
	r->id = text_at(n, "id");
	r->name = text_at(n, "name");
	r->description = text_at(n, "description");
	r->dimension = text_at(n, "dimension");
	r->severity = text_at(n, "severity");
	r->business_impact = text_at(n, "businessImpact");
	r->query = text_at(n, "query");
	TRY(type_read(c, n, r));
	TRY(operator_read(c, n, r));
	return r->type == RULE_LIBRARY ? library_read(c, n, column, r) : OK;
}

Err
contract_rules_read(
    struct ctx *c, const struct node *list, const struct contract_property *column, const struct contract_rule **ret, size_t *ret_n)
{
	size_t n = 0;

	if (!list || list->count == 0) return OK;
	struct contract_rule *all = NEW_N(c->arena, list->count, struct contract_rule);
	for (const struct node *m = list->first; m; m = m->next) TRY(rule_read(c, m, column, &all[n++]));
	*ret = all;
	*ret_n = n;
	return OK;
}
