#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "table/manifest.h"

#define SHA_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define SHA_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static struct ctx c;
static struct arena arena;

static int
setup(void **state)
{
	(void)state;
	arena = ARENA_INIT;
	c = (struct ctx){.arena = &arena};
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	arena_fini(&arena);
	return 0;
}

static void
round_trip(void **state)
{
	(void)state;
	struct manifest_column columns[] = {
	    {S("household_id"), S("BIGINT"), 0, S("1"), S("2500")},
	    {S("Weird \"name\"\n\x7f é"), S("DECIMAL(18,2)"), 12, S(""), S("")},
	};
	struct manifest_file files[] = {{S(SHA_A), 1000, 7}, {S(SHA_B), UINT64_C(1) << 40, 5}};
	struct manifest m = {.table = S("transactions"), .rows = 12, .columns = columns, .column_count = 2, .files = files, .file_count = 2}, back;
	BUF_AUTO text = BUF_INIT;
	BUF_AUTO again = BUF_INIT;

	manifest_write(&m, &text);
	assert_true(err_ok(manifest_read(&c, buf_view(&text), &back)));
	assert_true(str_eq(back.table, m.table));
	assert_int_equal(back.rows, 12);
	assert_int_equal(back.column_count, 2);
	assert_int_equal(back.file_count, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_true(str_eq(back.columns[i].name, columns[i].name));
		assert_true(str_eq(back.columns[i].type, columns[i].type));
		assert_true(str_eq(back.columns[i].min, columns[i].min));
		assert_true(str_eq(back.columns[i].max, columns[i].max));
		assert_int_equal(back.columns[i].nulls, columns[i].nulls);
		assert_true(str_eq(back.files[i].sha256, files[i].sha256));
		assert_int_equal(back.files[i].bytes, files[i].bytes);
		assert_int_equal(back.files[i].rows, files[i].rows);
	}
	manifest_write(&back, &again);
	assert_true(str_eq(buf_view(&text), buf_view(&again)));
}

static void
empty_table_and_exact_bytes(void **state)
{
	(void)state;
	struct manifest m = {.table = S("t")}, back;
	BUF_AUTO text = BUF_INIT;

	manifest_write(&m, &text);
	assert_string_equal(buf_z(&text), "{\"v\":1,\"table\":\"t\",\"rows\":0,\"columns\":[],\"files\":[]}");
	assert_true(err_ok(manifest_read(&c, buf_view(&text), &back)));
	assert_int_equal(back.file_count, 0);
}

static void
refuses(void **state)
{
	(void)state;
	static const struct { const char *text, *says; } cases[] = {
	    {"", ""},
	    {"[]", "object"},
	    {"{\"v\":2,\"table\":\"t\",\"rows\":0,\"columns\":[],\"files\":[]}", "version 2"},
	    {"{\"v\":1,\"table\":\"T\",\"rows\":0,\"columns\":[],\"files\":[]}", "'table'"},
	    {"{\"v\":1,\"table\":\"../t\",\"rows\":0,\"columns\":[],\"files\":[]}", "'table'"},
	    {"{\"v\":1,\"table\":\"t\",\"rows\":0,\"columns\":[]}", "files"},
	    {"{\"v\":1,\"table\":\"t\",\"rows\":0,\"columns\":[],\"files\":[],\"x\":1}", "x"},
	    {"{\"v\":1,\"table\":\"t\",\"rows\":0,\"rows\":0,\"columns\":[],\"files\":[]}", ""},
	    {"{\"v\":1,\"table\":\"t\",\"rows\":-1,\"columns\":[],\"files\":[]}", "rows"},
	    {"{\"v\":1,\"table\":\"t\",\"rows\":0,\"columns\":[[\"a\",\"INT\",0,\"\"]],\"files\":[]}", "column 0"},
	    {"{\"v\":1,\"table\":\"t\",\"rows\":0,\"columns\":[[\"\",\"INT\",0,\"\",\"\"]],\"files\":[]}", "column 0"},
	    {"{\"v\":1,\"table\":\"t\",\"rows\":0,\"columns\":[[\"a\",\"INT\",1,\"\",\"\"]],\"files\":[]}", "more nulls"},
	    {"{\"v\":1,\"table\":\"t\",\"rows\":0,\"columns\":[[\"a\",\"INT\",0,\"\",\"\"],[\"A\",\"INT\",0,\"\",\"\"]],\"files\":[]}", "one name"},
	    {"{\"v\":1,\"table\":\"t\",\"rows\":0,\"columns\":[],\"files\":[[\"../../etc/passwd\",1,0]]}", "file 0"},
	    {"{\"v\":1,\"table\":\"t\",\"rows\":0,\"columns\":[],\"files\":[[\"" SHA_A "\",1,0],[\"" SHA_A "\",1,0]]}", "twice"},
	    {"{\"v\":1,\"table\":\"t\",\"rows\":3,\"columns\":[],\"files\":[[\"" SHA_A "\",1,2]]}", "but the files have 2"},
	    {"{\"v\":1,\"table\":\"t\",\"rows\":0,\"columns\":[],\"files\":[[\"" SHA_A "\",1,-2]]}", "file 0"},
	    {"{\"v\":1,\"table\":\"t\",\"rows\":0,\"columns\":[],\"files\":[[\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",1,0]]}", "file 0"},
	};
	struct manifest m = {.rows = 77};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		Err e = manifest_read(&c, str_c(cases[i].text), &m);
		if (e.code != ERR_INVALID || !strstr(c.detail, cases[i].says)) fail_msg("case %zu: %s '%s'", i, err_name(e), c.detail);
	}
	assert_int_equal(m.rows, 77); /* untouched on failure */
}

static void
limits(void **state)
{
	(void)state;
	struct manifest m;
	struct manifest_file *files = calloc(MANIFEST_FILES_MAX + 1, sizeof *files);
	char (*names)[65] = calloc(MANIFEST_FILES_MAX + 1, sizeof *names);
	BUF_AUTO text = BUF_INIT;

	for (unsigned i = 0; i <= MANIFEST_FILES_MAX; i++) {
		snprintf(names[i], sizeof names[i], "%064u", i);
		files[i] = (struct manifest_file){str_c(names[i]), 1, 1};
	}
	manifest_write(&(struct manifest){.table = S("t"), .rows = MANIFEST_FILES_MAX, .files = files, .file_count = MANIFEST_FILES_MAX}, &text);
	assert_true(err_ok(manifest_read(&c, buf_view(&text), &m)));
	text.n = 0;
	manifest_write(&(struct manifest){.table = S("t"), .rows = MANIFEST_FILES_MAX + 1, .files = files, .file_count = MANIFEST_FILES_MAX + 1}, &text);
	assert_int_equal(manifest_read(&c, buf_view(&text), &m).code, ERR_TOO_LARGE);
	text.n = 0;
	while (text.n <= MANIFEST_MAX) buf_c(&text, "{\"padding\":\"more than four mebibytes\"}                ");
	assert_int_equal(manifest_read(&c, buf_view(&text), &m).code, ERR_TOO_LARGE);
	free(names);
	free(files);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(round_trip, setup, teardown),
	    cmocka_unit_test_setup_teardown(empty_table_and_exact_bytes, setup, teardown),
	    cmocka_unit_test_setup_teardown(refuses, setup, teardown),
	    cmocka_unit_test_setup_teardown(limits, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
