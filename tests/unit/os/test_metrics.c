#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "os/metrics.h"

static void *
count_many(void *arg)
{
	(void)arg;
	for (int i = 0; i < 20000; i++) metric_add(METRIC_decisions, 1);
	return NULL;
}

static void
threads_lose_nothing(void **state)
{
	pthread_t t[2];
	struct metrics m;

	(void)state;
	for (int i = 0; i < 2; i++) assert_int_equal(pthread_create(&t[i], NULL, count_many, NULL), 0);
	for (int i = 0; i < 2; i++) pthread_join(t[i], NULL);
	metrics_get(&m);
	assert_int_equal(m.value[METRIC_decisions], 40000);
}

static void
text_is_prometheus(void **state)
{
	struct metrics *a = calloc(1, sizeof *a), *b = calloc(1, sizeof *b);
	struct metrics_role roles[] = {{"gate", a}, {"core", b}};
	BUF_AUTO out = BUF_INIT;

	(void)state;
	a->value[METRIC_http_requests] = 5;
	b->value[METRIC_http_requests] = 7;
	b->value[METRIC_workers] = (uint64_t)-2;
	metrics_render(roles, 2, &out);
	assert_string_equal(buf_z(&out),
	    "# HELP heddle_http_requests_total HTTP requests answered\n# TYPE heddle_http_requests_total counter\n"
	    "heddle_http_requests_total{role=\"gate\"} 5\nheddle_http_requests_total{role=\"core\"} 7\n"
	    "# HELP heddle_workers Workers running\n# TYPE heddle_workers gauge\nheddle_workers{role=\"core\"} -2\n");
	free(a), free(b);
}

static void
histograms_add_up(void **state)
{
	struct metrics m;
	struct metrics_role role = {"core", &m};
	BUF_AUTO out = BUF_INIT;

	(void)state;
	metric_observe_ns(METRIC_query, 100000);        /* on the border of the first bucket: in it */
	metric_observe_ns(METRIC_query, 100001);
	metric_observe_ns(METRIC_query, 2000000000);
	metric_observe_ns(METRIC_query, 200000000000);  /* beyond the last */
	metrics_get(&m);
	metrics_render(&role, 1, &out);
	const char *z = buf_z(&out);
	assert_non_null(strstr(z, "heddle_query_seconds_bucket{role=\"core\",le=\"0.0001\"} 1\n"));
	assert_non_null(strstr(z, "heddle_query_seconds_bucket{role=\"core\",le=\"0.0003\"} 2\n"));
	assert_non_null(strstr(z, "heddle_query_seconds_bucket{role=\"core\",le=\"3\"} 3\n"));
	assert_non_null(strstr(z, "heddle_query_seconds_bucket{role=\"core\",le=\"100\"} 3\n"));
	assert_non_null(strstr(z, "heddle_query_seconds_bucket{role=\"core\",le=\"+Inf\"} 4\n"));
	assert_non_null(strstr(z, "heddle_query_seconds_sum{role=\"core\"} 202.000200001\n"));
	assert_non_null(strstr(z, "heddle_query_seconds_count{role=\"core\"} 4\n"));
}

static void
travels_between_roles(void **state)
{
	struct ctx c = {0};
	struct metrics m, back;
	BUF_AUTO bytes = BUF_INIT;

	(void)state;
	metric_set(METRIC_sandbox_level, 3);
	metric_shift(METRIC_sandbox_level, -1);
	metric_observe_ns(METRIC_log_commit, 5);
	metrics_get(&m);
	assert_int_equal(m.value[METRIC_sandbox_level], 2);
	metrics_encode(&m, &bytes);
	assert_true(err_ok(metrics_decode(&c, buf_view(&bytes), &back)));
	assert_memory_equal(&m, &back, sizeof m);
	memset(&back, 7, sizeof back);
	struct metrics untouched = back;
	for (size_t n = 0; n < bytes.n; n++) {
		if (n >= 2 && (n - 2) % 10 == 0) continue; /* a shorter table is a table */
		assert_int_equal(metrics_decode(&c, str_of(bytes.p, n), &back).code, ERR_INVALID);
	}
	bytes.p[2] = bytes.p[3] = (char)0xff; /* a place that is none */
	assert_int_equal(metrics_decode(&c, buf_view(&bytes), &back).code, ERR_INVALID);
	assert_memory_equal(&untouched, &back, sizeof back);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(threads_lose_nothing),
	    cmocka_unit_test(text_is_prometheus),
	    cmocka_unit_test(histograms_add_up),
	    cmocka_unit_test(travels_between_roles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
