/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every report says of a case, in the words that it needs to be followed up. */
#ifndef OTARIG_REPORTS_CASE_H
#define OTARIG_REPORTS_CASE_H

#include <stdbool.h>
#include <cjson/cJSON.h>

/* "otarig repro FOLDER", with an absolute path in the quotes that a shell needs: it works from any folder.
 * The caller frees. */
char *case_repro(const char *run_folder, const cJSON *one);
/* Lines for people: the reason, each broken clause, where the evidence lies, and how to see it again. The
 * caller frees. */
char *case_text(const char *run_folder, const cJSON *one);
/* A path as CI systems want it, from the folder of the project (CI_PROJECT_DIR, else the working folder) when
 * it lies in there. The caller frees. */
char *case_in_project(const char *path);
/* The file that shows most of a case that did not pass, as a path like run_folder; NULL: there is none. The
 * caller frees. */
char *case_attachment(const char *run_folder, const cJSON *one);

#endif
