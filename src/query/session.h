/* What a worker does for its one person and purpose, as plain functions over an engine: parse, run, check, look at files.
 *
 * Tables exist only as views (bind.h), made anew when their files or columns change. A statement may read the tables that came
 * with it and no others, whatever was there before. */
#ifndef HEDDLE_QUERY_SESSION_H
#define HEDDLE_QUERY_SESSION_H

#include <stdatomic.h>

#include "ipc/msg.h"
#include "query/bind.h"
#include "query/result.h"

enum { SESSION_CHECK_ROWS_MAX = 1000, SESSION_CHECK_BYTES_MAX = 256 * 1024 };

struct session {
	struct engine engine;
	duckdb_connection beside; /* for what runs at the same time */
	atomic_bool interrupted;  /* since session_begin */
	struct bindings bindings;
	struct arena parsed_arena; /* the statement that came through the gate last: most are parsed, decided on and then run */
	Str parsed_sql;
	struct sql_statement parsed;
};

NODISCARD Err session_open(struct ctx *c, const struct duck *d, const struct engine_spec *spec, struct session *ret);
void session_close(struct session *s);

/* W_PARSED's list: triples "domain.product.table", "*" or "", needed columns joined by \n. */
NODISCARD Err session_parse(struct ctx *c, struct session *s, Str sql, List *ret);

struct session_run {
	Str sql;
	enum result_format format;
	List tables; /* triples: name, file names joined by \n, columns joined by \n; no columns: all that the files have */
	List shapes; /* of tables given in aggregates only: name, dimensions joined by \n, measures joined by \n, "at least 5 rows" */
	struct result_sink sink;
};

/* Run, write the rows and the end of the stream, or the end alone with the error's code if rows were on their way already. */
NODISCARD Err session_run(struct ctx *c, struct session *s, const struct session_run *run, struct result_counts *ret_counts);

/* Per statement one JSON document, {"columns":[…],"rows":[[…]]} (at most SESSION_CHECK_ROWS_MAX rows) or {"error":"…"}. tables: pairs
 * of name and file names joined by \n. statements: pairs "own", "user" or "hashes" and SQL; "user" goes through the gate, "hashes" is
 * our own, too, and answered as in repeats.h. An error of one statement is in its document; CANCELLED ends them all. */
NODISCARD Err session_check(struct ctx *c, struct session *s, List tables, List statements, List *ret);

/* Per file of the folder {"rows":N,"columns":[{"name":…,"type":…}]} or {"error":"…"}. */
NODISCARD Err session_schemas(struct ctx *c, struct session *s, List files, List *ret);

/* New work is about to be handed over, and nobody has interrupted it. Called where session_interrupt is, before the work can run:
 * cleared by the work itself, an interrupt that came first would be forgotten, and its end be told as an error of the statement. */
void session_begin(struct session *s);
/* From any thread: stop what runs now. May come too early or too late; repeat until the work returned. */
void session_interrupt(struct session *s);

#endif
