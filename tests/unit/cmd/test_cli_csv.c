/* The table is printed to stdout, so stdout is a file meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "cmd/cli/csv.h"

/* What is printed for `text`, given `step` bytes at a time; the caller frees. */
static char *
shown(const char *text, size_t step, Err *ret_e, uint64_t *ret_rows)
{
	struct ctx c = {0};
	struct csv csv = CSV_INIT(&c);
	FILE *f = tmpfile();
	int kept = dup(STDOUT_FILENO);
	Str rest = str_c(text);

	assert_non_null(f);
	fflush(stdout);
	dup2(fileno(f), STDOUT_FILENO);
	*ret_e = OK;
	while (rest.n && err_ok(*ret_e)) {
		size_t n = rest.n < step ? rest.n : step;
		*ret_e = csv_add(&csv, str_of(rest.p, n));
		rest = str_of(rest.p + n, rest.n - n);
	}
	if (err_ok(*ret_e)) *ret_e = csv_end(&csv);
	*ret_rows = csv.rows;
	csv_fini(&csv);
	fflush(stdout);
	dup2(kept, STDOUT_FILENO);
	close(kept);
	long size = lseek(fileno(f), 0, SEEK_END);
	char *out = mem_alloc((size_t)size + 1);
	assert_int_equal(pread(fileno(f), out, (size_t)size, 0), size);
	fclose(f);
	return out;
}

static void
check(const char *text, const char *expected, uint64_t rows)
{
	for (size_t step = 1; step < 40; step += 3) {
		Err e;
		uint64_t got;
		char *out = shown(text, step, &e, &got);
		assert_true(err_ok(e));
		assert_string_equal(out, expected);
		assert_int_equal(got, rows);
		free(out);
	}
}

static void
test_columns_are_aligned(void **state)
{
	(void)state;
	check("n,name\r\n1,ab\r\n22,c\r\n", " n  name\n──  ────\n 1  ab\n22  c\n", 2);
	check("n,name\n1,ab\n22,c", " n  name\n──  ────\n 1  ab\n22  c\n", 2);
	check("a\n", "a\n─\n", 0);
	check("", "", 0);
}

static void
test_quotes_null_and_empty(void **state)
{
	(void)state;
	check("a,b\n\"x, \"\"y\"\"\",\n\"\",\"1\n2\"\n", "a       b\n──────  ────\nx, \"y\"  NULL\n        1 2\n", 2);
}

static void
test_control_characters_do_not_reach_the_terminal(void **state)
{
	(void)state;
	check("a,b\n\"\033[31mx\",\302\233y\n", "a       b\n──────  ──\n?[31mx  ?y\n", 1);
}

static void
test_rows_of_another_width_are_refused(void **state)
{
	Err e;
	uint64_t rows;

	(void)state;
	free(shown("a,b\n1,2\n3\n", 100, &e, &rows));
	assert_int_equal(e.code, ERR_INVALID);
	free(shown("a,b\n1,2,3\n", 100, &e, &rows));
	assert_int_equal(e.code, ERR_INVALID);
}

static void
test_later_rows_are_printed_as_they_come(void **state)
{
	BUF_AUTO text = BUF_INIT;
	Err e;
	uint64_t rows;
	size_t lines = 0;

	(void)state;
	buf_c(&text, "i,t\n");
	for (int i = 0; i < 3 * CSV_SHOWN; i++) buf_printf(&text, "%d,x\n", i);
	char *out = shown(buf_z(&text), 4096, &e, &rows);
	for (const char *p = out; *p; p++) lines += *p == '\n';
	assert_true(err_ok(e));
	assert_int_equal(rows, 3 * CSV_SHOWN);
	assert_int_equal(lines, 3 * CSV_SHOWN + 2);
	free(out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_columns_are_aligned),
		cmocka_unit_test(test_quotes_null_and_empty),
		cmocka_unit_test(test_control_characters_do_not_reach_the_terminal),
		cmocka_unit_test(test_rows_of_another_width_are_refused),
		cmocka_unit_test(test_later_rows_are_printed_as_they_come),
	};

	return cmocka_run_group_tests_name("cmd/cli_csv", tests, NULL, NULL);
}
