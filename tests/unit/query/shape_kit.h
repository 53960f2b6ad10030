/* A table of sales for which only aggregates are granted, for the tests of that. */
#ifndef HEDDLE_TEST_QUERY_SHAPE_KIT_H
#define HEDDLE_TEST_QUERY_SHAPE_KIT_H

#include "extract_kit.h"

#include "policy/shape.h"

/* As the decision does it: what is neither a dimension nor a number is hidden. */
static inline void
shape_set(struct subject *s, uint32_t min_group, const char *const *by, size_t n, const char *unit)
{
	static Str names[8];

	for (size_t i = 0; i < n; i++) names[i] = str_c(by[i]);
	s->decision.terms = (struct policy_terms){.min_group = min_group, .group_by = names, .group_by_count = n, .unit = str_c(unit)};
	for (size_t i = 0; i < s->table.column_count; i++)
		s->decision.columns[i].hidden = !shape_shows(&s->decision.terms, &s->table.columns[i], s->decision.columns[i].mask);
}

/* base.parquet through a reader into x.parquet, with all that is shown. */
static inline void
shape_extract(struct kit *k, const struct subject *s)
{
	bool *want = NEW_N(&k->arena, s->table.column_count, bool);
	const Str files[] = {S("base.parquet")};
	uint64_t rows;

	for (size_t i = 0; i < s->table.column_count; i++) want[i] = !s->decision.columns[i].hidden;
	assert_ok(&k->c, subject_extract(k, s, want, files, 1, "x.parquet", &rows));
	file_move(k, "x.parquet", "x.parquet");
}

/* The rows of the extract, or of `select` … FROM it. */
static inline const char *
shape_rows(struct kit *k, const struct subject *s, const char *select)
{
	BUF_AUTO sql = BUF_INIT;

	shape_extract(k, s);
	buf_printf(&sql, "%s read_parquet(", select ? select : "FROM");
	engine_file(&sql, k->spec.read_dir, S("x.parquet"));
	buf_c(&sql, ")");
	if (select && strstr(select, "region,")) buf_c(&sql, " GROUP BY region");
	return kit_rows(k, buf_z(&sql)).p;
}

static inline char *
shape_file(struct kit *k, const struct subject *s, size_t *ret_size)
{
	struct stat st;

	shape_extract(k, s);
	int fd = openat(k->spec.read_dir, "x.parquet", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	char *p = malloc((size_t)st.st_size);
	assert_int_equal(read(fd, p, (size_t)st.st_size), st.st_size);
	close(fd);
	*ret_size = (size_t)st.st_size;
	return p;
}

/* 600 rows of 60 households in 3 regions and 2 years; some cells are too small. */
static inline const char *
sales_rows(struct kit *k, int seed)
{
	return arena_printf(&k->arena,
	    "SELECT (i * 7 + %d) %% 60 AS household_id, ['EU', 'UK', 'US'][1 + i %% 3] AS region, DATE '2019-03-01' + (i %% 700)::INTEGER AS day, "
	    "((i * 37) %% 1000 / 10.0)::DECIMAL(18,2) AS amount, CASE WHEN i %% 11 > 0 THEN (i %% 5)::INTEGER END AS pieces, i / 7.0 AS weight, "
	    "'n' || i AS name FROM range(600) r(i) UNION ALL SELECT 1000 + i, 'XX', DATE '2020-01-01', 5, 1, 1, 'x' FROM range(4) r(i)", seed).p;
}

/* Three worlds. In the second other households with other amounts in another order make the same cells, and what stands in cells that are too
 * small is other and more; in the third one number more is there. */
static inline const char *
cells_rows(struct kit *k, int world)
{
	bool other = world == 1;

	return arena_printf(&k->arena,
	    "SELECT * FROM (SELECT %s AS household_id, ['EU', 'UK', 'US'][1 + i %% 3] AS region, DATE '%s' + (i %% 30)::INTEGER AS day, "
	    "(CASE WHEN i // 3 %% 2 = 0 THEN 10 + %s ELSE 10 - %s END)::DECIMAL(18,2) AS amount, "
	    "CASE WHEN %s THEN NULL ELSE 3 END::INTEGER AS pieces, CASE WHEN i // 3 %% 2 = 0 THEN 0.5 + %s ELSE 0.5 - %s END AS weight, "
	    "'%s' || i AS name FROM range(600) r(i) UNION ALL "
	    "SELECT i * 10 + %d, 'XX', DATE '2020-01-01', %s::DECIMAL(18,2), 1, 'nan'::DOUBLE, 'x' FROM range(%d) r(i)) ORDER BY %s",
	    other ? "i * 31 % 100 + 500" : "i % 40", other ? "2020-06-01" : "2020-01-01", other ? "(i // 6) / 7" : "0", other ? "(i // 6) / 7" : "0",
	    world == 2 ? "i < 30 OR i = 77" : other ? "i >= 570" : "i < 30", other ? "(i // 6) / 64" : "0.25", other ? "(i // 6) / 64" : "0.25", other ? "a" : "b", world,
	    other ? "1e9" : "2", other ? 4 : 3, other ? "name" : "household_id, name").p;
}

#endif
