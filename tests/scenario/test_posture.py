"""The posture: each control fails after a violation on a real node and passes after its remedy; exceptions end; the page for an auditor is what it says."""

import json
import time
from datetime import datetime, timedelta, timezone
from html.parser import HTMLParser

import jsonschema
import pytest
from harness import BAD, NOT_FOUND, ORDERS, REFUSED, Column, contract, wait_for
from test_audit import stands_in

DAY, HOUR = 86400, 3600
PURPOSE = "analysis"
SAFE = ("--mask", "customer_id=hash", "--mask", "card=hash", "--mask", "secret_note=null", "--until")


def day(n=0):
    return (datetime.now(timezone.utc) + timedelta(days=n)).strftime("%Y-%m-%d")


@pytest.fixture
def clock(wrong_clock):
    """Moves the clock of the shop's node so many seconds ahead and starts it anew."""
    return lambda seconds: wrong_clock(seconds=seconds)


class Posture:
    def __init__(self, shop):
        self.node = shop.node

    def get(self, *options, **more):
        return self.node.heddle("posture", *options, **more)

    def control(self, id_, **more):
        (c,) = self.get("--control", id_, **more)["controls"]
        return c

    def findings(self, id_, start="", key="findings", **more):
        return [f for f in self.control(id_, **more)[key] if f["subject"].startswith(start)]

    def fails(self, id_, start):
        """The one finding of that beginning; it says what is needed to act on it."""
        found = self.findings(id_, start)
        assert found, (id_, start, self.control(id_))
        for f in found:
            assert f["text"] and f["remedy"] and f["domain"] and f["owner"] and f["owner"] != "(erased)"
            assert f["since"] < f["due"]
        assert self.control(id_)["status"] == "fail"
        return found[0]

    def passes(self, id_, start):
        assert self.findings(id_, start) == []


@pytest.fixture
def posture(shop):
    return Posture(shop)


# --- one by one ---

def test_c01_owners(shop, posture):
    posture.fails("C01", "sales")
    shop.node.heddle("user", "add", "sid", "--domain", "sales", "--role", "owner", as_="sam")
    posture.passes("C01", "sales")
    posture.fails("C01", "crm")


def test_c02_personal_data(shop, posture):
    grant = shop.grant("--until", day(30))["id"]
    found = posture.fails("C02", f"sales/{grant}/")
    assert {f["subject"].rpartition(".")[2] for f in posture.findings("C02", f"sales/{grant}/")} == {"customer_id", "card"}
    assert found["severity"] == "critical" and found["evidence"]["name"] == "sales"
    shop.node.heddle("revoke", grant, as_="sam")
    masked = shop.grant(*SAFE, day(30))["id"]
    filtered = shop.grant("--rows", "store_id = 1", "--until", day(30), to="outside")["id"]
    posture.passes("C02", f"sales/{grant}")
    posture.passes("C02", f"sales/{masked}")
    posture.passes("C02", f"sales/{filtered}")


def test_c02_a_mask_of_the_center_counts(shop, posture):
    grant = shop.grant("--until", day(30))["id"]
    posture.fails("C02", f"sales/{grant}/")
    restriction = shop.node.heddle("restrict", "personal", "--mask", "hash")["id"]
    posture.passes("C02", f"sales/{grant}/")
    shop.node.heddle("lift", restriction)
    posture.fails("C02", f"sales/{grant}/")


def test_c03_grants_end(shop, posture):
    for_ever = shop.grant(purpose="x1")["id"]
    long = shop.grant(*SAFE, day(120), purpose="x2")["id"]  # 'personal' is no known class: as restricted
    short = shop.grant(*SAFE, day(80), purpose="x3")["id"]
    assert "never ends" in posture.fails("C03", f"sales/{for_ever}")["text"]
    assert "90" in posture.fails("C03", f"sales/{long}")["text"]
    posture.passes("C03", f"sales/{short}")
    for grant in (for_ever, long):
        shop.node.heddle("revoke", grant, as_="sam")
        posture.passes("C03", f"sales/{grant}")


def test_c04_unused(shop, posture, clock):
    used = shop.grant(*SAFE, day(300), purpose="used")["id"]
    idle = shop.grant(*SAFE, day(300), purpose="idle")["id"]
    posture.passes("C04", "sales/")
    clock(91 * DAY)
    shop.node.query("SELECT count(*) FROM sales.orders.orders", "ana", "used")
    posture.fails("C04", f"sales/{idle}")
    posture.passes("C04", f"sales/{used}")
    shop.node.heddle("revoke", idle, as_="sam")
    posture.passes("C04", f"sales/{idle}")


def test_c05_purpose(shop, posture):
    grant = shop.grant(*SAFE, day(30), purpose="*")["id"]
    posture.fails("C05", f"sales/{grant}")
    shop.node.heddle("revoke", grant, as_="sam")
    posture.passes("C05", f"sales/{grant}")


def test_c06_two_persons(shop, posture):
    posture.fails("C06", "sales.orders")
    path = shop.folder / "two.yaml"
    path.write_text(json.dumps({"name": "two", "scope": {"product": "sales.orders"}, "effects": {"approvals": {"count": 2}}}))
    shop.node.heddle("policy", "add", path)
    posture.passes("C06", "sales.orders")
    posture.fails("C06", "crm.people")


def test_c07_open_doors(shop, posture):
    grant = shop.grant("--until", day(30), purpose="*")["id"]
    posture.fails("C07", f"sales/{grant}")
    shop.node.heddle("revoke", grant, as_="sam")
    shop.grant("--until", day(30))
    posture.passes("C07", "sales/")


def test_c08_departures(shop, posture, clock):
    grant = shop.grant(*SAFE, day(30), to="user:abe")["id"]
    shop.node.heddle("user", "remove", "abe", as_="ivy")
    posture.passes("C08", "sales/")
    clock(2 * HOUR)
    posture.fails("C08", f"sales/{grant}")
    shop.node.heddle("revoke", grant, as_="sam")
    posture.passes("C08", "sales/")


def test_c09_reviews(shop, posture, clock):
    grant = shop.grant(*SAFE, day(30))["id"]
    posture.passes("C09", "sales.orders")
    clock(91 * DAY)
    posture.fails("C09", "sales.orders")
    shop.node.heddle("review", "sales.orders", "--list", as_="sam")
    posture.fails("C09", "sales.orders")
    shop.node.heddle("review", "sales.orders", as_="ana", expect=REFUSED)
    shop.node.heddle("review", "sales.orders", as_="carl", expect=REFUSED)
    done = shop.node.heddle("review", "sales.orders", as_="sam")
    assert done["id"] and done["by"] == "sam" and grant not in {h["grant"] for h in done["holders"]}  # it ended meanwhile
    posture.passes("C09", "sales.orders")
    posture.fails("C09", "crm.people")


def test_a_review_shows_who_has_access(shop):
    shop.grant(*SAFE, day(30))
    shop.grant("--rows", "store_id = 1", "--until", day(30), to="user:otto", purpose="other")
    holders = {h["to"]: h for h in shop.node.heddle("review", "sales.orders", "--list", as_="sam")["holders"]}
    assert set(holders) == {"domain:insights", "user:otto"}
    assert set(holders["domain:insights"]["people"]) == {"ivy", "ana", "abe"} and holders["user:otto"]["people"] == ["otto"]


def test_c10_contracts(shop, posture):
    posture.passes("C10", "sales.orders")
    bad = shop.orders("bad", "select 1::bigint order_id, null::bigint customer_id, 1::bigint store_id, 1.0::double amount, date '2024-01-01' ordered_on, "
                             "'x' card, 'y' secret_note")
    shop.publish(file=bad, expect=BAD)
    assert "set aside" in posture.fails("C10", "sales.orders/quarantined")["text"]
    time.sleep(1.1)  # times in the log are whole seconds
    shop.publish()
    posture.passes("C10", "sales.orders")


def test_c10_a_promised_interval(shop, posture, clock):
    contract(shop.orders_contract, "sales", "orders", {"orders": ORDERS}, version="1.0.1",
             slaProperties=[{"property": "frequency", "value": 7, "unit": "d"}])
    shop.publish()
    posture.passes("C10", "sales.orders")
    clock(8 * DAY)
    posture.fails("C10", "sales.orders/late")
    shop.publish()
    posture.passes("C10", "sales.orders")


def test_c11_changes(shop, posture, clock):
    contract(shop.orders_contract, "sales", "orders", {"orders": ORDERS[:-1]}, version="1.1.0")
    shop.publish(expect=BAD)  # without a new major version it does not come in
    posture.passes("C11", "sales.orders")
    contract(shop.orders_contract, "sales", "orders", {"orders": ORDERS[:-1]}, version="2.0.0")
    file = shop.orders("fewer", f"select * exclude (secret_note) from '{shop.orders_file}'")
    shop.publish(file=file)
    found = posture.fails("C11", "sales.orders/2.0.0")
    assert found["severity"] == "low" and found["evidence"]["name"] == "journal"
    clock(91 * DAY)
    posture.passes("C11", "sales.orders")


def test_c12_vocabulary(shop, posture, clock):
    assert "personal" in posture.fails("C12", "sales.orders.orders/class")["text"]
    columns = [Column(c.name, c.type, "", c.key, c.required, c.options) for c in ORDERS]
    contract(shop.folder / "plain.yaml", "sales", "plain", {"orders": columns})
    shop.node.heddle("publish", shop.folder / "plain.yaml", "--data", f"orders={shop.orders_file}", as_="sam")
    posture.passes("C12", "sales.plain")
    clock(8 * DAY)
    posture.fails("C12", "sales.plain.orders/unclassified")
    shop.node.heddle("tag", "set", "sales.plain.orders", "classification=internal", as_="sam")
    posture.passes("C12", "sales.plain")


def test_c12_a_tag_that_left_the_vocabulary(shop, posture):
    shop.node.heddle("tag", "define", "shelf", "--kind", "choice", "--values", "left,right")
    shop.node.heddle("tag", "set", "sales.orders", "shelf=left", as_="sam")
    posture.passes("C12", "sales.orders/shelf")
    shop.node.heddle("tag", "retire", "shelf")
    posture.fails("C12", "sales.orders/shelf")
    shop.node.heddle("tag", "unset", "sales.orders", "shelf", as_="sam")
    posture.passes("C12", "sales.orders/shelf")


def test_c17_keys(shop, posture, clock):
    posture.passes("C17", "sales/age")
    clock(366 * DAY)
    posture.fails("C17", "sales/age")
    assert shop.node.http("POST", "/api/v1/domains/sales/keys", as_="sam", json={}).status_code == 200
    posture.passes("C17", "sales/age")
    posture.fails("C17", "crm/age")


def test_c18_and_c19_rest_on_records(shop, posture, clock):
    document = shop.folder / "drill.txt"
    document.write_bytes(b"restored in 4 minutes\n\xff")
    assert posture.control("C18")["status"] == "not_applicable" and "encrypted" in posture.control("C18")["note"]
    posture.fails("C19", "node")
    for id_ in ("C18", "C19"):
        made = shop.node.heddle("posture", "evidence", id_, "--outcome", "ok", "--document", document)
        assert len(made["document"]) == 64
        assert posture.control(id_)["status"] == "pass" and made["id"] in posture.control(id_)["note"]
        time.sleep(1.1)  # the newest counts, by whole seconds
        shop.node.heddle("posture", "evidence", id_, "--outcome", "failed")
        posture.fails(id_, "node")
        time.sleep(1.1)
        shop.node.heddle("posture", "evidence", id_, "--outcome", "ok")
        assert posture.control(id_)["status"] == "pass"
    clock(31 * DAY)
    posture.fails("C19", "node")
    assert posture.control("C18")["status"] == "pass"
    shop.node.heddle("posture", "evidence", "C19", "--outcome", "ok", as_="sam", expect=REFUSED)
    document.write_bytes(bytes(180 * 1024))
    shop.node.heddle("posture", "evidence", "C19", "--outcome", "ok", "--document", document)
    document.write_bytes(bytes(180 * 1024 + 1))
    assert "more than 184320 bytes" in shop.node.heddle("posture", "evidence", "C19", "--outcome", "ok", "--document", document, expect=BAD).error["message"]
    shop.node.heddle("posture", "evidence", "C02", "--outcome", "ok", expect=BAD)
    shop.node.heddle("posture", "evidence", "C19", "--outcome", "fine", expect=BAD)


def test_c24_sandbox(shop, posture):
    shop.grant(*SAFE, day(30))
    shop.node.query("SELECT count(*) FROM sales.orders.orders", "ana")
    posture.passes("C24", "node/")
    level = int(max(r["sandbox"] for r in shop.node.heddle("status")["roles"] if r["sandbox"])[1])
    if level < 3:
        path = shop.folder / "level.yaml"
        path.write_text(json.dumps({"name": "strong", "scope": "everything", "effects": {"level": 3}}))
        id_ = shop.node.heddle("policy", "add", path)["id"]
        posture.fails("C24", id_)
        shop.node.heddle("policy", "lift", id_)
    assert posture.control("C24")["status"] == "pass"


def test_c25_and_c26_say_why_they_do_not_apply(posture):
    for id_ in ("C25", "C26"):
        c = posture.control(id_)
        assert c["status"] == "not_applicable" and len(c["note"]) > 40


# --- exceptions ---

def test_an_exception_sets_aside_and_ends(shop, posture, clock):
    until = (datetime.now(timezone.utc) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    before = posture.get()["counts"]
    made = shop.node.heddle("posture", "accept", "C19", "node", "--until", until, "--reason", "the drill is on Monday")
    c = posture.control("C19")
    assert c["status"] == "pass" and c["findings"] == [] and c["accepted_count"] == 1
    assert c["accepted"][0]["exception"] == made["id"] and c["accepted"][0]["accepted_until"] == until
    after = posture.get()
    assert after["counts"]["open"]["high"] == before["open"]["high"] - 1 and after["counts"]["accepted"]["high"] == 1
    assert after["exceptions"][0]["reason"] == "the drill is on Monday" and after["exceptions"][0]["state"] == "active"
    clock(2 * 3600)
    assert posture.control("C19")["status"] == "fail"
    assert posture.get()["exceptions"][0]["state"] == "expired"


def test_an_exception_can_be_ended_and_is_the_centers(shop, posture):
    accept = ("posture", "accept", "C19", "node", "--reason", "r", "--until")
    shop.node.heddle(*accept, day(30), as_="sam", expect=REFUSED)
    shop.node.heddle(*accept, day(400), expect=BAD)
    shop.node.heddle(*accept, day(-1), expect=BAD)
    shop.node.heddle("posture", "accept", "C19", "nodes", "--reason", "r", "--until", day(3), expect=NOT_FOUND)
    shop.node.heddle("posture", "accept", "C99", "node", "--reason", "r", "--until", day(3), expect=BAD)
    assert posture.get()["exceptions"] == []
    id_ = shop.node.heddle(*accept, day(30))["id"]
    assert posture.control("C19")["status"] == "pass"
    shop.node.heddle("posture", "withdraw", id_, as_="sam", expect=REFUSED)
    shop.node.heddle("posture", "withdraw", id_)
    assert posture.control("C19")["status"] == "fail"


def test_why_a_finding_was_accepted_can_be_erased(shop, posture):
    reason = "because the canary said so"
    made = shop.node.heddle("posture", "accept", "C19", "node", "--until", day(30), "--reason", reason)["id"]
    assert stands_in(shop.node, reason) and [x["reason"] for x in posture.get()["exceptions"]] == [reason]
    shop.node.heddle("erase", made, as_="sam", expect=NOT_FOUND)
    shop.node.heddle("erase", made)
    assert not stands_in(shop.node, reason)
    assert [(x["id"], x["reason"]) for x in posture.get()["exceptions"]] == [(made, "(erased)")]


def test_an_exception_never_opens(shop, posture):
    grant = shop.grant("--until", day(30))["id"]
    restriction = shop.node.heddle("restrict", "--suspend", "sales.orders")["id"]
    for f in [f for c in posture.get()["controls"] for f in c["findings"]]:
        shop.node.heddle("posture", "accept", f["control"], f["subject"], "--reason", "r", "--until", day(30))
    assert sum(posture.get()["counts"]["open"].values()) == 0
    shop.node.query("SELECT 1 FROM sales.orders.orders", "ana", expect=REFUSED)
    assert grant and restriction


# --- who sees what ---

def test_who_sees_what(shop, posture):
    node = shop.node
    node.heddle("user", "add", "axel", "--domain", "governance", "--role", "auditor")
    whole = posture.get()
    assert whole["scope"] == "all" and {f["domain"] for c in whole["controls"] for f in c["findings"]} >= {"sales", "crm", "governance"}
    seen = posture.get(as_="axel")
    assert [(c["id"], c["open"]) for c in seen["controls"]] == [(c["id"], c["open"]) for c in whole["controls"]]
    own = posture.get(as_="sam")
    assert own["scope"] == "sales" and {f["domain"] for c in own["controls"] for f in c["findings"]} == {"sales"}
    assert [c["status"] for c in own["controls"] if c["id"] in ("C19", "C24")] == ["not_applicable"] * 2
    assert own["trend"] == [] and "crm" not in json.dumps(own["controls"])
    assert posture.get("--domain", "sales")["counts"] == own["counts"]
    posture.get("--domain", "crm", as_="sam", expect=REFUSED)
    posture.get(as_="ana", expect=REFUSED)
    posture.get(as_="eve", expect=REFUSED)
    posture.get("--control", "C99", expect=BAD)


def test_the_page_reads_well_in_a_terminal(shop):
    shop.grant()
    out = shop.node.heddle("posture", json_=False).out
    first = out.splitlines()
    assert first[1].strip().startswith("open") and "critical" in first[1] and "%" not in out
    assert "heddle user add NAME --domain sales --role owner" in out and "log sales, entry" in out


def test_the_same_state_gives_the_same_posture(shop, posture):
    shop.grant()
    strip = ("made_at", "as_of", "logs", "trend", "mark")
    first = posture.get()
    shop.node.restart()
    second = posture.get()
    for p in (first, second):
        for key in strip:
            p.pop(key)
    assert first == second


def test_the_past_is_what_the_logs_say(shop, posture, clock):
    node = shop.node
    grant = shop.grant()["id"]
    before = datetime.now(timezone.utc)
    clock(3 * DAY)
    node.heddle("revoke", grant, as_="sam")
    node.heddle("user", "add", "sid", "--domain", "sales", "--role", "owner", as_="sam")
    posture.passes("C03", f"sales/{grant}")
    then = posture.get("--at", (before + timedelta(days=1)).strftime("%Y-%m-%d"))
    by_id = {c["id"]: c for c in then["controls"]}
    assert then["past"] and f"sales/{grant}" in {f["subject"] for f in by_id["C03"]["findings"]}
    assert "sales" in {f["subject"] for f in by_id["C01"]["findings"]}
    assert all(by_id[i]["status"] == "not_applicable" and "no log tells" in by_id[i]["note"] for i in ("C04", "C11", "C18", "C24"))
    posture.get("--at", day(30), expect=BAD)
    posture.get("--at", "yesterday", expect=BAD)
    posture.get("--at", day(-400), expect=BAD)  # the logs begin later
    assert {log["name"] for log in then["logs"]} >= {"sales", "crm", "governance"} and then["counts"]["failed"] > 0


# --- evidence, trend, export ---

def test_evidence_names_the_entry(shop, posture):
    grant = shop.grant()["id"]
    found = posture.fails("C03", f"sales/{grant}")
    place = found["evidence"]
    out = shop.folder / "entry.tlog-proof"
    shop.node.heddle("audit", "proof", str(place["index"]), "--log", place["log"], "--out", out, json_=False)
    assert out.read_text().startswith("c2sp.org/tlog-proof@")


def test_each_day_is_kept_once(shop, posture, clock):
    today = wait_for(lambda: posture.get()["trend"], 20)
    assert [d["day"] for d in today] == [day()]
    assert today[0]["failed"] > 0 and today[0]["high"] > 0
    clock(2 * DAY)
    later = wait_for(lambda: len(posture.get()["trend"]) == 2 and posture.get()["trend"], 20)
    assert [d["day"] for d in later] == [day(), day(2)]
    shop.node.restart()
    time.sleep(1)
    assert [d["day"] for d in posture.get()["trend"]] == [day(), day(2)]


class Page(HTMLParser):
    VOID = {"meta", "br", "link", "img", "input", "hr", "rect"}

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.attributes, self.text = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *a) for a in attrs]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *a) for a in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def export(shop, name="posture"):
    html, out = shop.folder / f"{name}.html", shop.folder / f"{name}.json"
    shop.node.heddle("posture", "export", "--html", html, "--out", out, json_=False)
    return html.read_text(), json.loads(out.read_text())


def test_the_export_is_whole_and_fetches_nothing(shop, posture):
    shop.grant()
    wait_for(lambda: posture.get()["trend"], 20)
    page, doc = export(shop)
    parsed = Page(page)
    text = "".join(parsed.text)
    assert not {"script", "link", "img", "iframe", "object", "embed", "form", "base", "a"} & set(parsed.tags)
    assert not [a for a in parsed.attributes if a[1] in ("src", "href", "style", "action") or a[1].startswith("on")]
    assert "url(" not in page and "@import" not in page and "http" not in page.replace("http-equiv", "")
    assert ("svg" in parsed.tags) and "prefers-color-scheme:dark" in page and "@media print" in page
    for c in doc["controls"]:
        assert c["id"] in text and c["title"] in text and c["iso27001"] in text
        for f in c["findings"]:
            assert f["subject"] in text and f["remedy"] in text
    for log in doc["logs"]:
        assert log["root"] in text and log["log"] in text
    assert doc["node"] in text and doc["as_of"] in text
    status = {log["log"]: log for log in shop.node.heddle("status")["logs"]}
    domains = [log for log in doc["logs"] if log["name"] != "journal"]
    assert domains and all(status[log["log"]]["root"] == log["root"] and status[log["log"]]["size"] == log["size"] for log in domains)


def test_the_export_is_what_the_schema_says(shop):
    shop.grant()
    shop.node.heddle("posture", "accept", "C19", "node", "--reason", "r", "--until", day(3))
    shop.node.heddle("posture", "evidence", "C18", "--outcome", "ok")
    doc = export(shop)[1]
    api = shop.node.http("GET", "/openapi.json").json()
    jsonschema.validate(doc, {"$ref": "#/components/schemas/Posture", "components": api["components"]})
    broken = json.loads(json.dumps(doc))
    broken["controls"][0]["findings"] = "none"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, {"$ref": "#/components/schemas/Posture", "components": api["components"]})


PAYLOADS = ["<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "</td></table><iframe src=//evil.example>", "]]>--><!--", "&lt;b&gt;", "' onmouseover='x"]


def test_what_people_write_stays_text(shop):
    for i, payload in enumerate(PAYLOADS):
        shop.node.heddle("posture", "accept", "C19", "node", "--reason", payload, "--until", day(3 + i))
    page, doc = export(shop)
    parsed = Page(page)
    text = "".join(parsed.text)
    assert {x["reason"] for x in doc["exceptions"]} == set(PAYLOADS)
    assert all(p in text for p in PAYLOADS)
    assert not {"script", "img", "iframe"} & set(parsed.tags)
    assert not [a for a in parsed.attributes if a[1].startswith("on")]
