#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Cuts at a flash operation that a GDB server finds: the verdicts that the same cases have without one (selftest).
set -eu
command -v openocd >/dev/null || exit 77
build=${OTARIG_BUILD:?}
here=${OTARIG_SOURCE:?}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

# expect FIRMWARE TEXT: one case through the GDB server
expect() {
  timeout 800 "$build/bin/otarig" run "$here/scenarios/power-cut/swap-erase.json" --case swap-erase+k=2 \
    --rack "$here/boards/racks/virtual-gdb.json" --place p1 --firmware "$build/firmware/$1" --out "$work/$1" >"$work/log" 2>&1 || :
  found=$(python3 - "$work/$1" <<'PY'
import glob, json, sys
for case in json.load(open(glob.glob(sys.argv[1] + "/*/result.json")[0]))["cases"]:
    print(case["id"], case["verdict"], case["class"], len(case["cuts"]))
PY
)
  echo "$1: $found"
  [ "$found" = "$2" ] || { echo "FAILED: expected '$2'"; cat "$work/log"; exit 1; }
}
command -v python3 >/dev/null || exit 77
expect good "swap-erase+k=2 pass None 1"
expect active-erased-before-copy "swap-erase+k=2 fail bricked 1"
echo "all good"
