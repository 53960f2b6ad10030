/* What may be said, and what an event that was accepted comes to. */
#include "truth.h"

bool
truth_is_center(int domain)
{
	return domain == OUR_CENTER || domain == OTHER_CENTER;
}

static bool
live_group(const struct t_log *l, int group)
{
	return l->groups[group].there && !l->groups[group].ended;
}

bool
truth_may_say(const struct truth *t, const struct choice *c)
{
	const struct t_log *l = &t->logs[c->domain];
	const struct t_product *p = &l->products[c->product];

	switch (c->type) {
	case EVENT_RESTRICTION_ADD: case EVENT_RESTRICTION_LIFT: case EVENT_TAG_DEFINE: case EVENT_TAG_RETIRE: case EVENT_PURPOSE_DEFINE:
	case EVENT_PURPOSE_RETIRE: case EVENT_EXCEPTION_ADD: case EVENT_EXCEPTION_END: case EVENT_EVIDENCE_ADD: return truth_is_center(c->domain);
	case EVENT_GRANT_ADD:
		if (truth_is_center(c->domain) || l->grants[c->grant].use.there) return false;
		return c->given.product < 0 || (l->products[c->given.product].there && !l->products[c->given.product].retired);
	case EVENT_PRODUCT_PUBLISH: return !truth_is_center(c->domain) && !p->retired && c->snapshot <= SNAPSHOT_OWN;
	case EVENT_PRODUCT_RETIRE: case EVENT_TAG_SET: case EVENT_REVIEW_ADD: return p->there && !p->retired;
	case EVENT_GRANT_REVOKE: return l->grants[c->grant].use.there;
	case EVENT_GROUP_JOIN: return live_group(l, c->group) && l->members[c->person].active;
	case EVENT_APPROVAL_ADD: return l->members[c->by].active;
	case EVENT_REQUEST_OPEN: return l->members[c->person].active;
	case EVENT_DELEGATION_ADD: return c->handed.to_kind == PRINCIPAL_GROUP ? live_group(l, c->handed.to) : l->members[c->handed.to].active;
	case EVENT_DELEGATION_END: return l->delegations[c->delegation].use.there;
	case EVENT_CONFIRM: return truth_stolen(l, c->since);
	default: return true;
	}
}

bool
truth_must_take(const struct truth *t, const struct choice *c)
{
	const struct t_log *l = &t->logs[c->domain];

	switch (c->type) {
	case EVENT_GRANT_REVOKE: return l->grants[c->grant].use.there;
	case EVENT_DELEGATION_END: return l->delegations[c->delegation].use.there;
	case EVENT_MEMBER_END: return l->members[c->person].there;
	case EVENT_GROUP_LEAVE: return l->groups[c->group].members[c->person].in;
	case EVENT_GROUP_END: return l->groups[c->group].there;
	case EVENT_RESTRICTION_ADD: return truth_is_center(c->domain) && !l->restrictions[c->restriction].there;
	case EVENT_KEY_ROTATE: return true;
	default: return false;
	}
}

/* --- what it comes to --- */

/* A publish only raises classes. */
static void
said_publish(struct t_product *p, const struct choice *c, uint64_t seq)
{
	for (int i = 0; i < TABLES; i++) {
		bool has = i == 0 || c->second_table;
		if (!p->has[i]) p->since[i] = seq;
		p->personal[i] = has && (c->personal[i] || (p->has[i] && p->personal[i]));
		p->has[i] = has;
	}
	p->there = true;
	p->seq = seq;
}

static void
said_member(struct t_member *m, const struct choice *c, uint64_t seq)
{
	if (!m->active) m->seq = seq;
	m->there = m->active = true;
	m->set_seq = seq;
	m->role = c->role;
	m->service = c->service;
	m->human = c->human < 0 ? c->person : c->human;
}

/* Lifted once is lifted, but for who did with a stolen key. */
static void
said_lift(struct t_log *l, const struct choice *c, uint64_t seq)
{
	struct t_restriction *r = &l->restrictions[c->restriction];

	if (r->lifted == 0 || truth_stolen(l, r->lifted)) r->lifted = seq;
}

static void
said_purpose(struct t_log *l, const struct choice *c, uint64_t seq)
{
	struct t_purpose *p = &l->purposes[c->purpose];
	bool retires = c->type == EVENT_PURPOSE_RETIRE;

	if (retires && p->retired && !truth_stolen(l, p->seq)) return;
	*p = (struct t_purpose){true, retires, seq};
}

/* Confirmations that were said with the stolen key count no more. */
static void
said_rotation(struct t_log *l, const struct choice *c, uint64_t seq)
{
	int n = 0;

	if (!c->stolen) return;
	l->voids[l->void_count++] = (struct t_span){c->since, seq};
	for (int i = 0; i < l->confirm_count; i++)
		if (l->confirms[i].to < c->since) l->confirms[n++] = l->confirms[i];
	l->confirm_count = n;
}

static void
said_grant(struct t_log *l, const struct choice *c, uint64_t seq)
{
	struct t_grant *g = &l->grants[c->grant];

	*g = c->given;
	g->use.there = true;
	g->use.seq = seq;
	g->by = c->by;
	g->by_role = l->members[c->by].active ? 1U << l->members[c->by].role : 0;
}

static void
said_delegation(struct t_log *l, const struct choice *c, uint64_t seq)
{
	struct t_delegation *d = &l->delegations[c->delegation];

	*d = (struct t_delegation){c->handed, c->to_log, c->grant};
	d->use.there = true;
	d->use.seq = seq;
}

static void
said_about_use(struct truth *t, struct t_log *l, const struct choice *c, uint64_t seq)
{
	const struct t_member *by = &l->members[c->by];

	switch (c->type) {
	case EVENT_GRANT_ADD: said_grant(l, c, seq); break;
	case EVENT_GRANT_REVOKE: l->grants[c->grant].use.over = true; break;
	case EVENT_DELEGATION_ADD: said_delegation(l, c, seq); break;
	case EVENT_DELEGATION_END: l->delegations[c->delegation].use.over = true; break;
	case EVENT_APPROVAL_ADD: l->approvals[c->to_log][c->subject][c->by] = (struct t_approval){true, by->service, 1U << by->role, seq}; break;
	case EVENT_TAG_SET:
		l->tags[c->tag] = (struct t_tag){true, c->product, c->table, c->column, c->value, truth_area(l, c->product, c->table, c->column), c->by, seq};
		break;
	case EVENT_REQUEST_OPEN: l->requests[c->request] = (struct t_request){true, c->person, c->to_log, c->product}; break;
	case EVENT_FORK_REPORT:
		if (c->fork < 0 || c->false_report) break;
		t->forks[c->fork].proven = true;
		t->forks[c->fork].proven_outside |= c->domain != OUR_CENTER;
		break;
	default: break;
	}
}

static void
said_about_groups(struct t_log *l, const struct choice *c, uint64_t seq)
{
	switch (c->type) {
	case EVENT_GROUP_SET: l->groups[c->group].there = true; break;
	case EVENT_GROUP_END: l->groups[c->group].ended = true; break;
	case EVENT_GROUP_LEAVE: l->groups[c->group].members[c->person].in = false; break;
	default:
		l->groups[c->group].members[c->person].in = true;
		l->groups[c->group].members[c->person].seq = seq;
		break;
	}
}

void
truth_said(struct truth *t, const struct choice *c, uint64_t seq)
{
	struct t_log *l = &t->logs[c->domain];

	switch (c->type) {
	case EVENT_PRODUCT_PUBLISH: said_publish(&l->products[c->product], c, seq); break;
	case EVENT_PRODUCT_RETIRE: l->products[c->product].retired = true; break;
	case EVENT_MEMBER_SET: said_member(&l->members[c->person], c, seq); break;
	case EVENT_MEMBER_END: l->members[c->person].active = false; break;
	case EVENT_DOMAIN_SET:
		l->handing_set = true;
		l->handing_named = c->named;
		l->handing_seq = seq;
		break;
	case EVENT_GROUP_SET: case EVENT_GROUP_END: case EVENT_GROUP_JOIN: case EVENT_GROUP_LEAVE: said_about_groups(l, c, seq); break;
	case EVENT_RESTRICTION_ADD: l->restrictions[c->restriction] = c->rule; break;
	case EVENT_RESTRICTION_LIFT: said_lift(l, c, seq); break;
	case EVENT_PURPOSE_DEFINE: case EVENT_PURPOSE_RETIRE: said_purpose(l, c, seq); break;
	case EVENT_KEY_ROTATE: said_rotation(l, c, seq); break;
	case EVENT_CONFIRM: l->confirms[l->confirm_count++] = (struct t_span){c->since, seq}; break;
	case EVENT_FORK_RESOLVE: l->resolves[l->resolve_count++] = (struct t_span){c->since, seq}; break;
	default: said_about_use(t, l, c, seq); break;
	}
}
