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

void manifest_write(const struct manifest *m, struct buf *out); /* a function of the content: equal content, equal bytes */
NODISCARD Err manifest_read(struct ctx *c, Str bytes, struct manifest *ret); /* in the arena of c; limits: 4 MiB, 10,000 files, 4,096 columns */

#endif
