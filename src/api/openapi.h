/* The OpenAPI 3.1 document, from routes.def and schemas.def. */
#ifndef HEDDLE_API_OPENAPI_H
#define HEDDLE_API_OPENAPI_H

#include "base/buf.h"

void api_openapi(struct buf *out);

#endif
