#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# otarig init beside the virtual rack's emulated devices: what it finds there, and that what it writes is taken by the commands that
# read it. Nobody sits at a terminal.
set -u
otarig=$OTARIG_BUILD/bin/otarig
command -v python3 >/dev/null || { echo "python3 is not installed"; exit 77; }
work=$(mktemp -d "${TMPDIR:-/tmp}/otarig-init.XXXXXX")
rack_pid=
trap '[ -z "$rack_pid" ] || kill "$rack_pid"; wait; rm -rf "$work"' EXIT
bad=0
wrong() { echo "WRONG: $*"; bad=1; }

mkdir "$work/rack" "$work/new"
rack=$(ls "$OTARIG_BUILD/bin/otarig-rack" "$OTARIG_BUILD/libexec/otarig/otarig-rack" 2>/dev/null | head -1)
"$rack" --rack "$OTARIG_SOURCE/boards/racks/virtual-stock.json" --boards "$OTARIG_SOURCE/boards" --folder "$work/rack" --time real \
  >"$work/ready" 2>"$work/rack.log" &
rack_pid=$!
root=
for try in $(seq 600); do
  root=$(sed -n 's/^ready.*"root":"\([^"]*\)".*/\1/p' "$work/ready")
  [ -z "$root" ] && kill -0 "$rack_pid" 2>/dev/null || break
  sleep 0.1
done
[ -n "$root" ] || { wrong "the virtual rack did not come up: $(cat "$work/rack.log")"; exit 1; }
# inside COMMAND...: among the emulated devices
inside() { LD_PRELOAD=libumockdev-preload.so.0 UMOCKDEV_DIR=$root OTARIG_RACK=$work/rack OTARIG_LOCKS=$work/rack/locks "$@" </dev/null; }

inside "$otarig" init --list >"$work/said" 2>&1 || wrong "--list: $(cat "$work/said")"
grep -q '^relay board .*serial OTR00001.*--relay OTR00001' "$work/said" || wrong "no relay board: $(cat "$work/said")"
location=$(sed -n 's/^serial port .*, at \([^,]*\),.*/\1/p' "$work/said" | head -1)
[ -n "$location" ] || wrong "no serial port: $(cat "$work/said")"

cd "$work/new" || exit 1
# refuse PATTERN ARGUMENT...: nothing is written
refuse() {
  pattern=$1
  shift
  inside "$otarig" init "$@" >"$work/said" 2>&1
  code=$?
  [ $code = 2 ] && grep -q -- "$pattern" "$work/said" || wrong "init $*: exit $code: $(cat "$work/said")"
  [ -z "$(ls)" ] || wrong "init $*: wrote $(ls)"
}
refuse 'expected --template .*zephyr-mcuboot-smp'
refuse 'expected --relay .*found: OTR00001' --template zephyr-mcuboot-smp --name mine
refuse 'expected --port' --template zephyr-mcuboot-smp --name mine --relay OTR00001:1
refuse 'expected one of .*esp-idf-ota.*, found' --template toaster --name mine --relay none --port none --probe none
refuse 'SERIAL:CHANNEL' --template esp-idf-ota --name mine --relay OTR00001 --port none --probe none
refuse 'CHANNEL' --template esp-idf-ota --name mine --relay OTR00001:9 --port none --probe none
refuse 'expected a name' --template esp-idf-ota --name a/b --relay none --port none --probe none

inside "$otarig" init --template zephyr-mcuboot-smp --name mine --relay OTR00001:1 --port "$location" --probe none >"$work/said" 2>&1 ||
  wrong "init: $(cat "$work/said")"
grep -q 'otarig learn desk --rack ./rack.json' "$work/said" || wrong "does not say what comes next: $(cat "$work/said")"
"$otarig" validate rack.json mine.json >"$work/said" 2>&1 || wrong "validate: $(cat "$work/said")"
sed 's/"name": "mine"/"name": "zephyr-mcuboot-smp"/' mine.json | cmp -s - "$OTARIG_SOURCE/boards/templates/zephyr-mcuboot-smp.json" ||
  wrong "the board file is not the template under a new name"
for template in "$OTARIG_SOURCE"/boards/templates/*.json; do
  name=$(basename "$template" .json)
  "$otarig" init --template "$name" --name mine --relay none --port none --probe none --out "$work/rack" >"$work/said" 2>&1 &&
    grep -q '"name": "mine"' "$work/rack/mine.json" || wrong "init of $name: $(cat "$work/said")"
  rm -f "$work/rack/mine.json" "$work/rack/rack.json"
done
# a board made of it can be asked for all that cuts the power at what MCUboot writes
if [ -f "$OTARIG_BUILD/firmware/stock/good/manifest.json" ]; then
  "$otarig" scenarios --board mine.json --firmware "$OTARIG_BUILD/firmware/stock/good" >"$work/said" 2>&1 || wrong "scenarios: $(cat "$work/said")"
  ! grep 'expected a watch' "$work/said" || wrong "the template lacks a watch that scenarios name"
fi
# what it wrote leads to the devices that it found
inside "$otarig" doctor --rack rack.json >"$work/said" 2>&1 || wrong "doctor: $(cat "$work/said")"
grep -q '^desk *power *ftdi *ok$' "$work/said" && grep -q '^desk *console *serial *ok$' "$work/said" || wrong "doctor: $(cat "$work/said")"
cp mine.json "$work/before"
inside "$otarig" init --template esp-idf-ota --name mine --relay none --port none --probe none >"$work/said" 2>&1
[ $? = 2 ] && grep -q 'there already' "$work/said" && cmp -s mine.json "$work/before" || wrong "writes over files: $(cat "$work/said")"

# on a terminal it asks, and proposes what it found when there is but one
mkdir "$work/asked"
cat >"$work/ask" <<SCRIPT
LD_PRELOAD=libumockdev-preload.so.0 UMOCKDEV_DIR=$root OTARIG_RACK=$work/rack OTARIG_LOCKS=$work/rack/locks
export LD_PRELOAD UMOCKDEV_DIR OTARIG_RACK OTARIG_LOCKS
exec "$otarig" init --out "$work/asked"
SCRIPT
if command -v script >/dev/null; then
  printf 'zephyr-mcuboot-smp\nasked\n\n%s\n\n' "$location" | timeout 600 script -qec "sh $work/ask" /dev/null >"$work/said" 2>&1 ||
    wrong "on a terminal: $(cat "$work/said")"
  "$otarig" validate "$work/asked/rack.json" "$work/asked/asked.json" >"$work/said" 2>&1 || wrong "what it asked for: $(cat "$work/said")"
  grep -q '"OTR00001"' "$work/asked/rack.json" && grep -q "\"$location\"" "$work/asked/rack.json" || wrong "asked: $(cat "$work/asked/rack.json")"
fi

# every template gives files that are taken
for template in "$OTARIG_SOURCE"/boards/templates/*.json; do
  name=$(basename "$template" .json)
  mkdir "$work/$name"
  "$otarig" init --out "$work/$name" --template "$name" --name mine --relay A1:2 --port /dev/ttyUSB3 --probe interface/jlink.cfg:123 </dev/null >"$work/said" 2>&1 &&
    "$otarig" validate "$work/$name/rack.json" "$work/$name/mine.json" >"$work/said" 2>&1 || wrong "$name: $(cat "$work/said")"
done
exit $bad
