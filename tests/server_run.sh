#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs at places with a server of their own: good.
set -eu
exec python3 "$(dirname "$0")/server_run.py" good
