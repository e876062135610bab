/* The drivers there are; table.c lists them. A new driver adds its line here and there. */
#ifndef OTARIG_DRIVER_TABLE_H
#define OTARIG_DRIVER_TABLE_H

#include "harness/driver/driver.h"

extern const struct driver power_ftdi_driver, power_exec_driver, console_serial_driver, console_stream_driver,
    probe_openocd_driver, update_smp_driver, update_probe_driver;

#endif
