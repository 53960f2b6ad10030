/* The posture as one page for an auditor: HTML that needs nothing else, has no script, prints, and reads in light and dark. */
#ifndef HEDDLE_CMD_POSTURE_HTML_H
#define HEDDLE_CMD_POSTURE_HTML_H

#include <jansson.h>

#include "base/buf.h"

/* From what GET /api/v1/posture answers; what is missing or of another type stays empty. Whatever its texts hold, they are text in the page: markup comes from
 * literals alone. */
void posture_html(const json_t *posture, struct buf *out);

#endif
