#include "query/extract.h"

#include "base/map.h"

bool
extract_file_is_plain(Str name)
{
	if (name.n == 0 || name.n > 201 || name.p[0] == '.' || name.p[0] == '-') return false;
	for (size_t i = 0; i < name.n; i++) {
		char ch = name.p[i];
		bool letter = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9');
		if (!letter && ch != '_' && ch != '.' && ch != '-') return false;
	}
	return true;
}

static Str
lower(struct ctx *c, Str s)
{
	char *p = arena_dup(c->arena, s.p, s.n);

	for (size_t i = 0; i < s.n; i++)
		if (p[i] >= 'A' && p[i] <= 'Z') p[i] = (char)(p[i] + 32);
	return str_of(p, s.n);
}

/* The cheapest visible column: nothing to compute, then a constant; a keyed hash last. */
static size_t
cheapest(const struct policy_table *t, const struct policy_decision *d)
{
	static const int cost[MASK_KIND_COUNT] = {[MASK_LAST_FOUR] = 3, [MASK_YEAR] = 2, [MASK_HASH] = 4, [MASK_CONSTANT] = 1, [MASK_NULL] = 1};
	size_t best = t->column_count;

	for (size_t i = 0; i < t->column_count; i++) {
		if (d->columns[i].hidden) continue;
		if (best == t->column_count || cost[d->columns[i].mask] < cost[d->columns[best].mask]) best = i;
	}
	return best;
}

Err
extract_columns(struct ctx *c, const struct policy_table *t, const struct policy_decision *d, bool all, const Str *wanted,
                size_t wanted_count, bool *ret)
{
	size_t any = cheapest(t, d), n = 0;
	struct map names = MAP_INIT;
	static char present;

	ENSURE(c, any < t->column_count, DENIED, "every column of %.*s is hidden from you", STR(t->name));
	for (size_t i = 0; i < wanted_count; i++) map_put(&names, lower(c, wanted[i]), &present);
	for (size_t i = 0; i < t->column_count; i++) {
		ret[i] = !d->columns[i].hidden && (all || map_get(&names, lower(c, t->columns[i].name)));
		n += ret[i];
	}
	map_fini(&names);
	if (n == 0) ret[any] = true;
	return OK;
}

Err
extract_sql(struct ctx *c, const struct policy_table *t, const struct policy_decision *d, const bool *columns, const Str *files,
            size_t file_count, struct buf *out)
{
	BUF_AUTO from = BUF_INIT;

	ENSURE(c, file_count > 0, INTERNAL, "an extract of no files");
	buf_c(&from, "read_parquet([");
	for (size_t i = 0; i < file_count; i++) {
		ENSURE(c, extract_file_is_plain(files[i]), INTERNAL, "'%.*s' is no name of a file of a table", STR(files[i]));
		buf_printf(&from, "%s'@in/%.*s'", i ? "," : "", STR(files[i]));
	}
	buf_c(&from, file_count > 1 ? "], union_by_name = true)" : "])");
	return policy_extract_sql(c, t, d, columns, buf_view(&from), out);
}
