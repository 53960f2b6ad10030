"""What attackers send: statements, heads, documents, files; and the twins, two nodes that differ only in what is hidden."""

import contextlib
import itertools
import random
import re
import socket
import subprocess

import requests
from harness import ANSWERS_S, ORDERS, SLOW, Column, Node, Shop, contract, parquet

TABLE = "sales.orders.orders"


class Person:
    """One person's connection to a node."""

    def __init__(self, node, name=None, token=None):
        self.url, self.session = node.url, requests.Session()
        self.session.headers["Authorization"] = f"Bearer {token or (node.token(name) if name else node.admin_token)}"

    def __call__(self, method, path, **more):
        return self.session.request(method, self.url + path, timeout=ANSWERS_S, **more)

    def query(self, sql, purpose="analysis", **more):
        return self("POST", "/api/v1/query", json={"sql": sql, "purpose": purpose} | more)

    def count(self, purpose="analysis"):
        return self.query(f"SELECT count(*) AS n FROM {TABLE}", purpose)


def restarts(node):
    return {r["role"]: r["restarts"] for r in node.heddle("status")["roles"] if r["role"] in ("gate", "core", "keys", "lake", "parent")}


# --- 1: statements that reach for more than was granted ---

FILES = ["/etc/passwd", "/proc/self/environ", "/proc/self/cmdline", "/proc/self/fd/3", "../../../etc/passwd", "file:///etc/passwd", "./x.parquet",
         "http://127.0.0.1:1/x", "s3://bucket/x", "/dev/zero", "/proc/self/mem"]
READERS = ["read_text", "read_blob", "read_csv", "read_csv_auto", "read_json", "read_json_auto", "read_ndjson", "read_parquet", "parquet_scan",
           "parquet_metadata", "parquet_schema", "parquet_file_metadata", "parquet_kv_metadata", "parquet_bloom_probe", "sniff_csv", "glob",
           "sqlite_scan", "postgres_scan", "iceberg_scan", "delta_scan", "st_read", "read_xlsx", "read_json_objects", "read_ndjson_objects"]


def escapes():
    """Each must be refused, and tell nothing."""
    out = [f"SELECT * FROM {f}('{p}')" for f, p in itertools.product(READERS, FILES[:2])]
    out += [f"SELECT * FROM '{p}'" for p in FILES] + [f'SELECT * FROM "{p}"' for p in FILES[:4]]
    out += [f"SELECT * FROM read_text(['{p}'])" for p in FILES[:3]]
    out += [
        # statements of other kinds
        "ATTACH '/tmp/x.db' AS x", "ATTACH ':memory:' AS x", "ATTACH IF NOT EXISTS 'x.db' (TYPE sqlite)", "DETACH sales", "USE sales",
        f"COPY {TABLE} TO '/tmp/x.csv'", "COPY (SELECT 1) TO '/dev/stdout'", f"COPY {TABLE} FROM '/etc/passwd'", "EXPORT DATABASE '/tmp/x'",
        "IMPORT DATABASE '/tmp/x'", "INSTALL httpfs", "FORCE INSTALL httpfs FROM 'http://127.0.0.1'", "LOAD '/tmp/x.duckdb_extension'", "LOAD httpfs",
        "UPDATE EXTENSIONS", "PRAGMA database_list", "PRAGMA enable_profiling", "PRAGMA show_tables", "PRAGMA storage_info('orders')", "PRAGMA version",
        "SET enable_external_access = true", "SET lock_configuration = false", "SET memory_limit = '1TB'", "SET GLOBAL threads = 64",
        "RESET enable_external_access", "SET VARIABLE x = 1", "SET temp_directory = '/tmp'", "SET file_search_path = '/etc'", "SET SESSION authorization = 'admin'",
        "CREATE TABLE t AS SELECT 1", "CREATE VIEW v AS SELECT 1", "CREATE OR REPLACE TEMP VIEW v AS SELECT 1", "CREATE MACRO f(x) AS x + 1",
        "CREATE MACRO f() AS TABLE SELECT * FROM read_text('/etc/passwd')", "CREATE TYPE t AS ENUM ('a')", "CREATE SECRET (TYPE s3)", "CREATE SEQUENCE s",
        "CREATE SCHEMA s", "CREATE INDEX i ON sales.orders.orders (order_id)", "DROP TABLE sales.orders.orders", "ALTER TABLE sales.orders.orders ADD COLUMN x INT",
        f"INSERT INTO {TABLE} SELECT * FROM {TABLE}", f"UPDATE {TABLE} SET amount = 0", f"DELETE FROM {TABLE}", f"TRUNCATE {TABLE}",
        f"MERGE INTO {TABLE} USING {TABLE} o ON false WHEN NOT MATCHED THEN INSERT VALUES (1)", "BEGIN", "COMMIT", "CHECKPOINT", "VACUUM", "ANALYZE",
        "CALL pragma_version()", "CALL duckdb_settings()", "PREPARE p AS SELECT 1", "EXECUTE p", "DEALLOCATE p", f"EXPLAIN SELECT * FROM {TABLE}",
        f"EXPLAIN ANALYZE SELECT * FROM {TABLE}", "SHOW TABLES", "SHOW ALL TABLES", "SHOW DATABASES", "SHOW VARIABLES", "COMMENT ON TABLE sales.orders.orders IS 'x'",
        # the catalog and the surroundings
        "SELECT * FROM duckdb_tables()", "SELECT * FROM duckdb_settings()", "SELECT * FROM duckdb_views()", "SELECT * FROM duckdb_secrets()",
        "SELECT * FROM duckdb_functions()", "SELECT * FROM duckdb_extensions()", "SELECT * FROM duckdb_memory()", "SELECT * FROM duckdb_logs",
        "SELECT * FROM duckdb_temporary_files()", "SELECT * FROM duckdb_databases()", "SELECT * FROM information_schema.tables",
        "SELECT * FROM system.information_schema.tables", "SELECT * FROM pg_catalog.pg_tables", "SELECT * FROM sqlite_master", "SELECT * FROM pg_class",
        "SELECT * FROM pragma_table_info('orders')", "SELECT * FROM pragma_storage_info('orders')", "SELECT * FROM pragma_database_size()",
        "SELECT * FROM summary((SELECT 1))", "SELECT * FROM query('SELECT 1')", f"SELECT * FROM query_table('{TABLE}')", "SELECT * FROM query_table(['a', 'b'])",
        "SELECT * FROM test_all_types()", "SELECT * FROM repeat_row(1, 2, num_rows = 3)", "SELECT * FROM arrow_scan(1, 2, 3)", "SELECT * FROM seq_scan('x')",
        "SELECT * FROM checkpoint()", "SELECT * FROM force_checkpoint()", "SELECT * FROM which_secret('s3://x', 's3')", "SELECT * FROM read_duckdb('x')",
        "SELECT getenv('HOME')", "SELECT current_setting('temp_directory')", "SELECT getvariable('x')", "SELECT current_query()", "SELECT version()",
        "SELECT current_database()", "SELECT current_schemas(true)", "SELECT txid_current()", "SELECT pg_get_viewdef(1)", "SELECT in_search_path('a', 'b')",
        "SELECT has_table_privilege('a', 'b')", "SELECT obj_description(1, 'x')", "SELECT nextval('s')", "SELECT setseed(0.5)", "SELECT write_log('x')",
        "SELECT error('x')", "SELECT sleep_ms(100000)", "SELECT pg_sleep(100)", "SELECT json_execute_serialized_sql('{}')",
        "SELECT json_serialize_sql('SELECT 1')", "SELECT json_serialize_plan('SELECT 1')", "SELECT * FROM json_execute_serialized_sql('{}')",
        f"SELECT stats(amount) FROM {TABLE}", f"SELECT rowid, filename FROM {TABLE}, read_parquet('x', filename = true)",
        "SELECT make_type('x')", "SELECT from_substrait('x')", "SELECT load_aws_credentials()", "SELECT parse_duckdb_log_message('a', 'b')",
        # several statements, comments, white space
        "SELECT 1; SELECT 2", "SELECT 1;; SELECT getenv('HOME')", "SELECT 1; ATTACH 'x'", "SELECT 1 /* ; */; DROP TABLE x", "; ; ATTACH 'x'",
        "/**/ATTACH/**/'x'", "-- a\nATTACH 'x'", "SELECT/**/*/**/FROM/**/read_text/**/('/etc/passwd')", "SELECT * FROM read_text -- x\n ('/etc/passwd')",
        "SELECT * FROM\u00a0read_text('/etc/passwd')", "SELECT * FROM read_text('/etc/passwd')--", "SELECT * FROM read_text(E'/etc/pass\\x77d')",
        "SELECT * FROM read_text('/etc/' || 'passwd')", "SELECT * FROM read_text($$/etc/passwd$$)", "SELECT * FROM read_text($1)", "SELECT * FROM read_text(?)",
        # quoting, case, qualification
        "SELECT * FROM \"read_text\"('/etc/passwd')", "SELECT * FROM READ_TEXT('/etc/passwd')", "SELECT * FROM main.read_text('/etc/passwd')",
        "SELECT * FROM system.main.read_text('/etc/passwd')", "SELECT * FROM \"system\".\"main\".\"read_text\"('/etc/passwd')",
        "SELECT \"getenv\"('HOME')", "SELECT main.getenv('HOME')", "SELECT system.main.getenv('HOME')", "SELECT ('HOME').getenv()", "SELECT 'HOME'.getenv()",
        "SELECT GETENV('HOME')", "SELECT getenv(x) FROM (SELECT 'HOME' x)", "SELECT * FROM \"sales\".\"orders\".\"../../../etc/passwd\"",
        "SELECT * FROM sales.orders.\"orders'; ATTACH 'x\"", "SELECT * FROM \"sales.orders.orders\"", "SELECT * FROM sales.\"orders.orders\"",
        # Unicode: full width, look-alikes, zero width, combining
        "SELECT * FROM ｒead_text('/etc/passwd')", "SELECT * FROM rеad_text('/etc/passwd')", "SELECT * FROM read\u200b_text('/etc/passwd')",
        "SELECT * FROM sаles.orders.orders", "SELECT * FROM sales.orders.orders\u0301", "SELECT * FROM ＇x＇", "ＡＴＴＡＣＨ 'x'",
        # hidden in places
        "SELECT (SELECT content FROM read_text('/etc/passwd'))", "WITH t AS (SELECT * FROM read_text('/etc/passwd')) SELECT 1",
        "WITH t AS (SELECT 1), u AS (FROM read_text('/etc/passwd')) SELECT * FROM t", "SELECT 1 WHERE EXISTS (FROM read_text('/etc/passwd'))",
        "SELECT * FROM range(1) r, LATERAL (SELECT * FROM read_text('/etc/passwd'))", "SELECT list_transform([1], x -> getenv('HOME'))",
        "SELECT [getenv(y) FOR y IN ['HOME']]", "SELECT 1 ORDER BY getenv('HOME')", "SELECT 1 GROUP BY getenv('HOME')", "SELECT 1 LIMIT (SELECT getenv('HOME')::INT)",
        "SELECT count(*) FILTER (getenv('HOME') = '') FROM range(1)", "SELECT sum(1) OVER (PARTITION BY getenv('HOME'))", "VALUES (getenv('HOME'))",
        "FROM (VALUES (getenv('HOME')))", "PIVOT (FROM read_text('/etc/passwd')) ON size", "UNPIVOT (FROM read_text('/etc/passwd')) ON size",
        "SELECT COLUMNS(c -> getenv('HOME') = '') FROM range(1)", "SELECT * REPLACE (getenv('HOME') AS range) FROM range(1)", "DESCRIBE FROM read_text('/etc/passwd')",
        "SUMMARIZE FROM read_text('/etc/passwd')", "SELECT * FROM range(1) TABLESAMPLE (getenv('HOME')::INT)", "FROM read_text('/etc/passwd') SELECT 1",
        "SELECT 1 UNION ALL SELECT size FROM read_text('/etc/passwd')", "WITH RECURSIVE t AS (SELECT 1 UNION ALL SELECT size FROM read_text('/etc/passwd')) FROM t",
        "SELECT CASE WHEN true THEN getenv('HOME') END", "SELECT {'a': getenv('HOME')}", "SELECT struct_pack(a := getenv('HOME'))", "SELECT 'a' || getenv('HOME')",
        "SELECT * FROM (SELECT * FROM (SELECT * FROM read_text('/etc/passwd')))", "SELECT 1 FROM range(1) JOIN read_text('/etc/passwd') ON true",
        f"SELECT * FROM {TABLE} AT (VERSION => 1)", "SELECT 1 AS a, x.y.z.w.v", "SELECT 'x'::no_such_type", "SELECT CAST(1 AS sales.orders.orders)",
        f"SELECT * FROM {TABLE}, sales.nothing.orders", "SELECT * FROM governance.orders.orders", "SELECT * FROM crm.people.people", "\x00SELECT 1", "SELECT 1\x00; ATTACH 'x'",
    ]
    return out


def tells(text, node):
    """Which things of the node a text gives away."""
    words = ["root:", "/proc", "/tmp", "/etc/", ".parquet'", "memfd", str(node.folder), str(node.data), "0x7f", "libduckdb", ".cpp", ".c:", "Stack Trace", "HEDDLE_", "PATH="]
    return [w for w in words if w in text]


# --- 2, 3, 4: twins that differ only in what is hidden ---

TWIN_ROWS = 600


def twin_sql(secret, more=0):
    """The orders of one twin: of the first TWIN_ROWS every third row is visible, with card, ordered_on, amount masked and secret_note
    hidden. Everything else depends on `secret`: values of hidden rows, hidden cells, and what a mask takes away; and there are `more`
    hidden rows."""
    return f"""
        select i::bigint order_id, case when vis then i % 7 + 1 else (i * {secret}) % 100003 end::bigint customer_id,
            case when vis then 1 else 2 + (i * {secret}) % 5 end::bigint store_id,
            case when vis then (i * {secret}) % 977 else i * {secret} * 10.5 end::double amount,
            case when vis then make_date(2024, (1 + (i * {secret}) % 12)::int, (1 + (i * {secret}) % 27)::int)
                 else date '1990-01-01' + ((i * {secret}) % 9000)::int end ordered_on,
            case when vis then md5((i * {secret})::varchar)[:10] || '-' || (1000 + i) else 'HIDDEN-{secret}-' || (i * {secret}) end card,
            'secret {secret} ' || md5((i * {secret})::varchar) secret_note,
            case when vis then (i % 13)::varchar else 'n/a {secret}' end word,
            case when vis then (i % 1000) / 8 else i * 1e300 * {secret} end::double ratio
        from (select i, i % 3 = 0 and i <= {TWIN_ROWS} as vis from range(1, {TWIN_ROWS + more + 1}) t(i))"""


TWIN_COLUMNS = [*ORDERS, Column("word", "string"), Column("ratio", "number")]
TWIN_GRANT = ("--rows", "store_id = 1", "--mask", "card=last4", "--mask", "ordered_on=year", "--mask", "amount=null", "--mask", "customer_id=hash",
              "--hide", "secret_note")


def cells_sql(secret):
    """Sales of which aggregates alone are granted: three regions of forty each, in which the same values stand in another order for other
    households; and a region too small to be shown, where everything differs."""
    return f"""
        select i::bigint sale, (i * {secret} % 977 + 1000 * {secret})::bigint household, ['EU', 'UK', 'US'][1 + i % 3] region,
            ((i // 3 + 1) * {secret} % 41)::double amount, ((i // 3 + 1) * {secret} % 41 % 8)::bigint pieces, 'secret {secret} ' || i note from range(120) t(i)
        union all select 1000 + i, i, 'FAR', {secret} * 1e6, {secret}, 'secret {secret}' from range(4) t(i)"""


CELLS = "sales.totals.totals"
CELL_COLUMNS = [Column("sale", key=1), Column("household", classification="personal"), Column("region", "string"), Column("amount", "number"), Column("pieces"), Column("note", "string")]
CELL_STATEMENTS = ["SELECT * FROM {t}", "SELECT region, count(*), sum(amount), avg(pieces), count(pieces) FROM {t} GROUP BY ALL ORDER BY ALL", "SELECT count(*) FROM {t}", "SELECT max(amount) FROM {t}", "DESCRIBE {t}",
                   "SUMMARIZE {t}", "SUMMARIZE SELECT region FROM {t}", "SELECT DISTINCT region FROM {t} ORDER BY 1", "SELECT count(*) FROM {t} WHERE region = 'FAR'", "SELECT region FROM {t}", "SELECT rowid, region FROM {t}", "SELECT household FROM {t}",
                   "SELECT sum(amount), region FROM {t} GROUP BY ROLLUP (region) ORDER BY ALL", "SELECT note FROM {t}", "EXPLAIN SELECT count(*) FROM {t}", "SELECT stats(region) FROM {t}", "SELECT sum(amount) FROM {t} TABLESAMPLE 50% (bernoulli) REPEATABLE (3)",
                   "SELECT region, row_number() OVER () FROM {t}", "SELECT count(*) FROM {t} a, {t} b WHERE a.region = b.region", "SELECT 1 / (sum(amount) - 820) FROM {t} GROUP BY region", "SELECT sum(amount)::TINYINT FROM {t}", "SELECT sum(sale) FROM {t}"]


class Twin(Shop):
    """A shop whose sales.orders is the twin's; insights may see it filtered for `analysis`, whole for `plain` (the planted leak). Of
    sales.totals it is given aggregates."""

    def set_up_twins(self):
        self.set_up()
        contract(self.orders_contract, "sales", "orders", {"orders": TWIN_COLUMNS}, version="2.0.0")
        self.node.heddle("publish", self.orders_contract, "--data", f"orders={parquet(self.orders_file, twin_sql(3))}", as_="sam")
        self.grant(*TWIN_GRANT)
        self.grant(purpose="plain")
        contract(self.folder / "totals.yaml", "sales", "totals", {"totals": CELL_COLUMNS})
        self.fill_cells(3)
        self.grant("--aggregate-only", "5", "--by", "region", "--unit", "household", object="sales.totals")
        return self

    def fill_cells(self, secret):
        self.node.heddle("publish", self.folder / "totals.yaml", "--data", f"totals={parquet(self.folder / 'totals.parquet', cells_sql(secret))}", as_="sam")

    def fill(self, secret, more=0):
        self.publish(parquet(self.orders_file, twin_sql(secret, more)))
        self.fill_cells(secret)
        return self


COLUMNS = ["order_id", "customer_id", "store_id", "amount", "ordered_on", "card", "secret_note", "word", "ratio", "rowid", "filename", "nothing"]
SCALARS = ["{c}", "CAST({c} AS INTEGER)", "CAST({c} AS DATE)", "CAST({c} AS VARCHAR) || 'x'", "length(CAST({c} AS VARCHAR))", "{c} + 1", "1 / {c}", "sqrt(-{c})",
           "ln({c})", "{c}::TINYINT", "{c}::UUID", "to_base({c}, 2)", "strptime({c}, '%d')", "regexp_extract({c}, '(')", "array_extract([1], {c})", "{c} * 1e308 * 1e308",
           "factorial({c}::INTEGER)", "date_trunc('{c}', ordered_on)", "chr({c}::INTEGER)", "({c}::VARCHAR)[1:3]", "CASE WHEN {c} IS NULL THEN 1 ELSE {c}::INT END",
           "TRY_CAST({c} AS INTEGER)", "unhex({c})", "from_base64({c})", "json_extract({c}, '$.x')", "{c}::JSON", "bit_count({c})", "{c} << 70", "{c}::DECIMAL(3,2)", "hash({c})"]
AGGREGATES = ["count({c})", "count(DISTINCT {c})", "min({c})", "max({c})", "sum({c})", "avg({c})", "approx_count_distinct({c})", "approx_quantile({c}, 0.5)", "median({c})",
              "mode({c})", "histogram({c})", "list({c} ORDER BY order_id)", "string_agg({c}, ',' ORDER BY order_id)", "any_value({c})", "first({c})", "last({c})", "arg_max({c}, order_id)",
              "entropy({c})", "stddev({c})", "quantile_cont({c}, [0.1, 0.9])", "bit_xor({c})", "reservoir_quantile({c}, 0.5)", "skewness({c})", "product({c})", "sum({c}::INTEGER)",
              "min(CAST({c} AS INTEGER))", "bool_and({c} > 0)", "approx_top_k({c}, 3)", "max_by({c}, {c}, 3)", "stats({c})", "count(*) FILTER ({c}::INT > 0)"]
WHOLE = ["SELECT * FROM {t}", "SELECT count(*) FROM {t}", "DESCRIBE {t}", "SUMMARIZE {t}", "SUMMARIZE SELECT word, ratio FROM {t}", "DESCRIBE SELECT * FROM {t}",
         "EXPLAIN SELECT * FROM {t} WHERE ratio > 5", "EXPLAIN ANALYZE SELECT count(*) FROM {t}", "SELECT * FROM {t} ORDER BY ALL", "SELECT t FROM {t} t LIMIT 3",
         "SELECT * FROM {t} USING SAMPLE 10 ROWS (reservoir, 42)", "SELECT * FROM {t} USING SAMPLE 50% (bernoulli, 7)", "SELECT COLUMNS('.*') FROM {t} LIMIT 5",
         "SELECT * FROM {t} LIMIT 2 OFFSET 100", "SELECT * FROM {t} LIMIT 1000000", "FROM {t} SELECT min(COLUMNS(*))", "SELECT * EXCLUDE (secret_note) FROM {t}",
         "SELECT * EXCLUDE (nothing) FROM {t}", "PIVOT {t} ON word USING count(*)", "PIVOT {t} ON store_id USING sum(ratio)", "UNPIVOT (SELECT word, card FROM {t}) ON word, card",
         "SELECT o.order_id FROM {t} o ASOF JOIN {t} p ON o.order_id >= p.order_id", "SELECT * FROM {t} POSITIONAL JOIN range(3)", "SELECT hash(t) FROM {t} t",
         "SELECT * FROM {t} NATURAL JOIN {t}", "SELECT store_id FROM {t} GROUP BY ALL", "SELECT DISTINCT ON (word) * FROM {t}", "SELECT row_number() OVER (), * FROM {t}",
         "SELECT * FROM {t} QUALIFY lag(ratio) OVER (ORDER BY order_id) > 0", "SELECT count(*) FROM {t} a, {t} b", "SELECT * FROM {t} TABLESAMPLE 10% REPEATABLE (3)", "SELECT 1 FROM {t} WHERE false",
         "SELECT * FROM (SELECT * FROM {t} WHERE store_id <> 1)", "SELECT * FROM {t} WHERE store_id = 2 OR true", "SELECT stats(ratio) FROM {t}", "SELECT secret_note FROM {t}",
         "SELECT t.secret_note FROM {t} t", "SELECT * FROM {t} WHERE secret_note LIKE 'a%'", "SELECT * FROM {t} ORDER BY secret_note", "SELECT struct_extract(t, 'secret_note') FROM {t} t"]
WHERE = ["", " WHERE store_id <> 1", " WHERE amount > 500", " WHERE card LIKE 'HIDDEN%'", " WHERE ordered_on > DATE '2024-06-01'", " WHERE CAST(word AS INTEGER) >= 0",
         " WHERE CAST(card AS INTEGER) > 0", " WHERE 1 / ratio > 0", " WHERE ratio > 1e300", " WHERE customer_id > 7", " WHERE error(card) IS NULL",
         " WHERE order_id % 3 <> 0", " GROUP BY store_id HAVING count(*) > 10", " WHERE secret_note > 'secret 4'", " WHERE rowid > 10"]


def hostile_statements(n, seed=1):
    """The same n statements for the same seed; none tells the time or draws by chance."""
    rng, out = random.Random(seed), [w.format(t=TABLE) for w in WHOLE]
    while len(out) < n:
        kind, c = rng.choice([SCALARS, AGGREGATES]), rng.choice(COLUMNS)
        expr, where = rng.choice(kind).format(c=c), rng.choice(WHERE)
        out.append(f"SELECT {expr} AS v FROM {TABLE}{where}{'' if kind is AGGREGATES or 'GROUP' in where else ' ORDER BY order_id'}")
    return out


IDS = re.compile(r'"request_id": ?"[0-9a-f]+"')


def told(answer):
    """Everything an answer tells but ids and times."""
    keep = {k: v for k, v in answer.headers.items() if k.lower() not in ("date", "x-request-id", "x-heddle-query", "x-heddle-timing", "x-heddle-mark")}
    return answer.status_code, sorted(keep.items()), IDS.sub("", answer.content.decode("utf-8", "replace"))


# --- 44: heads that two programs may read differently ---


def raw(node, data, seconds=0.7):
    """Everything that comes back over one connection, until it is closed or nothing came for a while."""
    out = b""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", node.port), timeout=seconds * SLOW) as s:
        s.sendall(data)
        while more := s.recv(65536):
            out += more
    return out


def smuggles(token):
    """(name, bytes): each holds a second request inside what may or may not be the body of the first."""
    auth = b"Authorization: Bearer " + token.encode() + b"\r\n"
    inner = b"GET /api/v1/users HTTP/1.1\r\nHost: x\r\n" + auth + b"\r\n"
    post = b"POST /api/v1/query HTTP/1.1\r\nHost: x\r\n" + auth
    chunked = b"0\r\n\r\n" + inner
    yield "CL.TE", post + b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n" % len(chunked) + chunked
    yield "TE.CL", post + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n" + chunked
    for name, value in (("te space", b"Transfer-Encoding : chunked"), ("te tab", b"Transfer-Encoding:\tchunked\x0b"), ("te identity", b"Transfer-Encoding: identity"),
                        ("te twice", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity"), ("te list", b"Transfer-Encoding: chunked, identity"),
                        ("te gzip", b"Transfer-Encoding: gzip, chunked"), ("te quoted", b'Transfer-Encoding: "chunked"'), ("te x", b"Transfer-Encoding: xchunked"),
                        ("te folded", b"Transfer-Encoding:\r\n chunked"), ("te nul", b"Transfer-Encoding: chunked\x00"), ("te 1.0", b"Transfer-Encoding: chunk")):
        yield name, post + value + b"\r\n\r\n" + chunked
    for name, value in (("cl twice", b"Content-Length: 0\r\nContent-Length: 5"), ("cl list", b"Content-Length: 0, 5"), ("cl plus", b"Content-Length: +0"),
                        ("cl minus", b"Content-Length: -1"), ("cl hex", b"Content-Length: 0x0"), ("cl blank", b"Content-Length: 0 0"), ("cl huge", b"Content-Length: 18446744073709551616"),
                        ("cl empty", b"Content-Length:"), ("cl name blank", b"Content-Length : 0"), ("cl nul", b"Content-Length: 0\x00"), ("cl folded", b"Content-Length:\r\n 0"),
                        ("bare lf", b"X: y\nContent-Length: 0"), ("bare cr", b"X: y\rContent-Length: 0"), ("no colon", b"Content-Length 0"), ("nul name", b"\x00Content-Length: 0"),
                        ("host twice", b"Host: y\r\nContent-Length: 0"), ("control", b"X: \x01\x02\r\nContent-Length: 0"), ("odd name", b"Content(Length: 0\r\nContent-Length: 0")):
        yield name, post + value + b"\r\n\r\n" + inner
    yield "lf lf", post.replace(b"\r\n", b"\n") + b"Content-Length: 0\n\n" + inner
    yield "chunk size", post + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n0\r\n\r\n" + inner
    yield "chunk overflow", post + b"Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n\r\n0\r\n\r\n" + inner
    yield "chunk text", post + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n" + inner
    yield "two targets", b"GET /healthz /api/v1/users HTTP/1.1\r\nHost: x\r\n" + auth + b"\r\n"
    yield "http 0.9", b"GET /api/v1/users\r\n\r\n"
    yield "http 1.2", b"GET /api/v1/users HTTP/1.2\r\nHost: x\r\n" + auth + b"\r\n"
    yield "http 2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    yield "no host", b"GET /api/v1/users HTTP/1.1\r\n" + auth + b"\r\n"
    yield "lower method", b"get /api/v1/users HTTP/1.1\r\nHost: x\r\n" + auth + b"\r\n"
    yield "crlf in target", b"GET /healthz\r\nX: y HTTP/1.1\r\nHost: x\r\n\r\n"
    yield "encoded crlf", b"GET /api/v1/products/a%0d%0aX:%20y HTTP/1.1\r\nHost: x\r\n" + auth + b"\r\n"
    yield "dots", b"GET /healthz/../api/v1/users/../../etc HTTP/1.1\r\nHost: x\r\n" + auth + b"\r\n"
    yield "encoded dots", b"GET /api/v1/logs/journal/files/%2e%2e/%2e%2e/keys HTTP/1.1\r\nHost: x\r\n" + auth + b"\r\n"


# --- small things ---


@contextlib.contextmanager
def tmpfs(folder, size):
    """A small disk; None where mounting is not allowed."""
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True).returncode == 0
    try:
        yield folder if mounted else None
    finally:
        if mounted:
            subprocess.run(["umount", "-l", folder], check=False)


def fill(path):
    """Take every free byte of the disk."""
    path.touch()
    for block in (65536, 4096, 512, 1):
        with open(path, "ab", 0) as f, contextlib.suppress(OSError):
            while True:
                f.write(b"x" * block)


def twin_nodes(template, make_node):
    out = []
    for name in ("a", "b"):
        node = make_node(name, config="threads: 1\n")  # more of them put groups in another order from run to run
        subprocess.run(["cp", "-a", f"{template}/.", node.folder], check=True)
        out.append(Twin(node.start()))
    return out


def twin_template(folder):
    shop = Twin(Node(folder).start()).set_up_twins()
    assert shop.node.stop() == 0
    return folder
