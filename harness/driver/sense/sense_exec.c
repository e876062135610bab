/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sense "exec": a program of yours reads the rail: a meter's client, a GPIO, a supply. It prints on or off.
 */
#include <stdio.h>
#include <stdlib.h>

#include "harness/base/mem.h"
#include "harness/driver/claim.h"
#include "harness/driver/exec_call.h"
#include "harness/driver/exec_switch.h"
#include "harness/driver/sense/sense_poll.h"
#include "harness/driver/table.h"

struct config {
    struct sense_limits limits;
    char **get, *lock;
};

static const struct option_spec options[] = {
    {.name = "get",
     .help = "program that reads the rail and prints on or off (1 or 0)",
     .type = OPTION_PROGRAM,
     .runs = true,
     .required = true,
     .offset = offsetof(struct config, get)},
    {.name = "lock",
     .help = "name of what is read, for the lock (default: the program)",
     .type = OPTION_STRING,
     .offset = offsetof(struct config, lock)},
    SENSE_LIMITS(struct config),
    {0},
};

struct meter {
    struct exec_switch program;
    struct sense_poll *poll;
};

static int meter_open(const struct driver_env *env, const void *data, void **self, struct error *error)
{
    const struct config *config = data;
    struct meter *meter = mem_alloc(sizeof *meter);
    exec_switch_init(&meter->program, env, NULL, NULL, config->get, config->limits.timeout_ms);
    meter->poll = sense_poll_new(env, &meter->program.wire, &config->limits);
    *self = meter;
    return 0;
}

static void meter_close(void *self)
{
    struct meter *meter = self;
    sense_poll_free(meter->poll);
    free(meter);
}

static int expect(void *self, bool on, uint64_t commanded_us, uint64_t until_us, struct error *error)
{
    return sense_poll_expect(((struct meter *)self)->poll, on, commanded_us, until_us, error);
}

static int get(void *self, bool *on, struct error *error)
{
    return sense_poll_get(((struct meter *)self)->poll, on, error);
}

static uint64_t sense_us(const void *config)
{
    return sense_limits_us(&((const struct config *)config)->limits);
}

/* Without a name the program is the name. */
static void claim(const void *data, char *key, size_t size)
{
    const struct config *config = data;
    if (config->lock)
        claim_put(key, size, "sense", (const char *const[]){config->lock, NULL});
    else
        claim_programs(key, size, "sense", (char *const *const[]){config->get, NULL});
}

static int examine(const struct driver_env *env, const void *data, char *advice, size_t size,
                   struct error *error)
{
    const struct config *config = data;
    struct exec_switch program;
    bool on;
    if (!exec_found(config->get[0])) {
        snprintf(advice, size, "install it, or give its full path in the rack file");
        return error_set(error, ERROR_RIG, "%s: no such program", config->get[0]);
    }
    exec_switch_init(&program, env, NULL, NULL, config->get, config->limits.timeout_ms);
    if (!program.wire.call(&program, SWITCH_GET, &on, error))
        return 0;
    snprintf(advice, size, "run it by hand: does it reach its device, and print on or off?");
    return -1;
}

static const struct sense_ops ops = {.expect = expect, .get = get, .sense_us = sense_us};
const struct driver sense_exec_driver = {.name = "exec",
                                         .help = "a program that reads the rail",
                                         .kind = DRIVER_SENSE,
                                         .options = options,
                                         .config_size = sizeof(struct config),
                                         .claim = claim,
                                         .open = meter_open,
                                         .close = meter_close,
                                         .sense = &ops,
                                         .examine = examine};
