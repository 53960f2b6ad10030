/* What the two SQLite files of a node share: opening, migrating, cached statements, one mapping of SQLite's results to Err.
 * Private to store/. */
#ifndef HEDDLE_STORE_DB_H
#define HEDDLE_STORE_DB_H

#include <sqlite3.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/* What makes one kind of file: its migrations and its statements, both as tables of SQL. */
struct db_schema {
	const char *what;         /* "catalog store", for messages */
	const char *synchronous;  /* "NORMAL" or "FULL", with the reason beside the table */
	const char *const *steps; /* step i brings user_version from i to i + 1; append only */
	size_t step_count;
	const char *const *statements; /* prepared on first use, kept until db_close() */
	size_t statement_count;
};

struct db {
	sqlite3 *handle;
	sqlite3_stmt **cache; /* statement_count entries, NULL until used */
	const struct db_schema *schema;
};

/* Open or create (mode 0600), lock for this process alone, check, migrate. CONFLICT: newer than this program, or open elsewhere.
 * CORRUPT: not a database, or damaged. Reads the whole file once (quick_check): about 1 ms per 2 MB. */
NODISCARD Err db_open(struct ctx *c, const char *path, const struct db_schema *schema, struct db *ret);
void db_close(struct db *d);

/* The error that the last failed call left, with SQLite's own words behind `doing`. */
NODISCARD Err db_fail(struct ctx *c, const struct db *d, const char *doing);

/* A cached statement, ready to bind; STMT_AUTO makes it ready again when the scope ends. Not for nested use of the same one. */
NODISCARD Err db_statement(struct ctx *c, struct db *d, size_t index, sqlite3_stmt **ret);
void db_statement_done(sqlite3_stmt **st);
#define STMT_AUTO __attribute__((cleanup(db_statement_done))) sqlite3_stmt *

/* Bound bytes are borrowed until the statement is done. Positions count from 1. */
void db_bind_text(sqlite3_stmt *st, int at, Str s);
void db_bind_blob(sqlite3_stmt *st, int at, const void *p, size_t n);
/* One step: is there a row? */
NODISCARD Err db_step(struct ctx *c, const struct db *d, sqlite3_stmt *st, bool *ret_row);
/* To the end, for statements that give no rows. */
NODISCARD Err db_run(struct ctx *c, const struct db *d, sqlite3_stmt *st);
/* Plain SQL of our own without results. */
NODISCARD Err db_exec(struct ctx *c, const struct db *d, const char *sql);
/* A column of the row stepped to; borrowed until the next step. */
Str db_column(sqlite3_stmt *st, int at);

#endif
