/* {"v":1,"table":"…","rows":N,"columns":[["name","TYPE",nulls,"min","max"],…],"files":[["sha256",bytes,rows],…]} */
#include "table/manifest.h"

#include "base/map.h"
#include "codec/json.h"

enum { NAME_MAX_BYTES = 255, VALUES_MAX = 8 + MANIFEST_FILES_MAX * 4 + MANIFEST_COLUMNS_MAX * 6 };

static void
column_write(const struct manifest_column *k, struct buf *out)
{
	buf_char(out, '[');
	buf_json(out, k->name);
	buf_char(out, ',');
	buf_json(out, k->type);
	buf_printf(out, ",%llu,", (unsigned long long)k->nulls);
	buf_json(out, k->min);
	buf_char(out, ',');
	buf_json(out, k->max);
	buf_char(out, ']');
}

void
manifest_write(const struct manifest *m, struct buf *out)
{
	buf_c(out, "{\"v\":1,\"table\":");
	buf_json(out, m->table);
	buf_printf(out, ",\"rows\":%llu,\"columns\":[", (unsigned long long)m->rows);
	for (size_t i = 0; i < m->column_count; i++) {
		if (i) buf_char(out, ',');
		column_write(&m->columns[i], out);
	}
	buf_c(out, "],\"files\":[");
	for (size_t i = 0; i < m->file_count; i++) {
		const struct manifest_file *f = &m->files[i];
		buf_c(out, i ? ",[" : "[");
		buf_json(out, f->sha256);
		buf_printf(out, ",%llu,%llu]", (unsigned long long)f->bytes, (unsigned long long)f->rows);
	}
	buf_c(out, "]}");
}

/* --- reading --- */

static bool
text_at(const json_t *list, size_t i, size_t min, size_t max, Str *ret)
{
	const json_t *v = json_array_get(list, i);

	if (!json_is_string(v) || json_string_length(v) < min || json_string_length(v) > max) return false;
	*ret = str_of(json_string_value(v), json_string_length(v));
	return true;
}

static bool
number_at(const json_t *list, size_t i, uint64_t *ret)
{
	const json_t *v = json_array_get(list, i);

	if (!json_is_integer(v) || json_integer_value(v) < 0) return false;
	*ret = (uint64_t)json_integer_value(v);
	return true;
}

static bool
sha256_ok(Str s)
{
	if (s.n != 64) return false;
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f'))) return false;
	return true;
}

static Err
column_read(struct ctx *c, const json_t *v, size_t at, struct manifest *m)
{
	struct manifest_column *k = &m->columns[at];

	ENSURE(c, json_array_size(v) == 5 && text_at(v, 0, 1, NAME_MAX_BYTES, &k->name) && text_at(v, 1, 1, NAME_MAX_BYTES, &k->type) &&
	              number_at(v, 2, &k->nulls) && text_at(v, 3, 0, MANIFEST_BOUND_MAX, &k->min) && text_at(v, 4, 0, MANIFEST_BOUND_MAX, &k->max),
	       INVALID, "manifest: column %zu must be [name, type, nulls, min, max]", at);
	ENSURE(c, k->nulls <= m->rows, INVALID, "manifest: column %zu has more nulls than the table has rows", at);
	for (size_t i = 0; i < at; i++)
		ENSURE(c, !str_ieq(m->columns[i].name, k->name), INVALID, "manifest: columns %zu and %zu have one name", i, at);
	k->name = arena_str(c->arena, k->name);
	k->type = arena_str(c->arena, k->type);
	k->min = arena_str(c->arena, k->min);
	k->max = arena_str(c->arena, k->max);
	return OK;
}

static Err
columns_read(struct ctx *c, const json_t *list, struct manifest *m)
{
	const json_t *v;
	size_t i;

	ENSURE(c, json_array_size(list) <= MANIFEST_COLUMNS_MAX, TOO_LARGE, "manifest: more than %d columns", MANIFEST_COLUMNS_MAX);
	m->column_count = json_array_size(list);
	m->columns = NEW_N(c->arena, m->column_count, struct manifest_column);
	json_array_foreach(list, i, v) TRY(column_read(c, v, i, m));
	return OK;
}

static Err
file_read(struct ctx *c, const json_t *v, size_t at, struct map *seen, struct manifest_file *ret)
{
	ENSURE(c, json_array_size(v) == 3 && text_at(v, 0, 64, 64, &ret->sha256) && sha256_ok(ret->sha256) && number_at(v, 1, &ret->bytes) &&
	              number_at(v, 2, &ret->rows),
	       INVALID, "manifest: file %zu must be [sha256, bytes, rows]", at);
	ENSURE(c, !map_put(seen, ret->sha256, ret), INVALID, "manifest: file %zu is listed twice", at);
	ret->sha256 = arena_str(c->arena, ret->sha256);
	return OK;
}

static Err
files_read(struct ctx *c, const json_t *list, struct map *seen, struct manifest *m)
{
	const json_t *v;
	uint64_t rows = 0;
	size_t i;

	ENSURE(c, json_array_size(list) <= MANIFEST_FILES_MAX, TOO_LARGE, "manifest: more than %d files", MANIFEST_FILES_MAX);
	m->file_count = json_array_size(list);
	m->files = NEW_N(c->arena, m->file_count, struct manifest_file);
	json_array_foreach(list, i, v)
	{
		TRY(file_read(c, v, i, seen, &m->files[i]));
		ENSURE(c, !__builtin_add_overflow(rows, m->files[i].rows, &rows), INVALID, "manifest: too many rows");
	}
	ENSURE(c, rows == m->rows, INVALID, "manifest: 'rows' is %llu, but the files have %llu", (unsigned long long)m->rows, (unsigned long long)rows);
	return OK;
}

static Err
root_read(struct ctx *c, const json_t *root, struct map *seen, struct manifest *m)
{
	json_t *columns, *files;
	uint64_t version;

	TRY(JSON_ONLY(c, root, "v", "table", "rows", "columns", "files"));
	TRY(json_u64(c, root, "v", &version));
	ENSURE(c, version == 1, INVALID, "manifest: version %llu is not known", (unsigned long long)version);
	TRY(json_str(c, root, "table", &m->table));
	ENSURE(c, str_is_ident(m->table), INVALID, "manifest: 'table' is not a name");
	m->table = arena_str(c->arena, m->table);
	TRY(json_u64(c, root, "rows", &m->rows));
	TRY(json_list(c, root, "columns", &columns));
	TRY(json_list(c, root, "files", &files));
	TRY(columns_read(c, columns, m));
	return files_read(c, files, seen, m);
}

Err
manifest_read(struct ctx *c, Str bytes, struct manifest *ret)
{
	JSON_AUTO *root = NULL;
	struct map seen = MAP_INIT;
	struct manifest m = {0};

	TRY(json_read(c, bytes, (struct json_limits){.bytes = MANIFEST_MAX, .depth = 3, .values = VALUES_MAX}, &root));
	Err e = root_read(c, root, &seen, &m);
	map_fini(&seen);
	TRY(e);
	*ret = m;
	return OK;
}
