/* Probe "openocd": the stock openocd program as a supervised child, driven over its Tcl RPC.
 *
 * The server lives from the first job after a power-up to the next power-off: a fresh start (some 20 ms) is
 * simpler and surer than nursing a server through a power loss. A verb is a list of Tcl commands; one after
 * the other, each with a deadline. Whatever ends badly, ends the job; the ladder (revive) is climbed by the
 * run, not here. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/driver/driver.h"
#include "harness/driver/table.h"
#include "harness/driver/tcl_rpc.h"
#include "harness/io/child.h"

#define START_LIMIT_US 8000000u
#define STOP_GRACE_US 300000u
#define COMMANDS_MAX 8
#define WATCH_SLICE_MS 20

struct config {
    char *binary, *adapter, *socket, *transport, *target, *serial, *erase_all, *recover;
    char **config, **search, **commands, **adapter_reset;
    int64_t speed_khz;
};

static const struct option_spec options[] = {
    {.name = "adapter",
     .help = "remote_bitbang, or an OpenOCD interface file like interface/cmsis-dap.cfg",
     .type = OPTION_STRING,
     .offset = offsetof(struct config, adapter),
     .required = true},
    {.name = "socket",
     .help = "remote_bitbang: unix socket; relative to the virtual rack's folder (PLACE.dap)",
     .type = OPTION_STRING,
     .offset = offsetof(struct config, socket)},
    {.name = "transport",
     .help = "jtag or swd",
     .type = OPTION_STRING,
     .offset = offsetof(struct config, transport),
     .standard = "swd"},
    {.name = "serial",
     .help = "serial number of the adapter",
     .type = OPTION_STRING,
     .offset = offsetof(struct config, serial)},
    {.name = "speed_khz",
     .help = "adapter speed",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct config, speed_khz),
     .standard = "1000",
     .low = 1,
     .high = 100000},
    {.name = "target",
     .help = "OpenOCD target file",
     .type = OPTION_STRING,
     .offset = offsetof(struct config, target),
     .standard = "target/nrf52.cfg"},
    {.name = "config",
     .help = "further files (-f)",
     .type = OPTION_STRINGS,
     .offset = offsetof(struct config, config)},
    {.name = "search",
     .help = "folders to search first (-s)",
     .type = OPTION_STRINGS,
     .offset = offsetof(struct config, search)},
    {.name = "commands",
     .help = "further commands (-c), after the target file",
     .type = OPTION_STRINGS,
     .offset = offsetof(struct config, commands)},
    {.name = "erase_all",
     .help = "command that erases the whole chip",
     .type = OPTION_STRING,
     .offset = offsetof(struct config, erase_all),
     .standard = "nrf5 mass_erase"},
    {.name = "recover",
     .help = "command that frees a locked chip",
     .type = OPTION_STRING,
     .offset = offsetof(struct config, recover),
     .standard = "nrf52_recover"},
    {.name = "adapter_reset",
     .help = "program and arguments that reset the adapter (a USB port switch)",
     .type = OPTION_STRINGS,
     .offset = offsetof(struct config, adapter_reset)},
    {.name = "binary",
     .help = "the program",
     .type = OPTION_STRING,
     .offset = offsetof(struct config, binary),
     .standard = "openocd"},
    {0},
};

enum server_state { SERVER_DOWN, SERVER_STARTING, SERVER_UP, SERVER_ENDING };

struct openocd {
    struct driver_env env;
    char *role, *place;
    const struct config *config;
    enum server_state state;
    struct child *child, *resetter;
    struct tcl_rpc *rpc;
    struct loop_source *timer; /* start limit */
    bool busy, watching, rpc_busy;
    struct probe_job job;
    char *path;
    uint64_t end_us;
    char *commands[COMMANDS_MAX];
    int command_count, command;
    unsigned hits;
    char last_error[200];
};

static void start_server(struct openocd *ocd);
static void next_command(struct openocd *ocd);
static void watch_next(struct openocd *ocd);

/* ---- the end of a job ---- */

static void forget_commands(struct openocd *ocd)
{
    for (int i = 0; i < ocd->command_count; i++)
        free(ocd->commands[i]);
    ocd->command_count = ocd->command = 0;
}

static void end(struct openocd *ocd, bool ok, cJSON *fields)
{
    ocd->busy = false;
    forget_commands(ocd);
    free(ocd->path);
    ocd->path = NULL;
    event_put_full(ocd->env.sink, EVENT_PROBE, ocd->role, ok ? "done" : "failed",
                   probe_verb_name(ocd->job.verb), EVENT_NO_NUMBER, fields);
    cJSON_Delete(fields);
}

static void fail(struct openocd *ocd, const char *reason, const char *text)
{
    ocd->watching = false;
    if (!ocd->busy)
        return;
    cJSON *fields = cJSON_CreateObject();
    cJSON_AddStringToObject(fields, "reason", reason);
    cJSON_AddStringToObject(fields, "text", text);
    end(ocd, false, fields);
}

/* ---- the server ---- */

static void drop_server(struct openocd *ocd)
{
    tcl_close(ocd->rpc);
    ocd->rpc = NULL;
    ocd->rpc_busy = false;
    ocd->watching = false;
    loop_timer_set(ocd->timer, LOOP_NEVER);
    if (ocd->child && child_running(ocd->child)) {
        ocd->state = SERVER_ENDING;
        child_stop(ocd->child, STOP_GRACE_US);
    } else {
        child_free(ocd->child);
        ocd->child = NULL;
        ocd->state = SERVER_DOWN;
    }
}

static bool is_error(const char *text)
{
    return !strncmp(text, "Error:", 6) || strstr(text, "Invalid ACK") || strstr(text, "all ones") ||
           strstr(text, "all zeroes");
}

/* A board without power answers nothing: the scan chain reads all ones. */
static const char *reason_of(const char *text)
{
    return strstr(text, "Invalid ACK") || strstr(text, "all ones") || strstr(text, "all zeroes") ||
                   strstr(text, "scan chain") || strstr(text, "DAP init") || strstr(text, "IDCODE") ||
                   strstr(text, "examin")
               ? "no-target"
               : "server";
}

static void on_reply(void *arg, enum tcl_end how, const char *text);

static void on_line(void *arg, int stream, const char *text, size_t len)
{
    struct openocd *ocd = arg;
    unsigned port;
    if (is_error(text) && !ocd->last_error[0])
        snprintf(ocd->last_error, sizeof ocd->last_error, "%.190s", text);
    if (ocd->state != SERVER_STARTING || ocd->rpc || !strstr(text, "tcl connections") ||
        sscanf(strstr(text, "port ") ? strstr(text, "port ") : "", "port %u", &port) != 1)
        return;
    struct error error = {0};
    ocd->rpc = tcl_open(ocd->env.loop, port, on_reply, ocd, &error);
    if (!ocd->rpc) {
        fail(ocd, "server", error.text);
        drop_server(ocd);
        return;
    }
    ocd->state = SERVER_UP;
    loop_timer_set(ocd->timer, LOOP_NEVER);
    if (ocd->busy)
        next_command(ocd);
}

static void free_old_child(void *arg)
{
    struct openocd *ocd = arg;
    if (ocd->state != SERVER_DOWN || (ocd->child && child_running(ocd->child)))
        return;
    child_free(ocd->child);
    ocd->child = NULL;
    if (ocd->busy)
        start_server(ocd);
}

static void on_ended(void *arg, int wait_status, bool asked)
{
    struct openocd *ocd = arg;
    enum server_state before = ocd->state;
    char text[260];
    tcl_close(ocd->rpc);
    ocd->rpc = NULL;
    ocd->rpc_busy = false;
    ocd->state = SERVER_DOWN;
    loop_timer_set(ocd->timer, LOOP_NEVER);
    if (!asked) {
        snprintf(text, sizeof text, "openocd ended by itself%s%s", ocd->last_error[0] ? ": " : "",
                 ocd->last_error);
        event_put(ocd->env.sink, EVENT_PROBE, ocd->role, "lost", text);
        fail(ocd, ocd->last_error[0] && before == SERVER_STARTING ? reason_of(ocd->last_error) : "server",
             text);
    }
    loop_defer(ocd->env.loop, free_old_child, ocd);
}

static void on_start_limit(void *arg, uint64_t now_us)
{
    struct openocd *ocd = arg;
    fail(ocd, "deadline", ocd->last_error[0] ? ocd->last_error : "openocd did not get ready");
    drop_server(ocd);
}

static char *socket_path(const struct openocd *ocd)
{
    const char *rack = getenv("OTARIG_RACK"), *name = ocd->config->socket;
    if (name && name[0] == '/')
        return mem_string(name);
    return name ? mem_printf("%s/%s", rack ? rack : ".", name)
                : mem_printf("%s/%s.dap", rack ? rack : ".", ocd->place);
}

static void add(const char **argv, int *argc, char **owned, int *owned_count, const char *flag, char *text)
{
    if (*argc > 54)
        abort(); /* the option table allows no such list */
    argv[(*argc)++] = flag;
    argv[(*argc)++] = text;
    owned[(*owned_count)++] = text;
}

static const char *data_folder(void)
{
    const char *own = getenv("OTARIG_DATA");
    return own ? own : OTARIG_SOURCE_DIR "/harness/driver";
}

static void start_server(struct openocd *ocd)
{
    const struct config *config = ocd->config;
    const char *argv[64];
    char *owned[64];
    int argc = 0, count = 0;
    struct error error = {0};
    bool bitbang = !strcmp(config->adapter, "remote_bitbang");
#define ADD(flag, text) add(argv, &argc, owned, &count, flag, text)
    argv[argc++] = config->binary;
    for (char **folder = config->search; folder && *folder && argc < 20; folder++)
        ADD("-s", mem_string(*folder));
    ADD("-s", mem_printf("%s/openocd", data_folder()));
    ADD("-c", mem_string("gdb_port disabled; telnet_port disabled; tcl_port 0"));
    if (bitbang) {
        char *path = socket_path(ocd);
        ADD("-c", mem_printf("adapter driver remote_bitbang; remote_bitbang host {%s}; transport select jtag",
                             path));
        free(path);
    } else {
        ADD("-f", mem_string(config->adapter));
        if (config->serial)
            ADD("-c", mem_printf("adapter serial {%s}", config->serial));
        ADD("-c", mem_printf("transport select %s; adapter speed %lld", config->transport,
                             (long long)config->speed_khz));
    }
    ADD("-f", mem_string(config->target));
    for (char **file = config->config; file && *file && argc < 40; file++)
        ADD("-f", mem_string(*file));
    for (char **command = config->commands; command && *command && argc < 50; command++)
        ADD("-c", mem_string(*command));
#undef ADD
    argv[argc] = NULL;
    const struct child_spec spec = {.name = "openocd", .argv = argv};
    const struct child_events events = {.line = on_line, .ended = on_ended};
    ocd->last_error[0] = 0;
    ocd->child = child_start(ocd->env.loop, &spec, &events, ocd, &error);
    for (int i = 0; i < count; i++)
        free(owned[i]);
    if (!ocd->child) {
        ocd->state = SERVER_DOWN;
        fail(ocd, "server", error.text);
        return;
    }
    ocd->state = SERVER_STARTING;
    loop_timer_set(ocd->timer, clock_now_us() + START_LIMIT_US);
}

/* ---- jobs ---- */

__attribute__((format(printf, 2, 3))) static void command(struct openocd *ocd, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = NULL;
    if (vasprintf(&text, format, args) < 0)
        abort();
    va_end(args);
    ocd->commands[ocd->command_count++] = text;
}

static void plan_watch(struct openocd *ocd, const struct probe_job *job)
{
    static const char access[] = "wra";
    command(ocd, "reset halt");
    command(ocd, "rwp all");
    if (job->match_value)
        command(ocd, "wp 0x%x %u %c 0x%x", job->address, job->len, access[job->access], job->value);
    else
        command(ocd, "wp 0x%x %u %c", job->address, job->len, access[job->access]);
    command(ocd, "resume");
}

/* Which commands make a verb. */
static void plan(struct openocd *ocd, const struct probe_job *job)
{
    switch (job->verb) {
    case PROBE_PROGRAM:
        command(ocd, "reset halt");
        command(ocd, "flash write_image erase {%s} 0x%x bin", ocd->path, job->address);
        command(ocd, "verify_image {%s} 0x%x bin", ocd->path, job->address);
        break;
    case PROBE_VERIFY:
        command(ocd, "verify_image {%s} 0x%x bin", ocd->path, job->address);
        break;
    case PROBE_DUMP:
        command(ocd, "dump_image {%s} 0x%x 0x%x", ocd->path, job->address, job->len);
        break;
    case PROBE_READ:
        command(ocd, "return [read_memory 0x%x 8 %u]", job->address, job->len);
        break;
    case PROBE_WRITE:
        command(ocd, "mww 0x%x 0x%x", job->address, job->value);
        break;
    case PROBE_ERASE_ALL:
        command(ocd, "if {[catch {reset halt}]} {%s; reset halt}", ocd->config->recover);
        command(ocd, "%s", ocd->config->erase_all);
        break;
    case PROBE_ERASE:
        command(ocd, "halt");
        command(ocd, "flash erase_address 0x%x 0x%x", job->address, job->len);
        break;
    case PROBE_RESET_RUN:
        command(ocd, "reset run");
        break;
    case PROBE_RESET_HALT:
        command(ocd, "reset halt");
        break;
    case PROBE_HALT:
        command(ocd, "halt");
        break;
    case PROBE_RESUME:
        command(ocd, "resume");
        break;
    case PROBE_WATCH:
        plan_watch(ocd, job);
        break;
    case PROBE_UNWATCH:
        command(ocd, "halt");
        command(ocd, "rwp all");
        command(ocd, "resume");
        break;
    case PROBE_ATTACH:
    case PROBE_DETACH:
    case PROBE_VERBS:
        break;
    }
}

static uint64_t time_left(const struct openocd *ocd)
{
    uint64_t now_us = clock_now_us();
    return ocd->end_us > now_us ? ocd->end_us - now_us : 1;
}

static void send_command(struct openocd *ocd, const char *text, uint64_t limit_us)
{
    ocd->rpc_busy = true;
    tcl_send(ocd->rpc, text, limit_us);
}

static void next_command(struct openocd *ocd)
{
    if (ocd->rpc_busy)
        return; /* a watch's last poll is still out; its reply comes here again */
    if (ocd->command < ocd->command_count) {
        send_command(ocd, ocd->commands[ocd->command], time_left(ocd));
        return;
    }
    bool watch = ocd->job.verb == PROBE_WATCH;
    ocd->hits = 0;
    end(ocd, true, NULL);
    if (watch) {
        ocd->watching = true;
        watch_next(ocd);
    }
}

/* "0x1 0xab ..." -> "01ab..." */
static cJSON *read_result(const char *text)
{
    char *hex = mem_alloc(2 * strlen(text) + 1);
    size_t n = 0;
    for (const char *at = strstr(text, "0x"); at; at = strstr(at + 2, "0x"))
        n += (size_t)sprintf(hex + n, "%02x", (unsigned)strtoul(at + 2, NULL, 16) & 0xff);
    cJSON *fields = cJSON_CreateObject();
    cJSON_AddStringToObject(fields, "hex", hex);
    free(hex);
    return fields;
}

static void on_watch_reply(struct openocd *ocd, enum tcl_end how, const char *text)
{
    if (how == TCL_ERROR && strstr(text, "timed out")) {
        watch_next(ocd);
        return;
    }
    if (how != TCL_OK) {
        ocd->watching = false;
        event_put(ocd->env.sink, EVENT_PROBE, ocd->role, "lost", text);
        drop_server(ocd);
        return;
    }
    if (++ocd->hits < ocd->job.count) {
        send_command(ocd, "resume; wait_halt 20", 2000000);
        return;
    }
    ocd->watching = false;
    cJSON *fields = cJSON_CreateObject();
    cJSON_AddNumberToObject(fields, "hit", ocd->hits);
    cJSON_AddNumberToObject(fields, "address", ocd->job.address);
    event_put_full(ocd->env.sink, EVENT_PROBE, ocd->role, "halted", "watchpoint", ocd->hits, fields);
    cJSON_Delete(fields);
}

static void watch_next(struct openocd *ocd)
{
    if (ocd->watching)
        send_command(ocd, "wait_halt 20", 2000000);
}

static void on_reply(void *arg, enum tcl_end how, const char *text)
{
    struct openocd *ocd = arg;
    ocd->rpc_busy = false;
    if (ocd->watching) {
        on_watch_reply(ocd, how, text);
        return;
    }
    if (!ocd->busy)
        return;
    if (how == TCL_LOST || how == TCL_LATE) {
        fail(ocd, how == TCL_LOST ? "server" : "deadline", text);
        drop_server(ocd);
        return;
    }
    /* the reply belongs to a watch that this job has ended */
    if (ocd->command == 0 && ocd->commands[0] && ocd->hits == UINT_MAX) {
        ocd->hits = 0;
        next_command(ocd);
        return;
    }
    if (how == TCL_ERROR) {
        const char *why = ocd->last_error[0] ? ocd->last_error : text;
        char copy[400];
        snprintf(copy, sizeof copy, "%s: %.300s", ocd->commands[ocd->command], text[0] ? text : why);
        fail(ocd, strstr(copy, "Invalid ACK") || strstr(copy, "not examined") ? "no-target" : "refused",
             copy);
        return;
    }
    if (ocd->job.verb == PROBE_READ) {
        end(ocd, true, read_result(text));
        return;
    }
    ocd->command++;
    next_command(ocd);
}

static uint64_t standard_limit(enum probe_verb verb)
{
    return verb == PROBE_PROGRAM || verb == PROBE_DUMP || verb == PROBE_VERIFY || verb == PROBE_ERASE_ALL ||
                   verb == PROBE_ERASE
               ? 90000000u
               : 10000000u;
}

static int start(void *self, const struct probe_job *job, struct error *error)
{
    struct openocd *ocd = self;
    if (ocd->busy)
        return error_set(error, ERROR_SYSTEM, "openocd: a job is under way");
    char absolute[PATH_MAX];
    const char *path = job->path;
    /* openocd runs in our working directory, but braces in a path would end the Tcl word */
    if (path && job->verb != PROBE_DUMP && !(path = realpath(job->path, absolute)))
        return error_set_errno(error, ERROR_INPUT, errno, "%s", job->path);
    if (path && (strchr(path, '{') || strchr(path, '}')))
        return error_set(error, ERROR_INPUT, "%s: braces in a path cannot be handed to OpenOCD", path);
    ocd->busy = true;
    ocd->job = *job;
    ocd->path = mem_string(path);
    ocd->end_us = clock_now_us() + (job->deadline_us ? job->deadline_us : standard_limit(job->verb));
    ocd->last_error[0] = 0;
    if (ocd->watching) {
        ocd->watching = false;
        ocd->hits = UINT_MAX; /* the poll that is out is not this job's */
    }
    plan(ocd, job);
    if (ocd->state == SERVER_DOWN && !ocd->child)
        start_server(ocd);
    else if (ocd->state == SERVER_UP)
        next_command(ocd);
    return 0;
}

static void cancel(void *self)
{
    struct openocd *ocd = self;
    fail(ocd, "cancelled", "cancelled");
    drop_server(ocd);
}

static void power(void *self, bool on)
{
    struct openocd *ocd = self;
    if (on)
        return;
    fail(ocd, "no-target", "the power was cut");
    drop_server(ocd);
}

static void on_resetter_ended(void *arg, int wait_status, bool asked)
{
}

static int revive(void *self, unsigned rung, struct error *error)
{
    struct openocd *ocd = self;
    if (ocd->child && child_running(ocd->child))
        child_kill(ocd->child);
    drop_server(ocd);
    if (rung == 0 || !ocd->config->adapter_reset)
        return 0;
    const struct child_spec spec = {.name = "adapter reset",
                                    .argv = (const char *const *)ocd->config->adapter_reset};
    const struct child_events events = {.ended = on_resetter_ended};
    child_free(ocd->resetter);
    ocd->resetter = child_start(ocd->env.loop, &spec, &events, ocd, error);
    return ocd->resetter ? 0 : -1;
}

static int openocd_open(const struct driver_env *env, const void *config, void **self, struct error *error)
{
    struct openocd *ocd = mem_alloc(sizeof *ocd);
    ocd->env = *env;
    ocd->role = mem_string(env->role);
    ocd->place = mem_string(env->place);
    ocd->config = config;
    ocd->timer = loop_add_timer(env->loop, LOOP_NEVER, on_start_limit, ocd);
    *self = ocd;
    return 0;
}

static void openocd_close(void *self)
{
    struct openocd *ocd = self;
    forget_commands(ocd);
    tcl_close(ocd->rpc);
    child_free(ocd->child);
    child_free(ocd->resetter);
    loop_remove(ocd->timer);
    free(ocd->path);
    free(ocd->role);
    free(ocd->place);
    free(ocd);
}

static void claim(const void *data, char *key, size_t size)
{
    const struct config *config = data;
    if (config->serial)
        snprintf(key, size, "probe:%s", config->serial);
    else if (config->socket)
        snprintf(key, size, "probe:%s", config->socket);
}

static const struct probe_ops ops = {.start = start, .cancel = cancel, .power = power, .revive = revive};
const struct driver probe_openocd_driver = {.name = "openocd",
                                            .help = "any adapter the stock openocd drives",
                                            .kind = DRIVER_PROBE,
                                            .options = options,
                                            .config_size = sizeof(struct config),
                                            .claim = claim,
                                            .open = openocd_open,
                                            .close = openocd_close,
                                            .probe = &ops};
