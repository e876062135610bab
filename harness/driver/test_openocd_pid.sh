#!/bin/sh
# openocd that says who it is, for tests that kill it
echo $$ >"$OTARIG_TEST_PID"
exec openocd "$@"
