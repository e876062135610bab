#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# xmodem.sh PORT IMAGE [LINE]: types LINE at the board's shell, then sends IMAGE by XMODEM with blocks of 1 KiB.
# Needs sx (package lrzsz). For "deliver" of an update client "exec", see docs/drivers/update-exec.md.
set -eu
port=$1
image=$2
exec <"$port" >"$port"
[ $# -lt 3 ] || printf '%s\r' "$3"
exec sx -k "$image"
