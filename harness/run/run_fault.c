/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Faults: from armed over triggered to over, and what proves that they reached the board. All of it runs in
 * the loop, not in the fiber: a cut must not wait for anything. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "harness/base/clock.h"
#include "harness/driver/link_fault.h"
#include "harness/run/run.h"

static void say(struct run_fault *fault, enum event_kind kind, const char *what, cJSON *fields)
{
    event_put_full(&fault->run->sink, kind, "fault", what, fault->fault->name, EVENT_NO_NUMBER, fields);
    cJSON_Delete(fields);
}

void run_fault_prove(struct run *run, struct run_fault *fault, bool proven, const char *why)
{
    if (fault->proven || fault->unproven)
        return;
    fault->proven = proven;
    fault->unproven = !proven;
    cJSON *fields = cJSON_CreateObject();
    cJSON_AddStringToObject(fields, "why", why);
    say(fault, EVENT_FAULT, proven ? "proven" : "unproven", fields);
}

bool run_fault_cuts(const struct run_fault *fault)
{
    return fault->fault->action.kind == ACTION_POWER_CUT || fault->fault->action.kind == ACTION_POWER_STORM;
}

/* A cut that is over, of the power-up that the board lives in, and nobody has said yet whether it struck. */
static bool is_open(const struct run_fault *fault)
{
    return run_fault_cuts(fault) && fault->state == FAULT_OVER && !fault->proven && !fault->unproven &&
           fault->run->on_us == fault->on_us;
}

/* ---- actions ---- */

static void over(struct run_fault *fault)
{
    fault->state = FAULT_OVER;
    say(fault, EVENT_FAULT, "over", NULL);
}

/* A cut soon after another one: there was no time to ask whether that one reached the board. */
static void prove_earlier(const struct run_fault *fault)
{
    struct run *run = fault->run;
    char why[200];
    for (size_t i = 0; i < run->plan->scenario.fault_count; i++) {
        struct run_fault *other = &run->faults[i];
        if (other != fault && is_open(other) && run_lost_power(run, false, why, sizeof why) == RUN_COLD_YES)
            run_fault_prove(run, other, true, why);
    }
}

static void cut(struct run_fault *fault)
{
    struct run *run = fault->run;
    prove_earlier(fault);
    fault->off = true;
    run_power_fault(run, false, fault->planned_us, fault);
}

static void restore(struct run_fault *fault)
{
    fault->off = false;
    run_power_fault(fault->run, true, 0, fault);
}

void run_fault_commanded(struct run_fault *fault, bool on)
{
    if (on)
        fault->on_us = fault->run->on_us;
}

void run_fault_switched(struct run_fault *fault, bool on)
{
    struct run *run = fault->run;
    if (!on) {
        fault->off_us = run->off_us;
        loop_timer_set(fault->timer, clock_now_us() + (uint64_t)fault->fault->action.off_us);
        return;
    }
    run_recovery_from_power(run, "power came back");
    if (--fault->left > 0) {
        loop_timer_set(fault->timer, run->on_by_us + (uint64_t)fault->fault->action.on_us);
        return;
    }
    if (fault->state == FAULT_ACTIVE)
        over(fault);
    if (run->seen.boots) /* it was there before the switch told so */
        run_fault_boot(run);
}

static void link_act(struct run_fault *fault)
{
    const struct action *action = &fault->fault->action;
    struct link_fault_spec spec = {.mode = action->link,
                                   .from_byte = (uint64_t)action->from_byte,
                                   .up_us = (uint64_t)action->up_us,
                                   .down_us = (uint64_t)action->down_us,
                                   .for_us = 0,
                                   .rate = (uint64_t)action->rate,
                                   .every = (uint64_t)action->every,
                                   .probability = action->probability};
    link_fault_set(fault->run->rig->fault_link, &spec);
    if (action->for_us)
        loop_timer_set(fault->timer, clock_now_us() + (uint64_t)action->for_us);
}

static void link_lift(struct run_fault *fault)
{
    link_fault_clear(fault->run->rig->fault_link);
    /* a board that is on its way up anyhow does not need the link for it */
    if (!fault->run->recovery.from_us || fault->run->recovery.app_us)
        run_recovery_from(fault->run, clock_now_us(), "the link came back");
    over(fault);
}

static void reset_act(struct run_fault *fault)
{
    const struct probe_job job = {.verb = PROBE_RESET_RUN};
    struct error error = {0};
    if (rig_probe(fault->run->rig)->start(fault->run->rig->self[RACK_PROBE], &job, &error))
        run_fail_rig(fault->run, "probe: reset: %s", error.text);
    fault->asked = true;
    fault->power_ups = fault->run->power_ups;
    run_recovery_from(fault->run, clock_now_us(), "the reset");
    over(fault);
}

/* ---- at the update server ---- */

/* A rule's name at the server: that of the fault, so that its events name it. */
static int spoil(struct run_fault *fault, const cJSON *rule)
{
    const struct server_ops *server = rig_server(fault->run->rig);
    struct error error = {0};
    fault->at_server = server != NULL;
    if (!server)
        run_fail_rig(fault->run, "this place has no server");
    else if (server->spoil(fault->run->rig->self[RACK_SERVER], fault->fault->name, rule, &error))
        run_fail_rig(fault->run, "server: %s", error.text);
    else
        return 0;
    return -1;
}

static void lift(struct run_fault *fault)
{
    const struct server_ops *server = rig_server(fault->run->rig);
    struct error error = {0};
    bool stands = fault->at_server;
    fault->at_server = false;
    if (stands && server->lift(fault->run->rig->self[RACK_SERVER], fault->fault->name, &error))
        run_fail_rig(fault->run, "server: %s", error.text);
}

static void server_act(struct run_fault *fault)
{
    const struct action *action = &fault->fault->action;
    fault->left = action->times;
    if (!spoil(fault, action->rule) && action->for_us)
        loop_timer_set(fault->timer, clock_now_us() + (uint64_t)action->for_us);
}

static void server_lift(struct run_fault *fault)
{
    lift(fault);
    run_recovery_from(fault->run, clock_now_us(), "the server's fault was over");
    over(fault);
}

static bool in_steps(const struct run_fault *fault)
{
    return !strcmp(fault->run->phase, "run");
}

static void disarm(struct run_fault *fault)
{
    fault->state = FAULT_DISARMED;
    say(fault, EVENT_TRIGGER, "disarmed", NULL);
}

static void act(struct run_fault *fault)
{
    if (!in_steps(fault)) {
        disarm(fault);
        return;
    }
    fault->run->struck++;
    fault->state = FAULT_ACTIVE;
    fault->begin_us = clock_now_us();
    fault->left = fault->fault->action.kind == ACTION_POWER_STORM ? fault->fault->action.times : 1;
    switch (fault->fault->action.kind) {
    case ACTION_POWER_CUT:
    case ACTION_POWER_STORM:
        cut(fault);
        break;
    case ACTION_LINK:
        link_act(fault);
        break;
    case ACTION_RESET:
        reset_act(fault);
        break;
    case ACTION_SERVER:
        server_act(fault);
        break;
    case ACTION_IMAGE:
        break;
    }
    say(fault, EVENT_FAULT, "fired", NULL);
}

static void on_timer(void *arg, uint64_t now_us)
{
    struct run_fault *fault = arg;
    if (fault->state == FAULT_DELAYED) {
        act(fault);
    } else if (fault->state == FAULT_ACTIVE && fault->fault->action.kind == ACTION_LINK) {
        link_lift(fault);
    } else if (fault->state == FAULT_ACTIVE && fault->fault->action.kind == ACTION_SERVER) {
        server_lift(fault);
    } else if (fault->state == FAULT_ACTIVE && fault->off) {
        restore(fault);
    } else if (fault->state == FAULT_ACTIVE) {
        fault->planned_us = now_us;
        cut(fault);
    }
}

void run_fault_unfired(const struct run_fault *fault, char *why, size_t size)
{
    const struct trigger *trigger = &fault->fault->trigger;
    const char *of = trigger->kind == TRIGGER_MARK ? trigger->mark : trigger->watch;
    int64_t count = trigger->count > 1 ? trigger->count : 1;
    if (fault->state >= FAULT_ACTIVE)
        snprintf(why, size, "it fired, but nothing shows that it reached the board");
    else if (fault->state != FAULT_IDLE && fault->hits >= count)
        snprintf(why, size,
                 "it never fired: its trigger came, and its delay was not over when the steps were");
    else if (fault->state != FAULT_IDLE && of)
        snprintf(why, size, "it never fired: the %s '%.60s' came %" PRId64 " of %" PRId64 " times",
                 trigger->kind == TRIGGER_MARK ? "mark" : "watch", of, fault->hits, count);
    else
        snprintf(why, size, "it never fired");
}

/* ---- triggers ---- */

static void hit(struct run_fault *fault, uint64_t t_us)
{
    if (fault->state != FAULT_ARMED || !in_steps(fault) || ++fault->hits < fault->fault->trigger.count)
        return;
    fault->planned_us = t_us + (uint64_t)fault->fault->trigger.delay_us;
    fault->state = FAULT_DELAYED;
    if (fault->planned_us <= clock_now_us())
        act(fault);
    else
        loop_timer_set(fault->timer, fault->planned_us);
    say(fault, EVENT_TRIGGER, "hit", NULL);
}

void run_fault_arm(struct run *run, struct run_fault *fault)
{
    if (!fault->timer) {
        fault->timer = loop_add_timer(run->loop, LOOP_NEVER, on_timer, fault);
        loop_priority(fault->timer, -10);
    }
    fault->state = FAULT_ARMED;
    fault->hits = 0;
    say(fault, EVENT_TRIGGER, "armed", NULL);
    if (fault->fault->trigger.kind == TRIGGER_REQUEST)
        spoil(fault, fault->fault->trigger.rule);
    if (fault->fault->trigger.kind == TRIGGER_NOW || fault->fault->trigger.kind == TRIGGER_ELAPSED)
        hit(fault, clock_now_us());
}

static void hit_all(struct run *run, enum trigger_kind kind, uint64_t t_us)
{
    for (size_t i = 0; i < run->plan->scenario.fault_count; i++)
        if (run->faults[i].fault->trigger.kind == kind && run->faults[i].fault->action.kind != ACTION_IMAGE)
            hit(&run->faults[i], t_us);
}

bool run_fault_wants_mark(struct run *run, const char *mark)
{
    for (size_t i = 0; i < run->plan->scenario.fault_count; i++)
        if (run->faults[i].state == FAULT_ARMED && run->faults[i].fault->trigger.kind == TRIGGER_MARK &&
            !strcmp(run->faults[i].fault->trigger.mark, mark))
            return true;
    return false;
}

void run_fault_mark(struct run *run, const char *mark, uint64_t t_us)
{
    for (size_t i = 0; i < run->plan->scenario.fault_count; i++) {
        const struct trigger *trigger = &run->faults[i].fault->trigger;
        if (trigger->kind == TRIGGER_MARK && trigger->mark && !strcmp(trigger->mark, mark))
            hit(&run->faults[i], t_us);
    }
}

void run_fault_bytes(struct run *run, int64_t bytes)
{
    for (size_t i = 0; i < run->plan->scenario.fault_count; i++) {
        struct run_fault *fault = &run->faults[i];
        const struct trigger *trigger = &fault->fault->trigger;
        if (trigger->kind != TRIGGER_BYTES || fault->state != FAULT_ARMED)
            continue;
        int64_t wanted =
            trigger->bytes >= 0 ? trigger->bytes : (int64_t)run->upload_len * trigger->percent / 100;
        if (bytes >= wanted)
            hit(fault, clock_now_us());
    }
}

void run_fault_power_up(struct run *run)
{
    hit_all(run, TRIGGER_POWER_UP, run->on_by_us);
}

void run_fault_halted(struct run *run)
{
    hit_all(run, TRIGGER_WATCH, clock_now_us());
}

void run_fault_restart(struct run *run)
{
    hit_all(run, TRIGGER_RESTART, clock_now_us());
}

void run_fault_done(struct run *run)
{
    hit_all(run, TRIGGER_DONE, clock_now_us());
}

/* ---- proofs ---- */

/* By both: the board may start for another reason, and a probe may be on another board. */
static void prove_reset(struct run_fault *fault)
{
    if (fault->reset && fault->rebooted)
        run_fault_prove(fault->run, fault, true, "the probe reset the board, and it booted");
}

void run_fault_probe(struct run *run)
{
    char why[200];
    for (size_t i = 0; i < run->plan->scenario.fault_count; i++) {
        struct run_fault *fault = &run->faults[i];
        if (!fault->asked)
            continue;
        fault->asked = false;
        fault->reset = run->probe.ok;
        snprintf(why, sizeof why, "the probe could not reset the board: %s", run->probe.reason);
        if (!fault->reset)
            run_fault_prove(run, fault, false, why);
        prove_reset(fault);
    }
}

void run_fault_boot(struct run *run)
{
    /* of the first start since power came: a slow switch tells of it when the board has long gone on, and
     * started anew */
    bool cold = run->first_cold == RUN_COLD_YES && run->first_on_us == run->on_us;
    for (size_t i = 0; i < run->plan->scenario.fault_count; i++) {
        struct run_fault *fault = &run->faults[i];
        if (fault->state != FAULT_OVER || fault->proven || fault->unproven)
            continue;
        if (fault->fault->action.kind == ACTION_RESET) {
            fault->rebooted |= run->power_ups == fault->power_ups;
            prove_reset(fault);
        } else if (run_fault_cuts(fault) && run->late_us) /* when it went off is what the case is about */
            run_fault_prove(run, fault, false, "the board talked while its power should have been off");
        else if (run_fault_cuts(fault) && cold &&
                 run->on_us == fault->on_us) /* a later life proves nothing */
            run_fault_prove(run, fault, true, "the board's first line after it is that of a cold boot");
    }
}

void run_fault_ask_cold(struct run *run, struct run_fault *fault, bool started)
{
    char why[200];
    if (!is_open(fault) || run_broken(run))
        return;
    enum run_cold cold = run_lost_power(run, true, why, sizeof why);
    if (cold == RUN_COLD_UNKNOWN && !started && run_cold_await(run))
        cold = run_lost_power(run, true, why, sizeof why);
    if (cold == RUN_COLD_YES)
        run_fault_prove(run, fault, true, why);
    else if (started && !run_broken(run))
        run_fault_prove(run, fault, false, why);
}

void run_faults_ask_cold(struct run *run)
{
    for (size_t i = 0; i < run->plan->scenario.fault_count; i++)
        run_fault_ask_cold(run, &run->faults[i], true);
}

void run_fault_image(struct run *run, struct run_fault *fault, const char *why)
{
    if (fault->state == FAULT_OVER)
        return;
    fault->state = FAULT_OVER;
    say(fault, EVENT_FAULT, "fired", NULL);
    run_fault_prove(run, fault, true, why);
}

void run_fault_link(struct run *run)
{
    for (size_t i = 0; i < run->plan->scenario.fault_count; i++) {
        struct run_fault *fault = &run->faults[i];
        if (fault->fault->action.kind == ACTION_LINK &&
            (fault->state == FAULT_ACTIVE || fault->state == FAULT_OVER))
            run_fault_prove(run, fault, true, "the link held back or changed bytes");
    }
}

/* What the server tells of a rule by the name of a fault: that a trigger's byte was reached, or that an
 * action has struck. */
void run_fault_server(struct run *run, const struct event *event)
{
    const cJSON *what = cJSON_GetObjectItemCaseSensitive(event->fields, "what");
    struct run_fault *fault = event->value ? run_fault_named(run, event->value) : NULL;
    if (!fault || strcmp(event->what, "fault") || !cJSON_IsString(what))
        return;
    bool told = !strcmp(what->valuestring, "told");
    if (told && fault->fault->trigger.kind == TRIGGER_REQUEST && fault->state == FAULT_ARMED) {
        fault->hits = fault->fault->trigger.count - 1; /* the server has counted */
        hit(fault, event->t_us);
    } else if (fault->fault->action.kind == ACTION_SERVER && fault->state == FAULT_ACTIVE) {
        run_fault_prove(run, fault, true, "the server has spoilt a request");
        if (fault->fault->action.times && --fault->left <= 0)
            server_lift(fault);
    }
}

/* ---- the end of the steps ---- */

bool run_faults_active(const struct run *run)
{
    for (size_t i = 0; i < run->plan->scenario.fault_count; i++)
        if (run->faults[i].state == FAULT_DELAYED || run->faults[i].state == FAULT_ACTIVE)
            return true;
    return false;
}

static void stop_timers(struct run *run)
{
    for (size_t i = 0; i < run->plan->scenario.fault_count; i++)
        if (run->faults[i].timer)
            loop_timer_set(run->faults[i].timer, LOOP_NEVER);
}

void run_faults_end(struct run *run)
{
    stop_timers(run);
    run_power_await(run); /* a switch that takes its time; its end may have set a timer anew */
    stop_timers(run);
    for (size_t i = 0; i < run->plan->scenario.fault_count; i++) {
        struct run_fault *fault = &run->faults[i];
        if (fault->state == FAULT_ACTIVE && fault->fault->action.kind == ACTION_LINK)
            link_lift(fault);
        else if (fault->state == FAULT_ACTIVE && fault->fault->action.kind == ACTION_SERVER)
            server_lift(fault);
        else if (fault->state == FAULT_ACTIVE && fault->off && !run_broken(run)) {
            fault->left = 1;
            restore(fault);
        } else if (fault->state == FAULT_ACTIVE)
            over(fault);
        else if (fault->state == FAULT_ARMED || fault->state == FAULT_DELAYED)
            disarm(fault);
        lift(fault); /* of what comes after the steps the server spoils nothing, and tells nothing */
    }
    run_power_await(run);
}

struct run_fault *run_fault_named(struct run *run, const char *name)
{
    for (size_t i = 0; i < run->plan->scenario.fault_count; i++)
        if (!strcmp(run->faults[i].fault->name, name))
            return &run->faults[i];
    return NULL;
}
