#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "ipc/msg.h"

/* Every message of msg.def, filled with values that depend on a seed: there and back, cut anywhere, with a byte too many. */

static uint64_t seed_;
static Str items_[3];

static uint64_t
next(void)
{
	seed_ = seed_ * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return seed_ >> 17;
}

static Str
some_text(void)
{
	static const char bytes[] = "\0\xff\x01 abcdefghijklmnopqrstuvwxyz";

	return str_of(bytes + next() % 4, (size_t)(next() % 20));
}

static List
some_list(void)
{
	for (size_t i = 0; i < 3; i++) items_[i] = some_text();
	return (List){items_, (size_t)(next() % 4)};
}

#undef STR
#define U64(f) m.f = next() << (next() % 30);
#define STR(f) m.f = some_text();
#define LIST(f) m.f = some_list();
#define MSG(name, fields)                                                                                                      \
	static void fill_##name(struct msg_##name *ret)                                                                        \
	{                                                                                                                      \
		struct msg_##name m;                                                                                           \
		fields *ret = m;                                                                                               \
	}
#include "ipc/msg.def"
#undef MSG
#undef U64
#undef STR
#undef LIST

#define U64(f) assert_int_equal(a.f, b.f);
#define STR(f) assert_true(str_eq(a.f, b.f));
#define LIST(f)                                                                                                                \
	assert_int_equal(a.f.n, b.f.n);                                                                                        \
	for (size_t i = 0; i < a.f.n; i++) assert_true(str_eq(a.f.v[i], b.f.v[i]));
#define MSG(name, fields)                                                                                                      \
	static void test_##name(void **state)                                                                                  \
	{                                                                                                                      \
		(void)state;                                                                                                   \
		for (uint64_t round = 0; round < 50; round++) {                                                                \
			ARENA_AUTO arena = ARENA_INIT;                                                                         \
			struct ctx c = {.arena = &arena};                                                                      \
			BUF_AUTO bytes = BUF_INIT;                                                                             \
			struct msg_##name a, b, untouched;                                                                     \
			seed_ = round;                                                                                         \
			fill_##name(&a);                                                                                       \
			msg_put_##name(&bytes, &a);                                                                            \
			assert_true(err_ok(msg_get_##name(&c, buf_view(&bytes), &b)));                                         \
			fields memset(&b, 0x5a, sizeof b);                                                                     \
			memset(&untouched, 0x5a, sizeof untouched);                                                            \
			for (size_t cut = 0; cut < bytes.n; cut++) {                                                           \
				char *exact = malloc(cut ? cut : 1); /* so that reading past the end is seen */                \
				memcpy(exact, bytes.p, cut);                                                                   \
				assert_int_equal(msg_get_##name(&c, str_of(exact, cut), &b).code, ERR_INVALID);                \
				free(exact);                                                                                   \
			}                                                                                                      \
			buf_char(&bytes, 0);                                                                                   \
			assert_int_equal(msg_get_##name(&c, buf_view(&bytes), &b).code, ERR_INVALID);                          \
			assert_memory_equal(&b, &untouched, sizeof b);                                                         \
			assert_string_equal(msg_name(MSG_##name), #name);                                                      \
		}                                                                                                              \
	}
#include "ipc/msg.def"
#undef MSG
#undef U64
#undef STR
#undef LIST

static void
put_count(struct buf *b, uint32_t n)
{
	b->n = 0;
	buf_u32be(b, n);
}

/* A list that claims more than its bytes can hold must not make us allocate for it. */
static void
test_lists(void **state)
{
	ARENA_AUTO arena = ARENA_INIT;
	struct ctx c = {.arena = &arena};
	struct msg_P_ROLES m = {{NULL, 7}};
	BUF_AUTO b = BUF_INIT;

	(void)state;
	put_count(&b, UINT32_MAX);
	for (int i = 0; i < 100; i++) buf_u32be(&b, 0);
	assert_int_equal(msg_get_P_ROLES(&c, buf_view(&b), &m).code, ERR_INVALID);
	assert_int_equal(arena.total_bytes, 0);
	put_count(&b, MSG_LIST_MAX + 1);
	for (int i = 0; i < MSG_LIST_MAX + 1; i++) buf_u32be(&b, 0);
	assert_int_equal(msg_get_P_ROLES(&c, buf_view(&b), &m).code, ERR_INVALID);
	assert_int_equal(m.roles.n, 7);
	put_count(&b, MSG_LIST_MAX);
	for (int i = 0; i < MSG_LIST_MAX; i++) buf_u32be(&b, 0);
	assert_true(err_ok(msg_get_P_ROLES(&c, buf_view(&b), &m)));
	assert_int_equal(m.roles.n, MSG_LIST_MAX);
	put_count(&b, 1);
	buf_u32be(&b, UINT32_MAX); /* an item longer than what is left */
	assert_int_equal(msg_get_P_ROLES(&c, buf_view(&b), &m).code, ERR_INVALID);
}

/* The bytes on the wire, once by hand. */
static void
test_wire(void **state)
{
	BUF_AUTO b = BUF_INIT;

	(void)state;
	msg_put_P_EXITED(&b, &(struct msg_P_EXITED){.pid = 258, .status = 9, .role = S("lake")});
	assert_int_equal(b.n, 24);
	assert_memory_equal(b.p, "\0\0\0\0\0\0\1\2\0\0\0\0\0\0\0\x09\0\0\0\4lake", 24);
	b.n = 0;
	msg_put_L_KEEP(&b, &(struct msg_L_KEEP){{(Str[]){S("a"), S("")}, 2}});
	assert_int_equal(b.n, 13);
	assert_memory_equal(b.p, "\0\0\0\2\0\0\0\1a\0\0\0\0", 13);
}

static void
test_names(void **state)
{
	(void)state;
	assert_string_equal(msg_name(MSG_NONE), "?");
	assert_string_equal(msg_name(MSG_TYPE_COUNT), "?");
	assert_string_equal(msg_name((enum msg_type)-1), "?");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define MSG(name, fields) cmocka_unit_test(test_##name),
#include "ipc/msg.def"
#undef MSG
	    cmocka_unit_test(test_lists), cmocka_unit_test(test_wire), cmocka_unit_test(test_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
