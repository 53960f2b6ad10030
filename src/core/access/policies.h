/* What restrictions and policies share. */
#ifndef HEDDLE_CORE_POLICIES_H
#define HEDDLE_CORE_POLICIES_H

#include "codec/tagexpr.h"
#include "core/request.h"

/* A tag_vocabulary_fn over a struct mesh. */
bool vocabulary_of(const void *mesh, Str tag, struct tag_values *ret);

/* Say it in the center's log, end what it closes, and answer with it. */
NODISCARD Err restriction_say(struct request *rq, const struct mesh_restriction *r);
void restriction_json(struct request *rq, const struct mesh_restriction *r, struct buf *b);
/* Of a product that one may not know of, one learns nothing from its restriction either. */
bool restriction_visible(struct request *rq, const struct mesh_restriction *r);
/* By its id, or its name (rather one in force than one lifted); NOT_FOUND for invisible ones too. */
NODISCARD Err policy_find(struct request *rq, Str text, const struct mesh_restriction **ret);

#endif
