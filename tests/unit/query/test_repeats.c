/* Streams of hashes looked through beside other statements. */
#include "extract_kit.h"
#include "query/repeats.h"

static const Str tables[] = {S("d.p.t"), S("t.parquet")};

static List
check(struct kit *k, const Str *statements, size_t n)
{
	List answers;

	assert_ok(&k->c, session_check(&k->c, &k->s, (List){tables, 2}, (List){statements, n}, &answers));
	assert_int_equal(answers.n, n / 2);
	return answers;
}

static void
assert_answer(Str got, const char *want)
{
	if (!str_eqc(got, want)) fail_msg("%.*s, not %s", STR(got), want);
}

static void
beside_other_statements(void **state)
{
	struct kit k;
	UNUSED_STATE;

	kit_open(&k);
	source_make(&k, "SELECT i::UBIGINT + 1 AS once, (i % 499999)::UBIGINT + 1 AS twice, (i % 7)::UBIGINT AS often FROM range(500000) t(i)", "t.parquet");
	const Str statements[] = {
	    S("hashes"), S("SELECT once FROM d.p.t"),
	    S("own"),    S("SELECT count(*) AS n FROM d.p.t"),
	    S("hashes"), S("SELECT hash(twice) FROM d.p.t"),
	    S("user"),   S("SELECT max(once) AS m FROM d.p.t"),
	    S("hashes"), S("SELECT often FROM d.p.t"),
	    S("hashes"), S("SELECT often FROM d.p.t WHERE often < 0"),
	    S("hashes"), S("SELECT nothing FROM d.p.t"),
	    S("hashes"), S("SELECT 'text' FROM d.p.t"),
	};
	List answers = check(&k, statements, ARRAY_LEN(statements));
	/* small numbers all fall into one part, as hashes never do: not looked through */
	assert_answer(answers.v[0], "{\"columns\":[\"repeats\"],\"rows\":[[\"many\"]]}");
	assert_answer(answers.v[1], "{\"columns\":[\"n\"],\"rows\":[[500000]]}");
	uint64_t hash;
	assert_ok(&k.c, engine_count(&k.c, &k.s.engine, "SELECT hash(1::UBIGINT)::BIGINT", &hash));
	assert_answer(answers.v[2], arena_printf(&k.arena, "{\"columns\":[\"repeats\"],\"rows\":[[\"%llu\"]]}", (unsigned long long)hash).p);
	assert_answer(answers.v[3], "{\"columns\":[\"m\"],\"rows\":[[500000]]}");
	assert_answer(answers.v[5], "{\"columns\":[\"repeats\"],\"rows\":[[\"0\"]]}");
	assert_true(str_starts(answers.v[6], S("{\"error\":\"")));
	assert_true(str_starts(answers.v[7], S("{\"error\":\"")));
	kit_close(&k);
}

static void
zero_and_too_many(void **state)
{
	struct kit k;
	UNUSED_STATE;

	kit_open(&k);
	source_make(&k, "SELECT i AS a FROM range(3000) t(i)", "t.parquet");
	const Str statements[] = {
	    S("hashes"), S("SELECT hash(0) FROM d.p.t"), /* it is 0, and when it repeats that must not read as none */
	    S("hashes"), S("SELECT hash(a // 3) FROM d.p.t"),
	    S("hashes"), S("SELECT hash(a // 2) FROM d.p.t"),
	    S("hashes"), S("SELECT hash(a) FROM d.p.t"),
	};
	List answers = check(&k, statements, ARRAY_LEN(statements));
	assert_answer(answers.v[0], "{\"columns\":[\"repeats\"],\"rows\":[[\"0,0\"]]}");
	Str thousand = answers.v[1];
	size_t commas = 0;
	for (size_t i = 0; i < thousand.n; i++) commas += thousand.p[i] == ',';
	assert_int_equal(commas, 999 + 1); /* of the list, and behind the columns */
	assert_answer(answers.v[2], "{\"columns\":[\"repeats\"],\"rows\":[[\"many\"]]}");
	assert_answer(answers.v[3], "{\"columns\":[\"repeats\"],\"rows\":[[\"0\"]]}");
	kit_close(&k);
}

/* More values than half of the engine's memory holds. */
static void
over_the_limit(void **state)
{
	struct kit k;
	UNUSED_STATE;

	kit_open(&k);
	source_make(&k, "SELECT 1 AS a", "t.parquet");
	k.s.engine.spec.memory_bytes = 4 << 20;
	const Str statements[] = {S("hashes"), S("SELECT hash(i) FROM range(2000000) t(i)")};
	assert_answer(check(&k, statements, 2).v[0], "{\"columns\":[\"repeats\"],\"rows\":[[\"many\"]]}");
	kit_close(&k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(beside_other_statements),
	    cmocka_unit_test(zero_and_too_many),
	    cmocka_unit_test(over_the_limit),
	};
	return cmocka_run_group_tests_name("query/repeats", tests, NULL, NULL);
}
