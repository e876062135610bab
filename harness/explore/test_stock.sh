#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Explores a boot loader with MCUboot's habits, and a defect of it: test_stock.sh OTARIG FIRMWARE SOURCE
# Software SHA-256 over both slots, a polled UART and 15,400 operations make its states dear: one cut deep.
set -eu
otarig=$1 firmware=$2/stock source=$3
[ -x "$otarig" ] && [ -f "$firmware/good/manifest.json" ] || exit 77
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
fail() { echo "FAIL: $*"; exit 1; }
# explore SCENARIO VARIANT EXPECTED_EXIT OPTION...
explore() {
  scenario=$1 variant=$2 expected=$3 got=0
  shift 3
  "$otarig" explore "$source/scenarios/explore/$scenario.json" --board "$source/boards/stock.json" \
    --firmware "$firmware/$variant" --alphabet reduced --depth 1 --out "$out/$variant" "$@" >"$out/text" 2>&1 || got=$?
  [ "$got" = "$expected" ] || { cat "$out/text"; fail "$scenario, $variant: exit $got, not $expected"; }
}
has() { grep -q "$2" "$out/$1/explore.json" || fail "$1: no $2"; }

explore stock-upgrade good 0
grep -q '^stock-upgrade: 154[0-9][0-9] operations' "$out/text" || { cat "$out/text"; fail "another number of operations"; }
rm -r "$out/good"
explore stock-revert good 0
explore stock-revert revert-lost-when-cut 1
has revert-lost-when-cut '"class":.*"no-rollback"'
has revert-lost-when-cut '"caller_line":.*stock/swap.c'
# the page: what is written where, in whose code a cut fails, what the trailers said
page() { grep -q "$1" "$out/revert-lost-when-cut/index.html" || fail "the page lacks $1"; }
page '<tr><td>slot0<td>[1-9][0-9]*<td>[1-9][0-9]*<td>'
page 'Where a cut leads to it:'
page 'MCUboot trailer<td>magic good, .*copy_done set'
