# SPDX-License-Identifier: GPL-2.0-or-later
"""Whole runs at places whose board fetches its updates from a server: server_run.py good | defects | one SCENARIO,.. [DEFECT]. Boards are processes
(fixtures/device), the server is the rack's own (fixtures/otad)."""
import hashlib
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile

import tally
from tally import check

BUILD, SOURCE = os.environ["OTARIG_BUILD"], os.environ["OTARIG_SOURCE"]
BIN = BUILD + "/bin/"
LIMIT_S = 900

def make_images(folder, size=400000):
    """v1 to v5, each with a payload of its own."""
    os.makedirs(folder)
    images = {}
    for number in range(1, 6):
        payload = random.Random(number).randbytes(size)
        name, version = "v%d" % number, "%d.0.0" % number
        head = "OTARIG-NETDEV version=%s sha256=%s\n" % (version, hashlib.sha256(payload).hexdigest())
        data = head.encode() + payload
        with open("%s/%s.bin" % (folder, name), "wb") as file:
            file.write(data)
        images[name] = {"file": name + ".bin", "version": version, "hash": hashlib.sha256(data).hexdigest()}
    with open(folder + "/manifest.json", "w") as file:
        json.dump({"schema_version": 1, "variant": "netdev", "images": images}, file)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Desk:
    """So many boxes, each with its own server in the rack file."""

    def __init__(self, folder, count, defect="none"):
        os.makedirs(folder, exist_ok=True)
        self.folder, self.boxes, places = folder, [], []
        make_images(folder + "/images")
        for number in range(count):
            name, port = "p%d" % (number + 1), free_port()
            storage, console, switch = (folder + "/" + name + end for end in ("", ".console", ".switch"))
            os.mkdir(storage)
            shutil.copy(folder + "/images/v1.bin", storage + "/slot_a")
            with open(storage + "/data", "w") as file:
                file.write("the data of " + name)
            box = subprocess.Popen([BIN + "otarig-netdev", "box", "--folder", storage, "--id", name, "--server", "http://127.0.0.1:%d" % port,
                                    "--console", console, "--control", switch, "--poll-ms", "200", "--defect", defect],
                                   stdout=subprocess.PIPE, text=True, start_new_session=True)
            check(box.stdout.readline() == "ready\n", name + ": the box is ready")
            self.boxes.append(box)
            power = [BIN + "otarig-netdev", "power", switch]
            places.append({"name": name, "board": SOURCE + "/boards/netdev.json",
                           "power": {"driver": "exec", "on": power + ["on"], "off": power + ["off"], "get": power + ["get"]},
                           "console": {"driver": "stream", "path": console},
                           "server": {"driver": "otad", "http": "127.0.0.1:%d" % port, "device": name},
                           "update": {"driver": "server", "timeout_ms": 60000}})
        self.rack = folder + "/rack.json"
        with open(self.rack, "w") as file:
            json.dump({"schema_version": 1, "name": "desk", "places": places}, file)

    def run(self, *scenarios):
        """(exit code, verdict of each case by its id)"""
        out = tempfile.mkdtemp(dir=self.folder)
        done = subprocess.run([BIN + "otarig", "run", *scenarios, "--rack", self.rack, "--firmware", self.folder + "/images", "--out", out],
                              capture_output=True, text=True, timeout=LIMIT_S, cwd=self.folder)
        print(done.stdout + done.stderr, flush=True)
        runs = [os.path.join(out, run) for run in os.listdir(out) if os.path.exists(os.path.join(out, run, "result.json"))]
        cases = json.load(open(runs[0] + "/result.json"))["cases"] if runs else []
        return done.returncode, {case["id"]: case for case in cases}, runs[0] if runs else None

    def end(self):
        for box in self.boxes:
            box.terminate()
            box.wait(LIMIT_S)


def one(folder):
    desk = Desk(folder + "/d", 1, sys.argv[3] if len(sys.argv) > 3 else "none")
    print(desk.run(*[SOURCE + "/scenarios/server/%s.json" % s for s in sys.argv[2].split(",")]))
    desk.end()


def good(folder):
    desk = Desk(folder, 2)
    code, cases, run = desk.run(SOURCE + "/scenarios/server")
    check(code == 0 and cases, "all cases of a careful board pass: exit %d" % code)
    for name, case in cases.items():
        check(case["verdict"] == "pass", "%s: %s" % (name, case["verdict"]))
    if run:
        kinds = [json.loads(line) for case in os.listdir(run + "/cases") for line in open(run + "/cases/%s/journal.jsonl" % case)]
        kinds = {(e.get("kind"), e.get("what")) for e in kinds}
        for what in "request", "response", "report", "fault":
            check(("server", what) in kinds, "the journals hold the server's events: %s" % what)
    check_disarmed(desk)
    desk.end()


def check_disarmed(desk):
    """A trigger whose request does not come in the steps is gone with them: nothing is told of the requests after them."""
    with open(SOURCE + "/scenarios/server/cut-at-byte.json") as file:
        scenario = json.load(file)
    scenario.update(name="late", steps=scenario["steps"][:2], vary={"percent": [50]})
    scenario["faults"][0]["trigger"]["count"] = 2  # the next update's
    with open(desk.folder + "/late.json", "w") as file:
        json.dump(scenario, file)
    _, cases, run = desk.run(desk.folder + "/late.json")
    check(cases and all(case["verdict"] == "inconclusive" for case in cases.values()), "a trigger that did not come: %s" % cases)
    for name in cases:
        events = [json.loads(line) for line in open(run + "/cases/%s/journal.jsonl" % name)]
        fetches = [e for e in events if e.get("kind") == "server" and e["what"] == "request" and '"artifact"' in json.dumps(e)]
        told = [e for e in events if e.get("kind") == "server" and e["what"] == "fault"]
        check(len(fetches) >= 2 and not told, "%s: %d fetches, and of the late one it is told: %s" % (name, len(fetches), told))


# defect, scenario that catches it, how
DEFECTS = [("no-hash", "flipped", ("fail",)), ("range-blind", "no-ranges", ("fail",)), ("in-place", "cut-download", ("fail",)),
           ("no-revert", "gone-after", ("fail",))]


def defects(folder):
    for defect, scenario, kinds in DEFECTS:
        desk = Desk(folder + "/" + defect, 1, defect)
        code, cases, _ = desk.run(SOURCE + "/scenarios/server/%s.json" % scenario)
        check(any(case["verdict"] in kinds for case in cases.values()), "%s is caught by %s: %s" % (
            defect, scenario, {name: case["verdict"] for name, case in cases.items()}))
        desk.end()


def main():
    folder = tempfile.mkdtemp(prefix="server-run-")
    try:
        {"one": one, "good": good, "defects": defects}[sys.argv[1]](folder)
    finally:
        if tally.lines and os.environ.get("OTARIG_KEEP"):
            print("kept:", folder)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    print("%d wrong" % len(tally.lines))
    sys.exit(bool(tally.lines))


main()
