/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which serial port is meant: by its name, a link to it, or by the USB adapter it belongs to. */
#ifndef OTARIG_DRIVER_CONSOLE_SERIAL_FIND_H
#define OTARIG_DRIVER_CONSOLE_SERIAL_FIND_H

#include <stdbool.h>
#include <stddef.h>

#include "harness/base/error.h"

#define SERIAL_NAME_MAX 64

/* NULL: any. Without `port` at least one of the others is needed. */
struct serial_wanted {
    const char *port;     /* /dev/ttyUSB0, or a link such as /dev/serial/by-path/... */
    const char *usb;      /* "1a86:7523", vendor and product in hexadecimal */
    const char *serial;   /* serial number of the adapter; many have none */
    const char *location; /* where it is plugged in: bus and ports as in sysfs, "1-1.4" */
};

/* The device's name (/dev/...), which changes with every plugging in. ERROR_INPUT: nothing or nonsense asked
 * for; ERROR_RIG: no port or more than one fits. A `port` need not be there. */
int serial_find(const struct serial_wanted *wanted, char name[SERIAL_NAME_MAX], struct error *error);

/* Where the adapter of this device (/dev/...) is plugged in, as in sysfs; false: it hangs on no USB. */
bool serial_location(const char *name, char *location, size_t size);

/* "1a86:7523" and nothing else. */
bool serial_read_ids(const char *text, int *vendor, int *product);

/* "/dev/ttyUSB0 (1a86:7523, at 1-2), ..." or "none", for people. */
void serial_list(char *text, size_t size);

#endif
