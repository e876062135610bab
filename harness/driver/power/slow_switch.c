/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/driver/power/slow_switch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/io/task.h"

#define ASK_AGAIN_US 100000u

struct slow_switch {
    struct driver_env env;
    char *role;
    const struct switch_wire *wire;
    const struct switch_limits *limits;
    /* the command */
    bool busy, wanted, told; /* told: the switch said that it acted; now its state is asked for */
    int64_t tries;
    uint64_t commanded_us, told_us, told_host_us;
    /* the question */
    enum switch_ask ask;
    bool asking;
    struct task *task;         /* NULL: the wire's own way, or none is asked */
    struct loop_source *timer; /* host: limit of a question, or the time of the next */
    bool answer;               /* of the thread */
    int failed;
    struct error error;
};

static const char *word(bool on)
{
    return on ? "on" : "off";
}

bool switch_word(const char *text, bool *on)
{
    static const char *const words[][2] = {{"off", "on"},           {"0", "1"},
                                           {"false", "true"},       {"open", "closed"},
                                           {"disabled", "enabled"}, {"inactive", "active"}};
    for (size_t i = 0; text && i < sizeof words / sizeof *words; i++)
        for (int state = 0; state < 2; state++)
            if (!strcasecmp(text, words[i][state])) {
                *on = state;
                return true;
            }
    return false;
}

bool switch_state(const char *text, const char *is_on, const char *is_off, bool *on)
{
    if (!is_on && !is_off)
        return switch_word(text, on);
    *on = is_on ? !strcmp(text, is_on) : strcmp(text, is_off) != 0;
    /* a word that is neither of two that were named */
    return !is_on || !is_off || *on || !strcmp(text, is_off);
}

/* ---- one question ---- */

static void question_ended(void *arg, bool on, const struct error *failed);

static void work(void *arg)
{
    struct slow_switch *owner = arg;
    owner->failed = owner->wire->call(owner->wire->self, owner->ask, &owner->answer, &owner->error);
}

static void on_worked(void *arg)
{
    struct slow_switch *owner = arg;
    task_free(owner->task);
    owner->task = NULL;
    question_ended(owner, owner->answer, owner->failed ? &owner->error : NULL);
}

/* The rack's clock stands until the answer is there: the device is outside of it. */
static int ask(struct slow_switch *owner, enum switch_ask what, struct error *error)
{
    const struct switch_wire *wire = owner->wire;
    owner->ask = what;
    owner->error = (struct error){0};
    int failed = 0;
    if (wire->begin)
        failed = wire->begin(wire->self, what, question_ended, owner, error);
    else
        failed = (owner->task = task_start(owner->env.loop, work, on_worked, owner, error)) ? 0 : -1;
    if (failed)
        return -1;
    owner->asking = true;
    loop_hold(owner->env.loop);
    if (wire->begin)
        loop_timer_set(owner->timer, clock_host_us() + (uint64_t)owner->limits->timeout_ms * 1000);
    return 0;
}

static void end_question(struct slow_switch *owner)
{
    if (!owner->asking)
        return;
    owner->asking = false;
    loop_timer_set(owner->timer, LOOP_NEVER);
    loop_release(owner->env.loop);
}

/* ---- the command ---- */

static void give_up(struct slow_switch *owner, const char *why)
{
    owner->busy = false;
    event_put(owner->env.sink, EVENT_RIG, owner->role, "switch", why);
}

static void tell_acted(struct slow_switch *owner, bool verified)
{
    cJSON *fields = cJSON_CreateObject();
    owner->busy = false;
    cJSON_AddNumberToObject(fields, "commanded_us", (double)owner->commanded_us);
    /* what it says of its state is no younger than its answer to the command, but its contact may be: the
     * later of the two times holds both */
    cJSON_AddNumberToObject(fields, "acted_us", (double)(verified ? clock_now_us() : owner->told_us));
    cJSON_AddBoolToObject(fields, "verified", verified);
    event_put_full(owner->env.sink, EVENT_POWER, owner->role, "acted", word(owner->wanted), EVENT_NO_NUMBER,
                   fields);
    cJSON_Delete(fields);
}

static void command(struct slow_switch *owner)
{
    struct error error = {0};
    owner->tries++;
    if (ask(owner, owner->wanted ? SWITCH_ON : SWITCH_OFF, &error))
        give_up(owner, error.text);
}

static void look(struct slow_switch *owner)
{
    struct error error = {0};
    if (ask(owner, SWITCH_GET, &error))
        give_up(owner, error.text);
}

static bool time_is_up(const struct slow_switch *owner)
{
    return clock_host_us() >= owner->told_host_us + (uint64_t)owner->limits->follow_ms * 1000;
}

static void wait_a_moment(struct slow_switch *owner)
{
    loop_timer_set(owner->timer, clock_host_us() + ASK_AGAIN_US);
}

static void on_timer(void *arg, uint64_t now_us)
{
    struct slow_switch *owner = arg;
    struct error late = {0};
    if (!owner->asking) {
        if (owner->busy && owner->told)
            look(owner);
        else if (owner->busy)
            command(owner);
        return;
    }
    owner->wire->cancel(owner->wire->self);
    error_set(&late, ERROR_RIG, "%s: no end within %d ms", owner->wire->name, (int)owner->limits->timeout_ms);
    question_ended(owner, false, &late);
}

static void command_ended(struct slow_switch *owner, const struct error *failed)
{
    if (failed && owner->tries <= owner->limits->retries) {
        event_put(owner->env.sink, EVENT_NOTE, owner->role, "again", failed->text);
        wait_a_moment(owner);
    } else if (failed) {
        give_up(owner, failed->text);
    } else {
        owner->told = true;
        owner->told_us = clock_now_us();
        owner->told_host_us = clock_host_us();
        if (owner->wire->gets)
            look(owner);
        else
            tell_acted(owner, false);
    }
}

static void look_ended(struct slow_switch *owner, bool on, const struct error *failed)
{
    struct error error = {0};
    if (!failed && on == owner->wanted) {
        tell_acted(owner, true);
    } else if (!time_is_up(owner)) {
        wait_a_moment(owner);
    } else {
        if (failed)
            error_set(&error, ERROR_RIG, "%s", failed->text);
        else
            error_set(&error, ERROR_RIG, "%s: switched %s, but it tells %s %d ms later", owner->wire->name,
                      word(owner->wanted), word(on), (int)owner->limits->follow_ms);
        give_up(owner, error.text);
    }
}

static void question_ended(void *arg, bool on, const struct error *failed)
{
    struct slow_switch *owner = arg;
    end_question(owner);
    if (!owner->busy)
        return;
    if (owner->ask == SWITCH_GET)
        look_ended(owner, on, failed);
    else
        command_ended(owner, failed);
}

int slow_switch_start(struct slow_switch *owner, bool on, struct power_report *report, struct error *error)
{
    *report = (struct power_report){.commanded_us = clock_now_us()};
    if (owner->busy)
        return error_set(error, ERROR_RIG, "%s: a command is under way", owner->wire->name);
    owner->busy = true;
    owner->wanted = on;
    owner->told = false;
    owner->tries = 1;
    owner->commanded_us = report->commanded_us;
    if (!ask(owner, on ? SWITCH_ON : SWITCH_OFF, error))
        return 0;
    owner->busy = false;
    return -1;
}

/* ---- by hand, and at the end ---- */

static void end_all(struct slow_switch *owner)
{
    owner->busy = false;
    if (owner->asking && !owner->task)
        owner->wire->cancel(owner->wire->self);
    task_free(owner->task); /* it ends by itself, within its limit */
    owner->task = NULL;
    end_question(owner);
}

int slow_switch_get(struct slow_switch *owner, bool *on, struct error *error)
{
    if (!owner->wire->gets)
        return error_set(error, ERROR_INPUT, "%s: nothing tells its state (no \"get\")", owner->wire->name);
    end_all(owner);
    return owner->wire->call(owner->wire->self, SWITCH_GET, on, error);
}

struct slow_switch *slow_switch_new(const struct driver_env *env, const struct switch_wire *wire,
                                    const struct switch_limits *limits)
{
    struct slow_switch *owner = mem_alloc(sizeof *owner);
    *owner = (struct slow_switch){.env = *env, .role = mem_string(env->role), .wire = wire, .limits = limits};
    owner->timer = loop_add_host_timer(env->loop, LOOP_NEVER, on_timer, owner);
    return owner;
}

void slow_switch_leave(struct slow_switch *owner)
{
    end_all(owner);
    loop_remove(owner->timer);
    free(owner->role);
    free(owner);
}

/* 0: it says so. Its state may take its time to follow. */
static int make_safe(const struct slow_switch *owner)
{
    const struct switch_wire *wire = owner->wire;
    bool on = !owner->env.safe_on;
    if (wire->call(wire->self, owner->env.safe_on ? SWITCH_ON : SWITCH_OFF, NULL, NULL))
        return -1;
    uint64_t end_us = clock_host_us() + (uint64_t)owner->limits->follow_ms * 1000;
    while (wire->gets && on != owner->env.safe_on) {
        if (wire->call(wire->self, SWITCH_GET, &on, NULL) || on != owner->env.safe_on) {
            if (clock_host_us() >= end_us)
                return -1;
            usleep(ASK_AGAIN_US);
        }
    }
    return 0;
}

/* The question that is under way, and twice: the command, the time that the state has to follow, and a
 * question that began in the last moment of it. */
uint64_t switch_safe_us(const struct switch_limits *limits)
{
    return (uint64_t)(limits->timeout_ms + 2 * (2 * limits->timeout_ms + limits->follow_ms)) * 1000 +
           2 * ASK_AGAIN_US;
}

void slow_switch_close(struct slow_switch *owner)
{
    end_all(owner); /* first: a command that is still on its way must not come after ours */
    if (make_safe(owner))
        make_safe(owner); /* once more: the safe state is worth it */
    slow_switch_leave(owner);
}
