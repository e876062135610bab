#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A budget and an interrupt end an exploration within a boot, too, with what was found by then: test_budget.sh OTARIG SOURCE
# How long that takes is not asked; whoever does not end is ended after two minutes.
set -eu
otarig=$1 here=$2/harness/explore/foreign
command -v arm-none-eabi-gcc >/dev/null && [ -x "$otarig" ] || exit 77
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
fail() { echo "FAIL: $*"; cat "$out/text"; exit 1; }
sed -e "s/BASE/0x0/" -e "s/BASE/0x0/" -e "s/LENGTH/0x400/" "$here/foreign.ld" >"$out/ld"
for which in ENDLESS LATER; do
  mkdir "$out/$which"
  arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -O1 -g -Wall -Werror -ffreestanding -nostdlib -Wl,-n,--no-warn-rwx-segments \
    -T "$out/ld" -D"$which" "$here/slow.c" -o "$out/$which/boot.elf"
  sed -e 's/"total_ms": [0-9]*/"total_ms": 80000000/' -e 's/"quiet_ms": [0-9]*/"quiet_ms": 80000000/' -e 's/"name": "reads"/"name": "slow"/' \
    "$here/reads.json" >"$out/$which/scenario.json"
done
explore() { # FIRMWARE OPTION... -> exit code
  which=$1 got=0
  shift
  timeout 120 "$otarig" explore "$out/$which/scenario.json" --board "$here/small_board.json" --firmware "$out/$which" --jobs 2 "$@" \
    >"$out/text" 2>&1 || got=$?
  echo "$got"
}
# Interrupts it as soon as it has come that far; whoever asks in vain is ended from outside.
interrupt() { # FIRMWARE HOW_FAR -> exit code
  got=0
  rm -rf "$out/out"
  "$otarig" explore "$out/$1/scenario.json" --board "$here/small_board.json" --firmware "$out/$1" --jobs 2 --out "$out/out" >"$out/text" 2>&1 &
  pid=$!
  until $2; do kill -0 $pid 2>/dev/null || break; done
  kill -INT $pid 2>/dev/null || true
  wait $pid || got=$?
  echo "$got"
}
hears() { grep -q '^SigCgt:.*[2367abefABEF]$' /proc/$pid/status 2>/dev/null; } # interrupts, from where it begins on
has_booted() { [ "$(stat -c %s "$out/out/checkpoint" 2>/dev/null || echo 0)" -gt 100 ]; } # a head, and what came of the boot without a cut
# A budget that is over when the boot without a cut was: how long that takes, only this computer knows.
explore_past_root() { # FIRMWARE OPTION... -> exit code
  for budget in 1 2 4 8 16 32; do
    got=$(explore "$@" --budget $budget)
    grep -q 'before the boot without a cut was over' "$out/text" || break
  done
  echo "$got"
}
for how in none meet merge; do
  [ "$(explore ENDLESS --share $how --budget 1s)" = 4 ] || fail "budget in the boot without a cut, $how"
  grep -q 'the time budget was used up before the boot without a cut was over' "$out/text" || fail "what the budget ended, $how"
  [ "$(explore_past_root LATER --share $how)" = 4 ] || fail "budget in a later boot, $how"
  grep -q 'bounded by time budget' "$out/text" && grep -q '^INCONCLUSIVE: [0-9]* more states were found' "$out/text" || fail "what was found, $how"
  ! grep -q 'run again un-pruned' "$out/text" || fail "a sample that was not finished counts as one that differs, $how"
done
[ "$(interrupt ENDLESS hears)" = 130 ] || fail "interrupted in the boot without a cut"
grep -q 'interrupted before the boot without a cut was over' "$out/text" || fail "what was interrupted"
[ "$(interrupt LATER has_booted)" = 130 ] || fail "interrupted in a later boot"
grep -q 'bounded by interruption' "$out/text" || fail "what was found by then"
# the self-test: more samples than the time is for; what was found stands
[ "$(explore_past_root LATER --depth 1 --json)" = 4 ] || fail "budget, depth 1"
python3 - "$out/text" <<'P' || fail "explore.json"
import json, sys
tree = json.load(open(sys.argv[1]))
assert tree["coverage"]["bounded_by"] == "time budget" and tree["summary"]["states"] >= 1, tree["coverage"]
P
echo ok
