/* SPDX-License-Identifier: GPL-2.0-or-later */
/* result.json: what a run found. Written anew, atomically, as cases end, so that it is whole whenever one
 * looks. */
#ifndef OTARIG_REPORTS_RESULT_H
#define OTARIG_REPORTS_RESULT_H

#include <stddef.h>
#include <stdint.h>
#include <cjson/cJSON.h>

#include "harness/base/error.h"
#include "harness/record/verdict.h"

#define RESULT_SCHEMA_VERSION 1

cJSON *result_new(const char *run_id, const char *command, uint64_t seed);
/* How many cases were asked for, so that a run that ended early does not look whole. */
void result_plan(cJSON *result, size_t cases);
/* A case that the board or the place could not be asked for; `reasons`: NULL-terminated. No verdict. */
void result_skip(cJSON *result, const char *id, const char *scenario_file, char *const *reasons);
/* Those of them that have no verdict (0 in results of older runs, which do not say). */
size_t result_missing(const cJSON *result);
/* `case_fields`: of EVENT_CASE (borrowed). `folder`: relative to the run's. `evidence`: NULL-terminated file
 * names. A case with the same id is replaced. Returns the case, which stays the result's. */
cJSON *result_add_case(cJSON *result, const cJSON *case_fields, const struct verdict *verdict,
                       const char *folder, const char *const *evidence, int64_t duration_ms);
/* A case that nothing bears out becomes inconclusive, with that reason and without what was judged.
 * result_count() then, once for all of them. */
void result_distrust(cJSON *one, const char *reason);
void result_count(cJSON *result); /* $.summary anew */
int result_write(const cJSON *result, const char *path, struct error *error);
cJSON *result_read(const char *path, struct error *error);
/* 3 a rig error, 1 a failure, 4 inconclusive or no case at all, 0 all pass. */
int result_exit_code(const cJSON *result);

#endif
