#!/usr/bin/env python3
"""docs/controls.md has the table of src/policy/controls.def: what an auditor reads is what the program checks."""

import re
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
LINE = re.compile(r'^CONTROL\((C\d\d), (\w+), (\d+), "([^"]*)", "([^"]*)",\s*"([^"]*)", "([^"]*)", "([^"]*)"\)', re.M)


def rows(definitions):
    """The table's lines, as they have to be."""
    for id_, severity, days, title, checked, gdpr, soc2, iso in LINE.findall(definitions):
        yield f"| {id_} | {title} | {checked} | {severity.lower()} | {days} | {gdpr or '–'} | {soc2} | {iso} |"


def missing(definitions, text):
    table = [line for line in text.splitlines() if re.match(r"\| C\d\d \|", line)]
    wanted = list(rows(definitions))
    return [r for r in wanted if r not in table] + [r for r in table if r not in wanted]


def definitions():
    return (ROOT / "src/policy/controls.def").read_text()


class Controls(unittest.TestCase):
    def test_every_control_stands_in_the_documentation(self):
        self.assertEqual(len(list(rows(definitions()))), definitions().count("\nCONTROL("))
        self.assertGreaterEqual(len(list(rows(definitions()))), 18)
        self.assertEqual(missing(definitions(), (ROOT / "docs/controls.md").read_text()), [])

    def test_a_difference_is_seen(self):
        text = (ROOT / "docs/controls.md").read_text()
        self.assertTrue(missing(definitions().replace("CONTROL(C03, MEDIUM, 30,", "CONTROL(C03, MEDIUM, 31,"), text))
        self.assertTrue(missing(definitions(), text.replace("| C09 |", "| C10 |")))


if __name__ == "__main__":
    result = unittest.main(exit=False, verbosity=0).result
    failed = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)
