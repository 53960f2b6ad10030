/* The properties, by their names in test_simulation.c. */
#include "simulation.h"

void
violation(struct outcome *o, const char *fmt, ...)
{
	va_list ap;

	if (o->violations++ > 0) return;
	va_start(ap, fmt);
	vsnprintf(o->first, sizeof o->first, fmt, ap);
	va_end(ap);
}

/* --- each answer that allows --- */

/* A fork that only the center reported: the proof is by the key of that log, and makes nobody of who may be somebody in another log. */
static bool
moved_by_report(const struct sim *s, int person)
{
	for (int i = 0; i < s->t.fork_count; i++) {
		const struct t_fork *f = &s->t.forks[i];
		if (f->proven && !f->proven_outside && s->t.logs[f->domain].members[person].active) return true;
	}
	return false;
}

/* P2. Where another way in is used the columns are for truth.h, which knows what each shows. */
static void
check_uncentered(struct sim *s, const struct question *q, const struct policy_decision *d)
{
	struct policy_decision without;
	struct mesh_suppose alone = {.grant_domain_id = did(s->w, q->domain), .grant_id = d->grant_id, .alone = true, .lifted = S("")};
	struct outcome *o = s->o;

	if (truth_home(&s->t, q->person) == OUR_CENTER || moved_by_report(s, q->person)) return; /* the center as a consumer like others */
	o->uncentered++;
	const struct mesh *m = d->grant_id.n ? mesh_suppose(s->uncentered, &s->w->arena, &alone) : s->uncentered;
	if (!sim_ask(m, s, q, &without)) {
		violation(o, "event %u: the center opened product %d of %d for person %d", o->events, q->product, q->domain, q->person);
		return;
	}
	if (!str_eq(without.delegation_id, d->delegation_id)) return;
	for (int i = 0; i < T_COLUMNS; i++) {
		bool open = without.columns[i].hidden ? !d->columns[i].hidden : !d->columns[i].hidden && d->columns[i].mask < without.columns[i].mask;
		if (open) violation(o, "event %u: the center shows more of column %d", o->events, i);
	}
	if ((without.rows && !d->rows) || d->until > without.until) violation(o, "event %u: the center shows more rows, or longer", o->events);
}

/* P1, its second half. */
static void
check_isolated(struct sim *s, const struct question *q)
{
	struct policy_decision d;
	int home = truth_home(&s->t, q->person);

	if (s->producer != q->domain || s->consumer != home) return;
	s->o->isolated++;
	if (!sim_ask(s->pair, s, q, &d))
		violation(s->o, "event %u: person %d of %d sees product %d of %d, but not by their two logs alone", s->o->events, q->person, home, q->product, q->domain);
}

/* Everything that makes the extract another one, from the truth of the grant and the delegation and the rules of the columns. */
static uint64_t
shape_of(const struct sim *s, const struct question *q, const struct policy_decision *d)
{
	int home = truth_home(&s->t, q->person);
	const struct t_grant *g = d->grant_id.n ? &s->t.logs[q->domain].grants[truth_number(d->grant_id, GRANTS)] : NULL;
	const struct t_use *h = d->delegation_id.n ? &s->t.logs[home].delegations[truth_number(d->delegation_id, DELEGATIONS)].use : NULL;
	uint64_t shape = 1;
	bool keyed = false;

	shape = shape * 4 + (g && g->use.rows ? 1U : 0) + (h && h->rows ? 2U : 0);
	shape = shape * 16 + (g ? g->min_group : 0);
	for (int i = 0; i < T_COLUMNS; i++) {
		shape = shape * 8 + (d->columns[i].hidden ? 7U : (unsigned)d->columns[i].mask);
		keyed |= !d->columns[i].hidden && d->columns[i].mask == MASK_HASH;
	}
	return shape * 128 + (keyed ? (uint64_t)(1 + home * PURPOSES + q->purpose) : 0);
}

/* P6 */
static void
check_extract(struct sim *s, const struct question *q, const struct policy_decision *d)
{
	struct extract now = {.there = true, .shape = shape_of(s, q, d)};
	unsigned at = (unsigned)(d->hash[0] | d->hash[1] << 8) % EXTRACTS;

	memcpy(now.hash, d->hash, sizeof now.hash);
	if (s->extracts[at].there && memcmp(s->extracts[at].hash, now.hash, sizeof now.hash) == 0) {
		s->o->extracts++;
		if (s->extracts[at].shape != now.shape) violation(s->o, "event %u: two decisions of one hash show different things", s->o->events);
	}
	s->extracts[at] = now;
}

static void
count_way(struct sim *s, const struct question *q, const struct policy_decision *d)
{
	const struct t_grant *g = &s->t.logs[q->domain].grants[d->grant_id.n ? truth_number(d->grant_id, GRANTS) : 0];
	bool demanded = false;

	s->o->by_delegation += d->delegation_id.n > 0;
	if (!d->grant_id.n) return;
	s->o->by_group += g->use.to_kind == PRINCIPAL_GROUP;
	s->o->by_tags += g->product < 0;
	for (int i = 0; i < RESTRICTIONS; i++) {
		const struct t_restriction *r = &s->t.logs[OUR_CENTER].restrictions[i];
		demanded |= r->approvals && truth_is_about(r, &s->t, q->domain, q->product, q->table);
	}
	s->o->approved += demanded;
}

void
sim_check_answer(struct sim *s, const struct question *q, const struct policy_decision *d)
{
	struct outcome *o = s->o;

	o->questions++;
	if (d->verdict != VERDICT_ALLOW) return;
	o->allows++;
	const char *why = truth_objects(&s->t, q, d);
	if (why) {
		violation(o, "event %u: person %d sees product %d of %d by grant %.*s %.*s: %s", o->events, q->person, q->product, q->domain, STR(d->grant_id),
		          STR(d->delegation_id), why);
		return;
	}
	count_way(s, q, d);
	check_extract(s, q, d);
	check_uncentered(s, q, d);
	check_isolated(s, q);
}

/* --- each change --- */

/* P1, its first half. Asked of the mesh without the center before it is told: not only the center had closed it. */
static void
check_opening(struct sim *s, const struct choice *c, const struct question *q, int home)
{
	struct policy_decision d;
	int now = truth_home(&s->t, q->person), said_by = c->domain;

	if (c->type == EVENT_FORK_REPORT && c->fork >= 0) said_by = s->t.forks[c->fork].domain; /* the proof is by the key of that log, whoever shows it */
	if (said_by == q->domain || said_by == home || said_by == now || now == OUR_CENTER) return;
	if (!sim_ask(s->uncentered, s, q, &d))
		violation(s->o, "event %u: %s in log %d opened product %d of %d for person %d", s->o->events, event_type_name(c->type), c->domain, q->product,
		          q->domain, q->person);
}

void
sim_check_change(struct sim *s, const struct choice *c, const struct asked *a, bool hostile, bool is_false)
{
	struct outcome *o = s->o;
	bool opens = false, closes = false;

	if (hostile && s->w->last.accepted) violation(o, "event %u: hostile %s in log %d is accepted", o->events, event_type_name(c->type), c->domain);
	for (int i = 0; i < ASKED; i++) {
		bool after = a->after[i].verdict == VERDICT_ALLOW;
		opens |= after && !a->before[i];
		closes |= !after && a->before[i];
		if (after && !a->before[i]) check_opening(s, c, &a->q[i], a->home[i]);
	}
	if ((hostile || is_false) && (opens || closes))
		violation(o, "event %u: hostile %s in log %d changes a decision", o->events, event_type_name(c->type), c->domain);
	o->opened[c->type] += opens;
	o->closed[c->type] += closes;
}

/* --- each world in the end: P3, P5 --- */

static bool
same_decision(const struct policy_decision *a, const struct policy_decision *b)
{
	if (a->verdict != b->verdict) return false;
	if (a->verdict == VERDICT_REFUSE) return true;
	return memcmp(a->hash, b->hash, sizeof a->hash) == 0 && a->until == b->until && str_eq(a->grant_id, b->grant_id) && str_eq(a->delegation_id, b->delegation_id);
}

void
sim_check_same(struct sim *s, const struct mesh *other, const char *what)
{
	struct outcome *o = s->o;
	uint8_t want[32], got[32];

	mesh_hash(s->w->m, want);
	mesh_hash(other, got);
	if (memcmp(want, got, sizeof want) != 0) violation(o, "event %u: %s comes to another state hash", o->events, what);
	for (int i = 0; i < 40; i++) {
		struct question q = sim_any_question(s);
		struct policy_decision a, b;
		sim_ask(s->w->m, s, &q, &a);
		sim_ask(other, s, &q, &b);
		if (!same_decision(&a, &b)) violation(o, "event %u: %s decides otherwise on product %d of %d", o->events, what, q.product, q.domain);
	}
	o->orders++;
	arena_reset(&s->w->arena);
}
