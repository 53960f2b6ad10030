/* Requests for access: opened in the consumer's log, answered in the producer's. */
#include "core/grants.h"
#include "crypt/encode.h"

static Str
reason_text(struct request *rq, Str commitment)
{
	uint8_t raw[32];
	struct ctx c = {.arena = &rq->arena};
	Str text;

	if (!hex_get_n(commitment, raw, sizeof raw)) return S("");
	return err_ok(directory_text_get(&c, rq->core->directory, raw, &text)) ? text : S("(erased)");
}

static void
request_json(struct request *rq, const struct mesh_request *r, struct buf *b)
{
	static const char *const states[] = {"pending", "approved", "denied", "withdrawn"};
	const struct mesh_product *p = mesh_product(rq->core->mesh, r->product_id);
	const struct mesh_grant *g = NULL;
	Str deny = S("");
	enum request_state st = mesh_request_state(rq->core->mesh, r, &g, &deny);
	bool first = true;

	buf_char(b, '{');
	member_text(b, "id", r->id, &first);
	member_text(b, "product", p ? product_name(rq, p) : S("(unknown)"), &first);
	member_text(b, "domain", domain_name(rq, r->consumer_domain_id), &first);
	member_text(b, "person", person_name(rq, r->person_id), &first);
	member_text(b, "purpose", r->purpose, &first);
	member_time(b, "until", r->until, &first);
	member_text(b, "state", str_c(states[st]), &first);
	member_text(b, "reason", reason_text(rq, r->reason), &first);
	member_time(b, "opened", r->opened, &first);
	member_text(b, "grant", g ? g->policy.id : S(""), &first);
	member_text(b, "deny_reason", reason_text(rq, deny), &first);
	member_key(b, "approvers", &first);
	owners_json(rq, r->producer_domain_id, b);
	buf_char(b, '}');
}

static Err
commit_text(struct request *rq, Str text, Str *ret)
{
	uint8_t raw[32];
	char hex[65];

	*ret = S("");
	if (text.n == 0) return OK;
	TRY(directory_text_put(&rq->c, rq->core->directory, text, raw));
	hex_text(raw, sizeof raw, hex);
	*ret = arena_str(&rq->arena, str_c(hex));
	return OK;
}

Err
handle_request_add(struct request *rq)
{
	const struct mesh_product *p;
	char id[CRYPT_SHORT_ID_MAX];
	struct mesh_request r = {.consumer_domain_id = rq->domain_id, .person_id = rq->person_id, .opened = core_now()};
	const Str *purposes;
	size_t purpose_count;
	BUF_AUTO body = BUF_INIT;
	BUF_AUTO b = BUF_INIT;

	TRY(product_find(rq, arg(rq, "product"), &p));
	ENSURE(&rq->c, !str_eq(p->domain_id, rq->domain_id), INVALID, "%.*s is your own domain's product; its owner can grant it directly",
	       STR(arg(rq, "product")));
	r.product_id = arena_str(&rq->arena, p->id);
	r.producer_domain_id = arena_str(&rq->arena, p->domain_id);
	TRY(terms_purposes(rq, arg(rq, "purpose"), &purposes, &purpose_count));
	ENSURE(&rq->c, purpose_count == 1 && !str_eqc(purposes[0], "*"), INVALID, "ask for one purpose at a time");
	r.purpose = purposes[0];
	TRY(terms_until(rq, "until", &r.until));
	TRY(commit_text(rq, arg(rq, "reason"), &r.reason));
	crypt_short_id("req_", id);
	r.id = str_c(id);
	body_request(&body, &r);
	TRY(core_say(rq->core, &rq->c, rq->domain_id, EVENT_REQUEST_OPEN, rq->person_id, buf_view(&body)));
	request_json(rq, mesh_request(rq->core->mesh, str_c(id)), &b);
	reply_json(rq, 201, &b);
	return OK;
}

static bool
request_visible(const struct request *rq, const struct mesh_request *r)
{
	return sees_all(rq) || str_eq(r->consumer_domain_id, rq->domain_id) ||
	       str_eq(r->producer_domain_id, rq->domain_id);
}

Err
handle_requests(struct request *rq)
{
	const struct mesh_request **requests;
	size_t n = mesh_requests(rq->core->mesh, &rq->arena, &requests), shown = 0;
	BUF_AUTO b = BUF_INIT;

	buf_c(&b, "{\"requests\":[");
	for (size_t i = 0; i < n; i++) {
		if (!request_visible(rq, requests[i])) continue;
		if (shown++) buf_char(&b, ',');
		request_json(rq, requests[i], &b);
	}
	buf_c(&b, "]}");
	reply_json(rq, 200, &b);
	return OK;
}

/* The request, if it is this person's to decide and still open. Nobody decides on what they asked for themselves. */
static Err
request_to_decide(struct request *rq, const char *what, const struct mesh_request **ret)
{
	Str id = arg(rq, "request"), deny;
	const struct mesh_request *r = mesh_request(rq->core->mesh, id);
	const struct mesh_grant *g;

	ENSURE(&rq->c, r && request_visible(rq, r), NOT_FOUND, "there is no request '%.*s'", STR(id));
	TRY(need_role(rq, r->producer_domain_id, what, ROLE_BIT(OWNER)));
	ENSURE(&rq->c, !str_eq(r->person_id, rq->person_id), DENIED, "nobody decides on their own request");
	enum request_state st = mesh_request_state(rq->core->mesh, r, &g, &deny);
	ENSURE(&rq->c, st == REQUEST_PENDING, CONFLICT, "request %.*s is %s already", STR(id),
	       st == REQUEST_APPROVED ? "approved" : st == REQUEST_DENIED ? "denied" : "withdrawn");
	*ret = r;
	return OK;
}

Err
handle_request_approve(struct request *rq)
{
	const struct mesh_request *r;
	const struct mesh_product *p;
	struct terms t;
	Str id;

	TRY(request_to_decide(rq, "approve this request", &r));
	p = mesh_product(rq->core->mesh, r->product_id);
	ENSURE(&rq->c, p && !p->retired, NOT_FOUND, "the product of this request is gone");
	TRY(terms_parse(rq, p, S(""), &t));
	if (t.until == TIME_FOREVER) t.until = r->until; /* as asked, unless the owner says otherwise */
	Str product_id = arena_str(&rq->arena, p->id), to = arena_str(&rq->arena, r->consumer_domain_id);
	Str purpose = arena_str(&rq->arena, r->purpose), request_id = arena_str(&rq->arena, r->id);
	TRY(grant_say(rq, rq->domain_id, product_id, S(""), PRINCIPAL_DOMAIN, to, &purpose, 1, &t, request_id, &id));
	return grant_reply(rq, id, 201);
}

Err
handle_request_deny(struct request *rq)
{
	const struct mesh_request *r;
	BUF_AUTO body = BUF_INIT;
	BUF_AUTO b = BUF_INIT;
	Str reason, id;

	TRY(request_to_decide(rq, "deny this request", &r));
	id = arena_str(&rq->arena, r->id);
	TRY(commit_text(rq, arg(rq, "reason"), &reason));
	body_deny(&body, id, reason);
	TRY(core_say(rq->core, &rq->c, rq->domain_id, EVENT_REQUEST_DENY, rq->person_id, buf_view(&body)));
	request_json(rq, mesh_request(rq->core->mesh, id), &b);
	reply_json(rq, 200, &b);
	return OK;
}
