/* audit.h over SQLite: the fold's side and the search. usage.c reads what was counted. */
#include "store/audit.h"

#include <assert.h>
#include <stdlib.h>

#include "store/audit_private.h"

/* use: one line for each day and way of asking. open: the tables of queries that have not ended, by the number of their line. */
static const char *const steps[] = {
    "CREATE TABLE position (one INTEGER PRIMARY KEY CHECK (one = 1), size INTEGER NOT NULL, leaf BLOB NOT NULL) STRICT;"
    "CREATE TABLE entry (number INTEGER PRIMARY KEY, time INTEGER NOT NULL, actor TEXT NOT NULL, operation TEXT NOT NULL,"
    "  outcome TEXT NOT NULL) STRICT;"
    "CREATE INDEX entry_time ON entry (time);"
    "CREATE INDEX entry_actor ON entry (actor, number);"
    "CREATE TABLE thing (thing TEXT NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (thing, number)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE use (number INTEGER PRIMARY KEY, day INTEGER NOT NULL, person TEXT NOT NULL, purpose TEXT NOT NULL,"
    "  object TEXT NOT NULL, product TEXT NOT NULL, under TEXT NOT NULL, delegation TEXT NOT NULL, columns TEXT NOT NULL,"
    "  allowed INTEGER NOT NULL, refused INTEGER NOT NULL, rows INTEGER NOT NULL, bytes INTEGER NOT NULL, charged INTEGER NOT NULL,"
    "  first INTEGER NOT NULL, last INTEGER NOT NULL,"
    "  UNIQUE (day, person, purpose, object, product, under, delegation, columns)) STRICT;"
    "CREATE INDEX use_under ON use (under, day);"
    "CREATE INDEX use_product ON use (product, day);"
    "CREATE TABLE open (query TEXT NOT NULL, use INTEGER NOT NULL, reserved INTEGER NOT NULL, PRIMARY KEY (query, use))"
    "  STRICT, WITHOUT ROWID;",
};

/* What narrows most leads: a thing, an actor, or the order of the log. */
#define BY_THING "FROM thing AS led CROSS JOIN entry USING (number) WHERE led.thing = ?8"
#define BY_ACTOR "FROM entry INDEXED BY entry_actor WHERE actor = ?5"
#define BY_ORDER "FROM entry NOT INDEXED WHERE true"
#define FOUND(led_by) \
    "SELECT number " led_by " AND number >= ?1 AND number < ?2 AND time >= ?3 AND time < ?4" \
    " AND (?5 = '' OR actor = ?5) AND (?6 = '' OR operation = ?6) AND (?7 = '' OR outcome = ?7)" \
    " AND (?8 = '' OR EXISTS (SELECT 1 FROM thing WHERE thing.thing = ?8 AND thing.number = entry.number))" \
    " AND (?9 = 0 OR (actor = ?10 AND actor <> '') OR EXISTS (SELECT 1 FROM thing WHERE thing.thing = ?11 AND thing.number = entry.number))"
#define LINE "person, purpose, object, product, under, delegation, columns"
#define SUMS "sum(allowed), sum(refused), sum(rows), sum(bytes), min(first), max(last)"

static const char *const statements[AUDIT_STATEMENTS] = {
    [POSITION_GET] = "SELECT size, leaf FROM position",
    [POSITION_PUT] = "INSERT INTO position VALUES (1, ?1, ?2) ON CONFLICT DO UPDATE SET size = excluded.size, leaf = excluded.leaf",
    [ENTRY_PUT] = "INSERT INTO entry VALUES (?1, ?2, ?3, ?4, ?5)",
    [THING_PUT] = "INSERT INTO thing VALUES (?1, ?2) ON CONFLICT DO NOTHING",
    [FIND] = FOUND(BY_ORDER) " ORDER BY number LIMIT ?12",
    [FIND_NEWEST] = FOUND(BY_ORDER) " ORDER BY number DESC LIMIT ?12",
    [FIND_ACTOR] = FOUND(BY_ACTOR) " ORDER BY number LIMIT ?12",
    [FIND_ACTOR_NEWEST] = FOUND(BY_ACTOR) " ORDER BY number DESC LIMIT ?12",
    [FIND_THING] = FOUND(BY_THING) " ORDER BY number LIMIT ?12",
    [FIND_THING_NEWEST] = FOUND(BY_THING) " ORDER BY number DESC LIMIT ?12",
    [FIRST_AT] = "SELECT number FROM entry WHERE time >= ?1 ORDER BY time, number LIMIT 1",
    [USE_PUT] = "INSERT INTO use (day, " LINE ", allowed, refused, rows, bytes, charged, first, last)"
                " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 0, 0, ?11, ?12, ?12)"
                " ON CONFLICT DO UPDATE SET allowed = allowed + excluded.allowed, refused = refused + excluded.refused,"
                " charged = charged + excluded.charged, last = excluded.last RETURNING number",
    [OPEN_PUT] = "INSERT INTO open VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET reserved = reserved + excluded.reserved",
    [OPEN_TABLES] = "SELECT DISTINCT object FROM open JOIN use ON use.number = open.use WHERE query = ?1 ORDER BY object",
    [OPEN_END] = "UPDATE use SET rows = rows + ?2, bytes = bytes + ?3, charged = charged - reserved + min(reserved, ?4)"
                 " FROM open WHERE open.query = ?1 AND use.number = open.use",
    [OPEN_DEL] = "DELETE FROM open WHERE query = ?1",
    [USE_ALLOWED] = "SELECT " LINE ", " SUMS " FROM use WHERE day >= ?1 GROUP BY " LINE " HAVING sum(allowed) > 0"
                    " ORDER BY object, person, purpose, under, columns",
    [USE_EACH] = "SELECT " LINE ", " SUMS " FROM use WHERE day >= ?1 AND (?2 = '' OR substr(object, 1, length(?2)) = ?2)"
                 " AND (?3 = '' OR under = ?3) GROUP BY " LINE " ORDER BY object, person, purpose, under, columns",
    [GRANT_LAST] = "SELECT last FROM use WHERE under = ?1 ORDER BY day DESC, last DESC LIMIT 1",
    [GRANTS_LAST] = "SELECT under, max(last) FROM use WHERE under <> '' AND allowed > 0 GROUP BY under",
    [PRODUCT_LAST] = "SELECT max(last) FROM use WHERE product = ?1 AND allowed > 0",
    [CHARGED] = "SELECT coalesce(sum(charged), 0) FROM use WHERE under = ?1 AND day = ?2",
};

/* NORMAL, as for the catalog: what a power cut takes is folded again from the journal. */
static const struct db_schema schema = {
    .what = "journal's index",
    .synchronous = "NORMAL",
    .steps = steps,
    .step_count = ARRAY_LEN(steps),
    .statements = statements,
    .statement_count = AUDIT_STATEMENTS,
};

Err
audit_open(struct ctx *c, const char *path, struct audit **ret)
{
	struct db db;

	TRY(db_open(c, path, &schema, &db));
	*ret = mem_alloc(sizeof **ret);
	(*ret)->db = db;
	return OK;
}

void
audit_close(struct audit *a)
{
	if (!a) return;
	audit_rollback(a);
	db_close(&a->db);
	free(a);
}

Err
audit_position(struct ctx *c, struct audit *a, uint64_t *ret_size, uint8_t ret_leaf[32])
{
	bool row;
	STMT_AUTO st = NULL;

	TRY(db_statement(c, &a->db, POSITION_GET, &st));
	TRY(db_step(c, &a->db, st, &row));
	if (!row) {
		*ret_size = 0;
		memset(ret_leaf, 0, 32);
		return OK;
	}
	int64_t size = sqlite3_column_int64(st, 0);
	Str leaf = db_column(st, 1);
	ENSURE(c, size >= 0 && leaf.n == 32, CORRUPT, "journal's index: its position is damaged");
	*ret_size = (uint64_t)size;
	memcpy(ret_leaf, leaf.p, 32);
	return OK;
}

Err
audit_begin(struct ctx *c, struct audit *a)
{
	assert(sqlite3_get_autocommit(a->db.handle));
	return db_exec(c, &a->db, "BEGIN IMMEDIATE");
}

static Err
position_put(struct ctx *c, struct audit *a, uint64_t size, const uint8_t leaf[32])
{
	STMT_AUTO st = NULL;

	assert(size <= INT64_MAX);
	TRY(db_statement(c, &a->db, POSITION_PUT, &st));
	sqlite3_bind_int64(st, 1, (sqlite3_int64)size);
	db_bind_blob(st, 2, leaf, 32);
	return db_run(c, &a->db, st);
}

Err
audit_commit(struct ctx *c, struct audit *a, uint64_t size, const uint8_t leaf[32])
{
	assert(!sqlite3_get_autocommit(a->db.handle));
	TRY(position_put(c, a, size, leaf));
	return db_exec(c, &a->db, "COMMIT");
}

void
audit_rollback(struct audit *a)
{
	if (!sqlite3_get_autocommit(a->db.handle)) sqlite3_exec(a->db.handle, "ROLLBACK", NULL, NULL, NULL);
}

Str
audit_thing(struct arena *arena, const char *kind, Str id)
{
	return arena_printf(arena, "%s:%.*s", kind, STR(id));
}

static Err
thing_put(struct ctx *c, struct audit *a, Str thing, uint64_t index)
{
	STMT_AUTO st = NULL;

	TRY(db_statement(c, &a->db, THING_PUT, &st));
	db_bind_text(st, 1, thing);
	sqlite3_bind_int64(st, 2, (sqlite3_int64)index);
	return db_run(c, &a->db, st);
}

Err
audit_put(struct ctx *c, struct audit *a, const struct audit_entry *e)
{
	STMT_AUTO st = NULL;

	TRY(db_statement(c, &a->db, ENTRY_PUT, &st));
	sqlite3_bind_int64(st, 1, (sqlite3_int64)e->index);
	sqlite3_bind_int64(st, 2, e->time);
	db_bind_text(st, 3, e->actor);
	db_bind_text(st, 4, e->operation);
	db_bind_text(st, 5, e->outcome);
	TRY(db_run(c, &a->db, st));
	for (size_t i = 0; i < e->thing_count; i++) TRY(thing_put(c, a, e->things[i], e->index));
	return OK;
}

/* --- search --- */

static void
bind_filter(sqlite3_stmt *st, const struct audit_filter *f, Str domain, size_t limit)
{
	sqlite3_bind_int64(st, 1, (sqlite3_int64)f->first);
	sqlite3_bind_int64(st, 2, (sqlite3_int64)f->end);
	sqlite3_bind_int64(st, 3, f->from);
	sqlite3_bind_int64(st, 4, f->until);
	db_bind_text(st, 5, f->actor);
	db_bind_text(st, 6, f->operation);
	db_bind_text(st, 7, f->outcome);
	db_bind_text(st, 8, f->thing);
	sqlite3_bind_int(st, 9, f->only_actor.n > 0 || f->only_domain.n > 0);
	db_bind_text(st, 10, f->only_actor);
	db_bind_text(st, 11, domain);
	sqlite3_bind_int64(st, 12, (sqlite3_int64)limit);
}

Err
audit_find(struct ctx *c, struct audit *a, const struct audit_filter *f, size_t limit, uint64_t *ret, size_t *ret_n)
{
	size_t n = 0;
	bool row = true;
	STMT_AUTO st = NULL;

	assert(f->end <= INT64_MAX && limit <= INT64_MAX);
	size_t led_by = f->thing.n ? FIND_THING : f->actor.n ? FIND_ACTOR : FIND;
	TRY(db_statement(c, &a->db, led_by + f->newest, &st));
	bind_filter(st, f, f->only_domain.n ? audit_thing(c->arena, "domain", f->only_domain) : S(""), limit);
	while (n < limit) {
		TRY(db_step(c, &a->db, st, &row));
		if (!row) break;
		ret[n++] = (uint64_t)sqlite3_column_int64(st, 0);
	}
	*ret_n = n;
	return OK;
}

Err
audit_first_at(struct ctx *c, struct audit *a, Time from, uint64_t *ret)
{
	uint8_t leaf[32];
	bool row;
	STMT_AUTO st = NULL;

	TRY(db_statement(c, &a->db, FIRST_AT, &st));
	sqlite3_bind_int64(st, 1, from);
	TRY(db_step(c, &a->db, st, &row));
	if (!row) return audit_position(c, a, ret, leaf);
	*ret = (uint64_t)sqlite3_column_int64(st, 0);
	return OK;
}

/* --- use --- */

static Err
use_put(struct ctx *c, struct audit *a, const struct audit_use *u, int64_t *ret_number)
{
	const Str texts[] = {u->person, u->purpose, u->table, u->product, u->grant, u->delegation, u->columns};
	bool row;
	STMT_AUTO st = NULL;

	TRY(db_statement(c, &a->db, USE_PUT, &st));
	sqlite3_bind_int64(st, 1, u->at / TIME_DAY);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) db_bind_text(st, (int)i + 2, texts[i]);
	sqlite3_bind_int(st, 9, u->allowed);
	sqlite3_bind_int(st, 10, !u->allowed);
	sqlite3_bind_int64(st, 11, (sqlite3_int64)u->reserved);
	sqlite3_bind_int64(st, 12, u->at);
	TRY(db_step(c, &a->db, st, &row));
	assert(row);
	*ret_number = sqlite3_column_int64(st, 0);
	return OK;
}

Err
audit_use(struct ctx *c, struct audit *a, const struct audit_use *u)
{
	int64_t number;
	STMT_AUTO st = NULL;

	assert(u->reserved <= INT64_MAX);
	TRY(use_put(c, a, u, &number));
	if (!u->allowed) return OK;
	TRY(db_statement(c, &a->db, OPEN_PUT, &st));
	db_bind_text(st, 1, u->query);
	sqlite3_bind_int64(st, 2, number);
	sqlite3_bind_int64(st, 3, (sqlite3_int64)u->reserved);
	return db_run(c, &a->db, st);
}

static Err
open_tables(struct ctx *c, struct audit *a, Str query, Str **ret, size_t *ret_n)
{
	Str *tables = NEW_N(c->arena, AUDIT_TABLES_MAX, Str);
	size_t n = 0;
	bool row;
	STMT_AUTO st = NULL;

	TRY(db_statement(c, &a->db, OPEN_TABLES, &st));
	db_bind_text(st, 1, query);
	while (n < AUDIT_TABLES_MAX) {
		TRY(db_step(c, &a->db, st, &row));
		if (!row) break;
		tables[n++] = arena_str(c->arena, db_column(st, 0));
	}
	*ret = tables;
	*ret_n = n;
	return OK;
}

static int64_t
capped(uint64_t v)
{
	return v > INT64_MAX ? INT64_MAX : (int64_t)v;
}

Err
audit_use_end(struct ctx *c, struct audit *a, Str query, uint64_t rows, uint64_t bytes, uint64_t charged, Str **ret_tables, size_t *ret_n)
{
	STMT_AUTO st = NULL;
	STMT_AUTO del = NULL;

	TRY(open_tables(c, a, query, ret_tables, ret_n));
	if (*ret_n == 0) return OK;
	TRY(db_statement(c, &a->db, OPEN_END, &st));
	db_bind_text(st, 1, query);
	sqlite3_bind_int64(st, 2, capped(rows));
	sqlite3_bind_int64(st, 3, capped(bytes));
	sqlite3_bind_int64(st, 4, capped(charged));
	TRY(db_run(c, &a->db, st));
	TRY(db_statement(c, &a->db, OPEN_DEL, &del));
	db_bind_text(del, 1, query);
	return db_run(c, &a->db, del);
}
