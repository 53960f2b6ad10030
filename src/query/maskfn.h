/* heddle_hash(VARCHAR) → VARCHAR: the keyed hash of masks, registered in a reader's engine with the key inside.
 *
 * BLAKE2b-128 keyed with 32 bytes, 32 hex digits; NULL stays NULL. Each thread remembers the values it saw last, because keys of
 * households and customers come again and again: 1.47 M values of 2,469 households take about as long as reading them. */
#ifndef HEDDLE_QUERY_MASKFN_H
#define HEDDLE_QUERY_MASKFN_H

#include "crypt/hash.h"
#include "query/engine.h"

/* key is borrowed until the engine is closed. Remembers e->d for the process: the function is called without it. */
NODISCARD Err maskfn_register(struct ctx *c, struct engine *e, const struct secret32 *key);

#endif
