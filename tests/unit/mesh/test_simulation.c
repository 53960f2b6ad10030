/* The center cannot open: a mesh of eight domains, two of them centers, driven by chance over every event there is, with forgers, thieves of keys,
 * copied, replayed and forked logs, and a center that does what it likes. After each event:
 *   P1  nothing but the producer's own valid log turns a deny into an allow, except what the consumer's own log does within the grant, and
 *       the center taking back what it closed itself; and who is allowed is allowed in a mesh of the producer's and their own log alone
 *   P2  who is allowed is allowed without the center's log, and sees no more of what is masked, hidden or filtered
 *   P3  the same logs in other orders come to the same state hash and the same decisions
 *   P4  what was revoked on any branch, is void, unapproved, not handed on or not of its time opens nothing (truth.h)
 *   P5  the records put back come to the same hash and decisions
 * Each fault planted in mesh/ and policy/ must be noticed by the same run. SIM_EVENTS is set by the build. */
#include <pthread.h>

#include "mesh/fold.h"
#undef FAULT
#include "policy/fault.h"
#include "said.h"

#ifndef SIM_EVENTS
#define SIM_EVENTS 20000
#endif

enum { THREADS = 2, FAULTY_EVENTS = 30000, SWEEP = 100, ORDERS = 2 };

extern unsigned mesh_faults, policy_faults;
unsigned mesh_faults, policy_faults;

struct outcome {
	unsigned events, hostile, overreaching, accepted, questions, allows, flips, isolated, uncentered, orders, forks, violations;
	uint64_t seed; /* of the first violation */
	char first[400];
};

static void
violation(struct outcome *o, const char *fmt, ...)
{
	va_list ap;

	if (o->violations++ > 0) return;
	va_start(ap, fmt);
	vsnprintf(o->first, sizeof o->first, fmt, ap);
	va_end(ap);
}

/* --- asking --- */

static bool
ask(const struct mesh *m, const struct sim *s, struct arena *a, const struct question *q, struct policy_decision *ret)
{
	char id[32], person[32];
	const struct log *log = state_log(m, did(s->w, q->domain));

	*ret = (struct policy_decision){.verdict = VERDICT_REFUSE};
	snprintf(id, sizeof id, "prd_%06d", q->product);
	snprintf(person, sizeof person, "per_%06d", q->person);
	const struct product *p = log ? (const struct product *)state_find(m, RECORD_PRODUCT, log, str_c(id)) : NULL;
	for (size_t i = 0; p && i < p->pub.table_count; i++)
		if (str_eqc(p->pub.tables[i].policy.name, TABLE_NAMES[q->table + 1]))
			mesh_decide(m, a, str_c(person), &p->pub, &p->pub.tables[i], str_c(PURPOSE_NAMES[q->purpose]), q->way, q->level, q->now, NULL, ret);
	return ret->verdict == VERDICT_ALLOW;
}

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

/* About this grant, or any that there is, as one asks who it is for. */
static struct question
question_of(struct sim *s, int domain, int grant)
{
	static const int asked[] = {PURPOSE_CAMPAIGN, PURPOSE_CAMPAIGN, PURPOSE_PART, PURPOSE_MARKETING, PURPOSE_NONE, PURPOSE_OTHER};
	struct question q = {.person = (int)roll(s, PERSONS), .domain = domain, .product = (int)roll(s, PRODUCTS), .table = (int)roll(s, TABLES),
	    .purpose = asked[roll(s, 6)], .way = one_in(s, 5) ? INTERACT_API : INTERACT_SQL, .level = one_in(s, 6) ? 1 : 3, .now = DAY(1) + TIME_DAY / 2};
	const struct t_grant *g = &s->t.logs[domain].grants[grant];

	if (one_in(s, 8)) q.now = one_in(s, 2) ? DAY(40) + TIME_DAY / 2 : DAY(1) + TIME_DAY / 12;
	if (!g->use.there || one_in(s, 8)) return q;
	if (g->product >= 0) q.product = g->product;
	if (g->use.table >= 0) q.table = g->use.table;
	if (!(g->use.ways & (uint32_t)q.way)) q.way = INTERACT_SQL;
	if (g->use.purpose == PURPOSE_ANY && one_in(s, 2)) q.purpose = PURPOSE_CAMPAIGN;
	if (g->use.purpose == PURPOSE_CAMPAIGN && roll(s, 4)) q.purpose = PURPOSE_CAMPAIGN;
	if (g->use.purpose == PURPOSE_MARKETING && roll(s, 4)) q.purpose = PURPOSE_PART;
	q.person = somebody_for(s, &g->use);
	return q;
}

/* About a live grant of it. */
static struct question
question_of_log(struct sim *s, int domain)
{
	unsigned from = roll(s, GRANTS);

	for (unsigned i = 0; i < GRANTS; i++)
		if (s->t.logs[domain].grants[(from + i) % GRANTS].use.there && !s->t.logs[domain].grants[(from + i) % GRANTS].use.over) return question_of(s, domain, (int)((from + i) % GRANTS));
	return question_of(s, domain, 0);
}

static struct question
any_question(struct sim *s)
{
	return question_of_log(s, (int)roll(s, OUR_CENTER));
}

static struct question
question_of_delegation(struct sim *s, int domain, int n)
{
	const struct t_delegation *d = &s->t.logs[domain].delegations[n];

	if (!d->use.there) return any_question(s);
	struct question q = question_of(s, d->producer, d->grant);
	if (d->use.purpose == PURPOSE_CAMPAIGN) q.purpose = PURPOSE_CAMPAIGN;
	if (d->use.purpose == PURPOSE_MARKETING) q.purpose = PURPOSE_PART;
	if (d->use.table >= 0) q.table = d->use.table;
	q.person = somebody_for(s, &d->use);
	return q;
}

static struct question
question_of_group(struct sim *s, const struct choice *c)
{
	for (unsigned i = 0, from = roll(s, OUR_CENTER * GRANTS); i < OUR_CENTER * GRANTS; i++) {
		unsigned n = (from + i) % (OUR_CENTER * GRANTS);
		const struct t_use *u = &s->t.logs[n / GRANTS].grants[n % GRANTS].use;
		if (!u->there || u->over || u->to_kind != PRINCIPAL_GROUP || u->to != c->group || u->to_domain != c->domain) continue;
		struct question q = question_of(s, (int)(n / GRANTS), (int)(n % GRANTS));
		q.person = c->person;
		return q;
	}
	return any_question(s);
}

static struct question
question_about(struct sim *s, const struct choice *c)
{
	struct question q;

	switch (c->type) {
	case EVENT_GRANT_ADD: case EVENT_GRANT_REVOKE: return question_of(s, c->domain, c->grant);
	case EVENT_DELEGATION_ADD: case EVENT_DELEGATION_END: return question_of_delegation(s, c->domain, c->type == EVENT_DELEGATION_ADD ? (int)roll(s, DELEGATIONS) : c->delegation);
	case EVENT_GROUP_JOIN: case EVENT_GROUP_LEAVE: case EVENT_GROUP_END: return question_of_group(s, c);
	case EVENT_APPROVAL_ADD: return question_of(s, c->to_log, c->subject % GRANTS);
	case EVENT_TAG_SET: case EVENT_PRODUCT_PUBLISH:
		q = question_of(s, c->domain, c->grant);
		q.product = c->product;
		return q;
	case EVENT_FORK_REPORT: case EVENT_FORK_RESOLVE:
		if (c->fork < 0) return any_question(s);
		return question_of_log(s, s->t.forks[c->fork].domain);
	default:
		q = any_question(s);
		if (one_in(s, 2)) q.person = c->person;
		return q;
	}
}

/* --- saying --- */

static void
feed(struct sim *s, struct mesh *m, const struct told *t)
{
	struct ctx c = {.arena = &s->w->arena};
	struct mesh_outcome outcome;
	const struct mesh_domain *d = mesh_domain(m, did(s->w, t->domain));

	Err e = mesh_apply(&c, m, did(s->w, t->domain), d ? d->log_size : 0, t->entry, t->verify, NULL, NULL, &outcome);
	if (!err_ok(e)) fail_msg("%s: %s", err_name(e), err_detail(&c, e));
}

/* Told to the mesh, and kept for the others. */
static const struct told *
tell(struct sim *s, int domain, Str entry, bool verify)
{
	struct told *t = &s->told[s->told_count++];

	*t = (struct told){domain, arena_str(&s->kept, entry), verify};
	world_apply(s->w, domain, entry, verify);
	return t;
}

static void
tell_others(struct sim *s, const struct told *t)
{
	if (t->domain != OUR_CENTER) feed(s, s->uncentered, t);
	for (int i = 0; i < PAIRS; i++)
		if (t->domain == s->pairs[i].producer || t->domain == s->pairs[i].home) feed(s, s->pairs[i].m, t);
}

/* Right in all but that it is of another log. */
static Str
of_another_log(struct sim *s, struct choice *c, int other)
{
	struct speaker kept = s->w->d[c->domain];

	memcpy(s->w->d[c->domain].id, s->w->d[other].id, sizeof kept.id);
	Str payload = world_payload(s->w, c->domain, c->type, sim_body(s, c));
	s->w->d[c->domain] = kept;
	return world_sign(s->w, &kept.key, payload);
}

/* Said too late, or too early; or behind something else. */
static Str
out_of_place(struct sim *s, struct choice *c)
{
	struct speaker kept = s->w->d[c->domain], *d = &s->w->d[c->domain];

	if (one_in(s, 2))
		d->size += one_in(s, 2) ? 1 : (uint64_t)-1;
	else
		d->head.b[roll(s, HASH_BYTES)] ^= 1;
	Str payload = world_payload(s->w, c->domain, c->type, sim_body(s, c));
	*d = kept;
	return world_sign(s->w, &kept.key, payload);
}

/* The thief has the domain's key and one recovery key. */
static Str
takeover(struct sim *s, struct choice *c)
{
	struct vault *v = &s->vaults[c->domain];
	const struct sign_key *key = &s->w->d[c->domain].key;
	struct sign_key mine, behind;

	world_key(s->w, &mine);
	world_key(s->w, &behind);
	c->bits &= ~1U; /* it says that nothing was stolen */
	s->w->body.n = 0;
	c->type = one_in(s, 2) ? EVENT_KEY_ROTATE : EVENT_FORK_RESOLVE;
	if (c->type == EVENT_KEY_ROTATE)
		write_rotation(s, c, &mine, &behind, one_in(s, 2) ? key : &v->recovery[0], &v->recovery[0], &s->w->body);
	else
		write_resolve(s, c, one_in(s, 2) ? key : &v->recovery[0], &v->recovery[0], &s->w->body);
	Str payload = world_payload(s->w, c->domain, c->type, arena_str(&s->w->arena, buf_view(&s->w->body)));
	return world_sign(s->w, c->type == EVENT_KEY_ROTATE ? &mine : key, payload);
}

static Str
said_before(struct sim *s, int domain)
{
	const struct vault *v = &s->vaults[domain];
	unsigned n = v->signed_count < SIGNED ? v->signed_count : SIGNED;

	return n ? v->signed_entries[roll(s, n)] : S("{}");
}

/* An entry that its log's domain did not say there. */
static Str
hostile_entry(struct sim *s, struct choice *c)
{
	struct world *w = s->w;
	int other = (c->domain + 1 + (int)roll(s, DOMAINS - 1)) % DOMAINS;
	struct vault *v = &s->vaults[c->domain];

	if (c->type == EVENT_KEY_ROTATE) c->type = EVENT_GRANT_ADD; /* takeover() has those of thieves */
	switch (roll(s, 8)) {
	case 0: return world_sign(w, &w->d[other].key, world_payload(w, c->domain, c->type, sim_body(s, c)));
	case 1: return said_before(s, c->domain);
	case 2: return said_before(s, other);
	case 3: return of_another_log(s, c, other);
	case 4: return out_of_place(s, c);
	case 5: return takeover(s, c);
	default: /* the key of before the rotation, or the one that is not revealed yet */
		w->now = DAY(0) - (Time)roll(s, 300) * TIME_DAY;
		return world_sign(w, v->rotated ? &v->old : &v->next, world_payload(w, c->domain, c->type, sim_body(s, c)));
	}
}

static void
remember_signed(struct sim *s, int domain, Str entry)
{
	struct vault *v = &s->vaults[domain];

	v->signed_entries[v->signed_count++ % SIGNED] = entry;
}

/* Another thing said in the same place, by the same key: a node restored from a backup, or a thief. */
static void
fork_off(struct sim *s, const struct choice *c, Str entry)
{
	struct choice other = sim_choose(s);
	struct truth *t = &s->t;
	static const enum event_type types[] = {EVENT_GRANT_REVOKE, EVENT_GRANT_REVOKE, EVENT_DELEGATION_END, EVENT_GRANT_ADD, EVENT_MEMBER_SET};

	other.domain = c->domain;
	other.type = types[roll(s, ARRAY_LEN(types))];
	Str payload = world_payload(s->w, c->domain, other.type, sim_body(s, &other));
	Str b = world_sign(s->w, &s->w->d[c->domain].key, payload);
	if (str_eq(entry, b)) return;
	int n = t->fork_count++;
	s->branches[n][0] = in_base64(&s->kept, entry);
	s->branches[n][1] = in_base64(&s->kept, b);
	t->forks[n] = (struct t_fork){.domain = c->domain, .at = s->w->d[c->domain].size, .delegation = other.type == EVENT_DELEGATION_END,
	    .ends = other.type == EVENT_GRANT_REVOKE ? other.grant : other.type == EVENT_DELEGATION_END ? other.delegation : -1};
}

static const struct told *
say_honestly(struct sim *s, struct choice *c, struct outcome *o)
{
	bool rotates = c->type == EVENT_KEY_ROTATE, lawful = said_lawfully(&s->t, c), must = must_be_taken(&s->t, c);
	bool forks = !rotates && c->type != EVENT_FORK_REPORT && c->type != EVENT_FORK_RESOLVE && s->t.fork_count < FORKS && one_in(s, 100);
	bool sign = forks || rotates || one_in(s, 16); /* the others are vouched for by a checkpoint */
	struct vault *v = &s->vaults[c->domain];
	struct speaker *d = &s->w->d[c->domain];

	Str payload = world_payload(s->w, c->domain, c->type, sim_body(s, c));
	Str entry = world_sign(s->w, rotates ? &v->next : sign ? &d->key : NULL, payload);
	if (forks) fork_off(s, c, entry);
	uint64_t seq = d->size;
	const struct told *told = tell(s, c->domain, entry, sign);
	bool accepted = s->w->last.accepted;
	if (sign) remember_signed(s, c->domain, told->entry);
	o->overreaching += !lawful;
	if (accepted && !lawful) violation(o, "event %u: %s in log %d is none of its business", o->events, event_type_name(c->type), c->domain);
	if (!accepted && must) violation(o, "event %u: %s in log %d is refused: %s", o->events, event_type_name(c->type), c->domain, s->w->last.reason);
	if (!accepted) return told;
	said(&s->t, c, seq);
	if (!rotates) return told;
	v->old = d->key;
	d->key = v->next;
	v->next = v->after;
	v->rotated = true;
	return told;
}

/* --- the properties --- */

/* P2: with the center's log never more than without. */
static void
check_uncentered(struct sim *s, struct outcome *o, const struct question *q, const struct policy_decision *d)
{
	struct policy_decision without;
	struct mesh_suppose alone = {.grant_domain_id = did(s->w, q->domain), .grant_id = d->grant_id, .alone = true, .lifted = S("")};

	if (truth_home(&s->t, q->person) == OUR_CENTER) return; /* a consumer like others */
	o->uncentered++;
	const struct mesh *m = d->grant_id.n ? mesh_suppose(s->uncentered, &s->w->arena, &alone) : s->uncentered;
	if (!ask(m, s, &s->w->arena, q, &without)) {
		violation(o, "event %u: the center opened product %d of %d for person %d", o->events, q->product, q->domain, q->person);
		return;
	}
	if (!str_eq(without.delegation_id, d->delegation_id)) return; /* truth.h knows what each shows */
	for (int i = 0; i < T_COLUMNS; i++) {
		bool open = without.columns[i].hidden ? !d->columns[i].hidden : !d->columns[i].hidden && d->columns[i].mask < without.columns[i].mask;
		if (open) violation(o, "event %u: the center shows more of column %d", o->events, i);
	}
	if ((without.rows && !d->rows) || d->until > without.until) violation(o, "event %u: the center shows more rows, or longer", o->events);
}

/* P1, the second half. */
static void
check_isolated(struct sim *s, struct outcome *o, const struct question *q)
{
	struct policy_decision d;
	int home = truth_home(&s->t, q->person);

	for (int i = 0; i < PAIRS; i++) {
		if (s->pairs[i].producer != q->domain || s->pairs[i].home != home) continue;
		o->isolated++;
		if (!ask(s->pairs[i].m, s, &s->w->arena, q, &d))
			violation(o, "event %u: person %d of %d sees product %d of %d, but not by their two logs alone", o->events, q->person, home, q->product,
			          q->domain);
	}
}

static bool
check(struct sim *s, struct outcome *o, const struct question *q)
{
	struct policy_decision d;
	bool allows = ask(s->w->m, s, &s->w->arena, q, &d);

	o->questions++;
	o->allows += allows;
	if (!allows) return false;
	const char *why = truth_objects(&s->t, q, &d);
	if (why)
		violation(o, "event %u: person %d sees product %d of %d by grant %.*s %.*s: %s", o->events, q->person, q->product, q->domain, STR(d.grant_id),
		          STR(d.delegation_id), why);
	check_uncentered(s, o, q, &d);
	check_isolated(s, o, q);
	return true;
}

/* P1, the first half. `home`: of the person, before. */
static void
check_flip(struct sim *s, struct outcome *o, const struct choice *c, const struct question *q, int home)
{
	struct policy_decision d;

	o->flips++;
	if (c->domain == q->domain || c->domain == home || c->domain == truth_home(&s->t, q->person)) return;
	if (!ask(s->uncentered, s, &s->w->arena, q, &d)) /* before this event: not only the center had closed it */
		violation(o, "event %u: %s in log %d opened product %d of %d for person %d", o->events, event_type_name(c->type), c->domain, q->product,
		          q->domain, q->person);
}

static void
check_hostile(struct outcome *o, const struct sim *s, const struct choice *c, const bool *before, const bool *after, bool refused)
{
	if (refused && s->w->last.accepted) violation(o, "event %u: hostile %s in log %d is accepted", o->events, event_type_name(c->type), c->domain);
	for (int i = 0; i < 2; i++)
		if (before[i] != after[i]) violation(o, "event %u: hostile %s in log %d changes a decision", o->events, event_type_name(c->type), c->domain);
}

static void
step(struct sim *s, struct outcome *o)
{
	struct choice c = sim_choose(s);
	struct question q[2] = {question_about(s, &c), any_question(s)};
	struct policy_decision d;
	bool before[2], after[2], hostile = one_in(s, 5), is_false = !hostile && c.type == EVENT_FORK_REPORT && is_false_report(&c);
	int home[2];

	for (int i = 0; i < 2; i++) {
		before[i] = ask(s->w->m, s, &s->w->arena, &q[i], &d);
		home[i] = truth_home(&s->t, q[i].person);
	}
	s->w->actor = sim_id(s, "per", c.by);
	s->w->now = one_in(s, 16) ? DAY(-300) : DAY(0) + (Time)s->told_count * TIME_SECOND;
	const struct t_log *l = &s->t.logs[c.domain];
	if (l->void_count == SPANS || l->resolve_count == SPANS || l->confirm_count == CONFIRMS) hostile = true; /* full */
	const struct told *told = hostile ? tell(s, c.domain, hostile_entry(s, &c), true) : say_honestly(s, &c, o);
	o->events++;
	o->hostile += hostile || is_false;
	o->accepted += s->w->last.accepted;
	for (int i = 0; i < 2; i++) {
		struct policy_decision now;
		after[i] = ask(s->w->m, s, &s->w->arena, &q[i], &now);
		if (after[i] && !before[i]) check_flip(s, o, &c, &q[i], home[i]);
	}
	if (hostile || is_false) check_hostile(o, s, &c, before, after, hostile);
	tell_others(s, told);
	for (int i = 0; i < 2; i++) check(s, o, &q[i]);
	arena_reset(&s->w->arena);
}

/* Every grant and delegation, and everything that the two logs of a pair let anybody see. */
static void
sweep(struct sim *s, struct outcome *o)
{
	for (int d = 0; d < DOMAINS; d++) {
		for (int g = 0; g < GRANTS; g++) {
			struct question q = question_of(s, d, g);
			if (s->t.logs[d].grants[g].use.there) check(s, o, &q);
		}
		for (int n = 0; n < DELEGATIONS; n++) {
			struct question q = question_of_delegation(s, d, n);
			if (s->t.logs[d].delegations[n].use.there) check(s, o, &q);
		}
	}
	for (int i = 0; i < PAIRS; i++)
		for (int k = 0; k < PERSONS * PRODUCTS * TABLES; k++) {
			struct question q = question_of(s, s->pairs[i].producer, (int)roll(s, GRANTS));
			q.person = k % PERSONS;
			q.product = k / PERSONS % PRODUCTS;
			q.table = k / PERSONS / PRODUCTS;
			if (truth_home(&s->t, q.person) == s->pairs[i].home) check(s, o, &q);
		}
	arena_reset(&s->w->arena);
}

/* --- the same again --- */

static void
compare(struct sim *s, struct outcome *o, const struct mesh *other, const char *what)
{
	uint8_t want[32], got[32];

	mesh_hash(s->w->m, want);
	mesh_hash(other, got);
	if (memcmp(want, got, sizeof want) != 0) violation(o, "event %u: %s comes to another state hash", o->events, what);
	for (int i = 0; i < 40; i++) {
		struct question q = any_question(s);
		struct policy_decision a, b;
		ask(s->w->m, s, &s->w->arena, &q, &a);
		ask(other, s, &s->w->arena, &q, &b);
		bool same = a.verdict == b.verdict && (a.verdict == VERDICT_REFUSE || (memcmp(a.hash, b.hash, sizeof a.hash) == 0 && a.until == b.until &&
		            str_eq(a.grant_id, b.grant_id) && str_eq(a.delegation_id, b.delegation_id)));
		if (!same) violation(o, "event %u: %s decides otherwise on product %d of %d", o->events, what, q.product, q.domain);
	}
	o->orders++;
	arena_reset(&s->w->arena);
}

/* Order 0: log after log, so that proofs of forks arrive before or behind all that they are about; others: mixed. */
static void
check_order(struct sim *s, struct outcome *o, int order)
{
	unsigned next[DOMAINS] = {0}, left = s->told_count;
	int current = (int)roll(s, DOMAINS);
	struct mesh *m = mesh_new();

	mesh_set_center(m, did(s->w, OUR_CENTER));
	while (left > 0) {
		unsigned *at = &next[current];
		while (*at < s->told_count && s->told[*at].domain != current) ++*at;
		if (*at < s->told_count) {
			feed(s, m, &s->told[(*at)++]);
			left--;
			if (order == 0) continue;
		}
		current = (int)roll(s, DOMAINS);
	}
	compare(s, o, m, order == 0 ? "log after log" : "another order");
	mesh_free(m);
}

static Err
load(struct ctx *c, void *m, Str kind, Str id, Str body)
{
	return mesh_load(c, m, kind, id, body);
}

static void
check_loaded(struct sim *s, struct outcome *o)
{
	struct ctx c = {.arena = &s->w->arena};
	struct mesh *m = mesh_new();

	mesh_set_center(m, did(s->w, OUR_CENTER));
	Err e = mesh_records(&c, s->w->m, load, m);
	if (!err_ok(e)) violation(o, "event %u: records are not taken back: %s", o->events, err_detail(&c, e));
	compare(s, o, m, "what was loaded");
	mesh_free(m);
}

/* --- life --- */

static void
found(struct sim *s, int domain)
{
	struct world *w = s->w;
	struct speaker *d = &w->d[domain];
	struct vault *v = &s->vaults[domain];
	struct custody k = {.recoverable = true};
	uint8_t hash[32];

	world_key(w, &d->key);
	world_key(w, &v->next);
	for (int i = 0; i < RECOVERY_KEYS; i++) {
		world_key(w, &v->recovery[i]);
		memcpy(k.recovery[i], v->recovery[i].pub, 32);
	}
	memcpy(k.event_pub, d->key.pub, 32);
	crypt_sha256(str_of(v->next.pub, 32), k.next);
	w->body.n = 0;
	body_founding(&w->body, world_str(w, "domain%d", domain), is_center(domain), S("00112233445566778899aabbccddeeff"), &k);
	Str payload = world_payload(w, domain, EVENT_DOMAIN_INCEPTION, arena_str(&w->arena, buf_view(&w->body)));
	crypt_sha256(payload, hash);
	hex_text(hash, 32, d->id);
	remember_signed(s, domain, tell(s, domain, world_sign(w, &d->key, payload), true)->entry);
	if (!w->last.accepted) fail_msg("no founding: %s", w->last.reason);
}

static void
sort_domains(struct sim *s)
{
	int *by = s->t.by_id;

	for (int i = 0; i < DOMAINS; i++) by[i] = i;
	for (int i = 1; i < DOMAINS; i++)
		for (int k = i; k > 0 && str_cmp(did(s->w, by[k - 1]), did(s->w, by[k])) > 0; k--) {
			int t = by[k];
			by[k] = by[k - 1];
			by[k - 1] = t;
		}
}

static void
set_up(struct sim *s, struct world *w, uint64_t seed)
{
	s->w = w;
	s->random = seed * UINT64_C(0x9e3779b97f4a7c15);
	w->seed = seed;
	s->uncentered = mesh_new();
	for (int i = 0; i < DOMAINS; i++) found(s, i);
	mesh_set_center(w->m, did(w, OUR_CENTER));
	mesh_set_center(s->uncentered, did(w, OUR_CENTER));
	for (int i = 0; i < PAIRS; i++) {
		s->pairs[i].m = mesh_new();
		s->pairs[i].producer = (int)roll(s, OUR_CENTER);
		s->pairs[i].home = (int)roll(s, DOMAINS);
	}
	for (unsigned i = 0; i < s->told_count; i++) tell_others(s, &s->told[i]);
	sort_domains(s);
}

static void
run_world(uint64_t seed, bool until_noticed, struct outcome *o)
{
	struct sim *s = calloc(1, sizeof *s);
	unsigned known = o->violations;
	void *state;

	world_init(&state);
	set_up(s, state, seed);
	for (unsigned i = 0; i < WORLD_EVENTS && !(until_noticed && o->violations); i++) {
		step(s, o);
		if (i % SWEEP == SWEEP - 1) sweep(s, o);
	}
	for (int i = 0; i < ORDERS && !(until_noticed && o->violations); i++) check_order(s, o, i);
	check_loaded(s, o);
	o->forks += (unsigned)s->t.fork_count;
	if (known == 0 && o->violations) o->seed = seed;
	mesh_free(s->uncentered);
	for (int i = 0; i < PAIRS; i++) mesh_free(s->pairs[i].m);
	arena_fini(&s->kept);
	free(s);
	world_fini(&state);
}

/* --- runs --- */

struct share { uint64_t seed; unsigned worlds; struct outcome o; };

static void *
run_share(void *arg)
{
	struct share *h = arg;

	for (unsigned i = 0; i < h->worlds; i++) run_world(h->seed + i, false, &h->o);
	return NULL;
}

static struct outcome
sum_of(const struct share *h, size_t n)
{
	struct outcome sum = h[0].o;

	for (size_t i = 1; i < n; i++) {
		const struct outcome *o = &h[i].o;
		if (sum.violations == 0) memcpy(sum.first, o->first, sizeof sum.first), sum.seed = o->seed;
		sum.events += o->events, sum.hostile += o->hostile, sum.overreaching += o->overreaching, sum.accepted += o->accepted;
		sum.questions += o->questions, sum.allows += o->allows, sum.flips += o->flips, sum.isolated += o->isolated;
		sum.uncentered += o->uncentered, sum.orders += o->orders, sum.forks += o->forks, sum.violations += o->violations;
	}
	return sum;
}

static void
the_center_cannot_open(void **state UNUSED)
{
	struct share shares[THREADS];
	pthread_t threads[THREADS];
	unsigned worlds = (SIM_EVENTS + THREADS * WORLD_EVENTS - 1) / (THREADS * WORLD_EVENTS);

	for (unsigned i = 0; i < THREADS; i++) {
		shares[i] = (struct share){.seed = 20261121 + (uint64_t)i * worlds, .worlds = worlds};
		assert_int_equal(pthread_create(&threads[i], NULL, run_share, &shares[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
	struct outcome o = sum_of(shares, THREADS);
	print_message("%u events, %u of them hostile, %u overreaching; %u accepted; %u forks\n", o.events, o.hostile, o.overreaching, o.accepted, o.forks);
	print_message("%u questions, %u allowed, %u opened; %u asked without the center, %u in two logs alone; %u other orders and loads; seeds %u to %u\n",
	              o.questions, o.allows, o.flips, o.uncentered, o.isolated, o.orders, 20261121, 20261121 + THREADS * worlds - 1);
	if (o.violations) fail_msg("%u violations; first, seed %llu: %s", o.violations, (unsigned long long)o.seed, o.first);
	/* the run was not an empty one */
	assert_true(o.events >= SIM_EVENTS && o.hostile > o.events / 8 && o.accepted > o.events / 4);
	assert_true(o.allows > o.questions / 20 && o.flips > o.events / 1000 && o.isolated > o.events / 200 && o.uncentered > o.events / 50);
}

static void
planted_faults_are_found(void **state UNUSED)
{
#define MESH(name) {MESH_FAULT_##name, 0, #name}
#define POLICY(name) {0, POLICY_FAULT_##name, #name}
	static const struct { unsigned mesh, policy; const char *name; } faults[] = {
	    MESH(NO_AUTHORITY), MESH(NO_SIGNATURE), MESH(NO_ORIGIN), MESH(NO_ORDER), MESH(NO_CENTER), MESH(CENTER_GRANTS), MESH(NO_REVOKE),
	    MESH(ANY_MEMBER), MESH(CLASS_FALLS), MESH(NO_COMMITMENT), MESH(NO_ENDORSEMENT), MESH(NO_COMPROMISE), MESH(NO_FORKS), POLICY(MASKS),
	    POLICY(LOOSEN), POLICY(UNHIDE), POLICY(HANDING),
	};
	unsigned found_count = 0, missed = 0;

	for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
		struct outcome o = {0};
		mesh_faults = faults[i].mesh;
		policy_faults = faults[i].policy;
		for (uint64_t seed = 7; o.events < FAULTY_EVENTS && o.violations == 0; seed++) run_world(seed, true, &o);
		mesh_faults = policy_faults = 0;
		found_count += o.violations > 0;
		missed += o.violations == 0;
		print_message("%s: %s; seed %llu, %s\n", faults[i].name, o.violations ? "noticed" : "MISSED", (unsigned long long)o.seed, o.first);
	}
	print_message("planted faults found: %u/%zu\n", found_count, ARRAY_LEN(faults));
	assert_int_equal(missed, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(the_center_cannot_open), cmocka_unit_test(planted_faults_are_found)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
