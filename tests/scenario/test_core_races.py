"""What may go wrong between two waits of the core: races, roles that die in the middle, things that are never given back."""

import contextlib
import json
import os
import re
import select
import signal
import socket
import threading
import time

from harness import ANSWERS_S, NOT_FOUND, ORDERS, PATIENCE, PEOPLE, PEOPLE_SQL, REFUSED, contract, parquet, stat_of, wait_for
from test_access import for_a_moment, soon

LONG = "SELECT count(*) FROM range(100000000) a(i), range(100000) b(j), (SELECT count(*) c FROM sales.orders.orders) o WHERE i * j % 7 = c"


def at_once(*calls):
    """The answers of calls made at the same time, in their order."""
    done = [None] * len(calls)

    def one(i):
        done[i] = calls[i]()

    threads = [threading.Thread(target=one, args=(i,), daemon=True) for i in range(len(calls))]
    for t in threads:
        t.start()
    for t in threads:
        t.join(ANSWERS_S)
    return done


def metric(node, name):
    return int(re.search(rf"^heddle_{name} (\d+)$", node.http("GET", "/metrics").text, re.M).group(1))


def ask(node, sql, as_="ana", purpose="analysis"):
    return node.http("POST", "/api/v1/query", as_=as_, json={"sql": sql, "purpose": purpose})


def journal(node, type_):
    return [e["body"] for e in node.http("GET", "/api/v1/journal?limit=1000").json()["entries"] if e["type"] == f"journal.{type_}"]


def pid_of(node, role):
    return next(r["pid"] for r in node.http("GET", "/api/v1/status").json()["roles"] if r["role"] == role)


def kill_role(node, role):
    """Kill it, and wait until another one is there."""
    def killed():
        pid = pid_of(node, role)
        assert pid and stat_of(pid)[1] == str(node.process.pid)  # another one may be there by now
        os.kill(pid, signal.SIGKILL)
        return pid

    pid = wait_for(lambda: answered(killed), 30)
    wait_for(lambda: answered(lambda: pid_of(node, role)) not in (None, 0, pid), 30)


def answered(question):
    """What it says, or None while a part of the node that it needs is being restarted."""
    try:
        return question()
    except Exception:  # noqa: BLE001 the gate may be the part, or the answer an error
        return None


def quiet(node):
    """Only the asking itself, and perhaps a spare worker's start, is under way."""
    return metric(node, "requests_under_way") <= 2


# --- access that ends while something runs ---

def test_a_running_query_ends_when_its_grant_does(shop):
    shop.grant("--until", soon(5))
    start = time.monotonic()
    answer = ask(shop.node, LONG)
    assert answer.status_code == 403, answer.text[:300]
    assert time.monotonic() - start < 12 * PATIENCE


def test_a_worker_of_a_grant_that_ended_is_given_up(shop):
    views = shop.node.data / "lake" / "views"

    def linked():
        with contextlib.suppress(FileNotFoundError):  # one that ends while it is looked at
            return [f for v in views.iterdir() if v.name.startswith("w") for f in v.iterdir()]
        return ["something"]

    for_a_moment(shop, lambda: ask(shop.node, "SELECT count(*) n FROM sales.orders.orders").status_code == 200 and linked(), "--rows", "store_id = 1")
    wait_for(lambda: not linked(), 70, 0.3)


def test_a_slow_reader_gets_nothing_after_a_revoke(shop):
    grant = shop.grant()
    body = json.dumps({"sql": "SELECT o.*, i FROM sales.orders.orders o, range(1000000) r(i)", "purpose": "analysis", "format": "csv"}).encode()
    head = f"POST /api/v1/query HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {shop.node.token('ana')}\r\n" \
           f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.settimeout(ANSWERS_S)
        s.connect(("127.0.0.1", shop.node.port))
        s.sendall(head.encode() + body)
        assert s.recv(1000).startswith(b"HTTP/1.1 200")
        time.sleep(1)
        shop.node.heddle("revoke", grant["id"], as_="sam")
        ended = select.poll()
        ended.register(s, select.POLLRDHUP)
        assert ended.poll(10_000 * PATIENCE), "the connection goes on"
        got = 0
        try:
            while part := s.recv(65536):
                got += len(part)
        except ConnectionResetError:
            pass
        assert got < 64 * 1024


def test_a_cancelled_query_is_told_as_cancelled(shop):
    shop.grant()
    got = []
    asked = threading.Thread(target=lambda: got.append(ask(shop.node, LONG)), daemon=True)
    asked.start()
    query = wait_for(lambda: journal(shop.node, "query.start"))[-1]["query"]
    assert shop.node.http("DELETE", f"/api/v1/queries/{query}", as_="ana").json()["state"] == "cancelled"
    asked.join(ANSWERS_S)
    assert got[0].json()["error"]["code"] == "CANCELLED"
    assert wait_for(lambda: journal(shop.node, "query.end"))[-1]["outcome"] == "CANCELLED"


def test_one_person_does_not_take_all_the_room(shop):
    shop.grant()
    before = threading.active_count()
    for _ in range(24):
        threading.Thread(target=lambda: ask(shop.node, LONG, as_="abe"), daemon=True).start()
    wait_for(lambda: threading.active_count() >= before + 24 and len(journal(shop.node, "query.start")) >= 4)
    start = time.monotonic()
    assert ask(shop.node, "SELECT count(*) n FROM sales.orders.orders").status_code == 200
    assert time.monotonic() - start < 10 * PATIENCE


# --- the administrator ---

def test_the_administrator_cannot_make_an_owner_less_and_then_another(shop):
    node = shop.node
    node.heddle("user", "add", "sam", "--domain", "sales", "--role", "analyst", expect=REFUSED)
    node.heddle("user", "add", "mallory", "--domain", "sales", "--role", "owner", expect=REFUSED)
    assert shop.grant()["state"] == "active"


def test_strangers_do_not_learn_who_belongs_where(shop):
    told = [shop.node.heddle("user", "add", name, "--domain", "crm", "--role", "analyst", as_="otto", expect=REFUSED).error["message"]
            for name in ("ana", "nobody_at_all")]
    assert told[0] == told[1]


def test_a_domain_whose_owner_was_not_set_can_be_finished(shop):
    assert shop.node.http("POST", "/api/v1/domains", json={"name": "sales", "owner": "another"}).status_code == 409


def test_restrictions_tell_nothing_of_hidden_products(shop):
    node = shop.node
    secret = contract(shop.folder / "secret.yaml", "crm", "secret_plans", {"people": PEOPLE},
                      customProperties=[{"property": "discoverable", "value": False}])
    node.heddle("publish", secret, "--data", f"people={shop.people_file}", as_="carl")
    node.heddle("show", "crm.secret_plans", as_="otto", expect=NOT_FOUND)
    node.heddle("restrict", "--suspend", "crm.secret_plans")
    assert "secret_plans" in node.http("GET", "/api/v1/restrictions", as_="carl").text
    assert "secret_plans" not in node.http("GET", "/api/v1/restrictions", as_="otto").text


# --- uploads ---

HEAD = "POST /api/v1/uploads HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/octet-stream\r\nContent-Length: 1000000\r\n\r\n"


def test_uploads_given_up_at_once_leave_nothing_under_way(shop):
    head = HEAD.format(shop.node.token("sam")).encode()
    for i in range(60):
        with socket.create_connection(("127.0.0.1", shop.node.port)) as s:
            s.sendall(head + b"PAR1" * (i % 3))
            time.sleep(0.001 * (i % 5))
    wait_for(lambda: quiet(shop.node))
    wait_for(lambda: not list((shop.node.data / "lake" / "staging").iterdir()))


def upload(node, file, as_="sam"):
    answer = node.http("POST", "/api/v1/uploads", as_=as_, data=file.read_bytes(), headers={"Content-Type": "application/octet-stream"})
    assert answer.status_code == 201, answer.text
    return answer.json()["upload"]


def test_uploads_that_the_lake_lost_are_forgotten(shop):
    up = upload(shop.node, shop.orders_file)
    kill_role(shop.node, "lake")
    answer = shop.node.http("POST", "/api/v1/products", as_="sam", json={"contract": shop.orders_contract.read_text(), "data": {"orders": [up]}})
    assert answer.status_code == 404 and "send the file again" in answer.json()["error"]["message"], answer.text
    assert shop.publish()["state"] == "published"


def test_nobody_fills_the_node_with_uploads(shop):
    head = {"Content-Type": "application/octet-stream"}
    answers = [shop.node.http("POST", "/api/v1/uploads", as_="eve", data=b"PAR1", headers=head).status_code for _ in range(300)]
    assert answers[0] == 201 and answers[-1] == 429
    assert upload(shop.node, shop.orders_file, "sam")


# --- publishing ---

def test_publishes_of_one_product_at_once_lose_no_table(shop):
    node = shop.node
    tables = {"orders": ORDERS, "people": PEOPLE}
    both = contract(shop.folder / "both.yaml", "sales", "both", tables)
    node.heddle("publish", both, "--data", f"orders={shop.orders_file}", "--data", f"people={shop.people_file}", as_="sam")
    fewer = shop.orders("fewer", f"from '{shop.orders_file}' where order_id <= 10")
    few = parquet(shop.folder / "few.parquet", f"from ({PEOPLE_SQL}) where customer_id <= 3")
    done = at_once(lambda: node.run("publish", both, "--data", f"orders={fewer}", as_="sam"),
                   lambda: node.run("publish", both, "--data", f"people={few}", as_="sam"))
    assert [d.status for d in done] == [0, 0], [d.err for d in done]
    assert node.scalar("SELECT count(*) FROM sales.both.orders", "sam", None) == 10
    assert node.scalar("SELECT count(*) FROM sales.both.people", "sam", None) == 3


def test_a_publish_that_was_refused_is_in_the_journal(shop):
    wrong = parquet(shop.folder / "wrong.parquet", "select 1 as nothing")
    assert shop.node.run("publish", shop.orders_contract, "--data", f"orders={wrong}", as_="sam").status != 0
    assert [b for b in journal(shop.node, "refused") if b["operation"] == "publish"]


# --- roles that die ---

def test_roles_that_die_leave_nothing_under_way(shop):
    shop.grant("--rows", "store_id = 1")
    stop = threading.Event()

    def work():
        while not stop.is_set():
            try:
                ask(shop.node, "SELECT count(*) n FROM sales.orders.orders")
                shop.node.run("publish", shop.orders_contract, "--data", f"orders={shop.orders_file}", as_="sam")
            except Exception:  # noqa: BLE001 the gate is killed too
                time.sleep(0.05)

    workers = [threading.Thread(target=work, daemon=True) for _ in range(3)]
    for w in workers:
        w.start()
    try:
        for role in ("lake", "keys", "lake", "gate", "keys", "lake"):
            time.sleep(0.7)
            kill_role(shop.node, role)
    finally:
        stop.set()
        for w in workers:
            w.join(ANSWERS_S)
    assert not [w for w in workers if w.is_alive()]
    wait_for(lambda: answered(lambda: quiet(shop.node)), 20)
    assert pid_of(shop.node, "core") and next(r for r in shop.node.heddle("status")["roles"] if r["role"] == "core")["restarts"] == 0
    assert ask(shop.node, "SELECT count(*) n FROM sales.orders.orders").json() == [{"n": 10}]


# --- the journal and the catalog ---

def test_what_is_not_answered_without_the_keys_is_told_as_the_document_says(shop):
    """With the id of the request, by which the operator's log tells of it; and in words about the node, not about its pipes."""
    node = shop.node
    keys = pid_of(node, "keys")
    os.kill(node.process.pid, signal.SIGSTOP)  # nobody starts them again meanwhile
    try:
        os.kill(keys, signal.SIGKILL)
        done = [node.http("GET", "/api/v1/domains") for _ in range(2)] + [node.http("POST", "/api/v1/groups", json={"name": "team"})]
    finally:
        os.kill(node.process.pid, signal.SIGCONT)
    assert {d.status_code for d in done} == {503}, [d.text for d in done]
    for error in (d.json()["error"] for d in done):
        assert len(error["request_id"]) == 32 and ("journal cannot be written" in error["message"] or "started, try again" in error["message"]), error
    assert wait_for(lambda: node.http("POST", "/api/v1/groups", json={"name": "team"}).status_code == 201, 30)


def test_guesses_of_tokens_do_not_fill_the_journal(shop):
    before = shop.node.http("GET", "/api/v1/journal?limit=1").json()["size"]
    for _ in range(600):
        assert shop.node.http("GET", "/api/v1/status", token="hdl_guess").status_code == 401
    after = shop.node.http("GET", "/api/v1/journal?limit=1").json()["size"]
    assert 1 <= after - before < 300


def test_what_is_searched_for_is_found_after_the_catalog_was_lost(shop):
    found = lambda: [p["product"] for p in shop.node.http("GET", "/api/v1/products?q=orders").json()["products"]]  # noqa: E731
    assert found() == ["sales.orders"]
    shop.node.stop()
    for path in (shop.node.data / "catalog").glob("catalog.db*"):
        path.unlink()
    shop.node.start()
    assert found() == ["sales.orders"]


def test_the_node_answers_while_it_folds_anew(shop):
    done = at_once(*[lambda: shop.node.http("POST", "/api/v1/rebuild").json() for _ in range(3)],
                   *[lambda: shop.grant() for _ in range(3)])
    assert all(d.get("same", True) for d in done[:3]), done
    assert any(d.get("same") for d in done[:3]), done
