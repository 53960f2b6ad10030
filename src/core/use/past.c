#include "core/use/past.h"

#include "codec/dsse.h"
#include "ledger/ledger.h"

static const Str JOURNAL = S("journal");
enum { STEP = 1024 };

struct folding_past {
	struct mesh *mesh;
	struct past_log *log;
	uint64_t trusted; /* entries below this are under a checkpoint of this node */
	Time at;
	bool later;       /* an entry after that time was met */
};

static Err
time_of(struct ctx *c, Str entry, Time *ret)
{
	struct dsse d;
	struct event e;

	TRY(dsse_parse(c, entry, &d));
	TRY(event_parse(c, d.payload, &e));
	*ret = e.time;
	event_fini(&e);
	return OK;
}

static Err
fold_until(struct ctx *c, void *arg, uint64_t index, Str entry)
{
	struct folding_past *f = arg;
	struct mesh_outcome outcome;
	Time t = f->log->newest;

	if (f->later) return OK;
	/* One that cannot be read is refused by the fold, whenever it was said. */
	if (!err_ok(time_of(c, entry, &t))) c->detail[0] = 0;
	f->later = t > f->at;
	if (f->later) return OK;
	TRY(mesh_apply(c, f->mesh, f->log->id, index, entry, index >= f->trusted, NULL, NULL, &outcome));
	f->log->entries = index + 1;
	f->log->newest = t;
	return OK;
}

static Err
fold_one(struct core *core, struct ctx *c, const struct ledger_state *s, struct folding_past *f)
{
	uint64_t size = s->size, at = 0;

	while (at < size && !f->later) {
		ARENA_AUTO arena = ARENA_INIT;
		struct ctx in = {.arena = &arena};
		uint64_t n = size - at < STEP ? size - at : STEP;
		Err e = ledger_read(&in, core->ledger, f->log->id, at, n, fold_until, f);
		if (!err_ok(e)) return err_set(c, (enum err_code)e.code, "%s", err_detail(&in, e));
		at += n;
		if (at < size) fiber_sleep_ms(core, 0);
	}
	return OK;
}

static Err
fold_all(struct core *core, struct ctx *c, Time at, struct past *p)
{
	struct ledger_state *states;
	size_t n = ledger_states(core->ledger, c->arena, &states);

	for (size_t i = 0; i < n; i++) states[i].log_id = arena_str(c->arena, states[i].log_id);
	p->logs = NEW_N(c->arena, n, struct past_log);
	for (size_t i = 0; i < n; i++) {
		if (str_eq(states[i].log_id, JOURNAL)) continue;
		struct past_log *log = &p->logs[p->log_count];
		log->id = states[i].log_id;
		TRY(fold_one(core, c, &states[i], &(struct folding_past){p->mesh, log, states[i].published, at, false}));
		if (log->entries) p->log_count++;
	}
	return OK;
}

Err
past_fold(struct core *core, struct ctx *c, Time at, struct past *ret)
{
	static bool under_way; /* each one holds a whole mesh */

	ENSURE(c, !under_way, BUSY, "somebody else looks back already, try again in a moment");
	under_way = true;
	ret->mesh = mesh_new();
	mesh_set_center(ret->mesh, mesh_center(core->mesh));
	core_commit(core); /* only what is durable can be read */
	Err e = fold_all(core, c, at, ret);
	under_way = false;
	return e;
}

void
past_fini(struct past *p)
{
	if (p->mesh) mesh_free(p->mesh);
	p->mesh = NULL;
}
