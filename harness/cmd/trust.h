/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A result is worth what its journals bear out. */
#ifndef OTARIG_CMD_TRUST_H
#define OTARIG_CMD_TRUST_H

#include <cjson/cJSON.h>

/* Judges the journals of a run again; what they do not bear out becomes inconclusive in `result`, and is told
 * on standard error. 0: they bear out all of it, 2: result.json says otherwise, 4: journals are gone. */
int trust_result(cJSON *result, const char *folder);

#endif
