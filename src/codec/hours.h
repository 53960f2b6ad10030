/* When in the week: "mon-fri/08:00-18:00", "sat,sun/00:00-24:00".
 *
 *   hours := days '/' HH:MM '-' HH:MM ;  days := day [ '-' day ] { ',' day [ '-' day ] } ;  day := mon … sun
 * Times are UTC, the second one exclusive and later than the first; "24:00" is the end of a day. A range of days may go over the end of
 * the week ("sat-mon"). At most 64 bytes. */
#ifndef HEDDLE_CODEC_HOURS_H
#define HEDDLE_CODEC_HOURS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

struct hours { uint8_t days; /* bit 0 Monday … bit 6 Sunday, never 0 */ uint16_t from_minute, until_minute; };

/* INVALID says what was expected. */
NODISCARD Err hours_parse(struct ctx *c, Str text, struct hours *ret);
/* The canonical form: days one by one or as rising ranges of three and more. */
void hours_print(const struct hours *h, struct buf *out);

#endif
