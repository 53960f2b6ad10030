"""The center's policies: read from files, tried before they count; each closes what it says and nothing else."""

import json
from random import Random

from harness import BAD, NOT_FOUND, REFUSED

ALL = "SELECT * FROM sales.orders.orders ORDER BY order_id"
FEW = "SELECT order_id, amount FROM sales.orders.orders ORDER BY order_id"


def policy(shop, name="p1", scope=None, file=None, **effects):
    path = shop.folder / f"{file or name}.yaml"
    path.write_text(json.dumps({"name": name, "scope": scope or {"product": "sales.orders"}, "effects": effects}))
    return path


def add(shop, *args, **more):
    return shop.node.heddle("policy", "add", policy(shop, *args, **more))


def attempt(shop, *args, **more):
    return shop.node.heddle("policy", "try", policy(shop, *args, **more))


def hows(thing):
    return sorted({e["how"] for e in thing["effects"]})


# --- files ---

BAD_FILES = [
    ("name: p\nscope: everything\neffects:\n  maks: hash\n", "line 4, column 3", "maks"),
    ("name: p\nscope: everything\neffects:\n  mask: scramble\n", "line 4, column 9", "mask"),
    ("name: p\nscope: everything\neffects: {}\n", "line 3", "effects"),
    ("name: p\nscope: everything\neffects:\n  hide: false\n", "line 4", "effects"),
    ("name: p\nscope: all\neffects:\n  hide: true\n", "line 2, column 8", "scope"),
    ("name: p\nscope: {}\neffects:\n  hide: true\n", "line 2", "scope"),
    ("name: P 1\nscope: everything\neffects:\n  hide: true\n", "line 1, column 7", "name"),
    ("name: p\nscope:\n  product: sales.nothing\neffects:\n  hide: true\n", "line 3, column 12", "product"),
    ("name: p\nscope:\n  domain: nowhere\neffects:\n  hide: true\n", "line 3, column 11", "domain"),
    ("name: p\nscope:\n  tags: flavour = sweet\neffects:\n  hide: true\n", "line 3, column 9", "tags"),
    ("name: p\nscope: {product: sales.orders, domain: crm}\neffects:\n  hide: true\n", "line 2", "product"),
    ("name: p\nscope: everything\neffects:\n  freeze: true\n", "line 4", "freeze"),
    ("name: p\nscope: everything\neffects:\n  level: 4\n", "line 4, column 10", "level"),
    ("name: p\nscope: everything\neffects:\n  max_days: -1\n", "line 4, column 13", "max_days"),
    ("name: p\nscope: everything\neffects:\n  approvals: {roles: [owner]}\n", "line 4", "count"),
    ("name: p\nscope: everything\neffects:\n  approvals: {count: 2, roles: [king]}\n", "line 4", "roles"),
    ("name: p\nscope: everything\neffects:\n  approvals: {count: 2, people: [sam]}\n", "line 4", "approvals"),
    ("name: p\nscope: everything\neffects:\n  approvals: {count: 1, people: [nobody]}\n", "line 4", "people"),
    ("name: p\nscope: everything\n", "line 1", "effects"),
    ("- name: p\n", "line 1", "policy"),
    ("name: p\nname: q\nscope: everything\neffects: {hide: true}\n", "line 2", "name"),
    ("", "the document is empty", ""),
]


def test_a_bad_file_is_refused_with_its_place(shop):
    path = shop.folder / "bad.yaml"
    for text, place, key in BAD_FILES:
        path.write_text(text)
        for command in ("add", "try"):
            told = shop.node.heddle("policy", command, path, expect=BAD).error["message"]
            assert f"bad.yaml: {place}" in told and key in told, (text, told)
    shop.node.heddle("policy", "add", shop.folder / "none.yaml", expect=BAD)
    assert shop.node.heddle("policies")["restrictions"] == []


def test_only_the_center_and_its_auditors_try(shop):
    path = policy(shop, hide=True)
    for who in ("sam", "ana", "ivy"):
        shop.node.heddle("policy", "try", path, as_=who, expect=REFUSED)
        shop.node.heddle("policy", "add", path, as_=who, expect=REFUSED)
    shop.node.heddle("user", "add", "uma", "--domain", "governance", "--role", "auditor")
    shop.node.heddle("policy", "try", path, as_="uma")
    shop.node.heddle("policy", "add", path, as_="uma", expect=REFUSED)


# --- trying ---

def test_a_trial_tells_grants_and_queries_and_changes_nothing(shop):
    node = shop.node
    grant = shop.grant("--mask", "customer_id=hash")
    shop.grant(object="crm.people", as_="carl")
    for _ in range(3):
        node.query(ALL, "ana")
    node.query(FEW, "abe")
    node.query("SELECT count(*) FROM crm.people.people", "ana")
    logs = [(log["name"], log["size"]) for log in node.heddle("status")["logs"] if log["name"] != "journal"]
    trial = attempt(shop, mask="null", scope={"product": "sales.orders", "classification": "personal"})
    assert [(log["name"], log["size"]) for log in node.heddle("status")["logs"] if log["name"] != "journal"] == logs
    (changed,) = trial["grants"]
    assert changed["grant"] == grant["id"] and trial["grants_changed"] == 1 and trial["grants_seen"] == 2
    assert {(e["column"], e["was"], e["now"]) for e in changed["effects"]} == {("customer_id", "hash", "null"), ("card", "visible", "null")}
    (query,) = trial["queries"]
    assert (query["person"], query["domain"], query["purpose"], query["count"], query["rows"]) == ("ana", "insights", "analysis", 3, 90)
    assert query["table"] == "sales.orders.orders" and query["grant"] == grant["id"] and query["all_columns"] and query["last"]
    assert trial["queries_seen"] == 3
    # nothing is in force, and the journal tells of the trial
    assert node.heddle("policies")["restrictions"] == [] and node.query(ALL, "ana")[0]["card"]
    noted = [e["body"] for e in node.heddle("journal")["entries"] if e.get("body", {}).get("operation") == "policy_try"]
    assert [n["policy"] for n in noted] == ["p1"]


def test_a_query_changes_only_by_columns_it_names(shop):
    shop.grant()
    shop.node.query(FEW, "ana")
    shop.node.query("SELECT card, order_id FROM sales.orders.orders", "abe")
    trial = attempt(shop, hide=True, scope={"classification": "personal"})
    assert [q["person"] for q in trial["queries"]] == ["abe"]
    assert sorted(trial["queries"][0]["columns"]) == ["card", "order_id"]
    assert hows(trial["queries"][0]) == ["hidden"]


# --- what is in force ---

ORDERS, PEOPLE = "sales.orders.orders", "crm.people.people"
ASKED = [("ana", ORDERS, "analysis"), ("ivy", ORDERS, "analysis"), ("otto", ORDERS, None), ("otto", ORDERS, "analysis"),
         ("carl", ORDERS, "campaigns"), ("sam", ORDERS, None), ("sam", ORDERS, "analysis"), ("ana", PEOPLE, "analysis"), ("carl", PEOPLE, None)]
EVERY_ORDER = {q for q in ASKED if q[1] == ORDERS}
OTHERS = {q for q in EVERY_ORDER if q[0] != "sam"}
PERSONAL = {ORDERS: {"customer_id", "card"}, PEOPLE: {"customer_id", "full_name", "born"}}
SALES = {"product": "sales.orders"}

# scope, effects, which of ASKED are refused, which columns of which of them are hidden or masked with null
CASES = {
    "hide": (SALES | {"classification": "personal"}, {"hide": True}, set(), {q: PERSONAL[ORDERS] for q in EVERY_ORDER}),
    "mask": ({"classification": "personal"}, {"mask": "null"}, set(), {q: PERSONAL[q[1]] for q in ASKED}),
    "tags": ({"tags": "classification >= confidential"}, {"hide": True}, set(), {q: {"secret_note"} for q in EVERY_ORDER}),
    "not": ({"tags": "not classification = confidential", "product": "crm.people"}, {"mask": "null"}, set(),
            {q: {"customer_id", "full_name", "born", "region"} for q in ASKED if q[1] == PEOPLE}),
    "suspend": ({"domain": "crm"}, {"suspend": True}, {q for q in ASKED if q[1] == PEOPLE}, {}),
    "freeze_producer": ({"domain": "sales"}, {"freeze": True}, OTHERS, {}),
    "freeze_both": ({"domain": "crm"}, {"freeze": True}, {("ana", PEOPLE, "analysis"), ("carl", ORDERS, "campaigns")}, {}),
    "purpose": (SALES, {"purpose": True}, {("otto", ORDERS, None), ("otto", ORDERS, "analysis"), ("sam", ORDERS, None)}, {}),
    "handing": (SALES, {"handing": True}, {("ana", ORDERS, "analysis"), ("otto", ORDERS, None), ("otto", ORDERS, "analysis")}, {}),
    "approvals": (SALES, {"approvals": {"count": 2}}, OTHERS, {}),
    "who_approves": (SALES, {"approvals": {"count": 1, "people": ["carl"]}}, OTHERS, {}),
    "approved_by_granting": (SALES, {"approvals": {"count": 1, "roles": ["owner"]}}, set(), {}),
    "max_days": (SALES, {"max_days": 30}, {("carl", ORDERS, "campaigns")}, {}),
    "fits_nothing": ({"classification": "nothing"}, {"hide": True, "suspend": True}, set(), {}),
    "everything": ("everything", {"suspend": True}, set(ASKED), {}),
}


def grants(shop):
    return [shop.grant(), shop.grant(to="outside", purpose="*"), shop.grant("--from", "2020-01-01", to="user:carl", purpose="campaigns"),
            shop.grant(object="crm.people", as_="carl")]


def answers(shop):
    """What each of ASKED gets: rows in the order of the key, None when refused."""
    out = {}
    for who, table, purpose in ASKED:
        told = shop.node.http("POST", "/api/v1/query", who, json={"sql": f"SELECT * FROM {table}"} | ({"purpose": purpose} if purpose else {}))
        assert told.status_code in (200, 403), told.text
        out[who, table, purpose] = told.json() if told.status_code == 200 else None
    return out


def expected(before, refused, columns, hide):
    def row(r, names):
        return {k: None if k in names else v for k, v in r.items() if not (hide and k in names)}

    return {q: None if q in refused else [row(r, columns.get(q, ())) for r in rows] for q, rows in before.items()}


def same(a, b):
    """The same rows, in whatever order."""
    return a.keys() == b.keys() and all((a[q] is None) == (b[q] is None) and (a[q] is None or sorted(map(str, a[q])) == sorted(map(str, b[q])))
                                        for q in a)


def foretold(trial):
    """(person, table, purpose) → hows that change an answer."""
    out = {}
    for q in trial["queries"]:
        hows_ = {e["how"] for e in q["effects"]} - {"ends_earlier", "ends_later", "level"}
        if hows_:
            out[q["person"], q["table"], q["purpose"] or None] = hows_
    return out


def test_each_effect_closes_what_it_says_and_a_trial_foretells_it(shop):
    node = shop.node
    made = grants(shop)
    before = answers(shop)
    assert all(before.values())
    for name, (scope, effects, refused, columns) in CASES.items():
        path = policy(shop, name, scope, **effects)
        trial = node.heddle("policy", "try", path)
        added = node.heddle("policy", "add", path)
        after = answers(shop)
        assert same(after, expected(before, refused, columns, "hide" in effects)), (name, {q: a and a[0] for q, a in after.items()})
        changed = foretold(trial)
        assert set(changed) == refused | set(columns), (name, changed)
        assert all(changed[q] in ({"refused"}, {"waits"}) for q in refused), (name, changed)
        assert all(changed[q] == {"hidden" if "hide" in effects else "masked"} for q in columns), (name, changed)
        # grants: closed ones are those under which nobody reads any more
        closed = {g["grant"] for g in trial["grants"] if {e["how"] for e in g["effects"]} & {"refused", "waits"}}
        for grant, principal, table in zip(made, ("insights", "outside", "carl", "insights"), (ORDERS, ORDERS, ORDERS, PEOPLE)):
            why = node.heddle("explain", principal, table, *(["--purpose", "campaigns"] if principal == "carl" else []))
            assert (grant["id"] in closed) == (why["verdict"] == "refuse"), (name, principal, why, closed)
        # lifting is foretold too, and brings back what was and no more
        shown = node.heddle("policy", "show", name)
        assert shown["id"] == added["id"] and shown["state"] == "active"
        back = node.heddle("policy", "lift", name, "--try")
        assert set(foretold(back)) == set(changed) and not any("refused" in h for h in foretold(back).values()), (name, foretold(back))
        assert {g["grant"] for g in back["grants"]} == {g["grant"] for g in trial["grants"]}, name
        assert node.heddle("policy", "lift", name)["state"] == "lifted"
    assert same(answers(shop), before)


def test_a_capped_grant_ends_earlier(shop):
    grant = shop.grant("--until", "2099-01-01")
    trial = attempt(shop, max_days=30)
    (effect,) = trial["grants"][0]["effects"]
    assert effect["how"] == "ends_earlier" and effect["was"] == "2099-01-01T23:59:59Z" and effect["now"] < "2099"
    add(shop, max_days=30)
    why = shop.node.heddle("explain", "ana", ORDERS, "--purpose", "analysis", as_="sam")
    assert why["until"] == effect["now"] and why["grant"] == grant["id"]


def test_the_level_of_the_sandbox(shop):
    shop.grant()
    shop.node.query(ALL, "ana")
    refused = []
    for wanted in (1, 2, 3):
        trial = attempt(shop, f"level{wanted}", level=wanted)
        (grant,) = trial["grants"]
        assert [(e["how"], e["was"], e["now"]) for e in grant["effects"]] == [("level", "0", str(wanted))]
        added = add(shop, f"level{wanted}", level=wanted)
        refused.append(shop.node.run("query", ALL, "--purpose", "analysis", as_="ana").status == REFUSED)
        assert refused[-1] == any("refused" in hows(q) for q in trial["queries"])
        shop.node.heddle("policy", "lift", added["id"])
    assert refused == sorted(refused)  # a higher level refuses whatever a lower one does


def test_no_restriction_opens_whichever_are_combined(shop):
    node = shop.node
    grants(shop)
    random = Random(7)
    before = answers(shop)
    seen, ids = before, []
    order = random.sample(sorted(set(CASES) - {"everything"}), 8)
    for name in order:
        scope, effects, _, _ = CASES[name]
        ids.append((node.heddle("policy", "add", policy(shop, name, scope, **effects))["id"], seen))
        now = answers(shop)
        for q, rows in now.items():
            if rows is None:
                continue
            assert seen[q] is not None and len(rows) == len(seen[q]), (name, q)
            for column in seen[q][0]:
                values = {str(r[column]) for r in rows} if column in rows[0] else set()
                assert values <= {str(r[column]) for r in seen[q]} | {"None"}, (name, q, column)
        seen = now
    for id_, was in reversed(ids):
        node.heddle("policy", "lift", id_)
        if random.random() < 0.4:
            assert same(answers(shop), was)
    assert same(answers(shop), before)


def test_names_and_ids(shop):
    node = shop.node
    first = add(shop, "one", hide=True, scope={"classification": "personal"})
    assert (first["name"], first["scope"], first["effects"]) == ("one", {"classification": "personal"}, {"hide": True})
    node.heddle("policy", "add", policy(shop, "one", suspend=True), expect=BAD)  # the name is taken
    node.heddle("lift", first["id"])
    second = add(shop, "one", max_days=5, approvals={"count": 2, "roles": ["steward"], "people": ["sam", "carl"]})
    assert node.heddle("policy", "show", "one")["id"] == second["id"]
    assert second["effects"]["approvals"] == {"count": 2, "roles": ["steward"], "people": ["sam", "carl"]}
    short = node.heddle("restrict", "personal", "--mask", "null")
    listed = {p["id"]: p["state"] for p in node.heddle("policies")["restrictions"]}
    assert listed == {first["id"]: "lifted", second["id"]: "active", short["id"]: "active"}
    for command in (("show",), ("lift",), ("lift", "--try")):
        node.heddle("policy", command[0], "two", *command[1:], expect=NOT_FOUND)
    # what was said comes back after a start, and after folding anew
    node.restart()
    assert {p["id"]: p["state"] for p in node.heddle("policies")["restrictions"]} == listed and node.heddle("rebuild")["same"]
    assert node.heddle("policy", "show", "one") == second
    # read back as it was written
    for line in node.heddle("policies", json_=False).out.splitlines()[1:]:
        assert line.split()[0] in listed
