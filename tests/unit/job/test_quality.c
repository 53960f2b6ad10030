/* What needs no database: the shape of plans, judging, and how reports are shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "job/quality.h"

static const char head[] = "apiVersion: v3.2.0\nkind: DataContract\nid: c\nversion: 1.0.0\ndomain: d\ndataProduct: p\nschema:\n  - name: t\n";

static const struct quality_column columns[] = {{S("k"), S("BIGINT")}, {S("v"), S("VARCHAR")}, {S("list"), S("INTEGER[]")}};

static Err
compiled(struct ctx *c, const char *table, bool hashes, const struct quality_plan **ret)
{
	const struct contract *k;
	struct quality_source *source = NEW(c->arena, struct quality_source);

	*source = (struct quality_source){.table = S("t"), .relation = S("\"batch\".\"t\""), .columns = columns, .column_count = 3, .hashes = hashes};
	TRY(contract_parse(c, arena_printf(c->arena, "%s%s", head, table), &k));
	return quality_compile(c, &k->tables[0], source, 1, ret);
}

static const struct quality_check *
check_of(const struct quality_plan *p, const char *id)
{
	for (size_t i = 0; i < p->check_count; i++)
		if (str_eqc(p->checks[i].id, id)) return &p->checks[i];
	fail_msg("no check %s", id);
	return NULL;
}

static void
one_scan_serves_statistics_and_rules(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	struct ctx c = {.arena = &a};
	const struct quality_plan *p;

	(void)state;
	assert_true(err_ok(compiled(&c, "    properties: [{name: k, logicalType: integer, required: true, logicalTypeOptions: {minimum: 1}}]\n"
	                                "    quality: [{metric: rowCount, mustBe: 1}]\n", false, &p)));
	assert_int_equal(p->query_count, 0);
	assert_int_equal(p->value_count, 1 + 3 * 3 + 1);
	assert_int_equal(check_of(p, "t.k.required")->index, p->stats_index);
	assert_int_equal(check_of(p, "t.k.minimum")->shown, p->stats_index + 1);
	assert_int_equal(check_of(p, "t.rule1")->index, 0);
	assert_non_null(strstr(p->scan_sql.p, "CASE WHEN min(\"k\") < 1 THEN 1 ELSE 0 END FROM \"batch\".\"t\""));
	assert_non_null(strstr(p->scan_sql.p, "count(*) - count(\"list\"), CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR)"));
}

static void
keys_are_asked_by_hash_and_decided_exactly(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	struct ctx c = {.arena = &a};
	const struct quality_plan *p;

	(void)state;
	for (int hashes = 0; hashes < 2; hashes++) {
		assert_true(err_ok(compiled(&c, "    properties: [{name: k, primaryKey: true}, {name: v, primaryKey: true}]\n", hashes, &p)));
		const struct quality_query *q = &p->queries[check_of(p, "t.key")->index];
		assert_true(q->hashes == hashes && str_eqc(q->believe, "0"));
		assert_int_equal(strstr(q->sql.p, "DISTINCT") == NULL, hashes);
		assert_non_null(strstr(q->otherwise.p, "GROUP BY \"k\", \"v\" HAVING count(*) > 1"));
		Str narrow = quality_otherwise(&a, q, S("17,4711"));
		assert_int_equal(strstr(narrow.p, " AND hash(\"k\", \"v\") IN (17,4711) GROUP BY") != NULL, hashes);
		/* what is no list of numbers never gets into SQL */
		assert_null(strstr(quality_otherwise(&a, q, S("many")).p, " IN ("));
		assert_null(strstr(quality_otherwise(&a, q, S("1) OR (1=1")).p, " IN ("));
	}
}

static void
rules_of_producers_go_through_the_gate(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	struct ctx c = {.arena = &a};
	const struct quality_plan *p;

	(void)state;
	assert_true(err_ok(compiled(&c, "    properties: [{name: k, quality: [{id: q, type: sql, query: 'select ${column} from ${table} -- ${property}', mustBe: 0}]}]\n",
	    false, &p)));
	const struct quality_check *k = check_of(p, "t.k.q");
	assert_true(k->user_sql && p->queries[k->index].user_sql);
	assert_string_equal(p->queries[k->index].sql.p, "select \"k\" from \"batch\".\"t\" -- \"k\"");
	assert_int_equal(compiled(&c, "    properties: [{name: k}]\n    quality: [{type: sql, query: 'select ${column}', mustBe: 0}]\n", false, &p).code, ERR_INVALID);
	assert_non_null(strstr(c.detail, "${column}"));
	assert_int_equal(compiled(&c, "    properties: [{name: k}]\n    quality: [{type: sql, query: 'select ${table', mustBe: 0}]\n", false, &p).code, ERR_INVALID);
	assert_int_equal(compiled(&c, "    properties: [{name: missing}]\n", false, &p).code, ERR_INVALID);
}

static void
texts_of_the_contract_are_quoted(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	struct ctx c = {.arena = &a};
	const struct quality_plan *p;

	(void)state;
	assert_true(err_ok(compiled(&c, "    properties: [{name: v, logicalType: string, enum: [{value: \"a') OR ('\"}], logicalTypeOptions: {pattern: \"x'; drop\"}}]\n", false, &p)));
	assert_non_null(strstr(p->scan_sql.p, "['a'') OR (''']"));
	assert_non_null(strstr(p->queries[0].sql.p, "'x''; drop'"));
}

/* --- judging --- */

static const struct verdict {
	const char *rule, *value;
	enum quality_outcome outcome;
} verdicts[] = {
    {"mustBe: 3", "3", QUALITY_PASS}, {"mustBe: 3", "4", QUALITY_FAIL}, {"mustNotBe: 3", "3", QUALITY_FAIL}, {"mustNotBe: 3", "4", QUALITY_PASS},
    {"mustBeGreaterThan: 3", "3", QUALITY_FAIL}, {"mustBeGreaterThan: 3", "3.5", QUALITY_PASS},
    {"mustBeGreaterOrEqualTo: 3", "3", QUALITY_PASS}, {"mustBeGreaterOrEqualTo: 3", "2", QUALITY_FAIL},
    {"mustBeLessThan: 3", "3", QUALITY_FAIL}, {"mustBeLessThan: 3", "2", QUALITY_PASS},
    {"mustBeLessOrEqualTo: 3", "3", QUALITY_PASS}, {"mustBeLessOrEqualTo: 3", "4", QUALITY_FAIL},
    {"mustBeBetween: [2, 4]", "4", QUALITY_PASS}, {"mustBeBetween: [2, 4]", "5", QUALITY_FAIL}, {"mustBeBetween: [2, 4]", "1", QUALITY_FAIL},
    {"mustNotBeBetween: [2, 4]", "4", QUALITY_FAIL}, {"mustNotBeBetween: [2, 4]", "5", QUALITY_PASS},
    {"mustBe: 3, severity: warning", "4", QUALITY_WARN}, {"mustBe: 3, severity: info", "4", QUALITY_WARN}, {"mustBe: 3, severity: high", "4", QUALITY_FAIL},
    {"mustBe: 3", NULL, QUALITY_ERROR}, {"mustBe: 3", "three", QUALITY_ERROR}, {"mustBe: 3", "", QUALITY_ERROR}, {"mustBe: 3", "nan", QUALITY_ERROR},
    {"mustBe: three", "three", QUALITY_PASS}, {"mustBe: three", "3", QUALITY_FAIL}, {"mustNotBe: three", "3", QUALITY_PASS},
    {"mustBe: true", "true", QUALITY_PASS}, {"mustBe: true", "false", QUALITY_FAIL},
    {"mustBe: null", NULL, QUALITY_PASS}, {"mustBe: null", "1", QUALITY_FAIL}, {"mustNotBe: null", NULL, QUALITY_FAIL}, {"mustNotBe: null", "1", QUALITY_PASS},
};

static void
judges_by_operator(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(verdicts); i++) {
		ARENA_AUTO a = ARENA_INIT;
		struct ctx c = {.arena = &a};
		const struct quality_plan *p;
		struct quality_report *r;
		struct quality_value scan[16] = {{.text = S("10")}}, query = {.text = str_c(verdicts[i].value)};

		Str table = arena_printf(&a, "    properties: [{name: k}]\n    quality: [{type: sql, query: q, %s}]\n", verdicts[i].rule);
		if (!err_ok(compiled(&c, table.p, false, &p))) fail_msg("%s: %s", verdicts[i].rule, c.detail);
		assert_true(err_ok(quality_judge(&c, p, &(struct quality_answers){scan, &query}, &r)));
		if (r->results[0].outcome != verdicts[i].outcome) fail_msg("%s with %s: %d", verdicts[i].rule, verdicts[i].value, (int)r->results[0].outcome);
		assert_int_equal(r->passed, verdicts[i].outcome == QUALITY_PASS || verdicts[i].outcome == QUALITY_WARN);
	}
}

static void
a_share_is_of_the_rows(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	struct ctx c = {.arena = &a};
	const struct quality_plan *p;
	struct quality_report *r;
	struct quality_value scan[16] = {{.text = S("200")}};

	(void)state;
	assert_true(err_ok(compiled(&c, "    properties: [{name: k, quality: [{id: x, metric: nullValues, mustBeLessThan: 2, unit: percent}]}]\n", false, &p)));
	size_t at = check_of(p, "t.k.x")->index;
	scan[at].text = S("3");
	assert_true(err_ok(quality_judge(&c, p, &(struct quality_answers){scan, NULL}, &r)));
	assert_true(r->passed && str_eqc(r->results[0].value, "1.5") && str_eqc(r->results[0].message, "1.5 %"));
	scan[at].text = S("4");
	assert_true(err_ok(quality_judge(&c, p, &(struct quality_answers){scan, NULL}, &r)));
	assert_true(!r->passed && str_eqc(r->results[0].message, "2 %; must be less than 2 %"));
	assert_true(r->results[0].rows_sql.n > 0);
	scan[0].text = S("0"), scan[at].text = S("0");
	assert_true(err_ok(quality_judge(&c, p, &(struct quality_answers){scan, NULL}, &r)));
	assert_true(r->passed);
	/* the scan failed: nothing may pass */
	scan[0] = scan[at] = (struct quality_value){.error = S("out of memory")};
	assert_true(err_ok(quality_judge(&c, p, &(struct quality_answers){scan, NULL}, &r)));
	assert_true(!r->passed && r->results[0].outcome == QUALITY_ERROR);
}

static void
a_table_without_rules_needs_its_scan(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	struct ctx c = {.arena = &a};
	const struct quality_plan *p;
	struct quality_report *r;
	struct quality_value scan[16] = {{.error = S("gone")}};

	(void)state;
	assert_true(err_ok(compiled(&c, "    properties: [{name: k}]\n", false, &p)));
	assert_true(err_ok(quality_judge(&c, p, &(struct quality_answers){scan, NULL}, &r)));
	assert_false(r->passed);
}

/* --- showing --- */

static struct quality_report *
shown_report(struct ctx *c)
{
	static struct quality_value scan[16];
	const struct quality_plan *p;
	struct quality_report *r;
	const Str names[] = {S("file"), S("row"), S("k")}, values[] = {S("1"), S("7"), S("-4"), S("1"), S("9"), {0}};

	assert_true(err_ok(compiled(c, "    properties: [{name: k, logicalType: integer, logicalTypeOptions: {minimum: 0}, quality: [{type: text, description: 'be \"nice\"'}]}, {name: v, required: true}]\n",
	    false, &p)));
	for (size_t i = 0; i < p->value_count; i++) scan[i] = (struct quality_value){.text = S("0")};
	scan[0].text = S("1234567");
	scan[p->stats_index + 1].text = S("-4");
	scan[p->stats_index + 2] = (struct quality_value){0};
	scan[check_of(p, "t.k.minimum")->index].text = S("1");
	assert_true(err_ok(quality_judge(c, p, &(struct quality_answers){scan, NULL}, &r)));
	quality_rows(c, r, 0, names, 3, values, 2);
	return r;
}

static void
shows_json_and_text(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	struct ctx c = {.arena = &a};
	BUF_AUTO out = BUF_INIT;
	struct quality_report *r = shown_report(&c);

	(void)state;
	quality_json(r, (struct quality_show){.statistics = true, .rows = true}, &out);
	assert_non_null(strstr(buf_z(&out), "{\"table\":\"t\",\"rows\":1234567,\"passed\":false,\"checks\":[{\"id\":\"t.k.minimum\""));
	assert_non_null(strstr(buf_z(&out), "\"outcome\":\"fail\",\"value\":\"-4\",\"must\":\"\",\"message\":\"2 rows; smallest -4\","
	                                    "\"rows\":[{\"file\":1,\"row\":7,\"k\":\"-4\"},{\"file\":1,\"row\":9,\"k\":null}]}"));
	assert_non_null(strstr(buf_z(&out), "\"value\":\"0\",\"must\":\"must be 0\""));
	assert_non_null(strstr(buf_z(&out), "\"statistics\":[{\"column\":\"k\",\"type\":\"BIGINT\",\"nulls\":0,\"min\":\"-4\",\"max\":null}"));
	out.n = 0;
	quality_text(r, (struct quality_show){.rows = true}, &out);
	assert_string_equal(buf_z(&out), "t: 1,234,567 rows, 1 of 2 checks failed, 1 not run\n"
	                                 "  fail     k is at least 0  2 rows; smallest -4\n"
	                                 "           file 1, row 7: k -4\n"
	                                 "           file 1, row 9: k null\n"
	                                 "  not run  be \"nice\"        a rule in words: nothing to compute\n"
	                                 "  pass     v is never null  0 rows\n");
}

/* Without leave, a report tells no value of the data. */
static void
hides_values(void **state)
{
	ARENA_AUTO a = ARENA_INIT;
	struct ctx c = {.arena = &a};
	BUF_AUTO out = BUF_INIT;
	struct quality_report *r = shown_report(&c);

	(void)state;
	quality_json(r, (struct quality_show){0}, &out);
	quality_text(r, (struct quality_show){0}, &out);
	assert_null(strstr(buf_z(&out), "-4"));
	assert_null(strstr(buf_z(&out), "\"row\":"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_scan_serves_statistics_and_rules), cmocka_unit_test(keys_are_asked_by_hash_and_decided_exactly),
	    cmocka_unit_test(rules_of_producers_go_through_the_gate), cmocka_unit_test(texts_of_the_contract_are_quoted),
	    cmocka_unit_test(judges_by_operator), cmocka_unit_test(a_share_is_of_the_rows),
	    cmocka_unit_test(a_table_without_rules_needs_its_scan), cmocka_unit_test(shows_json_and_text), cmocka_unit_test(hides_values),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
