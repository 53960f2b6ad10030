#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/audit/audit.h"
#include "core/keys/drafts.h"
#include "core/core.h"
#include "core/notify/feed.h"
#include "core/parent.h"
#include "core/posture/posture.h"
#include "os/clock.h"
#include "os/log.h"

enum { PEERS_MAX = 256, TICK_MS = 250, UNTAKEN_MAX = 64 /* answers that nobody waits for yet */, LAKE_MS = 600 * 1000 };

struct frame_node {
	struct frame_node *next;
	struct frame frame;
	char bytes[];
};

struct peer {
	struct peer *next;
	struct chan chan;
	char name[16];
	struct call *calls;
	void (*on_close)(struct core *core, struct peer *p, void *arg);
	void *on_close_arg;
	int level; /* of its sandbox, -1 until it said so */
	Time tested; /* when it had tried that sandbox and said so */
	bool dead, gives_fds;
};

struct waiter {
	struct waiter *next;
	struct fiber *fiber;
	int64_t due_ns;
};

static struct waiter *sleepers;

int64_t core_ns(void) { return (int64_t)clock_boot_ns(); }

/* --- peers --- */

struct peer *
peer_new(struct core *core, int fd, const char *name)
{
	struct peer *p = mem_alloc(sizeof *p);
	struct ctx c = {0};

	chan_init(&p->chan, fd);
	snprintf(p->name, sizeof p->name, "%s", name);
	p->level = -1;
	p->gives_fds = strcmp(name, "lake") == 0;
	if (!err_ok(chan_nonblock(&c, &p->chan))) abort();
	p->next = core->peers;
	core->peers = p;
	return p;
}

bool peer_alive(const struct peer *p) { return p && !p->dead; }
const char *peer_name(const struct peer *p) { return p->name; }
struct peer *peer_next(const struct peer *p) { return p->next; }
int peer_level(const struct peer *p) { return p ? p->level : -1; }
Time peer_tested(const struct peer *p) { return p->tested; }

void
peer_on_close(struct peer *p, void (*fn)(struct core *core, struct peer *p, void *arg), void *arg)
{
	p->on_close = fn;
	p->on_close_arg = arg;
}

void
peer_drop(struct core *core, struct peer *p)
{
	if (p->dead) return;
	p->dead = true;
	chan_fini(&p->chan);
	struct peer **roles[] = {&core->parent, &core->gate, &core->keys, &core->lake};
	for (size_t i = 0; i < ARRAY_LEN(roles); i++)
		if (*roles[i] == p) *roles[i] = NULL;
	if (p->on_close) p->on_close(core, p, p->on_close_arg);
	while (p->calls) {
		struct call *call = p->calls;
		p->calls = call->next;
		call->peer = NULL;
		if (call->waiting) fiber_wake(TAKE(call->waiting, NULL), NULL);
	}
}

/* Dropping it here would let others go on in the middle of what is being done: the loop will read its end and drop it. */
static void
peer_shut(struct peer *p)
{
	if (!p->dead) (void)shutdown(p->chan.fd, SHUT_RDWR);
}

/* Its channel broke. Without the parent there is no node. */
static void
peer_lost(struct core *core, struct peer *p)
{
	core->stopping |= p == core->parent;
	peer_drop(core, p);
}

static void
peers_sweep(struct core *core)
{
	for (struct peer **at = &core->peers; *at;) {
		struct peer *p = *at;
		if (!p->dead) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		free(p);
	}
}

/* --- calls --- */

Err
call_begin_fds(struct core *core, struct ctx *c, struct peer *p, enum msg_type type, Str payload, const int *fds, size_t fd_count,
               struct call *ret)
{
	*ret = (struct call){.id = ++core->next_id, .for_people = peer_alive(p) && !p->gives_fds && p != core->parent};
	if (!peer_alive(p)) {
		for (size_t i = 0; i < fd_count; i++) close(fds[i]);
		return err_set(c, ERR_UNAVAILABLE, "a part of the node is being restarted, try again");
	}
	Err e = chan_send(c, &p->chan, type, ret->id, payload, fds, fd_count);
	if (!err_ok(e)) {
		if (e.code != ERR_UNAVAILABLE) return e;
		peer_shut(p);
		return err_set(c, ERR_UNAVAILABLE, "a part of the node is being restarted, try again");
	}
	ret->peer = p;
	ret->next = p->calls;
	p->calls = ret;
	return OK;
}

Err
call_begin(struct core *core, struct ctx *c, struct peer *p, enum msg_type type, Str payload, int fd, struct call *ret)
{
	return call_begin_fds(core, c, p, type, payload, &fd, fd >= 0, ret);
}

static struct frame_node *
take_node(struct call *call)
{
	struct frame_node *n = call->head;

	if (!n) return NULL;
	call->head = n->next;
	call->untaken--;
	if (!call->head) call->tail = NULL;
	return n;
}

/* What the lake and the parent say of files is for the log. */
static Err
without_detail(struct ctx *c, Err e)
{
	if (e.code != ERR_IO && e.code != ERR_NOT_FOUND && e.code != ERR_CORRUPT && e.code != ERR_INVALID && e.code != ERR_INTERNAL) return e;
	log_line(LOG_WARN, "%s: %s", err_name(e), err_detail(c, e));
	c->detail[0] = 0;
	return err_set(c, (enum err_code)e.code, "%s", err_text(e));
}

Err
call_wait(struct core *core, struct ctx *c, struct call *call, enum msg_type want, uint64_t timeout_ms, struct frame *ret)
{
	(void)core;
	struct frame_node *n = take_node(call);

	if (!n && call->peer) {
		call->deadline_ns = timeout_ms ? core_ns() + (int64_t)timeout_ms * 1000000 : 0;
		call->timed_out = false;
		call->waiting = fiber_self();
		fiber_wait();
		ENSURE(c, !call->timed_out, TIMEOUT, "no answer within %.1f s", (double)timeout_ms / 1000);
		n = take_node(call);
	}
	ENSURE(c, n, UNAVAILABLE, "a process of the node ended in the middle of this; nothing was lost, try again");
	struct frame f = n->frame;
	f.payload = arena_str(c->arena, f.payload);
	free(n);
	Err e = frame_expect(c, &f, want);
	if (!err_ok(e)) {
		frame_fini(&f);
		return call->for_people ? e : without_detail(c, e);
	}
	*ret = f;
	return OK;
}

void
call_end(struct core *core, struct call *call)
{
	(void)core;
	for (struct call **at = call->peer ? &call->peer->calls : NULL; at && *at; at = &(*at)->next)
		if (*at == call) {
			*at = call->next;
			break;
		}
	for (struct frame_node *n; (n = take_node(call)); free(n)) frame_fini(&n->frame);
	call->peer = NULL;
}

Err
call_within(struct core *core, struct ctx *c, struct peer *p, enum msg_type type, Str payload, uint64_t timeout_ms, enum msg_type want,
            struct frame *ret)
{
	struct call call;

	TRY(call_begin(core, c, p, type, payload, -1, &call));
	Err e = call_wait(core, c, &call, want, timeout_ms, ret);
	call_end(core, &call);
	return e;
}

Err
call_once(struct core *core, struct ctx *c, struct peer *p, enum msg_type type, Str payload, enum msg_type want, struct frame *ret)
{
	uint64_t patience = peer_alive(p) && p == core->lake ? LAKE_MS : core->limits.check_timeout_ms + 10000;

	return call_within(core, c, p, type, payload, patience, want, ret);
}

static void
deliver(struct peer *p, struct frame *f)
{
	struct call *call = p->calls;

	while (call && call->id != f->id) call = call->next;
	if (!call || call->untaken == UNTAKEN_MAX) {
		if (call) peer_shut(p); /* it says more than anybody asked for */
		frame_fini(f);
		return;
	}
	if (!p->gives_fds) frame_fini(f);
	struct frame_node *n = mem_alloc(sizeof *n + f->payload.n);
	memcpy(n->bytes, f->payload.p, f->payload.n);
	n->frame = *f;
	n->frame.payload = str_of(n->bytes, f->payload.n);
	if (call->tail)
		call->tail->next = n;
	else
		call->head = n;
	call->tail = n;
	call->untaken++;
	if (call->waiting) fiber_wake(TAKE(call->waiting, NULL), NULL);
}

/* --- the loop --- */

static void
on_ready(struct peer *p, const struct frame *f)
{
	ARENA_AUTO arena = ARENA_INIT;
	struct ctx c = {.arena = &arena};
	struct msg_READY m;

	if (p->level >= 0 || !err_ok(msg_get_READY(&c, f->payload, &m))) return;
	p->level = (int)m.level;
	p->tested = core_now();
	log_line(LOG_DEBUG, "%s is ready, sandbox level L%d", p->name, p->level);
}

static void
on_frame(struct core *core, struct peer *p, struct frame *f)
{
	if (f->type == MSG_READY) {
		on_ready(p, f);
		frame_fini(f);
	} else if (p == core->gate) {
		if (f->type == MSG_G_REQUEST)
			request_start(core, p, f);
		else
			request_gate_frame(core, p, f);
		frame_fini(f);
	} else if (p == core->parent && parent_says(core, f)) {
		frame_fini(f);
	} else
		deliver(p, f);
}

static void
read_peer(struct core *core, struct peer *p)
{
	struct ctx c = {0};
	struct frame f;
	bool got;
	Err e = chan_read(&c, &p->chan);

	while (err_ok(e) && !p->dead) {
		e = chan_next(&c, &p->chan, &got, &f);
		if (!err_ok(e) || !got) break;
		on_frame(core, p, &f);
	}
	if (err_ok(e) || p->dead) return;
	if (e.code != ERR_UNAVAILABLE) log_line(LOG_ERROR, "channel of %s closed: %s", p->name, err_detail(&c, e));
	peer_lost(core, p);
}

static int64_t
wake_late(struct core *core)
{
	int64_t now = core_ns(), next = now + (int64_t)TICK_MS * 1000000;

	for (struct waiter **at = &sleepers; *at;) {
		struct waiter *w = *at;
		if (w->due_ns <= now) {
			*at = w->next;
			fiber_wake(w->fiber, NULL);
			at = &sleepers;
			continue;
		}
		if (w->due_ns < next) next = w->due_ns;
		at = &w->next;
	}
again:
	for (struct peer *p = core->peers; p; p = p->next)
		for (struct call *call = p->calls; call; call = call->next) {
			if (!call->waiting || !call->deadline_ns) continue;
			if (call->deadline_ns <= now) {
				call->timed_out = true;
				fiber_wake(TAKE(call->waiting, NULL), NULL);
				goto again; /* the lists may have changed */
			}
			if (call->deadline_ns < next) next = call->deadline_ns;
		}
	if (core->dirty && core->commit_due_ns < next) next = core->commit_due_ns;
	return next > now ? next - now : 0;
}

void
fiber_sleep_ms(struct core *core, uint64_t ms)
{
	(void)core;
	struct waiter w = {.fiber = fiber_self(), .due_ns = core_ns() + (int64_t)ms * 1000000}, **at = &sleepers;

	while (*at) at = &(*at)->next; /* who came first goes on first */
	*at = &w;
	fiber_wait();
}

static void
poll_once(struct core *core, int timeout_ms)
{
	struct pollfd pfd[PEERS_MAX];
	struct peer *who[PEERS_MAX];
	nfds_t n = 0;

	for (struct peer *p = core->peers; p && n < PEERS_MAX; p = p->next) {
		if (p->dead) continue;
		who[n] = p;
		pfd[n++] = (struct pollfd){.fd = p->chan.fd, .events = (short)(POLLIN | (chan_pending(&p->chan) ? POLLOUT : 0))};
	}
	int r = poll(pfd, n, timeout_ms);
	if (r < 0 && errno != EINTR) abort();
	for (nfds_t i = 0; r > 0 && i < n; i++) {
		struct ctx c = {0};
		if (who[i]->dead || !pfd[i].revents) continue;
		if ((pfd[i].revents & POLLOUT) && !err_ok(chan_flush(&c, &who[i]->chan))) {
			peer_lost(core, who[i]);
			continue;
		}
		if (pfd[i].revents & (POLLIN | POLLHUP | POLLERR)) read_peer(core, who[i]);
	}
}

/* Commit, and let those go on who waited for it; they may append again. */
static void
settle(struct core *core)
{
	if (core->dirty && core_ns() >= core->commit_due_ns) core->urgent = true;
	while ((core->dirty && core->urgent) || core->commit_waiters) {
		struct waiter *w = TAKE(core->commit_waiters, NULL);
		core_commit_now(core);
		while (w) {
			struct waiter *next = w->next; /* w is on the stack of the fiber that goes on */
			fiber_wake(w->fiber, NULL);
			w = next;
		}
	}
}

void
core_commit(struct core *core)
{
	if (!core->dirty) return;
	struct waiter w = {.next = core->commit_waiters, .fiber = fiber_self()};
	core->commit_waiters = &w;
	fiber_wait();
}

Err
core_run(struct core *core, struct ctx *c)
{
	(void)c;
	while (!core->stopping) {
		int64_t wait_ns = wake_late(core);
		settle(core);
		queries_tick(core);
		pool_tick(core);
		uploads_tick(core);
		feed_tick(core);
		webhooks_tick(core);
		drafts_tick(core);
		audit_tick(core);
		posture_tick(core);
		poll_once(core, (int)((wait_ns + 999999) / 1000000));
		settle(core);
		if (core_publish_due(core)) core_publish_logs(core);
		peers_sweep(core);
	}
	core_publish_logs(core);
	return OK;
}

void
peer_post(struct core *core, struct peer *p, enum msg_type type, uint64_t id, Str payload, int fd)
{
	struct ctx c = {0};
	(void)core;

	if (!peer_alive(p)) {
		if (fd >= 0) close(fd);
		return;
	}
	if (!err_ok(chan_send(&c, &p->chan, type, id, payload, &fd, fd >= 0))) peer_shut(p);
}

Err
peer_exchange(struct core *core, struct ctx *c, struct peer *p, enum msg_type type, Str payload, enum msg_type want, struct frame *ret)
{
	uint64_t id = ++core->next_id;

	ENSURE(c, peer_alive(p), UNAVAILABLE, "a part of the node is being restarted, try again");
	Err e = chan_send(c, &p->chan, type, id, payload, NULL, 0);
	while (err_ok(e)) {
		bool got = false;
		e = chan_next(c, &p->chan, &got, ret);
		if (got && ret->id == id) break;
		if (got && ret->type == MSG_READY) on_ready(p, ret);
		if (got) frame_fini(ret); /* READY, or an answer to somebody who gave up; more may have come with it */
		if (got || !err_ok(e)) continue;
		struct pollfd pfd = {.fd = p->chan.fd, .events = (short)(POLLIN | (chan_pending(&p->chan) ? POLLOUT : 0))};
		if (poll(&pfd, 1, 5000) <= 0) {
			e = err_set(c, ERR_UNAVAILABLE, "the %s role does not answer", p->name);
			break;
		}
		if (pfd.revents & POLLOUT) e = chan_flush(c, &p->chan);
		if (err_ok(e) && pfd.revents & (POLLIN | POLLHUP)) e = chan_read(c, &p->chan);
	}
	if (!err_ok(e)) {
		peer_drop(core, p);
		return e;
	}
	ret->payload = arena_str(c->arena, ret->payload);
	return frame_expect(c, ret, want);
}
