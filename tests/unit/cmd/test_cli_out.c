#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cmd/cli/out.h"

static void
assert_text(const char *from, const char *expected)
{
	char *got = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&got, &n);

	out_text(f, str_c(from));
	fclose(f);
	assert_string_equal(got, expected);
	free(got);
}

/* What drives a terminal, in each way that terminals understand. */
static void
control_characters_are_not_printed(void **state)
{
	(void)state;
	assert_text("a\x1b[31mred\x07", "a?[31mred?");
	assert_text("one\ntwo\tthree\r", "one two three?");
	assert_text("\xc2\x9b""31m", "?31m"); /* CSI of one character */
	assert_text("\x7f", "?");
	assert_text("Zürich, 東京, łódź ½", "Zürich, 東京, łódź ½");
}

/* "approve invoice" that reads as something else. */
static void
what_reorders_a_line_is_not_printed(void **state)
{
	static const char *const marks[] = {"\xe2\x80\x8e", "\xe2\x80\x8f", "\xe2\x80\xaa", "\xe2\x80\xae", "\xe2\x81\xa6", "\xe2\x81\xa9"};
	char text[32];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
		snprintf(text, sizeof text, "a%sb", marks[i]);
		assert_text(text, "a?b");
	}
	assert_text("\xe2\x80\xa9 \xe2\x80\x94 \xe2\x82\xac", "\xe2\x80\xa9 \xe2\x80\x94 \xe2\x82\xac"); /* their neighbours stay */
	assert_text("cut \xe2\x80", "cut \xe2\x80");
}

static void
formatted_text_is_cleaned_too(void **state)
{
	char got[64] = "";
	int old = dup(STDOUT_FILENO);
	FILE *f = tmpfile();

	(void)state;
	fflush(stdout);
	dup2(fileno(f), STDOUT_FILENO);
	out_printf("%s: %d\n%s\n", "a\x1b[2J", 7, "b");
	out_printf("no end");
	fflush(stdout);
	dup2(old, STDOUT_FILENO);
	close(old);
	rewind(f);
	assert_true(fread(got, 1, sizeof got - 1, f) > 0);
	fclose(f);
	assert_string_equal(got, "a?[2J: 7\nb\nno end");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(control_characters_are_not_printed),
	    cmocka_unit_test(what_reorders_a_line_is_not_printed),
	    cmocka_unit_test(formatted_text_is_cleaned_too),
	};

	return cmocka_run_group_tests_name("cli_out", tests, NULL, NULL);
}
