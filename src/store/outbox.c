/* outbox.h over SQLite. */
#include "store/outbox.h"

#include <stdlib.h>

#include "store/db.h"

static const char *const steps[] = {
    "CREATE TABLE position (log TEXT PRIMARY KEY, size INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE item (seq INTEGER PRIMARY KEY AUTOINCREMENT, log TEXT NOT NULL, idx INTEGER NOT NULL, at INTEGER NOT NULL, type TEXT NOT NULL,"
    " product TEXT NOT NULL, audience TEXT NOT NULL, about TEXT NOT NULL) STRICT;"
    "CREATE TABLE hook (id TEXT PRIMARY KEY, domain TEXT NOT NULL, url TEXT NOT NULL, events TEXT NOT NULL, by TEXT NOT NULL, added INTEGER NOT NULL,"
    " after INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE delivery (hook TEXT NOT NULL REFERENCES hook (id) ON DELETE CASCADE, seq INTEGER NOT NULL, state INTEGER NOT NULL,"
    " attempts INTEGER NOT NULL, next INTEGER NOT NULL, status INTEGER NOT NULL, note TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (hook, seq))"
    " STRICT, WITHOUT ROWID;"
    "CREATE INDEX delivery_pending ON delivery (hook, seq) WHERE state = 0;",
};

enum {
	POSITION, POSITION_PUT, ITEM_ADD, ITEMS, ITEM, LAST, HOOK_ADD, HOOK_REMOVE, HOOKS, HOOK_COUNT, DELIVERY_PUT, DUE, DELIVERIES, REDELIVER, PRUNE,
	STATEMENT_COUNT
};

static const char *const statements[STATEMENT_COUNT] = {
    [POSITION] = "SELECT size FROM position WHERE log = ?1",
    [POSITION_PUT] = "INSERT INTO position VALUES (?1, ?2) ON CONFLICT (log) DO UPDATE SET size = ?2",
    [ITEM_ADD] = "INSERT INTO item (log, idx, at, type, product, audience, about) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [ITEMS] = "SELECT seq, log, idx, at, type, product, audience, about FROM item WHERE seq > ?1 ORDER BY seq LIMIT ?2",
    [ITEM] = "SELECT seq, log, idx, at, type, product, audience, about FROM item WHERE seq = ?1",
    [LAST] = "SELECT coalesce(max(seq), 0) FROM item",
    [HOOK_ADD] = "INSERT INTO hook VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [HOOK_REMOVE] = "DELETE FROM hook WHERE id = ?1",
    [HOOKS] = "SELECT id, domain, url, events, by, added, after FROM hook ORDER BY added, id",
    [HOOK_COUNT] = "SELECT count(*) FROM hook",
    [DELIVERY_PUT] = "INSERT INTO delivery VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (hook, seq) DO UPDATE SET"
                     " state = ?3, attempts = ?4, next = ?5, status = ?6, note = ?7, at = ?8",
    /* the index leads: neither what waits behind the oldest nor what was delivered is looked at */
    [DUE] = "SELECT d.hook, d.seq, state, attempts, next, status, note, at FROM hook CROSS JOIN delivery AS d ON d.hook = hook.id AND d.seq ="
            " (SELECT seq FROM delivery INDEXED BY delivery_pending WHERE hook = hook.id AND state = 0 ORDER BY seq LIMIT 1)"
            " WHERE next <= ?1 ORDER BY next, d.hook LIMIT ?2",
    [DELIVERIES] = "SELECT hook, seq, state, attempts, next, status, note, at FROM delivery WHERE hook = ?1 ORDER BY seq DESC LIMIT ?2",
    [REDELIVER] = "UPDATE delivery SET state = 0, attempts = 0, next = ?2 WHERE hook = ?1 AND state <> 1",
    [PRUNE] = "DELETE FROM delivery WHERE state <> 0 AND at < ?1",
};

/* FULL: who asked to be told relies on it. */
static const struct db_schema schema = {
    .what = "outbox",
    .synchronous = "FULL",
    .steps = steps,
    .step_count = ARRAY_LEN(steps),
    .statements = statements,
    .statement_count = STATEMENT_COUNT,
};

struct outbox {
	struct db db;
};

Err
outbox_open(struct ctx *c, const char *path, struct outbox **ret)
{
	struct db db;

	TRY(db_open(c, path, &schema, &db));
	*ret = mem_alloc(sizeof **ret);
	(*ret)->db = db;
	return OK;
}

void
outbox_close(struct outbox *o)
{
	if (!o) return;
	db_close(&o->db);
	free(o);
}

Err outbox_begin(struct ctx *c, struct outbox *o) { return db_exec(c, &o->db, "BEGIN IMMEDIATE"); }
Err outbox_commit(struct ctx *c, struct outbox *o) { return db_exec(c, &o->db, "COMMIT"); }

/* The one number of the one row; `absent` when there is none. */
static Err
number(struct ctx *c, struct outbox *o, size_t statement, Str key, uint64_t absent, uint64_t *ret)
{
	STMT_AUTO st = NULL;
	bool row;

	TRY(db_statement(c, &o->db, statement, &st));
	if (key.p) db_bind_text(st, 1, key);
	TRY(db_step(c, &o->db, st, &row));
	*ret = row ? (uint64_t)sqlite3_column_int64(st, 0) : absent;
	return OK;
}

Err outbox_position(struct ctx *c, struct outbox *o, Str log_id, uint64_t *ret) { return number(c, o, POSITION, log_id, 0, ret); }
Err outbox_last(struct ctx *c, struct outbox *o, uint64_t *ret) { return number(c, o, LAST, (Str){0}, 0, ret); }

Err
outbox_position_put(struct ctx *c, struct outbox *o, Str log_id, uint64_t size)
{
	STMT_AUTO st = NULL;

	TRY(db_statement(c, &o->db, POSITION_PUT, &st));
	db_bind_text(st, 1, log_id);
	sqlite3_bind_int64(st, 2, (sqlite3_int64)size);
	return db_run(c, &o->db, st);
}

/* --- the feed --- */

Err
outbox_add(struct ctx *c, struct outbox *o, const struct outbox_item *item, uint64_t *ret_seq)
{
	STMT_AUTO st = NULL;

	TRY(db_statement(c, &o->db, ITEM_ADD, &st));
	db_bind_text(st, 1, item->log_id);
	sqlite3_bind_int64(st, 2, (sqlite3_int64)item->index);
	sqlite3_bind_int64(st, 3, item->at);
	db_bind_text(st, 4, item->type);
	db_bind_text(st, 5, item->product_id);
	db_bind_text(st, 6, item->audience);
	db_bind_text(st, 7, item->about);
	TRY(db_run(c, &o->db, st));
	*ret_seq = (uint64_t)sqlite3_last_insert_rowid(o->db.handle);
	return OK;
}

static struct outbox_item
item_of(struct arena *a, sqlite3_stmt *st)
{
	return (struct outbox_item){
	    .seq = (uint64_t)sqlite3_column_int64(st, 0),
	    .log_id = arena_str(a, db_column(st, 1)),
	    .index = (uint64_t)sqlite3_column_int64(st, 2),
	    .at = sqlite3_column_int64(st, 3),
	    .type = arena_str(a, db_column(st, 4)),
	    .product_id = arena_str(a, db_column(st, 5)),
	    .audience = arena_str(a, db_column(st, 6)),
	    .about = arena_str(a, db_column(st, 7)),
	};
}

Err
outbox_items(struct ctx *c, struct outbox *o, uint64_t after, size_t limit, struct outbox_item **ret, size_t *ret_n)
{
	struct outbox_item *list = NEW_N(c->arena, limit, struct outbox_item);
	STMT_AUTO st = NULL;
	size_t n = 0;
	bool row;

	TRY(db_statement(c, &o->db, ITEMS, &st));
	sqlite3_bind_int64(st, 1, (sqlite3_int64)after);
	sqlite3_bind_int64(st, 2, (sqlite3_int64)limit);
	for (;;) {
		TRY(db_step(c, &o->db, st, &row));
		if (!row) break;
		list[n++] = item_of(c->arena, st);
	}
	*ret = list;
	*ret_n = n;
	return OK;
}

Err
outbox_item(struct ctx *c, struct outbox *o, uint64_t seq, struct outbox_item *ret)
{
	STMT_AUTO st = NULL;
	bool row;

	TRY(db_statement(c, &o->db, ITEM, &st));
	sqlite3_bind_int64(st, 1, (sqlite3_int64)seq);
	TRY(db_step(c, &o->db, st, &row));
	ENSURE(c, row, NOT_FOUND, "there is no item %llu in the feed", (unsigned long long)seq);
	*ret = item_of(c->arena, st);
	return OK;
}

/* --- webhooks --- */

Err
outbox_hook_add(struct ctx *c, struct outbox *o, const struct outbox_hook *h)
{
	STMT_AUTO st = NULL;
	uint64_t n;

	TRY(number(c, o, HOOK_COUNT, (Str){0}, 0, &n));
	ENSURE(c, n < OUTBOX_HOOKS_MAX, CONFLICT, "this node has %d webhooks, and keeps no more", OUTBOX_HOOKS_MAX);
	TRY(db_statement(c, &o->db, HOOK_ADD, &st));
	const Str texts[] = {h->id, h->domain_id, h->url, h->events, h->by};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) db_bind_text(st, (int)i + 1, texts[i]);
	sqlite3_bind_int64(st, 6, h->added);
	sqlite3_bind_int64(st, 7, (sqlite3_int64)h->after);
	return db_run(c, &o->db, st);
}

Err
outbox_hook_remove(struct ctx *c, struct outbox *o, Str id)
{
	STMT_AUTO st = NULL;

	TRY(db_statement(c, &o->db, HOOK_REMOVE, &st));
	db_bind_text(st, 1, id);
	return db_run(c, &o->db, st);
}

Err
outbox_hooks(struct ctx *c, struct outbox *o, struct outbox_hook **ret, size_t *ret_n)
{
	struct outbox_hook *list = NEW_N(c->arena, OUTBOX_HOOKS_MAX, struct outbox_hook);
	STMT_AUTO st = NULL;
	size_t n = 0;
	bool row = true;

	TRY(db_statement(c, &o->db, HOOKS, &st));
	while (n < OUTBOX_HOOKS_MAX) {
		TRY(db_step(c, &o->db, st, &row));
		if (!row) break;
		list[n++] = (struct outbox_hook){
		    .id = arena_str(c->arena, db_column(st, 0)), .domain_id = arena_str(c->arena, db_column(st, 1)),
		    .url = arena_str(c->arena, db_column(st, 2)), .events = arena_str(c->arena, db_column(st, 3)),
		    .by = arena_str(c->arena, db_column(st, 4)), .added = sqlite3_column_int64(st, 5),
		    .after = (uint64_t)sqlite3_column_int64(st, 6)};
	}
	*ret = list;
	*ret_n = n;
	return OK;
}

/* --- deliveries --- */

Err
outbox_delivery_put(struct ctx *c, struct outbox *o, const struct outbox_delivery *d)
{
	STMT_AUTO st = NULL;

	TRY(db_statement(c, &o->db, DELIVERY_PUT, &st));
	db_bind_text(st, 1, d->hook_id);
	sqlite3_bind_int64(st, 2, (sqlite3_int64)d->seq);
	sqlite3_bind_int(st, 3, (int)d->state);
	sqlite3_bind_int64(st, 4, d->attempts);
	sqlite3_bind_int64(st, 5, d->next);
	sqlite3_bind_int(st, 6, d->status);
	db_bind_text(st, 7, d->note.p ? d->note : S(""));
	sqlite3_bind_int64(st, 8, d->at);
	return db_run(c, &o->db, st);
}

static Err
delivery_rows(struct ctx *c, struct outbox *o, sqlite3_stmt *st, size_t limit, struct outbox_delivery **ret, size_t *ret_n)
{
	struct outbox_delivery *list = NEW_N(c->arena, limit, struct outbox_delivery);
	size_t n = 0;
	bool row;

	for (;;) {
		TRY(db_step(c, &o->db, st, &row));
		if (!row) break;
		list[n++] = (struct outbox_delivery){
		    .hook_id = arena_str(c->arena, db_column(st, 0)), .seq = (uint64_t)sqlite3_column_int64(st, 1),
		    .state = (enum delivery_state)sqlite3_column_int(st, 2), .attempts = (uint32_t)sqlite3_column_int64(st, 3),
		    .next = sqlite3_column_int64(st, 4), .status = sqlite3_column_int(st, 5), .note = arena_str(c->arena, db_column(st, 6)),
		    .at = sqlite3_column_int64(st, 7)};
	}
	*ret = list;
	*ret_n = n;
	return OK;
}

Err
outbox_due(struct ctx *c, struct outbox *o, Time now, size_t limit, struct outbox_delivery **ret, size_t *ret_n)
{
	STMT_AUTO st = NULL;

	TRY(db_statement(c, &o->db, DUE, &st));
	sqlite3_bind_int64(st, 1, now);
	sqlite3_bind_int64(st, 2, (sqlite3_int64)limit);
	return delivery_rows(c, o, st, limit, ret, ret_n);
}

Err
outbox_deliveries(struct ctx *c, struct outbox *o, Str hook_id, size_t limit, struct outbox_delivery **ret, size_t *ret_n)
{
	STMT_AUTO st = NULL;

	TRY(db_statement(c, &o->db, DELIVERIES, &st));
	db_bind_text(st, 1, hook_id);
	sqlite3_bind_int64(st, 2, (sqlite3_int64)limit);
	return delivery_rows(c, o, st, limit, ret, ret_n);
}

Err
outbox_redeliver(struct ctx *c, struct outbox *o, Str hook_id, Time now, uint64_t *ret_n)
{
	STMT_AUTO st = NULL;

	TRY(db_statement(c, &o->db, REDELIVER, &st));
	db_bind_text(st, 1, hook_id);
	sqlite3_bind_int64(st, 2, now);
	TRY(db_run(c, &o->db, st));
	*ret_n = (uint64_t)sqlite3_changes64(o->db.handle);
	return OK;
}

Err
outbox_prune(struct ctx *c, struct outbox *o, Time before)
{
	STMT_AUTO st = NULL;

	TRY(db_statement(c, &o->db, PRUNE, &st));
	sqlite3_bind_int64(st, 1, before);
	return db_run(c, &o->db, st);
}
