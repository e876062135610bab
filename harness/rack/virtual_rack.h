/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Starts the virtual rack of a rack file and gives the environment in which drivers find it. */
#ifndef OTARIG_RACK_VIRTUAL_RACK_H
#define OTARIG_RACK_VIRTUAL_RACK_H

#include <stdbool.h>
#include <cjson/cJSON.h>

#include "harness/io/child.h"

struct virtual_rack {
    struct child *child;
    char *folder, *root;
    char *environment[6];      /* for child_spec: LD_PRELOAD, UMOCKDEV_DIR, OTARIG_RACK, OTARIG_LOCKS */
    bool ready, died, refused; /* the latter: died because of its rack file */
    char last_line[300];
};

/* Waits (at most 75 s) until it is ready. `folder` is for its sockets, flash contents and truth log.
 * `real_time`: whatever the rack file says, as somebody sits at it who lives in the host's time. `place`:
 * that one alone; NULL: all. */
int virtual_rack_start(struct virtual_rack *rack, struct loop *loop, const char *rack_file,
                       const char *boards_folder, const char *folder, bool real_time, const char *place,
                       struct error *error);
void virtual_rack_stop(struct virtual_rack *rack, struct loop *loop);
/* One command to the control socket of the rack at `folder`; the answer is the caller's, NULL on error. */
cJSON *virtual_rack_control(const char *folder, const cJSON *command, struct error *error);
/* What the rack says of a place: chip, rail, power_ups, twin{pid, slip_us, ...} (fixtures/rack/control.c);
 * the caller's, NULL on error. Blocks for about a millisecond. */
cJSON *virtual_rack_place(const char *folder, const char *place, struct error *error);

#endif
