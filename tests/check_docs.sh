#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What README and docs/ show is what the program takes: check_docs.py.
set -u
command -v python3 >/dev/null || { echo "python3 is not installed"; exit 77; }
exec python3 "$OTARIG_SOURCE/tests/check_docs.py" "$OTARIG_SOURCE" "$OTARIG_BUILD"
