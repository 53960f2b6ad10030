/* What people say about the posture: exceptions and records of the center, reviews of access by who owns a product. */
#include "core/posture/posture.h"
#include "core/product/snapshots.h"

#include "base/first.h"
#include "core/audit/audit.h"
#include "core/access/grants.h"
#include "crypt/encode.h"

static const Time EXCEPTION_MOST = 366 * TIME_DAY;
enum { PEOPLE_SHOWN = 100, HOLDERS_MAX = 1000, STEP = 4096 /* grants looked at until others go on */, SHOWN_STEP = 4 };

/* --- exceptions --- */

const struct mesh_exception *
posture_exception(struct request *rq, Str id)
{
	const struct mesh_exception **xs;
	size_t n = mesh_exceptions(rq->core->mesh, &rq->arena, &xs);

	for (size_t i = 0; i < n; i++)
		if (str_eq(xs[i]->id, id)) return xs[i];
	return NULL;
}

struct looking { struct posture_wish wish; struct posture posture; };

static Err
look(struct walk *w, void *arg)
{
	struct looking *l = arg;

	return posture_make(w, &l->wish, &l->posture);
}

static Err
exception_check(struct request *rq, const struct mesh_exception *x, enum control_id id)
{
	struct looking l = {.wish = {.subject = x->subject, .most = 1}};
	WALK_AUTO w = {.core = rq->core, .rq = rq, .what = "a look at the posture"};

	ENSURE(&rq->c, x->until != TIME_FOREVER && x->until - core_now() <= EXCEPTION_MOST, INVALID, "an exception ends within 365 days: give it an earlier --until");
	ENSURE(&rq->c, str_trim(arg(rq, "reason")).n > 0, INVALID, "--reason: say why it is accepted");
	posture_usage_complete(rq->core);
	TRY(walk_run(&w, &rq->c, look, &l));
	ENSURE(&rq->c, l.posture.controls[id].count > 0, NOT_FOUND, "%.*s finds nothing called '%.*s'; take the subject from: heddle posture --control %.*s",
	       STR(x->control), STR(x->subject), STR(x->control));
	return OK;
}

Err
handle_posture_accept(struct request *rq)
{
	struct mesh_exception x = {.control = arg(rq, "control"), .subject = arg(rq, "subject"), .by = rq->person_id, .added = core_now()};
	enum control_id control;
	char id[CRYPT_SHORT_ID_MAX];
	BUF_AUTO body = BUF_INIT;
	BUF_AUTO b = BUF_INIT;

	ENSURE(&rq->c, rq->is_admin, DENIED, "only the owner of the center accepts a finding");
	ENSURE(&rq->c, control_parse(x.control, &control), INVALID, "there is no control '%.*s'; list them with: heddle posture", STR(x.control));
	TRY(terms_until(rq, "until", &x.until));
	TRY(exception_check(rq, &x, control));
	TRY(commit_text(rq, arg(rq, "reason"), &x.reason));
	crypt_short_id("exc_", id);
	x.id = str_c(id);
	body_exception(&body, &x);
	TRY(core_say(rq->core, &rq->c, rq->domain_id, EVENT_EXCEPTION_ADD, rq->person_id, buf_view(&body)));
	posture_exception_json(rq, &x, core_now(), &b);
	reply_json(rq, 201, &b);
	return OK;
}

Err
handle_posture_withdraw(struct request *rq)
{
	Str id = arg(rq, "exception");
	const struct mesh_exception *x = posture_exception(rq, id);
	BUF_AUTO body = BUF_INIT;
	BUF_AUTO b = BUF_INIT;

	ENSURE(&rq->c, rq->is_admin, DENIED, "only the owner of the center ends an exception");
	ENSURE(&rq->c, x, NOT_FOUND, "there is no exception '%.*s'", STR(id));
	body_exception_end(&body, id);
	TRY(core_say(rq->core, &rq->c, rq->domain_id, EVENT_EXCEPTION_END, rq->person_id, buf_view(&body)));
	posture_exception_json(rq, posture_exception(rq, id), core_now(), &b);
	reply_json(rq, 200, &b);
	return OK;
}

/* --- records of what was done outside --- */

static bool
takes_evidence(enum control_id id)
{
	return id == CONTROL_C17 || id == CONTROL_C18 || id == CONTROL_C19;
}

Err
handle_posture_evidence(struct request *rq)
{
	Str outcome = arg(rq, "outcome"), document = arg(rq, "document"), bytes;
	struct mesh_evidence e = {.control = arg(rq, "control"), .by = rq->person_id, .at = core_now(), .ok = str_eqc(outcome, "ok")};
	enum control_id control;
	char id[CRYPT_SHORT_ID_MAX];
	BUF_AUTO body = BUF_INIT;
	BUF_AUTO b = BUF_INIT;

	ENSURE(&rq->c, rq->is_admin, DENIED, "only the owner of the center records what was done outside");
	ENSURE(&rq->c, control_parse(e.control, &control), INVALID, "there is no control '%.*s'; list them with: heddle posture", STR(e.control));
	ENSURE(&rq->c, takes_evidence(control), INVALID, "%.*s rests on what the node knows itself; records are for C17, C18 and C19", STR(e.control));
	ENSURE(&rq->c, e.ok || str_eqc(outcome, "failed"), INVALID, "--outcome '%.*s': write ok or failed", STR(outcome));
	if (document.n) {
		ENSURE(&rq->c, base64_get(&rq->arena, document, &bytes), INVALID, "the document is not base64");
		TRY(evidence_put(rq->core, &rq->c, bytes, &e.document));
	}
	crypt_short_id("evd_", id);
	e.id = str_c(id);
	body_evidence(&body, &e);
	TRY(core_say(rq->core, &rq->c, rq->domain_id, EVENT_EVIDENCE_ADD, rq->person_id, buf_view(&body)));
	posture_evidence_json(rq, &e, &b);
	reply_json(rq, 201, &b);
	return OK;
}

/* --- reviews --- */

static void
people_json(struct request *rq, const struct policy_grant *g, struct buf *b)
{
	const struct mesh_member **members;
	const struct mesh_group *group = g->to_kind == PRINCIPAL_GROUP ? mesh_group_in(rq->core->mesh, g->to_domain_id, g->to_id) : NULL;
	size_t n = 0;
	Str one = g->to_id, *ids = NULL;

	if (group) n = mesh_group_members(rq->core->mesh, &rq->arena, group, &ids);
	if (g->to_kind == PRINCIPAL_DOMAIN) {
		size_t all = mesh_members(rq->core->mesh, &rq->arena, g->to_id, &members);
		ids = NEW_N(&rq->arena, all, Str);
		for (size_t i = 0; i < all; i++)
			if (members[i]->active) ids[n++] = members[i]->person_id;
	}
	if (g->to_kind == PRINCIPAL_PERSON) ids = &one, n = 1;
	buf_char(b, '[');
	for (size_t i = 0; i < n && i < PEOPLE_SHOWN; i++) {
		if (i) buf_char(b, ',');
		buf_json(b, person_name(rq, ids[i]));
	}
	if (n > PEOPLE_SHOWN) buf_printf(b, ",\"and %zu more\"", n - PEOPLE_SHOWN);
	buf_char(b, ']');
}

static bool
grant_about(const struct mesh_grant *g, Str product_id, Time now)
{
	if (g->policy.revoked || g->policy.voided || now >= g->policy.until) return false;
	return g->policy.product_id.n == 0 || str_eq(g->policy.product_id, product_id); /* by tags: it may be */
}

static Err
holder_json(struct request *rq, const struct mesh_grant *grant, struct buf *b)
{
	const struct policy_grant *g = &grant->policy;
	Time used = 0;
	bool in = true;

	if (rq->core->audit) TRY(usage_grant_last(&rq->c, rq->core->audit, g->id, &used));
	buf_char(b, '{');
	member_text(b, "grant", g->id, &in);
	member_text(b, "to", principal_text(rq, g->to_kind, g->to_id), &in);
	member_key(b, "people", &in);
	people_json(rq, g, b);
	member_key(b, "purposes", &in);
	grant_purposes_json(grant, b);
	member_time(b, "until", g->until, &in);
	member_text(b, "rows", grant->rows_text, &in);
	member_time(b, "last_used", used, &in);
	buf_char(b, '}');
	return OK;
}

static int
by_added(const void *a, const void *b)
{
	return mesh_grant_order(a, b);
}

/* The oldest ones; in slices, so that each stands as it stood when it was looked at. */
static Err
holders_json(struct request *rq, Str product_id, struct buf *b, bool *first)
{
	const struct mesh_product *p = mesh_product(rq->core->mesh, product_id);
	Str domain_id = arena_str(&rq->arena, p->domain_id);
	struct first found = {.most = HOLDERS_MAX, .by = by_added, .a = &rq->arena};
	Time now = core_now();
	size_t n = 0, looked = 0;

	for (const struct mesh_grant *g = mesh_grant_of(rq->core->mesh, domain_id, NULL); g; g = mesh_grant_of(rq->core->mesh, domain_id, g)) {
		if (++looked % STEP == 0) fiber_sleep_ms(rq->core, 0);
		if (!grant_about(g, product_id, now)) continue;
		(void)first_add(&found, g);
		n++;
	}
	first_sort(&found);
	member_key(b, "holders", first);
	buf_char(b, '[');
	for (size_t i = 0; i < found.n; i++) {
		if (i) buf_char(b, ',');
		if (i % SHOWN_STEP == SHOWN_STEP - 1) fiber_sleep_ms(rq->core, 0);
		TRY(holder_json(rq, found.list[i], b));
	}
	buf_char(b, ']');
	member_u64(b, "holders_count", n, first);
	return OK;
}

static Err
review_json(struct request *rq, const struct mesh_product *p, Str id, struct buf *b)
{
	const struct mesh_review **rs;
	size_t n = mesh_reviews(rq->core->mesh, &rq->arena, p->id, &rs);
	Time last = 0;
	Str by = S("");
	bool first = true;

	for (size_t i = 0; i < n; i++)
		if (str_eq(rs[i]->domain_id, p->domain_id) && rs[i]->at >= last) last = rs[i]->at, by = rs[i]->by;
	buf_char(b, '{');
	member_text(b, "product", product_name(rq, p), &first);
	member_text(b, "id", id, &first);
	member_time(b, "last_review", last, &first);
	member_text(b, "by", person_name(rq, by), &first);
	TRY(holders_json(rq, arena_str(&rq->arena, p->id), b, &first));
	buf_char(b, '}');
	return OK;
}

Err
handle_review(struct request *rq)
{
	const struct mesh_product *p;
	BUF_AUTO b = BUF_INIT;

	TRY(product_find(rq, arg(rq, "product"), &p));
	if (!sees_all(rq)) TRY(need_role(rq, p->domain_id, "see who has access", ROLE_BIT(OWNER) | ROLE_BIT(STEWARD) | ROLE_BIT(AUDITOR)));
	TRY(review_json(rq, p, S(""), &b));
	reply_json(rq, 200, &b);
	return OK;
}

Err
handle_review_add(struct request *rq)
{
	const struct mesh_product *p;
	char id[CRYPT_SHORT_ID_MAX];
	BUF_AUTO body = BUF_INIT;
	BUF_AUTO b = BUF_INIT;

	TRY(product_find(rq, arg(rq, "product"), &p));
	TRY(need_role(rq, p->domain_id, "review access", ROLE_BIT(OWNER)));
	Str product = arena_str(&rq->arena, p->id);
	crypt_short_id("rev_", id);
	body_review(&body, str_c(id), product);
	TRY(core_say(rq->core, &rq->c, rq->domain_id, EVENT_REVIEW_ADD, rq->person_id, buf_view(&body)));
	TRY(review_json(rq, mesh_product(rq->core->mesh, product), str_c(id), &b));
	reply_json(rq, 201, &b);
	return OK;
}
