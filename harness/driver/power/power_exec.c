/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Power "exec": any switch that has a program (a PDU's client, uhubctl, usbrelay). A program runs to its end,
 * at most `timeout_ms`, while everything else goes on. When the rail really moved is not known, so no edge is
 * told. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/driver/claim.h"
#include "harness/driver/driver.h"
#include "harness/driver/exec_call.h"
#include "harness/driver/exec_switch.h"
#include "harness/driver/table.h"

struct config {
    char **on, **off, **get;
    char *lock;
    struct switch_limits limits;
};

static const struct option_spec options[] = {
    {.name = "on",
     .help = "program and arguments that switch it on",
     .type = OPTION_PROGRAM,
     .runs = true,
     .offset = offsetof(struct config, on),
     .required = true},
    {.name = "off",
     .help = "program and arguments that switch it off",
     .type = OPTION_PROGRAM,
     .runs = true,
     .offset = offsetof(struct config, off),
     .required = true},
    {.name = "get",
     .help = "program that prints on or off (1 or 0)",
     .type = OPTION_PROGRAM,
     .runs = true,
     .offset = offsetof(struct config, get)},
    SWITCH_LIMITS(struct config, "1000"),
    {.name = "lock",
     .help = "name of the physical switch, for the lock (default: its programs)",
     .type = OPTION_STRING,
     .offset = offsetof(struct config, lock)},
    {0},
};

struct outlet {
    struct exec_switch programs;
    struct slow_switch *owner;
};

static int start(void *self, bool on, struct power_report *report, struct error *error)
{
    return slow_switch_start(((struct outlet *)self)->owner, on, report, error);
}

static int get(void *self, bool *on, struct error *error)
{
    return slow_switch_get(((struct outlet *)self)->owner, on, error);
}

static uint64_t latency_us(const void *config)
{
    return (uint64_t)((const struct config *)config)->limits.latency_ms * 1000;
}

static uint64_t safe_us(const void *config)
{
    return switch_safe_us(&((const struct config *)config)->limits);
}

static int outlet_open(const struct driver_env *env, const void *data, void **self, struct error *error)
{
    const struct config *config = data;
    struct outlet *outlet = mem_alloc(sizeof *outlet);
    exec_switch_init(&outlet->programs, env, config->off, config->on, config->get, config->limits.timeout_ms);
    outlet->owner = slow_switch_new(env, &outlet->programs.wire, &config->limits);
    *self = outlet;
    return 0;
}

static void outlet_leave(void *self)
{
    struct outlet *outlet = self;
    slow_switch_leave(outlet->owner);
    free(outlet);
}

static void outlet_close(void *self)
{
    struct outlet *outlet = self;
    slow_switch_close(outlet->owner);
    free(outlet);
}

/* Without a name the programs are the name: who runs the same ones moves the same switch. */
static void claim(const void *data, char *key, size_t size)
{
    const struct config *config = data;
    if (config->lock)
        claim_named(key, size, config->lock);
    else
        claim_programs(key, size, "switch", (char *const *const[]){config->on, config->off, NULL});
}

/* Switches nothing: the programs are looked for, and only "get" is run. */
static int examine(const struct driver_env *env, const void *data, char *advice, size_t size,
                   struct error *error)
{
    const struct config *config = data;
    struct exec_switch programs;
    char **const calls[] = {config->on, config->off};
    bool on;
    for (size_t i = 0; i < 2; i++)
        if (!exec_found(calls[i][0])) {
            snprintf(advice, size, "install it, or give its full path in the rack file");
            return error_set(error, ERROR_RIG, "%s: no such program", calls[i][0]);
        }
    if (!config->get)
        return 0;
    exec_switch_init(&programs, env, config->off, config->on, config->get, config->limits.timeout_ms);
    if (!programs.wire.call(&programs, SWITCH_GET, &on, error))
        return 0;
    snprintf(advice, size, "run it by hand: does it reach the switch, and print on or off?");
    return -1;
}

static const struct power_ops ops = {
    .start = start, .get = get, .latency_us = latency_us, .safe_us = safe_us};
const struct driver power_exec_driver = {.name = "exec",
                                         .help =
                                             "any switch that has a program (PDU client, uhubctl, usbrelay)",
                                         .kind = DRIVER_POWER,
                                         .options = options,
                                         .config_size = sizeof(struct config),
                                         .claim = claim,
                                         .open = outlet_open,
                                         .close = outlet_close,
                                         .leave = outlet_leave,
                                         .power = &ops,
                                         .examine = examine};
