import os
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from harness import HEDDLE, SANITIZED, Node, Shop  # noqa: E402

SANITIZED_PARAMETERS_MAX = 4
SANITIZED_SHARE = 4  # one test in so many of those below; all of them with HEDDLE_FULL
SANITIZED_SAMPLED = {"test_governance", "test_posture", "test_policies", "test_explain", "test_keys", "test_webhooks", "test_audit", "test_attacks_governance",
                     "test_histories", "test_terms", "test_who_may", "test_budgets", "test_webhook_races", "test_drafts", "test_journal_full"}


def pytest_configure():
    assert HEDDLE.is_file(), f"{HEDDLE} is not built"


def pytest_collection_modifyitems(config, items):
    """A sanitized build is slow and looks for other faults: of a test with many parameters, a few go through it, and of files with much of a kind a share."""
    if not SANITIZED:
        return
    seen, kept, left = {}, [], []
    for item in items:
        name = item.nodeid.partition("[")[0]
        seen[name] = seen.get(name, 0) + 1
        sampled = item.path.stem in SANITIZED_SAMPLED and "HEDDLE_FULL" not in os.environ
        wanted = seen[name] <= SANITIZED_PARAMETERS_MAX and not (sampled and zlib.crc32(name.encode()) % SANITIZED_SHARE)
        (kept if wanted else left).append(item)
    items[:] = kept
    config.hook.pytest_deselected(items=left)


@pytest.fixture
def make_node(tmp_path):
    """Nodes of one test; all are stopped in the end and must have ended well."""
    nodes = []

    def make(name="n", **options):
        nodes.append(Node(tmp_path / name, **options))
        return nodes[-1]

    yield make
    wrong = []
    for node in nodes:
        try:
            node.stop()
        except AssertionError as e:  # the others are to be stopped too
            wrong.append(str(e))
        text = node.log_text()
        if "Sanitizer" in text or "runtime error:" in text:
            wrong.append(text[-4000:])
    assert not wrong, "\n".join(wrong)


@pytest.fixture
def node(make_node):
    return make_node().start()


@pytest.fixture(scope="session")
def shop_template(tmp_path_factory):
    """A stopped node with the shop's people and products, made once; tests work on copies."""
    node = Node(tmp_path_factory.mktemp("template") / "n").start()
    try:
        Shop(node).set_up()
    finally:
        status = node.stop()
    assert status == 0
    return node.folder


@pytest.fixture
def shop(make_node, shop_template):
    node = make_node()
    subprocess.run(["cp", "-a", f"{shop_template}/.", node.folder], check=True)
    return Shop(node.start())


@pytest.fixture(scope="module")
def read_shop(tmp_path_factory, shop_template):
    """One for all tests of a file that leave it as it is; ana reads all of sales.orders."""
    node = Node(tmp_path_factory.mktemp("read") / "n")
    subprocess.run(["cp", "-a", f"{shop_template}/.", node.folder], check=True)
    shop = Shop(node.start())
    try:
        shop.grant()
        yield shop
    finally:
        node.stop()
    text = node.log_text()
    assert "Sanitizer" not in text and "runtime error:" not in text, text[-4000:]


@pytest.fixture
def wrong_clock(shop):
    """Sets the clock of the shop's node to another day and starts it anew."""
    program = HEDDLE.parent / "tests" / "tools" / "heddle-clock"
    if not program.exists():
        pytest.skip("built without the tests")
    shop.node.program = shop.folder / "heddle"
    shutil.copy(program, shop.node.program)
    shutil.copy(HEDDLE.parent / "libduckdb.so", shop.folder)

    def set_clock(days=0, seconds=0):
        shop.node.stop()
        (shop.folder / "clock-offset").write_text(str(int(days * 86400 + seconds)))
        return shop.node.start()

    return set_clock


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """What the servers of a failed test said."""
    report = (yield).get_result()
    if report.when == "call" and report.failed and "tmp_path" in item.funcargs:
        for log in sorted(item.funcargs["tmp_path"].glob("*/server.log")):
            report.sections.append((str(log.relative_to(item.funcargs["tmp_path"])), log.read_text(errors="replace")[-6000:]))
