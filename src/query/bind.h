/* The tables of a session: views over files of the worker's folder. A small table that is used a second time is read into memory
 * and its view put over that: opening a Parquet file and binding it anew costs more than a small statement does (0.5 of 0.8 ms).
 * Nothing new comes into the process by it: the copy has the columns of the view, from the same files. */
#ifndef HEDDLE_QUERY_BIND_H
#define HEDDLE_QUERY_BIND_H

#include "base/map.h"
#include "query/engine.h"

struct bindings {
	struct map views;    /* "d.p.t" → its CREATE VIEW over files, NUL-terminated, on the heap */
	struct map schemas;  /* "d" and "d.p" that exist */
	struct map copies;   /* "d.p.t" → struct copy */
	uint64_t cells_left; /* of copies in all; 0: none are made */
	unsigned next_copy;
};

void bindings_init(struct bindings *b, const struct engine_spec *spec);
void bindings_fini(struct bindings *b);

/* Put the view `name`, "domain.product.table", over these files (names joined by \n) with these columns (joined by \n, "": all, and
 * the places of rows). Nothing to do when it stands there so already. INVALID for names that are none, UNAVAILABLE when the files
 * can't be read, CANCELLED. */
NODISCARD Err bind_table(struct ctx *c, struct engine *e, struct bindings *b, Str name, Str files, Str columns);

#endif
