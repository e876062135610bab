#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# linux-disk.sh VERB PLACE [ADDRESS] [FILE | LEN FILE]: the disk of a virtual Linux board from outside, as a card in a multiplexer of
# the rack's host. For a probe "exec", see docs/drivers/probe-exec.md. Addresses from 0x20000000 on are the boot loader's own flash.
#   write PLACE ADDRESS FILE | read PLACE ADDRESS LEN FILE | erase PLACE | attach PLACE
# Writing takes the card from the board, which then stands still until its next power-up. Reading does not disturb it.
set -eu
verb=$1 place=$2
disk=${OTARIG_RACK:?not on a virtual rack}/$place.nvm
size=214958080 # 205 MiB: the longest of them
[ -e "$disk" ] || { echo "linux-disk.sh: $disk: there is no such place" >&2; exit 1; }

take() { # until this script ends: a power-up waits for that
  kill -USR1 "$(cat "$disk.run")"
  exec 9<"$disk.run"
  flock -w 20 9 || { echo "linux-disk.sh: the board does not let go of its disk" >&2; exit 1; }
}
where() { # ADDRESS: sets file and offset
  file=$disk offset=$(($1))
  [ $offset -lt $((0x20000000)) ] || { file=$disk.nor offset=$((offset - 0x20000000)); }
}

case $verb in
  attach) ;;
  erase)
    take
    truncate -s 0 "$disk" "$disk.nor"
    truncate -s $size "$disk"
    truncate -s 64M "$disk.nor"
    ;;
  write)
    take
    where "$3"
    dd if="$4" of="$file" bs=1M oflag=seek_bytes seek=$offset conv=notrunc status=none
    ;;
  read)
    where "$3"
    if [ "$file" = "$disk" ] && [ -S "$disk.sock" ] && ! flock -n "$disk.run" true; then # what it holds now, its server knows
      unit=1048576
      while [ $((offset % unit)) != 0 ] || [ $(($4 % unit)) != 0 ]; do unit=$((unit / 2)); done
      [ $unit -ge 512 ] || { echo "linux-disk.sh: only whole sectors are read" >&2; exit 1; }
      # its count is from the begin of the disk on, not from what it skips
      timeout 60 qemu-img dd -f raw -O raw bs=$unit skip=$((offset / unit)) count=$(((offset + $4) / unit)) \
        "if=nbd+unix:///?socket=$disk.sock" "of=$5"
      exit 0
    fi
    dd if="$file" of="$5" bs=1M iflag=skip_bytes,count_bytes skip=$offset count="$4" status=none
    ;;
  *) echo "linux-disk.sh: no verb '$verb'" >&2; exit 2 ;;
esac
