#include "kit.h"
#include "crypt/seal.h"

static const struct seal_label label = {.domain = {"stores", 6}, .object = {"event_key", 9}, .version = 3, .purpose = {"sign", 4}};

static bool
opens(const struct secret32 *key, const struct seal_label *l, Str sealed)
{
	struct ctx c = {0};
	BUF_AUTO out = BUF_INIT;
	Err e = seal_open(&c, key, l, sealed, &out);

	if (err_ok(e)) {
		assert_true(str_eqc(buf_view(&out), "thirty-two secret bytes, or so.."));
		return true;
	}
	assert_int_equal(e.code, ERR_CORRUPT);
	assert_int_equal(out.n, 0);
	return false;
}

static void
seal_into(const struct secret32 *key, const struct seal_label *l, struct buf *out)
{
	seal_close(key, l, S("thirty-two secret bytes, or so.."), out);
}

/* A sealed key put in another's place must not open: every part of the label counts, and so do the borders between them. */
static void
swapped_label_fails(void **state)
{
	struct secret32 key;
	BUF_AUTO sealed = BUF_INIT;
	struct seal_label other[6];

	(void)state;
	crypt_random(&key, sizeof key);
	seal_into(&key, &label, &sealed);
	assert_true(opens(&key, &label, buf_view(&sealed)));
	for (size_t i = 0; i < ARRAY_LEN(other); i++) other[i] = label;
	other[0].domain = S("marketing");
	other[1].object = S("log_key");
	other[2].version = 2;
	other[3].purpose = S("cosign");
	other[4].domain = S("storesevent"), other[4].object = S("_key");
	other[5].object = S("sign"), other[5].purpose = S("event_key");
	for (size_t i = 0; i < ARRAY_LEN(other); i++) assert_false(opens(&key, &other[i], buf_view(&sealed)));
}

static void
changed_bytes_fail(void **state)
{
	struct secret32 key, wrong;
	BUF_AUTO sealed = BUF_INIT;

	(void)state;
	crypt_random(&key, sizeof key);
	wrong = key, wrong.secret_bytes[0] ^= 1;
	seal_into(&key, &label, &sealed);
	assert_false(opens(&wrong, &label, buf_view(&sealed)));
	for (size_t i = 0; i < sealed.n; i++) {
		sealed.p[i] ^= 0x40;
		assert_false(opens(&key, &label, buf_view(&sealed)));
		sealed.p[i] ^= 0x40;
		assert_false(opens(&key, &label, str_of(sealed.p, i)));
	}
	assert_true(opens(&key, &label, buf_view(&sealed)));
}

static void
nonces_differ(void **state)
{
	struct secret32 key = {{0}};
	BUF_AUTO one = BUF_INIT, two = BUF_INIT;

	(void)state;
	seal_into(&key, &label, &one);
	seal_into(&key, &label, &two);
	assert_int_equal(one.n, two.n);
	assert_memory_not_equal(one.p + 1, two.p + 1, 24);
	assert_memory_not_equal(one.p + 25, two.p + 25, one.n - 25);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(swapped_label_fails),
	    cmocka_unit_test(changed_bytes_fail),
	    cmocka_unit_test(nonces_differ),
	};

	return cmocka_run_group_tests(tests, kit_start, NULL);
}
