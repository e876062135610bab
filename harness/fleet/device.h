/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OTARIG_FLEET_DEVICE_H
#define OTARIG_FLEET_DEVICE_H

#include "harness/fleet/call.h"
#include "harness/fleet/fleet.h"

struct fleet {
    struct loop *loop;
    struct calls *calls;
    const struct fleet_spec *spec;
    struct fleet_result *result;
    struct device *devices;
    uint64_t begin_us;
    unsigned ended; /* devices that have the update, failed, or had it taken back */
    bool over;
};

struct device {
    struct fleet *fleet;
    unsigned index;
    struct loop_source *timer;
    void (*next)(struct device *device); /* what the timer is for */
    char *link;                          /* of the step under way */
    long long action;
    uint64_t size, got; /* of the artifact */
    unsigned misses;    /* in a row, without an answer */
    bool told, has, fails, ended;
};

/* Begins to poll after so long. */
void device_begin(struct device *device, struct fleet *fleet, unsigned index, uint64_t after_us);
void device_end(struct device *device);
/* fleet.c */
void fleet_note_call(struct fleet *fleet, const struct call_result *result);
void fleet_note_end(struct fleet *fleet, bool updated, bool failed);

#endif
