/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The worker: opens the rigs and walks through the cases, one at a time on each place. A process of its own
 * under the supervisor (supervise.h): whatever happens to it, the supervisor puts the rails into their safe
 * state. */
#ifndef OTARIG_SUPERVISE_WORKER_H
#define OTARIG_SUPERVISE_WORKER_H

#include "harness/supervise/job.h"

/* Runs the cases whose folder does not exist yet. Prints "begin INDEX PLACE" and "end INDEX PLACE MS" lines
 * for the supervisor. Returns an exit code: 0, 3 rig cannot be opened, 130. */
int worker_run(struct job *job, uint64_t seed, const cJSON *align);
/* Opens the power drivers of the job's places and closes them again, which leaves the safe state. */
int worker_make_safe(struct job *job);
/* Of one place. 0, or 3 when the driver cannot be opened (said on stderr). */
int worker_make_place_safe(const struct job *job, const struct rack_place *place);

#endif
