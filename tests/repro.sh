#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A case again: the same verdict and, on the virtual rack, the same torn flash operation; in a failing case, too.
# A run's journals again: a result that says otherwise is not reported.
set -u
build=${OTARIG_BUILD:?}
here=${OTARIG_SOURCE:?}
work=$(mktemp -d "${TMPDIR:-/tmp}/otarig-repro.XXXXXX")
trap 'rm -rf "$work"' EXIT
bad=0
. "$here/tests/slow_host.sh"
# again FIRMWARE CASE EXIT
again() {
  patient "$build/bin/otarig" run "$here/scenarios/power-cut/swap-grid.json" --rack "$here/boards/racks/virtual-6.json" --place p1 \
    --firmware "$build/firmware/$1" --case "$2" --out "$work/$1"
  [ $code = "$3" ] || { echo "WRONG $1: the first run, wanted exit $3"; cat "$work/log"; bad=1; }
  patient "$build/bin/otarig" repro "$2" --run "$(ls -d "$work/$1"/2* | tail -n 1)" --out "$work/$1-again"
  grep '^cut now' "$work/log"
  { [ $code = "$3" ] && grep -q '^the same verdict' "$work/log" && grep -q '^the same flash operation' "$work/log"; } ||
    { echo "WRONG $1: again, exit $code"; cat "$work/log"; bad=1; }
}
again good swap-grid+delay_ms=400 0
again trailer-before-data swap-grid+delay_ms=200 1
# A folder of any name, everything named relative to it; then the line that the report prints, in a shell elsewhere.
odd="$work/a b{c}[d]\$(id)"
mkdir "$odd"
cp "$here/boards/racks/virtual-6.json" "$odd/my rack.json"
cp "$here/scenarios/power-cut/swap-grid.json" "$odd"
(cd "$odd" && "$build/bin/otarig" run swap-grid.json --rack "my rack.json" --place p1 --firmware "$build/firmware/trailer-before-data" \
  --case swap-grid+delay_ms=200 --out 'o u{t') >"$work/log" 2>&1
code=$?
[ $code = 1 ] || { echo "WRONG: run in $odd: exit $code (1)"; cat "$work/log"; bad=1; }
ls "$odd"/o*/2*/cases/*/flash-slot0.bin >/dev/null || { echo "WRONG: no flash dump in $odd"; bad=1; }
line=$(sed -n 's/^    \(otarig repro .*\)/\1/p' "$work/log")
(cd "$work" && PATH="$build/bin:$PATH" sh -c "$line") >"$work/log" 2>&1
code=$?
[ $code = 1 ] && grep -q '^the same verdict' "$work/log" && grep -q '^the same flash operation' "$work/log" && [ -d "$work/out" ] ||
  { echo "WRONG: $line: exit $code (1)"; cat "$work/log"; bad=1; }
# judged COMMAND EXIT TEXT
judged() {
  "$build/bin/otarig" $1 "$run" >"$work/log" 2>&1
  code=$?
  { [ $code = "$2" ] && grep -q "$3" "$work/log"; } || { echo "WRONG: $1, exit $code, wanted $2 and '$3'"; cat "$work/log"; bad=1; }
}
run=$(ls -d "$work"/trailer-before-data/2* | tail -n 1)
journal=$run/cases/swap-grid+delay_ms=200/journal.jsonl
judged judge 1 "journal.jsonl: fail"
judged report 0 "trailer-before-data"
cp "$run/result.json" "$work/result.json"
sed -e 's/"verdict":.*"fail"/"verdict": "pass"/' -e 's/"class":.*/"class": null,/' -e 's/"pass":.*0/"pass": 1/' -e 's/"fail":.*1/"fail": 0/' "$work/result.json" >"$run/result.json"
judged judge 2 "result.json says otherwise: swap-grid+delay_ms=200: pass"
judged report 2 "its journal says fail .*, but result.json says swap-grid+delay_ms=200: pass"
mv "$work/result.json" "$run/result.json"
mv "$journal" "$work/journal.jsonl"
judged judge 4 "1 of its cases has no journal"
judged report 4 "inconclusive swap-grid+delay_ms=200$"
judged report 4 "its journal is gone: nothing bears out"
head -c 3000 "$work/journal.jsonl" >"$journal"
judged report 2 "its journal says inconclusive, but result.json says swap-grid+delay_ms=200: fail"
mv "$work/journal.jsonl" "$journal"
judged report 0 "trailer-before-data"
exit $bad
