#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# otarig fleet: all devices of a small fleet get the update, a failing one stops the roll-out, and nobody else's server is called.
set -u
otarig=$OTARIG_BUILD/bin/otarig
work=$(mktemp -d "${TMPDIR:-/tmp}/otarig-fleet-test.XXXXXX")
trap 'rm -rf "$work"' EXIT
bad=0
wrong() { echo "WRONG: $1"; bad=1; }
member() { tr -d '\n\t ' <"$1" | grep -o "\"$2\":[0-9]*" | head -n 1 | cut -d: -f2; } # the first of that name

"$otarig" fleet --devices 300 --poll-s 1 --install-s 0 --size 20000 --out "$work/good" || wrong "a good fleet: exit $?"
[ "$(member "$work/good/fleet.json" updated)" = 300 ] || wrong "not all devices were updated"
[ "$(member "$work/good/fleet.json" bytes)" -gt 6000000 ] || wrong "fewer bytes than 300 images"
grep -q '<polyline' "$work/good/fleet.svg" || wrong "no plot"

echo '{"groups": [{"percent": 20, "success_percent": 90, "least": 5}, {"percent": 100}], "stop": {"failures": 3}}' >"$work/rollout.json"
"$otarig" fleet --devices 300 --poll-s 1 --install-s 0 --size 2000 --fail 0.5 --for-s 8 --rollout "$work/rollout.json" --out "$work/stop" ||
  wrong "a failing fleet: exit $?"
grep -q '"state":[[:space:]]*"stopped"' "$work/stop/fleet.json" || wrong "the roll-out did not stop"
[ "$(member "$work/stop/fleet.json" offered)" -lt 120 ] || wrong "it went on after the stop"

for words in "--target http://192.0.2.1/x" "--target http://192.0.2.1/x --i-own 192.0.2.2" "--target http://127.0.0.1@192.0.2.1/x" "--target ftp://127.0.0.1/" \
  "--devices 0" "--devices 1000000" "--target http://127.0.0.1:1/x --rollout $work/rollout.json"; do
  # shellcheck disable=SC2086
  "$otarig" fleet $words >"$work/out" 2>&1
  [ $? = 2 ] && [ "$(wc -l <"$work/out")" = 1 ] || wrong "fleet $words: expected exit 2 and one line: $(cat "$work/out")"
done
exit $bad
