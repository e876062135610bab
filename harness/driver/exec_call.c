/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/driver/exec_call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/io/child.h"

#define LINES_TOLD_MAX 300u
#define TERM_GRACE_US 500000u

struct exec_call {
    struct driver_env env;
    char *role;
    struct child *child;
    struct loop_source *timer;
    bool late;
    unsigned told;
    char *answer;
    size_t answer_len;
    bool cut_short;
    char lines[2][200]; /* the last ones of stdout and stderr */
    void (*ended)(void *arg, const struct exec_result *);
    void *arg;
};

/* What a foreign program prints goes into a journal: text only. */
static void copy_printable(char *out, size_t size, const char *text, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len && n + 1 < size; i++)
        out[n++] = text[i] >= 0x20 && text[i] < 0x7f    ? text[i]
                   : text[i] == '\t' || text[i] == '\r' ? ' '
                                                        : '?';
    out[n] = 0;
}

static void keep_answer(struct exec_call *call, const char *text, size_t len)
{
    if (call->answer_len + len + 2 > EXEC_ANSWER_MAX) {
        call->cut_short = true;
        return;
    }
    call->answer = mem_resize(call->answer, call->answer_len + len + 2, 1);
    memcpy(call->answer + call->answer_len, text, len);
    call->answer_len += len;
    call->answer[call->answer_len++] = '\n';
    call->answer[call->answer_len] = 0;
}

static void on_line(void *arg, int stream, const char *text, size_t len)
{
    struct exec_call *call = arg;
    char line[400];
    if (stream == 1)
        keep_answer(call, text, len);
    copy_printable(line, sizeof line, text, len);
    if (line[strspn(line, " ")])
        snprintf(call->lines[stream == 2], sizeof call->lines[0], "%.190s", line);
    if (call->told++ < LINES_TOLD_MAX)
        event_put(call->env.sink, EVENT_NOTE, call->role, "output", line);
}

static void on_ended(void *arg, int wait_status, bool asked)
{
    struct exec_call *call = arg;
    char more[60];
    loop_timer_set(call->timer, LOOP_NEVER);
    if (call->told > LINES_TOLD_MAX) {
        snprintf(more, sizeof more, "%u lines more", call->told - LINES_TOLD_MAX);
        event_put(call->env.sink, EVENT_NOTE, call->role, "output", more);
    }
    bool unable = WIFEXITED(wait_status) && exec_code_is_unable(WEXITSTATUS(wait_status));
    const struct exec_result result = {.how = call->late                ? EXEC_LATE
                                              : unable                  ? EXEC_UNABLE
                                              : !WIFEXITED(wait_status) ? EXEC_KILLED
                                                                        : EXEC_EXITED,
                                       .code = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status)
                                                                      : WTERMSIG(wait_status),
                                       .answer = call->answer ? call->answer : "",
                                       .complaint = call->lines[1][0] ? call->lines[1] : call->lines[0],
                                       .cut_short = call->cut_short};
    call->ended(call->arg, &result);
}

static void on_late(void *arg, uint64_t now_us)
{
    struct exec_call *call = arg;
    call->late = true;
    child_stop(call->child, TERM_GRACE_US);
}

struct exec_call *exec_call_start(const struct driver_env *env, const char *role, char *const *words,
                                  uint64_t deadline_us, void (*ended)(void *arg, const struct exec_result *),
                                  void *arg, struct error *error)
{
    struct exec_call *call = mem_alloc(sizeof *call);
    const struct child_spec spec = {.name = words[0], .argv = (const char *const *)words};
    const struct child_events events = {.line = on_line, .ended = on_ended};
    *call = (struct exec_call){.env = *env, .role = mem_string(role), .ended = ended, .arg = arg};
    call->timer = loop_add_timer(
        env->loop, deadline_us == EXEC_NO_LIMIT ? LOOP_NEVER : clock_now_us() + deadline_us, on_late, call);
    call->child = child_start(env->loop, &spec, &events, call, error);
    if (call->child)
        return call;
    exec_call_free(call);
    return NULL;
}

void exec_call_free(struct exec_call *call)
{
    if (!call)
        return;
    child_free(call->child);
    loop_remove(call->timer);
    free(call->answer);
    free(call->role);
    free(call);
}

void exec_call_text(const char *program, const struct exec_result *result, char *text, size_t size)
{
    const char *colon = result->complaint[0] ? ": " : "";
    if (result->how == EXEC_LATE)
        snprintf(text, size, "%.80s: no end in time%s%.190s", program, colon, result->complaint);
    else
        snprintf(text, size, "%.80s: %s %d%s%.190s", program,
                 result->how == EXEC_KILLED ? "killed by signal" : "exit status", result->code, colon,
                 result->complaint);
}

bool exec_found(const char *program)
{
    char path[4096];
    const char *rest = getenv("PATH");
    if (strchr(program, '/'))
        return !access(program, X_OK);
    for (; rest; rest = strchr(rest, ':') ? strchr(rest, ':') + 1 : NULL) {
        snprintf(path, sizeof path, "%.*s/%s", (int)strcspn(rest, ":"), rest, program);
        if (!access(path, X_OK))
            return true;
    }
    return false;
}

bool exec_code_is_unable(int code)
{
    return code == 126 || code == 127;
}

bool exec_code_in(char *const *codes, int code)
{
    for (; codes && *codes; codes++)
        if (atoi(*codes) == code)
            return true;
    return false;
}
