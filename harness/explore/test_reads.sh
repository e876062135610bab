#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What a run reads decides it, and a log with a hole is noticed: test_reads.sh OTARIG CONTROL SOURCE FIRMWARE
set -eu
otarig=$1 control=$2 here=$3/harness/explore/foreign
command -v arm-none-eabi-gcc >/dev/null && [ -x "$otarig" ] || exit 77
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
fail() { echo "FAIL: $*"; cat "$out/text"; exit 1; }
sed -e "s/BASE/0x0/" -e "s/BASE/0x0/" -e "s/LENGTH/0x400/" "$here/foreign.ld" >"$out/ld"
build() { # WHICH PREPARE CONTRACT
  mkdir -p "$out/$1"
  arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -O1 -g -Wall -Werror -ffreestanding -nostdlib -Wl,-n,--no-warn-rwx-segments \
    -T "$out/ld" -D"$1" "$here/reads.c" -o "$out/$1/boot.elf"
  sed -e "s|\"comment\": \"the application: it hangs\"}|&$2|" -e "s|{\"word\": \"0x11000\", \"value\": \"0xFFFFFFFF\"}|$3|" \
    "$here/reads.json" >"$out/$1/scenario.json"
}
spoilt='{"word": "0x11000", "value": "0xFFFFFFFF"}'
leave() { # FIRMWARE LEFT_OUT: is harmful, and noticed
  "$control" "$out/$1/scenario.json" "$here/small_board.json" "$out/$1" -1 none "$2" >"$out/text" 2>&1 || fail "$1 without $2"
  grep -q '^none: unharmed' "$out/text" || fail "$1: nothing left out"
  grep -q "^$2: noticed, [1-9]" "$out/text" || fail "$1 without $2"
  [ -z "${VERBOSE:-}" ] || cat "$out/text"
}
build LOADS '' "$spoilt"
leave LOADS loads
leave LOADS 12004
build CODE ', {"bytes": "07207047", "at": "0x12004"}' "$spoilt"
leave CODE code
build BUS ', {"bytes": "4241440a", "at": "0x12004"}' '{"never": "BAD"}'
leave BUS bus
build WRITES '' "$spoilt"
leave WRITES writes
build PARTS '' "$spoilt"
leave PARTS parts
build DEEP '' "$spoilt"
leave DEEP loads
leave DEEP 12004
# no strategy finds more or fewer states than another
for which in LOADS CODE BUS WRITES PARTS DEEP; do
  for share in reads meet none; do
    for torn in "" --torn; do
      "$otarig" explore "$out/$which/scenario.json" --board "$here/small_board.json" --firmware "$out/$which" --share $share $torn \
        >"$out/text" 2>&1 || [ $? = 1 ] || fail "$which --share $share $torn"
      sed -e 's/; .*//' -e '/ran to their end/d' -e '/^  *window/d' "$out/text" | grep -v 'runs\? to their end' >"$out/$share$torn"
    done
  done
  for torn in "" --torn; do
    cmp "$out/reads$torn" "$out/none$torn" >"$out/text" && cmp "$out/meet$torn" "$out/none$torn" >"$out/text" || {
      diff "$out/reads$torn" "$out/none$torn" >"$out/text"
      fail "$which $torn: strategies differ"
    }
  done
done
echo ok
