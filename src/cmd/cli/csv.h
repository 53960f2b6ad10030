/* CSV as the node writes it (RFC 4180: comma, CR LF or LF, quotes doubled), shown as an aligned table while it streams in. The
 * first SHOWN rows settle the widths; later rows are printed as they come, so memory stays bounded by one row. An unquoted empty
 * field is NULL, a quoted one is the empty text. */
#ifndef HEDDLE_CMD_CLI_CSV_H
#define HEDDLE_CMD_CLI_CSV_H

#include "base/arena.h"
#include "base/buf.h"

enum { CSV_SHOWN = 1000, CSV_COLUMNS_MAX = 4096, CSV_ROW_MAX = 64 * 1024 * 1024 };

struct csv_field { size_t at, n; bool null; }; /* bytes of csv.text */

struct csv {
	struct buf text;          /* the fields of rows not yet printed, one behind the other */
	struct csv_field *fields; /* of those rows and the row being read */
	size_t field_count, field_cap;
	size_t columns;           /* 0 until the header line is through */
	size_t *widths;
	bool *numeric;
	char *names;              /* the header's fields, NUL-terminated, one behind the other */
	size_t row_start;         /* first field of the row being read */
	size_t field_start;
	bool in_quotes, was_quoted, quote_seen, settled;
	uint64_t rows;
	struct ctx *c;
};

#define CSV_INIT(ctx) ((struct csv){.c = (ctx)})
/* INVALID when it is no CSV of one width throughout. */
NODISCARD Err csv_add(struct csv *csv, Str bytes);
NODISCARD Err csv_end(struct csv *csv); /* prints what is left */
void csv_fini(struct csv *csv);

#endif
