#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The demonstration: the good firmware through all families, then three defective builds that must be caught.
set -u
build=$1
here=$(cd "$(dirname "$0")/.." && pwd)
out=${OTARIG_OUT:-$here/out}
rack=$here/boards/racks/virtual-6.json
scenarios="$here/scenarios/power-cut $here/scenarios/bricked-image $here/scenarios/network-loss $here/scenarios/clean-update"

echo "=== the good firmware: power cuts, bricked images, network loss ==="
"$build/bin/otarig" run $scenarios --rack "$rack" --out "$out"
good=$?

caught=0
# catch VARIANT SCENARIO [CASE]: the run must end with "the board failed"
catch() {
  echo
  echo "=== firmware with a defect: $1 ==="
  "$build/bin/otarig" run "$here/scenarios/$2.json" --rack "$rack" --firmware "$build/firmware/$1" --out "$out" ${3:+--case "$3"}
  code=$?
  if [ $code = 1 ]; then
    echo "caught: $1"
    caught=$((caught + 1))
  else
    echo "NOT CAUGHT: $1 (exit $code)"
  fi
}
catch no-signature-check bricked-image/wrong-key
catch trailer-before-data power-cut/swap-grid swap-grid+delay_ms=200
catch revert-never power-cut/first-boot first-boot+delay_ms=0

echo
echo "=== every state that power cuts can leave: the good boot loader, then one with a defect ==="
explore=0
"$build/bin/otarig" explore "$here/scenarios/explore/upgrade.json" --board nrf52840dk --firmware "$build/firmware/good" --alphabet reduced \
  --out "$out/explore-good" && explore=$((explore + 1))
"$build/bin/otarig" explore "$here/scenarios/explore/upgrade.json" --board nrf52840dk --firmware "$build/firmware/trailer-before-data" \
  --alphabet reduced --depth 1 --out "$out/explore-defect"
[ $? = 1 ] && explore=$((explore + 1))
echo "pictures: $out/explore-good/index.html $out/explore-defect/index.html"

echo
echo "good firmware: $([ $good = 0 ] && echo "all pass" || echo "exit $good"); defective builds caught: $caught of 3; results in $out"
[ $good = 0 ] && [ $caught = 3 ] && [ $explore = 2 ]
