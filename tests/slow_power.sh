#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A switch that takes its time, and every way in which a run can end.
command -v python3 >/dev/null || exit 77
here=$(cd "$(dirname "$0")" && pwd)
exec python3 "$here/slow_power.py" "$OTARIG_BUILD" "$OTARIG_SOURCE"
