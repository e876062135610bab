/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was found in aligned starts, before it is written down: shared by propose.c and propose_find.c. */
#ifndef OTARIG_BOARD_PROPOSE_WORK_H
#define OTARIG_BOARD_PROPOSE_WORK_H

#include "harness/board/propose.h"

#define PROPOSE_NONE ((size_t)-1)

/* A line that is to be a mark. */
struct propose_found {
    const struct align_cluster *cluster;
    size_t piece; /* PROPOSE_NONE: no group */
    char *expression;
};

struct propose_work {
    const struct align *align;
    struct proposal *out;
    cJSON *marks, *facts, *phases;
    struct propose_found boot, app, version, swap, revert;
    bool cold_told, version_told, hash_told;
    char cold_value[24];
};

/* Fills in boot, app, version, swap, revert and what they tell; a cluster that is NULL was not found. The
 * expressions are the caller's. */
void propose_find(struct propose_work *work);
/* For how long is the board busy after this line: until the next one that every start has? */
double propose_busy_ms(const struct align *align, const struct align_hit *hit);

#endif
