/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Probe "openocd": the stock openocd program as a supervised child, driven over its Tcl RPC.
 *
 * The server lives from the first job after a power-up to the next power-off: a fresh start (some 40 ms with
 * `init`) is simpler and surer than nursing a server through a power loss. A verb is a list of Tcl commands
 * (probe_openocd_verbs.c); one after the other, all of them within the job's deadline. Whatever ends badly
 * ends the job; the ladder (revive) is climbed by the run, not here. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/driver/driver.h"
#include "harness/driver/probe/probe_examine.h"
#include "harness/driver/probe/probe_openocd_server.h"
#include "harness/driver/probe/probe_openocd_verbs.h"
#include "harness/driver/table.h"

#define STOP_GRACE_US 300000u
#define POLL_LIMIT_US 2000000u
/* between two looks at a watched core: while it runs, one look costs some 1 ms */
#define POLL_FIRST_US 500u
#define POLL_LONGEST_US 5000u
#define DHCSR_S_SLEEP (1u << 18) /* ARMv7-M ARM C1.6.2 */
#define DHCSR_S_LOCKUP (1u << 19)
#define MISSES_MAX 5 /* a core in reset may answer one look with a fault */

struct openocd {
    struct driver_env env;
    char *role;
    const struct openocd_config *config;
    struct openocd_server *server;
    bool ready; /* `init` went well since the server started */

    struct loop_source *job_timer;
    bool busy;
    struct probe_job job;
    char *path;
    uint64_t end_us;
    char *commands[OPENOCD_COMMANDS_MAX + 1];
    int command; /* -1: init */
    void (*ended)(void *arg, bool ok, const cJSON *fields);
    void *ended_arg;

    struct loop_source *poll_timer;
    bool watching, polling; /* armed; the reply that is out is a poll's */
    struct probe_job watch;
    int64_t watched; /* address of the watchpoint in OpenOCD, -1: none */
    unsigned hits, misses;
    uint64_t poll_us;
};

/* ---- the end of a job ---- */

static void say(struct openocd *ocd, const char *what, const char *value, const char *reason,
                const char *text)
{
    cJSON *fields = cJSON_CreateObject();
    cJSON_AddStringToObject(fields, "reason", reason);
    cJSON_AddStringToObject(fields, "text", text);
    event_put_full(ocd->env.sink, EVENT_PROBE, ocd->role, what, value, EVENT_NO_NUMBER, fields);
    cJSON_Delete(fields);
}

static void forget_job(struct openocd *ocd)
{
    for (char **text = ocd->commands; *text; text++) {
        free(*text);
        *text = NULL;
    }
    free(ocd->path);
    ocd->path = NULL;
}

/* The listener may start the next job. Takes over `fields`. */
static void end(struct openocd *ocd, bool ok, cJSON *fields)
{
    void (*ended)(void *, bool, const cJSON *) = ocd->ended;
    ocd->busy = false;
    ocd->ended = NULL;
    loop_timer_set(ocd->job_timer, LOOP_NEVER);
    forget_job(ocd);
    event_put_full(ocd->env.sink, EVENT_PROBE, ocd->role, ok ? "done" : "failed",
                   probe_verb_name(ocd->job.verb), EVENT_NO_NUMBER, fields);
    if (ended)
        ended(ocd->ended_arg, ok, fields);
    cJSON_Delete(fields);
}

static void fail(struct openocd *ocd, const char *reason, const char *text)
{
    if (!ocd->busy)
        return;
    cJSON *fields = cJSON_CreateObject();
    cJSON_AddStringToObject(fields, "reason", reason);
    cJSON_AddStringToObject(fields, "text", text);
    end(ocd, false, fields);
}

static void stop_watching(struct openocd *ocd)
{
    ocd->watching = false;
    loop_timer_set(ocd->poll_timer, LOOP_NEVER);
}

/* The next job starts a fresh one. */
static void drop_server(struct openocd *ocd, uint64_t grace_us)
{
    ocd->ready = ocd->polling = false;
    ocd->watched = -1;
    stop_watching(ocd);
    openocd_server_stop(ocd->server, grace_us);
}

/* The server, or what it should talk to, is gone while somebody needs it. */
static void lose(struct openocd *ocd, const char *reason, const char *text)
{
    char copy[400];
    snprintf(copy, sizeof copy, "%s", text); /* it may lie in what is dropped */
    drop_server(ocd, STOP_GRACE_US);
    say(ocd, "lost", copy, reason, copy);
    fail(ocd, reason, copy);
}

/* ---- watching ---- */

static void poll_later(struct openocd *ocd)
{
    loop_timer_set(ocd->poll_timer, clock_now_us() + ocd->poll_us);
    ocd->poll_us = 2 * ocd->poll_us < POLL_LONGEST_US ? 2 * ocd->poll_us : POLL_LONGEST_US;
}

static void keep_looking(struct openocd *ocd)
{
    ocd->misses = 0;
    poll_later(ocd);
}

static void send_poll(struct openocd *ocd, const char *command)
{
    ocd->polling = true;
    openocd_server_send(ocd->server, command, POLL_LIMIT_US);
}

static void on_poll_timer(void *arg, uint64_t now_us)
{
    struct openocd *ocd = arg;
    if (!ocd->watching)
        return;
    if (ocd->busy || openocd_server_busy(ocd->server))
        poll_later(ocd); /* a job goes first */
    else
        send_poll(ocd, openocd_watch_poll);
}

static void watch_hit(struct openocd *ocd, uint32_t pc)
{
    if (++ocd->hits < ocd->watch.count) {
        ocd->poll_us = POLL_FIRST_US;
        send_poll(ocd, openocd_watch_resume);
        return;
    }
    stop_watching(ocd);
    cJSON *fields = cJSON_CreateObject();
    cJSON_AddNumberToObject(fields, "pc", pc);
    cJSON_AddNumberToObject(fields, "address", ocd->watch.address);
    cJSON_AddNumberToObject(fields, "hit", ocd->hits);
    event_put_full(ocd->env.sink, EVENT_PROBE, ocd->role, "halted", "watchpoint", ocd->hits, fields);
    cJSON_Delete(fields);
}

/* OpenOCD halts a core that it finds locked up, and a BKPT halts one that is debugged. Without us the board
 * would have had to cope alone: let go of it. */
static void other_halt(struct openocd *ocd, const char *text)
{
    stop_watching(ocd);
    send_poll(ocd, openocd_let_go);
    say(ocd, "lost", text, "refused", text);
}

static void on_poll_reply(struct openocd *ocd, enum tcl_end how, const char *text)
{
    uint32_t pc = 0;
    char line[220];
    enum openocd_watch seen = how == TCL_OK ? openocd_watch_parse(text, &pc) : OPENOCD_GONE;
    if (!ocd->watching)
        return;
    openocd_error_line(text, line, sizeof line);
    if (how == TCL_LATE || how == TCL_LOST)
        lose(ocd, how == TCL_LATE ? "deadline" : "server", text);
    else if (seen == OPENOCD_HIT)
        watch_hit(ocd, pc);
    else if (seen == OPENOCD_RUNS)
        keep_looking(ocd);
    else if (seen == OPENOCD_GONE && !openocd_spoilt(text) && ++ocd->misses < MISSES_MAX)
        poll_later(ocd);
    else if (seen == OPENOCD_OTHER_HALT)
        other_halt(ocd, line[0] ? line : "the core halted, and not at the watchpoint");
    else
        lose(ocd, "no-target", line[0] ? line : "the core does not answer");
}

static void begin_watching(struct openocd *ocd)
{
    ocd->watch = ocd->job;
    ocd->watch.count = ocd->job.count ? ocd->job.count : 1;
    ocd->watching = true;
    ocd->hits = ocd->misses = 0;
    ocd->poll_us = POLL_FIRST_US;
    poll_later(ocd);
}

/* ---- jobs ---- */

static uint64_t time_left(const struct openocd *ocd)
{
    uint64_t now_us = clock_now_us();
    return ocd->end_us > now_us ? ocd->end_us - now_us : 1;
}

static void finish(struct openocd *ocd)
{
    if (ocd->job.verb == PROBE_WATCH) {
        ocd->watched = ocd->job.address;
        begin_watching(ocd);
    } else if (ocd->job.verb == PROBE_UNWATCH) {
        ocd->watched = -1;
    }
    end(ocd, true, NULL);
}

/* Does what comes next for the job: get a server, prepare it, send a command, or end. */
static void advance(struct openocd *ocd)
{
    struct error error = {0};
    enum openocd_state state = openocd_server_state(ocd->server);
    if (!ocd->busy || openocd_server_busy(ocd->server))
        return; /* a poll's reply is out: it comes back here */
    if (ocd->job.verb == PROBE_DETACH) {
        if (state == OPENOCD_DOWN)
            finish(ocd);
        else if (state == OPENOCD_UP || state == OPENOCD_STARTING)
            drop_server(ocd, STOP_GRACE_US);
    } else if (state == OPENOCD_DOWN) {
        if (openocd_server_start(ocd->server, &error))
            fail(ocd, "server", error.text);
    } else if (state == OPENOCD_UP && !ocd->ready) {
        ocd->command = -1;
        openocd_server_send(ocd->server, openocd_init(ocd->job.verb), time_left(ocd));
    } else if (state == OPENOCD_UP && ocd->commands[ocd->command]) {
        openocd_server_send(ocd->server, ocd->commands[ocd->command], time_left(ocd));
    } else if (state == OPENOCD_UP) {
        finish(ocd);
    }
}

static void command_failed(struct openocd *ocd, const char *text)
{
    char line[220], whole[300];
    const char *reason = openocd_reason(text);
    const char *command = ocd->command < 0 ? "init" : ocd->commands[ocd->command];
    openocd_error_line(text, line, sizeof line);
    snprintf(whole, sizeof whole, "%.60s: %s", command, line[0] ? line : "failed");
    /* a server whose `init` failed cannot do it again, and of a watch we do not know how far it came */
    if (ocd->command < 0 || openocd_spoilt(text) || ocd->job.verb == PROBE_WATCH)
        drop_server(ocd, STOP_GRACE_US);
    if (!strcmp(reason, "server"))
        say(ocd, "lost", whole, reason, whole);
    fail(ocd, reason, whole);
}

static void end_sample(struct openocd *ocd, const char *text)
{
    uint32_t dhcsr, pc;
    if (!openocd_sample_parse(text, &dhcsr, &pc)) {
        fail(ocd, "refused", "the core does not let itself be looked at");
        return;
    }
    cJSON *fields = cJSON_CreateObject();
    cJSON_AddNumberToObject(fields, "pc", pc);
    cJSON_AddBoolToObject(fields, "asleep", dhcsr & DHCSR_S_SLEEP);
    cJSON_AddBoolToObject(fields, "locked_up", dhcsr & DHCSR_S_LOCKUP);
    end(ocd, true, fields);
}

static void command_done(struct openocd *ocd, const char *text)
{
    if (ocd->command < 0)
        ocd->ready = true;
    else if (ocd->job.verb == PROBE_SAMPLE) {
        end_sample(ocd, text);
        return;
    } else if (ocd->job.verb == PROBE_READ) {
        char *hex = openocd_read_parse(text);
        cJSON *fields = cJSON_CreateObject();
        cJSON_AddStringToObject(fields, "hex", hex ? hex : "");
        free(hex);
        end(ocd, true, fields);
        return;
    }
    ocd->command++;
    advance(ocd);
}

static void on_reply(void *arg, enum tcl_end how, const char *text)
{
    struct openocd *ocd = arg;
    if (ocd->polling) {
        ocd->polling = false;
        on_poll_reply(ocd, how, text);
        advance(ocd);
    } else if (ocd->busy && (how == TCL_LOST || how == TCL_LATE)) {
        lose(ocd, how == TCL_LOST ? "server" : "deadline", text);
    } else if (ocd->busy && how == TCL_ERROR) {
        command_failed(ocd, text);
    } else if (ocd->busy) {
        command_done(ocd, text);
    }
}

static void on_up(void *arg)
{
    advance(arg);
}

static void on_lost(void *arg, const char *why)
{
    lose(arg, "server", why);
}

static void on_job_limit(void *arg, uint64_t now_us)
{
    struct openocd *ocd = arg;
    if (ocd->busy)
        lose(ocd, "deadline",
             openocd_server_state(ocd->server) == OPENOCD_UP ? "openocd does not answer in time"
                                                             : "openocd did not get ready in time");
}

static int check_path(const struct probe_job *job, char absolute[PATH_MAX], struct error *error)
{
    if (job->verb != PROBE_PROGRAM && job->verb != PROBE_VERIFY && job->verb != PROBE_DUMP)
        return 0;
    if (!job->path)
        return error_set(error, ERROR_SYSTEM, "openocd: %s needs a file", probe_verb_name(job->verb));
    if (job->verb == PROBE_DUMP)
        snprintf(absolute, PATH_MAX, "%s", job->path);
    else if (!realpath(job->path, absolute))
        return error_set_errno(error, ERROR_INPUT, errno, "%s", job->path);
    return 0;
}

static int start(void *self, const struct probe_job *job, struct error *error)
{
    struct openocd *ocd = self;
    char absolute[PATH_MAX] = "";
    if (ocd->busy)
        return error_set(error, ERROR_SYSTEM, "openocd: a job is under way");
    if (check_path(job, absolute, error))
        return -1;
    if (job->verb == PROBE_WATCH || job->verb == PROBE_UNWATCH)
        stop_watching(ocd);
    ocd->busy = true;
    ocd->job = *job;
    ocd->path = absolute[0] ? mem_string(absolute) : NULL;
    ocd->job.path = ocd->path;
    ocd->end_us = clock_now_us() + (job->deadline_us ? job->deadline_us : openocd_verb_limit_us(&ocd->job));
    loop_timer_set(ocd->job_timer, ocd->end_us);
    openocd_verb_build(ocd->config, &ocd->job, ocd->watched, ocd->commands);
    ocd->command = 0;
    advance(ocd);
    return 0;
}

static void on_down(void *arg)
{
    advance(arg);
}

static void cancel(void *self)
{
    struct openocd *ocd = self;
    if (!ocd->busy)
        return;
    drop_server(ocd, STOP_GRACE_US);
    fail(ocd, "cancelled", "cancelled");
}

static void power(void *self, bool on)
{
    struct openocd *ocd = self;
    if (on)
        return;
    drop_server(ocd, STOP_GRACE_US);
    fail(ocd, "no-target", "the power was cut");
}

static int revive(void *self, unsigned rung, struct error *error)
{
    struct openocd *ocd = self;
    drop_server(ocd, 0);
    fail(ocd, "server", "revived");
    if (rung)
        openocd_server_reset_adapter(ocd->server);
    return 0;
}

static void listen_end(void *self, void (*ended)(void *arg, bool ok, const cJSON *fields), void *arg)
{
    struct openocd *ocd = self;
    ocd->ended = ended;
    ocd->ended_arg = arg;
}

/* ---- open, close ---- */

static int openocd_open(const struct driver_env *env, const void *config, void **self, struct error *error)
{
    static const struct openocd_events events = {
        .up = on_up, .reply = on_reply, .down = on_down, .lost = on_lost};
    struct openocd *ocd = mem_alloc(sizeof *ocd);
    ocd->env = *env;
    ocd->role = mem_string(env->role);
    ocd->config = config;
    ocd->watched = -1;
    ocd->server = openocd_server_new(env->loop, config, env->place, &events, ocd);
    ocd->job_timer = loop_add_timer(env->loop, LOOP_NEVER, on_job_limit, ocd);
    ocd->poll_timer = loop_add_timer(env->loop, LOOP_NEVER, on_poll_timer, ocd);
    *self = ocd;
    return 0;
}

static void openocd_close(void *self)
{
    struct openocd *ocd = self;
    forget_job(ocd);
    openocd_server_free(ocd->server);
    loop_remove(ocd->job_timer);
    loop_remove(ocd->poll_timer);
    free(ocd->role);
    free(ocd);
}

static void claim(const void *data, char *key, size_t size)
{
    const struct openocd_config *config = data;
    if (config->serial) {
        snprintf(key, size, "probe:%s", config->serial);
    } else if (config->socket) {
        char *path = openocd_socket_path(config, "");
        snprintf(key, size, "probe:%s", !strncmp(path, "./", 2) ? path + 2 : path);
        free(path);
    }
}

/* ---- doctor ---- */

static const char *advice_for(const char *reason)
{
    if (!strcmp(reason, "no-target"))
        return "switch the board on and check the probe's wires";
    if (!strcmp(reason, "refused"))
        return "the chip may be locked: `otarig probe PLACE erase-all` frees it, and its contents are lost";
    return "check that openocd is installed, the adapter is plugged in and no other program holds it";
}

static int examine(const struct driver_env *env, const void *config, char *advice, size_t size,
                   struct error *error)
{
    return probe_examine(&probe_openocd_driver, env, config, advice_for, advice, size, error);
}

static const struct probe_ops ops = {
    .start = start, .cancel = cancel, .power = power, .revive = revive, .listen = listen_end};
const struct driver probe_openocd_driver = {.name = "openocd",
                                            .help = "any adapter the stock openocd drives",
                                            .kind = DRIVER_PROBE,
                                            .options = openocd_options,
                                            .config_size = sizeof(struct openocd_config),
                                            .claim = claim,
                                            .open = openocd_open,
                                            .close = openocd_close,
                                            .probe = &ops,
                                            .examine = examine};
