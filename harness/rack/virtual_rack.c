/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/rack/virtual_rack.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/base/surroundings.h"

#define START_LIMIT_US 75000000u
#define STOP_LIMIT_US 5000000u

static void on_line(void *arg, int stream, const char *text, size_t len)
{
    struct virtual_rack *rack = arg;
    snprintf(rack->last_line, sizeof rack->last_line, "%s", text);
}

static void on_ready(void *arg, const char *line)
{
    struct virtual_rack *rack = arg;
    cJSON *ready = cJSON_Parse(line + strlen("ready "));
    const cJSON *root = cJSON_GetObjectItem(ready, "root");
    if (cJSON_IsString(root))
        rack->root = mem_string(root->valuestring);
    cJSON_Delete(ready);
    rack->ready = rack->root != NULL;
}

static void on_ended(void *arg, int wait_status, bool asked)
{
    struct virtual_rack *rack = arg;
    rack->died = true;
    rack->refused = WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 2;
}

static int wait_ready(struct virtual_rack *rack, struct loop *loop, struct error *error)
{
    uint64_t end_us = clock_now_us() + START_LIMIT_US;
    while (!rack->ready && !rack->died) {
        uint64_t now_us = clock_now_us();
        if (now_us >= end_us)
            return error_set(error, ERROR_SYSTEM, "the virtual rack did not get ready within 75 s");
        if (loop_turn(loop, end_us - now_us, error) < 0)
            return -1;
    }
    if (rack->died)
        return error_set(error, rack->refused ? ERROR_INPUT : ERROR_SYSTEM,
                         "the virtual rack did not start: %s", rack->last_line);
    return 0;
}

int virtual_rack_start(struct virtual_rack *rack, struct loop *loop, const char *rack_file,
                       const char *boards_folder, const char *folder, bool real_time, const char *place,
                       struct error *error)
{
    *rack = (struct virtual_rack){0};
    if (mkdir(folder, 0755) && errno != EEXIST)
        return error_set_errno(error, ERROR_SYSTEM, errno, "%s", folder);
    rack->folder = realpath(folder, NULL);
    char *program = surroundings_beside("otarig-rack");
    const char *argv[12] = {program,      "--rack",   rack_file,    "--folder",
                            rack->folder, "--boards", boards_folder};
    size_t count = 7;
    if (real_time) {
        argv[count++] = "--time";
        argv[count++] = "real";
    }
    if (place) {
        argv[count++] = "--place";
        argv[count++] = place;
    }
    const struct child_spec spec = {
        .name = "virtual rack", .argv = argv, .ready_prefix = "ready ", .parent_death_signal = SIGTERM};
    const struct child_events events = {.line = on_line, .ready = on_ready, .ended = on_ended};
    rack->child = child_start(loop, &spec, &events, rack, error);
    free(program);
    if (!rack->child || wait_ready(rack, loop, error)) {
        virtual_rack_stop(rack, loop);
        return -1;
    }
    rack->environment[0] = mem_string("LD_PRELOAD=libumockdev-preload.so.0");
    rack->environment[1] = mem_printf("UMOCKDEV_DIR=%s", rack->root);
    rack->environment[2] = mem_printf("OTARIG_RACK=%s", rack->folder);
    /* under AddressSanitizer the preload comes first, and the sanitizer must not mind */
    rack->environment[3] = mem_printf("ASAN_OPTIONS=verify_asan_link_order=0:%s",
                                      getenv("ASAN_OPTIONS") ? getenv("ASAN_OPTIONS") : "");
    /* its devices are nobody else's */
    rack->environment[4] = mem_printf("OTARIG_LOCKS=%s/locks", rack->folder);
    return 0;
}

void virtual_rack_stop(struct virtual_rack *rack, struct loop *loop)
{
    uint64_t end_us = clock_now_us() + STOP_LIMIT_US, now_us;
    if (rack->child) {
        child_stop(rack->child, STOP_LIMIT_US - 500000);
        while (child_running(rack->child) && (now_us = clock_now_us()) < end_us)
            if (loop_turn(loop, end_us - now_us, NULL) < 0)
                break;
    }
    child_free(rack->child);
    for (int i = 0; i < 5; i++)
        free(rack->environment[i]);
    free(rack->folder);
    free(rack->root);
    *rack = (struct virtual_rack){0};
}

static int control_connect(const char *folder, struct error *error)
{
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    /* on a rack's clock nothing is lost by waiting for a busy computer */
    struct timeval limit = {.tv_sec = clock_is_virtual() ? 60 : 2};
    if ((size_t)snprintf(where.sun_path, sizeof where.sun_path, "%s/control", folder) >=
        sizeof where.sun_path)
        return error_set(error, ERROR_INPUT, "%s: too long for a unix socket", folder);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&where, sizeof where)) {
        error_set_errno(error, ERROR_SYSTEM, errno, "%s", where.sun_path);
        if (fd >= 0)
            close(fd);
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    return fd;
}

cJSON *virtual_rack_control(const char *folder, const cJSON *command, struct error *error)
{
    int fd = control_connect(folder, error);
    char answer[8192];
    size_t len = 0;
    if (fd < 0)
        return NULL;
    char *text = cJSON_PrintUnformatted(command);
    dprintf(fd, "%s\n", text);
    cJSON_free(text);
    for (ssize_t n; len < sizeof answer - 1 && (n = read(fd, answer + len, sizeof answer - 1 - len)) > 0;) {
        len += (size_t)n;
        if (memchr(answer, '\n', len))
            break;
    }
    close(fd);
    answer[len] = 0;
    cJSON *result = cJSON_Parse(answer);
    if (!result)
        error_set(error, ERROR_SYSTEM, "the virtual rack does not answer");
    const char *refused = cJSON_GetStringValue(cJSON_GetObjectItem(result, "error"));
    if (!refused)
        return result;
    error_set(error, ERROR_SYSTEM, "the virtual rack refuses: %s", refused);
    cJSON_Delete(result);
    return NULL;
}

cJSON *virtual_rack_place(const char *folder, const char *place, struct error *error)
{
    cJSON *command = cJSON_CreateObject();
    cJSON_AddStringToObject(command, "do", "status");
    cJSON_AddStringToObject(command, "place", place);
    cJSON *answer = virtual_rack_control(folder, command, error);
    cJSON *found = cJSON_DetachItemFromObjectCaseSensitive(answer, "place");
    cJSON_Delete(answer);
    cJSON_Delete(command);
    return found;
}
