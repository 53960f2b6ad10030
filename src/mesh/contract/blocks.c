/* Every block of ODCS v3.0 to v3.2 (the union of their keys). Source: the standard's JSON schema, version 3.2.0. */
#include "mesh/contract/contract.h"
#include "mesh/contract/keys.h"

#define K(n, s) {.name = (n), .shape = (s)}
#define MUST(n, s) {.name = (n), .shape = (s), .must = true}
#define ONE(n, v) {.name = (n), .shape = TEXT, .values = (v)}
#define MUST_ONE(n, v) {.name = (n), .shape = TEXT, .must = true, .values = (v)}
#define OF(n, s, b) {.name = (n), .shape = (s), .block = (b)}
#define MUST_OF(n, s, b) {.name = (n), .shape = (s), .must = true, .block = (b)}
#define KEYS(k) (k), ARRAY_LEN(k)

static const struct key definition_keys[] = {K("id", ID), MUST("url", TEXT), MUST("type", TEXT), K("description", TEXT)};
static const struct block definition = {"an authoritative definition", KEYS(definition_keys), NULL, 0};

static const struct key custom_keys[] = {
    K("id", ID), MUST("property", TEXT), MUST("value", ANY), K("description", TEXT), K("vendor", TEXT)};
static const struct block custom = {"a custom property", KEYS(custom_keys), NULL, 0};

#define CUSTOM OF("customProperties", BLOCKS, &custom)
#define DEFINITIONS OF("authoritativeDefinitions", BLOCKS, &definition)
#define TAGS K("tags", TEXTS)

static const struct key statement_keys[] = {
    K("id", TEXT), MUST("question", TEXT), K("answer", TEXT), DEFINITIONS, TAGS, CUSTOM};
static const struct block statement = {"a verified statement", KEYS(statement_keys), NULL, 0};
static const struct key constraint_keys[] = {K("id", TEXT), MUST("constraint", TEXT), DEFINITIONS, TAGS, CUSTOM};
static const struct block constraint = {"a constraint", KEYS(constraint_keys), NULL, 0};
static const struct key context_keys[] = {
    K("instructions", TEXT), OF("verifiedStatements", BLOCKS, &statement), OF("constraints", BLOCKS, &constraint)};
static const struct block context = {"a context", KEYS(context_keys), NULL, 0};

static const struct key role_keys[] = {K("id", ID), MUST("role", TEXT), K("description", TEXT), K("access", TEXT),
    K("firstLevelApprovers", TEXT), K("secondLevelApprovers", TEXT), CUSTOM};
static const struct block role = {"a role", KEYS(role_keys), NULL, 0};

static const struct key synonym_keys[] = {K("id", ID), MUST("synonym", TEXT), K("description", TEXT), K("locale", TEXT),
    K("source", TEXT), K("status", TEXT), CUSTOM};
static const struct block synonym = {"a synonym", KEYS(synonym_keys), NULL, 0};

static const struct key value_keys[] = {
    K("id", ID), MUST("value", SCALAR), K("label", TEXT), K("description", TEXT), CUSTOM, DEFINITIONS, TAGS};
static const struct block enum_value = {"an enum value", KEYS(value_keys), NULL, 0};

static const struct key reference_keys[] = {
    K("id", TEXT), ONE("type", "foreignKey"), K("from", TEXT_OR_TEXTS), MUST("to", TEXT_OR_TEXTS), CUSTOM};
static const struct block reference = {"a relationship", KEYS(reference_keys), NULL, 0};

static const struct key quality_keys[] = {
    K("id", ID), K("name", TEXT), K("description", TEXT), ONE("type", "text|library|sql|custom"),
    ONE("dimension", "accuracy|completeness|conformity|consistency|coverage|timeliness|uniqueness"),
    K("severity", TEXT), K("businessImpact", TEXT), K("method", TEXT), K("unit", TEXT), K("schedule", TEXT), K("scheduler", TEXT),
    TAGS, CUSTOM, DEFINITIONS,
    ONE("metric", "nullValues|missingValues|invalidValues|duplicateValues|rowCount"), K("rule", TEXT),
    K("arguments", OBJECT), K("query", TEXT), K("engine", TEXT), K("implementation", TEXT_OR_OBJECT),
    K("mustBe", ANY), K("mustNotBe", ANY), K("mustBeGreaterThan", NUMBER), K("mustBeGreaterOrEqualTo", NUMBER),
    K("mustBeLessThan", NUMBER), K("mustBeLessOrEqualTo", NUMBER), K("mustBeBetween", NUMBERS2), K("mustNotBeBetween", NUMBERS2)};
static const struct block quality = {"a quality rule", KEYS(quality_keys), NULL, 0};

/* What tables and columns have in common. */
#define ELEMENT_KEYS                                                                                                           \
	K("id", ID), K("physicalType", TEXT), K("physicalName", TEXT), K("description", TEXT), K("businessName", TEXT),        \
	    K("deprecated", BOOL), OF("synonyms", BLOCKS, &synonym), DEFINITIONS, TAGS, CUSTOM,                                \
	    OF("quality", BLOCKS, &quality), OF("relationships", BLOCKS, &reference)

static const struct block property, item;
static const struct key map_keys[] = {MUST_OF("key", BLOCK, &item), MUST_OF("value", BLOCK, &item)};
static const struct block map = {"a map", KEYS(map_keys), NULL, 0};

static const struct key column_keys[] = {ELEMENT_KEYS, K("primaryKey", BOOL), K("primaryKeyPosition", INT),
    ONE("logicalType", "string|date|timestamp|time|number|integer|object|array|boolean|map|vector"), K("logicalTypeOptions", OBJECT),
    K("required", BOOL), K("unique", BOOL), ONE("semanticType", "column|measure|dimension"), K("partitioned", BOOL),
    K("partitionKeyPosition", INT), K("classification", TEXT), K("encryptedName", TEXT), K("transformSourceObjects", TEXTS),
    K("transformLogic", TEXT), K("transformDescription", TEXT), K("examples", ANYS), OF("enum", BLOCKS, &enum_value),
    K("criticalDataElement", BOOL), OF("properties", BLOCKS, &property), OF("items", BLOCK, &item), OF("map", BLOCK, &map)};
static const struct key property_keys[] = {MUST("name", TEXT)};
static const struct block property = {"a property", KEYS(property_keys), KEYS(column_keys)};
/* what lists and maps hold needs no name */
static const struct key item_keys[] = {K("name", TEXT)};
static const struct block item = {"an item", KEYS(item_keys), KEYS(column_keys)};

static const struct key table_keys[] = {ELEMENT_KEYS, MUST("name", TEXT), ONE("logicalType", "object"),
    K("dataGranularityDescription", TEXT), OF("properties", BLOCKS, &property), OF("context", TEXT_OR_BLOCK, &context)};
static const struct block table = {"a schema object", KEYS(table_keys), NULL, 0};

static const struct key member_keys[] = {K("id", ID), MUST("username", TEXT), K("name", TEXT), K("description", TEXT),
    K("role", TEXT), K("dateIn", TEXT), K("dateOut", TEXT), K("replacedByUsername", TEXT), TAGS, CUSTOM, DEFINITIONS};
static const struct block member = {"a team member", KEYS(member_keys), NULL, 0};
/* members first: before v3.1 `team` was that list */
static const struct key team_keys[] = {
    OF("members", BLOCKS, &member), K("id", ID), K("name", TEXT), K("description", TEXT), TAGS, CUSTOM, DEFINITIONS};
static const struct block team = {"a team", KEYS(team_keys), NULL, 0};

static const struct key support_keys[] = {K("id", ID), MUST("channel", TEXT), K("url", TEXT), K("description", TEXT),
    K("tool", TEXT), K("scope", TEXT), K("invitationUrl", TEXT), CUSTOM};
static const struct block support = {"a support channel", KEYS(support_keys), NULL, 0};

static const struct key price_keys[] = {K("id", ID), K("priceAmount", NUMBER), K("priceCurrency", TEXT), K("priceUnit", TEXT)};
static const struct block price = {"a price", KEYS(price_keys), NULL, 0};

static const struct key sla_keys[] = {K("id", ID), MUST("property", TEXT), MUST("value", SCALAR),
    K("valueExt", SCALAR), K("unit", TEXT), K("element", TEXT), K("driver", TEXT), K("description", TEXT), K("scheduler", TEXT),
    K("schedule", TEXT), CUSTOM, DEFINITIONS};
static const struct block sla = {"a service level", KEYS(sla_keys), NULL, 0};

static const struct key description_keys[] = {K("usage", TEXT), K("purpose", TEXT), K("limitations", TEXT), DEFINITIONS, CUSTOM};
static const struct block description = {"a description", KEYS(description_keys), NULL, 0};

static const struct key server_keys[] = {K("id", ID), MUST("server", TEXT), MUST("type", TEXT),
    K("description", TEXT), K("environment", TEXT), OF("roles", BLOCKS, &role), CUSTOM,
    /* the rest belongs to some types only, see server_types */
    K("account", TEXT), K("catalog", TEXT), K("catalogUrl", TEXT), K("database", TEXT), K("dataset", TEXT), K("delimiter", TEXT),
    K("encoding", TEXT), K("endpointUrl", TEXT), K("format", TEXT), K("host", TEXT), K("location", TEXT), K("namespace", TEXT),
    K("path", TEXT), K("port", PORT), K("project", TEXT), K("region", TEXT), K("regionName", TEXT), K("schema", TEXT),
    K("serviceName", TEXT), K("stagingDir", TEXT), K("stream", TEXT), K("warehouse", TEXT), K("workgroup", TEXT)};
const struct block contract_block_server = {"a server", KEYS(server_keys), NULL, 0};

/* Of each type of server the keys it has besides the common ones; "!" marks those it must have. */
const struct server_type contract_server_types[] = {
    {"api", "location!"},
    {"athena", "stagingDir schema! catalog regionName workgroup"},
    {"azure", "location! format! encoding delimiter"},
    {"bigquery", "project! dataset!"},
    {"btrieve", "host! port database!"},
    {"clickhouse", "host! port! database!"},
    {"cloudsql", "host! port! database! schema!"},
    {"custom", "account catalog database dataset delimiter endpointUrl format encoding host location path port project region "
               "regionName schema serviceName stagingDir warehouse stream"},
    {"databricks", "host catalog! schema!"},
    {"db2", "host! port! database! schema"},
    {"denodo", "host! port! database"},
    {"dremio", "host! port! schema"},
    {"duckdb", "database! schema"},
    {"exasol", "host! port schema"},
    {"fastobjects", "database! host port"},
    {"glue", "account! database! location format encoding"},
    {"hana", "host! port database schema"},
    {"hive", "host! port database!"},
    {"iceberg", "catalog! catalogUrl! namespace warehouse"},
    {"impala", "host! port database!"},
    {"informix", "host! port database!"},
    {"ingres", "database! host! port"},
    {"kafka", "host! format encoding"},
    {"kinesis", "region format encoding"},
    {"local", "path! format! encoding"},
    {"mysql", "host! port! database!"},
    {"oracle", "host! port! serviceName!"},
    {"poet", "database! host port"},
    {"postgres", "host! port! database! schema!"},
    {"postgresql", "host! port! database! schema!"},
    {"presto", "host! catalog schema"},
    {"pubsub", "project!"},
    {"redshift", "host database! schema! region account"},
    {"s3", "location! endpointUrl format encoding delimiter"},
    {"sftp", "location! format encoding delimiter"},
    {"snowflake", "host port account! database! schema! warehouse"},
    {"sqlserver", "host! port database! schema!"},
    {"synapse", "host! port! database!"},
    {"teradata", "host! port database"},
    {"trino", "host! port! catalog! schema!"},
    {"vectorwise", "database! host! port"},
    {"versant", "database! host port"},
    {"vertica", "host! port! database! schema!"},
    {"zen", "host! port database!"},
};
const size_t contract_server_type_count = ARRAY_LEN(contract_server_types);

static const struct key top_keys[] = {
    MUST_ONE("apiVersion", "v3.2.0|v3.1.0|v3.0.2|v3.0.1|v3.0.0"),
    MUST_ONE("kind", "DataContract"), MUST("id", TEXT), MUST("version", TEXT), K("name", TEXT),
    K("tenant", TEXT), TAGS, K("status", TEXT), OF("servers", BLOCKS, &contract_block_server), K("dataProduct", TEXT),
    OF("description", BLOCK, &description), K("domain", TEXT), OF("context", TEXT_OR_BLOCK, &context), OF("schema", BLOCKS, &table),
    OF("support", BLOCKS, &support), OF("price", BLOCK, &price), OF("team", BLOCK_OR_BLOCKS, &team), OF("roles", BLOCKS, &role),
    K("slaDefaultElement", TEXT), OF("slaProperties", BLOCKS, &sla), DEFINITIONS, CUSTOM, K("contractCreatedTs", TEXT)};
const struct block contract_block_top = {"a data contract", KEYS(top_keys), NULL, 0};


static const struct key string_keys[] = {K("minLength", INT), K("maxLength", INT), K("pattern", TEXT), K("format", TEXT)};
#define BOUNDS K("minimum", SCALAR), K("maximum", SCALAR), K("exclusiveMinimum", SCALAR), K("exclusiveMaximum", SCALAR)
static const struct key date_keys[] = {BOUNDS, K("format", TEXT)};
static const struct key time_keys[] = {BOUNDS, K("format", TEXT), K("timezone", BOOL), K("defaultTimezone", TEXT)};
static const struct key integer_keys[] = {BOUNDS, K("multipleOf", NUMBER), ONE("format", "i8|i16|i32|i64|i128|u8|u16|u32|u64|u128")};
static const struct key number_keys[] = {BOUNDS, K("multipleOf", NUMBER), ONE("format", "f32|f64")};
static const struct key object_keys[] = {K("minProperties", INT), K("maxProperties", INT), K("required", TEXTS)};
static const struct key array_keys[] = {K("minItems", INT), K("maxItems", INT), K("uniqueItems", BOOL)};
static const struct key vector_keys[] = {MUST("dimensions", INT),
    ONE("elementType", "bfloat16|binary|float16|float32|float64|int8|uint8"),
    ONE("distanceMetric", "cosine|dotProduct|euclidean|hamming|manhattan"), K("embeddingModel", TEXT), K("embeddingModelVersion", TEXT),
    K("normalized", BOOL)};

const struct block contract_block_options[] = {
    [LOGICAL_NONE] = {"the options of a property without logicalType", NULL, 0, NULL, 0},
    [LOGICAL_STRING] = {"the options of a string", KEYS(string_keys), NULL, 0},
    [LOGICAL_DATE] = {"the options of a date", KEYS(date_keys), NULL, 0},
    [LOGICAL_TIMESTAMP] = {"the options of a timestamp", KEYS(time_keys), NULL, 0},
    [LOGICAL_TIME] = {"the options of a time", KEYS(time_keys), NULL, 0},
    [LOGICAL_NUMBER] = {"the options of a number", KEYS(number_keys), NULL, 0},
    [LOGICAL_INTEGER] = {"the options of an integer", KEYS(integer_keys), NULL, 0},
    [LOGICAL_OBJECT] = {"the options of an object", KEYS(object_keys), NULL, 0},
    [LOGICAL_ARRAY] = {"the options of an array", KEYS(array_keys), NULL, 0},
    [LOGICAL_BOOLEAN] = {"the options of a boolean", NULL, 0, NULL, 0},
    [LOGICAL_MAP] = {"the options of a map", NULL, 0, NULL, 0},
    [LOGICAL_VECTOR] = {"the options of a vector", KEYS(vector_keys), NULL, 0},
};

static const struct key argument_keys[] = {K("validValues", ANYS), K("pattern", TEXT), K("missingValues", ANYS), K("properties", TEXTS)};
const struct block contract_block_arguments = {"the arguments of a quality rule", KEYS(argument_keys), NULL, 0};
