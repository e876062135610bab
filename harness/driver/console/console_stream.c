/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Console "stream": a unix or TCP socket (ser2net, QEMU, a terminal server). After a loss it connects again
 * by itself, with growing pauses; after RETRY_LIMIT_US without success that is the rig's fault. */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "harness/base/clock.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "harness/base/surroundings.h"
#include "harness/driver/console/console_port.h"
#include "harness/driver/table.h"

#define CONNECT_LIMIT_MS 1500
#define RETRY_FIRST_US 50000u
#define RETRY_LIMIT_US 5000000u

struct config {
    char *path, *tcp;
};

static const struct option_spec options[] = {
    {.name = "path",
     .help = "unix socket; a relative one lies in the virtual rack's folder",
     .type = OPTION_STRING,
     .offset = offsetof(struct config, path)},
    {.name = "tcp",
     .help = "HOST:PORT",
     .type = OPTION_STRING,
     .pattern = "^.+:[^:]+$",
     .wanted = "HOST:PORT",
     .offset = offsetof(struct config, tcp)},
    {0},
};

struct stream {
    struct console_port port; /* first member */
    const struct config *config;
    struct addrinfo *hosts, *host; /* tcp: all addresses, the one to try next */
    int coming;                    /* descriptor of a connection under way, -1: none */
    struct loop_source *coming_source, *retry;
    uint64_t lost_us, pause_us;
};

/* ---- addresses: resolved once, when blocking is allowed ---- */

static int resolve(struct stream *stream, struct error *error)
{
    const char *text = stream->config->tcp;
    char *host = mem_string(text), *colon = strrchr(host, ':'), *name = host;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    int result = 0;
    if (!colon || colon == host || !colon[1]) {
        result = error_set(error, ERROR_INPUT, "%s: expected HOST:PORT", text);
    } else {
        *colon = 0;
        if (name[0] == '[' && colon[-1] == ']') { /* [::1]:2000 */
            colon[-1] = 0;
            name++;
        }
        int code = getaddrinfo(name, colon + 1, &hints, &stream->hosts);
        if (code)
            result = error_set(error, ERROR_RIG, "%s: %s", text, gai_strerror(code));
    }
    free(host);
    return result;
}

static int unix_address(const char *path, struct sockaddr_un *where, struct error *error)
{
    char *whole = surroundings_in_rack(path);
    *where = (struct sockaddr_un){.sun_family = AF_UNIX};
    int len = snprintf(where->sun_path, sizeof where->sun_path, "%s", whole);
    free(whole);
    if (len < 0 || (size_t)len >= sizeof where->sun_path)
        return error_set(error, ERROR_INPUT, "%s: too long for a unix socket", path);
    return 0;
}

/* ---- connecting ---- */

/* A descriptor whose connection may still be under way; -1 with errno. */
static int connect_to(const struct sockaddr *where, socklen_t len)
{
    int fd = socket(where->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && connect(fd, where, len) && errno != EINPROGRESS) {
        int why = errno;
        close(fd);
        errno = why;
        return -1;
    }
    return fd;
}

/* 0 connected, else errno. */
static int outcome(int fd)
{
    int why = 0;
    socklen_t len = sizeof why;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &len) ? errno : why;
}

static int fail(const struct stream *stream, int why, struct error *error)
{
    const struct config *config = stream->config;
    return error_set_errno(error, ERROR_RIG, why, "%s", config->path ? config->path : config->tcp);
}

static int begin(struct stream *stream, struct error *error)
{
    struct sockaddr_un where;
    if (stream->config->path) {
        if (unix_address(stream->config->path, &where, error))
            return -1;
        stream->coming = connect_to((struct sockaddr *)&where, sizeof where);
        return stream->coming < 0 ? fail(stream, errno, error) : 0;
    }
    if (!stream->host)
        stream->host = stream->hosts;
    const struct addrinfo *host = stream->host;
    if (!host)
        return fail(stream, EADDRNOTAVAIL, error);
    stream->host = host->ai_next;
    stream->coming = connect_to(host->ai_addr, host->ai_addrlen);
    return stream->coming < 0 ? fail(stream, errno, error) : 0;
}

static void abandon(struct stream *stream)
{
    loop_remove(stream->coming_source);
    stream->coming_source = NULL;
    if (stream->coming >= 0)
        close(stream->coming);
    stream->coming = -1;
}

static int finish(struct stream *stream, struct error *error)
{
    int fd = stream->coming, why = outcome(fd);
    if (why) {
        abandon(stream);
        return fail(stream, why, error);
    }
    stream->coming = -1;
    abandon(stream);
    console_port_attach(&stream->port, fd);
    return 0;
}

/* Waits, so for open() and reopen() only: each address in turn within one limit. */
static int attach(struct stream *stream, struct error *error)
{
    uint64_t end_us = clock_now_us() + CONNECT_LIMIT_MS * 1000u, now_us;
    stream->host = stream->hosts;
    do {
        if (begin(stream, error))
            continue;
        struct pollfd ready = {.fd = stream->coming, .events = POLLOUT};
        now_us = clock_now_us();
        if (poll(&ready, 1, now_us < end_us ? (int)((end_us - now_us) / 1000) : 0) == 1) {
            if (!finish(stream, error))
                return 0;
        } else {
            abandon(stream);
            fail(stream, ETIMEDOUT, error);
        }
    } while (stream->host && clock_now_us() < end_us);
    return -1;
}

static void drop(struct stream *stream)
{
    int fd = stream->port.fd;
    abandon(stream);
    console_port_detach(&stream->port);
    if (fd >= 0)
        close(fd);
}

/* ---- coming back after a loss: never waits ---- */

static void try_later(struct stream *stream, uint64_t now_us, const struct error *error)
{
    if (now_us - stream->lost_us > RETRY_LIMIT_US) {
        event_put(stream->port.env.sink, EVENT_RIG, stream->port.role, "lost", error->text);
        return;
    }
    loop_timer_set(stream->retry, now_us + stream->pause_us);
    stream->pause_us *= 2;
}

static void on_connected(void *arg, int fd, uint32_t events)
{
    struct stream *stream = arg;
    struct error error = {0};
    if (finish(stream, &error)) {
        try_later(stream, clock_now_us(), &error);
        return;
    }
    loop_timer_set(stream->retry, LOOP_NEVER);
    event_put(stream->port.env.sink, EVENT_NOTE, stream->port.role, "reopened",
              stream->config->path ? stream->config->path : stream->config->tcp);
}

static void on_retry(void *arg, uint64_t now_us)
{
    struct stream *stream = arg;
    struct error error = {0};
    if (stream->coming >= 0) { /* no answer since the last time */
        abandon(stream);
        fail(stream, ETIMEDOUT, &error);
        try_later(stream, now_us, &error);
    } else if (begin(stream, &error)) {
        try_later(stream, now_us, &error);
    } else {
        stream->coming_source =
            loop_add_fd(stream->port.env.loop, stream->coming, EPOLLOUT, on_connected, stream);
        loop_timer_set(stream->retry, now_us + CONNECT_LIMIT_MS * 1000u);
    }
}

static void on_lost(struct console_port *port, const char *why)
{
    struct stream *stream = (struct stream *)port;
    event_put(port->env.sink, EVENT_NOTE, port->role, "lost", why);
    drop(stream);
    stream->lost_us = clock_now_us();
    stream->pause_us = 2 * RETRY_FIRST_US;
    loop_timer_set(stream->retry, stream->lost_us + RETRY_FIRST_US);
}

/* ---- the driver ---- */

static void stream_close(void *self)
{
    struct stream *stream = self;
    loop_remove(stream->retry);
    drop(stream);
    console_port_release(&stream->port);
    if (stream->hosts)
        freeaddrinfo(stream->hosts);
    free(stream);
}

static int stream_open(const struct driver_env *env, const void *data, void **self, struct error *error)
{
    const struct config *config = data;
    if (!config->path == !config->tcp)
        return error_set(error, ERROR_INPUT, "stream: expected either \"path\" or \"tcp\"");
    if (config->tcp && clock_is_virtual())
        return error_set(error, ERROR_INPUT,
                         "%s: who is at its other end lives in this computer's time: the rack needs "
                         "\"virtual\": {\"time\": \"real\"}",
                         config->tcp);
    struct stream *stream = mem_alloc(sizeof *stream);
    console_port_init(&stream->port, env, on_lost);
    stream->config = config;
    stream->coming = -1;
    stream->retry = loop_add_timer(env->loop, LOOP_NEVER, on_retry, stream);
    if ((config->tcp && resolve(stream, error)) || attach(stream, error)) {
        stream_close(stream);
        return -1;
    }
    *self = stream;
    return 0;
}

static int write_data(void *self, const void *data, size_t len, struct error *error)
{
    return console_port_write(self, data, len, error);
}

static struct link *get_link(void *self)
{
    return &((struct stream *)self)->port.link;
}

static void claim(const void *data, char *key, size_t size)
{
    const struct config *config = data;
    char path[PATH_MAX];
    file_path_tidy(config->path ? config->path : "", path, sizeof path);
    snprintf(key, size, "stream:%s", config->path ? path : config->tcp ? config->tcp : "");
}

static int examine(const struct driver_env *env, const void *config, char *advice, size_t size,
                   struct error *error)
{
    void *self = NULL;
    if (stream_open(env, config, &self, error)) {
        snprintf(advice, size,
                 "is the server at the other end running (ser2net, QEMU), does it listen there, may you "
                 "reach it?");
        return -1;
    }
    stream_close(self);
    return 0;
}

static const struct console_ops ops = {.write = write_data, .link = get_link};
const struct driver console_stream_driver = {.name = "stream",
                                             .help =
                                                 "a unix or TCP socket (ser2net, QEMU, a terminal server)",
                                             .kind = DRIVER_CONSOLE,
                                             .options = options,
                                             .config_size = sizeof(struct config),
                                             .claim = claim,
                                             .open = stream_open,
                                             .close = stream_close,
                                             .console = &ops,
                                             .examine = examine};
