/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/driver/sense/sense_poll.h"

#include <stdlib.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"

struct sense_poll {
    struct driver_env env;
    char *role;
    const struct switch_wire *wire;
    const struct sense_limits *limits;
    int level; /* as it was last read; -1: not known */
    /* what is expected */
    bool looking, wanted;
    uint64_t commanded_us, until_us;
    uint64_t old_us; /* it had not moved when that was asked for; 0: not known */
    /* the question */
    bool asking;
    uint64_t asked_us;
    struct loop_source *again; /* by the clock of the rail */
    struct loop_source *limit; /* by that of this computer */
};

static const char *word(bool on)
{
    return on ? "on" : "off";
}

static void ask(struct sense_poll *poll);

static void tell_edge(struct sense_poll *poll)
{
    uint64_t now_us = clock_now_us();
    cJSON *fields = cJSON_CreateObject();
    cJSON_AddNumberToObject(fields, "commanded_us", (double)poll->commanded_us);
    cJSON_AddNumberToObject(fields, "achieved_us", (double)now_us);
    cJSON_AddNumberToObject(fields, "within_us", (double)(now_us - poll->old_us));
    event_put_full(poll->env.sink, EVENT_POWER, poll->role, "edge", word(poll->wanted), EVENT_NO_NUMBER,
                   fields);
    cJSON_Delete(fields);
}

static void give_up(struct sense_poll *poll, const struct error *failed)
{
    struct error error = {0};
    poll->looking = false;
    if (failed)
        error_set(&error, ERROR_RIG, "%s", failed->text);
    else
        error_set(&error, ERROR_RIG, "%s: the power was switched %s, but the rail did not follow",
                  poll->wire->name, word(poll->wanted));
    event_put(poll->env.sink, EVENT_RIG, poll->role, "rail", error.text);
}

static void end_question(struct sense_poll *poll)
{
    if (!poll->asking)
        return;
    poll->asking = false;
    loop_timer_set(poll->limit, LOOP_NEVER);
    loop_release(poll->env.loop);
}

static void on_read(void *arg, bool on, const struct error *failed)
{
    struct sense_poll *poll = arg;
    end_question(poll);
    if (!failed)
        poll->level = on;
    if (!poll->looking)
        return;
    /* asked before the command: it says nothing of what followed */
    bool counts = !failed && poll->asked_us >= poll->commanded_us;
    if (counts && on == poll->wanted) {
        poll->looking = false;
        if (poll->old_us)
            tell_edge(poll);
        return;
    }
    if (!failed && on != poll->wanted)
        poll->old_us = counts ? poll->asked_us : poll->commanded_us;
    if (clock_now_us() >= poll->until_us)
        give_up(poll, failed);
    else
        loop_timer_set(poll->again, clock_now_us() + (uint64_t)poll->limits->every_ms * 1000);
}

static void on_again(void *arg, uint64_t now_us)
{
    ask(arg);
}

static void on_limit(void *arg, uint64_t now_us)
{
    struct sense_poll *poll = arg;
    struct error late = {0};
    poll->wire->cancel(poll->wire->self);
    error_set(&late, ERROR_RIG, "%s: no end within %d ms", poll->wire->name, (int)poll->limits->timeout_ms);
    on_read(poll, false, &late);
}

static void ask(struct sense_poll *poll)
{
    struct error error = {0};
    if (poll->asking)
        return;
    loop_timer_set(poll->again, LOOP_NEVER);
    poll->asked_us = clock_now_us();
    if (poll->wire->begin(poll->wire->self, SWITCH_GET, on_read, poll, &error)) {
        if (poll->looking)
            give_up(poll, &error);
        return;
    }
    poll->asking = true;
    loop_hold(poll->env.loop);
    loop_timer_set(poll->limit, clock_host_us() + (uint64_t)poll->limits->timeout_ms * 1000);
}

int sense_poll_expect(struct sense_poll *poll, bool on, uint64_t commanded_us, uint64_t until_us,
                      struct error *error)
{
    bool same = poll->commanded_us == commanded_us && poll->wanted == on;
    poll->until_us = until_us;
    if (same)
        return 0;
    bool moves = poll->level >= 0 && poll->level != on, is_there = poll->level == on;
    poll->wanted = on;
    poll->commanded_us = commanded_us;
    poll->old_us = moves ? commanded_us : 0;
    poll->looking = !is_there;
    if (poll->looking)
        ask(poll);
    return 0;
}

int sense_poll_get(struct sense_poll *poll, bool *on, struct error *error)
{
    int failed = poll->wire->call(poll->wire->self, SWITCH_GET, on, error);
    if (!failed && !poll->looking)
        poll->level = *on;
    return failed;
}

struct sense_poll *sense_poll_new(const struct driver_env *env, const struct switch_wire *wire,
                                  const struct sense_limits *limits)
{
    struct sense_poll *poll = mem_alloc(sizeof *poll);
    *poll = (struct sense_poll){
        .env = *env, .role = mem_string(env->role), .wire = wire, .limits = limits, .level = -1};
    poll->again = loop_add_timer(env->loop, LOOP_NEVER, on_again, poll);
    poll->limit = loop_add_host_timer(env->loop, LOOP_NEVER, on_limit, poll);
    /* once the loop turns: an edge can only be told of a rail that was seen elsewhere before */
    loop_timer_set(poll->again, clock_now_us());
    return poll;
}

void sense_poll_free(struct sense_poll *poll)
{
    if (poll->asking)
        poll->wire->cancel(poll->wire->self);
    end_question(poll);
    loop_remove(poll->again);
    loop_remove(poll->limit);
    free(poll->role);
    free(poll);
}

uint64_t sense_limits_us(const struct sense_limits *limits)
{
    return (uint64_t)limits->within_ms * 1000;
}
