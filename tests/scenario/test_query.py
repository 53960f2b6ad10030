"""Statements: formats, limits, refusals, errors that tell nothing, cancelling."""

import io
import json
import os
import signal
import subprocess
import threading
import time

import duckdb
import pytest
from harness import ANSWERS_S, BAD, FAILED, HEDDLE, NOT_FOUND, PATIENCE, REFUSED, SLOW, wait_for

SQL = "SELECT order_id, amount, ordered_on, card FROM sales.orders.orders ORDER BY order_id"
LONG = "SELECT count(*) FROM range(100000000) a(i), range(100000) b(j) WHERE i * j % 7 = 3"


@pytest.fixture
def open_shop(shop):
    shop.grant()
    return shop


def run(shop, sql, *options, **more):
    return shop.node.run("query", sql, "--purpose", "analysis", *options, as_=more.pop("as_", "ana"), **more)


def test_formats_agree(read_shop, tmp_path):
    raw = read_shop.raw("select order_id, amount, ordered_on, card from orders order by order_id")
    expected = [(a, b, str(c), d) for a, b, c, d in raw]
    as_json = run(read_shop, SQL, "--format", "json").json
    assert [tuple(r.values()) for r in as_json] == expected and list(as_json[0]) == ["order_id", "amount", "ordered_on", "card"]
    assert [tuple(json.loads(line).values()) for line in run(read_shop, SQL, "--format", "ndjson").out.splitlines()] == expected
    (tmp_path / "r.csv").write_text(run(read_shop, SQL, "--format", "csv").out)
    assert duckdb.sql(f"from read_csv('{tmp_path}/r.csv', nullstr = '')").fetchall() == raw
    (tmp_path / "r.parquet").write_bytes(run(read_shop, SQL, "--format", "parquet", text=False).out)
    assert duckdb.sql(f"from '{tmp_path}/r.parquet'").fetchall() == raw


def test_table_for_people(read_shop):
    done = run(read_shop, SQL)
    lines = done.out.splitlines()
    assert lines[0].split() == ["order_id", "amount", "ordered_on", "card"] and len(lines) == 32 and set(lines[1]) <= {"─", " "}
    assert "NULL" in done.out and "30 rows" in done.err and "sales.orders.orders" in done.err
    assert run(read_shop, "SELECT order_id FROM sales.orders.orders WHERE false").out.splitlines()[0] == "order_id"


def test_values_of_every_kind_survive(read_shop):
    sql = """SELECT NULL AS n, true AS b, 9007199254740993::BIGINT AS big, 1.5::DOUBLE AS d, 123.4500::DECIMAL(10,4) AS dec,
        DATE '2020-02-29' AS day, TIMESTAMP '2020-02-29 12:34:56.789' AS ts, 'a "quoted", line
break; ünïcode 🙂' AS t, [1, NULL, 3] AS list, {'a': 1, 'b': 'x'} AS st, '' AS empty, 170141183460469231731687303715884105727::HUGEINT AS huge"""
    row = run(read_shop, sql, "--json").json[0]
    assert row["n"] is None and row["b"] is True and int(row["big"]) == 9007199254740993 and float(row["dec"]) == 123.45
    assert row["t"].startswith('a "quoted", line\nbreak') and row["t"].endswith("🙂") and row["empty"] == ""
    assert row["list"] == [1, None, 3] and row["st"] == {"a": 1, "b": "x"} and int(row["huge"]) == 2**127 - 1
    table = run(read_shop, sql).out
    assert "NULL" in table and len(table.splitlines()) == 3


def test_sql_from_standard_input(read_shop):
    assert run(read_shop, "-", "--json", input=SQL.encode()).json == run(read_shop, SQL, "--json").json


def test_nothing_said_is_bad_input(read_shop):
    for sql in ("", "   ", ";", "-- nothing"):
        assert run(read_shop, sql).status == BAD


@pytest.mark.parametrize("sql", [
    "SELECT * FROM read_parquet('/etc/passwd')", "SELECT * FROM 'x.parquet'", "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_csv('/proc/self/environ')", "SELECT * FROM glob('/**')", "SELECT getenv('HOME')", "COPY (SELECT 1) TO '/tmp/x'",
    "ATTACH 'x.db'", "INSTALL httpfs", "LOAD httpfs", "SET memory_limit = '1TB'", "PRAGMA database_list", "CREATE TABLE t AS SELECT 1",
    "DROP TABLE sales.orders.orders", "INSERT INTO sales.orders.orders SELECT * FROM sales.orders.orders", "DELETE FROM sales.orders.orders",
    "SELECT 1; SELECT 2", "EXPLAIN SELECT * FROM sales.orders.orders", "EXPLAIN ANALYZE SELECT * FROM sales.orders.orders",
    "SELECT * FROM duckdb_tables()", "SELECT * FROM duckdb_settings()", "SELECT * FROM information_schema.tables", "SELECT * FROM sqlite_master",
    "SELECT * FROM pragma_storage_info('x')", "SELECT * FROM query('SELECT 1')", "SELECT * FROM query_table('sales.orders.orders')",
    "SELECT stats(amount) FROM sales.orders.orders", "SELECT json_execute_serialized_sql('x')", "CALL pragma_version()", "SHOW ALL TABLES",
    "SELECT write_log('x')", "WITH t AS (SELECT * FROM read_text('/etc/hostname')) SELECT * FROM t",
    "SELECT (SELECT content FROM read_text('/etc/hostname'))", "CREATE MACRO f(x) AS x", "VACUUM", "CHECKPOINT", "EXPORT DATABASE 'x'",
])
def test_statements_that_reach_for_more_are_turned_down(read_shop, sql):
    done = run(read_shop, sql, "--json")
    assert done.status == BAD, done.out + done.err
    assert "root:" not in done.out + done.err and str(read_shop.node.data) not in done.out + done.err
    assert run(read_shop, "SELECT 1 AS one", "--json").json == [{"one": 1}]


@pytest.mark.parametrize("sql", [
    "WITH a AS (SELECT store_id, sum(amount) s FROM sales.orders.orders GROUP BY ALL) SELECT * FROM a WHERE s > (SELECT avg(s) FROM a) ORDER BY 1",
    "SELECT order_id, row_number() OVER (PARTITION BY store_id ORDER BY amount DESC) r FROM sales.orders.orders QUALIFY r = 1 ORDER BY 1",
    "SELECT date_trunc('month', ordered_on) m, count(*) n FROM sales.orders.orders GROUP BY 1 HAVING n > 0 ORDER BY 1",
    "SELECT o.order_id FROM sales.orders.orders o WHERE EXISTS (SELECT 1 FROM sales.orders.orders x WHERE x.order_id = o.order_id + 1) ORDER BY 1",
    "SELECT regexp_replace(card, '\\d', '#', 'g') c, upper(secret_note) u FROM sales.orders.orders ORDER BY order_id",
    "SELECT * EXCLUDE (secret_note) FROM sales.orders.orders ORDER BY order_id LIMIT 3 OFFSET 2",
    "SELECT list(order_id ORDER BY order_id) FROM sales.orders.orders",
    "SELECT unnest([1, 2, 3]) AS i UNION ALL SELECT store_id FROM sales.orders.orders ORDER BY 1",
    "SELECT CASE WHEN amount > 20 THEN 'big' ELSE 'small' END k, count(*) FROM sales.orders.orders GROUP BY ALL ORDER BY ALL",
])
def test_ordinary_sql_works_and_agrees_with_duckdb(read_shop, sql):
    seen = [tuple(r.values()) for r in run(read_shop, sql, "--json").json]
    raw = read_shop.raw(sql.replace("sales.orders.orders", "orders"))
    assert [[str(v).replace("T00:", " 00:") for v in r] for r in seen] == [[str(v) for v in r] for r in raw]


WRONG = [
    "SELEC 1", "SELECT FROM WHERE", "SELECT nothing FROM sales.orders.orders", "SELECT 'a'::INTEGER", "SELECT no_such_function(1)",
    "SELECT card::INTEGER FROM sales.orders.orders", "SELECT error(card) FROM sales.orders.orders",
    "SELECT 1 / (CASE WHEN secret_note LIKE 'x' THEN 0 ELSE 'x' END)", "SELECT CAST(secret_note || 'x' AS DATE), CAST(store_id || 'y' AS INTEGER) FROM sales.orders.orders",
]


def test_errors_tell_no_path_and_no_value(open_shop):
    shop = open_shop
    shop.node.heddle("restrict", "confidential", "--mask", "null")
    for sql in WRONG:
        done = run(shop, sql, "--json")
        assert done.status == BAD, (sql, done.out)
        for secret in ("classified", "/proc/", "/tmp/", ".parquet", str(shop.folder), "read_parquet"):
            assert secret not in done.out + done.err, (sql, secret)


def test_unknown_tables(read_shop):
    for table in ("sales.orders.nothing", "sales.nothing.orders", "nothing.orders.orders", "orders"):
        assert run(read_shop, f"SELECT * FROM {table}").status in (BAD, NOT_FOUND)


def test_a_refusal_names_the_table_and_the_way_to_ask(shop):
    done = run(shop, "SELECT * FROM crm.people.people", "--json")
    assert done.status == REFUSED and "crm.people" in done.error["message"]
    assert "heddle request crm.people --purpose analysis" in done.error["hint"]
    assert "heddle request crm.people" in run(shop, "SELECT * FROM crm.people.people").err


def test_one_table_refused_refuses_the_statement(open_shop):
    assert run(open_shop, "SELECT count(*) FROM sales.orders.orders, crm.people.people").status == REFUSED


def test_owner_and_engineer(shop):
    assert len(run(shop, SQL, "--json", as_="sam").json) == 30
    assert run(shop, SQL, as_="eve").status == REFUSED


def test_the_first_query_makes_an_extract_and_the_second_uses_it(shop):
    shop.grant("--rows", "store_id = 1")

    def timing():
        answer = shop.node.http("POST", "/api/v1/query", as_="ana", json={"sql": SQL, "purpose": "analysis"})
        return json.loads(answer.headers["X-Heddle-Timing"])["extracts"], answer.json()

    (first, a), (second, b) = timing(), timing()
    assert (first, second) == ("made", "cached") and a == b


def test_what_was_applied_is_told(shop):
    grant = shop.grant("--rows", "store_id = 1", "--mask", "customer_id=hash", "--hide", "secret_note")
    answer = shop.node.http("POST", "/api/v1/query", as_="ana", json={"sql": "SELECT customer_id FROM sales.orders.orders", "purpose": "analysis"})
    (applied,) = json.loads(answer.headers["X-Heddle-Applied"])
    assert applied["table"] == "sales.orders.orders" and applied["grant"] == grant["id"] and applied["rows_filtered"] is True and applied["masks"]["customer_id"] == "hash"
    assert "store_id" not in answer.headers["X-Heddle-Applied"]  # the filter's text is the owner's
    told = run(shop, "SELECT customer_id FROM sales.orders.orders").err
    assert grant["id"] in told and "customer_id=hash" in told


def test_many_rows_stream(open_shop):
    """Two million rows pass through; neither the client nor the node holds them."""
    sql = "SELECT i, i * 2 AS twice, 'row number ' || i AS t FROM range(2000000) r(i)"
    call = [str(HEDDLE), "query", sql, "--purpose", "analysis", "--as", "ana"]
    with subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=open_shop.node.env()) as p:
        peak, lines = 0, 0
        for lines, _ in enumerate(p.stdout, 1):
            if lines % 200000 == 0:
                status = io.open(f"/proc/{p.pid}/status").read() if os.path.exists(f"/proc/{p.pid}/status") else ""
                peak = max([peak, *(int(x.split()[1]) for x in status.splitlines() if x.startswith("VmHWM"))])
    assert p.returncode == 0 and lines == 2000002
    assert peak < (400 if SLOW > 1 else 60) * 1024, f"the client held {peak} kB"


def test_a_reader_that_goes_away_ends_the_query(open_shop):
    call = [str(HEDDLE), "query", "SELECT i FROM range(50000000) r(i)", "--format", "csv", "--purpose", "analysis", "--as", "ana"]
    with subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=open_shop.node.env()) as p:
        p.stdout.read(1000)
        p.stdout.close()
        p.wait(20 * PATIENCE)
    assert run(open_shop, "SELECT 1").status == 0


def long_query(shop):
    return subprocess.Popen([str(HEDDLE), "query", LONG, "--purpose", "analysis", "--as", "ana"], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, env=shop.node.env(), text=True)


def of_journal(shop, type_):
    return [e["body"] for e in shop.node.heddle("journal", "--limit", "200")["entries"] if e["type"] == f"journal.{type_}"]


def test_interrupt_cancels_on_the_node(open_shop):
    known = len(of_journal(open_shop, "query.start"))
    p = long_query(open_shop)
    query = wait_for(lambda: of_journal(open_shop, "query.start")[known:])[0]["query"]
    p.send_signal(signal.SIGINT)
    out, err = p.communicate(timeout=20 * PATIENCE)
    assert p.returncode == FAILED, err
    (end,) = wait_for(lambda: [e for e in of_journal(open_shop, "query.end") if e["query"] == query])
    assert end["outcome"] != "OK", end


def test_revoke_ends_a_running_query(shop):
    grant = shop.grant()
    sql = "SELECT count(*) FROM range(100000000) a(i), range(100000) b(j), (SELECT count(*) c FROM sales.orders.orders) o WHERE i * j % 7 = c"
    p = subprocess.Popen([str(HEDDLE), "query", sql, "--purpose", "analysis", "--as", "ana"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                         env=shop.node.env(), text=True)
    wait_for(lambda: of_journal(shop, "query.start"))
    assert p.poll() is None, p.communicate()
    shop.node.heddle("revoke", grant["id"], as_="sam")
    out, err = p.communicate(timeout=10 * PATIENCE)
    assert p.returncode == REFUSED and out == "", (p.returncode, out, err)


def test_a_statement_that_needs_too_much_memory_fails_alone(open_shop):
    done = run(open_shop, "SELECT list(i) FROM range(2000000000) r(i)", "--json")
    assert done.status == FAILED and done.error["code"] in ("LIMIT", "TIMEOUT", "UNAVAILABLE"), done.out[:300]
    assert run(open_shop, "SELECT 1").status == 0


def test_people_at_once(open_shop):
    def ask(name, into):
        for _ in range(3):
            into.append(run(open_shop, "SELECT count(*) AS n FROM sales.orders.orders", "--json", as_=name))

    done = []
    threads = [threading.Thread(target=ask, args=(name, done), daemon=True) for name in ("ana", "abe", "ivy", "sam") for _ in range(2)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(ANSWERS_S)
    bad = [r for r in done if r.status != 0]
    assert len(done) == 24 and not bad, bad[0].err
    assert all(r.json == [{"n": 30}] for r in done)


def test_a_name_that_would_drive_the_terminal(open_shop):
    done = run(open_shop, "SELECT '\x1b[31mred\x1b[0m' || chr(7) || chr(155) AS t")
    assert done.status == 0 and "\x1b" not in done.out and "\x07" not in done.out and "\x9b" not in done.out


def test_limits_of_the_settings(make_node):
    """A result that is too large or takes too long fails as a whole; it is never cut without a word."""
    node = make_node(config={"result_max_rows": 1000, "result_max_bytes": "64KiB", "query_timeout": f"{PATIENCE}s"}).start()
    node.new_domain("sales", "sam")

    def ask(sql, *options):
        return node.run("query", sql, *options, as_="sam")

    assert ask("SELECT i FROM range(1000) r(i)", "--format", "csv").out.count("\n") == 1001
    for sql in ("SELECT i FROM range(1001) r(i)", "SELECT i FROM range(3000000) r(i)", "SELECT sha256('a' || i) || sha256('b' || i) || sha256('c' || i) || sha256('d' || i) FROM range(999) r(i)"):
        for form in ("csv", "json", "table", "parquet"):
            done = node.run("query", sql, "--format", form, as_="sam", text=False)
            assert done.status == FAILED and done.err, (sql, form)
    start = time.monotonic()
    done = ask(LONG, "--json")
    assert done.status == FAILED and done.error["code"] == "TIMEOUT" and time.monotonic() - start < 10 * PATIENCE
    assert ask("SELECT 1").status == 0
