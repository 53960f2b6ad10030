/* Requests for access: asked for in the consumer's log; what is shown of them, and to whom. */
#include "base/first.h"
#include "core/access/grants.h"
#include "core/walk.h"
#include "crypt/encode.h"

/* --- free text --- */

Str
committed_text(struct request *rq, Str commitment)
{
	uint8_t raw[32];
	struct ctx c = {.arena = &rq->arena};
	Str text;

	if (!hex_get_n(commitment, raw, sizeof raw)) return S("");
	return err_ok(directory_text_get(&c, rq->core->directory, raw, &text)) ? text : S("(erased)");
}

Err
commit_text(struct request *rq, Str text, Str *ret)
{
	uint8_t raw[32];
	char hex[CRYPT_HASH_TEXT];

	*ret = S("");
	if (text.n == 0) return OK;
	TRY(directory_text_put(&rq->c, rq->core->directory, text, raw));
	hex_text(raw, sizeof raw, hex);
	*ret = arena_str(&rq->arena, str_c(hex));
	return OK;
}

/* --- what is shown --- */

const char *
request_state_name(enum request_state state)
{
	static const char *const names[] = {"pending", "approved", "denied", "withdrawn", "draft", "expired"};

	return names[state];
}

enum request_state
request_state(struct request *rq, const struct mesh_request *r, const struct mesh_grant **ret_grant, Str *ret_deny)
{
	enum request_state st = mesh_request_state(rq->core->mesh, r, core_now(), ret_grant, ret_deny);

	if (st != REQUEST_APPROVED || (*ret_grant)->policy.revoked || !approvals_demanded(rq)) return st;
	struct mesh_approvals x = mesh_grant_approvals(rq->core->mesh, &rq->arena, *ret_grant, NULL);
	return x.has < x.needed ? REQUEST_PENDING : st;
}

Str
request_product(struct request *rq, const struct mesh_request *r)
{
	const struct mesh_product *p = mesh_product(rq->core->mesh, r->product_id);

	return p ? product_name(rq, p) : S("(unknown)");
}

static void
comments_json(struct request *rq, const struct mesh_request *r, struct buf *b)
{
	const struct mesh_comment **comments;
	size_t n = mesh_comments(rq->core->mesh, &rq->arena, r, &comments);

	buf_char(b, '[');
	for (size_t i = 0; i < n; i++) {
		bool first = true;
		buf_c(b, i ? ",{" : "{");
		member_text(b, "id", comments[i]->id, &first);
		member_text(b, "by", person_name(rq, comments[i]->by), &first);
		member_time(b, "at", comments[i]->at, &first);
		member_text(b, "text", committed_text(rq, comments[i]->text), &first);
		buf_char(b, '}');
	}
	buf_char(b, ']');
}

static void
request_json(struct request *rq, const struct mesh_request *r, bool comments, struct buf *b)
{
	const struct mesh_grant *g = NULL;
	Str deny = S("");
	enum request_state st = request_state(rq, r, &g, &deny);
	bool first = true;

	buf_char(b, '{');
	member_text(b, "id", r->id, &first);
	member_text(b, "product", request_product(rq, r), &first);
	member_text(b, "domain", domain_name(rq, r->consumer_domain_id), &first);
	member_text(b, "person", person_name(rq, r->person_id), &first);
	member_text(b, "purpose", r->purpose, &first);
	member_time(b, "until", r->until, &first);
	member_text(b, "state", str_c(request_state_name(st)), &first);
	member_text(b, "reason", committed_text(rq, r->reason), &first);
	member_time(b, "opened", r->opened, &first);
	if (st == REQUEST_PENDING) member_time(b, "expires", r->opened + REQUEST_LIFE_DAYS * TIME_DAY, &first);
	if (r->renews.n) member_text(b, "renews", r->renews, &first);
	member_text(b, "grant", g ? g->policy.id : S(""), &first);
	if (g && st == REQUEST_PENDING) grant_approvals_json(rq, g, comments, b, &first);
	member_text(b, "deny_reason", committed_text(rq, deny), &first);
	member_key(b, "approvers", &first);
	owners_json(rq, r->producer_domain_id, b);
	if (comments) {
		member_key(b, "comments", &first);
		comments_json(rq, r, b);
	}
	buf_char(b, '}');
}

/* --- who sees --- */

/* Both domains, and whom policy asks to stand up for its grant. A draft is for its author alone, and so it stays if it was given up. */
bool
request_visible(struct request *rq, const struct mesh_request *r)
{
	const struct mesh_grant *g = NULL;
	Str deny;

	if (str_eq(r->person_id, rq->person_id)) return true;
	if (r->draft) return false;
	if (sees_all(rq) || str_eq(r->consumer_domain_id, rq->domain_id) || str_eq(r->producer_domain_id, rq->domain_id)) return true;
	return request_state(rq, r, &g, &deny) == REQUEST_PENDING && g && grant_visible(rq, g);
}

/* Another domain can give its request the id of one that it saw: *ret_other is the second one that this person sees, NULL when there is none. */
static const struct mesh_request *
request_of(struct request *rq, Str id, const struct mesh_request **ret_other)
{
	const struct mesh_request **all, *found[2] = {NULL, NULL};
	size_t n = mesh_requests(rq->core->mesh, &rq->arena, &all), k = 0;

	for (size_t i = 0; i < n && k < 2; i++)
		if (str_eq(all[i]->id, id) && request_visible(rq, all[i])) found[k++] = all[i];
	*ret_other = found[1];
	return found[0];
}

Err
request_find(struct request *rq, const struct mesh_request **ret)
{
	Str id = arg(rq, "request");
	const struct mesh_request *other, *r = request_of(rq, id, &other);

	ENSURE(&rq->c, r, NOT_FOUND, "there is no request '%.*s'", STR(id));
	ENSURE(&rq->c, !other, CONFLICT, "%.*s and %.*s both have a request '%.*s'; let them ask anew", STR(domain_name(rq, r->consumer_domain_id)),
	       STR(domain_name(rq, other->consumer_domain_id)), STR(id));
	*ret = r;
	return OK;
}

void
request_reply(struct request *rq, Str id, unsigned status)
{
	const struct mesh_request *other, *r = request_of(rq, id, &other);
	BUF_AUTO b = BUF_INIT;

	assert(r); /* one sees what one asked for, commented or decided */
	request_json(rq, r, true, &b);
	reply_json(rq, status, &b);
}

/* --- asking --- */

static Err
open_request(struct request *rq, struct mesh_request *r)
{
	char id[CRYPT_SHORT_ID_MAX];
	BUF_AUTO body = BUF_INIT;

	r->consumer_domain_id = rq->domain_id;
	r->person_id = rq->person_id;
	r->opened = core_now();
	r->draft = api_arg_bool(&rq->args, "draft");
	TRY(commit_text(rq, arg(rq, "reason"), &r->reason));
	crypt_short_id("req_", id);
	r->id = str_c(id);
	body_request(&body, r);
	TRY(core_say(rq->core, &rq->c, rq->domain_id, EVENT_REQUEST_OPEN, rq->person_id, buf_view(&body)));
	request_reply(rq, str_c(id), 201);
	return OK;
}

static Err
one_purpose(struct request *rq, Str *ret)
{
	const Str *purposes;
	size_t n;

	TRY(terms_purposes(rq, arg(rq, "purpose"), &purposes, &n));
	ENSURE(&rq->c, n == 1 && !str_eqc(purposes[0], "*"), INVALID, "ask for one purpose at a time");
	*ret = purposes[0];
	return OK;
}

/* For a grant to go on when it ends. Who uses it asks; its producer decides like on any request. */
static Err
renew(struct request *rq, Str id)
{
	struct mesh_request r = {.renews = id};
	const struct mesh_grant *g;

	TRY(grant_find(rq, id, &g));
	ENSURE(&rq->c, grant_to_me(rq, g), DENIED, "grant %.*s is not yours to renew", STR(id));
	ENSURE(&rq->c, !g->policy.revoked && core_now() < g->policy.until, CONFLICT, "grant %.*s is %s; ask anew", STR(id), grant_state(rq, g));
	ENSURE(&rq->c, g->policy.until != TIME_FOREVER, CONFLICT, "grant %.*s has no end", STR(id));
	ENSURE(&rq->c, g->policy.product_id.n, INVALID, "a grant by tags is not renewed by request; ask its owner for another");
	TRY(terms_until(rq, "until", &r.until));
	ENSURE(&rq->c, r.until > g->policy.until, INVALID, "--until must be later than the grant's own end");
	r.product_id = arena_str(&rq->arena, g->policy.product_id);
	r.producer_domain_id = arena_str(&rq->arena, g->policy.issuer_domain_id);
	r.purpose = arena_str(&rq->arena, g->policy.purposes[0]);
	bool one = g->policy.purpose_count == 1 && !str_eqc(r.purpose, "*");
	ENSURE(&rq->c, one || arg(rq, "purpose").n, INVALID, "the grant has several purposes; name yours: --purpose P");
	if (arg(rq, "purpose").n) TRY(one_purpose(rq, &r.purpose));
	return open_request(rq, &r);
}

Err
handle_request_add(struct request *rq)
{
	Str product = arg(rq, "product"), renews = arg(rq, "renews");
	struct mesh_request r = {0};
	const struct mesh_product *p;

	ENSURE(&rq->c, (product.n > 0) != (renews.n > 0), INVALID, "name either a product to ask for, or a grant to renew");
	if (renews.n) return renew(rq, renews);
	TRY(product_find(rq, product, &p));
	ENSURE(&rq->c, !str_eq(p->domain_id, rq->domain_id), INVALID, "%.*s is your own domain's product; its owner can grant it directly",
	       STR(product));
	r.product_id = arena_str(&rq->arena, p->id);
	r.producer_domain_id = arena_str(&rq->arena, p->domain_id);
	TRY(one_purpose(rq, &r.purpose));
	TRY(terms_until(rq, "until", &r.until));
	return open_request(rq, &r);
}

/* Of one's own, while nobody has answered. */
static Err
own_request(struct request *rq, const char *what, const struct mesh_request **ret, enum request_state *ret_state)
{
	const struct mesh_grant *g;
	Str deny;

	TRY(request_find(rq, ret));
	ENSURE(&rq->c, str_eq((*ret)->person_id, rq->person_id), DENIED, "only who asked can %s a request", what);
	*ret_state = request_state(rq, *ret, &g, &deny);
	return OK;
}

Err
handle_request_submit(struct request *rq)
{
	const struct mesh_request *r;
	const struct mesh_product *p;
	enum request_state st;
	BUF_AUTO body = BUF_INIT;

	TRY(own_request(rq, "submit", &r, &st));
	ENSURE(&rq->c, st == REQUEST_DRAFT, CONFLICT, "request %.*s is %s, not a draft", STR(r->id), request_state_name(st));
	p = mesh_product(rq->core->mesh, r->product_id);
	ENSURE(&rq->c, p && !p->retired && product_visible(rq, p), NOT_FOUND, "the product of this request is gone");
	TRY(purpose_check(rq, r->purpose));
	Str id = arena_str(&rq->arena, r->id);
	body_submit(&body, id);
	TRY(core_say(rq->core, &rq->c, rq->domain_id, EVENT_REQUEST_SUBMIT, rq->person_id, buf_view(&body)));
	request_reply(rq, id, 200);
	return OK;
}

Err
handle_request_withdraw(struct request *rq)
{
	const struct mesh_request *r;
	enum request_state st;
	BUF_AUTO body = BUF_INIT;

	TRY(own_request(rq, "withdraw", &r, &st));
	ENSURE(&rq->c, st == REQUEST_PENDING || st == REQUEST_DRAFT, CONFLICT, "request %.*s is %s already", STR(r->id), request_state_name(st));
	Str id = arena_str(&rq->arena, r->id);
	body_withdraw(&body, id);
	TRY(core_say(rq->core, &rq->c, rq->domain_id, EVENT_REQUEST_WITHDRAW, rq->person_id, buf_view(&body)));
	request_reply(rq, id, 200);
	return OK;
}

/* Said in one's own log; what was said stands in the directory, where it can be erased. */
Err
handle_request_comment(struct request *rq)
{
	struct mesh_comment x = {.domain_id = rq->domain_id, .by = rq->person_id, .at = core_now()};
	const struct mesh_request *r;
	char id[CRYPT_SHORT_ID_MAX];
	BUF_AUTO body = BUF_INIT;

	TRY(request_find(rq, &r));
	ENSURE(&rq->c, str_eq(r->consumer_domain_id, rq->domain_id) || str_eq(r->producer_domain_id, rq->domain_id), DENIED,
	       "only the two domains of a request comment on it");
	ENSURE(&rq->c, rq->role != ROLE_AUDITOR, DENIED, "auditors read and do not comment");
	x.consumer_domain_id = arena_str(&rq->arena, r->consumer_domain_id);
	x.request_id = arena_str(&rq->arena, r->id);
	TRY(commit_text(rq, arg(rq, "text"), &x.text));
	crypt_short_id("cmt_", id);
	x.id = str_c(id);
	body_comment(&body, &x);
	TRY(core_say(rq->core, &rq->c, rq->domain_id, EVENT_REQUEST_COMMENT, rq->person_id, buf_view(&body)));
	request_reply(rq, x.request_id, 201);
	return OK;
}

/* --- lists --- */

/* Each request that this person may see, or more. */
static Err
requests_of(struct request *rq, struct pace *pace, Str domain_id, request_fn *fn, void *arg)
{
	const struct mesh *m = rq->core->mesh;

	for (const struct mesh_request *r = mesh_request_of(m, domain_id, NULL); r; r = mesh_request_of(m, domain_id, r)) {
		TRY(pace_step(pace, &rq->c));
		TRY(fn(arg, r));
	}
	return OK;
}

Err
requests_known(struct request *rq, request_fn *fn, void *arg)
{
	const struct mesh *m = rq->core->mesh;
	const struct mesh_domain **domains;
	struct pace pace = {.core = rq->core, .rq = rq};
	size_t n = sees_all(rq) || approves_elsewhere(rq) ? mesh_domains(m, &rq->arena, &domains) : 0;

	for (size_t i = 0; i < n; i++) TRY(requests_of(rq, &pace, domains[i]->id, fn, arg));
	if (n) return OK;
	TRY(requests_of(rq, &pace, rq->domain_id, fn, arg));
	for (const struct mesh_request *r = mesh_request_to(m, rq->domain_id, NULL); r; r = mesh_request_to(m, rq->domain_id, r)) {
		TRY(pace_step(&pace, &rq->c));
		if (!str_eq(r->consumer_domain_id, rq->domain_id)) TRY(fn(arg, r));
	}
	return OK;
}

struct page { struct request *rq; struct mesh_request after; struct first found; };

static int
by_opened(const void *a, const void *b)
{
	return mesh_request_order(a, b);
}

static Err
consider(void *arg, const struct mesh_request *r)
{
	struct page *p = arg;

	if (mesh_request_order(r, &p->after) <= 0 || (p->found.n == p->found.most && by_opened(r, p->found.list[0]) >= 0)) return OK;
	if (request_visible(p->rq, r)) (void)first_add(&p->found, r);
	return OK;
}

/* "opened.domain.id" */
static Err
read_after(struct request *rq, struct mesh_request *ret)
{
	struct list_place at;

	TRY(list_after(rq, &at));
	*ret = (struct mesh_request){.opened = at.time, .consumer_domain_id = at.domain_id, .id = at.id};
	return OK;
}

Err
handle_requests(struct request *rq)
{
	size_t limit = list_limit(rq);
	struct page p = {.rq = rq, .found = {.most = limit + 1, .by = by_opened, .a = &rq->arena}};
	BUF_AUTO b = BUF_INIT;

	TRY(read_after(rq, &p.after));
	TRY(requests_known(rq, consider, &p));
	first_sort(&p.found);
	buf_c(&b, "{\"requests\":[");
	for (size_t i = 0; i < p.found.n && i < limit; i++) {
		if (i) buf_char(&b, ',');
		request_json(rq, p.found.list[i], false, &b);
	}
	buf_char(&b, ']');
	const struct mesh_request *last = p.found.n > limit ? p.found.list[limit - 1] : NULL;
	list_next(last ? &(struct list_place){last->opened, last->consumer_domain_id, last->id} : NULL, &b);
	buf_char(&b, '}');
	reply_json(rq, 200, &b);
	return OK;
}

Err
handle_request(struct request *rq)
{
	const struct mesh_request *r;

	TRY(request_find(rq, &r));
	request_reply(rq, arena_str(&rq->arena, r->id), 200);
	return OK;
}
