#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# makes one load of ./rig bench: load.sh HERE OUT WHICH CHIP FIRST SECOND NEW SIZE MARKS BASE
set -eu
here=$1 out=$2 which=$3 chip=$4 first=$5 second=$6 new=$7 size=$8 marks=$9
shift 9
mkdir -p "$out"
sed -e "s/BASE/$1/" -e "s/BASE/$1/" -e "s/LENGTH/0x800/" "$here/foreign.ld" >"$out/ld"
arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -O1 -g -Wall -Werror -ffreestanding -nostdlib -Wl,-n,--no-warn-rwx-segments -Wl,-Tbss=0x20000000 \
  -T "$out/ld" -D"$which" "$here/load.c" -o "$out/boot.elf"
# two images of noise that begin with two branches to themselves
for version in 1 2; do
  awk -v n=$((size / 4 - 1)) -v seed=$version 'BEGIN {srand(seed); printf "fee7fee7"; for (i = 0; i < n; i++) printf "%08x", rand() * 4294967296}' |
    xxd -r -p >"$out/v$version.bin"
done
echo "{\"schema_version\": 1, \"name\": \"load\", \"chip\": \"$chip\"}" >"$out/board.json"
request=00000000
[ "$which" != BYTES ] || request=00
sed -e "s/FIRST/$first/;s/SECOND/$second/;s/NEW/$new/;s/SIZE/$size/g;s/MARKS/$marks/;s/REQUEST/$request/" "$here/load.json.in" >"$out/scenario.json"
