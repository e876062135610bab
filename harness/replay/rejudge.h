/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A run's result.json against its journals: what a report says must be what anybody can judge again. */
#ifndef OTARIG_REPLAY_REJUDGE_H
#define OTARIG_REPLAY_REJUDGE_H

#include <stddef.h>
#include <cjson/cJSON.h>

#include "harness/base/error.h"
#include "harness/record/verdict.h"

struct rejudged {
    size_t judged, without_journal;
    size_t differ; /* result.json tells them otherwise than their journals, or not at all, or the journal
                      cannot be read */
};

/* One case, as it was found. */
struct rejudged_case {
    cJSON *one;                    /* of result.json; NULL: it does not name this case */
    const char *folder;            /* in the run's */
    const char *journal;           /* its path */
    const struct verdict *verdict; /* of the journal; NULL: there is none */
    const cJSON *fields;           /* what the journal says of the case; NULL: nothing */
    const char *told;              /* how the two differ; NULL: they do not, or the journal is gone */
};

/* Judges the journal of every case of a result that result_read() took, one after the other, then looks for
 * journals in FOLDER/cases that the result does not name (a run that ended early may have as many as it has
 * cases without a verdict). `each` (may be NULL) may change the case that it gets. Blocks for some
 * milliseconds a case. */
void rejudge(cJSON *result, const char *folder, struct rejudged *sum,
             void (*each)(void *arg, const struct rejudged_case *found), void *arg);

#endif
