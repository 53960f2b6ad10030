/* Data contracts: Open Data Contract Standard v3.0 to v3.2 (Bitol), parsed into a typed model, compared, matched with files.
 *
 * Strict where the standard is: an unknown key of any block is an error that names it, its line and column, and the key that was
 * probably meant. `customProperties` is the place for anything else. On top of the standard, what the mesh needs:
 *   domain       required, an identifier of the mesh ([a-z0-9_]{1,64} without "__")
 *   dataProduct  the product's name, an identifier; without it `name` must be one
 *   version      MAJOR.MINOR.PATCH
 *   schema       at least one object, each with at least one property. The name of a table, and of a column, is its `name`, or when
 *                that is not an identifier its `physicalName`; unique within its block. Columns are found in files without regard
 *                to case, as DuckDB does.
 * Custom properties that mean something here (others are kept and shown): `discoverable` (boolean, default true: may people without
 * a grant find the product and read this contract?), `termsOfUse` (text), `glossary` of a property (text). */
#ifndef HEDDLE_MESH_CONTRACT_H
#define HEDDLE_MESH_CONTRACT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum { CONTRACT_TABLES_MAX = 256, CONTRACT_COLUMNS_MAX = 1000, CONTRACT_RULES_MAX = 500 /* per table */ };

struct contract_version { uint32_t major, minor, patch; };

/* A scalar of the contract, as written. */
enum value_kind { VALUE_NULL, VALUE_BOOL, VALUE_NUMBER, VALUE_TEXT };
struct contract_value { enum value_kind kind; Str text; };

/* customProperties: `json` is the value as JSON text. */
struct contract_custom { Str property; Str json; };

enum logical_type {
	LOGICAL_NONE, LOGICAL_STRING, LOGICAL_DATE, LOGICAL_TIMESTAMP, LOGICAL_TIME, LOGICAL_NUMBER, LOGICAL_INTEGER, LOGICAL_OBJECT,
	LOGICAL_ARRAY, LOGICAL_BOOLEAN, LOGICAL_MAP, LOGICAL_VECTOR
};
const char *logical_type_name(enum logical_type t); /* "" for LOGICAL_NONE */

/* logicalTypeOptions. A bound is a number for numbers and integers, text ("2017-01-01") for dates, timestamps, times. */
struct contract_options {
	bool has_min, has_max, min_exclusive, max_exclusive;
	struct contract_value min, max;
	bool has_multiple_of;
	Str multiple_of;                 /* a decimal number, as written */
	bool has_min_length, has_max_length;
	int64_t min_length, max_length;  /* of text, in characters */
	Str pattern;                     /* regular expression found somewhere in the text, unless anchored (RE2 syntax); "" when none */
	Str format;                      /* as written; informative, but for integer widths and f32/f64 */
};

enum rule_type { RULE_LIBRARY, RULE_SQL, RULE_TEXT, RULE_CUSTOM };
enum rule_metric { METRIC_NONE, METRIC_NULL, METRIC_MISSING, METRIC_INVALID, METRIC_DUPLICATE, METRIC_ROW_COUNT };
const char *rule_metric_name(enum rule_metric m); /* "nullValues", … */
enum rule_operator {
	OPERATOR_NONE, OPERATOR_BE, OPERATOR_NOT_BE, OPERATOR_GT, OPERATOR_GE, OPERATOR_LT, OPERATOR_LE, OPERATOR_BETWEEN,
	OPERATOR_NOT_BETWEEN
};
const char *rule_operator_name(enum rule_operator op); /* "mustBe", … */

struct contract_rule {
	enum rule_type type;
	enum rule_metric metric;         /* of a library rule */
	enum rule_operator op;           /* NONE for text and custom rules */
	struct contract_value operands[2]; /* [1] only for the two betweens */
	bool percent;                    /* the value is a share of the rows, 0..100 */
	Str id, name, description, dimension, severity, business_impact; /* "" when not given */
	Str query;                       /* SQL rule: the producer's text with ${table}, ${column} */
	const struct contract_value *values; /* invalidValues: validValues; missingValues: missingValues */
	size_t value_count;
	bool has_values;
	Str pattern;                     /* invalidValues */
	const Str *columns;              /* duplicateValues of a table: arguments.properties */
	size_t column_count;
	uint32_t line;                   /* of the contract */
};

struct contract_property {
	Str name;                        /* of the column */
	Str title;                       /* businessName, "" */
	Str description, classification, physical_type, glossary, semantic_type;
	enum logical_type type;
	struct contract_options options;
	bool required, unique, primary_key, partitioned, critical, deprecated;
	uint32_t key_position;           /* from 1, in the order of the key; 0 when no part of it */
	const struct contract_value *allowed; /* enum */
	size_t allowed_count;
	const Str *tags; size_t tag_count;
	const Str *examples; size_t example_count; /* as JSON text */
	const struct contract_rule *rules; size_t rule_count;
	const struct contract_custom *custom; size_t custom_count;
	uint32_t line, column;
};

/* A foreign key: `columns` of this table point to `to_columns` of `to_table`. */
struct contract_reference {
	const Str *columns, *to_columns;
	size_t count;                    /* ≥ 1, of both */
	Str to_table;                    /* of this contract when `external` is "" */
	Str external;                    /* another contract's file, as written: kept and shown, not checked on publish */
	Str text;                        /* "household_id -> campaigns.household_id", for people */
};

struct contract_table {
	Str name, title, description, granularity;
	const Str *tags; size_t tag_count;
	const struct contract_property *columns; size_t column_count;
	const Str *key; size_t key_count; /* names of the primary key's columns in order */
	const struct contract_rule *rules; size_t rule_count;
	const struct contract_reference *references; size_t reference_count; /* of the table and of its properties */
	const struct contract_custom *custom; size_t custom_count;
};

struct contract_sla { Str property, value, unit, element, driver, description; };
struct contract_support { Str channel, url, tool, scope, description; };
struct contract_member { Str username, name, role; };
struct contract_price { bool given; Str amount, currency, unit; };
struct contract_role { Str role, description, access, approvers; };

struct contract {
	Str api_version;                 /* "v3.2.0" */
	Str id;                          /* the contract's own, stable over its versions */
	Str title;                       /* name, for people */
	Str version_text;
	struct contract_version version;
	Str status;                      /* proposed, draft, active, deprecated, retired, or other text; "" when not given */
	Str domain, product;             /* identifiers */
	Str tenant;
	Str usage, purpose, limitations; /* description */
	Str terms;                       /* termsOfUse, else usage */
	bool discoverable;
	const Str *tags; size_t tag_count;
	Str team, team_description;
	const struct contract_member *members; size_t member_count;
	const struct contract_support *support; size_t support_count;
	const struct contract_role *roles; size_t role_count;
	struct contract_price price;
	const struct contract_sla *slas; size_t sla_count;
	const struct contract_table *tables; size_t table_count;
	const struct contract_custom *custom; size_t custom_count;
};

/* Everything in the arena of c, nothing borrowed from `yaml`. INVALID and TOO_LARGE name line and column. O(bytes log bytes). */
NODISCARD Err contract_parse(struct ctx *c, Str yaml, const struct contract **ret);

const struct contract_table *contract_table_get(const struct contract *k, Str name);
/* Without regard to case. */
const struct contract_property *contract_column_get(const struct contract_table *t, Str name);
/* The first SLA of that property ("freshness", "latency", "retention", "availability", …), NULL when none. */
const struct contract_sla *contract_sla_get(const struct contract *k, const char *property);

/* "1.2.3", no leading zeros, no suffix. */
bool contract_version_parse(Str text, struct contract_version *ret);
int contract_version_cmp(struct contract_version a, struct contract_version b);

/* --- types --- */

/* Does a column of DuckDB type `duckdb_type` ("BIGINT", "DECIMAL(18,2)", "VARCHAR[]") hold what the property promises? CONTRACT:
 * "column sales_value: the contract says number, the file has VARCHAR". `table` only names it. */
NODISCARD Err contract_type_accepts(struct ctx *c, Str table, const struct contract_property *p, Str duckdb_type);

struct contract_file_column { Str name, type; }; /* as DuckDB's DESCRIBE tells */
/* Every property has its column of a fitting type. CONTRACT names all that is missing or does not fit, up to ten, on one line. Columns
 * of the file that the contract does not name are allowed only when `*ret_extra` is wanted: they are counted there and belong
 * to no product (they are not published). */
NODISCARD Err contract_columns_check(struct ctx *c, const struct contract_table *t, const struct contract_file_column *columns,
    size_t n, size_t *ret_extra);

/* --- versions --- */

enum change_kind {
	CHANGE_TABLE_ADDED, CHANGE_TABLE_REMOVED, CHANGE_COLUMN_ADDED, CHANGE_COLUMN_REMOVED, CHANGE_TYPE, CHANGE_REQUIRED, CHANGE_OPTIONAL,
	CHANGE_KEY, CHANGE_UNIQUE, CHANGE_CLASSIFICATION, CHANGE_VALUES, CHANGE_RANGE, CHANGE_RULE, CHANGE_REFERENCE, CHANGE_TEXT
};
struct contract_change {
	enum change_kind kind;
	bool breaking;                   /* a reader of the old version can break on data of the new one */
	bool additive;                   /* needs a new minor version */
	Str table, column;               /* "" where it does not apply */
	Str text;                        /* "transactions.basket_size: column added (integer)" */
};
/* What changed, table by table and column by column, in the order of the new contract, then what was removed. In the arena of c. */
NODISCARD Err contract_diff(struct ctx *c, const struct contract *from, const struct contract *to, const struct contract_change **ret,
    size_t *ret_n);
/* May `to` follow `from`? INVALID when it is another product, the version does not grow, or grows too little: "version 1.0.1 breaks
 * readers of 1.0.0: transactions.quantity: column removed; …; this needs version 2.0.0 or later". Of 0.y.z the minor number counts as
 * the major one (Semantic Versioning 2.0.0). Identical contracts may repeat the version. */
NODISCARD Err contract_version_check(struct ctx *c, const struct contract *from, const struct contract *to);

/* `heddle contract check FILE`: the text of a contract judged; one line for a person in `out`. Reading the file is the caller's. */
NODISCARD Err contract_check_text(struct ctx *c, Str yaml, struct buf *out);

#endif
