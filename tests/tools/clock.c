/* A clock that is wrong: linked into a copy of the program, it moves the wall clock of every process by the seconds that the file
 * "clock-offset" in the folder of the start tells. */
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long offset_s;

__attribute__((constructor)) static void
read_offset(void)
{
	FILE *f = fopen("clock-offset", "re");

	if (!f) return;
	if (fscanf(f, "%ld", &offset_s) != 1) offset_s = 0;
	fclose(f);
}

int
clock_gettime(clockid_t id, struct timespec *ret)
{
	long r = syscall(SYS_clock_gettime, id, ret);

	if (r == 0 && id == CLOCK_REALTIME) ret->tv_sec += offset_s;
	return (int)r;
}
