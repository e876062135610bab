#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Explores the file system of firmware that nobody made for this: MicroPython for the BBC micro:bit, from Debian's package
# firmware-microbit-micropython, unmodified, driven by its console alone. It has no copy of what it replaces, so cuts lose files;
# the interpreter comes up and can write after each of them.
# test_microbit.sh OTARIG SOURCE [FOLDER_OF_FIRMWARE_HEX]
set -eu
otarig=$1 here=$2/harness/explore/foreign firmware=${3:-/usr/share/firmware-microbit-micropython}
[ -f "$firmware/firmware.hex" ] && [ -x "$otarig" ] || exit 77
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
fail() { echo "FAIL: $*"; cat "$out/text"; exit 1; }
explore() { # NAME SCENARIO EXPECTED OPTION...
  name=$1 scenario=$2 expected=$3 got=0
  shift 3
  "$otarig" explore "$here/$scenario.json" --board "$here/microbit_board.json" --firmware "$firmware" --out "$out/$name" "$@" \
    >"$out/text" 2>&1 || got=$?
  [ "$got" = "$expected" ] || fail "$name: exit $got, not $expected"
}
# found NAME CLASS WINDOW: failures of that class, reproduced by real cuts, in those operations of the boot without a cut
found() {
  grep -q "^FAIL [0-9]*: $2: .*confirmed by real cuts" "$out/text" || fail "$1: no $2"
  grep -q "window: run 0, $3 " "$out/text" || fail "$1: not the window $3"
}
alive() { ! grep -E -q '^FAIL [0-9]+: (bricked|update-dead|not-converging)' "$out/text" || fail "$1: worse than lost files"; }

explore calm microbit 0 --depth 0
explore file microbit 1 --depth 1
[ "$(grep -c '^FAIL' "$out/text")" = 2 ] || fail "file: not two classes of failure"
found file data-lost 'operations 1 to 4'
found file corrupt-image 'operations 5 to 77'
alive file
# what the console said is told although it begins with a NUL
grep -q '"console":.*raw REPL.*a is lost' "$out/file/explore.json" || fail "file: no console in the report"

# the same on a virtual rack: the same is typed, at the same virtual time
repro() { # CASE EXPECTED TEXT
  got=0
  "$otarig" repro "$1" >"$out/text" 2>&1 || got=$?
  { [ "$got" = "$2" ] && grep -q "$3" "$out/text"; } || fail "$1: exit $got, not $2, or no '$3'"
}
if command -v openocd >/dev/null && [ -x "$(dirname "$otarig")/otarig-rack" ]; then
  repro "$out/file/cases/microbit-f1" 1 '^agrees microbit-f1: .* and says the same: data-lost$'
  repro "$out/file/cases/microbit-f2" 1 '^agrees microbit-f2: .* and says the same: corrupt-image$'
  # what is typed counts: another text of the same length ('new ' is 6e657720) makes another file
  cp -r "$out/file/cases/microbit-f2" "$out/other"
  sed -i 's/6e657720/6e657820/g' "$out/other/live.json"
  repro "$out/other" 3 '^DIFFERS'
  # the verdict is what the console says: "a is lost", and not "a is kost"
  cp -r "$out/file/cases/microbit-f1" "$out/said"
  sed -i 's/61206973206c6f7374/61206973206b6f7374/' "$out/said/live.json"
  repro "$out/said" 3 '^DIFFERS microbit-f1: the console'
fi

explore full-calm microbit_full 0 --depth 0
explore full microbit_full 1 --depth 1 --alphabet reduced
[ "$(grep -c '^FAIL' "$out/text")" = 1 ] || fail "full: not one class of failure"
found full data-lost 'operations 193 to 196'
grep -q '"states":.*40' "$out/full/explore.json" || fail "full: not 40 states"
alive full
echo ok
