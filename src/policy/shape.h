/* Aggregates only: compiled into the data, not into the query.
 *
 * Rows that pass the filter are put into cells of equal group_by columns (as masked). A cell is shown when at least min_group distinct
 * values of `unit` (of rows, without a unit; NULL is none) stand in it. It is shown as so many equal rows as it has; its dimensions are
 * as they are; of each other numeric column the rows hold the mean of the cell's values as a DOUBLE, so many of them as are not NULL, so
 * that count, sum and avg stay right. A column with values of fewer than min_group units in a cell is NULL there. All else is hidden. The
 * rows stand in the order of the dimensions. So the file is a function of what may be learned: the cells, their sizes, their sums.
 *
 * Sums of whole numbers and of decimals up to 18 digits are exact; means of others are rounded to 12 digits, because the last ones of a
 * sum of doubles tell of the single values. What this does not hide: the sum of a cell with one value far above all others, a value that
 * all of a cell share, and what changes between two versions of the data.
 *
 * Nobody but the producer may say what cells are made of: coarser cells minus finer ones are single rows. Hence shape_rows_ok(). */
#ifndef HEDDLE_POLICY_SHAPE_H
#define HEDDLE_POLICY_SHAPE_H

#include "policy/policy.h"

/* NULL when the terms suit the table, or ask for no groups; else what is wrong, with the column it is about ("" for none). */
const char *shape_misfit(const struct policy_terms *terms, const struct policy_table *t, Str *ret_column);
/* Is the column one that groups are made of? */
bool shape_is_dimension(const struct policy_terms *terms, Str column);
/* Does a shown column hold means? */
bool shape_is_mean(const struct policy_terms *terms, Str column);
/* Is it shown at all, under this mask? Dimensions and numbers are; the unit is not. */
bool shape_shows(const struct policy_terms *terms, const struct policy_column *col, enum mask_kind mask);
/* May somebody else's filter be put on top? Only when it names nothing but dimensions: it takes whole cells then. `mask_of` of the
 * decision must be none for them. NULL is fine. */
bool shape_rows_ok(const struct policy_terms *terms, const struct predicate *rows);

/* Part of policy_extract_sql(): with terms.min_group. */
NODISCARD Err shape_sql(struct ctx *c, const struct policy_table *t, const struct policy_decision *d, const bool *columns, Str from,
                        struct buf *out);

#endif
