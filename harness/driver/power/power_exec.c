/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Power "exec": any switch that has a program (a PDU's client, uhubctl, usbrelay). A program runs to its end,
 * at most `timeout_ms`, while everything else goes on. When the rail really moved is not known, so no edge is
 * told. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/base/mix.h"
#include "harness/driver/driver.h"
#include "harness/driver/exec_call.h"
#include "harness/driver/power/slow_switch.h"
#include "harness/driver/table.h"
#include "harness/io/child.h"

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
    const struct config *config;
    struct driver_env env;
    struct switch_wire wire;
    struct exec_call *call;
    enum switch_ask ask;
    struct slow_switch *owner;
};

static char **program(const struct config *config, enum switch_ask ask)
{
    return ask == SWITCH_GET ? config->get : ask == SWITCH_ON ? config->on : config->off;
}

/* The last line that it printed. */
static int take_state(const char *name, const char *line, bool *on, struct error *error)
{
    return switch_word(line, on)
               ? 0
               : error_set(error, ERROR_RIG, "%s: expected on or off, found '%s'", name, line);
}

/* ---- one that holds the caller, in a loop of its own: by hand, and for the safe state ---- */

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

static int judge(const struct config *config, const char *name, const struct call *call, struct error *error)
{
    const char *why = call->complaint[0] ? call->complaint : call->answer, *colon = why[0] ? ": " : "";
    if (!call->over)
        return error_set(error, ERROR_RIG, "%s: no end within %d ms%s%s", name,
                         (int)config->limits.timeout_ms, colon, why);
    if (WIFSIGNALED(call->status))
        return error_set(error, ERROR_RIG, "%s: killed by signal %d%s%s", name, WTERMSIG(call->status), colon,
                         why);
    if (WEXITSTATUS(call->status))
        return error_set(error, ERROR_RIG, "%s: exit status %d%s%s", name, WEXITSTATUS(call->status), colon,
                         why);
    return 0;
}

static int run(const struct config *config, char **argv, char answer[80], struct error *error)
{
    struct call call = {0};
    const struct child_spec spec = {.name = "power program", .argv = (const char *const *)argv};
    const struct child_events events = {.line = on_line, .ended = on_ended};
    uint64_t end_us = clock_host_us() + (uint64_t)config->limits.timeout_ms * 1000;
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

static int call_program(void *self, enum switch_ask ask, bool *on, struct error *error)
{
    const struct outlet *outlet = self;
    char **words = program(outlet->config, ask), line[80];
    if (run(outlet->config, words, line, error))
        return -1;
    return ask == SWITCH_GET ? take_state(words[0], line, on, error) : 0;
}

/* ---- one beside everything else ---- */

static void last_line(const char *answer, char line[80])
{
    line[0] = 0;
    while (*answer) {
        size_t len = strcspn(answer, "\n");
        if (len)
            snprintf(line, 80, "%.*s", (int)(len < 79 ? len : 79), answer);
        answer += len + (answer[len] != 0);
    }
}

static void on_call_ended(void *arg, const struct exec_result *result)
{
    struct outlet *outlet = arg;
    struct error error = {0};
    const char *name = program(outlet->config, outlet->ask)[0];
    char text[300], line[80];
    bool on = false;
    int failed = result->how != EXEC_EXITED || result->code;
    if (failed) {
        exec_call_text(name, result, text, sizeof text);
        error_set(&error, ERROR_RIG, "%s", text);
    } else if (outlet->ask == SWITCH_GET) {
        last_line(result->answer, line);
        failed = take_state(name, line, &on, &error);
    }
    exec_call_free(outlet->call);
    outlet->call = NULL;
    slow_switch_ended(outlet->owner, on, failed ? &error : NULL);
}

static int begin_program(void *self, enum switch_ask ask, struct slow_switch *owner, struct error *error)
{
    struct outlet *outlet = self;
    outlet->ask = ask;
    outlet->wire.name = program(outlet->config, ask)[0];
    /* its limit is that of the switch */
    outlet->call = exec_call_start(&outlet->env, "power", program(outlet->config, ask), EXEC_NO_LIMIT,
                                   on_call_ended, outlet, error);
    return outlet->call ? 0 : -1;
}

static void cancel_program(void *self)
{
    struct outlet *outlet = self;
    exec_call_free(outlet->call);
    outlet->call = NULL;
}

/* ---- the driver ---- */

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

static int outlet_open(const struct driver_env *env, const void *data, void **self, struct error *error)
{
    const struct config *config = data;
    struct outlet *outlet = mem_alloc(sizeof *outlet);
    *outlet = (struct outlet){.config = config,
                              .env = *env,
                              .wire = {.self = outlet,
                                       .name = config->on[0],
                                       .gets = config->get,
                                       .call = call_program,
                                       .begin = begin_program,
                                       .cancel = cancel_program}};
    outlet->owner = slow_switch_new(env, &outlet->wire, &config->limits);
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
    if (!config->get || !call_program(&outlet, SWITCH_GET, &on, error))
        return 0;
    snprintf(advice, size, "run it by hand: does it reach the switch, and print on or off?");
    return -1;
}

static const struct power_ops ops = {.start = start, .get = get, .latency_us = latency_us};
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
