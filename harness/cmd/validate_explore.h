/* SPDX-License-Identifier: GPL-2.0-or-later */
/* otarig validate: the files of explorations. Both print a line about a file that is right, and give -1 with
 * ERROR_INPUT for one that is not. */
#ifndef OTARIG_CMD_VALIDATE_EXPLORE_H
#define OTARIG_CMD_VALIDATE_EXPLORE_H

#include "harness/base/json.h"

/* A scenario, which means something only on a board (a file; NULL is refused). */
int validate_explore_scenario(const char *path, const char *board, const char *firmware, struct json root,
                              struct error *error);
/* explore.json */
int validate_explore_result(const char *path, struct json root, struct error *error);

#endif
