# SPDX-License-Identifier: GPL-2.0-or-later
"""Holds every file and every output against its JSON Schema (draft 2020-12).

usage: check_schemas.py SOURCE BUILD [RUN-FOLDER...]

Three things are looked at: the schemas are schemas; the files of the tree (and the run folders given) obey them; and a
schema agrees with the parser of the program: what is spoilt in a way that both must see is refused by both.
"""
import copy
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import tally

try:
    from jsonschema import Draft202012Validator
except ImportError:
    print("python3-jsonschema (with draft 2020-12) is not installed")
    sys.exit(77)

source, build = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
runs = [pathlib.Path(folder) for folder in sys.argv[3:]]
# several may be at work at a time
scratch_folder = tempfile.TemporaryDirectory(prefix="otarig-schemas.")
own = scratch_folder.name
counts = {}


def fail(text):
    if len(tally.lines) <= 40:
        tally.wrong(text)


def schema(path):
    tree = json.loads((source / path).read_text())
    Draft202012Validator.check_schema(tree)
    return Draft202012Validator(tree)


def told(name):
    """The schema that the program tells from the tables which read the format."""
    otarig = build / "bin" / "otarig"
    tree = json.loads(subprocess.run([otarig, "schema", name], capture_output=True, text=True, check=True, timeout=600).stdout)
    Draft202012Validator.check_schema(tree)
    return Draft202012Validator(tree)


def hold(validator, tree, where, kind):
    counts[kind] = counts.get(kind, 0) + 1
    for error in list(validator.iter_errors(tree))[:3]:
        fail(f"{where}: {error.json_path}: {error.message[:200]}")


def hold_journal(validator, path):
    text = path.read_bytes()
    lines = text.split(b"\n")[:-1]  # what follows the last newline is torn
    for number, line in enumerate(lines, 1):
        hold(validator, json.loads(line), f"{path}:{number}", "journal lines")


board = schema("boards/schemas/board.schema.json")
rack = told("rack")
manifest = told("manifest")
policy = told("policy")
scenario = schema("scenarios/scenario.schema.json")
result = schema("reports/schemas/result.schema.json")
journal = schema("reports/schemas/journal.schema.json")
def explained(tree, where):
    """Every key that a person may write says what it is."""
    if isinstance(tree, dict):
        for key, value in tree.get("properties", {}).items():
            if "description" not in value and "const" not in value:
                fail(f"{where}: {key}: no description")
        for key, value in tree.items():
            explained(value, f"{where}.{key}")
    elif isinstance(tree, list):
        for value in tree:
            explained(value, where)


explained(json.loads((source / "scenarios/explore.schema.json").read_text()), "explore.schema.json")
# those of other parts: at least they are schemas
for path in list(source.glob("*/**/*.schema.json")):
    if not path.relative_to(source).parts[0].startswith("build"):
        Draft202012Validator.check_schema(json.loads(path.read_text()))
        counts["schemas"] = counts.get("schemas", 0) + 1

files = []  # (validator, path): what `otarig validate` reads, too
for path in sorted((source / "boards").glob("*.json")):
    files.append((board, path, "boards"))
for path in sorted((source / "boards" / "templates").glob("*.json")):
    files.append((board, path, "templates"))
for path in sorted((source / "boards" / "racks").glob("*.json")):
    files.append((rack, path, "racks"))
for path in sorted((source / "scenarios").glob("**/*.json")):
    if path.name.endswith(".schema.json") or {"explore", "selftest", "gate"} & set(path.relative_to(source).parts):
        continue
    if json.loads(path.read_text()).get("kind") == "explore":
        continue
    files.append((scenario, path, "scenarios"))
for validator, path, kind in files:
    hold(validator, json.loads(path.read_text()), path, kind)
if (source / "scenarios" / "explore.schema.json").exists():
    explore = schema("scenarios/explore.schema.json")
    for path in sorted((source / "scenarios" / "explore").glob("*.json")):
        hold(explore, json.loads(path.read_text()), path, "explorations")
    for path in sorted((source / "harness" / "explore" / "foreign").glob("*.json")):
        tree = json.loads(path.read_text())
        # a pattern has words like FIRST where its script fills in addresses
        pattern = any(str(region.get("address")).isupper() and str(region.get("address")).isalpha()
                      for region in tree.get("regions", {}).values() if isinstance(region, dict))
        if tree.get("kind") == "explore" and not pattern:
            hold(explore, tree, path, "explorations")
for path in sorted((source / "scenarios" / "gate").glob("*.json")):
    hold(policy, json.loads(path.read_text()), path, "policies")
expected = schema("scenarios/selftest.schema.json")
for path in sorted((source / "scenarios" / "selftest").glob("*.json")):
    hold(expected, json.loads(path.read_text()), path, "expectations")
for path in sorted((build / "firmware").glob("*/manifest.json")):
    hold(manifest, json.loads(path.read_text()), path, "manifests")
for path in sorted((source / "tests" / "golden").glob("**/*.jsonl")):
    hold_journal(journal, path)
for path in sorted((source / "tests" / "golden").glob("**/result.json")):
    hold(result, json.loads(path.read_text()), path, "results")
explored = schema("reports/schemas/explore.schema.json") if runs else None
campaign = schema("reports/schemas/campaign.schema.json")
live = schema("reports/schemas/live.schema.json")
for folder in runs:
    if (folder / "live.json").exists():
        hold(live, json.loads((folder / "live.json").read_text()), folder, "live cases")
        continue
    if (folder / "campaign.json").exists():
        hold(campaign, json.loads((folder / "campaign.json").read_text()), folder, "campaigns")
        continue
    if (folder / "explore.json").exists():
        hold(explored, json.loads((folder / "explore.json").read_text()), folder, "explored")
        continue
    hold(result, json.loads((folder / "result.json").read_text()), folder, "results")
    for path in sorted(folder.glob("cases/*/journal.jsonl")):
        hold_journal(journal, path)


# ---- the schemas against the program ----


def objects(tree, way=()):
    """Every object in the tree with the way to it."""
    if isinstance(tree, dict):
        yield way
        for key, value in tree.items():
            yield from objects(value, way + (key,))
    elif isinstance(tree, list):
        for index, value in enumerate(tree[:2]):
            yield from objects(value, way + (index,))


def at(tree, way):
    for step in way:
        tree = tree[step]
    return tree


# objects whose keys are names that the author chooses
OPEN = {"marks", "watches", "evidence", "images", "vary", "explore", "virtual", "selftest", "chips", "profile"}


def spoilt(tree):
    """Copies with one fault that a schema and a parser must both see."""
    for way in objects(tree):
        if way and (way[-1] in OPEN or str(way[-1]).startswith("$") or OPEN & set(str(step) for step in way[:-1]) & {"explore", "virtual", "selftest"}):
            continue
        unknown = copy.deepcopy(tree)
        at(unknown, way)["no_such_key"] = 1
        yield f"unknown key at {way}", unknown
        for key in at(tree, way):
            odd = copy.deepcopy(tree)
            at(odd, way)[key] = [[None]]
            yield f"odd value at {way + (key,)}", odd
    for key in tree:
        if key not in ("comment", "vary"):  # whether "vary" may go depends on every value
            less = copy.deepcopy(tree)
            del less[key]
            yield f"without {key}", less


# what a kind of object does not take, or no name can be, by kind of file: both must refuse it
ODD = {
    "scenarios": [
        lambda d: d["faults"][0]["action"].update({"do": "power_cut", "probability": 0.5}),
        lambda d: d["faults"][0].update(trigger={"on": "now", "mark": "boot"}),
        lambda d: d["faults"][0].update(trigger={"on": "bytes", "bytes": 1, "count": 2}),
        lambda d: d["faults"][0].update(action={"do": "link", "mode": "cut", "rate": 3}),
        lambda d: d["faults"][0].update(action={"do": "link", "mode": "flap", "up_ms": 3}),
        lambda d: d["faults"][0].update(action={"do": "image"}, trigger={"on": "now"}),
        lambda d: d["clauses"].append(d["clauses"][0]),
        lambda d: d.update(recovery_ms="0x10"),
        lambda d: d.update(vary={f"k{i}": [1] for i in range(17)}),
    ],
    "boards": [
        lambda d: d.update(limits="0x10"),
        lambda d: d.update(limits={"boot_ms": "0x10"}),
        lambda d: d.update(watches={"../x": {"address": 0, "size": 4}}),
        lambda d: d.update(watches={"a}": {"address": 0, "size": 4}}),
        lambda d: d.update(watches={"": {"address": 0, "size": 4}}),
    ],
    "racks": [
        lambda d: d["places"][0].update(console={"driver": "serial", "port": ""}),
        lambda d: d["places"][0].update(console={"driver": "serial", "usb": "0403:6001x"}),
        lambda d: d["places"][0].update(console={"driver": "serial", "port": "/dev/x", "baud": "0x10"}),
        lambda d: d["places"][0].update(power={"driver": "exec", "on": [], "off": ["true"]}),
        lambda d: d["places"][0].update(power={"driver": "exec", "on": ["true"], "off": [""]}),
        lambda d: d["places"][0].update(power={"driver": "exec", "on": ["true"], "off": ["true"], "lock": ""}),
    ],
}


def odd_ones(tree, kind):
    for number, change in enumerate(ODD.get(kind, [])):
        odd = copy.deepcopy(tree)
        if kind == "scenarios" and not odd.get("faults"):
            continue
        change(odd)
        yield f"odd one {number}", odd


# what no schema can know: other files, two members that must differ, words within words
BEYOND = re.compile(r"no file |a name of its own|as places of|its own|a sense pin that is not|\{port\}|"
                    r'a program "ping"|over a console|the size of |: No such file|an "outlet" for this preset|the "method" POST or PUT|that begins with https:|a "device" for this preset|boards of this protocol have|no community for|or "auth": |or "privacy": |'
                    r"a class of failure|an image that has an address in |a board with \$\.memory\.slots")


def agree(validator, path, kind):
    otarig = build / "bin" / "otarig"
    tree = json.loads(path.read_text())
    scratch = pathlib.Path(own) / f"schema-mutant-{path.name}"
    for what, mutant in list(odd_ones(tree, kind)) + list(spoilt(tree))[:150]:
        refused = not validator.is_valid(mutant)
        if what.startswith(("unknown", "odd")) and "comment" not in what and not refused:
            fail(f"{path}: {what}: the schema accepts it")
        if not otarig.exists():
            continue
        scratch.write_text(json.dumps(mutant))
        done = subprocess.run([otarig, "validate", scratch], capture_output=True, text=True, timeout=600)
        counts["mutants"] = counts.get("mutants", 0) + 1
        if done.returncode not in (0, 2):
            fail(f"{path}: {what}: otarig validate ended with {done.returncode}")
        elif refused != (done.returncode == 2) and "comment" not in what and not BEYOND.search(done.stderr):
            fail(f"{path}: {what}: the schema {'refuses' if refused else 'accepts'} it, the program does not agree: "
                 f"{done.stderr.strip()[:150]}")
    scratch.unlink(missing_ok=True)


seen = {}
for validator, path, kind in files if not runs else []:
    if seen.setdefault(kind, 0) < 3:
        seen[kind] += 1
        agree(validator, path, kind)


# ---- the edges of each member, from the schema that the tables tell ----


def sample(shape):
    """The smallest thing that a schema takes."""
    if "const" in shape:
        return shape["const"]
    if "enum" in shape:
        return shape["enum"][0]
    if "oneOf" in shape:
        return sample(shape["oneOf"][-1])
    kind = shape.get("type")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        made = {key: sample(shape["properties"][key]) for key in shape.get("required", [])}
        for rule in shape.get("allOf", []):
            for way in rule.get("anyOf", rule.get("oneOf", []))[:1]:
                made.update({key: sample(shape["properties"][key]) for key in way["required"]})
        return made
    if kind == "array":
        return [sample(shape.get("prefixItems", [shape.get("items", {})])[0])] * shape.get("minItems", 0)
    if kind == "boolean":
        return True
    if kind in ("integer", "number"):
        return max(shape.get("minimum", 0), min(0, shape.get("maximum", 0)))
    return next(text for text in ("x", "1", "0x10", "0403:6001", "host:1", "http://x", "/x", "file:x", "a" * 64) if re.search(shape.get("pattern", ""), text))


def edges(shape):
    """Values at, just inside and just beyond what a schema says, and of other types."""
    yield from (None, [], {}, "", "x", -1, 0, 1.5, True, [[None]], "0x10", "a b", 2 ** 60)
    for way in shape.get("oneOf", [shape]):
        for end, step in (("minimum", -1), ("maximum", 1)):
            if end in way:
                yield from (way[end], way[end] + step, str(way[end]), hex(way[end]) if way[end] >= 0 else "-0x1")
        yield from way.get("enum", [])
        if way.get("type") == "array":
            one = sample(way.get("items", {}))
            yield from ([one], [one, one], [1], [""], [one, ""])


def placed(shape, below):
    """Things that differ from the sample in one place below `shape`; `below`: what makes the whole of a part."""
    if "oneOf" in shape and all("properties" in way for way in shape["oneOf"]):
        for way in shape["oneOf"]:
            yield from placed(way, below)
        return
    if shape.get("type") == "array" and "properties" in shape.get("items", {}):
        yield from placed(shape["items"], lambda part: below([part]))
        yield below([])
        return
    if isinstance(shape.get("additionalProperties"), dict):
        inner = shape["additionalProperties"]
        for key in ("x", "", "a b", "." + "x", "x" * 64, "x" * 65):
            yield below({key: sample(inner)})
        yield from placed(inner, lambda part: below({"x": part}))
        return
    if "properties" not in shape or not isinstance(sample(shape), dict):
        return
    base = sample(shape)
    yield below(base)
    yield below({**base, "no_such_key": 1})
    for key in base:
        yield below({other: value for other, value in base.items() if other != key})
    for key, member in shape["properties"].items():
        for value in edges(member):
            yield below({**base, key: value})
        yield from placed(member, lambda part, key=key: below({**base, key: part}))


def hold_edges(validator, kind, change, name=None):
    """Schema and program agree at each edge. `change` fills in what a schema cannot know, as names of files."""
    otarig, scratch = build / "bin" / "otarig", pathlib.Path(own) / "schema-edges"
    scratch.mkdir()
    trees = [change(tree) for tree in placed(validator.schema, lambda whole: whole)]
    # a kind of file that is known by its name lies in a folder of its own, with a file "x" beside it
    paths_of = [scratch / (f"{number}/{name}" if name else f"{number}.json") for number in range(len(trees))]
    for path, tree in zip(paths_of, trees):
        if name:
            path.parent.mkdir(exist_ok=True)
            (path.parent / "x").write_text("x")
        path.write_text(json.dumps(tree))
    for begin in range(0, len(trees), 200):
        paths = paths_of[begin:begin + 200]
        done = subprocess.run([otarig, "validate", *paths], capture_output=True, text=True, timeout=600)
        refused = {str(path) for path in paths if re.search(re.escape(str(path if not name else path.parent)) + "[:/]", done.stderr)}
        for path, tree in zip(paths, trees[begin:]):
            counts[f"edges of {kind}"] = counts.get(f"edges of {kind}", 0) + 1
            if validator.is_valid(tree) == (str(path) in refused):
                why = next((line for line in done.stderr.splitlines() if str(path if not name else path.parent) in line), "it accepts")
                if str(path) in refused and BEYOND.search(why):
                    continue
                fail(f"{kind}: {json.dumps(tree)[:300]}: the schema {'accepts' if str(path) in refused else 'refuses'} it, the program: {why[:200]}")
    for key, value in {"name": "twice"}.items():
        twice = json.dumps(change(sample(validator.schema)))
        (scratch / (name or "twice.json")).write_text(twice[:-1] + f', "{key}": {json.dumps(value)}, "{key}": {json.dumps(value)}}}')
        done = subprocess.run([otarig, "validate", scratch / (name or "twice.json")], capture_output=True, text=True, timeout=600)
        if done.returncode != 2 or "each key once" not in done.stderr:
            fail(f"{kind}: a key that is there twice: {done.stderr.strip()[:200]}")
    shutil.rmtree(scratch)


def with_board(tree):
    for place in tree.get("places") if isinstance(tree.get("places"), list) else []:
        if isinstance(place, dict) and place.get("board") == "x":
            place["board"] = "nrf52840dk"
    return tree


if not runs:
    hold_edges(rack, "racks", with_board)
    hold_edges(manifest, "manifests", lambda tree: tree, "manifest.json")
    hold_edges(policy, "policies", lambda tree: tree)
print(", ".join(f"{count} {kind}" for kind, count in counts.items()))
if not counts.get("boards") or not counts.get("scenarios") or not counts.get("racks"):
    fail("no files were found")
sys.exit(bool(tally.lines))
