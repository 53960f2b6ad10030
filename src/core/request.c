/* Requests of the gate: who asks, which handler, and the one answer. */
#include "core/request.h"

#include <stdlib.h>
#include <sys/statvfs.h>

#include "api/edge.h"
#include "crypt/hash.h"
#include "os/clock.h"
#include "os/log.h"

enum { RESERVE_BYTES = 2 << 20, ROLES_PATIENCE_MS = 3000, UNDER_WAY_MAX = 128 /* of one person */, GUESSES_MAX = 60 /* noted at once; then one each second */ };

struct handler {
	Err (*run)(struct request *rq);
	bool open; /* needs no token */
};

static const struct handler handlers[ROUTE_COUNT] = {
#define HANDLES(route, fn) [ROUTE_##route] = {handle_##fn, false},
#define HANDLES_OPEN(route, fn) [ROUTE_##route] = {handle_##fn, true},
#include "core/handlers.def"
#undef HANDLES
#undef HANDLES_OPEN
};

static Time latest; /* time seen on this node so far, over restarts */

void
core_saw_time(Time t)
{
	if (t > latest) latest = t;
}

/* A clock that was set back must not reopen what has expired: time stands still until it has caught up. */
Time
core_now(void)
{
	static int64_t told_ns;
	Time t = clock_wall();

	if (t >= latest) return latest = t;
	if (latest - t > 2 * TIME_SECOND && (told_ns == 0 || core_ns() - told_ns > INT64_C(60000000000))) {
		told_ns = core_ns();
		log_line(LOG_ERROR, "the clock was set back by %lld s; the node goes by the latest time it has seen until the clock is there again",
		         (long long)((latest - t) / TIME_SECOND));
	}
	return latest;
}

Str
arg(const struct request *rq, const char *name)
{
	return api_arg_str(&rq->args, name);
}

const char *
core_mark(struct core *core, char ret[static 32])
{
	snprintf(ret, 32, "%llu", (unsigned long long)core->mark);
	return ret;
}

/* --- answers --- */

/* The journal's word on what was done or looked at: which operation, on what, by whom. */
static bool
note_action(struct request *rq, unsigned status, Str answer)
{
	struct ctx c = {.arena = &rq->arena};
	BUF_AUTO b = BUF_INIT;

	if (rq->noted || api_routes[rq->route].open) return true;
	bool read = str_eqc(S("GET"), api_routes[rq->route].method);
	buf_printf(&b, "{\"operation\":\"%s\",\"status\":%u", api_route_name(rq->route), status);
	note_about(rq, true, &b);
	if (!read) note_made(answer, &b);
	buf_char(&b, '}');
	Err e = core_note(rq->core, &c, read ? "read" : "action", rq->person_id, buf_view(&b));
	if (!err_ok(e)) log_line(LOG_ERROR, "an action could not be noted: %s", err_detail(&c, e));
	return err_ok(e);
}

static void
reply(struct request *rq, unsigned status, Str content_type, Str body)
{
	char mark[32];
	BUF_AUTO failed = BUF_INIT;

	if (rq->replied) return;
	rq->replied = true;
	if (status < 300 && !note_action(rq, status, body)) {
		Err e = err_set(&rq->c, ERR_READ_ONLY, "the journal cannot be written, so nothing is answered; it may have been done");
		buf_char(&failed, '{');
		error_body(rq, e, S(""), &failed);
		buf_char(&failed, '}');
		body = buf_view(&failed);
		content_type = S("application/json");
		status = 503;
	}
	core_commit(rq->core); /* whatever the answer rests on is durable before it leaves */
	if (!peer_alive(rq->gate) || rq->cancelled) return;
	Str headers[] = {S("X-Heddle-Mark"), str_c(core_mark(rq->core, mark))};
	tell(rq->core, rq->gate, G_REPLY, rq->id, -1, .status = status, .content_type = content_type, .headers = {headers, 2},
	     .body = body);
}

void
reply_json(struct request *rq, unsigned status, struct buf *body)
{
	reply(rq, status, S("application/json"), buf_view(body));
}

void
reply_text(struct request *rq, unsigned status, Str content_type, Str body)
{
	reply(rq, status, content_type, body);
}

void
error_body(struct request *rq, Err e, Str hint, struct buf *out)
{
	buf_printf(out, "\"error\":{\"code\":\"%s\",\"message\":", err_name(e));
	buf_json(out, str_c(err_detail(&rq->c, e)));
	if (hint.n) {
		buf_c(out, ",\"hint\":");
		buf_json(out, hint);
	}
	buf_c(out, ",\"request_id\":");
	buf_json(out, rq->request_id);
	buf_char(out, '}');
}

void
reply_error(struct request *rq, Err e, Str hint)
{
	BUF_AUTO b = BUF_INIT;

	buf_char(&b, '{');
	error_body(rq, e, hint, &b);
	buf_char(&b, '}');
	reply_json(rq, (unsigned)err_http(e), &b);
}

/* --- who asks --- */

static Err
who_asks(struct request *rq)
{
	uint8_t hash[CRYPT_HASH_BYTES];
	struct core *core = rq->core;

	ENSURE(&rq->c, rq->token.n > 0, UNAUTHENTICATED, "no token was given; use --as NAME or set HEDDLE_TOKEN");
	crypt_sha256(rq->token, hash);
	TRY(directory_token_find(&rq->c, core->directory, hash, &rq->person_id));
	const struct mesh_member *m = mesh_member(core->mesh, rq->person_id);
	ENSURE(&rq->c, m && mesh_member_counts(core->mesh, m), UNAUTHENTICATED, "this token belongs to nobody who is a member of a domain");
	rq->domain_id = arena_str(&rq->arena, m->domain_id);
	rq->role = m->role;
	rq->is_admin = m->role == ROLE_OWNER && str_eq(m->domain_id, mesh_center(core->mesh));
	rq->person_name = person_name(rq, rq->person_id);
	return OK;
}

static Err
not_behind(struct request *rq, Str mark)
{
	uint64_t want;

	if (mark.n == 0) return OK;
	ENSURE(&rq->c, str_u64(mark, &want), INVALID, "X-Heddle-Mark is not one of ours");
	ENSURE(&rq->c, want <= rq->core->mark, UNAVAILABLE, "this node has not yet seen what you have seen (mark %llu, here %llu)",
	       (unsigned long long)want, (unsigned long long)rq->core->mark);
	return OK;
}

/* What is asked leaves a trace in the journal, and what has no trace is not done: so ask for room first, while there is some left
 * to finish what is under way. */
static bool
disk_full(const struct core *core)
{
	struct statvfs st;

	return fstatvfs(core->ledger_fd, &st) == 0 && (uint64_t)st.f_bavail * st.f_frsize < RESERVE_BYTES;
}

static Err
room_on_disk(struct request *rq)
{
	rq->noted = disk_full(rq->core);
	if (rq->route == ROUTE_STATUS) return OK; /* who finds out why must be answered */
	ENSURE(&rq->c, !rq->noted, FULL, "the disk of the node is full; nothing is done until there is room, free some and try again");
	return OK;
}

/* Nobody works as many things at once that others wait for it. */
static Err
room_for_others(struct request *rq)
{
	unsigned n = 0;

	for (const struct request *other = rq->core->requests; other; other = other->next) n += str_eq(other->person_id, rq->person_id);
	ENSURE(&rq->c, n <= UNDER_WAY_MAX, BUSY, "you have %u requests under way, wait for some of them", n - 1);
	return OK;
}

/* Anybody may guess at tokens: what they do must not fill the journal. How many went unnoted is told with the next that is noted. */
static bool
guess_noted(uint64_t *ret_unnoted)
{
	static int64_t told_ns = INT64_MIN / 2; /* the moment up to which guesses are paid for */
	static uint64_t unnoted;
	int64_t now = core_ns(), step = INT64_C(1000000000), oldest = now - GUESSES_MAX * step;

	if (told_ns < oldest) told_ns = oldest;
	if (told_ns + step > now) {
		unnoted++;
		return false;
	}
	told_ns += step;
	*ret_unnoted = TAKE(unnoted, 0);
	return true;
}

/* All but what was put off: nothing was decided then. */
static bool
is_trace(Err e)
{
	return e.code != ERR_BUSY && e.code != ERR_UNAVAILABLE && e.code != ERR_FULL && e.code != ERR_READ_ONLY;
}

/* Failed attempts at changing or reading something leave a trace too. */
static void
note_refusal(struct request *rq, Err e)
{
	BUF_AUTO b = BUF_INIT;
	uint64_t unnoted = 0;

	if (!is_trace(e) || rq->noted || api_routes[rq->route].open) return;
	rq->core->count.refused += e.code == ERR_DENIED || e.code == ERR_UNAUTHENTICATED;
	if (e.code == ERR_UNAUTHENTICATED && !guess_noted(&unnoted)) return;
	if (disk_full(rq->core)) return;
	buf_printf(&b, "{\"operation\":\"%s\",\"code\":\"%s\"", api_route_name(rq->route), err_name(e));
	if (unnoted) buf_printf(&b, ",\"unnoted\":%llu", (unsigned long long)unnoted);
	if (rq->person_id.n) note_about(rq, false, &b);
	buf_char(&b, '}');
	struct ctx c = {.arena = &rq->arena};
	Err noted = core_note(rq->core, &c, "refused", rq->person_id, buf_view(&b));
	if (!err_ok(noted)) log_line(LOG_ERROR, "a refusal could not be noted: %s", err_detail(&c, noted));
}

static void
request_free(struct request *rq)
{
	for (struct request **at = &rq->core->requests; *at; at = &(*at)->next)
		if (*at == rq) {
			*at = rq->next;
			break;
		}
	arena_fini(&rq->arena);
	free(rq);
}

/* What the machine said is for the log: it may name files and what lies in them. */
static Err
for_people(struct request *rq, Err e)
{
	if (e.code != ERR_IO && e.code != ERR_CORRUPT) return e;
	log_line(LOG_ERROR, "request %.*s, %s: %s", STR(rq->request_id), api_route_name(rq->route), err_detail(&rq->c, e));
	rq->c.detail[0] = 0;
	return err_set(&rq->c, (enum err_code)e.code, "%s; the node's log tells more under this request id", err_text(e));
}

/* A role that is being started, at first or again, is there in a moment: better to wait for it than to send people away. */
static Err
wait_for_roles(struct request *rq)
{
	const struct core *core = rq->core;

	for (int i = 0; i < ROLES_PATIENCE_MS / 10; i++) {
		if (core->begun && peer_alive(core->keys) && peer_alive(core->lake)) return OK;
		fiber_sleep_ms(rq->core, 10);
	}
	return err_set(&rq->c, ERR_UNAVAILABLE, "a part of the node is being started, try again");
}

static Err
answer(struct request *rq)
{
	const struct handler *h = &handlers[rq->route];

	TRY(not_behind(rq, rq->mark));
	ENSURE(&rq->c, h->run, NOT_FOUND, "no such operation");
	if (h->open) return h->run(rq);
	TRY(wait_for_roles(rq));
	TRY(who_asks(rq));
	TRY(room_on_disk(rq));
	TRY(room_for_others(rq));
	return h->run(rq);
}

static void
run(void *arg)
{
	struct request *rq = arg;
	Err e = answer(rq);

	if (!err_ok(e)) {
		e = for_people(rq, e);
		note_refusal(rq, e);
		reply_error(rq, e, rq->hint);
	}
	assert(rq->replied);
	request_free(rq);
}

void
request_start(struct core *core, struct peer *gate, const struct frame *f)
{
	struct request *rq = mem_alloc(sizeof *rq);
	struct msg_G_REQUEST m;

	*rq = (struct request){.core = core, .gate = gate, .id = f->id};
	rq->c.arena = &rq->arena;
	Str payload = arena_str(&rq->arena, f->payload);
	if (!err_ok(msg_get_G_REQUEST(&rq->c, payload, &m)) || m.route >= ROUTE_COUNT) {
		log_line(LOG_ERROR, "the gate sent a malformed request");
		arena_fini(&rq->arena);
		free(rq);
		return;
	}
	rq->route = (enum route_id)m.route;
	rq->args = (struct api_args){m.args};
	rq->token = m.token;
	rq->mark = m.mark;
	rq->request_id = m.request_id;
	rq->next = core->requests;
	core->requests = rq;
	core->count.requests++;
	if (fiber_start(run, rq)) return;
	Err e = err_set(&rq->c, ERR_BUSY, "the node has %u requests under way, try again", fiber_count());
	BUF_AUTO b = BUF_INIT;
	buf_char(&b, '{');
	error_body(rq, e, S(""), &b);
	buf_char(&b, '}');
	tell(core, gate, G_REPLY, rq->id, -1, .status = (unsigned)err_http(e), .content_type = S("application/json"), .body = buf_view(&b));
	request_free(rq);
}

void
request_gate_frame(struct core *core, struct peer *gate, const struct frame *f)
{
	ARENA_AUTO arena = ARENA_INIT;
	struct ctx c = {.arena = &arena};

	if (f->type == MSG_G_STREAMED) running_delivered(gate, f->id);
	for (struct request *rq = core->requests; rq; rq = rq->next) {
		struct msg_G_CANCEL cancel;
		struct msg_G_UPLOADED up;
		if (rq->gate != gate) continue;
		if (f->type == MSG_G_STREAMED && f->id == rq->id) rq->streamed = true;
		if (f->type == MSG_G_CANCEL && err_ok(msg_get_G_CANCEL(&c, f->payload, &cancel)) && cancel.request == rq->id) {
			rq->cancelled = true;
			if (rq->query) running_cancel(core, rq->query, "the client went away");
			if (rq->upload_waiting) fiber_wake(TAKE(rq->upload_waiting, NULL), rq); /* perhaps before the gate got the sink */
			return;
		}
		if (f->type == MSG_G_UPLOADED && f->id == rq->id && err_ok(msg_get_G_UPLOADED(&c, f->payload, &up))) {
			rq->uploaded_bytes = up.bytes;
			rq->upload_complete = up.complete == 1;
			if (rq->upload_waiting) fiber_wake(TAKE(rq->upload_waiting, NULL), rq);
			return;
		}
	}
}

void
gate_gone(struct core *core, struct peer *gate, void *arg)
{
	(void)arg;
	running_delivered(gate, 0);
	for (struct request *rq = core->requests; rq; rq = rq->next)
		if (rq->gate == gate) {
			rq->gate = NULL;
			rq->cancelled = true;
			if (rq->query) running_cancel(core, rq->query, "the client went away");
		}
again:
	for (struct request *rq = core->requests; rq; rq = rq->next)
		if (!rq->gate && rq->upload_waiting) {
			fiber_wake(TAKE(rq->upload_waiting, NULL), NULL);
			goto again; /* it may have been the last of it */
		}
}

/* --- what handlers share --- */

Str
person_name(struct request *rq, Str person_id)
{
	struct ctx c = {.arena = &rq->arena};
	Str name;

	if (person_id.n == 0) return S("");
	return err_ok(directory_person_name(&c, rq->core->directory, person_id, &name)) ? name : S("(erased)");
}

Str
person_who_left(struct request *rq, Str name)
{
	const struct mesh_member **members;
	Str told = arena_printf(&rq->arena, "%.*s (left, ", STR(name));
	const struct mesh_member *found = NULL;
	size_t n = mesh_members(rq->core->mesh, &rq->arena, S(""), &members);

	for (size_t i = 0; i < n; i++)
		if (!members[i]->active && (!found || members[i]->ended > found->ended) && str_starts(person_name(rq, members[i]->person_id), told))
			found = members[i];
	return found ? arena_str(&rq->arena, found->person_id) : (Str){0};
}

Str
domain_name(struct request *rq, Str domain_id)
{
	const struct mesh_domain *d = mesh_domain(rq->core->mesh, domain_id);

	return d ? arena_str(&rq->arena, d->name) : S("(unknown)");
}

Str
product_name(struct request *rq, const struct mesh_product *p)
{
	return arena_printf(&rq->arena, "%.*s.%.*s", STR(domain_name(rq, p->domain_id)), STR(p->name));
}

Err
need_role(struct request *rq, Str domain_id, const char *what, unsigned roles_mask)
{
	ENSURE(&rq->c, str_eq(rq->domain_id, domain_id), DENIED, "only %.*s may %s; you act for %.*s", STR(domain_name(rq, domain_id)), what,
	       STR(domain_name(rq, rq->domain_id)));
	ENSURE(&rq->c, roles_mask & (1u << rq->role), DENIED, "your role in %.*s (%s) may not %s", STR(domain_name(rq, domain_id)),
	       role_name(rq->role), what);
	return OK;
}

bool
product_visible(struct request *rq, const struct mesh_product *p)
{
	struct policy_decision d;

	if (p->discoverable || str_eq(p->domain_id, rq->domain_id)) return true;
	for (size_t i = 0; i < p->table_count; i++) {
		mesh_decide_any_purpose(rq->core->mesh, &rq->arena, rq->person_id, p, &p->tables[i], core_now(), &d);
		if (d.verdict == VERDICT_ALLOW) return true;
	}
	return false;
}

Err
product_find(struct request *rq, Str name, const struct mesh_product **ret)
{
	const struct mesh_product *p = mesh_product_by_name(rq->core->mesh, name);

	ENSURE(&rq->c, p && product_visible(rq, p), NOT_FOUND, "there is no product '%.*s'; list them with: heddle products", STR(name));
	*ret = p;
	return OK;
}
