#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "api/edge.h"
#include "api/openapi.h"
#include "codec/json.h"
#include "mesh/mesh.h"

/* "name=value;…", lists as "[a,b]"; or "CODE: detail" */
static void
run(Str method, const char *target, const char *type, Str body, struct buf *out)
{
	ARENA_AUTO arena = ARENA_INIT;
	struct ctx c = {.arena = &arena};
	struct target t;
	enum route_id route;
	struct api_args args;
	Str allow;

	Err e = target_parse(&c, str_c(target), &t);
	if (err_ok(e)) e = api_route(&c, method, &t, &route, &allow);
	if (err_ok(e) && route == ROUTE_COUNT) {
		buf_printf(out, "405 %.*s", STR(allow));
		return;
	}
	if (err_ok(e)) e = api_args(&c, route, &t, str_c(type), body, &args);
	if (!err_ok(e)) {
		buf_printf(out, "%s: %s", err_name(e), err_detail(&c, e));
		return;
	}
	buf_printf(out, "%s ", api_route_name(route));
	for (size_t i = 0; i < args.list.n; i += 2) {
		Str name = args.list.v[i];
		const struct api_param *p = api_routes[route].params;
		while (!str_eqc(name, p->name)) p++;
		if (p->kind < PARAM_LIST || p->kind == PARAM_REST) {
			buf_printf(out, "%.*s=%.*s;", STR(name), STR(args.list.v[i + 1]));
			continue;
		}
		List l = api_arg_list(&args, &arena, p->name);
		buf_printf(out, "%.*s=[", STR(name));
		for (size_t k = 0; k < l.n; k++) buf_printf(out, "%s%.*s", k ? "," : "", STR(l.v[k]));
		buf_c(out, "];");
	}
}

static void
check(const char *method, const char *target, const char *body, const char *expected)
{
	BUF_AUTO out = BUF_INIT;

	run(str_c(method), target, "application/json", str_c(body), &out);
	if (strncmp(buf_z(&out), expected, strlen(expected)) != 0 || (!strchr(expected, ':') && strlen(expected) != out.n))
		fail_msg("%s %s %s:\n  %s\nnot\n  %s", method, target, body, buf_z(&out), expected);
}

static void
test_routes(void **state)
{
	(void)state;
	check("GET", "/healthz", "", "healthz ");
	check("GET", "/api/v1/domains", "", "domains ");
	check("GET", "/api/v1/products/stores.sales", "", "product product=stores.sales;");
	check("GET", "/api/v1/products/a%2Fb/contract", "", "product_contract product=a/b;");
	check("DELETE", "/api/v1/grants/grt_x", "", "grant_revoke grant=grt_x;");
	check("GET", "/api/v1/logs/journal/files/tile/0/000.p/5", "", "log_file log=journal;path=tile/0/000.p/5;");
	check("GET", "/api/v1/logs/x/files/checkpoint", "", "log_file log=x;path=checkpoint;");
	check("GET", "/api/v1/logs/x/files/a%2Fb", "", "INVALID: the path holds an escaped");
	check("GET", "/api/v1/logs/x/files", "", "NOT_FOUND:");
	check("GET", "/api/v1/logs/x/files/", "", "INVALID: path:");
	check("GET", "/", "", "NOT_FOUND:");
	check("GET", "/api/v1", "", "NOT_FOUND:");
	check("GET", "/api/v1/domains/", "", "NOT_FOUND:");
	check("GET", "//api/v1/domains", "", "NOT_FOUND:");
	check("GET", "/API/v1/domains", "", "NOT_FOUND:");
	check("GET", "/api/v1/products//contract", "", "NOT_FOUND:");
	check("GET", "/api/v1/products/x/other", "", "NOT_FOUND:");
	check("DELETE", "/api/v1/domains", "", "405 POST, GET");
	check("HEAD", "/healthz", "", "405 GET");
	check("OPTIONS", "/api/v1/grants/x", "", "405 GET, DELETE");
	check("get", "/healthz", "", "405 GET");
}

static void
test_query_arguments(void **state)
{
	(void)state;
	check("GET", "/api/v1/products?q=a+b", "", "products q=a b;");
	check("GET", "/api/v1/products?q=", "", "products q=;");
	check("GET", "/api/v1/products?q=a&q=b", "", "INVALID: q: given more than once");
	check("GET", "/api/v1/products?x=1", "", "INVALID: the parameter 'x' is not known here");
	check("GET", "/api/v1/journal?from=0&limit=1000", "", "journal from=0;limit=1000;");
	check("GET", "/api/v1/journal?limit=1001", "", "INVALID: limit:");
	check("GET", "/api/v1/journal?limit=-1", "", "INVALID: limit:");
	check("GET", "/api/v1/journal?limit=1e3", "", "INVALID: limit:");
	check("GET", "/api/v1/journal?limit=", "", "INVALID: limit:");
	check("GET", "/api/v1/explain?principal=anna", "", "INVALID: table: missing");
	check("GET", "/api/v1/explain?principal=a%0Ab&table=t", "", "INVALID: principal: one line");
	check("GET", "/api/v1/explain?principal=&table=t", "", "INVALID: principal: one line");
}

static void
test_body_arguments(void **state)
{
	(void)state;
	check("POST", "/api/v1/domains", "{\"name\":\"stores\",\"owner\":\"olga\"}", "domain_add name=stores;owner=olga;");
	check("POST", "/api/v1/domains", "{\"name\":\"stores\"}", "INVALID: owner: missing");
	check("POST", "/api/v1/domains", "{\"name\":\"stores\",\"owner\":null}", "INVALID: owner: missing");
	check("POST", "/api/v1/domains", "", "INVALID: name: missing");
	check("POST", "/api/v1/domains", "{\"name\":\"St\",\"owner\":\"olga\"}", "INVALID: name: 'St' is not a name");
	check("POST", "/api/v1/domains", "{\"name\":7,\"owner\":\"olga\"}", "INVALID:");
	check("POST", "/api/v1/domains", "{\"name\":\"a\",\"owner\":\"b\",\"extra\":1}", "INVALID: the member 'extra' is not known here");
	check("POST", "/api/v1/domains", "{\"name\":\"a\",\"name\":\"b\",\"owner\":\"c\"}", "INVALID: JSON:");
	check("POST", "/api/v1/domains", "[]", "INVALID: the body must be a JSON object");
	check("POST", "/api/v1/domains", "{", "INVALID: JSON:");
	check("POST", "/api/v1/domains?name=x", "{\"name\":\"a\",\"owner\":\"b\"}", "INVALID: the parameter 'name'");
	check("POST", "/api/v1/users", "{\"name\":\"a\",\"domain\":\"b\",\"role\":\"analyst\"}", "user_add name=a;domain=b;role=analyst;");
	check("POST", "/api/v1/users", "{\"name\":\"a\",\"domain\":\"b\",\"role\":\"king\"}", "INVALID: role: 'king' is not known; use one of owner, engineer");
	check("POST", "/api/v1/requests/r1/approve", "", "request_approve request=r1;");
	check("POST", "/api/v1/requests/r1/approve",
	      "{\"masks\":{\"household_id\":\"hash\",\"x y\":\"null\"},\"hide\":[\"a\",\"b\"],\"rows\":\"a = 1\\nAND b = 2\"}",
	      "request_approve request=r1;rows=a = 1\nAND b = 2;masks=[household_id,hash,x y,null];hide=[a,b];");
	check("POST", "/api/v1/requests/r1/approve", "{\"request\":\"r2\"}", "INVALID: the member 'request'");
	check("POST", "/api/v1/requests/r1/approve", "{\"masks\":{\"a\":\"rot13\"}}", "INVALID: masks: 'rot13'");
	check("POST", "/api/v1/requests/r1/approve", "{\"masks\":[\"a\"]}", "INVALID: masks: an object");
	check("POST", "/api/v1/requests/r1/approve", "{\"hide\":\"a\"}", "INVALID: hide: a list");
	check("POST", "/api/v1/requests/r1/approve", "{\"hide\":[\"\"]}", "INVALID: hide: a text is empty");
	check("POST", "/api/v1/requests/r1/approve", "{\"hide\":[]}", "request_approve request=r1;hide=[];");
	check("POST", "/api/v1/products", "{\"contract\":\"x: y\",\"data\":{\"t\":[\"u1\",\"u2\"],\"v\":[\"u3\"]},\"names\":{\"u1\":\"a.parquet\"}}",
	      "publish contract=x: y;data=[t,u1,t,u2,v,u3];names=[u1,a.parquet];");
	check("POST", "/api/v1/products", "{\"contract\":\"x\",\"data\":{\"t\":\"u1\"}}", "INVALID: data: a list");
	check("POST", "/api/v1/restrictions", "{\"product\":\"a.b\",\"suspend\":true}", "restriction_add product=a.b;suspend=true;");
	check("POST", "/api/v1/restrictions", "{\"suspend\":\"true\"}", "INVALID: suspend: true or false");
	check("POST", "/api/v1/query", "{\"sql\":\"SELECT 1\",\"format\":\"csv\"}", "query sql=SELECT 1;format=csv;");
	check("POST", "/api/v1/query", "{\"sql\":\"SELECT '\\u0000'\"}", "INVALID: JSON:");
}

static void
test_media_type_and_sizes(void **state)
{
	static const char *const types[] = {"", "text/plain", "application/x-www-form-urlencoded", "application/jsonx", "multipart/form-data"};
	Str body = S("{\"name\":\"a\",\"owner\":\"b\"}");
	BUF_AUTO out = BUF_INIT;
	BUF_AUTO big = BUF_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		out.n = 0;
		run(S("POST"), "/api/v1/domains", types[i], body, &out);
		assert_true(str_starts(buf_view(&out), S("INVALID: the body must be JSON")));
	}
	out.n = 0;
	run(S("POST"), "/api/v1/domains", "Application/JSON; charset=utf-8", body, &out);
	assert_string_equal(buf_z(&out), "domain_add name=a;owner=b;");
	buf_c(&big, "{\"sql\":\"");
	while (big.n < 201000) buf_c(&big, "xxxxxxxxxx");
	buf_c(&big, "\"}");
	out.n = 0;
	run(S("POST"), "/api/v1/query", "application/json", buf_view(&big), &out);
	assert_true(str_starts(buf_view(&out), S("INVALID: sql:")));
	big.n = 0;
	for (int i = 0; i < 20; i++) buf_c(&big, "{\"a\":");
	out.n = 0;
	run(S("POST"), "/api/v1/query", "application/json", buf_view(&big), &out);
	assert_true(str_starts(buf_view(&out), S("INVALID: JSON: nested")));
}

/* What the edge lets through is what the modules behind it know. */
static void
test_choices_agree(void **state)
{
	const char *const *roles = api_kind_values(PARAM_ROLE), *const *masks = api_kind_values(PARAM_MASK);

	(void)state;
	for (int i = 0; i < ROLE_COUNT; i++) assert_string_equal(roles[i], role_name((enum role)i));
	assert_null(roles[ROLE_COUNT]);
	for (int i = 0; i < MASK_KIND_COUNT; i++) {
		bool known = false;
		for (size_t k = 0; masks[k]; k++) known |= strcmp(masks[k], mask_name((enum mask_kind)i)) == 0;
		assert_true(known);
	}
	assert_null(masks[MASK_KIND_COUNT]);
}

static void
test_args_decode_strictly(void **state)
{
	ARENA_AUTO arena = ARENA_INIT;
	Str list[] = {S("a"), S("\0\0\0\1x\0\0\0\2yz"), S("cut"), S("\0\0\0\1x\0\0\0\3yz"), S("n"), S("12"), S("b"), S("true")};
	struct api_args args = {{list, ARRAY_LEN(list)}};

	(void)state;
	assert_int_equal(api_arg_list(&args, &arena, "a").n, 2);
	assert_true(str_eqc(api_arg_list(&args, &arena, "a").v[1], "yz"));
	assert_int_equal(api_arg_list(&args, &arena, "cut").n, 1);
	assert_int_equal(api_arg_list(&args, &arena, "none").n, 0);
	assert_int_equal(api_arg_u64(&args, "n", 5), 12);
	assert_int_equal(api_arg_u64(&args, "none", 5), 5);
	assert_true(api_arg_bool(&args, "b"));
	assert_false(api_arg_bool(&args, "none"));
	assert_null(api_arg_str(&args, "none").p);
}

/* How many references within the document lead nowhere. */
static size_t
dangling(const json_t *root, const json_t *v)
{
	size_t n = 0, i;
	const char *key;
	json_t *item;

	if (json_is_array(v))
		json_array_foreach(v, i, item) n += dangling(root, item);
	json_object_foreach((json_t *)(uintptr_t)v, key, item) {
		n += dangling(root, item);
		if (strcmp(key, "$ref") != 0) continue;
		char kind[64] = "", name[64] = "";
		sscanf(json_string_value(item), "#/components/%63[^/]/%63s", kind, name);
		n += !json_object_get(json_object_get(json_object_get(root, "components"), kind), name);
	}
	return n;
}

/* Every path parameter is an argument and the other way round; no two operations share a method and path; the document has each. */
static void
test_table_and_document_agree(void **state)
{
	static const struct json_limits limits = {.bytes = 1 << 20};
	ARENA_AUTO arena = ARENA_INIT;
	struct ctx c = {.arena = &arena};
	BUF_AUTO text = BUF_INIT;
	JSON_AUTO *doc = NULL;
	json_t *paths, *item;
	const char *key;
	size_t operations = 0;

	(void)state;
	for (size_t i = 0; i < ROUTE_COUNT; i++) {
		size_t braces = 0, path_params = 0;
		for (const char *p = api_routes[i].path; *p; p++) braces += *p == '{';
		for (size_t k = 0; k < api_routes[i].param_count; k++) {
			const struct api_param *p = &api_routes[i].params[k];
			char brace[80];
			if (p->place == PARAM_BODY) assert_int_equal(api_routes[i].body, API_BODY_JSON);
			if (p->place != PARAM_PATH) continue;
			path_params++;
			snprintf(brace, sizeof brace, "{%s%s}", p->name, p->kind == PARAM_REST ? "..." : "");
			if (!strstr(api_routes[i].path, brace)) fail_msg("%s: no %s in the path", api_routes[i].name, brace);
		}
		assert_int_equal(braces, path_params);
		for (size_t k = 0; k < i; k++)
			assert_true(strcmp(api_routes[i].path, api_routes[k].path) != 0 || strcmp(api_routes[i].method, api_routes[k].method) != 0);
	}
	api_openapi(&text);
	Err e = json_read(&c, buf_view(&text), limits, &doc);
	if (!err_ok(e)) fail_msg("%s", c.detail);
	assert_true(err_ok(json_obj(&c, doc, "paths", &paths)));
	json_object_foreach(paths, key, item) operations += json_object_size(item);
	assert_int_equal(operations, ROUTE_COUNT);
	assert_int_equal(dangling(doc, doc), 0);
	json_t *schemas = json_object_get(json_object_get(doc, "components"), "schemas");
	json_object_del(schemas, "Column");
	assert_int_equal(dangling(doc, doc), 1); /* it would be noticed */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_routes),
	    cmocka_unit_test(test_query_arguments),
	    cmocka_unit_test(test_body_arguments),
	    cmocka_unit_test(test_media_type_and_sizes),
	    cmocka_unit_test(test_choices_agree),
	    cmocka_unit_test(test_args_decode_strictly),
	    cmocka_unit_test(test_table_and_document_agree),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
