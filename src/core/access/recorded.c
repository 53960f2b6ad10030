#include "core/access/recorded.h"

#include <stdlib.h>

#include "core/audit/audit.h"

struct recording { struct arena *keep; struct recorded *list; size_t n, cap; };

static Err
keep(struct ctx *c, void *arg, const struct usage_query *q)
{
	struct recording *r = arg;
	struct arena *a = r->keep;
	Str *columns = NEW_N(a, q->column_count, Str);
	(void)c;

	if (r->n == r->cap) {
		struct recorded *more = NEW_N(a, r->cap = r->cap ? r->cap * 2 : 64, struct recorded);
		if (r->n) memcpy(more, r->list, r->n * sizeof *more);
		r->list = more;
	}
	for (size_t i = 0; i < q->column_count; i++) columns[i] = arena_str(a, q->columns[i]);
	r->list[r->n++] = (struct recorded){.person_id = arena_str(a, q->person_id), .purpose = arena_str(a, q->purpose),
	                                    .table = arena_str(a, q->table), .product_id = arena_str(a, q->product_id),
	                                    .grant_id = arena_str(a, q->grant_id), .delegation_id = arena_str(a, q->delegation_id),
	                                    .columns = columns, .column_count = q->column_count, .all = q->all, .count = q->count,
	                                    .rows = q->rows, .first = q->first, .last = q->last};
	return OK;
}

static int
by_last(const void *a, const void *b)
{
	const struct recorded *x = a, *y = b;
	int r = (x->last < y->last) - (x->last > y->last);

	if (r == 0) r = str_cmp(x->table, y->table);
	if (r == 0) r = str_cmp(x->person_id, y->person_id);
	return r ? r : str_cmp(x->purpose, y->purpose);
}

Err
recorded_queries(struct core *core, struct ctx *c, Time since, struct recorded **ret, size_t *ret_n)
{
	struct recording r = {.keep = c->arena};

	TRY(audit_catch_up(core, c));
	ENSURE(c, core->audit, UNAVAILABLE, "the journal's index cannot be used; the node's log tells why");
	TRY(usage_queries(c, core->audit, since, keep, &r));
	if (r.n > 1) qsort(r.list, r.n, sizeof *r.list, by_last);
	*ret = r.list;
	*ret_n = r.n;
	return OK;
}
