/* SPDX-License-Identifier: GPL-2.0-or-later */
/* otarig run --strategy: rounds of runs of one scenario, the next times of its cut chosen by what the last
 * ones showed. */
#ifndef OTARIG_CAMPAIGN_CAMPAIGN_H
#define OTARIG_CAMPAIGN_CAMPAIGN_H

#include "harness/supervise/supervise.h"

struct campaign_options {
    const char *strategy; /* uniform, stratified, adaptive */
    double cuts;          /* at most this many */
    double confidence;    /* percent */
    double below;         /* stop when p(fail) of every phase is below this; 0: do not */
    double resolution;    /* of the times, in the unit of what is varied */
};

/* The scenario of the request must vary one thing over a range. Exit code as of `otarig run`. */
int campaign_run(struct run_request *request, const struct campaign_options *options);

#endif
