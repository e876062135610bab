/* One lock for each physical device, so that two runs never share a relay, a probe or a port. The lock is
 * flock(2) on a file in the lock folder: it goes with the process that holds it, however that dies. */
#ifndef OTARIG_RUN_LOCK_H
#define OTARIG_RUN_LOCK_H

#include "harness/base/error.h"

/* $OTARIG_LOCKS, else $XDG_RUNTIME_DIR/otarig, else /tmp/otarig-UID; made when absent. */
const char *lock_folder(struct error *error);
/* Takes the lock of `key` without waiting. *fd holds it. A held one is ERROR_RIG and names the holder. The
 * same process may take one key several times (eight places on one relay board). */
int lock_take(const char *key, const char *holder, int *fd, struct error *error);
void lock_release(int fd); /* -1 is allowed */

#endif
