/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Folders of JSON files: boards, and scenarios by family. */
#ifndef OTARIG_CMD_FOLDER_H
#define OTARIG_CMD_FOLDER_H

#include <cjson/cJSON.h>

/* Appends the paths of the JSON files of a folder, by name (schemas left out). How many there are; `list` may
 * be NULL. */
int folder_json_files(cJSON *list, const char *folder);
/* The folders in a folder that hold scenarios, by name: paths. The caller deletes the list. */
cJSON *folder_scenarios_in(const char *path);
/* All files of all folders of the scenarios that come with otarig. The caller deletes the list. */
cJSON *folder_scenarios_shipped(void);

#endif
