#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "cmd/cli/cli.h"

#define LINE(...) (const char *[]){__VA_ARGS__}, (int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *))

static struct cli cli;

static int
setup(void **state)
{
	(void)state;
	cli = (struct cli){.arena = ARENA_INIT};
	cli.c.arena = &cli.arena;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	arena_fini(&cli.arena);
	return 0;
}

static Err
parse(const char *const *argv, int argc)
{
	arena_fini(&cli.arena);
	setup(NULL);
	return cli_parse(&cli, argc, (char **)(uintptr_t)argv);
}

#define PARSES(...) assert_true(err_ok(parse(LINE(__VA_ARGS__))))
#define REFUSED_WITH(part, ...)                                                                                                \
	do {                                                                                                                   \
		assert_int_equal(parse(LINE(__VA_ARGS__)).code, ERR_INVALID);                                                  \
		if (!strstr(cli.c.detail, part) && !strstr(cli.hint, part)) fail_msg("'%s' not in '%s', '%s'", part, cli.c.detail, cli.hint); \
	} while (0)

static void
test_words_and_options_in_any_order(void **state)
{
	(void)state;
	PARSES("query", "SELECT 1", "--purpose", "p", "--json");
	assert_string_equal(cli.command->name, "query");
	assert_string_equal(cli.args[0], "SELECT 1");
	assert_string_equal(cli_option(&cli, OPT_PURPOSE), "p");
	assert_true(cli.json);
	PARSES("--purpose=p", "--json", "query", "--as", "ana", "SELECT 1");
	assert_int_equal(cli.arg_count, 1);
	assert_string_equal(cli_option(&cli, OPT_AS), "ana");
	PARSES("log", "--dir", "x", "verify");
	assert_string_equal(cli.command->name, "log verify");
	PARSES("query", "--", "--json");
	assert_string_equal(cli.args[0], "--json");
	assert_false(cli.json);
}

static void
test_every_command_parses_its_own_help(void **state)
{
	(void)state;
	for (size_t i = 0; i < cli_command_count; i++) {
		char *words[3] = {0};
		int n = 0;
		for (Str rest = str_c(cli_commands[i].name), one; rest.p;) {
			rest = str_cut(rest, ' ', &one);
			words[n++] = mem_dup(one.p, one.n);
		}
		words[n] = mem_dup("--help", 6);
		assert_true(err_ok(parse((const char *const *)words, n + 1)));
		assert_ptr_equal(cli.command, &cli_commands[i]);
		while (n >= 0) free(words[n--]);
	}
}

static void
test_options_of_one_name_agree_whether_they_take_a_value(void **state)
{
	(void)state;
	for (size_t i = 0; i < OPT_COUNT; i++)
		for (size_t j = 0; j < i; j++)
			if (strcmp(cli_options[i].name, cli_options[j].name) == 0)
				assert_int_equal(cli_options[i].kind == OPTION_FLAG, cli_options[j].kind == OPTION_FLAG);
	for (size_t k = 0; k < cli_command_count; k++)
		assert_int_equal(cli_commands[k].required & ~cli_commands[k].options, 0);
}

static void
test_files_of_tables(void **state)
{
	(void)state;
	PARSES("publish", "--data", "a=1.parquet", "2.parquet", "c.yaml", "--data", "b=3.parquet", "a=4.parquet");
	assert_int_equal(cli.file_count, 4);
	assert_true(str_eqc(cli.files[1].table, "a"));
	assert_string_equal(cli.files[1].path, "2.parquet");
	assert_true(str_eqc(cli.files[2].table, "b"));
	assert_true(str_eqc(cli.files[3].table, "a"));
	assert_string_equal(cli.args[0], "c.yaml");
	PARSES("publish", "--data=a=x=y.parquet", "--", "c");
	assert_string_equal(cli.files[0].path, "x=y.parquet");
	REFUSED_WITH("TABLE=FILE", "publish", "c.yaml", "--data", "x.parquet");
	REFUSED_WITH("no file", "publish", "c.yaml", "--data", "a=");
	REFUSED_WITH("--data TABLE=FILE", "publish", "c.yaml");
}

static void
test_what_is_wrong_is_named(void **state)
{
	(void)state;
	REFUSED_WITH("`heddle publish`", "publsh");
	REFUSED_WITH("`heddle user add`", "user", "ad");
	REFUSED_WITH("one of: add, remove", "user");
	REFUSED_WITH("--format", "query", "x", "--fromat", "csv");
	REFUSED_WITH("given twice", "query", "x", "--purpose", "a", "--purpose", "b");
	REFUSED_WITH("needs a value", "query", "x", "--purpose");
	REFUSED_WITH("takes no value", "status", "--json=1");
	REFUSED_WITH("'b' is one word too many", "show", "a", "b");
	REFUSED_WITH("usage: heddle show", "show");
	REFUSED_WITH("--role ROLE", "user", "add", "x", "--domain", "d");
	REFUSED_WITH("no option --purpose", "status", "--purpose", "p");
	REFUSED_WITH("no option --x", "status", "-x");
}

static void
test_nothing_asks_for_help(void **state)
{
	(void)state;
	assert_true(err_ok(cli_parse(&cli, 0, (char *[]){NULL})));
	assert_null(cli.command);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_words_and_options_in_any_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_every_command_parses_its_own_help, setup, teardown),
		cmocka_unit_test_setup_teardown(test_options_of_one_name_agree_whether_they_take_a_value, setup, teardown),
		cmocka_unit_test_setup_teardown(test_files_of_tables, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_wrong_is_named, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nothing_asks_for_help, setup, teardown),
	};

	return cmocka_run_group_tests_name("cmd/cli_parse", tests, NULL, NULL);
}
