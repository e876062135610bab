/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A serial port, opened by libserialport: the one place of the drivers that does. */
#ifndef OTARIG_DRIVER_CONSOLE_SERIAL_PORT_H
#define OTARIG_DRIVER_CONSOLE_SERIAL_PORT_H

#include <stdint.h>

#include "harness/driver/console/serial_find.h"

struct sp_port;

struct serial_port {
    struct sp_port *sp;         /* NULL: not open */
    int fd;                     /* non-blocking reads; -1: not open */
    char name[SERIAL_NAME_MAX]; /* of the device, as found last */
    bool absent;                /* no such port, as opposed to one that cannot be opened */
};

enum serial_level { SERIAL_HIGH, SERIAL_LOW, SERIAL_LEAVE };
struct serial_settings {
    int64_t baud; /* any; 8 bits, no parity, one stop bit, no flow control */
    enum serial_level dtr, rts;
    bool shared;     /* others may have it open, too: who uses it together takes turns by flock(2) */
    bool lines_stay; /* DTR and RTS are not dropped when it is closed */
};

/* Finds and opens it; one that is not shared forgets what came before. ERROR_RIG: not there, not permitted,
 * in use by another otarig, or no serial port. `port` stays closed then. */
int serial_port_open(struct serial_port *port, const struct serial_wanted *wanted,
                     const struct serial_settings *settings, struct error *error);
/* One that is closed already is fine. */
void serial_port_close(struct serial_port *port);

#endif
