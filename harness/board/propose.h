/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From aligned starts of a healthy board to a board file: marks with groups, phases, limits, the facts that
 * rest on them. A pure function: what it cannot learn it says. */
#ifndef OTARIG_BOARD_PROPOSE_H
#define OTARIG_BOARD_PROPOSE_H

#include <cjson/cJSON.h>

#include "harness/board/align.h"

#define PROPOSE_GAPS_MAX 12

struct proposal {
    cJSON *board;    /* a whole board file: what was given, with what was learnt */
    cJSON *evidence; /* {marks: {name: {expression, lines, seen: {cold, ...}}}, times: {...}} */
    /* What could not be learnt, and what to do about it. */
    char gaps[PROPOSE_GAPS_MAX][260];
    size_t gap_count;
};

/* `given` is a board file that parses; it lends name, memory, images and the sources that are no marks. Its
 * marks are replaced; those of lines that a healthy board does not print ("reject") are kept. */
void propose_board(const struct align *align, const cJSON *given, struct proposal *out);
void proposal_release(struct proposal *proposal);

/* The value below which 99 of 100 lie (nearest rank); with less than 100 values the largest. 0: no value. */
double propose_p99(double *values, size_t count);

#endif
