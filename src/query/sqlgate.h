/* The gate for people's SQL: reads the syntax tree that DuckDB's own parser gives (json_serialize_sql) and lets through one
 * SELECT made of known parts alone. A node, a field of a node, a function or a type that is not on a list refuses the statement:
 * nothing is passed over unread.
 *
 * Tables must be written domain.product.table, unless the name is a common table expression in scope. Everything else that
 * could name data (files, catalogs, settings, system views, strings run as SQL, parameters) is refused. */
#ifndef HEDDLE_QUERY_SQLGATE_H
#define HEDDLE_QUERY_SQLGATE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

enum { SQL_TEXT_MAX = 64 * 1024, SQL_TREE_MAX = 8 * 1024 * 1024, SQL_DEPTH_MAX = 256 };

struct sql_table {
	Str name; /* "domain.product.table", lower case, each part an identifier of the mesh */
	bool all; /* the statement needs every column */
};

/* What a statement reads. `columns` is an over-approximation that holds for each table: a column of a table with all == false
 * that is not in it (compared without case) can't change the answer, as long as the order of the others is kept. Lower case;
 * names of other things (aliases, fields, CTEs) may be among them. */
struct sql_statement {
	const struct sql_table *tables; /* each once, in order of appearance */
	size_t table_count;
	const Str *columns; /* in no order */
	size_t column_count;
};

/* A table of which only aggregates were granted: its rows are means of groups (policy/shape.h), so that any answer is safe; this is about
 * answers that would mislead. Names compared without case. */
struct sql_shape {
	Str table; /* "domain.product.table" */
	const Str *dimensions;
	size_t dimension_count;
	const Str *measures; /* what is a mean */
	size_t measure_count;
	Str least; /* "at least 5 household_id" */
};

/* Check a tree. SQL names what isn't allowed, and where ("at character 17", from 1); TOO_LARGE over the limits. The result is in
 * the arena of c. Cost: about 60 ns per byte of tree. */
NODISCARD Err sqlgate_check(struct ctx *c, Str tree, struct sql_statement *ret);

/* Once more, for a statement that reads such tables: SQL when a measure stands anywhere but as the one argument of count(), sum() or avg(),
 * or all columns are asked for at once. Only DESCRIBE may. */
NODISCARD Err sqlgate_check_shapes(struct ctx *c, Str tree, const struct sql_shape *shapes, size_t n);

#endif
