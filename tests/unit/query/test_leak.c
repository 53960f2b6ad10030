/* Non-interference: two worlds that differ only in rows, columns and parts of cells that the person may not see. Every statement, however
 * hostile, must get the same bytes in both: rows or error. The planted control is the same run with plain views in place of the
 * extracts, once behind the gate and once without it: there the same comparison must find leaks.
 *
 * HEDDLE_PAIRS and HEDDLE_SEED choose how many statements and which (make noninterference PAIRS=… SEED=…). */
#include "leak_random.h"

#include "os/clock.h"

#if defined(__SANITIZE_ADDRESS__)
enum { PAIRS = 3000 };
#else
enum { PAIRS = 20000 };
#endif
enum { CHUNK = 200, SLOW_MS = 4000, CONTROL_EVERY = 7 };

static size_t
setting(const char *name, size_t otherwise)
{
	const char *text = getenv(name);
	uint64_t v;

	return text && str_u64(str_c(text), &v) ? (size_t)v : otherwise;
}

/* --- one world at work on a chunk, on a thread of its own --- */

struct runner {
	struct world *world;
	struct arena arena;
	const struct statement *statements;
	size_t n;
	Str answers[CHUNK];
	bool slow[CHUNK];
	size_t at;                 /* under way; atomic */
	uint64_t since_ns;         /* atomic */
};

static void *
run(void *arg)
{
	struct runner *r = arg;

	for (size_t i = 0; i < r->n; i++) {
		session_begin(&r->world->k.s);
		__atomic_store_n(&r->since_ns, clock_boot_ns(), __ATOMIC_SEQ_CST);
		__atomic_store_n(&r->at, i, __ATOMIC_SEQ_CST);
		r->answers[i] = answer(r->world, &r->arena, str_c(r->statements[i].sql), r->statements[i].honest);
	}
	__atomic_store_n(&r->at, CHUNK, __ATOMIC_SEQ_CST);
	return NULL;
}

static bool
watch(struct runner *r)
{
	size_t at = __atomic_load_n(&r->at, __ATOMIC_SEQ_CST);

	if (at < CHUNK && clock_boot_ns() - __atomic_load_n(&r->since_ns, __ATOMIC_SEQ_CST) > SLOW_MS * UINT64_C(1000000)) {
		r->slow[at] = true;
		session_interrupt(&r->world->k.s);
	}
	return at < CHUNK;
}

static void
run_both(struct runner r[2])
{
	pthread_t threads[2];

	for (int w = 0; w < 2; w++) pthread_create(&threads[w], NULL, run, &r[w]);
	while (watch(&r[0]) | watch(&r[1])) usleep(2000);
	for (int w = 0; w < 2; w++) pthread_join(threads[w], NULL);
}

/* --- the comparison --- */

struct tally { size_t pairs, answered, slow, leaks, by_class[CLASS_COUNT], leaks_by_class[CLASS_COUNT]; };

static void
tell(const struct statement *s, const struct runner r[2], size_t i)
{
	print_error("%s: %s\n", class_names[s->class], s->sql);
	for (int w = 0; w < 2; w++) print_error("  %.*s\n", (int)(r[w].answers[i].n < 400 ? r[w].answers[i].n : 400), r[w].answers[i].p);
}

static void
compare(struct statement *s, size_t n, struct world worlds[2], bool loud, struct tally *t)
{
	struct runner r[2];

	for (int w = 0; w < 2; w++) r[w] = (struct runner){.world = &worlds[w], .statements = s, .n = n, .since_ns = clock_boot_ns()};
	run_both(r);
	for (size_t i = 0; i < n; i++) {
		bool rows = memchr(r[0].answers[i].p, '{', r[0].answers[i].n) != NULL;
		t->pairs++;
		t->by_class[s[i].class]++;
		t->answered += rows;
		if (s[i].fn) s[i].fn->hit = true;
		if (s[i].fn && rows) s[i].fn->answered = true;
		if (r[0].slow[i] || r[1].slow[i]) {
			t->slow++;
			if (loud) print_message("too slow: %s\n", s[i].sql);
			continue;
		}
		if (str_eq(r[0].answers[i], r[1].answers[i])) continue;
		t->leaks++;
		t->leaks_by_class[s[i].class]++;
		if (loud && t->leaks < 20) tell(&s[i], r, i);
	}
	for (int w = 0; w < 2; w++) arena_fini(&r[w].arena);
}

static void
worlds_open(struct world w[2], enum way way)
{
	for (int i = 0; i < 2; i++) world_open(&w[i], i, way);
}

static void
worlds_close(struct world w[2])
{
	for (int i = 0; i < 2; i++) kit_close(&w[i].k);
}

/* Changes the session it runs in, unless the gate is before it. */
static bool
lasts(const struct statement *s)
{
	return s->class == CLASS_other_statements || s->class == CLASS_parameters || (s->fn && strcmp(s->fn->kind, "pragma") == 0) || strstr(s->sql, "PRAGMA");
}

/* Every `step`-th statement of [from, to): those of function_without_gate in `bare`, the others in `gated`. */
static void
range_run(struct gen *g, size_t from, size_t to, size_t step, struct world gated[2], struct world bare[2], bool loud, struct tally *t)
{
	uint64_t seed = setting("HEDDLE_SEED", 1);
	struct statement *lists[2] = {calloc(CHUNK, sizeof(struct statement)), calloc(CHUNK, sizeof(struct statement))};

	for (size_t i = from; i < to;) {
		struct arena arena = ARENA_INIT;
		size_t n[2] = {0, 0};
		g->a = &arena;
		for (; i < to && n[0] < CHUNK && n[1] < CHUNK; i += step) {
			struct statement s = statement_make(g, seed, i);
			int which = s.class == CLASS_function_without_gate;
			if (gated[0].way == VIEW_WITHOUT_GATE && lasts(&s)) continue;
			lists[which][n[which]++] = s;
		}
		compare(lists[0], n[0], gated, loud, t);
		compare(lists[1], n[1], bare, loud, t);
		arena_fini(&arena);
	}
	free(lists[0]);
	free(lists[1]);
}

static void
report(const char *what, const struct tally *t, const struct gen *g)
{
	struct map hit = MAP_INIT, answered = MAP_INIT, all = MAP_INIT;
	static char present;

	for (size_t i = 0; i < g->fn_count; i++) {
		map_put(&all, str_c(g->fns[i].name), &present);
		if (g->fns[i].hit) map_put(&hit, str_c(g->fns[i].name), &present);
		if (g->fns[i].answered) map_put(&answered, str_c(g->fns[i].name), &present);
	}
	print_message("%s: %zu pairs, %zu answered with rows, %zu too slow, %zu differ\n", what, t->pairs, t->answered, t->slow, t->leaks);
	print_message("functions: %zu of %zu called, %zu answered\nclasses:", hit.count, all.count, answered.count);
	for (size_t c = 0; c < CLASS_COUNT; c++) print_message(" %s %zu/%zu", class_names[c], t->leaks_by_class[c], t->by_class[c]);
	print_message("\n");
	map_fini(&hit);
	map_fini(&answered);
	map_fini(&all);
}

/* Half of them over tables read into memory, half over files; see bind.h. */
static void
extracts_leak_nothing(void **state)
{
	struct world gated[2], bare[2];
	struct gen g = {0};
	struct tally t = {0};
	size_t pairs = setting("HEDDLE_PAIRS", PAIRS);

	UNUSED_STATE;
	worlds_open(bare, EXTRACT_WITHOUT_GATE);
	functions_load(&g, &bare[0].k);
	for (size_t half = 0; half < 2; half++) {
		worlds_open(gated, EXTRACT);
		for (int w = 0; half && w < 2; w++) gated[w].k.s.bindings.cells_left = 0;
		range_run(&g, pairs * half / 2, pairs * (half + 1) / 2, 1, gated, bare, true, &t);
		worlds_close(gated);
	}
	report("extracts", &t, &g);
	assert_int_equal(t.leaks, 0);
	assert_true(t.answered > t.pairs / 5); /* or the comparison would be of refusals */
	assert_true(t.slow <= t.pairs / 200);
	worlds_close(bare);
}

static size_t
control(enum way way, const char *what)
{
	struct world worlds[2];
	struct gen g = {0};
	struct tally t = {0};

	worlds_open(worlds, way);
	functions_load(&g, &worlds[0].k);
	range_run(&g, 0, setting("HEDDLE_PAIRS", PAIRS), CONTROL_EVERY, worlds, worlds, false, &t);
	report(what, &t, &g);
	worlds_close(worlds);
	return t.leaks;
}

static void
a_view_behind_the_gate_leaks(void **state)
{
	UNUSED_STATE;
	assert_true(control(VIEW, "control, plain views behind the gate") > 0);
}

static void
a_view_without_the_gate_leaks_more(void **state)
{
	UNUSED_STATE;
	assert_true(control(VIEW_WITHOUT_GATE, "control, plain views without the gate") > 5);
}

/* Some of the statements make the engine leave objects behind that hold each other. What we forget ourselves is found in the other tests. */
const char *__lsan_default_suppressions(void);
const char *
__lsan_default_suppressions(void)
{
	return "leak:/proc/self/fd/\nleak:libduckdb\n";
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(extracts_leak_nothing), cmocka_unit_test(a_view_behind_the_gate_leaks),
	                                   cmocka_unit_test(a_view_without_the_gate_leaks_more)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
