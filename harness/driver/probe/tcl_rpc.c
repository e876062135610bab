/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/driver/probe/tcl_rpc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"

#define END_OF_MESSAGE 0x1a

struct tcl_rpc {
    struct loop *loop;
    int fd;
    struct loop_source *source, *timer;
    bool busy;
    char *reply;
    size_t len, room;
    void (*ended)(void *arg, enum tcl_end end, const char *text);
    void *arg;
};

static void end(struct tcl_rpc *rpc, enum tcl_end how, const char *text)
{
    if (!rpc->busy)
        return;
    rpc->busy = false;
    loop_timer_set(rpc->timer, LOOP_NEVER);
    rpc->ended(rpc->arg, how, text);
}

/* "<code>text" */
static void reply_complete(struct tcl_rpc *rpc)
{
    char *text = rpc->reply;
    char *close = text[0] == '<' ? strchr(text, '>') : NULL;
    rpc->len = 0;
    if (!close)
        end(rpc, TCL_ERROR, "a reply that is none");
    else
        end(rpc, close == text + 2 && text[1] == '0' ? TCL_OK : TCL_ERROR, close + 1);
}

static void lost(struct tcl_rpc *rpc)
{
    loop_remove(rpc->source);
    rpc->source = NULL;
    end(rpc, TCL_LOST, "the connection to OpenOCD is gone");
}

static void on_readable(void *arg, int fd, uint32_t events)
{
    struct tcl_rpc *rpc = arg;
    if (rpc->room - rpc->len < 4096)
        rpc->reply = mem_resize(rpc->reply, rpc->room = 2 * rpc->room + 8192, 1);
    ssize_t n = read(fd, rpc->reply + rpc->len, rpc->room - rpc->len - 1);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0 || rpc->len + (size_t)n > TCL_REPLY_MAX) {
        lost(rpc);
        return;
    }
    char *mark = memchr(rpc->reply + rpc->len, END_OF_MESSAGE, (size_t)n);
    rpc->len += (size_t)n;
    if (!mark)
        return;
    *mark = 0;
    /* nothing is under way: the late reply to a command that was given up; the caller restarts the server
     * anyway */
    if (rpc->busy)
        reply_complete(rpc);
    else
        rpc->len = 0;
}

static void on_late(void *arg, uint64_t now_us)
{
    end(arg, TCL_LATE, "no reply within the deadline");
}

struct tcl_rpc *tcl_open_fd(struct loop *loop, int fd,
                            void (*ended)(void *arg, enum tcl_end end, const char *text), void *arg)
{
    struct tcl_rpc *rpc = mem_alloc(sizeof *rpc);
    *rpc = (struct tcl_rpc){.loop = loop, .fd = fd, .ended = ended, .arg = arg};
    fcntl(fd, F_SETFL, O_NONBLOCK);
    rpc->source = loop_add_fd(loop, fd, EPOLLIN, on_readable, rpc);
    rpc->timer = loop_add_timer(loop, LOOP_NEVER, on_late, rpc);
    return rpc;
}

struct tcl_rpc *tcl_open(struct loop *loop, unsigned port,
                         void (*ended)(void *arg, enum tcl_end end, const char *text), void *arg,
                         struct error *error)
{
    struct sockaddr_in where = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    /* to a listening port on this host: does not block */
    if (fd < 0 || connect(fd, (struct sockaddr *)&where, sizeof where)) {
        error_set_errno(error, ERROR_RIG, errno, "openocd: Tcl port %u", port);
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return tcl_open_fd(loop, fd, ended, arg);
}

void tcl_send(struct tcl_rpc *rpc, const char *command, uint64_t deadline_us)
{
    char *text =
        mem_printf("set _c [catch {capture {%s}} _r]; set _x \"<$_c>$_r\"%c", command, END_OF_MESSAGE);
    rpc->busy = true;
    rpc->len = 0;
    loop_timer_set(rpc->timer, clock_now_us() + deadline_us);
    /* far below a socket's buffer; a short write is as good as a lost connection */
    ssize_t len = (ssize_t)strlen(text), n = send(rpc->fd, text, (size_t)len, MSG_NOSIGNAL);
    free(text);
    if (n != len)
        loop_timer_set(rpc->timer, clock_now_us());
}

void tcl_close(struct tcl_rpc *rpc)
{
    if (!rpc)
        return;
    loop_remove(rpc->source);
    loop_remove(rpc->timer);
    close(rpc->fd);
    free(rpc->reply);
    free(rpc);
}
