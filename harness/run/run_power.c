/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rails. Every command is recorded with the times planned and commanded. What the switch tells, and where the
 * rail is sensed when it moved, are events.
 *
 * A switch may take its time. Until it tells that it acted the rail is `moving`: a command that comes
 * meanwhile waits. Then the rail is awaited: for its edge, where something senses it, else for as long as the
 * switch's documentation says. Then the command is `over`: the rail is where it should be, as far as can be
 * known. What lasts for some time, such as being without power, is counted from there. */
#include <string.h>

#include "harness/base/clock.h"
#include "harness/run/run.h"

#define DOUBT_US 500000u
#define EDGE_MARGIN_US                                                                                       \
    50000u /* beyond the limit of who senses the rail, which tells of what did not move                      \
            */

static cJSON *power_fields(const struct run *run, const struct power_report *report, uint64_t planned_us,
                           const struct run_fault *fault)
{
    uint64_t latency_us = rig_latency_us(run->rig);
    cJSON *fields = cJSON_CreateObject();
    cJSON_AddNumberToObject(fields, "planned_us", (double)(planned_us ? planned_us : report->commanded_us));
    cJSON_AddNumberToObject(fields, "commanded_us", (double)report->commanded_us);
    if (!run->rail.moving) {
        cJSON_AddNumberToObject(fields, "returned_us", (double)report->returned_us);
        cJSON_AddBoolToObject(fields, "verified", report->verified);
    }
    if (latency_us)
        cJSON_AddNumberToObject(fields, "latency_us", (double)latency_us);
    if (fault)
        cJSON_AddStringToObject(fields, "fault", fault->fault->name);
    return fields;
}

/* At the command: from here on what the board tells is of another life, or should not come at all. */
static void note_command(struct run *run, bool on, const struct power_report *report)
{
    run->powered = on;
    run->calm = false;
    if (on) {
        run->on_us = run->on_by_us = report->commanded_us;
        run->power_ups++;
        run->seen = (struct run_seen){0};
    } else {
        run->off_us = report->returned_us;
        run->off_commanded_us = report->commanded_us;
        run->late_us = 0;
        run->talked_while_off = false;
    }
}

/* ---- a command to its end ---- */

static void start_next(struct run *run);

static void over(struct run *run, uint64_t by_us)
{
    struct run_rail *rail = &run->rail;
    struct run_fault *fault = rail->fault;
    bool on = rail->on; /* a fault may begin right here, with a command of its own */
    rail->awaited = false;
    rail->ended = rail->commands;
    rail->fault = NULL;
    if (rail->timer)
        loop_timer_set(rail->timer, LOOP_NEVER);
    if (on) {
        run->on_by_us = by_us;
        run_fault_power_up(run);
    } else
        run->off_us = by_us;
    if (fault)
        run_fault_switched(fault, on);
    start_next(run);
    run_wake(run);
}

/* It ends, and nobody knows where the rail is: nothing follows from it, nor from what waited for its end. */
static void broken_off(struct run *run)
{
    struct run_rail *rail = &run->rail;
    rail->moving = rail->awaited = false;
    rail->ended = rail->commands;
    rail->fault = NULL;
    rail->next = (struct run_next_command){0};
    if (rail->timer)
        loop_timer_set(rail->timer, LOOP_NEVER);
}

static void on_awaited(void *arg, uint64_t now_us)
{
    struct run *run = arg;
    if (run->rail.awaited)
        over(run, run->rail.latest_us);
}

static void wait_until(struct run *run, uint64_t at_us)
{
    if (!run->rail.timer)
        run->rail.timer = loop_add_timer(run->loop, LOOP_NEVER, on_awaited, run);
    loop_timer_set(run->rail.timer, at_us);
}

/* The device that only senses. One that fails is a fault of the rig. */
static void expect(struct run *run, uint64_t until_us)
{
    struct error error = {0};
    const struct rack_device *sense = &run->rig->place->devices[RACK_SENSE];
    void *self = run->rig->self[RACK_SENSE];
    if (self && sense->driver->sense->expect(self, run->rail.on, run->rail.commanded_us, until_us, &error))
        run_fail_rig(run, "sense: %s", error.text);
}

/* The switch told that it acted, at `acted_us`. `waits`: its effect is awaited before anything else. */
static void acted(struct run *run, uint64_t acted_us, bool waits)
{
    struct run_rail *rail = &run->rail;
    uint64_t sense_us = rig_sense_us(run->rig);
    rail->moving = false;
    rail->latest_us = acted_us + rig_latency_us(run->rig);
    expect(run, rail->latest_us + sense_us);
    if (!waits || (!sense_us && rail->latest_us <= clock_now_us()) || rail->edge_us) {
        over(run, rail->edge_us ? rail->edge_us : rail->latest_us);
        return;
    }
    rail->awaited = true;
    wait_until(run, rail->latest_us + (sense_us ? sense_us + EDGE_MARGIN_US : 0));
}

/* -1: the rig's fault; nothing is under way. */
static int command(struct run *run, bool on, uint64_t planned_us, struct run_fault *fault)
{
    struct run_rail *rail = &run->rail;
    struct power_report report = {0};
    struct error error = {0};
    const struct probe_ops *probe = rig_probe(run->rig);
    bool moves = on != run->powered;
    /* half a line of the life before must not run into the first line of the next */
    if (on)
        lines_flush(&run->lines);
    bool pretended = fault && fault->fault->action.pretended;
    int failed = pretended ? 0 : rig_switch_start(run->rig, on, &report, &error);
    if (pretended)
        report.commanded_us = report.returned_us = clock_now_us();
    rail->moving = run->rig->power.moving;
    if (!failed)
        note_command(run, on, &report);
    if (probe && !pretended)
        probe->power(run->rig->self[RACK_PROBE], on);
    cJSON *fields = power_fields(run, &report, planned_us, fault);
    event_put_full(&run->sink, EVENT_POWER, "power", on ? "on" : "off", NULL, EVENT_NO_NUMBER, fields);
    cJSON_Delete(fields);
    rail->commands++;
    rail->on = on;
    rail->commanded_us = report.commanded_us;
    rail->edge_us = 0;
    rail->fault = fault;
    if (failed) {
        broken_off(run);
        run_fail_rig(run, "power: %s", error.text);
        return -1;
    }
    if (fault)
        run_fault_commanded(fault, on);
    if (rail->moving)
        expect(run, LOOP_NEVER);
    else /* a board that gets its power at once is not waited for: its first moment may be what a fault aims
            at */
        acted(run, on ? report.commanded_us : report.returned_us, !on && moves && rig_sense_us(run->rig));
    return 0;
}

static void start_next(struct run *run)
{
    struct run_next_command next = run->rail.next;
    run->rail.next = (struct run_next_command){0};
    if (next.fault)
        command(run, next.on, next.planned_us, next.fault);
}

/* ---- what is told ---- */

void run_power_event(struct run *run, const struct event *event)
{
    struct run_rail *rail = &run->rail;
    bool on = event->value && !strcmp(event->value, "on");
    uint64_t commanded_us = run_time_at(event->fields, "commanded_us");
    if (event->kind == EVENT_RIG && !strcmp(event->what, "switch") && rail->moving) {
        broken_off(run);
        return;
    }
    if (event->kind != EVENT_POWER || on != rail->on || commanded_us != rail->commanded_us)
        return;
    if (!strcmp(event->what, "acted") && rail->moving)
        acted(run, run->rig->power.report.returned_us, true);
    if (strcmp(event->what, "edge"))
        return;
    rail->edge_us = run_time_at(event->fields, "achieved_us");
    if (!on)
        run->sensed_off_us = commanded_us;
    if (rail->awaited)
        over(run, rail->edge_us);
}

/* ---- for faults, and inside the fiber ---- */

int run_power_fault(struct run *run, bool on, uint64_t planned_us, struct run_fault *fault)
{
    if (run->rail.ended == run->rail.commands)
        return command(run, on, planned_us, fault);
    run->rail.next = (struct run_next_command){fault, on, planned_us};
    return 0;
}

/* What was told is awaited for as long as the rail takes; that limit is short, and kept by on_awaited(). */
void run_power_await(struct run *run)
{
    struct error error = {0};
    while (run->rail.ended != run->rail.commands && !rig_switch_overdue(run->rig, &error)) {
        loop_timer_set(run->timer, run->rail.moving ? run->rig->power.until_us : LOOP_NEVER);
        fiber_wait();
    }
    if (run->rail.ended == run->rail.commands)
        return;
    broken_off(run);
    run_fail_rig(run, "power: %s", error.text);
}

int run_power(struct run *run, bool on, uint64_t planned_us)
{
    run_power_await(run);
    int failed = command(run, on, planned_us, NULL);
    run_power_await(run);
    return failed || run->fatal.kind != ERROR_NONE ? -1 : 0;
}

int run_power_cycle(struct run *run, uint64_t off_us)
{
    if (run_power(run, false, 0) || run_sleep(run, off_us))
        return -1;
    if (run->late_us && run_sleep(run, DOUBT_US)) /* does it talk, or was that on its way? */
        return -1;
    return run_power(run, true, 0);
}

int run_power_untold(struct run *run, uint64_t off_us)
{
    const struct probe_ops *probe = rig_probe(run->rig);
    run_note(run, "the power goes, and neither the run nor the verdict is told: either must notice");
    for (int on = 0; on <= 1; on++) {
        struct power_report report = {0};
        struct error error = {0};
        if (rig_switch_start(run->rig, on, &report, &error)) {
            run_fail_rig(run, "power: %s", error.text);
            return -1;
        }
        while (run->rig->power.moving && !rig_switch_overdue(run->rig, &error))
            if (run_sleep(run, 10000))
                return -1;
        if (error.kind != ERROR_NONE) {
            run_fail_rig(run, "power: %s", error.text);
            return -1;
        }
        if (probe)
            probe->power(run->rig->self[RACK_PROBE], on);
        if (!on && run_sleep(run, off_us))
            return -1;
    }
    return 0;
}
