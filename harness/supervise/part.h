/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A part of a job (job_parts): the virtual rack of its places, and the worker at them. */
#ifndef OTARIG_SUPERVISE_PART_H
#define OTARIG_SUPERVISE_PART_H

#include "harness/io/child.h"
#include "harness/rack/virtual_rack.h"
#include "harness/supervise/job.h"

struct part {
    struct loop *loop;
    const struct job *job;
    const char *folder; /* of the run; the owner's, as all above */
    size_t number, count;
    int alive; /* a descriptor that the worker keeps open as long as it lives; -1: none */
    void (*line)(void *arg, const struct part *part, int stream, const char *text, size_t len);
    void *arg;
    struct virtual_rack rack;
    struct child *worker; /* NULL: none runs */
    bool ended, over;     /* the worker has; the part is through */
    int status;           /* of the worker that ended */
    bool making_safe;     /* nothing ends that but its own end, and a slow switch takes seconds */
};

/* The racks of all parts of a job on a virtual rack; each takes up to 75 s. What was started is part_close's
 * to end, also after an error. */
int part_start_racks(struct part *parts, struct error *error);
/* `otarig worker VERB` at it. */
int part_start(struct part *part, const char *verb, struct error *error);
/* Until that has ended; the loop runs meanwhile. */
int part_await(struct part *part, struct error *error);
void part_close(struct part *part);

#endif
