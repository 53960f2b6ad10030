"""Every read, write, sync, rename of core, lake and keys fails once, or kills the process, while somebody publishes, grants, asks
and revokes: what was acknowledged is there afterwards, and the rest is there wholly or not at all.

Needs a build with fault points (-Dfaults=true). There are some 1,500 cases: a run takes as many as fit into its time, in an order that its
seed tells (HEDDLE_SEED repeats one); HEDDLE_FULL=1 takes all. HEDDLE_FAULT_CASE=core=117:short runs that one alone."""

import os
import random
import struct
import threading
import time

import pytest
from faults import KINDS, Case, check, copy_of, forget, make_template, run, work
from harness import SANITIZED

FULL = "HEDDLE_FULL" in os.environ
SEED = int(os.environ.get("HEDDLE_SEED") or time.time_ns() % 10**6)
ONE = os.environ.get("HEDDLE_FAULT_CASE", "")
SECONDS = {"core": 80, "lake": 35, "keys": 25}
THREADS = 3

needs_faults = pytest.mark.skipif(not SANITIZED, reason="this build has no fault points")


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    return make_template(tmp_path_factory.mktemp("faults") / "template")


def how_far(role, template, folder):
    """How many inputs and outputs the work takes, start and stop included."""
    case = Case(role, 1, "trace")
    node = run(case, template, folder)
    assert len(case.acknowledged) == 4 and not case.errors, (case.acknowledged, case.errors)
    assert check(case, node) == []
    return case


def cases(role, hits, up_s):
    """The cases, and some beyond the end: counts differ a little from run to run."""
    if ONE:
        name, _, rest = ONE.partition("=")
        at, _, kind = rest.partition(":")
        return [Case(role, int(at), kind, up_s=up_s)] if name == role else []
    everything = [Case(role, n, kind, up_s=up_s) for n in range(1, hits + hits // 20 + 2) for kind in KINDS]
    random.Random(f"{SEED} {role}").shuffle(everything)
    return everything


def sweep(todo, template, folder, seconds, at_least):
    """Run cases side by side until there are none left or the time is over, and that many struck. Those that ran, those that failed."""
    ran, failed, lock, end = [], [], threading.Lock(), time.monotonic() + seconds

    def take():
        while todo and (FULL or ONE or time.monotonic() < end or sum(c.struck for c in list(ran)) < at_least):
            with lock:
                case = todo.pop() if todo else None
            if case is None:
                return
            at = folder / case.fault.replace(":", "_")
            try:
                bad = check(case, run(case, template, at))
            except Exception as e:  # what the checker could not even look at has failed
                bad = [repr(e)[-3000:]]
            with lock:
                ran.append(case)
                if bad:
                    failed.append((case.fault, case.acknowledged, bad))
            if not bad:
                forget(at)

    threads = [threading.Thread(target=take, daemon=True) for _ in range(THREADS)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(36000 if FULL else 500)
    assert not [t for t in threads if t.is_alive()]
    return ran, failed


@needs_faults
@pytest.mark.timeout(36000 if FULL else 600)
@pytest.mark.parametrize("role", ["core", "lake", "keys"])
def test_no_fault_loses_what_was_acknowledged(role, template, tmp_path):
    whole = how_far(role, template, tmp_path / "trace")
    hits, todo = whole.hits, cases(role, whole.hits, max(4, 4 * whole.started_s))  # by so many threads a start takes longer
    total = len(todo)
    ran, failed = sweep(todo, template, tmp_path, SECONDS[role], min(6, total // 2))
    struck = sum(c.struck for c in ran)
    print(f"{role}: {hits} inputs and outputs, {len(ran)} of {total} cases run, {struck} struck, seed {SEED}")
    assert not failed, f"seed {SEED}: {len(failed)} of {len(ran)} cases failed: {failed[:3]}"
    if not ONE:
        assert struck >= min(6, total // 2), f"only {struck} faults struck"
        assert not FULL or not any(c.struck for c in ran if c.at == max(c.at for c in ran)), "the sweep did not reach the end"


# --- the checker notices what it is there for ---


def wal_records(node):
    """Where each record of the write-ahead file begins."""
    data = (node.data / "ledger" / "wal").read_bytes()
    at, starts = 0, []
    while at + 32 <= len(data) and data[at:at + 4] == b"HWR1":
        starts.append(at)
        at += 32 + struct.unpack(">I", data[at + 8:at + 12])[0] + 16
    return starts


@pytest.fixture
def worked(template, tmp_path):
    """A node killed right after it acknowledged everything, before it published its logs, and the case that says so."""
    for n in range(30):
        node = copy_of(template, tmp_path / f"n{n}")
        node.start()
        case = Case("core", 0, "kill")
        work(case, node, (template / "orders.yaml").read_text(), template)
        node.kill()
        assert set(case.acknowledged) == {"publish", "given", "taken", "revoke"} and not case.errors
        if len(wal_records(node)) > 4:
            return case, node
        forget(node.folder)
    pytest.fail("the logs were published each time")


def test_the_checker_is_content_with_a_node_that_lost_nothing(worked):
    case, node = worked
    assert check(case, node) == []


def cut_wal(node, whole_records):
    """Take the last records out of the write-ahead file. The very last one has only the journal's word on the revocation."""
    path, starts = node.data / "ledger" / "wal", wal_records(node)
    path.write_bytes(path.read_bytes()[:starts[-whole_records]])


def forget_catalog(node):
    for path in (node.data / "catalog").glob("catalog.db*"):
        path.unlink()


@pytest.mark.parametrize("records", [2, 4])
def test_the_checker_notices_a_lost_acknowledgement(worked, records):
    """Even where the catalog, which remembers how far the logs went, is lost too."""
    case, node = worked
    cut_wal(node, records)
    forget_catalog(node)
    bad = check(case, node)
    assert any("lost" in b for b in bad), bad


def test_the_checker_notices_entries_missing_under_the_catalog(worked):
    case, node = worked
    cut_wal(node, 2)
    assert any("damaged" in b for b in check(case, node))


def test_the_checker_notices_a_missing_object(worked):
    case, node = worked
    newest = max((node.data / "lake" / "objects").iterdir(), key=lambda p: p.stat().st_mtime_ns)
    newest.unlink()
    bad = check(case, node)
    assert any(b.startswith("rows: None") for b in bad), bad


def test_the_checker_notices_an_unclear_error(worked):
    case, node = worked
    case.errors.append("POST /: 500 Internal Server Error")
    assert check(case, node) != []
