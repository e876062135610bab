# SPDX-License-Identifier: GPL-2.0-or-later
"""A switch that takes its time, and a run that ends in every way there is, with a command on its way: the rail is safe afterwards.
The switch is a pair of programs that need half a second and write what they did; the console is a socket on which nobody speaks."""
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import tally
from tally import wrong

build, source = map(os.path.abspath, sys.argv[1:3])
otarig = os.path.join(build, "bin/otarig")


def listen(path):
    """A console that says nothing."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen(8)
    kept = []

    def serve():
        while True:
            kept.append(server.accept()[0])

    threading.Thread(target=serve, daemon=True).start()


def rail(folder):
    path = folder / "rail"
    return path.read_text().split()[-1:] if path.exists() else []


def wait_for(what, limit=120):
    end = time.monotonic() + limit
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.01)
    return False


def switch(folder, word, seconds):
    # what it is about to do is written first: so the test knows that a command is on its way
    return ["sh", "-c", f"echo begins-{word} >>{folder}/log; sleep {seconds}; echo {word} >>{folder}/rail; echo ends-{word} >>{folder}/log"]


def start(folder, safe, seconds):
    rack = {"schema_version": 1, "name": "slow", "places": [{
        "name": "desk", "board": "stock", "safe": safe,
        "power": {"driver": "exec", "on": switch(folder, "on", 0.5), "off": switch(folder, "off", seconds), "timeout_ms": 20000, "get": ["tail", "-n", "1", f"{folder}/rail"],
                  "latency_ms": 200, "lock": f"slow {folder}"},
        "console": {"driver": "stream", "path": f"{folder}/console"}, "update": {"driver": "smp"}}]}
    (folder / "rack.json").write_text(json.dumps(rack))
    listen(f"{folder}/console")
    return subprocess.Popen([otarig, "run", os.path.join(source, "scenarios/power-cut/confirm-cut.json"), "--rack", folder / "rack.json",
                             "--firmware", os.path.join(build, "firmware/stock/good"), "--out", folder / "out"],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)


def logged(folder, word):
    path = folder / "log"
    return path.exists() and word in path.read_text().split()


def children(pid):
    """The worker and the guard are children of the supervisor."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rsplit(")", 1)[1].split()
            line = (path.parent / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if int(fields[1]) == pid and b"worker" in line and b"guard" not in line:
            found.append(int(path.parent.name))
    return found


def try_way(name, safe, moment, act, seconds=0.5):
    """`moment`: the word of the log at which the run is ended. `seconds`: what the switch needs to go off."""
    with tempfile.TemporaryDirectory(prefix="otarig-slow.") as base:
        folder = pathlib.Path(base)
        (folder / "rail").write_text("off\n")
        run = start(folder, safe, seconds)
        if not wait_for(lambda: logged(folder, moment) or run.poll() is not None) or run.poll() is not None:
            wrong(f"{name}: the run did not come to {moment}: {run.communicate()[0].decode()[-600:]}")
            return
        act(run)
        try:
            said = run.communicate(timeout=300)[0].decode()
            if act is interrupt and "the worker died" in said:
                complain(f"{name}: a worker that was closing its switch was killed: {said[-300:]}")
        except subprocess.TimeoutExpired:
            wrong(f"{name}: it does not end")
            os.killpg(run.pid, signal.SIGKILL)
        # the guard of a killed run works on after it
        if not wait_for(lambda: rail(folder) == [safe] and (folder / "log").read_text().split()[-1] == f"ends-{safe}", 60):
            wrong(f"{name}: the rail is {rail(folder)}, expected {safe}: {(folder / 'log').read_text().split()}")
        time.sleep(1)
        if rail(folder) != [safe]:
            wrong(f"{name}: the rail moved once more: {rail(folder)}")


def kill_worker(run):
    found = children(run.pid)
    if not found:
        wrong("no worker was found")
    for pid in found:
        os.kill(pid, signal.SIGKILL)
    time.sleep(0.2)
    os.kill(run.pid, signal.SIGINT)  # or it would start another worker


def interrupt(run):
    os.kill(run.pid, signal.SIGINT)


ways = [
    ("interrupted while it switches on", "off", "begins-on", interrupt),
    ("interrupted with a switch that needs long for its safe state", "off", "begins-on", interrupt, 10),
    ("interrupted while it switches off", "on", "begins-off", lambda run: os.kill(run.pid, signal.SIGTERM)),
    ("the worker is killed while it switches on", "off", "begins-on", kill_worker),
    ("the supervisor is killed while it switches on", "off", "begins-on", lambda run: os.kill(run.pid, signal.SIGKILL)),
    ("all are killed at once while it switches on", "off", "begins-on",
     lambda run: [os.kill(pid, signal.SIGKILL) for pid in [run.pid, *children(run.pid)]]),
]
ways = [way for way in ways if len(sys.argv) < 4 or sys.argv[3] in way[0]]
for way in ways:
    try_way(*way)
print("wrong" if tally.lines else f"{len(ways)} ways out, safe in each")
sys.exit(bool(tally.lines))
