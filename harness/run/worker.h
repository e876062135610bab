/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The worker: opens the rigs and walks through the cases, one at a time on each place. A process of its own
 * under the supervisor (cmd_run.c): whatever happens to it, the supervisor puts the rails into their safe
 * state. */
#ifndef OTARIG_RUN_WORKER_H
#define OTARIG_RUN_WORKER_H

#include <stdbool.h>
#include <cjson/cJSON.h>

#include "harness/plan/plan.h"

/* Everything a run needs, loaded and checked; what `otarig run` and its worker share. */
struct job {
    struct rack rack;
    struct board board;
    struct image_set images;
    struct plan_file *files;
    size_t file_count;
    struct job_case {
        size_t file, index;
        char *id; /* of the case; with "#n" when repeated */
    } * cases;
    size_t case_count;
    struct job_skipped {
        char *id;
        size_t file;
        char **reasons; /* NULL-terminated */
    } * skipped;        /* cases that this board or place cannot be asked for */
    size_t skipped_count;
    const struct rack_place **places; /* those that take part */
    size_t place_count;
    char *folder; /* of the run */
};

/* `spec`: {rack, firmware, boards, scenarios[], vary[], seed, repeat, places[], folder, cases[] (ids, empty:
 * all), named[] (of the scenarios: those that were named one by one, and so must not be skipped)} */
int job_load(struct job *job, const cJSON *spec, struct error *error);
void job_release(struct job *job);
char *job_case_folder(const struct job *job, size_t index);

/* Runs the cases whose folder does not exist yet. Prints "begin INDEX PLACE" and "end INDEX PLACE MS" lines
 * for the supervisor. Returns an exit code: 0, 3 rig cannot be opened, 130. */
int worker_run(struct job *job, uint64_t seed, const cJSON *align);
/* Opens the power drivers of the job's places and closes them again, which leaves the safe state. */
int worker_make_safe(struct job *job);
/* Of one place. 0, or 3 when the driver cannot be opened (said on stderr). */
int worker_make_place_safe(const struct job *job, const struct rack_place *place);

#endif
