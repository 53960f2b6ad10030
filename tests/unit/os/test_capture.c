#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "os/capture.h"

enum { LIMIT = 64, LONG_MS = 60000, SHORT_MS = 300 };

static Err
run(struct ctx *c, const char *script, unsigned timeout_ms, struct buf *out)
{
	const char *const argv[] = {"/bin/sh", "-c", script, NULL};

	return capture(c, argv, "CAPTURE_HIDDEN", LIMIT, timeout_ms, out);
}

static void
assert_run(const char *script, unsigned timeout_ms, enum err_code code, const char *said)
{
	BUF_AUTO out = BUF_INIT;
	struct ctx c = {0};
	Err e = run(&c, script, timeout_ms, &out);

	if (e.code != code) fail_msg("%s: %s: %s", script, err_name(e), c.detail);
	if (err_ok(e)) assert_true(str_eqc(buf_view(&out), said));
	else if (!strstr(c.detail, said)) fail_msg("%s: '%s' does not say '%s'", script, c.detail, said);
	assert_true(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD); /* nobody is left */
}

static void
takes_what_it_prints(void **state)
{
	(void)state;
	setenv("CAPTURE_HIDDEN", "secret", 1);
	assert_run("printf abc", LONG_MS, ERR_NONE, "abc");
	assert_run("printf %s \"$CAPTURE_HIDDEN\"", LONG_MS, ERR_NONE, "");
	assert_run("cat", LONG_MS, ERR_NONE, ""); /* no input */
}

static void
tells_what_went_wrong(void **state)
{
	(void)state;
	assert_run("exit 3", LONG_MS, ERR_UNAVAILABLE, "status 3");
	assert_run("kill -9 $$", LONG_MS, ERR_UNAVAILABLE, "signal 9");
	assert_run("while :; do echo x; done", LONG_MS, ERR_TOO_LARGE, "more than 64 bytes");
	assert_run("sleep 60", SHORT_MS, ERR_TIMEOUT, "longer than 0.3 s");
}

/* It hung for as long as such a program lived. */
static void
one_that_closes_its_output_and_goes_on_is_ended(void **state)
{
	(void)state;
	assert_run("exec >&-; sleep 60", SHORT_MS, ERR_TIMEOUT, "longer than 0.3 s");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(takes_what_it_prints),
	    cmocka_unit_test(tells_what_went_wrong),
	    cmocka_unit_test(one_that_closes_its_output_and_goes_on_is_ended),
	};

	return cmocka_run_group_tests_name("capture", tests, NULL, NULL);
}
