#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# linux-update.sh PORT IMAGE SECONDS COMMAND: offers IMAGE by HTTP to a virtual Linux board, types COMMAND at its shell (@URL@ in it
# is where IMAGE is), and waits for its end. Exit status 0: the command succeeded. 3: the board refused the image. 4: no answer came
# in SECONDS. 1: the command failed for another reason. The board sees this computer as 10.0.2.2 (QEMU's user network). Needs busybox.
# For "deliver" of an update client "exec", see docs/drivers/update-exec.md.
set -eu
port=$1 image=$2 seconds=$3 command=$4
folder=$(mktemp -d)
server=
trap 'kill $server 2>/dev/null; rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM HUP
ln -s "$(realpath "$image")" "$folder/image"

# It listens (state 0A of proc(5)): another one may have the port.
serves() {
  for fd in /proc/"$server"/fd/*; do
    inode=$(readlink "$fd" | sed -n 's/^socket:\[\(.*\)\]$/\1/p')
    [ -z "$inode" ] || ! awk -v inode="$inode" '$4 == "0A" && $10 == inode { found = 1 } END { exit !found }' /proc/net/tcp || return 0
  done
  return 1
}
runs() { # a process of ours that has ended is a zombie until this script waits for it
  state=$(sed 's/.*) //; s/ .*//' "/proc/$1/stat" 2>/dev/null) && [ "$state" != Z ]
}

number=$$
for try in 1 2 3 4 5 6 7 8; do
  number=$((20000 + (number * 7919 + try * 104729) % 40000))
  busybox httpd -f -p "127.0.0.1:$number" -h "$folder" 2>/dev/null &
  server=$!
  for _ in $(seq 600); do
    if serves; then break 2; fi
    runs $server || break # the port was taken
    sleep 0.05
  done
  kill $server 2>/dev/null || true
  server=
done
[ -n "$server" ] || { echo "linux-update.sh: no port is free" >&2; exit 1; }
url=http://10.0.2.2:$number/image
before=${command%%"@URL@"*} after=${command#*"@URL@"}
exec <"$port" 3>"$port"
printf '%s; echo "update: rc=$?"\n' "$before$url$after" >&3
# What a client tells of its progress is no refusal ("Verifying signature done."), only what it calls an error: "LastError:" of RAUC,
# "ERROR" of SWUpdate. Nor is an error of the board's own storage.
# shellcheck disable=SC2016 # the inner shell's words
timeout --foreground "$seconds" sh -c '
  refused= failed= why=
  while read -r line; do
    case $line in
      *"update: rc=0"*) exit 0 ;;
      *"update: rc="[1-9]*) echo "${why:-failed}"; [ -n "$refused" ] && [ -z "$failed" ] && exit 3 || exit 1 ;;
      *LastError:*|*ERROR*|*rror:*|*ailed*) echo "$line" ;;
    esac
    case $line in
      *LastError:*|*ERROR*) why=${why:-$line} ;; # the first is the cause
      *) continue ;;
    esac
    case $line in
      *"o space left"*|*"nput/output error"*|*ead-only*|*"ermission denied"*|*"o such file"*|*"annot allocate"*) failed=1 ;;
      *ignature*|*erif*|*ompatib*|*nvalid*|*anifest*|*hecksum*|*squashfs*|*ismatch*|*orrupt*) refused=1 ;;
    esac
  done
  exit 4' || { code=$?; [ $code = 124 ] && exit 4; exit $code; }
