#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The same seed gives the same journals, byte by byte, however busy the computer is and whoever is stopped for a while.
command -v python3 >/dev/null || exit 77
exec python3 "${OTARIG_SOURCE:?}/tests/same.py" "$OTARIG_SOURCE" "${OTARIG_BUILD:?}"
