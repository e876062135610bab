#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# packages.sh FOLDER PACKAGE...: unpacks Debian packages of another architecture (arm64), with all that they depend on, into
# FOLDER/root. An apt of its own knows no installed package and touches nothing of this computer's; no root is needed.
set -eu
folder=$(realpath -m "$1")
shift
rm -rf "$folder"
mkdir -p "$folder/apt/lists/partial" "$folder/apt/archives/partial" "$folder/root"
: >"$folder/apt/status"
cat >"$folder/apt.conf" <<TEXT
APT::Architecture "arm64";
APT::Architectures { "arm64"; };
APT::Install-Recommends "false";
APT::Sandbox::User "";
Dir::State "$folder/apt";
Dir::State::status "$folder/apt/status";
Dir::State::lists "$folder/apt/lists";
Dir::Cache "$folder/apt";
Dir::Log "$folder/apt";
Acquire::Languages "none";
Acquire::Retries "3";
Debug::NoLocking "true";
TEXT
export APT_CONFIG="$folder/apt.conf"
apt-get -q update >"$folder/update.log" 2>&1 || { cat "$folder/update.log" >&2; exit 3; }
list=$(apt-get -q -s install "$@" | sed -n 's/^Inst \([^ ]*\) .*/\1/p') || exit 3
[ -n "$list" ] || { echo "packages.sh: apt finds none of: $*" >&2; exit 3; }
cd "$folder/apt/archives"
# shellcheck disable=SC2086 # a list of words
apt-get -q download $list >"$folder/download.log" 2>&1 || { cat "$folder/download.log" >&2; exit 3; }
for package in *.deb; do dpkg-deb --fsys-tarfile "$package" | tar -x -C "$folder/root" --no-same-owner --delay-directory-restore; done
ls ./*.deb | sed 's|^./||' >"$folder/versions"
rm -f ./*.deb
