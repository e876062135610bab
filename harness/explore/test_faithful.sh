#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What real boot loaders do to a chip: test_faithful.sh OTARIG SOURCE
set -eu
otarig=$1 here=$2/harness/explore/foreign
command -v arm-none-eabi-gcc >/dev/null && [ -x "$otarig" ] || exit 77
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
fail() { echo "FAIL: $*"; cat "$out/text"; exit 1; }
build() { # WHICH CPU BASE OPTION...
  which=$1 cpu=$2 base=$3
  shift 3
  mkdir -p "$out/$which"
  sed -e "s/BASE/$base/" -e "s/BASE/$base/" -e "s/LENGTH/0x1000/" "$here/foreign.ld" >"$out/$which/ld"
  arm-none-eabi-gcc "-mcpu=$cpu" -mthumb -masm-syntax-unified -O1 -g -Wall -Werror -ffreestanding -nostdlib \
    -Wl,-n,--no-warn-rwx-segments -T "$out/$which/ld" "-D$which" "$@" "$here/faithful.c" -o "$out/$which/boot.elf"
}
scenario() { # NAME BASE APP REST: APP is one instruction that branches to itself
  cat >"$out/$1/s.json" <<END
{"schema_version": 1, "kind": "explore", "name": "$1", "images": {"boot": {"file": "boot.elf"}},
 "prepare": [{"image": "boot"}, {"words": ["0x20003000", "$3", "0xe7fee7fe"], "at": "$2"}$4],
 "end": {"exec": [{"address": "$2", "size": "0x100"}], "quiet_ms": 3000, "total_ms": 20000, "resets": 3},
 "contract": [{"executes": {"address": "$2", "size": "0x100"}}]}
END
}
explore() { # NAME CHIP EXPECTED OPTION...
  name=$1 chip=$2 expected=$3 got=0
  shift 3
  echo "{\"schema_version\": 1, \"name\": \"$name\", \"chip\": \"$chip\"}" >"$out/board.json"
  rm -rf "$out/out"
  "$otarig" explore "$out/$name/s.json" --board "$out/board.json" --firmware "$out/$name" --out "$out/out" "$@" >"$out/text" 2>&1 ||
    got=$?
  [ "$got" = "$expected" ] || fail "$name $chip $*: exit $got, not $expected"
}

build LFXO cortex-m4 0x0
scenario LFXO 0x8000 0x8009 ''
for chip in nrf52840 nrf52833 nrf52832; do explore LFXO "$chip" 0; done

# a blank UICR costs two operations and a reset, and the report says which one it was
build RESETPIN cortex-m4 0x0
scenario RESETPIN 0x8000 0x8009 ''
explore RESETPIN nrf52840 0
grep -q ': 3 operations' "$out/text" && grep -q 'PSELRESET is blank, as chips are delivered' "$out/text" || fail "a blank UICR"
grep -q '"reset_pin":.*"blank"' "$out/out/explore.json" || fail "a blank UICR, in JSON"
sed -i 's/"images"/"reset_pin": 18, "images"/' "$out/RESETPIN/s.json"
explore RESETPIN nrf52840 0
grep -q ': 1 operations' "$out/text" && grep -q 'PSELRESET names pin 18' "$out/text" || fail "a programmed UICR"
sed -i 's/"reset_pin": 18/"reset_pin": 48/' "$out/RESETPIN/s.json"
explore RESETPIN nrf52840 2
grep -q 'reset_pin: expected a pin from 0 to 47, or "blank", found 48' "$out/text" || fail "a pin that is none"
sed -i 's/"reset_pin": 48/"reset_pin": 18/' "$out/RESETPIN/s.json"
explore RESETPIN nrf51822 2
grep -q 'a nrf51822 has no PSELRESET' "$out/text" || fail "a chip without PSELRESET"

# TIM1, and one of each other kind
for timer in 0x40010000,0x40023844,0 0x40001000,0x40023840,4 0x40014400,0x40023844,17 0x40001800,0x40023840,6; do
  base=${timer%%,*} rest=${timer#*,}
  build TIMER cortex-m4 0x08000000 "-UTIMER" "-DTIMER=${base}u" "-DENABLE=${rest%%,*}u" "-DBIT=${rest#*,}"
  scenario TIMER 0x08008000 0x08008009 ''
  for chip in stm32f405 stm32f205; do explore TIMER "$chip" 0; done
done

# a clean cut between erase and program of the option bytes; as the chip comes, and with its bytes given
build OPTIONS cortex-m4 0x08000000
for given in '' ', {"words": ["0xffffaaef"], "at": "0x1fffc000"}, {"words": ["0xffffffff"], "at": "0x1fffc008"}'; do
  scenario OPTIONS 0x08008000 0x08008009 "$given"
  explore OPTIONS stm32f405 1
  grep -q 'power cut before operation 1, word 0x1fffc000 in options' "$out/text" || fail "OPTIONS: which cut"
  explore OPTIONS stm32f405 1 --torn
done

# the page of flags is as long as the chip says: 1 KB, not the 4 KB around it
build JOURNAL cortex-m0 0x0
scenario JOURNAL 0x8000 0x8009 ', {"words": [4096], "at": "0x10020"}, {"words": ["0xf395c277"], "at": "0x10030"}'
sed -i 's/"contract"/"cuts": {"trailers": [{"address": "0x10030", "size": 4}]}, "contract"/' "$out/JOURNAL/s.json"
explore JOURNAL nrf51822 0 --depth any
grep -q 'flag pages (given): 0x00010000 to 0x000103ff' "$out/text" || fail "JOURNAL: flag pages"
grep -q '"size":.*1024' "$out/out/explore.json" || fail "JOURNAL: flag pages in JSON"
# a torn erase takes the length before the magic; power that really goes so leaves the same
explore JOURNAL nrf51822 1 --depth any --torn
grep -q 'FAIL 1: bricked' "$out/text" && grep -qE 'power cut (words-2-0|page-1) operation 0, erase of 0x00010000' "$out/text" ||
  fail "JOURNAL: a torn erase"
grep -q 'window: run 0, inside of operations 0 to 0' "$out/text" && grep -qE 'ms after power-up; for 95 %: [1-9][0-9]* cut' "$out/text" ||
  fail "JOURNAL: the window of a torn erase"
grep -q '^covered: .*inside of' "$out/text" && grep -q '^not claimed: .*samples' "$out/text" || fail "JOURNAL: what is covered"

# who waits for what the twin does not model is neither good nor bad; the text names register and code
for device in 0x40029100 0x40000110; do
  build POLL cortex-m4 0x0 "-DDEVICE=${device}u"
  scenario POLL 0x8000 0x8009 ''
  explore POLL nrf52840 4
  grep -q "NOT JUDGED 1: the boot waits at pc 0x0000....* in wait_for_device .*for register $device" "$out/text" || fail "POLL $device"
  grep -q 'bricked' "$out/text" && fail "POLL $device: bricked"
  grep -q '"class"' "$out/out/explore.json" && fail "POLL $device: a failure in JSON"
  grep -q "\"register\":.*\"$device\"" "$out/out/explore.json" || fail "POLL $device: not in JSON"
  grep -q 'type="inconclusive".*register' "$out/out/junit.xml" || fail "POLL $device: not in JUnit"
done
arm-none-eabi-objcopy -O binary --gap-fill 0xff --pad-to 0x100000 "$out/POLL/boot.elf" "$out/dump.bin"
"$otarig" boot --board "$out/board.json" --flash "$out/dump.bin" --trace >"$out/text"
grep -q 'it waits at pc 0x0000....*, and looks at register 0x40000110 (0x0).*of which the twin knows nothing' "$out/text" || fail "POLL: boot"

# a boot loader that waits for a host is bricked still: the twin models its UART
build POLL cortex-m4 0x0 -DDEVICE=0x40002108u
explore POLL nrf52840 1
grep -q 'FAIL 1: bricked' "$out/text" || fail "POLL: a UART"
grep -q 'it waits at pc .* in wait_for_device .*, and looks at register 0x40002108 (0x0)' "$out/text" || fail "POLL: where it waits"

# old or new holds whatever happens when nothing is installed
build JOURNAL cortex-m0 0x0
scenario JOURNAL 0x8000 0x8009 ', {"words": [4096], "at": "0x10020"}, {"words": ["0xf395c277"], "at": "0x10030"}'
printf 'old image' >"$out/JOURNAL/old.bin"
printf 'new image' >"$out/JOURNAL/new.bin"
sed -i -e 's/"images": {/"images": {"old": {"file": "old.bin"}, "new": {"file": "new.bin"}, /' \
  -e 's/"prepare": \[/"regions": {"slot0": {"address": "0x20000", "size": "0x400"}}, "prepare": [{"image": "old", "at": "slot0"}, /' \
  -e 's/"contract": \[/"contract": [{"equals": "slot0", "images": ["old", "new"]}, /' "$out/JOURNAL/s.json"
explore JOURNAL nrf51822 4
grep -q 'the boot without a cut: slot0 holds old' "$out/text" && grep -q 'INCONCLUSIVE: .*installs nothing in slot0' "$out/text" ||
  fail "JOURNAL: nothing is installed"
sed -i 's/"contract"/"installs": false, "contract"/' "$out/JOURNAL/s.json"
explore JOURNAL nrf51822 0
sed -i 's/"installs": false/"installs": true/' "$out/JOURNAL/s.json"
explore JOURNAL nrf51822 4
# a boot loader that reads MCUboot's trailer: macro, alternatives that belong together, symbols
trailer() { # CONTRACT THEN-ITEM OPTION...
  contract=$1 then=$2
  shift 2
  build TRAILER cortex-m4 0x0 "$@"
  python3 -c 'import struct, sys
for name, slot in ("v1", 0x10000), ("v2", 0x10000), ("v3", 0x10000):
    open(sys.argv[1] + "/" + name + ".bin", "wb").write(struct.pack("<IIHHIIII", 0x20003000, slot + 9, 0xe7fe, 0xe7fe, ord(name[1]), 0, 0, 0))
' "$out/TRAILER"
  cat >"$out/TRAILER/s.json" <<END
{"schema_version": 1, "kind": "explore", "name": "trailer",
 "images": {"boot": {"file": "boot.elf"}, "v1": {"file": "v1.bin"}, "v2": {"file": "v2.bin"}, "v3": {"file": "v3.bin"}},
 "regions": {"slot0": {"address": "0x10000", "size": "0x1000"}, "slot1": {"address": "0x12000", "size": "0x1000"}},
 "prepare": [{"image": "boot"}, {"mcuboot": {"slot": "primary", "image": "v1", "request": "installed"}},
   {"mcuboot": {"slot": "secondary", "image": "v2", "request": "test"}}],
 "end": {"exec": ["slot0", "slot1"], "quiet_ms": 1000, "total_ms": 10000, "resets": 3},
 "contract": [$contract], "then": [{"prepare": [$then], "comment": "the next update", "contract": [{"executes": "slot0"}, {"equals": "slot0", "images": "v3"}]}]}
END
  if command -v python3 >/dev/null && python3 -c 'import jsonschema' 2>/dev/null; then
    python3 -c 'import json, sys, jsonschema; jsonschema.validate(json.load(open(sys.argv[1])), json.load(open(sys.argv[2])))' \
      "$out/TRAILER/s.json" "$here/../../../scenarios/explore.schema.json" || fail "TRAILER: schema"
  fi
}
next='{"mcuboot": {"slot": "secondary", "image": "v3", "request": "permanent"}}'
both='{"one_of": [[{"equals": "slot0", "images": "v1"}, {"equals": "slot1", "images": "v2"}], [{"equals": "slot0", "images": "v2"}, {"executes": "slot0"}, {"word": "0x12ff0", "value": "0xffffffff"}]]}'
trailer "$both" "$next"
explore TRAILER nrf52840 0
grep -q 'the boot without a cut: slot0 held v1, then v2; slot1 held v2, then nothing' "$out/text" || fail "TRAILER: slots"
"$otarig" validate "$out/TRAILER/s.json" --board "$out/board.json" --firmware "$out/TRAILER" >"$out/text" || fail "TRAILER: validate"
trailer "$both" "$next" -DEARLY
explore TRAILER nrf52840 1
grep -q 'FAIL 1: .*not so: slot0 holds v1 and slot1 holds v2; or slot0 holds v2 and executes in slot0 and word at 0x00012ff0' "$out/text" ||
  fail "TRAILER: alternatives"
trailer '{"executes": "slot0"}' "$next" -DOTHER
explore TRAILER nrf52840 1
grep -q 'FAIL 1: wrong-version: not so: executes in slot0; executes at 0x000.*, in slot1' "$out/text" || fail "TRAILER: another slot runs"
# functions by name; who was under way without debug information
trailer '{"executes": "boot:copy_slot"}' "$next" -s -g0
"$otarig" explore "$out/TRAILER/s.json" --board "$out/board.json" --firmware "$out/TRAILER" >"$out/text" 2>&1 || true
grep -q "contract\[0\].executes: expected a symbol of 'boot', found \"boot:copy_slot\"" "$out/text" || fail "TRAILER: no symbols"
trailer '{"executes": "slot0"}, {"equals": "slot0", "images": "v2"}' "$next" -DEARLY -g0
sed -i 's/"slot0", "slot1"\], "quiet/"slot0", "slot1", "boot:boot+0x100"], "quiet/' "$out/TRAILER/s.json"
explore TRAILER nrf52840 1
grep -q 'under way, by the stack: work < boot' "$out/text" || grep -q 'under way, by the stack: .*boot' "$out/text" || fail "TRAILER: who was under way"
grep -q '"uncut_console"' "$out/out/explore.json" || fail "TRAILER: the console of the boot without a cut"
echo ok
