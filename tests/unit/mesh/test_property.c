/* The central promise, driven by chance: whatever is said, forged, replayed, reordered or copied between logs, the fold accepts what
 * the model accepts and opens what the model opens. In particular nothing outside a producer's own log turns a deny into an allow.
 * Each fault planted in the fold must be noticed by the same run. */
#define HEDDLE_MESH_FAULTS
extern unsigned mesh_faults;
#include "mesh/fold/fold.c"
#include "mesh/fold/grant.c"
#include "mesh/fold/people.c"
#include "mesh/fold/product.c"

#include "sim.h"

unsigned mesh_faults;

/* Worlds are short, because in an old one every id is used up and everything retired. */
enum { EVENTS = 120000, FAULTY_EVENTS = 20000, WORLD_EVENTS = 1000 };

struct outcome { unsigned events, hostile, accepted, allows, flips, violations; char first[400]; };

static void
violation(struct outcome *o, const char *fmt, ...)
{
	va_list ap;

	if (o->violations++ > 0) return;
	va_start(ap, fmt);
	vsnprintf(o->first, sizeof o->first, fmt, ap);
	va_end(ap);
}

/* An entry that its log's domain did not say there. The payload may be all that a thief wishes, short of the domain's signature. */
static Str
hostile_entry(struct sim *s, const struct choice *c, bool *ret_usable)
{
	struct world *w = s->w;
	int other = (c->domain + 1 + (int)roll(s, DOMAINS - 1)) % DOMAINS;

	*ret_usable = true;
	switch (roll(s, 5)) {
	case 0: /* forged: right place, another's key */
	case 1: return world_sign(w, &w->d[other].key, world_payload(w, c->domain, c->type, sim_body(s, c)));
	case 2: /* own entry again */
		*ret_usable = s->kept[c->domain] > 0;
		return *ret_usable ? s->entries[c->domain][roll(s, s->kept[c->domain])] : S("");
	case 3: /* an entry of another log that fits here but for its origin: the thief has that other domain's key */
		w->d[WORLD_DOMAINS - 1] = w->d[c->domain];
		memcpy(w->d[WORLD_DOMAINS - 1].id, w->d[other].id, 65);
		return world_sign(w, &w->d[c->domain].key, world_payload(w, WORLD_DOMAINS - 1, c->type, sim_body(s, c)));
	default: /* an entry of another log as it is */
		*ret_usable = s->kept[other] > 0;
		return *ret_usable ? s->entries[other][roll(s, s->kept[other])] : S("");
	}
}

static void
keep(struct sim *s, int domain, Str entry)
{
	unsigned at = s->kept[domain] < ARRAY_LEN(s->entries[domain]) ? s->kept[domain]++ : roll(s, ARRAY_LEN(s->entries[domain]));

	free((void *)(uintptr_t)s->entries[domain][at].p);
	s->entries[domain][at] = str_of(mem_dup(entry.p, entry.n), entry.n);
}

/* May an event said in this log turn this deny into an allow? The producer's own; the home of a person who came or changed role;
 * and the lifting of a restriction, which takes back what the center itself closed. */
static bool
may_open(const struct choice *c, const struct question *q)
{
	if (c->domain == q->domain) return true;
	if (c->type == EVENT_MEMBER_SET || c->type == EVENT_MEMBER_END) return c->person == q->person;
	return c->type == EVENT_RESTRICTION_LIFT && c->domain == OUR_CENTER;
}

static void
step(struct sim *s, struct outcome *o)
{
	struct choice c = sim_choose(s);
	struct question q[2] = {sim_question(s, &c), sim_question(s, &c)};
	bool before[2] = {mesh_allows(s, &q[0]), mesh_allows(s, &q[1])}, hostile = roll(s, 4) == 0, usable = true, expected;
	Str entry;

	if (hostile) {
		entry = hostile_entry(s, &c, &usable);
		if (!usable) return;
		expected = false;
	} else {
		bool sign = roll(s, 16) == 0; /* a checkpoint of our own vouches for the others */
		entry = world_sign(s->w, sign ? &s->w->d[c.domain].key : NULL, world_payload(s->w, c.domain, c.type, sim_body(s, &c)));
		expected = model_apply(&s->model, &c);
		world_apply(s->w, c.domain, entry, sign);
	}
	if (hostile) world_apply(s->w, c.domain, entry, true);
	if (!hostile) keep(s, c.domain, entry);
	o->events++;
	o->hostile += hostile;
	o->accepted += s->w->last.accepted;
	if (s->w->last.accepted != expected)
		violation(o, "event %u, %s%s in log %d: %s (%s)", o->events, hostile ? "hostile " : "", event_type_name(c.type), c.domain,
		    expected ? "refused" : "accepted", s->w->last.reason);
	for (int i = 0; i < 2; i++) {
		bool after = mesh_allows(s, &q[i]);
		o->allows += after;
		o->flips += after && !before[i];
		if (after != model_allows(&s->model, &q[i]))
			violation(o, "event %u, %s in log %d: person %d %s product %d of %d", o->events, event_type_name(c.type), c.domain, q[i].person,
			    after ? "sees" : "does not see", q[i].product, q[i].domain);
		if (after && !before[i] && (hostile || !may_open(&c, &q[i])))
			violation(o, "event %u, %s in log %d opened product %d of %d", o->events, event_type_name(c.type), c.domain, q[i].product, q[i].domain);
	}
}

static void
run_world(uint64_t seed, unsigned faults, struct outcome *o)
{
	struct sim *s = calloc(1, sizeof *s);
	unsigned end = o->events + WORLD_EVENTS;
	void *state;

	mesh_faults = 0;
	world_init(&state);
	sim_init(s, state, seed);
	mesh_faults = faults;
	while (o->events < end && (faults == 0 || o->violations == 0)) {
		step(s, o);
		arena_reset(&s->w->arena);
	}
	mesh_faults = 0;
	for (int i = 0; i < DOMAINS; i++)
		for (unsigned k = 0; k < s->kept[i]; k++) free((void *)(uintptr_t)s->entries[i][k].p);
	free(s);
	world_fini(&state);
}

static struct outcome
run(uint64_t seed, unsigned events, unsigned faults)
{
	struct outcome o = {0};

	while (o.events < events && (faults == 0 || o.violations == 0)) run_world(seed++, faults, &o);
	return o;
}

static void
only_the_producer_opens(void **state)
{
	(void)state;
	struct outcome o = run(20261121, EVENTS, 0);

	print_message("%u events, %u of them hostile; %u accepted, %u questions allowed, %u opened\n", o.events, o.hostile, o.accepted, o.allows, o.flips);
	if (o.violations) fail_msg("%u violations; first: %s", o.violations, o.first);
	/* the run was not an empty one */
	assert_int_equal(o.events, EVENTS);
	assert_in_range(o.hostile, EVENTS / 8, EVENTS / 2);
	assert_in_range(o.accepted, EVENTS / 10, EVENTS);
	assert_in_range(o.allows, EVENTS / 20, EVENTS);
	assert_true(o.flips > EVENTS / 200);
}

static void
planted_faults_are_found(void **state)
{
	(void)state;
	static const struct { unsigned fault; const char *name; } faults[] = {
	    {MESH_FAULT_NO_AUTHORITY, "NO_AUTHORITY"}, {MESH_FAULT_NO_SIGNATURE, "NO_SIGNATURE"}, {MESH_FAULT_NO_ORIGIN, "NO_ORIGIN"},
	    {MESH_FAULT_NO_ORDER, "NO_ORDER"},         {MESH_FAULT_NO_CENTER, "NO_CENTER"},       {MESH_FAULT_CENTER_GRANTS, "CENTER_GRANTS"},
	    {MESH_FAULT_NO_REVOKE, "NO_REVOKE"},
	};

	for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
		struct outcome o = run(7 + i, FAULTY_EVENTS, faults[i].fault);
		if (o.violations == 0) fail_msg("the fault %s was not noticed in %u events", faults[i].name, o.events);
		print_message("%s: noticed; %s\n", faults[i].name, o.first);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(only_the_producer_opens), cmocka_unit_test(planted_faults_are_found)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
