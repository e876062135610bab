#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Four streams of random kills at once; 52 moments in all.
command -v python3 >/dev/null || exit 77
here=$(cd "$(dirname "$0")" && pwd)
seed=${OTARIG_KILL_SEED:-$(date +%s)}
streams=
for stream in 1 2 3 4; do
  python3 "$here/kill_test.py" "$OTARIG_BUILD" "$OTARIG_SOURCE" "${OTARIG_KILLS:-13}" "$((seed + stream))" &
  streams="$streams $!"
done
bad=0
for stream in $streams; do wait "$stream" || bad=1; done
exit $bad
