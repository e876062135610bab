/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/run/rig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/driver/link_fault.h"
#include "harness/rack/lock.h"

/* Of a switch that takes its time. */
static void hear_switch(struct rig *rig, const struct event *event)
{
    struct rig_switch *power = &rig->power;
    if (event->kind == EVENT_POWER && !strcmp(event->what, "acted")) {
        double at_us = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(event->fields, "acted_us"));
        power->moving = false;
        power->report.returned_us = at_us > 0 ? (uint64_t)at_us : clock_now_us();
        power->report.verified = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(event->fields, "verified"));
    } else if (event->kind == EVENT_RIG && !strcmp(event->what, "switch")) {
        power->moving = false;
        power->failed = true;
        snprintf(power->why, sizeof power->why, "%s", event->value ? event->value : "it failed");
    }
}

static void pass_on(struct sink *sink, const struct event *event)
{
    struct rig *rig = (struct rig *)sink;
    hear_switch(rig, event);
    if (rig->listener)
        rig->listener->put(rig->listener, event);
}

static int take_locks(struct rig *rig, enum rack_role role, struct error *error)
{
    const struct rack_device *device = &rig->place->devices[role];
    const char *holder = rig->place->name;
    return (device->claim[0] && lock_take(device->claim, holder, &rig->lock_fds[role], error)) ||
                   (device->claim_also[0] &&
                    lock_take(device->claim_also, holder, &rig->also_fds[role], error))
               ? -1
               : 0;
}

static int open_one(struct rig *rig, enum rack_role role, struct error *error)
{
    const struct rack_device *device = &rig->place->devices[role];
    const struct rack_device *probe = &rig->place->devices[RACK_PROBE];
    struct driver_env env = {.loop = rig->loop,
                             .sink = &rig->sink,
                             .place = rig->place->name,
                             .role = rack_role_name(role),
                             .folder = rig->folder,
                             .safe_on = rig->place->safe_on,
                             .link = rig->fault_link,
                             .probe = probe->driver ? probe->driver->probe : NULL,
                             .probe_self = rig->self[RACK_PROBE],
                             .server = rig_server(rig),
                             .server_self = rig->self[RACK_SERVER]};
    if (!device->driver)
        return 0;
    if (take_locks(rig, role, error))
        return error_prefix(error, "place '%s': %s", rig->place->name, env.role);
    if (device->driver->open(&env, device->config, &rig->self[role], error))
        return error_prefix(error, "place '%s': %s (%s)", rig->place->name, env.role, device->driver->name);
    return 0;
}

static void end(struct rig *rig, bool leave)
{
    for (int role = RACK_ROLES - 1; role >= 0; role--) {
        const struct driver *driver = rig->place->devices[role].driver;
        if (role == RACK_CONSOLE) {
            link_fault_free(rig->fault_link);
            rig->fault_link = NULL;
        }
        if (rig->self[role])
            (leave && driver->leave ? driver->leave : driver->close)(rig->self[role]);
        rig->self[role] = NULL;
        lock_release(rig->lock_fds[role]);
        lock_release(rig->also_fds[role]);
        rig->lock_fds[role] = rig->also_fds[role] = -1;
    }
    free(rig->folder);
    rig->folder = NULL;
}

static int begin(struct rig *rig, unsigned roles, struct loop *loop, const struct rack_place *place,
                 const char *folder, uint64_t seed, struct error *error)
{
    *rig = (struct rig){.sink = {.put = pass_on}, .loop = loop, .place = place, .folder = mem_string(folder)};
    for (int role = 0; role < RACK_ROLES; role++)
        rig->lock_fds[role] = rig->also_fds[role] = -1;
    for (int role = 0; role < RACK_ROLES; role++) {
        if (!(roles & 1u << role))
            continue;
        if (open_one(rig, role, error))
            return -1;
        if (role == RACK_CONSOLE && rig->self[role])
            rig->fault_link = link_fault_new(rig_console(rig)->link(rig->self[role]), loop, &rig->sink, seed);
    }
    return 0;
}

void rig_close(struct rig *rig)
{
    end(rig, false);
}

void rig_leave(struct rig *rig)
{
    end(rig, true);
}

int rig_open(struct rig *rig, struct loop *loop, const struct rack_place *place, const char *folder,
             uint64_t seed, struct error *error)
{
    if (!begin(rig, (1u << RACK_ROLES) - 1, loop, place, folder, seed, error))
        return 0;
    rig_close(rig);
    return -1;
}

int rig_open_some(struct rig *rig, unsigned roles, struct loop *loop, const struct rack_place *place,
                  const char *folder, uint64_t seed, struct error *error)
{
    if (!begin(rig, roles, loop, place, folder, seed, error))
        return 0;
    rig_leave(rig);
    return -1;
}

const struct power_ops *rig_power(const struct rig *rig)
{
    return rig->place->devices[RACK_POWER].driver->power;
}

int rig_switch_start(struct rig *rig, bool on, struct power_report *report, struct error *error)
{
    const struct power_ops *ops = rig_power(rig);
    void *self = rig->self[RACK_POWER];
    *report = (struct power_report){0};
    if (ops->set)
        return ops->set(self, on, report, error);
    rig->power = (struct rig_switch){.moving = true, .until_us = clock_now_us() + RIG_SWITCH_LIMIT_US};
    if (ops->start(self, on, report, error)) {
        rig->power.moving = false;
        return -1;
    }
    rig->power.report.commanded_us = report->commanded_us;
    return 0;
}

bool rig_switch_overdue(struct rig *rig, struct error *error)
{
    if (!rig->power.moving || clock_now_us() < rig->power.until_us)
        return false;
    rig->power.moving = false;
    error_set(error, ERROR_RIG, "the switch did not tell within %u s whether it acted",
              RIG_SWITCH_LIMIT_US / 1000000);
    return true;
}

int rig_switch(struct rig *rig, bool on, struct power_report *report, struct error *error)
{
    if (rig_switch_start(rig, on, report, error))
        return -1;
    if (rig_power(rig)->set)
        return 0;
    while (rig->power.moving) {
        if (rig_switch_overdue(rig, error) ||
            loop_turn(rig->loop, rig->power.until_us - clock_now_us(), error) < 0)
            return -1;
    }
    *report = rig->power.report;
    return rig->power.failed ? error_set(error, ERROR_RIG, "%s", rig->power.why) : 0;
}

uint64_t rig_sense_us(const struct rig *rig)
{
    const struct rack_device *sense = &rig->place->devices[RACK_SENSE];
    const struct rack_device *power = &rig->place->devices[RACK_POWER];
    if (rig->self[RACK_SENSE])
        return sense->driver->sense->sense_us(sense->config);
    return power->driver->power->sense_us ? power->driver->power->sense_us(power->config) : 0;
}

uint64_t rig_latency_us(const struct rig *rig)
{
    const struct rack_device *power = &rig->place->devices[RACK_POWER];
    return power->driver->power->latency_us ? power->driver->power->latency_us(power->config) : 0;
}

const struct console_ops *rig_console(const struct rig *rig)
{
    return rig->place->devices[RACK_CONSOLE].driver->console;
}

const struct probe_ops *rig_probe(const struct rig *rig)
{
    return rig->self[RACK_PROBE] ? rig->place->devices[RACK_PROBE].driver->probe : NULL;
}

const struct server_ops *rig_server(const struct rig *rig)
{
    return rig->self[RACK_SERVER] ? rig->place->devices[RACK_SERVER].driver->server : NULL;
}

const struct update_ops *rig_update(const struct rig *rig)
{
    return rig->self[RACK_UPDATE] ? rig->place->devices[RACK_UPDATE].driver->update : NULL;
}

bool rig_can(const struct rig *rig, enum update_ability ability)
{
    const struct update_ops *update = rig_update(rig);
    return update && update->abilities(rig->place->devices[RACK_UPDATE].config) & ability;
}
