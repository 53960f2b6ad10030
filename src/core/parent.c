#include "core/parent.h"

#include <stdlib.h>

#include "os/log.h"

enum { RETRY_MS = 1000 };

static void
begin(void *arg)
{
	struct core *core = arg;
	ARENA_AUTO arena = ARENA_INIT;
	struct ctx c = {.arena = &arena};
	Err e = core_bootstrap(core, &c);

	for (const struct peer *keys = core->keys; !err_ok(e); e = core_bootstrap(core, &c)) {
		log_line(LOG_ERROR, "the node's first entries cannot be written: %s", err_detail(&c, e));
		c.detail[0] = 0;
		fiber_sleep_ms(core, RETRY_MS);
		if (!keys || core->keys != keys) return; /* it begins with the next */
	}
	core->begun = true;
}

static void
on_channel(struct core *core, struct frame *f)
{
	ARENA_AUTO arena = ARENA_INIT;
	struct ctx c = {.arena = &arena};
	struct msg_P_CHANNEL m;

	if (!err_ok(msg_get_P_CHANNEL(&c, f->payload, &m)) || f->fd_count != 1) return;
	struct {
		const char *name;
		struct peer **at;
	} places[] = {{"gate", &core->gate}, {"keys", &core->keys}, {"lake", &core->lake}};
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		if (!str_eqc(m.role, places[i].name)) continue;
		if (*places[i].at) peer_drop(core, *places[i].at);
		*places[i].at = peer_new(core, TAKE(f->fds[0], -1), places[i].name);
		if (places[i].at == &core->gate) peer_on_close(core->gate, gate_gone, NULL);
		if (places[i].at == &core->keys && !fiber_start(begin, core)) abort();
		if (places[i].at == &core->lake) lake_restarted(core);
	}
}

static void
on_roles(struct core *core, const struct frame *f)
{
	ARENA_AUTO arena = ARENA_INIT;
	struct ctx c = {.arena = &arena};
	struct msg_P_ROLES m;

	if (!err_ok(msg_get_P_ROLES(&c, f->payload, &m))) return;
	core->role_count = 0;
	for (size_t i = 0; i + 3 <= m.roles.n && core->role_count < ROLES_MAX; i += 3) {
		struct role_line *r = &core->roles[core->role_count++];
		uint64_t pid = 0, restarts = 0;
		snprintf(r->role, sizeof r->role, "%.*s", STR(m.roles.v[i]));
		if (str_u64(m.roles.v[i + 1], &pid)) r->pid = (long)pid;
		if (str_u64(m.roles.v[i + 2], &restarts)) r->restarts = restarts;
	}
}

bool
parent_says(struct core *core, struct frame *f)
{
	switch ((int)f->type) {
	case MSG_P_CHANNEL: on_channel(core, f); return true;
	case MSG_P_ROLES: on_roles(core, f); return true;
	case MSG_P_EXITED: return true; /* the closed channel said so already */
	case MSG_P_STOP: core->stopping = true; return true;
	default: return false;
	}
}
