/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Power "exec": any switch that has a program (a PDU's client, uhubctl, usbrelay). The program runs to its
 * end, at most `timeout_ms`, and this holds the caller: the one exception to the 50 ms of a driver call,
 * since nothing else may happen between a command and its effect. When the rail really moved is not known, so
 * no time is claimed: no edge is told. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/base/mix.h"
#include "harness/driver/driver.h"
#include "harness/driver/exec_call.h"
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
    {.name = "timeout_ms",
     .help = "limit of one call",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct config, timeout_ms),
     .standard = "5000",
     .low = 10,
     .high = 60000},
    {.name = "lock",
     .help = "name of the physical switch, for the lock (default: its programs)",
     .type = OPTION_STRING,
     .offset = offsetof(struct config, lock)},
    {0},
};

struct outlet {
    const struct config *config;
    bool safe_on;
};

/* One call, in a loop of its own. */
struct call {
    bool over;
    int status;
    char answer[80], complaint[80]; /* the last lines of stdout and of stderr */
};

static void on_line(void *arg, int stream, const char *text, size_t len)
{
    struct call *call = arg;
    if (len)
        snprintf(stream == 1 ? call->answer : call->complaint, sizeof call->answer, "%s", text);
}

static void on_ended(void *arg, int wait_status, bool asked)
{
    struct call *call = arg;
    call->over = true;
    call->status = wait_status;
}

static int judge(const struct config *config, const char *program, const struct call *call,
                 struct error *error)
{
    const char *why = call->complaint[0] ? call->complaint : call->answer, *colon = why[0] ? ": " : "";
    if (!call->over)
        return error_set(error, ERROR_RIG, "%s: no end within %d ms%s%s", program, (int)config->timeout_ms,
                         colon, why);
    if (WIFSIGNALED(call->status))
        return error_set(error, ERROR_RIG, "%s: killed by signal %d%s%s", program, WTERMSIG(call->status),
                         colon, why);
    if (WEXITSTATUS(call->status))
        return error_set(error, ERROR_RIG, "%s: failed (status %d)%s%s", program, WEXITSTATUS(call->status),
                         colon, why);
    return 0;
}

static int run(const struct config *config, char **argv, char answer[80], struct error *error)
{
    struct call call = {0};
    const struct child_spec spec = {.name = "power program", .argv = (const char *const *)argv};
    const struct child_events events = {.line = on_line, .ended = on_ended};
    uint64_t end_us = clock_host_us() + (uint64_t)config->timeout_ms * 1000;
    struct loop *loop = loop_new();
    struct child *child = child_start(loop, &spec, &events, &call, error);
    int result = child ? 0 : -1;
    for (uint64_t now_us; !result && !call.over && (now_us = clock_host_us()) < end_us;)
        if (loop_turn(loop, end_us - now_us, error) < 0)
            result = -1;
    if (!result)
        result = judge(config, argv[0], &call, error);
    child_free(child);
    loop_free(loop);
    if (answer)
        memcpy(answer, call.answer, sizeof call.answer);
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

static void outlet_leave(void *self)
{
    free(self);
}

static void outlet_close(void *self)
{
    struct outlet *outlet = self;
    struct power_report report;
    struct error error = {0};
    if (set(outlet, outlet->safe_on, &report, &error)) /* once more: the safe state is worth it */
        set(outlet, outlet->safe_on, &report, NULL);
    free(outlet);
}

/* Without a name the programs are the name: who runs the same ones moves the same switch. */
static void claim(const void *data, char *key, size_t size)
{
    const struct config *config = data;
    char **const calls[] = {config->on, config->off};
    uint64_t sum = 0;
    for (size_t i = 0; i < 2; i++)
        for (char **word = calls[i]; word && *word; word++)
            for (const char *c = *word;; c++) {
                sum = mix64(sum ^ (unsigned char)*c);
                if (!*c)
                    break;
            }
    if (config->lock)
        snprintf(key, size, "switch:%s", config->lock);
    else
        snprintf(key, size, "switch:%016llx", (unsigned long long)sum);
}

/* Switches nothing: the programs are looked for, and only "get" is run. */
static int examine(const struct driver_env *env, const void *data, char *advice, size_t size,
                   struct error *error)
{
    const struct config *config = data;
    struct outlet outlet = {.config = config};
    char **const calls[] = {config->on, config->off};
    bool on;
    for (size_t i = 0; i < 2; i++)
        if (!exec_found(calls[i][0])) {
            snprintf(advice, size, "install it, or give its full path in the rack file");
            return error_set(error, ERROR_RIG, "%s: no such program", calls[i][0]);
        }
    if (!config->get || !get(&outlet, &on, error))
        return 0;
    snprintf(advice, size, "run it by hand: does it reach the switch, and print on or off?");
    return -1;
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
                                         .leave = outlet_leave,
                                         .power = &ops,
                                         .examine = examine};
