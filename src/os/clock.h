/* The only reader of the system's clocks. */
#ifndef HEDDLE_OS_CLOCK_H
#define HEDDLE_OS_CLOCK_H

#include "base/time.h"

/* Wall time: informational, may jump either way. */
Time clock_wall(void);
/* Nanoseconds since boot, going on while the machine sleeps; never goes back. For durations and deadlines. */
uint64_t clock_boot_ns(void);
/* CPU time of this process in nanoseconds. */
uint64_t clock_cpu_ns(void);

#endif
