#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# ./rig bench: what otarig costs, measured here and now. bench.sh BUILD [explore [WORD...]]: the explorer only, loads with such a name
set -u
build=$1
here=$(cd "$(dirname "$0")/.." && pwd)
if [ "${2:-}" = explore ]; then
  shift 2
  exec python3 "$here/tests/bench_explore.py" "$here" "$build" "$@"
fi
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
  openocd -s "$here/harness/driver/probe/openocd" -c "gdb_port disabled; telnet_port disabled; tcl_port disabled" \
    -c "adapter driver remote_bitbang; remote_bitbang host $work/dap; transport select jtag" -f target/nrf52.cfg -c init "$@" -c shutdown
}
row "OpenOCD: erase and program 256 KB on the twin" "$(seconds ocd -c 'reset halt' -c "flash write_image erase $work/256k.bin 0 bin")" ""
row "OpenOCD: verify 256 KB on the twin" "$(seconds ocd -c 'reset halt' -c "verify_image $work/256k.bin 0 bin")" ""
row "memory of a twin (resident)" "$(awk '/VmRSS/ {printf "%.1f MB", $2 / 1024}' /proc/$twin/status)" ""
kill $twin 2>/dev/null
wait $twin 2>/dev/null

# A board that waits for interrupts: PLACE_IN_FLASH_KIB=FILE... -> what it takes of a core over 10 s, and how often it wakes the host up.
# Looked at after a while, when it has said what it has to say.
idle() {
  rm -f "$work/idle"
  "$build/bin/otarig-twin" --chip nrf52840 --nvm "$work/idle" --control "$work/control" >/dev/null 2>&1 &
  twin=$!
  sleep 0.5
  kill $twin && wait $twin 2>/dev/null
  for part in "$@"; do dd if="${part#*=}" of="$work/idle" conv=notrunc bs=1024 seek="${part%%=*}" 2>/dev/null; done
  "$build/bin/otarig-twin" --chip nrf52840 --nvm "$work/idle" --uart "$work/uart" --control "$work/control" --powered >/dev/null 2>&1 &
  twin=$!
  sleep 3
  before=$(idle_now)
  sleep 10
  echo "$before $(idle_now) $(getconf CLK_TCK)" | awk '{printf "%.2f%% %.0f/s", 100 * ($3 - $1) / $5 / 10, ($4 - $2) / 10}'
  kill $twin && wait $twin 2>/dev/null
}
idle_now() { # -> ticks of the processor, voluntary switches
  awk '{printf "%d ", $14 + $15}' "/proc/$twin/stat"
  awk '/^voluntary/ {print $2}' "/proc/$twin/status"
}
# Linked at 0: vectors {0x20010000, 0x41, 14 times 0x61}; SysTick every 64000 cycles of 64 MHz, then WFI for ever; at 0x60 its handler, BX LR.
{
  printf '%b' '\000\000\001\040\101\000\000\000'
  for vector in 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do printf '%b' '\141\000\000\000'; done
  printf '%b' '\005\110\006\111\101\140\000\041\201\140\007\041\001\140\060\277\375\347\000\277\000\277\000\277\020\340\000\340\377\371\000\000\160\107'
} >"$work/tick.bin"
set -- $(idle 0="$build/firmware/good/bootloader.bin" 64="$build/firmware/good/v1.bin")
row "an idle board, of a core and wake-ups (demo, 10 Hz)" "${1:-?}" "${2:-?}"
set -- $(idle 0="$work/tick.bin")
row "the same with a tick of 1 kHz" "${1:-?}" "${2:-?}"

echo
echo "  the twin, free-running:"
"$build/bench/twin_bench_core" 2>&1 | sed 's/^/    /'

echo
python3 "$here/tests/bench_explore.py" "$here" "$build"

echo
echo "  strategies of otarig run, the twin as a black box (40 seeds, 4 ms of jitter):"
for scenario in upgrade revert confirm; do
  echo "    $scenario"
  "$build/bench/bench_strategy" "$here/scenarios/explore/$scenario.json" "$here/boards/nrf52840dk.json" "$build"/firmware/*
done
