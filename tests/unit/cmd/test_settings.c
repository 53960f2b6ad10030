#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cmd/role.h"
#include "cmd/settings.h"
#include "kit.h"

static struct settings
parse(struct kit *k, const char *yaml)
{
	struct settings s;

	settings_default(&s);
	GOOD(settings_parse(&k->c, str_c(yaml), &s));
	return s;
}

static void
test_values(void **state)
{
	struct kit *k = *state;
	struct settings s = parse(k, "http: 127.0.0.1:9000\nworker_memory: 2GiB\nquery_timeout: 90s\nresult_max_rows: 5\nworkers_max: 3\nthreads: 0\n"
				     "tls_certificate: a.pem\ntls_key: \"b.pem\"\nupload_max: 500 MB\ncheck_timeout: 2min\nminimum_sandbox: 1\n");

	assert_string_equal(s.http, "127.0.0.1:9000");
	assert_string_equal(s.tls_certificate, "a.pem");
	assert_string_equal(s.tls_key, "b.pem");
	assert_true(s.limits.worker_memory_bytes == UINT64_C(2) << 30);
	assert_int_equal(s.limits.query_timeout_ms, 90000);
	assert_int_equal(s.limits.check_timeout_ms, 120000);
	assert_int_equal(s.limits.result_max_rows, 5);
	assert_int_equal(s.limits.upload_max_bytes, 500000000);
	assert_int_equal(s.limits.workers_max, 3);
	assert_int_equal(s.limits.sandbox_minimum, 1);
	assert_true(s.limits.threads >= 1);
	struct settings normal;
	settings_default(&normal);
	s = parse(k, "{}\n");
	assert_memory_equal(&s.limits, &normal.limits, sizeof s.limits);
	assert_true(normal.limits.sandbox_minimum >= 2 && normal.limits.worker_memory_bytes > 0 && normal.limits.query_timeout_ms > 0);
}

/* What is wrong is named, with its line. */
static void
test_refused(void **state)
{
	struct kit *k = *state;
	static const struct { const char *yaml, *say; } table[] = {
	    {"http: a\nworker_memroy: 2GiB\n", "line 2, column 1: unknown setting 'worker_memroy'"},
	    {"worker_memory: much\n", "worker_memory must be a size like 2GiB"},
	    {"worker_memory: 2 GiBi\n", "worker_memory must be a size"},
	    {"worker_memory: -1\n", "worker_memory must be a size"},
	    {"worker_memory: [1]\n", "worker_memory must be a size"},
	    {"worker_memory: 1\n", "worker_memory must be from 67108864"},
	    {"worker_memory: 99999999999999999999GiB\n", "worker_memory must be a size"},
	    {"worker_memory: 18446744073709551615KiB\n", "worker_memory must be a size"},
	    {"\nquery_timeout: soon\n", "line 2, column 1: query_timeout must be a time like 30s"},
	    {"workers_max: 0\n", "workers_max must be from 1"},
	    {"workers_max: 2.5\n", "workers_max must be a whole number"},
	    {"minimum_sandbox: 4\n", "minimum_sandbox must be from 0 to 3"},
	    {"http: {a: b}\n", "http must be a text"},
	    {"tls_key: x\n", "tls_certificate and tls_key go together"},
	    {"- http\n", "lines of 'key: value'"},
	    {"threads: 1\nthreads: 2\n", "threads"},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct settings s;
		settings_default(&s);
		k->c.detail[0] = 0;
		BAD(INVALID, settings_parse(&k->c, str_c(table[i].yaml), &s));
		if (!strstr(k->c.detail, table[i].say)) fail_msg("'%s' does not say '%s'", k->c.detail, table[i].say);
	}
}

static void
test_units(void **state)
{
	uint64_t v = 7;

	(void)state;
	assert_true(settings_size(S("1024"), &v) && v == 1024);
	assert_true(settings_size(S("1kib"), &v) && v == 1024);
	assert_true(settings_size(S("3 TiB"), &v) && v == UINT64_C(3) << 40);
	assert_true(settings_size(S("1 GB"), &v) && v == 1000000000);
	assert_true(settings_time(S("30"), &v) && v == 30000);
	assert_true(settings_time(S("250ms"), &v) && v == 250);
	assert_true(settings_time(S("2h"), &v) && v == 7200000);
	v = 7;
	assert_false(settings_size(S(""), &v) || settings_size(S("GiB"), &v) || settings_size(S("1.5GiB"), &v) || settings_size(S("1 2"), &v) ||
		     settings_time(S("1d"), &v) || settings_time(S("0x10"), &v) || settings_time(S("18446744073709551615h"), &v));
	assert_int_equal(v, 7);
}

/* Each limit reaches the core as it is. */
static void
test_args(void **state)
{
	struct kit *k = *state;
	const char *args[SETTINGS_ARGS_MAX + 2] = {"heddle: core"};
	struct settings s;
	struct core_limits back = {0};

	settings_default(&s);
	s.limits.worker_memory_bytes = UINT64_MAX;
	s.limits.workers_max = 17;
	size_t n = settings_args(&k->arena, &s.limits, args + 1);
	assert_true(n <= SETTINGS_ARGS_MAX && n + 3 <= SPAWN_ARGS_MAX); /* beside uid, gid, node */
	settings_from_args((char *const *)(uintptr_t)args, &back);
	assert_string_equal(back.webhook_allow, s.limits.webhook_allow);
	back.webhook_allow = s.limits.webhook_allow;
	assert_memory_equal(&back, &s.limits, sizeof back);
	assert_null(role_arg((char *const *)(uintptr_t)args, "worker"));
	assert_int_equal(role_arg_u64((char *const *)(uintptr_t)args, "uid"), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_values), TEST(test_refused), TEST(test_units), TEST(test_args)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
