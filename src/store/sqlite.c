/* store.h over SQLite. */
#include "store/store.h"

#include <assert.h>
#include <stdlib.h>

#include "base/buf.h"
#include "crypt/hash.h"
#include "store/db.h"

enum {
	SUM_BYTES = 8,
	SEARCH_QUERY_MAX = 1024, /* bytes; what lies behind is not looked at */
	SEARCH_WORDS_MAX = 16,
};

/* sum: the first bytes of the record's SHA-256. SQLite checks its pages' structure, not their content, and decisions are taken
 * from these bytes.
 * document gives each key a number, because FTS5 finds a row by number only. */
static const char *const steps[] = {
    "CREATE TABLE record (kind TEXT NOT NULL, id TEXT NOT NULL, body BLOB NOT NULL, sum BLOB NOT NULL,"
    "  PRIMARY KEY (kind, id)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE position (log TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE document (number INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE) STRICT;"
    "CREATE VIRTUAL TABLE search USING fts5(title, text, tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3');",
    /* records say more from here on (the place of a grant in its log, …): folded anew from the logs */
    "DELETE FROM record; DELETE FROM position; DELETE FROM document; DELETE FROM search;",
    /* and again: what lifted a restriction, the entries of purposes and requests */
    "DELETE FROM record; DELETE FROM position; DELETE FROM document; DELETE FROM search;",
};

enum {
	PUT, DEL, EACH, POSITION_PUT, POSITION_GET, DOCUMENT_GET, DOCUMENT_ADD, DOCUMENT_DEL, SEARCH_ADD, SEARCH_DEL, SEARCH,
	STATEMENT_COUNT
};

static const char *const statements[STATEMENT_COUNT] = {
    [PUT] = "INSERT INTO record VALUES (?1, ?2, ?3, ?4)"
            " ON CONFLICT DO UPDATE SET body = excluded.body, sum = excluded.sum",
    [DEL] = "DELETE FROM record WHERE kind = ?1 AND id = ?2",
    [EACH] = "SELECT kind, id, body, sum FROM record ORDER BY kind, id",
    [POSITION_PUT] = "INSERT INTO position VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET size = excluded.size, root = excluded.root",
    [POSITION_GET] = "SELECT size, root FROM position WHERE log = ?1",
    [DOCUMENT_GET] = "SELECT number FROM document WHERE key = ?1",
    [DOCUMENT_ADD] = "INSERT INTO document (key) VALUES (?1)",
    [DOCUMENT_DEL] = "DELETE FROM document WHERE number = ?1",
    [SEARCH_ADD] = "INSERT INTO search (rowid, title, text) VALUES (?1, ?2, ?3)",
    [SEARCH_DEL] = "DELETE FROM search WHERE rowid = ?1",
    /* Not by bm25: how rare a word is among all documents would tell of those that the reader may not know of. */
    [SEARCH] = "SELECT document.key FROM search JOIN document ON document.number = search.rowid WHERE search MATCH ?1"
               " ORDER BY search.rowid NOT IN (SELECT rowid FROM search WHERE search MATCH ?2), document.key",
};

/* NORMAL: a power cut may lose the newest transactions, never tear one. The logs are the truth and are synced by themselves;
 * at start they are folded again from `position` on, so a second fdatasync per write would buy nothing. */
static const struct db_schema schema = {
    .what = "catalog store",
    .synchronous = "NORMAL",
    .steps = steps,
    .step_count = ARRAY_LEN(steps),
    .statements = statements,
    .statement_count = STATEMENT_COUNT,
};

struct store {
	struct db db;
};

Err
store_open(struct ctx *c, const char *path, struct store **ret)
{
	struct db db;

	TRY(db_open(c, path, &schema, &db));
	*ret = mem_alloc(sizeof **ret);
	(*ret)->db = db;
	return OK;
}

void
store_close(struct store *s)
{
	if (!s) return;
	store_rollback(s);
	db_close(&s->db);
	free(s);
}

Err
store_begin(struct ctx *c, struct store *s)
{
	assert(sqlite3_get_autocommit(s->db.handle));
	return db_exec(c, &s->db, "BEGIN IMMEDIATE");
}

Err
store_commit(struct ctx *c, struct store *s)
{
	assert(!sqlite3_get_autocommit(s->db.handle));
	return db_exec(c, &s->db, "COMMIT");
}

void
store_rollback(struct store *s)
{
	/* After some failures SQLite has rolled back already. */
	if (!sqlite3_get_autocommit(s->db.handle)) sqlite3_exec(s->db.handle, "ROLLBACK", NULL, NULL, NULL);
}

/* Lengths before the bytes: no two different records feed the same bytes. */
static void
hash_record(struct crypt_sha256 *h, Str kind, Str id, Str body)
{
	BUF_AUTO head = BUF_INIT;

	buf_u32be(&head, (uint32_t)kind.n);
	buf_str(&head, kind);
	buf_u32be(&head, (uint32_t)id.n);
	buf_str(&head, id);
	buf_u64be(&head, body.n);
	crypt_sha256_add(h, buf_view(&head));
	crypt_sha256_add(h, body);
}

static void
record_sum(Str kind, Str id, Str body, uint8_t ret[static 32])
{
	struct crypt_sha256 h;

	crypt_sha256_init(&h);
	hash_record(&h, kind, id, body);
	crypt_sha256_end(&h, ret);
}

Err
store_put(struct ctx *c, struct store *s, Str kind, Str id, Str body)
{
	uint8_t sum[32];
	STMT_AUTO st = NULL;

	TRY(db_statement(c, &s->db, PUT, &st));
	record_sum(kind, id, body, sum);
	db_bind_text(st, 1, kind);
	db_bind_text(st, 2, id);
	db_bind_blob(st, 3, body.p, body.n);
	db_bind_blob(st, 4, sum, SUM_BYTES);
	return db_run(c, &s->db, st);
}

Err
store_del(struct ctx *c, struct store *s, Str kind, Str id)
{
	STMT_AUTO st = NULL;

	TRY(db_statement(c, &s->db, DEL, &st));
	db_bind_text(st, 1, kind);
	db_bind_text(st, 2, id);
	return db_run(c, &s->db, st);
}

Err
store_each(struct ctx *c, struct store *s, store_row_fn fn, void *arg)
{
	uint8_t sum[32];
	bool row;
	STMT_AUTO st = NULL;

	TRY(db_statement(c, &s->db, EACH, &st));
	for (;;) {
		TRY(db_step(c, &s->db, st, &row));
		if (!row) return OK;
		Str kind = db_column(st, 0), id = db_column(st, 1), body = db_column(st, 2);
		record_sum(kind, id, body, sum);
		ENSURE(c, str_eq(db_column(st, 3), str_of(sum, SUM_BYTES)), CORRUPT, "catalog store: the record %.*s '%.*s' is damaged",
		       STR(kind), STR(id));
		TRY(fn(c, arg, kind, id, body));
	}
}

Err
store_position_put(struct ctx *c, struct store *s, Str log_id, uint64_t size, const uint8_t root[32])
{
	STMT_AUTO st = NULL;

	assert(size <= INT64_MAX);
	TRY(db_statement(c, &s->db, POSITION_PUT, &st));
	db_bind_text(st, 1, log_id);
	sqlite3_bind_int64(st, 2, (sqlite3_int64)size);
	db_bind_blob(st, 3, root, 32);
	return db_run(c, &s->db, st);
}

Err
store_position_get(struct ctx *c, struct store *s, Str log_id, uint64_t *ret_size, uint8_t ret_root[32])
{
	bool row;
	STMT_AUTO st = NULL;

	TRY(db_statement(c, &s->db, POSITION_GET, &st));
	db_bind_text(st, 1, log_id);
	TRY(db_step(c, &s->db, st, &row));
	if (!row) {
		*ret_size = 0;
		return OK;
	}
	int64_t size = sqlite3_column_int64(st, 0);
	Str root = db_column(st, 1);
	ENSURE(c, size >= 0 && root.n == 32, CORRUPT, "catalog store: the position of log %.*s is damaged", STR(log_id));
	*ret_size = (uint64_t)size;
	memcpy(ret_root, root.p, 32);
	return OK;
}

static Err
document_number(struct ctx *c, struct store *s, Str key, int64_t *ret)
{
	bool row;
	STMT_AUTO st = NULL;

	TRY(db_statement(c, &s->db, DOCUMENT_GET, &st));
	db_bind_text(st, 1, key);
	TRY(db_step(c, &s->db, st, &row));
	*ret = row ? sqlite3_column_int64(st, 0) : 0;
	return OK;
}

static Err
run_numbered(struct ctx *c, struct store *s, size_t statement, int64_t number)
{
	STMT_AUTO st = NULL;

	TRY(db_statement(c, &s->db, statement, &st));
	sqlite3_bind_int64(st, 1, number);
	return db_run(c, &s->db, st);
}

static Err
document_add(struct ctx *c, struct store *s, Str key, int64_t *ret)
{
	STMT_AUTO st = NULL;

	TRY(db_statement(c, &s->db, DOCUMENT_ADD, &st));
	db_bind_text(st, 1, key);
	TRY(db_run(c, &s->db, st));
	*ret = sqlite3_last_insert_rowid(s->db.handle);
	return OK;
}

Err
store_search_del(struct ctx *c, struct store *s, Str key)
{
	int64_t number;

	TRY(document_number(c, s, key, &number));
	if (number == 0) return OK;
	TRY(run_numbered(c, s, SEARCH_DEL, number));
	return run_numbered(c, s, DOCUMENT_DEL, number);
}

Err
store_search_put(struct ctx *c, struct store *s, Str key, Str title, Str text)
{
	int64_t number;
	STMT_AUTO st = NULL;

	TRY(store_search_del(c, s, key));
	TRY(document_add(c, s, key, &number));
	TRY(db_statement(c, &s->db, SEARCH_ADD, &st));
	sqlite3_bind_int64(st, 1, number);
	db_bind_text(st, 2, title);
	db_bind_text(st, 3, text);
	return db_run(c, &s->db, st);
}

/* Does the tokenizer find anything to hold on to here? Letters and digits, and whatever is beyond ASCII. */
static bool
has_token(Str word)
{
	for (size_t i = 0; i < word.n; i++) {
		unsigned char ch = (unsigned char)word.p[i];
		if (ch >= 0x80 || (ch >= '0' && ch <= '9') || ((ch | 0x20) >= 'a' && (ch | 0x20) <= 'z')) return true;
	}
	return false;
}

/* User text to FTS5's language: every word a quoted string with a star. Inside quotes nothing but the quote itself, doubled, has
 * a meaning. "point-of sale" → "point-of"* "sale"* */
static size_t
match_expression(Str query, struct buf *out)
{
	size_t words = 0;

	if (query.n > SEARCH_QUERY_MAX) query.n = SEARCH_QUERY_MAX;
	for (size_t i = 0; i < query.n && words < SEARCH_WORDS_MAX;) {
		size_t from = i;
		while (i < query.n && (unsigned char)query.p[i] > ' ') i++;
		Str word = str_of(query.p + from, i - from);
		if (has_token(word)) {
			if (words++) buf_char(out, ' ');
			buf_sql_ident(out, word);
			buf_char(out, '*');
		}
		i++;
	}
	return words;
}

Err
store_search(struct ctx *c, struct store *s, const struct store_search *what, Str **ret_keys, size_t *ret_n)
{
	BUF_AUTO match = BUF_INIT;
	BUF_AUTO in_title = BUF_INIT;
	bool row = true;
	size_t n = 0;
	STMT_AUTO st = NULL;

	ENSURE(c, str_is_utf8(what->query), INVALID, "the search text is not valid UTF-8");
	size_t limit = match_expression(what->query, &match) > 0 ? what->limit : 0;
	Str *keys = NEW_N(c->arena, limit, Str);
	if (limit > 0) {
		buf_c(&in_title, "{title} : (");
		buf_str(&in_title, buf_view(&match));
		buf_char(&in_title, ')');
		TRY(db_statement(c, &s->db, SEARCH, &st));
		db_bind_text(st, 1, buf_view(&match));
		db_bind_text(st, 2, buf_view(&in_title));
	}
	while (n < limit) {
		TRY(db_step(c, &s->db, st, &row));
		if (!row) break;
		Str key = db_column(st, 0);
		if (!what->wanted || what->wanted(what->arg, key)) keys[n++] = arena_str(c->arena, key);
	}
	*ret_keys = keys;
	*ret_n = n;
	return OK;
}

static Err
hash_row(struct ctx *c UNUSED, void *arg, Str kind, Str id, Str body)
{
	hash_record(arg, kind, id, body);
	return OK;
}

Err
store_hash(struct ctx *c, struct store *s, uint8_t ret[32])
{
	struct crypt_sha256 h;

	crypt_sha256_init(&h);
	TRY(store_each(c, s, hash_row, &h));
	crypt_sha256_end(&h, ret);
	return OK;
}

Err
store_clear(struct ctx *c, struct store *s)
{
	assert(!sqlite3_get_autocommit(s->db.handle));
	return db_exec(c, &s->db, "DELETE FROM record; DELETE FROM position; DELETE FROM document; DELETE FROM search");
}
