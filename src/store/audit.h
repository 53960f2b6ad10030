/* The index of the journal: derived from it alone, and rebuilt whenever it is lost or does not fit. SQLite, a file of its own (audit.db).
 *
 * The fold takes entries in the order of the log and keeps how far it is in the same transaction. Texts are ids, codes and names of the
 * mesh: nobody's name is in here, so nothing has to be erased. Single writer. What was counted of the use of data: store/usage.h. */
#ifndef HEDDLE_STORE_AUDIT_H
#define HEDDLE_STORE_AUDIT_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "base/time.h"

struct audit;

/* Like store_open(): created and migrated as needed. CORRUPT: remove it with its "-wal" and fold anew. */
NODISCARD Err audit_open(struct ctx *c, const char *path, struct audit **ret);
void audit_close(struct audit *a); /* NULL is fine; what was not committed is folded again */

/* How many entries are folded, and the leaf hash of the last of them (zeros for none). */
NODISCARD Err audit_position(struct ctx *c, struct audit *a, uint64_t *ret_size, uint8_t ret_leaf[32]);
NODISCARD Err audit_begin(struct ctx *c, struct audit *a);
NODISCARD Err audit_commit(struct ctx *c, struct audit *a, uint64_t size, const uint8_t leaf[32]);
void audit_rollback(struct audit *a);

/* outcome: "ok", "refused" (policy or a wrong token said no) or "failed". things: what it is about, audit_thing(). */
struct audit_entry {
	uint64_t index;
	Time time;
	Str actor, operation, outcome;
	const Str *things;
	size_t thing_count;
};
NODISCARD Err audit_put(struct ctx *c, struct audit *a, const struct audit_entry *e);
/* "product:sales.orders", "domain:<id>": how a thing is told. In the arena. */
Str audit_thing(struct arena *arena, const char *kind, Str id);

/* "" stands for any; times: [from, until). Entries [first, end) are looked at. With only_actor or only_domain just entries of that person
 * or about that domain are found, whatever else is asked for. */
struct audit_filter {
	Str actor, operation, outcome, thing;
	Time from, until;
	uint64_t first, end;
	Str only_actor, only_domain;
	bool newest; /* begin at the end */
};
/* At most `limit` indexes in rising (newest: falling) order into ret. Cost: O(entries looked at), which are those of the thing, else of the actor, else all:
 * the caller asks for parts of a long journal. */
NODISCARD Err audit_find(struct ctx *c, struct audit *a, const struct audit_filter *f, size_t limit, uint64_t *ret, size_t *ret_n);
/* The first entry of that time or later, or the end. O(log n). */
NODISCARD Err audit_first_at(struct ctx *c, struct audit *a, Time from, uint64_t *ret);

/* One table of a query that began (allowed) or was refused. */
struct audit_use {
	Time at;
	Str query, person, purpose, table, product, grant, delegation;
	Str columns;           /* sorted, one a line; "*" first for all */
	bool allowed;
	uint64_t reserved;     /* of the grant's budget; 0 without one */
};
NODISCARD Err audit_use(struct ctx *c, struct audit *a, const struct audit_use *u);
enum { AUDIT_TABLES_MAX = 64 };
/* The query's end: what it answered, and was charged with at most (UINT64_MAX: what was reserved). Its tables in the arena of c. */
NODISCARD Err audit_use_end(struct ctx *c, struct audit *a, Str query, uint64_t rows, uint64_t bytes, uint64_t charged, Str **ret_tables,
                            size_t *ret_n);

#endif
