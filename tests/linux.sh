#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# linux.sh [all]: a virtual Linux board updates itself with Debian's RAUC: a good one passes, a defective one is caught by name. With
# "all", every defective board and every scenario that was ever run to a verdict (not idle-cycles, see docs/linux.md), of SWUpdate as well (an hour).
set -u
otarig=$OTARIG_BUILD/bin/otarig
board=$OTARIG_BUILD/linux-ab
[ -e "$OTARIG_BUILD/bin/otarig-disk-plugin.so" ] || { echo "no disk server was built (Debian package nbdkit-plugin-dev)"; exit 77; }
for program in nbdkit qemu-img qemu-system-aarch64 python3; do command -v $program >/dev/null || { echo "no $program"; exit 77; }; done
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
trap 'exit 1' INT TERM
bad=0

clients=rauc
[ "${1:-}" != all ] || clients="rauc swupdate"
# shellcheck disable=SC2086 # a list of words
sh "$OTARIG_SOURCE/boards/linux-ab/build.sh" "$board" $clients || exit $?
cd "$OTARIG_SOURCE" || exit 1

# run PLACE CLIENT/VARIANT SCENARIO: writes PLACE.txt
run() {
  timeout 1500 "$otarig" run "scenarios/$3.json" --rack "boards/racks/virtual-linux-${2%/*}.json" --place "$1" --firmware "$board/$2" \
    --out "$out/$1" >"$out/$1.txt" 2>&1
}

# told PLACE CLIENT/VARIANT SCENARIO VERDICT [CLASS]: what the result says of each case
told() {
  result=$(find "$out/$1" -name result.json)
  [ -f "$result" ] || { echo "$2, $3: no result"; cat "$out/$1.txt"; bad=1; return; }
  python3 - "$result" "$@" <<'PYTHON' || { cat "$out/$1.txt"; bad=1; }
import json, sys
path, place, firmware, scenario, verdict = sys.argv[1:6]
wanted = sys.argv[6] if len(sys.argv) > 6 else None
cases = json.load(open(path))["cases"]
good = bool(cases)
for case in cases:
    fits = case["verdict"] == verdict and (not wanted or case.get("class") == wanted)
    good = good and fits
    print("%s, %s: %s %s%s" % (firmware, case["id"], case["verdict"], case.get("class") or "", "" if fits else ", wanted %s %s" % (verdict, wanted or "")))
sys.exit(0 if good else 1)
PYTHON
  rm -rf "${out:?}/$1"
}

# both CLIENT/VARIANT SCENARIO VERDICT CLASS  [CLIENT/VARIANT SCENARIO VERDICT CLASS]: at two places at once
both() {
  run p1 "$1" "$2" &
  first=$!
  [ $# -le 4 ] || run p2 "$5" "$6"
  wait $first
  told p1 "$1" "$2" "$3" ${4:+"$4"}
  [ $# -le 4 ] || told p2 "$5" "$6" "$7" ${8:+"$8"}
}

both rauc/good clean-update/confirmed pass '' rauc/foreign-key-trusted bricked-image/wrong-key fail bad-image-accepted
if [ "${1:-}" = all ]; then
  for client in $clients; do
    both $client/good linux/crash pass '' $client/good linux/bad-selftest pass ''
    both $client/good bricked-image/wrong-key pass '' $client/good bricked-image/wrong-hardware pass ''
    both $client/good bricked-image/truncated pass '' $client/good linux/write-cut pass ''
    both $client/good linux/first-boot pass ''
    both $client/data-lost-on-update clean-update/confirmed fail data-lost $client/never-confirmed clean-update/confirmed fail ''
    both $client/no-attempt-counter linux/crash fail '' $client/confirm-before-selftest linux/bad-selftest fail ''
  done
  both rauc/updater-dead-in-v2 clean-update/confirmed fail update-dead swupdate/no-boot-loader-named clean-update/confirmed fail wrong-version
  both swupdate/good clean-update/confirmed pass '' swupdate/foreign-key-trusted bricked-image/wrong-key fail bad-image-accepted
fi
exit $bad
