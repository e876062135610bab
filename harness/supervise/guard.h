/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guard of a run: makes the rails safe when supervisor and worker are both gone, however they went. */
#ifndef OTARIG_SUPERVISE_GUARD_H
#define OTARIG_SUPERVISE_GUARD_H

#include "harness/io/child.h"
#include "harness/supervise/worker.h"

struct guard {
    struct child *child;
    int alive; /* write end of a pipe: held by us and by the worker (its descriptor 3), read by the guard; -1
                */
};

/* Starts it for the run in `folder`, in a session of its own. ERROR_SYSTEM. */
int guard_start(struct guard *guard, struct loop *loop, const char *folder, struct error *error);
/* The run is over in good order: the guard goes without doing anything. */
void guard_stop(struct guard *guard);

/* The guard itself: waits until its descriptor 3 is at its end, then makes the rails safe, except those that
 * another process has taken meanwhile. The exit code. */
int guard_main(struct job *job);

#endif
