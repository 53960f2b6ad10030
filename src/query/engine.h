/* One DuckDB instance, in memory, locked down: our settings, no extensions, no files but those beneath the folders it is given,
 * and a configuration that SQL can't change. Used by readers and workers, which sandbox themselves before they open one. */
#ifndef HEDDLE_QUERY_ENGINE_H
#define HEDDLE_QUERY_ENGINE_H

#include "base/arena.h"
#include "base/buf.h"
#include "query/duck.h"
#include "query/sqlgate.h"

struct engine_spec {
	int read_dir;          /* folder whose files SQL of ours may name (engine_file()); -1: none */
	int write_dir;         /* folder that COPY of ours may write to; -1: none */
	int temp_dir;          /* where to spill; -1: never spills */
	uint64_t memory_bytes; /* of the buffer manager; 0: 256 MiB */
	uint64_t temp_bytes;   /* 0: 1 GiB */
	unsigned threads;      /* 0: 2 */
	bool try_escape;       /* a thread of the engine tries to read a file outside; INTERNAL when it can */
};

struct engine {
	const struct duck *d;
	duckdb_database db;
	duckdb_connection con;
	duckdb_prepared_statement tree; /* json_serialize_sql($1) */
	struct engine_spec spec;
	bool open;
};

/* After the sandbox was entered: DuckDB starts its threads here. 5–15 ms. Descriptors are borrowed and must stay open. */
NODISCARD Err engine_open(struct ctx *c, const struct duck *d, const struct engine_spec *spec, struct engine *ret);
void engine_close(struct engine *e);

/* Run our own SQL and drop the result. */
NODISCARD Err engine_exec(struct ctx *c, struct engine *e, const char *sql);
/* Start a statement whose rows are made as they are fetched. *ret is the caller's to destroy. */
NODISCARD Err engine_stream(struct ctx *c, struct engine *e, const char *sql, duckdb_result *ret);
/* The first cell of the result, when it is text ("" for NULL, no row, another type); in the arena of c. */
NODISCARD Err engine_text(struct ctx *c, struct engine *e, const char *sql, Str *ret);
/* The first cell, when it is a BIGINT (0 for NULL, no row, another type). COPY answers with the rows it wrote. */
NODISCARD Err engine_count(struct ctx *c, struct engine *e, const char *sql, uint64_t *ret);
/* Parse a person's SQL (at most SQL_TEXT_MAX bytes of UTF-8) and pass it through the gate. Nothing of it runs. */
NODISCARD Err engine_parse(struct ctx *c, struct engine *e, Str sql, struct sql_statement *ret);

/* What sqlgate_check_shapes() says of it. */
NODISCARD Err engine_check_shapes(struct ctx *c, struct engine *e, Str sql, const struct sql_shape *shapes, size_t n);

/* '/proc/self/fd/<dir>/<name>' as an SQL literal. */
void engine_file(struct buf *out, int dir, Str name);

/* The Err for DuckDB's message (JSON, as errors_as_json gives it, or plain). What reaches the detail is the message's first
 * lines and the position in the statement; never a path, a plan or an internal error's text. */
NODISCARD Err engine_error(struct ctx *c, const char *message);

#endif
