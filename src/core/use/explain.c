/* Explain: may this principal read that table, and why? */
#include "core/use/explain.h"

#include "core/access/grants.h"
#include "core/access/impact.h"
#include "policy/shape.h"

/* --- when --- */

Err
explained_open(struct request *rq, struct explained *ret)
{
	Str text = arg(rq, "at");
	Time now = core_now(), at = now;

	*ret = (struct explained){.rq = rq, .mesh = rq->core->mesh, .at = now};
	if (text.n == 0) return OK;
	ENSURE(&rq->c, time_parse(text, true, &at), INVALID, "--at '%.*s': write a date (2026-06-30) or a time (2026-06-30T12:00:00Z)", STR(text));
	ENSURE(&rq->c, at - TIME_DAY < now, INVALID, "--at '%.*s' has not been yet", STR(text));
	ret->at = at < now ? at : now; /* of today: so far */
	TRY(past_fold(rq->core, &rq->c, ret->at, &ret->past));
	ret->mesh = ret->past.mesh;
	return OK;
}

uint32_t
explained_level(const struct explained *x)
{
	return x->past.mesh ? UINT32_MAX : sandbox_level(x->rq->core);
}

void
explained_fini(struct explained *x)
{
	past_fini(&x->past);
}

void
explained_json(const struct explained *x, struct buf *b)
{
	bool first = false;
	char mark[32];

	if (!x->past.mesh) {
		member_text(b, "mark", str_c(core_mark(x->rq->core, mark)), &first);
		return;
	}
	member_time(b, "at", x->at, &first);
	member_key(b, "rests_on", &first);
	buf_char(b, '[');
	for (size_t i = 0; i < x->past.log_count; i++) {
		const struct past_log *log = &x->past.logs[i];
		bool one = true;
		buf_c(b, i ? ",{" : "{");
		member_text(b, "log", log->id, &one);
		member_text(b, "name", domain_name(x->rq, log->id), &one);
		member_u64(b, "entries", log->entries, &one);
		member_time(b, "newest", log->newest, &one);
		buf_char(b, '}');
	}
	buf_char(b, ']');
}

/* Who has left since is called otherwise now ("ana (left, 1f00ba5e)"), and somebody new may bear the name. */
Str
explained_who(const struct explained *x, Str text)
{
	struct arena *a = &x->rq->arena;
	const struct mesh_member **members;
	Str kind, name = str_cut(text, ':', &kind);
	size_t n = x->past.mesh ? mesh_members(x->mesh, a, S(""), &members) : 0;

	if (!name.p && mesh_domain_by_name(x->mesh, text)) return text;
	if (!name.p) kind = S("user"), name = text;
	if (!str_eqc(kind, "user") && !str_eqc(kind, "service")) return text;
	Str left = arena_printf(a, "%.*s (left, ", STR(name));
	for (size_t i = 0; i < n; i++) {
		Str is = members[i]->active ? person_name(x->rq, members[i]->person_id) : S("");
		if (str_starts(is, left)) return arena_printf(a, "%.*s:%.*s", STR(kind), STR(is));
	}
	return text;
}

/* --- who may know --- */

static bool
answers_for(const struct request *rq, Str domain_id)
{
	return str_eq(rq->domain_id, domain_id) && (rq->role == ROLE_OWNER || rq->role == ROLE_AUDITOR);
}

bool
may_know(const struct request *rq, Str person_id, Str consumer_domain_id, Str producer_domain_id)
{
	if (sees_all(rq) || answers_for(rq, producer_domain_id) || answers_for(rq, consumer_domain_id)) return true;
	return person_id.n ? str_eq(person_id, rq->person_id) : str_eq(consumer_domain_id, rq->domain_id);
}

/* As of now: what has become invisible since is not told of either. */
static bool
visible(struct explained *x, const struct mesh_product *p)
{
	const struct mesh_product *is = x->past.mesh ? mesh_product(x->rq->core->mesh, p->id) : p;

	return sees_all(x->rq) || (is && product_visible(x->rq, is));
}

Err
explained_table(struct explained *x, Str name, const struct mesh_product **ret_product, const struct mesh_table **ret)
{
	const struct mesh_product *p;
	const struct mesh_table *t = mesh_table_by_name(x->mesh, name, &p);

	ENSURE(&x->rq->c, t && visible(x, p), NOT_FOUND, "there %s no table '%.*s'; write domain.product.table", x->past.mesh ? "was" : "is",
	       STR(name));
	*ret_product = p;
	*ret = t;
	return OK;
}

/* --- one principal, one table --- */

static void
explain_columns(const struct policy_decision *d, const struct policy_table *t, struct buf *b)
{
	buf_char(b, '[');
	for (size_t i = 0; i < t->column_count; i++) {
		if (i) buf_char(b, ',');
		buf_c(b, "{\"name\":");
		buf_json(b, t->columns[i].name);
		if (d->columns[i].hidden)
			buf_c(b, ",\"access\":\"hidden\"}");
		else if (d->columns[i].mask != MASK_NONE)
			buf_printf(b, ",\"access\":\"masked:%s\"}", mask_name(d->columns[i].mask));
		else
			buf_printf(b, ",\"access\":\"%s\"}", shape_is_mean(&d->terms, t->columns[i].name) ? "mean" : "visible");
	}
	buf_char(b, ']');
}

static void
explain_json(const struct explained *x, Str principal, Str table, const struct mesh_table *t, const struct policy_decision *d,
             const struct policy_trace *trace, struct buf *b)
{
	const struct mesh_grant *g = mesh_grant(x->mesh, d->grant_id);
	bool first = true, allow = d->verdict == VERDICT_ALLOW;
	BUF_AUTO rows = BUF_INIT;

	if (allow && d->rows) predicate_print(d->rows, &rows);
	buf_char(b, '{');
	member_text(b, "principal", principal, &first);
	member_text(b, "table", table, &first);
	member_text(b, "purpose", arg(x->rq, "purpose"), &first);
	member_text(b, "verdict", allow ? S("allow") : S("refuse"), &first);
	member_text(b, "reason", d->reason, &first);
	member_text(b, "grant", d->grant_id, &first);
	member_text(b, "delegation", d->delegation_id, &first);
	member_key(b, "purposes", &first);
	grant_purposes_json(g, b);
	member_time(b, "until", allow ? d->until : 0, &first);
	member_text(b, "rows", buf_view(&rows), &first);
	if (allow) demands_json(&d->terms, b, &first);
	member_key(b, "columns", &first);
	if (allow)
		explain_columns(d, &t->policy, b);
	else
		buf_c(b, "[]");
	member_key(b, "trace", &first);
	buf_char(b, '[');
	for (size_t i = 0; i < trace->count; i++) {
		if (i) buf_char(b, ',');
		buf_json(b, trace->lines[i]);
	}
	buf_char(b, ']');
	explained_json(x, b);
	buf_char(b, '}');
}

/* Who may not know is told as though there were nobody of that name. */
static Err
may_explain(struct explained *x, const struct principal *of, Str who, const struct mesh_product *p)
{
	bool person = of->kind == PRINCIPAL_PERSON;
	const struct mesh_member *m = person ? mesh_member(x->mesh, of->id) : NULL; /* of then */
	Str consumer = person ? m ? m->domain_id : S("") : of->domain_id;

	ENSURE(&x->rq->c, may_know(x->rq, person ? of->id : S(""), consumer, p->domain_id), NOT_FOUND,
	       "there is no domain, user or group '%.*s' that you may ask about: owners and auditors ask about their products and their people, "
	       "everyone about themselves", STR(who));
	return OK;
}

/* A person's use for a purpose is decided as a query would be. */
static void
explain_decide(const struct explained *x, const struct principal *of, const struct mesh_product *p, const struct mesh_table *t, Str purpose,
               struct policy_trace *trace, struct policy_decision *ret)
{
	struct arena *a = &x->rq->arena;

	if (of->kind == PRINCIPAL_PERSON && purpose.n)
		mesh_decide(x->mesh, a, of->id, p, t, purpose, INTERACT_SQL, explained_level(x), x->at, trace, ret);
	else
		mesh_explain(x->mesh, a, of->kind, of->id, p, t, purpose, x->at, trace, ret);
}

Err
handle_explain(struct request *rq)
{
	Str who = arg(rq, "principal"), table = arg(rq, "table");
	const struct mesh_product *p;
	const struct mesh_table *t;
	struct policy_trace trace = {0};
	struct policy_decision d;
	struct principal of = {.kind = PRINCIPAL_PERSON};
	EXPLAINED_AUTO x = {0};
	BUF_AUTO b = BUF_INIT;

	TRY(explained_open(rq, &x));
	TRY(explained_table(&x, table, &p, &t));
	Err e = principal_find(rq, explained_who(&x, who), &of);
	if (e.code == ERR_NOT_FOUND && !sees_all(rq) && !answers_for(rq, p->domain_id)) {
		rq->c.detail[0] = 0;
		return may_explain(&x, &of, who, p);
	}
	TRY(e);
	TRY(may_explain(&x, &of, who, p));
	explain_decide(&x, &of, p, t, arg(rq, "purpose"), &trace, &d);
	explain_json(&x, principal_text(rq, of.kind, of.id), table, t, &d, &trace, &b);
	reply_json(rq, 200, &b);
	return OK;
}

/* --- what would break --- */

struct breaking { struct request *rq; struct mesh_suppose s; struct impact_record record; struct buf b; };

static Err
look(struct walk *w, void *arg)
{
	struct breaking *x = arg;

	x->b.n = 0;
	return impact_queries(x->rq, w, &x->s, &x->record, &x->b);
}

static Err
what_breaks(struct request *rq, struct breaking *x, struct buf *b)
{
	WALK_AUTO w = {.core = rq->core, .rq = rq, .what = "a look at what would break"};
	bool first = true;

	TRY(impact_record(rq, &x->record));
	TRY(walk_run(&w, &rq->c, look, x));
	buf_char(b, '{');
	member_text(b, "grant", x->s.grant_id, &first);
	buf_char(b, ',');
	buf_str(b, buf_view(&x->b));
	member_text(b, "mark", arena_printf(&rq->arena, "%llu", (unsigned long long)w.mark), &first);
	buf_char(b, '}');
	return OK;
}

Err
handle_explain_revoke(struct request *rq)
{
	Str id = arg(rq, "grant");
	const struct mesh_grant *g = mesh_grant(rq->core->mesh, id);
	BUF_AUTO b = BUF_INIT;

	ENSURE(&rq->c, g && (sees_all(rq) || answers_for(rq, g->policy.issuer_domain_id)), NOT_FOUND,
	       "there is no grant '%.*s' that you may ask about: owners and auditors ask about those of their products", STR(id));
	struct breaking x = {.rq = rq, .s = {.grant_id = arena_str(&rq->arena, id), .grant_domain_id = arena_str(&rq->arena, g->policy.issuer_domain_id)}};
	Err e = what_breaks(rq, &x, &b);
	buf_fini(&x.b);
	TRY(e);
	reply_json(rq, 200, &b);
	return OK;
}
