/* Planning of extracts: from a decision and the columns that a statement needs to the SQL that a reader runs. Pure; needs no engine.
 *
 * An extract is one Parquet file with the entitled rows of a table's snapshot and the wanted columns, masked, in the table's order:
 * lz4 and DuckDB's own row groups (122,880 rows), because of what was measured on the demo's star join (five tables, 1.47 M lines of
 * transactions, household_id hashed in three of them, 2 threads, idle machine; the original files have one row group each):
 *   original files 700 ms; extracts written in 520 ms and joined in 375 (lz4), 380 (snappy), 370 (uncompressed), 390 to 670 (smaller
 *   row groups); a DuckDB file 735 and 295; tables in the worker's memory 97 more to load and 310. So the first governed query costs
 *   1.3 times the raw one, the later ones about half of it, and a worker keeps nothing in memory. */
#ifndef HEDDLE_QUERY_EXTRACT_H
#define HEDDLE_QUERY_EXTRACT_H

#include "base/arena.h"
#include "base/buf.h"
#include "policy/policy.h"

/* Which columns of the table a statement gets: those among `wanted` (compared without case; with `all` every one) that the decision
 * shows; when that is none, one of the cheapest, so that rows can be counted. ret has t->column_count entries. DENIED when the
 * decision shows no column. */
NODISCARD Err extract_columns(struct ctx *c, const struct policy_table *t, const struct policy_decision *d, bool all, const Str *wanted,
                              size_t wanted_count, bool *ret);

/* The reader's SELECT over the files (names in its folder, made of [A-Za-z0-9._-], 1 to 10,000 of them):
 *   FROM read_parquet(['@in/a','@in/b']) SELECT <masked columns> [WHERE <filter>]
 * or WITH kept AS (FROM read_parquet([… for aggregates only (policy/shape.h). A column that older files lack is NULL there. */
NODISCARD Err extract_sql(struct ctx *c, const struct policy_table *t, const struct policy_decision *d, const bool *columns,
                          const Str *files, size_t file_count, struct buf *out);

/* May this be the name of a file in a view's folder? [A-Za-z0-9_][A-Za-z0-9._-]{0,200} */
bool extract_file_is_plain(Str name);

#endif
