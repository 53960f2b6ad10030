"""What clients did and were answered, and whether one order of it exists that a correct node could have gone through.

A history is about one key, a person and a table for a purpose. Its state is a set of facts (there is a grant, the person is in the group,
the product is suspended, …); a rule says what somebody who reads then is answered. Writes set facts, reads see the rule's answer.
The history is linearizable when every operation can be given one moment between its call and its answer so that all reads are right
(Herlihy and Wing 1990). The search is Wing and Gong's (1993), with states remembered (Lowe 2017). Two things keep it short: keys are
judged one by one (what is linearizable in each key is in all), and a read that is right now is taken at once: it changes nothing, so
putting it off never helps. Only the order of writes that overlap is tried out."""

import threading
import time
from dataclasses import dataclass, field
from math import inf

READ, WRITE = "read", "write"


@dataclass(frozen=True)
class Op:
    """called and answered by one monotonic clock. A write without an acknowledgement (answered = inf, certain = False) may have come about at
    any time since, or not at all. An expiry is a write of the clock's: called and answered say how exactly its moment is known."""
    kind: str
    called: float
    answered: float
    sets: tuple = ()         # of a write: (fact, value), …
    result: object = None    # of a read
    certain: bool = True
    client: str = ""
    mark: int | None = None      # X-Heddle-Mark of the answer
    demanded: int | None = None  # and of the call
    what: str = ""


@dataclass
class History:
    """Of one key; taken down by many threads."""
    rule: object                      # of the facts, a dict: what a read is answered
    start: dict = field(default_factory=dict)
    ops: list = field(default_factory=list)
    lock: object = field(default_factory=threading.Lock)

    def add(self, op):
        with self.lock:
            self.ops.append(op)

    def record(self, kind, call, client="", **more):
        """call() returns what is known of the operation then (sets, result, certain, mark), or None: nothing came of it, forget it."""
        called = time.monotonic()
        known = call()
        answered = time.monotonic()
        if known is not None:
            self.add(Op(kind, called, inf if known.get("certain") is False else answered, client=client, **more, **known))


def explain(history):
    """None when the history is linearizable; else the reads at which every order gets stuck, as text."""
    ops = sorted(history.ops, key=lambda o: (o.called, o.answered))
    reads = [o for o in ops if o.kind == READ]
    writes = [o for o in ops if o.kind == WRITE]
    seen, deepest = set(), (-1, None)
    todo = [(0, frozenset(), tuple(sorted(history.start.items())), frozenset())]  # reads done up to here, of the later ones, facts, writes
    while todo:
        at, later, facts, written = todo.pop()
        answer = history.rule(dict(facts))
        left = [i for i in range(len(writes)) if i not in written]
        deadline = min((writes[i].answered for i in left), default=inf)  # a write must come before whatever is called behind its answer
        at, later = take_reads(reads, at, later, answer, deadline)
        key = (at, later, facts, written)
        if key in seen:
            continue
        seen.add(key)
        if at > deepest[0]:
            deepest = (at, (facts, answer))
        if at == len(reads) and not any(writes[i].certain for i in left):
            return None
        deadline = min([deadline] + [reads[i].answered for i in range(at, len(reads)) if i not in later])
        for i in reversed(left):
            if writes[i].called <= deadline:
                todo.append((at, later, tuple(sorted({**dict(facts), **dict(writes[i].sets)}.items())), written | {i}))
    return told(history, reads, writes, deepest)


def take_reads(reads, at, later, answer, deadline):
    """All that are right now and that nothing has to come before."""
    taken, i = set(later), at
    while i < len(reads) and reads[i].called <= deadline:
        if i not in taken and reads[i].result == answer:
            taken.add(i)
        if i not in taken:
            deadline = min(deadline, reads[i].answered)
        i += 1
    while at in taken:
        taken.discard(at)
        at += 1
    return at, frozenset(taken)


def told(history, reads, writes, deepest):
    at, (facts, answer) = deepest
    if at >= len(reads):
        return "no order of the writes keeps to their times"
    r = reads[at]
    near = [w for w in writes if w.called < r.answered + 1 and w.answered > r.called - 1]
    return f"{r.result!r} was read by {r.client or '?'} ({r.what}) from {r.called:.4f} to {r.answered:.4f}, where {answer!r} was right by {dict(facts)}; writes around: " + \
        "; ".join(f"{w.what or w.sets} {w.called:.4f}–{w.answered:.4f}{'' if w.certain else ' (not acknowledged)'}" for w in near)


def stale(history, closed):
    """The plainest rule by itself, without any search: reads that were called behind the answer of a write after which nobody may read, and
    answered before the next write was called, and were allowed nevertheless. closed(result): is this the answer of somebody who may not?"""
    writes = sorted((o for o in history.ops if o.kind == WRITE), key=lambda o: o.called)
    found, facts, ended, known = [], dict(history.start), -inf, True
    for n, w in enumerate(writes):
        known = known and w.certain and w.called >= ended  # one after the other, as one writer writes them
        facts, ended = {**facts, **dict(w.sets)}, max(ended, w.answered)
        until = writes[n + 1].called if n + 1 < len(writes) else inf
        if known and closed(history.rule(facts)):
            found += [o for o in history.ops if o.kind == READ and o.called > w.answered and o.answered < until and not closed(o.result)]
    return found


def marks(ops):
    """What is wrong with the marks of answers: a node that is asked behind another answer must not say that it has seen less, a mark that
    was demanded must have been reached, and what one write made others cannot have made (a mark is a count)."""
    found, newest = [], (-1, None)
    marked = [o for o in ops if o.mark is not None]
    by_end = sorted(marked, key=lambda o: o.answered)
    i = 0
    for o in sorted(marked, key=lambda o: o.called):
        while i < len(by_end) and by_end[i].answered < o.called:
            newest = max(newest, (by_end[i].mark, by_end[i].what), key=lambda m: m[0])
            i += 1
        if o.mark < newest[0]:
            found.append(f"mark {o.mark} ({o.what}, {o.client}) behind an answer with {newest[0]} ({newest[1]})")
        if o.demanded is not None and o.mark < o.demanded:
            found.append(f"mark {o.mark} where {o.demanded} was demanded ({o.what}, {o.client})")
    return found
