#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# usage: selftest.sh [firmware|rigs|contract|good|kinds]...
command -v python3 >/dev/null || exit 77
exec python3 "${OTARIG_SOURCE:?}/tests/selftest.py" "$OTARIG_SOURCE" "${OTARIG_BUILD:?}" "$@"
