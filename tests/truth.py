# SPDX-License-Identifier: GPL-2.0-or-later
"""Ground truth: what the journal of a case says of power against what the virtual rack's own logs say.

usage: truth.py RUN-FOLDER...

For every case: each switching in the journal has exactly one edge of the rail in truth.jsonl and the other way round;
planned <= commanded <= edge; the edge lies where the command and the relay's own delay put it; and the operation that
the journal reports as torn is, field by field, the one in the twin's own log, its fraction the one that the edge gives.
"""
import json
import pathlib
import re
import sys

import tally

FRAME_US = 1000 # of full speed USB (USB 2.0, 8.4.3)
RELAY_US = 30000  # no contact model of the rack takes longer; also what a busy machine may add between two processes
cuts = torn = cases = sensed = 0


def wrong(case, text):
    tally.wrong(f"{case}: {text}")


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines() if line.endswith("}")]


def sense(case, event, truth):
    """A pin that senses the rail told of an edge: it lies where that says."""
    global sensed
    told = event["fields"]
    if not any(e["what"] == "rail_" + event["value"] and told["achieved_us"] - told["within_us"] <= e["t_us"] <= told["achieved_us"]
               for e in truth):
        wrong(case, f"event {event['seq']}: no such edge of the rail: {event['value']} {told}")
    sensed += 1


def is_sensed(folder, place):
    """Does the rack file of this run wire a pin to the rail of that place?"""
    rack = json.loads((folder.parent.parent / "run.json").read_text())["rack"]
    places = json.loads(pathlib.Path(rack).read_text())["places"]
    return any(p["name"] == place and p.get("power", {}).get("sense") for p in places)


def twin_log(rack, place):
    """A place of a rack in its own time has a rack of its own."""
    alone = rack / place / f"{place}.twin.jsonl"
    return alone if alone.exists() else rack / f"{place}.twin.jsonl"


def check(folder):
    global cuts, torn, cases
    case = folder.name
    journal = lines(folder / "journal.jsonl")
    if not (folder / "truth.jsonl").exists():
        return
    truth = lines(folder / "truth.jsonl")
    place = journal[0]["fields"]["place"]
    twin = {(e["t_us"], e["op"]["index"]): e for e in lines(twin_log(folder.parent.parent / "rack", place))
            if e["what"] == "off" and e.get("op")}
    cases += 1
    begin, end = journal[0]["t_us"], journal[-1]["t_us"]
    edges = [e for e in truth if e["what"] in ("rail_on", "rail_off") and begin <= e["t_us"] <= end]
    on, first = None, next((event for event in journal if event["kind"] == "power" and event["what"] != "edge"), None)
    for event in journal:
        if event["kind"] == "power" and event["what"] == "edge":
            sense(case, event, truth)
        if event["kind"] != "power" or event["what"] == "edge":
            continue
        moves, on = on != (event["what"] == "on"), event["what"] == "on"
        times = event["fields"]
        if not times["planned_us"] <= times["commanded_us"] <= times["returned_us"]:
            wrong(case, f"event {event['seq']}: planned, commanded, returned are not in order: {times}")
        near = [e for e in edges if e["what"] == "rail_" + event["what"]
                and times["commanded_us"] <= e["t_us"] <= times["returned_us"] + RELAY_US]
        if event["what"] == "off":
            cuts += 1
        if len(near) != 1:
            # switching off what is off has no edge; of the first command nobody knows which it is
            if near or moves and event is not first:
                wrong(case, f"event {event['seq']}: power {event['what']} has {len(near)} edges in the rack's log")
            continue
        edge = near[0]
        edges.remove(edge)
        # by a rack's own clock the call takes no time, and what it commands arrives in the next USB frame
        instant = times["commanded_us"] == times["returned_us"]
        if not times["commanded_us"] <= edge["commanded_us"] <= times["returned_us"] + (FRAME_US if instant else 0):
            wrong(case, f"event {event['seq']}: the relay was commanded at {edge['commanded_us']}, outside of {times}")
        if edge["t_us"] < edge["commanded_us"] + edge["delay_us"]:
            wrong(case, f"event {event['seq']}: the edge came before the relay's delay was over")
    if is_sensed(folder, place) and not any(e["kind"] == "power" and e["what"] == "edge" for e in journal):
        wrong(case, "the rail is wired to a pin, but no edge of it was sensed")
    for edge in edges:
        wrong(case, f"an edge of the rail that the journal does not know: {edge}")
    told = set()
    for event in journal:
        note = re.fullmatch(r"the rail fell at (\d+) us inside operation (\d+): (erase|write) 0x(\w+), ([\d.]+) % done, "
                            r"by the code at 0x(\w+)", event.get("value", "")) if event["kind"] == "note" else None
        if not note:
            continue
        torn += 1
        t_us, index, kind, address, percent, pc = note.groups()
        told.add(int(t_us))
        found = twin.get((int(t_us), int(index)))
        if not found:
            wrong(case, f"{event['value']}: the twin knows of no such cut")
            continue
        op = found["op"]
        fraction = (found["vt_ns"] - op["begin_ns"]) / (op["end_ns"] - op["begin_ns"])
        if not found["inside"] or op["kind"] != kind[0] or op["address"] != int(address, 16) or op["pc"] != int(pc, 16):
            wrong(case, f"{event['value']}: the twin says {op}")
        if not found.get("aligned") and abs(fraction * 100 - float(percent)) > 0.06:
            wrong(case, f"{event['value']}: by its times the operation was {fraction * 100:.2f} % done")
        if not any(e["what"] == "rail_off" and e["t_us"] == int(t_us) for e in truth):
            wrong(case, f"{event['value']}: at that time no rail fell")
    for (t_us, _), event in twin.items():
        if event["inside"] and begin <= t_us <= end and t_us not in told:
            wrong(case, f"the twin lost power inside {event['op']}, which the journal does not tell")


for run in sys.argv[1:]:
    for folder in sorted(pathlib.Path(run).glob("cases/*")):
        if (folder / "journal.jsonl").stat().st_size:
            check(folder)
print(f"{cases} cases, {cuts} cuts against the rack's log, {torn} torn operations against the twin's, {sensed} sensed edges")
if not cuts:
    tally.wrong("no cut was found to check")
sys.exit(bool(tally.lines))
