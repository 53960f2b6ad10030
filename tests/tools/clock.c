/* A clock that is wrong: linked into a copy of the program, it moves the wall clock of every process by the seconds that the file
 * "clock-offset" in the folder of the start tells; and the steady clock by those that stand in "clock-ahead" at the moment (an int64_t). */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long offset_s;
static const volatile int64_t *ahead_s;

__attribute__((constructor)) static void
map_ahead(void)
{
	int fd = open("clock-ahead", O_RDONLY | O_CLOEXEC);

	if (fd < 0) return;
	void *p = mmap(NULL, sizeof *ahead_s, PROT_READ, MAP_SHARED, fd, 0);
	if (p != MAP_FAILED) ahead_s = p;
	close(fd);
}

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
	if (r == 0 && (id == CLOCK_MONOTONIC || id == CLOCK_BOOTTIME) && ahead_s) ret->tv_sec += *ahead_s;
	return (int)r;
}
