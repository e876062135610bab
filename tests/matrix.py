#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The measure of the shipped suite: every defective variant of a kind of firmware through every scenario that fits it.
Prints the table variant x scenario and writes it to docs/matrix.md. Results of this and of former, smaller runs are
kept in BUILD/matrix, so a table may be measured in parts; a scenario that was edited since is measured anew.

usage: matrix.py SOURCE BUILD [demo|stock|mute|shell] [--variants A,B] [--scenarios FOLDER/NAME,FOLDER,...] [--jobs N]
                 [--places N] [--missing] [--no-run]
  --variants   only these; those that must pass may be among them
  --scenarios  only these, or all of these folders (power-cut,bricked-image,network-loss,clean-update,nightly)
  --jobs       so many runs at a time (1)
  --places     so many places of the rack for each (all)
  --missing    leave out what was measured already
  --no-run     print and write what was measured before

Exit 0: everything measured is as it must be: each variant is caught by a scenario, what is sound passes all.
"""
import argparse
import concurrent.futures
import datetime
import fcntl
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading

FOLDERS = ["clean-update", "power-cut", "bricked-image", "network-loss", "nightly"]
RACKS = {"demo": "virtual-6", "stock": "virtual-stock", "mute": "virtual-mute", "shell": "virtual-shell"}
SOUND = {"good", "waits-in-a-loop"}  # beside the stock firmware's odd but sound habits

parser = argparse.ArgumentParser(prog="./rig matrix", description=__doc__.split("\n\n")[0])
parser.add_argument("source", type=pathlib.Path, help=argparse.SUPPRESS)
parser.add_argument("build", type=pathlib.Path, help=argparse.SUPPRESS)
parser.add_argument("kind", nargs="?", default="demo", choices=sorted(RACKS))
parser.add_argument("--variants", default="")
parser.add_argument("--scenarios", default="")
parser.add_argument("--jobs", type=int, default=1)
parser.add_argument("--places", type=int, default=0)
parser.add_argument("--missing", action="store_true")
parser.add_argument("--no-run", action="store_true")
asked = parser.parse_args()
source, build, kind = asked.source.resolve(), asked.build.resolve(), asked.kind
otarig, rack = build / "bin" / "otarig", source / "boards" / "racks" / f"{RACKS[kind]}.json"
kept = build / "matrix"
guard = threading.Lock()


def fail(text):
    sys.exit(f"matrix: {text}")


def listed(name):
    """A list of variants in boards/firmware/CMakeLists.txt."""
    text = (source / "boards" / "firmware" / "CMakeLists.txt").read_text()
    return re.search(rf"^set\({name}\s+([^)]*)\)", text, re.M).group(1).split()


def firmware_of(variant):
    return build / "firmware" / (variant if kind == "demo" else f"{kind}/{variant}")


def known_variants():
    names = listed("variants" if kind == "demo" else f"{kind}_variants")
    return names + (listed("stock_odd") if kind == "stock" else [])


def is_sound(variant):
    return variant in SOUND or (kind == "stock" and variant in listed("stock_odd"))


def all_scenarios():
    return [path for folder in FOLDERS for path in sorted((source / "scenarios" / folder).glob("*.json"))]


def name_of(path):
    return f"{path.parent.name}/{path.stem}"


def wanted_scenarios():
    wanted, found = [word for word in asked.scenarios.split(",") if word], all_scenarios()
    for word in wanted:
        if not any(word in (name_of(path), path.parent.name) for path in found):
            fail(f"--scenarios: no scenario or folder '{word}' in {source / 'scenarios'}")
    return [path for path in found if not wanted or name_of(path) in wanted or path.parent.name in wanted]


def wanted_variants():
    wanted, known = [word for word in asked.variants.split(",") if word], known_variants()
    for word in wanted:
        if word not in known:
            fail(f"--variants: '{word}' is none of {', '.join(known)}")
    return wanted or known


def validated(path):
    """Exit code, what was said. Asked of the good firmware: the others have the same images."""
    board = json.loads(rack.read_text())["places"][0]["board"]
    done = subprocess.run([otarig, "validate", path, "--board", board, "--firmware", firmware_of("good")],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=source)
    return done.returncode, done.stdout.strip().splitlines()[-1]


def fits(path):
    """Does the board have what the scenario needs?"""
    code, text = validated(path)
    if code:
        print(f"does not fit: {name_of(path)}: {text[:150]}")
    return code == 0


def cases_of(path):
    """How many it has: a run that was ended early did fewer."""
    found = re.search(r"(\d+) cases?$", validated(path)[1])
    return int(found.group(1)) if found else 0


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def load():
    try:
        return json.loads((kept / f"{kind}.json").read_text())
    except FileNotFoundError:
        return {}


def save(variant, cells):
    """Beside what another run of this tool may have added meanwhile."""
    kept.mkdir(exist_ok=True)
    with open(kept / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        results = load()
        results.setdefault(variant, {}).update(cells)
        fresh = kept / f"{kind}.json.new"
        fresh.write_text(json.dumps(results, indent=1, sort_keys=True))
        fresh.rename(kept / f"{kind}.json")


def current(digests):
    """What was measured with the scenarios as they are."""
    known = known_variants()
    rows = {variant: {name: cell for name, cell in row.items() if digests.get(name) == cell["scenario"]}
            for variant, row in load().items() if variant in known}
    return {variant: row for variant, row in rows.items() if row}


def short_rack(folder):
    tree = json.loads(rack.read_text())
    tree["places"] = tree["places"][:asked.places or None]
    tree["virtual"] = {"time": "virtual"}
    path = folder / "rack.json"
    path.write_text(json.dumps(tree))
    return path


def measure(variant, paths):
    """One run: all scenarios, so that the board is prepared once. A case whose rig failed or that came to nothing
    stays in the count."""
    with tempfile.TemporaryDirectory(prefix="otarig-matrix.") as folder:
        out = pathlib.Path(folder)
        done = subprocess.run([otarig, "run", *paths, "--rack", short_rack(out), "--firmware", firmware_of(variant), "--out", out],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", cwd=source)
        found = list(out.glob("2*/result.json"))
        if not found:
            return f"WRONG {variant}: exit {done.returncode}, no result\n{done.stdout[-2000:]}"
        cases = json.loads(found[0].read_text())["cases"]
    by_name = {path.stem: path for path in paths}
    told = {}
    for case in cases:
        cell = told.setdefault(case["scenario"], {"cases": 0, "pass": 0, "fail": {}, "inconclusive": 0, "rig_error": 0, "why": ""})
        cell["cases"] += 1
        if case["verdict"] == "fail":
            cell["fail"][case["class"]] = cell["fail"].get(case["class"], 0) + 1
        else:
            cell[case["verdict"].replace("-", "_")] += 1
        if case["verdict"] != "pass" and not cell["why"]:
            cell["why"] = f"{case['id']}: {case['reason']}"
    for name, cell in told.items():
        cell.update(date=datetime.date.today().isoformat(), scenario=digest(by_name[name]))
    with guard:
        save(variant, {name_of(by_name[name]): cell for name, cell in told.items()})
    return f"{variant}: " + ", ".join(f"{name} {text_of(cell)}" for name, cell in told.items())


def text_of(cell):
    count = sum(cell["fail"].values())
    doubtful = cell["inconclusive"] + cell["rig_error"]
    if count:
        worst = " ".join(sorted(cell["fail"]))
        return f"caught {count}/{cell['cases']} {worst}"
    return f"inconclusive {doubtful}/{cell['cases']}" if doubtful else f"all {cell['cases']} pass"


def sign_of(cell, total):
    count, doubtful = sum(cell["fail"].values()), cell["inconclusive"] + cell["rig_error"]
    done = f"{cell['cases']}" if cell["cases"] >= total else f"{cell['cases']} of {total}"
    if count:
        return f"**{count}**/{done}"
    if doubtful:
        return f"?{doubtful}/{done}"
    return "–" if cell["cases"] >= total else f"– {done}"


def table(results, columns):
    rows = [variant for variant in known_variants() if results.get(variant)]
    names = [name for name in columns if any(name in results[variant] for variant in rows)]
    totals = {name_of(path): cases_of(path) for path in all_scenarios() if name_of(path) in names}
    lines = ["| variant | caught as | " + " | ".join(str(i + 1) for i in range(len(names))) + " |",
             "|---|---|" + "---|" * len(names)]
    for variant in rows:
        classes = sorted({word for cell in results[variant].values() for word in cell["fail"]})
        told = "sound" if is_sound(variant) else ", ".join(classes) or "not caught in these"
        lines.append(f"| {variant} | {told} | " + " | ".join(
            sign_of(results[variant][name], totals[name]) if name in results[variant] else "" for name in names) + " |")
    lines += ["", "Scenarios: " + "; ".join(f"{i + 1} `{name}`" for i, name in enumerate(names)) + "."]
    return lines


def section(results, columns):
    cells = [cell for row in results.values() for cell in row.values()]
    bad = [variant for variant in results if not is_sound(variant)]
    caught = [variant for variant in bad if any(cell["fail"] for cell in results[variant].values())]
    sound = [cell for variant, row in results.items() if is_sound(variant) for cell in row.values()]
    dates = sorted({cell["date"] for cell in cells})
    lines = [f"## {kind}", "",
             f"Measured {dates[0]}" + (f" to {dates[-1]}" if dates[-1] != dates[0] else "") +
             f" on the virtual rack, in its own time, by `./rig matrix {kind}`: {sum(cell['cases'] for cell in cells)} cases of "
             f"{len(results)} builds. Caught: {len(caught)} of the {len(bad)} defective builds that were run "
             f"(there are {len([v for v in known_variants() if not is_sound(v)])}). "
             f"Sound builds: {sum(cell['pass'] for cell in sound)} of {sum(cell['cases'] for cell in sound)} cases pass, "
             f"{sum(sum(cell['fail'].values()) for cell in sound)} fail.", ""]
    return lines + table(results, columns) + [""]


HEAD = ["# What the shipped scenarios catch", "",
        "Each row is a build of the firmware with one defect; each column is a scenario. **3**/13: three of its thirteen cases fail the",
        "board, as they should. ?2/13: none fails it, two are inconclusive or errors of the rig. –: all cases pass, the defect does not",
        "show there. \"36 of 121\": a run that was ended early. An empty field was not run. Written by `tests/matrix.py`; the scenarios vary",
        "over whole grids, and no seed or time in them was chosen for a defect.", ""]


def write(results, columns):
    path = source / "docs" / "matrix.md"
    path.parent.mkdir(exist_ok=True)
    old = path.read_text() if path.exists() else ""
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", old, re.M | re.S))
    sections[kind] = "\n".join(section(results, columns)[1:]) + "\n"
    path.write_text("\n".join(HEAD) + "\n" + "".join(f"## {name}\n{text.rstrip()}\n\n" for name, text in sections.items()).rstrip() + "\n")


def main():
    columns = [name_of(path) for path in all_scenarios()]
    digests = {name_of(path): digest(path) for path in all_scenarios()}
    results = current(digests)
    if not asked.no_run:
        variants = wanted_variants()
        done = subprocess.run(["ninja", "-C", build, *[f"{firmware_of(v).relative_to(build)}/manifest.json" for v in {"good", *variants}]],
                              stdout=subprocess.PIPE, text=True)
        if done.returncode:
            fail(f"the firmware cannot be built:\n{done.stdout[-2000:]}")
        paths = [path for path in wanted_scenarios() if fits(path)]
        if not paths:
            fail("none of the scenarios fits")
        jobs = []
        for variant in variants:
            left = [path for path in paths if not asked.missing or name_of(path) not in results.get(variant, {})]
            if left:
                jobs.append((variant, left))
        with concurrent.futures.ThreadPoolExecutor(max(asked.jobs, 1)) as pool:
            for text in pool.map(lambda job: measure(*job), jobs):
                print(text, flush=True)
    results = current(digests)
    if not results:
        fail("nothing was measured")
    print("\n".join(section(results, columns)))
    write(results, columns)
    missed = [v for v, row in results.items() if not is_sound(v) and not any(cell["fail"] for cell in row.values())]
    accused = [f"{v} ({cell['why']})" for v, row in results.items() if is_sound(v) for cell in row.values() if cell["fail"]]
    for text in [f"not caught in what was run: {v}" for v in missed] + [f"sound, but failed: {text}" for text in accused]:
        print(text)
    return 1 if missed or accused else 0


os.environ.setdefault("LC_ALL", "C.UTF-8")
sys.exit(main())
