/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Update client "server": a board that fetches its updates by itself. To deliver is to offer the image at the
 * place's server; it is over when the board has fetched all of it, or has reported how it went. What the
 * board does with it, and whether its report is true, is seen by others. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/base/member.h"
#include "harness/driver/driver.h"
#include "harness/driver/table.h"
#include "harness/driver/update/fetch.h"

struct config {
    int64_t timeout_ms;
    bool fetched;
};

static const struct option_spec options[] = {
    {.name = "timeout_ms",
     .help =
         "limit of a delivery; a board that has neither reported nor fetched all by then counts as silent",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct config, timeout_ms),
     .standard = "120000",
     .low = 100,
     .high = 86400000},
    {.name = "fetched",
     .help = "a delivery is over when all was sent; otherwise when the board reports success or failure",
     .type = OPTION_BOOL,
     .offset = offsetof(struct config, fetched),
     .standard = "false"},
    {0},
};

struct client {
    struct driver_env env;
    char *role;
    const struct config *config;
    bool busy;
    enum update_intent intent;
    struct loop_source *limit;
    struct fetch fetch;
    int64_t bytes;
};

static void end(struct client *client, enum update_outcome outcome, const char *reason, const char *text)
{
    client->busy = false;
    loop_timer_set(client->limit, LOOP_NEVER);
    client->env.server->listen(client->env.server_self, NULL, NULL);
    update_put_end(client->env.sink, client->role, client->intent, outcome, reason, text, NULL);
}

static void progress(struct client *client, int64_t bytes)
{
    client->bytes += bytes;
    event_put_full(client->env.sink, EVENT_UPDATE, client->role, "progress",
                   update_intent_name(client->intent), client->bytes, NULL);
}

static void on_report(struct client *client, const cJSON *event)
{
    const char *result = member_text(event, "result"), *words = member_text(event, "words");
    if (!strcmp(result, "success"))
        end(client, UPDATE_DONE, NULL, NULL);
    else if (!strcmp(result, "failure") || !strcmp(result, "cancelled"))
        end(client, UPDATE_REFUSED, result, words);
}

/* Of an image. HEAD brings nothing of it, and has no "artifact". */
static void on_response(struct client *client, const cJSON *event)
{
    int64_t bytes = member_integer(event, "bytes", 0);
    bool whole = !strcmp(member_text(event, "end"), "complete");
    if (!*member_text(event, "artifact"))
        return;
    progress(client, bytes);
    if (fetch_add(&client->fetch, member_text(event, "artifact"), member_integer(event, "size", 0),
                  member_integer(event, "from", 0), bytes, whole) &&
        client->config->fetched)
        end(client, UPDATE_DONE, NULL, NULL);
}

static void on_heard(void *arg, const cJSON *event)
{
    struct client *client = arg;
    const char *name = member_text(event, "event");
    if (!client->busy)
        return;
    if (!strcmp(name, "response"))
        on_response(client, event);
    else if (!strcmp(name, "report") && member_true(event, "counted"))
        on_report(client, event);
}

static void on_limit(void *arg, uint64_t now_us)
{
    end(arg, UPDATE_SILENT, "timeout", "the board did not fetch it, or did not report, in time");
}

static int start(void *self, const struct update_job *job, struct error *error)
{
    struct client *client = self;
    uint64_t limit_us = job->deadline_us ? job->deadline_us : (uint64_t)client->config->timeout_ms * 1000;
    if (client->busy)
        return error_set(error, ERROR_SYSTEM, "server update: a job is under way");
    if (job->intent != UPDATE_DELIVER)
        return error_set(error, ERROR_INPUT, "server update: %s: the board does that by itself",
                         update_intent_name(job->intent));
    if (client->env.server->offer(client->env.server_self, job->path, job->version, error))
        return -1;
    client->intent = job->intent;
    client->busy = true;
    fetch_release(&client->fetch);
    client->bytes = 0;
    client->env.server->listen(client->env.server_self, on_heard, client);
    loop_timer_set(client->limit, clock_now_us() + limit_us);
    return 0;
}

static void cancel(void *self)
{
    struct client *client = self;
    struct error error = {0};
    if (!client->busy)
        return;
    client->env.server->withdraw(client->env.server_self, &error);
    end(client, UPDATE_CANCELLED, "cancelled", "cancelled");
}

static int client_open(const struct driver_env *env, const void *data, void **self, struct error *error)
{
    if (!env->server)
        return error_set(error, ERROR_INPUT, "the server update needs a server, and the place has none");
    struct client *client = mem_alloc(sizeof *client);
    *client = (struct client){.env = *env, .role = mem_string(env->role), .config = data};
    client->limit = loop_add_timer(env->loop, LOOP_NEVER, on_limit, client);
    *self = client;
    return 0;
}

static void client_close(void *self)
{
    struct client *client = self;
    client->env.server->listen(client->env.server_self, NULL, NULL);
    loop_remove(client->limit);
    fetch_release(&client->fetch);
    free(client->role);
    free(client);
}

/* The board activates and restarts by itself. */
static unsigned abilities(const void *data)
{
    return UPDATE_PULLS | UPDATE_CAN_RESUME;
}

static const struct update_ops ops = {.start = start, .cancel = cancel, .abilities = abilities};
const struct driver update_server_driver = {
    .name = "server",
    .help = "offers images at the place's server, where the board fetches them",
    .kind = DRIVER_UPDATE,
    .options = options,
    .config_size = sizeof(struct config),
    .open = client_open,
    .close = client_close,
    .update = &ops};
