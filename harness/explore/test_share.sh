#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What is shared and merged is held against an exploration that does neither, windows by real cuts: test_share.sh OTARIG CONTROL SOURCE
set -eu
otarig=$1 control=$2 here=$3/harness/explore/foreign
command -v arm-none-eabi-gcc >/dev/null && [ -x "$otarig" ] || exit 77
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
fail() { echo "FAIL: $*" >&2; cat "$out/text" >&2; exit 1; }
sed -e "s/BASE/0x0/" -e "s/BASE/0x0/" -e "s/LENGTH/0x400/" "$here/foreign.ld" >"$out/ld"
build() { # NAME SOURCE OPTION PREPARE CONTRACT
  mkdir -p "$out/$1"
  arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -O1 -g -Wall -Werror -ffreestanding -nostdlib -Wl,-n,--no-warn-rwx-segments \
    -T "$out/ld" "$3" "$here/$2.c" -o "$out/$1/boot.elf"
  sed -e "s|\"comment\": \"the application: it hangs\"}|&$4|" -e "s|{\"word\": \"0x11000\", \"value\": \"0xFFFFFFFF\"}|$5|" \
    "$here/reads.json" >"$out/$1/scenario.json"
}
hold() { # NAME TORN HOW...: all of them are right
  name=$1
  shift
  "$control" "$out/$name/scenario.json" "$here/small_board.json" "$out/$name" "$@" >"$out/text" 2>&1 || fail "$name $*"
  [ -z "${VERBOSE:-}" ] || { echo "$name $*"; cat "$out/text"; }
}
spoilt='{"word": "0x11000", "value": "0xFFFFFFFF"}'

# what each run reads, and what only judging or a boot behind one more cut does
for which in LOADS WRITES PARTS DEEP; do build $which reads -D$which '' "$spoilt"; done
build CODE reads -DCODE ', {"bytes": "07207047", "at": "0x12004"}' "$spoilt"
build BUS reads -DBUS ', {"bytes": "4241440a", "at": "0x12004"}' '{"never": "BAD"}'
build OWN merge -DOWN '' "$spoilt"
build JUDGED merge -DJUDGED '' '{"one_of": [[{"word": "0x12004", "value": "0xFFFFFFFF"}], [{"word": "0x12004", "value": "0xFFFF0000"}]]}'
for which in LOADS WRITES PARTS DEEP CODE BUS OWN JUDGED; do
  hold $which 0 reads meet merge-all
  hold $which 1 reads meet merge merge-all
done

# what is learnt late: which verdict another representative has, what counts only after a torn cut, one word after the other
set=''
for page in 0x12004 0x13004 0x14004 0x15000; do set="$set, {\"words\": [0], \"at\": \"$page\"}"; done
build STALE share -DSTALE "$set" '{"word": "0x12004", "value": 0}'
build TEARS share -DTEARS "$set" "$spoilt"
build CHAIN share -DCHAIN "$set" '{"executes": {"address": "0x8000", "size": "0x200"}}'
hold STALE 2 merge-all
hold TEARS 1 merge merge-all
hold CHAIN 0 merge-all
hold CHAIN 1 merge merge-all
for which in STALE TEARS CHAIN; do hold $which rot3 reads merge; done
for share in none merge-all; do
  got=0
  "$otarig" explore "$out/CHAIN/scenario.json" --board "$here/small_board.json" --firmware "$out/CHAIN" --share $share >"$out/text" 2>&1 || got=$?
  [ $got = 1 ] && grep -q '^FAIL 1: bricked: .*confirmed by real cuts' "$out/text" || fail "CHAIN --share $share: exit $got"
done

# a log that never comes to an end: states that meet others of the same batch, which nobody has judged yet
log() { # NAME OPTION...: explored into $out/text; how many states fail
  name=$1
  shift
  got=0
  "$otarig" explore "$out/$name/log.json" --board "$here/small_board.json" "$@" >"$out/text" 2>&1 || got=$?
  case $got in 0 | 1 | 4) ;; *) fail "$name $*: exit $got" ;; esac
  ! grep -q 'run un-pruned' "$out/text" || fail "$name $*: fell back"
  sed -n 's/^FAIL 1: .* (\([0-9]*\) states; .*confirmed by real cuts)$/\1/p' "$out/text"
}
for which in BUG GOOD; do
  mkdir -p "$out/log$which"
  arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -O1 -g -Wall -Werror -ffreestanding -nostdlib -Wl,-n,--no-warn-rwx-segments \
    -T "$out/ld" "-D$which" "$here/log.c" -o "$out/log$which/boot.elf"
  cp "$here/log.json" "$out/log$which/log.json"
done
for depth in 6 10 20; do
  wanted=$(log logBUG --depth $depth --share none)
  [ "${wanted:-0}" -gt 100 ] || fail "logBUG, $depth cuts: '$wanted' states fail"
  for share in meet reads merge merge-all; do
    found=$(log logBUG --depth $depth --share $share)
    [ "$found" = "$wanted" ] || fail "logBUG, $depth cuts, --share $share: $found states fail, not $wanted"
  done
done
# what a limit ends goes on, with batches begun
for limit in 20 60 100 150; do
  log logGOOD --depth 12 --out "$out/o$limit" --states $limit >/dev/null
  log logGOOD --depth 12 --out "$out/o$limit" >/dev/null
  grep -q 'PASS' "$out/text" || fail "logGOOD, after $limit states: no pass"
done

# boot loaders by chance; the first four were each taken wrongly once, or not to the end
for seed in ${SEEDS:-100 159 278 469 1 2 3 4 5 6 7 8 9}; do
  build chance$seed chance "-DSEED=${seed}u" '' \
    "$spoilt"', {"one_of": [[{"word": "0x12008", "value": "0xFFFFFFFF"}], [{"word": "0x12008", "value": 0}], [{"word": "0x1200C", "value": "0xFFFFFFFF"}]]}'
  hold chance$seed 1 reads meet merge merge-all
  hold chance$seed rot3 reads merge
done
echo ok
