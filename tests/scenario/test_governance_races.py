"""Operations of governance at the same moment, and under kill -9: as many as were demanded count, nothing half is left."""

import os
import random
import signal
import threading
import time

from harness import SANITIZED, wait_for
from test_core_races import answered, at_once, kill_role, quiet
from test_governance import add, ask, in_days, named, reads, two_persons
from test_keys import kept  # noqa: F401 a fixture

SECONDS = float(os.environ.get("HEDDLE_HISTORY_SECONDS") or 12)


def test_two_approve_at_once(shop):
    """Two of three are demanded. Whoever comes in which order: three different humans, one grant, and never less than demanded."""
    node = shop.node
    for name in ("stella", "stan", "sue"):
        add(node, name, "sales", "steward", "sam")
    two_persons(node)
    for _ in range(3):
        grant = shop.grant()["id"]
        assert not reads(node, "ana")
        done = at_once(*[lambda w=w: node.http("POST", f"/api/v1/grants/{grant}/approve", as_=w, json={}) for w in ("stella", "stella", "stan", "sue", "sam")])
        assert sum(d.status_code == 201 for d in done[:2]) <= 1, "one human counts once"
        shown = node.heddle("grants", grant, as_="sam")["approvals"]
        assert shown["has"] == len(set(shown["by"])) >= 2 and done[4].status_code >= 400
        assert reads(node, "ana")
        node.heddle("revoke", grant, as_="sam")
        assert not reads(node, "ana")


def test_two_grant_the_same_request_at_once(shop):
    """One grant comes of it, whoever was first; the second may not slip in terms of their own."""
    node = shop.node
    add(node, "sue", "sales", "owner", "sam")
    for _ in range(3):
        req = ask(node)
        done = at_once(*[lambda w=w, m=m: node.http("POST", f"/api/v1/requests/{req}/approve", as_=w, json={"masks": {"card": m}})
                         for w, m in (("sam", "null"), ("sue", "hash"))])
        assert sorted(d.status_code for d in done)[0] == 201 and sum(d.status_code == 201 for d in done) == 1, [d.text for d in done]
        (won,) = [d for d in done if d.status_code == 201]
        node.heddle("revoke", won.json()["id"], as_="sam")
        assert not reads(node, "ana")


def test_handing_on_while_the_grant_is_revoked(shop):
    node = shop.node
    for _ in range(3):
        grant = named(shop)
        at_once(lambda g=grant: node.run("delegate", g, "--to", "user:ana", as_="ivy"), lambda g=grant: node.run("revoke", g, as_="sam"))
        assert not reads(node, "ana")
        assert not [d for d in node.heddle("delegations", as_="ivy")["delegations"] if d["state"] == "active"]


def test_two_renewals_at_once(shop):
    """Both are requests; only what the owner approves counts, and each keeps the terms."""
    node = shop.node
    grant = shop.grant("--until", in_days(5), "--mask", "card=null")["id"]
    done = at_once(*[lambda d=d, w=w: node.run("renew", grant, "--until", in_days(d), "--json", as_=w) for d, w in ((30, "ana"), (60, "abe"))])
    renewals = [d.json["id"] for d in done if d.status == 0]
    assert renewals
    made = [node.heddle("approve", r, as_="sam") for r in renewals]
    assert all(m["masks"] == {"card": "null"} for m in made)
    for g in (grant, *(m["id"] for m in made)):
        node.heddle("revoke", g, as_="sam")
    assert not reads(node, "ana")


def test_two_drafts_at_once_never_fork_the_log(kept):  # noqa: F811
    """Both are signed for the same place in the log: one gets it, the other comes to nothing or is signed anew. What was acknowledged counts."""
    node = kept.node
    for i in range(3):
        done = at_once(*[lambda p=f"p{i}{k}": node.run("grant", "stores.orders", "--to", "insights", "--purpose", p, "--json", as_="sam") for k in range(2)])
        assert any(d.status == 0 for d in done), [d.err for d in done]
        for k, d in enumerate(done):
            assert node.run("query", "SELECT count(*) FROM stores.orders.orders", "--purpose", f"p{i}{k}", as_="ana").status == (0 if d.status == 0 else 3)
    assert node.heddle("rebuild")["same"] and not node.heddle("status")["refused"]
    node.stop()
    assert node.heddle("log", "verify", "--dir", node.data, admin=False)["ok"]


# --- kill -9 in the middle ---

class Governor(threading.Thread):
    """Does governance again and again; remembers what was acknowledged."""

    def __init__(self, node, stop, do):
        super().__init__(daemon=True)
        self.node, self.stop_, self.do, self.acked, self.tried, self.wrong = node, stop, do, [], 0, []

    def run(self):
        while not self.stop_.is_set():
            self.tried += 1
            try:
                done = self.do(self.tried)
                if done is not None:
                    self.acked.append(done)
            except Exception as e:  # noqa: BLE001 seen in the main thread
                self.wrong.append(repr(e))


def ran(node, *args, as_=None):
    done = node.run(*args, "--json", as_=as_)
    return done.json if done.status == 0 else None


def decisions(node):
    return {(who, p): reads(node, who, p) for who in ("ana", "abe", "otto") for p in ("analysis", "by_tag", "careful")}


def test_governance_survives_kills_of_core_keys_and_gate(shop):
    node, stop = shop.node, threading.Event()
    add(node, "stella", "sales", "steward", "sam")
    node.heddle("tag", "set", "sales.orders", "environment=prod", as_="sam")
    two_persons(node)
    grants = [shop.grant(purpose="careful")["id"] for _ in range(200 if SECONDS > 20 else 60)]
    lasting = shop.grant()["id"]
    node.heddle("approve", lasting, as_="stella")

    def by_tags(i):
        done = ran(node, "grant", "--tags", "environment = prod", "--in", "sales", "--to", "insights", "--purpose", "by_tag", as_="sam")
        return done and done["id"]

    def approve(i):
        grant = grants[i % len(grants)]
        return grant if ran(node, "approve", grant, as_="stella") else None

    def delegate(i):
        done = ran(node, "delegate", lasting, "--to", "user:ana", as_="ivy")
        return done and done["id"]

    def tag(i):
        value = random.choice(("dev", "test", "prod"))
        return (i, value) if ran(node, "tag", "set", "sales.orders.orders.store_id", f"environment={value}", as_="sam") else None

    def policy(i):
        path = node.folder / f"rule{i}.json"
        path.write_text('{"name": "rule%d", "scope": {"product": "crm.people"}, "effects": {"max_days": 90}}' % i)
        return f"rule{i}" if ran(node, "policy", "add", path) else None

    def leave(i):
        if not ran(node, "user", "add", f"guest{i}", "--domain", "insights", "--role", "analyst", as_="ivy"):
            return None
        return f"guest{i}" if ran(node, "user", "remove", f"guest{i}", as_="ivy") else None

    def hook(i):
        done = ran(node, "webhook", "add", f"https://example.org/{i}", as_="sam")
        return done and done["id"]

    workers = [Governor(node, stop, do) for do in (by_tags, approve, delegate, tag, policy, leave, hook)]
    for worker in workers:
        worker.start()
    end, kills, random_ = time.monotonic() + SECONDS, 0, random.Random(5)
    try:
        while time.monotonic() < end:
            time.sleep(random_.uniform(0.1, 0.6))
            if random_.random() < 0.2:
                node.process.send_signal(signal.SIGKILL)
                node.process.wait()
                node.process = None
                node.start()
            else:
                kill_role(node, random_.choice(("core", "keys", "gate")))
            kills += 1
        # what is held up by kills comes about when they are over
        wait_for(lambda: SANITIZED or all(w.acked or w.wrong for w in workers), 20)
    finally:
        stop.set()
        for worker in workers:
            worker.join(60)
    assert not [w for w in workers if w.is_alive()]
    wait_for(lambda: answered(lambda: quiet(node)), 20)
    assert not [w.wrong for w in workers if w.wrong], [w.wrong[:2] for w in workers if w.wrong]
    if not SANITIZED:
        assert all(w.acked for w in workers), [(w.do.__name__, w.tried) for w in workers if not w.acked]

    tags, approved, handed, tagged, rules, left, hooks = (w.acked for w in workers)
    known = {g["id"]: g for g in node.heddle("grants", "--limit", "1000", as_="sam")["grants"]}
    assert set(tags) <= set(known)
    assert all(known[g]["state"] == "active" for g in approved), "an approval was lost"
    assert set(handed) <= {d["id"] for d in node.heddle("delegations", as_="ivy")["delegations"]}
    assert set(rules) <= {r["name"] for r in node.heddle("policies")["restrictions"]}
    users = {u["name"]: u["active"] for u in node.heddle("users", as_="ivy")["users"]}
    assert not [name for name in left if users.get(name)], "somebody who left is there"
    assert set(hooks) <= {h["id"] for h in node.heddle("webhooks", as_="sam")["webhooks"]}
    before = decisions(node)
    assert before["ana", "analysis"] and not before["otto", "analysis"]
    assert node.heddle("rebuild")["same"] and not node.heddle("status")["refused"]
    node.restart()
    assert decisions(node) == before
    node.stop()
    assert node.heddle("log", "verify", "--dir", node.data, admin=False)["ok"]
    print(f"{kills} kills, acknowledged: {[(w.do.__name__, len(w.acked)) for w in workers]}")
