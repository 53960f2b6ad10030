#include <string.h>

#include "kit.h"
#include "crypt/encode.h"
#include "crypt/hash.h"

static void
assert_hex(const uint8_t *bytes, size_t n, const char *want)
{
	char got[129];

	hex_text(bytes, n, got);
	assert_string_equal(got, want);
}

/* FIPS 180-4 examples. */
static void
sha256_known(void **state)
{
	uint8_t h[32];
	char text[CRYPT_HASH_TEXT];

	(void)state;
	crypt_sha256(S(""), h);
	assert_hex(h, 32, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	crypt_sha256(S("abc"), h);
	assert_hex(h, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	crypt_sha256_text(S("abc"), text);
	assert_string_equal(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	crypt_sha256((Str){NULL, 0}, h);
	assert_hex(h, 32, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void
sha256_streams_as_one_shot(void **state)
{
	char text[300];
	uint8_t whole[32], parts[32];

	(void)state;
	memset(text, 'x', sizeof text);
	crypt_sha256(str_of(text, sizeof text), whole);
	for (size_t cut = 0; cut <= sizeof text; cut += 37) {
		struct crypt_sha256 h, fork;
		crypt_sha256_init(&h);
		crypt_sha256_add(&h, str_of(text, cut));
		fork = h;
		crypt_sha256_add(&h, str_of(text + cut, sizeof text - cut));
		crypt_sha256_end(&h, parts);
		assert_memory_equal(parts, whole, 32);
		crypt_sha256_end(&fork, parts); /* the planted fault: a missing part is noticed */
		assert_true((memcmp(parts, whole, 32) == 0) == (cut == sizeof text));
	}
}

/* RFC 4231, cases 2 and 6 (a key longer than a block). */
static void
hmac_known(void **state)
{
	uint8_t h[32];
	char long_key[131];

	(void)state;
	crypt_hmac_sha256(S("Jefe"), S("what do ya want for nothing?"), h);
	assert_hex(h, 32, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	memset(long_key, 0xaa, sizeof long_key);
	crypt_hmac_sha256(str_of(long_key, sizeof long_key), S("Test Using Larger Than Block-Size Key - Hash Key First"), h);
	assert_hex(h, 32, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

/* Keyed BLAKE2b-256, key 00 01 … 1f: values computed with Python's hashlib.blake2b. */
static void
mac_known(void **state)
{
	struct secret32 key;
	uint8_t h[32], other[32];

	(void)state;
	for (size_t i = 0; i < 32; i++) key.secret_bytes[i] = (uint8_t)i;
	crypt_mac(&key, S("abc"), h, 32);
	assert_hex(h, 32, "d63a32d3e44738d7907f964316c241adaba0abfeabc32349677578a15a203f7f");
	crypt_mac(&key, S("abc"), h, 16);
	assert_hex(h, 16, "1a64be47e4729d951c302ee543f97cf3");
	crypt_mac(&key, S("abd"), other, 16);
	assert_memory_not_equal(h, other, 16);
	key.secret_bytes[31] ^= 1;
	crypt_mac(&key, S("abc"), other, 16);
	assert_memory_not_equal(h, other, 16);
}

static void
equal_compares_all(void **state)
{
	char a[40] = "the same", b[40] = "the same";

	(void)state;
	assert_true(crypt_equal(a, b, sizeof a));
	b[39] = 1;
	assert_false(crypt_equal(a, b, sizeof a));
	assert_true(crypt_equal(a, b, 0));
}

static void
ids_have_their_form(void **state)
{
	char id[CRYPT_ID_MAX], again[CRYPT_ID_MAX], brief[CRYPT_SHORT_ID_MAX];

	(void)state;
	crypt_random_id(id);
	crypt_random_id(again);
	assert_int_equal(strlen(id), 32);
	assert_int_equal(strspn(id, "0123456789abcdef"), 32);
	assert_string_not_equal(id, again);
	crypt_short_id("grt_", brief);
	assert_memory_equal(brief, "grt_", 4);
	assert_int_equal(strlen(brief), 16);
	assert_int_equal(strspn(brief + 4, "abcdefghijklmnopqrstuvwxyz234567"), 12);
	crypt_short_id("sixteen_letters_", brief);
	assert_int_equal(strlen(brief), 28);
}

static void
secrets_are_wiped(void **state)
{
	struct secret32 s;
	static const uint8_t zero[32];

	(void)state;
	crypt_random(&s, sizeof s);
	assert_memory_not_equal(&s, zero, sizeof s);
	secret_wipe(&s);
	assert_memory_equal(&s, zero, sizeof s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sha256_known),
	    cmocka_unit_test(sha256_streams_as_one_shot),
	    cmocka_unit_test(hmac_known),
	    cmocka_unit_test(mac_known),
	    cmocka_unit_test(equal_compares_all),
	    cmocka_unit_test(ids_have_their_form),
	    cmocka_unit_test(secrets_are_wiped),
	};

	return cmocka_run_group_tests(tests, kit_start, NULL);
}
