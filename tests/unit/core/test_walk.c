/* Walks over a state that others change in between. The loop, the clock and the folding of the past are this test's (--wrap): whoever gives way here lets one
 * thing happen, and the clock goes on by a millisecond each time somebody looks at it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "core/walk.h"

void __wrap_fiber_sleep_ms(struct core *core, uint64_t ms);
int64_t __wrap_core_ns(void);
Time __wrap_core_now(void);
Err __wrap_past_fold(struct core *core, struct ctx *c, Time at, struct past *ret);
void __wrap_past_fini(struct past *p);

enum { THINGS = 1000 };

/* The state: every thing says which version it is of, and all of them change at once. A mesh is no more than its version here. */
struct world {
	struct core core;
	struct request rq;
	unsigned version, things[THINGS];
	unsigned changes_left, slices, folded, copied; /* copied: the version that was folded from the logs */
	bool unannounced;                              /* changes that the walk is not told of: planted */
	unsigned gone_after;
	void (*also)(struct world *w);
};

static struct world *world;

static void
change(struct world *w)
{
	w->version++;
	for (size_t i = 0; i < THINGS; i++) w->things[i] = w->version;
	w->core.mark += !w->unannounced;
}

void
__wrap_fiber_sleep_ms(struct core *core, uint64_t ms)
{
	struct world *w = world;

	(void)core;
	(void)ms;
	w->slices++;
	if (w->changes_left && w->slices % 3 == 0) {
		w->changes_left--;
		change(w);
	}
	if (w->gone_after && w->slices >= w->gone_after) w->rq.cancelled = true;
	if (w->also) TAKE(w->also, NULL)(w);
}

int64_t
__wrap_core_ns(void)
{
	static int64_t now;

	return now += 1000000;
}

Time __wrap_core_now(void) { return TIME_DAY; }

Err
__wrap_past_fold(struct core *core, struct ctx *c, Time at, struct past *ret)
{
	(void)core;
	(void)c;
	assert_true(at > 0);
	world->folded++;
	world->copied = world->version;
	ret->mesh = (struct mesh *)&world->copied; /* for whether it is there */
	return OK;
}

void __wrap_past_fini(struct past *p) { p->mesh = NULL; }

static void
start(struct world *w)
{
	memset(w, 0, sizeof *w);
	world = w;
	change(w);
}

struct sight { unsigned low, high, looks; };

/* Which versions it saw. */
static Err
look(struct walk *w, void *arg)
{
	struct sight *s = arg;

	s->looks++;
	s->low = UINT32_MAX;
	s->high = 0;
	for (size_t i = 0; i < THINGS; i++) {
		unsigned v = w->past.mesh ? world->copied : world->things[i];
		TRY(walk_step(w));
		if (v < s->low) s->low = v;
		if (v > s->high) s->high = v;
	}
	return OK;
}

static Err
run(struct world *w, struct ctx *c, struct sight *s)
{
	WALK_AUTO walk = {.core = &w->core, .rq = &w->rq, .what = "a look"};

	*s = (struct sight){0};
	return walk_run(&walk, c, look, s);
}

static void
others_go_on_meanwhile(void **state)
{
	struct world w;
	struct sight s;
	struct ctx c = {0};

	(void)state;
	start(&w);
	assert_true(err_ok(run(&w, &c, &s)));
	assert_int_equal(s.looks, 1);
	assert_true(w.slices > 10);
	assert_null(w.core.walks);
}

/* However often it changes and whenever: one version, never two. */
static void
it_sees_one_state(void **state)
{
	(void)state;
	for (unsigned changes = 1; changes < 40; changes++) {
		struct world w;
		struct sight s;
		struct ctx c = {0};
		start(&w);
		w.changes_left = changes;
		assert_true(err_ok(run(&w, &c, &s)));
		assert_int_equal(s.low, s.high);
		assert_true(s.looks > 1 && s.looks <= 4);
		assert_int_equal(w.folded, s.looks == 4); /* by a mesh of its own, where it would never come to an end */
		if (w.folded) assert_int_equal(s.low, w.copied);
		if (!w.folded) assert_int_equal(s.low, w.version);
	}
}

/* The check above finds a walk that mixes. */
static void
a_mixture_is_noticed(void **state)
{
	struct world w;
	struct sight s;
	struct ctx c = {0};

	(void)state;
	start(&w);
	w.unannounced = true;
	w.changes_left = 1;
	assert_true(err_ok(run(&w, &c, &s)));
	assert_int_not_equal(s.low, s.high);
}

static void
it_ends_when_nobody_waits(void **state)
{
	struct world w;
	struct sight s;
	struct ctx c = {0};

	(void)state;
	start(&w);
	w.gone_after = 2;
	assert_int_equal(run(&w, &c, &s).code, ERR_CANCELLED);
	assert_int_equal(w.slices, 2);
	assert_null(w.core.walks);
}

static void
a_second_one(struct world *w)
{
	struct request other = {.cancelled = true};
	struct sight s = {0};
	struct ctx c = {0};
	WALK_AUTO walk = {.core = &w->core, .rq = &other, .what = "another"};

	assert_int_equal(walk_run(&walk, &c, look, &s).code, ERR_CANCELLED); /* its turn does not come, and its client is gone */
	assert_int_equal(s.looks, 0);
	assert_non_null(w->core.walks);
	assert_null(w->core.walks->next);
}

static void
one_at_a_time(void **state)
{
	struct world w;
	struct sight s;
	struct ctx c = {0};

	(void)state;
	start(&w);
	w.also = a_second_one;
	assert_true(err_ok(run(&w, &c, &s)));
	assert_null(w.also);
}

static void
too_many_are_refused_with_what_is_under_way(void **state)
{
	struct walk waiting[8] = {0};
	struct world w;
	struct sight s;
	struct ctx c = {0};

	(void)state;
	start(&w);
	for (size_t i = 0; i < 8; i++) waiting[i] = (struct walk){.what = "a posture", .steps = 1234, .next = i < 7 ? &waiting[i + 1] : NULL};
	w.core.walks = waiting;
	Err e = run(&w, &c, &s);
	assert_int_equal(e.code, ERR_BUSY);
	assert_non_null(strstr(err_detail(&c, e), "a posture is under way (1234 things looked at so far) and 7 more wait"));
	assert_ptr_equal(w.core.walks, waiting);
}

/* Of a time that is over: from the logs at once. */
static void
the_past_is_folded(void **state)
{
	struct world w;
	struct ctx c = {0};
	struct sight s = {0};

	(void)state;
	start(&w);
	w.changes_left = 5;
	WALK_AUTO walk = {.core = &w.core, .rq = &w.rq, .what = "a look", .at = 7};
	assert_true(err_ok(walk_run(&walk, &c, look, &s)));
	assert_int_equal(walk.now, 7);
	assert_int_equal(s.looks, 1);
	assert_int_equal(w.folded, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(others_go_on_meanwhile),
	    cmocka_unit_test(it_sees_one_state),
	    cmocka_unit_test(a_mixture_is_noticed),
	    cmocka_unit_test(it_ends_when_nobody_waits),
	    cmocka_unit_test(one_at_a_time),
	    cmocka_unit_test(too_many_are_refused_with_what_is_under_way),
	    cmocka_unit_test(the_past_is_folded),
	};

	return cmocka_run_group_tests_name("walk", tests, NULL, NULL);
}
