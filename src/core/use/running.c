#include "core/use/running.h"

#include <stdlib.h>

enum { STOP_MS = 4000 /* of a worker, after it was told to */ };

/* What a worker made and a client has not yet taken. */
struct delivery {
	struct running_query q;
	struct peer *gate;
	uint64_t request; /* of the gate's frames */
	struct arena arena;
};

static struct running_query *running;

static void
take_out(struct running_query *q)
{
	for (struct running_query **at = &running; *at; at = &(*at)->next)
		if (*at == q) {
			*at = q->next;
			break;
		}
}

static struct delivery *
delivery_of(struct running_query *q)
{
	return q->proc ? NULL : (struct delivery *)q; /* first in it */
}

static void
delivery_free(struct delivery *d)
{
	take_out(&d->q);
	arena_fini(&d->arena);
	free(d);
}

/* --- ending --- */

void
running_cancel(struct core *core, struct running_query *q, const char *why)
{
	if (q->ended || !q->proc || !q->proc->peer) return;
	q->ended = true;
	q->code = ERR_CANCELLED;
	q->why = why;
	q->ended_ns = core_ns();
	tell(core, q->proc->peer, W_CANCEL, q->call.id, -1, .reason = 1);
}

/* Not a byte more. The fiber of one that runs goes on at once and takes q out of the list. */
static void
running_kill(struct core *core, struct running_query *q, const char *why)
{
	struct delivery *d = delivery_of(q);

	if (d) {
		tell(core, d->gate, FAILED, d->request, -1, .code = ERR_DENIED);
		delivery_free(d);
		return;
	}
	if (!q->ended) {
		q->code = ERR_DENIED;
		q->why = why;
	}
	q->ended = q->killed = true;
	proc_kill(core, q->proc);
}

/* By the very grant it was decided by. When another one would be taken by now it is asked for alone: what it still gives stays given, what it
 * gives no more is not excused by the other. */
static void
decide_again(const struct core *core, struct arena *a, const struct running_query *q, const struct table_use *u, const struct mesh_product *p,
             const struct mesh_table *t, struct policy_decision *ret)
{
	struct mesh_suppose alone = {.grant_domain_id = p->domain_id, .grant_id = u->decision.grant_id, .alone = true};

	mesh_decide(core->mesh, a, q->person_id, p, t, q->purpose, INTERACT_SQL, q->level, core_now(), NULL, ret);
	if (ret->verdict != VERDICT_ALLOW || u->decision.grant_id.n == 0 || str_eq(ret->grant_id, u->decision.grant_id)) return;
	mesh_decide(mesh_suppose(core->mesh, a, &alone), a, q->person_id, p, t, q->purpose, INTERACT_SQL, q->level, core_now(), NULL, ret);
}

/* Decided as it was when it started? Then q->until says how long. */
static bool
still_decided(struct core *core, struct running_query *q)
{
	ARENA_AUTO arena = ARENA_INIT;
	Time until = TIME_FOREVER;

	for (size_t i = 0; i < q->n; i++) {
		const struct mesh_product *p;
		const struct mesh_table *t = mesh_table_by_name(core->mesh, q->uses[i].name, &p);
		struct policy_decision d;
		if (!t) return false;
		decide_again(core, &arena, q, &q->uses[i], p, t, &d);
		/* a new snapshot with more columns has another hash, and takes nothing from a query that runs on the old one */
		if (d.verdict != VERDICT_ALLOW || !str_eq(d.grant_id, q->uses[i].decision.grant_id)) return false;
		if (str_eq(t->manifest, q->uses[i].manifest_sha) && memcmp(d.hash, q->uses[i].decision.hash, sizeof d.hash) != 0) return false;
		if (d.until < until) until = d.until;
	}
	q->until = until;
	return true;
}

void
access_narrowed(struct core *core)
{
	core->policy_epoch++;
again:
	for (struct running_query *q = running; q; q = q->next) {
		if (q->killed || still_decided(core, q)) continue;
		running_kill(core, q, "access was revoked or tightened while the query ran");
		goto again;
	}
	pool_give_up_idle(core);
}

void
queries_tick(struct core *core)
{
	Time now = core_now();
again:
	for (struct running_query *q = running; q; q = q->next) {
		bool deaf = q->proc && q->ended && core_ns() - q->ended_ns > STOP_MS * INT64_C(1000000);
		if (q->killed || (!deaf && (now < q->until || still_decided(core, q)))) continue;
		running_kill(core, q, "access ended while the query ran");
		goto again;
	}
}

Err
handle_query_cancel(struct request *rq)
{
	Str id = arg(rq, "query");
	BUF_AUTO b = BUF_INIT;

	for (struct running_query *q = running; q; q = q->next) {
		if (!q->proc || !str_eqc(id, q->id) || !str_eq(q->person_id, rq->person_id)) continue;
		running_cancel(rq->core, q, "cancelled");
		buf_printf(&b, "{\"id\":\"%s\",\"state\":\"cancelled\"}", q->id);
		reply_json(rq, 200, &b);
		return OK;
	}
	return err_set(&rq->c, ERR_NOT_FOUND, "no query '%.*s' of yours is running", STR(id));
}

/* --- from the worker's first row to the client's last --- */

void
running_add(struct request *rq, struct running_query *q)
{
	q->next = running;
	running = q;
	rq->query = q;
}

void
running_remove(struct request *rq, struct running_query *q)
{
	take_out(q);
	rq->query = NULL;
}

void
running_deliver(struct request *rq, const struct running_query *q)
{
	if (rq->streamed || !peer_alive(rq->gate)) return;
	struct delivery *d = mem_alloc(sizeof *d);
	*d = (struct delivery){.q = *q, .gate = rq->gate, .request = rq->id, .arena = TAKE(rq->arena, ARENA_INIT)};
	d->q.proc = NULL;
	d->q.next = running;
	running = &d->q;
	/* between the worker's end and now it was in no list */
	if (!still_decided(rq->core, &d->q)) running_kill(rq->core, &d->q, "");
}

void
running_delivered(struct peer *gate, uint64_t request)
{
	for (struct running_query **at = &running; *at;) {
		struct delivery *d = delivery_of(*at);
		if (d && d->gate == gate && (request == 0 || d->request == request))
			delivery_free(d); /* takes it out of the list */
		else
			at = &(*at)->next;
	}
}
