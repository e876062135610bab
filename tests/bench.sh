#!/bin/sh
# ./rig bench: what otarig costs, measured here and now.
set -u
build=$1
here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/otarig-bench.XXXXXX")
trap 'kill $twin 2>/dev/null; rm -rf "$work"' EXIT
twin=
row() { printf '  %-52s %14s %14s\n' "$1" "$2" "$3"; }
seconds() { # COMMAND... -> seconds, with its output thrown away
  begin=$(date +%s.%N)
  "$@" >"$work/log" 2>&1 || { echo "failed"; return; }
  end=$(date +%s.%N)
  echo "$begin $end" | awk '{printf "%.2f s", $2 - $1}'
}

echo
row "measure" "p50" "p99"
set -- $("$build/bench/bench_trigger" "$here/boards/nrf52840dk.json" 1000)
row "console mark to power command" "${1:-?} us" "${2:-?} us"
ours=${1:-0}
# Debian's labgrid belongs to Debian's python
set -- $(/usr/bin/python3 "$here/tests/bench_labgrid.py" 1000 2>"$work/labgrid.log")
[ $# = 2 ] || tail -n 1 "$work/labgrid.log" >&2
row "the same through labgrid (SerialDriver, expect)" "${1:-?} us" "${2:-?} us"
row "ratio of the medians" "$(echo "${1:-0} $ours" | awk '{ if ($2 > 0) printf "%.0f x", $1 / $2; else print "?" }')" ""

head -c 262144 /dev/urandom >"$work/256k.bin"
"$build/bin/otarig-twin" --chip nrf52840 --nvm "$work/nvm" --dap "$work/dap" --powered >/dev/null 2>&1 &
twin=$!
sleep 0.5
ocd() {
  openocd -s "$here/harness/driver/openocd" -c "gdb_port disabled; telnet_port disabled; tcl_port disabled" \
    -c "adapter driver remote_bitbang; remote_bitbang host $work/dap; transport select jtag" -f target/nrf52.cfg -c init "$@" -c shutdown
}
row "OpenOCD: erase and program 256 KB on the twin" "$(seconds ocd -c 'reset halt' -c "flash write_image erase $work/256k.bin 0 bin")" ""
row "OpenOCD: verify 256 KB on the twin" "$(seconds ocd -c 'reset halt' -c "verify_image $work/256k.bin 0 bin")" ""
row "memory of a twin (resident)" "$(awk '/VmRSS/ {printf "%.1f MB", $2 / 1024}' /proc/$twin/status)" ""
kill $twin 2>/dev/null
wait $twin 2>/dev/null

echo
echo "  the twin, free-running:"
"$build/bench/twin_bench_core" 2>&1 | sed 's/^/    /'

explored() { # NAME SCENARIO OPTION... -> a line
  name=$1
  scenario=$2
  shift 2
  "$build/bin/otarig" explore "$here/scenarios/explore/$scenario.json" --board nrf52840dk --firmware "$build/firmware/good" --out "$work/x" \
    "$@" >"$work/explore.log" 2>&1
  rm -rf "$work/x"
  printf '    %-44s ' "$name"
  sed -n 1p "$work/explore.log"
}
echo
echo "  explorations of the good demo boot loader:"
explored "reduced alphabet, any number of cuts" upgrade --alphabet reduced
explored "full alphabet, one cut" upgrade --depth 1
explored "full alphabet, any number of cuts" upgrade
explored "the same, un-pruned, first 10 s" upgrade --no-prune --budget 10s
explored "the same, and one of them torn" upgrade --torn --budget 10m
explored "reduced, one cut or reset that keeps RAM" upgrade --alphabet reduced --resets
explored "largest slot (104 pages), reduced, any number" large --alphabet reduced
explored "largest slot, full, one cut, first 60 s" large --depth 1 --budget 60s
explored "revert, full alphabet, any number of cuts" revert

echo
echo "  strategies of otarig run, the twin as a black box (40 seeds, 4 ms of jitter):"
"$build/bench/bench_strategy" "$here/scenarios/explore/upgrade.json" "$here/boards/nrf52840dk.json" "$build"/firmware/*
