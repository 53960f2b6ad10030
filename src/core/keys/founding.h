/* What a request says of who keeps a new domain's keys. */
#ifndef HEDDLE_CORE_FOUNDING_H
#define HEDDLE_CORE_FOUNDING_H

#include "core/request.h"

/* Arguments key, next, recovery. *ret_any: is there anything but the usual? */
NODISCARD Err custody_read(struct request *rq, struct custody *ret, bool *ret_any);

#endif
