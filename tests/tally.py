# SPDX-License-Identifier: GPL-2.0-or-later
"""What a test finds wrong: it is printed at once, and once more when the test ends, as its last lines. Where a log is
kept to its end only, as many a CI does, the reason is there."""
import atexit
import subprocess
import threading

WRONG = "WRONG"
lines, guard = [], threading.Lock()


def wrong(text):
    """Prints `text` with the word in front, and remembers it. A text of many lines is remembered by its first."""
    with guard:
        lines.append(f"{WRONG} {text}".splitlines()[0])
    print(f"{WRONG} {text}", flush=True)


def check(holds, text):
    if not holds:
        wrong(text)
    return holds


def run(command, **options):
    """A test that is a program of its own: its output goes through, and what it finds wrong is remembered. Its exit code."""
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", **options)
    said = 0
    for line in child.stdout:
        print(line, end="", flush=True)
        # its own end, where it says everything again
        if line.startswith(WRONG) and line.rstrip("\n") not in lines:
            said += 1
            with guard:
                lines.append(line.rstrip("\n"))
    if child.wait() not in (0, 77) and not said:
        wrong(f"{command[1] if len(command) > 1 else command[0]}: exit {child.returncode}")
    return child.returncode


def tell_again():
    if len(lines) > 0:
        print(f"--- {len(lines)} wrong, once more:", *lines, sep="\n", flush=True)


atexit.register(tell_again)
