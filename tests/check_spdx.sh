#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Each source file says its licence within its first lines.
set -u
here=${1:-${OTARIG_SOURCE:-$(cd "$(dirname "$0")/.." && pwd)}}
cd "$here" || exit 1
git rev-parse --is-inside-work-tree >/dev/null 2>&1 || { echo "no git tree"; exit 77; }
missing=$(git ls-files '*.c' '*.h' '*.S' '*.ld' '*.ld.in' '*.sh' '*.py' '*.cmake' '*.tcl' '*CMakeLists.txt' rig | xargs grep -L '^[/#*]* *SPDX-License-Identifier: GPL-2.0-or-later')
[ -z "$missing" ] || { echo "WRONG: expected the line SPDX-License-Identifier: GPL-2.0-or-later in" $missing; exit 1; }
