/* Approvals: others stand up for a grant or for a tag that was lowered, where policy demands it. Whether they count is decided with every
 * decision; here it is asked so that nobody says in vain what does not. */
#include "core/access/grants.h"

Str
human_of(const struct request *rq, Str person_id)
{
	const struct mesh_member *m = mesh_member(rq->core->mesh, person_id);

	if (m && m->service) return S("");
	return m && m->human_id.n ? m->human_id : person_id;
}

bool
approvals_demanded(struct request *rq)
{
	if (rq->approvals == APPROVALS_UNASKED) rq->approvals = mesh_approvals_demanded(rq->core->mesh) ? APPROVALS_SOME : APPROVALS_NONE;
	return rq->approvals == APPROVALS_SOME;
}

/* --- what is shown --- */

/* What somebody would stand up for: a grant or a tag. */
struct subject { const struct mesh_grant *grant; const struct mesh_tag *tag; };

static bool
may_approve(struct request *rq, const struct subject *s, Str person_id)
{
	if (s->grant) return mesh_may_approve(rq->core->mesh, &rq->arena, s->grant, person_id);
	return mesh_may_approve_tag(rq->core->mesh, &rq->arena, s->tag, person_id);
}

static void
name_json(struct request *rq, Str person_id, bool *any, struct buf *b)
{
	if (*any) buf_char(b, ',');
	*any = true;
	buf_json(b, person_name(rq, person_id));
}

/* Members of the producer, and those whom the policy names. */
static void
may_json(struct request *rq, const struct subject *s, Str producer, const struct mesh_restriction *by, struct buf *b)
{
	const struct mesh_member **members;
	size_t n = mesh_members(rq->core->mesh, &rq->arena, producer, &members);
	bool any = false;

	buf_char(b, '[');
	for (size_t i = 0; i < n; i++)
		if (members[i]->active && may_approve(rq, s, members[i]->person_id)) name_json(rq, members[i]->person_id, &any, b);
	for (size_t i = 0; by && i < by->policy.approver_count; i++) {
		const struct mesh_member *m = mesh_member(rq->core->mesh, by->policy.approvers[i]);
		if (m && !str_eq(m->domain_id, producer) && may_approve(rq, s, m->person_id)) name_json(rq, m->person_id, &any, b);
	}
	buf_char(b, ']');
}

static void
approvals_json(struct request *rq, const struct subject *s, Str producer, struct mesh_approvals x, bool may, struct buf *b, bool *first)
{
	bool in = true;

	if (x.needed == 0) return;
	member_key(b, "approvals", first);
	buf_char(b, '{');
	member_u64(b, "needed", x.needed, &in);
	member_u64(b, "has", x.has, &in);
	if (x.by) member_text(b, "restriction", x.by->policy.id, &in);
	if (s->grant) {
		const struct policy_grant *g = mesh_grant_joined(rq->core->mesh, &rq->arena, s->grant);
		bool any = false;
		member_key(b, "by", &in);
		buf_char(b, '[');
		for (size_t i = 0; i < g->approval_count; i++) name_json(rq, g->approvals[i].person_id, &any, b);
		buf_char(b, ']');
	}
	if (may && x.has < x.needed) {
		member_key(b, "may", &in);
		may_json(rq, s, producer, x.by, b);
	}
	buf_char(b, '}');
}

void
grant_approvals_json(struct request *rq, const struct mesh_grant *g, bool may, struct buf *b, bool *first)
{
	struct subject s = {.grant = g};

	if (approvals_demanded(rq))
		approvals_json(rq, &s, g->policy.issuer_domain_id, mesh_grant_approvals(rq->core->mesh, &rq->arena, g, NULL), may, b, first);
}

void
tag_approvals_json(struct request *rq, const struct mesh_tag *t, bool may, struct buf *b, bool *first)
{
	struct subject s = {.tag = t};

	approvals_json(rq, &s, t->domain_id, tag_waits(rq, t), may, b, first);
}

/* --- standing up --- */

/* Whatever stands against this person's approval, told before anything is said. */
static Err
check_approver(struct request *rq, const struct subject *s, struct mesh_approvals x, Str id)
{
	const struct policy_grant *g = s->grant ? mesh_grant_joined(rq->core->mesh, &rq->arena, s->grant) : NULL;
	Str human = human_of(rq, rq->person_id);

	ENSURE(&rq->c, human.n, DENIED, "a service approves nothing");
	ENSURE(&rq->c, !g || !str_eq(g->asker_human_id, human), DENIED, "nobody approves what they asked for, also not with another account");
	for (size_t i = 0; g && i < g->approval_count; i++)
		ENSURE(&rq->c, !str_eq(g->approvals[i].human_id, human), CONFLICT, "you stand behind %.*s already; where it still waits, it takes somebody else", STR(id));
	if (s->tag)
		ENSURE(&rq->c, !str_eq(human_of(rq, s->tag->by), human), CONFLICT, "you stand behind %.*s already; it takes somebody else", STR(id));
	ENSURE(&rq->c, x.needed > 0, CONFLICT, "no policy demands approvals for %.*s", STR(id));
	ENSURE(&rq->c, x.has < x.needed, CONFLICT, "%.*s has its %u approvals", STR(id), x.needed);
	ENSURE(&rq->c, may_approve(rq, s, rq->person_id), DENIED, "the policy (restriction %.*s) wants others to approve %.*s",
	       STR(x.by ? x.by->policy.id : S("")), STR(id));
	return OK;
}

static Err
say_approval(struct request *rq, Str log_id, Str id)
{
	BUF_AUTO body = BUF_INIT;

	body_approval(&body, log_id, id);
	return core_say(rq->core, &rq->c, rq->domain_id, EVENT_APPROVAL_ADD, rq->person_id, buf_view(&body));
}

Err
handle_grant_approve(struct request *rq)
{
	Str id = arg(rq, "grant"), log_id;
	struct subject s = {0};

	TRY(grant_find(rq, id, &s.grant));
	bool open = !mesh_grant_joined(rq->core->mesh, &rq->arena, s.grant)->voided && !s.grant->policy.revoked && core_now() < s.grant->policy.until;
	ENSURE(&rq->c, open, CONFLICT, "grant %.*s is %s", STR(id), grant_state(rq, s.grant));
	TRY(check_approver(rq, &s, mesh_grant_approvals(rq->core->mesh, &rq->arena, s.grant, NULL), id));
	log_id = arena_str(&rq->arena, s.grant->policy.issuer_domain_id);
	TRY(say_approval(rq, log_id, id));
	return grant_reply(rq, log_id, id, 201);
}

/* Who sets tags sees what waits of their own domain; others what they are asked to stand up for. */
Err
tag_change_find(struct request *rq, Str id, const struct mesh_tag **ret)
{
	const struct mesh_domain **domains;
	size_t n = mesh_domains(rq->core->mesh, &rq->arena, &domains);
	const struct mesh_tag *t = mesh_tag_in(rq->core->mesh, rq->domain_id, id);

	for (size_t i = 0; i < n && !t; i++) {
		t = mesh_tag_in(rq->core->mesh, domains[i]->id, id);
		if (t && !str_eq(t->domain_id, rq->domain_id) && !sees_all(rq) && !mesh_may_approve_tag(rq->core->mesh, &rq->arena, t, rq->person_id)) t = NULL;
	}
	ENSURE(&rq->c, t, NOT_FOUND, "there is no change of a tag '%.*s'", STR(id));
	*ret = t;
	return OK;
}

Err
handle_tag_approve(struct request *rq)
{
	Str id = arg(rq, "change"), log_id;
	struct subject s = {0};

	TRY(tag_change_find(rq, id, &s.tag));
	TRY(check_approver(rq, &s, mesh_tag_approvals(rq->core->mesh, &rq->arena, s.tag), id));
	log_id = arena_str(&rq->arena, s.tag->domain_id);
	TRY(say_approval(rq, log_id, id));
	access_narrowed(rq->core); /* a grant by tags may match less from now on */
	return tag_reply(rq, log_id, id, 201);
}
