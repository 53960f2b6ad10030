/* Time as a value: microseconds since 1970-01-01T00:00:00Z. Reading a clock is the business of os/clock.h. */
#ifndef HEDDLE_BASE_TIME_H
#define HEDDLE_BASE_TIME_H

#include "base/str.h"

typedef int64_t Time; /* microseconds, UTC */

#define TIME_FOREVER INT64_MAX
#define TIME_SECOND INT64_C(1000000)
#define TIME_DAY (INT64_C(86400) * TIME_SECOND)

enum { TIME_TEXT_MAX = 32 };
/* "2026-11-21T09:04:14Z" (seconds; fraction dropped). Years 1970–9999. */
void time_format(Time t, char ret[static TIME_TEXT_MAX]);
/* "2026-11-21", "2026-11-21T09:04:14Z", with fraction or +hh:mm; a date alone means its end when `end_of_day`, else its start. */
bool time_parse(Str s, bool end_of_day, Time *ret);

#endif
