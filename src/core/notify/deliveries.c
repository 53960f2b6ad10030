/* What webhooks are sent: messages about the feed, signed (Standard Webhooks: HMAC-SHA256 over id.timestamp.body), at least once, in order,
 * tried again for about two days, each delivery to be looked at. */
#include <stdlib.h>

#include "core/notify/feed.h"
#include "crypt/encode.h"
#include "crypt/hash.h"
#include "os/log.h"

enum { SENDERS_MAX = 4, START_MS = 10000, SEND_MS = 10000, KEEP_DAYS = 30 };
static const int64_t TICK_NS = INT64_C(200000000), IDLE_NS = INT64_C(10000000000);
static const unsigned RETRY_S[] = {5, 30, 120, 600, 1800, 7200, 21600, 43200, 86400};

/* A process that sends; it stays for a while for the next message. */
struct sender {
	struct core *core;
	struct peer *peer; /* NULL: the place is free */
	uint64_t pid;
	bool busy;
	int64_t idle_since_ns;
	char hook_id[CRYPT_SHORT_ID_MAX]; /* whose message is under way */
	uint64_t seq;
	uint32_t attempts;                /* before this one */
};

static struct sender senders[SENDERS_MAX];
static int64_t due_ns; /* when what is due is looked for again */

/* --- senders --- */

static void
on_close(struct core *core UNUSED, struct peer *peer UNUSED, void *arg)
{
	struct sender *s = arg;

	s->peer = NULL;
	s->pid = 0;
}

static Err
sender_start(struct core *core, struct ctx *c, struct sender *s)
{
	int ends[2];
	struct frame f;
	struct call call;
	struct msg_P_SPAWNED spawned;
	BUF_AUTO b = BUF_INIT;

	TRY(chan_pair(c, ends));
	s->peer = peer_new(core, ends[0], "sender");
	peer_on_close(s->peer, on_close, s);
	msg_put_P_SPAWN(&b, &(struct msg_P_SPAWN){.role = S("sender")});
	TRY(call_begin_fds(core, c, core->parent, MSG_P_SPAWN, buf_view(&b), &ends[1], 1, &call));
	Err e = call_wait(core, c, &call, MSG_P_SPAWNED, START_MS, &f);
	call_end(core, &call);
	TRY(e);
	TRY(msg_get_P_SPAWNED(c, f.payload, &spawned));
	s->pid = spawned.pid;
	return OK;
}

static void
sender_end(struct core *core, struct sender *s)
{
	if (s->pid) tell(core, core->parent, P_KILL, ++core->next_id, -1, .pid = s->pid);
	s->pid = 0;
	if (s->peer) peer_drop(core, s->peer);
	s->peer = NULL;
}

/* --- one delivery --- */

static Err
headers_make(struct core *core, struct ctx *c, const struct outbox_delivery *d, Str body, List *ret)
{
	uint8_t mac[CRYPT_HASH_BYTES];
	BUF_AUTO text = BUF_INIT;
	BUF_AUTO encoded = BUF_INIT;
	Str secret, *lines = NEW_N(c->arena, 3, Str);
	long long now = (long long)(core_now() / TIME_SECOND);

	TRY(webhook_secret(core, c, d->hook_id, &secret));
	Str id = arena_printf(c->arena, "%.*s_%llu", STR(d->hook_id), (unsigned long long)d->seq);
	buf_printf(&text, "%.*s.%lld.", STR(id), now);
	buf_str(&text, body);
	crypt_hmac_sha256(secret, buf_view(&text), mac);
	base64_put(&encoded, str_of(mac, sizeof mac));
	lines[0] = arena_printf(c->arena, "webhook-id: %.*s", STR(id));
	lines[1] = arena_printf(c->arena, "webhook-timestamp: %lld", now);
	lines[2] = arena_printf(c->arena, "webhook-signature: v1,%.*s", STR(buf_view(&encoded)));
	*ret = (List){lines, 3};
	return OK;
}

static Err
send_item(struct core *core, struct ctx *c, struct sender *s, const struct outbox_hook *h, const struct outbox_delivery *d, struct msg_S_DELIVERED *ret)
{
	struct outbox_item item;
	struct frame f;
	BUF_AUTO body = BUF_INIT;
	List headers;

	TRY(outbox_item(c, core->outbox, d->seq, &item));
	feed_item_json(core, &item, &body);
	TRY(headers_make(core, c, d, buf_view(&body), &headers));
	if (!s->peer) TRY(sender_start(core, c, s));
	TRY(ask_within(core, c, SEND_MS + START_MS, s->peer, S_DELIVER, S_DELIVERED, &f, .url = h->url, .listed = str_c(core->limits.webhook_allow), .headers = headers,
	               .body = buf_view(&body), .timeout_ms = SEND_MS));
	return msg_get_S_DELIVERED(c, f.payload, ret);
}

/* What follows from how it went. */
static void
settle_delivery(struct outbox_delivery *d, Err e, const struct ctx *c, const struct msg_S_DELIVERED *r)
{
	bool done = err_ok(e) && r->status >= 200 && r->status <= 299;

	d->attempts++;
	d->at = core_now();
	d->status = err_ok(e) && r->status < 1000 ? (int)r->status : 0;
	d->note = done ? S("") : err_ok(e) ? r->note : str_c(err_detail(c, e));
	d->state = done ? DELIVERY_DONE : d->attempts > ARRAY_LEN(RETRY_S) ? DELIVERY_FAILED : DELIVERY_PENDING;
	if (d->state == DELIVERY_PENDING) d->next = d->at + (Time)RETRY_S[d->attempts - 1] * TIME_SECOND;
}

static void
run(void *arg)
{
	struct sender *s = arg;
	struct core *core = s->core;
	ARENA_AUTO arena = ARENA_INIT;
	struct ctx c = {.arena = &arena};
	struct outbox_delivery d = {.hook_id = arena_str(&arena, str_c(s->hook_id)), .seq = s->seq, .attempts = s->attempts};
	struct msg_S_DELIVERED answer = {.status = 0, .note = S("")};
	const struct outbox_hook *h = NULL;

	Err e = webhook_find(&c, core->outbox, d.hook_id, &h);
	if (err_ok(e)) e = send_item(core, &c, s, h, &d, &answer);
	if (!err_ok(e)) sender_end(core, s);
	settle_delivery(&d, e, &c, &answer);
	struct ctx again = {.arena = &arena};
	if (err_ok(webhook_find(&again, core->outbox, d.hook_id, &h))) { /* it may have been removed meanwhile */
		Err kept = outbox_delivery_put(&again, core->outbox, &d);
		if (!err_ok(kept)) core_die("the outbox cannot be written", &again, kept);
	}
	if (d.state == DELIVERY_FAILED) log_line(LOG_WARN, "webhook %.*s: message %llu is given up after %u tries: %.*s", STR(d.hook_id), (unsigned long long)d.seq, d.attempts, STR(d.note));
	s->busy = false;
	s->idle_since_ns = core_ns();
	due_ns = 0; /* its next message, at once */
}

static bool
under_way(Str hook_id)
{
	for (size_t i = 0; i < SENDERS_MAX; i++)
		if (senders[i].busy && str_eqc(hook_id, senders[i].hook_id)) return true;
	return false;
}

static struct sender *
sender_free(void)
{
	struct sender *best = NULL;

	for (size_t i = 0; i < SENDERS_MAX; i++)
		if (!senders[i].busy && (!best || (senders[i].peer && !best->peer))) best = &senders[i];
	return best;
}

static void
start_due(struct core *core, struct ctx *c)
{
	struct outbox_delivery *due;
	struct sender *s;
	size_t n;

	Err e = outbox_due(c, core->outbox, core_now(), 64, &due, &n);
	if (!err_ok(e)) core_die("the outbox cannot be read", c, e);
	for (size_t i = 0; i < n && (s = sender_free()); i++) {
		if (under_way(due[i].hook_id)) continue;
		s->core = core;
		s->busy = true;
		s->seq = due[i].seq;
		s->attempts = due[i].attempts;
		snprintf(s->hook_id, sizeof s->hook_id, "%.*s", STR(due[i].hook_id));
		if (!fiber_start(run, s)) s->busy = false;
	}
}

void
webhooks_tick(struct core *core)
{
	static int64_t prune_ns;
	ARENA_AUTO arena = ARENA_INIT;
	struct ctx c = {.arena = &arena};

	if (core_ns() < due_ns || !core->begun || !peer_alive(core->keys)) return;
	due_ns = core_ns() + TICK_NS;
	start_due(core, &c);
	for (size_t i = 0; i < SENDERS_MAX; i++)
		if (senders[i].peer && !senders[i].busy && core_ns() - senders[i].idle_since_ns > IDLE_NS) sender_end(core, &senders[i]);
	if (core_ns() < prune_ns) return;
	prune_ns = core_ns() + INT64_C(3600000000000);
	Err e = outbox_prune(&c, core->outbox, core_now() - (Time)KEEP_DAYS * 86400 * TIME_SECOND);
	if (!err_ok(e)) core_die("the outbox cannot be written", &c, e);
}
