#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# An installation works by itself: into a folder, moved to another one, without the source tree and the build in sight, from any
# working folder. It lists, validates and runs an update on the virtual rack.
set -u
work=$(mktemp -d "${TMPDIR:-/tmp}/otarig-install.XXXXXX")
trap 'rm -rf "$work"' EXIT
bad=0
wrong() { echo "WRONG: $*"; bad=1; }
cmake --install "$OTARIG_BUILD" --prefix "$work/first" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
mv "$work/first" "$work/moved"
prefix=$work/moved
data=$prefix/share/otarig
unset OTARIG_DATA
mkdir "$work/elsewhere" && cd "$work/elsewhere" || exit 1
PATH=$prefix/bin:$PATH

# who may (root in a container that allows it) hides the source tree and the build meanwhile
alone() {
  if unshare -m true 2>/dev/null && unshare -m mount -t tmpfs none "$OTARIG_SOURCE" 2>/dev/null; then
    unshare -m sh -c 'mount -t tmpfs none "$OTARIG_SOURCE" && { [ ! -d "$OTARIG_BUILD" ] || mount -t tmpfs none "$OTARIG_BUILD"; } && exec "$@"' - "$@"
  else
    echo "(the source tree stays in sight: unshare -m is not permitted)"
    "$@"
  fi
}
for part in bin/otarig libexec/otarig/otarig-rack libexec/otarig/otarig-twin share/man/man1/otarig-run.1 lib/udev/rules.d/60-otarig.rules \
  share/bash-completion/completions/otarig share/doc/otarig/LICENSE share/doc/otarig/docs/layers.svg share/otarig/boards/stock.json \
  share/otarig/boards/schemas/board.schema.json share/otarig/scenarios/clean-update/confirmed.json share/otarig/firmware/good/manifest.json; do
  [ -s "$prefix/$part" ] || wrong "no $part"
done
! find "$prefix" -name '*.lms' -o -name '*key*.c' | grep . || wrong "a key is installed"
otarig boards | grep -q stock || wrong "otarig boards does not list stock"
otarig scenarios | grep -q swap-grid || wrong "otarig scenarios does not list swap-grid"
otarig validate "$data"/boards/*.json "$data"/boards/racks/*.json >"$work/validate" || { cat "$work/validate"; wrong "what is installed does not validate"; }
for image in "$data"/firmware/*/manifest.json "$data"/firmware/*/*/manifest.json; do
  sed -n 's/.*"file": "\([^"]*\)".*/\1/p' "$image" | while read -r file; do [ -s "${image%/*}/$file" ] || echo "$image: no $file"; done
done >"$work/missing"
[ ! -s "$work/missing" ] || { cat "$work/missing"; wrong "images are missing"; }

# completion knows commands and options
if command -v bash >/dev/null; then
  bash -c '. "$1"; complete_it() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _otarig; echo "${COMPREPLY[@]}"; }
    complete_it otarig ru; complete_it otarig run --known' - "$prefix/share/bash-completion/completions/otarig" >"$work/completed" 2>&1
  [ "$(tr '\n' ' ' <"$work/completed")" = "run --known-bad " ] || { cat "$work/completed"; wrong "completion"; }
fi

alone otarig run "$data/scenarios/clean-update" --rack "$data/boards/racks/virtual-6.json" --place p1 --out out >"$work/run" 2>&1
code=$?
# a computer that is too busy proves nothing, but it ran
[ $code = 0 ] || { [ $code = 4 ] && grep -q 'too slow' "$work/run"; } || { cat "$work/run"; wrong "clean-update ends with $code"; }
exit $bad
