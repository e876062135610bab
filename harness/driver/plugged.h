/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is plugged into this computer and may be a device of a rack: relay boards, hubs that switch their
 * ports, serial ports, debug probes. Nothing is opened but for reading its USB strings, or a hub's
 * descriptor. */
#ifndef OTARIG_DRIVER_PLUGGED_H
#define OTARIG_DRIVER_PLUGGED_H

#include <stddef.h>

#include "harness/base/error.h"

enum plugged_kind { PLUGGED_RELAY, PLUGGED_HUB, PLUGGED_PORT, PLUGGED_PROBE, PLUGGED_KINDS };

struct plugged {
    enum plugged_kind kind;
    char
        name[64]; /* RELAY: its power driver; PORT: /dev/ttyUSB0; PROBE: the file of OpenOCD that drives it */
    char what[64];     /* for people: what the device calls itself, or what its ids stand for */
    char ids[12];      /* "0403:6001"; "" where it hangs on no USB */
    char serial[64];   /* "" where it has none, or where we may not ask */
    char location[32]; /* bus and ports as in sysfs, "1-1.4"; "" unknown */
};

/* The caller frees *list. Blocks up to a second on a busy bus. ERROR_SYSTEM: this computer lists nothing. */
int plugged_list(struct plugged **list, size_t *count, struct error *error);
const char *plugged_kind_name(enum plugged_kind kind); /* "relay board" */

#endif
