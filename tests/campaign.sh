#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# otarig run --strategy and --known-bad on the virtual rack: a seeded defect is found, what is said obeys its schema, bad input is
# refused, a gate that known-bad firmware passes is void.
set -u
build=${OTARIG_BUILD:?}
here=${OTARIG_SOURCE:?}
work=$(mktemp -d "${TMPDIR:-/tmp}/otarig-campaign.XXXXXX")
trap 'rm -rf "$work"' EXIT
bad=0
. "$here/tests/slow_host.sh"
run() {
  patient "$build/bin/otarig" run "$@" --rack "$here/boards/racks/virtual-6.json" --out "$work/out"
}
expect() { # CODE PATTERN NAME
  { [ "$code" = "$1" ] && grep -q -- "$2" "$work/log"; } || { echo "WRONG $3: exit $code"; cat "$work/log"; bad=1; }
}
grid=$here/scenarios/power-cut/swap-grid.json
run "$grid" --firmware "$build/firmware/trailer-before-data" --strategy adaptive --cuts 12
expect 1 '^  fails from delay_ms' "trailer-before-data"
tail -n 14 "$work/log"
sh "$here/tests/check_schemas.sh" "$work/out" >"$work/log" 2>&1
code=$?
[ $code = 77 ] || expect 0 'campaigns' "the schema"
# reports of a run, in all formats
folder=$(ls -d "$work"/out/2*/ | tail -n 1) # of the run before
for format in text junit html markdown json; do
  "$build/bin/otarig" report "$folder" --format $format >"$work/log" 2>&1
  code=$?
  case $format in
  text) expect 0 'swap-grid  *[0-9]' "report as text" ;;
  junit) expect 0 '<failure ' "report as JUnit" ;;
  html) expect 0 '</html>' "report as HTML" ;;
  markdown) expect 0 '^| .*swap-grid' "report as Markdown" ;;
  json) expect 0 '"class":.*"no-rollback"' "report as JSON" ;;
  esac
done
"$build/bin/otarig" report "$folder" --format pdf >"$work/log" 2>&1
code=$?
expect 2 "expected text, junit" "a format that does not exist"
# enough is known before the cuts are used up
run "$grid" --firmware "$build/firmware/good" --vary delay_ms=0,1000 --case swap-grid+delay_ms=0 --strategy uniform
expect 2 'case' "a case and a strategy"
run "$grid" --firmware "$build/firmware/good" --strategy stratified --cuts 60 --below 0.99 --confidence 60 --resolution 200
expect 0 'the wanted confidence is reached' "--below"
grep -q ' < 0\.' "$work/log" || { echo "WRONG --below: nothing below"; cat "$work/log"; bad=1; }
# the gate is proven before it is used
wrong_key=$here/scenarios/bricked-image/wrong-key.json
run "$wrong_key" --known-bad "$build/firmware/no-signature-check"
expect 0 '^pass' "a gate that catches the known-bad firmware"
run "$wrong_key" --known-bad "$build/firmware/data-lost-on-migration"
expect 3 'void: the known-bad firmware' "a gate that does not"
run "$grid" --strategy guess
expect 2 "expected uniform, stratified or adaptive, found 'guess'" "a strategy that does not exist"
run "$here/scenarios/bricked-image/crash.json" --strategy uniform
expect 2 'vary: --strategy expected one key' "a scenario that varies nothing"
run "$grid" "$here/scenarios/power-cut/first-boot.json" --strategy uniform
expect 2 'expected one scenario, found 2' "two scenarios"
run "$grid" --cuts 5
expect 2 '--cuts: expected a --strategy' "cuts without a strategy"
run "$grid" --strategy uniform --confidence 200
expect 2 'a number from 50' "a confidence of 200 %"
exit $bad
