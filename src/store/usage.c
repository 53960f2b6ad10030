/* usage.h: reading what the fold of the journal counted. */
#include "store/usage.h"

#include "store/audit_private.h"

/* "*\na\nb" → all, [a, b] */
static void
split_columns(struct arena *arena, Str text, struct usage_query *q)
{
	size_t n = 1, k = 0;
	Str one;

	for (size_t i = 0; i < text.n; i++) n += text.p[i] == '\n';
	Str *v = NEW_N(arena, n, Str);
	for (Str rest = text; rest.p && text.n;) {
		rest = str_cut(rest, '\n', &one);
		if (str_eqc(one, "*"))
			q->all = true;
		else
			v[k++] = one;
	}
	q->columns = v;
	q->column_count = k;
}

static struct usage_query
read_line(struct arena *arena, sqlite3_stmt *st)
{
	struct usage_query q = {
	    .person_id = db_column(st, 0), .purpose = db_column(st, 1), .table = db_column(st, 2), .product_id = db_column(st, 3),
	    .grant_id = db_column(st, 4), .delegation_id = db_column(st, 5),
	    .count = (uint64_t)sqlite3_column_int64(st, 7), .refused = (uint64_t)sqlite3_column_int64(st, 8),
	    .rows = (uint64_t)sqlite3_column_int64(st, 9), .bytes = (uint64_t)sqlite3_column_int64(st, 10),
	    .first = sqlite3_column_int64(st, 11), .last = sqlite3_column_int64(st, 12)};

	split_columns(arena, db_column(st, 6), &q);
	return q;
}

static Err
each(struct ctx *c, struct audit *a, sqlite3_stmt *st, usage_fn fn, void *arg)
{
	bool row;

	for (;;) {
		ARENA_AUTO arena = ARENA_INIT;
		TRY(db_step(c, &a->db, st, &row));
		if (!row) return OK;
		struct usage_query q = read_line(&arena, st);
		TRY(fn(c, arg, &q));
	}
}

Err
usage_queries(struct ctx *c, struct audit *a, Time since, usage_fn fn, void *arg)
{
	STMT_AUTO st = NULL;

	TRY(db_statement(c, &a->db, USE_ALLOWED, &st));
	sqlite3_bind_int64(st, 1, since / TIME_DAY);
	return each(c, a, st, fn, arg);
}

Err
usage_each(struct ctx *c, struct audit *a, Time since, Str table_prefix, Str grant_id, usage_fn fn, void *arg)
{
	STMT_AUTO st = NULL;

	TRY(db_statement(c, &a->db, USE_EACH, &st));
	sqlite3_bind_int64(st, 1, since / TIME_DAY);
	db_bind_text(st, 2, table_prefix);
	db_bind_text(st, 3, grant_id);
	return each(c, a, st, fn, arg);
}

static Err
one_number(struct ctx *c, struct audit *a, size_t statement, Str id, int64_t day, int64_t *ret)
{
	bool row;
	STMT_AUTO st = NULL;

	TRY(db_statement(c, &a->db, statement, &st));
	db_bind_text(st, 1, id);
	if (statement == CHARGED) sqlite3_bind_int64(st, 2, day);
	TRY(db_step(c, &a->db, st, &row));
	*ret = row ? sqlite3_column_int64(st, 0) : 0;
	return OK;
}

Err
usage_grant_last(struct ctx *c, struct audit *a, Str grant_id, Time *ret)
{
	return one_number(c, a, GRANT_LAST, grant_id, 0, ret);
}

Err
usage_product_last(struct ctx *c, struct audit *a, Str product_id, Time *ret)
{
	return one_number(c, a, PRODUCT_LAST, product_id, 0, ret);
}

Err
usage_grants_last(struct ctx *c, struct audit *a, usage_last_fn fn, void *arg)
{
	bool row;
	STMT_AUTO st = NULL;

	TRY(db_statement(c, &a->db, GRANTS_LAST, &st));
	for (;;) {
		TRY(db_step(c, &a->db, st, &row));
		if (!row) return OK;
		TRY(fn(c, arg, db_column(st, 0), sqlite3_column_int64(st, 1)));
	}
}

Err
usage_charged(struct ctx *c, struct audit *a, Str grant_id, int64_t day, uint64_t *ret)
{
	int64_t n = 0;

	TRY(one_number(c, a, CHARGED, grant_id, day, &n));
	ENSURE(c, n >= 0, CORRUPT, "journal's index: less than nothing was charged to grant %.*s", STR(grant_id));
	*ret = (uint64_t)n;
	return OK;
}
