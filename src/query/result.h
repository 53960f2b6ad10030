/* A result as a stream of framed blocks: u32be length and that many bytes, again and again; at the end length 0 and one status byte
 * (0, or the err_code). A stream that ends otherwise is incomplete.
 *
 *   csv     RFC 4180: a header, CRLF, quotes where needed. NULL is nothing, the empty text is "".
 *   json    one array of objects, one row a line: [\n{…},\n{…}\n]\n
 *   ndjson  an object a line
 *   parquet a file (made by COPY, not here; result_send_file() streams it)
 * How values look: query/value.h. Two columns of one name become name and name_1, …
 * Rows are taken as the engine makes them and nothing is kept but a block (256 KiB and the rows of one chunk). */
#ifndef HEDDLE_QUERY_RESULT_H
#define HEDDLE_QUERY_RESULT_H

#include "base/arena.h"
#include "base/buf.h"
#include "query/duck.h"

enum result_format { RESULT_CSV, RESULT_JSON, RESULT_NDJSON, RESULT_PARQUET };
bool result_format_parse(Str name, enum result_format *ret);

struct result_sink {
	int fd;             /* blocking; borrowed */
	uint64_t max_bytes; /* of payload; 0: no limit */
	uint64_t max_rows;  /* 0: no limit */
	Str max_rows_why;   /* "": a setting. Else what is said where there are more rows; to be able to say it, up to RESULT_HOLD_BYTES are kept
	                       back until the end is known */
	void (*started)(void *self, uint64_t columns); /* before the first block; may be NULL */
	void *self;
};

enum { RESULT_HOLD_BYTES = 8 << 20 };
/* LIMIT, about rows. */
NODISCARD Err result_too_long(struct ctx *c, const struct result_sink *sink);

struct result_counts { uint64_t columns, rows, bytes; };

/* Write the rows of r, all but the end. LIMIT when there are more than the limits (what went out then is the beginning); UNAVAILABLE
 * when the other end is gone; SQL for an error met while rows are made, or a type that can't be carried. The counts tell how far it
 * came in every case. r stays the caller's. */
NODISCARD Err result_write(struct ctx *c, const struct duck *d, duckdb_result *r, enum result_format format,
                           const struct result_sink *sink, struct result_counts *ret_counts);
/* Stream a file from its start. */
NODISCARD Err result_send_file(struct ctx *c, int file, const struct result_sink *sink, struct result_counts *ret_counts);
/* The end. */
NODISCARD Err result_end(struct ctx *c, int fd, Err status);

/* Up to max_rows rows as one JSON document {"columns":["…"],"rows":[[…]]}; LIMIT over max_bytes. For the answers of checks. */
NODISCARD Err result_document(struct ctx *c, const struct duck *d, duckdb_result *r, uint64_t max_rows, size_t max_bytes, struct buf *out);

#endif
