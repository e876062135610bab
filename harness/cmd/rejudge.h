/* A run's result.json against its journals: what a report says must be what anybody can judge again. */
#ifndef OTARIG_CMD_REJUDGE_H
#define OTARIG_CMD_REJUDGE_H

#include <stddef.h>
#include <cjson/cJSON.h>

#include "harness/base/error.h"
#include "harness/record/verdict.h"

struct rejudged {
    size_t judged, without_journal;
    size_t differ; /* those of them that result.json tells otherwise */
};

/* Judges the journal of every case of a result that result_read() took, one after the other. `each` (may be
 * NULL) gets the journal's path, its verdict, and in `told` what result.json says where that differs, else
 * NULL. -1: a journal is there and cannot be read. Blocks for some milliseconds a case. */
int rejudge(const cJSON *result, const char *folder, struct rejudged *sum,
            void (*each)(void *arg, const char *journal, const struct verdict *verdict, const char *told),
            void *arg, struct error *error);

#endif
