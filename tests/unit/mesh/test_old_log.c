/* Logs from before there was governance (tests/vectors/mesh): each entry means what it meant, and each record says what it said. What
 * records say beyond that stands before "body", or at the end. */
#include "base/map.h"
#include "world.h"

struct old { struct world *w; struct map records; };

static char *
file_read(struct world *w, const char *name)
{
	char path[512];
	static char text[1 << 20];

	snprintf(path, sizeof path, "%s/mesh/%s", TEST_VECTORS_DIR, name);
	FILE *f = fopen(path, "re");
	assert_non_null(f);
	size_t n = fread(text, 1, sizeof text, f);
	assert_int_equal(fclose(f), 0);
	assert_in_range(n, 1000, sizeof text - 1);
	text[n] = 0;
	return arena_dup(&w->arena, text, n + 1);
}

static Err
keep(struct ctx *c, void *arg, Str kind, Str id, Str body)
{
	struct old *o = arg;
	Str *kept = NEW(&o->w->arena, Str);

	(void)c;
	*kept = arena_str(&o->w->arena, body);
	map_put(&o->records, arena_printf(&o->w->arena, "%.*s\t%.*s", STR(kind), STR(id)), kept);
	return OK;
}

static size_t
replay(struct old *o, unsigned *ret_refused)
{
	char *line = file_read(o->w, "old_log.txt"), *next;
	struct mesh_outcome outcome;
	size_t n = 0;

	for (; *line; line = next, n++) {
		char *reason = strchr(line, '\t') + 1, *entry = strchr(reason, '\t') + 1;
		Str log_id = str_of(line, (size_t)(reason - line - 1));
		const struct mesh_domain *d;
		uint64_t index = 0;
		next = strchr(entry, '\n');
		assert_non_null(next);
		reason[entry - reason - 1] = *next++ = 0;
		d = mesh_domain(o->w->m, log_id);
		if (d) index = d->log_size;
		assert_true(err_ok(mesh_apply(&o->w->c, o->w->m, log_id, index, str_c(entry), true, NULL, NULL, &outcome)));
		*ret_refused += !outcome.accepted;
		assert_string_equal(outcome.accepted ? "accepted" : outcome.reason, reason);
	}
	return n;
}

/* The same, but for what stands in between: before "body", or before the last brace where there is none. */
static bool
says_the_same(Str old, Str now)
{
	const char *body = memmem(old.p, old.n, ",\"body\":", 8);
	size_t head = body ? (size_t)(body - old.p) : old.n - 1, tail = old.n - head;

	return now.n >= old.n && memcmp(now.p, old.p, head) == 0 && memcmp(now.p + now.n - tail, old.p + head, tail) == 0;
}

static void
old_logs_replay(void **state)
{
	struct old o = {.w = *state};
	unsigned refused = 0;
	size_t n = 0;
	char *line, *next;

	assert_int_equal(replay(&o, &refused), 145);
	assert_int_equal(refused, 98);
	assert_true(err_ok(mesh_records(&o.w->c, o.w->m, keep, &o)));
	for (line = file_read(o.w, "old_records.txt"); *line; line = next, n++) {
		char *id = strchr(line, '\t') + 1, *body = strchr(id, '\t') + 1;
		next = strchr(body, '\n');
		*next++ = 0;
		const Str *now = map_get(&o.records, str_of(line, (size_t)(body - line - 1)));
		if (!now || !says_the_same(str_c(body), *now)) fail_msg("was %.*s %s, is %.*s", (int)(body - line), line, body, now ? (int)now->n : 0, now ? now->p : "");
	}
	assert_int_equal(n, o.records.count);
	assert_false(says_the_same(S("{\"a\":1,\"body\":2}"), S("{\"a\":1,\"b\":1,\"body\":3}"))); /* it can fail */
	assert_false(says_the_same(S("{\"a\":1}"), S("{\"a\":2,\"b\":1}")));
	map_fini(&o.records);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(old_logs_replay, world_init, world_fini)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
