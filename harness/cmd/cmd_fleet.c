/* SPDX-License-Identifier: GPL-2.0-or-later */
/* otarig fleet: thousands of simulated devices against a server, ours or the user's. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/base/arguments.h"
#include "harness/base/clock.h"
#include "harness/base/file.h"
#include "harness/base/json.h"
#include "harness/base/mem.h"
#include "harness/base/member.h"
#include "harness/base/mix.h"
#include "harness/base/output.h"
#include "harness/base/surroundings.h"
#include "harness/cmd/cmd.h"
#include "harness/fleet/fleet.h"
#include "harness/io/child.h"

#define READY_LIMIT_US 10000000u

struct words {
    const char *target, *own, *root, *rollout, *out;
    double devices, poll_s, for_s, install_s, jitter, fail, size, backoff, seed, outage_at, outage_s;
    bool herd;
};

/* ---- whose server it is ---- */

/* The host of an URL, without its port; "": there is none. */
static void host_of(const char *url, char *host, size_t size)
{
    const char *at = strstr(url, "://");
    at = at ? at + 3 : url;
    size_t len = *at == '[' ? strcspn(at, "]") + 1 : strcspn(at, ":/?#");
    snprintf(host, size, "%.*s", (int)len, at);
}

static bool is_loopback(const char *host)
{
    struct in_addr address;
    return !strcmp(host, "localhost") || !strcmp(host, "[::1]") ||
           (inet_pton(AF_INET, host, &address) == 1 && ntohl(address.s_addr) >> 24 == 127);
}

/* Thousands of devices are an attack on a server that is not one's own. */
static int check_target(const struct words *words)
{
    char host[256];
    if (!words->target)
        return 0;
    host_of(words->target, host, sizeof host);
    if (strncmp(words->target, "http://", 7) && strncmp(words->target, "https://", 8))
        return arguments_wrong("fleet",
                               "--target: expected http://HOST[:PORT]/TENANT or https://..., found '%s'",
                               words->target);
    if (!*host || strchr(words->target, '@'))
        return arguments_wrong("fleet", "--target: expected a host and no user, found '%s'", words->target);
    if (!is_loopback(host) && (!words->own || strcmp(words->own, host)))
        return arguments_wrong(
            "fleet",
            "--target: '%s' is another computer: expected --i-own %s, if the server is yours to load", host,
            host);
    return 0;
}

/* ---- a server of our own ---- */

struct server {
    struct child *child;
    unsigned port;
    bool ended;
    char complaint[300];
    cJSON *rollouts; /* of the last status; owned */
};

static void on_line(void *arg, int stream, const char *text, size_t len)
{
    struct server *server = arg;
    cJSON *event = stream == 1 ? cJSON_ParseWithLength(text, len) : NULL;
    const cJSON *rollouts = cJSON_GetObjectItemCaseSensitive(event, "rollouts");
    if (!strcmp(member_text(event, "event"), "ready"))
        server->port = (unsigned)member_number(event, "http", 0);
    else if (rollouts) {
        cJSON_Delete(server->rollouts);
        server->rollouts = cJSON_Duplicate(rollouts, true);
    }
    if (!event || *member_text(event, "error"))
        snprintf(server->complaint, sizeof server->complaint, "%.280s",
                 event ? member_text(event, "error") : text);
    cJSON_Delete(event);
}

static void on_ended(void *arg, int status, bool asked)
{
    ((struct server *)arg)->ended = true;
}

static int await(struct loop *loop, struct server *server, bool (*came)(const struct server *server),
                 struct error *error)
{
    uint64_t until_us = clock_now_us() + READY_LIMIT_US;
    while (!came(server) && !server->ended && !server->complaint[0] && clock_now_us() < until_us)
        if (loop_turn(loop, 100000, error) < 0)
            return -1;
    return came(server) ? 0
                        : error_set(error, ERROR_RIG, "otad: %s",
                                    server->complaint[0] ? server->complaint : "no answer");
}

static bool is_ready(const struct server *server)
{
    return server->port != 0;
}

static bool has_rollouts(const struct server *server)
{
    return server->rollouts != NULL;
}

static int tell(struct server *server, const char *text, struct error *error)
{
    char *line = mem_printf("%s\n", text);
    int result = child_write(server->child, line, strlen(line), error);
    free(line);
    return result;
}

/* The members of the file are those of the command "rollout" but for name and artifact. */
static int tell_rollout(struct server *server, const struct words *words, struct error *error)
{
    struct json_document document = {0};
    if (words->rollout && json_load(&document, words->rollout, error))
        return -1;
    if (words->rollout && json_object(json_root(&document), error)) {
        json_close(&document);
        return -1;
    }
    cJSON *command = words->rollout ? cJSON_Duplicate(document.root, true) : cJSON_CreateObject();
    cJSON_AddStringToObject(command, "do", "rollout");
    cJSON_AddStringToObject(command, "name", "fleet");
    cJSON_AddStringToObject(command, "artifact", "fleet");
    char *text = cJSON_PrintUnformatted(command);
    int result = tell(server, text, error);
    cJSON_free(text);
    cJSON_Delete(command);
    json_close(&document);
    return result;
}

static char *make_artifact(const struct words *words, struct error *error)
{
    char path[] = "/tmp/otarig-fleet.XXXXXX";
    int fd = mkstemp(path);
    uint64_t state = 1;
    FILE *file = fd >= 0 ? fdopen(fd, "wb") : NULL;
    for (double i = 0; file && i < words->size; i++)
        putc((int)(mix_next(&state) & 255), file);
    if (!file || fclose(file)) {
        error_set(error, ERROR_SYSTEM, "%s: the artifact cannot be written", path);
        return NULL;
    }
    return mem_string(path);
}

static int start_server(struct loop *loop, struct server *server, const struct words *words,
                        struct error *error)
{
    char *program = surroundings_beside("otarig-otad");
    const char *argv[] = {program, "--http", "127.0.0.1:0", "--quiet", NULL};
    const struct child_spec spec = {.name = "otad", .argv = argv, .stdin_pipe = true};
    const struct child_events events = {.line = on_line, .ended = on_ended};
    server->child = child_start(loop, &spec, &events, server, error);
    free(program);
    if (!server->child || await(loop, server, is_ready, error))
        return -1;
    char *path = make_artifact(words, error), text[600];
    if (!path)
        return -1;
    snprintf(text, sizeof text, "{\"do\":\"settings\",\"poll_s\":%.0f}", words->poll_s);
    int failed = tell(server, text, error);
    snprintf(text, sizeof text, "{\"do\":\"artifact\",\"name\":\"fleet\",\"version\":\"2\",\"path\":\"%s\"}",
             path);
    failed = failed || tell(server, text, error) || tell_rollout(server, words, error) ||
             tell(server, "{\"do\":\"status\"}", error) || await(loop, server, has_rollouts, error);
    unlink(path);
    free(path);
    return failed ? -1 : 0;
}

/* ---- an outage: the server answers nothing but 503 ---- */

struct outage {
    struct server *server;
    struct loop_source *begin, *end;
};

static void on_begin(void *arg, uint64_t now_us)
{
    tell(((struct outage *)arg)->server,
         "{\"do\":\"fault\",\"name\":\"outage\",\"times\":0,\"action\":{\"do\":\"status\",\"status\":503}}",
         NULL);
}

static void on_end(void *arg, uint64_t now_us)
{
    tell(((struct outage *)arg)->server, "{\"do\":\"lift\",\"name\":\"outage\"}", NULL);
}

/* ---- the result ---- */

static void print_result(const struct fleet_spec *spec, const struct fleet_result *result)
{
    static const char *const parts[] = {"50", "90", "99"};
    printf("%u devices: %u updated, %u failed, %u taken back\n", spec->devices, result->updated,
           result->failed, result->cancelled);
    printf("%llu requests in %zu s, %llu without an answer, %llu refused, %.1f MB\n",
           (unsigned long long)result->requests, result->second_count, (unsigned long long)result->errors,
           (unsigned long long)result->refused, (double)result->bytes / 1e6);
    printf("half of all requests took at most %.1f ms, 99 %% at most %.1f ms\n",
           fleet_percentile(result, 50) / 1000, fleet_percentile(result, 99) / 1000);
    for (int i = 0; i < 3; i++)
        if (result->updated_s[i] >= 0)
            printf("%s %% of all devices had the update after %.1f s\n", parts[i], result->updated_s[i]);
}

static int write_result(const struct words *words, const struct fleet_spec *spec,
                        const struct fleet_result *result, struct server *server, struct error *error)
{
    if (!words->out)
        return 0;
    char *json = mem_printf("%s/fleet.json", words->out), *svg = mem_printf("%s/fleet.svg", words->out);
    cJSON *root = fleet_json(spec, result);
    if (server->rollouts)
        cJSON_AddItemToObject(root, "rollouts", cJSON_Duplicate(server->rollouts, true));
    char *text = cJSON_Print(root);
    file_make_folder(words->out); /* what cannot be is told by the first file */
    int failed = output_text(json, text, error) || fleet_plot(svg, spec, result, error);
    cJSON_free(text);
    cJSON_Delete(root);
    free(json);
    free(svg);
    return failed ? -1 : 0;
}

static int run(const struct words *words, struct error *error)
{
    struct server server = {0};
    struct loop *loop = loop_new();
    struct fleet_result result = {0};
    char base[300];
    int failed = words->target ? 0 : start_server(loop, &server, words, error);
    if (words->target)
        snprintf(base, sizeof base, "%s", words->target);
    else
        snprintf(base, sizeof base, "http://127.0.0.1:%u/DEFAULT", server.port);
    const struct fleet_spec spec = {.base = base,
                                    .root = words->root,
                                    .devices = (unsigned)words->devices,
                                    .poll_us = (uint64_t)(words->poll_s * 1e6),
                                    .for_us = (uint64_t)(words->for_s * 1e6),
                                    .install_us = (uint64_t)(words->install_s * 1e6),
                                    .jitter = words->jitter,
                                    .fails = words->fail,
                                    .herd = words->herd,
                                    .backoff = (unsigned)words->backoff,
                                    .seed = (uint64_t)words->seed};
    struct outage outage = {.server = &server};
    uint64_t now_us = clock_now_us();
    bool has_outage = !failed && words->outage_s > 0;
    outage.begin = loop_add_timer(loop, has_outage ? now_us + (uint64_t)(words->outage_at * 1e6) : LOOP_NEVER,
                                  on_begin, &outage);
    outage.end = loop_add_timer(
        loop, has_outage ? now_us + (uint64_t)((words->outage_at + words->outage_s) * 1e6) : LOOP_NEVER,
        on_end, &outage);
    failed = failed || fleet_run(loop, &spec, &result, error);
    if (!failed && server.ended)
        failed = error_set(error, ERROR_RIG, "otad: the server has ended by itself");
    if (!failed && server.child) {
        cJSON_Delete(server.rollouts);
        server.rollouts = NULL;
        failed = tell(&server, "{\"do\":\"status\"}", error) || await(loop, &server, has_rollouts, error);
    }
    if (!failed)
        print_result(&spec, &result);
    failed = failed || write_result(words, &spec, &result, &server, error);
    free(result.seconds);
    cJSON_Delete(server.rollouts);
    child_free(server.child);
    loop_free(loop);
    return failed;
}

int cmd_fleet(int argc, char **argv)
{
    struct words words = {
        .devices = 1000, .poll_s = 10, .for_s = 600, .install_s = 1, .size = 100000, .backoff = 4, .seed = 1};
    const struct argument table[] = {
        {"target", "URL", "the server: http://HOST:PORT/TENANT (default: one of our own)", ARGUMENT_TEXT,
         &words.target, 0, 0, NULL},
        {"i-own", "HOST", "needed for any other computer than this one: its name once more", ARGUMENT_TEXT,
         &words.own, 0, 0, NULL},
        {"ca", "FILE", "roots that are trusted, for https", ARGUMENT_TEXT, &words.root, 0, 0, NULL},
        {"devices", "N", "how many (1000)", ARGUMENT_WHOLE, &words.devices, 1, FLEET_DEVICES_MAX, NULL},
        {"poll-s", "S", "between two polls of a device (10)", ARGUMENT_NUMBER, &words.poll_s, 0.1, 86400,
         NULL},
        {"jitter", "P", "of that time, 0 to 1 (0)", ARGUMENT_NUMBER, &words.jitter, 0, 1, NULL},
        {"backoff", "N", "after an error the time doubles, at most so often (4)", ARGUMENT_WHOLE,
         &words.backoff, 0, 16, NULL},
        {"herd", NULL, "all poll at once in the beginning", ARGUMENT_FLAG, &words.herd, 0, 0, NULL},
        {"install-s", "S", "what an installation takes (1)", ARGUMENT_NUMBER, &words.install_s, 0, 3600,
         NULL},
        {"fail", "P", "so many of the updates fail, 0 to 1 (0)", ARGUMENT_NUMBER, &words.fail, 0, 1, NULL},
        {"for-s", "S", "end after so long (600)", ARGUMENT_NUMBER, &words.for_s, 0.1, FLEET_SECONDS_MAX,
         NULL},
        {"seed", "N", "for all chance (1)", ARGUMENT_WHOLE, &words.seed, 0, 1e15, NULL},
        {"out", "DIR", "writes fleet.json and fleet.svg there", ARGUMENT_TEXT, &words.out, 0, 0, NULL},
        {"", NULL, "Of a server of our own:", ARGUMENT_HEADING, NULL, 0, 0, NULL},
        {"size", "BYTES", "of the artifact (100000)", ARGUMENT_WHOLE, &words.size, 1, 1 << 30, NULL},
        {"rollout", "FILE", "groups, stop, window and jitter of the roll-out; see docs/server.md",
         ARGUMENT_TEXT, &words.rollout, 0, 0, NULL},
        {"outage-at", "S", "it answers 503 from then on", ARGUMENT_NUMBER, &words.outage_at, 0, 86400, NULL},
        {"outage-s", "S", "for so long (0)", ARGUMENT_NUMBER, &words.outage_s, 0, 86400, NULL},
        {0}};
    const struct arguments arguments = {.command = "fleet",
                                        .usage = "usage: otarig fleet [option...]\n"
                                                 "Runs simulated devices that poll, download, fail and "
                                                 "report by hawkBit's DDI, against a server.\n",
                                        .table = table,
                                        .after = "\nExit: 0 it ran, 2 bad input, 3 rig fault.\n"};
    struct error error = {0};
    int first, code;
    if (arguments_take(&arguments, argc, argv, &first, &code))
        return code;
    if (first < argc)
        return arguments_wrong("fleet", "expected no '%s'", argv[first]);
    if ((code = check_target(&words)))
        return code;
    if (words.target && (words.rollout || words.outage_s > 0))
        return arguments_wrong("fleet",
                               "--rollout and --outage-s are of a server of our own, not of --target");
    if (run(&words, &error)) {
        fprintf(stderr, "otarig: fleet: %s\n", error.text);
        return error_exit_code(&error);
    }
    return 0;
}
