/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/driver/probe/probe_gdb_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/base/surroundings.h"
#include "harness/driver/argv.h"
#include "harness/io/child.h"
#include "harness/io/dial.h"

#define RESET_LIMIT_US 10000000u
#define CONNECT_LIMIT_US 2000000u

struct gdb_server {
    struct loop *loop;
    const struct gdb_config *config;
    char *place, *folder;
    struct gdb_server_events events;
    void *arg;
    enum gdb_server_state state;
    struct child *child, *resetter;
    struct dial *dial; /* to config->address, or to the port that the program told */
    struct loop_source *timer;
    bool reset_wanted;
    char complaint[1000];
};

/* ---- down ---- */

static void go_down(struct gdb_server *server)
{
    server->state = GDB_SERVER_DOWN;
    server->events.down(server->arg);
}

static void lose(struct gdb_server *server, const char *why)
{
    char text[420];
    snprintf(text, sizeof text, "%.200s%s%.190s", why, server->complaint[0] ? ": " : "",
             strrchr(server->complaint, '\n') ? strrchr(server->complaint, '\n') + 1 : server->complaint);
    gdb_server_stop(server, 0);
    server->events.lost(server->arg, text);
}

/* ---- up ---- */

static void on_connected(void *arg, int fd, const char *why)
{
    struct gdb_server *server = arg;
    if (fd < 0) {
        lose(server, why);
        return;
    }
    loop_timer_set(server->timer, LOOP_NEVER);
    server->state = GDB_SERVER_UP;
    server->events.up(server->arg, fd);
}

/* What stands at {port} in the program's line; 0: another line. */
static unsigned port_of(const struct gdb_server *server, const char *text)
{
    const char *line =
        server->config->port_line ? server->config->port_line : gdb_kind_of(server->config)->port_line;
    const char *mark = strstr(line, "{port}"), *rest = mark + strlen("{port}");
    size_t before = (size_t)(mark - line);
    for (const char *at = text; *at; at++) {
        char *end;
        if (strncmp(at, line, before))
            continue;
        unsigned long port = strtoul(at + before, &end, 10);
        if (end > at + before && port && port < 65536 && !strncmp(end, rest, strlen(rest)))
            return (unsigned)port;
    }
    return 0;
}

static void on_line(void *arg, int stream, const char *text, size_t len)
{
    struct gdb_server *server = arg;
    struct error error = {0};
    char address[40];
    size_t used = strlen(server->complaint);
    if (!strncmp(text, "Error", 5) || (stream == 2 && !used)) /* all of them; else the first line will do */
        snprintf(server->complaint + used, sizeof server->complaint - used, "%s%.190s", used ? "\n" : "",
                 text);
    unsigned port = server->config->address || server->state != GDB_SERVER_STARTING || server->dial
                        ? 0
                        : port_of(server, text);
    if (!port)
        return;
    snprintf(address, sizeof address, "127.0.0.1:%u", port);
    server->dial = dial_new(server->loop, address, NULL, &error);
    if (server->dial)
        dial_begin(server->dial, true, CONNECT_LIMIT_US, on_connected, server);
}

static void run_resetter(struct gdb_server *server);

static void on_ended(void *arg, int wait_status, bool asked)
{
    struct gdb_server *server = arg;
    if (server->dial)
        dial_stop(server->dial);
    loop_timer_set(server->timer, LOOP_NEVER);
    if (asked && server->reset_wanted) {
        run_resetter(server);
    } else if (asked) {
        go_down(server);
    } else {
        server->state = GDB_SERVER_DOWN;
        lose(server, "the GDB server ended by itself");
    }
}

static void on_limit(void *arg, uint64_t now_us)
{
    struct gdb_server *server = arg;
    if (server->state == GDB_SERVER_ENDING) /* there was no program to end */
        go_down(server);
    else if (server->state == GDB_SERVER_RESETTING)
        child_kill(server->resetter);
    else if (server->state == GDB_SERVER_STARTING)
        lose(server, "the GDB server does not listen in time");
}

static char **command_line(const struct gdb_server *server, struct error *error)
{
    const char *rack = surroundings_rack();
    char *data = surroundings_data(".");
    const struct argv_place places[] = {{"place", server->place},
                                        {"folder", server->folder},
                                        {"rack", rack ? rack : "."},
                                        {"data", data},
                                        {0}};
    char **words = argv_fill(server->config->command, places, error);
    free(data);
    return words;
}

static int start_program(struct gdb_server *server, struct error *error)
{
    const struct child_events events = {.line = on_line, .ended = on_ended};
    char **words = command_line(server, error);
    if (!words)
        return -1;
    const struct child_spec spec = {.name = "GDB server", .argv = (const char *const *)words};
    child_free(server->child);
    server->complaint[0] = 0;
    server->child = child_start(server->loop, &spec, &events, server, error);
    argv_free(words);
    return server->child ? 0 : -1;
}

int gdb_server_start(struct gdb_server *server, uint64_t limit_us, struct error *error)
{
    const struct gdb_config *config = server->config;
    uint64_t start_us = (uint64_t)config->start_ms * 1000;
    if (!config->command) {
        server->state = GDB_SERVER_STARTING;
        dial_begin(server->dial, false, limit_us < CONNECT_LIMIT_US ? limit_us : CONNECT_LIMIT_US,
                   on_connected, server);
        return 0;
    }
    if (!config->address) { /* another port each time */
        dial_free(server->dial);
        server->dial = NULL;
    }
    if (start_program(server, error))
        return -1;
    server->state = GDB_SERVER_STARTING;
    loop_timer_set(server->timer, clock_now_us() + start_us);
    if (config->address)
        dial_begin(server->dial, true, start_us, on_connected, server);
    return 0;
}

void gdb_server_stop(struct gdb_server *server, uint64_t grace_us)
{
    if (server->state == GDB_SERVER_DOWN || server->state == GDB_SERVER_RESETTING)
        return;
    if (server->dial)
        dial_stop(server->dial);
    server->state = GDB_SERVER_ENDING;
    if (!server->child || !child_running(server->child))
        loop_timer_set(server->timer, clock_now_us());
    else if (grace_us)
        child_stop(server->child, grace_us);
    else
        child_kill(server->child);
}

enum gdb_server_state gdb_server_state(const struct gdb_server *server)
{
    return server->state;
}

const char *gdb_server_complaint(const struct gdb_server *server)
{
    return server->complaint;
}

/* ---- adapter reset ---- */

static void on_resetter_ended(void *arg, int wait_status, bool asked)
{
    struct gdb_server *server = arg;
    loop_timer_set(server->timer, LOOP_NEVER);
    go_down(server);
}

static void run_resetter(struct gdb_server *server)
{
    const struct child_spec spec = {.name = "adapter reset",
                                    .argv = (const char *const *)server->config->adapter_reset};
    const struct child_events events = {.ended = on_resetter_ended};
    struct error error = {0};
    server->reset_wanted = false;
    child_free(server->resetter);
    server->resetter = child_start(server->loop, &spec, &events, server, &error);
    server->state = server->resetter ? GDB_SERVER_RESETTING : GDB_SERVER_ENDING;
    loop_timer_set(server->timer, clock_now_us() + (server->resetter ? RESET_LIMIT_US : 0));
}

void gdb_server_reset_adapter(struct gdb_server *server)
{
    if (server->state == GDB_SERVER_RESETTING)
        return;
    server->reset_wanted = server->config->adapter_reset != NULL;
    gdb_server_stop(server, 0);
    if (server->reset_wanted && (!server->child || !child_running(server->child)))
        run_resetter(server);
}

/* ---- new, free ---- */

struct gdb_server *gdb_server_new(const struct driver_env *env, const struct gdb_config *config,
                                  const struct gdb_server_events *events, void *arg, struct error *error)
{
    struct gdb_server *server = mem_alloc(sizeof *server);
    *server = (struct gdb_server){.loop = env->loop,
                                  .config = config,
                                  .place = mem_string(env->place),
                                  .folder = mem_string(env->folder),
                                  .events = *events,
                                  .arg = arg};
    server->timer = loop_add_timer(env->loop, LOOP_NEVER, on_limit, server);
    if (config->address &&
        !(server->dial = dial_new(env->loop, config->address, getenv("OTARIG_RACK"), error))) {
        gdb_server_free(server);
        return NULL;
    }
    return server;
}

void gdb_server_free(struct gdb_server *server)
{
    if (!server)
        return;
    dial_free(server->dial);
    child_free(server->child);
    child_free(server->resetter);
    loop_remove(server->timer);
    free(server->place);
    free(server->folder);
    free(server);
}
