/* Values of DuckDB's columns as text, straight from its vectors.
 *
 * As TEXT (CSV): what DuckDB's own cast to VARCHAR gives for plain types; nested ones as their JSON.
 * As JSON: numbers of every width exact and bare (HUGEINT and DECIMAL too: readers that think in doubles have to mind 2^53);
 * NaN and the infinities null; JSON columns a string that holds the document; dates ISO 8601 ("2026-11-21", "2026-11-21T09:04:14",
 * with Z when the type has a zone: it is UTC); BLOB base64; INTERVAL, BIT, UUID, ENUM their text; LIST and ARRAY arrays;
 * STRUCT and MAP objects; a UNION its member's value.
 * Types that results don't carry (VARIANT, GEOMETRY, BIGNUM, …) are refused when the column is prepared. */
#ifndef HEDDLE_QUERY_VALUE_H
#define HEDDLE_QUERY_VALUE_H

#include "base/arena.h"
#include "base/buf.h"
#include "query/duck.h"

enum value_style { AS_TEXT, AS_JSON };

/* A column's type, taken apart once. */
struct value_type {
	duckdb_type id;
	duckdb_type physical; /* of DECIMAL and ENUM */
	uint8_t scale;        /* of DECIMAL */
	idx_t array_size;     /* of ARRAY */
	Str *names;           /* ENUM: its words; STRUCT, UNION: of the children, as JSON strings with quotes */
	struct value_type *children; /* LIST, ARRAY: 1; MAP: key, value; STRUCT, UNION: the members */
	size_t child_count;
};

/* A vector of a chunk, taken apart once per chunk. */
struct value_view {
	const void *data;
	const uint64_t *validity; /* NULL: no NULLs */
	struct value_view *children; /* as many as the type has; MAP: key, value; UNION: one more, the tags, first */
};

/* In the arena of c. SQL names the column's type when it can't be carried, nested deeper than 32 included. */
NODISCARD Err value_type_init(struct ctx *c, const struct duck *d, duckdb_logical_type type, struct value_type *ret);
/* Room for the views of this type, in the arena; then, for each chunk, where the values are. */
void value_view_init(struct arena *a, const struct value_type *t, struct value_view *ret);
void value_view_set(const struct duck *d, const struct value_type *t, duckdb_vector v, struct value_view *ret);

static inline bool
value_is_null(const struct value_view *v, idx_t row)
{
	return v->validity && !(v->validity[row / 64] >> (row % 64) & 1);
}

/* Append; NULL is nothing as TEXT and null as JSON. */
void value_put(struct buf *out, const struct value_type *t, const struct value_view *v, idx_t row, enum value_style style);

#endif
