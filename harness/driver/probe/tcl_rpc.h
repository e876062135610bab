/* SPDX-License-Identifier: GPL-2.0-or-later */
/* OpenOCD's Tcl RPC (OpenOCD User's Guide, "Tcl RPC server"): a command, 0x1a; a reply, 0x1a. A failure is
 * not marked in the reply, so every command is wrapped and its reply begins with its code. One command is
 * under way at a time. */
#ifndef OTARIG_DRIVER_PROBE_TCL_RPC_H
#define OTARIG_DRIVER_PROBE_TCL_RPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/io/loop.h"

#define TCL_REPLY_MAX (4u << 20)

struct tcl_rpc;
enum tcl_end {
    TCL_OK,
    TCL_ERROR /* the command failed: text says why */,
    TCL_LOST /* connection gone */,
    TCL_LATE
};

/* Connects to 127.0.0.1:port. `ended` is called once for each command. */
struct tcl_rpc *tcl_open(struct loop *loop, unsigned port,
                         void (*ended)(void *arg, enum tcl_end end, const char *text), void *arg,
                         struct error *error);
/* Takes an open stream socket (tests). */
struct tcl_rpc *tcl_open_fd(struct loop *loop, int fd,
                            void (*ended)(void *arg, enum tcl_end end, const char *text), void *arg);
void tcl_send(struct tcl_rpc *rpc, const char *command, uint64_t deadline_us /* relative */);
void tcl_close(struct tcl_rpc *rpc); /* NULL is allowed; no callback */

#endif
