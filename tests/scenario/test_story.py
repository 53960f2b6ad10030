"""The main job in small: publish, find, be refused, ask, approve, query, break, grow, tighten, revoke, prove."""

from harness import BAD, ORDERS, REFUSED, Column, contract


def test_the_main_job(shop):
    node = shop.node
    # found, but not open
    found = node.heddle("products", "orders", as_="ana")["products"]
    assert [p["product"] for p in found] == ["sales.orders"] and found[0]["access"] == "none" and found[0]["rows"] == 30
    page = node.heddle("show", "sales.orders", as_="ana")
    assert page["how_to_ask"].startswith("heddle request sales.orders") and page["owners"] == ["sam"]
    sql = "SELECT sum(amount) AS total FROM sales.orders.orders"
    refused = node.query(sql, "ana", expect=REFUSED)
    assert refused.error["code"] == "DENIED" and "heddle request sales.orders" in refused.error["hint"]

    # asked, and granted in part
    asked = node.heddle("request", "sales.orders", "--purpose", "analysis", "--until", "2099-12-31", "--reason", "a reason", as_="ana")
    waiting = node.heddle("requests", as_="sam")["requests"]
    assert [(r["id"], r["state"], r["person"], r["reason"]) for r in waiting] == [(asked["id"], "pending", "ana", "a reason")]
    grant = node.heddle("approve", asked["id"], "--rows", "store_id = 1", "--mask", "customer_id=hash", "--hide", "secret_note", as_="sam")
    assert grant["grant"] == grant["id"] and grant["request"] == asked["id"]
    assert node.heddle("requests", as_="ana")["requests"][0]["state"] == "approved"
    expected = shop.raw("select sum(amount) from orders where store_id = 1")[0][0]
    assert node.scalar(sql, "ana") == expected
    row = node.query("SELECT * FROM sales.orders.orders ORDER BY order_id LIMIT 1", "ana")[0]
    assert "secret_note" not in row and len(row["customer_id"]) == 32

    # a bad batch reaches nobody
    broken = shop.orders("broken", "select * from (from '%s') union all select * replace (-1.0 as amount) from (from '%s') where order_id = 1"
                         % (shop.orders_file, shop.orders_file))
    refused = shop.publish(broken, expect=BAD)
    assert refused.error["code"] == "CONTRACT"
    assert node.scalar(sql, "ana") == expected

    # a good one with one more column is seen at once
    wider = shop.orders("wider", f"select *, amount > 20 as is_large from '{shop.orders_file}'")
    second = contract(shop.folder / "orders2.yaml", "sales", "orders", {"orders": [*ORDERS, Column("is_large", "boolean")]}, version="1.1.0")
    published = shop.publish(wider, second)
    assert published["version"] == "1.1.0" and any(c["column"] and "is_large" in str(c) and not c["breaking"] for c in published["changes"])
    large = shop.raw("select count(*) from orders where store_id = 1 and amount > 20")[0][0]
    assert node.scalar("SELECT count(*) FILTER (is_large) FROM sales.orders.orders", "ana") == large

    # the center tightens, and cannot open
    node.heddle("restrict", "personal", "--mask", "null")
    assert node.query("SELECT DISTINCT customer_id, card FROM sales.orders.orders", "ana") == [{"customer_id": None, "card": None}]
    assert node.heddle("grant", "sales.orders", "--to", "insights", "--purpose", "any", expect=REFUSED).error["code"] == "DENIED"

    # revoked: the next query is refused, and explain says why
    assert node.heddle("revoke", grant["id"], as_="sam")["state"] == "revoked"
    node.query(sql, "ana", expect=REFUSED)
    why = node.heddle("explain", "ana", "sales.orders.orders", "--purpose", "analysis", as_="sam")
    assert why["verdict"] == "refuse" and "revoked" in " ".join(why["trace"])

    # the proof
    assert node.heddle("rebuild")["same"] is True
    node.stop()
    proof = node.heddle("log", "verify", "--dir", node.data, admin=False)
    assert proof["ok"] and all(log["ok"] for log in proof["logs"]) and len(proof["logs"]) >= 6
