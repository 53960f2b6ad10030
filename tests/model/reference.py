"""The decision once more, in Python, written from what is demanded (docs/events.md, docs/decisions/0008) and not from the program: who may read what, for which
purpose, when, and how much of it. Slow, plain, and meant to be read. tests/scenario/test_model.py holds a node against it.

A world is what people declared, in order. Nothing is computed when something is declared, everything when it is asked."""

from dataclasses import dataclass, field

BUILT_IN = {
    "classification": ("ordered", ["public", "internal", "confidential", "restricted"]),
    "personal_data": ("choice", ["name", "email", "phone", "address", "birth_date", "national_id", "payment", "location", "health", "online_id", "other"]),
    "environment": ("choice", ["dev", "test", "prod"]),
    "cost_center": ("free", None),
}
MASKS = ["none", "last4", "year", "hash", "constant", "null"]  # from open to closed
FOREVER = float("inf")


# --- tag expressions: ("in", tag, values) | ("and"|"or", a, b) | ("not", a) ---

def matches(expr, tags):
    match expr:
        case ("in", tag, values):
            return tags.get(tag) in values
        case ("and", a, b):
            return matches(a, tags) and matches(b, tags)
        case ("or", a, b):
            return matches(a, tags) or matches(b, tags)
        case ("not", a):
            return not matches(a, tags)
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
    lifted: bool = False


@dataclass
class Answer:
    """None of it counts when not allowed."""
    allowed: bool
    reason: str = ""
    grant: str = ""
    delegation: str = ""
    rows: tuple = ()               # filters that all hold
    columns: dict = field(default_factory=dict)  # name -> "visible" | "masked:<kind>" | "hidden"
    until: float = FOREVER


def refuse(reason):
    return Answer(False, reason)


class World:
    def __init__(self):
        self.people, self.groups, self.products, self.grants, self.delegations = {}, {}, {}, {}, {}
        self.restrictions, self.tag_sets, self.purposes = {}, [], set()
        self.handing_named = set()     # domains
        self.floors = {}               # (product, table, column) -> class that an earlier contract gave

    # --- tags ---

    @staticmethod
    def rank(classification):
        order = BUILT_IN["classification"][1]
        if not classification:
            return -1
        return order.index(classification) if classification in order else len(order)

    def said(self, product, table, column, tag, unapproved):
        """What was last set on this very thing: None when nothing, "" when it was taken away. unapproved: those changes do not count."""
        value = None
        for t in self.tag_sets:
            if (t.product, t.table, t.column, t.tag) == (product, table, column, tag) and t.id not in unapproved:
                value = t.value
        return value

    def tags(self, product, table, column="", unapproved=frozenset()):
        """That count: a thing's own, else its table's, else its product's. The class that a contract gives a column is a floor under what tags say, until
        somebody says something of that very column."""
        out = {}
        for tag in {t.tag for t in self.tag_sets} | {"classification"}:
            inherited = self.said(product, table, "", tag, unapproved) or self.said(product, "", "", tag, unapproved) or ""
            own = self.said(product, table, column, tag, unapproved) if column else None
            value = own or inherited
            if column and tag == "classification" and own is None:
                value = max(self.floors.get((product, table, column), ""), inherited, key=self.rank)
            if value:
                out[tag] = value
        return out

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

    def column_meant(self, r, product, table, column, unapproved):
        """Does it speak of this column?"""
        p = self.products[product]
        if r.product and r.product != product or r.domain and r.domain != p.domain:
            return False
        if not r.classification and r.tags is None:
            return True
        views = [self.tags(product, table, column)] + ([self.tags(product, table, column, unapproved)] if unapproved else [])
        return any((not r.classification or v.get("classification", "").lower() == r.classification.lower())
                   and (r.tags is None or matches(r.tags, v)) for v in views)

    def table_meant(self, r, product, table, unapproved):
        p = self.products[product]
        if r.product and r.product != product or r.domain and r.domain != p.domain:
            return False
        if not r.classification and r.tags is None:
            return True
        if any(self.column_meant(r, product, table, c, unapproved) for c in p.tables[table].columns):
            return True
        views = [self.tags(product, table)] + ([self.tags(product, table, "", unapproved)] if unapproved else [])
        return not r.classification and any(matches(r.tags, v) for v in views)

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
        about = [r for r in self.live() if self.table_meant(r, product, table, frozenset())]
        if any(r.suspend for r in about):
            return refuse("suspended")
        if not own and any(r.freeze and r.domain in (p.domain, who.domain) for r in self.live()):
            return refuse("frozen")
        if any(r.purpose for r in about) and not purpose:
            return refuse("a purpose must be named")
        if own and who.role == "owner":
            return self.answer(product, table, about, None, None, FOREVER)
        best = None
        for g in self.grants.values():
            for d in [None, *self.delegations.values()]:
                a = self.covers(g, d, who, person, product, table, purpose, now, about)
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

    def covers(self, g, d, who, person, product, table, purpose, now, about):
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
            hidden |= {c for c in t.columns if not matches(g.tags, self.tags(product, table, c))}
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
            hidden |= d.hidden
        until = min([g.until] + [g.start + r.max_days * 86400 for r in about if r.max_days])
        if not g.start <= now < until or not self.purpose_covered(g.purposes, purpose, demanded):
            return None
        for r in about:
            if r.approvals and len(self.humans([(g.by, g.by_role), *g.approvals], g.asker, r, p.domain)) < r.approvals:
                return None
        if hidden >= set(t.columns):
            return None
        masks = {c: max([g.masks.get(c, "none"), d.masks.get(c, "none") if d else "none"], key=MASKS.index) for c in t.columns}
        masked = [c for c in t.columns if c not in hidden and masks[c] != "none"]
        rows = tuple(x for x in (g.rows, d.rows if d else "") if x)
        shown_hidden = hidden & set(t.columns)
        order = (bool(shown_hidden or masked or rows), len(shown_hidden), len(masked), bool(rows), d is not None, g.id, d.id if d else "")
        return order, self.answer(product, table, about, g, d, min(until, d.until if d else FOREVER), hidden, masks, rows)

    def answer(self, product, table, about, g, d, until, hidden=frozenset(), masks=None, rows=()):
        t, masks = self.products[product].tables[table], dict(masks or {})
        columns = {}
        for c, col in t.columns.items():
            gone = c in hidden
            mask = masks.get(c, "none")
            for r in about:
                if not self.column_meant(r, product, table, c, frozenset()):
                    continue
                gone |= r.hide
                mask = max([mask, fitting(r.mask, col.type)], key=MASKS.index)
            columns[c] = "hidden" if gone else "visible" if mask == "none" else f"masked:{mask}"
        if all(v == "hidden" for v in columns.values()):
            return refuse("nothing is left")
        return Answer(True, "", g.id if g else "", d.id if d else "", rows, columns, until)


def fitting(mask, type_):
    """A mask that does not suit the type shows nothing."""
    if mask == "last4" and type_ != "VARCHAR":
        return "null"
    if mask == "year" and type_ not in ("DATE", "TIMESTAMP"):
        return "null"
    return mask
