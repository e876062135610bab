#!/bin/sh
# What the explorer says and what the whole rig does are the same: a few of its states, and one of its findings.
set -u
build=${OTARIG_BUILD:?}
here=${OTARIG_SOURCE:?}
work=$(mktemp -d "${TMPDIR:-/tmp}/otarig-live.XXXXXX")
trap 'rm -rf "$work"' EXIT
bad=0
explore="$build/bin/otarig explore $here/scenarios/explore/upgrade.json --board nrf52840dk --alphabet reduced"
$explore --firmware "$build/firmware/good" --out "$work/good" --live "${OTARIG_LIVE:-6}" >/dev/null || bad=1
"$build/bin/otarig" repro "$work/good/cases/sample" >"$work/log" 2>&1 || { echo "WRONG: the sample, exit $?"; cat "$work/log"; bad=1; }
tail -n 1 "$work/log"
$explore --firmware "$build/firmware/trailer-before-data" --depth 1 --out "$work/bad" >/dev/null
[ $? = 1 ] || { echo "WRONG: trailer-before-data is not found"; bad=1; }
"$build/bin/otarig" repro upgrade-f1 --run "$work/bad" >"$work/log" 2>&1
[ $? = 1 ] || { echo "WRONG: the finding is not repeated"; bad=1; }
tail -n 1 "$work/log"
# aimed by watchpoints at a board that nobody can hold still: the same failure
"$build/bin/otarig" repro upgrade-f1 --run "$work/bad" --aim "$here/scenarios/power-cut/swap-grid.json" >"$work/aimed.json" &&
  "$build/bin/otarig" run "$work/aimed.json" --rack "$here/boards/racks/virtual-6.json" --place p1 --firmware "$build/firmware/trailer-before-data" \
    --out "$work/out" >"$work/log" 2>&1
code=$?
{ [ $code = 1 ] && grep -q 'no-rollback' "$work/log"; } || { echo "WRONG: the aimed scenario, exit $code"; cat "$work/log"; bad=1; }
sh "$here/tests/check_schemas.sh" "$work/good/cases/sample" "$work/bad/cases/upgrade-f1" "$work/good" "$work/bad" >"$work/log" 2>&1
code=$?
[ $code = 0 ] || [ $code = 77 ] || { echo "WRONG: the schemas, exit $code"; cat "$work/log"; bad=1; }
# a prediction that is wrong must be noticed
python3 - "$work/good/cases/sample/live.json" <<'P' || exit 77
import json, sys
tree = json.load(open(sys.argv[1]))
tree["states"] = tree["states"][:1]
tree["states"][0]["changes"].append({"address": 0x10000, "hex": "00000001"})
json.dump(tree, open(sys.argv[1], "w"))
P
"$build/bin/otarig" repro "$work/good/cases/sample" >"$work/log" 2>&1
code=$?
{ [ $code = 3 ] && grep -q '^DIFFERS' "$work/log"; } || { echo "WRONG: a false prediction went unnoticed, exit $code"; bad=1; }
exit $bad
