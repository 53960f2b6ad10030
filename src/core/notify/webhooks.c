/* The webhooks of a domain: what its owners have sent, and where to; added, tried, looked at, removed. deliveries.c sends. */
#include "core/notify/feed.h"
#include "crypt/encode.h"
#include "crypt/hash.h"
#include "net/deliver.h"

enum { HOOKS_PER_DOMAIN = 16, DELIVERIES_SHOWN = 100 };

/* --- patterns of events --- */

bool
webhook_wants(Str events, Str type)
{
	Str one;

	do {
		events = str_cut(events, ',', &one);
		one = str_trim(one);
		if (str_eq(one, S("*")) || str_eq(one, type)) return true;
		if (str_ends(one, S(".*")) && str_starts(type, str_of(one.p, one.n - 1))) return true;
	} while (events.p);
	return str_eq(type, S("webhook.test"));
}

static bool
is_type(Str word)
{
	for (enum event_type t = EVENT_UNKNOWN + 1; t < EVENT_TYPE_COUNT; t++) {
		Str name = str_c(event_type_name(t));
		if (str_eq(word, name)) return true;
		if (str_ends(word, S(".*")) && str_starts(name, str_of(word.p, word.n - 1))) return true;
	}
	return str_eq(word, S("*"));
}

static Err
events_check(struct ctx *c, Str events)
{
	Str one;

	do {
		events = str_cut(events, ',', &one);
		one = str_trim(one);
		ENSURE(c, is_type(one), INVALID, "'%.*s' is no type of event; try grant.*, request.*, product.publish or *", STR(one));
	} while (events.p);
	return OK;
}

/* --- one of them, and its secret --- */

Err
webhook_find(struct ctx *c, struct outbox *o, Str id, const struct outbox_hook **ret)
{
	struct outbox_hook *hooks;
	size_t n;

	TRY(outbox_hooks(c, o, &hooks, &n));
	for (size_t i = 0; i < n; i++)
		if (str_eq(hooks[i].id, id)) {
			*ret = &hooks[i];
			return OK;
		}
	return err_set(c, ERR_NOT_FOUND, "there is no webhook '%.*s'", STR(id));
}

Err
webhook_secret(struct core *core, struct ctx *c, Str hook_id, Str *ret)
{
	struct frame f;
	struct msg_DONE done;

	TRY(ask_keys(core, c, K_MASK_KEY, DONE, &f, .consumer = S("webhook"), .purpose = hook_id));
	TRY(msg_get_DONE(c, f.payload, &done));
	ENSURE(c, done.text.n == 32, INTERNAL, "the keys role gave no key");
	*ret = arena_str(c->arena, done.text);
	return OK;
}

/* --- operations --- */

static void
hook_json(struct request *rq, const struct outbox_hook *h, Str secret, struct buf *b)
{
	bool first = true;

	buf_char(b, '{');
	member_text(b, "id", h->id, &first);
	member_text(b, "domain", domain_name(rq, h->domain_id), &first);
	member_text(b, "url", h->url, &first);
	member_text(b, "events", h->events, &first);
	member_text(b, "by", person_name(rq, h->by), &first);
	member_time(b, "added", h->added, &first);
	if (secret.n) {
		BUF_AUTO text = BUF_INIT;
		buf_c(&text, "whsec_");
		base64_put(&text, secret);
		member_text(b, "secret", buf_view(&text), &first);
	}
	buf_char(b, '}');
}

Err
handle_webhook_add(struct request *rq)
{
	struct outbox_hook h = {.url = arg(rq, "url"), .events = arg(rq, "events"), .domain_id = rq->domain_id, .by = rq->person_id, .added = core_now()}, *hooks;
	char id[CRYPT_SHORT_ID_MAX];
	size_t n, own = 0;
	Str secret;
	BUF_AUTO b = BUF_INIT;

	ENSURE(&rq->c, rq->role == ROLE_OWNER, DENIED, "only an owner has the domain's events sent somewhere");
	TRY(deliver_url_check(&rq->c, h.url));
	if (h.events.n == 0) h.events = S("*");
	TRY(events_check(&rq->c, h.events));
	TRY(feed_catch_up(rq->core, &rq->c, &h.after)); /* waits: the others are counted behind it */
	TRY(outbox_hooks(&rq->c, rq->core->outbox, &hooks, &n));
	for (size_t i = 0; i < n; i++) own += str_eq(hooks[i].domain_id, rq->domain_id);
	ENSURE(&rq->c, own < HOOKS_PER_DOMAIN, CONFLICT, "a domain has at most %d webhooks", HOOKS_PER_DOMAIN);
	crypt_short_id("whk_", id);
	h.id = str_c(id);
	TRY(webhook_secret(rq->core, &rq->c, h.id, &secret));
	TRY(outbox_hook_add(&rq->c, rq->core->outbox, &h));
	hook_json(rq, &h, secret, &b);
	reply_json(rq, 201, &b);
	return OK;
}

/* One of the person's own domain, for its owners. */
static Err
own_hook(struct request *rq, const struct outbox_hook **ret)
{
	Str id = arg(rq, "webhook");
	const struct outbox_hook *h;
	Err e = webhook_find(&rq->c, rq->core->outbox, id, &h);

	if (!err_ok(e)) return e;
	ENSURE(&rq->c, rq->role == ROLE_OWNER && str_eq(h->domain_id, rq->domain_id), NOT_FOUND, "there is no webhook '%.*s'", STR(id));
	*ret = h;
	return OK;
}

Err
handle_webhooks(struct request *rq)
{
	struct outbox_hook *hooks;
	size_t n, shown = 0;
	BUF_AUTO b = BUF_INIT;

	TRY(outbox_hooks(&rq->c, rq->core->outbox, &hooks, &n));
	buf_c(&b, "{\"webhooks\":[");
	for (size_t i = 0; i < n; i++) {
		if (rq->role != ROLE_OWNER || !str_eq(hooks[i].domain_id, rq->domain_id)) continue;
		if (shown++) buf_char(&b, ',');
		hook_json(rq, &hooks[i], S(""), &b);
	}
	buf_c(&b, "]}");
	reply_json(rq, 200, &b);
	return OK;
}

Err
handle_webhook_remove(struct request *rq)
{
	const struct outbox_hook *h;
	BUF_AUTO b = BUF_INIT;

	TRY(own_hook(rq, &h));
	TRY(outbox_hook_remove(&rq->c, rq->core->outbox, h->id));
	buf_printf(&b, "{\"id\":\"%.*s\",\"state\":\"removed\"}", STR(h->id));
	reply_json(rq, 200, &b);
	return OK;
}

Err
handle_webhook_test(struct request *rq)
{
	const struct outbox_hook *h;
	BUF_AUTO b = BUF_INIT;

	TRY(own_hook(rq, &h));
	buf_printf(&b, "{\"id\":\"%.*s\"}", STR(h->id));
	TRY(feed_add(rq->core, &rq->c, S("webhook.test"), rq->domain_id, buf_view(&b)));
	b.n = 0;
	buf_printf(&b, "{\"id\":\"%.*s\",\"state\":\"queued\"}", STR(h->id));
	reply_json(rq, 202, &b);
	return OK;
}

static void
delivery_json(const struct outbox_delivery *d, struct buf *b)
{
	static const char *const states[] = {"pending", "delivered", "failed"};
	bool first = true;

	buf_char(b, '{');
	member_u64(b, "cursor", d->seq, &first);
	member_text(b, "state", str_c(states[d->state]), &first);
	member_u64(b, "attempts", d->attempts, &first);
	member_u64(b, "status", (uint64_t)d->status, &first);
	member_text(b, "note", d->note, &first);
	member_time(b, "at", d->at, &first);
	member_time(b, "next", d->state == DELIVERY_PENDING ? d->next : 0, &first);
	buf_char(b, '}');
}

Err
handle_webhook_deliveries(struct request *rq)
{
	const struct outbox_hook *h;
	struct outbox_delivery *list;
	size_t n;
	BUF_AUTO b = BUF_INIT;

	TRY(own_hook(rq, &h));
	TRY(outbox_deliveries(&rq->c, rq->core->outbox, h->id, DELIVERIES_SHOWN, &list, &n));
	buf_c(&b, "{\"deliveries\":[");
	for (size_t i = 0; i < n; i++) {
		if (i) buf_char(&b, ',');
		delivery_json(&list[i], &b);
	}
	buf_c(&b, "]}");
	reply_json(rq, 200, &b);
	return OK;
}

/* What was given up, and what waits for its next try, is due now. */
Err
handle_webhook_redeliver(struct request *rq)
{
	const struct outbox_hook *h;
	uint64_t again;
	BUF_AUTO b = BUF_INIT;

	TRY(own_hook(rq, &h));
	TRY(outbox_redeliver(&rq->c, rq->core->outbox, h->id, core_now(), &again));
	buf_printf(&b, "{\"id\":\"%.*s\",\"queued\":%llu}", STR(h->id), (unsigned long long)again);
	reply_json(rq, 202, &b);
	return OK;
}
