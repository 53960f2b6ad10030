/* What an event that was accepted comes to in truth.h, and whether it could be accepted at all. */
#ifndef TESTS_MESH_SAID_H
#define TESTS_MESH_SAID_H

#include "simulate.h"

/* May this domain say this? What may not must be refused. */
static inline bool
said_lawfully(const struct truth *t, const struct choice *c)
{
	const struct t_log *l = &t->logs[c->domain];
	const struct t_product *p = &l->products[c->product];

	if (of_center(c->type)) return is_center(c->domain);
	switch (c->type) {
	case EVENT_GRANT_ADD: return !is_center(c->domain) && (choice_grant(c, l).product < 0 || (p->there && !p->retired)) && !l->grants[c->grant].use.there;
	case EVENT_PRODUCT_PUBLISH: return !is_center(c->domain) && !p->retired;
	case EVENT_PRODUCT_RETIRE: case EVENT_TAG_SET: case EVENT_REVIEW_ADD: return p->there && !p->retired;
	case EVENT_GRANT_REVOKE: return l->grants[c->grant].use.there;
	case EVENT_GROUP_JOIN: return l->groups[c->group].there && !l->groups[c->group].ended && l->members[c->person].active;
	case EVENT_APPROVAL_ADD: return l->members[c->by].active;
	case EVENT_REQUEST_OPEN: return l->members[c->person].active;
	case EVENT_DELEGATION_ADD:
		if (c->use.to_kind == PRINCIPAL_GROUP) return l->groups[c->use.to].there && !l->groups[c->use.to].ended;
		return l->members[c->use.to].active;
	case EVENT_DELEGATION_END: return l->delegations[c->delegation].use.there;
	case EVENT_CONFIRM: return truth_stolen(l, c->since);
	default: return true;
	}
}

/* What closes must be taken when there is something to close. */
static inline bool
must_be_taken(const struct truth *t, const struct choice *c)
{
	const struct t_log *l = &t->logs[c->domain];

	switch (c->type) {
	case EVENT_GRANT_REVOKE: return l->grants[c->grant].use.there;
	case EVENT_DELEGATION_END: return l->delegations[c->delegation].use.there;
	case EVENT_MEMBER_END: return l->members[c->person].there;
	case EVENT_GROUP_LEAVE: return l->groups[c->group].members[c->person].in;
	case EVENT_GROUP_END: return l->groups[c->group].there;
	case EVENT_RESTRICTION_ADD: return is_center(c->domain) && !l->restrictions[c->restriction].there;
	case EVENT_KEY_ROTATE: return true;
	default: return false;
	}
}

static inline void
said_publish(struct t_product *p, const struct choice *c, uint64_t seq)
{
	for (int i = 0; i < TABLES; i++) {
		bool has = i == 0 || BITS(c, 0, 2) != 0, personal = BIT(c, 2 + i);
		if (!p->has[i]) p->since[i] = seq;
		p->personal[i] = has && (personal || (p->has[i] && p->personal[i]));
		p->has[i] = has;
	}
	p->there = true;
}

static inline void
said_member(struct t_member *m, const struct choice *c, uint64_t seq)
{
	if (!m->active) m->seq = seq;
	m->there = m->active = true;
	m->set_seq = seq;
	m->role = c->role;
	m->service = BITS(c, 0, 4) == 0;
	m->human = BITS(c, 4, 2) ? c->person : c->other;
}

static inline void
said_rotation(struct t_log *l, const struct choice *c, uint64_t seq)
{
	int n = 0;

	if (!BIT(c, 0)) return;
	l->voids[l->void_count++] = (struct t_span){c->since, seq};
	for (int i = 0; i < l->confirm_count; i++)
		if (l->confirms[i].to < c->since) l->confirms[n++] = l->confirms[i];
	l->confirm_count = n;
}

static inline void
said_about_use(struct truth *t, struct t_log *l, const struct choice *c, uint64_t seq)
{
	const struct t_member *by = &l->members[c->by];

	switch (c->type) {
	case EVENT_GRANT_ADD:
		l->grants[c->grant] = choice_grant(c, l);
		l->grants[c->grant].use.there = true;
		l->grants[c->grant].use.seq = seq;
		break;
	case EVENT_GRANT_REVOKE: l->grants[c->grant].use.over = true; break;
	case EVENT_DELEGATION_ADD:
		l->delegations[c->delegation] = (struct t_delegation){c->use, c->to_log, c->grant};
		l->delegations[c->delegation].use.there = true;
		l->delegations[c->delegation].use.seq = seq;
		break;
	case EVENT_DELEGATION_END: l->delegations[c->delegation].use.over = true; break;
	case EVENT_APPROVAL_ADD:
		l->approvals[c->to_log][c->subject][c->by] = (struct t_approval){true, by->service, 1U << by->role, seq};
		break;
	case EVENT_TAG_SET:
		l->tags[c->tag] = (struct t_tag){true, c->product, c->table, c->column, c->value, truth_area(l, c->product, c->table, c->column), c->by, seq};
		break;
	case EVENT_REQUEST_OPEN: l->requests[c->request] = (struct t_request){true, c->person, c->to_log, c->product}; break;
	case EVENT_FORK_REPORT:
		if (!is_false_report(c)) t->forks[c->fork].proven = true;
		break;
	default: break;
	}
}

static inline void
said(struct truth *t, const struct choice *c, uint64_t seq)
{
	struct t_log *l = &t->logs[c->domain];

	switch (c->type) {
	case EVENT_PRODUCT_PUBLISH: said_publish(&l->products[c->product], c, seq); break;
	case EVENT_PRODUCT_RETIRE: l->products[c->product].retired = true; break;
	case EVENT_MEMBER_SET: said_member(&l->members[c->person], c, seq); break;
	case EVENT_MEMBER_END: l->members[c->person].active = false; break;
	case EVENT_DOMAIN_SET:
		l->handing_set = true;
		l->handing_named = BITS(c, 0, 2) != 0;
		l->handing_seq = seq;
		break;
	case EVENT_GROUP_SET: l->groups[c->group].there = true; break;
	case EVENT_GROUP_END: l->groups[c->group].ended = true; break;
	case EVENT_GROUP_JOIN:
		l->groups[c->group].members[c->person].in = true;
		l->groups[c->group].members[c->person].seq = seq;
		break;
	case EVENT_GROUP_LEAVE: l->groups[c->group].members[c->person].in = false; break;
	case EVENT_RESTRICTION_ADD: l->restrictions[c->restriction] = c->rule; break;
	case EVENT_RESTRICTION_LIFT: l->restrictions[c->restriction].lifted = true; break;
	case EVENT_PURPOSE_DEFINE: l->purposes[c->purpose] = true; break;
	case EVENT_PURPOSE_RETIRE: l->purposes[c->purpose] = false; break;
	case EVENT_KEY_ROTATE: said_rotation(l, c, seq); break;
	case EVENT_CONFIRM: l->confirms[l->confirm_count++] = (struct t_span){c->since, seq}; break;
	case EVENT_FORK_RESOLVE: l->resolves[l->resolve_count++] = (struct t_span){c->since, seq}; break;
	default: said_about_use(t, l, c, seq); break;
	}
}

#endif
