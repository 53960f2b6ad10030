#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "mesh/contract/contract.h"

/* Every test changes one thing of this contract. */
static const char base[] =
    "apiVersion: v3.2.0\n"                                    /* 1 */
    "kind: DataContract\n"
    "id: c-1\n"
    "name: Trips\n"
    "version: 1.2.3\n"                                        /* 5 */
    "status: active\n"
    "domain: stores\n"
    "dataProduct: trips\n"
    "description: {purpose: why, usage: how}\n"
    "team: {name: Tills, members: [{username: ann, role: owner}]}\n" /* 10 */
    "support: [{channel: mail, url: 'mailto:a@example.com'}]\n"
    "price: {priceAmount: 9.5, priceCurrency: USD, priceUnit: month}\n"
    "slaProperties: [{property: freshness, value: 7, unit: d}]\n"
    "customProperties: [{property: termsOfUse, value: no resale}, {property: x, value: {a: [1, two]}}]\n"
    "schema:\n"                                               /* 15 */
    "  - name: trips\n"
    "    properties:\n"
    "      - name: id\n"
    "        logicalType: integer\n"
    "        primaryKey: true\n"                              /* 20 */
    "        required: true\n"
    "      - name: kind\n"
    "        logicalType: string\n"
    "        classification: personal\n"
    "        enum: [{value: big}, {value: small}]\n"          /* 25 */
    "        quality: [{metric: nullValues, mustBeLessThan: 5, unit: percent}]\n"
    "      - name: price\n"
    "        logicalType: number\n"
    "        logicalTypeOptions: {minimum: 0, exclusiveMaximum: 100.5}\n"
    "      - name: shop\n"                                    /* 30 */
    "        logicalType: integer\n"
    "        relationships: [{to: shops.id}]\n"
    "    quality:\n"
    "      - {metric: rowCount, mustBeBetween: [1, 10]}\n"
    "      - {type: sql, query: 'select 1 from ${table}', mustBe: 0}\n" /* 35 */
    "  - name: shops\n"
    "    properties:\n"
    "      - {name: id, logicalType: integer, primaryKey: true}\n"
    "      - {name: opened, logicalType: date, logicalTypeOptions: {minimum: '2001-02-28'}}\n";

/* The base with the first `old` replaced; `old` must be there. */
static Str
edited(struct arena *a, const char *old, const char *new)
{
	const char *at = strstr(base, old);

	if (!at) fail_msg("not in the base contract: %s", old);
	return arena_printf(a, "%.*s%s%s", (int)(at - base), base, new, at + strlen(old));
}

static void
reads_the_model(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	struct ctx c = {.arena = &a};
	const struct contract *k;

	(void)state;
	if (!err_ok(contract_parse(&c, str_c(base), &k))) fail_msg("%s", c.detail);
	assert_true(str_eqc(k->product, "trips") && str_eqc(k->domain, "stores") && k->version.minor == 2);
	assert_true(k->discoverable);
	assert_true(str_eqc(k->terms, "no resale") && str_eqc(k->purpose, "why"));
	assert_true(str_eqc(k->custom[1].json, "{\"a\":[1,\"two\"]}"));
	assert_true(str_eqc(k->members[0].username, "ann") && str_eqc(k->support[0].channel, "mail"));
	assert_true(k->price.given && str_eqc(k->price.amount, "9.5"));
	assert_true(str_eqc(contract_sla_get(k, "freshness")->value, "7"));
	assert_null(contract_sla_get(k, "latency"));
	assert_int_equal(k->table_count, 2);
	const struct contract_table *t = contract_table_get(k, S("trips"));
	assert_int_equal(t->column_count, 4);
	assert_int_equal(t->key_count, 1);
	const struct contract_property *p = contract_column_get(t, S("KIND"));
	assert_true(str_eqc(p->classification, "personal") && p->allowed_count == 2 && !p->required);
	assert_true(p->rules[0].metric == METRIC_NULL && p->rules[0].percent && p->rules[0].op == OPERATOR_LT);
	p = contract_column_get(t, S("price"));
	assert_true(p->options.has_min && !p->options.min_exclusive && p->options.max_exclusive);
	assert_true(str_eqc(p->options.max.text, "100.5"));
	assert_true(t->rules[0].op == OPERATOR_BETWEEN && str_eqc(t->rules[0].operands[1].text, "10"));
	assert_true(t->rules[1].type == RULE_SQL);
	assert_int_equal(t->reference_count, 1);
	assert_true(str_eqc(t->references[0].text, "shop -> shops.id"));
}

struct bad { const char *old, *new, *says; };

static const struct bad bads[] = {
    /* keys */
    {"status: active", "staus: active", "line 6, column 1: unknown key 'staus' in a data contract: did you mean 'status'?"},
    {"status: active", "owner: me", "line 6, column 1: unknown key 'owner' in a data contract; what the standard"},
    {"        required: true", "        requird: true", "line 21, column 9: unknown key 'requird' in a property: did you mean 'required'?"},
    {"        required: true", "        Required: true", "did you mean 'required'?"},
    {"{channel: mail,", "{chanel: mail,", "unknown key 'chanel' in a support channel"},
    {"[{value: big}", "[{valeu: big}", "in an enum value"},
    {"priceUnit", "priceunit", "did you mean 'priceUnit'"},
    {"{minimum: 0,", "{minLength: 0,", "unknown key 'minLength' in the options of a number"},
    {"[{to: shops.id}]", "[{to: shops.id, kind: x}]", "in a relationship"},
    {"[{username: ann,", "[{user: ann,", "in a team member"},
    {"mustBeLessThan: 5,", "mustBeLess: 5,", "unknown key 'mustBeLess' in a quality rule"},
    {"{metric: rowCount,", "{metric: rowCount, arguments: {colums: [a]},", "in the arguments of a quality rule"},
    /* what must be there */
    {"kind: DataContract\n", "", "needs the key 'kind'"},
    {"id: c-1\n", "", "needs the key 'id'"},
    {"domain: stores\n", "", "which 'domain'"},
    {"dataProduct: trips\n", "", "product 'Trips' must be"},
    {"{property: freshness, value: 7,", "{property: freshness,", "a service level needs the key 'value'"},
    {"[{to: shops.id}]", "[{type: foreignKey}]", "a relationship needs the key 'to'"},
    {"      - name: id\n        logicalType: integer\n        primaryKey: true\n        required: true\n", "      - logicalType: integer\n",
        "line 18, column 9: a property needs the key 'name'"},
    /* types and values */
    {"apiVersion: v3.2.0", "apiVersion: v2.2.2", "'apiVersion' is 'v2.2.2', must be one of v3.2.0|"},
    {"kind: DataContract", "kind: Contract", "'kind' is 'Contract'"},
    {"version: 1.2.3", "version: 1.2", "line 5, column 10: 'version' must be text: put 1.2 in quotes"},
    {"version: 1.2.3", "version: '1.2'", "must be MAJOR.MINOR.PATCH"},
    {"version: 1.2.3", "version: 1.02.3", "must be MAJOR.MINOR.PATCH"},
    {"version: 1.2.3", "version: 1.2.3-rc1", "must be MAJOR.MINOR.PATCH"},
    {"required: true", "required: 'true'", "line 21, column 19: 'required' must be true or false, not true"},
    {"priceAmount: 9.5", "priceAmount: cheap", "'priceAmount' must be a number, not cheap"},
    {"logicalType: number", "logicalType: float", "'logicalType' is 'float', must be one of"},
    {"domain: stores", "domain: Stores", "domain 'Stores'"},
    {"  - name: trips", "  - name: Trips__x", "'Trips__x' is no name for a table or column"},
    {"team: {name: Tills, members: [{username: ann, role: owner}]}", "team: {members: {username: ann}}", "'members' must be a list, not a map"},
    {"schema:\n", "servers: [{server: s, type: postgres, host: h, port: 1, database: d}]\nschema:\n", "needs the key 'schema'"},
    {"schema:\n", "servers: [{server: s, type: s3, location: l, host: h}]\nschema:\n", "has no key 'host'"},
    {"schema:\n", "servers: [{server: s, type: tape}]\nschema:\n", "unknown type of server 'tape'"},
    {"[{value: big}, {value: small}]", "[]", "'enum' must not be empty"},
    {"[{value: big}", "[{value: 1}", "enum value 1 does not fit logicalType string"},
    {"minimum: 0", "minimum: '0'", "'minimum' must be a number"},
    {"minimum: 0", "minimum: 200", "the minimum is greater"},
    {"minimum: 0, exclusiveMaximum", "maximum: 5, exclusiveMaximum", "give either 'maximum' or 'exclusiveMaximum'"},
    {"'2001-02-28'", "'2001-02-29'", "'minimum' must be a text such as"},
    {"'2001-02-28'", "20010228", "'minimum' must be a text such as"},
    {"{property: x,", "{property: discoverable, value: 1}, {property: x,", "'discoverable' must be true or false"},
    /* names */
    {"      - name: shop\n", "      - name: kind\n", "column 'kind' stands here a second time (first in line 22)"},
    {"  - name: shops\n", "  - name: trips\n", "table 'trips' stands here a second time"},
    /* keys of tables */
    {"primaryKey: true\n", "primaryKeyPosition: 1\n", "'primaryKeyPosition' without"},
    {"primaryKey: true\n", "primaryKey: true\n        primaryKeyPosition: 2\n", "must be 1 to 1"},
    /* rules */
    {"mustBeLessThan: 5,", "", "needs an operator"},
    {"mustBeLessThan: 5,", "mustBeLessThan: 5, mustBe: 1,", "both 'mustBe' and 'mustBeLessThan'"},
    {"mustBeBetween: [1, 10]", "mustBeBetween: [10, 1]", "the smaller first"},
    {"mustBeBetween: [1, 10]", "mustBeBetween: [1]", "a list of two numbers"},
    {"unit: percent", "unit: furlongs", "'unit' must be rows or percent"},
    {"metric: nullValues", "metric: rowCount", "rowCount belongs to the table's quality"},
    {"{metric: rowCount,", "{metric: nullValues,", "nullValues belongs to the quality of a column"},
    {"{metric: rowCount,", "{metric: duplicateValues,", "needs arguments.properties"},
    {"{metric: rowCount,", "{metric: duplicateValues, arguments: {properties: [nope]},", "names column 'nope'"},
    {"metric: nullValues", "metric: invalidValues", "needs arguments.validValues or"},
    {"metric: nullValues", "metric: nullValues, arguments: {pattern: x}", "argument 'pattern' belongs to the metric invalidValues"},
    {"type: sql, query: 'select 1 from ${table}'", "type: sql", "needs the key 'query'"},
    {"type: sql, query", "type: text, query", "'query' belongs to rules of type sql"},
    {"{metric: rowCount, mustBeBetween: [1, 10]}", "{type: text, description: d, mustBe: 1}", "has no operator"},
    {"mustBeLessThan: 5,", "mustBe: five,", "'mustBe' of a library rule must be a number"},
    /* relationships */
    {"to: shops.id", "to: stalls.id", "names table 'stalls'"},
    {"to: shops.id", "to: shops.nr", "names column 'nr'"},
    {"to: shops.id", "to: shops", "should be table.column"},
    {"to: shops.id", "to: shops.id, from: trips.shop", "'from' belongs to"},
    {"    quality:\n", "    relationships: [{from: [trips.shop, trips.id], to: [shops.id]}]\n    quality:\n", "names 2 columns, 'to' names 1"},
    {"    quality:\n", "    relationships: [{from: shops.id, to: shops.id}]\n    quality:\n", "'from' must name columns of table trips"},
};

static void
refuses_what_is_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bads); i++) {
		ARENA_AUTO a = ARENA_INIT;
		struct ctx c = {.arena = &a};
		const struct contract *k = NULL;
		Err e = contract_parse(&c, edited(&a, bads[i].old, bads[i].new), &k);

		if (e.code != ERR_INVALID || !strstr(c.detail, bads[i].says))
			fail_msg("%s -> %s\n  %s: %s\n  wanted: %s", bads[i].old, bads[i].new, err_name(e), c.detail, bads[i].says);
		assert_null(k);
	}
}

static void
accepts_what_is_good(void **state)
{
	static const struct { const char *old, *new; } goods[] = {
	    {"apiVersion: v3.2.0", "apiVersion: v3.0.0"},
	    {"team: {name: Tills, members: [{username: ann, role: owner}]}", "team: [{username: ann}]"},
	    {"{minimum: 0, exclusiveMaximum: 100.5}", "{minimum: 0, exclusiveMinimum: true}"},
	    {"{metric: rowCount,", "{rule: rowCount,"},
	    {"{metric: rowCount,", "{type: custom, engine: soda, implementation: {a: 1}}\n      - {metric: rowCount,"},
	    {"to: shops.id", "to: other.yaml#schema/a/properties/b"},
	    {"to: shops.id", "to: /schema/shops/properties/id"},
	    {"name: shop\n", "name: Shop Number\n        physicalName: shop\n"},
	    {"schema:\n", "servers: [{server: s, type: trino, host: h, port: '${P}', catalog: c, schema: s}]\nschema:\n"},
	    {"logicalType: number\n", "logicalType: number\n        tags: [a]\n        customProperties: [{property: q, value: [1]}]\n"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(goods); i++) {
		ARENA_AUTO a = ARENA_INIT;
		struct ctx c = {.arena = &a};
		const struct contract *k;

		if (!err_ok(contract_parse(&c, edited(&a, goods[i].old, goods[i].new), &k))) fail_msg("%s: %s", goods[i].new, c.detail);
	}
}

static void
matches_types(void **state)
{
	static const struct { enum logical_type logical; const char *physical, *duckdb; bool fits; } cases[] = {
	    {LOGICAL_INTEGER, "", "BIGINT", true}, {LOGICAL_INTEGER, "", "DOUBLE", false}, {LOGICAL_INTEGER, "", "DECIMAL(10,0)", true},
	    {LOGICAL_INTEGER, "", "DECIMAL(10,2)", false}, {LOGICAL_NUMBER, "", "DECIMAL(18,2)", true}, {LOGICAL_NUMBER, "", "INTEGER", true},
	    {LOGICAL_NUMBER, "", "VARCHAR", false}, {LOGICAL_STRING, "", "VARCHAR", true}, {LOGICAL_STRING, "", "BIGINT", false},
	    {LOGICAL_DATE, "", "DATE", true}, {LOGICAL_DATE, "", "TIMESTAMP", false}, {LOGICAL_TIMESTAMP, "", "TIMESTAMP WITH TIME ZONE", true},
	    {LOGICAL_BOOLEAN, "", "BOOLEAN", true}, {LOGICAL_ARRAY, "", "VARCHAR[]", true}, {LOGICAL_STRING, "", "VARCHAR[]", false},
	    {LOGICAL_OBJECT, "", "STRUCT(a INTEGER)", true}, {LOGICAL_MAP, "", "MAP(VARCHAR, INTEGER)", true},
	    {LOGICAL_INTEGER, "text", "BIGINT", true}, {LOGICAL_NONE, "", "GEOMETRY", true}, {LOGICAL_NONE, "text", "BIGINT", false},
	    {LOGICAL_NONE, "varchar(20)", "VARCHAR", true}, {LOGICAL_NONE, "nobody knows", "BLOB", true}, {LOGICAL_STRING, "", "BLOB", false},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct ctx c = {0};
		struct contract_property p = {.name = S("x"), .type = cases[i].logical, .physical_type = str_c(cases[i].physical)};
		if (err_ok(contract_type_accepts(&c, S("t"), &p, str_c(cases[i].duckdb))) != cases[i].fits)
			fail_msg("case %zu: %s", i, cases[i].duckdb);
	}
	struct ctx c = {0};
	struct contract_property p = {.name = S("sales_value"), .type = LOGICAL_NUMBER};
	assert_int_equal(contract_type_accepts(&c, S("t"), &p, S("VARCHAR")).code, ERR_CONTRACT);
	assert_non_null(strstr(c.detail, "column sales_value: the contract says number, the file has VARCHAR"));
}

static void
matches_columns(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	struct ctx c = {.arena = &a};
	const struct contract *k;
	struct contract_file_column file[] = {{S("ID"), S("BIGINT")}, {S("kind"), S("VARCHAR")}, {S("price"), S("DOUBLE")},
	    {S("shop"), S("INTEGER")}, {S("more"), S("DATE")}};
	size_t extra = 9;

	(void)state;
	assert_true(err_ok(contract_parse(&c, str_c(base), &k)));
	assert_true(err_ok(contract_columns_check(&c, &k->tables[0], file, 4, NULL)));
	assert_true(err_ok(contract_columns_check(&c, &k->tables[0], file, 5, &extra)));
	assert_int_equal(extra, 1);
	assert_int_equal(contract_columns_check(&c, &k->tables[0], file, 5, NULL).code, ERR_CONTRACT);
	assert_non_null(strstr(c.detail, "column more is not in the contract"));
	file[2].type = S("VARCHAR");
	assert_int_equal(contract_columns_check(&c, &k->tables[0], file, 3, NULL).code, ERR_CONTRACT);
	assert_string_equal(c.detail, "table trips: column price: the contract says number, the file has VARCHAR; column shop is missing");
	file[1].name = S("Id");
	assert_int_equal(contract_columns_check(&c, &k->tables[0], file, 4, NULL).code, ERR_CONTRACT);
	assert_non_null(strstr(c.detail, "column Id twice"));
	file[1].name = S("FILE_INDEX");
	assert_int_equal(contract_columns_check(&c, &k->tables[0], file, 4, &extra).code, ERR_CONTRACT);
	assert_non_null(strstr(c.detail, "file_index"));
}

struct step { const char *old, *new, *version, *says; };

static const struct step steps[] = {
    /* nothing, or words */
    {"why", "why", "1.2.3", NULL},
    {"why", "because", "1.2.3", "this needs version 1.2.4"},
    {"why", "because", "1.2.4", NULL},
    {"why", "why", "1.2.2", "version 1.2.2 is older than the published 1.2.3"},
    {"domain: stores", "domain: shops", "2.0.0", "about shops.trips, not about stores.trips"},
    /* additive */
    {"      - name: shop\n", "      - {name: extra, logicalType: date}\n      - name: shop\n", "1.2.4",
        "version 1.2.4 adds to 1.2.3: trips.extra: column added (date); this needs version 1.3.0"},
    {"      - name: shop\n", "      - {name: extra, logicalType: date}\n      - name: shop\n", "1.3.0", NULL},
    {"classification: personal", "classification: secret", "1.2.9", "trips.kind: classification changed from 'personal' to 'secret'"},
    {"minimum: 0,", "minimum: 1,", "1.2.4", "trips.price: minimum changed from 0 to 1; this needs version 1.3.0"},
    {"{value: big}, ", "", "1.2.4", "value 'big' removed; this needs version 1.3.0"},
    {"mustBeLessThan: 5", "mustBeLessThan: 6", "1.2.4", "quality rules changed"},
    /* breaking */
    {"minimum: 0,", "minimum: -1,", "1.3.0", "breaks readers of 1.2.3: trips.price: minimum changed from 0 to -1; this needs version 2.0.0"},
    {"exclusiveMaximum: 100.5", "maximum: 100.5", "1.3.0", "maximum changed"},
    {"minimum: 0, ", "", "1.3.0", "minimum 0 is gone"},
    {"{value: big}", "{value: huge}, {value: big}", "1.3.0", "value 'huge' added"},
    {"        required: true\n", "", "1.3.0", "trips.id: is no longer required"},
    {"        primaryKey: true\n", "", "1.9.0", "trips: the primary key changed"},
    {"logicalType: number\n        logicalTypeOptions: {minimum: 0, exclusiveMaximum: 100.5}\n", "logicalType: string\n", "1.3.0",
        "trips.price: type changed from number to string"},
    {"      - name: price\n        logicalType: number\n        logicalTypeOptions: {minimum: 0, exclusiveMaximum: 100.5}\n", "", "1.3.0",
        "trips.price: column removed"},
    {"      - name: price\n        logicalType: number\n        logicalTypeOptions: {minimum: 0, exclusiveMaximum: 100.5}\n", "", "2.0.0", NULL},
    {"'2001-02-28'", "'2001-02-27'", "1.3.0", "shops.opened: minimum changed"},
};

static void
follows_semver(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		ARENA_AUTO a = ARENA_INIT;
		struct ctx c = {.arena = &a};
		const struct contract *from, *to;

		assert_true(err_ok(contract_parse(&c, str_c(base), &from)));
		if (!err_ok(contract_parse(&c, edited(&a, steps[i].old, steps[i].new), &to))) fail_msg("%s: %s", steps[i].new, c.detail);
		struct contract changed = *to;
		changed.version_text = str_c(steps[i].version);
		assert_true(contract_version_parse(changed.version_text, &changed.version));
		Err e = contract_version_check(&c, from, &changed);
		if (err_ok(e) != !steps[i].says) fail_msg("step %zu: %s %s", i, err_name(e), c.detail);
		if (steps[i].says && !strstr(c.detail, steps[i].says)) fail_msg("step %zu: %s\n wanted %s", i, c.detail, steps[i].says);
	}
}

static void
treats_zero_as_unstable(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	struct ctx c = {.arena = &a};
	const struct contract *from, *to;

	(void)state;
	assert_true(err_ok(contract_parse(&c, edited(&a, "version: 1.2.3", "version: 0.2.3"), &from)));
	assert_true(err_ok(contract_parse(&c, edited(&a, "minimum: 0,", "minimum: -1,"), &to)));
	struct contract next = *to;
	next.version = (struct contract_version){0, 2, 4};
	assert_int_equal(contract_version_check(&c, from, &next).code, ERR_INVALID);
	next.version = (struct contract_version){0, 3, 0};
	assert_true(err_ok(contract_version_check(&c, from, &next)));
}

static void
lists_changes(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	struct ctx c = {.arena = &a};
	const struct contract *from, *to;
	const struct contract_change *all;
	size_t n;

	(void)state;
	assert_true(err_ok(contract_parse(&c, str_c(base), &from)));
	assert_true(err_ok(contract_parse(&c, edited(&a, "  - name: shops\n", "  - name: stalls\n    properties: [{name: id}]\n  - name: shops\n"), &to)));
	assert_true(err_ok(contract_diff(&c, from, to, &all, &n)));
	assert_int_equal(n, 1);
	assert_true(all[0].kind == CHANGE_TABLE_ADDED && all[0].additive && str_eqc(all[0].text, "stalls: table added"));
	assert_true(err_ok(contract_diff(&c, to, from, &all, &n)));
	assert_true(n == 1 && all[0].kind == CHANGE_TABLE_REMOVED && all[0].breaking);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_the_model), cmocka_unit_test(refuses_what_is_bad), cmocka_unit_test(accepts_what_is_good),
	    cmocka_unit_test(matches_types), cmocka_unit_test(matches_columns), cmocka_unit_test(follows_semver),
	    cmocka_unit_test(treats_zero_as_unstable), cmocka_unit_test(lists_changes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
