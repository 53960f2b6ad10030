/* directory.h over SQLite. */
#include "store/directory.h"

#include <stdlib.h>

#include "crypt/hash.h"
#include "store/db.h"

enum { SALT_BYTES = 32, TEXT_MAX = 64 * 1024 };

/* A person whose name is NULL was erased; the id stays so that it is never given to somebody else. */
static const char *const steps[] = {
    "CREATE TABLE person (id TEXT PRIMARY KEY, name TEXT UNIQUE) STRICT, WITHOUT ROWID;"
    "CREATE TABLE token (hash BLOB PRIMARY KEY, person TEXT NOT NULL REFERENCES person (id)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX token_person ON token (person);"
    "CREATE TABLE text (commitment BLOB PRIMARY KEY, salt BLOB NOT NULL, body TEXT NOT NULL) STRICT, WITHOUT ROWID;",
};

enum {
	PERSON_ADD, PERSON_BY_NAME, PERSON_NAME, PERSON_LEAVE, PERSON_ERASE, TOKEN_ADD, TOKEN_FIND, TOKEN_ANY, TOKENS_END, TOKENS_ERASE, TEXT_PUT, TEXT_GET, TEXT_ERASE,
	STATEMENT_COUNT
};

static const char *const statements[STATEMENT_COUNT] = {
    [PERSON_ADD] = "INSERT INTO person VALUES (?1, ?2)",
    [PERSON_BY_NAME] = "SELECT id FROM person WHERE name = ?1",
    [PERSON_NAME] = "SELECT name FROM person WHERE id = ?1 AND name IS NOT NULL",
    /* free for whoever comes next; no name has spaces, so this one never means anybody by itself */
    [PERSON_LEAVE] = "UPDATE person SET name = name || ' (left, ' || substr(id, 1, 8) || ')' WHERE id = ?1 AND name NOT LIKE '% (left, %'",
    [PERSON_ERASE] = "UPDATE person SET name = NULL WHERE id = ?1",
    [TOKEN_ADD] = "INSERT INTO token VALUES (?1, ?2)",
    [TOKEN_FIND] = "SELECT person FROM token WHERE hash = ?1",
    [TOKEN_ANY] = "SELECT person FROM token WHERE person = ?1 LIMIT 1",
    [TOKENS_END] = "DELETE FROM token WHERE person = ?1 AND hash <> ?2",
    [TOKENS_ERASE] = "DELETE FROM token WHERE person = ?1",
    [TEXT_PUT] = "INSERT INTO text VALUES (?1, ?2, ?3)",
    [TEXT_GET] = "SELECT body, salt FROM text WHERE commitment = ?1",
    [TEXT_ERASE] = "DELETE FROM text WHERE commitment = ?1",
};

/* FULL: nothing else holds these names and tokens, so what was acknowledged has to survive a power cut. */
static const struct db_schema schema = {
    .what = "directory",
    .synchronous = "FULL",
    .steps = steps,
    .step_count = ARRAY_LEN(steps),
    .statements = statements,
    .statement_count = STATEMENT_COUNT,
};

struct directory {
	struct db db;
};

Err
directory_open(struct ctx *c, const char *path, struct directory **ret)
{
	struct db db;

	TRY(db_open(c, path, &schema, &db));
	*ret = mem_alloc(sizeof **ret);
	(*ret)->db = db;
	return OK;
}

void
directory_close(struct directory *d)
{
	if (!d) return;
	db_close(&d->db);
	free(d);
}

/* The first column of the one row that has this key; `absent` and `what` make the error when there is none. */
static Err
look_up(struct ctx *c, struct directory *d, size_t statement, Str key, enum err_code absent, const char *what, Str *ret)
{
	bool row;
	STMT_AUTO st = NULL;

	TRY(db_statement(c, &d->db, statement, &st));
	db_bind_text(st, 1, key);
	TRY(db_step(c, &d->db, st, &row));
	if (!row) return err_set(c, absent, "%s", what);
	*ret = arena_str(c->arena, db_column(st, 0));
	return OK;
}

static Err
run_keyed(struct ctx *c, struct directory *d, size_t statement, Str key)
{
	STMT_AUTO st = NULL;

	TRY(db_statement(c, &d->db, statement, &st));
	db_bind_text(st, 1, key);
	return db_run(c, &d->db, st);
}

Err
directory_person_add(struct ctx *c, struct directory *d, Str person_id, Str name)
{
	STMT_AUTO st = NULL;

	ENSURE(c, str_is_ident(name), INVALID, "'%.*s' is not a name: use up to 64 of a-z, 0-9 and single _", STR(name));
	TRY(db_statement(c, &d->db, PERSON_ADD, &st));
	db_bind_text(st, 1, person_id);
	db_bind_text(st, 2, name);
	Err e = db_run(c, &d->db, st);
	if (e.code == ERR_CONFLICT) return err_set(c, ERR_CONFLICT, "there is a person named '%.*s' already", STR(name));
	return e;
}

Err
directory_person_by_name(struct ctx *c, struct directory *d, Str name, Str *ret_id)
{
	return look_up(c, d, PERSON_BY_NAME, name, ERR_NOT_FOUND, "no person has this name", ret_id);
}

Err
directory_person_name(struct ctx *c, struct directory *d, Str person_id, Str *ret_name)
{
	return look_up(c, d, PERSON_NAME, person_id, ERR_NOT_FOUND, "this person is not known, or was erased", ret_name);
}

Err
directory_token_add(struct ctx *c, struct directory *d, const uint8_t token_hash[32], Str person_id)
{
	STMT_AUTO st = NULL;

	TRY(db_statement(c, &d->db, TOKEN_ADD, &st));
	db_bind_blob(st, 1, token_hash, 32);
	db_bind_text(st, 2, person_id);
	return db_run(c, &d->db, st);
}

Err
directory_token_find(struct ctx *c, struct directory *d, const uint8_t token_hash[32], Str *ret_person_id)
{
	bool row;
	STMT_AUTO st = NULL;

	TRY(db_statement(c, &d->db, TOKEN_FIND, &st));
	db_bind_blob(st, 1, token_hash, 32);
	TRY(db_step(c, &d->db, st, &row));
	if (!row) return err_set(c, ERR_UNAUTHENTICATED, "the token is not known to this node");
	*ret_person_id = arena_str(c->arena, db_column(st, 0));
	return OK;
}

Err
directory_tokens_end(struct ctx *c, struct directory *d, Str person_id, const uint8_t but_hash[32])
{
	STMT_AUTO st = NULL;

	TRY(db_statement(c, &d->db, TOKENS_END, &st));
	db_bind_text(st, 1, person_id);
	db_bind_blob(st, 2, but_hash, 32);
	return db_run(c, &d->db, st);
}

Err
directory_has_token(struct ctx *c, struct directory *d, Str person_id, bool *ret)
{
	STMT_AUTO st = NULL;

	TRY(db_statement(c, &d->db, TOKEN_ANY, &st));
	db_bind_text(st, 1, person_id);
	return db_step(c, &d->db, st, ret);
}

Err
directory_text_put(struct ctx *c, struct directory *d, Str text, uint8_t ret_commitment[32])
{
	uint8_t salt[SALT_BYTES], commitment[32];
	STMT_AUTO st = NULL;

	ENSURE(c, text.n <= TEXT_MAX, TOO_LARGE, "the text has %zu bytes; at most %d are kept", text.n, TEXT_MAX);
	ENSURE(c, str_is_utf8(text), INVALID, "the text is not valid UTF-8");
	crypt_random(salt, sizeof salt);
	crypt_hmac_sha256(str_of(salt, sizeof salt), text, commitment);
	TRY(db_statement(c, &d->db, TEXT_PUT, &st));
	db_bind_blob(st, 1, commitment, sizeof commitment);
	db_bind_blob(st, 2, salt, sizeof salt);
	db_bind_text(st, 3, text);
	TRY(db_run(c, &d->db, st));
	memcpy(ret_commitment, commitment, sizeof commitment);
	return OK;
}

Err
directory_text_get(struct ctx *c, struct directory *d, const uint8_t commitment[32], Str *ret)
{
	uint8_t again[32];
	bool row;
	STMT_AUTO st = NULL;

	TRY(db_statement(c, &d->db, TEXT_GET, &st));
	db_bind_blob(st, 1, commitment, 32);
	TRY(db_step(c, &d->db, st, &row));
	if (!row) return err_set(c, ERR_NOT_FOUND, "this text is not known, or was erased");
	crypt_hmac_sha256(db_column(st, 1), db_column(st, 0), again);
	ENSURE(c, crypt_equal(again, commitment, sizeof again), CORRUPT, "directory: a text is not the one that was committed to");
	*ret = arena_str(c->arena, db_column(st, 0));
	return OK;
}

/* secure_delete has overwritten the pages; the WAL still holds their earlier versions until it is cut. */
static Err
forget_wal(struct ctx *c, struct directory *d)
{
	return db_exec(c, &d->db, "PRAGMA wal_checkpoint(TRUNCATE)");
}

Err
directory_text_erase(struct ctx *c, struct directory *d, const uint8_t commitment[32])
{
	{
		STMT_AUTO st = NULL;
		TRY(db_statement(c, &d->db, TEXT_ERASE, &st));
		db_bind_blob(st, 1, commitment, 32);
		TRY(db_run(c, &d->db, st));
	}
	return forget_wal(c, d);
}

/* Both statements for this person, or neither. */
static Err
in_one(struct ctx *c, struct directory *d, size_t first, size_t second, Str person_id)
{
	TRY(db_exec(c, &d->db, "BEGIN IMMEDIATE"));
	Err e = run_keyed(c, d, first, person_id);
	if (err_ok(e)) e = run_keyed(c, d, second, person_id);
	if (err_ok(e)) e = db_exec(c, &d->db, "COMMIT");
	if (!err_ok(e)) sqlite3_exec(d->db.handle, "ROLLBACK", NULL, NULL, NULL);
	return e;
}

Err
directory_person_leave(struct ctx *c, struct directory *d, Str person_id)
{
	return in_one(c, d, TOKENS_ERASE, PERSON_LEAVE, person_id);
}

Err
directory_person_erase(struct ctx *c, struct directory *d, Str person_id)
{
	TRY(in_one(c, d, TOKENS_ERASE, PERSON_ERASE, person_id));
	return forget_wal(c, d);
}
