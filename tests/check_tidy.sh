#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# clang-tidy (.clang-tidy) over everything that is compiled for the host. Arguments: only files that match one of them.
set -u
command -v clang-tidy >/dev/null || { echo "clang-tidy is not installed"; exit 77; }
build=${OTARIG_BUILD:?the build folder}
database=$build/compile_commands.json
[ -f "$database" ] || { echo "no $database"; exit 77; }
wanted=${1:-.}
cd "${OTARIG_SOURCE:-$(dirname "$0")/..}" || exit 1
sed -n 's/^ *"file": *"\(.*\)",\{0,1\}$/\1/p' "$database" | sort -u | grep -v -e '/boards/firmware/' -e '/build' |
  grep -e "$wanted" >"$build/tidy.files"
[ -s "$build/tidy.files" ] || { echo "nothing to look at"; exit 1; }
xargs -a "$build/tidy.files" -P 2 -n 4 clang-tidy --quiet --extra-arg=-Wno-unknown-warning-option -p "$build" 2>/dev/null >"$build/tidy.log"
code=$?
grep -E -A 4 '(warning|error):' "$build/tidy.log" | head -n 200
[ $code = 0 ] && echo "$(wc -l <"$build/tidy.files") files are clean"
exit $code
