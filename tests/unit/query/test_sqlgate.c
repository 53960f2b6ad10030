/* The gate over the engine's own parser: what passes and what it needs, what is refused and how that is said. */
#include "kit.h"

struct allowed { const char *sql, *tables, *columns; };
static const struct allowed allowed[] = {
#define ALLOWED(sql, tables, columns) {sql, tables, columns},
#include "gate_allowed.def"
#undef ALLOWED
};

struct refused { const char *sql, *message; };
static const struct refused refused[] = {
#define REFUSED(sql, message) {sql, message},
#include "gate_refused.def"
#undef REFUSED
};

static int
compare(const void *a, const void *b)
{
	return str_cmp(*(const Str *)a, *(const Str *)b);
}

static const char *
tables_text(struct kit *k, const struct sql_statement *st)
{
	Str s = S("");

	for (size_t i = 0; i < st->table_count; i++)
		s = arena_printf(&k->arena, "%.*s%s%.*s%s", STR(s), i ? " " : "", STR(st->tables[i].name), st->tables[i].all ? "*" : "");
	return arena_dup(&k->arena, s.p, s.n);
}

static const char *
columns_text(struct kit *k, const struct sql_statement *st)
{
	Str *sorted = NEW_N(&k->arena, st->column_count, Str), s = S("");

	if (st->column_count) memcpy(sorted, st->columns, st->column_count * sizeof *sorted);
	qsort(sorted, st->column_count, sizeof *sorted, compare);
	for (size_t i = 0; i < st->column_count; i++) s = arena_printf(&k->arena, "%.*s%s%.*s", STR(s), i ? " " : "", STR(sorted[i]));
	return arena_dup(&k->arena, s.p, s.n);
}

static void
lets_through_what_it_knows(void **state)
{
	struct kit k;

	UNUSED_STATE;
	kit_open(&k);
	for (size_t i = 0; i < ARRAY_LEN(allowed); i++) {
		struct ctx c = {.arena = &k.arena};
		struct sql_statement st;
		Err e = engine_parse(&c, &k.s.engine, str_c(allowed[i].sql), &st);
		if (!err_ok(e)) fail_msg("%s: %s", allowed[i].sql, c.detail);
		if (strcmp(tables_text(&k, &st), allowed[i].tables) != 0) fail_msg("%s: tables %s", allowed[i].sql, tables_text(&k, &st));
		if (strcmp(columns_text(&k, &st), allowed[i].columns) != 0) fail_msg("%s: columns %s", allowed[i].sql, columns_text(&k, &st));
	}
	kit_close(&k);
}

static void
refuses_the_rest(void **state)
{
	struct kit k;

	UNUSED_STATE;
	kit_open(&k);
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		struct ctx c = {.arena = &k.arena};
		struct sql_statement st;
		Err e = engine_parse(&c, &k.s.engine, str_c(refused[i].sql), &st);
		if (e.code != ERR_SQL) fail_msg("'%s' gave %s", refused[i].sql, err_name(e));
		if (strcmp(c.detail, refused[i].message) != 0) fail_msg("'%s' said: %s", refused[i].sql, c.detail);
	}
	kit_close(&k);
}

static void
has_limits(void **state)
{
	struct kit k;
	struct sql_statement st;
	char *sql = mem_alloc(SQL_TEXT_MAX + 2);

	UNUSED_STATE;
	kit_open(&k);
	memset(sql, ' ', SQL_TEXT_MAX + 1);
	memcpy(sql, "select 1", 8);
	assert_ok(&k.c, engine_parse(&k.c, &k.s.engine, str_of(sql, SQL_TEXT_MAX), &st));
	assert_int_equal(engine_parse(&k.c, &k.s.engine, str_of(sql, SQL_TEXT_MAX + 1), &st).code, ERR_TOO_LARGE);
	assert_int_equal(engine_parse(&k.c, &k.s.engine, S("select '\xff'"), &st).code, ERR_SQL);
	assert_int_equal(engine_parse(&k.c, &k.s.engine, S("select '\0'"), &st).code, ERR_SQL);
	for (int deep = 0; deep < 2; deep++) {
		BUF_AUTO b = BUF_INIT;
		buf_c(&b, "select ");
		for (int i = 0; i < (deep ? 260 : 240); i++) buf_c(&b, "not ");
		buf_c(&b, "true");
		assert_int_equal(engine_parse(&k.c, &k.s.engine, buf_view(&b), &st).code, deep ? ERR_TOO_LARGE : ERR_NONE);
	}
	free(sql);
	kit_close(&k);
}

/* Trees that no parser of ours made: everything is checked, nothing taken on trust. */
static void
reads_hostile_trees(void **state)
{
	static const char *const trees[] = {
	    "", "null", "[]", "{}", "{\"error\":false}", "{\"error\":false,\"statements\":[]}", "{\"error\":false,\"statements\":[1]}",
	    "{\"error\":false,\"statements\":[{\"node\":null,\"named_param_map\":[]}]}",
	    "{\"error\":false,\"statements\":[{\"node\":{\"type\":\"SELECT_NODE\"},\"named_param_map\":[]}]}",
	    "{\"error\":false,\"statements\":[{\"node\":{\"type\":\"INSERT_NODE\",\"cte_map\":{\"map\":[]}},\"named_param_map\":[]}]}",
	    "{\"error\":false,\"error\":true}",
	};
	ARENA_AUTO arena = ARENA_INIT;
	struct sql_statement st;

	UNUSED_STATE;
	for (size_t i = 0; i < ARRAY_LEN(trees); i++) {
		struct ctx c = {.arena = &arena};
		assert_int_equal(sqlgate_check(&c, str_c(trees[i]), &st).code, ERR_SQL);
	}
}

/* A field that the gate does not know closes it, wherever it stands: each object of a good tree with one field more, or one less,
 * is refused. (Some objects are values that may hold anything.) */
static void
overlooks_no_field(void **state)
{
	static const char *const sqls[] = {"select a, sum(b) over (order by c) from d.p.t as q join d.p.u using (k) where a = 1 and b in (2)",
	                                   "with r as (select 1) select case when x then cast(a as integer[]) end from r, range(3) order by 1 limit 1"};
	struct kit k;
	size_t tried = 0;

	UNUSED_STATE;
	kit_open(&k);
	for (size_t s = 0; s < ARRAY_LEN(sqls); s++) {
		struct sql_statement st;
		Str tree;
		BUF_AUTO sql = BUF_INIT;
		buf_c(&sql, "select json_serialize_sql(");
		buf_sql_text(&sql, str_c(sqls[s]));
		buf_c(&sql, ")::varchar");
		assert_ok(&k.c, engine_text(&k.c, &k.s.engine, buf_z(&sql), &tree));
		assert_ok(&k.c, sqlgate_check(&k.c, tree, &st));
		for (size_t i = 1; i < tree.n; i++) {
			if (tree.p[i] != '{') continue;
			BUF_AUTO more = BUF_INIT;
			buf_add(&more, tree.p, i + 1);
			buf_c(&more, "\"surprise\":{\"class\":\"FUNCTION\"},");
			buf_add(&more, tree.p + i + 1, tree.n - i - 1);
			struct ctx c = {.arena = &k.arena};
			if (sqlgate_check(&c, buf_view(&more), &st).code != ERR_SQL) fail_msg("at %zu: %.*s", i, STR(buf_view(&more)));
			tried++;
		}
	}
	assert_true(tried > 40);
	kit_close(&k);
}

static const char *const functions[] = {
#define SQL_FUNCTION(name) name,
#include "query/functions.def"
#undef SQL_FUNCTION
};

/* Sorted, and each known to this very engine, so that the list holds no slip of the pen. */
static void
lists_functions_that_exist(void **state)
{
	static const char *const made_by_the_parser[] = {"unnest"};
	struct kit k;

	UNUSED_STATE;
	kit_open(&k);
	for (size_t i = 0; i < ARRAY_LEN(functions); i++) {
		BUF_AUTO sql = BUF_INIT;
		uint64_t n;
		if (i) assert_true(strcmp(functions[i - 1], functions[i]) < 0);
		if (strcmp(functions[i], made_by_the_parser[0]) == 0) continue;
		buf_c(&sql, "select count(*) from duckdb_functions() where function_type in ('scalar', 'aggregate', 'macro') and function_name = ");
		buf_sql_text(&sql, str_c(functions[i]));
		assert_ok(&k.c, engine_count(&k.c, &k.s.engine, buf_z(&sql), &n));
		if (n == 0) fail_msg("no function %s", functions[i]);
	}
	kit_close(&k);
}

/* Families that must never come in by a careless addition. */
static void
lists_no_function_that_looks_outside(void **state)
{
	static const char *const families[] = {"read_", "duckdb_", "pragma_", "parquet_", "pg_", "has_", "current_s", "current_q", "current_d",
	                                       "getenv", "getvar", "nextval", "currval", "query", "glob", "stats", "write_", "json_execute",
	                                       "json_serialize", "json_deserialize", "setseed", "sleep", "__internal", "txid", "version", "error"};
	UNUSED_STATE;
	for (size_t i = 0; i < ARRAY_LEN(functions); i++)
		for (size_t f = 0; f < ARRAY_LEN(families); f++)
			if (str_starts(str_c(functions[i]), str_c(families[f])) && strcmp(functions[i], "current_date") != 0)
				fail_msg("%s is on the list", functions[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lets_through_what_it_knows), cmocka_unit_test(refuses_the_rest),
	    cmocka_unit_test(has_limits),                 cmocka_unit_test(reads_hostile_trees),
	    cmocka_unit_test(overlooks_no_field),         cmocka_unit_test(lists_functions_that_exist),
	    cmocka_unit_test(lists_no_function_that_looks_outside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
