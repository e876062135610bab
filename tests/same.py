# SPDX-License-Identifier: GPL-2.0-or-later
"""A virtual rack keeps its own time: the same run gives the same journals, consoles and truth, byte by byte, though the second
time busy loops take the processors and every process of the run is stopped now and then.

usage: same.py SOURCE BUILD [SEED]
"""
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import tally
from tally import wrong

source, build = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.SystemRandom().randrange(1 << 30)
chance = random.Random(seed)
work = pathlib.Path(tempfile.mkdtemp(prefix="otarig-same."))
# a cut in time, a fault of the link, a cut at a flash operation that the probe finds; two places at once
RUN = [("power-cut/cut-after-done", "cut-after-done+delay_ms=20"), ("network-loss/stall", "stall+for_ms=1500"),
       ("power-cut/swap-erase", "swap-erase+k=2")]
STOPPABLE = ("otarig worker", "otarig-rack", "otarig-twin", "openocd ")


def run(name, priority):
    command = ["nice", "-n", str(priority), build / "bin" / "otarig", "run", *[source / "scenarios" / f"{s}.json" for s, _ in RUN],
               *[word for _, case in RUN for word in ("--case", case)], "--rack", source / "boards" / "racks" / "virtual-6.json",
               "--place", "p1", "--place", "p6", "--out", work / name]
    with open(work / f"{name}.log", "w") as log:
        return subprocess.run(command, stdout=log, stderr=log).returncode


def ours():
    for entry in os.listdir("/proc"):
        try:
            line = open(f"/proc/{entry}/cmdline", "rb").read().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if entry.isdigit() and str(work) in line and any(word in line for word in STOPPABLE):
            yield int(entry)


def tell(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def disturb(over):
    stops = 0
    while not over.wait(chance.uniform(0.02, 0.3)):
        pids = list(ours())
        if not pids:
            continue
        pid = chance.choice(pids)
        tell(pid, signal.SIGSTOP)
        over.wait(chance.uniform(0.01, 2.5) if chance.random() < 0.1 else chance.uniform(0.01, 0.2))
        tell(pid, signal.SIGCONT)
        stops += 1
    print(f"{stops} stops")


def files(name):
    """What must not differ, by its path in the run. Of a probe's dump, its bytes; not what only reports say of this computer."""
    top = next((work / name).glob("2*"))
    return {str(path.relative_to(top)): path.read_bytes() for path in sorted((top / "cases").rglob("*")) if path.is_file()}


def first_difference(a, b):
    for number, (x, y) in enumerate(zip(a.splitlines(), b.splitlines()), 1):
        if x != y:
            return f"line {number}:\n  {x[:200]!r}\n  {y[:200]!r}"
    return f"{len(a)} and {len(b)} bytes"


codes = [run("calm", 0)]
over = threading.Event()
disturber = threading.Thread(target=disturb, args=[over])
loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(4)]
disturber.start()
try:
    codes.append(run("disturbed", 19))
finally:
    over.set()
    disturber.join()
    for loop in loops:
        loop.kill()
        loop.wait()
if codes != [0, 0]:
    wrong(f"exits {codes}")
    print((work / "calm.log").read_text(), (work / "disturbed.log").read_text())
calm, disturbed = files("calm"), files("disturbed")
if calm.keys() != disturbed.keys() or not any(name.endswith("journal.jsonl") for name in calm):
    wrong(f"other files: {calm.keys() ^ disturbed.keys()}")
for name in calm.keys() & disturbed.keys():
    if calm[name] == disturbed[name]:
        print(f"same  {name} ({len(calm[name])} bytes)")
    else:
        wrong(f"{name} ({len(calm[name])} bytes)")
        print(first_difference(calm[name], disturbed[name]))
if tally.lines:
    print(f"seed {seed}; the runs are kept in {work}")
else:
    shutil.rmtree(work)
sys.exit(bool(tally.lines))
