#!/usr/bin/env python3
"""The project's rules about its own source that a compiler does not know.

  lint.py                check the files of this repository that git tracks or would add
  lint.py --self-test    plant a violation of every rule in a scratch tree; each must be caught, and clean text must pass

Prints `file:line: rule: what` for each finding and, last, `N passed, N failed` with one test per rule.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

# A module may include only itself and the modules before it.
MODULES = ("base os crypt codec net ipc ledger store policy mesh table query job customer api core cmd").split()

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
# Outside headers that only the named modules may include.
OUTSIDE = {
    re.compile(r"^sodium(\.h|/)"): {"crypt"},
    re.compile(r"^gnutls/"): {"crypt", "net"},
    re.compile(r"^duckdb\.h$"): {"query"},
    re.compile(r"^sqlite3\.h$"): {"store"},
    re.compile(r"^(microhttpd|curl/curl)\.h$"): {"net"},
    re.compile(r"^yaml\.h$"): {"codec"},
    re.compile(r"^seccomp\.h$"): {"os"},
}
BANNED = {
    "strcpy": "has no limit", "strcat": "has no limit", "sprintf": "has no limit", "vsprintf": "has no limit",
    "gets": "has no limit", "strtok": "keeps hidden state", "atoi": "hides errors", "atol": "hides errors",
    "atof": "hides errors", "system": "runs a shell", "popen": "runs a shell", "rand": "can be guessed",
    "srand": "can be guessed", "tmpnam": "races", "mktemp": "races", "alloca": "has no limit",
}
# not a member (x.rand, x->rand), not part of a longer name
BANNED_CALL = re.compile(r"(?<![\w.>])(" + "|".join(BANNED) + r")\s*\(")

# Written in two parts so that this file passes its own rule.
REGISTRY_HOSTS = re.compile("|".join(re.escape(a + b) for a, b in (
    ("pypi.", "org"), ("pythonhosted.", "org"), ("npmjs.", "org"), ("npmjs.", "com"), ("crates.", "io"),
    ("proxy.golang.", "org"), ("sum.golang.", "org"), ("repo1.maven.", "org"), ("repo.maven.", "apache.org"),
    ("deb.debian.", "org"), ("security.debian.", "org"),
)))
MACHINE_PATHS = re.compile("(?<![\\w.-])/(" + "|".join(("wo" + "rk", "ro" + "ot", "fa" + "rm")) + ")/")

# Up to the first text that is not a literal of the program.
RAW_PRINT = re.compile(r'(?<!\w)printf\((?:[^;"]|"(?:\\.|[^"\\])*")*?\bSTR\(')


def without_comments(text):
    """C text with comments and string contents blanked, line numbers kept."""
    def blank(match):
        kept = match.group(0)
        if kept.startswith("/"):
            return re.sub(r"[^\n]", " ", kept)
        return kept[0] + re.sub(r"[^\n]", " ", kept[1:-1]) + kept[-1]
    return re.sub(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text, flags=re.S)


def module_of(path):
    parts = Path(path).parts
    return parts[1] if len(parts) > 2 and parts[0] == "src" else None


def is_c(path):
    return path.endswith((".c", ".h", ".def"))


def lines_of(text):
    return enumerate(text.split("\n"), 1)


def includes_of(text):
    # strings are blanked by without_comments, so only whole-line comments are left out here
    for number, line in lines_of(text):
        found = INCLUDE.match(line)
        if found:
            yield number, found.group(2)


def rule_known_module(path, text):
    module = module_of(path)
    if module and is_c(path) and module not in MODULES:
        yield 1, f"'{module}' is not in the list of modules; add it to MODULES here, to meson.build and to ARCHITECTURE.md"


def rule_include_order(path, text):
    module = module_of(path)
    if not is_c(path) or module not in MODULES:
        return
    for number, name in includes_of(text):
        other = name.split("/")[0]
        if name.startswith("../"):
            yield number, f'write "module/header.h", not "{name}"'
        elif "/" in name and other in MODULES and MODULES.index(other) > MODULES.index(module):
            yield number, f"{module} may not include {name}: {other} comes after it"


def rule_outside_headers(path, text):
    module = module_of(path)
    if not is_c(path) or module is None:
        return
    for number, name in includes_of(text):
        for pattern, allowed in OUTSIDE.items():
            if pattern.match(name) and module not in allowed:
                yield number, f"only {' and '.join(sorted(allowed))} may include {name}"


def rule_banned_functions(path, text):
    if not is_c(path) or not path.startswith("src/"):
        return
    for number, line in lines_of(without_comments(text)):
        for call in BANNED_CALL.finditer(line):
            yield number, f"{call.group(1)}() {BANNED[call.group(1)]}"


def rule_foreign_text(path, text):
    if re.match(r"src/cmd/cli/\w+\.c$", path):
        for found in RAW_PRINT.finditer(text):
            yield text.count("\n", 0, found.start()) + 1, "text from outside could drive the terminal: out_printf(), out_text()"


def rule_registry_hosts(path, text):
    for number, line in lines_of(text):
        found = REGISTRY_HOSTS.search(line)
        if found:
            yield number, f"names a package registry's host, {found.group(0)}; use the client and the package's name"


def rule_machine_paths(path, text):
    for number, line in lines_of(text):
        found = MACHINE_PATHS.search(line)
        if found:
            yield number, f"a path of one machine, {found.group(0)}…"


RULES = {name[5:].replace("_", "-"): f for name, f in list(globals().items()) if name.startswith("rule_")}


def files_of(root):
    run = subprocess.run(["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                         capture_output=True, check=True)
    return sorted({os.fsdecode(p) for p in run.stdout.split(b"\0") if p})


def check(root, files):
    findings = []
    for path in files:
        try:
            text = (root / path).read_text()
        except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
            continue
        for name, rule in RULES.items():
            findings += [(name, f"{path}:{number}: {name}: {what}") for number, what in rule(path, text)]
    return findings


PLANTED = {
    "known-module": [("src/extra/a.c", "int a;\n")],
    "include-order": [
        ("src/base/a.c", '#include "os/file.h"\n'),
        ("src/policy/a.h", '  #  include "query/gate.h"\n'),
        ("src/mesh/a.c", '#include "../base/err.h"\n'),
    ],
    "outside-headers": [
        ("src/ledger/a.c", "#include <sodium.h>\n"),
        ("src/api/a.c", "#include <gnutls/gnutls.h>\n"),
        ("src/table/a.c", '#include "duckdb.h"\n'),
        ("src/mesh/a.c", "#include <sqlite3.h>\n"),
    ],
    "banned-functions": [(f"src/os/{name}.c", f"void f(void)\n{{\n        x = {name} (a);\n}}\n") for name in BANNED],
    "foreign-text": [("src/cmd/cli/a.c", 'printf("%s;\\n", a);\nprintf("%.*s\\n",\n       STR(js_text(e, "name")));\n')],
    "registry-hosts": [("docs/a.md", "see https://files.python" + "hosted.org/x\n"), (".ci/a", "curl registry.npm" + "js.org\n")],
    "machine-paths": [("README.md", "cd /wo" + "rk/main\n"), ("tools/a", "x=/ro" + "ot/.cache\n"), ("src/os/p.c", '"/fa' + 'rm/x"\n')],
}
CLEAN = [
    ("src/os/clean.c", '#include "base/err.h"\n#include "os/file.h"\n#include <seccomp.h>\n'
     '// strcpy(a, b) is banned\n/* system("x") */\nconst char *s = "popen(x)";\nint x = r->rand(1) + my_system(2) + snprintf(a, 1, "");\n'),
    ("src/cmd/cli/clean.c", 'printf("%d; STR(x)", a);\nout_printf("%.*s", STR(b));\nsnprintf(x, 1, "%.*s", STR(b));\n'),
    ("src/net/clean.c", "#include <gnutls/gnutls.h>\n#include <curl/curl.h>\n"),
    ("src/query/clean.c", '#include "duckdb.h"\n#include "store/store.h"\n'),
    ("tests/unit/os/clean.c", "int main(void) { system(\"true\"); }\n"),
    ("docs/clean.md", "The /rooted/ tree, docs/work/x and homework/ are fine.\n"),
]


def self_test():
    passed, failed = 0, []
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        planted = [(rule, *file) for rule, files in PLANTED.items() for file in files]
        for rule, path, text in planted + [(None, *file) for file in CLEAN]:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
            found = {name for name, _ in check(root, [path])}
            if found == ({rule} if rule else set()):
                passed += 1
            else:
                failed.append(f"self-test: {path}: expected {rule}, found {sorted(found)}")
    unplanted = set(RULES) - set(PLANTED)
    failed += [f"self-test: the rule {name} has no planted violation" for name in unplanted]
    return passed, failed


def main(args):
    if args == ["--self-test"]:
        passed, failed = self_test()
        print("\n".join(failed), end="\n" if failed else "")
        print(f"{passed} passed, {len(failed)} failed")
        return 1 if failed else 0
    findings = check(ROOT, files_of(ROOT))
    for _, line in findings:
        print(line)
    broken = {name for name, _ in findings}
    print(f"{len(RULES) - len(broken)} passed, {len(broken)} failed")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
