#include "os/clock.h"

#include <assert.h>
#include <time.h>

static struct timespec
get(clockid_t id)
{
	struct timespec ts;
	int r = clock_gettime(id, &ts);

	assert(r == 0);
	(void)r;
	return ts;
}

Time
clock_wall(void)
{
	struct timespec ts = get(CLOCK_REALTIME);

	return (Time)ts.tv_sec * TIME_SECOND + ts.tv_nsec / 1000;
}

static uint64_t
ns_of(clockid_t id)
{
	struct timespec ts = get(id);

	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t clock_boot_ns(void) { return ns_of(CLOCK_BOOTTIME); }
uint64_t clock_cpu_ns(void) { return ns_of(CLOCK_PROCESS_CPUTIME_ID); }
