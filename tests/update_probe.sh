#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# An update through the debug probe, of a board that has a protocol of its own but is not asked by it: the words that make its
# boot loader take the slot, and those that confirm, are written into its flash, and after each the board has to run again.
set -u
build=${OTARIG_BUILD:?}
here=${OTARIG_SOURCE:?}
command -v python3 >/dev/null && command -v openocd >/dev/null || exit 77
work=$(mktemp -d "${TMPDIR:-/tmp}/otarig-update-probe.XXXXXX")
trap 'rm -rf "$work"' EXIT
. "$here/tests/slow_host.sh"
python3 - "$here" "$build" "$work" <<'PY' || exit 1
import json, pathlib, sys
here, build, work = map(pathlib.Path, sys.argv[1:])
size = json.loads((build / "firmware/good/manifest.json").read_text())["images"]["v2"]["size"]
page, pages = 0xc000, (size + 4095) // 4096  # boards/firmware/common/layout.h and state.h
flag = lambda n: (page + 0x40 + 8 * n, 0x1d0c0000 | n)
text = lambda words: [f"{address:#x}={value & 0xffffffff:#x}" for address, value in words]
rack = json.loads((here / "boards/racks/virtual-6.json").read_text())
rack["places"] = rack["places"][:1]
rack["places"][0]["update"] = {
    "driver": "probe", "slot": "0x80000", "slot_size": "0x70000",
    "pending": text([(page, 0x0a7a4160), (page + 4, 1), (page + 8, ~1), (page + 0x20, pages), (page + 0x24, ~pages), flag(0)]),
    "confirm": text([flag(5)])}
(work / "rack.json").write_text(json.dumps(rack))
scenario = json.loads((here / "scenarios/clean-update/confirmed.json").read_text())
del scenario["expect"]["next"]
scenario["clauses"].remove("G4")
scenario["without"] = [{"clause": "G4", "why": "these words make this boot loader take an image once"}]
(work / "confirmed.json").write_text(json.dumps(scenario))
del rack["places"][0]["update"]["confirm"]
(work / "unfit.json").write_text(json.dumps(rack))
PY
patient "$build/bin/otarig" run "$work/confirmed.json" --rack "$work/rack.json" --out "$work/out"
[ "$code" = 0 ] || { echo "WRONG: exit $code"; cat "$work/log"; exit 1; }
journal=$(ls "$work"/out/*/cases/*/journal.jsonl | tail -1)
grep -q 'APP start version=2.0.0 hash=[0-9a-f]* confirmed=1' "$journal" || { echo "WRONG: v2 was not confirmed"; exit 1; }
# without words that confirm the board cannot be judged, and that is said before it is touched
"$build/bin/otarig" run "$work/confirmed.json" --rack "$work/unfit.json" --out "$work/out" >"$work/log" 2>&1
code=$?
{ [ $code = 2 ] && grep -q 'cannot confirm them' "$work/log"; } || { echo "WRONG: exit $code"; cat "$work/log"; exit 1; }
