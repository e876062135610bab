/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The plan of one case: immutable, complete, checked against board and place; no descriptors, no clock. */
#ifndef OTARIG_PLAN_PLAN_H
#define OTARIG_PLAN_PLAN_H

#include "harness/board/board.h"
#include "harness/board/image.h"
#include "harness/rack/rack.h"
#include "harness/plan/scenario.h"
#include "harness/plan/variation.h"

#define PLAN_REASONS_MAX 10

struct plan {
    char *id; /* case id */
    struct scenario scenario;
    cJSON *values;                  /* variation */
    const struct board *board;      /* borrowed */
    const struct image_set *images; /* borrowed */
    /* What board or images lack for it: each as a message. A case that has any is not run. */
    char unfit[PLAN_REASONS_MAX][240];
    size_t unfit_count;
};

/* One scenario file with all its cases. */
struct plan_file {
    struct json_document document;
    char *name;
    struct variations variations;
};
int plan_file_load(const char *path, const char *const *vary, uint64_t seed, struct plan_file *file,
                   struct error *error);
void plan_file_release(struct plan_file *file);

/* Builds and checks the plan of case `index`. What board and images lack for it is no error but a reason in
 * `unfit`: marks, watches and phases of the board, images of the set, clauses that could not be judged. */
int plan_build(const struct plan_file *file, size_t index, const struct board *board,
               const struct image_set *images, struct plan *plan, struct error *error);
void plan_release(struct plan *plan);
/* Does it speak with the update client, in its steps or for the clean update? */
bool plan_updates(const struct plan *plan);
/* Leaves out what nobody can judge at this place (G5, G6): the verdict says so and why. */
void plan_fit(struct plan *plan, const struct rack_place *place);
/* Adds to `unfit` what the place lacks for it; `place` may be NULL: nothing. */
void plan_find_unfit(struct plan *plan, const struct rack_place *place);
/* Are there two images, of those that may run in this case, that no source at this place can tell apart? The
 * first such pair, as a message. */
bool plan_images_alike(const struct plan *plan, const struct rack_place *place, char *text, size_t size);
/* Does this place have what the scenario needs, and nothing is unfit? -1 with the first message. */
int plan_check_place(struct plan *plan, const struct rack_place *place, struct error *error);
/* The fields of EVENT_CASE (verdict.h); the caller frees. */
cJSON *plan_case_fields(const struct plan *plan, const char *place);

#endif
