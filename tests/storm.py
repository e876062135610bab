#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A storm of broken rigs: a rack in which something breaks, or is broken for a while, at random moments of random cases.
Whatever it is, good firmware must not fail, bad firmware must not pass, and a power loss that nobody ordered must not be
passed over. By hand (./rig storm), as a night of it finds more than a minute.

usage: storm.py SOURCE BUILD [SEED [COUNT]]
"""
import concurrent.futures
import json
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

import tally

source, build = [pathlib.Path(folder).resolve() for folder in sys.argv[1:3]]
seed, count = [int(text) for text in (sys.argv[3:5] + ["1", "100"][len(sys.argv[3:5]):])]
work = pathlib.Path(tempfile.mkdtemp(prefix="otarig-storm."))
BOUNCE_US = 250000  # so soon after a power-up another one is a bounce of the contact (harness/record/verdict.h)

CASES = [
    ("clean-update/confirmed", "confirmed"),
    ("power-cut/cut-after-done", "cut-after-done+delay_ms=20"),
    ("power-cut/swap-mark", "swap-mark+mark=jump,delay_ms=1"),
    ("power-cut/upload-cut", "upload-cut+percent=50"),
    ("bricked-image/crash", "crash"),
    ("bricked-image/hang", "hang"),
    ("bricked-image/wrong-key", "wrong-key"),
    ("network-loss/loss", "loss+percent=50"),
    ("network-loss/stall", "stall+for_ms=1500"),
]
# those that show in each run, whenever what happens
BAD = [entry for entry in json.loads((source / "scenarios" / "selftest" / "firmware.json").read_text())["firmware"]
       if entry["scenario"].startswith("bricked-image/")]
DEFECTS = {
    "twin-dead": {}, "twin-stopped": {}, "power-not-off": {}, "stuck-relay": {}, "unplug-relay": {}, "relay-readback-wrong": {},
    "unplug-serial": {}, "probe-refused": {}, "probe-silent": {}, "probe-dropped": {}, "stall-usb": {},
    "serial-silent": {"toward": ["both", "host", "board"]}, "serial-garbage": {"ppm": [1000, 20000, 200000]},
    "serial-short-buffer": {"bytes": [100, 400, 900]},
    "serial-floats": {"bytes": [1, 2, 9]}, "wrong-baud": {"baud": [115200, 500000, 921600]},
    "console-of": {"other": ["p2"]}, "probe-of": {"other": ["p2"]},
}


def defect(chance):
    name = chance.choice(list(DEFECTS))
    found = {"place": "p1", "defect": name, "at_power_up": chance.randint(2, 7),
             "after_ms": chance.randint(1, chance.choice([200, 3000, 12000]))}
    for option, values in DEFECTS[name].items():
        found[option] = chance.choice(values)
    if name != "probe-dropped":
        found["ms" if name == "stall-usb" else "for_ms"] = chance.choice([20, 60, 300, 1000, 5000, 20000])
    return found


def power_lost(run, until_us):
    """A start of the board that no contact accounts for, and that is no bounce."""
    on_us = 0
    for line in (run / "rack" / "truth.jsonl").read_text(errors="replace").splitlines():
        event = json.loads(line)
        if event.get("place") != "p1" or event["t_us"] > until_us:
            continue
        if event["what"] == "rail_on":
            on_us = event["t_us"]
        elif event["what"] == "power_up" and event["t_us"] > on_us + BOUNCE_US:
            return True
    return False


def one(job):
    number, firmware, scenario, case, defects = job
    tree = json.loads((source / "boards" / "racks" / "virtual-6.json").read_text())
    # timeliness is of this computer's time: a part of the storm is in it
    tree["virtual"] = {"defects": defects, "time": "real" if number % 4 == 0 else "virtual"}
    rack, out = work / f"{number}.rack.json", work / str(number)
    rack.write_text(json.dumps(tree))
    done = subprocess.run([build / "bin" / "otarig", "run", source / "scenarios" / f"{scenario}.json", "--rack", rack, "--place",
                           "p1", "--firmware", build / "firmware" / firmware, "--case", case, "--out", out],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    told = ", ".join(" ".join(f"{value}" for key, value in entry.items() if key != "place") for entry in defects)
    try:
        run = next(out.glob("2*"))
        result = json.loads((run / "result.json").read_text())["cases"][0]
        end_us = json.loads((run / result["folder"] / "journal.jsonl").read_text().splitlines()[-1])["t_us"]
    except (StopIteration, OSError, ValueError, LookupError):
        return f"WRONG {number} {firmware} {case}: exit {done.returncode}, no result ({told})\n{done.stdout}"
    verdict = result["verdict"]
    wrong = verdict == ("fail" if firmware == "good" else "pass") or done.returncode not in (0, 1, 3, 4)
    wrong = wrong or (verdict in ("pass", "fail") and power_lost(run, end_us))
    return f"{'WRONG' if wrong else 'ok   '} {number} {firmware} {case}: {verdict} - {result['reason'][:100]} ({told})"


def some_job(number, chance):
    scenario, case = chance.choice(CASES)
    firmware = "good"
    if chance.random() < 0.3:
        entry = chance.choice(BAD)
        firmware, scenario, case = entry["variant"], entry["scenario"], entry["case"]
    return number, firmware, scenario, case, [defect(chance) for _ in range(chance.choice([1, 1, 1, 2]))]


chance = random.Random(seed)
jobs = [some_job(number, chance) for number in range(count)]
with concurrent.futures.ThreadPoolExecutor(8) as pool:
    for line in pool.map(one, jobs):
        if line.startswith(tally.WRONG):
            tally.wrong(line[len(tally.WRONG) + 1:])
        else:
            print(line, flush=True)
if tally.lines:
    print(f"{len(tally.lines)} wrong; the runs are kept in {work}")
else:
    shutil.rmtree(work)
print(f"seed {seed}: {count} broken rigs, {len(tally.lines)} wrong")
sys.exit(bool(tally.lines))
