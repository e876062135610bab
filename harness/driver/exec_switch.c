/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/driver/exec_switch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "harness/base/clock.h"
#include "harness/driver/exec_call.h"
#include "harness/io/child.h"

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

static int judge(int64_t timeout_ms, const char *name, const struct call *call, struct error *error)
{
    const char *why = call->complaint[0] ? call->complaint : call->answer, *colon = why[0] ? ": " : "";
    if (!call->over)
        return error_set(error, ERROR_RIG, "%s: no end within %d ms%s%s", name, (int)timeout_ms, colon, why);
    if (WIFSIGNALED(call->status))
        return error_set(error, ERROR_RIG, "%s: killed by signal %d%s%s", name, WTERMSIG(call->status), colon,
                         why);
    if (WEXITSTATUS(call->status))
        return error_set(error, ERROR_RIG, "%s: exit status %d%s%s", name, WEXITSTATUS(call->status), colon,
                         why);
    return 0;
}

static int run(char *const *argv, int64_t timeout_ms, char answer[80], struct error *error)
{
    struct call call = {0};
    const struct child_spec spec = {.name = "power program", .argv = (const char *const *)argv};
    const struct child_events events = {.line = on_line, .ended = on_ended};
    uint64_t end_us = clock_host_us() + (uint64_t)timeout_ms * 1000;
    struct loop *loop = loop_new();
    struct child *child = child_start(loop, &spec, &events, &call, error);
    int result = child ? 0 : -1;
    for (uint64_t now_us; !result && !call.over && (now_us = clock_host_us()) < end_us;)
        if (loop_turn(loop, end_us - now_us, error) < 0)
            result = -1;
    if (!result)
        result = judge(timeout_ms, argv[0], &call, error);
    child_free(child);
    loop_free(loop);
    if (answer)
        memcpy(answer, call.answer, sizeof call.answer);
    return result;
}

static int call_program(void *arg, enum switch_ask ask, bool *on, struct error *error)
{
    const struct exec_switch *self = arg;
    char *const *words = self->programs[ask];
    char line[80];
    if (run(words, self->timeout_ms, line, error))
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
    struct exec_switch *self = arg;
    struct error error = {0};
    const char *name = self->programs[self->ask][0];
    char text[300], line[80];
    bool on = false;
    int failed = result->how != EXEC_EXITED || result->code;
    if (failed) {
        exec_call_text(name, result, text, sizeof text);
        error_set(&error, ERROR_RIG, "%s", text);
    } else if (self->ask == SWITCH_GET) {
        last_line(result->answer, line);
        failed = take_state(name, line, &on, &error);
    }
    exec_call_free(self->call);
    self->call = NULL;
    self->ended(self->owner, on, failed ? &error : NULL);
}

static int begin_program(void *arg, enum switch_ask ask, switch_ended *ended, void *owner,
                         struct error *error)
{
    struct exec_switch *self = arg;
    self->ended = ended;
    self->owner = owner;
    self->ask = ask;
    self->wire.name = self->programs[ask][0];
    /* its limit is that of the switch */
    self->call = exec_call_start(&self->env, self->env.role, self->programs[ask], EXEC_NO_LIMIT,
                                 on_call_ended, self, error);
    return self->call ? 0 : -1;
}

static void cancel_program(void *arg)
{
    struct exec_switch *self = arg;
    exec_call_free(self->call);
    self->call = NULL;
}

void exec_switch_init(struct exec_switch *self, const struct driver_env *env, char *const *off,
                      char *const *on, char *const *get, int64_t timeout_ms)
{
    *self = (struct exec_switch){.env = *env, .programs = {off, on, get}, .timeout_ms = timeout_ms};
    self->wire = (struct switch_wire){.self = self,
                                      .name = (on ? on : get)[0],
                                      .gets = get,
                                      .call = call_program,
                                      .begin = begin_program,
                                      .cancel = cancel_program};
}
