/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The time of an exploration's cut, as a delay after a console mark: for rigs without a probe. */
#ifndef OTARIG_REPLAY_AIM_TIME_H
#define OTARIG_REPLAY_AIM_TIME_H

#include <cjson/cJSON.h>

#include "harness/board/board.h"
#include "harness/run/marks.h"

struct aim_time {
    const char *path; /* of live.json, for messages */
    struct board board;
    struct marks *marks;
    double jitter_ms; /* of the power switch: it scatters evenly by +- this much */
    double hits;      /* the share of runs in which every cut so far falls into its time */
};

/* `board`: a name or a file. */
int aim_time_open(struct aim_time *aim, const char *path, const char *board, double jitter_ms,
                  struct error *error);
void aim_time_close(struct aim_time *aim);
/* A trigger at the middle of the cut's time, after the mark that `old` waits for ("boot" when it waits for
 * none). The caller owns it. NULL: not possible, with the reason. */
cJSON *aim_time_trigger(struct aim_time *aim, const cJSON *cut, const cJSON *old, struct error *error);
/* How many runs hit all cuts at least once, with 95 %. */
unsigned aim_time_runs(const struct aim_time *aim);

#endif
