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
build() { # WHICH PREPARE CONTRACT [SOURCE]
  source=${4:-reads}
  mkdir -p "$out/$1"
  arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -O1 -g -Wall -Werror -ffreestanding -nostdlib -Wl,-n,--no-warn-rwx-segments \
    -T "$out/ld" -D"$1" "$here/$source.c" -o "$out/$1/boot.elf"
  sed -e "s|\"comment\": \"the application: it hangs\"}|&$2|" -e "s|{\"word\": \"0x11000\", \"value\": \"0xFFFFFFFF\"}|$3|" \
    "$here/$source.json" >"$out/$1/scenario.json"
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
# words that count for nobody, and those that only judging, only a boot after one more cut, or only one before an erase looks at
build JUDGED '' '{"one_of": [[{"word": "0x12004", "value": "0xFFFFFFFF"}], [{"word": "0x12004", "value": "0xFFFF0000"}]]}' merge
build OWN '' "$spoilt" merge
build RESIDUE '' "$spoilt" merge
merges() { # FIRMWARE LEFT_OUT
  "$control" "$out/$1/scenario.json" "$here/small_board.json" "$out/$1" -1 merge "merge:$2" >"$out/text" 2>&1 || fail "$1 without $2"
  grep -q '^merge: unharmed, 0 of' "$out/text" || fail "$1: states are merged wrongly"
  grep -q "^merge:$2: noticed, [1-9]" "$out/text" || fail "$1: $2 left out is not noticed"
  [ -z "${VERBOSE:-}" ] || cat "$out/text"
}
merges DEEP 12004
merges DEEP cuts
merges JUDGED judge
merges JUDGED 12004
merges OWN own
merges OWN cuts
for which in LOADS CODE BUS WRITES PARTS; do
  "$control" "$out/$which/scenario.json" "$here/small_board.json" "$out/$which" -1 merge >"$out/text" 2>&1 && grep -q '^merge: unharmed, 0 of' "$out/text" ||
    fail "$which: states are merged wrongly"
done
# what is never looked at does not multiply
for share in merge reads; do
  "$otarig" explore "$out/RESIDUE/scenario.json" --board "$here/small_board.json" --firmware "$out/RESIDUE" --torn --share $share --json >"$out/$share.json" ||
    fail "RESIDUE --share $share"
done
count() { sed -n 's/^\t\t"states":\t\([0-9]*\),$/\1/p' "$out/$1.json" | head -n 1; }
[ "$(($(count merge) * 2))" -lt "$(count reads)" ] || fail "RESIDUE: $(count merge) states, $(count reads) un-merged"
# no strategy finds more or fewer states than another
for which in LOADS CODE BUS WRITES PARTS DEEP; do
  for share in merge merge-all reads meet none; do
    for torn in "" --torn; do
      "$otarig" explore "$out/$which/scenario.json" --board "$here/small_board.json" --firmware "$out/$which" --share $share $torn \
        >"$out/text" 2>&1 || [ $? = 1 ] || fail "$which --share $share $torn"
      sed -e 's/; .*//' -e '/ran to their end/d' -e '/states were cut further/d' "$out/text" | grep -v 'runs\? to their end' >"$out/$share$torn"
      # merged, states are fewer: what fails is the same, and where; of two sequences of as many cuts another one may
      # be the first, so the run is the same where it is the boot without a cut (control_share looks at all of them)
      awk '/^FAIL|^  *boot|^PASS/ || /window: run 0,/ || at + 1 == NR && /ms after power-up/ {print} /window: run 0,/ {at = NR}' "$out/text" |
        sed -e 's/([0-9]* states/(states/' -e 's/^\(  *boot [0-9]*\):.*/\1/' >"$out/fails-$share$torn"
    done
  done
  for torn in "" --torn; do
    for share in merge merge-all; do
      diff "$out/fails-$share$torn" "$out/fails-none$torn" >"$out/text" || fail "$which $torn: --share $share finds something else"
    done
    cmp "$out/reads$torn" "$out/none$torn" >"$out/text" && cmp "$out/meet$torn" "$out/none$torn" >"$out/text" || {
      diff "$out/reads$torn" "$out/none$torn" >"$out/text"
      fail "$which $torn: strategies differ"
    }
  done
done
echo ok
