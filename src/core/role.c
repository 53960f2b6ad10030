#include "core/role.h"

#include <stdio.h>

#include "core/audit/audit.h"
#include "os/log.h"
#include "store/outbox.h"

Err
core_role(struct ctx *c, int parent_fd, const struct core_limits *limits, const char *node_id, int level)
{
	static struct core core; /* one per process */

	core.limits = *limits;
	core.level = level;
	snprintf(core.node_id, sizeof core.node_id, "%s", node_id);
	TRY(core_open(&core, c));
	core.parent = peer_new(&core, parent_fd, "parent");
	tell(&core, core.parent, READY, 0, -1, .level = (uint64_t)level, .note = S("core"));
	Err e = core_run(&core, c);
	audit_close(core.audit);
	store_close(core.store);
	outbox_close(core.outbox);
	directory_close(core.directory);
	ledger_close(core.ledger);
	return e;
}
