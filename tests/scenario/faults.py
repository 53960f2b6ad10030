"""What the fault sweep does to a node and what must hold afterwards.

A case is one run: a copy of a prepared node is started with one fault armed (HEDDLE_FAULT, src/os/file.h), somebody publishes,
grants, asks and revokes, the node is stopped and started without the fault, and check() holds the outcome against what was
acknowledged."""

import contextlib
import json
import re
import shutil
import subprocess
import time
from dataclasses import dataclass, field

import requests
from harness import ORDERS_SQL, SLOW, Node, Shop, parquet, wait_for

KINDS = ["5", "28", "short", "kill"]  # EIO, ENOSPC
OLD, NEW = 30, 40  # rows of the snapshots
COUNT = "SELECT count(*) AS n, sum(amount) AS s FROM sales.orders.orders"
NOT_DONE = {"UNAVAILABLE", "IO", "FULL", "READ_ONLY", "BUSY", "TIMEOUT", "CORRUPT", "LIMIT", "INTERNAL"}
PURPOSES = ["kept", "given", "taken"]


@dataclass
class Case:
    """One run: what was asked for, what was acknowledged, and what went wrong."""
    role: str
    at: int
    kind: str
    acknowledged: dict = field(default_factory=dict)  # what: id or True
    errors: list = field(default_factory=list)
    hits: int = 0
    struck: bool = False
    up_s: float = 60  # how long a start is waited for
    started_s: float = 0  # how long it took

    @property
    def fault(self):
        return f"{self.role}={self.at}:{self.kind}"


def make_template(folder):
    """A stopped node with sales.orders of OLD rows, which insights may read for purpose `kept`; and the file of NEW rows."""
    shop = Shop(Node(folder).start()).set_up()
    shop.grant(purpose="kept")
    parquet(folder / "new.parquet", ORDERS_SQL.replace("range(1, 31)", f"range(1, {NEW + 1})"))
    assert shop.node.stop() == 0
    return folder


def copy_of(template, folder):
    folder.mkdir(parents=True)
    subprocess.run(["cp", "-a", f"{template}/.", folder], check=True)
    node = Node(folder)
    node.log.unlink(missing_ok=True)
    return node


class Gone(Exception):
    """The node ended by itself, or dies again and again while it starts: the same fault meets each new process."""


def call(case, node, method, path, as_, **more):
    """The answer, or None when it was not acknowledged; an answer that says something unclear is an error."""
    try:
        headers = {"Authorization": f"Bearer {node.token(as_)}"} | more.pop("headers", {})
        answer = requests.request(method, node.url + path, headers=headers, timeout=20 * SLOW, **more)
        body = answer.content
    except requests.Timeout:
        case.errors.append(f"{method} {path}: no answer")
        return None
    except requests.RequestException:
        wait_until_up(node, case.up_s)
        return None
    if answer.ok:
        return answer
    try:
        error = json.loads(body)["error"]
        clear = error["code"] in NOT_DONE and error["message"] and not re.search(r"/\w+/|\.c:|0x[0-9a-f]{6}", error["message"])
    except (ValueError, KeyError):
        clear, error = False, body[:300]
    if not clear:
        case.errors.append(f"{method} {path}: {answer.status_code} {error}")
    wait_until_up(node, case.up_s)
    return None


def wait_until_up(node, seconds):
    """After a failure the next thing is tried when the node answers again."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if node.process.poll() is not None:
            raise Gone
        with contextlib.suppress(requests.RequestException):
            if requests.get(f"{node.url}/healthz", timeout=max(1, seconds / 4)).ok:
                return
        time.sleep(0.02)
    raise Gone


def rows(answer):
    try:
        return answer.json()[0]["n"]
    except (ValueError, IndexError, KeyError):
        return None  # it broke off; the client notices that it is no JSON


def work(case, node, contract, files):
    """Publish, grant, ask, revoke."""
    done = case.acknowledged
    file = (files / "new.parquet").read_bytes()
    upload = call(case, node, "POST", "/api/v1/uploads", "sam", data=file, headers={"Content-Type": "application/octet-stream"})
    if upload:
        sent = {"contract": contract, "data": {"orders": [upload.json()["upload"]]}}
        published = call(case, node, "POST", "/api/v1/products", "sam", json=sent)
        if published is not None:
            done["publish"] = published.json()["snapshot"]
    for purpose in ("given", "taken"):
        grant = call(case, node, "POST", "/api/v1/grants", "sam", json={"object": "sales.orders", "to": "insights", "purpose": purpose})
        if grant is not None:
            done[purpose] = grant.json()["id"]
    asked = call(case, node, "POST", "/api/v1/query", "ana", json={"sql": COUNT, "purpose": "kept"})
    if asked is not None and rows(asked) not in ([NEW] if "publish" in done else [OLD, NEW]) + [None]:
        case.errors.append(f"the analyst saw {asked.text[:200]}")
    if "taken" in done:
        if call(case, node, "DELETE", f"/api/v1/grants/{done['taken']}", "sam") is not None:
            done["revoke"] = done["taken"]


def run(case, template, folder):
    """The run with the fault; leaves the node stopped."""
    node = copy_of(template, folder)
    node.start(wait=False, HEDDLE_FAULT=case.fault)
    began = time.monotonic()
    try:
        wait_until_up(node, case.up_s)
        case.started_s = time.monotonic() - began
        work(case, node, (template / "orders.yaml").read_text(), template)
    except Gone:
        pass
    status = node.process.poll()
    if status is None:
        with contextlib.suppress(AssertionError):
            node.stop(3)
        if node.process is not None:
            node.kill()
    text = node.log_text()
    hits = [int(n) for n in re.findall(rf"{case.role} warn fault point (\d+):", text)]
    case.hits, case.struck = max(hits, default=0), " fails" in text
    if status is not None and not re.search(r"(error|heddle:) .{10,}", text):
        case.errors.append(f"the node ended with {status} and did not say why")
    if "Sanitizer" in text or "runtime error:" in text or "Assertion" in text:
        case.errors.append(text[-3000:])
    return node


def ask(node, purpose):
    done = node.run("query", COUNT, "--purpose", purpose, "--json", as_="ana")
    return (done.json[0]["n"], None) if done.status == 0 else (None, done.error["code"])


def check(case, node):
    """Start it without a fault and look: the list of what does not hold."""
    bad, done = list(case.errors), case.acknowledged
    node.process = None
    node.start()
    try:
        bad += check_running(node, done)
        node.stop()
        proof = node.run("log", "verify", "--dir", node.data, "--json", admin=False)
        if proof.status != 0:
            bad.append(f"log verify: {proof.out[:1000]}")
        text = node.log_text()
        if "Sanitizer" in text or "runtime error:" in text:
            bad.append(text[-3000:])
    finally:
        if node.process is not None:
            node.kill()
    return bad


def check_running(node, done):
    bad = []
    wait_for(lambda: node.run("query", "SELECT 1", "--purpose", "kept", as_="ana").status == 0, 10)
    count, why = ask(node, "kept")
    if count not in ([NEW] if "publish" in done else [OLD, NEW]):
        bad.append(f"rows: {count} {why}")
    shown = node.heddle("show", "sales.orders", as_="ana")
    if shown["tables"][0]["rows"] != count or ("publish" in done and shown["snapshot"] != done["publish"]):
        bad.append(f"the product page tells {shown['tables'][0]['rows']} rows of {shown['snapshot']}, there are {count}")
    quality = node.http("GET", "/api/v1/products/sales.orders/quality", as_="sam")
    if quality.status_code != 200 or quality.json().get("quarantined"):
        bad.append(f"quality: {quality.text[:300]}")
    bad += check_grants(node, done)
    bad += check_whole(node)
    return bad


def check_grants(node, done):
    """What is listed is what works, and what was acknowledged is listed."""
    bad = []
    grants = {g["id"]: g for g in node.heddle("grants", "--all", "--limit", "1000", as_="sam")["grants"]}
    by_purpose = {g["purposes"][0]: g for g in grants.values()}
    if len(by_purpose) != len(grants) or not set(by_purpose) <= set(PURPOSES) or "kept" not in by_purpose:
        bad.append(f"grants: {sorted(by_purpose)}")
    for purpose in ("given", "taken"):
        if purpose in done and done[purpose] not in grants:
            bad.append(f"the acknowledged grant for {purpose} is lost")
    if "revoke" in done and grants.get(done["revoke"], {}).get("state") != "revoked":
        bad.append("the acknowledged revocation is lost")
    for purpose in ("given", "taken"):
        active = by_purpose.get(purpose, {}).get("state") == "active"
        count, why = ask(node, purpose)
        if (count is not None) != active or (not active and why != "DENIED"):
            bad.append(f"the grant for {purpose} is {'active' if active else 'not active'}, and the query gives {count} {why}")
    return bad


def check_whole(node):
    """Nothing refused, damaged or left over; the state is what the logs say; new work is taken."""
    bad = []
    status = node.heddle("status")
    if status["refused"] or any(log["damaged"] for log in status["logs"]):
        bad.append(f"refused {status['refused']}, damaged {[log['damaged'] for log in status['logs'] if log['damaged']]}")
    rebuilt = node.run("rebuild", "--json")
    if rebuilt.status != 0 or not rebuilt.json["same"]:
        bad.append(f"the catalog is not what the logs say: {rebuilt.out}")
    for folder in ("staging", "quarantine"):
        if list((node.data / "lake" / folder).iterdir()):
            bad.append(f"{folder} is not empty")
    made = node.run("grant", "sales.orders", "--to", "outside", "--purpose", "later", as_="sam")
    if made.status != 0:
        bad.append(f"nothing new is taken: {made.err}")
    return bad


def forget(folder):
    shutil.rmtree(folder, ignore_errors=True)
