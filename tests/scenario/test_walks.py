"""What has to look at every grant does so between other requests, and of one state: a posture, a trial of a policy; and lists come page by page."""

import json
import os
import subprocess
import threading

import pytest
import requests
from harness import ANSWERS_S, BAD, HEDDLE, SANITIZED, wait_for

FORGE = HEDDLE.parent / "tests" / "tools" / "forge"
MANY = 3000 if SANITIZED else 10000
ALL = "SELECT * FROM sales.orders.orders"


@pytest.fixture
def crowd(shop):
    """The shop with very many grants in the log of sales, put there with its own key while the node did not run."""
    shop.grant("--until", "2099-12-31")
    (log,) = [d["id"] for d in shop.node.heddle("domains")["domains"] if d["name"] == "sales"]
    (key,) = [k for k in os.listdir(shop.node.data / "keys") if k.startswith(log) and k.endswith(".event")]
    shop.node.stop()
    done = subprocess.run([FORGE, shop.node.data, log, key, str(MANY)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    shop.node.start(wait=False)
    wait_for(shop.node.answers, 120)
    return shop


class Behind:
    """A request that takes its time, and what others are told meanwhile."""

    def __init__(self, node, method, path, **more):
        self.answer = None
        self.node = node
        self.thread = threading.Thread(target=self.call, args=(method, path), kwargs=more, daemon=True)

    def call(self, method, path, **more):
        self.answer = self.node.http(method, path, **more)

    def meanwhile(self, do):
        """Do it again and again until the answer is there: how often."""
        self.thread.start()
        n = 0
        while self.thread.is_alive():
            do()
            n += self.answer is None
        self.thread.join(ANSWERS_S)
        assert self.answer.status_code == 200, self.answer.text
        return n


def often(walk, do):
    """A walk during which others were answered. Counted, not timed: in one go, none of them would be but the one that came before it and the one
    that comes with its end, at each try. On a busy machine we may be the ones who have no turn."""
    for _ in range(10):
        one = walk()
        if one.meanwhile(do) > 5:
            return one
    raise AssertionError("nobody was answered during ten walks")


def policy_text(name, **effects):
    return json.dumps({"name": name, "scope": {"domain": "sales"}, "effects": effects})


def found(posture, control):
    (c,) = [c for c in posture["controls"] if c["id"] == control]
    return c["open"]


def test_others_are_answered_during_a_walk_and_it_sees_one_state(crowd):
    node = crowd.node
    ask = requests.Session()
    ask.headers["Authorization"] = f"Bearer {node.admin_token}"

    def look():
        assert ask.get(f"{node.url}/api/v1/domains", timeout=60).status_code == 200

    posture = often(lambda: Behind(node, "GET", "/api/v1/posture"), look)
    all_found = found(posture.answer.json(), "C02")
    assert all_found >= 2 * MANY  # two columns of each grant
    shown = [c for c in posture.answer.json()["controls"] if c["id"] == "C02"][0]["findings"]
    assert len(shown) == 500 and [f["subject"] for f in shown] == sorted(f["subject"] for f in shown)

    walks = []
    trial = often(lambda: Behind(node, "POST", "/api/v1/policies/try", json={"policy": policy_text("tried", hide=True)}),
                  lambda: walks.append(node.http("GET", "/api/v1/status").json()["walk"]))
    assert any(w and w["what"] == "a trial of a policy" and w["looked_at"] > 0 for w in walks)
    told = trial.answer.json()
    assert told["grants_seen"] == told["grants_changed"] == MANY + 1 and len(told["grants"]) == 1000

    # a policy that hides everything comes and goes: every grant is found, or none, however often it came and went in between
    def there_and_back():
        added = node.http("POST", "/api/v1/policies", json={"policy": policy_text("hidden", hide=True)})
        assert added.status_code == 201, added.text
        assert node.http("DELETE", f"/api/v1/restrictions/{added.json()['id']}").status_code == 200

    posture = Behind(node, "GET", "/api/v1/posture")
    posture.meanwhile(there_and_back)
    assert found(posture.answer.json(), "C02") in (0, all_found)
    trial = Behind(node, "POST", "/api/v1/policies/try", json={"policy": policy_text("tried", hide=True)})
    trial.meanwhile(there_and_back)
    assert trial.answer.json()["grants_changed"] in (0, MANY + 1)

    # who goes away does not hold up who comes after
    with pytest.raises(requests.Timeout):
        ask.get(f"{node.url}/api/v1/posture", timeout=0.05)
    assert node.http("GET", "/api/v1/posture").status_code == 200

    # a crowd of them: each is told a posture, or who is before it
    crowds = [Behind(node, "GET", "/api/v1/posture") for _ in range(12)]
    for one in crowds:
        one.thread.start()
    for one in crowds:
        one.thread.join(ANSWERS_S)
    assert {one.answer.status_code for one in crowds} <= {200, 429}
    assert any(one.answer.status_code == 200 for one in crowds)
    for one in crowds:
        assert one.answer.status_code == 200 or "a posture is under way" in one.answer.json()["error"]["message"]

    pages(node)


def pages(node):
    """Each grant once, oldest first; page by page, as its owner, its holder and the center."""
    for as_ in ("sam", "ana", None):
        seen, after = [], ""
        for _ in range(3):
            page = node.http("GET", f"/api/v1/grants?limit=100{after}", as_=as_).json()
            assert len(page["grants"]) == 100
            seen += [(g["added"], g["id"]) for g in page["grants"]]
            after = f"&after={page['next']}"
        assert seen == sorted(set(seen))
    assert len(node.http("GET", "/api/v1/grants", as_="sam").json()["grants"]) == 200
    assert node.http("GET", "/api/v1/inbox", as_="sam").status_code == 200


def test_pages_end_and_leave_out_what_is_over(shop):
    node = shop.node
    ids = [shop.grant("--until", "2099-12-31", purpose=f"p{i}")["id"] for i in range(5)]
    node.heddle("revoke", ids[1], as_="sam")
    live = [i for i in ids if i != ids[1]]

    def walk(*options, command="grants", as_="sam"):
        seen, after = [], []
        while True:
            page = node.heddle(command, *options, "--limit", "2", *after, as_=as_)
            assert 0 < len(page[command]) <= 2
            seen += [g["id"] for g in page[command]]
            if not page["next"]:
                return seen
            after = ["--after", page["next"]]

    assert walk() == walk(as_="ivy")
    assert sorted(walk()) == sorted(live) and sorted(walk("--all")) == sorted(ids)
    text = node.run("grants", "--limit", "2", as_="sam").out
    assert "more: heddle grants --after " in text
    asked = [node.heddle("request", "sales.orders", "--purpose", f"q{i}", as_="ana")["id"] for i in range(5)]
    assert sorted(walk(command="requests", as_="sam")) == sorted(walk(command="requests", as_="ana")) == sorted(asked)
    for bad in (["--limit", "0"], ["--limit", "1001"], ["--after", "nonsense"], ["--after", "1.2"]):
        node.heddle("grants", *bad, as_="sam", expect=BAD)
