#!/usr/bin/env python3
"""Check an inclusion proof (c2sp.org/tlog-proof) without any of the program's code.

usage: verify_proof.py PROOF --keys FILE (--entry FILE | --leaf HEX)
       verify_proof.py --self-test     prove entries of logs made on the spot; then change each byte of proof and entry: each must be refused

FILE of --keys holds the log's verifier key, one line, as the node serves it at /api/v1/logs/<log>/files/keys. The checkpoint's Ed25519
signature is checked with it, and the path from the entry's leaf to the checkpoint's root as in RFC 9162 2.1.3.2. Exit status 0 when
the entry is proven to stand in the log, 1 when not, 2 for bad usage."""
import argparse
import base64
import hashlib
import pathlib
import re
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

HEADER = "c2sp.org/tlog-proof@v1"


class Problem(Exception):
    """Why it is no proof."""


def decode64(text, size=None):
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise Problem(f"not base64: {text[:40]}") from error
    if base64.b64encode(raw).decode() != text or size not in (None, len(raw)):
        raise Problem(f"base64 of another length, or with bits left over: {text[:60]}")
    return raw


def number(text):
    if not re.fullmatch("0|[1-9][0-9]{0,18}", text):
        raise Problem(f"not a number: {text[:40]!r}")
    return int(text)


def leaf_hash(entry):
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def checkpoint_check(note, key_line):
    """(origin, size, root) of a signed note, its signature checked."""
    name, key_id, key = key_line.rstrip("\n").split("+", 2)
    typed = decode64(key, 33)
    if typed[0] != 1 or hashlib.sha256(name.encode() + b"\n" + typed).hexdigest()[:8] != key_id:
        raise Problem("the key's id does not belong to it, or it is no Ed25519 key")
    text, empty, signatures = note.rpartition("\n\n")
    lines = text.split("\n")
    if not empty or len(lines) != 3 or not signatures.endswith("\n"):
        raise Problem("not a signed checkpoint of three lines")
    good = 0
    for line in signatures[:-1].split("\n"):
        match = re.fullmatch("\u2014 (\\S+) (\\S+)", line)
        if not match:
            raise Problem("not a signature line")
        raw = decode64(match[2])
        if match[1] != name or raw[:4].hex() != key_id:
            continue
        try:
            Ed25519PublicKey.from_public_bytes(typed[1:]).verify(raw[4:], (text + "\n").encode())
        except InvalidSignature as error:
            raise Problem("the checkpoint's signature is wrong") from error
        good += 1
    if good != 1 or lines[0] != name:
        raise Problem("the checkpoint is not signed by this log's key")
    return lines[0], number(lines[1]), decode64(lines[2], 32)


def root_from(leaf, index, size, path):
    """RFC 9162 2.1.3.2."""
    if index >= size:
        raise Problem(f"entry {index} of a log of {size}")
    fn, sn, r = index, size - 1, leaf
    for p in path:
        if sn == 0:
            raise Problem("the path is too long")
        if fn & 1 or fn == sn:
            r = node_hash(p, r)
            while fn & 1 == 0 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node_hash(r, p)
        fn, sn = fn >> 1, sn >> 1
    if sn != 0:
        raise Problem("the path is too short")
    return r


def check(proof, key_line, leaf):
    """(origin, index, size) when the proof holds for that leaf; Problem otherwise."""
    try:
        text = proof.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Problem("not UTF-8") from error
    head, empty, note = text.partition("\n\n")
    lines = head.split("\n")
    if not empty or lines.pop(0) != HEADER:
        raise Problem("not a tlog-proof of version 1")
    if lines and lines[0].startswith("extra "):
        decode64(lines.pop(0)[6:])
    if not lines or not lines[0].startswith("index "):
        raise Problem("it tells no index")
    index = number(lines.pop(0)[6:])
    path = [decode64(line, 32) for line in lines]
    origin, size, root = checkpoint_check(note, key_line)
    if root_from(leaf, index, size, path) != root:
        raise Problem(f"entry {index} is not in the tree under this checkpoint")
    return origin, index, size


# --- self-test ---

def range_root(leaves):
    if len(leaves) <= 1:
        return leaves[0] if leaves else hashlib.sha256(b"").digest()
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return node_hash(range_root(leaves[:k]), range_root(leaves[k:]))


def path_of(m, leaves):
    if len(leaves) <= 1:
        return []
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return path_of(m, leaves[:k]) + [range_root(leaves[k:])] if m < k else path_of(m - k, leaves[k:]) + [range_root(leaves[:k])]


def make_proof(key, name, leaves, index):
    typed = b"\x01" + key.public_key().public_bytes_raw()
    key_id = hashlib.sha256(name.encode() + b"\n" + typed).digest()[:4]
    b64 = lambda raw: base64.b64encode(raw).decode()  # noqa: E731
    text = f"{name}\n{len(leaves)}\n{b64(range_root(leaves))}\n"
    note = f"{text}\n\u2014 {name} {b64(key_id + key.sign(text.encode()))}\n"
    proof = "".join(f"{line}\n" for line in (HEADER, f"index {index}", *map(b64, path_of(index, leaves)), "")) + note
    return proof.encode(), f"{name}+{key_id.hex()}+{b64(typed)}\n"


def refused(proof, key_line, leaf):
    try:
        check(proof, key_line, leaf)
    except Problem:
        return True
    return False


def self_test():
    key = Ed25519PrivateKey.generate()
    for size in range(1, 18):
        entries = [f"entry {i} of {size}".encode() for i in range(size)]
        leaves = [leaf_hash(e) for e in entries]
        for index in range(size):
            proof, line = make_proof(key, "heddle/test", leaves, index)
            check(proof, line, leaves[index])
            assert all(refused(proof, line, leaves[i]) for i in range(size) if i != index), "the proof of another entry held"
    for at in range(len(proof)):
        for bit in (1, 0x20):
            changed = proof[:at] + bytes([proof[at] ^ bit]) + proof[at + 1:]
            assert refused(changed, line, leaves[-1]), f"byte {at} was changed and nobody noticed: {changed[max(0, at - 20):at + 20]}"
    assert refused(proof, make_proof(Ed25519PrivateKey.generate(), "heddle/test", leaves, 0)[1], leaves[-1]), "another log's key was taken"
    return len(proof)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("proof", nargs="?", type=pathlib.Path)
    parser.add_argument("--keys", type=pathlib.Path)
    parser.add_argument("--entry", type=pathlib.Path)
    parser.add_argument("--leaf")
    parser.add_argument("--self-test", action="store_true")
    args = parser.parse_args()
    if args.self_test:
        print(f"OK: {self_test()} bytes, each changed, each found")
        return 0
    if not args.proof or not args.keys or bool(args.entry) == bool(args.leaf):
        parser.error("give a proof, --keys, and one of --entry and --leaf")
    leaf = leaf_hash(args.entry.read_bytes()) if args.entry else bytes.fromhex(args.leaf)
    try:
        origin, index, size = check(args.proof.read_bytes(), args.keys.read_text(encoding="utf-8"), leaf)
    except Problem as problem:
        print(f"NOT PROVEN: {problem}", file=sys.stderr)
        return 1
    print(f"OK: entry {index} of {size} in {origin}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
