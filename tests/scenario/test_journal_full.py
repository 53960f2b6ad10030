"""What cannot be written into the journal is not answered, by any operation there is."""

import os
import subprocess
from collections import Counter

import pytest
import requests
from attacks import Person, fill, tmpfs
from harness import Node, Shop, wait_for
from test_api import Api, test_every_operation_answers_as_told as call_all

OPEN = {"healthz", "metrics", "openapi"}  # they tell nothing of anybody's
WHY = {"status"}  # by which one finds out why nothing else is answered
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")


class Recorded:
    """A node that remembers what was asked of it, to ask it again."""

    def __init__(self, node):
        self.node, self.http_, self.calls = node, node.http, []

    def __enter__(self):
        self.node.http = self.call
        return self.calls

    def __exit__(self, *_):
        self.node.http = self.http_

    def call(self, method, path, as_=None, token=None, **more):
        token = token or (self.node.token(as_) if as_ else self.node.admin_token)
        self.calls.append((method, path, token, more))
        return self.http_(method, path, token=token, **more)


def operation_of(api, method, path):
    """The name under which the document has it: of several that fit, the one with fewest open places."""
    parts, fits = path.split("?")[0].strip("/").split("/"), []
    for name, (m, template, _) in api.operations.items():
        wanted = template.strip("/").split("/")
        if m == method and (len(wanted) == len(parts) or ("..." in template and len(parts) >= len(wanted))):
            if all(w.startswith("{") or w == p for w, p in zip(wanted, parts)):  # noqa: B905 the last may stand for several
                fits.append((sum(w.startswith("{") for w in wanted), name))
    return min(fits)[1]


def journalled(node, since):
    """How often each operation was told of."""
    count, entries = Counter(), [None] * 1000
    while len(entries) == 1000:
        entries = node.http("GET", f"/api/v1/journal?from={since}&limit=1000").json()["entries"]
        since += len(entries)
        count.update("query" if e["type"].startswith("journal.query.start") else e["body"].get("operation", e["type"].removeprefix("journal.")) for e in entries)
    return count


def fresh(shop):
    """Over a restart in the middle of a call nothing is lost but the call."""
    if shop.node.process.poll() is not None:
        shop.node.process = None
        shop.node.start()
    wait_for(lambda: shop.node.run("query", "SELECT 1", "--purpose", "analysis", as_="ana").status == 0, 30)


def test_no_operation_answers_while_the_journal_cannot_be_written(shop_template, tmp_path):
    with tmpfs(tmp_path / "disk", "48m") as disk:
        if not disk:
            pytest.skip("mounting is not allowed here")
        node = Node(tmp_path / "n")
        subprocess.run(["cp", "-a", f"{shop_template}/.", node.folder], check=True)
        subprocess.run(["mv", node.data, disk / "node"], check=True)
        node.data = disk / "node"
        try:
            shop = Shop(node.start())
            with Recorded(node) as calls:
                call_all(shop)
            api, since = Api(shop), node.http("GET", "/api/v1/journal?limit=1").json()["size"]
            asked, answered = set(), Counter()
            fill(disk / "filler")
            for method, path, token, more in calls:
                operation = operation_of(api, method, path)
                if operation in OPEN:
                    continue
                fill(disk / "filler")  # what a failure gave back
                asked.add(operation)
                try:
                    done = node.http(method, path, token=token, **more)
                    answered[operation] += done.status_code < 300
                except requests.RequestException:
                    pass
            (disk / "filler").unlink()
            fresh(shop)
            told = journalled(node, since)
            assert asked == set(api.operations) - OPEN
            silent = {o: n for o, n in answered.items() if n > told[o]}
            assert set(silent) == WHY, f"answered more often than the journal tells: {silent}, {told}"
            assert sum(answered.values()) < len(asked) / 4, f"the disk was not full: {answered}"
            assert Person(node)("GET", "/api/v1/status").json()["node"] and node.heddle("rebuild")["same"]
        finally:
            node.kill()
