/* How results look: every type against DuckDB's own text, the formats byte by byte, the limits, the ends. */
#include "kit.h"

#include <pthread.h>
#include <sys/socket.h>

struct stream {
	int fds[2];
	struct buf bytes;
	pthread_t thread;
};

static void *
drain(void *arg)
{
	struct stream *s = arg;
	char part[4096];
	ssize_t n;

	while ((n = read(s->fds[1], part, sizeof part)) > 0) buf_add(&s->bytes, part, (size_t)n);
	return NULL;
}

/* The payload of a framed stream, and its status; -1 when it is cut off. */
static int
unframe(Str framed, struct buf *out)
{
	const unsigned char *p = (const unsigned char *)framed.p;

	for (size_t at = 0;;) {
		if (at + 4 > framed.n) return -1;
		size_t n = (size_t)p[at] << 24 | (size_t)p[at + 1] << 16 | (size_t)p[at + 2] << 8 | p[at + 3];
		at += 4;
		if (n == 0) return at + 1 == framed.n ? p[at] : -1;
		if (at + n > framed.n) return -1;
		buf_add(out, framed.p + at, n);
		at += n;
	}
}

struct outcome { Err err; int status; struct buf text; struct result_counts counts; };

static struct outcome
run(struct kit *k, const char *sql, enum result_format format, uint64_t max_rows, uint64_t max_bytes)
{
	struct stream s = {0};
	struct outcome o = {0};

	k->c.detail[0] = 0;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, s.fds), 0);
	pthread_create(&s.thread, NULL, drain, &s);
	struct session_run r = {.sql = str_c(sql), .format = format, .sink = {.fd = s.fds[0], .max_rows = max_rows, .max_bytes = max_bytes}};
	o.err = session_run(&k->c, &k->s, &r, &o.counts);
	close(s.fds[0]);
	pthread_join(s.thread, NULL);
	close(s.fds[1]);
	o.status = unframe(buf_view(&s.bytes), &o.text);
	buf_fini(&s.bytes);
	return o;
}

static void
assert_text(struct kit *k, const char *sql, enum result_format format, const char *want)
{
	struct outcome o = run(k, sql, format, 0, 0);

	if (!err_ok(o.err)) fail_msg("%s: %s", sql, k->c.detail);
	assert_int_equal(o.status, 0);
	assert_string_equal(buf_z(&o.text), want);
	assert_int_equal(o.counts.bytes, o.text.n);
	buf_fini(&o.text);
}

static const struct { const char *sql, *json; } json[] = {
    {"true", "true"},
    {"1::tinyint", "1"},
    {"(-128)::tinyint", "-128"},
    {"9223372036854775807", "9223372036854775807"},
    {"-9223372036854775808", "-9223372036854775808"},
    {"18446744073709551615::ubigint", "18446744073709551615"},
    {"170141183460469231731687303715884105727::hugeint", "170141183460469231731687303715884105727"},
    {"(-170141183460469231731687303715884105727)::hugeint", "-170141183460469231731687303715884105727"},
    {"340282366920938463463374607431768211455::uhugeint", "340282366920938463463374607431768211455"},
    {"9007199254740993", "9007199254740993"},
    {"1.50::decimal(4,2)", "1.50"},
    {"-0.05::decimal(4,2)", "-0.05"},
    {"12345678901234567890.123456789::decimal(38,9)", "12345678901234567890.123456789"},
    {"-0.00000000000000000000000000000000000001::decimal(38,38)", "-0.00000000000000000000000000000000000001"},
    {"5::decimal(4,0)", "5"},
    {"0.1::double", "0.1"},
    {"0.1::double + 0.2::double", "0.30000000000000004"},
    {"3::double", "3.0"},
    {"-0.0::double", "-0.0"},
    {"1e300::double", "1e+300"},
    {"'nan'::double", "null"},
    {"'inf'::double", "null"},
    {"0.1::float", "0.1"},
    {"16777216::float", "16777216.0"},
    {"'a\"\\b'||chr(10)||chr(9)||chr(1)||chr(0)||'é€𝄞'", "\"a\\\"\\\\b\\n\\t\\u0001\\u0000é€𝄞\""},
    {"null", "null"},
    {"null::integer", "null"},
    {"date '2026-11-21'", "\"2026-11-21\""},
    {"timestamp '2026-11-21 09:04:14.5'", "\"2026-11-21T09:04:14.5\""},
    {"timestamptz '2026-11-21 09:04:14+02'", "\"2026-11-21T07:04:14Z\""},
    {"time '09:04:14.000001'", "\"09:04:14.000001\""},
    {"interval '1 year 2 months 3 days 04:05:06.7'", "\"1 year 2 months 3 days 04:05:06.7\""},
    {"'\\xAB\\x00c'::blob", "\"qwBj\""},
    {"'10101'::bit", "\"10101\""},
    {"'eeccb8c5-9943-b2bb-bb5e-222f4e14b687'::uuid", "\"eeccb8c5-9943-b2bb-bb5e-222f4e14b687\""},
    {"'b'::enum('a','b')", "\"b\""},
    {"'{\"a\": [1]}'::json", "\"{\\\"a\\\": [1]}\""},
    {"[1,null,3]", "[1,null,3]"},
    {"[]::integer[]", "[]"},
    {"[[1],[],null]", "[[1],[],null]"},
    {"array_value(1.5::double, 2)", "[1.5,2.0]"},
    {"{'a': 1, 'b\"': {'c': [true]}}", "{\"a\":1,\"b\\\"\":{\"c\":[true]}}"},
    {"map(['k', 'l'], [1, null])", "{\"k\":1,\"l\":null}"},
    {"map([date '2020-01-01'], ['x'])", "{\"2020-01-01\":\"x\"}"},
    {"1::union(n integer, s varchar)", "1"},
    {"'x'::union(n integer, s varchar)", "\"x\""},
    {"[{'a': date '2020-01-01'}]", "[{\"a\":\"2020-01-01\"}]"},
};

static void
values_as_json(void **state)
{
	struct kit k;

	UNUSED_STATE;
	kit_open(&k);
	for (size_t i = 0; i < ARRAY_LEN(json); i++) {
		Str sql = arena_printf(&k.arena, "select %s as v", json[i].sql), want = arena_printf(&k.arena, "{\"v\":%s}\n", json[i].json);
		assert_text(&k, sql.p, RESULT_NDJSON, want.p);
	}
	kit_close(&k);
}

/* Each row: an expression over range(-60, 60) and the type; our text of it is DuckDB's. */
static const char *const same_text[] = {
    "i::tinyint", "i::smallint", "(i * 30000000)::integer", "i * 150000000000000000", "(i + 60)::utinyint", "(i + 60)::uinteger",
    "i::hugeint * 2535301200456458802993406410752", "(i * 3.7)::decimal(5,1)", "(i * 1000003.77)::decimal(18,4)",
    "(i * 1000003.77)::decimal(38,20)", "i % 2 = 0", "date '2000-02-29' + (i * 41)::integer", "date '0001-01-03' + i::integer",
    "date '1970-01-01' + (i * 90000)::integer", "timestamp '1969-12-31 23:59:59.5' + to_microseconds(i * 1234567891)",
    "(timestamp '1969-12-31 23:59:59' + to_seconds(i * 86399))::timestamp_s",
    "(timestamp '1969-12-31 23:59:59' + to_milliseconds(i * 86399123))::timestamp_ms",
    "('2020-01-01 00:00:00.00000000' || abs(i % 10))::timestamp_ns", "time '00:00:00' + to_microseconds(abs(i) * 1234567891)",
    "timestamptz '2020-01-01 00:00:00Z' + to_microseconds(i * 1234567891)", "to_months(i::integer)", "to_days(i::integer)",
    "to_microseconds(i * 1234567)", "to_months(i::integer) + to_days(i::integer % 7) + to_microseconds(i * 99999)",
    "(i * 0.25)::double", "i / 3.0::double", "exp(i / 2.0)", "(i * 1.1)::float", "pow(10.0::double, i)", "i * 1e15",
    "md5(i::varchar)::uuid", "('1' || repeat('0', 60 + i::integer) || '1')::bit", "from_hex(lpad(hex(abs(i) * 2), 2, '0'))", "chr((200 + i)::integer)",
    "(case when i % 2 = 0 then 'a' else 'b' end)::enum('a', 'b')", "case when i % 3 = 0 then null else i end",
    "('0' || abs(i % 9) || ':00:00+0' || abs(i % 5))::timetz",
};

static void
values_as_duckdb_says(void **state)
{
	struct kit k;
	size_t differ = 0;

	UNUSED_STATE;
	kit_open(&k);
	for (size_t i = 0; i < ARRAY_LEN(same_text); i++) {
		Str ours = arena_printf(&k.arena, "select %s as v from range(-60, 60) r(i)", same_text[i]);
		Str theirs = arena_printf(&k.arena, "select (%s)::varchar as v from range(-60, 60) r(i)", same_text[i]);
		struct outcome a = run(&k, ours.p, RESULT_CSV, 0, 0), b = run(&k, theirs.p, RESULT_CSV, 0, 0);
		if (!err_ok(a.err) || !err_ok(b.err)) fail_msg("%s: %s", same_text[i], k.c.detail);
		bool equal = str_eq(buf_view(&a.text), buf_view(&b.text));
		if (!equal) {
			print_message("%s\n", same_text[i]);
			for (size_t at = 0; at < a.text.n && at < b.text.n; at++)
				if (a.text.p[at] != b.text.p[at]) {
					print_message("  ours …%.40s theirs …%.40s\n", a.text.p + (at > 10 ? at - 10 : 0), b.text.p + (at > 10 ? at - 10 : 0));
					break;
				}
			differ++;
		}
		buf_fini(&a.text);
		buf_fini(&b.text);
	}
	assert_int_equal(differ, 0);
	kit_close(&k);
}

/* Every double we write reads back as itself. */
static void
doubles_survive(void **state)
{
	struct kit k;

	UNUSED_STATE;
	kit_open(&k);
	struct outcome o = run(&k,
	                       "select v from (select (hash(i) / 1e9) * pow(10.0, (i % 40) - 20) v from range(4000) r(i) union all select "
	                       "(hash(i) % 1000000) / 100.0 from range(4000) r(i)) order by v",
	                       RESULT_NDJSON, 0, 0);
	struct outcome exact = run(&k,
	                           "select printf('%.17g', v) p from (select (hash(i) / 1e9) * pow(10.0, (i % 40) - 20) v from range(4000) r(i) "
	                           "union all select (hash(i) % 1000000) / 100.0 from range(4000) r(i)) order by v",
	                           RESULT_CSV, 0, 0);
	if (!err_ok(o.err) || !err_ok(exact.err)) fail_msg("%s", k.c.detail);
	char *ours = o.text.p, *theirs = strchr(exact.text.p, '\n') + 1;
	for (int i = 0; i < 8000; i++) {
		double a = strtod(ours + strlen("{\"v\":"), NULL), b = strtod(theirs, NULL);
		if (memcmp(&a, &b, sizeof a) != 0) fail_msg("%.60s | %.40s", ours, theirs);
		ours = strchr(ours, '\n') + 1;
		theirs = strchr(theirs, '\n') + 1;
	}
	buf_fini(&o.text);
	buf_fini(&exact.text);
	kit_close(&k);
}

static void
formats(void **state)
{
	static const char sql[] = "select i as n, case i when 0 then null when 1 then '' when 2 then 'a,\"b\"' else ' x' end as \"t,\" from range(4) r(i)";
	struct kit k;

	UNUSED_STATE;
	kit_open(&k);
	assert_text(&k, sql, RESULT_CSV, "n,\"t,\"\r\n0,\r\n1,\"\"\r\n2,\"a,\"\"b\"\"\"\r\n3,\" x\"\r\n");
	assert_text(&k, sql, RESULT_JSON,
	            "[\n{\"n\":0,\"t,\":null},\n{\"n\":1,\"t,\":\"\"},\n{\"n\":2,\"t,\":\"a,\\\"b\\\"\"},\n{\"n\":3,\"t,\":\" x\"}\n]\n");
	assert_text(&k, "select 1 as a where false", RESULT_JSON, "[\n]\n");
	assert_text(&k, "select 1 as a where false", RESULT_CSV, "a\r\n");
	assert_text(&k, "select 1 as a where false", RESULT_NDJSON, "");
	assert_text(&k, "select 1 as a, 2 as a, 3 as a_1", RESULT_NDJSON, "{\"a\":1,\"a_1\":2,\"a_1_1\":3}\n");
	assert_text(&k, "select [1, 2] as l, {'a': 'x'} as s", RESULT_CSV, "l,s\r\n\"[1,2]\",\"{\"\"a\"\":\"\"x\"\"}\"\r\n");
	kit_close(&k);
}

static void
parquet(void **state)
{
	struct kit k;

	UNUSED_STATE;
	kit_open(&k);
	struct outcome o = run(&k, "select i, 'x' || i as t from range(100000) r(i) ; ", RESULT_PARQUET, 0, 0);
	if (!err_ok(o.err)) fail_msg("%s", k.c.detail);
	assert_int_equal(o.counts.rows, 100000);
	int fd = openat(k.spec.read_dir, "back.parquet", O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(fd, o.text.p, o.text.n), o.text.n);
	close(fd);
	BUF_AUTO sql = BUF_INIT;
	buf_c(&sql, "select count(*), sum(i), max(t) from read_parquet(");
	engine_file(&sql, k.spec.read_dir, S("back.parquet"));
	buf_c(&sql, ")");
	assert_string_equal(kit_rows(&k, buf_z(&sql)).p,
	                    "{\"columns\":[\"count_star()\",\"sum(i)\",\"max(t)\"],\"rows\":[[100000,4999950000,\"x99999\"]]}");
	assert_false(file_exists(k.spec.temp_dir, "result.parquet"));
	buf_fini(&o.text);
	o = run(&k, "describe select 1 as a", RESULT_PARQUET, 0, 0);
	assert_true(err_ok(o.err));
	buf_fini(&o.text);
	o = run(&k, "select i from range(100) r(i)", RESULT_PARQUET, 99, 0);
	assert_int_equal(o.err.code, ERR_LIMIT);
	buf_fini(&o.text);
	kit_close(&k);
}

/* One thread of the engine fails, the one that fetches is interrupted by that: nobody cancelled anything. */
static void
a_failure_in_the_middle_is_never_told_as_cancelled(void **state)
{
	struct kit k;

	UNUSED_STATE;
	kit_open(&k);
	for (int i = 0; i < 60; i++) {
		struct outcome o = run(&k, "select case when i = 600000 then ('x' || i)::integer end as w from range(1000000) r(i)", RESULT_CSV, 0, 0);
		assert_int_equal(o.err.code, ERR_SQL);
		assert_int_equal(o.status, ERR_SQL);
		assert_true(strstr(k.c.detail, "'x600000'") || strstr(k.c.detail, "can't be computed"));
		buf_fini(&o.text);
	}
	kit_close(&k);
}

struct stopper { struct kit *k; atomic_bool done; };

/* The engine alone is interrupted here: that somebody asked for it was said before the statement began. */
static void *
stop_engine(void *arg)
{
	struct stopper *s = arg;

	for (; !s->done; usleep(1000)) s->k->duck.duckdb_interrupt(s->k->s.engine.con);
	return NULL;
}

static void
an_interrupt_before_the_statement_is_not_forgotten(void **state)
{
	struct kit k;
	struct stopper s = {.k = &k};
	pthread_t thread;

	UNUSED_STATE;
	kit_open(&k);
	session_begin(&k.s);
	session_interrupt(&k.s);
	assert_int_equal(pthread_create(&thread, NULL, stop_engine, &s), 0);
	struct outcome o = run(&k, "select count(*) as n from range(100000000) a(i), range(1000000) b(j) where i * j % 7 = 1", RESULT_CSV, 0, 0);
	s.done = true;
	pthread_join(thread, NULL);
	assert_int_equal(o.err.code, ERR_CANCELLED);
	assert_true(o.status == ERR_CANCELLED || o.status == -1); /* which it is while it is planned: nothing was sent */
	buf_fini(&o.text);
	session_begin(&k.s);
	o = run(&k, "select 1 as i", RESULT_CSV, 0, 0);
	assert_true(err_ok(o.err));
	buf_fini(&o.text);
	kit_close(&k);
}

static void
limits_and_ends(void **state)
{
	struct kit k;
	struct outcome o;

	UNUSED_STATE;
	kit_open(&k);
	o = run(&k, "select i from range(100000) r(i)", RESULT_NDJSON, 100000, 0);
	assert_int_equal(o.status, 0);
	assert_int_equal(o.counts.rows, 100000);
	buf_fini(&o.text);
	o = run(&k, "select i from range(100001) r(i)", RESULT_NDJSON, 100000, 0);
	assert_int_equal(o.err.code, ERR_LIMIT);
	assert_int_equal(o.status, ERR_LIMIT);
	buf_fini(&o.text);
	o = run(&k, "select i from range(1000000) r(i)", RESULT_CSV, 0, 1 << 20);
	assert_int_equal(o.status, ERR_LIMIT);
	assert_true(o.text.n <= 1 << 20);
	buf_fini(&o.text);
	/* fails after rows went out: the status says so */
	o = run(&k, "select 10 / (500000 - i) as v, case when i = 600000 then ('x' || i)::integer end as w from range(1000000) r(i)", RESULT_CSV, 0, 0);
	assert_int_equal(o.err.code, ERR_SQL);
	assert_int_equal(o.status, ERR_SQL);
	buf_fini(&o.text);
	o = run(&k, "select nosuch from range(3)", RESULT_CSV, 0, 0);
	assert_int_equal(o.err.code, ERR_SQL);
	assert_int_equal(o.text.n, 0);
	buf_fini(&o.text);
	kit_close(&k);
}

/* The other end goes away: the writer notices and nothing is left. */
static void
nobody_reads(void **state)
{
	struct kit k;
	int fds[2];
	struct result_counts counts;

	UNUSED_STATE;
	kit_open(&k);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	close(fds[1]);
	struct session_run r = {.sql = S("select i from range(1000000) r(i)"), .format = RESULT_CSV, .sink = {.fd = fds[0]}};
	assert_int_equal(session_run(&k.c, &k.s, &r, &counts).code, ERR_UNAVAILABLE);
	close(fds[0]);
	kit_close(&k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(values_as_json), cmocka_unit_test(values_as_duckdb_says), cmocka_unit_test(doubles_survive),
	    cmocka_unit_test(formats),
	    cmocka_unit_test(parquet),
	    cmocka_unit_test(a_failure_in_the_middle_is_never_told_as_cancelled),
	    cmocka_unit_test(an_interrupt_before_the_statement_is_not_forgotten),
	    cmocka_unit_test(limits_and_ends),
	    cmocka_unit_test(nobody_reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
