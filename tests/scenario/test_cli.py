"""The command line itself: help, usage, exit statuses, tokens, one JSON document per command."""

import json
import re
import shlex
import stat
import subprocess

import pytest
from harness import BAD, DONE, FAILED, HEDDLE, NOT_FOUND, REFUSED, ROOT, Node

WORDS = ["init", "serve", "status", "domain add", "user add", "publish", "products", "show", "request", "requests", "approve", "deny",
         "grant", "grants", "revoke", "query", "explain", "log verify", "rebuild", "demo", "restrict", "restrictions", "lift", "journal",
         "contract check", "version", "domains", "users"]


@pytest.fixture
def alone(tmp_path):
    """The program without a node."""
    node = Node(tmp_path / "n")
    node.port = 1  # nobody listens there
    return node


def test_help_lists_every_command(alone):
    done = alone.run("--help")
    assert done.status == DONE and not done.err
    for word in WORDS:
        assert re.search(rf"^  {word}  +\w", done.out, re.M), word
    assert max(map(len, done.out.splitlines())) <= 120
    assert alone.run("-h").out == alone.run().out == done.out


@pytest.mark.parametrize("word", WORDS)
def test_help_of_each_command(alone, word):
    done = alone.run(*word.split(), "--help")
    assert done.status == DONE and done.out.startswith(f"heddle {word}: ") and f"usage: heddle {word}" in done.out
    assert "Example" in done.out and f"heddle {word}" in done.out.partition("Example")[2] and "--json" in done.out


# --- what help, hints and documents name is there ---


class Commands:
    """Every command with the options that its help tells of; what a line names and is not among them."""

    def __init__(self, run):
        listed = run("--help").partition("Options of every command")[0]
        self.options = {}
        for name in re.findall(r"^  ([a-z]+(?: [a-z]+)?)  +\S", listed, re.M):
            self.options[name] = set(re.findall(r"^  --([a-z-]+)", run(*name.split(), "--help"), re.M))

    def wrong(self, line):
        words = re.match(r"heddle ((?:--[a-z]+ \S+ )*)([a-z]+)(?: ([a-z]+))?", line)
        if not words:
            return None
        name = next((n for n in (f"{words[2]} {words[3]}", words[2]) if n in self.options), None)
        if name is None:
            return f"no command '{words[2]}': {line}"
        unknown = set(re.findall(r"(?<=\s)--([a-z][a-z-]*)", line)) - self.options[name]
        return f"heddle {name} has no --{unknown.pop()}: {line}" if unknown else None


@pytest.fixture(scope="module")
def commands():
    return Commands(lambda *line: subprocess.run([HEDDLE, *line], capture_output=True, text=True, check=True).stdout)


def test_every_command_has_help_and_one_heading_a_group(commands, alone):
    assert set(WORDS) <= set(commands.options) and len(commands.options) > 80
    heads = re.findall(r"^([A-Z][a-z ]+)$", alone.run("--help").out.partition("Options of every command")[0], re.M)
    assert len(heads) == len(set(heads)), heads
    for name in commands.options:
        done = alone.run(*name.split(), "--help")
        assert done.status == DONE and f"usage: heddle {name}" in done.out, name


def test_examples_of_help_are_lines_that_parse(commands, alone, tmp_path):
    """Without a node they get as far as asking it: none is bad usage."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    skipped = {"init", "serve", "demo"}  # main runs these itself
    for name in commands.options:
        text = alone.run(*name.split(), "--help").out.partition("\nExample\n")[2].partition("\n\n")[0].replace("\\\n", " ")
        lines = [line.strip() for line in text.splitlines()]
        assert any(line.startswith(f"heddle {name}") or f"heddle {name} " in line for line in lines), name
        for line in (one.strip() for told in lines for one in told.split("&&")):
            if not line.startswith("heddle "):
                continue
            assert commands.wrong(line) is None, commands.wrong(line)
            if line.split()[1] in skipped:
                continue
            done = subprocess.run([HEDDLE, *shlex.split(line)[1:], "--url", "http://127.0.0.1:1"], capture_output=True, text=True, cwd=tmp_path,
                                  stdin=subprocess.DEVNULL, env={"HEDDLE_TOKEN": "hdl_x", "HEDDLE_HOME": str(tmp_path / "home")})
            assert "usage:" not in done.stderr and "has no option" not in done.stderr, f"{line}: {done.stderr}"


def told_in_source():
    for path in sorted((ROOT / "src").rglob("*.[ch]")):
        for found in re.finditer(r"`(heddle [^`\n]*)`|with: (heddle [^\"\\\n]*)", path.read_text()):
            yield path.name, found[1] or found[2]


def told_in_documents():
    for name in ("README.md", "docs/guide.md", "docs/operating.md", "docs/controls.md", "docs/security.md"):
        text = (ROOT / name).read_text().replace("\\\n", " ")
        for found in re.finditer(r"`(heddle [^`\n]*)`|^    (?:\$ )?(heddle .*)$", text, re.M):
            yield name, (found[1] or found[2]).partition("  #")[0]


@pytest.mark.parametrize("told", [told_in_source, told_in_documents])
def test_what_is_named_is_there(commands, told):
    lines = list(told())
    assert len(lines) > 20
    wrong = [f"{place}: {commands.wrong(line)}" for place, line in lines if commands.wrong(line)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("line", ["heddle tag list", "heddle grnt x", "heddle grant a.b --tp x", "heddle policy ad FILE", "heddle query x --rows y"])
def test_what_is_not_there_is_noticed(commands, line):
    assert commands.wrong(line)


@pytest.mark.parametrize("line, hint", [
    ("publsh", "heddle publish"), ("user ad", "heddle user add"), ("grnt", "heddle grant"), ("log verfy", "heddle log verify"),
    ("status --jsn", "--json"), ("query x --fromat csv", "--format"), ("nonsense", "--help"), ("status --frobnicate", "--help"),
    ("query", "usage: heddle query"), ("show", "usage: heddle show"), ("show a b", "usage: heddle show"), ("user add x", "usage: heddle user add"),
    ("status --as", "--as NAME"), ("query x --format", "--format F"), ("status --json=yes", "takes no value"), ("status -x", "--help"),
    ("restrict", "heddle restrict"), ("restrict a", "--mask"), ("restrict a --suspend b.c --mask null", "heddle restrict"),
    ("journal --limit none", "--limit"), ("query x --format xml", "table, csv, json, ndjson or parquet"), ("--url nowhere status", "http"),
    ("demo --keep --no-keep", "--no-keep"), ("query x --purpose a --purpose b", "twice"), ("publish c.yaml --data f.parquet", "TABLE=FILE"),
    ("group", "goes on with one of: add, list, join, leave, remove"), ("audit --help", "search, export, proof"), ("webhook frob", "add, test"), ("group jion x", "heddle group join"),
])
def test_bad_usage(alone, line, hint):
    done = alone.run(*line.split(), HEDDLE_TOKEN="hdl_x")
    assert done.status == BAD and not done.out and done.err.startswith("heddle: ") and hint in done.err, done.err
    assert len(done.err.splitlines()) <= 3
    told = alone.run(*line.split(), "--json", HEDDLE_TOKEN="hdl_x")
    assert told.status == BAD and told.error["code"] == "INVALID" and told.error["message"]


def test_options_stand_anywhere_and_end_at_two_dashes(shop):
    node = shop.node
    shop.grant()
    sql = "SELECT count(*) AS n FROM sales.orders.orders"
    for line in (["--purpose", "analysis", "query", sql, "--json", "--as", "ana"], ["--json", "--as=ana", "query", "--purpose=analysis", "--", sql],
                 ["query", "--as", "ana", "--json", sql, "--purpose", "analysis"]):
        done = node.run(*line)
        assert (done.status, done.json) == (DONE, [{"n": 30}]), done.err
    assert node.run("query", "--", "--json", admin=True).status in (BAD, REFUSED)  # a statement that begins with dashes


def test_no_node_answers(alone):
    done = alone.run("status", HEDDLE_TOKEN="hdl_x")
    assert done.status == FAILED and "heddle serve" in done.err
    assert alone.run("status", "--json", HEDDLE_TOKEN="hdl_x").error["code"] == "UNAVAILABLE"


def test_what_answers_is_no_node(alone):
    import http.server
    import threading

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        alone.port = server.server_port
        done = alone.run("status", HEDDLE_TOKEN="hdl_x")
        assert done.status != DONE and done.err.startswith("heddle: ")
        assert alone.run("status").status != DONE
        server.shutdown()


def test_tokens(shop):
    node = shop.node
    (folder,) = (node.home / "tokens").iterdir()
    assert folder.name == node.answers()["node"]
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((node.data / "admin.token").stat().st_mode) == 0o600
    # --as wins over HEDDLE_TOKEN; HEDDLE_TOKEN over what is saved
    assert node.run("rebuild", as_="ana").status == REFUSED
    assert node.run("rebuild").status == DONE
    assert node.run("rebuild", HEDDLE_TOKEN=node.token("ana")).status == REFUSED
    # without either it is the only one saved, or nobody
    told = node.run("status", admin=False)
    assert told.status == REFUSED and "--as NAME" in told.err
    for path in folder.iterdir():
        if path.name != "sam":
            path.unlink()
    assert node.run("grants", admin=False).status == DONE
    told = node.run("status", as_="ana")
    assert told.status == REFUSED and "'ana'" in told.err
    (folder / "sam").unlink()
    assert "HEDDLE_TOKEN" in node.run("status", admin=False).err


def test_a_wrong_token_is_refused(shop):
    for token in ("hdl_" + "A" * 43, "x", "hdl_"):
        told = shop.node.run("status", "--json", HEDDLE_TOKEN=token)
        assert told.status == REFUSED and told.error["code"] == "UNAUTHENTICATED"
    assert shop.node.run("status", HEDDLE_TOKEN="with space").status == BAD
    assert shop.node.run("status", as_="../../etc/passwd").status == BAD


def test_a_token_goes_to_its_node_only(make_node, shop):
    other = make_node("other").start()
    other.home = shop.node.home
    told = other.run("status", as_="sam")
    assert told.status == REFUSED and "no token of 'sam'" in told.err


def test_user_add_prints_and_saves_a_token(shop):
    node = shop.node
    made = node.heddle("user", "add", "nina", "--domain", "insights", "--role", "analyst", as_="ivy")
    assert made["token"] == node.token("nina") and made["role"] == "analyst"
    again = node.heddle("user", "add", "nina", "--domain", "insights", "--role", "steward", as_="ivy")
    assert again["id"] == made["id"] and again["token"] == node.token("nina")
    told = node.heddle("user", "add", "nora", "--domain", "insights", "--role", "analyst", json_=False)
    assert node.token("nora") in told.out and "--as nora" in told.out
    node.heddle("user", "add", "nina", "--domain", "outside", "--role", "analyst", expect=BAD)
    node.heddle("user", "add", "nick", "--domain", "nowhere", "--role", "analyst", expect=NOT_FOUND)
    node.heddle("user", "add", "nick", "--domain", "insights", "--role", "king", expect=BAD)
    node.heddle("user", "add", "nick", "--domain", "insights", "--role", "analyst", as_="ana", expect=REFUSED)


@pytest.mark.parametrize("name", ["", "Sales", "a b", "a__b", "x" * 65, "a.b", "ünï", "../x", "'; drop", "a/b"])
def test_names_that_are_none(shop, name):
    shop.node.heddle("domain", "add", name, "--owner", "someone", expect=BAD)
    shop.node.heddle("user", "add", name, "--domain", "insights", "--role", "analyst", expect=BAD)


def test_a_domain_has_one_name(shop):
    shop.node.heddle("domain", "add", "sales", "--owner", "someone", expect=BAD)
    shop.node.heddle("domain", "add", "more", "--owner", "zoe", as_="sam", expect=REFUSED)


def test_every_word_prints_one_json_document(shop):
    node = shop.node
    grant = shop.grant()
    asked = node.heddle("request", "crm.people", "--purpose", "analysis", as_="ana")
    lines = [("status",), ("domains",), ("users",), ("products",), ("products", "orders"), ("show", "sales.orders"), ("requests",), ("grants",),
             ("restrictions",), ("journal",), ("rebuild",), ("log", "verify"), ("version",), ("contract", "check", shop.orders_contract),
             ("explain", "ana", "sales.orders.orders", "--purpose", "analysis"), ("restrict", "secret", "--mask", "null"),
             ("policies",), ("purposes",), ("tags",), ("tags", "sales.orders"), ("inbox",), ("delegations",), ("group", "list"), ("usage",),
             ("audit", "search"), ("posture",), ("review", "sales.orders", "--list", "--as", "sam"), ("webhooks",), ("forks",), ("key", "status", "sales"),
             ("explain", "--table", "sales.orders.orders"), ("explain", "--person", "ana")]
    for line in lines:
        done = node.run(*line, "--json")
        assert done.status == DONE, f"{line}: {done.err}"
        assert isinstance(json.loads(done.out), dict) and not done.err, line
    node.heddle("deny", asked["id"], as_="carl")
    node.heddle("revoke", grant["id"], as_="sam")


def test_every_word_reads_well(shop):
    node = shop.node
    grant = shop.grant("--rows", "store_id = 1", "--mask", "customer_id=hash", "--until", "2099-12-31")
    asked = node.heddle("request", "crm.people", "--purpose", "analysis", "--reason", "curiosity", as_="ana")

    def text(*line, as_=None):
        done = node.run(*line, as_=as_)
        assert done.status == DONE, f"{line}: {done.err}"
        assert done.out.strip() and "(null)" not in done.out
        return done.out

    assert "governance (center)" in text("domains") and "insights" in text("users")
    page = text("show", "sales.orders", as_="ana")
    for part in ("sales.orders: ", "version", "owner", "checks passed", "Table orders: 30 rows", "customer_id", "personal", "masked:hash",
                 "How to ask", "heddle request sales.orders"):
        assert part in page, part
    assert "sales.orders" in text("products", "orders", as_="ana")
    assert asked["id"] in text("requests", as_="carl") and "curiosity" in text("requests", as_="carl")
    assert grant["id"] in text("grants", as_="ana") and "mask customer_id=hash" in text("grants", as_="sam")
    why = text("explain", "ana", "sales.orders.orders", "--purpose", "analysis", as_="ana")
    assert "ana may read sales.orders.orders for purpose 'analysis'" in why and "how it was decided" in why
    status = text("status")
    for role in ("parent", "gate", "core", "keys", "lake"):
        assert re.search(rf"^  {role} +\d+ +0 +(L\d|-)", status, re.M), status
    assert re.search(r"^  sales +[\d,]+ +[\d,]+ +good", status, re.M)
    made = text("restrict", "personal", "--mask", "null")
    restriction = re.search(r"rst_[a-z2-7]{12}", made).group()
    assert restriction in text("restrictions") and "lifted" in text("lift", restriction)
    assert "waits for" in text("request", "crm.people", "--purpose", "other", as_="ana")
    assert "granted: grt_" in text("approve", asked["id"], as_="carl")
    assert "revoked, in effect after" in text("revoke", grant["id"], as_="sam")
    assert "the same as the catalog in use" in text("rebuild")
    assert "OK: " in text("log", "verify")
    assert "grant" in text("journal", "--limit", "200")


def test_governance_reads_well(shop):
    """One word for one thing, and what is not there is said."""
    node = shop.node

    def text(*line, as_=None, expect=DONE):
        done = node.run(*line, as_=as_)
        assert done.status == expect, f"{line}: {done.err}"
        return done.out + done.err

    for line, empty in (("inbox", "nothing waits"), ("grants", "no grants"), ("requests", "no requests"), ("delegations", "nothing is handed on"),
                        ("group list", "no groups"), ("policies", "no policies"), ("review sales.orders", "nobody outside")):
        assert empty in text(*line.split(), as_="ivy" if line == "group list" else "sam"), line
    grant = shop.grant("--rows", "store_id = 1")["id"]
    handed = text("delegate", grant, "--to", "user:ana", "--hide", "card", as_="ivy")
    assert "terms    as granted; hide card" in handed and "all rows" not in handed + text("delegations", as_="ivy")
    assert "not yet" in text("grants", shop.grant("--from", "2099-01-01")["id"], as_="sam")
    # the short form and the file are one list
    short = re.search(r"rst_[a-z2-7]{12}", text("restrict", "personal", "--mask", "hash")).group()
    assert text("restrictions") == text("policies") and "mask hash" in text("policies") and short in text("policies")
    assert "policy" in text("policy", "lift", short)
    # what the center closed is not to be asked for
    shut = re.search(r"rst_[a-z2-7]{12}", text("restrict", "--suspend", "sales.orders")).group()
    told = text("query", "SELECT 1 FROM sales.orders.orders", "--purpose", "analysis", as_="ana", expect=REFUSED)
    assert "closed" in told and "heddle request" not in told
    text("lift", shut)
    text("purpose", "add", "marketing/campaigns")
    assert text("purposes") == "marketing/campaigns\n"
    found = text("audit", "search", "--person", "ana", "--outcome", "refused")
    assert "DENIED" not in found and "=," not in found and re.search(r"query.refused +refused +ana .*tables=sales.orders.orders", found)
    assert "heddle: heddle" not in text("grant", expect=BAD) + text("status", "--frob", expect=BAD) + text("show", expect=BAD)


@pytest.mark.parametrize("line, status", [
    (("show", "sales.nothing"), NOT_FOUND), (("show", "nothing"), NOT_FOUND), (("approve", "req_aaaaaaaaaaaa"), NOT_FOUND),
    (("deny", "req_aaaaaaaaaaaa"), NOT_FOUND), (("revoke", "grt_aaaaaaaaaaaa"), NOT_FOUND), (("lift", "rst_aaaaaaaaaaaa"), NOT_FOUND),
    (("request", "sales.nothing", "--purpose", "x"), NOT_FOUND), (("grant", "sales.nothing", "--to", "insights", "--purpose", "x"), NOT_FOUND),
    (("grant", "sales.orders", "--to", "nobody", "--purpose", "x"), NOT_FOUND), (("grant", "sales.orders", "--to", "insights", "--purpose", "a b"), BAD),
    (("log", "verify", "--dir", "/nonexistent"), NOT_FOUND), (("log", "verify", "--dir", "/etc"), NOT_FOUND),
    (("restrict", "personal", "--mask", "nonsense"), BAD), (("request", "sales.orders", "--purpose", "no good!"), BAD),
])
def test_exit_statuses(shop, line, status):
    who = "ana" if line[0] in ("show", "request") else "sam" if line[0] in ("approve", "deny", "revoke", "grant") else None
    done = shop.node.run(*line, "--json", as_=who)
    assert done.status == status, done.err
    assert done.error["message"] and done.err.startswith("heddle: ")


def test_init_twice_and_with_the_wrong_folder(alone, tmp_path):
    first = alone.run("init", "--data", alone.data)
    assert first.status == DONE and (alone.data / "admin.token").is_file()
    assert "admin.token" in first.out + first.err
    token = alone.admin_token
    assert alone.run("init", "--data", alone.data).status in (DONE, BAD) and alone.admin_token == token
    (tmp_path / "file").touch()
    assert alone.run("init", "--data", tmp_path / "file").status == BAD
    full = tmp_path / "full"
    full.mkdir()
    (full / "something").touch()
    assert alone.run("init", "--data", full).status == BAD
