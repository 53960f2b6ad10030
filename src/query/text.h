/* Plain values as DuckDB keeps them, appended as text. AS_JSON and AS_TEXT differ where query/value.h says so; none puts quotes but
 * text_json(). */
#ifndef HEDDLE_QUERY_TEXT_H
#define HEDDLE_QUERY_TEXT_H

#include "base/buf.h"
#include "query/value.h"

void text_u64(struct buf *out, uint64_t v);
void text_i64(struct buf *out, int64_t v);
void text_u128(struct buf *out, unsigned __int128 v);
/* Puts the minus and returns the rest. */
unsigned __int128 text_magnitude(struct buf *out, duckdb_hugeint h);
void text_decimal(struct buf *out, unsigned __int128 v, unsigned scale);
/* The fewest digits that read back as the same double (single: float); few decimals take 20 ns, others about 1 µs. */
void text_double(struct buf *out, double v, bool single, enum value_style style);

void text_date(struct buf *out, int64_t days); /* since 1970-01-01 */
/* hh:mm:ss and the fraction without trailing zeros; `ticks` of 10^-digits seconds since midnight. */
void text_clock(struct buf *out, uint64_t ticks, unsigned digits);
void text_timestamp(struct buf *out, int64_t ticks, unsigned digits, bool zone, enum value_style style);
void text_time_tz(struct buf *out, uint64_t bits); /* 40 bits of microseconds, 24 bits of 57599 less the offset in seconds */
void text_interval(struct buf *out, duckdb_interval i);
void text_infinity(struct buf *out, bool negative);

void text_json(struct buf *out, Str s); /* a JSON string with quotes; s is UTF-8 and may hold NUL */
void text_blob(struct buf *out, Str s, enum value_style style);
void text_bits(struct buf *out, Str s);
void text_uuid(struct buf *out, duckdb_hugeint h);

#endif
