/* Console "stream": a unix or TCP socket (ser2net, QEMU, a terminal server). */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/driver/console_port.h"
#include "harness/driver/table.h"

#define CONNECT_LIMIT_MS 1500
#define RETRY_US 200000u
#define RETRY_LIMIT_US 5000000u

struct config {
    char *path, *tcp;
};

static const struct option_spec options[] = {
    {.name = "path",
     .help = "unix socket; a relative one lies in the virtual rack's folder",
     .type = OPTION_STRING,
     .offset = offsetof(struct config, path)},
    {.name = "tcp", .help = "HOST:PORT", .type = OPTION_STRING, .offset = offsetof(struct config, tcp)},
    {0},
};

struct stream {
    struct console_port port; /* first member */
    const struct config *config;
    struct loop_source *retry;
    uint64_t lost_us;
};

static int connect_unix(const char *path, struct error *error)
{
    const char *rack = getenv("OTARIG_RACK");
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    char *full = path[0] == '/' || !rack ? mem_string(path) : mem_printf("%s/%s", rack, path);
    int fd = -1;
    if (strlen(full) >= sizeof where.sun_path) {
        error_set(error, ERROR_INPUT, "%s: too long for a unix socket", full);
    } else {
        memcpy(where.sun_path, full, strlen(full) + 1);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || connect(fd, (struct sockaddr *)&where, sizeof where)) {
            error_set_errno(error, ERROR_RIG, errno, "%s", full);
            if (fd >= 0)
                close(fd);
            fd = -1;
        }
    }
    free(full);
    return fd;
}

static int connect_within_limit(const struct addrinfo *to)
{
    int fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), why = 0;
    socklen_t len = sizeof why;
    if (fd < 0)
        return -1;
    if (connect(fd, to->ai_addr, to->ai_addrlen) && errno == EINPROGRESS) {
        struct pollfd ready = {.fd = fd, .events = POLLOUT};
        errno = ETIMEDOUT;
        if (poll(&ready, 1, CONNECT_LIMIT_MS) == 1 && !getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &len))
            errno = why;
    } else {
        why = 0;
        errno = 0;
    }
    if (!errno)
        return fd;
    why = errno;
    close(fd);
    errno = why;
    return -1;
}

static int connect_tcp(const char *text, struct error *error)
{
    char *host = mem_string(text), *colon = strrchr(host, ':');
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
    int fd = -1;
    if (!colon) {
        error_set(error, ERROR_INPUT, "%s: expected HOST:PORT", text);
    } else {
        *colon = 0;
        int code = getaddrinfo(host, colon + 1, &hints, &list);
        if (code)
            error_set(error, ERROR_RIG, "%s: %s", text, gai_strerror(code));
        else if ((fd = connect_within_limit(list)) < 0)
            error_set_errno(error, ERROR_RIG, errno, "%s", text);
        if (!code)
            freeaddrinfo(list);
    }
    free(host);
    return fd;
}

static int attach(struct stream *stream, struct error *error)
{
    int fd = stream->config->path ? connect_unix(stream->config->path, error)
                                  : connect_tcp(stream->config->tcp, error);
    if (fd < 0)
        return -1;
    fcntl(fd, F_SETFL, O_NONBLOCK);
    console_port_attach(&stream->port, fd);
    return 0;
}

static void drop(struct stream *stream)
{
    int fd = stream->port.fd;
    console_port_detach(&stream->port);
    if (fd >= 0)
        close(fd);
}

static void on_retry(void *arg, uint64_t now_us)
{
    struct stream *stream = arg;
    struct error error = {0};
    if (!attach(stream, &error))
        return;
    if (now_us - stream->lost_us > RETRY_LIMIT_US)
        event_put(stream->port.env.sink, EVENT_RIG, stream->port.role, "lost", error.text);
    else
        loop_timer_set(stream->retry, now_us + RETRY_US);
}

static void on_lost(struct console_port *port, const char *why)
{
    struct stream *stream = (struct stream *)port;
    event_put(port->env.sink, EVENT_NOTE, port->role, "lost", why);
    drop(stream);
    stream->lost_us = clock_now_us();
    loop_timer_set(stream->retry, stream->lost_us + RETRY_US);
}

static int stream_open(const struct driver_env *env, const void *data, void **self, struct error *error)
{
    const struct config *config = data;
    if (!config->path == !config->tcp)
        return error_set(error, ERROR_INPUT, "stream: expected either \"path\" or \"tcp\"");
    struct stream *stream = mem_alloc(sizeof *stream);
    console_port_init(&stream->port, env, on_lost);
    stream->config = config;
    stream->retry = loop_add_timer(env->loop, LOOP_NEVER, on_retry, stream);
    if (attach(stream, error)) {
        loop_remove(stream->retry);
        console_port_release(&stream->port);
        free(stream);
        return -1;
    }
    *self = stream;
    return 0;
}

static void stream_close(void *self)
{
    struct stream *stream = self;
    loop_remove(stream->retry);
    drop(stream);
    console_port_release(&stream->port);
    free(stream);
}

static int write_data(void *self, const void *data, size_t len, struct error *error)
{
    return console_port_write(self, data, len, error);
}

static struct link *get_link(void *self)
{
    return &((struct stream *)self)->port.link;
}

static int reopen(void *self, struct error *error)
{
    struct stream *stream = self;
    loop_timer_set(stream->retry, LOOP_NEVER);
    drop(stream);
    return attach(stream, error);
}

static void claim(const void *data, char *key, size_t size)
{
    const struct config *config = data;
    snprintf(key, size, "stream:%s", config->path ? config->path : config->tcp ? config->tcp : "");
}

static const struct console_ops ops = {.write = write_data, .link = get_link, .reopen = reopen};
const struct driver console_stream_driver = {.name = "stream",
                                             .help =
                                                 "a unix or TCP socket (ser2net, QEMU, a terminal server)",
                                             .kind = DRIVER_CONSOLE,
                                             .options = options,
                                             .config_size = sizeof(struct config),
                                             .claim = claim,
                                             .open = stream_open,
                                             .close = stream_close,
                                             .console = &ops};
