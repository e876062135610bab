#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What an exploration may claim, on boot loaders of a few instructions: test_tiny.sh OTARIG SOURCE
set -eu
otarig=$1 here=$2/harness/explore/foreign
command -v arm-none-eabi-gcc >/dev/null && [ -x "$otarig" ] || exit 77
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
fail() { echo "FAIL: $*"; cat "$out/text"; exit 1; }
cc() { # OUT BASE SOURCE OPTION...
  sed -e "s/BASE/$2/" -e "s/BASE/$2/" -e "s/LENGTH/0x100/" "$here/foreign.ld" >"$out/ld"
  to=$1 from=$3
  shift 3
  arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -O2 -g -Wall -Werror -ffreestanding -nostdlib -Wl,-n,--no-warn-rwx-segments \
    -T "$out/ld" "$@" "$here/$from" -o "$out/$to.elf"
  arm-none-eabi-objcopy -O binary "$out/$to.elf" "$out/$to.bin"
}
echo '{"schema_version": 1, "name": "tiny", "chip": "nrf52840"}' >"$out/board.json"
scenario() { # NAME BOOT APP END CONTRACT [MORE]
  cat >"$out/$1.json" <<JSON
{"schema_version": 1, "kind": "explore", "name": "$1", "regions": {"slot0": {"address": "0x8000", "size": "0x1000"}},
 "images": {"boot": {"file": "$2.elf"}, "v1": {"file": "$3.bin"}, "v2": {"file": "app2.bin"}},
 "prepare": [{"image": "boot"}, {"image": "v1", "at": "slot0"}, {"image": "v2", "at": "0xC000"}],
 "end": {$4"quiet_ms": 1000, "total_ms": 20000, "resets": 4}, "contract": [$5]${6:-}}
JSON
}
explore() { # NAME EXPECTED OPTION...
  name=$1 expected=$2 got=0
  shift 2
  "$otarig" explore "$out/$name.json" --board "$out/board.json" --out "$out/$name" "$@" >"$out/text" 2>&1 || got=$?
  [ "$got" = "$expected" ] || fail "$name: exit $got, not $expected"
}
says() { grep -q -- "$1" "$out/text" || fail "$name does not say: $1"; }
for version in 1 2; do cc app$version 0x8000 tiny_app.c -DVERSION=$version; done
for what in MILD_THEN_DEAD GOES_ROUND SPINS ONE_PLACE HANGS_COLD COUNTS ONE_REGISTER; do cc $what 0 tiny.c -D$what; done
exec='"exec": ["slot0"], ' runs='{"executes": "slot0"}'

# both applications run in one place: none of the old one's code may run on when the new one is there, and the old
# one's defect shows in the one state that a cut in its request leaves
scenario one-place ONE_PLACE app1 "" '{"word": "0x13000", "value": 2}'
for prune in "" --no-prune; do
  explore one-place 1 $prune
  says 'FAIL 1: contract: .*(1 states'
  says 'power cut before operation 1, word 0x00010004'
done

# behind a mild failure there is a worse one
scenario mild MILD_THEN_DEAD app2 "$exec" "$runs"', {"word": "0x11000", "value": "0xffffffff"}'
explore mild 1
says 'FAIL 1: contract'
says 'FAIL 2: bricked'
says '1 states in which the device is out of reach were not cut further\|2 states in which'

# going round for ever has one class, pruned or not, and is confirmed; flash alone would not tell
scenario round GOES_ROUND app2 "$exec" '{"word": "0x11000", "value": "0xffffffff"}'
for prune in "" --no-prune; do
  explore round 1 $prune
  says 'FAIL 1: not-converging: not so: each boot comes to an end'
  says 'confirmed by real cuts'
done

# a core that spins costs no quiet time: an hour of it would never end otherwise
scenario spins SPINS app2 "$exec" "$runs"
sed -i 's/"quiet_ms": 1000, "total_ms": 20000/"quiet_ms": 3600000, "total_ms": 86400000/' "$out/spins.json"
explore spins 1
says 'FAIL 1: bricked: .*ended by: quiet'
grep -q '"states_per_s"' "$out/spins/explore.json" || fail "no report"

# a clock that runs on is no part of what counts, unless somebody looks at it
field() { sed -n "s/.*\"$2\":[^0-9]*\([0-9]*\).*/\1/p" "$out/$1/explore.json" | head -n 1; }
for clock in CLOCK CLOCK_TIMER; do
  cc clock 0 tiny.c -DCLOCK=1 -D$clock=1
  scenario $clock clock app2 "$exec" "$runs"
  explore $clock 0
  [ "$(field $clock ran_to_end)" -lt 40 ] || fail "$clock: $(field $clock ran_to_end) runs to their end"
  cc late 0 tiny.c -DCLOCK=1 -DCLOCK_LATE -D$clock=1
  scenario late-$clock late app2 "$exec" "$runs"
  explore late-$clock 1
  says 'confirmed by real cuts'
  bad=$(field late-$clock bad_states)
  explore late-$clock 1 --no-prune
  [ "$(field late-$clock bad_states)" = "$bad" ] || fail "late: pruning changes what fails: $bad, $(field late-$clock bad_states)"
done

# what a real core faults on and the twin does not is no pass; what both forgive is
for what in WORDS PAIR TRAP DIVIDE FLOAT LOAD DEVICE NOTHING; do
  cc $what 0 tiny.c -DFORGIVEN=$what
  scenario forgiven-$what $what app2 "$exec" "$runs"
  if [ $what = NOTHING ]; then
    explore forgiven-$what 0
  else
    explore forgiven-$what 4
    says 'INCONCLUSIVE: the code at 0x[0-9a-f]* (start, .*tiny.c:[0-9]*) .*: a real core faults there, the twin does not'
    grep -q '"what":.*[a-z]' "$out/forgiven-$what/explore.json" || fail "$what: not in the report"
    head -c 1048576 /dev/zero | tr '\0' '\377' >"$out/dump"
    dd if="$out/$what.bin" of="$out/dump" conv=notrunc 2>"$out/text"
    "$otarig" boot --flash "$out/dump" --board nrf52840 --time 100 >"$out/text" || fail "boot $what"
    says '^note: the code at 0x[0-9a-f]* .*: a real core faults there'
  fi
done

# a watchdog outside that acts in every boot takes no reset away that comes after it
scenario cold HANGS_COLD app2 "$exec" '{"word": "0x1000C", "value": 3}' ', "watchdog": {"timeout_ms": 100}'
explore cold 0
for prune in "" --no-prune; do
  explore cold 1 --resets $prune
  says 'boot 0: reset, RAM kept, before operation 1,'
  says 'window: run 0, operations 1 to 3 .*'
  says 'confirmed by real cuts'
done

# nothing to cut, or not all that was found booted: no pass, in no report
scenario nothing SPINS app2 "$exec" "$runs" ', "cuts": {"from": "never said"}'
explore nothing 4
says 'INCONCLUSIVE: the boot without a cut has no flash operation'
grep -q 'errors="1"' "$out/nothing/junit.xml" || fail "nothing: junit"
grep -q 'PASS' "$out/nothing/index.html" && fail "nothing: html says pass"
scenario bounded ONE_PLACE app1 "" '{"stable": 1}'
sed -i 's/"contract": .*/"contract": [{"word": "0x11000", "value": "0xffffffff"}]}/' "$out/bounded.json"
explore bounded 4 --states 3
says '^bounded: .* 3 states, .* bounded by number of states'
says 'INCONCLUSIVE: [1-9][0-9]* more states were found, but not booted'
grep -q '"states_not_judged":.*[1-9]' "$out/bounded/explore.json" || fail "bounded: all judged"
explore bounded 0
says 'PASS'
grep -q '"resumed_states":.*[1-9]' "$out/bounded/explore.json" || fail "bounded: did not go on from where it was"

# each boot leaves something new: no pass for as many cuts as it takes, one for as many as were asked for
scenario counts COUNTS app2 "$exec" "$runs"
explore counts 4
says 'INCONCLUSIVE: 255 cuts in a row still leave something new'
grep -q 'errors="1"' "$out/counts/junit.xml" || fail "counts: junit"
explore counts 0 --depth 20
says '21 states, 20 cuts deep, bounded by depth'
# states that are merged are no deeper than any others
explore counts 4 --share merge-all
says '256 states, 255 cuts deep, bounded by depth'
says 'INCONCLUSIVE: 255 cuts in a row still leave something new'
cc anew 0 tiny.c -DCOUNTS -DANEW
scenario anew anew app2 "$exec" "$runs"
for share in reads merge; do
  explore anew 4 --torn --share $share
  says ' 255 cuts deep, bounded by depth'
  says 'INCONCLUSIVE: 255 cuts in a row still leave something new'
  grep -o '^anew: 1 operations, [0-9]* states' "$out/text" >"$out/anew-$share"
done
cmp "$out/anew-reads" "$out/anew-merge" || fail "anew: merged, there are other states"

# a dump from the field, on the twin: what it does, what it leaves, and on from there
head -c 1048576 /dev/zero | tr '\0' '\377' >"$out/dump.bin"
dd if="$out/SPINS.bin" of="$out/dump.bin" conv=notrunc 2>/dev/null
dd if="$out/app2.bin" of="$out/dump.bin" bs=1 seek=$((0x8000)) conv=notrunc 2>/dev/null
boot() { # EXPECTED OPTION...
  expected=$1 got=0
  shift
  "$otarig" boot --board "$out/board.json" "$@" >"$out/text" 2>&1 || got=$?
  [ "$got" = "$expected" ] || fail "boot: exit $got, not $expected"
}
boot 0 --flash "$out/dump.bin" --boots 2 --trace --time 100 --save "$out/after.bin"
says '0: 0x00010000: 0xffffffff to 0x00000000, pc 0x'
says 'power cycle 2: console'
says 'ended by: sleep after .* ms, 1 flash operations, 0 resets'
boot 0 --flash "$out/after.bin" --trace
says '0: 0x00013000: 0x00000002 to 0x00000002'
dd if="$out/ONE_REGISTER.bin" of="$out/dump.bin" conv=notrunc 2>/dev/null
boot 0 --flash "$out/dump.bin" --trace
for store in 0x00010000:first 0x00010004:second; do
  says "${store%:*}: .* pc 0x$(arm-none-eabi-nm "$out/ONE_REGISTER.elf" | grep " ${store#*:}_store" | cut -d' ' -f1)"
done
boot 2 --flash "$out/app2.bin"
says 'app2.bin: expected 1048576 bytes'

# clauses that could not fail
refused() { # CONTRACT MORE PATH
  scenario bad SPINS app2 "$exec" "$1" "$2"
  explore bad 2
  says "bad.json: $3"
}
echo '{"schema_version": 1, "name": "tiny", "chip": "nrf52840", "wathces": {}}' >"$out/typo.json"
got=0
"$otarig" explore "$out/bounded.json" --board "$out/typo.json" >"$out/text" 2>&1 || got=$?
{ [ $got = 2 ] && grep -q "typo.json: .*'wathces'.*watches" "$out/text"; } || fail "a typo in a board: exit $got"
refused "$runs, {\"stable\": 0}" "" '\$.contract\[1\].stable: expected a whole number from 1'
refused "$runs" ', "then": [{"boots": 0, "contract": [{"seen": "x"}]}]' '\$.then\[0\].contract\[0\]: expected "boots" of at least 1'
echo ok
