#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
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

# NAME SCENARIO BOARD FIRMWARE OPTION...: how runs share what follows, each for at most a minute
shared() {
  name=$1 scenario=$2 board=$3 firmware=$4
  shift 4
  for share in reads meet none; do
    "$build/bin/otarig" explore "$scenario" --board "$board" --firmware "$firmware" --share $share --budget 60s "$@" >"$work/explore.log" 2>&1
    printf '    %-36s %-6s ' "$name" "$share"
    sed -n 1p "$work/explore.log"
  done
}
load() { # NAME WHICH CHIP FIRST SECOND NEW SIZE MARKS BASE
  name=$1
  shift
  "$here/harness/explore/foreign/load.sh" "$here/harness/explore/foreign" "$work/$1" "$@" >"$work/log" 2>&1 || return 0
  shared "$name" "$work/$1/scenario.json" "$work/$1/board.json" "$work/$1" --depth 1
}
echo
echo "  explorations by how runs share what follows (reads: by what they read; meet: where they meet; none), at most 60 s each:"
stock() { shared "$1" "$here/scenarios/explore/stock-upgrade.json" "$here/boards/stock.json" "$build/firmware/stock/good" --depth "$2"; }
stock "stock (hash, polled UART, tick), one cut" 1
stock "the same, any number of cuts" any
load "scratch area, 27,700 operations, one cut" SCRATCH nrf52840 0x10000 0x40000 0x40000 0x9000 0x71000 0x0
load "swap by offset, one cut" OFFSET nrf52840 0x10000 0x40000 0x41000 0x5000 0x71000 0x0
load "STM32F4 by bytes, one cut" BYTES stm32f407 0x08020000 0x08040000 0x08040000 0x20000 0x08004000 0x08000000

echo
echo "  strategies of otarig run, the twin as a black box (40 seeds, 4 ms of jitter):"
for scenario in upgrade revert confirm; do
  echo "    $scenario"
  "$build/bench/bench_strategy" "$here/scenarios/explore/$scenario.json" "$here/boards/nrf52840dk.json" "$build"/firmware/*
done
