"""A node against the reference model (tests/model/reference.py): people do what comes to their minds, and after each step the node must decide as the model does."""

import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
import requests
from harness import SANITIZED, Column, Node, contract, parquet
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

sys.path.insert(0, str(Path(__file__).parent.parent / "model"))
import reference as ref  # noqa: E402

EXAMPLES = int(os.environ.get("HEDDLE_MODEL_EXAMPLES", 2 if SANITIZED else 12))
STEPS = 40
QUESTIONS = 10  # asked after each step; all that can be asked at the end

PEOPLE = {  # name: (domain, role, human, service)
    "sam": ("sales", "owner", "sam", False), "sue": ("sales", "owner", "sue", False), "ivan": ("sales", "owner", "ivy", False),
    "stan": ("sales", "steward", "stan", False), "eve": ("sales", "engineer", "eve", False), "bot_s": ("sales", "engineer", "bot_s", True),
    "ivy": ("insights", "owner", "ivy", False), "ana": ("insights", "analyst", "ana", False), "abe": ("insights", "analyst", "abe", False),
    "bot": ("insights", "analyst", "bot", True), "olga": ("outside", "owner", "olga", False), "otto": ("outside", "analyst", "otto", False),
}
TABLES = {
    "orders": {"order_id": ("BIGINT", "integer", ""), "customer": ("VARCHAR", "string", "confidential"), "day": ("DATE", "date", ""), "note": ("VARCHAR", "string", "restricted")},
    "returns": {"order_id": ("BIGINT", "integer", ""), "why": ("VARCHAR", "string", "")},
}
LATER = {"plans": {"plan_id": ("BIGINT", "integer", ""), "text": ("VARCHAR", "string", "internal")}}
PURPOSES = ["marketing", "marketing/email", "risk"]
CLASSES = ["public", "internal", "confidential", "restricted"]
EXPRESSIONS = {  # as people write them: as the model takes them, for a grant and for a restriction
    "classification <= internal": ("in", "classification", ["public", "internal"]),
    "classification = restricted": ("in", "classification", ["restricted"]),
    "environment = prod": ("in", "environment", ["prod"]),
    "classification <= confidential and environment = prod": ("and", ("in", "classification", ["public", "internal", "confidential"]), ("in", "environment", ["prod"])),
    "environment in (prod, test) or classification = public": ("or", ("in", "environment", ["prod", "test"]), ("in", "classification", ["public"])),
}
TERMS = ["", "", "", "no_export", "row_budget", "hours_open", "hours_closed", "no_sql", "groups", "groups_of_units"]
NEGATIVE = {"not classification = public": ("not", ("in", "classification", ["public"])), "environment != prod": ("not", ("in", "environment", ["prod"]))}


def hours(kind):
    """Around this moment, or far from it, so that no midnight makes a difference: as the door takes them and as the model does."""
    today = time.gmtime().tm_wday
    days = {(today + k) % 7 for k in ((-1, 0, 1) if kind == "hours_open" else (2, 3, 4))}
    return ",".join("mon tue wed thu fri sat sun".split()[d] for d in sorted(days)) + "/00:00-24:00", (days, 0, 1440)


def terms(kind):
    """What of a grant is said to the door, and to the model."""
    if kind.startswith("hours"):
        text, model = hours(kind)
        return {"hours": text}, {"hours": model}
    if kind.startswith("groups"):
        said = {"min_group": 3, "group_by": ["order_id"]} | ({"unit": "customer"} if kind == "groups_of_units" else {})
        return said, said
    return {"": ({}, {}), "no_export": ({"no_export": True}, {"no_export": True}), "row_budget": ({"row_budget": 1000}, {"row_budget": 1000}),
            "no_sql": ({"via": ["api", "files"]}, {"via": {"api", "files"}})}[kind]


def template(folder):
    """A stopped node with everybody on it and one product."""
    node = Node(folder / "template").start()
    try:
        for domain, owner in (("sales", "sam"), ("insights", "ivy"), ("outside", "olga")):
            node.new_domain(domain, owner)
        owner_of = {"sales": "sam", "insights": "ivy", "outside": "olga"}
        for name, (domain, role, human, service) in PEOPLE.items():
            if name in owner_of.values():
                continue
            if service:
                node.heddle("service", "add", name, "--domain", domain, "--role", role, as_=owner_of[domain])
            else:
                same = ["--same-human-as", human] if human != name else []
                node.heddle("user", "add", name, "--domain", domain, "--role", role, *same, as_=owner_of[domain])
        for name, tables in (("orders", TABLES), ("later", LATER)):
            contract(node.folder / f"{name}.yaml", "sales", name,
                     {t: [Column(c, logical, classification) for c, (_, logical, classification) in columns.items()] for t, columns in tables.items()})
            for t, columns in tables.items():
                parquet(node.folder / f"{t}.parquet", "select " + ", ".join(f"null::{type_} as {c}" for c, (type_, _, _) in columns.items()) + " from range(2)")
        publish(node, "orders", TABLES)
    finally:
        assert node.stop() == 0
    return node


def publish(node, name, tables):
    data = [w for t in tables for w in ("--data", f"{t}={node.folder / t}.parquet")]
    return node.run("publish", node.folder / f"{name}.yaml", *data, "--json", as_="sam")


class People(RuleBasedStateMachine):
    base = None      # the template, set by the test
    planted = None   # a change of the model, to see that the comparison notices

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.node = Node(Path(self.folder.name) / "n")
        subprocess.run(["cp", "-a", f"{self.base.folder}/.", self.node.folder], check=True)
        self.node.start()
        self.session = requests.Session()
        self.world = ref.World()
        self.world.level = min(int(r["sandbox"][1:]) for r in self.node.heddle("status")["roles"] if r.get("sandbox"))
        self.seq, self.random = 1, random.Random(1)
        self.tokens = {n: self.node.token(n) for n in PEOPLE} | {"admin": self.node.admin_token}
        for name, (domain, role, human, service) in PEOPLE.items():
            self.world.people[name] = ref.Person(domain, role, human, True, service)
        self.product("orders", TABLES)
        self.log = []

    def product(self, name, tables):
        self.world.products[f"sales.{name}"] = ref.Product("sales", {
            t: ref.Table({c: ref.Column(type_, classification, self.seq) for c, (type_, _, classification) in columns.items()}, self.seq)
            for t, columns in tables.items()})
        for t, columns in tables.items():
            for c, (_, _, classification) in columns.items():
                self.world.floors[f"sales.{name}", t, c] = classification
        self.seq += 1

    def teardown(self):
        with contextlib.suppress(AttributeError):
            try:
                self.compare(self.questions())
            finally:
                self.session.close()
                self.node.stop()
                self.folder.cleanup()

    def call(self, who, method, path, **body):
        answer = self.session.request(method, self.node.url + path, headers={"Authorization": f"Bearer {self.tokens[who]}"},
                                      json=body if method == "POST" else None, params=body if method == "GET" else None, timeout=60)
        assert answer.status_code < 500, answer.text
        self.log.append(f"{who}: {method} {path} {body} -> {answer.status_code}")
        self.seq += 1
        return answer.json() if answer.ok else None

    # --- what people do ---

    @rule(who=st.sampled_from(["sam", "sue", "ivan"]), what=st.sampled_from(["sales.orders", "sales.orders.orders", "sales.orders.returns", *EXPRESSIONS]),
          to=st.sampled_from(["domain:insights", "domain:outside", "user:ana", "user:otto", "group:insights.team"]), future=st.booleans(),
          purposes=st.lists(st.sampled_from(PURPOSES), min_size=1, max_size=2, unique=True) | st.just(["*"]),
          masks=st.dictionaries(st.sampled_from(["customer", "note", "day"]), st.sampled_from(["hash", "null", "constant"]), max_size=2),
          hide=st.sets(st.sampled_from(["order_id", "why", "note"]), max_size=2), rows=st.sampled_from(["", "order_id > 5"]), term=st.sampled_from(TERMS))
    def grant(self, who, what, to, future, purposes, masks, hide, rows, term):
        by_tags = what in EXPRESSIONS
        if by_tags or what != "sales.orders.orders":
            masks, rows = {}, ""  # the door knows only columns of a table that is named
        if by_tags:
            hide = set()
        said, meant = terms(term)
        body = {"to": to, "purpose": ",".join(purposes)} | said
        if by_tags:
            body |= {"tags": what, "in": "sales"} | ({"future": True, "until": "2099-12-31"} if future else {})
        else:
            body |= {"object": what} | ({"masks": masks} if masks else {}) | ({"hide": sorted(hide)} if hide else {}) | ({"rows": rows} if rows else {})
        answer = self.call(who, "POST", "/api/v1/grants", **body)
        if answer:
            kind, name = to.split(":")
            target = {"domain": ("domain", name), "user": ("person", name), "group": ("group", name.partition(".")[2], name.partition(".")[0])}[kind]
            product, table = ("", "") if by_tags else (what, "") if what.count(".") == 1 else what.rsplit(".", 1)
            self.world.grants[answer["id"]] = ref.Grant(
                answer["id"], "sales", product, table, EXPRESSIONS.get(what), by_tags and future, target, purposes, rows=rows if not by_tags else "",
                masks=masks, hidden=set(hide), by=who, seq=self.seq, start=time.time() - 5, until=4102444800 if by_tags and future else ref.FOREVER, **meant)

    @precondition(lambda self: self.world.grants)
    @rule(which=st.integers(0, 99), who=st.sampled_from(["sam", "eve", "ivy"]))
    def revoke(self, which, who):
        grant = self.pick(self.world.grants, which)
        if self.call(who, "DELETE", f"/api/v1/grants/{grant.id}"):
            assert who == "sam", "only an owner of the producer revokes"
            grant.revoked = True

    @rule(who=st.sampled_from(["ana", "ivy", "otto"]), purpose=st.sampled_from(PURPOSES), by=st.sampled_from(["sam", "sue", "ivan", "stan", "eve"]))
    def ask_and_approve(self, who, purpose, by):
        asked = self.call(who, "POST", "/api/v1/requests", product="sales.orders", purpose=purpose)
        if not asked:
            return
        answer = self.call(by, "POST", f"/api/v1/requests/{asked['id']}/approve")
        if answer:
            assert self.world.people[by].human != self.world.people[who].human, "nobody approves their own request"
            person = self.world.people[by]
            assert person.role == "owner"
            self.world.grants[answer["grant"]] = ref.Grant(answer["grant"], "sales", "sales.orders", to=("domain", self.world.people[who].domain), purposes=[purpose],
                                                           by=by, by_role=person.role, asker=who, seq=self.seq, start=time.time() - 5)

    @precondition(lambda self: self.world.grants)
    @rule(which=st.integers(0, 99), by=st.sampled_from(list(PEOPLE)))
    def approve(self, which, by):
        grant = self.pick(self.world.grants, which)
        if self.call(by, "POST", f"/api/v1/grants/{grant.id}/approve"):
            grant.approvals.append((by, self.world.people[by].role))

    @precondition(lambda self: self.world.grants)
    @rule(which=st.integers(0, 99), who=st.sampled_from(["ivy", "olga", "ana"]), to=st.sampled_from(["user:ana", "user:abe", "group:team", "user:otto", "service:bot"]),
          purposes=st.lists(st.sampled_from(PURPOSES), max_size=1), hide=st.sets(st.sampled_from(["order_id", "why"]), max_size=1),
          less=st.sampled_from([{}, {}, {"table": "orders"}, {"rows": "order_id > 7"}, {"masks": {"order_id": "hash"}}, {"via": ["api"]}, {"via": ["sql"]}]))
    def delegate(self, which, who, to, purposes, hide, less):
        grant = self.pick(self.world.grants, which)
        body = {"to": to} | ({"purpose": ",".join(purposes)} if purposes else {}) | ({"hide": sorted(hide)} if hide else {}) | less
        answer = self.call(who, "POST", f"/api/v1/grants/{grant.id}/delegations", **body)
        if answer:
            assert self.world.people[who].role == "owner"
            kind, name = to.split(":")
            domain = self.world.people[who].domain
            target = ("group", name, domain) if kind == "group" else ("person", name)
            self.world.delegations[answer["id"]] = ref.Delegation(
                answer["id"], domain, grant.id, target, less.get("table", ""), purposes, rows=less.get("rows", ""), masks=less.get("masks", {}), hidden=set(hide), via=set(less.get("via", [])))

    @precondition(lambda self: self.world.delegations)
    @rule(which=st.integers(0, 99), who=st.sampled_from(["ivy", "olga"]))
    def undelegate(self, which, who):
        delegation = self.pick(self.world.delegations, which)
        if self.call(who, "DELETE", f"/api/v1/delegations/{delegation.id}"):
            delegation.ended = True

    @rule(named=st.booleans(), who=st.sampled_from(["ivy", "olga"]))
    def handing(self, named, who):
        domain = self.world.people[who].domain
        if self.call(who, "POST", f"/api/v1/domains/{domain}/settings", handing="named" if named else "everyone"):
            (self.world.handing_named.add if named else self.world.handing_named.discard)(domain)

    @rule(who=st.sampled_from(["ana", "abe", "bot"]), leave=st.booleans())
    def group(self, who, leave):
        if ("insights", "team") not in self.world.groups and self.call("ivy", "POST", "/api/v1/groups", name="team"):
            self.world.groups["insights", "team"] = set()
        path = "/api/v1/groups/team/members"
        if leave:
            if self.call("ivy", "DELETE", f"{path}/{who}"):
                self.world.groups["insights", "team"].discard(who)
        elif self.call("ivy", "POST", path, person=who):
            self.world.groups["insights", "team"].add(who)

    @rule(who=st.sampled_from(["sam", "sue", "eve", "stan"]), thing=st.sampled_from(["sales.orders", "sales.orders.orders", "sales.orders.returns", "sales.orders.orders.note",
                                                                                     "sales.orders.orders.customer", "sales.orders.returns.why"]),
          tag=st.sampled_from([("classification", c) for c in CLASSES] + [("environment", "prod"), ("environment", "test"), ("environment", ""), ("classification", "")]))
    def tag(self, who, thing, tag):
        name, value = tag
        parts = thing.split(".")
        table, column = (parts[2:] + ["", ""])[:2]
        before = self.before("sales.orders", table, column, name)
        answer = self.call(who, "POST", "/api/v1/tags", object=thing, tag=name, **({"value": value} if value else {}))
        if answer:
            self.world.tag_sets.append(ref.TagSet(answer["id"], "sales.orders", table, column, name, value, who, self.seq, before))

    def before(self, product, table, column, tag):
        return self.world.tags(product, table, column).get(tag)

    @precondition(lambda self: self.world.tag_sets)
    @rule(which=st.integers(0, 99), by=st.sampled_from(list(PEOPLE)))
    def approve_tag(self, which, by):
        change = self.world.tag_sets[-1 - which % min(3, len(self.world.tag_sets))]
        if self.call(by, "POST", f"/api/v1/tag-changes/{change.id}/approve"):
            change.approvals.append((by, self.world.people[by].role))

    @rule(effect=st.sampled_from([{"mask": "hash"}, {"mask": "null"}, {"hide": True}, {"suspend": True}, {"purpose": True}, {"handing": True}, {"max_days": 1},
                                  {"approvals": {"count": 2}}, {"approvals": {"count": 1, "roles": ["steward"]}}, {"approvals": {"count": 2, "roles": ["owner"]}},
                                  {"approvals": {"count": 1, "people": ["olga"]}}, {"level": 3}, {"freeze": True}]),
          scope=st.sampled_from([{"product": "sales.orders"}, {"domain": "sales"}, {"domain": "outside"}, {"classification": "restricted"}, {"tags": "classification >= confidential"}, *({"tags": e} for e in NEGATIVE)]))
    def restrict(self, effect, scope):
        n = len(self.world.restrictions)
        answer = self.call("admin", "POST", "/api/v1/policies", policy=json.dumps({"name": f"p{n}", "scope": scope, "effects": effect}))
        if answer:
            expression = scope.get("tags")
            tags = ("in", "classification", ["confidential", "restricted"]) if expression == "classification >= confidential" else NEGATIVE.get(expression)
            demanded = effect.get("approvals", {})
            self.world.restrictions[answer["id"]] = ref.Restriction(
                answer["id"], scope.get("product", ""), scope.get("domain", ""), scope.get("classification", ""), tags, effect.get("mask", "none"), effect.get("hide", False),
                effect.get("max_days", 0), demanded.get("count", 0), set(demanded.get("roles", [])), set(demanded.get("people", [])), effect.get("purpose", False), effect.get("handing", False),
                effect.get("suspend", False), effect.get("freeze", False), effect.get("level", 0))

    @precondition(lambda self: self.world.live())
    @rule(which=st.integers(0, 99))
    def lift(self, which):
        restriction = self.pick({r.id: r for r in self.world.live()}, which)
        if self.call("admin", "DELETE", f"/api/v1/restrictions/{restriction.id}"):
            restriction.lifted = True

    @rule(purpose=st.sampled_from(PURPOSES), retire=st.booleans())
    def purpose(self, purpose, retire):
        if retire:
            answer = self.session.delete(f"{self.node.url}/api/v1/purposes", params={"purpose": purpose}, headers={"Authorization": f"Bearer {self.tokens['admin']}"}, timeout=60)
            if answer.ok:
                self.world.purposes.discard(purpose)
        elif self.call("admin", "POST", "/api/v1/purposes", purpose=purpose):
            self.world.purposes.add(purpose)

    @precondition(lambda self: "sales.later" not in self.world.products)
    @rule()
    def publish_later(self):
        assert publish(self.node, "later", LATER).status == 0
        self.product("later", LATER)

    @rule(who=st.sampled_from(["abe", "stan", "sue"]), dice=st.integers(0, 5))
    def leave(self, who, dice):
        owner = {"insights": "ivy", "sales": "sam"}[self.world.people[who].domain]
        if dice == 0 and self.call(owner, "DELETE", f"/api/v1/users/{who}"):
            self.world.people[who].active = False
            for members in self.world.groups.values():
                members.discard(who)

    @staticmethod
    def pick(things, which):
        return list(things.values())[which % len(things)]

    # --- what must come of it ---

    def questions(self):
        return [(person, product, table, purpose) for person in PEOPLE if self.world.people[person].active
                for product, p in self.world.products.items() for table in p.tables for purpose in PURPOSES]

    @invariant()
    def decides_alike(self):
        self.compare(self.random.sample(self.questions(), QUESTIONS))

    def compare(self, questions):
        now = time.time()
        for person, product, table, purpose in questions:
            expected = self.world.decide(person, product, table, purpose, now)
            if self.planted:
                expected = self.planted(self.world, expected, person, product, table)
            got = self.session.get(f"{self.node.url}/api/v1/explain", params={"principal": person, "table": f"{product}.{table}", "purpose": purpose},
                                   headers={"Authorization": f"Bearer {self.tokens['admin']}"}, timeout=60).json()
            about = f"{person} {product}.{table} for {purpose}: {json.dumps(got, indent=1)}\nthe model: {expected}\n" + "\n".join(self.log[-60:])
            assert got["verdict"] == ("allow" if expected.allowed else "refuse"), about
            if expected.allowed:
                assert got.get("grant", "") == expected.grant, about
                assert {c["name"]: c["access"] for c in got["columns"]} == expected.columns, about


RUN = settings(max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, suppress_health_check=list(HealthCheck), database=None, print_blob=True,
               phases=[Phase.explicit, Phase.generate, *([Phase.shrink] if "HEDDLE_SHRINK" in os.environ else [])])


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    People.base = template(tmp_path_factory.mktemp("model"))


@pytest.mark.timeout(900)  # on a busy machine
def test_the_node_decides_as_the_model_does(base):
    class Alike(People):
        pass

    Alike.TestCase.settings = RUN
    Alike.TestCase().runTest()


def decided(machine):
    return {q: machine.world.decide(*q, time.time()) for q in machine.questions()}


def test_each_term_is_in_the_comparison(base):
    """Chance seldom brings together what a term is about: here each is, and makes a difference to the model, too."""
    m = People()
    try:
        everything = {"purposes": ["*"], "masks": {}, "hide": set(), "future": False, "rows": ""}
        for term in TERMS[3:]:
            m.grant(who="sam", what="sales.orders.orders", to="user:otto", term=term, **everything)
            m.compare(m.questions())
            answer = m.world.decide("otto", "sales.orders", "orders", "risk", time.time())
            assert answer.allowed == (term not in ("hours_closed", "no_sql")), term
            if term.startswith("groups"):
                assert answer.columns["order_id"] == "visible" and "hidden" in answer.columns.values()
            m.revoke(which=len(m.world.grants) - 1, who="sam")
        # a change of a tag that waits: what opens must fit before and after, what closes need fit one
        m.tag(who="sam", thing="sales.orders.returns", tag=("environment", "prod"))
        m.restrict(effect={"approvals": {"count": 2}}, scope={"domain": "sales"})
        m.restrict(effect={"mask": "hash"}, scope={"tags": "environment != prod"})
        m.approve_tag(which=0, by="sue")  # also of what was said before the policy
        m.grant(who="sam", what="environment = prod", to="domain:insights", term="", **everything)
        m.approve(which=len(m.world.grants) - 1, by="sue")
        m.tag(who="sam", thing="sales.orders.orders", tag=("environment", "prod"))
        m.compare(m.questions())
        ana = ("ana", "sales.orders", "orders", "risk")
        assert not m.world.decide(*ana, time.time()).allowed and m.world.decide("ana", "sales.orders", "returns", "risk", time.time()).allowed
        m.approve_tag(which=0, by="ivan")
        m.compare(m.questions())
        assert m.world.decide(*ana, time.time()).allowed
        # what is handed on is less, and the center's demands count for that too
        m.delegate(which=len(m.world.grants) - 1, who="ivy", to="user:ana", purposes=["risk"], hide=set(), less={"table": "orders", "rows": "order_id > 7"})
        m.handing(named=True, who="ivy")
        m.compare(m.questions())
        assert m.world.decide(*ana, time.time()).rows == ("order_id > 7",)
        for effect, scope in (({"level": 3}, {"product": "sales.orders"}), ({"approvals": {"count": 1, "people": ["olga"]}}, {"domain": "sales"}), ({"freeze": True}, {"domain": "sales"})):
            before = decided(m)
            m.restrict(effect=effect, scope=scope)
            m.compare(m.questions())
            assert before != decided(m) or effect == {"level": m.world.level}, effect
    finally:
        m.teardown()


def ignores_hiding(_world, answer, *_):
    answer.columns = {c: "visible" if v == "hidden" else v for c, v in answer.columns.items()}
    return answer


def owners_see_nothing(world, answer, person, product, _table):
    own = world.people[person].role == "owner" and world.people[person].domain == "sales"
    return ref.refuse("planted") if own else answer


@pytest.mark.parametrize("fault", [ignores_hiding, owners_see_nothing])
def test_a_difference_is_noticed(base, fault):
    class Different(People):
        planted = staticmethod(fault)

    Different.TestCase.settings = settings(RUN, max_examples=20)
    with pytest.raises(AssertionError):
        Different.TestCase().runTest()
