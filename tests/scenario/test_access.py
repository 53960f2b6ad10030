"""Who sees what: masks, row filters, hidden columns, purposes, windows of time, the center."""

import re
import time
from datetime import datetime, timedelta, timezone

import pytest
from harness import BAD, NOT_FOUND, PEOPLE, REFUSED, contract, wait_for

ALL = "SELECT * FROM sales.orders.orders ORDER BY order_id"


def soon(seconds):
    return (datetime.now(timezone.utc) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def for_a_moment(shop, covered, *options):
    """A grant that ends by itself and under which covered() came true before: on a busy machine a few seconds may be over by then."""
    for seconds in (4, 15, 60):
        granted = shop.node.run("grant", "sales.orders", "--to", "insights", "--purpose", "analysis", "--until", soon(seconds), *options, "--json", as_="sam")
        if granted.status == 0 and covered():
            return granted.json["id"]
    raise AssertionError(f"not covered within {seconds} s")


@pytest.mark.parametrize("column, kind, expected", [
    ("customer_id", "null", "NULL"),
    ("customer_id", "constant", "0"),
    ("card", "constant", "'***'"),
    ("card", "null", "NULL"),
    ("card", "last4", "repeat('*', length(card) - 4) || right(card, 4)"),
    ("ordered_on", "year", "date_trunc('year', ordered_on)::DATE"),
    ("ordered_on", "null", "NULL"),
    ("amount", "constant", "0.0"),
])
def test_mask(shop, column, kind, expected):
    shop.grant("--mask", f"{column}={kind}")
    seen = [r[column] for r in shop.node.query(ALL, "ana")]
    wanted = [r[0] for r in shop.raw(f"select {expected} from orders order by order_id")]
    if kind == "constant":  # a NULL may stay one or not; what is not NULL must be the constant
        assert len(seen) == len(wanted) and {v for v in seen if v is not None} == {wanted[0]}
    else:
        assert seen == [v.isoformat() if hasattr(v, "isoformat") else v for v in wanted]


def test_mask_hash_is_one_to_one_and_keeps_null(shop):
    shop.grant("--mask", "customer_id=hash", "--mask", "card=hash")
    rows = shop.node.query(ALL, "ana")
    raw = shop.raw("select customer_id, card from orders order by order_id")
    pairs = {(r["customer_id"], c) for r, (c, _) in zip(rows, raw)}
    assert len(pairs) == 7 and len({h for h, _ in pairs}) == 7
    assert all(re.fullmatch("[0-9a-f]{32}", h) for h, _ in pairs)
    assert [r["card"] is None for r in rows] == [card is None for _, card in raw]
    assert not {str(c) for c, _ in raw} & {h for h, _ in pairs}


def test_row_filter(shop):
    expr = "store_id IN (1, 3) AND (amount BETWEEN 10 AND 30 OR card IS NULL) AND NOT ordered_on < DATE '2024-06-01'"
    shop.grant("--rows", expr)
    seen = [r["order_id"] for r in shop.node.query(ALL, "ana")]
    assert seen == [r[0] for r in shop.raw(f"select order_id from orders where {expr} order by order_id")] and 0 < len(seen) < 30
    total = shop.node.scalar("SELECT count(*) FROM sales.orders.orders", "ana")
    assert total == len(seen)


def test_row_filter_on_a_hidden_and_on_a_masked_column(shop):
    shop.grant("--rows", "customer_id = 3 AND card LIKE '4000%'", "--hide", "card", "--mask", "customer_id=null")
    rows = shop.node.query(ALL, "ana")
    assert len(rows) == shop.raw("select count(*) from orders where customer_id = 3 and card like '4000%'")[0][0] > 0
    assert all("card" not in r and r["customer_id"] is None for r in rows)


def test_hidden_column_is_not_there(shop):
    shop.grant("--hide", "secret_note")
    assert all("secret_note" not in r for r in shop.node.query(ALL, "ana"))
    refused = shop.node.query("SELECT secret_note FROM sales.orders.orders", "ana", expect=BAD)
    assert "classified" not in refused.err + refused.out
    columns = {c["name"]: c["access"] for c in shop.node.heddle("show", "sales.orders", as_="ana")["tables"][0]["columns"]}
    assert columns.get("secret_note", "hidden") == "hidden" and columns["amount"] == "visible"


def test_purpose_must_match(shop):
    node = shop.node
    shop.grant(purpose="analysis,planning")
    assert len(node.query(ALL, "ana", "analysis")) == len(node.query(ALL, "ana", "planning")) == 30
    for purpose in ("analysis2", "advertising", None):
        refused = node.query(ALL, "ana", purpose, expect=REFUSED)
        assert refused.error["code"] == "DENIED"


def test_grant_for_any_purpose(shop):
    shop.grant(purpose="*")
    for purpose in ("analysis", "something_else", None):
        assert len(shop.node.query(ALL, "ana", purpose)) == 30


def test_grant_to_one_person(shop):
    shop.grant(to="user:ana")
    assert len(shop.node.query(ALL, "ana")) == 30
    shop.node.query(ALL, "abe", expect=REFUSED)
    shop.node.query(ALL, "ivy", expect=REFUSED)


def test_grant_to_a_domain_is_for_its_people_only(shop):
    shop.grant(to="domain:insights")
    assert len(shop.node.query(ALL, "abe")) == 30
    shop.node.query(ALL, "otto", expect=REFUSED)


def test_until_in_the_past_is_bad_input(shop):
    for when in ("2001-01-01", "2001-01-01T00:00:00Z", "yesterday", "2024-13-01"):
        shop.grant("--until", when, expect=BAD)
    assert shop.node.heddle("grants", as_="sam")["grants"] == []


def test_a_grant_ends_by_itself(shop):
    asked = lambda: shop.node.run("query", ALL, "--purpose", "analysis", "--json", as_="ana")  # noqa: E731
    for_a_moment(shop, lambda: (r := asked()).status == 0 and len(r.json) == 30)
    refused = wait_for(lambda: (r := asked()).status == REFUSED and r, 70, 0.3)
    assert refused.error["code"] == "DENIED"
    assert shop.node.heddle("grants", as_="sam")["grants"] == []
    assert {g["state"] for g in shop.node.heddle("grants", "--all", as_="sam")["grants"]} == {"expired"}


def test_a_grant_begins_when_it_says(shop):
    asked = lambda: shop.node.run("query", ALL, "--purpose", "analysis", as_="ana").status  # noqa: E731
    for seconds in (3, 15, 60):  # on a busy machine it may have begun before it was asked for
        begins = time.time() + seconds - 1  # soon() leaves out what is less than a second
        grant = shop.grant("--from", soon(seconds))["id"]
        before = (asked(), shop.node.heddle("grants", grant, as_="sam")["state"])
        if time.time() < begins:
            break
        shop.node.heddle("revoke", grant, as_="sam")
    assert before == (REFUSED, "not_yet")
    wait_for(lambda: asked() == 0, 70, 0.3)


def test_revoke_holds_for_the_next_query(shop):
    for _ in range(5):
        grant = shop.grant()
        assert len(shop.node.query(ALL, "ana")) == 30
        shop.node.heddle("revoke", grant["id"], as_="sam")
        shop.node.query(ALL, "ana", expect=REFUSED)
    assert shop.node.heddle("grants", as_="ana")["grants"] == []
    assert {g["state"] for g in shop.node.heddle("grants", "--all", as_="ana")["grants"]} == {"revoked"}
    shop.node.heddle("revoke", "grt_aaaaaaaaaaaa", as_="sam", expect=NOT_FOUND)


def test_deny(shop):
    node = shop.node
    asked = node.heddle("request", "sales.orders", "--purpose", "analysis", as_="ana")
    node.heddle("deny", asked["id"], "--reason", "not this time", as_="ana", expect=REFUSED)
    assert node.heddle("deny", asked["id"], "--reason", "not this time", as_="sam")["state"] == "denied"
    mine = node.heddle("requests", as_="ana")["requests"][0]
    assert (mine["state"], mine["deny_reason"]) == ("denied", "not this time")
    node.heddle("approve", asked["id"], as_="sam", expect=BAD)
    node.query(ALL, "ana", expect=REFUSED)


def test_only_the_owner_approves_and_grants(shop):
    node = shop.node
    asked = node.heddle("request", "sales.orders", "--purpose", "analysis", as_="ana")
    for who in ("ana", "ivy", "carl", "eve", "otto"):
        assert node.run("approve", asked["id"], as_=who).status in (REFUSED, NOT_FOUND)
        assert node.run("grant", "sales.orders", "--to", who, "--purpose", "analysis", as_=who).status in (REFUSED, NOT_FOUND)
    assert node.run("approve", asked["id"]).status == REFUSED  # the administrator
    node.heddle("approve", asked["id"], as_="sam")


def test_the_center_cannot_grant_nor_make_an_owner_of_an_owned_domain(shop):
    node = shop.node
    told = node.heddle("grant", "sales.orders", "--to", "governance", "--purpose", "*", expect=REFUSED)
    assert "sales" in told.error["message"]
    node.heddle("user", "add", "mallory", "--domain", "sales", "--role", "owner", expect=REFUSED)
    node.heddle("user", "add", "second", "--domain", "sales", "--role", "owner", as_="sam")
    shop.grant(as_="second")


def test_a_restriction_tightens_running_grants_and_lifting_restores_them(shop):
    node = shop.node
    shop.grant("--mask", "customer_id=hash")
    before = node.query(ALL, "ana")
    made = node.heddle("restrict", "personal", "--mask", "null")
    rows = node.query(ALL, "ana")
    assert {(r["customer_id"], r["card"]) for r in rows} == {(None, None)} and rows[0]["amount"] == before[0]["amount"]
    tightened = {(t["column"], t["mask"]) for g in node.heddle("grants", as_="ana")["grants"] for t in g["tightened"]}
    assert tightened == {("customer_id", "null"), ("card", "null")}
    node.heddle("lift", made["id"])
    assert node.query(ALL, "ana") == before


def test_a_weaker_restriction_does_not_weaken_a_grant(shop):
    shop.grant("--mask", "card=null")
    shop.node.heddle("restrict", "personal", "--mask", "hash")
    rows = shop.node.query(ALL, "ana")
    assert {r["card"] for r in rows} == {None} and all(len(r["customer_id"]) == 32 for r in rows)


def test_a_restriction_of_one_product(shop):
    shop.grant()
    shop.grant(object="crm.people", as_="carl")
    shop.node.heddle("restrict", "personal", "--mask", "null", "--product", "crm.people")
    assert shop.node.scalar("SELECT count(customer_id) FROM crm.people.people", "ana") == 0
    assert shop.node.scalar("SELECT count(customer_id) FROM sales.orders.orders", "ana") == 30


def test_suspend_closes_for_everyone(shop):
    node = shop.node
    shop.grant()
    made = node.heddle("restrict", "--suspend", "sales.orders")
    for who in ("ana", "sam"):
        node.query(ALL, who, expect=REFUSED)
    node.heddle("lift", made["id"])
    assert len(node.query(ALL, "ana")) == 30


def test_only_the_center_restricts(shop):
    for who in ("sam", "ana", "ivy"):
        shop.node.heddle("restrict", "personal", "--mask", "null", as_=who, expect=REFUSED)
    made = shop.node.heddle("restrict", "personal", "--mask", "null")
    shop.node.heddle("lift", made["id"], as_="sam", expect=REFUSED)
    assert len(shop.node.heddle("restrictions", as_="sam")["restrictions"]) == 1


def test_masked_keys_join_for_one_consumer_and_correlate_with_nobody_elses(shop):
    node = shop.node
    hashed = ("--mask", "customer_id=hash")
    for to, purpose in (("insights", "analysis"), ("insights", "planning"), ("outside", "analysis")):
        shop.grant(*hashed, to=to, purpose=purpose)
        shop.grant(*hashed, to=to, purpose=purpose, object="crm.people", as_="carl")
    joined = node.query("""SELECT p.region, sum(o.amount) AS total FROM sales.orders.orders o
        JOIN crm.people.people p ON p.customer_id = o.customer_id GROUP BY ALL ORDER BY ALL""", "ana")
    raw = shop.raw("select region, sum(amount) from orders join people using (customer_id) group by all order by all")
    assert [tuple(r.values()) for r in joined] == raw
    ids = "SELECT DISTINCT customer_id FROM crm.people.people"
    seen = [{r["customer_id"] for r in node.query(ids, who, purpose)}
            for who, purpose in (("ana", "analysis"), ("ana", "planning"), ("otto", "analysis"))]
    assert all(len(s) == 7 for s in seen) and len(set.union(*seen)) == 21
    assert {r["customer_id"] for r in node.query(ids, "abe", "analysis")} == seen[0]


def test_mask_must_suit_the_column(shop):
    for mask in ("amount=last4", "card=year", "nothing=null", "card=scramble", "card", "=null", "card="):
        shop.grant("--mask", mask, expect=BAD)
    shop.grant("--mask", "card=null", "--mask", "card=hash", expect=BAD)
    shop.grant("--hide", "nothing", expect=BAD)


@pytest.mark.parametrize("expr", ["nothing = 1", "amount =", "amount = 1; DROP", "random() > 0", "amount > (SELECT 1)", "'", "1 = 1 OR", "x" * 5000])
def test_bad_row_filter(shop, expr):
    assert shop.grant("--rows", expr, expect=BAD).error["code"] in ("INVALID", "TOO_LARGE")


def test_explain(shop):
    node = shop.node
    grant = shop.grant("--rows", "store_id = 2", "--mask", "customer_id=hash", "--hide", "secret_note", "--until", "2099-01-01")
    why = node.heddle("explain", "ana", "sales.orders.orders", "--purpose", "analysis", as_="ana")
    assert (why["verdict"], why["grant"]) == ("allow", grant["id"]) and why["trace"]
    access = {c["name"]: c["access"] for c in why["columns"]}
    assert access["customer_id"] == "masked:hash" and access["amount"] == "visible" and access.get("secret_note", "hidden") == "hidden"
    other = node.heddle("explain", "otto", "sales.orders.orders", "--purpose", "analysis", as_="sam")
    assert other["verdict"] == "refuse" and other["reason"]
    node.heddle("explain", "ana", "sales.orders.nothing", as_="ana", expect=NOT_FOUND)
    node.heddle("explain", "nobody", "sales.orders.orders", as_="sam", expect=NOT_FOUND)
    # what an analyst may not ask about others
    assert node.run("explain", "otto", "sales.orders.orders", as_="abe").status in (REFUSED, NOT_FOUND)


def test_what_is_not_discoverable_is_not_there(shop):
    hidden = contract(shop.folder / "hidden.yaml", "crm", "hidden", {"people": PEOPLE},
                      customProperties=[{"property": "discoverable", "value": False}])
    shop.node.heddle("publish", hidden, "--data", f"people={shop.people_file}", as_="carl")
    assert "crm.hidden" in {p["product"] for p in shop.node.heddle("products", as_="carl")["products"]}
    assert "crm.hidden" not in {p["product"] for p in shop.node.heddle("products", as_="ana")["products"]}
    shop.node.heddle("show", "crm.hidden", as_="ana", expect=NOT_FOUND)
    told = [shop.node.run("query", f"SELECT * FROM crm.{p}.people", "--json", as_="ana") for p in ("hidden", "nowhere")]
    assert told[0].status == told[1].status and told[0].error["code"] == told[1].error["code"]


def test_time_of_revoke_is_told(shop):
    grant = shop.grant()
    start = time.monotonic()
    done = shop.node.heddle("revoke", grant["id"], as_="sam")
    assert 0 <= done["effective_ms"] <= (time.monotonic() - start) * 1000
