/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connecting to a stream socket without waiting: HOST:PORT or the path of a unix socket. */
#ifndef OTARIG_IO_DIAL_H
#define OTARIG_IO_DIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "harness/base/error.h"
#include "harness/io/loop.h"

struct dial;

/* `address`: what has a '/' or no ':' is a unix socket, a relative one in `folder` (NULL: where we are);
 * [::1]:2000 is fine. Resolving a name may block. ERROR_INPUT or ERROR_RIG. */
struct dial *dial_new(struct loop *loop, const char *address, const char *folder, struct error *error);
/* Tries all addresses of the host in turn; `patient`: again and again, for a server that is still starting.
 * `done` is called once, within limit_us, from the loop: `fd` is connected, non-blocking and the caller's, or
 * -1 and `why` says what is wrong (borrowed). */
void dial_begin(struct dial *dial, bool patient, uint64_t limit_us,
                void (*done)(void *arg, int fd, const char *why), void *arg);
void dial_stop(struct dial *dial); /* no callback */
void dial_free(struct dial *dial); /* NULL is allowed */

#endif
