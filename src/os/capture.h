/* Running a helper program and taking what it prints. No shell is between. */
#ifndef HEDDLE_OS_CAPTURE_H
#define HEDDLE_OS_CAPTURE_H

#include "base/buf.h"
#include "base/err.h"

/* Run argv[0] (an absolute path) with these arguments (NULL at the end), stdin empty, stderr ours, the environment but for `hidden` (a
 * variable's name, or NULL). Its stdout, at most `limit` bytes, is appended to out. It is killed after timeout_ms. UNAVAILABLE when it cannot be
 * run or ends otherwise than with 0, TIMEOUT, TOO_LARGE. Only before other children are waited for. */
NODISCARD Err capture(struct ctx *c, const char *const *argv, const char *hidden, size_t limit, unsigned timeout_ms, struct buf *out);

#endif
