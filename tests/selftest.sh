#!/bin/sh
# The gate of the gate: every defective firmware must fail with its class, every broken rig must be a rig-error or
# inconclusive; never a pass, and never "the board failed".
# usage: selftest.sh [firmware|rigs|all]
set -u
build=${OTARIG_BUILD:?}
here=${OTARIG_SOURCE:?}
what=${1:-all}
line=${2:-}
bad=0
work=${OTARIG_SELFTEST_WORK:-}
if [ -z "$work" ]; then
  work=$(mktemp -d "${TMPDIR:-/tmp}/otarig-selftest.XXXXXX")
  trap 'rm -rf "$work"' EXIT
fi

verdict_of() { # RUN-LOG
  folder=$(sed -n 's/^results: //p' "$1")
  python3 - "$folder/result.json" <<'P'
import json, sys
try:
    case = json.load(open(sys.argv[1]))["cases"]
except Exception as e:
    print("none - no result:", e); sys.exit()
for c in case:
    print(c["verdict"], c["class"] or "-", c["reason"])
P
}

# one VARIANT SCENARIO CASE CLASS
one() {
  "$build/bin/otarig" run "$here/scenarios/$2.json" --rack "$here/boards/racks/virtual-6.json" --place p1 --firmware "$build/firmware/$1" \
    --out "$work/$1" --case "$3" >"$work/$1.log" 2>&1
  code=$?
  found=$(verdict_of "$work/$1.log")
  case "$code $found" in
  "1 fail $4 "*) echo "ok    $1: $found" ;;
  *) echo "WRONG $1: expected fail $4, exit 1; found exit $code: $found"; tail -n 3 "$work/$1.log"; touch "$work/bad" ;;
  esac
}

# rig NAME DEFECT-JSON
rig() {
  python3 - "$here/boards/racks/virtual-6.json" "$work/$1.json" "$2" <<'P'
import json, sys
rack = json.load(open(sys.argv[1]))
rack["virtual"] = {"defects": json.loads(sys.argv[3])}
json.dump(rack, open(sys.argv[2], "w"))
P
  "$build/bin/otarig" run "$here/scenarios/power-cut/cut-after-done.json" --rack "$work/$1.json" --place p1 --out "$work/$1" \
    --case "cut-after-done+delay_ms=20" >"$work/$1.log" 2>&1
  code=$?
  found=$(verdict_of "$work/$1.log")
  case $code in
  3 | 4) echo "ok    $1: exit $code: $found" ;;
  *) echo "WRONG $1: expected exit 3 or 4; found exit $code: $found"; tail -n 3 "$work/$1.log"; touch "$work/bad" ;;
  esac
}

case $what in
--one)
  # shellcheck disable=SC2086
  one $line
  exit 0
  ;;
--rig)
  rig "${line%% *}" "${line#* }"
  exit 0
  ;;
esac

firmware() {
  cat <<'T'
no-hash-check bricked-image/bit-flip bit-flip+part=body,seed=3 bad-image-accepted
no-signature-check bricked-image/wrong-key wrong-key bad-image-accepted
wrong-hardware-accepted bricked-image/wrong-hardware wrong-hardware bad-image-accepted
downgrade-accepted bricked-image/downgrade downgrade downgraded
active-erased-before-copy power-cut/swap-grid swap-grid+delay_ms=400 bricked
trailer-before-data power-cut/swap-grid swap-grid+delay_ms=200 no-rollback
torn-magic-on-revert power-cut/revert-state revert-state+k=1 no-rollback
resume-state-in-ram power-cut/swap-grid swap-grid+delay_ms=800 bricked
revert-never power-cut/first-boot first-boot+delay_ms=0 no-rollback
confirm-before-selftest bricked-image/bad-selftest bad-selftest no-rollback
hang-without-watchdog bricked-image/hang hang slow-recovery
partial-download-bootable bricked-image/truncated truncated+percent=60 bad-image-accepted
updater-dead-in-v2 bricked-image/dead-updater dead-updater update-dead
data-lost-on-migration bricked-image/counter counter data-lost
boot-counter-eats-good-slot power-cut/idle-storm idle-storm+on_ms=25 bricked
counter-before-confirm bricked-image/counter counter no-rollback
T
}

rigs() {
  cat <<'T'
stuck-relay [{"place":"p1","defect":"stuck-relay","after_ms":12000}]
stuck-relay-from-the-start [{"place":"p1","defect":"stuck-relay"}]
welded-relay [{"place":"p1","defect":"stuck-relay","contact":"closed","at_power_up":3}]
unplugged-relay [{"place":"p1","defect":"unplug-relay","after_ms":6000}]
dead-openocd [{"place":"p1","defect":"probe-refused"}]
mute-probe [{"place":"p1","defect":"probe-silent","after_ms":4000}]
silent-console [{"place":"p1","defect":"serial-silent"}]
silent-console-later [{"place":"p1","defect":"serial-silent","at_power_up":4}]
unplugged-console [{"place":"p1","defect":"unplug-serial","at_power_up":3}]
garbage-console [{"place":"p1","defect":"serial-garbage","ppm":300000}]
power-not-off [{"place":"p1","defect":"power-not-off"}]
power-not-off-later [{"place":"p1","defect":"power-not-off","at_power_up":3}]
wrong-board-at-the-port [{"place":"p1","defect":"console-of","other":"p2"}]
wrong-board-at-the-probe [{"place":"p1","defect":"probe-of","other":"p2"}]
stalled-relay [{"place":"p1","defect":"stall-usb","after_ms":6000}]
wrong-readback [{"place":"p1","defect":"relay-readback-wrong","after_ms":6000}]
dead-board [{"place":"p1","defect":"twin-dead","at_power_up":3}]
T
}

# The runs mostly wait for erases and relays, so several go at once; a new one begins when one ends. Each calls this script
# again with one line of a table.
export OTARIG_SELFTEST_WORK="$work"
at_once() {
  tr '\n' '\0' | xargs -0 -P "${OTARIG_SELFTEST_JOBS:-8}" -I '{}' sh "$0" "$1" '{}'
}
if [ "$what" != rigs ]; then firmware | at_once --one; fi
if [ "$what" != firmware ]; then rigs | at_once --rig; fi
[ -e "$work/bad" ] && bad=1
exit $bad
