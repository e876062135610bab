/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses to be listened at. They are in numbers: no name is looked up, so it is clear what is bound. */
#ifndef OTARIG_IO_LISTEN_H
#define OTARIG_IO_LISTEN_H

#include <sys/socket.h>

struct listen_address {
    struct sockaddr_storage at;
    socklen_t len;
};

/* HOST:PORT or [HOST]:PORT. -1: it is none. */
int listen_parse(const char *text, struct listen_address *out);
/* A socket of `type` (SOCK_STREAM, SOCK_DGRAM) that is bound there, non-blocking; *port is what it got. A
 * stream is not listened at yet. -1 with errno. */
int listen_bind(const struct listen_address *address, int type, unsigned *port);

#endif
