#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Explores the boot loaders of both BBC micro:bits, with their master boot records and SoftDevices, as npm's pxt-microbit (MakeCode)
# ships them, unmodified. Updates of the application, the boot loader and the SoftDevice survive every clean cut; that of a boot
# loader does not survive one that tears the erase of the page of parameters, nor the first boot of a new V2 one that tears a word
# in the page of the master boot record.
# test_makecode.sh OTARIG SOURCE CACHE
set -eu
otarig=$1 here=$2/harness/explore/foreign cache=$3 program=makecode
. "$here/explore.sh"
explore microbit_v2_app microbit_v2_board 0 4169
explore microbit_v2_app microbit_v2_board 0 4169 --alphabet reduced --torn
explore microbit_v2_bootloader microbit_v2_board 1 7103 --alphabet reduced --torn
found bricked '0x0007e000 to 0x0007e000'
explore microbit_v2_softdevice microbit_v2_board 0 28575 --alphabet reduced
explore microbit_v1_bootloader microbit_board 1 3636 --alphabet reduced --torn
found not-converging '0x0003fc00 to 0x0003fc00'
explore microbit_v2_first microbit_v2_board 0 4173 --alphabet reduced
explore microbit_v2_first microbit_v2_board 1 4173 --alphabet reduced --torn
found 'not-converging wrong-version' '(0x00000ff[8c] to 0x00000ff[8c])'
# the same by real cuts: the address of the boot loader lies in UICR
if [ -x "${otarig%/*}/otarig-rack" ]; then
  got=0
  "$otarig" repro microbit_v2_first-f1 --run "$out/microbit_v2_first" >"$out/text" 2>&1 || got=$?
  [ "$got" = 1 ] || fail "repro: exit $got, not 1"
  grep -q '^agrees microbit_v2_first-f1: ' "$out/text" || fail "repro: it does not agree"
fi
echo ok
