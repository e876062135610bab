#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What offers an update to a Linux board, at a terminal.
set -eu
exec python3 "$(dirname "$0")/linux_update.py"
