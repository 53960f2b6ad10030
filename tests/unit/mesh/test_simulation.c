/* The center cannot open: a mesh of eight domains, two of them centers, driven by chance over every event there is, with forgers, thieves of keys,
 * copied, replayed and forked logs, and a center that does what it likes. In each of many worlds of a thousand events, after each:
 *   P1  nothing but the producer's own valid log turns a deny into an allow, except what the consumer's own log does within the grant, and
 *       the center taking back what it closed itself; and who is allowed is allowed in a mesh of the producer's and their own log alone
 *       (the proof of a fork is by the key of the forked log, whoever shows it)
 *   P2  who is allowed is allowed without the center's log, and sees no more of what is masked, hidden or filtered
 *   P3  the same logs in another order come to the same state hash and the same decisions
 *   P4  what was revoked, ended or left on any branch, is void, unapproved, not handed on, of another purpose or not of its time opens nothing:
 *       simulation/truth.h, a model written from the rules and not from the code
 *   P5  the records put back come to the same hash and decisions
 *   P6  decisions of one hash show the same
 * Each planted fault of the fold and the decision by which anything could open is noticed by the first of the same worlds. The build sets
 * SIM_EVENTS: a million, and 20,000 where it is sanitized or not optimized. */
#include <pthread.h>

#include "mesh/fold/fold.h"
#undef FAULT
#include "policy/fault.h"
#include "simulation/simulation.h"

#ifndef SIM_EVENTS
#define SIM_EVENTS 20000
#endif

enum { WHOLE_RUN = 1000000, THREADS = 2, FIRST_SEED = 20261120, FAULTY_WORLDS = 100 };

extern unsigned mesh_faults, policy_faults;
unsigned mesh_faults, policy_faults;

/* --- the run --- */

struct share { uint64_t seed; unsigned worlds; struct outcome o; };

static void *
run_share(void *arg)
{
	struct share *h = arg;

	for (unsigned i = 0; i < h->worlds; i++) sim_run_world(h->seed + i, false, &h->o);
	return NULL;
}

static void
add(struct outcome *sum, const struct outcome *o)
{
	if (sum->violations == 0) memcpy(sum->first, o->first, sizeof sum->first), sum->seed = o->seed;
	sum->events += o->events, sum->hostile += o->hostile, sum->overreaching += o->overreaching, sum->accepted += o->accepted;
	sum->questions += o->questions, sum->allows += o->allows, sum->isolated += o->isolated, sum->uncentered += o->uncentered;
	sum->orders += o->orders, sum->forks += o->forks, sum->extracts += o->extracts, sum->violations += o->violations;
	sum->by_group += o->by_group, sum->by_delegation += o->by_delegation, sum->by_tags += o->by_tags, sum->approved += o->approved;
	for (int i = 0; i < EVENT_TYPE_COUNT; i++) sum->said[i] += o->said[i], sum->opened[i] += o->opened[i], sum->closed[i] += o->closed[i];
}

static void
print_outcome(const struct outcome *o, unsigned worlds)
{
	unsigned opened = 0, closed = 0;

	for (int i = 0; i < EVENT_TYPE_COUNT; i++) {
		opened += o->opened[i], closed += o->closed[i];
		if (o->said[i]) print_message("  %-18s %7u said, %6u opened, %6u closed\n", event_type_name((enum event_type)i), o->said[i], o->opened[i], o->closed[i]);
	}
	print_message("%u events in %u worlds: %u hostile, %u overreaching, %u accepted; %u forks; %u opened, %u closed\n", o->events, worlds, o->hostile,
	              o->overreaching, o->accepted, o->forks, opened, closed);
	print_message("%u questions, %u allowed: %u by a group, %u handed on, %u by tags, %u where approvals are demanded\n", o->questions, o->allows,
	              o->by_group, o->by_delegation, o->by_tags, o->approved);
	print_message("asked again: %u without the center, %u in two logs alone; %u extracts seen again; %u other orders and loads; seeds from %u\n",
	              o->uncentered, o->isolated, o->extracts, o->orders, FIRST_SEED);
}

/* Each way to open is seen, at least so often in a whole run. */
static unsigned
poorly_covered(const struct outcome *o)
{
	static const struct { enum event_type type; unsigned least; } openings[] = {
	    {EVENT_GRANT_ADD, 5000},       {EVENT_APPROVAL_ADD, 100},  {EVENT_DELEGATION_ADD, 400}, {EVENT_GROUP_JOIN, 500}, {EVENT_TAG_SET, 300},
	    {EVENT_MEMBER_SET, 1500},      {EVENT_DOMAIN_SET, 100},    {EVENT_PRODUCT_PUBLISH, 200}, {EVENT_CONFIRM, 20},
	    {EVENT_RESTRICTION_LIFT, 500}, {EVENT_PURPOSE_RETIRE, 50}, {EVENT_FORK_RESOLVE, 20},
	};
	unsigned poor = 0;

	for (size_t i = 0; i < ARRAY_LEN(openings); i++) {
		if (o->opened[openings[i].type] >= openings[i].least) continue;
		print_message("%s opened only %u times\n", event_type_name(openings[i].type), o->opened[openings[i].type]);
		poor++;
	}
	for (int i = 0; i < EVENT_TYPE_COUNT; i++) {
		if (i == EVENT_DOMAIN_INCEPTION || i == EVENT_UNKNOWN || o->said[i]) continue;
		print_message("%s was never said\n", event_type_name((enum event_type)i));
		poor++;
	}
	return poor;
}

/* A run in which nothing ever opens proves nothing. A share of a run is held to the sums only: what is rare may not happen in it. */
static void
check_coverage(const struct outcome *o)
{
	if (o->events >= WHOLE_RUN) assert_int_equal(poorly_covered(o), 0);
	assert_true(o->hostile > o->events / 8 && o->accepted > o->events / 4 && o->allows > o->questions / 20);
	assert_true(o->by_group > o->events / 100 && o->by_delegation > o->events / 200 && o->by_tags > o->events / 100 && o->approved > o->events / 100);
	assert_true(o->isolated > o->events / 20 && o->uncentered > o->events / 20 && o->extracts > o->events / 20);
}

static void
the_center_cannot_open(void **state UNUSED)
{
	struct share shares[THREADS];
	pthread_t threads[THREADS];
	struct outcome sum = {0};
	unsigned worlds = (SIM_EVENTS + THREADS * WORLD_EVENTS - 1) / (THREADS * WORLD_EVENTS);

	for (unsigned i = 0; i < THREADS; i++) {
		shares[i] = (struct share){.seed = FIRST_SEED + (uint64_t)i * worlds, .worlds = worlds};
		assert_int_equal(pthread_create(&threads[i], NULL, run_share, &shares[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		add(&sum, &shares[i].o);
	}
	print_outcome(&sum, THREADS * worlds);
	if (sum.violations) fail_msg("%u violations; first, seed %llu: %s", sum.violations, (unsigned long long)sum.seed, sum.first);
	assert_true(sum.events >= SIM_EVENTS);
	check_coverage(&sum);
}

/* --- planted faults --- */

/* Not among them: OLD_MEMBER, which only closes (test_govern.c has it). */
static void
planted_faults_are_found(void **state UNUSED)
{
#define MESH(name) {MESH_FAULT_##name, 0, #name}
#define POLICY(name) {0, POLICY_FAULT_##name, #name}
	static const struct { unsigned mesh, policy; const char *name; } faults[] = {
	    MESH(NO_AUTHORITY), MESH(NO_SIGNATURE), MESH(NO_ORIGIN), MESH(NO_ORDER), MESH(NO_CENTER), MESH(CENTER_GRANTS), MESH(NO_REVOKE),
	    MESH(ANY_MEMBER), MESH(NO_LEAVE), MESH(NO_END), MESH(CLASS_FALLS), MESH(NO_COMMITMENT), MESH(NO_ENDORSEMENT), MESH(NO_COMPROMISE),
	    MESH(NO_FORK_PROOF), MESH(NO_FORKS), MESH(ANY_SPEAKER), MESH(LAST_STEP), MESH(ONE_SHELF), MESH(FOREIGN_SNAPSHOT), POLICY(HUMANS),
	    POLICY(STRANGERS), POLICY(ASKER), POLICY(SERVICES), POLICY(ROWS), POLICY(UNTIL), POLICY(PURPOSE), POLICY(MASKS), POLICY(ENDED), POLICY(BEFORE), POLICY(LOOSEN),
	    POLICY(LENGTHEN), POLICY(UNHIDE), POLICY(GROUPS), POLICY(KEYED), POLICY(HANDING),
	};
	unsigned missed = 0;

	for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
		struct outcome o = {0};
		mesh_faults = faults[i].mesh;
		policy_faults = faults[i].policy;
		for (unsigned n = 0; n < FAULTY_WORLDS && o.violations == 0; n++) sim_run_world(FIRST_SEED + n, true, &o);
		mesh_faults = policy_faults = 0;
		missed += o.violations == 0;
		print_message("%s: %s; seed %llu, %s\n", faults[i].name, o.violations ? "noticed" : "MISSED", (unsigned long long)o.seed, o.first);
	}
	print_message("planted faults found: %zu/%zu\n", ARRAY_LEN(faults) - missed, ARRAY_LEN(faults));
	assert_int_equal(missed, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(the_center_cannot_open), cmocka_unit_test(planted_faults_are_found)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
