# SPDX-License-Identifier: GPL-2.0-or-later
"""Holds README.md, CONTRIBUTING.md and docs/ against the program: every command that they show is known with its options and
files, every example of JSON is taken by the parser that will read it, every example of C compiles, every link leads somewhere.
Cheap commands are run."""
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile

import tally

source, build = map(os.path.abspath, sys.argv[1:3])
otarig = os.path.join(build, "bin/otarig")
work = tempfile.TemporaryDirectory(prefix="otarig-docs.")
counts = {"commands": 0, "run": 0, "json": 0, "c": 0, "links": 0}


def complain(where, what):
    tally.wrong(f"{where}: {what}")


def run(*words, **more):
    return subprocess.run(words, capture_output=True, text=True, timeout=600, **more)


helps = {}


def help_of(command):
    if command not in helps:
        helps[command] = run(otarig, command, "--help")
    return helps[command].stdout if helps[command].returncode == 0 else None


commands = re.findall(r"^  ([a-z]+)  ", run(otarig, "--help").stdout, re.M)
rig_words = re.findall(r"\./rig ([a-z]+)", run("sh", os.path.join(source, "rig"), "--help").stdout)


def check_file(where, word):
    """A path of the tree, of the build, or of an installation: is there such a thing?"""
    for start, folder in (("/usr/share/otarig/firmware/", build + "/firmware/"), ("/usr/share/otarig/", source + "/"), ("build/", build + "/"),
                          ("scenarios/", source + "/scenarios/"), ("boards/", source + "/boards/")):
        if word.startswith(start):
            if word.startswith("build/linux-ab") and not os.path.exists(build + "/linux-ab"):
                return  # `./rig linux` makes it, where somebody wants it
            if not os.path.exists(folder + word[len(start):]):
                complain(where, f"there is no {word}")
            return


def check_otarig(where, words):
    command, rest = words[1] if len(words) > 1 else "", words[2:]
    if command not in commands:
        complain(where, f"otarig has no command '{command}'")
        return
    text = help_of(command)
    for word in rest:
        if word.startswith("--"):
            if not re.search(r"(?<![a-z-])" + re.escape(word.split("=")[0]) + r"(?![a-z-])", text + " --help"):
                complain(where, f"otarig {command} has no option {word}")
        else:
            check_file(where, word)
    if command in ("drivers", "boards", "scenarios") or "--help" in rest or (command == "validate" and all("/" in word for word in rest)):
        counts["run"] += 1
        answer = run(otarig, command, *rest, cwd=source)
        if command != "validate" or all(os.path.exists(os.path.join(source, word)) for word in rest):
            if answer.returncode:
                complain(where, f"otarig {command} {' '.join(rest)}: exit {answer.returncode}: {answer.stderr.strip()}")


def check_command(where, line):
    try:
        words = shlex.split(line, comments=True)
    except ValueError:
        return  # goes on in the next lines: a here-document
    for stop in ("|", ">", "&&", ";", "<<TEXT", "<<'TEXT'"):
        if stop in words:
            words = words[: words.index(stop)]
    if not words:
        return
    name = words[0]
    if name in ("otarig", "build/bin/otarig"):
        counts["commands"] += 1
        check_otarig(where, words)
    elif name == "./rig":
        counts["commands"] += 1
        if len(words) < 2 or (words[1] not in rig_words and words[1] != "--help"):
            complain(where, f"./rig does not know '{' '.join(words[1:])}'")
    elif name == "sh" and len(words) > 1 and words[1].startswith("tests/"):
        counts["commands"] += 1
        if not os.path.exists(os.path.join(source, words[1])):
            complain(where, f"there is no {words[1]}")


def validate(where, name, value):
    path = os.path.join(work.name, name)
    with open(path, "w") as file:
        json.dump(value, file)
    for image in value.get("images", {}).values() if "variant" in value else []:
        open(os.path.join(work.name, image["file"]), "wb").write(bytes(4096))
    answer = run(otarig, "validate", name, cwd=work.name)
    counts["json"] += 1
    if answer.returncode:
        complain(where, answer.stderr.strip() or answer.stdout.strip())


def board_of(part):
    """A part of a board file in a whole one."""
    whole = json.load(open(os.path.join(source, "boards/mute.json")))
    for key in ("facts", "marks", "phases"):
        whole.pop(key, None)
    return {**whole, **part}


def check_json(where, text):
    try:
        value = json.loads(text)
    except ValueError as error:
        complain(where, f"no JSON: {error}")
        return
    if "places" in value:
        json.dump(board_of({"facts": {"up": [{"from": "update"}]}}), open(os.path.join(work.name, "board.json"), "w"))
        validate(where, "rack.json", value)
    elif "variant" in value:
        validate(where, "manifest.json", value)
    elif "faults" in value or "steps" in value:
        validate(where, "scenario.json", value)
    elif "facts" in value or "marks" in value:
        validate(where, "board.json", board_of(value))


def check_member(where, text):
    """"power": {...}, set in by four, as it stands in a place of a rack file."""
    try:
        place = json.loads("{" + text.rstrip(",") + "}")
    except ValueError as error:
        complain(where, f"no member of JSON: {error}")
        return
    if set(place) <= {"power", "console", "probe", "update", "sense"}:
        json.dump(board_of({"facts": {"up": [{"from": "update"}]}}), open(os.path.join(work.name, "board.json"), "w"))
        validate(where, "rack.json", {"schema_version": 1, "name": "x", "places": [{"name": "desk", "board": "board.json", **place}]})


def check_c(where, text):
    if "#include" not in text:
        return
    counts["c"] += 1
    if text.count("\n") > 80:
        complain(where, f"{text.count(chr(10))} lines: more than 80")
    path = os.path.join(work.name, "example.c")
    open(path, "w").write(text)
    flags = run("pkg-config", "--cflags", "libcjson", "libsystemd").stdout.split()
    answer = run("gcc", "-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter", "-Wshadow",
                 "-fsyntax-only", "-I", source, *flags, path)
    if answer.returncode:
        complain(where, answer.stderr)


def check_page(path):
    name = os.path.relpath(path, source)
    fence, block, member, hidden = None, [], [], False
    for number, line in enumerate(open(path).read().split("\n") + [""], 1):
        where = f"{name}:{number}"
        if line.startswith("```"):
            if fence == "json":
                check_json(where, "\n".join(block))
            elif fence == "c":
                check_c(where, "\n".join(block) + "\n")
            fence, block, hidden = (line[3:].strip() or "text") if fence is None else None, [], False
            continue
        if fence is not None:
            block.append(line)
            if fence in ("sh", "console", "text") and not hidden:
                check_command(where, line.removeprefix("$ "))
            hidden = (hidden or "<<'TEXT'" in line) and line != "TEXT"
            continue
        indented = line[4:] if line.startswith("    ") else None
        # one after the other, or one over several lines
        if member and (indented is None or indented.startswith('"')):
            check_member(where, "\n".join(member))
            member = []
        if indented is not None and (indented.startswith('"') or member):
            member.append(indented)
        elif indented is not None:
            check_command(where, indented)
        for link in re.findall(r"\]\(([^)#]+)[^)]*\)", line):
            counts["links"] += 1
            if "://" not in link and not os.path.exists(os.path.join(os.path.dirname(path), link)) and link != "layers.svg":
                complain(where, f"the link {link} leads nowhere")


pages = [os.path.join(source, "README.md"), os.path.join(source, "CONTRIBUTING.md")]
for folder, _, files in sorted(os.walk(os.path.join(source, "docs"))):
    pages += [os.path.join(folder, file) for file in sorted(files) if file.endswith(".md")]
for page in pages:
    check_page(page)
if open(pages[0]).read().count("\n") > 150:
    complain("README.md", "more than 150 lines")
print(f"{len(pages)} pages: " + ", ".join(f"{count} {what}" for what, count in counts.items()))
if counts["commands"] < 20 or counts["json"] < 8 or counts["c"] < 1:
    tally.wrong("hardly anything was found to check")
sys.exit(bool(tally.lines))
