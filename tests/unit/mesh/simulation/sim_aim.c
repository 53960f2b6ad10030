/* What is said bears on what stands: grants that may be used, people who may approve, what is not yet ended. Mostly: what bears on nothing is tried too. */
#include "simulation.h"

/* --- picking what stands --- */

typedef bool fits_fn(const struct sim *s, const struct choice *c, int i);

/* One of count that fits, or, sometimes or when none does, any. */
static int
pick(struct sim *s, const struct choice *c, int count, fits_fn *fits)
{
	int from = (int)roll(s, (unsigned)count);
	bool aims = roll(s, 12) > 0;

	for (int i = 0; aims && i < count; i++)
		if (fits(s, c, (from + i) % count)) return (from + i) % count;
	return from;
}

static const struct t_log *log_of(const struct sim *s, const struct choice *c) { return &s->t.logs[c->domain]; }
static bool is_member(const struct sim *s, const struct choice *c, int i) { return log_of(s, c)->members[i].active; }
static bool is_free_grant(const struct sim *s, const struct choice *c, int i) { return !log_of(s, c)->grants[i].use.there; }
static bool is_free_tag(const struct sim *s, const struct choice *c, int i) { return !log_of(s, c)->tags[i].there; }
static bool is_free_request(const struct sim *s, const struct choice *c, int i) { return !log_of(s, c)->requests[i].there; }
static bool is_free_delegation(const struct sim *s, const struct choice *c, int i) { return !log_of(s, c)->delegations[i].use.there; }
static bool is_free_rule(const struct sim *s, const struct choice *c, int i) { return !log_of(s, c)->restrictions[i].there; }
static bool is_live(const struct t_use *u) { return u->there && !u->over; }
static bool is_live_grant(const struct sim *s, const struct choice *c, int i) { return is_live(&log_of(s, c)->grants[i].use); }
static bool is_live_delegation(const struct sim *s, const struct choice *c, int i) { return is_live(&log_of(s, c)->delegations[i].use); }

static bool
is_live_rule(const struct sim *s, const struct choice *c, int i)
{
	return truth_is_live(&log_of(s, c)->restrictions[i], &s->t);
}

static bool
is_defined(const struct sim *s, const struct choice *c, int i)
{
	return log_of(s, c)->purposes[i].there && !log_of(s, c)->purposes[i].retired;
}

static bool
is_in_group(const struct sim *s, const struct choice *c, int i)
{
	return log_of(s, c)->groups[i / PERSONS].members[i % PERSONS].in;
}

static bool
is_live_group(const struct sim *s, const struct choice *c, int i)
{
	return log_of(s, c)->groups[i].there && !log_of(s, c)->groups[i].ended;
}

/* A grant to this domain, counted over all producers. */
static bool
is_granted(const struct sim *s, const struct choice *c, int i)
{
	const struct t_use *u = &s->t.logs[i / GRANTS].grants[i % GRANTS].use;

	return is_live(u) && u->to_kind == PRINCIPAL_DOMAIN && u->to == c->domain;
}

static bool
is_void_grant(const struct sim *s, const struct choice *c, int i)
{
	const struct t_use *u = &log_of(s, c)->grants[i].use;

	return is_live(u) && truth_stolen(log_of(s, c), u->seq);
}

static bool
is_unproven(const struct sim *s, const struct choice *c UNUSED, int i)
{
	return !s->t.forks[i].proven;
}

/* A member whom a restriction of the center names, or who has a role that it asks for. */
static bool
is_asked_for(const struct sim *s, const struct choice *c, int i)
{
	const struct t_member *m = &log_of(s, c)->members[i];

	for (int k = 0; m->active && k < RESTRICTIONS; k++) {
		const struct t_restriction *r = &s->t.logs[OUR_CENTER].restrictions[k];
		if (!r->approvals || !truth_is_live(r, &s->t)) continue;
		if (s->t.logs[c->domain].approvals[c->to_log][c->subject][i].there) return false;
		if (r->approver[0] == i || r->approver[1] == i || (r->roles >> m->role & 1)) return true;
	}
	return false;
}

/* What may be approved in c->to_log: what stands there. */
static bool
is_subject(const struct sim *s, const struct choice *c, int i)
{
	const struct t_log *l = &s->t.logs[c->to_log];

	return i < GRANTS ? is_live(&l->grants[i].use) : l->tags[i - GRANTS].there;
}

/* A grant of c->to_log that some restriction has not seen approved. */
static bool
is_waiting(const struct sim *s, const struct choice *c, int i)
{
	const struct t_grant *g = &s->t.logs[c->to_log].grants[i];
	struct t_standing standing = {c->to_log, i, g->by, g->by_role, -1};

	for (int k = 0; is_live(&g->use) && k < RESTRICTIONS; k++) {
		const struct t_restriction *r = &s->t.logs[OUR_CENTER].restrictions[k];
		bool demands = r->approvals && truth_is_about(r, &s->t, c->to_log, g->product < 0 ? c->product : g->product, g->use.table < 0 ? 0 : g->use.table);
		if (demands && truth_approvals(&s->t, r, &standing) < r->approvals) return true;
	}
	return false;
}

/* A request of the consumer's that this grant may answer. */
static bool
is_asked(const struct sim *s, const struct choice *c, int i)
{
	const struct t_request *r = &s->t.logs[s->consumer].requests[i];

	return r->there && r->producer == c->domain;
}

/* --- grants, and what is made of them --- */

static struct t_use
choose_use(struct sim *s)
{
	static const enum mask_kind masks[] = {MASK_NONE, MASK_NONE, MASK_NONE, MASK_HASH, MASK_HASH, MASK_CONSTANT, MASK_NULL};
	static const int purposes[] = {PURPOSE_ANY, PURPOSE_ANY, PURPOSE_CAMPAIGN, PURPOSE_MARKETING};
	struct t_use u = {.table = roll(s, 3) ? -1 : (int)roll(s, TABLES), .rows = one_in(s, 4), .hides = one_in(s, 5),
	    .mask = masks[roll(s, ARRAY_LEN(masks))], .to_kind = (enum principal_kind)roll(s, 3), .to_domain = (int)roll(s, DOMAINS),
	    .purpose = purposes[roll(s, 4)], .from = one_in(s, 20) ? DAY(3) : DAY(0), .ways = INTERACT_SQL | INTERACT_API};

	u.to = (int)roll(s, u.to_kind == PRINCIPAL_DOMAIN ? DOMAINS : u.to_kind == PRINCIPAL_PERSON ? PERSONS : GROUPS);
	if (one_in(s, 6)) u.ways = one_in(s, 2) ? INTERACT_API : INTERACT_SQL;
	u.until = one_in(s, 16) ? DAY(0) + TIME_SECOND : one_in(s, 2) ? DAY(30) : TIME_FOREVER;
	return u;
}

static void
aim_at_consumer(struct sim *s, struct t_use *u)
{
	struct choice there = {.domain = s->consumer};

	u->to_domain = s->consumer;
	if (s->theme == THEME_DELEGATIONS && one_in(s, 2)) u->to_kind = PRINCIPAL_DOMAIN;
	switch (u->to_kind) {
	case PRINCIPAL_DOMAIN: u->to = s->consumer; break;
	case PRINCIPAL_PERSON: u->to = pick(s, &there, PERSONS, is_member); break;
	case PRINCIPAL_GROUP: u->to = pick(s, &there, GROUPS, is_live_group); break;
	}
}

static void
make_by_tags(struct sim *s, struct t_grant *g)
{
	unsigned which = roll(s, 3);

	g->product = g->use.table = -1;
	g->red = which != 0;
	g->blue = which != 1;
	g->future = one_in(s, 2);
	if (g->future && g->use.until == TIME_FOREVER) g->use.until = DAY(30);
}

static void
answer_request(struct sim *s, const struct choice *c, struct t_grant *g)
{
	const struct t_request *r;

	g->request = pick(s, c, REQUESTS, is_asked);
	r = &s->t.logs[s->consumer].requests[g->request];
	if (!r->there) return;
	g->product = r->product;
	g->use.to_kind = one_in(s, 2) ? PRINCIPAL_PERSON : PRINCIPAL_DOMAIN;
	g->use.to = g->use.to_kind == PRINCIPAL_PERSON ? r->person : s->consumer;
}

static void
aim_grant(struct sim *s, struct choice *c)
{
	struct t_grant g = {.use = choose_use(s), .product = c->product, .request = -1, .no_export = one_in(s, 8), .row_budget = one_in(s, 8) ? 100 : 0,
	    .hours = one_in(s, 8), .min_group = one_in(s, 10) ? 5 * (1 + roll(s, 2)) : 0};

	if (roll(s, 4)) aim_at_consumer(s, &g.use);
	if (one_in(s, s->theme == THEME_APPROVALS ? 2 : 8))
		answer_request(s, c, &g);
	else if (s->theme == THEME_TAGS ? roll(s, 4) : one_in(s, 8))
		make_by_tags(s, &g);
	c->grant = pick(s, c, GRANTS, is_free_grant);
	c->given = g;
}

static void
aim_delegation(struct sim *s, struct choice *c)
{
	int granted = pick(s, c, PRODUCERS * GRANTS, is_granted);

	c->delegation = pick(s, c, DELEGATIONS, is_free_delegation);
	c->to_log = granted / GRANTS;
	c->grant = granted % GRANTS;
	c->handed = choose_use(s);
	c->handed.to_domain = c->domain;
	c->handed.to_kind = one_in(s, 2) ? PRINCIPAL_PERSON : PRINCIPAL_GROUP;
	c->handed.to = c->handed.to_kind == PRINCIPAL_PERSON ? pick(s, c, PERSONS, is_member) : pick(s, c, GROUPS, is_live_group);
	if (roll(s, 3)) c->handed.table = -1;
}

static void
aim_approval(struct sim *s, struct choice *c)
{
	if (roll(s, 8)) c->to_log = s->producer;
	c->subject = one_in(s, s->theme == THEME_TAGS ? 4 : 2) ? pick(s, c, GRANTS, is_waiting) : pick(s, c, GRANTS + TAGS, is_subject);
	if (roll(s, 4)) c->by = pick(s, c, PERSONS, is_asked_for);
}

/* --- restrictions --- */

enum effect { SUSPEND, HIDE, MASK, PURPOSE, HANDING, CAP, LEVEL, FREEZE, APPROVE };

static const enum effect EFFECTS[THEMES][8] = {
    [THEME_ALL] = {SUSPEND, HIDE, MASK, PURPOSE, HANDING, LEVEL, FREEZE, APPROVE},
    [THEME_APPROVALS] = {APPROVE, APPROVE, APPROVE, APPROVE, APPROVE, APPROVE, MASK, PURPOSE},
    [THEME_DELEGATIONS] = {HANDING, HANDING, CAP, CAP, MASK, MASK, PURPOSE, HIDE},
    [THEME_TAGS] = {APPROVE, APPROVE, APPROVE, APPROVE, HIDE, MASK, MASK, SUSPEND},
    [THEME_KEYS] = {APPROVE, APPROVE, MASK, HIDE, CAP, HANDING, PURPOSE, LEVEL},
};

static void
demand_approvals(struct sim *s, struct t_restriction *r)
{
	static const uint32_t roles[] = {0, 0, 1U << ROLE_OWNER, 1U << ROLE_STEWARD, 1U << ROLE_OWNER | 1U << ROLE_ANALYST};

	r->approvals = 1 + roll(s, 2);
	r->roles = roles[roll(s, ARRAY_LEN(roles))];
	for (int i = 0; i < 2; i++)
		if (one_in(s, 2)) r->approver[i] = (int)roll(s, PERSONS);
	if (r->approver[0] < 0) r->approver[1] = -1;
}

/* All closed, there is nothing to see: what closes altogether is about one product. */
static struct t_restriction
choose_rule(struct sim *s)
{
	struct t_restriction r = {.there = true, .product = one_in(s, 2) ? -1 : (int)roll(s, PRODUCTS), .domain = one_in(s, 2) ? -1 : (int)roll(s, PRODUCERS),
	    .about = one_in(s, s->theme == THEME_TAGS ? 1 : 3) ? (int)roll(s, 4) : ABOUT_ALL, .personal = one_in(s, 4), .approver = {-1, -1}};

	switch (EFFECTS[s->theme][roll(s, 8)]) {
	case SUSPEND: r.suspend = true; r.product = (int)roll(s, PRODUCTS); break;
	case HIDE: r.hide = true; break;
	case MASK: r.mask = one_in(s, 2) ? MASK_HASH : MASK_CONSTANT; break;
	case PURPOSE: r.purpose = true; break;
	case HANDING: r.handing = true; break;
	case CAP: r.days = 1 + roll(s, 60); break;
	case LEVEL: r.level = 2; r.product = (int)roll(s, PRODUCTS); break;
	case FREEZE: r.freeze = true; r.domain = (int)roll(s, DOMAINS); break;
	case APPROVE: demand_approvals(s, &r); break;
	}
	if (!r.approvals && one_in(s, 8)) demand_approvals(s, &r);
	return r;
}

/* --- people, keys and forks --- */

/* Most are where they belong. */
static int
home_of(const struct sim *s, int person)
{
	return person < 5 ? s->consumer : person < 9 ? s->producer : (person * 5 + 1) % DOMAINS;
}

static void
aim_member(struct sim *s, struct choice *c)
{
	static const enum role roles[] = {ROLE_OWNER, ROLE_STEWARD, ROLE_ANALYST, ROLE_ANALYST, ROLE_ENGINEER};

	c->role = roles[roll(s, 5)];
	if (c->person < 4 && roll(s, 3)) c->role = ROLE_ANALYST; /* an owner needs nothing handed on */
	if (roll(s, 8)) c->domain = home_of(s, c->person);
	c->human = one_in(s, 2) ? -1 : (int)roll(s, PERSONS);
	c->service = one_in(s, s->theme == THEME_APPROVALS ? 5 : 12);
}

static void
aim_confirmation(struct sim *s, struct choice *c)
{
	const struct t_log *l = log_of(s, c);

	if (!l->void_count) return;
	const struct t_span *v = &l->voids[roll(s, (unsigned)l->void_count)];
	int grant = pick(s, c, GRANTS, is_void_grant);
	c->since = is_void_grant(s, c, grant) ? l->grants[grant].use.seq : v->from + roll(s, (unsigned)(v->to - v->from) + 1);
}

static void
aim_fork(struct sim *s, struct choice *c)
{
	if (s->t.fork_count) c->fork = c->type == EVENT_FORK_REPORT ? pick(s, c, s->t.fork_count, is_unproven) : (int)roll(s, (unsigned)s->t.fork_count);
	c->false_report = one_in(s, 4);
	if (c->type != EVENT_FORK_RESOLVE || c->fork < 0) return;
	c->domain = s->t.forks[c->fork].domain;
	c->since = s->t.forks[c->fork].at;
}

static void
aim_rotation(struct sim *s, struct choice *c)
{
	uint64_t size = s->w->d[c->domain].size;

	c->since = size > 40 ? size - roll(s, 40) : size;
	c->stolen = one_in(s, 2);
	c->by_recovery = one_in(s, 2);
}

/* --- all of it --- */

static void
aim_person(struct sim *s, struct choice *c)
{
	int in = pick(s, c, GROUPS * PERSONS, is_in_group);

	c->person = pick(s, c, PERSONS, is_member);
	if (c->type == EVENT_GROUP_JOIN) c->group = pick(s, c, GROUPS, is_live_group);
	if (c->type != EVENT_GROUP_LEAVE) return;
	c->group = in / PERSONS;
	c->person = in % PERSONS;
}

static void
aim_request(struct sim *s, struct choice *c)
{
	c->request = pick(s, c, REQUESTS, is_free_request);
	c->person = pick(s, c, PERSONS, is_member);
	if (roll(s, 4)) c->to_log = s->producer;
}

void
sim_aim(struct sim *s, struct choice *c)
{
	if (c->type == EVENT_MEMBER_SET) aim_member(s, c);
	if (c->type == EVENT_FORK_REPORT || c->type == EVENT_FORK_RESOLVE) aim_fork(s, c);
	c->by = pick(s, c, PERSONS, is_member);
	switch (c->type) {
	case EVENT_GRANT_ADD: aim_grant(s, c); break;
	case EVENT_GRANT_REVOKE: c->grant = pick(s, c, GRANTS, is_live_grant); break;
	case EVENT_DELEGATION_ADD: aim_delegation(s, c); break;
	case EVENT_DELEGATION_END: c->delegation = pick(s, c, DELEGATIONS, is_live_delegation); break;
	case EVENT_APPROVAL_ADD: aim_approval(s, c); break;
	case EVENT_GROUP_JOIN: case EVENT_GROUP_LEAVE: case EVENT_MEMBER_END: aim_person(s, c); break;
	case EVENT_TAG_SET: c->tag = pick(s, c, TAGS, is_free_tag); break;
	case EVENT_RESTRICTION_ADD: c->restriction = pick(s, c, RESTRICTIONS, is_free_rule); c->rule = choose_rule(s); break;
	case EVENT_RESTRICTION_LIFT: c->restriction = pick(s, c, RESTRICTIONS, is_live_rule); break;
	case EVENT_PURPOSE_RETIRE: c->purpose = pick(s, c, PURPOSES, is_defined); break;
	case EVENT_REQUEST_OPEN: aim_request(s, c); break;
	case EVENT_KEY_ROTATE: aim_rotation(s, c); break;
	case EVENT_CONFIRM: aim_confirmation(s, c); break;
	default: break;
	}
}

unsigned
sim_live_rules(const struct sim *s)
{
	struct choice center = {.domain = OUR_CENTER};
	unsigned n = 0;

	for (int i = 0; i < RESTRICTIONS; i++) n += is_live_rule(s, &center, i);
	return n;
}
