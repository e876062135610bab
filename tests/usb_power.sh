#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Boards on the ports of a USB hub: found by init, answering for doctor, and judged as those on a relay are. A hub that says
# "off" and does not cut accuses nobody and proves nothing. Relay boards that are HID devices: found and answering, too.
set -u
command -v openocd >/dev/null || { echo "openocd is not installed"; exit 77; }
command -v python3 >/dev/null || { echo "python3 is not installed"; exit 77; }
otarig=$OTARIG_BUILD/bin/otarig
shipped=$OTARIG_SOURCE/boards/racks/virtual-hub.json
work=$(mktemp -d "${TMPDIR:-/tmp}/otarig-usb-power.XXXXXX")
rack_pid=
relays_pid=
trap 'exec 9>&-; for pid in $rack_pid $relays_pid; do kill "$pid"; done 2>/dev/null; wait; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
bad=0
wrong() { echo "WRONG: $*"; bad=1; }

# expect NAME FIRMWARE TEXT [DEFECT]: one case at p1
expect() {
  python3 - "$shipped" "$work/$1.json" "${4:-}" <<'PY'
import json, sys
rack = json.load(open(sys.argv[1]))
if sys.argv[3]:
    rack["virtual"] = {"defects": [{"place": "p1", "defect": sys.argv[3], "at_power_up": 3}]}
json.dump(rack, open(sys.argv[2], "w"))
PY
  timeout 800 "$otarig" run "$OTARIG_SOURCE/scenarios/power-cut/swap-erase.json" --case swap-erase+k=2 --place p1 --rack "$work/$1.json" \
    --firmware "$OTARIG_BUILD/firmware/$2" --out "$work/$1" >"$work/log" 2>&1
  found=$(python3 - "$work/$1" <<'PY'
import glob, json, sys
for case in json.load(open(glob.glob(sys.argv[1] + "/*/result.json")[0]))["cases"]:
    print(case["verdict"], case["class"])
PY
)
  echo "$1: $found"
  echo "$found" | grep -Eqx "$3" || wrong "$1: '$found', expected '$3': $(cat "$work/log")"
}
expect well good 'pass None'
expect defective active-erased-before-copy 'fail bricked'
expect stays-on good '(inconclusive|rig-error) None' power-not-off
expect tells-wrong good 'rig-error None' relay-readback-wrong
expect pulled good 'rig-error None' unplug-relay

mkdir "$work/rack" "$work/new"
rack=$(ls "$OTARIG_BUILD/bin/otarig-rack" "$OTARIG_BUILD/libexec/otarig/otarig-rack" 2>/dev/null | head -1)
"$rack" --rack "$shipped" --boards "$OTARIG_SOURCE/boards" --folder "$work/rack" --time real >"$work/ready" 2>"$work/rack.log" &
rack_pid=$!
root=
for try in $(seq 600); do
  root=$(sed -n 's/^ready.*"root":"\([^"]*\)".*/\1/p' "$work/ready")
  [ -z "$root" ] && kill -0 "$rack_pid" 2>/dev/null || break
  sleep 0.1
done
[ -n "$root" ] || { wrong "the virtual rack did not come up: $(cat "$work/rack.log")"; exit 1; }
inside() { LD_PRELOAD=libumockdev-preload.so.0 UMOCKDEV_DIR=$root OTARIG_RACK=$work/rack OTARIG_LOCKS=$work/rack/locks "$@" </dev/null; }

cd "$work/new" || exit 1
inside "$otarig" init --list >"$work/said" 2>&1 || wrong "--list: $(cat "$work/said")"
grep -q '^USB hub .*hub of 7 switched ports.*05e3:0608, at 1-1, --relay 1-1:PORT$' "$work/said" || wrong "no hub: $(cat "$work/said")"
inside "$otarig" init --template zephyr-mcuboot-smp --name mine --relay 1-1:2 --port /dev/ttyUSB0 --probe none >"$work/said" 2>&1 ||
  wrong "init: $(cat "$work/said")"
"$otarig" validate rack.json mine.json >"$work/said" 2>&1 || wrong "validate: $(cat "$work/said")"
inside "$otarig" doctor --rack rack.json >"$work/said" 2>&1 || wrong "doctor: $(cat "$work/said")"
grep -q '^desk *power *usbhub *ok$' "$work/said" || wrong "doctor: $(cat "$work/said")"
sed -i 's/"1-1"/"1-9"/' rack.json
inside "$otarig" doctor --rack rack.json >"$work/said" 2>&1 && wrong "doctor finds a hub that is not there"
grep -q 'USB hub 1-9: nothing is plugged in there' "$work/said" && grep -q '1-1 (each port by itself)' "$work/said" ||
  wrong "doctor: $(cat "$work/said")"

mkfifo "$work/stdin"
"$OTARIG_BUILD/bin/otarig-relays" hid <"$work/stdin" >"$work/ready" 2>"$work/relays.log" &
relays_pid=$!
exec 9>"$work/stdin"
root=
for try in $(seq 600); do
  root=$(sed -n 's/^ready \([^ ]*\) .*/\1/p' "$work/ready")
  [ -z "$root" ] && kill -0 "$relays_pid" 2>/dev/null || break
  sleep 0.1
done
[ -n "$root" ] || { wrong "the relay boards did not come up: $(cat "$work/relays.log")"; exit 1; }
mkdir "$work/hid" && cd "$work/hid" || exit 1
inside "$otarig" init --list >"$work/said" 2>&1 || wrong "--list: $(cat "$work/said")"
grep -q '^relay board *USBRelay2 *16c0:05df, serial BITFT, --relay BITFT$' "$work/said" || wrong "no relay board: $(cat "$work/said")"
inside "$otarig" init --template zephyr-mcuboot-smp --name mine --relay BITFT:2 --port none --probe none >"$work/said" 2>&1 ||
  wrong "init: $(cat "$work/said")"
inside "$otarig" doctor --rack rack.json >"$work/said" 2>&1
grep -q '^desk *power *hidrelay *ok$' "$work/said" || wrong "doctor: $(cat "$work/said")"
inside "$otarig" power desk on --rack rack.json >"$work/said" 2>&1 || wrong "power on: $(cat "$work/said")"
grep -q '^relay 2 closed$' "$work/ready" || wrong "the relay did not close: $(cat "$work/ready")"
[ $bad = 0 ] && echo "all good"
exit $bad
