#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A gate on real runs of the virtual rack: open while something lacks, met, and not fooled by edited results.
set -u
work=$(mktemp -d /tmp/otarig-gate.XXXXXX)
trap 'rm -rf "$work"' EXIT
otarig=$OTARIG_BUILD/bin/otarig
rack=$OTARIG_SOURCE/boards/racks/virtual-6.json
bad=0
wrong() { echo "WRONG: $*"; bad=1; }
# gate EXIT TEXT POLICY RUN...
gate() {
  expected=$1 text=$2 got=0
  shift 2
  "$otarig" gate "$@" >"$work/said" 2>&1 || got=$?
  [ "$got" = "$expected" ] && grep -qF -- "$text" "$work/said" || { cat "$work/said"; wrong "gate $*: exit $got, not $expected, or no '$text'"; }
}
# run FIRMWARE SCENARIO CASE
run() {
  "$otarig" run "$OTARIG_SOURCE/scenarios/$2.json" --rack "$rack" --place p1 --firmware "$OTARIG_BUILD/firmware/$1" --case "$3" --out "$work/out" --quiet \
    >"$work/run" 2>&1
}
cat >"$work/policy.json" <<'JSON'
{"schema_version": 1, "name": "small", "max_age_h": 24, "require": [{"scenario": "bricked-image/*", "boards": ["nrf52840dk"]}],
 "known_bad": [{"firmware": "no-signature-check", "class": "bad-image-accepted"}]}
JSON
for file in "$work/policy.json" "$OTARIG_SOURCE"/scenarios/gate/*.json; do
  "$otarig" validate "$file" >"$work/said" 2>&1 || { cat "$work/said"; wrong "validate $file"; }
done
mkdir "$work/out"
gate 2 "found no result.json in it" "$work/policy.json" "$work/out"
gate 2 "expected a policy and at least one run" "$work/policy.json"
gate 2 "no-such" "$work/no-such.json" "$work/out"

run good bricked-image/wrong-key wrong-key || { cat "$work/run"; wrong "the good firmware fails"; }
gate 4 "known-bad no-signature-check fails as bad-image-accepted: it was not run" "$work/policy.json" "$work/out"
run no-signature-check bricked-image/wrong-key wrong-key
gate 0 "PASS small: the runs show all that the policy needs" "$work/policy.json" "$work/out"
gate 0 "| :white_check_mark: met" "$work/policy.json" "$work/out" --format markdown
gate 0 '"state":	"met"' "$work/policy.json" "$work/out" --format json

"$otarig" gate "$work/policy.json" "$work/out" >/dev/full 2>/dev/null
[ $? = 3 ] || wrong "output that cannot be written is no error"

# what a result says of all its cases is held against the journals as well: a defective build is not made the release by its name
cp -r "$work/out" "$work/renamed"
set -- "$work"/renamed/*/result.json
sed -i '1,/"images"/ s/"firmware":\t"no-signature-check"/"firmware":\t"good"/' "$2"
gate 4 "\$.firmware are not those that it tested" "$work/policy.json" "$work/renamed"

# a result that was edited shows nothing
set -- "$work"/out/*/result.json
sed -i 's/"verdict":\t"fail"/"verdict":\t"pass"/; s/"pass":\t0/"pass":\t1/; s/"fail":\t1/"fail":\t0/' "$2"
gate 4 "nothing caught it" "$work/policy.json" "$work/out"
rm -r "${1%/*}/cases/wrong-key/journal.jsonl"
gate 4 "its journal is gone" "$work/policy.json" "$work/out"
exit $bad
