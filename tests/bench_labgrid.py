# SPDX-License-Identifier: GPL-2.0-or-later
"""The same measurement as bench_trigger, through labgrid: from a console line to the call that would switch power.

usage: bench_labgrid.py [COUNT]; prints p50 and p99 in microseconds. labgrid's SerialDriver on a pseudo terminal, a
process of its own writes the lines with their time into it; `expect` returns where the power driver would be called.
"""
import os
import sys
import time
import tty

from labgrid import Target
from labgrid.driver import SerialDriver
from labgrid.resource import RawSerialPort

count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
master, slave = os.openpty()
tty.setraw(slave)
target = Target("bench")
RawSerialPort(target, name=None, port=os.ttyname(slave), speed=115200)
serial = SerialDriver(target, name=None)
target.activate(serial)
if os.fork() == 0:
    for i in range(count):
        time.sleep(0.005 + i % 700 * 1e-6)  # as bench_trigger
        os.write(master, b"BOOT swap begin %d\n" % time.monotonic_ns())
    time.sleep(5)
    os._exit(0)
times = []
for i in range(count):
    _, _, match, _ = serial.expect(r"BOOT swap begin (\d+)\r?\n", timeout=10)
    times.append(time.monotonic_ns() - int(match.group(1)))
times.sort()
print(f"{times[count // 2] / 1000:.1f} {times[count * 99 // 100] / 1000:.1f}", flush=True)
os._exit(0)
