#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Cases that are bad on purpose come out as they must, on each kind of board; and a gate that passes one is void.
set -u
build=${OTARIG_BUILD:?}
here=${OTARIG_SOURCE:?}
work=$(mktemp -d "${TMPDIR:-/tmp}/otarig-control.XXXXXX")
trap 'rm -rf "$work"' EXIT
bad=0
wrong() { echo "WRONG $*"; cat "$work/log"; bad=1; }
# made RACK FIRMWARE CASES: so many bad cases, then the run itself
made() {
  "$build/bin/otarig" run "$here/scenarios/clean-update/confirmed.json" --rack "$here/boards/racks/virtual-$1.json" \
    --firmware "$build/firmware/$2" --known-bad made --out "$work/$1" >"$work/log" 2>&1
  code=$?
  [ $code = 0 ] || wrong "$1: exit $code"
  [ "$(grep -c 'as it must$' "$work/log")" = "$3" ] || wrong "$1: not $3 bad cases"
  echo "$1: $3 bad cases came out as they must"
}
made 6 good 4
made stock stock/good 3
made shell shell/good 3
made mute mute/good 3
made bare bare/good 2
# One that passes though it must not: a clean update that is called bad.
mkdir "$work/data"
for folder in boards harness reports; do ln -s "$here/$folder" "$work/data/$folder"; done
mkdir -p "$work/data/scenarios/control"
sed 's/"title"/"control": "fail", "title"/' "$here/scenarios/clean-update/confirmed.json" >"$work/data/scenarios/control/confirmed.json"
OTARIG_DATA="$work/data" "$build/bin/otarig" run "$here/scenarios/clean-update/confirmed.json" --rack "$here/boards/racks/virtual-6.json" \
  --known-bad made --out "$work/void" >"$work/log" 2>&1
code=$?
{ [ $code = 3 ] && grep -q "void: 'confirmed' was made bad on purpose, and its verdict is pass" "$work/log"; } || wrong "a gate that passes a bad case: exit $code"
echo "a gate that passes a bad case is void"
exit $bad
