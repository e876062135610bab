#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The manual pages: one for each command, without a warning, and with every option that --help tells.
set -u
otarig=$OTARIG_BUILD/bin/otarig
command -v mandoc >/dev/null || { echo "mandoc is not installed"; exit 77; }
work=$(mktemp -d "${TMPDIR:-/tmp}/otarig-man.XXXXXX")
trap 'rm -rf "$work"' EXIT
bad=0
# page NAME COMMAND...: what the program says of itself stands on the page
page() {
  name=$1
  shift
  file=$OTARIG_BUILD/man/$name.1
  [ -s "$file" ] || { echo "WRONG: no $file"; bad=1; return; }
  mandoc -T lint -W warning "$file" || { echo "WRONG: $file has warnings"; bad=1; }
  mandoc -T ascii -O width=900 "$file" | sed 's,.\x08,,g' | tr -s ' \n' '  ' >"$work/page"
  # each word of the help, in its order, for words and layout are all it has
  "$@" --help | sed 's/^usage: *//; s/^Exit: *//' | tr -s ' \t' '\n\n' | grep -v '^$' >"$work/words"
  tr -s ' ' '\n' <"$work/page" >"$work/told"
  awk 'NR == FNR { told[tolower($0)] = 1; next } !(tolower($0) in told) { print; missing = 1 } END { exit missing }' "$work/told" "$work/words" >"$work/missing" ||
    { echo "WRONG: $name.1 lacks: $(tr '\n' ' ' <"$work/missing")"; bad=1; }
}
page otarig "$otarig"
count=0
for command in $("$otarig" --help | sed -n 's/^  \([a-z]*\)  .*/\1/p'); do
  page "otarig-$command" "$otarig" "$command"
  count=$((count + 1))
done
[ $count -ge 15 ] || { echo "WRONG: $count commands"; bad=1; }
exit $bad
