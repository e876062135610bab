#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# linux.sh [all]: a virtual Linux board updates itself with Debian's RAUC: a good one passes, a defective one is caught by name. With
# "all", every scenario and every defective board (half an hour).
set -u
otarig=$OTARIG_BUILD/bin/otarig
rack=$OTARIG_SOURCE/boards/racks/virtual-linux-rauc.json
board=$OTARIG_BUILD/linux-ab
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
trap 'exit 1' INT TERM
bad=0

sh "$OTARIG_SOURCE/boards/linux-ab/build.sh" "$board" rauc || exit $?
cd "$OTARIG_SOURCE" || exit 1

# run PLACE VARIANT SCENARIO: writes PLACE.txt
run() { timeout 1500 "$otarig" run "scenarios/$3.json" --rack "$rack" --place "$1" --firmware "$board/rauc/$2" --out "$out/$1" >"$out/$1.txt" 2>&1; }

# told PLACE VARIANT SCENARIO VERDICT [CLASS]: what the last result.json says of each case
told() {
  result=$(find "$out/$1" -name result.json)
  [ -f "$result" ] || { echo "$2, $3: no result"; cat "$out/$1.txt"; bad=1; return; }
  python3 - "$result" "$@" <<'PYTHON' || { cat "$out/$1.txt"; bad=1; }
import json, sys
path, place, variant, scenario, verdict = sys.argv[1:6]
wanted = sys.argv[6] if len(sys.argv) > 6 else None
cases = json.load(open(path))["cases"]
good = bool(cases)
for case in cases:
    good = good and case["verdict"] == verdict and (not wanted or case.get("class") == wanted)
    print("%s, %s: %s %s" % (variant, case["id"], case["verdict"], case.get("class") or ""))
    if case["verdict"] != verdict:
        print(json.dumps(case, indent=1))
sys.exit(0 if good else 1)
PYTHON
  rm -rf "${out:?}/$1"
}

# both VARIANT SCENARIO VERDICT CLASS  VARIANT SCENARIO VERDICT CLASS: at both places at once
both() {
  run p1 "$1" "$2" &
  first=$!
  run p2 "$5" "$6"
  wait $first
  told p1 "$1" "$2" "$3" ${4:+"$4"}
  told p2 "$5" "$6" "$7" ${8:+"$8"}
}

both good clean-update/confirmed pass '' foreign-key-trusted bricked-image/wrong-key fail bad-image-accepted
if [ "${1:-}" = all ]; then
  both good linux/crash pass '' good linux/bad-selftest pass ''
  both good bricked-image/wrong-key pass '' good bricked-image/wrong-hardware pass ''
  both good bricked-image/truncated pass '' good linux/write-cut pass ''
  both good linux/first-boot pass '' good linux/idle-cycles fail wrong-version
  both data-lost-on-update clean-update/confirmed fail data-lost never-confirmed clean-update/confirmed fail ''
  both no-attempt-counter linux/crash fail '' confirm-before-selftest linux/bad-selftest fail ''
  both updater-dead-in-v2 clean-update/confirmed fail update-dead good clean-update/confirmed pass ''
fi
exit $bad
