"""Who may do what: every operation of /openapi.json, said by one person of each kind about objects of domains that are mostly not theirs."""

import itertools
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import requests
from attacks import Person
from harness import ORDERS, contract

# Of sales, which owns the objects; of insights, to which they were granted; of outside, a stranger to both; of the center.
KINDS = {"sam": "owner of sales", "stella": "steward of sales", "eve": "engineer of sales", "vera": "auditor of sales",
         "ivy": "owner of insights", "ana": "analyst of insights, who asked", "abe": "analyst of insights", "pat": "auditor of insights", "nightly": "service of insights",
         "olga": "owner of outside", "otto": "analyst of outside", "admin": "owner of the center", "audrey": "auditor of the center",
         "gone": "analyst of insights, who left", "nobody": "without a token"}
NEVER = (401, 403, 404)


@dataclass
class Case:
    """may: who may, in words of KINDS or of GROUPS. An answer that has `marker` in it is what they are to get. One who may not gets 401, 403 or 404, or, of what everybody may
    call for their own, an answer without the marker. {x} stands for a new object of that kind (World.x), made for each who may, once for all who may not."""
    may: str
    path: str = ""  # of the parameters, by name: "grant={grant}"
    query: dict = field(default_factory=dict)
    body: dict | None = None
    marker: str = ""
    data: bytes | None = None
    no: tuple = ()


SALES, INSIGHTS, OUTSIDE = "sam stella eve vera", "ivy ana abe pat nightly", "olga otto"
CENTER = "admin audrey"
EVERYBODY = f"{SALES} {INSIGHTS} {OUTSIDE} {CENTER}"
BOTH = f"{SALES} {INSIGHTS}"

CASES = {
    # domains and people
    "domain_add": Case("admin", body={"name": "{name}", "owner": "{name}"}),
    "domains": Case(EVERYBODY, marker='"insights"'),
    "domain_set": Case("ivy", "domain=insights", body={"handing": "everyone"}),
    "group_add": Case("ivy olga sam admin", body={"name": "{name}"}),
    "groups": Case(f"{INSIGHTS} {CENTER}", marker="{group}"),
    "group_join": Case("ivy", "group={group}", body={"person": "abe"}),
    "group_leave": Case("ivy ana", "group={group}&person=ana"),
    "group_remove": Case("ivy", "group={group}"),
    "user_add": Case("ivy admin", body={"name": "{name}", "domain": "insights", "role": "analyst"}),
    "users": Case(f"{INSIGHTS} {CENTER}", marker='"name":"abe"'),
    "service_add": Case("ivy admin", body={"name": "{name}", "domain": "insights"}),
    "user_remove": Case("ivy admin", "name={person}"),
    "user_erase": Case("ivy admin", "name={left}", body={}),
    "text_erase": Case("ana sam ivy admin", "text={request}", body={}),
    # keys
    "key_status": Case(EVERYBODY, "domain=sales"),  # public keys, for who holds recovery keys
    "key_prepare": Case("sam", "domain=sales", body={}),  # and who has two recovery keys
    "key_rotate": Case("sam", "domain=sales", body={}),
    "confirm": Case("", "domain=sales", body={"seqs": ["1"]}, no=(409,)),  # nothing is void
    "forks": Case(EVERYBODY),
    # products
    "upload": Case("sam eve ivy olga admin", data=b"x"),
    "publish": Case("sam eve", body={"contract": "{contract}", "data": {}}),
    "products": Case(SALES, query={"q": "secret"}, marker="sales.secret"),
    "product": Case(SALES, "product=sales.secret"),
    "product_contract": Case(SALES, "product=sales.secret"),
    "product_quality": Case(SALES, "product=sales.secret"),
    "review": Case(f"sam stella vera {CENTER}", "product=sales.orders"),
    "review_add": Case("sam", "product=sales.orders"),
    # requests and grants
    "inbox": Case("sam", marker="{request}"),
    "request_add": Case(f"{INSIGHTS} {OUTSIDE} {CENTER}", body={"product": "sales.orders", "purpose": "{name}"}, no=(400,)),  # of one's own
    "requests": Case(f"{BOTH} {CENTER}", marker="{request}"),
    "request": Case(f"{BOTH} {CENTER}", "request={request}"),
    "request_submit": Case("ana", "request={draft}", body={}),
    "request_withdraw": Case("ana", "request={request}", body={}),
    "request_comment": Case("sam stella eve ivy ana abe nightly", "request={request}", body={"text": "x"}),
    "request_approve": Case("sam", "request={request}", body={}),
    "request_deny": Case("sam", "request={request}", body={}),
    "grant_add": Case("sam", body={"object": "sales.orders", "to": "outside", "purpose": "{name}"}),
    "grants": Case(f"{BOTH} {CENTER}", marker="{grant}"),
    "grant": Case(f"{BOTH} {CENTER}", "grant={grant}"),
    "grant_revoke": Case("sam", "grant={grant}"),
    "grant_approve": Case("stella", "grant={waiting}", body={}, no=(409,)),  # sam stands behind it already
    "delegation_add": Case("ivy", "grant={grant}", body={"to": "user:abe"}),
    "delegations": Case(f"ivy ana pat {CENTER}", marker="{delegation}"),
    "delegation_end": Case("ivy", "delegation={delegation}"),
    # tags and purposes
    "tag_set": Case("sam stella eve", body={"object": "{tagged}", "tag": "classification", "value": "restricted"}),
    "tags": Case(SALES, query={"object": "sales.secret"}),
    "tag_approve": Case("stella", "change={change}", body={}, no=(409,)),
    "tag_define": Case("admin", body={"tag": "{name}", "kind": "free"}),
    "tag_retire": Case("admin", "tag={tag}"),
    # use
    "query": Case("sam", body={"sql": "SELECT count(*) FROM sales.secret.orders"}),
    "explain": Case(f"sam vera ivy pat ana {CENTER}", query={"principal": "ana", "table": "sales.orders.orders"}),
    "explain_table": Case(f"sam vera ivy pat ana {CENTER}", query={"table": "sales.orders.orders"}, marker='"principal":"ana"'),
    "explain_person": Case(f"sam vera ivy pat ana {CENTER}", query={"person": "ana"}, marker="sales.orders"),
    "explain_revoke": Case(f"sam vera {CENTER}", query={"grant": "{grant}"}),
    "usage": Case(f"sam vera ana {CENTER}", query={"product": "sales.orders"}, marker='"person":"ana"'),
    "journal": Case(f"sam vera ivy pat ana {CENTER}", query={"limit": "1000", "operation": "request_add"}, marker="{request}"),
    # the center
    "restriction_add": Case("admin", body={"classification": "personal", "mask": "hash", "product": "crm.people"}),
    "restrictions": Case(f"{SALES} {CENTER}", marker="{restriction}"),
    "restriction_lift": Case("admin", "restriction={restriction}"),
    "policy": Case(f"{SALES} {CENTER}", "restriction={restriction}"),
    "policy_lift_try": Case(CENTER, "restriction={restriction}"),
    "policy_add": Case("admin", body={"policy": "name: {name}\nscope:\n  product: crm.people\neffects:\n  max_days: 9\n"}),
    "policy_try": Case(CENTER, body={"policy": "name: {name}\nscope:\n  product: crm.people\neffects:\n  max_days: 9\n"}),
    "posture": Case(f"sam stella vera {CENTER}", query={"control": "C06"}, marker="sales.orders"),
    "posture_accept": Case("admin", body={"control": "C19", "subject": "node", "until": "{soon}", "reason": "x"}, no=(409,)),
    "posture_withdraw": Case("admin", "exception={exception}"),
    "posture_evidence": Case("admin", body={"control": "C19", "outcome": "ok"}),
    # events
    "feed": Case(BOTH, query={"limit": "1000"}, marker="{request}"),
    "webhook_add": Case("sam ivy olga admin", body={"url": "https://hooks.example.com/{name}"}),
    "webhooks": Case("sam", marker="{webhook}"),
    "webhook_remove": Case("sam", "webhook={webhook}"),
    "webhook_test": Case("sam", "webhook={webhook}"),
    "webhook_deliveries": Case("sam", "webhook={webhook}"),
    "webhook_redeliver": Case("sam", "webhook={webhook}"),
    # the node
    "status": Case(EVERYBODY, marker='"roles":[{'),
    "logs": Case(EVERYBODY),
    "log_file": Case(f"{SALES} {CENTER}", "log={log}&path=tile/entries/000.p/{log_size}"),
    "log_proof": Case(EVERYBODY, "log={log}&index=3"),  # hashes alone
    "rebuild": Case(CENTER),
    # last, because a use then has to name one
    "purposes": Case(EVERYBODY),
    "purpose_add": Case("admin", body={"purpose": "{name}"}),
    "purpose_retire": Case("admin", query={"purpose": "{purpose}"}),
}

# What is made with keys, or by who runs it: each has tests of its own, which are named.
ELSEWHERE = {"fork_report": "test_keys.py::test_a_fork_is_found_proven_freezes_and_is_resolved", "fork_resolve": "test_keys.py::test_a_fork_is_found_proven_freezes_and_is_resolved",
             "event_submit": "test_attacks_governance.py::test_12_only_what_the_node_held_out_is_handed_in_signed",
             "draft_sign": "test_attacks_governance.py::test_12_only_what_the_node_held_out_is_handed_in_signed",
             "query_cancel": "test_attacks.py::test_only_the_one_who_asked_cancels_a_query"}


class World:
    """The people, and new objects of each kind on demand."""

    def __init__(self, shop):
        self.shop, node = shop, shop.node
        self.number = itertools.count()
        self.people = {name: Person(node, name) for name in ("sam", "eve", "ivy", "ana", "abe", "olga", "otto")} | {"admin": Person(node)}
        for name, by, domain, role in (("stella", "sam", "sales", "steward"), ("vera", "sam", "sales", "auditor"), ("pat", "ivy", "insights", "auditor"),
                                       ("gone", "ivy", "insights", "analyst"), ("audrey", "admin", "governance", "auditor")):
            token = self.said(by, "POST", "/api/v1/users", name=name, domain=domain, role=role)["token"]
            self.people[name] = Person(node, token=token)
        self.people["nightly"] = Person(node, token=self.said("ivy", "POST", "/api/v1/services", name="nightly", domain="insights")["token"])
        self.said("ivy", "DELETE", "/api/v1/users/gone")
        self.people["nobody"] = Person(node, token="hdl_" + "x" * 43)
        for product in ("stock", "secret"):
            made = contract(shop.folder / "made.yaml", "sales", product, {"orders": ORDERS}, customProperties=[{"property": "discoverable", "value": False}])
            node.heddle("publish", made, "--data", f"orders={shop.orders_file}", as_="sam")
        two = "name: two\nscope:\n  product: sales.stock\neffects:\n  approvals: {count: 2, roles: [owner, steward]}\n"
        self.said("admin", "POST", "/api/v1/policies", policy=two)
        self.said("sam", "POST", "/api/v1/grants", object="sales.orders", to="user:ana", purpose="analysis")
        assert self.people["ana"].count().status_code == 200
        self.log = next(d["id"] for d in node.heddle("domains")["domains"] if d["name"] == "sales")

    def said(self, who, method, path, **body):
        answer = self.people[who](method, path, **({"json": body} if method == "POST" else {}))
        assert answer.status_code < 300, (who, method, path, body, answer.text)
        return answer.json()

    def name(self):
        return f"n{next(self.number)}"

    def request(self, **more):
        return self.said("ana", "POST", "/api/v1/requests", product="sales.orders", purpose=self.name(), reason="because", **more)["id"]

    def draft(self):
        return self.request(draft=True)

    def grant(self, product="sales.orders"):
        return self.said("sam", "POST", "/api/v1/grants", object=product, to="insights", purpose=self.name())["id"]

    def waiting(self):
        return self.grant("sales.stock")

    def delegation(self):
        return self.said("ivy", "POST", f"/api/v1/grants/{self.grant()}/delegations", to="user:ana")["id"]

    def group(self):
        name = self.said("ivy", "POST", "/api/v1/groups", name=self.name())["name"]
        self.said("ivy", "POST", f"/api/v1/groups/{name}/members", person="ana")
        return name

    def person(self):
        return self.said("ivy", "POST", "/api/v1/users", name=self.name(), domain="insights", role="analyst")["name"]

    def left(self):
        name = self.person()
        self.said("ivy", "DELETE", f"/api/v1/users/{name}")
        return name

    def change(self):
        column = self.tagged()
        self.said("sam", "POST", "/api/v1/tags", object=column, tag="cost_center", value=self.name())
        return self.said("sam", "POST", "/api/v1/tags", object=column, tag="cost_center", value=self.name())["id"]

    def tagged(self):
        return "sales.stock.orders." + ORDERS[next(self.number) % len(ORDERS)].name

    def tag(self):
        name = self.name()
        self.said("admin", "POST", "/api/v1/vocabulary", tag=name, kind="free")
        return name

    def purpose(self):
        name = self.name()
        self.said("admin", "POST", "/api/v1/purposes", purpose=name)
        return name

    def restriction(self):
        return self.said("admin", "POST", "/api/v1/restrictions", classification="personal", mask="hash", product="sales.secret")["id"]

    def exception(self):
        return self.said("admin", "POST", "/api/v1/posture/exceptions", control="C19", subject="node", until=self.soon(), reason="x")["id"]

    def webhook(self):
        return self.said("sam", "POST", "/api/v1/webhooks", url=f"https://hooks.example.com/{self.name()}")["id"]

    def soon(self):
        return (datetime.now(timezone.utc) + timedelta(days=30)).strftime("%Y-%m-%d")

    def contract(self):
        return contract(self.shop.folder / "new.yaml", "sales", "orders", {"orders": ORDERS}, version=f"{next(self.number) + 2}.0.0").read_text()

    def log_size(self):
        return next(item["size"] for item in self.said("admin", "GET", "/api/v1/logs")["logs"] if item["log"] == self.log)

    def logs(self):
        """How long each log is: an operation that is refused says nothing in any."""
        return {item["name"]: item["size"] for item in self.said("admin", "GET", "/api/v1/logs")["logs"] if item["name"] != "journal"}


class Call:
    """A case with new objects, to be said by anybody."""

    def __init__(self, world, doc_operation, case):
        self.values, self.case, self.world = {}, case, world
        self.method, path = doc_operation
        for name, template in (p.split("=", 1) for p in case.path.split("&") if p):
            path = re.sub(r"\{" + name + r"(\.\.\.)?\}", self.fill(template), path)
        assert "{" not in path, path
        self.url, self.marker = path, self.fill(case.marker)
        self.more = {"params": {k: self.fill(v) for k, v in case.query.items()}}
        if case.body is not None:
            self.more["json"] = {k: self.fill(v) if isinstance(v, str) else v for k, v in case.body.items()}
        if case.data is not None:
            self.more |= {"data": case.data, "headers": {"Content-Type": "application/octet-stream"}}

    def fill(self, template):
        def value(match):
            name = match[1]
            if name not in self.values:
                made = getattr(self.world, name)
                self.values[name] = str(made() if callable(made) else made)
            return self.values[name]
        return re.sub(r"\{([a-z_]+)\}", value, template)

    def said_by(self, person):
        """Whether they got it, and the answer."""
        answer = person(self.method, self.url, **self.more)
        return answer.status_code < 300 and self.marker in answer.text, answer


def holes(world, people, operation, signature, case, note=None):
    """Where what was answered is not what CASES says: (operation, who, status). Those who may not come first, all to the same new objects and at once; then, in no log is more said."""
    may, wrong = set(case.may.split()), []
    call, before = Call(world, signature, case), world.logs()
    refused = [name for name in KINDS if name not in may]
    with ThreadPoolExecutor(len(KINDS)) as pool:
        answers = list(pool.map(lambda name: call.said_by(people[name]), refused))
    for name, (got, answer) in zip(refused, answers, strict=True):
        told_nothing = case.marker and answer.status_code == 200 and name not in ("gone", "nobody")
        if got or not (answer.status_code in (*NEVER, *case.no) or told_nothing):
            wrong.append((operation, name, answer.status_code))
    if world.logs() != before:
        wrong.append((operation, "in a log", world.logs()))
    for name in KINDS:
        if name in may:
            got, answer = (call if call.method == "GET" else Call(world, signature, case)).said_by(people[name])
            if not got:
                wrong.append((operation, name, answer.status_code, answer.text[:300]))
    return wrong


@pytest.fixture
def world(shop):
    return World(shop)


def operations(world):
    doc = requests.get(f"{world.shop.node.url}/openapi.json", timeout=30).json()
    return {o["operationId"]: (method.upper(), path) for path, item in doc["paths"].items() for method, o in item.items() if path.startswith("/api/")}


def test_who_may_do_what(world):
    """Each operation, each kind of person. A new operation needs a line in CASES."""
    told = operations(world)
    assert set(told) == set(CASES) | set(ELSEWHERE)
    wrong = [hole for operation, case in CASES.items() for hole in holes(world, world.people, operation, told[operation], case)]
    assert not wrong, "\n".join(map(str, wrong))


def test_a_hole_in_who_may_is_found(world):
    """Planted: a stranger who is taken for the owner, one who left and is not forgotten, an owner who is taken for a stranger, a page that tells everybody."""
    told, people = operations(world), dict(world.people)
    people["otto"], people["gone"], people["sam"] = world.people["sam"], world.people["abe"], world.people["olga"]
    for operation, found in (("grant_revoke", {"otto", "in a log", "sam"}), ("request", {"otto", "gone", "sam"}), ("webhooks", {"otto", "gone", "sam"}), ("product", {"otto", "sam"})):
        assert {hole[1] for hole in holes(world, people, operation, told[operation], CASES[operation])} == found, operation


def test_what_is_told_of_elsewhere_is_there():
    for named in ELSEWHERE.values():
        name, test = named.split("::")
        assert f"def {test}(" in (Path(__file__).parent / name).read_text(), named
