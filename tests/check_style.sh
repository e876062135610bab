#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Every C file is as clang-format leaves it.
set -u
command -v clang-format >/dev/null || { echo "clang-format is not installed"; exit 77; }
cd "${OTARIG_SOURCE:-$(dirname "$0")/..}" || exit 1
git rev-parse --is-inside-work-tree >/dev/null 2>&1 || { echo "not a git checkout"; exit 77; }
git ls-files '*.c' '*.h' | while read -r file; do [ -f "$file" ] && echo "$file"; done | xargs clang-format --dry-run -Werror
