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
# what the virtual rack, its servers and its Linux boards are made of; the disk's server only where its header was there
parts="bin/otarig-otad bin/otarig-relay bin/otarig-disk bin/otarig-netdev libexec/otarig/otarig-machine share/otarig/boards/netdev.json
  share/otarig/boards/linux-rauc.json share/otarig/boards/racks/virtual-linux-rauc.json share/otarig/boards/examples/linux-disk.sh
  share/otarig/boards/examples/linux-update.sh share/otarig/scenarios/server/busy.json share/otarig/scenarios/linux/crash.json"
[ ! -e "$OTARIG_BUILD/bin/otarig-disk-plugin.so" ] || parts="$parts libexec/otarig/otarig-disk-plugin.so"
for file in $(cd "$OTARIG_SOURCE/boards/linux-ab" && find . -type f); do parts="$parts share/otarig/boards/linux-ab/${file#./}"; done
for part in $parts bin/otarig libexec/otarig/otarig-rack libexec/otarig/otarig-twin share/man/man1/otarig-run.1 lib/udev/rules.d/60-otarig.rules \
  share/bash-completion/completions/otarig share/doc/otarig/LICENSE share/doc/otarig/docs/layers.svg share/otarig/boards/stock.json \
  share/otarig/boards/schemas/board.schema.json share/otarig/scenarios/clean-update/confirmed.json share/otarig/firmware/good/manifest.json; do
  [ -s "$prefix/$part" ] || wrong "no $part"
done
[ -x "$data/boards/linux-ab/build.sh" ] && [ -x "$data/boards/linux-ab/packages.sh" ] || wrong "boards/linux-ab cannot be run"
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

for program in otarig-otad otarig-relay otarig-disk otarig-netdev; do
  alone "$program" --help >"$work/help" 2>&1 || { cat "$work/help"; wrong "$program --help"; }
done
alone otarig-otad </dev/null | grep -q '"event":"ready"' || wrong "otarig-otad does not get ready"
# a Linux board up to its boot loader, on its own disk server
cp "$OTARIG_SOURCE/fixtures/linux/test_machine.py" "$work/test_machine.py"
alone python3 "$work/test_machine.py" "$prefix/libexec/otarig/otarig-machine" >"$work/machine" 2>&1
case $? in
  0) ! grep 'without a disk server' "$work/machine" || [ ! -e "$OTARIG_BUILD/bin/otarig-disk-plugin.so" ] || wrong "otarig-machine does not find its disk server" ;;
  77) cat "$work/machine" ;;
  *) cat "$work/machine"; wrong "otarig-machine" ;;
esac

# the Debian package has the same
if command -v dpkg-shlibdeps >/dev/null && command -v file >/dev/null; then
  (cd "$OTARIG_BUILD" && cpack -G DEB -B "$work/deb") >"$work/cpack" 2>&1 || { cat "$work/cpack"; wrong "no Debian package"; }
  dpkg-deb -c "$work"/deb/*.deb >"$work/list"
  for part in $parts bin/otarig libexec/otarig/otarig-twin; do
    grep -q " \./usr/$part\( \|\$\)" "$work/list" || wrong "the Debian package lacks $part"
  done
  dpkg-deb -f "$work"/deb/*.deb Depends Suggests >"$work/needs"
  for package in openocd umockdev libmicrohttpd12 nbdkit qemu-system-arm u-boot-qemu; do
    grep -q "[ ,]$package" "$work/needs" || wrong "the Debian package does not name $package"
  done
  # what makes the Linux board says which packages it needs
  for package in $(sed -n 's/^host_packages="\(.*\)"/\1/p' "$OTARIG_SOURCE/boards/linux-ab/build.sh"); do
    grep -q "[ ,]$package" "$work/needs" || wrong "the Debian package does not name $package"
  done
else
  echo "(no Debian package is made: no dpkg-shlibdeps, or no file)"
fi

alone otarig run "$data/scenarios/clean-update" --rack "$data/boards/racks/virtual-6.json" --place p1 --out out >"$work/run" 2>&1
code=$?
# a computer that is too busy proves nothing, but it ran
[ $code = 0 ] || { [ $code = 4 ] && grep -q 'too slow' "$work/run"; } || { cat "$work/run"; wrong "clean-update ends with $code"; }
exit $bad
