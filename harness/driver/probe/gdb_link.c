/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/driver/probe/gdb_link.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"

#define RESENDS_MAX 5

struct gdb_link {
    struct loop *loop;
    int fd;
    struct loop_source *source, *timer;
    struct gdb_link_events events;
    void *arg;
    struct gdb_reader reader;
    bool busy, stop_answers, acks, broken;
    unsigned resends;
    char *last; /* the packet that was sent last: a server may want it again */
    size_t last_len;
    char *queue;
    size_t queue_len;
    bool reading, closed; /* closed while input is being read: freed after that */
};

/* ---- the end of a request, of the connection ---- */

static void end(struct gdb_link *link, enum gdb_end how, const char *text, size_t len)
{
    if (!link->busy)
        return;
    link->busy = false;
    loop_timer_set(link->timer, LOOP_NEVER);
    link->events.reply(link->arg, how, text, len);
}

static void lose(struct gdb_link *link, const char *why)
{
    if (link->broken)
        return;
    link->broken = true;
    loop_remove(link->source);
    link->source = NULL;
    if (link->busy)
        end(link, GDB_LOST, why, strlen(why));
    else
        link->events.lost(link->arg, why);
}

static void on_late(void *arg, uint64_t now_us)
{
    struct gdb_link *link = arg;
    static const char text[] = "the GDB server does not answer in time";
    if (link->broken) { /* it broke while sending, see flush() */
        link->broken = false;
        lose(link, "the connection to the GDB server broke");
    } else {
        end(link, GDB_LATE, text, strlen(text));
    }
}

/* ---- out ---- */

/* Whoever sends does not expect a callback: a loss is told from the loop. */
static void flush(struct gdb_link *link)
{
    ssize_t n = link->broken ? 0 : send(link->fd, link->queue, link->queue_len, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        link->broken = true;
        loop_remove(link->source);
        link->source = NULL;
        loop_timer_set(link->timer, clock_now_us());
        return;
    }
    if (n > 0) {
        link->queue_len -= (size_t)n;
        memmove(link->queue, link->queue + n, link->queue_len);
    }
    if (link->source)
        loop_fd_events(link->source, EPOLLIN | (link->queue_len ? EPOLLOUT : 0));
}

static void put(struct gdb_link *link, const char *data, size_t len)
{
    link->queue = mem_resize(link->queue, link->queue_len + len, 1);
    memcpy(link->queue + link->queue_len, data, len);
    link->queue_len += len;
    flush(link);
}

static void put_packet(struct gdb_link *link, const void *data, size_t len)
{
    free(link->last);
    link->last_len = gdb_frame(data, len, &link->last);
    link->resends = 0;
    put(link, link->last, link->last_len);
}

void gdb_link_ask(struct gdb_link *link, const void *data, size_t len, bool stop_answers,
                  uint64_t deadline_us)
{
    link->busy = true;
    link->stop_answers = stop_answers;
    loop_timer_set(link->timer, clock_now_us() + (link->broken ? 0 : deadline_us));
    put_packet(link, data, len);
}

void gdb_link_tell(struct gdb_link *link, const char *text)
{
    put_packet(link, text, strlen(text));
}

void gdb_link_interrupt(struct gdb_link *link)
{
    put(link, "\x03", 1);
}

bool gdb_link_busy(const struct gdb_link *link)
{
    return link->busy;
}

void gdb_link_no_acks(struct gdb_link *link)
{
    link->acks = false;
}

/* ---- in ---- */

/* "O" and hex: what somebody prints, nothing at all to keep a connection alive. */
static bool is_print(const char *text, size_t len)
{
    return text[0] == 'O' && len % 2 && text[1] != 'K';
}

static void print(struct gdb_link *link, const char *text, size_t len)
{
    uint8_t *bytes = mem_alloc(len / 2 + 1);
    if (gdb_unhex(text + 1, len - 1, bytes, len / 2) > 0)
        link->events.print(link->arg, (char *)bytes);
    free(bytes);
}

static void on_packet(struct gdb_link *link)
{
    const char *text = link->reader.text;
    size_t len = link->reader.text_len;
    struct gdb_stop stop;
    if (is_print(text, len))
        print(link, text, len);
    else if (gdb_stop_parse(text, len, &stop) && !(link->busy && link->stop_answers))
        link->events.stopped(link->arg, &stop);
    else
        end(link, GDB_REPLY, text, len);
}

static void send_again(struct gdb_link *link)
{
    if (!link->last || ++link->resends > RESENDS_MAX)
        lose(link, "the GDB server does not understand its client");
    else
        put(link, link->last, link->last_len);
}

static void on_piece(struct gdb_link *link, enum gdb_piece piece)
{
    if (piece == GDB_BAD && !link->acks)
        lose(link, "the GDB server sent a garbled packet");
    else if (piece == GDB_BAD)
        put(link, "-", 1);
    else if (piece == GDB_NAK && link->acks)
        send_again(link);
    else if (piece == GDB_PACKET) {
        if (link->acks)
            put(link, "+", 1);
        on_packet(link);
    }
}

static void release(struct gdb_link *link)
{
    gdb_reader_release(&link->reader);
    free(link->last);
    free(link->queue);
    free(link);
}

static void read_input(struct gdb_link *link)
{
    char data[16384];
    ssize_t n = read(link->fd, data, sizeof data);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        lose(link, n < 0 ? strerror(errno) : "the GDB server closed the connection");
        return;
    }
    link->reading = true;
    for (ssize_t i = 0; i < n && !link->closed && !link->broken; i++)
        on_piece(link, gdb_read(&link->reader, (uint8_t)data[i]));
    link->reading = false;
    if (link->closed)
        release(link);
}

static void on_ready(void *arg, int fd, uint32_t events)
{
    struct gdb_link *link = arg;
    if (events & EPOLLOUT)
        flush(link);
    if (!link->broken && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
        read_input(link);
}

/* ---- open, close ---- */

struct gdb_link *gdb_link_open(struct loop *loop, int fd, const struct gdb_link_events *events, void *arg)
{
    struct gdb_link *link = mem_alloc(sizeof *link);
    *link = (struct gdb_link){.loop = loop, .fd = fd, .events = *events, .arg = arg, .acks = true};
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    link->source = loop_add_fd(loop, fd, EPOLLIN, on_ready, link);
    link->timer = loop_add_timer(loop, LOOP_NEVER, on_late, link);
    return link;
}

void gdb_link_close(struct gdb_link *link)
{
    if (!link)
        return;
    link->closed = true;
    loop_remove(link->source);
    loop_remove(link->timer);
    close(link->fd);
    if (!link->reading)
        release(link);
}
