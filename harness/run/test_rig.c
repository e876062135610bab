/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A switch outside of a run: whoever waits for it waits no longer than it may take. */
#include <criterion/criterion.h>
#include <string.h>

#include "harness/base/clock.h"
#include "harness/run/rig.h"

static uint64_t now_ns = 1000000000;

static int open_switch(const struct driver_env *env, const void *config, void **self, struct error *error)
{
    *self = env->loop;
    return 0;
}

static void close_switch(void *self)
{
}

static void pass_time(void *arg)
{
    now_ns += (RIG_SWITCH_LIMIT_US + 1000000ull) * 1000;
}

/* It takes the command, and is never heard of again. */
static int start_switch(void *self, bool on, struct power_report *report, struct error *error)
{
    *report = (struct power_report){.commanded_us = clock_now_us()};
    loop_defer(self, pass_time, NULL);
    return 0;
}

Test(rig, a_switch_that_never_tells_is_not_waited_for)
{
    static const struct power_ops ops = {.start = start_switch};
    static const struct driver driver = {
        .name = "mute", .open = open_switch, .close = close_switch, .power = &ops};
    struct loop *loop = loop_new();
    struct rack_place place = {.name = "p1", .board = "b"};
    struct power_report report;
    struct error error = {0};
    struct rig rig;
    place.devices[RACK_POWER].driver = &driver;
    clock_follow(&now_ns);
    cr_assert_eq(rig_open_some(&rig, 1u << RACK_POWER, loop, &place, "/tmp", 1, &error), 0, "%s", error.text);
    cr_expect_eq(rig_switch(&rig, true, &report, &error), -1);
    cr_expect_str_eq(error.text, "the switch did not tell within 300 s whether it acted");
    rig_close(&rig);
    clock_follow(NULL);
    loop_free(loop);
}
