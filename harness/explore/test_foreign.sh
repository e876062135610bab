#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Explores a boot loader that is not ours, on another chip; a defect that only resets with RAM kept show:
# test_foreign.sh OTARIG SOURCE
set -eu
otarig=$1 here=$2/harness/explore/foreign
command -v arm-none-eabi-gcc >/dev/null && [ -x "$otarig" ] || exit 77
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
fail() { echo "FAIL: $*"; exit 1; }
cc() { # OUT BASE LENGTH SOURCE OPTION...
  sed -e "s/BASE/$2/" -e "s/BASE/$2/" -e "s/LENGTH/$3/" "$here/foreign.ld" >"$out/ld"
  to=$1 from=$4
  shift 4
  arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -O2 -g -Wall -Werror -ffreestanding -nostdlib -Wl,-n,--no-warn-rwx-segments \
    -T "$out/ld" "$@" "$here/$from" -o "$out/$to.elf"
  arm-none-eabi-objcopy -O binary "$out/$to.elf" "$out/$to.bin"
}
mkdir "$out/good" "$out/bad"
for version in 1 2; do
  cc v$version 0x08008000 0x100 app.c -DVERSION=$version
  cp "$out/v$version.bin" "$out/good"
  cp "$out/v$version.bin" "$out/bad"
done
cc good/boot 0x08000000 0x400 copy_stm32.c
cc bad/boot 0x08000000 0x400 copy_stm32.c -DCOPIED_IN_RAM

explore() { # NAME FIRMWARE EXPECTED OPTION...
  name=$1 firmware=$2 expected=$3 got=0
  shift 3
  "$otarig" explore "$here/copy.json" --board "$here/board.json" --firmware "$out/$firmware" --depth any --out "$out/$name" \
    "$@" >"$out/$name.txt" 2>&1 || got=$?
  [ "$got" = "$expected" ] || { cat "$out/$name.txt"; fail "$name: exit $got, not $expected"; }
  grep -q 'fixpoint' "$out/$name.txt" || { cat "$out/$name.txt"; fail "$name: no fixpoint"; }
}
explore good good 0 --torn --resets
explore bad-cuts bad 0 --torn
explore bad-resets bad 1 --resets
grep -q '"kind":.*"reset"' "$out/bad-resets/explore.json" || fail "no reset in the finding"
grep -q '"confirmed":.*true' "$out/bad-resets/explore.json" || fail "not confirmed"
# nothing is pruned: more runs that are hit by a reset, each by a name of its own, but the same failures
explore bad-whole bad 1 --resets --no-prune
failures() { grep -E '"(class|boot|operation|kind|address|symbol)":' "$out/$1/explore.json"; }
[ "$(failures bad-resets)" = "$(failures bad-whole)" ] || fail "pruning changes the result"
grep -q 'window: run 0, operations 3 to 64 ' "$out/bad-resets.txt" || { cat "$out/bad-resets.txt"; fail "not one window"; }

# a bit that flips while the power is off: this boot loader keeps its flag once, without a check
explore rot good 1 --rot 16
grep -q 'before boot 0: bit [0-9]* of word 0x0800400[04] in state flips' "$out/rot.txt" || { cat "$out/rot.txt"; fail "rot: not the flag"; }
grep -q '"kind":.*"rot"' "$out/rot/explore.json" || fail "no rot in the finding"
grep -q '"confirmed":.*false' "$out/rot/explore.json" && fail "rot: not confirmed"
explore rot-whole good 1 --rot 16 --no-prune
[ "$(failures rot)" = "$(failures rot-whole)" ] || fail "pruning changes what rot does"
sed '/"cuts"/d' "$here/copy.json" >"$out/nowhere.json"
"$otarig" explore "$out/nowhere.json" --board "$here/board.json" --firmware "$out/good" --rot 1 2>"$out/errors" && fail "rot without a region"
grep -q 'nowhere.json: \$.cuts: expected "rot" or "trailers"' "$out/errors" || { cat "$out/errors"; fail "the reason"; }

# a watchdog outside of the chip: a boot loader that hangs comes out of it, one that is slow must feed it
sed 's/"end":/"watchdog": {"timeout_ms": 1000, "pin": 0},\n  "end":/' "$here/copy.json" >"$out/watched.json"
watched() { # NAME EXPECTED SCENARIO DEFINE...
  name=$1 expected=$2 scenario=$3 got=0
  shift 3
  mkdir "$out/$name"
  cp "$out"/v?.bin "$out/$name"
  cc "$name/boot" 0x08000000 0x400 copy_stm32.c "$@"
  "$otarig" explore "$scenario" --board "$here/board.json" --firmware "$out/$name" --alphabet reduced --depth any >"$out/text" 2>&1 || got=$?
  [ "$got" = "$expected" ] || { cat "$out/text"; fail "$name: exit $got, not $expected"; }
}
watched hangs-alone 1 "$here/copy.json" -DHANGS
watched hangs 0 "$out/watched.json" -DHANGS
watched slow 1 "$out/watched.json" -DSLOW
grep -q 'ended by: resets' "$out/text" || { cat "$out/text"; fail "slow: not by the watchdog"; }
watched slow-feeds 0 "$out/watched.json" -DSLOW -DFEEDS

# a long sequence, cuts by time and by operation among it: only the reset counts
cat >"$out/long.json" <<'TEXT'
{"schema_version": 1, "kind": "sequence", "cuts": [
  {"after_ms": 3}, {"operation": 7}, {"after_ms": 250.5}, {"operation": 30, "model": "one-bit"}, {"after_ms": 0},
  {"operation": 0, "model": "first-half"}, {"operation": 20, "model": "reset"}
]}
TEXT
shrink() { # FIRMWARE SEQUENCE EXPECTED OPTION...
  firmware=$1 sequence=$2 expected=$3 got=0
  shift 3
  "$otarig" explore "$here/copy.json" --board "$here/board.json" --firmware "$out/$firmware" --shrink "$sequence" "$@" >"$out/shrunk"     2>"$out/errors" || got=$?
  [ "$got" = "$expected" ] || { cat "$out/shrunk" "$out/errors"; fail "shrink: exit $got, not $expected"; }
}
shrink bad "$out/long.json" 1
grep -q '^1 of 7 cuts are needed' "$out/shrunk" || { cat "$out/shrunk"; fail "not shrunk to one"; }
shrink bad "$out/long.json" 1 --json
cp "$out/shrunk" "$out/short.json"
grep -q '"model":.*"reset"' "$out/short.json" || { cat "$out/short.json"; fail "not to the reset"; }
shrink bad "$out/short.json" 1
grep -q '^1 of 1 cuts' "$out/shrunk" || fail "the short one does not fail"
shrink good "$out/long.json" 0
grep -q 'nothing to shrink' "$out/errors" || fail "a good one fails"
refuse() { # CUT WHAT: cuts[1] is refused with it
  echo "{\"schema_version\": 1, \"kind\": \"sequence\", \"cuts\": [{\"operation\": 1}, $1]}" >"$out/wrong.json"
  shrink bad "$out/wrong.json" 2
  [ "$(wc -l <"$out/errors")" = 1 ] && grep -q "cuts\[1\].*$2" "$out/errors" || { cat "$out/errors"; fail "refusal of $1"; }
}
refuse '{}' 'either operation or after_ms'
refuse '{"operation": 1, "after_ms": 2}' 'either operation or after_ms'
refuse '{"operation": -1}' 'operation'
refuse '{"after_ms": 3, "model": "reset"}' 'reset'
refuse '{"operation": 3, "model": "rust"}' 'model'
refuse '{"operation": 3, "modell": "reset"}' 'modell'
refuse '7' 'object'
echo '{"schema_version": 1, "kind": "sequence", "cuts": [{"operation": 2, "model": "reset"}, {"operation": 3, "model": "reset"}]}' >"$out/two.json"
shrink bad "$out/two.json" 2
grep -q 'cuts\[1\].*between two resets' "$out/errors" || { cat "$out/errors"; fail "two resets in a power cycle"; }
# images beside the scenario come before the demo's, whose names they may share
cp "$here/copy.json" "$out/good"
"$otarig" explore "$out/good/copy.json" --board "$here/board.json" --alphabet reduced >"$out/text" 2>&1 || { cat "$out/text"; fail "beside the scenario"; }
echo ok
