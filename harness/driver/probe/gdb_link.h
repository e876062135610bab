/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A connection to a GDB server: one request is under way at a time, each with a deadline. After GDB_LATE or
 * GDB_LOST the connection is worth nothing any more: close it. */
#ifndef OTARIG_DRIVER_PROBE_GDB_LINK_H
#define OTARIG_DRIVER_PROBE_GDB_LINK_H

#include "harness/driver/probe/gdb_rsp.h"
#include "harness/io/loop.h"

enum gdb_end { GDB_REPLY, GDB_LATE, GDB_LOST };
/* gdb_link_close() is allowed in each of them. */
struct gdb_link_events {
    /* Once for each request; `text` is unescaped and has a NUL behind it; what went wrong when there is none.
     */
    void (*reply)(void *arg, enum gdb_end end, const char *text, size_t len);
    /* The core stopped while no request was under way that asks for it. */
    void (*stopped)(void *arg, const struct gdb_stop *stop);
    /* What a monitor command or the target prints. */
    void (*print)(void *arg, const char *text);
    /* No request was under way when the connection broke. */
    void (*lost)(void *arg, const char *why);
};
struct gdb_link;

/* Takes over a connected stream socket. */
struct gdb_link *gdb_link_open(struct loop *loop, int fd, const struct gdb_link_events *events, void *arg);
/* A request; `stop_answers`: a stop reply is its reply (?, s, vAttach), else it is an event. */
void gdb_link_ask(struct gdb_link *link, const void *data, size_t len, bool stop_answers,
                  uint64_t deadline_us);
bool gdb_link_busy(const struct gdb_link *link);
/* A packet that has no reply of its own (c, vCont;c, R). */
void gdb_link_tell(struct gdb_link *link, const char *text);
/* 0x03: the core shall stop; a stop event follows. */
void gdb_link_interrupt(struct gdb_link *link);
/* After the server said OK to QStartNoAckMode. */
void gdb_link_no_acks(struct gdb_link *link);
void gdb_link_close(struct gdb_link *link); /* NULL is allowed; no callback */

#endif
