/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/driver/probe/probe_openocd_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/clock.h"
#include "harness/base/escape.h"
#include "harness/base/mem.h"
#include "harness/base/surroundings.h"
#include "harness/io/child.h"

#define RESET_LIMIT_US 10000000u
/* On a rack's clock: so much of this computer's time may pass without any of the rack's before OpenOCD is
 * given up, whatever it is doing. A loaded computer does not come near. */
#define HOST_LIMIT_US 180000000u
#define ARGUMENTS_MAX 120

struct openocd_server {
    struct loop *loop;
    const struct openocd_config *config;
    char *place;
    struct openocd_events events;
    void *arg;
    enum openocd_state state;
    struct child *child, *resetter;
    struct tcl_rpc *rpc;
    struct loop_source *reset_timer;
    bool busy, reset_wanted, holds;
    struct loop_source *guard;
    uint64_t guarded_us; /* time of the rack when the guard looked last */
    char last_error[200];
};

/* ---- the command line ---- */

struct arguments {
    const char *list[ARGUMENTS_MAX + 1];
    char *owned[ARGUMENTS_MAX];
    int count, owned_count;
};

/* Takes over `text`. What does not fit is left out; openocd then complains about what is missing. */
static void add(struct arguments *arguments, const char *flag, char *text)
{
    if (arguments->count + 2 > ARGUMENTS_MAX) {
        free(text);
        return;
    }
    arguments->list[arguments->count++] = flag;
    arguments->list[arguments->count++] = text;
    arguments->owned[arguments->owned_count++] = text;
}

static void add_all(struct arguments *arguments, const char *flag, char *const *texts)
{
    for (; texts && *texts; texts++)
        add(arguments, flag, mem_string(*texts));
}

/* "COMMAND WORD", where the word is from the rack file. */
static void add_word(struct arguments *arguments, const char *command, const char *text)
{
    char *word = text ? escape_tcl(text) : NULL;
    if (word)
        add(arguments, "-c", mem_printf("%s %s", command, word));
    free(word);
}

static bool is_pirate(const struct openocd_config *config)
{
    return !strcmp(config->adapter, "buspirate");
}

char *openocd_socket_path(const struct openocd_config *config, const char *place)
{
    if (config->socket)
        return surroundings_in_rack(config->socket);
    char *name = mem_printf("%s.%s", place, is_pirate(config) ? "bp" : "dap");
    char *path = surroundings_in_rack(name);
    free(name);
    return path;
}

/* Adapters that `socket` names: JTAG only, without a speed. */
static bool at_path(const struct openocd_config *config)
{
    return is_pirate(config) || !strcmp(config->adapter, "remote_bitbang");
}

/* target/swj-dp.tcl of that folder stands ahead of OpenOCD's own; OTARIG_DATA is laid out as the source tree
 */
static char *script_folder(void)
{
    return surroundings_data("harness/driver/probe/openocd");
}

static void add_adapter(struct arguments *arguments, const struct openocd_server *server)
{
    const struct openocd_config *config = server->config;
    if (at_path(config)) {
        char *path = openocd_socket_path(config, server->place), *word = escape_tcl(path);
        add(arguments, "-c",
            mem_printf("adapter driver %s; %s %s; transport select jtag", config->adapter,
                       is_pirate(config) ? "buspirate port" : "remote_bitbang host", word));
        free(path);
        free(word);
        return;
    }
    /* "custom": the interface file is one of `config` */
    if (strcmp(config->adapter, "custom"))
        add(arguments, "-f", mem_string(config->adapter));
    else
        add_all(arguments, "-f", config->config);
    add_word(arguments, "adapter serial", config->serial);
    add_word(arguments, "transport select", config->transport);
}

static void build(struct arguments *arguments, const struct openocd_server *server)
{
    const struct openocd_config *config = server->config;
    *arguments = (struct arguments){.list = {config->binary}, .count = 1};
    add_all(arguments, "-s", config->search);
    add(arguments, "-s", script_folder());
    add(arguments, "-c", mem_string("gdb_port disabled; telnet_port disabled; tcl_port 0"));
    add_adapter(arguments, server);
    add(arguments, "-f", mem_string(config->target));
    if (strcmp(config->adapter, "custom"))
        add_all(arguments, "-f", config->config);
    /* after the target file: that sets a speed of its own */
    if (!at_path(config))
        add(arguments, "-c", mem_printf("adapter speed %lld", (long long)config->speed_khz));
    add_all(arguments, "-c", config->commands);
    add(arguments, "-c", mem_string("noinit"));
    arguments->list[arguments->count] = NULL;
}

/* ---- the clock ---- */

/* OpenOCD lives in the host's time: while an answer of its is awaited the rack's stands. */
static void look_at_clock(struct openocd_server *server)
{
    bool holds = server->busy || (server->state != OPENOCD_DOWN && server->state != OPENOCD_UP);
    if (holds == server->holds)
        return;
    server->holds = holds;
    if (holds)
        loop_hold(server->loop);
    else
        loop_release(server->loop);
    server->guarded_us = clock_now_us();
    loop_timer_set(server->guard, holds && clock_is_virtual() ? clock_host_us() + HOST_LIMIT_US : LOOP_NEVER);
}

static void set_state(struct openocd_server *server, enum openocd_state state)
{
    server->state = state;
    look_at_clock(server);
}

static void set_busy(struct openocd_server *server, bool busy)
{
    server->busy = busy;
    look_at_clock(server);
}

static void on_guard(void *arg, uint64_t now_us)
{
    struct openocd_server *server = arg;
    if (clock_now_us() == server->guarded_us) {
        openocd_server_stop(server, 0);
        server->events.lost(server->arg, "openocd does not answer (stopped?)");
        return;
    }
    server->guarded_us = clock_now_us();
    loop_timer_set(server->guard, now_us + HOST_LIMIT_US);
}

/* ---- its life ---- */

static void disconnect(struct openocd_server *server)
{
    tcl_close(server->rpc);
    server->rpc = NULL;
    set_busy(server, false);
}

static void on_reply(void *arg, enum tcl_end end, const char *text)
{
    struct openocd_server *server = arg;
    set_busy(server, false);
    server->events.reply(server->arg, end, text);
}

/* "Info : Listening on port 44749 for tcl connections" */
static void on_line(void *arg, int stream, const char *text, size_t len)
{
    struct openocd_server *server = arg;
    const char *port_text = strstr(text, "Listening on port ");
    unsigned port;
    if (!strncmp(text, "Error:", 6))
        snprintf(server->last_error, sizeof server->last_error, "%.190s", text + 6);
    if (server->state != OPENOCD_STARTING || !port_text || !strstr(port_text, "tcl connections") ||
        sscanf(port_text, "Listening on port %u", &port) != 1)
        return;
    struct error error = {0};
    server->rpc = tcl_open(server->loop, port, on_reply, server, &error);
    if (!server->rpc) {
        openocd_server_stop(server, 0);
        server->events.lost(server->arg, error.text);
        return;
    }
    set_state(server, OPENOCD_UP);
    server->events.up(server->arg);
}

static void go_down(struct openocd_server *server)
{
    set_state(server, OPENOCD_DOWN);
    server->events.down(server->arg);
}

static void run_resetter(struct openocd_server *server);

static void on_ended(void *arg, int wait_status, bool asked)
{
    struct openocd_server *server = arg;
    char text[260];
    disconnect(server);
    if (asked && server->reset_wanted) {
        run_resetter(server);
    } else if (asked) {
        go_down(server);
    } else {
        set_state(server, OPENOCD_DOWN);
        snprintf(text, sizeof text, "openocd ended by itself%s%s", server->last_error[0] ? ":" : "",
                 server->last_error);
        server->events.lost(server->arg, text);
    }
}

int openocd_server_start(struct openocd_server *server, struct error *error)
{
    struct arguments arguments;
    const struct child_events events = {.line = on_line, .ended = on_ended};
    build(&arguments, server);
    const struct child_spec spec = {.name = "openocd", .argv = arguments.list};
    child_free(server->child);
    server->last_error[0] = 0;
    server->child = child_start(server->loop, &spec, &events, server, error);
    for (int i = 0; i < arguments.owned_count; i++)
        free(arguments.owned[i]);
    set_state(server, server->child ? OPENOCD_STARTING : OPENOCD_DOWN);
    return server->child ? 0 : -1;
}

void openocd_server_send(struct openocd_server *server, const char *command, uint64_t deadline_us)
{
    set_busy(server, true);
    tcl_send(server->rpc, command, deadline_us);
}

bool openocd_server_busy(const struct openocd_server *server)
{
    return server->busy;
}

enum openocd_state openocd_server_state(const struct openocd_server *server)
{
    return server->state;
}

void openocd_server_stop(struct openocd_server *server, uint64_t grace_us)
{
    disconnect(server);
    if (!server->child || !child_running(server->child))
        return;
    set_state(server, OPENOCD_ENDING);
    if (grace_us)
        child_stop(server->child, grace_us);
    else
        child_kill(server->child);
}

/* ---- adapter reset ---- */

static void on_resetter_ended(void *arg, int wait_status, bool asked)
{
    struct openocd_server *server = arg;
    loop_timer_set(server->reset_timer, LOOP_NEVER);
    go_down(server);
}

static void on_reset_limit(void *arg, uint64_t now_us)
{
    struct openocd_server *server = arg;
    child_kill(server->resetter);
}

static void run_resetter(struct openocd_server *server)
{
    const struct child_spec spec = {.name = "adapter reset",
                                    .argv = (const char *const *)server->config->adapter_reset};
    const struct child_events events = {.ended = on_resetter_ended};
    struct error error = {0};
    server->reset_wanted = false;
    child_free(server->resetter);
    server->resetter = child_start(server->loop, &spec, &events, server, &error);
    if (!server->resetter) {
        go_down(server);
        return;
    }
    set_state(server, OPENOCD_RESETTING);
    loop_timer_set(server->reset_timer, clock_host_us() + RESET_LIMIT_US);
}

void openocd_server_reset_adapter(struct openocd_server *server)
{
    if (server->state == OPENOCD_RESETTING)
        return;
    server->reset_wanted = server->config->adapter_reset && server->config->adapter_reset[0];
    if (server->child && child_running(server->child))
        openocd_server_stop(server, 0);
    else if (server->reset_wanted)
        run_resetter(server);
}

/* ---- new, free ---- */

struct openocd_server *openocd_server_new(struct loop *loop, const struct openocd_config *config,
                                          const char *place, const struct openocd_events *events, void *arg)
{
    struct openocd_server *server = mem_alloc(sizeof *server);
    *server = (struct openocd_server){
        .loop = loop, .config = config, .place = mem_string(place), .events = *events, .arg = arg};
    server->reset_timer = loop_add_host_timer(loop, LOOP_NEVER, on_reset_limit, server);
    server->guard = loop_add_host_timer(loop, LOOP_NEVER, on_guard, server);
    return server;
}

void openocd_server_free(struct openocd_server *server)
{
    if (!server)
        return;
    disconnect(server);
    child_free(server->child);
    child_free(server->resetter);
    if (server->holds)
        loop_release(server->loop);
    loop_remove(server->reset_timer);
    loop_remove(server->guard);
    free(server->place);
    free(server);
}
