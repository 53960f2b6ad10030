"""Attacks on what governs access: tags, grants by tags, approvals, delegation, groups, keys, policies, the journal. Numbers are those of the table in docs/security.md."""

import base64
import contextlib
import itertools
import json
import os
import re
import subprocess
from pathlib import Path
from urllib.parse import quote

import pytest
from attacks import TABLE, Person
from harness import BAD, DONE, HEDDLE, ORDERS, ORDERS_SQL, PEOPLE, REFUSED, Column, contract, parquet

READ = f"SELECT * FROM {TABLE} LIMIT 1"
EVERYTHING = "name: all\nscope: everything\neffects:\n  suspend: true\n"


def classes(**changed):
    return [Column(c.name, c.type, changed.get(c.name, c.classification), c.key, c.required, c.options) for c in ORDERS]


def shown(person, purpose="analysis"):
    """The columns that are read, with their values; none when refused."""
    answer = person.query(READ, purpose)
    return answer.json()[0] if answer.status_code == 200 else {}


# --- 8, 9: classes and tags ---


def test_08_a_publish_opens_nothing_by_its_classes(shop):
    """A contract may raise a class, and that may fit a grant by tags, or leave what the center restricts: not by an engineer whom the center planted, and not past the approvals
    that policy demands of owners."""
    node, admin, sam, ana = shop.node, Person(shop.node), Person(shop.node, "sam"), Person(shop.node, "ana")
    token = admin("POST", "/api/v1/users", json={"name": "mole", "domain": "sales", "role": "engineer"}).json()["token"]
    assert sam("POST", "/api/v1/grants", json={"tags": "classification = confidential", "to": "insights", "purpose": "analysis"}).status_code == 201
    shop.grant(purpose="whole")
    admin("POST", "/api/v1/restrictions", json={"classification": "confidential", "mask": "null"})
    admin("POST", "/api/v1/restrictions", json={"classification": "personal", "mask": "hash"})
    before = shown(ana), shown(ana, "whole")
    assert before[0] == {"secret_note": None} and before[1]["card"] != "4000-1234-1001"
    mole = Person(node, token=token)
    assert mole("POST", "/api/v1/tags", json={"object": f"{TABLE}.store_id", "tag": "classification", "value": "confidential"}).status_code == 403
    for i, columns in enumerate((classes(store_id="confidential"), classes(secret_note="fancy"), classes(card="fancy"), classes(card="restricted", secret_note="restrictedly"))):
        made = contract(shop.folder / "m.yaml", "sales", "orders", {"orders": columns}, version=f"{i + 2}.0.0")
        for who in (mole, sam):
            upload = who("POST", "/api/v1/uploads", data=shop.orders_file.read_bytes(), headers={"Content-Type": "application/octet-stream"}).json()["upload"]
            for data in ({}, {"orders": [upload]}):
                answer = who("POST", "/api/v1/products", json={"contract": made.read_text(), "data": data})
                assert answer.status_code == 403 and "may open data" in answer.json()["error"]["message"], (columns, answer.text)
        assert (shown(ana), shown(ana, "whole")) == before
    # what closes goes through, and what an owner said first
    made = contract(shop.folder / "m.yaml", "sales", "orders", {"orders": classes(store_id="internal")}, version="9.0.0")
    shop.publish(contract_file=made, as_="eve")
    sam("POST", "/api/v1/tags", json={"object": f"{TABLE}.store_id", "tag": "classification", "value": "confidential"})
    shop.publish(contract_file=contract(made, "sales", "orders", {"orders": classes(store_id="confidential")}, version="10.0.0"), as_="eve")
    assert set(shown(ana)) == {"secret_note", "store_id"}


# --- 13: what was said with a stolen key ---


def test_13_an_owner_made_with_a_stolen_key_is_nobody(node):
    """Not only their grants: whatever they do over the API. And a recovery leaves somebody who can confirm."""
    node.heddle("domain", "add", "stores", "--owner", "sam", "--recovery-out", node.folder / "rec")
    node.heddle("user", "add", "sam", "--domain", "stores", "--role", "owner")
    node.new_domain("insights", "ivy")
    contract(node.folder / "o.yaml", "stores", "orders", {"orders": ORDERS})
    node.heddle("publish", node.folder / "o.yaml", "--data", f"orders={parquet(node.folder / 'o.parquet', ORDERS_SQL)}", as_="sam")
    since = node.heddle("key", "status", "stores", as_="sam")["seq"]
    node.heddle("user", "add", "mole", "--domain", "stores", "--role", "engineer", as_="sam")
    node.heddle("user", "add", "mole", "--domain", "stores", "--role", "owner", as_="sam")
    mole = Person(node, "mole")
    grant = {"object": "stores.orders", "to": "insights", "purpose": "analysis"}
    assert mole("POST", "/api/v1/grants", json=grant).status_code == 201
    node.heddle("key", "rotate", "stores", "--compromised-since", 0, as_="sam", expect=BAD)
    node.heddle("key", "rotate", "stores", "--compromised-since", since, as_="sam")
    for method, path, body in (("POST", "/api/v1/grants", grant), ("POST", "/api/v1/domains/stores/confirm", {"seqs": [str(since), str(since + 1)]}), ("GET", "/api/v1/grants", None),
                               ("POST", "/api/v1/users", {"name": "mole2", "domain": "stores", "role": "owner"}), ("POST", "/api/v1/domains/stores/keys", {}), ("POST", "/api/v1/query", {"sql": "SELECT 1"}),
                               ("POST", "/api/v1/users", {"name": "mole", "domain": "stores", "role": "owner"}), ("DELETE", "/api/v1/users/sam", None)):
        assert mole(method, path, **({"json": body} if body is not None else {})).status_code == 401, path
    node.query("SELECT count(*) FROM stores.orders.orders", "ivy", expect=REFUSED)
    # nor does the center get to name an owner because one does not count
    for name in ("mole", "sam", "other"):
        assert Person(node)("POST", "/api/v1/users", json={"name": name, "domain": "stores", "role": "owner"}).status_code == 403
    assert Person(node)("POST", "/api/v1/domains", json={"name": "stores", "owner": "other"}).status_code == 409
    node.heddle("confirm", "stores", since + 1, as_="sam")
    assert mole("GET", "/api/v1/grants").status_code == 200


# --- 49: what is there, for those who may not know ---


@pytest.fixture
def hidden(shop):
    """sales.secret, not to be found, with a policy, tags and a grant to outside; and otto's request with its comments."""
    node = shop.node
    made = contract(shop.folder / "s.yaml", "sales", "secret", {"orders": ORDERS}, customProperties=[{"property": "discoverable", "value": False}])
    node.heddle("publish", made, "--data", f"orders={shop.orders_file}", as_="sam")
    sam, otto, olga = (Person(node, name) for name in ("sam", "otto", "olga"))
    rule = "name: secret_rule\nscope:\n  product: sales.secret\neffects:\n  max_days: 30\n"
    assert Person(node)("POST", "/api/v1/policies", json={"policy": rule}).status_code == 201
    ids = {"tag": sam("POST", "/api/v1/tags", json={"object": "sales.secret.orders", "tag": "environment", "value": "prod"}).json()["id"],
           "grant": sam("POST", "/api/v1/grants", json={"object": "sales.secret", "to": "outside", "purpose": "hush", "rows": "customer_id = 4711"}).json()["id"]}
    ids["request"] = otto("POST", "/api/v1/requests", json={"product": "sales.orders", "purpose": "q2", "reason": "because"}).json()["id"]
    ids["comment"] = otto("POST", f"/api/v1/requests/{ids['request']}/comments", json={"text": "hello"}).json()["comments"][0]["id"]
    olga("POST", "/api/v1/groups", json={"name": "hid"})
    ids["delegation"] = olga("POST", f"/api/v1/grants/{ids['grant']}/delegations", json={"to": "user:otto"}).json()["id"]
    ids["webhook"] = olga("POST", "/api/v1/webhooks", json={"url": "https://example.com/x"}).json()["id"]
    shop.ids = ids
    return shop


PROBES = [("GET", "/api/v1/products/sales.@"), ("GET", "/api/v1/products/sales.@/contract"), ("GET", "/api/v1/products/sales.@/quality"), ("GET", "/api/v1/products/sales.@/review"),
          ("POST", "/api/v1/products/sales.@/review"), ("GET", "/api/v1/tags?object=sales.@"), ("GET", "/api/v1/tags?object=sales.@.orders.card"), ("GET", "/api/v1/usage?product=sales.@"),
          ("GET", "/api/v1/journal?product=sales.@"), ("GET", "/api/v1/explain/table?table=sales.@.orders"), ("GET", "/api/v1/explain?principal=ana&table=sales.@.orders"),
          ("POST", "/api/v1/tags", {"object": "sales.@", "tag": "environment", "value": "prod"}), ("POST", "/api/v1/grants", {"object": "sales.@", "to": "insights", "purpose": "a"}),
          ("POST", "/api/v1/requests", {"product": "sales.@", "purpose": "a"}), ("POST", "/api/v1/query", {"sql": "SELECT count(*) FROM sales.@.orders", "purpose": "a"}),
          ("GET", "/api/v1/restrictions/@_rule"), ("POST", "/api/v1/restrictions", {"product": "sales.@", "suspend": True}), ("POST", "/api/v1/restrictions/@_rule/try"), ("DELETE", "/api/v1/restrictions/@_rule"),
          ("POST", "/api/v1/posture/exceptions", {"control": "C09", "subject": "sales.@", "until": "2027-01-01", "reason": "x"})]
OTHERS = [("request", "GET", "/api/v1/requests/@"), ("request", "POST", "/api/v1/requests/@/withdraw", {}), ("request", "POST", "/api/v1/requests/@/submit", {}),
          ("request", "POST", "/api/v1/requests/@/comments", {"text": "x"}), ("request", "POST", "/api/v1/texts/@/erase", {}), ("comment", "POST", "/api/v1/texts/@/erase", {}),
          ("grant", "GET", "/api/v1/grants/@"), ("grant", "POST", "/api/v1/grants/@/approve", {}), ("grant", "POST", "/api/v1/grants/@/delegations", {"to": "user:abe"}),
          ("grant", "POST", "/api/v1/requests", {"renews": "@"}), ("grant", "GET", "/api/v1/explain/revoke?grant=@"), ("grant", "GET", "/api/v1/usage?grant=@"), ("delegation", "DELETE", "/api/v1/delegations/@"),
          ("webhook", "DELETE", "/api/v1/webhooks/@"), ("webhook", "GET", "/api/v1/webhooks/@/deliveries"), ("webhook", "POST", "/api/v1/webhooks/@/test"), ("webhook", "POST", "/api/v1/webhooks/@/redeliver"),
          ("tag", "POST", "/api/v1/tag-changes/@/approve", {}), ("person", "POST", "/api/v1/users/@/erase", {}), ("person", "DELETE", "/api/v1/users/@"), ("person", "GET", "/api/v1/journal?person=@"),
          ("group", "POST", "/api/v1/groups/@/members", {"person": "ana"}), ("group", "DELETE", "/api/v1/groups/@"), ("group", "DELETE", "/api/v1/groups/@/members/otto")]
ANSWER_IDS = re.compile(r'"request_id":"\w+"|"size":\d+')


def told(person, method, path, name, body=None):
    answer = person(method, path.replace("@", name), **({} if body is None else {"json": json.loads(json.dumps(body).replace("@", name))}))
    return answer.status_code, ANSWER_IDS.sub('"_":0', answer.text).replace(name, "@")


def left_behind(person, name):
    """What one's own pages say of what one tried; of each journal entry, what it says but when and where."""
    entries = person("GET", "/api/v1/journal?limit=1000&whole=true").json()["entries"]
    return [re.sub(r'"(at|first|last)": "[^"]*"', "", json.dumps({k: e.get(k) for k in ("type", "body")} | {"entry": "entry" in e}).replace(name, "@")) for e in entries]


@pytest.mark.parametrize("who", ["ana", "ivy", "carl"])
def test_49_what_one_tries_tells_nothing_of_what_is_hidden(hidden, who):
    """A product that one may not know of and one that is not there: the same answers, and the same trace in what one may read of the journal."""
    person = Person(hidden.node, who)
    for probe in PROBES:
        real, made_up = (told(person, *probe[:2], name, *probe[2:]) for name in ("secret", "nosuch"))
        if "journal" not in probe[1]:
            assert real == made_up, probe
        assert real[0] != 201 and (real[0] == 200) <= ("usage" in probe[1] or "journal" in probe[1]), (probe, real)
        assert json.loads(real[1]).get("entries", []) == [] == json.loads(made_up[1]).get("entries", []), (probe, real)
    for kind, *probe in OTHERS:
        there = {"person": "otto", "group": "hid"}.get(kind) or hidden.ids[kind]
        nobody = {"person": "nobody1", "group": "nohid"}.get(kind) or there[:4] + "aaaaaaaaaaaa"
        assert told(person, *probe[:2], there, *probe[2:]) == told(person, *probe[:2], nobody, *probe[2:]), probe
    owner = next(d["id"] for d in hidden.node.heddle("domains")["domains"] if d["name"] == "sales")
    otto = next(u["id"] for u in hidden.node.heddle("users")["users"] if u["name"] == "otto")
    mine = hidden.node.token(who) and next(d["id"] for d in hidden.node.heddle("domains")["domains"] if d["name"] == ("crm" if who == "carl" else "insights"))
    for line in left_behind(person, "\0"):
        body = json.loads(line)["body"]
        assert body.get("owner") in (None, mine) or body.get("product") == "sales.orders", line
        assert body.get("product") != "sales.secret" and body.get("whom") != otto and hidden.ids["grant"] not in line and hidden.ids["request"] not in line, line
    assert owner and any(e["body"].get("product") == "sales.secret" for e in Person(hidden.node, "sam")("GET", "/api/v1/journal?limit=1000").json()["entries"]), "its owner is told who tried"


def test_49_pages_of_strangers_do_not_name_what_is_hidden(hidden):
    """Feed, inbox, posture, usage, tags, policies, forks, groups, delegations: all there is without an argument, and the searches."""
    node = hidden.node
    assert Person(node)("DELETE", "/api/v1/restrictions/secret_rule").status_code == 200
    for who in ("ana", "ivy", "carl"):
        person = Person(node, who)
        for page in ("products", "products?q=secret", "feed?limit=1000", "inbox", "posture", "usage", "usage?unused=true", "journal?limit=1000", "tags", "restrictions", "grants", "delegations", "groups",
                     "requests", "domains", "users", "forks", "purposes", "explain/table?table=" + TABLE, "status", "logs", "webhooks"):
            answer = person("GET", f"/api/v1/{page}")
            assert answer.status_code in (200, 403), (who, page, answer.text)
            text = answer.text.replace('"query":"secret"', "")
            for word in ("sales.secret", "secret_rule", "= 4711", "hush", "because", "hello", '"hid"', *hidden.ids.values()):
                assert word not in text, (who, page, word)
    assert "sales.secret" in Person(node, "otto")("GET", "/api/v1/grants").text, "who is granted it sees it, or this test sees nothing"


# --- 14, 9, 47: who may not do what ---


def sizes(node):
    return {item["log"]: item["size"] for item in Person(node)("GET", "/api/v1/logs").json()["logs"] if item["log"] != "journal"}


@pytest.fixture
def governed(shop):
    """A grant of sales that insights hands on by name, a group, a tag change, a request and a draft; and people whom the center planted in both domains."""
    node, admin = shop.node, Person(shop.node)
    shop.sam, shop.ivy, shop.ana = (Person(node, name) for name in ("sam", "ivy", "ana"))
    shop.ivy("POST", "/api/v1/domains/insights/settings", json={"handing": "named"})
    shop.id = {"grant": shop.grant("--mask", "card=null", "--hide", "secret_note", "--rows", "store_id = 1")["id"]}
    shop.ivy("POST", "/api/v1/groups", json={"name": "campaign"})
    shop.ivy("POST", "/api/v1/groups/campaign/members", json={"person": "abe"})
    shop.id["delegation"] = shop.ivy("POST", f"/api/v1/grants/{shop.id['grant']}/delegations", json={"to": "group:campaign"}).json()["id"]
    shop.id["tag"] = shop.sam("POST", "/api/v1/tags", json={"object": "sales.orders", "tag": "environment", "value": "prod"}).json()["id"]
    shop.id["request"] = shop.ana("POST", "/api/v1/requests", json={"product": "sales.orders", "purpose": "other"}).json()["id"]
    shop.id["draft"] = shop.ana("POST", "/api/v1/requests", json={"product": "sales.orders", "purpose": "third", "draft": True}).json()["id"]
    shop.planted = {(domain, role): Person(node, token=admin("POST", "/api/v1/users", json={"name": f"{role}_{domain}", "domain": domain, "role": role}).json()["token"])
                    for domain in ("sales", "insights") for role in ("engineer", "analyst", "steward", "auditor")}
    return shop


# What only an owner of sales, or of insights, may say; {x} is an id of the fixture.
SALES = [("POST", "/api/v1/grants", {"object": "sales.orders", "to": "insights", "purpose": "x"}), ("POST", "/api/v1/grants", {"object": "sales.orders", "to": "governance", "purpose": "x"}),
         ("POST", "/api/v1/grants", {"tags": "classification = confidential", "in": "sales", "to": "insights", "purpose": "x"}), ("DELETE", "/api/v1/grants/{grant}", None),
         ("POST", "/api/v1/requests/{request}/approve", {}), ("POST", "/api/v1/requests/{request}/deny", {}), ("POST", "/api/v1/domains/sales/settings", {"handing": "everyone"}),
         ("POST", "/api/v1/tags", {"object": TABLE + ".card", "tag": "classification", "value": "public"}), ("POST", "/api/v1/tags", {"object": "sales.orders", "tag": "environment"}),
         ("POST", "/api/v1/tags", {"object": "sales.orders", "tag": "environment", "value": "test"}), ("POST", "/api/v1/products/sales.orders/review", None), ("POST", "/api/v1/domains/sales/keys", {}),
         ("POST", "/api/v1/domains/sales/confirm", {"seqs": ["1"]}), ("DELETE", "/api/v1/users/sam", None), ("POST", "/api/v1/users", {"name": "second", "domain": "sales", "role": "owner"}),
         ("POST", "/api/v1/users", {"name": "sam", "domain": "sales", "role": "analyst"}), ("POST", "/api/v1/webhooks", None), ("POST", "/api/v1/grants/{grant}/approve", {}), ("POST", "/api/v1/tag-changes/{tag}/approve", {})]
INSIGHTS = [("POST", "/api/v1/domains/insights/settings", {"handing": "everyone"}), ("POST", "/api/v1/groups", {"name": "campaign"}), ("POST", "/api/v1/groups/campaign/members", {"person": "ana"}),
            ("DELETE", "/api/v1/groups/campaign", None), ("POST", "/api/v1/grants/{grant}/delegations", {"to": "user:ana"}), ("DELETE", "/api/v1/delegations/{delegation}", None),
            ("POST", "/api/v1/requests/{request}/withdraw", {}), ("POST", "/api/v1/requests/{draft}/submit", {}), ("POST", "/api/v1/requests/{draft}/comments", {"text": "x"}),
            ("POST", "/api/v1/users", {"name": "second", "domain": "insights", "role": "owner"}), ("DELETE", "/api/v1/users/ivy", None), ("POST", "/api/v1/users", {"name": "ivy", "domain": "insights", "role": "analyst"})]


def test_09_what_is_the_owners_to_say_nobody_else_says(governed):
    """Strangers, owners of other domains, the center, and whom the center planted in either domain, in every other role: nothing is said in either log, nothing opens."""
    node, planted = governed.node, governed.planted
    strangers = [Person(node), Person(node, "olga"), Person(node, "otto"), Person(node, "carl")]
    # a planted person may say in their own domain what is theirs: a steward or engineer raises tags
    sales = [*strangers, governed.ivy, governed.ana, *planted.values(), Person(node, "eve")]
    insights = [*strangers, governed.sam, *planted.values(), Person(node, "abe")]
    before = sizes(node)
    for cases, people in ((SALES, sales), (INSIGHTS, insights)):
        for (method, path, body), person in itertools.product(cases, people):
            if body is None and method == "POST" and path == "/api/v1/webhooks":
                continue
            more = {} if body is None else {"json": body}
            if path == "/api/v1/groups":  # one's own of that name: nobody else's
                more = {"json": {"name": "insights.campaign"}}
            answer = person(method, path.format(**governed.id), **more)
            assert answer.status_code in (400, 403, 404, 409), (method, path, body, answer.status_code, answer.text)
    assert sizes(node) == before
    assert Person(node, "abe").count().json() == [{"n": 10}] and governed.ana.count().status_code == 403
    for person in planted.values():
        assert person.count().status_code == 403


def test_14_whatever_the_center_says_opens_nothing(governed):
    """Vocabulary, purposes, policies of all sorts and their end, exceptions, evidence, people planted, groups: what anybody reads never grows."""
    node, admin, sam, ana = governed.node, Person(governed.node), governed.sam, governed.ana
    sam("POST", "/api/v1/grants", json={"tags": "classification <= internal", "to": "insights", "purpose": "analysis"})
    sam("POST", "/api/v1/grants", json={"tags": "environment = prod and personal_data in (email)", "to": "outside", "purpose": "marketing"})
    readers = [Person(node, name) for name in ("ana", "abe", "ivy", "otto", "olga", "carl", "admin")[:6]] + [admin, *governed.planted.values()]

    def all_seen():
        return [(shown(who, purpose), who.count(purpose).text if who.count(purpose).status_code == 200 else "") for who in readers for purpose in ("analysis", "marketing", "other", "")]

    before = all_seen()
    assert any(b[0] for b in before) and not all(b[0] for b in before)
    policies = [{"scope": {"domain": "sales"}, "effects": {"approvals": {"count": 1, "roles": ["steward", "analyst", "engineer", "auditor"]}}}, {"scope": "everything", "effects": {"handing": True}},
                {"scope": {"tags": "not environment = prod"}, "effects": {"mask": "null"}}, {"scope": "everything", "effects": {"max_days": 36500}}, {"scope": "everything", "effects": {"purpose": True}},
                {"scope": {"domain": "sales"}, "effects": {"approvals": {"count": 1, "people": ["steward_sales"]}}}, {"scope": "everything", "effects": {"mask": "last4"}},
                {"scope": {"classification": "confidential"}, "effects": {"mask": "year"}}, {"scope": {"domain": "crm"}, "effects": {"freeze": True}}]
    said = [("POST", "/api/v1/vocabulary", {"tag": "classification", "kind": "ordered", "values": ["restricted", "confidential", "internal", "public"]}),
            ("POST", "/api/v1/vocabulary", {"tag": "classification", "kind": "free"}), ("DELETE", "/api/v1/vocabulary/classification", None), ("POST", "/api/v1/vocabulary", {"tag": "environment", "kind": "choice", "values": ["prod", "email"]}),
            ("POST", "/api/v1/vocabulary", {"tag": "personal_data", "kind": "choice", "values": ["amount"]}), ("POST", "/api/v1/vocabulary", {"tag": "zz", "kind": "ordered", "values": ["b", "a"]}),
            ("DELETE", "/api/v1/vocabulary/environment", None), ("POST", "/api/v1/purposes", {"purpose": "marketing/analysis"}), ("POST", "/api/v1/purposes", {"purpose": "analysis"}),
            ("POST", "/api/v1/purposes", {"purpose": "other"}), ("DELETE", "/api/v1/purposes?purpose=analysis", None), ("POST", "/api/v1/groups", {"name": "campaign"}),
            ("POST", "/api/v1/posture/exceptions", {"control": "C05", "subject": "sales.orders", "until": "2027-01-01", "reason": "x"}), ("POST", "/api/v1/posture/evidence", {"control": "C17", "outcome": "ok"}),
            ("POST", "/api/v1/domains", {"name": "insights2", "owner": "shadow"}), ("POST", "/api/v1/users", {"name": "spy", "domain": "insights", "role": "steward", "same_human_as": "ivy"}),
            ("POST", "/api/v1/services", {"name": "robot", "domain": "insights"}), ("POST", "/api/v1/restrictions", {"classification": "personal", "mask": "none"})]
    said += [("POST", "/api/v1/policies", {"policy": json.dumps({"name": f"p{i}", **p})}) for i, p in enumerate(policies)]
    done = 0
    for method, path, body in said:
        answer = admin(method, path, **({} if body is None else {"json": body}))
        done += answer.status_code < 300
        assert answer.status_code < 500, (path, body, answer.text)
    assert done > 15, done
    for now, then in zip(all_seen(), before, strict=True):
        assert set(now[0]) <= set(then[0]) and (then[1] or not now[1]) and all(now[0][k] in (then[0][k], None) or "*" in str(now[0][k]) for k in now[0]), (now, then)
    approver = governed.planted["sales", "steward"]
    waiting = governed.id["grant"]
    assert approver("POST", f"/api/v1/grants/{waiting}/approve", json={}).status_code == 201
    for i in range(len(policies)):
        admin("DELETE", f"/api/v1/restrictions/p{i}")
    for path in ("zz",):
        admin("DELETE", f"/api/v1/vocabulary/{path}")
    for purpose in ("marketing/analysis", "other"):
        admin("DELETE", f"/api/v1/purposes?purpose={purpose}")
    assert all_seen() == before, "what was lifted gives back what the producers opened, no more"


def test_47_two_accounts_of_the_asker_and_programs_are_no_second_person(shop):
    """Where two have to approve: not the asker's other account, in whichever domain; not the granter's; not a program; not one of another domain whom nobody named."""
    node, admin, sam = shop.node, Person(shop.node), Person(shop.node, "sam")
    rule = {"name": "two", "scope": {"domain": "sales"}, "effects": {"approvals": {"count": 2, "roles": ["owner", "steward", "engineer", "analyst"]}}}
    assert admin("POST", "/api/v1/policies", json={"policy": json.dumps(rule)}).status_code == 201
    add = lambda **body: Person(node, token=sam("POST", body.pop("path", "/api/v1/users"), json={"domain": "sales", **body}).json()["token"])  # noqa: E731
    helpers = [add(name="ana2", role="steward", same_human_as="ana"), add(name="sam2", role="steward", same_human_as="sam"), add(name="robot", role="engineer", path="/api/v1/services"),
               Person(node, "ivy"), Person(node, "abe"), Person(node, "ana"), Person(node, "olga"), admin, sam]
    asked = Person(node, "ana")("POST", "/api/v1/requests", json={"product": "sales.orders", "purpose": "analysis"}).json()["id"]
    grant = sam("POST", f"/api/v1/requests/{asked}/approve", json={}).json()["id"]
    for _ in range(2):
        for helper in helpers:
            for path in (f"/api/v1/grants/{grant}/approve", f"/api/v1/requests/{asked}/approve"):
                assert helper("POST", path, json={}).status_code in (403, 404, 409), path
    assert Person(node, "ana").count().status_code == 403
    # nor does a second account get rid of its human, by any of the ways
    for body in ({"name": "ana2", "role": "steward"}, {"name": "ana2", "role": "analyst"}, {"name": "ana2", "role": "steward", "same_human_as": "eve"}):
        sam("POST", "/api/v1/users", json={"domain": "sales", **body})
    assert Person(node, token=sam("POST", "/api/v1/users", json={"domain": "sales", "name": "ana2", "role": "steward"}).json()["token"])("POST", f"/api/v1/grants/{grant}/approve", json={}).status_code == 403
    assert sam("POST", "/api/v1/users", json={"domain": "sales", "name": "robot", "role": "steward"}).status_code == 409
    assert Person(node, "eve")("POST", f"/api/v1/grants/{grant}/approve", json={}).status_code == 201 and Person(node, "ana").count().status_code == 200


# --- 10, 11, 48 ---


def test_10_what_is_handed_on_is_not_handed_further(governed):
    """Chains, links to what ended, to others, under another's id: each hop is asked about the one who reads."""
    node, sam, ivy, ana = governed.node, governed.sam, governed.ivy, governed.ana
    grant, delegation = governed.id["grant"], governed.id["delegation"]
    abe = Person(node, "abe")
    assert abe.count().json() == [{"n": 10}] and ana.count().status_code == 403
    personal = sam("POST", "/api/v1/grants", json={"object": "sales.orders", "to": "user:abe", "purpose": "own"}).json()["id"]
    for who, what, to in itertools.product((abe, ivy, Person(node, "olga"), Person(node), ana), (delegation, personal, "grt_aaaaaaaaaaaa", governed.id["request"], governed.id["tag"]), ("user:ana", "user:otto")):
        assert who("POST", f"/api/v1/grants/{what}/delegations", json={"to": to}).status_code in (400, 403, 404), (what, to)
    for to in ("group:outside.campaign", "group:insights.nosuch", "domain:insights", "insights", "user:sam", "group:", "user:", "*"):
        assert ivy("POST", f"/api/v1/grants/{grant}/delegations", json={"to": to}).status_code in (400, 403, 404), to
    # a group of the same name elsewhere, and who is only in that one
    olga = Person(node, "olga")
    olga("POST", "/api/v1/groups", json={"name": "campaign"})
    assert olga("POST", "/api/v1/groups/campaign/members", json={"person": "otto"}).status_code == 201
    assert olga("POST", "/api/v1/groups/campaign/members", json={"person": "ana"}).status_code == 404
    assert Person(node, "otto").count().status_code == 403 and ana.count().status_code == 403
    sam("DELETE", f"/api/v1/grants/{grant}")
    assert abe.count().status_code == 403
    assert sam("POST", "/api/v1/grants", json={"object": "sales.orders", "to": "insights", "purpose": "analysis"}).status_code == 201
    assert abe.count().status_code == 403, "what was handed on of the grant before is not of this one"


@pytest.mark.parametrize("closed", ["by the grant", "by its tags", "by the center afterwards"])
def test_10_a_filter_handed_on_does_not_look_through_masks(shop, closed):
    """Who hands on chooses the constant and counts the rows: over a column that is masked or hidden that would tell what stands there."""
    node, count = shop.node, "SELECT count(*) AS n FROM sales.orders.orders"
    node.heddle("domain", "set", "insights", "--handing", "named", as_="ivy")
    if closed == "by its tags":
        node.heddle("tag", "set", "sales.orders", "environment=prod", as_="sam")
        for column in ("card", "secret_note"):
            node.heddle("tag", "set", f"sales.orders.orders.{column}", "environment=test", as_="sam")
        grant = node.heddle("grant", "--tags", "environment = prod", "--to", "insights", "--purpose", "analysis", as_="sam")
    else:
        grant = shop.grant(*(("--mask", "card=last4", "--hide", "secret_note") if closed == "by the grant" else ()))
    said = []
    table = ["--table", "orders"] if closed == "by its tags" else []
    for rows in ("secret_note = 'classified 9'", "secret_note = 'classified 99'", "store_id = 1 OR card LIKE '4000-1234-10%'", "NOT CARD IS NULL"):
        said.append(node.run("delegate", grant["id"], *table, "--to", "user:ana", "--rows", rows, "--json", as_="ivy"))
    if closed == "by the grant":
        assert [s.status for s in said] == [REFUSED] * 4 and "may not name it" in said[0].error["message"]
    elif closed == "by the center afterwards":
        assert [s.status for s in said] == [DONE] * 4
        for class_ in ("personal", "confidential"):
            node.heddle("restrict", class_, "--mask", "hash")
        assert "its row filter names a column" in node.query(count, "ana", expect=REFUSED).error["message"]
    node.query(count, "ana", expect=REFUSED)
    node.heddle("delegate", grant["id"], *table, "--to", "user:ana", "--rows", "store_id = 1", "--hide", "store_id", as_="ivy")
    assert node.query(count, "ana") == [{"n": 10}]


@pytest.mark.parametrize("by", ["a product of one's own", "handing on what is plain"])
def test_10_nobody_makes_a_dictionary_of_hashes(shop, by):
    """Who knows values and has them hashed under the same key would look up those that others gave hashed."""
    node, hashed = shop.node, shop.grant("--mask", "customer_id=hash")
    node.heddle("domain", "set", "insights", "--handing", "named", as_="ivy")
    node.heddle("delegate", hashed["id"], "--to", "user:ana", as_="ivy")
    if by == "a product of one's own":
        file = shop.orders("guesses", "select i::bigint customer_id, 'is ' || i full_name from range(1, 100) t(i)")
        node.heddle("publish", contract(shop.folder / "guesses.yaml", "insights", "guesses", {"guesses": [Column("customer_id"), Column("full_name", "string")]}),
                    "--data", f"guesses={file}", as_="ivy")
        node.heddle("grant", "insights.guesses", "--to", "user:ana", "--purpose", "analysis", "--mask", "customer_id=hash", as_="ivy")
        known = "insights.guesses.guesses"
    else:
        plain = shop.grant(object="crm.people", as_="carl")
        node.heddle("delegate", plain["id"], "--to", "user:ana", "--mask", "customer_id=hash", as_="ivy")
        known = "crm.people.people"
    assert len(node.query(f"SELECT customer_id, full_name FROM {known}", "ana")) >= 7
    assert node.query(f"SELECT o.order_id, k.full_name FROM {TABLE} o JOIN {known} k USING (customer_id)", "ana") == []


def test_49_columns_of_hidden_products_are_not_found_by_handing_on(shop):
    """A grant by tags is of a whole domain: what it may hide, mask or filter on tells nothing of products one may not know of."""
    node = shop.node
    secret = contract(shop.folder / "s.yaml", "sales", "secret", {"people": PEOPLE}, customProperties=[{"property": "discoverable", "value": False}])
    node.heddle("publish", secret, "--data", f"people={shop.people_file}", as_="sam")
    node.heddle("tag", "set", "sales.orders", "environment=prod", as_="sam")
    grant = node.heddle("grant", "--tags", "environment = prod", "--to", "insights", "--purpose", "analysis", as_="sam")
    said = {}
    for column in ("full_name", "nothing"):
        for option in (("--hide", column), ("--mask", f"{column}=last4"), ("--mask", f"{column}=null"), ("--rows", f"{column} = 'x'")):
            done = node.run("delegate", grant["id"], "--to", "user:ana", *option, as_="ivy")
            said.setdefault(option[0] + option[1].partition("=")[2], set()).add((done.status, (done.out + done.err).replace(column, "COLUMN")))
    assert all(len(answers) == 1 for answers in said.values()), said
    node.heddle("grant", "--tags", "environment = prod", "--to", "outside", "--purpose", "x", "--hide", "full_name", as_="sam")  # its owner may
    node.heddle("delegate", grant["id"], "--to", "user:ana", "--mask", "card=last4", as_="ivy")


def test_10_a_mask_handed_on_tells_nothing_else_of_the_value(shop):
    """The last four of a card are not which whole cards are equal, and neither is both."""
    node, grant = shop.node, shop.grant("--mask", "card=last4", "--mask", "ordered_on=year")
    node.heddle("domain", "set", "insights", "--handing", "named", as_="ivy")
    node.heddle("delegate", grant["id"], "--to", "user:ana", "--mask", "card=hash", as_="ivy")
    assert node.query(f"SELECT DISTINCT card FROM {TABLE}", "ana") == [{"card": "***"}]
    node.heddle("restrict", "personal", "--mask", "hash")
    assert node.query(f"SELECT DISTINCT card FROM {TABLE}", "ivy") == [{"card": "***"}]


def test_11_groups_and_people_of_an_old_name_inherit_nothing(governed):
    node, sam, ivy = governed.node, governed.sam, governed.ivy
    direct = sam("POST", "/api/v1/grants", json={"object": "sales.orders", "to": "group:insights.campaign", "purpose": "direct"})
    sam("POST", "/api/v1/grants", json={"object": "sales.orders", "to": "user:abe", "purpose": "own"})
    abe = Person(node, "abe")
    assert direct.status_code == 201 and [abe.count(p).status_code for p in ("analysis", "direct", "own")] == [200] * 3
    ivy("DELETE", "/api/v1/groups/campaign")
    ivy("POST", "/api/v1/groups", json={"name": "campaign"})
    ivy("POST", "/api/v1/groups/campaign/members", json={"person": "abe"})
    assert [abe.count(p).status_code for p in ("analysis", "direct", "own")] == [403, 403, 200]
    ivy("DELETE", "/api/v1/users/abe")
    for path, role in (("/api/v1/services", "analyst"), ("/api/v1/users", "analyst")):
        again = Person(node, token=ivy("POST", path, json={"name": "abe", "domain": "insights", "role": role}).json()["token"])
        assert abe.count("own").status_code == 401 and [again.count(p).status_code for p in ("analysis", "direct", "own")] == [403] * 3, path
        ivy("DELETE", "/api/v1/users/abe")
    # the name in another domain
    other = Person(node, token=Person(node, "olga")("POST", "/api/v1/users", json={"name": "abe", "domain": "outside", "role": "analyst"}).json()["token"])
    assert [other.count(p).status_code for p in ("analysis", "direct", "own")] == [403] * 3


def test_48_a_grant_by_tags_does_not_wait_for_what_comes(shop):
    """New columns, tables and products that fit are outside of it, unless it says so; then it has to end."""
    node, sam, ana = shop.node, Person(shop.node, "sam"), Person(shop.node, "ana")
    assert sam("POST", "/api/v1/grants", json={"tags": "classification = confidential", "to": "insights", "purpose": "analysis"}).status_code == 201
    for until in (None, "forever"):
        body = {"tags": "classification = confidential", "to": "insights", "purpose": "later", "future": True} | ({"until": until} if until else {})
        assert sam("POST", "/api/v1/grants", json=body).status_code == 400
    wider = {"orders": [*ORDERS, Column("extra", "string", classification="confidential")], "more": [Column("id", key=1), Column("note", "string", classification="confidential")]}
    file = parquet(shop.folder / "w.parquet", f"select *, 'x' extra from '{shop.orders_file}'")
    more = parquet(shop.folder / "more.parquet", "select 1::bigint id, 'y' note")
    made = contract(shop.folder / "w.yaml", "sales", "orders", wider, version="1.1.0")
    node.heddle("publish", made, "--data", f"orders={file}", "--data", f"more={more}", as_="eve")
    node.heddle("publish", contract(shop.folder / "n.yaml", "sales", "newer", {"more": wider["more"]}), "--data", f"more={more}", as_="eve")
    assert set(shown(ana)) == {"secret_note"}
    for table in ("sales.orders.more", "sales.newer.more"):
        assert ana.query(f"SELECT * FROM {table}").status_code == 403, table
    until = {"until": "2027-06-30"}
    assert sam("POST", "/api/v1/grants", json={"tags": "classification = confidential", "to": "insights", "purpose": "later", "future": True, **until}).status_code == 201
    assert set(shown(ana, "later")) == {"secret_note", "extra"} and ana.query("SELECT * FROM sales.newer.more", "later").json() == [{"note": "y"}]


# --- 6 ---


def test_06_nobody_is_given_two_shapes_of_the_same_rows(shop):
    """Cells of one shape minus those of another are single rows: whoever of a consumer they are made out to, by product, table or tags, granted or approved, now or later."""
    node, sam = shop.node, Person(shop.node, "sam")
    Person(node, "ivy")("POST", "/api/v1/groups", json={"name": "campaign"})
    base = {"object": "sales.orders", "to": "insights", "purpose": "analysis", "min_group": 3, "group_by": ["store_id"], "unit": "customer_id"}
    assert sam("POST", "/api/v1/grants", json=base).status_code == 201
    asked = Person(node, "ana")("POST", "/api/v1/requests", json={"product": "sales.orders", "purpose": "other"}).json()["id"]
    tags = {k: v for k, v in base.items() if k != "object"} | {"tags": "classification in (personal, confidential)"}
    shapes = [{"min_group": 4}, {"group_by": ["store_id", "ordered_on"]}, {"unit": "order_id"}, {"rows": "customer_id <> 7"}, {"rows": "store_id = 1"}, {"masks": {"store_id": "null"}}, {"hide": ["amount"]},
              {"group_by": []}, {"from": "2027-01-01"} | {"min_group": 5}]
    for shape, to in itertools.product(shapes, ("insights", "user:ana", "group:insights.campaign")):
        for more in ({}, {"object": "sales.orders.orders"}):
            answer = sam("POST", "/api/v1/grants", json=base | {"to": to, "purpose": "other"} | more | shape)
            assert answer.status_code == 409, (shape, to, answer.text)
    for shape in shapes[:7]:
        body = {k: v for k, v in base.items() if k not in ("object", "to", "purpose")} | shape
        assert sam("POST", f"/api/v1/requests/{asked}/approve", json=body).status_code == 409, shape
    assert sam("POST", "/api/v1/grants", json=tags | {"min_group": 4}).status_code == 400
    assert sam("POST", "/api/v1/grants", json=base | {"purpose": "other", "to": "user:ana"}).status_code == 201, "the same shape is the same cells"
    # and the center cannot make one of another
    Person(node)("POST", "/api/v1/policies", json={"policy": json.dumps({"name": "coarser", "scope": {"product": "sales.orders", "classification": "personal"}, "effects": {"mask": "null"}})})
    cells = Person(node, "ana").query(f"SELECT store_id, count(*) n, sum(amount) a FROM {TABLE} GROUP BY ALL ORDER BY ALL")
    assert cells.status_code == 200 and all(r["n"] >= 3 for r in cells.json()), cells.text


# --- 22, 23, 44: files, bodies, arguments ---


def bombs():
    yield "anchors", "name: &a x\nscope: everything\neffects: {suspend: true}\nother: *a\n"
    yield "laughs", "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(f"{c}: &{c} [{','.join(['*' + p] * 9)}]\n" for p, c in itertools.pairwise("abcdefghij"))
    yield "merge", "base: &b {suspend: true}\nname: x\nscope: everything\neffects:\n  <<: *b\n"
    yield "tag", "name: !!python/object/apply:os.system [id]\nscope: everything\neffects: {suspend: true}\n"
    yield "twice", "name: x\nname: y\nscope: everything\neffects: {suspend: true}\n"
    yield "documents", EVERYTHING + "---\n" + EVERYTHING
    yield "deep", "name: x\nscope: " + "{domain: " * 3000 + "x" + "}" * 3000 + "\neffects: {suspend: true}\n"
    yield "deep tags", "name: x\nscope:\n  tags: " + "not (" * 4000 + "a = b" + ")" * 4000 + "\neffects: {suspend: true}\n"
    yield "long tags", "name: x\nscope:\n  tags: " + " or ".join(["environment = prod"] * 5000) + "\neffects: {suspend: true}\n"
    yield "many values", "name: x\nscope:\n  tags: environment in (" + ", ".join(f"v{i}" for i in range(20000)) + ")\neffects: {suspend: true}\n"
    yield "key", "name: x\n" + "k" * 150000 + ": y\nscope: everything\neffects: {suspend: true}\n"
    yield "many people", "name: x\nscope: everything\neffects: {approvals: {count: 2, people: [" + ", ".join(["sam"] * 20000) + "]}}\n"
    for name, value in (("count", "99999999999999999999"), ("count", "-1"), ("count", "1e3"), ("count", "0x2"), ("count", ".inf"), ("count", "2.5")):
        yield f"count {value}", f"name: x\nscope: everything\neffects: {{approvals: {{{name}: {value}}}}}\n"
    for days in ("0", "-1", "36501", "99999999999999999999", "1e9", "nan"):
        yield f"days {days}", f"name: x\nscope: everything\neffects: {{max_days: {days}}}\n"
    for name in ("a b", "../x", "a\u202eb", "\\u0000", "A", "x" * 65, "''", "~", "[]", "{}"):
        yield f"name {name}", f"name: \"{name}\"\nscope: everything\neffects: {{suspend: true}}\n" if name not in ("''", "~", "[]", "{}") else f"name: {name}\nscope: everything\neffects: {{suspend: true}}\n"
    yield "empty", ""
    yield "nothing", "name: x\nscope: everything\neffects: {}\n"
    yield "off", "name: x\nscope: everything\neffects: {suspend: false}\n"
    yield "unknown", "name: x\nscope: everything\neffects: {suspend: true, open: true}\n"
    yield "control", "name: x\x07\nscope: everything\neffects: {suspend: true}\n"


def test_22_policy_files_are_read_narrowly(shop):
    node, admin = shop.node, Person(shop.node)
    shop.grant()
    for name, text in bombs():
        for path in ("/api/v1/policies", "/api/v1/policies/try"):
            answer = admin("POST", path, json={"policy": text})
            assert answer.status_code in (400, 404, 409, 413), (name, path, answer.status_code, answer.text[:300])
    assert admin("GET", "/api/v1/restrictions").json()["restrictions"] == [] and Person(node, "ana").count().status_code == 200
    assert all(r["restarts"] == 0 for r in node.heddle("status")["roles"]), node.heddle("status")["roles"]


ODD = ["", " ", "\x00", "\x1b[2J", "\u202e", "é", "e\u0301", "𝔰𝔞𝔩𝔢𝔰", "null", "*", "..", "../../etc/passwd", "a" * 70, "a" * 5000, "'", '"', "%00", "%", "{}", "[]", "-1", "0", "1e9", "99999999999999999999999", "18446744073709551616",
       "9007199254740993", "NaN", "true", "grt_", "grt_aaaaaaaaaaaa", "rst_aaaaaaaaaaaa", "0" * 32, "0" * 64, "f" * 128, "9999-99-99", "2026-02-30", "-0001-01-01T00:00:00Z", "forever", "user:", "group:.", "a.b.c.d.e", "sales.", ".orders", "sales..orders"]


def test_44_odd_values_in_every_argument(governed):
    """Each argument of each operation, as the node's own document tells them, with ids of other kinds, limits, odd letters, wrong JSON types: an answer that says what is wrong, never a fault."""
    node, admin = governed.node, Person(governed.node)
    doc = admin("GET", "/openapi.json").json()
    values = [*ODD, *governed.id.values(), TABLE]
    people = [admin, governed.sam]
    calls = broken = 0
    for path, item in doc["paths"].items():
        for method, operation in item.items():
            if method not in ("get", "post", "delete") or path in ("/api/v1/uploads", "/api/v1/rebuild"):
                continue
            params = operation.get("parameters", [])
            schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
            schema = doc["components"]["schemas"].get(schema.get("$ref", "").rpartition("/")[2], schema)
            fields = list(schema.get("properties", {}))
            names = [(p["name"], p["in"]) for p in params] + [(f, "body") for f in fields]
            for k, (name, place) in enumerate(names):
                for j, value in enumerate(values if place != "body" else [*values, None, 1, -1, 1.5, 2**63, True, [], {}, [[]], [{}], {"a": {}}, ["a"] * 2000, "x" * 300000]):
                    if (j + k) % 3:  # each value in a third of the places
                        continue
                    url, query, body = path, {}, {f: "sales" for f in fields if f in schema.get("required", [])}
                    for p in params:
                        v = str(value) if p["name"] == name and place != "body" else "x1"
                        if p["in"] == "path":
                            url = re.sub(r"\{" + p["name"] + r"(\.\.\.)?\}", lambda _, v=v: quote(v, safe=""), url)
                        elif p["name"] == name:
                            query[name] = v
                    if place == "body":
                        body[name] = value
                    answer = people[calls % 2](method.upper(), url, params=query, **({"json": body} if fields else {}))
                    calls += 1
                    if answer.status_code >= 500:
                        broken += 1
                        print(method, url[:80], name, repr(value)[:60], answer.status_code, answer.text[:200])
    assert calls > 1500 and not broken, (calls, broken)
    assert all(r["restarts"] == 0 for r in node.heddle("status")["roles"])


def test_23_bodies_of_governance_are_read_narrowly(shop):
    """Keys twice, unknown keys, lone surrogates, numbers out of range, other types, no object, trailing bytes, depth: refused for each operation that takes a body."""
    sam = Person(shop.node, "sam")
    doc = sam("GET", "/openapi.json").json()
    bodies = [b'{"to":"insights","to":"outside"}', b'{"nosuch":1}', b'{"to":"\\ud800"}', b'{"to":1e999}', b"[]", b'"x"', b"null", b"{", b"{} {}", b'{"a":' * 5000, b"\xef\xbb\xbf{}x", b"\xff\xfe", b'{"to":"a\x00b"}', b"{'to':'x'}", b'{"to":"x",}', b'{"to\\u0000":"x"}']
    called = 0
    for path, item in doc["paths"].items():
        operation = item.get("post", {})
        if "application/json" not in operation.get("requestBody", {}).get("content", {}):
            continue
        for body in bodies:
            answer = sam("POST", re.sub(r"\{[^}]+\}", "x1", path), data=body, headers={"Content-Type": "application/json"})
            assert 400 <= answer.status_code < 500 and answer.status_code != 401, (path, body[:40], answer.status_code, answer.text[:200])
            called += 1
    assert called > 400


# --- 39 ---


def test_39_secrets_of_governance_are_told_nowhere(make_node):
    """The root key from the environment, passphrases, secrets of webhooks, tokens of services, texts that were erased: in no file in clear, no log, no journal, no answer of anybody else, no environment
    of any of the node's processes."""
    node, root, phrase = make_node(), "5ca1ab1e" * 8, "canary passphrase of sam"
    subprocess.run([HEDDLE, "init", "--data", node.data], env={**os.environ, "HEDDLE_ROOT_KEY": root}, check=True, capture_output=True)
    node.start(HEDDLE_ROOT_KEY=root)
    env = {"HEDDLE_KEY_PASSPHRASE": phrase}
    node.heddle("key", "new", node.folder / "sam.key", **env)
    node.heddle("domain", "add", "stores", "--owner", "sam", "--key", node.folder / "sam.key", **env)
    node.heddle("user", "add", "sam", "--domain", "stores", "--role", "owner", **env)
    made = contract(node.folder / "o.yaml", "stores", "orders", {"orders": ORDERS})
    node.heddle("publish", made, "--data", f"orders={parquet(node.folder / 'o.parquet', ORDERS_SQL)}", as_="sam", **env)
    node.new_domain("insights", "ivy")
    ivy = Person(node, "ivy")
    robot = ivy("POST", "/api/v1/services", json={"name": "robot", "domain": "insights"}).json()["token"]
    hook = ivy("POST", "/api/v1/webhooks", json={"url": "https://example.com/hook"}).json()["secret"]
    asked = ivy("POST", "/api/v1/requests", json={"product": "stores.orders", "purpose": "analysis", "reason": "CANARY-REASON"}).json()["id"]
    ivy("POST", f"/api/v1/requests/{asked}/comments", json={"text": "CANARY-COMMENT"})
    node.heddle("approve", asked, as_="sam", **env)
    assert Person(node, token=robot).query("SELECT count(*) FROM stores.orders.orders").status_code == 200
    secrets = {"root key": root.encode(), "root key, raw": bytes.fromhex(root), "passphrase": phrase.encode(), "token of a service": robot.encode(), "secret of a webhook": hook.encode(),
               "secret of a webhook, bare": hook.removeprefix("whsec_").encode(), "token of sam": node.token("sam").encode()}
    for pid in [node.process.pid, *node.pids()]:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # a sender that has ended
            shown = b"".join(Path(f"/proc/{pid}/{f}").read_bytes() for f in ("environ", "cmdline"))
            assert not [name for name, secret in secrets.items() if secret in shown], pid
    for who in (None, "sam", "ivy"):
        for page in ("webhooks", "journal?limit=1000&whole=true", "feed?limit=1000", "inbox", "status", "posture", "usage", "users", "grants", "logs"):
            text = Person(node, who)("GET", f"/api/v1/{page}").content
            for name, secret in secrets.items():
                assert secret not in text, (name, who, page)
            assert b"CANARY" not in text, (who, page)
    node.stop()
    log = node.log.read_bytes()
    for path in (p for p in node.data.rglob("*") if p.is_file() and p.name != "admin.token"):
        content = path.read_bytes()
        for name, secret in secrets.items():
            assert secret not in content, (name, path)
        assert b"CANARY" not in content or "directory" in path.name, path
    assert not [name for name, secret in secrets.items() if secret in log] and b"CANARY" not in log


# --- 12, 14: events that no handler wrote ---


def test_12_only_what_the_node_held_out_is_handed_in_signed(node):
    """Who keeps a domain's key can sign what they like. An event made by hand could name the data of another domain as its own: the manifest of a snapshot is told in the log, to all of its people."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = node.folder / "eva.key"
    node.heddle("key", "new", key)
    log = node.heddle("domain", "add", "evil", "--owner", "eva", "--key", key)["id"]
    node.heddle("user", "add", "eva", "--domain", "evil", "--role", "owner")
    node.new_domain("crm", "carl")
    made, secret = node.folder / "o.yaml", parquet(node.folder / "secret.parquet", ORDERS_SQL)
    node.heddle("publish", contract(made, "crm", "orders", {"orders": ORDERS}), "--data", f"orders={secret}", as_="carl")
    crm = next(d["id"] for d in node.heddle("domains")["domains"] if d["name"] == "crm")
    size = next(item["size"] for item in Person(node)("GET", "/api/v1/logs").json()["logs"] if item["log"] == crm)
    entries = Person(node, "carl")("GET", f"/api/v1/logs/{crm}/files/tile/entries/000.p/{size}").content
    told = b"".join(base64.b64decode(e + b"==") for e in re.findall(rb'"payload":"([A-Za-z0-9+/]+)', entries)).decode()
    manifest = re.search(r'"manifest": ?"([0-9a-f]{64})"', told)[1]

    eva = Person(node, "eva")
    mine = parquet(node.folder / "mine.parquet", ORDERS_SQL.replace("range(1, 31)", "range(1, 3)"))
    upload = eva("POST", "/api/v1/uploads", data=mine.read_bytes(), headers={"Content-Type": "application/octet-stream"}).json()["upload"]
    wish = eva("POST", "/api/v1/products", json={"contract": contract(made, "evil", "orders", {"orders": ORDERS}).read_text(), "data": {"orders": [upload]}}).json()["signature"]
    private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(json.loads(key.read_text())["secret"])[:32])

    def signed(payload):
        kind = b"application/vnd.heddle.event.v1+json"
        return private.sign(b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)).hex()

    forged = json.loads(wish["payload"])
    forged["body"]["tables"][0]["manifest"] = manifest
    text = json.dumps(forged, separators=(",", ":"))
    answer = eva("POST", "/api/v1/events", json={"payload": text, "signature": signed(text.encode())})
    assert answer.status_code == 403 and "hold that out" in answer.json()["error"]["message"], answer.text
    assert eva.query("SELECT count(*) FROM evil.orders.orders").status_code == 404
    for wrong in (wish["payload"].replace('"1.0.0"', '"1.0.1"'), " " + wish["payload"], wish["payload"] + "\n"):
        assert eva("POST", "/api/v1/events", json={"payload": wrong, "signature": signed(wrong.encode())}).status_code == 403
    # what was held out goes in, over a restart too, once
    node.restart()
    good = {"payload": wish["payload"], "signature": signed(wish["payload"].encode())}
    assert Person(node, "eva")("POST", "/api/v1/events", json=good).status_code == 201
    assert Person(node, "eva")("POST", "/api/v1/events", json=good).status_code == 400
    assert Person(node, "eva").query("SELECT count(*) n FROM evil.orders.orders").json() == [{"n": 2}] and node.heddle("domains") and log
