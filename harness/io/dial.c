/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/io/dial.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"

#define PAUSE_US 20000u

struct dial {
    struct loop *loop;
    char *address;
    struct sockaddr_un local;
    struct addrinfo *hosts, *host; /* NULL: `local` */
    int fd;                        /* under way, -1: none */
    struct loop_source *source, *pause, *limit;
    bool patient;
    int why; /* errno of the last try */
    void (*done)(void *arg, int fd, const char *why);
    void *arg;
};

/* ---- addresses ---- */

static int resolve(struct dial *dial, struct error *error)
{
    char *copy = mem_string(dial->address), *colon = strrchr(copy, ':'), *name = copy;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    int result = 0;
    *colon = 0;
    if (name[0] == '[' && colon > name && colon[-1] == ']') {
        colon[-1] = 0;
        name++;
    }
    int code = name[0] && colon[1] ? getaddrinfo(name, colon + 1, &hints, &dial->hosts) : EAI_NONAME;
    if (!name[0] || !colon[1])
        result =
            error_set(error, ERROR_INPUT, "expected HOST:PORT or a unix socket, found '%s'", dial->address);
    else if (code)
        result = error_set(error, ERROR_RIG, "%s: %s", dial->address, gai_strerror(code));
    free(copy);
    return result;
}

static int place(struct dial *dial, const char *folder, struct error *error)
{
    size_t size = sizeof dial->local.sun_path;
    dial->local.sun_family = AF_UNIX;
    int len = dial->address[0] == '/' || !folder
                  ? snprintf(dial->local.sun_path, size, "%s", dial->address)
                  : snprintf(dial->local.sun_path, size, "%s/%s", folder, dial->address);
    return len > 0 && (size_t)len < size
               ? 0
               : error_set(error, ERROR_INPUT, "%s: too long for a unix socket", dial->address);
}

/* ---- one try ---- */

static void abandon(struct dial *dial)
{
    loop_remove(dial->source);
    dial->source = NULL;
    if (dial->fd >= 0)
        close(dial->fd);
    dial->fd = -1;
}

static void end(struct dial *dial, int fd, const char *why)
{
    dial_stop(dial);
    dial->done(dial->arg, fd, why);
}

static void try_next(struct dial *dial);

static void failed(struct dial *dial, int why)
{
    char text[300];
    abandon(dial);
    dial->why = why;
    if (dial->host)
        dial->host = dial->host->ai_next;
    if (dial->host) {
        try_next(dial);
    } else if (dial->patient) {
        loop_timer_set(dial->pause, clock_now_us() + PAUSE_US);
    } else {
        snprintf(text, sizeof text, "%.200s: %s", dial->address, strerror(why));
        end(dial, -1, text);
    }
}

static void on_writable(void *arg, int fd, uint32_t events)
{
    struct dial *dial = arg;
    int why = 0, one = 1;
    socklen_t len = sizeof why;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &len))
        why = errno;
    if (why) {
        failed(dial, why);
        return;
    }
    loop_remove(dial->source);
    dial->source = NULL;
    dial->fd = -1;
    if (dial->hosts)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    end(dial, fd, NULL);
}

/* Also a connection that is there at once is told by the loop: the descriptor is writable then. */
static void try_next(struct dial *dial)
{
    const struct sockaddr *where = dial->host ? dial->host->ai_addr : (struct sockaddr *)&dial->local;
    socklen_t len = dial->host ? dial->host->ai_addrlen : (socklen_t)sizeof dial->local;
    dial->fd = socket(where->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (dial->fd < 0 || (connect(dial->fd, where, len) && errno != EINPROGRESS))
        failed(dial, errno);
    else
        dial->source = loop_add_fd(dial->loop, dial->fd, EPOLLOUT, on_writable, dial);
}

static void on_pause_over(void *arg, uint64_t now_us)
{
    struct dial *dial = arg;
    dial->host = dial->hosts;
    try_next(dial);
}

static void on_limit(void *arg, uint64_t now_us)
{
    struct dial *dial = arg;
    char text[300];
    snprintf(text, sizeof text, "%.200s: %s", dial->address, strerror(dial->why ? dial->why : ETIMEDOUT));
    end(dial, -1, text);
}

/* ---- the whole ---- */

struct dial *dial_new(struct loop *loop, const char *address, const char *folder, struct error *error)
{
    struct dial *dial = mem_alloc(sizeof *dial);
    bool local = strchr(address, '/') || !strchr(address, ':');
    *dial = (struct dial){.loop = loop, .address = mem_string(address), .fd = -1};
    dial->pause = loop_add_timer(loop, LOOP_NEVER, on_pause_over, dial);
    dial->limit = loop_add_timer(loop, LOOP_NEVER, on_limit, dial);
    if (local ? place(dial, folder, error) : resolve(dial, error)) {
        dial_free(dial);
        return NULL;
    }
    return dial;
}

void dial_begin(struct dial *dial, bool patient, uint64_t limit_us,
                void (*done)(void *arg, int fd, const char *why), void *arg)
{
    uint64_t now_us = clock_now_us();
    dial_stop(dial);
    dial->patient = patient;
    dial->done = done;
    dial->arg = arg;
    dial->why = 0;
    loop_timer_set(dial->limit, now_us + limit_us);
    loop_timer_set(dial->pause, now_us);
}

void dial_stop(struct dial *dial)
{
    abandon(dial);
    loop_timer_set(dial->pause, LOOP_NEVER);
    loop_timer_set(dial->limit, LOOP_NEVER);
}

void dial_free(struct dial *dial)
{
    if (!dial)
        return;
    abandon(dial);
    loop_remove(dial->pause);
    loop_remove(dial->limit);
    if (dial->hosts)
        freeaddrinfo(dial->hosts);
    free(dial->address);
    free(dial);
}
