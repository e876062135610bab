#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Explores Nordic's secure boot loader of SDK 14 for the nRF52832 (debug build, over Bluetooth with bonds), as npm's pc-nrf-dfu-js
# ships it, unmodified. Two defects: its page of settings is erased and written in place, and with it goes the bond, without which
# it resets for ever; and a copy that was cut between its last progress mark and the mark of a valid application is never taken up
# again, as nothing is left to be copied.
# test_secure_dfu.sh OTARIG SOURCE CACHE
set -eu
otarig=$1 here=$2/harness/explore/foreign cache=$3 program=secure_dfu
. "$here/explore.sh"
explore secure_dfu secure_dfu_board 1 3353 --alphabet reduced
[ "$(grep -c '^FAIL' "$out/text")" = 2 ] || fail "not two classes of failure"
grep -q '^FAIL 1: not-converging: .*ended by: resets (.*confirmed by real cuts' "$out/text" || fail "the bond is not lost"
grep -q '^FAIL 2: bricked: .*ended by: quiet (.*confirmed by real cuts' "$out/text" || fail "the copy is taken up again"
grep -q 'window: run 0, operations 3153 to 3154 (0x0007f1b4 to 0x0007f000)' "$out/text" || fail "not between the two marks"
# one of them leaves what another one does: the windows are five, the states in which the bond is lost three
[ "$(grep -c 'window: run 0, .* (0x0007f[01][0-9a-f]* to 0x0007f000)' "$out/text")" = 5 ] || fail "not five windows in the settings"
echo ok
