/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/driver/pty_bridge.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "harness/base/mem.h"

#define WAITING_MAX (1u << 20)

struct pty_bridge {
    struct link *link;
    struct pty_bridge_events events;
    void *arg;
    int master, slave; /* the slave stays open: a program may close it and open it again */
    char path[64];
    struct loop_source *source;
    uint8_t *waiting; /* from the board, until the program reads */
    size_t waiting_len;
    uint64_t sent;
    bool broken;
};

/* 0: nothing there. */
static size_t move_out(struct pty_bridge *bridge)
{
    uint8_t data[4096];
    struct error error = {0};
    ssize_t n = read(bridge->master, data, sizeof data);
    if (n <= 0)
        return 0;
    if (!bridge->broken && bridge->link->send(bridge->link, data, (size_t)n, &error)) {
        bridge->broken = true;
        bridge->events.broken(bridge->arg, error.text);
    }
    bridge->sent += (size_t)n;
    return (size_t)n;
}

static void move_in(struct pty_bridge *bridge)
{
    ssize_t n = write(bridge->master, bridge->waiting, bridge->waiting_len);
    if (n > 0) {
        bridge->waiting_len -= (size_t)n;
        memmove(bridge->waiting, bridge->waiting + n, bridge->waiting_len);
    }
    loop_fd_events(bridge->source, EPOLLIN | (bridge->waiting_len ? EPOLLOUT : 0));
}

static void on_ready(void *arg, int fd, uint32_t events)
{
    struct pty_bridge *bridge = arg;
    if (events & EPOLLOUT)
        move_in(bridge);
    if (events & EPOLLIN)
        move_out(bridge);
}

/* A program that does not read loses the rest, as on a serial line. */
static void on_receive(void *arg, const void *data, size_t len, uint64_t t_us)
{
    struct pty_bridge *bridge = arg;
    if (bridge->waiting_len + len <= WAITING_MAX) {
        bridge->waiting = mem_resize(bridge->waiting, bridge->waiting_len + len, 1);
        memcpy(bridge->waiting + bridge->waiting_len, data, len);
        bridge->waiting_len += len;
        move_in(bridge);
    }
    /* what the owner hears may be what it waits for: it closes the bridge then */
    const struct pty_bridge_events events = bridge->events;
    void *owner = bridge->arg;
    if (events.answered)
        events.answered(owner, bridge->sent);
    if (events.heard)
        events.heard(owner, data, len);
}

static int open_pair(struct pty_bridge *bridge, struct error *error)
{
    struct termios mode;
    bridge->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (bridge->master < 0 || grantpt(bridge->master) || unlockpt(bridge->master) ||
        ptsname_r(bridge->master, bridge->path, sizeof bridge->path))
        return error_set_errno(error, ERROR_SYSTEM, errno, "a pseudo terminal");
    bridge->slave = open(bridge->path, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (bridge->slave < 0 || tcgetattr(bridge->slave, &mode))
        return error_set_errno(error, ERROR_SYSTEM, errno, "%s", bridge->path);
    cfmakeraw(&mode);
    cfsetspeed(&mode, B115200);
    if (tcsetattr(bridge->slave, TCSANOW, &mode))
        return error_set_errno(error, ERROR_SYSTEM, errno, "%s", bridge->path);
    return 0;
}

struct pty_bridge *pty_bridge_open(struct loop *loop, struct link *link,
                                   const struct pty_bridge_events *events, void *arg, struct error *error)
{
    struct pty_bridge *bridge = mem_alloc(sizeof *bridge);
    *bridge = (struct pty_bridge){.link = link, .events = *events, .arg = arg, .master = -1, .slave = -1};
    if (open_pair(bridge, error)) {
        bridge->link = NULL;
        pty_bridge_close(bridge);
        return NULL;
    }
    bridge->source = loop_add_fd(loop, bridge->master, EPOLLIN, on_ready, bridge);
    link->receive = on_receive;
    link->receive_arg = bridge;
    return bridge;
}

const char *pty_bridge_path(const struct pty_bridge *bridge)
{
    return bridge->path;
}

void pty_bridge_close(struct pty_bridge *bridge)
{
    if (!bridge)
        return;
    if (bridge->link) {
        bridge->link->receive = NULL;
        while (move_out(bridge))
            ;
    }
    loop_remove(bridge->source);
    if (bridge->slave >= 0)
        close(bridge->slave);
    if (bridge->master >= 0)
        close(bridge->master);
    free(bridge->waiting);
    free(bridge);
}
