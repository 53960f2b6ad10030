"""Signing by the plain HTTP interface, as a client of somebody else's making would: 428, then POST /drafts/{draft} with 64 bytes."""

import json
import os
import shutil
import struct

import pytest
import requests
from attacks import Person
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from harness import HEDDLE
from test_core_races import at_once
from test_keys import draft, hand_in, kept  # noqa: F401 a fixture


def signed(key_file, payload):
    """DSSE over the payload, by a key file."""
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(json.loads(key_file.read_text())["secret"]))
    kind = b"application/vnd.heddle.event.v1+json"
    body = payload.encode()
    return key.sign(b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(body), body)).hex()


def reads(kept, purpose="analysis"):  # noqa: F811
    return Person(kept.node, "ana").query("SELECT count(*) n FROM stores.orders.orders", purpose).status_code == 200


def test_what_was_signed_counts_once(kept):  # noqa: F811
    wish = draft(kept)
    signature = signed(kept.key, wish["payload"])
    done = hand_in(kept, wish, signature)
    assert done.status_code == 201 and done.json()["id"] == json.loads(wish["payload"])["body"]["id"], done.text
    assert reads(kept)
    seq = kept.status()["seq"]
    assert hand_in(kept, wish, signature).status_code == 404, "twice"
    assert kept.status()["seq"] == seq


def test_one_signature_handed_in_many_times_at_once_counts_once(kept):  # noqa: F811
    wish, seq = draft(kept), kept.status()["seq"]
    signature = signed(kept.key, wish["payload"])
    done = at_once(*[lambda: hand_in(kept, wish, signature) for _ in range(6)])
    assert sorted(d.status_code for d in done) == [201] + [404] * 5, [d.text for d in done]
    assert kept.status()["seq"] == seq + 1 and reads(kept)


def test_an_entry_that_another_client_handed_in_is_told_as_done(kept):  # noqa: F811
    """Two clients of one key: the second finds what the first signed, not arrived yet, and hands it in."""
    wish, seq = draft(kept), kept.status()["seq"]
    signature = signed(kept.key, wish["payload"])
    other = Person(kept.node, "sam")("POST", "/api/v1/events", json={"payload": wish["payload"], "signature": signature})
    assert other.status_code == 201, other.text
    done = hand_in(kept, wish, signature)
    assert done.status_code == 201 and done.json()["id"] == json.loads(wish["payload"])["body"]["id"], done.text
    assert kept.status()["seq"] == seq + 1 and reads(kept)


def test_another_drafts_signature_is_refused_and_the_second_comes_to_nothing(kept):  # noqa: F811
    one, two = draft(kept, purpose="one"), draft(kept, purpose="two")
    signatures = [signed(kept.key, w["payload"]) for w in (one, two)]
    assert hand_in(kept, one, signatures[1]).status_code == 403
    assert hand_in(kept, one, signatures[0]).status_code == 201 and reads(kept, "one")
    late = hand_in(kept, two, signatures[1])  # rightly signed, for a place in the log that is taken
    assert late.status_code == 409 and "went on while this waited" in late.json()["error"]["message"], late.text
    assert not reads(kept, "two")
    assert kept.node.heddle("rebuild")["same"] and not kept.node.heddle("status")["refused"]


def test_a_wrong_signature_leaves_the_draft_to_who_asked(kept):  # noqa: F811
    kept.node.heddle("user", "add", "kim", "--domain", "stores", "--role", "owner", as_="sam")
    wish = draft(kept)
    right = signed(kept.key, wish["payload"])
    wrong = [signed(kept.folder / "sam.key.next", wish["payload"]), signed(kept.folder / "sam.key.recovery1", wish["payload"]),
             signed(kept.key, wish["payload"] + " "), signed(kept.key, wish["payload"].replace('"analysis"', '"marketing"')), right[:64] + "0" * 64]
    assert [hand_in(kept, wish, w).status_code for w in wrong] == [403] * len(wrong)
    for w in (right[:-2], right + "00", right[:-2] + "zz"):
        assert hand_in(kept, wish, w).status_code == 400
    assert hand_in(kept, wish, right, as_="kim").status_code == 404, "another owner's, with the right signature"
    assert hand_in(kept, wish, right, as_="ivy").status_code == 404
    assert not reads(kept)
    assert hand_in(kept, wish, right).status_code == 201 and reads(kept)


CHANGES = {
    "the grantee left": lambda node: node.heddle("user", "remove", "ana", as_="ivy"),
    "the purpose is none": lambda node: node.heddle("purpose", "add", "other"),
    "the domain was frozen": lambda node: policy(node, {"scope": {"domain": "stores"}, "effects": {"freeze": True}}),
}


def policy(node, doc):
    path = node.folder / "policy.json"
    path.write_text(json.dumps({"name": "meanwhile"} | doc))
    return node.heddle("policy", "add", path)


@pytest.mark.parametrize("change", CHANGES)
def test_what_changed_meanwhile_in_other_logs_is_checked_anew(kept, change):  # noqa: F811
    """The owner's own log stands where it stood, so the signature still fits: what it says is judged by what is true now."""
    wish = draft(kept, to="user:ana")
    CHANGES[change](kept.node)
    seq = kept.status()["seq"]
    done = hand_in(kept, wish, signed(kept.key, wish["payload"]))
    if change == "the domain was frozen":  # said, and of no effect until it is lifted
        assert done.status_code < 500 and not reads(kept)
        return
    assert 400 <= done.status_code < 500, done.text
    assert kept.status()["seq"] == seq


def test_a_draft_ends_after_its_time(kept):  # noqa: F811
    """Its five minutes are of the clock that nobody sets; the program runs with one that is ahead."""
    program = HEDDLE.parent / "tests" / "tools" / "heddle-clock"
    if not program.exists():
        pytest.skip("built without the tests")
    with open(kept.folder / "clock-ahead", "wb+", 0) as ahead:
        set_ahead = lambda seconds: os.pwrite(ahead.fileno(), struct.pack("q", seconds), 0)  # noqa: E731 in place: it is mapped
        set_ahead(0)
        kept.node.stop()
        kept.node.program = kept.folder / "heddle"
        shutil.copy(program, kept.node.program)
        shutil.copy(HEDDLE.parent / "libduckdb.so", kept.folder)
        kept.node.start()
        wish = draft(kept)
        waiting = draft(kept, purpose="waiting")
        set_ahead(290)
        assert hand_in(kept, wish, "00" * 64).status_code == 403, "it waits"
        set_ahead(305)
        for late in (wish, waiting):
            told = hand_in(kept, late, signed(kept.key, late["payload"]))
            assert told.status_code == 404 and "no such draft" in told.json()["error"]["message"], told.text
        assert not reads(kept)
        again = draft(kept)
        assert hand_in(kept, again, signed(kept.key, again["payload"])).status_code == 201 and reads(kept)


def test_a_client_that_leaves_in_the_middle_leaves_nothing(kept):  # noqa: F811
    """Many drafts by connections that close at once; the domain goes on."""
    for i in range(20):
        with requests.Session() as s:
            s.post(f"{kept.node.url}/api/v1/grants", headers={"Authorization": f"Bearer {kept.node.token('sam')}"},
                   json={"object": "stores.orders", "to": "insights", "purpose": f"p{i}"}, timeout=60).close()
    wish = draft(kept)
    assert hand_in(kept, wish, signed(kept.key, wish["payload"])).status_code == 201 and reads(kept)
