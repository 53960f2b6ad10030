#include "store/db.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/vfs.h"

/* A statement of ours never waits for another process: there is none (locking_mode below). */
enum { BUSY_WAIT_MS = 0 };

static enum err_code
code_of(int result)
{
	switch (result & 0xff) {
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB: return ERR_CORRUPT;
	case SQLITE_FULL: return ERR_FULL;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_CONSTRAINT: return ERR_CONFLICT;
	case SQLITE_TOOBIG: return ERR_TOO_LARGE;
	case SQLITE_READONLY: return ERR_READ_ONLY;
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
	case SQLITE_AUTH: return ERR_IO;
	case SQLITE_NOMEM: abort();
	default: return ERR_INTERNAL;
	}
}

Err
db_fail(struct ctx *c, const struct db *d, const char *doing)
{
	return err_set(c, code_of(sqlite3_extended_errcode(d->handle)), "%s: %s: %s", d->schema->what, doing,
	               sqlite3_errmsg(d->handle));
}

Err
db_exec(struct ctx *c, const struct db *d, const char *sql)
{
	return sqlite3_exec(d->handle, sql, NULL, NULL, NULL) == SQLITE_OK ? OK : db_fail(c, d, sql);
}

Err
db_statement(struct ctx *c, struct db *d, size_t index, sqlite3_stmt **ret)
{
	assert(index < d->schema->statement_count);
	sqlite3_stmt **slot = &d->cache[index];
	const char *sql = d->schema->statements[index];

	if (!*slot && sqlite3_prepare_v3(d->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, slot, NULL) != SQLITE_OK)
		return db_fail(c, d, sql);
	assert(!sqlite3_stmt_busy(*slot));
	*ret = *slot;
	return OK;
}

void
db_statement_done(sqlite3_stmt **st)
{
	if (!*st) return;
	sqlite3_reset(*st);
	sqlite3_clear_bindings(*st);
}

/* Binding fails only for a wrong position or a value beyond SQLite's limit of 1 GB: bugs of ours, both. */
void
db_bind_text(sqlite3_stmt *st, int at, Str s)
{
	int result = sqlite3_bind_text64(st, at, s.p ? s.p : "", s.n, SQLITE_STATIC, SQLITE_UTF8);

	assert(result == SQLITE_OK);
}

void
db_bind_blob(sqlite3_stmt *st, int at, const void *p, size_t n)
{
	int result = sqlite3_bind_blob64(st, at, p ? p : "", n, SQLITE_STATIC);

	assert(result == SQLITE_OK);
}

Err
db_step(struct ctx *c, const struct db *d, sqlite3_stmt *st, bool *ret_row)
{
	int result = sqlite3_step(st);

	if (result != SQLITE_ROW && result != SQLITE_DONE) return db_fail(c, d, sqlite3_sql(st));
	*ret_row = result == SQLITE_ROW;
	return OK;
}

Err
db_run(struct ctx *c, const struct db *d, sqlite3_stmt *st)
{
	bool row;

	TRY(db_step(c, d, st, &row));
	assert(!row);
	return OK;
}

Str
db_column(sqlite3_stmt *st, int at)
{
	const void *p = sqlite3_column_blob(st, at);

	return str_of(p ? p : "", (size_t)sqlite3_column_bytes(st, at));
}

static Err
read_number(struct ctx *c, const struct db *d, const char *sql, int64_t *ret)
{
	sqlite3_stmt *st;
	bool row = false;
	Err e;

	if (sqlite3_prepare_v2(d->handle, sql, -1, &st, NULL) != SQLITE_OK) return db_fail(c, d, sql);
	e = db_step(c, d, st, &row);
	if (err_ok(e) && row) *ret = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return e;
}

static Err
check(struct ctx *c, const struct db *d)
{
	sqlite3_stmt *st;
	bool row = false;
	Err e;

	if (sqlite3_prepare_v2(d->handle, "PRAGMA quick_check(1)", -1, &st, NULL) != SQLITE_OK)
		return db_fail(c, d, "check");
	e = db_step(c, d, st, &row);
	if (err_ok(e) && !(row && str_eqc(db_column(st, 0), "ok")))
		e = err_set(c, ERR_CORRUPT, "%s: damaged: %.*s", d->schema->what, STR(db_column(st, 0)));
	sqlite3_finalize(st);
	return e;
}

/* EXCLUSIVE before WAL: the index of the WAL then lives in this process's memory, there is no -shm file, and a second opener is
 * refused. secure_delete overwrites what is erased; temp_store keeps sorting off the disk. */
static Err
configure(struct ctx *c, const struct db *d)
{
	char sql[256];

	sqlite3_extended_result_codes(d->handle, 1);
	sqlite3_busy_timeout(d->handle, BUSY_WAIT_MS);
	sqlite3_db_config(d->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(d->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	snprintf(sql, sizeof sql,
	         "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=%s; PRAGMA secure_delete=ON;"
	         "PRAGMA foreign_keys=ON; PRAGMA cell_size_check=ON; PRAGMA temp_store=MEMORY",
	         d->schema->synchronous);
	return db_exec(c, d, sql);
}

static Err
migrate(struct ctx *c, const struct db *d)
{
	int64_t version = 0, known = (int64_t)d->schema->step_count;
	char sql[64];

	TRY(read_number(c, d, "PRAGMA user_version", &version));
	ENSURE(c, version >= 0 && version <= known, CONFLICT,
	       "%s: written by a newer heddle (format %lld, this program knows %lld): use that one, or a newer still", d->schema->what,
	       (long long)version, (long long)known);
	for (; version < known; version++) {
		snprintf(sql, sizeof sql, "PRAGMA user_version=%lld", (long long)version + 1);
		Err e = db_exec(c, d, "BEGIN IMMEDIATE");
		if (err_ok(e)) e = db_exec(c, d, d->schema->steps[version]);
		if (err_ok(e)) e = db_exec(c, d, sql);
		if (err_ok(e)) e = db_exec(c, d, "COMMIT");
		if (!err_ok(e)) {
			sqlite3_exec(d->handle, "ROLLBACK", NULL, NULL, NULL);
			return e;
		}
	}
	return OK;
}

/* SQLite would create it readable for everybody; its -wal takes the mode over from it. */
static Err
create_private(struct ctx *c, const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	ENSURE(c, fd >= 0, IO, "open '%s': %s", path, strerror(errno));
	close(fd);
	return OK;
}

static Err
open_checked(struct ctx *c, const char *path, struct db *d)
{
	TRY(create_private(c, path));
	if (sqlite3_open_v2(path, &d->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, vfs_name()) != SQLITE_OK) {
		if (!d->handle) abort();
		return db_fail(c, d, path);
	}
	TRY(configure(c, d));
	TRY(check(c, d));
	return migrate(c, d);
}

Err
db_open(struct ctx *c, const char *path, const struct db_schema *schema, struct db *ret)
{
	struct db d = {.schema = schema};
	Err e = open_checked(c, path, &d);

	if (!err_ok(e)) {
		sqlite3_close(d.handle);
		return e;
	}
	d.cache = mem_alloc(schema->statement_count * sizeof *d.cache);
	*ret = d;
	return OK;
}

void
db_close(struct db *d)
{
	for (size_t i = 0; i < d->schema->statement_count; i++) sqlite3_finalize(d->cache[i]);
	free(d->cache);
	int result = sqlite3_close(d->handle);
	assert(result == SQLITE_OK);
	*d = (struct db){0};
}
