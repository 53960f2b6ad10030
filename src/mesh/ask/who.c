/* Who asks, and who stands behind what was said. */
#include "mesh/ask/ask.h"
#include "mesh/fork.h"

void
found_add(struct found *f, const void *one)
{
	if (f->n == f->cap) {
		f->cap = f->cap ? f->cap * 2 : 16;
		const void **list = NEW_N(f->a, f->cap, const void *);
		if (f->n) memcpy(list, f->list, f->n * sizeof *list);
		f->list = list;
	}
	f->list[f->n++] = one;
}

void
found_once(struct found *f, const void *one)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->list[i] == one) return;
	found_add(f, one);
}

/* --- who asks --- */

/* The newest member.set says all that somebody is: void, it leaves nothing. What they were before is not given back, for that would open too. */
static bool
is_member(const struct log *log, const struct mesh_member *member)
{
	return member->active && !keys_voids(log, member->set_seq);
}

bool
mesh_member_counts(const struct mesh *m, const struct mesh_member *member)
{
	const struct log *log = state_log(m, member->domain_id);

	return log && is_member(log, member);
}

static size_t
groups_of(const struct mesh *m, struct arena *a, const struct log *log, const struct mesh_member *who, const Str **ret)
{
	const struct group_member *first = HOLDER(member, who)->groups, *gm;
	size_t n = 0;

	for (gm = first; gm; gm = gm->same_person) n++;
	Str *list = NEW_N(a, n, Str);
	n = 0;
	for (gm = first; gm; gm = gm->same_person) {
		const struct group *group = gm->group ? gm->group : (const struct group *)state_find(m, RECORD_GROUP, log, gm->group_id);
		if (!group || group->pub.ended || !group_member_is(gm, who) || keys_voids(log, gm->seq)) continue;
		list[n++] = group->item.id;
	}
	*ret = list;
	return n;
}

struct policy_principal
ask_person(const struct mesh *m, struct arena *a, Str person_id, const struct log **ret_log)
{
	const struct mesh_member *member = mesh_member(m, person_id);
	const struct log *log = member ? HOLDER(member, member)->item.log : NULL;
	struct policy_principal who = {.person_id = person_id, .domain_id = {"", 0}};

	*ret_log = log;
	if (!log) return who;
	who.domain_id = log->item.id;
	who.active = is_member(log, member);
	who.is_owner = who.active && member->role == ROLE_OWNER;
	who.handed_to_all = !log->pub.handing_named && !(log->pub.handing_seq && keys_voids(log, log->pub.handing_seq));
	who.group_count = groups_of(m, a, log, member, &who.groups);
	return who;
}

/* --- who stands behind it --- */

/* In that log; the person's own id where nobody said otherwise. */
static Str
human_of(const struct mesh_member *member, Str person_id)
{
	return member && member->human_id.n ? member->human_id : person_id;
}

static Str
human_in(const struct mesh *m, const struct log *log, Str person_id)
{
	return human_of(PUB(member, state_find(m, RECORD_MEMBER, log, person_id)), person_id);
}

/* Which human they are was said last with a stolen key: it may have made two of one. */
static bool
void_human(const struct mesh *m, const struct log *log, Str person_id)
{
	const struct mesh_member *member = PUB(member, state_find(m, RECORD_MEMBER, log, person_id));

	return member && keys_voids(log, member->set_seq);
}

/* Somebody whom more than one domain says to be its member may be spoken for by any of them: outside the producer's log they count for nobody. */
static bool
speaks_for_themselves(const struct mesh *m, const struct log *producer, const struct log *log, Str person_id)
{
	const struct item *first = state_first(m, RECORD_MEMBER, person_id);

	return log == producer || FAULT(ANY_SPEAKER) || (first && !first->same && first->log == log);
}

size_t
ask_approvals(const struct mesh *m, struct arena *a, const struct log *log, Str subject_id, Str by, uint32_t by_role, struct policy_approval **ret)
{
	const struct approval *first = lookup_approvals(m, log->item.id, subject_id), *ap;
	const struct mesh_member *granter = PUB(member, state_find(m, RECORD_MEMBER, log, by));
	size_t n = 1;

	for (ap = first; ap; ap = ap->same_subject) n++;
	struct policy_approval *list = NEW_N(a, n, struct policy_approval);
	list[0] = (struct policy_approval){.log_id = log->item.id, .person_id = by, .human_id = human_of(granter, by), .role = by_role,
	    .service = granter && (granter->service || keys_voids(log, granter->set_seq))};
	n = 1;
	for (ap = first; ap; ap = ap->same_subject) {
		if (ap->pub.service || keys_voids(ap->item.log, ap->seq) || void_human(m, ap->item.log, ap->pub.person_id)) continue;
		if (!speaks_for_themselves(m, log, ap->item.log, ap->pub.person_id)) continue;
		list[n] = ap->pub;
		list[n].log_id = ap->item.log->item.id;
		list[n].human_id = human_in(m, ap->item.log, ap->pub.person_id); /* as it is known by now */
		n++;
	}
	*ret = list;
	return n;
}

/* The human who asked for what g grants. *ret_sure false: several logs hold such a request, and nobody knows which of them is answered. */
static Str
asker_of(const struct mesh *m, const struct grant *g, bool *ret_sure)
{
	const struct request *asked = NULL;

	*ret_sure = true;
	if (g->pub.request_id.n == 0) return (Str){"", 0};
	for (const struct item *it = state_first(m, RECORD_REQUEST, g->pub.request_id); it; it = it->same) {
		const struct request *r = (const struct request *)it;
		if (!ask_answers(&g->pub.policy, &r->pub) || !str_eq(r->pub.producer_domain_id, g->item.log->item.id)) continue;
		*ret_sure = !asked;
		asked = r;
	}
	return asked ? human_in(m, asked->item.log, asked->pub.person_id) : (Str){"", 0};
}

bool
ask_grant_undone(const struct grant *g)
{
	return keys_voids(g->item.log, g->pub.policy.seq) || fork_ended(g->item.log, RECORD_GRANT, g->item.id);
}

bool
ask_delegation_undone(const struct delegation *d)
{
	return keys_voids(d->item.log, d->pub.seq) || fork_ended(d->item.log, RECORD_DELEGATION, d->item.id);
}

struct policy_grant *
ask_grant(const struct mesh *m, struct arena *a, const struct grant *g)
{
	struct policy_grant *p = NEW(a, struct policy_grant);
	struct policy_approval *approvals;
	bool sure;

	*p = g->pub.policy;
	p->voided |= keys_voids(g->item.log, g->pub.policy.seq);
	p->revoked |= fork_ended(g->item.log, RECORD_GRANT, g->item.id);
	p->asker_human_id = asker_of(m, g, &sure);
	p->approval_count = ask_approvals(m, a, g->item.log, g->item.id, g->pub.by, g->pub.by_role, &approvals);
	p->approvals = approvals;
	if (!sure) p->approval_count = 0;
	return p;
}
