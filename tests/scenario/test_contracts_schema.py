"""Our contract parser against the standard's own JSON schema: the example contracts, every key of every block, and mutated contracts."""

import copy
import json
import random
import subprocess
from pathlib import Path

import jsonschema
import open_data_contract_standard
import pytest
import yaml
from harness import BAD, DONE, HEDDLE, ROOT

SCHEMA = json.loads((Path(open_data_contract_standard.__file__).parent / "schema.json").read_text())
# The schema's conditions on logicalType also hold where there is none, so a property without it would need a `map`. Mended:
for condition in SCHEMA["$defs"]["SchemaBaseProperty"]["allOf"]:
    if "if" in condition:
        condition["if"] = {"allOf": [condition["if"], {"required": ["logicalType"]}]}
VALIDATOR = jsonschema.Draft201909Validator(SCHEMA)
EXAMPLES = sorted((ROOT / "examples" / "cpg").glob("*/*.yaml"))


def full_contract():
    """A valid contract in which every block of the standard stands once."""
    number = {"name": "n", "logicalType": "number", "logicalTypeOptions": {"minimum": 0}}
    text = {
        "name": "s",
        "logicalType": "string",
        "logicalTypeOptions": {"minLength": 1},
        "enum": [{"value": "a"}],
        "synonyms": [{"synonym": "t"}],
        "quality": [
            {"metric": "nullValues", "mustBe": 0},
            {"type": "sql", "query": "select 1", "mustBe": 1},
            {"type": "custom", "engine": "soda", "implementation": "x"},
            {"type": "text", "description": "words"},
        ],
        "relationships": [{"to": "u.id"}],
    }
    options = {
        "date": {"minimum": "2020-01-01"},
        "timestamp": {"minimum": "2020-01-01"},
        "time": {"minimum": "10:00"},
        "integer": {"minimum": 0},
        "object": {"minProperties": 0},
        "array": {"minItems": 0},
        "vector": {"dimensions": 3},
    }
    others = [{"name": kind, "logicalType": kind, "logicalTypeOptions": value} for kind, value in options.items()]
    others[4]["properties"] = [{"name": "inner", "logicalType": "string"}]
    others[5]["items"] = {"logicalType": "string"}
    others.append({"name": "m", "logicalType": "map", "map": {"key": {"logicalType": "string"}, "value": {"logicalType": "string"}}})
    return {
        "apiVersion": "v3.2.0",
        "kind": "DataContract",
        "id": "c",
        "version": "1.0.0",
        "domain": "d",
        "dataProduct": "p",
        "description": {"purpose": "x"},
        "servers": [
            {"server": "a", "type": "custom"},
            {"server": "b", "type": "postgres", "host": "h", "port": 1, "database": "d", "schema": "s"},
            {"server": "c", "type": "iceberg", "catalog": "c", "catalogUrl": "u"},
        ],
        "context": {"verifiedStatements": [{"question": "q"}], "constraints": [{"constraint": "c"}]},
        "schema": [
            {"name": "t", "properties": [text, number, *others], "relationships": [{"from": "t.n", "to": "u.id"}]},
            {"name": "u", "properties": [{"name": "id", "logicalType": "integer"}]},
        ],
        "support": [{"channel": "c"}],
        "price": {"priceAmount": 1},
        "team": {"name": "t", "members": [{"username": "u"}]},
        "roles": [{"role": "r"}],
        "slaProperties": [{"property": "freshness", "value": 1}],
        "authoritativeDefinitions": [{"url": "https://example.com", "type": "doc"}],
        "customProperties": [{"property": "p", "value": 1}],
    }


def referred(ref):
    found = SCHEMA
    for step in ref.removeprefix("#/").split("/"):
        found = found[step]
    return found


def keys_of(schema, instance):
    """The keys that the schema allows in this instance: its own, and those of the branches that apply to it."""
    found = set()
    if "$ref" in schema:
        found |= keys_of(referred(schema["$ref"]), instance)
    found |= set(schema.get("properties", {}))
    for part in schema.get("allOf", []):
        applies = "if" not in part or VALIDATOR.evolve(schema={**part["if"], "$defs": SCHEMA["$defs"]}).is_valid(instance)
        found |= keys_of(part.get("then", {}) if "if" in part else part, instance) if applies else set()
    for part in schema.get("oneOf", []):
        found |= keys_of(part, instance)
    return found



def options_keys(kind):
    for part in SCHEMA["$defs"]["SchemaBaseProperty"]["allOf"]:
        if "if" in part and kind in json.dumps(part["if"]):
            return set(part["then"]["properties"]["logicalTypeOptions"]["properties"])
    raise AssertionError(kind)


DEFS = SCHEMA["$defs"]
CONTEXT = DEFS["Context"]["oneOf"][1]
COLUMN = ("schema", 0, "properties")

# name, where it stands in full_contract(), its schema (or its keys)
BLOCKS = [
    ("contract", (), {k: v for k, v in SCHEMA.items() if k in ("properties",)}),
    ("description", ("description",), SCHEMA["properties"]["description"]),
    ("server custom", ("servers", 0), DEFS["Server"]),
    ("server postgres", ("servers", 1), DEFS["Server"]),
    ("server iceberg", ("servers", 2), DEFS["Server"]),
    ("context", ("context",), CONTEXT),
    ("statement", ("context", "verifiedStatements", 0), CONTEXT["properties"]["verifiedStatements"]["items"]),
    ("constraint", ("context", "constraints", 0), CONTEXT["properties"]["constraints"]["items"]),
    ("table", ("schema", 0), DEFS["SchemaObject"]),
    ("property", (*COLUMN, 0), DEFS["SchemaProperty"]),
    ("inner property", (*COLUMN, 6, "properties", 0), DEFS["SchemaProperty"]),
    ("item", (*COLUMN, 7, "items"), DEFS["SchemaItemProperty"]),
    ("map", (*COLUMN, 9, "map"), {"key", "value"}),
    ("options string", (*COLUMN, 0, "logicalTypeOptions"), options_keys('"string"')),
    ("options number", (*COLUMN, 1, "logicalTypeOptions"), options_keys('"number"')),
    *[
        (f"options {kind}", (*COLUMN, 2 + i, "logicalTypeOptions"), options_keys(f'"{kind}"'))
        for i, kind in enumerate(["date", "timestamp", "time", "integer", "object", "array", "vector"])
    ],
    ("enum value", (*COLUMN, 0, "enum", 0), DEFS["EnumValue"]),
    ("synonym", (*COLUMN, 0, "synonyms", 0), DEFS["Synonym"]),
    ("library rule", (*COLUMN, 0, "quality", 0), DEFS["DataQuality"]),
    ("sql rule", (*COLUMN, 0, "quality", 1), DEFS["DataQuality"]),
    ("custom rule", (*COLUMN, 0, "quality", 2), DEFS["DataQuality"]),
    ("text rule", (*COLUMN, 0, "quality", 3), DEFS["DataQuality"]),
    ("relationship of a property", (*COLUMN, 0, "relationships", 0), DEFS["RelationshipBase"]),
    ("relationship of a table", ("schema", 0, "relationships", 0), DEFS["RelationshipBase"]),
    ("support", ("support", 0), DEFS["SupportItem"]),
    ("price", ("price",), DEFS["Pricing"]),
    ("team", ("team",), DEFS["Team"]),
    ("member", ("team", "members", 0), DEFS["TeamMember"]),
    ("role", ("roles", 0), DEFS["Role"]),
    ("sla", ("slaProperties", 0), DEFS["ServiceLevelAgreementProperty"]),
    ("definition", ("authoritativeDefinitions", 0), DEFS["AuthoritativeDefinitions"]["items"]),
    ("custom property", ("customProperties", 0), DEFS["CustomProperty"]),
]


def at(document, path):
    for step in path:
        document = document[step]
    return document


def judge(tmp_path, document):
    path = tmp_path / "contract.yaml"
    path.write_text(document if isinstance(document, str) else json.dumps(document))  # JSON is YAML
    done = subprocess.run([HEDDLE, "contract", "check", path], capture_output=True, text=True, timeout=60)
    assert done.returncode in (DONE, BAD), done.stderr
    return done.returncode == DONE, done.stdout + done.stderr


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_example_is_valid(path, tmp_path):
    document = yaml.safe_load(path.read_text())
    assert [f"{e.json_path}: {e.message}" for e in VALIDATOR.iter_errors(document)] == []
    assert document["domain"] == path.parent.name and document["dataProduct"] == path.stem.split(".")[0]
    assert judge(tmp_path, path.read_text())[0]


def test_there_are_examples():
    assert len(EXAMPLES) == 6


def test_the_full_contract_is_valid(tmp_path):
    assert [f"{e.json_path}: {e.message}" for e in VALIDATOR.iter_errors(full_contract())] == []
    good, said = judge(tmp_path, full_contract())
    assert good, said


@pytest.mark.parametrize("name,path,schema", BLOCKS, ids=[b[0] for b in BLOCKS])
def test_every_key_is_known(name, path, schema, tmp_path):
    """A key of the standard is never unknown to us, whatever is wrong with the value that stands there now."""
    keys = schema if isinstance(schema, set) else keys_of(schema, at(full_contract(), path))
    assert len(keys) >= 2
    for key in sorted(keys):
        document = full_contract()
        at(document, path).setdefault(key, "x")
        good, said = judge(tmp_path, document)
        assert good or ("unknown key" not in said and "has no key" not in said), f"{name}.{key}: {said}"


@pytest.mark.parametrize("name,path,schema", BLOCKS, ids=[b[0] for b in BLOCKS])
def test_every_misspelt_key_is_refused(name, path, schema, tmp_path):
    """Named with line and column, and with the key that was meant."""
    keys = schema if isinstance(schema, set) else keys_of(schema, at(full_contract(), path))
    for key in sorted(keys):
        wrong = key[:-1] + ("y" if key[-1] == "x" else "x")
        if wrong in keys:
            continue
        document = full_contract()
        at(document, path)[wrong] = "x"
        good, said = judge(tmp_path, document)
        assert not good, f"{name}.{wrong} was accepted"
        assert f"unknown key '{wrong}'" in said and "line " in said and "column " in said, f"{name}.{wrong}: {said}"
        assert "did you mean" in said, f"{name}.{wrong}: {said}"


def places(node, path=()):
    if isinstance(node, dict | list):
        yield path
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            yield from places(value, (*path, key))


STRANGE = [None, True, -1, 1.5, "", "x", "2020-01-01", [], ["x"], [1], {}, {"x": 1}]


def mutate(document, rng):
    """One change somewhere: a key removed, moved, renamed or added, or a value replaced."""
    spot = at(document, rng.choice(list(places(document))))
    every = [k for p in places(document) if isinstance(at(document, p), dict) for k in at(document, p)]
    keys = list(spot) if isinstance(spot, dict) else list(range(len(spot)))
    kind = rng.randrange(4)
    if isinstance(spot, dict) and (kind == 0 or not keys):
        spot[rng.choice(every)] = rng.choice(STRANGE)
    elif not keys:
        spot.append(rng.choice(STRANGE))
    elif kind == 1:
        del spot[rng.choice(keys)]
    elif kind == 2 and isinstance(spot, dict):
        spot[rng.choice(every)] = spot.pop(rng.choice(keys))
    else:
        spot[rng.choice(keys)] = rng.choice(STRANGE)


def test_what_the_standard_refuses_we_refuse(tmp_path):
    rng = random.Random(20261121)
    accepted = refused = 0
    sources = [full_contract(), *(yaml.safe_load(p.read_text()) for p in EXAMPLES)]
    for _ in range(300):
        document = copy.deepcopy(sources[0] if rng.random() < 0.7 else rng.choice(sources))
        mutate(document, rng)
        errors = list(VALIDATOR.iter_errors(document))
        good, _ = judge(tmp_path, document)
        assert not (good and errors), f"accepted, although {errors[0].json_path}: {errors[0].message}"
        accepted += good
        refused += not good
    assert accepted > 20 and refused > 20  # else this compares nothing
