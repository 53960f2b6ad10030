/* Policies: restrictions of the center, from files, tried before they count. */
#include "core/access/policies.h"

#include "core/access/impact.h"
#include "mesh/policyfile.h"

#define PLACED "line %u, column %u: "

bool
vocabulary_of(const void *mesh, Str tag, struct tag_values *ret)
{
	const struct mesh_tag_def *d = mesh_tag_def(mesh, tag);

	if (!d) return false;
	*ret = (struct tag_values){.ordered = d->kind == TAG_ORDERED};
	if (d->kind != TAG_FREE) ret->values = d->values, ret->count = d->value_count;
	return true;
}

/* --- names to ids --- */

static Err
resolve_scope(struct request *rq, const struct policy_file *f, struct policy_restriction *r)
{
	const struct mesh *m = rq->core->mesh;
	const struct mesh_product *p = mesh_product_by_name(m, f->product); /* the center can close what it cannot find */
	const struct mesh_domain *d = mesh_domain_by_name(m, f->domain);

	if (f->product.n) {
		ENSURE(&rq->c, p, INVALID, PLACED "'product': there is no product '%.*s'", f->at_product.line, f->at_product.column, STR(f->product));
		r->product_id = arena_str(&rq->arena, p->id);
	}
	if (f->domain.n) {
		ENSURE(&rq->c, d, INVALID, PLACED "'domain': there is no domain '%.*s'", f->at_domain.line, f->at_domain.column, STR(f->domain));
		r->domain_id = arena_str(&rq->arena, d->id);
	}
	ENSURE(&rq->c, !f->product.n || !f->domain.n || str_eq(p->domain_id, d->id), INVALID,
	       PLACED "'product': %.*s is not of domain %.*s, so the scope fits nothing", f->at_product.line, f->at_product.column, STR(f->product),
	       STR(f->domain));
	if (f->tags.n == 0) return OK;
	Err e = tagexpr_parse(&rq->c, f->tags, vocabulary_of, m, false, &r->tags);
	if (err_ok(e)) return OK;
	Str why = arena_str(&rq->arena, str_c(err_detail(&rq->c, e)));
	rq->c.detail[0] = 0;
	return err_set(&rq->c, (enum err_code)e.code, PLACED "'tags': %.*s", f->at_tags.line, f->at_tags.column, STR(why));
}

static Err
resolve_people(struct request *rq, const struct policy_file *f, struct policy_restriction *r)
{
	for (size_t i = 0; i < r->approver_count; i++) {
		Err e = directory_person_by_name(&rq->c, rq->core->directory, f->people[i], &r->approvers[i]);
		if (err_ok(e)) continue;
		rq->c.detail[0] = 0;
		return err_set(&rq->c, ERR_INVALID, PLACED "'people': there is no person '%.*s'", f->at_people[i].line, f->at_people[i].column,
		               STR(f->people[i]));
	}
	return OK;
}

static Err
policy_read(struct request *rq, Str id, struct mesh_restriction *ret)
{
	struct mesh_restriction r = {.by = rq->person_id, .added = core_now()};
	struct policy_file f;

	TRY(policy_file_parse(&rq->c, arg(rq, "policy"), &f));
	r.policy = f.effects;
	r.name = f.name;
	r.policy.id = id;
	TRY(resolve_scope(rq, &f, &r.policy));
	TRY(resolve_people(rq, &f, &r.policy));
	*ret = r;
	return OK;
}

static bool
name_taken(struct request *rq, Str name)
{
	const struct mesh_restriction **rs;
	size_t n = mesh_restrictions(rq->core->mesh, &rq->arena, &rs);

	for (size_t i = 0; i < n; i++)
		if (!rs[i]->policy.lifted && str_eq(rs[i]->name, name)) return true;
	return false;
}

/* --- operations --- */

Err
handle_policy_add(struct request *rq)
{
	struct mesh_restriction r;
	char id[CRYPT_SHORT_ID_MAX];

	ENSURE(&rq->c, rq->is_admin, DENIED, "only the owner of the center restricts");
	crypt_short_id("rst_", id);
	TRY(policy_read(rq, str_c(id), &r));
	ENSURE(&rq->c, !name_taken(rq, r.name), CONFLICT, "a policy named '%.*s' is in force already; lift it first, or take another name", STR(r.name));
	return restriction_say(rq, &r);
}

Err
policy_find(struct request *rq, Str text, const struct mesh_restriction **ret)
{
	const struct mesh_restriction **rs, *found = mesh_restriction(rq->core->mesh, text);
	size_t n = found ? 0 : mesh_restrictions(rq->core->mesh, &rq->arena, &rs);

	for (size_t i = 0; i < n; i++)
		if (str_eq(rs[i]->name, text) && (!found || !rs[i]->policy.lifted)) found = rs[i];
	ENSURE(&rq->c, text.n && found && restriction_visible(rq, found), NOT_FOUND, "there is no policy '%.*s'; list them with: heddle policies",
	       STR(text));
	*ret = found;
	return OK;
}

Err
handle_policy(struct request *rq)
{
	const struct mesh_restriction *r;
	BUF_AUTO b = BUF_INIT;

	TRY(policy_find(rq, arg(rq, "restriction"), &r));
	restriction_json(rq, r, &b);
	reply_json(rq, 200, &b);
	return OK;
}

/* What the journal keeps of a trial; no log of a domain hears of it. */
static Err
note_trial(struct request *rq, Str what, Str name)
{
	BUF_AUTO b = BUF_INIT;

	buf_printf(&b, "{\"operation\":\"%s\",\"status\":200,\"what\":\"%.*s\",\"policy\":", api_route_name(rq->route), STR(what));
	buf_json(&b, name);
	buf_char(&b, '}');
	rq->noted = true;
	return core_note(rq->core, &rq->c, "action", rq->person_id, buf_view(&b));
}

struct trial { struct request *rq; const struct mesh_suppose *s; struct impact_record record; struct buf b; };

static Err
look(struct walk *w, void *arg)
{
	struct trial *t = arg;

	t->b.n = 0;
	TRY(impact_grants(t->rq, w, t->s, &t->b));
	buf_char(&t->b, ',');
	return impact_queries(t->rq, w, t->s, &t->record, &t->b);
}

static Err
try(struct request *rq, struct trial *t, Str policy, struct buf *b)
{
	WALK_AUTO w = {.core = rq->core, .rq = rq, .what = "a trial of a policy"};
	bool first = true;

	TRY(impact_record(rq, &t->record));
	TRY(walk_run(&w, &rq->c, look, t));
	buf_char(b, '{');
	member_key(b, "policy", &first);
	buf_str(b, policy);
	buf_char(b, ',');
	buf_str(b, buf_view(&t->b));
	member_time(b, "at", w.now, &first);
	member_text(b, "mark", arena_printf(&rq->arena, "%llu", (unsigned long long)w.mark), &first);
	buf_char(b, '}');
	return OK;
}

static Err
trial_reply(struct request *rq, Str policy, const struct mesh_suppose *s)
{
	struct trial t = {.rq = rq, .s = s};
	BUF_AUTO b = BUF_INIT;
	Err e = try(rq, &t, policy, &b);

	buf_fini(&t.b);
	TRY(e);
	reply_json(rq, 200, &b);
	return OK;
}

Err
handle_policy_try(struct request *rq)
{
	struct mesh_restriction r;
	BUF_AUTO policy = BUF_INIT;

	ENSURE(&rq->c, sees_all(rq), DENIED, "only the center and its auditors try policies: what would change concerns everybody");
	TRY(policy_read(rq, S("tried"), &r));
	r.policy.id = r.name; /* in reasons */
	TRY(note_trial(rq, S("add"), r.name));
	restriction_json(rq, &r, &policy);
	return trial_reply(rq, buf_view(&policy), &(struct mesh_suppose){.added = &r.policy});
}

Err
handle_policy_lift_try(struct request *rq)
{
	const struct mesh_restriction *r;
	BUF_AUTO policy = BUF_INIT;

	ENSURE(&rq->c, sees_all(rq), DENIED, "only the center and its auditors try policies: what would change concerns everybody");
	TRY(policy_find(rq, arg(rq, "restriction"), &r));
	Str id = arena_str(&rq->arena, r->policy.id);
	TRY(note_trial(rq, S("lift"), id));
	restriction_json(rq, r, &policy);
	return trial_reply(rq, buf_view(&policy), &(struct mesh_suppose){.lifted = id});
}
