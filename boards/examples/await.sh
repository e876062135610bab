#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# await.sh PORT GOOD BAD SECONDS [LINE]: types LINE at the board's shell, if there is one, then waits for a line of the
# board's. Exit status 0: it holds GOOD. 3: it holds BAD. 4: neither came in time. Of the first is told what it was.
set -eu
port=$1 good=$2 bad=$3 seconds=$4
exec <"$port" 3>"$port"
[ $# -lt 5 ] || printf '%s\r' "$5" >&3
# shellcheck disable=SC2016 # the inner shell's words
timeout --foreground "$seconds" sh -c '
  while read -r line; do
    case $line in
      *"$1"*) echo "$line"; exit 0 ;;
      *"$2"*) echo "$line"; exit 3 ;;
    esac
  done
  exit 4' await "$good" "$bad" || { code=$?; [ $code = 124 ] && exit 4; exit $code; }
