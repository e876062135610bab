/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Server "otad": the update server of the tests, started for the place and ended with it. It lives in this
 * computer's time. Its death is the rig's fault, whatever the board does then. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/base/member.h"
#include "harness/base/surroundings.h"
#include "harness/driver/claim.h"
#include "harness/driver/driver.h"
#include "harness/driver/table.h"
#include "harness/io/child.h"

#define LINE_MAX_LEN (1u << 20)

struct config {
    char *http, *https, *device;
    int64_t poll_s;
    bool ask_client;
};

static const struct option_spec options[] = {
    {.name = "http",
     .help = "ADDRESS:PORT to listen at without TLS; nothing else is bound",
     .type = OPTION_STRING,
     .offset = offsetof(struct config, http)},
    {.name = "https",
     .help = "ADDRESS:PORT to listen at with TLS; the certificates lie in the folder of the run",
     .type = OPTION_STRING,
     .offset = offsetof(struct config, https)},
    {.name = "ask_client",
     .help = "https: the board must show a certificate of the server's root",
     .type = OPTION_BOOL,
     .offset = offsetof(struct config, ask_client),
     .standard = "false"},
    {.name = "device",
     .help = "what the board calls itself at the server; what is offered is for this device alone",
     .type = OPTION_STRING,
     .offset = offsetof(struct config, device),
     .required = true},
    {.name = "poll_s",
     .help = "what the board is told to wait between two polls, where its protocol has a word for it",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct config, poll_s),
     .standard = "1",
     .low = 0,
     .high = 86400},
    {0},
};

struct server {
    struct driver_env env;
    char *role;
    const struct config *config;
    struct child *child;
    void (*heard)(void *arg, const cJSON *event);
    void *heard_arg;
    unsigned offers;
    bool closing;
};

static void fail(struct server *server, const char *text)
{
    event_put(server->env.sink, EVENT_RIG, server->role, "server", text);
}

/* "connection" and "answer" are between the server and us. */
static void on_event(struct server *server, const cJSON *event)
{
    const char *name = member_text(event, "event"), *fault = member_text_or(event, "name", NULL);
    char text[300];
    if (server->heard)
        server->heard(server->heard_arg, event);
    if (!strcmp(name, "answer") && *member_text(event, "error")) {
        snprintf(text, sizeof text, "otad: %s", member_text(event, "error"));
        fail(server, text);
    } else if (strcmp(name, "connection") && strcmp(name, "answer"))
        event_put_full(server->env.sink, EVENT_SERVER, server->role, name, fault, EVENT_NO_NUMBER, event);
}

static void on_line(void *arg, int stream, const char *text, size_t len)
{
    struct server *server = arg;
    char complaint[300];
    cJSON *event = stream == 1 ? cJSON_ParseWithLength(text, len) : NULL;
    if (cJSON_IsObject(event))
        on_event(server, event);
    else if (len && !server->closing) {
        snprintf(complaint, sizeof complaint, "otad: %.250s", text);
        fail(server, complaint);
    }
    cJSON_Delete(event);
}

static void on_ended(void *arg, int wait_status, bool asked)
{
    struct server *server = arg;
    if (!asked && !server->closing)
        fail(server, "otad: the server has ended by itself");
}

/* Takes `command`. What is wrong with it comes back as an event. */
static int tell(struct server *server, cJSON *command, struct error *error)
{
    char *text = cJSON_PrintUnformatted(command), *line = mem_printf("%s\n", text);
    int result = child_write(server->child, line, strlen(line), error);
    cJSON_free(text);
    cJSON_Delete(command);
    free(line);
    return result;
}

static cJSON *command_of(const char *verb, const char *name)
{
    cJSON *command = cJSON_CreateObject();
    cJSON_AddStringToObject(command, "do", verb);
    if (name)
        cJSON_AddStringToObject(command, "name", name);
    return command;
}

static int spoil(void *self, const char *name, const cJSON *rule, struct error *error)
{
    struct server *server = self;
    cJSON *command = command_of("fault", name);
    const cJSON *member;
    cJSON_ArrayForEach(member, rule)
        cJSON_AddItemToObject(command, member->string, cJSON_Duplicate(member, true));
    return tell(server, command, error);
}

static int lift(void *self, const char *name, struct error *error)
{
    return tell(self, command_of("lift", name), error);
}

static int withdraw(void *self, struct error *error)
{
    struct server *server = self;
    char name[40];
    if (!server->offers)
        return 0;
    snprintf(name, sizeof name, "offer-%u", server->offers);
    cJSON *command = command_of("set", name);
    cJSON_AddStringToObject(command, "to", "recalled");
    return tell(server, command, error);
}

/* A roll-out of its own for each offer; the device may be offered the same image again. */
static int offer(void *self, const char *path, const char *version, struct error *error)
{
    struct server *server = self;
    char name[40];
    if (withdraw(server, error))
        return -1;
    if (server->offers > 1) { /* the one before is what a stale manifest tells of */
        snprintf(name, sizeof name, "offer-%u", server->offers - 1);
        if (tell(server, command_of("forget", name), error))
            return -1;
    }
    snprintf(name, sizeof name, "offer-%u", ++server->offers);
    cJSON *artifact = command_of("artifact", name), *again = command_of("again", NULL);
    cJSON_AddStringToObject(artifact, "version", version ? version : "unknown");
    cJSON_AddStringToObject(artifact, "path", path);
    cJSON_AddStringToObject(again, "device", server->config->device);
    cJSON *rollout = command_of("rollout", name);
    cJSON_AddStringToObject(rollout, "artifact", name);
    cJSON *const commands[] = {artifact, again, rollout};
    int failed = 0;
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (failed)
            cJSON_Delete(commands[i]);
        else
            failed = tell(server, commands[i], error);
    return failed;
}

static void set_listener(void *self, void (*heard)(void *arg, const cJSON *event), void *arg)
{
    struct server *server = self;
    server->heard = heard;
    server->heard_arg = arg;
}

static int start(struct server *server, struct error *error)
{
    const struct config *config = server->config;
    char *program = surroundings_beside("otarig-otad"), *folder = mem_printf("%s", server->env.folder);
    const char *argv[12] = {program, "--folder", folder};
    size_t count = 3;
    if (config->http) {
        argv[count++] = "--http";
        argv[count++] = config->http;
    }
    if (config->https) {
        argv[count++] = "--https";
        argv[count++] = config->https;
    }
    if (config->ask_client)
        argv[count++] = "--ask-client";
    const struct child_spec spec = {.name = "otad", .argv = argv, .stdin_pipe = true};
    const struct child_events events = {.line = on_line, .ended = on_ended};
    server->child = child_start(server->env.loop, &spec, &events, server, error);
    free(program);
    free(folder);
    return server->child ? 0 : -1;
}

static void server_close(void *self)
{
    struct server *server = self;
    server->closing = true;
    child_free(server->child);
    free(server->role);
    free(server);
}

static int server_open(const struct driver_env *env, const void *data, void **self, struct error *error)
{
    struct server *server = mem_alloc(sizeof *server);
    *server = (struct server){.env = *env, .role = mem_string(env->role), .config = data};
    cJSON *settings = command_of("settings", NULL);
    cJSON_AddNumberToObject(settings, "poll_s", (double)server->config->poll_s);
    if (start(server, error)) {
        cJSON_Delete(settings);
        server_close(server);
        return -1;
    }
    if (tell(server, settings, error)) {
        server_close(server);
        return -1;
    }
    *self = server;
    return 0;
}

static const struct option_rule rules[] = {
    {OPTION_ANY_OF, (const char *const[]){"http", "https", NULL}, NULL, NULL,
     "an address: \"http\", \"https\" or both"},
    {0},
};

static void claim_address(const char *address, char *key, size_t size)
{
    char *host = address ? claim_host(address, 0) : NULL;
    if (host)
        claim_put(key, size, "listen", (const char *const[]){host, NULL});
    free(host);
}

static void claim(const void *data, char *key, size_t size)
{
    claim_address(((const struct config *)data)->http, key, size);
}

static void claim_also(const void *data, char *key, size_t size)
{
    claim_address(((const struct config *)data)->https, key, size);
}

static const struct server_ops ops = {
    .spoil = spoil, .lift = lift, .offer = offer, .withdraw = withdraw, .listen = set_listener};
const struct driver server_otad_driver = {.name = "otad",
                                          .help =
                                              "the update server of the tests, which spoils requests by rule",
                                          .kind = DRIVER_SERVER,
                                          .options = options,
                                          .config_size = sizeof(struct config),
                                          .rules = rules,
                                          .claim = claim,
                                          .claim_also = claim_also,
                                          .open = server_open,
                                          .close = server_close,
                                          .server = &ops};
