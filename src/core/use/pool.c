#include "core/use/pool.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/log.h"

enum { SPARE_WORKERS = 1, SPARE_READERS = 1, ACQUIRE_STEP_MS = 20, ACQUIRE_MS = 10000, START_MS = 30000, READERS_MAX = 24, LINKS_MAX = 1024 };
static const int64_t IDLE_NS = INT64_C(300) * 1000000000, SPARE_NS = INT64_C(12) * 3600 * 1000000000, RETRY_NS = INT64_C(1000000000), REFILL_NS = INT64_C(150000000);

static struct proc *procs; /* of the one core of this process */
static int64_t next_spare_ns;
static bool filling;

static unsigned
count(enum proc_kind kind, enum proc_state state)
{
	unsigned n = 0;

	for (struct proc *p = procs; p; p = p->next) n += p->kind == kind && p->state == state;
	return n;
}

static unsigned
alive(enum proc_kind kind)
{
	unsigned n = 0;

	for (struct proc *p = procs; p; p = p->next) n += p->kind == kind && p->state != PROC_GONE;
	return n;
}

static void
proc_free(struct core *core, struct proc *p)
{
	for (struct proc **at = &procs; *at; at = &(*at)->next)
		if (*at == p) {
			*at = p->next;
			break;
		}
	tell(core, core->lake, L_VIEW_DROP, ++core->next_id, -1, .view = str_c(p->view));
	free(p->person_id);
	free(p->purpose);
	map_fini(&p->links);
	free(p);
}

/* The process died or was ended. A busy one is freed by whoever uses it. */
static void
on_close(struct core *core, struct peer *peer, void *arg)
{
	struct proc *p = arg;
	(void)peer;

	p->peer = NULL;
	enum proc_state was = p->state;
	p->state = PROC_GONE;
	if (was == PROC_SPARE || was == PROC_IDLE) proc_free(core, p);
}

void
proc_kill(struct core *core, struct proc *p)
{
	if (p->pid) tell(core, core->parent, P_KILL, ++core->next_id, -1, .pid = p->pid);
	p->pid = 0;
	if (p->peer) peer_drop(core, p->peer);
}

/* May its person go on using it? Its folder must hold nothing that they may no longer see, and not grow for ever. */
static bool
reusable(const struct core *core, const struct proc *p)
{
	return p->person_id && p->epoch == core->policy_epoch && core_now() < p->until && p->links.count <= LINKS_MAX;
}

void
proc_release(struct core *core, struct proc *p, bool healthy)
{
	if (healthy && p->state == PROC_BUSY && reusable(core, p)) {
		p->state = PROC_IDLE;
		p->idle_since_ns = core_ns();
		return;
	}
	p->state = PROC_GONE;
	proc_kill(core, p);
	proc_free(core, p);
}

/* --- starting one --- */

static Err
spawn(struct core *core, struct ctx *c, struct proc *p, const int folders[2], size_t folder_count)
{
	int ends[2], fds[3];
	struct call call;
	struct frame f;
	struct msg_P_SPAWNED spawned;
	BUF_AUTO b = BUF_INIT;
	Str role = p->kind == PROC_WORKER ? S("worker") : S("reader");

	Err e = chan_pair(c, ends);
	if (!err_ok(e)) {
		for (size_t i = 0; i < folder_count; i++) close(folders[i]);
		return e;
	}
	fds[0] = ends[1];
	for (size_t i = 0; i < folder_count; i++) fds[i + 1] = folders[i];
	msg_put_P_SPAWN(&b, &(struct msg_P_SPAWN){.role = role});
	p->peer = peer_new(core, ends[0], p->kind == PROC_WORKER ? "worker" : "reader");
	peer_on_close(p->peer, on_close, p);
	TRY(call_begin_fds(core, c, core->parent, MSG_P_SPAWN, buf_view(&b), fds, folder_count + 1, &call));
	e = call_wait(core, c, &call, MSG_P_SPAWNED, START_MS, &f);
	call_end(core, &call);
	TRY(e);
	TRY(msg_get_P_SPAWNED(c, f.payload, &spawned));
	p->pid = spawned.pid;
	return OK;
}

static Err
one_fd(struct ctx *c, struct frame *f, int *ret)
{
	if (f->fd_count != 1) {
		frame_fini(f);
		return err_set(c, ERR_INTERNAL, "the lake gave no folder");
	}
	*ret = f->fds[0];
	return OK;
}

static Err
start(struct core *core, struct ctx *c, struct proc *p)
{
	int folders[2] = {-1, -1};
	struct frame f;

	TRY(ask(core, c, core->lake, L_VIEW, DONE, &f, .view = str_c(p->view)));
	TRY(one_fd(c, &f, &folders[0]));
	if (p->kind == PROC_READER) {
		Err e = ask(core, c, core->lake, L_EXTRACT, DONE, &f, .view = str_c(p->view));
		if (err_ok(e)) e = one_fd(c, &f, &folders[1]);
		if (!err_ok(e)) {
			close(folders[0]);
			return e;
		}
	}
	TRY(spawn(core, c, p, folders, p->kind == PROC_READER ? 2 : 1)); /* takes the folders in any case */
	ENSURE(c, p->peer, UNAVAILABLE, "a worker ended while it started");
	if (p->kind == PROC_READER) return OK;
	TRY(ask_within(core, c, START_MS, p->peer, W_SETUP, DONE, &f, .memory_bytes = core->limits.worker_memory_bytes,
	               .threads = core->limits.threads, .temp_bytes = core->limits.worker_temp_bytes));
	ENSURE(c, peer_level(p->peer) >= (int)core->limits.sandbox_minimum, UNAVAILABLE,
	       "this machine gives workers sandbox level L%d, and no SQL of people is run below L%u (minimum_sandbox)", peer_level(p->peer),
	       core->limits.sandbox_minimum);
	return OK;
}

/* From now on it counts as this person's. */
static void
proc_bind(const struct core *core, struct proc *p, Str person_id, Str purpose)
{
	p->person_id = mem_dup(person_id.p, person_id.n);
	p->purpose = mem_dup(purpose.p, purpose.n);
	p->epoch = core->policy_epoch;
}

/* person_id.p == NULL: for nobody. */
static Err
proc_start(struct core *core, struct ctx *c, enum proc_kind kind, Str person_id, Str purpose, struct proc **ret)
{
	struct proc *p = mem_alloc(sizeof *p);

	*p = (struct proc){.next = procs, .kind = kind, .state = PROC_STARTING, .until = TIME_FOREVER};
	if (person_id.p) proc_bind(core, p, person_id, purpose);
	crypt_short_id(kind == PROC_WORKER ? "w" : "r", p->view);
	procs = p;
	Err e = start(core, c, p);
	if (err_ok(e) && p->state == PROC_GONE) e = err_set(c, ERR_UNAVAILABLE, "a worker ended while it started");
	if (!err_ok(e)) {
		p->state = PROC_GONE;
		proc_kill(core, p);
		proc_free(core, p);
		return e;
	}
	p->state = PROC_BUSY;
	*ret = p;
	return OK;
}

static void
fill_one(void *arg)
{
	struct core *core = arg;
	ARENA_AUTO arena = ARENA_INIT;
	struct ctx c = {.arena = &arena};
	struct proc *p;
	enum proc_kind kind = count(PROC_WORKER, PROC_SPARE) < SPARE_WORKERS ? PROC_WORKER : PROC_READER;
	Err e = proc_start(core, &c, kind, (Str){0}, (Str){0}, &p);

	filling = false;
	if (err_ok(e)) {
		p->state = PROC_SPARE;
		p->idle_since_ns = core_ns();
		return;
	}
	log_line(LOG_WARN, "no spare %s: %s", kind == PROC_WORKER ? "worker" : "reader", err_detail(&c, e));
	next_spare_ns = core_ns() + RETRY_NS;
}

void
pool_tick(struct core *core)
{
	int64_t now = core_ns();

	for (struct proc *p = procs, *next; p; p = next) {
		next = p->next;
		if (p->state == PROC_IDLE && (now - p->idle_since_ns > IDLE_NS || !reusable(core, p))) proc_release(core, p, false);
		else if (p->state == PROC_SPARE && now - p->idle_since_ns > SPARE_NS) proc_release(core, p, false); /* its test of the sandbox gets old (C24) */
	}
	if (filling || now < next_spare_ns || !core->parent || !core->lake || core->stopping) return;
	if (count(PROC_WORKER, PROC_SPARE) >= SPARE_WORKERS && count(PROC_READER, PROC_SPARE) >= SPARE_READERS) return;
	filling = true;
	if (!fiber_start(fill_one, core)) filling = false;
}

/* --- getting one --- */

static struct proc *
find(enum proc_kind kind, enum proc_state state)
{
	for (struct proc *p = procs; p; p = p->next)
		if (p->kind == kind && p->state == state) return p;
	return NULL;
}

static Err
take(struct core *core, struct ctx *c, enum proc_kind kind, Str person_id, Str purpose, struct proc **ret)
{
	struct proc *p = find(kind, PROC_SPARE);

	if (!p) return proc_start(core, c, kind, person_id, purpose, ret);
	if (person_id.p) proc_bind(core, p, person_id, purpose);
	p->state = PROC_BUSY;
	next_spare_ns = core_ns() + REFILL_NS; /* first whoever took it has the processors */
	*ret = p;
	return OK;
}

static struct proc *
find_bound(const struct core *core, Str person_id, Str purpose)
{
	for (struct proc *p = procs; p; p = p->next)
		if (p->kind == PROC_WORKER && p->state == PROC_IDLE && reusable(core, p) && str_eqc(person_id, p->person_id) &&
		    str_eqc(purpose, p->purpose))
			return p;
	return NULL;
}

/* End the worker that has been idle longest, to make room. */
static bool
evict(struct core *core)
{
	struct proc *oldest = NULL;

	for (struct proc *p = procs; p; p = p->next)
		if (p->kind == PROC_WORKER && p->state == PROC_IDLE && (!oldest || p->idle_since_ns < oldest->idle_since_ns)) oldest = p;
	if (oldest) proc_release(core, oldest, false);
	return oldest != NULL;
}

static unsigned
busy_of(Str person_id)
{
	unsigned n = 0;

	for (struct proc *p = procs; p; p = p->next)
		n += p->kind == PROC_WORKER && (p->state == PROC_BUSY || p->state == PROC_STARTING) && p->person_id &&
		     str_eqc(person_id, p->person_id);
	return n;
}

static bool
room(struct core *core, enum proc_kind kind)
{
	if (find(kind, PROC_SPARE)) return true;
	if (kind == PROC_READER) return alive(kind) < READERS_MAX;
	return alive(kind) < core->limits.workers_max || evict(core);
}

Err
proc_take(struct core *core, struct ctx *c, enum proc_kind kind, struct proc **ret)
{
	int64_t deadline = core_ns() + (int64_t)ACQUIRE_MS * 1000000;

	while (!room(core, kind)) {
		ENSURE(c, core_ns() < deadline, BUSY, "all %s are busy, try again", kind == PROC_WORKER ? "workers" : "readers");
		fiber_sleep_ms(core, ACQUIRE_STEP_MS);
	}
	return take(core, c, kind, (Str){0}, (Str){0}, ret);
}

Err
worker_acquire(struct core *core, struct ctx *c, Str person_id, Str purpose, struct proc **ret)
{
	int64_t deadline = core_ns() + (int64_t)ACQUIRE_MS * 1000000;
	struct proc *p;

	for (;;) {
		p = find_bound(core, person_id, purpose);
		if (p) {
			p->state = PROC_BUSY;
			*ret = p;
			return OK;
		}
		if (busy_of(person_id) < core->limits.workers_per_person && room(core, PROC_WORKER)) break;
		ENSURE(c, core_ns() < deadline, BUSY, "all workers, or those you may have at once, are busy, try again");
		fiber_sleep_ms(core, ACQUIRE_STEP_MS);
	}
	return take(core, c, PROC_WORKER, person_id, purpose, ret);
}

Err
proc_link(struct core *core, struct ctx *c, struct proc *p, const Str *triples, size_t n)
{
	Str *missing = NEW_N(c->arena, n, Str);
	size_t k = 0;
	struct frame f;

	for (size_t i = 0; i + 2 < n; i += 3) {
		if (map_get(&p->links, triples[i + 2])) continue;
		for (size_t j = 0; j < 3; j++) missing[k++] = triples[i + j];
	}
	if (k == 0) return OK;
	TRY(ask(core, c, core->lake, L_LINK, DONE, &f, .view = str_c(p->view), .sources = {missing, k}));
	for (size_t i = 0; i < k; i += 3) map_put(&p->links, missing[i + 2], p);
	return OK;
}

void
pool_give_up_idle(struct core *core)
{
	for (struct proc *p = procs, *next; p; p = next) {
		next = p->next;
		if (p->kind == PROC_WORKER && p->state == PROC_IDLE) proc_release(core, p, false);
	}
}

void
pool_drop_all(struct core *core)
{
again: /* whoever uses one goes on at once, and may release others */
	for (struct proc *p = procs; p; p = p->next) {
		if (p->state == PROC_SPARE || p->state == PROC_IDLE)
			proc_release(core, p, false);
		else if (p->peer)
			proc_kill(core, p);
		else
			continue;
		goto again;
	}
}
