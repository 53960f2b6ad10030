/* Which hashes of a stream come twice? For checks of keys: one pass over the rows, no sort, no hash table as large as the data. */
#ifndef HEDDLE_QUERY_REPEATS_H
#define HEDDLE_QUERY_REPEATS_H

#include "ipc/msg.h"
#include "query/engine.h"

enum { REPEATS_MAX = 1000 };

/* A lane of such statements on a connection and a thread of its own: other statements run on the session's connection meanwhile.
 * statements: pairs of trust and SQL, of which those with "hashes" are taken. */
struct repeats;
/* engine, statements and answers are borrowed until repeats_end(). */
struct repeats *repeats_begin(const struct engine *e, duckdb_connection con, List statements);
/* Waits. answers[i / 2] of each statement taken: {"columns":["repeats"],"rows":[["0"]]}; "0": all hashes differ, else those that
 * do not, "17,4711", at most REPEATS_MAX, or "many": more, or too many rows for half of the engine's memory. Or {"error":…}. */
NODISCARD Err repeats_end(struct ctx *c, struct repeats *r, Str *answers);

/* {"error":"…"} */
Str repeats_error(struct ctx *c, Err err);

#endif
