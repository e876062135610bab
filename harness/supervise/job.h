/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A run from its spec: rack, board, images and cases, loaded and checked before a device is touched. */
#ifndef OTARIG_SUPERVISE_JOB_H
#define OTARIG_SUPERVISE_JOB_H

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

#endif
