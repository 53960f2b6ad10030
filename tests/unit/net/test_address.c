#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "net/address.h"
#include "net/deliver.h"

static enum address_kind
judge(const char *text, const char *listed)
{
	struct ctx c = {0};
	struct sockaddr_in four = {.sin_family = AF_INET};
	struct sockaddr_in6 six = {.sin6_family = AF_INET6};
	struct address_list list;

	assert_true(err_ok(address_list_parse(&c, str_c(listed), &list)));
	if (inet_pton(AF_INET, text, &four.sin_addr) == 1) return address_judge((const struct sockaddr *)&four, &list);
	assert_int_equal(inet_pton(AF_INET6, text, &six.sin6_addr), 1);
	return address_judge((const struct sockaddr *)&six, &list);
}

static void
test_only_public_addresses(void **state)
{
	static const char *const refused[] = {
	    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.255", "169.254.169.254", "172.16.0.1", "172.31.255.255",
	    "192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
	    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1", "100::1", "fc00::1", "fd00::1",
	    "fe80::1", "fec0::1", "ff02::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "3fff::1", "4000::1",
	};
	static const char *const fine[] = {"1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255",
	                                   "223.255.255.255", "2600::1", "2a00:1450::1", "::ffff:1.1.1.1"};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(refused); i++)
		if (judge(refused[i], "") != ADDRESS_REFUSED) fail_msg("%s was not refused", refused[i]);
	for (size_t i = 0; i < ARRAY_LEN(fine); i++)
		if (judge(fine[i], "") != ADDRESS_PUBLIC) fail_msg("%s was refused", fine[i]);
}

static void
test_listed_addresses(void **state)
{
	(void)state;
	assert_int_equal(judge("127.0.0.1", "127.0.0.1"), ADDRESS_LISTED);
	assert_int_equal(judge("127.0.0.2", "127.0.0.1"), ADDRESS_REFUSED);
	assert_int_equal(judge("10.1.255.255", "127.0.0.1, 10.1.0.0/16"), ADDRESS_LISTED);
	assert_int_equal(judge("10.2.0.0", "10.1.0.0/16"), ADDRESS_REFUSED);
	assert_int_equal(judge("::ffff:10.1.0.1", "10.1.0.0/16"), ADDRESS_LISTED);
	assert_int_equal(judge("fd00::5", "fd00::/8"), ADDRESS_LISTED);
	assert_int_equal(judge("1.1.1.1", "fd00::/8"), ADDRESS_PUBLIC);
	assert_int_equal(judge("10.0.0.129", "10.0.0.128/25"), ADDRESS_LISTED);
	assert_int_equal(judge("10.0.0.127", "10.0.0.128/25"), ADDRESS_REFUSED);
}

static void
test_lists_that_are_none(void **state)
{
	static const char *const bad[] = {"127.0.0.1/33", "127.0.0.1/", "127.0.0.1/x", "localhost", "1.2.3", "::1/129", ",", "127.0.0.1;::1", "0x7f.1"};
	struct address_list list;
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct ctx c = {0};
		if (address_list_parse(&c, str_c(bad[i]), &list).code != ERR_INVALID) fail_msg("'%s' was taken", bad[i]);
	}
}

static void
test_urls(void **state)
{
	static const char *const bad[] = {"", "ftp://a/", "file:///etc/passwd", "https://", "https:///x", "http://user@host/", "https://u:p@host/", "https://a b/", "https://a\r\nX: y/",
	                                  "gopher://a", "//a", "https://a/\x7f", "https://a/\"", "javascript:1"};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct ctx c = {0};
		if (deliver_url_check(&c, str_c(bad[i])).code != ERR_INVALID) fail_msg("'%s' was taken", bad[i]);
	}
	struct ctx c = {0};
	assert_true(err_ok(deliver_url_check(&c, S("https://hooks.example.com/a?b=c@d"))));
	assert_true(err_ok(deliver_url_check(&c, S("http://127.0.0.1:80"))));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_only_public_addresses),
	    cmocka_unit_test(test_listed_addresses),
	    cmocka_unit_test(test_lists_that_are_none),
	    cmocka_unit_test(test_urls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
