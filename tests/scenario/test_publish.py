"""Publishing: contracts, quarantine, versions, and every kind of bad file."""

import json
import shutil
import threading

import pytest
from harness import ANSWERS_S, BAD, NOT_FOUND, ORDERS, ORDERS_SQL, REFUSED, Column, contract, parquet, wait_for

COUNT = "SELECT count(*) FROM sales.orders.orders"


@pytest.fixture
def open_shop(shop):
    shop.grant()
    return shop


def failing(refused):
    return [c for table in refused.json["report"] for c in table["checks"] if c["outcome"] == "fail"]


@pytest.mark.parametrize("what, sql, column", [
    ("a duplicate key", "union all from '{f}' where order_id = 7", "order_id"),
    ("a negative price", "union all select * replace (99 as order_id, -2.5 as amount) from '{f}' where order_id = 7", "amount"),
    ("a missing value", "union all select * replace (98 as order_id, null as customer_id) from '{f}' where order_id = 7", "customer_id"),
])
def test_a_batch_that_breaks_its_contract_names_the_rows(open_shop, what, sql, column):
    shop = open_shop
    refused = shop.publish(shop.orders("bad", f"from '{shop.orders_file}' {sql.format(f=shop.orders_file)}"), expect=BAD)
    assert refused.error["code"] == "CONTRACT" and refused.json["batch"]
    bad = failing(refused)
    assert bad and any(column in json.dumps(c) for c in bad)
    rows = [r for c in bad for r in c.get("rows", [])]
    assert rows, f"no row is named for {what}"
    assert shop.node.scalar(COUNT, "ana") == 30
    quality = shop.node.http("GET", "/api/v1/products/sales.orders/quality", as_="sam").json()
    assert quality["failed"] == 0 and [q["batch"] for q in quality["quarantined"]] == [refused.json["batch"]]


def test_the_person_sees_the_report(open_shop):
    shop = open_shop
    bad = shop.orders("bad", f"from '{shop.orders_file}' union all select * replace (99 as order_id, -2.5 as amount) from '{shop.orders_file}' where order_id = 7")
    told = shop.publish(bad, expect=BAD, json_=False)
    assert "-2.5" in told.out and "fail" in told.out and "set aside" in told.out
    told = shop.publish(json_=False)
    assert "published sales.orders 1.0.0" in told.out and "30 rows" in told.out and "passed" in told.out


def test_consumers_never_see_a_bad_batch_while_it_is_published(open_shop):
    shop, seen, stop = open_shop, [], threading.Event()
    bad = shop.orders("bad", f"from '{shop.orders_file}' union all from '{shop.orders_file}'")

    def ask():
        while not stop.is_set():
            seen.append(shop.node.run("query", COUNT, "--purpose", "analysis", "--format", "csv", as_="ana"))

    askers = [threading.Thread(target=ask, daemon=True) for _ in range(2)]
    for t in askers:
        t.start()
    try:
        for _ in range(3):
            shop.publish(bad, expect=BAD)
            shop.publish(parquet(shop.folder / "same.parquet", f"from '{shop.orders_file}'"))
        wait_for(lambda: len(seen) >= 4)
    finally:
        stop.set()
    for t in askers:
        t.join(ANSWERS_S)
    assert len(seen) >= 4 and {(r.status, r.out.replace("\r", "").split("\n")[1]) for r in seen} == {(0, "30")}, [r.err for r in seen if r.status]


def test_a_new_column_and_a_new_snapshot_are_seen_at_the_next_query(open_shop):
    shop = open_shop
    more = shop.orders("more", ORDERS_SQL.replace("range(1, 31)", "range(1, 41)"))
    shop.publish(more)
    assert shop.node.scalar(COUNT, "ana") == 40
    wider = shop.orders("wider", f"select *, 'x' as channel from '{more}'")
    second = contract(shop.folder / "c2.yaml", "sales", "orders", {"orders": [*ORDERS, Column("channel", "string")]}, version="1.1.0")
    shop.publish(wider, second)
    assert shop.node.scalar("SELECT count(channel) FROM sales.orders.orders", "ana") == 40


def test_a_breaking_change_needs_a_new_major_version(open_shop):
    shop = open_shop
    fewer = [c for c in ORDERS if c.name != "card"]
    second = contract(shop.folder / "c2.yaml", "sales", "orders", {"orders": fewer}, version="1.1.0")
    refused = shop.publish(contract_file=second, expect=BAD)
    assert "card" in refused.error["message"] and "2.0.0" in refused.error["message"]
    third = contract(shop.folder / "c3.yaml", "sales", "orders", {"orders": fewer}, version="2.0.0")
    narrow = shop.orders("narrow", f"select * exclude (card) from '{shop.orders_file}'")
    assert shop.publish(narrow, third)["version"] == "2.0.0"
    shop.publish(expect=BAD)  # 1.0.0 again
    assert shop.node.scalar(COUNT, "ana") == 30


def test_several_files_patterns_and_tables(shop):
    folder = shop.folder / "parts"
    folder.mkdir()
    for i in range(3):
        parquet(folder / f"part{i}.parquet", f"from '{shop.orders_file}' where order_id % 3 = {i}")
    two = contract(shop.folder / "two.yaml", "sales", "both", {"orders": ORDERS, "extra": [Column("order_id", key=1), Column("word", "string")]})
    extra = parquet(shop.folder / "extra.parquet", "select i::bigint order_id, 'w' || i as word from range(5) t(i)")
    done = shop.node.heddle("publish", "--data", f"orders={folder}/part0.parquet", f"{folder}/part1.parquet", f"{folder}/part2.parquet",
                            "--data", f"extra={extra}", two, as_="eve")
    assert {t["name"]: (t["rows"], t["files"]) for t in done["tables"]} == {"orders": (30, 3), "extra": (5, 1)}
    done = shop.node.heddle("publish", two, "--data", f"orders={folder}/*.parquet", "--data", f"extra={extra}", as_="sam")
    assert {t["name"]: t["files"] for t in done["tables"]} == {"orders": 3, "extra": 1}


def test_who_may_publish(shop):
    for who in ("ana", "carl"):
        shop.publish(as_=who, expect=REFUSED)
    shop.node.heddle("publish", shop.orders_contract, "--data", f"orders={shop.orders_file}", expect=REFUSED)  # the administrator
    shop.publish(as_="eve")


def bad_file(kind, shop):
    path = shop.folder / f"{kind}.parquet"
    if kind == "missing":
        return path
    if kind == "folder":
        path.mkdir()
    elif kind == "empty":
        path.touch()
    elif kind == "truncated":
        path.write_bytes(shop.orders_file.read_bytes()[:-100])
    elif kind == "text":
        path.write_text("order_id,amount\n1,2\n" * 10)
    elif kind == "magic":  # begins and ends well, and is nothing in between
        path.write_bytes(b"PAR1" + bytes(range(256)) * 8 + b"PAR1")
    elif kind == "footer":  # a whole file whose footer lies about its own length
        data = bytearray(shop.orders_file.read_bytes())
        data[-8:-4] = (2**31 - 1).to_bytes(4, "little")
        path.write_bytes(data)
    elif kind == "flipped":  # a damaged page
        data = bytearray(shop.orders_file.read_bytes())
        for i in range(4, 400, 3):
            data[i] ^= 0xFF
        path.write_bytes(data)
    return path


@pytest.mark.parametrize("kind", ["missing", "folder", "empty", "truncated", "text", "magic", "footer", "flipped"])
def test_a_bad_file_is_named_and_nothing_is_published(open_shop, kind):
    shop = open_shop
    path = bad_file(kind, shop)
    before = shop.node.heddle("show", "sales.orders", as_="sam")["snapshot"]
    refused = shop.publish(path, expect=BAD)
    # a page that is damaged inside is met by the rules that read it
    assert path.name in refused.error["message"] or kind == "flipped" and refused.error["code"] == "CONTRACT", refused.error
    assert str(shop.folder) not in refused.error["message"] or kind in ("missing", "folder", "empty", "truncated", "text")
    assert shop.node.heddle("show", "sales.orders", as_="sam")["snapshot"] == before
    assert shop.node.scalar(COUNT, "ana") == 30
    assert all(r["restarts"] == 0 for r in shop.node.heddle("status")["roles"] if r["role"] in ("core", "gate", "keys", "lake"))


def test_files_exchanged_between_tables(shop):
    both = contract(shop.folder / "both.yaml", "sales", "both", {"orders": ORDERS, "extra": [Column("word", "string")]})
    extra = parquet(shop.folder / "extra.parquet", "select 'a' as word")
    refused = shop.node.heddle("publish", both, "--data", f"orders={extra}", "--data", f"extra={shop.orders_file}", as_="sam", expect=BAD)
    assert "extra.parquet" in refused.error["message"] or "order_id" in refused.error["message"]
    shop.node.heddle("show", "sales.both", as_="sam", expect=NOT_FOUND)


def test_a_type_that_does_not_fit(shop):
    words = shop.orders("words", f"select * replace ('many' as amount) from '{shop.orders_file}'")
    refused = shop.publish(words, expect=BAD)
    assert "amount" in refused.error["message"] and "VARCHAR" in refused.error["message"]


def test_a_column_the_contract_names_and_the_file_lacks(shop):
    refused = shop.publish(shop.orders("narrow", f"select * exclude (card) from '{shop.orders_file}'"), expect=BAD)
    assert "card" in refused.error["message"]


def test_a_table_without_files_and_files_without_a_table(shop):
    refused = shop.node.heddle("publish", shop.orders_contract, "--data", f"oders={shop.orders_file}", as_="sam", expect=BAD)
    assert "oders" in refused.error["message"] or "orders" in refused.error["message"]


@pytest.mark.parametrize("change, line, says", [
    ("  purpose: x", 10, "purpose"), ("ownr: sam", 10, "ownr"),
])
def test_an_unknown_key_is_named_with_line_and_column(shop, change, line, says):
    text = f"""apiVersion: v3.1.0
kind: DataContract
id: sales-orders
name: orders
version: 1.0.0
status: active
domain: sales
dataProduct: orders
{'description:' if change.startswith(' ') else 'tags: [a]'}
{change}
{'  porpose: y' if change.startswith(' ') else 'tenant: t'}
schema:
  - name: orders
    properties:
      - name: order_id
        logicalType: integer
"""
    path = shop.folder / "unknown.yaml"
    path.write_text(text)
    refused = shop.publish(contract_file=path, expect=BAD)
    bad, at = ("porpose", 11) if change.startswith(" ") else (says, line)
    assert bad in refused.error["message"] and f"line {at}" in refused.error["message"] and "column" in refused.error["message"]


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "\n".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join(['*' + chr(97 + i)] * 9)}]" for i in range(8)) + "\n"


@pytest.mark.parametrize("name, text", [
    ("bomb", BOMB), ("empty", ""), ("binary", "\x00\x01\x02"), ("unclosed", "a: [1, 2\n"), ("tag", "a: !!python/object x\n"),
    ("deep", "[" * 5000), ("large", "a: " + "x" * 5_000_000), ("twice", "id: a\nid: b\n"), ("list", "- 1\n- 2\n"), ("tabs", "a:\n\t- b\n"),
])
def test_a_contract_that_is_none(shop, name, text):
    path = shop.folder / f"{name}.yaml"
    path.write_bytes(text.encode("latin-1"))
    refused = shop.publish(contract_file=path, expect=BAD)
    assert path.name in refused.error["message"]
    # the node judges the same when nobody looked before
    answer = shop.node.http("POST", "/api/v1/products", as_="sam", json={"contract": text[:190000], "data": {"orders": ["u_aaaaaaaaaaaa"]}})
    assert answer.status_code in (400, 404, 413, 422), answer.text
    assert shop.node.heddle("status")["node"]


def test_contract_check_needs_no_node(make_node, tmp_path):
    node = make_node()
    node.port = 1
    good = contract(tmp_path / "good.yaml", "sales", "orders", {"orders": ORDERS})
    assert node.heddle("contract", "check", good, admin=False)["ok"] is True
    assert "valid" in node.heddle("contract", "check", good, admin=False, json_=False).out
    (tmp_path / "bad.yaml").write_text(good.read_text().replace('"kind"', '"knid"'))
    refused = node.heddle("contract", "check", tmp_path / "bad.yaml", admin=False, expect=BAD)
    assert "knid" in refused.error["message"] and "line" in refused.error["message"]


def test_an_upload_that_stops_half_way_leaves_nothing(shop):
    import socket

    with socket.create_connection(("127.0.0.1", shop.node.port)) as s:
        s.sendall(b"POST /api/v1/uploads HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + shop.node.token("sam").encode() +
                  b"\r\nContent-Type: application/octet-stream\r\nContent-Length: 1000000\r\n\r\n" + b"PAR1" * 1000)
    assert shop.publish()["state"] == "published"


def test_an_upload_of_another_person_cannot_be_published(shop):
    up = shop.node.http("POST", "/api/v1/uploads", as_="carl", data=shop.orders_file.read_bytes(),
                        headers={"Content-Type": "application/octet-stream"}).json()
    answer = shop.node.http("POST", "/api/v1/products", as_="sam",
                            json={"contract": shop.orders_contract.read_text(), "data": {"orders": [up["upload"]]}})
    assert answer.status_code in (400, 403, 404)


def test_publishing_the_same_twice_is_no_change_of_version(shop):
    first = shop.publish()
    copy = shop.folder / "copy.parquet"
    shutil.copy(shop.orders_file, copy)
    assert shop.publish(copy)["version"] == first["version"]
