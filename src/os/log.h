/* One line per happening, to stderr: `2026-11-21T09:04:14Z core info log opened size=12`.
 *
 * For operators, not for proof (that is the journal). No names, tokens, SQL or values of data: ids and counts. Control characters
 * become spaces, a line is cut at 2,000 bytes and written with one write(2), so roles may share a stderr.
 * Process-wide state: role and level, set once by the role's main before its threads start. */
#ifndef HEDDLE_OS_LOG_H
#define HEDDLE_OS_LOG_H

#include "base/err.h"
#include "base/str.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* role: borrowed, at most 16 bytes shown. The level is taken from HEDDLE_LOG (error, warn, info, debug; default info). */
void log_open(const char *role);
void log_set_level(enum log_level level);
bool log_level_parse(Str name, enum log_level *ret);
/* fmt: the message, then ` key=value` pairs. */
void log_line(enum log_level level, const char *fmt, ...) PRINTF(2, 3);

#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_warn(...) log_line(LOG_WARN, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)

#endif
