"""The HTTP interface is what /openapi.json says."""

import json
import re
from datetime import datetime, timedelta, timezone

import jsonschema
import pytest
import requests
from harness import Shop

ACCEPTED = {"application/json", "application/x-ndjson", "text/csv", "application/octet-stream", "application/vnd.apache.parquet",
            "text/plain", "application/yaml", "application/openapi+json"}


class Api:
    """Calls operations by their id and holds every answer against its schema."""

    def __init__(self, shop: Shop):
        self.node = shop.node
        self.doc = requests.get(f"{self.node.url}/openapi.json", timeout=30).json()
        self.operations = {o["operationId"]: (method.upper(), path, o) for path, item in self.doc["paths"].items()
                           for method, o in item.items() if method in ("get", "post", "delete", "put", "patch")}
        self.called = set()

    def schema(self, content):
        return {"$schema": "https://json-schema.org/draft/2020-12/schema", **content["schema"], "components": self.doc["components"]}

    def __call__(self, operation, as_=None, path=None, status=None, token=None, **more):
        method, template, o = self.operations[operation]
        url = template
        for name, value in (path or {}).items():
            url = re.sub(r"\{" + name + r"(\.\.\.)?\}", value, url)
        assert "{" not in url, url
        if "json" in more and status is None:
            jsonschema.validate(more["json"], self.schema(o["requestBody"]["content"]["application/json"]))
        answer = self.node.http(method, url, as_=as_, token=token, **more)
        told = o["responses"].get(str(answer.status_code)) or o["responses"].get("default")
        assert told is not None, f"{operation} answered {answer.status_code}, which the document does not tell: {answer.text[:300]}"
        assert answer.ok if status is None else answer.status_code == status, f"{operation}: {answer.status_code} {answer.text[:500]}"
        if "$ref" in told:
            told = self.doc["components"]["responses"][told["$ref"].rpartition("/")[2]]
        kind = answer.headers.get("Content-Type", "").partition(";")[0]
        assert kind in told.get("content", {kind: 0}), f"{operation}: {kind} is not told"
        if kind == "application/json":
            content = told["content"][kind]
            if "schema" in content:
                jsonschema.validate(answer.json(), self.schema(content))
        self.called.add(operation)
        return answer


def test_the_document_is_openapi_3_1(node):
    doc = requests.get(f"{node.url}/openapi.json", timeout=30).json()
    assert doc["openapi"].startswith("3.1.") and doc["info"]["title"] and doc["info"]["version"]
    ids = [o["operationId"] for item in doc["paths"].values() for m, o in item.items() if m in ("get", "post", "delete")]
    assert len(ids) == len(set(ids)) >= 30
    for path, item in doc["paths"].items():
        for method, o in item.items():
            if method not in ("get", "post", "delete"):
                continue
            assert o["summary"], path
            named = {p["name"] for p in o.get("parameters", []) if p.get("in") == "path"}
            assert named == {n.rstrip(".") for n in re.findall(r"\{([\w.]+)\}", path)}, path
    for schema in doc["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    text = json.dumps(doc)
    for ref in set(re.findall(r'"\$ref": "#/components/(\w+)/(\w+)"', text)):
        assert ref[1] in doc["components"][ref[0]], ref


def test_the_limits_of_arguments_are_told(node):
    """What the document allows is taken as well formed, one more is refused with 400: lengths, letters, lists, numbers."""
    doc = requests.get(f"{node.url}/openapi.json", timeout=30).json()
    name = doc["paths"]["/api/v1/groups"]["post"]["requestBody"]["content"]["application/json"]["schema"]["properties"]["name"]
    for text, good in (("a" * 64, True), ("a" * 65, False), ("_a_1", True), ("a__b", False), ("A", False), ("a-b", False), ("", False), ("é", False)):
        assert jsonschema.Draft202012Validator(name).is_valid(text) == good == (node.http("POST", "/api/v1/groups", json={"name": text}).status_code == 201), text
    grant = doc["paths"]["/api/v1/grants/{grant}"]["get"]["parameters"][0]["schema"]
    for text, good in (("x" * 64, True), ("x" * 65, False), ("a%0ab", False)):
        assert jsonschema.Draft202012Validator(grant).is_valid(text.replace("%0a", "\n")) == good, text
        assert node.http("GET", f"/api/v1/grants/{text}").status_code == (404 if good else 400), text
    hide = doc["paths"]["/api/v1/grants"]["post"]["requestBody"]["content"]["application/json"]["schema"]["properties"]["hide"]
    for n, says in ((hide["anyOf"][0]["maxItems"], "there is no"), (hide["anyOf"][0]["maxItems"] + 1, "hide: more than")):
        answer = node.http("POST", "/api/v1/grants", json={"object": "a.b", "to": "governance", "purpose": "a", "hide": ["x"] * n})
        assert answer.status_code in (400, 403, 404) and (says in answer.text or n == hide["anyOf"][0]["maxItems"]), answer.text


def call_access(call, v1, shop):
    """Requests, approvals, delegation, people, tags, purposes."""
    call("POST", f"{v1}/users", as_="sam", json={"name": "stella", "domain": "sales", "role": "owner"})
    shop.node.heddle("user", "add", "stella", "--domain", "sales", "--role", "steward", as_="sam")
    call("POST", f"{v1}/services", as_="ivy", json={"name": "nightly", "domain": "insights"})
    call("GET", f"{v1}/users", as_="ivy")
    call("POST", f"{v1}/groups", as_="ivy", json={"name": "campaign"})
    call("POST", f"{v1}/groups/{{group}}/members", as_="ivy", path={"group": "campaign"}, json={"person": "ana"})
    call("GET", f"{v1}/groups", as_="ivy")
    (shop.folder / "two.yaml").write_text('{"name": "two", "scope": {"domain": "sales"}, "effects": {"approvals": {"count": 2, "roles": ["owner", "steward"]}}}')
    shop.node.heddle("policy", "add", shop.folder / "two.yaml")

    draft = call("POST", f"{v1}/requests", as_="ana", json={"product": "sales.orders", "purpose": "c", "draft": True}).json()["id"]
    call("POST", f"{v1}/requests/{{request}}/submit", as_="ana", path={"request": draft}, json={})
    call("POST", f"{v1}/requests/{{request}}/comments", as_="sam", path={"request": draft}, json={"text": "what for?"})
    call("GET", f"{v1}/inbox", as_="ana")
    call("POST", f"{v1}/requests/{{request}}/withdraw", as_="ana", path={"request": draft}, json={})
    call("GET", f"{v1}/requests/{{request}}", as_="ana", path={"request": draft})
    terms = {"object": "sales.orders", "to": "insights", "purpose": "analysis", "via": ["sql", "files"], "row_budget": 1000, "no_export": True,
             "hours": "mon-sun/00:00-24:00", "min_group": 3, "group_by": ["store_id"], "unit": "customer_id", "until": "2099-01-01"}
    grant = call("POST", f"{v1}/grants", as_="sam", json=terms).json()["id"]
    call("GET", f"{v1}/inbox", as_="sam")
    call("GET", f"{v1}/grants/{{grant}}", as_="ana", path={"grant": grant})
    call("GET", f"{v1}/grants", as_="ana")
    call("POST", f"{v1}/tags", as_="sam", json={"object": "sales.orders", "tag": "environment", "value": "prod"})
    by_tags = {"tags": "environment = prod", "in": "sales", "future": True, "to": "group:insights.campaign", "purpose": "a,b", "until": "2099-01-01"}
    call("POST", f"{v1}/grants", as_="sam", json=by_tags)
    call("POST", f"{v1}/grants/{{grant}}/approve", as_="stella", path={"grant": grant}, json={})
    handed = call("POST", f"{v1}/grants/{{grant}}/delegations", as_="ivy", path={"grant": grant}, json={"to": "group:campaign", "until": "2098-01-01"})
    call("GET", f"{v1}/delegations", as_="ana")
    call("DELETE", f"{v1}/delegations/{{delegation}}", as_="ivy", path={"delegation": handed.json()["id"]})
    call("POST", f"{v1}/domains/{{domain}}/settings", as_="ivy", path={"domain": "insights"}, json={"handing": "named"})
    call("DELETE", f"{v1}/groups/{{group}}/members/{{person}}", as_="ana", path={"group": "campaign", "person": "ana"})
    call("DELETE", f"{v1}/groups/{{group}}", as_="ivy", path={"group": "campaign"})

    change = call("POST", f"{v1}/tags", as_="sam", json={"object": "sales.orders.orders.secret_note", "tag": "classification", "value": "public"}).json()
    call("GET", f"{v1}/tags", as_="ana", params={"object": "sales.orders"})
    call("POST", f"{v1}/tag-changes/{{change}}/approve", as_="stella", path={"change": change["id"]}, json={})
    call("POST", f"{v1}/vocabulary", json={"tag": "retention", "kind": "ordered", "values": ["days", "years"]})
    call("DELETE", f"{v1}/vocabulary/{{tag}}", path={"tag": "retention"})
    call("POST", f"{v1}/purposes", json={"purpose": "marketing/campaigns"})
    call("GET", f"{v1}/purposes", as_="ana")
    call("DELETE", f"{v1}/purposes", params={"purpose": "marketing/campaigns"})
    call("DELETE", f"{v1}/users/{{name}}", as_="ivy", path={"name": "nightly"})


def call_policies(call, v1, shop):
    """Policies, tried and in force; explain in all its forms."""
    grant = shop.grant("--mask", "card=last4", "--rows", "store_id < 3")["id"]
    shop.node.query("SELECT card, store_id FROM sales.orders.orders", "ana")
    policy = {"policy": json.dumps({"name": "three", "scope": {"product": "sales.orders", "classification": "personal"},
                                    "effects": {"mask": "null", "max_days": 9, "approvals": {"count": 2, "people": ["sam", "carl"]}, "level": 1}})}
    assert call("POST", f"{v1}/policies/try", json=policy).json()["queries_changed"] == 1
    made = call("POST", f"{v1}/policies", json=policy).json()["id"]
    call("GET", f"{v1}/restrictions/{{restriction}}", path={"restriction": made})
    assert call("POST", f"{v1}/restrictions/{{restriction}}/try", path={"restriction": made}).json()["grants_changed"] >= 1
    call("DELETE", f"{v1}/restrictions/{{restriction}}", path={"restriction": made})
    for at in ({}, {"at": datetime.now(timezone.utc).strftime("%Y-%m-%d")}):
        call("GET", f"{v1}/explain", as_="ana", params={"principal": "ana", "table": "sales.orders.orders"} | at)
        assert call("GET", f"{v1}/explain/table", as_="sam", params={"table": "sales.orders.orders"} | at).json()["access"]
        assert call("GET", f"{v1}/explain/person", as_="ana", params={"person": "ana"} | at).json()["access"]
    assert call("GET", f"{v1}/explain/revoke", as_="sam", params={"grant": grant}).json()["queries_changed"] == 1
    shop.node.heddle("revoke", grant, as_="sam")


def call_posture(call, v1):
    call("GET", f"{v1}/posture", params={"control": "C19"})
    made = call("POST", f"{v1}/posture/exceptions", json={"control": "C19", "subject": "node", "reason": "r",
                                                          "until": (datetime.now(timezone.utc) + timedelta(days=1)).strftime("%Y-%m-%d")}).json()["id"]
    call("DELETE", f"{v1}/posture/exceptions/{{exception}}", path={"exception": made})
    call("POST", f"{v1}/posture/evidence", json={"control": "C19", "outcome": "ok", "document": "aGVsbG8="})
    for method in ("GET", "POST"):
        call(method, f"{v1}/products/{{product}}/review", as_="sam", path={"product": "sales.orders"})


def call_events(call, v1):
    call("GET", f"{v1}/feed", as_="ana", params={"after": 0, "limit": 5})
    hook = {"webhook": call("POST", f"{v1}/webhooks", as_="sam", json={"url": "https://hooks.example.com/", "events": "grant.*"}).json()["id"]}
    call("GET", f"{v1}/webhooks", as_="sam")
    call("POST", f"{v1}/webhooks/{{webhook}}/test", as_="sam", path=hook)
    call("GET", f"{v1}/webhooks/{{webhook}}/deliveries", as_="sam", path=hook)
    call("POST", f"{v1}/webhooks/{{webhook}}/redeliver", as_="sam", path=hook)
    call("DELETE", f"{v1}/webhooks/{{webhook}}", as_="sam", path=hook)


def call_keys(call, v1):
    """What owners' clients do with these stands in test_keys.py."""
    keys, sales = f"{v1}/domains/{{domain}}", {"path": {"domain": "sales"}, "as_": "sam"}
    call("POST", f"{keys}/keys/prepare", json={}, **sales)
    before = call("GET", f"{keys}/keys", **sales).json()
    assert call("POST", f"{keys}/keys", json={"compromised_since": before["seq"]}, **sales).json()["key"] != before["key"]
    call("POST", f"{keys}/confirm", json={"seqs": ["1"]}, status=409, **sales)
    call("POST", f"{keys}/resolve", json={"from": 1, "endorsements": ["aa bb"]}, status=400, **sales)
    call("POST", f"{v1}/forks", as_="sam", json={"log": "0" * 64, "a": ["aGVsbG8="], "b": ["aGVsbG8="]}, status=400)
    call("GET", f"{v1}/forks", as_="sam")
    call("POST", f"{v1}/drafts/{{draft}}", as_="sam", path={"draft": "0" * 32}, json={"signature": "0" * 128}, status=404)
    call("POST", f"{v1}/events", as_="sam", json={"payload": "{}", "signature": "0" * 128}, status=400)


def test_every_operation_answers_as_told(shop):
    api = Api(shop)
    by_path = {(m, p): op for op, (m, p, _) in api.operations.items()}

    def call(method, template, **more):
        return api(by_path[method, template], **more)

    node, v1 = shop.node, "/api/v1"
    call("GET", "/healthz")
    call("GET", "/metrics")
    call("GET", "/openapi.json")
    call("POST", f"{v1}/domains", json={"name": "more", "owner": "mia"})
    call("GET", f"{v1}/domains")
    call("POST", f"{v1}/users", json={"name": "max", "domain": "more", "role": "engineer"})
    call("GET", f"{v1}/users")
    up = call("POST", f"{v1}/uploads", as_="sam", data=shop.orders_file.read_bytes(), headers={"Content-Type": "application/octet-stream"}).json()
    call("POST", f"{v1}/products", as_="sam", json={"contract": shop.orders_contract.read_text(), "data": {"orders": [up["upload"]]},
                                                    "names": {up["upload"]: "o.parquet"}})
    call("GET", f"{v1}/products", as_="ana", params={"q": "orders"})
    for part in ("", "/contract", "/quality"):
        call("GET", f"{v1}/products/{{product}}{part}", as_="sam", path={"product": "sales.orders"})
    asked = [call("POST", f"{v1}/requests", as_="ana", json={"product": "sales.orders", "purpose": p, "reason": "r"}).json()["id"] for p in "ab"]
    call("GET", f"{v1}/requests", as_="sam")
    call("POST", f"{v1}/requests/{{request}}/approve", as_="sam", path={"request": asked[0]},
         json={"rows": "store_id = 1", "masks": {"card": "hash"}, "hide": ["secret_note"], "until": "2099-01-01"})
    call("POST", f"{v1}/requests/{{request}}/deny", as_="sam", path={"request": asked[1]}, json={"reason": "no"})
    grant = call("POST", f"{v1}/grants", as_="sam", json={"object": "sales.orders", "to": "insights", "purpose": "analysis"}).json()["id"]
    call("GET", f"{v1}/grants", as_="ana")
    for kind in ("json", "ndjson", "csv", "parquet", "table"):
        answer = call("POST", f"{v1}/query", as_="ana", json={"sql": "SELECT 1 AS a", "purpose": "analysis", "format": kind})
        assert answer.headers["X-Heddle-Query"] and answer.headers["X-Heddle-Mark"]
    call("DELETE", f"{v1}/queries/{{query}}", as_="ana", path={"query": "q_aaaaaaaaaaaa"}, status=404)
    call("GET", f"{v1}/explain", as_="ana", params={"principal": "ana", "table": "sales.orders.orders", "purpose": "analysis"})
    call("DELETE", f"{v1}/grants/{{grant}}", as_="sam", path={"grant": grant})
    made = call("POST", f"{v1}/restrictions", json={"classification": "personal", "mask": "null"}).json()["id"]
    call("GET", f"{v1}/restrictions")
    call("DELETE", f"{v1}/restrictions/{{restriction}}", path={"restriction": made})
    call_policies(call, v1, shop)
    call_posture(call, v1)
    call_events(call, v1)
    call("GET", f"{v1}/status")
    log = call("GET", f"{v1}/logs").json()["logs"][0]["log"]
    (files,) = [p for m, p in by_path if "/files/" in p]
    call("GET", files, path={"log": log, "path": "checkpoint"})
    call("POST", f"{v1}/rebuild")
    call("GET", f"{v1}/journal", params={"limit": 10})
    call("GET", f"{v1}/logs/{{log}}/proofs/{{index}}", path={"log": log, "index": "0"})
    call("GET", f"{v1}/usage", as_="sam", params={"product": "sales.orders"})
    call("POST", f"{v1}/texts/{{text}}/erase", path={"text": asked[0]}, json={"basis": "mistake"})
    node.heddle("user", "remove", "abe", as_="ivy")
    call("POST", f"{v1}/users/{{name}}/erase", as_="ivy", path={"name": "abe"}, json={})
    call_access(call, v1, shop)
    call_keys(call, v1)
    assert set(api.operations) == api.called
    assert node.heddle("status")["node"]


def test_refusals_have_the_shape_told(shop):
    api = Api(shop)
    for method, path, more in (("GET", "/api/v1/nothing", {}), ("GET", "/api/v1/products/a.b", {}), ("PUT", "/api/v1/domains", {}),
                               ("POST", "/api/v1/domains", {"json": {"name": "x"}}), ("POST", "/api/v1/domains", {"json": {"name": 1, "owner": "x"}}),
                               ("POST", "/api/v1/domains", {"json": {"name": "x", "owner": "y", "zzz": 1}}),
                               ("POST", "/api/v1/domains", {"data": "{", "headers": {"Content-Type": "application/json"}}),
                               ("POST", "/api/v1/domains", {"data": '{"name":"a","name":"b","owner":"c"}', "headers": {"Content-Type": "application/json"}}),
                               ("POST", "/api/v1/domains", {"data": "[" * 100000, "headers": {"Content-Type": "application/json"}}),
                               ("POST", "/api/v1/domains", {"data": b"\xff\xfe", "headers": {"Content-Type": "application/json"}}),
                               ("POST", "/api/v1/query", {"json": {"sql": "x" * 300000}}),
                               ("POST", "/api/v1/query", {"json": {"sql": "SELECT 1", "format": "xml"}}),
                               ("GET", "/api/v1/journal?limit=-1", {}), ("GET", "/api/v1/journal?limit=99999", {}),
                               ("GET", "/api/v1/logs/journal/files/../../keys", {}), ("GET", "/api/v1/products/%00", {})):
        answer = api.node.http(method, path, **more)
        assert 400 <= answer.status_code < 500, f"{method} {path}: {answer.status_code} {answer.text[:200]}"
        error = answer.json()["error"]
        assert re.fullmatch("[A-Z_]+", error["code"]) and error["message"] and "\n" not in error["message"]


@pytest.mark.parametrize("header", [{}, {"Authorization": ""}, {"Authorization": "Basic x"}, {"Authorization": "Bearer "}, {"Authorization": "Bearer x"},
                                    {"Authorization": "Bearer " + "x" * 10000}])
def test_without_a_token_nothing_is_told(shop, header):
    answer = requests.get(f"{shop.node.url}/api/v1/products", headers=header, timeout=30)
    assert answer.status_code in (401, 413, 431) and "sales" not in answer.text


def test_health_and_metrics_need_no_token(node):
    health = requests.get(f"{node.url}/healthz", timeout=30).json()
    assert health["status"] == "ok" and health["node"] and health["version"]
    text = requests.get(f"{node.url}/metrics", timeout=30).text
    kinds = dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.M))
    samples = re.findall(r"^(\w+)(?:\{[^}]*\})? ([-+0-9.eE]+|NaN|\+Inf)$", text, re.M)
    assert samples and all(re.sub("_(sum|count|bucket)$", "", n) in kinds or n in kinds for n, _ in samples)
    assert len(samples) == len([line for line in text.splitlines() if line and not line.startswith("#")])
    assert not re.search("sam|sales", text)


def test_a_client_sees_what_it_and_another_client_wrote(shop):
    """The mark of a write, shown by another client, demands an answer that is not older."""
    for i in range(10):
        wrote = shop.node.http("POST", "/api/v1/grants", as_="sam", json={"object": "sales.orders", "to": "insights", "purpose": f"p{i}"})
        mark = wrote.headers["X-Heddle-Mark"]
        seen = shop.node.http("GET", "/api/v1/grants", as_="ana", headers={"X-Heddle-Mark": mark})
        assert wrote.json()["id"] in {g["id"] for g in seen.json()["grants"]}
    assert shop.node.http("GET", "/api/v1/grants", as_="ana", headers={"X-Heddle-Mark": "nonsense"}).status_code == 400


def test_an_answer_names_its_request(node):
    first, second = (node.http("GET", "/api/v1/status") for _ in range(2))
    ids = [next((v for k, v in a.headers.items() if "request-id" in k.lower()), None) for a in (first, second)]
    assert all(ids) and ids[0] != ids[1]
    refused = node.http("GET", "/api/v1/products/a.b").json()["error"]
    assert refused["request_id"]
