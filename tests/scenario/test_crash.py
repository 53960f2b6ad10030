"""kill -9, again and again: what was acknowledged is there, whoever dies.

HEDDLE_KILLS says how many times (20; 200 with CI set)."""

import fcntl
import os
import random
import signal
import threading
import time

import pytest
import requests
from harness import SANITIZED, alive, wait_for

KILLS = int(os.environ.get("HEDDLE_KILLS") or (200 if os.environ.get("CI") and not SANITIZED else 20))
ENOUGH_S = 150 if KILLS <= 200 else float("inf")  # a busy machine kills fewer
SQL = "SELECT count(*) AS n FROM sales.orders.orders"


class Worker(threading.Thread):
    """Does one thing again and again, remembers what was acknowledged, and what was answered that must never be."""

    def __init__(self, shop, stop):
        super().__init__(daemon=True)
        self.shop, self.stop_, self.granted, self.revoked, self.wrong, self.done = shop, stop, set(), set(), [], 0

    def run(self):
        while not self.stop_.is_set():
            try:
                self.once()
            except Exception as e:  # a failed assertion here has to be seen in the main thread
                self.wrong.append(repr(e))
            self.done += 1


class Granter(Worker):
    def once(self):
        node = self.shop.node
        made = node.run("grant", "sales.orders", "--to", "outside", "--purpose", f"p{random.randrange(10**9)}", "--json", as_="sam")
        if made.status != 0:
            return
        self.granted.add(made.json["id"])
        if random.random() < 0.5 and node.run("revoke", made.json["id"], as_="sam").status == 0:
            self.revoked.add(made.json["id"])


class Publisher(Worker):
    def once(self):
        done = self.shop.node.run("publish", self.shop.orders_contract, "--data", f"orders={self.shop.orders_file}", "--json", as_="sam")
        if done.status == 2:
            self.wrong.append(done.err)


class Asker(Worker):
    """Under a filter for 10 of 30 rows: every answer is 10 rows or an error, never another number."""

    def once(self):
        done = self.shop.node.run("query", SQL, "--purpose", "analysis", "--json", as_="ana")
        if done.status == 0 and done.json != [{"n": 10}]:
            self.wrong.append(done.out)
        if done.status in (2, 3):
            self.wrong.append(done.err)


class Prober(Worker):
    """Never granted: never answered."""

    def once(self):
        done = self.shop.node.run("query", SQL, "--purpose", "forbidden", "--json", as_="otto")
        if done.status == 0:
            self.wrong.append(done.out)


def victims(node):
    """The parent now and then, any other process else."""
    children = node.pids()
    deeper = [int(p) for c in children for p in children_of(c)]
    return [node.process.pid] if random.random() < 0.15 else (children + deeper) or [node.process.pid]


def children_of(pid):
    try:
        return open(f"/proc/{pid}/task/{pid}/children").read().split()
    except OSError:
        return []


def test_a_node_waits_for_the_core_before_it_to_end(shop):
    """A killed parent is gone before its children are: whoever starts the node anew at once must not be told that it runs."""
    shop.node.stop()
    with (shop.node.data / "ledger" / "lock").open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        shop.node.start(wait=False)
        time.sleep(1)
        with pytest.raises(requests.RequestException):
            requests.get(f"{shop.node.url}/healthz", timeout=2)
        assert shop.node.process.poll() is None, shop.node.log_text()
    wait_for(shop.node.answers, 20)
    assert shop.node.heddle("status")["roles"]


def test_what_was_acknowledged_survives_every_kill(shop):
    node, stop = shop.node, threading.Event()
    shop.grant("--rows", "store_id = 1")
    workers = [kind(shop, stop) for kind in (Granter, Granter, Publisher, Asker, Prober)]
    for w in workers:
        w.start()
    random.seed(7)
    kills, end = 0, time.monotonic() + ENOUGH_S
    try:
        while kills < KILLS and (kills < 20 or time.monotonic() < end):
            time.sleep(random.uniform(0.02, 0.25))
            pid = random.choice(victims(node))
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            kills += 1
            if pid == node.process.pid:
                node.process.wait()
                node.process = None
                node.start()
            elif kills % 10 == 0:
                wait_for(lambda: node.run("status").status == 0, 20)
    finally:
        stop.set()
        for w in workers:
            w.join(120)
    assert not [w for w in workers if w.is_alive()]
    if node.process.poll() is not None:
        node.process = None
        node.start()
    wait_for(lambda: node.run("query", SQL, "--purpose", "analysis", as_="ana").status == 0, 30)

    assert not [w.wrong for w in workers if w.wrong], [w.wrong[:3] for w in workers if w.wrong]
    assert all(w.done > 0 for w in workers)
    states = {g["id"]: g["state"] for g in node.heddle("grants", "--all", "--limit", "1000", as_="sam")["grants"]}
    granted, revoked = (set().union(*(getattr(w, what) for w in workers)) for what in ("granted", "revoked"))
    assert granted, "nothing was acknowledged at all"
    assert granted <= set(states), f"lost: {granted - set(states)}"
    assert {states[g] for g in revoked} <= {"revoked"}
    assert node.query(SQL, "ana") == [{"n": 10}]
    assert node.heddle("rebuild")["same"]
    status = node.heddle("status")
    assert not status["refused"] and not any(log["damaged"] for log in status["logs"])
    pids = node.pids()
    node.stop()
    assert node.heddle("log", "verify", "--dir", node.data, admin=False)["ok"]
    assert not [p for p in pids if alive(p)]
    print(f"{kills} kills, {len(granted)} grants and {len(revoked)} revocations acknowledged, {sum(w.done for w in workers)} commands")
