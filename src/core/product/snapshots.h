/* What a publish keeps outside of its event: the manifest of each table and the report of its checks, bound to the product they were published by.
 *
 * A manifest is kept under the name that the event gives it, in which log, product and table are hashed together with its content: an event of
 * another log or product that gives the same name is refused by the fold, wherever that runs, and for a name of its own there is nothing to be read.
 * A report says itself what it is of. */
#ifndef HEDDLE_CORE_SNAPSHOTS_H
#define HEDDLE_CORE_SNAPSHOTS_H

#include <jansson.h>

#include "core/core.h"
#include "table/manifest.h"

/* Keep the manifest, and name it in *t (manifest, content). */
NODISCARD Err snapshot_put(struct ctx *c, Str domain_id, Str product_id, const struct manifest *m, struct mesh_table *t);
/* The manifest of a table of the state. CORRUPT: it is not there, damaged, or another table's. */
NODISCARD Err snapshot_get(struct core *core, struct ctx *c, const struct mesh_table *t, struct manifest *ret);

/* A document that the center leaves as evidence: kept apart from what is published, so that none can be taken for a manifest or a report; never read
 * again by this program. *ret: its SHA-256. TOO_LARGE: more than EVIDENCE_BYTES_MAX, or EVIDENCE_MAX documents already. */
enum { EVIDENCE_BYTES_MAX = 720000, EVIDENCE_MAX = 1000 };
NODISCARD Err evidence_put(struct core *core, struct ctx *c, Str bytes, Str *ret);

/* What a report says it is of. */
Str report_of(struct arena *a, Str domain_id, Str product_id);
/* The newest report of a product, owned by the caller. NOT_FOUND when it has none; CORRUPT when it is another product's. */
NODISCARD Err report_get(struct core *core, struct ctx *c, const struct mesh_product *p, json_t **ret);

#endif
