#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Completion for bash from the program's own words: completion.sh OTARIG FILE. Commands and options are those that --help
# tells; an option that wants a value is completed by files, as are other words.
set -eu
otarig=$1
file=$2
# options COMMAND: of the lines that begin with one, and of the synopsis
options() {
  "$otarig" "$1" --help | sed -n '/^usage:/p; /^  *--/s/   *[^ -].*//p' | grep -oE -e '--[a-z][a-z-]*' | sort -u | tr '\n' ' '
}
commands=$("$otarig" --help | sed -n 's/^  \([a-z]*\)  .*/\1/p')
{
  cat <<'TEXT'
# bash completion for otarig
_otarig() {
  local word=${COMP_WORDS[COMP_CWORD]} options
  if [ "$COMP_CWORD" = 1 ]; then
TEXT
  echo "    COMPREPLY=(\$(compgen -W '$(echo $commands) --help --version' -- \"\$word\"))"
  cat <<'TEXT'
    return
  fi
  case ${COMP_WORDS[1]} in
TEXT
  for command in $commands; do
    echo "  $command) options='$(options "$command")--help' ;;"
  done
  cat <<'TEXT'
  *) return ;;
  esac
  case $word in
  -*) COMPREPLY=($(compgen -W "$options" -- "$word")) ;;
  *)
    compopt -o filenames 2>/dev/null
    COMPREPLY=($(compgen -f -- "$word"))
    ;;
  esac
}
complete -F _otarig otarig
TEXT
} >"$file.new"
mv "$file.new" "$file"
