#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The update server against Mender's client.
set -eu
exec python3 "$(dirname "$0")/server.py" mender
