/* Row filters against a table: does each comparison name a column that is there, and can it fail while rows are read? */
#ifndef HEDDLE_POLICY_ROWS_H
#define HEDDLE_POLICY_ROWS_H

#include "policy/policy.h"
#include "policy/type.h"

/* NULL when the filter suits the table; else what is wrong, with the column it is about. No allocation. */
const char *rows_misfit(const struct predicate *p, const struct policy_table *t, Str *ret_column);
/* Names match as in DuckDB: ASCII letters of any case. NULL when there is none. */
const struct policy_column *rows_column(const struct policy_table *t, Str name);

#endif
