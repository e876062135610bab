/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A serial port for foreign programs whose other end is a link: what a program writes to the port goes
 * through the link, so faults on the link act on it as on every other client. */
#ifndef OTARIG_DRIVER_PTY_BRIDGE_H
#define OTARIG_DRIVER_PTY_BRIDGE_H

#include "harness/driver/driver.h"

struct pty_bridge_events {
    /* The board sent something; `sent` bytes went to it before. May be NULL. */
    void (*heard)(void *arg, const char *data, size_t len); /* NULL: nobody listens */
    void (*answered)(void *arg, uint64_t sent);
    void (*broken)(void *arg, const char *why); /* once: the link takes nothing any more */
};
struct pty_bridge;

/* Takes over the link's input until it is closed. Raw from the beginning: nothing is echoed or changed. NULL:
 * ERROR_SYSTEM. */
struct pty_bridge *pty_bridge_open(struct loop *loop, struct link *link,
                                   const struct pty_bridge_events *events, void *arg, struct error *error);
const char *pty_bridge_path(const struct pty_bridge *bridge); /* /dev/pts/N */
/* What the program wrote before it ended still goes out. NULL is allowed. */
void pty_bridge_close(struct pty_bridge *bridge);

#endif
