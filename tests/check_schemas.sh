#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Every file of the tree, and the outputs of the runs named as arguments, against their JSON Schemas.
set -u
command -v python3 >/dev/null || { echo "python3 is not installed"; exit 77; }
exec python3 "${OTARIG_SOURCE:?}/tests/check_schemas.py" "$OTARIG_SOURCE" "${OTARIG_BUILD:?}" "$@"
