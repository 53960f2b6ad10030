/* Handlers: one function per operation of api/routes.def, run in a fiber. It replies exactly once with reply_*(), or returns an
 * Err that becomes the answer. */
#ifndef HEDDLE_CORE_REQUEST_H
#define HEDDLE_CORE_REQUEST_H

#include <assert.h>
#include <stdio.h>

#include "core/core.h"

#define HANDLES(route, fn) NODISCARD Err handle_##fn(struct request *rq);
#define HANDLES_OPEN(route, fn) HANDLES(route, fn)
#include "core/handlers.def"
#undef HANDLES
#undef HANDLES_OPEN

/* "error":{…} without the braces around, for answers that say more than the error. */
void error_body(struct request *rq, Err e, Str hint, struct buf *out);
/* "name":"text" with a comma before it unless it is the first; `first` is cleared. */
void member_key(struct buf *b, const char *key, bool *first);
void member_text(struct buf *b, const char *key, Str value, bool *first);
void member_time(struct buf *b, const char *key, Time t, bool *first); /* null when TIME_FOREVER or 0 */
void member_u64(struct buf *b, const char *key, uint64_t v, bool *first);
void member_bool(struct buf *b, const char *key, bool v, bool *first);

#endif
