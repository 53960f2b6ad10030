#!/usr/bin/env python3
"""Prove a copy of the logs without any of the program's code.

usage: verify_tlog.py DIR [--json]
       verify_tlog.py --self-test     prove a log made on the spot; then change each byte of its files: each must be found

DIR holds logs/<id>/{checkpoint,keys,tile/…}, as a node's data folder does. For each log: the checkpoint's Ed25519 signature by
the key in `keys`, the root over all entries (RFC 6962), every hash tile and every entry bundle (c2sp.org/tlog-tiles), and of
each entry that is a DSSE envelope the form. Entries that are only in the write-ahead file are not in the checkpoint yet and not
looked at. Exit status 0 when every log is proven, 1 when one is not, 2 for bad usage."""
import argparse
import base64
import hashlib
import json
import pathlib
import sys
import tempfile

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

WIDTH = 256


class Problem(Exception):
    """What is wrong, and with which entry if it is one."""

    def __init__(self, text, entry=None):
        super().__init__(text)
        self.entry = entry


def leaf_hash(entry):
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(hashes):
    """MTH of RFC 6962 2.1 over hashes taken as leaves."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    row = list(hashes)
    while len(row) > 1:  # an odd one at the end moves up unchanged, which gives the same tree as the recursion
        pairs = [node_hash(row[i], row[i + 1]) for i in range(0, len(row) - 1, 2)]
        row = pairs + ([row[-1]] if len(row) % 2 else [])
    return row[0]


def tile_path(level, number, width):
    parts = [f"{number % 1000:03d}"]
    while number >= 1000:
        number //= 1000
        parts.insert(0, f"x{number % 1000:03d}")
    return f"tile/{level}/{'/'.join(parts)}" + ("" if width == WIDTH else f".p/{width}")


def decode64(text, what):
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise Problem(f"{what}: not base64") from error
    if base64.b64encode(raw).decode() != text:
        raise Problem(f"{what}: base64 with bits left over")
    return raw


def key_read(path, origin):
    """(name, id, key) of a verifier key line `name+id+key`."""
    line = path.read_text(encoding="utf-8")
    if not line.endswith("\n") or line.count("\n") != 1:
        raise Problem("keys: not one line")
    name, key_id, text = line[:-1].split("+", 2)
    typed = decode64(text, "keys")
    if name != origin or len(typed) != 33 or typed[0] != 1:
        raise Problem("keys: not an Ed25519 key of this log")
    if hashlib.sha256(name.encode() + b"\n" + typed).digest()[:4].hex() != key_id:
        raise Problem("keys: the id does not belong to the key")
    return name, bytes.fromhex(key_id), typed[1:]


def checkpoint_read(folder, origin):
    """(size, root), the signature checked."""
    note = (folder / "checkpoint").read_bytes().decode("utf-8")
    text, empty, signatures = note.rpartition("\n\n")
    text += "\n"
    if not empty or not signatures.endswith("\n"):
        raise Problem("checkpoint: not a signed note")
    name, key_id, public = key_read(folder / "keys", origin)
    good = 0
    for line in signatures[:-1].split("\n"):
        dash, signer, encoded = line.split(" ")
        if dash != "\u2014":
            raise Problem("checkpoint: not a signature line")
        raw = decode64(encoded, "checkpoint")
        if signer != name or raw[:4] != key_id:
            continue
        try:
            Ed25519PublicKey.from_public_bytes(public).verify(raw[4:], text.encode())
        except InvalidSignature as error:
            raise Problem("checkpoint: the signature is wrong") from error
        good += 1
    if good == 0:
        raise Problem("checkpoint: not signed by the log's key")
    lines = text.split("\n")
    if len(lines) != 4 or lines[0] != origin or str(int(lines[1])) != lines[1]:
        raise Problem("checkpoint: not three lines of origin, size and root")
    return int(lines[1]), decode64(lines[2], "checkpoint")


def file_of(folder, path):
    try:
        return (folder / path).read_bytes()
    except OSError as error:
        raise Problem(f"{path}: {error.strerror}") from error


def bundle_entries(raw, width, path, first):
    entries = []
    at = 0
    for i in range(width):
        size = int.from_bytes(raw[at : at + 2], "big")
        entry = raw[at + 2 : at + 2 + size]
        if at + 2 > len(raw) or len(entry) != size:
            raise Problem(f"{path}: entry {first + i} is cut short", first + i)
        entries.append(entry)
        at += 2 + size
    if at != len(raw):
        raise Problem(f"{path}: bytes behind entry {first + width - 1}", first + width - 1)
    return entries


def envelope_check(entry, index):
    """A DSSE envelope has the three keys and one signature; the signature itself is the business of whoever knows the keys."""
    if not entry.startswith(b"{"):
        return False
    try:
        body = json.loads(entry)
    except ValueError:
        return False
    if set(body) != {"payloadType", "payload", "signatures"}:
        return False
    if len(body["signatures"]) != 1:
        raise Problem(f"entry {index}: {len(body['signatures'])} signatures", index)
    return True


def level_check(folder, level, hashes):
    """Compare the hashes of one level with its tiles."""
    for number in range((len(hashes) + WIDTH - 1) // WIDTH):
        row = hashes[number * WIDTH : (number + 1) * WIDTH]
        path = tile_path(level, number, len(row))
        raw = file_of(folder, path)
        if len(raw) != 32 * len(row):
            raise Problem(f"{path}: {len(raw)} bytes")
        for i, want in enumerate(row):
            if raw[32 * i : 32 * i + 32] != want:
                where = number * WIDTH + i
                raise Problem(f"{path}: the hash of {'entry' if level == 0 else 'subtree'} {where}", where if level == 0 else None)


def log_check(folder):
    size, root = checkpoint_read(folder, f"heddle/{folder.name}")
    leaves = []
    envelopes = 0
    while len(leaves) < size:
        first = len(leaves)
        width = min(WIDTH, size - first)
        path = tile_path("entries", first // WIDTH, width)
        for i, entry in enumerate(bundle_entries(file_of(folder, path), width, path, first)):
            envelopes += envelope_check(entry, first + i)
            leaves.append(leaf_hash(entry))
    level_check(folder, 0, leaves)  # names the entry, if it is one
    if root_of(leaves) != root:
        raise Problem("checkpoint: its root is not that of the entries")
    hashes, level = leaves, 0
    while len(hashes) >= WIDTH:
        hashes = [root_of(hashes[i : i + WIDTH]) for i in range(0, len(hashes) - len(hashes) % WIDTH, WIDTH)]
        level += 1
        level_check(folder, level, hashes)
    return {"size": size, "root": root.hex(), "envelopes": envelopes}


def log_make(folder, count):
    """A log of small entries with a full tile and two levels, as the specifications have it."""
    origin = f"heddle/{folder.name}"
    key = Ed25519PrivateKey.generate()
    public = b"\x01" + key.public_key().public_bytes_raw()
    key_id = hashlib.sha256(origin.encode() + b"\n" + public).digest()[:4]
    entries = [b"entry %d" % i for i in range(count)]
    levels = {"entries": [len(e).to_bytes(2, "big") + e for e in entries], 0: [leaf_hash(e) for e in entries]}
    levels[1] = [root_of(levels[0][i : i + WIDTH]) for i in range(0, count - count % WIDTH, WIDTH)]
    for level, items in levels.items():
        for at in range(0, len(items), WIDTH):
            row = items[at : at + WIDTH]
            path = folder / tile_path(level, at // WIDTH, len(row))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"".join(row))
    text = f"{origin}\n{count}\n{base64.b64encode(root_of(levels[0])).decode()}\n"
    signature = base64.b64encode(key_id + key.sign(text.encode())).decode()
    (folder / "checkpoint").write_text(f"{text}\n\u2014 {origin} {signature}\n", encoding="utf-8")
    (folder / "keys").write_text(f"{origin}+{key_id.hex()}+{base64.b64encode(public).decode()}\n", encoding="utf-8")


def refuses(folder):
    try:
        log_check(folder)
    except (Problem, ValueError, OSError):
        return True
    return False


def self_test():
    missed = tried = 0
    with tempfile.TemporaryDirectory() as where:
        folder = pathlib.Path(where) / "journal"
        log_make(folder, 259)
        proven = not refuses(folder)
        for path in [p for p in sorted(folder.rglob("*")) if p.is_file()]:
            data = path.read_bytes()
            for at in range(0, len(data), 1 if len(data) < 500 else 41):
                path.write_bytes(data[:at] + bytes([data[at] ^ (1 << at % 8)]) + data[at + 1 :])
                tried += 1
                missed += not refuses(folder)
            path.write_bytes(data)
    print(f"{tried} changes, {missed} missed" if proven else "a right log was refused")
    return 0 if proven and tried > 500 and missed == 0 else 1


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("dir", type=pathlib.Path)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    folders = sorted(p for p in (args.dir / "logs").glob("*") if p.is_dir())
    if not (args.dir / "logs").is_dir():
        parser.error(f"{args.dir}/logs is not a folder")
    reports = []
    for folder in folders:
        report = {"log": folder.name, "ok": True}
        if not (folder / "checkpoint").exists():
            report |= {"size": 0, "note": "no checkpoint yet"}
        else:
            try:
                report |= log_check(folder)
            except Problem as problem:
                report |= {"ok": False, "problem": str(problem), "entry": problem.entry}
            except (ValueError, OSError) as error:
                report |= {"ok": False, "problem": f"{type(error).__name__}: {error}", "entry": None}
        reports.append(report)
        if not args.json:
            print(report["log"], "ok" if report["ok"] else "BAD", report.get("size", ""), report.get("root", report.get("problem", "")))
    if args.json:
        print(json.dumps(reports))
    return 0 if all(r["ok"] for r in reports) else 1


if __name__ == "__main__":
    sys.exit(main())
