/* Planning of extracts: from a decision and the columns that a statement needs to the SQL that a reader runs. Pure; needs no engine.
 *
 * An extract is one Parquet file (lz4, row groups of 122,880 rows) with the entitled rows of a table's snapshot and the wanted
 * columns, masked, in the table's order. Measured on the demo's star join against the alternatives: docs/decisions. */
#ifndef HEDDLE_QUERY_EXTRACT_H
#define HEDDLE_QUERY_EXTRACT_H

#include "base/arena.h"
#include "base/buf.h"
#include "policy/policy.h"
#include "query/sqlgate.h"

enum { EXTRACT_NAME_MAX = 80 };

/* Which columns of the table the statement gets: those it names (all with `table->all`) and the decision shows; when that is none, one
 * of the cheapest, so that rows can be counted. ret has t->column_count entries. DENIED when the decision shows no column. */
NODISCARD Err extract_columns(struct ctx *c, const struct sql_statement *s, const struct sql_table *table, const struct policy_table *t,
                              const struct policy_decision *d, bool *ret);

/* The reader's SELECT over the files (names in its folder, made of [A-Za-z0-9._-], 1 to 10,000 of them):
 *   FROM read_parquet(['@in/a','@in/b']) SELECT <masked columns> [WHERE <filter>]
 * A column that older files lack is NULL there. */
NODISCARD Err extract_sql(struct ctx *c, const struct policy_table *t, const struct policy_decision *d, const bool *columns,
                          const Str *files, size_t file_count, struct buf *out);

/* A file name that is a function of everything the extract depends on: "x<64 hex digits>.parquet", NUL-terminated. `snapshot` is the
 * table's snapshot (its manifest's hash, or any text that never stands for other files). */
void extract_name(Str snapshot, const struct policy_table *t, const struct policy_decision *d, const bool *columns,
                  char ret[static EXTRACT_NAME_MAX]);

/* May this be the name of a file in a view's folder? [A-Za-z0-9_][A-Za-z0-9._-]{0,200} */
bool extract_file_is_plain(Str name);

#endif
