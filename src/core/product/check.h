/* Checking a batch against its contract, in a worker that sees nothing but the batch. */
#ifndef HEDDLE_CORE_CHECK_H
#define HEDDLE_CORE_CHECK_H

#include "core/use/pool.h"
#include "job/quality.h"
#include "table/manifest.h"

/* A table of the batch: its uploads, or, when it has none, the snapshot that stays. */
struct batch_table {
	const struct contract_table *contract;
	Str *files;                    /* names in the worker's folder */
	Str *file_names;               /* as people know them */
	size_t file_count;
	uint64_t *file_rows;
	const struct manifest *kept;   /* NULL for new data */
	bool closed;                   /* rules may not read it: their author could ask, and the report would answer */
	struct contract_file_column *columns;
	size_t column_count;
	uint64_t rows;
	Str name;                      /* domain.product.table: what the worker calls it */
	struct quality_report *report; /* of new data */
};

/* Learn each file's columns and rows, check them against the contract, run the rules. OK even when rules fail: look at the reports. CONTRACT or
 * INVALID, naming the file, when a file is no Parquet, or columns are missing or of another type. */
NODISCARD Err batch_check(struct core *core, struct ctx *c, struct proc *p, const struct contract *k, struct batch_table *tables, size_t n);
bool batch_passed(const struct batch_table *tables, size_t n);

#endif
