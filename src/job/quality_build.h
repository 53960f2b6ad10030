/* A plan while it is made. Shared by the files that compile quality rules only. */
#ifndef HEDDLE_JOB_QUALITY_BUILD_H
#define HEDDLE_JOB_QUALITY_BUILD_H

#include "job/quality.h"

struct build {
	struct ctx *c;
	struct arena *a;
	const struct contract_table *t;
	const struct quality_source *self, *sources;
	size_t source_count;
	struct buf *scan;           /* the select list so far */
	size_t values;
	struct quality_plan *plan;
	size_t check_cap, query_cap;
	size_t stats_at;
};

/* --- SQL, all in the arena --- */
Str sql_ident(struct arena *a, Str name);
Str sql_text(struct arena *a, Str s);
/* The value as a literal to compare with a column of that type. */
Str sql_literal(struct arena *a, const struct contract_value *v, Str type);
/* "a", "b" — with "r." and "d." before each when prefix is not empty */
Str sql_columns(struct arena *a, const Str *names, size_t n, const char *prefix);
/* Non-null values of `column` outside the list: how many, and as a condition. */
Str sql_outside_count(struct arena *a, Str column, Str type, const struct contract_value *values, size_t n);
Str sql_outside(struct arena *a, Str column, Str type, const struct contract_value *values, size_t n);
/* How many are in it (null never is). */
Str sql_inside_count(struct arena *a, Str column, Str type, const struct contract_value *values, size_t n);
Str sql_inside(struct arena *a, Str column, Str type, const struct contract_value *values, size_t n);
/* The column as text. */
Str sql_as_text(struct arena *a, Str column, Str type);
bool sql_is_float(Str type);
bool sql_has_order(Str type);

/* --- parts of the plan --- */
size_t build_value(struct build *b, Str expression);   /* of the scan; its index */
size_t build_query(struct build *b, struct quality_query q);
/* A new check with the id TABLE[.COLUMN].WHAT and severity error, mustBe 0. Valid until the next one. */
struct quality_check *build_check(struct build *b, Str column, Str what, Str title);
/* The key's columns and then those, each once, as a select list. */
Str build_key_and(struct build *b, const Str *columns, size_t n, const char *prefix);
/* Rows that fulfil the condition: file, row, the key's columns, then `columns`. */
Str build_rows(struct build *b, const Str *columns, size_t n, Str condition);
/* The queries for rows that repeat in these columns; nulls count as values unless skip_null. Sets from, index and rows_sql. */
void build_repeats(struct build *b, struct quality_check *check, const Str *columns, size_t n, bool skip_null);
/* SQL of build_repeats(), for the rows with these hashes only when a list of them is known. */
Str build_narrowed(struct arena *a, Str sql, Str key_hash, Str hashes);
const struct quality_column *build_column(const struct build *b, Str name);
const struct quality_source *build_source(const struct build *b, Str table);

/* The rules written in the contract, of a column or (NULL) of the table. */
NODISCARD Err build_rules(struct build *b, const struct contract_property *p, const struct contract_rule *rules, size_t n);

#endif
