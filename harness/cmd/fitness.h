/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which scenarios a board, at a place, can be asked for; which not, and why. */
#ifndef OTARIG_CMD_FITNESS_H
#define OTARIG_CMD_FITNESS_H

#include <cjson/cJSON.h>

#include "harness/plan/plan.h"

/* Adds to `one` (an entry of `otarig scenarios`): "runs", how many of its cases; "not_judged": [{clause,
 * why}]; "reasons", all why the others do not. `place` may be NULL: of the board alone. */
int fitness_add(cJSON *one, const char *path, const struct board *board, const struct image_set *images,
                const struct rack_place *place, struct error *error);

#endif
