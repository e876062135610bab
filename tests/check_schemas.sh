#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Every file of the tree against its JSON Schema, and schema against program: where runs are named as arguments, their outputs instead of
# the latter.
set -u
command -v python3 >/dev/null || { echo "python3 is not installed"; exit 77; }
exec python3 "${OTARIG_SOURCE:?}/tests/check_schemas.py" "$OTARIG_SOURCE" "${OTARIG_BUILD:?}" "$@"
