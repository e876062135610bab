#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# doctor, power, probe, flash: what a developer does by hand, on the virtual rack and on one that is not there.
set -u
build=${OTARIG_BUILD:?}
here=${OTARIG_SOURCE:?}
work=$(mktemp -d "${TMPDIR:-/tmp}/otarig-hand.XXXXXX")
trap 'rm -rf "$work"' EXIT
TMPDIR=$work
export TMPDIR
bad=0
# expect CODE PATTERN ARGUMENT...
expect() {
  wanted=$1
  pattern=$2
  shift 2
  timeout 1200 "$build/bin/otarig" "$@" --rack "$rack" >"$work/log" 2>&1
  code=$?
  { [ $code = "$wanted" ] && grep -q -- "$pattern" "$work/log"; } || { echo "WRONG: otarig $*: exit $code"; cat "$work/log"; bad=1; }
}
rack=$here/boards/racks/virtual-6.json
expect 0 '^p6 *probe *openocd *ok$' doctor
[ "$(grep -c ' ok$' "$work/log")" = 18 ] || { echo "WRONG: doctor looks at 18 devices"; cat "$work/log"; bad=1; }
expect 0 '^p3 *probe *openocd *ok$' doctor p3
grep -q '^p3 *update *smp *no answer from the board' "$work/log" || { echo "WRONG: a blank board answers nothing"; bad=1; }
grep -q '^image *mark, update, storage' "$work/log" || { echo "WRONG: doctor tells what is known of the board"; bad=1; }
expect 0 '^p1: on, read back$' power p1 cycle
expect 0 '^p1: off$' power p1 get
expect 2 "expected on, off, cycle or get, found 'up'" power p1 up
expect 2 "no place 'p9'" power p9 on
expect 0 '^p2: v2 at 0x10000' flash p2 v2
expect 2 "no image 'v77'" flash p2 v77
expect 0 '^4028050030444141$' probe p1 read 0x10000100 8
expect 0 '^ok$' probe p1 dump 0 4096 "$work/dump.bin"
[ "$(wc -c <"$work/dump.bin")" = 4096 ] || { echo "WRONG: a dump of 4096 bytes"; bad=1; }
expect 0 '^ok$' probe p1 program 0x20000 "$build/firmware/good/v1.bin"
expect 3 'verify' probe p1 verify 0x20000 "$build/firmware/good/v1.bin"
expect 2 "unknown verb 'fly'" probe p1 fly
expect 2 'expected 2 arguments, found 1' probe p1 read 0
[ -z "$(ls -d "$work"/otarig-rack.* 2>/dev/null)" ] || { echo "WRONG: folders of racks stay"; bad=1; }
# ended from outside, it leaves nothing behind
"$build/bin/otarig" console p1 --rack "$rack" >"$work/log" 2>&1 </dev/null &
hand=$!
until grep -q 'virtual rack at' "$work/log" || ! kill -0 $hand 2>/dev/null; do sleep 0.1; done
kill -TERM $hand
wait $hand
[ $? = 130 ] || { echo "WRONG: a console ended by SIGTERM"; cat "$work/log"; bad=1; }
[ -z "$(ls -d "$work"/otarig-rack.* 2>/dev/null)" ] || { echo "WRONG: the folder of a rack stays after SIGTERM"; bad=1; }
# doctor for programs
"$build/bin/otarig" doctor p1 --rack "$rack" --json 2>/dev/null | grep -c '"ok":.*true' >"$work/log"
[ "$(cat "$work/log")" = 3 ] || { echo "WRONG: doctor --json says ok for three devices"; bad=1; }

# a switch that is a program writes down every call; the console behind it is dead
rack=$work/switch.json
cat >"$rack" <<JSON
{"schema_version": 1, "name": "switch", "places": [{"name": "a", "board": "nrf52840dk",
 "power": {"driver": "exec", "on": ["/bin/sh", "-c", "echo on >>$work/calls"], "off": ["/bin/sh", "-c", "echo off >>$work/calls"]},
 "console": {"driver": "stream", "tcp": "127.0.0.1:9"}, "probe": {"driver": "openocd", "adapter": "remote_bitbang", "socket": "$work/none"}}]}
JSON
# calls EXPECTED: since the last look
calls() {
  [ "$(cat "$work/calls" 2>/dev/null | tr "\n" " ")" = "$1" ] || { echo "WRONG: the switch was told '$(cat "$work/calls")', expected '$1'"; bad=1; }
  rm -f "$work/calls"
}
expect 0 '^a: on$' power a on
calls 'on '
expect 0 '^a: off$' power a cycle
calls 'off on '
expect 3 'console' console a --power
calls ''
# bad input touches nothing
for words in 'power a xx' 'power a' 'power a on off' 'power a on --loud' 'probe a fly' 'probe a read zz 4' 'probe a read 0x0 99999999999' \
  'probe a read -4 4' 'probe a read 010x 4' 'probe a read 0 0' 'probe a read 0xfffffffe 4' 'probe a write 2 1' 'probe a write 0' \
  'probe a program 0 /nowhere/x.bin' 'probe a dump 0 4 /nowhere/x.bin' 'flash a nope' 'flash a v1 /nowhere' 'flash a v1 . x' 'console a loud'; do
  expect 2 '^otarig' $words
  [ "$(grep -c . "$work/log")" = 1 ] || { echo "WRONG: more than one line: $words"; cat "$work/log"; bad=1; }
  calls ''
done
# a board file whose initial image has no address is refused, before the board is erased
sed 's/"bootloader": {"address": "0x0"}/"bootloader": {}/' "$here/boards/nrf52840dk.json" >"$work/blank.json"
sed -i "s,\"nrf52840dk\",\"$work/blank.json\"," "$rack"
expect 2 'initial\[0\]: expected an image that has an address' flash a
calls ''
rack=$here/boards/racks/virtual-6.json
expect 2 "no image 'v77'" flash p2 v77
grep -q 'virtual rack' "$work/log" && { echo "WRONG: a rack is started for bad input"; bad=1; }
rack=$here/boards/racks/nrf52840dk-desk.json
expect 3 'device not found' doctor
expect 3 'device not found' power desk on
exit $bad
