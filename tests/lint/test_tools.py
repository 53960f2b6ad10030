#!/usr/bin/env python3
"""The tools that the other results rest on: downloads are refused when wrong, and failed tests are counted as failed."""

import hashlib
import importlib.machinery
import importlib.util
import os
import sys
import tempfile
import unittest
import zipfile
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parent.parent.parent
sys.dont_write_bytecode = True


def load(name):
    loader = importlib.machinery.SourceFileLoader(name, str(ROOT / "tools" / name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    sys.modules[name] = module
    loader.exec_module(module)
    return module


fetch, runner = load("fetch"), load("test")


def sha256(data):
    return hashlib.sha256(data).hexdigest()


class Fetch(unittest.TestCase):
    """One artefact of one file, whose download is a local archive."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.scratch = Path(scratch.name)
        archive = self.scratch / "a.whl"
        with zipfile.ZipFile(archive, "w") as z:
            z.writestr("in/file.bin", b"the bytes")
        self.build = {"pip": [], "sha256": sha256(archive.read_bytes()),
                      "files": {"file.bin": {"member": "in/file.bin", "sha256": sha256(b"the bytes")}}}
        pins = {"thing": {"what": "a thing", "package": "thing", "version": "1", "for": {"any": self.build}}}
        self.download = mock.Mock(return_value=archive)
        for patch in (mock.patch.object(fetch, "PINS", pins), mock.patch.object(fetch, "download", self.download),
                      mock.patch.dict(os.environ, HEDDLE_CACHE=str(self.scratch / "cache")),
                      mock.patch("builtins.print")):
            patch.start()
            self.addCleanup(patch.stop)

    def get(self):
        fetch.locked(fetch.get, "thing")
        return fetch.folder_of("thing") / "file.bin"

    def test_second_get_downloads_nothing(self):
        self.assertEqual(self.get().read_bytes(), b"the bytes")
        self.get()
        self.assertEqual(self.download.call_count, 1)

    def test_damaged_cache_is_found_and_fetched_again(self):
        self.get().write_bytes(b"the bytfs")
        self.assertEqual(self.get().read_bytes(), b"the bytes")
        self.get().unlink()
        self.assertEqual(self.get().read_bytes(), b"the bytes")
        self.assertEqual(self.download.call_count, 3)

    def test_wrong_hash_of_a_file_names_it_and_both_hashes(self):
        right, self.build["files"]["file.bin"]["sha256"] = sha256(b"the bytes"), sha256(b"other")
        with self.assertRaises(fetch.Refused) as refused:
            self.get()
        for part in ("thing", "file.bin", right, sha256(b"other")):
            self.assertIn(part, str(refused.exception))
        self.assertFalse(fetch.folder_of("thing").exists())

    def test_wrong_hash_before_a_change_is_refused(self):
        self.build["files"]["file.bin"] |= {"change": "weaken-python", "member_sha256": sha256(b"other")}
        with self.assertRaisesRegex(fetch.Refused, "in/file.bin"):
            self.get()

    def test_cache_inside_the_source_tree_is_refused(self):
        with mock.patch.dict(os.environ, HEDDLE_CACHE=str(ROOT / "cache")), self.assertRaisesRegex(fetch.Refused, "source tree"):
            self.get()

    def test_unknown_name_is_refused(self):
        with self.assertRaisesRegex(fetch.Refused, "nothing"):
            fetch.get("nothing")


class Archive(unittest.TestCase):
    """pip itself refuses the archive: the message still names the artefact and both hashes."""

    def test_wrong_hash_of_the_archive(self):
        got, said = "b" * 64, mock.Mock(returncode=1, stdout="", stderr=f"Expected sha256 {'a' * 64}\n     Got        {'b' * 64}\n")
        with tempfile.TemporaryDirectory() as scratch, mock.patch.object(fetch.subprocess, "run", return_value=said), \
                mock.patch.object(fetch, "pip", return_value=["pip"]):
            pin = {"package": "thing", "version": "1"}
            with self.assertRaises(fetch.Refused) as refused:
                fetch.download("thing", pin, {"pip": [], "sha256": "a" * 64}, Path(scratch))
        for part in ("thing", "a" * 64, got):
            self.assertIn(part, str(refused.exception))


class Pins(unittest.TestCase):
    def test_header_is_the_one_of_the_library(self):
        readme = (ROOT / "third_party/duckdb/README").read_text()
        self.assertIn(f"DuckDB {fetch.PINS['duckdb']['version']},", readme)
        self.assertIn(sha256((ROOT / "third_party/duckdb/duckdb.h").read_bytes()), readme)

    def test_every_pin_is_complete(self):
        for name, pin in fetch.PINS.items():
            self.assertIn(set(pin["for"]), ({"any"}, {"x86_64", "aarch64"}), name)
            for build in pin["for"].values():
                for f in [build, *build["files"].values()]:
                    self.assertRegex(f["sha256"], "^[0-9a-f]{64}$", name)

    def test_every_test_package_has_hashes(self):
        wanted = (ROOT / "tests/requirements.txt").read_text().replace("\\\n", "").splitlines()
        packages = [line for line in wanted if "==" in line]
        self.assertTrue(packages)
        self.assertTrue(all("--hash=sha256:" in line for line in packages))


class Runner(unittest.TestCase):
    """What tools/test makes of a test program's output."""

    ONE = "[==========] Running 1 test(s).\n[ RUN      ] t\n"

    def count(self, stdout, returncode=0, name="heddle:unit+base / base/test_x", result="OK"):
        count = runner.count_cmocka({"name": name, "result": result, "returncode": returncode, "stdout": stdout})
        return count.passed, count.failed

    def test_passed(self):
        self.assertEqual(self.count(self.ONE + "[       OK ] t\n"), (1, 0))

    def test_skipped_is_neither(self):
        self.assertEqual(self.count(self.ONE + "[  SKIPPED ] t\n"), (0, 0))

    def test_failed(self):
        self.assertEqual(self.count(self.ONE + "[  FAILED  ] t\n", 1, result="FAIL"), (0, 1))

    def test_died_in_a_case(self):
        self.assertEqual(self.count(self.ONE, -11, result="FAIL"), (0, 1))
        self.assertEqual(self.count(self.ONE, 0), (0, 1))

    def test_died_after_its_cases(self):
        self.assertEqual(self.count(self.ONE + "[       OK ] t\n", 1, result="FAIL"), (1, 1))

    def test_left_before_its_last_case(self):
        self.assertEqual(self.count(self.ONE.replace("Running 1", "Running 2") + "[       OK ] t\n"), (1, 1))

    def test_unit_program_without_cases(self):
        self.assertEqual(self.count(""), (0, 1))

    def test_other_program_counts_as_one(self):
        self.assertEqual(self.count("", name="heddle:wire / wire/replay"), (1, 0))

    def test_tap(self):
        self.assertEqual(self.count("1..3\nok 1 - a\nnot ok 2 - b\nnot ok 3 # SKIP c\n", 1, result="FAIL"), (1, 1))
        self.assertEqual(self.count("1..2\nok 1 - a\n"), (1, 1))

    def test_stage_without_tests_fails(self):
        with mock.patch.dict(runner.STAGES, empty=lambda _: runner.Count()), mock.patch("builtins.print"):
            self.assertEqual(runner.run_stage("empty", None).failed, 1)

    def test_stage_that_breaks_fails(self):
        with mock.patch.dict(runner.STAGES, broken=mock.Mock(side_effect=KeyError("x"))), mock.patch("builtins.print"):
            self.assertEqual(runner.run_stage("broken", None).failed, 1)

    def test_missing_pytest_result_fails(self):
        with self.assertRaises(runner.Broken):
            runner.count_junit(Path("no/such/file.xml"))


if __name__ == "__main__":
    result = unittest.main(exit=False, verbosity=0).result
    failed = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)
