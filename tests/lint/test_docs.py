#!/usr/bin/env python3
"""What README.md and docs/ say stands on something: each test they name exists, each command and option they show is one of the program's, each file is there."""

import re
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
DOCS = ["README.md", "ARCHITECTURE.md", *(f"docs/{n}.md" for n in ("security", "guide", "operating", "controls", "events"))]
COMMAND = re.compile(r'^\t\{"[A-Z][a-z ]+", "([a-z ]+)", "((?:[^"\\]|\\.)*)"', re.M)
OPTION = re.compile(r'^\t\[OPT_\w+\] = \{"([a-z-]+)"', re.M)
UNTOLD = {"demo", "version", "restrictions"}  # `make demo`; and another word for policies


def scenarios():
    return {p.stem: set(re.findall(r"^def (test_\w+)", p.read_text(), re.M)) for p in (ROOT / "tests/scenario").glob("test_*.py")}


def commands():
    return {name for name, _ in COMMAND.findall((ROOT / "src/cmd/cli/table.c").read_text())}


def options():
    return set(OPTION.findall((ROOT / "src/cmd/cli/table.c").read_text()))


# --- what of a text is not so; each gives lines ---

def unknown_attack_tests(text):
    """The table of attacks: A. is one of two files, S.file::test, F.test, U.module/file, Z.target; a name may be the beginning of several."""
    known = scenarios()
    attacks = known["test_attacks"] | known["test_attacks_governance"]
    for row in (line for line in text.splitlines() if re.match(r"\| [\d–]", line)):
        for name in re.findall(r"\bA\.(test_\w+)", row):
            if not any(t == name or t.startswith(name + "_") for t in attacks):
                yield f"A.{name}"
        for name in re.findall(r"\bF\.(test_\w+)", row):
            if name not in known["test_faults"]:
                yield f"F.{name}"
        for file, name in re.findall(r"\bS\.(test_\w+)(?:::(test_\w+))?", row):
            if file not in known or name and name not in known[file]:
                yield f"S.{file}::{name}"
        for path in re.findall(r"\bU\.(\w+/test_\w+)", row):
            if not (ROOT / f"tests/unit/{path}.c").is_file():
                yield f"U.{path}"
        for name in re.findall(r"\bZ\.(\w+)", row):
            if not (ROOT / f"tests/fuzz/fuzz_{name}.c").is_file():
                yield f"Z.{name}"


def unknown_tests(text):
    """Files of tests named in running text, and what the table of what is there puts in brackets."""
    for path in re.findall(r"tests/[\w/]+\.(?:py|c|h)\b", text):
        if not (ROOT / path).is_file() and not path.endswith("test_x.py"):
            yield path
    for row in (line for line in text.splitlines() if re.match(r"\| M\d", line)):
        if re.search(r"\| (?:yes|part)\b", row) and "[" not in row and "part:" not in row:
            yield f"no test: {row}"
        for names in re.findall(r"\[([^\]]+)\]", row):
            for name in re.findall(r"(?:^|[,;] )((?:[a-z]+/)?test_\w+(?:\.c)?)", names) or [names]:
                scenario, unit = ROOT / f"tests/scenario/{name}.py", ROOT / f"tests/unit/{name}"
                if not scenario.is_file() and not unit.is_file() and not unit.with_suffix(".c").is_file():
                    yield f"{row[:6]}: {name}"


def shown(text):
    """`heddle …` in running text, in indented and fenced lines; not what the program printed as its error ("heddle: …")."""
    for line in re.findall(r"`heddle ([^`]+)`", text) + re.findall(r"^ {4,}(?:\$ )?heddle (?!: )(.*)$", text, re.M):
        for part in re.split(r"; heddle |&& heddle ", line):
            yield part.split("  #")[0].strip()


def unknown_commands(text):
    names, opts = commands(), options()
    for line in shown(text):
        words = re.sub(r'"[^"]*"', "x", line).split()
        if not words or words[0] in ("COMMAND", "--help"):
            continue
        first, second = words[0], words[1] if len(words) > 1 else ""
        seconds = second.split("|") if re.fullmatch(r"[a-z|]+", second) else []
        if first not in names and not (seconds and all(f"{first} {s}" in names for s in seconds)):
            yield f"heddle {line}"
        for option in re.findall(r"(?<![\w-])--([a-z][a-z-]*)", " ".join(words)):
            if option not in opts:
                yield f"heddle {line}: --{option}"


def missing_files(text, at):
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        if not (ROOT / at).parent.joinpath(target).exists():
            yield target


class Docs(unittest.TestCase):
    def test_the_attacks_name_tests_that_exist(self):
        text = (ROOT / "docs/security.md").read_text()
        self.assertEqual(list(unknown_attack_tests(text)), [])

    def test_all_fifty_two_attacks_are_told(self):
        rows = re.findall(r"^\| ([\d, ]+) \|(.*)\|(.*)\|$", (ROOT / "docs/security.md").read_text(), re.M)
        self.assertEqual(sorted(int(n) for numbers, _, _ in rows for n in numbers.split(",")), list(range(1, 53)))
        for numbers, what, by in rows:  # tested, or waiting for something that is named
            self.assertTrue(re.search(r"\b[ASUFZ]\.\w|waits: \w|make \w", by), f"{numbers}: {by}")

    def test_each_promise_says_what_shows_it(self):
        text = (ROOT / "docs/security.md").read_text()
        promised = re.findall(r"^(\d+)\. \*\*", text.partition("## What is promised")[2].partition("\n## ")[0], re.M)
        shown_by = re.findall(r"^\| (\d+) \| ([^|]+) \|$", text.partition("## How to verify")[2], re.M)
        self.assertEqual(promised, [n for n, _ in shown_by])
        for n, by in shown_by:
            self.assertRegex(by, r"\b[ASUF]\.test_\w|\bU\.\w+/test_", n)

    def test_each_file_and_test_named_exists(self):
        for name in DOCS:
            text = (ROOT / name).read_text()
            self.assertEqual(list(unknown_tests(text)) + list(missing_files(text, name)), [], name)

    def test_each_command_shown_exists(self):
        for name in DOCS:
            self.assertEqual(list(unknown_commands((ROOT / name).read_text())), [], name)

    def test_the_guide_and_the_operators_book_name_every_command(self):
        text = "\n".join((ROOT / n).read_text() for n in DOCS)
        told = {" ".join(w) for line in shown(text) for words in [line.split()] for w in ([words[0]], words[:2])}
        told |= {f"{first} {s}" for first, seconds in re.findall(r"heddle (\w+) ([a-z]+(?:\|[a-z]+)+)", text) for s in seconds.split("|")}
        self.assertEqual(sorted(commands() - told - UNTOLD), [])

    def test_what_is_not_so_is_seen(self):
        self.assertEqual(len(list(unknown_attack_tests("| 1 | x | A.test_99, S.test_query::test_nothing, U.query/test_nothing, Z.nothing, F.test_nothing |"))), 5)
        self.assertEqual(list(unknown_attack_tests("| 1 | x | A.test_07, S.test_query, U.policy/test_decide, Z.json |")), [])
        self.assertEqual(len(list(unknown_tests("| M1 | x | yes [test_nothing] |\n| M2 | y | yes |\ntests/scenario/nothing.py"))), 3)
        self.assertEqual(len(list(unknown_tests("| M1 | x | yes [test_query: of something; test_nothing] |\n| M2 | x | yes [something] |"))), 2)
        self.assertEqual(len(list(unknown_commands("`heddle grnt x`, `heddle group jion a`\n    heddle grant x --nothing\n"))), 3)
        self.assertEqual(list(unknown_commands("`heddle group join|leave g p`, `heddle grant x --rows \"a --b\" --to c`")), [])
        self.assertEqual(list(missing_files("[a](nothing.md)", "README.md")), ["nothing.md"])


if __name__ == "__main__":
    result = unittest.main(exit=False, verbosity=0).result
    failed = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)
