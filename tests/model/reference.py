"""The decision once more, in Python, written from what is demanded (docs/events.md, docs/decisions/0008) and not from the program: who may read what, for which
purpose, when, and how much of it. Slow, plain, and meant to be read. tests/scenario/test_model.py holds a node against it.

A world is what people declared, in order. Nothing is computed when something is declared, everything when it is asked."""

import time
from dataclasses import dataclass, field

BUILT_IN = {
    "classification": ("ordered", ["public", "internal", "confidential", "restricted"]),
    "personal_data": ("choice", ["name", "email", "phone", "address", "birth_date", "national_id", "payment", "location", "health", "online_id", "other"]),
    "environment": ("choice", ["dev", "test", "prod"]),
    "cost_center": ("free", None),
}
NUMBERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE"}
MASKS = ["none", "last4", "year", "hash", "constant", "null"]  # from open to closed
PARTS = ["last4", "year", "hash"]
FOREVER = float("inf")


# --- tag expressions: ("in", tag, values) | ("and"|"or", a, b) | ("not", a) ---

# views: tag -> every value that may count for it, None for having none. One, unless changes wait for approvals.

def fits(expr, views, surely):
    """Whatever of them counts (surely), or for some of it."""
    match expr:
        case ("in", tag, values):
            return (all if surely else any)(v in values for v in views.get(tag, {None}))
        case ("and", a, b):
            return fits(a, views, surely) and fits(b, views, surely)
        case ("or", a, b):
            return fits(a, views, surely) or fits(b, views, surely)
        case ("not", a):
            return not fits(a, views, not surely)
    raise ValueError(expr)


# --- what there is ---

@dataclass
class Person:
    domain: str
    role: str
    human: str
    active: bool = True
    service: bool = False


@dataclass
class Column:
    type: str
    classification: str  # of the contract
    since: int = 0


@dataclass
class Table:
    columns: dict[str, Column]
    since: int = 0


@dataclass
class Product:
    domain: str
    tables: dict[str, Table]
    retired: bool = False


@dataclass
class TagSet:
    id: str
    product: str
    table: str
    column: str
    tag: str
    value: str
    by: str
    seq: int
    before: str | None = None      # what counted for the thing
    approvals: list = field(default_factory=list)  # people, with their roles of then


@dataclass
class Grant:
    id: str
    domain: str                    # whose log it stands in
    product: str = ""              # or tags
    table: str = ""
    tags: tuple | None = None
    future: bool = False
    to: tuple = ("domain", "")     # or person, or (group, name, domain)
    purposes: list = field(default_factory=list)
    start: float = 0
    until: float = FOREVER
    rows: str = ""
    masks: dict = field(default_factory=dict)
    hidden: set = field(default_factory=set)
    via: set = field(default_factory=lambda: {"sql", "api"})
    hours: tuple = ()              # (days of the week, Monday is 0, first minute of the day, minute after the last), UTC
    min_group: int = 0             # aggregates only
    group_by: list = field(default_factory=list)
    unit: str = ""
    row_budget: int = 0
    no_export: bool = False
    by: str = ""
    by_role: str = "owner"
    asker: str = ""                # the person whose request it answers
    approvals: list = field(default_factory=list)
    revoked: bool = False
    seq: int = 0


@dataclass
class Delegation:
    id: str
    domain: str
    grant: str
    to: tuple = ("person", "")
    table: str = ""
    purposes: list = field(default_factory=list)
    start: float = 0
    until: float = FOREVER
    rows: str = ""
    masks: dict = field(default_factory=dict)
    hidden: set = field(default_factory=set)
    via: set = field(default_factory=set)  # none: as the grant
    ended: bool = False


@dataclass
class Restriction:
    id: str
    product: str = ""
    domain: str = ""
    classification: str = ""
    tags: tuple | None = None
    mask: str = "none"
    hide: bool = False
    max_days: int = 0
    approvals: int = 0
    roles: set = field(default_factory=set)
    people: set = field(default_factory=set)
    purpose: bool = False
    handing: bool = False
    suspend: bool = False
    freeze: bool = False
    level: int = 0
    lifted: bool = False


@dataclass
class Answer:
    """None of it counts when not allowed."""
    allowed: bool
    reason: str = ""
    grant: str = ""
    delegation: str = ""
    rows: tuple = ()               # filters that all hold
    columns: dict = field(default_factory=dict)  # name -> "visible" | "masked:<kind>" | "hidden" | "mean"
    until: float = FOREVER


def refuse(reason):
    return Answer(False, reason)


class World:
    def __init__(self):
        self.people, self.groups, self.products, self.grants, self.delegations = {}, {}, {}, {}, {}
        self.restrictions, self.tag_sets, self.purposes = {}, [], set()
        self.handing_named = set()     # domains
        self.floors = {}               # (product, table, column) -> class that an earlier contract gave
        self.level = 3                 # of the sandbox

    # --- tags ---

    @staticmethod
    def rank(classification):
        order = BUILT_IN["classification"][1]
        if not classification:
            return -1
        return order.index(classification) if classification in order else len(order)

    def said(self, product, table, column, tag):
        """What was last set on this very thing: None when nothing, "" when it was taken away."""
        value = None
        for t in self.tag_sets:
            if (t.product, t.table, t.column, t.tag) == (product, table, column, tag):
                value = t.value
        return value

    def tags(self, product, table, column=""):
        """That count: a thing's own, else its table's, else its product's. The class that a contract gives a column is a floor under what tags say, until
        somebody says something of that very column."""
        out = {}
        for tag in {t.tag for t in self.tag_sets} | {"classification"}:
            inherited = self.said(product, table, "", tag) or self.said(product, "", "", tag) or ""
            own = self.said(product, table, column, tag) if column else None
            value = own or inherited
            if column and tag == "classification" and own is None:
                value = max(self.floors.get((product, table, column), ""), inherited, key=self.rank)
            if value:
                out[tag] = value
        return out

    # --- changes of tags that wait ---

    def reaches(self, t, table, column):
        """Does this change matter to it? Not where a thing further down says itself what the tag is."""
        if t.column:
            return t.column == column
        if column and self.said(t.product, table, column, t.tag):
            return False
        return bool(t.table) or not self.said(t.product, table, "", t.tag)

    def views(self, product, table, column, waiting, everywhere=()):
        """What may count: that which does, and what did before each change that waits. everywhere: these whatever they are about."""
        out = {tag: {value} for tag, value in self.tags(product, table, column).items()}
        for t in [*(t for t in waiting if self.reaches(t, table, column)), *everywhere]:
            out.setdefault(t.tag, {None}).add(t.before)
        return out

    def standing(self, t, table, waiting):
        """Whether policy demands approvals of a change, when what it was about before is looked at too, and whether it has them."""
        p = self.products[t.product]
        demand = [r for r in self.live() if r.approvals and self.table_meant(r, t.product, table, waiting, [*waiting, t])]
        stands = [(t.by, self.people[t.by].role), *t.approvals]
        if any(len(self.humans(stands, "", r, p.domain)) < r.approvals for r in demand):
            return "unapproved"
        return "approved" if demand else "undemanded"

    def waiting(self, product, table):
        """The changes about a table that policy has not seen approved: of each tag of each thing from the newest down to the oldest that is not; one that was
        demanded and is approved ends the search. What counted before may bring more demands in, so again until nothing is added."""
        waiting = []
        while True:
            found, seen = [], set()
            for newest in reversed([t for t in self.tag_sets if t.product == product and t.table in ("", table)]):
                thing = (newest.table, newest.column, newest.tag)
                if thing in seen:
                    continue
                seen.add(thing)
                chain, deepest = [t for t in reversed(self.tag_sets) if t.product == product and (t.table, t.column, t.tag) == thing], 0
                for depth, t in enumerate(chain, 1):
                    standing = self.standing(t, table, waiting)
                    if standing == "approved":
                        break
                    if standing == "unapproved":
                        deepest = depth
                found += chain[:deepest]
            more = [t for t in found if t not in waiting]
            if not more:
                return waiting
            waiting += more

    # --- approvals ---

    def humans(self, approvals, asker, restriction, domain):
        """Different humans who count for this restriction: (person, role of then)."""
        roles = restriction.roles or (set() if restriction.people else {"owner", "steward"})
        asker_human = self.people[asker].human if asker else None
        return {self.people[p].human for p, role in approvals
                if not self.people[p].service and self.people[p].human != asker_human
                and ((self.people[p].domain == domain and role in roles) or p in restriction.people)}

    # --- restrictions ---

    def live(self):
        return [r for r in self.restrictions.values() if not r.lifted]

    def meant(self, r, product, views):
        """Does it speak of something with these tags? What may count is enough."""
        p = self.products[product]
        if r.product and r.product != product or r.domain and r.domain != p.domain:
            return False
        classes = {(v or "").lower() for v in views.get("classification", {None})}
        return (not r.classification or r.classification.lower() in classes) and (r.tags is None or fits(r.tags, views, False))

    def table_meant(self, r, product, table, waiting, everywhere=()):
        return any(self.meant(r, product, self.views(product, table, c, waiting, everywhere)) for c in ["", *self.products[product].tables[table].columns])

    # --- the decision ---

    def decide(self, person, product, table, purpose, now):
        who, p = self.people[person], self.products[product]
        t = p.tables[table]
        if not who.active:
            return refuse("no longer a member")
        if p.retired:
            return refuse("retired")
        if purpose and self.purposes and purpose not in self.purposes:
            return refuse("unknown purpose")
        own = p.domain == who.domain
        waiting = self.waiting(product, table)
        about = [r for r in self.live() if self.table_meant(r, product, table, waiting)]
        if any(r.suspend for r in about):
            return refuse("suspended")
        if not own and any(r.freeze and r.domain in (p.domain, who.domain) for r in self.live()):
            return refuse("frozen")
        if any(r.purpose for r in about) and not purpose:
            return refuse("a purpose must be named")
        if any(r.level > self.level for r in about):
            return refuse("the sandbox is too low")
        if own and who.role == "owner":
            return self.answer(product, table, about, waiting, None, None, FOREVER)
        best = None
        for g in self.grants.values():
            for d in [None, *self.delegations.values()]:
                a = self.covers(g, d, who, person, product, table, purpose, now, about, waiting)
                if a is not None and (best is None or a[0] < best[0]):
                    best = a
        return best[1] if best else refuse("no grant covers it")

    def addressed(self, to, person, who):
        kind, *rest = to
        if kind == "person":
            return rest[0] == person
        if kind == "group":
            name, domain = rest
            return who.domain == domain and person in self.groups.get((domain, name), set())
        return rest[0] == who.domain

    def purpose_covered(self, purposes, purpose, demanded):
        for q in purposes:
            if q == "*" and not demanded:
                return True
            if q != "*" and purpose and (purpose == q or purpose.startswith(q + "/")):
                return True
        return False

    @staticmethod
    def within_hours(hours, now):
        if not hours:
            return True
        days, first, after = hours
        at = time.gmtime(now)
        return at.tm_wday in days and first <= at.tm_hour * 60 + at.tm_min < after

    def covers(self, g, d, who, person, product, table, purpose, now, about, waiting):
        p, t = self.products[product], self.products[product].tables[table]
        if g.domain != p.domain or g.revoked:
            return None
        demanded = any(r.purpose for r in about)
        added_later = {c for c, col in t.columns.items() if col.since > g.seq}
        hidden = set(g.hidden)
        if g.tags is None:
            if g.product != product or (g.table and g.table != table):
                return None
        else:
            if not g.future and t.since > g.seq:
                return None
            hidden |= {c for c in t.columns if not fits(g.tags, self.views(product, table, c, waiting), True)}
            if not g.future:
                hidden |= added_later
        if d is None:
            if not self.addressed(g.to, person, who):
                return None
            if g.to[0] == "domain" and who.role != "owner" and (who.domain in self.handing_named or any(r.handing for r in about)):
                return None
        else:
            to_domain = {"domain": g.to[1], "group": g.to[-1]}.get(g.to[0], self.people[g.to[1]].domain if g.to[0] == "person" else "")
            if d.ended or d.grant != g.id or d.domain != who.domain or to_domain != who.domain or g.to[0] == "person":
                return None
            if not self.addressed(d.to, person, who) or (d.table and d.table != table):
                return None
            if not d.start <= now < d.until or (d.purposes and not self.purpose_covered(d.purposes, purpose, demanded)):
                return None
            if d.rows and named(d.rows) in t.columns and not self.seen_plain(g, hidden, named(d.rows), product, table, about, waiting):
                return None
            hidden |= d.hidden
        if "sql" not in g.via or (d and d.via and "sql" not in d.via) or not self.within_hours(g.hours, now):
            return None
        until = min([g.until] + [g.start + r.max_days * 86400 for r in about if r.max_days])
        if not g.start <= now < until or not self.purpose_covered(g.purposes, purpose, demanded):
            return None
        for r in about:
            if r.approvals and len(self.humans([(g.by, g.by_role), *g.approvals], g.asker, r, p.domain)) < r.approvals:
                return None
        if hidden >= set(t.columns):
            return None
        if any(named(f) not in t.columns for f in (g.rows, d.rows if d else "") if f) or (g.min_group and not self.groups_hold(g, d, t, hidden)):
            return None
        masks = {c: stricter(g.masks.get(c, "none"), d.masks.get(c, "none") if d else "none") for c in t.columns}
        masked = [c for c in t.columns if c not in hidden and masks[c] != "none"]
        rows = tuple(x for x in (g.rows, d.rows if d else "") if x)
        shown_hidden = hidden & set(t.columns)
        order = (g.min_group > 0, bool(shown_hidden or masked or rows), len(shown_hidden), len(masked), bool(rows), g.no_export, g.row_budget > 0, d is not None, g.id,
                 d.id if d else "")
        return order, self.answer(product, table, about, waiting, g, d, min(until, d.until if d else FOREVER), hidden, masks, rows)

    def seen_plain(self, g, hidden, column, product, table, about, waiting):
        """Who hands on sees it as it is: neither the grant nor the center masks or hides it. Else a filter would tell what stands there."""
        if column in hidden or g.masks.get(column, "none") != "none":
            return False
        return not any((r.hide or r.mask != "none") and self.meant(r, product, self.views(product, table, column, waiting)) for r in about)

    @staticmethod
    def groups_hold(g, d, t, hidden):
        """The table has what groups are made of, and who handed the grant on changes nothing of it: not what they show, and not which rows are in them."""
        if any(c not in t.columns for c in [*g.group_by, *([g.unit] if g.unit else [])]) or hidden & set(g.group_by):
            return False
        if d and any(d.masks.get(c, "none") != "none" for c in g.group_by):
            return False
        return not (d and d.rows) or (named(d.rows) in g.group_by and not set(g.group_by) & set(g.masks))

    def answer(self, product, table, about, waiting, g, d, until, hidden=frozenset(), masks=None, rows=()):
        t, masks = self.products[product].tables[table], dict(masks or {})
        columns = {}
        for c, col in t.columns.items():
            gone = c in hidden
            mask = masks.get(c, "none")
            for r in about:
                if not self.meant(r, product, self.views(product, table, c, waiting)):
                    continue
                gone |= r.hide
                mask = stricter(mask, fitting(r.mask, col.type))
            columns[c] = "hidden" if gone else "visible" if mask == "none" else f"masked:{mask}"
            if g and g.min_group and c in g.group_by:
                if gone or mask != masks.get(c, "none"):
                    return refuse("the center would change the groups")
            elif g and g.min_group:  # numbers as their means, and nothing else
                columns[c] = "mean" if columns[c] == "visible" and col.type in NUMBERS and c != g.unit else "hidden"
        if all(v == "hidden" for v in columns.values()):
            return refuse("nothing is left")
        return Answer(True, "", g.id if g else "", d.id if d else "", rows, columns, until)


def named(rows):
    """The column of a filter; here all are `column > value`."""
    return rows.split()[0]


def stricter(a, b):
    """Of two that each tell a part, neither tells less: then nothing is told."""
    other, later = sorted((a, b), key=MASKS.index)
    return "constant" if later in PARTS and other in PARTS and other != later else later


def fitting(mask, type_):
    """A mask that does not suit the type shows nothing."""
    if mask == "last4" and type_ != "VARCHAR":
        return "null"
    if mask == "year" and type_ not in ("DATE", "TIMESTAMP"):
        return "null"
    return mask
