#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A disk that fills up at some point of a run: never a pass, never "the board failed", and a message that says why.
set -u
build=${OTARIG_BUILD:?}
here=${OTARIG_SOURCE:?}
if [ "${1:-}" != inside ]; then
  # a disk of our own: as root, else as root of a user namespace
  if [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then exec unshare -m sh "$0" inside; fi
  unshare -rm true 2>/dev/null || exit 77
  exec unshare -rm sh "$0" inside
fi
work=$(mktemp -d "${TMPDIR:-/tmp}/otarig-disk.XXXXXX")
trap 'umount "$work/out" 2>/dev/null; rm -rf "$work"' EXIT
bad=0
mkdir "$work/out"
for size in 64k 1028k 1060k 1140k; do
  mount -t tmpfs -o size=$size none "$work/out" || exit 77
  timeout 1800 "$build/bin/otarig" run "$here/scenarios/power-cut/cut-after-done.json" --rack "$here/boards/racks/virtual-6.json" --place p1 \
    --out "$work/out/runs" --case "cut-after-done+delay_ms=20" >"$work/log" 2>&1
  code=$?
  df -k "$work/out" | tail -n 1 | { read -r _ _ used _; echo "disk of $size, $used KB used: exit $code"; }
  case $code in
  2 | 3 | 4) grep -qi 'space' "$work/log" || { echo "WRONG: no word about space"; bad=1; } ;;
  *) echo "WRONG: expected exit 2, 3 or 4"; bad=1 ;;
  esac
  [ $bad = 0 ] || { cat "$work/log"; break; }
  umount "$work/out"
done
exit $bad
