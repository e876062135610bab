/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/driver/console/console_port.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"

#define QUEUE_MAX (1u << 20)

static int on_send(struct link *link, const void *data, size_t len, struct error *error)
{
    return console_port_write((struct console_port *)link, data, len, error);
}

void console_port_init(struct console_port *port, const struct driver_env *env,
                       void (*lost)(struct console_port *port, const char *why))
{
    *port = (struct console_port){
        .link = {.send = on_send}, .env = *env, .role = mem_string(env->role), .fd = -1, .lost = lost};
}

static void read_input(struct console_port *port)
{
    char data[4096];
    ssize_t n = read(port->fd, data, sizeof data);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        port->lost(port, n < 0 ? strerror(errno) : "closed");
        return;
    }
    const struct event event = {.kind = EVENT_INPUT,
                                .step = -1,
                                .t_us = clock_now_us(),
                                .source = port->role,
                                .what = "input",
                                .number = EVENT_NO_NUMBER,
                                .data = data,
                                .len = (size_t)n};
    port->env.sink->put(port->env.sink, &event);
    if (port->link.receive)
        port->link.receive(port->link.receive_arg, data, (size_t)n, event.t_us);
}

static void write_output(struct console_port *port)
{
    ssize_t n = write(port->fd, port->queue, port->queue_len);
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        port->lost(port, strerror(errno));
        return;
    }
    if (n > 0) {
        port->queue_len -= (size_t)n;
        memmove(port->queue, port->queue + n, port->queue_len);
    }
    loop_fd_events(port->source, EPOLLIN | (port->queue_len ? EPOLLOUT : 0));
}

static void on_ready(void *arg, int fd, uint32_t events)
{
    struct console_port *port = arg;
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        read_input(port);
    if (port->fd >= 0 && (events & EPOLLOUT))
        write_output(port);
}

void console_port_attach(struct console_port *port, int fd)
{
    port->fd = fd;
    port->queue_len = 0;
    port->source = loop_add_fd(port->env.loop, fd, EPOLLIN, on_ready, port);
    /* a mark's time is when it was read: before timers and everything else */
    loop_priority(port->source, -20);
    loop_fd_of_rack(port->source);
}

void console_port_detach(struct console_port *port)
{
    loop_remove(port->source);
    port->source = NULL;
    port->fd = -1;
}

void console_port_release(struct console_port *port)
{
    console_port_detach(port);
    free(port->queue);
    free(port->role);
}

int console_port_write(struct console_port *port, const void *data, size_t len, struct error *error)
{
    if (port->fd < 0 && port->may_be_away)
        return 0;
    if (port->fd < 0)
        return error_set(error, ERROR_RIG, "console: not open");
    if (port->queue_len + len > QUEUE_MAX)
        return error_set(error, ERROR_RIG,
                         "console: 1 MiB is waiting to be sent: nobody reads at the other end");
    port->queue = mem_resize(port->queue, port->queue_len + len, 1);
    memcpy(port->queue + port->queue_len, data, len);
    port->queue_len += len;
    write_output(port);
    return 0;
}
