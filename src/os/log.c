#include "os/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "os/clock.h"

static const char *const level_names[] = {"error", "warn", "info", "debug"};
static const char *role_name_ = "heddle";
static enum log_level level_ = LOG_INFO;

void
log_open(const char *role)
{
	enum log_level level;

	role_name_ = role;
	if (log_level_parse(str_c(getenv("HEDDLE_LOG")), &level)) level_ = level;
}

void log_set_level(enum log_level level) { level_ = level; }

bool
log_level_parse(Str name, enum log_level *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(level_names); i++)
		if (str_eqc(name, level_names[i])) {
			*ret = (enum log_level)i;
			return true;
		}
	return false;
}

void
log_line(enum log_level level, const char *fmt, ...)
{
	char line[2002], stamp[TIME_TEXT_MAX];
	int keep = errno;
	va_list ap;

	if (level > level_) return;
	time_format(clock_wall(), stamp);
	int n = snprintf(line, sizeof line, "%s %.16s %s ", stamp, role_name_, level_names[level]);
	va_start(ap, fmt);
	int m = vsnprintf(line + n, sizeof line - 1 - (size_t)n, fmt, ap);
	va_end(ap);
	size_t end = (size_t)n + (m < 0 ? 0 : (size_t)m);
	if (end > sizeof line - 2) end = sizeof line - 2;
	for (size_t i = 0; i < end; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f) line[i] = ' ';
	line[end] = '\n';
	if (write(STDERR_FILENO, line, end + 1) < 0) { /* there is nobody left to tell */
	}
	errno = keep;
}
