#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# otarig learn: from a board file without a single mark it proposes one that a clean update passes with, unedited; also for firmware
# that prints one banner twice a start, and says what it cannot learn.
set -u
otarig=$OTARIG_BUILD/bin/otarig
command -v python3 >/dev/null || { echo "python3 is not installed"; exit 77; }
work=$(mktemp -d "${TMPDIR:-/tmp}/otarig-learn.XXXXXX")
trap 'rm -rf "$work"' EXIT
bad=0
wrong() { echo "WRONG: $*"; bad=1; }

python3 - "$OTARIG_SOURCE" "$work" <<'PYTHON'
import json, sys
source, work = sys.argv[1:]
board = json.load(open(f"{source}/boards/stock.json"))
for key in "marks", "phases", "limits":
    board.pop(key, None)
board["name"] = "mine"
facts = {fact: [one for one in sources if one["from"] != "mark"] for fact, sources in board.get("facts", {}).items()}
board["facts"] = {fact: sources for fact, sources in facts.items() if sources} | {"up": [{"from": "update"}]}
json.dump(board, open(f"{work}/mine.json", "w"))
rack = json.load(open(f"{source}/boards/racks/virtual-stock.json"))
rack["places"] = rack["places"][:1]
for name in "mine", "mine.learnt":
    rack["places"][0]["board"] = f"{work}/{name}.json"
    json.dump(rack, open(f"{work}/rack-{name}.json", "w"))
PYTHON

# learn FIRMWARE OPTION...
learn() {
  firmware=$1
  shift
  "$otarig" learn p1 --rack "$work/rack-mine.json" --firmware "$OTARIG_BUILD/firmware/stock/$firmware" --out "$work" "$@" >"$work/said" 2>&1
}
is() { grep -q "^  $1  *$2" "$work/said" || wrong "$3: $1: expected $2: $(cat "$work/said")"; }

learn good --boots 3 --updates 2 || wrong "good: $(cat "$work/said")"
is boot '.*Booting MCUboot' good
is jump '.*Image version: v(?<version>' good
is app_up '.*build time' good
is swap_begin '.*Starting swap' good
is revert_begin '.*Swap type: revert' good
is data: 'what' good
python3 - "$work" <<'PYTHON' || bad=1
import json, sys
evidence = json.load(open(f"{sys.argv[1]}/mine.learnt.evidence.json"))
kinds = [one["kind"] for one in evidence["starts"]]
# three cold ones, two warm ones, two updates, one that nobody confirmed and what came of it
if kinds != ["cold"] * 3 + ["warm"] * 2 + ["update"] * 3 + ["revert"]:
    sys.exit(f"WRONG: recorded {kinds}")
if evidence["marks"]["boot"]["seen"] != {"cold": 3, "warm": 2, "update": 3, "revert": 1}:
    sys.exit(f"WRONG: boot was seen {evidence['marks']['boot']['seen']}")
PYTHON
"$otarig" run "$OTARIG_SOURCE/scenarios/clean-update" --rack "$work/rack-mine.learnt.json" --firmware "$OTARIG_BUILD/firmware/stock/good" \
  --out "$work/out" >"$work/ran" 2>&1 || wrong "clean-update with what was learnt: $(cat "$work/ran")"

cp "$work/mine.learnt.json" "$work/before"
learn good
[ $? = 2 ] && grep -q -- --replace "$work/said" || wrong "writes over what it learnt: $(cat "$work/said")"
cmp -s "$work/before" "$work/mine.learnt.json" || wrong "changed what it refused to write"

learn old-banner --boots 2 --updates 1 --replace || wrong "old-banner: $(cat "$work/said")"
is boot '.*Starting bootloader' old-banner # the banner comes twice a start
is app_up '.*build time' old-banner

# nothing is learnt of an update that does not happen
learn image-not-verified --boots 2 --updates 0 --replace || wrong "no update: $(cat "$work/said")"
is version: 'no line' "no update"
is swap: 'no line' "no update"

# a place without an update client: starts alone are learnt from, and what that leaves open is said
python3 - "$OTARIG_SOURCE" "$work" <<'PYTHON'
import json, sys
source, work = sys.argv[1:]
board = json.load(open(f"{source}/boards/shell.json"))
board["name"], board["marks"] = "mine", {}
for key in "limits", "phases":
    board.pop(key, None)
board["facts"].pop("started", None)
rack = json.load(open(f"{source}/boards/racks/virtual-shell.json"))
rack["places"] = rack["places"][:1]
rack["places"][0].pop("update", None)
rack["places"][0]["board"] = f"{work}/mine.json"
json.dump(board, open(f"{work}/mine.json", "w"))
json.dump(rack, open(f"{work}/rack-mine.json", "w"))
PYTHON
learn ../shell/good --boots 2 --replace || wrong "shell: $(cat "$work/said")"
is boot '.*Loader' shell
is updates: 'the place has no update client' shell
! grep -q nan "$work/said" || wrong "shell: $(cat "$work/said")"
"$otarig" validate "$work/mine.learnt.json" >"$work/said" 2>&1 || wrong "shell: $(cat "$work/said")"
exit $bad
