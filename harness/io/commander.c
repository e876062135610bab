/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/io/commander.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "harness/base/mem.h"
#include "harness/io/lines.h"

#define COMMAND_MAX (1u << 20)

struct commander {
    struct loop *loop;
    commander_act *act;
    void *arg;
    struct caller *callers;
    char *path; /* of the socket; NULL: none */
    int fd;
    struct loop_source *source;
    bool broken; /* nobody takes the events any more */
};
/* Who sends commands: stdin, or a client of the socket. */
struct caller {
    struct commander *commander;
    int in;
    struct loop_source *source;
    struct lines lines;
    struct caller *next;
};

void commander_tell(struct commander *commander, const cJSON *event)
{
    char *text = cJSON_PrintUnformatted(event);
    if (puts(text) < 0 || fflush(stdout)) {
        commander->broken = true;
        loop_stop(commander->loop);
    }
    cJSON_free(text);
}

/* A client that does not read its answers loses them. */
static void answer_to(const struct caller *caller, const cJSON *answer)
{
    char *text = cJSON_PrintUnformatted(answer), *line = mem_printf("%s\n", text);
    (void)!send(caller->in, line, strlen(line), MSG_NOSIGNAL | MSG_DONTWAIT);
    free(line);
    cJSON_free(text);
}

static void on_command(void *arg, const char *text, size_t len, uint64_t t_us)
{
    struct caller *caller = arg;
    struct commander *commander = caller->commander;
    struct error error = {0};
    cJSON *answer = NULL;
    if (commander->act(commander->arg, text, len, &answer, &error)) {
        answer = cJSON_CreateObject();
        cJSON_AddStringToObject(answer, "event", "answer");
        cJSON_AddStringToObject(answer, "error", error.text);
    }
    if (caller->in == STDIN_FILENO)
        commander_tell(commander, answer);
    else
        answer_to(caller, answer);
    cJSON_Delete(answer);
}

static void caller_free(struct caller *caller)
{
    struct caller **at = &caller->commander->callers;
    while (*at != caller)
        at = &(*at)->next;
    *at = caller->next;
    loop_remove(caller->source);
    lines_release(&caller->lines);
    if (caller->in != STDIN_FILENO)
        close(caller->in);
    free(caller);
}

static void on_input(void *arg, int fd, uint32_t events)
{
    struct caller *caller = arg;
    char data[4096];
    ssize_t len = read(fd, data, sizeof data);
    if (len > 0)
        lines_put(&caller->lines, data, (size_t)len, 0);
    else if (len < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    else if (fd == STDIN_FILENO)
        loop_stop(caller->commander->loop);
    else
        caller_free(caller);
}

/* A plain file cannot be waited for: who gives one as stdin gets all of it done at once. */
static void drain(struct caller *caller)
{
    char data[4096];
    ssize_t len;
    while ((len = read(caller->in, data, sizeof data)) > 0)
        lines_put(&caller->lines, data, (size_t)len, 0);
    loop_stop(caller->commander->loop);
}

static void add_caller(struct commander *commander, int in)
{
    struct caller *caller = mem_alloc(sizeof *caller);
    *caller = (struct caller){.commander = commander, .in = in, .next = commander->callers};
    lines_init(&caller->lines, COMMAND_MAX, on_command, caller);
    commander->callers = caller;
    if (lseek(in, 0, SEEK_CUR) >= 0)
        drain(caller);
    else
        caller->source = loop_add_fd(commander->loop, in, EPOLLIN, on_input, caller);
}

static void on_client(void *arg, int fd, uint32_t events)
{
    int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
    if (client >= 0)
        add_caller(arg, client);
}

static int open_socket(struct commander *commander, const char *path, struct error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return error_set(error, ERROR_INPUT, "%s: expected a path of at most %zu characters", path,
                         sizeof address.sun_path - 1);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    commander->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    unlink(path);
    if (commander->fd < 0 || bind(commander->fd, (struct sockaddr *)&address, sizeof address) ||
        listen(commander->fd, 8))
        return error_set_errno(error, ERROR_INPUT, errno, "%s", path);
    commander->path = mem_string(path);
    commander->source = loop_add_fd(commander->loop, commander->fd, EPOLLIN, on_client, commander);
    return 0;
}

static void on_signal(void *arg, int number)
{
    loop_stop(((struct commander *)arg)->loop);
}

struct commander *commander_new(struct loop *loop, const char *socket, commander_act *act, void *arg,
                                struct error *error)
{
    struct commander *commander = mem_alloc(sizeof *commander);
    *commander = (struct commander){.loop = loop, .act = act, .arg = arg, .fd = -1};
    loop_add_signal(loop, SIGTERM, on_signal, commander);
    loop_add_signal(loop, SIGINT, on_signal, commander);
    if (socket && open_socket(commander, socket, error)) {
        commander_free(commander);
        return NULL;
    }
    return commander;
}

int commander_run(struct commander *commander, struct error *error)
{
    add_caller(commander, STDIN_FILENO);
    int result = loop_run(commander->loop, error);
    if (!result && commander->broken)
        result = error_set(error, ERROR_SYSTEM, "the events cannot be written");
    return result;
}

void commander_free(struct commander *commander)
{
    if (!commander)
        return;
    while (commander->callers)
        caller_free(commander->callers);
    loop_remove(commander->source);
    if (commander->fd >= 0)
        close(commander->fd);
    if (commander->path)
        unlink(commander->path);
    free(commander->path);
    free(commander);
}
