#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Holds every #include against the order of the layers. One line of the table: folder, then what it may name.
# A folder may always name itself. `check_layers.sh FOLDER` looks at another tree (the test of this test does).
set -u
here=${1:-${OTARIG_SOURCE:-$(cd "$(dirname "$0")/.." && pwd)}}
cd "$here" || exit 1

{ git ls-files '*.c' '*.h' 2>/dev/null || true; } | grep . >/dev/null && list="git ls-files *.c *.h" || list="find . -name *.[ch]"
set -f
$list | sed 's,^\./,,' | grep -v '^build' | while read -r file; do [ -f "$file" ] && echo "$file"; done | xargs awk '
BEGIN {
  allowed["harness/base"] = ""
  allowed["harness/io"] = "harness/base/"
  allowed["harness/record"] = "harness/base/"
  allowed["harness/driver"] = "harness/base/ harness/io/ harness/record/event.h"
  allowed["harness/rack"] = "harness/base/ harness/io/ harness/driver/driver.h"
  allowed["harness/board"] = "harness/base/ harness/rack/rack.h"
  allowed["harness/plan"] = "harness/base/ harness/driver/driver.h harness/rack/rack.h harness/board/"
  allowed["harness/run"] = "harness/base/ harness/io/ harness/record/ harness/driver/ harness/rack/ harness/board/ harness/plan/"
  allowed["harness/supervise"] = allowed["harness/run"] " harness/run/ reports/"
  allowed["harness/campaign"] = "harness/base/ harness/record/ harness/rack/rack.h harness/supervise/supervise.h"
  allowed["harness/replay"] = "harness/base/ harness/record/ harness/board/ harness/run/ reports/"
  allowed["harness/gate"] = "harness/base/ harness/record/"
  allowed["harness/explore"] = "harness/base/ harness/io/ harness/record/ harness/board/ harness/plan/ fixtures/twin/"
  # its rooms, one upon the other: what is asked, one board, all its states; the reports and the command on top
  allowed["harness/explore/spec"] = "harness/base/ harness/board/ harness/plan/ fixtures/twin/"
  allowed["harness/explore/engine"] = "harness/base/ harness/explore/soundness.h harness/explore/spec/ fixtures/twin/"
  allowed["harness/explore/search"] = allowed["harness/explore/engine"] " harness/record/ harness/explore/engine/"
  allowed["harness/cmd"] = "harness/ reports/"
  allowed["reports"] = "harness/base/ harness/record/"
  allowed["fixtures/twin"] = "harness/base/ harness/io/"
  allowed["fixtures/outlets"] = "harness/base/ harness/io/ fixtures/rack/"
  allowed["fixtures/disk"] = "harness/base/"
  allowed["fixtures/linux"] = "harness/base/ harness/io/ fixtures/disk/"
  allowed["fixtures/rack"] = "harness/base/ harness/io/ fixtures/twin/"
  allowed["fixtures/net"] = "harness/base/ harness/io/"
  allowed["harness/fleet"] = "harness/base/ harness/io/"
  allowed["fixtures/device"] = "harness/base/ harness/io/"
  allowed["fixtures/otad"] = "harness/base/ harness/io/"
  # what a compiler without a library has
  system_of_firmware = " stdint.h stdbool.h stddef.h stdarg.h "
}
function fail(what) { printf "%s:%d: %s\n", FILENAME, FNR, what; bad = 1 }
function layer_of(file,  best, l) {
  best = ""
  for (l in allowed)
    if (index(file, l "/") == 1 && length(l) > length(best)) best = l
  return best
}
FNR == 1 {
  firmware = FILENAME ~ /^boards\/firmware\// && FILENAME !~ /imgtool|\/(test|fuzz)_[^\/]*$/
  # programs for the chips of the twin stand alone, too, but each folder is its own world
  outside = FILENAME ~ /^(boards\/firmware|fixtures\/twin\/(fw|chips|oracle))\// && !firmware
  layer = layer_of(FILENAME)
  if (!firmware && !outside && layer == "") fail("lies in no layer")
}
!/^[ \t]*#[ \t]*include[ \t]*[<"]/ { next }
{
  target = $0
  sub(/^[ \t]*#[ \t]*include[ \t]*/, "", target)
  quoted = substr(target, 1, 1) == "\""
  sub(/^[<"]/, "", target); sub(/[>"].*$/, "", target)
  count++
}
outside { next }
firmware {
  if (quoted ? target !~ /^(common|app|boot|stock|shell)\// : !index(system_of_firmware, " " target " "))
    fail("the firmware stands alone, but includes " target)
  next
}
quoted {
  if (target !~ /^(harness|reports|fixtures)\//) { fail("the path from the root is missing: " target); next }
  if (index(target, layer "/") == 1) next
  n = split(allowed[layer], list, " ")
  for (i = 1; i <= n; i++)
    if (index(target, list[i]) == 1) next
  fail(layer " must not include " target)
}
END {
  if (!count) { print "no #include was found at all"; exit 1 }
  printf "%d includes looked at\n", count
  exit bad
}'
