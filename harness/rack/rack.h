/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A rack: the places and their wiring. Options of drivers are parsed by the drivers' own tables. */
#ifndef OTARIG_RACK_RACK_H
#define OTARIG_RACK_RACK_H

#include <stdbool.h>

#include "harness/base/json.h"
#include "harness/driver/driver.h"

struct rack_device {
    const struct driver *driver; /* NULL: the place has none of this kind */
    void *config;
    char claim[128], claim_also[128]; /* no two places share one */
};

enum rack_role { RACK_POWER, RACK_CONSOLE, RACK_PROBE, RACK_SERVER, RACK_UPDATE, RACK_SENSE, RACK_ROLES };

struct rack_place {
    char *name, *board;
    struct rack_device devices[RACK_ROLES];
    bool safe_on;   /* rail state when nothing runs ("safe": "on" | "off"); default off */
    char *unproven; /* not NULL: quarantined by hand, with the reason */
};

struct rack {
    char *name, *path;
    bool is_virtual;
    bool own_time;    /* it is virtual, and goes by a clock of its own */
    char *hurt;       /* of a virtual one: the first place with a defect from the start; NULL: none has */
    bool hurt_others; /* and another place has one, too */
    struct rack_place *places;
    size_t place_count;
};

int rack_load(const char *path, struct rack *rack, struct error *error);
void rack_release(struct rack *rack);
/* The JSON Schema of rack files, from the tables that read them; the caller owns it. */
cJSON *rack_schema(void);
const struct rack_place *rack_place(const struct rack *rack, const char *name);
/* Of a virtual rack with a time of its own: nothing joins its places but their wires, so that each may have a
 * process, and a clock, for itself. */
bool rack_parts(const struct rack *rack);
/* The same of this place alone: no defect of another one can reach it. */
bool rack_stands_alone(const struct rack *rack, const struct rack_place *place);
const char *rack_role_name(enum rack_role role);
/* The place has a probe that offers this verb. */
bool rack_probe_can(const struct rack_place *place, enum probe_verb verb);
/* The place's update client can neither activate nor restart: what it delivers starts by itself. */
bool rack_delivery_restarts(const struct rack_place *place);

#endif
