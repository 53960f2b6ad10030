/* Posture, told: counts by severity first, then the controls with what they found. */
#include "core/use/past.h"
#include "core/posture/posture.h"

#include "crypt/encode.h"
#include "ledger/ledger.h"
#include "pins.h"

enum { FINDINGS_MAX = 500 /* shown of one control, open ones and accepted ones; all are counted */ };

static void
counts_json(const char *key, const uint64_t counts[SEVERITY_COUNT], struct buf *b, bool *first)
{
	bool in = true;

	member_key(b, key, first);
	buf_char(b, '{');
	for (int s = SEVERITY_COUNT - 1; s >= 0; s--) member_u64(b, severity_name((enum severity)s), counts[s], &in);
	buf_char(b, '}');
}

static Str
log_called(struct request *rq, Str log_id)
{
	return str_eqc(log_id, "journal") ? log_id : domain_name(rq, log_id);
}

static void
ref_json(struct request *rq, const struct posture_ref *ref, struct buf *b, bool *first)
{
	bool in = true;

	member_key(b, "evidence", first);
	if (ref->log_id.n == 0) {
		buf_c(b, "null");
		return;
	}
	buf_char(b, '{');
	member_text(b, "log", ref->log_id, &in);
	member_text(b, "name", log_called(rq, ref->log_id), &in);
	member_u64(b, "index", ref->index, &in);
	buf_char(b, '}');
}

static void
finding_json(struct request *rq, const struct finding *f, Time now, struct buf *b)
{
	bool first = true;

	buf_char(b, '{');
	member_text(b, "control", str_c(controls[f->control].id), &first);
	member_text(b, "subject", f->subject, &first);
	member_text(b, "severity", str_c(severity_name(f->severity)), &first);
	member_text(b, "text", f->text, &first);
	member_text(b, "domain", domain_name(rq, f->domain_id), &first);
	member_text(b, "owner", person_name(rq, f->owner_id), &first);
	if (f->person_id.n) member_text(b, "person", person_name(rq, f->person_id), &first);
	member_text(b, "remedy", f->remedy, &first);
	member_time(b, "since", f->since, &first);
	member_time(b, "due", f->due, &first);
	member_bool(b, "overdue", now > f->due, &first);
	ref_json(rq, &f->ref, b, &first);
	if (f->exception) {
		member_text(b, "exception", f->exception->id, &first);
		member_time(b, "accepted_until", f->exception->until, &first);
	}
	buf_char(b, '}');
}

static Err
findings_json(struct request *rq, struct walk *w, const char *key, const struct control_result *x, bool accepted, struct buf *b, bool *first)
{
	size_t shown = 0;

	member_key(b, key, first);
	buf_char(b, '[');
	for (size_t i = 0; i < x->kept; i++) {
		if ((x->findings[i].exception != NULL) != accepted) continue;
		TRY(walk_step(w));
		if (shown++) buf_char(b, ',');
		finding_json(rq, &x->findings[i], w->now, b);
	}
	buf_char(b, ']');
	return OK;
}

static Err
control_json(struct request *rq, struct walk *w, size_t i, const struct control_result *x, struct buf *b)
{
	const struct control *k = &controls[i];
	bool first = true;

	buf_char(b, '{');
	member_text(b, "id", str_c(k->id), &first);
	member_text(b, "title", str_c(k->title), &first);
	member_text(b, "checked", str_c(k->checked), &first);
	member_text(b, "severity", str_c(severity_name(k->severity)), &first);
	member_u64(b, "days", k->days, &first);
	member_text(b, "gdpr", str_c(k->gdpr), &first);
	member_text(b, "soc2", str_c(k->soc2), &first);
	member_text(b, "iso27001", str_c(k->iso), &first);
	member_text(b, "status", str_c(control_status_name(x->status)), &first);
	member_text(b, "note", x->note, &first);
	member_u64(b, "examined", x->examined, &first);
	member_u64(b, "open", x->count - x->accepted, &first);
	member_u64(b, "accepted_count", x->accepted, &first);
	TRY(findings_json(rq, w, "findings", x, false, b, &first));
	TRY(findings_json(rq, w, "accepted", x, true, b, &first));
	buf_char(b, '}');
	return OK;
}

/* Where the logs stood: who has a copy of them can fold the same state. */
static void
positions_json(struct request *rq, struct buf *b, bool *first)
{
	struct ledger_state *s;
	size_t n = ledger_states(rq->core->ledger, &rq->arena, &s);

	member_key(b, "logs", first);
	buf_char(b, '[');
	for (size_t i = 0; i < n; i++) {
		struct ledger_head head = {0};
		char hex[CRYPT_HASH_TEXT] = "";
		bool in = true;
		if (!s[i].damaged && err_ok(ledger_head(&rq->c, rq->core->ledger, s[i].log_id, &head))) hex_text(head.root.b, sizeof head.root.b, hex);
		buf_c(b, i ? ",{" : "{");
		member_text(b, "log", s[i].log_id, &in);
		member_text(b, "name", log_called(rq, s[i].log_id), &in);
		member_u64(b, "size", s[i].damaged ? s[i].size : head.size, &in);
		member_text(b, "root", str_c(hex), &in);
		member_text(b, "damaged", s[i].damaged ? str_c(s[i].damage) : S(""), &in);
		buf_char(b, '}');
	}
	buf_char(b, ']');
}

/* Auditors and owners of the center see all, or one domain; those of another domain, and its stewards, their own. */
static Err
scope_of(struct request *rq, Str *ret_domain_id)
{
	Str name = arg(rq, "domain");
	const struct mesh_domain *d = name.n ? mesh_domain_by_name(rq->core->mesh, name) : NULL;

	ENSURE(&rq->c, sees_all(rq) || (ROLE_BIT(OWNER) | ROLE_BIT(AUDITOR) | ROLE_BIT(STEWARD)) & (1u << rq->role), DENIED,
	       "the posture is for owners, stewards and auditors; your role is %s", role_name(rq->role));
	ENSURE(&rq->c, sees_all(rq) || name.n == 0 || (d && str_eq(d->id, rq->domain_id)), DENIED, "you may see the posture of your own domain");
	ENSURE(&rq->c, name.n == 0 || d, NOT_FOUND, "there is no domain '%.*s'", STR(name));
	*ret_domain_id = d ? arena_str(&rq->arena, d->id) : sees_all(rq) ? S("") : rq->domain_id;
	return OK;
}

static void
head_json(struct request *rq, const struct walk *w, Str scope, const struct posture *p, struct buf *b, bool *first)
{
	bool in = true;

	member_text(b, "node", str_c(rq->core->node_id), first);
	member_text(b, "version", S(HEDDLE_VERSION), first);
	member_time(b, "made_at", core_now(), first);
	member_time(b, "as_of", w->now, first);
	member_bool(b, "past", w->at > 0, first);
	member_text(b, "mark", arena_printf(&rq->arena, "%llu", (unsigned long long)w->mark), first);
	member_text(b, "scope", scope.n ? domain_name(rq, scope) : S("all"), first);
	member_key(b, "counts", first);
	buf_char(b, '{');
	counts_json("open", p->open, b, &in);
	counts_json("overdue", p->overdue, b, &in);
	counts_json("accepted", p->accepted, b, &in);
	member_u64(b, "passed", p->passed, &in);
	member_u64(b, "failed", p->failed, &in);
	member_u64(b, "not_applicable", p->not_applicable, &in);
	buf_char(b, '}');
}

static void
past_positions_json(struct request *rq, const struct past *past, struct buf *b, bool *first)
{
	member_key(b, "logs", first);
	buf_char(b, '[');
	for (size_t i = 0; i < past->log_count; i++) {
		bool in = true;
		buf_c(b, i ? ",{" : "{");
		member_text(b, "log", past->logs[i].id, &in);
		member_text(b, "name", log_called(rq, past->logs[i].id), &in);
		member_u64(b, "size", past->logs[i].entries, &in);
		buf_char(b, '}');
	}
	buf_char(b, ']');
}

struct view { struct request *rq; struct posture_wish wish; struct posture posture; struct buf rests_on; };

/* What was judged, and on what it rests, of one state: nothing waits in between. */
static Err
look(struct walk *w, void *arg)
{
	struct view *v = arg;
	bool first = false;

	TRY(posture_make(w, &v->wish, &v->posture));
	v->rests_on.n = 0;
	posture_said_json(v->rq, w->mesh, v->wish.domain_id, w->now, &v->rests_on, &first);
	if (w->past.mesh)
		past_positions_json(v->rq, &w->past, &v->rests_on, &first);
	else
		positions_json(v->rq, &v->rests_on, &first);
	return OK;
}

/* Of a day that is over: its end; of today: so far. 0: now. */
static Err
time_asked(struct request *rq, Time *ret)
{
	Str text = arg(rq, "at");
	Time now = core_now(), at;

	*ret = 0;
	if (text.n == 0) return OK;
	ENSURE(&rq->c, time_parse(text, true, &at), INVALID, "--at '%.*s': write a date (2026-06-30) or a time (2026-06-30T12:00:00Z)", STR(text));
	ENSURE(&rq->c, at - TIME_DAY < now, INVALID, "--at '%.*s' has not been yet", STR(text));
	*ret = at < now ? at : now;
	return OK;
}

static Err
judge(struct request *rq, struct walk *w, struct view *v)
{
	TRY(time_asked(rq, &w->at));
	core_commit(rq->core);
	if (!w->at) posture_usage_complete(rq->core); /* else the use of the last moments is not seen */
	TRY(walk_run(w, &rq->c, look, v));
	ENSURE(&rq->c, !w->at || w->past.log_count > 0, INVALID, "--at '%.*s': the logs of this node begin later", STR(arg(rq, "at")));
	return OK;
}

static Err
view_json(struct request *rq, struct walk *w, const struct view *v, enum control_id one, struct buf *b)
{
	bool first = true, more = false;

	buf_char(b, '{');
	head_json(rq, w, v->wish.domain_id, &v->posture, b, &first);
	member_key(b, "controls", &first);
	buf_char(b, '[');
	for (size_t i = 0; i < CONTROL_COUNT; i++) {
		if (one != CONTROL_COUNT && i != one) continue;
		if (more) buf_char(b, ',');
		TRY(control_json(rq, w, i, &v->posture.controls[i], b));
		more = true;
	}
	buf_char(b, ']');
	buf_str(b, buf_view(&v->rests_on));
	TRY(posture_trend_json(rq, v->wish.domain_id, b, &first));
	buf_char(b, '}');
	return OK;
}

Err
handle_posture(struct request *rq)
{
	Str one = arg(rq, "control");
	enum control_id id = CONTROL_COUNT;
	struct view v = {.rq = rq, .wish.most = FINDINGS_MAX};
	WALK_AUTO w = {.core = rq->core, .rq = rq, .what = "a posture"};
	BUF_AUTO b = BUF_INIT;

	ENSURE(&rq->c, one.n == 0 || control_parse(one, &id), INVALID, "there is no control '%.*s'; list them with: heddle posture", STR(one));
	TRY(scope_of(rq, &v.wish.domain_id));
	Err e = judge(rq, &w, &v);
	if (err_ok(e)) e = view_json(rq, &w, &v, id, &b);
	buf_fini(&v.rests_on);
	TRY(e);
	reply_json(rq, 200, &b);
	return OK;
}
