#!/bin/sh
# A case again: the same verdict and, on the virtual rack, the same torn flash operation; in a failing case, too.
set -u
build=${OTARIG_BUILD:?}
here=${OTARIG_SOURCE:?}
work=$(mktemp -d "${TMPDIR:-/tmp}/otarig-repro.XXXXXX")
trap 'rm -rf "$work"' EXIT
bad=0
# again FIRMWARE CASE EXIT
again() {
  "$build/bin/otarig" run "$here/scenarios/power-cut/swap-grid.json" --rack "$here/boards/racks/virtual-6.json" --place p1 --firmware "$build/firmware/$1" \
    --case "$2" --out "$work/$1" >"$work/log" 2>&1
  [ $? = "$3" ] || { echo "WRONG $1: the first run, wanted exit $3"; cat "$work/log"; bad=1; }
  "$build/bin/otarig" repro "$2" --run "$(ls -d "$work/$1"/2*)" --out "$work/$1-again" >"$work/log" 2>&1
  code=$?
  grep '^cut now' "$work/log"
  { [ $code = "$3" ] && grep -q '^the same verdict' "$work/log" && grep -q '^the same flash operation' "$work/log"; } ||
    { echo "WRONG $1: again, exit $code"; cat "$work/log"; bad=1; }
}
again good swap-grid+delay_ms=400 0
again trailer-before-data swap-grid+delay_ms=200 1
exit $bad
