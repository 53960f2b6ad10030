"""Requests, approvals, delegation, groups, services, departures, tags, purposes: each flow, and what must not go."""

import contextlib
import json
import os
import pty
import subprocess
import threading
from datetime import datetime, timedelta, timezone

import pytest
from harness import ANSWERS_S, BAD, DONE, HEDDLE, NOT_FOUND, ORDERS, REFUSED, contract, wait_for

ALL = "SELECT * FROM sales.orders.orders ORDER BY order_id"
COUNT = "SELECT count(*) AS n FROM sales.orders.orders"


def in_days(days):
    return (datetime.now(timezone.utc) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def policy(node, name, scope, **effects):
    """A policy of the center; its id."""
    path = node.folder / f"{name}.yaml"
    path.write_text(json.dumps({"name": name, "scope": scope, "effects": effects}))
    return node.heddle("policy", "add", path)["id"]


def two_persons(node, **more):
    return policy(node, "two_persons", {"domain": "sales"}, approvals={"count": 2, "roles": ["owner", "steward"], **more})


def add(node, name, domain, role, as_=None, *options):
    return node.heddle("user", "add", name, "--domain", domain, "--role", role, *options, as_=as_)


def ask(node, *options, as_="ana"):
    return node.heddle("request", "sales.orders", "--purpose", "analysis", *options, as_=as_)["id"]


def inbox(node, as_):
    return {(x["kind"], x["id"]) for x in node.heddle("inbox", as_=as_)["items"]}


def reads(node, who, purpose="analysis", sql=COUNT):
    return node.run("query", sql, "--purpose", purpose, "--json", as_=who).status == DONE


# --- approvals ---


def test_two_persons_stand_behind_a_grant(shop):
    node = shop.node
    add(node, "stella", "sales", "steward", "sam")
    rule = two_persons(node)
    req = ask(node)
    assert ("request", req) in inbox(node, "sam") and ("request", req) not in inbox(node, "stella")
    grant = node.heddle("approve", req, "--mask", "card=null", as_="sam")
    assert grant["state"] == "waits" and grant["approvals"]["has"] == 1 and grant["approvals"]["needed"] == 2
    assert grant["approvals"]["may"] == ["stella"] and grant["approvals"]["restriction"] == rule
    refused = node.query(ALL, "ana", expect=REFUSED)
    assert "approval" in refused.error["message"], refused.error
    (line,) = [r for r in node.heddle("requests", as_="ana")["requests"] if r["id"] == req]
    assert line["state"] == "pending" and line["approvals"]["has"] == 1
    assert "1 of 2 approvals" in node.run("requests", as_="ana").out
    assert ("approval", grant["id"]) in inbox(node, "stella") and ("approval", grant["id"]) not in inbox(node, "sam")

    shown = node.heddle("grants", grant["id"], as_="stella")  # what stella would stand for
    assert shown["masks"] == {"card": "null"} and shown["approvals"]["by"] == ["sam"]
    done = node.heddle("approve", grant["id"], as_="stella")
    assert done["state"] == "active" and done["approvals"]["has"] == 2
    assert len(node.query(ALL, "ana")) == 30 and all(r["card"] is None for r in node.query(ALL, "ana"))
    assert ("approved", req) in inbox(node, "ana") and ("approval", grant["id"]) not in inbox(node, "stella")
    node.heddle("approve", grant["id"], as_="stella", expect=BAD)


def test_the_second_approves_the_request_by_its_name_too(shop):
    node = shop.node
    add(node, "stella", "sales", "steward", "sam")
    two_persons(node)
    req = ask(node)
    grant = node.heddle("approve", req, as_="sam")["id"]
    node.heddle("approve", req, "--mask", "card=null", as_="stella", expect=BAD)  # its terms stand
    assert node.heddle("approve", req, as_="stella")["id"] == grant
    assert reads(node, "ana")


def at_a_terminal(node, *args, as_, typed):
    """What a person at a terminal sees of a command that asks them."""
    master, slave = pty.openpty()
    with subprocess.Popen([str(HEDDLE), *args, "--as", as_], stdin=slave, stdout=slave, stderr=slave, env=node.env()) as process:
        os.close(slave)
        shown = b""
        with contextlib.suppress(OSError):  # a terminal whose other end is gone
            while part := os.read(master, 4096):
                shown += part
                if shown.endswith(b"[y/N] "):
                    os.write(master, typed)
    os.close(master)
    return process.returncode, shown.decode()


def test_the_terms_are_shown_before_one_stands_for_them(shop):
    node = shop.node
    add(node, "stella", "sales", "steward", "sam")
    two_persons(node)
    grant = shop.grant("--mask", "card=null")["id"]
    status, shown = at_a_terminal(node, "approve", grant, as_="stella", typed=b"n\n")
    assert status != DONE and "mask card=null" in shown and "stand up for this?" in shown and not reads(node, "ana")
    status, shown = at_a_terminal(node, "approve", grant, as_="stella", typed=b"y\n")
    assert status == DONE and "approved" in shown and reads(node, "ana")


def test_nobody_stands_behind_a_grant_twice(shop):
    node = shop.node
    add(node, "sam2", "sales", "owner", "sam", "--same-human-as", "sam")
    add(node, "stella", "sales", "steward", "sam")
    node.heddle("service", "add", "robot", "--domain", "sales", "--role", "engineer", as_="sam")
    two_persons(node)
    grant = node.heddle("approve", ask(node), as_="sam")["id"]
    for who, status in (("sam", BAD), ("sam2", BAD), ("eve", REFUSED), ("robot", REFUSED), ("ana", REFUSED), ("ivy", REFUSED), ("carl", NOT_FOUND),
                        ("olga", NOT_FOUND)):
        node.heddle("approve", grant, as_=who, expect=status)
        assert not reads(node, "ana"), who
    assert node.run("approve", grant).status != DONE  # the administrator is no owner of sales
    assert not reads(node, "ana")
    node.heddle("approve", grant, as_="stella")
    assert reads(node, "ana")


def test_nobody_approves_what_they_asked_for(shop):
    """Also not through another account, in either place."""
    node = shop.node
    add(node, "sam_too", "insights", "analyst", "ivy", "--same-human-as", "sam")
    add(node, "stella", "sales", "owner", "sam")
    req = ask(node, as_="sam_too")
    node.heddle("approve", req, as_="sam_too", expect=REFUSED)
    node.heddle("approve", req, as_="sam", expect=REFUSED)
    node.heddle("deny", req, as_="sam", expect=REFUSED)
    assert ("request", req) not in inbox(node, "sam") and ("request", req) in inbox(node, "stella")
    two_persons(node)
    grant = node.heddle("approve", req, as_="stella")["id"]
    node.heddle("approve", grant, as_="sam", expect=REFUSED)
    assert not reads(node, "sam_too")


def test_nobody_grants_to_themselves_in_place_of_being_approved(shop):
    """Who may not approve a request with another account may not grant the same without it either."""
    node = shop.node
    add(node, "sam_too", "insights", "analyst", "ivy", "--same-human-as", "sam")
    add(node, "stella", "sales", "owner", "sam")
    for to in ("user:sam_too", "user:sam", "sam_too"):
        told = shop.grant(to=to, expect=REFUSED).error["message"]
        assert "another owner of sales" in told
    shop.grant("--future", "--until", in_days(20), object="--tags=environment = prod", to="user:sam_too", expect=REFUSED)
    assert not reads(node, "sam_too")
    shop.grant(to="user:sam_too", as_="stella")
    assert reads(node, "sam_too")


def test_what_is_one_human_stays_one(shop):
    node = shop.node
    add(node, "sam2", "sales", "steward", "sam", "--same-human-as", "sam")
    add(node, "sam2", "sales", "owner", "sam")  # another role: still sam
    node.heddle("user", "add", "sam2", "--domain", "sales", "--role", "owner", "--same-human-as", "eve", as_="sam", expect=BAD)
    node.heddle("user", "add", "sam", "--domain", "sales", "--role", "owner", "--same-human-as", "eve", as_="sam2", expect=BAD)
    (sam2,) = [u for u in node.heddle("users", as_="sam")["users"] if u["name"] == "sam2"]
    assert sam2["same_human_as"] == "sam"
    two_persons(node)
    grant = shop.grant()["id"]
    node.heddle("approve", grant, as_="sam2", expect=BAD)
    assert not reads(node, "ana")


def test_an_approver_of_another_domain_whom_policy_names(shop):
    node = shop.node
    policy(node, "protection", {"domain": "sales"}, approvals={"count": 2, "roles": ["owner"], "people": ["carl"]})
    grant = shop.grant()["id"]
    assert ("approval", grant) in inbox(node, "carl")
    node.heddle("approve", grant, as_="olga", expect=NOT_FOUND)
    node.heddle("approve", grant, as_="carl")
    assert reads(node, "ana")


def test_an_approval_needs_no_policy_to_be_refused(shop):
    grant = shop.grant()["id"]
    shop.node.heddle("approve", grant, as_="eve", expect=BAD)
    shop.node.heddle("approve", "grt_nobody_knows", as_="sam", expect=NOT_FOUND)


def test_terms_are_fixed_by_the_first_approval(shop):
    node = shop.node
    add(node, "stella", "sales", "owner", "sam")
    two_persons(node)
    req = ask(node)
    node.heddle("approve", req, "--mask", "card=null", as_="sam")
    answer = node.http("POST", f"/api/v1/requests/{req}/approve", as_="stella", json={})
    assert answer.status_code == 409 and "sam granted this already" in answer.json()["error"]["message"]
    assert not reads(node, "ana")


def test_a_policy_lifted_leaves_what_the_producer_granted(shop):
    node = shop.node
    rule = two_persons(node)
    shop.grant()
    assert not reads(node, "ana")
    node.heddle("policy", "lift", rule)
    assert reads(node, "ana")


# --- requests ---


def test_a_draft_is_for_its_author_alone(shop):
    node = shop.node
    req = ask(node, "--draft", "--reason", "not sure yet")
    assert ("draft", req) in inbox(node, "ana")
    for who in ("ivy", "abe", "sam", None):
        assert req not in {r["id"] for r in node.heddle("requests", as_=who)["requests"]}, who
        node.heddle("requests", req, as_=who, expect=NOT_FOUND)
    node.heddle("approve", req, as_="sam", expect=NOT_FOUND)
    node.heddle("submit", req, as_="ivy", expect=NOT_FOUND)
    assert node.heddle("submit", req, as_="ana")["state"] == "pending"
    node.heddle("submit", req, as_="ana", expect=BAD)
    node.heddle("approve", req, as_="sam")
    assert reads(node, "ana")


def test_withdrawn_is_withdrawn(shop):
    node = shop.node
    req = ask(node)
    node.heddle("withdraw", req, as_="ivy", expect=REFUSED)
    node.heddle("withdraw", req, as_="otto", expect=NOT_FOUND)
    assert node.heddle("withdraw", req, as_="ana")["state"] == "withdrawn"
    node.heddle("approve", req, as_="sam", expect=BAD)
    node.heddle("withdraw", req, as_="ana", expect=BAD)
    assert not reads(node, "ana")


def test_a_request_that_nobody_answers_expires(shop, wrong_clock):
    node = shop.node
    old, draft = ask(node), ask(node, "--draft")

    def states():
        return {r["id"]: r["state"] for r in node.heddle("requests", as_="ana")["requests"]}

    wrong_clock(29)
    assert states() == {old: "pending", draft: "draft"}
    wrong_clock(31)
    assert states() == {old: "expired", draft: "draft"} and ("expired", old) in inbox(node, "ana")
    assert ("request", old) not in inbox(node, "sam")
    node.heddle("approve", old, as_="sam", expect=BAD)
    node.heddle("withdraw", old, as_="ana", expect=BAD)
    assert node.heddle("submit", draft, as_="ana")["state"] == "pending"  # its time begins now
    wrong_clock(60)
    node.heddle("approve", draft, as_="sam")
    assert reads(node, "ana")


def test_a_request_for_a_time_that_is_over_is_granted_another_or_denied(shop, wrong_clock):
    node = shop.node
    req = ask(node, "--until", in_days(3))
    wrong_clock(10)
    told = node.heddle("approve", req, as_="sam", expect=BAD).error["message"]
    assert "is over" in told and "--until" in told
    node.heddle("approve", req, "--until", in_days(20), as_="sam")
    assert reads(node, "ana")


def test_comments_are_for_those_concerned_and_in_no_log(shop):
    node = shop.node
    req = ask(node)
    node.heddle("comment", req, "which columns do you need, marmalade?", as_="sam")
    node.heddle("comment", req, "all but the card", as_="ana")
    node.heddle("comment", req, "let me in too", as_="otto", expect=NOT_FOUND)
    node.heddle("comment", req, "I watch", expect=REFUSED)  # the center is no party
    said = node.heddle("requests", req, as_="ana")["comments"]
    assert {(c["by"], c["text"]) for c in said} == {("sam", "which columns do you need, marmalade?"), ("ana", "all but the card")}
    assert ("comment", req) in inbox(node, "ana") and ("comment", req) in inbox(node, "sam")
    node.heddle("requests", req, as_="olga", expect=NOT_FOUND)
    node.stop()
    found = subprocess.run(["grep", "-rl", "marmalade", node.data / "ledger"], capture_output=True, text=True).stdout
    assert found == ""


def test_renewal_keeps_the_terms(shop):
    node = shop.node
    grant = shop.grant("--until", in_days(5), "--mask", "card=null", "--row-budget", "100000")["id"]
    assert ("ends", grant) in inbox(node, "ana")
    node.heddle("renew", grant, "--until", in_days(60), as_="otto", expect=NOT_FOUND)
    node.heddle("renew", grant, "--until", in_days(2), as_="ana", expect=BAD)  # not later
    req = node.heddle("renew", grant, "--until", in_days(60), as_="ana")
    assert req["renews"] == grant and req["state"] == "pending"
    again = node.heddle("approve", req["id"], as_="sam")
    assert again["masks"] == {"card": "null"} and again["row_budget"] == 100000 and again["id"] != grant
    node.heddle("revoke", grant, as_="sam")
    assert all(r["card"] is None for r in node.query(ALL, "ana"))
    node.heddle("renew", grant, "--until", in_days(90), as_="ana", expect=BAD)  # revoked: ask anew


def test_a_renewed_grant_to_a_group_stays_the_groups(shop):
    node = shop.node
    node.heddle("group", "add", "campaign", as_="ivy")
    node.heddle("group", "join", "campaign", "ana", as_="ivy")
    grant = shop.grant("--until", in_days(5), to="group:insights.campaign")["id"]
    node.heddle("renew", grant, "--until", in_days(60), as_="abe", expect=NOT_FOUND)
    req = node.heddle("renew", grant, "--until", in_days(60), as_="ana")["id"]
    assert node.heddle("approve", req, as_="sam")["to"] == "group:insights.campaign"
    assert node.heddle("requests", req, as_="ana")["state"] == "approved"
    node.heddle("revoke", grant, as_="sam")
    assert reads(node, "ana") and not reads(node, "abe")


# --- delegation, groups, services ---


def named(shop, *options):
    """sales.orders granted to insights, which hands on by name."""
    shop.node.heddle("domain", "set", "insights", "--handing", "named", as_="ivy")
    return shop.grant(*options)["id"]


def test_handing_on_by_name(shop):
    node = shop.node
    grant = shop.grant()["id"]
    assert reads(node, "ana") and reads(node, "abe")
    node.heddle("domain", "set", "insights", "--handing", "named", as_="ana", expect=REFUSED)
    node.heddle("domain", "set", "insights", "--handing", "named", as_="sam", expect=REFUSED)
    node.heddle("domain", "set", "insights", "--handing", "named", expect=REFUSED)
    node.heddle("domain", "set", "insights", "--handing", "named", as_="ivy")
    assert reads(node, "ivy") and not reads(node, "ana") and not reads(node, "abe")
    handed = node.heddle("delegate", grant, "--to", "user:ana", "--hide", "secret_note", "--rows", "store_id = 1", as_="ivy")
    assert ("handed on", handed["id"]) in inbox(node, "ana")
    rows = node.query(ALL, "ana")
    assert {r["store_id"] for r in rows} == {1} and "secret_note" not in rows[0]
    assert not reads(node, "abe")
    node.heddle("undelegate", handed["id"], as_="ana", expect=REFUSED)
    node.heddle("undelegate", handed["id"], as_="ivy")
    assert not reads(node, "ana")
    node.heddle("domain", "set", "insights", "--handing", "everyone", as_="ivy")
    assert reads(node, "ana") and reads(node, "abe")


@pytest.mark.parametrize("options, status", [
    (("--to", "user:otto"), REFUSED),                                   # an outsider
    (("--to", "user:sam"), REFUSED),
    (("--to", "group:outside.all"), NOT_FOUND),
    (("--to", "domain:outside"), BAD),
    (("--to", "insights"), BAD),
    (("--to", "user:ana", "--until", in_days(60)), REFUSED),            # longer
    (("--to", "user:ana", "--purpose", "advertising"), REFUSED),        # wider
    (("--to", "user:ana", "--purpose", "*"), REFUSED),
    (("--to", "user:ana", "--via", "files"), REFUSED),
    (("--to", "user:ana", "--table", "refunds"), NOT_FOUND),
    (("--to", "user:ana", "--rows", "no_such_column = 1"), BAD),
])
def test_nothing_wider_or_longer_is_handed_on(shop, options, status):
    grant = named(shop, "--until", in_days(30), "--rows", "store_id < 3")
    shop.node.heddle("delegate", grant, *options, as_="ivy", expect=status)
    assert shop.node.heddle("delegations", as_="ivy")["delegations"] == []
    assert not reads(shop.node, "ana") and not reads(shop.node, "otto")


def test_what_the_center_masks_is_told_to_who_hands_on(shop):
    """A filter over it is of no effect in the decision: whoever writes one hears so, not the one whose query is refused."""
    node, grant = shop.node, named(shop)
    node.heddle("tag", "set", "sales.orders.orders.amount", "classification=restricted", as_="sam")
    node.heddle("restrict", "personal", "--mask", "hash")
    policy(node, "hidden", {"product": "sales.orders", "classification": "restricted"}, hide=True)
    for column, rows in (("card", "card = '4000-1234-1003'"), ("customer_id", "store_id = 1 OR NOT Customer_ID = 3"), ("amount", "amount > 10")):
        told = node.heddle("delegate", grant, "--to", "user:ana", "--rows", rows, as_="ivy", expect=REFUSED).error["message"]
        assert f"the center masks or hides column '{column}'" in told.lower(), told
    assert node.heddle("delegations", as_="ivy")["delegations"] == [] and not reads(node, "ana")
    node.heddle("delegate", grant, "--to", "user:ana", "--rows", "store_id = 1", as_="ivy")
    assert reads(node, "ana")


def test_what_is_not_said_is_as_granted(shop):
    """A grant on one table, begun already: what is handed on is about that table from then on."""
    node = shop.node
    node.heddle("domain", "set", "insights", "--handing", "named", as_="ivy")
    grant = shop.grant("--from", "2026-01-01", "--until", "2099-01-01", object="sales.orders.orders")["id"]
    handed = node.heddle("delegate", grant, "--to", "user:ana", as_="ivy")
    assert handed["object"] == "sales.orders.orders" and handed["until"].startswith("2099") and handed["from"].startswith("2026")
    assert reads(node, "ana")


def test_aggregates_are_handed_on_with_their_groups(shop):
    """Who could choose among the rows of a group would learn the row that is missing."""
    node = shop.node
    node.heddle("domain", "set", "insights", "--handing", "named", as_="ivy")
    grant = shop.grant("--aggregate-only", "3", "--by", "store_id", "--unit", "customer_id")["id"]
    for options in (("--rows", "customer_id <> 7"), ("--mask", "store_id=null"), ("--hide", "store_id")):
        node.heddle("delegate", grant, "--to", "user:ana", *options, as_="ivy", expect=REFUSED)
    node.heddle("delegate", grant, "--to", "user:ana", "--rows", "store_id = 1", as_="ivy")
    assert reads(node, "ana", sql="SELECT store_id, count(*) FROM sales.orders.orders GROUP BY ALL")


def test_who_may_hand_on(shop):
    node = shop.node
    grant = named(shop)
    node.heddle("delegate", grant, "--to", "user:ana", as_="ana", expect=REFUSED)
    node.heddle("delegate", grant, "--to", "user:otto", as_="olga", expect=NOT_FOUND)
    node.heddle("delegate", grant, "--to", "user:eve", as_="sam", expect=REFUSED)
    person = shop.grant(to="user:abe")["id"]
    node.heddle("delegate", person, "--to", "user:ana", as_="ivy", expect=NOT_FOUND)
    assert not reads(node, "ana")


def test_a_delegation_ends_with_its_grant(shop):
    node = shop.node
    grant = named(shop)
    node.heddle("delegate", grant, "--to", "user:ana", as_="ivy")
    assert reads(node, "ana")
    node.heddle("revoke", grant, as_="sam")
    assert not reads(node, "ana")
    assert [d["state"] for d in node.heddle("delegations", as_="ivy")["delegations"]] == ["expired"]


def test_groups(shop):
    node = shop.node
    grant = named(shop)
    node.heddle("group", "add", "campaign", as_="ana", expect=REFUSED)
    node.heddle("group", "add", "campaign", as_="ivy")
    node.heddle("group", "add", "campaign", as_="ivy", expect=BAD)
    node.heddle("group", "join", "campaign", "otto", as_="ivy", expect=NOT_FOUND)  # of another domain
    node.heddle("group", "join", "campaign", "ana", as_="olga", expect=NOT_FOUND)
    node.heddle("group", "join", "campaign", "ana", as_="ivy")
    node.heddle("delegate", grant, "--to", "group:campaign", as_="ivy")
    assert reads(node, "ana") and not reads(node, "abe")
    node.heddle("group", "join", "campaign", "abe", as_="abe", expect=REFUSED)
    node.heddle("group", "join", "campaign", "abe", as_="ivy")
    assert reads(node, "abe")
    node.heddle("group", "leave", "campaign", "ana", as_="abe", expect=REFUSED)
    node.heddle("group", "leave", "campaign", "ana", as_="ana")
    assert not reads(node, "ana") and reads(node, "abe")
    assert node.heddle("group", "list", as_="ivy")["groups"][0]["members"] == ["abe"]
    node.heddle("group", "remove", "campaign", as_="ivy")
    assert not reads(node, "abe")


def test_a_grant_to_a_group(shop):
    node = shop.node
    node.heddle("group", "add", "campaign", as_="ivy")
    node.heddle("group", "join", "campaign", "ana", as_="ivy")
    node.heddle("group", "add", "campaign", as_="olga")  # of the same name, elsewhere
    node.heddle("group", "join", "campaign", "otto", as_="olga")
    grant = shop.grant(to="group:insights.campaign")
    assert grant["to"] == "group:insights.campaign"
    assert reads(node, "ana") and not reads(node, "abe") and not reads(node, "ivy") and not reads(node, "otto")
    node.heddle("grants", grant["id"], as_="otto", expect=NOT_FOUND)
    shop.grant(to="group:insights.nobody", expect=NOT_FOUND)


def test_a_service_reads_and_never_approves(shop):
    node = shop.node
    node.heddle("service", "add", "nightly", "--domain", "insights", as_="ivy")
    node.heddle("service", "add", "boss", "--domain", "insights", "--role", "owner", as_="ivy", expect=BAD)
    node.heddle("user", "add", "nightly", "--domain", "insights", "--role", "owner", as_="ivy", expect=BAD)  # stays a service
    grant = named(shop)
    assert not reads(node, "nightly")
    node.heddle("delegate", grant, "--to", "service:ana", as_="ivy", expect=NOT_FOUND)
    node.heddle("delegate", grant, "--to", "service:nightly", as_="ivy")
    assert reads(node, "nightly")
    node.heddle("user", "remove", "nightly", as_="ivy")
    assert not reads(node, "nightly")


# --- departures ---


def test_who_left_has_nothing_and_comes_back_as_somebody_new(shop):
    node = shop.node
    shop.grant(to="user:ana")
    token = node.token("ana")
    old = {u["name"]: u["id"] for u in node.heddle("users", as_="ivy")["users"]}["ana"]
    node.heddle("user", "remove", "ana", as_="abe", expect=REFUSED)
    node.heddle("user", "remove", "ana", as_="sam", expect=NOT_FOUND)
    assert reads(node, "ana")
    node.heddle("user", "remove", "ana", as_="ivy")
    assert not reads(node, "ana")
    assert node.http("GET", "/api/v1/requests", token=token).status_code == 401
    users = {u["id"]: u for u in node.heddle("users", as_="ivy")["users"]}
    assert users[old]["active"] is False and users[old]["name"].startswith("ana (left")
    new = add(node, "ana", "insights", "analyst", "ivy")
    assert new["id"] != old and not reads(node, "ana")  # the grant was the other ana's
    assert node.http("GET", "/api/v1/requests", token=token).status_code == 401
    node.restart()
    assert not reads(node, "ana")


def test_a_departure_ends_what_runs(shop):
    node = shop.node
    shop.grant()
    slow = "SELECT count(*) FROM sales.orders.orders a, sales.orders.orders b, range(0, 2000000000) t(i) WHERE hash(a.order_id + b.order_id + i) % 7 = 3"
    done = []

    def run():
        done.append(node.run("query", slow, "--purpose", "analysis", "--json", as_="ana"))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    wait_for(lambda: any("query.start" in e["type"] for e in node.heddle("journal", "--limit", "200")["entries"]), 20)
    node.heddle("user", "remove", "ana", as_="ivy")
    thread.join(ANSWERS_S)
    assert done and done[0].status != DONE


def test_an_approver_who_left_counts_no_more_for_what_comes(shop):
    node = shop.node
    add(node, "stella", "sales", "steward", "sam")
    two_persons(node)
    grant = shop.grant()["id"]
    token = node.token("stella")
    node.heddle("user", "remove", "stella", as_="sam")
    assert node.http("POST", f"/api/v1/grants/{grant}/approve", token=token, json={}).status_code == 401
    assert not reads(node, "ana")
    add(node, "stella", "sales", "steward", "sam")
    node.heddle("approve", grant, as_="stella")
    assert reads(node, "ana")


def test_the_last_owner_stays(shop):
    node = shop.node
    node.heddle("user", "remove", "sam", as_="sam", expect=BAD)
    node.heddle("user", "remove", "sam", expect=REFUSED)  # the administrator
    add(node, "stella", "sales", "owner", "sam")
    node.heddle("user", "remove", "sam", as_="eve", expect=REFUSED)
    node.heddle("user", "remove", "sam", as_="stella")
    shop.grant(as_="stella")
    assert reads(node, "ana")


# --- tags ---


def test_a_grant_by_tags(shop):
    node = shop.node
    node.heddle("tag", "set", "sales.orders", "environment=prod", as_="sam")
    grant = node.heddle("grant", "--tags", "environment = prod", "--in", "sales", "--to", "insights", "--purpose", "analysis", as_="sam")
    assert "environment" in grant["object"] and reads(node, "ana")
    node.heddle("tag", "set", "sales.orders", "environment=test", as_="sam")
    assert not reads(node, "ana")
    node.heddle("tag", "set", "sales.orders", "environment=prod", as_="eve", expect=REFUSED)  # it would open
    assert not reads(node, "ana")
    node.heddle("tag", "set", "sales.orders", "environment=prod", as_="sam")
    assert reads(node, "ana")
    node.heddle("tag", "unset", "sales.orders", "environment", as_="sam")
    assert not reads(node, "ana")


@pytest.mark.parametrize("tags, options, status", [
    ("colour = red", (), BAD),                                       # no such tag
    ("environment = moon", (), BAD),                                 # no such value
    ("environment =", (), BAD),
    ("environment = prod", ("--in", "crm"), REFUSED),                # not sam's
    ("environment = prod", ("--future",), BAD),                      # needs an end
    ("environment = prod", ("--rows", "no_such = 1"), BAD),
])
def test_bad_grants_by_tags(shop, tags, options, status):
    shop.node.heddle("grant", "--tags", tags, *options, "--to", "insights", "--purpose", "analysis", as_="sam", expect=status)
    shop.node.heddle("grant", "--tags", tags, *options, "--to", "insights", "--purpose", "analysis", as_="eve", expect=REFUSED)
    assert shop.node.heddle("grants", as_="sam")["grants"] == []


def publish_more(shop, product):
    """Another product of sales, tagged like the first."""
    path = contract(shop.folder / f"{product}.yaml", "sales", product, {"orders": ORDERS})
    shop.node.heddle("publish", path, "--data", f"orders={shop.orders_file}", as_="sam")
    shop.node.heddle("tag", "set", f"sales.{product}", "environment=prod", as_="sam")


def test_no_sleeper_without_future(shop):
    node = shop.node
    node.heddle("tag", "set", "sales.orders", "environment=prod", as_="sam")
    node.heddle("grant", "--tags", "environment = prod", "--to", "insights", "--purpose", "analysis", as_="sam")
    publish_more(shop, "later")
    assert reads(node, "ana") and not reads(node, "ana", sql="SELECT count(*) FROM sales.later.orders")
    node.heddle("grant", "--tags", "environment = prod", "--future", "--until", in_days(20), "--to", "insights", "--purpose", "analysis", as_="sam")
    publish_more(shop, "latest")
    assert reads(node, "ana", sql="SELECT count(*) FROM sales.latest.orders")


def test_lowering_a_tag_is_granting(shop):
    node = shop.node
    add(node, "stella", "sales", "steward", "sam")
    column = "sales.orders.orders.secret_note"
    for who in ("eve", "stella"):
        node.heddle("tag", "set", column, "classification=internal", as_=who, expect=REFUSED)
        node.heddle("tag", "unset", column, "classification", as_=who, expect=REFUSED)
        node.heddle("tag", "set", column, "classification=restricted", as_=who)
    for who in ("carl", "ana", None):
        node.heddle("tag", "set", column, "classification=public", as_=who, expect=REFUSED)
    node.heddle("tag", "set", column, "classification=internal", as_="sam")
    (line,) = [t for t in node.heddle("tags", column, as_="sam")["tags"] if t["tag"] == "classification"]
    assert line["value"] == "internal" and line["from"] == "own"


def test_a_blank_takes_no_tag_away(shop):
    node = shop.node
    node.heddle("tag", "set", "sales.orders", "cost_center = north ", as_="sam")
    for value in ("", " ", " \t"):
        node.heddle("tag", "set", "sales.orders", f"cost_center={value}", as_="sam", expect=BAD)
        told = node.http("POST", "/api/v1/tags", "sam", json={"object": "sales.orders", "tag": "cost_center", "value": value or " x"})
        assert told.status_code == 400, told.text
    (line,) = [t for t in node.heddle("tags", "sales.orders", as_="sam")["tags"] if t["object"] == "sales.orders"]
    assert line["value"] == "north"


def test_a_lowered_tag_waits_for_approvals(shop):
    node = shop.node
    add(node, "stella", "sales", "steward", "sam")
    column = "sales.orders.orders.secret_note"
    shop.grant()
    node.heddle("restrict", "confidential", "--mask", "null")
    policy(node, "lowering", {"product": "sales.orders"}, approvals={"count": 2, "roles": ["owner", "steward"]})
    note = "SELECT max(secret_note) AS n FROM sales.orders.orders"
    grant = node.heddle("grants", as_="sam")["grants"][0]["id"]
    node.heddle("approve", grant, as_="stella")
    assert node.scalar(note, "ana") is None
    change = node.heddle("tag", "set", column, "classification=internal", as_="sam")
    assert change["state"] == "waits" and change["approvals"]["has"] == 1
    assert node.scalar(note, "ana") is None  # still masked
    assert ("tag", change["id"]) in inbox(node, "stella")
    node.heddle("approve", change["id"], as_="sam", expect=BAD)
    node.heddle("approve", change["id"], as_="eve", expect=REFUSED)
    node.heddle("approve", change["id"], as_="ana", expect=NOT_FOUND)
    node.heddle("approve", change["id"], as_="stella")
    assert node.scalar(note, "ana").startswith("classified")


def test_a_tag_that_waits_is_not_set_by_saying_it_again(shop):
    """It was told as set: nothing was lowered from what waited already."""
    node, column = shop.node, "sales.orders.orders.secret_note"
    policy(node, "lowering", {"product": "sales.orders"}, approvals={"count": 2, "roles": ["owner"]})
    change = node.heddle("tag", "set", column, "classification=internal", as_="sam")
    assert change["state"] == "waits"
    told = node.heddle("tag", "set", column, "classification=internal", as_="sam", expect=BAD)
    assert told.error["code"] == "CONFLICT" and change["id"] in told.error["message"]
    (line,) = [t for t in node.heddle("tags", column, as_="sam")["tags"] if t["tag"] == "classification"]
    assert (line["id"], line["state"]) == (change["id"], "waits")
    assert node.heddle("tag", "set", column, "classification=confidential", as_="sam")["state"] == "set"  # and back


def test_a_raised_tag_waits_for_nobody(shop):
    """Raising closes at once, so nothing is demanded of it, and nobody is asked to stand up for it; unless a grant by tags would open by it."""
    node = shop.node
    add(node, "stella", "sales", "steward", "sam")
    column = "sales.orders.orders.store_id"
    policy(node, "two", {"product": "sales.orders"}, approvals={"count": 2, "roles": ["owner"]})
    change = node.heddle("tag", "set", column, "classification=confidential", as_="stella")
    assert change["state"] == "set" and "approvals" not in change
    assert ("tag", change["id"]) not in inbox(node, "sam")
    assert "approvals" not in node.run("tags", column, as_="sam").out
    node.heddle("grant", "--tags", "classification = restricted", "--to", "insights", "--purpose", "analysis", as_="sam")
    change = node.heddle("tag", "set", column, "classification=restricted", as_="sam")
    assert change["state"] == "waits" and change["approvals"]["needed"] == 2


def test_the_vocabulary_is_the_centers(shop):
    node = shop.node
    node.heddle("tag", "define", "retention", "--kind", "ordered", "--values", "days,months,years", as_="sam", expect=REFUSED)
    node.heddle("tag", "set", "sales.orders", "retention=days", as_="sam", expect=NOT_FOUND)
    node.heddle("tag", "define", "retention", "--kind", "ordered", "--values", "days,months,years")
    node.heddle("tag", "set", "sales.orders", "retention=weeks", as_="sam", expect=BAD)
    node.heddle("tag", "set", "sales.orders", "retention=months", as_="sam")
    grant = node.heddle("grant", "--tags", "retention <= months", "--to", "insights", "--purpose", "analysis", as_="sam")
    assert "years" not in grant["tags"] and reads(node, "ana")
    node.heddle("tag", "define", "classification", "--kind", "free", expect=BAD)
    node.heddle("tag", "retire", "classification", expect=BAD)
    node.heddle("tag", "retire", "retention")
    node.heddle("tag", "set", "sales.orders", "retention=days", as_="sam", expect=NOT_FOUND)


def test_tags_of_what_one_may_not_know(shop):
    node = shop.node
    path = contract(shop.folder / "quiet.yaml", "sales", "quiet", {"orders": ORDERS}, customProperties=[{"property": "discoverable", "value": False}])
    node.heddle("publish", path, "--data", f"orders={shop.orders_file}", as_="sam")
    node.heddle("tags", "sales.quiet", as_="sam")
    node.heddle("tags", "sales.quiet", as_="ana", expect=NOT_FOUND)
    node.heddle("tag", "set", "sales.quiet", "environment=prod", as_="ana", expect=NOT_FOUND)


# --- purposes ---


def test_the_tree_of_purposes(shop):
    node = shop.node
    shop.grant(purpose="anything_goes")
    node.heddle("purpose", "add", "marketing", as_="sam", expect=REFUSED)
    for p in ("marketing", "marketing/campaigns", "research"):
        node.heddle("purpose", "add", p)
    node.heddle("purpose", "add", "research", expect=BAD)
    node.heddle("purpose", "add", "Bad Name", expect=BAD)
    assert node.heddle("purposes", as_="ana")["purposes"] == ["marketing", "marketing/campaigns", "research"]
    refused = node.query(COUNT, "ana", "anything_goes", expect=REFUSED)  # granted before there was a tree
    assert "nearest" in refused.error["message"]
    refused = shop.grant(purpose="campaigns", expect=REFUSED)
    assert "marketing/campaigns" in refused.error["message"]
    node.heddle("request", "sales.orders", "--purpose", "reserch", as_="ana", expect=REFUSED)
    shop.grant(purpose="marketing")
    assert reads(node, "ana", "marketing") and reads(node, "ana", "marketing/campaigns") and not reads(node, "ana", "research")
    assert not reads(node, "ana", "marketing/other")
    node.heddle("purpose", "retire", "marketing/campaigns")
    assert not reads(node, "ana", "marketing/campaigns") and reads(node, "ana", "marketing")


def test_a_grant_for_a_part_is_not_one_for_the_whole(shop):
    node = shop.node
    shop.grant(purpose="marketing/campaigns")
    assert reads(node, "ana", "marketing/campaigns") and not reads(node, "ana", "marketing") and not reads(node, "ana", "marketing/campaigns2")


# --- conditions ---


@pytest.mark.parametrize("option", [
    ("--hours", "mon-fri"), ("--hours", "mon/18:00-08:00"), ("--via", "telepathy"), ("--aggregate-only", "0"), ("--by", "store_id"),
    ("--aggregate-only", "5", "--by", "no_such"), ("--aggregate-only", "5", "--unit", "no_such"), ("--row-budget", "many"), ("--future",),
    ("--in", "sales"),
])
def test_bad_conditions(shop, option):
    shop.grant(*option, expect=BAD)
    assert shop.node.heddle("grants", as_="sam")["grants"] == []


@pytest.mark.parametrize("terms, says", [
    ({"row_budget": 0}, "from 1 on"), ({"min_group": 0}, "groups of 2"), ({"min_group": 1, "group_by": ["store_id"]}, "groups of 2"),
    ({"masks": {"card": "null", "CARD": "none"}}, "--mask card: given twice"), ({"hide": ["card", "Card"]}, "--hide card: given twice"),
])
def test_a_condition_of_nothing_or_said_twice_is_none(shop, terms, says):
    """A grant without the condition that was asked for would open more than was meant."""
    answer = shop.node.http("POST", "/api/v1/grants", as_="sam", json={"object": "sales.orders", "to": "insights", "purpose": "analysis", **terms})
    assert answer.status_code == 400 and says in answer.json()["error"]["message"], answer.text
    assert shop.node.heddle("grants", as_="sam")["grants"] == []


def test_hours(shop):
    node = shop.node
    now = datetime.now(timezone.utc)
    days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    at = now.weekday()
    closed = f"{days[(at + 3) % 7]}/00:00-24:00"  # neither today nor, should midnight come, tomorrow
    assert shop.grant("--hours", closed)["hours"] == closed and not reads(node, "ana")
    shop.grant("--hours", f"{days[at]},{days[(at + 1) % 7]}/00:00-24:00")
    assert reads(node, "ana")


def test_doors(shop):
    node = shop.node
    assert shop.grant("--via", "files,share")["via"] == ["share", "files"]
    assert not reads(node, "ana")
    shop.grant("--via", "sql")
    assert reads(node, "ana")


# --- lists ---


def test_what_a_stranger_sees(shop):
    node = shop.node
    add(node, "stella", "sales", "steward", "sam")
    two_persons(node)
    grant = node.heddle("approve", ask(node), as_="sam")["id"]
    node.heddle("group", "add", "campaign", as_="ivy")
    for path in (f"/api/v1/grants/{grant}", "/api/v1/requests/req_none"):
        assert node.http("GET", path, as_="otto").status_code == 404
    assert node.heddle("grants", as_="otto")["grants"] == [] == node.heddle("delegations", as_="otto")["delegations"]
    assert node.heddle("inbox", as_="otto")["items"] == [] and node.heddle("group", "list", as_="otto")["groups"] == []


def test_help_tells(node):
    for words in (("inbox",), ("delegate",), ("tag", "set"), ("group", "join"), ("service", "add"), ("user", "remove"), ("purpose", "add"), ("renew",)):
        shown = subprocess.run([HEDDLE, *words, "--help"], capture_output=True, text=True)
        assert shown.returncode == 0 and f"usage: heddle {' '.join(words)}" in shown.stdout and "Example" in shown.stdout
