"""The story that `make demo` tells holds, without a terminal, and again."""

import json
import os
import subprocess

import pytest
from harness import HEDDLE, ROOT, SANITIZED


@pytest.mark.skipif(SANITIZED, reason="the same story in small runs sanitized")
def test_the_story_holds():
    files = subprocess.run([ROOT / "tools" / "fetch", "path", "completejourney"], capture_output=True, text=True).stdout.strip()
    done = subprocess.run([HEDDLE, "demo", "--no-keep", "--json", "--data-files", files], capture_output=True, text=True, timeout=300,
                          env={**os.environ, "CI": "true"}, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr[-6000:]
    told = json.loads(done.stdout)
    assert told["ok"] and [s["step"] for s in told["steps"]] == list(range(1, 15))
    assert done.stderr.count("✓") >= 20


def test_the_story_notices_what_does_not_hold(tmp_path):
    (tmp_path / "transactions.parquet").write_bytes(b"PAR1")
    done = subprocess.run([HEDDLE, "demo", "--no-keep", "--data-files", tmp_path], capture_output=True, text=True, timeout=60)
    assert done.returncode != 0 and "does not hold" in done.stderr and "products.parquet" in done.stderr
