#include "job/quality_build.h"

/* Grow by doubling; the old array stays behind in the arena. */
static void *
grown(struct arena *a, void *old, size_t n, size_t *cap, size_t size)
{
	if (n < *cap) return old;
	*cap = *cap ? 2 * *cap : 16;
	void *more = arena_array(a, *cap, size);
	if (n) memcpy(more, old, n * size);
	return more;
}

size_t
build_value(struct build *b, Str expression)
{
	if (b->values) buf_c(b->scan, ", ");
	buf_str(b->scan, expression);
	return b->values++;
}

size_t
build_query(struct build *b, struct quality_query q)
{
	struct quality_plan *p = b->plan;

	p->queries = grown(b->a, p->queries, p->query_count, &b->query_cap, sizeof q);
	p->queries[p->query_count] = q;
	return p->query_count++;
}

struct quality_check *
build_check(struct build *b, Str column, Str what, Str title)
{
	struct quality_plan *p = b->plan;
	struct quality_check *check;

	p->checks = grown(b->a, p->checks, p->check_count, &b->check_cap, sizeof *p->checks);
	check = &p->checks[p->check_count++];
	*check = (struct quality_check){.title = title,
	    .severity = S("error"),
	    .dimension = S(""),
	    .column = column,
	    .op = OPERATOR_BE,
	    .operands = {{VALUE_NUMBER, S("0")}},
	    .rows_sql = S(""),
	    .note = S("")};
	check->id = column.n ? arena_printf(b->a, "%.*s.%.*s.%.*s", STR(b->t->name), STR(column), STR(what))
	                     : arena_printf(b->a, "%.*s.%.*s", STR(b->t->name), STR(what));
	return check;
}

static bool
among(const Str *names, size_t n, Str name)
{
	for (size_t i = 0; i < n; i++)
		if (str_ieq(names[i], name)) return true;
	return false;
}

Str
build_key_and(struct build *b, const Str *columns, size_t n, const char *prefix)
{
	Str *all = NEW_N(b->a, b->t->key_count + n, Str);
	size_t count = 0;

	for (size_t i = 0; i < b->t->key_count; i++) all[count++] = b->t->key[i];
	for (size_t i = 0; i < n; i++)
		if (!among(all, count, columns[i])) all[count++] = columns[i];
	return sql_columns(b->a, all, count, prefix);
}

Str
build_rows(struct build *b, const Str *columns, size_t n, Str condition)
{
	Str list = build_key_and(b, columns, n, "");

	return arena_printf(b->a,
	    "SELECT file_index + 1 AS \"file\", file_row_number + 1 AS \"row\", %.*s FROM %.*s WHERE %.*s ORDER BY 1, 2 LIMIT %d",
	    STR(list), STR(b->self->relation), STR(condition), QUALITY_ROWS_MAX);
}

/* "r"."a" IS NOT DISTINCT FROM "d"."a" AND … */
static Str
same_key(struct arena *a, const Str *columns, size_t n)
{
	BUF_AUTO b = BUF_INIT;

	for (size_t i = 0; i < n; i++) {
		Str x = sql_ident(a, columns[i]);
		buf_printf(&b, "%sr.%.*s IS NOT DISTINCT FROM d.%.*s", i ? " AND " : "", STR(x), STR(x));
	}
	return arena_str(a, buf_view(&b));
}

/* Where the hashes that repeat are known, a condition on them takes this place: then only a few rows are grouped. */
#define NARROW "/*narrow*/"

/* Nothing but digits and commas may come into SQL from outside. */
static bool
is_hash_list(Str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != ',' && (s.p[i] < '0' || s.p[i] > '9')) return false;
	return s.n > 0;
}

Str
build_narrowed(struct arena *a, Str sql, Str key_hash, Str hashes)
{
	bool known = is_hash_list(hashes);
	BUF_AUTO b = BUF_INIT;

	for (size_t i = 0; i < sql.n;) {
		if (!str_starts(str_of(sql.p + i, sql.n - i), S(NARROW))) {
			buf_char(&b, sql.p[i++]);
			continue;
		}
		i += sizeof NARROW - 1;
		if (known) buf_printf(&b, " AND %.*s IN (%.*s)", STR(key_hash), STR(hashes));
	}
	return arena_str(a, buf_view(&b));
}

Str
quality_otherwise(struct arena *a, const struct quality_query *q, Str value)
{
	return build_narrowed(a, q->otherwise, q->key_hash, q->hashes ? value : S(""));
}

void
build_repeats(struct build *b, struct quality_check *check, const Str *columns, size_t n, bool skip_null)
{
	struct arena *a = b->a;
	Str list = sql_columns(a, columns, n, ""), of_rows = sql_columns(a, columns, n, "r."), rel = b->self->relation;
	Str hash = arena_printf(a, "hash(%.*s)", STR(list));
	Str where = skip_null ? arena_printf(a, "%.*s IS NOT NULL", STR(list)) : S("true");
	Str groups = arena_printf(a, "FROM %.*s WHERE %.*s" NARROW " GROUP BY %.*s HAVING count(*) > 1", STR(rel), STR(where), STR(list));
	struct quality_query q = {.believe = S("0"), .hashes = b->self->hashes, .key_hash = hash};

	q.sql = q.hashes ? arena_printf(a, "SELECT %.*s FROM %.*s WHERE %.*s", STR(hash), STR(rel), STR(where))
	                 : arena_printf(a, "SELECT count(*) - count(DISTINCT h) FROM (SELECT %.*s AS h FROM %.*s WHERE %.*s)", STR(hash),
	                       STR(rel), STR(where));
	q.otherwise = arena_printf(a, "SELECT CAST(coalesce(sum(n - 1), 0) AS BIGINT) FROM (SELECT count(*) AS n %.*s)", STR(groups));
	check->from = QUALITY_QUERY;
	check->index = build_query(b, q);
	Str same = same_key(a, columns, n);
	check->rows_sql = arena_printf(a,
	    "SELECT r.file_index + 1 AS \"file\", r.file_row_number + 1 AS \"row\", %.*s FROM (SELECT %.*s, file_index, file_row_number "
	    "FROM %.*s "
	    "WHERE true" NARROW ") AS r JOIN (SELECT %.*s %.*s LIMIT %d) AS d ON %.*s ORDER BY %.*s, 1, 2 LIMIT %d",
	    STR(of_rows), STR(list), STR(rel), STR(list), STR(groups), QUALITY_ROWS_MAX, STR(same), STR(of_rows), QUALITY_ROWS_MAX);
}

const struct quality_column *
build_column(const struct build *b, Str name)
{
	for (size_t i = 0; i < b->self->column_count; i++)
		if (str_ieq(b->self->columns[i].name, name)) return &b->self->columns[i];
	return NULL;
}

const struct quality_source *
build_source(const struct build *b, Str table)
{
	for (size_t i = 0; i < b->source_count; i++)
		if (str_eq(b->sources[i].table, table)) return &b->sources[i];
	return NULL;
}
