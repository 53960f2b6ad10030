"""A budget of rows while eight read at once and roles are killed under them: nobody ever gets more of it in a day, and what was not used is given back.

HEDDLE_HISTORY_SECONDS says how long (12)."""

import contextlib
import copy
import os
import random
import signal
import sqlite3
import threading
import time
from dataclasses import dataclass

import pytest
import requests
from attacks import Person
from harness import SANITIZED, SLOW, wait_for

SECONDS = float(os.environ.get("HEDDLE_HISTORY_SECONDS") or 12)
SEED = int(os.environ.get("HEDDLE_HISTORY_SEED") or random.randrange(10**6))
ANSWERS = SECONDS  # of each grant, at least
BUDGET, LOOKED_AT = 2500, 1000  # rows a day; most rows of one answer that is not to be taken away
REFUSALS = ("used up", "are held by a query that runs", "more than", "a process of the node ended", "being restarted", "is busy", "too many")
SQL = "SELECT i, repeat('x', {width}) t FROM sales.orders.orders, range(1000) r(i) LIMIT {rows}"


def day():
    return int(time.time() // 86400)


# --- the checker ---

@dataclass
class Delivery:
    """What a client got of one answer. Its rows count on the day (UTC) on which the query began, which only the node knows at midnight."""
    query: str
    first_day: int
    last_day: int
    rows: int
    whole: bool


def overdrawn(deliveries, budget=BUDGET):
    """Days of which clients got more than the budget for sure."""
    total = {}
    for d in deliveries:
        if d.first_day == d.last_day:
            total[d.first_day] = total.get(d.first_day, 0) + d.rows
    return {day: rows for day, rows in total.items() if rows > budget}


def misjudged(deliveries, spent, lost=False):
    """Answers that were charged otherwise than they were taken. spent: of each query (rows, told by its end?), from the journal; lost: a kill may have
    taken the word of an end, and then all that was held is charged."""
    wrong = []
    for d in deliveries:
        rows, told = spent.get(d.query, (-1, False))
        if rows < d.rows or (d.whole and (rows != d.rows if told else not lost)):
            wrong.append((d, rows, told))
    return wrong


def spent_by_journal(node, grant):
    """{query: (rows charged to the grant, was that told by its end?)}. Without an end it is what was reserved."""
    spent, entries, at = {}, [None] * 1000, 0
    while len(entries) == 1000:
        entries = node.http("GET", f"/api/v1/journal?from={at}&limit=1000").json()["entries"]
        at += len(entries)
        for e in entries:
            body = e["body"]
            if e["type"] == "journal.query.start":
                spent |= {body["query"]: (t["reserve"], False) for t in body["tables"] if t["grant"] == grant}
            if e["type"] == "journal.query.end" and body["query"] in spent and "charged" in body:
                spent[body["query"]] = (body["charged"], True)
    return spent


def one(rows, first=1, last=1, whole=True, query="q"):
    return Delivery(query, first, last, rows, whole)


def test_the_checker_counts_days():
    assert not overdrawn([one(60), one(40), one(100, 2, 2)], 100)
    assert not overdrawn([one(60), one(100, 1, 2)], 100), "of which day it was nobody knows"
    assert overdrawn([one(60), one(41, whole=False)], 100) == {1: 101}
    assert overdrawn([one(60), one(50, 2, 2), one(51, 2, 2)], 100) == {2: 101}


def test_the_checker_compares_with_the_journal():
    assert not misjudged([one(5), one(3, whole=False, query="p")], {"q": (5, True), "p": (9, False)})
    for wrong in ({"q": (4, True)}, {"q": (6, True)}, {"q": (5, False)}, {}):
        assert misjudged([one(5)], wrong), wrong
    assert misjudged([one(5)], {"q": (6, True)}, lost=True) and not misjudged([one(5)], {"q": (9, False)}, lost=True)
    assert misjudged([one(5, whole=False)], {"q": (4, True)})


# --- eight clients ---

class Reader(threading.Thread):
    """Reads as much and as fast as it likes, again and again, and counts the rows that came, of broken-off answers too."""

    def __init__(self, race, name, seed):
        super().__init__(daemon=True)
        self.race, self.name_, self.rng = race, name, random.Random(seed)
        self.got, self.refusals, self.wrong = [], [], []

    def run(self):
        try:
            while not self.race.stop.is_set():
                with contextlib.suppress(requests.RequestException):
                    self.read(Person(self.race.node, self.name_))
                time.sleep(self.rng.choice((0, 0.01, 0.05)))
        except Exception as e:  # noqa: BLE001 it has to be seen in the main thread
            self.wrong.append(repr(e))

    def read(self, person):
        sql = SQL.format(width=self.rng.choice((1, 500, 60_000)), rows=self.rng.choice((1, 60, 250)))  # the kernel holds less than the widest
        first = day()
        answer = person("POST", "/api/v1/query", json={"sql": sql, "purpose": self.race.purpose, "format": "table"}, stream=True)
        if answer.status_code == 503:  # of what was killed
            return
        if answer.status_code != 200:
            self.refusals.append(answer.json()["error"]["message"])
            return
        lines, rest, whole = -1, b"", False  # the first line has the names
        self.race.open_answers += 1
        try:
            for part in answer.iter_content(1 << 16):
                lines += part.count(b"\n")
                rest = (rest + part).rpartition(b"\n")[2]
                time.sleep(self.rng.choice((0, 0, 0.01)))
            whole = True
        finally:
            self.race.open_answers -= 1
            rows = max(lines, 0) + (lines >= 0 and rest != b"")
            self.got.append(Delivery(answer.headers["X-Heddle-Query"], first, day(), rows, whole))


class Race:
    """Eight readers on one grant, until its budget is used up."""

    def __init__(self, shop, purpose, *terms):
        self.node, self.purpose, self.stop, self.open_answers = shop.node, purpose, threading.Event(), 0
        self.grant = shop.grant("--row-budget", BUDGET, *terms, purpose=purpose)["id"]
        self.readers = self.eight()

    def eight(self):
        rng = random.Random(f"{SEED} {self.purpose}")
        return [Reader(self, ("ana", "abe")[i % 2], rng.random()) for i in range(8)]

    def again(self):
        """Others, on the same grant."""
        other = copy.copy(self)
        other.stop = threading.Event()
        other.readers = other.eight()
        return other

    @property
    def got(self):
        return [d for r in self.readers for d in r.got]

    def used_up(self):
        return any("used up" in text for r in self.readers for text in r.refusals)

    def run(self, seconds, kill=None, until=None):
        rng = random.Random(f"{SEED} kill {self.purpose}")
        for r in self.readers:
            r.start()
        end = time.monotonic() + seconds
        kills = 2 if kill else 0
        until = until or (lambda: len(self.got) >= ANSWERS)
        while time.monotonic() < end and not self.used_up() and (kills or not until()):
            time.sleep(0.01)
            if kills and self.open_answers:
                time.sleep(rng.uniform(0, 0.1))
                kill(self.node)
                kills -= 1
        self.stop.set()
        for r in self.readers:
            r.join(120)
        wrong = [r.wrong or r.name_ for r in self.readers if r.wrong or r.is_alive()]
        assert not wrong, (SEED, wrong[:2])
        return self

    def check(self, lost):
        """The bound, the journal, and what is left. Returns how many answers were broken off."""
        unknown = [text for r in self.readers for text in r.refusals if not any(words in text for words in REFUSALS)]
        assert not unknown, (SEED, unknown[:3])
        spent = spent_by_journal(self.node, self.grant)
        total, got = sum(rows for rows, _ in spent.values()), self.got
        assert got and not overdrawn(got), (SEED, self.purpose, overdrawn(got))
        assert not misjudged(got, spent, lost), (SEED, self.purpose, misjudged(got, spent, lost)[:3])
        if len({d for x in got for d in (x.first_day, x.last_day)} | {day()}) > 1:
            return sum(not d.whole for d in got)  # midnight was in between
        assert total <= BUDGET, (SEED, self.purpose, spent)
        self.take_the_rest(BUDGET - total)
        return sum(not d.whole for d in got)

    def ask_alone(self, person, rows):
        """Again while another query holds what is left: one ends a moment behind its answer."""
        answers = []

        def asked():
            answers.append(person.query(SQL.format(width=1, rows=rows), self.purpose, format="table"))
            return answers[-1].status_code != 503 and "are held by a query" not in answers[-1].text
        wait_for(asked, 20)
        return answers[-1]

    def take_the_rest(self, left):
        ana = Person(self.node, "ana")
        while left:
            rows = min(left, LOOKED_AT)
            more = self.ask_alone(ana, rows + 1)
            assert more.status_code in (403, 413) or rows == LOOKED_AT < left, more.text[:200]
            if more.status_code == 200:
                rows += 1
            else:
                answer = self.ask_alone(ana, rows)
                assert answer.status_code == 200 and answer.text.count("\n") == rows + 1, (SEED, left, answer.text[:200])
            left -= rows
        spent = self.ask_alone(ana, 1)
        assert spent.status_code == 403 and "used up" in spent.json()["error"]["message"], (SEED, spent.text[:200])


# --- kills ---

def roles(node, *names):
    """The processes of these roles; none while the parent starts."""
    found = []
    for pid in node.pids() if node.process else []:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            with open(f"/proc/{pid}/cmdline") as f:
                if f.read().split("\0")[0].removeprefix("heddle: ") in names:
                    found.append(pid)
    return found


def kill_roles(*names):
    def kill(node):
        for pid in roles(node, *names):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    return kill


def kill_node(node):
    node.kill()
    node.start()


KILLS = {
    "nobody": None,
    "workers": kill_roles("worker", "reader"),
    "core": kill_roles("core"),
    "node": kill_node,
}
TERMS = {"": (), "looked_at": ("--no-export",)}  # of the first a query holds all that is left; of the second several run beside each other


def test_nobody_gets_more_than_the_budget_and_the_rest_is_given_back(shop):
    races, broken = [], {}
    for terms in TERMS:
        for who, kill in KILLS.items():
            race = Race(shop, f"{who}_{terms or 'all'}", *TERMS[terms])
            races.append((who, race.run(4 * SECONDS * SLOW, kill)))
    wait_for(shop.node.answers, 20)
    kill_node(shop.node)  # nothing runs: nothing is lost by it
    for who, race in races:
        broken[who] = broken.get(who, 0) + race.check(who != "nobody")
    print(f"seed {SEED}: {[(r.purpose, len(r.got), sum(d.rows for d in r.got)) for _, r in races]}, broken off: {broken}")
    if not SANITIZED:
        assert any(n for who, n in broken.items() if who != "nobody"), "no kill came into the middle of an answer"


def test_what_ends_well_leaves_nothing_held(shop):
    """Queries that are refused, fail, are cancelled or come to nothing cost nothing."""
    node, race = shop.node, Race(shop, "analysis")
    ana = Person(node, "ana")
    assert ana.query("SELECT nonsense FROM sales.orders.orders").status_code == 400
    assert ana.query("SELECT * FROM sales.orders.orders o, crm.people.people p").status_code == 403
    assert ana.query("SELECT 1 // (order_id - order_id) FROM sales.orders.orders LIMIT 3").status_code in (200, 400)
    assert ana.query(SQL.format(width=1, rows=BUDGET + 1)).status_code == 413
    spent = sum(rows for rows, _ in spent_by_journal(node, race.grant).values())
    assert spent in (0, 3), spent
    race.take_the_rest(BUDGET - spent)


@pytest.mark.parametrize("plant", ["UPDATE use SET charged = 0", "UPDATE use SET charged = charged / 2"])
def test_a_ledger_that_was_changed_is_noticed(shop, plant):
    """The control: with an index that forgot, more is given, and the checker says so."""
    race = Race(shop, "analysis", *TERMS["looked_at"])
    race.run(30 * SLOW, until=lambda: sum(d.rows for d in race.got) > BUDGET * 0.7)
    assert not overdrawn(race.got)
    shop.node.http("GET", "/api/v1/usage")  # waits for the index: no end shall come behind the change
    shop.node.kill()
    with contextlib.closing(sqlite3.connect(shop.node.data / "catalog" / "audit.db")) as db, db:
        assert db.execute(plant).rowcount
    shop.node.start()
    again = race.again()
    again.run(30 * SLOW, until=lambda: overdrawn(race.got + again.got))
    assert overdrawn(race.got + again.got)
