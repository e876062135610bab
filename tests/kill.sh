#!/bin/sh
# Two streams of random kills at once; 50 moments in all.
command -v python3 >/dev/null || exit 77
here=$(cd "$(dirname "$0")" && pwd)
seed=${OTARIG_KILL_SEED:-$(date +%s)}
python3 "$here/kill_test.py" "$OTARIG_BUILD" "$OTARIG_SOURCE" "${OTARIG_KILLS:-25}" "$seed" &
first=$!
python3 "$here/kill_test.py" "$OTARIG_BUILD" "$OTARIG_SOURCE" "${OTARIG_KILLS:-25}" "$((seed + 1))"
second=$?
wait $first && [ $second = 0 ]
