#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# xmodem.sh PORT IMAGE [LINE [READY]]: types LINE at the board's shell, then sends IMAGE by XMODEM with blocks of 1 KiB.
# With READY a transfer that was left half done is ended first, and LINE typed until the board says READY; exit status
# 4: it never does. Needs sx (package lrzsz). For "deliver" of an update client "exec", see docs/drivers/update-exec.md.
set -eu
port=$1
image=$2
exec <"$port" >"$port"
if [ $# -eq 3 ]; then
  printf '%s\r' "$3"
elif [ $# -gt 3 ]; then
  tries=6
  until printf '\030\030' && "${0%/*}/await.sh" "$port" "$4" "$4" 3 "$3" >&2; do
    tries=$((tries - 1))
    [ $tries -gt 0 ] || exit 4
  done
fi
exec sx -k "$image"
