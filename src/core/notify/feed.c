/* Taking items from the logs, and showing them. */
#include "core/notify/feed.h"

#include "codec/dsse.h"
#include "codec/json.h"
#include "core/access/grants.h"
#include "ledger/ledger.h"
#include "os/log.h"

enum { SLICE = 256, SCAN_CHUNK = 256, SCAN_MAX = 8192 };
static const Str JOURNAL = S("journal");

Err
feed_open(struct core *core, struct ctx *c)
{
	core->feed_mark = UINT64_MAX;
	return outbox_open(c, "catalog/outbox.db", &core->outbox);
}

/* --- whom it concerns --- */

static void
audience_add(struct buf *b, Str domain_id)
{
	if (domain_id.n == 0) return;
	buf_str(b, domain_id);
	buf_char(b, '|');
}

static Str
said(const struct event *ev, const char *key)
{
	const char *s = json_string_value(json_object_get(ev->body, key));

	return s ? str_c(s) : S("");
}

/* The domain that a grant is made out to, whether to it, a group of it or a person of it. */
static Str
grantee(const struct mesh *m, const struct policy_grant *g)
{
	if (g->to_kind == PRINCIPAL_GROUP) return g->to_domain_id;
	if (g->to_kind == PRINCIPAL_DOMAIN) return g->to_id;
	const struct mesh_member *member = mesh_member(m, g->to_id);
	return member ? member->domain_id : S("");
}

static void
about_grant(const struct mesh *m, Str log_id, Str grant_id, struct buf *audience, Str *ret_product)
{
	const struct mesh_grant *g = mesh_grant_in(m, log_id, grant_id);

	if (!g) return;
	audience_add(audience, grantee(m, &g->policy));
	*ret_product = g->policy.product_id;
}

static void
about_request(const struct mesh *m, Str request_id, struct buf *audience, Str *ret_product)
{
	const struct mesh_request *r = mesh_request(m, request_id);

	if (!r) return;
	audience_add(audience, r->producer_domain_id);
	audience_add(audience, r->consumer_domain_id);
	*ret_product = r->product_id;
}

/* For the domain that hands on alone: the producer knows the grant. */
static Str
handed_product(const struct mesh *m, Str log_id, Str delegation_id)
{
	const struct mesh_delegation *d = mesh_delegation(m, log_id, delegation_id);
	const struct mesh_grant *g = d ? mesh_grant_in(m, d->policy.issuer_domain_id, d->policy.grant_id) : NULL;

	return g ? g->policy.product_id : S("");
}

/* Whoever may not know of the product is told neither that it was restricted nor that this is over. */
static Str
restricted_product(const struct mesh *m, Str restriction_id)
{
	const struct mesh_restriction *r = mesh_restriction(m, restriction_id);

	return r ? r->policy.product_id : S("");
}

static void
about_approval(const struct mesh *m, Str log_id, Str subject, struct buf *audience, Str *ret_product)
{
	const struct mesh_tag *t = mesh_tag_in(m, log_id, subject);

	audience_add(audience, log_id);
	if (t) *ret_product = t->product_id;
	else about_grant(m, log_id, subject, audience, ret_product);
}

/* "|own|…|" with '*' for everybody, '+' for who has the product. */
static void
audience_of(const struct mesh *m, Str log_id, const struct event *ev, struct buf *b, Str *ret_product)
{
	buf_char(b, '|');
	audience_add(b, log_id);
	switch (ev->type) {
	case EVENT_PRODUCT_PUBLISH: *ret_product = said(ev, "id"); buf_char(b, '+'); break;
	case EVENT_PRODUCT_RETIRE: *ret_product = said(ev, "product"); buf_char(b, '+'); break;
	case EVENT_GRANT_ADD: about_grant(m, log_id, said(ev, "id"), b, ret_product); break;
	case EVENT_GRANT_REVOKE: about_grant(m, log_id, said(ev, "grant"), b, ret_product); break;
	case EVENT_APPROVAL_ADD: about_approval(m, said(ev, "log"), said(ev, "subject"), b, ret_product); break;
	case EVENT_TAG_SET:
	case EVENT_REVIEW_ADD: *ret_product = said(ev, "product"); break;
	case EVENT_DELEGATION_ADD: *ret_product = handed_product(m, log_id, said(ev, "id")); break;
	case EVENT_DELEGATION_END: *ret_product = handed_product(m, log_id, said(ev, "delegation")); break;
	case EVENT_REQUEST_OPEN: about_request(m, said(ev, "id"), b, ret_product); break;
	case EVENT_REQUEST_SUBMIT:
	case EVENT_REQUEST_WITHDRAW:
	case EVENT_REQUEST_DENY:
	case EVENT_REQUEST_COMMENT: about_request(m, said(ev, "request"), b, ret_product); break;
	case EVENT_RESTRICTION_ADD: *ret_product = said(ev, "product"); buf_char(b, '*'); break;
	case EVENT_RESTRICTION_LIFT: *ret_product = restricted_product(m, said(ev, "restriction")); buf_char(b, '*'); break;
	case EVENT_TAG_DEFINE:
	case EVENT_TAG_RETIRE:
	case EVENT_PURPOSE_DEFINE:
	case EVENT_PURPOSE_RETIRE: buf_char(b, '*'); break;
	default: break;
	}
}

/* What of the body names something: ids and short words, never people and free text. */
static void
about_of(const struct event *ev, struct buf *b)
{
	static const char *const keys[] = {"id", "grant", "request", "delegation", "restriction", "group", "subject", "table", "column", "tag", "value",
	                                   "purpose", "version", "status", "control", "name"};
	bool first = true;

	buf_char(b, '{');
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (said(ev, keys[i]).n) member_text(b, keys[i], said(ev, keys[i]), &first);
	buf_char(b, '}');
}

/* A draft is for its author alone, until it is submitted. */
static bool
is_private(const struct event *ev)
{
	return ev->type == EVENT_UNKNOWN || (ev->type == EVENT_REQUEST_OPEN && json_is_true(json_object_get(ev->body, "draft")));
}

/* For each webhook that wants it, one delivery. */
static Err
fan_out(struct core *core, struct ctx *c, const struct outbox_item *item, const struct outbox_hook *hooks, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (item->seq <= hooks[i].after || !webhook_wants(hooks[i].events, item->type) || !feed_concerns(core, c->arena, item, hooks[i].domain_id, S(""))) continue;
		TRY(outbox_delivery_put(c, core->outbox, &(struct outbox_delivery){.hook_id = hooks[i].id, .seq = item->seq, .next = core_now(), .at = core_now()}));
	}
	return OK;
}

struct taking {
	struct core *core;
	Str log_id;
	const struct outbox_hook *hooks;
	size_t hook_count;
	const struct mesh_refused *refused; /* in all logs: entries that are no events */
	size_t refused_count;
};

static Err
take_event(struct ctx *c, const struct taking *t, uint64_t index, const struct event *ev)
{
	BUF_AUTO audience = BUF_INIT;
	BUF_AUTO about = BUF_INIT;
	struct outbox_item item = {.log_id = t->log_id, .index = index, .at = ev->time, .type = str_c(event_type_name(ev->type)), .product_id = S("")};

	if (is_private(ev)) return OK;
	audience_of(t->core->mesh, t->log_id, ev, &audience, &item.product_id);
	about_of(ev, &about);
	item.audience = buf_view(&audience);
	item.about = buf_view(&about);
	TRY(outbox_add(c, t->core->outbox, &item, &item.seq));
	return fan_out(t->core, c, &item, t->hooks, t->hook_count);
}

static bool
is_refused(const struct taking *t, uint64_t index)
{
	for (size_t i = 0; i < t->refused_count; i++)
		if (t->refused[i].index == index && str_eq(t->refused[i].log_id, t->log_id)) return true;
	return false;
}

static Err
take_entry(struct ctx *c, void *arg, uint64_t index, Str entry)
{
	struct taking *t = arg;
	struct ctx inner = {.arena = c->arena};
	struct dsse d;
	struct event ev;

	if (is_refused(t, index)) return OK;
	if (!err_ok(dsse_parse(&inner, entry, &d)) || !err_ok(event_parse(&inner, d.payload, &ev))) return OK;
	Err e = take_event(c, t, index, &ev);
	event_fini(&ev);
	return e;
}

/* *left goes down by what was taken. */
static Err
take_log(struct ctx *c, struct taking *t, uint64_t *left)
{
	struct ledger_head head;
	uint64_t at;

	TRY(outbox_position(c, t->core->outbox, t->log_id, &at));
	TRY(ledger_head(c, t->core->ledger, t->log_id, &head));
	if (at >= head.size) return OK;
	uint64_t n = head.size - at < *left ? head.size - at : *left;
	TRY(ledger_read(c, t->core->ledger, t->log_id, at, n, take_entry, t));
	*left -= n;
	return outbox_position_put(c, t->core->outbox, t->log_id, at + n);
}

static Err
take_slice(struct core *core, struct ctx *c, uint64_t *left)
{
	struct ledger_state *states;
	struct outbox_hook *hooks;
	struct mesh_refused *refused;
	struct taking t = {.core = core};
	size_t n = ledger_states(core->ledger, c->arena, &states);

	TRY(outbox_hooks(c, core->outbox, &hooks, &t.hook_count));
	t.hooks = hooks;
	t.refused_count = mesh_refused(core->mesh, c->arena, &refused);
	t.refused = refused;
	for (size_t i = 0; i < n && *left; i++) {
		if (states[i].damaged || str_eq(states[i].log_id, JOURNAL)) continue;
		t.log_id = states[i].log_id;
		TRY(take_log(c, &t, left));
	}
	return OK;
}

/* Only what is durable: the loop calls it when nothing waits for the commit. */
void
feed_tick(struct core *core)
{
	ARENA_AUTO arena = ARENA_INIT;
	struct ctx c = {.arena = &arena};
	uint64_t left = SLICE;

	if (core->dirty || !core->begun || core->feed_mark == core->mark) return;
	Err e = outbox_begin(&c, core->outbox);
	if (err_ok(e)) e = take_slice(core, &c, &left);
	if (err_ok(e)) e = outbox_commit(&c, core->outbox);
	if (!err_ok(e)) core_die("the feed cannot be written", &c, e);
	if (left) core->feed_mark = core->mark;
}

Err
feed_catch_up(struct core *core, struct ctx *c, uint64_t *ret_last)
{
	core_commit(core);
	while (core->feed_mark != core->mark && !core->dirty) feed_tick(core);
	return outbox_last(c, core->outbox, ret_last);
}

Err
feed_add(struct core *core, struct ctx *c, Str type, Str domain_id, Str about)
{
	struct outbox_item item = {.log_id = S(""), .at = core_now(), .type = type, .product_id = S(""), .about = about};
	struct outbox_hook *hooks;
	size_t n;

	item.audience = arena_printf(c->arena, "|%.*s|", STR(domain_id));
	TRY(outbox_hooks(c, core->outbox, &hooks, &n));
	TRY(outbox_begin(c, core->outbox));
	Err e = outbox_add(c, core->outbox, &item, &item.seq);
	if (err_ok(e)) e = fan_out(core, c, &item, hooks, n);
	if (err_ok(e)) e = outbox_commit(c, core->outbox);
	if (!err_ok(e)) core_die("the feed cannot be written", c, e);
	return OK;
}

/* --- showing --- */

static bool
has_access(struct core *core, struct arena *a, const struct mesh_product *p, Str domain_id, Str person_id)
{
	struct policy_decision d;

	for (size_t i = 0; i < p->table_count; i++) {
		mesh_explain(core->mesh, a, PRINCIPAL_DOMAIN, domain_id, p, &p->tables[i], S(""), core_now(), NULL, &d);
		if (d.verdict == VERDICT_ALLOW) return true;
		if (person_id.n == 0) continue;
		mesh_decide_any_purpose(core->mesh, a, person_id, p, &p->tables[i], core_now(), &d);
		if (d.verdict == VERDICT_ALLOW) return true;
	}
	return false;
}

static bool
names_domain(Str audience, Str domain_id)
{
	Str part;

	do {
		audience = str_cut(audience, '|', &part);
		if (part.n && str_eq(part, domain_id)) return true;
	} while (audience.p);
	return false;
}

static bool
has_mark(Str audience, char mark)
{
	return audience.n && memchr(audience.p, mark, audience.n) != NULL;
}

bool
feed_concerns(struct core *core, struct arena *a, const struct outbox_item *item, Str domain_id, Str person_id)
{
	const struct mesh_product *p = item->product_id.n ? mesh_product(core->mesh, item->product_id) : NULL;

	if (names_domain(item->audience, domain_id)) return true;
	if (has_mark(item->audience, '*')) return item->product_id.n == 0 || (p && (p->discoverable || has_access(core, a, p, domain_id, person_id)));
	return has_mark(item->audience, '+') && p && has_access(core, a, p, domain_id, person_id);
}

void
feed_item_json(struct core *core, const struct outbox_item *item, struct buf *b)
{
	const struct mesh_domain *d = mesh_domain(core->mesh, item->log_id);
	const struct mesh_product *p = item->product_id.n ? mesh_product(core->mesh, item->product_id) : NULL;
	const struct mesh_domain *owner = p ? mesh_domain(core->mesh, p->domain_id) : NULL;
	bool first = true;

	buf_char(b, '{');
	member_u64(b, "cursor", item->seq, &first);
	member_text(b, "type", item->type, &first);
	member_time(b, "time", item->at, &first);
	member_text(b, "domain", d ? d->name : S(""), &first);
	member_text(b, "log", item->log_id, &first);
	member_u64(b, "index", item->index, &first);
	if (owner) {
		member_key(b, "product", &first);
		buf_printf(b, "\"%.*s.%.*s\"", STR(owner->name), STR(p->name)); /* identifiers: nothing to escape */
	}
	member_key(b, "about", &first);
	buf_str(b, item->about);
	buf_char(b, '}');
}

/* A grant that is made out to one person is theirs; of their domain its owners hear, too. */
static bool
may_hear(struct request *rq, const struct outbox_item *item)
{
	bool approval = str_eqc(item->type, "approval.add");
	json_t *about;

	if (rq->role == ROLE_OWNER || !(approval || str_starts(item->type, S("grant.")))) return true;
	if (!err_ok(json_read(&rq->c, item->about, (struct json_limits){.bytes = LEDGER_ENTRY_MAX, .depth = 2}, &about))) return false;
	const char *id = json_string_value(json_object_get(about, approval ? "subject" : str_eqc(item->type, "grant.add") ? "id" : "grant"));
	const struct mesh_grant *g = id ? mesh_grant(rq->core->mesh, str_c(id)) : NULL;
	bool may = g ? grant_visible(rq, g) : approval; /* of a tag */
	json_decref(about);
	return may;
}

/* Chunk by chunk, so that others go on meanwhile. */
static Err
feed_collect(struct request *rq, uint64_t after, uint64_t limit, struct buf *b, uint64_t *ret_next)
{
	struct outbox_item *items;
	uint64_t shown = 0, scanned = 0;
	size_t n;

	do {
		if (scanned) fiber_sleep_ms(rq->core, 0);
		TRY(outbox_items(&rq->c, rq->core->outbox, after, SCAN_CHUNK, &items, &n));
		for (size_t i = 0; i < n && shown < limit; i++) {
			after = items[i].seq;
			if (!feed_concerns(rq->core, &rq->arena, &items[i], rq->domain_id, rq->person_id) || !may_hear(rq, &items[i])) continue;
			if (shown++) buf_char(b, ',');
			feed_item_json(rq->core, &items[i], b);
		}
		scanned += n;
	} while (n == SCAN_CHUNK && shown < limit && scanned < SCAN_MAX);
	*ret_next = after;
	return OK;
}

Err
handle_feed(struct request *rq)
{
	uint64_t after = api_arg_u64(&rq->args, "after", 0), limit = api_arg_u64(&rq->args, "limit", 100), last, next;
	BUF_AUTO b = BUF_INIT;

	TRY(outbox_last(&rq->c, rq->core->outbox, &last));
	ENSURE(&rq->c, after <= last, INVALID, "the cursor %llu is not of this feed, which ends at %llu; begin again without 'after'", (unsigned long long)after,
	       (unsigned long long)last);
	buf_c(&b, "{\"events\":[");
	TRY(feed_collect(rq, after, limit, &b, &next));
	buf_printf(&b, "],\"next\":%llu,\"more\":%s}", (unsigned long long)next, next < last ? "true" : "false");
	reply_json(rq, 200, &b);
	return OK;
}
