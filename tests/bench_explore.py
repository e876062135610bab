#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Explorations by how runs share what follows, measured here and now: bench_explore.py SOURCE BUILD [WORD...]

A row for each load and each way to share; the loads whose name holds one of the words, or all. The default comes to its end;
meeting runs and un-pruned ones are stopped after a while, and what they did by then gives their rate.
"""
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

STOP_S = 20  # of the ways that are there to be compared with
END_S = 600  # of the default


def load(source, work, which, *places):
    folder = work / which
    maker = source / "harness/explore/foreign"
    subprocess.run(["sh", str(maker / "load.sh"), str(maker), str(folder), which, *places], check=True, stdout=subprocess.DEVNULL)
    return [str(folder / "scenario.json"), "--board", str(folder / "board.json"), "--firmware", str(folder)]


def loads(source, build, work):
    scenarios, boards, firmware = source / "scenarios/explore", source / "boards", build / "firmware"
    demo = [str(scenarios / "upgrade.json"), "--board", "nrf52840dk", "--firmware", str(firmware / "good")]
    stock = [str(scenarios / "stock-upgrade.json"), "--board", str(boards / "stock.json"), "--firmware", str(firmware / "stock/good")]
    yield "demo, one cut", demo + ["--depth", "1"]
    yield "demo, any number of cuts", demo
    yield "demo, any number, one torn", demo + ["--torn"]
    if (firmware / "stock/good").is_dir():
        yield "stock (hash, polled UART, tick), one cut", stock + ["--depth", "1"]
        yield "stock, any number of cuts", stock
        yield "stock, any number, one torn", stock + ["--torn"]
    scratch = load(source, work, "SCRATCH", "nrf52840", "0x10000", "0x40000", "0x40000", "0x9000", "0x71000", "0x0")
    yield "scratch area, one cut", scratch + ["--depth", "1"]
    yield "scratch area, any number of cuts", scratch
    offset = load(source, work, "OFFSET", "nrf52840", "0x10000", "0x40000", "0x41000", "0x5000", "0x71000", "0x0")
    yield "swap by offset, any number of cuts", offset
    yield "swap by offset, any number, one torn", offset + ["--torn"]
    bytes_ = load(source, work, "BYTES", "stm32f407", "0x08020000", "0x08040000", "0x08040000", "0x20000", "0x08004000", "0x08000000")
    yield "STM32F4 by bytes, one cut", bytes_ + ["--depth", "1"]


def explore(build, arguments, share, seconds):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    how = ["--share", share] if share else []
    command = [str(build / "bin/otarig"), "explore", *arguments, *how, "--budget", f"{seconds}s", "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    try:
        return json.loads(done.stdout), cpu
    except ValueError:
        print(f"    failed: {done.stderr.strip().splitlines()[-1:] or done.returncode}")
        return None, cpu


def row(name, share, tree, cpu):
    summary, coverage = tree["summary"], tree["coverage"]
    whole = not tree["coverage"]["states_not_judged"] and coverage["bounded_by"] in ("", "depth")
    end = "fixpoint" if summary["fixpoint"] else "whole" if whole else coverage["bounded_by"]
    print(
        f"    {name:40} {share:5} {summary['operations']:7} {summary['states']:8} {end:12} {summary['wall_s']:7.1f} {cpu:7.1f}"
        f" {summary['states'] / max(cpu, 0.01):8.0f} {summary['peak_bytes'] / 1e6:6.0f} {summary['bad_states']:5}",
        flush=True,
    )


def main():
    source, build, words = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve(), sys.argv[3:]
    os.environ.setdefault("LC_ALL", "C")
    print(f"  explorations, {os.cpu_count()} processors; meet and none are stopped after {STOP_S} s:")
    print(f"    {'':40} {'share':5} {'oper.':>7} {'states':>8} {'ended by':12} {'s':>7} {'CPU s':>7} {'/CPU s':>8} {'MB':>6} {'bad':>5}")
    with tempfile.TemporaryDirectory(prefix="otarig-bench.") as work:
        for name, arguments in loads(source, build, Path(work)):
            if words and not any(word in name for word in words):
                continue
            for share, seconds in (("", END_S), ("meet", STOP_S), ("none", STOP_S)):
                tree, cpu = explore(build, arguments, share, seconds)
                if tree:
                    row(name if not share else "", share or tree["engine"]["share"], tree, cpu)


if __name__ == "__main__":
    main()
