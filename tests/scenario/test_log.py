"""The logs: proof, damage, forgery, rebuilding, and what never stands in them."""

import base64
import contextlib
import json
import re
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness import FAILED, HEDDLE, REFUSED, alive, copy_data, wait_for

FORGE = HEDDLE.parent / "tests" / "tools" / "forge"


@pytest.fixture
def stopped(shop):
    """A stopped node with a few hundred entries in its logs."""
    for i in range(40):
        made = shop.grant("--rows", f"store_id = {i}")
        if i % 2:
            shop.node.heddle("revoke", made["id"], as_="sam")
    shop.node.stop()
    return shop


def verify(node, folder, expect=0):
    return node.heddle("log", "verify", "--dir", folder, admin=False, expect=expect)


def test_a_copy_is_proven_offline(stopped, tmp_path):
    node = stopped.node
    copy = copy_data(node, tmp_path / "copy")
    for folder in (copy, copy / "ledger", node.data):
        proof = verify(node, folder)
        assert proof["ok"] and {len(log["root"]) for log in proof["logs"]} == {64}
        assert all(log["signatures"] >= log["entries"] for log in proof["logs"])


def test_a_running_node_hands_out_what_proves_it(shop):
    shop.grant()
    proof = shop.node.heddle("log", "verify")
    assert proof["ok"] and {"sales", "crm", "governance"} <= {log["name"] for log in proof["logs"]}


def test_who_asks_for_checkpoints_at_once_shares_them(shop):
    """Each request leaves an entry, and each checkpoint costs syncs during which nobody is answered: so not each request gets its own."""
    node = shop.node

    def sizes(n):
        with ThreadPoolExecutor(16) as pool:
            return [int(r.text.split("\n")[1]) for r in pool.map(lambda _: node.http("GET", "/api/v1/logs/journal/files/checkpoint"), range(n))]

    from_ns = time.monotonic_ns()
    told = sizes(64)
    asked_ms = (time.monotonic_ns() - from_ns) / 1e6
    assert len(told) == 64 and len(set(told)) <= asked_ms / 100 + 2, (sorted(set(told)), asked_ms)
    before = told[-1]
    assert sizes(1)[0] > before  # what was said before one asked is always under it


def ledger_files(folder):
    return sorted(p for p in (folder / "ledger").rglob("*") if p.is_file() and p.stat().st_size and p.name not in ("lock",))


@pytest.mark.parametrize("part", ["entries", "tile/0", "checkpoint", "keys"])
def test_one_damaged_byte_is_found(stopped, tmp_path, part):
    node, found = stopped.node, 0
    files = [p for p in ledger_files(node.data) if f"/{part}" in str(p)]
    assert files
    for path in files[:6]:
        copy = tmp_path / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        copy_data(node, copy)
        target = copy / path.relative_to(node.data)
        data = bytearray(target.read_bytes())
        data[len(data) // 2] ^= 0x01
        target.write_bytes(data)
        told = verify(node, copy, expect=FAILED)
        bad = [log for log in told.json["logs"] if not log["ok"]]
        assert len(bad) == 1 and bad[0]["problem"], told.out
        if part == "entries":
            assert "entry" in bad[0]["problem"] and isinstance(bad[0]["bad_entry"], int), bad
        found += 1
    assert found


def test_a_missing_file_is_found(stopped, tmp_path):
    node = stopped.node
    for path in [p for p in ledger_files(node.data) if "/entries" in str(p)][:3]:
        copy = tmp_path / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        copy_data(node, copy)
        (copy / path.relative_to(node.data)).unlink()
        assert not verify(node, copy, expect=FAILED).json["ok"]


def test_a_node_with_a_damaged_log_says_which_entry_and_signs_no_more(stopped):
    node = stopped.node
    def bundles(log):
        return [f for f in sorted(log.rglob("*")) if f.is_file() and "entries" in str(f) and f.stat().st_size > 20000]

    sales = next(p for p in sorted((node.data / "ledger" / "logs").iterdir()) if p.name != "journal" and bundles(p))
    target = bundles(sales)[0]
    data = bytearray(target.read_bytes())
    data[len(data) // 2] ^= 0x01
    target.write_bytes(data)
    node.start()
    log = next(item for item in node.heddle("status")["logs"] if item["log"] == sales.name)
    told = json.dumps(log) + node.log_text()
    assert log["damaged"] and "entry" in told, told[-2000:]
    refused = stopped.grant(expect=FAILED)
    assert refused.error["code"] in ("CORRUPT", "READ_ONLY"), refused.error
    # the other domains go on
    node.heddle("grant", "crm.people", "--to", "insights", "--purpose", "analysis", as_="carl")


def test_a_forged_event_is_refused_and_reported(shop):
    node = shop.node
    shop.grant("--rows", "store_id = 1")
    sales = next(d["id"] for d in node.heddle("domains")["domains"] if d["name"] == "sales")
    node.kill()
    done = subprocess.run([FORGE, node.data, sales], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    index = int(done.stdout.split()[1])
    copy = copy_data(node, node.folder / "forged")
    told = verify(node, copy, expect=FAILED)
    bad = [log for log in told.json["logs"] if not log["ok"]]
    assert [b["log"] for b in bad] == [sales] and bad[0]["bad_entry"] == index
    node.start()
    refused = node.heddle("status")["refused"]
    assert [(r["log"], r["index"]) for r in refused] == [(sales, index)] and refused[0]["reason"]
    assert "Refused" in node.heddle("status", json_=False).out
    node.query("SELECT * FROM sales.orders.orders", "ana", "forged", expect=REFUSED)
    assert node.scalar("SELECT count(*) FROM sales.orders.orders", "ana") == 10
    shop.grant(purpose="more")  # the log goes on
    assert node.heddle("rebuild")["same"]
    node.restart()
    assert len(node.heddle("status")["refused"]) == 1
    node.stop()
    assert verify(node, node.data)["ok"]


def test_rebuild_gives_the_same_state(shop):
    for i in range(10):
        shop.grant("--rows", f"store_id = {i}")
    first = shop.node.heddle("rebuild")
    assert first["same"] and first["events"] > 15 and len(first["state_hash"]) == 64
    shop.node.restart()
    assert shop.node.heddle("rebuild")["state_hash"] == first["state_hash"]
    shop.grant()
    assert shop.node.heddle("rebuild")["state_hash"] != first["state_hash"]


def test_the_catalog_is_made_anew_from_the_logs(shop):
    shop.grant("--rows", "store_id = 1")
    before = shop.node.heddle("rebuild")["state_hash"]
    shop.node.stop()
    (catalog,) = shop.node.data.rglob("catalog.db")
    for path in catalog.parent.glob("catalog.db*"):
        path.unlink()
    shop.node.start()
    assert shop.node.heddle("rebuild")["state_hash"] == before
    assert shop.node.scalar("SELECT count(*) FROM sales.orders.orders", "ana") == 10


NAMES = ["someperson", "canarydomain_owner", "averyreason_told_by_the_asker", "denied_because_of_this"]


def test_names_and_reasons_stand_in_no_log(shop):
    node = shop.node
    node.new_domain("canary", NAMES[1])
    node.heddle("user", "add", NAMES[0], "--domain", "insights", "--role", "analyst")
    asked = node.heddle("request", "sales.orders", "--purpose", "analysis", "--reason", NAMES[2], as_=NAMES[0])
    node.heddle("deny", asked["id"], "--reason", NAMES[3], as_="sam")
    node.query("SELECT 'someperson asks', count(*) FROM sales.orders.orders", "sam")
    node.query("SELECT count(*) FROM sales.orders.orders", NAMES[0], expect=REFUSED)
    node.stop()
    blob = b"".join(p.read_bytes() for p in ledger_files(node.data))
    assert len(blob) > 10000
    said = b"".join(base64.b64decode(e.replace(b"-", b"+").replace(b"_", b"/") + b"==")
                    for e in re.findall(rb'"payload":"([A-Za-z0-9+/=_-]+)"', blob))
    assert b"request.open" in said  # the payloads were found
    for name in NAMES:
        assert name.encode() not in blob + said, name
    for name in ("sam", "ivy", "ana"):
        assert b'"%s"' % name.encode() not in said, name


def test_a_log_of_an_unknown_state_is_never_signed_back(stopped):
    """An older copy of the logs under a newer catalog: acknowledged entries are missing, so nothing is signed on."""
    node = stopped.node
    old = node.folder / "old"
    subprocess.run(["cp", "-a", node.data / "ledger", old], check=True)
    node.start()
    stopped.grant(purpose="later")
    node.stop()
    shutil.rmtree(node.data / "ledger")
    subprocess.run(["cp", "-a", old, node.data / "ledger"], check=True)
    node.start(wait=False)

    def settled():
        with contextlib.suppress(AssertionError):  # it has just ended
            return node.process.poll() is not None or node.answers()
        return True

    wait_for(settled, 20)
    if node.process.poll() is None:
        refused = stopped.grant(purpose="even_later", expect=FAILED)
        assert refused.error["code"] in ("CORRUPT", "READ_ONLY")
    else:
        assert "missing" in node.log_text() and not alive(node.process.pid)
        node.process = None
