#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/log.h"

/* What one call writes to stderr. */
static size_t
caught(char *ret, size_t cap, enum log_level level, const char *text)
{
	int ends[2], keep = dup(STDERR_FILENO);

	assert_true(keep >= 0 && pipe(ends) == 0 && dup2(ends[1], STDERR_FILENO) >= 0);
	log_line(level, "%s", text);
	dup2(keep, STDERR_FILENO);
	close(keep), close(ends[1]);
	ssize_t n = read(ends[0], ret, cap - 1);
	close(ends[0]);
	assert_true(n >= 0);
	ret[n] = 0;
	return (size_t)n;
}

static void
one_line_whatever_comes(void **state)
{
	char line[4096], text[3000];

	(void)state;
	log_open("keys");
	log_set_level(LOG_INFO);
	size_t n = caught(line, sizeof line, LOG_WARN, "two\nlines\x1b[31m and\ttabs");
	assert_true(n > 0 && strchr(line, '\n') == line + n - 1 && !strchr(line, '\x1b'));
	assert_non_null(strstr(line, "Z keys warn two lines [31m and tabs"));
	memset(text, 'x', sizeof text - 1), text[sizeof text - 1] = 0;
	n = caught(line, sizeof line, LOG_ERROR, text);
	assert_true(n <= 2002 && line[n - 1] == '\n');
	errno = 77;
	assert_int_equal(caught(line, sizeof line, LOG_DEBUG, "not shown"), 0);
	log_info("keeps errno");
	assert_int_equal(errno, 77);
}

static void
levels(void **state)
{
	enum log_level level = LOG_ERROR;
	char line[256];

	(void)state;
	assert_true(log_level_parse(S("debug"), &level) && level == LOG_DEBUG);
	assert_false(log_level_parse(S("loud"), &level) || log_level_parse((Str){NULL, 0}, &level));
	setenv("HEDDLE_LOG", "error", 1);
	log_open("core");
	assert_int_equal(caught(line, sizeof line, LOG_WARN, "x"), 0);
	assert_true(caught(line, sizeof line, LOG_ERROR, "x") > 0);
	unsetenv("HEDDLE_LOG");
}

static void
clocks_go_on(void **state)
{
	uint64_t a = clock_boot_ns(), b = clock_boot_ns();

	(void)state;
	assert_true(b >= a && a > 0);
	assert_true(clock_wall() > 1700000000 * TIME_SECOND);
	assert_true(clock_cpu_ns() > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_line_whatever_comes),
	    cmocka_unit_test(levels),
	    cmocka_unit_test(clocks_go_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
