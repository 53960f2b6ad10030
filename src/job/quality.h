/* Quality: a contract's rules compiled to SQL, and what came back judged. Pure: no I/O, no database; the caller runs the SQL.
 *
 *   quality_compile()  one plan per table: one scan that yields one row (statistics of every column, and every rule that is a
 *                      count over rows), plus further queries of one row each (keys, references, the producer's own SQL)
 *   (caller)           runs the scan, then the queries; keeps every value as text
 *   quality_judge()    pass, fail or error per check
 *   (caller)           for each failed check that has rows_sql: runs it, hands the rows to quality_rows()
 *   quality_json(), quality_text()
 *
 * Relations: the caller names one per table, a view over read_parquet() of the files of the batch: "batch"."transactions". For the
 * rows named it must let file_row_number and file_index through (both are virtual columns of read_parquet: select *, file_row_number,
 * file_index); they cost nothing where no query asks for them. */
#ifndef HEDDLE_JOB_QUALITY_H
#define HEDDLE_JOB_QUALITY_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "mesh/contract.h"

enum { QUALITY_ROWS_MAX = 10 };

/* A column as the files have it. min and max as text, p == NULL when the files' footers do not tell (they are a hint that makes
 * keys cheaper to check; a wrong hint makes the check fail with an error, never pass). */
struct quality_column { Str name, type, min, max; };

struct quality_source {
	Str table;                  /* of the contract */
	Str relation;               /* SQL: a quoted, qualified name */
	const struct quality_column *columns; size_t column_count; /* needed for the table compiled, optional for others */
};

enum quality_from {
	QUALITY_SCAN,               /* column `index` of the scan's row */
	QUALITY_QUERY,              /* queries[index] */
	QUALITY_NOT_RUN             /* text and custom rules, references to other products: `note` says why */
};

struct quality_check {
	Str id;                     /* "transactions.quantity.minimum"; stable over runs of the same contract */
	Str title;                  /* "quantity is at least 0" */
	Str severity;               /* "error" unless the rule says "warning" or "info": those never fail a batch */
	Str dimension, column;      /* "" when none */
	enum quality_from from;
	size_t index;
	enum rule_operator op;
	struct contract_value operands[2];
	bool percent;               /* of the row count */
	Str rows_sql;               /* up to QUALITY_ROWS_MAX offending rows, "" when it has none; first columns file_index, file_row_number */
	bool user_sql;              /* the query is the producer's text: it goes through the SQL gate into a worker */
	Str note;
};

struct quality_query {
	Str sql;                    /* one row, one value */
	bool user_sql;
	/* When not empty: `sql` may only be believed when its value is this; else run `otherwise` and take its value. */
	Str believe;
	Str otherwise;
};

struct quality_plan {
	Str table;
	Str scan_sql;               /* one row */
	size_t value_count;         /* columns of that row; [0] is the number of rows */
	struct quality_query *queries; size_t query_count;
	struct quality_check *checks; size_t check_count;
	const struct quality_column *columns; size_t column_count; /* statistics: for column i the row's values */
	size_t stats_index;         /* [stats_index + 3i] nulls, +1 minimum, +2 maximum (text; NULL where the type has no order) */
};

/* `self` is among the sources. A table that is referred to but has no source: that check is not run, and says so. INVALID when the
 * contract names what the columns lack (contract_columns_check() comes first). In the arena of c. */
NODISCARD Err quality_compile(struct ctx *c, const struct contract_table *t, const struct quality_source *sources, size_t n,
    const struct quality_plan **ret);

/* What running gave: each value as text, p == NULL for NULL. error.n > 0: it failed, with this (sanitised) message. */
struct quality_value { Str text; Str error; };
struct quality_answers {
	const struct quality_value *scan;    /* value_count */
	const struct quality_value *queries; /* query_count */
};

enum quality_outcome { QUALITY_PASS, QUALITY_FAIL, QUALITY_WARN, QUALITY_ERROR, QUALITY_SKIPPED };

struct quality_result {
	const struct quality_check *check;
	enum quality_outcome outcome;
	Str value;                  /* as text; "" when not run */
	Str message;                /* "3 rows; must be 0" */
	/* rows named */
	const Str *row_columns; size_t row_column_count;
	const Str *row_values; size_t row_count; /* row_count × row_column_count, p == NULL for NULL */
};

struct quality_report {
	const struct quality_plan *plan;
	Str table;
	uint64_t rows;
	bool passed;                /* no FAIL and no ERROR of severity error */
	struct quality_result *results; size_t result_count;
	const struct quality_value *scan;
};

NODISCARD Err quality_judge(struct ctx *c, const struct quality_plan *p, const struct quality_answers *a, struct quality_report **ret);
/* Attach what rows_sql of results[i] gave; at most QUALITY_ROWS_MAX are kept. Copies into the arena of c. */
void quality_rows(struct ctx *c, struct quality_report *r, size_t i, const Str *columns, size_t column_count, const Str *values,
    size_t row_count);

/* {"table","rows","passed","checks":[{"id","title","column","severity","dimension","outcome","value","must","message",
 * "rows":[{…}]}],"statistics":[{"column","type","nulls","min","max"}]}. Statistics carry values of the data: for the producer and for
 * those who may read the columns, never for others; without them when !statistics. Rows named likewise: only when `rows`. */
struct quality_show { bool statistics, rows; };
void quality_json(const struct quality_report *r, struct quality_show show, struct buf *out);
/* An aligned table for a terminal, then the rows named of each failed check. */
void quality_text(const struct quality_report *r, struct quality_show show, struct buf *out);
/* One line: "transactions: 1,469,307 rows, 31 checks passed" or "… 2 of 31 checks failed: …". */
void quality_summary(const struct quality_report *r, struct buf *out);

#endif
