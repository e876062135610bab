/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rails: every command is recorded with the times planned and commanded; when the rail moved is an event of
 * the driver, where the hardware senses it. */
#include "harness/base/clock.h"
#include "harness/run/run.h"

#define DOUBT_US 500000u

static cJSON *power_fields(const struct power_report *report, uint64_t planned_us,
                           const struct run_fault *fault)
{
    cJSON *fields = cJSON_CreateObject();
    cJSON_AddNumberToObject(fields, "planned_us", (double)(planned_us ? planned_us : report->commanded_us));
    cJSON_AddNumberToObject(fields, "commanded_us", (double)report->commanded_us);
    cJSON_AddNumberToObject(fields, "returned_us", (double)report->returned_us);
    cJSON_AddBoolToObject(fields, "verified", report->verified);
    if (fault)
        cJSON_AddStringToObject(fields, "fault", fault->fault->name);
    return fields;
}

static void note_state(struct run *run, bool on, const struct power_report *report)
{
    run->powered = on;
    run->calm = false;
    if (on) {
        run->on_us = report->commanded_us;
        run->power_ups++;
        run->seen = (struct run_seen){0};
    } else {
        run->off_us = report->returned_us;
        run->off_commanded_us = report->commanded_us;
        run->late_us = 0;
        run->talked_while_off = false;
    }
}

int run_power(struct run *run, bool on, uint64_t planned_us, struct run_fault *fault)
{
    struct power_report report = {0};
    struct error error = {0};
    const struct power_ops *power = rig_power(run->rig);
    const struct probe_ops *probe = rig_probe(run->rig);
    /* half a line of the life before must not run into the first line of the next */
    if (on)
        lines_flush(&run->lines);
    int failed = power->set(run->rig->self[RACK_POWER], on, &report, &error);
    if (!failed)
        note_state(run, on, &report);
    if (probe)
        probe->power(run->rig->self[RACK_PROBE], on);
    cJSON *fields = power_fields(&report, planned_us, fault);
    event_put_full(&run->sink, EVENT_POWER, "power", on ? "on" : "off", NULL, EVENT_NO_NUMBER, fields);
    cJSON_Delete(fields);
    if (failed) {
        run_fail_rig(run, "power: %s", error.text);
        return -1;
    }
    if (on)
        run_fault_power_up(run);
    return 0;
}

int run_power_cycle(struct run *run, uint64_t off_us)
{
    if (run_power(run, false, 0, NULL) || run_sleep(run, off_us))
        return -1;
    if (run->late_us && run_sleep(run, DOUBT_US)) /* does it talk, or was that on its way? */
        return -1;
    return run_power(run, true, 0, NULL);
}
