/* Who used what, how often, last when: counted from the journal, in the same derived file as its index (store/audit.h). A query of the
 * journal (query.start, query.refused) counts once for each of its tables; query.end adds its rows and bytes to each of them.
 *
 * Read-only here: the fold of the journal (core/audit/journal.c) writes. Behind the journal by what was not folded yet; audit_catch_up()
 * (core/audit/audit.h) waits for it. Days are UTC and that of the query's start; since is rounded down to the beginning of its day. */
#ifndef HEDDLE_STORE_USAGE_H
#define HEDDLE_STORE_USAGE_H

#include "store/audit.h"

/* What was asked of one table in the same way. Texts borrow until the callback returns. */
struct usage_query {
	Str person_id, purpose;
	Str table;             /* "domain.product.table" as it was called then */
	Str product_id, grant_id, delegation_id; /* "" when unknown, for one's own product, or not handed on; refused: "" */
	const Str *columns;    /* as asked for, sorted; of `all` too, when they were told */
	size_t column_count;
	bool all;              /* SELECT * or a table whose columns cannot be told apart */
	uint64_t count, refused; /* queries that were allowed, and that were refused */
	uint64_t rows, bytes;  /* answered */
	Time first, last;
};
typedef Err (*usage_fn)(struct ctx *c, void *arg, const struct usage_query *q);

/* Those with count > 0 since then, days taken together; ordered by table, person, purpose. The callback may not use the same file. */
NODISCARD Err usage_queries(struct ctx *c, struct audit *a, Time since, usage_fn fn, void *arg);
/* The same with what was refused, of one table's beginning ("d.p." or "" for all) and one grant ("" for all). */
NODISCARD Err usage_each(struct ctx *c, struct audit *a, Time since, Str table_prefix, Str grant_id, usage_fn fn, void *arg);

/* When a query was last allowed under this grant, or 0. O(log n). */
NODISCARD Err usage_grant_last(struct ctx *c, struct audit *a, Str grant_id, Time *ret);
NODISCARD Err usage_product_last(struct ctx *c, struct audit *a, Str product_id, Time *ret);
typedef Err (*usage_last_fn)(struct ctx *c, void *arg, Str grant_id, Time last);
/* The same for every grant that was ever used. */
NODISCARD Err usage_grants_last(struct ctx *c, struct audit *a, usage_last_fn fn, void *arg);
/* Rows charged to the grant's budget on that day: of queries that ended what they answered, of others what was reserved for them. */
NODISCARD Err usage_charged(struct ctx *c, struct audit *a, Str grant_id, int64_t day, uint64_t *ret);

#endif
