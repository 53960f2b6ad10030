#include "query/bind.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "query/extract.h"

enum {
	COPY_FILE_BYTES = 4 << 20,  /* compressed */
	COPY_CELLS = 1 << 20,       /* rows × columns of one table */
	COPY_CELLS_ALL = 4 << 20,   /* of all copies of a session, about 64 MB */
	COPY_MEMORY_LEAST = 256 << 20,
};

struct copy {
	unsigned uses, number; /* number 0: none yet */
	uint64_t cells;
	bool tried;
};

void
bindings_init(struct bindings *b, const struct engine_spec *spec)
{
	bool enough = spec->memory_bytes == 0 || spec->memory_bytes >= COPY_MEMORY_LEAST;

	*b = (struct bindings){.cells_left = enough ? COPY_CELLS_ALL : 0};
}

void
bindings_fini(struct bindings *b)
{
	struct map *maps[] = {&b->views, &b->copies};
	void *value;
	Str name;

	for (size_t m = 0; m < ARRAY_LEN(maps); m++) {
		for (size_t i = 0; map_next(maps[m], &i, &name, &value);) free(value);
		map_fini(maps[m]);
	}
	map_fini(&b->schemas);
}

/* --- views --- */

static Err
name_split(struct ctx *c, Str full, Str ret_parts[static 3])
{
	Str rest = full;

	for (int i = 0; i < 3; i++) {
		rest = str_cut(rest, '.', &ret_parts[i]);
		ENSURE(c, str_is_ident(ret_parts[i]) && (rest.p != NULL) == (i < 2), INVALID, "'%.*s' is no table's name", STR(full));
	}
	return OK;
}

static Err
exec_once(struct ctx *c, struct engine *e, struct bindings *b, Str key, const char *sql)
{
	static char present;

	if (map_get(&b->schemas, key)) return OK;
	TRY(engine_exec(c, e, sql));
	map_put(&b->schemas, key, &present);
	return OK;
}

static Err
schema_make(struct ctx *c, struct engine *e, struct bindings *b, const Str parts[static 3])
{
	Str attach = arena_printf(c->arena, "ATTACH ':memory:' AS \"%.*s\"", STR(parts[0]));
	Str schema = arena_printf(c->arena, "CREATE SCHEMA IF NOT EXISTS \"%.*s\".\"%.*s\"", STR(parts[0]), STR(parts[1]));

	TRY(exec_once(c, e, b, parts[0], attach.p));
	return exec_once(c, e, b, arena_printf(c->arena, "%.*s.%.*s", STR(parts[0]), STR(parts[1])), schema.p);
}

static Err
files_put(struct ctx *c, const struct engine *e, Str files, struct buf *out)
{
	size_t n = 0;

	buf_c(out, "read_parquet([");
	for (Str rest = files, name; rest.p; n++) {
		rest = str_cut(rest, '\n', &name);
		ENSURE(c, extract_file_is_plain(name), INVALID, "'%.*s' is no name of a table's file", STR(name));
		if (n) buf_char(out, ',');
		engine_file(out, e->spec.read_dir, name);
	}
	ENSURE(c, n > 0, INVALID, "a table without files");
	buf_c(out, n > 1 ? "], union_by_name = true)" : "])");
	return OK;
}

static void
columns_put(Str columns, struct buf *out)
{
	size_t n = 0;

	if (columns.n == 0) { /* a check: its queries name offending rows by their place in the files */
		buf_c(out, "*, file_row_number, file_index");
		return;
	}
	for (Str rest = columns, name; rest.p; n++) {
		rest = str_cut(rest, '\n', &name);
		if (n) buf_char(out, ',');
		buf_sql_ident(out, name);
	}
}

static void
view_put(const Str parts[static 3], struct buf *out)
{
	buf_printf(out, "CREATE OR REPLACE VIEW \"%.*s\".\"%.*s\".\"%.*s\" AS SELECT ", STR(parts[0]), STR(parts[1]), STR(parts[2]));
}

/* --- copies in memory --- */

static bool
small_files(const struct engine *e, struct arena *a, Str files)
{
	uint64_t bytes = 0;
	struct stat st;

	for (Str rest = files, name; rest.p;) {
		rest = str_cut(rest, '\n', &name);
		if (fstatat(e->spec.read_dir, arena_str(a, name).p, &st, 0) < 0) return false;
		bytes += (uint64_t)st.st_size;
	}
	return bytes <= COPY_FILE_BYTES;
}

static uint64_t
count_lines(Str s)
{
	uint64_t n = 1;

	for (size_t i = 0; i < s.n; i++) n += s.p[i] == '\n';
	return n;
}

/* *ret_cells stays 0 when it isn't small. */
static Err
measure(struct ctx *c, struct engine *e, const struct bindings *b, const Str parts[static 3], Str files, Str columns, uint64_t *ret_cells)
{
	uint64_t rows, width = count_lines(columns);

	if (!small_files(e, c->arena, files)) return OK;
	Str sql = arena_printf(c->arena, "SELECT count(*) FROM \"%.*s\".\"%.*s\".\"%.*s\"", STR(parts[0]), STR(parts[1]), STR(parts[2]));
	TRY(engine_count(c, e, sql.p, &rows));
	uint64_t most = b->cells_left < COPY_CELLS ? b->cells_left : COPY_CELLS;
	if (rows > 0 && rows <= most / width) *ret_cells = rows * width;
	return OK;
}

static Err
copy_make(struct ctx *c, struct engine *e, const Str parts[static 3], unsigned number)
{
	BUF_AUTO sql = BUF_INIT;

	buf_printf(&sql, "CREATE TABLE memory.main.copy_%u AS FROM \"%.*s\".\"%.*s\".\"%.*s\"; ", number, STR(parts[0]), STR(parts[1]), STR(parts[2]));
	view_put(parts, &sql);
	buf_printf(&sql, "* FROM memory.main.copy_%u", number);
	return engine_exec(c, e, buf_z(&sql));
}

/* At the second use. A copy that can't be made is none: the view over the files stays. */
static Err
copy_when_small(struct ctx *c, struct engine *e, struct bindings *b, const Str parts[static 3], struct copy *copy, Str files, Str columns)
{
	struct ctx own = {.arena = c->arena};
	uint64_t cells = 0;

	if (copy->tried || ++copy->uses < 2 || columns.n == 0 || b->cells_left == 0) return OK;
	copy->tried = true;
	Err err = measure(&own, e, b, parts, files, columns, &cells);
	if (err_ok(err) && cells > 0) {
		err = copy_make(&own, e, parts, ++b->next_copy);
		if (err_ok(err)) {
			copy->number = b->next_copy;
			copy->cells = cells;
			b->cells_left -= cells;
		}
	}
	return err.code == ERR_CANCELLED ? err_set(c, ERR_CANCELLED, "%s", own.detail) : OK;
}

static Err
copy_forget(struct ctx *c, struct engine *e, struct bindings *b, struct copy *copy)
{
	if (copy->number) TRY(engine_exec(c, e, arena_printf(c->arena, "DROP TABLE memory.main.copy_%u", copy->number).p));
	b->cells_left += copy->cells;
	*copy = (struct copy){0};
	return OK;
}

static struct copy *
copy_of(struct bindings *b, Str name)
{
	struct copy *copy = map_get(&b->copies, name);

	if (copy) return copy;
	copy = mem_alloc(sizeof *copy);
	map_put(&b->copies, name, copy);
	return copy;
}

Err
bind_table(struct ctx *c, struct engine *e, struct bindings *b, Str name, Str files, Str columns)
{
	Str parts[3];
	BUF_AUTO sql = BUF_INIT;

	TRY(name_split(c, name, parts));
	struct copy *copy = copy_of(b, name);
	TRY(schema_make(c, e, b, parts));
	view_put(parts, &sql);
	columns_put(columns, &sql);
	buf_c(&sql, " FROM ");
	TRY(files_put(c, e, files, &sql));
	const char *before = map_get(&b->views, name);
	if (before && strcmp(before, buf_z(&sql)) == 0) return copy_when_small(c, e, b, parts, copy, files, columns);
	free(map_del(&b->views, name));
	Err err = engine_exec(c, e, buf_z(&sql));
	if (err.code == ERR_CANCELLED) return err;
	ENSURE(c, err_ok(err), UNAVAILABLE, "the data of %.*s could not be opened", STR(name));
	map_put(&b->views, name, mem_dup(sql.p, sql.n));
	TRY(copy_forget(c, e, b, copy));
	copy->uses = 1;
	return OK;
}
