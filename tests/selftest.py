# SPDX-License-Identifier: GPL-2.0-or-later
"""The gate of the gate, on the virtual rack: scenarios/selftest/*.json name what must come out.

usage: selftest.py SOURCE BUILD [firmware|rigs|contract|good|kinds]... [NAME]...

kinds: the other kinds of boards, good and defective. A NAME, such as "slow-watchdog", "shell/no-rollback" or "shell": only the entries
of that name or kind of board. OTARIG_SELFTEST_JOBS: so many at a time (8).

Every defective firmware must fail with its class, every broken rig must end as a rig-error or inconclusive, never as a pass
and never as "the board failed", a scenario whose fault does not strike must be
inconclusive, and the good firmware must pass. Of every run the files obey their schemas, the stored
journal judged again gives the stored verdict, and (where the rig is sound) the journal agrees with the rack's own log.
"""
import concurrent.futures
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import tally

source, build = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
LISTS = ["firmware", "rigs", "contract", "good", "kinds"]
names = {word for word in sys.argv[3:] if word not in LISTS}
what = {word for word in sys.argv[3:] if word in LISTS} or set(LISTS)
otarig, rack = build / "bin" / "otarig", source / "boards" / "racks" / "virtual-6.json"
work = pathlib.Path(tempfile.mkdtemp(prefix="otarig-selftest."))


def expected(name):
    return json.loads((source / "scenarios" / "selftest" / name).read_text())


def too_slow(case):
    return "this computer is too slow" in case["reason"] or "this computer was too slow" in case["reason"]


def run(name, scenarios, wanted, *options, patient=True):
    """Exit code, cases of the result (empty: no result), folders of the runs. In real time a virtual board keeps this
    computer's: a case that is inconclusive because that was too slow is asked again, and only that."""
    code, cases, folders, done = 0, [], [], []
    for attempt in range(6 if patient else 1):
        code, cases, folder = run_once(f"{name}.{attempt}" if attempt else name, scenarios, wanted, *options)
        folders += [folder] if folder else []
        slow = [case["id"] for case in cases if too_slow(case)]
        if not slow:
            break
        print(f"again {name}: this computer was too slow for {' '.join(slow)}", flush=True)
        done += [case for case in cases if not too_slow(case)]
        wanted = slow
    return code if not done or code else max((1 if case["verdict"] == "fail" else 4 if case["verdict"] != "pass" else 0)
                                             for case in done + cases), done + cases, folders


def run_once(name, scenarios, wanted, *options):
    command = [otarig, "run", *[source / "scenarios" / s for s in scenarios], "--out", work / name, *options]
    command += [option for case in wanted for option in ("--case", case)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                          cwd=source)  # the programs of racks are named from there
    folder = next((line[9:] for line in done.stdout.splitlines() if line.startswith("results: ")), None)
    try:
        cases = json.loads((pathlib.Path(folder) / "result.json").read_text())["cases"]
    except (TypeError, OSError, ValueError):
        cases = []
    if not cases:
        print(done.stdout)
    return done.returncode, cases, folder


def rack_with(name, defects, update=None, time_of="virtual"):
    """`update`: options of the update client at all places, beside the driver's name."""
    tree = json.loads(rack.read_text())
    for place in tree["places"] if update is not None else []:
        place["update"] = {"driver": place["update"]["driver"], **update}
    tree["virtual"] = {"defects": defects or [], "time": time_of}
    path = work / f"{name}.rack.json"
    path.write_text(json.dumps(tree))
    return path


def firmware(entry):
    name = entry["variant"]
    code, cases, folder = run(name, [entry["scenario"] + ".json"], [entry["case"]], "--rack", rack, "--place", "p1",
                              "--firmware", build / "firmware" / name)
    ok = code == 1 and len(cases) == 1 and (cases[0]["verdict"], cases[0]["class"]) == (entry["verdict"], entry["class"])
    return ok, name, f"exit {code}", cases, folder, True


def rig(entry):
    all_rigs, name = expected("rigs.json"), entry["name"]
    scenario, case = [entry.get(key, all_rigs[key]) for key in ("scenario", "case")]
    used = rack_with(name, entry["defects"], entry.get("update"), entry.get("time", "virtual"))
    code, cases, folder = run(name, [scenario + ".json"], [case], "--rack", used, "--place", entry["defects"][0]["place"], "--firmware",
                              build / "firmware" / entry.get("firmware", "good"), patient="too slow" not in entry.get("reason", ""))
    ok = code in (3, 4) and all(case["verdict"] in all_rigs["verdicts"] for case in cases)
    if entry.get("passes"):
        ok = code == 0 and [case["verdict"] for case in cases] == ["pass"]
    ok = ok and any(entry.get("reason", "") in case["reason"] for case in cases)
    return ok, name, f"exit {code}", cases, folder, False


def contract(entry):
    """A scenario that is changed so that its fault cannot strike when it should."""
    name = entry["name"]
    tree = json.loads((source / "scenarios" / f"{entry['scenario']}.json").read_text())
    tree.update(entry.get("with", {}))
    (work / f"{name}.json").write_text(json.dumps(tree))
    images = build / "firmware" / "good"
    if "images" in entry:
        images = shutil.copytree(images, work / f"{name}.images")
        manifest = json.loads((images / "manifest.json").read_text())
        for image, other in entry["images"].items():
            manifest["images"][image] = manifest["images"][other]
        (images / "manifest.json").write_text(json.dumps(manifest))
    code, cases, folder = run(name, [work / f"{name}.json"], [entry["case"]], "--rack", rack_with(name, entry.get("defects")),
                              "--place", "p1", "--firmware", images)
    ok = len(cases) == 1 and cases[0]["verdict"] == entry["verdict"] and entry["reason"] in cases[0]["reason"]
    return ok and code == 4, name, f"exit {code}", cases, folder, "defects" not in entry


def kind(entry):
    """A board of another kind, with its own rack and firmware."""
    of, variant = entry["kind"], entry["firmware"]
    short = f"{of}{expected('kinds.json')['kinds'].index(entry)}"  # sockets lie in its folder
    code, cases, folder = run(short, [entry["scenario"] + ".json"], [entry["case"]], "--rack",
                              source / "boards" / "racks" / f"virtual-{entry.get('rack', of)}.json", "--place", "p1", "--firmware",
                              build / "firmware" / variant)
    ok = len(cases) == 1 and (cases[0]["verdict"], cases[0]["class"]) == (entry["verdict"], entry.get("class"))
    return ok and code == (1 if entry["verdict"] == "fail" else 0), f"{of} {variant}", f"exit {code}", cases, folder, True


def good(entry):
    code, found, folder = run("good", entry["scenarios"], entry["cases"], "--rack", rack)
    ok = code == 0 and len(found) == len(entry["cases"]) and all(case["verdict"] == "pass" for case in found)
    failed = [case for case in found if case["verdict"] != "pass"]
    return ok, "the good firmware", f"exit {code}, {len(found) - len(failed)} of {len(entry['cases'])} pass", failed, folder, True


def shown(job):
    begin = time.monotonic()
    ok, name, text, cases, folder, sound = job[0](job[1])
    told = "; ".join(f"{case['verdict']} {case['class'] or ''} - {case['reason']}" for case in cases)[:150 if ok else 600]
    line = f"{name}: {text} {told} ({time.monotonic() - begin:.0f} s)"
    wanted = " ".join(str(job[1][key]) for key in ("verdict", "class", "reason") if job[1].get(key))
    print(f"ok    {line}", flush=True) if ok else tally.wrong(f"{line}{', expected ' if wanted else ''}{wanted}")
    return folder, sound


def entries(word, key):
    return [entry for entry in expected(f"{word}.json")[word] if not names or names & {entry[key], entry.get("kind")}]


jobs = []
for word, work_of, key in ("rigs", rig, "name"), ("contract", contract, "name"), ("firmware", firmware, "variant"), ("kinds", kind, "firmware"):
    jobs += [(work_of, entry) for entry in entries(word, key)] if word in what else []
if names and not jobs:
    sys.exit(f"selftest: no entry is called {' or '.join(sorted(names))}")
# some go at once, as each has processes that wait for each other; the good firmware's run has six places of its own
with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("OTARIG_SELFTEST_JOBS", "8"))) as pool:
    folders = [(folder, sound) for found, sound in pool.map(shown, jobs) for folder in found]
if "good" in what and not names:
    found, sound = shown((good, expected("good.json")))
    folders += [(folder, sound) for folder in found]

environment = dict(os.environ, OTARIG_SOURCE=str(source), OTARIG_BUILD=str(build))
if folders:
    tally.run(["sh", source / "tests" / "check_schemas.sh", *[folder for folder, _ in folders]], env=environment)
sound = [folder for folder, is_sound in folders if is_sound]
if sound:
    tally.run([sys.executable, source / "tests" / "truth.py", *sound])
judged = 0
for folder, _ in folders:
    for case in json.loads((pathlib.Path(folder) / "result.json").read_text())["cases"]:
        journal = pathlib.Path(folder) / case["folder"] / "journal.jsonl"
        answer = subprocess.run([otarig, "judge", journal, "--json"], stdout=subprocess.PIPE, text=True)
        judged += 1
        try:
            again = json.loads(answer.stdout)
        except ValueError:
            tally.wrong(f"{journal}: cannot be judged again, exit {answer.returncode}")
            continue
        if (again["verdict"], again["class"], again["reason"]) != (case["verdict"], case["class"], case["reason"]):
            tally.wrong(f"{journal}: judged again it is {again['verdict']} {again['class']} - {again['reason']}")
print(f"{judged} journals judged again")
if tally.lines:
    print(f"{len(tally.lines)} wrong; the runs are kept in {work}")
else:
    shutil.rmtree(work)
sys.exit(bool(tally.lines))
