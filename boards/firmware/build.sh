#!/bin/sh
# Builds one variant of the demo firmware: build.sh VARIANT OUT IMAGE_TOOL [DEFINE]
# Keys are made here, used and kept in OUT; nothing of them is ever committed.
set -eu
variant=$1 out=$2 tool=$3 define=${4:-}
here=$(cd "$(dirname "$0")" && pwd)
cc=${ARM_CC:-arm-none-eabi-gcc}
objcopy=${ARM_OBJCOPY:-arm-none-eabi-objcopy}
flags="-mcpu=cortex-m4 -mthumb -O2 -g -std=gnu11 -ffreestanding -fno-builtin -fno-tree-loop-distribute-patterns
  -ffunction-sections -fdata-sections -Wall -Wextra -Werror -Wno-unused-parameter -Wno-unused-function -I$here ${define:+-D$define}"
link="-nostdlib -nostartfiles -Wl,--gc-sections -Wl,--no-warn-rwx-segments -T $here/common/link.ld"
new=$out.new
rm -rf "$new"
mkdir -p "$new"
cd "$new"
for key in key other; do "$tool" keygen $key.lms; done
"$tool" pubkey key.lms >public_key.c
common="sys flash_nrf sha256 lms image state startup"
for name in $common; do $cc $flags -c "$here/common/$name.c" -o $name.o; done
for name in data upload cbor smp main; do $cc $flags -c "$here/app/$name.c" -o app_$name.o; done
for name in swap main; do $cc $flags -c "$here/boot/$name.c" -o boot_$name.o; done
$cc $flags -c public_key.c -o public_key.o
objects=; for name in $common public_key; do objects="$objects $name.o"; done
$cc $flags $link -Wl,--defsym=CODE_BASE=0 -Wl,--defsym=CODE_LEN=0xC000 boot_swap.o boot_main.o $objects -lgcc -o bootloader.elf
$objcopy -O binary bootloader.elf bootloader.bin

list=
# image NAME VERSION COUNTER HARDWARE KEY SIZE CONFIG
image() {
  name=$1 version=$2 counter=$3 hardware=$4 key=$5 size=$6 config=$7
  {
    echo '#include "app/app.h"'
    echo "const struct app_config app_config = {$config};"
    # filler that no run-length trick and no erased page can stand for: a linear congruential sequence
    echo "#define A(n) (0x41c64e6du * (n) ^ ${counter}u << 24 ^ 0x5bd1e995u)"
    echo "#define B(n) A(n), A(n + 1), A(n + 2), A(n + 3), A(n + 4), A(n + 5), A(n + 6), A(n + 7)"
    echo "#define C(n) B(n), B(n + 8), B(n + 16), B(n + 24), B(n + 32), B(n + 40), B(n + 48), B(n + 56)"
    echo '__attribute__((section(".pad"), used)) static const uint32_t pad[] = {'
    n=0; while [ $n -lt $((size * 4)) ]; do echo "C(${n} * 64u),"; n=$((n + 1)); done
    echo '};'
  } >config_$name.c
  $cc $flags -c config_$name.c -o config_$name.o
  $cc $flags $link -Wl,--defsym=CODE_BASE=0x10200 -Wl,--defsym=CODE_LEN=0x200000 app_data.o app_upload.o app_cbor.o app_smp.o \
    app_main.o config_$name.o $objects -lgcc -o $name.elf
  $objcopy -O binary $name.elf $name.raw
  set -- $("$tool" sign $key.lms "$version" "$counter" "$hardware" $name.raw $name.bin)
  list="$list,
    \"$name\": {\"file\": \"$name.bin\", \"version\": \"$version\", \"hash\": \"$1\", \"size\": $2}"
}
hw=0x00840001
image v1 1.0.0 2 $hw key 6 ".data_format = 1"
image v2 2.0.0 3 $hw key 6 ".data_format = 2"
image v3 3.0.0 4 $hw key 6 ".data_format = 2"
image v0 0.9.0 1 $hw key 6 ".data_format = 1"
image v2-wrong-key 2.0.1 3 $hw other 6 ".data_format = 2"
image v2-wrong-hardware 2.0.2 3 0x00840002 key 6 ".data_format = 2"
image v2-crash 2.0.3 3 $hw key 6 ".data_format = 2, .crash = true"
image v2-hang 2.0.4 3 $hw key 6 ".data_format = 2, .hang = true"
image v2-dead-updater 2.0.5 3 $hw key 6 ".data_format = 2, .dead_updater = true, .auto_confirm = true"
image v2-bad-selftest 2.0.6 3 $hw key 6 ".data_format = 2, .bad_selftest = true, .auto_confirm = true"
image v2-auto 2.0.7 3 $hw key 6 ".data_format = 2, .auto_confirm = true"
image v2-large 2.0.8 3 $hw key 400 ".data_format = 2"
image v2-oversize 2.0.9 3 $hw key 460 ".data_format = 2"
printf '{\n  "schema_version": 1,\n  "variant": "%s",\n  "images": {\n    "bootloader": {"file": "bootloader.bin", "address": 0, "size": %s}%s\n  }\n}\n' \
  "$variant" "$(wc -c <bootloader.bin | tr -d ' ')" "$list" >manifest.json
rm -f ./*.o ./*.raw config_*.c
cd /
rm -rf "$out"
mv "$new" "$out"
