/* What mesh_check() asks beyond the fold: is it sensible, given all logs that the node knows? Refusals here are told to the person
 * who wanted to say it; an event that is in a log already is never judged by them. Private to mesh/. */
#ifndef HEDDLE_MESH_DOOR_H
#define HEDDLE_MESH_DOOR_H

#include "mesh/payload.h"
#include "mesh/state.h"

NODISCARD Err door_check(struct ctx *c, const struct mesh *m, const struct log *log, const struct payload *p);

#endif
