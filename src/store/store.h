/* The catalog store: records folded from the logs, kept so that a start need not replay them, and so that search is indexed.
 * Derived data: it can be thrown away and rebuilt. Behind this interface SQLite today, PostgreSQL later.
 *
 * A record is (kind, id) → canonical bytes. The state hash is SHA-256 over all records in (kind, id) order, so two stores
 * with the same hash hold the same catalog. Single writer. */
#ifndef HEDDLE_STORE_STORE_H
#define HEDDLE_STORE_STORE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

struct store;

/* path: the file ("catalog.db"); created (mode 0600) and migrated as needed (PRAGMA user_version; a newer one is refused with
 * CONFLICT, as is one that another process has open). Damaged: CORRUPT, and the caller may remove it with its "-wal" and rebuild.
 * Reads the file once to check it: about 1 ms per 2 MB. */
NODISCARD Err store_open(struct ctx *c, const char *path, struct store **ret);
void store_close(struct store *s);

NODISCARD Err store_begin(struct ctx *c, struct store *s);
NODISCARD Err store_commit(struct ctx *c, struct store *s);
void store_rollback(struct store *s);

NODISCARD Err store_put(struct ctx *c, struct store *s, Str kind, Str id, Str body);
NODISCARD Err store_del(struct ctx *c, struct store *s, Str kind, Str id);
typedef Err (*store_row_fn)(struct ctx *c, void *arg, Str kind, Str id, Str body);
/* Every record in (kind, id) order, each checked against its checksum (CORRUPT). The callback's Str borrow until it returns; it
 * must not change the store. Its error ends the walk and is returned. */
NODISCARD Err store_each(struct ctx *c, struct store *s, store_row_fn fn, void *arg);

/* How far each log has been folded in. */
NODISCARD Err store_position_put(struct ctx *c, struct store *s, Str log_id, uint64_t size, const uint8_t root[32]);
NODISCARD Err store_position_get(struct ctx *c, struct store *s, Str log_id, uint64_t *ret_size, uint8_t ret_root[32]); /* 0 when unknown */

/* Full-text search over documents put under a key: those with all words in the title first, then by key. The query is user text, never
 * syntax (each word is matched as a prefix, all must match; without a word it finds nothing). Case and accents do not count. Documents
 * that are not wanted change nothing of the answer: they take no place in it, and do not weigh in its order. Looks at all that match. */
struct store_search {
	Str query;
	size_t limit;
	bool (*wanted)(void *arg, Str key); /* NULL: all. The key is valid during the call */
	void *arg;
};
NODISCARD Err store_search_put(struct ctx *c, struct store *s, Str key, Str title, Str text); /* replaces */
NODISCARD Err store_search_del(struct ctx *c, struct store *s, Str key);
NODISCARD Err store_search(struct ctx *c, struct store *s, const struct store_search *what, Str **ret_keys, size_t *ret_n);

NODISCARD Err store_hash(struct ctx *c, struct store *s, uint8_t ret[32]);
/* Forget everything (records, positions, search) inside the open transaction. */
NODISCARD Err store_clear(struct ctx *c, struct store *s);

#endif
