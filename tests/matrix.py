#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The measure of the shipped suite, on virtual racks: every defective variant of a kind of firmware through every
scenario that fits it, and what is sound through the same, with values that were drawn by chance.
Prints the table variant x scenario and writes it to docs/matrix.md. Results of this and of former, smaller runs are
kept in BUILD/matrix, so a table may be measured in parts; a scenario that was edited since is measured anew.

usage: matrix.py SOURCE BUILD [demo|stock|mute|shell|bare] [--variants A,B] [--scenarios FOLDER/NAME,FOLDER,...]
                 [--jobs N] [--places N] [--missing] [--until-caught] [--no-run]
       matrix.py SOURCE BUILD [KIND] --good N [--variants A,B] [--scenarios ...] [--places N]
  --variants      only these; those that must pass may be among them
  --scenarios     only these, or all of these folders (power-cut,bricked-image,network-loss,clean-update,nightly)
  --jobs          so many runs at a time (1)
  --places        so many places of the rack for each (all)
  --missing       leave out what was measured already
  --until-caught  go on to the next variant once one is caught with the class that scenarios/selftest names; the
                  scenario that is named there comes first
  --no-run        print and write what was measured before
  --good N        about N more cases of what is sound (of this kind, or of all in turn): each scenario, with values
                  between the least and the greatest of its own, by chance; the count goes on where it was

Exit 0: everything measured is as it must be: each variant is caught by a scenario, with the right class; what is sound
passes all.
"""
import argparse
import concurrent.futures
import datetime
import fcntl
import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading

FOLDERS = ["clean-update", "power-cut", "bricked-image", "network-loss", "nightly"]
KINDS = ["demo", "stock", "mute", "shell", "bare"]
SOUND = {"good", "waits-in-a-loop"}  # beside the stock firmware's odd but sound habits
# boards that say in a file of their own what is odd about them; a swap of big images takes longer than the usual limit
ODD_RACKS = {"old-banner": "virtual-stock-old", "slow": "virtual-stock-slow", "big": "virtual-stock-slow", "self-confirming": "virtual-stock-itself"}
GOOD_CASES = 12  # of one run: some minutes, so that an end of it costs little

parser = argparse.ArgumentParser(prog="./rig matrix", description=__doc__.split("\n\n")[0])
parser.add_argument("source", type=pathlib.Path, help=argparse.SUPPRESS)
parser.add_argument("build", type=pathlib.Path, help=argparse.SUPPRESS)
parser.add_argument("kind", nargs="?", choices=KINDS)
parser.add_argument("--variants", default="")
parser.add_argument("--scenarios", default="")
parser.add_argument("--jobs", type=int, default=1)
parser.add_argument("--places", type=int, default=0)
parser.add_argument("--missing", action="store_true")
parser.add_argument("--until-caught", action="store_true")
parser.add_argument("--no-run", action="store_true")
parser.add_argument("--good", type=int, default=0)
asked = parser.parse_args()
source, build, kind = asked.source.resolve(), asked.build.resolve(), asked.kind or "demo"
otarig, kept = build / "bin" / "otarig", build / "matrix"
guard = threading.Lock()


def fail(text):
    sys.exit(f"matrix: {text}")


# ---- what there is ----

def listed(name):
    """A list of variants in boards/firmware/CMakeLists.txt."""
    text = (source / "boards" / "firmware" / "CMakeLists.txt").read_text()
    return re.search(rf"^set\({name}\s+([^)]*)\)", text, re.M).group(1).split()


def firmware_of(of, variant):
    return build / "firmware" / (variant if of == "demo" else f"{of}/{variant}")


def known_variants(of):
    return listed("variants" if of == "demo" else f"{of}_variants") + (listed("stock_odd") if of == "stock" else [])


def is_sound(of, variant):
    return variant in SOUND or (of == "stock" and variant in listed("stock_odd"))


def rack_of(of, variant):
    name = ODD_RACKS.get(variant, "virtual-6" if of == "demo" else f"virtual-{of}")
    return source / "boards" / "racks" / f"{name}.json"


def named_by_selftest(of):
    """Of each variant: where it is caught, and as what."""
    folder = source / "scenarios" / "selftest"
    if of == "demo":
        return {entry["variant"]: entry for entry in json.loads((folder / "firmware.json").read_text())["firmware"]}
    entries = json.loads((folder / "kinds.json").read_text())["kinds"]
    return {entry["firmware"].split("/")[1]: entry for entry in entries if entry["kind"] == of and entry["verdict"] == "fail"}


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


def wanted_variants(of):
    wanted, known = [word for word in asked.variants.split(",") if word], known_variants(of)
    for word in wanted:
        if word not in known:
            fail(f"--variants: '{word}' is none of {', '.join(known)}")
    return wanted or known


def make(of, variants):
    names = [f"{firmware_of(of, variant).relative_to(build)}/manifest.json" for variant in variants]
    done = subprocess.run(["ninja", "-C", build, *names], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        fail(f"the firmware cannot be built:\n{done.stdout[-2000:]}")


# ---- what was measured ----

def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def load(name):
    try:
        return json.loads((kept / f"{name}.json").read_text())
    except FileNotFoundError:
        return {}


def save(name, change):
    """Beside what another run of this tool may have added meanwhile."""
    kept.mkdir(exist_ok=True)
    with guard, open(kept / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        results = load(name)
        change(results)
        fresh = kept / f"{name}.json.new"
        fresh.write_text(json.dumps(results, indent=1, sort_keys=True))
        fresh.rename(kept / f"{name}.json")


def current(of, digests):
    """What was measured with the scenarios as they are."""
    known = known_variants(of)
    rows = {variant: {name: cell for name, cell in row.items() if digests.get(name) == cell["scenario"]}
            for variant, row in load(of).items() if variant in known}
    return {variant: row for variant, row in rows.items() if row}


def short_rack(of, variant, folder):
    tree = json.loads(rack_of(of, variant).read_text())
    tree["places"] = tree["places"][:asked.places or None]
    tree["virtual"] = {"time": "virtual"}
    path = folder / "rack.json"
    path.write_text(json.dumps(tree))
    return path


def run_cases(of, variant, paths, seed=1):
    """The cases of one run that came to their end, and what it said. Of a folder otarig leaves out what does not fit the board, so they
    lie in one. Journals of what did not pass are kept where nothing is wrong with the firmware."""
    with tempfile.TemporaryDirectory(prefix="otarig-matrix.") as folder:
        out = pathlib.Path(folder)
        (out / "scenarios").mkdir()
        for path in paths:
            shutil.copy(path, out / "scenarios" / path.name)
        done = subprocess.run([otarig, "run", out / "scenarios", "--rack", short_rack(of, variant, out), "--firmware", firmware_of(of, variant),
                               "--out", out, "--seed", str(seed)],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", cwd=source)
        found = list(out.glob("2*/result.json"))
        if not found:
            return None, f"exit {done.returncode}, no result\n{done.stdout[-2000:]}"
        cases = [case for case in json.loads(found[0].read_text())["cases"] if case["reason"] != "the run was cut short"]
        for case in cases:
            journal = found[0].parent / case["folder"] / "journal.jsonl"
            if is_sound(of, variant) and case["verdict"] != "pass" and journal.exists():
                (kept / "findings").mkdir(parents=True, exist_ok=True)
                shutil.copy(journal, kept / "findings" / f"{of}.{variant}.{seed}.{case['id']}.jsonl")
        return cases, done.stdout


def counted(cases):
    cell = {"cases": len(cases), "pass": 0, "fail": {}, "inconclusive": 0, "rig_error": 0, "why": ""}
    for case in cases:
        if case["verdict"] == "fail":
            cell["fail"][case["class"]] = cell["fail"].get(case["class"], 0) + 1
            cell.setdefault("first", case["id"])
        else:
            cell[case["verdict"].replace("-", "_")] += 1
        if case["verdict"] != "pass" and not cell["why"]:
            cell["why"] = f"{case['id']}: {case['reason']}"
    return cell


def measure(of, variant, paths):
    """One run: all scenarios, so that the board is prepared once. A case whose rig failed or that came to nothing
    stays in the count."""
    cases, text = run_cases(of, variant, paths)
    if cases is None:
        if "no case is left" not in text:
            print(f"WRONG {variant}: {text}", flush=True)
        return {}
    cells = {}
    for path in paths:
        mine = [case for case in cases if case["scenario"] == path.stem]
        if mine:
            cells[name_of(path)] = {**counted(mine), "date": datetime.date.today().isoformat(), "scenario": digest(path)}
    save(of, lambda results: results.setdefault(variant, {}).update(cells))
    print(f"{variant}: " + ", ".join(f"{name} {text_of(cell)}" for name, cell in cells.items()), flush=True)
    return cells


def is_caught(of, variant, row):
    wanted = named_by_selftest(of).get(variant, {}).get("class")
    return any(wanted in cell["fail"] if wanted else cell["fail"] for cell in row.values())


def measure_variant(of, variant, paths):
    if not asked.until_caught:
        measure(of, variant, paths)
        return
    first = named_by_selftest(of).get(variant, {}).get("scenario")
    ordered = [[path for path in paths if name_of(path) == first]] + [
        [path for path in paths if path.parent.name == folder and name_of(path) != first] for folder in FOLDERS]
    row = {}
    for group in ordered:
        if group and not is_caught(of, variant, row):
            row.update(measure(of, variant, group))


# ---- the table ----

def text_of(cell):
    count = sum(cell["fail"].values())
    doubtful = cell["inconclusive"] + cell["rig_error"]
    if count:
        worst = " ".join(sorted(cell["fail"]))
        return f"caught {count}/{cell['cases']} {worst}"
    return f"inconclusive {doubtful}/{cell['cases']} ({cell['why'][:200]})" if doubtful else f"all {cell['cases']} pass"


def sign_of(cell):
    count, doubtful = sum(cell["fail"].values()), cell["inconclusive"] + cell["rig_error"]
    if count:
        return f"**{count}**/{cell['cases']}"
    return f"?{doubtful}/{cell['cases']}" if doubtful else "–"


def told_of(of, variant, row):
    classes = sorted({word for cell in row.values() for word in cell["fail"]})
    if is_sound(of, variant):
        return "sound"
    wanted = named_by_selftest(of).get(variant, {}).get("class")
    return (", ".join(classes) or "not caught in these") + ("" if wanted in classes or not wanted else f" (should be: {wanted})")


def table(of, results, columns):
    rows = [variant for variant in known_variants(of) if results.get(variant)]
    names = [name for name in columns if any(name in results[variant] for variant in rows)]
    lines = ["| variant | caught as | " + " | ".join(str(i + 1) for i in range(len(names))) + " |",
             "|---|---|" + "---|" * len(names)]
    for variant in rows:
        lines.append(f"| {variant} | {told_of(of, variant, results[variant])} | " + " | ".join(
            sign_of(results[variant][name]) if name in results[variant] else "" for name in names) + " |")
    lines += ["", "Scenarios: " + "; ".join(f"{i + 1} `{name}`" for i, name in enumerate(names)) + "."]
    return lines


def section(of, results, columns):
    cells = [cell for row in results.values() for cell in row.values()]
    bad = [variant for variant in results if not is_sound(of, variant)]
    caught = [variant for variant in bad if is_caught(of, variant, results[variant])]
    sound = [cell for variant, row in results.items() if is_sound(of, variant) for cell in row.values()]
    dates = sorted({cell["date"] for cell in cells})
    lines = [f"Measured {dates[0]}" + (f" to {dates[-1]}" if dates[-1] != dates[0] else "") +
             f" by `./rig matrix {of}`: {sum(cell['cases'] for cell in cells)} cases of "
             f"{len(results)} builds. Caught with the right class: {len(caught)} of the {len(bad)} defective builds that were run "
             f"(there are {len([v for v in known_variants(of) if not is_sound(of, v)])}). "
             f"Sound builds: {sum(cell['pass'] for cell in sound)} of {sum(cell['cases'] for cell in sound)} cases pass, "
             f"{sum(sum(cell['fail'].values()) for cell in sound)} fail.", ""]
    return lines + table(of, results, columns)


# ---- what is sound ----

def drawn(path, chance, folder):
    """A copy of the scenario in which each thing that varies has one value: of numbers any between the least and the
    greatest that it names."""
    tree = json.loads(path.read_text())
    for key, values in tree.get("vary", {}).items():
        if isinstance(values, dict):
            tree["vary"][key] = [chance.randint(values["from"], values["to"])]
        elif all(isinstance(value, int) for value in values):
            last = 1000000 if key == "seed" else max(values)
            tree["vary"][key] = [chance.randint(min(values), last)]
        else:
            tree["vary"][key] = [chance.choice(values)]
    copy = folder / path.name
    copy.write_text(json.dumps(tree))
    return copy


def sound_builds():
    return [(of, variant) for of in ([asked.kind] if asked.kind else KINDS) for variant in known_variants(of)
            if is_sound(of, variant) and (not asked.variants or variant in asked.variants.split(","))]


def good():
    """Cases of sound builds until there are so many more. Each run is drawn from a seed of its own, and no two alike."""
    paths, builds, left = wanted_scenarios(), sound_builds(), asked.good
    for of, variants in {of: [v for o, v in builds if o == of] for of, _ in builds}.items():
        make(of, variants)
    while left > 0 and builds:
        runs = load("good").get("runs", {})
        count = {build_: sum(run["cases"] for key, run in runs.items() if key.split(" ")[0] == "/".join(build_)) for build_ in builds}
        of, variant = min(builds, key=lambda build_: count[build_])
        seed = 1 + max([int(key.split(" ")[1]) for key in runs if key.split(" ")[0] == f"{of}/{variant}"], default=0)
        chance = random.Random(f"{of} {variant} {seed}")
        # a slow one is worth a few
        some = chance.sample(paths, min(len(paths), GOOD_CASES if variant not in ("slow", "big") else 3))
        with tempfile.TemporaryDirectory(prefix="otarig-drawn.") as folder:
            cases, text = run_cases(of, variant, [drawn(path, chance, pathlib.Path(folder)) for path in some], seed)
        if cases is None:
            print(f"{of}/{variant}: {text}", flush=True)
            cases = []
        cell = {**counted(cases), "date": datetime.date.today().isoformat(),
                "findings": [f"{case['id']}: {case['verdict']} {case['class'] or ''}: {case['reason']}" for case in cases if case["verdict"] != "pass"]}
        save("good", lambda results: results.setdefault("runs", {}).update({f"{of}/{variant} {seed}": cell}))
        print(f"{of}/{variant} {seed}: {text_of(cell)}", *cell["findings"], sep="\n    ", flush=True)
        left -= max(cell["cases"], 1)


def good_table():
    runs, lines = load("good").get("runs", {}), []
    if not runs:
        return []
    names = sorted({key.split(" ")[0] for key in runs}, key=lambda name: (KINDS.index(name.split("/")[0]), name))
    rows = [(name, [run for key, run in runs.items() if key.split(" ")[0] == name]) for name in names]
    total = list(runs.values())

    def row(name, cells):
        return (f"| {name} | {sum(c['cases'] for c in cells)} | {sum(c['pass'] for c in cells)} | {sum(sum(c['fail'].values()) for c in cells)} | "
                f"{sum(c['inconclusive'] for c in cells)} | {sum(c['rig_error'] for c in cells)} |")
    dates = sorted({run["date"] for run in total})
    lines += [f"Measured {dates[0]}" + (f" to {dates[-1]}" if dates[-1] != dates[0] else "") +
              " by `./rig matrix --good N`: nothing is wrong with these builds, so a case that fails is a false alarm, and one that is",
              "inconclusive or an error of the rig is a finding. Each case is a shipped scenario with values drawn by chance.", "",
              "| build | cases | pass | fail | inconclusive | rig error |", "|---|---|---|---|---|---|"]
    return lines + [row(name, cells) for name, cells in rows] + [row("all", total)]


HEAD = ["# What the shipped scenarios catch", "",
        "Each row is a build of the firmware with one defect; each column is a scenario. **3**/13: three of its thirteen cases fail the",
        "board, as they should. ?2/13: none fails it, two are inconclusive or errors of the rig. –: all cases pass, the defect does not",
        "show there. An empty field was not run. Written by `tests/matrix.py`; the scenarios vary over whole grids, and no seed or time in",
        "them was chosen for a defect. All on virtual racks, in their own time.", ""]


def write(sections):
    path = source / "docs" / "matrix.md"
    path.parent.mkdir(exist_ok=True)
    old = path.read_text() if path.exists() else ""
    texts = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", old, re.M | re.S))
    texts.update({name: "\n".join(lines) for name, lines in sections.items() if lines})
    order = [name for name in [*KINDS, "sound"] if name in texts]
    path.write_text("\n".join(HEAD) + "\n" + "\n\n".join(f"## {name}\n\n{texts[name].strip()}" for name in order) + "\n")


def report(of):
    columns = [name_of(path) for path in all_scenarios()]
    results = current(of, {name_of(path): digest(path) for path in all_scenarios()})
    if not results:
        fail("nothing was measured")
    print("\n".join([f"## {of}", "", *section(of, results, columns), ""]))
    write({of: section(of, results, columns), "sound": good_table()})
    missed = [v for v, row in results.items() if not is_sound(of, v) and not is_caught(of, v, row)]
    accused = [f"{v} ({cell['why']})" for v, row in results.items() if is_sound(of, v) for cell in row.values() if cell["fail"]]
    for text in [f"not caught in what was run: {v}" for v in missed] + [f"sound, but failed: {text}" for text in accused]:
        print(text)
    return 1 if missed or accused else 0


def main():
    if asked.good:
        good()
        print("\n".join(good_table()))
        write({"sound": good_table()})
        return 1 if any(run["fail"] for run in load("good")["runs"].values()) else 0
    if not asked.no_run:
        variants, paths = wanted_variants(kind), wanted_scenarios()
        make(kind, {"good", *variants})
        results = current(kind, {name_of(path): digest(path) for path in all_scenarios()})
        jobs = []
        for variant in variants:
            left = [path for path in paths if not asked.missing or name_of(path) not in results.get(variant, {})]
            if asked.until_caught and asked.missing and is_caught(kind, variant, results.get(variant, {})):
                continue
            if left:
                jobs.append((variant, left))
        with concurrent.futures.ThreadPoolExecutor(max(asked.jobs, 1)) as pool:
            list(pool.map(lambda job: measure_variant(kind, *job), jobs))
    return report(kind)


os.environ.setdefault("LC_ALL", "C.UTF-8")
sys.exit(main())
