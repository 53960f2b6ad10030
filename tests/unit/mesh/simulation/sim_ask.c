/* Who asks for what. About what was just said, as it will be once it counts; about what stands; and about anything. */
#include "simulation.h"

#include "mesh/state.h"

/* As sim_id(), millions of times. */
static Str
number_id(char ret[static 11], const char *prefix, int n)
{
	memcpy(ret, prefix, 3);
	memcpy(ret + 3, "_0000", 5);
	ret[8] = (char)('0' + n / 10);
	ret[9] = (char)('0' + n % 10);
	return str_of(ret, 10);
}

bool
sim_ask(const struct mesh *m, const struct sim *s, const struct question *q, struct policy_decision *ret)
{
	char id[11], person[11];
	const struct log *log = state_log(m, did(s->w, q->domain));
	Str purpose = str_c(PURPOSE_NAMES[q->purpose]);

	*ret = (struct policy_decision){.verdict = VERDICT_REFUSE};
	const struct product *p = log ? (const struct product *)state_find(m, RECORD_PRODUCT, log, number_id(id, "prd", q->product)) : NULL;
	for (size_t i = 0; p && i < p->pub.table_count; i++)
		if (str_eqc(p->pub.tables[i].policy.name, TABLE_NAMES[q->table + 1]))
			mesh_decide(m, &s->w->arena, number_id(person, "per", q->person), &p->pub, &p->pub.tables[i], purpose, q->way, q->level, q->now, NULL, ret);
	return ret->verdict == VERDICT_ALLOW;
}

/* --- who it is for --- */

static int
somebody_of(struct sim *s, int domain)
{
	int from = (int)roll(s, PERSONS);

	for (int i = 0; i < PERSONS; i++)
		if (truth_home(&s->t, (from + i) % PERSONS) == domain) return (from + i) % PERSONS;
	return from;
}

static int
somebody_for(struct sim *s, const struct t_use *u)
{
	int from = (int)roll(s, PERSONS);

	if (u->to_kind == PRINCIPAL_PERSON) return u->to;
	if (u->to_kind == PRINCIPAL_DOMAIN) return somebody_of(s, u->to);
	for (int i = 0; i < PERSONS; i++)
		if (s->t.logs[u->to_domain].groups[u->to].members[(from + i) % PERSONS].seq > 0) return (from + i) % PERSONS; /* or was in it */
	return from;
}

/* --- what it is for --- */

static struct question
random_question(struct sim *s, int domain)
{
	static const int purposes[] = {PURPOSE_CAMPAIGN, PURPOSE_CAMPAIGN, PURPOSE_PART, PURPOSE_MARKETING, PURPOSE_NONE, PURPOSE_OTHER};
	struct question q = {.person = (int)roll(s, PERSONS), .domain = domain, .product = (int)roll(s, PRODUCTS), .table = (int)roll(s, TABLES),
	    .purpose = purposes[roll(s, 6)], .way = one_in(s, 6) ? INTERACT_API : INTERACT_SQL, .level = one_in(s, 8) ? 1 : 3, .now = DAY(1) + TIME_DAY / 2};

	if (one_in(s, 10)) q.now = one_in(s, 2) ? DAY(40) + TIME_DAY / 2 : DAY(1) + TIME_DAY / 12;
	return q;
}

/* The purpose it is for, mostly. */
static void
suit(struct sim *s, const struct t_use *u, struct question *q)
{
	if (u->table >= 0 && roll(s, 8)) q->table = u->table;
	if (!(u->ways & (uint32_t)q->way)) q->way = q->way == INTERACT_SQL ? INTERACT_API : INTERACT_SQL;
	if (one_in(s, 5)) return;
	if (u->purpose == PURPOSE_CAMPAIGN || (u->purpose == PURPOSE_ANY && one_in(s, 2))) q->purpose = PURPOSE_CAMPAIGN;
	if (u->purpose == PURPOSE_MARKETING) q->purpose = PURPOSE_PART;
	for (int i = 0; u->purpose == PURPOSE_ANY && i < PURPOSES; i++)
		if (s->t.logs[OUR_CENTER].purposes[i].there && truth_purpose_known(&s->t, i)) q->purpose = i;
}

static struct question
question_of(struct sim *s, int domain, const struct t_grant *g)
{
	struct question q = random_question(s, domain);

	if (one_in(s, 10)) return q;
	if (g->product >= 0) q.product = g->product;
	suit(s, &g->use, &q);
	q.person = somebody_for(s, &g->use);
	return q;
}

struct question
sim_question_of_grant(struct sim *s, int domain, int grant)
{
	return question_of(s, domain, &s->t.logs[domain].grants[grant]);
}

static struct question
question_of_handed(struct sim *s, int producer, int grant, const struct t_use *handed)
{
	struct question q = sim_question_of_grant(s, producer, grant);

	if (one_in(s, 10)) return q;
	suit(s, handed, &q);
	q.person = somebody_for(s, handed);
	return q;
}

struct question
sim_question_of_delegation(struct sim *s, int domain, int delegation)
{
	const struct t_delegation *d = &s->t.logs[domain].delegations[delegation];

	return question_of_handed(s, d->producer, d->grant, &d->use);
}

/* About a live grant of the log that fits. */
typedef bool grant_fn(const struct t_grant *g, const struct choice *c);

static struct question
question_where(struct sim *s, int domain, const struct choice *c, grant_fn *fits)
{
	unsigned from = roll(s, GRANTS);

	for (unsigned i = 0; i < GRANTS; i++) {
		const struct t_grant *g = &s->t.logs[domain].grants[(from + i) % GRANTS];
		if (g->use.there && !g->use.over && fits(g, c)) return question_of(s, domain, g);
	}
	return random_question(s, domain);
}

static bool any(const struct t_grant *g UNUSED, const struct choice *c UNUSED) { return true; }
static bool said_at(const struct t_grant *g, const struct choice *c) { return g->use.seq == c->since; }
static bool by_tags(const struct t_grant *g, const struct choice *c UNUSED) { return g->product < 0; }
static bool on_product(const struct t_grant *g, const struct choice *c) { return g->product < 0 || g->product == c->product; }
static bool to_domain(const struct t_grant *g, const struct choice *c) { return g->use.to_kind == PRINCIPAL_DOMAIN && g->use.to == c->domain; }

static bool
to_group(const struct t_grant *g, const struct choice *c)
{
	return g->use.to_kind == PRINCIPAL_GROUP && g->use.to == c->group && g->use.to_domain == c->domain;
}

static bool
to_person(const struct t_grant *g, const struct choice *c)
{
	return (g->use.to_kind == PRINCIPAL_PERSON && g->use.to == c->person) || to_domain(g, c);
}

static int
some_producer(struct sim *s)
{
	return roll(s, 3) ? s->producer : (int)roll(s, PRODUCERS);
}

struct question
sim_any_question(struct sim *s)
{
	return question_where(s, some_producer(s), NULL, any);
}

/* --- about what is said --- */

/* A delegation to the group as likely as a grant. */
static struct question
question_of_group(struct sim *s, const struct choice *c)
{
	struct question q = question_where(s, some_producer(s), c, to_group);
	unsigned from = roll(s, DELEGATIONS);

	for (unsigned i = 0; one_in(s, 2) && i < DELEGATIONS; i++) {
		const struct t_delegation *d = &s->t.logs[c->domain].delegations[(from + i) % DELEGATIONS];
		if (!d->use.there || d->use.over || d->use.to_kind != PRINCIPAL_GROUP || d->use.to != c->group) continue;
		q = question_of_handed(s, d->producer, d->grant, &d->use);
		break;
	}
	if (c->type != EVENT_GROUP_END) q.person = c->person;
	return q;
}

static struct question
question_of_tag(struct sim *s, int domain, int product, int table)
{
	struct question q = question_where(s, domain, NULL, by_tags);

	q.product = product;
	if (table >= 0) q.table = table;
	return q;
}

static struct question
question_of_approval(struct sim *s, const struct choice *c)
{
	const struct t_tag *t = &s->t.logs[c->to_log].tags[c->subject < GRANTS ? 0 : c->subject - GRANTS];

	return c->subject < GRANTS ? sim_question_of_grant(s, c->to_log, c->subject) : question_of_tag(s, c->to_log, t->product, t->table);
}

static struct question
question_of_member(struct sim *s, const struct choice *c)
{
	struct question q = question_where(s, one_in(s, 3) ? c->domain : some_producer(s), c, to_person); /* an owner reads their own */

	q.person = c->person;
	return q;
}

struct question
sim_question_about(struct sim *s, const struct choice *c)
{
	switch (c->type) {
	case EVENT_GRANT_ADD: return question_of(s, c->domain, &c->given);
	case EVENT_GRANT_REVOKE: return sim_question_of_grant(s, c->domain, c->grant);
	case EVENT_DELEGATION_ADD: return question_of_handed(s, c->to_log, c->grant, &c->handed);
	case EVENT_DELEGATION_END: return sim_question_of_delegation(s, c->domain, c->delegation);
	case EVENT_GROUP_JOIN: case EVENT_GROUP_LEAVE: case EVENT_GROUP_END: return question_of_group(s, c);
	case EVENT_MEMBER_SET: case EVENT_MEMBER_END: return question_of_member(s, c);
	case EVENT_DOMAIN_SET: return question_where(s, some_producer(s), c, to_domain);
	case EVENT_APPROVAL_ADD: return question_of_approval(s, c);
	case EVENT_TAG_SET: return question_of_tag(s, c->domain, c->product, c->table);
	case EVENT_PRODUCT_PUBLISH: return question_where(s, c->domain, c, on_product);
	case EVENT_CONFIRM: return question_where(s, c->domain, c, said_at);
	case EVENT_KEY_ROTATE: return question_where(s, one_in(s, 2) ? c->domain : s->producer, NULL, any);
	case EVENT_FORK_REPORT: case EVENT_FORK_RESOLVE: return c->fork < 0 ? sim_any_question(s) : question_where(s, s->t.forks[c->fork].domain, NULL, any);
	default: return sim_any_question(s);
	}
}
