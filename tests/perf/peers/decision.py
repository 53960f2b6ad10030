#!/usr/bin/env python3
"""The decision beside OPA and Cedar: the same grants, the same questions, the same verdicts.

  tests/perf/peers/decision.py BENCH_DECIDE [--grants N] [--rounds N]

BENCH_DECIDE is the benchmark's program: it tells its grants, questions and verdicts as JSON lines. A peer is left out, with a word, where it is not
installed (`opa` on the PATH: `go install github.com/open-policy-agent/opa@v1.22.2`; the module `cedarpy`: `pip install --target DIR cedarpy==4.12.2`
and PYTHONPATH=DIR); one whose verdicts differ is no peer, and the run fails. Times are of one verdict, without reading
policies, in turns; Cedar's is what more questions in one batch take more. Prints JSON."""

import argparse
import collections
import importlib.util
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REGO = Path(__file__).with_name("decision.rego")
SHOWN, CEDAR_FEW, CEDAR_MANY, OPA_TIMED = 400, 10, 60, 3


def told(program, grants, folder):
    out = folder / "told.jsonl"
    subprocess.run([program, str(grants), str(grants // 10), out], check=True, stdout=subprocess.DEVNULL)
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    return {kind: [x for x in lines if kind in x and next(iter(x)) == kind] for kind in ("grant", "delegation", "restriction", "question")}


def purposes(grant):
    return ["marketing", "audit"] if grant["audit"] else ["marketing"]


def principals(q):
    """A domain that hands on by name: what was granted to it is not for all."""
    return [q["question"], q["group"]] + ([q["domain"]] if q["handed"] else [])


def tag_of(grant):
    return re.search(r"cc_\d+", grant["tags"])[0]


# --- OPA ---

class Opa:
    name = "OPA"

    def __init__(self, world, folder):
        self.folder, self.questions = folder, world["question"]
        data = {"grants": {}, "by_tag": {}, "handed_on": {}, "closed": {r["product"]: True for r in world["restriction"]}}
        grants = {g["grant"]: g for g in world["grant"]}

        def put(where, *keys):
            for key in keys[:-1]:
                where = where.setdefault(key, {})
            return where.setdefault(keys[-1], [])

        for g in grants.values():
            one = {"table": g["table"], "until": g["until"], "purposes": purposes(g)}
            (put(data["by_tag"], str(g["producer"]), tag_of(g), g["to"]) if g["tags"] else put(data["grants"], g["product"], g["to"])).append(one)
        for d in world["delegation"]:
            g = grants[d["grant"]]
            put(data["handed_on"], g["product"], d["to"]).append({"table": g["table"], "until": g["until"], "purposes": purposes(g)})
        (folder / "data.json").write_text(json.dumps(data))

    def input(self, q):
        return {"product": q["product"], "producer": str(q["producer"]), "table": q["table"], "tag": q["tag"], "now": q["now"],
                "purpose": "marketing/campaigns", "principals": principals(q), "groups": [q["group"]]}

    def verdicts(self, questions):
        """All in one evaluation: each question takes the place of `input`."""
        (self.folder / "questions.json").write_text(json.dumps({"questions": [self.input(q) for q in questions]}))
        done = subprocess.run(["opa", "eval", "-d", REGO, "-d", self.folder / "data.json", "-d", self.folder / "questions.json", "--format", "json",
                               "[v | some q in data.questions; v := data.heddle.allow with input as q]"], check=True, capture_output=True, text=True)
        return json.loads(done.stdout)["result"][0]["expressions"][0]["value"]

    def time_ns(self, round_):
        times = []
        for i in range(OPA_TIMED):
            one = self.folder / "input.json"
            one.write_text(json.dumps(self.input(self.questions[round_ * OPA_TIMED + i])))
            done = subprocess.run(["opa", "bench", "-d", REGO, "-d", self.folder / "data.json", "-i", one, "--format", "json", "--benchmem=false", "data.heddle.allow"],
                                  check=True, capture_output=True, text=True)
            result = json.loads(done.stdout)
            times.append(result["T"] / result["N"])
        return statistics.median(times)


# --- Cedar ---

class Cedar:
    name = "Cedar"

    def __init__(self, world, folder):
        import cedarpy
        self.cedar, self.questions = cedarpy, world["question"]
        grants = {g["grant"]: g for g in world["grant"]}
        rules = [self.permit(g, g["to"]) for g in grants.values()]
        rules += [self.permit(grants[d["grant"]], d["to"]) for d in world["delegation"]]
        rules += [f'forbid(principal, action, resource in Thing::"{r["product"]}");' for r in world["restriction"]]
        self.policies = "\n".join(rules)

    @staticmethod
    def permit(g, to):
        if g["tags"]:
            thing = f'in Thing::"{g["producer"]}/{tag_of(g)}"'
        elif g["table"]:
            thing = f'== Thing::"{g["product"]}/{g["table"]}"'
        else:
            thing = f'in Thing::"{g["product"]}"'
        names = ", ".join(f'"{p}"' for p in purposes(g))
        return (f'permit(principal in Who::"{to}", action == Action::"sql", resource {thing}) '
                f'when {{ context.purposes.containsAny([{names}]) && context.now < {g["until"]} }};')

    def entities(self, questions):
        all_ = {}
        for q in questions:
            table = f'{q["product"]}/{q["table"]}'
            up = [("Thing", q["product"]), ("Thing", f'{q["producer"]}/{q["tag"]}')]
            all_["Thing", table] = up
            all_["Who", q["question"]] = [("Who", p) for p in principals(q)[1:]]
            for other in up + all_["Who", q["question"]]:
                all_.setdefault(other, [])
        return [{"uid": {"type": t, "id": i}, "attrs": {}, "parents": [{"type": a, "id": b} for a, b in up]} for (t, i), up in all_.items()]

    def ask(self, questions):
        requests = [{"principal": f'Who::"{q["question"]}"', "action": 'Action::"sql"', "resource": f'Thing::"{q["product"]}/{q["table"]}"',
                     "context": {"purposes": ["marketing", "marketing/campaigns"], "now": q["now"]}} for q in questions]
        return self.cedar.is_authorized_batch(requests, self.policies, self.entities(questions))

    def verdicts(self, questions):
        return [r.decision == self.cedar.Decision.Allow for r in self.ask(questions)]

    def time_ns(self, round_):
        def seconds(n):
            start = time.perf_counter()
            self.ask(self.questions[round_ * CEDAR_MANY:][:n])
            return time.perf_counter() - start
        return (seconds(CEDAR_MANY) - seconds(CEDAR_FEW)) / (CEDAR_MANY - CEDAR_FEW) * 1e9


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--grants", type=int, default=10000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        world = told(options.program, options.grants, folder)
        there = {Opa: shutil.which("opa"), Cedar: importlib.util.find_spec("cedarpy")}
        peers = [peer(world, folder) for peer, found in there.items() if found]
        for peer in (p for p, found in there.items() if not found):
            print(f"{peer.name} is not installed: left out", file=sys.stderr)
        asked = world["question"][:SHOWN]
        expected = [q["allow"] for q in asked]
        for peer in peers:
            wrong = [q for q, v in zip(asked, peer.verdicts(asked), strict=True) if v != q["allow"]]
            if wrong:
                sys.exit(f"{peer.name} decides {len(wrong)} of {len(asked)} otherwise, first {wrong[0]}")
        times = collections.defaultdict(list)
        for round_ in range(options.rounds):
            times["Heddle"].append(statistics.median(q["ns"] for q in world["question"][round_ * SHOWN:][:SHOWN]))
            for peer in peers:
                times[peer.name].append(peer.time_ns(round_))
        ours = statistics.median(times["Heddle"])
        print(json.dumps({"grants": options.grants, "questions": len(asked), "allowed": sum(expected), "us": {k: round(statistics.median(v) / 1000, 2) for k, v in times.items()},
                          "ratio": {k: round(statistics.median(v) / ours, 1) for k, v in times.items() if k != "Heddle"}}))


if __name__ == "__main__":
    main()
