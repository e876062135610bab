#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A bounded storm: good and bad firmware on a few rigs that break at random moments. ./rig storm makes a night of it.
set -u
command -v python3 >/dev/null || exit 77
exec python3 "$(dirname "$0")/storm.py" "${OTARIG_SOURCE:?}" "${OTARIG_BUILD:?}" "${1:-20261130}" "${2:-16}"
