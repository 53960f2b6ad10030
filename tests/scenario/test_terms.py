"""What a grant demands of use beyond rows and columns: aggregates only, no export, a budget of rows, hours."""

import json
import time

import duckdb
import pytest
from attacks import Person, told
from harness import BAD, REFUSED, Column, contract, parquet, wait_for

TABLE = "sales.receipts.receipts"
COLUMNS = [Column("receipt", key=1), Column("household", classification="personal", required=True), Column("region", "string"), Column("day", "date", required=True),
           Column("amount", "number", required=True), Column("pieces"), Column("note", "string")]


def receipts(shop, name, sql_amount="i * 1.5", more=""):
    """120 receipts of 40 households in three regions; FAR has three households."""
    return parquet(shop.folder / f"{name}.parquet", f"""
        select i::bigint receipt, (i * 7 % 40)::bigint household, case when i > 110 then 'FAR' else ['EU', 'UK', 'US'][1 + i % 3] end region,
               date '2024-01-01' + (i % 2 * 366)::int as day, ({sql_amount})::double amount, (case when i % 10 > 0 then i % 5 end)::bigint pieces,
               'note ' || i note from range(1, 121) t(i) where i not between 114 and 117 {more}""")


@pytest.fixture
def shop_of_receipts(shop):
    contract(shop.folder / "receipts.yaml", "sales", "receipts", {"receipts": COLUMNS})
    shop.node.heddle("publish", shop.folder / "receipts.yaml", "--data", f"receipts={receipts(shop, 'receipts')}", as_="sam")
    return shop


def give(shop, *options, purpose="analysis"):
    return shop.grant(*options, object="sales.receipts", purpose=purpose)


AGGREGATES = ("--aggregate-only", "5", "--by", "region,day", "--unit", "household", "--mask", "day=year")


def test_aggregates_only(shop_of_receipts):
    shop = shop_of_receipts
    give(shop, *AGGREGATES)
    ana = Person(shop.node, "ana")
    answer = ana.query(f"SELECT region, day, count(*) n, sum(amount) a, avg(amount) m, count(pieces) p FROM {TABLE} GROUP BY ALL ORDER BY ALL")
    assert answer.status_code == 200, answer.text
    truth = duckdb.sql(f"""select region, make_date(year(day), 1, 1) d, count(*), sum(amount), count(pieces) from '{shop.folder}/receipts.parquet'
                           group by all having count(distinct household) >= 5 order by all""").fetchall()
    rows = answer.json()
    assert [(r["region"], r["day"], r["n"], r["p"]) for r in rows] == [(r[0], str(r[1]), r[2], r[4]) for r in truth]
    assert all(abs(r["a"] - t[3]) < 1e-6 for r, t in zip(rows, truth, strict=True))
    assert {r["region"] for r in rows} == {"EU", "UK", "US"}, "FAR is too small"
    applied = json.loads(answer.headers["X-Heddle-Applied"])[0]
    assert applied["min_group"] == 5 and applied["group_by"] == ["region", "day"] and applied["unit"] == "household"
    for sql in (f"SELECT * FROM {TABLE}", f"SELECT max(amount) FROM {TABLE}", f"SELECT amount FROM {TABLE}", f"SELECT count(*) FROM {TABLE} WHERE amount > 5"):
        refused = ana.query(sql)
        assert refused.status_code == 400, (sql, refused.text)
        assert "granted in aggregates only, of groups of at least 5 different household: take count, sum or avg directly of" in refused.json()["error"]["message"]
    for column in ("household", "note"):
        assert ana.query(f"SELECT count(DISTINCT {column}) FROM {TABLE}").status_code == 400, column
    assert ana.query(f"SELECT min(day), max(day), count(DISTINCT region) FROM {TABLE}").status_code == 200
    page = {c["name"]: c for c in ana("GET", "/api/v1/products/sales.receipts").json()["tables"][0]["columns"]}
    assert page["amount"]["type"] == page["pieces"]["type"] == "DOUBLE" and page["day"]["type"] == "DATE"
    assert "mean" in page["amount"]["access"] and page["household"]["access"] == "hidden", page
    told = shop.node.heddle("explain", "user:ana", TABLE, "--purpose", "analysis", as_="sam")
    assert told["min_group"] == 5 and told["group_by"] == ["region", "day"], told
    assert {c["name"]: c["access"] for c in told["columns"]} == {"receipt": "mean", "household": "hidden", "region": "visible", "day": "masked:year", "amount": "mean", "pieces": "mean", "note": "hidden"}


def test_aggregates_tell_nothing_of_rows(shop_of_receipts):
    """Two versions of the data with the same cells and other rows: the same answers, to any statement."""
    shop = shop_of_receipts
    give(shop, *AGGREGATES)
    ana = Person(shop.node, "ana")
    statements = [f"SELECT region, day, count(*), sum(amount), avg(pieces) FROM {TABLE} GROUP BY ALL ORDER BY ALL", f"DESCRIBE {TABLE}", f"SELECT count(*) FROM {TABLE}",
                  f"SELECT region FROM {TABLE}", f"SELECT rowid, region FROM {TABLE}", f"SELECT count(*) FROM {TABLE} WHERE region = 'FAR'", f"SUMMARIZE SELECT region, day FROM {TABLE}"]
    before = [told(ana.query(sql)) for sql in statements]
    # of receipts i and i + 6, in the same cell, one gains what the other loses
    other = receipts(shop, "other", "i * 1.5 + case when i between 1 and 6 then 1000 when i between 7 and 12 then -1000 when region = 'FAR' then 5e6 else 0 end + 1000")
    same = receipts(shop, "same", "i * 1.5 + 1000")
    shop.node.heddle("publish", shop.folder / "receipts.yaml", "--data", f"receipts={same}", as_="sam")
    plain = [told(ana.query(sql)) for sql in statements]
    shop.node.heddle("publish", shop.folder / "receipts.yaml", "--data", f"receipts={other}", as_="sam")
    assert [told(ana.query(sql)) for sql in statements] == plain
    assert plain != before, "or this test sees nothing"


def test_nobody_but_the_producer_changes_groups(shop_of_receipts):
    """A filter of the consumer's own on top of groups would give single rows: total minus total."""
    shop = shop_of_receipts
    grant = give(shop, *AGGREGATES)["id"]
    for options in (("--rows", "household <> 7"), ("--mask", "region=constant"), ("--hide", "region"), ("--rows", "day < DATE '2024-06-01'")):
        refused = shop.node.heddle("delegate", grant, "--to", "user:abe", *options, as_="ivy", expect=REFUSED)
        assert "groups" in refused.error["message"], (options, refused.error)
    other = shop.grant("--aggregate-only", "5", "--by", "region", object="sales.receipts", expect=BAD)
    assert "two shapes tell more than each" in other.error["message"], other.error
    shop.node.heddle("revoke", grant, as_="sam")
    plain_days = give(shop, "--aggregate-only", "5", "--by", "region,day", purpose="plain")["id"]
    shop.node.heddle("delegate", plain_days, "--to", "user:abe", "--rows", "region = 'EU'", as_="ivy")


def test_no_export(shop_of_receipts):
    shop = shop_of_receipts
    give(shop, "--no-export")
    ana = Person(shop.node, "ana")
    assert len(ana.query(f"SELECT * FROM {TABLE}").json()) == 116
    for form in ("ndjson", "csv", "parquet"):
        refused = ana.query(f"SELECT * FROM {TABLE}", format=form)
        assert refused.status_code == 403 and "not to be taken away (no export)" in refused.json()["error"]["message"], refused.text
    table = shop.node.run("query", f"SELECT receipt FROM {TABLE} LIMIT 1", "--purpose", "analysis", as_="ana")
    assert table.status == 0 and "receipt" in table.out, table.err
    assert shop.node.run("query", f"SELECT receipt FROM {TABLE}", "--purpose", "analysis", "--format", "parquet", as_="ana").status == REFUSED
    assert shop.node.run("query", f"SELECT receipt FROM {TABLE} LIMIT 1", "--purpose", "analysis", "--format", "csv", as_="ana").status == REFUSED
    assert len(json.loads(shop.node.run("query", f"SELECT receipt FROM {TABLE} LIMIT 1", "--purpose", "analysis", "--format", "json", as_="ana").out)) == 1
    many = ana.query(f"SELECT a.receipt FROM {TABLE} a, {TABLE} b")
    assert many.status_code == 413 and "more than 1000 rows: sales.receipts.receipts is granted to be looked at" in many.json()["error"]["message"], many.text
    assert len(ana.query(f"SELECT a.receipt FROM {TABLE} a, {TABLE} b LIMIT 1000").json()) == 1000


def when_free(person, sql):
    """A query holds what is left until it has ended, which is a moment behind its answer."""
    answers = []

    def free():
        answers.append(person.query(sql))
        return "are held by a query" not in answers[-1].text

    wait_for(free)
    return answers[-1]


def test_row_budget(shop_of_receipts):
    """So many rows a day under the grant, by all together, over restarts; what does not fit delivers nothing."""
    shop = shop_of_receipts
    give(shop, "--row-budget", "100")
    ana, abe = Person(shop.node, "ana"), Person(shop.node, "abe")
    assert len(when_free(ana, f"SELECT receipt FROM {TABLE} LIMIT 60").json()) == 60
    over = when_free(abe, f"SELECT receipt FROM {TABLE}")
    assert over.status_code == 413 and "more than 40 rows: that much is left until" in over.json()["error"]["message"], over.text
    assert len(when_free(abe, f"SELECT receipt FROM {TABLE} LIMIT 30").json()) == 30
    shop.node.restart()
    ana = Person(shop.node, "ana")
    assert when_free(ana, f"SELECT receipt FROM {TABLE} LIMIT 11").status_code == 413
    assert len(when_free(ana, f"SELECT receipt FROM {TABLE} LIMIT 10").json()) == 10
    spent = when_free(ana, f"SELECT receipt FROM {TABLE} LIMIT 1")
    assert spent.status_code == 403 and "used up" in spent.json()["error"]["message"], spent.text


def test_hours(shop_of_receipts, wrong_clock):
    """Outside its hours a grant covers nothing; a query that runs into their end is ended."""
    shop, sql = shop_of_receipts, f"SELECT count(*) AS n FROM {TABLE}"
    noon = (int(time.time()) // 86400 + 1) * 86400 + 12 * 3600 + 25
    offset = noon - time.time()
    wrong_clock(offset / 86400)  # tomorrow, 12:00:25
    shut = give(shop, "--hours", "mon-sun/13:00-17:00")
    refused = shop.node.query(sql, "ana", expect=REFUSED)
    assert "hours" in refused.error["message"], refused.error
    shop.node.heddle("revoke", shut["id"], as_="sam")
    end = int((time.time() + offset) % 86400) // 60 + 1
    end += (time.time() + offset) % 60 > 45
    give(shop, "--hours", f"mon-sun/12:00-{end // 60:02}:{end % 60:02}")
    assert shop.node.scalar(sql, "ana") == 116
    start = time.monotonic()
    ended = Person(shop.node, "ana").query(f"SELECT count(*) FROM range(100000000) a(i), range(100000) b(j), (SELECT count(*) c FROM {TABLE}) o WHERE i * j % 7 = c")
    assert ended.status_code == 403 and "ended while the query ran" in ended.json()["error"]["message"], (ended.text, time.monotonic() - start)
    shop.node.query(sql, "ana", expect=REFUSED)
