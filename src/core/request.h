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

/* The names of a domain's owners, as a list. */
void owners_json(struct request *rq, Str domain_id, struct buf *b);
/* "error":{…} without the braces around, for answers that say more than the error. */
void error_body(struct request *rq, Err e, Str hint, struct buf *out);
/* "name":"text" with a comma before it unless it is the first; `first` is cleared. */
void member_key(struct buf *b, const char *key, bool *first);
void member_text(struct buf *b, const char *key, Str value, bool *first);
void member_time(struct buf *b, const char *key, Time t, bool *first); /* null when TIME_FOREVER or 0 */
void member_u64(struct buf *b, const char *key, uint64_t v, bool *first);
void member_bool(struct buf *b, const char *key, bool v, bool *first);
void member_texts(struct buf *b, const char *key, const Str *v, size_t n, bool *first);

/* Owners and auditors of the center see all that was said on this node. Any owner can make auditors of their own domain: those see
 * what concerns it. (people.c) */
bool sees_all(const struct request *rq);
/* Values of a domain's data that no grant opens, as in its quality reports: for its owners, and for engineers whom an owner let in.
 * An engineer whom the administrator added may publish and not look. */
bool sees_values(const struct request *rq, Str domain_id);

/* What a request is about, as members for its entry in the journal: product, its domain, ids of grants and the like. Names of people and free
 * text stay out, so that nothing has to be erased: of a refused request only what there is, because a name that leads nowhere is free
 * text. (note.c) */
void note_about(struct request *rq, bool done, struct buf *b);
/* The id that an answer begins with: of what was made, or changed. */
void note_made(Str answer, struct buf *b);

#endif
