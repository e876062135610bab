#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Builds one variant of a kind of firmware: build.sh demo|stock|mute|shell|bare VARIANT OUT IMAGE_TOOL [DEFINE]
# Keys are made here, used and kept in OUT; nothing of them is ever committed.
set -eu
kind=$1 variant=$2 out=$3 tool=$4 define=${5:-} odd=
here=$(cd "$(dirname "$0")" && pwd)
cc=${ARM_CC:-arm-none-eabi-gcc}
! command -v ccache >/dev/null || cc="ccache $cc" # most sources are the same in all variants
objcopy=${ARM_OBJCOPY:-arm-none-eabi-objcopy}
flags="-mcpu=cortex-m4 -mthumb -O2 -g -std=gnu11 -ffreestanding -fno-builtin -fno-tree-loop-distribute-patterns
  -ffunction-sections -fdata-sections -Wall -Wextra -Werror -Wno-unused-parameter -Wno-unused-function -I."
link="-nostdlib -nostartfiles -Wl,--gc-sections -Wl,--no-warn-rwx-segments -T $here/common/link.ld"
common="sys flash_nrf sha256 lms image startup"
ram=0x40000
case $kind in
demo)
  app_base=0x10200 boot="common/state boot/swap boot/main"
  app="common/state common/cbor common/smp app/data app/upload app/images app/main" ;;
stock | mute)
  [ $kind = stock ] || flags="$flags -DFW_MUTE"
  flags="$flags -DFW_LAYOUT=\"stock/layout.h\""
  app_base=0xC200 boot="stock/log stock/trailer stock/swap stock/boot"
  app="common/cbor common/smp stock/log stock/trailer common/settings stock/upload stock/images stock/app" ;;
shell | bare)
  [ $kind = shell ] || odd=ODD_UNLOCKED
  flags="$flags -DFW_LAYOUT=\"shell/layout.h\""
  app_base=0x20020000 ram=0x20000 boot="shell/records shell/xmodem shell/boot"
  app="shell/records common/settings shell/app" ;;
esac
sign=sign
link="$link -Wl,--defsym=RAM_LEN=$ram"
[ "$define" != DEFECT_FIRST_8K_HASHED ] || sign=sign-first-8k
new=$out.new
mkdir -p "$(dirname "$out")"
rm -rf "$new"
mkdir -p "$new"
cd "$new"
for key in key other; do "$tool" keygen $key.lms; done
"$tool" pubkey key.lms >public_key.c

# compile SOURCE...: their objects, in $objects
compile() {
  objects=
  for source in "$@"; do
    object=$(echo "$source" | tr / _).o
    with=
    for word in $define $odd; do
      ! grep -qw "$word" "$here/$source.c" || with="$with -D$word"
    done
    [ -f "$object" ] || (cd "$here" && $cc $flags $with -c "$source.c" -o "$new/$object")
    objects="$objects $object"
  done
}
$cc $flags -c public_key.c -o public_key.o
compile $(for name in $common; do echo common/$name; done)
shared="$objects public_key.o"
compile $boot
boot_objects="$objects $shared"
compile $app
app_objects="$objects $shared"
$cc $flags $link -Wl,--defsym=CODE_BASE=0 -Wl,--defsym=CODE_LEN=0xC000 $boot_objects -lgcc -o bootloader.elf
$objcopy -O binary bootloader.elf bootloader.bin

compile common/config
$cc $flags $link -Wl,--defsym=CODE_BASE=$app_base -Wl,--defsym=CODE_LEN=0x200000 $objects $app_objects -lgcc -o app.elf
$objcopy -O binary app.elf app.raw

list=
# image NAME VERSION COUNTER HARDWARE KEY SIZE FORMAT FLAGS: one of the images, which differ in what the tool sets
image() {
  name=$1 version=$2
  file=$5.lms
  [ "$5" != - ] || file=-
  set -- $("$tool" $sign $file "$version" "$3" "$4" "$7" "$8" "$6" app.raw $name.bin)
  list="$list,
    \"$name\": {\"file\": \"$name.bin\", \"version\": \"$version\", \"hash\": \"$1\", \"size\": $2}"
}
hw=0x00840001 plain=6 large=400 oversize=460
case $kind in
stock | mute) oversize=480 ;;
shell | bare) large=100 oversize=160 ;;
esac
[ "$define" != ODD_BIG ] || plain=450
image v1 1.0.0 2 $hw key $plain 1 -
image v2 2.0.0 3 $hw key $plain 2 -
image v3 3.0.0 4 $hw key $plain 2 -
image v4 4.0.0 5 $hw key $plain 2 -
image v5 5.0.0 6 $hw key $plain 2 -
image v0 0.9.0 1 $hw key 6 1 -
image v2-wrong-key 2.0.1 3 $hw other 6 2 -
image v2-wrong-hardware 2.0.2 3 0x00840002 key 6 2 -
image v2-crash 2.0.3 3 $hw key 6 2 crash
image v2-hang 2.0.4 3 $hw key 6 2 hang
image v2-dead-updater 2.0.5 3 $hw key 6 2 dead_updater,auto_confirm
image v2-bad-selftest 2.0.6 3 $hw key 6 2 bad_selftest,auto_confirm
image v2-auto 2.0.7 3 $hw key 6 2 auto_confirm
image v2-large 2.0.8 3 $hw key $large 2 -
image v2-oversize 2.0.9 3 $hw key $oversize 2 -
image v9 9.0.0 10 $hw key 6 2 -
image v10 10.0.0 11 $hw key 6 2 -
image v11 11.0.0 12 $hw key 6 2 -
image v2-unsigned 2.0.10 3 $hw - 6 2 -
printf '{\n  "schema_version": 1,\n  "variant": "%s",\n  "images": {\n    "bootloader": {"file": "bootloader.bin", "address": 0, "size": %s}%s\n  }\n}\n' \
  "$variant" "$(wc -c <bootloader.bin | tr -d ' ')" "$list" >manifest.json
rm -f ./*.o ./*.raw
cd /
rm -rf "$out"
mv "$new" "$out"
