/* The extract cache: what readers wrote for (snapshot, decision, columns), kept in the lake and linked into workers' folders. */
#ifndef HEDDLE_CORE_EXTRACT_H
#define HEDDLE_CORE_EXTRACT_H

#include "core/use/pool.h"
#include "table/manifest.h"

/* One table of a statement: decided, and then bound to files. Everything in the request's arena. */
struct table_use {
	Str name;                     /* domain.product.table */
	Str product_id, table, manifest_sha;
	bool all;                     /* every visible column is shown */
	bool asked_all;               /* and the statement itself wants them all */
	const Str *wanted;            /* columns named by the statement, lower case */
	size_t wanted_count;
	struct policy_decision decision;
	struct policy_table shape;    /* copied */
	struct manifest manifest;
	Str consumer_id;              /* domain whose key masks */
	uint64_t reserve;             /* rows held of the grant's budget, told with this table */
	/* bound: */
	Str *columns;                 /* shown, in order */
	size_t column_count;
	Str *files;                   /* names in the worker's folder */
	size_t file_count;
	bool made;                    /* an extract had to be written */
};

/* Bind every table: to the snapshot's own files where nothing is hidden, else to an extract, made by readers (one per product, at the
 * same time) where the cache has none. */
NODISCARD Err extracts_bind(struct core *core, struct ctx *c, Str purpose, struct table_use *uses, size_t n);
/* kind, name, name in the folder, for proc_link(). */
size_t extracts_sources(struct arena *a, const struct table_use *uses, size_t n, Str **ret);
void extracts_forget(struct core *core); /* the lake lost them */

#endif
