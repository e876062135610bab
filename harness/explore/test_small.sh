#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Small boot loaders, each with one thing that an explorer may get wrong: test_small.sh OTARIG SOURCE
set -eu
otarig=$1 here=$2/harness/explore/foreign
command -v arm-none-eabi-gcc >/dev/null && [ -x "$otarig" ] || exit 77
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
fail() { echo "FAIL: $*"; cat "$out/text"; exit 1; }
sed -e "s/BASE/0x0/" -e "s/BASE/0x0/" -e "s/LENGTH/0x400/" "$here/foreign.ld" >"$out/ld"
build() { # WHICH OPTION...
  which=$1
  shift
  mkdir -p "$out/$which"
  arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -O1 -g -Wall -Werror -ffreestanding -nostdlib -Wl,-n,--no-warn-rwx-segments \
    -T "$out/ld" -D"$which" "$@" "$here/small.c" -o "$out/$which/boot.elf"
}
explore() { # WHICH EXPECTED OPTION...
  which=$1 expected=$2 got=0
  shift 2
  rm -rf "$out/out"
  "$otarig" explore "$here/small.json" --board "$here/small_board.json" --firmware "$out/$which" --depth any --out "$out/out" "$@" \
    >"$out/text" 2>&1 || got=$?
  [ "$got" = "$expected" ] || fail "$which $*: exit $got, not $expected"
}

# an erase in parts: journals replay each part exactly; 8 words, 9 parts, one word: all states are known
build PARTIAL
explore PARTIAL 0
grep -q '18 operations.*fixpoint' "$out/text" || fail "an erase in parts"
explore PARTIAL 0 --torn
explore PARTIAL 0 --no-prune

# what only the exclusive monitor knows
build EXCLUSIVE
explore EXCLUSIVE 1 --alphabet reduced --no-prune
explore EXCLUSIVE 1 --alphabet reduced

# the line of the function that exists, and those of the helpers that the compiler put into it
build INLINE
explore INLINE 1 --alphabet reduced
boot=$(grep -n '^    work();' "$here/small.c" | cut -d: -f1)
last=$(grep -n 'set_flag(PAGE + 4);' "$here/small.c" | cut -d: -f1)
call=$(grep -n 'put(address, 0x1234);' "$here/small.c" | cut -d: -f1)
store=$(grep -n 'REG(address) = value;' "$here/small.c" | cut -d: -f1)
grep -qE "in boot \(.*small.c:[0-9]+\) > work \(.*small.c:$last\) > set_flag \(.*small.c:$call\) > put \(.*small.c:$store\)" "$out/text" ||
  fail "INLINE: not the chain"
grep -q "\"line\":.*small.c:$boot\"" "$out/out/explore.json" || fail "INLINE: not the line of boot"

# a word of flags whose last bytes came first: no single bit, and hardly any random draw, shows it
build FLAGS
explore FLAGS 0 --alphabet reduced
explore FLAGS 1 --alphabet reduced --torn
grep -q 'power cut flags-[46] operation' "$out/text" || fail "FLAGS: not by the bytes that fell"
grep -q '"flags"' "$out/out/explore.json" || fail "FLAGS: not in the coverage"
sed '/"cuts"/d' "$here/small.json" >"$out/FLAGS/small.json"
"$otarig" explore "$out/FLAGS/small.json" --board "$here/small_board.json" --depth 1 --torn >"$out/text" && fail "FLAGS: detected"
grep -q 'flags-[46]' "$out/text" || fail "FLAGS: the boot without a cut has trailers, too"

# code for another core, a stack that is nowhere, a file where a folder is to be
refuse() { # PART OPTION...
  part=$1 got=0
  shift
  "$otarig" explore "$@" --depth 1 >"$out/text" 2>&1 || got=$?
  [ "$got" = 2 ] && [ "$(wc -l <"$out/text")" = 1 ] && grep -q "$part" "$out/text" || fail "exit $got; expected: $part"
}
mkdir "$out/arch"
sed '/DISCARD/d' "$out/ld" >"$out/ld-arch"
arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -O1 -ffreestanding -nostdlib -Wl,-n,--no-warn-rwx-segments -T "$out/ld-arch" -DINLINE \
  "$here/small.c" -o "$out/arch/boot.elf"
sed 's/nrf52840/nrf51822/' "$here/small_board.json" >"$out/m0.json"
refuse 'images.boot: .*expected code for the Cortex-M0 of the nrf51822, found code for a Cortex-M4' \
  "$here/small.json" --board "$out/m0.json" --firmware "$out/arch"
"$otarig" explore "$here/small.json" --board "$here/small_board.json" --firmware "$out/arch" --depth 1 >"$out/text" 2>&1 || [ $? = 1 ] ||
  fail "code for this core"
touch "$out/file"
refuse "\--out: expected a folder.*$out/file" "$here/small.json" --board "$here/small_board.json" --firmware "$out/FLAGS" --out "$out/file"
sed 's/"0x8000", "comment"/"0x0", "comment"/' "$here/small.json" >"$out/nowhere.json"
"$otarig" explore "$out/nowhere.json" --board "$here/small_board.json" --firmware "$out/FLAGS" --depth 0 --json >"$out/text" || true
grep -q 'vector table at 0x00000000 begins with the stack pointer 0xe7fee7fe' "$out/text" || fail "the stack"

# which boot a finding is about, and what the console said there
build SAYS
says() { # CONTRACT THEN TEXT
  sed -e "s/\"contract\": .*/\"contract\": [$1], \"then\": [$2]/" "$here/small.json" >"$out/SAYS/small.json"
  "$otarig" explore "$out/SAYS/small.json" --board "$here/small_board.json" --alphabet reduced --out "$out/out" >"$out/text" 2>&1 && fail "SAYS: passes"
  grep -qF "$3" "$out/text" || fail "SAYS: expected $3"
}
app='{"executes": {"address": "0x8000", "size": "0x100"}}'
second='{"boots": 1, "comment": "the next morning", "contract":'
says "$app" "$second [{\"never\": \"ASSERT\"}]}" \
  'in phase 1 (the next morning): not so: console never shows /ASSERT/; a line of the console does: "ASSERT: half a pair" ('
grep -q '"phase_comment":.*"the next morning"' "$out/out/explore.json" || fail "SAYS: no comment"
grep -q 'states; the boot after the cuts ended by exec; confirmed' "$out/text" || fail "SAYS: which boot"
says "$app" "$second [{\"seen\": \"is well\"}]}" 'no line of the console does; the last one is "bye" ('
says "$app, {\"never\": \"ASSERT\"}" '' ': contract: not so: console never shows /ASSERT/; a line of the console does: "ASSERT: half a pair" ('
says "$app, {\"seen\": \"is well\"}" '' 'no line of the console does; the last one is "bye" ('

# a reset's run keeps its own operations, not its parent's up to the reset: else 1,000 of 500 on average, 16 bytes each
build LONG
explore LONG 0 --depth 1 --resets
bytes=$(grep -o '"state_bytes":[^,]*' "$out/out/explore.json" | grep -o '[0-9]*')
[ "$bytes" -lt 4000000 ] || fail "LONG: $bytes bytes"

# a trailer that begins at the end of one page and ends in the next: every operation there counts
sed 's/{"address": "0x10000", "size": "0x1000"}/{"address": "0xFFF0", "size": "0x20"}/' "$here/small.json" >"$out/LONG/small.json"
"$otarig" explore "$out/LONG/small.json" --board "$here/small_board.json" --depth 1 --alphabet reduced >"$out/text" 2>&1 ||
  fail "LONG: a trailer in two pages"
grep -q '1000 operations, 1001 states' "$out/text" || fail "LONG: not every operation of the second page"
echo ok
