/* What comes of each event: one handle_<EVENT>() per line of events.def, in fold_<subject>.c. Private to mesh/.
 *
 * A handler sees its own log and no other (what it looks at must not depend on the order in which logs arrive), changes nothing, and
 * gives the one thing that shall stand from now on; ret->any false: accepted, but nothing changes. */
#ifndef HEDDLE_MESH_HANDLERS_H
#define HEDDLE_MESH_HANDLERS_H

#include "mesh/payload.h"
#include "mesh/state.h"

typedef Err handle_fn(struct ctx *c, const struct mesh *m, const struct log *log, const struct payload *p, struct change *ret);

#define EVENT(id, wire, who, stolen) handle_fn handle_##id;
#include "mesh/events.def"
#undef EVENT

void change_new(enum record_kind kind, Str id, struct change *ret);
/* A body that is one id. */
NODISCARD Err read_one(struct ctx *c, const struct payload *p, Str key, Str *ret);
/* The item that stands in this log, as a change still to be made; NOT_FOUND "there is no <what> <id>" otherwise. */
NODISCARD Err change_find(struct ctx *c, const struct mesh *m, enum record_kind kind, const struct log *log, Str id, struct change *ret);
/* DENIED in the log of a center. */
NODISCARD Err not_center(struct ctx *c, const struct log *log);
/* The member as they are now, NULL when they are none. */
const struct mesh_member *member_now(const struct mesh *m, const struct log *log, Str person_id);

#endif
