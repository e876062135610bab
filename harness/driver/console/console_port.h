/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What all consoles share: a descriptor in the loop, its input as events and through a link, its output
 * queued. */
#ifndef OTARIG_DRIVER_CONSOLE_CONSOLE_PORT_H
#define OTARIG_DRIVER_CONSOLE_CONSOLE_PORT_H

#include "harness/driver/driver.h"

struct console_port {
    struct link link; /* first member: the link of console_ops */
    struct driver_env env;
    char *role;
    int fd; /* -1: not open */
    struct loop_source *source;
    uint8_t *queue;
    size_t queue_len;
    bool may_be_away; /* the port goes with the board's power: what is sent meanwhile nobody hears */
    void (*lost)(struct console_port *port,
                 const char *why); /* the other end is gone; port->fd is still open */
};

void console_port_init(struct console_port *port, const struct driver_env *env,
                       void (*lost)(struct console_port *port, const char *why));
void console_port_attach(struct console_port *port, int fd); /* non-blocking; stays the caller's to close */
void console_port_detach(struct console_port *port);
void console_port_release(struct console_port *port);
int console_port_write(struct console_port *port, const void *data, size_t len, struct error *error);

#endif
