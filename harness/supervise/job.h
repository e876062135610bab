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
    size_t part, parts; /* see job_take_part; 0 of 1 */
    char *folder;       /* of the run */
};

/* `spec`: {rack, firmware, boards, scenarios[], vary[], seed, repeat, places[], folder, cases[] (ids, empty:
 * all), named[] (of the scenarios: those that were named one by one, and so must not be skipped)} */
int job_load(struct job *job, const cJSON *spec, struct error *error);
void job_release(struct job *job);
/* Into how many parts this job falls that know nothing of each other: on a virtual rack in a time of its own
 * each place is one, with a rack of its own, so that no place waits for what another one computes. */
size_t job_parts(const struct job *job);
/* Leaves the place of part `part` of `parts`, and every so-many-th case: which place has which case must not
 * depend on who is done first. */
void job_take_part(struct job *job, size_t part, size_t parts);
bool job_has_case(const struct job *job, size_t index); /* it is of this part */
char *job_case_folder(const struct job *job, size_t index);

#endif
