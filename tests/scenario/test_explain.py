"""Explain: what it says is what a query gets, for everybody and every table; also of a past time; and what a revoke would break."""

import time
from datetime import datetime, timezone

import pytest
from harness import BAD, NOT_FOUND

ORDERS, PEOPLE = "sales.orders.orders", "crm.people.people"
TABLES = (ORDERS, PEOPLE)
EVERYBODY = ("sam", "eve", "carl", "ivy", "ana", "abe", "olga", "otto")
PURPOSES = ("analysis", "planning", "campaigns", "nothing", None)


def now_text():
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def many_grants(shop):
    """Grants that overlap: by domain, by person, by purpose, narrower and wider. Returns them by a name."""
    return {
        "all": shop.grant("--mask", "customer_id=hash", "--hide", "secret_note"),
        "ana": shop.grant("--rows", "store_id = 2", to="user:ana", purpose="planning,analysis"),
        "any": shop.grant("--mask", "card=last4", to="outside", purpose="*"),
        "carl": shop.grant("--until", "2099-01-01", to="user:carl", purpose="campaigns"),
        "crm": shop.grant("--mask", "full_name=constant", object="crm.people", as_="carl", purpose="analysis,campaigns"),
        "people": shop.grant("--rows", "region = 'north'", object="crm.people.people", to="user:otto", as_="carl", purpose="planning"),
    }


def got(shop, who, table, purpose):
    """What a query really gets: (grant, columns as shown, rows); None when refused."""
    told = shop.node.http("POST", "/api/v1/query", who, json={"sql": f"SELECT * FROM {table}"} | ({"purpose": purpose} if purpose else {}))
    assert told.status_code in (200, 403), told.text
    rows = told.json() if told.status_code == 200 else None
    return rows if rows is None else (set(rows[0]) if rows else set(), len(rows))


def said(why):
    if why["verdict"] != "allow":
        return None
    return {c["name"] for c in why["columns"] if c["access"] != "hidden"}


def asker(who, table):
    return "sam" if table == ORDERS else "carl"


def test_explain_agrees_with_what_a_query_gets(shop):
    many_grants(shop)
    node = shop.node
    allowed = 0
    lists = {t: node.heddle("explain", "--table", t, as_=asker(None, t))["access"] for t in TABLES}
    for who in EVERYBODY:
        mine = node.heddle("explain", "--person", who, as_=who)["access"]
        for table in TABLES:
            lines = [a for a in lists[table] if a["kind"] == "person" and a["principal"] == who]
            assert sorted(lines, key=str) == sorted((a for a in mine if a["table"] == table), key=str)
            for purpose in PURPOSES:
                real = got(shop, who, table, purpose)
                covered = {a["grant"]: a for a in lines if (purpose or "*") in a["purposes"] or "*" in a["purposes"]}
                assert (real is not None) == bool(covered), (who, table, purpose, real, lines)
                if purpose is None:
                    continue  # one principal and one table are asked for any purpose then
                why = node.heddle("explain", who, table, "--purpose", purpose, as_=asker(who, table))
                assert (real is None) == (said(why) is None), (who, table, purpose, why)
                if real is None:
                    continue
                allowed += 1
                assert real[0] == said(why), (who, table, purpose)
                assert why["grant"] in covered
                exact = [a for a in lines if purpose in a["purposes"]] or [a for a in lines if "*" in a["purposes"]]
                assert why["grant"] in {a["grant"] for a in exact}
                line = covered[why["grant"]]
                assert line["rows"] == why["rows"] and set(line["hide"]) == {c["name"] for c in why["columns"] if c["access"] == "hidden"}
                assert line["masks"] == {c["name"]: c["access"][7:] for c in why["columns"] if c["access"].startswith("masked")}
                if why["rows"]:
                    raw = shop.raw(f"select count(*) from {table.split('.')[2]} where {why['rows']}")[0][0]
                    assert real[1] == raw > 0
    assert allowed >= 15


def test_domains_are_in_the_list_too(shop):
    grants = many_grants(shop)
    access = shop.node.heddle("explain", "--table", ORDERS, as_="sam")["access"]
    domains = {(a["principal"], a["grant"]): a for a in access if a["kind"] == "domain"}
    assert set(domains) == {("insights", grants["all"]["id"]), ("outside", grants["any"]["id"])}
    assert domains["outside", grants["any"]["id"]]["purposes"][0] == "*"
    assert domains["insights", grants["all"]["id"]]["masks"] == {"customer_id": "hash"}


def test_groups_services_delegations_and_tags(shop):
    """The roundabout ways to a table: what the lists say is what a query gets, and what each principal alone is told."""
    node = shop.node
    for group, people in (("campaign", ("ana",)), ("empty", ())):
        node.heddle("group", "add", group, as_="ivy")
        for person in people:
            node.heddle("group", "join", group, person, as_="ivy")
    node.heddle("service", "add", "nightly", "--domain", "insights", as_="ivy")
    node.heddle("domain", "set", "outside", "--handing", "named", as_="olga")
    group = shop.grant("--hide", "card", to="group:insights.campaign", purpose="planning")
    service = shop.grant(to="service:nightly", purpose="planning")
    empty = shop.grant(to="group:insights.empty", purpose="analysis")
    outside = shop.grant(to="outside", purpose="analysis,planning")
    handed = node.heddle("delegate", outside["id"], "--to", "user:otto", "--rows", "store_id = 1", "--purpose", "analysis", as_="olga")
    tagged = node.heddle("grant", "--tags", "classification in (confidential, public)", "--in", "sales", "--until", "2099-01-01", "--to", "insights",
                         "--purpose", "tagged", as_="sam")
    access = node.heddle("explain", "--table", ORDERS, as_="sam")["access"]
    lines = {(a["kind"], a["principal"], a["grant"]): a for a in access}
    assert lines["group", "campaign", group["id"]]["hide"] == ["card"]
    assert {k[1:] for k in lines if k[0] == "group"} == {("campaign", group["id"]), ("empty", empty["id"])}
    assert lines["service", "nightly", service["id"]]["purposes"] == ["planning"]
    assert lines["person", "otto", outside["id"]]["delegation"] == handed["id"] and lines["person", "otto", outside["id"]]["rows"]
    assert lines["person", "otto", outside["id"]]["purposes"] == ["analysis"]
    assert set(lines["person", "olga", outside["id"]]["purposes"]) == {"analysis", "planning"}  # an owner needs no handing on
    for who in ("ana", "abe", "nightly", "olga", "otto", "ivy"):
        mine = [a for a in access if a["kind"] in ("person", "service") and a["principal"] == who]
        for purpose in ("analysis", "planning", "tagged"):
            real = got(shop, who, ORDERS, purpose)
            covered = [a for a in mine if purpose in a["purposes"]]
            assert (real is not None) == (len(covered) == 1), (who, purpose, mine)
            why = node.heddle("explain", who, ORDERS, "--purpose", purpose, as_="sam")
            assert (real and real[0]) == said(why)
            if real:
                assert (why["grant"], why["delegation"]) == (covered[0]["grant"], covered[0]["delegation"])
                assert not real[0] & set(covered[0]["hide"])
    assert got(shop, "abe", ORDERS, "tagged")[0] == {"secret_note"} or got(shop, "abe", ORDERS, "tagged") is None
    for principal, purpose, grant in (("group:insights.campaign", "planning", group), ("service:nightly", "planning", service),
                                      ("domain:insights", "tagged", tagged)):
        why = node.heddle("explain", principal, ORDERS, "--purpose", purpose, as_="sam")
        assert why["verdict"] == "refuse" or why["grant"] == grant["id"]
    node.heddle("explain", "group:insights.campaign", ORDERS, as_="otto", expect=NOT_FOUND)


# --- then ---

def test_a_past_time_after_a_revoke(shop):
    node = shop.node
    grants = many_grants(shop)
    before = {who: node.heddle("explain", "--person", who, as_=who)["access"] for who in EVERYBODY}
    real = {(who, table, p): got(shop, who, table, p) for who in ("ana", "otto") for table in TABLES for p in PURPOSES[:3]}
    then = now_text()
    time.sleep(1.1)
    for name in ("all", "any", "ana"):
        node.heddle("revoke", grants[name]["id"], as_="sam")
    made = node.heddle("restrict", "--suspend", "crm.people")
    for who in EVERYBODY:
        past = node.heddle("explain", "--person", who, "--at", then, as_=who)
        assert past["access"] == before[who] and past["at"] == then
        assert {r["name"] for r in past["rests_on"]} == {"governance", "sales", "crm", "insights", "outside"}
        present = node.heddle("explain", "--person", who, as_=who)["access"]
        assert all(a["grant"] == grants["carl"]["id"] or not a["grant"] for a in present)
    for (who, table, purpose), was in real.items():
        why = node.heddle("explain", who, table, "--purpose", purpose, "--at", then, as_=asker(who, table))
        assert (was and was[0]) == said(why)
        assert said(node.heddle("explain", who, table, "--purpose", purpose, as_=asker(who, table))) is None
    people = node.heddle("explain", "--table", ORDERS, "--at", then, as_="sam")["access"]
    assert {a["principal"] for a in people if a["kind"] == "person"} == {"sam", "ivy", "ana", "abe", "olga", "otto", "carl"}
    node.heddle("lift", made["id"])
    # nothing of the present was touched
    assert node.heddle("rebuild")["same"]


def test_a_name_means_who_bore_it_then(shop):
    """Somebody leaves and another one comes under the same name: each time has its own."""
    node = shop.node
    grant = shop.grant()["id"]
    then = now_text()
    time.sleep(1.1)
    node.heddle("user", "remove", "abe", as_="ivy")
    asked = ("explain", "abe", ORDERS, "--purpose", "analysis")
    node.heddle(*asked, as_="sam", expect=NOT_FOUND)
    for _ in ("nobody has the name", "somebody new has it"):
        past = node.heddle(*asked, "--at", then, as_="sam")
        assert (past["verdict"], past["grant"]) == ("allow", grant) and past["principal"].startswith("user:abe (left, ")
        assert node.heddle("explain", "user:abe", ORDERS, "--purpose", "analysis", "--at", then, as_="sam") == past
        mine = node.heddle("explain", "--person", "abe", "--at", then, as_="ivy")
        assert mine["person"] == past["principal"].removeprefix("user:") and [a["grant"] for a in mine["access"]] == [grant]
        node.run("user", "add", "abe", "--domain", "outside", "--role", "analyst", as_="olga")
    assert node.heddle(*asked, as_="sam")["verdict"] == "refuse"
    node.heddle("explain", "--person", "abe", "--at", then, as_="otto", expect=NOT_FOUND)


def test_before_anything_was(shop):
    node = shop.node
    shop.grant()
    node.heddle("explain", "--table", ORDERS, "--at", "2020-01-01", as_="sam", expect=NOT_FOUND)
    node.heddle("explain", "ana", ORDERS, "--at", "2020-01-01", as_="sam", expect=NOT_FOUND)
    for bad in ("2099-01-01", "yesterday", "2020-13-01"):
        node.heddle("explain", "--table", ORDERS, "--at", bad, as_="sam", expect=BAD)
    today = datetime.now(timezone.utc).strftime("%Y-%m-%d")
    assert node.heddle("explain", "--table", ORDERS, "--at", today, as_="sam")["access"]


# --- what would break ---

def test_what_a_revoke_would_break(shop):
    node = shop.node
    wide, narrow = shop.grant(), shop.grant("--hide", "card", to="user:ana")
    other = shop.grant(to="outside")
    for who, sql in (("ana", f"SELECT * FROM {ORDERS}"), ("ana", f"SELECT order_id FROM {ORDERS}"), ("abe", f"SELECT * FROM {ORDERS}")):
        node.query(sql, who)
    told = node.heddle("explain", "--revoke", wide["id"], as_="sam")
    effects = {(q["person"], len(q["columns"])): {e["how"]: e for e in q["effects"]} for q in told["queries"]}
    # abe is left with nothing; ana goes on under the grant to her, without the card where she wants it
    assert set(effects) == {("ana", 0), ("ana", 1), ("abe", 0)} and told["queries_changed"] == 3 == told["queries_seen"]
    assert set(effects["abe", 0]) == {"refused"}
    assert set(effects["ana", 0]) == {"hidden", "other_grant"} and effects["ana", 0]["hidden"]["column"] == "card"
    assert set(effects["ana", 1]) == {"other_grant"} and effects["ana", 1]["other_grant"]["now"] == narrow["id"]
    for unused in (narrow, other):
        assert node.heddle("explain", "--revoke", unused["id"], as_="sam")["queries"] == []
    # and so it is
    node.heddle("revoke", wide["id"], as_="sam")
    assert got(shop, "abe", ORDERS, "analysis") is None and "card" not in got(shop, "ana", ORDERS, "analysis")[0]


# --- who may ask ---

def test_who_may_ask_what(shop):
    node = shop.node
    grants = many_grants(shop)
    # an analyst about themselves, and of a table only their own lines
    assert {a["principal"] for a in node.heddle("explain", "--table", ORDERS, as_="ana")["access"] if a["kind"] == "person"} == {"ana"}
    for who in ("abe", "sam", "nobody"):
        node.heddle("explain", "--person", who, as_="ana", expect=NOT_FOUND)
        node.heddle("explain", who, ORDERS, as_="ana", expect=NOT_FOUND)
    # what there is and what there is not is told the same way
    told = [node.run("explain", "--person", who, "--json", as_="ana").error["message"].replace(who, "X") for who in ("abe", "nobody")]
    assert told[0] == told[1]
    told = [node.run("explain", who, ORDERS, "--json", as_="ana").error["message"].replace(who, "X") for who in ("abe", "nobody")]
    assert told[0] == told[1]
    # an owner about their people everywhere, and about others on their own products
    assert {a["table"] for a in node.heddle("explain", "--person", "ana", as_="ivy")["access"]} == {ORDERS, PEOPLE}
    assert {a["table"] for a in node.heddle("explain", "--person", "ana", as_="carl")["access"]} == {PEOPLE}
    assert {a["principal"] for a in node.heddle("explain", "--table", ORDERS, as_="ivy")["access"] if a["kind"] == "person"} == {"ivy", "ana", "abe"}
    # the center about all
    assert {a["table"] for a in node.heddle("explain", "--person", "ana")["access"]} == {ORDERS, PEOPLE}
    # what a revoke would break: for who gave it
    for who in ("ana", "ivy", "carl", "eve"):
        node.heddle("explain", "--revoke", grants["all"]["id"], as_=who, expect=NOT_FOUND)
    node.heddle("explain", "--revoke", grants["all"]["id"])


@pytest.mark.parametrize("words", [(), ("ana",), ("ana", ORDERS, "--table", ORDERS), ("--table", ORDERS, "--person", "ana"),
                                   ("--table", ORDERS, "--purpose", "p"), ("--revoke", "grt_aaaaaaaaaaaa", "--at", "2020-01-01")])
def test_words_that_do_not_go_together(make_node, words):
    make_node().heddle("explain", *words, expect=BAD, admin=False)
