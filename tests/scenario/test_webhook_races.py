"""The feed and webhooks while many govern and the sender, core and node are killed: no event is lost, doubled in the feed or out of order.

HEDDLE_HISTORY_SECONDS says how long (12)."""

import contextlib
import http.server
import json
import os
import random
import socket
import threading
import time
from dataclasses import dataclass

import pytest
import requests
from attacks import Person
from harness import SLOW, wait_for
from test_budgets import kill_node, kill_roles, roles
from test_webhooks import check_signature

SECONDS = float(os.environ.get("HEDDLE_HISTORY_SECONDS") or 12)
SEED = int(os.environ.get("HEDDLE_HISTORY_SEED") or random.randrange(10**6))


# --- the checkers ---

@dataclass
class Message:
    headers: dict
    body: bytes

    @property
    def event(self):
        return json.loads(self.body)


def wrong_messages(secret, messages, due):
    """What is wrong with what a receiver got. due: the events of the feed that it should get, in order."""
    wrong, by_id, last, firsts = [], {}, 0, []
    for m in messages:
        try:
            check_signature(secret, m.headers, m.body)
        except AssertionError:
            wrong.append(("signature", m.body))
            continue
        event, id_ = m.event, m.headers["webhook-id"]
        if event["cursor"] < last:
            wrong.append(("order", last, event["cursor"]))
        last = max(last, event["cursor"])
        if id_ not in by_id:
            firsts.append(event)
        elif by_id[id_] != event:
            wrong.append(("an id of two events", id_))
        by_id[id_] = event
    if firsts != due:
        cursors = lambda events: [e["cursor"] for e in events]  # noqa: E731
        wrong.append(("events", "missing", sorted(set(cursors(due)) - set(cursors(firsts)))[:9], "too many", sorted(set(cursors(firsts)) - set(cursors(due)))[:9]))
    return wrong


def wrong_feed(events, log, first, size):
    """What is wrong with the feed of a log's owner, who is told of all entries from `first` up to the log's size."""
    wrong = []
    cursors, own = [e["cursor"] for e in events], [e["index"] for e in events if e["log"] == log]
    if cursors != sorted(set(cursors)):
        wrong.append("cursors do not grow")
    if [i for i in own if i >= first] != list(range(first, size)):
        wrong.append(("entries", sorted(set(range(first, size)) ^ {i for i in own if i >= first})[:9]))
    return wrong


# --- receivers ---

class Receiver:
    """Takes one message after the other, in the order in which they were sent, and treats each as its manner says."""

    def __init__(self, manner, seed):
        self.messages, self.calm, rng, receiver = [], threading.Event(), random.Random(seed), self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):  # noqa: N802
                if not receiver.calm.is_set() and manner == "early" and rng.random() < 0.3:
                    self.close_connection = True  # before it has read it
                    return
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if len(body) < int(self.headers["Content-Length"]):
                    return  # who sent it was killed
                receiver.messages.append(Message(dict(self.headers), body))
                if not receiver.calm.is_set():
                    if manner == "early" and rng.random() < 0.5:
                        self.close_connection = True  # it has it, and says nothing
                        return
                    if manner == "slow":
                        time.sleep(rng.uniform(0, 0.3))
                    if manner == "failing" and rng.random() < 0.5:
                        self.send_response(rng.choice((500, 503, 404, 302)))
                        self.end_headers()
                        return
                with contextlib.suppress(OSError):
                    self.send_response(204)
                    self.end_headers()

            def log_message(self, *_):
                pass

        class Server(http.server.HTTPServer):
            def handle_error(self, *_):
                """A sender that was killed."""

        self.server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}/hook"

    def close(self):
        self.calm.set()
        self.server.shutdown()
        self.server.server_close()


MANNERS = ("good", "slow", "failing", "early")


@pytest.fixture
def receivers():
    made = {manner: Receiver(manner, f"{SEED} {manner}") for manner in MANNERS}
    yield made
    for r in made.values():
        r.close()


@pytest.fixture
def hooked(make_node):
    node = make_node(config={"webhook_allow": "127.0.0.1"}).start()
    node.new_domain("stores", "sam")
    node.new_domain("others", "olga")
    return node


# --- those who govern and those who follow ---

class Doer(threading.Thread):
    """Does something again and again, over restarts."""

    def __init__(self, node, stop, name, do, pause=0.0):
        super().__init__(daemon=True)
        self.node, self.stop_, self.who, self.do, self.pause, self.acked, self.wrong, self.tried = node, stop, name, do, pause, [], [], 0

    def run(self):
        while not self.stop_.is_set():
            self.tried += 1
            try:
                self.acked += self.do(Person(self.node, self.who), self.tried) or []
            except requests.RequestException:
                time.sleep(0.05)
            except Exception as e:  # noqa: BLE001 it has to be seen in the main thread
                self.wrong.append(repr(e))
            time.sleep(self.pause)


def joins_and_leaves(sam, i):
    """Ids of what was acknowledged, as the feed tells them."""
    name = f"g{threading.get_ident() % 9973}_{i}"
    made = sam("POST", "/api/v1/groups", json={"name": name})
    if made.status_code != 201:
        return []
    acked = [("group.set", "id", made.json()["id"])]
    if sam("DELETE", f"/api/v1/groups/{name}").status_code == 200:
        acked.append(("group.end", "group", made.json()["id"]))
    return acked


class Follower:
    """Reads the feed on from where it was, a few events at a time."""

    def __init__(self, seed):
        self.events, self.cursor, self.rng = [], 0, random.Random(seed)

    def __call__(self, person, _):
        answer = person("GET", f"/api/v1/feed?after={self.cursor}&limit={self.rng.randint(1, 20)}")
        if answer.status_code == 200:
            self.events += answer.json()["events"]
            self.cursor = answer.json()["next"]


def size_of(node, log):
    return next(x["size"] for x in node.http("GET", "/api/v1/logs").json()["logs"] if x["log"] == log)


def whole_feed(node, who):
    follower, person = Follower(0), Person(node, who)
    while True:
        before = follower.cursor
        follower(person, 0)
        if follower.cursor == before:
            return follower.events


KILLS = [kill_roles("sender"), kill_roles("sender"), kill_roles("core"), kill_node]


def keep_killing(node, seconds):
    rng, end, kills = random.Random(f"{SEED} kills"), time.monotonic() + seconds, [0] * len(KILLS)
    while time.monotonic() < end or not all(kills):
        time.sleep(rng.uniform(0.1, 0.8))
        i = min(range(len(KILLS)), key=lambda k: (kills[k], rng.random()))
        if i < 2 and not roles(node, "sender"):
            continue
        KILLS[i](node)
        kills[i] += 1
    wait_for(node.answers, 20)
    return sum(kills)


def planted(secret, messages, due):
    """What a checker that misses nothing must find in changed copies of what really came."""
    middle = len(messages) // 2
    one = messages[middle]
    event, id_ = one.event, one.headers["webhook-id"]
    yield "lost", [m for m in messages if m.headers["webhook-id"] != id_], due
    yield "never due", messages, [e for e in due if e != event]
    yield "late", [m for m in messages if m is not one] + [one], due
    yield "changed", [*messages[:middle], Message(one.headers, one.body.replace(b'"type"', b'"kind"')), *messages[middle + 1:]], due
    yield "of another", [*messages[:middle], Message({**one.headers, "webhook-id": messages[0].headers["webhook-id"]}, one.body), *messages[middle + 1:]], due


def test_every_event_arrives_over_kills(hooked, receivers):
    node, stop = hooked, threading.Event()
    hooks = {manner: node.heddle("webhook", "add", r.url, as_="sam") for manner, r in receivers.items()}
    other = node.heddle("webhook", "add", receivers["good"].url + "/others", as_="olga")
    log = next(d["id"] for d in node.heddle("domains")["domains"] if d["name"] == "stores")
    first, last = size_of(node, log), whole_feed(node, "sam")[-1]["cursor"]
    followers = [Follower(f"{SEED} {i}") for i in range(3)]
    writers = [Doer(node, stop, "sam", joins_and_leaves) for _ in range(4)]
    hands = [Doer(node, stop, "sam", f, 0.01) for f in followers]
    hands.append(Doer(node, stop, "sam", lambda sam, _: [sam("POST", f"/api/v1/webhooks/{h['id']}/redeliver") for h in hooks.values()] and [], 0.3))
    for d in writers + hands:
        d.start()
    try:
        kills = keep_killing(node, SECONDS)
    finally:
        stop.set()
    for d in writers + hands:
        d.join(120)
        assert not d.is_alive() and not d.wrong, (SEED, d.who, d.wrong[:2])
    for r in receivers.values():
        r.calm.set()

    feed = whole_feed(node, "sam")
    size = size_of(node, log)
    assert not wrong_feed(feed, log, first, size), (SEED, wrong_feed(feed, log, first, size))
    told = [(e["type"], key, e["about"][key]) for e in feed for key in ("id", "group") if key in e["about"]]
    acked = [a for w in writers for a in w.acked]
    assert acked and all(told.count(a) == 1 for a in acked), (SEED, [a for a in acked if told.count(a) != 1][:3])
    for f in followers:
        person = Person(node, "sam")
        while f.cursor < feed[-1]["cursor"]:
            f(person, 0)
        assert f.events == feed, (SEED, "a follower saw another feed", len(f.events), len(feed))

    due = [e for e in feed if e["cursor"] > last]
    for manner, r in receivers.items():
        node.heddle("webhook", "redeliver", hooks[manner]["id"], as_="sam")
        mine = lambda m=manner: [x for x in receivers[m].messages if x.headers["webhook-id"].startswith(hooks[m]["id"])]  # noqa: E731
        wait_for(lambda: {x.event["cursor"] for x in mine()} >= {e["cursor"] for e in due}, 60)
        got = mine()
        assert not wrong_messages(hooks[manner]["secret"], got, due), (SEED, manner, wrong_messages(hooks[manner]["secret"], got, due))
        for plant, messages, events in planted(hooks[manner]["secret"], got, due):
            assert wrong_messages(hooks[manner]["secret"], messages, events), (SEED, manner, plant)
    assert not [m for m in receivers["good"].messages if m.headers["webhook-id"].startswith(other["id"])], "others are told nothing of it"
    k = feed.index(due[len(due) // 2])
    for plant in (feed[:-1], feed[:k] + feed[k + 1:], feed[:k] + feed[k - 1:], [*feed[:k], feed[k + 1], feed[k], *feed[k + 2:]]):
        assert wrong_feed(plant, log, first, size), "a feed that was changed"
    print(f"seed {SEED}: {kills} kills, {len(acked)} acknowledged, {len(due)} events, messages {[(m, len(r.messages)) for m, r in receivers.items()]}")


# --- receivers that never answer ---

def test_receivers_that_never_answer_hold_up_nobody(hooked, receivers):
    """All senders wait for one each; governance goes on at once, the feed too, and others get theirs when a sender is free."""
    with contextlib.ExitStack() as stack:
        deaf_hooks = []
        for _ in range(6):
            deaf = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=64))
            deaf_hooks.append(hooked.heddle("webhook", "add", f"http://127.0.0.1:{deaf.getsockname()[1]}/", as_="olga"))
        hook = hooked.heddle("webhook", "add", receivers["good"].url, as_="sam")
        olga, sam = Person(hooked, "olga"), Person(hooked, "sam")
        assert len(joins_and_leaves(olga, 0)) == 2
        wait_for(lambda: len(roles(hooked, "sender")) == 4, 20)
        assert all(len(joins_and_leaves(who, 1)) == 2 for who in (olga, sam))

        def tried():
            return [d["attempts"] for h in deaf_hooks for d in hooked.heddle("webhook", "deliveries", h["id"], as_="olga")["deliveries"]]

        wait_for(lambda: len(tried()) == 6 * 4)
        assert sum(n == 0 for n in tried()) >= 4, "all senders wait, and yet that was said and queued"
        due = [e for e in whole_feed(hooked, "sam") if e["type"].startswith("group.") and e["domain"] == "stores"]
        assert len(due) == 2
        wait_for(lambda: len(receivers["good"].messages) >= len(due), 60)
        assert not wrong_messages(hook["secret"], receivers["good"].messages, due)
