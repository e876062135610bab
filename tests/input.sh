#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Bad input: one clear line that names the file and what was expected, exit 2, and nothing touched.
set -u
otarig=$OTARIG_BUILD/bin/otarig
work=$(mktemp -d "${TMPDIR:-/tmp}/otarig-input.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
good_rack=$OTARIG_SOURCE/boards/racks/virtual-6.json
good=$OTARIG_SOURCE/scenarios/bricked-image/wrong-key.json
bad=0

# expect TEXT COMMAND...
expect() {
  text=$1
  shift
  "$@" >out.txt 2>err.txt
  code=$?
  lines=$(grep -c . err.txt)
  if [ $code != 2 ] || [ "$lines" != 1 ] || ! grep -q -F -e "$text" err.txt || [ -e out ]; then
    echo "WRONG: $*: exit $code (2), $lines lines (1), wanted '$text'"
    head -3 err.txt
    bad=1
  fi
}
run() { "$otarig" run "$@"; }
edit() { # FILE PYTHON-EXPRESSION-ON-d -> edited.json
  python3 -c "
import json, sys
d = json.load(open(sys.argv[1]))
$2
json.dump(d, open('edited.json', 'w'))" "$1"
}

echo '{"schema_version": 1,' >broken.json
expect "broken.json:" run broken.json --rack "$good_rack"
expect "broken.json:" run "$good" --rack broken.json
edit "$good" "d['famly'] = d.pop('family')"; expect "did you mean 'family'" run edited.json --rack "$good_rack"
edit "$good_rack" "d['places'][0]['console'] = {'driver': 'serial', 'baud': 115200}"
expect "\$.places[0].console: expected which port: at least one of" run "$good" --rack edited.json
edit "$good" "d['steps'][0]['image'] = 7"; expect "\$.steps[0].image: expected a string, found 7" run edited.json --rack "$good_rack"
edit "$good" "d['steps'][0]['image'] = 'v99'"; expect "\$.steps[0].image: expected an image" run edited.json --rack "$good_rack"
edit "$good" "d['steps'][0]['do'] = 'uplod'"; expect "\$.steps[0].do: expected one of" run edited.json --rack "$good_rack"
edit "$good" "d['steps'][0]['attempts'] = -1"; expect "a whole number from 1" run edited.json --rack "$good_rack"
edit "$good" "d['expect'].update(runs=['v99'], final='v99')"; expect "\$.expect.runs[0]" run edited.json --rack "$good_rack"
edit "$good" "d['expect']['final'] = 'v3'"; expect "\$.expect.final: expected one of \$.expect.runs, found \"v3\"" run edited.json --rack "$good_rack"
edit "$good" "d['expect']['runs'] = []"; expect "\$.expect.runs: expected at least one image" run edited.json --rack "$good_rack"
edit "$good" "d['expect'].pop('next')"; expect "\$.expect.next: expected the image of the clean update" run edited.json --rack "$good_rack"
edit "$good" "d['faults'] = []; d['steps'][0].pop('proves')"
expect "\$.faults: expected at least one fault" run edited.json --rack "$good_rack"
edit "$OTARIG_SOURCE/scenarios/power-cut/swap-grid.json" "d['steps'][0]['proves'] = 'cut'"
expect "\$.steps[0].proves: expected a fault whose action is \"image\"" run edited.json --rack "$good_rack"
edit "$good" "d['clauses'] = ['G9']"; expect "\$.clauses[0]" run edited.json --rack "$good_rack"
edit "$good" "d['faults'].append(d['faults'][0])"; expect "\$.faults[1].name" run edited.json --rack "$good_rack"
edit "$good" "d['needs'].append('camera')"; expect "\$.needs[3]" run edited.json --rack "$good_rack"
edit "$OTARIG_SOURCE/scenarios/power-cut/swap-grid.json" "d['faults'][0]['trigger']['phase'] = 'nothing'"
expect "a phase of" run edited.json --rack "$good_rack"
edit "$OTARIG_SOURCE/scenarios/power-cut/swap-grid.json" "d.pop('vary')"
expect "expected a value named 'delay_ms'" run edited.json --rack "$good_rack"
edit "$OTARIG_SOURCE/scenarios/power-cut/swap-grid.json" "d['vary']['delay_ms'] = {'from': 0, 'to': 1e9, 'step': 1}"
expect "at most 100000 values" run edited.json --rack "$good_rack"
edit "$good_rack" "d['places'][1]['name'] = 'p1'"; expect "\$.places[1].name" run "$good" --rack edited.json
edit "$good_rack" "d['places'][1]['power']['channel'] = 1"; expect "\$.places[1].power" run "$good" --rack edited.json
edit "$good_rack" "d['places'][1]['power']['sense'] = 1"; expect "\$.places[1].power: expected a device of its own (ftdi:OTR00001:1 belongs to place 'p1'" run "$good" --rack edited.json
edit "$good_rack" "d['places'][0]['power']['sense'] = 1"; expect "a sense pin that is not the relay's own" run "$good" --rack edited.json
edit "$good_rack" "d['places'][0]['power']['sense'] = 9"; expect "from 0 to 8, found 9" run "$good" --rack edited.json
edit "$good_rack" "d['places'][0]['power']['channel'] = 9"; expect "from 1 to 8, found 9" run "$good" --rack edited.json
edit "$good_rack" "d['places'][0]['power']['driver'] = 'fdti'"; expect "\$.places[0].power.driver" run "$good" --rack edited.json
edit "$good_rack" "d['places'][0]['power']['chanel'] = 1"; expect "did you mean 'channel'" run "$good" --rack edited.json
edit "$good_rack" "d['places'][0]['board'] = 'nrf99'"; expect "nrf99" run "$good" --rack edited.json
edit "$good_rack" "[p.pop('update') for p in d['places']]"; expect "place 'p1': the place has no update client" run "$good" --rack edited.json
edit "$good_rack" "[p.pop('update') for p in d['places']]"; mv edited.json no-update.json
edit "$good" "d.pop('needs')"; expect "place 'p1': the place has no update client" run edited.json --rack no-update.json
edit "$good_rack" "d['places'][1]['console']['port'] = '/dev/../dev/ttyUSB0'"
expect "\$.places[1].console: expected a device of its own (tty:/dev/ttyUSB0 belongs to place 'p1'" run "$good" --rack edited.json
# what only the emulation of a rack knows to be wrong
edit "$good_rack" "d['places'][1]['console']['port'] = '/dev/serial/by-id/none'"
expect "\$.places[1].console.port" run "$good" --rack edited.json
edit "$good_rack" "d['virtual'] = {'defects': [{'place': 'p1', 'defect': 'gremlin'}]}"
expect "gremlin" run "$good" --rack edited.json
for mtu in 1 95 2049; do
  edit "$good_rack" "d['places'][0]['update']['mtu'] = $mtu"; expect "expected" run "$good" --rack edited.json
done
grid=$OTARIG_SOURCE/scenarios/power-cut/swap-grid.json
expect "--case bogus: expected a case of" run "$grid" --rack "$good_rack" --case swap-grid+delay_ms=400 --case bogus
expect "--case bogus: expected a case of $grid, such as 'swap-grid+delay_ms=0'" run "$grid" --rack "$good_rack" --case bogus
for odd in nan inf -inf 1e999; do
  expect "--vary delay_ms: expected a finite number or a word, found '$odd'" run "$grid" --rack "$good_rack" --vary "delay_ms=$odd"
done
expect "--repeat: expected no --strategy" run "$grid" --rack "$good_rack" --strategy adaptive --cuts 5 --repeat 3
expect "--case: expected no --strategy" run "$grid" --rack "$good_rack" --strategy uniform --case swap-grid+delay_ms=400
expect "--vary: expected no --strategy" run "$grid" --rack "$good_rack" --strategy uniform --vary delay_ms=400
mkdir empty; expect "empty: expected a folder of scenarios (*.json), found none in it; there is $OTARIG_SOURCE/scenarios/bricked-image, " run empty --rack "$good_rack"
expect "found none in it; there is $OTARIG_SOURCE/scenarios/bricked-image, " run "$OTARIG_SOURCE/scenarios" --rack "$good_rack"
expect "power-cut: no such file or folder; the family of that name is $OTARIG_SOURCE/scenarios/power-cut" run power-cut --rack "$good_rack"
mkfifo fifo
for file in fifo /dev/zero; do
  expect "$file: expected a file, found a" timeout 600 "$otarig" run "$file" --rack "$good_rack"
  expect "$file: expected a file, found a" timeout 600 "$otarig" run "$good" --rack "$file"
  expect "$file: expected a file, found a" timeout 600 "$otarig" judge "$file"
  expect "$file: expected a file, found a" timeout 600 "$otarig" validate "$file"
  expect "$file: expected a file, found a" timeout 600 "$otarig" explore "$file" --board nrf52840dk
  mkdir -p fw; ln -sf "$PWD/$file" fw/manifest.json; [ -e fw/manifest.json ] || ln -sf "$file" fw/manifest.json
  expect "manifest.json: expected a file, found a" timeout 600 "$otarig" run "$good" --rack "$good_rack" --firmware fw
done
edit "$good_rack" "d['places'][1]['board'] = 'nrf52832'"
expect "edited.json: place 'p2': expected a nrf52840dk, as the places named before it, found a nrf52832" run "$good" --rack edited.json --place p1 --place p2
expect "no place 'p9'" run "$good" --rack "$good_rack" --place p9
expect "nowhere.json" run nowhere.json --rack "$good_rack"
expect "manifest.json" run "$good" --rack "$good_rack" --firmware nowhere
expect "--seed" run "$good" --rack "$good_rack" --seed banana
expect "has no such value" run "$good" --rack "$good_rack" --vary colour=red
python3 -c "open('deep.json','w').write('['*10000000)"
expect "levels of nesting" run deep.json --rack "$good_rack"
python3 -c "open('twice.json','w').write('{\"schema_version\":1,\"name\":\"a\",\"name\":\"b\"}')"
expect "found 'name' again" run twice.json --rack "$good_rack"
printf '{"schema_version":1,"name":"\377"}' >bytes.json
expect "UTF-8" run bytes.json --rack "$good_rack"
# validate: what is right passes, what does not add up is refused
right() { "$otarig" validate "$@" >out.txt 2>err.txt || { echo "WRONG: validate $*"; cat err.txt; bad=1; }; }
right "$good" "$good_rack" "$OTARIG_SOURCE/boards/nrf52840dk.json" "$OTARIG_SOURCE"/scenarios/explore/*.json --board nrf52840dk
expect "expected --board BOARD beside an exploration" "$otarig" validate "$OTARIG_SOURCE/scenarios/explore/upgrade.json"
echo '{"schema_version": 1, "run": {}, "summary": {"cases": 1, "pass": 1, "fail": 0, "inconclusive": 0, "rig_error": 0},
 "cases": [{"id": "a", "verdict": "pass"}]}' >result.json
right result.json
edit result.json "d['cases'][0]['verdict'] = 'fail'"; expect "\$.summary.pass: expected 0, as there are in \$.cases, found 1" "$otarig" validate edited.json
edit result.json "d['summary']['cases'] = 2"; expect "\$.summary.cases: expected 1" "$otarig" validate edited.json
echo '{"schema_version": 1, "scenario": "s", "board": "b", "summary": {"operations": 1, "states": 2, "bad_states": 0, "fixpoint": true, "depth": 1,
 "workers": 1}, "depths": [{"depth": 0, "new_states": 2, "bad": 0}], "failures": [{"id": "f1", "class": "bricked", "cuts": []}]}' >explore.json
right explore.json
edit explore.json "d['failures'][0]['class'] = 'lost'"; expect "\$.failures[0].class: expected one of" "$otarig" validate edited.json
edit explore.json "d['depths'][0]['new_states'] = 3"; expect "\$.depths[0].new_states" "$otarig" validate edited.json
validate() { "$otarig" validate "$@"; }
grid=$OTARIG_SOURCE/scenarios/power-cut/swap-grid.json
board=$OTARIG_SOURCE/boards/nrf52840dk.json
explore=$OTARIG_SOURCE/scenarios/explore/upgrade.json
# what a kind does not look at, and what no file name and no device can be
edit "$grid" "d['faults'][0]['action']['probability'] = 0.5"
expect "\$.faults[0].action: unknown key 'probability', expected one of: do, off_ms, pretended, comment" validate edited.json
edit "$grid" "d['faults'][0]['trigger'] = {'on': 'now', 'mark': 'boot'}; d.pop('vary')"
expect "\$.faults[0].trigger: unknown key 'mark', expected one of: on, delay_ms" validate edited.json
edit "$grid" "d['faults'][0]['action'] = {'do': 'link', 'mode': 'cut', 'every': 3}"
expect "\$.faults[0].action: unknown key 'every', expected one of: do, mode, from_byte, for_ms" validate edited.json
edit "$grid" "d['faults'][0]['action'] = {'do': 'link', 'mode': 'flap', 'up_ms': 3}"
expect "\$.faults[0].action.down_ms: expected a number from 0" validate edited.json
edit "$good" "d['faults'][0]['trigger'] = {'on': 'now'}"
expect "\$.faults[0].trigger: expected none: the step that delivers a bad image is its trigger" validate edited.json
edit "$grid" "d['clauses'] += ['G1']"; expect "\$.clauses[6]: expected each word once, found \"G1\"" validate edited.json
edit "$grid" "d['needs'] += ['power']"; expect "\$.needs[3]: expected each word once, found \"power\"" validate edited.json
edit "$grid" "d['recovery_ms'] = '0x10'"; expect "\$.recovery_ms: expected a whole number from 0 to 3600000, found \"0x10\"" validate edited.json
edit "$grid" "d['vary'] = {'k%d' % i: [1] for i in range(17)}"; expect "\$.vary: expected at most 16 keys" validate edited.json
edit "$grid" "d['vary']['mark'] = ['x' * 101]"; expect "\$.vary.mark[0]: expected at most 100 bytes" validate edited.json
edit "$grid" "d['vary'].update(a=['x' * 100], b=['y' * 100])"; expect "\$.vary: expected values that make ids of cases of at most 200 bytes" validate edited.json
edit "$grid" "d['faults'] *= 101"; expect "\$.faults: expected at most 100, found a list of 101" validate edited.json
edit "$board" "d['limits'] = '0x10'"; expect "\$.limits: expected an object, found \"0x10\"" validate edited.json
edit "$board" "d['limits']['boot_ms'] = '0x10'"; expect "\$.limits.boot_ms: expected a whole number from 1 to 3600000, found \"0x10\"" validate edited.json
for name in '../x' 'a}b' '' 'a b' '.x' '$(id)'; do
  edit "$board" "d['evidence'] = {'$name': {'address': 0, 'size': 4096}}"
  expect "expected as its key a name of 1 to 64 letters, digits, '.', '_' or '-', found '$name'" validate edited.json
done
edit "$board" "d['marks']['<b>'] = 'x'"; expect "found '<b>'" validate edited.json
edit "$board" "d['images']['a/b'] = {}"; expect "found 'a/b'" validate edited.json
edit "$explore" "d['covers'] = [1]"; expect "\$.covers[0]: expected a string, found 1" validate edited.json --board nrf52840dk
edit "$explore" "d['end']['quiet_ms'] = '0x10'"; expect "\$.end.quiet_ms: expected a whole number" validate edited.json --board nrf52840dk
edit "$good_rack" "d['places'][0]['console']['port'] = ''"; expect "\$.places[0].console.port: expected a text that is not empty, found \"\"" validate edited.json
for usb in 0403:6001x 0403 :6001 10403:6001 0403:6001:1 '0403: 601'; do
  edit "$good_rack" "d['places'][0]['console'] = {'driver': 'serial', 'usb': '$usb'}"
  expect "\$.places[0].console.usb: expected VENDOR:PRODUCT in hexadecimal, as 0403:6001, found \"$usb\"" validate edited.json
done
edit "$good_rack" "d['places'][0]['console'] = {'driver': 'serial', 'port': '/dev/x', 'baud': '0x10'}"
expect "\$.places[0].console.baud: expected a whole number" validate edited.json
edit "$good_rack" "d['places'][0]['power'] = {'driver': 'exec', 'on': [], 'off': ['true']}"
expect "\$.places[0].power.on: expected a program and its arguments, found a list of 0" validate edited.json
edit "$good_rack" "d['places'][0]['probe']['adapter_reset'] = ['']"
expect "\$.places[0].probe.adapter_reset[0]: expected a program, found \"\"" validate edited.json
# --firmware: the images of an exploration, and with --board all that a run would look for
right "$grid" --board nrf52840dk --firmware "$OTARIG_BUILD/firmware/good"
right "$explore" --board nrf52840dk --firmware "$OTARIG_BUILD/firmware/good"
expect "nowhere" validate "$explore" --board nrf52840dk --firmware nowhere
edit "$grid" "d['start'] = 'v99'"; right edited.json
expect "\$.start: expected an image of $OTARIG_BUILD/firmware/good/manifest.json, found \"v99\"" validate edited.json --board nrf52840dk --firmware "$OTARIG_BUILD/firmware/good"
# long input takes a time like its length: a square of it would be hours
edit "$grid" "d['steps'] += [{'do': 'sleep', 'ms': 1}] * 200000; d.pop('vary'); d['faults'][0]['trigger']['delay_ms'] = 5"
timeout 120 "$otarig" validate edited.json >out.txt || { echo "WRONG: 200000 steps"; bad=1; }
edit result.json "d['cases'] *= 200000; d['summary'].update(cases=200000, **{'pass': 200000})"
timeout 120 "$otarig" validate edited.json >out.txt || { echo "WRONG: 200000 cases"; bad=1; }
# a rack file that others can write runs nothing
edit "$good_rack" "d.update(virtual=False); d['places'] = d['places'][:1]; d['places'][0]['power'] = {'driver': 'exec', 'on': ['true'], 'off': ['true'], 'get': ['echo', 'on']}"
chmod 666 edited.json
expect "\$.places[0].power.on: this is run: expected a file that belongs to you or to root and that nobody else can write, or --allow-exec" "$otarig" power p1 get --rack edited.json
expect "this is run" run "$good" --rack edited.json
expect "this is run" "$otarig" doctor --rack edited.json
right edited.json
"$otarig" power p1 get --rack edited.json --allow-exec >out.txt 2>err.txt && grep -q '^p1: on$' out.txt || { echo "WRONG: --allow-exec"; cat err.txt; bad=1; }
chmod 644 edited.json
"$otarig" power p1 get --rack edited.json >out.txt 2>err.txt || { echo "WRONG: a rack of one's own"; cat err.txt; bad=1; }
expect "unknown command" "$otarig" frobnicate
# what is printed and does not arrive is an error, in one line; -h is --help
full() {
  "$@" >/dev/full 2>err.txt
  code=$?
  [ $code = 3 ] && [ "$(grep -c . err.txt)" = 1 ] && grep -q '^otarig: standard output: No space left' err.txt ||
    { echo "WRONG: $* >/dev/full: exit $code (3)"; cat err.txt; bad=1; }
}
full "$otarig" --help
full "$otarig" --version
for command in $("$otarig" --help | sed -n 's/^  \([a-z]*\)  .*/\1/p'); do
  full "$otarig" "$command" --help
  [ "$("$otarig" "$command" -h)" = "$("$otarig" "$command" --help)" ] || { echo "WRONG: $command -h"; bad=1; }
done
for list in drivers boards scenarios; do full "$otarig" $list; full "$otarig" $list --json; done
full "$otarig" validate "$good"
"$otarig" validate "$good" >&- 2>err.txt; code=$?
[ $code = 3 ] || { echo "WRONG: validate >&-: exit $code (3)"; bad=1; }
mkdir plain; cp result.json plain
journal=$(find "$OTARIG_SOURCE/tests/golden" -name '*.jsonl' | sort | sed 1q)
"$otarig" judge "$journal" >/dev/full 2>err.txt; code=$?
[ $code != 0 ] && grep -q '^otarig: standard output: No space left' err.txt || { echo "WRONG: judge >/dev/full: exit $code"; bad=1; }
# a reason stands before a usage line
expect "expected no argument, found 'x'" "$otarig" boards x
expect "expected one folder of a run, found 0" "$otarig" report
expect "--format: expected text" "$otarig" report plain --format xml
expect "expected one case, found 2" "$otarig" repro a b
expect "expected at most one place, found 2" "$otarig" doctor --rack "$good_rack" p1 p2
expect "expected --board and --flash, found no --board" "$otarig" boot --flash x
expect "journal" "$otarig" judge nowhere.jsonl
# nothing of a rack file reaches Tcl as code
tcl() { # MEMBERS-OF-THE-PROBE
  python3 -c "
import json
probe = {'driver': 'openocd', 'adapter': 'remote_bitbang'}
$1
json.dump({'schema_version': 1, 'name': 'r', 'places': [{'name': 'p1', 'board': 'nrf52840dk', 'probe': probe}]}, open('tcl.json', 'w'))"
  timeout 60 "$otarig" probe p1 attach --rack tcl.json >out.txt 2>err.txt
  code=$?
  [ $code = 3 ] && [ ! -e pwned ] || { echo "WRONG: probe with $1: exit $code (3)"; ls pwned; cat err.txt; bad=1; }
}
tcl "probe['socket'] = 'p1.bp}; close [open pwned w]; set x {'"
tcl "probe['socket'] = '[close [open pwned w]]'"
tcl "probe.update(adapter='buspirate', socket='x; close [open pwned w]')"
tcl "probe.update(adapter='interface/cmsis-dap.cfg', serial='s}; close [open pwned w]; set x {')"
tcl "probe.update(adapter='interface/cmsis-dap.cfg', transport='swd; close [open pwned w]')"
# names of folders that no report and no socket could carry
expect "expected the name of a folder in UTF-8 without control characters" run "$good" --rack "$good_rack" --out "$(printf 'a\nb')"
expect "expected the name of a folder in UTF-8 without control characters" run "$good" --rack "$good_rack" --out "$(printf 'a\377b')"
expect "characters from the root on, found" run "$good" --rack "$good_rack" --out "$work/$(printf '%0100d' 0)"
[ $bad = 0 ] && echo "every bad input was refused in one line"
exit $bad
