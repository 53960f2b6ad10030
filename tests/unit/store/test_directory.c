#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "crypt/hash.h"
#include "store/directory.h"

#define ANNA "0123456789abcdef0123456789abcdef"
#define BEN "fedcba9876543210fedcba9876543210"

struct bench {
	struct arena arena;
	struct ctx c;
	char dir[64], path[96];
	struct directory *d;
};

#define assert_ok(b, expr)                                                                                                     \
	do {                                                                                                                   \
		Err e_ = (expr);                                                                                               \
		if (!err_ok(e_)) fail_msg("%s: %s: %s", #expr, err_name(e_), (b)->c.detail);                                   \
	} while (0)
#define assert_err(expr, name) assert_string_equal(err_name(expr), name)

static int
setup(void **state)
{
	struct bench *b = mem_alloc(sizeof *b);

	b->c.arena = &b->arena;
	strcpy(b->dir, "/tmp/heddle-directory-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	snprintf(b->path, sizeof b->path, "%s/directory.db", b->dir);
	assert_ok(b, crypt_init(&b->c));
	assert_ok(b, directory_open(&b->c, b->path, &b->d));
	*state = b;
	return 0;
}

static int
teardown(void **state)
{
	struct bench *b = *state;
	char wal[128];

	directory_close(b->d);
	snprintf(wal, sizeof wal, "%s-wal", b->path);
	unlink(wal);
	unlink(b->path);
	rmdir(b->dir);
	arena_fini(&b->arena);
	free(b);
	return 0;
}

/* Does any file of the directory's folder hold these bytes? */
static bool
on_disk(struct bench *b, const void *needle, size_t n)
{
	DIR *dir = opendir(b->dir);
	bool found = false;
	char path[512];

	for (struct dirent *e; (e = readdir(dir));) {
		BUF_AUTO all = BUF_INIT;
		char part[4096];
		snprintf(path, sizeof path, "%s/%s", b->dir, e->d_name);
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
	struct bench *b = *state;
	Str s;

	assert_ok(b, directory_person_add(&b->c, b->d, S(ANNA), S("anna")));
	assert_ok(b, directory_person_add(&b->c, b->d, S(BEN), S("ben")));
	assert_err(directory_person_add(&b->c, b->d, S("00000000000000000000000000000000"), S("anna")), "CONFLICT");
	assert_err(directory_person_add(&b->c, b->d, S(ANNA), S("carla")), "CONFLICT");
	assert_err(directory_person_add(&b->c, b->d, S("00000000000000000000000000000001"), S("Not a name")), "INVALID");
	assert_ok(b, directory_person_by_name(&b->c, b->d, S("anna"), &s));
	assert_true(str_eqc(s, ANNA));
	assert_ok(b, directory_person_name(&b->c, b->d, S(BEN), &s));
	assert_true(str_eqc(s, "ben"));
	assert_err(directory_person_by_name(&b->c, b->d, S("carla"), &s), "NOT_FOUND");
	assert_err(directory_person_name(&b->c, b->d, S("x"), &s), "NOT_FOUND");
}

/* The name is free again, the token dead; who had it is still told apart, also when left twice. */
static void
test_who_left(void **state)
{
	struct bench *b = *state;
	uint8_t hash[32] = {1, 2, 3};
	Str s;

	assert_ok(b, directory_person_add(&b->c, b->d, S(ANNA), S("anna")));
	assert_ok(b, directory_token_add(&b->c, b->d, hash, S(ANNA)));
	for (int i = 0; i < 2; i++) {
		assert_ok(b, directory_person_leave(&b->c, b->d, S(ANNA)));
		assert_err(directory_person_by_name(&b->c, b->d, S("anna"), &s), "NOT_FOUND");
		assert_err(directory_token_find(&b->c, b->d, hash, &s), "UNAUTHENTICATED");
		assert_ok(b, directory_person_name(&b->c, b->d, S(ANNA), &s));
		assert_true(str_starts(s, S("anna (left, ")) && !str_ends(s, S("))")) && s.n == strlen("anna (left, )") + 8);
	}
	assert_ok(b, directory_person_add(&b->c, b->d, S(BEN), S("anna")));
	assert_ok(b, directory_person_leave(&b->c, b->d, S(BEN)));
}

static void
test_tokens(void **state)
{
	struct bench *b = *state;
	uint8_t hash[32] = {1, 2, 3}, other[32] = {1, 2, 4};
	Str s;

	assert_ok(b, directory_person_add(&b->c, b->d, S(ANNA), S("anna")));
	assert_ok(b, directory_token_add(&b->c, b->d, hash, S(ANNA)));
	assert_err(directory_token_add(&b->c, b->d, hash, S(ANNA)), "CONFLICT");
	assert_err(directory_token_add(&b->c, b->d, other, S(BEN)), "CONFLICT"); /* nobody's token */
	assert_ok(b, directory_token_find(&b->c, b->d, hash, &s));
	assert_true(str_eqc(s, ANNA));
	assert_err(directory_token_find(&b->c, b->d, other, &s), "UNAUTHENTICATED");
	assert_ok(b, directory_token_add(&b->c, b->d, other, S(ANNA)));
	assert_ok(b, directory_tokens_end(&b->c, b->d, S(BEN), other)); /* another person's: nothing of anna's ends */
	assert_ok(b, directory_token_find(&b->c, b->d, hash, &s));
	assert_ok(b, directory_tokens_end(&b->c, b->d, S(ANNA), hash));
	assert_ok(b, directory_token_find(&b->c, b->d, hash, &s));
	assert_err(directory_token_find(&b->c, b->d, other, &s), "UNAUTHENTICATED");
}

static void
test_texts(void **state)
{
	struct bench *b = *state;
	uint8_t one[32], two[32];
	Str s;

	assert_ok(b, directory_text_put(&b->c, b->d, S("because"), one));
	assert_ok(b, directory_text_put(&b->c, b->d, S("because"), two));
	assert_memory_not_equal(one, two, 32); /* salted: equal texts do not show as equal */
	assert_ok(b, directory_text_get(&b->c, b->d, one, &s));
	assert_true(str_eqc(s, "because"));
	assert_ok(b, directory_text_put(&b->c, b->d, S(""), one));
	assert_ok(b, directory_text_get(&b->c, b->d, one, &s));
	assert_int_equal(s.n, 0);
	one[0] ^= 1;
	assert_err(directory_text_get(&b->c, b->d, one, &s), "NOT_FOUND");
	assert_err(directory_text_put(&b->c, b->d, S("\xff"), one), "INVALID");
}

static void
test_kept_over_restart(void **state)
{
	struct bench *b = *state;
	uint8_t hash[32] = {9}, commitment[32];
	Str s;

	assert_ok(b, directory_person_add(&b->c, b->d, S(ANNA), S("anna")));
	assert_ok(b, directory_token_add(&b->c, b->d, hash, S(ANNA)));
	assert_ok(b, directory_text_put(&b->c, b->d, S("why not"), commitment));
	directory_close(b->d);
	assert_ok(b, directory_open(&b->c, b->path, &b->d));
	assert_ok(b, directory_token_find(&b->c, b->d, hash, &s));
	assert_ok(b, directory_person_name(&b->c, b->d, s, &s));
	assert_true(str_eqc(s, "anna"));
	assert_ok(b, directory_text_get(&b->c, b->d, commitment, &s));
}

/* Erased means: not answered, and not in any byte of the files, even with the directory still open. */
static void
test_erase_removes_every_byte(void **state)
{
	struct bench *b = *state;
	static const char name[] = "canary_name_7713", text[] = "canary text 9921";
	uint8_t hash[32], commitment[32];
	Str s;

	crypt_random(hash, sizeof hash);
	assert_ok(b, directory_person_add(&b->c, b->d, S(ANNA), str_c(name)));
	assert_ok(b, directory_person_add(&b->c, b->d, S(BEN), S("ben")));
	assert_ok(b, directory_token_add(&b->c, b->d, hash, S(ANNA)));
	assert_ok(b, directory_text_put(&b->c, b->d, str_c(text), commitment));
	assert_true(on_disk(b, name, strlen(name)));
	assert_true(on_disk(b, hash, sizeof hash));
	assert_true(on_disk(b, text, strlen(text)));

	assert_ok(b, directory_person_erase(&b->c, b->d, S(ANNA)));
	assert_ok(b, directory_text_erase(&b->c, b->d, commitment));
	assert_err(directory_token_find(&b->c, b->d, hash, &s), "UNAUTHENTICATED");
	assert_err(directory_person_by_name(&b->c, b->d, str_c(name), &s), "NOT_FOUND");
	assert_err(directory_person_name(&b->c, b->d, S(ANNA), &s), "NOT_FOUND");
	assert_err(directory_text_get(&b->c, b->d, commitment, &s), "NOT_FOUND");
	assert_false(on_disk(b, name, strlen(name)));
	assert_false(on_disk(b, hash, sizeof hash));
	assert_false(on_disk(b, text, strlen(text)));
	assert_true(on_disk(b, ANNA, strlen(ANNA)));
	assert_err(directory_person_add(&b->c, b->d, S(ANNA), S("anna")), "CONFLICT"); /* the id is never given again */
	assert_ok(b, directory_person_name(&b->c, b->d, S(BEN), &s));
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
