#include <jansson.h>
#include <stdlib.h>

#include "kit.h"
#include "crypt/encode.h"
#include "crypt/sign.h"

static Str
unhex(struct arena *a, const char *text)
{
	size_t n = strlen(text) / 2;
	char *p = arena_alloc(a, n);

	assert_true(hex_get_n(str_c(text), p, n));
	return str_of(p, n);
}

static bool
verify(Str pub, Str msg, Str sig)
{
	return pub.n == SIGN_PUB_BYTES && sig.n == SIGN_BYTES && sign_check((const uint8_t *)pub.p, msg, (const uint8_t *)sig.p);
}

static void
wycheproof(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	json_error_t why;
	json_t *root = json_load_file(TEST_VECTORS_DIR "/ed25519_test.json", 0, &why), *group, *test;
	size_t i, k, valid = 0, invalid = 0;

	(void)state;
	assert_non_null(root);
	json_array_foreach(json_object_get(root, "testGroups"), i, group) {
		Str pub = unhex(&a, json_string_value(json_object_get(json_object_get(group, "publicKey"), "pk")));
		json_array_foreach(json_object_get(group, "tests"), k, test) {
			bool want = strcmp(json_string_value(json_object_get(test, "result")), "valid") == 0;
			Str msg = unhex(&a, json_string_value(json_object_get(test, "msg")));
			Str sig = unhex(&a, json_string_value(json_object_get(test, "sig")));
			if (verify(pub, msg, sig) != want)
				fail_msg("case %lld", (long long)json_integer_value(json_object_get(test, "tcId")));
			*(want ? &valid : &invalid) += 1;
		}
	}
	assert_true(valid >= 80 && invalid >= 60);
	json_decref(root);
}

/* RFC 8032, 7.1: seed, public key, message, signature. */
static const char *const rfc8032[][4] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"},
};

static void
rfc_vectors(void **state)
{
	ARENA_AUTO a = ARENA_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rfc8032); i++) {
		struct secret32 seed, back;
		struct sign_key key;
		uint8_t sig[SIGN_BYTES];
		Str msg = unhex(&a, rfc8032[i][2]);
		assert_true(hex_get_n(str_c(rfc8032[i][0]), &seed, sizeof seed));
		sign_key_from_seed(&seed, &key);
		assert_memory_equal(key.pub, unhex(&a, rfc8032[i][1]).p, 32);
		sign_make(&key, msg, sig);
		assert_memory_equal(sig, unhex(&a, rfc8032[i][3]).p, 64);
		assert_true(sign_check(key.pub, msg, sig));
		assert_true(sign_pub_ok(key.pub));
		sign_key_seed(&key, &back);
		assert_memory_equal(&back, &seed, 32);
	}
}

/* The points of small order and their encodings that are not canonical: no key, no signature under them counts. */
static const char *const small_order[] = {
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
};

static void
small_order_is_refused(void **state)
{
	ARENA_AUTO a = ARENA_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(small_order); i++) {
		Str pub = unhex(&a, small_order[i]);
		assert_false(sign_pub_ok((const uint8_t *)pub.p));
		for (size_t k = 0; k < ARRAY_LEN(small_order); k++) { /* R of small order, S = 0: holds for one message in 8 or so */
			uint8_t sig[SIGN_BYTES] = {0};
			memcpy(sig, unhex(&a, small_order[k]).p, 32);
			for (char m = 'a'; m <= 'p'; m++) assert_false(sign_check((const uint8_t *)pub.p, str_of(&m, 1), sig));
		}
	}
}

/* S + L verifies as S does wherever S is not checked. */
static void
malleable_s_is_refused(void **state)
{
	static const uint8_t order[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
	    [31] = 0x10};
	SIGN_KEY_AUTO key;
	uint8_t sig[SIGN_BYTES];
	unsigned carry = 0;

	(void)state;
	sign_key_new(&key);
	sign_make(&key, S("grant"), sig);
	assert_true(sign_check(key.pub, S("grant"), sig));
	for (size_t i = 0; i < 32; i++) {
		carry += sig[32 + i] + (unsigned)order[i];
		sig[32 + i] = (uint8_t)carry;
		carry >>= 8;
	}
	assert_false(sign_check(key.pub, S("grant"), sig));
}

static void
every_bit_counts(void **state)
{
	SIGN_KEY_AUTO key;
	uint8_t sig[SIGN_BYTES];

	(void)state;
	sign_key_new(&key);
	sign_make(&key, S("revoke"), sig);
	for (size_t i = 0; i < SIGN_BYTES * 8; i++) {
		sig[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_false(sign_check(key.pub, S("revoke"), sig));
		sig[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	for (size_t i = 0; i < 256; i++) {
		key.pub[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_false(sign_check(key.pub, S("revoke"), sig));
		key.pub[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	assert_false(sign_check(key.pub, S("revokf"), sig));
	assert_true(sign_check(key.pub, S("revoke"), sig));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(wycheproof),
	    cmocka_unit_test(rfc_vectors),
	    cmocka_unit_test(small_order_is_refused),
	    cmocka_unit_test(malleable_s_is_refused),
	    cmocka_unit_test(every_bit_counts),
	};

	return cmocka_run_group_tests(tests, kit_start, NULL);
}
