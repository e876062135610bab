#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What the explorer says and what the whole rig does are the same: a few of its states, and one of its findings.
set -u
build=${OTARIG_BUILD:?}
here=${OTARIG_SOURCE:?}
work=$(mktemp -d "${TMPDIR:-/tmp}/otarig-live.XXXXXX")
trap 'rm -rf "$work"' EXIT
bad=0
. "$here/tests/slow_host.sh"
explore="$build/bin/otarig explore $here/scenarios/explore/upgrade.json --board nrf52840dk --alphabet reduced"
command -v python3 >/dev/null || exit 77
$explore --firmware "$build/firmware/good" --torn --out "$work/good" --live "${OTARIG_LIVE:-5}" >/dev/null || bad=1
# a reset right before its cut makes no difference to the good firmware
python3 - "$work/good/cases/sample/live.json" <<'P' || bad=1
import json, sys
tree = json.load(open(sys.argv[1]))
cuts, at = next((s["cuts"], i) for s in tree["states"] for i, cut in enumerate(s["cuts"]) if "aim" in cut and cut["fraction_ppm"] == 0)
cuts.insert(at, dict(cuts[at]["aim"], reset=True))
assert any("model" in cut for s in tree["states"] for cut in s["cuts"]), "no torn cut in the sample"
json.dump(tree, open(sys.argv[1], "w"))
P
"$build/bin/otarig" repro "$work/good/cases/sample" >"$work/log" 2>&1 || { echo "WRONG: the sample, exit $?"; cat "$work/log"; bad=1; }
grep -q ' and 1 reset' "$work/log" || { echo "WRONG: no reset"; cat "$work/log"; bad=1; }
tail -n 1 "$work/log"
$explore --firmware "$build/firmware/trailer-before-data" --depth 1 --out "$work/bad" >/dev/null
[ $? = 1 ] || { echo "WRONG: trailer-before-data is not found"; bad=1; }
"$build/bin/otarig" repro upgrade-f1 --run "$work/bad" >"$work/log" 2>&1
[ $? = 1 ] || { echo "WRONG: the finding is not repeated"; bad=1; }
tail -n 1 "$work/log"
# a bit that rots
"$build/bin/otarig" explore "$here/scenarios/explore/revert.json" --board nrf52840dk --alphabet reduced --firmware "$build/firmware/good" \
  --depth 1 --rot 16 --out "$work/rot" >/dev/null
"$build/bin/otarig" repro revert-f1 --run "$work/rot" >"$work/log" 2>&1
code=$?
{ [ $code = 1 ] && grep -q '^agrees revert-f1: 0 cuts and 1 flipped bit' "$work/log"; } || { echo "WRONG: rot, exit $code"; cat "$work/log"; bad=1; }
# aimed at a board that nobody can hold still, by watchpoints and by time: the same failure
mkdir "$work/aimed"
aim="$build/bin/otarig repro upgrade-f1 --run $work/bad --aim $here/scenarios/power-cut/swap-grid.json"
$aim >"$work/aimed/watch.json" && $aim --time 2>"$work/log" | sed 's/"swap-grid-upgrade-f1"/"swap-grid-by-time"/' >"$work/aimed/time.json" || bad=1
grep -q -- '--repeat 1 hits it with 95 %' "$work/log" || { echo "WRONG: how often to run it"; cat "$work/log"; bad=1; }
$aim --jitter 300 >"$work/log" 2>&1 || bad=1
grep -q 'scatters by +-300 ms .*--repeat [0-9][0-9]* hits it with 95 %' "$work/log" || { echo "WRONG: a switch that scatters"; cat "$work/log"; bad=1; }
patient "$build/bin/otarig" run "$work/aimed" --rack "$here/boards/racks/virtual-6.json" --place p1 --place p2 \
  --firmware "$build/firmware/trailer-before-data" --out "$work/out"
{ [ $code = 1 ] && [ "$(grep -c '^fail swap-grid.*: no-rollback' "$work/log")" = 2 ]; } || { echo "WRONG: the aimed scenarios, exit $code"; cat "$work/log"; bad=1; }
sh "$here/tests/check_schemas.sh" "$work/good/cases/sample" "$work/bad/cases/upgrade-f1" "$work/good" "$work/bad" >"$work/log" 2>&1
code=$?
[ $code = 0 ] || [ $code = 77 ] || { echo "WRONG: the schemas, exit $code"; cat "$work/log"; bad=1; }
# refused, in one line: refuse NAME SED-SCRIPT TEXT
refuse() {
  cp -r "$work/bad/cases/upgrade-f1" "$work/$1"
  sed -i "$2" "$work/$1/live.json"
  "$build/bin/otarig" repro "$work/$1" --rack "$here/boards/racks/virtual-6.json" >"$work/log" 2>&1
  code=$?
  { [ $code = 2 ] && grep -v '^virtual rack at ' "$work/log" >"$work/line" && [ "$(wc -l <"$work/line")" = 1 ] && grep -q "$3" "$work/line"; } ||
    { echo "WRONG: $1, exit $code"; cat "$work/log"; bad=1; }
}
refuse older 's/"schema_version":2/"schema_version":1/' 'schema_version: expected 2'
refuse other-chip 's/"chip":"nrf52840"/"chip":"stm32f407"/' "chip: expected nrf52840, which place 'p1' of this rack has, found stm32f407"
long=$(printf '%09000d' 0)
refuse too-long "s/\"input\":\[\]/\"input\":[{\"after_us\":0,\"port\":0,\"hex\":\"$long\"}]/" 'input\[0\].hex: expected 1 to 4096 bytes, found 4500'
# a watchdog outside of the chip gets a boot loader out of its hang, on the rack as in the explorer
watched() { # NAME BASE LENGTH SOURCE OPTION...
  to=$1
  sed -e "s/BASE/$2/g" -e "s/LENGTH/$3/" "$foreign/foreign.ld" >"$work/ld"
  from=$4
  shift 4
  arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -O2 -g -ffreestanding -nostdlib -Wl,-n,--no-warn-rwx-segments -T "$work/ld" "$@" \
    "$foreign/$from" -o "$work/f4/$to.elf" && arm-none-eabi-objcopy -O binary "$work/f4/$to.elf" "$work/f4/$to.bin" || bad=1
}
foreign=$here/harness/explore/foreign
mkdir "$work/f4"
watched v1 0x08008000 0x100 app.c -DVERSION=1
watched v2 0x08008000 0x100 app.c -DVERSION=2
watched boot 0x08000000 0x400 copy_stm32.c -DHANGS -DDONE_FIRST
sed 's/"end":/"watchdog": {"timeout_ms": 1000, "pin": 0},\n  "end":/' "$foreign/copy.json" >"$work/watched.json"
"$build/bin/otarig" explore "$work/watched.json" --board "$foreign/board.json" --firmware "$work/f4" --depth 1 --out "$work/watched" >/dev/null
"$build/bin/otarig" repro copy-f3 --run "$work/watched" >"$work/log" 2>&1
code=$?
{ [ $code = 1 ] && grep -q '^agrees copy-f3: 1 cut.*: corrupt-image$' "$work/log"; } || { echo "WRONG: a watchdog, exit $code"; cat "$work/log"; bad=1; }
sh "$here/tests/check_schemas.sh" "$work/watched" "$work/watched/cases/copy-f3" >"$work/log" 2>&1
code=$?
[ $code = 0 ] || [ $code = 77 ] || { echo "WRONG: the schemas of a watchdog, exit $code"; cat "$work/log"; bad=1; }
# and a reset right after the last operation of a boot, behind such a watchdog's
sed -e "s/BASE/0/g" -e "s/LENGTH/0x200/" "$foreign/foreign.ld" >"$work/ld"
arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -O2 -g -ffreestanding -nostdlib -Wl,-n,--no-warn-rwx-segments -T "$work/ld" -DHANGS_COLD \
  "$foreign/tiny.c" -o "$work/f4/boot.elf" || bad=1
sed -e 's/"value": "0xFFFFFFFF"/"value": 3/' -e 's/"word": "0x11000"/"word": "0x1000C"/' -e 's/"end":/"watchdog": {"timeout_ms": 100}, "end":/' \
  -e 's/fee7fee7/0040002009800000fee7fee7/' \
  "$foreign/small.json" >"$work/cold.json"
"$build/bin/otarig" explore "$work/cold.json" --board "$foreign/small_board.json" --firmware "$work/f4" --depth 1 --resets --out "$work/cold" >/dev/null
"$build/bin/otarig" repro small-f1 --run "$work/cold" >"$work/log" 2>&1
code=$?
{ [ $code = 1 ] && grep -q '^agrees small-f1: 0 cuts and 1 reset, .*: contract$' "$work/log"; } || { echo "WRONG: a reset in the end, exit $code"; cat "$work/log"; bad=1; }
# what is beside the code flash is put back and compared, too
mkdir "$work/uicr"
sed -e "s/BASE/0/g" -e "s/LENGTH/0x200/" "$foreign/foreign.ld" >"$work/ld"
arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -O2 -g -ffreestanding -nostdlib -Wl,-n,--no-warn-rwx-segments -T "$work/ld" -DUICR \
  "$foreign/small.c" -o "$work/uicr/boot.elf" || bad=1
"$build/bin/otarig" explore "$foreign/small.json" --board "$foreign/small_board.json" --firmware "$work/uicr" --live 10 --out "$work/uicr" >/dev/null ||
  { echo "WRONG: UICR"; bad=1; }
"$build/bin/otarig" repro "$work/uicr/cases/sample" >"$work/log" 2>&1
code=$?
{ [ $code = 0 ] && grep -q '^4 states on the rig: 4 agree' "$work/log"; } || { echo "WRONG: states with UICR, exit $code"; cat "$work/log"; bad=1; }
sed 's/"prepare": \[/&{"words": [7], "at": "0x10001084"}, /' "$foreign/small.json" >"$work/uicr/start.json"
"$build/bin/otarig" explore "$work/uicr/start.json" --board "$foreign/small_board.json" --firmware "$work/uicr" --live 10 --out "$work/uicr-start" >/dev/null
"$build/bin/otarig" repro "$work/uicr-start/cases/sample" >"$work/log" 2>&1
code=$?
{ [ $code = 0 ] && grep -q '^4 states on the rig: 4 agree' "$work/log"; } || { echo "WRONG: a start with UICR, exit $code"; cat "$work/log"; bad=1; }
sed -i 's/"hex":"34120000"/"hex":"34020000"/' "$work/uicr/cases/sample/live.json"
"$build/bin/otarig" repro "$work/uicr/cases/sample" >"$work/log" 2>&1
code=$?
{ [ $code = 3 ] && grep -q '^DIFFERS .*the first at 0x10001080' "$work/log"; } || { echo "WRONG: UICR is not compared, exit $code"; cat "$work/log"; bad=1; }
# a prediction that is wrong must be noticed
python3 - "$work/good/cases/sample/live.json" <<'P' || bad=1
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
