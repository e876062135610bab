/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Update client "exec": the user's own programs, one for each intent: a script, sx, a vendor's updater. What
 * they say is theirs; this file runs them, ends them in time and makes an outcome of their exit status.
 *
 * A program that names {port} gets a serial port (pty_bridge) whose other end is the board's console behind
 * the link faults. Each program has a port of its own: what is left in one is nothing to the next. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/base/surroundings.h"
#include "harness/driver/argv.h"
#include "harness/driver/exec_call.h"
#include "harness/driver/pty_bridge.h"
#include "harness/driver/table.h"

#define PROGRESS_PAUSE_US 250000u
#define IMAGES_MAX 16
#define HEARD_MAX 512u

struct config {
    char **commands[UPDATE_INTENTS], **permanent, **refused, **silent;
    int64_t timeout_ms, deliver_timeout_ms;
    bool resumes, pulls, confirm_restarts, board_answers;
    char *accepted, *declined;
};

#define COMMAND(intent, called, text)                                                                        \
    {                                                                                                        \
        .name = called, .help = text, .type = OPTION_PROGRAM, .runs = true,                                  \
        .offset = offsetof(struct config, commands[intent])                                                  \
    }
static const struct option_spec options[] = {
    {.name = "deliver",
     .help =
         "program and arguments that bring {image} to the board. Of all programs: {version}, {hash}, {port}, "
         "{folder}, {place} are filled in, too",
     .type = OPTION_PROGRAM,
     .runs = true,
     .offset = offsetof(struct config, commands[UPDATE_DELIVER]),
     .required = true},
    COMMAND(UPDATE_STATE, "state",
            "prints one JSON object: version, hash, confirmed of what runs; or images"),
    COMMAND(UPDATE_ACTIVATE, "activate", "makes the next restart try what was delivered"),
    {.name = "permanent",
     .help = "makes the next restart keep what was delivered",
     .type = OPTION_PROGRAM,
     .runs = true,
     .offset = offsetof(struct config, permanent)},
    COMMAND(UPDATE_RESTART, "restart", "starts the board again"),
    COMMAND(UPDATE_CONFIRM, "confirm", "makes the image that runs stay"),
    COMMAND(UPDATE_PING, "ping", "succeeds when the board answers"),
    COMMAND(UPDATE_ERASE, "erase", "erases what was delivered"),
    {.name = "refused",
     .help = "exit statuses that mean: the board says no",
     .type = OPTION_STRINGS,
     .pattern = EXEC_CODE_PATTERN,
     .wanted = EXEC_CODE_WANTED,
     .offset = offsetof(struct config, refused)},
    {.name = "silent",
     .help = "exit statuses that mean: the board does not answer",
     .type = OPTION_STRINGS,
     .pattern = EXEC_CODE_PATTERN,
     .wanted = EXEC_CODE_WANTED,
     .offset = offsetof(struct config, silent)},
    {.name = "accepted",
     .help = "what the board says on {port} once it has taken a delivery; without it the exit status tells",
     .type = OPTION_STRING,
     .offset = offsetof(struct config, accepted)},
    {.name = "declined",
     .help = "what the board says on {port} when it refuses a delivery",
     .type = OPTION_STRING,
     .offset = offsetof(struct config, declined)},
    {.name = "timeout_ms",
     .help = "limit of one program; one that is not over then counts as a silent board",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct config, timeout_ms),
     .standard = "30000",
     .low = 10,
     .high = 3600000},
    {.name = "deliver_timeout_ms",
     .help = "limit of a delivery",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct config, deliver_timeout_ms),
     .standard = "600000",
     .low = 10,
     .high = 86400000},
    {.name = "resumes",
     .help = "deliver goes on with an interrupted delivery",
     .type = OPTION_BOOL,
     .offset = offsetof(struct config, resumes),
     .standard = "false"},
    {.name = "pulls",
     .help = "the board fetches its image by itself, deliver only offers it",
     .type = OPTION_BOOL,
     .offset = offsetof(struct config, pulls),
     .standard = "false"},
    {.name = "confirm_restarts",
     .help = "confirm starts the board again",
     .type = OPTION_BOOL,
     .offset = offsetof(struct config, confirm_restarts),
     .standard = "false"},
    {.name = "board_answers",
     .help = "ping and state are answered by the board's software (not by a probe or a server)",
     .type = OPTION_BOOL,
     .offset = offsetof(struct config, board_answers),
     .standard = "false"},
    {0},
};

struct client {
    struct driver_env env;
    char *role;
    const struct config *config;
    bool busy;
    enum update_intent intent;
    struct exec_call *call;
    struct pty_bridge *bridge;
    char *program, *image, *version; /* the latter two: of the last delivery */
    int64_t bytes;
    uint64_t told_us;
    char link_lost[200];
    char heard[HEARD_MAX]; /* of the board, the latest */
    size_t heard_len;
    bool accepted, declined, waits; /* the latter: for one of them, as the program is over */
    struct loop_source *patience;
};

/* ---- the end of a job ---- */

static void close_port(struct client *client)
{
    if (!client->bridge)
        return;
    pty_bridge_close(client->bridge);
    client->bridge = NULL;
    loop_unpace(client->env.loop);
}

static void end(struct client *client, enum update_outcome outcome, const char *reason, const char *text,
                cJSON *fields)
{
    close_port(client);
    exec_call_free(client->call);
    loop_remove(client->patience);
    client->patience = NULL;
    client->call = NULL;
    client->busy = client->waits = false;
    update_put_end(client->env.sink, client->role, client->intent, outcome, reason, text, fields);
}

/* {"version": .., "hash": .., "confirmed": ..} of what runs, or {"images": [..]} as driver.h has them. NULL:
 * neither. */
static cJSON *state_fields(const char *answer)
{
    const char *rest = NULL;
    cJSON *told = cJSON_ParseWithOpts(answer, &rest, false), *fields = NULL;
    const cJSON *images = cJSON_GetObjectItemCaseSensitive(told, "images"), *image;
    bool good = cJSON_IsObject(told) && !rest[strspn(rest, " \t\r\n")] &&
                (!images || (cJSON_IsArray(images) && cJSON_GetArraySize(images) <= IMAGES_MAX));
    cJSON_ArrayForEach(image, images) good &= cJSON_IsObject(image);
    if (good && images) {
        fields = told;
        told = NULL;
    } else if (good) {
        fields = cJSON_CreateObject();
        if (!cJSON_GetObjectItemCaseSensitive(told, "active"))
            cJSON_AddBoolToObject(told, "active", true);
        cJSON_AddItemToArray(cJSON_AddArrayToObject(fields, "images"), told);
        told = NULL;
    }
    cJSON_Delete(told);
    return fields;
}

static void succeed(struct client *client, const struct exec_result *result)
{
    cJSON *fields = client->intent == UPDATE_STATE ? state_fields(result->answer) : cJSON_CreateObject();
    char text[300];
    if (!fields || result->cut_short) {
        cJSON_Delete(fields);
        snprintf(text, sizeof text, "%.80s: expected one JSON object on stdout, found \"%.100s\"",
                 client->program, result->complaint);
        end(client, UPDATE_RIG, "state", text, NULL);
        return;
    }
    if (client->intent == UPDATE_DELIVER) {
        event_put_full(client->env.sink, EVENT_UPDATE, client->role, "progress",
                       update_intent_name(client->intent), client->bytes, NULL);
        cJSON_AddNumberToObject(fields, "bytes", (double)client->bytes);
    }
    end(client, UPDATE_DONE, NULL, NULL, fields);
}

/* ---- the board's own words: a program may have thrown them away as it ended ---- */

static void decide(struct client *client)
{
    static const struct exec_result none = {.answer = "", .complaint = ""};
    if (client->declined)
        end(client, UPDATE_REFUSED, "refused", client->config->declined, NULL);
    else
        succeed(client, &none);
}

static void on_silence(void *arg, uint64_t now_us)
{
    struct client *client = arg;
    end(client, UPDATE_SILENT, "silent", "the board said nothing of what was delivered", NULL);
}

static bool says(const struct client *client, const char *text)
{
    return text && memmem(client->heard, client->heard_len, text, strlen(text));
}

static void look_for_words(struct client *client)
{
    client->accepted |= says(client, client->config->accepted);
    client->declined |= says(client, client->config->declined);
}

static void on_heard(void *arg, const char *data, size_t len)
{
    struct client *client = arg;
    for (size_t i = 0; i < len; i++) {
        if (client->heard_len == HEARD_MAX) {
            look_for_words(client); /* before some of it goes */
            client->heard_len = HEARD_MAX / 2;
            memmove(client->heard, client->heard + HEARD_MAX / 2, client->heard_len);
        }
        client->heard[client->heard_len++] = data[i];
    }
    look_for_words(client);
    if (client->waits && (client->accepted || client->declined))
        decide(client);
}

/* The program says that it has delivered: what does the board say? */
static void await_word(struct client *client)
{
    client->waits = true;
    client->patience = loop_add_timer(
        client->env.loop, clock_now_us() + (uint64_t)client->config->timeout_ms * 1000, on_silence, client);
}

static void on_ended(void *arg, const struct exec_result *result)
{
    struct client *client = arg;
    const struct config *config = client->config;
    char text[400];
    exec_call_text(client->program, result, text, sizeof text);
    if (client->link_lost[0])
        end(client, UPDATE_LINK_LOST, "link", client->link_lost, NULL);
    else if (result->how == EXEC_LATE)
        end(client, UPDATE_SILENT, "deadline", text, NULL);
    else if (result->how == EXEC_KILLED || result->how == EXEC_UNABLE)
        end(client, UPDATE_RIG, result->how == EXEC_KILLED ? "killed" : "unable", text, NULL);
    else if (client->declined)
        decide(client);
    else if (!result->code && client->intent == UPDATE_DELIVER && config->accepted && !client->accepted)
        await_word(client);
    else if (!result->code)
        succeed(client, result);
    else if (exec_code_in(config->refused, result->code))
        end(client, UPDATE_REFUSED, "refused", text, NULL);
    else if (exec_code_in(config->silent, result->code))
        end(client, UPDATE_SILENT, "silent", text, NULL);
    else
        end(client, UPDATE_FAILED, "exit", text, NULL);
}

/* ---- the port ---- */

/* What went out before the board said something is as good as acknowledged; nobody needs to know more often.
 */
static void on_answered(void *arg, uint64_t sent)
{
    struct client *client = arg;
    uint64_t now_us = clock_now_us();
    if (client->intent != UPDATE_DELIVER || !sent || now_us - client->told_us < PROGRESS_PAUSE_US)
        return;
    client->told_us = now_us;
    event_put_full(client->env.sink, EVENT_UPDATE, client->role, "progress",
                   update_intent_name(client->intent),
                   (int64_t)sent < client->bytes ? (int64_t)sent : client->bytes, NULL);
}

static void on_broken(void *arg, const char *why)
{
    struct client *client = arg;
    snprintf(client->link_lost, sizeof client->link_lost, "%.190s", why);
}

static int open_port(struct client *client, struct error *error)
{
    static const struct pty_bridge_events events = {
        .heard = on_heard, .answered = on_answered, .broken = on_broken};
    if (!client->env.link)
        return error_set(error, ERROR_INPUT, "exec: {port} is the board's console, and the place has none");
    client->bridge = pty_bridge_open(client->env.loop, client->env.link, &events, client, error);
    if (!client->bridge)
        return -1;
    loop_pace(client->env.loop);
    return 0;
}

/* ---- jobs ---- */

static char **words_of(const struct config *config, const struct update_job *job)
{
    return job->intent == UPDATE_ACTIVATE && job->mode == UPDATE_PERMANENT ? config->permanent
                                                                           : config->commands[job->intent];
}

static int take_image(struct client *client, const struct update_job *job, struct error *error)
{
    struct stat about;
    if (job->intent != UPDATE_DELIVER)
        return 0;
    if (stat(job->path, &about))
        return error_set_errno(error, ERROR_INPUT, errno, "image %s", job->path);
    free(client->image);
    free(client->version);
    client->image = realpath(job->path, NULL);
    client->version = mem_string(job->version);
    client->bytes = about.st_size;
    return client->image ? 0 : error_set_errno(error, ERROR_INPUT, errno, "image %s", job->path);
}

static char **fill(struct client *client, char *const *words, const struct update_job *job,
                   struct error *error)
{
    char hash[65] = "", *data = surroundings_data(".");
    for (int i = 0; job->hash && i < 32; i++)
        sprintf(hash + 2 * i, "%02x", job->hash[i]);
    const struct argv_place places[] = {{"image", client->image},
                                        {"version", client->version},
                                        {"hash", job->hash ? hash : NULL},
                                        {"port", client->bridge ? pty_bridge_path(client->bridge) : NULL},
                                        {"folder", client->env.folder},
                                        {"place", client->env.place},
                                        {"data", data},
                                        {0}};
    char **filled = argv_fill(words, places, error);
    free(data);
    return filled;
}

static uint64_t limit_us(const struct client *client, const struct update_job *job)
{
    int64_t own_ms =
        job->intent == UPDATE_DELIVER ? client->config->deliver_timeout_ms : client->config->timeout_ms;
    return job->deadline_us ? job->deadline_us : (uint64_t)own_ms * 1000;
}

static int start_call(struct client *client, char *const *words, const struct update_job *job,
                      struct error *error)
{
    if (take_image(client, job, error) || (argv_uses(words, "port") && open_port(client, error)))
        return -1;
    char **filled = fill(client, words, job, error);
    if (!filled)
        return -1;
    free(client->program);
    client->program = mem_string(filled[0]);
    client->call =
        exec_call_start(&client->env, client->role, filled, limit_us(client, job), on_ended, client, error);
    argv_free(filled);
    return client->call ? 0 : -1;
}

static int start(void *self, const struct update_job *job, struct error *error)
{
    struct client *client = self;
    char **words = words_of(client->config, job);
    if (client->busy)
        return error_set(error, ERROR_SYSTEM, "exec: a job is under way");
    if (!words)
        return error_set(error, ERROR_INPUT, "exec: no program for \"%s\" in the rack file",
                         job->intent == UPDATE_ACTIVATE && job->mode == UPDATE_PERMANENT
                             ? "permanent"
                             : update_intent_name(job->intent));
    client->intent = job->intent;
    client->told_us = 0;
    client->link_lost[0] = 0;
    client->heard_len = 0;
    client->accepted = client->declined = false;
    if (start_call(client, words, job, error)) {
        close_port(client);
        return -1;
    }
    client->busy = true;
    return 0;
}

static void cancel(void *self)
{
    struct client *client = self;
    if (client->busy)
        end(client, UPDATE_CANCELLED, "cancelled", "cancelled", NULL);
}

/* ---- open, close ---- */

static const char *check(const void *data)
{
    static const struct argv_place places[] = {
        {"image", NULL},  {"version", NULL}, {"hash", NULL}, {"port", NULL},
        {"folder", NULL}, {"place", NULL},   {"data", NULL}, {0}};
    const struct config *config = data;
    char **const *all = config->commands;
    for (int i = 0; i <= UPDATE_INTENTS; i++) {
        char **words = i < UPDATE_INTENTS ? all[i] : config->permanent;
        char *unknown = argv_unknown(words, places);
        free(unknown);
        if (unknown)
            return "{image}, {version}, {hash}, {port}, {folder}, {place} or {data} as places of the "
                   "programs";
    }
    if (config->board_answers && !config->commands[UPDATE_PING])
        return "a program \"ping\" where \"board_answers\"";
    if ((config->accepted || config->declined) && !argv_uses(config->commands[UPDATE_DELIVER], "port"))
        return "a program \"deliver\" that uses {port}, on which the board says \"accepted\" or \"declined\"";
    return NULL;
}

static bool uses_port(const struct config *config)
{
    bool port = argv_uses(config->permanent, "port");
    for (int i = 0; i < UPDATE_INTENTS; i++)
        port |= argv_uses(config->commands[i], "port");
    return port;
}

static unsigned abilities(const void *data)
{
    const struct config *config = data;
    static const unsigned of[UPDATE_INTENTS] = {[UPDATE_STATE] = UPDATE_CAN_STATE,
                                                [UPDATE_ACTIVATE] = UPDATE_CAN_ACTIVATE | UPDATE_CAN_TRIAL,
                                                [UPDATE_RESTART] = UPDATE_CAN_RESTART,
                                                [UPDATE_CONFIRM] = UPDATE_CAN_CONFIRM,
                                                [UPDATE_ERASE] = UPDATE_CAN_ERASE};
    unsigned can = config->permanent ? UPDATE_CAN_ACTIVATE | UPDATE_CAN_PERMANENT : 0;
    for (int i = 0; i < UPDATE_INTENTS; i++)
        can |= config->commands[i] ? of[i] : 0;
    return can | (config->resumes ? UPDATE_CAN_RESUME : 0) | (config->pulls ? UPDATE_PULLS : 0) |
           (config->board_answers ? UPDATE_BOARD_ANSWERS : 0) |
           (config->confirm_restarts ? UPDATE_CONFIRM_RESTARTS : 0) |
           (uses_port(config) ? UPDATE_SPEAKS_RAW : 0);
}

static int client_open(const struct driver_env *env, const void *data, void **self, struct error *error)
{
    const struct config *config = data;
    if (uses_port(config) && !env->link)
        return error_set(error, ERROR_INPUT, "exec: {port} is the board's console, and the place has none");
    struct client *client = mem_alloc(sizeof *client);
    *client = (struct client){.env = *env, .role = mem_string(env->role), .config = config};
    *self = client;
    return 0;
}

static void client_close(void *self)
{
    struct client *client = self;
    close_port(client);
    exec_call_free(client->call);
    loop_remove(client->patience);
    free(client->program);
    free(client->image);
    free(client->version);
    free(client->role);
    free(client);
}

static int examine(const struct driver_env *env, const void *data, char *advice, size_t size,
                   struct error *error)
{
    const struct config *config = data;
    for (int i = 0; i <= UPDATE_INTENTS; i++) {
        char **words = i < UPDATE_INTENTS ? config->commands[i] : config->permanent;
        if (!words || words[0][0] == '{' || exec_found(words[0]))
            continue;
        snprintf(advice, size, "install it, or give its full path in the rack file");
        return error_set(error, ERROR_RIG, "%s: no such program", words[0]);
    }
    return 0;
}

static const struct update_ops ops = {.start = start, .cancel = cancel, .abilities = abilities};
const struct driver update_exec_driver = {
    .name = "exec",
    .help = "the user's own programs, on a serial port of the harness's if they like",
    .kind = DRIVER_UPDATE,
    .options = options,
    .config_size = sizeof(struct config),
    .check = check,
    .open = client_open,
    .close = client_close,
    .update = &ops,
    .examine = examine};
