#!/usr/bin/env python3
"""The story of Heddle, told on real data: households' grocery trips.

Run by `heddle demo` and `make demo`. Every step prints the commands a person would type, what they answer, and what has
to hold; the first thing that does not hold ends the story with exit status 1.
"""

import argparse
import contextlib
import ctypes
import datetime
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONTRACTS = ROOT / "examples" / "cpg"
PURPOSE = "campaign_analysis"
UNTIL = (datetime.date.today() + datetime.timedelta(days=90)).isoformat()
ROWS = "store_id BETWEEN 300 AND 500"
ID = re.compile(r"\b(?:req|grt|rst)_[a-z2-7]{12}\b")

SALES = """\
SELECT p.department, d.income, k.campaign_type, count(DISTINCT t.household_id) AS households,
       round(sum(t.sales_value))::BIGINT AS sales
FROM {transactions} t
JOIN {products} p ON p.product_id = t.product_id
JOIN {demographics} d ON d.household_id = t.household_id
JOIN {campaigns} c ON c.household_id = t.household_id
JOIN {campaign_descriptions} k ON k.campaign_id = c.campaign_id
WHERE t.transaction_timestamp BETWEEN k.start_date AND k.end_date{more}
GROUP BY ALL ORDER BY sales DESC, department, income, campaign_type LIMIT 12"""
TABLES = {
    "transactions": "stores.transactions.transactions", "products": "merchandising.products.products",
    "demographics": "households.demographics.demographics", "campaigns": "marketing.campaigns.campaigns",
    "campaign_descriptions": "marketing.campaigns.campaign_descriptions",
}
GOVERNED = SALES.format(more="", **TABLES)


class DoesNotHold(Exception):
    pass


def say(text=""):
    print(text, flush=True)


def holds(what, condition, detail=""):
    if not condition:
        raise DoesNotHold(f"{what}{': ' + str(detail) if detail else ''}")
    say(f"✓ {what}\n")


@contextlib.contextmanager
def progress(what):
    """A line that ticks on a terminal; in a log, a line before and how long it took."""
    live, done, start = sys.stderr.isatty(), threading.Event(), time.monotonic()

    def tick():
        while not done.wait(0.2):
            print(f"\r\033[K  … {what}  {time.monotonic() - start:.0f} s", end="", file=sys.stderr, flush=True)

    ticker = threading.Thread(target=tick, daemon=True)
    if live:
        ticker.start()
    else:
        say(f"  … {what}")
    try:
        yield
    finally:
        done.set()
        if live:
            ticker.join()
            print("\r\033[K", end="", file=sys.stderr, flush=True)
    say(f"  ({what}: {time.monotonic() - start:.1f} s)")


# --- plain DuckDB, to compare with and to make the batches of the story ---

class Duck:
    """The C API of the very library that Heddle ships, as far as the story needs it."""

    class Result(ctypes.Structure):
        _fields_ = [(f"f{i}", ctypes.c_uint64) for i in range(6)]

    def __init__(self, library):
        lib = self.lib = ctypes.CDLL(str(library))
        lib.duckdb_result_error.restype = ctypes.c_char_p
        lib.duckdb_value_varchar.restype = ctypes.c_void_p
        for name in ("duckdb_value_varchar",):
            getattr(lib, name).argtypes = [ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint64]
        for name in ("duckdb_row_count", "duckdb_column_count"):
            getattr(lib, name).restype = ctypes.c_uint64
        lib.duckdb_free.argtypes = [ctypes.c_void_p]
        db, self.con = ctypes.c_void_p(), ctypes.c_void_p()
        if lib.duckdb_open(None, ctypes.byref(db)) or lib.duckdb_connect(db, ctypes.byref(self.con)):
            raise DoesNotHold("the DuckDB library does not open")

    def __call__(self, sql):
        result, lib = self.Result(), self.lib
        at = ctypes.byref(result)
        try:
            if lib.duckdb_query(self.con, sql.encode(), at):
                raise DoesNotHold(f"DuckDB: {(lib.duckdb_result_error(at) or b'').decode()}")
            columns = lib.duckdb_column_count(at)
            return [[self.value(at, c, r) for c in range(columns)] for r in range(lib.duckdb_row_count(at))]
        finally:
            lib.duckdb_destroy_result(at)

    def value(self, at, column, row):
        p = self.lib.duckdb_value_varchar(at, column, row)
        try:
            return ctypes.string_at(p).decode() if p else None
        finally:
            self.lib.duckdb_free(p)


# --- the node and its command line ---

class Mesh:
    def __init__(self, heddle, folder, address):
        self.heddle, self.folder, self.data = Path(heddle), folder, folder / "node"
        self.address, self.url, self.process = address, f"http://{address}", None
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("HEDDLE_")}
        self.env |= {"HEDDLE_HOME": str(folder / "home"), "HEDDLE_URL": self.url}

    def serve(self, data=None, log="server.log"):
        data = data or self.data
        with open(self.folder / log, "ab") as out:
            self.process = subprocess.Popen([self.heddle, "serve", "--data", data, "--http", self.address], stdout=out, stderr=out,
                                            env=self.env, start_new_session=True)
        start = time.monotonic()
        while True:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{self.url}/healthz", timeout=5).read()
                return time.monotonic() - start
            if self.process.poll() is not None or time.monotonic() - start > 60:
                raise DoesNotHold(f"the node did not start:\n{(self.folder / log).read_text()[-2000:]}")
            time.sleep(0.005)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def token_of_admin(self):
        return (self.data / "admin.token").read_text().strip()

    def call(self, args, as_=None, show_errors=True):
        env = self.env if as_ else {**self.env, "HEDDLE_TOKEN": self.token_of_admin()} if self.data.exists() else self.env
        live = show_errors and sys.stderr.isatty() and args[0] == "publish"  # its progress line
        return subprocess.run([self.heddle, *map(str, args)] + (["--as", as_] if as_ else []), env=env, stdout=subprocess.PIPE,
                              stderr=None if live else subprocess.PIPE, text=True)

    def run(self, *args, as_=None, expect=0, hide=None, short=None):
        """Type a command: show it, its output and, when it is not 0, its exit status."""
        typed = " ".join(self.typed(a) for a in args) + (f" --as {as_}" if as_ else "")
        say(f"$ heddle {typed}")
        done = self.call(args, as_)
        lines = ((done.stdout or "") + (done.stderr or "")).splitlines()
        if hide:
            lines = [hide.sub("…", line) for line in lines]
        if short and len(lines) > short:
            lines = lines[:short] + [f"… {len(lines) - short} more lines"]
        for line in lines:
            say(f"  {line}")
        if done.returncode:
            say(f"  (exit status {done.returncode})")
        if done.returncode != expect:
            raise DoesNotHold(f"heddle {typed}: exit status {done.returncode}, not {expect}")
        say()
        return (done.stdout or "") + (done.stderr or "")

    def typed(self, arg):
        arg = str(arg).replace(str(ROOT) + "/", "").replace(str(self.folder), "$DEMO")
        arg = re.sub(r"(^|=)/\S*/(?=[^/]+\.parquet$)", r"\1", arg)
        return arg if "\n" not in arg and re.fullmatch(r"[\w@%+=:,./$-]+", arg) else ('"' + arg + '"' if '"' not in arg else shlex.quote(arg))

    def json(self, *args, as_=None):
        done = self.call([*args, "--json"], as_, show_errors=False)
        if done.returncode:
            raise DoesNotHold(f"heddle {args[0]}: {done.stderr}")
        return json.loads(done.stdout)


def only_id(text, prefix):
    found = [i for i in ID.findall(text) if i.startswith(prefix)]
    if not found:
        raise DoesNotHold(f"no {prefix}… in what was answered")
    return found[0]


# --- the story ---

class Story:
    def __init__(self, mesh, duck, files):
        self.m, self.duck, self.files = mesh, duck, files
        self.grants = {}

    def file(self, table):
        return self.files / f"{table}.parquet"

    def raw(self, sql, **files):
        """The rows that plain DuckDB gives for the story's statement."""
        views = {t: f"read_parquet('{files.get(t, self.file(t))}')" for t in TABLES}
        return self.duck(sql.format(**views))

    def publish(self, contract, *tables, as_, expect=0, short=None, **files):
        data = [f"{t}={files.get(t, self.file(t))}" for t in tables]
        return self.m.run("publish", CONTRACTS / contract, *(w for d in data for w in ("--data", d)), as_=as_, expect=expect, short=short)

    def answer(self):
        return self.m.json("query", GOVERNED, "--purpose", PURPOSE, as_="ana")

    def step_1(self):
        """A node starts; domains, people and keys come into being"""
        m = self.m
        m.run("init", "--data", m.data)
        say(f"$ heddle serve --data $DEMO/node --http {m.address} &\n  answers after {m.serve() * 1000:.0f} ms\n")
        token = re.compile(r"hdl_[\w-]+")
        for domain, owner in (("merchandising", "maria"), ("stores", "anna"), ("marketing", "priya"), ("households", "grace"),
                              ("insights", "ines")):
            m.run("domain", "add", domain, "--owner", owner)
            m.run("user", "add", owner, "--domain", domain, "--role", "owner", hide=token)
        m.run("user", "add", "ana", "--domain", "insights", "--role", "analyst", as_="ines", hide=token)
        m.run("domains")
        domains = m.json("domains")["domains"]
        holds("six domains, the center governance among them", len(domains) == 6 and [d["name"] for d in domains if d["center"]] == ["governance"])
        holds("each has its own key and log", len({d["id"] for d in domains}) == 6)
        m.run("status")
        holds("every role is locked in", all(r["sandbox"] != "L0" for r in m.json("status")["roles"] if r["role"] != "parent"))

    def step_2(self):
        """The producers publish; every batch is checked against its contract"""
        self.publish("merchandising/products.yaml", "products", as_="maria", short=9)
        with progress("1,469,307 receipt lines: send, check, commit"):
            self.publish("stores/transactions.yaml", "transactions", as_="anna")
        self.publish("households/demographics.yaml", "demographics", as_="grace", short=9)
        self.publish("marketing/campaigns.yaml", "campaign_descriptions", "campaigns", "coupons", "coupon_redemptions", as_="priya", short=12)
        with progress("20,940,529 promotions: send, check, commit"):
            self.publish("marketing/promotions.yaml", "promotions", as_="priya")
        self.m.run("products", as_="ana")
        products = {p["product"]: p for p in self.m.json("products", as_="ana")["products"]}
        holds("five products can be found", len(products) == 5)
        holds("the large one has 20,940,529 rows", products["marketing.promotions"]["rows"] == 20940529)

    def step_3(self):
        """An analyst searches, reads a product's page, is refused, and asks"""
        m = self.m
        m.run("products", "receipts", as_="ana")
        m.run("show", "stores.transactions", as_="ana")
        refused = m.run("query", f"SELECT sum(sales_value) FROM {TABLES['transactions']}", "--purpose", PURPOSE, as_="ana", expect=3)
        holds("refused, with the way to ask", "heddle request stores.transactions" in refused)
        asked = m.run("request", "stores.transactions", "--purpose", PURPOSE, "--until", UNTIL, "--reason",
                      "Which campaigns moved which departments?", as_="ana")
        self.request = only_id(asked, "req_")

    def step_4(self):
        """The owner approves, and closes what need not be seen"""
        m = self.m
        m.run("requests", as_="anna")
        approved = m.run("approve", self.request, "--rows", ROWS, "--mask", "household_id=hash", "--hide", "basket_id", as_="anna")
        self.grants["stores"] = only_id(approved, "grt_")
        for product, owner, options in (
            ("households.demographics", "grace", ["--mask", "household_id=hash"]),
            ("marketing.campaigns", "priya", ["--mask", "household_id=hash"]),
            ("merchandising.products", "maria", []),
        ):
            granted = m.run("grant", product, "--to", "insights", "--purpose", PURPOSE, "--until", UNTIL, *options, as_=owner)
            self.grants[product.split(".")[0]] = only_id(granted, "grt_")
        m.run("grants", as_="ana")
        holds("four grants are active", sum(g["state"] == "active" for g in m.json("grants", as_="ana")["grants"]) == 4)

    def step_5(self):
        """One statement over four domains"""
        m = self.m
        m.run("query", GOVERNED, "--purpose", PURPOSE, as_="ana")
        rows = [list(map(str, r.values())) for r in self.answer()]
        raw = self.raw(SALES.replace("{more}", f" AND t.{ROWS}"))
        again = m.call(["query", GOVERNED, "--purpose", PURPOSE], "ana", show_errors=False)
        say(f"  asked again: {again.stderr.splitlines()[0]}\n")
        holds("the answer is the one plain DuckDB gives for the rows granted", self.same(rows, raw), f"{rows}\n{raw}")
        shown = m.json("query", f"SELECT * FROM {TABLES['transactions']} LIMIT 1", "--purpose", PURPOSE, as_="ana")[0]
        holds("household_id is a hash, basket_id is not there", len(str(shown["household_id"])) == 32 and "basket_id" not in shown)
        self.other_hash()

    @staticmethod
    def same(rows, raw):
        """Equal, but for a dollar: sums of doubles depend on their order."""
        return len(rows) == len(raw) and all(a[:4] == b[:4] and abs(int(a[4]) - int(b[4])) <= 1 for a, b in zip(rows, raw))

    def other_hash(self):
        """For another consumer the same households have other hashes."""
        m, sql = self.m, f"SELECT DISTINCT household_id FROM {TABLES['demographics']}"
        m.run("grant", "households.demographics", "--to", "stores", "--purpose", PURPOSE, "--mask", "household_id=hash", as_="grace")
        ours = {r["household_id"] for r in m.json("query", sql, "--purpose", PURPOSE, as_="ana")}
        theirs = {r["household_id"] for r in m.json("query", sql, "--purpose", PURPOSE, as_="anna")}
        holds(f"{len(ours)} hashed households join for insights; none equals one that stores sees", len(ours) == len(theirs) == 801 and not ours & theirs)

    def step_6(self):
        """A batch that breaks its contract reaches nobody"""
        before, answers, stop = self.answer(), [], threading.Event()
        broken = self.batch("broken")

        def analyst():
            while not stop.is_set():
                done = self.m.call(["query", GOVERNED, "--purpose", PURPOSE, "--json"], "ana", show_errors=False)
                answers.append(done.returncode == 0 and json.loads(done.stdout) == before)

        loop = threading.Thread(target=analyst)
        loop.start()
        try:
            told = self.publish("stores/transactions.yaml", "transactions", as_="anna", expect=2, transactions=broken)
            while len(answers) < 3 and loop.is_alive():
                time.sleep(0.05)
        finally:
            stop.set()
            loop.join()
        holds("the rows at fault are named", "31198570047" in told and "-0.5" in told)
        holds(f"meanwhile the analyst asked {len(answers)} times, was answered each time, and never saw the batch", answers and all(answers))

    def batch(self, name):
        out = self.m.folder / f"{name}.parquet"
        sql = (CONTRACTS / "batches" / f"{name}.sql").read_text()
        self.duck(sql.replace("@SOURCE@", f"'{self.file('transactions')}'").replace("@TARGET@", f"'{out}'"))
        return out

    def step_7(self):
        """A good batch with one more column: the analyst sees it at the next query"""
        wider, column = self.batch("wider"), "is_discounted"
        sql = f"SELECT {column}, count(*) AS lines, round(sum(sales_value))::BIGINT AS sales FROM {{t}} GROUP BY ALL ORDER BY ALL"
        self.m.run("query", sql.format(t=TABLES["transactions"]), "--purpose", PURPOSE, as_="ana", expect=2)
        self.publish("stores/transactions.v1_1.yaml", "transactions", as_="anna", transactions=wider, short=8)
        self.m.run("query", sql.format(t=TABLES["transactions"]), "--purpose", PURPOSE, as_="ana")
        holds("two kinds of lines, with no step of anyone", len(self.m.json(
            "query", sql.format(t=TABLES["transactions"]), "--purpose", PURPOSE, as_="ana")) == 2)

    def step_8(self):
        """The center can close, and cannot open; a forged grant is refused"""
        m, bands = self.m, f"SELECT income, count(*) AS households FROM {TABLES['demographics']} GROUP BY ALL ORDER BY ALL LIMIT 3"
        m.run("query", bands, "--purpose", PURPOSE, as_="ana")
        m.run("restrict", "personal", "--mask", "hash")
        m.run("query", bands, "--purpose", PURPOSE, as_="ana")
        after = m.json("query", bands, "--purpose", PURPOSE, as_="ana")
        holds("the running grant tightened at once", all(re.fullmatch("[0-9a-f]{32}", r["income"]) for r in after), after)
        refused = m.run("grant", "stores.transactions", "--to", "insights", "--purpose", "anything", expect=3)
        holds("the center cannot grant", "stores" in refused)
        self.forge()

    def forge(self):
        """While the node is down, an event signed with a wrong key is put straight into the store of the log."""
        m, copy = self.m, self.m.folder / "forged"
        tool = m.heddle.parent / "tests" / "tools" / "forge"
        if not tool.exists():
            raise DoesNotHold(f"{tool} is not built")
        stores = next(d["id"] for d in m.json("domains")["domains"] if d["name"] == "stores")
        m.stop()
        say(f"$ forge $DEMO/node {stores[:12]}…          # the node is stopped")
        say("  " + subprocess.run([tool, m.data, stores], check=True, capture_output=True, text=True).stdout.strip())
        shutil.copytree(m.data / "ledger", copy)
        say("$ cp -r $DEMO/node/ledger $DEMO/forged\n")
        told = m.run("log", "verify", "--dir", copy, expect=5)
        holds("the proof of the copy fails and names the entry", re.search(r"entry \d+", told), told)
        m.serve()
        m.run("status")
        refused = m.json("status")["refused"]
        holds("the node refuses the entry and reports it", len(refused) == 1, refused)
        opened = m.call(["query", f"SELECT basket_id FROM {TABLES['transactions']} LIMIT 1", "--purpose", "forged"], "ana", False)
        holds("what it would have opened stays closed", opened.returncode == 3, opened.stdout + opened.stderr)

    def step_9(self):
        """A grant by tags: what is published later and tagged so comes with it, what is raised goes"""
        m, sql = self.m, "SELECT * FROM marketing.campaigns.coupon_redemptions LIMIT 1"
        m.run("grant", "--tags", "classification <= internal", "--in", "marketing", "--future", "--until", UNTIL, "--to", "merchandising",
              "--purpose", "assortment", as_="priya")
        m.run("explain", "--person", "maria", as_="maria")
        shown = m.json("query", sql, "--purpose", "assortment", as_="maria")[0]
        holds("columns of a higher class are not there", "household_id" not in shown and "coupon_upc" in shown, shown)
        m.run("tag", "set", "marketing.campaigns.coupon_redemptions", "classification=restricted", as_="priya")
        m.run("query", sql, "--purpose", "assortment", as_="maria", expect=3)

    def step_10(self):
        """The center demands two people, and can see first what that changes"""
        m, sql, policy = self.m, f"SELECT count(*) AS lines FROM {TABLES['transactions']}", ROOT / "examples" / "policies" / "restricted-needs-two.yaml"
        m.run("tag", "set", "stores.transactions", "classification=restricted", as_="anna")
        tried = m.run("policy", "try", policy)
        holds("the trial names the grant and the queries that would wait", self.grants["stores"] in tried and "ana" in tried)
        m.run("query", sql, "--purpose", PURPOSE, as_="ana")
        m.run("policy", "add", policy)
        waiting = m.run("query", sql, "--purpose", PURPOSE, as_="ana", expect=3)
        holds("the grant waits for one more", "1 more approval" in waiting, waiting)
        m.run("user", "add", "stig", "--domain", "stores", "--role", "steward", as_="anna", hide=re.compile(r"hdl_[\w-]+"))
        m.run("inbox", as_="stig")
        m.run("approve", self.grants["stores"], as_="ana", expect=3)
        m.run("approve", self.grants["stores"], as_="stig")
        m.run("query", sql, "--purpose", PURPOSE, as_="ana")

    def step_11(self):
        """The consumer's owner hands on, by name, and less"""
        m, sql = self.m, f"SELECT count(*) AS households FROM {TABLES['demographics']}"
        m.run("domain", "set", "insights", "--handing", "named", as_="ines")
        m.run("query", sql, "--purpose", PURPOSE, as_="ana", expect=3)
        m.run("group", "add", "campaigns", as_="ines")
        m.run("group", "join", "campaigns", "ana", as_="ines")
        m.run("delegate", self.grants["households"], "--to", "group:campaigns", "--hide", "kids_count", as_="ines")
        m.run("delegate", self.grants["stores"], "--to", "user:ana", as_="ines")
        m.run("query", sql, "--purpose", PURPOSE, as_="ana")
        shown = m.json("query", f"SELECT * FROM {TABLES['demographics']} LIMIT 1", "--purpose", PURPOSE, as_="ana")[0]
        holds("what was handed on is less than what was granted", "kids_count" not in shown and "income" in shown, shown)
        kept = m.call(["query", f"SELECT count(*) FROM {TABLES['products']}", "--purpose", PURPOSE], "ana", show_errors=False)
        holds("what was not handed on stays with the owner", kept.returncode == 3)

    def step_12(self):
        """The owner asks what a revoke would break, and revokes"""
        m, sql = self.m, f"SELECT count(*) FROM {TABLES['transactions']}"
        m.run("query", sql, "--purpose", PURPOSE, as_="ana")
        told = m.run("explain", "--revoke", self.grants["stores"], as_="anna")
        holds("it names the analyst's queries", "ana" in told and "transactions" in told, told)
        m.run("revoke", self.grants["stores"], as_="anna")
        start = time.monotonic()
        done = m.call(["query", sql, "--purpose", PURPOSE], "ana", show_errors=False)
        took = time.monotonic() - start
        m.run("query", sql, "--purpose", PURPOSE, as_="ana", expect=3)
        holds(f"the first query after it was refused, {took * 1000:.0f} ms later", done.returncode == 3)

    def step_13(self):
        """The posture: what is not as it should be, whose it is, and how to mend it"""
        m, page = self.m, self.m.folder / "posture.html"
        m.run("posture", short=40)
        before = m.json("posture")
        m.run("review", "households.demographics", as_="grace")
        m.run("posture", "--control", "C09")
        m.run("posture", "export", "--html", page, "--out", self.m.folder / "posture.json")
        text = page.read_text()
        holds("the page for the auditor needs nothing from outside", "<html" in text and "<script" not in text and "http://" not in text)
        holds("every control is judged", len(before["controls"]) >= 18)

    def step_14(self):
        """Proof, offline; and why"""
        m, copy = self.m, self.m.folder / "copy"
        m.stop()
        shutil.copytree(m.data / "ledger", copy)
        say("$ cp -r $DEMO/node/ledger $DEMO/copy          # the node is stopped")
        told = m.run("log", "verify", "--dir", copy)
        holds("the whole history checks, with no node running", "OK" in told)
        m.serve()
        table = TABLES["transactions"]
        m.run("explain", "ana", table, "--purpose", PURPOSE, as_="anna")
        why = m.json("explain", "ana", table, "--purpose", PURPOSE, as_="anna")
        holds("explain says why not any more", why["verdict"] == "refuse" and "revoked" in json.dumps(why["trace"]))
        m.run("explain", "ana", TABLES["demographics"], "--purpose", PURPOSE, as_="grace")
        holds("and why still", m.json("explain", "ana", TABLES["demographics"], "--purpose", PURPOSE, as_="grace")["verdict"] == "allow")
        proof = m.run("audit", "proof", "2", "--log", "stores", short=8)
        holds("an entry's proof, for any tlog verifier", "c2sp.org/tlog-proof@v1" in proof, proof)
        m.run("rebuild")

    def tell(self):
        steps = [getattr(self, f"step_{n}") for n in range(1, 15)]
        done = []
        for n, step in enumerate(steps, 1):
            say(f"\n━━ {n} of {len(steps)}  {step.__doc__} " + "━" * max(4, 84 - len(step.__doc__)) + "\n")
            start = time.monotonic()
            step()
            done.append({"step": n, "title": step.__doc__, "seconds": round(time.monotonic() - start, 2)})
        return done


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def address(wanted):
    """The usual port when it is free, else another."""
    if wanted:
        return wanted
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            s.bind(("127.0.0.1", 7878))
            return "127.0.0.1:7878"
    return f"127.0.0.1:{free_port()}"


def data_files(given):
    if not given:
        fetch = ROOT / "tools" / "fetch"
        subprocess.run([fetch, "get", "completejourney"], check=True)
        given = subprocess.run([fetch, "path", "completejourney"], check=True, capture_output=True, text=True).stdout.strip()
    files = Path(given)
    missing = [t for t in (*TABLES, "coupons", "coupon_redemptions", "promotions") if not (files / f"{t}.parquet").is_file()]
    if missing:
        raise DoesNotHold(f"{files} lacks {', '.join(f'{t}.parquet' for t in missing)}")
    return files


def stay(mesh):
    home = mesh.env["HEDDLE_HOME"]
    say(f"\nThe node stays at {mesh.url} until Ctrl-C:")
    for path in ("/healthz", "/metrics", "/openapi.json"):
        say(f"  {mesh.url}{path}")
    say(f"In another terminal:\n  export HEDDLE_URL={mesh.url} HEDDLE_HOME={home}\n"
        f"  {mesh.heddle} products --as ana\n  {mesh.heddle} status --as anna")
    with contextlib.suppress(KeyboardInterrupt):
        mesh.process.wait()


def main():
    parser = argparse.ArgumentParser(prog="heddle demo")
    parser.add_argument("--heddle", default=str(ROOT / "build" / "heddle"))
    parser.add_argument("--data-files")
    parser.add_argument("--http")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--no-keep", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    keep = options.keep or (not options.no_keep and not os.environ.get("CI") and sys.stdout.isatty())
    out = sys.stdout
    if options.json:
        sys.stdout = sys.stderr  # the story; the document goes to the real one

    with tempfile.TemporaryDirectory(prefix="heddle-demo-") as folder:
        start, steps, problem, mesh = time.monotonic(), [], None, None
        try:
            mesh = Mesh(options.heddle, Path(folder), address(options.http))
            story = Story(mesh, Duck(Path(options.heddle).resolve().parent / "libduckdb.so"), data_files(options.data_files))
            steps = story.tell()
            say(f"\nEvery step held, in {time.monotonic() - start:.1f} s.")
            if keep:
                stay(mesh)
        except (DoesNotHold, OSError, subprocess.SubprocessError, ValueError, KeyError) as e:
            problem = f"{e}" if isinstance(e, DoesNotHold) else f"{type(e).__name__}: {e}"
            print(f"\nheddle demo: this does not hold: {problem}", file=sys.stderr)
        except KeyboardInterrupt:
            problem = "interrupted"
        finally:
            if mesh:
                mesh.stop()
    if options.json:
        json.dump({"ok": problem is None, "problem": problem, "steps": steps}, out)
        out.write("\n")
    return 0 if problem is None else 130 if problem == "interrupted" else 1


if __name__ == "__main__":
    sys.exit(main())
