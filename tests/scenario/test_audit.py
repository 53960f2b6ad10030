"""The journal: every operation leaves its trace, search finds what a scan finds, exports and proofs hold, the index is derived."""

import base64
import contextlib
import json
import os
import random
import re
import sys

import pytest
import requests
from harness import BAD, DONE, NOT_FOUND, ROOT, wait_for

sys.path.insert(0, str(ROOT / "tests" / "tools"))
from verify_proof import Problem, check, leaf_hash  # noqa: E402

SQL = "SELECT store_id, sum(amount) FROM sales.orders.orders GROUP BY store_id"


def journal_bytes(node):
    """Every entry as it stands in the log's bundles, nothing of the index in between."""
    get = lambda path: node.http("GET", f"/api/v1/logs/journal/files/{path}")  # noqa: E731
    node.http("GET", "/api/v1/logs")  # publishes
    size, entries = int(get("checkpoint").text.split("\n")[1]), []
    while len(entries) < size:
        number, width = len(entries) // 256, min(256, size - len(entries))
        raw, at = get(f"tile/entries/{number:03d}" + (f".p/{width}" if width < 256 else "")).content, 0
        for _ in range(width):
            n = int.from_bytes(raw[at:at + 2], "big")
            entries.append(raw[at + 2:at + 2 + n])
            at += 2 + n
    return entries


def payload(entry):
    return json.loads(base64.b64decode(json.loads(entry)["payload"]))


class Scan:
    """What the guide says that search finds, by looking at every entry."""

    def __init__(self, node):
        self.domains = {d["name"]: d["id"] for d in node.heddle("domains")["domains"]}
        self.entries = []
        tables = {}
        for index, e in enumerate(map(payload, journal_bytes(node))):
            body, type_ = e["body"], e["type"].removeprefix("journal.")
            objects = [t["table"] for t in body.get("tables", [])]
            if type_ == "query.start":
                tables[body["query"]] = objects
            if type_ == "query.end":
                objects = tables.pop(body["query"], [])
            things = {".".join(o.split(".")[:2]) for o in [*objects, body.get("product", "")]} - {""}
            domains = {self.domains.get(o.split(".")[0]) for o in [*objects, body.get("product", "")]}
            domains |= {body.get("acting"), body.get("owner"), self.domains.get(body.get("domain"))}
            code = {"query.refused": "DENIED", "query.end": body.get("outcome"), "refused": body.get("code"), "publish.quarantined": "CONTRACT"}.get(type_, "OK")
            operation = "query" if type_.startswith("query.") else "publish" if type_ == "publish.quarantined" else body.get("operation", type_)
            outcome = "ok" if code == "OK" else "refused" if code in ("DENIED", "UNAUTHENTICATED") else "failed"
            self.entries.append({"index": index, "actor": e["actor"], "time": e["time"], "operation": operation, "outcome": outcome,
                                 "products": things, "domains": domains})

    def find(self, actor=None, product=None, outcome=None, operation=None, from_time=None, to_time=None, mine=None, of=None):
        return [e["index"] for e in self.entries
                if (not actor or e["actor"] == actor) and (not product or product in e["products"])
                and (not outcome or e["outcome"] == outcome) and (not operation or e["operation"] == operation)
                and (not from_time or e["time"] >= from_time) and (not to_time or e["time"] < to_time)
                and (not mine or e["actor"] == mine or (of and of in e["domains"]))]


def busy(shop):
    """Some of everything."""
    node = shop.node
    grant = shop.grant("--mask", "customer_id=hash")
    node.query(SQL, "ana")
    node.query("SELECT o.store_id, count(*) FROM sales.orders.orders o JOIN crm.people.people p USING (customer_id) GROUP BY ALL", "ana", expect=3)
    node.query(SQL, "otto", expect=3)
    node.query("SELECT nonsense", "ana", expect=2)
    node.run("grant", "crm.people", "--to", "outside", "--purpose", "analysis", as_="sam")
    node.heddle("request", "crm.people", "--purpose", "analysis", "--reason", "the canary sings", as_="ana")
    node.heddle("show", "sales.orders", as_="ana")
    node.heddle("show", "no.such", as_="ana", expect=NOT_FOUND)
    shop.publish(shop.orders("bad", "select * replace (-1 as amount) from '" + str(shop.orders_file) + "'"), expect=2)
    requests.get(f"{node.url}/api/v1/products", headers={"Authorization": "Bearer hdl_guess"}, timeout=30)
    node.heddle("revoke", grant["id"], as_="sam")
    node.query(SQL, "ana", expect=3)


# --- every door ---

def fill(schema, components):
    if "$ref" in schema:
        schema = components["schemas"][schema["$ref"].rpartition("/")[2]]
    for part in schema.get("anyOf", [])[:1]:
        schema = schema | part
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type", "object")
    if kind == "object":
        return {k: fill(v, components) for k, v in schema.get("properties", {}).items() if k in schema.get("required", [])}
    return {"string": "zz9", "integer": 1, "number": 1, "boolean": False, "array": []}[kind]


def call_anything(node, method, template, operation, doc):
    """With arguments that pass the edge and lead nowhere."""
    path = re.sub(r"\{(index|seq)\}", "0", template)
    path = re.sub(r"\{[\w.]+\}", "zz9", path)
    query = {p["name"]: fill(p["schema"], doc["components"]) for p in operation.get("parameters", []) if p["in"] == "query" and p.get("required")}
    content = operation.get("requestBody", {}).get("content", {})
    more = {"params": query}
    if "application/json" in content:
        more["json"] = fill(content["application/json"]["schema"], doc["components"])
    elif content:
        more |= {"data": b"x", "headers": {"Content-Type": next(iter(content))}}
    return node.http(method, path, **more)


def test_every_operation_leaves_its_trace(shop):
    node = shop.node
    doc = requests.get(f"{node.url}/openapi.json", timeout=30).json()
    silent, admin = [], next(u["id"] for u in node.heddle("users")["users"] if u["name"] == "admin")
    walked = 0
    for template, item in doc["paths"].items():
        for method, operation in item.items():
            if method not in ("get", "post", "delete", "put", "patch") or not operation.get("security", doc.get("security")):
                continue
            before = len(journal_bytes(node))
            answer = call_anything(node, method.upper(), template, operation, doc)
            told = [payload(e) for e in journal_bytes(node)[before:]]
            walked += 1
            if not any(e["actor"] == admin and e["body"].get("operation", e["type"].split(".")[1]) == operation["operationId"] for e in told):
                silent.append((operation["operationId"], answer.status_code, answer.text[:200]))
    assert walked >= 25 and not silent, silent


def test_who_only_knocked_leaves_a_trace_and_no_name(shop):
    node = shop.node
    before = len(journal_bytes(node))
    node.heddle("show", "a_secret_wish.of_mine", as_="ana", expect=NOT_FOUND)
    node.http("GET", "/api/v1/products", token="hdl_wrong")
    told = journal_bytes(node)[before:]
    assert [payload(e)["body"]["code"] for e in told if payload(e)["type"] == "journal.refused"] == ["NOT_FOUND", "UNAUTHENTICATED"]
    assert b"a_secret_wish" not in b"".join(base64.b64decode(json.loads(e)["payload"]) for e in told)


def test_what_was_made_and_whom_it_concerns_is_told_by_ids(shop):
    node = shop.node
    grant = shop.grant()
    added = node.heddle("user", "add", "newcomer", "--domain", "insights", "--role", "analyst", as_="ivy")
    told = {e["body"].get("id"): e["body"] for e in node.heddle("audit", "search")["entries"]}
    assert told[grant["id"]]["operation"] == "grant_add" and told[grant["id"]]["product"] == "sales.orders"
    assert told[added["id"]]["whom"] == added["id"] and "newcomer" not in json.dumps(list(told.values()))


# --- search ---

def test_search_finds_what_a_scan_finds(shop):
    node = shop.node
    busy(shop)
    node.heddle("user", "add", "alma", "--domain", "governance", "--role", "auditor")
    node.heddle("user", "add", "spy", "--domain", "insights", "--role", "auditor", as_="ivy")
    people = {u["name"]: u["id"] for u in node.heddle("users")["users"]}
    scan = Scan(node)
    times = sorted({e["time"] for e in scan.entries})
    rng = random.Random(7)
    asked = [{}] + [{k: rng.choice(v) for k, v in {
        "person": ["ana", "sam", "otto", "admin", people["ana"]], "product": ["sales.orders", "crm.people", "no.such"], "outcome": ["ok", "refused", "failed"],
        "operation": ["query", "grant_add", "publish", "product", "purpose_retire"], "from_time": times, "to_time": times}.items() if rng.random() < 0.4}
        for _ in range(60)]
    found_something = 0
    for who, mine, of in (("alma", None, None), ("spy", "spy", "insights"), ("sam", "sam", "sales"), ("ana", "ana", None)):
        for filters in asked:
            answer = node.http("GET", "/api/v1/journal", as_=who, params={**filters, "from": 0, "limit": 1000}).json()
            got = [e["index"] for e in answer["entries"] if e["index"] < len(scan.entries)]
            rest = {k: v for k, v in filters.items() if k != "person"}
            actor = people.get(filters.get("person"), filters.get("person"))
            assert got == scan.find(actor=actor, mine=people.get(mine), of=scan.domains.get(of), **rest), (who, filters)
            found_something += bool(got)
    assert found_something > 60
    first = node.http("GET", "/api/v1/journal?limit=3&from=0").json()["entries"]
    after = node.http("GET", f"/api/v1/journal?limit=3&after={first[-1]['index']}").json()["entries"]
    assert [e["index"] for e in first + after] == list(range(6))
    assert "query" in node.run("audit", "search", "--person", "ana", "--product", "sales.orders").out


def test_a_domain_is_told_of_its_own_tables_only(shop):
    node = shop.node
    shop.grant()
    node.heddle("grant", "crm.people", "--to", "insights", "--purpose", "analysis", as_="carl")
    node.query("SELECT count(*) AS n FROM sales.orders.orders JOIN crm.people.people USING (customer_id)", "ana")
    for who, tables in (("sam", {"sales.orders.orders"}), ("carl", {"crm.people.people"}), ("ana", {"sales.orders.orders", "crm.people.people"})):
        seen = node.http("GET", "/api/v1/journal?operation=query&whole=true", as_=who).json()["entries"]
        started = [e for e in seen if e["type"] == "journal.query.start"]
        assert {t["table"] for e in started for t in e["body"]["tables"]} == tables
        assert all(("entry" in e) == (who == "ana") for e in seen)
    assert node.http("GET", "/api/v1/journal?operation=query", as_="otto").json()["entries"] == []


# --- export and proofs ---

def key_line(node, log="journal"):
    return node.http("GET", f"/api/v1/logs/{log}/files/keys").text


def test_an_export_is_complete_and_each_line_is_proven(shop, tmp_path):
    node = shop.node
    busy(shop)
    out = tmp_path / "journal.jsonl"
    told = node.heddle("audit", "export", "--out", out)
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    scan = journal_bytes(node)
    assert [e["index"] for e in lines] == list(range(told["size"])) and len(lines) == told["entries"] == told["size"] > 30
    assert [e["entry"].encode() for e in lines] == scan[:len(lines)]
    assert all(e["leaf"] == leaf_hash(e["entry"].encode()).hex() for e in lines)
    keys = key_line(node)
    for e in lines:
        proof = node.http("GET", f"/api/v1/logs/journal/proofs/{e['index']}").content
        assert check(proof, keys, bytes.fromhex(e["leaf"]))[:2] == ("heddle/journal", e["index"])
    some = node.heddle("audit", "export", "--product", "sales.orders", "--outcome", "refused", "--out", out)
    assert 0 < some["entries"] < told["entries"]


def test_every_entry_of_every_log_has_a_proof_and_no_changed_one_holds(shop, tmp_path):
    node = shop.node
    shop.grant()
    logs = node.heddle("domains", as_="ana")["domains"]
    for log in logs:
        keys, size = key_line(node, log["id"]), log["log_size"]
        node.http("GET", "/api/v1/logs")  # publishes
        bundle = node.http("GET", f"/api/v1/logs/{log['id']}/files/tile/entries/000.p/{size}").content
        for index in range(size):
            proof = node.http("GET", f"/api/v1/logs/{log['id']}/proofs/{index}", as_="ana").content
            at = 0
            for _ in range(index):
                at += 2 + int.from_bytes(bundle[at:at + 2], "big")
            entry = bundle[at + 2:at + 2 + int.from_bytes(bundle[at:at + 2], "big")]
            check(proof, keys, leaf_hash(entry))
    for at in range(len(proof)):
        with pytest.raises(Problem):
            check(proof[:at] + bytes([proof[at] ^ 1]) + proof[at + 1:], keys, leaf_hash(entry))
    with pytest.raises(Problem):
        check(proof, keys, leaf_hash(entry[:-1] + b" "))
    assert node.http("GET", f"/api/v1/logs/{log['id']}/proofs/{size}").status_code == 404
    assert node.run("audit", "proof", "0", "--log", "sales", "--out", tmp_path / "p", as_="ana").status == DONE
    assert (tmp_path / "p").read_text().startswith("c2sp.org/tlog-proof@v1\nindex 0\n")
    # the journal's are for those who may find the entry
    assert node.http("GET", "/api/v1/logs/journal/proofs/0", as_="ana").status_code == 404
    own = node.http("GET", "/api/v1/journal?limit=1", as_="ana").json()["entries"][0]
    assert check(node.http("GET", f"/api/v1/logs/journal/proofs/{own['index']}", as_="ana").content, key_line(node), bytes.fromhex(own["leaf"]))


def test_an_operation_that_there_is_none_of_is_not_nothing_found(shop):
    shop.node.heddle("audit", "search", "--operation", "grant_add")
    said = shop.node.heddle("audit", "search", "--operation", "grant_ad", expect=BAD)
    assert "--operation 'grant_ad'" in said.error["message"]


# --- the index is derived ---

def test_an_index_that_is_lost_damaged_or_of_another_journal_is_made_anew(shop, make_node):
    node = shop.node
    busy(shop)
    other = make_node("other").start()
    other.heddle("audit", "search")
    other.stop()
    search = ("audit", "search", "--product", "sales.orders", "--operation", "query", "--limit", "1000")
    before = node.heddle(*search)["entries"]
    used = node.heddle("usage")["usage"]
    path = node.data / "catalog" / "audit.db"

    def damage():
        raw = bytearray(path.read_bytes())
        raw[200:4000] = os.urandom(3800)
        path.write_bytes(raw)

    for what, word in ((path.unlink, "has no index"), (damage, "is made anew"), (lambda: path.write_bytes(b"no database at all"), "is made anew"),
                       (lambda: path.write_bytes((other.data / "catalog" / "audit.db").read_bytes()), "is not of this journal")):
        node.stop()
        node.log.write_text("")
        for wal in path.parent.glob("audit.db-*"):
            wal.unlink()
        what()
        node.start()
        assert node.heddle(*search)["entries"] == before
        assert node.heddle("usage")["usage"] == used
        assert word in node.log_text(), word


def test_killed_at_any_time_the_index_tells_the_same_as_a_scan(shop):
    node = shop.node
    shop.grant()
    for i in range(6):
        for _ in range(i):
            node.query(SQL, "ana")
        node.kill()
        node.start()
    scan = Scan(node)
    assert len(scan.find(operation="query")) >= 15 + 10
    found = [e["index"] for e in node.heddle("audit", "search", "--operation", "query", "--limit", "1000")["entries"]]
    assert found == scan.find(operation="query")
    (line,) = [u for u in node.heddle("usage", "sales.orders")["usage"] if u["person"] == "ana"]
    assert line["queries"] == 15


# --- usage ---

def test_usage_tells_who_used_what_and_what_nobody_uses(shop):
    node = shop.node
    grant, idle = shop.grant(), shop.grant(to="outside")
    for _ in range(3):
        node.query(SQL, "ana")
    node.query("SELECT * FROM sales.orders.orders", "ana")
    node.heddle("query", SQL, "--purpose", "elsewhere", as_="ana", expect=3)
    lines = wait_for(lambda: node.heddle("usage", "sales.orders", as_="sam")["usage"])
    by = {(u["person"], u["purpose"], tuple(u["columns"]), u["all_columns"]): u for u in lines}
    some = by["ana", "analysis", ("amount", "store_id"), False]
    assert (some["queries"], some["rows"], some["grant"]) == (3, 9, grant["id"]) and some["first"] <= some["last"]
    (everything,) = [u for u in lines if u["all_columns"] and u["queries"]]
    assert (everything["queries"], everything["rows"]) == (1, 30)
    assert sum(u["refused"] for u in lines) == 1 and sum(u["queries"] for u in lines) == 4
    assert [u["queries"] for u in node.heddle("usage", "--grant", grant["id"], as_="ana")["usage"]] and not node.heddle("usage", as_="otto")["usage"]
    assert not node.heddle("usage", as_="carl")["usage"]
    assert node.heddle("usage", "--unused", "30")["unused"] == []  # nothing is that old
    unused = node.http("GET", "/api/v1/usage?unused=true&days=0", as_="sam").json()["unused"]
    assert {(u["kind"], u["id"]) for u in unused} >= {("grant", idle["id"])} and all(u["kind"] == "product" or u["to"] for u in unused)
    assert "TABLE" in node.run("usage", "sales.orders").out and "nothing is unused" in node.run("usage", "--unused", "1").out


# --- erasure ---

def stands_in(node, *words):
    """Files of the node, and what it told, that hold one of the words."""
    found = set()
    for path in [*node.data.rglob("*"), node.log]:
        with contextlib.suppress(FileNotFoundError, IsADirectoryError):  # tiles come and go
            content = path.read_bytes()
            found |= {str(path.relative_to(node.folder)) for w in words if w.encode() in content}
    return found


def test_what_is_erased_stands_nowhere_and_all_else_goes_on(shop):
    node = shop.node
    name, reason, denial, said = "canarybird", "the canary sings of yellow", "no seeds for the canary", "but the canary is hungry"
    node.heddle("user", "add", name, "--domain", "insights", "--role", "analyst", as_="ivy")
    shop.grant()
    node.query(SQL, name)
    asked = node.heddle("request", "crm.people", "--purpose", "analysis", "--reason", reason, as_=name)["id"]
    node.heddle("comment", asked, said, as_=name)
    comment = next(c["id"] for c in node.heddle("requests", asked, as_=name)["comments"])
    node.heddle("deny", asked, "--reason", denial, as_="carl")
    assert stands_in(node, name) and stands_in(node, reason) and stands_in(node, denial) and stands_in(node, said)  # the search can find
    person = next(u["id"] for u in node.heddle("users")["users"] if u["name"] == name)
    used = node.heddle("usage", "sales.orders")["usage"]

    assert node.run("user", "erase", name, as_="ivy").status != DONE, "a member"
    assert node.run("erase", asked, as_="otto").status != DONE and node.run("erase", comment, as_="otto").status != DONE
    node.heddle("erase", comment, as_=name)
    assert not stands_in(node, said) and stands_in(node, reason)
    node.heddle("erase", asked, "--basis", "retention")
    assert not stands_in(node, reason, denial)
    node.heddle("user", "remove", name, as_="ivy")
    assert node.run("user", "erase", name, as_="sam").status == NOT_FOUND
    def acts(**who):
        return {e["person"] for e in node.heddle("audit", "search", "--person", name, "--limit", "1000", **who)["entries"]}

    assert acts() == acts(as_="ivy") == {person} and not acts(as_="sam") - {person} and not acts(as_="otto"), "who left is found by the name they had"
    assert node.heddle("user", "erase", name, as_="ivy")["id"] == person
    assert not stands_in(node, name, reason, denial, said)

    node.kill()
    node.start()
    assert not stands_in(node, name, reason, denial, said)
    entries = node.heddle("audit", "search", "--person", person, "--limit", "1000")["entries"]
    assert {e["actor"] for e in entries} == {"(erased)"} and any(e["type"] == "journal.query.start" for e in entries)
    (line,) = node.heddle("usage", "sales.orders")["usage"]
    assert line == used[0] | {"person": "(erased)"}
    (gone,) = [r for r in node.heddle("requests", as_="carl")["requests"] if r["id"] == asked]
    assert gone["person"].endswith("(erased)") and gone["reason"] == gone["deny_reason"] == "(erased)"
    assert node.heddle("rebuild")["same"] and node.run("log", "verify").status == DONE
    acts = [e for e in node.heddle("audit", "search", "--limit", "1000")["entries"] if e["body"].get("operation") in ("user_erase", "text_erase")]
    assert len([e for e in acts if e["type"] == "journal.action"]) == 3
    again = node.heddle("user", "add", name, "--domain", "insights", "--role", "analyst", as_="ivy")
    assert again["id"] != person


# --- row budgets ---

def test_a_budget_of_rows_survives_kills_and_is_never_exceeded(shop):
    node = shop.node
    shop.grant("--row-budget", "40")
    assert len(node.query("SELECT order_id FROM sales.orders.orders", "ana")) == 30
    node.kill()
    (node.data / "catalog" / "audit.db").unlink()
    node.start()
    done = node.run("query", "SELECT order_id FROM sales.orders.orders", "--purpose", "analysis", "--json", as_="abe")
    assert done.status != DONE, "30 + 30 rows of 40"
    got = node.run("query", "SELECT order_id FROM sales.orders.orders LIMIT 10", "--purpose", "analysis", "--json", as_="abe")
    assert got.status != DONE or len(got.json) <= 10
    charged = sum(e["body"].get("charged", 0) for e in node.heddle("audit", "search", "--operation", "query")["entries"])
    assert charged <= 40
