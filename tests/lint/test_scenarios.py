#!/usr/bin/env python3
"""What stops scenarios before they run, or lets them hang: names that are not there, threads that outlive their test, waits without an end."""

import ast
import builtins
import symtable
import sys
import unittest
from pathlib import Path

SCENARIOS = Path(__file__).resolve().parent.parent / "scenario"
BUILTINS = {*dir(builtins), "__file__", "__name__"}
CALLS = {"get", "post", "put", "delete", "request"}


def defined(tree):
    """The names that a module has when it is loaded."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node in tree.body:
            names.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names |= {(a.asname or a.name).partition(".")[0] for a in node.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names


def globals_used(table):
    """The names that functions look for in their module."""
    used = {s.get_name() for s in table.get_symbols() if s.is_global() and s.is_referenced()}
    return used.union(*map(globals_used, table.get_children()))


def names_missing(modules):
    trees = {name: ast.parse(text) for name, text in modules.items()}
    there = {name: defined(tree) for name, tree in trees.items()}
    for name, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module in modules:
                yield from (f"{name}:{node.lineno}: {node.module} has no {a.name}" for a in node.names if a.name not in there[node.module])
        used = globals_used(symtable.symtable(modules[name], name, "exec"))
        yield from (f"{name}: {unknown} is nowhere defined" for unknown in sorted(used - there[name] - BUILTINS))


def has(call, keyword):
    return any(k.arg in (keyword, None) for k in call.keywords)  # None: **more


def endless(name, text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ClassDef) and any(ast.unparse(b) == "threading.Thread" for b in node.bases) and "__init__(daemon=True)" not in ast.unparse(node):
            yield f"{name}:{node.lineno}: a thread that outlives its test: daemon=True"
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func) if isinstance(node.func, ast.Attribute) else ""
        if called == "threading.Thread" and not has(node, "daemon"):
            yield f"{name}:{node.lineno}: a thread that outlives its test: daemon=True"
        if isinstance(node.func, ast.Attribute) and node.func.attr == "join" and not node.args and not node.keywords:
            yield f"{name}:{node.lineno}: waits for a thread without an end"
        if called.rpartition(".")[0] in ("requests", "session", "self.session") and called.rpartition(".")[2] in CALLS and not has(node, "timeout"):
            yield f"{name}:{node.lineno}: waits for an answer without an end"


class Scenarios(unittest.TestCase):
    def setUp(self):
        self.modules = {p.stem: p.read_text() for p in sorted(SCENARIOS.glob("*.py"))}

    def test_names_are_there(self):
        self.assertGreater(len(self.modules), 30)
        self.assertEqual(list(names_missing(self.modules)), [])

    def test_nothing_is_waited_for_without_an_end(self):
        self.assertEqual([found for m in self.modules.items() for found in endless(*m)], [])

    def test_what_is_planted_is_found(self):
        there = {"there": "import os\ndef one():\n    return os.sep\nTWO = 2\n"}
        self.assertEqual(list(names_missing(there | {"a": "from there import one, TWO\nprint(one(TWO))\n"})), [])
        for text in ("from there import three\n", "def f():\n    return three()\n", "def f():\n    return lambda: [three for x in ()]\n"):
            self.assertEqual(len(list(names_missing(there | {"a": text}))), 1, text)
        for text in ("threading.Thread(target=f)", "t.join()", "requests.get(url)", "session.post(url, json={})", "class A(threading.Thread):\n    pass"):
            self.assertEqual(len(list(endless("a", text))), 1, text)
        for text in ("threading.Thread(target=f, daemon=True)", "t.join(5)", "', '.join(words)", "requests.get(url, timeout=5)", "requests.get(url, **more)"):
            self.assertEqual(list(endless("a", text)), [], text)


if __name__ == "__main__":
    done = unittest.main(exit=False, verbosity=0).result
    bad = len(done.failures) + len(done.errors)
    print(f"{done.testsRun - bad} passed, {bad} failed")
    sys.exit(bad > 0)
