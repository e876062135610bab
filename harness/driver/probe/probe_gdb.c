/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Probe "gdb": whatever speaks the GDB remote protocol, as a debugger does: OpenOCD, J-Link GDB server,
 * pyOCD, probe-rs, Black Magic, st-util, QEMU.
 *
 * The protocol knows a core that is stopped, which may be asked, and one that runs, which may only be
 * interrupted. A server stops the core when we connect. So each job ends with the core as it was before: it
 * goes on unless somebody wanted it halted (`hold`). Whatever ends badly ends the job; the ladder (revive) is
 * climbed by the run, not here. Steps of the verbs: probe_gdb_verbs.c and probe_gdb_memory.c. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "harness/base/clock.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "harness/driver/argv.h"
#include "harness/driver/claim.h"
#include "harness/driver/probe/probe_examine.h"
#include "harness/driver/probe/probe_gdb.h"
#include "harness/driver/probe/probe_openocd_verbs.h"
#include "harness/driver/table.h"

#define STOP_GRACE_US 300000u
#define LOOK_LIMIT_US 2000000u
#define RECONNECT_US 300000u
#define REFUSALS_MAX 10u
#define RELEASE_FIRST_US 1000u
#define RELEASE_LONGEST_US 1000000u
#define FAST_US 10000000u
#define SLOW_US 45000000u
#define MASS_US 60000000u      /* large chips erase for tens of seconds */
#define BYTES_PER_SECOND 4096u /* of a slow probe */
#define IMAGE_MAX (256u << 20)

/* ---- the end of a job ---- */

static void say(struct gdb *gdb, const char *what, const char *value, const char *reason, const char *text)
{
    cJSON *fields = cJSON_CreateObject();
    cJSON_AddStringToObject(fields, "reason", reason);
    cJSON_AddStringToObject(fields, "text", text);
    event_put_full(gdb->env.sink, EVENT_PROBE, gdb->role, what, value, EVENT_NO_NUMBER, fields);
    cJSON_Delete(fields);
}

static void forget_job(struct gdb *gdb)
{
    if (gdb->file)
        fclose(gdb->file);
    free(gdb->path);
    free(gdb->image);
    free(gdb->hex);
    gdb->file = NULL;
    gdb->path = NULL;
    gdb->image = NULL;
    gdb->hex = NULL;
    gdb->hex_len = 0;
    gdb->flashed = false;
    gdb->doubt[0] = 0;
    gdb->zeros = 0;
}

/* The listener may start the next job. Takes over `fields`. */
static void end(struct gdb *gdb, bool ok, cJSON *fields)
{
    void (*ended)(void *, bool, const cJSON *) = gdb->ended;
    gdb->busy = false;
    gdb->ended = NULL;
    gdb->list = gdb->waiting = NULL;
    loop_timer_set(gdb->job_timer, LOOP_NEVER);
    loop_timer_set(gdb->step_timer, LOOP_NEVER);
    forget_job(gdb);
    event_put_full(gdb->env.sink, EVENT_PROBE, gdb->role, ok ? "done" : "failed",
                   probe_verb_name(gdb->job.verb), EVENT_NO_NUMBER, fields);
    if (ended)
        ended(gdb->ended_arg, ok, fields);
    cJSON_Delete(fields);
}

static void fail(struct gdb *gdb, const char *reason, const char *text)
{
    if (!gdb->busy)
        return;
    cJSON *fields = cJSON_CreateObject();
    cJSON_AddStringToObject(fields, "reason", reason);
    cJSON_AddStringToObject(fields, "text", text);
    end(gdb, false, fields);
}

/* The next job connects afresh. */
static void drop(struct gdb *gdb, uint64_t grace_us)
{
    gdb_link_close(gdb->link);
    gdb->link = NULL;
    gdb->list = gdb->waiting = NULL;
    gdb->ready = gdb->running = gdb->watched = gdb->watching = gdb->look_due = gdb->interrupted = false;
    gdb->map_known = gdb->no_p = false;
    gdb->map_len = 0;
    gdb->x = -1;
    loop_timer_set(gdb->release_timer, LOOP_NEVER);
    loop_timer_set(gdb->step_timer, LOOP_NEVER);
    gdb_server_stop(gdb->server, grace_us);
}

void gdb_lose(struct gdb *gdb, const char *reason, const char *why)
{
    char copy[400];
    snprintf(copy, sizeof copy, "%s", why); /* it may lie in what is dropped */
    drop(gdb, STOP_GRACE_US);
    say(gdb, "lost", copy, reason, copy);
    fail(gdb, reason, copy);
}

void gdb_refuse(struct gdb *gdb, const char *format, ...)
{
    char text[400];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    if (!gdb->ready || !gdb->busy) { /* refused in the greeting: there is nothing to work with */
        gdb_lose(gdb, "refused", text);
        return;
    }
    if (!gdb->hold && !gdb->running)
        gdb_run_core(gdb);
    fail(gdb, "refused", text);
}

/* ---- requests ---- */

bool gdb_serves_running(const struct gdb *gdb)
{
    int memory = gdb->config->memory;
    return memory == GDB_LIVE_LIVE || (memory == GDB_LIVE_AUTO && gdb_kind_of(gdb->config)->live);
}

size_t gdb_chunk(const struct gdb *gdb, bool reply)
{
    return (gdb->packet_max - (reply ? 16 : 48)) / 2 & ~(size_t)3;
}

static uint64_t time_left(const struct gdb *gdb)
{
    uint64_t now_us = clock_now_us();
    if (!gdb->busy)
        return LOOK_LIMIT_US;
    return gdb->end_us > now_us ? gdb->end_us - now_us : 1;
}

void gdb_ask_bytes(struct gdb *gdb, const void *data, size_t len)
{
    gdb_link_ask(gdb->link, data, len, false, time_left(gdb));
}

void gdb_ask_stop(struct gdb *gdb, const char *text)
{
    gdb_link_ask(gdb->link, text, strlen(text), true, time_left(gdb));
}

void gdb_ask(struct gdb *gdb, const char *format, ...)
{
    char *text;
    va_list list;
    va_start(list, format);
    int len = vasprintf(&text, format, list);
    va_end(list);
    if (len < 0)
        abort();
    gdb_ask_bytes(gdb, text, (size_t)len);
    free(text);
}

void gdb_run_core(struct gdb *gdb)
{
    gdb->running = true;
    gdb->interrupted = false;
    loop_timer_set(gdb->release_timer, LOOP_NEVER);
    gdb_link_tell(gdb->link, gdb->vcont ? "vCont;c" : "c");
}

/* ---- steps ---- */

static cJSON *sample_fields(const struct gdb *gdb)
{
    cJSON *fields = cJSON_CreateObject();
    uint32_t before = gdb->code & 0xffff, at = gdb->code >> 16;
    /* WFI and WFE: ARMv6-M ARM A6.7 */
    bool waits = before == 0xbf30 || before == 0xbf20 || at == 0xbf30 || at == 0xbf20;
    bool asleep = gdb->dhcsr_known ? gdb->dhcsr & 1u << 18 : waits; /* S_SLEEP */
    bool locked = (gdb->dhcsr_known && gdb->dhcsr & 1u << 19) || (gdb->pc | 0x10000000) == 0xfffffffe;
    cJSON_AddNumberToObject(fields, "pc", gdb->pc);
    cJSON_AddBoolToObject(fields, "asleep", asleep);
    cJSON_AddBoolToObject(fields, "locked_up", locked);
    return fields;
}

static void finish(struct gdb *gdb)
{
    cJSON *fields = NULL;
    if (gdb->job.verb == PROBE_SAMPLE) {
        fields = sample_fields(gdb);
    } else if (gdb->job.verb == PROBE_READ) {
        fields = cJSON_CreateObject();
        cJSON_AddStringToObject(fields, "hex", gdb->hex ? gdb->hex : "");
    } else if (gdb->job.verb == PROBE_DETACH) {
        gdb->hold = false;
    }
    end(gdb, true, fields);
}

static void proceed(struct gdb *gdb);
static void advance(struct gdb *gdb);

static void list_over(struct gdb *gdb)
{
    bool greeting = gdb->list == gdb_greeting;
    gdb->list = NULL;
    if (greeting) {
        gdb->ready = true;
        gdb->refusals = 0;
        advance(gdb);
    } else if (gdb->job.verb == PROBE_DETACH) {
        drop(gdb, STOP_GRACE_US); /* down() comes back to advance() */
    } else {
        finish(gdb);
    }
}

/* Between two steps, so that no request of the job's is out. */
static void take_look(struct gdb *gdb)
{
    gdb->look_due = false;
    gdb->waiting = gdb->list;
    gdb->waiting_step = gdb->step;
    gdb->list = gdb_look;
    gdb->step = 0;
    gdb->comparator = 0;
    gdb->matched = false;
    proceed(gdb);
}

static void proceed(struct gdb *gdb)
{
    if (gdb->look_due)
        take_look(gdb);
    else if (gdb->list && gdb->list[gdb->step])
        gdb->list[gdb->step]->begin(gdb);
    else if (gdb->list)
        list_over(gdb);
}

void gdb_next(struct gdb *gdb)
{
    loop_timer_set(gdb->step_timer, LOOP_NEVER);
    gdb->step++;
    proceed(gdb);
}

void gdb_again(struct gdb *gdb)
{
    proceed(gdb);
}

static void begin_list(struct gdb *gdb, const struct gdb_step *const *list)
{
    gdb->list = list;
    gdb->step = 0;
    proceed(gdb);
}

/* Does what comes next for the job: get a connection, or work. */
static void advance(struct gdb *gdb)
{
    struct error error = {0};
    enum gdb_server_state state = gdb_server_state(gdb->server);
    if (!gdb->busy || gdb->list || gdb->refusals)
        return; /* a look or the greeting comes back here, a timer tries again */
    if (gdb->job.verb == PROBE_DETACH && !gdb->ready) {
        if (state == GDB_SERVER_DOWN)
            finish(gdb);
        else if (state == GDB_SERVER_UP || state == GDB_SERVER_STARTING)
            drop(gdb, STOP_GRACE_US);
    } else if (state == GDB_SERVER_DOWN) {
        if (gdb_server_start(gdb->server, time_left(gdb), &error))
            fail(gdb, "server", error.text);
    } else if (gdb->ready) {
        begin_list(gdb, gdb_verbs[gdb->job.verb]);
    }
}

/* ---- what the connection tells ---- */

/* A server whose target does not answer yet (a board that has just been switched on) refuses us. */
static void refused_connection(struct gdb *gdb, const char *text)
{
    char why[400];
    if (gdb->busy && !gdb->config->command && ++gdb->refusals < REFUSALS_MAX) {
        drop(gdb, STOP_GRACE_US);
        loop_timer_set(gdb->step_timer, clock_now_us() + RECONNECT_US);
        return;
    }
    gdb->refusals = 0;
    snprintf(why, sizeof why, "%.100s: its target does not answer%s%.200s", text,
             gdb_server_complaint(gdb->server)[0] ? ": " : "", gdb_server_complaint(gdb->server));
    gdb_lose(gdb, "no-target", why);
}

static void on_reply(void *arg, enum gdb_end how, const char *text, size_t len)
{
    struct gdb *gdb = arg;
    if (how == GDB_LATE)
        gdb_lose(gdb, "deadline", text);
    else if (how == GDB_LOST && gdb->ready)
        gdb_lose(gdb, "server", text);
    else if (how == GDB_LOST)
        refused_connection(gdb, text);
    else if (gdb->list && gdb->list[gdb->step])
        gdb->list[gdb->step]->reply(gdb, text, len);
    else
        proceed(gdb);
}

static void on_step_timer(void *arg, uint64_t now_us)
{
    struct gdb *gdb = arg;
    if (gdb->list) { /* the core does not stop; its reset may still work */
        gdb_next(gdb);
        return;
    }
    unsigned refusals = gdb->refusals;
    gdb->refusals = 0;
    advance(gdb);
    gdb->refusals = refusals;
}

static void on_print(void *arg, const char *text)
{
    struct gdb *gdb = arg;
    size_t len = strcspn(text, "\r\n");
    if (len)
        snprintf(gdb->printed, sizeof gdb->printed, "%.*s", (int)(len < 190 ? len : 190), text);
}

static void on_link_lost(void *arg, const char *why)
{
    gdb_lose(arg, "server", why);
}

/* A BKPT halts a core that is debugged, and OpenOCD halts one that it finds locked up. Without us the board
 * would have had to cope alone: it goes on, after a pause that grows. */
static void on_release(void *arg, uint64_t now_us)
{
    struct gdb *gdb = arg;
    if (gdb->link && !gdb->running && !gdb->hold && !gdb->busy && !gdb->list)
        gdb_run_core(gdb);
}

static void release_later(struct gdb *gdb)
{
    char text[120];
    if (gdb->release_us == RELEASE_FIRST_US) {
        snprintf(text, sizeof text, "the core halted by itself (signal %u) and is let go", gdb->stop.signal);
        event_put(gdb->env.sink, EVENT_NOTE, gdb->role, "released", text);
    }
    loop_timer_set(gdb->release_timer, clock_now_us() + gdb->release_us);
    gdb->release_us = 2 * gdb->release_us < RELEASE_LONGEST_US ? 2 * gdb->release_us : RELEASE_LONGEST_US;
}

static bool counts_on(const struct gdb *gdb)
{
    return gdb->watching && gdb->stop.cause == GDB_WATCH && !gdb->watch.match_value &&
           !gdb_kind_of(gdb->config)->stops_before && gdb->hits + 1 < gdb->watch.count;
}

static void on_stopped(void *arg, const struct gdb_stop *stop)
{
    struct gdb *gdb = arg;
    bool ran = gdb->running;
    gdb->stop = *stop;
    gdb->running = false;
    if (stop->kind == 'W' || stop->kind == 'X') {
        gdb_lose(gdb, "server", "the GDB server has no core any more");
    } else if (!ran || gdb->list == gdb_greeting) {
        return; /* told twice */
    } else if (counts_on(gdb) && !gdb->busy && !gdb->list) {
        gdb->hits++;
        gdb_run_core(gdb);
    } else if (gdb->watching) {
        gdb->look_due = true;
        if (!gdb_link_busy(gdb->link))
            proceed(gdb);
    } else if (gdb->list && gdb->list[gdb->step] && gdb->list[gdb->step]->stopped) {
        gdb->list[gdb->step]->stopped(gdb);
    } else if (!gdb->list) {
        release_later(gdb);
    }
}

static void tell_hit(struct gdb *gdb)
{
    cJSON *fields = cJSON_CreateObject();
    cJSON_AddNumberToObject(fields, "pc", gdb->pc);
    cJSON_AddNumberToObject(fields, "address", gdb->watch.address);
    cJSON_AddNumberToObject(fields, "hit", gdb->hits);
    event_put_full(gdb->env.sink, EVENT_PROBE, gdb->role, "halted", "watchpoint", gdb->hits, fields);
    cJSON_Delete(fields);
}

void gdb_looked(struct gdb *gdb, bool hit, const char *other)
{
    gdb->list = gdb->waiting;
    gdb->step = gdb->waiting_step;
    gdb->waiting = NULL;
    if (hit && ++gdb->hits >= gdb->watch.count) {
        gdb->watching = false;
        gdb->hold = true;
        tell_hit(gdb);
    } else if (other) {
        gdb->watching = false;
        say(gdb, "lost", other, "refused", other);
    }
    if (!gdb->link)
        return; /* whoever heard of it cut the power at once */
    if (gdb->busy && !gdb->list)
        advance(gdb);
    else if (gdb->list && gdb->list[gdb->step] && gdb->list[gdb->step]->stopped)
        gdb->list[gdb->step]->stopped(gdb);
    else if (gdb->list)
        proceed(gdb);
    else if (!gdb->hold)
        gdb_run_core(gdb);
}

/* ---- what the server tells ---- */

static void on_up(void *arg, int fd)
{
    static const struct gdb_link_events events = {
        .reply = on_reply, .stopped = on_stopped, .print = on_print, .lost = on_link_lost};
    struct gdb *gdb = arg;
    gdb->link = gdb_link_open(gdb->env.loop, fd, &events, gdb);
    gdb->printed[0] = 0;
    begin_list(gdb, gdb_greeting);
}

static void on_down(void *arg)
{
    advance(arg);
}

static void on_server_lost(void *arg, const char *why)
{
    struct gdb *gdb = arg;
    const struct gdb_kind *kind = gdb_kind_of(gdb->config);
    const char *complaint = gdb_server_complaint(gdb->server);
    /* OpenOCD ends when its target does not answer as it starts */
    gdb_lose(gdb, complaint[0] && !strcmp(kind->name, "openocd") ? openocd_reason(complaint) : "server", why);
}

static void on_job_limit(void *arg, uint64_t now_us)
{
    struct gdb *gdb = arg;
    gdb->refusals = 0;
    if (gdb->busy)
        gdb_lose(gdb, "deadline",
                 !gdb->ready        ? "the GDB server did not get ready in time"
                 : gdb->interrupted ? "the core does not stop"
                                    : "the GDB server does not answer in time");
}

/* ---- jobs ---- */

static uint64_t limit_of(const struct gdb *gdb)
{
    static const uint64_t limits[PROBE_VERBS] = {[PROBE_PROGRAM] = SLOW_US,
                                                 [PROBE_VERIFY] = SLOW_US,
                                                 [PROBE_DUMP] = SLOW_US,
                                                 [PROBE_ERASE] = MASS_US,
                                                 [PROBE_ERASE_ALL] = MASS_US};
    uint64_t bytes = gdb->job.verb == PROBE_ERASE ? 0 : gdb->to - gdb->from;
    uint64_t limit_us = limits[gdb->job.verb] ? limits[gdb->job.verb] : FAST_US;
    return limit_us + (gdb->job.verb == PROBE_PROGRAM ? 2 : 1) * bytes * 1000000 / BYTES_PER_SECOND;
}

static int load_image(struct gdb *gdb, const char *path, struct error *error)
{
    struct stat about;
    FILE *file = file_open(path, error);
    if (!file)
        return -1;
    int result = 0;
    if (fstat(fileno(file), &about) || about.st_size > IMAGE_MAX)
        result = error_set(error, ERROR_INPUT, "%s: too long for a flash image", path);
    else {
        gdb->job.len = (uint32_t)about.st_size;
        gdb->image = mem_alloc(gdb->job.len + 1);
        if (fread(gdb->image, 1, gdb->job.len, file) != gdb->job.len)
            result = error_set(error, ERROR_INPUT, "%s: cannot be read", path);
    }
    fclose(file);
    return result;
}

static int take_files(struct gdb *gdb, struct error *error)
{
    enum probe_verb verb = gdb->job.verb;
    bool reads = verb == PROBE_PROGRAM || verb == PROBE_VERIFY;
    if (!reads && verb != PROBE_DUMP)
        return 0;
    if (!gdb->job.path)
        return error_set(error, ERROR_SYSTEM, "gdb: %s needs a file", probe_verb_name(verb));
    if (reads)
        return load_image(gdb, gdb->job.path, error);
    gdb->path = mem_string(gdb->job.path);
    gdb->file = fopen(gdb->path, "wb");
    return gdb->file ? 0 : error_set_errno(error, ERROR_INPUT, errno, "%s", gdb->path);
}

static int start(void *self, const struct probe_job *job, struct error *error)
{
    struct gdb *gdb = self;
    if (gdb->busy)
        return error_set(error, ERROR_SYSTEM, "gdb: a job is under way");
    gdb->job = *job;
    if (take_files(gdb, error)) {
        forget_job(gdb);
        return -1;
    }
    gdb->job.path = NULL; /* it is the caller's */
    gdb->from = gdb->at = job->address;
    gdb->to = gdb->from + (job->verb == PROBE_WATCH ? 0 : gdb->job.len);
    if (gdb->to > UINT64_C(1) << 32) {
        forget_job(gdb);
        return error_set(error, ERROR_INPUT, "gdb: 0x%x bytes at 0x%x go beyond 32-bit addresses",
                         gdb->job.len, job->address);
    }
    if (job->verb == PROBE_WATCH || job->verb == PROBE_UNWATCH)
        gdb->watching = false;
    gdb->busy = true;
    gdb->refusals = 0;
    gdb->release_us = RELEASE_FIRST_US;
    gdb->end_us = clock_now_us() + (job->deadline_us ? job->deadline_us : limit_of(gdb));
    loop_timer_set(gdb->job_timer, gdb->end_us);
    advance(gdb);
    return 0;
}

static void cancel(void *self)
{
    struct gdb *gdb = self;
    if (!gdb->busy)
        return;
    drop(gdb, STOP_GRACE_US);
    fail(gdb, "cancelled", "cancelled");
}

static void power(void *self, bool on)
{
    struct gdb *gdb = self;
    if (on)
        return;
    gdb->hold = false;
    drop(gdb, STOP_GRACE_US);
    fail(gdb, "no-target", "the power was cut");
}

static int revive(void *self, unsigned rung, struct error *error)
{
    struct gdb *gdb = self;
    drop(gdb, 0);
    fail(gdb, "server", "revived");
    if (rung)
        gdb_server_reset_adapter(gdb->server);
    return 0;
}

static void listen_end(void *self, void (*ended)(void *arg, bool ok, const cJSON *fields), void *arg)
{
    struct gdb *gdb = self;
    gdb->ended = ended;
    gdb->ended_arg = arg;
}

/* ---- open, close ---- */

static int gdb_open(const struct driver_env *env, const void *config, void **self, struct error *error)
{
    static const struct gdb_server_events events = {.up = on_up, .down = on_down, .lost = on_server_lost};
    if (clock_is_virtual())
        return error_set(error, ERROR_INPUT,
                         "a GDB server looks at a running core in this computer's time: the rack needs "
                         "\"virtual\": {\"time\": \"real\"}");
    struct gdb *gdb = mem_alloc(sizeof *gdb);
    gdb->env = *env;
    gdb->config = config;
    gdb->x = -1;
    gdb->server = gdb_server_new(env, config, &events, gdb, error);
    if (!gdb->server) {
        free(gdb);
        return -1;
    }
    gdb->role = mem_string(env->role);
    gdb->job_timer = loop_add_timer(env->loop, LOOP_NEVER, on_job_limit, gdb);
    gdb->step_timer = loop_add_timer(env->loop, LOOP_NEVER, on_step_timer, gdb);
    gdb->release_timer = loop_add_timer(env->loop, LOOP_NEVER, on_release, gdb);
    *self = gdb;
    return 0;
}

static void gdb_close(void *self)
{
    struct gdb *gdb = self;
    forget_job(gdb);
    gdb_link_close(gdb->link);
    gdb_server_free(gdb->server);
    loop_remove(gdb->job_timer);
    loop_remove(gdb->step_timer);
    loop_remove(gdb->release_timer);
    free(gdb->map_text);
    free(gdb->role);
    free(gdb);
}

/* Two servers at one address cannot be; a command is its own name unless the place is a part of it. */
static void claim(const void *data, char *key, size_t size)
{
    const struct gdb_config *config = data;
    if (config->lock)
        claim_put(key, size, "probe", (const char *const[]){config->lock, NULL});
    else if (config->address)
        claim_put(key, size, "gdb", (const char *const[]){config->address, NULL});
    else if (!argv_uses(config->command, "place"))
        claim_programs(key, size, "gdb", (char *const *const[]){config->command, NULL});
}

static const char *check(const void *config)
{
    return gdb_config_check(config);
}

static const char *advice_for(const char *reason)
{
    if (!strcmp(reason, "no-target"))
        return "switch the board on and check the probe's wires";
    if (!strcmp(reason, "refused"))
        return "does \"server\" name the right one? Its monitor commands may also be given one by one";
    return "is the GDB server installed, running and free, and is its address right?";
}

static int examine(const struct driver_env *env, const void *config, char *advice, size_t size,
                   struct error *error)
{
    return probe_examine(&probe_gdb_driver, env, config, advice_for, advice, size, error);
}

static const struct probe_ops ops = {
    .start = start, .cancel = cancel, .power = power, .revive = revive, .listen = listen_end};
const struct driver probe_gdb_driver = {.name = "gdb",
                                        .help =
                                            "any GDB server (OpenOCD, J-Link, pyOCD, probe-rs, Black Magic)",
                                        .kind = DRIVER_PROBE,
                                        .options = gdb_options,
                                        .config_size = sizeof(struct gdb_config),
                                        .claim = claim,
                                        .rules = gdb_rules,
                                        .check = check,
                                        .open = gdb_open,
                                        .close = gdb_close,
                                        .probe = &ops,
                                        .examine = examine};
