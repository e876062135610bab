# SPDX-License-Identifier: GPL-2.0-or-later
# Stands in the search path ahead of OpenOCD's own target/swj-dp.tcl, so that the stock target files work over JTAG.
#
# The stock swj_newdap hands its arguments to `jtag newtap`, which insists on -irlen; target files written for SWD-only
# chips (nRF52 and others) do not give one. An ARM JTAG-DP has 4 bits (ADIv5.2, B3.2). Over SWD nothing changes, so this
# file may stay in the path for a real board, too.

if { [catch {transport select}] } {
	echo "Error: no transport selected; give transport select jtag|swd before the target file."
	shutdown
}

proc swj_newdap {chip tag args} {
	if { [using_jtag] } {
		if { [lsearch -exact $args -irlen] < 0 } {
			lappend args -irlen 4
		}
		eval jtag newtap $chip $tag $args
	} elseif { [using_swd] } {
		eval swd newdap $chip $tag $args
	} else {
		echo "Error: transport '[transport select]' has no debug access port."
		shutdown
	}
}
