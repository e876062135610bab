/* The plan of one case: immutable, complete, checked against board and place; no descriptors, no clock. */
#ifndef OTARIG_PLAN_PLAN_H
#define OTARIG_PLAN_PLAN_H

#include "harness/plan/board.h"
#include "harness/plan/image.h"
#include "harness/plan/rack.h"
#include "harness/plan/scenario.h"
#include "harness/plan/variation.h"

struct plan {
    char *id; /* case id */
    struct scenario scenario;
    cJSON *values;                  /* variation */
    const struct board *board;      /* borrowed */
    const struct image_set *images; /* borrowed */
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

/* Builds and checks the plan of case `index`: marks and watches exist in the board, images in the set, the
 * fault names and image names are known, the clauses possible. */
int plan_build(const struct plan_file *file, size_t index, const struct board *board,
               const struct image_set *images, struct plan *plan, struct error *error);
void plan_release(struct plan *plan);
/* Does it speak with the update client, in its steps or for the clean update? */
bool plan_updates(const struct plan *plan);
/* Leaves out what nobody can judge at this place (G5, G6): the verdict says so and why. */
void plan_fit(struct plan *plan, const struct rack_place *place);
#define PLAN_REASONS_MAX 10
/* All reasons why this case cannot be run there (static texts); 0: it can. */
size_t plan_unfit(const struct plan *plan, const struct rack_place *place,
                  const char *reasons[PLAN_REASONS_MAX]);
/* Does this place have what the scenario needs, by its "needs" and by its steps? -1 with the message. */
int plan_check_place(const struct plan *plan, const struct rack_place *place, struct error *error);
/* The fields of EVENT_CASE (verdict.h); the caller frees. */
cJSON *plan_case_fields(const struct plan *plan, const char *place);

#endif
