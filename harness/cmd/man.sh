#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Manual pages from the program's own words: man.sh OTARIG FOLDER. One page a command, and otarig.1 over them.
set -eu
otarig=$1
folder=$2
version=$("$otarig" --version | cut -d' ' -f2)
day=$(date -u -r "$otarig" +%Y-%m-%d)
mkdir -p "$folder"

# page NAME ONE-LINE-HELP: the text of --help on stdin. "usage:" lines are the synopsis, lines that are set in by two begin with
# an entry ("--option VALUE  what it does"), lines set in further go on with it, "Exit:" is the exit status.
page() {
  awk -v name="$1" -v help="$2" -v version="$version" -v day="$day" '
  function clean(text) {
    gsub(/\\/, "\\e", text)
    gsub(/-/, "\\-", text)
    sub(/^[.'"'"']/, "\\\\\\&&", text)
    return text
  }
  function section(title) { if (now != title) print ".SH " title; now = title; fresh = 1 }
  function flush_entry() { if (entry != "") { print ".TP"; print ".B " clean(entry); print clean(meaning == "" ? " " : meaning) }; entry = ""; meaning = "" }
  BEGIN {
    print ".TH " toupper(name) " 1 \"" day "\" \"otarig " version "\" \"User Commands\""
    print ".SH NAME"
    print name " \\- " clean(help)
  }
  /^usage:/ { section("SYNOPSIS"); sub(/^usage: */, ""); print ".B " clean($0); next }
  /^$/ { flush_entry(); gap = 1; next }
  /^Exit:/ { flush_entry(); section("EXIT STATUS"); sub(/^Exit: */, ""); gsub(/\t/, " "); print clean(toupper(substr($0, 1, 1)) substr($0, 2)); next }
  /^   / { # goes on
    sub(/^ +/, "")
    if (entry != "") meaning = meaning (meaning == "" ? "" : " ") $0
    else print clean($0)
    next
  }
  /^  / {
    flush_entry()
    if (now == "SYNOPSIS" || now == "EXIT STATUS") section("DESCRIPTION")
    sub(/^ +/, "")
    at = match($0, /   *[^ ]/)
    entry = at ? substr($0, 1, at - 1) : $0
    meaning = at ? substr($0, at) : ""
    sub(/^ +/, "", meaning)
    next
  }
  {
    flush_entry()
    if (now == "SYNOPSIS") section("DESCRIPTION")
    else if (gap) print ".PP"
    gap = 0
    print clean($0)
  }
  END {
    flush_entry()
    print ".SH SEE ALSO"
    print name == "otarig" ? ".BR otarig\\-run (1)" : ".BR otarig (1)"
  }' >"$folder/$1.1.new"
  mv "$folder/$1.1.new" "$folder/$1.1"
}

"$otarig" --help | page otarig 'prove that a device survives its own updates'
"$otarig" --help | sed -n 's/^  \([a-z]*\)  *\(.*\)/\1 \2/p' | while read -r command help; do
  "$otarig" "$command" --help | page "otarig-$command" "$help"
done
