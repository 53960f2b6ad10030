/* Hostile statements made at random, the same for the same seed and number: every overload of every function of the engine in turn, and
 * classes of everything else that SQL has. Whether the gate lets one through does not matter: a refusal has to be the same, too. */
#ifndef HEDDLE_TEST_QUERY_LEAK_RANDOM_H
#define HEDDLE_TEST_QUERY_LEAK_RANDOM_H

#include <jansson.h>

#include "leak_fixed.h"
#include "leak_world.h"

struct fn { const char *name, *kind; const char *types[8]; size_t count; bool hit, answered; };

struct gen {
	uint64_t state;
	struct arena *a;
	struct fn *fns;
	size_t fn_count;
	unsigned depth;
	char main; /* the table that most of the statement is about: t, s, u */
};

#define CLASSES(X)                                                                                                             \
	X(by_hand) X(function) X(function_without_gate) X(cast) X(lambda) X(window) X(sample) X(pivot) X(recursive) X(names) X(joins) X(groups) X(stars) X(nested)  \
	X(parameters) X(errors) X(explain) X(hidden) X(subqueries) X(sets) X(order) X(ctes) X(other_statements) X(catalogs) X(whole)
enum leak_class {
#define X(name) CLASS_##name,
	CLASSES(X)
#undef X
	CLASS_COUNT
};
static const char *const class_names[] = {
#define X(name) #name,
	CLASSES(X)
#undef X
};

/* --- chance --- */

static inline uint64_t
chance(struct gen *g)
{
	uint64_t z = (g->state += UINT64_C(0x9e3779b97f4a7c15)); /* splitmix64 */

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}
#define PICK(g, list) ((list)[chance(g) % ARRAY_LEN(list)])
#define ONE_OF(g, ...)                                                                                                         \
	__extension__({                                                                                                        \
		static const char *const of_[] = {__VA_ARGS__};                                                                \
		of_[chance(g) % ARRAY_LEN(of_)];                                                                               \
	})
#define T(g, ...) arena_printf((g)->a, __VA_ARGS__).p /* text, in the arena */

/* --- values --- */

/* A column of the statement's table. */
#define COLUMN(g, t, s, u)                                                                                                     \
	__extension__({                                                                                                        \
		static const char *const t_[] = {t}, *const s_[] = {s}, *const u_[] = {u};                                     \
		(g)->main == 't' ? PICK(g, t_) : (g)->main == 's' ? PICK(g, s_) : PICK(g, u_);                                 \
	})
#define OF(...) __VA_ARGS__

static inline const char *
number(struct gen *g)
{
	if (chance(g) % 2) return COLUMN(g, OF("id", "amount"), OF("amount", "pieces", "weight"), OF("id", "ti", "de", "hu", "fl"));
	if (g->main == 't' && chance(g) % 2)
		return ONE_OF(g, "length(name)", "id - 35", "amount - 20.25", "id % 7", "try_cast(name AS INTEGER)", "name::INTEGER", "level", "(amount * 1e300)", "card::BIGINT");
	return ONE_OF(g, "0", "1", "-1", "2.5", "NULL", "1e308", "'nan'::DOUBLE", "'-inf'::DOUBLE", "127::TINYINT", "9223372036854775807", "rowid", "length(region)");
}

static inline const char *
text(struct gen *g)
{
	if (chance(g) % 2) return COLUMN(g, OF("name", "note", "card", "code", "region", "gone", "flat"), OF("region"), OF("nu", "region"));
	if (g->main == 't' && chance(g) % 2) return ONE_OF(g, "name || note", "left(note, 3)", "secret", "id::VARCHAR", "born::VARCHAR", "upper(name)");
	return ONE_OF(g, "'SSN-17'", "'%SSN%'", "''", "'('", "'[a-z]+'", "'é☃'", "upper(region)", "repeat(region, 2)", "'day'", "'%d'", "'1999-01-01'", "'{\"a\": 1}'", "'$.a'", "NULL::VARCHAR", "'\\xAA'", "'a' || chr(0)", "'1'");
}

/* Where that is not one of the statement's table the answer is a refusal; so are some of the answers that there should be. */
static inline const char *
day_of(struct gen *g)
{
	if (chance(g) % 2) return COLUMN(g, OF("born"), OF("day"), OF("ts::DATE"));
	return ONE_OF(g, "DATE '2020-02-29'", "'infinity'::DATE", "DATE '1999-01-01'", "region::DATE");
}

/* Of a type as duckdb_functions() writes it. */
static inline const char *
value(struct gen *g, const char *type)
{
	if (strstr(type, "[]")) {
		static const char *const made[] = {"[]", "NULL", "[region]", "range(3)", "[1, 2]", "[1.0, NULL]"};
		if (chance(g) % 3 == 0) return PICK(g, made);
		return COLUMN(g, OF("[name, note]", "[id, amount]", "[name::INTEGER]", "string_split(note, ':')", "[amount, 1.0]", "[[id], [1]]"), OF("[amount, pieces]", "[region]", "[weight]"), OF("li", "[id, ti]", "[nu]"));
	}
	if (strstr(type, "[")) return COLUMN(g, OF("[amount, 1.0, 2.0]::DOUBLE[3]", "[1, 2, 3]::FLOAT[3]"), OF("[amount, weight, 0.5]::DOUBLE[3]"), OF("[fl, de, 0.5]::DOUBLE[3]", "[fl, 1, 2]::FLOAT[3]"));
	if (strstr(type, "LAMBDA")) return ONE_OF(g, "x -> x", "lambda x: x", "(x, i) -> x + i", "(a, b) -> a || b", "x -> x::INTEGER", "x -> x > id", "(a, b) -> a // b", "x -> name");
	if (strstr(type, "STRUCT")) return COLUMN(g, OF("{'a': id, 'b': name}", "row(name, id)", "{'a': name::INTEGER}", "{'year': id, 'month': 1, 'day': 1}"), OF("{'a': amount, 'b': region}"), OF("st", "{'a': nu}"));
	if (strstr(type, "MAP")) return COLUMN(g, OF("MAP {name: id}", "MAP([name], [note])", "MAP([region, name], [1, 2])"), OF("MAP {region: amount}"), OF("ma", "MAP([nu], [id])"));
	if (strstr(type, "CHAR") || strstr(type, "JSON")) return text(g);
	if (strstr(type, "BLOB") || strstr(type, "BIT")) return COLUMN(g, OF("name::BLOB", "'0101'::BIT", "name::BIT", "encode(note)", "id::BIT"), OF("encode(region)", "amount::BIGINT::BIT"), OF("bl", "encode(nu)", "id::BIT"));
	if (strstr(type, "TIMESTAMP")) return COLUMN(g, OF("born::TIMESTAMP", "TIMESTAMP '1999-01-01 10:00:00'", "name::TIMESTAMP", "born + to_days(id::INTEGER)"), OF("day::TIMESTAMP", "'infinity'::TIMESTAMP"), OF("ts", "tz"));
	if (strstr(type, "DATE")) return day_of(g);
	if (strstr(type, "TIME")) return COLUMN(g, OF("TIME '10:00:00'", "name::TIME"), OF("TIME '10:00:00'"), OF("ti2", "ts::TIME"));
	if (strstr(type, "INTERVAL")) return COLUMN(g, OF("to_days(id::INTEGER)", "INTERVAL 1 MONTH", "name::INTERVAL", "INTERVAL (amount) HOUR"), OF("to_days(pieces::INTEGER)", "INTERVAL 1 MONTH"), OF("to_hours(id)", "INTERVAL (ti) DAY"));
	if (strstr(type, "BOOL")) return COLUMN(g, OF("id > 50", "name LIKE '%1%'", "name::INTEGER > 3", "region = 'EU'", "true", "NULL::BOOLEAN"), OF("amount > 9", "region = 'EU'"), OF("bo", "id > 5"));
	if (strstr(type, "UUID")) return COLUMN(g, OF("md5(name)::UUID", "name::UUID"), OF("md5(region)::UUID"), OF("uu"));
	if (strstr(type, "INT") || strstr(type, "DOUBLE") || strstr(type, "DECIMAL") || strstr(type, "FLOAT") || strstr(type, "NUM")) return number(g);
	return chance(g) % 2 ? text(g) : number(g);
}

static inline const char *
call(struct gen *g, const struct fn *f)
{
	const char *args = "";
	size_t n = f->count + (f->count && chance(g) % 12 == 0 ? chance(g) % 3 : 0); /* some take any number */

	for (size_t i = 0; i < n; i++) args = T(g, "%s%s%s", args, i ? ", " : "", value(g, f->types[i < f->count ? i : f->count - 1]));
	return T(g, "\"%s\"(%s)", f->name, args);
}

static inline bool
among(const char *name, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(name, list[i]) == 0) return true;
	return false;
}

/* Other at each call, whatever the data: shown only whether it is there. */
static inline bool
changes(const char *name)
{
	static const char *const list[] = {"random", "setseed", "uuid", "gen_random_uuid", "uuidv4", "uuidv7", "now", "today", "current_date", "current_time", "current_timestamp", "current_localtime", "current_localtimestamp",
	                                   "get_current_timestamp", "get_current_time", "transaction_timestamp", "txid_current", "current_connection_id", "current_query_id", "current_transaction_id", "age", "pg_postmaster_start_time",
	                                   "pg_conf_load_time", "clock_timestamp", "localtimestamp", "localtime"};

	return among(name, list, ARRAY_LEN(list));
}

/* Makes as many values, or as long ones, as it is told. */
static inline bool
swells(const char *name)
{
	static const char *const list[] = {"range", "generate_series", "repeat", "repeat_row", "lpad", "rpad", "list_resize", "array_resize", "bitstring", "bar", "sleep_ms", "format", "printf", "test_all_types", "test_vector_types",
	                                   "factorial", "!__postfix", "generate_subscripts", "equi_width_bins", "to_base", "summary", "sleep"};

	return among(name, list, ARRAY_LEN(list));
}

static inline const char *
scalar(struct gen *g)
{
	static const char *const kinds[] = {"BIGINT", "VARCHAR", "DATE", "BOOL", "T[]", "STRUCT", "ANY"};

	if (g->main == 't' && chance(g) % 3 == 0) return PICK(g, scalars);
	for (int i = 0; i < 8 && chance(g) % 3; i++) {
		const struct fn *f = &g->fns[chance(g) % g->fn_count];
		if (strcmp(f->kind, "scalar") == 0 && !changes(f->name) && !swells(f->name) && strncmp(f->name, "pg_", 3) != 0) return call(g, f);
	}
	return value(g, PICK(g, kinds));
}

/* --- templates: {t} table {n} number {x} text {d} date {e} scalar {b} condition {a} aggregate {y} type {c} column {i} small number {v} constant --- */

static inline const char *expand(struct gen *g, const char *template);

static inline const char *
part(struct gen *g, char kind)
{
	switch (kind) {
	case 't': return chance(g) % 8 ? T(g, "d.p.%c", g->main) : ONE_OF(g, "d.p.t", "d.p.s", "d.p.u");
	case 'n': return number(g);
	case 'x': return text(g);
	case 'd': return value(g, "DATE");
	case 'e': return scalar(g);
	case 'b': return expand(g, ONE_OF(g, "{e} IS NOT NULL", "{n} > {n}", "{x} LIKE {x}", "{x} = {x}", "{c} IN (SELECT {c} FROM {t})", "{e} IS DISTINCT FROM {e}", "{n} BETWEEN {n} AND {n}", "NOT ({x} ~ {x})", "{c} IS NULL"));
	case 'a':
		return expand(g, ONE_OF(g, "count({e})", "min({e})", "max({e})", "list({e})", "any_value({e})", "count(DISTINCT {e})", "approx_count_distinct({e})", "mode({e})", "sum({n})", "avg({n})", "first({e})", "string_agg({x}, ',')",
		                        "entropy({x})", "histogram({c})", "median({n})", "quantile_cont({n}, 0.5)", "bool_or({b})", "arg_max(id, {e})", "count(*) FILTER (WHERE {b})", "stddev({n})", "corr({n}, {n})", "bitstring_agg(id::INTEGER, 0, 2000)", "product({n})"));
	case 'y':
		return ONE_OF(g, "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT", "FLOAT", "DOUBLE", "DECIMAL(4,2)", "DECIMAL(38,37)", "BOOLEAN", "VARCHAR", "DATE", "TIME",
		              "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMPTZ", "TIMETZ", "INTERVAL", "UUID", "BLOB", "BIT", "JSON", "INTEGER[]", "VARCHAR[]", "INTEGER[3]", "STRUCT(a INTEGER, b DATE)",
		              "MAP(VARCHAR, INTEGER)", "ENUM('1', '2', 'EU')", "UNION(n INTEGER, s VARCHAR)", "BIGNUM", "VARIANT", "nosuch", "GEOMETRY");
	case 'c':
		if (chance(g) % 8 == 0) return ONE_OF(g, "secret", "level", "household_id", "name", "rowid", "filename", "file_row_number", "file_index", "pieces", "id");
		return COLUMN(g, OF("id", "region", "name", "amount", "note", "card", "born", "code", "gone", "flat"), OF("region", "day", "amount", "pieces", "weight"),
		              OF("id", "ti", "de", "hu", "fl", "bo", "ts", "tz", "ti2", "bl", "uu", "li", "st", "ma", "nu", "region"));
	case 'i': return ONE_OF(g, "0", "1", "2", "3", "5", "7", "50", "100", "-1");
	case 'v': return ONE_OF(g, "'EU'", "'UK'", "'US'", "'XX'", "'1'", "'SSN-17'", "'13'", "'***'", "5", "15", "1000", "5000", "DATE '1999-01-01'", "NULL", "'é☃'", "10", "10.0");
	default: abort();
	}
}

static inline const char *
expand(struct gen *g, const char *template)
{
	BUF_AUTO b = BUF_INIT;

	if (++g->depth > 12) template = ONE_OF(g, "id", "region", "1");
	for (const char *p = template; *p; p++) {
		if (p[0] == '{' && p[1] && p[2] == '}' && strchr("tnxdebayciv", p[1])) {
			buf_c(&b, part(g, p[1]));
			p += 2;
		} else {
			buf_char(&b, *p);
		}
	}
	g->depth--;
	return arena_str(g->a, buf_view(&b)).p;
}

static const char *const casts[] = {
    "SELECT {e}::{y} FROM {t}", "SELECT count({e}::{y}) FROM {t}", "SELECT try_cast({e} AS {y}) FROM {t}", "SELECT count(*) FROM {t} WHERE {c}::{y} IS NOT NULL", "SELECT max({c}::{y}::VARCHAR) FROM {t}", "SELECT {c}::{y}::{y} FROM {t} LIMIT {i}",
    "SELECT [{c}::{y}] FROM {t}", "SELECT CAST({e} AS {y}) = {v} FROM {t}", "SELECT TRY({e}::{y}) FROM {t}", "SELECT {c}::{y} AS q, count(*) FROM {t} GROUP BY q ORDER BY q LIMIT 9", "SELECT ({c}, {c})::STRUCT(a {y}, b {y}) FROM {t}",
};
static const char *const lambdas[] = {
    "SELECT list_transform([{e}, {e}], x -> x::{y}) FROM {t}", "SELECT list_filter([{x}], x -> x::INTEGER > {n}) FROM {t}", "SELECT list_reduce([{n}, {n}], (a, b) -> a // b) FROM {t}", "SELECT list_transform([1, 2], lambda x: x / ({n})) FROM {t}",
    "SELECT [x::INTEGER FOR x IN [{x}, {x}] IF x <> {v}] FROM {t}", "SELECT list_transform(range({i}), i -> {e}) FROM {t}", "SELECT list_apply(string_split({x}, {x}), s -> s || {x}) FROM {t}", "SELECT count(*) FROM {t} WHERE len(list_filter([{c}], q -> q IS NOT NULL)) > 0",
    "SELECT list_transform([{c}], (x, i) -> {e}) FROM {t}", "SELECT list_sort(list_transform([{n}, {n}], x -> -x)) FROM {t}", "SELECT list_reduce([{x}], (a, b) -> a || b, {x}) FROM {t}",
};
static const char *const windows[] = {
    "SELECT {c}, lag({e}) OVER (ORDER BY {c}) FROM {t}", "SELECT sum({n}) OVER (PARTITION BY {c} ORDER BY {c} ROWS BETWEEN {i} PRECEDING AND CURRENT ROW) FROM {t}", "SELECT row_number() OVER () FROM {t}", "SELECT rank() OVER (ORDER BY {e}), ntile(4) OVER (ORDER BY id) FROM {t}",
    "SELECT {c} FROM {t} QUALIFY {a} OVER (PARTITION BY region) > {v} ORDER BY ALL", "SELECT first_value({e}) OVER w, last_value({c}) OVER w FROM {t} WINDOW w AS (ORDER BY {c} RANGE BETWEEN 5 PRECEDING AND 5 FOLLOWING)", "SELECT {a} OVER (PARTITION BY {c}) FROM {t}",
    "SELECT nth_value({c}, {i}) OVER (ORDER BY id), lead({c}, {i}, {v}) OVER (ORDER BY id) FROM {t}", "SELECT {a} OVER (ORDER BY {c} ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE CURRENT ROW) FROM {t}", "SELECT cume_dist() OVER (ORDER BY {c}), percent_rank() OVER (PARTITION BY {c} ORDER BY {c}) FROM {t}",
    "SELECT count(*) OVER (ORDER BY born RANGE BETWEEN INTERVAL 1 YEAR PRECEDING AND CURRENT ROW) FROM {t}", "SELECT {a} OVER (ORDER BY id GROUPS {i} PRECEDING) FROM {t}",
};
static const char *const samples[] = {
    "SELECT {c} FROM {t} TABLESAMPLE reservoir({i} ROWS) REPEATABLE (7)", "SELECT {a} FROM {t} USING SAMPLE 50 PERCENT (bernoulli, {i})", "FROM {t} USING SAMPLE 20 PERCENT (system, 3)", "SELECT {c} FROM {t} USING SAMPLE 10 ROWS (reservoir, 1)",
    "SELECT count(*) FROM (FROM {t} TABLESAMPLE 30% (bernoulli) REPEATABLE (42)) q WHERE {b}", "SELECT * FROM {t} a, {t} b USING SAMPLE 5 ROWS (reservoir, 9)", "SELECT {c} FROM {t} USING SAMPLE 0 PERCENT (bernoulli, 1)", "SELECT {c} FROM {t} USING SAMPLE 200 PERCENT (bernoulli, 1)",
};
static const char *const pivots[] = {
    "SELECT * FROM (SELECT {c} AS k, {n} AS v FROM {t}) PIVOT ({a} FOR k IN ('EU', 'US', 'UK', 'XX'))", "PIVOT {t} ON region USING {a}", "PIVOT {t} ON {c} USING sum({n}) GROUP BY {c}", "FROM (SELECT name, note, id FROM {t}) UNPIVOT (v FOR n IN (name, note)) ORDER BY ALL LIMIT 9",
    "UNPIVOT {t} ON {c}, {c} INTO NAME n VALUE v", "UNPIVOT (SELECT {c}::VARCHAR AS a, {c}::VARCHAR AS b FROM {t}) ON COLUMNS(*) INTO NAME n VALUE v", "FROM {t} UNPIVOT INCLUDE NULLS (v FOR n IN ({c}, {c}))", "SELECT * FROM (SELECT region AS k, {c} AS o, {n} AS v FROM {t}) PIVOT (sum(v) AS s, count(*) AS c FOR k IN ('EU', 'UK') GROUP BY o) ORDER BY ALL",
    "SELECT * FROM {t} PIVOT (count(*) FOR region IN (SELECT DISTINCT region FROM {t}))",
};
static const char *const recursives[] = {
    "WITH RECURSIVE r AS (SELECT 0 AS n UNION ALL SELECT n + 1 FROM r WHERE n < (SELECT least(count(*), 200) FROM {t})) SELECT max(n) FROM r", "WITH RECURSIVE r(id, n) AS (SELECT id, 0 FROM {t} WHERE {b} UNION SELECT t.id, n + 1 FROM {t} t JOIN r ON t.id = r.id + 10 WHERE n < 5) SELECT count(*), max(id) FROM r",
    "WITH RECURSIVE r(n, s) AS (SELECT 1, '' UNION ALL SELECT n + 1, s || (SELECT coalesce(any_value({x}), '') FROM {t} WHERE id = n * 10) FROM r WHERE n < 9) SELECT s FROM r", "WITH RECURSIVE r AS (SELECT {e} AS v, 1 AS n FROM {t} UNION ALL SELECT v, n + 1 FROM r WHERE n < 3) SELECT {a} FROM r",
    "WITH RECURSIVE r(a, b) USING KEY (a) AS (SELECT id, {n} FROM {t} UNION SELECT a, b FROM r WHERE a < 0) SELECT * FROM r ORDER BY ALL LIMIT 20",
};
static const char *const namings[] = {
    "SELECT \"{c}\" FROM {t}", "SELECT \"SECRET\" FROM D.P.T", "select ID, Region From d.P.t", "SELECT \"d\".\"p\".\"t\".\"{c}\" FROM \"d\".\"p\".\"t\"", "SELECT id AS \"☃ \"\"x\"\"\" FROM {t}", "SELECT id /* {c} */ FROM {t} -- secret", "SELECT/**/id/**/FROM/**/d.p.t",
    "SELECT é FROM {t}", "SELECT id AS é, name AS \"\xe2\x80\xae\" FROM {t}", "SELECT U&'\\0073ecret' FROM {t}", "SELECT E'\\x41' || {x} FROM {t}", "SELECT $${c}$$ || name FROM {t}", "SELECT $a$x$a$ FROM {t}", "SELECT id FROM d.p.\"t\" t; ", ";SELECT 1", "SELECT t.\"id\" FROM d.p.t AS \"t\"",
    "SELECT \"id \" FROM {t}", "SELECT s\xc2\xa0" "ecret FROM {t}", "SELECT [id] FROM {t}", "SELECT `{c}` FROM {t}", "SELECT \"\" FROM {t}", "SELECT id FROM \"d.p.t\"", "SELECT id FROM d.\"p.t\"", "SELECT 'a' 'b' FROM {t}", "SELECT N'{c}' FROM {t}", "SELECT id FROM d.p.t_", "SELECT id FROM d..t",
    "SELECT 0x1F + id, 1_000 * id, .5 * id FROM {t}", "SELECT {c} COLLATE NOCASE FROM {t} ORDER BY 1", "SELECT max({x} COLLATE NOACCENT) FROM {t}", "SELECT secrét FROM {t}", "SELECT ſecret FROM {t}", "FROM {t} SELECT {c},", "SELECT \xff FROM {t}",
};
static const char *const joins[] = {
    "SELECT count(*) FROM {t} a JOIN {t} b ON a.{c} = b.{c}", "SELECT a.{c}, b.{c} FROM {t} a POSITIONAL JOIN {t} b", "SELECT a.id, b.region FROM d.p.t a ASOF JOIN {t} b ON a.region = b.region AND a.amount >= b.{c} ORDER BY ALL LIMIT 20", "SELECT count(*) FROM {t} a NATURAL JOIN {t} b",
    "SELECT count(*) FROM {t} a JOIN {t} b USING ({c})", "SELECT a.{c} FROM {t} a LEFT JOIN {t} b ON a.{c} = b.{c}::VARCHAR ORDER BY ALL LIMIT 30", "SELECT a.id FROM d.p.t a SEMI JOIN {t} b ON a.region = b.region ORDER BY 1", "SELECT {a} FROM d.p.t a ANTI JOIN d.p.u b ON a.name = b.nu",
    "SELECT count(*) FROM {t} a, LATERAL (SELECT a.{c} AS q, {e} AS r FROM {t} LIMIT 2) z WHERE q IS NOT NULL", "SELECT count(*) FROM {t} a FULL JOIN {t} b ON a.{c} > b.{c}", "SELECT a.id, q FROM d.p.t a, unnest(string_split({x}, '1')) u(q) ORDER BY ALL LIMIT 40", "SELECT count(*) FROM {t}, json_each(note)",
    "SELECT count(*) FROM {t} a CROSS JOIN d.p.u b WHERE {b}", "SELECT * FROM {t} a ASOF LEFT JOIN {t} b ON a.{c} > b.{c}", "SELECT count(*) FROM (FROM {t} WHERE {b}) a JOIN (FROM {t} WHERE {b}) b ON a.region = b.region", "SELECT z.x FROM d.p.t a, generate_series(0, {i}) z(x) WHERE a.id = z.x",
};
static const char *const groupings[] = {
    "SELECT {c}, {c}, count(*) FROM {t} GROUP BY GROUPING SETS ((1), (2), ()) ORDER BY ALL", "SELECT {c} AS k, {a}, grouping(k) FROM {t} GROUP BY ROLLUP (k) ORDER BY ALL", "SELECT {c} AS a, {c} AS b, {a} FROM {t} GROUP BY CUBE (a, b) ORDER BY ALL", "SELECT {c}, {a} FROM {t} GROUP BY ALL ORDER BY ALL",
    "SELECT region, {a} FROM {t} GROUP BY region HAVING {a} > {v} ORDER BY ALL", "SELECT count(*) FROM {t} GROUP BY {e} ORDER BY 1", "SELECT DISTINCT ON ({c}) {c}, {c} FROM {t} ORDER BY ALL", "SELECT {a}, {a} FROM {t}", "SELECT {a} FROM {t} WHERE {b}", "SELECT region, {a} FROM {t} WHERE {b} GROUP BY 1 ORDER BY 1",
    "SELECT grouping_id(region) FROM {t} GROUP BY GROUPING SETS ((region), ())", "SELECT {a} FROM {t} GROUP BY ()",
};
static const char *const stars[] = {
    "SELECT COLUMNS('{c}') FROM {t}", "SELECT min(COLUMNS(*)), max(COLUMNS(*)) FROM {t}", "SELECT COLUMNS(c -> c LIKE '%e%') FROM {t}", "SELECT * EXCLUDE ({c}) FROM {t}", "SELECT * REPLACE ({e} AS {c}) FROM {t}", "SELECT * RENAME ({c} AS q) FROM {t}", "SELECT * LIKE '%a%' FROM {t}", "SELECT * SIMILAR TO '.*e.*' FROM {t}",
    "SELECT a.*, b.{c} FROM {t} a, (FROM {t} LIMIT 1) b", "SELECT *COLUMNS('.') FROM {t}", "SELECT coalesce(*COLUMNS('{c}|id')) FROM {t}", "SELECT count(COLUMNS(* EXCLUDE ({c}))) FROM {t}", "SELECT t.* FROM d.p.t t WHERE {b}", "SELECT COLUMNS(*)::VARCHAR FROM {t} ORDER BY ALL LIMIT 5", "SELECT COLUMNS(lambda c: c <> 'secret') FROM {t} LIMIT 3",
    "SELECT count(DISTINCT COLUMNS(*)) FROM {t}", "SELECT COLUMNS(['id', '{c}']) FROM {t}", "SELECT sum(COLUMNS('^(id|amount|level)$')) FROM {t}", "FROM {t} WHERE COLUMNS(*) IS NOT NULL", "SELECT #1, #2 FROM {t}", "SELECT struct_pack(*COLUMNS(*)) FROM {t}", "SELECT unnest(t) FROM d.p.t t",
};
static const char *const nestings[] = {
    "SELECT {'a': {e}, 'b': {c}}.a FROM {t}", "SELECT [{e}, {e}][{n}::INTEGER] FROM {t}", "SELECT MAP {region: {c}}['EU'] FROM {t}", "SELECT t.id, t['name'] FROM d.p.t t", "SELECT unnest([{c}, {c}]) FROM {t}", "SELECT unnest({'a': {c}, 'b': {e}}) FROM {t}", "SELECT list({c} ORDER BY {c}) FROM {t}",
    "SELECT to_json(t) FROM d.p.t t LIMIT 3", "SELECT list(s) FROM d.p.s s", "SELECT array_agg({'k': {c}}) FROM {t}", "SELECT map_from_entries(list(({c}::VARCHAR, {c}))) FROM {t}", "SELECT {c}[1:2] FROM {t}", "SELECT li[{n}::BIGINT], st.a, ma[{x}] FROM d.p.u", "SELECT row({c}, {e}) FROM {t}", "SELECT unnest(li, recursive := true) FROM d.p.u",
    "SELECT {c}.{c} FROM {t}", "SELECT t.secret.length() FROM d.p.t t", "SELECT ({x}).upper().left(3) FROM {t}", "SELECT union_value(n := {n}) FROM {t}", "SELECT [[{c}], [{c}]]::VARCHAR FROM {t}", "SELECT struct_extract({'a': {c}}, {x}) FROM {t}", "SELECT (SELECT list({c}) FROM {t})[{i}]",
};
static const char *const parameters[] = {
    "SELECT {c} FROM {t} WHERE id = $1", "SELECT {c} FROM {t} WHERE name = ?", "SELECT $x::{y} FROM {t}", "PREPARE q AS SELECT {c} FROM {t}", "EXECUTE q({n})", "DEALLOCATE q", "SELECT {c} FROM {t} LIMIT ?", "SET VARIABLE v = (SELECT {a} FROM {t})", "SELECT getvariable('v')", "SELECT {c} FROM {t} LIMIT {n}", "SELECT {c} FROM {t} OFFSET (SELECT {n} FROM {t} LIMIT 1)",
    "SELECT * FROM query('SELECT {c} FROM {t}')", "SELECT * FROM query_table('t')", "SELECT * FROM query_table(['d.p.t'])", "FROM (VALUES ({v}, $1)) x", "SELECT json_execute_serialized_sql(json_serialize_sql('SELECT {c} FROM {t}'))",
};
static const char *const failing[] = {
    "SELECT {n} // ({n} - {n}) FROM {t}", "SELECT id::TINYINT FROM {t}", "SELECT {n}::INTEGER * 1000000000 FROM {t}", "SELECT CASE WHEN {b} THEN {x}::INTEGER END FROM {t}", "SELECT error({x}) FROM {t} WHERE {b}", "SELECT sum({n} * 1e308) FROM {t}", "SELECT {n} ** {n} FROM {t}", "SELECT factorial(({n} % 40)::INTEGER) FROM {t}", "SELECT ln({n}), sqrt({n}) FROM {t}",
    "SELECT (SELECT {c} FROM {t})", "SELECT chr({n}::INTEGER) FROM {t}", "SELECT date_trunc({x}, {d}) FROM {t}", "SELECT {d} + to_years(({n})::INTEGER) FROM {t}", "SELECT strptime({x}, {x}) FROM {t}", "SELECT regexp_matches({x}, {x}) FROM {t}", "SELECT {x} LIKE {x} ESCAPE {x} FROM {t}", "SELECT json_extract({x}, {x}) FROM {t}", "SELECT decode({x}::BLOB) FROM {t}",
    "SELECT hamming({x}, {x}) FROM {t}", "SELECT {n} % ({n}) FROM {t}", "SELECT count(*) FROM {t} GROUP BY 1 / ({n})", "SELECT {c} FROM {t} ORDER BY {x}::INTEGER LIMIT 3", "SELECT greatest({e}, {e}) FROM {t}", "SELECT (id << {i}) FROM {t}", "SELECT make_date({n}::INTEGER, {n}::INTEGER, 1) FROM {t}", "SELECT assert({b}) FROM {t}", "SELECT from_hex({x}), unhex({x}), from_base64({x}) FROM {t}",
    "SELECT {c} +", "SELECT {c} FROM {t} WHERE", "SELECT nosuch({c}) FROM {t}", "SELECT {c} FROM {t} HAVING {b}", "SELECT {c}, {a} FROM {t}", "SELECT min({a}) FROM {t}", "SELECT id + name FROM {t}", "SELECT {e} + {e} FROM {t}",
};
static const char *const explains[] = {
    "EXPLAIN SELECT {c} FROM {t} WHERE {b}", "EXPLAIN ANALYZE SELECT {a} FROM {t}", "SUMMARIZE {t}", "SUMMARIZE SELECT {c}, {e} AS q FROM {t}", "DESCRIBE {t}", "DESCRIBE SELECT {e} FROM {t}", "SHOW {t}", "SHOW TABLES", "SHOW ALL TABLES", "SELECT * FROM (SUMMARIZE {t})", "SELECT approx_unique, min, max, q50 FROM (SUMMARIZE SELECT {c} FROM {t})", "SELECT stats({c}) FROM {t} LIMIT 1",
    "SELECT column_name FROM (DESCRIBE {t})", "EXPLAIN (FORMAT json) SELECT count(*) FROM {t}", "SELECT typeof({e}) FROM {t} LIMIT 1", "PRAGMA explain_output = 'all'", "CALL pragma_storage_info('d.p.t')", "SELECT * FROM storage_info('d.p.t')", "SELECT can_cast_implicitly({c}, {c}) FROM {t}", "PRAGMA show('d.p.t')",
};
static const char *const hiddens[] = {
    "SELECT secret FROM {t}", "SELECT t.level FROM d.p.t t", "SELECT count(secret) FROM {t}", "SELECT id FROM {t} WHERE secret = {v}", "SELECT id FROM {t} ORDER BY level", "SELECT max(level) OVER () FROM {t}", "SELECT * EXCLUDE (secret) FROM {t}", "SELECT id AS secret FROM {t} WHERE secret > {n}", "SELECT household_id, name FROM d.p.s", "SELECT {a} FROM d.p.s WHERE household_id = {i}",
    "SELECT sum(amount) FROM d.p.s WHERE name = {x}", "SELECT a.id FROM d.p.t a JOIN d.p.s b ON a.id = b.household_id", "SELECT secret.{c} FROM {t}", "SELECT COLUMNS('secret|level|id') FROM {t}", "SELECT id FROM {t} GROUP BY id, level", "SELECT count(*) FROM d.p.t WHERE EXISTS (FROM d.p.s WHERE household_id = id)", "SELECT struct_pack(secret) FROM {t}", "SELECT any_value(t.secret) FROM d.p.t t",
    "SELECT {c} FROM d.p.base_t", "SELECT {c} FROM base_t", "SELECT {c} FROM 'base_t.parquet'", "SELECT {c} FROM memory.main.copy_1", "FROM d.p.secret", "SELECT {c} FROM d.main.t", "SELECT {c} FROM temp.p.t",
};
static const char *const subqueries[] = {
    "SELECT (SELECT {a} FROM {t}) FROM {t} LIMIT 2", "SELECT EXISTS (SELECT 1 FROM {t} WHERE {b})", "SELECT {c} FROM {t} WHERE {c} = ANY (SELECT {c} FROM {t})", "SELECT {c} FROM {t} WHERE {n} > ALL (SELECT {n} FROM {t})", "SELECT a.id, (SELECT {a} FROM {t} b WHERE b.region = a.region) FROM d.p.t a ORDER BY 1 LIMIT 9", "SELECT count(*) FROM (SELECT {e} AS q FROM {t}) WHERE q IS NOT NULL",
    "SELECT {c} FROM {t} WHERE ({c}, {c}) IN (SELECT {c}, {c} FROM {t})", "SELECT (SELECT {c} FROM {t} WHERE {b} LIMIT 1)", "SELECT ARRAY(SELECT {c} FROM {t} ORDER BY 1)", "SELECT {c} FROM {t} WHERE NOT EXISTS (SELECT 1 FROM {t} q WHERE q.region = {x})", "SELECT 1 WHERE (SELECT count({e}) FROM {t}) > {i}", "SELECT {n} FROM {t} WHERE {n} > (SELECT avg({n}) FROM {t})",
};
static const char *const sets[] = {
    "SELECT {c}::VARCHAR FROM {t} UNION SELECT {c}::VARCHAR FROM {t} ORDER BY 1", "SELECT {c}::VARCHAR FROM {t} EXCEPT SELECT {c}::VARCHAR FROM {t} ORDER BY 1", "SELECT {e} FROM {t} INTERSECT SELECT {e} FROM {t} ORDER BY 1", "SELECT id FROM {t} UNION ALL BY NAME SELECT region FROM {t} ORDER BY ALL", "(SELECT {c} FROM {t} LIMIT 2) UNION ALL (SELECT {c} FROM {t} LIMIT 2)",
    "SELECT {c} FROM {t} EXCEPT ALL SELECT {c} FROM {t} ORDER BY 1", "FROM {t} UNION FROM {t}", "VALUES ({v}), ((SELECT {a} FROM {t}))",
};
static const char *const orders[] = {
    "SELECT {c} FROM {t} ORDER BY {e}, id LIMIT 9", "SELECT {c} FROM {t} ORDER BY ALL DESC NULLS FIRST LIMIT {i}", "SELECT {c} FROM {t} LIMIT 10%", "SELECT {c} FROM {t} ORDER BY {c} OFFSET {i}", "SELECT {c} FROM {t} LIMIT 7", "SELECT {c}, {c} FROM {t} ORDER BY 2, 1 LIMIT 20", "FROM {t} ORDER BY hash({c}) LIMIT 5", "SELECT DISTINCT {c} FROM {t}", "SELECT last({c}), first({c}) FROM {t}", "SELECT {c} FROM {t} ORDER BY region COLLATE NOCASE, id LIMIT 4",
};
static const char *const withs[] = {
    "WITH q AS MATERIALIZED (SELECT {e} AS v FROM {t}) SELECT {a} FROM q, {t}", "WITH q AS (SELECT * FROM {t} WHERE {b}) SELECT {a} FROM q", "WITH t AS (SELECT * FROM d.p.t) SELECT {c} FROM t LIMIT 5", "WITH q AS NOT MATERIALIZED (FROM {t}) SELECT count(*) FROM q a, q b WHERE a.region = b.region", "WITH a AS (SELECT {c} AS v FROM {t}), b AS (SELECT v::{y} AS v FROM a) SELECT count(v) FROM b",
    "WITH q(a, b) AS (SELECT {c}, {e} FROM {t}) SELECT a, b FROM q WHERE a IS NOT NULL", "SELECT * FROM (WITH q AS (SELECT {a} AS v FROM {t}) FROM q)", "WITH secret AS (SELECT 1 AS id) SELECT secret.id FROM secret, {t} LIMIT 1", "WITH q AS (VALUES (1)) SELECT {c} FROM {t}, q",
};
static const char *const other_statements[] = {
    "COPY {t} TO '/tmp/x.csv'", "COPY (SELECT {c} FROM {t}) TO '/dev/stdout'", "CREATE TABLE x AS SELECT {c} FROM {t}", "CREATE MACRO m(x) AS x + {n}", "CREATE VIEW v AS FROM {t}", "INSERT INTO {t} VALUES ({v})", "DELETE FROM {t} WHERE {b}", "UPDATE {t} SET {c} = {v}", "DROP VIEW {t}", "ALTER TABLE {t} ADD COLUMN x INTEGER", "ATTACH ':memory:' AS z", "DETACH d", "USE d", "SET threads = 4", "RESET ALL",
    "PRAGMA database_size", "PRAGMA table_info('d.p.t')", "CALL duckdb_tables()", "CHECKPOINT", "ANALYZE {t}", "VACUUM {t}", "BEGIN; SELECT {c} FROM {t}", "SELECT 1; SELECT {c} FROM {t}", "LOAD json", "INSTALL httpfs", "EXPORT DATABASE 'x'", "SHOW DATABASES", "CREATE INDEX i ON {t} ({c})", "COMMENT ON TABLE {t} IS 'x'", "MERGE INTO {t} USING {t} ON (true) WHEN MATCHED THEN DELETE", "TRUNCATE {t}", "GRANT ALL ON {t} TO me",
};
static const char *const catalogs[] = {
    "SELECT * FROM duckdb_tables()", "SELECT estimated_size FROM duckdb_tables()", "SELECT sql FROM duckdb_views()", "SELECT * FROM duckdb_columns()", "SELECT * FROM information_schema.columns", "SELECT * FROM information_schema.tables", "SELECT * FROM pg_catalog.pg_class", "SELECT reltuples FROM pg_class", "SELECT * FROM sqlite_master", "SELECT * FROM duckdb_settings()", "SELECT * FROM duckdb_memory()", "SELECT * FROM duckdb_databases()", "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM duckdb_temporary_files()", "SELECT * FROM duckdb_functions() WHERE function_name = {x}", "SELECT * FROM duckdb_logs", "SELECT * FROM duckdb_constraints()", "SELECT * FROM parquet_metadata('extract_t.parquet')", "SELECT * FROM parquet_schema('base_t.parquet')", "SELECT * FROM read_parquet('/proc/self/fd/4/base_t.parquet')", "SELECT * FROM glob('/proc/self/fd/*')", "SELECT * FROM read_text('/proc/self/maps')", "SELECT * FROM read_blob('*')",
    "SELECT * FROM pragma_storage_info('d.p.t')", "SELECT * FROM pragma_metadata_info('d')", "SELECT * FROM pragma_table_info('d.p.t')", "SELECT * FROM which_secret('x', 's3')", "SELECT current_setting('temp_directory')", "SELECT * FROM d.information_schema.tables", "SELECT * FROM d.pg_catalog.pg_attribute", "SELECT {c} FROM {t}, duckdb_columns()", "SELECT * FROM duckdb_dependencies()", "SELECT * FROM duckdb_prepared_statements()", "SELECT * FROM duckdb_approx_database_count()",
};

/* --- functions --- */

static inline const char *
aggregate_call(struct gen *g, const char *f, const char *t)
{
	switch (chance(g) % 6) {
	case 0: return T(g, "SELECT %s FROM %s", f, t);
	case 1: return T(g, "SELECT region, %s FROM %s GROUP BY region ORDER BY region", f, t);
	case 2: return T(g, "SELECT %s FILTER (WHERE %s) FROM %s", f, part(g, 'b'), t);
	case 3: return T(g, "SELECT %s OVER (PARTITION BY region ORDER BY %s) FROM %s", f, part(g, 'c'), t);
	case 4: return T(g, "SELECT (SELECT %s FROM %s)", f, t);
	default: return T(g, "SELECT %s FROM %s WHERE %s", f, t, part(g, 'b'));
	}
}

static inline const char *
function_statement(struct gen *g, const struct fn *f)
{
	const char *t = part(g, 't'), *c = call(g, f);

	if (strcmp(f->kind, "pragma") == 0) return chance(g) % 2 ? T(g, "PRAGMA %s", f->name) : T(g, "CALL %s", c);
	if (strncmp(f->kind, "table", 5) == 0) return chance(g) % 2 ? T(g, "SELECT * FROM %s LIMIT 20", c) : T(g, "SELECT count(*) FROM %s a, %s", t, c);
	if (changes(f->name)) return T(g, "SELECT count(%s) FROM %s", c, t);
	if (strcmp(f->kind, "aggregate") == 0) return aggregate_call(g, c, t);
	switch (chance(g) % 6) {
	case 0: return T(g, "SELECT count(%s) FROM %s", c, t);
	case 1: return T(g, "SELECT count(*) FROM %s WHERE %s IS NOT NULL", t, c);
	case 2: return T(g, "SELECT %s FROM %s ORDER BY 1 LIMIT 9", c, t);
	case 3: return T(g, "SELECT CASE WHEN %s THEN %s END FROM %s", part(g, 'b'), c, t);
	default: return T(g, "SELECT %s FROM %s", c, t);
	}
}

/* Without the gate only what computes: what looks around is not kept from the extract's process but for the gate. */
static inline bool
computes(const struct fn *f)
{
	static const char *const looks[] = {"current_setting", "getvariable", "current_query", "in_search_path", "write_log", "getenv", "nextval", "currval", "version", "sleep_ms"};
	bool kind = strcmp(f->kind, "scalar") == 0 || strcmp(f->kind, "aggregate") == 0;

	return kind && !changes(f->name) && !among(f->name, looks, ARRAY_LEN(looks));
}

/* --- which --- */

struct templates { const char *const *list; size_t n; };
#define LIST(list) {list, ARRAY_LEN(list)}
static const struct templates templates[CLASS_COUNT] = {
    [CLASS_cast] = LIST(casts), [CLASS_lambda] = LIST(lambdas), [CLASS_window] = LIST(windows), [CLASS_sample] = LIST(samples), [CLASS_pivot] = LIST(pivots), [CLASS_recursive] = LIST(recursives), [CLASS_names] = LIST(namings), [CLASS_joins] = LIST(joins),
    [CLASS_groups] = LIST(groupings), [CLASS_stars] = LIST(stars), [CLASS_nested] = LIST(nestings), [CLASS_parameters] = LIST(parameters), [CLASS_errors] = LIST(failing), [CLASS_explain] = LIST(explains), [CLASS_hidden] = LIST(hiddens),
    [CLASS_subqueries] = LIST(subqueries), [CLASS_sets] = LIST(sets), [CLASS_order] = LIST(orders), [CLASS_ctes] = LIST(withs), [CLASS_other_statements] = LIST(other_statements), [CLASS_catalogs] = LIST(catalogs), [CLASS_whole] = LIST(of_groups),
};

struct statement { const char *sql; enum leak_class class; struct fn *fn; bool honest; };

static inline size_t
by_hand_count(void)
{
	return ARRAY_LEN(scalars) * ARRAY_LEN(places) + ARRAY_LEN(others) + ARRAY_LEN(of_groups);
}

static inline const char *
by_hand(struct gen *g, size_t i)
{
	size_t with_scalars = ARRAY_LEN(scalars) * ARRAY_LEN(places);

	if (i >= with_scalars + ARRAY_LEN(others)) return of_groups[i - with_scalars - ARRAY_LEN(others)];
	if (i >= with_scalars) return others[i - with_scalars];
	const char *place = places[i % ARRAY_LEN(places)], *at = strstr(place, "{s}");
	return T(g, "%.*s%s%s", (int)(at - place), place, scalars[i / ARRAY_LEN(places)], at + 3);
}

/* The i-th statement: first those by hand, then functions (two of five) and the other classes in turn. */
static inline struct statement
statement_make(struct gen *g, uint64_t seed, size_t i)
{
	struct statement s = {.class = CLASS_by_hand};
	size_t rest = i - by_hand_count();

	g->state = seed * UINT64_C(0x2545f4914f6cdd1d) + i;
	g->depth = 0;
	s.honest = chance(g) % 8 == 0;
	g->main = "ttttssu"[chance(g) % 7];
	if (i < by_hand_count()) {
		s.sql = by_hand(g, i);
	} else if (rest % 5 < 2) {
		s.fn = &g->fns[(rest / 5 * 2 + rest % 5) % g->fn_count];
		s.class = computes(s.fn) && rest % 3 == 0 ? CLASS_function_without_gate : CLASS_function;
		s.sql = function_statement(g, s.fn);
	} else {
		do s.class = (enum leak_class)(CLASS_cast + chance(g) % (CLASS_COUNT - CLASS_cast));
		while (s.class == CLASS_whole && chance(g) % 4);
		s.sql = expand(g, templates[s.class].list[chance(g) % templates[s.class].n]);
	}
	return s;
}

static inline void
functions_load(struct gen *g, struct kit *k)
{
	static const char sql[] = "SELECT DISTINCT function_name, function_type, array_to_string([coalesce(x, 'ANY') FOR x IN parameter_types][1:8], '|') AS p FROM duckdb_functions() ORDER BY ALL";
	Str doc = kit_rows(k, sql);
	json_t *root = json_loadb(doc.p, doc.n, 0, NULL), *rows = json_object_get(root, "rows");

	assert_true(json_array_size(rows) > 1000);
	g->fn_count = json_array_size(rows);
	g->fns = NEW_N(&k->arena, g->fn_count, struct fn);
	for (size_t i = 0; i < g->fn_count; i++) {
		const json_t *row = json_array_get(rows, i);
		struct fn *f = &g->fns[i];
		f->name = arena_str(&k->arena, str_c(json_string_value(json_array_get(row, 0)))).p;
		f->kind = arena_str(&k->arena, str_c(json_string_value(json_array_get(row, 1)))).p;
		Str types = arena_str(&k->arena, str_c(json_string_value(json_array_get(row, 2)))), one;
		for (Str rest = types; rest.p && types.n && f->count < ARRAY_LEN(f->types);) {
			rest = str_cut(rest, '|', &one);
			f->types[f->count++] = arena_str(&k->arena, one).p;
		}
	}
	json_decref(root);
}

#endif
