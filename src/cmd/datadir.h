/* The data folder of a node.
 *
 *   node.id       32 hex digits; written last by init: where it is, the folder is a node
 *   root.key      64 hex digits, 0600: seals the keys; open it for the keys role only
 *   admin.token   the administrator's token, 0600, for its owner to take away
 *   lock          held for life by the node that serves the folder; holds its pid
 *   keys/  ledger/  catalog/  lake/    one folder per role, owned by its uid where root made the node
 *   temp/         one folder per reader or worker, to spill into
 */
#ifndef HEDDLE_CMD_DATADIR_H
#define HEDDLE_CMD_DATADIR_H

#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "crypt/hash.h"

struct datadir {
	char path[4096];              /* absolute */
	char node_id[CRYPT_ID_MAX];
	int fd, lock;                 /* owned */
	uid_t uid_base;               /* the roles' uids are this and their offset in roles.def; 0: all of them run as we do */
};

/* Make a node in `path`, which is not there, or empty, or holds what an earlier call left that was killed. CONFLICT when it is a node
 * already, INVALID when something else is there; then nothing is changed. Durable on return. The lock is not kept. */
NODISCARD Err datadir_make(struct ctx *c, const char *path, struct datadir *ret);
/* Open and lock the folder of a node. NOT_FOUND when there is none, CONFLICT when another process has it. */
NODISCARD Err datadir_open(struct ctx *c, const char *path, struct datadir *ret);
void datadir_close(struct datadir *d);

#endif
