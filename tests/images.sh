#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# otarig images: for the folders of firmware that the image tool made, it finds out what their builds knew.
set -u
otarig=$OTARIG_BUILD/bin/otarig
command -v python3 >/dev/null || { echo "python3 is not installed"; exit 77; }
work=$(mktemp -d "${TMPDIR:-/tmp}/otarig-images.XXXXXX")
trap 'rm -rf "$work"' EXIT
bad=0
wrong() { echo "WRONG: $*"; bad=1; }

same() {
  python3 - "$1" "$2" <<'PYTHON'
import json, sys
one, other = (json.load(open(path))["images"] for path in sys.argv[1:])
for images in one, other:
    images["bootloader"].pop("address", None)
sys.exit(one != other)
PYTHON
}

for kind in good stock/good mute/good shell/good; do
  made=$OTARIG_BUILD/firmware/$kind
  folder=$work/$(echo $kind | tr / -)
  mkdir "$folder"
  cp "$made"/*.bin "$folder"
  "$otarig" images "$folder" >"$work/said" 2>&1 || { wrong "$kind: $(cat "$work/said")"; continue; }
  same "$folder/manifest.json" "$made/manifest.json" || wrong "$kind: not what its build knew: $(cat "$folder/manifest.json")"
  ! grep -q "Only your build" "$work/said" || wrong "$kind: says that images lack: $(cat "$work/said")"
done

# files that are not called like roles, and what is still to be built
folder=$work/mine
mkdir "$folder"
cp "$OTARIG_BUILD/firmware/stock/good/v1.bin" "$folder/product-1.bin"
cp "$OTARIG_BUILD/firmware/stock/good/v2.bin" "$folder/product-2.bin"
"$otarig" images "$folder" >"$work/said" 2>&1 || wrong "mine: $(cat "$work/said")"
grep -q '^  v2  *product-2.bin  *2.0.0' "$work/said" || wrong "mine: v2: $(cat "$work/said")"
for name in v2-wrong-key v0 v2-crash v2-hang v3; do
  grep -q "^  $name " "$work/said" || wrong "mine: does not say that $name lacks"
done
python3 - "$OTARIG_SOURCE/scenarios" "$work/said" <<'PYTHON' || wrong "mine: does not say of each image that it lacks"
import json, pathlib, re, sys
asked, said = set(), open(sys.argv[2]).read()
def walk(tree, key=None):
    if isinstance(tree, dict):
        for name, value in tree.items():
            walk(value, name)
    elif isinstance(tree, list):
        for value in tree:
            walk(value, key)
    elif key in ("image", "start", "next", "final", "runs", "resume") and re.fullmatch("v[0-9].*", str(tree)):
        asked.add(tree)
for path in pathlib.Path(sys.argv[1]).glob("*/*.json"):
    if path.parent.name not in ("selftest", "explore"):
        walk(json.loads(path.read_text()))
silent = [name for name in sorted(asked) if not re.search(f"^  {name} ", said, re.M)]
print(*silent)
sys.exit(bool(silent) or len(asked) < 10)
PYTHON
needs=$(grep -A1 '^  v2-bad-selftest ' "$work/said" | tail -n 1 | tr ' ' '\n' | grep -c '^bad-selftest$')
[ "$needs" = 1 ] || wrong "mine: names a scenario $needs times"
grep -q 'made of v2 while these run:.* truncated' "$work/said" || wrong "mine: does not say what needs no build"

# refusals leave everything as it was
before=$(cat "$folder/manifest.json")
"$otarig" images "$folder" >"$work/said" 2>&1
[ $? = 2 ] && grep -q -- --replace "$work/said" || wrong "writes over a manifest: $(cat "$work/said")"
cp "$OTARIG_BUILD/firmware/stock/good/app.elf" "$folder"
head -c 5000 "$OTARIG_BUILD/firmware/stock/good/v3.bin" >"$folder/short.bin"
"$otarig" images "$folder" --replace >"$work/said" 2>&1
[ $? = 2 ] || wrong "takes an ELF file for an image"
grep -q 'app.elf: expected the binary' "$work/said" || wrong "does not name app.elf: $(cat "$work/said")"
grep -q 'short.bin: expected a whole MCUboot image' "$work/said" || wrong "does not name short.bin: $(cat "$work/said")"
[ "$before" = "$(cat "$folder/manifest.json")" ] || wrong "changed the manifest and refused"
"$otarig" images "$folder" --replace --leave app.elf --leave short.bin >"$work/said" 2>&1 || wrong "leave: $(cat "$work/said")"
exit $bad
