"""A node with its people and products, driven through the program itself."""

import contextlib
import ctypes
import itertools
import json
import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import requests

ROOT = Path(__file__).resolve().parent.parent.parent
HEDDLE = Path(os.environ.get("HEDDLE") or ROOT / "build" / "heddle")
SANITIZED = "HEDDLE_SANITIZED" in os.environ
SLOW = 6 if SANITIZED else 1  # what a sanitized build may take longer
PATIENCE = 2 * SLOW if SANITIZED else 4  # what anything may take longer on a machine that others use too: no more than a limit, nobody waits for it to be over

ANSWERS_S = 200  # less than what a test may take, so that the one that waits in vain says for what

DONE, BAD, REFUSED, NOT_FOUND, FAILED = 0, 2, 3, 4, 5


@dataclass
class Result:
    status: int
    out: str
    err: str
    args: tuple = ()

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def error(self):
        """The error of a command that was called with --json."""
        return json.loads(self.out)["error"]


LANE = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 8
PORTS = itertools.count(os.getpid() * 7)


def free_port():
    """One that nobody takes while its node is down: below those that the kernel gives away, and of this lane alone."""
    for n in PORTS:
        port = 20000 + 1500 * LANE + n % 1500
        with socket.socket() as s, contextlib.suppress(OSError):
            s.bind(("127.0.0.1", port))
            return port


def wait_for(what, seconds=10, every=0.05):
    """The first true value of what(); fails after that many seconds of a machine of one's own."""
    end = time.monotonic() + seconds * PATIENCE
    while True:
        value = what()
        if value:
            return value
        assert time.monotonic() < end, f"waited {seconds * PATIENCE} s in vain for {getattr(what, '__name__', what)}"
        time.sleep(every)


def end_with_us():
    """No server outlives the tests, even when those are killed."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


class Node:
    """One data folder and, between start() and stop(), the server on it."""

    def __init__(self, folder: Path, config=None):
        self.folder = folder
        self.data = folder / "node"
        self.home = folder / "home"
        self.log = folder / "server.log"
        self.config = config
        self.program = HEDDLE
        self.process = None
        self.port = None
        self.scheme = "http"
        self.ca = None
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def url(self):
        return f"{self.scheme}://127.0.0.1:{self.port}"

    @property
    def admin_token(self):
        return (self.data / "admin.token").read_text().strip()

    # --- the server ---

    def serve_call(self):
        call = [self.program, "serve", "--data", self.data, "--http", f"127.0.0.1:{self.port}"]
        if self.config is not None:
            path = self.folder / "config.json"
            path.write_text(self.config if isinstance(self.config, str) else json.dumps(self.config))
            call += ["--config", path]
        return [str(c) for c in call]

    def start(self, wait=True, **env):
        self.port = self.port or free_port()
        if not self.data.exists():
            self.heddle("init", "--data", self.data, json_=False, admin=False)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.serve_call(), stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.folder,
                                            env={**os.environ, **env}, start_new_session=True, preexec_fn=end_with_us)
        if wait:
            wait_for(self.answers, 20)
        return self

    def answers(self):
        assert self.process.poll() is None, f"the server ended with {self.process.returncode}:\n{self.log_text()[-3000:]}"
        with contextlib.suppress(requests.RequestException):
            return requests.get(f"{self.url}/healthz", timeout=5 * SLOW, verify=self.ca or True).json()
        return None

    def stop(self, seconds=20):
        """End it as Ctrl-C does. Returns the exit status."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(seconds * PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the server did not stop within {seconds * PATIENCE} s:\n{self.log_text()[-3000:]}") from None
        self.process = None
        return status

    def kill(self):
        """kill -9 of the parent; the other roles notice and end."""
        if self.process is not None:
            session = self.process.pid
            self.process.kill()
            self.process.wait()
            self.process = None
            wait_for(lambda: not of_session(session), 10)

    def restart(self):
        self.stop()
        return self.start()

    def pids(self):
        """Of the roles below the parent."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(p) for p in children.read_text().split()] if children.exists() else []

    def log_text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    # --- clients ---

    def env(self, as_admin=True):
        env = {k: v for k, v in os.environ.items() if not k.startswith("HEDDLE_")}
        env |= {"HEDDLE_URL": self.url, "HEDDLE_HOME": str(self.home), "NO_COLOR": "1"}
        if as_admin:
            env["HEDDLE_TOKEN"] = self.admin_token
        return env

    def run(self, *args, as_=None, admin=True, input=None, timeout=120, text=True, **env):
        call = [str(HEDDLE), *map(str, args)] + (["--as", as_] if as_ else [])
        done = subprocess.run(call, input=input, capture_output=True, timeout=timeout * min(SLOW, 2),
                              env=self.env(admin and self.data.joinpath("admin.token").exists()) | env)
        out = done.stdout.decode() if text else done.stdout
        assert done.returncode >= 0 and "Sanitizer" not in done.stderr.decode(errors="replace"), \
            f"{call} ended with {done.returncode}:\n{done.stderr.decode(errors='replace')}"
        return Result(done.returncode, out, done.stderr.decode(), tuple(map(str, args)))

    def heddle(self, *args, as_=None, expect=DONE, json_=True, **more):
        """Run a command; its JSON answer, or the Result without --json or where another status than 0 is expected."""
        result = self.run(*args, *(["--json"] if json_ else []), as_=as_, **more)
        assert result.status == expect, f"heddle {' '.join(map(str, args))}: status {result.status}, not {expect}\n{result.out}{result.err}"
        return result.json if json_ and expect == DONE else result

    def new_domain(self, domain, owner):
        self.heddle("domain", "add", domain, "--owner", owner)
        self.heddle("user", "add", owner, "--domain", domain, "--role", "owner")

    def query(self, sql, as_, purpose="analysis", **more):
        return self.heddle("query", sql, *(["--purpose", purpose] if purpose else []), as_=as_, **more)

    def scalar(self, sql, as_, purpose="analysis"):
        rows = self.query(sql, as_, purpose)
        assert len(rows) == 1 and len(rows[0]) == 1, rows
        return next(iter(rows[0].values()))

    def token(self, name):
        (path,) = self.home.glob(f"tokens/*/{name}")
        return path.read_text().strip()

    def http(self, method, path, as_=None, token=None, **more):
        token = token or (self.token(as_) if as_ else self.admin_token)
        headers = {"Authorization": f"Bearer {token}", **more.pop("headers", {})}
        return requests.request(method, self.url + path, headers=headers, timeout=ANSWERS_S, verify=self.ca or True, **more)


def stat_of(pid):
    """Its state, parent, group, session and so on (proc(5), from the third on); a process that is gone is dead."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return ["X", "0", "0", "0"]


def alive(pid):
    return stat_of(pid)[0] not in "ZX"


def of_session(session):
    """The processes of a node, its parent dead or alive. What /proc tells of the children of one may leave out some while others end."""
    told = ((int(p), stat_of(p)) for p in os.listdir("/proc") if p.isdigit())
    return [pid for pid, stat in told if stat[3] == str(session) and stat[0] not in "ZX"]


# --- data ---

def parquet(path: Path, sql: str):
    with contextlib.closing(duckdb.connect()) as db:
        db.execute(f"copy ({sql}) to '{path}' (format parquet)")
    return path


@dataclass
class Column:
    name: str
    type: str = "integer"
    classification: str = ""
    key: int = 0
    required: bool = False
    options: dict = field(default_factory=dict)
    quality: list = field(default_factory=list)


def contract(path: Path, domain, product, tables: dict, version="1.0.0", **top):
    """An ODCS contract, written as JSON (which is YAML). tables: {name: [Column, …]}."""
    def column(c):
        out = {"name": c.name, "logicalType": c.type}
        if c.classification:
            out["classification"] = c.classification
        if c.key:
            out |= {"primaryKey": True, "primaryKeyPosition": c.key}
        if c.required or c.key:
            out["required"] = True
        if c.options:
            out["logicalTypeOptions"] = c.options
        if c.quality:
            out["quality"] = c.quality
        return out

    doc = {"apiVersion": "v3.1.0", "kind": "DataContract", "id": f"{domain}-{product}", "name": f"{product} of {domain}",
           "version": version, "status": "active", "domain": domain, "dataProduct": product,
           "description": {"purpose": f"What {domain} knows of {product}."},
           "schema": [{"name": name, "logicalType": "object", "physicalType": "table", "description": f"All {name}.",
                       "properties": [column(c) for c in columns]} for name, columns in tables.items()], **top}
    path.write_text(json.dumps(doc, indent=1))
    return path


ORDERS = [
    Column("order_id", key=1, options={"minimum": 1}),
    Column("customer_id", classification="personal", required=True),
    Column("store_id", required=True),
    Column("amount", "number", required=True, options={"minimum": 0}),
    Column("ordered_on", "date", required=True),
    Column("card", "string", classification="personal"),
    Column("secret_note", "string", classification="confidential"),
]
ORDERS_SQL = """
    select i::bigint order_id, (i % 7 + 1)::bigint customer_id, (i % 3 + 1)::bigint store_id, (i * 1.5)::double amount,
           date '2024-01-15' + (i * 30)::int ordered_on, case when i % 5 = 0 then null else '4000-1234-' || (1000 + i) end card,
           'classified ' || i secret_note
    from range(1, 31) t(i)"""
PEOPLE = [
    Column("customer_id", classification="personal", key=1),
    Column("full_name", "string", classification="personal"),
    Column("born", "date", classification="personal"),
    Column("region", "string"),
]
PEOPLE_SQL = """
    select i::bigint customer_id, 'Person ' || i full_name, date '1980-06-15' + (i * 400)::int born,
           case when i % 2 = 0 then 'north' else 'south' end region
    from range(1, 8) t(i)"""


class Shop:
    """sales.orders (owner sam, engineer eve) and crm.people (owner carl); consumers insights (owner ivy, analysts ana and abe) and
    outside (owner olga, analyst otto); the center, governance."""

    def __init__(self, node: Node):
        self.node = node
        self.folder = node.folder
        self.orders_file, self.people_file = self.folder / "orders.parquet", self.folder / "people.parquet"
        self.orders_contract, self.people_contract = self.folder / "orders.yaml", self.folder / "people.yaml"

    def set_up(self):
        node = self.node
        for domain, owner in (("sales", "sam"), ("crm", "carl"), ("insights", "ivy"), ("outside", "olga")):
            node.new_domain(domain, owner)
        for name, domain, role in (("eve", "sales", "engineer"), ("ana", "insights", "analyst"), ("abe", "insights", "analyst"),
                                   ("otto", "outside", "analyst")):
            node.heddle("user", "add", name, "--domain", domain, "--role", role)
        parquet(self.orders_file, ORDERS_SQL)
        parquet(self.people_file, PEOPLE_SQL)
        contract(self.orders_contract, "sales", "orders", {"orders": ORDERS})
        contract(self.people_contract, "crm", "people", {"people": PEOPLE})
        self.publish()
        node.heddle("publish", self.people_contract, "--data", f"people={self.people_file}", as_="carl")
        return self

    def publish(self, file=None, contract_file=None, **more):
        return self.node.heddle("publish", contract_file or self.orders_contract, "--data", f"orders={file or self.orders_file}",
                                as_=more.pop("as_", "sam"), **more)

    def orders(self, name, sql):
        return parquet(self.folder / f"{name}.parquet", sql)

    def grant(self, *options, object="sales.orders", to="insights", purpose="analysis", as_="sam", **more):
        return self.node.heddle("grant", object, "--to", to, "--purpose", purpose, *options, as_=as_, **more)

    def raw(self, sql):
        """What plain DuckDB says over the files; the tables are called orders and people."""
        with contextlib.closing(duckdb.connect()) as db:
            db.execute(f"create view orders as from '{self.orders_file}'; create view people as from '{self.people_file}'")
            return db.execute(sql).fetchall()


def copy_data(node: Node, to: Path):
    """The logs of a stopped node, as an auditor would take them."""
    to.mkdir()
    subprocess.run(["cp", "-a", node.data / "ledger", to], check=True)
    return to
