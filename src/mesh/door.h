/* What mesh_check() asks beyond the fold: is it sensible, given all logs that the node knows? Refusals here are told to the person
 * who wanted to say it; an event that is in a log already is never judged by them. Private to mesh/. */
#ifndef HEDDLE_MESH_DOOR_H
#define HEDDLE_MESH_DOOR_H

#include "mesh/payload.h"
#include "mesh/state.h"

NODISCARD Err door_check(struct ctx *c, const struct mesh *m, const struct log *log, const struct payload *p);

/* --- between door.c and door_grant.c --- */

typedef Err door_fn(struct ctx *c, const struct mesh *m, const struct log *log, const struct payload *p);
door_fn door_grant, door_approval, door_delegation;

/* A text of the body, "" when it is not there. */
Str door_said(const struct payload *p, Str key);
/* DENIED, telling whose it is, when that thing stands in another log; `verb`: "grant on". */
NODISCARD Err door_own(struct ctx *c, const struct mesh *m, const struct log *log, enum record_kind kind, Str id, const char *verb);
/* The pending request that was addressed to this log. */
NODISCARD Err door_request_here(struct ctx *c, const struct mesh *m, const struct log *log, Str id, Time now, const struct mesh_request **ret);
/* Are they in the center's tree, should it keep one? */
NODISCARD Err door_purposes(struct ctx *c, const struct mesh *m, const Str *list, size_t n);
/* Are the tags and values of the expression in the vocabulary? NULL is fine. */
NODISCARD Err door_words(struct ctx *c, const struct mesh *m, const struct tag_expr *e);

#endif
