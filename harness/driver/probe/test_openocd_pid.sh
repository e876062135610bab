#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# openocd that says who it is, for tests that kill it
echo $$ >"$OTARIG_TEST_PID"
exec openocd "$@"
