#!/usr/bin/env python3
"""The numbers of Heddle, beside plain DuckDB on the same files in the same run.

  tests/perf/bench.py [--build DIR] [--files DIR] [--only WORD] [--rounds N] [--json FILE]

What is compared with DuckDB is measured in turn with it, round by round, and the verdict is on the ratio: a machine that is busy
with something else slows both. A target that is missed is said so; the exit status tells only whether everything could be measured.
"""

import argparse
import contextlib
import functools
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))
from demo import CONTRACTS, ROWS, SALES, TABLES  # noqa: E402  (the join of the demo)

THREADS = 2
FILES = ["transactions", "products", "demographics", "campaigns", "campaign_descriptions", "coupons", "coupon_redemptions", "promotions"]
HOUSEHOLD = ["--mask", "household_id=hash"]


@dataclass
class Row:
    name: str
    target: str
    reached: str
    ok: bool | None  # None: no target, for information
    raw: str = ""
    missed_by: str = ""


ROWS_OUT: list[Row] = []


def tell(name, value, *, most=None, least=None, unit="", digits=1, raw="", note=""):
    """One line of the table: the value against the most or the least it may be."""
    limit = most if most is not None else least
    ok = None if limit is None else value <= limit if most is not None else value >= limit
    shown = f"{value:,.{digits}f}{unit}{note}"
    target = "" if limit is None else f"{'≤' if most is not None else '≥'} {limit:,g}{unit}"
    missed = "" if ok in (None, True) else f"missed by {(value / limit - 1 if most is not None else limit / value - 1) * 100:.0f} %"
    ROWS_OUT.append(Row(name, target, shown, ok, raw, missed))
    print(f"  {name}: {shown}  {raw}", file=sys.stderr, flush=True)


def median(values):
    return statistics.median(values)


def seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


# --- the node ---

class Node:
    def __init__(self, heddle, folder):
        self.heddle, self.folder, self.data, self.port = heddle, folder, folder / "node", free_port()
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("HEDDLE_")}
        self.env |= {"HEDDLE_HOME": str(folder / "home"), "HEDDLE_URL": f"http://127.0.0.1:{self.port}"}
        self.process = None
        self.run("init", "--data", self.data)

    def run(self, *args, as_=None):
        env = self.env
        if not as_ and (self.data / "admin.token").exists():
            env = env | {"HEDDLE_TOKEN": (self.data / "admin.token").read_text().strip()}
        done = subprocess.run([self.heddle, *map(str, args), "--json", *(["--as", as_] if as_ else [])], env=env, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"heddle {' '.join(map(str, args))}: status {done.returncode}\n{done.stdout}{done.stderr}")
        return json.loads(done.stdout) if done.stdout.strip() else None

    def start(self):
        """Seconds from the start of the process to the first answer of /healthz."""
        log = (self.folder / "server.log").open("ab")
        request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        start = time.perf_counter()
        self.process = subprocess.Popen([self.heddle, "serve", "--data", self.data, "--http", f"127.0.0.1:{self.port}"], stdout=log, stderr=log,
                                        env=self.env, start_new_session=True)
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=20) as s:
                s.sendall(request)
                if s.recv(64).startswith(b"HTTP/1.1 200"):
                    return time.perf_counter() - start
            if self.process.poll() is not None or time.perf_counter() - start > 30:
                raise RuntimeError(f"the node did not start:\n{(self.folder / 'server.log').read_text()[-2000:]}")
            time.sleep(0.001)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def token(self, name):
        (path,) = (self.folder / "home").glob(f"tokens/*/{name}")
        return path.read_text().strip()

    def roles(self):
        return self.run("status")["roles"]

    def settled(self, seconds_at_most=10):
        """Wait until the spare worker and reader are there; status does not tell them from those of sessions, so some time more."""
        end = time.monotonic() + seconds_at_most
        while {"worker", "reader"} - {r["role"] for r in self.roles()} and time.monotonic() < end:
            time.sleep(0.1)
        time.sleep(1)


class Client:
    """One person on one connection that is kept. No HTTP library: what is to be measured takes a millisecond."""

    def __init__(self, node, name):
        self.address, self.token, self.room = ("127.0.0.1", node.port), node.token(name), bytearray(1 << 20)
        self.socket = self.connect()

    def connect(self):
        s = socket.create_connection(self.address, timeout=120)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return s

    def message(self, path, body, connection="keep-alive"):
        text = json.dumps(body).encode()
        return (f"POST /api/v1/{path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {self.token}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(text)}\r\nConnection: {connection}\r\n\r\n").encode() + text

    def post(self, path, body, status=200):
        self.socket.sendall(self.message(path, body))
        data = b""
        while b"\r\n\r\n" not in data:
            data += self.receive()
        head, _, rest = data.partition(b"\r\n\r\n")
        length = re.search(rb"\r\nContent-Length: (\d+)", head, re.I)
        while len(rest) < int(length[1]) if length else not rest.endswith(b"0\r\n\r\n"):
            rest += self.receive()
        if int(head.split(None, 2)[1]) != status:
            raise RuntimeError(f"{path}: {head.decode()}\n{rest[:500].decode()}")
        return rest if length else b"".join(self.chunks(rest))

    def receive(self):
        n = self.socket.recv_into(self.room)
        if n == 0:
            raise RuntimeError("the node hung up")
        return bytes(self.room[:n])

    @staticmethod
    def chunks(data):
        at = 0
        while n := int(data[at:(end := data.index(b"\r\n", at))], 16):
            yield data[end + 2:end + 2 + n]
            at = end + 4 + n

    def query(self, sql, purpose, form="json"):
        return self.post("query", {"sql": sql, "purpose": purpose, "format": form})

    def count_bytes(self, sql, purpose, form):
        """As query(), on a connection of its own and without keeping the answer: how much came, chunk heads included."""
        total = 0
        with self.connect() as s:
            s.sendall(self.message("query", {"sql": sql, "purpose": purpose, "format": form}, "close"))
            while n := s.recv_into(self.room):
                if total == 0 and not self.room.startswith(b"HTTP/1.1 200"):
                    raise RuntimeError(self.room[:n].decode())
                total += n
        return total


def memory_mb(pid):
    """PSS and RSS of a process and all below it."""
    total, pids = [0, 0], [pid]
    while pids:
        p = pids.pop()
        with contextlib.suppress(OSError):
            pids += map(int, Path(f"/proc/{p}/task/{p}/children").read_text().split())
            text = Path(f"/proc/{p}/smaps_rollup").read_text()
            for i, key in enumerate(("Pss", "Rss")):
                total[i] += int(re.search(rf"^{key}:\s+(\d+) kB", text, re.M)[1])
    return total[0] / 1000, total[1] / 1000


# --- the parts ---

class Bench:
    def __init__(self, build, files, folder, rounds):
        self.build, self.files, self.folder, self.rounds = build, files, folder, rounds
        self.heddle = build / "heddle"
        self.node = None
        self.db = duckdb.connect(config={"threads": THREADS})
        for name in FILES:
            self.db.execute(f"CREATE VIEW {name} AS FROM read_parquet('{files / name}.parquet')")

    def raw(self, sql):
        return seconds(lambda: self.db.execute(sql).fetchall())

    # a node with the demo's people and products, all but promotions

    def prepare(self):
        n = self.node = Node(self.heddle, self.folder)
        n.start()
        for domain, owner in (("merchandising", "maria"), ("stores", "anna"), ("marketing", "priya"), ("households", "grace"), ("insights", "ines")):
            n.run("domain", "add", domain, "--owner", owner)
            n.run("user", "add", owner, "--domain", domain, "--role", "owner")
        n.run("user", "add", "ana", "--domain", "insights", "--role", "analyst")
        for contract, owner, tables in (
            ("merchandising/products.yaml", "maria", ["products"]),
            ("stores/transactions.yaml", "anna", ["transactions"]),
            ("households/demographics.yaml", "grace", ["demographics"]),
            ("marketing/campaigns.yaml", "priya", ["campaign_descriptions", "campaigns", "coupons", "coupon_redemptions"]),
        ):
            self.publish(contract, owner, tables)
        n.run("user", "add", "bea", "--domain", "insights", "--role", "analyst")

    def publish(self, contract, owner, tables):
        data = [x for t in tables for x in ("--data", f"{t}={self.files / t}.parquet")]
        self.node.run("publish", CONTRACTS / contract, *data, as_=owner)

    def grant(self, purpose):
        for product, owner, options in (
            ("stores.transactions", "anna", ["--rows", ROWS, *HOUSEHOLD, "--hide", "basket_id"]),
            ("households.demographics", "grace", HOUSEHOLD),
            ("marketing.campaigns", "priya", HOUSEHOLD),
            ("merchandising.products", "maria", []),
        ):
            self.node.run("grant", product, "--to", "insights", "--purpose", purpose, *options, as_=owner)

    # the measures

    def cold_start(self):
        """Of the node with its products, as it comes back after a stop; and the memory it takes when nobody asks."""
        times = []
        for _ in range(max(5, self.rounds)):
            self.node.stop()
            times.append(self.node.start())
        tell("cold start to the first answer", median(times) * 1000, most=100, unit=" ms", digits=0, raw=f"best {min(times) * 1000:.0f} ms")
        self.node.settled()
        time.sleep(1)
        pss, rss = memory_mb(self.node.process.pid)
        n = len(self.node.roles())
        tell("idle memory of all roles, shared pages once (PSS)", pss, most=100, unit=" MB", digits=0, raw=f"{n} processes; sum of RSS {rss:.0f} MB")

    def join(self):
        """Every round under a purpose of its own, whose extracts are not there yet: the first time, then five times warm."""
        raw_sql = SALES.format(more=f" AND t.{ROWS}", **{t: t for t in TABLES})
        sql = SALES.format(more="", **TABLES)
        ana, raw, first, warm = Client(self.node, "ana"), [], [], []
        self.raw(raw_sql)
        for i in range(self.rounds):
            purpose = f"join_{i}"
            self.grant(purpose)
            self.node.settled()
            before = median([self.raw(raw_sql) for _ in range(3)])
            first.append(seconds(lambda: ana.query(sql, purpose)) / before)
            for _ in range(5):
                raw.append(self.raw(raw_sql))
                warm.append(seconds(lambda: ana.query(sql, purpose)))
        base = median(raw)
        tell("governed star join, warm, against raw", median([w / r for w, r in zip(warm, raw)]), most=1.05, unit="×", digits=2,
             raw=f"raw {base * 1000:.0f} ms, governed {median(warm) * 1000:.0f} ms")
        tell("the same, first time (extracts are made)", median(first), most=3, unit="×", digits=2, raw=f"{median(first) * base * 1000:.0f} ms")

    def small(self):
        self.grant("small")
        ana, table = Client(self.node, "ana"), TABLES["demographics"]
        count, look = f"SELECT count(*) FROM {table}", f"SELECT * FROM {table} WHERE household_id = '{{}}'"
        keys = [r["household_id"] for r in json.loads(ana.query(f"SELECT household_id FROM {table}", "small"))]
        for key in keys[:30]:
            ana.query(look.format(key), "small")
        points, counts, raw = [], [], []
        for i in range(100 * self.rounds):
            points.append(seconds(lambda: ana.query(look.format(keys[i % len(keys)]), "small")))
            counts.append(seconds(lambda: ana.query(count, "small")))
            raw.append(self.raw("SELECT * FROM demographics WHERE household_id = '1'"))
        p95 = sorted(points)[len(points) * 95 // 100]
        tell("small query on a warm session over HTTP, p50: a row by its key", median(points) * 1000, most=3, unit=" ms", digits=2,
             raw=f"p95 {p95 * 1000:.1f} ms; DuckDB in process {median(raw) * 1000:.2f} ms")
        tell("the same: count(*)", median(counts) * 1000, most=3, unit=" ms", digits=2)

    def new_session(self):
        """Another purpose is another session: a worker that was waiting."""
        times, bea = [], None
        for i in range(self.rounds):
            self.node.run("grant", "merchandising.products", "--to", "insights", "--purpose", f"session_{i}", as_="maria")
            self.node.settled()
            bea = bea or Client(self.node, "bea")
            times.append(seconds(lambda: bea.query("SELECT 1 AS one", f"session_{i}")))
        tell("first statement of a new session", median(times) * 1000, most=40, unit=" ms")

    def promotions(self):
        """DuckDB alone: one scan with the statistics and the code lists of the rules, in the fastest form we know, and a copy of the file.
        It does not look for repeated keys, and the publish does; so also beside DuckDB when it does all of it, written plainly."""
        file, copy = self.files / "promotions.parquet", self.folder / "copy.parquet"
        columns = ("product_id", "store_id", "week", "display_location", "mailer_location")
        codes = {"display_location": "012345679A", "mailer_location": "0ACDFHJLPXZ"}
        statistics_of = ["count(*)"] + [f"count(*) - count({c}), min({c}), max({c})" for c in columns]
        quick = [f"count_if(list_position({list(v)}, {c}) IS NULL)" for c, v in codes.items()]
        plain = [f"count_if({c} NOT IN {tuple(v)})" for c, v in codes.items()]
        repeats = f"SELECT count(*) FROM (SELECT 1 FROM promotions GROUP BY {', '.join(columns)} HAVING count(*) > 1)"

        def scan_and_copy(rules):
            self.db.execute(f"SELECT {', '.join(statistics_of + rules)} FROM promotions").fetchall()
            shutil.copyfile(file, copy)
            with copy.open("rb+") as f:
                os.fsync(f.fileno())

        raw, ours = [], []
        scan_and_copy(quick)
        for _ in range(self.rounds):
            raw.append(seconds(lambda: scan_and_copy(quick)))
            ours.append(seconds(lambda: self.publish("marketing/promotions.yaml", "priya", ["promotions"])))
            raw.append(seconds(lambda: scan_and_copy(quick)))
            self.node.settled()
        tell("publish 20.9 M rows, against DuckDB's scan of the rules and a copy", median(ours) / median(raw), most=2, unit="×", digits=2,
             raw=f"raw {median(raw):.2f} s, publish {median(ours):.2f} s")
        full = seconds(lambda: scan_and_copy(plain)) + self.raw(repeats)
        tell("the same, against DuckDB looking for repeated keys, too (GROUP BY, NOT IN)", median(ours) / full, unit="×", digits=2, raw=f"raw {full:.2f} s")

    def streaming(self):
        self.grant("stream")
        table = TABLES["transactions"]
        ana = Client(self.node, "ana")
        self.node.run("grant", "stores.transactions", "--to", "insights", "--purpose", "all_rows", as_="anna")
        sql, out = f"SELECT * FROM {table}", self.folder / "out.json"
        rows = json.loads(ana.query(f"SELECT count(*) AS n FROM {table}", "all_rows"))[0]["n"]
        ana.count_bytes(sql, "all_rows", "json")
        json_s, raw_s, size = [], [], 0
        for _ in range(self.rounds):
            raw_s.append(seconds(lambda: self.db.execute(f"COPY transactions TO '{out}' (FORMAT json)")))
            json_s.append(seconds(lambda: setattr(self, "bytes", ana.count_bytes(sql, "all_rows", "json"))))
            size = self.bytes
        tell("rows streamed as JSON over HTTP", rows / median(json_s) / 1e6, least=1, unit=" M/s", digits=2,
             raw=f"{size / median(json_s) / 1e6:.0f} MB/s; DuckDB's COPY to a JSON file {rows / median(raw_s) / 1e6:.2f} M/s")

    def commits(self):
        """Grants one after another, and the ledger alone."""
        grace = Client(self.node, "grace")
        times = [seconds(lambda: grace.post("grants", {"object": "households.demographics", "to": "insights", "purpose": f"commit_{i}"}, 201))
                 for i in range(40 * self.rounds)]
        l = self.ledger()
        tell("grants a second, one after another over HTTP", 1 / median(times), unit="/s", digits=0,
             raw=f"durable commits of the ledger alone {l['commits_per_s']:,.0f}/s, entries in groups {l['group_commit_entries_per_s']:,.0f}/s")

    def program(self, name, *args):
        return subprocess.run([self.build / "tests" / "perf" / f"bench_{name}", *map(str, args)], check=True, capture_output=True, text=True).stdout

    @functools.cache
    def ledger(self):
        folder = self.folder / "ledger"
        folder.mkdir()
        return json.loads(self.program("ledger", folder, 20000))

    def decide(self):
        out = self.program("decide", 1000000, 100000)
        granted, anything, crowd, seen = ((float(p50), float(p99)) for p50, p99 in re.findall(r"p50 ([\d.]+) us, p99 ([\d.]+) us", out))
        quiet = re.search(r"least of \d+: ([\d.]+), ([\d.]+) us; (\d+) random reads beside it: ([\d.]+), ([\d.]+) us", out)
        tell("decision with 1,000,000 grants and 100,000 restrictions, p99", granted[1], most=10, unit=" µs", digits=2,
             raw=f"p50 {granted[0]:.2f}; about anything {anything[0]:.2f}, {anything[1]:.2f}; of 100 grants {crowd[0]:.2f}, {crowd[1]:.2f} µs; "
                 f"least of each question {quiet[1]}, {quiet[2]}; {quiet[3]} random reads of memory beside it {quiet[4]}, {quiet[5]} µs")
        tell("that mesh in memory", float(re.search(r"([\d.]+) MB in memory", out)[1]), unit=" MB", digits=0, raw=out.splitlines()[0])
        tell("list of what a person sees among 1,000,000 tables, p99", seen[1] / 1000, most=50, unit=" ms", raw=out.splitlines()[-1])

    def peers(self):
        """The decision beside OPA and Cedar, where they are installed."""
        program = self.build / "tests" / "perf" / "bench_decide"
        done = subprocess.run([sys.executable, ROOT / "tests" / "perf" / "peers" / "decision.py", program], check=True, capture_output=True, text=True)
        print(done.stderr, end="", file=sys.stderr)
        found = json.loads(done.stdout)
        for name, ratio in found["ratio"].items():
            tell(f"decision of {name} over Heddle's, {found['grants']:,} grants", ratio, unit="x", raw=f"{found['us'][name]:,.2f} against {found['us']['Heddle']:.2f} µs")

    def replay(self):
        out = self.program("replay")
        plain, verified = (int(re.search(rf"{words}: (\d+) events/s", out)[1]) for words in ("from checkpoints", "verifying every signature"))
        whole = 1 / (1 / plain + 1 / self.ledger()["read_and_prove_per_s"])
        tell("log replay from checkpoints", plain, least=200000, unit=" events/s", digits=0,
             raw=f"with reading the files and proving them {whole:,.0f} events/s")
        tell("log replay verifying every signature", verified, least=10000, unit=" events/s", digits=0)


PARTS = ("decide", "peers", "replay", "cold_start", "join", "small", "new_session", "promotions", "streaming", "commits")


def table():
    rows = [("", "target", "reached", "", "beside it")]
    rows += [(r.name, r.target, r.reached, {None: "", True: "met", False: r.missed_by}[r.ok], r.raw) for r in ROWS_OUT]
    widths = [max(len(r[i]) for r in rows) for i in range(5)]
    for r in rows:
        print("  ".join(c.rjust(w) if i in (1, 2) else c.ljust(w) for i, (c, w) in enumerate(zip(r, widths))).rstrip())
    judged = [r for r in ROWS_OUT if r.ok is not None]
    print(f"\n{sum(r.ok for r in judged)} of {len(judged)} targets met; DuckDB {duckdb.__version__} with {THREADS} threads, "
          f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--files", type=Path, help="the demo's Parquet files")
    parser.add_argument("--only", choices=PARTS, action="append")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    fetch = ROOT / "tools" / "fetch"
    if not options.files:
        subprocess.run([fetch, "get", "completejourney"], check=True, stdout=subprocess.DEVNULL)
        options.files = Path(subprocess.run([fetch, "path", "completejourney"], check=True, capture_output=True, text=True).stdout.strip())
    subprocess.run(["ninja", "--quiet", "-C", options.build, "heddle", "libduckdb.so", *(f"tests/perf/bench_{n}" for n in ("decide", "replay", "ledger"))],
                   check=True, stdout=subprocess.DEVNULL)
    parts = [p for p in PARTS if not options.only or p in options.only]
    failed = []
    with tempfile.TemporaryDirectory(prefix="heddle-bench-") as folder:
        bench = Bench(options.build.resolve(), options.files, Path(folder), options.rounds)
        try:
            if set(parts) - {"decide", "peers", "replay"}:
                bench.prepare()
            for part in parts:
                try:
                    getattr(bench, part)()
                except (RuntimeError, OSError, subprocess.SubprocessError, duckdb.Error) as e:
                    failed.append(part)
                    print(f"{part} could not be measured: {e}", file=sys.stderr)
        finally:
            if bench.node:
                bench.node.stop()
    table()
    if options.json:
        options.json.write_text(json.dumps([asdict(r) for r in ROWS_OUT], indent=1) + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
