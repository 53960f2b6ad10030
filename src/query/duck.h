/* DuckDB's C API as a table of functions, filled from a library opened at run time.
 *
 * Nothing links libduckdb: only the roles that need the engine pay for it, and only after the file's hash was checked. The table
 * borrows nothing; the library stays mapped until the process ends. d->duckdb_query() is duckdb_query(). */
#ifndef HEDDLE_QUERY_DUCK_H
#define HEDDLE_QUERY_DUCK_H

#include <duckdb.h>

#include "base/err.h"
#include "base/str.h"

struct duck {
#define DUCK(name) __typeof__(duckdb_##name) *duckdb_##name;
#include "query/duck.def"
#undef DUCK
};

enum { DUCK_PATH_MAX = 4096 };

/* The path of libduckdb.so: beside the running program. UNAVAILABLE when that can't be told. */
NODISCARD Err duck_path(struct ctx *c, char ret[static DUCK_PATH_MAX]);
/* Open that file read-only, close-on-exec. */
NODISCARD Err duck_open(struct ctx *c, int *ret_fd);
/* CORRUPT unless the SHA-256 of the whole file is expected_hex (64 lower-case digits). Reads 60 MB: 60–200 ms. */
NODISCARD Err duck_check(struct ctx *c, int fd, Str expected_hex);
/* Map the library behind fd (which stays the caller's, and may be closed afterwards) and fill the table. 10–25 ms. */
NODISCARD Err duck_load(struct ctx *c, int fd, struct duck *ret);

#endif
