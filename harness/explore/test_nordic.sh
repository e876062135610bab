#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Explores a boot loader that nobody made for this: Nordic's Open Bootloader v1.0.1 for the nRF52840 Dongle, as npm's
# nrf-device-setup ships it, unmodified. It keeps one settings page, erased and written anew, so that power lost in
# between forgets the application; cuts anywhere else do no harm.
# test_nordic.sh OTARIG SOURCE CACHE
set -eu
otarig=$1 here=$2/harness/explore/foreign
command -v arm-none-eabi-gcc >/dev/null && command -v python3 >/dev/null && [ -x "$otarig" ] || exit 77
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
fail() { echo "FAIL: $*"; cat "$out/text"; exit 1; }
python3 -B "$here/nordic.py" "$out" "$3" || exit $?
sed -e 's/BASE/0/' -e 's/BASE/0/' -e 's/LENGTH/0x400/' "$here/foreign.ld" >"$out/ld"
arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -O2 -g -Wall -Werror -ffreestanding -nostdlib -Wl,-n,--no-warn-rwx-segments -T "$out/ld" \
  "$here/mbr.c" -o "$out/mbr.elf"
arm-none-eabi-objcopy -O binary "$out/mbr.elf" "$out/mbr.bin"
got=0
"$otarig" explore "$here/nordic.json" --board "$here/nordic_board.json" --firmware "$out" --depth any --out "$out/report" \
  >"$out/text" 2>&1 || got=$?
[ "$got" = 1 ] || fail "exit $got, not 1"
grep -q 'fixpoint' "$out/text" || fail "no fixpoint"
[ "$(grep -c '^FAIL' "$out/text")" = 1 ] || fail "not one class of failure"
grep -q '^FAIL 1: bricked.*confirmed' "$out/text" || fail "not the failure that is known"
[ "$(grep -c 'window: run 0, .*0x000ff000 to 0x000ff058\|window: run 0, .*0x000ff004 to 0x000ff058' "$out/text")" = 3 ] ||
  fail "not the three windows of the settings page"
sed -n 1,12p "$out/text"
echo ok
