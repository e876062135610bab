/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One lock for each physical device, so that two runs never share a relay, a probe or a port. The lock is
 * flock(2) on a file in the lock folder: it goes with the process that holds it, however that dies. */
#ifndef OTARIG_RACK_LOCK_H
#define OTARIG_RACK_LOCK_H

#include "harness/base/error.h"

/* One folder for the machine, whoever asks and in whatever session: the first of /run/lock/otarig,
 * /var/lock/otarig and /tmp/otarig-locks that is there with mode 1777 or whose parent has it; made when
 * absent. $OTARIG_LOCKS instead, for racks that nobody else can reach. A container has locks of its own
 * unless that folder is shared with it. */
const char *lock_folder(struct error *error);
/* Takes the lock of `key` without waiting. *fd holds it. A held one is ERROR_RIG and names the process
 * that holds it, its command line and its place (`holder`). The
 * same process may take one key several times (eight places on one relay board). */
int lock_take(const char *key, const char *holder, int *fd, struct error *error);
void lock_release(int fd); /* -1 is allowed */

#endif
