"""Keys that owners keep, rotation, recovery, stolen keys, forks, and the root key of a node."""

import contextlib
import json
import os
import shutil
import stat
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests
from harness import BAD, FAILED, HEDDLE, NOT_FOUND, ORDERS, ORDERS_SQL, PATIENCE, REFUSED, contract, copy_data, parquet

FORGE = HEDDLE.parent / "tests" / "tools" / "forge"
ALL = "SELECT count(*) FROM stores.orders.orders"


class Kept:
    """The domain `stores` (owner sam), which keeps its key, with one product; insights (owner ivy, analyst ana) reads."""

    def __init__(self, node):
        self.node, self.folder = node, node.folder
        self.key = self.folder / "sam.key"

    def set_up(self):
        node = self.node
        node.heddle("key", "new", self.key)
        self.log = node.heddle("domain", "add", "stores", "--owner", "sam", "--key", self.key)["id"]
        node.heddle("user", "add", "sam", "--domain", "stores", "--role", "owner")
        node.new_domain("insights", "ivy")
        node.heddle("user", "add", "ana", "--domain", "insights", "--role", "analyst", as_="ivy")
        self.file = parquet(self.folder / "orders.parquet", ORDERS_SQL)
        self.contract = contract(self.folder / "orders.yaml", "stores", "orders", {"orders": ORDERS})
        node.heddle("publish", self.contract, "--data", f"orders={self.file}", as_="sam")
        return self

    def grant(self, purpose="analysis", **more):
        return self.node.heddle("grant", "stores.orders", "--to", "insights", "--purpose", purpose, as_="sam", **more)

    def status(self):
        return self.node.heddle("key", "status", "stores", as_="sam")

    def recovery(self, *numbers):
        return [part for n in numbers for part in ("--recovery", f"{self.key}.recovery{n}")]

    def without_key(self):
        """The environment of somebody on whose machine no key is known, and their token."""
        home = self.folder / "elsewhere"
        shutil.copytree(self.node.home, home, dirs_exist_ok=True)
        shutil.rmtree(home / "keys")
        return {"HEDDLE_HOME": str(home)}


@pytest.fixture
def kept(make_node):
    return Kept(make_node().start()).set_up()


def keys_of(node):
    return sorted(p.name for p in (node.data / "keys").iterdir())


# --- custody ---

def test_key_files_are_for_their_owner_alone_and_never_written_over(node):
    key = node.folder / "k"
    node.heddle("key", "new", key)
    names = ["k", "k.next", "k.recovery1", "k.recovery2", "k.recovery3"]
    assert all(stat.S_IMODE((node.folder / n).stat().st_mode) == 0o600 for n in names)
    before = {n: (node.folder / n).read_bytes() for n in names}
    assert "there already" in node.heddle("key", "new", key, expect=BAD).error["message"]
    assert before == {n: (node.folder / n).read_bytes() for n in names}
    key.chmod(0o644)
    assert "others than you can read" in node.heddle("domain", "add", "x", "--owner", "o", "--key", key, expect=BAD).error["message"]


def test_a_passphrase_locks_key_files(node):
    key = node.folder / "k"
    node.heddle("key", "new", key, HEDDLE_KEY_PASSPHRASE="open sesame")
    doc = json.loads(key.read_text())
    assert doc["protection"] == "argon2id" and len(doc["secret"]) > 64
    for wrong in ({}, {"HEDDLE_KEY_PASSPHRASE": "guess"}):
        node.heddle("domain", "add", "x", "--owner", "o", "--key", key, expect=REFUSED, **wrong)
    node.heddle("domain", "add", "x", "--owner", "o", "--key", key, HEDDLE_KEY_PASSPHRASE="open sesame")


def test_the_node_has_no_key_that_signs_for_the_domain(kept):
    assert [n for n in keys_of(kept.node) if n.startswith(kept.log)] == [f"{kept.log}.note", f"{kept.log}.signed"]
    assert kept.status()["custody"] == "owner"


def test_a_grant_is_signed_on_the_owners_machine_and_counts(kept):
    kept.node.query(ALL, "ana", expect=REFUSED)
    told = kept.grant(json_=False)
    assert "signing grant.add" in told.err and "it opens data of the domain to somebody" in told.err and '"to": "domain"' in told.err
    assert kept.node.scalar(ALL, "ana") == 30
    assert kept.node.heddle("rebuild")["same"]
    kept.node.restart()
    assert kept.node.scalar(ALL, "ana") == 30


def test_without_the_key_nobody_grants_not_even_the_administrator(kept):
    away = kept.without_key()
    for command in (["grant", "stores.orders", "--to", "insights", "--purpose", "analysis"],
                    ["user", "add", "eve", "--domain", "stores", "--role", "analyst"]):
        assert kept.node.heddle(*command, as_="sam", expect=REFUSED, **away).error["code"] == "SIGNATURE_NEEDED"
    kept.node.heddle("user", "add", "eve", "--domain", "stores", "--role", "analyst", expect=REFUSED, **away)
    kept.node.query(ALL, "ana", expect=REFUSED)


def test_root_on_the_node_cannot_grant_with_any_key_it_finds(kept):
    """security.md attack 13, 14: every key of the folder in turn; the fold refuses each."""
    kept.grant("other")
    kept.node.stop()
    names = [n for n in keys_of(kept.node) if n.rpartition(".")[2] in ("event", "next", "note")]
    assert len(names) >= 8
    for name in names:
        done = subprocess.run([FORGE, kept.node.data, kept.log, name], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        kept.node.start()
        assert [r["log"] for r in kept.node.heddle("status")["refused"]][-1] == kept.log
        kept.node.query(ALL, "ana", "forged", expect=REFUSED)
        kept.node.stop()
    kept.node.start()
    kept.grant()  # the log goes on
    assert kept.node.scalar(ALL, "ana") == 30


# --- drafts ---

def draft(kept, as_="sam", **body):
    answer = kept.node.http("POST", "/api/v1/grants", as_=as_, json={"object": "stores.orders", "to": "insights", "purpose": "analysis"} | body)
    assert answer.status_code == 428 and answer.json()["error"]["code"] == "SIGNATURE_NEEDED", answer.text
    return answer.json()["signature"]


def hand_in(kept, wish, signature, as_="sam"):
    return kept.node.http("POST", f"/api/v1/drafts/{wish['draft']}", as_=as_, json={"signature": signature})


def last_signature(kept):
    return json.loads((kept.folder / "sam.key.signed").read_text())["signature"]


def test_a_draft_tells_what_it_would_say_and_changes_nothing(kept):
    before = kept.status()["seq"]
    wish = draft(kept)
    said = json.loads(wish["payload"])
    assert (said["origin"], said["type"], said["seq"]) == (kept.log, "grant.add", before) and wish["log"] == kept.log
    assert kept.status()["seq"] == before


def test_tampered_and_replayed_signatures_are_refused(kept):
    """security.md attack 12."""
    old = last_signature(kept)
    wish = draft(kept)
    assert hand_in(kept, wish, old).status_code == 403          # good, but under another payload
    assert hand_in(kept, wish, "00" * 64).status_code == 403
    assert hand_in(kept, wish, "zz" * 64).status_code == 400
    assert hand_in(kept, wish, old, as_="ivy").status_code == 404  # another's draft
    assert hand_in(kept, {"draft": "0" * 32}, old).status_code == 404
    kept.node.query(ALL, "ana", expect=REFUSED)


def test_a_draft_whose_log_went_on_comes_to_nothing(kept):
    wish = draft(kept)
    kept.grant("other")
    taken = last_signature(kept)
    assert hand_in(kept, wish, taken).status_code == 403
    assert kept.node.query(ALL, "ana", expect=REFUSED)


def test_drafts_of_one_person_push_out_older_ones_and_nothing_piles_up(kept):
    wishes = [draft(kept) for _ in range(12)]
    assert hand_in(kept, wishes[0], last_signature(kept)).status_code == 404
    assert hand_in(kept, wishes[-1], last_signature(kept)).status_code == 403
    kept.grant()


def test_a_draft_does_not_survive_who_asked_losing_the_role(kept):
    kept.node.heddle("user", "add", "kim", "--domain", "stores", "--role", "owner", as_="sam")
    wish = draft(kept, as_="kim")
    kept.node.heddle("user", "remove", "kim", as_="sam")
    assert hand_in(kept, wish, last_signature(kept), as_="sam").status_code == 404
    assert kept.node.http("POST", f"/api/v1/drafts/{wish['draft']}", token="hdl_x", json={"signature": "00" * 64}).status_code == 401


# --- a node that lies to the client ---

@contextlib.contextmanager
def served(handler):
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


class Liar:
    """Between client and node: changes what is asked to be signed."""

    def __init__(self, node, lie):
        class Handler(BaseHTTPRequestHandler):
            def do(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {k: v for k, v in self.headers.items() if k in ("Authorization", "Content-Type")}
                got = requests.request(self.command, node.url + self.path, headers=headers, data=body, timeout=60)
                content = got.content
                if got.status_code == 428:
                    doc = got.json()
                    said = json.loads(doc["signature"]["payload"])
                    lie(said, doc["signature"])
                    doc["signature"]["payload"] = json.dumps(said, separators=(",", ":"))
                    content = json.dumps(doc).encode()
                self.send_response(got.status_code)
                self.send_header("Content-Type", got.headers["Content-Type"])
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_DELETE = do_PUT = do

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


@pytest.mark.parametrize("lie, why", [
    (lambda said, wish: said.update(type="member.set", body={"person": "0" * 32, "role": "owner"}), "does not say"),
    (lambda said, wish: said.update(origin="0" * 64), "another log"),
    (lambda said, wish: (said.update(origin="0" * 64), wish.update(log="0" * 64)), "keeps its key"),
    (lambda said, wish: said.update(seq=said["seq"] - 1), "second history"),
    (lambda said, wish: said.update(prev="0" * 64), "--taken-over"),
], ids=["type", "origin", "log", "seq", "prev"])
def test_the_client_signs_nothing_but_what_its_command_says_in_its_place(kept, lie, why):
    before = last_signature(kept)
    with Liar(kept.node, lie) as url:
        told = kept.node.run("grant", "stores.orders", "--to", "insights", "--purpose", "analysis", "--url", url, as_="sam")
    assert told.status in (BAD, REFUSED, NOT_FOUND) and why in told.err, told.err
    assert last_signature(kept) == before
    kept.grant()


BENT = [
    (lambda body: body.update(purposes=["*"]), "another 'purposes'"),
    (lambda body: body.update(to="group", to_domain="0" * 64), "another kind of receiver"),
    (lambda body: body.update(also="everything"), "does not understand"),
    (lambda body: body.pop("until"), "does not understand"),
    (lambda body: body.update(interactions=["sql", "telepathy"]), "does not understand"),
]


def test_the_client_signs_what_was_asked_for_and_what_it_understands(kept):
    """A node that lies to its owner's client: what the client knows itself it does not take from the node."""
    for lie, why in BENT:
        assert why in lied_to(kept, lie)


NARROWED = [
    (["--hide", "amount"], lambda body: body.update(hidden=[]), "hidden"),
    (["--mask", "customer_id=hash"], lambda body: body.update(masks=[]), "masks"),
    (["--rows", "amount > 5"], lambda body: body.update(rows=""), "rows"),
    (["--no-export"], lambda body: body.pop("no_export"), "no_export"),
    (["--until", "2027-06-01"], lambda body: body.update(until="forever"), "until"),
    (["--row-budget", "5"], lambda body: body.update(row_budget=5000), "row_budget"),
    (["--via", "sql"], lambda body: body.update(interactions=["sql", "api"]), "interactions"),
]


def lied_to(kept, lie, *more):
    """What the client says when the node bends the grant that it was asked for; it signs nothing."""
    before = last_signature(kept)
    with Liar(kept.node, lambda said, _: lie(said["body"])) as url:
        told = kept.node.run("grant", "stores.orders", "--to", "insights", "--purpose", "analysis", *more, "--url", url, as_="sam")
    assert told.status == REFUSED and last_signature(kept) == before, told.err
    return told.err


def test_what_narrows_a_grant_does_not_fall_away_on_the_way_to_the_client(kept):
    for asked, lie, what in NARROWED:
        assert f"less in '{what}'" in lied_to(kept, lie, *asked)
        kept.node.heddle("grant", "stores.orders", "--to", "insights", "--purpose", "analysis", *asked, as_="sam")  # the honest one is signed


def test_the_client_confirms_no_other_entries_and_tags_no_other_thing(kept):
    since = kept.status()["seq"]
    for purpose in ("stolen", "mine"):
        kept.grant(purpose)
    kept.node.heddle("key", "rotate", "stores", "--compromised-since", since, as_="sam")
    before = last_signature(kept)
    with Liar(kept.node, lambda said, _: said["body"].update(seqs=[since, since + 1])) as url:
        told = kept.node.run("confirm", "stores", since + 1, "--url", url, as_="sam")
    assert told.status == REFUSED and "other entries" in told.err, told.err
    with Liar(kept.node, lambda said, _: said["body"].update(column="")) as url:
        told = kept.node.run("tag", "set", "stores.orders.orders.amount", "classification=public", "--url", url, as_="sam")
    assert told.status == REFUSED and "another table or column" in told.err, told.err
    assert last_signature(kept) == before
    kept.node.heddle("confirm", "stores", since + 1, as_="sam")


def test_the_client_takes_no_other_role_from_the_node(kept):
    before = last_signature(kept)
    with Liar(kept.node, lambda said, _: said["body"].update(role="owner")) as url:
        told = kept.node.run("user", "add", "eve", "--domain", "stores", "--role", "steward", "--url", url, as_="sam")
    assert told.status == REFUSED and "another 'role'" in told.err
    assert last_signature(kept) == before


def test_a_tampered_payload_that_the_client_signs_is_refused_by_the_node(kept):
    def lie(said, _):
        said["body"]["to_id"] = "0" * 64  # whose id that is the client cannot know: it shows it

    with Liar(kept.node, lie) as url:
        told = kept.node.run("grant", "stores.orders", "--to", "insights", "--purpose", "analysis", "--url", url, as_="sam")
    assert told.status == REFUSED and "not under what was to be signed" in told.err
    kept.node.query(ALL, "ana", expect=REFUSED)


def test_an_entry_whose_acknowledgement_was_lost_is_handed_in_and_not_signed_anew(kept):
    """The client signed; what it sent never arrived. It does not sign another entry for that place."""
    class Lost(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if "/drafts/" in self.path:
                self.connection.close()
                return
            headers = {k: v for k, v in self.headers.items() if k in ("Authorization", "Content-Type")}
            got = requests.post(kept.node.url + self.path, headers=headers, data=body, timeout=60)
            self.send_response(got.status_code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(got.content)))
            self.end_headers()
            self.wfile.write(got.content)

        def do_GET(self):
            got = requests.get(kept.node.url + self.path, timeout=60)
            self.send_response(got.status_code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(got.content)))
            self.end_headers()
            self.wfile.write(got.content)

        def log_message(self, *_):
            pass

    with served(Lost) as url:
        lost = kept.node.run("grant", "stores.orders", "--to", "insights", "--purpose", "lost", "--url", url, as_="sam")
    assert lost.status == FAILED
    kept.node.query(ALL, "ana", "lost", expect=REFUSED)
    kept.node.restart()  # and the draft is gone, too
    told = kept.node.heddle("grant", "stores.orders", "--to", "insights", "--purpose", "analysis", as_="sam", expect=BAD)
    assert "handed in now" in told.error["message"]
    assert kept.node.scalar(ALL, "ana", "lost") == 30
    kept.node.query(ALL, "ana", "analysis", expect=REFUSED)
    kept.grant()
    assert kept.node.scalar(ALL, "ana") == 30


# --- rotation and recovery ---

def test_rotation_by_the_owner(kept):
    kept.grant()
    old = kept.status()
    new = kept.node.heddle("key", "rotate", "stores", as_="sam")
    assert new["key"] != old["key"] and new["next"] != old["next"] and new["since"] >= old["since"]
    assert not (kept.folder / "sam.key.after").exists()
    kept.grant("other")
    assert kept.node.scalar(ALL, "ana") == kept.node.scalar(ALL, "ana", "other") == 30
    kept.node.restart()
    kept.node.heddle("key", "rotate", "stores", as_="sam")
    kept.grant("third")
    copy = kept.node.folder / "copy"
    kept.node.stop()
    copy_data(kept.node, copy)
    kept.node.start()
    assert kept.node.heddle("log", "verify", "--dir", copy)["ok"]
    assert kept.node.heddle("rebuild")["same"]


@pytest.fixture
def broken_off(kept):
    """A rotation that the node took, whose client was killed before it put the new key's file in place of the old one."""
    names = ("sam.key", "sam.key.next")
    before = [(kept.folder / n).read_bytes() for n in names]
    kept.node.heddle("key", "rotate", "stores", as_="sam")
    (kept.folder / "sam.key.next").rename(kept.folder / "sam.key.after")
    for name, content in zip(names, before, strict=True):
        (kept.folder / name).write_bytes(content)
        (kept.folder / name).chmod(0o600)
    return kept


def test_a_rotation_whose_client_was_killed_is_brought_to_its_end(broken_off):
    """The old key signs nothing meanwhile: its signature would take the place in the log from the new one."""
    kept = broken_off
    signed = last_signature(kept)
    told = kept.node.heddle("grant", "stores.orders", "--to", "insights", "--purpose", "analysis", as_="sam", expect=REFUSED)
    assert "is not the key that stores has now" in told.error["message"] and "heddle key rotate stores" in told.error["hint"], told.out
    assert last_signature(kept) == signed
    size = kept.status()["seq"]
    kept.node.heddle("key", "rotate", "stores", as_="sam")
    assert kept.status()["seq"] == size and not (kept.folder / "sam.key.after").exists()
    kept.grant()
    assert kept.node.scalar(ALL, "ana") == 30
    kept.node.heddle("key", "rotate", "stores", as_="sam")


def test_a_rotation_that_was_killed_before_its_last_step_leaves_nothing_in_the_way(kept):
    kept.node.heddle("key", "rotate", "stores", as_="sam")
    shutil.copy(kept.folder / "sam.key.next", kept.folder / "sam.key.after")
    kept.grant()
    before = kept.status()["key"]
    kept.node.heddle("key", "rotate", "stores", as_="sam")
    assert kept.status()["key"] != before and not (kept.folder / "sam.key.after").exists()
    kept.node.heddle("key", "rotate", "stores", as_="sam")


def test_what_ends_another_rotation_is_not_taken_for_a_recovery(broken_off):
    kept = broken_off
    since = kept.status()["seq"] - 2
    recover = ("key", "recover", "stores", *kept.recovery(1, 3), "--compromised-since", since)
    told = kept.node.heddle(*recover, as_="sam", expect=BAD)
    assert "say this again" in told.error["message"] and kept.status()["voids"] == []
    kept.node.heddle(*recover, as_="sam")
    assert [v["from"] for v in kept.status()["voids"]] == [since]


def test_no_other_key_is_taken_for_the_domains(kept):
    """It would be bound to a log that is not its own, and could not be used for its own any more."""
    kept.node.heddle("key", "new", kept.folder / "other.key")
    told = kept.node.heddle("grant", "stores.orders", "--to", "insights", "--purpose", "analysis", "--key", kept.folder / "other.key", as_="sam", expect=REFUSED)
    assert "is not the key that stores has now" in told.error["message"]
    assert not (kept.folder / "other.key.signed").exists()
    kept.node.heddle("domain", "add", "others", "--owner", "otto", "--key", kept.folder / "other.key")


def test_an_old_key_signs_nothing_after_a_rotation(kept):
    for name in ("sam.key", "sam.key.signed"):
        shutil.copy(kept.folder / name, kept.folder / f"old-{name}")
    kept.node.heddle("key", "rotate", "stores", as_="sam")
    told = kept.node.run("grant", "stores.orders", "--to", "insights", "--purpose", "analysis", "--key", kept.folder / "old-sam.key", as_="sam")
    assert told.status == REFUSED
    kept.node.query(ALL, "ana", expect=REFUSED)


def test_rotation_and_recovery_where_the_node_keeps_the_key(node):
    node.heddle("domain", "add", "sales", "--owner", "sam", "--recovery-out", node.folder / "rec")
    node.heddle("user", "add", "sam", "--domain", "sales", "--role", "owner")
    files = [node.folder / "rec" / f"sales.recovery{n}" for n in (1, 2, 3)]
    first = node.heddle("key", "status", "sales", as_="sam")
    assert first["custody"] == "node" and len(first["recovery"]) == 3
    second = node.heddle("key", "rotate", "sales", as_="sam")
    node.heddle("user", "add", "ana", "--domain", "sales", "--role", "analyst", as_="sam")
    for wrong in (files[:1], [files[0], files[0]]):
        args = [part for f in wrong for part in ("--recovery", f)]
        node.heddle("key", "recover", "sales", *args, as_="sam", expect=BAD)
    third = node.heddle("key", "recover", "sales", "--recovery", files[2], "--recovery", files[0], as_="sam")
    assert len({first["key"], second["key"], third["key"]}) == 3
    node.heddle("user", "add", "abe", "--domain", "sales", "--role", "analyst", as_="sam")
    node.restart()
    node.heddle("user", "add", "ada", "--domain", "sales", "--role", "analyst", as_="sam")
    assert node.heddle("rebuild")["same"]
    node.heddle("user", "add", "eve", "--domain", "sales", "--role", "engineer")
    node.heddle("key", "rotate", "sales", as_="eve", expect=REFUSED)


def test_recovery_after_the_key_is_lost(kept):
    kept.key.unlink()
    kept.node.heddle("grant", "stores.orders", "--to", "insights", "--purpose", "analysis", as_="sam", expect=NOT_FOUND)
    kept.node.heddle("key", "recover", "stores", *kept.recovery(1, 3), as_="sam")
    assert kept.key.exists()
    kept.grant()
    assert kept.node.scalar(ALL, "ana") == 30


def test_compromised_since_voids_grants_until_confirmed_and_keeps_revokes(kept):
    """security.md attack 13: a back-dated grant by a stolen key."""
    early, gone = kept.grant("early"), kept.grant("gone")
    since = kept.status()["seq"]
    kept.grant("stolen")
    seq = kept.status()["seq"]
    kept.grant("mine")
    kept.node.heddle("revoke", gone["id"], as_="sam")
    told = kept.node.heddle("key", "recover", "stores", *kept.recovery(2, 3), "--compromised-since", since, as_="sam")
    assert [v["seq"] for v in told["void"]] == [since, seq] and told["voids"][0]["from"] == since
    for purpose, expect in (("early", True), ("stolen", False), ("mine", False), ("gone", False)):
        if expect:
            assert kept.node.scalar(ALL, "ana", purpose) == 30
        else:
            kept.node.query(ALL, "ana", purpose, expect=REFUSED)
    kept.node.heddle("confirm", "stores", seq, as_="sam")
    assert kept.node.scalar(ALL, "ana", "mine") == 30
    kept.node.query(ALL, "ana", "stolen", expect=REFUSED)
    kept.node.heddle("confirm", "stores", seq, as_="sam", expect=BAD)
    assert early and kept.node.heddle("rebuild")["same"]
    kept.node.restart()
    assert kept.node.scalar(ALL, "ana", "mine") == 30
    kept.node.query(ALL, "ana", "stolen", expect=REFUSED)


def test_members_whom_a_stolen_key_added_are_nobody_until_confirmed(kept):
    """Of any role: tokens of theirs open nothing, and what was theirs before comes back one by one."""
    since = kept.status()["seq"]
    for who, role in (("eve", "analyst"), ("ned", "steward")):
        kept.node.heddle("user", "add", who, "--domain", "stores", "--role", role, as_="sam")
    kept.node.heddle("products", as_="eve")
    kept.node.heddle("key", "recover", "stores", *kept.recovery(1, 2), "--compromised-since", since, as_="sam")
    for who in ("eve", "ned"):
        assert kept.node.http("GET", "/api/v1/products", as_=who).status_code == 401
    assert {u["name"] for u in kept.node.heddle("users", as_="sam")["users"] if u.get("void")} == {"eve", "ned"}
    kept.node.heddle("confirm", "stores", since + 1, as_="sam")
    kept.node.heddle("products", as_="ned")
    assert kept.node.http("GET", "/api/v1/products", as_="eve").status_code == 401
    kept.node.heddle("user", "add", "eve", "--domain", "stores", "--role", "analyst", as_="sam")  # said anew, by the next key
    kept.node.heddle("products", as_="eve")
    assert kept.node.heddle("rebuild")["same"]


def test_what_a_stolen_key_published_is_for_its_own_domain_until_confirmed(kept):
    kept.grant()
    since = kept.status()["seq"]
    kept.contract.write_text(kept.contract.read_text().replace("version: 1.0.0", "version: 1.0.1"))
    kept.node.heddle("publish", kept.contract, "--data", f"orders={kept.file}", as_="sam")
    assert kept.node.scalar(ALL, "ana") == 30
    kept.node.heddle("key", "rotate", "stores", "--compromised-since", since, as_="sam")
    kept.node.query(ALL, "ana", expect=REFUSED)
    assert kept.node.scalar(ALL, "sam") == 30
    kept.node.heddle("confirm", "stores", since, as_="sam")
    assert kept.node.scalar(ALL, "ana") == 30


def test_an_owner_whom_a_thief_drove_out_comes_back_with_the_recovery_keys(kept):
    since = kept.status()["seq"]
    kept.node.heddle("user", "add", "kim", "--domain", "stores", "--role", "owner", as_="sam")
    kept.node.heddle("user", "remove", "sam", as_="kim")
    assert kept.node.http("GET", "/api/v1/products", as_="sam").status_code == 401
    told = kept.node.heddle("key", "recover", "stores", *kept.recovery(1, 3), "--compromised-since", since, as_="ivy")
    assert [v["type"] for v in told["void"]] == ["member.set"]
    assert kept.node.http("GET", "/api/v1/products", as_="kim").status_code == 401
    kept.node.heddle("user", "add", "mal", "--domain", "stores", "--role", "owner", expect=REFUSED, **kept.without_key())
    kept.node.heddle("user", "add", "sam", "--domain", "stores", "--role", "owner", "--key", kept.key)
    kept.grant()
    assert kept.node.scalar(ALL, "ana") == 30
    kept.node.heddle("user", "add", "mal", "--domain", "stores", "--role", "owner", "--key", kept.key, expect=REFUSED)  # it has one again


def test_a_next_key_is_shown_to_owners_and_recovery_keys_alone(node):
    node.heddle("domain", "add", "sales", "--owner", "sam", "--recovery-out", node.folder / "rec")
    node.heddle("user", "add", "sam", "--domain", "sales", "--role", "owner")
    node.new_domain("crm", "carl")
    path = "/api/v1/domains/sales/keys/prepare"
    files = set(keys_of(node))
    for who in ("carl", None):
        assert node.http("POST", path, json={}, **({"as_": who} if who else {})).status_code == 403
    forged = ["00" * 32 + " " + "00" * 64] * 2
    assert node.http("POST", path, as_="carl", json={"endorsements": forged}).status_code == 403
    assert set(keys_of(node)) == files  # and none was made
    assert node.http("POST", path, as_="sam", json={}).status_code == 200
    standing = node.heddle("key", "status", "sales", as_="carl")
    assert standing["void"] == [] and len(standing["recovery"]) == 3
    args = [part for n in (1, 2) for part in ("--recovery", node.folder / "rec" / f"sales.recovery{n}")]
    assert node.heddle("key", "recover", "sales", *args, as_="carl")["key"] != standing["key"]


def test_a_replayed_rotation_changes_nothing(kept):
    """Attack 12: what an old rotation was endorsed with, sent once more by somebody with a token."""
    seen = []

    class Heard(Liar):
        def __init__(self, node):
            super().__init__(node, lambda said, wish: seen.append(said))

    with Heard(kept.node) as url:
        kept.node.heddle("key", "rotate", "stores", "--url", url, as_="sam")
    (old,) = seen
    before = kept.status()
    body = {"event_pub": old["body"]["event_pub"], "next": old["body"]["next"], "endorsements": [" ".join(e) for e in old["body"]["endorsements"]]}
    assert kept.node.http("POST", "/api/v1/domains/stores/keys", as_="sam", json=body).status_code == 403
    assert kept.status() == before
    kept.node.heddle("key", "rotate", "stores", as_="sam")  # its client goes on


def test_no_snapshot_can_be_put_in_place_of_another(kept):
    """Attack 30, by somebody with the folder: the manifest of one product under the name of another's."""
    kept.grant()
    other = contract(kept.folder / "copies.yaml", "stores", "copies", {"copies": ORDERS})
    kept.node.heddle("publish", other, "--data", f"copies={kept.file}", as_="sam")
    assert kept.node.scalar(ALL, "ana") == 30
    blobs = kept.node.data / "catalog" / "blobs"
    named = {t: p for p in blobs.iterdir() for t in ("orders", "copies") if p.read_bytes().startswith(b'{"v":1,"table":"%s"' % t.encode())}
    kept.node.stop()
    named["orders"].write_bytes(named["copies"].read_bytes())
    kept.node.start()
    kept.node.query(ALL, "ana", expect=FAILED)


# --- forks ---

def test_a_fork_is_found_proven_freezes_and_is_resolved(kept):
    """Restored from a backup, and signed again: security.md attack 18 seen from outside."""
    kept.grant()
    kept.node.stop()
    backup = kept.folder / "backup"
    subprocess.run(["cp", "-a", kept.node.data, backup], check=True)
    for name in ("sam.key", "sam.key.signed"):
        shutil.copy(kept.folder / name, kept.folder / f"{name}.backup")
    kept.node.start()
    fork = kept.status()["seq"]
    kept.grant("one")
    kept.node.stop()
    first = copy_data(kept.node, kept.folder / "first")
    subprocess.run(["rm", "-rf", kept.node.data], check=True)
    subprocess.run(["cp", "-a", backup, kept.node.data], check=True)
    for name in ("sam.key", "sam.key.signed"):
        shutil.copy(kept.folder / f"{name}.backup", kept.folder / name)
    kept.node.start()
    kept.grant("two")
    kept.node.stop()
    second = copy_data(kept.node, kept.folder / "second")
    kept.node.start()
    told = subprocess.run(
        [HEDDLE, "log", "compare", first, second], capture_output=True, text=True, cwd=kept.folder)
    assert told.returncode == FAILED, told.stdout + told.stderr
    (proof,) = [p for p in kept.folder.glob("fork-*.json") if json.loads(p.read_text())["log"] == kept.log]
    assert json.loads(proof.read_text())["at"] == fork
    assert kept.node.scalar(ALL, "ana", "two") == 30
    same = json.loads(proof.read_text())
    same["b"] = same["a"]
    (kept.folder / "same.json").write_text(json.dumps(same))
    kept.node.heddle("fork", "report", kept.folder / "same.json", as_="ivy", expect=BAD)
    kept.node.heddle("fork", "report", proof, as_="ivy")
    assert [(f["domain"], f["at"], f["state"]) for f in kept.node.heddle("forks")["forks"]] == [("stores", fork, "open")]
    assert kept.status()["frozen"]
    for purpose in ("analysis", "two"):
        kept.node.query(ALL, "ana", purpose, expect=REFUSED)
    kept.node.restart()
    kept.node.query(ALL, "ana", "analysis", expect=REFUSED)
    kept.node.heddle("fork", "resolve", "stores", fork, *kept.recovery(1), as_="sam", expect=BAD)
    kept.node.heddle("fork", "resolve", "stores", fork, *kept.recovery(1, 2), as_="sam")
    assert [f["state"] for f in kept.node.heddle("forks")["forks"]] == ["settled"]
    assert kept.node.scalar(ALL, "ana") == kept.node.scalar(ALL, "ana", "two") == 30
    assert kept.node.heddle("rebuild")["same"]


# --- the root key ---

def cannot_start(node, why, **env):
    node.start(wait=False, **env)
    assert node.process.wait(30 * PATIENCE) != 0
    node.process = None
    assert why in node.log_text(), node.log_text()[-2000:]
    node.log.unlink()


def test_a_missing_or_wrong_root_key_is_told_and_none_is_made(node):
    node.new_domain("sales", "sam")
    node.stop()
    node.log.unlink()
    path = node.data / "root.key"
    good = path.read_text()
    before = {n: (node.data / "keys" / n).read_bytes() for n in keys_of(node)}
    path.unlink()
    cannot_start(node, "the root key is not there")
    assert not path.exists()
    path.write_text("11" * 32 + "\n")
    cannot_start(node, "does not open")
    path.write_text("nonsense")
    cannot_start(node, "64 hex digits")
    path.write_text(good)
    aside = node.folder / "keys"
    (node.data / "keys").rename(aside)
    (node.data / "keys").mkdir(mode=0o700)
    os.chown(node.data / "keys", aside.stat().st_uid, aside.stat().st_gid)
    cannot_start(node, "keys of this node are gone")
    (node.data / "keys").rmdir()
    aside.rename(node.data / "keys")
    node.start()
    assert before == {n: (node.data / "keys" / n).read_bytes() for n in keys_of(node)}


def test_swapped_key_files_do_not_open(node):
    node.new_domain("sales", "sam")
    node.new_domain("crm", "carl")
    node.stop()
    logs = sorted({n.partition(".")[0] for n in keys_of(node)} - {"journal", "mask"})
    one, other = (node.data / "keys" / f"{log}.event" for log in logs[-2:])
    a, b = one.read_bytes(), other.read_bytes()
    one.write_bytes(b)
    other.write_bytes(a)
    node.start()
    answers = [node.run("user", "add", f"eve_{d}", "--domain", d, "--role", "engineer") for d in ("sales", "crm")]
    assert FAILED in [a.status for a in answers]
    assert "does not open" in node.log_text()


def test_the_root_key_comes_from_the_environment_and_goes_to_nobody_else(make_node):
    node = make_node()
    key = "5e" * 32
    subprocess.run(
        [HEDDLE, "init", "--data", node.data], env={**os.environ, "HEDDLE_ROOT_KEY": key}, check=True, capture_output=True)
    assert not (node.data / "root.key").exists()
    node.start(HEDDLE_ROOT_KEY=key)
    for pid in [node.process.pid, *node.pids()]:
        with open(f"/proc/{pid}/environ", "rb") as f:
            assert key.encode() not in f.read()
    node.new_domain("sales", "sam")
    node.stop()
    node.log.unlink()
    cannot_start(node, "64 hex digits", HEDDLE_ROOT_KEY="5e")
    cannot_start(node, "does not open", HEDDLE_ROOT_KEY="5f" * 32)
    node.start(HEDDLE_ROOT_KEY=key)


def test_the_root_key_comes_from_a_command(make_node):
    node = make_node(config={})
    node.heddle("init", "--data", node.data, json_=False, admin=False)
    kept = node.folder / "vault"
    (node.data / "root.key").rename(kept)
    node.config = {"root_key_command": ["/bin/cat", str(kept)]}
    node.start()
    node.new_domain("sales", "sam")
    node.stop()
    node.log.unlink()
    for command, why in ((["/bin/false"], "ended with status 1"), (["/bin/echo", "no key"], "64 hex digits"), (["/no/such/program"], "ended with status 127"),
                         (["/bin/cat", "/bin/cat"], "printed more than"), (["cat", "x"], "from the root on"), ("/bin/cat x", "must be a list")):
        node.config = {"root_key_command": command}
        cannot_start(node, why)
    node.config = {"root_key_file": str(kept)}
    node.start()
    node.stop()
    node.log.unlink()
    node.config = {"root_key_file": str(kept), "root_key_command": ["/bin/cat", str(kept)]}
    cannot_start(node, "named twice")
