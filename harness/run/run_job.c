/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Jobs of the probe and of the update client, driven to their end. */
#include <stdio.h>
#include <string.h>

#include "harness/base/clock.h"
#include "harness/run/run.h"

#define PROBE_RUNGS 2 /* of probe_ops.revive */
/* Beyond every driver's own deadline: a driver that never ends a job is a rig fault. Of a delivery it counts
 * from the last progress. */
#define JOB_LIMIT_US 600000000u

static bool probe_over(struct run *run, const void *arg)
{
    return !run->probe.running;
}

struct powered {
    unsigned power_ups;
};

/* A foreign protocol knows of no cut: what its program sends on into a board that has started again is typed
 * at that board. */
static bool is_lost(const struct run *run, const struct powered *powered)
{
    return run_speaks_raw(run) && run->power_ups != powered->power_ups;
}

static bool update_over(struct run *run, const void *arg)
{
    return !run->update.running || is_lost(run, arg);
}

static int probe_once(struct run *run, const struct probe_job *job)
{
    const struct probe_ops *probe = rig_probe(run->rig);
    struct error error = {0};
    if (run_broken(run))
        return -1;
    if (!probe) {
        snprintf(run->probe.reason, sizeof run->probe.reason, "this place has no probe");
        return -1;
    }
    run->probe.running = true;
    run->probe.ok = false;
    if (probe->start(run->rig->self[RACK_PROBE], job, &error)) {
        run->probe.running = false;
        snprintf(run->probe.reason, sizeof run->probe.reason, "%.150s", error.text);
        return -1;
    }
    if (run_until(run, probe_over, NULL, clock_now_us() + JOB_LIMIT_US) && run->probe.running) {
        probe->cancel(run->rig->self[RACK_PROBE]);
        run->probe.running = false;
        snprintf(run->probe.reason, sizeof run->probe.reason, "deadline");
        return -1;
    }
    return run->probe.ok ? 0 : -1;
}

/* Some adapters reset a board when they attach: a start meanwhile is not its own. */
int run_probe_once(struct run *run, const struct probe_job *job)
{
    bool calm = run->calm;
    run->calm = false;
    int result = probe_once(run, job);
    run->calm = calm;
    return result;
}

int run_probe(struct run *run, const struct probe_job *job)
{
    const struct probe_ops *probe = rig_probe(run->rig);
    char first[160] = "";
    struct probe_job attempt = *job;
    if (!probe) {
        run_fail_rig(run, "probe: %s: this place has none", probe_verb_name(job->verb));
        return -1;
    }
    if (!rack_probe_can(run->rig->place, job->verb)) { /* no ladder leads there */
        run_fail_rig(run, "probe: %s: the probe of this place cannot do that", probe_verb_name(job->verb));
        return -1;
    }
    for (unsigned rung = 0;; rung++) {
        struct error error = {0};
        if (!run_probe_once(run, &attempt))
            return 0;
        attempt.blank = false; /* who knows how far it came */
        if (run_broken(run))
            return -1;
        if (!rung)
            snprintf(first, sizeof first, "%s", run->probe.reason);
        run_note(run, "probe: %s failed (%s), recovery step %u", probe_verb_name(job->verb),
                 run->probe.reason, rung);
        run->calm = false; /* what a probe is reset by may reset the board */
        if (rung < PROBE_RUNGS)
            probe->revive(run->rig->self[RACK_PROBE], rung, &error);
        else if (rung > PROBE_RUNGS || run_power_cycle(run, 500000) || run_sleep(run, 100000))
            break;
    }
    run_fail_rig(run, "probe: %s: %s (server restarted, adapter reset and board power-cycled in vain)",
                 probe_verb_name(job->verb), first);
    return -1;
}

static int update_failed(struct run *run, enum update_outcome outcome, const char *reason)
{
    run->update.running = run->update.ok = false;
    run->update.outcome = outcome;
    snprintf(run->update.reason, sizeof run->update.reason, "%.150s", reason);
    return -1;
}

/* What a client lacks is nothing that its board needs. */
static bool is_needless(const struct run *run, enum update_intent intent)
{
    static const unsigned abilities[UPDATE_INTENTS] = {[UPDATE_STATE] = UPDATE_CAN_STATE,
                                                       [UPDATE_ACTIVATE] = UPDATE_CAN_ACTIVATE,
                                                       [UPDATE_RESTART] = UPDATE_CAN_RESTART,
                                                       [UPDATE_CONFIRM] = UPDATE_CAN_CONFIRM};
    return abilities[intent] && !rig_can(run->rig, abilities[intent]);
}

static void await_update(struct run *run, const struct powered *powered, uint64_t limit_us)
{
    int result;
    do {
        run->update.seen_us = 0;
        result = run_until(run, update_over, powered, clock_now_us() + limit_us);
    } while (result && !run_broken(run) && run->update.running && run->update.seen_us);
}

static int update_once(struct run *run, const struct update_job *job)
{
    const struct update_ops *update = rig_update(run->rig);
    const struct powered powered = {run->power_ups};
    struct error error = {0};
    if (!update)
        return update_failed(run, UPDATE_FAILED, "this place has no update client");
    run->update.running = true;
    run->update.ok = false;
    if (update->start(run->rig->self[RACK_UPDATE], job, &error))
        return update_failed(run, UPDATE_FAILED, error.text);
    await_update(run, &powered, job->deadline_us ? job->deadline_us + 5000000 : JOB_LIMIT_US);
    if (is_lost(run, &powered)) {
        update->cancel(run->rig->self[RACK_UPDATE]);
        return update_failed(run, UPDATE_SILENT, "the board lost its power meanwhile");
    }
    if (run->update.running) {
        update->cancel(run->rig->self[RACK_UPDATE]);
        return update_failed(run, UPDATE_SILENT, "deadline");
    }
    /* what lasts on the link on purpose may look like a limit of it */
    if (run->update.outcome == UPDATE_RIG && !run_faults_active(run))
        run_fail_rig(run, "update: %s", run->update.reason);
    return run->update.ok ? 0 : -1;
}

bool run_speaks_raw(const struct run *run)
{
    return run->update.running && rig_can(run->rig, UPDATE_SPEAKS_RAW);
}

bool run_delivery_restarts(const struct run *run)
{
    return rack_delivery_restarts(run->rig->place);
}

static const char delivery[] = "the delivery, which starts it again";

/* What was delivered starts by itself, and what is heard from here on is that start. */
static void expect_restart(struct run *run)
{
    run->seen = (struct run_seen){0};
    run->calm = false;
    run_recovery_from(run, clock_now_us(), delivery);
}

/* A start counts from the begin of the delivery on, but the time that the transfer takes is none of the
 * recovery. What was cut meanwhile has a time of its own. */
static void end_delivery(struct run *run)
{
    if (run->recovery.from == delivery)
        run->recovery.from_us = clock_now_us();
}

/* A board that refused, or that fetches by itself and did not take what it fetched, goes on with the life
 * that it was in, unless a start was seen. */
static void forget_restart(struct run *run, const struct run_seen *seen, const struct run_recovery *recovery)
{
    bool goes_on = rig_can(run->rig, UPDATE_PULLS) || run->update.outcome == UPDATE_REFUSED;
    if (!goes_on || run->seen.boots || run->seen.app_us)
        return;
    run->seen = *seen;
    run->recovery = *recovery;
}

int run_update(struct run *run, const struct update_job *job)
{
    bool restarts = job->intent == UPDATE_CONFIRM && rig_can(run->rig, UPDATE_CONFIRM_RESTARTS);
    if (run_broken(run))
        return -1;
    if (is_needless(run, job->intent))
        return 0;
    if (restarts) {
        run->seen = (struct run_seen){0};
        run->calm = false;
        run_recovery_from(run, clock_now_us(), "the restart that confirms");
    }
    const struct run_seen seen = run->seen;
    const struct run_recovery recovery = run->recovery;
    if (job->intent == UPDATE_DELIVER && run_delivery_restarts(run))
        expect_restart(run);
    int result = update_once(run, job);
    end_delivery(run);
    if (result && job->intent == UPDATE_DELIVER && run_delivery_restarts(run))
        forget_restart(run, &seen, &recovery);
    if (!result && job->intent == UPDATE_DELIVER && run_delivery_restarts(run))
        run_fault_restart(run);
    if (!result && restarts && run_wait_app(run, run_recovery_us(run)))
        return update_failed(run, UPDATE_FAILED, "after the restart that confirms, no application came up");
    return result;
}

struct update_job run_job_activate(const struct image *image, enum update_mode mode, uint8_t hash[32])
{
    bool has_hash = image && image->hash && strlen(image->hash) == 64;
    for (int i = 0; has_hash && i < 32; i++)
        sscanf(image->hash + 2 * i, "%2hhx", &hash[i]);
    return (struct update_job){.intent = UPDATE_ACTIVATE, .mode = mode, .hash = has_hash ? hash : NULL};
}
