/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sense "http": what a device with a web interface reads of the rail: an input, a voltage, a current, a
 * power. It must be another device than the one that switches, or another part of it than its contact's
 * state. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/json_pointer.h"
#include "harness/base/mem.h"
#include "harness/driver/claim.h"
#include "harness/driver/http_switch.h"
#include "harness/driver/sense/sense_poll.h"
#include "harness/driver/table.h"

struct config {
    struct http_device device;
    struct sense_limits limits;
    char *get, *pointer, *above, *is_on, *is_off, *lock;
};

#define NUMBER_PATTERN "^-?[0-9]+([.][0-9]+)?$"
#define TEXT(member, text, must, like, want) HTTP_TEXT(struct config, member, #member, text, must, like, want)
static const struct option_spec options[] = {
    HTTP_DEVICE_OPTIONS(struct config),
    TEXT(get, "the path that tells the reading", true, HTTP_PATH, HTTP_PATH_WANTED),
    TEXT(pointer, "JSON pointer of the reading (default: all of the answer)", false, JSON_POINTER_PATTERN,
         JSON_POINTER_WANTED),
    TEXT(above, "the rail is on when the reading is a number above this one", false, NUMBER_PATTERN,
         "a number as text, such as \"0.5\""),
    TEXT(is_on, "what it tells when the rail is on (default: on, 1, true)", false, NULL, NULL),
    TEXT(is_off, "what it tells when the rail is off (default: off, 0, false)", false, NULL, NULL),
    TEXT(lock, "name of what is read, for the lock (default: url, get and pointer)", false, NULL, NULL),
    SENSE_LIMITS(struct config),
    {0},
};

struct meter {
    const struct config *config;
    struct http_switch http;
    struct sense_poll *poll;
};

static void wish(void *arg, enum switch_ask ask, struct http_wish *wish)
{
    wish->path = ((const struct meter *)arg)->config->get;
}

static int take_number(const char *name, const char *text, const char *above, bool *on, struct error *error)
{
    char *end;
    double reading = strtod(text, &end);
    if (end == text || *end || reading != reading)
        return error_set(error, ERROR_RIG, "%s: tells '%.60s', which is no number", name, text);
    *on = reading > strtod(above, NULL);
    return 0;
}

static int judge(void *arg, enum switch_ask ask, const char *name, const struct http_answer *answer, bool *on,
                 struct error *error)
{
    const struct config *config = ((const struct meter *)arg)->config;
    char text[200];
    if (http_device_read(name, answer, config->pointer, text, sizeof text, error))
        return -1;
    if (config->above)
        return take_number(name, text, config->above, on, error);
    return switch_state(text, config->is_on, config->is_off, on)
               ? 0
               : error_set(error, ERROR_RIG, "%s: tells '%.60s', which is neither on nor off", name, text);
}

static int meter_open(const struct driver_env *env, const void *data, void **self, struct error *error)
{
    const struct config *config = data;
    struct meter *meter = mem_alloc(sizeof *meter);
    *meter = (struct meter){.config = config,
                            .http = {.loop = env->loop,
                                     .device = &config->device,
                                     .timeout_ms = config->limits.timeout_ms,
                                     .arg = meter,
                                     .wish = wish,
                                     .judge = judge}};
    http_switch_init(&meter->http, config->device.url, true);
    meter->poll = sense_poll_new(env, &meter->http.wire, &config->limits);
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

/* Two places that read the same thing would have one rail, or one of them another's. */
static void claim(const void *data, char *key, size_t size)
{
    const struct config *config = data;
    char *where = claim_url(config->device.url);
    if (config->lock)
        claim_put(key, size, "sense", (const char *const[]){config->lock, NULL});
    else
        claim_put(key, size, "sense", (const char *const[]){where, config->get, config->pointer, NULL});
    free(where);
}

static const char *const words[] = {"is_on", "is_off", NULL};
static const struct option_rule rules[] = {
    {OPTION_NOT_WITH, words, "above", NULL, "either \"above\" or \"is_on\" and \"is_off\""},
    HTTP_DEVICE_RULES,
    {0}};

static const char *check(const void *data)
{
    return http_device_check(&((const struct config *)data)->device);
}

static int examine(const struct driver_env *env, const void *config, char *advice, size_t size,
                   struct error *error)
{
    void *self;
    bool on;
    if (meter_open(env, config, &self, error))
        return -1;
    int failed = get(self, &on, error);
    meter_close(self);
    if (failed)
        snprintf(advice, size, "is it there, is its path right, and does it want a user or a token?");
    return failed;
}

static const struct sense_ops ops = {.expect = expect, .get = get, .sense_us = sense_us};
const struct driver sense_http_driver = {.name = "http",
                                         .help = "a reading behind HTTP: an input, a voltage, a power",
                                         .kind = DRIVER_SENSE,
                                         .options = options,
                                         .config_size = sizeof(struct config),
                                         .claim = claim,
                                         .rules = rules,
                                         .check = check,
                                         .open = meter_open,
                                         .close = meter_close,
                                         .sense = &ops,
                                         .examine = examine};
