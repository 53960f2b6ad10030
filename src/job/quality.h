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
 * rows named the view must let two virtual columns of read_parquet through: select *, file_row_number, file_index. They cost
 * nothing where no query asks for them.
 *
 * What it costs (20.9 M rows in one row group, 5 columns all in the key, 2 cores, DuckDB 1.5.5): the scan with statistics and every
 * rule 0.6 s. The key: GROUP BY over its columns 4.2–9.5 s, count(DISTINCT hash) 1.8 s (256 MB, spilling) to 4.6 s (4 GB), sorting
 * the hashes 2.4–3.6 s, streaming the hashes into base/distinct.h 0.7 s and 170 MB; beside the scan on the second core 0.73 s
 * for both (start the scan with duckdb_pending_prepared(), stream the hashes, then finish it). All are exact: equal hashes only
 * lead to a second look at the keys themselves. Why ranges are read off minimum and maximum: no cost beside the statistics, where
 * counting takes 50–100 ms a rule; why texts are looked up with list_position(): it runs once per entry of the dictionary (75 ms),
 * NOT IN once per row (830 ms). */
#ifndef HEDDLE_JOB_QUALITY_H
#define HEDDLE_JOB_QUALITY_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "mesh/contract/contract.h"

enum { QUALITY_ROWS_MAX = 10, QUALITY_HASHES_MAX = 1000 };

/* A column as the files have it. */
struct quality_column { Str name, type; };

struct quality_source {
	Str table;                  /* of the contract */
	Str relation;               /* SQL: a quoted, qualified name */
	const struct quality_column *columns; size_t column_count; /* needed for the table compiled, optional for others */
	bool hashes;                /* whoever runs the queries can run those with `hashes` set */
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
	bool range;                 /* the value is 1 when the smallest or largest value, scan[shown], is out of range, else 0 */
	size_t shown;
	Str rows_sql;               /* up to QUALITY_ROWS_MAX offending rows, "" when it has none; see quality_result */
	bool user_sql;              /* the query is the producer's text: it goes through the SQL gate into a worker */
	Str note;
};

struct quality_query {
	Str sql;                    /* one row, one value */
	bool user_sql;
	/* sql is a stream of one UBIGINT per row instead. Put it through base/distinct.h; the value is "0" when none repeats, else
	 * up to QUALITY_HASHES_MAX of the repeated ones, "17,4711" ("0,0" for 0 alone), or "many" when there are more or
	 * distinct_count() gives up. */
	bool hashes;
	/* When not empty: `sql` may only be believed when its value is this; else run quality_otherwise() and take its value. */
	Str believe;
	Str otherwise;
	Str key_hash;               /* of the key's columns, as SQL; "" when there is none */
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

/* The query to run when `value` of q->sql is not what may be believed. */
Str quality_otherwise(struct arena *a, const struct quality_query *q, Str value);

/* What running gave: each value as text, p == NULL for NULL. error.n > 0: it failed, with this (sanitised) message. */
struct quality_value {
	Str text, error;
	Str hashes;                 /* of a query with `hashes`: what its first form gave, "" otherwise */
};
struct quality_answers {
	const struct quality_value *scan;    /* value_count */
	const struct quality_value *queries; /* query_count */
};

enum quality_outcome { QUALITY_PASS, QUALITY_FAIL, QUALITY_WARN, QUALITY_ERROR, QUALITY_SKIPPED };

struct quality_result {
	const struct quality_check *check;
	enum quality_outcome outcome;
	Str value;                  /* as text; "" when not run */
	Str must;                   /* "must be at most 1 %"; "" for ranges, whose title says it, and for what is not run */
	Str message;                /* "3 rows; must be 0" */
	Str rows_sql;               /* what to run for the rows named, "" when there is nothing to name */
	/* rows named; the first columns are "file" and "row", both from 1 */
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
 * "rows":[{"file":1,"row":7,…}]}],"statistics":[{"column","type","nulls","min","max"}]}; outcome is pass, fail, warning, error or
 * "not run". Statistics, rows named, and the values of ranges and of SQL rules are values of the data: for the producer and for
 * those who may read the columns, never for others. They are left out unless asked for. */
struct quality_show { bool statistics, rows; };
void quality_json(const struct quality_report *r, struct quality_show show, struct buf *out);
/* An aligned table for a terminal, then the rows named of each failed check. */
void quality_text(const struct quality_report *r, struct quality_show show, struct buf *out);
/* One line: "transactions: 1,469,307 rows, 31 checks passed" or "… 2 of 31 checks failed: …". */
void quality_summary(const struct quality_report *r, struct buf *out);

#endif
