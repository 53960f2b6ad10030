"""The server as a process: roles, ports, folders, signals, TLS, a full disk."""

import os
import re
import signal
import socket
import stat
import subprocess
import time

import pytest
import requests
from harness import BAD, FAILED, HEDDLE, NOT_FOUND, PATIENCE, REFUSED, Node, Shop, alive, of_session, parquet, wait_for

ROLES = {"parent", "gate", "core", "keys", "lake"}


def role_pids(node):
    return {r["role"]: r["pid"] for r in node.heddle("status")["roles"]}


def test_status_shows_every_role_locked_in(node):
    status = node.heddle("status")
    roles = {r["role"]: r for r in status["roles"]}
    assert ROLES <= set(roles) and status["center"] == "governance"
    for name in ROLES - {"parent"}:
        assert re.fullmatch(r"L[123]", roles[name]["sandbox"]), roles[name]
        assert roles[name]["restarts"] == 0 and alive(roles[name]["pid"])


def test_roles_are_processes_of_little_authority(node):
    pids = role_pids(node)
    parent = node.process.pid
    assert pids["parent"] == parent
    for name in ROLES - {"parent"}:
        text = open(f"/proc/{pids[name]}/status").read()
        assert re.search(r"^NoNewPrivs:\s*1$", text, re.M) and re.search(r"^Seccomp:\s*2$", text, re.M), name
        assert f"PPid:\t{parent}" in text or name in ("worker", "reader")
        if os.geteuid() == 0:
            assert not re.search(r"^Uid:\s*0\s", text, re.M), f"{name} runs as root"
            assert re.search(r"^CapEff:\s*0+$", text, re.M), name


@pytest.mark.parametrize("role", sorted(ROLES - {"parent"}))
def test_a_killed_role_is_started_again_and_nothing_is_lost(shop, role):
    node = shop.node
    grant = shop.grant("--rows", "store_id = 1")
    pid = role_pids(node)[role]
    os.kill(pid, signal.SIGKILL)

    def well():
        told = node.run("status", "--json")
        now = [r for r in told.json["roles"] if r["role"] == role] if told.status == 0 else []
        if not now or now[0]["pid"] in (0, pid) or not now[0]["restarts"]:
            return False
        done = node.run("query", "SELECT count(*) AS n FROM sales.orders.orders", "--purpose", "analysis", "--json", as_="ana")
        assert done.status != 0 or done.json == [{"n": 10}]
        return done.status == 0

    wait_for(well, 15)
    assert [g["id"] for g in node.heddle("grants", as_="sam")["grants"]] == [grant["id"]]
    shop.publish()
    shop.grant(purpose="more")


def test_no_process_stays_behind(node):
    session = node.process.pid
    assert len(of_session(session)) >= len(ROLES)
    assert node.stop() == 0
    assert not of_session(session)
    session = node.start().process.pid
    node.process.kill()
    node.process.wait()
    node.process = None
    wait_for(lambda: not of_session(session), 5)


def test_a_node_that_is_stopped_tells_of_no_error(shop):
    """A reader that waits for work, as one does after each query that made an extract, ends with the node."""
    shop.grant("--rows", "store_id = 1")
    shop.node.query("SELECT count(*) FROM sales.orders.orders", "ana")
    wait_for(lambda: any(r["role"] == "reader" for r in shop.node.heddle("status")["roles"]))
    shop.node.stop()
    assert " error " not in shop.node.log_text()


def test_a_second_server_on_the_same_folder(node, make_node):
    done = subprocess.run([HEDDLE, "serve", "--data", node.data, "--http", "127.0.0.1:0"], capture_output=True, text=True, timeout=30 * PATIENCE)
    assert done.returncode == BAD and "another heddle" in done.stderr and len(done.stderr.splitlines()) <= 3, done.stderr
    assert node.heddle("status")["node"]


def test_a_busy_port(node, make_node):
    other = make_node("other")
    other.port = node.port
    other.heddle("init", "--data", other.data, json_=False, admin=False)
    done = subprocess.run([HEDDLE, "serve", "--data", other.data, "--http", f"127.0.0.1:{other.port}"], capture_output=True, text=True, timeout=30 * PATIENCE)
    assert done.returncode in (BAD, FAILED) and str(node.port) in done.stderr and "use" in done.stderr, done.stderr


def test_a_node_waits_for_the_port_of_the_one_before_it(node):
    """Whose gate may still be ending when the node is started anew at once."""
    node.stop()
    with socket.create_server(("127.0.0.1", node.port)):
        node.start(wait=False)
        time.sleep(1.5)
        assert node.process.poll() is None, node.log_text()[-2000:]
    wait_for(node.answers, 20)


@pytest.mark.parametrize("address", ["0.0.0.0:0", "127.0.0.1", "127.0.0.1:99999", "nowhere:80", ":::", "127.0.0.1:x"])
def test_addresses_it_does_not_take(make_node, address):
    """Without a certificate it listens on loopback alone."""
    node = make_node()
    node.port = 1
    node.heddle("init", "--data", node.data, json_=False, admin=False)
    done = subprocess.run([HEDDLE, "serve", "--data", node.data, "--http", address], capture_output=True, text=True, timeout=30 * PATIENCE)
    assert done.returncode == BAD and done.stderr, done.stderr


def test_a_data_folder_that_is_none(tmp_path):
    (tmp_path / "file").write_text("x")
    for folder in (tmp_path / "file", tmp_path / "no" / "such" / "place"):
        done = subprocess.run([HEDDLE, "serve", "--data", folder, "--http", "127.0.0.1:0"], capture_output=True, text=True, timeout=30 * PATIENCE)
        assert done.returncode in (BAD, NOT_FOUND) and folder.name in done.stderr, (folder, done.stderr)


@pytest.mark.parametrize("name", ["node.id", "root.key", "catalog/center"])
@pytest.mark.parametrize("put", [os.mkfifo, lambda path: path.symlink_to(path.with_suffix(".there"))])
def test_what_is_no_file_where_one_belongs_is_told_at_the_start(make_node, name, put):
    """A pipe would be waited for without end; behind a link a role would find nothing, again and again, while the node says that it is well."""
    node = make_node()
    node.start()
    node.stop()
    path = node.data / name
    path.rename(path.with_suffix(".there"))
    put(path)
    done = subprocess.run(node.serve_call(), capture_output=True, text=True, timeout=30 * PATIENCE)
    assert done.returncode > 0 and f"'{name}'" in done.stderr, done.stderr


def test_a_bad_config_names_what_is_wrong(make_node):
    node = make_node(config="no_such_setting: 1\n")
    node.port = 1
    node.heddle("init", "--data", node.data, json_=False, admin=False)
    done = subprocess.run(node.serve_call(), capture_output=True, text=True, timeout=30 * PATIENCE)
    assert done.returncode == BAD and "no_such_setting" in done.stderr


def test_starts_fast_and_stays_small(node):
    """No promise of speed: a loose limit that notices when something goes wrong by a factor."""
    node.stop()
    start = time.monotonic()
    node.start()
    took = time.monotonic() - start
    assert took < 5 * PATIENCE
    if "HEDDLE_SANITIZED" not in os.environ:
        memory = sum(int(re.search(r"^Pss:\s+(\d+) kB", open(f"/proc/{pid}/smaps_rollup").read(), re.M)[1])
                     for pid in [*node.pids(), node.process.pid] if alive(pid))
        assert memory < 300_000, f"{memory} kB"


def test_everything_survives_a_restart(shop):
    node = shop.node
    shop.grant("--rows", "store_id = 1", "--mask", "customer_id=hash")
    shown = [node.heddle(*line) for line in (("domains",), ("users",), ("products",))]
    rows = node.query("SELECT * FROM sales.orders.orders ORDER BY order_id", "ana")
    for stop in (node.stop, node.kill):
        stop()
        node.start()
        assert [node.heddle(*line) for line in (("domains",), ("users",), ("products",))] == shown
        assert node.query("SELECT * FROM sales.orders.orders ORDER BY order_id", "ana") == rows


def test_a_clock_set_back_opens_and_loses_nothing(shop, wrong_clock):
    """Order comes from the log. What has ended does not begin anew: the node goes by the latest time it has seen."""
    node, count = shop.node, "SELECT count(*) AS n FROM sales.orders.orders"

    def day(n):
        return time.strftime("%Y-%m-%d", time.gmtime(time.time() + n * 86400))

    def states():
        return {g["id"]: g["state"] for g in node.heddle("grants", "--all", as_="sam")["grants"]}

    ended = shop.grant("--until", day(10))["id"]
    lasting = shop.grant("--rows", "store_id = 1", purpose="lasting")["id"]
    wrong_clock(30)
    node.query(count, "ana", expect=REFUSED)
    assert node.query(count, "ana", "lasting") == [{"n": 10}]
    wrong_clock(-30)
    node.query(count, "ana", expect=REFUSED)
    assert "clock was set back" in node.log_text()
    assert states() == {ended: "expired", lasting: "active"}
    assert node.query(count, "ana", "lasting") == [{"n": 10}]
    made = shop.grant(purpose="made_meanwhile")["id"]
    shop.publish()
    node.heddle("revoke", lasting, as_="sam")
    node.query(count, "ana", "lasting", expect=REFUSED)
    wrong_clock(0)
    assert states() == {ended: "expired", lasting: "revoked", made: "active"}
    assert node.heddle("rebuild")["same"] and node.heddle("log", "verify")["ok"]


def certificate(folder):
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    import datetime
    import ipaddress

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "heddle test")])
    now = datetime.datetime.now(datetime.timezone.utc)
    cert = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
            .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=2))
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), True).sign(key, hashes.SHA256()))
    (folder / "cert.pem").write_bytes(cert.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                                       serialization.NoEncryption()))
    (folder / "key.pem").chmod(0o600)
    return folder / "cert.pem", folder / "key.pem"


def test_tls(make_node, tmp_path):
    cert, key = certificate(tmp_path)
    node = make_node(config=f"tls_certificate: {cert}\ntls_key: {key}\n")
    node.scheme, node.ca = "https", str(cert)
    node.start()
    assert node.heddle("status", "--ca", cert)["node"]
    assert node.heddle("status", HEDDLE_CA=str(cert))["node"]
    told = node.run("status")  # a certificate that nobody vouches for
    assert told.status == BAD and "certificate" in told.err
    with pytest.raises(requests.RequestException):
        requests.get(f"http://127.0.0.1:{node.port}/healthz", timeout=5)
    with pytest.raises(requests.RequestException):
        requests.get(f"{node.url}/healthz", timeout=5)
    assert not re.search("PRIVATE", node.log_text())


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_full_disk(make_node, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    node = Node(tmp_path / "n")
    node.data = disk / "node"
    try:
        node.start()
        shop = Shop(node).set_up()
        grant = shop.grant()
        large = parquet(shop.folder / "large.parquet", "select i::bigint order_id, (random()*1e9)::bigint customer_id, 1::bigint store_id, random() "
                        "amount, date '2024-01-01' ordered_on, md5(i::text) card, md5((i+1)::text) secret_note from range(1, 700000) t(i)")
        assert large.stat().st_size > 24 << 20
        told = shop.publish(large, expect=FAILED)
        assert told.error["code"] == "FULL" and "full" in told.error["message"].lower(), told.error
        assert node.scalar("SELECT count(*) FROM sales.orders.orders", "ana") == 30
        # to the last byte: what is acknowledged afterwards is there, what is not is an error that says why
        (disk / "filler").write_bytes(b"")
        with open(disk / "filler", "wb", 0) as f:
            try:
                while True:
                    f.write(b"x" * 4096)
            except OSError:
                pass
        made, refused = [grant["id"]], 0
        for i in range(300):
            done = node.run("grant", "sales.orders", "--to", "insights", "--purpose", f"p{i}", "--json", as_="sam")
            if done.status == 0:
                made.append(done.json["id"])
            else:
                refused += 1
                assert done.status == FAILED and done.error["code"] in ("FULL", "READ_ONLY", "UNAVAILABLE", "IO"), done.error
                if refused > 3:
                    break
        (disk / "filler").unlink()
        if node.process.poll() is not None:
            node.process = None
            node.start()
        wait_for(lambda: node.run("grants", as_="sam").status == 0, 15)
        assert {g["id"] for g in node.heddle("grants", as_="sam")["grants"]} >= set(made)
        wait_for(lambda: node.run("grant", "sales.orders", "--to", "insights", "--purpose", "after", as_="sam").status == 0, 15)
        assert node.heddle("rebuild")["same"]
    finally:
        node.kill()
        subprocess.run(["umount", disk], check=False)


def test_secrets_stand_nowhere_in_clear(shop):
    """Tokens and keys: not in the logs, the journal, the catalog, the server's output or other people's reach."""
    node = shop.node
    shop.grant()
    node.query("SELECT count(*) FROM sales.orders.orders", "ana")
    node.run("status", HEDDLE_TOKEN=node.token("ana") + "x")
    tokens = [p.read_text().strip().encode() for p in node.home.glob("tokens/*/*")] + [node.admin_token.encode()]
    shown = b"".join(node.http("GET", path).content for path in ("/metrics", "/api/v1/status", "/api/v1/journal?limit=1000", "/api/v1/users"))
    for pid in [*node.pids(), node.process.pid]:
        try:
            shown += open(f"/proc/{pid}/cmdline", "rb").read() + open(f"/proc/{pid}/environ", "rb").read()
        except OSError:
            pass
    node.stop()
    blob = shown + node.log.read_bytes()
    for path in node.data.rglob("*"):
        if path.is_file() and path.name != "admin.token":
            blob += path.read_bytes()
    for token in tokens:
        assert len(token) > 40 and token not in blob
    for path in node.data.rglob("*"):
        if path.is_file() and ("key" in path.name or path.name == "admin.token") and "logs" not in path.parts:
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_hostile_bytes_on_the_port(node):
    for data in (b"\x00" * 1000, b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00" + os.urandom(500), os.urandom(4000), b"GET /" + b"a" * 100000,
                 b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 5000, b"POST /api/v1/query HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
                 b"POST /api/v1/query HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", node.port), timeout=20) as s:
            try:
                s.sendall(data)
                s.shutdown(socket.SHUT_WR)
                answer = s.recv(65536)
            except OSError:
                answer = b""
            assert not answer or re.match(rb"HTTP/1\.[01] [45]", answer), answer[:100]
    assert node.answers()["status"] == "ok"
    assert all(r["restarts"] == 0 for r in node.heddle("status")["roles"])


def test_people_of_other_domains_see_little(shop):
    """An analyst is told who owns what, and nothing of other people's requests and grants."""
    node = shop.node
    shop.grant(to="outside")
    node.heddle("request", "sales.orders", "--purpose", "analysis", "--reason", "between us", as_="otto")
    assert node.heddle("grants", as_="ana")["grants"] == [] and node.heddle("requests", as_="ana")["requests"] == []
    assert node.heddle("requests", as_="carl")["requests"] == []
    assert {e["actor"] for e in node.heddle("journal", as_="ana")["entries"]} == {"ana"}
    node.heddle("rebuild", as_="ana", expect=REFUSED)


def test_the_journal_tells_what_was_done(shop):
    node = shop.node
    shop.grant()
    node.query("SELECT count(*) FROM sales.orders.orders", "ana")
    node.query("SELECT count(*) FROM sales.orders.orders", "otto", expect=REFUSED)
    node.heddle("user", "add", "alma", "--domain", "governance", "--role", "auditor")
    entries = node.heddle("journal", "--limit", "200", as_="alma")["entries"]
    assert [e["index"] for e in entries] == sorted(e["index"] for e in entries)
    queries = [e for e in entries if "query" in e["type"]]
    assert {e["actor"] for e in queries} and any("refused" in str(e) for e in queries) and any("refused" not in str(e) for e in queries)
