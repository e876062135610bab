/* Power "exec": any switch that has a program (a PDU's client, uhubctl, usbrelay). The program runs to its
 * end, at most `timeout_ms`; when the rail really moved is not known, so no time is claimed. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/driver/driver.h"
#include "harness/driver/table.h"
#include "harness/io/child.h"

struct config {
    char **on, **off, **get;
    char *lock;
    int64_t timeout_ms;
};

static const struct option_spec options[] = {
    {.name = "on",
     .help = "program and arguments that switch it on",
     .type = OPTION_STRINGS,
     .offset = offsetof(struct config, on),
     .required = true},
    {.name = "off",
     .help = "program and arguments that switch it off",
     .type = OPTION_STRINGS,
     .offset = offsetof(struct config, off),
     .required = true},
    {.name = "get",
     .help = "program that prints on or off (1 or 0)",
     .type = OPTION_STRINGS,
     .offset = offsetof(struct config, get)},
    {.name = "timeout_ms",
     .help = "limit of one call",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct config, timeout_ms),
     .standard = "5000",
     .low = 10,
     .high = 60000},
    {.name = "lock",
     .help = "name of the physical switch, for the lock",
     .type = OPTION_STRING,
     .offset = offsetof(struct config, lock)},
    {0},
};

struct outlet {
    const struct config *config;
    bool safe_on;
};

/* One call: a loop of its own, since nothing else may happen between a command and its effect. */
struct call {
    struct loop *loop;
    bool over;
    int status;
    char line[80];
};

static void on_line(void *arg, int stream, const char *text, size_t len)
{
    struct call *call = arg;
    snprintf(call->line, sizeof call->line, "%.79s", text);
}

static void on_ended(void *arg, int wait_status, bool asked)
{
    struct call *call = arg;
    call->over = true;
    call->status = wait_status;
}

static int run(const struct config *config, char **argv, char line[80], struct error *error)
{
    struct call call = {.loop = loop_new()};
    const struct child_spec spec = {.name = "power program", .argv = (const char *const *)argv};
    const struct child_events events = {.line = on_line, .ended = on_ended};
    uint64_t end_us = clock_now_us() + (uint64_t)config->timeout_ms * 1000;
    if (!argv || !argv[0])
        return error_set(error, ERROR_INPUT, "power program: expected at least one word");
    struct child *child = child_start(call.loop, &spec, &events, &call, error);
    for (uint64_t now_us; child && !call.over && (now_us = clock_now_us()) < end_us;)
        loop_turn(call.loop, end_us - now_us, NULL);
    int result = child ? 0 : -1;
    if (child && !call.over)
        result = error_set(error, ERROR_RIG, "%s: no end within %d ms", argv[0], (int)config->timeout_ms);
    else if (child && (!WIFEXITED(call.status) || WEXITSTATUS(call.status)))
        result = error_set(error, ERROR_RIG, "%s: failed (status %d)%s%s", argv[0],
                           WIFEXITED(call.status) ? WEXITSTATUS(call.status) : -1, call.line[0] ? ": " : "",
                           call.line);
    child_free(child);
    loop_free(call.loop);
    if (line)
        memcpy(line, call.line, sizeof call.line);
    return result;
}

static int get(void *self, bool *on, struct error *error)
{
    struct outlet *outlet = self;
    char line[80];
    if (!outlet->config->get)
        return error_set(error, ERROR_INPUT, "power program: no \"get\" given");
    if (run(outlet->config, outlet->config->get, line, error))
        return -1;
    *on = !strcmp(line, "on") || !strcmp(line, "1");
    if (!*on && strcmp(line, "off") && strcmp(line, "0"))
        return error_set(error, ERROR_RIG, "%s: expected on or off, found '%s'", outlet->config->get[0],
                         line);
    return 0;
}

static int set(void *self, bool on, struct power_report *report, struct error *error)
{
    struct outlet *outlet = self;
    bool now = !on;
    report->commanded_us = clock_now_us();
    if (run(outlet->config, on ? outlet->config->on : outlet->config->off, NULL, error))
        return -1;
    report->returned_us = clock_now_us();
    if (!outlet->config->get)
        return 0;
    if (get(self, &now, error))
        return -1;
    report->verified = now == on;
    return now == on ? 0
                     : error_set(error, ERROR_RIG, "%s: switched %s, reads %s", outlet->config->on[0],
                                 on ? "on" : "off", now ? "on" : "off");
}

static int outlet_open(const struct driver_env *env, const void *config, void **self, struct error *error)
{
    struct outlet *outlet = mem_alloc(sizeof *outlet);
    *outlet = (struct outlet){.config = config, .safe_on = env->safe_on};
    *self = outlet;
    return 0;
}

static void outlet_close(void *self)
{
    struct outlet *outlet = self;
    struct power_report report;
    set(outlet, outlet->safe_on, &report, NULL);
    free(outlet);
}

static void claim(const void *data, char *key, size_t size)
{
    const struct config *config = data;
    if (config->lock)
        snprintf(key, size, "switch:%s", config->lock);
}

static const struct power_ops ops = {.set = set, .get = get};
const struct driver power_exec_driver = {.name = "exec",
                                         .help =
                                             "any switch that has a program (PDU client, uhubctl, usbrelay)",
                                         .kind = DRIVER_POWER,
                                         .options = options,
                                         .config_size = sizeof(struct config),
                                         .claim = claim,
                                         .open = outlet_open,
                                         .close = outlet_close,
                                         .power = &ops};
