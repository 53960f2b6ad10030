#include "query/extract.h"

#include <string.h>

#include "base/map.h"
#include "crypt/encode.h"
#include "crypt/hash.h"

/* Part of the name: another way to write extracts must not find the old ones. */
static const char format_version[] = "extract 1";

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

static bool
named(const struct map *names, Str column)
{
	char lower[256];

	if (column.n > sizeof lower) return true;
	for (size_t i = 0; i < column.n; i++) lower[i] = column.p[i] >= 'A' && column.p[i] <= 'Z' ? (char)(column.p[i] + 32) : column.p[i];
	return map_get(names, str_of(lower, column.n)) != NULL;
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
extract_columns(struct ctx *c, const struct sql_statement *s, const struct sql_table *table, const struct policy_table *t,
                const struct policy_decision *d, bool *ret)
{
	size_t any = cheapest(t, d), wanted = 0;
	struct map names = MAP_INIT;
	static char present;

	ENSURE(c, any < t->column_count, DENIED, "every column of %.*s is hidden from you", STR(table->name));
	for (size_t i = 0; i < s->column_count; i++) map_put(&names, s->columns[i], &present);
	for (size_t i = 0; i < t->column_count; i++) {
		ret[i] = !d->columns[i].hidden && (table->all || named(&names, t->columns[i].name));
		wanted += ret[i];
	}
	map_fini(&names);
	if (wanted == 0) ret[any] = true;
	return OK;
}

Err
extract_sql(struct ctx *c, const struct policy_table *t, const struct policy_decision *d, const bool *columns, const Str *files,
            size_t file_count, struct buf *out)
{
	size_t n = 0;

	ENSURE(c, file_count > 0, INTERNAL, "an extract of no files");
	buf_c(out, "FROM read_parquet([");
	for (size_t i = 0; i < file_count; i++) {
		ENSURE(c, extract_file_is_plain(files[i]), INTERNAL, "'%.*s' is no name of a file of a table", STR(files[i]));
		buf_printf(out, "%s'@in/%.*s'", i ? "," : "", STR(files[i]));
	}
	buf_c(out, file_count > 1 ? "], union_by_name = true) SELECT " : "]) SELECT ");
	for (size_t i = 0; i < t->column_count; i++) {
		if (!columns[i]) continue;
		ENSURE(c, !d->columns[i].hidden, INTERNAL, "a hidden column in an extract");
		if (n++) buf_c(out, ", ");
		TRY(policy_column_sql(c, &t->columns[i], d->columns[i].mask, out));
	}
	ENSURE(c, n > 0, INTERNAL, "an extract of no columns");
	if (!d->rows) return OK;
	buf_c(out, " WHERE ");
	return policy_rows_sql(c, d->rows, t, out);
}

/* Every part with its length, so that no two lists of parts give the same bytes. */
static void
hash_part(struct crypt_sha256 *h, Str part)
{
	uint8_t n[8];

	for (int i = 0; i < 8; i++) n[i] = (uint8_t)((uint64_t)part.n >> (56 - 8 * i));
	crypt_sha256_add(h, str_of(n, sizeof n));
	crypt_sha256_add(h, part);
}

void
extract_name(Str snapshot, const struct policy_table *t, const struct policy_decision *d, const bool *columns,
             char ret[static EXTRACT_NAME_MAX])
{
	struct crypt_sha256 h;
	uint8_t hash[CRYPT_HASH_BYTES];

	crypt_sha256_init(&h);
	hash_part(&h, str_c(format_version));
	hash_part(&h, t->product_id);
	hash_part(&h, t->name);
	hash_part(&h, snapshot);
	hash_part(&h, str_of(d->hash, sizeof d->hash));
	for (size_t i = 0; i < t->column_count; i++)
		if (columns[i]) hash_part(&h, t->columns[i].name);
	crypt_sha256_end(&h, hash);
	ret[0] = 'x';
	hex_text(hash, sizeof hash, ret + 1);
	memcpy(ret + 1 + 2 * sizeof hash, ".parquet", sizeof ".parquet");
}
