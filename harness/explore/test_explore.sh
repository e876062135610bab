#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Explores the good demo firmware and some defective ones: test_explore.sh OTARIG FIRMWARE SOURCE
set -eu
otarig=$1 firmware=$2 source=$3
[ -x "$otarig" ] && [ -f "$firmware/good/manifest.json" ] || exit 77
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
fail() { echo "FAIL: $*"; exit 1; }
# explore NAME SCENARIO VARIANT EXPECTED_EXIT OPTION...
explore() {
  name=$1 scenario=$2 variant=$3 expected=$4
  shift 4
  got=0
  "$otarig" explore "$source/scenarios/explore/$scenario.json" --board "$source/boards/nrf52840dk.json" \
    --firmware "$firmware/$variant" --alphabet reduced --out "$out/$name" "$@" >"$out/$name.txt" 2>&1 || got=$?
  [ "$got" = "$expected" ] || { cat "$out/$name.txt"; fail "$name: exit $got, not $expected"; }
}
has() { grep -q "$2" "$out/$1/explore.json" || fail "$1: no $2"; }

for scenario in upgrade revert confirm; do
  explore $scenario $scenario good 0
  has $scenario '"fixpoint":.*true'
done
explore torn upgrade torn-magic-on-revert 1 --jobs 1
has torn '"class":.*"no-rollback"'
has torn '"caller_line":.*boot/main.c'
explore never upgrade revert-never 1 --first
has never '"class":.*"no-rollback"'
explore ram upgrade resume-state-in-ram 1 --first
has ram '"class":.*"bricked"'
has ram '"caller_line":.*boot/swap.c'

# what a cut left is a dump like that of a board from the field: it boots, and is explored from there
dump=$out/ram/evidence/f1-after.bin
"$otarig" boot --flash "$dump" --board "$source/boards/nrf52840dk.json" --boots 2 --time 3000 --trace --save "$out/saved.bin" \
  >"$out/boot.txt" || fail "boot: $(tail "$out/boot.txt")"
[ "$(grep -c '^BOOT recovery' "$out/boot.txt")" = 2 ] || { tail "$out/boot.txt"; fail "boot: no recovery, twice"; }
cmp "$dump" "$out/saved.bin" || fail "boot: it writes in recovery"
"$otarig" boot --flash "$out/ram/evidence/f1-before.bin" --board "$source/boards/nrf52840dk.json" --trace --save "$out/saved.bin" \
  >"$out/boot.txt" || fail "boot: $(tail "$out/boot.txt")"
grep -q '^BOOT swap end' "$out/boot.txt" && grep -q 'erase of 0x00010000' "$out/boot.txt" || { tail "$out/boot.txt"; fail "boot: no swap"; }
cmp -s "$out/ram/evidence/f1-before.bin" "$out/saved.bin" && fail "boot: nothing is saved"
explore from upgrade resume-state-in-ram 1 --from "$dump" --depth 0
has from '"class":.*"bricked"'
grep -q 'without any cut' "$out/from.txt" || fail "from: not without a cut"
got=0
"$otarig" boot --flash "$out/boot.txt" --board "$source/boards/nrf52840dk.json" 2>"$out/errors" || got=$?
{ [ $got = 2 ] && grep -q 'expected 1048576 bytes' "$out/errors"; } || { cat "$out/errors"; fail "boot: exit $got"; }

# the window in time is the window in operations: a cut in its middle, by time, fails the same way
middle=$(awk '/"from_ms":/ {gsub(/[^0-9.]/, ""); from = $0} /"to_ms":/ {gsub(/[^0-9.]/, ""); print (from + $0) / 2; exit}' "$out/ram/explore.json")
[ -n "$middle" ] || fail "ram: no window in time"
echo "{\"schema_version\": 1, \"kind\": \"sequence\", \"cuts\": [{\"after_ms\": $middle}]}" >"$out/time.json"
"$otarig" explore "$source/scenarios/explore/upgrade.json" --board "$source/boards/nrf52840dk.json" \
  --firmware "$firmware/resume-state-in-ram" --shrink "$out/time.json" >"$out/time.txt" && fail "the cut at $middle ms does no harm"
grep -q '^FAIL: bricked' "$out/time.txt" || { cat "$out/time.txt"; fail "the cut at $middle ms fails in another way"; }
grep -q '^1 of 1 cuts' "$out/time.txt" || { cat "$out/time.txt"; fail "it fails without the cut"; }

# the number of workers does not show but in the figures about time and memory
explore torn3 upgrade torn-magic-on-revert 1 --jobs 3
same() { grep -v -e wall_s -e states_per_s -e workers -e bytes -e resumed "$out/$1/explore.json"; }
same torn >"$out/a"
same torn3 >"$out/b"
cmp "$out/a" "$out/b" || fail "the number of workers shows in the result"

# killed and resumed: the same result
"$otarig" explore "$source/scenarios/explore/upgrade.json" --board "$source/boards/nrf52840dk.json" \
  --firmware "$firmware/torn-magic-on-revert" --alphabet reduced --out "$out/killed" --jobs 1 >/dev/null 2>&1 &
pid=$!
tries=0
while [ "$(stat -c %s "$out/killed/checkpoint" 2>/dev/null || echo 0)" -lt 400000 ] && [ $tries -lt 600 ]; do
  sleep 0.05
  tries=$((tries + 1))
done
kill -9 $pid 2>/dev/null || true
wait $pid 2>/dev/null || true
explore killed upgrade torn-magic-on-revert 1 --jobs 2
same killed >"$out/b"
cmp "$out/a" "$out/b" || fail "a resumed exploration has another result"

explore bad upgrade good 2 --depth absurd
"$otarig" explore "$source/scenarios/explore/upgrade.json" --board "$source/boards/nrf52840dk.json" --budget never && fail "budget"
echo ok
