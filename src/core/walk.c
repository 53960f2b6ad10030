#include "core/walk.h"

enum { SLICE_NS = 2000000, LOOK_AT_CLOCK = 8 /* steps */, ATTEMPTS_MAX = 3, WALKS_MAX = 8, TURN_MS = 5 };

/* --- turns --- */

unsigned
walks_under_way(const struct core *core, const char **ret_what, uint64_t *ret_steps)
{
	unsigned n = 0;

	for (const struct walk *w = core->walks; w; w = w->next) n++;
	*ret_what = n ? core->walks->what : "";
	*ret_steps = n ? core->walks->steps : 0;
	return n;
}

static bool
is_gone(const struct core *core, const struct request *rq)
{
	return core->stopping || (rq && rq->cancelled);
}

static void
leave(struct walk *w)
{
	for (struct walk **at = &w->core->walks; *at; at = &(*at)->next)
		if (*at == w) {
			*at = w->next;
			return;
		}
}

static Err
wait_for_turn(struct walk *w, struct ctx *c)
{
	struct walk **last = &w->core->walks;
	const char *what;
	uint64_t steps;
	unsigned n = walks_under_way(w->core, &what, &steps);

	ENSURE(c, n < WALKS_MAX, BUSY, "%s is under way (%llu things looked at so far) and %u more wait for it; each looks at everything, so try again in a moment",
	       what, (unsigned long long)steps, n - 1);
	while (*last) last = &(*last)->next;
	*last = w;
	while (w->core->walks != w && !is_gone(w->core, w->rq)) fiber_sleep_ms(w->core, TURN_MS);
	if (w->core->walks == w) return OK;
	leave(w);
	return err_set(c, ERR_CANCELLED, "nobody waits for it any more");
}

/* --- slices --- */

/* True: others went on. */
static bool
gave_way(struct core *core, uint64_t steps, int64_t *slice_ns)
{
	if (steps % LOOK_AT_CLOCK || core_ns() - *slice_ns < SLICE_NS) return false;
	fiber_sleep_ms(core, 0);
	*slice_ns = core_ns();
	return true;
}

Err
pace_step(struct pace *p, struct ctx *c)
{
	ENSURE(c, !gave_way(p->core, ++p->steps, &p->slice_ns) || !is_gone(p->core, p->rq), CANCELLED, "nobody waits for it any more");
	return OK;
}

/* --- one state --- */

static Err
look_up(struct walk *w)
{
	ENSURE(&w->c, !is_gone(w->core, w->rq), CANCELLED, "nobody waits for it any more");
	if (w->over || w->past.mesh) return OK;
	w->changed = w->core->mark != w->mark;
	ENSURE(&w->c, !w->changed, BUSY, "what is there changed meanwhile");
	return OK;
}

Err
walk_step(struct walk *w)
{
	if (err_ok(w->ended) && gave_way(w->core, ++w->steps, &w->slice_ns)) w->ended = look_up(w);
	return w->ended;
}

bool
walk_goes_on(void *walk)
{
	return err_ok(walk_step(walk));
}

/* As the logs stand now, or stood then. */
static Err
own_mesh(struct walk *w)
{
	arena_fini(&w->past_arena);
	w->c = (struct ctx){.arena = &w->past_arena};
	w->mark = w->core->mark;
	w->now = w->at ? w->at : core_now();
	TRY(past_fold(w->core, &w->c, w->now, &w->past));
	w->mesh = w->past.mesh;
	return OK;
}

static void
begin(struct walk *w)
{
	arena_fini(&w->arena);
	w->c = (struct ctx){.arena = &w->arena};
	w->steps = 0;
	w->changed = false;
	w->ended = OK;
	w->slice_ns = core_ns();
	if (w->past.mesh) return;
	w->mesh = w->core->mesh;
	w->mark = w->core->mark;
	w->now = core_now();
}

static Err
attempts(struct walk *w, Err (*look)(struct walk *w, void *arg), void *arg)
{
	for (;;) {
		if (w->at || w->attempts == ATTEMPTS_MAX) TRY(own_mesh(w));
		begin(w);
		w->attempts++;
		Err e = look(w, arg);
		if (!w->changed) return e;
	}
}

Err
walk_run(struct walk *w, struct ctx *c, Err (*look)(struct walk *w, void *arg), void *arg)
{
	TRY(wait_for_turn(w, c));
	Err e = attempts(w, look, arg);
	w->over = true;
	leave(w);
	return err_ok(e) ? OK : err_set(c, (enum err_code)e.code, "%s", err_detail(&w->c, e));
}

void
walk_fini(struct walk *w)
{
	past_fini(&w->past);
	arena_fini(&w->arena);
	arena_fini(&w->past_arena);
}
