#include <dirent.h>

#include "kit.h"
#include "store/directory.h"

#define ANNA "0123456789abcdef0123456789abcdef"
#define BEN "fedcba9876543210fedcba9876543210"

static int
setup(void **state)
{
	kit_setup(state);
	struct kit *k = *state;

	assert_ok(k, directory_open(&k->c, k->path, &k->directory));
	return 0;
}

static int
teardown(void **state)
{
	struct kit *k = *state;

	directory_close(k->directory);
	return kit_teardown(state);
}

/* Does any file of the directory's folder hold these bytes? */
static bool
on_disk(struct kit *k, const void *needle, size_t n)
{
	DIR *dir = opendir(k->dir);
	bool found = false;
	char path[512];

	for (struct dirent *e; (e = readdir(dir));) {
		BUF_AUTO all = BUF_INIT;
		char part[4096];
		snprintf(path, sizeof path, "%s/%s", k->dir, e->d_name);
		FILE *f = fopen(path, "r");
		for (size_t got; f && (got = fread(part, 1, sizeof part, f)) > 0;) buf_add(&all, part, got);
		if (f) fclose(f);
		found = found || (all.n && memmem(all.p, all.n, needle, n));
	}
	closedir(dir);
	return found;
}

static void
test_people(void **state)
{
	struct kit *k = *state;
	Str s;

	assert_ok(k, directory_person_add(&k->c, k->directory, S(ANNA), S("anna")));
	assert_ok(k, directory_person_add(&k->c, k->directory, S(BEN), S("ben")));
	assert_err(directory_person_add(&k->c, k->directory, S("00000000000000000000000000000000"), S("anna")), "CONFLICT");
	assert_err(directory_person_add(&k->c, k->directory, S(ANNA), S("carla")), "CONFLICT");
	assert_err(directory_person_add(&k->c, k->directory, S("00000000000000000000000000000001"), S("Not a name")), "INVALID");
	assert_ok(k, directory_person_by_name(&k->c, k->directory, S("anna"), &s));
	assert_true(str_eqc(s, ANNA));
	assert_ok(k, directory_person_name(&k->c, k->directory, S(BEN), &s));
	assert_true(str_eqc(s, "ben"));
	assert_err(directory_person_by_name(&k->c, k->directory, S("carla"), &s), "NOT_FOUND");
	assert_err(directory_person_name(&k->c, k->directory, S("x"), &s), "NOT_FOUND");
}

/* The name is free again, the token dead; who had it is still told apart, also when left twice. */
static void
test_who_left(void **state)
{
	struct kit *k = *state;
	uint8_t hash[32] = {1, 2, 3};
	Str s;

	assert_ok(k, directory_person_add(&k->c, k->directory, S(ANNA), S("anna")));
	assert_ok(k, directory_token_add(&k->c, k->directory, hash, S(ANNA)));
	for (int i = 0; i < 2; i++) {
		assert_ok(k, directory_person_leave(&k->c, k->directory, S(ANNA)));
		assert_err(directory_person_by_name(&k->c, k->directory, S("anna"), &s), "NOT_FOUND");
		assert_err(directory_token_find(&k->c, k->directory, hash, &s), "UNAUTHENTICATED");
		assert_ok(k, directory_person_name(&k->c, k->directory, S(ANNA), &s));
		assert_true(str_starts(s, S("anna (left, ")) && !str_ends(s, S("))")) && s.n == strlen("anna (left, )") + 8);
	}
	assert_ok(k, directory_person_add(&k->c, k->directory, S(BEN), S("anna")));
	assert_ok(k, directory_person_leave(&k->c, k->directory, S(BEN)));
}

static void
test_tokens(void **state)
{
	struct kit *k = *state;
	uint8_t hash[32] = {1, 2, 3}, other[32] = {1, 2, 4};
	Str s;

	assert_ok(k, directory_person_add(&k->c, k->directory, S(ANNA), S("anna")));
	assert_ok(k, directory_token_add(&k->c, k->directory, hash, S(ANNA)));
	assert_err(directory_token_add(&k->c, k->directory, hash, S(ANNA)), "CONFLICT");
	assert_err(directory_token_add(&k->c, k->directory, other, S(BEN)), "CONFLICT"); /* nobody's token */
	assert_ok(k, directory_token_find(&k->c, k->directory, hash, &s));
	assert_true(str_eqc(s, ANNA));
	assert_err(directory_token_find(&k->c, k->directory, other, &s), "UNAUTHENTICATED");
	assert_ok(k, directory_token_add(&k->c, k->directory, other, S(ANNA)));
	assert_ok(k, directory_tokens_end(&k->c, k->directory, S(BEN), other)); /* another person's: nothing of anna's ends */
	assert_ok(k, directory_token_find(&k->c, k->directory, hash, &s));
	assert_ok(k, directory_tokens_end(&k->c, k->directory, S(ANNA), hash));
	assert_ok(k, directory_token_find(&k->c, k->directory, hash, &s));
	assert_err(directory_token_find(&k->c, k->directory, other, &s), "UNAUTHENTICATED");
}

static void
test_texts(void **state)
{
	struct kit *k = *state;
	uint8_t one[32], two[32];
	Str s;

	assert_ok(k, directory_text_put(&k->c, k->directory, S("because"), one));
	assert_ok(k, directory_text_put(&k->c, k->directory, S("because"), two));
	assert_memory_not_equal(one, two, 32); /* salted: equal texts do not show as equal */
	assert_ok(k, directory_text_get(&k->c, k->directory, one, &s));
	assert_true(str_eqc(s, "because"));
	assert_ok(k, directory_text_put(&k->c, k->directory, S(""), one));
	assert_ok(k, directory_text_get(&k->c, k->directory, one, &s));
	assert_int_equal(s.n, 0);
	one[0] ^= 1;
	assert_err(directory_text_get(&k->c, k->directory, one, &s), "NOT_FOUND");
	assert_err(directory_text_put(&k->c, k->directory, S("\xff"), one), "INVALID");
}

static void
test_kept_over_restart(void **state)
{
	struct kit *k = *state;
	uint8_t hash[32] = {9}, commitment[32];
	Str s;

	assert_ok(k, directory_person_add(&k->c, k->directory, S(ANNA), S("anna")));
	assert_ok(k, directory_token_add(&k->c, k->directory, hash, S(ANNA)));
	assert_ok(k, directory_text_put(&k->c, k->directory, S("why not"), commitment));
	directory_close(k->directory);
	assert_ok(k, directory_open(&k->c, k->path, &k->directory));
	assert_ok(k, directory_token_find(&k->c, k->directory, hash, &s));
	assert_ok(k, directory_person_name(&k->c, k->directory, s, &s));
	assert_true(str_eqc(s, "anna"));
	assert_ok(k, directory_text_get(&k->c, k->directory, commitment, &s));
}

/* Erased means: not answered, and not in any byte of the files, even with the directory still open. */
static void
test_erase_removes_every_byte(void **state)
{
	struct kit *k = *state;
	static const char name[] = "canary_name_7713", text[] = "canary text 9921";
	uint8_t hash[32], commitment[32];
	Str s;

	crypt_random(hash, sizeof hash);
	assert_ok(k, directory_person_add(&k->c, k->directory, S(ANNA), str_c(name)));
	assert_ok(k, directory_person_add(&k->c, k->directory, S(BEN), S("ben")));
	assert_ok(k, directory_token_add(&k->c, k->directory, hash, S(ANNA)));
	assert_ok(k, directory_text_put(&k->c, k->directory, str_c(text), commitment));
	assert_true(on_disk(k, name, strlen(name)));
	assert_true(on_disk(k, hash, sizeof hash));
	assert_true(on_disk(k, text, strlen(text)));

	assert_ok(k, directory_person_erase(&k->c, k->directory, S(ANNA)));
	assert_ok(k, directory_text_erase(&k->c, k->directory, commitment));
	assert_err(directory_token_find(&k->c, k->directory, hash, &s), "UNAUTHENTICATED");
	assert_err(directory_person_by_name(&k->c, k->directory, str_c(name), &s), "NOT_FOUND");
	assert_err(directory_person_name(&k->c, k->directory, S(ANNA), &s), "NOT_FOUND");
	assert_err(directory_text_get(&k->c, k->directory, commitment, &s), "NOT_FOUND");
	assert_false(on_disk(k, name, strlen(name)));
	assert_false(on_disk(k, hash, sizeof hash));
	assert_false(on_disk(k, text, strlen(text)));
	assert_true(on_disk(k, ANNA, strlen(ANNA)));
	assert_err(directory_person_add(&k->c, k->directory, S(ANNA), S("anna")), "CONFLICT"); /* the id is never given again */
	assert_ok(k, directory_person_name(&k->c, k->directory, S(BEN), &s));
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(test_people), T(test_who_left), T(test_tokens), T(test_texts), T(test_kept_over_restart), T(test_erase_removes_every_byte),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
