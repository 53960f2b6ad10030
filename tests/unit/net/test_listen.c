#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <unistd.h>

#include "net/listen.h"

static void
test_parse(void **state)
{
	static const struct {
		const char *text;
		int family;
		uint16_t port;
		bool loopback;
	} rows[] = {
	    {"127.0.0.1:8080", AF_INET, 8080, true}, {"127.9.9.9:0", AF_INET, 0, true},    {"0.0.0.0:80", AF_INET, 80, false},
	    {"10.1.2.3:65535", AF_INET, 65535, false}, {"[::1]:8080", AF_INET6, 8080, true}, {"[::]:1", AF_INET6, 1, false},
	};
	static const char *const wrong[] = {"", ":", "8080", ":8080", "localhost:80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1",
	                                    "127.0.0.1:080", "127.0.0.1:80 ", "127.1:80", "::1:80", "[::1]", "[::1]:", "[127.0.0.1]:80", "[]:80",
	                                    "256.0.0.1:80", "[::ffff:1.2.3.4.5]:80",
	                                    "[1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc]:80"};
	struct ctx c = {0};
	struct listen_address a;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_true(err_ok(listen_parse(&c, str_c(rows[i].text), &a)));
		assert_int_equal(a.addr.ss_family, rows[i].family);
		assert_int_equal(a.port, rows[i].port);
		assert_int_equal(a.loopback, rows[i].loopback);
	}
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		if (err_ok(listen_parse(&c, str_c(wrong[i]), &a))) fail_msg("taken: '%s'", wrong[i]);
}

static void
test_busy_port_named(void **state)
{
	struct ctx c = {0};
	char text[32], port_text[32];
	int fd, second = -1;
	uint16_t port, port2;

	(void)state;
	assert_true(err_ok(listen_open(&c, S("127.0.0.1:0"), false, &fd, &port)));
	assert_true(port > 0);
	snprintf(text, sizeof text, "127.0.0.1:%u", port);
	snprintf(port_text, sizeof port_text, "port %u is in use", port);
	assert_string_equal(err_name(listen_open(&c, str_c(text), false, &second, &port2)), "CONFLICT");
	assert_non_null(strstr(c.detail, port_text));
	assert_int_equal(second, -1);
	close(fd);
	assert_true(err_ok(listen_open(&c, str_c(text), false, &fd, &port))); /* again at once after a restart */
	close(fd);
}

static void
test_beyond_loopback_only_with_certificate(void **state)
{
	struct ctx c = {0};
	int fd = -1;
	uint16_t port;

	(void)state;
	assert_string_equal(err_name(listen_open(&c, S("0.0.0.0:0"), false, &fd, &port)), "INVALID");
	assert_non_null(strstr(c.detail, "certificate"));
	assert_int_equal(fd, -1);
	assert_true(err_ok(listen_open(&c, S("0.0.0.0:0"), true, &fd, &port)));
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_parse),
	    cmocka_unit_test(test_busy_port_named),
	    cmocka_unit_test(test_beyond_loopback_only_with_certificate),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
