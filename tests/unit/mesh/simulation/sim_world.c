/* The life of one world: founded, a thousand events, and then once more in another order and from its records. */
#include "simulation.h"

enum { SWEEP = 250, FORK_CHANCE = 60 };

/* --- chance --- */

unsigned
roll(struct sim *s, unsigned below)
{
	s->random = s->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(s->random >> 33) % below;
}

bool
one_in(struct sim *s, unsigned n)
{
	return roll(s, n) == 0;
}

/* --- telling --- */

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
	if (t->domain == s->producer || t->domain == s->consumer) feed(s, s->pair, t);
}

/* --- one event --- */

static bool
is_about_keys(enum event_type t)
{
	return t == EVENT_KEY_ROTATE || t == EVENT_FORK_REPORT || t == EVENT_FORK_RESOLVE;
}

static void
rotated(struct vault *v, struct speaker *d)
{
	v->old = d->key;
	d->key = v->next;
	v->next = v->after;
	v->rotated = true;
}

/* Few are signed; the others are vouched for by a checkpoint, as in a log that one catches up with. */
static const struct told *
say_honestly(struct sim *s, struct choice *c)
{
	bool rotates = c->type == EVENT_KEY_ROTATE, may_say = truth_may_say(&s->t, c), must_take = truth_must_take(&s->t, c);
	bool forks = !is_about_keys(c->type) && s->t.fork_count < FORKS && one_in(s, s->theme == THEME_KEYS ? FORK_CHANCE : 10 * FORK_CHANCE);
	bool sign = forks || rotates || one_in(s, 40), accepted;
	struct speaker *d = &s->w->d[c->domain];
	uint64_t seq = d->size;

	Str payload = world_payload(s->w, c->domain, c->type, sim_body(s, c));
	Str entry = world_sign(s->w, rotates ? &s->vaults[c->domain].next : sign ? &d->key : NULL, payload);
	if (forks) sim_fork_off(s, c, entry);
	const struct told *told = tell(s, c->domain, entry, sign);
	if (sign) sim_remember_signed(s, c->domain, told->entry);
	accepted = s->w->last.accepted;
	s->o->overreaching += !may_say;
	if (accepted && !may_say) violation(s->o, "event %u: %s in log %d is none of its business", s->o->events, event_type_name(c->type), c->domain);
	if (!accepted && must_take) violation(s->o, "event %u: %s in log %d is refused: %s", s->o->events, event_type_name(c->type), c->domain, s->w->last.reason);
	if (!accepted) return told;
	s->o->said[c->type]++;
	truth_said(&s->t, c, seq);
	if (rotates) rotated(&s->vaults[c->domain], d);
	return told;
}

/* The truth of this log has no room for another such event. */
static bool
is_full(const struct t_log *l)
{
	return l->void_count == SPANS || l->resolve_count == SPANS || l->confirm_count == CONFIRMS;
}

static void
step(struct sim *s)
{
	struct choice c = sim_choose(s);
	struct asked a = {.q = {sim_question_about(s, &c), sim_question_about(s, &c), sim_any_question(s)}};
	bool hostile = one_in(s, 6) || is_full(&s->t.logs[c.domain]), verify;
	bool is_false = !hostile && c.type == EVENT_FORK_REPORT && (c.fork < 0 || c.false_report);

	for (int i = 0; i < ASKED; i++) {
		a.home[i] = truth_home(&s->t, a.q[i].person);
		a.before[i] = sim_ask(s->w->m, s, &a.q[i], &a.after[i]);
	}
	s->w->actor = sim_id(s, "per", c.by);
	s->w->now = one_in(s, 16) ? DAY(-300) : DAY(0) + (Time)s->told_count * TIME_SECOND;
	Str forged = hostile ? sim_forge(s, &c, &verify) : S("");
	const struct told *told = hostile ? tell(s, c.domain, forged, verify) : say_honestly(s, &c);
	s->o->events++;
	s->o->hostile += hostile || is_false;
	s->o->accepted += s->w->last.accepted;
	/* what was refused by its own log's rules is asked about once */
	for (int i = 0; i < (s->w->last.accepted || hostile ? ASKED : 1); i++) sim_ask(s->w->m, s, &a.q[i], &a.after[i]);
	sim_check_change(s, &c, &a, hostile, is_false);
	tell_others(s, told);
	for (int i = 0; i < ASKED; i++) sim_check_answer(s, &a.q[i], &a.after[i]);
	arena_reset(&s->w->arena);
}

static void
ask_and_check(struct sim *s, const struct question *q)
{
	struct policy_decision d;

	sim_ask(s->w->m, s, q, &d);
	sim_check_answer(s, q, &d);
}

/* Every grant and delegation. */
static void
sweep(struct sim *s)
{
	for (int d = 0; d < DOMAINS; d++) {
		for (int g = 0; g < GRANTS; g++) {
			struct question q = sim_question_of_grant(s, d, g);
			if (s->t.logs[d].grants[g].use.there) ask_and_check(s, &q);
		}
		for (int n = 0; n < DELEGATIONS; n++) {
			struct question q = sim_question_of_delegation(s, d, n);
			if (s->t.logs[d].delegations[n].use.there) ask_and_check(s, &q);
		}
	}
	arena_reset(&s->w->arena);
}

/* --- the same again --- */

/* Mixed, or log after log, so that proofs of forks arrive before or behind all that they are about. */
static void
check_order(struct sim *s, bool mixed)
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
			if (!mixed) continue;
		}
		current = (int)roll(s, DOMAINS);
	}
	sim_check_same(s, m, mixed ? "another order" : "log after log");
	mesh_free(m);
}

static Err
load(struct ctx *c, void *m, Str kind, Str id, Str body)
{
	return mesh_load(c, m, kind, id, body);
}

static void
check_loaded(struct sim *s)
{
	struct ctx c = {.arena = &s->w->arena};
	struct mesh *m = mesh_new();

	mesh_set_center(m, did(s->w, OUR_CENTER));
	Err e = mesh_records(&c, s->w->m, load, m);
	if (!err_ok(e)) violation(s->o, "event %u: records are not taken back: %s", s->o->events, err_detail(&c, e));
	sim_check_same(s, m, "what was loaded");
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

	world_key(w, &d->key);
	world_key(w, &v->next);
	for (int i = 0; i < RECOVERY_KEYS; i++) {
		world_key(w, &v->recovery[i]);
		memcpy(k.recovery[i], v->recovery[i].pub, 32);
	}
	memcpy(k.event_pub, d->key.pub, 32);
	crypt_sha256(str_of(v->next.pub, 32), k.next);
	w->body.n = 0;
	body_founding(&w->body, world_str(w, "domain%d", domain), truth_is_center(domain), S("00112233445566778899aabbccddeeff"), &k);
	Str payload = world_payload(w, domain, EVENT_DOMAIN_INCEPTION, arena_str(&w->arena, buf_view(&w->body)));
	crypt_sha256_text(payload, d->id);
	sim_remember_signed(s, domain, tell(s, domain, world_sign(w, &d->key, payload), true)->entry);
	if (!w->last.accepted) fail_msg("no founding: %s", w->last.reason);
}

static void
sort_domains(struct sim *s)
{
	int *by = s->t.by_id;

	for (int i = 0; i < DOMAINS; i++) {
		int k = i;
		for (; k > 0 && str_cmp(did(s->w, by[k - 1]), did(s->w, i)) > 0; k--) by[k] = by[k - 1];
		by[k] = i;
	}
}

static void
set_up(struct sim *s, struct world *w, uint64_t seed)
{
	s->w = w;
	s->random = seed * UINT64_C(0x9e3779b97f4a7c15);
	w->seed = seed;
	s->theme = (enum theme)(seed % THEMES);
	s->producer = (int)roll(s, PRODUCERS);
	s->consumer = (s->producer + 1 + (int)roll(s, PRODUCERS - 1)) % PRODUCERS;
	s->uncentered = mesh_new();
	s->pair = mesh_new();
	sim_memo_forget();
	for (int i = 0; i < DOMAINS; i++) found(s, i);
	mesh_set_center(w->m, did(w, OUR_CENTER));
	mesh_set_center(s->uncentered, did(w, OUR_CENTER));
	for (unsigned i = 0; i < s->told_count; i++) tell_others(s, &s->told[i]);
	sort_domains(s);
}

void
sim_run_world(uint64_t seed, bool until_noticed, struct outcome *o)
{
	struct sim *s = calloc(1, sizeof *s);
	unsigned known = o->violations;
	void *state;

	world_init(&state);
	s->o = o;
	set_up(s, state, seed);
	for (unsigned i = 0; i < WORLD_EVENTS && !(until_noticed && o->violations); i++) {
		step(s);
		if (i % SWEEP == SWEEP - 1) sweep(s);
	}
	if (!(until_noticed && o->violations)) {
		check_order(s, seed / THEMES % 2);
		check_loaded(s);
	}
	o->forks += (unsigned)s->t.fork_count;
	if (known == 0 && o->violations) o->seed = seed;
	mesh_free(s->uncentered);
	mesh_free(s->pair);
	arena_fini(&s->kept);
	free(s);
	world_fini(&state);
}
