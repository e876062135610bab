#!/bin/sh
# otarig run --strategy and --known-bad on the virtual rack: a seeded defect is found, what is said obeys its schema, bad input is
# refused, a gate that known-bad firmware passes is void.
set -u
build=${OTARIG_BUILD:?}
here=${OTARIG_SOURCE:?}
work=$(mktemp -d "${TMPDIR:-/tmp}/otarig-campaign.XXXXXX")
trap 'rm -rf "$work"' EXIT
bad=0
run() {
  "$build/bin/otarig" run "$@" --rack "$here/boards/racks/virtual-6.json" --out "$work/out" >"$work/log" 2>&1
}
expect() { # CODE PATTERN NAME
  { [ "$code" = "$1" ] && grep -q -- "$2" "$work/log"; } || { echo "WRONG $3: exit $code"; cat "$work/log"; bad=1; }
}
grid=$here/scenarios/power-cut/swap-grid.json
run "$grid" --firmware "$build/firmware/trailer-before-data" --strategy adaptive --cuts 12
code=$?
expect 1 '^  fails from delay_ms' "trailer-before-data"
tail -n 14 "$work/log"
sh "$here/tests/check_schemas.sh" "$work/out" >"$work/log" 2>&1
code=$?
[ $code = 77 ] || expect 0 'campaigns' "the schema"
# the gate is proven before it is used
wrong_key=$here/scenarios/bricked-image/wrong-key.json
run "$wrong_key" --known-bad "$build/firmware/no-signature-check"
code=$?
expect 0 '^pass' "a gate that catches the known-bad firmware"
run "$wrong_key" --known-bad "$build/firmware/data-lost-on-migration"
code=$?
expect 3 'void: the known-bad firmware' "a gate that does not"
run "$grid" --strategy guess
code=$?
expect 2 "expected uniform, stratified or adaptive, found 'guess'" "a strategy that does not exist"
run "$here/scenarios/bricked-image/crash.json" --strategy uniform
code=$?
expect 2 'vary: --strategy expected one key' "a scenario that varies nothing"
run "$grid" "$here/scenarios/power-cut/first-boot.json" --strategy uniform
code=$?
expect 2 'expected one scenario, found 2' "two scenarios"
run "$grid" --cuts 5
code=$?
expect 2 '--cuts: expected a --strategy' "cuts without a strategy"
run "$grid" --strategy uniform --confidence 200
code=$?
expect 2 'a number from 50' "a confidence of 200 %"
exit $bad
