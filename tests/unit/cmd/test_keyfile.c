/* Keys of owners: files, passphrases, and that a key never signs two histories. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "cmd/keyfile.h"
#include "cmd/signed.h"
#include "kit.h"

static const char *
at(struct kit *k, const char *name)
{
	return arena_printf(&k->arena, "%s/%s", k->path, name).p;
}

static struct keyfile
write_key(struct kit *k, const char *name, struct sign_key *ret, Str passphrase)
{
	struct keyfile f = {.kind = KEYFILE_EVENT, .next = {1}, .recovery = {{2}, {3}, {4}}};

	sign_key_new(ret);
	memcpy(f.pub, ret->pub, sizeof f.pub);
	GOOD(keyfile_write(&k->c, at(k, name), &f, ret, passphrase, false));
	return f;
}

static void
test_round_trip(void **state)
{
	struct kit *k = *state;
	struct sign_key key;
	struct keyfile f = write_key(k, "k", &key, S("")), got;
	uint8_t sig[SIGN_BYTES];
	SIGNER_AUTO *signer = NULL;
	struct stat st;

	GOOD(keyfile_open(&k->c, at(k, "k"), S(""), &got, &signer));
	assert_memory_equal(&f, &got, sizeof f);
	GOOD(signer_sign(&k->c, signer, S("words"), sig));
	assert_true(sign_check(key.pub, S("words"), sig));
	assert_true(stat(at(k, "k"), &st) == 0 && (st.st_mode & 07777) == 0600);
	BAD(CONFLICT, keyfile_write(&k->c, at(k, "k"), &f, &key, S(""), false));
	BAD(NOT_FOUND, keyfile_read(&k->c, at(k, "none"), &got));
	assert_true(chmod(at(k, "k"), 0640) == 0);
	BAD(INVALID, keyfile_read(&k->c, at(k, "k"), &got));
}

static void
test_passphrase(void **state)
{
	struct kit *k = *state;
	struct sign_key key, got_key;
	struct keyfile f = write_key(k, "k", &key, S("open sesame")), got;

	(void)f;
	BAD(UNAUTHENTICATED, keyfile_key(&k->c, at(k, "k"), S(""), &got, &got_key));
	BAD(UNAUTHENTICATED, keyfile_key(&k->c, at(k, "k"), S("open Sesame"), &got, &got_key));
	GOOD(keyfile_key(&k->c, at(k, "k"), S("open sesame"), &got, &got_key));
	assert_memory_equal(key.pub, got_key.pub, sizeof key.pub);
	Str text = kit_read(k, "k");
	assert_null(memmem(text.p, text.n, "none", 4));
}

/* Any byte of it changed: refused, or the same key; never another one, never a crash. */
static void
test_bent(void **state)
{
	struct kit *k = *state;
	struct sign_key key, got_key;
	struct keyfile got;

	write_key(k, "k", &key, S(""));
	Str good = kit_read(k, "k");
	for (size_t i = 0; i < good.n; i++) {
		char *bent = arena_dup(&k->arena, good.p, good.n);
		bent[i] = (char)(bent[i] ^ 1);
		kit_write(k, "k", str_of(bent, good.n));
		assert_true(chmod(at(k, "k"), 0600) == 0);
		if (err_ok(keyfile_key(&k->c, at(k, "k"), S(""), &got, &got_key))) assert_memory_equal(got_key.pub, key.pub, sizeof key.pub);
	}
	static const char *const wrong[] = {"", "{}", "[]", "{\"heddle_key\":2}", "{\"heddle_key\":1,\"kind\":\"other\"}"};
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		kit_write(k, "k", str_c(wrong[i]));
		assert_true(chmod(at(k, "k"), 0600) == 0);
		BAD(INVALID, keyfile_read(&k->c, at(k, "k"), &got));
	}
}

static const char LOG[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

static Err
may(struct kit *k, Str log, uint64_t seq, Hash prev, Str payload, bool taken_over)
{
	struct signed_last last;

	GOOD(signed_read(&k->c, at(k, "k"), &last));
	return signed_may_follow(&k->c, &last, log, &(struct event){.seq = seq, .prev = prev}, payload, taken_over);
}

/* Sign-state is on the disk before a signature leaves (security.md 1c), and no place is signed twice. */
static void
test_one_history(void **state)
{
	struct kit *k = *state;
	struct signed_last last;
	Hash any = {{7}};

	GOOD(may(k, str_c(LOG), 5, any, S("five"), false));
	GOOD(signed_keep(&k->c, at(k, "k"), str_c(LOG), &(struct event){.seq = 5}, S("five"), (const uint8_t[SIGN_BYTES]){1}));
	GOOD(signed_read(&k->c, at(k, "k"), &last));
	assert_true(last.any && last.seq == 5 && str_eq(last.payload, S("five")));
	GOOD(may(k, str_c(LOG), 5, any, S("five"), false));                /* the same again */
	BAD(CONFLICT, may(k, str_c(LOG), 5, any, S("other"), false));      /* a second history */
	BAD(CONFLICT, may(k, str_c(LOG), 4, any, S("other"), false));      /* the past */
	BAD(CONFLICT, may(k, str_c(LOG), 5, any, S("other"), true));
	GOOD(may(k, str_c(LOG), 6, last.leaf, S("six"), false));
	BAD(CONFLICT, may(k, str_c(LOG), 6, any, S("six"), false));        /* behind what this key did not sign */
	GOOD(may(k, str_c(LOG), 6, any, S("six"), true));
	BAD(CONFLICT, may(k, S("bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"), 6, last.leaf, S("six"), false));
	kit_write(k, "k.signed", S("{"));
	BAD(CORRUPT, signed_read(&k->c, at(k, "k"), &last));               /* never started anew */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_round_trip), TEST(test_passphrase), TEST(test_bent), TEST(test_one_history)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
