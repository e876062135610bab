/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The drivers there are. A new driver adds its line here. */
#ifndef OTARIG_DRIVER_TABLE_H
#define OTARIG_DRIVER_TABLE_H

#include "harness/driver/driver.h"

#define DRIVERS(X)                                                                                           \
    X(power_ftdi)                                                                                            \
    X(power_exec)                                                                                            \
    X(power_http)                                                                                            \
    X(power_serial)                                                                                          \
    X(power_snmp)                                                                                            \
    X(power_mqtt)                                                                                            \
    X(power_modbus)                                                                                          \
    X(power_usbhub)                                                                                          \
    X(power_hidrelay)                                                                                        \
    X(sense_exec)                                                                                            \
    X(sense_http)                                                                                            \
    X(console_serial)                                                                                        \
    X(console_stream)                                                                                        \
    X(probe_openocd)                                                                                         \
    X(probe_exec)                                                                                            \
    X(probe_gdb)                                                                                             \
    X(update_smp)                                                                                            \
    X(update_exec)                                                                                           \
    X(update_probe)                                                                                          \
    X(update_server)                                                                                         \
    X(server_otad)

#define DRIVER_DECLARE(name) extern const struct driver name##_driver;
DRIVERS(DRIVER_DECLARE)
#undef DRIVER_DECLARE

#endif
