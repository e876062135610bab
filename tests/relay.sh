#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The relay over real sockets.
set -eu
exec python3 "$(dirname "$0")/relay.py"
