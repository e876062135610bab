#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# An exploration that is killed, whenever that is, goes on where it was and comes to the same result:
# test_killed.sh OTARIG SOURCE [SEED]
set -eu
otarig=$1 here=$2/harness/explore/foreign seed=${3:-$(date +%s)}
command -v arm-none-eabi-gcc >/dev/null && [ -x "$otarig" ] || exit 77
out=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill -9 $pid 2>/dev/null; rm -rf "$out"' EXIT
echo "seed $seed"
fail() { echo "FAIL: $*"; exit 1; }
cc() { # OUT BASE LENGTH SOURCE OPTION...
  sed -e "s/BASE/$2/" -e "s/BASE/$2/" -e "s/LENGTH/$3/" "$here/foreign.ld" >"$out/ld"
  to=$1 from=$4
  shift 4
  arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -O2 -Wall -Werror -ffreestanding -nostdlib -Wl,-n,--no-warn-rwx-segments -T "$out/ld" "$@" \
    "$here/$from" -o "$out/$to.elf"
  arm-none-eabi-objcopy -O binary "$out/$to.elf" "$out/$to.bin"
}
cc v1 0x08008000 0x100 app.c -DVERSION=1
cc v2 0x08008000 0x100 app.c -DVERSION=2
cc boot 0x08000000 0x400 copy_stm32.c -DCOPIED_IN_RAM

# start NAME JOBS: sets pid; nothing is pruned, so that it is long enough to be hit
start() {
  "$otarig" explore "$here/copy.json" --board "$here/board.json" --firmware "$out" --depth any --torn --resets --no-prune \
    --jobs "$2" --out "$out/$1" >"$out/$1.txt" 2>&1 &
  pid=$!
}
finish() { # NAME JOBS
  got=0
  start "$1" "$2"
  wait $pid || got=$?
  pid=
  [ "$got" = 1 ] || { cat "$out/$1.txt"; fail "$1: exit $got, not 1"; }
}
result() { grep -v -e wall_s -e states_per_s -e workers -e bytes -e resumed "$out/$1/explore.json"; }
same() { # NAME: what an undisturbed one leaves, and nothing else
  result "$1" >"$out/b"
  cmp "$out/a" "$out/b" || fail "$1: another result"
  (cd "$out/whole" && find . | sort) >"$out/files"
  (cd "$out/$1" && find . | sort) | diff "$out/files" - || fail "$1: other files"
  diff -r "$out/whole/evidence" "$out/$1/evidence" || fail "$1: other evidence"
  grep -q '</html>' "$out/$1/index.html" && grep -q '</testsuite>' "$out/$1/junit.xml" || fail "$1: a report cut off"
}
now_ms() { date +%s%N | cut -c 1-13; }
chance() { # LIMIT: the next number below it
  seed=$(((seed * 1103515245 + 12345) % 2147483648))
  drawn=$((seed / 8 % $1))
}
pause() { sleep "$(printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)))"; }

began=$(now_ms)
finish whole 1
took=$(($(now_ms) - began))
result whole >"$out/a"
grep -q '"fixpoint":.*true' "$out/a" && grep -q '"confirmed":.*true' "$out/a" || fail "whole: no fixpoint, or nothing found"

# one exploration, killed again and again until it is through before the next kill; each kill comes a little later
kills=0 got=137
while [ $got = 137 ]; do
  chance $((took / 2 + took * kills / 8))
  start again $((kills % 2 + 1))
  pause "$drawn"
  kill -9 $pid 2>/dev/null || true
  got=0
  wait $pid || got=$?
  pid=
  [ $got = 137 ] && kills=$((kills + 1))
done
[ $got = 1 ] || fail "again: exit $got, not 1"
same again
echo "$kills kills of one exploration"

# others, killed once
while [ $kills -lt 12 ]; do
  chance "$took"
  rm -rf "$out/once"
  start once $((kills % 2 + 1))
  pause "$drawn"
  kill -9 $pid 2>/dev/null || true
  wait $pid 2>/dev/null || true
  pid=
  kills=$((kills + 1))
  finish once 2
  same once
done

# stop NAME FILE BEFORE: an exploration that waits for ever to open FILE, after it has written BEFORE; killed there
stop() {
  mkdir -p "$out/$1/evidence"
  mkfifo "$out/$1/$2"
  start "$1" 1
  asleep=0 tries=0
  while [ $asleep -lt 3 ] && [ $tries -lt 1000 ]; do
    sleep 0.02
    tries=$((tries + 1))
    state=$(cut -d ' ' -f 3 /proc/$pid/stat)
    if [ -e "$out/$1/$3" ] && [ "$state" = S ]; then asleep=$((asleep + 1)); else asleep=0; fi
  done
  kill -9 $pid
  wait $pid 2>/dev/null || true
  pid=
  [ $asleep = 3 ] || fail "$1: never came to write $2"
  [ ! -e "$out/$1/explore.json" ] || fail "$1: explore.json before the end"
  rm "$out/$1/$2"
  echo '{"half": ' >"$out/$1/$2"
}
stop report0 evidence/f1-before.bin checkpoint
cp "$out/report0/checkpoint" "$out/checkpoint"
stop report1 junit.xml.new evidence/f1-after.bin
stop report2 index.html.new junit.xml
stop report3 explore.json.new index.html
for name in report0 report1 report2 report3; do
  finish $name 2
  same $name
done

# word OFFSET: of the checkpoint that was whole, 8 bytes
word() { od -A n -t u8 -j "$1" -N 8 "$out/checkpoint" | tr -d ' '; }
whole_states() { # LEN: states in the records that lie below it whole; 32 bytes of head, then length, hash, count and data of each
  at=32 states=0
  while [ $((at + 24)) -le "$1" ]; do
    next=$((at + 24 + $(word $at)))
    [ $next -le "$1" ] || break
    states=$((states + $(word $((at + 16)))))
    at=$next
  done
}
resumes() { # NAME STATES
  finish "$1" 2
  same "$1"
  grep -q "\"resumed_states\":.*[^0-9]$2,\$" "$out/$1/explore.json" || {
    grep resumed_states "$out/$1/explore.json"
    fail "$1: not $2 states taken in again"
  }
}
size=$(stat -c %s "$out/checkpoint")
whole_states "$size"
[ "$at" = "$size" ] || fail "the checkpoint does not end with a record"
last=$states
cut() { # LEN
  mkdir "$out/cut-$1"
  head -c "$1" "$out/checkpoint" >"$out/cut-$1/checkpoint"
  whole_states "$1"
  resumes "cut-$1" $states
}
cut "$size"
cut $((size - 1))
[ $states -lt "$last" ] || fail "a record cut off by one byte counts as whole"
cut 17
chance "$size"
[ -d "$out/cut-$drawn" ] || cut "$drawn"

# one bit of a record that is there: taken up to the one before
mkdir "$out/bit"
chance $((size - 32))
place=$((drawn + 32))
cp "$out/checkpoint" "$out/bit"
byte=$(od -A n -t u1 -j $place -N 1 "$out/checkpoint" | tr -d ' ')
printf "\\$(printf %o $((byte ^ 16)))" | dd of="$out/bit/checkpoint" bs=1 seek=$place conv=notrunc 2>/dev/null
whole_states $place
resumes bit $states

# what is typed, booted or waited for belongs to an exploration: the checkpoint of another one is not taken in
mkdir "$out/other"
cp "$out/checkpoint" "$out/other"
sed 's/"resets": 3/"resets": 3, "mark": "never said"/' "$here/copy.json" >"$out/other.json"
"$otarig" explore "$out/other.json" --board "$here/board.json" --firmware "$out" --depth any --torn --resets --no-prune --jobs 1 \
  --out "$out/other" >"$out/other.txt" 2>&1 || [ $? = 1 ] || { cat "$out/other.txt"; fail "other"; }
grep -q '"resumed_states":.*[^0-9]0,$' "$out/other/explore.json" || fail "the checkpoint of another scenario was taken in"
echo "$kills random kills, 4 in the reports; ok"
