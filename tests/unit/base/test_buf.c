#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"

static void
expect(struct buf *b, Str want)
{
	assert_int_equal(b->n, want.n);
	assert_memory_equal(b->p, want.p, want.n);
	b->n = 0;
}

static void
test_grow(void **state)
{
	BUF_AUTO b = BUF_INIT;

	(void)state;
	assert_int_equal(buf_view(&b).n, 0);
	assert_non_null(buf_view(&b).p);
	buf_add(&b, NULL, 0);
	assert_null(b.p);
	for (unsigned i = 0; i < 5000; i++) buf_char(&b, (char)(i % 251));
	assert_int_equal(b.n, 5000);
	assert_true(b.cap >= b.n);
	for (unsigned i = 0; i < 5000; i++) assert_int_equal((unsigned char)b.p[i], i % 251);
	buf_drop(&b, 251);
	assert_int_equal(b.n, 4749);
	for (unsigned i = 0; i < 4749; i++) assert_int_equal((unsigned char)b.p[i], i % 251);
	buf_drop(&b, 100000);
	assert_int_equal(b.n, 0);
	buf_printf(&b, "%d %s", 7, "seven");
	assert_string_equal(buf_z(&b), "7 seven");
	assert_int_equal(b.n, 7);
	buf_c(&b, "!");
	expect(&b, S("7 seven!"));
}

static void
test_numbers(void **state)
{
	BUF_AUTO b = BUF_INIT;

	(void)state;
	buf_u16be(&b, 0x1234);
	buf_u32be(&b, 0x89abcdef);
	buf_u64be(&b, UINT64_C(0x0102030405060708));
	expect(&b, S("\x12\x34\x89\xab\xcd\xef\1\2\3\4\5\6\7\x08"));
}

/* RFC 8259 7; what is no UTF-8 stays recognisable and harmless. */
static void
test_json(void **state)
{
	static const struct { Str in, out; } table[] = {
	    {S(""), S("\"\"")},
	    {S("plain"), S("\"plain\"")},
	    {S("a\"b\\c"), S("\"a\\\"b\\\\c\"")},
	    {S("\n\r\t"), S("\"\\n\\r\\t\"")},
	    {S("\x01\x1f\x7f"), S("\"\\u0001\\u001f\\u007f\"")},
	    {S("\xc3\xa4\xf0\x9f\x98\x80"), S("\"\xc3\xa4\xf0\x9f\x98\x80\"")},
	    {S("a\xff\"b"), S("\"a\xef\xbf\xbd\xef\xbf\xbd" "b\"")},
	    {S("a\0b"), S("\"a\xef\xbf\xbd" "b\"")},
	    {S("</script>"), S("\"</script>\"")},
	};
	BUF_AUTO b = BUF_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		buf_json(&b, table[i].in);
		expect(&b, table[i].out);
	}
}

static void
test_sql(void **state)
{
	BUF_AUTO b = BUF_INIT;

	(void)state;
	buf_sql_ident(&b, S("a\"b'c"));
	expect(&b, S("\"a\"\"b'c\""));
	buf_sql_text(&b, S("it's \"x\""));
	expect(&b, S("'it''s \"x\"'"));
	buf_sql_text(&b, S("a\0'b")); /* a NUL may end a text early in C: the quote behind it must not get loose */
	expect(&b, S("'a''b'"));
	buf_sql_text(&b, S("\\'"));
	expect(&b, S("'\\'''"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_grow), cmocka_unit_test(test_numbers), cmocka_unit_test(test_json), cmocka_unit_test(test_sql),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
