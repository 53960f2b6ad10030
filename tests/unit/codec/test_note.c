#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "codec/note.h"
#include "crypt/hash.h"

/* Published with golang.org/x/mod/sumdb/note, and (the second) in the signed-note and tlog-checkpoint specifications. */
#define NEUMANN "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
#define NEUMANN_TEXT "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
#define NEUMANN_SIG "\xe2\x80\x94 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
#define OTHER_SIG "\xe2\x80\x94 EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n"
#define SUPER_TEXT "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
#define SUPER_SIG "\xe2\x80\x94 example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"

static void
published_note(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	struct ctx c = {.arena = &a};
	struct note_key key;
	struct note n;

	(void)state;
	assert_true(err_ok(note_key_parse(&c, S(NEUMANN), &key)));
	assert_true(key.id == 0xc74f20a3 && str_eqc(key.name, "PeterNeumann"));
	assert_true(err_ok(note_parse(&c, S(NEUMANN_TEXT "\n" NEUMANN_SIG), &n)));
	assert_true(str_eq(n.text, S(NEUMANN_TEXT)) && n.sig_count == 1 && n.sigs[0].id == key.id && n.sigs[0].bytes.n == 64);
	assert_true(err_ok(note_verify(&c, &n, &key)));
	assert_true(err_ok(note_parse(&c, S(NEUMANN_TEXT "\n" OTHER_SIG NEUMANN_SIG), &n))); /* unknown signers are carried */
	assert_true(n.sig_count == 2 && err_ok(note_verify(&c, &n, &key)));
	assert_true(err_ok(note_parse(&c, S(NEUMANN_TEXT "\n" OTHER_SIG), &n)));
	assert_int_equal(note_verify(&c, &n, &key).code, ERR_DENIED);
	assert_true(err_ok(note_parse(&c, S("Another text\n\n" NEUMANN_SIG), &n)));
	assert_int_equal(note_verify(&c, &n, &key).code, ERR_DENIED);
	assert_true(err_ok(note_parse(&c, S("a\n\nb\n\n" OTHER_SIG), &n))); /* the last empty line divides */
	assert_true(str_eq(n.text, S("a\n\nb\n")));
}

/* Written back, key line and signature line are the published ones. */
static void
written_form(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	struct ctx c = {.arena = &a};
	BUF_AUTO b = BUF_INIT;
	struct note_key key;
	struct note n;

	(void)state;
	assert_true(err_ok(note_key_parse(&c, S(NEUMANN), &key)) && err_ok(note_parse(&c, S(NEUMANN_TEXT "\n" NEUMANN_SIG), &n)));
	note_key_line(key.name, key.pub, &b);
	assert_true(str_eq(buf_view(&b), S(NEUMANN)));
	b.n = 0;
	note_sig_line(key.name, key.id, (const uint8_t *)n.sigs[0].bytes.p, &b);
	assert_true(str_eq(buf_view(&b), S(NEUMANN_SIG)));
}

static const char *const bad_notes[] = {
    "", "\n", "\n\n", NEUMANN_TEXT, NEUMANN_TEXT "\n", NEUMANN_TEXT NEUMANN_SIG, "text\n\nno dash\n",
    NEUMANN_TEXT "\n" "\xe2\x80\x94 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=", /* no newline */
    "t\n\n\xe2\x80\x94 name\n", "t\n\n\xe2\x80\x94  AAAAAAA=\n", "t\n\n\xe2\x80\x94 a+b AAAAAAA=\n", "t\n\n\xe2\x80\x94 name AAAA\n",
    "t\n\n\xe2\x80\x94 name AAAAAA==\n", "t\n\n\xe2\x80\x94 name AAAAAAA\n", "t\n\n\xe2\x80\x94 name AAAA-AA=\n", "t\n\n\xe2\x80\x94 name AAAAAAB=\n",
    "t\n\n\xe2\x80\x94 name AAAAAAA= \n", "t\n\n\xe2\x80\x94name AAAAAAA=\n", "t\n\n- name AAAAAAA=\n", "t\n\n\xe2\x80\x94 na\xc2\xa0me AAAAAAA=\n",
    "t\n\n\xe2\x80\x94 na\xe2\x80\x83me AAAAAAA=\n", "t\xff\n\n\xe2\x80\x94 name AAAAAAA=\n", "t\r\n\n\xe2\x80\x94 name AAAAAAA=\n", "t\t\n\n\xe2\x80\x94 name AAAAAAA=\n",
};

static void
refused_notes(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	struct ctx c = {.arena = &a};
	struct note n;
	BUF_AUTO b = BUF_INIT;

	(void)state;
	assert_true(err_ok(note_parse(&c, S("t\n\n\xe2\x80\x94 name AAAAAAA=\n"), &n)));
	for (size_t i = 0; i < ARRAY_LEN(bad_notes); i++)
		if (err_ok(note_parse(&c, str_c(bad_notes[i]), &n))) fail_msg("'%s' was taken", bad_notes[i]);
	assert_false(err_ok(note_parse(&c, str_of("t\0\n\n\xe2\x80\x94 name AAAAAAA=\n", 22), &n)));
	buf_c(&b, "t\n\n");
	for (int i = 0; i < NOTE_SIGS_MAX; i++) buf_c(&b, "\xe2\x80\x94 name AAAAAAA=\n");
	assert_true(err_ok(note_parse(&c, buf_view(&b), &n)) && n.sig_count == NOTE_SIGS_MAX);
	buf_c(&b, "\xe2\x80\x94 name AAAAAAA=\n");
	assert_false(err_ok(note_parse(&c, buf_view(&b), &n)));
}

static const char *const bad_keys[] = {
    "", "PeterNeumann", "PeterNeumann+c74f20a3", "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", "PeterNeumann+c74f20a3+Arpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    "PeterNeuman+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10T",
    "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW\n", "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq_LDE4izWy10TW=",
};

static void
refused_keys(void **state)
{
	struct ctx c = {.arena = NULL};
	struct note_key key;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad_keys); i++)
		if (err_ok(note_key_parse(&c, str_c(bad_keys[i]), &key))) fail_msg("'%s' was taken", bad_keys[i]);
}

static void
checkpoints(void **state)
{
	static const char *const bad[] = {
	    "", "o\n", "o\n1\n", "\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n", "o\n01\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
	    "o\n-1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n", "o\n\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
	    "o\n18446744073709551616\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n", "o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I\n",
	    "o\n1\nCsUYapGGPo4dkMgIAUqom_Xajj7h2fB2MPA3j2jxq2I=\n", "o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=", "o\n1\nAAAA\n",
	    "o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\nextension\n",
	};
	ARENA_AUTO a = ARENA_INIT;
	struct ctx c = {.arena = &a};
	struct checkpoint p;
	struct note n;
	BUF_AUTO b = BUF_INIT;

	(void)state;
	assert_true(err_ok(note_parse(&c, S(SUPER_TEXT "\n" SUPER_SIG), &n)) && err_ok(checkpoint_parse(&c, n.text, &p)));
	assert_true(p.size == 20852163 && str_eqc(p.origin, "example.com/behind-the-sofa") && p.root[0] == 0x0a && p.root[31] == 0x62);
	checkpoint_text(&p, &b);
	assert_true(str_eq(buf_view(&b), S(SUPER_TEXT)));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (err_ok(checkpoint_parse(&c, str_c(bad[i]), &p))) fail_msg("'%s' was taken", bad[i]);
}

int
main(void)
{
	struct ctx c = {.arena = NULL};
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(published_note), cmocka_unit_test(written_form), cmocka_unit_test(refused_notes),
	    cmocka_unit_test(refused_keys),   cmocka_unit_test(checkpoints),
	};

	return err_ok(crypt_init(&c)) ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
