/* A snapshot of a table: an immutable list of files with their schema, statistics and checksums. The manifest is the only thing
 * that knows how files make up a table; nothing outside table/ reads its format (Iceberg metadata takes its place next). */
#ifndef HEDDLE_TABLE_MANIFEST_H
#define HEDDLE_TABLE_MANIFEST_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

struct manifest_column { Str name, type; uint64_t nulls; Str min, max; /* text; "" when unknown */ };
struct manifest_file { Str sha256; uint64_t bytes, rows; }; /* sha256: hex; the object's name */

struct manifest {
	Str table;
	uint64_t rows;
	struct manifest_column *columns;
	size_t column_count;
	struct manifest_file *files;
	size_t file_count;
};

enum { MANIFEST_MAX = 4 * 1024 * 1024, MANIFEST_FILES_MAX = 10000, MANIFEST_COLUMNS_MAX = 4096, MANIFEST_BOUND_MAX = 4096 };

/* A function of the content: equal content, equal bytes, so the SHA-256 of the text names the snapshot of the table. */
void manifest_write(const struct manifest *m, struct buf *out);
/* Everything in the arena of c. Refused with INVALID: unknown keys, a table that is no identifier, hashes that are not 64 hex
 * digits, two files of one hash, two columns that differ in case alone, rows that are not the sum of the files' rows, more nulls
 * than rows; TOO_LARGE beyond the limits above (MANIFEST_BOUND_MAX: bytes of a min or max). */
NODISCARD Err manifest_read(struct ctx *c, Str bytes, struct manifest *ret);

#endif
