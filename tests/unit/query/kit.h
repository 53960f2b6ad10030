/* What the tests of query/ share: the library, opened once per process, and an engine in scratch folders of its own. */
#ifndef HEDDLE_TEST_QUERY_KIT_H
#define HEDDLE_TEST_QUERY_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypt/hash.h"
#include "os/file.h"
#include "query/session.h"

#define UNUSED_STATE (void)state

#define assert_ok(c, expr)                                                                                                     \
	do {                                                                                                                   \
		Err err_ = (expr);                                                                                             \
		if (!err_ok(err_)) fail_msg("%s: %s", err_name(err_), err_detail((c), err_));                                  \
	} while (0)

struct kit {
	struct arena arena;
	struct ctx c;
	struct duck duck;
	char path[64]; /* of the scratch folder: read/ write/ temp/ */
	struct engine_spec spec;
	struct session s;
};

static inline int
kit_folder(struct kit *k, const char *name)
{
	char path[96];

	snprintf(path, sizeof path, "%s/%s", k->path, name);
	assert_int_equal(mkdir(path, 0700), 0);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static inline void
kit_open(struct kit *k)
{
	*k = (struct kit){0};
	k->c.arena = &k->arena;
	assert_ok(&k->c, crypt_init(&k->c));
	int fd = open(TEST_DUCKDB, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_ok(&k->c, duck_load(&k->c, fd, &k->duck));
	close(fd);
	snprintf(k->path, sizeof k->path, "/tmp/heddle-query-XXXXXX");
	assert_non_null(mkdtemp(k->path));
	k->spec = (struct engine_spec){.read_dir = kit_folder(k, "read"), .write_dir = kit_folder(k, "write"), .temp_dir = kit_folder(k, "temp")};
	assert_ok(&k->c, session_open(&k->c, &k->duck, &k->spec, &k->s));
}

static inline void
kit_close(struct kit *k)
{
	session_close(&k->s);
	close(k->spec.read_dir);
	close(k->spec.write_dir);
	close(k->spec.temp_dir);
	assert_ok(&k->c, dir_remove(&k->c, AT_FDCWD, k->path));
	arena_fini(&k->arena);
}

static inline void
kit_exec(struct kit *k, const char *sql)
{
	Err e = engine_exec(&k->c, &k->s.engine, sql);

	if (!err_ok(e)) fail_msg("%s: %s", sql, k->c.detail);
}

/* Run SQL of ours (no gate); the document of its rows, or "<ERROR>: <detail>". On the arena. */
static inline Str
kit_rows(struct kit *k, const char *sql)
{
	struct ctx c = {.arena = &k->arena};
	const struct duck *d = &k->duck;
	duckdb_result r;
	BUF_AUTO b = BUF_INIT;

	if (d->duckdb_query(k->s.engine.con, sql, &r) != DuckDBSuccess) {
		Err e = engine_error(&c, d->duckdb_result_error(&r));
		d->duckdb_destroy_result(&r);
		return arena_printf(&k->arena, "%s: %s", err_name(e), c.detail);
	}
	Err e = result_document(&c, d, &r, 100000, 16 << 20, &b);
	d->duckdb_destroy_result(&r);
	if (!err_ok(e)) return arena_printf(&k->arena, "%s: %s", err_name(e), c.detail);
	return arena_str(&k->arena, buf_view(&b));
}

#endif
