/* A table and a decision about it, for the tests of extracts. */
#ifndef HEDDLE_TEST_QUERY_EXTRACT_KIT_H
#define HEDDLE_TEST_QUERY_EXTRACT_KIT_H

#include "kit.h"

#include "ipc/msg.h"
#include "query/extract.h"
#include "query/reader.h"

struct subject {
	struct policy_table table;
	struct policy_decision decision;
};

/* columns: name, type pairs. masks: as many, "none", "hash", … or "hidden". rows: a filter, or NULL. */
static inline void
subject_make(struct kit *k, const char *const columns[][3], size_t n, const char *rows, struct subject *ret)
{
	struct policy_column *c = NEW_N(&k->arena, n, struct policy_column);
	struct policy_column_rule *r = NEW_N(&k->arena, n, struct policy_column_rule);

	for (size_t i = 0; i < n; i++) {
		c[i] = (struct policy_column){.name = str_c(columns[i][0]), .type = str_c(columns[i][1])};
		r[i].hidden = strcmp(columns[i][2], "hidden") == 0;
		if (!r[i].hidden) assert_true(mask_parse(str_c(columns[i][2]), &r[i].mask));
	}
	*ret = (struct subject){.table = {.product_id = S("p1"), .name = S("t"), .columns = c, .column_count = n, .product_live = true},
	                        .decision = {.verdict = VERDICT_ALLOW, .columns = r}};
	if (rows) assert_ok(&k->c, predicate_parse(&k->c, str_c(rows), &ret->decision.rows));
}

/* Read files of the read folder into one extract in the write folder. */
static inline Err
subject_extract(struct kit *k, const struct subject *s, const bool *columns, const Str *files, size_t file_count, const char *out, uint64_t *ret_rows)
{
	BUF_AUTO sql = BUF_INIT;
	struct secret32 key;

	memset(key.secret_bytes, 7, sizeof key.secret_bytes);
	k->c.detail[0] = 0;
	TRY(extract_sql(&k->c, &s->table, &s->decision, columns, files, file_count, &sql));
	const Str jobs[] = {buf_view(&sql), str_c(out)};
	return reader_extract(&k->c, &k->s.engine, &key, (List){jobs, 2}, ret_rows);
}

/* From the write folder into the read folder, under another name. */
static inline void
file_move(struct kit *k, const char *from, const char *to)
{
	assert_int_equal(renameat(k->spec.write_dir, from, k->spec.read_dir, to), 0);
}

/* A Parquet file in the read folder. */
static inline void
source_make(struct kit *k, const char *select, const char *name)
{
	BUF_AUTO sql = BUF_INIT;

	buf_printf(&sql, "COPY (%s) TO ", select);
	engine_file(&sql, k->spec.write_dir, S("made.parquet"));
	kit_exec(k, buf_z(&sql));
	file_move(k, "made.parquet", name);
}

#endif
