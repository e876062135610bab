/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rig: the open drivers of one place. Open for a whole run; cases come and go. */
#ifndef OTARIG_RUN_RIG_H
#define OTARIG_RUN_RIG_H

#include "harness/io/loop.h"
#include "harness/rack/rack.h"

/* A switch that told nothing for so long breaks its driver's word, whose own limits are shorter. */
#define RIG_SWITCH_LIMIT_US 300000000u

/* The last command of a switch that takes its time (power_ops.start). */
struct rig_switch {
    bool moving; /* what the switch makes of it is not known yet */
    bool failed;
    uint64_t until_us; /* then it should long have told */
    struct power_report report;
    char why[300]; /* of one that failed */
};

struct rig {
    struct sink sink;      /* what the drivers see; passes on to `listener` */
    struct sink *listener; /* the case that runs, or NULL: events are dropped */
    struct loop *loop;
    const struct rack_place *place;
    char *folder;
    void *self[RACK_ROLES];  /* NULL: not open */
    struct link *fault_link; /* the update client's way to the board, with faults in it */
    int lock_fds[RACK_ROLES], also_fds[RACK_ROLES]; /* of what each device claims */
    struct rig_switch power;
};

/* Opens power, console, probe and update client in this order (the later ones use the earlier ones), after
 * taking a lock for each physical device. Blocks up to 2 s a driver. */
int rig_open(struct rig *rig, struct loop *loop, const struct rack_place *place, const char *folder,
             uint64_t seed, struct error *error);
/* The same for some of its devices only: `roles` has the bit 1 << RACK_POWER and so on; a device that the
 * place lacks is passed over. After a failure the rail is as it was, where rig_open makes it safe. */
int rig_open_some(struct rig *rig, unsigned roles, struct loop *loop, const struct rack_place *place,
                  const char *folder, uint64_t seed, struct error *error);
/* Closes in reverse order; the power driver leaves the rail in the place's safe state. */
void rig_close(struct rig *rig);
/* Closes in reverse order; the rail stays as it is. */
void rig_leave(struct rig *rig);

const struct power_ops *rig_power(const struct rig *rig);
/* Commands the switch. One that takes its time is `rig->power.moving` then, until the event that tells its
 * end has come by. */
int rig_switch_start(struct rig *rig, bool on, struct power_report *report, struct error *error);
/* It is `moving` for longer than any switch may; *error says so, and it is not `moving` any more. */
bool rig_switch_overdue(struct rig *rig, struct error *error);
/* rig_switch_start to its end: turns the loop, for RIG_SWITCH_LIMIT_US at most. Outside of a run. */
int rig_switch(struct rig *rig, bool on, struct power_report *report, struct error *error);
/* Something reads the rail: how soon it tells that the rail has moved. 0: nothing does. */
uint64_t rig_sense_us(const struct rig *rig);
/* After that the rail has moved, if the switch told the truth; 0: at once. */
uint64_t rig_latency_us(const struct rig *rig);
const struct console_ops *rig_console(const struct rig *rig);
const struct probe_ops *rig_probe(const struct rig *rig);   /* NULL: none */
const struct update_ops *rig_update(const struct rig *rig); /* NULL: none */
const struct server_ops *rig_server(const struct rig *rig); /* NULL: none */
/* Its update client can do that (enum update_ability); false without one. */
bool rig_can(const struct rig *rig, enum update_ability ability);

#endif
