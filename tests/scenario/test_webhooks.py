"""The feed and its webhooks, against receivers that behave, fail, are slow, lie and are somewhere they must not be."""

import base64
import contextlib
import hashlib
import hmac
import http.server
import json
import socket
import threading
import time

import pytest
from harness import BAD, NOT_FOUND, ORDERS, PATIENCE, REFUSED, contract, wait_for
from test_core_races import at_once


class Receiver:
    """Takes messages and answers with the status it is told; while `answers` is not set, not at all."""

    def __init__(self):
        self.messages, self.status, self.answers = [], 204, threading.Event()
        self.answers.set()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):  # noqa: N802
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.answers.wait()
                receiver.messages.append((dict(self.headers), body))
                status = receiver.status
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/elsewhere")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}/hook"

    def close(self):
        self.answers.set()
        self.server.shutdown()
        self.server.server_close()

    def types(self):
        return [json.loads(body)["type"] for _, body in self.messages]


@pytest.fixture
def receiver():
    r = Receiver()
    yield r
    r.close()


@pytest.fixture
def hooked(make_node):
    """A node that may send to loopback, with a domain and its owner."""
    node = make_node(config={"webhook_allow": "127.0.0.1"}).start()
    node.new_domain("stores", "sam")
    return node


def check_signature(secret, headers, body):
    """As Standard Webhooks has it."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60 * PATIENCE


def deliveries(node, hook):
    return node.heddle("webhook", "deliveries", hook["id"], as_="sam")["deliveries"]


def test_messages_are_signed_and_in_order(hooked, receiver):
    hook = hooked.heddle("webhook", "add", receiver.url, as_="sam")
    hooked.heddle("user", "add", "ann", "--domain", "stores", "--role", "analyst", as_="sam")
    hooked.heddle("user", "add", "bob", "--domain", "stores", "--role", "engineer", as_="sam")
    wait_for(lambda: receiver.types() == ["member.set", "member.set"], 20)
    for headers, body in receiver.messages:
        check_signature(hook["secret"], headers, body)
        with pytest.raises(AssertionError):
            check_signature(hook["secret"], headers, body + b" ")
        assert "ann" not in body.decode() and "bob" not in body.decode(), "names of people stay on the node"
    numbers = [json.loads(body)["cursor"] for _, body in receiver.messages]
    assert numbers == sorted(set(numbers))
    assert len({h["webhook-id"] for h, _ in receiver.messages}) == 2
    wait_for(lambda: [d["state"] for d in deliveries(hooked, hook)] == ["delivered"] * 2)


def test_a_failing_receiver_gets_it_again(hooked, receiver):
    receiver.status = 500
    hook = hooked.heddle("webhook", "add", receiver.url, "--events", "member.*", as_="sam")
    hooked.heddle("user", "add", "ann", "--domain", "stores", "--role", "analyst", as_="sam")
    (first,) = wait_for(lambda: [d for d in deliveries(hooked, hook) if d["attempts"]], 20)
    assert first["state"] == "pending" and first["status"] == 500 and first["next"]
    receiver.status = 302
    hooked.heddle("webhook", "redeliver", hook["id"], as_="sam")
    wait_for(lambda: deliveries(hooked, hook)[0]["status"] == 302, 20)
    assert "status 302" in deliveries(hooked, hook)[0]["note"], "a redirect is an answer, not a place to go"
    receiver.status = 204
    hooked.heddle("webhook", "redeliver", hook["id"], as_="sam")
    wait_for(lambda: deliveries(hooked, hook)[0]["state"] == "delivered", 20)
    assert len({h["webhook-id"] for h, _ in receiver.messages}) == 1, "the same message keeps its id"
    assert len(receiver.messages) >= 3


def test_nothing_is_lost_over_a_crash(hooked, receiver):
    receiver.status = 503
    hook = hooked.heddle("webhook", "add", receiver.url, as_="sam")
    for name in ("ann", "bob", "cyd"):
        hooked.heddle("user", "add", name, "--domain", "stores", "--role", "analyst", as_="sam")
    hooked.kill()
    receiver.status = 204
    hooked.start()
    hooked.heddle("webhook", "redeliver", hook["id"], as_="sam")
    wait_for(lambda: len(set(h["webhook-id"] for h, _ in receiver.messages)) == 3, 30)
    wait_for(lambda: [d["state"] for d in deliveries(hooked, hook)] == ["delivered"] * 3, 30)


def test_only_wanted_events(hooked, receiver):
    hooked.heddle("webhook", "add", receiver.url, "--events", "product.publish,webhook.*", as_="sam", expect=BAD)
    hook = hooked.heddle("webhook", "add", receiver.url, "--events", "product.publish", as_="sam")
    hooked.heddle("user", "add", "ann", "--domain", "stores", "--role", "analyst", as_="sam")
    hooked.heddle("webhook", "test", hook["id"], as_="sam")
    wait_for(lambda: receiver.messages, 20)
    assert receiver.types() == ["webhook.test"]


@pytest.mark.parametrize("url", [
    "http://127.0.0.1:{port}/", "http://localhost:{port}/", "http://[::ffff:127.0.0.1]:{port}/", "http://0x7f.1:{port}/", "http://2130706433:{port}/",
    "http://0:{port}/", "https://127.0.0.1:{port}/", "http://169.254.169.254/latest/meta-data/", "http://[::1]:{port}/",
])
def test_attack_38_no_message_goes_inside(make_node, receiver, url):
    node = make_node().start()  # nothing is listed
    node.new_domain("stores", "sam")
    hook = node.heddle("webhook", "add", url.format(port=receiver.server.server_port), as_="sam")
    node.heddle("webhook", "test", hook["id"], as_="sam")
    first = wait_for(lambda: [d for d in deliveries(node, hook) if d["attempts"]], 30)[0]
    assert first["status"] == 0 and ("webhook_allow" in first["note"]), first
    assert receiver.messages == []


@pytest.mark.parametrize("url", ["ftp://example.com/", "file:///etc/passwd", "https://u:p@example.com/", "not a url", "https://"])
def test_what_is_no_address(hooked, url):
    hooked.heddle("webhook", "add", url, as_="sam", expect=BAD)


def test_webhooks_are_the_owners(hooked, receiver):
    hook = hooked.heddle("webhook", "add", receiver.url, as_="sam")
    hooked.new_domain("other", "olga")
    hooked.heddle("user", "add", "ann", "--domain", "stores", "--role", "analyst", as_="sam")
    hooked.heddle("webhook", "add", receiver.url, as_="ann", expect=REFUSED)
    for who in ("olga", "ann"):
        assert hooked.heddle("webhooks", as_=who)["webhooks"] == []
        for what in ("test", "deliveries", "redeliver", "remove"):
            hooked.heddle("webhook", what, hook["id"], as_=who, expect=NOT_FOUND)
    assert "secret" not in hooked.heddle("webhooks", as_="sam")["webhooks"][0]
    hooked.heddle("webhook", "remove", hook["id"], as_="sam")
    assert hooked.heddle("webhooks", as_="sam")["webhooks"] == []


def test_a_slow_receiver_holds_up_nobody_else(hooked, receiver):
    slow = Receiver()
    slow.answers.clear()
    try:
        hooked.heddle("webhook", "add", slow.url, as_="sam")
        hooked.heddle("webhook", "add", receiver.url, as_="sam")
        for name in ("ann", "bob", "cyd"):
            hooked.heddle("user", "add", name, "--domain", "stores", "--role", "analyst", as_="sam")
        wait_for(lambda: len(receiver.messages) == 3, 20)
        assert not slow.messages
    finally:
        slow.close()


class Endless:
    """Answers with a head and then with the same bytes until nobody takes more."""

    def __init__(self, head, more):
        self.sent, self.ended, self.socket = 0, threading.Event(), socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.answer, args=(head, more), daemon=True).start()

    def answer(self, head, more):
        peer, _ = self.socket.accept()
        with peer, contextlib.suppress(OSError):
            peer.recv(65536)
            peer.sendall(head)
            while True:
                peer.sendall(more)
                self.sent += len(more)
        self.ended.set()


@pytest.mark.parametrize("head, more", [
    (b"HTTP/1.1 200 OK\r\n", b"X: yyyyyyyyyyyy\r\n" * 512), (b"HTTP/1.1 200 OK\r\nX: ", b"y" * 8192), (b"HTTP/1.1 200 OK\r\n\r\n", b"y" * 8192),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1;" + b"x" * 500 + b"\r\ny\r\n"),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X: yyyyyyyyyyyy\r\n" * 512),
], ids=["headers", "header", "body", "chunks", "trailers"])
def test_an_answer_without_end_is_not_kept(hooked, head, more):
    """Trailers were: as many as came within the ten seconds that a delivery has."""
    endless = Endless(head, more)
    hook = hooked.heddle("webhook", "add", f"http://127.0.0.1:{endless.socket.getsockname()[1]}/", as_="sam")
    hooked.heddle("webhook", "test", hook["id"], as_="sam")
    assert endless.ended.wait(60 * PATIENCE)
    endless.socket.close()
    assert endless.sent < 50_000_000
    wait_for(lambda: deliveries(hooked, hook)[0]["attempts"] == 1)


def feed(node, as_, after=0):
    return node.http("GET", f"/api/v1/feed?after={after}", as_=as_).json()


def test_the_feed_tells_each_domain_its_own(shop):
    node = shop.node
    wait_for(lambda: any(e["type"] == "product.publish" for e in feed(node, "sam")["events"]))
    own = feed(node, "sam")["events"]
    assert [e["cursor"] for e in own] == sorted(e["cursor"] for e in own)
    again = feed(node, "sam", own[-1]["cursor"])
    assert again["events"] == [] and again["next"] >= own[-1]["cursor"]
    node.new_domain("strangers", "stu")
    wait_for(lambda: any(e["domain"] == "strangers" for e in feed(node, "stu")["events"]))
    assert {e["domain"] for e in feed(node, "stu")["events"]} <= {"strangers", "governance"}, "what others do is not told"
    assert node.http("GET", "/api/v1/feed?after=999999", as_="sam").status_code == 400


def test_a_grant_to_one_person_is_not_told_to_colleagues(shop):
    """Neither it nor the name of a product that they may not know of."""
    node = shop.node
    hidden = contract(shop.folder / "hidden.yaml", "sales", "hidden", {"orders": ORDERS}, customProperties=[{"property": "discoverable", "value": False}])
    node.heddle("publish", hidden, "--data", f"orders={shop.orders_file}", as_="sam")
    node.http("POST", "/api/v1/policies", json={"policy": json.dumps({"name": "two", "scope": {"product": "sales.hidden"}, "effects": {"approvals": {"count": 2}}})})
    node.heddle("user", "add", "sue", "--domain", "sales", "--role", "owner", as_="sam")
    grant = shop.grant(object="sales.hidden", to="user:ana")["id"]
    node.heddle("approve", grant, as_="sue")
    node.heddle("revoke", grant, as_="sam")
    shop.grant()
    for who, told in (("ana", 3 * ["sales.hidden"] + ["sales.orders"]), ("sam", 3 * ["sales.hidden"] + ["sales.orders"]), ("abe", ["sales.orders"])):
        wait_for(lambda w=who, t=told: [e["product"] for e in feed(node, w)["events"] if e["type"].startswith(("grant.", "approval."))][-1:] == t[-1:])
        assert [e["product"] for e in feed(node, who)["events"] if e["type"].startswith(("grant.", "approval."))] == told
    assert "hidden" not in json.dumps(feed(node, "abe"))


def test_the_feed_names_the_product_to_those_who_may_know_of_it(shop):
    """Of tags, reviews, delegations and approvals of tags it was left out; the end of a restriction was told to those who were not told of its beginning."""
    node = shop.node
    hidden = contract(shop.folder / "hidden.yaml", "sales", "hidden", {"orders": ORDERS}, customProperties=[{"property": "discoverable", "value": False}])
    node.heddle("publish", hidden, "--data", f"orders={shop.orders_file}", as_="sam")
    node.heddle("user", "add", "sue", "--domain", "sales", "--role", "owner", as_="sam")
    rule = node.http("POST", "/api/v1/policies", json={"policy": json.dumps({"name": "two", "scope": {"product": "sales.hidden"}, "effects": {"approvals": {"count": 2}}})}).json()
    change = node.heddle("tag", "set", "sales.hidden.orders.secret_note", "classification=internal", as_="sam")
    assert change["state"] == "waits"
    node.heddle("approve", change["id"], as_="sue")
    assert node.http("POST", "/api/v1/products/sales.hidden/review", as_="sam").status_code == 201
    handed = node.heddle("delegate", shop.grant()["id"], "--to", "user:ana", as_="ivy")["id"]
    node.heddle("undelegate", handed, as_="ivy")
    assert node.http("DELETE", f"/api/v1/restrictions/{rule['id']}").status_code == 200

    def told(as_, *types):
        return [(e["type"], e.get("product")) for e in feed(node, as_)["events"] if e["type"] in types]

    types = ("restriction.add", "tag.set", "approval.add", "review.add", "restriction.lift")
    wait_for(lambda: told("sam", *types) == [(t, "sales.hidden") for t in types])
    wait_for(lambda: told("ivy", "delegation.add", "delegation.end") == [("delegation.add", "sales.orders"), ("delegation.end", "sales.orders")])
    assert told("olga", *types) == told("ivy", *types) == told("sam", "delegation.add", "delegation.end") == []


def test_what_was_revoked_is_revoked_once(shop):
    """However often and at once it is said: one event, of which the feed and webhooks tell once; each is answered that it is so."""
    node = shop.node
    grant = shop.grant()["id"]
    handed = node.heddle("delegate", grant, "--to", "user:ana", as_="ivy")["id"]
    for as_, path, type_ in (("ivy", f"/api/v1/delegations/{handed}", "delegation.end"), ("sam", f"/api/v1/grants/{grant}", "grant.revoke")):
        done = at_once(*[lambda a=as_, p=path: node.http("DELETE", p, as_=a)] * 6)
        assert {d.status_code for d in done} == {200} and len({json.dumps({k: v for k, v in d.json().items() if k != "effective_ms"}) for d in done}) == 1
        wait_for(lambda a=as_, t=type_: [e for e in feed(node, a)["events"] if e["type"] == t])
        node.heddle("domain", "set", {"sam": "sales", "ivy": "insights"}[as_], "--handing", "named", as_=as_)
        wait_for(lambda a=as_: [e for e in feed(node, a)["events"] if e["type"] == "domain.set"])  # what comes after it
        assert len([e for e in feed(node, as_)["events"] if e["type"] == type_]) == 1
