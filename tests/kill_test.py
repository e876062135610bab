# SPDX-License-Identifier: GPL-2.0-or-later
"""kill -9 at random moments: worker, supervisor, OpenOCD, twin. Afterwards the rails are off, nothing runs, no lock stays,
the journal reads, and the next run starts clean. usage: kill_test.py BUILD SOURCE MOMENTS [SEED]"""
import glob, json, os, random, shutil, signal, socket, subprocess, sys, tempfile, time

import tally
from tally import wrong

build, source, moments = sys.argv[1], sys.argv[2], int(sys.argv[3])
seed = int(sys.argv[4]) if len(sys.argv) > 4 else random.SystemRandom().randrange(1 << 30)
chance = random.Random(seed)
otarig = build + "/bin/otarig"


def processes(mark):
    """pid -> command line of everything that belongs to the run in the folder `mark`"""
    found = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            line = open(f"/proc/{entry}/cmdline", "rb").read().replace(b"\0", b" ").decode(errors="replace")
            state = open(f"/proc/{entry}/stat").read().rsplit(")", 1)[1].split()[0]
        except OSError:
            continue
        if mark in line and state != "Z" and int(entry) != os.getpid():
            found[int(entry)] = line
    return found


def victim_of(kind, mark, supervisor):
    if kind == "supervisor":
        return supervisor.pid
    words = {"worker": "otarig worker run", "openocd": "openocd ", "twin": "otarig-twin"}[kind]
    for pid, line in processes(mark).items():
        if words in line and (kind != "twin" or "/p1." in line):
            return pid
    return None


def rail_of(truth):
    rail = None
    for line in open(truth):
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if event.get("place") == "p1" and event["what"] in ("rail_on", "rail_off"):
            rail = event["what"]
    return rail


def one(index):
    work = tempfile.mkdtemp(prefix="otarig-kill.")
    kind = chance.choice(["worker", "supervisor", "openocd", "twin"])
    # by the rack's own clock a run is over in a few seconds
    time_of = chance.choice(["real", "virtual"])
    wait = chance.uniform(0.3, 9 if time_of == "real" else 3)
    tree = json.load(open(source + "/boards/racks/virtual-6.json"))
    tree["virtual"] = {"time": time_of}
    rack = work + "/rack.json"
    with open(rack, "w") as file:
        json.dump(tree, file)
    run = subprocess.Popen([otarig, "run", source + "/scenarios/power-cut/swap-grid.json", "--rack",
                            rack, "--place", "p1", "--case", "swap-grid+delay_ms=400", "--out", work],
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    time.sleep(wait)
    pid = victim_of(kind, work, run)
    if pid:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pid = None
    # a killed probe server or board is the run's own business: it is ended after a moment, as Ctrl-C would
    if kind in ("openocd", "twin"):
        time.sleep(chance.uniform(0, 2))
        run.send_signal(signal.SIGINT)
    try:
        run.wait(1800)  # whole when nothing was there to kill; a busy machine is slow
    except subprocess.TimeoutExpired:
        wrong(f"{index} {kind} after {wait:.2f} s: the supervisor did not end")
        run.kill()
    deadline = time.time() + 120
    while processes(work) and time.time() < deadline:
        time.sleep(0.1)
    left = processes(work)
    if left:
        wrong(f"{index} {kind} after {wait:.2f} s: left running: {list(left.values())[:3]}")
        for other in left:
            os.kill(other, signal.SIGKILL)
    for truth in glob.glob(work + "/*/rack/truth.jsonl"):
        if rail_of(truth) == "rail_on":
            wrong(f"{index} {kind} after {wait:.2f} s: the rail stayed on")
    for journal in glob.glob(work + "/*/cases/*/journal.jsonl"):
        if os.path.getsize(journal) and subprocess.run([otarig, "validate", journal], capture_output=True).returncode:
            wrong(f"{index} {kind} after {wait:.2f} s: {journal} does not read")
    shutil.rmtree(work, ignore_errors=True)
    return kind if pid else kind + " (already gone)"


def wait_for(what, seconds=600):
    """generous: a busy machine is slow"""
    deadline = time.time() + seconds
    while not what() and time.time() < deadline:
        time.sleep(0.05)
    return bool(what())


def both():
    """Supervisor and worker at once, on a rack that outlives them: a switch that is a program writes down its calls."""
    work = tempfile.mkdtemp(prefix="otarig-kill.")
    console = socket.create_server(("127.0.0.1", 0))
    calls = work + "/calls"
    rack = {"schema_version": 1, "name": "switch", "places": [{
        "name": "p1", "board": "nrf52840dk",
        "power": {"driver": "exec", **{way: ["/bin/sh", "-c", f"echo {way} >>{calls}"] for way in ("on", "off")}},
        "console": {"driver": "stream", "tcp": "127.0.0.1:%d" % console.getsockname()[1]},
        "probe": {"driver": "openocd", "adapter": "remote_bitbang", "socket": work + "/none"},
        "update": {"driver": "smp"}}]}
    json.dump(rack, open(work + "/rack.json", "w"))
    run = subprocess.Popen([otarig, "run", source + "/scenarios/power-cut/swap-grid.json", "--rack", work + "/rack.json",
                            "--case", "swap-grid+delay_ms=400", "--out", work + "/out"],
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    told = lambda: open(calls).read().split() if os.path.exists(calls) else []
    if not wait_for(lambda: told()[-1:] == ["on"]):
        wrong(f"both: the board was not switched on: {told()}")
    worker = victim_of("worker", work, run)
    os.kill(run.pid, signal.SIGSTOP)  # or it would see its worker die
    for pid in (worker, run.pid):
        if pid:
            os.kill(pid, signal.SIGKILL)
    run.wait()
    if not wait_for(lambda: told()[-1:] == ["off"]):
        wrong(f"both: the rail stayed on: {told()}")
    if not wait_for(lambda: not processes(work)):
        wrong(f"both: left running: {list(processes(work).values())[:3]}")
    shutil.rmtree(work, ignore_errors=True)


def early(number):
    """A signal before the first case is over: result.json is there, and reads."""
    work = tempfile.mkdtemp(prefix="otarig-kill.")
    run = subprocess.Popen([otarig, "run", source + "/scenarios/power-cut/swap-grid.json", "--rack",
                            source + "/boards/racks/virtual-6.json", "--place", "p1", "--out", work],
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    wait_for(lambda: glob.glob(work + "/*/cases/*/journal.jsonl"))
    run.send_signal(number)
    run.wait(1800)
    if run.returncode != (-9 if number == signal.SIGKILL else 130):
        wrong(f"early {number!r}: exit {run.returncode}")
    found = glob.glob(work + "/*/result.json")
    if not found or json.load(open(found[0]))["summary"]["pass"]:
        wrong(f"early {number!r}: no result.json without a pass")
    if not wait_for(lambda: not processes(work)):
        wrong(f"early {number!r}: left running: {list(processes(work).values())[:3]}")
    shutil.rmtree(work, ignore_errors=True)


counts = {}
if seed % 4 == 0:  # in one of the streams
    both()
    for number in (signal.SIGHUP, signal.SIGQUIT, signal.SIGKILL):
        early(number)
print(f"seed {seed}", flush=True)
for i in range(moments):
    what = one(i)
    counts[what] = counts.get(what, 0) + 1
print(counts)
sys.exit(bool(tally.lines))
