/* Forks: a log with two histories. Private to mesh/.
 *
 * A fork.report, in whoever's log, holds two branches: entries that follow each other, from the same place on, the first of each naming the same
 * `prev` and saying something else. Both signed by the key in force there, they prove that the signer gave two histories; nobody else can make
 * them, so it does not matter who reports. What follows is asked of all reports and the forked log's keys together, so the order in which logs
 * arrive cannot matter:
 *   - what opens and stands at the fork or behind it does not count, on neither branch (keys_voids);
 *   - what the branches revoke and end counts, from both, for ever;
 *   - the domain is frozen, until an entry of its own log, endorsed by two recovery keys, settles the forks before it (fork.resolve). */
#ifndef HEDDLE_MESH_FORK_H
#define HEDDLE_MESH_FORK_H

#include "mesh/keys.h"
#include "mesh/state.h"

/* id, log, a, b: the branches. Form only. */
void fork_read(struct fields *f, struct fork_body *ret);
void fork_body_put(const struct fork_body *b, struct buf *out);
/* Do the branches fit each other, whoever signed them: one log, one place, one `prev`, two payloads, each a chain? INVALID says what not. Sets at. */
NODISCARD Err fork_check(struct ctx *c, struct fork_body *b);
/* What the door asks of a fork.report: does it prove anything about a log that is known here? */
NODISCARD Err fork_door(struct ctx *c, const struct mesh *m, const struct payload *p);
/* Work out anew what the reports on this log come to. Called when one is new and when the log's record changes. */
void fork_update(struct mesh *m, struct log *log);
/* Is it revoked or ended on any branch of a proven fork of that log? kind: RECORD_GRANT, RECORD_DELEGATION. */
bool fork_ended(const struct log *log, enum record_kind kind, Str id);

#endif
