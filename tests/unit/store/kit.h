/* Shared by the tests of store/: a database file in a folder of its own, with an arena; the folder is removed at the end. */
#ifndef STORE_KIT_H
#define STORE_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fault.h"
#include "crypt/hash.h"
#include "os/file.h"

struct kit {
	struct arena arena;
	struct ctx c;
	char dir[64], path[96]; /* the folder; the database in it, not there before the test opens it */
	union {                 /* what is open, if the test keeps it here: it opens and closes it */
		struct audit *audit;
		struct directory *directory;
		struct outbox *outbox;
	};
};

#define assert_ok(k, expr)                                                                                                     \
	do {                                                                                                                   \
		Err e_ = (expr);                                                                                               \
		if (!err_ok(e_)) fail_msg("%s: %s: %s", #expr, err_name(e_), err_detail(&(k)->c, e_));                         \
	} while (0)
#define assert_err(expr, name) assert_string_equal(err_name(expr), name)

static inline int
kit_setup(void **state)
{
	struct kit *k = mem_alloc(sizeof *k);

	k->c.arena = &k->arena;
	assert_ok(k, crypt_init(&k->c));
	/* in memory where there is such a place: a sweep's thousand real syncs take half a minute, and nothing here cuts the power */
	snprintf(k->dir, sizeof k->dir, "%s/heddle-store-XXXXXX", access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(k->dir));
	snprintf(k->path, sizeof k->path, "%s/test.db", k->dir);
	*state = k;
	return 0;
}

static inline int
kit_teardown(void **state)
{
	struct kit *k = *state;

	fault_armed = (struct fault){0};
	assert_ok(k, dir_remove(&k->c, AT_FDCWD, k->dir));
	arena_fini(&k->arena);
	free(k);
	return 0;
}

#endif
