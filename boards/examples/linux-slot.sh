#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# linux-slot.sh A B LEN: tells, as JSON, the SHA-256 of the slot that runs: of LEN bytes of the disk, at A or B. The disk is read from
# outside, whatever the board says of itself. Which slot it is, U-Boot's script told on the console when it started it.
# For a source "exec" of the fact "image"; the run sets OTARIG_PLACE and OTARIG_CASE.
set -eu
slot=$(sed -n 's/.*boot script: slot \([AB]\), .*/\1/p' "${OTARIG_CASE:?not in a run}/console.log" | tail -n 1)
case $slot in
  A) address=$1 ;;
  B) address=$2 ;;
  *) echo "linux-slot.sh: no slot was started yet" >&2; exit 1 ;;
esac
file=$(mktemp)
trap 'rm -f "$file"' EXIT
"${0%/*}/linux-disk.sh" read "${OTARIG_PLACE:?not in a run}" "$address" "$(($3))" "$file"
printf '{"hash": "%s", "slot": "%s"}\n' "$(sha256sum <"$file" | cut -d ' ' -f 1)" "$slot"
