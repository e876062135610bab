# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced by scripts that run whole cases. A virtual board keeps the time of this computer: where that is too busy, a case is
# inconclusive and says so, and the script's question is asked again.

# patient COMMAND...: output to $work/log, exit code to $code
patient() {
  for attempt in 1 2 3 4 5 6; do
    "$@" >"$work/log" 2>&1
    code=$?
    grep -q 'this computer \(is\|was\) too slow' "$work/log" || return 0
    echo "asked again ($attempt): this computer was too slow for '$(basename "$1") $2'"
  done
}
