#!/bin/sh
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
  timeout 120 "$build/bin/otarig" "$@" --rack "$rack" >"$work/log" 2>&1
  code=$?
  { [ $code = "$wanted" ] && grep -q -- "$pattern" "$work/log"; } || { echo "WRONG: otarig $*: exit $code"; cat "$work/log"; bad=1; }
}
rack=$here/boards/racks/virtual-6.json
expect 0 '^p6 *probe *openocd *ok$' doctor
[ "$(grep -c ' ok$' "$work/log")" = 18 ] || { echo "WRONG: doctor looks at 18 devices"; cat "$work/log"; bad=1; }
expect 0 '^p3 *probe *openocd *ok$' doctor p3
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
rack=$here/boards/racks/nrf52840dk-desk.json
expect 3 'device not found' doctor
expect 3 'device not found' power desk on
exit $bad
