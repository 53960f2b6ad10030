#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "crypt/encode.h"
#include "crypt/hash.h"

static const struct {
	const char *text, *plain; /* plain NULL: must be refused */
} table[] = {
    {"", ""}, {"Zg==", "f"}, {"Zg", "f"}, {"Zm8=", "fo"}, {"Zm8", "fo"}, {"Zm9v", "foo"}, {"Zm9vYmFy", "foobar"},
    {"++//", "\xfb\xef\xff"}, {"--__", "\xfb\xef\xff"}, {"--8=", "\xfb\xef"}, {"--8", "\xfb\xef"},
    {"Zg=", NULL}, {"Zg===", NULL}, {"Zm8==", NULL}, {"=", NULL}, {"====", NULL}, {"Z", NULL}, {"Zm9vY", NULL},
    {"Zh==", NULL}, {"Zm9=", NULL}, {"Zh", NULL}, /* bits left over */
    {"+-//", NULL}, {"+_", NULL}, /* two alphabets */
    {"Zm 9v", NULL}, {"Zm9v\n", NULL}, {" Zm9v", NULL}, {"Zm=9", NULL}, {"Zm9v=", NULL}, {"Zm9v====", NULL}, {"Zm9\xc3", NULL},
};

static void
base64_table(void **state)
{
	ARENA_AUTO a = ARENA_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		Str got = S("untouched");
		char fixed[8] = "fixed";
		bool good = base64_get(&a, str_c(table[i].text), &got);
		if (good != (table[i].plain != NULL)) fail_msg("'%s' was %s", table[i].text, good ? "taken" : "refused");
		if (!good) {
			assert_true(str_eqc(got, "untouched"));
			assert_false(base64_get_n(str_c(table[i].text), fixed, 3));
			assert_string_equal(fixed, "fixed");
			continue;
		}
		assert_true(str_eqc(got, table[i].plain));
		assert_true(base64_get_n(str_c(table[i].text), fixed, got.n));
		assert_false(base64_get_n(str_c(table[i].text), fixed, got.n + 1));
	}
}

/* Every byte outside the alphabet is refused in every place (libsodium takes some above 0x7f). */
static void
foreign_bytes(void **state)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint8_t out[3];

	(void)state;
	for (size_t place = 0; place < 4; place++)
		for (int byte = 0; byte < 256; byte++) {
			char text[4] = {'Z', 'm', '9', 'v'};
			text[place] = (char)byte;
			bool letter = byte != 0 && strchr(alphabet, byte) != NULL;
			bool url = byte == '-' || byte == '_';
			assert_int_equal(base64_get_n(str_of(text, 4), out, 3), letter || url);
		}
}

static void
every_length_comes_back(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	char bytes[67];

	(void)state;
	crypt_random(bytes, sizeof bytes);
	for (size_t n = 0; n <= sizeof bytes; n++) {
		BUF_AUTO std = BUF_INIT, url = BUF_INIT, hex = BUF_INIT;
		Str got;
		char back[67];
		base64_put(&std, str_of(bytes, n));
		base64url_put(&url, str_of(bytes, n));
		hex_put(&hex, str_of(bytes, n));
		assert_int_equal(std.n, (n + 2) / 3 * 4);
		assert_int_equal(hex.n, n * 2);
		assert_true(base64_get(&a, buf_view(&std), &got) && str_eq(got, str_of(bytes, n)));
		assert_true(base64_get(&a, buf_view(&url), &got) && str_eq(got, str_of(bytes, n)));
		assert_true(hex_get_n(buf_view(&hex), back, n) && memcmp(back, bytes, n) == 0);
	}
}

static void
hex_is_strict(void **state)
{
	uint8_t b[2] = {7, 7};

	(void)state;
	assert_false(hex_get_n(S("0G00"), b, 2));
	assert_false(hex_get_n(S("AB00"), b, 2));
	assert_false(hex_get_n(S("ab0"), b, 2));
	assert_false(hex_get_n(S("ab001"), b, 2));
	assert_int_equal(b[0], 7);
	assert_true(hex_get_n(S("ab0f"), b, 2));
	assert_int_equal(b[0], 0xab);
	assert_int_equal(b[1], 0x0f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(base64_table),
	    cmocka_unit_test(foreign_bytes),
	    cmocka_unit_test(every_length_comes_back),
	    cmocka_unit_test(hex_is_strict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
