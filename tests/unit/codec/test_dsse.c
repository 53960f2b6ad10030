#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "codec/dsse.h"

static const uint8_t zero_sig[DSSE_SIG_BYTES];
#define SIG88 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="
#define ONE "\"signatures\":[{\"keyid\":\"k\",\"sig\":\"" SIG88 "\"}]"

/* The specification's own example, and lengths counted in bytes. */
static void
pae(void **state)
{
	BUF_AUTO b = BUF_INIT;

	(void)state;
	dsse_pae(S("http://example.com/HelloWorld"), S("hello world"), &b);
	assert_true(str_eq(buf_view(&b), S("DSSEv1 29 http://example.com/HelloWorld 11 hello world")));
	b.n = 0;
	dsse_pae(S(""), S(""), &b);
	assert_true(str_eq(buf_view(&b), S("DSSEv1 0  0 ")));
	b.n = 0;
	dsse_pae(S("\xc3\xa9"), str_of("a\0b", 3), &b);
	assert_true(str_eq(buf_view(&b), str_of("DSSEv1 2 \xc3\xa9 3 a\0b", 17)));
}

static void
written_form(void **state)
{
	BUF_AUTO b = BUF_INIT;

	(void)state;
	dsse_encode(S(DSSE_EVENT_TYPE), S("{}"), S("k"), zero_sig, &b);
	assert_true(str_eq(buf_view(&b), S("{\"payloadType\":\"application/vnd.heddle.event.v1+json\",\"payload\":\"e30=\"," ONE "}")));
}

/* Every length, every byte value, key ids that need escapes: what is written is read back. */
static void
round_trip(void **state)
{
	static const char *const keyids[] = {"", "k", "a\"b\\c", "caf\xc3\xa9", "0123456789abcdef"};
	ARENA_AUTO a = ARENA_INIT;
	struct ctx c = {.arena = &a};
	char body[700];
	uint8_t sig[DSSE_SIG_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof body; i++) body[i] = (char)(i * 167 + i / 256);
	for (size_t i = 0; i < sizeof sig; i++) sig[i] = (uint8_t)(255 - i);
	for (size_t n = 0; n <= sizeof body; n++) {
		BUF_AUTO b = BUF_INIT;
		struct dsse d;
		Str keyid = str_c(keyids[n % ARRAY_LEN(keyids)]);
		dsse_encode(S(DSSE_EVENT_TYPE), str_of(body, n), keyid, sig, &b);
		assert_true(err_ok(dsse_parse(&c, buf_view(&b), &d)));
		assert_true(str_eq(d.payload, str_of(body, n)) && str_eq(d.keyid, keyid) && str_eqc(d.payload_type, DSSE_EVENT_TYPE));
		assert_memory_equal(d.sig, sig, sizeof sig);
		arena_reset(&a);
	}
}

static const struct { const char *text, *payload; } table[] = {
    {"{\"payloadType\":\"t\",\"payload\":\"e30=\"," ONE "}", "{}"},
    {"{ " ONE ", \"payload\" : \"e30=\" , \"payloadType\":\"t\" }\n", "{}"},       /* any order and spaces */
    {"{\"payloadType\":\"t\",\"payload\":\"e30\"," ONE "}", "{}"},                  /* not padded */
    {"{\"payloadType\":\"t\",\"payload\":\"--__\"," ONE "}", "\xfb\xef\xff"},       /* the URL alphabet */
    {"{\"payloadType\":\"t\",\"payload\":\"++//\"," ONE "}", "\xfb\xef\xff"},
    {"{\"payloadType\":\"t\",\"payload\":\"\",\"signatures\":[{\"sig\":\"" SIG88 "\"}]}", ""},
    {"{\"payloadType\":\"\\u0074\",\"payload\":\"\"," ONE "}", ""},
    /* refused */
    {"", NULL}, {"{}", NULL}, {"[]", NULL},
    {"{\"payloadType\":\"t\",\"payload\":\"e31=\"," ONE "}", NULL},                 /* bits left over */
    {"{\"payloadType\":\"t\",\"payload\":\"e3-/\"," ONE "}", NULL},                 /* both alphabets */
    {"{\"payloadType\":\"t\",\"payload\":\"e3 0\"," ONE "}", NULL},
    {"{\"payloadType\":\"t\",\"payload\":\"e30=e30=\"," ONE "}", NULL},
    {"{\"payloadType\":\"\",\"payload\":\"e30=\"," ONE "}", NULL},
    {"{\"payloadType\":\"t\"," ONE "}", NULL},
    {"{\"payload\":\"e30=\"," ONE "}", NULL},
    {"{\"payloadType\":\"t\",\"payload\":\"e30=\"}", NULL},
    {"{\"payloadType\":\"t\",\"payload\":\"e30=\",\"signatures\":[]}", NULL},
    {"{\"payloadType\":\"t\",\"payload\":\"e30=\",\"signatures\":[{\"sig\":\"" SIG88 "\"},{\"sig\":\"" SIG88 "\"}]}", NULL},
    {"{\"payloadType\":\"t\",\"payload\":\"e30=\",\"signatures\":[{\"sig\":\"AAAA\"}]}", NULL},
    {"{\"payloadType\":\"t\",\"payload\":\"e30=\",\"signatures\":[{\"keyid\":\"k\"}]}", NULL},
    {"{\"payloadType\":\"t\",\"payload\":\"e30=\",\"signatures\":[{\"sig\":\"" SIG88 "\",\"cert\":\"x\"}]}", NULL},
    {"{\"payloadType\":\"t\",\"payload\":\"e30=\",\"signatures\":[\"" SIG88 "\"]}", NULL},
    {"{\"payloadType\":\"t\",\"payload\":\"e30=\",\"more\":1," ONE "}", NULL},
    {"{\"payloadType\":\"t\",\"payload\":\"e30=\",\"payload\":\"e30=\"," ONE "}", NULL},
    {"{\"payloadType\":\"t\",\"payload\":\"e30=\"," ONE "}}", NULL},
    {"{\"payloadType\":\"t\",\"payload\":\"e30=\"," ONE "}x", NULL},
    {"{\"payloadType\":7,\"payload\":\"e30=\"," ONE "}", NULL},
    {"{\"payloadType\":\"t\n\",\"payload\":\"e30=\"," ONE "}", NULL},
};

static void
forms(void **state)
{
	ARENA_AUTO a = ARENA_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct ctx c = {.arena = &a};
		struct dsse d = {.keyid = S("untouched")};
		Err e = dsse_parse(&c, str_c(table[i].text), &d);
		if (err_ok(e) != (table[i].payload != NULL)) fail_msg("'%s': %s", table[i].text, err_name(e));
		if (!err_ok(e)) assert_true(c.detail[0] && str_eqc(d.keyid, "untouched"));
		if (err_ok(e)) assert_true(str_eqc(d.payload, table[i].payload) && str_eqc(d.payload_type, "t"));
	}
}

static void
limits(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	struct ctx c = {.arena = &a};
	struct dsse d;
	BUF_AUTO b = BUF_INIT;
	static char zeros[DSSE_MAX];

	(void)state;
	dsse_encode(S("t"), str_of(zeros, 48966), S("k"), zero_sig, &b);
	assert_true(b.n <= DSSE_MAX && b.n > DSSE_MAX - 150);
	assert_true(err_ok(dsse_parse(&c, buf_view(&b), &d)) && d.payload.n == 48966);
	b.n = 0;
	dsse_encode(S("t"), str_of(zeros, 49200), S("k"), zero_sig, &b);
	assert_int_equal(dsse_parse(&c, buf_view(&b), &d).code, ERR_TOO_LARGE);
	b.n = 0;
	memset(zeros, 'k', 200);
	buf_printf(&b, "{\"payloadType\":\"t\",\"payload\":\"\",\"signatures\":[{\"keyid\":\"%.*s\",\"sig\":\"" SIG88 "\"}]}", DSSE_KEYID_MAX + 1, zeros);
	assert_int_equal(dsse_parse(&c, buf_view(&b), &d).code, ERR_INVALID);
	b.n = 0;
	buf_printf(&b, "{\"payloadType\":\"%.*s\",\"payload\":\"\"," ONE "}", DSSE_TYPE_MAX + 1, zeros);
	assert_int_equal(dsse_parse(&c, buf_view(&b), &d).code, ERR_INVALID);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pae), cmocka_unit_test(written_form), cmocka_unit_test(round_trip), cmocka_unit_test(forms), cmocka_unit_test(limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
